// SPDX-License-Identifier: MIT
//
// Checks reads and writes: of the program's memory, this frame, fields of the context, records of
// functions and elements of tables. All others are refused.
#include "kernel/jit/verify/verify_internal.h"

#include "kernel/lib/sort.h"

/* ---- Types ---- */

static unsigned bytes_of(unsigned type)
{
    return type == VERIFY_I32 || type == VERIFY_F32 ? 4 : type == VERIFY_V128 ? 16 : 8;
}

bool verify_is_reference(unsigned type)
{
    return type == VERIFY_FUNCREF || type == VERIFY_EXTERNREF;
}

bool verify_typed(struct verifier *v, uint32_t node, unsigned type)
{
    const struct value *x = value_of(v, node);
    unsigned demand = type == VERIFY_FUNCREF     ? DEMAND_FUNCREF
                      : type == VERIFY_EXTERNREF ? DEMAND_EXTERNREF
                      : type == VERIFY_I32       ? DEMAND_U32
                                                 : DEMAND_NUMBER;
    return (demand == DEMAND_U32 && value_is_number(x) && x->width <= 32) ||
           value_demand(v, node, demand);
}

uint32_t verify_value_of_type(struct verifier *v, unsigned type)
{
    return verify_is_reference(type) ? value_new(v, VALUE_REFERENCE, 0, type)
                                     : value_number(v, type == VERIFY_I32 ? 32 : 64);
}

/* ---- Rows ---- */

bool verify_row(struct verifier *v, const struct verify_insn *i, unsigned trap)
{
    return i->trap == trap + 1 || verify_refuse(v, "what may fault has no row that explains it");
}

/* ---- The frame ---- */

/* Cells of 8 bytes, by their distance from the stack pointer at entry. A write of 4 bytes leaves
 * the upper half unknown (CELL_HALF); one of 16 bytes fills two cells. An access that begins within
 * a cell is refused: compiled code has none, and such a cell would be of two parts. */

/* Whether an access is in the function's own frame or in its stack arguments. Once the return
 * address between them has moved, they are one. */
static bool is_in_frame(const struct verifier *v, int64_t at, unsigned bytes)
{
    return (at >= v->sp && at + bytes <= 0) ||
           (at >= (v->has_moved ? v->sp : v->m->return_bytes) &&
            at + bytes <= (int64_t)v->m->return_bytes + v->incoming);
}

/* The return address that a call instruction has stored. */
static bool is_return_address(const struct verifier *v, int64_t at, unsigned bytes)
{
    return at == 0 && bytes == 8 && v->m->return_bytes == 8 && !v->has_moved;
}

static uint32_t read_frame(struct verifier *v, int64_t at, unsigned bytes)
{
    if (is_return_address(v, at, bytes)) {
        return v->return_node;
    }
    if (!is_in_frame(v, at, bytes) || at % 8 != 0) {
        (void)verify_refuse(v, "a read of the stack outside the frame");
        return ZERO_NODE;
    }
    uint32_t value = value_load_cell(v, at), node = value & ~CELL_HALF;
    if (bytes == 16) {
        uint32_t second = value_load_cell(v, at + 8);
        bool both = ((value | second) & CELL_HALF) == 0 &&
                    value_demand(v, node, DEMAND_NUMBER | DEMAND_WHOLE) &&
                    value_demand(v, second, DEMAND_NUMBER | DEMAND_WHOLE);
        return both || !verify_refuse(v, "16 bytes are read of which not all were written")
                   ? value_number(v, 64)
                   : ZERO_NODE;
    }
    if (bytes <= 4) {
        return !value_demand(v, node, DEMAND_NUMBER) ? ZERO_NODE
               : bytes == 4                          ? value_low(v, node)
                                                     : value_number(v, 8 * bytes);
    }
    if ((value & CELL_HALF) != 0) {
        (void)verify_refuse(v, "8 bytes are read of which 4 were written");
        return ZERO_NODE;
    }
    return value_demand(v, node, DEMAND_WHOLE) ? node : ZERO_NODE;
}

