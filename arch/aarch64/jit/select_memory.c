// SPDX-License-Identifier: MIT
//
// Loads and stores: the choice of instruction and of addressing mode.
#include "arch/aarch64/jit/select_internal.h"

/* A fault this close to address 0 means a null reference, because nothing is mapped there. */
#define NULL_REACH 4096u

/** The address of an access, as operands of its instruction. */
struct address {
    uint64_t offset;
    uint32_t base, index;   /* VREG_NONE: none */
    uint8_t fixed;          /* instead of a base: byte for vinstr.extra */
    uint8_t option, amount; /* of the index */
    bool traps;
    uint8_t trap;
};

static struct address at_register(uint32_t base, uint64_t offset)
{
    return (struct address){.offset = offset, .base = base, .index = VREG_NONE};
}

static struct address at_fixed(unsigned fixed, uint64_t offset)
{
    return (struct address){
        .offset = offset, .base = VREG_NONE, .index = VREG_NONE, .fixed = (uint8_t)fixed};
}

/* ---- Instructions ---- */

/* For an integer of this type. @return the first of the three forms. */
static unsigned integer_load(unsigned access, unsigned type)
{
    bool wide = ir_type_size(type) == 8;
    switch ((enum ir_access)access) {
    case IR_ACCESS_8_S:
        return wide ? A64_LDRSB_X : A64_LDRSB_W;
    case IR_ACCESS_8_U:
        return A64_LDRB;
    case IR_ACCESS_16_S:
        return wide ? A64_LDRSH_X : A64_LDRSH_W;
    case IR_ACCESS_16_U:
        return A64_LDRH;
    case IR_ACCESS_32_S:
        return A64_LDRSW;
    case IR_ACCESS_32_U:
        return A64_LDR_W;
    default:
        return wide ? A64_LDR_X : A64_LDR_W;
    }
}

static unsigned integer_store(unsigned bytes)
{
    switch (bytes) {
    case 1:
        return A64_STRB;
    case 2:
        return A64_STRH;
    case 4:
        return A64_STR_W;
    default:
        return A64_STR_X;
    }
}

static unsigned float_form(unsigned type, bool stores)
{
    switch (type) {
    case IR_F32:
        return stores ? A64_STR_S : A64_LDR_S;
    case IR_F64:
        return stores ? A64_STR_D : A64_LDR_D;
    default:
        return stores ? A64_STR_Q : A64_LDR_Q;
    }
}

/* ---- Places ---- */

/* Load [x28 + offset]. */
static uint32_t load_from_context(struct selector *s, uint64_t offset)
{
    uint32_t result = a64_temp(s);
    struct a64_new n = a64_new(s, A64_LDR_X, 0);
    n.i.extra = A64_EXTRA(1, A64_IN(A64_CONTEXT));
    n.i.imm = offset;
    a64_def(&n, result);
    a64_done(&n);
    return result;
}

static void add_base(struct a64_new *n, const struct address *a)
{
    if (a->fixed != 0) {
        n->i.extra |= A64_EXTRA(1, a->fixed);
    } else {
        a64_use(n, a->base);
    }
}

/* base + extended index, as a value to which an offset can be added. */
static uint32_t add_index(struct selector *s, const struct address *a)
{
    uint32_t sum = a64_temp(s);
    struct a64_new n = a64_new(
        s, A64_ADD_EXT, A64_SMALL_WIDE | A64_SMALL_OPTION(a->option) | A64_SMALL_AMOUNT(a->amount));
    a64_def(&n, sum);
    add_base(&n, a);
    a64_use(&n, a->index);
    a64_done(&n);
    return sum;
}

static void trap_always(struct selector *s, enum ir_trap trap)
{
    struct a64_condition c = {.cond = A64_AL};
    a64_trap_if(s, &c, trap);
}

/* For an access beyond the guard: compare its end,
 * which cannot wrap in 64 bits, with the length. */
