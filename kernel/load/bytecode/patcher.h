// SPDX-License-Identifier: MIT
//
// What a format provides so that functions of its running programs can be replaced. The format
// knows where their code is, and compiles the new code; kernel/livepatch leads the calls there.
#pragma once

#include "kernel/load/bytecode/bytecode_format.h"

/** A function of a program, and what replaces it. */
struct patched_function {
    uint32_t number; /* in the program */
    vaddr_t code;
    char name[64];
};

/** What replaces functions of one program: verified, and executable. The format's data follows. */
struct bytecode_patch {
    const struct bytecode_patcher *patcher;
    struct patched_function *functions; /* ascending by number */
    uint32_t count;
    vaddr_t lo, hi; /* the code */
};

/** Which of the functions that a file changes are to be replaced. */
struct patch_choice {
    bool (*wants)(const struct patch_choice *self, const char *name);
    const char *glob;
};

/** Const; no function is optional. */
struct bytecode_patcher {
    const struct bytecode_format *format;

    /**
     * @brief Compile what a file changes in the functions of a program.
     * @param bytes  A heap block; ownership passes, also on failure.
     * @return OK; E_NOTSUP: the program cannot be patched, or the file changes more than bodies of
     * functions; E_NOENT: no function of the choice differs; or as the format loads a file. The
     * reason is in err.
     * @context{bytecode_visit()}
     */
    enum status (*make)(const struct bytecode_program *p, void *bytes, size_t len,
                        const struct patch_choice *choice, struct bytecode_patch **out,
                        struct loader_error *err);
    /** @brief From here on the program explains faults of the patch's code. @context{thread} */
    void (*attach)(struct bytecode_patch *patch);
    /** @brief Free the code. What remains may still be looked up. @pre Nothing runs it.
     * @context{thread, may sleep} */
    void (*detach)(struct bytecode_patch *patch);

    /** @brief Where all calls of a function arrive. @param bytes  How many can be overwritten while
     * the rest runs. @return 0: fewer than a jump has. @context{thread} */
    vaddr_t (*entry)(const struct bytecode_patch *patch, uint32_t number, uint32_t bytes);
    /** @brief That entry was led elsewhere. @return OK: no other one will be made; E_AGAIN: calls
     * arrive at another one now; E_BUSY: soon. @context{thread} */
    enum status (*settle)(const struct bytecode_patch *patch, uint32_t number, vaddr_t entry);
    /** @brief The function's own code is about to be called again. @context{thread} */
    void (*restore)(const struct bytecode_patch *patch, uint32_t number);

    /** @brief Free all of it, detached or not. @pre It was never attached, or the program has
     * ended. @context{thread, may sleep} */
    void (*free)(struct bytecode_patch *patch);
};
