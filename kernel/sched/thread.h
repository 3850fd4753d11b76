// SPDX-License-Identifier: MIT
//
// Threads and the scheduler: 64 priorities, O(1), preemptive, one run queue a CPU.
// docs/scheduling.md describes how the parts work together.
#pragma once

#include "hal/context.h"
#include "hal/cpu.h"
#include "kernel/lib/list.h"
#include "kernel/lib/status.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/wait.h"

/** Unmapped bytes below a growing stack. Code may move the stack pointer down by at most this much
 * without touching the stack. */
#define THREAD_GROWING_GUARD ((size_t)0x10000)

struct console;
struct console_sink;
struct mutex;
struct thread;
struct thread_owner;
struct run_queue;

#define PRIO_COUNT  64
#define PRIO_IDLE   0
#define PRIO_NORMAL 32
#define PRIO_HIGH   48 /* completion and interrupt threads */
/* From here on: of all threads that may move, the best run, on as many CPUs as there are. */
#define PRIO_REALTIME 56

/** A set of CPUs: CPU i is bit i. CPUs from 64 on are in no set; THREAD_ON places threads there,
 * and they stay. */
typedef uint64_t cpu_mask_t;
#define CPU_MASK_ALL (~(cpu_mask_t)0)

#define THREAD_NAME_MAX 32

/**
 * What threads belong to: a program. The scheduler knows no program; it calls these functions of
 * the room above. Const; none is optional.
 */
struct thread_owner_ops {
    /** @brief Add the counter ticks that one of its threads has run. @context{run queue locked} */
    void (*account)(struct thread_owner *o, uint64_t ticks);
    /** @brief Counter ticks that it may still run; UINT64_MAX: no limit. @context{as account} */
    uint64_t (*time_left)(const struct thread_owner *o);
    /** @brief Its time is used up. @context{one of its threads, IRQ-safe, no run queue locked} */
    void (*end_of_time)(struct thread_owner *o);
    /** @brief Charge pages for a stack that grows. @return false: over its limit.
     * @context{fault handler of one of its threads, may sleep} */
    bool (*charge)(struct thread_owner *o, uint64_t pages);
    /** @brief Undo a charge. */
    void (*uncharge)(struct thread_owner *o, uint64_t pages);
    /** @brief A new thread joins, and can be cancelled from here on, even before it has started.
     * @return OK; E_CANCELLED: the owner is ending. @context{thread} */
    enum status (*join)(struct thread_owner *o, struct thread *t);
    /** @brief The running thread leaves for good. Returns with preemption off, which must stay off
     *     until the thread has left the CPU: after the owner is freed, rcu_synchronize() waits for
     *     that. @context{thread} */
    void (*leave)(struct thread_owner *o, struct thread *t);
    /** @brief On the way out of an interrupt that found the running thread: end it if it was
     *     cancelled and holds nothing. @context{IRQ, interrupts masked} */
    void (*check_cancel)(struct thread *t, struct hal_frame *frame);
};

/** Embedded in what owns threads. */
struct thread_owner {
    const struct thread_owner_ops *ops; /* [I] */
    const char *name;                   /* [I] for `ps` and profiles */
    uint32_t id;                        /* [I] never used again */
    /* Not 0: its threads are to be found by an interrupt (check_cancel), which stops them. Each bit
     * is a reason of its own. Release to set; acquire in thread_owner_is_suspended(). */
    _Atomic uint8_t suspended;
    const _Atomic uint64_t *pages; /* [I] its memory, for `ps`; NULL: not counted */
};

/** @brief True if the owner's threads are to stop. @context{any} */
static inline bool thread_owner_is_suspended(const struct thread_owner *o)
{
    return atomic_load_explicit(&o->suspended, memory_order_acquire) != 0;
}

/* BLOCKED is 0: every wake-up compares with it. */
enum thread_state {
    THREAD_BLOCKED,
    THREAD_READY,
    THREAD_RUNNING,
    THREAD_DEAD,
    /** Ready but in no list, on its way to another CPU's
     * queue. The CPU that moves it makes it READY. */
    THREAD_MOVING,
};

/** Bits of thread.special: why a switch to or from the thread needs extra steps. */
enum thread_special {
    SPECIAL_STATE = 1 << 0,     /* it has an owner or a floating-point area */
    SPECIAL_REALTIME = 1 << 1,  /* PRIO_REALTIME or better */
    SPECIAL_MUST_MOVE = 1 << 2, /* it is on a CPU where it may no longer run */
};

