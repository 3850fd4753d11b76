// SPDX-License-Identifier: MIT
//
// A program: what owns threads, memory, files, requests and a floating-point area, and is killed as
// one. How code gets in is kernel/jit/loader.h's.
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/status.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/wait.h"
#include "kernel/sched/work.h"

struct console;
struct file;
struct hal_frame;
struct thread;

#define PROGRAM_FILES_MAX 64

enum program_end {
    PROGRAM_RUNNING,
    PROGRAM_EXITED,  /**< returned from main or called exit: status is its own */
    PROGRAM_FAULTED, /**< a fault inside it; a report was printed */
    PROGRAM_KILLED,
    /** it has used all the CPU time that it was given: killed, or found when it ended by itself */
    PROGRAM_OUT_OF_TIME,
};

/** Something a program owns that must be undone when it ends, newest first. */
struct program_resource {
    struct list_node link;
    /** Release everything; runs in thread context after all the program's threads have ended. */
    void (*release)(struct program_resource *self);
    const char *name; /* static */
};

/* Field protection:  [I] set at creation   [p] lock */
struct program {
    uint32_t id;              /* [I] */
    char name[32];            /* [I] */
    struct console *terminal; /* [I] of its threads: that of who created it */
    struct mutex lock;
    struct list threads;                   /* [p] by program_link */
    struct list resources;                 /* [p] memory, modules, requests: newest first */
    struct file *files[PROGRAM_FILES_MAX]; /* [p] 0, 1, 2 = terminal unless redirected */
    char cwd[256];                         /* [p] */
    enum program_end end;                  /* [p] */
    int status;                            /* [p] exit status 0 to 255 once ended */
    uint32_t given_status;                 /* [p] of which it is made: PROGRAM_STATUS_MAX */
    /* No new threads, blocking calls return E_CANCELLED. [p] to change: release, after `end` and
     * `status`. Relaxed by who has the lock, or only wants to know. */
    _Atomic bool ending;
    uint64_t memory_pages, memory_limit_pages; /* [p] */
    bool memory_refused;                       /* [p] it wanted more than its limit */
    struct completion done;
    struct list_node all_link;
    uint64_t cpu_limit_ticks; /* [I] counter ticks that its threads may run in all; 0: no limit */
    _Atomic uint64_t
        cpu_ticks; /* relaxed: what they have run, up to the last time it was counted */
    _Atomic bool is_out_of_time; /* relaxed: the work thread has been asked to end it for that */
    struct work out_of_time;     /* private */
    /* [I] Called once, when it begins to end, by whoever ends it and with `lock` held: may set a
     * flag that the program's code looks at, and nothing else. NULL: nobody wants to know. */
    void (*on_end)(struct program *p);
    void *portable; /* [I] the loader's record of a portable program; NULL for other programs */
    void *native;   /* [I] the loader's record of what runs in it; NULL for other programs */
    /* Relaxed to take one, by who has one; acq_rel to drop it: what each did comes before the end.
     */
    _Atomic uint32_t refs;
    bool reaping;               /* [p] private: handed to the reaper, which gives everything back */
    struct list_node reap_link; /* private */
};

/** An exit status has 8 bits. What does not fit is reported as this: its low bits may be 0, and
 * then a failure would look like success. */
#define PROGRAM_STATUS_MAX 255

/** @brief Start the thread that gives back what ended programs owned. @context{once, after
 * sched_init()} */
void program_init(void);

/** @brief Create an empty program with the terminal of the running thread as its own and as files 0
 * to 2. Reference for the caller.
 *  @return OK; E_NOMEM. @context{thread} */
enum status program_create(const char *name, struct program **out);

/** @brief Program of the running thread, or NULL. */
struct program *program_current(void);

/** @brief Hang a resource on the program. @return OK; E_CANCELLED: it is being ended (nothing was
 * added). */
enum status program_add_resource(struct program *p, struct program_resource *r);
/** @brief Take a resource off without releasing it. */
void program_remove_resource(struct program *p, struct program_resource *r);

