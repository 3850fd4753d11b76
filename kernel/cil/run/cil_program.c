// SPDX-License-Identifier: MIT
//
// A .NET assembly as a portable program: loading, compiling and calling Main.
#include "kernel/cil/run/cil_program.h"

#include "kernel/base/clock.h"
#include "kernel/cil/front/lines.h"
#include "kernel/cil/run/natives.h"
#include "kernel/cil/run/session.h"
#include "kernel/fs/vfs.h"
#include "kernel/jit/backend.h"
#include "kernel/lib/string.h"
#include "kernel/load/bytecode/bytecode_format.h"
#include "kernel/mm/heap.h"
#include "kernel/wasi/bytecode_wasi.h"

/* The window has 4 GiB; the program's memory limit is below that. */
#define WINDOW_GRANULE   UINT64_C(0x10000)
#define WINDOW_BYTES_MAX (UINT64_C(0x100000000) - WINDOW_GRANULE)

#define THREAD_STACK_BYTES ((size_t)1 << 20)
#define STACK_FOR_NATIVES  ((size_t)2 * JIT_STACK_MARGIN) /* what C for the program uses */

/* Field protection: as struct bytecode_program's. */
struct cil_program {
    struct bytecode_program bytecode;
    struct cil_session session; /* [t] */
    struct cil_runtime runtime; /* [t] */
    struct cil_code code;       /* [t] */
    struct cil_system system;   /* [t] */
    bool has_runtime, has_code; /* [t] they are to be freed */
    uint32_t words;             /* [t] the argument of Main */
    struct cil_code *published; /* [program->lock] &code once it exists */
};

static struct cil_program *program_of(const struct bytecode_program *p)
{
    return CONTAINER_OF((struct bytecode_program *)(uintptr_t)p, struct cil_program, bytecode);
}

/* ---- Life ---- */

/* The kernel has recognised the CLI header already (kernel/boot/frontends.c). */
static bool recognise(const void *bytes, size_t len)
{
    return len >= 2 && memcmp(bytes, "MZ", 2) == 0;
}

static struct bytecode_program *create(void)
{
    struct cil_program *c = heap_zalloc(sizeof(*c));
    return c == NULL ? NULL : &c->bytecode;
}

/* A program that is refused before it has a session has no budget either. The code goes first: as
 * long as a fault can find it, is_in_window() in unit_code.c reads the window's place in the
 * runtime. */
static void release(struct bytecode_program *p)
{
    struct cil_program *c = program_of(p);
    if (c->has_code) {
        cil_code_free(&c->code);
    }
    if (c->has_runtime) {
        cil_runtime_free(&c->runtime);
    }
    cil_session_close(&c->session);
    (void)budget_free_all(&p->budget.budget);
    heap_free(c);
}

static void stop(struct bytecode_program *p)
{
    const struct cil_program *c = program_of(p);
    if (c->published != NULL) {
        atomic_store_explicit(&c->published->stop, 1, memory_order_relaxed);
    }
}

/* Under the lock that stop() uses: either stop() sees the code, or this thread sees that the
 * program is ending. */
static void publish(struct cil_program *c)
{
    mutex_lock(&c->bytecode.program->lock);
    c->published = &c->code;
    if (atomic_load_explicit(&c->bytecode.program->ending, memory_order_relaxed)) {
        atomic_store_explicit(&c->code.stop, 1, memory_order_relaxed);
    }
    mutex_unlock(&c->bytecode.program->lock);
}

/* The program ends before the report: if several threads fail, one of them is reported. */
static void report(struct cil_program *c, const struct cil_runtime *r, const struct cil_stop *stop)
{
    bool is_stopped = !stop->is_trap && stop->ending == CIL_GOES_ON;
    if (!is_stopped && bytecode_end_by_trap(&c->bytecode)) {
        cil_report(c->bytecode.program->name, r, stop);
    }
}

/* ---- What the program asks of the kernel ---- */

/* One of the program's standard streams, with a reference. @return NULL: it is closed. */
static struct file *stream_of(struct program *p, uint32_t stream)
{
    mutex_lock(&p->lock);
    struct file *f = stream < LOAD_FILES ? p->files[stream] : NULL;
    if (f != NULL) {
        f = file_ref(f);
    }
    mutex_unlock(&p->lock);
    return f;
}

/* A program that was ended while it waited does not continue. */
static int32_t result_of(enum status s)
{
    return s == OK ? 0 : s == E_CANCELLED ? CIL_SYSTEM_ENDED : CIL_SYSTEM_FAILED;
}

static int32_t write_stream(struct cil_system *system, uint32_t stream, const void *bytes,
                            size_t len)
{
    (void)system;
    struct file *f = stream_of(program_current(), stream);
    enum status s = f == NULL ? E_IO : OK;
    for (size_t at = 0, done; s == OK && at < len; at += done) {
        done = 0;
        s = file_write(f, (const uint8_t *)bytes + at, len - at, &done);
    }
    if (f != NULL) {
        file_close(f);
    }
    return result_of(s);
}

