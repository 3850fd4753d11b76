// SPDX-License-Identifier: MIT
//
// Element and data segments, and the positions of function bodies. Bodies are only located; they
// are checked when they are built.
#include "kernel/wasm/front/decode_internal.h"

#include "kernel/wasm/front/constant.h"

/* ---- Elements ---- */

/* Bits of the number that starts an element segment. */
enum {
    SEGMENT_NOT_ACTIVE = 1,
    SEGMENT_EXPLICIT = 2, /* active: names its table; otherwise: only declares functions */
    SEGMENT_EXPRESSIONS = 4,
};

static bool read_place(struct wasm_decoder *d, uint32_t flags, struct wasm_element_segment *out)
{
    if ((flags & SEGMENT_NOT_ACTIVE) != 0) {
        out->mode = (flags & SEGMENT_EXPLICIT) != 0 ? WASM_DECLARATIVE : WASM_PASSIVE;
        return true;
    }
    out->mode = WASM_ACTIVE;
    if ((flags & SEGMENT_EXPLICIT) != 0) {
        if (!decode_index(d, d->m->table_count, "table", &out->table)) {
            return false;
        }
    } else if (d->m->table_count == 0) {
        return wasm_fail(&d->r, d->r.at, E_CORRUPT, "unknown table 0");
    }
    bool is_64 = d->m->tables[out->table].type.limits.is_64;
    return decode_constant(d, is_64 ? WASM_I64 : WASM_I32, &out->offset);
}

/* The shortest form has no type, and means functions. The forms with indices have a kind byte
 * instead, of which only 0 exists; an index is never null. */
static bool read_element_type(struct wasm_decoder *d, uint32_t flags, uint32_t *type)
{
    uint8_t kind;
    *type = WASM_FUNCREF | ((flags & SEGMENT_EXPRESSIONS) != 0 ? 0 : WASM_NOT_NULL);
    if ((flags & (SEGMENT_NOT_ACTIVE | SEGMENT_EXPLICIT)) == 0) {
        return true;
    }
    if ((flags & SEGMENT_EXPRESSIONS) != 0) {
        return wasm_reference_type(&d->r, type);
    }
    if (!wasm_byte(&d->r, &kind)) {
        return false;
    }
    return kind == 0 ||
           wasm_fail(&d->r, d->r.at - 1, E_CORRUPT, "malformed element kind 0x%02x", kind);
}

static bool read_function_item(struct wasm_decoder *d, struct wasm_constant *out)
{
    uint32_t index;
    if (!decode_index(d, d->m->function_count, "function", &index)) {
        return false;
    }
    d->m->functions[index].is_declared = true;
    *out = (struct wasm_constant){.opcode = WASM_CONSTANT_FUNCTION, .lo = index};
    return true;
}

/* The items are function indices or constant expressions. Both are stored as constants, so an index
 * becomes a ref.func. */
static bool read_items(struct wasm_decoder *d, uint32_t flags, struct wasm_element_segment *out)
{
    bool expressions = (flags & SEGMENT_EXPRESSIONS) != 0;
    if (!wasm_count(&d->r, expressions ? 3 : 1, &out->count)) {
        return false;
    }
    struct wasm_constant *items = decode_alloc(d, out->count, sizeof *items);
    if (items == NULL) {
        return false;
    }
    out->items = items;
    for (uint32_t n = 0; n < out->count; n++) {
        if (!(expressions ? decode_constant(d, out->type, &items[n])
                          : read_function_item(d, &items[n]))) {
            return false;
        }
    }
    return true;
}

static bool read_element(struct wasm_decoder *d, struct wasm_element_segment *out)
{
    const uint8_t *where = d->r.at;
    uint32_t flags;
    if (!wasm_u32(&d->r, &flags)) {
        return false;
    }
    if (flags > 7) {
        return wasm_fail(&d->r, where, E_CORRUPT, "malformed element segment of kind %u", flags);
    }
    if (!read_place(d, flags, out) || !read_element_type(d, flags, &out->type)) {
        return false;
    }
    if (out->mode == WASM_ACTIVE &&
        !wasm_is_subtype(d->m, out->type, d->m, d->m->tables[out->table].type.type)) {
        return wasm_fail(&d->r, where, E_CORRUPT, "type mismatch: elements of %s in a table of %s",
                         wasm_type_name(out->type),
                         wasm_type_name(d->m->tables[out->table].type.type));
    }
    return read_items(d, flags, out);
}

