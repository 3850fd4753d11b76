// SPDX-License-Identifier: MIT
//
// Shuffles with constant lanes: one instruction for the usual patterns, otherwise a table lookup
// with the lanes as a constant.
#include "arch/aarch64/jit/select_internal.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

#define BYTES 16u

/* The operands of a shuffle and its lanes. If it uses one operand only, both are that one and all
 * lanes are below 16. */
struct shuffle {
    uint32_t a, b; /* values */
    uint8_t lanes[BYTES];
    bool is_single;
};

static struct shuffle shuffle_of(const struct selector *s, const struct ir_instr *i)
{
    struct shuffle h = {.a = i->a, .b = i->b};
    bool uses[2] = {false, false};
    bool are_same = select_instr(s, i->a) == select_instr(s, i->b);
    memcpy(h.lanes, &s->f->pool[i->c], sizeof h.lanes);
    for (unsigned n = 0; n < BYTES; n++) {
        h.lanes[n] %= are_same ? BYTES : 2 * BYTES;
        uses[h.lanes[n] / BYTES] = true;
    }
    h.is_single = !uses[0] || !uses[1];
    if (h.is_single) {
        h.a = h.b = uses[0] ? h.a : h.b;
        for (unsigned n = 0; n < BYTES; n++) {
            h.lanes[n] %= BYTES;
        }
    }
    return h;
}

/* ---- Patterns ---- */

/* Forms without a number; lane_of() defines them. */
enum pattern { ZIP1, ZIP2, UZP1, UZP2, TRN1, TRN2, REV64, REV32, REV16, PATTERNS };

static const uint16_t forms[PATTERNS] = {
    [ZIP1] = A64_VZIP1,   [ZIP2] = A64_VZIP2,   [UZP1] = A64_VUZP1,
    [UZP2] = A64_VUZP2,   [TRN1] = A64_VTRN1,   [TRN2] = A64_VTRN2,
    [REV64] = A64_VREV64, [REV32] = A64_VREV32, [REV16] = A64_VREV16,
};

/* The largest size of a lane that each has, log2 of bytes. */
static const uint8_t largest[PATTERNS] = {3, 3, 3, 3, 3, 3, 2, 1, 0};

/* From which lane lane n of the result is, of `count` in each operand. */
static unsigned lane_of(enum pattern p, unsigned n, unsigned count)
{
    switch (p) {
    case ZIP1:
    case ZIP2:
        return n / 2 + (n % 2) * count + (p == ZIP2) * count / 2;
    case UZP1:
    case UZP2:
        return 2 * n + (p == UZP2);
    case TRN1:
    case TRN2:
        return (n & ~1u) + (n % 2) * count + (p == TRN2);
    default: /* lanes in 8, 4 or 2 bytes, backwards */
        return n ^ (count / (2u << (p - REV64)) - 1);
    }
}

/* Whether the lanes are those of a pattern. @param swapped  With the operands exchanged. */
static bool matches(const struct shuffle *h, enum pattern p, unsigned size, bool swapped)
{
    unsigned width = 1u << size;
    for (unsigned n = 0; n < BYTES; n++) {
        unsigned from = lane_of(p, n / width, BYTES / width) * width + n % width;
        from = (from + (swapped ? BYTES : 0)) % (h->is_single ? BYTES : 2 * BYTES);
        if (h->lanes[n] != from) {
            return false;
        }
    }
    return true;
}

static bool try_pattern(struct selector *s, const struct shuffle *h, enum pattern p, unsigned size)
{
    for (unsigned swapped = 0; swapped < (h->is_single ? 1u : 2u); swapped++) {
        if (!matches(h, p, size, swapped != 0)) {
            continue;
        }
        uint32_t a = select_reg(s, swapped != 0 ? h->b : h->a);
        if (p >= REV64) {
            a64_emit1(s, forms[p], A64_SMALL_OPTION(size), select_result(s), a);
        } else {
            a64_emit2(s, forms[p], A64_SMALL_OPTION(size), select_result(s), a,
                      select_reg(s, swapped != 0 ? h->a : h->b));
        }
        return true;
    }
    return false;
}

static bool try_patterns(struct selector *s, const struct shuffle *h)
{
    for (unsigned p = 0; p < PATTERNS; p++) {
        for (unsigned size = 0; size <= largest[p]; size++) {
            if (try_pattern(s, h, (enum pattern)p, size)) {
                return true;
            }
        }
    }
    return false;
}

