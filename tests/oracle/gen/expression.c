// SPDX-License-Identifier: MIT
//
// Code that leaves one value: constants, locals, operators with guarded operands, and expressions
// of the other files (loads, blocks, calls).
#include "gen.h"

void op(struct gen *g, unsigned opcode)
{
    put(&g->code, opcode);
}

void op_prefixed(struct gen *g, unsigned prefix, unsigned opcode)
{
    put(&g->code, prefix);
    put_u(g, &g->code, opcode, 32);
}

void op_u(struct gen *g, unsigned opcode, uint32_t immediate)
{
    put(&g->code, opcode);
    put_u(g, &g->code, immediate, 32);
}

void memory_size(struct gen *g)
{
    op(g, 0x3f);
    put(&g->code, 0); /* a plain byte that is not LEB128: it has no longer form */
}

/* ---- Constants and variables ---- */

void const_i32(struct gen *g, uint32_t v)
{
    op(g, 0x41);
    put_s(g, &g->code, (int32_t)v, 32);
}

void const_i64(struct gen *g, uint64_t v)
{
    op(g, 0x42);
    put_s(g, &g->code, (int64_t)v, 64);
}

static void put_lanes(struct gen *g)
{
    unsigned bytes = 1u << random_below(g, 4);
    bool repeats = chance(g, 30), is_float = bytes >= 4 && chance(g, 50);
    uint64_t v = 0;
    for (unsigned at = 0; at < 16; at += bytes) {
        if (at == 0 || !repeats) {
            v = is_float ? boundary_float(g, 8 * bytes) : boundary_integer(g, 64);
        }
        put_bytes(&g->code, &v, bytes);
    }
}

void constant(struct gen *g, unsigned type)
{
    uint64_t v;
    switch (type) {
    case T_I32:
        const_i32(g, (uint32_t)boundary_integer(g, 32));
        break;
    case T_I64:
        const_i64(g, boundary_integer(g, 64));
        break;
    case T_V128:
        op_prefixed(g, 0xfd, 12);
        put_lanes(g);
        break;
    default:
        v = boundary_float(g, type == T_F32 ? 32 : 64);
        op(g, type == T_F32 ? 0x43 : 0x44);
        put_bytes(&g->code, &v, type == T_F32 ? 4 : 8);
        break;
    }
}

/* A local of the type that any code may use; LOCALS_MAX: there is none. */
static uint32_t find_local(struct gen *g, unsigned type)
{
    uint32_t start = random_below(g, g->free_locals + 1);
    for (uint32_t n = 0; n < g->free_locals; n++) {
        uint32_t local = (start + n) % g->free_locals;
        if (g->locals[local] == type) {
            return local;
        }
    }
    return LOCALS_MAX;
}

static uint32_t find_global(struct gen *g, unsigned type)
{
    uint32_t start = random_below(g, g->global_count);
    for (uint32_t n = 0; n < g->global_count; n++) {
        uint32_t global = (start + n) % g->global_count;
        if (g->globals[global] == type && global >= GLOBAL_FIRST) {
            return global;
        }
    }
    return GLOBALS_MAX;
}

static void leaf(struct gen *g, unsigned type)
{
    uint32_t local = find_local(g, type), global = find_global(g, type);
    if (local < LOCALS_MAX && chance(g, 60)) {
        op_u(g, 0x20, local);
    } else if (global < GLOBALS_MAX && chance(g, 10)) {
        op_u(g, 0x23, global);
    } else {
        constant(g, type);
    }
}

void discard(struct gen *g, unsigned type)
{
    uint32_t local = find_local(g, type);
    if (local < LOCALS_MAX && chance(g, 80)) {
        op_u(g, 0x21, local);
    } else {
        op(g, 0x1a);
    }
}

/* ---- NaNs ---- */

static void nan_lanes(struct gen *g, unsigned lane_bits)
{
    static const uint8_t nan_32[4] = {0, 0, 0xc0, 0x7f}, nan_64[8] = {0, 0, 0, 0, 0, 0, 0xf8, 0x7f};
    for (unsigned at = 0; at < 128; at += lane_bits) {
        put_bytes(&g->code, lane_bits == 32 ? nan_32 : nan_64, lane_bits / 8);
    }
}

