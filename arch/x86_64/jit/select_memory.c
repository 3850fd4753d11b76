// SPDX-License-Identifier: MIT
//
// Addresses, loads and stores.
//
// An index of a sandboxed memory is an i32 in a register whose upper half is zero. 32-bit
// arithmetic on it wraps at 2^32, so it may become part of a 64-bit address only if it provably
// does not wrap. The offset is always part of the address, with 64 bits. An error here would let a
// program access memory outside its sandbox.
#include "arch/x86_64/jit/select_internal.h"

#include "kernel/lib/compiler.h"

#define NULL_PAGE 4096u /* an access at null + offset below this faults */
#define MAX_TERMS 8     /* most terms of a sum that an address includes */

static struct address plain_address(unsigned base, int32_t disp)
{
    return (struct address){.base = base,
                            .base_reg = VREG_NONE,
                            .index_reg = VREG_NONE,
                            .disp = disp,
                            .trap = IR_TRAP_COUNT};
}

/* ---- Sandboxed memory ---- */

static bool needs_no_check(const struct selector *s, const struct ir_memref *p, unsigned bytes)
{
    uint64_t guard = s->f->module->memories[p->number].guard_bytes;
    return p->offset <= INT32_MAX && bytes <= guard && p->offset <= guard - bytes;
}

/* r <- 8 bytes at context + offset */
static uint32_t load_word(struct selector *s, uint32_t offset)
{
    struct address a = plain_address(X86_BASE_CONTEXT, (int32_t)offset);
    struct draft d = x86_draft_new(X86_OP_MOV, 8);
    uint32_t r = select_temp(s, VCLASS_INT, 8);
    x86_draft_def(&d, r);
    x86_draft_address(&d, &a);
    x86_draft_emit(s, &d);
    return r;
}

/* Trap unless `left` <= the 8 bytes at `pointer`. */
static void check_length(struct selector *s, uint32_t left, uint32_t pointer, uint32_t location)
{
    struct address a = plain_address(X86_BASE_REG, 0);
    a.base_reg = pointer;
    struct draft d = x86_draft_new(X86_OP_TRAP_UNLESS, 8);
    x86_draft_use(&d, left);
    x86_draft_address(&d, &a);
    d.small.cond = X86_BE;
    d.small.compare = X86_COMPARE_CMP;
    d.i.flags |= VI_TRAPS;
    d.i.trap = IR_TRAP_MEMORY;
    d.i.location = location;
    x86_draft_emit(s, &d);
}

/* sum <- a + b */
static uint32_t add_words(struct selector *s, uint32_t a, uint32_t b)
{
    struct address sum = {X86_BASE_REG, a, b, 0, 0, IR_TRAP_COUNT, 0};
    struct draft d = x86_draft_new(X86_OP_LEA, 8);
    uint32_t r = select_temp(s, VCLASS_INT, 8);
    x86_draft_def(&d, r);
    x86_draft_address(&d, &sum);
    x86_draft_emit(s, &d);
    return r;
}

/* The offset reaches beyond the guard: compute index + offset with 64 bits and compare it with the
 * length. If the offset is so large that the end of the access would wrap, compare the largest
 * possible number instead. */
static uint32_t checked_index(struct selector *s, const struct ir_instr *access,
                              const struct ir_memref *p, uint32_t location, unsigned bytes)
{
    uint32_t offset = x86_lower_constant(s, p->offset, 8);
    uint32_t at = access->a == IR_NONE ? offset : add_words(s, select_reg(s, access->a), offset);
    bool wraps = p->offset > UINT64_MAX - UINT32_MAX - bytes;
    uint32_t end = wraps ? x86_lower_constant(s, UINT64_MAX, 8)
                         : add_words(s, at, x86_lower_constant(s, bytes, 8));
    check_length(s, end, load_word(s, s->f->module->memories[p->number].length), location);
    return at;
}

