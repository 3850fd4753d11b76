// SPDX-License-Identifier: MIT
//
// Programs: their resources, and how they end. kernel/load loads their code.

#include "kernel/program/program.h"

#include "hal/trap.h"
#include "hal/upcall.h"
#include "kernel/base/clock.h"
#include "kernel/base/assert.h"
#include "kernel/fault/fault.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/thread.h"
#include "kernel/trace/trace.h"

/* A program ends in two steps. program_kill() cancels every thread and returns. A cancelled thread
 * ends in one of three ways: its blocking call returns E_CANCELLED and its host call leads it to
 * thread_exit(); an interrupt finds it in the program's own code, or where it declared that it
 * holds nothing (check_cancel()); or it calls thread_exit() by itself. The last thread to
 * leave hands the program to the reaper, a thread of its own. Releasing resources may have to wait
 * for devices; a cancelled thread cannot wait, and neither can the work thread, which completes the
 * requests that the reaper waits for.
 *
 * `ending` is set under p->lock and never cleared. Threads and resources are added only under
 * p->lock while it is clear. So when the list of threads is empty and `ending` is set, both lists
 * can only shrink, and the reaper may walk them.
 *
 * References: one for the program itself from creation until it is reaped, one for each other user.
 * Lock order: programs.lock and p->lock are never held together. */

#define CONSOLE_FILES      3
#define STATUS_INTERRUPTED 130 /* as shells report it: 128 + SIGINT */
#define STATUS_QUIT        131 /* 128 + SIGQUIT */
#define STATUS_OUT_OF_TIME 119 /* as for every end that is not the program's own */

static struct {
    struct mutex lock;
    struct list all;  /* [lock] by all_link */
    uint32_t last_id; /* [lock] */
} programs;

static struct {
    struct wait_queue queue;
    struct list ended; /* [queue.lock] by reap_link */
} reaper;

static void put(struct program *p)
{
    /* Release: what this holder did comes before the free. Acquire pairs with it. */
    if (atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) == 1) {
        heap_free(p);
    }
}

