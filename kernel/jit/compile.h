// SPDX-License-Identifier: MIT
//
// From the intermediate representation to bytes: passes, selection, registers, encoding, with a
// check behind each step where that is asked for.
#pragma once

#include "kernel/jit/backend.h"

/** How to compile. Zeroed: everything on, the machine's baseline, checked in debug builds only. */
struct jit_options {
    uint64_t features;     /* the machine's bits: what the CPU has beyond the baseline */
    struct vlimits limits; /* all 0: every register */
    bool verify;           /* run the verifier before the passes and after each, and the checker
                              after allocation; debug builds always do */
    bool quick;            /* no passes: what the front-end built goes straight to selection */
    /** Shown each stage: "ir", "gvn", ..., or NULL. */
    void (*show)(void *ctx, const char *stage, const struct ir_function *f, const struct vcode *v);
    void *ctx;
};

/** Why a function was not compiled. */
struct jit_error {
    char text[192];
};

/**
 * @brief Compile one function.
 * @param f    Verified; not changed. Passes build new ones in `a`.
 * @param a    Everything that is built, the result too.
 * @return OK; E_NOMEM; E_OVERFLOW; E_NOTSUP: an operation that the machine's back-end has not;
 * E_CORRUPT: a bug of the compiler, told in err: a register is used where its definition does not
 * reach (vcode_allocate()), or, with options->verify or in debug builds, any other check failed.
 * @context{thread}
 */
enum status jit_compile(const struct jit_machine *m, const struct ir_function *f,
                        const struct jit_options *options, struct arena *a, struct jit_code *out,
                        struct jit_error *err);