/* Include an addition to the index, or a multiplication of it, if that cannot wrap. */
static void split_index(struct selector *s, struct address *a, uint32_t index)
{
    uint64_t bits;
    const struct ir_instr *i = select_instr(s, index);
    if (i->op == IR_ADD && select_is_local(s, index) && select_const(s, i->b, &bits) &&
        bits <= UINT32_MAX - select_largest(s, i->a) && bits + (uint64_t)a->disp <= INT32_MAX) {
        a->disp += (int32_t)bits;
        index = i->a;
        i = select_instr(s, index);
    }
    if (i->op == IR_SHL && select_is_local(s, index) && select_const(s, i->b, &bits) && bits <= 3 &&
        (uint64_t)select_largest(s, i->a) << bits <= UINT32_MAX) {
        a->scale = (unsigned)bits;
        index = i->a;
    }
    a->index_reg = select_reg(s, index);
}

static struct address memory_address(struct selector *s, const struct ir_instr *access,
                                     const struct ir_memref *p, uint32_t location, unsigned bytes)
{
    struct address a = plain_address(X86_BASE_MEMORY, 0);
    uint64_t bits;
    a.trap = IR_TRAP_MEMORY;
    a.location = location;
    if (p->number != 0) {
        a.base = X86_BASE_REG;
        a.base_reg = load_word(s, s->f->module->memories[p->number].base);
    }
    if (!needs_no_check(s, p, bytes)) {
        a.index_reg = checked_index(s, access, p, location, bytes);
        return a;
    }
    if (access->a == IR_NONE) {
        a.disp = (int32_t)p->offset;
    } else if (select_const(s, access->a, &bits) && bits + p->offset <= INT32_MAX) {
        a.disp = (int32_t)(bits + p->offset);
    } else {
        a.disp = (int32_t)p->offset;
        split_index(s, &a, access->a);
    }
    return a;
}

/* ---- Addresses that the front-end guarantees, and objects ---- */

static bool add_displacement(struct address *a, uint64_t more)
{
    int64_t sum;
    if (__builtin_add_overflow((int64_t)a->disp, (int64_t)more, &sum) || sum != (int32_t)sum) {
        return false;
    }
    a->disp = (int32_t)sum;
    return true;
}

/* One of the two terms of a sum: the one that can be scaled becomes the index. */
static bool scaled_term(const struct selector *s, uint32_t value, uint32_t *inner, unsigned *scale)
{
    const struct ir_instr *i = select_instr(s, value);
    uint64_t bits;
    if (i->op != IR_SHL || !select_is_local(s, value) || !select_const(s, i->b, &bits) ||
        bits == 0 || bits > 3) {
        return false;
    }
    *inner = i->a;
    *scale = (unsigned)bits;
    return true;
}

/* Register of a 64-bit term: a zero-extended i32 needs no extension, because its register has a
 * zero upper half. */
static uint32_t term_register(struct selector *s, uint32_t value)
{
    const struct ir_instr *i = select_instr(s, value);
    return select_reg(s, i->op == IR_EXTEND_U && select_is_local(s, value) ? i->a : value);
}

static void split_sum(struct selector *s, struct address *a, uint32_t value)
{
    uint64_t bits;
    uint32_t inner;
    for (unsigned n = 0; n < MAX_TERMS; n++) {
        const struct ir_instr *i = select_instr(s, value);
        if (i->op != IR_ADD || !select_is_local(s, value)) {
            break;
        }
        if (select_const(s, i->b, &bits) && add_displacement(a, bits)) {
            value = i->a;
            continue;
        }
        uint32_t base = i->a, index = i->b;
        if (!scaled_term(s, index, &inner, &a->scale) && scaled_term(s, base, &inner, &a->scale)) {
            base = i->b;
            index = inner;
        } else if (a->scale != 0) {
            index = inner;
        }
        a->base_reg = term_register(s, base);
        a->index_reg = term_register(s, index);
        return;
    }
    a->base_reg = term_register(s, value);
}

