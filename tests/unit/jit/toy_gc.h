// SPDX-License-Identifier: MIT
//
// A collector that is as hostile as it may be: at every safe point every object moves, and what
// stays behind is overwritten. And programs, as text, whose results are right only if every
// reference and every derived value was found. It needs nothing but compiled code that runs: beds
// are a process on this computer, one under qemu-user, and a kernel.
#pragma once

#include "kernel/jit/code.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOY_CONTEXT_WORDS 16

/** What a program is to do. */
struct toy_case {
    const char *name, *text;
    uint64_t arg, result; /* of @main, which has the signature (i64) -> (i64) */
    int trap;             /* enum ir_trap that it ends with instead, at location 77; -1: none */
    unsigned collections; /* at least so many, and so many derived values ... */
    unsigned pairs;       /* ... that were moved with their object */
    bool lazy;            /* nothing is collected; then so many cards are marked: */
    unsigned cards;
};
extern const struct toy_case toy_cases[]; /* the last one has no name */

/** What surrounds the programs. */
struct toy_bed {
    /** The list (jit_code.refs) of the safe point that returns to an address; NULL: that is no
     * compiled code. Ends the test if it is, and no safe point. */
    const uint32_t *(*refs)(uint64_t pc);
    /** Go on at the nearest invoke of the frames from this one on. */
    void (*unwind)(const void *frame);
};

/** @brief Begin a case: an empty heap. @return the context, whose first two words are the bed's. */
uint64_t *toy_start(const struct toy_bed *bed, const struct toy_case *c);
/** @brief Judge what came out. @return NULL: right; otherwise what is wrong. */
const char *toy_judge(uint64_t result, int trap);
