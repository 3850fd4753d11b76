// SPDX-License-Identifier: MIT
//
// Where locals are live: whether what they hold may still be read. A value that nobody reads need
// not be a parameter where ways meet, and most would be: compilers use few locals for many
// variables.
//
// One walk backwards over the events of a body. The structure of blocks makes it simple: at a
// branch forward, what is live at its label is known already. Branches back are left out; the
// builder adds what is live at the header of a loop to all that is in the loop, which is enough,
// because a way that goes back comes by there.
#include "kernel/jit/wasm/scan.h"

#include "kernel/lib/string.h"

/* Bytes for each of a body's, and for every body, that the sets may take. */
#define MEMORY_PER_BYTE 8u
#define MEMORY_LEAST    4096u

#define CLEARED_MAX 8u

struct walk {
    const struct wasm_scan *s;
    uint64_t *live;  /* here */
    uint64_t *stack; /* of open blocks: live at the end, live where the else begins */
    uint8_t *flags;  /* of open blocks */
    uint32_t depth;  /* how many */
    uint32_t words;  /* of a set */
    uint32_t number; /* of blocks whose beginning is still to come */

    /* What is live at the end of block `added` is in `live`, but perhaps these locals. */
    uint32_t added; /* IR_NONE: of none */
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

/* Branches one behind the other often leave for the same label: all of its set is added once. */
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

static void walk_else(struct walk *w)
{
    uint32_t block = w->depth - 1;
    copy(w, else_of(w, block), w->live);
    copy(w, w->live, end_of(w, block));
    w->flags[block] |= HAS_ELSE;
}

/* A block begins: its set is complete. */
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
        w->added = IR_NONE; /* the sets of blocks change, or what is live here */
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
