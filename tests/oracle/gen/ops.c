// SPDX-License-Identifier: MIT
//
// Every operator without an immediate or a memory access, by ranges of opcodes.
#include "gen.h"

#define OPERATIONS_MAX 512

struct range {
    uint8_t prefix;
    uint16_t first, last; /* opcodes */
    uint8_t result, count, operands[3];
    uint8_t flags;
};

/* clang-format off */
#define A(type)       1, {type}
#define AA(type)      2, {type, type}
#define VV            T_V128, AA(T_V128)
#define V             T_V128, A(T_V128)
#define VVV           T_V128, 3, {T_V128, T_V128, T_V128}
#define SHIFT         T_V128, 2, {T_V128, T_I32}
#define TEST          T_I32, A(T_V128)

static const struct range ranges[] = {
    {0, 0x45, 0x45, T_I32, A(T_I32), 0}, /* eqz, comparisons */
    {0, 0x46, 0x4f, T_I32, AA(T_I32), 0},
    {0, 0x50, 0x50, T_I32, A(T_I64), 0},
    {0, 0x51, 0x5a, T_I32, AA(T_I64), 0},
    {0, 0x5b, 0x60, T_I32, AA(T_F32), 0},
    {0, 0x61, 0x66, T_I32, AA(T_F64), 0},
    {0, 0x67, 0x69, T_I32, A(T_I32), 0}, /* integers */
    {0, 0x6a, 0x6c, T_I32, AA(T_I32), 0},
    {0, 0x6d, 0x70, T_I32, AA(T_I32), OP_DIVIDES},
    {0, 0x71, 0x78, T_I32, AA(T_I32), 0},
    {0, 0x79, 0x7b, T_I64, A(T_I64), 0},
    {0, 0x7c, 0x7e, T_I64, AA(T_I64), 0},
    {0, 0x7f, 0x82, T_I64, AA(T_I64), OP_DIVIDES},
    {0, 0x83, 0x8a, T_I64, AA(T_I64), 0},
    {0, 0x8b, 0x91, T_F32, A(T_F32), 0}, /* floats */
    {0, 0x92, 0x97, T_F32, AA(T_F32), 0},
    {0, 0x98, 0x98, T_F32, AA(T_F32), OP_SEES_B},
    {0, 0x99, 0x9f, T_F64, A(T_F64), 0},
    {0, 0xa0, 0xa5, T_F64, AA(T_F64), 0},
    {0, 0xa6, 0xa6, T_F64, AA(T_F64), OP_SEES_B},
    {0, 0xa7, 0xa7, T_I32, A(T_I64), 0}, /* conversions */
    {0, 0xa8, 0xa9, T_I32, A(T_F32), OP_TRUNCATES},
    {0, 0xaa, 0xab, T_I32, A(T_F64), OP_TRUNCATES},
    {0, 0xac, 0xad, T_I64, A(T_I32), 0},
    {0, 0xae, 0xaf, T_I64, A(T_F32), OP_TRUNCATES},
    {0, 0xb0, 0xb1, T_I64, A(T_F64), OP_TRUNCATES},
    {0, 0xb2, 0xb3, T_F32, A(T_I32), 0},
    {0, 0xb4, 0xb5, T_F32, A(T_I64), 0},
    {0, 0xb6, 0xb6, T_F32, A(T_F64), 0},
    {0, 0xb7, 0xb8, T_F64, A(T_I32), 0},
    {0, 0xb9, 0xba, T_F64, A(T_I64), 0},
    {0, 0xbb, 0xbb, T_F64, A(T_F32), 0},
    {0, 0xbc, 0xbc, T_I32, A(T_F32), OP_SEES_A},
    {0, 0xbd, 0xbd, T_I64, A(T_F64), OP_SEES_A},
    {0, 0xbe, 0xbe, T_F32, A(T_I32), 0},
    {0, 0xbf, 0xbf, T_F64, A(T_I64), 0},
    {0, 0xc0, 0xc1, T_I32, A(T_I32), 0},
    {0, 0xc2, 0xc4, T_I64, A(T_I64), 0},
    {0xfc, 0, 1, T_I32, A(T_F32), 0},
    {0xfc, 2, 3, T_I32, A(T_F64), 0},
    {0xfc, 4, 5, T_I64, A(T_F32), 0},
    {0xfc, 6, 7, T_I64, A(T_F64), 0},

    {0xfd, 14, 14, VV, 0}, /* vectors: swizzle, splats */
    {0xfd, 15, 17, T_V128, A(T_I32), 0},
    {0xfd, 18, 18, T_V128, A(T_I64), 0},
    {0xfd, 19, 19, T_V128, A(T_F32), OP_SEES_A},
    {0xfd, 20, 20, T_V128, A(T_F64), OP_SEES_A},
    {0xfd, 35, 76, VV, 0}, /* comparisons */
    {0xfd, 77, 77, V, 0}, /* bits */
    {0xfd, 78, 81, VV, 0},
    {0xfd, 82, 82, VVV, 0},
    {0xfd, 83, 83, TEST, 0},
    {0xfd, 94, 94, V, OP_F32X4},
    {0xfd, 95, 95, V, OP_F64X2},
    {0xfd, 96, 98, V, 0}, /* i8x16 */
    {0xfd, 99, 100, TEST, 0},
    {0xfd, 101, 102, VV, 0},
    {0xfd, 103, 106, V, OP_F32X4},
    {0xfd, 107, 109, SHIFT, 0},
    {0xfd, 110, 115, VV, 0},
    {0xfd, 116, 117, V, OP_F64X2},
    {0xfd, 118, 121, VV, 0},
    {0xfd, 122, 122, V, OP_F64X2},
    {0xfd, 123, 123, VV, 0},
    {0xfd, 124, 129, V, 0}, /* i16x8 */
    {0xfd, 130, 130, VV, 0},
    {0xfd, 131, 132, TEST, 0},
    {0xfd, 133, 134, VV, 0},
    {0xfd, 135, 138, V, 0},
    {0xfd, 139, 141, SHIFT, 0},
    {0xfd, 142, 147, VV, 0},
    {0xfd, 148, 148, V, OP_F64X2},
    {0xfd, 149, 153, VV, 0},
    {0xfd, 155, 159, VV, 0},
    {0xfd, 160, 161, V, 0}, /* i32x4 */
    {0xfd, 163, 164, TEST, 0},
    {0xfd, 167, 170, V, 0},
    {0xfd, 171, 173, SHIFT, 0},
    {0xfd, 174, 174, VV, 0},
    {0xfd, 177, 177, VV, 0},
    {0xfd, 181, 186, VV, 0},
    {0xfd, 188, 191, VV, 0},
    {0xfd, 192, 193, V, 0}, /* i64x2 */
    {0xfd, 195, 196, TEST, 0},
    {0xfd, 199, 202, V, 0},
    {0xfd, 203, 205, SHIFT, 0},
    {0xfd, 206, 206, VV, 0},
    {0xfd, 209, 209, VV, 0},
    {0xfd, 213, 223, VV, 0},
    /* floats: abs and neg, then operators that produce NaNs, then pmin and pmax */
    {0xfd, 224, 225, V, 0},
    {0xfd, 227, 227, V, OP_F32X4},
    {0xfd, 228, 233, VV, OP_F32X4},
    {0xfd, 234, 235, VV, 0},
    {0xfd, 236, 237, V, 0},
    {0xfd, 239, 239, V, OP_F64X2},
    {0xfd, 240, 245, VV, OP_F64X2},
    {0xfd, 246, 247, VV, 0},
    {0xfd, 248, 255, V, 0}, /* conversions */
};

