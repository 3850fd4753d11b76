// SPDX-License-Identifier: MIT
//
// Compiled code in the kernel: code memory behind code_space.h's interface, and an owner for the
// faults and the names of every piece of it. A fault that the piece's map explains ends what runs
// in it; any other is the compiler's mistake, and the kernel's end.
#pragma once

#include "kernel/jit/code/code_map.h"

struct program;

/** Whose the pieces are: one a program. Stays in place until all are given back.
 * One thread at a time runs it. */
struct code_kernel {
    struct code_space space; /* to hand out */
    const char *name;        /* [I] in `mem map` and in reports; as long as the struct lives */
    bool has_landing_pads;   /* [I] the code is made for checked indirect branches */
    struct program *
        program; /* [I] whose threads run it and whose memory it is, or NULL: it is of no program */
    size_t pages;              /* taken now; changed by the thread that compiles */
    struct code_resume resume; /* the thread that runs it: where a fault goes on */
};

/** @brief Fill `space`, nothing is taken; the rest is the caller's. @context{any} */
void code_kernel_init(struct code_kernel *k);
