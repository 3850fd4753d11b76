// SPDX-License-Identifier: MIT
//
// Threads and the scheduler: 64 priorities, O(1), preemptive, one run queue a CPU.
// docs/scheduling.md says how they work together.
#pragma once

#include "hal/context.h"
#include "hal/cpu.h"
#include "kernel/lib/list.h"
#include "kernel/lib/status.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/wait.h"

/** Unmapped bytes below a stack that grows: as much as its code may step over without a look. */
#define THREAD_GROWING_GUARD ((size_t)0x10000)

struct console;
struct console_sink;
struct mutex;
struct program;
struct run_queue;

#define PRIO_COUNT    64
#define PRIO_IDLE     0
#define PRIO_NORMAL   32
#define PRIO_HIGH     48 /* completion and interrupt threads */
#define PRIO_REALTIME 56 /* from here on: of those that may move, the best run, on as many CPUs */

/** CPUs, a bit each: CPU i is bit i. Those from 64 on are in no mask: what runs there was placed
 * there by THREAD_ON, and stays. */
typedef uint64_t cpu_mask_t;
#define CPU_MASK_ALL (~(cpu_mask_t)0)

#define THREAD_NAME_MAX 32

/* Waiting is 0: what every wake-up compares with. */
enum thread_state {
    THREAD_BLOCKED,
    THREAD_READY,
    THREAD_RUNNING,
    THREAD_DEAD,
    THREAD_MOVING, /**< ready, and in no list: on its way to another CPU's. Who moves it ends that
                    */
};

/** What a switch to or from a thread has to do besides: bits of thread.special. */
enum thread_special {
    SPECIAL_STATE = 1 << 0,     /* it has a program or a floating-point area */
    SPECIAL_REALTIME = 1 << 1,  /* PRIO_REALTIME or better */
    SPECIAL_MUST_MOVE = 1 << 2, /* it is on a CPU that it may not run on any more */
};

/* Field protection:  [I] set before the thread first runs   [r] run queue lock of its CPU,
 * interrupts masked   [i] inherit.c's lock   [o] the thread itself                   [w] lock of
 * the queue it waits on */
struct thread {
    struct hal_context context;    /* [r]; first, as hal/context.h wants it */
    void *fp_area;                 /* [I] NULL: this thread owns no floating-point state */
    struct list_node run_link;     /* [r] in a ready list iff READY */
    struct list_node wait_link;    /* [w] among the waiters of one queue */
    struct list_node all_link;     /* thread list lock: `ps` */
    struct list_node program_link; /* program lock */
    struct program *program;       /* [I] NULL: a kernel thread */
    struct console *terminal;      /* [o] what it reads and writes; NULL: the system's terminal */
    struct console_sink *sink;     /* [o] where what it prints goes instead; NULL: nowhere else */
    const char *waiting_on;  /* [r] static name of the queue it waits on while it is BLOCKED */
    enum thread_state state; /* [r] */
    enum status wait_result; /* [r] why its last wait ended; decided by who makes it ready */
    bool wait_uncancellable; /* [r] BLOCKED, and cancellation does not end that; false otherwise */
    bool wait_exclusive;     /* [w] of a reader-writer lock: it waits to write */
    uint8_t special;         /* [r] bits of enum thread_special */
    bool can_move;           /* [r] it may run on more than one of the CPUs that there are */
    uint8_t priority;        /* [r] what it is scheduled with */
    uint8_t base_priority;   /* [i] its own; `priority` is the best of it and of what it inherits */
    struct mutex *waits_for; /* [i] NULL: no mutex */
    struct list_node mutex_link; /* [i] among those that wait for one, until that is reported */
    uint64_t mutex_since, mutex_looks; /* [i] when it began to: counter value, watchdog_looks() */
    struct list inherits; /* [i] mutexes that it holds and others wait for, by held_link */
    uint32_t id;          /* [I] */
    /* [r] to change, of the queue that is left: where it runs, or is ready, or will be. Who reads
     * it (relaxed: a guess) locks that queue and looks again: acquire, which pairs with the release
     * of who moved it last, and may not have locked the new queue yet. So the state that it got
     * before it was moved is seen. Never NULL: a unit that is not a thread, yet or
     * any longer, is DEAD and refers to the queue of a CPU that runs. */
    _Atomic(struct run_queue *) rq;
    cpu_mask_t affinity; /* [r] CPUs that it may run on */
    uint64_t stopped_at; /* [r] counter value when it last waited or was preempted */
    uint64_t arrived_at; /* [r] when its CPU took it from another one; its unit's, before that */
    uint32_t locks_held; /* [o] mutexes: a fault while it is not 0 is a panic */
#ifdef HALYARD_DEBUG
    struct lock_list mutexes; /* [o] the lock checker's: those that it holds */
#endif
    _Atomic bool cancelled; /* its program is being ended: blocking calls return E_CANCELLED.
                               Release and acquire: who sees it sees why */
    _Atomic bool is_open;   /* [o] thread_set_open(). Relaxed: its own interrupts look */
    /* [r] up to the last switch or tick, counter ticks: that it has run, and that are left of its
     * time slice; 0 or less: it gets a new one */
    uint64_t run_ticks;
    int64_t slice_left;
    uint64_t switches;        /* [r] times its unit was switched to, in all its lives */
    uint64_t switches_before; /* [I] in its lives before this one */
    int exit_value;           /* what it passed to thread_exit(); valid once `ended` is signalled */
    struct completion ended;  /* who joins waits here */
    _Atomic uint32_t refs;    /* private: the joiner, and the thread until it has left its stack.
                                 Release when it begins, acquire by who looks whether it has;
                                 acq_rel to drop one */
    struct vm_range stack_range; /* [I] */
    void (*entry)(void *arg);    /* [I] */
    void *arg;                   /* [I] */
    char name[THREAD_NAME_MAX];  /* [I] */
};

