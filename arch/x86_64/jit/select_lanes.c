// SPDX-License-Identifier: MIT
//
// Lanes by number: splats, extraction, replacement and shuffles; and tests of all lanes.
#include "arch/x86_64/jit/select_vector.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

#define LANES(a, b, c, d) ((a) | (b) << 2 | (c) << 4 | (d) << 6) /* an immediate of pshufd */

static const struct ir_instr *current(const struct selector *s)
{
    return select_instr(s, s->at);
}

static unsigned lane_bytes(const struct ir_instr *i)
{
    return 16 / ir_shape_lanes(ir_op_info[i->op].shape);
}

/* ---- Splats ---- */

/* From the lowest lane of `a`. */
static void splat(struct selector *s, uint32_t to, uint32_t a, unsigned bytes)
{
    switch (bytes) {
    case 1:
        (void)x86_vector_two(s, to, X86_OP_V_PSHUFB, a,
                             x86_vector_constant_reg(s, VREG_NONE, 0, 0));
        return;
    case 2:
        a = x86_vector_one(s, VREG_NONE, X86_OP_V_PSHUFLW, a, 0);
        (void)x86_vector_one(s, to, X86_OP_V_PSHUFD, a, 0);
        return;
    case 4:
        (void)x86_vector_one(s, to, X86_OP_V_PSHUFD, a, 0);
        return;
    default:
        (void)x86_vector_one(s, to, X86_OP_V_MOVDDUP, a, 0);
        return;
    }
}

static void select_splat(struct selector *s, const struct ir_instr *i)
{
    unsigned bytes = lane_bytes(i);
    uint32_t a = ir_is_float(select_instr(s, i->a)->type)
                     ? select_reg(s, i->a)
                     : x86_vector_from_int(s, i->a, MAX(bytes, 4u));
    splat(s, select_result(s), a, bytes);
}

/* ---- One lane ---- */

static void extend_sign(struct selector *s, uint32_t from, unsigned bytes)
{
    struct draft d = x86_draft_new(bytes == 1 ? X86_OP_MOVSX8 : X86_OP_MOVSX16, 4);
    x86_draft_def(&d, select_result(s));
    x86_draft_operand(&d, from, VUSE, VAT_ANY, 0);
    x86_draft_emit(s, &d);
}

/* The low lane of a vector as an integer, or as a float of the same bits. */
static void move_lowest(struct selector *s, enum x86_op op, uint32_t a, unsigned bytes)
{
    struct draft d = x86_draft_new(op, bytes);
    x86_draft_def(&d, select_result(s));
    x86_draft_use(&d, a);
    x86_draft_emit(s, &d);
}

static void extract_float(struct selector *s, uint32_t a, unsigned bytes, unsigned lane)
{
    if (lane == 0) {
        move_lowest(s, X86_OP_FLOAT_COPY, a, bytes);
    } else {
        unsigned how = bytes == 4 ? LANES(lane, lane, lane, lane) : LANES(2, 3, 2, 3);
        (void)x86_vector_one(s, select_result(s), X86_OP_V_PSHUFD, a, how);
    }
}

static void select_extract(struct selector *s, const struct ir_instr *i)
{
    static const uint16_t ops[] = {X86_OP_V_PEXTRB, X86_OP_V_PEXTRW, X86_OP_V_PEXTRD,
                                   X86_OP_V_PEXTRQ};
    unsigned bytes = lane_bytes(i);
    uint32_t a = select_reg(s, i->a);
    bool is_signed = ir_op_info[i->op].lane_op == IR_LANE_EXTRACT_S;
    if (ir_is_float(i->type)) {
        extract_float(s, a, bytes, i->b);
    } else if (bytes >= 4 && i->b == 0) {
        move_lowest(s, X86_OP_TO_INT_BITS, a, bytes);
    } else {
        enum x86_op op = (enum x86_op)ops[__builtin_ctz(bytes)];
        uint32_t to = is_signed ? select_temp(s, VCLASS_INT, 4) : select_result(s);
        x86_vector_out(s, to, op, a, i->b);
        if (is_signed) {
            extend_sign(s, to, bytes);
        }
    }
}

/* Whether s->at may read a scalar of this many bytes from memory, of which a register would hold
 * more. */
static bool may_read_narrow(const struct selector *s, uint32_t value, unsigned bytes)
{
    const struct ir_instr *i = select_instr(s, value);
    unsigned access = i->op == IR_LOAD ? s->f->memrefs[i->c].access : (unsigned)IR_ACCESS_FULL;
    bool is_narrow = bytes == 1   ? access == IR_ACCESS_8_U || access == IR_ACCESS_8_S
                     : bytes == 2 ? access == IR_ACCESS_16_U || access == IR_ACCESS_16_S
                                  : false;
    return is_narrow && select_can_merge(s, value, bytes) && x86_is_plain_access(s, i, bytes);
}

