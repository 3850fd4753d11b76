// SPDX-License-Identifier: MIT
//
// Hand-written machine code for the register allocator's tests; the
// operations are random_vcode.c's.
#pragma once

#include "kernel/jit/codegen/vcode.h"

/** Maximum size of an arena in these tests, in bytes. */
#define SMALL_VCODE_LIMIT ((size_t)2 << 30)

static inline uint32_t define_value(struct vcode *v)
{
    uint32_t vreg = vcode_vreg(v, VCLASS_INT, 8);
    vcode_instr(v, &(struct vinstr){.op = 0});
    vcode_operand(v, vreg, VDEF, VAT_REG, 0);
    return vreg;
}

static inline void use_value(struct vcode *v, uint32_t vreg)
{
    vcode_instr(v, &(struct vinstr){.op = 9});
    vcode_operand(v, vreg, VUSE, VAT_REG, 0);
}

static inline void end_with_jump(struct vcode *v, uint32_t block)
{
    vcode_instr(v, &(struct vinstr){.op = 3, .flags = VI_TERMINATOR});
    vcode_block_end(v, block, false);
}

static inline void end_with_branch(struct vcode *v, uint32_t block, uint32_t condition)
{
    vcode_instr(v, &(struct vinstr){.op = 3, .flags = VI_TERMINATOR});
    vcode_operand(v, condition, VUSE, VAT_REG, 0);
    vcode_block_end(v, block, false);
}

static inline uint32_t begin_block(struct vcode *v)
{
    uint32_t block = vcode_block(v);
    vcode_block_start(v, block);
    return block;
}
