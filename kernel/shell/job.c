// SPDX-License-Identifier: MIT
//
// Jobs, and the commands about them.
#include "kernel/shell/job.h"

#include "kernel/base/clock.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/program/program.h"
#include "kernel/sched/thread.h"
#include "kernel/shell/command.h"
#include "kernel/shell/io.h"
#include "kernel/shell/pipeline.h"
#include "kernel/tty/console.h"

/* A job's thread runs it, so the session can leave it at any time: when it is stopped, and when it
 * was begun with &. The thread waits for everything that it started and never ends early; the
 * members are cancelled instead. A job is freed when its thread has ended and its owner has
 * forgotten it.
 *
 * Field protection:  [l] jobs.lock   [q] queue.lock   [I] set before the thread starts */
struct job {
    struct foreground_job front;
    struct list_node link;  /* [l] */
    _Atomic uint32_t refs;  /* acq_rel to drop one */
    struct shell *owner;    /* [l] NULL: forgotten */
    unsigned number;        /* [I] */
    struct list members;    /* [l] */
    _Atomic bool is_killed; /* [l] to change. Relaxed: the queue's lock orders it for waiters */
    bool is_in_front;       /* [l] of its terminal: reading does not stop it */
    bool is_stopped;        /* [q] */
    bool is_done;           /* [q] after `status` */
    unsigned writers;       /* [q] threads that write to the terminal just now */
    struct wait_queue queue;
    struct thread *thread; /* [l] */
    int status;
    struct cpu_spent spent;   /* as `status` */
    int end_status;           /* [l] of its programs, if it is killed */
    bool is_told;             /* it was reported that it is stopped. Only a hint */
    struct console *terminal; /* [I] */
    struct shell *shell;      /* [I] for the thread */
    struct pipeline *pipeline;
    const struct syntax_pipe *first, *last; /* if there is no pipeline */
    char text[64];
};

static struct {
    struct mutex lock;
    struct list all;
    unsigned count; /* jobs that are not freed */
} jobs = {.lock = MUTEX_INIT(jobs.lock, "jobs"), .all = LIST_INIT(jobs.all)};

/* The owner and the job's thread have a reference each, and so has the terminal while the job is in
 * its foreground. Lock order: jobs.lock, then a job's queue.lock. A job's memory is freed without
 * jobs.lock, after the count has made room for the next one. */
static void get(struct job *job)
{
    /* Relaxed: the caller has a reference. */
    (void)atomic_fetch_add_explicit(&job->refs, 1, memory_order_relaxed);
}

static void put(struct job *job)
{
    if (atomic_fetch_sub_explicit(&job->refs, 1, memory_order_acq_rel) == 1) {
        mutex_lock(&jobs.lock);
        jobs.count--;
        mutex_unlock(&jobs.lock);
        heap_free(job);
    }
}

/* --- members --- */

/* Neither call waits: the program or the thread ends later, and pipeline.c waits for it. */
static void end_member(struct job_member *m, int status)
{
    if (m->program != NULL) {
        program_kill(m->program, PROGRAM_KILLED, status);
    } else {
        thread_cancel(m->thread);
    }
}

const _Atomic bool *job_end_flag(const struct job *job)
{
    return &job->is_killed;
}

static bool is_killed(const struct job *job)
{
    return atomic_load_explicit(&job->is_killed, memory_order_relaxed);
}

/* Under jobs.lock, like kill_locked() and set_stopped(): a kill or a stop either finds the member
 * in the list, or is seen here. `group` lets the program's own reads of the terminal find the
 * job. */
void job_add(struct job *job, struct job_member *m)
{
    mutex_lock(&jobs.lock);
    list_push_back(&job->members, &m->link);
    if (m->program != NULL) {
        m->program->group = &job->front;
    }
    if (is_killed(job)) {
        end_member(m, job->end_status);
    } else if (job->is_stopped && m->program != NULL) {
        program_suspend(m->program, SUSPENDED_BY_JOB);
    }
    mutex_unlock(&jobs.lock);
}

void job_remove(struct job *job, struct job_member *m)
{
    (void)job;
    mutex_lock(&jobs.lock);
    if (list_is_linked(&m->link)) {
        list_remove(&m->link);
    }
    mutex_unlock(&jobs.lock);
}

