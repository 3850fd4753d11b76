// SPDX-License-Identifier: MIT
//
// Values of random programs: operations on existing values. Shapes that rules look for are likely:
// constants near powers of two, compares of compares, extensions of narrow loads, and accesses of
// all widths to few addresses.
#include "tests/unit/jit/ir_random.h"

#include "kernel/lib/compiler.h"

uint32_t random_below(struct random_gen *g, uint32_t n)
{
    g->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = g->state;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(((z ^ z >> 31) & UINT32_MAX) * n >> 32);
}

static uint64_t bits(struct random_gen *g)
{
    return (uint64_t)random_below(g, UINT32_MAX) << 32 | random_below(g, UINT32_MAX);
}

uint32_t random_emit(struct random_gen *g, unsigned op, unsigned type, uint32_t a, uint32_t b,
                     uint32_t c)
{
    g->left--;
    g->f->location = ++g->location;
    return ir_emit(g->f, op, type, a, b, c);
}

void random_remember(struct random_gen *g, uint32_t value)
{
    g->recent.values[g->recent.count++ % IR_RANDOM_RECENT] = value;
}

unsigned random_local_type(unsigned n)
{
    static const uint8_t types[IR_RANDOM_LOCALS] = {IR_I32, IR_I64, IR_I32, IR_F64,
                                                    IR_I32, IR_I64, IR_F32, IR_I32};
    return types[n];
}

unsigned random_type(struct random_gen *g)
{
    static const uint8_t types[] = {IR_I32, IR_I32, IR_I64, IR_I32, IR_I64, IR_F64, IR_F32};
    return types[random_below(g, (g->flags & IR_RANDOM_FLOATS) != 0 ? 7 : 5)];
}

static uint64_t interesting(struct random_gen *g, unsigned type)
{
    static const uint64_t floats[] = {0x3ff0000000000000, 0,
                                      0x8000000000000000, 0x7ff0000000000000,
                                      0x7ff8000000000000, 0xfff8000000000001,
                                      0x41dfffffffc00000, 0x41e0000000000000,
                                      0xc1e0000000200000, 0x43e0000000000000,
                                      0x3fe0000000000000, 0x4008000000000000};
    static const uint64_t singles[] = {0x3f800000, 0,          0x80000000, 0x7f800000, 0x7fc00000,
                                       0xffc00001, 0x4f000000, 0xcf000000, 0x5f000000, 0x40400000};
    if (type == IR_F64) {
        return floats[random_below(g, ARRAY_COUNT(floats))];
    }
    if (type == IR_F32) {
        return singles[random_below(g, ARRAY_COUNT(singles))];
    }
    unsigned width = type == IR_I32 ? 32 : 64;
    uint64_t power = UINT64_C(1) << random_below(g, width);
    switch (random_below(g, 8)) {
    case 0:
        return 0;
    case 1:
        return 1;
    case 2:
        return UINT64_MAX;
    case 3:
        return power;
    case 4:
        return power - 1;
    case 5:
        return 0 - power;
    case 6:
        return random_below(g, 64);
    default:
        return bits(g) >> random_below(g, 64);
    }
}

static uint32_t constant(struct random_gen *g, unsigned type)
{
    return ir_const(g->f, type, interesting(g, type));
}

/* Mostly one of the newest values, so that the same ones are used together often. */
static uint32_t recent(struct random_gen *g, unsigned type)
{
    const struct random_recent *r = &g->recent;
    unsigned held = r->count < IR_RANDOM_RECENT ? r->count : IR_RANDOM_RECENT;
    unsigned skip = held == 0 ? 0 : random_below(g, 1 + random_below(g, held));
    for (unsigned n = 0; n < held; n++) {
        uint32_t v = r->values[(r->count + 2 * held - 1 - skip - n) % held];
        if (g->f->instrs[v].type == type) {
            return v;
        }
    }
    return IR_NONE;
}