static void check_length(struct selector *s, uint32_t index, const struct ir_memory *m,
                         uint64_t offset, unsigned bytes)
{
    if (offset > INT64_MAX) {
        trap_always(s, IR_TRAP_MEMORY);
        return;
    }
    uint32_t where = load_from_context(s, m->length), length = a64_temp(s);
    a64_emit_imm(s, A64_LDR_X, 0, length, where, 0);
    uint32_t above = a64_temp(s), end = a64_temp(s);
    a64_emit_const(s, above, offset + bytes);
    a64_emit2(s, A64_ADD_EXT, A64_SMALL_WIDE | A64_SMALL_OPTION(A64_UXTW), end, above, index);
    struct a64_condition c = {.form = A64_SUBS_REG,
                              .small = A64_SMALL_WIDE,
                              .regs = {end, length},
                              .count = 2,
                              .cond = A64_HI};
    a64_trap_if(s, &c, IR_TRAP_MEMORY);
}

/* The address in memory 0, for an index that needs no check. */
static struct address indexed_address(struct selector *s, const struct a64_index *x)
{
    if (x->sum != VREG_NONE) {
        return at_register(x->sum, x->offset);
    }
    struct address a =
        x->table != VREG_NONE ? at_register(x->table, 0) : at_fixed(A64_IN(A64_BASE), x->offset);
    a.index = a64_low(s, x->value);
    a.option = A64_UXTW;
    a.amount = x->shift;
    return a;
}

/* Another memory, a constant index, or an access that may end beyond the guard. */
static struct address other_address(struct selector *s, const struct ir_instr *i,
                                    const struct ir_memref *p, unsigned bytes)
{
    const struct ir_memory *m = &s->f->module->memories[p->number];
    bool is_guarded = a64_is_guarded(s, p, bytes);
    struct address a = at_fixed(A64_IN(A64_BASE), p->offset);
    uint64_t constant;
    if (p->number != 0) {
        a.fixed = 0;
        a.base = load_from_context(s, m->base);
    }
    if (!is_guarded) {
        check_length(s, a64_low(s, i->a), m, p->offset, bytes);
    }
    if (is_guarded && select_const(s, i->a, &constant)) {
        a.offset += constant;
    } else {
        a.index = a64_low(s, i->a);
        a.option = A64_UXTW;
    }
    return a;
}

static struct address memory_address(struct selector *s, const struct ir_instr *i,
                                     const struct ir_memref *p, unsigned bytes)
{
    struct a64_index x;
    struct address a = a64_index(s, &x) ? indexed_address(s, &x) : other_address(s, i, p, bytes);
    a.traps = true;
    a.trap = IR_TRAP_MEMORY;
    return a;
}

static struct address slot_address(struct selector *s, const struct ir_memref *p)
{
    uint32_t align = s->f->slots[p->number].align;
    if (align <= 16) {
        return at_fixed(A64_AREA_LOCAL, s->slot_at[p->number] + p->offset);
    }
    uint32_t start = a64_temp(s);
    a64_emit_slot(s, start, p->number);
    return at_register(start, p->offset);
}

static struct address object_address(struct selector *s, const struct ir_instr *i,
                                     const struct ir_memref *p)
{
    uint32_t object = select_reg(s, i->a);
    struct address a = at_register(object, p->offset);
    a.traps = p->offset < NULL_REACH;
    a.trap = IR_TRAP_NULL;
    if (!a.traps) {
        a64_trap_if_zero(s, object, A64_SMALL_WIDE, IR_TRAP_NULL);
    }
    return a;
}

/* A sum without other users becomes part of the access; its second operand may be shifted by the
 * size of an element. */
