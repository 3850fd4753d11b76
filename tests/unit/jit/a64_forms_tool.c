// SPDX-License-Identifier: MIT
//
// Prints every form of the AArch64 encoder with registers and immediates at their edges, a line
// each: the word that the encoder makes (or "-", if it refuses) and the text that an assembler
// should make the same of. Then what asm.h completes by itself: branches to labels, near and far,
// and loads of literals. compare_with_llvm_mc.py asks one.
#include "arch/aarch64/jit/asm.h"
#include "kernel/lib/compiler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const conds[] = {"eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc",
                                    "hi", "ls", "ge", "lt", "gt", "le", "al"};
static const char *const shifts[] = {"lsl", "lsr", "asr", "ror"};
static const char *const extends[] = {"uxtb", "uxth", "uxtw", "uxtx",
                                      "sxtb", "sxth", "sxtw", "sxtx"};
static const uint8_t reg_edges[] = {0, 1, 9, 15, 16, 17, 30, 31};

static bool is_x(const struct a64_insn *i)
{
    return (i->option & 3) == 3;
}

static void print_general(bool wide, unsigned reg, bool last_is_zero)
{
    char c = wide ? 'x' : 'w';
    if (reg == 31 && last_is_zero) {
        printf("%czr", c);
    } else if (reg == 31) {
        printf("%s", wide ? "sp" : "wsp");
    } else {
        printf("%c%u", c, reg);
    }
}

static void print_register(const struct a64_insn *i, char kind, unsigned reg)
{
    switch (kind) {
    case 'r':
        print_general(i->wide, reg, true);
        break;
    case 's':
        print_general(i->wide, reg, false);
        break;
    case 'x':
        print_general(true, reg, true);
        break;
    case 'w':
        print_general(false, reg, true);
        break;
    case 'p':
        print_general(true, reg, false);
        break;
    case 'e':
        print_general(is_x(i), reg, true);
        break;
    case 'u':
        print_general(i->amount >= 32, reg, true);
        break;
    case 'f':
        printf("%c%u", i->is_double ? 'd' : 's', reg);
        break;
    default:
        printf("%c%u", kind == 't' ? 's' : kind, reg);
        break;
    }
}

static void print_float(const struct a64_insn *i)
{
    if (i->is_double) {
        double d;
        memcpy(&d, &i->imm, sizeof(d));
        printf("%.17g", d);
    } else {
        float f;
        memcpy(&f, &i->imm, sizeof(f));
        printf("%.9g", (double)f);
    }
}

static bool is_offset(enum a64_imm kind)
{
    return kind == A64_IMM_S9 || (kind >= A64_IMM_PAIR3 && kind <= A64_IMM_TEST14) ||
           kind == A64_IMM_ADR;
}

static void print_immediate(const struct a64_insn *i, enum a64_imm kind)
{
    if (kind == A64_IMM_FLOAT8) {
        print_float(i);
    } else if (is_offset(kind)) {
        printf("%lld", (long long)i->imm);
    } else {
        printf("0x%llx", (unsigned long long)i->imm);
    }
}

static void print_option(const struct a64_insn *i, enum a64_imm kind)
{
    if (kind == A64_IMM_SHIFT3 || kind == A64_IMM_SHIFT4) {
        printf("%s #%u", shifts[i->option], i->amount);
    } else if (kind == A64_IMM_EXTEND) {
        printf("%s #%u", extends[i->option], i->amount);
    } else if (i->option != A64_UXTX || i->amount != 0) { /* of an index: a plain one has no text */
        printf(", %s", i->option == A64_UXTX ? "lsl" : extends[i->option]);
        if (i->amount != 0) {
            printf(" #%u", i->amount);
        }
    }
}

static void print_text(const struct a64_insn *i)
{
    enum a64_imm kind = (enum a64_imm)a64_forms[i->form].imm;
    for (const char *t = a64_forms[i->form].text; *t != '\0'; t++) {
        if (*t != '%') {
            putchar(*t);
            continue;
        }
        char what = *++t;
        if (what == 'i') {
            print_immediate(i, kind);
        } else if (what == 'a') {
            printf("%u", i->amount);
        } else if (what == 'c') {
            printf("%s", conds[i->option]);
        } else if (what == 'o') {
            print_option(i, kind);
        } else {
            print_register(i, what, i->regs[*++t - '0']);
        }
    }
    putchar('\n');
}

static void print_word(uint32_t word, const struct a64_insn *i)
{
    printf("%08x ", word);
    print_text(i);
}

static bool show(const struct a64_insn *i)
{
    uint32_t word = 0;
    bool encodes = a64_encode(i, &word);
    if (encodes) {
        print_word(word, i);
    } else {
        printf("- ");
        print_text(i);
    }
    return encodes;
}