/* Set a flag of the job and wake those who wait for a change. The flag changes under the queue's
 * lock, so a thread that tests it and then waits cannot miss the change. */
static void change(struct job *job, bool *flag, bool value)
{
    irq_state_t state = spin_lock_irq(&job->queue.lock);
    *flag = value;
    wait_wake_all_locked(&job->queue);
    spin_unlock_irq(&job->queue.lock, state);
}

/* The first reason counts. A killed job is not stopped any longer, or its threads would wait in
 * job_is_over() and never end. is_killed is set before that, so a thread that wakes sees it.
 * job->thread is NULL once the owner has forgotten the job; then its members are cancelled alone,
 * and the thread ends when they have. */
static void kill_locked(struct job *job, int status) REQUIRES(jobs.lock)
{
    job->end_status = is_killed(job) ? job->end_status : status;
    atomic_store_explicit(&job->is_killed, true, memory_order_relaxed);
    LIST_FOR_EACH (&job->members, n) {
        end_member(CONTAINER_OF(n, struct job_member, link), job->end_status);
    }
    if (job->thread != NULL) {
        thread_cancel(job->thread);
    }
    change(job, &job->is_stopped, false);
}

static void kill_job(struct job *job, int status)
{
    mutex_lock(&jobs.lock);
    kill_locked(job, status);
    mutex_unlock(&jobs.lock);
}

/* Programs stop at once; threads before their next command. `changes` is decided once, for all
 * members and the flag together: a job that is killed, has ended, or is in the wanted state already
 * is left alone. */
static void set_stopped_locked(struct job *job, bool is_stopped) REQUIRES(jobs.lock)
{
    bool changes = !is_killed(job) && job->is_stopped != is_stopped && !job->is_done;
    LIST_FOR_EACH (&job->members, n) {
        struct program *p = CONTAINER_OF(n, struct job_member, link)->program;
        if (p != NULL && changes && is_stopped) {
            program_suspend(p, SUSPENDED_BY_JOB);
        } else if (p != NULL && changes) {
            program_resume(p, SUSPENDED_BY_JOB);
        }
    }
    if (changes) {
        change(job, &job->is_stopped, is_stopped);
    }
}

static void set_stopped(struct job *job, bool is_stopped)
{
    mutex_lock(&jobs.lock);
    set_stopped_locked(job, is_stopped);
    mutex_unlock(&jobs.lock);
}

void job_end_waits(const struct shell *sh)
{
    mutex_lock(&jobs.lock);
    LIST_FOR_EACH (&jobs.all, n) {
        struct job *job = CONTAINER_OF(n, struct job, link);
        if (job->owner == sh) {
            wait_wake_all(&job->queue);
        }
    }
    mutex_unlock(&jobs.lock);
}

/* The caller saw the job in the background. Meanwhile it may have come into the foreground, where
 * nothing would continue it. */
static void stop_in_background(struct job *job)
{
    mutex_lock(&jobs.lock);
    if (!job->is_in_front) {
        irq_state_t state = spin_lock_irq(&job->queue.lock);
        job->is_told = job->is_told && job->is_stopped; /* the owner's next prompt tells */
        spin_unlock_irq(&job->queue.lock, state);
        set_stopped_locked(job, true);
    }
    mutex_unlock(&jobs.lock);
}

enum status job_await_foreground(struct job *job)
{
    enum status s = OK;
    stop_in_background(job);
    irq_state_t state = spin_lock_irq(&job->queue.lock);
    while (s == OK && job->is_stopped) {
        s = wait_on_locked(&job->queue, &state, WAIT_FOREVER);
    }
    spin_unlock_irq(&job->queue.lock, state);
    return is_killed(job) ? E_CANCELLED : s;
}

/* Counts threads that are inside a write to the terminal. wait_for_change() waits until there are
 * none, so the prompt is not printed in the middle of a line. A thread that comes later waits here
 * until the job continues. */
enum status job_begin_output(struct job *job)
{
    enum status s = OK;
    irq_state_t state = spin_lock_irq(&job->queue.lock);
    while (s == OK && job->is_stopped) {
        s = wait_on_locked(&job->queue, &state, WAIT_FOREVER);
    }
    job->writers += s == OK ? 1 : 0;
    spin_unlock_irq(&job->queue.lock, state);
    return s;
}

