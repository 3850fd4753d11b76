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
    uint32_t event; /* if it is traced: of the begin of a call; the end is the next one */
    char name[64];
};

/** What replaces functions of one program: verified, and executable. The format's data follows. */
struct bytecode_patch {
    const struct bytecode_patcher *patcher;
    struct patched_function *functions; /* ascending by number */
    uint32_t count;
    vaddr_t lo, hi; /* the code */
};

#define PATCH_EVENTS UINT32_C(0x80000000)

/** Which functions are to be replaced: those that a file changes, or without a file those of the
 * program itself, by code that also reports calls. */
struct patch_choice {
    bool (*wants)(struct patch_choice *self, const char *name);
    const char *glob;
    /* Without a file: */
    /** @brief Number the events of a function: an even number from PATCH_EVENTS on.
     * @return UINT32_MAX: all numbers are in use. */
    uint32_t (*number)(struct patch_choice *self, uint32_t function, const char *name);
    uint32_t entry_bytes; /**< those that cannot be led elsewhere are left out: entry() */
    /** @brief Called for each event, by the program's thread, which holds nothing.
     * @return any value. */
    uint64_t (*event)(void *events, uint32_t n);
    void *events; /**< lasts as long as the program */
};

/** Const; no function is optional. */
struct bytecode_patcher {
    const struct bytecode_format *format;

    /**
     * @brief Compile the chosen functions.
     * @param bytes  The file, in a heap block that the patch owns from now on; if this fails, it is
     * freed. NULL: there is no file.
     * @return OK; E_NOTSUP: the program cannot be patched, or the file changes more than bodies of
     * functions; E_NOENT: no chosen function differs; E_NOSPC: all numbers of events are in use; or
     * as the format loads a file. The reason is in err.
     * @context{bytecode_visit()}
     */
    enum status (*make)(const struct bytecode_program *p, void *bytes, size_t len,
                        struct patch_choice *choice, struct bytecode_patch **out,
                        struct loader_error *err);
    /** @brief From here on the program explains faults of the patch's code. @context{thread} */
    void (*attach)(struct bytecode_patch *patch);
    /** @brief Free the code. What remains may still be looked up. @pre Nothing runs it.
     * @context{thread, may sleep} */
    void (*detach)(struct bytecode_patch *patch);

    /** @brief Where all calls of a function arrive. @param bytes  How many can be overwritten while
     * the rest runs: neither a branch nor the return of a call leads between two of their
     * instructions. @return 0: fewer than a jump has. @context{thread} */
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