bool decode_elements(struct wasm_decoder *d)
{
    uint32_t count;
    if (!wasm_count(&d->r, 3, &count)) {
        return false;
    }
    d->m->elements = decode_alloc(d, count, sizeof *d->m->elements);
    if (d->m->elements == NULL) {
        return false;
    }
    d->m->element_count = count;
    for (uint32_t n = 0; n < count; n++) {
        if (!read_element(d, &d->m->elements[n])) {
            return false;
        }
    }
    return true;
}

/* ---- Data ---- */

/* The section comes before the code, so that memory.init and data.drop can be checked while the
 * data section is not read yet. decode_data() compares the two counts. */
bool decode_data_count(struct wasm_decoder *d)
{
    d->m->has_data_count = true;
    return wasm_u32(&d->r, &d->m->data_count);
}

static bool read_data(struct wasm_decoder *d, struct wasm_data_segment *out)
{
    const uint8_t *where = d->r.at;
    uint32_t flags;
    if (!wasm_u32(&d->r, &flags)) {
        return false;
    }
    if (flags > 2) {
        return wasm_fail(&d->r, where, E_CORRUPT, "malformed data segment of kind %u", flags);
    }
    out->mode = flags == 1 ? WASM_PASSIVE : WASM_ACTIVE;
    if (flags == 2 && !decode_index(d, d->m->memory_count, "memory", &out->memory)) {
        return false;
    }
    if (flags == 0 && d->m->memory_count == 0) {
        return wasm_fail(&d->r, where, E_CORRUPT, "unknown memory 0");
    }
    bool is_64 = out->mode == WASM_ACTIVE && d->m->memories[out->memory].limits.is_64;
    if (out->mode == WASM_ACTIVE &&
        !decode_constant(d, is_64 ? WASM_I64 : WASM_I32, &out->offset)) {
        return false;
    }
    return wasm_counted_bytes(&d->r, &out->bytes);
}

bool decode_data(struct wasm_decoder *d)
{
    const uint8_t *where = d->r.at;
    uint32_t count;
    if (!wasm_count(&d->r, 2, &count)) {
        return false;
    }
    if (d->m->has_data_count && d->m->data_count != count) {
        return wasm_fail(&d->r, where, E_CORRUPT, "%u data segments, %u by the data count section",
                         count, d->m->data_count);
    }
    d->m->data = decode_alloc(d, count, sizeof *d->m->data);
    if (d->m->data == NULL) {
        return false;
    }
    d->m->data_count = count;
    for (uint32_t n = 0; n < count; n++) {
        if (!read_data(d, &d->m->data[n])) {
            return false;
        }
    }
    return true;
}

/* ---- Code ---- */

/* A body is skipped as a whole. The search for vector operators decides if the module needs 16
 * bytes for each value. */
bool decode_code(struct wasm_decoder *d)
{
    struct wasm_module *m = d->m;
    const uint8_t *where = d->r.at;
    uint32_t count, own = m->function_count - m->imported[WASM_FUNCTION];
    if (!wasm_count(&d->r, 2, &count)) {
        return false;
    }
    if (count != own) {
        return wasm_fail(&d->r, where, E_CORRUPT, "%u functions and %u bodies", own, count);
    }
    for (uint32_t n = 0; n < count; n++) {
        struct wasm_bytes body;
        if (!wasm_counted_bytes(&d->r, &body)) {
            return false;
        }
        struct wasm_function *f = &m->functions[m->imported[WASM_FUNCTION] + n];
        f->body = (uint32_t)(body.bytes - m->bytes);
        f->body_size = body.len;
    }
    d->bodies = count;
    return true;
}
