// SPDX-License-Identifier: MIT
//
// Starts a bytecode program of any format, handles its end, and frees everything. Faults in its
// code are handled in code_kernel.c.
//
// The program's own thread compiles and links, so that it can be limited and killed from the first
// byte on. The starting thread waits until the program either runs or is refused. Either the
// program's thread or the end of the program reports the result, whichever comes first.
#include "kernel/load/bytecode/bytecode_format.h"

#include "kernel/base/assert.h"
#include "kernel/base/clock.h"
#include "kernel/fault/fault.h"
#include "kernel/jit/backend.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/load/bytecode/start.h"
#include "kernel/mm/heap.h"
#include "kernel/trace/trace.h"

#define STATUS_TRAPPED 119
#define STACK_BYTES    ((size_t)1 << 20) /* for nested calls of the program */

/* ---- The result for the starting thread ---- */

/* The starting thread waits for this. It is on that thread's stack, so `p->starting` is cleared
 * before the signal. */
struct starting {
    struct completion done;
    enum status status;
    struct loader_error *err;
};

/* Called by the program's thread when it runs or is refused, and by the reaper. The two never run
 * at the same time: the reaper starts when the thread has ended. So `starting` needs no lock, and
 * the second call finds NULL. */
static void report_start(struct bytecode_program *p, enum status s)
{
    struct starting *starting = p->starting;
    if (starting != NULL) {
        p->starting = NULL;
        starting->status = s;
        completion_signal(&starting->done);
    }
}

enum status bytecode_refuse(struct bytecode_program *p, enum status s, const char *why)
{
    if (s == E_CANCELLED) {
        return OK;
    }
    struct loader_error *err = p->starting->err;
    size_t used = fmt_print(err->text, sizeof(err->text), "%s: %s", p->path,
                            why[0] == '\0' ? status_text(s) : why);
    if (s == E_NOMEM && p->program->memory_refused && used < sizeof(err->text)) {
        fmt_print(err->text + used, sizeof(err->text) - used, " (it may have %llu KiB)",
                  (unsigned long long)p->program->memory_limit_pages * (PAGE_SIZE / 1024));
    }
    str_make_printable(err->text); /* names come from the file */
    return s;
}

/* ---- Life ---- */

/* format->release() frees p itself, so the other pointers are read before. */
static void bytecode_free(struct bytecode_program *p)
{
    struct file_view file = p->file;
    void *argv = p->argv;
    bytecode_forget(p);
    bytecode_crew_free(&p->crew);
    p->format->release(p);
    file_view_close(&file);
    heap_free(argv);
}

/* All threads of the program have ended. */
static void release(struct program_resource *self)
{
    struct bytecode_program *p = CONTAINER_OF(self, struct bytecode_program, resource);
    /* it was ended before it could report: program_wait() will tell the starting thread */
    report_start(p, OK);
    bytecode_free(p);
}

/* The program ends in another thread: make its own code stop soon. */
static void on_end(struct program *program)
{
    struct bytecode_program *p = program->runtime_data;
    p->format->stop(p);
}

static const struct program_runtime bytecode_runtime = {.on_end = on_end};

/* ---- Running ---- */

/* Stacks are populated when they are first used. If memory is short, that fails with a fault, which
 * would end the program without a reason: so the pages that C code needs are touched here. */
bool bytecode_touch_stack(size_t bytes)
{
    uint8_t *here = __builtin_frame_address(0);
    bool is_there = true;
    for (size_t below = PAGE_SIZE; is_there && below <= bytes; below += PAGE_SIZE) {
        is_there = hal_probe_write8(here - below, 0);
    }
    return is_there;
}

bool bytecode_end_by_trap(struct bytecode_program *p)
{
    return program_kill(p->program, PROGRAM_FAULTED, STATUS_TRAPPED);
}

/* A stopped program was ended by another thread, which has set its status already. */
_Noreturn static void end(struct bytecode_program *p, struct bytecode_end end)
{
    switch (end.outcome) {
    case BYTECODE_TRAPPED:
        (void)bytecode_end_by_trap(p);
        thread_exit(STATUS_TRAPPED);
    case BYTECODE_RETURNED:
        program_exit((int)end.status);
    case BYTECODE_STOPPED:
        break;
    }
    thread_exit(0);
}

/* The file is charged to the program before it allocates any memory. */
static enum status load(struct bytecode_program *p)
{
    struct budget *b = &p->budget.budget;
    if (!b->charge(b, p->len)) {
        return bytecode_refuse(p, E_NOMEM, "no memory for its file");
    }
    return bytecode_touch_stack(BYTECODE_STACK_FOR_LOADING) ? p->format->load(p)
                                                            : bytecode_refuse(p, E_NOMEM, "");
}

