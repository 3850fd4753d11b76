// SPDX-License-Identifier: MIT
//
// The half of selection that is the same on every machine: which values are needed, in what order
// instructions are visited, what may be merged into what, blocks and edges of the result.
//
// Blocks are visited from the last to the first, each from its end, so that every use is seen
// before the definition. The machine is given one instruction of the representation at a time, asks
// for the registers that hold its operands (select_reg) or looks through an operand to the
// instruction behind it (select_instr) and takes that over, and emits what it makes of it, in
// forward order. A value whose register nobody asked for is never computed, unless it may trap.
//
// What may be looked through:
//   - an instruction that is IR_PURE: always; its operands are available wherever it is. It is
//     computed a second time if somebody else asks for its register;
//   - a load: if select_can_merge() says so, and then select_merge() must be called.
// Nothing else.
//
// Parameters of a block with one predecessor do not exist here: they are the arguments. Every
// function takes either for a value, so operands are used as they stand in the instruction.
#pragma once

#include "kernel/jit/ir/ir_cfg.h"
#include "kernel/jit/codegen/vcode.h"

struct selector;

/** A machine's part. Const; no function is optional. */
struct select_machine {
    /** @brief Emit what stands before everything else: it defines select_param() for each parameter
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
    uint32_t same;   /* the value that this one is: itself, or what a parameter stands for */
    uint32_t vreg;   /* that somebody asked for, or VREG_NONE */
    uint32_t traps;  /* of its block: instructions up to it, itself not counted, that have an effect
                        or trap ... */
    uint32_t writes; /* ... and those that may write memory */
    uint8_t uses;    /* by what is needed; 255: that many or more */
    bool is_needed;
    bool is_passed; /* by the sweep that finds what is needed */
    bool is_merged;
};

/** Of one block. Private to select*.c. */
struct select_block {
    uint32_t vblock;
    uint32_t first, edges; /* in selector.edges */
    uint32_t ways_in;      /* edges that lead here, each different one once */
    uint32_t case_pool;
};

struct selector {
    struct vcode *v;
    const struct ir_function *f;
    const struct select_machine *machine;
    uint64_t features;

    uint32_t at;        /* the instruction that is selected */
    uint32_t block;     /* its block in the representation */
    uint32_t *slot_at;  /* by slot of the frame: bytes from the start of the local area, which is 16
                           aligned. A slot with larger alignment has `align - 16` more bytes, so that
                           an aligned address can be computed in it */
    uint32_t case_pool; /* of a switch: for each case (the default last) which of the edges of its
                           block, 0 the first, in vcode.pool */

    /* Private to select*.c. */
    struct ir_cfg cfg;
    struct select_value *values;
    struct select_block *blocks; /* by block of the representation */
    uint32_t *edges;             /* of the representation, by block, each different one once */
    uint32_t edge_count;
};

/**
 * @brief Make vcode of a whole function.
 * @param out  Zeroed but for the arena, which also takes what is needed on the way.
 * @param op   Receives the operation that the machine has not; IR_OP_COUNT: it is a loop that is
 * entered in the middle.
 * @return OK; E_NOMEM; E_OVERFLOW; E_NOTSUP. @context{thread}
 */
enum status select_function(const struct select_machine *m, const struct ir_function *f,
                            uint64_t features, struct vcode *out, unsigned *op);

/* ---- Values ---- */

/** @brief The instruction behind a value, for looking at it. */
const struct ir_instr *select_instr(const struct selector *s, uint32_t value);
/** @brief The register that holds a value: it will be computed. */
uint32_t select_reg(struct selector *s, uint32_t value);
/** @brief Whether a value is a constant, and its bits. */
bool select_const(const struct selector *s, uint32_t value, uint64_t *bits);
/** @brief Whether a value is used in one place only, and defined in the block that is being
 * selected: looking through it costs no register and no time. */
bool select_is_single(const struct selector *s, uint32_t value);
/** @brief Whether a value is defined in the block that is being selected. */
bool select_is_local(const struct selector *s, uint32_t value);

/** @brief A number that an i32 is never above, as far as that is easily seen. */
uint32_t select_largest(const struct selector *s, uint32_t value);

/**
 * @brief Whether s->at may do what `value` does in its place: its only use, in this block, a load
 * between which and s->at nothing happens that the program could tell apart; or pure.
 * @param bytes  Of memory that the machine's form of s->at reads: the load's are as many. Of a pure
 * value: not looked at.
 */
bool select_can_merge(const struct selector *s, uint32_t value, unsigned bytes);
/** @brief Say that s->at does it. The load's own location goes into the instruction. */
void select_merge(struct selector *s, uint32_t value);

/** @brief Register for the result of s->at. */
uint32_t select_result(struct selector *s);
/** @brief Register for result n of the call s->at. @return VREG_NONE: nobody needs it. */
uint32_t select_call_result(struct selector *s, uint32_t n);
/** @brief Whether all cases of the switch s->at lead the same way: then it is a jump. */
bool select_switch_has_one_way(const struct selector *s);
/** @brief Register for parameter n of the function. @return VREG_NONE: nobody needs it. */
uint32_t select_param(struct selector *s, uint32_t n);
/** @brief A register that is used in one instruction or a few, between which a value goes. */
uint32_t select_temp(struct selector *s, unsigned class, unsigned bytes);
/** @brief The register class and the bytes of a type. */
unsigned select_class(unsigned type);

/* ---- Emitting ---- */

/**
 * @brief Append an instruction, behind those already emitted for s->at.
 * @param i         Without operands. location 0: that of s->at.
 * @param operands  At most 255.
 */
void select_emit(struct selector *s, const struct vinstr *i, const struct voperand *operands,
                 unsigned count);
