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

/* A hostile body can have thousands of locals and thousands of nested blocks. Sets for all of them
 * would need memory that grows with the square of the body. If they do not fit into the budget
 * above, no sets are made (live is NULL), and the builder treats all locals as live: that is always
 * correct, only slower code. A set has at most WASM_LOCALS_MAX / 64 words, which bounds the time of
 * one event. */
#define CLEARED_MAX 8u

struct walk {
    const struct wasm_scan *s;
    uint64_t *live; /* live at the current point */
    /* for each block that has not ended: live at its end, live at the start of its else */
    uint64_t *stack;
    uint8_t *flags; /* for each block that has not ended */
    /* Tries, as block + 1; 0: none. The innermost one that catches what is thrown here; and for
     * each block that has not ended what it would be outside of it. The second set of a try is what
     * is live where its exceptions arrive. */
    uint32_t guard, *outer;
    uint32_t depth;  /* number of blocks that have not ended */
    uint32_t words;  /* words in a set */
    uint32_t number; /* number of blocks whose start the walk has not reached */

    /* `live` includes the set at the end of block `added`, except perhaps the locals in `cleared`.
     * This avoids adding the same set again for consecutive branches to one label. */
    uint32_t added; /* IR_NONE: no block */
    uint32_t cleared[CLEARED_MAX], cleared_count;
};

enum { IS_LOOP = 1, HAS_ELSE = 2, CATCHES_ALL = 4, GUARDS = 8 };

/* The memory of wasm_scan_live(): the sets of the labels, which stay, by number of the block (two
 * of a try: the label, then where its exceptions arrive); then for each level of nesting a pair of
 * sets, end_of() and else_of(), which are reused; then the current set, `outer` and `flags`. The
 * builder counts the blocks in the same order (find_live() in build_control.c), so both must agree
 * on which blocks have two sets. */
static uint64_t *end_of(const struct walk *w, uint32_t block)
{
    return w->stack + (size_t)block * 2 * w->words;
}

static uint64_t *else_of(const struct walk *w, uint32_t block)
{
    return end_of(w, block) + w->words;
}

static NOINLINE void copy(const struct walk *w, uint64_t *to, const uint64_t *from)
{
    for (uint32_t n = 0; n < w->words; n++) {
        to[n] = from[n];
    }
}

static NOINLINE void add(const struct walk *w, uint64_t *to, const uint64_t *from)
{
    for (uint32_t n = 0; n < w->words; n++) {
        to[n] |= from[n];
    }
}

/* Consecutive branches often have the same label, and calls the same try: the whole set is added
 * only once. */
static void add_once(struct walk *w, uint32_t key, const uint64_t *set)
{
    if (w->added != key) {
        add(w, w->live, set);
        w->added = key;
    }
    for (uint32_t n = 0; n < w->cleared_count; n++) {
        uint32_t local = w->cleared[n];
        w->live[local / 64] |= set[local / 64] & (uint64_t)1 << local % 64;
    }
    w->cleared_count = 0;
}

static void walk_label(struct walk *w, uint32_t label)
{
    uint32_t block = w->depth - 1 - label;
    if ((w->flags[block] & IS_LOOP) == 0) {
        add_once(w, block, end_of(w, block));
    }
}

/* ---- Exceptions ---- */

/* While the walk is inside a try, the set where its exceptions arrive is else_of() of its block,
 * and it must be complete before the first call inside is reached. A try_table's clauses are events
 * before its end, and an older try's handlers are walked before its body, so going backwards this
 * holds. What leaves a try uncaught arrives at the outer one, whose set was completed before for
 * the same reason. */

/* The key is above those of all blocks, because a try has two sets: branches to its end use the
 * block's own number. */
static void walk_throw(struct walk *w)
{
    if (w->guard != 0) {
        add_once(w, w->s->depth_max + w->guard, else_of(w, w->guard - 1));
    }
}

/* What arrives at a try and is not caught there goes to another one, or leaves the function. */
static void add_guard(struct walk *w, uint32_t block, uint32_t guard)
{
    if (guard != 0) {
        add(w, else_of(w, block), else_of(w, guard - 1));
    }
}

static void start_guard(struct walk *w, uint32_t block)
{
    w->flags[block] |= GUARDS;
    w->guard = block + 1;
}

static NOINLINE void walk_handles(struct walk *w, uint32_t label)
{
    uint32_t block = w->depth - 1, target = block - 1 - label;
    if ((w->flags[target] & IS_LOOP) == 0) {
        add(w, else_of(w, block), end_of(w, target));
    }
}