static struct program *get(struct program *p)
{
    /* Relaxed: the caller has a reference already, or the lock that keeps one. */
    (void)atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

/* --- the end --- */

/* Newest first. The lock is released for release(), which may sleep or remove other
 * resources of the program. */
static struct program_resource *pop_resource(struct program *p)
{
    mutex_lock(&p->lock);
    struct list_node *n = list_pop_front(&p->resources);
    mutex_unlock(&p->lock);
    return n == NULL ? NULL : CONTAINER_OF(n, struct program_resource, link);
}

static void close_files(struct program *p)
{
    for (unsigned i = 0; i < PROGRAM_FILES_MAX; i++) {
        if (p->files[i] != NULL) {
            file_close(p->files[i]);
            p->files[i] = NULL;
        }
    }
}

/** No thread runs in the program, and nothing can be added because `ending` is set. */
static void reap(struct program *p)
{
    struct program_resource *r;
    while ((r = pop_resource(p)) != NULL) {
        r->release(r);
    }
    close_files(p);
    mutex_lock(&programs.lock);
    list_remove(&p->all_link);
    mutex_unlock(&programs.lock);
    preempt_disable(); /* as in remove_thread(): rcu_synchronize() waits for the rest */
    completion_signal(&p->done);
    put(p);
    preempt_enable();
}

static void reaper_thread(void *arg)
{
    (void)arg;
    irq_state_t state = spin_lock_irq(&reaper.queue.lock);
    for (;;) {
        struct list_node *n = list_pop_front(&reaper.ended);
        if (n == NULL) {
            (void)!wait_uncancellable_locked(&reaper.queue, &state, WAIT_FOREVER);
            continue;
        }
        spin_unlock_irq(&reaper.queue.lock, state);
        reap(CONTAINER_OF(n, struct program, reap_link));
        state = spin_lock_irq(&reaper.queue.lock);
    }
}

/** If the program is ending and has no threads left, hand it to the reaper, once. */
static void reap_if_empty_locked(struct program *p) REQUIRES(p->lock)
{
    if (p->reaping || !list_is_empty(&p->threads) ||
        !atomic_load_explicit(&p->ending, memory_order_relaxed)) {
        return;
    }
    p->reaping = true;
    trace(TRACE_PROGRAM_END, p->id, p->end, (uint64_t)p->status);
    irq_state_t state = spin_lock_irq(&reaper.queue.lock);
    list_push_back(&reaper.ended, &p->reap_link);
    wait_wake_one_locked(&reaper.queue);
    spin_unlock_irq(&reaper.queue.lock, state);
}

/* Checked again at the end: the timer's interrupt or the kill may come late. */
static bool has_used_up_its_time(const struct program *p)
{
    return p->cpu_limit_ticks != 0 &&
           atomic_load_explicit(&p->cpu_ticks, memory_order_relaxed) >= p->cpu_limit_ticks;
}

/* The first caller sets the reason and the status; later calls change nothing. Release on `ending`:
 * a thread that sees it set, or sees `cancelled`, also sees them. */
static bool end_locked(struct program *p, enum program_end end, uint32_t status) REQUIRES(p->lock)
{
    if (end == PROGRAM_EXITED && has_used_up_its_time(p)) {
        end = PROGRAM_OUT_OF_TIME;
        status = STATUS_OUT_OF_TIME;
    }
    if (atomic_load_explicit(&p->ending, memory_order_relaxed)) {
        return false;
    }
    p->end = end;
    p->given_status = status;
    p->status = (int)MIN(status, (uint32_t)PROGRAM_STATUS_MAX);
    atomic_store_explicit(&p->ending, true, memory_order_release);
    if (p->runtime != NULL) {
        p->runtime->on_end(p);
    }
    return true;
}

/* The list is stable under p->lock, so each thread in it is alive: a thread leaves the list in
 * remove_thread() before it ends. */
bool program_kill(struct program *p, enum program_end end, int status)
{
    mutex_lock(&p->lock);
    bool is_first = end_locked(p, end, (uint32_t)status);
    LIST_FOR_EACH (&p->threads, n) {
        thread_cancel(CONTAINER_OF(n, struct thread, owner_link));
    }
    reap_if_empty_locked(p);
    mutex_unlock(&p->lock);
    return is_first;
}

/* A program in the list holds a reference to itself (reap()). */
struct program *program_get_number(uint32_t id)
{
    struct program *found = NULL;
    mutex_lock(&programs.lock);
    LIST_FOR_EACH (&programs.all, n) {
        struct program *p = CONTAINER_OF(n, struct program, all_link);
        found = p->id == id ? get(p) : found;
    }
    mutex_unlock(&programs.lock);
    return found;
}

static void end_of_time(struct work *work)
{
    struct program *p = CONTAINER_OF(work, struct program, out_of_time);
    program_kill(p, PROGRAM_OUT_OF_TIME, STATUS_OUT_OF_TIME);
    put(p);
}

static struct program *program_of(const struct thread_owner *owner)
{
    return CONTAINER_OF(owner, struct program, owner);
}

static void account(struct thread_owner *owner, uint64_t ticks)
{
    (void)atomic_fetch_add_explicit(&program_of(owner)->cpu_ticks, ticks, memory_order_relaxed);
}

uint64_t program_cpu_ns(const struct program *p)
{
    return clock_counter_to_ns(atomic_load_explicit(&p->cpu_ticks, memory_order_relaxed));
}

/* A thread in the list is alive, as in program_kill(). */
uint64_t program_cpu_now_ns(struct program *p)
{
    mutex_lock(&p->lock);
    LIST_FOR_EACH (&p->threads, n) {
        sched_account(CONTAINER_OF(n, struct thread, owner_link));
    }
    mutex_unlock(&p->lock);
    return program_cpu_ns(p);
}

/* UINT64_MAX also if it is being ended for the limit already: then it need not be checked again. */
static uint64_t time_left(const struct thread_owner *owner)
{
    const struct program *p = program_of(owner);
    uint64_t used = atomic_load_explicit(&p->cpu_ticks, memory_order_relaxed);
    if (p->cpu_limit_ticks == 0 || atomic_load_explicit(&p->is_out_of_time, memory_order_relaxed)) {
        return UINT64_MAX;
    }
    return used >= p->cpu_limit_ticks ? 0 : p->cpu_limit_ticks - used;
}

/* Let the work thread kill the program (PROGRAM_OUT_OF_TIME, 119), once. */
static void use_up_time(struct thread_owner *owner)
{
    struct program *p = program_of(owner);
    /* The kill takes p->lock, which the running thread may hold. Until then time_left()
     * reports no limit; otherwise each switch would find the time used up again, and the thread
     * would never get far enough to release the lock. */
    if (!atomic_exchange_explicit(&p->is_out_of_time, true, memory_order_relaxed)) {
        (void)get(p); /* the program may end by itself before the work thread runs */
        (void)!work_queue(&p->out_of_time);
    }
}

_Noreturn void program_exit(int status)
{
    struct program *p = program_current();
    ASSERT(p != NULL);
    sched_account(thread_current());
    program_kill(p, PROGRAM_EXITED, status);
    thread_exit(status);
}

static void exit_cancelled(void *arg)
{
    (void)arg;
    thread_exit(0);
}

/*
 * An interrupt that finds less than STACK_ROOM left is handled on the CPU's own stack with
 * preemption off, because no switch is possible from there. Program code that stayed in that last
 * piece of its stack would keep all other threads from running. So if a switch is due there,
 * treat it as a stack overflow.
 */
static void end_overflow(struct hal_frame *frame)
{
    struct hal_cpu *cpu = hal_this_cpu();
    uint32_t preempt_off = cpu->preempt_off;
    struct fault fault = {.cause = FAULT_STACK_OVERFLOW,
                          .reported = FAULT_STACK_OVERFLOW,
                          .pc = hal_frame_pc(frame),
                          .frame = frame};
    /* The machine's entry code holds preemption off here, not the program. */
    cpu->preempt_off = 0;
    upcall_fault(&fault);
    cpu->preempt_off = preempt_off;
}

static void check_cancel(struct thread *t, struct hal_frame *frame)
{
    const struct hal_cpu *cpu = hal_this_cpu();
    /* A program's own code never runs with preemption off. */
    bool is_stuck = cpu->preempt_off != 0 && cpu->need_resched;
    bool is_suspended = thread_owner_is_suspended(t->owner);
    if (LIKELY(!thread_is_cancelled(t) && !is_stuck && !is_suspended)) {
        return;
    }
    /* In kernel code the thread may hold anything, unless it declared that it does not. Let it
     * continue there; the timer checks again (arm_kill_check()). */
    if (t->locks_held != 0 || !hal_frame_irqs_enabled(frame)) {
        return;
    }
    bool may_end_here =
        cpu->preempt_off == 0 && atomic_load_explicit(&t->is_async_cancel, memory_order_relaxed);
    if (!may_end_here && !fault_code_is_program(hal_frame_pc(frame))) {
        return;
    }
    /* The program's own code holds nothing, so the thread can wait here, as if it was preempted. */
    if (is_suspended && cpu->preempt_off == 0 && !thread_is_cancelled(t) &&
        fault_code_is_program(hal_frame_pc(frame))) {
        program_wait_resumed(program_of(t->owner));
    }
    if (thread_is_cancelled(t)) {
        atomic_store_explicit(&t->is_async_cancel, false,
                              memory_order_relaxed); /* exit_cancelled() is kernel code */
        fault_resume_at(frame, t->context.stack_hi, exit_cancelled, NULL);
    } else if (is_stuck) {
        end_overflow(frame);
    }
}

/* --- threads --- */

/* From then on program_kill() cancels the thread, even before it has started. */
static enum status add_thread(struct thread_owner *owner, struct thread *t)
{
    struct program *p = program_of(owner);
    t->terminal = p->terminal;
    enum status s = E_CANCELLED;
    mutex_lock(&p->lock);
    if (!atomic_load_explicit(&p->ending, memory_order_relaxed)) {
        list_push_back(&p->threads, &t->owner_link);
        s = OK;
    }
    mutex_unlock(&p->lock);
    return s;
}

/* Preemption is off from before the unlock until the thread has left the CPU (leave_owner()). The
 * reaper may free the program as soon as the lock is released, and whatever unloads code then waits
 * with rcu_synchronize() until this thread has stopped using it. */
static void remove_thread(struct thread_owner *owner, struct thread *t)
{
    struct program *p = program_of(owner);
    mutex_lock(&p->lock);
    list_remove(&t->owner_link);
    if (list_is_empty(&p->threads)) {
        /* no effect if a reason is set: all its threads have returned */
        (void)end_locked(p, PROGRAM_EXITED, 0);
    }
    reap_if_empty_locked(p);
    preempt_disable();
    mutex_unlock(&p->lock);
}

/* --- what it owns --- */

enum status program_add_resource(struct program *p, struct program_resource *r)
{
    enum status s = E_CANCELLED;
    mutex_lock(&p->lock);
    if (!atomic_load_explicit(&p->ending, memory_order_relaxed)) {
        list_push_front(&p->resources, &r->link);
        s = OK;
    }
    mutex_unlock(&p->lock);
    return s;
}

void program_remove_resource(struct program *p, struct program_resource *r)
{
    mutex_lock(&p->lock);
    if (list_is_linked(&r->link)) {
        list_remove(&r->link);
    }
    mutex_unlock(&p->lock);
}

/* Compare with the rest, not the sum with the limit: the sum could overflow. A limit that was
 * lowered may be below the pages charged already, hence the MIN. */
bool program_charge(struct program *p, uint64_t pages)
{
    if (p == NULL) {
        return true;
    }
    mutex_lock(&p->lock);
    uint64_t left = p->memory_limit_pages - MIN(p->memory_pages, p->memory_limit_pages);
    bool is_allowed = pages <= left;
    if (is_allowed) {
        p->memory_pages += pages;
    } else {
        p->memory_refused = true;
    }
    mutex_unlock(&p->lock);
    return is_allowed;
}

void program_uncharge(struct program *p, uint64_t pages)
{
    if (p == NULL) {
        return;
    }
    mutex_lock(&p->lock);
    ASSERT(pages <= p->memory_pages);
    p->memory_pages -= pages;
    mutex_unlock(&p->lock);
}

static bool charge(struct thread_owner *owner, uint64_t pages)
{
    return program_charge(program_of(owner), pages);
}

static void uncharge(struct thread_owner *owner, uint64_t pages)
{
    program_uncharge(program_of(owner), pages);
}

/* --- as a job of a console --- */

static struct program *program_of_job(struct foreground_job *j)
{
    return CONTAINER_OF(j, struct program, job);
}

static void get_job(struct foreground_job *j)
{
    (void)get(program_of_job(j));
}

static void put_job(struct foreground_job *j)
{
    put(program_of_job(j));
}

static void interrupt_job(struct foreground_job *j)
{
    program_kill(program_of_job(j), PROGRAM_KILLED, STATUS_INTERRUPTED);
}

static void quit_job(struct foreground_job *j)
{
    program_kill(program_of_job(j), PROGRAM_KILLED, STATUS_QUIT);
}

static void suspend_job(struct foreground_job *j)
{
    program_suspend(program_of_job(j), SUSPENDED_BY_JOB);
}

/* A job with a shell has the shell's operations. Without one nothing would resume the program. */
static enum status await_foreground(struct foreground_job *j)
{
    (void)j;
    return E_IO;
}

/* Likewise, nothing suspends it. */
static enum status begin_output(struct foreground_job *j)
{
    (void)j;
    return OK;
}

static void end_output(struct foreground_job *j)
{
    (void)j;
}

static struct foreground_job *current_job(void)
{
    struct program *p = program_current();
    if (p == NULL) {
        return NULL;
    }
    return p->group != NULL ? p->group : &p->job;
}

/* --- life --- */

static const struct thread_owner_ops owner_ops = {
    .account = account,
    .time_left = time_left,
    .end_of_time = use_up_time,
    .charge = charge,
    .uncharge = uncharge,
    .join = add_thread,
    .leave = remove_thread,
    .check_cancel = check_cancel,
};

void program_init(void)
{
    mutex_init(&programs.lock, "programs");
    list_init(&programs.all);
    wait_queue_init(&reaper.queue, "ended programs");
    list_init(&reaper.ended);
    foreground_set_current(current_job);
    struct thread *t;
    const struct thread_options options = {.name = "reaper",
                                           .entry = reaper_thread,
                                           .priority = PRIO_NORMAL,
                                           .placement = THREAD_ANYWHERE};
    if (thread_create(&options, &t) != OK) {
        panic("program: no memory for the reaper thread");
    }
    thread_detach(t);
}

static const struct foreground_job_ops job_ops = {.get = get_job,
                                                  .put = put_job,
                                                  .interrupt = interrupt_job,
                                                  .quit = quit_job,
                                                  .suspend = suspend_job,
                                                  .await_foreground = await_foreground,
                                                  .begin_output = begin_output,
                                                  .end_output = end_output};

static bool open_console_files(struct program *p)
{
    for (unsigned i = 0; i < CONSOLE_FILES; i++) {
        p->files[i] = file_console(i == 0);
        if (p->files[i] == NULL) {
            close_files(p);
            return false;
        }
    }
    return true;
}

enum status program_create(const char *name, struct program **out)
{
    struct program *p = heap_zalloc(sizeof *p);
    if (p == NULL || !open_console_files(p)) {
        heap_free(p);
        return E_NOMEM;
    }
    (void)str_copy(p->name, sizeof p->name, name);
    p->owner = (struct thread_owner){.ops = &owner_ops, .name = p->name, .pages = &p->memory_pages};
    p->job.ops = &job_ops;
    p->terminal = thread_current()->terminal;
    mutex_init(&p->lock, "program");
    list_init(&p->threads);
    list_init(&p->resources);
    (void)str_copy(p->cwd, sizeof p->cwd, "/");
    p->end = PROGRAM_RUNNING;
    p->memory_limit_pages = UINT64_MAX;
    p->out_of_time.run = end_of_time;
    wait_queue_init(&p->resumed, "suspended");
    completion_init(&p->done, "program");
    atomic_init(&p->refs, 2); /* the caller's and its own */

    mutex_lock(&programs.lock);
    p->id = ++programs.last_id;
    p->owner.id = p->id;
    list_push_back(&programs.all, &p->all_link);
    mutex_unlock(&programs.lock);
    trace_name(TRACE_PROGRAM, p->id, p->name);
    *out = p;
    return OK;
}

struct program *program_current(void)
{
    const struct thread *t = thread_current();
    return t == NULL || t->owner == NULL ? NULL : program_of(t->owner);
}

enum status program_wait(struct program *p, uint64_t deadline_ns, enum program_end *end,
                         int *status)
{
    enum status s = completion_wait(&p->done, deadline_ns);
    if (s != OK) {
        return s;
    }
    *end = p->end; /* constant once `done` is signalled */
    *status = p->status;
    return OK;
}

void program_release(struct program *p)
{
    put(p);
}

void program_for_each(void (*fn)(void *ctx, const struct program *p), void *ctx)
{
    mutex_lock(&programs.lock);
    LIST_FOR_EACH (&programs.all, n) {
        fn(ctx, CONTAINER_OF(n, struct program, all_link));
    }
    mutex_unlock(&programs.lock);
}
