// SPDX-License-Identifier: MIT
//
// Programs from bytes to their end, and what that leaves behind, for in-guest tests. What goes
// wrong fails the running test.
#pragma once

#include "kernel/jit/loader.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/sched/program.h"

/** A program's file. */
struct image {
    const char *path;
    const uint8_t *bytes;
    size_t len;
};

/** A portable program that ends with status 3. */
#define RUNS_LEAVE_LEN 96u
extern const uint8_t runs_leave[RUNS_LEAVE_LEN];

/** @brief Put it where its path says. @return false: it could not be written. @context{thread} */
bool runs_write_file(const struct image *image);
void runs_remove_file(const struct image *image);

/** @brief Start it with one argument, or none (NULL). @param options  argc and argv are not looked
 * at.
 * @return NULL: it was refused. @context{thread} */
struct program *runs_start(const struct image *image, const char *argument,
                           struct load_options options);

/** @brief Wait for its end, which must be this one, and until nothing is left of its threads. Drops
 * the reference. @context{thread} */
void runs_finish(struct program *p, enum program_end expected_end, int expected_status);

/** @brief Both. @context{thread} */
void runs_run(const struct image *image, const char *argument, enum program_end end, int status);

/** What is in use. */
struct footprint {
    struct page_stats pages;
    struct heap_stats heap;
};

/** @brief Wait until those that have left a program, or were joined, are gone from their CPUs, and
 * their stacks given back. @context{thread} */
void runs_settle(void);
/** @brief After runs_settle(). @context{thread} */
void runs_measure(struct footprint *f);
/** @brief All pages by owner and the heap must be the same. @context{thread} */
void runs_compare(const struct footprint *before, const struct footprint *after);
