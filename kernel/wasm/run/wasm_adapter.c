// SPDX-License-Identifier: MIT
//
// How compiled code calls a host function that it does not call directly (IR_CALLEE_HOST): through
// an adapter, which is compiled from a function of the representation that is built here, one for
// each signature. So only the machines' code for calling helpers needs to know the C calling
// convention.
//
// The adapter of a fast function passes the arguments directly and checks the store's flag after
// the handler has returned. The other kind stores the arguments in its frame and calls deliver(),
// which does not return if the handler ends the program.
#include "kernel/wasm/run/wasm_engine.h"

#include "kernel/base/panic.h"
#include "kernel/lib/string.h"
#include "kernel/wasm/run/runtime.h"
#include "kernel/wasm/run/wasm_shape.h"

#define CELLS_MAX 2048u /* limit for arguments and for results of a host function */

enum { CALLEE_ADAPTER, CALLEE_ENTRY, CALLEE_LEAVE, CALLEE_COUNT };
enum { CLASS_FRAME = 1, CLASS_HOST, CLASS_FLAG };

/* ---- Called by adapters ---- */

static struct compiler *compiler_of(const struct wasm_host *h)
{
    return h->store->state;
}

/* code_map_leave() does not return: it restores the state of the C code that called the program,
 * and drops all frames in between. So at that point this function must hold nothing that has to
 * be released. A handler is C code and needs more stack than compiled code has checked for, so
 * the limit is tested here. */
static void deliver(struct wasm_host *h, const uint64_t *args, uint64_t *results)
{
    struct compiler *c = compiler_of(h);
    enum ir_trap trap = IR_TRAP_STACK;
    enum wasm_outcome outcome = WASM_TRAPPED;
    if ((uintptr_t)__builtin_frame_address(0) > c->options.stack_limit) {
        outcome = h->function->array(h, args, results, &trap);
    }
    bool stopped = wasm_store_is_stopped(h->store);
    if (stopped || outcome == WASM_STOPPED) {
        code_map_leave(&c->map, CODE_STOPPED);
    }
    if (outcome == WASM_THROWN) {
        compiled_throw(c, h->store, h->store->exceptions.thrown);
    }
    if (outcome == WASM_TRAPPED) {
        code_map_leave(&c->map, CODE_TRAPPED + (uint64_t)trap);
    }
}

static void leave(struct wasm_host *h)
{
    code_map_leave(&compiler_of(h)->map, CODE_STOPPED);
}

/* ---- The module to which adapters belong ---- */

/* The adapter's function is the only one in its module. The `context` of this code is the struct
 * wasm_host, so the offsets in it stand where a module's offsets in its context stand. */
struct adapter_module {
    struct ir_module ir;
    struct ir_signature signatures[CALLEE_COUNT];
    struct ir_callee callees[CALLEE_COUNT];
    uint8_t *types;
};

/* Types: first the adapter's, then those of its callee, whose result is always an i64. */
static void describe_module(struct adapter_module *m, const struct wasm_signature *s,
                            bool is_direct)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < s->params + s->results; n++) {
        m->types[count++] = (uint8_t)wasm_ir_type(s->types[n]);
    }
    m->signatures[CALLEE_ADAPTER] = (struct ir_signature){0, s->params, s->results};
    uint32_t called = count;
    if (is_direct) {
        memcpy(m->types + count, m->types, s->params);
        count += s->params;
        memset(m->types + count, IR_I64, s->results);
        m->signatures[CALLEE_ENTRY] = (struct ir_signature){called, s->params, s->results};
        count += s->results;
    } else {
        m->types[count++] = IR_I64;
        m->types[count++] = IR_I64;
        m->signatures[CALLEE_ENTRY] = (struct ir_signature){called, 2, 0};
    }
    m->signatures[CALLEE_LEAVE] = (struct ir_signature){0, 0, 0};
    m->callees[CALLEE_ADAPTER] = (struct ir_callee){
        .name = "adapter", .signature = CALLEE_ADAPTER, .kind = IR_CALLEE_FUNCTION};
    m->callees[CALLEE_ENTRY] = (struct ir_callee){.name = "host",
                                                  .signature = CALLEE_ENTRY,
                                                  .effects = IR_TRAPS | IR_READS | IR_WRITES,
                                                  .kind = IR_CALLEE_HELPER,
                                                  .entry = offsetof(struct wasm_host, entry)};
    m->callees[CALLEE_LEAVE] = (struct ir_callee){.name = "leave",
                                                  .signature = CALLEE_LEAVE,
                                                  .effects = IR_TRAPS | IR_READS | IR_WRITES,
                                                  .kind = IR_CALLEE_HELPER,
                                                  .entry = offsetof(struct wasm_host, leave)};
    m->ir = (struct ir_module){.types = m->types,
                               .signatures = m->signatures,
                               .callees = m->callees,
                               .type_count = count,
                               .signature_count = CALLEE_COUNT,
                               .callee_count = CALLEE_COUNT};
}

/* ---- Building ---- */