/* select (bitselect for vectors) of x, the canonical NaN, x == x. */
void canonical(struct gen *g, unsigned type, unsigned lane_bits)
{
    uint32_t local = g->scratch[type];
    op_u(g, 0x22, local);
    if (type == T_V128) {
        op_prefixed(g, 0xfd, 12);
        nan_lanes(g, lane_bits);
    } else {
        static const uint8_t nan_32[4] = {0, 0, 0xc0, 0x7f},
                             nan_64[8] = {0, 0, 0, 0, 0, 0, 0xf8, 0x7f};
        op(g, type == T_F32 ? 0x43 : 0x44);
        put_bytes(&g->code, type == T_F32 ? nan_32 : nan_64, type == T_F32 ? 4 : 8);
    }
    op_u(g, 0x20, local);
    op_u(g, 0x20, local);
    if (type == T_V128) {
        op_prefixed(g, 0xfd, lane_bits == 32 ? 65 : 71);
        op_prefixed(g, 0xfd, 82);
    } else {
        op(g, type == T_F32 ? 0x5b : 0x61);
        op(g, 0x1b);
    }
}

void exact_expression(struct gen *g, unsigned type, int depth)
{
    bool is_float = type == T_F32 || type == T_F64;
    bool is_wide = type == T_F64;
    if (!is_float) {
        expression(g, type, depth);
        return;
    }
    switch (depth <= 0 ? 0 : random_below(g, 8)) {
    case 0:
        constant(g, type);
        break;
    case 1:
        load(g, type, depth - 1);
        break;
    case 2: /* reinterpret */
        expression(g, is_wide ? T_I64 : T_I32, depth - 1);
        op(g, is_wide ? 0xbf : 0xbe);
        break;
    case 3: /* abs, neg */
        exact_expression(g, type, depth - 1);
        op(g, (is_wide ? 0x99 : 0x8b) + random_below(g, 2));
        break;
    case 4: /* copysign */
        exact_expression(g, type, depth - 1);
        exact_expression(g, type, depth - 1);
        op(g, is_wide ? 0xa6 : 0x98);
        break;
    default:
        expression(g, type, depth);
        canonical(g, type, 0);
        break;
    }
}

/* ---- Operators ---- */

/* Usually not 0; rarely any value. */
static void divisor(struct gen *g, unsigned type, int depth)
{
    if (chance(g, 2)) {
        expression(g, type, depth);
    } else if (chance(g, 50)) {
        constant(g, type);
        type == T_I32 ? const_i32(g, 1) : const_i64(g, 1);
        op(g, type == T_I32 ? 0x72 : 0x84); /* or */
    } else {
        expression(g, type, depth);
        type == T_I32 ? const_i32(g, 3) : const_i64(g, 3);
        op(g, type == T_I32 ? 0x72 : 0x84);
    }
}

/* Usually fits an i32: abs(min(any value, constant)). */
static void small_float(struct gen *g, unsigned type, int depth)
{
    if (chance(g, 2)) {
        expression(g, type, depth);
        return;
    }
    if (chance(g, 50)) { /* of 16 bits */
        expression(g, T_I32, depth);
        const_i32(g, 0xffff);
        op(g, 0x71);
        op(g, type == T_F32 ? 0xb2 : 0xb7);
        constant(g, T_I32);
        const_i32(g, 7);
        op(g, 0x71);
        op(g, type == T_F32 ? 0xb2 : 0xb7);
        const_i32(g, 3);
        op(g, type == T_F32 ? 0xb2 : 0xb7);
        op(g, type == T_F32 ? 0x95 : 0xa3); /* thirds */
        op(g, type == T_F32 ? 0x92 : 0xa0);
        return;
    }
    expression(g, T_I32, depth);
    const_i32(g, 0x7fffff);
    op(g, 0x71);
    op(g, type == T_F32 ? 0xb2 : 0xb7);
}

static void operand(struct gen *g, const struct operation *o, unsigned n, int depth)
{
    if ((o->flags & OP_DIVIDES) != 0 && n == 1) {
        divisor(g, o->operands[n], depth);
    } else if ((o->flags & OP_TRUNCATES) != 0) {
        small_float(g, o->operands[n], depth);
    } else if ((o->flags & (n == 0 ? OP_SEES_A : OP_SEES_B)) != 0) {
        exact_expression(g, o->operands[n], depth);
    } else if (o->prefix == 0xfd && o->opcode >= FIRST_RELAXED) {
        relaxed_operand(g, o->opcode, n, depth);
    } else {
        expression(g, o->operands[n], depth);
    }
}

static void operation(struct gen *g, unsigned type, int depth)
{
    const struct operation *o = random_operation(g, type);
    for (unsigned n = 0; n < o->count; n++) {
        operand(g, o, n, depth - 1);
    }
    if (o->prefix != 0) {
        op_prefixed(g, o->prefix, o->opcode);
    } else {
        op(g, o->opcode);
    }
    if ((o->flags & (OP_F32X4 | OP_F64X2)) != 0) {
        canonical(g, T_V128, (o->flags & OP_F32X4) != 0 ? 32 : 64);
    }
}