static struct address free_address(struct selector *s, const struct ir_instr *access,
                                   const struct ir_memref *p)
{
    struct address a = plain_address(X86_BASE_REG, 0);
    if (!add_displacement(&a, p->offset)) {
        a.index_reg = x86_lower_constant(s, p->offset, 8);
        a.base_reg = select_reg(s, access->a);
    } else {
        split_sum(s, &a, access->a);
    }
    return a;
}

static struct address object_address(struct selector *s, const struct ir_instr *access,
                                     const struct ir_memref *p, uint32_t location)
{
    struct address a = plain_address(X86_BASE_REG, 0);
    a.base_reg = select_reg(s, access->a);
    a.trap = IR_TRAP_NULL;
    a.location = location;
    if (p->offset < NULL_PAGE) {
        a.disp = (int32_t)p->offset;
        return a;
    }
    struct address start = a;
    struct draft d = x86_draft_new(X86_OP_PROBE, 1);
    x86_draft_address(&d, &start);
    x86_draft_imm(&d, 0);
    x86_draft_emit(s, &d);
    a.trap = IR_TRAP_COUNT;
    if (!add_displacement(&a, p->offset)) {
        a.index_reg = x86_lower_constant(s, p->offset, 8);
    }
    return a;
}

struct address x86_make_address(struct selector *s, const struct ir_instr *access,
                                uint32_t location, unsigned bytes)
{
    const struct ir_memref *p = &s->f->memrefs[access->c];
    switch ((enum ir_space)p->space) {
    case IR_SPACE_MEMORY:
        return memory_address(s, access, p, location, bytes);
    case IR_SPACE_CONTEXT:
        return plain_address(X86_BASE_CONTEXT, (int32_t)p->offset);
    case IR_SPACE_SLOT:
        return plain_address(X86_BASE_LOCAL, (int32_t)(s->slot_at[p->number] + p->offset));
    case IR_SPACE_OBJECT:
        return object_address(s, access, p, location);
    default:
        return free_address(s, access, p);
    }
}

bool x86_is_plain_access(const struct selector *s, const struct ir_instr *access, unsigned bytes)
{
    const struct ir_memref *p = &s->f->memrefs[access->c];
    switch ((enum ir_space)p->space) {
    case IR_SPACE_MEMORY:
        return p->number == 0 && needs_no_check(s, p, bytes);
    case IR_SPACE_CONTEXT:
        return p->offset <= INT32_MAX;
    case IR_SPACE_SLOT:
        return s->f->slots[p->number].align <= 16;
    case IR_SPACE_OBJECT:
        return p->offset < NULL_PAGE;
    default:
        return p->offset <= INT32_MAX;
    }
}

/* If a slot has a larger alignment than the frame, or a place is far from the context, compute the
 * address in a register. */
static struct address any_address(struct selector *s, const struct ir_instr *access,
                                  uint32_t location, unsigned bytes)
{
    const struct ir_memref *p = &s->f->memrefs[access->c];
    bool far = p->space == IR_SPACE_CONTEXT && p->offset > INT32_MAX;
    if (!far && (p->space != IR_SPACE_SLOT || s->f->slots[p->number].align <= 16)) {
        return x86_make_address(s, access, location, bytes);
    }
    struct address a = plain_address(X86_BASE_REG, far ? 0 : (int32_t)p->offset);
    struct draft d = x86_draft_new(far ? X86_OP_CONTEXT : X86_OP_SLOT, 8);
    a.base_reg = select_temp(s, VCLASS_INT, 8);
    d.i.flags |= VI_REMAKE;
    if (far) {
        a.index_reg = x86_lower_constant(s, p->offset, 8);
    } else {
        d.i.extra = s->slot_at[p->number];
        d.i.imm = s->f->slots[p->number].align;
    }
    x86_draft_def(&d, a.base_reg);
    x86_draft_emit(s, &d);
    return a;
}

/* ---- Loads as operands ---- */

