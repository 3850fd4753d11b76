// SPDX-License-Identifier: MIT
//
// What later versions and proposals define: bytes only, nothing is read.
#include "kernel/wasm/front/newer.h"

#include "kernel/lib/compiler.h"
#include "kernel/wasm/front/operators.h"

const char wasm_newer_tag[] = "exceptions are not supported";

static const char gc[] = "garbage-collected types are not supported";
static const char references[] = "typed references are not supported";
static const char tail[] = "tail calls are not supported";
static const char threads[] = "atomic operations (threads) are not supported";

const char *wasm_newer_type(uint8_t byte)
{
    switch (byte) {
    case 0x69: /* exn */
    case 0x74: /* noexn */
        return wasm_newer_tag;
    case 0x63: /* ref null */
    case 0x64: /* ref */
        return references;
    case 0x4e: /* rec */
    case 0x4f: /* sub final */
    case 0x50: /* sub */
    case 0x5e: /* array */
    case 0x5f: /* struct */
    case 0x6a: /* array, struct, i31, eq, any */
    case 0x6b:
    case 0x6c:
    case 0x6d:
    case 0x6e:
    case 0x71: /* none, noextern, nofunc */
    case 0x72:
    case 0x73:
        return gc;
    default:
        return NULL;
    }
}

const char *wasm_newer_operator(uint8_t byte)
{
    switch (byte) {
    case 0x06: /* try, catch, throw, rethrow, throw_ref, delegate, catch_all, try_table */
    case 0x07:
    case 0x08:
    case 0x09:
    case 0x0a:
    case 0x18:
    case 0x19:
    case 0x1f:
        return wasm_newer_tag;
    case 0x12: /* return_call, return_call_indirect, return_call_ref */
    case 0x13:
    case 0x15:
        return tail;
    case 0x14: /* call_ref, ref.as_non_null, br_on_null, br_on_non_null */
    case 0xd4:
    case 0xd5:
    case 0xd6:
        return references;
    case 0xd3: /* ref.eq, and a prefix */
    case 0xfb:
        return gc;
    case 0xfe:
        return threads;
    default:
        return NULL;
    }
}

const char *wasm_newer_prefixed(uint8_t prefix, uint32_t number)
{
    if (prefix == WASM_PREFIX_VECTOR) {
        return number >= 0x100 && number <= 0x113 ? "relaxed SIMD is not supported" : NULL;
    }
    return number >= 19 && number <= 22 ? "128-bit arithmetic is not supported" : NULL;
}

#define LIMITS_SHARED    2u
#define LIMITS_64        4u
#define LIMITS_PAGE_SIZE 8u
#define LIMITS_KNOWN     15u

const char *wasm_newer_limits(uint8_t flags)
{
    if (flags > LIMITS_KNOWN) {
        return NULL;
    }
    return (flags & LIMITS_64) != 0          ? "64-bit memory is not supported"
           : (flags & LIMITS_SHARED) != 0    ? "shared memory (threads) is not supported"
           : (flags & LIMITS_PAGE_SIZE) != 0 ? "custom page sizes are not supported"
                                             : NULL;
}
