// SPDX-License-Identifier: MIT
//
// Run programs from their bytes to their end, and compare the memory in use, for in-guest tests.
// Any error fails the running test.
#pragma once

#include "kernel/load/loader.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/program/program.h"

/** A program's file. */
struct image {
    const char *path;
    const uint8_t *bytes;
    size_t len;
};

/** A portable program that ends with status 3. */
#define RUNS_LEAVE_LEN 96u
extern const uint8_t runs_leave[RUNS_LEAVE_LEN];

/** @brief Write the image's bytes to its path. @return false: they could not
 * be written. @context{thread} */
bool runs_write_file(const struct image *image);
void runs_remove_file(const struct image *image);

/** @brief Start it with one argument, or with none (NULL). @param
 * options  argc and argv are ignored.
 * @return NULL: it was refused. @context{thread} */
struct program *runs_start(const struct image *image, const char *argument,
                           struct load_options options);

/** @brief Wait for its end, which must be the expected one, and until all resources of its threads
 * are released. Drops the reference. @context{thread} */
void runs_finish(struct program *p, enum program_end expected_end, int expected_status);

/** @brief runs_start(), then runs_finish(). @context{thread} */
void runs_run(const struct image *image, const char *argument, enum program_end end, int status);

/** Memory in use. */
struct footprint {
    struct page_stats pages;
    uint64_t linked_tables; /* page tables that the root leads to */
    struct heap_stats heap;
};

/** @brief Wait until threads that were joined, or left a program, no longer run on any CPU and
 * their stacks are freed. @context{thread} */
void runs_settle(void);
/** @brief Call runs_settle(), then read the counters. @context{thread} */
void runs_measure(struct footprint *f);
/** @brief Fail unless the pages of each owner and the heap are the same. @context{thread} */
void runs_compare(const struct footprint *before, const struct footprint *after);
