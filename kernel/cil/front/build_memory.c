// SPDX-License-Identifier: MIT
//
// Values in the window: loads, stores, copies of structs, and the part of a method's frame in
// it: variables whose address is taken.
#include "kernel/cil/front/build_internal.h"
#include "kernel/lib/string.h"

#define UNROLLED_MAX 64u /* bytes of a struct that are copied without a call */

/* Addresses are offsets in the window, and every access of machine code stays in it, whatever the
 * number: checks here are for .NET's rules, not for the kernel's safety. The first 4096 bytes are
 * mapped and zero, so an access through null does not fault: build_require() has to compare before
 * it.
 * Cells at fixed places and the frame's bookkeeping have the class BUILD_CLASS_STACK, everything
 * else in the window BUILD_CLASS_WINDOW, so the passes may exchange accesses of the two. Verified
 * code has no address of such a cell; code with pointers may find one, and then sees any order. */

/* ---- Types ---- */

static bool refuse_type(struct cil_unit *u, const struct cil_type *t)
{
    char name[128];
    (void)cil_type_text(name, sizeof name, t);
    return cil_fail(u->d, NULL, 0, E_NOTSUP, "values of type %s are not compiled yet", name);
}

static const struct build_rep plain_reps[CIL_U + 1] = {
    [CIL_VOID] = {IR_VOID, CIL_VOID, 0, NULL}, [CIL_BOOLEAN] = {IR_I32, CIL_BOOLEAN, 1, NULL},
    [CIL_CHAR] = {IR_I32, CIL_CHAR, 2, NULL},  [CIL_I1] = {IR_I32, CIL_I1, 1, NULL},
    [CIL_U1] = {IR_I32, CIL_U1, 1, NULL},      [CIL_I2] = {IR_I32, CIL_I2, 2, NULL},
    [CIL_U2] = {IR_I32, CIL_U2, 2, NULL},      [CIL_I4] = {IR_I32, CIL_I4, 4, NULL},
    [CIL_U4] = {IR_I32, CIL_U4, 4, NULL},      [CIL_I8] = {IR_I64, CIL_I8, 8, NULL},
    [CIL_U8] = {IR_I64, CIL_U8, 8, NULL},      [CIL_R4] = {IR_F32, CIL_R4, 4, NULL},
    [CIL_R8] = {IR_F64, CIL_R8, 8, NULL},      [CIL_I] = {IR_I64, CIL_I, 8, NULL},
    [CIL_U] = {IR_I64, CIL_U, 8, NULL},
};

bool build_rep_of(struct cil_unit *u, struct cil_type *t, struct build_rep *out)
{
    t = cil_underlying(u->d, t);
    if (t == NULL) {
        return false;
    }
    if (cil_is_reference(t) || t->kind == CIL_BYREF) {
        unsigned kind = t->kind == CIL_BYREF ? CIL_BYREF : CIL_OBJECT;
        *out = (struct build_rep){IR_I32, kind, CIL_POINTER_BYTES, NULL};
        return true;
    }
    if (t->kind <= CIL_U && plain_reps[t->kind].kind != 0) {
        *out = plain_reps[t->kind];
        return true;
    }
    if (t->kind == CIL_PTR || t->kind == CIL_FNPTR) {
        *out = (struct build_rep){IR_I64, CIL_U, CIL_POINTER_BYTES, NULL};
        return true;
    }
    if (!cil_is_struct(t) || t->is_open) {
        return refuse_type(u, t);
    }
    const struct cil_layout *l = cil_type_layout(u->d, t);
    if (l != NULL) {
        *out = (struct build_rep){IR_I32, CIL_VALUETYPE, l->size, t};
    }
    return l != NULL;
}

bool build_is_word(struct cil_unit *u, const struct build_rep *rep)
{
    const struct cil_layout *l = cil_type_layout(u->d, rep->structure);
    return l != NULL && l->size == CIL_POINTER_BYTES && l->ref_count == 0;
}

/* ---- Loads and stores ---- */

static unsigned access_of(unsigned kind)
{
    switch (kind) {
    case CIL_BOOLEAN:
    case CIL_U1:
        return IR_ACCESS_8_U;
    case CIL_I1:
        return IR_ACCESS_8_S;
    case CIL_CHAR:
    case CIL_U2:
        return IR_ACCESS_16_U;
    case CIL_I2:
        return IR_ACCESS_16_S;
    default:
        return IR_ACCESS_FULL;
    }
}