void job_end_output(struct job *job)
{
    irq_state_t state = spin_lock_irq(&job->queue.lock);
    if (--job->writers == 0 && job->is_stopped) {
        wait_wake_all_locked(&job->queue);
    }
    spin_unlock_irq(&job->queue.lock, state);
}

struct foreground_job *job_front(struct job *job)
{
    return &job->front;
}

bool job_is_over(struct job *job)
{
    irq_state_t state = spin_lock_irq(&job->queue.lock);
    while (job->is_stopped && !is_killed(job)) {
        (void)!wait_uncancellable_locked(&job->queue, &state, WAIT_FOREVER);
    }
    spin_unlock_irq(&job->queue.lock, state);
    return is_killed(job);
}

/* --- the keys of its console --- */

static struct job *job_of(struct foreground_job *j)
{
    return CONTAINER_OF(j, struct job, front);
}

static void get_front(struct foreground_job *j)
{
    get(job_of(j));
}

static void put_front(struct foreground_job *j)
{
    put(job_of(j));
}

static void interrupt(struct foreground_job *j)
{
    kill_job(job_of(j), STATUS_KILLED);
}

static void quit(struct foreground_job *j)
{
    kill_job(job_of(j), STATUS_QUIT);
}

static void suspend(struct foreground_job *j)
{
    set_stopped(job_of(j), true);
}

static enum status await_foreground(struct foreground_job *j)
{
    return job_await_foreground(job_of(j));
}

static enum status begin_output(struct foreground_job *j)
{
    return job_begin_output(job_of(j));
}

static void end_output(struct foreground_job *j)
{
    job_end_output(job_of(j));
}

static const struct foreground_job_ops front_ops = {.get = get_front,
                                                    .put = put_front,
                                                    .interrupt = interrupt,
                                                    .quit = quit,
                                                    .suspend = suspend,
                                                    .await_foreground = await_foreground,
                                                    .begin_output = begin_output,
                                                    .end_output = end_output};

/* --- life --- */

/* start() holds jobs.lock until job->thread is set, and the two calls at the top wait for that. The
 * status and the time are stored before is_done, which the owner reads under the queue's lock. The
 * shell's own jobs are disowned while the shell still exists. put() comes last: it may free the
 * job. */
static void run_job(void *arg)
{
    struct job *job = arg;
    struct shell *sh = job->shell;
    mutex_lock(&jobs.lock); /* job->thread is set */
    mutex_unlock(&jobs.lock);
    thread_current()->terminal = job->terminal;
    if (job->pipeline != NULL) {
        sh->status = pipeline_run(job->pipeline, sh);
        pipeline_free(job->pipeline);
    } else {
        shell_run_chain(sh, job->first, job->last);
    }
    job->status = is_killed(job) ? job->end_status : sh->status;
    job->spent = sh->spent;
    job->spent.shell_ns += thread_run_ns();
    job_disown(sh);
    shell_put(sh);
    change(job, &job->is_done, true);
    put(job);
}

/* One more than the largest, so that a number is not used again while a later job of this shell
 * exists. */
static unsigned free_number_locked(const struct shell *sh) REQUIRES(jobs.lock)
{
    unsigned number = 1;
    LIST_FOR_EACH (&jobs.all, n) {
        const struct job *job = CONTAINER_OF(n, struct job, link);
        if (job->owner == sh && job->number >= number) {
            number = job->number + 1;
        }
    }
    return number;
}

/* The job's shell is a copy, made in the owner's thread: later changes of variables by the owner do
 * not reach it. It has a reference to the text that `first` and `last` point into (struct
 * source). */
static struct job *create(struct shell *sh, const struct syntax_pipe *first,
                          const struct syntax_pipe *last)
{
    struct job *job = heap_zalloc(sizeof *job);
    struct shell *copy = job == NULL ? NULL : shell_copy(sh);
    if (copy == NULL) {
        heap_free(job);
        return NULL;
    }
    copy->job = job;
    job->front.ops = &front_ops;
    job->is_told = true;
    job->shell = copy;
    job->first = first;
    job->last = last;
    job->terminal = thread_current()->terminal;
    job->owner = sh;
    list_init(&job->members);
    wait_queue_init(&job->queue, "job");
    atomic_init(&job->refs, 2); /* the owner's and the thread's */
    size_t len = (size_t)(last->text + last->len - first->text);
    fmt_print(job->text, sizeof job->text, "%.*s", (int)MIN(len, sizeof job->text), first->text);
    str_make_printable(job->text);
    return job;
}

