// SPDX-License-Identifier: MIT
//
// An upper bound of a value, as far as the instructions that compute it tell: enough to prove that
// an index does not wrap around.
#include "kernel/jit/codegen/select.h"

#include "kernel/lib/compiler.h"

#define MAX_DEPTH 6 /* longest chain of instructions that is followed */

static uint64_t largest_loaded(const struct selector *s, const struct ir_instr *i)
{
    switch (s->f->memrefs[i->c].access) {
    case IR_ACCESS_8_U:
        return UINT8_MAX;
    case IR_ACCESS_16_U:
        return UINT16_MAX;
    default:
        return UINT32_MAX;
    }
}

/* Shifts by a constant. */
static uint64_t largest_shifted(const struct ir_instr *i, uint64_t largest, uint64_t count)
{
    uint64_t left = largest << (count & 31);
    if (i->op == IR_SHR_U) {
        return largest >> (count & 31);
    }
    return left <= UINT32_MAX ? left : UINT32_MAX;
}

/* Follows first operands only, so it is one walk without
 * recursion. The way back needs only the constants. */
uint32_t select_largest(const struct selector *s, uint32_t value)
{
    const struct ir_instr *chain[MAX_DEPTH];
    uint64_t constants[MAX_DEPTH], largest = UINT32_MAX, bits;
    unsigned depth = 0;
    const struct ir_instr *i = select_instr(s, value);
    bool follows = true;
    while (follows && depth < MAX_DEPTH) {
        follows = (i->op == IR_AND || i->op == IR_SHL || i->op == IR_SHR_U || i->op == IR_ADD) &&
                  i->type == IR_I32 && select_const(s, i->b, &constants[depth]);
        if (follows) {
            chain[depth++] = i;
            i = select_instr(s, i->a);
        }
    }
    if (i->op == IR_LOAD && i->type == IR_I32) {
        largest = largest_loaded(s, i);
    } else if (i->type == IR_I32 && select_const(s, (uint32_t)(i - s->f->instrs), &bits)) {
        largest = bits;
    } else if (i->op >= IR_EQZ && i->op <= IR_LE_U) {
        largest = 1;
    }
    while (depth-- > 0) {
        uint64_t constant = constants[depth];
        if (chain[depth]->op == IR_AND) {
            largest = MIN(largest, constant);
        } else if (chain[depth]->op == IR_ADD) {
            largest = largest + constant <= UINT32_MAX ? largest + constant : UINT32_MAX;
        } else {
            largest = largest_shifted(chain[depth], largest, constant);
        }
    }
    return (uint32_t)largest;
}