static uint32_t memref(struct builder *b, unsigned access, unsigned class, uint32_t offset)
{
    return ir_memref(b->f, &(struct ir_memref){.offset = offset,
                                               .space = IR_SPACE_MEMORY,
                                               .access = (uint8_t)access,
                                               .alias_class = (uint8_t) class});
}

/* Pointers of trusted code have 64 bits; only their lower half is an address. */
static uint32_t address_of(struct builder *b, uint32_t value)
{
    return build_type_of(b, value) == IR_I64 ? build_op(b, IR_WRAP, IR_I32, value, 0) : value;
}

uint32_t build_pop_address(struct builder *b)
{
    return address_of(b, build_pop(b));
}

uint32_t build_mark_as(struct builder *b, uint32_t value, const struct build_rep *rep)
{
    return rep->kind == CIL_OBJECT  ? build_mark(b, value, BUILD_OBJECT)
           : rep->kind == CIL_BYREF ? build_mark(b, value, BUILD_INNER)
                                    : value;
}

uint32_t build_load_at(struct builder *b, const struct build_rep *rep, uint32_t address,
                       uint32_t offset)
{
    uint32_t value = ir_build(b->f, IR_LOAD, rep->ir, address_of(b, address), 0,
                              memref(b, access_of(rep->kind), BUILD_CLASS_WINDOW, offset));
    return build_mark_as(b, value, rep);
}

/* A reference has a cell of 8 bytes, whose upper half is always 0. */
void build_store_at(struct builder *b, const struct build_rep *rep, uint32_t address,
                    uint32_t offset, uint32_t value)
{
    (void)ir_build(b->f, IR_STORE, IR_VOID, address_of(b, address),
                   build_convert(b, value, rep->ir),
                   memref(b, access_of(rep->kind), BUILD_CLASS_WINDOW, offset));
}

static void publish(struct builder *b)
{
    if (b->unit->threads) {
        (void)ir_emit(b->f, IR_PUBLISH, IR_VOID, 0, 0, 0);
    }
}

static uint32_t sum(struct builder *b, uint32_t address, uint32_t offset)
{
    return offset == 0 ? address : build_op(b, IR_ADD, IR_I32, address, build_number(b, offset));
}

/* After a store of a reference: if the cell is in an old object, the object may now lead to a young
 * one, and a collection of the young objects has to examine it. The cell may just as well be in a
 * frame or in a young object; to tell these apart would cost more than the store. The card table
 * never moves, so its address may be loaded once for a whole method. */
void build_note_store(struct builder *b, uint32_t address, uint32_t offset)
{
    uint32_t cell = sum(b, address_of(b, address), offset);
    uint32_t card = build_op(b, IR_SHR_U, IR_I32, cell, build_number(b, CIL_CARD_SHIFT));
    uint32_t cards =
        ir_build(b->f, IR_LOAD, IR_I32, IR_NONE, 0,
                 ir_memref(b->f, &(struct ir_memref){.offset = CIL_OWN(cards),
                                                     .space = IR_SPACE_CONTEXT,
                                                     .access = IR_ACCESS_FULL,
                                                     .alias_class = BUILD_CLASS_CONTEXT}));
    (void)ir_build(b->f, IR_STORE, IR_VOID, build_op(b, IR_ADD, IR_I32, card, cards),
                   build_number(b, CIL_CARD_DIRTY), memref(b, IR_ACCESS_8_U, BUILD_CLASS_CARDS, 0));
}

/* Static fields are roots: every collection examines them. */
static bool is_static(const struct builder *b, uint32_t address)
{
    return b->f->instrs[address].op == IR_CONST;
}

/* Store a reference where other threads may read it: one of them that finds a new object sees what
 * its constructor has stored (.NET's memory model). Its reads are in order without a fence, since
 * the reference is part of their addresses. No store needs to be seen before null, or before a
 * literal, which was there before any thread. */
static void store_shared(struct builder *b, const struct build_rep *rep, uint32_t address,
                         uint32_t offset, uint32_t value)
{
    bool is_noted = rep->kind == CIL_OBJECT && b->f->instrs[value].op != IR_CONST;
    if (is_noted) {
        publish(b);
    }
    build_store_at(b, rep, address, offset, value);
    if (is_noted && !is_static(b, address)) {
        build_note_store(b, address, offset);
    }
}

