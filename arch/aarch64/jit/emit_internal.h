// SPDX-License-Identifier: MIT
//
// Shared by emit*.c.
#pragma once

#include "arch/aarch64/jit/machine.h"

/** Rarely executed code after the function. It returns to `back`, or does not return. */
struct a64_cold {
    uint32_t label, back;
    uint32_t instr; /* the instruction it belongs to; for a trap its source location is used */
    uint8_t kind;   /* enum a64_cold_kind */
    uint8_t trap;
};

enum a64_cold_kind { A64_COLD_TRAP, A64_COLD_TO_INT, A64_COLD_LANDING };

struct a64_emitter {
    struct a64_asm a;
    const struct vcode *v;
    uint64_t features;
    struct a64_frame frame;
    uint32_t *order;  /* blocks in the order of the layout */
    uint32_t *target; /* by block: the block to which a branch to it finally leads */
    uint8_t *lands;   /* by block: a switch leads to it */
    uint32_t block;   /* the current block */
    uint32_t next;    /* the next block in the layout, or the number of blocks */
    struct a64_cold *cold;
    uint32_t order_count, cold_count, cold_capacity;
};

/** @brief The register of operand n of an instruction. */
unsigned a64_reg(const struct a64_emitter *e, const struct vinstr *i, unsigned n);

/** @brief A label for code that is emitted after the function. @return the entry to fill in; for
 * the same trap as the last entry, that entry. NULL: no memory. */
struct a64_cold *a64_cold(struct a64_emitter *e, const struct vinstr *i, enum a64_cold_kind kind);
/** @brief The label of a trap. */
uint32_t a64_trap_label(struct a64_emitter *e, const struct vinstr *i, unsigned trap);

/** @brief Offset in bytes from sp to an area of the frame. */
uint64_t a64_area_offset(const struct a64_emitter *e, unsigned area);
/** @brief Emit an operation that is neither a single instruction nor control flow. If `def` is not
 * negative, it replaces the operation's definition. */
void a64_emit_op(struct a64_emitter *e, const struct vinstr *i, int def);

/** @brief A64_OP_TO_INT, and its code after the function. */
void a64_emit_to_int(struct a64_emitter *e, const struct vinstr *i);
void a64_emit_to_int_cold(struct a64_emitter *e, const struct a64_cold *c);
/** @brief A64_OP_ATOMIC. */
void a64_emit_atomic(struct a64_emitter *e, const struct vinstr *i);
/** @brief A64_OP_COPY_BYTES and A64_OP_ZERO_BYTES. */
void a64_emit_bytes(struct a64_emitter *e, const struct vinstr *i);
/** @brief Emit operations that set and use flags, and other control flow. @return false: the
 * operation is none of these. */
bool a64_emit_control(struct a64_emitter *e, const struct vinstr *i);
/** @brief A branch to a block of the function. */
void a64_emit_goto(struct a64_emitter *e, uint32_t block);
