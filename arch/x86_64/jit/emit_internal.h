// SPDX-License-Identifier: MIT
//
// Emission for x86-64: one file a family of operations, one function for each EMIT of ops.def.
#pragma once

#include "arch/x86_64/jit/asm.h"
#include "arch/x86_64/jit/ops.h"

struct emitter;
struct stub;

/** Code that is rarely run, behind the rest. */
struct stub {
    void (*emit)(struct emitter *e, const struct stub *s);
    const struct vinstr *i;
    uint32_t label; /* where it starts */
    uint32_t back;  /* where the operation goes on */
    unsigned trap;
};

/** Where what is in the frame, in bytes from rbp, down. */
struct frame {
    bool exists;     /* rbp is this frame's */
    int32_t slots;   /* spill slot 0 */
    int32_t saved;   /* callee-saved registers */
    int32_t vectors; /* likewise */
    int32_t context; /* of this function, if X86_SAVES_CONTEXT */
    int32_t locals;
    uint32_t bytes;                     /* rsp is so far below rbp */
    uint32_t saved_ints, saved_vectors; /* masks */
};

struct emitter {
    const struct vcode *v;
    uint64_t features;
    struct x86_asm a;
    struct frame frame;
    uint32_t block_labels; /* the first; one for each block */
    uint32_t *target_of;   /* by block: where a jump to it ends up */
    uint32_t block;        /* that is emitted */
    uint32_t next;         /* that is laid out behind it, or VREG_NONE */
    uint32_t remake_to;    /* register for the definition, instead of the operand's; or VLOC_NONE */
    struct stub *stubs;
    uint32_t stub_count, stub_capacity;
    uint32_t last_call; /* row of the last call */
};

/* The ones that ops.def names. */
#define X86_OP(name, emit, form, text)                                                             \
    void x86_emit_##emit(struct emitter *e, const struct vinstr *i);
#include "arch/x86_64/jit/ops.def"
#undef X86_OP

/** The form of an operation. */
extern const uint8_t x86_op_forms[X86_OP_COUNT];

/* ---- Operands ---- */

uint32_t x86_location_of(const struct emitter *e, const struct vinstr *i, unsigned operand);
/** @brief The register of an operand. */
uint8_t x86_reg_of(const struct emitter *e, const struct vinstr *i, unsigned operand);
/** @brief The spill slot as memory. */
struct x86_mem x86_slot_memory(const struct emitter *e, uint32_t location);
/** @brief Make rm of an instruction what the operands from `operand` on say: register, spill slot
 * or memory, whose row this writes. @return how many operands that took. */
unsigned x86_fill_rm(struct emitter *e, const struct vinstr *i, unsigned operand,
                     struct x86_insn *to);
/** @brief The immediate, with the sign that its size gives it. */
int64_t x86_immediate_of(const struct vinstr *i);

/* ---- Instructions ---- */

void x86_insn_rr(struct emitter *e, unsigned form, unsigned size, unsigned reg, unsigned rm);
void x86_insn_ri(struct emitter *e, unsigned form, unsigned size, unsigned rm, int64_t imm);
void x86_insn_rm(struct emitter *e, unsigned form, unsigned size, unsigned reg, struct x86_mem mem);
/** @brief With a constant behind the code as its memory. @param bytes  4, 8, 16. */
void x86_insn_constant(struct emitter *e, unsigned form, unsigned size, unsigned reg, uint64_t bits,
                       unsigned bytes);
void x86_insn_plain(struct emitter *e, unsigned form);
struct x86_mem x86_memory_at(unsigned base, int32_t disp);
/** @brief reg <- bits, in the shortest way; changes flags. */
void x86_load_immediate(struct emitter *e, unsigned reg, uint64_t bits);

/* ---- Flags ---- */

/** @brief Set flags by the comparison whose operands start at `operand`. */
void x86_emit_compare(struct emitter *e, const struct vinstr *i, unsigned operand);
/** @brief Go to a label if the condition holds. */
void x86_jump_if(struct emitter *e, unsigned compare, unsigned cond, uint32_t label);

/* ---- Rare code ---- */

/** @brief Code behind the rest. @return its label. */
uint32_t x86_add_stub(struct emitter *e, void (*emit)(struct emitter *e, const struct stub *s),
                      const struct vinstr *i, uint32_t back, unsigned trap);
/** @brief A stub that traps. @return its label. */
uint32_t x86_add_trap(struct emitter *e, const struct vinstr *i, unsigned trap);
/** @brief A trap, here. */
void x86_trap_here(struct emitter *e, uint32_t location, unsigned trap);

/** @brief The label of the block that edge n of the current block leads to. */
uint32_t x86_edge_label(const struct emitter *e, uint32_t n);
/** @brief Go along an edge, or on if that is what comes next. */
void x86_jump_along(struct emitter *e, uint32_t n);

void x86_emit_prologue(struct emitter *e);
void x86_emit_epilogue(struct emitter *e);
void x86_emit_move(struct emitter *e, const struct vmove *m);
void x86_emit_instruction(struct emitter *e, const struct vinstr *i);
