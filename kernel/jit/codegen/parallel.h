// SPDX-License-Identifier: MIT
//
// Turns moves that happen at once into a sequence of moves.
#pragma once

#include "kernel/jit/codegen/vcode.h"

/** A sequence of moves, in an arena. */
struct moves {
    struct vmove *list;
    uint32_t count, capacity;
};

/** Moves that happen at once. Before the first use set the first three fields and zero the rest. */
struct parallel {
    struct arena *arena;
    const uint8_t *scratch; /**< by class: registers that no move reads or writes */
    uint32_t slot_count;    /**< number of spill slots; grows when a cycle needs one */
    bool failed;            /**< an allocation failed */

    struct vmove *wanted;
    uint32_t count, capacity;
    /* by location: how many moves still read it; which move writes it, + 1 */
    uint32_t *reads, *writer;
    uint32_t *work;
    uint32_t locations, room; /* capacity of the arrays: locations, and moves */
    /* slots for breaking cycles, by width - 1; each + 1, 0 = not allocated yet */
    uint32_t spare[2];
};

/** @brief Add one move. No two moves may write the same location. */
void parallel_want(struct parallel *p, struct vmove move);

/** @brief Append moves to `out`, each before instruction `at`, that together have the effect of the
 * wanted ones; none goes from slot to slot. Clears the list of wanted moves. */
void parallel_resolve(struct parallel *p, uint32_t at, struct moves *out);

/** @brief Append one move. @return false: no memory. */
bool moves_add(struct arena *a, struct moves *m, struct vmove move);

/** @brief A new spill slot. @param width  1, or 2 for 16 bytes. @return its number. */
uint32_t slot_new(uint32_t *slot_count, unsigned width);