/* Each register at its edges in turn, then all of them 0 and 31. A pair has to differ. */
static void each_register(struct a64_insn i)
{
    unsigned count = (unsigned)strlen(a64_forms[i.form].regs);
    memcpy(i.regs, (const uint8_t[]){2, 3, 4, 5}, 4);
    if (!show(&i)) {
        return; /* no register makes an immediate fit */
    }
    for (unsigned n = 0; n < count; n++) {
        for (unsigned e = 0; e < ARRAY_COUNT(reg_edges); e++) {
            memcpy(i.regs, (const uint8_t[]){2, 3, 4, 5}, 4);
            i.regs[n] = reg_edges[e];
            show(&i);
        }
    }
    memset(i.regs, 0, 4);
    if (a64_forms[i.form].imm != A64_IMM_PAIR3 && a64_forms[i.form].imm != A64_IMM_PAIR4) {
        show(&i);
        memset(i.regs, 31, 4);
        show(&i);
    }
}

static void each_imm(struct a64_insn i, const int64_t *edges, unsigned count)
{
    for (unsigned n = 0; n < count; n++) {
        i.imm = (uint64_t)edges[n];
        each_register(i);
    }
}

#define EACH_IMM(i, ...)                                                                           \
    each_imm(i, (const int64_t[]){__VA_ARGS__}, ARRAY_COUNT(((const int64_t[]){__VA_ARGS__})))

static void each_amount(struct a64_insn i, unsigned step, unsigned last)
{
    for (unsigned amount = 0; amount <= last; amount += step) {
        i.amount = (uint8_t)amount;
        each_register(i);
    }
}

static void each_option(struct a64_insn i, unsigned options, unsigned step, unsigned last)
{
    for (unsigned option = 0; option < options; option++) {
        i.option = (uint8_t)option;
        each_amount(i, step, last);
    }
}

/* Every logical immediate there is, and the same with one bit changed: those that are none. */
static void each_mask(struct a64_insn i)
{
    memcpy(i.regs, (const uint8_t[]){2, 3, 4, 5}, 4);
    for (unsigned size = 2; size <= (i.wide ? 64 : 32); size *= 2) {
        for (unsigned run = 1; run < size; run++) {
            for (unsigned turn = 0; turn < size; turn++) {
                uint64_t v = 0;
                for (unsigned bit = 0; bit < (i.wide ? 64u : 32u); bit++) {
                    v |= (uint64_t)((bit + turn) % size < run) << bit;
                }
                i.imm = v;
                show(&i);
                i.imm = v ^ UINT64_C(1) << (turn + run) % 31;
                show(&i);
            }
        }
    }
    i.imm = 0x8000000000000001;
    each_register(i);
    i.imm = 0x7f8;
    each_register(i);
}

static void each_float(struct a64_insn i)
{
    unsigned fraction = i.is_double ? 52 : 23, exponent = i.is_double ? 11 : 8;
    for (unsigned n = 0; n < 256; n++) {
        uint64_t e =
            (n >> 6 & 1 ? (UINT64_C(1) << (exponent - 1)) - 4 : UINT64_C(1) << (exponent - 1));
        i.imm = (uint64_t)(n >> 7) << (fraction + exponent) | (e + (n >> 4 & 3)) << fraction |
                (uint64_t)(n & 15) << (fraction - 4);
        show(&i);
        i.imm ^= UINT64_C(1) << (fraction - 5);
        show(&i);
        i.imm ^= UINT64_C(3) << (fraction - 5) | UINT64_C(8) << fraction;
        show(&i);
    }
    i.imm = i.is_double ? 0x3ff0000000000000 : 0x3f800000;
    each_register(i);
}

static void each_bitfield(struct a64_insn i)
{
    for (unsigned immr = 0; immr <= 64; immr += (immr == 0 || immr >= 62 ? 1
                                                 : immr < 30             ? 29
                                                                         : 1)) {
        i.imm = immr;
        for (unsigned imms = 0; imms <= 64; imms += imms < 30 ? 15 : 1) {
            i.amount = (uint8_t)imms;
            each_register(i);
        }
    }
}

static void each_half(struct a64_insn i)
{
    for (unsigned amount = 0; amount <= 64; amount += 8) {
        i.amount = (uint8_t)amount;
        EACH_IMM(i, 0, 1, 0x8000, 0xffff, 0x10000);
    }
}

static void each_test(struct a64_insn i)
{
    for (unsigned bit = 0; bit <= 64; bit++) {
        i.amount = (uint8_t)bit;
        EACH_IMM(i, 0, 4, -4, 32764, -32768, 32768, -32772, 2);
    }
}

static void each_ccmp(struct a64_insn i)
{
    for (unsigned option = 0; option < 15; option++) {
        i.option = (uint8_t)option;
        for (unsigned flags = 0; flags <= 16; flags += 5) {
            i.amount = (uint8_t)(flags == 15 ? 16 : flags);
            EACH_IMM(i, 0, 1, 31, 32);
        }
    }
}

