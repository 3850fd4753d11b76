// SPDX-License-Identifier: MIT
//
// Arrays that grow in the arena, and longer sequences for operands that do not fit one instruction.
#include "arch/aarch64/jit/asm.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

enum fixup_kind {
    FIXUP_BRANCH26,
    FIXUP_BRANCH19,
    FIXUP_BRANCH14,
    FIXUP_LITERAL,
    FIXUP_DISTANCE,
};

#define WORDS_MAX (UINT32_C(1) << 25) /* reach of b: 128 MiB */

/* Make room for one more element of an array. @return false: the function has an error. */
static bool room(struct a64_asm *a, void **array, uint32_t *capacity, uint32_t count, size_t size)
{
    if (a->error != OK) {
        return false;
    }
    void *grown = arena_grow_list(a->arena, *array, capacity, (uint64_t)count + 1, size);
    if (grown == NULL) {
        a->error = E_NOMEM;
        return false;
    }
    *array = grown;
    return true;
}

#define ROOM(a, array, count, capacity)                                                            \
    room(a, (void **)&(a)->array, &(a)->capacity, (a)->count, sizeof *(a)->array)

void a64_asm_start(struct a64_asm *a, uint32_t labels)
{
    a->word_count = a->label_count = a->fixup_count = a->literal_count = 0;
    a->row_count = a->reloc_count = a->branch_count = 0;
    for (uint32_t n = 0; n < labels && a->error == OK; n++) {
        (void)a64_label(a);
    }
}

void a64_put_word(struct a64_asm *a, uint32_t word)
{
    if (a->word_count >= WORDS_MAX && a->error == OK) {
        a->error = E_OVERFLOW;
    }
    if (ROOM(a, words, word_count, word_capacity)) {
        a->words[a->word_count++] = word;
    }
}

void a64_put(struct a64_asm *a, const struct a64_insn *i)
{
    uint32_t word = 0;
    if (!a64_encode(i, &word) && a->error == OK) {
        a->error = E_OVERFLOW;
    }
    a64_put_word(a, word);
}

/* ---- Labels ---- */

uint32_t a64_label(struct a64_asm *a)
{
    if (!ROOM(a, labels, label_count, label_capacity)) {
        return 0;
    }
    a->labels[a->label_count] = A64_NO_LABEL;
    return a->label_count++;
}

void a64_bind(struct a64_asm *a, uint32_t label)
{
    if (a->error == OK) {
        a->labels[label] = a->word_count;
    }
}

static void add_fixup(struct a64_asm *a, enum fixup_kind kind, uint32_t label, uint32_t from,
                      uint32_t number)
{
    if (ROOM(a, fixups, fixup_count, fixup_capacity)) {
        a->fixups[a->fixup_count++] =
            (struct a64_fixup){a->word_count, label, from, (uint8_t)kind, number};
    }
}

static bool is_long(const struct a64_asm *a, uint32_t number)
{
    return number < a->long_capacity && a->is_long[number] != 0;
}

/* Use the long form from the next attempt on. */
static void make_long(struct a64_asm *a, uint32_t number)
{
    void *grown = arena_grow(a->arena, a->is_long, &a->long_capacity, a->branch_count, 1);
    if (grown == NULL) {
        a->error = E_NOMEM;
        return;
    }
    a->is_long = grown;
    a->is_long[number] = 1;
}

static const struct {
    uint8_t bits, shift;
} branch_fields[] = {[FIXUP_BRANCH26] = {26, 0},
                     [FIXUP_BRANCH19] = {19, 5},
                     [FIXUP_BRANCH14] = {14, 5},
                     [FIXUP_LITERAL] = {19, 5}};

/* Whether a field can hold this distance in words, with its range divided by 2 to the `margin`. */
static bool reaches(enum fixup_kind kind, int64_t distance, unsigned margin)
{
    if (kind == FIXUP_DISTANCE) {
        return true;
    }
    int64_t half = (int64_t)1 << (branch_fields[kind].bits - 1 - margin);
    return distance >= -half && distance < half;
}

static void put_far(struct a64_asm *a, uint32_t label)
{
    add_fixup(a, FIXUP_BRANCH26, label, a->word_count, 0);
    a64_put(a, &(struct a64_insn){.form = A64_B});
}

