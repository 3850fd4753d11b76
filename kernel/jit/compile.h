// SPDX-License-Identifier: MIT
//
// From the intermediate representation to bytes: passes, selection, registers, encoding, each
// optionally followed by a check.
#pragma once

#include "kernel/jit/backend.h"
#include "kernel/jit/ir/ir_verify.h"

/** Checks of the compiler's own work. */
struct jit_checks {
    /* ir_verify(): what the front-end and each pass have built */
    enum status (*verify)(struct arena *scratch, const struct ir_function *f,
                          struct ir_complaint *out);
    /* vcode_check(): what the allocator has decided */
    bool (*registers)(const struct vcode *v, const struct vregisters *registers,
                      struct vcomplaint *out);
};

/** All of them. The image of a release does not have them, tools.ko does. checks.c */
extern const struct jit_checks jit_checks;

/** How to compile. All zero: all passes, the machine's baseline, checks in debug builds only. */
struct jit_options {
    uint64_t features;     /* bits of the machine: features of the CPU beyond the baseline */
    struct vlimits limits; /* all 0: every register */
    const struct jit_checks *checks; /* &jit_checks, or NULL: only debug builds check */
    bool quick; /* no passes: the front-end's function goes directly to selection */
    /** Called after each stage: "ir", "gvn", ..., or NULL. */
    void (*show)(void *ctx, const char *stage, const struct ir_function *f, const struct vcode *v);
    void *ctx;
};

/** Why a function was not compiled. */
struct jit_error {
    char text[192];
};

/**
 * @brief Compile one function.
 * @param f Verified; not changed. Passes build new functions in `a`.
 * @param a Memory for everything, including the result.
 * @return OK; E_NOMEM; E_OVERFLOW; E_NOTSUP: the machine's back-end lacks an operation; E_CORRUPT:
 * a bug of the compiler, described in err: a register is used where its definition does not reach
 * (vcode_allocate()), or, with options->checks or in debug builds, another check failed.
 * @context{thread}
 */
enum status jit_compile(const struct jit_machine *m, const struct ir_function *f,
                        const struct jit_options *options, struct arena *a, struct jit_code *out,
                        struct jit_error *err);
