// SPDX-License-Identifier: MIT
//
// The lock checker of debug builds. It learns, as the kernel runs, in which order locks are taken
// and in which contexts, and reports what could deadlock with other timing, without a deadlock
// having happened:
//
//   - locks taken in the reverse of an order seen before, directly or through other locks;
//   - a spinlock that is taken in an interrupt and elsewhere with interrupts enabled, or that is
//     held in an interrupt while waiting for one that is taken with interrupts enabled;
//   - a call that may sleep in an interrupt, with preemption off, with interrupts masked, or with a
//     spinlock held;
//   - a lock without a name, or more locks than the tables have room for.
//
// A lock taken twice by one CPU or thread, and a thread that ends while it holds one, panic,
// because they cannot continue. Locks are grouped in classes: spinlocks by the place where they are
// declared (SPINLOCK_INIT), wait queues and mutexes by name. Two locks of one class may be held
// together if they are always taken in the same order of their addresses.
//
// Each CPU records its own locks. The shared tables (classes, orders) are only added to, without a
// lock. A report is created where the problem is found, and logged once that CPU holds no spinlock,
// because the log takes locks itself. In release builds none of this exists.
#pragma once

#include "hal/types.h"
#include "kernel/lib/compiler.h"

#include <stddef.h>

struct mutex;
struct rwlock;
struct spinlock;
struct thread;

enum lock_fault {
    LOCK_ORDER,   /**< taken in both orders */
    LOCK_IRQ,     /**< an interrupt can wait for the code that it interrupted */
    LOCK_SLEEP,   /**< a call that may sleep in a context that must not */
    LOCK_UNNAMED, /**< used without initialisation */
    LOCK_ROOM,    /**< no room for more classes, orders or held locks */
    LOCK_FAULTS
};

#define LOCK_CHAIN 4u /* frames that are stored for the place where a held lock was taken */

/** A lock that is held or waited for. */
struct lock_held {
    const void *lock;
    uint32_t turn; /* distinguishes one acquisition from the next; 0: still waiting */
    uint8_t class;
    uintptr_t chain[LOCK_CHAIN];
};

#define LOCKS_HELD_MAX 12u

/** The locks of a CPU (spinlocks) or of a thread (mutexes), in the order in
 * which they were taken. */
struct lock_list {
    uint32_t count;
    struct lock_held held[LOCKS_HELD_MAX];
};

#ifdef HALYARD_DEBUG

/** What the locks call once report/lockcheck.c has installed it. Const; none is optional. */
struct lockcheck_ops {
    /** Check that the caller may sleep, even if it does not sleep this time. `what`: name of the
     * caller, static. */
    void (*may_sleep)(const char *what);
    /** Check that the caller may sleep now. `locks`: spinlocks that it holds and releases
     * while it sleeps. */
    void (*sleeps)(unsigned locks);
    /** Panic if the thread, the running one, holds a lock. */
    void (*ends)(const struct thread *t);
    /** The turn of the first spinlock that a CPU holds; 0: it holds none. The same value twice: it
     * has held that lock all the time in between. */
    uint32_t (*turn)(cpu_t cpu);
    /** Print the spinlocks that a CPU holds and where each was taken. For another CPU the list may
     * change meanwhile. */
    void (*print_held)(cpu_t cpu, void (*write)(void *ctx, const char *line), void *ctx);
    /* "Acquiring" is called before the caller may wait, "acquired" when it holds the lock, and
     * "releasing" before it releases it. "Try_acquired" is for a lock taken without waiting, which
     * may violate the order of locks. */
    void (*spin_acquiring)(struct spinlock *lock);
    void (*spin_acquired)(struct spinlock *lock);
    void (*spin_try_acquired)(struct spinlock *lock);
    void (*spin_releasing)(struct spinlock *lock);
    void (*released)(void);
    void (*mutex_acquiring)(struct mutex *m);
    void (*mutex_acquired)(struct mutex *m);
    void (*mutex_releasing)(struct mutex *m);
    void (*rwlock_acquiring)(struct rwlock *l);
    void (*rwlock_acquired)(struct rwlock *l);
    void (*rwlock_releasing)(struct rwlock *l);
};

extern const struct lockcheck_ops *lockcheck; /* [I] NULL until lockcheck_install() */

#define LOCKCHECK(call)     (lockcheck != NULL ? lockcheck->call : (void)0)
#define lockcheck_turn(cpu) (lockcheck == NULL ? 0u : lockcheck->turn(cpu))

#else

#define LOCKCHECK(call)     ((void)0)
#define lockcheck_turn(cpu) ((void)(cpu), 0u)

#endif

/* As a function of the table. */
#define lockcheck_may_sleep(what) ((void)(what), LOCKCHECK(may_sleep(what)))
#define lockcheck_sleeps(locks)   ((void)(locks), LOCKCHECK(sleeps(locks)))
#define lockcheck_ends(t)         ((void)(t), LOCKCHECK(ends(t)))
#define lockcheck_print_held(cpu, write, ctx)                                                      \
    ((void)(cpu), (void)(write), (void)(ctx), LOCKCHECK(print_held(cpu, write, ctx)))
#define lockcheck_released()              LOCKCHECK(released())
#define lockcheck_spin_acquiring(lock)    ((void)(lock), LOCKCHECK(spin_acquiring(lock)))
#define lockcheck_spin_acquired(lock)     ((void)(lock), LOCKCHECK(spin_acquired(lock)))
#define lockcheck_spin_try_acquired(lock) ((void)(lock), LOCKCHECK(spin_try_acquired(lock)))
#define lockcheck_spin_releasing(lock)    ((void)(lock), LOCKCHECK(spin_releasing(lock)))
#define lockcheck_mutex_acquiring(lock)   ((void)(lock), LOCKCHECK(mutex_acquiring(lock)))
#define lockcheck_mutex_acquired(lock)    ((void)(lock), LOCKCHECK(mutex_acquired(lock)))
#define lockcheck_mutex_releasing(lock)   ((void)(lock), LOCKCHECK(mutex_releasing(lock)))
#define lockcheck_rwlock_acquiring(lock)  ((void)(lock), LOCKCHECK(rwlock_acquiring(lock)))
#define lockcheck_rwlock_acquired(lock)   ((void)(lock), LOCKCHECK(rwlock_acquired(lock)))
#define lockcheck_rwlock_releasing(lock)  ((void)(lock), LOCKCHECK(rwlock_releasing(lock)))