/* What an assembler makes another form of is no immediate of this one's edges. */
static void each_offset(struct a64_insn i, unsigned log2)
{
    int64_t unit = (int64_t)1 << log2;
    EACH_IMM(i, 0, unit, 255 * unit, 256 * unit, 4095 * unit, 4096 * unit, 4095 * unit + 1);
}

static void each_index(struct a64_insn i)
{
    static const uint8_t options[] = {A64_UXTW, A64_UXTX, A64_SXTW, A64_SXTX};
    for (unsigned n = 0; n < ARRAY_COUNT(options); n++) {
        i.option = options[n];
        for (unsigned amount = 0; amount <= 5; amount++) {
            i.amount = (uint8_t)amount;
            each_register(i);
        }
    }
}

static void each_pair(struct a64_insn i, int64_t unit)
{
    EACH_IMM(i, 0, unit, -unit, 63 * unit, -64 * unit, 64 * unit, -65 * unit, unit / 2);
}

static void each_relative(struct a64_insn i, unsigned bits)
{
    int64_t reach = (int64_t)1 << (bits + 1);
    EACH_IMM(i, 0, 4, -4, reach - 4, -reach, reach, -reach - 4, 2);
}

static void each_extend(struct a64_insn i)
{
    for (unsigned option = 0; option < 8; option++) {
        i.option = (uint8_t)option;
        if (i.wide || (option & 3) != 3) { /* of 32 bits those are other words for lsl */
            each_amount(i, 1, 5);
        }
    }
}

static void each_immediate(struct a64_insn i)
{
    enum a64_imm kind = (enum a64_imm)a64_forms[i.form].imm;
    switch (kind) {
    case A64_IMM_NONE:
        each_register(i);
        break;
    case A64_IMM_ADD:
        EACH_IMM(i, 0, 1, 4095, 4096, 0x5000, 0xfff000, 4097, 0x1000000, 0xfff001);
        break;
    case A64_IMM_MASK:
        each_mask(i);
        break;
    case A64_IMM_HALF:
        each_half(i);
        break;
    case A64_IMM_BITS:
        each_bitfield(i);
        break;
    case A64_IMM_EXTR:
        each_amount(i, 1, 64);
        break;
    case A64_IMM_ADR:
        EACH_IMM(i, 0, 1, 2, 3, 4, -1, 0xfffff, -0x100000, 0x100000, -0x100001);
        break;
    case A64_IMM_SHIFT3:
        each_option(i, 4, 1, 64);
        break;
    case A64_IMM_SHIFT4:
        each_option(i, 4, 1, 64);
        break;
    case A64_IMM_EXTEND:
        each_extend(i);
        break;
    case A64_IMM_COND:
        each_option(i, 15, 1, 0);
        break;
    case A64_IMM_CCMP:
    case A64_IMM_CCMP5:
        each_ccmp(i);
        break;
    case A64_IMM_S9:
        EACH_IMM(i, 0, 1, -1, 255, -256, 256, -257);
        break;
    case A64_IMM_PAIR3:
        each_pair(i, 8);
        break;
    case A64_IMM_PAIR4:
        each_pair(i, 16);
        break;
    case A64_IMM_REL26:
        each_relative(i, 26);
        break;
    case A64_IMM_REL19:
        each_relative(i, 19);
        break;
    case A64_IMM_COND19:
        for (i.option = 0; i.option < 15; i.option++) {
            each_relative(i, 19);
        }
        break;
    case A64_IMM_TEST14:
        each_test(i);
        break;
    case A64_IMM_U16:
        EACH_IMM(i, 0, 1, 0xffff, 0x10000);
        break;
    case A64_IMM_FLOAT8:
        each_float(i);
        break;
    default:
        if (kind >= A64_IMM_INDEX0) {
            each_index(i);
        } else {
            each_offset(i, kind - A64_IMM_OFFSET0);
        }
        break;
    }
}

/* ---- Labels and literals ---- */

#define ARENA_LIMIT ((size_t)64 << 20)
#define REACH_19    (INT64_C(1) << 18) /* words that a field of 19 bits does not reach ahead */
#define REACH_14    (INT64_C(1) << 13)

static void put_fillers(struct a64_asm *a, int64_t words)
{
    for (int64_t n = 0; n < words; n++) {
        a64_rr(a, A64_NOP, false, 0, 0);
    }
}

/* A branch over so many words, itself one of them; or back over as many. */
static void put_branch(struct a64_asm *a, struct a64_insn i, int64_t words)
{
    do {
        a64_asm_start(a, 1);
        if (words <= 0) {
            a64_bind(a, 0);
            put_fillers(a, -words);
        }
        int64_t target = a->word_count + words;
        a64_branch(a, i, 0);
        if (words > 0) {
            put_fillers(a, target - a->word_count);
            a64_bind(a, 0);
        }
    } while (a64_asm_end(a));
    if (a->error != OK) {
        abort();
    }
}