uint32_t random_value(struct random_gen *g, unsigned type)
{
    unsigned first = random_below(g, IR_RANDOM_LOCALS);
    if (random_below(g, 5) == 0) {
        return constant(g, type);
    }
    uint32_t v = random_below(g, 2) == 0 ? recent(g, type) : IR_NONE;
    if (v != IR_NONE) {
        return v;
    }
    for (unsigned n = 0; n < IR_RANDOM_LOCALS; n++) {
        unsigned local = (first + n) % IR_RANDOM_LOCALS;
        if (random_local_type(local) == type) {
            return g->locals[local];
        }
    }
    return constant(g, type);
}

/* ---- Memory ---- */

static uint32_t place(struct random_gen *g, struct ir_memref p)
{
    return ir_memref(g->f, &p);
}

/* An access width that the type allows. */
static unsigned width(struct random_gen *g, unsigned type)
{
    if (random_below(g, 3) == 0) {
        return IR_ACCESS_FULL;
    }
    if (type == IR_I32) {
        return random_below(g, IR_ACCESS_16_U + 1);
    }
    return type == IR_I64 ? random_below(g, IR_ACCESS_32_U + 1) : IR_ACCESS_FULL;
}

static unsigned stored_type(struct random_gen *g)
{
    return (g->flags & IR_RANDOM_FLOAT_BITS) != 0 ? random_type(g) : IR_I32 + random_below(g, 2);
}

uint32_t random_global(struct random_gen *g, unsigned type, bool is_constant)
{
    /* half of the globals: each has an alias class, and no access crosses the border */
    unsigned half = random_below(g, 2);
    uint32_t at = is_constant
                      ? IR_RANDOM_CONSTANTS + 8 * random_below(g, 4)
                      : IR_RANDOM_GLOBALS + 32 * half + 4 * random_below(g, 1 + random_below(g, 7));
    return place(g, (struct ir_memref){.space = IR_SPACE_CONTEXT,
                                       .offset = at,
                                       .access = (uint8_t)width(g, type),
                                       .alias_class = (uint8_t)(is_constant ? 0 : 2 + half),
                                       .is_constant = is_constant});
}

/* An address in memory: its base plus an index that is always inside. */
static uint32_t pointer(struct random_gen *g)
{
    uint32_t base =
        place(g, (struct ir_memref){
                     .space = IR_SPACE_CONTEXT, .offset = IR_RANDOM_BASE, .is_constant = true});
    uint32_t start = random_emit(g, IR_LOAD, IR_I64, IR_NONE, 0, base);
    uint32_t index = random_emit(g, IR_EXTEND_U, IR_I64, g->bases[random_below(g, 3)], 0, 0);
    return random_emit(g, IR_ADD, IR_I64, start, index, 0);
}

static uint32_t index_value(struct random_gen *g)
{
    uint32_t mask;
    switch (random_below(g, 64)) {
    case 0:
        return (g->flags & IR_RANDOM_TRAPS) != 0 ? random_value(g, IR_I32) : g->bases[0];
    case 1: /* the sum of indices wraps; adding the offset must not */
        return random_emit(g, IR_ADD, IR_I32, g->bases[0],
                           ir_const(g->f, IR_I32, (uint32_t) - (int)random_below(g, 8)), 0);
    case 2: /* this one wraps, too, to a valid address */
        mask = random_emit(g, IR_OR, IR_I32, g->bases[0], ir_const(g->f, IR_I32, 0x80000008), 0);
        return random_emit(g, IR_ADD, IR_I32, mask, ir_const(g->f, IR_I32, 0x7ffffff8), 0);
    case 3:
    case 4:
    case 5:
    case 6:
        mask = ir_const(g->f, IR_I32, 0xff0 | random_below(g, 16));
        return random_emit(g, IR_AND, IR_I32, random_value(g, IR_I32), mask, 0);
    case 7:
    case 8:
    case 9:
        return random_emit(g, IR_ADD, IR_I32, g->bases[random_below(g, 3)],
                           ir_const(g->f, IR_I32, random_below(g, 16)), 0);
    default:
        return g->bases[random_below(g, 4) == 0 ? random_below(g, 3) : 0];
    }
}