enum thread_place {
    THREAD_HERE,     /* on the CPU of who creates it, and nowhere else */
    THREAD_ANYWHERE, /* on any CPU of thread_options.affinity: free to move between them */
    THREAD_ON,       /* on thread_options.cpu, and nowhere else */
};

struct thread_options {
    const char *name;
    void (*entry)(void *arg);
    void *arg;
    uint8_t priority;        /* 1 to PRIO_COUNT - 1 */
    enum thread_place place; /* until thread_set_affinity() says otherwise */
    cpu_t cpu;               /* THREAD_ON: an online CPU */
    cpu_mask_t affinity;     /* THREAD_ANYWHERE: some CPU in it is online. 0: all */
    bool uses_fp;            /* floating-point state is saved and restored for it */
    struct program *program; /* its owner, or NULL */
    /* Bytes that its stack may grow to; 0, or at most HAL_STACK_SIZE: it does not grow. Code on one
     * that does must touch what it will need while there is still room for a fault to be handled:
     * 16 KiB ahead. */
    size_t stack_bytes;
};

/** @brief Make the running boot code a thread, create the idle thread, start preemption.
 * @context{early, once} */
void sched_init(void);

/**
 * @brief Give a CPU that will be started what the scheduler keeps for it, and its idle thread, on
 * whose stack it starts.
 * @param cpu        Its id is set; `current` and `run_queue` are filled in.
 * @param stack_top  One past the highest byte of that stack.
 * @return false: no memory.
 * @context{thread; the CPUs with smaller ids are online, or will never be}
 */
bool sched_add_cpu(struct hal_cpu *cpu, vaddr_t *stack_top);

/** @brief Take it back from a CPU that was not told to start. @context{thread} */
void sched_remove_cpu(struct hal_cpu *cpu);

/** @brief Count the calling CPU as online, and run what is ready on it. @context{starting CPU,
 * once, interrupts masked} */
_Noreturn void sched_run_cpu(void);

/**
 * @brief Create a thread and make it ready. If its program is killed meanwhile, it starts
 * cancelled.
 * @param out  The thread, with one reference for the caller: end with thread_join() or
 * thread_detach().
 * @return OK; E_NOMEM; E_CANCELLED: options->program is being ended.
 * @context{thread}
 */
enum status thread_create(const struct thread_options *options, struct thread **out);

