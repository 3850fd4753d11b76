// SPDX-License-Identifier: MIT
//
// The verifier's decoder of AArch64: the fields that it returns, and the words that it refuses.
// jit/verify_decode_check.py checks that it agrees with an assembler.
#include "kernel/lib/compiler.h"
#include "tests/unit/jit/a64_forms.h"
#include "tests/unit/jit/verify_decoded.h"

#define AT 0x100u

static bool decode(uint32_t word, struct verify_insn *out)
{
    return decode_exactly(&verify_aarch64, &word, sizeof word, AT, out);
}

/* ---- Accepted words ---- */

/* True if the encoder supports the instruction, but the compiler never emits it. */
static bool is_never_written(const struct a64_insn *i)
{
    switch (i->form) {
    case A64_STP_X_PRE:
    case A64_LDP_X_POST: /* except for the frame record */
        return true;
    case A64_BR:
    case A64_BLR:
        return i->regs[0] == 31;
    case A64_RET:
        return i->regs[0] != 30;
    case A64_B_COND:
        return i->option >= A64_AL;
    case A64_LDP_X:
    case A64_LDP_Q:
        return i->regs[0] == i->regs[1];
    default:
        return false;
    }
}

static void decode_form(const struct a64_insn *i, const uint32_t *word)
{
    struct verify_insn got;
    if (word == NULL) {
        return;
    }
    bool accepted = decode_one(&verify_aarch64, (const uint8_t *)word, 4, AT, &got);
    if (accepted == is_never_written(i) || (accepted && (got.length != 4 || got.at != AT))) {
        fail_msg("%08x %s: %s", *word, a64_forms[i->form].text, accepted ? "accepted" : "refused");
    }
}

static void test_every_form_is_decoded(void **state)
{
    (void)state;
    a64_forms_each(decode_form);
}

