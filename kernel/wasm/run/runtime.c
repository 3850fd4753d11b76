// SPDX-License-Identifier: MIT
//
// Bulk memory and table instructions. Bounds are computed with 64 bits. Long operations are split
// into pieces, and the store's flag is checked in between: a stopped store traps, and the caller
// recognises that by the flag. Tables are small enough to be one piece. A program that executes
// nothing but these instructions is rarely interrupted in its own code, so it must be possible to
// stop it here.
#include "kernel/wasm/run/runtime.h"

#include "kernel/base/assert.h"
#include "kernel/jit/code/park.h"
#include "kernel/jit/ir/ir_eval.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/wasm/front/constant.h"
#include "kernel/wasm/run/exception.h"

#define PIECE    ((uint64_t)1 << 20) /* bytes */
#define ELEMENTS ((uint64_t)1 << 14) /* fewer, because these are computed and not moved */
#define REFUSED  UINT64_C(0xffffffff)

static struct wasm_instance *instance_of(struct wasm_context *c)
{
    return CONTAINER_OF(c, struct wasm_instance, context);
}

static bool is_stopped(const struct wasm_instance *i)
{
    return wasm_store_is_stopped(i->store);
}

/* Whether [at, at + n) is inside [0, length), without an overflow. An empty range is inside if at
 * <= length. */
static bool is_inside(uint64_t at, uint64_t n, uint64_t length)
{
    return n <= length && at <= length - n;
}

/* ---- Constants ---- */

/* The value of an expression of one operator. The globals before it have their values by now. */
static struct wasm_value value_of(const struct wasm_instance *i, const struct wasm_constant *c)
{
    struct wasm_value v = {0, 0};
    switch (c->opcode) {
    case WASM_CONSTANT_NULL:
        return v;
    case WASM_CONSTANT_FUNCTION:
        v.lo = (uintptr_t)wasm_instance_function(i, (uint32_t)c->lo);
        return v;
    case WASM_CONSTANT_GLOBAL: {
        struct wasm_extern g = wasm_instance_extern(i, WASM_GLOBAL, (uint32_t)c->lo);
        memcpy(&v, g.global.value, wasm_value_bytes(g.global.type.type));
        return v;
    }
    default:
        return (struct wasm_value){c->lo, c->hi};
    }
}

static uint64_t compute(uint8_t opcode, uint64_t a, uint64_t b)
{
    switch (opcode) {
    case WASM_CONSTANT_I32_ADD:
        return (uint32_t)(a + b);
    case WASM_CONSTANT_I32_SUB:
        return (uint32_t)(a - b);
    case WASM_CONSTANT_I32_MUL:
        return (uint32_t)(a * b);
    case WASM_CONSTANT_I64_ADD:
        return a + b;
    case WASM_CONSTANT_I64_SUB:
        return a - b;
    default: /* WASM_CONSTANT_I64_MUL */
        return a * b;
    }
}

static bool is_binary(uint8_t opcode)
{
    return opcode >= WASM_CONSTANT_I32_ADD && opcode <= WASM_CONSTANT_I64_MUL;
}

/* The decoder has checked the expression, so it is complete and never needs more operands. */
struct wasm_value wasm_constant_value(const struct wasm_instance *i, const struct wasm_constant *c)
{
    if (c->opcode != WASM_CONSTANT_END) {
        return value_of(i, c);
    }
    const struct wasm_module *m = i->code->module;
    struct wasm_error ignored;
    struct wasm_reader r = {
        .start = m->bytes, .at = m->bytes + c->lo, .end = m->bytes + m->len, .err = &ignored};
    struct wasm_value stack[WASM_CONSTANT_DEPTH];
    struct wasm_constant one;
    uint32_t depth = 0;
    while (wasm_constant_read(&r, &one) && one.opcode != WASM_CONSTANT_END) {
        if (is_binary(one.opcode)) {
            depth--;
            stack[depth - 1].lo = compute(one.opcode, stack[depth - 1].lo, stack[depth].lo);
        } else {
            stack[depth++] = value_of(i, &one);
        }
    }
    return stack[0];
}

