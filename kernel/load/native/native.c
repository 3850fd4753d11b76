// SPDX-License-Identifier: MIT
//
// Starting a native program, and freeing everything when it ends.
#include "kernel/jit/backend.h"
#include "kernel/load/bytecode/start.h"
#include "kernel/load/loader.h"
#include "kernel/load/native/module_internal.h"
#include "kernel/load/native/native_internal.h"

#include "kernel/base/assert.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/thread.h"
#include "kernel/trace/trace.h"

/* Its threads are cancelled at any instruction, so the code needs no flag. */
static void on_end(struct program *p)
{
    (void)p;
}

static const struct program_runtime native_runtime = {.on_end = on_end};

struct native *native_of(const struct program *p)
{
    return p->runtime == &native_runtime ? p->runtime_data : NULL;
}

struct native *native_current(void)
{
    struct native *n = native_of(program_current());
    ASSERT(n != NULL);
    return n;
}

static void native_free(struct native *n)
{
    native_free_blocks(n);
    heap_free(n->argv);
    loader_unload(n->module);
    heap_free(n);
}

/* All threads of the program have ended, so nothing runs in the module any longer. */
static void release(struct program_resource *self)
{
    struct native *n = CONTAINER_OF(self, struct native, resource);
    for (unsigned i = 0; i < NATIVE_THREADS_MAX; i++) {
        if (n->threads[i].thread != NULL) {
            thread_detach(n->threads[i].thread);
        }
    }
    native_free(n);
}

/* Takes ownership of the reference to the module, also on failure. The module's reference belongs
 * to `n` as soon as n->module is set; native_free() drops it on every later failure. */
static enum status native_create(struct module *m, const struct load_options *options,
                                 struct native **out)
{
    struct native *n = heap_zalloc(sizeof(*n));
    if (n == NULL) {
        loader_unload(m);
        return E_NOMEM;
    }
    n->resource = (struct program_resource){.release = release, .name = "native program"};
    n->module = m;
    n->argc = options->argc;
    mutex_init(&n->lock, "native program");
    list_init(&n->blocks);
    n->argv = start_copy_arguments(options);
    if (n->argv == NULL) {
        native_free(n);
        return E_NOMEM;
    }
    *out = n;
    return OK;
}

/* The first thread of the program. A return of main() ends the program and all its threads. */
static void run_main(void *arg)
{
    struct native *n = arg;
    trace(TRACE_RUN, n->program->id, 0, 0);
    int status = jit_runtime_call(n->module->entry, (uintptr_t)n->argc, (uintptr_t)n->argv);
    program_exit(status);
}

/* Attach n to a new program and start it. Takes ownership of n, also on failure. Until
 * program_add_resource() succeeds, n is freed here; after that the program owns it, and
 * start_abandon() frees both. The parts of the module are counted as the program's memory, without
 * a test of its limit: they are allocated already, and are freed with it. `before` is called when
 * the program is complete and has no thread yet. */
static enum status start(struct native *n, const char *name, const struct load_options *options,
                         struct program **out)
{
    struct program *p;
    enum status s = program_create(name, &p);
    if (s != OK) {
        native_free(n);
        return s;
    }
    n->program = p;
    p->runtime = &native_runtime;
    p->runtime_data = n;
    start_prepare(p, options); /* no thread of it runs yet, so no lock is needed */
    for (unsigned i = 0; i < LOAD_PART_COUNT; i++) {
        p->memory_pages += n->module->memory.pages[i];
    }
    s = program_add_resource(p, &n->resource);
    if (s != OK) {
        native_free(n);
        return start_abandon(p, s);
    }

    if (options->before != NULL) {
        options->before(options->before_ctx, p);
    }
    struct thread *t;
    struct thread_options thread = {.name = name,
                                    .entry = run_main,
                                    .arg = n,
                                    .priority = PRIO_NORMAL,
                                    .placement = THREAD_ANYWHERE,
                                    .uses_fp = n->module->uses_fp,
                                    .owner = &p->owner};
    s = thread_create(&thread, &t);
    if (s != OK) {
        return start_abandon(p, s);
    }
    thread_detach(t);
    *out = p;
    return OK;
}

enum status native_start(const char *path, const void *bytes, size_t len,
                         const struct load_options *options, struct program **out,
                         struct loader_error *err)
{
    struct module *m;
    enum status s = loader_load(LOAD_PROGRAM, path, bytes, len, &m, err);
    if (s != OK) {
        return s;
    }
    if (m->entry == 0) {
        loader_unload(m);
        fmt_print(err->text, sizeof(err->text), "%s: it has no function main", path);
        return E_UNRESOLVED;
    }

    const char *slash = strrchr(path, '/');
    struct native *n;
    s = native_create(m, options, &n);
    if (s == OK) {
        s = start(n, slash == NULL ? path : slash + 1, options, out);
    }
    if (s != OK) {
        fmt_print(err->text, sizeof(err->text), "%s: %s", path, status_text(s));
    }
    return s;
}
