// SPDX-License-Identifier: MIT
//
// Stores: opening and closing, names from which modules import, code, calls. Instances are created
// in instance.c, imports resolved in link.c.
//
// A store owns everything that its modules can reach: instances, memories, host functions. Objects
// of one store refer to each other freely, in cycles, too, so they are freed together when the
// store is closed, never one by one. One thread at a time uses a store; only wasm_store_stop()
// may be called by another.
#include "kernel/wasm/run/store.h"

#include "kernel/base/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/wasm/run/exception.h"
#include "kernel/wasm/run/link.h"
#include "kernel/wasm/run/runtime.h"

#define OP_THROW_REF            0x0a
#define OP_CALL_INDIRECT        0x11
#define OP_RETURN_CALL_INDIRECT 0x13
#define OP_CALL_REF             0x14
#define OP_RETURN_CALL_REF      0x15
#define OP_REF_AS_NON_NULL      0xd4

static uint64_t ignore(void *reports, uint32_t event)
{
    (void)reports, (void)event;
    return 0;
}

enum status wasm_store_open(const struct wasm_engine *engine, const void *options,
                            const struct wasm_quota *quota, struct wasm_store **out)
{
    struct wasm_store *s = heap_zalloc(sizeof *s);
    if (s == NULL) {
        return E_NOMEM;
    }
    s->engine = engine;
    s->left = *quota;
    s->budget = quota->budget;
    s->report = ignore;
    enum status status = engine->open(options, &s->state);
    if (status != OK) {
        heap_free(s);
        return status;
    }
    *out = s;
    return OK;
}

enum status wasm_store_fork(struct wasm_store *first, const struct wasm_quota *quota,
                            struct wasm_store **out)
{
    ASSERT(first->first == NULL);
    struct wasm_store *s = budget_zalloc(quota->budget, sizeof *s);
    if (s == NULL) {
        return E_NOMEM;
    }
    s->engine = first->engine;
    s->left = *quota;
    s->budget = quota->budget;
    s->report = ignore;
    s->names = first->names;
    s->first = first;
    enum status status = s->engine->fork(first->state, &s->state);
    if (status != OK) {
        budget_free(s->budget, s);
        return status;
    }
    *out = s;
    return OK;
}

/* Imported tables belong to other instances, so only the own ones are freed. */
void wasm_free_instance(struct wasm_store *s, struct wasm_instance *i)
{
    const struct wasm_module *m = i->code->module;
    for (uint32_t t = m->imported[WASM_TABLE]; t < m->table_count; t++) {
        wasm_table_free(s, wasm_instance_extern(i, WASM_TABLE, t).table.data);
    }
    wasm_release(s, i->code);
    budget_free(s->budget, i);
}

/* The list has the newest object first. A failed instantiation passes the object that was the
 * newest before it, and so frees only its own. */
void wasm_free_memories(struct wasm_store *s, const struct wasm_memory *until)
{
    while (s->memories != until) {
        struct wasm_memory *next = s->memories->next;
        sandbox_release(&s->memories->box);
        budget_free(s->budget, s->memories);
        s->memories = next;
    }
}

void wasm_free_hosts(struct wasm_store *s, const struct wasm_host *until)
{
    while (s->hosts != until) {
        struct wasm_host *next = s->hosts->next;
        budget_free(s->budget, s->hosts);
        s->hosts = next;
    }
}

/* Instances first: freeing one drops its reference to
 * the code, and needs the engine and the module. */
void wasm_store_close(struct wasm_store *s)
{
    if (s == NULL) {
        return;
    }
    while (s->instances != NULL) {
        struct wasm_instance *next = s->instances->next;
        wasm_free_instance(s, s->instances);
        s->instances = next;
    }
    wasm_free_memories(s, NULL);
    wasm_free_hosts(s, NULL);
    wasm_exceptions_free(s);
    while (s->first == NULL && s->names != NULL) {
        struct wasm_name *next = s->names->next;
        budget_free(s->budget, s->names);
        s->names = next;
    }
    s->engine->close(s->state);
    if (s->first != NULL) {
        budget_free(s->budget, s);
    } else {
        heap_free(s);
    }
}

/* Sets the flag that compiled code and long operations test. Relaxed is sufficient: no other data
 * is passed with it. */
void wasm_store_stop(struct wasm_store *s)
{
    atomic_store_explicit(&s->stop, 1, memory_order_relaxed);
}

/* ---- Names ---- */

/* The name is copied: it may be in the file of a module that is freed before the store. */
static struct wasm_name *add_name(struct wasm_store *s, const void *text, uint32_t len)
{
    struct wasm_name *n = budget_zalloc(s->budget, sizeof *n + len);
    if (n == NULL) {
        return NULL;
    }
    memcpy(n->text, text, len);
    n->len = len;
    n->next = s->names;
    s->names = n;
    return n;
}

enum status wasm_store_add_host(struct wasm_store *s, const struct wasm_host_module *host,
                                void *data)
{
    struct wasm_name *n = add_name(s, host->name, (uint32_t)strlen(host->name));
    if (n == NULL) {
        return E_NOMEM;
    }
    n->host = host;
    n->data = data;
    return OK;
}

enum status wasm_store_add_memory(struct wasm_store *s, struct wasm_bytes module,
                                  struct wasm_bytes field, const struct wasm_limits *limits)
{
    struct wasm_name *n = add_name(s, module.bytes, module.len);
    if (n == NULL) {
        return E_NOMEM;
    }
    n->field = field;
    return wasm_make_memory(s, limits, &n->memory);
}