/* ---- Memory ---- */

/* A dropped segment is empty, but not invalid: an access of 0 bytes to it is allowed. */
static struct wasm_bytes segment_bytes(const struct wasm_instance *i, uint32_t segment)
{
    const struct wasm_module *m = i->code->module;
    DASSERT(segment < m->data_count);
    bool gone = i->dropped[m->element_count + segment] != 0;
    return gone ? (struct wasm_bytes){NULL, 0} : m->data[segment].bytes;
}

/* The number is a constant in the code, which the verifier of machine code does not compare.
 * @return NULL: there is no such memory. */
static struct wasm_memory *memory_of(const struct wasm_instance *i, uint64_t number)
{
    return number < i->code->module->memory_count ? i->memories[number] : NULL;
}

/* Another thread may let a shared memory grow at the same time. */
static uint64_t length_of(const struct wasm_memory *m)
{
    return __atomic_load_n(&m->length, __ATOMIC_ACQUIRE);
}

static bool is_in_memory(const struct wasm_memory *m, uint64_t at, uint64_t n)
{
    return m != NULL && is_inside(at, n, length_of(m));
}

bool wasm_memory_init(struct wasm_instance *i, uint32_t memory, uint32_t segment, uint64_t to,
                      uint64_t from, uint64_t n)
{
    const struct wasm_memory *m = memory_of(i, memory);
    struct wasm_bytes bytes = segment_bytes(i, segment);
    if (!is_inside(from, n, bytes.len) || !is_in_memory(m, to, n)) {
        return false;
    }
    for (uint64_t done = 0; done < n; done += PIECE) {
        if (is_stopped(i)) {
            return false;
        }
        memcpy(m->box.base + to + done, bytes.bytes + from + done, MIN(PIECE, n - done));
    }
    return true;
}

void wasm_data_drop(struct wasm_instance *i, uint32_t segment)
{
    i->dropped[i->code->module->element_count + segment] = 1;
}

/* The new pages are accessible before `length` says so, and never the other way round: other code
 * that reads the length must be able to use it. The base does not change. A failure has no effect
 * and returns -1, as the specification demands. */
static uint64_t grow(struct wasm_instance *i, struct wasm_memory *memory, uint64_t pages)
{
    uint64_t old = memory->length / WASM_PAGE;
    if (pages > i->store->left.pages || old + pages > memory->box.max / WASM_PAGE ||
        sandbox_grow(&memory->box, (old + pages) * WASM_PAGE) != OK) {
        return REFUSED;
    }
    i->store->left.pages -= pages;
    __atomic_store_n(&memory->length, (old + pages) * WASM_PAGE, __ATOMIC_RELEASE);
    return old;
}

static uint64_t memory_grow(struct wasm_context *c, uint64_t number, uint64_t pages, uint64_t d,
                            uint64_t e)
{
    (void)d, (void)e;
    struct wasm_instance *i = instance_of(c);
    struct wasm_memory *memory = memory_of(i, number);
    if (memory == NULL || (memory->limits.is_shared && !park_lock(&memory->growing))) {
        return REFUSED;
    }
    uint64_t old = grow(i, memory, pages);
    if (memory->limits.is_shared) {
        park_unlock(&memory->growing);
    }
    return old;
}

static uint64_t memory_init(struct wasm_context *c, uint64_t memory_segment, uint64_t to,
                            uint64_t from, uint64_t n)
{
    struct wasm_instance *i = instance_of(c);
    uint32_t segment = (uint32_t)memory_segment;
    return segment < i->code->module->data_count &&
           wasm_memory_init(i, (uint32_t)(memory_segment >> 32), segment, to, from, n);
}

