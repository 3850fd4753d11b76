// SPDX-License-Identifier: MIT
//
// See vector_cases.h.
#include "tests/unit/jit/vector_cases.h"

#include "kernel/lib/compiler.h"

#include <stdio.h>
#include <string.h>

#define ARENA_LIMIT ((size_t)16 << 20)
#define SHOWN       20
#define VECTORS_MAX 64u

/* ---- One function, and its calls ---- */

struct subject {
    const struct vector_runner *r;
    unsigned op, type, operands;
    uint8_t types[4]; /* of the operands, then of the result */
    uint32_t number;  /* of a lane */
    uint32_t lanes[4];
    /* which operand is a constant, and its bits; 3: none */
    unsigned constant;
    struct ir_bits bits;
    enum asking { AS_VALUE, BY_BRANCH, BY_SELECT } asking;
};

static unsigned failures, done;

static bool is_nan(const struct ir_bits *v, unsigned bits, unsigned lane)
{
    if (bits == 64) {
        return ((lane == 0 ? v->lo : v->hi) & INT64_MAX) > 0x7ff0000000000000;
    }
    uint64_t word = lane < 2 ? v->lo : v->hi;
    return (word >> (lane % 2 * 32) & 0x7fffffff) > 0x7f800000;
}

/* An arithmetic operation may produce any NaN, but a quiet one. */
static bool any_nan(unsigned lane_op)
{
    return (lane_op >= IR_LANE_FADD && lane_op <= IR_LANE_FMAX) ||
           (lane_op >= IR_LANE_FSQRT && lane_op <= IR_LANE_FNEAREST) || lane_op == IR_LANE_FMA ||
           lane_op == IR_LANE_FNMA || lane_op == IR_LANE_DEMOTE_ZERO ||
           lane_op == IR_LANE_PROMOTE_LOW;
}

static bool is_same(unsigned op, struct ir_bits want, struct ir_bits got)
{
    if (any_nan(ir_op_info[op].lane_op)) {
        bool is_double = ir_op_info[op].shape == IR_SHAPE_F64X2;
        uint64_t quiet = is_double ? UINT64_C(1) << 51 : UINT64_C(1) << 22;
        for (unsigned lane = 0; lane < (is_double ? 2u : 4u); lane++) {
            unsigned bits = is_double ? 64 : 32, shift = is_double ? 0 : lane % 2 * 32;
            uint64_t mask = (is_double ? UINT64_MAX : UINT32_MAX) << shift;
            bool low = is_double ? lane == 0 : lane < 2;
            if (is_nan(&want, bits, lane) && is_nan(&got, bits, lane) &&
                ((low ? got.lo : got.hi) >> shift & quiet) != 0) {
                *(low ? &got.lo : &got.hi) &= ~mask;
                *(low ? &want.lo : &want.hi) &= ~mask;
            }
        }
    }
    return want.lo == got.lo && want.hi == got.hi;
}

static void complain(const struct subject *s, const struct ir_bits operands[3], struct ir_bits want,
                     struct ir_bits got)
{
    if (failures++ < SHOWN) {
        printf("# %s lane %u constant %u asked %d:", ir_op_info[s->op].text, s->number, s->constant,
               (int)s->asking);
        for (unsigned n = 0; n < s->operands; n++) {
            printf(" %016llx'%016llx", (unsigned long long)operands[n].hi,
                   (unsigned long long)operands[n].lo);
        }
        printf(": %016llx'%016llx, not %016llx'%016llx\n", (unsigned long long)got.hi,
               (unsigned long long)got.lo, (unsigned long long)want.hi,
               (unsigned long long)want.lo);
    }
}

static void check(const struct subject *s, const struct ir_bits args[3])
{
    struct ir_bits operands[3], want, got;
    enum ir_trap trap;
    memcpy(operands, args, sizeof operands);
    if (s->constant < 3) {
        operands[s->constant] = s->bits;
    }
    unsigned form = ir_op_info[s->op].form;
    struct ir_bits all[3] = {operands[0], operands[1], operands[2]};
    if (form == IR_FORM_EXTRACT_LANE || form == IR_FORM_REPLACE_LANE) {
        all[form == IR_FORM_EXTRACT_LANE ? 1 : 2].lo = s->number;
    } else if (form == IR_FORM_SHUFFLE) {
        memcpy(&all[2], s->lanes, sizeof all[2]);
    }
    if (!ir_eval(s->op, s->type, s->types[0], all, &want, &trap)) {
        printf("# %s is not evaluated\n", ir_op_info[s->op].text);
        failures++;
        return;
    }
    got = s->r->call(s->r->ctx, operands);
    if (!is_same(s->op, want, got)) {
        complain(s, operands, want, got);
    }
}

