// SPDX-License-Identifier: MIT
//
// A WebAssembly module with WASI as a portable program: opening its resources, linking, running.
// The program can access its streams, its arguments and its folders; the folders are the whole name
// space unless others were given.
#include "kernel/wasm/run/wasm_program.h"

#include "kernel/base/clock.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/load/bytecode/bytecode_format.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/wasi/bytecode_wasi.h"
#include "kernel/wasm/front/features.h"
#include "kernel/wasm/run/wasm_compiled.h"
#include "kernel/wasm/run/wasm_entry.h"
#include "kernel/wasm/run/wasm_interp.h"
#include "kernel/wasm/run/wasm_threads.h"
#include "kernel/wasm/run/wasm_wasi.h"

#include <stdatomic.h>

/* The program's memory limit applies to both. */
#define INTERPRETER_STACK (SIZE_MAX / 2)
#define INTERPRETER_ARENA (SIZE_MAX / 2)

/* Field protection: as struct bytecode_program's. */
struct wasm_program {
    struct bytecode_program bytecode;
    struct wasm_module *module;         /* [t] during compilation; then the code owns it */
    struct wasm_store *store;           /* [t] */
    struct wasm_store *published_store; /* [program->lock] set once the store is open */
    struct wasm_instance *instance;     /* [t] */
    /* [t] a reference of its own, because a thread that is killed in its code frees nothing. Set
     * before the program is listed */
    struct wasm_code *code;
    struct wasi *wasi;           /* [t] also attached to the program itself */
    struct wasm_wasi *binding;   /* [t] */
    struct wasm_threads threads; /* besides the first */
    struct wasm_extern start;    /* [t] */
    struct wasm_stop stop;       /* [t] how it ended */
};

static struct wasm_program *program_of(const struct bytecode_program *p)
{
    return CONTAINER_OF((struct bytecode_program *)(uintptr_t)p, struct wasm_program, bytecode);
}

/* ---- Life ---- */

static bool recognise(const void *bytes, size_t len)
{
    return len >= 4 && memcmp(bytes, "\0asm", 4) == 0;
}

static struct bytecode_program *create(void)
{
    struct wasm_program *w = heap_zalloc(sizeof(*w));
    return w == NULL ? NULL : &w->bytecode;
}

static void release(struct bytecode_program *p)
{
    struct wasm_program *w = program_of(p);
    wasm_threads_free(&w->threads);
    wasm_module_free(w->module);
    if (w->code != NULL) {
        wasm_release(w->store, w->code);
    }
    wasm_store_close(w->store); /* its instances reference the code, which owns the module */
    wasm_wasi_free(w->binding);
    /* memory of operations that were ended in the middle */
    (void)budget_free_all(&p->budget.budget);
    heap_free(w);
}

/* An interpreted program, and a long host call, check the store's flag. */
static void stop(struct bytecode_program *p)
{
    const struct wasm_program *w = program_of(p);
    if (w->published_store != NULL) {
        wasm_store_stop(w->published_store);
    }
}

static void publish_store(struct wasm_program *w)
{
    /* Under the lock that stop() uses: either stop() sees the store, or this thread sees that the
     * program is ending. */
    mutex_lock(&w->bytecode.program->lock);
    w->published_store = w->store;
    if (atomic_load_explicit(&w->bytecode.program->ending, memory_order_relaxed)) {
        wasm_store_stop(w->store);
    }
    mutex_unlock(&w->bytecode.program->lock);
}

/* ---- Loading ---- */

static enum status add_wasi(struct wasm_program *w)
{
    enum status s = wasi_create_for_bytecode(&w->bytecode, &w->wasi);
    if (s == OK) {
        s = wasm_wasi_add(w->store, w->wasi, &w->binding);
    }
    w->threads.program = &w->bytecode;
    w->threads.store = w->store;
    w->threads.wasi = w->wasi;
    return s == OK ? wasm_threads_add(&w->threads) : s;
}

/* tools.ko sets it; the program would not have started if that could not be loaded. */
static const struct wasm_engine *_Atomic interpreter;

