// SPDX-License-Identifier: MIT
//
// A hash table with linear probing. At most half of the slots are used.
#include "kernel/fs/journal_map.h"

#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

#define SIZE_MIN 64u

/* Multiplicative hashing (Knuth): neighbouring block numbers get slots that are far apart. The
 * upper bits are mixed into the lower ones, which choose the slot. */
static uint32_t home_of(const struct journal_map *m, uint32_t key)
{
    uint32_t hash = key * 2654435761u;
    return (hash ^ hash >> 15) & (m->size - 1);
}

/* The slot of a key, or the free one where it would be. There is always a free slot. */
static uint32_t slot_of(const struct journal_map *m, uint32_t key)
{
    uint32_t i = home_of(m, key);
    while (m->slots[i].is_used && m->slots[i].key != key) {
        i = (i + 1) & (m->size - 1);
    }
    return i;
}

static enum status grow(struct journal_map *m)
{
    struct journal_map larger = {.size = m->size == 0 ? SIZE_MIN : m->size * 2, .count = m->count};
    larger.slots = heap_calloc(larger.size, sizeof(struct journal_slot));
    if (larger.slots == NULL) {
        return E_NOMEM;
    }
    for (uint32_t i = 0; i < m->size; i++) {
        if (m->slots[i].is_used) {
            larger.slots[slot_of(&larger, m->slots[i].key)] = m->slots[i];
        }
    }
    heap_free(m->slots);
    *m = larger;
    return OK;
}

/* The table grows when half of it is used, so slot_of() always meets a free slot and its loop ends.
 * After journal_map_reserve() this cannot fail for as many keys: join() relies on that. */
enum status journal_map_set(struct journal_map *m, uint32_t key, uint32_t value)
{
    uint32_t *old = journal_map_find(m, key);
    if (old != NULL) {
        *old = value;
        return OK;
    }
    if (m->count >= m->size / 2) {
        enum status s = grow(m);
        if (s != OK) {
            return s;
        }
    }
    m->slots[slot_of(m, key)] = (struct journal_slot){.key = key, .value = value, .is_used = true};
    m->count++;
    return OK;
}

enum status journal_map_reserve(struct journal_map *m, uint32_t count)
{
    enum status s = OK;
    while (s == OK && m->size / 2 < count) {
        s = grow(m);
    }
    return s;
}

uint32_t *journal_map_find(const struct journal_map *m, uint32_t key)
{
    if (m->count == 0) {
        return NULL;
    }
    struct journal_slot *slot = &m->slots[slot_of(m, key)];
    return slot->is_used ? &slot->value : NULL;
}

/* The slots after a removed one move up, so that no search ends before its key. A slot may move
 * into the hole if its home is not between the hole and itself, in the direction of the search:
 * then a search for its key still passes the hole first. There are no marks for removed keys, so
 * searches do not get longer with time. */
void journal_map_remove(struct journal_map *m, uint32_t key)
{
    if (journal_map_find(m, key) == NULL) {
        return;
    }
    uint32_t mask = m->size - 1;
    uint32_t hole = slot_of(m, key);
    for (uint32_t i = (hole + 1) & mask; m->slots[i].is_used; i = (i + 1) & mask) {
        uint32_t home = home_of(m, m->slots[i].key);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole].is_used = false;
    m->count--;
}

void journal_map_clear(struct journal_map *m)
{
    if (m->count != 0) {
        memset(m->slots, 0, (size_t)m->size * sizeof(struct journal_slot));
        m->count = 0;
    }
}

void journal_map_free(struct journal_map *m)
{
    heap_free(m->slots);
    *m = (struct journal_map){0};
}