bool x86_may_read(const struct selector *s, uint32_t value, unsigned bytes)
{
    const struct ir_instr *i = select_instr(s, value);
    return i->op == IR_LOAD && ir_type_size(i->type) == bytes &&
           s->f->memrefs[i->c].access == IR_ACCESS_FULL && select_can_merge(s, value, bytes) &&
           x86_is_plain_access(s, i, bytes);
}

struct address x86_merge_load(struct selector *s, uint32_t value)
{
    const struct ir_instr *i = select_instr(s, value);
    uint32_t location = s->f->locations[i - s->f->instrs];
    select_merge(s, value);
    return x86_make_address(s, i, location, ir_access_size(s->f->memrefs[i->c].access, i->type));
}

/* ---- Loads ---- */

/* The operation that loads and extends, and its width. */
static enum x86_op load_op(unsigned access, unsigned type, unsigned *size)
{
    *size = ir_type_size(type);
    switch ((enum ir_access)access) {
    case IR_ACCESS_8_S:
        return X86_OP_MOVSX8;
    case IR_ACCESS_16_S:
        return X86_OP_MOVSX16;
    case IR_ACCESS_32_S:
        return X86_OP_MOVSXD;
    case IR_ACCESS_8_U:
        *size = 4;
        return X86_OP_MOVZX8;
    case IR_ACCESS_16_U:
        *size = 4;
        return X86_OP_MOVZX16;
    case IR_ACCESS_32_U:
        *size = 4;
        return X86_OP_MOV;
    default:
        return ir_is_float(type) ? X86_OP_MOVS : X86_OP_MOV;
    }
}

bool x86_select_load(struct selector *s)
{
    const struct ir_instr *i = select_instr(s, s->at);
    unsigned access = s->f->memrefs[i->c].access, size;
    if (i->type == IR_V128 && access != IR_ACCESS_FULL &&
        x86_vectors(s->features) != JIT_VECTORS_ALL) {
        return false;
    }
    if (i->type == IR_V128) {
        struct address a =
            any_address(s, i, s->f->locations[s->at], ir_access_size(access, i->type));
        x86_select_vector_load(s, access, &a);
        return true;
    }
    uint32_t to = select_result(s);
    enum x86_op op = load_op(access, i->type, &size);
    struct address a = any_address(s, i, s->f->locations[s->at], ir_access_size(access, i->type));
    struct draft d = x86_draft_new(op, size);
    x86_draft_def(&d, to);
    x86_draft_address(&d, &a);
    x86_draft_emit(s, &d);
    return true;
}

/* ---- Stores ---- */

/* Only the low bytes of a stored value need to be right: skip operations that change the others. */
static uint32_t stored_value(const struct selector *s, uint32_t value, unsigned bytes)
{
    const struct ir_instr *i = select_instr(s, value);
    uint64_t mask;
    for (unsigned n = 0; n < MAX_TERMS && select_is_local(s, value); n++) {
        bool cuts = (i->op == IR_WRAP && bytes <= 4) ||
                    (i->op == IR_AND && select_const(s, i->b, &mask) && bytes < 8 &&
                     (~mask & ((UINT64_C(1) << 8 * bytes) - 1)) == 0);
        if (!cuts) {
            break;
        }
        value = i->a;
        i = select_instr(s, value);
    }
    return value;
}

static bool same_address(const struct selector *s, const struct ir_instr *load,
                         const struct ir_instr *store)
{
    return load->c == store->c &&
           (load->a == store->a || (load->a != IR_NONE && store->a != IR_NONE &&
                                    select_instr(s, load->a) == select_instr(s, store->a)));
}

static enum x86_op in_place_op(unsigned op)
{
    switch (op) {
    case IR_ADD:
        return X86_OP_ADD_TO;
    case IR_SUB:
        return X86_OP_SUB_TO;
    case IR_AND:
        return X86_OP_AND_TO;
    case IR_OR:
        return X86_OP_OR_TO;
    case IR_XOR:
        return X86_OP_XOR_TO;
    default:
        return X86_OP_COUNT;
    }
}

