// SPDX-License-Identifier: MIT
//
// Runs compiled code on this computer, in the test's own process: a module's functions
// in executable memory, a context and a sandboxed memory for them, and faults that
// become traps by the code's rows.
#pragma once

#include "kernel/jit/compile.h"
#include "kernel/jit/ir/ir_eval.h"

#define NATIVE_CALLEES 192

struct native_module {
    struct arena *arena;
    const struct ir_module *module;
    struct ir_function *functions[NATIVE_CALLEES];
    struct jit_code code[NATIVE_CALLEES];
    uint64_t address[NATIVE_CALLEES]; /* 0: no body */
    uint8_t *text;
    size_t text_bytes;
};

/** How a run ended. */
struct native_outcome {
    bool trapped;
    unsigned trap;       /* enum ir_trap */
    uint32_t location;   /* of the instruction */
    uint32_t depth;      /* number of frames in the chain of frame pointers, innermost first */
    uint32_t callers[8]; /* locations of the active calls */
};

/** @brief This computer's machine. @return NULL: not one that the compiler supports. */
const struct jit_machine *native_machine(void);
/** @brief The features of this computer's CPU. */
uint64_t native_features(void);

/** @brief The function for jit_options that prints each stage of compiling
 * on stderr, if JIT_SHOW is set. */
void (*native_show(void))(void *ctx, const char *stage, const struct ir_function *f,
                          const struct vcode *v);

/** @brief Compile all functions and map them. @return OK or the compiler's error. */
enum status native_load(const struct jit_machine *m, struct arena *a,
                        const struct ir_module *module, struct ir_function *const *functions,
                        const struct jit_options *options, struct native_module *out,
                        struct jit_error *err);
void native_unload(struct native_module *n);

/** @brief Reserve addresses for a memory of `bytes`, followed by a region that faults. */
uint8_t *native_memory_new(size_t bytes);
void native_memory_free(uint8_t *memory);

/** @brief Call a function. `context` starts with the address of memory 0. */
void native_call(const struct native_module *n, uint32_t function, void *context,
                 const struct ir_bits *args, struct ir_bits *results, struct native_outcome *out);
/** @brief From a helper: end the run as a trap. */
_Noreturn void native_trap(unsigned trap);
/** @brief The list of references of the safe point that returns to an address. @return NULL: it is
 * not in compiled code. Ends the test if it is, but not at a safe point. */
const uint32_t *native_refs(uint64_t pc);
/** @brief From a helper: unwind to the nearest invoke of the run; there must be one. */
_Noreturn void native_unwind(const void *frame);