void wasm_program_set_interpreter(const struct wasm_engine *engine)
{
    atomic_store_explicit(&interpreter, engine, memory_order_release);
}

/* Ctrl-Z: interpreted code is the kernel's, which no interrupt stops. */
static void pause(void)
{
    struct program *p = program_current();
    if (thread_owner_is_suspended(&p->owner)) {
        program_wait_resumed(p);
    }
}

static enum status open_store(struct wasm_program *w)
{
    const struct wasm_quota quota = {.pages = WASM_PAGES_MAX,
                                     .elements = WASM_PROGRAM_ELEMENTS,
                                     .budget = &w->bytecode.budget.budget};
    enum status s;
    if (w->bytecode.engine == LOAD_ENGINE_INTERPRETER) {
        const struct wasm_interpreter_options options = {
            .stack_bytes = INTERPRETER_STACK, .arena_bytes = INTERPRETER_ARENA, .pause = pause};
        s = wasm_store_open(atomic_load_explicit(&interpreter, memory_order_acquire), &options,
                            &quota, &w->store);
    } else {
        const struct wasm_compiled_options options = {
            .machine = jit_machine_native,
            .jit = {.features = w->bytecode.features |
                                (w->bytecode.relaxed_native ? JIT_RELAXED_NATIVE : 0)},
            .space = &w->bytecode.code.space,
            .arena_bytes = WASM_PROGRAM_ARENA,
            .fill = jit_native->code_fill,
            .lazy = !w->bytecode.compile_all,
            .crew = &w->bytecode.crew.crew,
            .running = code_kernel_running,
        };
        s = wasm_store_open(&wasm_compiled, &options, &quota, &w->store);
    }
    if (s == OK) {
        publish_store(w);
    }
    return s;
}

static bool has_shared_memory(const struct wasm_module *m)
{
    bool found = false;
    for (uint32_t n = 0; n < m->memory_count; n++) {
        found = found || m->memories[n].limits.is_shared;
    }
    return found;
}

static enum status load_module(struct wasm_program *w, struct wasm_code **out)
{
    const struct wasm_bounds bounds = {.arena_bytes = WASM_PROGRAM_ARENA,
                                       .table_elements = WASM_PROGRAM_ELEMENTS,
                                       .budget = &w->bytecode.budget.budget};
    struct wasm_error err = {.text = ""};
    enum status s =
        wasm_module_decode(w->bytecode.bytes, w->bytecode.len, &bounds, &w->module, &err);
    if (s != OK) {
        return bytecode_refuse(&w->bytecode, s, err.text);
    }
    /* Without a shared memory there are no other threads: wasm_threads.c refuses to start them. */
    w->bytecode.code.has_one_thread = !has_shared_memory(w->module);
    uint64_t begin = clock_now_ns();
    s = wasm_load(w->store, w->module, out, &err);
    w->module = NULL;
    w->bytecode.load_ns = clock_now_ns() - begin;
    return s == OK || s == E_CANCELLED ? s : bytecode_refuse(&w->bytecode, s, err.text);
}

/* Find the function that will run. After this nothing else can be refused. */
static enum status find_start(struct wasm_program *w, struct wasm_extern *out)
{
    struct wasm_entry entry;
    struct wasm_error err;
    enum status s = wasm_entry_find(w->instance, NULL, &entry, &err);
    if (s != OK) {
        return bytecode_refuse(&w->bytecode, s, err.text);
    }
    *out = entry.function; /* a command needs no other call first */
    return OK;
}

/* If the initial size of a memory exceeds the program's limit, freeing some does not help. */
static enum status refuse_instance(struct wasm_program *w, enum status s, struct wasm_error *err)
{
    const struct wasm_module *m = w->code->module;
    uint64_t least = m->memory_count == 0 ? 0 : (uint64_t)m->memories[0].limits.min * WASM_PAGE;
    size_t used = strlen(err->text);
    if (s == E_NOMEM && least / PAGE_SIZE > w->bytecode.program->memory_limit_pages) {
        fmt_print(err->text + used, sizeof(err->text) - used, ", which begins with %llu KiB",
                  (unsigned long long)least / 1024);
    }
    return bytecode_refuse(&w->bytecode, s, err->text);
}