/* Add a use, or an immediate, after an address. */
static void draft_source(struct selector *s, struct draft *d, uint32_t value)
{
    uint64_t bits;
    if (select_const(s, value, &bits) && !ir_is_float(select_instr(s, value)->type) &&
        x86_fits_imm32(bits, d->small.size)) {
        x86_draft_imm(d, bits);
    } else {
        x86_draft_use(d, select_reg(s, value));
    }
}

/* memory <- memory op value, if the load has no other user and nothing is in between. */
static bool select_in_place(struct selector *s, const struct ir_instr *store, uint32_t value,
                            unsigned bytes)
{
    const struct ir_instr *i = select_instr(s, value);
    enum x86_op op = in_place_op(i->op);
    if (op == X86_OP_COUNT || !select_is_single(s, value) ||
        !x86_is_plain_access(s, store, bytes)) {
        return false;
    }
    uint32_t load = i->a, other = i->b;
    for (unsigned n = 0; n < ((ir_op_info[i->op].flags & IR_COMMUTES) != 0 ? 2u : 1u); n++) {
        const struct ir_instr *l = select_instr(s, load);
        if (l->op == IR_LOAD && same_address(s, l, store) && select_can_merge(s, load, bytes)) {
            struct address a = x86_merge_load(s, load);
            struct draft d = x86_draft_new(op, bytes);
            x86_draft_address(&d, &a);
            draft_source(s, &d, other);
            x86_draft_emit(s, &d);
            return true;
        }
        load = i->b;
        other = i->a;
    }
    return false;
}

static bool store_vector(struct selector *s, const struct ir_instr *i)
{
    struct address a = any_address(s, i, s->f->locations[s->at], 16);
    struct draft d = x86_draft_new(X86_OP_STORE_VECTOR, 8);
    x86_draft_address(&d, &a);
    x86_draft_use(&d, select_reg(s, i->b));
    x86_draft_emit(s, &d);
    return true;
}

static bool store_float(struct selector *s, const struct ir_instr *i, unsigned bytes)
{
    uint64_t bits;
    struct address a = any_address(s, i, s->f->locations[s->at], bytes);
    bool as_integer = select_const(s, i->b, &bits) && x86_fits_imm32(bits, bytes);
    struct draft d = x86_draft_new(as_integer ? X86_OP_STORE : X86_OP_STORE_FLOAT, bytes);
    x86_draft_address(&d, &a);
    if (as_integer) {
        x86_draft_imm(&d, bits);
    } else {
        x86_draft_use(&d, select_reg(s, i->b));
    }
    x86_draft_emit(s, &d);
    return true;
}

bool x86_select_store(struct selector *s)
{
    const struct ir_instr *i = select_instr(s, s->at);
    unsigned type = select_instr(s, i->b)->type;
    unsigned bytes = ir_access_size(s->f->memrefs[i->c].access, type);
    if (type == IR_V128) {
        return store_vector(s, i);
    }
    if (ir_is_float(type)) {
        return store_float(s, i, bytes);
    }
    uint32_t value = stored_value(s, i->b, bytes);
    if (select_in_place(s, i, value, bytes)) {
        return true;
    }
    struct address a = any_address(s, i, s->f->locations[s->at], bytes);
    struct draft d = x86_draft_new(X86_OP_STORE, bytes);
    x86_draft_address(&d, &a);
    draft_source(s, &d, value);
    x86_draft_emit(s, &d);
    return true;
}

bool x86_select_bytes(struct selector *s)
{
    const struct ir_instr *i = select_instr(s, s->at);
    bool copies = i->op == IR_COPY_BYTES;
    struct draft d = x86_draft_new(copies ? X86_OP_COPY_BYTES : X86_OP_ZERO_BYTES, 8);
    d.i.imm = i->c;
    x86_draft_use(&d, select_reg(s, i->a));
    if (copies) {
        x86_draft_use(&d, select_reg(s, i->b));
    }
    x86_draft_emit(s, &d);
    return true;
}