static uint64_t offset(struct random_gen *g)
{
    if ((g->flags & IR_RANDOM_TRAPS) != 0 && random_below(g, 128) == 0) {
        return random_below(g, 2) == 0 ? 0x7ffffff8 : 65530;
    }
    return random_below(g, 3) == 0 ? random_below(g, 9) : 4 * (uint64_t)(random_below(g, 4) == 0);
}

/* The index and the region of an access of this type. */
static uint32_t target(struct random_gen *g, unsigned type, uint32_t *where)
{
    struct ir_memref p = {.access = (uint8_t)width(g, type)};
    unsigned kind = random_below(g, 16);
    if (kind == 0) {
        *where = random_global(g, type, false);
        return IR_NONE;
    }
    if (kind <= 2 && (g->flags & IR_RANDOM_SLOTS) != 0) {
        p.space = IR_SPACE_SLOT;
        p.number = random_below(g, 2);
        p.offset = random_below(g, 9);
        p.alias_class = 4;
        *where = place(g, p);
        return IR_NONE;
    }
    p.offset = offset(g);
    p.alias_class = 1;
    if (kind == 3) {
        p.space = IR_SPACE_ADDRESS;
        p.offset &= 15;
        uint32_t address = pointer(g);
        *where = place(g, p);
        return address;
    }
    p.space = IR_SPACE_MEMORY;
    uint32_t index = index_value(g);
    *where = place(g, p);
    return index;
}

static uint32_t load(struct random_gen *g, unsigned type)
{
    uint32_t where, index = target(g, type, &where);
    return random_emit(g, IR_LOAD, type, index, 0, where);
}

static void copy_bytes(struct random_gen *g)
{
    uint32_t to = random_emit(g, IR_SLOT, IR_I64, random_below(g, 2), 0, 0);
    if (random_below(g, 2) == 0) {
        random_emit(g, IR_ZERO_BYTES, IR_VOID, to, 0, 8);
        return;
    }
    uint32_t from = random_emit(g, IR_SLOT, IR_I64, 2, 0, 0);
    random_emit(g, IR_COPY_BYTES, IR_VOID, to, from, 16);
}

/* Read and write one word that much of the program uses. */
static void same_word(struct random_gen *g)
{
    uint32_t word = place(g, (struct ir_memref){.space = IR_SPACE_MEMORY, .alias_class = 1});
    if (random_below(g, 3) > 0) {
        uint32_t v = random_emit(g, IR_LOAD, IR_I32, g->bases[0], 0, word);
        g->locals[0] = random_emit(g, IR_ADD, IR_I32, g->locals[0], v, 0);
    } else {
        random_emit(g, IR_STORE, IR_VOID, g->bases[0], random_value(g, IR_I32), word);
    }
}

/* The two operands of a comparison: the expected value was often read before. */
static uint32_t compared(struct random_gen *g, unsigned type, uint32_t index, uint32_t where)
{
    unsigned access = g->f->memrefs[where].access, bits = 8 * ir_access_size(access, type);
    uint32_t words[2] = {random_value(g, type), random_value(g, type)};
    if (random_below(g, 3) > 0) {
        words[0] = random_emit(g, IR_ATOMIC_LOAD, type, index, 0, where);
    } else if (access != IR_ACCESS_FULL) {
        uint32_t mask = ir_const(g->f, type, (UINT64_C(1) << bits) - 1);
        words[0] = random_emit(g, IR_AND, type, words[0], mask, 0);
    }
    return ir_pool(g->f, words, 2);
}

