// SPDX-License-Identifier: MIT
//
// What the files of emit*.c share.
#pragma once

#include "arch/aarch64/jit/machine.h"

/** Code behind everything else, for what is rare: it goes on at `back`, or not. */
struct a64_cold {
    uint32_t label, back;
    uint32_t instr; /* what it belongs to; for a trap also its location */
    uint8_t kind;   /* enum a64_cold_kind */
    uint8_t trap;
};

enum a64_cold_kind { A64_COLD_TRAP, A64_COLD_TO_INT, A64_COLD_LANDING };

struct a64_emitter {
    struct a64_asm a;
    const struct vcode *v;
    uint64_t features;
    struct a64_frame frame;
    uint32_t *order;  /* blocks as they are laid out */
    uint32_t *target; /* by block: where a branch to it leads */
    uint8_t *lands;   /* by block: a switch leads here */
    uint32_t block;   /* that is emitted */
    uint32_t next;    /* the one behind it, or its count of blocks */
    struct a64_cold *cold;
    uint32_t order_count, cold_count, cold_capacity;
};

/** @brief The register of operand n of an instruction. */
unsigned a64_reg(const struct a64_emitter *e, const struct vinstr *i, unsigned n);

/** @brief A label for code that is emitted behind the function. @return the entry, to be filled;
 * the last one if it is the same trap. NULL: no memory. */
struct a64_cold *a64_cold(struct a64_emitter *e, const struct vinstr *i, enum a64_cold_kind kind);
/** @brief The label of a trap. */
uint32_t a64_trap_label(struct a64_emitter *e, const struct vinstr *i, unsigned trap);

/** @brief Bytes from sp to an area of the frame. */
uint64_t a64_area_offset(const struct a64_emitter *e, unsigned area);
/** @brief Any operation but single instructions and control flow, `def` in place of its own
 * definition unless it is negative. */
void a64_emit_op(struct a64_emitter *e, const struct vinstr *i, int def);

/** @brief A64_OP_TO_INT, and what stands behind the function for it. */
void a64_emit_to_int(struct a64_emitter *e, const struct vinstr *i);
void a64_emit_to_int_cold(struct a64_emitter *e, const struct a64_cold *c);
/** @brief A64_OP_COPY_BYTES and A64_OP_ZERO_BYTES. */
void a64_emit_bytes(struct a64_emitter *e, const struct vinstr *i);
/** @brief What sets flags and what looks at them, and other control flow. @return false: it is none
 * of these. */
bool a64_emit_control(struct a64_emitter *e, const struct vinstr *i);
/** @brief A branch to a block of the function. */
void a64_emit_goto(struct a64_emitter *e, uint32_t block);