/* ---- Building ---- */

static uint32_t constant_of(struct ir_function *f, unsigned type, struct ir_bits bits)
{
    return type == IR_V128 ? ir_const_vector(f, bits.lo, bits.hi) : ir_const(f, type, bits.lo);
}

/* 1 or 0, by an operation that uses the test itself. */
static uint32_t ask(struct ir_function *f, enum asking asking, uint32_t test)
{
    if (asking == AS_VALUE) {
        return test;
    }
    uint32_t yes = ir_const(f, IR_I32, 1), no = ir_const(f, IR_I32, 0);
    if (asking == BY_SELECT) {
        return ir_emit(f, IR_SELECT, IR_I32, test, yes, no);
    }
    uint32_t blocks[2] = {ir_block_new(f), ir_block_new(f)};
    uint32_t edges[2] = {ir_edge(f, blocks[0], NULL, 0), ir_edge(f, blocks[1], NULL, 0)};
    ir_emit(f, IR_BRANCH, IR_VOID, test, edges[0], edges[1]);
    ir_block_start(f, blocks[1]);
    ir_emit(f, IR_RETURN, IR_VOID, 0, ir_pool(f, &no, 1), 1);
    ir_block_start(f, blocks[0]);
    return yes;
}

static uint32_t emit_operation(struct ir_function *f, const struct subject *s, const uint32_t v[3])
{
    switch ((enum ir_form)ir_op_info[s->op].form) {
    case IR_FORM_EXTRACT_LANE:
        return ir_emit(f, s->op, s->type, v[0], s->number, 0);
    case IR_FORM_REPLACE_LANE:
        return ir_emit(f, s->op, s->type, v[0], v[1], s->number);
    case IR_FORM_SHUFFLE:
        return ir_shuffle(f, v[0], v[1], (const uint8_t *)s->lanes);
    default:
        return ir_emit(f, s->op, s->type, v[0], v[1], v[2]);
    }
}

static struct ir_function *make(struct arena *a, const struct ir_module *m, const struct subject *s)
{
    struct ir_function *f = ir_function_new(a, m, 0);
    uint32_t v[3] = {0, 0, 0};
    ir_block_start(f, ir_block_new(f));
    for (unsigned n = 0; n < s->operands; n++) {
        v[n] = ir_param(f, s->types[n]);
    }
    if (s->constant < 3) {
        v[s->constant] = constant_of(f, s->types[s->constant], s->bits);
    }
    uint32_t result = ask(f, s->asking, emit_operation(f, s, v));
    ir_emit(f, IR_RETURN, IR_VOID, 0, ir_pool(f, &result, 1), 1);
    return f;
}

/* Compile the subject and call each(). */
static void with_subject(struct subject *s, void (*each)(const struct subject *s, void *ctx),
                         void *ctx)
{
    static const struct ir_memory memory = {.guard_bytes = 0x80000000, .base = 0, .length = 8};
    const struct ir_signature signature = {.types = 0, .params = s->operands, .results = 1};
    const struct ir_callee callee = {.name = "f"};
    struct arena a;
    s->types[s->operands] = (uint8_t)s->type;
    const struct ir_module module = {s->types, &signature, &callee, &memory, 4,
                                     1,        1,          1,       {0},     false};
    arena_init(&a, ARENA_LIMIT);
    if (s->r->load(s->r->ctx, &module, make(&a, &module, s), &a)) {
        each(s, ctx);
    } else {
        failures++;
        printf("# not compiled: %s\n", ir_op_info[s->op].text);
    }
    s->r->unload(s->r->ctx);
    arena_free_all(&a);
    done++;
}

/* ---- Operands ---- */

/** Vectors whose lanes are boundary values. */
struct group {
    unsigned bits, count; /* of a lane */
    struct ir_bits v[VECTORS_MAX];
};