uint32_t build_load_word(struct builder *b, uint32_t address, uint32_t offset)
{
    return build_load_at(b, &plain_reps[CIL_I4], address, offset);
}

void build_store_word(struct builder *b, uint32_t address, uint32_t offset, uint32_t value)
{
    build_store_at(b, &plain_reps[CIL_I4], address, offset, value);
}

/* ---- Structs ---- */

static const struct build_rep *part_of(uint32_t bytes)
{
    return &plain_reps[bytes >= 8 ? CIL_I8 : bytes >= 4 ? CIL_I4 : bytes >= 2 ? CIL_U2 : CIL_U1];
}

/* Source and destination are the same or do not overlap: values of a type in memory, and slots.
 * Machines access any address, so the parts need no alignment. A reference is copied as one part
 * with the zero upper half of its cell. */
void build_copy(struct builder *b, uint32_t to, uint32_t to_offset, uint32_t from,
                uint32_t from_offset, uint32_t bytes)
{
    if (bytes > UNROLLED_MAX) {
        const uint32_t args[] = {sum(b, to, to_offset), sum(b, from, from_offset),
                                 build_number(b, bytes)};
        (void)build_help(b, CIL_HELPER_COPY, args, 3);
        return;
    }
    for (uint32_t at = 0; at < bytes;) {
        const struct build_rep *part = part_of(bytes - at);
        build_store_at(b, part, to, to_offset + at, build_load_at(b, part, from, from_offset + at));
        at += part->size;
    }
}

void build_zero(struct builder *b, uint32_t to, uint32_t offset, uint32_t bytes)
{
    if (bytes > UNROLLED_MAX) {
        const uint32_t args[] = {sum(b, to, offset), build_number(b, 0), build_number(b, bytes)};
        (void)build_help(b, CIL_HELPER_FILL, args, 3);
        return;
    }
    for (uint32_t at = 0; at < bytes;) {
        const struct build_rep *part = part_of(bytes - at);
        build_store_at(b, part, to, offset + at, ir_build_const(b->f, part->ir, 0));
        at += part->size;
    }
}

/* ---- The frame ---- */

uint32_t build_frame_bytes(struct builder *b, uint32_t bytes)
{
    uint32_t at = b->frame_bytes;
    if (bytes > CIL_VALUE_BYTES_MAX || at > CIL_VALUE_BYTES_MAX) {
        (void)build_unsupported(b, "a method with more than 1 MiB of local variables");
        return at;
    }
    b->frame_bytes += (uint32_t)ALIGN_UP(bytes, 8u);
    return at;
}

uint32_t build_frame_at(struct builder *b, uint32_t at)
{
    return build_op(b, IR_ADD, IR_I32, b->frame, build_number(b, at));
}

/* A slot is found by type and depth. Two types at one depth have two slots, although they are never
 * needed at once: the collector looks at all slots at each safe point, whichever path led there, so
 * the words of a slot must always be of one type. They start as zero (add_slots() in
 * build_roots.c). BUILD_SLOTS_MAX bounds this search. */
uint32_t build_slot_of(struct builder *b, struct cil_type *t, uint32_t depth)
{
    struct build_rep rep;
    for (uint32_t n = 0; n < b->slot_count; n++) {
        if (b->slots[n].type == t && b->slots[n].depth == depth) {
            return build_frame_at(b, b->slots[n].at);
        }
    }
    if (b->slot_count == BUILD_SLOTS_MAX) {
        (void)build_unsupported(b, "a method with more than 400 structs on its stack");
        return IR_NONE;
    }
    if (!build_rep_of(b->unit, t, &rep)) {
        return IR_NONE;
    }
    uint32_t at = build_frame_bytes(b, rep.size);
    b->slots[b->slot_count++] = (struct build_slot){t, depth, at};
    return build_frame_at(b, at);
}

bool build_push_struct(struct builder *b, struct cil_type *t, uint32_t from, uint32_t offset)
{
    struct build_rep rep;
    uint32_t slot = build_slot_of(b, t, b->depth);
    if (slot == IR_NONE || !build_rep_of(b->unit, t, &rep)) {
        return false;
    }
    build_copy(b, slot, 0, from, offset, rep.size);
    if (!build_push(b, slot)) {
        return false;
    }
    b->structs[b->depth - 1] = t;
    return true;
}