static const struct {
    uint32_t word;
    const char *text;
} decoded[] = {
    /* sub sp, sp, #0x1000 */
    {0xd14007ff, "sub.64 d=31 a=31 imm=4096 flags=2"},
    /* cmp w1, #7 */
    {0x71001c3f, "compare.32 a=1 imm=7 flags=2"},
    /* cmn w1, #1 */
    {0x3100043f, "compare.32 a=1 imm=-1 flags=2"},
    /* subs x16, x16, #1 */
    {0xf1000610, "sub.64 d=16 a=16 imm=1 flags=18"},
    /* add x0, x27, w1, uxtw #3 */
    {0x8b214f60, "add.64 d=0 a=27 b=1 extend=1 shift=3"},
    /* add x0, sp, x17, uxtx */
    {0x8b3163e0, "add.64 d=0 a=31 b=17"},
    /* add x0, x1, w2, sxtw */
    {0x8b22c020, "add.64 d=0 a=1 b=2 extend=3"},
    /* add x0, x1, x2, lsr #3; bic x0, x1, x2; madd x0, x1, x2, x3 */
    {0x8b420c20, "add.64 d=0 a=1 b=2 extend=2 shift=3"},
    {0x8a220020, "and.64 d=0 a=1 b=2 extend=3"},
    {0x9b020c20, "mul.64 d=0 a=1 b=2 c=3"},
    /* mov x0, x1; mov w0, w1 */
    {0xaa0103e0, "move.64 d=0 b=1 bytes=8"},
    {0x2a0103e0, "move.32 d=0 b=1 bytes=4"},
    /* sxtw x0, w1 */
    {0x93407c20, "move.64 d=0 b=1 bytes=4 flags=4"},
    /* movn w0, #1; movz x0, #2, lsl #48; movk w0, #3, lsl #16; mov w0, #0xff00ff */
    {0x12800020, "const.32 d=0 imm=4294967294 flags=2"},
    {0xd2e00040, "const.64 d=0 imm=562949953421312 flags=2"},
    {0x72a00060, "insert.32 d=0 a=0 imm=3 shift=16 flags=2"},
    {0x32009fe0, "const.32 d=0 imm=16711935 flags=2"},
    /* lsr w0, w1, #4; lsl x0, x1, #4; and w0, w1, #0xff; ubfx x0, x1,
     * #8, #5; ubfiz x0, x1, #8, #5 */
    {0x53047c20, "shr.32 d=0 a=1 imm=4 flags=2"},
    {0xd37cec20, "shl.64 d=0 a=1 imm=4 flags=2"},
    {0x53001c20, "and.32 d=0 a=1 imm=255 flags=2"},
    {0xd3483020, "field.64 d=0 a=1 shift=5"},
    {0xd3781020, "field.64 d=0 a=1 shift=13"},
    /* ubfiz x0, x1, #3, #32 */
    {0xd37d7c20, "shl.64 d=0 a=1 imm=3 extend=1 flags=2"},
    /* cset w0, lo; csetm x17, ne; csel x0, x1, x2, hi */
    {0x1a9f27e0, "set.32 d=0 cond=2"},
    {0xda9f03f1, "number.64 d=17 a=32 b=32 cond=0 flags=128"},
    {0x9a828020, "select.64 d=0 a=1 b=2 cond=4"},
    /* mul w0, w1, w2; msub w0, w1, w2, wzr */
    {0x1b027c20, "mul.32 d=0 a=1 b=2"},
    {0x1b02fc20, "number.32 d=0 a=1 b=2 c=32"},
    /* ldr x0, [x27, w1, uxtw #3]; ldrsh w0, [x1, #-1]; strb wzr, [sp, #4095]; ldr q1, [x0, #16] */
    {0xf8615b60, "load.64 d=0 base=27 index=1 scale=3 bytes=8 extend=1 flags=1"},
    {0x78dff020, "load.32 d=0 base=1 disp=-1 bytes=2 flags=5"},
    {0x393fffff, "store.32 a=32 base=31 disp=4095 bytes=1 flags=1"},
    {0x3dc00401, "load.128 base=0 disp=16 bytes=16 flags=9"},
    /* ldar x0, [x1]; ldaxrb w0, [x1]; stlr w0, [sp]; stlxr w17, w1, [x16] */
    {0xc8dffc20, "load.64 d=0 base=1 bytes=8 flags=1"},
    {0x085ffc20, "load.32 d=0 base=1 bytes=1 flags=1"},
    {0x889fffe0, "exchange.32 a=0 base=31 bytes=4 flags=1"},
    {0x8811fe01, "exchange.32 d=17 a=1 base=16 bytes=4 flags=1"},
    /* ldaddal w0, w1, [x2]; swpalh w0, w1, [x2]; casal x0, x1, [sp]; dmb ish;
     * dmb ishst */
    {0xb8e00041, "exchange.32 d=1 a=0 base=2 bytes=4 flags=1"},
    {0x78e08041, "exchange.32 d=1 a=0 base=2 bytes=2 flags=1"},
    {0xc8e0ffe1, "exchange.64 d=0 a=1 c=0 base=31 bytes=8 flags=1"},
    {0xd5033bbf, "nop.64"},
    {0xd5033abf, "nop.64"},
    /* ldr xzr, [x17]; ldr x0, [x1, x2, sxtx] */
    {0xf940023f, "load.64 d=32 base=17 bytes=8 flags=1"},
    {0xf862e820, "load.64 d=0 base=1 index=2 bytes=8 extend=3 flags=1"},
    /* stp x19, x20, [x29, #-16]; ldp q8, q9, [x29, #-32] */
    {0xa93f53b3, "store_pair.64 a=19 c=20 base=29 disp=-16 bytes=8 flags=1"},
    {0xad7f27a8, "load_pair.128 base=29 disp=-32 bytes=16 flags=9"},
    /* stp x29, x30, [sp, #-16]!; ldp x29, x30, [sp], #16; ret */
    {0xa9bf7bfd, "push.64 a=29 c=30 bytes=8 imm=16"},
    {0xa8c17bfd, "pop.64 d=29 c=30 bytes=8 imm=16"},
    {0xd65f03c0, "return.64 a=30"},
    /* ldr x7, #8; ldr d7, #-8; adr x16, #16 */
    {0x58000047, "literal.64 d=7 bytes=8 imm=264"},
    {0x5cffffc7, "literal.64 bytes=8 imm=248 flags=8"},
    {0x10000090, "address.64 d=16 imm=272"},
    /* b #-512; bl #8; b.hs #8; cbnz x9, #8; tbz x9, #33, #8; br x16; blr x17 */
    {0x17ffff80, "jump.32 imm=-256"},
    {0x94000002, "call.64 imm=264"},
    {0x54000042, "branch.32 imm=264 cond=3"},
    {0xb5000049, "branch_zero.64 a=9 imm=264 cond=1"},
    {0xb6080049, "branch_bit.64 a=9 imm=264 shift=33 cond=0"},
    {0xd61f0200, "jump_table.64 a=16"},
    {0xd63f0220, "call_to.64 b=17"},
    /* nop; bti c; bti j; brk #3 */
    {0xd503201f, "nop.64"},
    {0xd503245f, "pad.64"},
    {0xd503249f, "pad_jump.64"},
    {0xd4200060, "trap.64"},
    /* fadd d0, d1, d2; fcmp s1, s2; scvtf d0, x1; fcvtzs w0, d1 */
    {0x1e622820, "nop.32"},
    {0x1e222020, "use.32 flags=16"},
    {0x9e620020, "use.64 a=1"},
    {0x1e780020, "number.32 d=0"},
    /* ldr q3, #8; ld1r into lanes of 16 bits, from x3, and of 64, from sp */
    {0x9c000043, "literal.128 bytes=16 imm=264 flags=8"},
    {0x4d40c462, "load.16 base=3 bytes=2 flags=9"},
    {0x4d40cfe2, "load.64 base=31 bytes=8 flags=9"},
    /* umov of lanes of 8 and 64 bits; smov of 16 */
    {0x0e073c41, "number.32 d=1"},
    {0x4e183c41, "number.64 d=1"},
    {0x0e0e2c41, "number.32 d=1"},
    /* dup of w2 and of x2; ins of x2, and of a lane */
    {0x4e040c41, "use.32 a=2"},
    {0x4e080c41, "use.64 a=2"},
    {0x4e181c41, "use.64 a=2"},
    {0x6e0c0441, "nop.32"},
    /* sqadd of lanes of 8 bits; umlal of 32; tbl of two registers */
    {0x4e230c41, "nop.32"},
    {0x2ea38041, "nop.32"},
    {0x4e0123c0, "nop.32"},
};

