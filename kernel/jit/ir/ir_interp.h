// SPDX-License-Identifier: MIT
//
// Running functions of the intermediate representation as they stand: slow, and meant to be
// obviously right, because compiled code is judged by it. No recursion: calls are frames on a stack
// of its own.
#pragma once

#include "kernel/jit/budget.h"
#include "kernel/jit/ir.h"
#include "kernel/jit/ir/ir_eval.h"

enum ir_outcome {
    IR_RETURNED, /**< results are there */
    IR_TRAPPED,  /**< why and where: struct ir_stop */
    IR_UNWOUND,  /**< a callee unwound, and nothing caught it */
    IR_STOPPED,  /**< the host's poll said so */
};

/** Bytes that a sandboxed memory has now. */
struct ir_window {
    uint8_t *base;
    uint64_t length;
};

/** What code to run, and with what context. */
struct ir_target {
    const struct ir_function *function; /* NULL: the host's own */
    uint32_t callee;                    /* the host's number for it, if function is NULL */
    uint64_t context;
};

/** What the functions are run in. No function is optional. `ctx` is the host's own. */
struct ir_host {
    void *ctx;
    /** Memory `number` of the instance at `context`. Asked before every access: it may have grown.
     */
    struct ir_window (*memory)(void *ctx, uint64_t context, uint32_t number);
    /** What a direct call means in the module that `caller` is from. */
    struct ir_target (*callee)(void *ctx, const struct ir_function *caller, uint64_t context,
                               uint32_t callee);
    /** What an address that the program has as code means. */
    struct ir_target (*code)(void *ctx, uint64_t code, uint64_t context);
    /** Run the host's own function. @return IR_RETURNED, IR_TRAPPED (with *trap), IR_UNWOUND,
     * IR_STOPPED. */
    enum ir_outcome (*call)(void *ctx, const struct ir_target *target, const struct ir_bits *args,
                            struct ir_bits *results, enum ir_trap *trap);
    /** Asked now and then, and at every poll. @return false: stop. */
    bool (*poll)(void *ctx);
};

/** Where it stopped: the frames that were open, innermost first. */
struct ir_stop {
    enum ir_trap trap;
    uint32_t depth; /* how many there were */
    struct {
        const struct ir_function *function;
        uint32_t value; /* instruction; its location is in the function */
    } frames[16];
};

/** Frames: one has 16 bytes for each instruction of its function, so it grows as calls need it, and
 * is bounded in two ways. Zeroed but for the limits, it is empty. One call at a time. */
struct ir_stack {
    size_t bytes_max;       /* that it may take */
    uint32_t calls_max;     /* that may be open */
    struct budget *budget;  /* pays for it; NULL: nobody counts */
    struct ir_piece *first; /* private */
    size_t bytes;           /* private: of pieces, now */
};

/** @brief Take memory for the first frames. @return false: there is none. @context{thread} */
bool ir_stack_reserve(struct ir_stack *s);
/** @brief Give its memory back; it is empty. Nothing runs on it. @context{thread} */
void ir_stack_free(struct ir_stack *s);

/**
 * @brief Run a function.
 * @param stack    Where its frames are. Without room for one more that is IR_TRAP_STACK. What it
 *                 grew by is given back at the end.
 * @param args     As many as the signature has.
 * @param results  As many as the signature has; written only for IR_RETURNED.
 * @param stop     Filled unless it returned.
 * @context{as the host's functions}
 */
enum ir_outcome ir_interpret(const struct ir_host *host, struct ir_stack *stack,
                             const struct ir_target *target, const struct ir_bits *args,
                             struct ir_bits *results, struct ir_stop *stop);
