// SPDX-License-Identifier: MIT
//
// Native methods of value types in general: equality and hash codes of structs without their own,
// and the names of enumerations. `this` is a box.
#include "kernel/cil/run/natives.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

#define FNV_START 2166136261u
#define FNV_PRIME 16777619u

/* The description of the object's type. Ends the program if there is no object. Sizes and offsets
 * come from the heap's own descriptions (make_types() in heap.c), which the program cannot write.
 * Only the address is the program's: an object that is no box, which unverifiable code can pass,
 * gives offsets that mean something else, but each access goes through cil_memory() and stays in
 * the window. */
static const struct cil_gc_type *type_of(struct cil_runtime *r, uint64_t object)
{
    const struct cil_gc_type *t;
    (void)cil_memory(r, object, CIL_HEADER_BYTES);
    (void)cil_heap_size(r, (uint32_t)object, (uint32_t)cil_window_end(r, (uint32_t)object), &t);
    return t;
}

/* The bytes of a value from an offset on that are no reference. @return their end; *at: their
 * start. */
static uint32_t next_bytes(const struct cil_gc_type *t, uint32_t *n, uint32_t *at)
{
    if (*n != 0) {
        *at = CIL_HEADER_BYTES + t->refs[*n - 1] + CIL_POINTER_BYTES;
    }
    uint32_t end = *n < t->ref_count ? CIL_HEADER_BYTES + t->refs[*n] : t->bytes;
    (*n)++;
    return MAX(end, *at); /* references may overlap each other */
}

/* Equal besides their references, which the core library compares. */
uint64_t cil_value_is_equal(struct cil_runtime *r, uint64_t x, uint64_t y, uint64_t c, uint64_t d,
                            uint64_t e)
{
    (void)c, (void)d, (void)e;
    const struct cil_gc_type *t = type_of(r, x);
    bool is_equal = t == type_of(r, y);
    for (uint32_t n = 0, at = CIL_HEADER_BYTES; is_equal && n <= t->ref_count;) {
        uint32_t end = next_bytes(t, &n, &at);
        is_equal = memcmp(cil_memory(r, (uint32_t)x + (uint64_t)at, end - at),
                          cil_memory(r, (uint32_t)y + (uint64_t)at, end - at), end - at) == 0;
    }
    return is_equal;
}

uint64_t cil_value_hash(struct cil_runtime *r, uint64_t x, uint64_t b, uint64_t c, uint64_t d,
                        uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    const struct cil_gc_type *t = type_of(r, x);
    uint32_t hash = FNV_START;
    for (uint32_t n = 0, at = CIL_HEADER_BYTES; n <= t->ref_count;) {
        uint32_t end = next_bytes(t, &n, &at);
        const uint8_t *bytes = cil_memory(r, (uint32_t)x + (uint64_t)at, end - at);
        for (uint32_t k = 0; k < end - at; k++) {
            hash = (hash ^ bytes[k]) * FNV_PRIME;
        }
    }
    return hash;
}

uint64_t cil_value_references(struct cil_runtime *r, uint64_t x, uint64_t b, uint64_t c, uint64_t d,
                              uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    return type_of(r, x)->ref_count;
}

uint64_t cil_value_reference(struct cil_runtime *r, uint64_t x, uint64_t number, uint64_t c,
                             uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    const struct cil_gc_type *t = type_of(r, x);
    uint32_t n = (uint32_t)number;
    if (n >= t->ref_count) {
        cil_end(r, CIL_BAD_ACCESS);
    }
    return load_le32(cil_memory(r, (uint32_t)x + (uint64_t)CIL_HEADER_BYTES + t->refs[n], 4));
}

/* ---- Enumerations ---- */

static uint64_t number_from(const uint8_t *at, unsigned kind)
{
    switch (kind) {
    case CIL_I1:
        return (uint64_t)(int64_t)(int8_t)at[0];
    case CIL_U1:
    case CIL_BOOLEAN:
        return at[0];
    case CIL_I2:
        return (uint64_t)(int64_t)(int16_t)load_le16(at);
    case CIL_U2:
    case CIL_CHAR:
        return load_le16(at);
    case CIL_I4:
        return (uint64_t)(int64_t)(int32_t)load_le32(at);
    case CIL_U4:
        return load_le32(at);
    default:
        return load_le64(at);
    }
}

/* Ends the program if it is no enumeration. */
static struct cil_type *enum_of(struct cil_runtime *r, uint64_t object)
{
    struct cil_type *t = cil_unit_type_at(r->unit, load_le32(cil_memory(r, object, 4)));
    if (t == NULL || t->c == NULL || !t->c->is_enum) {
        cil_end(r, CIL_BAD_ACCESS);
    }
    return t;
}

/* The layout of a box exists, so its fields have been decoded: nothing is allocated here. */
uint64_t cil_enum_number(struct cil_runtime *r, uint64_t object, uint64_t b, uint64_t c, uint64_t d,
                         uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    unsigned kind = cil_underlying(r->unit->d, enum_of(r, object))->kind;
    return number_from(cil_memory(r, (uint32_t)object + (uint64_t)CIL_HEADER_BYTES, 8), kind);
}