static void test_selection_prefixes_and_their_effect(void **state)
{
    (void)state;
    for (size_t n = 0; n < ARRAY_COUNT(decoded); n++) {
        struct verify_insn got;
        char seen[256];
        if (!decode(decoded[n].word, &got)) {
            fail_msg("%08x is refused", decoded[n].word);
        }
        decoded_text(&got, seen);
        assert_string_equal(seen, decoded[n].text);
        assert_int_equal(got.length, 4);
    }
}

/* ---- Refused words ---- */

static const struct {
    uint32_t word;
    const char *text;
} forbidden[] = {
    {0xd4000001, "svc #0"},
    {0xd4000002, "hvc #0"},
    {0xd4000003, "smc #0"},
    {0xd4400000, "hlt #0"},
    {0xd4a00001, "dcps1"},
    {0xd69f03e0, "eret"},
    {0xd6bf03e0, "drps"},
    {0xd65f0000, "ret x0"},
    {0xd65f0bff, "retaa"},
    {0xd71f0801, "braa x0, x1"},
    {0xd73f0801, "blraa x0, x1"},
    {0xd61f03e0, "br xzr"},
    {0xd53b4200, "mrs x0, nzcv"},
    {0xd53bd040, "mrs x0, tpidr_el0"},
    {0xd51bd040, "msr tpidr_el0, x0"},
    {0xd5184100, "msr sp_el0, x0"},
    {0xd50342df, "msr daifset, #2"},
    {0xd50040bf, "msr spsel, #0"},
    {0xd50b7420, "dc zva, x0"},
    {0xd50b7e20, "dc civac, x0"},
    {0xd508751f, "ic iallu"},
    {0xd50b7520, "ic ivau, x0"},
    {0xd508871f, "tlbi vmalle1"},
    {0xd5087800, "at s1e1r, x0"},
    {0xd5033f9f, "dsb sy"},
    {0xd5033fbf, "dmb sy"},
    {0xd50339bf, "dmb ishld"},
    {0xd5033fdf, "isb"},
    {0xd503207f, "wfi"},
    {0xd503205f, "wfe"},
    {0xd503209f, "sev"},
    {0xd503203f, "yield"},
    {0xd503241f, "bti"},
    {0xd50324df, "bti jc"},
    {0xd503233f, "paciasp"},
    {0xd50323bf, "autiasp"},
    {0xd503229f, "csdb"},
    {0xdac143e0, "xpaci x0"},
    {0x90000000, "adrp x0, #0"},
    {0xc85f7c20, "ldxr x0, [x1]"},
    {0xc8027c20, "stxr w2, x0, [x1]"},
    {0xc8007c20, "stxr w0, x0, [x1]"},
    {0xc800fc20, "stlxr w0, x0, [x1]"},
    {0xc801fc20, "stlxr w1, x0, [x1]"},
    {0xc8df7c20, "ldlar x0, [x1]"},
    {0xc87f8440, "ldaxp x0, x1, [x2]"},
    {0x88e07c41, "casa w0, w1, [x2]"},
    {0xb8bfc020, "ldapr w0, [x1]"},
    {0xb8e04041, "ldsmaxal w0, w1, [x2]"},
    {0xc8a07c41, "cas x0, x1, [x2]"},
    {0xf8200041, "ldadd x0, x1, [x2]"},
    {0xf8208041, "swp x0, x1, [x2]"},
    {0xf81f0c20, "str x0, [x1, #-16]!"},
    {0xf8008420, "str x0, [x1], #8"},
    {0xf8408420, "ldr x0, [x1], #8"},
    {0xf8410c20, "ldr x0, [x1, #16]!"},
    {0xf8000820, "sttr x0, [x1]"},
    {0xf8400820, "ldtr x0, [x1]"},
    {0xf9800020, "prfm pldl1keep, [x1]"},
    {0xf8a26820, "prfm pldl1keep, [x1, x2]"},
    {0xf8618820, "ldr x0, [x1, option 100]"},
    {0xf8610800, "ldr x0, [x0, option 000]"},
    {0xa9bf7bfe, "stp x30, x30, [sp, #-16]!"},
    {0xa9be7bfd, "stp x29, x30, [sp, #-32]!"},
    {0xa9bf7b9d, "stp x29, x30, [x28, #-16]!"},
    {0xa9bf53f3, "stp x19, x20, [sp, #-16]!"},
    {0xa8c27bfd, "ldp x29, x30, [sp], #32"},
    {0xa8817bfd, "stp x29, x30, [sp], #16"},
    {0xa9c17bfd, "ldp x29, x30, [sp, #16]!"},
    {0xa8417bfd, "ldnp x29, x30, [sp, #16]"},
    {0xa9400020, "ldp x0, x0, [x1]"},
    {0x29400440, "ldp w0, w1, [x2]"},
    {0x69400440, "ldpsw x0, x1, [x2]"},
    {0x6d400440, "ldp d0, d1, [x2]"},
    {0x18000040, "ldr w0, #8"},
    {0x98000040, "ldrsw x0, #8"},
    {0xd8000040, "prfm pldl1keep, #8"},
    {0x3d400020, "ldr b0, [x1]"},
    {0x7d400020, "ldr h0, [x1]"},
    {0x4c407020, "ld1 {v0.16b}, [x1]"},
    {0x4c007020, "st1 {v0.16b}, [x1]"},
    {0x5400004e, "b.al #8"},
    {0x54000050, "bc.eq #8"},
    {0x91c00000, "add with shift 3 of 64 bits"},
    {0x11c00420, "add with shift 3"},
    {0x0b028020, "add w0, w1, w2, lsl #32"},
    {0x8bc20020, "add x0, x1, x2, ror #0"},
    {0x8b221420, "add x0, x1, w2, uxtb #5"},
    {0x8b620020, "add extended with bit 22 set"},
    {0x12400020, "and w0, w1 of 64 bits"},
    {0x9240fc20, "and x0, x1, all ones"},
    {0x1200fc20, "and w0, w1, a run as long as its element"},
    {0x32800000, "the second of wide moves"},
    {0x52c00000, "movz w0, #0, lsl #32"},
    {0x53407c20, "ubfm w of 64 bits"},
    {0xd3007c20, "ubfm x without N"},
    {0x53208020, "ubfm w0, w1, #32"},
    {0x73000020, "the fourth of bit fields"},
    {0x13c20020, "extr x without sf"},
    {0x93828020, "extr without N"},
    {0x6a220020, "bics w0, w1, w2"},
    {0x1a020020, "adc w0, w1, w2"},
    {0xda020020, "sbc x0, x1, x2"},
    {0xba000400, "rmif x0, #0, #0"},
    {0x9ac24c20, "crc32x w0, w1, x2"},
    {0x9ac01020, "irg x0, x1, x0"},
    {0x9ac03000, "pacga x0, x0, x0"},
    {0x5ac00400, "rev16 w0, w0"},
    {0xdac00c00, "rev x0, x0"},
    {0x5ac01400, "cls w0, w0"},
    {0x1e23c020, "fcvt h0, s1"},
    {0x1ee24020, "fcvt s0, h1"},
    {0x1e264020, "frinta s0, s1"},
    {0x1e274020, "frintx s0, s1"},
    {0x1e226820, "fmaxnm s0, s1, s2"},
    {0x1e228820, "fnmul s0, s1, s2"},
    {0x1f020820, "fmadd s0, s1, s2, s2"},
    {0x1e222030, "fcmpe s1, s2"},
    {0x1e222028, "fcmp s1, #0.0 with a register"},
    {0x1e200410, "fccmpe s0, s0, #0, eq"},
    {0x1e200020, "fcvtns w0, s1"},
    {0x1e300020, "fcvtms w0, s1"},
    {0x9eae0020, "fmov x0, v1.d[1]"},
    {0x0ea01c00, "orr v0.8b, v0.8b, v0.8b"},
    {0x0e628420, "add v0.4h, v1.4h, v2.4h"},
    {0x5ee28420, "add d0, d1, d2"},
    {0x4ee29c20, "mul v0.2d, v1.2d, v2.2d"},
    {0x6e22b420, "sqrdmulh v0.16b, v1.16b, v2.16b"},
    {0x4e62b420, "sqdmulh v0.8h, v1.8h, v2.8h"},
    {0x0f528020, "mul v0.4h, v1.4h, v2.h[1]"},
    {0x4f829020, "fmul v0.4s, v1.4s, v2.s[0]"},
    {0x4e22dc20, "fmulx v0.4s, v1.4s, v2.4s"},
    {0x6e22d420, "faddp v0.4s, v1.4s, v2.4s"},
    {0x6e829420, "udot v0.4s, v1.16b, v2.16b"},
    {0x0e22e020, "pmull v0.8h, v1.8b, v2.8b"},
    {0x0ee2c020, "smull of lanes of 64 bits"},
    {0x4e024020, "tbl v0.16b, {v1.16b, v2.16b, v3.16b}, v2.16b"},
    {0x4e021020, "tbx v0.16b, {v1.16b}, v2.16b"},
    {0x0e020020, "tbl v0.8b, {v1.16b}, v2.8b"},
    {0x0e023820, "zip1 v0.8b, v1.8b, v2.8b"},
    {0x4e020820, "a permutation with opcode 0"},
    {0x2e020820, "ext v0.8b, v1.8b, v2.8b, #1"},
    {0x6e605820, "rbit v0.16b, v1.16b"},
    {0x6ea00820, "rev32 of lanes of 32 bits"},
    {0x2e616820, "fcvtxn v0.2s, v1.2d"},
    {0x0e216820, "fcvtn v0.4h, v1.4s"},
    {0x6e219820, "frintx v0.4s, v1.4s"},
    {0x4ea1c820, "urecpe v0.4s, v1.4s"},
    {0x4ef1b820, "addv of lanes of 64 bits"},
    {0x0f00e420, "movi v0.8b, #1"},
    {0x4f001420, "orr v0.4s, #1"},
    {0x4f00c420, "movi v0.4s, #1, msl #8"},
    {0x4f00fc20, "fmov v0.8h, #2.125"},
    {0x6f3f4420, "sri v0.4s, v1.4s, #1"},
    {0x0f0f8420, "shrn v0.8b, v1.8h, #1"},
    {0x0f3f0420, "sshr v0.2s, v1.2s, #1"},
    {0x4f40a420, "sshll2 from lanes of 64 bits"},
    {0x4e032c20, "smov x0, v1.b[1]"},
    {0x4e0c2c20, "smov x0, v1.s[1]"},
    {0x4e043c20, "umov of 32 bits with bit 30 set"},
    {0x0e040c20, "dup v0.2s, w1"},
    {0x4e100c20, "dup of no size"},
    {0x6e040c20, "ins with a bit below the number of its lane"},
    {0x4e284820, "aese v0.16b, v1.16b"},
    {0x5e280820, "sha1h s0, s1"},
    {0x0d400420, "ld1 {v0.b}[1], [x1]"},
    {0x4ddfc020, "ld1r {v0.16b}, [x1], #1"},
    {0x4dc0c020, "ld1r {v0.16b}, [x1], x0"},
    {0x0d40c020, "ld1r {v0.8b}, [x1]"},
    {0x4d60c020, "ld2r {v0.16b, v1.16b}, [x1]"},
    {0xdc000040, "the fourth of literals of vectors"},
    {0x05e00000, "of SVE"},
    {0x00000000, "udf #0"},
    {0x00000001, "udf #1"},
    {0xffffffff, "nothing"},
};

