// SPDX-License-Identifier: MIT
//
// Sets of virtual registers, each stored once.
#include "kernel/jit/codegen/vcheck_internal.h"

#include "kernel/lib/string.h"

void vset_begin(struct vsets *s)
{
    s->scratch_count = 0;
}

void vset_add(struct vsets *s, uint32_t vreg)
{
    uint32_t *grown = arena_grow(s->arena, s->scratch, &s->scratch_capacity,
                                 (uint64_t)s->scratch_count + 1, sizeof *s->scratch);
    if (grown == NULL) {
        s->failed = true;
        return;
    }
    s->scratch = grown;
    s->scratch[s->scratch_count++] = vreg;
}

static uint32_t hash(const uint32_t *words, uint32_t count)
{
    uint64_t h = count;
    for (uint32_t n = 0; n < count; n++) {
        h = (h ^ words[n]) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
    }
    return (uint32_t)h;
}

static uint32_t *find(struct vsets *s, const uint32_t *words, uint32_t count)
{
    uint32_t at = hash(words, count) & (s->table_size - 1);
    for (;; at = (at + 1) & (s->table_size - 1)) {
        const struct vset *set = s->table[at] == 0 ? NULL : &s->sets[s->table[at] - 1];
        if (set == NULL || (set->count == count &&
                            memcmp(s->words + set->first, words, count * sizeof *words) == 0)) {
            return &s->table[at];
        }
    }
}

/* Make room for one more set, with the members in scratch. */
static bool make_room(struct vsets *s)
{
    void *words = arena_grow(s->arena, s->words, &s->word_capacity,
                             (uint64_t)s->word_count + s->scratch_count, sizeof *s->words);
    s->words = words != NULL ? words : s->words;
    void *sets =
        arena_grow(s->arena, s->sets, &s->capacity, (uint64_t)s->count + 1, sizeof *s->sets);
    s->sets = sets != NULL ? sets : s->sets;
    if (words == NULL || sets == NULL) {
        return false;
    }
    if (2 * (s->count + 1) <= s->table_size) {
        return true;
    }
    /* Grow the hash table and enter every set again. The old table stays in the arena. */
    s->table_size = s->table_size == 0 ? 64 : 2 * s->table_size;
    s->table = arena_alloc(s->arena, s->table_size * sizeof *s->table);
    if (s->table == NULL) {
        return false;
    }
    for (uint32_t n = 0; n < s->count; n++) {
        *find(s, s->words + s->sets[n].first, s->sets[n].count) = n + 1;
    }
    return true;
}

/* The number of the set with the members in scratch: a member's own
 * number if it is the only one, else vregs + the set's index. An equal
 * set gets the number that it had, so that sets compare as numbers. */
uint32_t vset_end(struct vsets *s)
{
    if (s->failed || s->scratch_count == 0) {
        return VSET_EMPTY;
    }
    if (s->scratch_count == 1) {
        return s->scratch[0];
    }
    if (!make_room(s)) {
        s->failed = true;
        return VSET_EMPTY;
    }
    uint32_t *entry = find(s, s->scratch, s->scratch_count);
    if (*entry == 0) {
        memcpy(s->words + s->word_count, s->scratch, s->scratch_count * sizeof *s->words);
        s->sets[s->count] = (struct vset){.first = s->word_count, .count = s->scratch_count};
        s->word_count += s->scratch_count;
        *entry = ++s->count;
    }
    return s->vregs + *entry - 1;
}

const uint32_t *vset_members(const struct vsets *s, const uint32_t *set, uint32_t *count)
{
    if (*set == VSET_EMPTY) {
        *count = 0;
        return set;
    }
    if (*set < s->vregs) {
        *count = 1;
        return set;
    }
    const struct vset *many = &s->sets[*set - s->vregs];
    *count = many->count;
    return s->words + many->first;
}

bool vset_has(const struct vsets *s, uint32_t set, uint32_t vreg)
{
    uint32_t count;
    const uint32_t *members = vset_members(s, &set, &count);
    for (uint32_t n = 0; n < count; n++) {
        if (members[n] == vreg) {
            return true;
        }
    }
    return false;
}

/* Both lists of members are in ascending order, so one pass over both finds the common ones. */
uint32_t vset_intersect(struct vsets *s, uint32_t a, uint32_t b)
{
    if (a == b || a == VSET_EMPTY || b == VSET_EMPTY) {
        return a == b ? a : VSET_EMPTY;
    }
    uint32_t na, nb;
    const uint32_t *ma = vset_members(s, &a, &na), *mb = vset_members(s, &b, &nb);
    vset_begin(s);
    for (uint32_t i = 0, j = 0; i < na && j < nb;) {
        if (ma[i] == mb[j]) {
            vset_add(s, ma[i]);
        }
        uint32_t low = MIN(ma[i], mb[j]);
        i += ma[i] == low;
        j += mb[j] == low;
    }
    return vset_end(s);
}

uint32_t vset_with(struct vsets *s, uint32_t set, uint32_t vreg)
{
    uint32_t count, n = 0;
    const uint32_t *members = vset_members(s, &set, &count);
    if (vset_has(s, set, vreg)) {
        return set;
    }
    vset_begin(s);
    for (; n < count && members[n] < vreg; n++) {
        vset_add(s, members[n]);
    }
    vset_add(s, vreg);
    for (; n < count; n++) {
        vset_add(s, members[n]);
    }
    return vset_end(s);
}