bool verify_write_frame(struct verifier *v, int64_t at, unsigned bytes, uint32_t node)
{
    if (!is_in_frame(v, at, bytes) || at % 8 != 0 || (bytes != 4 && bytes != 8 && bytes != 16)) {
        return verify_refuse(v, "a write to the stack outside the frame");
    }
    if (node == NO_NODE || bytes == 16) {
        node = value_number(v, bytes == 4 ? 32 : 64);
    }
    unsigned asked = bytes == 4 ? DEMAND_NUMBER : DEMAND_DEFINED;
    v->has_moved |= node == v->return_node && v->block == 0 && v->m->link == VERIFY_NONE;
    return value_demand(v, node, asked) &&
           value_store_cell(v, at, bytes == 4 ? node | CELL_HALF : node) &&
           (bytes != 16 || value_store_cell(v, at + 8, node));
}

/* ---- The context, and the objects it points to ---- */

const struct verify_field *verify_field_at(const struct verifier *v, uint64_t offset)
{
    const struct verify_shape *s = v->shape;
    if (offset > UINT32_MAX - 1 || s->field_count == 0) {
        return NULL;
    }
    uint32_t n = SORTED_FIND(s->fields, s->field_count, at, (uint32_t)offset + 1);
    return n == 0 ? NULL : &s->fields[n - 1];
}

static uint32_t refuse_read(struct verifier *v)
{
    (void)verify_refuse(v, "a read of something that programs do not see");
    return ZERO_NODE;
}

static uint32_t read_cell(struct verifier *v, const struct verify_field *f, uint64_t rel,
                          unsigned bytes)
{
    if (rel != 0 || bytes > bytes_of(f->type) || (verify_is_reference(f->type) && bytes != 8)) {
        return refuse_read(v);
    }
    return verify_is_reference(f->type) ? value_new(v, VALUE_REFERENCE, 0, f->type)
                                        : value_number(v, MIN(8 * bytes, 64u));
}

/* Read one of the three fields of a function's record. */
static uint32_t read_record(struct verifier *v, uint32_t record, uint64_t rel, unsigned bytes)
{
    if (rel == VERIFY_RECORD_CODE && bytes == 8) {
        return value_new(v, VALUE_CODE_OF, record, 0);
    }
    if (rel == VERIFY_RECORD_CONTEXT && bytes == 8) {
        return value_new(v, VALUE_CONTEXT_OF, record, 0);
    }
    if (rel == VERIFY_RECORD_TYPE && bytes == 4) {
        uint32_t node = value_new(v, VALUE_TYPE, record, 0);
        v->values[node].width = 32;
        return node;
    }
    return refuse_read(v);
}

static uint32_t read_table(struct verifier *v, uint32_t number, uint64_t rel, unsigned bytes)
{
    if (rel == VERIFY_TABLE_ELEMENTS && bytes == 8) {
        return value_new(v, VALUE_ELEMENTS, value_register(v, LOCATION_EPOCH), number);
    }
    if (rel == VERIFY_TABLE_LENGTH && bytes == 4) {
        uint32_t node = value_new(v, VALUE_LENGTH, 0, number);
        v->values[node].width = 32;
        return node;
    }
    return refuse_read(v);
}