/* The number of a memory reference with these properties, for a full access. */
static uint32_t full_memref(struct ir_function *f, unsigned space, uint32_t slot, uint64_t offset,
                            unsigned alias)
{
    return ir_memref(f, &(struct ir_memref){.space = (uint8_t)space,
                                            .number = slot,
                                            .offset = offset,
                                            .alias_class = (uint8_t)alias});
}

/* A cell has 64 bits: a narrower value is extended with zeros. */
static uint32_t widen(struct ir_function *f, uint32_t value, unsigned type)
{
    if (type == IR_F32) {
        value = ir_emit(f, IR_BITCAST, IR_I32, value, 0, 0);
    }
    return type == IR_F32 || type == IR_I32 ? ir_emit(f, IR_EXTEND_U, IR_I64, value, 0, 0) : value;
}

static void store_args(struct ir_function *f, const struct wasm_signature *s, uint32_t first,
                       uint32_t slot)
{
    uint64_t at = 0;
    for (uint32_t n = 0; n < s->params; n++) {
        unsigned type = wasm_ir_type(s->types[n]);
        uint32_t where = full_memref(f, IR_SPACE_SLOT, slot, at, CLASS_FRAME);
        (void)ir_emit(f, IR_STORE, IR_VOID, IR_NONE, widen(f, first + n, type), where);
        at += type == IR_V128 ? 16 : 8;
    }
}

static void return_results(struct ir_function *f, const struct wasm_signature *s, uint32_t slot)
{
    uint32_t values = ir_pool(f, NULL, s->results);
    uint64_t at = 0;
    for (uint32_t n = 0; n < s->results; n++) {
        unsigned type = wasm_ir_type(s->types[s->params + n]);
        uint32_t where = full_memref(f, IR_SPACE_SLOT, slot, at, CLASS_FRAME);
        uint32_t value = ir_emit(f, IR_LOAD, type, IR_NONE, 0, where);
        if (f->error == OK) {
            f->pool[values + n] = value;
        }
        at += type == IR_V128 ? 16 : 8;
    }
    (void)ir_emit(f, IR_RETURN, IR_VOID, 0, values, s->results);
}

/* The general kind: two slots in the frame, for arguments
 * and for results, of at least one cell each. */
static void build_array(struct ir_function *f, const struct wasm_signature *s, uint32_t first)
{
    uint32_t args = ir_slot(f, MAX(8 * wasm_cells(s->types, s->params), 8u), 16);
    uint32_t results = ir_slot(f, MAX(8 * wasm_cells(s->types + s->params, s->results), 8u), 16);
    store_args(f, s, first, args);
    const uint32_t operands[] = {ir_emit(f, IR_SLOT, IR_I64, args, 0, 0),
                                 ir_emit(f, IR_SLOT, IR_I64, results, 0, 0)};
    uint32_t pool = ir_pool(f, operands, ARRAY_COUNT(operands));
    (void)ir_emit(f, IR_CALL, IR_VOID, CALLEE_ENTRY, pool, ARRAY_COUNT(operands));
    return_results(f, s, results);
}

/* The flag is set: call a function that does not return. */
static void build_leave(struct ir_function *f)
{
    (void)ir_emit(f, IR_CALL, IR_VOID, CALLEE_LEAVE, ir_pool(f, NULL, 0), 0);
    (void)ir_emit(f, IR_TRAP, IR_VOID, 0, IR_TRAP_UNREACHABLE, 0);
}

/* The fast kind. The handler is an ordinary C function that returns a uint64_t; an i32 result is
 * its low half. */
static void build_direct(struct ir_function *f, const struct wasm_signature *s, uint32_t first)
{
    uint32_t go_on = ir_block_new(f), stop = ir_block_new(f);
    uint32_t pool = ir_pool(f, NULL, s->params);
    for (uint32_t n = 0; n < s->params && f->error == OK; n++) {
        f->pool[pool + n] = first + n;
    }
    unsigned type = s->results > 0 ? IR_I64 : IR_VOID;
    uint32_t result = ir_emit(f, IR_CALL, type, CALLEE_ENTRY, pool, s->params);
    uint32_t where =
        ir_emit(f, IR_LOAD, IR_I64, IR_NONE, 0,
                full_memref(f, IR_SPACE_CONTEXT, 0, offsetof(struct wasm_host, stop), CLASS_HOST));
    uint32_t flag =
        ir_emit(f, IR_LOAD, IR_I32, where, 0, full_memref(f, IR_SPACE_ADDRESS, 0, 0, CLASS_FLAG));
    (void)ir_emit(f, IR_BRANCH, IR_VOID, flag, ir_edge(f, stop, NULL, 0),
                  ir_edge(f, go_on, NULL, 0));
    ir_block_start(f, go_on);
    if (s->results > 0 && s->types[s->params] == WASM_I32) {
        result = ir_emit(f, IR_WRAP, IR_I32, result, 0, 0);
    }
    (void)ir_emit(f, IR_RETURN, IR_VOID, 0, ir_pool(f, &result, s->results), s->results);
    ir_block_start(f, stop);
    build_leave(f);
}

