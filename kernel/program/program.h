// SPDX-License-Identifier: MIT
//
// A program: owns threads, memory, files, requests and a floating-point area, and is killed as a
// unit. kernel/load/loader.h loads its code.
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/status.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/wait.h"
#include "kernel/sched/work.h"
#include "kernel/tty/foreground.h"

struct console;
struct file;
struct hal_frame;
struct program;
struct thread;

#define PROGRAM_FILES_MAX 64

enum program_end {
    PROGRAM_RUNNING,
    PROGRAM_EXITED,  /**< returned from main or called exit: status is its own */
    PROGRAM_FAULTED, /**< a fault in its code; a report was printed */
    PROGRAM_KILLED,
    /** its CPU time was used up: it was killed for that, or had exceeded it when it exited */
    PROGRAM_OUT_OF_TIME,
};

/** Something that a program owns and that must be released when it ends, newest first. */
struct program_resource {
    struct list_node link;
    /** Release everything; runs in thread context after all threads of the program have ended. */
    void (*release)(struct program_resource *self);
    const char *name; /* static */
};

/** What runs a program's code: one for native code, one for bytecode. Const; nothing in
 * it is optional. */
struct program_runtime {
    /** Called once, when the program begins to end, with its lock held, by the thread that ends it.
     * It may set a flag that the program's code reads, and nothing else. */
    void (*on_end)(struct program *p);
};

/* Field protection:  [I] set at creation   [p] lock */
struct program {
    struct thread_owner owner;
    struct foreground_job job;    /* Ctrl-C kills it (PROGRAM_KILLED, 130), Ctrl-\ too (131) */
    struct foreground_job *group; /* [I] the job that it is a part of; NULL: its own */
    uint32_t id;                  /* [I] */
    char name[32];                /* [I] */
    struct console *terminal;     /* [I] its threads' console: that of its creator */
    struct mutex lock;
    struct list threads;                   /* [p] by owner_link */
    struct list resources;                 /* [p] memory, modules, requests: newest first */
    struct file *files[PROGRAM_FILES_MAX]; /* [p] 0, 1, 2 = terminal unless redirected */
    char cwd[256];                         /* [p] */
    enum program_end end;                  /* [p] */
    int status;                            /* [p] exit status, 0 to 255, once ended */
    uint32_t given_status; /* [p] the value that it passed; see PROGRAM_STATUS_MAX */
    /* No new threads; blocking calls return E_CANCELLED. [p] to change: release, after `end` and
     * `status`. Relaxed if the reader holds the lock or only wants a hint. */
    _Atomic bool ending;
    /* [p] to change it; relaxed: read without the lock, for `ps` */
    _Atomic uint64_t memory_pages;
    uint64_t memory_limit_pages; /* [p] */
    bool memory_refused;         /* [p] it asked for more than its limit */
    struct wait_queue resumed;   /* threads that are suspended wait here: owner.suspended */
    struct completion done;
    struct list_node all_link;
    uint64_t cpu_limit_ticks; /* [I] counter ticks that its threads may run in total; 0: no limit */
    _Atomic uint64_t
        /* ticks that they have run, up to the last time it was counted. Relaxed: a sum */
        cpu_ticks;
    _Atomic bool is_out_of_time; /* the work thread was asked to end it for that. Relaxed: a flag */
    struct work out_of_time;     /* private */
    const struct program_runtime *runtime; /* [I] NULL: a program without code */
    void *runtime_data;                    /* [I] the runtime's record of this program */
    /* Relaxed to add one (the caller holds one); acq_rel to drop one: every holder's
     * use comes before the free. */
    _Atomic uint32_t refs;
    bool reaping;               /* [p] private: handed to the reaper */
    struct list_node reap_link; /* private */
};

/** An exit status has 8 bits. A larger value is reported as this: its low bits may be 0, and the
 * failure would look like success. */
#define PROGRAM_STATUS_MAX 255

/** @brief Start the thread that releases what ended programs owned. @context{once, after
 *     sched_init()} */
void program_init(void);

/** @brief Create an empty program. The running thread's console becomes its console and its files 0
 *     to 2. The caller gets a reference.
 * @return OK; E_NOMEM. @context{thread} */
enum status program_create(const char *name, struct program **out);

/** @brief The running thread's program, or NULL. @context{any} */
struct program *program_current(void);

/** @brief Make the program own a resource. @return OK; E_CANCELLED: it is ending
 *     (nothing was added). */
enum status program_add_resource(struct program *p, struct program_resource *r);
/** @brief Stop owning a resource, without releasing it. */
void program_remove_resource(struct program *p, struct program_resource *r);

/** @brief Charge pages to the program if its limit allows them. NULL: charged to no program, always
 *     allowed. @return false: over the limit, nothing was charged. @context{thread, may sleep} */
bool program_charge(struct program *p, uint64_t pages);
/** @brief Undo a charge. @context{thread, may sleep} */
void program_uncharge(struct program *p, uint64_t pages);

/** @brief End the program: its threads are cancelled, at any instruction of its code or in any
 *     blocking call. Returns at once; program_wait() waits until everything is released. The first
 *     caller's reason counts.
 * @return true: this call was the first. @context{any thread, IRQ-safe through work} */
bool program_kill(struct program *p, enum program_end end, int status);

/** @brief The program that has this number, with a reference for the caller (program_release()).
 * @return NULL: there is none. @context{thread, may sleep} */
struct program *program_get_number(uint32_t id);

/** @brief CPU time of its threads, up to their last switch. @context{any} */
uint64_t program_cpu_ns(const struct program *p);
/** @brief CPU time of its threads until now. @context{thread, may sleep} */
uint64_t program_cpu_now_ns(struct program *p);

/** Why a program is suspended. It continues when no reason is left. */
enum program_suspension {
    SUSPENDED_BY_JOB = 1 << 0,  /* Ctrl-Z */
    SUSPENDED_TO_LOOK = 1 << 1, /* its stacks are searched (kernel/livepatch/in_use.h) */
};

/** @brief Suspend the program: each thread stops before it runs more of the program's code, those
 *     in a host call at its end, at most a millisecond later. Until program_resume() with the same
 *     reason, or program_kill(). @context{thread, may sleep} */
void program_suspend(struct program *p, enum program_suspension why);
/** @brief True if no thread of the program runs or is about to: each was suspended, or waits in a
 *     host call. @context{thread, may sleep} */
bool program_is_at_rest(struct program *p);
/** @brief Let a suspended program continue, unless it has another reason to wait.
 * @context{thread, may sleep} */
void program_resume(struct program *p, enum program_suspension why);

/** @brief For code that is interpreted, at places where it holds nothing: wait while the running
 *     thread's program is suspended. @context{thread of a program, may sleep} */
void program_wait_resumed(struct program *p);

/** @brief Wait until it has ended and everything is released. @return OK,
 * E_TIMEDOUT, E_CANCELLED. */
enum status program_wait(struct program *p, uint64_t deadline_ns, enum program_end *end,
                         int *status);

/** @brief Drop the reference. @pre the program has had a thread or was killed, so that its end
 *     frees it.
 * @context{thread} */
void program_release(struct program *p);

/** @brief End the running thread's program with a status; PROGRAM_STATUS_MAX if it is larger or
 *     negative. @context{thread of a program} */
_Noreturn void program_exit(int status);

/** @brief Call fn for every program, with the list locked. */
void program_for_each(void (*fn)(void *ctx, const struct program *p), void *ctx);