static uint64_t memory_copy(struct wasm_context *c, uint64_t memories, uint64_t to, uint64_t from,
                            uint64_t n)
{
    struct wasm_instance *i = instance_of(c);
    const struct wasm_memory *m = memory_of(i, memories >> 32);
    const struct wasm_memory *source = memory_of(i, memories & UINT32_MAX);
    if (!is_in_memory(m, to, n) || !is_in_memory(source, from, n)) {
        return false;
    }
    /* Start at the end whose bytes would otherwise be overwritten before they are read. */
    for (uint64_t done = 0, size; done < n; done += size) {
        size = MIN(PIECE, n - done);
        uint64_t at = to <= from ? done : n - done - size;
        if (is_stopped(i)) {
            return false;
        }
        memmove(m->box.base + to + at, source->box.base + from + at, size);
    }
    return true;
}

static uint64_t memory_fill(struct wasm_context *c, uint64_t number, uint64_t to, uint64_t byte,
                            uint64_t n)
{
    struct wasm_instance *i = instance_of(c);
    const struct wasm_memory *m = memory_of(i, number);
    if (!is_in_memory(m, to, n)) {
        return false;
    }
    for (uint64_t done = 0; done < n; done += PIECE) {
        if (is_stopped(i)) {
            return false;
        }
        memset(m->box.base + to + done, (int)(byte & 0xff), MIN(PIECE, n - done));
    }
    return true;
}

static uint64_t data_drop(struct wasm_context *c, uint64_t segment, uint64_t b, uint64_t d,
                          uint64_t e)
{
    (void)b, (void)d, (void)e;
    wasm_data_drop(instance_of(c), (uint32_t)segment);
    return 0;
}

/* ---- Tables ---- */

static struct wasm_table_data *table_of(const struct wasm_instance *i, uint64_t table)
{
    return wasm_instance_extern(i, WASM_TABLE, (uint32_t)table).table.data;
}

/* An element is the address of a struct wasm_func, or an external reference; 0 is null. */
static uint64_t *elements(const struct wasm_table_data *t)
{
    return (uint64_t *)(uintptr_t)t->elements;
}

/* The header in front of a table's elements. */
struct table_block {
    /* elements; grows at least twofold, so that growing one by one takes linear time in total */
    uint64_t capacity;
    uint64_t reserved;
    uint64_t elements[];
};

static struct table_block *block_of(const struct wasm_table_data *t)
{
    return t->elements == 0 ? NULL : CONTAINER_OF(elements(t), struct table_block, elements);
}

static size_t bytes_of(uint64_t capacity)
{
    return sizeof(struct table_block) + (size_t)capacity * sizeof(uint64_t);
}

/* Growing a table may move its elements. Compiled code loads their address from the context or from
 * the table for each access, unless nothing in between can have called this. */
enum status wasm_table_reserve(struct wasm_store *s, struct wasm_table_data *t, uint64_t count)
{
    struct table_block *block = block_of(t);
    uint64_t capacity = block == NULL ? 0 : block->capacity;
    if (count <= capacity) {
        return OK;
    }
    uint64_t wanted = MAX(count, MIN(2 * capacity, (uint64_t)t->max));
    block = budget_resize(s->budget, block, bytes_of(capacity), bytes_of(wanted));
    if (block == NULL) {
        return E_NOMEM;
    }
    block->capacity = wanted;
    t->elements = (uintptr_t)block->elements;
    return OK;
}

void wasm_table_free(struct wasm_store *s, struct wasm_table_data *t)
{
    budget_free(s->budget, block_of(t));
    t->elements = 0;
}

static void fill(uint64_t *at, uint64_t value, uint64_t n)
{
    for (uint64_t k = 0; k < n; k++) {
        at[k] = value;
    }
}

void wasm_table_set_all(const struct wasm_table_data *t, uint64_t value)
{
    fill(elements(t), value, t->length);
}

bool wasm_table_init(struct wasm_instance *i, uint32_t table, uint32_t segment, uint64_t at,
                     uint64_t from, uint64_t n)
{
    const struct wasm_element_segment *s = &i->code->module->elements[segment];
    struct wasm_table_data *t = table_of(i, table);
    uint32_t count = i->dropped[segment] != 0 ? 0 : s->count;
    if (!is_inside(from, n, count) || !is_inside(at, n, t->length) || is_stopped(i)) {
        return false;
    }
    for (uint64_t k = 0; k < n; k++) {
        if (k % ELEMENTS == ELEMENTS - 1 && is_stopped(i)) {
            return false;
        }
        elements(t)[at + k] = wasm_constant_value(i, &s->items[from + k]).lo;
    }
    return true;
}

