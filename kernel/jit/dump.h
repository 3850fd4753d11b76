// SPDX-License-Identifier: MIT
//
// A function as text at each stage of its compilation, for people.
#pragma once

#include "kernel/jit/compile.h"
#include "kernel/jit/ir/ir_text.h"

/** Where to print, and what. */
struct jit_dump {
    const struct jit_machine *machine; /* NULL: only the front-end's result */
    uint64_t features;                 /* as jit_options.features */
    ir_sink sink;
    void *ctx;
};

/** As jit_dump(). */
typedef enum status (*jit_dump_fn)(const struct jit_dump *d, const struct ir_function *f,
                                   struct arena *a, struct jit_error *err);

/** @brief Let jit_dump() print. In tools.ko (cmake/kernel.cmake), which has what prints.
 * @context{any} */
void jit_enable_dump(void);

/** @brief For jit_enable_dump(). @context{any} */
void jit_set_dump(jit_dump_fn fn);

/**
 * @brief Print the front-end's function, the result of each pass, the machine's instructions before
 * and after registers are chosen, the bytes, and the meaning of their addresses.
 * @param f  Verified.
 * @param a  Memory for everything.
 * @return as jit_compile(), with the reason in err; E_NOTSUP: before jit_enable_dump().
 * @context{thread}
 */
enum status jit_dump(const struct jit_dump *d, const struct ir_function *f, struct arena *a,
                     struct jit_error *err);