/* Before its first read, which would stop it otherwise. The session's line and the job are in the
 * foreground together: Ctrl-C ends both. A key that was pressed before is for the job, too. */
static void bring_to_front_locked(struct job *job) REQUIRES(jobs.lock)
{
    console_add_foreground(&job->front);
    job->is_in_front = true;
}

/* @return false: it was freed. */
static bool start(struct job *job, bool in_front)
{
    const struct thread_options options = {.name = "job",
                                           .entry = run_job,
                                           .arg = job,
                                           .priority = PRIO_NORMAL,
                                           .placement = THREAD_ANYWHERE};
    mutex_lock(&jobs.lock);
    bool is_full = jobs.count == JOBS_MAX;
    if (is_full || thread_create(&options, &job->thread) != OK) {
        mutex_unlock(&jobs.lock);
        session_error(job->owner, 1, is_full ? "shell: too many jobs" : "shell: no memory");
        if (job->pipeline != NULL) {
            pipeline_free(job->pipeline);
        }
        shell_put(job->shell);
        heap_free(job);
        return false;
    }
    job->number = free_number_locked(job->owner);
    list_push_back(&jobs.all, &job->link);
    jobs.count++;
    if (in_front) {
        bring_to_front_locked(job);
    }
    mutex_unlock(&jobs.lock);
    return true;
}

/* Drop the owner's reference. The job leaves the list first, so no other thread finds it. If it has
 * ended its thread is joined, otherwise it is detached and frees itself when it ends. A thread that
 * has set is_done may still run for a few instructions, which thread_join() waits for. */
static void forget(struct job *job)
{
    mutex_lock(&jobs.lock);
    list_remove(&job->link);
    job->owner = NULL;
    struct thread *t = job->thread;
    job->thread = NULL;
    mutex_unlock(&jobs.lock);
    if (!job->is_done || thread_join(t, NULL) != OK) {
        thread_detach(t);
    }
    put(job);
}

#define JOB_ENDED 0u         /* any that has ended */
#define JOB_ANY   UINT32_MAX /* the newest */

/* The shell's job of that number; NULL: none. Only the shell itself forgets it. A job that is
 * returned stays valid without a reference, as long as the caller is the thread of its owner: no
 * other thread forgets it. */
static struct job *find(const struct shell *sh, unsigned number)
{
    struct job *found = NULL;
    mutex_lock(&jobs.lock);
    LIST_FOR_EACH (&jobs.all, n) {
        struct job *job = CONTAINER_OF(n, struct job, link);
        bool is_it =
            number == JOB_ENDED ? job->is_done : number == JOB_ANY || job->number == number;
        found = job->owner == sh && is_it ? job : found;
    }
    mutex_unlock(&jobs.lock);
    return found;
}

void job_disown(struct shell *sh)
{
    struct job *job;
    while ((job = find(sh, JOB_ANY)) != NULL) {
        forget(job);
    }
}

/* --- in the foreground and in the background --- */

static bool are_programs_at_rest(struct job *job)
{
    bool are_at_rest = true;
    mutex_lock(&jobs.lock);
    LIST_FOR_EACH (&job->members, n) {
        struct program *p = CONTAINER_OF(n, struct job_member, link)->program;
        are_at_rest = are_at_rest && (p == NULL || program_is_at_rest(p));
    }
    mutex_unlock(&jobs.lock);
    return are_at_rest;
}

/* True if it has ended, false if it is stopped: all of it, so that the prompt is the last that is
 * printed, and `ps` shows that it waits. An interrupt stops a thread in its program's code; one
 * that is in the kernel then runs for a moment, and no event tells when it waits. The programs are
 * tested without the queue's lock, since program_is_at_rest() takes others, and the state is
 * compared afterwards. While the job is stopped the wait has a deadline of a millisecond, because
 * no event tells when the last thread has come to rest. */
