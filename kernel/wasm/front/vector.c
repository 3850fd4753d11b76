// SPDX-License-Identifier: MIT
//
// The operators with prefix 0xfd, by number, and those that are not a single instruction with
// operands of one type.
#include "kernel/wasm/front/build_internal.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

enum {
    WASM_NONE = 0,
};

static const struct wasm_operator operators[] = {
#define WASM_VECTOR_OP(number, name, shape, action, in, out, op, extra)                            \
    [number] = {                                                                                   \
        name, WASM_SHAPE_##shape, WASM_ACTION_##action, WASM_##in, WASM_##out, op, extra,          \
    },
#include "kernel/wasm/front/vector_operators.def"
#undef WASM_VECTOR_OP
};

const struct wasm_operator *wasm_vector_operator(uint32_t number)
{
    return number < ARRAY_COUNT(operators) ? &operators[number] : NULL;
}

/* ---- Operators of more than one instruction, or with operands of two types ---- */

/* Read the number of a lane, one byte. */
static uint32_t read_lane(struct wasm_builder *b, const struct wasm_operator *o)
{
    uint8_t lane = 0;
    if (wasm_byte(&b->r, &lane) && lane >= ir_shape_lanes(ir_op_info[o->op].shape)) {
        (void)BUILD_INVALID(b, "invalid lane index %u", lane);
    }
    return lane;
}

/* The operand's scalar type: the representation uses i32 for narrow lanes. */
static uint8_t scalar_type(const struct wasm_operator *o)
{
    static const uint8_t types[IR_TYPE_COUNT] = {
        [IR_I32] = WASM_I32, [IR_I64] = WASM_I64, [IR_F32] = WASM_F32, [IR_F64] = WASM_F64};
    return types[ir_shape_scalar(ir_op_info[o->op].shape)];
}

/* extract_lane and replace_lane. */
static void build_lane(struct wasm_builder *b, const struct wasm_operator *o)
{
    uint32_t lane = read_lane(b, o);
    if (ir_op_info[o->op].form == IR_FORM_EXTRACT_LANE) {
        uint32_t vector = build_pop(b, WASM_V128);
        build_push(b, o->out, build_emit(b, o->op, wasm_ir_type(o->out), vector, lane, 0));
        return;
    }
    uint32_t scalar = build_pop(b, o->in), vector = build_pop(b, WASM_V128);
    build_push(b, o->out, build_emit(b, o->op, IR_V128, vector, scalar, lane));
}

/* Access memory through a scalar for one lane. */
static void build_lane_access(struct wasm_builder *b, const struct wasm_operator *o)
{
    static const uint8_t accesses[] = {IR_ACCESS_8_U, IR_ACCESS_16_U, IR_ACCESS_FULL,
                                       IR_ACCESS_FULL};
    struct ir_memref memref = build_memory_immediate(b, o->extra, accesses[o->extra]);
    uint32_t lane = read_lane(b, o), vector = build_pop(b, WASM_V128),
             index = build_memory_index(b, &memref);
    unsigned type = wasm_ir_type(scalar_type(o));
    if (ir_op_info[o->op].form == IR_FORM_EXTRACT_LANE) {
        build_store(b, index, build_emit(b, o->op, type, vector, lane, 0), memref);
        return;
    }
    uint32_t scalar = build_load(b, type, index, memref);
    build_push(b, WASM_V128, build_emit(b, o->op, IR_V128, vector, scalar, lane));
}

static void build_vector_const(struct wasm_builder *b)
{
    uint64_t lo = 0, hi = 0;
    (void)(wasm_fixed(&b->r, 8, &lo) && wasm_fixed(&b->r, 8, &hi));
    build_push(b, WASM_V128, b->live ? ir_const_vector(b->f, lo, hi) : 0);
}

static void build_shuffle(struct wasm_builder *b)
{
    uint8_t lanes[16] = {0};
    for (unsigned n = 0; n < 16 && wasm_byte(&b->r, &lanes[n]); n++) {
        if (lanes[n] >= 32) {
            (void)BUILD_INVALID(b, "invalid lane index %u", lanes[n]);
        }
    }
    uint32_t second = build_pop(b, WASM_V128), first = build_pop(b, WASM_V128);
    if (b->live && b->m->helps_vectors) {
        uint64_t words[2];
        memcpy(words, lanes, sizeof words);
        uint32_t third = ir_const_vector(b->f, words[0], words[1]);
        build_push(b, WASM_V128,
                   build_vector_help(b, IR_I8X16_SHUFFLE, IR_V128, first, second, third));
        return;
    }
    build_push(b, WASM_V128, b->live ? ir_shuffle(b->f, first, second, lanes) : 0);
}

static void build_shift(struct wasm_builder *b, const struct wasm_operator *o)
{
    uint32_t count = build_pop(b, WASM_I32), vector = build_pop(b, WASM_V128);
    build_push(b, WASM_V128, build_emit(b, o->op, IR_V128, vector, count, 0));
}

