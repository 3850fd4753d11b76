// SPDX-License-Identifier: MIT
//
// A function as text, at each stage of its compilation: for people.
#pragma once

#include "kernel/jit/compile.h"
#include "kernel/jit/ir/ir_text.h"

/** Where it goes, and what is shown. */
struct jit_dump {
    const struct jit_machine *machine; /* NULL: only what the front-end built */
    uint64_t features;                 /* as jit_options.features */
    ir_sink sink;
    void *ctx;
};

/**
 * @brief Print what the front-end built, what each pass made of it, the machine's instructions
 * before and after registers were chosen, the bytes, and what addresses in them mean.
 * @param f  Verified.
 * @param a  Everything that is built.
 * @return as jit_compile(), with the reason in err. @context{thread}
 */
enum status jit_dump(const struct jit_dump *d, const struct ir_function *f, struct arena *a,
                     struct jit_error *err);
