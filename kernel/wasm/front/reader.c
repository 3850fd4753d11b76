// SPDX-License-Identifier: MIT
//
// The slow paths of the reader, and the wording of errors. The inline functions in reader.h handle
// integers of one byte.
//
// The reader never moves beyond `end`, and fails only once: after the first error `status` keeps
// it, and later errors are ignored.
#include "kernel/wasm/front/reader.h"

#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/wasm/front/newer.h"

static void complain(struct wasm_error *e, const char *section, uint32_t offset, const char *fmt,
                     va_list args)
{
    bool is_section = section != NULL;
    e->offset = offset;
    (void)str_copy(e->section, sizeof e->section, is_section ? section : "module");
    size_t n = fmt_print(e->text, sizeof e->text, "%s%s, offset 0x%x: ", e->section,
                         is_section ? " section" : "", offset);
    if (n < sizeof e->text) {
        (void)fmt_vprint(e->text + n, sizeof e->text - n, fmt, args);
    }
}

enum status wasm_complain(struct wasm_error *e, enum status s, const char *section, uint32_t offset,
                          const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    complain(e, section, offset, fmt, args);
    va_end(args);
    return s;
}

bool wasm_fail(struct wasm_reader *r, const uint8_t *where, enum status s, const char *fmt, ...)
{
    if (r->status != OK) {
        return false;
    }
    r->status = s;
    va_list args;
    va_start(args, fmt);
    complain(r->err, r->section, (uint32_t)(where - r->start), fmt, args);
    va_end(args);
    return false;
}

/* Tell the module's limit (its own fault, E_OVERFLOW) from a lack
 * of memory in the system (E_NOMEM). An allocation is rounded up,
 * so less than 64 bytes of rest counts as the limit, too. */
bool wasm_fail_memory(struct wasm_reader *r, const struct arena *a, size_t bytes)
{
    bool limit = bytes > a->limit - a->used || a->limit - a->used - bytes < 64;
    return wasm_fail(r, r->at, limit ? E_OVERFLOW : E_NOMEM,
                     limit ? "more than the %zu bytes of memory that it may take"
                           : "no memory left, with %zu bytes taken",
                     limit ? a->limit : a->used);
}

bool wasm_end_early(struct wasm_reader *r)
{
    return wasm_fail(r, r->end, E_CORRUPT, "unexpected end");
}

/* Read the bits of an integer of `bits` bits, without extension. The last possible byte has unused
 * bits: they must repeat the sign, or be 0 for an unsigned number. */
static bool read_leb(struct wasm_reader *r, unsigned bits, bool is_signed, uint64_t *out,
                     unsigned *width)
{
    const uint8_t *start = r->at;
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        if (r->at >= r->end) {
            return wasm_end_early(r);
        }
        uint8_t byte = *r->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (shift + 7 >= bits) {
            if ((byte & 0x80) != 0) {
                return wasm_fail(r, start, E_CORRUPT, "integer representation too long");
            }
            unsigned used = bits - shift;
            uint8_t rest = (uint8_t)(byte >> (is_signed ? used - 1 : used));
            uint8_t ones = (uint8_t)(0x7f >> (is_signed ? used - 1 : used));
            if (rest != 0 && !(is_signed && rest == ones)) {
                return wasm_fail(r, start, E_CORRUPT, "integer too large for %u bits", bits);
            }
        }
        if ((byte & 0x80) == 0) {
            *out = value;
            *width = shift + 7;
            return true;
        }
    }
}

/* `width` is the number of bits that were read. The topmost of them is the sign. */
static bool read_signed(struct wasm_reader *r, unsigned bits, int64_t *out)
{
    uint64_t value = 0;
    unsigned width = 0;
    if (!read_leb(r, bits, true, &value, &width)) {
        return false;
    }
    *out = width >= 64 ? (int64_t)value : (int64_t)(value << (64 - width)) >> (64 - width);
    return true;
}

