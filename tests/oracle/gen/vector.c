// SPDX-License-Identifier: MIT
//
// Vector operators with lane immediates.
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

void lane_store(struct gen *g, int depth)
{
    uint32_t width = random_below(g, 4);
    lane_access(g, 88 + width, 1u << width, depth);
}
