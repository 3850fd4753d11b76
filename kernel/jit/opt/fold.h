// SPDX-License-Identifier: MIT
//
// The inside of ir_build(): rules that turn an instruction into a simpler one, facts about the bits
// of a value, and the table of values built so far. For passes; front-ends need only ir.h.
//
// A rule gets an instruction that is not built yet and returns an equal value, or IR_NONE if it has
// no better one. It may call ir_build() for the parts, which may move the function's arrays: do not
// keep a pointer into them across a call.
#pragma once

#include "kernel/jit/ir.h"

/** The blocks in which an existing value may be used: those that its own block dominates. */
struct fold_scope {
    uint32_t now;         /* index of the current block in preorder of the dominator tree */
    const uint32_t *last; /* by index: the last index that it dominates */
};

struct fold_entry {
    uint32_t hash, value_1; /* the value + 1; 0: free */
    uint32_t last;          /* with a scope: the last index where it can be used */
};

/** The table of values built so far. */
struct fold {
    struct fold_entry *entries;
    uint32_t mask;            /* number of entries - 1; entries are a power of two */
    uint32_t depth;           /* current nesting of rules */
    struct fold_scope *scope; /* NULL: values are used within their block only */
};

/** @brief A table for `entries` values, a power of two. @return NULL: no memory. */
struct fold *fold_new(struct arena *a, uint32_t entries);

/** @brief Find an equal instruction that dominates this point. @return its value or IR_NONE. */
uint32_t fold_find(struct ir_function *f, const struct ir_instr *i, uint32_t hash);
/** @brief Remember a value. */
void fold_remember(struct ir_function *f, uint32_t value, uint32_t hash);
uint32_t fold_hash(const struct ir_function *f, const struct ir_instr *i);
/** @brief Emit without simplification. */
static inline uint32_t fold_emit(struct ir_function *f, const struct ir_instr *i)
{
    return ir_emit(f, i->op, i->type, i->a, i->b, i->c);
}

/** @brief Bits of an i32 or i64 that may be 1; the others are certainly 0. */
uint64_t fold_bits(const struct ir_function *f, uint32_t value);
/** @brief Whether the value is certainly not 0, or not null. */
bool fold_is_nonzero(const struct ir_function *f, uint32_t value);
/** @brief Whether the instruction may trap, given its memory reference and operands. */
bool fold_may_trap(const struct ir_function *f, const struct ir_instr *i);
/** @brief The bits of a constant. @return false: it is no constant. */
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

/* Rules, by family. The operands of a commutative operation are in order: a constant is b. */
uint32_t fold_arithmetic(struct ir_function *f, const struct ir_instr *i);
uint32_t fold_shift(struct ir_function *f, const struct ir_instr *i);
uint32_t fold_compare(struct ir_function *f, const struct ir_instr *i);
uint32_t fold_convert(struct ir_function *f, const struct ir_instr *i);
uint32_t fold_select(struct ir_function *f, const struct ir_instr *i);
uint32_t fold_divide(struct ir_function *f, const struct ir_instr *i);

/** @brief The inverse of a comparison. @return false: there is none. */
bool fold_invert(const struct ir_instr *compare, struct ir_instr *out);
/** @brief A shorter condition that is 0 exactly when this one is; with *inverted, exactly when this
 * one is not. */
uint32_t fold_condition(const struct ir_function *f, uint32_t condition, bool *inverted);
/** @brief Bring a load or store into canonical form: constants are part of the offset; a value that
 * is stored narrowly loses operations that change only the bits which are not stored. */
void fold_access(struct ir_function *f, struct ir_instr *i);
