// SPDX-License-Identifier: MIT
//
// The machine as the verifier of emitted code sees it: the roles of registers, and the one sequence
// of instructions that it knows as a whole, a jump through a table. verify_decode.c and
// verify_operate.c have the instructions themselves. The numbers are those of the convention
// (kernel/jit/code.h), not taken from the compiler.
#include "arch/aarch64/jit/verify_internal.h"

#include "kernel/lib/endian.h"

enum { SCRATCH = 16, SCRATCH_2 = 17, BEFORE_MAX = 8 };

/* By their number before the jump. */
static uint32_t word(const uint8_t *last, uint32_t number)
{
    return load_le32(last - 4 * (size_t)number);
}

/* adr x16, T; ldrsw x17, [x16, wI, uxtw #2]; add x16, x16, x17; br x16; T: */
static bool is_tail(const uint8_t *last, uint8_t *index)
{
    uint32_t load = word(last, 2);
    *index = (uint8_t)field(load, 16, 5);
    return word(last, 3) == 0x10000090 && (load & 0xffe0ffff) == 0xb8a05a11 &&
           word(last, 1) == 0x8b110210 && word(last, 0) == 0xd61f0200 && *index != SCRATCH &&
           *index != SCRATCH_2 && *index != 31;
}

/* b.hs to the default; or, if that is far, b.lo over a jump to it. @return how many; 0: neither. */
static uint32_t branches_before(const uint8_t *last, uint32_t before)
{
    if ((word(last, 4) & 0xff00001f) == 0x54000002) {
        return 1;
    }
    return before > 5 && word(last, 4) >> 26 == 5 && word(last, 5) == 0x54000043 ? 2 : 0;
}

/* What w17 is made of, by one or two instructions. @return how many; 0: neither. */
static uint32_t constant_before(const struct verify_insn *compare, uint32_t before, uint32_t *out)
{
    if (before < 1 || compare[-1].d != SCRATCH_2) {
        return 0;
    }
    const struct verify_insn *one = compare - 1;
    if (one->op == VERIFY_CONST) {
        *out = (uint32_t)one->imm;
        return 1;
    }
    if (before < 2 || one->op != VERIFY_INSERT || compare[-2].op != VERIFY_CONST ||
        compare[-2].d != SCRATCH_2) {
        return 0;
    }
    const struct verify_insn *two = compare - 2;
    uint64_t hole = UINT64_C(0xffff) << one->shift;
    *out = (uint32_t)(((uint64_t)two->imm & ~hole) | (uint64_t)one->imm << one->shift);
    return 2;
}

/* cmp wI, #entries; or cmp wI, w17. @param used  How many instructions before it belong to it. */
static bool is_compare(uint32_t w, const struct verify_insn *compare, uint32_t before,
                       uint32_t *entries, uint32_t *used, uint8_t index)
{
    uint32_t left = (uint32_t)index << 5;
    *entries = field(w, 10, 12) << (field(w, 22, 1) * 12);
    *used = 0;
    if ((w & 0xff8003ff) == (0x7100001f | left)) {
        return true;
    }
    *used = w == (0x6b11001f | left) ? constant_before(compare, before, entries) : 0;
    return *used != 0;
}

static bool find_table(const struct verify_insn *insns, uint32_t count, const uint8_t *last,
                       struct verify_table *out)
{
    uint32_t jump = count - 1, before = 0; /* how many words follow one another */
    while (before < BEFORE_MAX && before < jump &&
           insns[jump - before - 1].at + 4 * (before + 1) == insns[jump].at) {
        before++;
    }
    uint8_t index;
    uint32_t branches = before < 5 || !is_tail(last, &index) ? 0 : branches_before(last, before);
    uint32_t number = 4 + branches, entries, used;
    if (branches == 0 || before < number ||
        !is_compare(word(last, number), &insns[jump - number], before - number, &entries, &used,
                    index)) {
        return false;
    }
    *out = (struct verify_table){.first = insns[jump].at + 4,
                                 .origin = insns[jump].at + 4,
                                 .count = entries,
                                 .index = index,
                                 .extend = VERIFY_LOW_HALF,
                                 .from = jump - number - used,
                                 .compare = jump - number};
    return entries != 0;
}

const struct verify_machine verify_aarch64 = {
    .unit = 4,
    .registers = 32,
    .sp = 31,
    .fp = 29,
    .context = 28,
    .base = 27,
    .link = 30,
    .return_bytes = 0,
    .arguments = {0, 1, 2, 3, 4, 5, 6, 7},
    .results = {0, 1, 2, 3},
    .helper_arguments = {0, 1, 2, 3, 4, 5},
    .helper_result = 0,
    .callee_saved = 0x07f80000, /* x19 to x26 */
    .reserved = 1u << 18,       /* the platform's */
    .leaf_bytes = 4096,
    .margin = 16384,
    .decode = a64_verify_decode,
    .find_table = find_table,
};