/* The branch with the opposite condition. */
static struct a64_insn inverted(struct a64_insn i)
{
    switch (i.form) {
    case A64_CBZ:
        i.form = A64_CBNZ;
        break;
    case A64_CBNZ:
        i.form = A64_CBZ;
        break;
    case A64_TBZ:
        i.form = A64_TBNZ;
        break;
    case A64_TBNZ:
        i.form = A64_TBZ;
        break;
    default:
        i.option ^= 1;
        break;
    }
    return i;
}

/* A backward distance is known at once, so the long form can be chosen in the first attempt. */
static bool is_far_backward(const struct a64_asm *a, enum fixup_kind kind, uint32_t label)
{
    return a->error == OK && a->labels[label] != A64_NO_LABEL &&
           !reaches(kind, (int64_t)a->labels[label] - (int64_t)a->word_count, 0);
}

void a64_branch(struct a64_asm *a, struct a64_insn i, uint32_t label)
{
    if (i.form == A64_B) {
        put_far(a, label);
        return;
    }
    uint32_t number = a->branch_count++;
    bool tests_bit = i.form == A64_TBZ || i.form == A64_TBNZ;
    enum fixup_kind kind = tests_bit ? FIXUP_BRANCH14 : FIXUP_BRANCH19;
    if (is_long(a, number) || is_far_backward(a, kind, label)) {
        i = inverted(i);
        i.imm = 8;
        a64_put(a, &i);
        put_far(a, label);
        return;
    }
    add_fixup(a, kind, label, a->word_count, number);
    i.imm = 0;
    a64_put(a, &i);
}

void a64_put_distance(struct a64_asm *a, uint32_t label, uint32_t from)
{
    add_fixup(a, FIXUP_DISTANCE, label, from, 0);
    a64_put_word(a, 0);
}

static void complete(uint32_t *word, enum fixup_kind kind, int64_t distance)
{
    if (kind == FIXUP_DISTANCE) {
        *word = (uint32_t)(distance * 4); /* WORDS_MAX keeps the result in 32 bits */
        return;
    }
    *word |= ((uint32_t)distance & ((1u << branch_fields[kind].bits) - 1))
             << branch_fields[kind].shift;
}

/* Put literals after the code, aligned to 8. @return word index of the first. */
static uint32_t put_literals(struct a64_asm *a)
{
    if (a->literal_count > 0 && a->word_count % 2 != 0) {
        a64_put(a, &(struct a64_insn){.form = A64_BRK});
    }
    uint32_t first = a->word_count;
    for (uint32_t n = 0; n < a->literal_count; n++) {
        a64_put_word(a, (uint32_t)a->literals[n]);
        a64_put_word(a, (uint32_t)(a->literals[n] >> 32));
    }
    return first;
}

static int64_t distance_of(const struct a64_asm *a, const struct a64_fixup *f, uint32_t literals)
{
    int64_t target = f->kind == FIXUP_LITERAL ? (int64_t)literals + 2 * (int64_t)f->label
                                              : (int64_t)a->labels[f->label];
    return target - f->from;
}

/* Make branches long that do not reach, and those that may not when the code has grown by the
 * former. The margin doubles with each attempt, so usually two attempts are enough, and few more in
 * the worst case. */
static void make_far_long(struct a64_asm *a, uint32_t literals)
{
    a->margin++;
    for (uint32_t n = 0; n < a->fixup_count && a->error == OK; n++) {
        const struct a64_fixup *f = &a->fixups[n];
        if (f->kind != FIXUP_BRANCH26 &&
            !reaches((enum fixup_kind)f->kind, distance_of(a, f, literals), a->margin)) {
            make_long(a, f->number);
        }
    }
}

bool a64_asm_end(struct a64_asm *a)
{
    uint32_t literals = put_literals(a);
    for (uint32_t n = 0; n < a->fixup_count && a->error == OK; n++) {
        const struct a64_fixup *f = &a->fixups[n];
        int64_t distance = distance_of(a, f, literals);
        if (reaches((enum fixup_kind)f->kind, distance, 0)) {
            complete(&a->words[f->at], (enum fixup_kind)f->kind, distance);
        } else if (f->kind == FIXUP_BRANCH26) {
            a->error = E_OVERFLOW;
        } else {
            make_far_long(a, literals);
            return a->error == OK;
        }
    }
    return false;
}

/* ---- Rows and calls ---- */