/* At a multiple of 8. */
static void atomic(struct random_gen *g)
{
    static const uint8_t accesses[] = {IR_ACCESS_FULL, IR_ACCESS_8_U, IR_ACCESS_16_U,
                                       IR_ACCESS_32_U};
    unsigned type = IR_I32 + random_below(g, 2), op = IR_ATOMIC_LOAD + random_below(g, 9);
    struct ir_memref p = {.space = IR_SPACE_MEMORY,
                          .access = accesses[random_below(g, type == IR_I32 ? 3 : 4)],
                          .alias_class = 1,
                          .offset = 8 * (uint64_t)random_below(g, 3)};
    uint32_t where = place(g, p), aligned = ir_const(g->f, IR_I32, 0xfffffff8);
    uint32_t index = random_emit(g, IR_AND, IR_I32, index_value(g), aligned, 0), value = 0;
    if (op == IR_ATOMIC_COMPARE_SWAP) {
        value = compared(g, type, index, where);
    } else if (op != IR_ATOMIC_LOAD) {
        value = random_value(g, type);
    }
    bool stores = op == IR_ATOMIC_STORE;
    uint32_t result = random_emit(g, op, stores ? (unsigned)IR_VOID : type, index, value, where);
    if (!stores && random_below(g, 4) > 0) {
        random_remember(g, result);
    }
    if (random_below(g, 8) == 0) {
        random_emit(g, random_below(g, 2) == 0 ? IR_FENCE : IR_PUBLISH, IR_VOID, 0, 0, 0);
    }
}

void random_access(struct random_gen *g)
{
    if (random_below(g, 10) == 0) {
        atomic(g);
        return;
    }
    if (random_below(g, 16) == 0 && (g->flags & IR_RANDOM_SLOTS) != 0) {
        copy_bytes(g);
        return;
    }
    unsigned type = stored_type(g);
    if (random_below(g, 2) == 0) {
        same_word(g);
        return;
    }
    if (random_below(g, 2) == 0) {
        random_remember(g, load(g, type));
        return;
    }
    uint32_t where, index = target(g, type, &where), value = random_value(g, type);
    random_emit(g, IR_STORE, IR_VOID, index, value, where);
}

/* ---- Operations ---- */

static uint32_t compare(struct random_gen *g)
{
    static const uint8_t integer[] = {IR_EQ, IR_NE, IR_LT_S, IR_LT_U, IR_LE_S, IR_LE_U};
    static const uint8_t real[] = {IR_FEQ, IR_FNE, IR_FLT, IR_FLE};
    if (random_below(g, 6) == 0 && (g->flags & IR_RANDOM_FLOATS) != 0) {
        unsigned type = IR_F32 + random_below(g, 2);
        return random_emit(g, real[random_below(g, 4)], IR_I32, random_value(g, type),
                           random_value(g, type), 0);
    }
    unsigned type = IR_I32 + random_below(g, 2);
    uint32_t a = random_value(g, type);
    if (random_below(g, 4) == 0) {
        return random_emit(g, IR_EQZ, IR_I32, a, 0, 0);
    }
    uint32_t b = random_below(g, 2) == 0 ? constant(g, type) : random_value(g, type);
    return random_emit(g, integer[random_below(g, 6)], IR_I32, a, b, 0);
}

static uint32_t divide(struct random_gen *g, unsigned type)
{
    uint32_t by = random_below(g, 3) > 0 ? constant(g, type) : random_value(g, type);
    if (random_below(g, 8) > 0) { /* not 0 */
        by = random_emit(g, IR_OR, type, by, ir_const(g->f, type, 1), 0);
        by = random_below(g, 2) == 0 ? by : ir_const(g->f, type, interesting(g, type) | 2);
    }
    return random_emit(g, IR_DIV_S + random_below(g, 4), type, random_value(g, type), by, 0);
}

/* Convert between integer types. */
static uint32_t convert(struct random_gen *g, unsigned type)
{
    if (type == IR_I32) {
        return random_emit(g, IR_WRAP, IR_I32, random_value(g, IR_I64), 0, 0);
    }
    if (random_below(g, 4) == 0) {
        return random_emit(g, IR_EXTEND32_S, IR_I64, random_value(g, IR_I64), 0, 0);
    }
    return random_emit(g, IR_EXTEND_S + random_below(g, 2), IR_I64, random_value(g, IR_I32), 0, 0);
}

static uint32_t from_float(struct random_gen *g, unsigned type)
{
    if (random_below(g, 2) == 0 && (g->flags & IR_RANDOM_FLOAT_BITS) != 0) {
        return random_emit(g, IR_BITCAST, type, random_value(g, type == IR_I32 ? IR_F32 : IR_F64),
                           0, 0);
    }
    bool traps = random_below(g, 8) == 0 && (g->flags & IR_RANDOM_TRAPS) != 0;
    return random_emit(g, (traps ? IR_TO_INT_S : IR_TO_INT_SAT_S) + random_below(g, 2), type,
                       random_value(g, IR_F32 + random_below(g, 2)), 0, 0);
}