static bool wait_for_change(struct job *job)
{
    bool are_at_rest = false;
    irq_state_t state = spin_lock_irq(&job->queue.lock);
    while (!job->is_done && !(job->is_stopped && job->writers == 0 && are_at_rest)) {
        bool is_stopped = job->is_stopped;
        spin_unlock_irq(&job->queue.lock, state);
        are_at_rest = is_stopped && are_programs_at_rest(job);
        uint64_t deadline_ns = is_stopped ? clock_now_ns() + NS_PER_MS : WAIT_FOREVER;
        state = spin_lock_irq(&job->queue.lock);
        if (!job->is_done && job->is_stopped == is_stopped && !(are_at_rest && job->writers == 0)) {
            (void)!wait_uncancellable_locked(&job->queue, &state, deadline_ns);
        }
    }
    bool is_done = job->is_done;
    spin_unlock_irq(&job->queue.lock, state);
    return is_done;
}

/* Wait until a job in the foreground has ended or is stopped. The kernel's log lines are held
 * meanwhile, or they would come into the middle of its output. @return its status. */
static int wait_in_foreground(struct shell *sh, struct job *job)
{
    console_hold_log();
    bool is_done = wait_for_change(job);
    mutex_lock(&jobs.lock);
    job->is_in_front = false;
    mutex_unlock(&jobs.lock);
    console_remove_foreground(&job->front);
    console_release_log();
    if (is_done) {
        int status = job->status;
        session_add_spent(&sh->spent, &job->spent);
        forget(job);
        return status;
    }
    atomic_store_explicit(&sh->is_stopped, true, memory_order_relaxed); /* the rest of the line */
    job->is_told = true;
    console_printf("\n[%u] stopped  %s\n", job->number, job->text);
    return STATUS_STOPPED;
}

int job_run(struct shell *sh, struct pipeline *p, const struct syntax_pipe *pipe)
{
    struct job *job = create(sh, pipe, pipe);
    if (job == NULL) {
        session_error(sh, 1, "shell: no memory");
        pipeline_free(p);
        return 1;
    }
    job->pipeline = p;
    return start(job, /* in_front */ true) ? wait_in_foreground(sh, job) : 1;
}

void job_start(struct shell *sh, const struct syntax_pipe *first, const struct syntax_pipe *last)
{
    struct job *job;
    while (sh->job != NULL && (job = find(sh, JOB_ENDED)) != NULL) {
        forget(job); /* nobody is told in a script */
    }
    job = create(sh, first, last);
    if (job == NULL) {
        session_error(sh, 1, "shell: no memory");
        return;
    }
    if (start(job, /* in_front */ false)) {
        sh->status = 0;
        if (sh->depth == 0 && sh->job == NULL) {
            console_printf("[%u] %s\n", job->number, job->text);
        }
    }
}

static const char *state_of(const struct job *job, char *text, size_t len)
{
    if (!job->is_done) {
        return !job->is_stopped ? "running"
               : job->is_told   ? "stopped"
                                : "stopped, it wants to read the terminal; try fg";
    }
    if (is_killed(job)) {
        return "killed";
    }
    fmt_print(text, len, job->status == 0 ? "done" : "exit status %d", job->status);
    return text;
}

static void print_job(struct job *job)
{
    char state[24];
    console_printf("[%u] %s  %s\n", job->number, state_of(job, state, sizeof state), job->text);
    job->is_told = job->is_told || job->is_stopped;
}

/* Call fn for each job of the shell, oldest first; fn may forget it. By number and not along the
 * list: fn may forget the job, and other shells add jobs to the same list. */
static void for_each(struct shell *sh, void (*fn)(struct shell *sh, struct job *job))
{
    const struct job *newest = find(sh, JOB_ANY);
    unsigned last = newest == NULL ? 0 : newest->number;
    for (unsigned n = 1; n <= last; n++) {
        struct job *job = find(sh, n);
        if (job != NULL) {
            fn(sh, job);
        }
    }
}

/* One that has ended is reported once: here, or before the next prompt. */
static void print_one(struct shell *sh, struct job *job)
{
    (void)sh;
    bool is_done = job->is_done;
    print_job(job);
    if (is_done) {
        forget(job);
    }
}

static void report_stopped(struct shell *sh, struct job *job)
{
    (void)sh;
    if (!job->is_told && job->is_stopped) {
        print_job(job);
    }
}

void job_report(struct shell *sh)
{
    struct job *job;
    while ((job = find(sh, JOB_ENDED)) != NULL) {
        print_job(job);
        forget(job);
    }
    for_each(sh, report_stopped);
}

/* --- commands --- */