void a64_row(struct a64_asm *a, enum jit_row_kind kind, unsigned trap)
{
    if (ROOM(a, rows, row_count, row_capacity)) {
        a->rows[a->row_count++] = (struct jit_row){.pc = a->word_count * 4,
                                                   .location = a->location,
                                                   .kind = (uint8_t)kind,
                                                   .trap = (uint8_t)trap,
                                                   .refs = JIT_NO_REFS};
    }
}

void a64_row_landing(struct a64_asm *a, uint32_t label)
{
    if (ROOM(a, rows, row_count, row_capacity)) {
        struct jit_row *row = &a->rows[a->row_count++];
        *row = row[-1];
        row->kind = JIT_ROW_LANDING;
        row->refs = label;
    }
}

/* An instruction whose distance is that to a function of the module. */
static void refer(struct a64_asm *a, unsigned form, uint32_t callee)
{
    if (ROOM(a, relocs, reloc_count, reloc_capacity)) {
        a->relocs[a->reloc_count++] = (struct jit_reloc){.at = a->word_count * 4, .callee = callee};
    }
    a64_put(a, &(struct a64_insn){.form = (uint16_t)form});
}

void a64_call(struct a64_asm *a, uint32_t callee)
{
    refer(a, A64_BL, callee);
}

void a64_jump_to(struct a64_asm *a, uint32_t callee)
{
    refer(a, A64_B, callee);
}

/* ---- Shorthands ---- */

void a64_rr(struct a64_asm *a, unsigned form, bool wide, unsigned d, unsigned n)
{
    a64_rri(a, form, wide, d, n, 0);
}

void a64_rri(struct a64_asm *a, unsigned form, bool wide, unsigned d, unsigned n, uint64_t imm)
{
    a64_put(a, &(struct a64_insn){.form = (uint16_t)form,
                                  .wide = wide,
                                  .is_double = wide,
                                  .regs = {(uint8_t)d, (uint8_t)n},
                                  .imm = imm});
}

void a64_rrr(struct a64_asm *a, unsigned form, bool wide, unsigned d, unsigned n, unsigned m)
{
    a64_put(a, &(struct a64_insn){.form = (uint16_t)form,
                                  .wide = wide,
                                  .is_double = wide,
                                  .regs = {(uint8_t)d, (uint8_t)n, (uint8_t)m}});
}

void a64_move(struct a64_asm *a, bool wide, unsigned to, unsigned from)
{
    a64_rrr(a, A64_ORR_REG, wide, to, A64_ZR, from);
}

/* ---- Constants ---- */

static uint16_t half_of(uint64_t v, unsigned n)
{
    return (uint16_t)(v >> (16 * n));
}

/* How many of the four 16-bit parts equal `filler`. */
static unsigned halves_like(uint64_t v, uint16_t filler)
{
    unsigned count = 0;
    for (unsigned n = 0; n < 4; n++) {
        count += half_of(v, n) == filler;
    }
    return count;
}

static void put_half(struct a64_asm *a, unsigned form, bool wide, unsigned reg, uint16_t half,
                     unsigned n)
{
    a64_put(a, &(struct a64_insn){.form = (uint16_t)form,
                                  .wide = wide,
                                  .regs = {(uint8_t)reg},
                                  .amount = (uint8_t)(16 * n),
                                  .imm = half});
}

/* Set the first part that differs from the filler with movz or movn, the others with movk. */
static void put_halves(struct a64_asm *a, unsigned reg, uint64_t v, unsigned halves, bool inverts)
{
    uint16_t filler = inverts ? 0xffff : 0;
    bool wide = halves == 4, first = true;
    for (unsigned n = 0; n < halves; n++) {
        uint16_t half = half_of(v, n);
        if (half == filler) {
            continue;
        }
        if (!first) {
            put_half(a, A64_MOVK, wide, reg, half, n);
        } else {
            put_half(a, inverts ? A64_MOVN : A64_MOVZ, wide, reg, inverts ? (uint16_t)~half : half,
                     n);
        }
        first = false;
    }
    if (first) {
        put_half(a, inverts ? A64_MOVN : A64_MOVZ, wide, reg, 0, 0);
    }
}

/* Whether movn is shorter, in its 32-bit form, which clears the upper half. */
static bool inverts_32(uint64_t v)
{
    return half_of(v, 1) == 0xffff && half_of(v, 0) != 0;
}

