// SPDX-License-Identifier: MIT
//
// Spawning, running and freeing threads. A thread is one of the program's, so it ends with the
// program, and the program's limits hold for all together: the first that calls proc_exit or traps
// ends the program.
//
// A thread that returns frees its store itself. One that is killed cannot; the end of the program
// does. It is listed before any of its code runs, because its instance's start function may be
// killed, too.
#include "kernel/wasm/run/wasm_threads.h"

#include "kernel/jit/code.h"
#include "kernel/lib/string.h"
#include "kernel/load/bytecode/bytecode.h"
#include "kernel/load/bytecode/program_budget.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/thread.h"
#include "kernel/wasi/wasi.h"
#include "kernel/wasm/run/wasm_program.h"

/* What the threads of a program share, and what each has of its own. Shared: the code and the host
 * modules of the first store, the shared memory, the flag that stops all, the program's limits.
 * Own: a store, an instance with its globals and tables, a budget, a stack. A budget has no lock
 * (jit/budget.h), so each thread needs one; all of them charge the same program. The interface is
 * that of the proposal "wasi-threads": thread-spawn returns an id from 1 to 2^29 - 1, or a negative
 * number.
 *
 * A thread's struct is freed by the thread itself in run() when its function has returned; spawn()
 * if it never started; wasm_threads_free() at the end of the program, when all its threads are
 * gone. The list `running` decides, under the program's lock: the struct is in it from enlist()
 * until one of the first two takes it out. */
#define STACK_BYTES ((size_t)1 << 20)
#define STACK_FOR_HOST                                                                             \
    ((size_t)2 * JIT_STACK_MARGIN) /* what calls of the host use, and the interpreter */
#define ID_MAX UINT32_C(0x1fffffff)
#define EAGAIN 6 /* of WASI; failures are negative numbers */

struct wasm_thread {
    struct list_node link; /* [p] */
    struct wasm_threads *all;
    struct wasm_store *store;
    struct program_budget budget; /* of the store, and of this */
    struct wasm_extern start;
    uint32_t id, arg;
    struct wasm_stop stop;
};

static struct program *program_of(const struct wasm_threads *all)
{
    return all->program->program;
}

/* ---- Life ---- */

/* The budget is in the thread itself, so its own bytes are only charged. */
static struct wasm_thread *create(struct wasm_threads *all, uint32_t arg)
{
    struct wasm_thread *t = heap_zalloc(sizeof *t);
    if (t == NULL) {
        return NULL;
    }
    t->all = all;
    t->arg = arg;
    program_budget_init(&t->budget, program_of(all));
    if (!t->budget.budget.charge(&t->budget.budget, sizeof *t)) {
        heap_free(t);
        return NULL;
    }
    return t;
}

/* The store is closed first, because it returns memory to the budget; the budget itself is in the
 * struct. */
static void destroy(struct wasm_thread *t)
{
    struct budget *b = &t->budget.budget;
    wasm_store_close(t->store);
    (void)budget_free_all(b);
    b->uncharge(b, sizeof *t);
    heap_free(t);
}

/* Add a thread to the list and number it. An id is never used twice, so a program that waits for a
 * thread by its id cannot mistake another for it. A program that has used all ids cannot create
 * another thread. @return false: there are as many as there may be. */
static bool enlist(struct wasm_thread *t)
{
    struct wasm_threads *all = t->all;
    mutex_lock(&program_of(all)->lock);
    bool fits = all->count < WASM_THREADS_MAX && all->last_id < ID_MAX;
    if (fits) {
        t->id = ++all->last_id;
        all->count++;
        list_push_back(&all->running, &t->link);
    }
    mutex_unlock(&program_of(all)->lock);
    return fits;
}

static void delist(struct wasm_thread *t)
{
    struct wasm_threads *all = t->all;
    mutex_lock(&program_of(all)->lock);
    all->count--;
    list_remove(&t->link);
    mutex_unlock(&program_of(all)->lock);
}

/* ---- Running ---- */

/* The test of the flag matters for a thread that was created while the program was being stopped:
 * its store may be new, but the flag is the first store's. A lack of stack is found before the
 * program's code runs, since a fault in C code on a missing page would be the kernel's. */
static enum wasm_outcome call(struct wasm_thread *t)
{
    const uint64_t args[] = {t->id, t->arg};
    if (wasm_store_is_stopped(t->store)) {
        return WASM_STOPPED;
    }
    if (!bytecode_touch_stack(STACK_FOR_HOST)) {
        t->stop = (struct wasm_stop){.outcome = WASM_TRAPPED, .trap = IR_TRAP_NO_MEMORY};
        return WASM_TRAPPED;
    }
    return wasm_call(t->store, &t->start, args, NULL, &t->stop);
}

/* The outcome is acted on before the thread is taken out of the list: wasm_end_by_trap() reads
 * t->stop. If the thread is ended in the program's code, nothing after the call runs, and
 * wasm_threads_free() frees the struct. */
static void run(void *arg)
{
    struct wasm_thread *t = arg;
    uint32_t status;
    enum wasm_outcome outcome = call(t);
    if (outcome == WASM_TRAPPED || outcome == WASM_THROWN) {
        wasm_end_by_trap(t->all->program, &t->stop);
    } else if (wasi_has_ended(t->all->wasi, &status)) {
        program_exit((int)status);
    }
    delist(t);
    destroy(t);
    thread_exit(0);
}

/* ---- Spawning ---- */