static void replace_int(struct selector *s, const struct ir_instr *i, unsigned bytes)
{
    static const uint16_t ops[] = {X86_OP_V_PINSRB, X86_OP_V_PINSRW, X86_OP_V_PINSRD,
                                   X86_OP_V_PINSRQ};
    struct draft d = x86_draft_new((enum x86_op)ops[__builtin_ctz(bytes)], bytes);
    uint32_t to = select_result(s);
    d.i.imm = i->c;
    if ((s->features & JIT_X86_AVX) != 0) {
        x86_draft_def(&d, to);
    } else {
        x86_draft_def_tied(&d, to);
    }
    x86_draft_use(&d, select_reg(s, i->a));
    if (may_read_narrow(s, i->b, bytes)) {
        struct address a = x86_merge_load(s, i->b);
        x86_draft_address(&d, &a);
    } else {
        x86_draft_rm(s, &d, i->b, bytes);
    }
    x86_draft_emit(s, &d);
}

static void select_replace(struct selector *s, const struct ir_instr *i)
{
    unsigned bytes = lane_bytes(i);
    if (!ir_is_float(select_instr(s, i->b)->type)) {
        replace_int(s, i, bytes);
        return;
    }
    uint32_t to = select_result(s), a = select_reg(s, i->a), b = select_reg(s, i->b);
    if (bytes == 4) {
        (void)x86_vector_two_imm(s, to, X86_OP_V_INSERTPS, a, b, i->c << 4);
    } else if (i->c == 0) { /* the low lane of b, then the high one of a */
        (void)x86_vector_two_imm(s, to, X86_OP_V_SHUFPD, b, a, 2);
    } else {
        (void)x86_vector_two(s, to, X86_OP_V_PUNPCKLQDQ, a, b);
    }
}

/* ---- Shuffles ---- */

struct shuffle {
    uint8_t lanes[16]; /* numbers from 16 on are of b */
    uint32_t a, b;     /* registers */
    uint32_t to;
};

/* Whether groups of `bytes` bytes stay together. `groups` gets where each comes from. */
static bool in_groups(const struct shuffle *h, unsigned bytes, uint8_t groups[16])
{
    for (unsigned n = 0; n < 16; n++) {
        if (h->lanes[n] % bytes != n % bytes ||
            h->lanes[n] / bytes != h->lanes[n - n % bytes] / bytes) {
            return false;
        }
        groups[n / bytes] = h->lanes[n] / (uint8_t)bytes;
    }
    return true;
}

static bool is_of_one(const struct shuffle *h)
{
    for (unsigned n = 0; n < 16; n++) {
        if (h->lanes[n] >= 16) {
            return false;
        }
    }
    return true;
}

/* Lanes of a and b in turns, from the low or the high half. */
static bool select_interleave(struct selector *s, const struct shuffle *h)
{
    static const uint16_t ops[4][2] = {{X86_OP_V_PUNPCKLBW, X86_OP_V_PUNPCKHBW},
                                       {X86_OP_V_PUNPCKLWD, X86_OP_V_PUNPCKHWD},
                                       {X86_OP_V_PUNPCKLDQ, X86_OP_V_PUNPCKHDQ},
                                       {X86_OP_V_PUNPCKLQDQ, X86_OP_V_PUNPCKHQDQ}};
    bool one = is_of_one(h);
    for (unsigned n = 0; n < 8; n++) {
        unsigned bytes = 1u << n / 2, start = n % 2 * 8, at = 0;
        while (at < 16 && h->lanes[at] == start + at / (2 * bytes) * bytes + at % bytes +
                                              (!one && at / bytes % 2 != 0 ? 16 : 0)) {
            at++;
        }
        if (at == 16) {
            (void)x86_vector_two(s, h->to, (enum x86_op)ops[n / 2][n % 2], h->a, one ? h->a : h->b);
            return true;
        }
    }
    return false;
}

/* 16 adjacent bytes of b and a, in this order. */
static bool select_window(struct selector *s, const struct shuffle *h)
{
    unsigned start = h->lanes[0], wrap = is_of_one(h) ? 16 : 32;
    for (unsigned n = 0; n < 16; n++) {
        if (h->lanes[n] != (start + n) % wrap) {
            return false;
        }
    }
    bool from_a = start < 16;
    uint32_t low = from_a ? h->a : h->b, high = wrap == 16 || !from_a ? h->a : h->b;
    (void)x86_vector_two_imm(s, h->to, X86_OP_V_PALIGNR, high, low, start % 16);
    return true;
}