static void test_forbidden_instructions_are_refused(void **state)
{
    (void)state;
    for (size_t n = 0; n < ARRAY_COUNT(forbidden); n++) {
        struct verify_insn got;
        if (decode(forbidden[n].word, &got)) {
            fail_msg("%08x: %s", forbidden[n].word, forbidden[n].text);
        }
    }
}

static void test_a_part_of_a_word_is_refused(void **state)
{
    (void)state;
    const uint32_t nop = 0xd503201f;
    struct verify_insn got;
    for (uint32_t left = 1; left < 4; left++) {
        assert_false(decode_exactly(&verify_aarch64, &nop, left, AT, &got));
    }
    assert_true(decode(nop, &got));
}

/* ---- Loops that decode as one instruction ---- */

/* Accepted only as a whole, with no bit changed except those of `free`. */
static void check_loop(const uint32_t *loop, uint32_t count, const char *text, unsigned first_op,
                       uint32_t free)
{
    struct verify_insn got;
    char seen[256];
    uint32_t size = 4 * count;
    assert_true(decode_exactly(&verify_aarch64, loop, size, AT, &got));
    decoded_text(&got, seen);
    assert_string_equal(seen, text);
    assert_int_equal(got.length, size);
    for (uint32_t left = 4; left < size; left++) {
        assert_true(decode_exactly(&verify_aarch64, loop, left, AT, &got));
        assert_int_equal(got.op, first_op);
    }
    for (unsigned bit = 0; bit < 32 * count; bit++) {
        uint32_t other[4];
        memcpy(other, loop, size);
        other[bit / 32] ^= 1u << bit % 32;
        bool is_free = bit / 32 == 1 && (free >> bit % 32 & 1) != 0;
        bool accepted = decode_exactly(&verify_aarch64, other, size, AT, &got);
        assert_int_equal(accepted && got.length == size, is_free);
    }
}

