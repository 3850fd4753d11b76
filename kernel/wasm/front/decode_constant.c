// SPDX-License-Identifier: MIT
//
// Constant expressions. Nothing is evaluated here: an expression of one operator is kept as a value
// or an index, a longer one as its place in the module. The globals that it reads have values only
// when the module is instantiated (kernel/wasm/run/runtime.c).
#include "kernel/wasm/front/constant.h"
#include "kernel/wasm/front/decode_internal.h"

#define VECTOR_CONST 12u

/* The types of the operands while an expression is checked. */
struct operands {
    uint32_t types[WASM_CONSTANT_DEPTH];
    uint32_t depth;
};

/* ---- Reading one operator ---- */

static bool read_integer(struct wasm_reader *r, struct wasm_constant *out)
{
    int32_t small = 0;
    int64_t large = 0;
    if (out->opcode == WASM_CONSTANT_I32) {
        bool good = wasm_i32(r, &small);
        out->lo = (uint32_t)small;
        return good;
    }
    bool good = wasm_i64(r, &large);
    out->lo = (uint64_t)large;
    return good;
}

static bool read_vector(struct wasm_reader *r, struct wasm_constant *out)
{
    const uint8_t *where = r->at;
    uint32_t number;
    if (!wasm_u32(r, &number)) {
        return false;
    }
    if (number != VECTOR_CONST) {
        return wasm_fail(r, where, E_CORRUPT,
                         "constant expression required, found operator 0xfd %u", number);
    }
    return wasm_fixed(r, 8, &out->lo) && wasm_fixed(r, 8, &out->hi);
}

static bool read_index(struct wasm_reader *r, struct wasm_constant *out)
{
    uint32_t index = 0;
    bool good = wasm_u32(r, &index);
    out->lo = index;
    return good;
}

bool wasm_constant_read(struct wasm_reader *r, struct wasm_constant *out)
{
    int64_t heap_type;
    *out = (struct wasm_constant){0};
    if (!wasm_byte(r, &out->opcode)) {
        return false;
    }
    switch (out->opcode) {
    case WASM_CONSTANT_I32:
    case WASM_CONSTANT_I64:
        return read_integer(r, out);
    case WASM_CONSTANT_F32:
        return wasm_fixed(r, 4, &out->lo);
    case WASM_CONSTANT_F64:
        return wasm_fixed(r, 8, &out->lo);
    case WASM_CONSTANT_VECTOR:
        return read_vector(r, out);
    case WASM_CONSTANT_GLOBAL:
    case WASM_CONSTANT_FUNCTION:
        return read_index(r, out);
    case WASM_CONSTANT_NULL:
        return wasm_i33(r, &heap_type);
    case WASM_CONSTANT_END:
    case WASM_CONSTANT_I32_ADD:
    case WASM_CONSTANT_I32_SUB:
    case WASM_CONSTANT_I32_MUL:
    case WASM_CONSTANT_I64_ADD:
    case WASM_CONSTANT_I64_SUB:
    case WASM_CONSTANT_I64_MUL:
        return true;
    default:
        return wasm_fail(r, r->at - 1, E_CORRUPT,
                         "constant expression required, found operator 0x%02x", out->opcode);
    }
}

/* ---- Checking ---- */

static bool push(struct wasm_decoder *d, struct operands *o, uint32_t type)
{
    if (o->depth == WASM_CONSTANT_DEPTH) {
        return wasm_fail(&d->r, d->r.at, E_NOTSUP,
                         "a constant expression with more than %u operands", WASM_CONSTANT_DEPTH);
    }
    o->types[o->depth++] = type;
    return true;
}

static bool pop(struct wasm_decoder *d, struct operands *o, const uint8_t *where, uint32_t type)
{
    if (o->depth == 0) {
        return wasm_fail(&d->r, where, E_CORRUPT, "type mismatch: expected %s, found nothing",
                         wasm_type_name(type));
    }
    uint32_t found = o->types[--o->depth];
    return wasm_is_subtype(d->m, found, d->m, type) ||
           wasm_fail(&d->r, where, E_CORRUPT, "type mismatch: expected %s, found %s",
                     wasm_type_name(type), wasm_type_name(found));
}