/* The start of a handler. The code before it ends like the block. Each handler starts with the
 * locals as they were at the throw. So a local that is live at the start of any handler is live
 * where the exceptions arrive. The last handler is walked first; the first one completes the set
 * and makes the try the guard of its body. */
static NOINLINE void walk_catch(struct walk *w, uint32_t how)
{
    uint32_t block = w->depth - 1;
    add(w, else_of(w, block), w->live);
    copy(w, w->live, end_of(w, block));
    w->flags[block] |= (how & CATCH_IS_LAST) != 0 ? CATCHES_ALL : 0;
    if ((how & CATCH_IS_FIRST) != 0) {
        add_guard(w, block, (w->flags[block] & CATCHES_ALL) != 0 ? 0 : w->outer[block]);
        start_guard(w, block);
    }
}

/* ---- Blocks ---- */

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

static void walk_end(struct walk *w, enum wasm_end_event how)
{
    uint32_t block = w->depth++;
    copy(w, end_of(w, block), w->live);
    w->flags[block] = how == END_LOOP ? IS_LOOP : 0;
    w->outer[block] = w->guard;
    if (how >= END_TRY) {
        memset(else_of(w, block), 0, w->words * sizeof *w->live);
    }
    if (how >= END_TABLE) {
        add_guard(w, block, how == END_TABLE_PASSES ? w->guard : 0);
        start_guard(w, block);
    }
}

static NOINLINE void walk_delegate(struct walk *w, uint32_t label)
{
    uint32_t block = w->depth, target = block - 1 - label;
    walk_end(w, END_TRY);
    add_guard(w, block, (w->flags[target] & GUARDS) != 0 ? target + 1 : w->outer[target]);
    start_guard(w, block);
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
    if (kind == EVENT_TRY) {
        copy(w, w->s->live + (size_t)--w->number * w->words, else_of(w, block));
        w->guard = w->outer[block];
    }
    uint64_t *set = w->s->live + (size_t)--w->number * w->words;
    copy(w, set, kind == EVENT_LOOP ? w->live : end_of(w, block));
    if (kind == EVENT_IF) {
        bool has_else = (w->flags[block] & HAS_ELSE) != 0;
        add(w, w->live, has_else ? else_of(w, block) : end_of(w, block));
    }
}

/* The order of enum wasm_event matters: up to EVENT_THROW an event only adds to the current set, or
 * clears a local, and `added` follows that. A branch has two events, EVENT_LABEL and EVENT_STOP;
 * going backwards the stop comes first and empties the set, then the label fills it. */
static void walk_event(struct walk *w, uint32_t event)
{
    uint32_t operand = SCAN_EVENT_OPERAND(event);
    if (SCAN_EVENT_KIND(event) > EVENT_THROW) {
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
    case EVENT_THROW:
        walk_throw(w);
        return;
    case EVENT_CATCH:
        walk_catch(w, operand);
        return;
    case EVENT_DELEGATE:
        walk_delegate(w, operand);
        return;
    case EVENT_HANDLES:
        walk_handles(w, operand);
        return;
    case EVENT_STOP:
        memset(w->live, 0, w->words * sizeof *w->live);
        return;
    case EVENT_ELSE:
        walk_else(w);
        return;
    case EVENT_END:
        walk_end(w, (enum wasm_end_event)operand);
        return;
    case EVENT_BLOCK:
    case EVENT_LOOP:
    case EVENT_IF:
    case EVENT_TRY:
        walk_begin(w, SCAN_EVENT_KIND(event));
        return;
    }
}

/* A body that uses no locals needs no sets. The product of the three factors in the comparison
 * cannot overflow: each set has at most 782 words, and a body has less than 2^32 bytes. */
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
    size_t more = s->depth_max * (sizeof(uint32_t) + 1);
    uint64_t *memory = arena_alloc(s->arena, bytes + more);
    if (memory == NULL) {
        return wasm_fail_memory(s->r, s->arena, bytes + more);
    }
    struct walk w = {.s = s, .words = words, .number = s->block_count, .added = IR_NONE};
    s->live = memory;
    w.stack = memory + (size_t)s->block_count * words;
    w.live = w.stack + (size_t)s->depth_max * 2 * words;
    w.outer = (uint32_t *)(w.live + words);
    w.flags = (uint8_t *)(w.outer + s->depth_max);
    for (uint32_t n = s->event_count; n-- > 0;) {
        walk_event(&w, s->events[n]);
    }
    return true;
}
