// SPDX-License-Identifier: MIT
//
// Emission for x86-64: one file for each family of
// operations, one function for each EMIT of ops.def.
#pragma once

#include "arch/x86_64/jit/asm.h"
#include "arch/x86_64/jit/ops.h"

struct emitter;
struct stub;

/** Rarely executed code after the function. */
struct stub {
    void (*emit)(struct emitter *e, const struct stub *s);
    const struct vinstr *i;
    uint32_t label; /* where it starts */
    uint32_t back;  /* where the operation continues */
    unsigned trap;
};

/** Layout of the frame, in bytes downward from rbp. */
struct frame {
    bool exists;     /* rbp belongs to this frame */
    int32_t slots;   /* spill slot 0 */
    int32_t saved;   /* callee-saved registers */
    int32_t vectors; /* the same */
    int32_t context; /* context of this function, if X86_SAVES_CONTEXT */
    int32_t locals;
    uint32_t bytes;                     /* distance of rsp below rbp */
    uint32_t saved_ints, saved_vectors; /* masks */
};

struct emitter {
    const struct vcode *v;
    uint64_t features;
    struct x86_asm a;
    struct frame frame;
    uint32_t block_labels; /* the first label; one for each block */
    uint32_t *target_of;   /* by block: the block to which a jump to it finally leads */
    uint32_t block;        /* the current block */
    uint32_t next;         /* the next block in the layout, or VREG_NONE */
    uint32_t remake_to;    /* register for the definition instead of the operand's; or VLOC_NONE */
    struct stub *stubs;
    uint32_t stub_count, stub_capacity;
    uint32_t last_call; /* row of the last call */
    /* The last add, subtraction or logical operation that left its result in a register: its flags
     * are those of a comparison of the result with 0, while no byte follows it in its block. */
    uint32_t result_end; /* X86_NOWHERE: none in this block */
    uint8_t result_reg, result_size;
    bool result_is_logical; /* carry and overflow are 0, too, as after a comparison with 0 */
};

/* The functions that ops.def names. */
#define X86_OP(name, emit, form, text)                                                             \
    void x86_emit_##emit(struct emitter *e, const struct vinstr *i);
#include "arch/x86_64/jit/ops.def"
#undef X86_OP

/* ---- Operands ---- */

uint32_t x86_location_of(const struct emitter *e, const struct vinstr *i, unsigned operand);
/** @brief The register of an operand. */
uint8_t x86_reg_of(const struct emitter *e, const struct vinstr *i, unsigned operand);
/** @brief The spill slot as memory. */
struct x86_mem x86_slot_memory(const struct emitter *e, uint32_t location);
/** @brief Set rm of an instruction from the operands that start at `operand`: a register, spill
 * slot or memory, for which this adds the row. @return number of operands used. */
unsigned x86_fill_rm(struct emitter *e, const struct vinstr *i, unsigned operand,
                     struct x86_insn *to);
/** @brief The immediate, sign-extended according to its size. */
int64_t x86_immediate_of(const struct vinstr *i);

/* ---- Instructions ---- */

void x86_insn_rr(struct emitter *e, unsigned form, unsigned size, unsigned reg, unsigned rm);
void x86_insn_ri(struct emitter *e, unsigned form, unsigned size, unsigned rm, int64_t imm);
void x86_insn_rm(struct emitter *e, unsigned form, unsigned size, unsigned reg, struct x86_mem mem);
/** @brief An instruction with a constant after the code as its memory operand.
 * @param bytes 4, 8, 16. */
void x86_insn_constant(struct emitter *e, unsigned form, unsigned size, unsigned reg, uint64_t bits,
                       unsigned bytes);
void x86_insn_plain(struct emitter *e, unsigned form);
/** @brief The constant of a vector operation, whose index is in imm. */
struct x86_mem x86_vector_constant(struct emitter *e, const struct vinstr *i);
struct x86_mem x86_memory_at(unsigned base, int32_t disp);
/** @brief reg <- bits, in the shortest way; changes flags. */
void x86_load_immediate(struct emitter *e, unsigned reg, uint64_t bits);

/* ---- Flags ---- */

/** @brief Set flags with the comparison whose operands start at `operand`. */
void x86_emit_compare(struct emitter *e, const struct vinstr *i, unsigned operand);
/** @brief Branch to a label if the condition holds. */
void x86_jump_if(struct emitter *e, unsigned compare, unsigned cond, uint32_t label);

/* ---- Rare code ---- */

/** @brief Add code after the function. @return its label. */
uint32_t x86_add_stub(struct emitter *e, void (*emit)(struct emitter *e, const struct stub *s),
                      const struct vinstr *i, uint32_t back, unsigned trap);
/** @brief A stub that traps. @return its label. */
uint32_t x86_add_trap(struct emitter *e, const struct vinstr *i, unsigned trap);
/** @brief A trap at the current position. */
void x86_trap_here(struct emitter *e, uint32_t location, unsigned trap);

/** @brief The label of the block that edge n of the current block leads to. */
uint32_t x86_edge_label(const struct emitter *e, uint32_t n);
/** @brief Jump along an edge, unless its target comes next. */
void x86_jump_along(struct emitter *e, uint32_t n);

void x86_emit_prologue(struct emitter *e);
void x86_emit_epilogue(struct emitter *e);
void x86_emit_move(struct emitter *e, const struct vmove *m);
void x86_emit_instruction(struct emitter *e, const struct vinstr *i);