void wasm_elem_drop(struct wasm_instance *i, uint32_t segment)
{
    i->dropped[segment] = 1;
}

static uint64_t table_grow(struct wasm_context *c, uint64_t table, uint64_t value, uint64_t n,
                           uint64_t e)
{
    (void)e;
    struct wasm_instance *i = instance_of(c);
    struct wasm_table_data *t = table_of(i, table);
    uint32_t old = t->length;
    if (n > i->store->left.elements || old + n > t->max) {
        return REFUSED;
    }
    if (wasm_table_reserve(i->store, t, old + n) != OK) {
        return REFUSED;
    }
    if (n > 0) {
        fill(elements(t) + old, value, n);
    }
    t->length = (uint32_t)(old + n);
    i->store->left.elements -= n;
    return old;
}

static uint64_t table_fill(struct wasm_context *c, uint64_t table, uint64_t at, uint64_t value,
                           uint64_t n)
{
    const struct wasm_instance *i = instance_of(c);
    const struct wasm_table_data *t = table_of(instance_of(c), table);
    if (!is_inside(at, n, t->length) || is_stopped(i)) {
        return false;
    }
    if (n > 0) { /* an empty table may have no elements to point to */
        fill(elements(t) + at, value, n);
    }
    return true;
}

/* The two tables are in one argument, because these
 * helpers have only four arguments besides the context. */
static uint64_t table_copy(struct wasm_context *c, uint64_t tables, uint64_t at, uint64_t from,
                           uint64_t n)
{
    struct wasm_instance *i = instance_of(c);
    const struct wasm_table_data *to = table_of(i, tables >> 32);
    const struct wasm_table_data *source = table_of(i, tables & UINT32_MAX);
    if (!is_inside(at, n, to->length) || !is_inside(from, n, source->length) || is_stopped(i)) {
        return false;
    }
    if (n > 0) {
        memmove(elements(to) + at, elements(source) + from, (size_t)n * sizeof(uint64_t));
    }
    return true;
}

static uint64_t table_init(struct wasm_context *c, uint64_t table_segment, uint64_t at,
                           uint64_t from, uint64_t n)
{
    return wasm_table_init(instance_of(c), (uint32_t)(table_segment >> 32), (uint32_t)table_segment,
                           at, from, n);
}

static uint64_t elem_drop(struct wasm_context *c, uint64_t segment, uint64_t b, uint64_t d,
                          uint64_t e)
{
    (void)b, (void)d, (void)e;
    wasm_elem_drop(instance_of(c), (uint32_t)segment);
    return 0;
}

/* Whether an operation on vectors can be evaluated with operands of any bits. The operation is a
 * constant of the code, which the verifier does not know. */
static bool is_vector_operation(uint64_t op)
{
    return op > IR_V128_CONST && op < IR_OP_COUNT && ir_op_info[op].shape != IR_SHAPE_NONE;
}

/* For a CPU without the instructions. The numbers of lanes are cut to those that there are. */
static uint64_t vector(struct wasm_context *c, uint64_t op, uint64_t in, uint64_t out, uint64_t e)
{
    struct ir_bits operands[3], *result = (struct ir_bits *)(uintptr_t)out;
    (void)c, (void)e;
    memcpy(operands, (const void *)(uintptr_t)in, sizeof operands);
    if (!is_vector_operation(op)) {
        return 0;
    }
    unsigned form = ir_op_info[op].form, last = ir_shape_lanes(ir_op_info[op].shape) - 1u;
    if (form == IR_FORM_SHUFFLE) {
        operands[2].lo &= UINT64_C(0x1f1f1f1f1f1f1f1f);
        operands[2].hi &= UINT64_C(0x1f1f1f1f1f1f1f1f);
    } else if (form == IR_FORM_EXTRACT_LANE) {
        operands[1].lo &= last;
    } else if (form == IR_FORM_REPLACE_LANE) {
        operands[2].lo &= last;
    }
    enum ir_trap trap;
    (void)ir_eval((unsigned)op, IR_V128, IR_V128, operands, result, &trap);
    return 0;
}

