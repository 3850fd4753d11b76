// SPDX-License-Identifier: MIT
//
// Seeded preemption points of debug builds. At each edge where the order of two CPUs or two threads
// is decided (a lock is about to be taken, is held, was given up; a thread is about to wait, is
// woken; interrupts or preemption are on again) a CPU draws a number, and by it goes on, spins for
// a while, or ends the running thread's slice there and then. A window of an instruction or two is
// so made wide enough to be hit.
//
// Each CPU has a generator of its own, which begins from the seed. With one CPU and time counted in
// instructions (scripts/run --accel icount) all that happens follows from the seed: `digest` in
// struct preempt_stats is the same each time. On several CPUs the decisions of each are the same,
// as far as it comes to the same edges; a seed that shows a mistake shows it again, sooner or
// later.
//
// `preempt=SEED` on the kernel's command line starts them with the first thread. In release builds
// nothing of this exists.
#pragma once

#include "hal/types.h"
#include "kernel/lib/compiler.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum preempt_edge {
    PREEMPT_LOCK = 1, /**< a spinlock or a mutex is about to be taken */
    PREEMPT_LOCKED,   /**< it was taken */
    PREEMPT_UNLOCK,   /**< it was given up; a mutex: it is about to be */
    PREEMPT_ENABLED,  /**< interrupts or preemption may be on again */
    PREEMPT_WAIT,     /**< the thread has looked, and is about to wait */
    PREEMPT_WAKE,     /**< a thread was made ready, and nobody has been told */
};

/** What a CPU has decided since preempt_points_start(). */
struct preempt_stats {
    uint64_t points; /* edges that were come to */
    uint64_t spins;
    uint64_t switches; /* slices that were ended */
    uint64_t digest;   /* of all edges, who came to each and what was decided, in their order */
};

#ifdef HALYARD_DEBUG

/**
 * @brief Begin, or begin again, with a seed.
 * @param seed  0: no more preemption points.
 * @return true. A release build: false.
 * @context{thread, or before there are threads}
 */
bool preempt_points_start(uint32_t seed);

/** @brief The seed, or 0. @context{any} */
uint32_t preempt_points_seed(void);

/** @brief All 0 if it has come to no edge since. Another CPU may go on meanwhile. @context{any} */
void preempt_points_get(cpu_t cpu, struct preempt_stats *out);

#else

static inline bool preempt_points_start(uint32_t seed)
{
    (void)seed;
    return false;
}

static inline uint32_t preempt_points_seed(void)
{
    return 0;
}

static inline void preempt_points_get(cpu_t cpu, struct preempt_stats *out)
{
    (void)cpu;
    *out = (struct preempt_stats){.points = 0};
}

#endif

/* A driver in a module has points in the functions that it calls, none in what is inlined. */
#if defined(HALYARD_DEBUG) && !defined(HALYARD_MODULE)

/* Private: the seed, 0: off. Any thread writes it; every CPU reads it. Relaxed: that a CPU begins a
 * moment later or goes on a moment longer is as good; what a seed starts is told by the turn that
 * preempt_points.c keeps. */
extern _Atomic uint32_t preempt_seed;
void preempt_point_taken(enum preempt_edge edge);

/** @brief An edge. May end the running thread's slice where an interrupt could. @context{any} */
static ALWAYS_INLINE void preempt_point(enum preempt_edge edge)
{
    if (UNLIKELY(atomic_load_explicit(&preempt_seed, memory_order_relaxed) != 0)) {
        preempt_point_taken(edge);
    }
}

#else

static ALWAYS_INLINE void preempt_point(enum preempt_edge edge)
{
    (void)edge;
}

#endif
