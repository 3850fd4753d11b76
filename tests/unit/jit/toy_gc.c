// SPDX-License-Identifier: MIT
//
// The collector: two spaces; every live object is copied from one to the other.
#include "tests/unit/jit/toy_gc.h"

#define SPACE_WORDS ((size_t)1024)
#define CARD_SHIFT  6 /* as in the programs' header */
#define POISON      UINT64_C(0xdddddddddddddddd)
#define MAGIC       UINT64_C(0x0b7ec7) /* upper half of an object's first word ... */
/* ... or of a moved object, whose second word is the new address */
#define MOVED UINT64_C(0x0b7ec8)

/* The context; its offsets are in the programs' header. */
enum { FLAG = 2, CARDS = 3, ALLOC = 4, COLLECT = 5, THROW = 6, ROOT = 7 };

static _Alignas(64) uint64_t spaces[2 * SPACE_WORDS];
static uint8_t cards[2 * SPACE_WORDS * 8 >> CARD_SHIFT];
static uint64_t context[TOY_CONTEXT_WORDS];
static const struct toy_bed *bed;
static const struct toy_case *now;
static const char *wrong;
static unsigned active, collections, pairs;
static size_t used;

static uint64_t *word_at(uint64_t address)
{
    return (uint64_t *)(uintptr_t)address;
}

static void complain(const char *what)
{
    wrong = wrong == NULL ? what : wrong;
}

/* ---- Objects: a word with the number of further words and of references among them ---- */

static uint64_t make(uint64_t words, uint64_t refs)
{
    if (used + words + 2 > SPACE_WORDS) {
        complain("the heap is full");
        used = 0;
    }
    uint64_t *o = &spaces[active * SPACE_WORDS + used];
    used += words + 2; /* an empty object also needs room for its new address */
    o[0] = MAGIC << 32 | refs << 16 | words;
    for (uint64_t n = 1; n < words + 2; n++) {
        o[n] = 0;
    }
    return (uintptr_t)o;
}

static bool is_in(unsigned space, uint64_t address)
{
    const uint64_t *p = word_at(address);
    return p >= &spaces[space * SPACE_WORDS] && p < &spaces[(space + 1) * SPACE_WORDS] &&
           address % 8 == 0;
}

/* The new address of an object of the other space. */
static uint64_t moved(uint64_t ref)
{
    if (ref == 0) {
        return 0;
    }
    if (!is_in(1 - active, ref) || (*word_at(ref) >> 32 != MAGIC && *word_at(ref) >> 32 != MOVED)) {
        complain("a cell that is listed holds no reference");
        return ref;
    }
    uint64_t *from = word_at(ref);
    if (*from >> 32 == MAGIC) {
        uint64_t words = *from & 0xffff, to = make(words, *from >> 16 & 0xffff);
        for (uint64_t n = 1; n <= words; n++) {
            word_at(to)[n] = from[n];
        }
        from[0] = MOVED << 32;
        from[1] = to;
    }
    return from[1];
}

/* ---- Frames ---- */

enum step { TAKE_DIFFERENCES, MOVE, ADD_DIFFERENCES };

static __attribute__((no_sanitize("address"))) void do_list(const uint32_t *list, uint64_t frame,
                                                            enum step step)
{
    uint64_t *top = word_at(frame);
    const uint32_t *refs = list + 2, *derived = refs + list[0];
    for (uint32_t n = 0; n < list[0] && step == MOVE; n++) {
        top[-(int64_t)refs[n]] = moved(top[-(int64_t)refs[n]]);
    }
    for (uint32_t n = 0; n < list[1] && step != MOVE; n++) {
        uint64_t *cell = &top[-(int64_t)derived[2 * n]];
        uint64_t base = top[-(int64_t)derived[2 * n + 1]];
        *cell = step == TAKE_DIFFERENCES ? *cell - base : *cell + base;
        pairs += step == ADD_DIFFERENCES;
    }
}

/* From the frame of a C function that compiled code has called, up to
 * the C function that entered it. */
static __attribute__((no_sanitize("address"))) void walk(const void *frame, enum step step)
{
    const uint64_t *f = frame;
    const uint32_t *list = bed->refs(f[1]);
    if (list == NULL) {
        complain("no compiled code has called");
    }
    for (; list != NULL; f = word_at(f[0]), list = bed->refs(f[1])) {
        do_list(list, f[0], step);
    }
}

static void collect(const void *frame)
{
    uint64_t *old = &spaces[active * SPACE_WORDS];
    walk(frame, TAKE_DIFFERENCES);
    active = 1 - active;
    used = 0;
    walk(frame, MOVE);
    context[ROOT] = moved(context[ROOT]);
    for (uint64_t *o = &spaces[active * SPACE_WORDS]; o < &spaces[active * SPACE_WORDS + used];
         o += (*o & 0xffff) + 2) {
        for (uint64_t n = 1; n <= (*o >> 16 & 0xffff); n++) {
            o[n] = moved(o[n]);
        }
    }
    walk(frame, ADD_DIFFERENCES);
    for (size_t n = 0; n < SPACE_WORDS; n++) {
        old[n] = POISON;
    }
    collections++;
}

/* ---- Helpers that programs call ---- */

static uint64_t alloc(void *own, uint64_t words, uint64_t refs)
{
    (void)own;
    if (!now->lazy) {
        collect(__builtin_frame_address(0));
    }
    return make(words, refs);
}

/* The asm keeps this function's frame alive during the walk. */
static void poll(void *own)
{
    (void)own;
    collect(__builtin_frame_address(0));
    __asm__ volatile("" : : : "memory");
}

static uint64_t throw(void *own, uint64_t value)
{
    (void)own;
    if (value == 0) {
        collect(__builtin_frame_address(0));
        bed->unwind(__builtin_frame_address(0));
    }
    return value;
}

uint64_t *toy_start(const struct toy_bed *b, const struct toy_case *c)
{
    bed = b;
    now = c;
    wrong = NULL;
    active = collections = pairs = 0;
    used = 0;
    for (size_t n = 0; n < 2 * SPACE_WORDS; n++) {
        spaces[n] = POISON;
    }
    for (size_t n = 0; n < sizeof cards; n++) {
        cards[n] = 0;
    }
    context[FLAG] = !c->lazy;
    context[CARDS] = (uintptr_t)cards - ((uintptr_t)spaces >> CARD_SHIFT);
    context[ALLOC] = (uintptr_t)alloc;
    context[COLLECT] = (uintptr_t)poll;
    context[THROW] = (uintptr_t) throw;
    context[ROOT] = 0;
    return context;
}

const char *toy_judge(uint64_t result, int trap)
{
    unsigned marked = 0;
    for (size_t n = 0; n < sizeof cards; n++) {
        marked += cards[n];
    }
    if (trap != now->trap) {
        complain("it traps, or with the wrong trap");
    } else if (trap < 0 && result != now->result) {
        complain("the result is wrong");
    }
    if (collections < now->collections || pairs < now->pairs) {
        complain("too few objects were moved");
    }
    if (now->lazy && marked != now->cards) {
        complain("the wrong cards are marked");
    }
    return wrong;
}