/* Does not return if there is no code. NOINLINE: compile() itself needs no frame. */
static NOINLINE uint64_t compile_now(struct wasm_context *c, uint64_t function)
{
    struct wasm_instance *i = wasm_instance_of((uintptr_t)c);
    i->store->engine->compile(i->store->state, i, (uint32_t)function);
    return 0;
}

/* The events of traced functions come here, too, instead of by a helper of their own: the context
 * of each instance has the address of each helper. They are frequent, so nothing is done here that
 * report() does not need. */
static uint64_t compile(struct wasm_context *c, uint64_t function, uint64_t b, uint64_t d,
                        uint64_t e)
{
    (void)b, (void)d, (void)e;
    if ((uint32_t)function >= WASM_EVENTS) {
        const struct wasm_store *s = wasm_instance_of((uintptr_t)c)->store;
        return s->report(s->reports, (uint32_t)function);
    }
    return compile_now(c, function);
}

/* ---- Waiting ---- */

/* The address of a word that the code has checked to be aligned. NULL: not completely inside. */
static void *word_at(const struct wasm_instance *i, uint64_t memory, uint64_t at, unsigned bytes)
{
    const struct wasm_memory *m = memory_of(i, memory);
    return is_in_memory(m, at, bytes) && at % bytes == 0 ? m->box.base + at : NULL;
}

/* A stopped store traps, as everything that takes long. Without other threads nothing would ever
 * notify, so the place must be shared, which the front-end has checked. */
static uint64_t wait_for(const struct wasm_instance *i, const void *word, unsigned bytes,
                         uint64_t expected, uint64_t timeout)
{
    static const uint8_t results[] = {[PARK_NOTIFIED] = WASM_WAIT_WOKEN,
                                      [PARK_DIFFERS] = WASM_WAIT_NOT_EQUAL,
                                      [PARK_TIMED_OUT] = WASM_WAIT_TIMED_OUT,
                                      [PARK_CANCELLED] = WASM_WAIT_OUTSIDE};
    if (word == NULL || is_stopped(i)) {
        return WASM_WAIT_OUTSIDE;
    }
    return results[park_wait(word, bytes, expected, (int64_t)timeout)];
}

static uint64_t wait_32(struct wasm_context *c, uint64_t memory, uint64_t at, uint64_t expected,
                        uint64_t timeout)
{
    const struct wasm_instance *i = instance_of(c);
    return wait_for(i, word_at(i, memory, at, 4), 4, (uint32_t)expected, timeout);
}

static uint64_t wait_64(struct wasm_context *c, uint64_t memory, uint64_t at, uint64_t expected,
                        uint64_t timeout)
{
    const struct wasm_instance *i = instance_of(c);
    return wait_for(i, word_at(i, memory, at, 8), 8, expected, timeout);
}

static uint64_t notify(struct wasm_context *c, uint64_t memory, uint64_t at, uint64_t most,
                       uint64_t e)
{
    (void)e;
    const void *word = word_at(instance_of(c), memory, at, 4);
    return word == NULL ? WASM_NOTIFY_OUTSIDE : park_notify(word, (uint32_t)most);
}

/* ---- Exceptions ---- */

static struct wasm_store *store_of(struct wasm_context *c)
{
    return instance_of(c)->store;
}

static uint64_t exn_make(struct wasm_context *c, uint64_t tag, uint64_t b, uint64_t d, uint64_t e)
{
    (void)b, (void)d, (void)e;
    return wasm_exception_make(instance_of(c), tag);
}

static uint64_t exn_set(struct wasm_context *c, uint64_t exception, uint64_t cell, uint64_t value,
                        uint64_t e)
{
    (void)e;
    wasm_exception_set(store_of(c), exception, cell, value, WASM_CELL_NUMBER);
    return 0;
}