static struct address plain_address(struct selector *s, const struct ir_instr *i,
                                    const struct ir_memref *p, unsigned bytes)
{
    const struct ir_instr *sum = select_instr(s, i->a);
    uint64_t c;
    if (p->offset != 0 || sum->op != IR_ADD || !select_is_single(s, i->a) ||
        select_const(s, sum->b, &c) || select_const(s, sum->a, &c)) {
        return at_register(select_reg(s, i->a), p->offset);
    }
    struct address a = at_register(a64_low(s, sum->a), 0);
    const struct ir_instr *scaled = select_instr(s, sum->b);
    a.option = A64_UXTX;
    if (scaled->op == IR_SHL && select_is_single(s, sum->b) && select_const(s, scaled->b, &c) &&
        c != 0 && UINT64_C(1) << (c & 63) == bytes) {
        a.amount = (uint8_t)c;
        a.index = a64_low(s, scaled->a);
    } else {
        a.index = a64_low(s, sum->b);
    }
    return a;
}

static struct address address_of(struct selector *s, const struct ir_instr *i, unsigned type)
{
    const struct ir_memref *p = &s->f->memrefs[i->c];
    unsigned bytes = ir_access_size(p->access, type);
    switch ((enum ir_space)p->space) {
    case IR_SPACE_MEMORY:
        return memory_address(s, i, p, bytes);
    case IR_SPACE_CONTEXT:
        return at_fixed(A64_IN(A64_CONTEXT), p->offset);
    case IR_SPACE_SLOT:
        return slot_address(s, p);
    case IR_SPACE_OBJECT:
        return object_address(s, i, p);
    default:
        return plain_address(s, i, p, bytes);
    }
}

/* ---- Accesses ---- */

static void set_trap(struct a64_new *n, const struct address *a)
{
    if (a->traps) {
        n->i.flags = VI_TRAPS;
        n->i.trap = a->trap;
    }
}

/* If `data` is VREG_NONE, it is the zero register. */
static void emit_access(struct selector *s, unsigned form, uint32_t data, bool stores,
                        struct address *a)
{
    bool is_scaled = a->amount == 0 || a->amount == a64_access_log2(form);
    if (a->index != VREG_NONE && (a->offset != 0 || !is_scaled)) {
        a->base = add_index(s, a);
        a->fixed = 0;
        a->index = VREG_NONE;
    }
    struct a64_new n = a64_new(s, form, 0);
    n.i.imm = a->offset;
    if (data == VREG_NONE) {
        n.i.extra = A64_EXTRA(0, A64_IN(A64_ZR));
    } else if (stores) {
        a64_use(&n, data);
    } else {
        a64_def(&n, data);
    }
    add_base(&n, a);
    if (a->index != VREG_NONE) {
        n.i.op = (uint16_t)(form + A64_INDEX);
        n.i.small = (uint16_t)(A64_SMALL_OPTION(a->option) | A64_SMALL_AMOUNT(a->amount));
        a64_use(&n, a->index);
    }
    set_trap(&n, a);
    a64_done(&n);
}

/* A load of one number, and what makes a vector of it: every lane the same, or wider lanes. */
struct widening {
    uint16_t load, form;
    uint8_t size; /* log2 of the bytes of a loaded lane */
};

static const struct widening widenings[IR_ACCESS_COUNT] = {
    [IR_ACCESS_8_SPLAT] = {A64_LDRB, A64_DUP, 0},
    [IR_ACCESS_16_SPLAT] = {A64_LDRH, A64_DUP, 1},
    [IR_ACCESS_32_SPLAT] = {A64_LDR_S, A64_DUP_LANE, 2},
    [IR_ACCESS_64_SPLAT] = {A64_LDR_D, A64_DUP_LANE, 3},
    [IR_ACCESS_8X8_S] = {A64_LDR_D, A64_VSSHLL, 0},
    [IR_ACCESS_8X8_U] = {A64_LDR_D, A64_VUSHLL, 0},
    [IR_ACCESS_16X4_S] = {A64_LDR_D, A64_VSSHLL, 1},
    [IR_ACCESS_16X4_U] = {A64_LDR_D, A64_VUSHLL, 1},
    [IR_ACCESS_32X2_S] = {A64_LDR_D, A64_VSSHLL, 2},
    [IR_ACCESS_32X2_U] = {A64_LDR_D, A64_VUSHLL, 2},
    [IR_ACCESS_32_ZERO] = {A64_LDR_S, 0, 2},
    [IR_ACCESS_64_ZERO] = {A64_LDR_D, 0, 3},
};

