// SPDX-License-Identifier: MIT
//
// Atomic accesses. The front-end has made sure that the address is aligned.
#include "arch/x86_64/jit/select_internal.h"

/* The type of the value that is accessed. */
static unsigned type_of(const struct selector *s, const struct ir_instr *i)
{
    return i->op == IR_ATOMIC_STORE ? select_instr(s, i->b)->type : i->type;
}

static unsigned bytes_of(const struct selector *s, const struct ir_instr *i)
{
    return ir_access_size(s->f->memrefs[i->c].access, type_of(s, i));
}

static struct address address_of(struct selector *s, const struct ir_instr *i)
{
    return x86_make_address(s, i, s->f->locations[s->at], bytes_of(s, i));
}

static bool has_users(const struct selector *s)
{
    return s->values[s->at].vreg != VREG_NONE;
}

/* The register for a result of `bytes` bytes that its user wants extended: a new one if it has to
 * be extended by another instruction. */
static uint32_t raw_result(struct selector *s, unsigned bytes)
{
    return bytes >= 4 && has_users(s) ? select_result(s) : select_temp(s, VCLASS_INT, 8);
}

static void extend(struct selector *s, uint32_t raw, unsigned bytes)
{
    if (bytes >= 4 || !has_users(s)) {
        return;
    }
    struct draft d = x86_draft_new(bytes == 1 ? X86_OP_MOVZX8 : X86_OP_MOVZX16, 4);
    x86_draft_def(&d, select_result(s));
    x86_draft_use(&d, raw);
    x86_draft_emit(s, &d);
}

/* xchg, or a locked xadd. */
static void exchange(struct selector *s, enum x86_op op, uint32_t value)
{
    const struct ir_instr *i = select_instr(s, s->at);
    unsigned bytes = bytes_of(s, i);
    uint32_t raw = raw_result(s, bytes);
    struct address a = address_of(s, i);
    struct draft d = x86_draft_new(op, bytes);
    x86_draft_def_tied(&d, raw);
    x86_draft_use(&d, value);
    x86_draft_address(&d, &a);
    x86_draft_emit(s, &d);
    extend(s, raw, bytes);
}

static uint32_t negative(struct selector *s, uint32_t value)
{
    uint32_t r = select_temp(s, VCLASS_INT, 8);
    struct draft d = x86_draft_new(X86_OP_NEG, 8);
    x86_draft_def_tied(&d, r);
    x86_draft_use(&d, select_reg(s, value));
    x86_draft_emit(s, &d);
    return r;
}

/* The result is not used: one instruction. */
static void update_blindly(struct selector *s, const struct ir_instr *i)
{
    static const uint8_t ops[] = {X86_OP_ATOMIC_ADD_TO, X86_OP_ATOMIC_SUB_TO, X86_OP_ATOMIC_AND_TO,
                                  X86_OP_ATOMIC_OR_TO, X86_OP_ATOMIC_XOR_TO};
    uint64_t bits;
    struct address a = address_of(s, i);
    struct draft d = x86_draft_new(ops[i->op - IR_ATOMIC_ADD], bytes_of(s, i));
    x86_draft_address(&d, &a);
    if (select_const(s, i->b, &bits) && x86_fits_imm32(bits, d.small.size)) {
        x86_draft_imm(&d, bits);
    } else {
        x86_draft_use(&d, select_reg(s, i->b));
    }
    x86_draft_emit(s, &d);
}

static void update(struct selector *s, const struct ir_instr *i)
{
    static const uint8_t ops[] = {X86_OP_UPDATE_AND, X86_OP_UPDATE_OR, X86_OP_UPDATE_XOR};
    struct address a = address_of(s, i);
    struct draft d = x86_draft_new(ops[i->op - IR_ATOMIC_AND], bytes_of(s, i));
    x86_draft_operand(&d, select_result(s), VDEF_EARLY, VAT_FIXED, X86_RAX);
    x86_draft_address(&d, &a);
    x86_draft_use(&d, select_reg(s, i->b));
    x86_draft_emit(s, &d);
}

static void compare_exchange(struct selector *s, const struct ir_instr *i)
{
    const uint32_t *values = s->f->pool + i->b;
    struct address a = address_of(s, i);
    struct draft d = x86_draft_new(X86_OP_COMPARE_EXCHANGE, bytes_of(s, i));
    x86_draft_operand(&d, has_users(s) ? select_result(s) : select_temp(s, VCLASS_INT, 8), VDEF,
                      VAT_FIXED, X86_RAX);
    x86_draft_operand(&d, select_reg(s, values[0]), VUSE, VAT_FIXED, X86_RAX);
    x86_draft_address(&d, &a);
    x86_draft_use(&d, select_reg(s, values[1]));
    x86_draft_emit(s, &d);
}

static void load(struct selector *s, const struct ir_instr *i)
{
    static const uint8_t ops[] = {
        [1] = X86_OP_MOVZX8, [2] = X86_OP_MOVZX16, [4] = X86_OP_MOV, [8] = X86_OP_MOV};
    unsigned bytes = bytes_of(s, i);
    struct address a = address_of(s, i);
    struct draft d = x86_draft_new(ops[bytes], bytes == 8 ? 8 : 4);
    x86_draft_def(&d, select_result(s));
    x86_draft_address(&d, &a);
    x86_draft_emit(s, &d);
}

static void fence(struct selector *s)
{
    struct draft d = x86_draft_new(X86_OP_FENCE, 4);
    x86_draft_emit(s, &d);
}

bool x86_select_atomic(struct selector *s)
{
    const struct ir_instr *i = select_instr(s, s->at);
    switch (i->op) {
    case IR_ATOMIC_LOAD:
        load(s, i);
        return true;
    case IR_ATOMIC_STORE:
    case IR_ATOMIC_SWAP:
        exchange(s, X86_OP_SWAP, select_reg(s, i->b));
        return true;
    case IR_ATOMIC_COMPARE_SWAP:
        compare_exchange(s, i);
        return true;
    case IR_FENCE:
        fence(s);
        return true;
    default:
        break;
    }
    if (!has_users(s)) {
        update_blindly(s, i);
    } else if (i->op == IR_ATOMIC_ADD) {
        exchange(s, X86_OP_EXCHANGE_ADD, select_reg(s, i->b));
    } else if (i->op == IR_ATOMIC_SUB) {
        exchange(s, X86_OP_EXCHANGE_ADD, negative(s, i->b));
    } else {
        update(s, i);
    }
    return true;
}