/* The value of a field that is a constant (II.22.9). @return false: it is none. */
static bool constant_of(const struct cil_field *f, uint64_t *out)
{
    if ((f->flags & CIL_FIELD_LITERAL) == 0) {
        return false;
    }
    const struct cil_image *m = &f->owner->assembly->image;
    uint32_t key = cil_coded(CIL_CONSTANT, CIL_CONSTANT_PARENT, CIL_TOKEN(CIL_FIELD, f->row));
    struct cil_run run = cil_find_rows(m, CIL_CONSTANT, CIL_CONSTANT_PARENT, key);
    uint8_t bytes[8] = {0};
    if (run.first >= run.end) {
        return false;
    }
    struct cil_bytes value = cil_cell_blob(m, CIL_CONSTANT, run.first, CIL_CONSTANT_VALUE);
    if (value.len != 0) {
        memcpy(bytes, value.at, MIN(value.len, 8u));
    }
    *out = number_from(bytes, cil_cell(m, CIL_CONSTANT, run.first, CIL_CONSTANT_TYPE) & 0xff);
    return true;
}

/* The first name of a value, or null. */
uint64_t cil_enum_name(struct cil_runtime *r, uint64_t object, uint64_t number, uint64_t c,
                       uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    const struct cil_class *k = enum_of(r, object)->c;
    for (uint32_t n = 0; n < k->field_count; n++) {
        uint64_t value;
        cil_poll(r, 1);
        if (constant_of(&k->fields[n], &value) && value == number) {
            return cil_string_from(r, k->fields[n].name, strlen(k->fields[n].name));
        }
    }
    return 0;
}

uint64_t cil_enum_largest(struct cil_runtime *r, uint64_t object, uint64_t bits, uint64_t c,
                          uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    const struct cil_class *k = enum_of(r, object)->c;
    uint64_t largest = 0, value;
    for (uint32_t n = 0; n < k->field_count; n++) {
        cil_poll(r, 1);
        if (constant_of(&k->fields[n], &value) && (value & ~bits) == 0) {
            largest = MAX(largest, value);
        }
    }
    return largest;
}

uint64_t cil_enum_code(struct cil_runtime *r, uint64_t object, uint64_t b, uint64_t c, uint64_t d,
                       uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    return cil_type_code(r, enum_of(r, object));
}

uint64_t cil_enum_has_flags(struct cil_runtime *r, uint64_t object, uint64_t b, uint64_t c,
                            uint64_t d, uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    const struct cil_class *k = enum_of(r, object)->c;
    uint32_t row = 0;
    return cil_next_attribute(k->assembly, CIL_TOKEN(CIL_TYPE_DEF, k->row), "System",
                              "FlagsAttribute", &row);
}

/* ---- Enumerations by their System.RuntimeType ---- */

/* An enumeration that a program has as an object has a description, too (handle() in
 * build_object.c), so its fields have been decoded. Ends the program if it has none. */
static const struct cil_unit_type *made_enum(struct cil_runtime *r, uint64_t type)
{
    const struct cil_unit_type *k = cil_type_by_object(r, type);
    if (k->at == 0 || k->type->c == NULL || !k->type->c->is_enum) {
        cil_end(r, CIL_BAD_ACCESS);
    }
    return k;
}

/* The constant with a number among those of the type, in the order of the file.
 * @return NULL: there are not as many. */
static const struct cil_field *constant_at(struct cil_runtime *r, uint64_t type, uint64_t number,
                                           uint64_t *value)
{
    const struct cil_class *k = made_enum(r, type)->type->c;
    uint32_t left = (uint32_t)number;
    for (uint32_t n = 0; n < k->field_count; n++) {
        cil_poll(r, 1);
        if (constant_of(&k->fields[n], value) && left-- == 0) {
            return &k->fields[n];
        }
    }
    return NULL;
}

uint64_t cil_enum_constant_name(struct cil_runtime *r, uint64_t type, uint64_t number, uint64_t c,
                                uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    uint64_t value;
    const struct cil_field *f = constant_at(r, type, number, &value);
    return f == NULL ? 0 : cil_string_from(r, f->name, strlen(f->name));
}

uint64_t cil_enum_constant_value(struct cil_runtime *r, uint64_t type, uint64_t number, uint64_t c,
                                 uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    uint64_t value;
    return constant_at(r, type, number, &value) == NULL ? 0 : value;
}

/* A box with the lower bytes of a number. */
uint64_t cil_enum_make(struct cil_runtime *r, uint64_t type, uint64_t number, uint64_t c,
                       uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    uint8_t bytes[8];
    const struct cil_unit_type *k = made_enum(r, type);
    const struct cil_layout *l = cil_type_layout(r->unit->d, k->type);
    uint32_t size = l == NULL ? 0 : MIN(l->size, 8u);
    uint32_t box = cil_new(r, k->at, CIL_HEADER_BYTES + (uint64_t)size);
    store_le64(bytes, number);
    memcpy(cil_memory(r, (uint64_t)box + CIL_HEADER_BYTES, size), bytes, size);
    return box;
}
