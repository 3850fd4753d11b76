// SPDX-License-Identifier: MIT
//
// From a module to code in memory: each function is built, compiled and appended (code_builder.h).
// Host functions are in wasm_adapter.c.
#include "kernel/wasm/run/wasm_engine.h"
#include "kernel/wasm/run/wasm_shape.h"

#include "kernel/base/assert.h"
#include "kernel/jit/code/code_call.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/wasm/run/exception.h"

STATIC_ASSERT(WASM_FRAMES == CODE_FRAMES, "what is traced is told");

static struct compiled_module *module_of(const struct wasm_code *code)
{
    return CONTAINER_OF((struct wasm_code *)(uintptr_t)code, struct compiled_module, code);
}

/* ---- Modules ---- */

enum status compiled_fail(struct wasm_error *err, enum status s, const struct wasm_module *m,
                          uint32_t function, const char *text)
{
    const char *name = m->names == NULL ? NULL : m->names[function];
    return wasm_complain(err, s, "code", m->functions[function].body, "function %u%s%s: %s",
                         function, name == NULL ? "" : " ", name == NULL ? "" : name, text);
}

/* Refuse the module as a whole. */
static enum status refuse(struct wasm_error *err, enum status s, const struct wasm_module *m,
                          const char *text)
{
    return wasm_complain(err, s, "code", m->sections[WASM_SECTION_CODE], "%s", text);
}

bool compiled_moves_context(const struct ir_function *f)
{
    bool found = false;
    for (uint32_t n = 0; n < f->block_count && !found; n++) {
        found = f->blocks[n].count > 0 && ir_terminator(f, n)->op == IR_TAIL_CALL_INDIRECT;
    }
    return found;
}

enum status compiled_function(const struct wasm_compiled_options *o, struct code_builder *b,
                              const struct wasm_module *m, uint32_t n, struct arena *arena,
                              bool *moves_context, struct wasm_error *err)
{
    struct ir_function *f;
    struct jit_code code;
    struct jit_error why = {.text = "no memory"};
    budget_open(b->budget);
    enum status s = wasm_function_build(m, n, arena, &f, err);
    if (s == OK) {
        if (moves_context != NULL && compiled_moves_context(f)) {
            *moves_context = true;
        }
        s = jit_compile(o->machine, f, &o->jit, arena, &code, &why);
        if (s == OK) {
            s = code_builder_add(b, &code, n);
        }
        if (s != OK) {
            s = compiled_fail(err, s, m, n, why.text[0] == '\0' ? status_text(s) : why.text);
        }
    }
    arena_empty(arena);
    budget_close(b->budget);
    return s;
}

/* The verifier has found a bug of the compiler. The
 * program is not at fault, but the code must not run. */
static void report_refusal(const struct verify_error *refusal, const struct wasm_module *m,
                           uint32_t function, struct wasm_error *err)
{
    char text[128];
    (void)fmt_print(text, sizeof text, "the compiler made unsafe code, at offset 0x%x: %s",
                    refusal->offset, refusal->text);
    if (function < m->function_count) {
        (void)compiled_fail(err, E_CORRUPT, m, function, text);
    } else {
        (void)refuse(err, E_CORRUPT, m, text);
    }
#ifdef HALYARD_DEBUG
    panic("jit: %s", err->text);
#endif
}

/* All pieces of a module have one shape, because it is made after the validation, which has found
 * whether calls may return with another context. A large module has a large shape. */
static const struct verify_shape *shape_of(struct compiled_module *c,
                                           const struct wasm_compiled_options *o)
{
    if (c->shape == NULL) {
        bool pads = (o->jit.features & o->machine->landing_pads) != 0;
        c->shape = wasm_shape_of_module(&c->lasting, c->module, pads);
    }
    return c->shape;
}

enum status compiled_finish(struct compiler *compiler, struct compiled_module *c,
                            struct code_builder *b, struct arena *arena, struct code_piece *piece,
                            struct wasm_error *err)
{
    const struct wasm_module *m = c->module;
    b->arena = arena;
    b->shape = shape_of(c, &compiler->options);
    enum status s = b->shape == NULL
                        ? E_NOMEM
                        : code_builder_finish(b, &compiler->map, WASM_HELPER_COUNT, piece);
    if (s == E_CORRUPT) {
        report_refusal(&b->refusal, m, b->functions[b->refusal.function].number, err);
    } else if (s != OK) {
        (void)wasm_complain(err, s, "code", m->sections[WASM_SECTION_CODE],
                            "no place for %u bytes of code: %s", b->size, status_text(s));
    }
    return s;
}

static enum status compile_one_by_one(const struct wasm_compiled_options *o,
                                      const struct wasm_store *store, struct code_builder *b,
                                      struct wasm_module *m, struct arena *arena,
                                      struct wasm_error *err)
{
    enum status s = OK;
    bool moves_context = m->ir.moves_context;
    for (uint32_t n = m->imported[WASM_FUNCTION]; s == OK && n < m->function_count; n++) {
        s = wasm_store_is_stopped(store)
                ? E_CANCELLED
                : compiled_function(o, b, m, n, arena, &moves_context, err);
    }
    m->ir.moves_context = moves_context;
    return s;
}

