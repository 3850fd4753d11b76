// SPDX-License-Identifier: MIT
//
// Seeded preemption points of debug builds. At each edge that decides the order of two CPUs or
// threads (a lock is about to be taken, is held, was released; a thread is about to wait, is woken;
// interrupts or preemption are enabled again) the CPU draws a random number and accordingly
// continues, spins for a while, or ends the running thread's slice. This widens race windows of an
// instruction or two until they are hit.
//
// Each CPU has its own generator, which starts from the seed. With one CPU and time counted in
// instructions (scripts/run --accel icount) everything follows from the seed: `digest` in struct
// preempt_stats is the same each time. With several CPUs, the decisions of each CPU are the same as
// long as it reaches the same edges; a seed that exposes a bug exposes it again, sooner or later.
//
// `preempt=SEED` on the kernel's command line starts them with the first thread. In release builds
// none of this exists.
#pragma once

#include "hal/types.h"
#include "kernel/lib/compiler.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum preempt_edge {
    PREEMPT_LOCK = 1, /**< a spinlock or a mutex is about to be taken */
    PREEMPT_LOCKED,   /**< it was taken */
    PREEMPT_UNLOCK,   /**< released; for a mutex: about to be released */
    PREEMPT_ENABLED,  /**< interrupts or preemption may be enabled again */
    PREEMPT_WAIT,     /**< the thread has tested its condition and is about to wait */
    PREEMPT_WAKE,     /**< a thread was made ready, and no CPU has been notified */
};

/** Decisions of a CPU since preempt_points_start(). */
struct preempt_stats {
    uint64_t points; /* edges reached */
    uint64_t spins;
    uint64_t switches; /* slices ended */
    uint64_t digest;   /* hash of all edges, threads and decisions, in order */
};

#ifdef HALYARD_DEBUG

/**
 * @brief Start, or restart, with a seed.
 * @param seed 0: stop.
 * @return true. A release build: false.
 * @context{thread, or before there are threads}
 */
bool preempt_points_start(uint32_t seed);

/** @brief The seed, or 0. @context{any} */
uint32_t preempt_points_seed(void);

/** @brief All fields are 0 if the CPU has reached no preemption point since the start. Another CPU
 *     may reach more meanwhile. @context{any} */
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

/* A driver in a module has points only in the functions that it calls, not in inlined code. */
#if defined(HALYARD_DEBUG) && !defined(HALYARD_MODULE)

/* Private: the function that acts on the points, NULL: off. Relaxed: a CPU may start or stop a
 * moment later; report/preempt_points.c has the seed, and `turn` tells CPUs which one to use. */
extern _Atomic(void (*)(enum preempt_edge edge)) preempt_hook;

/** @brief A preemption point. May end the running thread's slice wherever an interrupt could.
 *     @context{any} */
static ALWAYS_INLINE void preempt_point(enum preempt_edge edge)
{
    void (*hook)(enum preempt_edge) = atomic_load_explicit(&preempt_hook, memory_order_relaxed);
    if (UNLIKELY(hook != NULL)) {
        hook(edge);
    }
}

#else

static ALWAYS_INLINE void preempt_point(enum preempt_edge edge)
{
    (void)edge;
}

#endif
