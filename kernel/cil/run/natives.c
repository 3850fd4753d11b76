// SPDX-License-Identifier: MIT
#include "kernel/cil/run/natives.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

#define CHUNK_BYTES  256u  /* of UTF-8 on the stack */
#define READ_BYTES   1024u /* at once, on the stack */
#define ENCODED_MAX  4u    /* bytes of a character in UTF-8 */
#define STREAM_COUNT 3u

static struct cil_system *system_of(const struct cil_runtime *r)
{
    return r->owner;
}

/* The result of a call, for C#: not if the program was ended meanwhile. */
static uint64_t result_of(struct cil_runtime *r, int32_t result)
{
    if (result == CIL_SYSTEM_ENDED) {
        cil_end(r, CIL_GOES_ON);
    }
    return (uint32_t)result;
}

/* ---- Text ---- */

/* The character at *at, which moves past it. Half a pair of surrogates is no character. */
static uint32_t next_character(const struct cil_text *t, uint32_t *at)
{
    const uint8_t *from = t->at;
    uint32_t unit = load_le16(from + (size_t)2 * (*at)++);
    if (unit < 0xd800 || unit > 0xdfff) {
        return unit;
    }
    uint32_t low = *at < t->length ? load_le16(from + (size_t)2 * *at) : 0;
    if (unit > 0xdbff || low < 0xdc00 || low > 0xdfff) {
        return 0xfffd;
    }
    ++*at;
    return 0x10000 + ((unit & 0x3ff) << 10) + (low & 0x3ff);
}

static size_t encode(uint32_t c, char out[ENCODED_MAX])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    unsigned more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    out[0] = (char)(0xf0u << (3 - more) | c >> (6 * more));
    for (unsigned n = 1; n <= more; n++) {
        out[n] = (char)(0x80 | (c >> (6 * (more - n)) & 0x3f));
    }
    return more + 1;
}

static int32_t write_bytes(struct cil_runtime *r, uint32_t stream, const char *bytes, size_t len)
{
    cil_away(r);
    int32_t result = system_of(r)->write(system_of(r), stream, bytes, len);
    cil_back(r);
    return result;
}

/* While the stream blocks, other threads may collect: then the string may move. */
static uint64_t write_text(struct cil_runtime *r, uint64_t stream, uint64_t string, uint64_t c,
                           uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    char bytes[CHUNK_BYTES];
    size_t len = 0;
    struct cil_text text = cil_string(r, string);
    const uint32_t *held = cil_hold(r, (uint32_t)string);
    int32_t result = 0;
    for (uint32_t at = 0; result == 0 && at < text.length;) {
        len += encode(next_character(&text, &at), bytes + len);
        if (at == text.length || len > sizeof bytes - ENCODED_MAX) {
            result = write_bytes(r, (uint32_t)stream, bytes, len);
            len = 0;
            text = cil_string(r, *held);
        }
    }
    (void)cil_drop(r);
    return result_of(r, result);
}

/* @return where the bytes of an array are now. Ends the program if it has not as many. */
static uint8_t *check_part(struct cil_runtime *r, uint64_t array, uint64_t at, uint64_t count)
{
    struct cil_text bytes = cil_array(r, array, 1);
    at = (uint32_t)at;
    count = (uint32_t)count;
    if (at > bytes.length || count > bytes.length - at) {
        cil_end(r, CIL_BAD_ACCESS);
    }
    return (uint8_t *)bytes.at + at;
}

/* Into memory of C, because other threads may collect meanwhile: then the array may move. */
static uint64_t read_bytes(struct cil_runtime *r, uint64_t stream, uint64_t array, uint64_t at,
                           uint64_t count, uint64_t e)
{
    (void)stream, (void)e;
    uint8_t read[READ_BYTES];
    (void)check_part(r, array, at, count);
    (void)cil_hold(r, (uint32_t)array);
    cil_away(r);
    int32_t result = system_of(r)->read(system_of(r), read, MIN((uint32_t)count, sizeof read));
    cil_back(r);
    array = cil_drop(r);
    if (result > 0) {
        memcpy(check_part(r, array, at, (uint32_t)result), read, (size_t)result);
    }
    return result_of(r, result);
}

/* ---- The environment ---- */

static uint64_t nanoseconds(struct cil_runtime *r, uint64_t is_monotonic, uint64_t b, uint64_t c,
                            uint64_t d, uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    return (uint64_t)system_of(r)->clock_ns(system_of(r), (uint32_t)is_monotonic != 0);
}

static uint64_t processors(struct cil_runtime *r, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                           uint64_t e)
{
    (void)a, (void)b, (void)c, (void)d, (void)e;
    return system_of(r)->processors();
}

/* ---- Objects ---- */

/* Numbers in the order in which programs request them: an object may move. */
uint32_t cil_object_hash(struct cil_runtime *r, uint32_t object)
{
    if (object == 0) {
        return 0;
    }
    uint8_t *at = cil_memory(r, object + (uint64_t)CIL_HASH_AT, 4);
    if (load_le32(at) == 0) {
        uint32_t number = __atomic_add_fetch(&system_of(r)->last_hash, 1, __ATOMIC_RELAXED);
        uint32_t none = 0; /* another thread may be faster */
        (void)__atomic_compare_exchange_n((uint32_t *)(void *)at, &none, number * 2654435761u | 1,
                                          false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    }
    return load_le32(at);
}

static uint64_t hash_of(struct cil_runtime *r, uint64_t object, uint64_t b, uint64_t c, uint64_t d,
                        uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    return cil_object_hash(r, (uint32_t)object);
}

/* ---- The table ---- */

#define CIL_NATIVE(name, signature, function) {name, signature, function},
const struct cil_native cil_natives[CIL_NATIVE_COUNT] = {
#include "kernel/cil/run/natives.def"
};
#undef CIL_NATIVE