/* Field protection:  [I] set before the thread first runs   [r] run queue lock of its CPU,
 * interrupts masked   [i] inherit.c's lock   [o] the thread itself                   [w] lock of
 * the queue it waits on */
struct thread {
    struct hal_context context;  /* [r] first, as hal/context.h requires */
    void *fp_area;               /* [I] NULL: this thread owns no floating-point state */
    struct list_node run_link;   /* [r] in a ready list iff READY */
    struct list_node wait_link;  /* [w] among the waiters of one queue */
    struct list_node all_link;   /* thread list lock: `ps` */
    struct list_node owner_link; /* the owner's lock */
    struct thread_owner *owner;  /* [I] NULL: a kernel thread */
    struct console *terminal;    /* [o] console that it reads and writes; NULL: the system's */
    struct console_sink *sink;   /* [o] receives its output instead of the console; NULL: none */
    const char *waiting_on;      /* [r] static name of the queue it waits on while it is BLOCKED */
    enum thread_state state;     /* [r] */
    enum status wait_result;     /* [r] why its last wait ended; set by the waker */
    /* [r] BLOCKED, and cancellation does not end the wait; false otherwise */
    bool wait_uncancellable;
    bool wait_exclusive;   /* [w] waits for a reader-writer lock to write */
    uint8_t special;       /* [r] bits of enum thread_special */
    bool can_move;         /* [r] may run on more than one of the online CPUs */
    uint8_t priority;      /* [r] the priority that it is scheduled with */
    uint8_t base_priority; /* [i] its own; `priority` is the best of this and the inherited ones */
    struct mutex *waits_for; /* [i] NULL: no mutex */
    /* [i] among threads that wait for a mutex, until the wait is reported */
    struct list_node mutex_link;
    /* [i] when that wait began: counter value, watchdog_checks() */
    uint64_t mutex_since, mutex_looks;
    struct list inherits; /* [i] mutexes that it holds and others wait for, by held_link */
    uint32_t id;          /* [I] */
    /* [r] To change, under the lock of the queue that it leaves: the queue where it runs, is ready,
     *     or will be made ready. A reader loads it (relaxed, a guess), locks that queue and loads
     *     it again with acquire, which pairs with the release in begin_migration_locked() and
     *     sched_assign_cpu(). The CPU that moved the thread may not have locked the new queue yet,
     *     and the acquire makes the state that it stored before visible. Never NULL: a unit that is
     *     not a thread is DEAD and refers to the queue of some CPU that runs. */
    _Atomic(struct run_queue *) rq;
    cpu_mask_t affinity; /* [r] CPUs where it may run */
    uint64_t stopped_at; /* [r] counter value when it last waited or was preempted */
    /* [r] when its CPU pulled it from another one; else the unit's old value */
    uint64_t arrived_at;
    uint32_t locks_held; /* [o] mutexes held; a fault while this is not 0 is a panic */
#ifdef HALYARD_DEBUG
    struct lock_list mutexes; /* [o] the lock checker's list of the mutexes that it holds */
#endif
    /* Its program is ending: blocking calls return E_CANCELLED. Release and acquire: a thread that
     * sees the flag also sees the reason. */
    _Atomic bool cancelled;
    /* [o] thread_set_async_cancel(). Relaxed: only interrupts on its own CPU read it */
    _Atomic bool is_async_cancel;
    /* [r] Counter ticks, up to the last switch or tick: run so far, and left of its slice; 0 or
     *     less: it gets a new slice. */
    uint64_t run_ticks;
    int64_t slice_left;
    uint64_t switches;        /* [r] times its unit was switched to, in all its lives */
    uint64_t switches_before; /* [I] of these, in earlier lives */
    int exit_value;           /* what it passed to thread_exit(); valid once `ended` is signalled */
    struct completion ended;  /* joiners wait here */
    /* Private: one for the joiner, and one for the thread until it has left its stack. Release when
     * the thread starts, acquire in is_live(), acq_rel to drop one. */
    _Atomic uint32_t refs;
    struct vm_range stack_range; /* [I] */
    void (*entry)(void *arg);    /* [I] */
    void *arg;                   /* [I] */
    void *runs;                  /* [o] what its program's language runs on it; NULL: nothing */
    /* [I] counter value; of a thread on its creator's CPU: when the creator was switched to */
    uint64_t created_at;
    char name[THREAD_NAME_MAX]; /* [I] */
};

enum thread_placement {
    THREAD_HERE,     /* on the creator's CPU, and on no other */
    THREAD_ANYWHERE, /* on any CPU of thread_options.affinity; it may move between them */
    THREAD_ON,       /* on thread_options.cpu, and on no other */
};

