// SPDX-License-Identifier: MIT
//
// Compiling functions when they are first called. A module's functions are validated and get a stub
// (wasm_stub.c) when it is loaded. A stub's call compiles a batch: the function, and functions that
// it calls, directly or through others, while they are short enough together. So calls inside the
// batch, and to older batches, are direct, and code memory is sealed once for all of them.
#include "kernel/wasm/run/wasm_engine.h"

#include "kernel/jit/arena.h"
#include "kernel/lib/sort.h"
#include "kernel/lib/string.h"

/* Which thread does what. All of this file runs on the program's own thread: a store with
 * compiled-on-first-call code has only one (may_have_threads() in wasm_compiled.c). Two others look
 * at it. livepatch.ko takes functions from LATER by a compare-and-swap, so claim() does, too. A
 * thread that describes the program reads `placed` and the map of code: they are published by a
 * release, after everything that they refer to is complete, and nothing is freed before the program
 * ends.
 *
 * What a hostile module could try: functions that are expensive to compile, called one after the
 * other. Each is charged to the program's budget, its arena is limited (options.arena_bytes), the
 * builder limits its own work, and a kill can end the thread while the budget is open
 * (budget_open()). */
#define BATCH_BYTES 1024u /* bodies of a batch, except if its first function is longer */

/* States of a function, in compiled_module.later. One that is chosen for a batch counts as placed
 * at once, so that calls of it in the batch are direct. */
enum { PLACED = COMPILED_PLACED, LATER = COMPILED_LATER };

/* ---- Loading ---- */

/* All functions' callees are in one list: functions are validated in ascending order, and call_ends
 * has the end of each part. Most functions call few others, so a list for each would be mostly
 * overhead. The limit keeps the doubled capacity within 32 bits. */
static bool add_call(struct compiled_module *c, struct budget *budget, uint32_t callee)
{
    if (c->call_count == c->call_capacity) {
        uint32_t capacity = c->call_capacity == 0 ? 64 : 2 * c->call_capacity;
        uint32_t *grown = c->call_count > UINT32_MAX / 8
                              ? NULL
                              : budget_resize(budget, c->calls, c->call_capacity * sizeof *c->calls,
                                              capacity * sizeof *c->calls);
        if (grown == NULL) {
            return false;
        }
        c->calls = grown;
        c->call_capacity = capacity;
    }
    c->calls[c->call_count++] = callee;
    return true;
}

static enum status note_calls(struct compiled_module *c, struct budget *budget, uint32_t n,
                              const struct wasm_facts *facts)
{
    for (uint32_t at = 0; at < facts->callee_count; at++) {
        if (facts->callees[at] != n && !add_call(c, budget, facts->callees[at])) {
            return E_NOMEM;
        }
    }
    c->call_ends[n] = c->call_count;
    return OK;
}

/* Without passes: a stub has nothing to improve. */
static enum status compile_stub(const struct wasm_compiled_options *o, struct code_builder *b,
                                const struct ir_function *f, uint32_t number, struct arena *arena,
                                struct jit_error *why)
{
    struct jit_options options = o->jit;
    struct jit_code code;
    options.quick = true;
    enum status s = jit_compile(o->machine, f, &options, arena, &code, why);
    return s == OK ? code_builder_add(b, &code, number) : s;
}

static enum status validate(struct compiled_module *c, struct budget *budget, uint32_t n,
                            struct arena *arena, struct wasm_error *err)
{
    struct wasm_module *m = c->module;
    struct wasm_facts facts;
    budget_open(budget);
    enum status s = wasm_function_validate(m, n, arena, &facts, err);
    if (s == OK) {
        m->ir.moves_context = m->ir.moves_context || facts.moves_context;
        s = note_calls(c, budget, n, &facts);
        if (s != OK) {
            (void)compiled_fail(err, s, m, n, status_text(s));
        }
    }
    arena_empty(arena);
    budget_close(budget);
    return s;
}

