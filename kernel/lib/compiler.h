// SPDX-License-Identifier: MIT
//
// Compiler extensions under names of our own, so that another compiler needs only this file.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define STATIC_ASSERT(cond, why) _Static_assert(cond, why)

#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NOINLINE      __attribute__((noinline))
#define NORETURN      __attribute__((noreturn))
#define PACKED        __attribute__((packed))
#define ALIGNED(n)    __attribute__((aligned(n)))
#define USED          __attribute__((used))
#define UNUSED        __attribute__((unused))
/* The function's accesses may be unaligned, which both machines support; sanitizers must not
 * report them. */
#define NO_ALIGNMENT_CHECK __attribute__((no_sanitize("alignment")))
/** Of a function that reads memory of which a sanitizer forbids some, such as whole stacks. */
#define NO_ADDRESS_CHECK  __attribute__((no_sanitize_address))
#define MAY_ALIAS         __attribute__((may_alias))
#define SECTION(name)     __attribute__((section(name)))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* A function called rarely from a hot path: it saves nearly every register that it uses, so that
 * the path can keep its values in caller-saved registers. Part of the function's type: repeat it on
 * every declaration. */
#if defined(__clang__)
#define COLD_CALL __attribute__((noinline, preserve_most))
#else
#define COLD_CALL __attribute__((noinline))
#endif

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

/** The object whose member `field` is at `ptr`. */
#define CONTAINER_OF(ptr, type, field) ((type *)(void *)((char *)(ptr)-offsetof(type, field)))

/** `a` and `align` have the same unsigned type; `align`
 * is a power of two; the result must not wrap. */
#define ALIGN_UP(a, align)   (((a) + ((align)-1)) & ~((align)-1))
#define ALIGN_DOWN(a, align) ((a) & ~((align)-1))
#define IS_ALIGNED(a, align) (((a) & ((align)-1)) == 0)

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/** Copy `n` bytes, a small constant, by loads and stores instead of a call. Any alignment. */
#define COPY_SMALL(dst, src, n) ((void)__builtin_memcpy(dst, src, n))

/** True if the result does not fit; `out` then has the wrapped value. For numbers from outside. */
#define ADD_OVERFLOWS(a, b, out) __builtin_add_overflow(a, b, out)
#define MUL_OVERFLOWS(a, b, out) __builtin_mul_overflow(a, b, out)
#define SUB_OVERFLOWS(a, b, out) __builtin_sub_overflow(a, b, out)

/* clang's thread-safety analysis; gcc has none. See "Locking" in CONTRIBUTING.md. */
#if defined(__clang__)
#define LOCKABLE          __attribute__((capability("mutex")))
#define ACQUIRES(...)     __attribute__((acquire_capability(__VA_ARGS__)))
#define TRY_ACQUIRES(...) __attribute__((try_acquire_capability(__VA_ARGS__)))
#define RELEASES(...)     __attribute__((release_capability(__VA_ARGS__)))
#define REQUIRES(...)     __attribute__((requires_capability(__VA_ARGS__)))
/* The same for a lock that several threads may hold. */
#define ACQUIRES_SHARED(...)     __attribute__((acquire_shared_capability(__VA_ARGS__)))
#define TRY_ACQUIRES_SHARED(...) __attribute__((try_acquire_shared_capability(__VA_ARGS__)))
#define RELEASES_SHARED(...)     __attribute__((release_shared_capability(__VA_ARGS__)))
#define REQUIRES_SHARED(...)     __attribute__((requires_shared_capability(__VA_ARGS__)))
#define NO_LOCK_ANALYSIS         __attribute__((no_thread_safety_analysis))
#else
#define LOCKABLE
#define ACQUIRES(...)
#define TRY_ACQUIRES(...)
#define RELEASES(...)
#define REQUIRES(...)
#define ACQUIRES_SHARED(...)
#define TRY_ACQUIRES_SHARED(...)
#define RELEASES_SHARED(...)
#define REQUIRES_SHARED(...)
#define NO_LOCK_ANALYSIS
#endif