struct thread_options {
    const char *name;
    void (*entry)(void *arg);
    void *arg;
    uint8_t priority;                /* 1 to PRIO_COUNT - 1 */
    enum thread_placement placement; /* until thread_set_affinity() changes it */
    cpu_t cpu;                       /* THREAD_ON: an online CPU */
    cpu_mask_t affinity;             /* THREAD_ANYWHERE: at least one CPU of it is online. 0: all */
    bool uses_fp;                    /* floating-point state is saved and restored for it */
    struct thread_owner *owner;      /* NULL: a kernel thread */
    /* Bytes that its stack may grow to; up to HAL_STACK_SIZE, or 0: it does not grow. Code on
     * a growing stack must touch the stack 16 KiB ahead of its need, while there is still
     * room to handle the fault. */
    size_t stack_bytes;
};

/** @brief Make the running boot code a thread, create the idle thread, start preemption.
 * @context{early, once} */
void sched_init(void);

/**
 * @brief Allocate the scheduler's state for a CPU that will be started, and its idle thread, on
 *     whose stack the CPU starts.
 * @param cpu Its id is set; `current` and `run_queue` are filled in.
 * @param stack_top One past the highest byte of that stack.
 * @return false: no memory.
 * @context{thread; the CPUs with smaller ids are online, or will never be}
 */
bool sched_add_cpu(struct hal_cpu *cpu, vaddr_t *stack_top);

/** @brief Free that state for a CPU that was never told to start. @context{thread} */
void sched_remove_cpu(struct hal_cpu *cpu);

/** @brief Count the calling CPU as online and run its ready threads. @context{starting CPU, once,
 *     interrupts masked} */
_Noreturn void sched_run_cpu(void);

/**
 * @brief Create a thread and make it ready. If its program is killed
 *     meanwhile, it starts cancelled.
 * @param out The thread, with one reference for the caller: end with
 *     thread_join() or thread_detach().
 * @return OK; E_NOMEM; E_CANCELLED: options->owner is ending.
 * @context{thread}
 */
enum status thread_create(const struct thread_options *options, struct thread **out);

/** @brief End the running thread. Its stack is reused or freed once another thread runs.
 *     @context{thread} */
_Noreturn void thread_exit(int value);

/** @brief Wait until the thread has ended, fetch its exit value (NULL: not wanted) and drop the
 *     reference.
 * @return OK; E_CANCELLED: the caller was cancelled and keeps the reference.
 *     @context{thread, may sleep} */
enum status thread_join(struct thread *t, int *value);

/** @brief As thread_join(), also if the running thread is cancelled. For threads that end soon.
 * @context{thread, may sleep} */
void thread_join_uncancellable(struct thread *t);

/** @brief Drop the reference; the thread's unit is freed when it ends. @context{thread} */
void thread_detach(struct thread *t);

/** @brief Free the memory of ended threads that CPUs keep for their next ones. thread_create() does
 *     this by itself when it finds no memory. @return false: no CPU kept any.
 * @context{thread, interrupts enabled} */
bool thread_trim(void);

/** @brief The running thread. @context{thread or IRQ} */
static inline struct thread *thread_current(void)
{
    return hal_this_thread();
}

/** @brief Let another ready thread of the same or higher priority run. @context{thread} */
void thread_yield(void);

/** @brief Sleep for at least ns. @return OK, E_CANCELLED. @context{thread, may sleep} */
enum status thread_sleep(uint64_t ns);
/** @brief Sleep until clock_now_ns() reaches the deadline. @return OK, E_CANCELLED. */
enum status thread_sleep_until(uint64_t deadline_ns);

/** @brief Change a thread's own priority. While a thread of a better priority waits for a mutex
 *     that it holds, it keeps running with that one. @context{thread} */
void thread_set_priority(struct thread *t, uint8_t priority);

/**
 * @brief Set the CPUs where a thread may run. Takes effect before this returns: a waiting or ready
 *     thread is on one of them, and the caller itself continues on one. A thread that runs on a CPU
 *     that is not in the mask is interrupted and moved as soon as preemption is on there.
 * @param mask Bits of CPUs that are not online are ignored.
 * @return OK; E_INVAL: no CPU in the mask is online.
 * @context{thread; the caller holds a reference, or is the thread}
 */
enum status thread_set_affinity(struct thread *t, cpu_mask_t mask);