bool build_push_from(struct builder *b, struct cil_type *t, uint32_t address, uint32_t offset)
{
    struct build_rep rep;
    if (!build_rep_of(b->unit, t, &rep)) {
        return false;
    }
    return rep.structure != NULL
               ? build_push_struct(b, rep.structure, address_of(b, address), offset)
               : build_push(b, build_load_at(b, &rep, address, offset));
}

/* A struct of any size has all its references behind one fence: none of its own parts is reached
 * through another. build_copy() calls CIL_HELPER_COPY for large ones, which notes the
 * stores itself. */
static bool copy_to(struct builder *b, const struct build_rep *rep, uint32_t to, uint32_t offset,
                    uint32_t from)
{
    const struct cil_layout *l = cil_type_layout(b->d, rep->structure);
    bool has_references = l != NULL && l->ref_count != 0;
    if (has_references) {
        publish(b);
    }
    build_copy(b, to, offset, from, 0, rep->size);
    if (has_references && rep->size <= UNROLLED_MAX && !is_static(b, to)) {
        build_note_store(b, to, offset + l->refs[0]);
        if (l->ref_count > 1) { /* in the same card, or in the next one */
            build_note_store(b, to, offset + l->refs[l->ref_count - 1]);
        }
    }
    return l != NULL;
}

bool build_store_to(struct builder *b, struct cil_type *t, uint32_t address, uint32_t offset,
                    uint32_t value)
{
    struct build_rep rep;
    if (!build_rep_of(b->unit, t, &rep)) {
        return false;
    }
    if (rep.structure != NULL) {
        return copy_to(b, &rep, address_of(b, address), offset, value);
    }
    store_shared(b, &rep, address, offset, value);
    return true;
}

uint32_t build_load_cell(struct builder *b, uint32_t at)
{
    return ir_build(b->f, IR_LOAD, IR_I32, build_number(b, 0), 0,
                    memref(b, IR_ACCESS_FULL, BUILD_CLASS_STACK, at));
}

uint32_t build_load_flag(struct builder *b, uint32_t at)
{
    return b->unit->threads ? ir_emit(b->f, IR_ATOMIC_LOAD, IR_I32, build_number(b, 0), 0,
                                      memref(b, IR_ACCESS_FULL, BUILD_CLASS_STACK, at))
                            : build_load_cell(b, at);
}

void build_store_cell(struct builder *b, uint32_t at, uint32_t value)
{
    (void)ir_build(b->f, IR_STORE, IR_VOID, build_number(b, 0), value,
                   memref(b, IR_ACCESS_FULL, BUILD_CLASS_STACK, at));
}

/* The context is the thread's own, so no other thread reads or writes these. */
static uint32_t own_memref(struct builder *b, uint32_t at)
{
    return ir_memref(b->f, &(struct ir_memref){.offset = at,
                                               .space = IR_SPACE_CONTEXT,
                                               .access = IR_ACCESS_FULL,
                                               .alias_class = BUILD_CLASS_OWN});
}

uint32_t build_load_own(struct builder *b, unsigned type, uint32_t at)
{
    return ir_build(b->f, IR_LOAD, type, IR_NONE, 0, own_memref(b, at));
}

void build_store_own(struct builder *b, uint32_t at, uint32_t value)
{
    (void)ir_build(b->f, IR_STORE, IR_VOID, IR_NONE, value, own_memref(b, at));
}

void build_poll(struct builder *b)
{
    if (b->unit->threads) {
        (void)ir_emit(b->f, IR_POLL, IR_VOID, 0, 0, 0);
    }
}

/* Take bytes from the stack, if there are as many. The room is compared, not the new end: a large
 * size would wrap around below zero. The stack grows towards lower addresses. @return their
 * address. */
static uint32_t reserve(struct builder *b, uint32_t end, uint32_t size)
{
    uint32_t room = build_op(b, IR_SUB, IR_I32, end, build_load_own(b, IR_I32, CIL_OWN(limit)));
    build_require(b, build_op(b, IR_LE_U, IR_I32, size, room), IR_TRAP_STACK);
    uint32_t at = build_op(b, IR_SUB, IR_I32, end, size);
    build_store_own(b, CIL_OWN(stack), at);
    return at;
}

