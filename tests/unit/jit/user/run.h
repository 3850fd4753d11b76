// SPDX-License-Identifier: MIT
//
// Runs compiled functions in a process of the operating system: mapped, entered, their traps caught
// as signals and found in the rows. For the machine that the test is built for.
#pragma once

#include "kernel/jit/compile.h"
#include "kernel/jit/ir/ir_eval.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUN_FUNCTIONS_MAX 16u

/** A module's functions in executable memory. */
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
    uint32_t location; /* of the trapping instruction */
    struct ir_bits results[16];
};

/** @brief Install the signal handlers; once, on the thread that runs code. */
void run_init(void);

/**
 * @brief Compile functions 0 to count - 1 (NULL: none) and map them.
 * @return the compiler's status; it is printed unless it is E_NOTSUP.
 */
enum status run_load(struct run_module *m, const struct ir_module *ir,
                     struct ir_function *const *functions, unsigned count,
                     const struct jit_options *options, struct arena *a);
void run_unload(struct run_module *m);

/** @brief Call a function. Arguments and results are those of its signature. */
void run_call(struct run_module *m, unsigned function, void *context, const struct ir_bits *args,
              struct run_outcome *out);

/** @brief From a helper: end the innermost run_call() with a trap, at the
 * call that the helper returns to. */
_Noreturn void run_trap(uint8_t trap, const void *return_address);

/** @brief From a helper: continue at the nearest invoke of the run. @param
 * frame  The helper's frame pointer. */
_Noreturn void run_unwind(const void *frame);

/** @brief The list of references of the safe point that returns to an address. @return NULL: it is
 * not in compiled code. Ends the test if it is, but not at a safe point. */
const uint32_t *run_refs(uint64_t pc);

/** @brief Map a memory of `bytes` (whole pages), followed by 8 GiB that fault. */
uint8_t *run_memory(size_t bytes);