static void select_value(struct gen *g, unsigned type, int depth)
{
    static const uint8_t names[T_COUNT] = {0x7f, 0x7e, 0x7d, 0x7c, 0x7b};
    expression(g, type, depth - 1);
    expression(g, type, depth - 1);
    expression(g, T_I32, depth - 1);
    if (chance(g, 50)) {
        op(g, 0x1b);
    } else {
        op_u(g, 0x1c, 1);
        op(g, names[type]);
    }
}

static void tee(struct gen *g, unsigned type, int depth)
{
    expression(g, type, depth - 1);
    uint32_t local = find_local(g, type);
    if (local < LOCALS_MAX) {
        op_u(g, 0x22, local);
    }
}

static void other_i32(struct gen *g, int depth)
{
    switch (random_below(g, 4)) {
    case 0:
        memory_size(g);
        break;
    case 1:
        const_i32(g, chance(g, 80) ? random_below(g, 3) : (uint32_t)boundary_integer(g, 32));
        op(g, 0x40); /* memory.grow; its immediate is a byte, not LEB128 */
        put(&g->code, 0);
        break;
    default:
        table_expression(g, depth);
        break;
    }
}

static void any_expression(struct gen *g, unsigned type, int depth)
{
    g->budget--;
    if (depth <= 0 || g->budget <= 0) {
        leaf(g, type);
        return;
    }
    uint32_t kind = random_below(g, 100);
    if (kind < 12) {
        leaf(g, type);
    } else if (kind < 20) {
        load(g, type, depth);
    } else if (kind < 26) {
        select_value(g, type, depth);
    } else if (kind < 31) {
        tee(g, type, depth);
    } else if (kind < 41) {
        control_expression(g, type, depth);
    } else if (kind < 46 && call_expression(g, type, depth)) {
        return;
    } else if (kind < 49 && type == T_I32) {
        other_i32(g, depth);
    } else if (kind < 56 && g->has_vectors) {
        lane_expression(g, type, depth);
    } else {
        operation(g, type, depth);
    }
}

bool drops_node(struct gen *g)
{
    uint32_t node = g->node++;
    return node < g->nodes_max && g->dropped[node] != 0;
}

static void zero(struct gen *g, unsigned type)
{
    static const uint8_t zeros[16];
    static const uint8_t opcodes[T_COUNT] = {0x41, 0x42, 0x43, 0x44, 0xfd};
    static const uint8_t sizes[T_COUNT] = {1, 1, 4, 8, 16};
    op(g, opcodes[type]);
    if (type == T_V128) {
        put(&g->code, 12);
    }
    put_bytes(&g->code, zeros, sizes[type]);
}

void expression(struct gen *g, unsigned type, int depth)
{
    bool is_dropped = drops_node(g);
    size_t start = g->code.len;
    any_expression(g, type, depth);
    if (is_dropped) {
        g->code.len = start;
        zero(g, type);
    }
}

void values(struct gen *g, const uint8_t *types, unsigned count, int depth)
{
    for (unsigned n = 0; n < count; n++) {
        expression(g, types[n], depth);
    }
}

/* ---- Mixing ---- */

static void mix_i64(struct gen *g, uint32_t hash)
{
    op_u(g, 0x20, hash);
    const_i64(g, 19);
    op(g, 0x89); /* rotl */
    op(g, 0x85); /* xor */
    const_i64(g, 0x9e3779b97f4a7c15);
    op(g, 0x7e); /* mul */
    op_u(g, 0x21, hash);
}

void mix(struct gen *g, unsigned type, uint32_t hash)
{
    switch (type) {
    case T_F32:
        canonical(g, T_F32, 0);
        op(g, 0xbc);
        op(g, 0xad);
        break;
    case T_F64:
        canonical(g, T_F64, 0);
        op(g, 0xbd);
        break;
    case T_I32:
        op(g, chance(g, 50) ? 0xad : 0xac);
        break;
    case T_V128: /* the high half first */
        op_u(g, 0x22, g->scratch[T_V128]);
        op_prefixed(g, 0xfd, 29);
        put(&g->code, 1);
        mix_i64(g, hash);
        op_u(g, 0x20, g->scratch[T_V128]);
        op_prefixed(g, 0xfd, 29);
        put(&g->code, 0);
        break;
    default:
        break;
    }
    mix_i64(g, hash);
}
