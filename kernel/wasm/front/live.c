// SPDX-License-Identifier: MIT
//
// Where locals are live, that is, where their value may still be read. A value that is not live
// needs no parameter where paths meet. That matters because compilers reuse few locals for many
// variables, so most parameters would be useless.
//
// One backward walk over the events of a body. Structured control flow makes this simple: at a
// forward branch, the set for its label is known already. Backward branches are ignored; instead
// the builder adds the locals that are live at a loop's header to every set inside the loop. That
// is sufficient, because a path that goes back passes the header.
#include "kernel/wasm/front/scan.h"

#include "kernel/lib/string.h"

/* Memory for the sets: bytes for each byte of a body, plus a minimum for every body. */
#define MEMORY_PER_BYTE 8u
#define MEMORY_LEAST    4096u

#define CLEARED_MAX 8u

struct walk {
    const struct wasm_scan *s;
    uint64_t *live; /* live at the current point */
    /* for each block that has not ended: live at its end, live at the start of its else */
    uint64_t *stack;
    uint8_t *flags;  /* for each block that has not ended */
    uint32_t depth;  /* number of blocks that have not ended */
    uint32_t words;  /* words in a set */
    uint32_t number; /* number of blocks whose start the walk has not reached */

    /* `live` includes the set at the end of block `added`, except perhaps the locals in `cleared`.
     * This avoids adding the same set again for consecutive branches to one label. */
    uint32_t added; /* IR_NONE: no block */
    uint32_t cleared[CLEARED_MAX], cleared_count;
};

enum { IS_LOOP = 1, HAS_ELSE = 2 };

static uint64_t *end_of(const struct walk *w, uint32_t block)
{
    return w->stack + (size_t)block * 2 * w->words;
}

static uint64_t *else_of(const struct walk *w, uint32_t block)
{
    return end_of(w, block) + w->words;
}

static void copy(const struct walk *w, uint64_t *to, const uint64_t *from)
{
    for (uint32_t n = 0; n < w->words; n++) {
        to[n] = from[n];
    }
}

static void add(const struct walk *w, uint64_t *to, const uint64_t *from)
{
    for (uint32_t n = 0; n < w->words; n++) {
        to[n] |= from[n];
    }
}

/* Consecutive branches often have the same label: the label's whole set is added only once. */
static void walk_label(struct walk *w, uint32_t label)
{
    uint32_t block = w->depth - 1 - label;
    const uint64_t *set = end_of(w, block);
    if ((w->flags[block] & IS_LOOP) != 0) {
        return;
    }
    if (w->added != block) {
        add(w, w->live, set);
        w->added = block;
    }
    for (uint32_t n = 0; n < w->cleared_count; n++) {
        uint32_t local = w->cleared[n];
        w->live[local / 64] |= set[local / 64] & (uint64_t)1 << local % 64;
    }
    w->cleared_count = 0;
}

/* Going backwards, a local is not live before it is set. */
static void walk_set(struct walk *w, uint32_t local)
{
    w->live[local / 64] &= ~((uint64_t)1 << local % 64);
    if (w->cleared_count == CLEARED_MAX) {
        w->added = IR_NONE;
        w->cleared_count = 0;
    }
    w->cleared[w->cleared_count++] = local;
}

static void walk_end(struct walk *w, bool is_loop)
{
    copy(w, end_of(w, w->depth), w->live);
    w->flags[w->depth++] = is_loop ? IS_LOOP : 0;
}

/* The walk reaches the else part first. At its start the set is kept for the branch of the `if`;
 * the then part ends like the block. */
static void walk_else(struct walk *w)
{
    uint32_t block = w->depth - 1;
    copy(w, else_of(w, block), w->live);
    copy(w, w->live, end_of(w, block));
    w->flags[block] |= HAS_ELSE;
}

/* The start of a block: its set is complete. */
static void walk_begin(struct walk *w, enum wasm_event kind)
{
    uint32_t block = --w->depth;
    uint64_t *set = w->s->live + (size_t)--w->number * w->words;
    copy(w, set, kind == EVENT_LOOP ? w->live : end_of(w, block));
    if (kind == EVENT_IF) {
        bool has_else = (w->flags[block] & HAS_ELSE) != 0;
        add(w, w->live, has_else ? else_of(w, block) : end_of(w, block));
    }
}

static void walk_event(struct walk *w, uint32_t event)
{
    uint32_t operand = SCAN_EVENT_OPERAND(event);
    if (SCAN_EVENT_KIND(event) > EVENT_LABEL) {
        w->added = IR_NONE; /* any of these events may change a set */
    }
    switch (SCAN_EVENT_KIND(event)) {
    case EVENT_GET:
        w->live[operand / 64] |= (uint64_t)1 << operand % 64;
        return;
    case EVENT_SET:
        walk_set(w, operand);
        return;
    case EVENT_LABEL:
        walk_label(w, operand);
        return;
    case EVENT_STOP:
        memset(w->live, 0, w->words * sizeof *w->live);
        return;
    case EVENT_ELSE:
        walk_else(w);
        return;
    case EVENT_END:
        walk_end(w, operand != 0);
        return;
    case EVENT_BLOCK:
    case EVENT_LOOP:
    case EVENT_IF:
        walk_begin(w, SCAN_EVENT_KIND(event));
        return;
    }
}

bool wasm_scan_live(struct wasm_scan *s, uint64_t body_bytes)
{
    uint32_t words = (s->used_count + 63) / 64;
    uint64_t sets = s->block_count + 2 * (uint64_t)s->depth_max + 1;
    s->live = NULL;
    s->live_words = words;
    if (words == 0 ||
        sets * words * sizeof *s->live > body_bytes * MEMORY_PER_BYTE + MEMORY_LEAST) {
        return true;
    }
    size_t bytes = (size_t)sets * words * sizeof *s->live;
    uint64_t *memory = arena_alloc(s->arena, bytes + s->depth_max);
    if (memory == NULL) {
        return wasm_fail_memory(s->r, s->arena, bytes + s->depth_max);
    }
    struct walk w = {.s = s, .words = words, .number = s->block_count, .added = IR_NONE};
    s->live = memory;
    w.stack = memory + (size_t)s->block_count * words;
    w.live = w.stack + (size_t)s->depth_max * 2 * words;
    w.flags = (uint8_t *)(w.live + words);
    for (uint32_t n = s->event_count; n-- > 0;) {
        walk_event(&w, s->events[n]);
    }
    return true;
}