enum status wasm_store_register(struct wasm_store *s, struct wasm_bytes name,
                                struct wasm_instance *instance)
{
    struct wasm_name *n = add_name(s, name.bytes, name.len);
    if (n == NULL) {
        return E_NOMEM;
    }
    n->instance = instance;
    return OK;
}

enum status wasm_store_register_shared(struct wasm_store *s, struct wasm_bytes name,
                                       struct wasm_instance *instance)
{
    enum status status = wasm_store_register(s, name, instance);
    if (status == OK) {
        s->names->is_foreign = true;
    }
    return status;
}

/* ---- Code ---- */

/* The module belongs to the code from here on, and is freed with it, also if this fails. */
enum status wasm_load(struct wasm_store *s, struct wasm_module *m, struct wasm_code **out,
                      struct wasm_error *err)
{
    struct wasm_code *code;
    if (s->engine->calls_hosts) {
        wasm_bind_hosts(s, m);
    }
    enum status status = s->engine->load(s->state, s, m, &code, err);
    if (status != OK) {
        wasm_module_free(m);
        return status;
    }
    code->module = m;
    code->engine = s->engine;
    atomic_init(&code->refs, 1);
    *out = code;
    return OK;
}

void wasm_release(struct wasm_store *s, struct wasm_code *code)
{
    uint32_t before = atomic_fetch_sub_explicit(&code->refs, 1, memory_order_relaxed);
    ASSERT(before > 0);
    if (before == 1) {
        struct wasm_module *m = code->module;
        s->engine->unload(s->state, code);
        wasm_module_free(m);
    }
}

/* ---- Calls ---- */

/* A cell is a 64-bit word; a vector takes two. */
uint32_t wasm_cells(const uint8_t *types, uint32_t count)
{
    uint32_t cells = 0;
    for (uint32_t n = 0; n < count; n++) {
        cells += types[n] == WASM_V128 ? 2 : 1;
    }
    return cells;
}

/* Code that is stopped leaves through a trap or an exception, whichever comes first, and its result
 * no longer matters: report the stop. */
enum wasm_outcome wasm_end(const struct wasm_store *s, enum wasm_outcome outcome,
                           struct wasm_stop *stop)
{
    bool is_early = outcome == WASM_TRAPPED || outcome == WASM_THROWN;
    bool was_cut_short = is_early && wasm_store_is_stopped(s);
    stop->outcome = was_cut_short ? WASM_STOPPED : outcome;
    return stop->outcome;
}

/* If the store is stopped already, nothing runs. */
enum wasm_outcome wasm_call(struct wasm_store *s, const struct wasm_extern *function,
                            const uint64_t *args, uint64_t *results, struct wasm_stop *stop)
{
    ASSERT(function->kind == WASM_FUNCTION);
    stop->outcome = WASM_STOPPED;
    stop->trap = IR_TRAP_UNREACHABLE;
    stop->depth = 0;
    if (wasm_store_is_stopped(s)) {
        return WASM_STOPPED;
    }
    const void *outer = s->exceptions.stack_top;
    s->exceptions.stack_top = outer == NULL ? __builtin_frame_address(0) : outer;
    enum wasm_outcome outcome = s->engine->run(s->state, s, function->function.record,
                                               function->function.signature, args, results, stop);
    s->exceptions.stack_top = outer;
    if (outcome == WASM_THROWN) {
        wasm_exception_describe(s, &stop->thrown);
    }
    return wasm_end(s, outcome, stop);
}

/* The operator that trapped, or 0: the specification uses other words for the same trap in another
 * operator. */
static uint8_t trapped_operator(const struct wasm_stop *stop)
{
    const struct wasm_frame *f = &stop->frames[0];
    return stop->depth > 0 && f->module != NULL && f->offset < f->module->len
               ? f->module->bytes[f->offset]
               : 0;
}

const char *wasm_trap_text(const struct wasm_stop *stop)
{
    static const char *const texts[IR_TRAP_COUNT] = {
        [IR_TRAP_UNREACHABLE] = "unreachable",
        [IR_TRAP_MEMORY] = "out of bounds memory access",
        [IR_TRAP_DIVIDE] = "integer divide by zero",
        [IR_TRAP_OVERFLOW] = "integer overflow",
        [IR_TRAP_CONVERSION] = "invalid conversion to integer",
        [IR_TRAP_TABLE] = "out of bounds table access",
        [IR_TRAP_NULL] = "uninitialized element",
        [IR_TRAP_SIGNATURE] = "indirect call type mismatch",
        [IR_TRAP_STACK] = "call stack exhausted",
        [IR_TRAP_NO_MEMORY] = "out of memory",
        [IR_TRAP_NO_CODE] = "a function could not be compiled",
        [IR_TRAP_ALIGNMENT] = "unaligned atomic",
        [IR_TRAP_NOT_SHARED] = "expected shared memory",
    };
    uint8_t operation = trapped_operator(stop);
    if (stop->trap == IR_TRAP_TABLE &&
        (operation == OP_CALL_INDIRECT || operation == OP_RETURN_CALL_INDIRECT)) {
        return "undefined element";
    }
    if (stop->trap == IR_TRAP_NULL &&
        (operation == OP_CALL_REF || operation == OP_RETURN_CALL_REF)) {
        return "null function reference";
    }
    if (stop->trap == IR_TRAP_NULL && operation == OP_THROW_REF) {
        return "null exception reference";
    }
    if (stop->trap == IR_TRAP_NULL && operation == OP_REF_AS_NON_NULL) {
        return "null reference";
    }
    return (unsigned)stop->trap < IR_TRAP_COUNT ? texts[stop->trap] : "unknown trap";
}