static void test_a_loop_is_one_instruction(void **state)
{
    (void)state;
    static const uint32_t probes[] = {0xd1402231, 0xf940023f, 0xf1000610, 0x54ffffa1};
    /* sub x17, x17, #16; str q31, [x8, x17]; cbnz x17 */
    static const uint32_t clears[] = {0xd1004231, 0x3cb1691f, 0xb5ffffd1};
    check_loop(probes, ARRAY_COUNT(probes),
               "probe_loop.64 d=17 a=16 bytes=8 imm=32768 extra=4 flags=16", VERIFY_SUB, 0);
    check_loop(clears, ARRAY_COUNT(clears), "clear_loop.64 a=17 base=8 bytes=16 imm=16", VERIFY_SUB,
               0x3e0);
}

/* ---- Jumps through tables ---- */

static bool find(const uint32_t *words, uint32_t count, struct verify_table *out)
{
    struct verify_insn insns[16];
    uint32_t n = decode_all(&verify_aarch64, (const uint8_t *)words, 4 * count, AT, insns);
    assert_int_equal(n, count);
    return verify_aarch64.find_table(insns, n, (const uint8_t *)(words + n - 1), out);
}

/* cmp w3, #5; b.hs; adr x16, #16; ldrsw x17, [x16, w3, uxtw #2]; add x16, x16, x17; br x16 */
static const uint32_t table_jump[6] = {0x7100147f, 0x54000102, 0x10000090,
                                       0xb8a35a11, 0x8b110210, 0xd61f0200};