static const struct range relaxed[] = {
    {0xfd, 256, 256, VV, 0}, /* swizzle */
    {0xfd, 257, 260, V, 0}, /* trunc */
    {0xfd, 261, 262, VVV, OP_F32X4}, /* madd, nmadd */
    {0xfd, 263, 264, VVV, OP_F64X2},
    {0xfd, 265, 268, VVV, 0}, /* laneselect */
    {0xfd, 269, 272, VV, 0}, /* min, max */
    {0xfd, 273, 274, VV, 0}, /* q15mulr, dot */
    {0xfd, 275, 275, VVV, 0}, /* dot_add */
};
/* clang-format on */

static struct operation operations[T_COUNT][OPERATIONS_MAX];
static uint32_t operation_count[T_COUNT], without_vectors[T_COUNT];
static struct operation relaxed_operations[FIRST_RELAXED];
static uint32_t relaxed_count;

/* Append the operators of a range to a list. */
static void expand_range(const struct range *r, struct operation *list, uint32_t *count)
{
    for (unsigned opcode = r->first; opcode <= r->last; opcode++) {
        list[(*count)++] = (struct operation){
            .prefix = r->prefix,
            .opcode = (uint16_t)opcode,
            .result = r->result,
            .count = r->count,
            .operands = {r->operands[0], r->operands[1], r->operands[2]},
            .flags = r->flags,
        };
    }
}

/* Expand the ranges to lists; in each list the vector operators come last. */
static void expand_ranges(void)
{
    for (unsigned n = 0; n < sizeof ranges / sizeof ranges[0]; n++) {
        const struct range *r = &ranges[n];
        expand_range(r, operations[r->result], &operation_count[r->result]);
        without_vectors[r->result] += r->prefix != 0xfd ? r->last - r->first + 1u : 0;
    }
    for (unsigned n = 0; n < sizeof relaxed / sizeof relaxed[0]; n++) {
        expand_range(&relaxed[n], relaxed_operations, &relaxed_count);
    }
}

const struct operation *random_operation(struct gen *g, unsigned result)
{
    if (operation_count[T_I32] == 0) {
        expand_ranges();
    }
    if (result == T_V128 && g->relaxes != RELAXES_NOTHING && chance(g, 30)) {
        return &relaxed_operations[random_below(g, relaxed_count)];
    }
    uint32_t count = g->has_vectors ? operation_count[result] : without_vectors[result];
    return &operations[result][random_below(g, count)];
}
