// SPDX-License-Identifier: MIT
//
// Arrays of several dimensions, or with lower bounds (ECMA-335 II.14.2): after the total length
// come the lengths of the dimensions, then their lower bounds, if the program uses any, then the
// elements, of which the last index counts fastest.
#include "kernel/cil/front/build_internal.h"
#include "kernel/lib/string.h"

static uint32_t length_of(struct builder *b, uint32_t array, uint32_t dimension)
{
    return build_load_word(b, array, CIL_DIMENSION_AT + 4 * dimension);
}

static uint32_t index_word(struct builder *b, uint32_t value)
{
    return build_convert(b, value, IR_I32);
}

/* Each index is compared with its own length, not only the sum with the total: [0, 5] of a [3, 4]
 * array is an error, though an element is there. Then no product wraps around: the total fits 31
 * bits and the bytes fit the window. Lengths that code has overwritten lead elsewhere in the window
 * at worst. Comparisons have no sign, so an index below the lower bound is too large. */
/* @param indices One for each dimension. @return the address of the element. */
static uint32_t locate(struct builder *b, const struct cil_type *t, uint32_t size, uint32_t array,
                       const uint32_t *indices)
{
    uint32_t at = build_number(b, 0);
    build_require(b, array, IR_TRAP_NULL);
    for (uint32_t n = 0; n < t->number; n++) {
        uint32_t index = index_word(b, indices[n]), length = length_of(b, array, n);
        if (b->unit->bounds) {
            uint32_t lower = build_load_word(b, array, CIL_DIMENSION_AT + 4 * (t->number + n));
            index = build_op(b, IR_SUB, IR_I32, index, lower);
        }
        build_require(b, build_op(b, IR_LT_U, IR_I32, index, length), IR_TRAP_TABLE);
        at = build_op(b, IR_MUL, IR_I32, at, length);
        at = build_op(b, IR_ADD, IR_I32, at, index);
    }
    uint32_t bytes = build_op(b, IR_MUL, IR_I32, at, build_number(b, size));
    bytes = build_op(b, IR_ADD, IR_I32, bytes,
                     build_number(b, cil_array_start(t->number, b->unit->bounds)));
    return build_op(b, IR_ADD, IR_I32, array, bytes);
}

static bool refuse_rank(struct builder *b)
{
    return build_unsupported(b, "an array of more than 16 dimensions");
}

/* No length is negative. A product that is no length fits no memory. Each product is compared
 * before the next multiplication: both factors are below 2^31, so 64 bits are enough. The helper
 * checks the bytes. It returns zeroed memory, and no safe point lies between it and the stores of
 * the lengths.
 * The other constructor of II.14.2 has the lower bound of each dimension before its length. Their
 * sum must fit, as in mono. The rank is limited, because the lengths are in an
 * array here. */
static void pop_dimensions(struct builder *b, uint32_t rank, uint32_t *lengths, uint32_t *lower)
{
    for (uint32_t n = rank; n-- > 0;) {
        lengths[n] = index_word(b, build_pop(b));
        if (lower != NULL) {
            lower[n] = index_word(b, build_pop(b));
        }
    }
}

static void require_indices(struct builder *b, uint32_t length, uint32_t lower)
{
    uint32_t end = build_op(b, IR_ADD, IR_I64, build_op(b, IR_EXTEND_S, IR_I64, length, 0),
                            build_op(b, IR_EXTEND_S, IR_I64, lower, 0));
    uint32_t most = ir_build_const(b->f, IR_I64, INT32_MAX);
    build_require(b, build_op(b, IR_LE_S, IR_I32, end, most), IR_TRAP_OVERFLOW);
}

bool build_new_matrix(struct builder *b, const struct cil_callee *c)
{
    bool is_vector = c->owner->kind == CIL_SZARRAY; /* it has the constructor with one length */
    uint32_t rank = is_vector ? 1 : c->owner->number, lengths[CIL_RANK_MAX], lower[CIL_RANK_MAX];
    bool has_bounds = !is_vector && c->signature->param_count == 2 * rank;
    uint32_t type, most = INT32_MAX;
    if (rank > CIL_RANK_MAX || (c->signature->param_count != rank && !has_bounds)) {
        return refuse_rank(b);
    }
    b->unit->has_bounds |= has_bounds;
    type = unit_made_type(b->unit, c->owner);
    uint32_t total = ir_build_const(b->f, IR_I64, 1);
    pop_dimensions(b, rank, lengths, has_bounds ? lower : NULL);
    for (uint32_t n = 0; n < rank; n++) {
        uint32_t is_length = build_op(b, IR_LE_S, IR_I32, build_number(b, 0), lengths[n]);
        build_require(b, is_length, IR_TRAP_OVERFLOW);
        if (has_bounds) {
            require_indices(b, lengths[n], lower[n]);
        }
        uint32_t wide = build_op(b, IR_EXTEND_U, IR_I64, lengths[n], 0);
        total = build_op(b, IR_MUL, IR_I64, total, wide);
        uint32_t fits = build_op(b, IR_LE_U, IR_I32, total, ir_build_const(b->f, IR_I64, most));
        build_require(b, fits, IR_TRAP_NO_MEMORY);
    }
    const uint32_t args[] = {build_number(b, type), build_op(b, IR_WRAP, IR_I32, total, 0)};
    uint32_t array = build_help(b, CIL_HELPER_NEW_ARRAY, args, 2);
    for (uint32_t n = 0; n < rank && !is_vector; n++) {
        build_store_word(b, array, CIL_DIMENSION_AT + 4 * n, lengths[n]);
        if (has_bounds && b->unit->bounds) { /* otherwise all is translated once more */
            build_store_word(b, array, CIL_DIMENSION_AT + 4 * (rank + n), lower[n]);
        }
    }
    return type != 0 && build_push(b, array);
}

/* Get, Set and Address (II.14.2). is_array_method() has compared the number of arguments with the
 * rank. The rank is limited, because the indices are in an array of this function. Address lets a
 * caller store any object of the element's type, so the array must be of that very type, as for
 * ldelema. */
bool build_matrix(struct builder *b, const struct cil_callee *c)
{
    struct cil_type *t = c->owner, *element = cil_plain(t->element);
    uint32_t indices[CIL_RANK_MAX], rank = t->number, value = 0;
    struct build_rep rep;
    bool is_set = strcmp(c->name, "Set") == 0;
    if (t->kind != CIL_ARRAY || rank > CIL_RANK_MAX) {
        return refuse_rank(b);
    }
    if (!build_rep_of(b->unit, element, &rep)) {
        return false;
    }
    if (is_set) {
        value = build_pop(b);
    }
    for (uint32_t n = rank; n-- > 0;) {
        indices[n] = build_pop(b);
    }
    uint32_t array = build_pop_address(b);
    uint32_t at = locate(b, t, rep.size, array, indices);
    if (is_set) {
        if (rep.kind == CIL_OBJECT) {
            build_check_stored(b, array, value);
        }
        return build_store_to(b, element, at, 0, value);
    }
    if (strcmp(c->name, "Get") == 0) {
        return build_push_from(b, element, at, 0);
    }
    return (rep.kind != CIL_OBJECT || b->is_readonly || build_check_exact(b, array, t)) &&
           build_push(b, at);
}