static enum status add_stub(const struct wasm_compiled_options *o, struct code_builder *b,
                            const struct wasm_module *m, uint32_t n, struct arena *arena,
                            struct wasm_error *err)
{
    struct ir_function *f;
    struct jit_error why = {.text = ""};
    budget_open(b->budget);
    enum status s = stub_build(m, n, arena, &f);
    s = s == OK ? compile_stub(o, b, f, n, arena, &why) : s;
    if (s != OK) {
        (void)compiled_fail(err, s, m, n, why.text[0] == '\0' ? status_text(s) : why.text);
    }
    arena_empty(arena);
    budget_close(b->budget);
    return s;
}

static enum status add_callee(const struct wasm_compiled_options *o, struct code_builder *b,
                              const struct wasm_module *m, enum stub_callee n, struct arena *arena,
                              struct wasm_error *err)
{
    struct ir_function *f;
    struct jit_error why;
    enum status s = stub_build_callee(m, n, arena, &f);
    s = s == OK ? compile_stub(o, b, f, m->function_count + n, arena, &why) : s;
    arena_empty(arena);
    return s == OK ? OK : compiled_fail(err, s, m, m->function_count - 1, "no stub");
}

/* Whether calls may return with another context is known before the first function is compiled.
 * Therefore two loops: the first one validates all and completes m->ir.moves_context. A stub calls
 * through a record, after which the caller's registers must be restored, or not, as all code of the
 * module does. The stop flag is tested for each function, because a module may have tens of
 * thousands. */
static enum status add_stubs(struct compiler *compiler, const struct wasm_store *store,
                             struct compiled_module *c, struct wasm_error *err)
{
    const struct wasm_module *m = c->module;
    const struct wasm_compiled_options *o = &compiler->options;
    struct code_builder b = {.fill = o->fill, .budget = store->budget};
    struct arena arena;
    arena_init_paid(&arena, o->arena_bytes, b.budget);
    enum status s = OK;
    for (uint32_t n = m->imported[WASM_FUNCTION]; s == OK && n < m->function_count; n++) {
        s = wasm_store_is_stopped(store) ? E_CANCELLED : validate(c, b.budget, n, &arena, err);
    }
    for (uint32_t n = m->imported[WASM_FUNCTION]; s == OK && n < m->function_count; n++) {
        s = wasm_store_is_stopped(store) ? E_CANCELLED : add_stub(o, &b, m, n, &arena, err);
    }
    for (uint32_t n = 0; s == OK && n < WASM_ENGINE_CALLEES && b.function_count > 0; n++) {
        s = add_callee(o, &b, m, (enum stub_callee)n, &arena, err);
    }
    if (s == OK) {
        s = compiled_finish(compiler, c, &b, &arena, &c->piece, err);
    }
    arena_free_all(&arena);
    code_builder_free(&b);
    return s;
}

/* From the last line on build_call() looks at m->later, and calls of functions without code go
 * through their records. On failure the caller frees the lists by lazy_unload(). */
enum status lazy_load(struct compiler *compiler, const struct wasm_store *store,
                      struct compiled_module *c, struct wasm_error *err)
{
    struct wasm_module *m = c->module;
    c->later = budget_zalloc(store->budget, (size_t)m->function_count + 1);
    c->call_ends =
        budget_calloc(store->budget, (size_t)m->function_count + 1, sizeof *c->call_ends);
    c->placed = budget_calloc(store->budget, (size_t)m->function_count + 1, sizeof *c->placed);
    if (c->later == NULL || c->call_ends == NULL || c->placed == NULL) {
        return wasm_complain(err, E_NOMEM, "code", m->sections[WASM_SECTION_CODE],
                             "no memory for the list of functions");
    }
    enum status s = add_stubs(compiler, store, c, err);
    memset(c->later, LATER, m->function_count);
    m->later = c->later;
    return s;
}

void lazy_unload(struct compiler *compiler, struct compiled_module *c)
{
    struct budget *budget = compiler->map.budget;
    while (c->batches != NULL) {
        struct compiled_batch *next = c->batches->next;
        code_map_remove(&compiler->map, &c->batches->piece);
        budget_free(budget, c->batches);
        c->batches = next;
    }
    budget_free(budget, c->later);
    budget_free(budget, c->placed);
    budget_free(budget, c->calls);
    budget_free(budget, c->call_ends);
}

/* ---- The first call ---- */