/* Groups of 4 bytes: all from a, or the low half from a and the high one from b. */
static bool select_longs(struct selector *s, const struct shuffle *h)
{
    uint8_t g[16];
    if (!in_groups(h, 4, g)) {
        return false;
    }
    unsigned how = LANES(g[0] & 3u, g[1] & 3u, g[2] & 3u, g[3] & 3u);
    bool low = g[0] < 4 && g[1] < 4;
    if (low && g[2] < 4 && g[3] < 4) {
        (void)x86_vector_one(s, h->to, X86_OP_V_PSHUFD, h->a, how);
    } else if (low && g[2] >= 4 && g[3] >= 4) {
        (void)x86_vector_two_imm(s, h->to, X86_OP_V_SHUFPS, h->a, h->b, how);
    } else if (g[0] >= 4 && g[1] >= 4 && g[2] < 4 && g[3] < 4) {
        (void)x86_vector_two_imm(s, h->to, X86_OP_V_SHUFPS, h->b, h->a, how);
    } else {
        return false;
    }
    return true;
}

/* Groups of 2 bytes that stay where they are. */
static bool select_blend(struct selector *s, const struct shuffle *h)
{
    uint8_t g[16];
    unsigned from_b = 0;
    if (!in_groups(h, 2, g)) {
        return false;
    }
    for (unsigned n = 0; n < 8; n++) {
        if (g[n] % 8 != n) {
            return false;
        }
        from_b |= (g[n] >= 8 ? 1u : 0u) << n;
    }
    (void)x86_vector_two_imm(s, h->to, X86_OP_V_PBLENDW, h->a, h->b, from_b);
    return true;
}

/* pshufb of the lanes from `first` on; the others become 0. */
static uint32_t pick(struct selector *s, const struct shuffle *h, uint32_t to, uint32_t from,
                     unsigned first)
{
    uint8_t bytes[16];
    uint64_t words[2];
    for (unsigned n = 0; n < 16; n++) {
        unsigned lane = h->lanes[n] - first;
        bytes[n] = lane < 16 ? (uint8_t)lane : 0x80;
    }
    memcpy(words, bytes, sizeof words);
    return x86_vector_with(s, to, X86_OP_V_PSHUFB, from, words[0], words[1]);
}

static void select_bytes(struct selector *s, const struct shuffle *h)
{
    if (is_of_one(h)) {
        (void)pick(s, h, h->to, h->a, 0);
        return;
    }
    uint32_t a = pick(s, h, VREG_NONE, h->a, 0), b = pick(s, h, VREG_NONE, h->b, 16);
    (void)x86_vector_two(s, h->to, X86_OP_V_POR, a, b);
}

/* With only one operand, that is a. */
static void select_shuffle(struct selector *s, const struct ir_instr *i)
{
    struct shuffle h = {.to = select_result(s)};
    bool same = select_instr(s, i->a) == select_instr(s, i->b), uses_a = false, uses_b = false;
    memcpy(h.lanes, s->f->pool + i->c, sizeof h.lanes);
    for (unsigned n = 0; n < 16; n++) {
        h.lanes[n] = same ? h.lanes[n] & 15 : h.lanes[n];
        uses_a |= h.lanes[n] < 16;
        uses_b |= h.lanes[n] >= 16;
    }
    for (unsigned n = 0; n < 16 && !uses_a; n++) {
        h.lanes[n] &= 15;
    }
    h.a = select_reg(s, uses_a ? i->a : i->b);
    h.b = uses_a && uses_b ? select_reg(s, i->b) : h.a;
    if (!select_interleave(s, &h) && !select_longs(s, &h) && !select_window(s, &h) &&
        !select_blend(s, &h)) {
        select_bytes(s, &h);
    }
}

/* Numbers from 16 on must have their highest bit set. */
static void select_swizzle(struct selector *s, const struct ir_instr *i)
{
    uint32_t b = x86_vector_with(s, VREG_NONE, X86_OP_V_PADDUSB, select_reg(s, i->b),
                                 X86_BYTES(0x70), X86_BYTES(0x70));
    (void)x86_vector_two(s, select_result(s), X86_OP_V_PSHUFB, select_reg(s, i->a), b);
}

/* ---- All lanes ---- */