/* wasi_thread_start(i32 id, i32 arg) */
static bool find_start(const struct wasm_instance *i, struct wasm_extern *out)
{
    static const char name[] = "wasi_thread_start";
    const struct wasm_bytes bytes = {(const uint8_t *)name, sizeof name - 1};
    if (!wasm_instance_export(i, bytes, out) || out->kind != WASM_FUNCTION) {
        return false;
    }
    const struct wasm_signature *s = out->function.signature;
    return s->params == 2 && s->results == 0 && s->types[0] == WASM_I32 && s->types[1] == WASM_I32;
}

/* The instance's start function runs here, on the thread that spawns. It can trap, run for long or
 * be killed, so the thread is in the list by now. is_prepared is set last: may_spawn() looks at it
 * from the new instance's code only. */
static enum status prepare(struct wasm_thread *t)
{
    const struct wasm_quota quota = {
        .pages = WASM_PAGES_MAX, .elements = WASM_PROGRAM_ELEMENTS, .budget = &t->budget.budget};
    struct wasm_error err;
    struct wasm_instance *i;
    enum status s = wasm_store_fork(t->all->store, &quota, &t->store);
    if (s == OK) {
        s = wasm_instantiate(t->store, t->all->code, &i, &t->stop, &err);
    }
    if (s == OK && !find_start(i, &t->start)) {
        s = E_NOENT;
    }
    if (s == OK) {
        t->store->is_prepared = true;
    }
    return s;
}

static enum status start(struct wasm_thread *t)
{
    struct program *p = program_of(t->all);
    struct thread *thread;
    const struct thread_options options = {.name = p->name,
                                           .entry = run,
                                           .arg = t,
                                           .priority = PRIO_NORMAL,
                                           .placement = THREAD_ANYWHERE,
                                           .uses_fp = true,
                                           .owner = &p->owner,
                                           .stack_bytes = STACK_BYTES};
    enum status s = thread_create(&options, &thread);
    if (s == OK) {
        thread_detach(thread);
    }
    return s;
}

/* Takes over t. @param id Its number, which may be in use no longer when this returns. @return
 * E_FAULT: the new instance's start function trapped, which is the thread's trap and has ended the
 * program. The id is stored first: once start() has succeeded the thread may have ended and freed
 * `t`, so nothing here may use it any more. */
static enum status spawn(struct wasm_thread *t, uint32_t *id)
{
    if (!enlist(t)) {
        destroy(t);
        return E_NOMEM;
    }
    *id = t->id;
    enum status s = prepare(t);
    if (s == OK) {
        s = start(t);
    }
    if (s == E_FAULT) {
        wasm_end_by_trap(t->all->program, &t->stop);
    }
    if (s != OK) {
        delist(t);
        destroy(t);
    }
    return s;
}

/* WASI calls of all threads use one memory, and code that is compiled while it runs is for one
 * thread only. A start function that runs for a new thread starts none: that would recurse on the
 * stack of the thread that spawns. The first condition makes sure of that: such a module was
 * compiled as a whole (may_have_threads() in wasm_compiled.c). */
static bool may_spawn(const struct wasm_threads *all, const struct wasm_store *from)
{
    const struct wasm_module *m = all->code->module;
    return m->imported[WASM_MEMORY] > 0 && m->memories[0].limits.is_shared &&
           (from->first == NULL || from->is_prepared);
}

static enum wasm_outcome thread_spawn(struct wasm_host *h, const uint64_t *args, uint64_t *results,
                                      enum ir_trap *trap)
{
    (void)trap;
    struct wasm_threads *all = h->data;
    struct wasm_thread *t = may_spawn(all, h->store) ? create(all, (uint32_t)args[0]) : NULL;
    uint32_t id;
    enum status s = t == NULL ? E_NOMEM : spawn(t, &id);
    if (s == E_FAULT || s == E_CANCELLED) {
        return WASM_STOPPED;
    }
    results[0] = s == OK ? id : (uint32_t)-EAGAIN;
    return WASM_RETURNED;
}

/* ---- For the program ---- */

static const struct wasm_host_function functions[] = {{"thread-spawn", "i:i", thread_spawn, NULL}};
static const struct wasm_host_module module = {
    .name = "wasi", .functions = functions, .count = ARRAY_COUNT(functions)};

enum status wasm_threads_add(struct wasm_threads *t)
{
    list_init(&t->running);
    return wasm_store_add_host(t->store, &module, t);
}

enum status wasm_threads_add_memories(struct wasm_threads *t, const struct wasm_module *m,
                                      struct wasm_error *err)
{
    for (uint32_t n = 0; n < m->import_count; n++) {
        const struct wasm_import *i = &m->imports[n];
        if (i->kind != WASM_MEMORY || !m->memories[i->index].limits.is_shared) {
            continue;
        }
        enum status s =
            wasm_store_add_memory(t->store, i->module, i->name, &m->memories[i->index].limits);
        if (s != OK) {
            return s == E_CANCELLED
                       ? s
                       : wasm_complain(err, s, "import", (uint32_t)(i->module.bytes - m->bytes),
                                       "no memory for a shared memory of %llu pages",
                                       (unsigned long long)m->memories[i->index].limits.min);
        }
    }
    return OK;
}

void wasm_threads_free(struct wasm_threads *t)
{
    struct list_node *n;
    while (t->running.head.next != NULL && (n = list_pop_front(&t->running)) != NULL) {
        destroy(CONTAINER_OF(n, struct wasm_thread, link));
    }
}
