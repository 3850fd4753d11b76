// SPDX-License-Identifier: MIT
//
// Accesses that other threads see in order: the methods of Interlocked and Volatile, as operations
// of the machine, and the prefix `volatile.`. Only in a program that may start threads: in another
// one the methods are those of the core library, which are no more than their names.
#include "kernel/cil/front/build_internal.h"
#include "kernel/lib/string.h"

struct atomic {
    const char *owner, *name;
    uint16_t op;
    uint8_t params; /* how many, after the place */
    int8_t added;   /* to the place, if the method has no such parameter */
    bool is_sum;    /* the result is the new value */
};

static const struct atomic all[] = {
    {"Interlocked", "Increment", IR_ATOMIC_ADD, 0, 1, true},
    {"Interlocked", "Decrement", IR_ATOMIC_ADD, 0, -1, true},
    {"Interlocked", "Add", IR_ATOMIC_ADD, 1, 0, true},
    {"Interlocked", "Read", IR_ATOMIC_LOAD, 0, 0, false},
    {"Interlocked", "Exchange", IR_ATOMIC_SWAP, 1, 0, false},
    {"Interlocked", "CompareExchange", IR_ATOMIC_COMPARE_SWAP, 2, 0, false},
    {"Volatile", "Read", IR_ATOMIC_LOAD, 0, 0, false},
    {"Volatile", "Write", IR_ATOMIC_STORE, 1, 0, false},
};

static bool is_threading_class(const struct cil_callee *c, const char *name)
{
    const struct cil_class *k = c->owner->c;
    return k != NULL && k->enclosing == NULL && k->assembly == k->assembly->domain->core &&
           strcmp(k->name, name) == 0 && strcmp(k->space, "System.Threading") == 0;
}

/* @return NULL: it is none. */
static const struct atomic *find(const struct cil_callee *c)
{
    const struct cil_signature *s = c->signature;
    for (size_t n = 0; n < ARRAY_COUNT(all); n++) {
        if (strcmp(c->name, all[n].name) == 0 && is_threading_class(c, all[n].owner) &&
            s->param_count == all[n].params + 1u && cil_plain(s->params[0])->kind == CIL_BYREF) {
            return &all[n];
        }
    }
    return NULL;
}

/* Machines are atomic at multiples of the size only. Fields are, unless a layout is packed. */
static void check_place(struct builder *b, uint32_t at, uint32_t size)
{
    build_require(b, at, IR_TRAP_NULL);
    if (size > 1) {
        uint32_t rest = build_op(b, IR_AND, IR_I32, at, build_number(b, size - 1));
        (void)ir_build(b->f, IR_TRAP_IF, IR_VOID, build_op(b, IR_EQZ, IR_I32, rest, 0),
                       IR_TRAP_MEMORY, 0);
    }
}

/* A reference is the lower half of its cell, and the upper half stays 0. */
static bool access(struct builder *b, struct build_call *k, const struct atomic *a)
{
    struct build_rep rep;
    struct cil_type *t = cil_plain(cil_plain(k->sig->params[0])->element);
    if (!build_rep_of(b->unit, t, &rep)) {
        return false;
    }
    bool is_byte = rep.kind == CIL_BOOLEAN || rep.kind == CIL_U1;
    uint32_t size = is_byte ? 1 : rep.ir == IR_I64 ? 8 : 4;
    uint32_t memref =
        ir_memref(b->f, &(struct ir_memref){.space = IR_SPACE_MEMORY,
                                            .access = is_byte ? IR_ACCESS_8_U : IR_ACCESS_FULL,
                                            .alias_class = BUILD_CLASS_WINDOW});
    uint32_t value =
        a->params != 0 ? build_convert(b, k->args[1], rep.ir)
        : a->op == IR_ATOMIC_ADD
            ? ir_build_const(b->f, rep.ir,
                             rep.ir == IR_I32 ? (uint32_t)a->added : (uint64_t)(int64_t)a->added)
            : 0;
    if (a->op == IR_ATOMIC_COMPARE_SWAP) { /* the comparand is the last parameter */
        const uint32_t words[] = {build_convert(b, k->args[2], rep.ir), value};
        value = ir_pool(b->f, words, 2);
    }
    check_place(b, k->args[0], size);
    bool is_store = a->op == IR_ATOMIC_STORE;
    uint32_t result =
        ir_emit(b->f, a->op, is_store ? (unsigned)IR_VOID : rep.ir, k->args[0], value, memref);
    if (rep.kind == CIL_OBJECT && a->op != IR_ATOMIC_LOAD) {
        build_note_store(b, k->args[0], 0);
    }
    if (is_store) {
        return true;
    }
    result = a->is_sum ? build_op(b, IR_ADD, rep.ir, result, value) : result;
    return build_push(b, build_mark_as(b, result, &rep));
}

bool build_atomic(struct builder *b, struct build_call *k, bool *is_known)
{
    const struct atomic *a = b->unit->threads ? find(&k->c) : NULL;
    bool is_barrier = b->unit->threads && a == NULL && strcmp(k->c.name, "MemoryBarrier") == 0 &&
                      is_threading_class(&k->c, "Interlocked");
    struct build_rep rep;
    *is_known = a != NULL || is_barrier;
    if (is_barrier) {
        (void)ir_emit(b->f, IR_FENCE, IR_VOID, 0, 0, 0);
    }
    if (a == NULL) {
        return true;
    }
    struct cil_type *t = cil_plain(cil_plain(k->sig->params[0])->element);
    if (!build_rep_of(b->unit, t, &rep)) {
        return false;
    }
    *is_known = rep.structure == NULL && (rep.ir == IR_I32 || rep.ir == IR_I64);
    return !*is_known || access(b, k, a);
}

static bool stores(unsigned opcode)
{
    return opcode == CIL_OP_STFLD || opcode == CIL_OP_STSFLD || opcode == CIL_OP_STOBJ ||
           opcode == CIL_OP_STIND_I || (opcode >= CIL_OP_STIND_REF && opcode <= CIL_OP_STIND_R8);
}

/* No access after a volatile load comes before it, and none before a volatile store after it. */
void build_fence(struct builder *b, unsigned opcode, bool is_before)
{
    if (b->unit->threads && stores(opcode) == is_before) {
        (void)ir_emit(b->f, IR_FENCE, IR_VOID, 0, 0, 0);
    }
}
