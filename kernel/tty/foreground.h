// SPDX-License-Identifier: MIT
//
// The jobs that Ctrl-C on a console ends. The caller
// defines what a job is: a program, for the shell.
#pragma once

#include "kernel/sched/work.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define FOREGROUND_MAX 8 /* jobs that one shell line starts */

struct foreground_job;

/** Const; none is optional. */
struct foreground_job_ops {
    void (*get)(struct foreground_job *j); /**< count a reference. @context{thread, may sleep} */
    void (*put)(struct foreground_job *j); /**< drop one. @context{thread, may sleep} */
    void (*interrupt)(
        struct foreground_job *j); /**< the user pressed Ctrl-C. @context{the work thread} */
};

/** Embedded in what Ctrl-C ends. */
struct foreground_job {
    const struct foreground_job_ops *ops; /* [I] */
};

/** A group of jobs. Zeroed: none. */
struct foreground {
    struct foreground_job *jobs[FOREGROUND_MAX]; /* foreground.c's lock; with references */
    unsigned count;                              /* foreground.c's lock */
    uint64_t turns;                              /* foreground.c's lock: groups so far */
    /* Number of the current group; 0: none. Release: `interrupt` is set up; acquire
     * in foreground_interrupt(). */
    _Atomic uint64_t turn;
    _Atomic uint64_t interrupted; /* The last turn to be ended. Relaxed: work_queue() orders it. */
    struct work interrupt;        /* private */
};

/** @brief Add a job. The first one begins a turn; later ones join it and are interrupted at once if
 *     the turn was interrupted already. Holds a reference.
 * @pre The group has fewer than FOREGROUND_MAX jobs.
 * @context{thread} */
void foreground_add(struct foreground *f, struct foreground_job *j);

/** @brief Empty the group: Ctrl-C no longer ends any job. @context{thread} */
void foreground_clear(struct foreground *f);

/** @brief Interrupt the jobs of the current turn from the work thread, never those of a later turn.
 * @return false: the group is empty. @context{any, IRQ-safe} */
bool foreground_interrupt(struct foreground *f);