/** @brief The online CPUs where it may run. @context{thread} */
cpu_mask_t thread_get_affinity(struct thread *t);

/** @brief True if the thread's owner is ending. @context{any} */
static inline bool thread_is_cancelled(const struct thread *t)
{
    return atomic_load_explicit(&t->cancelled, memory_order_acquire);
}

/**
 * @brief Allow (or forbid again) that the running thread, once cancelled, ends at any
 *     instruction of kernel code too.
 *
 * For long computations. In between, the thread may change only its stack and memory that others
 * know of and free. It must take no lock, own nothing else, and cause no fault. An interrupt ends
 * it, so thread_is_cancelled() may return true for a while before that.
 * @context{thread of a program}
 */
static inline void thread_set_async_cancel(bool open)
{
    /* Only an interrupt on this CPU reads it, so compiler fences are enough. */
    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(&thread_current()->is_async_cancel, open, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
}

/** @brief Mark a thread cancelled and wake it from any wait that can be cancelled. It may still be
 *     in thread_create(). @pre the caller holds a reference, or the lock of the thread's program,
 *     so that it cannot end meanwhile.
 * @context{thread} */
void thread_cancel(struct thread *t);

/** @brief If the thread runs, let an interrupt find it soon, so that its owner can check it.
 *     @pre as thread_cancel(). @context{thread} */
void thread_interrupt(struct thread *t);

/** @brief True if the thread waits in some queue. @pre as thread_cancel(). @context{any} */
bool thread_is_waiting(struct thread *t);

/** In debug builds: end the running thread's slice now. An equal ready thread runs, if there is
 * one. Interrupts are enabled, preemption is on. */
void sched_end_slice(void);

/** Called by upcall_irq() on the way out, interrupts masked: switch threads if that is due. */
void sched_preempt_from_irq(void);

/** @brief Called by upcall_irq() after that, since the thread may have been cancelled while others
 *     ran: let its owner end it. @context{IRQ, interrupts masked} */
static ALWAYS_INLINE void thread_check_cancel(struct hal_frame *frame)
{
    struct thread *t = thread_current();
    if (UNLIKELY(t != NULL && t->owner != NULL)) {
        t->owner->ops->check_cancel(t, frame);
    }
}

/** Called by upcall_irq() when another CPU sent HAL_IPI_REEVALUATE: re-evaluate the run queue. */
void sched_reevaluate(void);

/** @brief Let threads move between the CPUs that are online now.
 *     @context{thread, after CPUs were started} */
void sched_cover_cpus(void);

/** @brief Account the time that a thread has run so far, if it is running. @context{thread, which
 * keeps t alive} */
void sched_account(struct thread *t);

/** @brief Nanoseconds that the running thread has run so far. @context{thread} */
uint64_t thread_run_ns(void);

/**
 * @brief Look at the thread with the smallest number above *id, while it cannot run.
 * @param id 0, then as it was left: the thread's number.
 * @param running_on Receives the CPU if the thread is running, and was not looked at; else CPU_MAX.
 * @param look Called with the run queue locked, or not at all if the thread has ended.
 * @return false: there is no such thread. @context{thread}
 */
bool thread_inspect(uint32_t *id, cpu_t *running_on,
                    void (*look)(void *ctx, const struct hal_context *t), void *ctx);

/** One line of `ps`. */
struct thread_info {
    uint32_t id;
    cpu_t cpu;
    enum thread_state state;
    uint8_t priority;
    uint64_t run_ns, switches;
    uint64_t age_ns; /* since it was created */
    uint64_t pages;  /* of its program; 0: it has none */
    uint32_t owner;  /* number of its program; 0: none */
    char name[THREAD_NAME_MAX], program[THREAD_NAME_MAX];
    /* Name of the queue that it waits on, or "". A copy: the name may lie in a module that is
     * unloaded once the thread wakes. */
    char waiting_on[THREAD_NAME_MAX];
    struct console *terminal; /* NULL: the system's. Consoles are never freed */
};
/** @brief Copy the i-th thread's line. @return false past the end. @context{thread} */
bool thread_get_info(uint32_t i, struct thread_info *out);

struct sched_stats {
    uint64_t switches;
    uint64_t idle_ns;      /* of all CPUs together */
    uint64_t boot_idle_ns; /* of the boot CPU */
    uint64_t moves;        /* threads pulled by another CPU */
    uint32_t threads;
};
void sched_get_stats(struct sched_stats *out);

/** @brief Number of CPUs that run threads; their ids are below it. @context{any} */
uint32_t sched_cpu_count(void);