/* The size is known only when the method has been translated: build_roots() sets it, or removes the
 * instructions that are marked. */
void build_enter_frame(struct builder *b)
{
    uint32_t first = b->f->instr_count;
    b->outer = build_load_own(b, IR_I32, CIL_OWN(stack));
    b->frame_size = ir_const(b->f, IR_I32, 0);
    uint32_t room =
        ir_emit(b->f, IR_SUB, IR_I32, b->outer, build_load_own(b, IR_I32, CIL_OWN(limit)), 0);
    uint32_t fits = ir_emit(b->f, IR_LE_U, IR_I32, b->frame_size, room, 0);
    (void)ir_emit(b->f, IR_TRAP_IF, IR_VOID, fits, IR_TRAP_STACK, 0);
    b->frame = ir_emit(b->f, IR_SUB, IR_I32, b->outer, b->frame_size, 0);
    build_store_own(b, CIL_OWN(stack), b->frame);
    b->entered = b->f->instr_count - 1;
    for (uint32_t n = first; n <= b->entered; n++) {
        (void)build_mark(b, n, BUILD_FRAME);
    }
}

void build_leave_frame(struct builder *b)
{
    build_leave_record(b);
    build_store_own(b, CIL_OWN(stack), b->outer);
    (void)build_mark(b, b->f->instr_count - 1, BUILD_FRAME);
}

/* More of the stack, until the method returns: its end is restored with the frame. A walk over
 * frames starts at the new end, and skips the bytes by their header, whose size is a multiple of 8.
 * A size that is negative, or 2^31 and more, ends the program; smaller ones cannot overflow when
 * rounded. The memory is cleared even without .locals init. */
static bool allocate(struct builder *b)
{
    uint32_t size = build_pop(b);
    (void)build_frame_bytes(b, 8); /* so that there is a frame */
    unsigned type = build_type_of(b, size);
    uint32_t most = ir_build_const(b->f, type, INT32_MAX);
    build_require(b, build_op(b, IR_LE_U, IR_I32, size, most), IR_TRAP_STACK);
    if (type == IR_I64) {
        size = build_op(b, IR_WRAP, IR_I32, size, 0);
    }
    size = build_op(b, IR_ADD, IR_I32, size, build_number(b, CIL_FRAME_HEADER + 7));
    size = build_op(b, IR_AND, IR_I32, size, build_number(b, ~7u));
    const uint32_t args[] = {reserve(b, build_load_own(b, IR_I32, CIL_OWN(stack)), size),
                             build_number(b, 0), size};
    (void)build_help(b, CIL_HELPER_FILL, args, 3);
    build_store_word(b, args[0], 0, build_number(b, CIL_FRAME_SKIP));
    build_store_word(b, args[0], 4, size);
    uint32_t at = build_op(b, IR_ADD, IR_I32, args[0], build_number(b, CIL_FRAME_HEADER));
    return build_push(b, build_op(b, IR_EXTEND_U, IR_I64, at, 0));
}

/* ---- Instructions ---- */

static unsigned indirect_kind(unsigned opcode)
{
    static const struct {
        uint16_t load, store;
        uint8_t kind;
    } all[] = {
        {CIL_OP_LDIND_I1, CIL_OP_STIND_I1, CIL_I1}, {CIL_OP_LDIND_U1, CIL_OP_STIND_I1, CIL_U1},
        {CIL_OP_LDIND_I2, CIL_OP_STIND_I2, CIL_I2}, {CIL_OP_LDIND_U2, CIL_OP_STIND_I2, CIL_U2},
        {CIL_OP_LDIND_I4, CIL_OP_STIND_I4, CIL_I4}, {CIL_OP_LDIND_U4, CIL_OP_STIND_I4, CIL_U4},
        {CIL_OP_LDIND_I8, CIL_OP_STIND_I8, CIL_I8}, {CIL_OP_LDIND_I, CIL_OP_STIND_I, CIL_I},
        {CIL_OP_LDIND_R4, CIL_OP_STIND_R4, CIL_R4}, {CIL_OP_LDIND_R8, CIL_OP_STIND_R8, CIL_R8},
    };
    for (size_t n = 0; n < ARRAY_COUNT(all); n++) {
        if (opcode == all[n].load || opcode == all[n].store) {
            return all[n].kind;
        }
    }
    return 0;
}

