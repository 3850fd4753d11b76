// SPDX-License-Identifier: MIT
//
// Shared by select*.c: building instructions, and examining operands.
#pragma once

#include "arch/aarch64/jit/machine.h"

#define A64_OPERANDS_MAX 48u

/** An instruction under construction. */
struct a64_new {
    struct selector *s;
    struct vinstr i;
    struct voperand operands[A64_OPERANDS_MAX];
    unsigned count;
};

struct a64_new a64_new(struct selector *s, unsigned op, unsigned small);
void a64_def(struct a64_new *n, uint32_t vreg);
void a64_use(struct a64_new *n, uint32_t vreg);
void a64_operand(struct a64_new *n, uint32_t vreg, enum vrole role, enum vconstraint constraint,
                 unsigned which);
void a64_done(struct a64_new *n);

/* Complete instructions: a result and up to three registers. */
void a64_emit1(struct selector *s, unsigned op, unsigned small, uint32_t d, uint32_t n);
void a64_emit2(struct selector *s, unsigned op, unsigned small, uint32_t d, uint32_t n, uint32_t m);
void a64_emit_imm(struct selector *s, unsigned op, unsigned small, uint32_t d, uint32_t n,
                  uint64_t imm);
void a64_emit_const(struct selector *s, uint32_t d, uint64_t value);
/** @brief The address of a slot of the frame. */
void a64_emit_slot(struct selector *s, uint32_t d, uint32_t slot);

/** A64_SMALL_WIDE if values of the type have 64 bits. */
unsigned a64_wide(unsigned type);
/** A64_SMALL_DOUBLE if it is f64. */
unsigned a64_double(unsigned type);

/** @brief Register of an operand of which 32-bit instructions read the low half and 64-bit ones
 * everything. For the former a wrap is skipped, for the latter a zero extension. */
uint32_t a64_low(struct selector *s, uint32_t value);

/** @brief A 64-bit temporary for an integer. */
uint32_t a64_temp(struct selector *s);

/** An instruction that sets flags, and the condition under which the result is "true". */
struct a64_condition {
    uint16_t form, small; /* without the condition */
    uint64_t imm;
    uint32_t regs[2];
    uint8_t count, cond;
    bool is_float;
};

/** @brief A temporary for a vector. */
uint32_t a64_vector_temp(struct selector *s);
/** @brief An instruction that reads and writes its first register. @param regs  The result, the
 * operand in the same register, then the other ones; VREG_NONE: there is none. */
void a64_emit_tied(struct selector *s, unsigned form, unsigned small, const uint32_t regs[4]);
/** @brief A constant of 128 bits. */
void a64_emit_vector_const(struct selector *s, uint32_t d, uint64_t lo, uint64_t hi);
/** @brief i8x16_shuffle. */
void a64_select_shuffle(struct selector *s, const struct ir_instr *i);

/** Whether an instruction's result is 0 or 1, as a truth value. */
bool a64_is_comparison(const struct ir_instr *i);
/** @brief Find a way to test whether an i32 is not 0. @param branches  cbz and similar branches can
 * be used. */
struct a64_condition a64_condition(struct selector *s, uint32_t value, bool branches);
/** @brief all_true and any_true as a comparison with 0. @return false: it is another operation. */
bool a64_test_vector(struct selector *s, const struct ir_instr *i, struct a64_condition *out);
/** @brief Negate the condition. */
void a64_invert(struct a64_condition *c);
/** @brief Start an operation that depends on the condition. Add definitions before
 * a64_add_condition(). */
struct a64_new a64_new_conditional(struct selector *s, unsigned op, const struct a64_condition *c);
void a64_add_condition(struct a64_new *n, const struct a64_condition *c);
/** @brief Trap if the condition holds. */
void a64_trap_if(struct selector *s, const struct a64_condition *c, enum ir_trap trap);
/** @brief Trap if a register is 0. */
void a64_trap_if_zero(struct selector *s, uint32_t vreg, unsigned small, enum ir_trap trap);