static void test_a_jump_through_a_table_is_recognised(void **state)
{
    (void)state;
    struct verify_table t;
    assert_true(find(table_jump, 6, &t));
    assert_int_equal(t.first, AT + 24);
    assert_int_equal(t.origin, t.first);
    assert_int_equal(t.count, 5);
    assert_int_equal(t.index, 3);
    assert_int_equal(t.extend, VERIFY_LOW_HALF);
    assert_int_equal(t.compare, 0);
    assert_int_equal(t.from, 0);
}

static void test_any_other_register_may_be_the_index(void **state)
{
    (void)state;
    for (uint32_t reg = 0; reg < 32; reg++) {
        uint32_t words[6];
        struct verify_table t;
        memcpy(words, table_jump, sizeof words);
        words[0] = 0x7100141f | reg << 5; /* cmp w, #5 */
        words[3] = 0xb8a05a11 | reg << 16;
        bool scratch = reg == 16 || reg == 17 || reg == 31;
        assert_int_equal(find(words, 6, &t), !scratch);
        assert_true(scratch || t.index == reg);
    }
}

static void test_the_length_of_a_table_may_be_a_constant_before(void **state)
{
    (void)state;
    struct verify_table t;
    /* nop; movz w17, #0x1001; cmp w3, w17 */
    uint32_t one[8] = {0xd503201f, 0x52820031, 0x6b11007f};
    /* movz w17, #0x1234; movk w17, #0x5, lsl #16; cmp w3, w17 */
    uint32_t two[8] = {0x52824691, 0x72a000b1, 0x6b11007f};
    memcpy(one + 3, table_jump + 1, 20);
    memcpy(two + 3, table_jump + 1, 20);
    assert_true(find(one, 8, &t));
    assert_int_equal(t.count, 0x1001);
    assert_int_equal(t.compare, 2);
    assert_int_equal(t.from, 1);
    assert_true(find(two, 8, &t));
    assert_int_equal(t.count, 0x51234);
    assert_int_equal(t.from, 0);
    two[1] = 0xd503201f; /* between them: breaks the sequence */
    assert_false(find(two, 8, &t));
    two[1] = 0x72a000b0; /* movk w16 */
    assert_false(find(two, 8, &t));
    two[0] = 0x52824690; /* movz w16; movk w17 */
    two[1] = 0x72a000b1;
    assert_false(find(two, 8, &t));
}