static uint32_t integer_binary(struct random_gen *g, unsigned type)
{
    static const uint8_t ops[] = {IR_ADD,  IR_SUB, IR_MUL,    IR_AND,   IR_OR,
                                  IR_XOR,  IR_SHL, IR_SHR_S,  IR_SHR_U, IR_ROTL,
                                  IR_ROTR, IR_ADD, IR_MULH_S, IR_MULH_U};
    uint32_t a = random_value(g, type);
    uint32_t b = random_below(g, 2) == 0 ? constant(g, type) : random_value(g, type);
    unsigned op = ops[random_below(g, ARRAY_COUNT(ops))];
    bool swap = random_below(g, 4) == 0;
    return random_emit(g, op, type, swap ? b : a, swap ? a : b, 0);
}

static uint32_t integer_unary(struct random_gen *g, unsigned type)
{
    static const uint8_t ops[] = {IR_CLZ, IR_CTZ, IR_POPCNT, IR_EXTEND8_S, IR_EXTEND16_S};
    return random_emit(g, ops[random_below(g, 5)], type, random_value(g, type), 0, 0);
}

static uint32_t real(struct random_gen *g, unsigned type)
{
    static const uint8_t binary[] = {IR_FADD, IR_FSUB, IR_FMUL,     IR_FDIV,
                                     IR_FMIN, IR_FMAX, IR_FCOPYSIGN};
    static const uint8_t unary[] = {IR_FNEG,   IR_FABS,   IR_FSQRT,   IR_FCEIL,
                                    IR_FFLOOR, IR_FTRUNC, IR_FNEAREST};
    switch (random_below(g, 8)) {
    case 0:
        return random_emit(g, unary[random_below(g, 7)], type, random_value(g, type), 0, 0);
    case 1:
        return random_emit(g, IR_FROM_INT_S + random_below(g, 2), type,
                           random_value(g, IR_I32 + random_below(g, 2)), 0, 0);
    case 2:
        return type == IR_F32 ? random_emit(g, IR_DEMOTE, type, random_value(g, IR_F64), 0, 0)
                              : random_emit(g, IR_PROMOTE, type, random_value(g, IR_F32), 0, 0);
    case 3:
        return random_emit(g, IR_BITCAST, type, random_value(g, type == IR_F32 ? IR_I32 : IR_I64),
                           0, 0);
    default:
        return random_emit(g,
                           binary[random_below(g, (g->flags & IR_RANDOM_FLOAT_BITS) != 0 ? 7 : 6)],
                           type, random_value(g, type), random_value(g, type), 0);
    }
}

static uint32_t integer(struct random_gen *g, unsigned type)
{
    switch (random_below(g, 16)) {
    case 0:
        return divide(g, type);
    case 1:
    case 2:
        return convert(g, type);
    case 3:
    case 4:
        return type == IR_I32 ? compare(g) : integer_binary(g, type);
    case 5:
        return integer_unary(g, type);
    case 6:
        if ((g->flags & IR_RANDOM_FLOATS) != 0) {
            return from_float(g, type);
        }
        return integer_unary(g, type);
    case 7:
        if ((g->flags & IR_RANDOM_MEMORY) != 0) {
            return load(g, type);
        }
        return integer_binary(g, type);
    case 8: {
        bool is_constant = random_below(g, 2) == 0;
        return random_emit(g, IR_LOAD, type, IR_NONE, 0, random_global(g, type, is_constant));
    }
    default:
        return integer_binary(g, type);
    }
}

uint32_t random_expression(struct random_gen *g, unsigned type)
{
    uint32_t v;
    if (random_below(g, 12) == 0) {
        v = random_emit(g, IR_SELECT, type, random_value(g, IR_I32), random_value(g, type),
                        random_value(g, type));
    } else {
        v = ir_is_float(type) ? real(g, type) : integer(g, type);
    }
    random_remember(g, v);
    return v;
}
