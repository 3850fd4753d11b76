// SPDX-License-Identifier: MIT
//
// Starting a portable program, its end, and everything given back. Faults in its code are
// code_kernel.c's.
//
// The program's own thread compiles and links, so that it can be limited and killed from the first
// byte on; who starts it waits until it either runs or is refused. Whoever is first, the thread
// with its answer or the end of the program, tells him.
#include "kernel/jit/portable_internal.h"

#include "kernel/assert.h"
#include "kernel/clock.h"
#include "kernel/fault.h"
#include "kernel/io/console.h"
#include "kernel/jit/backend.h"
#include "kernel/jit/start.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

#define STATUS_TRAPPED    119
#define STACK_BYTES       ((size_t)1 << 20) /* of the program's calls, one inside the other */
#define STACK_FOR_LOADING ((size_t)64 << 10)
#define ARENA_BYTES       ((size_t)256 << 20) /* for the books of a module, and for one function */
#define INTERPRETER_STACK ((size_t)1 << 20)

/* ---- The answer to who starts it ---- */

struct starting {
    struct completion done;
    enum status status;
    struct loader_error *err;
};

static void answer(struct portable *p, enum status s)
{
    struct starting *starting = p->starting;
    if (starting != NULL) {
        p->starting = NULL;
        starting->status = s;
        completion_signal(&starting->done);
    }
}

static enum status refuse(struct portable *p, enum status s, const char *why)
{
    struct loader_error *err = p->starting->err;
    fmt_print(err->text, sizeof(err->text), "%s: %s", p->path,
              why[0] == '\0' ? status_text(s) : why);
    str_make_printable(err->text); /* names come from the file */
    return s;
}

/* ---- Life ---- */

static void portable_free(struct portable *p)
{
    portable_forget(p);
    if (p->loaded_code != NULL) {
        wasm_release(p->store, p->loaded_code);
    }
    wasm_store_close(p->store); /* its instances hold the code, which holds the module */
    wasm_wasi_free(p->binding);
    heap_free(p->bytes);
    heap_free(p->argv);
    heap_free(p);
}

/* All threads of the program have ended. */
static void release(struct program_resource *self)
{
    struct portable *p = CONTAINER_OF(self, struct portable, resource);
    answer(p, OK); /* it was ended before it could: that is for who waits for it to find */
    portable_free(p);
}

/* An interpreted program, and a long call of the host, look at the store's flag. */
static void on_end(struct program *program)
{
    struct portable *p = program->portable;
    if (p->published_store != NULL) {
        wasm_store_stop(p->published_store);
    }
}

static void publish_store(struct portable *p)
{
    /* on_end() runs under the same lock: it sees the store, or this sees that the end has begun. */
    mutex_lock(&p->program->lock);
    p->published_store = p->store;
    if (atomic_load_explicit(&p->program->ending, memory_order_relaxed)) {
        wasm_store_stop(p->store);
    }
    mutex_unlock(&p->program->lock);
}

/* ---- Loading ---- */

bool portable_touch_stack(void)
{
    uint8_t *here = __builtin_frame_address(0);
    bool is_there = true;
    for (size_t below = PAGE_SIZE; is_there && below <= STACK_FOR_LOADING; below += PAGE_SIZE) {
        is_there = hal_probe_write8(here - below, 0);
    }
    return is_there;
}

static enum status open_store(struct portable *p)
{
    const struct wasm_quota quota = {.pages = WASM_PAGES_MAX, .elements = PORTABLE_TABLE_ELEMENTS};
    enum status s;
    if (p->engine == LOAD_ENGINE_INTERPRETER) {
        const struct wasm_interpreter_options options = {.stack_bytes = INTERPRETER_STACK,
                                                         .arena_bytes = ARENA_BYTES};
        s = wasm_store_open(&wasm_interpreter, &options, &quota, &p->store);
    } else {
        const struct wasm_compiled_options options = {
            .machine = jit_machine_native,
            .jit = {.features = p->features},
            .space = &p->code.space,
            .arena_bytes = ARENA_BYTES,
            .fill = jit_native->code_fill,
        };
        s = wasm_store_open(&wasm_compiled, &options, &quota, &p->store);
    }
    if (s == OK) {
        publish_store(p);
    }
    return s;
}

static enum status load_module(struct portable *p, struct wasm_code **out)
{
    const struct wasm_bounds bounds = {.arena_bytes = ARENA_BYTES,
                                       .table_elements = PORTABLE_TABLE_ELEMENTS};
    struct wasm_error err = {.text = ""};
    struct wasm_module *m;
    enum status s = wasm_module_decode(p->bytes, p->len, &bounds, &m, &err);
    if (s != OK) {
        return refuse(p, s, err.text);
    }
    uint64_t begin = clock_now_ns();
    s = wasm_load(p->store, m, out, &err);
    p->load_ns = clock_now_ns() - begin;
    return s == OK || s == E_CANCELLED ? s : refuse(p, s, err.text);
}

/* What runs in the end: nothing else is refused once this is found. */
static enum status find_start(struct portable *p, struct wasm_extern *out)
{
    static const uint8_t name[] = "_start";
    const struct wasm_bytes start = {name, sizeof(name) - 1};
    if (!wasm_instance_export(p->instance, start, out) || out->kind != WASM_FUNCTION) {
        return refuse(p, E_UNRESOLVED, "it exports no function _start");
    }
    const struct wasm_signature *signature = out->function.signature;
    if (signature->params != 0 || signature->results != 0) {
        return refuse(p, E_UNRESOLVED, "its function _start has parameters or results");
    }
    return OK;
}

