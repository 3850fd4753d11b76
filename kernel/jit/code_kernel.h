// SPDX-License-Identifier: MIT
//
// Compiled code in the kernel: code memory behind code_space.h's interface, and an owner for the
// faults and the names of every piece of it.
#pragma once

#include "kernel/fault.h"
#include "kernel/jit/code_space.h"

/** Whose the pieces are: one a program. Stays in place until all are given back. */
struct code_kernel {
    struct code_space space; /* to hand out */
    const char *name;        /* [I] in `mem map` and in reports; as long as the struct lives */
    bool has_landing_pads;   /* [I] the code is made for checked indirect branches */
    size_t pages;            /* taken now; changed by the thread that compiles */
    /** As struct fault_owner's. */
    bool (*handle)(struct code_kernel *self, struct fault *fault);
    bool (*symbol)(struct code_kernel *self, uintptr_t pc, char *buf, size_t len);
};

/** @brief Fill `space`; the rest is the caller's. @context{any} */
void code_kernel_init(struct code_kernel *k);