static void branch(struct a64_insn i, int64_t words)
{
    struct arena arena;
    struct a64_asm a = {.arena = &arena};
    arena_init(&arena, ARENA_LIMIT);
    put_branch(&a, i, words);
    i.imm = (uint64_t)(words * 4);
    print_word(a.words[words > 0 ? 0 : -words], &i);
    arena_free_all(&arena);
}

/* One that does not reach is the contrary over a branch that does. */
static void far_branch(struct a64_insn i, struct a64_insn contrary, int64_t words)
{
    struct arena arena;
    struct a64_asm a = {.arena = &arena};
    const struct a64_insn jump = {.form = A64_B, .imm = (uint64_t)(words - 1) * 4};
    arena_init(&arena, ARENA_LIMIT);
    put_branch(&a, i, words);
    contrary.imm = 8;
    print_word(a.words[words > 0 ? 0 : -words], &contrary);
    print_word(a.words[words > 0 ? 1 : 1 - words], &jump);
    arena_free_all(&arena);
}

static void near_and_far(struct a64_insn i, struct a64_insn contrary, int64_t reach)
{
    branch(i, 1);
    branch(i, 0);
    branch(i, -3);
    branch(i, reach - 1);
    branch(i, -reach);
    far_branch(i, contrary, reach);
    far_branch(i, contrary, -reach - 1);
}

static void branches(void)
{
    static const uint8_t contrary[] = {1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12};
    const struct a64_insn jump = {.form = A64_B};
    branch(jump, 1);
    branch(jump, REACH_19);
    branch(jump, -REACH_19 - 1);
    for (uint8_t cond = 0; cond < ARRAY_COUNT(contrary); cond++) {
        near_and_far((struct a64_insn){.form = A64_B_COND, .option = cond},
                     (struct a64_insn){.form = A64_B_COND, .option = contrary[cond]}, REACH_19);
    }
    struct a64_insn z = {.form = A64_CBZ, .regs = {9}}, nz = {.form = A64_CBNZ, .regs = {9}};
    near_and_far(z, nz, REACH_19);
    near_and_far(nz, z, REACH_19);
    z.wide = nz.wide = true;
    near_and_far(z, nz, REACH_19);
    near_and_far(nz, z, REACH_19);
    for (uint8_t bit = 0; bit < 64; bit += 21) {
        z = (struct a64_insn){.form = A64_TBZ, .regs = {9}, .amount = bit};
        nz = (struct a64_insn){.form = A64_TBNZ, .regs = {9}, .amount = bit};
        near_and_far(z, nz, REACH_14);
        near_and_far(nz, z, REACH_14);
    }
}

/* The literal lies behind `words` words and is aligned. */
static void literal(unsigned form, int64_t words)
{
    struct arena arena;
    struct a64_asm a = {.arena = &arena};
    const struct a64_insn i = {
        .form = (uint16_t)form, .regs = {7}, .imm = (uint64_t)(words + words % 2) * 4};
    arena_init(&arena, ARENA_LIMIT);
    do {
        a64_asm_start(&a, 0);
        if (form == A64_LDR_X_LITERAL) {
            a64_constant_or_literal(&a, 7, 0x123456789abcdef1);
        } else {
            a64_float_constant(&a, 7, 0x12345678, form == A64_LDR_D_LITERAL);
        }
        put_fillers(&a, words - 1);
    } while (a64_asm_end(&a));
    print_word(a.words[0], &i);
    arena_free_all(&arena);
}

static void literals(void)
{
    static const unsigned forms[] = {A64_LDR_X_LITERAL, A64_LDR_S_LITERAL, A64_LDR_D_LITERAL};
    for (unsigned n = 0; n < ARRAY_COUNT(forms); n++) {
        literal(forms[n], 1);
        literal(forms[n], 2);
        literal(forms[n], REACH_19 - 2);
    }
}

int main(void)
{
    branches();
    literals();
    for (unsigned form = 0; form < A64_FORM_COUNT; form++) {
        unsigned width = a64_forms[form].width;
        bool has_sf = width == A64_WIDTH_SF || width == A64_WIDTH_BOTH;
        bool has_fp = width == A64_WIDTH_FP || width == A64_WIDTH_BOTH;
        for (unsigned wide = 0; wide <= has_sf; wide++) {
            for (unsigned is_double = 0; is_double <= has_fp; is_double++) {
                each_immediate((struct a64_insn){
                    .form = (uint16_t)form, .wide = wide != 0, .is_double = is_double != 0});
            }
        }
    }
    return 0;
}