static int32_t read_stream(struct cil_system *system, void *bytes, size_t len)
{
    (void)system;
    size_t done = 0;
    struct file *f = stream_of(program_current(), 0);
    enum status s = f == NULL ? E_IO : file_read(f, bytes, MIN(len, (size_t)INT32_MAX), &done);
    if (f != NULL) {
        file_close(f);
    }
    return s == OK ? (int32_t)done : result_of(s);
}

static int64_t clock_ns(struct cil_system *system, bool is_monotonic)
{
    uint64_t wall = 0; /* without a clock that knows the time */
    (void)system;
    if (!is_monotonic) {
        (void)clock_wall_ns(&wall);
    }
    return (int64_t)(is_monotonic ? clock_now_ns() : wall);
}

/* ---- Further threads ---- */

/* @return whether the program goes on. */
static bool run_thread(struct cil_program *c, struct cil_thread *t)
{
    struct cil_stop stop;
    if (cil_thread_run(t, &stop)) {
        return true;
    }
    if (!stop.is_trap && stop.ending == CIL_EXITED) {
        program_exit(t->runtime.exit_status);
    }
    report(c, &t->runtime, &stop);
    return false;
}

/* A lack of stack is found before any code runs, since a fault in C code on a missing page would be
 * the kernel's. The starter frees the thread then, so nothing here reads *t afterwards. */
static bool has_stack(const struct cil_thread *t)
{
    uint32_t *start = &t->starter->start;
    bool is_ok = bytecode_touch_stack(STACK_FOR_NATIVES);
    __atomic_store_n(start, is_ok ? CIL_START_RUNS : CIL_START_FAILED, __ATOMIC_SEQ_CST);
    (void)park_notify(start, 1);
    return is_ok;
}

static void thread_body(void *arg)
{
    struct cil_thread *t = arg;
    const struct cil_system *system = t->runtime.owner;
    struct cil_program *c =
        CONTAINER_OF((struct cil_system *)(uintptr_t)system, struct cil_program, system);
    if (has_stack(t) && run_thread(c, t)) {
        cil_thread_free(t);
    }
    thread_exit(0);
}

/* A thread may end, and be freed, before its starter sees that it has run. So the word is the
 * starter's, which does not end meanwhile, unless the whole program does. */
static bool wait_for_start(struct cil_runtime *r)
{
    uint32_t start;
    while ((start = __atomic_load_n(&r->start, __ATOMIC_SEQ_CST)) == CIL_START_UNKNOWN) {
        if (park_wait(&r->start, sizeof r->start, start, -1) == PARK_CANCELLED) {
            cil_end(r, CIL_GOES_ON);
        }
    }
    return start == CIL_START_RUNS;
}

static bool start_thread(struct cil_system *system, struct cil_thread *t)
{
    struct program *p = CONTAINER_OF(system, struct cil_program, system)->bytecode.program;
    struct cil_runtime *starter = t->starter;
    struct thread *thread;
    const struct thread_options options = {.name = p->name,
                                           .entry = thread_body,
                                           .arg = t,
                                           .priority = PRIO_NORMAL,
                                           .placement = THREAD_ANYWHERE,
                                           .uses_fp = true,
                                           .owner = &p->owner,
                                           .stack_bytes = THREAD_STACK_BYTES};
    enum status s = thread_create(&options, &thread);
    if (s == OK) {
        thread_detach(thread);
    }
    return s == OK && wait_for_start(starter);
}

static const struct cil_system kernel_system = {.write = write_stream,
                                                .read = read_stream,
                                                .clock_ns = clock_ns,
                                                .processors = sched_cpu_count,
                                                .start = start_thread};

/* ---- Loading ---- */

/* The domain names the file, the place in it and the reason. */
static enum status refuse(struct cil_program *c)
{
    const struct cil_domain *d = c->session.domain;
    return d == NULL ? bytecode_refuse(&c->bytecode, E_NOMEM, "")
                     : bytecode_refuse(&c->bytecode, d->status, d->err.text);
}

/* Its memory exists before its code: the code contains no address of it. */
static bool prepare(struct cil_program *c)
{
    uint64_t limit = ALIGN_UP(c->bytecode.program->memory_limit_pages * PAGE_SIZE, WINDOW_GRANULE);
    c->has_runtime = cil_runtime_make(&c->runtime, &c->session.unit, cil_natives, CIL_NATIVE_COUNT,
                                      MIN(WINDOW_BYTES_MAX, limit), &c->bytecode.budget.budget);
    if (!c->has_runtime) { /* no memory, or the program was ended */
        return false;
    }
    c->runtime.owner = &c->system;
    c->runtime.world->heap.now_ns = clock_now_ns;
    const struct bytecode_program *p = &c->bytecode;
    enum status s = cil_main_argument(&c->runtime, (const char *const *)p->argv + 1,
                                      (uint32_t)p->argc - 1, &c->words);
    return s == OK ||
           cil_fail(c->session.domain, c->session.assembly, 0, s, "no memory for the arguments");
}