/** @brief Count pages as the program's, if its limit allows them. NULL: they are nobody's, and
 * allowed. @return false: they are too many, nothing has changed. @context{thread, may sleep} */
bool program_charge(struct program *p, uint64_t pages);
/** @brief Take back what was counted. @context{thread, may sleep} */
void program_uncharge(struct program *p, uint64_t pages);

/** @brief End it: its threads are cancelled, at any instruction of its code or in any blocking
 * call. Returns at once; program_wait() tells when everything is given back. First caller's reason
 * stands.
 *  @context{any thread, IRQ-safe through work} */
void program_kill(struct program *p, enum program_end end, int status);

/** @brief Count what a thread of it has run. @context{scheduler} */
static inline void program_account(struct program *p, uint64_t ticks)
{
    (void)atomic_fetch_add_explicit(&p->cpu_ticks, ticks, memory_order_relaxed);
}

/** @brief Counter ticks that it may still run; UINT64_MAX: no limit, or it is being ended for that
 * one already, which nobody need look at again. @context{any} */
static inline uint64_t program_time_left(const struct program *p)
{
    uint64_t used = atomic_load_explicit(&p->cpu_ticks, memory_order_relaxed);
    if (p->cpu_limit_ticks == 0 || atomic_load_explicit(&p->is_out_of_time, memory_order_relaxed)) {
        return UINT64_MAX;
    }
    return used >= p->cpu_limit_ticks ? 0 : p->cpu_limit_ticks - used;
}

/** @brief It has used up its time: have the work thread kill it (PROGRAM_OUT_OF_TIME, 119), once.
 * @context{any thread of it, IRQ-safe; no run queue is locked} */
void program_end_of_time(struct program *p);

/** @brief Wait until it has ended and all is given back. @return OK, E_TIMEDOUT, E_CANCELLED. */
enum status program_wait(struct program *p, uint64_t deadline_ns, enum program_end *end,
                         int *status);

/** @brief Drop the reference. @pre the program has had a thread, or was killed: its end frees it.
 * @context{thread} */
void program_release(struct program *p);

/** @brief End the running thread's program with a status; PROGRAM_STATUS_MAX if it is larger, or
 * negative. @context{thread of a program} */
_Noreturn void program_exit(int status);

#define FOREGROUND_MAX 8 /* programs that one line of the shell starts */

/** Which programs Ctrl-C ends: one of these a console. Zeroed: none. */
struct foreground {
    struct program *programs[FOREGROUND_MAX]; /* programs' lock, with references */
    unsigned count;                           /* programs' lock */
    uint64_t turns;        /* programs' lock: how many groups have been in front */
    _Atomic uint64_t turn; /* of the one in front; 0: none is. Release: `interrupt` is set up;
                              acquire by who interrupts */
    _Atomic uint64_t
        interrupted;       /* the last turn that is to end. Relaxed: the work's queue orders */
    struct work interrupt; /* private */
};

/** @brief Add a program: the first begins a turn, those that follow share it, and the end that it
 * may have met already. Holds a reference. @pre fewer than FOREGROUND_MAX are there.
 * @context{thread} */
void foreground_add(struct foreground *f, struct program *p);
/** @brief Nobody is in front any more. @context{thread} */
void foreground_clear(struct foreground *f);
/** @brief Kill the programs (PROGRAM_KILLED, 130), from the work thread: those in front now, never
 *  those of a later turn.
 *  @return false: there is none. @context{any, IRQ-safe} */
bool foreground_interrupt(struct foreground *f);

/** @brief On the way out of an interrupt: if it found a cancelled thread in its program's own code,
 * holding nothing of the kernel's, have the thread resume at its end. @context{IRQ, interrupts
 * masked} */
void program_check_kill(struct hal_frame *frame);

/** @brief Call fn for every program, with the list locked. */
void program_for_each(void (*fn)(void *ctx, const struct program *p), void *ctx);