static const uint64_t f32_edges[] = {
    0,          0x80000000, 1,          0x80000001, 0x007fffff, 0x00800000, 0x3effffff,
    0x3f000000, 0x3f800000, 0xbf800000, 0x3fc00000, 0xc0200000, 0x4b7fffff, 0x4b000001,
    0x4effffff, 0x4f000000, 0xcf000000, 0xcf000001, 0x4f7fffff, 0x4f800000, 0x7f7fffff,
    0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001, 0xffa12345, 0x7fffffff};
static const uint64_t f64_edges[] = {0,
                                     0x8000000000000000,
                                     1,
                                     0x800fffffffffffff,
                                     0x0010000000000000,
                                     0x36a0000000000000,
                                     0x3810000000000000,
                                     0x3fdfffffffffffff,
                                     0x3fe0000000000000,
                                     0x3ff0000000000000,
                                     0xbff8000000000000,
                                     0xc004000000000000,
                                     0x41dfffffffc00000,
                                     0x41dfffffffe00000,
                                     0x41e0000000000000,
                                     0xc1e0000000000000,
                                     0xc1e0000000200000,
                                     0x41efffffffe00000,
                                     0x41f0000000000000,
                                     0x4340000000000001,
                                     0x47efffffefffffff,
                                     0x47effffff0000000,
                                     0x7fefffffffffffff,
                                     0x7ff0000000000000,
                                     0xfff0000000000000,
                                     0x7ff8000000000000,
                                     0xfff8000000000000,
                                     0x7ff0000000000001,
                                     0xfff4123456789abc};

static void set_lane(struct ir_bits *v, unsigned bits, unsigned lane, uint64_t value)
{
    memcpy((uint8_t *)v + lane * bits / 8, &value, bits / 8);
}

/* Vector k has edge k + lane in each lane, so all pairs of vectors have all pairs of edges in each
 * lane. Then one with equal lanes for 0 and all ones. */
static void fill(struct group *g, unsigned bits, const uint64_t *edges, unsigned count)
{
    memset(g, 0, sizeof *g);
    g->bits = bits;
    for (unsigned k = 0; k < count; k++) {
        for (unsigned lane = 0; lane < 128 / bits; lane++) {
            set_lane(&g->v[k], bits, lane, edges[(k + lane) % count]);
        }
    }
    g->v[count + 1] = (struct ir_bits){UINT64_MAX, UINT64_MAX};
    g->count = count + 2;
}

static struct group groups[6];

static void fill_groups(void)
{
    for (unsigned n = 0; n < 4; n++) {
        unsigned bits = 8u << n, half = bits / 2;
        uint64_t top = UINT64_C(1) << (bits - 1);
        const uint64_t edges[] = {0,
                                  1,
                                  2,
                                  UINT64_C(1) << half,
                                  top - 1,
                                  top,
                                  top + 1,
                                  2 * top - 2,
                                  2 * top - 1,
                                  (UINT64_C(1) << half) - 1,
                                  0x5a5a5a5a5a5a5a5a,
                                  top | UINT64_C(1) << (half - 1)};
        fill(&groups[n], bits, edges, ARRAY_COUNT(edges));
    }
    fill(&groups[4], 32, f32_edges, ARRAY_COUNT(f32_edges));
    fill(&groups[5], 64, f64_edges, ARRAY_COUNT(f64_edges));
}

/* ---- All pairs ---- */

static void call_unary(const struct subject *s, void *ctx)
{
    (void)ctx;
    for (unsigned g = 0; g < ARRAY_COUNT(groups); g++) {
        for (unsigned n = 0; n < groups[g].count; n++) {
            const struct ir_bits args[3] = {groups[g].v[n]};
            check(s, args);
        }
    }
}

static void call_binary(const struct subject *s, void *ctx)
{
    (void)ctx;
    for (unsigned g = 0; g < ARRAY_COUNT(groups); g++) {
        for (unsigned n = 0; n < groups[g].count * groups[g].count; n++) {
            const struct ir_bits args[3] = {groups[g].v[n % groups[g].count],
                                            groups[g].v[n / groups[g].count],
                                            groups[(g + 1) % 6].v[n % 12]};
            check(s, args);
        }
    }
}

/* One vector of each group as the constant, and as the same value twice. */
static void with_constants(struct subject *s)
{
    for (unsigned g = 0; g < ARRAY_COUNT(groups); g++) {
        for (unsigned side = 0; side < 2; side++) {
            s->constant = side;
            s->bits = groups[g].v[g == 0 ? 12 : g + side];
            with_subject(s, call_unary, NULL);
        }
    }
    s->constant = 3;
}