/* Number of instructions for a constant. */
static unsigned constant_cost(uint64_t v)
{
    uint32_t fields;
    unsigned zeros = halves_like(v, 0), all_ones = halves_like(v, 0xffff);
    if (zeros >= 3 || all_ones >= 3 || (v >> 32 == 0 && inverts_32(v)) ||
        a64_mask(v, true, &fields) || a64_mask(v, false, &fields)) {
        return 1;
    }
    return 4 - MAX(zeros, all_ones);
}

void a64_constant(struct a64_asm *a, unsigned reg, uint64_t v)
{
    uint32_t fields;
    unsigned zeros = halves_like(v, 0), all_ones = halves_like(v, 0xffff);
    if (zeros >= 3) {
        put_halves(a, reg, v, v >> 32 == 0 ? 2 : 4, false);
    } else if (v >> 32 == 0 && inverts_32(v)) {
        put_halves(a, reg, v, 2, true);
    } else if (all_ones >= 3) {
        put_halves(a, reg, v, 4, true);
    } else if (a64_mask(v, true, &fields) || a64_mask(v, false, &fields)) {
        a64_rri(a, A64_ORR_IMM, a64_mask(v, true, &fields), reg, A64_ZR, v);
    } else {
        put_halves(a, reg, v, v >> 32 == 0 ? 2 : 4, v >> 32 != 0 && all_ones > zeros);
    }
}

static uint32_t literal(struct a64_asm *a, uint64_t bits)
{
    /* A function has few literals, and the newest are the most likely matches. */
    uint32_t oldest = a->literal_count > 64 ? a->literal_count - 64 : 0;
    for (uint32_t n = a->literal_count; n-- > oldest;) {
        if (a->literals[n] == bits) {
            return n;
        }
    }
    if (!ROOM(a, literals, literal_count, literal_capacity)) {
        return 0;
    }
    a->literals[a->literal_count] = bits;
    return a->literal_count++;
}

/* Two literals in a row. */
static uint32_t literal_pair(struct a64_asm *a, uint64_t lo, uint64_t hi)
{
    uint32_t oldest = a->literal_count > 64 ? a->literal_count - 64 : 0;
    for (uint32_t n = a->literal_count; n-- > oldest + 1;) {
        if (a->literals[n - 1] == lo && a->literals[n] == hi) {
            return n - 1;
        }
    }
    for (unsigned n = 0; n < 2; n++) {
        if (!ROOM(a, literals, literal_count, literal_capacity)) {
            return 0;
        }
        a->literals[a->literal_count++] = n == 0 ? lo : hi;
    }
    return a->literal_count - 2;
}

/* @param pair  For a form that loads 16 bytes: the upper 8, else NULL. @return false: the literals
 * are too far away. */
static bool put_literal_load(struct a64_asm *a, unsigned form, unsigned reg, uint64_t bits,
                             const uint64_t *pair)
{
    uint32_t number = a->branch_count++;
    if (is_long(a, number)) {
        return false;
    }
    uint32_t index = pair != NULL ? literal_pair(a, bits, *pair) : literal(a, bits);
    add_fixup(a, FIXUP_LITERAL, index, a->word_count, number);
    a64_rr(a, form, false, reg, 0);
    return true;
}

void a64_constant_or_literal(struct a64_asm *a, unsigned reg, uint64_t v)
{
    if (constant_cost(v) <= 2 || !put_literal_load(a, A64_LDR_X_LITERAL, reg, v, NULL)) {
        a64_constant(a, reg, v);
    }
}

void a64_float_constant(struct a64_asm *a, unsigned reg, uint64_t bits, bool is_double)
{
    uint32_t imm8;
    if (bits == 0) {
        a64_rr(a, A64_MOVI_ZERO, false, reg, 0);
    } else if (a64_float8(bits, is_double, &imm8)) {
        a64_rri(a, A64_FMOV_IMM, is_double, reg, 0, bits);
    } else if (!put_literal_load(a, is_double ? A64_LDR_D_LITERAL : A64_LDR_S_LITERAL, reg, bits,
                                 NULL)) {
        a64_constant(a, A64_X17, bits);
        a64_rr(a, is_double ? A64_FMOV_D_X : A64_FMOV_S_W, false, reg, A64_X17);
    }
}

