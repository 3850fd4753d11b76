// SPDX-License-Identifier: MIT
//
// What characters outside of ASCII are, for System.Char.
#include "kernel/cil/run/natives.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/sort.h"

/* Char in lib/cil knows the first ones. */
enum {
    UPPER = 1,
    LOWER = 2,
    LETTER = 4, /* of another kind */
    DIGIT = 8,
    NUMBER = 16, /* of another kind */
    PUNCTUATION = 32,
    SYMBOL = 64,
    SPACE = 128,
    CONTROL = 256,
    UPPER_FIRST = 512, /* every other one is UPPER or LOWER */
    LOWER_FIRST = 1024,
};

struct run {
    uint32_t last;
    uint16_t first, value;
};

static const struct run kinds[] = {
#define RUN(first, last, kind) {last, first, kind},
#include "kernel/cil/run/letters.def"
#undef RUN
};

static const struct run upper[] = {
#define TO_UPPER(first, last, distance) {last, first, distance},
#include "kernel/cil/run/letters.def"
#undef TO_UPPER
};

static const struct run lower[] = {
#define TO_LOWER(first, last, distance) {last, first, distance},
#include "kernel/cil/run/letters.def"
#undef TO_LOWER
};

/* @return NULL: the character is in no run. */
static const struct run *find(const struct run *all, uint32_t count, uint32_t c)
{
    uint32_t n = SORTED_FIND(all, count, last, c);
    return n < count && all[n].first <= c ? &all[n] : NULL;
}

uint64_t cil_char_kind(struct cil_runtime *r, uint64_t c, uint64_t b, uint64_t d, uint64_t e,
                       uint64_t f)
{
    (void)r, (void)b, (void)d, (void)e, (void)f;
    const struct run *found = find(kinds, ARRAY_COUNT(kinds), (uint16_t)c);
    if (found == NULL) {
        return 0;
    }
    bool is_other = ((c ^ found->first) & 1) != 0;
    switch (found->value) {
    case UPPER_FIRST:
        return is_other ? LOWER : UPPER;
    case LOWER_FIRST:
        return is_other ? UPPER : LOWER;
    default:
        return found->value;
    }
}

/* A distance of 1 means pairs of letters: every other one has it. */
uint64_t cil_char_case(struct cil_runtime *r, uint64_t c, uint64_t is_upper, uint64_t d, uint64_t e,
                       uint64_t f)
{
    (void)r, (void)d, (void)e, (void)f;
    const struct run *found = is_upper != 0 ? find(upper, ARRAY_COUNT(upper), (uint16_t)c)
                                            : find(lower, ARRAY_COUNT(lower), (uint16_t)c);
    if (found == NULL) {
        return c;
    }
    bool are_pairs = found->value == 1 || found->value == UINT16_MAX;
    bool is_other = are_pairs && ((c ^ found->first) & 1) != 0;
    return is_other ? c : (uint16_t)(c + found->value);
}