static void test_the_default_of_a_table_may_be_far(void **state)
{
    (void)state;
    struct verify_table t;
    uint32_t far[7] = {0x7100147f, 0x54000043, 0x14100000}; /* cmp; b.lo over; b default */
    memcpy(far + 3, table_jump + 2, 16);
    assert_true(find(far, 7, &t));
    assert_int_equal(t.first, AT + 28);
    assert_int_equal(t.compare, 0);
    far[1] = 0x54000063; /* to after the adr */
    assert_false(find(far, 7, &t));
    far[1] = 0x54000042; /* b.hs over it */
    assert_false(find(far, 7, &t));
}

static void test_a_jump_that_differs_is_not_recognised(void **state)
{
    (void)state;
    static const struct {
        uint8_t at;
        uint32_t word;
        const char *text;
    } others[] = {
        {0, 0xf100147f, "64 bits are compared"},
        {0, 0x7100149f, "another register is compared"},
        {0, 0x7100007f, "no entry"},
        {0, 0x6b04007f, "compared with a register"},
        {1, 0x54000108, "b.hi"},
        {1, 0x5400010a, "b.ge"},
        {1, 0x14000008, "b"},
        {2, 0x10000091, "adr x17"},
        {2, 0x10000070, "adr x16, #12"},
        {2, 0x100000b0, "adr x16, #20"},
        {3, 0xb8637a11, "ldr w17, lsl"},
        {3, 0xb8a37a11, "ldrsw with all of x3"},
        {3, 0xb8a3da11, "ldrsw, sxtw"},
        {3, 0xb8a34a11, "ldrsw, not scaled"},
        {3, 0xb8a45a11, "another index"},
        {3, 0xb8a35a31, "another base"},
        {3, 0xb8a35a10, "into x16"},
        {3, 0xb8b05a11, "x16 as index"},
        {3, 0xb8b15a11, "x17 as index"},
        {4, 0x0b110210, "add w16"},
        {4, 0xcb110210, "sub"},
        {4, 0x8b110610, "add, lsl #1"},
        {4, 0x8b120210, "add x18"},
        {4, 0x8b11022f, "into x15"},
        {5, 0xd61f0220, "br x17"},
    };
    for (size_t n = 0; n < ARRAY_COUNT(others); n++) {
        uint32_t words[6];
        struct verify_table t;
        memcpy(words, table_jump, sizeof words);
        words[others[n].at] = others[n].word;
        if (find(words, 6, &t)) {
            fail_msg("%s", others[n].text);
        }
    }
}