/* Constants that repeat 1, 2, 4 or 8 bytes have instructions with 8 bits of them. */
static bool put_repeated(struct a64_asm *a, unsigned reg, uint64_t v)
{
    static const struct {
        uint16_t form;
        uint8_t bits, last; /* of one part; the last position of the 8 bits */
        bool inverts;
    } rows[] = {{A64_MOVI_16B, 8, 0, false}, {A64_MOVI_8H, 16, 8, false},
                {A64_MVNI_8H, 16, 8, true},  {A64_MOVI_4S, 32, 24, false},
                {A64_MVNI_4S, 32, 24, true}, {A64_MOVI_2D, 64, 0, false},
                {A64_FMOV_4S, 32, 0, false}, {A64_FMOV_2D, 64, 0, false}};
    for (unsigned n = 0; n < ARRAY_COUNT(rows); n++) {
        unsigned bits = rows[n].bits;
        uint64_t mask = UINT64_MAX >> (64 - bits);
        if (v != (v & mask) * (UINT64_MAX / mask)) {
            continue;
        }
        for (unsigned amount = 0; amount <= rows[n].last; amount += 8) {
            uint64_t part = ((rows[n].inverts ? ~v : v) & mask);
            struct a64_insn i = {.form = rows[n].form, .regs = {(uint8_t)reg}};
            uint32_t word;
            i.amount = (uint8_t)amount;
            i.imm = part >> amount;
            if (i.imm << amount == part && a64_encode(&i, &word)) {
                a64_put_word(a, word);
                return true;
            }
        }
    }
    return false;
}

void a64_vector_constant(struct a64_asm *a, unsigned reg, uint64_t lo, uint64_t hi)
{
    if (hi == 0) {
        a64_float_constant(a, reg, lo, true); /* clears the upper half */
    } else if ((lo != hi || !put_repeated(a, reg, lo)) &&
               !put_literal_load(a, A64_LDR_Q_LITERAL, reg, lo, &hi)) {
        a64_constant(a, A64_X17, lo);
        a64_rr(a, A64_FMOV_D_X, false, reg, A64_X17);
        a64_constant(a, A64_X17, hi);
        a64_put(a,
                &(struct a64_insn){
                    .form = A64_INS, .option = 3, .amount = 1, .regs = {(uint8_t)reg, 0, A64_X17}});
    }
}

/* ---- Addresses ---- */

void a64_add(struct a64_asm *a, unsigned to, unsigned from, int64_t value)
{
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    unsigned form = value < 0 ? A64_SUB_IMM : A64_ADD_IMM;
    if (magnitude >> 24 != 0) {
        a64_constant(a, A64_X17, (uint64_t)value);
        a64_put(a, &(struct a64_insn){.form = A64_ADD_EXT,
                                      .wide = true,
                                      .option = A64_UXTX,
                                      .regs = {(uint8_t)to, (uint8_t)from, A64_X17}});
        return;
    }
    if (magnitude > 4095 || (value == 0 && to != from)) {
        a64_rri(a, form, true, to, from, magnitude & 0xfff000);
        from = to;
    }
    if (magnitude % 4096 != 0) {
        a64_rri(a, form, true, to, from, magnitude % 4096);
    }
}

static bool try_access(struct a64_asm *a, unsigned form, unsigned data, unsigned base,
                       int64_t offset, int trap)
{
    struct a64_insn i = {
        .form = (uint16_t)form, .regs = {(uint8_t)data, (uint8_t)base}, .imm = (uint64_t)offset};
    uint32_t word;
    if (offset < -256 || offset >> a64_access_log2(form) > 4095) { /* 9 bits, or 12 scaled ones */
        return false;
    }
    if (!a64_encode(&i, &word)) {
        i.form = (uint16_t)(form + A64_UNSCALED);
        if (!a64_encode(&i, &word)) {
            return false;
        }
    }
    if (trap >= 0) {
        a64_row(a, JIT_ROW_TRAP, (unsigned)trap);
    }
    a64_put_word(a, word);
    return true;
}

/* If the offset is too far for the access, add it to the base first: all of it, or the part that
 * the access cannot hold. */
void a64_access(struct a64_asm *a, unsigned form, unsigned data, unsigned base, int64_t offset,
                int trap)
{
    if (try_access(a, form, data, base, offset, trap)) {
        return;
    }
    int64_t low = offset & 4095;
    bool fits = (low & ((INT64_C(1) << a64_access_log2(form)) - 1)) == 0 || low < 256;
    a64_add(a, A64_X17, base, fits ? offset - low : offset);
    (void)try_access(a, form, data, A64_X17, fits ? low : 0, trap);
}