static void clear(const struct wasm_compiled_options *o, const struct wasm_store *store,
                  struct code_builder *b)
{
    code_builder_free(b);
    *b = (struct code_builder){.fill = o->fill, .budget = store->budget};
}

/* Functions that were compiled before the first one that may return with another context do not
 * expect that of it: then once more. Modules without such functions do not pay for them. */
static enum status compile_functions(const struct wasm_compiled_options *o,
                                     const struct wasm_store *store, struct code_builder *b,
                                     struct wasm_module *m, struct arena *arena,
                                     struct wasm_error *err)
{
    enum status s = OK;
    bool expects = m->ir.moves_context;
    while (true) {
        if (!compiled_in_parallel(o, store, b, m, err, &s)) {
            if (b->size != 0) { /* of an attempt for which the memory did not suffice */
                clear(o, store, b);
            }
            s = compile_one_by_one(o, store, b, m, arena, err);
        }
        if (s != OK || m->ir.moves_context == expects) {
            return s;
        }
        expects = m->ir.moves_context;
        clear(o, store, b);
    }
}

/* Calls refer to callees: first the helpers, then imported functions, then the module's own. */
static enum status compile_all(struct compiler *compiler, const struct wasm_store *store,
                               struct compiled_module *c, struct wasm_module *m,
                               struct wasm_error *err)
{
    const struct wasm_compiled_options *o = &compiler->options;
    struct code_builder b = {.fill = o->fill, .budget = store->budget};
    struct arena arena; /* reused for one function after the other */
    arena_init_paid(&arena, o->arena_bytes, b.budget);
    c->piece.source = m;
    c->piece.names = m->names;
    enum status s = compile_functions(o, store, &b, m, &arena, err);
    if (s == OK) {
        b.crew = o->crew;
        s = compiled_finish(compiler, c, &b, &arena, &c->piece, err);
    }
    arena_free_all(&arena);
    arena_free_all(&c->lasting); /* there will be no other piece */
    c->shape = NULL;
    code_builder_free(&b);
    return s;
}

static void compiled_unload(void *state, struct wasm_code *code)
{
    struct compiler *compiler = state;
    struct compiled_module *c = module_of(code);
    lazy_unload(compiler, c);
    code_map_remove(&compiler->map, &c->piece);
    arena_free_all(&c->lasting);
    budget_free(compiler->map.budget, c);
}

/* Code that several threads run is complete before the first of them does. */
static bool may_have_threads(const struct wasm_module *m)
{
    bool found = false;
    for (uint32_t n = 0; n < m->memory_count; n++) {
        found = found || m->memories[n].limits.is_shared;
    }
    return found;
}

static enum status compiled_load(void *state, const struct wasm_store *store, struct wasm_module *m,
                                 struct wasm_code **out, struct wasm_error *err)
{
    struct compiler *compiler = state;
    const struct wasm_compiled_options *o = &compiler->options;
    enum jit_vectors vectors = o->machine->vectors(o->jit.features);
    m->helps_vectors = vectors == JIT_VECTORS_MOVED;
    m->relaxed = (uint8_t)o->machine->relaxed(o->jit.features);
    if (vectors == JIT_VECTORS_NONE && wasm_uses_vectors(m)) {
        return refuse(err, E_NOTSUP, m,
                      "vectors (SIMD) are not compiled on this CPU: run it with --interp");
    }
    compiler->map.budget = store->budget;
    compiler->map.stop = wasm_store_flag(store);
    struct compiled_module *c = budget_zalloc(store->budget, sizeof *c);
    if (c == NULL) {
        return refuse(err, E_NOMEM, m, "no memory for the module");
    }
    c->module = m;
    arena_init_paid(&c->lasting, o->arena_bytes, store->budget);
    enum status s = o->lazy && !may_have_threads(m) ? lazy_load(compiler, store, c, err)
                                                    : compile_all(compiler, store, c, m, err);
    if (s != OK) {
        compiled_unload(state, &c->code);
        return s;
    }
    *out = &c->code;
    return OK;
}

const struct code_piece *wasm_compiled_piece(const struct wasm_code *code)
{
    return &module_of(code)->piece;
}

const struct code_function *wasm_compiled_function(const struct wasm_code *code, uint32_t function,
                                                   const struct code_piece **piece)
{
    const struct compiled_module *c = module_of(code);
    *piece = &c->piece;
    if (c->later != NULL) {
        *piece = function < code->module->function_count
                     ? __atomic_load_n(&c->placed[function], __ATOMIC_ACQUIRE)
                     : NULL;
    }
    return *piece == NULL ? NULL : code_piece_function(*piece, function);
}

static uint64_t compiled_entry(void *state, const struct wasm_code *code, uint32_t function)
{
    (void)state;
    const struct code_piece *p;
    const struct code_function *f = wasm_compiled_function(code, function, &p);
    if (f == NULL) {
        p = wasm_compiled_piece(code);
        f = code_piece_function(p, function);
    }
    return p->block.address + f->start;
}

