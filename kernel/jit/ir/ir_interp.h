// SPDX-License-Identifier: MIT
//
// Runs functions of the intermediate representation directly. Slow, and meant to be obviously
// right, because compiled code is compared with it. No recursion: calls are frames on a stack of
// its own.
#pragma once

#include "kernel/jit/budget.h"
#include "kernel/jit/ir.h"
#include "kernel/jit/ir/ir_eval.h"

enum ir_outcome {
    IR_RETURNED, /**< the results are valid */
    IR_TRAPPED,  /**< the reason and place: struct ir_stop */
    IR_UNWOUND,  /**< a callee unwound, and no invoke caught it */
    IR_STOPPED,  /**< the host's poll returned false */
};

/** The current contents of a sandboxed memory. */
struct ir_window {
    uint8_t *base;
    uint64_t length;
};

/** Which code to run, and with which context. */
struct ir_target {
    const struct ir_function *function; /* NULL: one of the host's own functions */
    uint32_t callee;                    /* the host's number for it, if function is NULL */
    uint64_t context;
};

/** The environment in which functions run. Only `left` is optional. `ctx` belongs to the host. */
struct ir_host {
    void *ctx;
    /** Memory `number` of the instance at `context`. Called before every access, because the memory
     * may have grown. */
    struct ir_window (*memory)(void *ctx, uint64_t context, uint32_t number);
    /** What a direct call refers to, in the module that `caller` belongs to. */
    struct ir_target (*callee)(void *ctx, const struct ir_function *caller, uint64_t context,
                               uint32_t callee);
    /** What a code address of the program refers to. */
    struct ir_target (*code)(void *ctx, uint64_t code, uint64_t context);
    /** Run the host's own function. @return IR_RETURNED,
     * IR_TRAPPED (with *trap), IR_UNWOUND, IR_STOPPED. */
    enum ir_outcome (*call)(void *ctx, const struct ir_target *target, const struct ir_bits *args,
                            struct ir_bits *results, enum ir_trap *trap);
    /** Called from time to time, and at every poll. @return false: stop. */
    bool (*poll)(void *ctx);
    /** A frame is left by unwinding, at this instruction; or NULL. */
    void (*left)(void *ctx, const struct ir_function *f, uint32_t value);
};

/** Where it stopped: the active frames, innermost first. */
struct ir_stop {
    enum ir_trap trap;
    uint32_t depth; /* number of active frames */
    struct {
        const struct ir_function *function;
        uint32_t value; /* instruction; its location is in the function */
    } frames[16];
};

/** Memory for frames. A frame has 16 bytes for each instruction of its function, so the stack grows
 * as calls need it. Two limits bound it. All zero except for the limits, it is empty. Runs one call
 * at a time. */
struct ir_stack {
    size_t bytes_max;       /* most bytes that it may use */
    uint32_t calls_max;     /* most frames that may be active */
    struct budget *budget;  /* charged for the memory; NULL: not charged */
    struct ir_piece *first; /* private */
    size_t bytes;           /* private: bytes in pieces now */
    struct ir_bits *kept;   /* private: arguments of a tail call */
    uint32_t kept_max;      /* private */
};

/** @brief Allocate memory for the first frames. @return false: no memory. @context{thread} */
bool ir_stack_reserve(struct ir_stack *s);
/** @brief Pass all memory of the stack, used or not, to a function: for a collector. */
void ir_stack_words(const struct ir_stack *s,
                    void (*fn)(void *ctx, const void *from, const void *to), void *ctx);
/** @brief Free its memory; it is empty then. Nothing may be running on it. @context{thread} */
void ir_stack_free(struct ir_stack *s);

/**
 * @brief Run a function.
 * @param stack Memory for its frames. If there is no room for one more, that is IR_TRAP_STACK.
 * Memory by which it grows is freed at the end.
 * @param args As many as the signature has.
 * @param results  As many as the signature has; written only for IR_RETURNED.
 * @param stop Filled unless it returned.
 * @context{as the host's functions}
 */
enum ir_outcome ir_interpret(const struct ir_host *host, struct ir_stack *stack,
                             const struct ir_target *target, const struct ir_bits *args,
                             struct ir_bits *results, struct ir_stop *stop);
