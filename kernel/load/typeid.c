// SPDX-License-Identifier: MIT
//
// The function types in use, each stored once, with a number that calls compare. They are kept
// sorted. A module's types are sorted, too, and merged with them in one pass. Unlike a hash table,
// this cannot be made slow by choosing the types; and unlike a tree it needs no balancing.
#include "kernel/load/typeid.h"

#include "kernel/lib/sort.h"
#include "kernel/lib/string.h"
#include "kernel/load/loader.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/mutex.h"

#define NONE  UINT32_MAX
#define SHORT 16u /* a type of up to this many bytes needs no heap memory */
#define FEW   8u  /* nor does a module of up to this many types, */
#define FIRST 32u /* nor the list of all types up to this many */

struct entry {
    union {
        uint8_t few[SHORT];
        uint8_t *many; /* a heap block that this owns */
    } bytes;
    uint32_t len, split;
    uint32_t refs;
    uint32_t next; /* next free number */
};

static struct entry first_entries[FIRST];
/* `sorted` may be one of them; the other is then used for the merged list */
static uint32_t first_sorted[2][FIRST];

static struct mutex lock;
/* Protected by `lock`, like everything above and below. Number n is entries[n - 1]. */
static struct entry *entries = first_entries;
static uint32_t entry_count, entry_capacity = FIRST, free_head = NONE;
static uint32_t *sorted = first_sorted[0]; /* indices of entries that are in use */
static uint32_t sorted_count;

void typeid_init(void)
{
    mutex_init(&lock, "types");
}

/* Any total order will do. The lengths come first, because they are cheap to compare. */
static int compare(const struct load_type *a, const struct load_type *b)
{
    if (a->len != b->len) {
        return a->len < b->len ? -1 : 1;
    }
    if (a->split != b->split) {
        return a->split < b->split ? -1 : 1;
    }
    return a->len == 0 ? 0 : memcmp(a->bytes, b->bytes, a->len);
}

static bool is_less(const void *a, const void *b)
{
    return compare(*(struct load_type *const *)a, *(struct load_type *const *)b) < 0;
}

static const uint8_t *bytes_of(const struct entry *e)
{
    return e->len <= SHORT ? e->bytes.few : e->bytes.many;
}

/* A short type is stored in the entry itself; most function types are. */
static void free_bytes(const struct entry *e)
{
    if (e->len > SHORT) {
        heap_free(e->bytes.many);
    }
}

/* By index, because entries move when their array grows. */
static int compare_with_entry(const struct load_type *t, uint32_t entry)
{
    const struct entry *e = &entries[entry];
    struct load_type of_entry = {.bytes = bytes_of(e), .len = e->len, .split = e->split};
    return compare(t, &of_entry);
}