/* The states of a function: LATER -> PLACED when it is chosen for a batch, and back to LATER if the
 * batch fails; LATER -> REPLACED and back by livepatch.ko. PLACED with placed[n] == NULL means
 * "being compiled". Only this thread leaves PLACED, hence the plain store in settle(). `livepatch`
 * reads the state PLACED as "soon" and tries again. */

/* livepatch.ko may take a function at the same time (compiled_module.later). */
static bool claim(struct compiled_module *c, uint32_t function)
{
    uint8_t later = LATER;
    return __atomic_compare_exchange_n(&c->later[function], &later, PLACED, false, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED);
}

/** The functions of a batch: the first `count` of `numbers`, in the order in which they are reached
 * from the first one, of which the first `next` have been looked at. */
struct choice {
    uint32_t *numbers;
    uint32_t count, next, bytes;
};

/* The first function is chosen whatever its size; others only while the sum stays within
 * BATCH_BYTES. One that does not fit is skipped, not the end: a shorter one may follow. So the
 * search looks at each call of each chosen function once, which the sizes of their bodies bound. */
static bool choose(struct compiled_module *c, struct arena *a, const struct wasm_module *m,
                   struct choice *o, uint32_t *capacity, uint32_t function)
{
    uint64_t bytes = (uint64_t)o->bytes + m->functions[function].body_size;
    if (c->later[function] != LATER || (o->count > 0 && bytes > BATCH_BYTES)) {
        return true;
    }
    if (o->count == *capacity) {
        uint32_t *grown =
            arena_grow_list(a, o->numbers, capacity, (uint64_t)o->count + 1, sizeof *o->numbers);
        if (grown == NULL) {
            return false;
        }
        o->numbers = grown;
    }
    if (claim(c, function)) {
        o->numbers[o->count++] = function;
        o->bytes = (uint32_t)MIN(bytes, (uint64_t)UINT32_MAX);
    }
    return true;
}

/* Callees of the chosen functions, the closest first. */
static enum status choose_all(struct compiled_module *c, struct arena *a,
                              const struct wasm_module *m, struct choice *o, uint32_t function)
{
    uint32_t capacity = 0;
    bool fine = choose(c, a, m, o, &capacity, function);
    for (; fine && o->next < o->count; o->next++) {
        uint32_t n = o->numbers[o->next];
        uint32_t at = n == 0 ? 0 : c->call_ends[n - 1];
        for (; fine && at < c->call_ends[n]; at++) {
            fine = choose(c, a, m, o, &capacity, c->calls[at]);
        }
    }
    return fine ? OK : E_NOMEM;
}

/* Chosen functions become placed ones, or return to what they were. */
static void settle(struct compiled_module *c, const struct choice *o, uint8_t state)
{
    for (uint32_t n = 0; n < o->count; n++) {
        c->later[o->numbers[n]] = state;
    }
}

/* The builder needs `placed` to resolve direct calls to functions of older batches. The arena is
 * emptied after each function (compiled_function()); the bytes gather in the builder. */
static enum status compile_chosen(struct compiler *compiler, struct compiled_module *c,
                                  const struct choice *o, struct compiled_batch *batch,
                                  struct wasm_error *err)
{
    const struct wasm_compiled_options *options = &compiler->options;
    struct code_builder b = {
        .fill = options->fill, .budget = compiler->map.budget, .placed = c->placed};
    struct arena arena;
    arena_init_paid(&arena, options->arena_bytes, b.budget);
    enum status s = OK;
    for (uint32_t n = 0; s == OK && n < o->count; n++) {
        s = compiled_function(options, &b, c->module, o->numbers[n], &arena, NULL, err);
    }
    if (s == OK) {
        s = compiled_finish(compiler, c, &b, &arena, &batch->piece, err);
    }
    arena_free_all(&arena);
    code_builder_free(&b);
    return s;
}

static struct wasm_func *record_of(struct wasm_instance *i, const struct wasm_function *f)
{
    return (struct wasm_func *)((uint8_t *)&i->context + f->at);
}

/* From here on the functions of all instances of the module are called without their stubs. The
 * order is: sealed and verified (compiled_finish()), then `placed`, then the records. Code that
 * loads a record calls the address in it at once. Only the program's thread loads records, so those
 * stores need no order among themselves; a call may still arrive at a stub whose record was just
 * changed, see lazy_compile(). */