static bool compile(struct cil_program *c)
{
    const struct cil_code_options options = {
        .machine = jit_machine_native,
        .jit = {.features = c->bytecode.features},
        .space = &c->bytecode.code.space,
        .arena_bytes = CIL_PROGRAM_ARENA,
        .fill = jit_native->code_fill,
        .running = code_kernel_running,
        .budget = &c->bytecode.budget.budget,
    };
    c->has_code = cil_code_make(&c->session.unit, &options, &c->code);
    if (c->has_code) {
        cil_code_bind(&c->code, &c->runtime);
    }
    return c->has_code;
}

/* Before the first call of the program, and only for one that calls it: it costs more than all else
 * that a small program needs. */
static enum status add_files(struct cil_program *c)
{
    c->system = kernel_system;
    return cil_files_are_used(&c->session.unit)
               ? wasi_create_for_bytecode(&c->bytecode, &c->system.wasi)
               : OK;
}

static enum status load(struct bytecode_program *p)
{
    struct cil_program *c = program_of(p);
    struct cil_session *s = &c->session;
    if (p->engine == LOAD_ENGINE_INTERPRETER) {
        return bytecode_refuse(p, E_NOTSUP, ".NET assemblies are not interpreted here");
    }
    uint64_t begin = clock_now_ns();
    p->code.place = cil_place;
    if (!cil_session_open(s, p->path, p->bytes, p->len, &p->budget.budget)) {
        return refuse(c);
    }
    uint32_t main = cil_session_main(s);
    if (main == 0 || !cil_session_build(s, main)) {
        return refuse(c);
    }
    enum status files = add_files(c);
    if (files != OK) {
        return wasi_refuse_bytecode(p, files);
    }
    if (!prepare(c) || !compile(c)) {
        return refuse(c);
    }
    cil_read_symbols(s->domain); /* a panic cannot, nor the profiler's interrupt */
    p->load_ns = clock_now_ns() - begin;
    publish(c);
    bytecode_remember(p);
    return OK;
}

/* ---- Running ---- */

static struct bytecode_end run(struct bytecode_program *p)
{
    struct cil_program *c = program_of(p);
    struct ir_bits result = {.lo = 0}, words = {.lo = 0};
    struct cil_stop stop;
    if (!c->has_code) { /* it was ended while it loaded, which is no refusal */
        return (struct bytecode_end){.outcome = BYTECODE_STOPPED};
    }
    words.lo = c->words;
    if (cil_code_run(&c->code, &words, &result, &stop)) {
        return (struct bytecode_end){.outcome = BYTECODE_RETURNED,
                                     .status = cil_main_result(&c->runtime, result.lo)};
    }
    if (!stop.is_trap && stop.ending == CIL_EXITED) {
        return (struct bytecode_end){.outcome = BYTECODE_RETURNED,
                                     .status = (uint32_t)c->runtime.exit_status};
    }
    if (!stop.is_trap && stop.ending == CIL_GOES_ON) {
        return (struct bytecode_end){.outcome = BYTECODE_STOPPED};
    }
    report(c, &c->runtime, &stop);
    return (struct bytecode_end){.outcome = BYTECODE_TRAPPED};
}

/* ---- For people ---- */

/* Read while the program runs: a line may be of two collections in part. */
static struct bytecode_heap heap_of(const struct cil_runtime *r)
{
    const struct cil_gc_figures *f = &r->world->heap.figures;
    uint64_t large = r->world->memory.upper_bytes;
    return (struct bytecode_heap){.exists = true,
                                  .bytes = r->world->length - r->world->heap.start + large,
                                  .live = f->live,
                                  .allocated = f->allocated,
                                  .survived = f->survived,
                                  .pause_ns = f->pause_ns,
                                  .longest_ns = f->longest_ns,
                                  .due = f->causes[CIL_GC_DUE],
                                  .short_of_memory = f->causes[CIL_GC_SHORT],
                                  .asked = f->causes[CIL_GC_ASKED],
                                  .minor = (uint32_t)f->minor};
}

static void describe(const struct bytecode_program *p, struct bytecode_info *out)
{
    const struct cil_program *c = program_of(p);
    out->heap = heap_of(&c->runtime);
    out->engine = "compiled";
    out->functions = c->session.unit.count;
    out->memory_bytes = c->runtime.world->length + c->runtime.world->memory.upper_bytes;
}

static bool describe_function(const struct bytecode_program *p, uint32_t n,
                              struct bytecode_function *out)
{
    const struct cil_program *c = program_of(p);
    const struct cil_unit *u = &c->session.unit;
    if (n >= u->count) {
        return false;
    }
    const struct code_function *f = code_piece_function(&c->code.piece, n);
    *out = (struct bytecode_function){.index = n,
                                      .file_bytes = u->methods[n].code_bytes,
                                      .address = c->code.piece.block.address + f->start,
                                      .code_bytes = f->size,
                                      .frame_bytes = f->frame_bytes};
    cil_session_name(u, n, out->name, sizeof(out->name));
    return true;
}

const struct bytecode_format cil_format = {
    .name = ".NET",
    .recognise = recognise,
    .create = create,
    .release = release,
    .load = load,
    .run = run,
    .stop = stop,
    .describe = describe,
    .describe_function = describe_function,
    .inspect = cil_inspect,
};
