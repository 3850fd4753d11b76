// SPDX-License-Identifier: MIT
//
// A deliberately hostile collector: at every safe point every object moves, and its old copy is
// overwritten. And programs, as text, whose results are right only if every reference and every
// derived value was found. It needs only a place where compiled code runs (a bed): a process on
// this computer, one under qemu-user, or a kernel.
#pragma once

#include "kernel/jit/code.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOY_CONTEXT_WORDS 16

/** A program and its expected result. */
struct toy_case {
    const char *name, *text;
    uint64_t arg, result; /* of @main, which has the signature (i64) -> (i64) */
    int trap;             /* enum ir_trap that it ends with instead, at location 77; -1: none */
    unsigned collections; /* at least this many, and at least this many derived values ... */
    unsigned pairs;       /* ... that were moved with their object */
    bool lazy;            /* no collection; instead this many cards are marked: */
    unsigned cards;
};
extern const struct toy_case toy_cases[]; /* the last one has no name */

/** What the place where programs run must provide. */
struct toy_bed {
    /** The list (jit_code.refs) of the safe point that returns to an address; NULL: the address is
     * not in compiled code. Ends the test if it is, but not at a safe point. */
    const uint32_t *(*refs)(uint64_t pc);
    /** Continue at the nearest invoke among the frames from this one on. */
    void (*unwind)(const void *frame);
};

/** @brief Start a case with an empty heap. @return the context, whose first
 * two words belong to the bed. */
uint64_t *toy_start(const struct toy_bed *bed, const struct toy_case *c);
/** @brief Check the result. @return NULL: right; otherwise a description of the error. */
const char *toy_judge(uint64_t result, int trap);
