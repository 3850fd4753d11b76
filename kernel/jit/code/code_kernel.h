// SPDX-License-Identifier: MIT
//
// Compiled code in the kernel: code memory behind the interface of code_space.h, and for each piece
// an owner of its faults and names. A fault that the piece's map explains ends the execution; any
// other is a bug of the compiler and a kernel panic.
#pragma once

#include "kernel/jit/code/code_map.h"

struct budget;
struct codechunk;
struct thread_owner;

/**
 * The owner of pieces, one for each program. Must stay in place until all pieces are freed.
 */
struct code_kernel {
    struct code_space space; /* the interface for others */
    const char *name; /* [I] shown by `mem map` and in reports; must live as long as the struct */
    bool has_landing_pads; /* [I] indirect branches into the code land on landing pads */
    /* [I] Only one thread ever runs its code, and only that one asks for more: small blocks share
     * pages. */
    bool has_one_thread;
    uint8_t fill;            /* [I] what is between small blocks: it traps */
    struct codechunk *chunk; /* [t] where the next small block goes; NULL: a new one */
    /* [I] appends a place in the source to a description, as " (IL_0024, a.cs:7)"; NULL:
     * descriptions have no places. @context{any, panic included, while the piece is not removed} */
    void (*place)(const void *source, uint32_t function, uint32_t location, char *buf, size_t len);
    const struct thread_owner *owner; /* [I] the owner of the threads that run it; NULL: none */
    struct budget *budget;            /* [I] charged for code memory; NULL: none */
    _Atomic size_t pages;             /* pages in use. Relaxed: a sum */
};

/** @brief Where the running thread keeps the map whose code it runs: struct code_map's `running`
 * for programs with several threads. @context{thread, its fault handler included} */
struct code_map **code_kernel_running(void);

/** @brief Fill `space`; no memory is allocated. The caller sets the other fields. @context{any} */
void code_kernel_init(struct code_kernel *k);
