// SPDX-License-Identifier: MIT
//
// The machine as the verifier of emitted code sees it: the roles of registers, and the one sequence
// of instructions that it knows as a whole, a jump through a table. verify_decode.c and
// verify_opcodes.c have the instructions themselves. The numbers are those of the convention
// (kernel/jit/code.h), not taken from the compiler.
#include "arch/x86_64/jit/verify_internal.h"

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };
enum { TABLE_INSNS = 6 };

static bool is_contiguous(const struct verify_insn *i, unsigned count)
{
    for (unsigned n = 1; n < count; n++) {
        if (i[n].at != i[n - 1].at + i[n - 1].length) {
            return false;
        }
    }
    return true;
}

/* cmp index, count; jae default; lea r11, [rip + T]; movsxd to, [r11 + index * 4]; add to, r11;
 * jmp to */
static bool find_table(const struct verify_insn *insns, uint32_t count, const uint8_t *last,
                       struct verify_table *out)
{
    (void)last;
    if (count < TABLE_INSNS) {
        return false;
    }
    const struct verify_insn *compare = insns + count - TABLE_INSNS, *branch = compare + 1,
                             *lea = compare + 2, *load = compare + 3, *add = compare + 4,
                             *jump = compare + 5;
    uint8_t index = compare->a, to = jump->a;
    bool is_known =
        is_contiguous(compare, TABLE_INSNS) && compare->op == VERIFY_COMPARE &&
        compare->size == 4 && compare->flags == VERIFY_IMM && compare->imm > 0 && index != R11 &&
        branch->op == VERIFY_BRANCH && branch->cond == VERIFY_NOT_BELOW &&
        lea->op == VERIFY_ADDRESS && lea->d == R11 && load->op == VERIFY_LOAD && load->d == to &&
        load->size == 8 && load->bytes == 4 && load->flags == (VERIFY_MEM | VERIFY_SIGNED) &&
        load->base == R11 && load->index == index && load->scale == 2 && load->disp == 0 &&
        add->op == VERIFY_ADD && add->size == 8 && add->flags == VERIFY_FLAGS && add->d == to &&
        add->a == to && add->b == R11 && jump->op == VERIFY_JUMP_TABLE && to != R11;
    if (is_known) {
        *out = (struct verify_table){.first = (uint32_t)lea->imm,
                                     .origin = (uint32_t)lea->imm,
                                     .count = (uint32_t)compare->imm,
                                     .index = index,
                                     .extend = VERIFY_WHOLE,
                                     .from = count - TABLE_INSNS,
                                     .compare = count - TABLE_INSNS};
    }
    return is_known;
}

const struct verify_machine verify_x86_64 = {
    .unit = 1,
    .registers = 16,
    .sp = RSP,
    .fp = RBP,
    .context = R14,
    .base = R15,
    .link = VERIFY_NONE,
    .return_bytes = 8,
    .arguments = {RDI, RSI, RDX, RCX, RAX, R8, R9, R10},
    .results = {RAX, RDX, RCX, RSI},
    .helper_arguments = {RDI, RSI, RDX, RCX, R8, R9},
    .helper_result = RAX,
    .callee_saved = 1u << RBX | 1u << R12 | 1u << R13,
    .reserved = 0,
    .leaf_bytes = 4096,
    .margin = 16384,
    .decode = x86_verify_decode,
    .find_table = find_table,
};