/* An expression may read the immutable globals that precede it: imported ones, and in the global
 * section those that are defined already. They have their values when it is evaluated. */
static bool check_global(struct wasm_decoder *d, const uint8_t *where, uint64_t index,
                         struct operands *o)
{
    if (index >= d->m->global_count) {
        return wasm_fail(&d->r, where, E_CORRUPT, "unknown global %llu", (unsigned long long)index);
    }
    const struct wasm_global_type *type = &d->m->globals[index].type;
    if (type->is_mutable) {
        return wasm_fail(&d->r, where, E_CORRUPT,
                         "constant expression required: global %llu is mutable",
                         (unsigned long long)index);
    }
    return push(d, o, type->type);
}

/* A body may use ref.func only for functions that the module mentions outside of bodies; such a
 * function is declared. */
static bool check_function(struct wasm_decoder *d, const uint8_t *where, uint64_t index,
                           struct operands *o)
{
    if (index >= d->m->function_count) {
        return wasm_fail(&d->r, where, E_CORRUPT, "unknown function %llu",
                         (unsigned long long)index);
    }
    d->m->functions[index].is_declared = true;
    return push(d, o, WASM_REFERENCE_TO(d->m->functions[index].type) | WASM_NOT_NULL);
}

static bool check_null(struct wasm_decoder *d, const uint8_t *where, struct operands *o)
{
    uint32_t type;
    d->r.at = where + 1;
    return wasm_heap_type(&d->r, &type) && push(d, o, type);
}

static bool check_binary(struct wasm_decoder *d, const uint8_t *where, uint32_t type,
                         struct operands *o)
{
    return pop(d, o, where, type) && pop(d, o, where, type) && push(d, o, type);
}

static bool check_operator(struct wasm_decoder *d, const uint8_t *where,
                           const struct wasm_constant *c, struct operands *o)
{
    switch (c->opcode) {
    case WASM_CONSTANT_I32:
        return push(d, o, WASM_I32);
    case WASM_CONSTANT_I64:
        return push(d, o, WASM_I64);
    case WASM_CONSTANT_F32:
        return push(d, o, WASM_F32);
    case WASM_CONSTANT_F64:
        return push(d, o, WASM_F64);
    case WASM_CONSTANT_VECTOR:
        d->m->has_vector_types = true;
        return push(d, o, WASM_V128);
    case WASM_CONSTANT_GLOBAL:
        return check_global(d, where, c->lo, o);
    case WASM_CONSTANT_FUNCTION:
        return check_function(d, where, c->lo, o);
    case WASM_CONSTANT_NULL:
        return check_null(d, where, o);
    case WASM_CONSTANT_I32_ADD:
    case WASM_CONSTANT_I32_SUB:
    case WASM_CONSTANT_I32_MUL:
        return check_binary(d, where, WASM_I32, o);
    default:
        return check_binary(d, where, WASM_I64, o);
    }
}

bool decode_constant(struct wasm_decoder *d, uint32_t type, struct wasm_constant *out)
{
    const uint8_t *start = d->r.at, *where;
    struct operands o = {.depth = 0};
    struct wasm_constant c, first = {0};
    uint32_t operators = 0;
    while (where = d->r.at, wasm_constant_read(&d->r, &c) && c.opcode != WASM_CONSTANT_END) {
        if (!check_operator(d, where, &c, &o)) {
            return false;
        }
        first = operators++ == 0 ? c : first;
    }
    if (d->r.status != OK || !pop(d, &o, start, type)) {
        return false;
    }
    if (o.depth > 0) {
        return wasm_fail(&d->r, where, E_CORRUPT,
                         "type mismatch: %u more values than the expression has results", o.depth);
    }
    *out = operators == 1 ? first
                          : (struct wasm_constant){.opcode = WASM_CONSTANT_END,
                                                   .lo = (uint64_t)(start - d->r.start)};
    return true;
}
