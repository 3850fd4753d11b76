// SPDX-License-Identifier: MIT
//
// The machine as the verifier of emitted code sees it: the roles of registers, and the one sequence
// of instructions that it knows as a whole, a jump through a table. verify_decode.c and
// verify_operate.c have the instructions themselves. The numbers are those of the convention
// (kernel/jit/code.h), not taken from the compiler.
#include "arch/aarch64/jit/verify_internal.h"

enum { SCRATCH = 16, SCRATCH_2 = 17, TABLE_WORDS = 4 };

static bool follows(const struct verify_insn *i)
{
    return i[1].at == i->at + i->length;
}

/* adr x16, T; ldrsw x17, [x16, wI, uxtw #2]; add x16, x16, x17; br x16; T: */
static bool is_tail(const struct verify_insn *i, uint8_t *index)
{
    const struct verify_insn *adr = i, *load = i + 1, *add = i + 2, *jump = i + 3;
    *index = load->index;
    return follows(adr) && follows(load) && follows(add) && adr->op == VERIFY_ADDRESS &&
           adr->d == SCRATCH && adr->imm == (int64_t)jump->at + jump->length &&
           load->op == VERIFY_LOAD && load->d == SCRATCH_2 && load->size == 8 && load->bytes == 4 &&
           (load->flags & VERIFY_SIGNED) != 0 && load->base == SCRATCH && load->disp == 0 &&
           load->index < 31 && load->index != SCRATCH && load->index != SCRATCH_2 &&
           load->extend == VERIFY_LOW_HALF && load->scale == 2 && add->op == VERIFY_ADD &&
           add->size == 8 && add->d == SCRATCH && add->a == SCRATCH && add->b == SCRATCH_2 &&
           add->flags == 0 && add->extend == VERIFY_WHOLE && add->shift == 0 &&
           jump->op == VERIFY_JUMP_TABLE && jump->a == SCRATCH;
}

/* b.hs to the default; or, if that is far, b.lo over a jump to it. @return instructions before the
 * adr, 0: neither. */
static uint32_t branches_before(const struct verify_insn *adr, uint32_t count)
{
    const struct verify_insn *last = adr - 1;
    if (count >= 1 && follows(last) && last->op == VERIFY_BRANCH &&
        last->cond == VERIFY_NOT_BELOW) {
        return 1;
    }
    bool far = count >= 2 && follows(last) && last->op == VERIFY_JUMP && follows(last - 1) &&
               last[-1].op == VERIFY_BRANCH && last[-1].cond == VERIFY_BELOW &&
               last[-1].imm == (int64_t)adr->at;
    return far ? 2 : 0;
}

/* cmp wI, #count; or the count in x17 before, by one or two instructions. 0: neither.
 * @param used  How many instructions before the comparison. */
static uint32_t compared_with(const struct verify_insn *compare, uint32_t before, uint8_t index,
                              uint32_t *used)
{
    *used = 0;
    if (!follows(compare) || compare->op != VERIFY_COMPARE || compare->size != 4 ||
        compare->a != index) {
        return 0;
    }
    if ((compare->flags & VERIFY_IMM) != 0) {
        return (uint32_t)compare->imm;
    }
    if (compare->b != SCRATCH_2 || compare->shift != 0 || compare->extend != VERIFY_WHOLE) {
        return 0;
    }
    const struct verify_insn *last = compare - 1;
    if (before >= 1 && follows(last) && last->op == VERIFY_CONST && last->d == SCRATCH_2) {
        *used = 1;
        return (uint32_t)last->imm;
    }
    if (before < 2 || !follows(last) || !follows(last - 1) || last->op != VERIFY_INSERT ||
        last->d != SCRATCH_2 || last[-1].op != VERIFY_CONST || last[-1].d != SCRATCH_2) {
        return 0;
    }
    *used = 2;
    uint64_t hole = UINT64_C(0xffff) << last->shift;
    return (uint32_t)(((uint64_t)last[-1].imm & ~hole) | (uint64_t)last->imm << last->shift);
}

static bool find_table(const struct verify_insn *insns, uint32_t count, struct verify_table *out)
{
    uint8_t index;
    if (count < TABLE_WORDS || !is_tail(insns + count - TABLE_WORDS, &index)) {
        return false;
    }
    uint32_t adr = count - TABLE_WORDS, branches = branches_before(insns + adr, adr);
    if (branches == 0 || adr <= branches) {
        return false;
    }
    uint32_t compare = adr - branches - 1, used;
    uint32_t entries = compared_with(insns + compare, compare, index, &used);
    if (entries == 0) {
        return false;
    }
    uint32_t table = (uint32_t)insns[adr].imm;
    *out = (struct verify_table){.first = table,
                                 .origin = table,
                                 .count = entries,
                                 .index = index,
                                 .extend = VERIFY_LOW_HALF,
                                 .from = compare - used,
                                 .compare = compare};
    return true;
}

const struct verify_machine verify_aarch64 = {
    .unit = 4,
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