/* ld1r has no offset and no index. A sum that it needs costs as much as the second instruction of
 * the other way. */
static bool load_replicated(struct selector *s, const struct widening *w, struct address *a)
{
    bool is_splat = w->form == A64_DUP || w->form == A64_DUP_LANE;
    if (!is_splat || a->offset != 0 || (a->fixed != 0 && a->index == VREG_NONE)) {
        return false;
    }
    if (a->index != VREG_NONE) {
        a->base = add_index(s, a);
    }
    struct a64_new n = a64_new(s, A64_LD1R, A64_SMALL_OPTION(w->size));
    a64_def(&n, select_result(s));
    a64_use(&n, a->base);
    set_trap(&n, a);
    a64_done(&n);
    return true;
}

static void load_widened(struct selector *s, const struct ir_instr *i, const struct widening *w)
{
    struct address a = address_of(s, i, i->type);
    if (load_replicated(s, w, &a)) {
        return;
    }
    uint32_t number = w->form == 0         ? select_result(s)
                      : w->form == A64_DUP ? a64_temp(s)
                                           : a64_vector_temp(s);
    emit_access(s, w->load, number, false, &a);
    if (w->form != 0) {
        a64_emit1(s, w->form, A64_SMALL_OPTION(w->size), select_result(s), number);
    }
}

static bool select_load(struct selector *s, const struct ir_instr *i)
{
    const struct ir_memref *p = &s->f->memrefs[i->c];
    if (widenings[p->access].load != 0) {
        load_widened(s, i, &widenings[p->access]);
        return true;
    }
    bool is_int = select_class(i->type) == VCLASS_INT;
    struct address a = address_of(s, i, i->type);
    emit_access(s, is_int ? integer_load(p->access, i->type) : float_form(i->type, false),
                select_result(s), false, &a);
    return true;
}

/* A store of 16 bytes across the end of a memory must not write its first half: the architecture
 * leaves that open, and emulators do it. So its last byte is read first, unless the address is
 * aligned. */
static void touch_end(struct selector *s, struct address *a)
{
    if (a->index == VREG_NONE && a->fixed != 0 && a->offset % 16 == 0) {
        return;
    }
    if (a->index != VREG_NONE) {
        a->base = add_index(s, a);
        a->fixed = 0;
        a->index = VREG_NONE;
        a->amount = 0;
    }
    struct address last = *a;
    last.offset += 15;
    emit_access(s, A64_LDRB, VREG_NONE, false, &last);
}

static bool select_store(struct selector *s, const struct ir_instr *i)
{
    unsigned type = select_instr(s, i->b)->type;
    unsigned bytes = ir_access_size(s->f->memrefs[i->c].access, type);
    bool is_int = select_class(type) == VCLASS_INT;
    uint64_t c;
    bool is_zero = select_const(s, i->b, &c) && c == 0;
    struct address a = address_of(s, i, type);
    if (type == IR_V128 && s->f->memrefs[i->c].space == IR_SPACE_MEMORY) {
        touch_end(s, &a);
    }
    uint32_t data = is_zero ? VREG_NONE : is_int ? a64_low(s, i->b) : select_reg(s, i->b);
    emit_access(s, is_int || is_zero ? integer_store(bytes) : float_form(type, true), data, true,
                &a);
    return true;
}

/* ---- Atomic accesses ---- */

/* They have no offset and no index: a register with the whole address. */
static uint32_t whole_address(struct selector *s, struct address *a)
{
    if (a->index != VREG_NONE) {
        a->base = add_index(s, a);
        a->fixed = 0;
    }
    if (a->fixed == 0 && a->offset == 0) {
        return a->base;
    }
    uint32_t whole = a64_temp(s);
    if (a->fixed != 0) {
        struct a64_new n = a64_new(s, A64_OP_TABLE, 0);
        n.i.flags = VI_REMAKE;
        n.i.imm = a->offset;
        a64_def(&n, whole);
        a64_done(&n);
    } else if (a->offset < 4096) {
        a64_emit_imm(s, A64_ADD_IMM, A64_SMALL_WIDE, whole, a->base, a->offset);
    } else {
        uint32_t offset = a64_temp(s);
        a64_emit_const(s, offset, a->offset);
        a64_emit2(s, A64_ADD_REG, A64_SMALL_WIDE, whole, a->base, offset);
    }
    return whole;
}

