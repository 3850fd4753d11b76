// SPDX-License-Identifier: MIT
//
// Moves that happen at once, put one after the other.
#pragma once

#include "kernel/jit/codegen/vcode.h"

/** Moves one after the other, in an arena. */
struct moves {
    struct vmove *list;
    uint32_t count, capacity;
};

/** Moves that happen at once. Zeroed but for the first three before the first use. */
struct parallel {
    struct arena *arena;
    const uint8_t *scratch; /**< by class: registers that no move reads or writes */
    uint32_t slot_count;    /**< spill slots that there are; grows when cycles need one */
    bool failed;            /**< no memory */

    struct vmove *wanted;
    uint32_t count, capacity;
    uint32_t *reads, *writer; /* by location: how many are still to read it; who writes it, + 1 */
    uint32_t *work;
    uint32_t locations, room; /* how many the arrays are for: locations, and moves */
    uint32_t spare[2];        /* slots for cycles, by width - 1, + 1; 0: none yet */
};

/** @brief Add one; no two may write the same location. */
void parallel_want(struct parallel *p, struct vmove move);

/** @brief Append moves to `out`, each before instruction `at`, that together do what was wanted,
 * none from slot to slot. Nothing is wanted afterwards. */
void parallel_resolve(struct parallel *p, uint32_t at, struct moves *out);

/** @brief Append one move. @return false: no memory. */
bool moves_add(struct arena *a, struct moves *m, struct vmove move);

/** @brief A new spill slot. @param width  1, or 2 for 16 bytes. @return its number. */
uint32_t slot_new(uint32_t *slot_count, unsigned width);