/* ---- Shifts ---- */

static void call_shift(const struct subject *s, void *ctx)
{
    const struct group *g = &groups[*(unsigned *)ctx];
    for (unsigned count = 0; count < 258; count++) {
        struct ir_bits args[3] = {g->v[count % g->count], {count, 0}};
        args[1].lo = count < 256 ? count : count == 256 ? 0x80000000 : 0xffffffff;
        check(s, args);
        args[0] = g->v[(count + 5) % g->count];
        check(s, args);
    }
}

static void shift(struct subject *s)
{
    unsigned group = ir_op_info[s->op].shape - IR_SHAPE_I8X16, bits = groups[group].bits;
    s->types[1] = IR_I32;
    with_subject(s, call_shift, &group);
    s->constant = 1;
    for (unsigned count = 0; count < 256; count += count == bits + 1 ? 255 - count : 1) {
        s->bits = (struct ir_bits){count, 0};
        with_subject(s, call_unary, NULL);
    }
    s->constant = 3;
}

/* ---- Lanes and scalars ---- */

static void call_scalar(const struct subject *s, void *ctx)
{
    const struct group *g = &groups[*(unsigned *)ctx];
    unsigned at = s->operands - 1;
    for (unsigned n = 0; n < g->count; n++) {
        struct ir_bits args[3] = {groups[5].v[n % 29]};
        bool wide = ir_type_size(s->types[at]) == 8;
        args[at] = (struct ir_bits){wide ? g->v[n].lo : (uint32_t)g->v[n].lo, 0};
        check(s, args);
    }
}

static void lanes(struct subject *s)
{
    unsigned shape = ir_op_info[s->op].shape, group = shape - IR_SHAPE_I8X16;
    unsigned scalar = ir_shape_scalar(shape), form = ir_op_info[s->op].form;
    s->types[s->operands - 1] =
        (uint8_t)(form == IR_FORM_EXTRACT_LANE ? (unsigned)IR_V128 : scalar);
    s->type = form == IR_FORM_EXTRACT_LANE ? scalar : (unsigned)IR_V128;
    unsigned count = form == IR_FORM_UNARY ? 1 : ir_shape_lanes(shape);
    for (s->number = 0; s->number < count; s->number++) {
        if (form == IR_FORM_EXTRACT_LANE) {
            with_subject(s, call_unary, NULL);
        } else {
            with_subject(s, call_scalar, &group);
        }
    }
    s->number = 0;
}

/* ---- Shuffles ---- */

/* Lanes n of a shuffle, by kind: consecutive; then for each size interleaved, every second, pairs,
 * backwards, one lane everywhere, one lane from elsewhere; then random. */
static void lanes_of(uint8_t out[16], unsigned kind)
{
    static uint32_t state = 12345;
    unsigned size = kind / 8 % 4, width = 1u << size, count = 16 / width, what = kind % 8;
    unsigned variant = kind / 32;
    for (unsigned n = 0; n < 16; n++) {
        unsigned lane = n / width, from = lane;
        switch (what) {
        case 0:
            from = lane / 2 + lane % 2 * count + variant % 2 * count / 2;
            break;
        case 1:
            from = 2 * lane + variant % 2;
            break;
        case 2:
            from = (lane & ~1u) + lane % 2 * count + variant % 2;
            break;
        case 3:
            from = lane ^ ((1u << (variant % 4)) - 1);
            break;
        case 4:
            from = variant * 5 % (2 * count);
            break;
        case 5:
            from = lane == variant % count ? (variant * 7 + 3) % (2 * count) : lane;
            break;
        case 6:
            out[n] = (uint8_t)((n + kind) % 32);
            continue;
        default:
            state = state * 1103515245 + 12345;
            out[n] = (uint8_t)(state >> 16 & 31);
            continue;
        }
        out[n] = (uint8_t)((from * width + n % width + variant / 2 % 2 * 16) % 32);
    }
    for (unsigned n = 0; n < 16 && variant >= 4 && what != 6; n++) {
        out[n] %= 16; /* of one operand */
    }
}

static void call_shuffle(const struct subject *s, void *ctx)
{
    static const struct ir_bits args[3] = {{0x0706050403020100, 0x0f0e0d0c0b0a0908},
                                           {0x1716151413121110, 0x1f1e1d1c1b1a1918}};
    (void)ctx;
    check(s, args);
}