/* The program's first thread: compile, report, run. */
static void run(void *arg)
{
    struct bytecode_program *p = arg;
    trace(TRACE_COMPILE, p->program->id, p->len, 0);
    enum status s = load(p);
    trace(TRACE_COMPILE_END, p->program->id, (uint64_t)(int64_t)s, 0);
    report_start(p, s);
    if (s != OK) {
        program_exit(STATUS_TRAPPED);
    }
    trace(TRACE_RUN, p->program->id, 0, 0);
    end(p, p->format->run(p));
}

/* ---- Starting ---- */

static void init_code(struct bytecode_program *p)
{
    p->features = jit_native_features();
    p->code = (struct code_kernel){.name = p->path,
                                   .fill = jit_native->code_fill,
                                   .has_landing_pads =
                                       (p->features & jit_machine_native->landing_pads) != 0};
    code_kernel_init(&p->code);
}

static struct bytecode_program *bytecode_create(const char *path, const struct file_view *file,
                                                const struct load_options *options)
{
    const struct bytecode_format *format = bytecode_recognise(file->bytes, file->len);
    struct bytecode_program *p = format->create();
    if (p == NULL) {
        file_view_close(file);
        return NULL;
    }
    p->format = format;
    p->resource = (struct program_resource){.release = release, .name = "portable program"};
    p->file = *file;
    p->bytes = file->bytes;
    p->len = file->len;
    p->engine = options->engine;
    p->compile_all = options->compile_all;
    p->relaxed_native = options->relaxed_native;
    p->argc = options->argc;
    p->folders = options->folders;
    p->folder_count = options->folder_count;
    str_copy(p->path, sizeof(p->path), path);
    init_code(p);
    p->argv = start_copy_arguments(options);
    if (p->argv == NULL) {
        bytecode_free(p);
        return NULL;
    }
    return p;
}

/* Create the program and make it own p. Takes ownership of p, also on failure. */
static enum status hang(struct bytecode_program *p, const struct load_options *options,
                        struct program **out)
{
    const char *slash = strrchr(p->path, '/');
    enum status s = program_create(slash == NULL ? p->path : slash + 1, &p->program);
    if (s != OK) {
        bytecode_free(p);
        return s;
    }
    p->program->runtime = &bytecode_runtime;
    p->program->runtime_data = p;
    program_budget_init(&p->budget, p->program);
    bytecode_crew_init(&p->crew, p->program);
    p->code.owner = &p->program->owner;
    p->code.budget = &p->budget.budget;
    start_prepare(p->program, options);
    s = program_add_resource(p->program, &p->resource);
    ASSERT(s == OK); /* no other thread knows the program yet */
    *out = p->program;
    return OK;
}

/* One thread compiles the program and then runs it, with a stack that is large enough for both. */
static enum status start_thread(struct bytecode_program *p)
{
    struct thread *t;
    const struct thread_options options = {.name = p->program->name,
                                           .entry = run,
                                           .arg = p,
                                           .priority = PRIO_NORMAL,
                                           .placement = THREAD_ANYWHERE,
                                           .uses_fp = true,
                                           .owner = &p->program->owner,
                                           .stack_bytes = STACK_BYTES};
    enum status s = thread_create(&options, &t);
    if (s == OK) {
        thread_detach(t);
    }
    return s;
}

/* Waits until the program is compiled or refused, so that an error can be returned. `starting` is
 * on this stack: the new thread uses it only until report_start(). */
enum status bytecode_start(const char *path, const struct file_view *file,
                           const struct load_options *options, struct program **out,
                           struct loader_error *err)
{
    struct starting starting = {.err = err};
    struct program *program = NULL;
    completion_init(&starting.done, "start of a program");
    struct bytecode_program *p = bytecode_create(path, file, options);
    enum status s = p == NULL ? E_NOMEM : hang(p, options, &program);
    if (s != OK) {
        fmt_print(err->text, sizeof(err->text), "%s: %s", path, status_text(s));
        return s;
    }
    p->starting = &starting;
    if (options->before != NULL) {
        options->before(options->before_ctx, program);
    }
    s = start_thread(p);
    if (s != OK) {
        fmt_print(err->text, sizeof(err->text), "%s: %s", path, status_text(s));
        return start_abandon(program, s);
    }
    (void)!completion_wait_uncancellable(&starting.done, WAIT_FOREVER);
    if (starting.status != OK) {
        return start_abandon(program, starting.status);
    }
    *out = program;
    return OK;
}