static uint32_t read_context(struct verifier *v, uint64_t at, unsigned bytes)
{
    const struct verify_field *f = verify_field_at(v, at);
    uint64_t rel = f == NULL ? 0 : at - f->at;
    if (f == NULL) {
        return refuse_read(v);
    }
    uint32_t index = (uint32_t)(f - v->shape->fields);
    switch ((enum verify_field_kind)f->kind) {
    case VERIFY_CELL:
        return read_cell(v, f, rel, bytes);
    case VERIFY_TABLE:
        return read_table(v, f->number, rel, bytes);
    case VERIFY_RECORD:
        return read_record(v, value_new(v, VALUE_CONTEXT, 0, f->at), rel, bytes);
    case VERIFY_HOST:
        return bytes == 8 && rel == 8   ? value_new(v, VALUE_HOST, 0, index)
               : bytes == 8 && rel == 0 ? value_new(v, VALUE_HELPER, true, index)
                                        : refuse_read(v);
    default:
        break;
    }
    if (rel != 0 || bytes != 8) {
        return refuse_read(v);
    }
    switch ((enum verify_field_kind)f->kind) {
    case VERIFY_MEMORY_BASE:
        return value_new(v, VALUE_WINDOW, NO_NODE, 0);
    case VERIFY_OTHER_MEMORY: {
        uint32_t node = value_new(v, VALUE_WINDOW, NO_NODE, 0);
        v->values[node].width = OTHER_MEMORY;
        return node;
    }
    case VERIFY_OTHER_LENGTH:
        return value_new(v, VALUE_LENGTH_ADDRESS, 0, f->number);
    case VERIFY_CELL_ADDRESS:
        return value_new(v, VALUE_CELL, 0, index);
    case VERIFY_LENGTH_ADDRESS:
        return value_new(v, VALUE_LENGTH_ADDRESS, 0, 0);
    case VERIFY_FLAG_ADDRESS:
        return value_new(v, VALUE_FLAG_ADDRESS, 0, 0);
    case VERIFY_HELPER:
        return value_new(v, VALUE_HELPER, 0, f->number);
    case VERIFY_RECORD_ADDRESS:
        return value_new(v, VALUE_RECORD, 0, index);
    case VERIFY_TABLE_ADDRESS:
        return value_new(v, VALUE_TABLE, 0, f->number);
    default:
        return refuse_read(v);
    }
}

/* ---- Reads ---- */

static uint32_t read_reference(struct verifier *v, const struct address *a, unsigned bytes)
{
    if (!value_demand(v, a->base, DEMAND_FUNCREF)) {
        return ZERO_NODE;
    }
    if (!fact_holds(v, FACT_NOT_NULL, a->base, 0)) {
        (void)verify_refuse(v, "a reference that was not compared with null");
        return ZERO_NODE;
    }
    return read_record(v, a->base, (uint64_t)a->n, bytes);
}

static uint32_t read_memory(struct verifier *v, const struct verify_insn *i,
                            const struct address *a, unsigned bytes)
{
    bool fine = verify_window(v, a, bytes) && verify_row(v, i, IR_TRAP_MEMORY);
    return fine ? value_number(v, MIN(8 * bytes, 64u)) : ZERO_NODE;
}

static uint32_t read_element(struct verifier *v, const struct address *a, unsigned bytes)
{
    uint32_t table;
    if (!verify_element(v, a, &table) || bytes != 8) {
        return refuse_read(v);
    }
    return value_new(v, VALUE_REFERENCE, 0, v->shape->tables[table]);
}

static uint32_t read_word(struct verifier *v, unsigned kind, unsigned width, unsigned wanted,
                          unsigned bytes)
{
    if (wanted != bytes) {
        return refuse_read(v);
    }
    uint32_t node = value_new(v, kind, 0, 0);
    v->values[node].width = (uint8_t)width;
    return node;
}

/* Read at an address without an index. */
static uint32_t read_plain(struct verifier *v, const struct address *a, unsigned bytes)
{
    struct value x = *value_of(v, a->base);
    if (a->root != NO_NODE || a->slack != 0 || a->n < 0) {
        return refuse_read(v);
    }
    switch ((enum value_kind)x.kind) {
    case VALUE_CONTEXT:
        return read_context(v, (uint64_t)a->n, bytes);
    case VALUE_CONTEXT_OF: /* only the base of its memory may be read */
        return a->n == 0 && bytes == 8 ? value_new(v, VALUE_BASE_OF, x.a, 0) : refuse_read(v);
    case VALUE_RECORD:
        return read_record(v, a->base, (uint64_t)a->n, bytes);
    case VALUE_REFERENCE:
    case VALUE_MERGE:
        return read_reference(v, a, bytes);
    case VALUE_TABLE:
        return read_table(v, (uint32_t)x.n, (uint64_t)a->n, bytes);
    case VALUE_CELL:
        return read_cell(v, &v->shape->fields[x.n], (uint64_t)a->n, bytes);
    case VALUE_LENGTH_ADDRESS:
        return a->n == 0 ? read_word(v, x.n == 0 ? VALUE_BYTES : VALUE_NUMBER, 33, 8, bytes)
                         : refuse_read(v);
    case VALUE_FLAG_ADDRESS:
        return a->n == 0 ? read_word(v, VALUE_NUMBER, 32, 4, bytes) : refuse_read(v);
    default:
        return refuse_read(v);
    }
}

