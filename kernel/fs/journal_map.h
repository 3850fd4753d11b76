// SPDX-License-Identifier: MIT
//
// A hash table from block numbers to numbers, for the journal.
#pragma once

#include "kernel/lib/status.h"

#include <stdbool.h>
#include <stdint.h>

struct journal_slot {
    uint32_t key, value;
    bool is_used;
};

/* All zero: empty. Field protection: the owner's lock. */
struct journal_map {
    struct journal_slot *slots;
    uint32_t size; /* a power of two, or 0 */
    uint32_t count;
};

/** @brief Add a key, or change its value. @return OK; E_NOMEM: nothing has changed. */
enum status journal_map_set(struct journal_map *m, uint32_t key, uint32_t value);
/** @brief Get memory for `count` keys, so that adding them cannot fail. @return OK; E_NOMEM. */
enum status journal_map_reserve(struct journal_map *m, uint32_t count);
/** @brief The value of a key; NULL: there is none. Valid until the next change of the map. */
uint32_t *journal_map_find(const struct journal_map *m, uint32_t key);
/** @brief Remove a key, if it is there. */
void journal_map_remove(struct journal_map *m, uint32_t key);
/** @brief Remove all keys. */
void journal_map_clear(struct journal_map *m);
/** @brief Free the memory; the map is empty. */
void journal_map_free(struct journal_map *m);