/** @brief End the running thread. Its stack goes back once another thread runs. @context{thread} */
_Noreturn void thread_exit(int value);

/** @brief Wait until the thread has ended, take its value (NULL: not wanted), drop the reference.
 *  @return OK; E_CANCELLED: the caller is being ended, the reference is kept. @context{thread, may
 * sleep} */
enum status thread_join(struct thread *t, int *value);

/** @brief Drop the reference: the thread cleans up after itself. @context{thread} */
void thread_detach(struct thread *t);

/** @brief Give back the memory of ended threads that CPUs keep for their next ones. A thread for
 * which there is no memory does so by itself. @return false: nobody kept any.
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

/** @brief Change a thread's own priority; while it keeps a better one waiting for a mutex it has
 * that one's. @context{thread} */
void thread_set_priority(struct thread *t, uint8_t priority);

/**
 * @brief Say on which CPUs a thread may run. At once: one that waits or is ready is on one of them
 * when this returns, the caller itself goes on there, and one that runs on a CPU that it may no
 * more is interrupted and moved, as soon as that CPU has preemption on.
 * @param mask  Bits of CPUs that are not online mean nothing.
 * @return OK; E_INVAL: none is online.
 * @context{thread; the caller holds a reference, or is it}
 */
enum status thread_set_affinity(struct thread *t, cpu_mask_t mask);

/** @brief CPUs that are online and that it may run on. @context{thread} */
cpu_mask_t thread_get_affinity(struct thread *t);

/** @brief True if the thread's program is being ended. @context{any} */
static inline bool thread_is_cancelled(const struct thread *t)
{
    return atomic_load_explicit(&t->cancelled, memory_order_acquire);
}

/**
 * @brief From here on the running thread, if it is cancelled, ends at any instruction of the
 * kernel's code, too; or no longer.
 *
 * For long computations: what it does meanwhile changes nothing but its stack, and memory that
 * others know and give back. It takes no lock, holds nothing, and meets no fault. The end comes
 * with an interrupt, so @ref thread_is_cancelled() may be true for a while.
 * @context{thread of a program}
 */
static inline void thread_set_open(bool open)
{
    /* Only an interrupt on this CPU reads it: the fences keep the compiler's order. */
    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(&thread_current()->is_open, open, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
}

/** @brief Mark a thread cancelled and wake it out of any wait. The thread may still be in
 * thread_create(). @pre the caller holds a reference or the lock of its program: it cannot end
 * meanwhile.
 * @context{thread} */
void thread_cancel(struct thread *t);

/** Called by upcall_irq() on the way out, interrupts masked: switch if one is due. */
void sched_preempt_from_irq(void);

/** Called by upcall_irq() where another CPU asked this one to look at its run queue. */
void sched_look(void);

/** @brief The CPUs that are online now are those that threads may move between. @context{thread,
 * after CPUs were started} */
void sched_cover_cpus(void);

/** @brief Nanoseconds that the running thread has run so far. @context{thread} */
uint64_t thread_run_ns(void);

/** One line of `ps`. */
struct thread_info {
    uint32_t id;
    cpu_t cpu;
    enum thread_state state;
    uint8_t priority;
    uint64_t run_ns, switches;
    char name[THREAD_NAME_MAX], program[THREAD_NAME_MAX];
    char waiting_on[THREAD_NAME_MAX]; /* name of what it waits on, or "". A copy: the name may lie
                                         in a module that is unloaded once the thread is awake */
    char terminal[THREAD_NAME_MAX];   /* "" = the system's */
};
/** @brief Copy the i-th thread's line. @return false past the end. @context{thread} */
bool thread_get_info(uint32_t i, struct thread_info *out);

struct sched_stats {
    uint64_t switches;
    uint64_t idle_ns;      /* of all CPUs together */
    uint64_t boot_idle_ns; /* of the boot CPU */
    uint64_t moves;        /* threads that another CPU took */
    uint32_t threads;
};
void sched_get_stats(struct sched_stats *out);

/** @brief CPUs that run threads: those below this number. @context{any} */
uint32_t sched_cpu_count(void);
