// SPDX-License-Identifier: MIT
//
// The numbers that later versions and proposals define.
#include "kernel/wasm/front/newer.h"

enum feature { GC, WIDE, SHARED, PAGES };

static const char features[][40] = {
    [GC] = "garbage-collected types are",
    [WIDE] = "128-bit arithmetic is",
    [SHARED] = "shared tables are",
    [PAGES] = "custom page sizes are",
};

static const struct {
    uint8_t place, feature;
    uint16_t first, last;
} numbers[] = {
    {WASM_PLACE_TYPE, GC, 0x4f, 0x50}, /* sub final, sub */
    {WASM_PLACE_TYPE, GC, 0x5e, 0x5f}, /* array, struct */
    {WASM_PLACE_TYPE, GC, 0x6a, 0x6e}, /* array, struct, i31, eq, any */
    {WASM_PLACE_TYPE, GC, 0x71, 0x73}, /* none, noextern, nofunc */

    {WASM_PLACE_OPERATOR, GC, 0xd3, 0xd3}, /* ref.eq */
    {WASM_PLACE_OPERATOR, GC, 0xfb, 0xfb}, /* a prefix */

    {WASM_PLACE_MORE, WIDE, 19, 22},       {WASM_PLACE_LIMITS, SHARED, 2, 3},
    {WASM_PLACE_LIMITS, SHARED, 6, 7},     {WASM_PLACE_LIMITS, PAGES, 8, 15},
};

/* The garbage-collected types by their numbers, so that a message names the one that is needed. */
static const struct {
    uint8_t number;
    char name[11];
} gc_types[] = {
    {0x4f, "sub"},   {0x50, "sub"},    {0x5e, "array"},    {0x5f, "struct"},
    {0x6a, "array"}, {0x6b, "struct"}, {0x6c, "i31"},      {0x6d, "eq"},
    {0x6e, "any"},   {0x71, "none"},   {0x72, "noextern"}, {0x73, "nofunc"},
};

static bool fail_type(struct wasm_reader *r, const uint8_t *where, uint32_t number)
{
    unsigned n = 0;
    while (n + 1 < ARRAY_COUNT(gc_types) && gc_types[n].number != number) {
        n++;
    }
    return wasm_fail(r, where, E_CORRUPT, "garbage-collected types are not supported: %s",
                     gc_types[n].name);
}

/* Operators with the prefix 0xfb, by the last number of each family. */
static const struct {
    uint8_t last;
    char name[11];
} gc_operators[] = {
    {5, "struct"},      {19, "array"},  {21, "ref.test"}, {23, "ref.cast"},
    {25, "br_on_cast"}, {27, "extern"}, {30, "i31"},
};

/* ref.eq has no prefix. A number that is not there, or is none of these, leaves the family open. */
static bool fail_operator(struct wasm_reader *r, const uint8_t *where, uint32_t first)
{
    const char *name = "eq";
    if (first != 0xd3) {
        unsigned number = r->at < r->end ? *r->at : UINT8_MAX, n = 0;
        while (n < ARRAY_COUNT(gc_operators) && number > gc_operators[n].last) {
            n++;
        }
        name = n < ARRAY_COUNT(gc_operators) ? gc_operators[n].name : "an unknown operator";
    }
    return wasm_fail(r, where, E_CORRUPT, "garbage-collected types are not supported: %s", name);
}

bool wasm_fail_newer(struct wasm_reader *r, const uint8_t *where, enum wasm_place place,
                     uint32_t number)
{
    for (unsigned i = 0; i < ARRAY_COUNT(numbers); i++) {
        if (numbers[i].place == place && number >= numbers[i].first && number <= numbers[i].last) {
            bool is_type = place == WASM_PLACE_TYPE && numbers[i].feature == GC;
            (void)(is_type ? fail_type(r, where, number)
                   : place == WASM_PLACE_OPERATOR
                       ? fail_operator(r, where, number)
                       : wasm_fail(r, where, E_CORRUPT, "%s not supported",
                                   features[numbers[i].feature]));
            return true;
        }
    }
    return false;
}
