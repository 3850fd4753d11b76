// SPDX-License-Identifier: MIT
//
// The operators with prefix 0xfe: atomic accesses, waiting, and the fence.
#include "kernel/wasm/front/build_internal.h"

enum {
    WASM_NONE = 0,
    NOTIFY = 0, /* number of an operator */
};

static const struct wasm_operator operators[] = {
#define WASM_ATOMIC(number, name, shape, type, op, size)                                           \
    [number] = {                                                                                   \
        name, WASM_SHAPE_##shape, WASM_ACTION_ATOMIC, WASM_##type, WASM_##type, op, size,          \
    },
#include "kernel/wasm/front/atomic_operators.def"
#undef WASM_ATOMIC
};

const struct wasm_operator *wasm_atomic_operator(uint32_t number)
{
    return number < ARRAY_COUNT(operators) ? &operators[number] : NULL;
}

/* ---- Places ---- */

/* Pop the index, and trap if the address is no multiple of the size. */
static uint32_t aligned_index(struct wasm_builder *b, struct ir_memref *memref, unsigned log2)
{
    uint32_t index = build_memory_index(b, memref), low = index, mask = (1u << log2) - 1;
    if (mask == 0) {
        return index;
    }
    if ((memref->offset & mask) != 0) {
        low = build_emit(b, IR_ADD, IR_I32, low, build_const(b, IR_I32, memref->offset & mask), 0);
    }
    uint32_t rest = build_emit(b, IR_AND, IR_I32, low, build_const(b, IR_I32, mask), 0);
    build_require(b, build_emit(b, IR_EQZ, IR_I32, rest, 0, 0), IR_TRAP_ALIGNMENT);
    return index;
}

static bool has_memory(const struct wasm_builder *b, const struct ir_memref *memref)
{
    return build_ok(b) && memref->number < b->m->memory_count;
}

/* ---- Waiting ---- */

static uint32_t wide_address(struct wasm_builder *b, uint32_t index, const struct ir_memref *memref)
{
    uint32_t wide = build_emit(b, IR_EXTEND_U, IR_I64, index, 0, 0);
    return build_emit(b, IR_ADD, IR_I64, wide, build_const(b, IR_I64, memref->offset), 0);
}

/* A memory that is not shared cannot be imported as a shared one, so waiting there always traps. */
static void build_wait(struct wasm_builder *b, const struct wasm_operator *o)
{
    struct ir_memref memref = build_atomic_immediate(b, o->extra, IR_ACCESS_FULL);
    uint32_t timeout = build_pop(b, WASM_I64), expected = build_pop(b, o->in);
    uint32_t index = aligned_index(b, &memref, o->extra);
    if (has_memory(b, &memref) && !b->m->memories[memref.number].limits.is_shared) {
        build_require(b, build_const(b, IR_I32, 0), IR_TRAP_NOT_SHARED);
    }
    const uint32_t args[] = {build_const(b, IR_I32, memref.number), wide_address(b, index, &memref),
                             expected, timeout};
    bool is_wide = o->in == WASM_I64;
    uint32_t result = build_helper(b, is_wide ? WASM_HELPER_WAIT_64 : WASM_HELPER_WAIT_32, args, 4);
    uint32_t inside =
        build_emit(b, IR_LT_U, IR_I32, result, build_const(b, IR_I32, WASM_WAIT_OUTSIDE), 0);
    build_require(b, inside, IR_TRAP_MEMORY);
    build_push(b, WASM_I32, result);
}

static void build_notify(struct wasm_builder *b, const struct wasm_operator *o)
{
    struct ir_memref memref = build_atomic_immediate(b, o->extra, IR_ACCESS_FULL);
    uint32_t count = build_pop(b, WASM_I32), index = aligned_index(b, &memref, o->extra);
    const uint32_t args[] = {build_const(b, IR_I32, memref.number), wide_address(b, index, &memref),
                             count};
    uint32_t result = build_helper(b, WASM_HELPER_NOTIFY, args, 3);
    uint32_t inside =
        build_emit(b, IR_NE, IR_I32, result, build_const(b, IR_I32, WASM_NOTIFY_OUTSIDE), 0);
    build_require(b, inside, IR_TRAP_MEMORY);
    build_push(b, WASM_I32, result);
}

/* ---- Accesses ---- */

static bool is_narrow(const struct wasm_operator *o)
{
    return o->extra < (o->in == WASM_I64 ? 3 : 2);
}

/* The low bits of the expected value are compared. */
static uint32_t fit_expected(struct wasm_builder *b, const struct wasm_operator *o, uint32_t value)
{
    unsigned type = wasm_ir_type(o->in), bits = 8u << o->extra;
    if (!is_narrow(o)) {
        return value;
    }
    uint32_t mask = build_const(b, type, (UINT64_C(1) << bits) - 1);
    return build_emit(b, IR_AND, type, value, mask, 0);
}

static void build_compare_swap(struct wasm_builder *b, const struct wasm_operator *o,
                               struct ir_memref *memref)
{
    uint32_t stored = build_pop(b, o->in), expected = build_pop(b, o->in);
    uint32_t index = aligned_index(b, memref, o->extra), result = 0;
    const uint32_t words[2] = {fit_expected(b, o, expected), stored};
    if (b->live) {
        uint32_t pool = ir_pool(b->f, words, 2);
        result = ir_emit(b->f, o->op, wasm_ir_type(o->in), index, pool, ir_memref(b->f, memref));
    }
    build_push(b, o->in, result);
}

static void build_access(struct wasm_builder *b, const struct wasm_operator *o)
{
    static const uint8_t accesses[] = {IR_ACCESS_8_U, IR_ACCESS_16_U, IR_ACCESS_32_U};
    unsigned access = is_narrow(o) ? accesses[o->extra] : (unsigned)IR_ACCESS_FULL;
    struct ir_memref memref = build_atomic_immediate(b, o->extra, access);
    bool stores = o->op == IR_ATOMIC_STORE;
    if (o->op == IR_ATOMIC_COMPARE_SWAP) {
        build_compare_swap(b, o, &memref);
        return;
    }
    uint32_t value = o->op == IR_ATOMIC_LOAD ? 0 : build_pop(b, o->in);
    uint32_t index = aligned_index(b, &memref, o->extra), result = 0;
    if (b->live) {
        result = ir_emit(b->f, o->op, stores ? (unsigned)IR_VOID : wasm_ir_type(o->in), index,
                         value, ir_memref(b->f, &memref));
    }
    if (!stores) {
        build_push(b, o->in, result);
    }
}

static void build_fence(struct wasm_builder *b)
{
    uint8_t byte = 0;
    if (wasm_byte(&b->r, &byte) && byte != 0) {
        (void)wasm_fail(&b->r, b->r.at - 1, E_CORRUPT, "zero byte expected");
    }
    (void)build_emit(b, IR_FENCE, IR_VOID, 0, 0, 0);
}

void build_atomic_operator(struct wasm_builder *b, const struct wasm_operator *o)
{
    if (o->op == IR_FENCE) {
        build_fence(b);
    } else if (o->op != 0) {
        build_access(b, o);
    } else if (o == &operators[NOTIFY]) {
        build_notify(b, o);
    } else {
        build_wait(b, o);
    }
}