static void select_exchange(struct selector *s, const struct ir_instr *i, unsigned log2)
{
    bool compares = i->op == IR_ATOMIC_COMPARE_SWAP;
    const uint32_t *pool = s->f->pool + i->b;
    struct address a = address_of(s, i, i->type);
    uint32_t at = whole_address(s, &a);
    struct a64_new n = a64_new(s, A64_OP_ATOMIC, A64_SMALL_OPTION(log2));
    n.i.imm = i->op;
    bool is_used = s->values[s->at].vreg != VREG_NONE;
    a64_operand(&n, is_used ? select_result(s) : a64_temp(s), VDEF_EARLY, VAT_REG, 0);
    a64_use(&n, at);
    a64_use(&n, a64_low(s, compares ? pool[0] : i->b));
    if (compares) {
        a64_use(&n, a64_low(s, pool[1]));
    }
    set_trap(&n, &a);
    a64_done(&n);
}

static bool select_atomic(struct selector *s, const struct ir_instr *i)
{
    bool stores = i->op == IR_ATOMIC_STORE;
    unsigned type = stores ? select_instr(s, i->b)->type : i->type;
    unsigned bytes = ir_access_size(s->f->memrefs[i->c].access, type);
    unsigned log2 = (unsigned)__builtin_ctz(bytes);
    if (s->f->memrefs[i->c].space != IR_SPACE_MEMORY) {
        return false;
    }
    if (i->op != IR_ATOMIC_LOAD && !stores) {
        select_exchange(s, i, log2);
        return true;
    }
    struct address a = address_of(s, i, type);
    uint32_t at = whole_address(s, &a);
    struct a64_new n = a64_new(s, stores ? A64_STLR : A64_LDAR, A64_SMALL_OPTION(log2));
    if (stores) {
        a64_use(&n, a64_low(s, i->b));
    } else {
        a64_def(&n, select_result(s));
    }
    a64_use(&n, at);
    set_trap(&n, &a);
    a64_done(&n);
    return true;
}

/* Publishing orders stores only, not loads. The store that follows could be `stlr` instead, which
 * orders both, but has no offset and no index: with the sum it would be longer. */
static void select_fence(struct selector *s, bool of_stores)
{
    struct a64_new n = a64_new(s, of_stores ? A64_DMB_ISHST : A64_DMB_ISH, 0);
    a64_done(&n);
}

static void select_bytes(struct selector *s, const struct ir_instr *i, bool copies)
{
    struct a64_new n = a64_new(s, copies ? A64_OP_COPY_BYTES : A64_OP_ZERO_BYTES, 0);
    n.i.imm = i->c;
    a64_use(&n, a64_low(s, i->a));
    if (copies) {
        a64_use(&n, a64_low(s, i->b));
    }
    a64_done(&n);
}

bool a64_select_memory(struct selector *s, const struct ir_instr *i)
{
    switch ((enum ir_op)i->op) {
    case IR_LOAD:
        return select_load(s, i);
    case IR_STORE:
    case IR_STORE_REF:
        return select_store(s, i);
    case IR_FENCE:
    case IR_PUBLISH:
        select_fence(s, i->op == IR_PUBLISH);
        return true;
    case IR_COPY_BYTES:
        select_bytes(s, i, true);
        return true;
    case IR_ZERO_BYTES:
        select_bytes(s, i, false);
        return true;
    default:
        return ir_op_info[i->op].typing == IR_TYPES_ATOMIC && select_atomic(s, i);
    }
}