static uint64_t exn_set_func(struct wasm_context *c, uint64_t exception, uint64_t cell,
                             uint64_t value, uint64_t e)
{
    (void)e;
    wasm_exception_set(store_of(c), exception, cell, value, WASM_CELL_FUNC);
    return 0;
}

static uint64_t exn_set_extern(struct wasm_context *c, uint64_t exception, uint64_t cell,
                               uint64_t value, uint64_t e)
{
    (void)e;
    wasm_exception_set(store_of(c), exception, cell, value, WASM_CELL_EXTERN);
    return 0;
}

static uint64_t exn_get(struct wasm_context *c, uint64_t exception, uint64_t cell, uint64_t d,
                        uint64_t e)
{
    (void)d, (void)e;
    return wasm_exception_get(store_of(c), exception, cell, WASM_CELL_NUMBER);
}

static uint64_t exn_get_func(struct wasm_context *c, uint64_t exception, uint64_t cell, uint64_t d,
                             uint64_t e)
{
    (void)d, (void)e;
    return wasm_exception_get(store_of(c), exception, cell, WASM_CELL_FUNC);
}

static uint64_t exn_get_extern(struct wasm_context *c, uint64_t exception, uint64_t cell,
                               uint64_t d, uint64_t e)
{
    (void)d, (void)e;
    return wasm_exception_get(store_of(c), exception, cell, WASM_CELL_EXTERN);
}

static uint64_t exn_caught(struct wasm_context *c, uint64_t a, uint64_t b, uint64_t d, uint64_t e)
{
    (void)a, (void)b, (void)d, (void)e;
    return store_of(c)->exceptions.thrown;
}

static uint64_t exn_is(struct wasm_context *c, uint64_t exception, uint64_t tag, uint64_t d,
                       uint64_t e)
{
    (void)d, (void)e;
    return wasm_exception_is(instance_of(c), exception, tag);
}

static uint64_t exn_end(struct wasm_context *c, uint64_t exception, uint64_t is_kept, uint64_t d,
                        uint64_t e)
{
    (void)d, (void)e;
    wasm_exception_end(store_of(c), exception, is_kept != 0);
    return 0;
}

/* All helpers have the same C type, with unused parameters, so that both engines call them alike.
 * WASM_HELPER_EXN_THROW is the engine's. Their types in the intermediate representation are in
 * decode_layout.c, and for the verifier in wasm_shape.c: change them together. */
wasm_helper_fn *const wasm_helpers[WASM_HELPER_COUNT] = {
    [WASM_HELPER_MEMORY_GROW] = memory_grow,
    [WASM_HELPER_MEMORY_INIT] = memory_init,
    [WASM_HELPER_MEMORY_COPY] = memory_copy,
    [WASM_HELPER_MEMORY_FILL] = memory_fill,
    [WASM_HELPER_DATA_DROP] = data_drop,
    [WASM_HELPER_TABLE_GROW] = table_grow,
    [WASM_HELPER_TABLE_FILL] = table_fill,
    [WASM_HELPER_TABLE_COPY] = table_copy,
    [WASM_HELPER_TABLE_INIT] = table_init,
    [WASM_HELPER_ELEM_DROP] = elem_drop,
    [WASM_HELPER_VECTOR] = vector,
    [WASM_HELPER_COMPILE] = compile,
    [WASM_HELPER_WAIT_32] = wait_32,
    [WASM_HELPER_WAIT_64] = wait_64,
    [WASM_HELPER_NOTIFY] = notify,
    [WASM_HELPER_EXN_MAKE] = exn_make,
    [WASM_HELPER_EXN_SET] = exn_set,
    [WASM_HELPER_EXN_SET_FUNC] = exn_set_func,
    [WASM_HELPER_EXN_SET_EXTERN] = exn_set_extern,
    [WASM_HELPER_EXN_GET] = exn_get,
    [WASM_HELPER_EXN_GET_FUNC] = exn_get_func,
    [WASM_HELPER_EXN_GET_EXTERN] = exn_get_extern,
    [WASM_HELPER_EXN_CAUGHT] = exn_caught,
    [WASM_HELPER_EXN_IS] = exn_is,
    [WASM_HELPER_EXN_END] = exn_end,
};
