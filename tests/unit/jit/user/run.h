// SPDX-License-Identifier: MIT
//
// Compiled functions run in a process of the operating system: mapped, entered, their traps caught
// as signals and found in the rows. For the machine that the test is built for.
#pragma once

#include "kernel/jit/compile.h"
#include "kernel/jit/ir/ir_eval.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUN_FUNCTIONS_MAX 16u

/** A module's functions where they can be run. */
struct run_module {
    struct jit_code code[RUN_FUNCTIONS_MAX];
    uint8_t *at[RUN_FUNCTIONS_MAX];
    uint8_t *bytes;
    size_t size;
    unsigned count;
    const struct ir_module *ir;
};

/** How a run ended. */
struct run_outcome {
    bool traps;
    uint8_t trap;      /* enum ir_trap */
    uint32_t location; /* of what trapped */
    struct ir_bits results[16];
};

/** @brief Catch traps; once, on the thread that runs code. */
void run_init(void);

/**
 * @brief Compile functions 0 to count - 1 (NULL: none) and map them.
 * @return what compiling said; it is printed unless it is E_NOTSUP.
 */
enum status run_load(struct run_module *m, const struct ir_module *ir,
                     struct ir_function *const *functions, unsigned count,
                     const struct jit_options *options, struct arena *a);
void run_unload(struct run_module *m);

/** @brief Call a function. Arguments and results are as its signature has them. */
void run_call(struct run_module *m, unsigned function, void *context, const struct ir_bits *args,
              struct run_outcome *out);

/** @brief From a helper: end the innermost run_call() with a trap, at the call that the helper
 * returns to. */
_Noreturn void run_trap(uint8_t trap, const void *return_address);

/** @brief From a helper: go on where the nearest invoke of the run says. @param frame  The helper's
 * frame pointer. */
_Noreturn void run_unwind(const void *frame);

/** @brief The list of references of the safe point that returns to an address. @return NULL: it is
 * no compiled code. Ends the test if it is, and no safe point. */
const uint32_t *run_refs(uint64_t pc);

/** @brief Memory of `bytes` (whole pages), with 8 GiB behind it that fault. */
uint8_t *run_memory(size_t bytes);