static void shuffle(struct subject *s)
{
    for (unsigned kind = 0; kind < 32 * 8; kind++) {
        lanes_of((uint8_t *)s->lanes, kind);
        with_subject(s, call_shuffle, NULL);
        if (kind % 5 == 0) {
            s->constant = kind % 2;
            s->bits = groups[1].v[kind % 12];
            with_subject(s, call_shuffle, NULL);
            s->constant = 3;
        }
    }
}

/* ---- By operation ---- */

static void run_tests(struct subject *s)
{
    s->type = IR_I32;
    for (unsigned asking = AS_VALUE; asking <= BY_SELECT; asking++) {
        s->asking = (enum asking)asking;
        if (asking == AS_VALUE || ir_op_info[s->op].lane_op != IR_LANE_BITMASK) {
            with_subject(s, call_unary, NULL);
        }
    }
}

static void run_op(const struct vector_runner *r, unsigned op)
{
    unsigned form = ir_op_info[op].form;
    unsigned operands = form == IR_FORM_UNARY || form == IR_FORM_EXTRACT_LANE ? 1
                        : form == IR_FORM_SELECT                              ? 3
                                                                              : 2;
    struct subject s = {.r = r,
                        .op = op,
                        .type = IR_V128,
                        .operands = operands,
                        .constant = 3,
                        .types = {IR_V128, IR_V128, IR_V128, IR_V128}};
    switch ((enum ir_typing)ir_op_info[op].typing) {
    case IR_TYPES_TESTS_VECTOR:
        run_tests(&s);
        break;
    case IR_TYPES_VECTOR_SHIFT:
        shift(&s);
        break;
    case IR_TYPES_SPLATS:
    case IR_TYPES_EXTRACTS:
    case IR_TYPES_REPLACES:
        lanes(&s);
        break;
    default:
        if (form == IR_FORM_SHUFFLE) {
            shuffle(&s);
        } else if (form == IR_FORM_UNARY) {
            with_subject(&s, call_unary, NULL);
        } else if (form != IR_FORM_VECTOR_CONST) {
            with_subject(&s, call_binary, NULL);
            with_constants(&s);
        }
        break;
    }
}

/* ---- Constants, selections, loads and stores ---- */

/** A function from two parameters, i64 and i32 or v128, to v128. */
struct special {
    struct ir_bits constant;
    unsigned access; /* of a load, or IR_ACCESS_COUNT */
    unsigned offset;
    bool has_index, selects;
};

static uint32_t emit_special(struct ir_function *f, const struct special *p, const uint32_t v[3])
{
    if (p->selects) {
        return ir_emit(f, IR_SELECT, IR_V128, v[2], v[1],
                       ir_const_vector(f, p->constant.lo, p->constant.hi));
    }
    if (p->access == IR_ACCESS_COUNT) {
        return ir_const_vector(f, p->constant.lo, p->constant.hi);
    }
    struct ir_memref memref = {
        .space = IR_SPACE_ADDRESS, .access = (uint8_t)p->access, .offset = p->offset};
    uint32_t at = v[0];
    if (p->has_index) {
        at = ir_emit(f, IR_ADD, IR_I64, at, ir_emit(f, IR_EXTEND_U, IR_I64, v[2], 0, 0), 0);
    }
    return ir_emit(f, IR_LOAD, IR_V128, at, 0, ir_memref(f, &memref));
}

static void run_special(const struct vector_runner *r, const struct special *p, struct ir_bits want,
                        const struct ir_bits args[3])
{
    static const uint8_t types[] = {IR_I64, IR_V128, IR_I32, IR_V128};
    static const struct ir_memory memory = {.guard_bytes = 0x80000000, .base = 0, .length = 8};
    static const struct ir_signature signature = {.types = 0, .params = 3, .results = 1};
    static const struct ir_callee callee = {.name = "f"};
    const struct ir_module module = {types, &signature, &callee, &memory, 4, 1, 1, 1, {0}, false};
    struct arena a;
    arena_init(&a, ARENA_LIMIT);
    struct ir_function *f = ir_function_new(&a, &module, 0);
    ir_block_start(f, ir_block_new(f));
    uint32_t v[3];
    for (unsigned n = 0; n < 3; n++) {
        v[n] = ir_param(f, types[n]);
    }
    uint32_t result = emit_special(f, p, v);
    ir_emit(f, IR_RETURN, IR_VOID, 0, ir_pool(f, &result, 1), 1);
    struct ir_bits got = {0, 0};
    bool is_loaded = r->load(r->ctx, &module, f, &a);
    if (is_loaded) {
        got = r->call(r->ctx, args);
    }
    if ((!is_loaded || got.lo != want.lo || got.hi != want.hi) && failures++ < SHOWN) {
        printf("# %s, access %u offset %u index %d: %016llx'%016llx, not %016llx'%016llx\n",
               p->selects ? "select" : "constant or load", p->access, p->offset, p->has_index,
               (unsigned long long)got.hi, (unsigned long long)got.lo, (unsigned long long)want.hi,
               (unsigned long long)want.lo);
    }
    r->unload(r->ctx);
    arena_free_all(&a);
    done++;
}