uint32_t verify_read(struct verifier *v, const struct verify_insn *i, unsigned bytes, int64_t more)
{
    struct address a;
    if (i->base == VERIFY_CODE) {
        bool inside = i->disp >= 0 && bytes <= v->size && (uint32_t)i->disp <= v->size - bytes;
        return inside ? value_number(v, MIN(8 * bytes, 64u)) : refuse_read(v);
    }
    if (!verify_address(v, i, &a)) {
        return ZERO_NODE;
    }
    a.n += more;
    switch (value_of(v, a.base)->kind) {
    case VALUE_WINDOW:
        return read_memory(v, i, &a, bytes);
    case VALUE_FRAME:
        return a.root == NO_NODE ? read_frame(v, a.n, bytes) : refuse_read(v);
    case VALUE_ELEMENTS:
    case VALUE_ELEMENT:
        return read_element(v, &a, bytes);
    default:
        return read_plain(v, &a, bytes);
    }
}

/* ---- Atomic operations ---- */

bool verify_exchanged(struct verifier *v, const struct verify_insn *i)
{
    struct address a;
    if (i->base == VERIFY_CODE || !verify_address(v, i, &a)) {
        return verify_refuse(v, "an atomic operation on the code");
    }
    if (value_of(v, a.base)->kind != VALUE_WINDOW) {
        return verify_refuse(v, "an atomic operation outside the memory of the program");
    }
    return verify_window(v, &a, i->bytes) && verify_row(v, i, IR_TRAP_MEMORY);
}

/* ---- Writes ---- */

static bool refuse_write(struct verifier *v)
{
    return verify_refuse(v, "a write to something that programs do not own");
}

static bool write_cell(struct verifier *v, const struct verify_field *f, uint64_t rel,
                       unsigned bytes, uint32_t value)
{
    if (f == NULL || rel != 0 || !f->is_writable || bytes > bytes_of(f->type)) {
        return refuse_write(v);
    }
    if (verify_is_reference(f->type)) {
        return (bytes == 8 && value != NO_NODE) ? verify_typed(v, value, f->type) : refuse_write(v);
    }
    return value == NO_NODE || value_demand(v, value, DEMAND_NUMBER);
}

static bool write_plain(struct verifier *v, const struct address *a, unsigned bytes, uint32_t value)
{
    struct value x = *value_of(v, a->base);
    const struct verify_field *f = NULL;
    uint32_t table;
    if (x.kind == VALUE_ELEMENTS || x.kind == VALUE_ELEMENT) {
        return verify_element(v, a, &table) && bytes == 8 && value != NO_NODE
                   ? verify_typed(v, value, v->shape->tables[table])
                   : refuse_write(v);
    }
    if (a->root != NO_NODE || a->slack != 0 || a->n < 0) {
        return refuse_write(v);
    }
    if (x.kind == VALUE_CELL) {
        return write_cell(v, &v->shape->fields[x.n], (uint64_t)a->n, bytes, value);
    }
    if (x.kind == VALUE_CONTEXT) {
        f = verify_field_at(v, (uint64_t)a->n);
    }
    bool is_cell = f != NULL && f->kind == VERIFY_CELL;
    return is_cell ? write_cell(v, f, (uint64_t)a->n - f->at, bytes, value) : refuse_write(v);
}

bool verify_write(struct verifier *v, const struct verify_insn *i, unsigned bytes, int64_t more,
                  uint32_t value)
{
    struct address a;
    if (i->base == VERIFY_CODE) {
        return refuse_write(v);
    }
    if (!verify_address(v, i, &a)) {
        return false;
    }
    a.n += more;
    switch (value_of(v, a.base)->kind) {
    case VALUE_WINDOW:
        return verify_window(v, &a, bytes) && verify_row(v, i, IR_TRAP_MEMORY) &&
               (value == NO_NODE || value_demand(v, value, DEMAND_NUMBER));
    case VALUE_FRAME:
        return a.root == NO_NODE ? verify_write_frame(v, a.n, bytes, value) : refuse_write(v);
    default:
        return write_plain(v, &a, bytes, value);
    }
}