static void test_a_jump_in_pieces_is_not_recognised(void **state)
{
    (void)state;
    struct verify_insn insns[6];
    struct verify_table t;
    const uint8_t *last = (const uint8_t *)&table_jump[5];
    assert_int_equal(decode_all(&verify_aarch64, (const uint8_t *)table_jump, 24, AT, insns), 6);
    for (uint32_t from = 1; from < 6; from++) {
        assert_false(verify_aarch64.find_table(insns + from, 6 - from, last, &t));
    }
    for (unsigned n = 1; n < 6; n++) {
        for (unsigned k = n; k < 6; k++) {
            insns[k].at += 4;
        }
        insns[2].imm += n <= 2 || n == 5 ? 4 : 0;
        assert_false(verify_aarch64.find_table(insns, 6, last, &t));
        assert_int_equal(decode_all(&verify_aarch64, (const uint8_t *)table_jump, 24, AT, insns),
                         6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form_is_decoded),
        cmocka_unit_test(test_selection_prefixes_and_their_effect),
        cmocka_unit_test(test_forbidden_instructions_are_refused),
        cmocka_unit_test(test_a_part_of_a_word_is_refused),
        cmocka_unit_test(test_a_loop_is_one_instruction),
        cmocka_unit_test(test_a_jump_through_a_table_is_recognised),
        cmocka_unit_test(test_any_other_register_may_be_the_index),
        cmocka_unit_test(test_the_length_of_a_table_may_be_a_constant_before),
        cmocka_unit_test(test_the_default_of_a_table_may_be_far),
        cmocka_unit_test(test_a_jump_that_differs_is_not_recognised),
        cmocka_unit_test(test_a_jump_in_pieces_is_not_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
