// SPDX-License-Identifier: MIT
//
// Vector operators with lane immediates, and operands of relaxed ones.
#include "gen.h"

struct lane_operator {
    uint8_t opcode, type, lanes;
};

static const struct lane_operator extracts[] = {
    {21, T_I32, 16}, {22, T_I32, 16}, {24, T_I32, 8}, {25, T_I32, 8},
    {27, T_I32, 4},  {29, T_I64, 2},  {31, T_F32, 4}, {33, T_F64, 2},
};

static const struct lane_operator replaces[] = {
    {23, T_I32, 16}, {26, T_I32, 8}, {28, T_I32, 4}, {30, T_I64, 2}, {32, T_F32, 4}, {34, T_F64, 2},
};

static void shuffle(struct gen *g, int depth)
{
    uint32_t kind = random_below(g, 4), start = random_below(g, 17),
             step = 1u << random_below(g, 4);
    expression(g, T_V128, depth - 1);
    expression(g, T_V128, depth - 1);
    op_prefixed(g, 0xfd, 13);
    for (uint32_t n = 0; n < 16; n++) {
        uint32_t lane = kind == 0   ? random_below(g, 32)
                        : kind == 1 ? start + n                                  /* a rotation */
                        : kind == 2 ? (n / 2 + 16 * (n % 2))                     /* interleaved */
                                    : (n / step * step + (step - 1 - n % step)); /* reversed */
        put(&g->code, lane);
    }
}

static void extract(struct gen *g, unsigned type, int depth)
{
    const struct lane_operator *o;
    do {
        o = &extracts[random_below(g, sizeof extracts / sizeof extracts[0])];
    } while (o->type != type);
    expression(g, T_V128, depth - 1);
    op_prefixed(g, 0xfd, o->opcode);
    put(&g->code, random_below(g, o->lanes));
}

void lane_expression(struct gen *g, unsigned type, int depth)
{
    uint32_t kind = random_below(g, 3), width = random_below(g, 4);
    if (type != T_V128) {
        extract(g, type, depth);
    } else if (kind == 0) {
        shuffle(g, depth);
    } else if (kind == 1) {
        lane_access(g, 84 + width, 1u << width, depth);
    } else {
        const struct lane_operator *o =
            &replaces[random_below(g, sizeof replaces / sizeof replaces[0])];
        expression(g, T_V128, depth - 1);
        exact_expression(g, o->type, depth - 1);
        op_prefixed(g, 0xfd, o->opcode);
        put(&g->code, random_below(g, o->lanes));
    }
}

/* ---- Relaxed operators ---- */

enum {
    I8X16_SHR_S = 108,
    I16X8_SHR_S = 140,
    I32X4_SHR_S = 172,
    I32X4_SHR_U = 173,
    I64X2_SHR_S = 204,
    V128_AND = 78,
    F32X4_FROM_I32_S = 250,
    F64X2_FROM_I32_S = 254,
};

static void shifted(struct gen *g, unsigned shift, uint32_t count, int depth)
{
    expression(g, T_V128, depth);
    const_i32(g, count);
    op_prefixed(g, 0xfd, shift);
}

/* Bytes with only these bits. */
static void masked_bytes(struct gen *g, unsigned mask, int depth)
{
    expression(g, T_V128, depth);
    op_prefixed(g, 0xfd, 12);
    for (unsigned n = 0; n < 16; n++) {
        put(&g->code, mask);
    }
    op_prefixed(g, 0xfd, V128_AND);
}

/* Whole numbers: neither a NaN nor -0. With few bits also their products are exact. */
static void whole_numbers(struct gen *g, bool is_single, unsigned shift, uint32_t count, int depth)
{
    shifted(g, shift, count, depth);
    op_prefixed(g, 0xfd, is_single ? F32X4_FROM_I32_S : F64X2_FROM_I32_S);
}

void relaxed_operand(struct gen *g, unsigned opcode, unsigned n, int depth)
{
    static const uint8_t signs[] = {I8X16_SHR_S, I16X8_SHR_S, I32X4_SHR_S, I64X2_SHR_S};
    bool is_second = n == 1;
    if (g->relaxes == RELAXES_FREELY) {
        expression(g, T_V128, depth);
    } else if (opcode == 256 && is_second) { /* swizzle: numbers of lanes */
        masked_bytes(g, 0x0f, depth);
    } else if (opcode >= 257 && opcode <= 260) { /* trunc: 24 bits, no sign */
        whole_numbers(g, opcode <= 258, I32X4_SHR_U, 8, depth);
    } else if (opcode >= 261 && opcode <= 264) { /* madd: one rounding is as good as two */
        bool is_single = opcode <= 262;
        whole_numbers(g, is_single, I32X4_SHR_S, is_single ? 22 : 8, depth);
    } else if (opcode >= 265 && opcode <= 268 && n == 2) { /* laneselect: all bits are alike */
        shifted(g, signs[opcode - 265], 63, depth);
    } else if (opcode >= 269 && opcode <= 272) {
        whole_numbers(g, opcode <= 270, I32X4_SHR_S, 0, depth);
    } else if (opcode == 273 && is_second) { /* q15mulr: not -1 */
        shifted(g, I16X8_SHR_S, 1, depth);
    } else if (opcode >= 274 && is_second) { /* dot: 7 bits */
        masked_bytes(g, 0x7f, depth);
    } else {
        expression(g, T_V128, depth);
    }
}

void lane_store(struct gen *g, int depth)
{
    uint32_t width = random_below(g, 4);
    lane_access(g, 88 + width, 1u << width, depth);
}
