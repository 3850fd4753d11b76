// SPDX-License-Identifier: MIT
//
// Constant expressions, element and data segments, and the positions of function bodies.
//
// Nothing is evaluated here: a segment keeps its offset as a constant or as the index of an
// imported global, whose value is known only when the module is instantiated. Bodies are only
// located; they are checked when they are built.
#include "kernel/wasm/front/decode_internal.h"

#include "kernel/wasm/front/scan.h"

/* Operators of constant expressions. */
enum {
    OP_END = 0x0b,
    OP_GLOBAL_GET = 0x23,
    OP_I32_CONST = 0x41,
    OP_I64_CONST = 0x42,
    OP_F32_CONST = 0x43,
    OP_F64_CONST = 0x44,
    OP_REF_NULL = 0xd0,
    OP_REF_FUNC = 0xd2,
    OP_VECTOR = 0xfd,
};
#define VECTOR_CONST 12u

/* ---- Constant expressions ---- */

static bool read_integer(struct wasm_decoder *d, struct wasm_constant *out, uint8_t *type)
{
    int32_t small;
    int64_t large;
    if (out->opcode == OP_I32_CONST) {
        *type = WASM_I32;
        bool good = wasm_i32(&d->r, &small);
        out->lo = good ? (uint32_t)small : 0;
        return good;
    }
    *type = WASM_I64;
    bool good = wasm_i64(&d->r, &large);
    out->lo = good ? (uint64_t)large : 0;
    return good;
}

static bool read_float(struct wasm_decoder *d, struct wasm_constant *out, uint8_t *type)
{
    *type = out->opcode == OP_F32_CONST ? WASM_F32 : WASM_F64;
    return wasm_fixed(&d->r, *type == WASM_F32 ? 4 : 8, &out->lo);
}

static bool read_vector(struct wasm_decoder *d, struct wasm_constant *out, uint8_t *type)
{
    const uint8_t *where = d->r.at;
    uint32_t number;
    if (!wasm_u32(&d->r, &number)) {
        return false;
    }
    if (number != VECTOR_CONST) {
        return wasm_fail(&d->r, where, E_CORRUPT, "no constant: vector operator %u", number);
    }
    d->m->uses_vectors = true;
    *type = WASM_V128;
    return wasm_fixed(&d->r, 8, &out->lo) && wasm_fixed(&d->r, 8, &out->hi);
}

/* A constant expression may read imported globals only: the module's own do not exist yet. */
static bool read_global(struct wasm_decoder *d, struct wasm_constant *out, uint8_t *type)
{
    const uint8_t *where = d->r.at;
    uint32_t index;
    if (!decode_index(d, d->m->imported[WASM_GLOBAL], "imported global", &index)) {
        return false;
    }
    const struct wasm_global *g = &d->m->globals[index];
    *type = g->type.type;
    out->lo = index;
    return !g->type.is_mutable ||
           wasm_fail(&d->r, where, E_CORRUPT, "no constant: global %u is mutable", index);
}

/* A body may use ref.func only for functions that the module mentions outside of bodies; such a
 * function is declared. */
static bool read_function_reference(struct wasm_decoder *d, struct wasm_constant *out,
                                    uint8_t *type)
{
    uint32_t index;
    if (!decode_index(d, d->m->function_count, "function", &index)) {
        return false;
    }
    d->m->functions[index].is_declared = true;
    *type = WASM_FUNCREF;
    out->lo = index;
    return true;
}

static bool read_constant_operator(struct wasm_decoder *d, struct wasm_constant *out, uint8_t *type)
{
    if (!wasm_byte(&d->r, &out->opcode)) {
        return false;
    }
    switch (out->opcode) {
    case OP_I32_CONST:
    case OP_I64_CONST:
        return read_integer(d, out, type);
    case OP_F32_CONST:
    case OP_F64_CONST:
        return read_float(d, out, type);
    case OP_VECTOR:
        return read_vector(d, out, type);
    case OP_GLOBAL_GET:
        return read_global(d, out, type);
    case OP_REF_NULL:
        return wasm_reference_type(&d->r, type);
    case OP_REF_FUNC:
        return read_function_reference(d, out, type);
    case OP_END:
        return wasm_fail(&d->r, d->r.at - 1, E_CORRUPT,
                         "type mismatch: an expression without a value");
    default:
        return wasm_fail(&d->r, d->r.at - 1, E_CORRUPT,
                         "constant expression required, found operator 0x%02x", out->opcode);
    }
}

/* A constant expression is one operator of the right type and an end. `lo` and `hi` hold the bits
 * of the value, or in `lo` the index of a global or function. */
bool decode_constant(struct wasm_decoder *d, uint8_t type, struct wasm_constant *out)
{
    const uint8_t *where = d->r.at;
    struct wasm_constant c = {0};
    uint8_t found = 0, end = 0;
    if (!read_constant_operator(d, &c, &found)) {
        return false;
    }
    if (found != type) {
        return wasm_fail(&d->r, where, E_CORRUPT, "type mismatch: expected %s, found %s",
                         wasm_type_name(type), wasm_type_name(found));
    }
    if (!wasm_byte(&d->r, &end)) {
        return false;
    }
    if (end != OP_END) {
        return wasm_fail(&d->r, d->r.at - 1, E_CORRUPT,
                         "constant expression required: one operator, then an end");
    }
    *out = c;
    return true;
}

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
    return decode_constant(d, WASM_I32, &out->offset);
}

/* The shortest form has no type, and means functions. The forms with indices have a kind byte
 * instead, of which only 0 exists. */
static bool read_element_type(struct wasm_decoder *d, uint32_t flags, uint8_t *type)
{
    uint8_t kind;
    *type = WASM_FUNCREF;
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
        uint8_t type;
        items[n].opcode = OP_REF_FUNC;
        if (!(expressions ? decode_constant(d, out->type, &items[n])
                          : read_function_reference(d, &items[n], &type))) {
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
    if (out->mode == WASM_ACTIVE && d->m->tables[out->table].type.type != out->type) {
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
    uint32_t flags, memory = 0;
    if (!wasm_u32(&d->r, &flags)) {
        return false;
    }
    if (flags > 2) {
        return wasm_fail(&d->r, where, E_CORRUPT, "malformed data segment of kind %u", flags);
    }
    out->mode = flags == 1 ? WASM_PASSIVE : WASM_ACTIVE;
    if (flags == 2 && !decode_index(d, d->m->memory_count, "memory", &memory)) {
        return false;
    }
    if (flags == 0 && d->m->memory_count == 0) {
        return wasm_fail(&d->r, where, E_CORRUPT, "unknown memory 0");
    }
    if (out->mode == WASM_ACTIVE && !decode_constant(d, WASM_I32, &out->offset)) {
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
        m->uses_vectors = m->uses_vectors || wasm_scan_finds_vectors(&d->r, body);
    }
    d->bodies = count;
    return true;
}
