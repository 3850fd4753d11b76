// SPDX-License-Identifier: MIT
//
// Shared by the files of wasm-flip: a module that is compiled and linked, and one change of its
// code. main.c makes the changes and calls the verifier, run.c runs the changes that it accepts,
// memory.c finds writes outside the sandbox.
#pragma once

#include "kernel/jit/code/code_map.h"
#include "kernel/jit/verify/verify.h"
#include "kernel/lib/compiler.h"
#include "kernel/wasm/run/wasm_engine.h"
#include "kernel/wasm/run/wasm_shape.h"

#include <stdbool.h>
#include <stdint.h>

#define PIECES_MAX 8u /* of a module: its functions, then adapters */
#define EDITS_MAX  8u /* bytes that a flip changes */
#define BATCH      64u
#define WHY_BYTES  160u

/** Code whose bytes are flipped: the block that runs, and a copy for the verifier. */
struct flip_piece {
    struct code_piece *real;
    struct code_piece trial; /* refers to the copied block and rows */
    const struct verify_shape *shape;
};

/** A module that is ready to run. */
struct flip_module {
    const char *file;
    struct wasm_store *store;
    struct wasm_code *code;
    struct wasm_instance *instance;
    struct arena arena; /* of shapes */
    struct flip_piece pieces[PIECES_MAX];
    uint32_t piece_count;
};

/** The change of one byte, of the code or of the rows. */
struct flip_edit {
    uint32_t at;    /* bytes from the start of the block, or of the rows */
    uint8_t change; /* exclusive or */
    bool is_row;
};

struct flip {
    uint64_t seed;
    uint32_t piece, function, edit_count;
    struct flip_edit edits[EDITS_MAX];
};

/** @brief Change bytes, or restore them. */
void flip_apply(const struct flip *f, uint8_t *bytes, struct jit_row *rows);

/* ---- run.c ---- */

/** What a child reports to its parent, in shared memory. */
struct flip_report {
    uint32_t current;    /* the flip that runs now */
    uint32_t stopped;    /* runs that the timer ended */
    char why[WHY_BYTES]; /* the first thing that was wrong, or empty */
};

/** @brief Run flips in a process of their own, one after the other.
 * @return true: all were harmless. false: report->why describes at least one that was not. */
bool flip_run(const struct flip_module *m, const struct flip *flips, uint32_t count,
              struct flip_report *report);

/** @brief Record the first thing that is wrong. */
void flip_complain(struct flip_report *report, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * @brief jit_enter() with `secret` in every register that compiled code must not read.
 * @param changed  Set to 0 if all callee-saved registers kept their values.
 */
uint64_t flip_enter(struct jit_entry *e, uint64_t secret, uint64_t *changed);

/* ---- memory.c ---- */

/** @brief Record which memory of the process is writable, except the
 * excluded ranges, and its contents. */
void memory_begin(void);
/** @brief Exclude a range: called before memory_begin(). */
void memory_leave_out(const void *at, size_t size);
/** @brief Exclude everything that has changed since memory_begin(): a run
 * without a flip changes it, too. */
void memory_learn(void);
/** @brief True if anything else has changed since. @param at  Set to its address. */
bool memory_has_changed(uintptr_t *at);
/** @brief True if a number is an address in the process. */
bool memory_has(uint64_t address);