/* All ones in the lanes that are 0. */
uint32_t x86_vector_zero_lanes(struct selector *s, const struct ir_instr *i)
{
    static const uint16_t ops[] = {X86_OP_V_PCMPEQB, X86_OP_V_PCMPEQW, X86_OP_V_PCMPEQD,
                                   X86_OP_V_PCMPEQQ};
    return x86_vector_two(s, VREG_NONE, (enum x86_op)ops[__builtin_ctz(lane_bytes(i))],
                          x86_vector_constant_reg(s, VREG_NONE, 0, 0), select_reg(s, i->a));
}

static void select_bitmask(struct selector *s, const struct ir_instr *i)
{
    uint32_t a = select_reg(s, i->a), to = select_result(s);
    switch (lane_bytes(i)) {
    case 1:
        x86_vector_out(s, to, X86_OP_V_PMOVMSKB, a, 0);
        return;
    case 2:
        a = x86_vector_with(s, VREG_NONE, X86_OP_V_PACKSSWB, a, 0, 0);
        x86_vector_out(s, to, X86_OP_V_PMOVMSKB, a, 0);
        return;
    case 4:
        x86_vector_out(s, to, X86_OP_V_MOVMSKPS, a, 0);
        return;
    default:
        x86_vector_out(s, to, X86_OP_V_MOVMSKPD, a, 0);
        return;
    }
}

bool x86_select_lanes(struct selector *s)
{
    const struct ir_instr *i = current(s);
    switch (ir_op_info[i->op].lane_op) {
    case IR_LANE_SPLAT:
        select_splat(s, i);
        return true;
    case IR_LANE_EXTRACT:
    case IR_LANE_EXTRACT_S:
    case IR_LANE_EXTRACT_U:
        select_extract(s, i);
        return true;
    case IR_LANE_REPLACE:
        select_replace(s, i);
        return true;
    case IR_LANE_SHUFFLE:
        select_shuffle(s, i);
        return true;
    case IR_LANE_SWIZZLE:
        select_swizzle(s, i);
        return true;
    case IR_LANE_ANY_TRUE:
    case IR_LANE_ALL_TRUE:
        return x86_select_compare(s);
    case IR_LANE_BITMASK:
        select_bitmask(s, i);
        return true;
    default:
        return false;
    }
}

/* ---- Loads that widen or repeat ---- */

static void load(struct selector *s, uint32_t to, enum x86_op op, unsigned size,
                 const struct address *a)
{
    struct draft d = x86_draft_new(op, size);
    x86_draft_def(&d, to);
    x86_draft_address(&d, a);
    x86_draft_emit(s, &d);
}

static void load_splat(struct selector *s, unsigned bytes, const struct address *a)
{
    uint32_t to = select_result(s);
    if (bytes == 8) {
        load(s, to, X86_OP_V_MOVDDUP, 8, a);
        return;
    }
    uint32_t vector = select_temp(s, VCLASS_FLOAT, 16);
    if (bytes == 4) {
        load(s, vector, X86_OP_MOVS, 4, a);
    } else {
        uint32_t scalar = select_temp(s, VCLASS_INT, 4);
        load(s, scalar, bytes == 1 ? X86_OP_MOVZX8 : X86_OP_MOVZX16, 4, a);
        struct draft d = x86_draft_new(X86_OP_MOVD, 4);
        x86_draft_def(&d, vector);
        x86_draft_use(&d, scalar);
        x86_draft_emit(s, &d);
    }
    splat(s, to, vector, bytes);
}

void x86_select_vector_load(struct selector *s, unsigned access, const struct address *a)
{
    static const uint16_t widening[] = {X86_OP_V_PMOVSXBW, X86_OP_V_PMOVZXBW, X86_OP_V_PMOVSXWD,
                                        X86_OP_V_PMOVZXWD, X86_OP_V_PMOVSXDQ, X86_OP_V_PMOVZXDQ};
    if (access == IR_ACCESS_FULL) {
        load(s, select_result(s), X86_OP_MOVUPS, 8, a);
    } else if (access >= IR_ACCESS_8_SPLAT && access <= IR_ACCESS_64_SPLAT) {
        load_splat(s, 1u << (access - IR_ACCESS_8_SPLAT), a);
    } else if (access >= IR_ACCESS_8X8_S && access <= IR_ACCESS_32X2_U) {
        load(s, select_result(s), (enum x86_op)widening[access - IR_ACCESS_8X8_S], 8, a);
    } else {
        load(s, select_result(s), X86_OP_MOVS, access == IR_ACCESS_32_ZERO ? 4 : 8, a);
    }
}
