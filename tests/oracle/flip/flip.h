// SPDX-License-Identifier: MIT
//
// What the files of wasm-flip share: a module that is compiled and linked, and one change of its
// code. main.c makes changes and has the verifier look at them, run.c runs those that it accepts,
// memory.c looks for what they changed outside the sandbox.
#pragma once

#include "kernel/jit/code/code_map.h"
#include "kernel/jit/verify/verify.h"
#include "kernel/jit/wasm_engine.h"
#include "kernel/jit/wasm_shape.h"
#include "kernel/lib/compiler.h"

#include <stdbool.h>
#include <stdint.h>

#define PIECES_MAX 8u /* of a module: its functions, then adapters */
#define EDITS_MAX  8u /* bytes that a flip changes */
#define BATCH      64u
#define WHY_BYTES  160u

/** Code whose bytes are flipped: as it runs, and a copy that the verifier looks at. */
struct flip_piece {
    struct code_piece *real;
    struct code_piece trial; /* its block and rows are the copy */
    const struct verify_shape *shape;
};

/** A module, ready to run. */
struct flip_module {
    const char *file;
    struct wasm_store *store;
    struct wasm_code *code;
    struct wasm_instance *instance;
    struct arena arena; /* of shapes */
    struct flip_piece pieces[PIECES_MAX];
    uint32_t piece_count;
};

/** One byte is to be another: of the code, or of the rows. */
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

/** @brief Change bytes, or change them back. */
void flip_apply(const struct flip *f, uint8_t *bytes, struct jit_row *rows);

/* ---- run.c ---- */

/** What a child tells its parent, in memory that both have. */
struct flip_report {
    uint32_t current;    /* the flip that is run */
    uint32_t stopped;    /* runs that were ended by the clock */
    char why[WHY_BYTES]; /* the first thing that was wrong; empty: nothing */
};

/** @brief Run flips in a process of their own, one after the other.
 * @return true: all were harmless. false: report->why tells of at least one. */
bool flip_run(const struct flip_module *m, const struct flip *flips, uint32_t count,
              struct flip_report *report);

/** @brief Note the first thing that is wrong. */
void flip_complain(struct flip_report *report, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * @brief jit_enter() with `secret` in every register that compiled code must not read.
 * @param changed  Becomes 0 if all registers that C expects to survive did.
 */
uint64_t flip_enter(struct jit_entry *e, uint64_t secret, uint64_t *changed);

/* ---- memory.c ---- */

/** @brief Note which memory of the process can be written, but for what is left out below, and
 * what is in it. */
void memory_begin(void);
/** @brief Leave a range out: called before memory_begin(). */
void memory_leave_out(const void *at, size_t size);
/** @brief Whatever has changed since memory_begin() may change, as it is what a run without a flip
 * changes. */
void memory_learn(void);
/** @brief Whether something else has changed since. @param at  Becomes its address. */
bool memory_has_changed(uintptr_t *at);
/** @brief Whether a number is an address of the process. */
bool memory_has(uint64_t address);