/* The job that the command names: N or %N, by default the newest one. */
static struct job *named(int argc, char **argv)
{
    struct command_io *io = io_current();
    unsigned long long number = JOB_ANY;
    if (argc > 1 &&
        (!str_to_u64(argv[1] + (argv[1][0] == '%'), &number) || number == 0 || number >= JOB_ANY)) {
        number = JOB_ANY - 1; /* none has it */
    }
    struct job *job = find(io->shell, (unsigned)number);
    if (job == NULL && argc > 1) {
        shell_complain_text(argv[0], argv[1], "no such job");
    } else if (job == NULL) {
        shell_error("%s: there is no job\n", argv[0]);
    }
    return job;
}

static bool run_jobs(int argc, char **argv)
{
    (void)argv;
    if (argc == 1) {
        for_each(io_current()->shell, print_one);
    }
    return argc == 1;
}

static bool run_fg(int argc, char **argv)
{
    struct shell *sh = io_current()->shell;
    struct job *job = named(argc, argv);
    if (job != NULL && sh->job != NULL) {
        shell_error("%s: only at the prompt\n", argv[0]);
    } else if (job != NULL) {
        console_printf("%s\n", job->text);
        mutex_lock(&jobs.lock);
        bring_to_front_locked(job); /* first, so that Ctrl-C reaches it as soon as it continues */
        set_stopped_locked(job, false);
        mutex_unlock(&jobs.lock);
        shell_set_status(wait_in_foreground(sh, job));
    }
    return argc <= 2;
}

static bool run_bg(int argc, char **argv)
{
    struct job *job = named(argc, argv);
    if (job != NULL) {
        set_stopped(job, false);
        print_job(job);
    }
    return argc <= 2;
}

/* The number of the program that the thread belongs to, whose ID `ps` shows; 0: none. */
static uint32_t program_of_thread(unsigned long long id)
{
    struct thread_info t;
    for (uint32_t i = 0; thread_get_info(i, &t); i++) {
        if (t.id == id) {
            return t.owner;
        }
    }
    return 0;
}

static bool run_kill(int argc, char **argv)
{
    unsigned long long id;
    if (argc != 2) {
        return false;
    }
    if (argv[1][0] == '%') {
        struct job *job = named(argc, argv);
        if (job != NULL) {
            kill_job(job, STATUS_ENDED);
        }
        return true;
    }
    if (!str_to_u64(argv[1], &id)) {
        return false;
    }
    uint32_t number = program_of_thread(id);
    struct program *program = number == 0 ? NULL : program_get_number(number);
    if (program == NULL) {
        shell_error("kill: %s: no program has a thread of this ID; see ps\n", argv[1]);
        return true;
    }
    program_kill(program, PROGRAM_KILLED, STATUS_ENDED);
    program_release(program);
    return true;
}

/* Wait for one job, until Ctrl-C. A stopped job is not waited for: it would never end. */
static void wait_for_job(struct shell *sh, struct job *job)
{
    const _Atomic bool *end = sh->job != NULL ? &sh->job->is_killed : &sh->is_stopped;
    enum status s = OK;
    irq_state_t state = spin_lock_irq(&job->queue.lock);
    while (s == OK && !job->is_done && !job->is_stopped &&
           !atomic_load_explicit(end, memory_order_relaxed)) {
        s = wait_on_locked(&job->queue, &state, WAIT_FOREVER);
    }
    bool is_done = job->is_done;
    spin_unlock_irq(&job->queue.lock, state);
    if (is_done) {
        shell_set_status(job->status);
        session_add_spent(&sh->spent, &job->spent);
        forget(job);
    }
}

static bool run_wait(int argc, char **argv)
{
    struct shell *sh = io_current()->shell;
    struct job *job = argc > 1 ? named(argc, argv) : NULL;
    if (job != NULL) {
        wait_for_job(sh, job);
    }
    if (argc == 1) {
        for_each(sh, wait_for_job);
    }
    return argc <= 2;
}

const struct shell_command shell_job_commands[] = {
    {"jobs", "", "list what runs in the background", run_jobs},
    {"fg", "[%JOB]", "continue a job in the foreground", run_fg},
    {"bg", "[%JOB]", "continue a stopped job in the background", run_bg},
    {"kill", "%JOB | ID", "end a job, or a program by an ID that ps shows", run_kill},
    {"wait", "[%JOB]", "wait until jobs have ended", run_wait},
    {0},
};