/* @return OK: it is linked and can run, or *stop says why it ended before; else it is refused. */
static enum status prepare(struct portable *p, struct wasm_extern *start, struct wasm_stop *stop)
{
    struct wasm_error err = {.text = ""};
    enum status s = open_store(p);
    if (s != OK) {
        return refuse(p, s, "");
    }
    s = portable_add_wasi(p);
    if (s != OK) {
        return refuse(p, s, "");
    }
    s = load_module(p, &p->loaded_code);
    if (s != OK) {
        return s == E_CANCELLED ? OK : s; /* *stop says that it was stopped */
    }
    portable_remember(p);
    s = wasm_instantiate(p->store, p->loaded_code, &p->instance, stop, &err);
    if (s == E_FAULT || s == E_CANCELLED) {
        return OK;
    }
    stop->outcome = WASM_RETURNED;
    return s == OK ? find_start(p, start) : refuse(p, s, err.text);
}

/* ---- Running ---- */

_Noreturn static void end(struct portable *p, const struct wasm_stop *stop)
{
    if (stop->outcome == WASM_TRAPPED) {
        portable_report(p, stop);
        program_kill(p->program, PROGRAM_FAULTED, STATUS_TRAPPED);
        thread_exit(STATUS_TRAPPED);
    }
    uint32_t status;
    if (p->wasi != NULL && wasi_has_ended(p->wasi, &status)) {
        program_exit((int)(status & 0xff));
    }
    if (stop->outcome == WASM_RETURNED) {
        program_exit(0);
    }
    thread_exit(0); /* stopped, because somebody ends it */
}

static void run(void *arg)
{
    struct portable *p = arg;
    struct wasm_stop stop = {.outcome = WASM_STOPPED};
    struct wasm_extern start;
    enum status s = portable_touch_stack() ? prepare(p, &start, &stop) : refuse(p, E_NOMEM, "");
    answer(p, s);
    if (s != OK) {
        program_exit(STATUS_TRAPPED);
    }
    if (stop.outcome == WASM_RETURNED) {
        stop.outcome = wasm_call(p->store, &start, NULL, NULL, &stop);
    }
    end(p, &stop);
}

/* ---- Starting ---- */

static void init_code(struct portable *p)
{
    p->features = jit_native_features();
    p->code = (struct code_kernel){
        .name = p->path, .has_landing_pads = (p->features & jit_machine_native->landing_pads) != 0};
    code_kernel_init(&p->code);
}

static struct portable *portable_create(const char *path, void *bytes, size_t len,
                                        const struct load_options *options)
{
    struct portable *p = heap_zalloc(sizeof(*p));
    if (p == NULL) {
        heap_free(bytes);
        return NULL;
    }
    p->resource = (struct program_resource){.release = release, .name = "portable program"};
    p->bytes = bytes;
    p->len = len;
    p->engine = options->engine;
    p->argc = options->argc;
    str_copy(p->path, sizeof(p->path), path);
    init_code(p);
    p->argv = start_copy_arguments(options->argc, options->argv);
    if (p->argv == NULL) {
        portable_free(p);
        return NULL;
    }
    return p;
}

/* Takes over p, also on failure. */
static enum status hang(struct portable *p, const struct load_options *options,
                        struct program **out)
{
    const char *slash = strrchr(p->path, '/');
    enum status s = program_create(slash == NULL ? p->path : slash + 1, &p->program);
    if (s != OK) {
        portable_free(p);
        return s;
    }
    p->program->portable = p;
    p->code.program = p->program;
    p->program->on_end = on_end;
    start_prepare(p->program, options);
    s = program_add_resource(p->program, &p->resource);
    ASSERT(s == OK); /* nobody knows the program yet */
    *out = p->program;
    return OK;
}

static enum status start_thread(struct portable *p)
{
    struct thread *t;
    const struct thread_options options = {.name = p->program->name,
                                           .entry = run,
                                           .arg = p,
                                           .priority = PRIO_NORMAL,
                                           .uses_fp = true,
                                           .program = p->program,
                                           .stack_bytes = STACK_BYTES};
    enum status s = thread_create(&options, &t);
    if (s == OK) {
        thread_detach(t);
    }
    return s;
}

/* It never ran, or was refused: nothing of it is left when this returns. */
static enum status abandon(struct program *program, enum status s)
{
    enum program_end end;
    int status;
    program_kill(program, PROGRAM_KILLED, 0);
    (void)!program_wait(program, WAIT_FOREVER, &end, &status);
    program_release(program);
    return s;
}

enum status portable_start(const char *path, void *bytes, size_t len,
                           const struct load_options *options, struct program **out,
                           struct loader_error *err)
{
    struct starting starting = {.err = err};
    struct program *program = NULL;
    completion_init(&starting.done, "start of a program");
    struct portable *p = portable_create(path, bytes, len, options);
    enum status s = p == NULL ? E_NOMEM : hang(p, options, &program);
    if (s != OK) {
        fmt_print(err->text, sizeof(err->text), "%s: %s", path, status_text(s));
        return s;
    }
    p->starting = &starting;
    if (options->before != NULL) {
        options->before(program);
    }
    s = start_thread(p);
    if (s != OK) {
        fmt_print(err->text, sizeof(err->text), "%s: %s", path, status_text(s));
        return abandon(program, s);
    }
    (void)!completion_wait_uncancellable(&starting.done, WAIT_FOREVER);
    if (starting.status != OK) {
        return abandon(program, starting.status);
    }
    *out = program;
    return OK;
}

bool portable_recognise(const void *bytes, size_t len)
{
    return len >= 4 && memcmp(bytes, "\0asm", 4) == 0;
}