/* Entries may move, but numbers are indices and stay. */
static bool reserve_entries(uint32_t more)
{
    uint64_t needed = (uint64_t)entry_count + more;
    if (needed <= entry_capacity) {
        return true;
    }
    uint64_t wanted = MAX(needed, 2 * (uint64_t)entry_capacity);
    struct entry *old = entries == first_entries ? NULL : entries;
    struct entry *grown = wanted >= NONE ? NULL : heap_realloc(old, wanted * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    if (old == NULL) {
        memcpy(grown, first_entries, entry_count * sizeof *grown);
    }
    entries = grown;
    entry_capacity = (uint32_t)wanted;
    return true;
}

/* Add an entry with one reference. There must be room for it. @return NONE: no memory. */
static uint32_t add_entry(const struct load_type *t)
{
    struct entry e = {.len = t->len, .split = t->split, .refs = 1};
    uint8_t *bytes = e.bytes.few;
    if (t->len > SHORT) {
        bytes = e.bytes.many = heap_alloc(t->len);
    }
    if (bytes == NULL) {
        return NONE;
    }
    if (t->len > 0) {
        memcpy(bytes, t->bytes, t->len);
    }
    uint32_t index = free_head;
    if (index == NONE) {
        index = entry_count++;
    } else {
        free_head = entries[index].next;
    }
    entries[index] = e;
    return index;
}

/* Assign a number to one type, the next in order. @return false: no memory. */
static bool number_type(struct load_type *t, uint32_t *merged, uint32_t *count)
{
    if (*count > 0 && compare_with_entry(t, merged[*count - 1]) == 0) {
        entries[merged[*count - 1]].refs++;
        t->number = merged[*count - 1] + 1;
        return true;
    }
    uint32_t index = add_entry(t);
    if (index == NONE) {
        return false;
    }
    merged[(*count)++] = index;
    t->number = index + 1;
    return true;
}

static uint32_t *new_sorted(size_t count)
{
    return count > FIRST ? heap_alloc(count * sizeof *sorted)
                         : first_sorted[sorted == first_sorted[0] ? 1 : 0];
}

static void free_sorted(uint32_t *list)
{
    if (list != first_sorted[0] && list != first_sorted[1]) {
        heap_free(list);
    }
}

/* Merge two sorted lists: the types in use, and the wanted ones. */
static bool merge(struct load_type **wanted, uint32_t count, uint32_t *merged)
{
    uint32_t from = 0, total = 0;
    bool good = true;
    for (uint32_t n = 0; n < count && good; n++) {
        while (from < sorted_count && compare_with_entry(wanted[n], sorted[from]) >= 0) {
            merged[total++] = sorted[from++];
        }
        good = number_type(wanted[n], merged, &total);
    }
    while (from < sorted_count) {
        merged[total++] = sorted[from++];
    }
    free_sorted(sorted);
    sorted = merged;
    sorted_count = total;
    return good;
}

static void free_everything(void)
{
    if (entries != first_entries) {
        heap_free(entries);
    }
    free_sorted(sorted);
    entries = first_entries;
    sorted = first_sorted[0];
    entry_capacity = FIRST;
    entry_count = sorted_count = 0;
    free_head = NONE;
}

/* Remove types without references. One pass over all types in use. That costs as much as merging
 * the module's types did. */
static void sweep_locked(void)
{
    uint32_t kept = 0;
    for (uint32_t n = 0; n < sorted_count; n++) {
        struct entry *e = &entries[sorted[n]];
        if (e->refs > 0) {
            sorted[kept++] = sorted[n];
            continue;
        }
        free_bytes(e);
        *e = (struct entry){.next = free_head};
        free_head = sorted[n];
    }
    sorted_count = kept;
    if (kept == 0) {
        free_everything();
    }
}

static void drop_locked(const uint32_t *numbers, uint32_t count, size_t stride)
{
    for (uint32_t n = 0; n < count; n++) {
        uint32_t number = *(const uint32_t *)((const uint8_t *)numbers + n * stride);
        if (number != 0) {
            ASSERT(number <= entry_count && entries[number - 1].refs > 0);
            entries[number - 1].refs--;
        }
    }
    sweep_locked();
}

/* If there is no memory in the middle of the merge, the types numbered so far are dropped again:
 * those without a number have 0, which drop_locked() skips. */
static enum status take_locked(struct load_type *types, uint32_t count, struct load_type **order)
{
    uint32_t *merged = new_sorted((size_t)sorted_count + count);
    if (merged == NULL || !reserve_entries(count)) {
        free_sorted(merged);
        sweep_locked();
        return E_NOMEM;
    }
    if (!merge(order, count, merged)) {
        drop_locked(&types->number, count, sizeof *types);
        return E_NOMEM;
    }
    return OK;
}

enum status load_types_take(struct load_type *types, uint32_t count)
{
    if (count == 0) {
        return OK;
    }
    struct load_type *few[FEW];
    struct load_type **order = count <= FEW ? few : heap_calloc(count, sizeof(*order));
    if (order == NULL) {
        return E_NOMEM;
    }
    for (uint32_t n = 0; n < count; n++) {
        types[n].number = 0;
        order[n] = &types[n];
    }
    sort_array(order, count, sizeof *order, is_less);
    mutex_lock(&lock);
    enum status s = take_locked(types, count, order);
    mutex_unlock(&lock);
    if (order != few) {
        heap_free(order);
    }
    return s;
}

void load_types_drop(const uint32_t *numbers, uint32_t count, size_t stride)
{
    if (count == 0) {
        return;
    }
    mutex_lock(&lock);
    drop_locked(numbers, count, stride);
    mutex_unlock(&lock);
}
