// SPDX-License-Identifier: MIT
//
// Compiling all functions of a module on several threads. The functions are divided into parts of
// about the same size. Each thread compiles one part after the other. The parts are put together in
// their order, so the code is what one thread would have made.
#include "kernel/wasm/run/wasm_engine.h"

#include "kernel/jit/crew.h"

#include <stdatomic.h>

/* What makes this safe without locks: the module and the options are only read while the threads
 * run, every part is compiled by exactly one of them (`next` is incremented atomically), and each
 * has its own arena and budget. What a function's code depends on (m->ir.moves_context) does not
 * change meanwhile; each part notes its own finding, and finish() combines that when all have
 * returned. If it changed anything, compile_functions() in wasm_compiled.c compiles all again.
 *
 * The result must not depend on timing. Parts are put together by number. Of several failures the
 * first function's counts, as with one thread: parts before a failed one are always compiled. */
#define PART_LEAST       16384u /* bytes of bodies */
#define PARTS_PER_THREAD 8u     /* so that all threads end at about the same time */

/** Consecutive functions: from `first` to before `end`. */
struct part {
    uint32_t first, end;
    struct code_builder builder;
    enum status status;
    bool moves_context; /* one of the functions may end in a call with another context */
    struct wasm_error err;
};

/** What the threads share. It belongs to the program's budget, so that it stays when the thread
 * that waits for them is ended. */
struct job {
    const struct wasm_compiled_options *options;
    const struct wasm_store *store;
    struct wasm_module *m;
    _Atomic uint32_t next;   /* the part that is compiled next */
    _Atomic uint32_t failed; /* the parts from here on need not be compiled */
    uint32_t count;
    struct part parts[];
};

static uint64_t bytes_of(const struct wasm_module *m)
{
    uint64_t sum = 0;
    for (uint32_t n = m->imported[WASM_FUNCTION]; n < m->function_count; n++) {
        sum += m->functions[n].body_size;
    }
    return sum;
}

/* The last part takes everything that is left, so there are at most `most` parts, for which
 * new_job() has allocated room. A part may be larger than part_bytes by one function. */
static void divide(struct job *job, uint32_t most, uint64_t part_bytes)
{
    const struct wasm_module *m = job->m;
    uint32_t n = m->imported[WASM_FUNCTION];
    while (n < m->function_count) {
        struct part *p = &job->parts[job->count++];
        uint64_t bytes = 0;
        for (p->first = n; n < m->function_count && (bytes < part_bytes || job->count == most);) {
            bytes += m->functions[n++].body_size;
        }
        p->end = n;
    }
}

/* @return NULL: no memory, or too little to do. */
static struct job *new_job(const struct wasm_compiled_options *o, const struct wasm_store *store,
                           struct wasm_module *m)
{
    uint64_t bytes = bytes_of(m);
    uint64_t most = MIN(bytes / PART_LEAST, (uint64_t)o->crew->count * PARTS_PER_THREAD);
    struct job *job =
        most < 2 ? NULL
                 : budget_zalloc(store->budget, sizeof *job + (size_t)most * sizeof(struct part));
    if (job != NULL) {
        job->options = o;
        job->store = store;
        job->m = m;
        divide(job, (uint32_t)most, bytes / most);
        job->failed = job->count;
    }
    return job;
}

static void free_job(struct job *job)
{
    for (uint32_t n = 0; n < job->count; n++) {
        code_builder_free(&job->parts[n].builder);
    }
    budget_free(job->store->budget, job);
}

/* ---- On each thread ---- */

static enum status compile_part(struct job *job, struct part *p, struct budget *budget,
                                struct arena *arena)
{
    enum status s = OK;
    p->builder = (struct code_builder){.fill = job->options->fill, .budget = budget};
    for (uint32_t n = p->first; s == OK && n < p->end; n++) {
        s = wasm_store_is_stopped(job->store)
                ? E_CANCELLED
                : compiled_function(job->options, &p->builder, job->m, n, arena, &p->moves_context,
                                    &p->err);
    }
    return s;
}

/* A part that comes after one that failed is not compiled; those before it are, because the error
 * of the first function counts. `failed` starts at the number of parts and only falls, so one
 * comparison ends the loop in both cases. The builder's memory is in this thread's budget, which
 * passes to the caller with the crew's return (crew.h). */
static void compile_parts(void *arg, struct budget *budget)
{
    struct job *job = arg;
    struct arena arena;
    arena_init_paid(&arena, job->options->arena_bytes, budget);
    for (;;) {
        uint32_t n = atomic_fetch_add(&job->next, 1);
        if (n >= atomic_load(&job->failed)) {
            break;
        }
        struct part *p = &job->parts[n];
        p->status = compile_part(job, p, budget, &arena);
        if (p->status != OK) {
            jit_crew_note_failure(&job->failed, n);
        }
    }
    arena_free_all(&arena);
}

/* ---- Together ---- */

/* Each part is freed as soon as it was copied, or all code would be in memory twice at the end. The
 * numbers of functions ascend over the parts, as code_builder_append() requires. */
static enum status join_parts(struct job *job, struct code_builder *b, struct wasm_error *err)
{
    enum status s = OK;
    for (uint32_t n = 0; s == OK && n < job->count; n++) {
        struct code_builder *part = &job->parts[n].builder;
        uint32_t added = 0;
        s = wasm_store_is_stopped(job->store) ? E_CANCELLED : code_builder_append(b, part, &added);
        if (s != OK && s != E_CANCELLED) {
            (void)compiled_fail(err, s, job->m, job->parts[n].first + added, status_text(s));
        }
        code_builder_free(part);
        *part = (struct code_builder){.budget = NULL};
    }
    return s;
}

static enum status finish(struct job *job, struct code_builder *b, struct wasm_error *err)
{
    uint32_t failed = atomic_load(&job->failed);
    for (uint32_t n = 0; n < job->count; n++) {
        job->m->ir.moves_context = job->m->ir.moves_context || job->parts[n].moves_context;
    }
    if (failed < job->count) {
        *err = job->parts[failed].err;
        return job->parts[failed].status;
    }
    return join_parts(job, b, err);
}

/* Several threads need more memory at once than one: after E_NOMEM the caller tries again with one
 * thread. If the program is killed, run() may not return, and the job is freed with the program's
 * budget. */
bool compiled_in_parallel(const struct wasm_compiled_options *o, const struct wasm_store *store,
                          struct code_builder *b, struct wasm_module *m, struct wasm_error *err,
                          enum status *out)
{
    struct job *job = o->crew == NULL || o->crew->count < 2 ? NULL : new_job(o, store, m);
    if (job == NULL) {
        return false;
    }
    bool is_done = o->crew->run(o->crew, compile_parts, job, store->budget);
    *out = is_done ? finish(job, b, err) : E_CANCELLED;
    free_job(job);
    return *out != E_NOMEM;
}
