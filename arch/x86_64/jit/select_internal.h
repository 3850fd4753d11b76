// SPDX-License-Identifier: MIT
//
// Selection for x86-64: one file for each family of operations. An operation is built in a struct
// draft, operand by operand, and then emitted.
#pragma once

#include "arch/x86_64/jit/ops.h"

#define DRAFT_OPERANDS 40

struct draft {
    struct vinstr i;
    struct x86_small small;
    struct voperand operands[DRAFT_OPERANDS];
    unsigned count;
};

/** An address. */
struct address {
    unsigned base;                /* enum x86_base */
    uint32_t base_reg, index_reg; /* virtual registers, or VREG_NONE */
    unsigned scale;
    int32_t disp;
    unsigned trap;     /* enum ir_trap, or IR_TRAP_COUNT: never */
    uint32_t location; /* of the access */
};

/* ---- Building one operation ---- */

struct draft x86_draft_new(enum x86_op op, unsigned size);
void x86_draft_operand(struct draft *d, uint32_t vreg, enum vrole role, enum vconstraint constraint,
                       unsigned which);
static inline void x86_draft_def(struct draft *d, uint32_t vreg)
{
    x86_draft_operand(d, vreg, VDEF, VAT_REG, 0);
}
/** A definition in the same register as the use that is added next. */
static inline void x86_draft_def_tied(struct draft *d, uint32_t vreg)
{
    x86_draft_operand(d, vreg, VDEF, VAT_TIED, d->count + 1);
}
static inline void x86_draft_use(struct draft *d, uint32_t vreg)
{
    x86_draft_operand(d, vreg, VUSE, VAT_REG, 0);
}
/** rm is an immediate; 4 bytes are sign-extended. */
void x86_draft_imm(struct draft *d, uint64_t imm);
/** rm is memory. */
void x86_draft_address(struct draft *d, const struct address *a);
/** rm is the value: read from memory if s->at may do that and it has as many bytes as the operation
 * reads (`bytes`), otherwise from a register or a spill slot. */
void x86_draft_rm(struct selector *s, struct draft *d, uint32_t value, unsigned bytes);
void x86_draft_emit(struct selector *s, struct draft *d);

/** def <- rm, for operations that are one instruction. */
void x86_lower_unary(struct selector *s, enum x86_op op, unsigned size, uint32_t value,
                     unsigned bytes);
/** def <- imm, in a new register of 4 or 8 bytes. */
uint32_t x86_lower_constant(struct selector *s, uint64_t bits, unsigned bytes);
/** A copy within a class. */
void x86_lower_copy(struct selector *s, uint32_t to, uint32_t from, unsigned class, unsigned bytes);

/** Whether bits, of a value of this many bytes, equal a sign-extended 32-bit immediate. */
static inline bool x86_fits_imm32(uint64_t bits, unsigned bytes)
{
    return bytes <= 4 || (int64_t)bits == (int32_t)bits;
}
/** Whether a value is a constant that fits an instruction. */
bool x86_is_imm32(const struct selector *s, uint32_t value, uint64_t *bits);

/* ---- Memory ---- */

/** @brief The address of an access. Emits the check that it needs first. */
struct address x86_make_address(struct selector *s, const struct ir_instr *access,
                                uint32_t location, unsigned bytes);
/** @brief Whether an access needs no check of its own, so that it can be part of another
 * instruction. */
bool x86_is_plain_access(const struct selector *s, const struct ir_instr *access, unsigned bytes);
/** @brief Whether s->at may read `value` from memory, in `bytes` bytes. If so, it must. */
bool x86_may_read(const struct selector *s, uint32_t value, unsigned bytes);
/** @brief Merge a load into s->at. @return the address to read. */
struct address x86_merge_load(struct selector *s, uint32_t value);

bool x86_select_load(struct selector *s);
bool x86_select_store(struct selector *s);
bool x86_select_bytes(struct selector *s);
bool x86_select_atomic(struct selector *s);

/* ---- Conditions ---- */

/** A comparison, and the condition under which the value is not 0. */
struct condition {
    unsigned cond, compare, size;
    uint32_t left, right; /* values; right IR_NONE: imm */
    uint64_t imm;
    /* the user traps, so it must not contain an access, which might trap for another reason */
    bool traps;
};

/** @brief Find a way to test whether a value, an i32, is not 0. */
struct condition x86_find_condition(struct selector *s, uint32_t value);
/** @brief Add the condition to an operation: a use for the left operand, rm for the right one. */
void x86_draft_condition(struct selector *s, struct draft *d, const struct condition *c);
bool x86_select_compare(struct selector *s);
bool x86_select_select(struct selector *s);
bool x86_select_trap_if(struct selector *s);
bool x86_select_branch(struct selector *s);

/* ---- The rest ---- */

bool x86_select_integer(struct selector *s);
bool x86_select_vector(struct selector *s);
/** @brief Load a vector, which the access may widen or repeat. */
void x86_select_vector_load(struct selector *s, unsigned access, const struct address *a);
/** @brief A register that has all ones in each lane in which the operation's operand is 0. */
uint32_t x86_vector_zero_lanes(struct selector *s, const struct ir_instr *i);
bool x86_select_float(struct selector *s);
bool x86_select_conversion(struct selector *s);
void x86_select_entry(struct selector *s);
bool x86_select_call(struct selector *s);
bool x86_select_tail_call(struct selector *s);
bool x86_select_return(struct selector *s);