/* The most frequent case among integers of more than one byte. */
static bool is_of_two(const struct wasm_reader *r)
{
    return r->end - r->at >= 2 && r->at[0] >= 0x80 && r->at[1] < 0x80;
}

bool wasm_u32_long(struct wasm_reader *r, uint32_t *out)
{
    if (is_of_two(r)) {
        *out = (uint32_t)(r->at[0] & 0x7f) | (uint32_t)r->at[1] << 7;
        r->at += 2;
        return true;
    }
    uint64_t value;
    unsigned width;
    if (!read_leb(r, 32, false, &value, &width)) {
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

bool wasm_u64(struct wasm_reader *r, uint64_t *out)
{
    unsigned width;
    return read_leb(r, 64, false, out, &width);
}

bool wasm_i32_long(struct wasm_reader *r, int32_t *out)
{
    if (is_of_two(r)) {
        uint32_t bits = (uint32_t)(r->at[0] & 0x7f) | (uint32_t)r->at[1] << 7;
        *out = (int32_t)(bits << 18) >> 18;
        r->at += 2;
        return true;
    }
    int64_t value;
    if (!read_signed(r, 32, &value)) {
        return false;
    }
    *out = (int32_t)value;
    return true;
}

bool wasm_i64(struct wasm_reader *r, int64_t *out)
{
    return read_signed(r, 64, out);
}

bool wasm_i33(struct wasm_reader *r, int64_t *out)
{
    return read_signed(r, 33, out);
}

/* A little-endian number of n bytes, at most 8. Byte
 * by byte, so that it may be anywhere in the file. */
bool wasm_fixed(struct wasm_reader *r, unsigned n, uint64_t *out)
{
    if ((size_t)(r->end - r->at) < n) {
        return wasm_end_early(r);
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < n; i++) {
        value |= (uint64_t)r->at[i] << (8 * i);
    }
    r->at += n;
    *out = value;
    return true;
}

/* Read a count of elements of at least `least` bytes each. */
static bool count_of(struct wasm_reader *r, const char *what, uint32_t least, uint32_t *out)
{
    const uint8_t *where = r->at;
    uint32_t count;
    if (!wasm_u32(r, &count)) {
        return false;
    }
    if ((uint64_t)count * least > (uint64_t)(r->end - r->at)) {
        return wasm_fail(r, where, E_CORRUPT, "%u %s cannot be in %zu bytes", count, what,
                         (size_t)(r->end - r->at));
    }
    *out = count;
    return true;
}

bool wasm_count_long(struct wasm_reader *r, uint32_t least, uint32_t *out)
{
    return count_of(r, "entries", least, out);
}

bool wasm_length(struct wasm_reader *r, uint32_t *out)
{
    return count_of(r, "bytes", 1, out);
}

bool wasm_counted_bytes(struct wasm_reader *r, struct wasm_bytes *out)
{
    uint32_t len;
    if (!wasm_length(r, &len)) {
        return false;
    }
    *out = (struct wasm_bytes){.bytes = r->at, .len = len};
    r->at += len;
    return true;
}

/* Length in bytes of the sequence that starts at p, or 0 if it is not UTF-8 (too long, a surrogate,
 * above 0x10ffff). */
static unsigned utf8_length(const uint8_t *p, size_t left)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned n = p[0] < 0x80             ? 1
                 : (p[0] & 0xe0) == 0xc0 ? 2
                 : (p[0] & 0xf0) == 0xe0 ? 3
                 : (p[0] & 0xf8) == 0xf0 ? 4
                                         : 0;
    if (n <= 1 || n > left) {
        return n == 1 ? 1 : 0;
    }
    uint32_t code = p[0] & (0x7fu >> n);
    for (unsigned i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (p[i] & 0x3f);
    }
    bool surrogate = code >= 0xd800 && code < 0xe000;
    return code < least[n] || code > 0x10ffff || surrogate ? 0 : n;
}

/* All names in a module must be valid UTF-8, so later code need not check. */
bool wasm_name(struct wasm_reader *r, struct wasm_bytes *out)
{
    struct wasm_bytes name;
    if (!wasm_counted_bytes(r, &name)) {
        return false;
    }
    for (uint32_t n = 0; n < name.len;) {
        unsigned len = utf8_length(name.bytes + n, name.len - n);
        if (len == 0) {
            return wasm_fail(r, name.bytes + n, E_CORRUPT, "malformed UTF-8 encoding");
        }
        n += len;
    }
    *out = name;
    return true;
}

static bool names_heap_type(uint8_t byte)
{
    return byte == WASM_FUNCREF || byte == WASM_EXTERNREF || byte == WASM_EXNREF ||
           byte == WASM_NULLEXNREF;
}

bool wasm_is_value_type(uint8_t byte)
{
    return (byte >= WASM_V128 && byte <= WASM_I32) || names_heap_type(byte);
}

bool wasm_fail_type(struct wasm_reader *r, const uint8_t *where, const char *wanted)
{
    return !wasm_fail_newer(r, where, WASM_PLACE_TYPE, *where) &&
           wasm_fail(r, where, E_CORRUPT, "0x%02x is no %s type", *where, wanted);
}

/* An index, or a byte that names all functions, external references or exceptions. */
bool wasm_heap_type(struct wasm_reader *r, uint32_t *out)
{
    const uint8_t *where = r->at;
    int64_t index;
    if (r->at < r->end && names_heap_type(*r->at)) {
        *out = *r->at++;
        return true;
    }
    if (!wasm_i33(r, &index)) {
        return false;
    }
    if (index < 0) {
        return wasm_fail_type(r, where, "heap");
    }
    if (index >= r->type_count) {
        return wasm_fail(r, where, E_CORRUPT, "unknown type %lld", (long long)index);
    }
    *out = WASM_REFERENCE_TO(index);
    return true;
}

static bool read_type(struct wasm_reader *r, const char *wanted, uint32_t *out)
{
    uint8_t byte;
    if (!wasm_byte(r, &byte)) {
        return false;
    }
    if (wasm_begins_reference(byte)) {
        bool good = wasm_heap_type(r, out);
        *out |= byte == 0x64 ? WASM_NOT_NULL : 0;
        return good;
    }
    if (!wasm_is_value_type(byte)) {
        return wasm_fail_type(r, r->at - 1, wanted);
    }
    *out = byte;
    return true;
}

bool wasm_value_type(struct wasm_reader *r, uint32_t *out)
{
    *out = 0;
    return read_type(r, "value", out);
}

bool wasm_reference_type(struct wasm_reader *r, uint32_t *out)
{
    const uint8_t *where = r->at;
    *out = 0;
    return read_type(r, "reference", out) &&
           (wasm_is_reference(*out) || wasm_fail_type(r, where, "reference"));
}

static const char *reference_name(uint32_t type)
{
    bool may_be_null = (type & WASM_NOT_NULL) == 0;
    if (WASM_HAS_INDEX(type)) {
        return may_be_null ? "(ref null TYPE)" : "(ref TYPE)";
    }
    if ((uint8_t)type == WASM_FUNCREF) {
        return may_be_null ? "funcref" : "(ref func)";
    }
    if ((uint8_t)type == WASM_EXNREF) {
        return may_be_null ? "exnref" : "(ref exn)";
    }
    if ((uint8_t)type == WASM_NULLEXNREF) {
        return may_be_null ? "nullexnref" : "(ref noexn)";
    }
    return may_be_null ? "externref" : "(ref extern)";
}

const char *wasm_type_name(uint32_t type)
{
    switch ((uint8_t)type) {
    case WASM_I32:
        return "i32";
    case WASM_I64:
        return "i64";
    case WASM_F32:
        return "f32";
    case WASM_F64:
        return "f64";
    case WASM_V128:
        return "v128";
    case WASM_FUNCREF:
    case WASM_EXTERNREF:
    case WASM_EXNREF:
    case WASM_NULLEXNREF:
        return reference_name(type);
    case WASM_SOME_REFERENCE:
        return "a reference";
    default:
        return "any type";
    }
}