static void run_constant(const struct vector_runner *r, uint64_t lo, uint64_t hi)
{
    const struct special p = {.constant = {lo, hi}, .access = IR_ACCESS_COUNT};
    const struct ir_bits args[3] = {{0, 0}};
    run_special(r, &p, p.constant, args);
}

/* Each byte of a lane, alone and inverted, in one half and in both; floats. */
static void run_constants(const struct vector_runner *r)
{
    static const uint64_t ones[4] = {0x0101010101010101, 0x0001000100010001, 0x0000000100000001, 1};
    for (unsigned size = 0; size < 4; size++) {
        for (unsigned byte = 0; byte < 1u << size; byte++) {
            uint64_t v = (UINT64_C(0xa5) << 8 * byte) * ones[size];
            const uint64_t forms[] = {v, ~v, v | v << 1, (UINT64_C(0xff) << 8 * byte) * ones[size]};
            for (unsigned n = 0; n < ARRAY_COUNT(forms); n++) {
                run_constant(r, forms[n], forms[n]);
                run_constant(r, forms[n], 0);
                run_constant(r, 0, forms[n]);
                run_constant(r, forms[n], ~forms[n]);
            }
        }
    }
    for (unsigned n = 0; n < groups[4].count; n++) {
        run_constant(r, groups[4].v[n].lo, groups[4].v[n].hi);
        run_constant(r, f32_edges[n % 28] * ones[2], f32_edges[n % 28] * ones[2]);
        run_constant(r, f64_edges[n % 29], f64_edges[n % 29]);
    }
}

static void run_loads(const struct vector_runner *r)
{
    _Alignas(16) uint8_t bytes[96];
    for (unsigned n = 0; n < sizeof bytes; n++) {
        bytes[n] = (uint8_t)(n * 37 + 0x79);
    }
    for (unsigned access = IR_ACCESS_FULL; access < IR_ACCESS_COUNT; access++) {
        if (access > IR_ACCESS_FULL && access < IR_ACCESS_8_SPLAT) {
            continue;
        }
        for (unsigned n = 0; n < 6; n++) {
            const struct special p = {
                .access = access, .offset = n / 2 * 17, .has_index = n % 2 != 0};
            unsigned index = 13;
            const struct ir_bits args[3] = {{(uintptr_t)bytes + 1, 0}, {0, 0}, {index, 0}};
            const uint8_t *at = bytes + 1 + p.offset + (p.has_index ? index : 0);
            run_special(r, &p, ir_read(at, access, IR_V128), args);
        }
    }
}

static void run_selections(const struct vector_runner *r)
{
    const struct special p = {
        .constant = groups[3].v[2], .selects = true, .access = IR_ACCESS_COUNT};
    for (unsigned n = 0; n < 3; n++) {
        const struct ir_bits args[3] = {
            {0, 0}, groups[0].v[4], {n == 0 ? 0 : 1u << (31 * (n - 1)), 0}};
        run_special(r, &p, n == 0 ? p.constant : args[1], args);
    }
}

bool vector_cases_run(const struct vector_runner *r)
{
    failures = done = 0;
    fill_groups();
    for (unsigned op = 0; op < IR_OP_COUNT; op++) {
        if (ir_op_info[op].shape != IR_SHAPE_NONE && (vector_case_relaxed(op) & ~r->relaxed) == 0) {
            run_op(r, op);
        }
    }
    run_constants(r);
    run_loads(r);
    run_selections(r);
    printf("# %u functions with vectors, %u wrong\n", done, failures);
    return failures == 0 && done > 1000;
}