/* ---- Running ---- */

static bool is_in(const struct wasm_memory *m, uint64_t address)
{
    return m != NULL && address - (uintptr_t)m->box.base < m->box.reserved;
}

/* Whether a fault at this address is an access to a WebAssembly memory, including its guard. Such a
 * fault is a trap of the program; any other fault of its code is a bug. Instances may have imported
 * memories of another store. */
static bool is_in_memory(void *ctx, uint64_t address)
{
    const struct compiler *c = ctx;
    for (const struct wasm_memory *m = c->store->memories; m != NULL; m = m->next) {
        if (is_in(m, address)) {
            return true;
        }
    }
    for (const struct wasm_instance *i = c->store->instances; i != NULL; i = i->next) {
        for (uint32_t n = 0; n < i->code->module->imported[WASM_MEMORY]; n++) {
            if (is_in(i->memories[n], address)) {
                return true;
            }
        }
    }
    return false;
}

/* code_fault.c has recorded the frames when the program trapped, while they existed. */
static void copy_frames(const struct code_trace *trace, struct wasm_stop *stop)
{
    stop->depth = trace->depth;
    for (uint32_t n = 0; n < MIN(trace->depth, (uint32_t)WASM_FRAMES); n++) {
        const struct code_frame *f = &trace->frames[n];
        stop->frames[n] = (struct wasm_frame){
            .module = f->source, .function = f->function, .offset = f->location};
    }
}

/* Frames, on the stack of C, are marked with it. */
static void compiled_mark(void *state, struct wasm_store *store)
{
    (void)state, (void)store;
}

/* Does not return. */
static uint64_t compiled_throws(struct wasm_context *c, uint64_t exception, uint64_t b, uint64_t d,
                                uint64_t e)
{
    (void)b, (void)d, (void)e;
    struct wasm_store *s = wasm_instance_of((uintptr_t)c)->store;
    compiled_throw(s->state, s, exception);
}

_Noreturn void compiled_throw(struct compiler *compiler, struct wasm_store *s, uint64_t exception)
{
    bool goes_on;
    if (!wasm_exception_throw(s, exception, &goes_on)) {
        code_map_leave(&compiler->map, CODE_TRAPPED + (uint64_t)IR_TRAP_NULL);
    }
    code_map_throw(&compiler->map, goes_on);
}

/* Outcomes of code_call(): returned, CODE_TRAPPED + the kind of trap, or stopped. */
static enum wasm_outcome compiled_run(void *state, struct wasm_store *store,
                                      const struct wasm_func *f,
                                      const struct wasm_signature *signature, const uint64_t *args,
                                      uint64_t *results, struct wasm_stop *stop)
{
    struct compiler *c = state;
    const struct code_call call = {.code = f->code,
                                   .context = f->context,
                                   .types = signature->types,
                                   .type_of = wasm_ir_type,
                                   .param_count = signature->params,
                                   .result_count = signature->results};
    c->store = store;
    c->map.stop = wasm_store_flag(store);
    uint64_t outcome = code_call(&c->map, &call, args, results);
    if (outcome == CODE_RETURNED) {
        return WASM_RETURNED;
    }
    copy_frames(&c->map.trace, stop);
    if (outcome >= CODE_STOPPED) {
        return outcome == CODE_THROWN ? WASM_THROWN : WASM_STOPPED;
    }
    stop->trap = (enum ir_trap)(outcome - CODE_TRAPPED);
    stop->reason = store->failure.text;
    return WASM_TRAPPED;
}

/* ---- Stores ---- */

static enum status compiled_open(const void *options, void **state)
{
    struct compiler *c = heap_zalloc(sizeof *c);
    if (c == NULL) {
        return E_NOMEM;
    }
    c->options = *(const struct wasm_compiled_options *)options;
    c->map.space = c->options.space;
    c->map.machine = c->options.machine;
    c->map.has_address = is_in_memory;
    c->map.ctx = c;
    c->map.running = c->options.running;
    *state = c;
    return OK;
}

/* The code, its pieces and the adapters of host functions stay the first thread's: another one has
 * all imports that there are. Its state while it runs is its own. */
static enum status compiled_fork(void *state, void **out)
{
    const struct compiler *first = state;
    enum status s = compiled_open(&first->options, out);
    if (s == OK) {
        struct compiler *c = *out;
        c->first = first;
        c->map.also = &first->map;
    }
    return s;
}

static void compiled_close(void *state)
{
    compiled_free_adapters(state);
    heap_free(state);
}

const struct wasm_engine wasm_compiled = {
    .name = "compiled",
    .calls_hosts = true,
    .open = compiled_open,
    .close = compiled_close,
    .fork = compiled_fork,
    .load = compiled_load,
    .unload = compiled_unload,
    .entry = compiled_entry,
    .compile = lazy_compile,
    .adapt = compiled_adapt,
    .throws = compiled_throws,
    .mark = compiled_mark,
    .run = compiled_run,
};
