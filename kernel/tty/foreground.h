// SPDX-License-Identifier: MIT
//
// The jobs that the keys Ctrl-C, Ctrl-\ and Ctrl-Z on a console are for, and that may read it. The
// caller defines what a job is: a program, for the shell.
#pragma once

#include "kernel/lib/status.h"
#include "kernel/sched/work.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define FOREGROUND_MAX 8 /* jobs that one shell line starts */

struct foreground_job;

/** How a job reads its terminal. */
enum foreground_mode {
    FOREGROUND_LINES, /**< the line discipline: complete lines, echoed */
    FOREGROUND_KEYS,  /**< each key at once, not echoed; the keys of foreground_key still act */
    FOREGROUND_RAW,   /**< as FOREGROUND_KEYS, and every key is a byte for the job */
};

/** What the user wants of the jobs in the foreground. */
enum foreground_key {
    FOREGROUND_INTERRUPT, /**< Ctrl-C */
    FOREGROUND_QUIT,      /**< Ctrl and backslash */
    FOREGROUND_SUSPEND,   /**< Ctrl-Z */
    FOREGROUND_KEY_COUNT,
};

/** Const; none is optional. */
struct foreground_job_ops {
    void (*get)(struct foreground_job *j); /**< count a reference. @context{thread, may sleep} */
    void (*put)(struct foreground_job *j); /**< drop one. @context{thread, may sleep} */
    /** The user pressed Ctrl-C: end it. @context{the work thread} */
    void (*interrupt)(struct foreground_job *j);
    /** The user pressed Ctrl and backslash: end it at once, with a status of its own.
     * @context{the work thread} */
    void (*quit)(struct foreground_job *j);
    /** Ctrl-Z: suspend it, and wake the thread that waits for it. Nothing if it is suspended
     * already. @context{the work thread} */
    void (*suspend)(struct foreground_job *j);
    /** A thread of the job wants to read its terminal, in whose foreground the job is not: suspend
     *  the job, and return when it was resumed. The caller tests again.
     * @return OK; E_CANCELLED. @context{a thread of the job, may sleep} */
    enum status (*await_foreground)(struct foreground_job *j);
    /** A thread of the job is about to write to its terminal: wait while the job is suspended. Who
     *  suspends it waits in turn for end_output(), so that nothing is printed later.
     * @return OK; E_CANCELLED: no end_output() follows. @context{a thread of the job, may sleep} */
    enum status (*begin_output)(struct foreground_job *j);
    void (*end_output)(struct foreground_job *j);
};

/** Embedded in what the keys are for. */
struct foreground_job {
    const struct foreground_job_ops *ops; /* [I] */
    /* A mode belongs to the job, so nothing needs to restore it when the job ends or is suspended.
     * foreground.c's lock to change; relaxed to read: a job's own choice. */
    _Atomic enum foreground_mode mode;
};

/** A group of jobs. Zeroed: none. */
struct foreground {
    struct foreground_job *jobs[FOREGROUND_MAX]; /* foreground.c's lock; with references */
    unsigned count;                              /* foreground.c's lock */
    uint64_t turns;                              /* foreground.c's lock: groups so far */
    /* Number of the current group; 0: none. Release: `deliver` is set up; acquire
     * in foreground_signal(). */
    _Atomic uint64_t turn;
    /* By key, the last turn for which it was pressed. Relaxed: work_queue() orders it. */
    _Atomic uint64_t pressed[FOREGROUND_KEY_COUNT];
    /* The mode of the job that needs the most keys. Relaxed: a key that comes while it changes may
     * be treated either way. */
    _Atomic enum foreground_mode mode;
    struct work deliver; /* private */
};

/** @brief Add a job. The first one begins a turn; later ones join it, and a key that was pressed
 *     for the turn already is for them, too. Holds a reference. To continue a suspended job in the
 *     foreground, add it before it is resumed; it may read the terminal at once.
 * @pre The group has fewer than FOREGROUND_MAX jobs. A group whose jobs were suspended was cleared.
 * @context{thread} */
void foreground_add(struct foreground *f, struct foreground_job *j);

/** @brief Remove a job. The turn goes on, so that a key that is pressed now is for the other jobs.
 *     @pre Another job is left. @context{thread} */
void foreground_remove(struct foreground *f, struct foreground_job *j);

/** @brief Empty the group: the keys are for no job any
 * longer, and none may read. @context{thread} */
void foreground_clear(struct foreground *f);

/** @brief Let the work thread pass the key to the jobs of the current turn, never to those of a
 *     later turn.
 * @return false: the group is empty, or has a job in FOREGROUND_RAW. @context{any, IRQ-safe} */
bool foreground_signal(struct foreground *f, enum foreground_key key);

/** @brief True if the group contains the job. @context{thread, may sleep} */
bool foreground_has(struct foreground *f, const struct foreground_job *j);

/** @brief Set how a job reads its terminal.
 * @param f The group of that terminal. @return The mode before. @context{thread, may sleep} */
enum foreground_mode foreground_set_mode(struct foreground *f, struct foreground_job *j,
                                         enum foreground_mode mode);

/** @brief Set the function that returns the running thread's job, NULL if it has none.
 *     @context{once, at boot} */
void foreground_set_current(struct foreground_job *(*current)(void));

/** @brief The running thread's job, or NULL. @context{thread} */
struct foreground_job *foreground_current(void);
