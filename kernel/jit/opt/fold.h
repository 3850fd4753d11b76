// SPDX-License-Identifier: MIT
//
// Behind ir_build(): the rules by which an instruction becomes a simpler one, what is known of the
// bits of a value, and the memory of what was built before. For passes; front-ends need ir.h only.
//
// A rule gets an instruction that is not built yet and returns an equal value, or IR_NONE if it
// knows none. It may build what it needs by ir_build(), so no pointer into the function's arrays
// lives across that.
#pragma once

#include "kernel/jit/ir.h"

/** Where what was built can be used again. */
struct fold_scope {
    uint32_t now;         /* place of the current block in preorder of the dominator tree */
    const uint32_t *last; /* by place: the last one of those that it dominates */
};

struct fold_entry {
    uint32_t hash, value_1; /* the value + 1; 0: free */
    uint32_t last;          /* with a scope: place up to which it can be used */
};

/** What was built before. */
struct fold {
    struct fold_entry *entries;
    uint32_t mask;            /* entries - 1; a power of two less one */
    uint32_t depth;           /* rules that wait for others now */
    struct fold_scope *scope; /* NULL: only within a block */
};

/** @brief A memory for `entries` values, a power of two. @return NULL: no memory. */
struct fold *fold_new(struct arena *a, uint32_t entries);

/** @brief An equal instruction that was built and dominates here. @return its value or IR_NONE. */
uint32_t fold_find(struct ir_function *f, const struct ir_instr *i, uint32_t hash);
/** @brief Remember a value. */
void fold_remember(struct ir_function *f, uint32_t value, uint32_t hash);
uint32_t fold_hash(const struct ir_function *f, const struct ir_instr *i);
/** @brief Emit as it is. */
static inline uint32_t fold_emit(struct ir_function *f, const struct ir_instr *i)
{
    return ir_emit(f, i->op, i->type, i->a, i->b, i->c);
}

/** @brief Bits of an i32 or i64 that may be 1; the others are 0 for certain. */
uint64_t fold_bits(const struct ir_function *f, uint32_t value);
/** @brief Certainly not 0, or not null. */
bool fold_is_nonzero(const struct ir_function *f, uint32_t value);
/** @brief Whether running it may trap, given its place and operands. */
bool fold_may_trap(const struct ir_function *f, const struct ir_instr *i);
/** @brief The bits of a constant. @return false: it is none. */
static inline bool fold_is_const(const struct ir_function *f, uint32_t value, uint64_t *bits)
{
    const struct ir_instr *i = &f->instrs[value];
    *bits = ir_const_bits(i);
    return i->op == IR_CONST;
}
/** @brief All bits of a type. */
static inline uint64_t fold_all(unsigned type)
{
    return ir_type_size(type) == 4 ? UINT32_MAX : UINT64_MAX;
}

/* Rules, by family. Operands of what commutes are in order: a constant is b. */
uint32_t fold_arithmetic(struct ir_function *f, const struct ir_instr *i);
uint32_t fold_shift(struct ir_function *f, const struct ir_instr *i);
uint32_t fold_compare(struct ir_function *f, const struct ir_instr *i);
uint32_t fold_convert(struct ir_function *f, const struct ir_instr *i);
uint32_t fold_select(struct ir_function *f, const struct ir_instr *i);
uint32_t fold_divide(struct ir_function *f, const struct ir_instr *i);

/** @brief The inverse of a comparison. @return false: it has none. */
bool fold_invert(const struct ir_instr *compare, struct ir_instr *out);
/** @brief A shorter condition that is 0 when this one is. *inverted: when this one is not. */
uint32_t fold_condition(const struct ir_function *f, uint32_t condition, bool *inverted);
/** @brief Bring a load or store into one form: constants in the offset, a stored value without
 * what the width cuts off. */
void fold_access(struct ir_function *f, struct ir_instr *i);