/* 16 consecutive bytes of one operand followed by the other, or of one followed by itself. */
static bool try_consecutive(struct selector *s, const struct shuffle *h)
{
    unsigned first = h->lanes[0], all = h->is_single ? BYTES : 2 * BYTES;
    for (unsigned n = 1; n < BYTES; n++) {
        if (h->lanes[n] != (first + n) % all) {
            return false;
        }
    }
    bool swapped = first >= BYTES;
    a64_emit2(s, A64_EXT_16B, A64_SMALL_AMOUNT(first % BYTES), select_result(s),
              select_reg(s, swapped ? h->b : h->a), select_reg(s, swapped ? h->a : h->b));
    return true;
}

/* The same lane everywhere. */
static bool try_splat(struct selector *s, const struct shuffle *h)
{
    for (unsigned size = 0; size < 4; size++) {
        unsigned width = 1u << size, n = 0;
        while (n < BYTES && h->lanes[0] % width == 0 && h->lanes[n] == h->lanes[0] + n % width) {
            n++;
        }
        if (n == BYTES) {
            a64_emit1(s, A64_DUP_LANE,
                      A64_SMALL_OPTION(size) | A64_SMALL_AMOUNT(h->lanes[0] % BYTES >> size),
                      select_result(s), select_reg(s, h->a));
            return true;
        }
    }
    return false;
}

/* ---- One lane from elsewhere ---- */

/* If all lanes of this size but one are the same lanes of operand `base`, the number of that one.
 * @return the number of lanes: none differs, or more than one. */
static unsigned odd_lane(const struct shuffle *h, unsigned size, unsigned base)
{
    unsigned width = 1u << size, count = BYTES / width, odd = count;
    for (unsigned n = 0; n < BYTES; n++) {
        if (h->lanes[n] != base * BYTES + n && n / width != odd) {
            if (odd != count) {
                return count;
            }
            odd = n / width;
        }
    }
    return odd;
}

static bool try_insert(struct selector *s, const struct shuffle *h)
{
    for (unsigned x = 0; x < 8; x++) {
        unsigned size = x / 2, base = x % 2, width = 1u << size;
        unsigned to = odd_lane(h, size, base);
        if (to == BYTES / width) {
            continue;
        }
        const uint8_t *from = &h->lanes[to * width];
        bool is_whole = from[0] % width == 0;
        for (unsigned n = 1; n < width; n++) {
            is_whole = is_whole && from[n] == from[0] + n;
        }
        if (!is_whole) {
            continue;
        }
        struct a64_new i = a64_new(s, A64_INS_LANE, A64_SMALL_OPTION(size) | A64_SMALL_AMOUNT(to));
        i.i.imm = from[0] % BYTES / width;
        a64_operand(&i, select_result(s), VDEF, VAT_TIED, 1);
        a64_use(&i, select_reg(s, base == 0 ? h->a : h->b));
        a64_use(&i, select_reg(s, from[0] < BYTES ? h->a : h->b));
        a64_done(&i);
        return true;
    }
    return false;
}

/* ---- Table lookup ---- */

static void select_lookup(struct selector *s, const struct shuffle *h)
{
    uint64_t halves[2];
    uint32_t lanes = a64_vector_temp(s);
    memcpy(halves, h->lanes, sizeof halves);
    a64_emit_vector_const(s, lanes, halves[0], halves[1]);
    if (h->is_single) {
        a64_emit2(s, A64_TBL_16B, 0, select_result(s), select_reg(s, h->a), lanes);
        return;
    }
    struct a64_new n = a64_new(s, A64_OP_TBL2, 0);
    a64_def(&n, select_result(s));
    a64_operand(&n, select_reg(s, h->a), VUSE, VAT_FIXED, A64_V30);
    a64_use(&n, select_reg(s, h->b));
    a64_use(&n, lanes);
    a64_done(&n);
}

void a64_select_shuffle(struct selector *s, const struct ir_instr *i)
{
    struct shuffle h = shuffle_of(s, i);
    if (!try_splat(s, &h) && !try_consecutive(s, &h) && !try_patterns(s, &h) &&
        !try_insert(s, &h)) {
        select_lookup(s, &h);
    }
}