static const struct build_rep *indirect_rep(unsigned opcode)
{
    static const struct build_rep reference = {IR_I32, CIL_OBJECT, CIL_POINTER_BYTES, NULL};
    unsigned kind = indirect_kind(opcode);
    if (opcode == CIL_OP_LDIND_REF || opcode == CIL_OP_STIND_REF) {
        return &reference;
    }
    return kind == 0 ? NULL : &plain_reps[kind];
}

static uint32_t pop_checked(struct builder *b)
{
    uint32_t address = build_pop_address(b);
    build_require(b, address, IR_TRAP_NULL);
    return address;
}

static bool load_indirect(struct builder *b, const struct build_rep *rep)
{
    return build_push(b, build_load_at(b, rep, pop_checked(b), 0));
}

static bool store_indirect(struct builder *b, const struct build_rep *rep)
{
    uint32_t value = build_pop(b);
    store_shared(b, rep, pop_checked(b), 0, value);
    return true;
}

static bool by_type(struct builder *b, const struct cil_instruction *i)
{
    struct build_rep rep;
    struct cil_type *t = build_type_token(b, (uint32_t)i->value);
    if (t == NULL || !build_rep_of(b->unit, t, &rep)) {
        return false;
    }
    uint32_t value, from;
    switch (i->opcode) {
    case CIL_OP_LDOBJ:
        return build_push_from(b, t, pop_checked(b), 0);
    case CIL_OP_STOBJ:
        value = build_pop(b);
        return build_store_to(b, t, pop_checked(b), 0, value);
    case CIL_OP_INITOBJ:
        build_zero(b, pop_checked(b), 0, rep.size);
        return true;
    case CIL_OP_CPOBJ:
        from = pop_checked(b);
        if (rep.structure != NULL) {
            return copy_to(b, &rep, pop_checked(b), 0, from);
        }
        store_shared(b, &rep, pop_checked(b), 0, build_load_at(b, &rep, from, 0));
        return true;
    default: /* sizeof */
        return build_push(b, build_number(b, rep.size));
    }
}

/* III.3.30 and III.3.36: trusted code only. Blocks that overlap are copied as by memmove, which the
 * standard leaves open. With no bytes the addresses may be anything. */
static bool block(struct builder *b, bool is_copy)
{
    uint32_t args[3];
    args[2] = build_convert(b, build_pop(b), IR_I32);
    args[1] = is_copy ? build_pop_address(b) : build_convert(b, build_pop(b), IR_I32);
    args[0] = build_pop_address(b);
    uint32_t skip = build_if_not_zero(b, args[2]), join = ir_block_new(b->f);
    (void)build_help(b, is_copy ? CIL_HELPER_COPY : CIL_HELPER_FILL, args, 3);
    (void)ir_emit(b->f, IR_JUMP, IR_VOID, ir_edge(b->f, join, NULL, 0), 0, 0);
    ir_block_start(b->f, skip);
    (void)ir_emit(b->f, IR_JUMP, IR_VOID, ir_edge(b->f, join, NULL, 0), 0, 0);
    ir_block_start(b->f, join);
    return true;
}

bool build_memory(struct builder *b, const struct cil_instruction *i, bool *is_known)
{
    const struct build_rep *rep = indirect_rep(i->opcode);
    *is_known = true;
    if (rep != NULL) {
        bool is_store = i->opcode == CIL_OP_STIND_I ||
                        (i->opcode >= CIL_OP_STIND_REF && i->opcode <= CIL_OP_STIND_R8);
        return is_store ? store_indirect(b, rep) : load_indirect(b, rep);
    }
    switch (i->opcode) {
    case CIL_OP_LDOBJ:
    case CIL_OP_STOBJ:
    case CIL_OP_INITOBJ:
    case CIL_OP_CPOBJ:
    case CIL_OP_SIZEOF:
        return by_type(b, i);
    case CIL_OP_LOCALLOC:
        return allocate(b);
    case CIL_OP_CPBLK:
    case CIL_OP_INITBLK:
        return block(b, i->opcode == CIL_OP_CPBLK);
    default:
        *is_known = false;
        return true;
    }
}