/** An access to memory 0 with an index, and the decisions about it, for one block at a time.
 * Accesses with the same value and shift form a group; the group's first access has the data about
 * all of them. */
struct a64_access {
    uint64_t offset; /* base + (value << shift) + offset is the address */
    uint32_t value;
    uint32_t at;   /* its instruction, + 1; any other number: the record belongs to another block */
    uint32_t next; /* the next access in the block, or IR_NONE */
    uint32_t group; /* the first access of its group */
    uint8_t shift;
    bool is_scaled; /* there is no shift, or it matches the size of the access */
    bool shares;    /* its address uses the group's sum */

    /* Only in the first access of a group. */
    bool has_offset; /* at least one of its accesses has an offset */
    uint32_t uses;   /* number of its accesses */
    /* the access that computes base + (value << shift); IR_NONE: no access shares it */
    uint32_t maker;
    uint32_t sum;        /* register of the sum, or VREG_NONE: not requested yet */
    uint32_t next_group; /* the next group, with the same value and another shift, or IR_NONE */
};

/** base of memory 0 + an offset that loops use with many indices: computed once, at the start. */
struct a64_table {
    uint64_t offset;
    uint64_t weight;
    uint32_t vreg; /* VREG_NONE: not requested */
};
#define A64_TABLES 4u

/** The groups of one block whose index is the same value. */
struct a64_group_list {
    uint32_t block; /* + 1 */
    uint32_t first; /* first access of the newest group */
};

/** State of selecting one function. */
struct a64_selection {
    struct select_machine machine; /* selector.machine points here */
    struct a64_table tables[A64_TABLES];
    bool knows_tables;
    struct a64_group_list *groups; /* by value */
    struct a64_access *accesses;   /* by instruction of the block */
    uint32_t block;                /* the block that they belong to, + 1 */
};

/** The address of an access in memory 0: base + (value << shift) + offset. */
struct a64_index {
    uint64_t offset;
    uint32_t value;
    uint32_t sum;   /* register of base + (value << shift); VREG_NONE: not available */
    uint32_t table; /* register of base + offset, or VREG_NONE */
    uint8_t shift;
};

/**
 * @brief Determine the address of the access s->at, if it is to memory 0, guarded, and its index is
 * not constant. Emits the sum that other accesses share if s->at is its maker.
 * @return false: it is another kind of access, *out is unchanged.
 */
bool a64_index(struct selector *s, struct a64_index *out);
/** @brief Emit the tables that a64_index() has requested, at the start of the function. */
void a64_emit_tables(struct selector *s);
/** @brief Whether an access to a memory needs no check. */
bool a64_is_guarded(const struct selector *s, const struct ir_memref *p, unsigned bytes);

unsigned a64_bits_of(unsigned type);
/** @brief Emit a op (b shifted), for forms with a shifted register. @return false: b is no shift,
 * or has other users; nothing is emitted. */
bool a64_emit_shifted(struct selector *s, unsigned form, unsigned type, uint32_t a, uint32_t b);
/** @brief The same for i's operands, either of which may be the shifted one. */
bool a64_emit_either_shifted(struct selector *s, unsigned form, const struct ir_instr *i);
/** @brief Emit a op b with two registers. */
void a64_emit_plain(struct selector *s, unsigned form, const struct ir_instr *i);

/* By kind of operation. @return false: this machine does not have it. */
bool a64_select_integer(struct selector *s, const struct ir_instr *i);
bool a64_select_bits(struct selector *s, const struct ir_instr *i);
bool a64_select_float(struct selector *s, const struct ir_instr *i);
bool a64_select_vector(struct selector *s, const struct ir_instr *i);
bool a64_select_compare(struct selector *s, const struct ir_instr *i);
bool a64_select_memory(struct selector *s, const struct ir_instr *i);
bool a64_select_call(struct selector *s, const struct ir_instr *i);
void a64_select_entry(struct selector *s);
