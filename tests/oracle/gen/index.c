// SPDX-License-Identifier: MIT
//
// Indices: masked values, and chains of additions and scalings whose intermediate values wrap.
#include "gen.h"

void masked(struct gen *g, uint32_t mask, int depth)
{
    expression(g, T_I32, depth - 1);
    const_i32(g, mask);
    op(g, 0x71);
}

/* The value on the stack lies in low to low + span, which may wrap.
 * Adding and scaling keep that true. */
struct range {
    uint32_t low, span;
};

/* Values at which sums wrap, signs change and memory ends. */
static uint32_t near_edge(struct gen *g)
{
    static const uint32_t edges[] = {0, 0, 0x80000000, 0x80000000, PAGE, MEMORY_PAGES_MAX * PAGE};
    static const uint32_t steps[] = {0, 1, 4, 8, 16, 255, 256, 4095, 4096, 0x8000, 0x10000};
    uint32_t edge = edges[random_below(g, 6)], step = steps[random_below(g, 11)];
    return chance(g, 70) ? edge - step : edge + step;
}

/* The number of low bits of a value in a range of at most `room`. */
static uint32_t random_width(struct gen *g, uint32_t room)
{
    uint32_t most = 0;
    while (most < 15 && (2u << most) - 1 <= room) {
        most++;
    }
    return chance(g, 50) ? most : random_below(g, most + 1);
}

/* A value about which the compiler knows little, in a range of at most `room`. */
static struct range start_of_chain(struct gen *g, uint32_t room, int depth)
{
    uint32_t width = random_width(g, room), mask = (1u << width) - 1, edge = near_edge(g);
    uint32_t kind = random_below(g, 10);
    /* near an edge, but not by an addition, which could be merged with later ones */
    if (kind < 3) {
        masked(g, mask, depth);
        const_i32(g, edge & ~mask);
        op(g, 0x72);
        return (struct range){edge & ~mask, mask};
    }
    if (kind < 5) { /* downwards from an edge */
        const_i32(g, edge);
        masked(g, mask, depth);
        op(g, 0x6b);
        return (struct range){edge - mask, mask};
    }
    if (kind == 5 && width > 0) { /* signed */
        expression(g, T_I32, depth - 1);
        const_i32(g, 32 - width);
        op(g, 0x75);
        return (struct range){0 - (1u << (width - 1)), mask};
    }
    if (kind == 6 && room >= 0xff) { /* a byte, signed or unsigned */
        bool is_signed = chance(g, 50);
        masked(g, 0x7ff8, depth);
        op(g, is_signed ? 0x2c : 0x2d);
        put(&g->code, 0);
        put(&g->code, 0);
        return (struct range){is_signed ? 0 - 128u : 0, 0xff};
    }
    if (kind == 7 && room >= MEMORY_PAGES_MAX - 1) {
        memory_size(g);
        return (struct range){1, MEMORY_PAGES_MAX - 1};
    }
    if (kind == 8 && room >= 1) {
        expression(g, T_I32, depth - 1);
        op(g, 0x45);
        return (struct range){0, 1};
    }
    masked(g, mask, depth);
    return (struct range){0, mask};
}

/* x + c, or x - -c. */
static void add_constant(struct gen *g, uint32_t c)
{
    bool subtracts = chance(g, 30);
    const_i32(g, subtracts ? 0 - c : c);
    op(g, subtracts ? 0x6b : 0x6a);
}

/* x << shift, or the equivalent multiplication. */
static void scale(struct gen *g, uint32_t shift)
{
    bool multiplies = chance(g, 25);
    const_i32(g, multiplies ? 1u << shift : shift);
    op(g, multiplies ? 0x6c : 0x74);
}

static struct range step_of_chain(struct gen *g, struct range r, uint32_t room)
{
    uint32_t shift = 1 + random_below(g, 3), c = near_edge(g), end = r.low + r.span;
    uint32_t kind = random_below(g, 10);
    if (kind < 3 && r.span << shift <= room) {
        scale(g, shift);
        return (struct range){r.low << shift, r.span << shift};
    }
    if (kind < 5 && end >= r.low) {
        const_i32(g, shift);
        op(g, 0x76);
        return (struct range){r.low >> shift, (end >> shift) - (r.low >> shift)};
    }
    if (kind == 5 && r.low == 0) {
        const_i32(g, c & ~0x7fffu); /* larger than any range */
        op(g, 0x72);
        return (struct range){c & ~0x7fffu, r.span};
    }
    add_constant(g, c);
    return (struct range){r.low + c, r.span};
}

void chain(struct gen *g, uint32_t last, int depth)
{
    uint32_t room = last < 0x7fff ? last : 0x7fff;
    struct range r = start_of_chain(g, chance(g, 50) ? room : room >> 3, depth);
    for (uint32_t n = random_below(g, 3); n > 0; n--) {
        r = step_of_chain(g, r, room);
    }
    uint32_t shift = chance(g, 50) ? 0 : random_below(g, 4);
    if (r.span << shift > room) {
        shift = 0;
    }
    uint32_t spare = last - (r.span << shift);
    uint32_t to = chance(g, 40) ? spare : random_below(g, spare + 1);
    uint32_t lost = shift > 0 && chance(g, 50) ? (uint32_t)random_bits(g) << (32 - shift) : 0;
    add_constant(g, (to >> shift) - r.low + lost);
    if (shift > 0) {
        scale(g, shift);
    }
}
