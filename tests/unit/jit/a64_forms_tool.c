// SPDX-License-Identifier: MIT
//
// Prints every form of the AArch64 encoder with its extreme registers and immediates, a line each:
// the encoder's word (or "-", if it refuses) and the text that an assembler should translate to the
// same word. Then the code that asm.h generates itself: branches to labels, near and far, and loads
// of literals. compare_with_llvm_mc.py runs the assembler.
#include "arch/aarch64/jit/asm.h"
#include "kernel/lib/compiler.h"
#include "tests/unit/jit/a64_forms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const conds[] = {"eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc",
                                    "hi", "ls", "ge", "lt", "gt", "le", "al"};
static const char *const shifts[] = {"lsl", "lsr", "asr", "ror"};
static const char *const extends[] = {"uxtb", "uxth", "uxtw", "uxtx",
                                      "sxtb", "sxth", "sxtw", "sxtx"};

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

static char lane_letter(const struct a64_insn *i)
{
    return "bhsd"[i->option & 3];
}

/* Of an atomic access: the register says the rest. */
static const char *access_suffix(const struct a64_insn *i)
{
    return i->option == 0 ? "b" : i->option == 1 ? "h" : "";
}

/* The lanes of 128 bits; N: of 64 bits; M: of 128 bits, of twice the size. */
static const char *lanes_text(const struct a64_insn *i, char kind)
{
    static const char *const all[] = {"16b", "8h", "4s", "2d", "1q"};
    static const char *const half[] = {"8b", "4h", "2s", "1d"};
    return kind == 'V'   ? all[2 + i->is_double]
           : kind == 'N' ? half[i->option & 3]
                         : all[(i->option & 3) + (kind == 'M')];
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
    case 'z':
        printf("%c%u", lane_letter(i), reg);
        break;
    case 'A':
    case 'y':
        print_general(i->option == 3, reg, true);
        break;
    default:
        printf("%c%u", kind == 't' ? 's' : kind, reg);
        break;
    }
}

static void print_float(const struct a64_insn *i, enum a64_imm kind)
{
    if (kind == A64_IMM_FLOAT8 ? i->is_double : kind == A64_IMM_FLOAT8_D) {
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
    if (kind >= A64_IMM_FLOAT8 && kind <= A64_IMM_FLOAT8_D) {
        print_float(i, kind);
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
        /* of an index; a plain index has no text */
    } else if (i->option != A64_UXTX || i->amount != 0) {
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
        } else if (what == 'S') {
            printf("%s", access_suffix(i));
        } else if (what == 'B') {
            putchar(lane_letter(i));
        } else if (what >= 'L' && what <= 'V') {
            printf("%s", lanes_text(i, what));
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

static void show(const struct a64_insn *i, const uint32_t *word)
{
    if (word != NULL) {
        print_word(*word, i);
    } else {
        printf("- ");
        print_text(i);
    }
}

/* ---- Labels and literals ---- */

#define ARENA_LIMIT ((size_t)64 << 20)
#define REACH_19    (INT64_C(1) << 18) /* words: just out of reach of a 19-bit field */
#define REACH_14    (INT64_C(1) << 13)

static void put_fillers(struct a64_asm *a, int64_t words)
{
    for (int64_t n = 0; n < words; n++) {
        a64_rr(a, A64_NOP, false, 0, 0);
    }
}

/* A branch over this many words, including itself; or back over as many. */
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

/* A branch out of reach becomes the inverse condition around an unconditional branch. */
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

/* The literal follows after `words` words and is aligned. */
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
    a64_forms_each(show);
    return 0;
}