static enum status load(struct bytecode_program *p)
{
    struct wasm_program *w = program_of(p);
    struct wasm_error err = {.text = ""};
    w->stop.outcome = WASM_STOPPED;
    enum status s = open_store(w);
    if (s == OK) {
        s = add_wasi(w);
    }
    if (s != OK) {
        return wasi_refuse_bytecode(&w->bytecode, s);
    }
    s = load_module(w, &w->code);
    if (s != OK) {
        return s == E_CANCELLED ? OK : s;
    }
    bytecode_remember(p);
    w->threads.code = w->code;
    s = wasm_threads_add_memories(&w->threads, w->code->module, &err);
    if (s == OK) {
        s = wasm_instantiate(w->store, w->code, &w->instance, &w->stop, &err);
    }
    if (s == E_FAULT || s == E_CANCELLED) {
        return OK; /* the start function has run: w->stop tells how it ended */
    }
    w->stop.outcome = WASM_RETURNED;
    return s == OK ? find_start(w, &w->start) : refuse_instance(w, s, &err);
}

/* ---- Running ---- */

static struct bytecode_end run(struct bytecode_program *p)
{
    struct wasm_program *w = program_of(p);
    uint32_t status;
    if (w->stop.outcome == WASM_RETURNED) {
        w->stop.outcome = wasm_call(w->store, &w->start, NULL, NULL, &w->stop);
    }
    if (w->stop.outcome == WASM_TRAPPED || w->stop.outcome == WASM_THROWN) {
        wasm_end_by_trap(p, &w->stop);
        return (struct bytecode_end){.outcome = BYTECODE_TRAPPED};
    }
    if (w->wasi != NULL && wasi_has_ended(w->wasi, &status)) {
        return (struct bytecode_end){.outcome = BYTECODE_RETURNED, .status = status};
    }
    return (struct bytecode_end){.outcome = w->stop.outcome == WASM_RETURNED ? BYTECODE_RETURNED
                                                                             : BYTECODE_STOPPED};
}

/* ---- For people ---- */

static void describe(const struct bytecode_program *p, struct bytecode_info *out)
{
    const struct wasm_program *w = program_of(p);
    const struct wasm_module *m = w->code->module;
    out->engine = w->code->engine->name;
    out->functions = m->function_count - m->imported[WASM_FUNCTION];
    if (w->instance != NULL && w->instance->memory != NULL) {
        out->memory_bytes = w->instance->memory->length;
    }
}

struct wasm_code *wasm_program_code(const struct bytecode_program *p, struct wasm_store **store)
{
    const struct wasm_program *w = program_of(p);
    *store = w->store;
    return w->code;
}

static bool describe_function(const struct bytecode_program *p, uint32_t n,
                              struct bytecode_function *out)
{
    const struct wasm_program *w = program_of(p);
    const struct wasm_module *m = w->code->module;
    uint64_t index = (uint64_t)m->imported[WASM_FUNCTION] + n;
    if (index >= m->function_count) {
        return false;
    }
    const char *name = m->names == NULL ? NULL : m->names[index];
    *out = (struct bytecode_function){.index = (uint32_t)index,
                                      .file_bytes = m->functions[index].body_size};
    (void)str_copy(out->name, sizeof(out->name), name == NULL ? "" : name);
    str_make_printable(out->name);
    if (w->code->engine == &wasm_compiled) {
        const struct code_piece *piece;
        const struct code_function *f = wasm_compiled_function(w->code, (uint32_t)index, &piece);
        out->address = f == NULL ? 0 : piece->block.address + f->start;
        out->code_bytes = f == NULL ? 0 : f->size;
        out->frame_bytes = f == NULL ? 0 : f->frame_bytes;
    }
    return true;
}

const struct bytecode_format wasm_format = {
    .name = "WebAssembly",
    .features = wasm_features,
    .interpreter = "tools.ko",
    .recognise = recognise,
    .create = create,
    .release = release,
    .load = load,
    .run = run,
    .stop = stop,
    .describe = describe,
    .describe_function = describe_function,
    .inspect = wasm_inspect,
};