/* ---- Three operands, and relaxed operators ---- */

/* build_emit() is inlined wherever it is called: this saves its copies. */
static NOINLINE uint32_t emit_vector(struct wasm_builder *b, unsigned op, uint32_t x, uint32_t y,
                                     uint32_t z)
{
    return build_emit(b, op, IR_V128, x, y, z);
}

/** Operands in the order of the module. */
struct three {
    uint32_t first, second, last;
};

static NOINLINE struct three pop_three(struct wasm_builder *b)
{
    struct three v;
    v.last = build_pop(b, WASM_V128);
    v.second = build_pop(b, WASM_V128);
    v.first = build_pop(b, WASM_V128);
    return v;
}

/* `o->op` adds the product to the last operand, or subtracts it from that. An engine may ask for
 * one operation that rounds once. */
static void build_multiply_add(struct wasm_builder *b, const struct wasm_operator *o)
{
    bool is_single = ir_op_info[o->op].shape == IR_SHAPE_F32X4;
    struct three v = pop_three(b);
    if ((b->m->relaxed & IR_RELAXED_FMA) != 0) {
        static const uint16_t ops[2][2] = {{IR_F64X2_FMA, IR_F64X2_FNMA},
                                           {IR_F32X4_FMA, IR_F32X4_FNMA}};
        bool subtracts = ir_op_info[o->op].lane_op == IR_LANE_FSUB;
        build_push(b, WASM_V128,
                   emit_vector(b, ops[is_single][subtracts], v.first, v.second, v.last));
        return;
    }
    uint32_t product =
        emit_vector(b, is_single ? IR_F32X4_FMUL : IR_F64X2_FMUL, v.first, v.second, 0);
    build_push(b, WASM_V128, emit_vector(b, o->op, v.last, product, 0));
}

static uint32_t dot_of_bytes(struct wasm_builder *b, uint32_t first, uint32_t second)
{
    bool is_native = (b->m->relaxed & IR_RELAXED_DOT_BYTES) != 0;
    return emit_vector(b, is_native ? IR_I16X8_DOT_BYTES : IR_I16X8_DOT_SAT_SU, first, second, 0);
}

static void build_dot(struct wasm_builder *b)
{
    uint32_t second = build_pop(b, WASM_V128), first = build_pop(b, WASM_V128);
    build_push(b, WASM_V128, dot_of_bytes(b, first, second));
}

static void build_dot_add(struct wasm_builder *b, const struct wasm_operator *o)
{
    struct three v = pop_three(b);
    unsigned native = b->m->relaxed & (IR_RELAXED_DOT_ADD_S | IR_RELAXED_DOT_ADD_SU);
    if (native != 0) {
        unsigned op = native == IR_RELAXED_DOT_ADD_SU ? IR_I32X4_DOT_ADD_SU : IR_I32X4_DOT_ADD_S;
        build_push(b, WASM_V128, emit_vector(b, op, v.first, v.second, v.last));
        return;
    }
    uint32_t sums = dot_of_bytes(b, v.first, v.second);
    sums = emit_vector(b, IR_I32X4_EXTADD_PAIRWISE_S, sums, 0, 0);
    build_push(b, WASM_V128, emit_vector(b, o->op, v.last, sums, 0));
}

/* The mask is the last operand in WebAssembly and the first in the representation. */
static void build_bitselect(struct wasm_builder *b, const struct wasm_operator *o)
{
    struct three v = pop_three(b);
    build_push(b, WASM_V128, emit_vector(b, o->op, v.last, v.first, v.second));
}

/* ---- By shape ---- */

static void build_without_immediate(struct wasm_builder *b, const struct wasm_operator *o)
{
    switch (ir_op_info[o->op].lane_op) {
    case IR_LANE_BITSELECT:
        build_bitselect(b, o);
        return;
    case IR_LANE_FADD:
    case IR_LANE_FSUB:
        build_multiply_add(b, o);
        return;
    case IR_LANE_DOT_SAT_SU:
        build_dot(b);
        return;
    case IR_LANE_ADD:
        build_dot_add(b, o);
        return;
    default:
        build_shift(b, o);
        return;
    }
}

/* All other vector operators are UNARY or BINARY in their table, and need no code here. */
void build_vector_operator(struct wasm_builder *b, const struct wasm_operator *o)
{
    switch (o->shape) {
    case WASM_SHAPE_LANE:
        build_lane(b, o);
        return;
    case WASM_SHAPE_MEMORY_LANE:
        build_lane_access(b, o);
        return;
    case WASM_SHAPE_LANES:
        if (o->op == IR_V128_CONST) {
            build_vector_const(b);
        } else {
            build_shuffle(b);
        }
        return;
    default:
        build_without_immediate(b, o);
        return;
    }
}

uint32_t build_vector_zero(struct wasm_builder *b)
{
    return b->live ? ir_const_vector(b->f, 0, 0) : 0;
}