static void publish(const struct wasm_store *store, struct compiled_module *c,
                    const struct code_piece *p)
{
    const struct wasm_code *code = &c->code;
    for (uint32_t n = 0; n < p->function_count; n++) {
        __atomic_store_n(&c->placed[p->functions[n].number], p, __ATOMIC_RELEASE);
    }
    for (struct wasm_instance *i = store->instances; i != NULL; i = i->next) {
        for (uint32_t n = 0; i->code == code && n < p->function_count; n++) {
            const struct code_function *f = &p->functions[n];
            record_of(i, &code->module->functions[f->number])->code = p->block.address + f->start;
        }
    }
}

static bool is_below(const void *a, const void *b)
{
    return *(const uint32_t *)a < *(const uint32_t *)b;
}

/* The numbers must ascend: code_builder_add() requires it, and code_piece_function() searches by
 * number. On failure the functions are LATER again and their stubs stay, so the next call tries
 * again, perhaps with more memory. */
static enum status compile_batch(struct compiler *compiler, struct wasm_store *store,
                                 struct compiled_module *c, struct choice *o)
{
    struct wasm_module *m = c->module;
    struct compiled_batch *batch = budget_zalloc(store->budget, sizeof *batch);
    if (batch == NULL) {
        return wasm_complain(&store->failure, E_NOMEM, "code", m->sections[WASM_SECTION_CODE],
                             "no memory for a batch of functions");
    }
    batch->piece.source = m;
    batch->piece.names = m->names;
    sort_array(o->numbers, o->count, sizeof *o->numbers, is_below);
    enum status s = compile_chosen(compiler, c, o, batch, &store->failure);
    settle(c, o, s == OK ? PLACED : LATER);
    if (s != OK) {
        budget_free(store->budget, batch);
        return s;
    }
    batch->next = c->batches;
    c->batches = batch;
    publish(store, c, &batch->piece);
    return OK;
}

/* If the batch cannot be compiled, the reason may be a function that is never called: so the called
 * one is tried alone. */
static enum status compile_with_callees(struct compiler *compiler, struct wasm_store *store,
                                        struct compiled_module *c, uint32_t function)
{
    struct choice o = {.numbers = NULL};
    struct choice alone = {.numbers = &function, .count = 1};
    struct arena a;
    arena_init_paid(&a, SIZE_MAX / 2, store->budget);
    enum status s = choose_all(c, &a, c->code.module, &o, function);
    bool is_alone = s == OK && o.count == 1;
    if (s == OK) {
        s = compile_batch(compiler, store, c, &o);
    } else {
        settle(c, &o, LATER);
    }
    arena_free_all(&a);
    if (s != OK && s != E_CANCELLED && !is_alone) {
        if (!claim(c, function)) {
            return OK; /* it was replaced meanwhile */
        }
        s = compile_batch(compiler, store, c, &alone);
    }
    return s;
}

/* A caller that loaded the stub's address before the first call may call it again; and if the
 * function was replaced, the stub that it calls leads to what replaces it. The execution ends where
 * nothing is held: everything here belongs to the budget or has been freed. code_map_leave() does
 * not return: it drops the frames of the stub, of the helper and of the compiler's callers. */
void lazy_compile(void *state, struct wasm_instance *i, uint32_t function)
{
    struct compiler *compiler = state;
    struct compiled_module *c = CONTAINER_OF(i->code, struct compiled_module, code);
    if (c->later == NULL || function >= c->module->function_count ||
        c->module->functions[function].is_imported || c->later[function] != LATER) {
        return;
    }
    enum status s = compile_with_callees(compiler, i->store, c, function);
    if (s == E_CANCELLED || wasm_store_is_stopped(i->store)) {
        code_map_leave(&compiler->map, CODE_STOPPED);
    }
    if (s != OK) {
        enum ir_trap trap = s == E_NOMEM ? IR_TRAP_NO_MEMORY : IR_TRAP_NO_CODE;
        code_map_leave(&compiler->map, CODE_TRAPPED + (uint64_t)trap);
    }
}
