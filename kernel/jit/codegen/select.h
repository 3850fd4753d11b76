// SPDX-License-Identifier: MIT
//
// The portable half of instruction selection: which values are needed, in what order instructions
// are visited, which may be merged into others, and the blocks and edges of the result.
//
// Blocks are visited from the last to the first, each from its end, so every use is seen before the
// definition. The machine gets one instruction of the intermediate representation at a time. For
// each operand it either requests the register that holds it (select_reg()), or looks through the
// operand to the instruction that defines it (select_instr()) and does that instruction's work
// itself. It then emits its own instructions, in forward order. A value whose register the machine
// does not request is not computed, unless it may trap.
//
// The machine may look through these, and nothing else:
//   - an instruction that is IR_PURE: always, since its operands are available wherever it is. It
//     is computed a second time if its register is requested as well;
//   - a load: only if select_can_merge() allows it, and then it must call select_merge().
//
// Parameters of a block with one predecessor do not exist here: they are the arguments. Every
// function accepts either, so operands are used as they are in the instruction.
#pragma once

#include "kernel/jit/ir/ir_cfg.h"
#include "kernel/jit/codegen/vcode.h"

struct selector;

/** A machine's part. Const; no function is optional. */
struct select_machine {
    /** @brief Emit the code at the function's entry: it defines select_param() for each parameter
     * of the function that has one. Called last. */
    void (*entry)(struct selector *s);
    /** @brief Emit s->at: any operation but IR_PARAM and IR_RESULT, terminators included.
     * @return false: the machine has no such operation, or not for this type. */
    bool (*instr)(struct selector *s);
    /** @brief Emit a terminator that goes to the block's only edge. */
    void (*jump)(struct selector *s);
};

/** Of one value. Private to select*.c. */
struct select_value {
    /* the value that this one equals: itself, or the
     * argument of a parameter with one predecessor */
    uint32_t same;
    uint32_t vreg; /* the register that was asked for, or VREG_NONE */
    /* position in its block: earlier instructions that have an effect or trap ... */
    uint32_t traps;
    uint32_t writes; /* ... and those that may write memory */
    uint8_t uses;    /* number of needed users; 255: that many or more */
    bool is_needed;
    bool is_passed; /* the sweep that finds needed values has passed it */
    bool is_merged;
};

/** Of one block. Private to select*.c. */
struct select_block {
    uint32_t vblock;
    uint32_t first, edges; /* in selector.edges */
    uint32_t ways_in;      /* distinct edges that lead here */
    uint32_t case_pool;
    bool calls;      /* an instruction of it is a call */
    bool loop_calls; /* of a loop's header: so is one of a block in the loop that is not cold */
};

struct selector {
    struct vcode *v;
    const struct ir_function *f;
    const struct select_machine *machine;
    uint64_t features;

    uint32_t at;    /* the instruction that is being selected */
    uint32_t block; /* its block in the representation */
    /* by slot of the frame: bytes from the start of the local area, which is 16-byte aligned. A
     * slot with a larger alignment is `align - 16` bytes longer, so that an aligned address can be
     * computed in it */
    uint32_t *slot_at;
    /* of a switch: for each case, the default last, the index of its edge within the block's edges.
     * Index into vcode.pool */
    uint32_t case_pool;

    /* Private to select*.c. */
    struct ir_cfg cfg;
    struct select_value *values;
    struct select_block *blocks; /* by block of the representation */
    uint32_t *edges;             /* of the representation, by block, without duplicates */
    uint32_t edge_count;
};

/**
 * @brief Make vcode of a whole function.
 * @param out  Zeroed except for the arena, which also serves for temporary memory.
 * @param op Receives the operation that the machine lacks; IR_OP_COUNT: a loop has more than one
 * entry.
 * @return OK; E_NOMEM; E_OVERFLOW; E_NOTSUP. @context{thread}
 */
enum status select_function(const struct select_machine *m, const struct ir_function *f,
                            uint64_t features, struct vcode *out, unsigned *op);

/* ---- Values ---- */

/** @brief The instruction that defines a value, for inspection only. */
const struct ir_instr *select_instr(const struct selector *s, uint32_t value);
/** @brief The register that holds a value. From now on the value will be computed. */
uint32_t select_reg(struct selector *s, uint32_t value);
/** @brief Whether a value is a constant, and its bits. */
bool select_const(const struct selector *s, uint32_t value, uint64_t *bits);
/** @brief Whether a value is used in one place only and is defined in the block that is being
 * selected: looking through it then costs no register and no time. */
bool select_is_single(const struct selector *s, uint32_t value);
/** @brief Whether a value is defined in the block that is being selected. */
bool select_is_local(const struct selector *s, uint32_t value);

/** @brief Whether a register is a better operand than memory for a constant: s->at is in a loop,
 * the constant is defined before it (motion_decide.c moves constants there if there are registers),
 * and the loop has no calls, after which it would have to be loaded again. */
bool select_is_loop_constant(const struct selector *s, uint32_t value);

/** @brief An upper bound of an i32, as far as it is easily found. */
uint32_t select_largest(const struct selector *s, uint32_t value);

/**
 * @brief Whether s->at may do the work of `value`. s->at must be its only use, in the same block.
 * The value must be pure, or a load that can move down to s->at without any observable difference.
 * @param bytes  How many bytes the machine's form of s->at reads from memory; a load must read as
 * many. Ignored for a pure value.
 */
bool select_can_merge(const struct selector *s, uint32_t value, unsigned bytes);
/** @brief Record that s->at does its work. The load's own source location goes into the
 * instruction. */
void select_merge(struct selector *s, uint32_t value);

/** @brief Register for the result of s->at. */
uint32_t select_result(struct selector *s);
/** @brief Register for result n of the call s->at. @return VREG_NONE: the result is not needed. */
uint32_t select_call_result(struct selector *s, uint32_t n);
/** @brief Whether all cases of the switch s->at lead to the same edge, which makes it a jump. */
bool select_switch_has_one_way(const struct selector *s);
/** @brief Register for parameter n of the function. @return VREG_NONE: the parameter
 * is not needed. */
uint32_t select_param(struct selector *s, uint32_t n);
/** @brief A register for passing a value between instructions that are emitted for one s->at. */
uint32_t select_temp(struct selector *s, unsigned class, unsigned bytes);
/** @brief The register class and the bytes of a type. */
unsigned select_class(unsigned type);

/* ---- Emitting ---- */

/**
 * @brief Append an instruction after those already emitted for s->at.
 * @param i Without operands. location 0: that of s->at.
 * @param operands  At most 255.
 */
void select_emit(struct selector *s, const struct vinstr *i, const struct voperand *operands,
                 unsigned count);