/* Build the adapter's function. `first`: the number of its first parameter. */
static struct ir_function *build(struct arena *a, const struct adapter_module *m,
                                 const struct wasm_signature *s, bool is_direct)
{
    struct ir_function *f = ir_function_new(a, &m->ir, CALLEE_ADAPTER);
    if (f == NULL) {
        return NULL;
    }
    ir_block_start(f, ir_block_new(f));
    uint32_t first = f->instr_count;
    for (uint32_t n = 0; n < s->params; n++) {
        (void)ir_param(f, wasm_ir_type(s->types[n]));
    }
    if (is_direct) {
        build_direct(f, s, first);
    } else {
        build_array(f, s, first);
    }
    return f->error == OK ? f : NULL;
}

/* ---- Adapters of a store ---- */

static const char *const adapter_name = "(call of a host function)";

static bool is_like(const struct adapter *a, const struct wasm_signature *s, bool is_direct)
{
    return a->is_direct == is_direct && a->key.params == s->params &&
           a->key.results == s->results && memcmp(a->types, s->types, s->params + s->results) == 0;
}

/* The same steps as for a module, with the verifier
 * at the end: an adapter is not trusted either. */
static enum status compile(struct compiler *c, struct arena *a, struct adapter *out)
{
    struct adapter_module m;
    struct jit_code code;
    struct jit_error why;
    m.types = arena_alloc(a, 2 * ((size_t)out->key.params + out->key.results) + 2);
    if (m.types == NULL) {
        return E_NOMEM;
    }
    describe_module(&m, &out->key, out->is_direct);
    const struct ir_function *f = build(a, &m, &out->key, out->is_direct);
    if (f == NULL) {
        return E_NOMEM;
    }
    struct code_builder b = {.fill = c->options.fill, .budget = c->map.budget};
    enum status s = jit_compile(c->options.machine, f, &c->options.jit, a, &code, &why);
    if (s == OK) {
        s = code_builder_add(&b, &code, 0);
    }
    if (s == OK) {
        bool pads = (c->options.jit.features & c->options.machine->landing_pads) != 0;
        b.arena = a;
        b.shape = wasm_shape_of_adapter(a, &out->key, out->is_direct, pads);
        s = b.shape == NULL ? E_NOMEM : code_builder_finish(&b, &c->map, 0, &out->piece);
    }
    c->refusal = b.refusal;
#ifdef HALYARD_DEBUG
    if (s == E_CORRUPT) { /* a mistake of the compiler, whatever the module */
        panic("jit: unsafe code of an adapter, at offset 0x%x: %s", b.refusal.offset,
              b.refusal.text);
    }
#endif
    code_builder_free(&b);
    return s;
}

/* Compile an adapter and add it to the store's list. The signature is copied: that of the module
 * may be freed earlier. */
static enum status make(struct compiler *c, const struct wasm_signature *s, bool is_direct,
                        struct adapter **out)
{
    uint32_t types = s->params + s->results;
    struct adapter *a = budget_zalloc(c->map.budget, sizeof *a + types);
    if (a == NULL) {
        return E_NOMEM;
    }
    memcpy(a->types, s->types, types);
    a->key = (struct wasm_signature){.types = a->types, .params = s->params, .results = s->results};
    a->is_direct = is_direct;
    a->piece.names = &adapter_name;
    struct arena arena;
    arena_init_paid(&arena, c->options.arena_bytes, c->map.budget);
    enum status status = compile(c, &arena, a);
    arena_free_all(&arena);
    if (status != OK) {
        budget_free(c->map.budget, a);
        return status;
    }
    a->next = c->adapters;
    c->adapters = a;
    *out = a;
    return OK;
}

enum status compiled_adapt(void *state, struct wasm_host *h)
{
    struct compiler *c = state;
    const struct wasm_signature *s = &h->signature;
    bool is_direct = h->function->direct != NULL;
    c->map.budget = h->store->budget;
    if (wasm_cells(s->types, s->params) > CELLS_MAX ||
        wasm_cells(s->types + s->params, s->results) > CELLS_MAX) {
        return E_NOTSUP;
    }
    struct adapter *a = c->first != NULL ? c->first->adapters : c->adapters;
    while (a != NULL && !is_like(a, s, is_direct)) {
        a = a->next;
    }
    if (a == NULL && c->first != NULL) {
        return E_NOTSUP; /* another module than the first thread's */
    }
    if (a == NULL) {
        enum status status = make(c, s, is_direct, &a);
        if (status != OK) {
            return status;
        }
    }
    h->func.code = a->piece.block.address;
    h->entry = is_direct ? (uintptr_t)h->function->direct : (uintptr_t)deliver;
    h->leave = (uintptr_t)leave;
    return OK;
}

void compiled_free_adapters(struct compiler *c)
{
    while (c->adapters != NULL) {
        struct adapter *next = c->adapters->next;
        code_map_remove(&c->map, &c->adapters->piece);
        budget_free(c->map.budget, c->adapters);
        c->adapters = next;
    }
}
