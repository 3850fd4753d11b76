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

/** @brief Number of unexpected reports so far. @context{any} */
uint32_t lockcheck_reports(void);

/** @brief Expect the next report of this kind, which a test provokes: it is logged but not counted.
 * @context{any} */
void lockcheck_expect(enum lock_fault kind);
/** @brief True until the expected report has come. @context{any} */
bool lockcheck_is_expected(enum lock_fault kind);

/** @brief Check that the caller may sleep, even if it does not sleep this time. @param what Name of
 *     the caller, static. @context{any} */
void lockcheck_may_sleep(const char *what);
/** @brief Check that the caller may sleep now. @param locks Spinlocks that it holds and releases
 *     while it sleeps.
 * @context{any} */
void lockcheck_sleeps(unsigned locks);

/** @brief Panic if the thread holds a lock. @context{thread, the running one} */
void lockcheck_ends(const struct thread *t);

/**
 * @brief The turn of the first spinlock that a CPU holds.
 * @return 0: it holds none. The same value twice: it has held that lock all the time in between.
 * @context{any}
 */
uint32_t lockcheck_turn(cpu_t cpu);
/** @brief Print the spinlocks that a CPU holds and where each was taken. For another CPU the list
 *     may change meanwhile. @context{any} */
void lockcheck_print_held(cpu_t cpu, void (*write)(void *ctx, const char *line), void *ctx);

/** @brief The name of the lock's class. @context{any} */
const char *lockcheck_name(const struct spinlock *lock);

/* Private to the locks. wants: about to wait; has: held now; tried: taken without waiting, so in no
 * order with the locks held already; gives: about to be released; gave: released. */
void lockcheck_spin_wants(struct spinlock *lock);
void lockcheck_spin_has(struct spinlock *lock);
void lockcheck_spin_tried(struct spinlock *lock);
void lockcheck_spin_gives(struct spinlock *lock);
void lockcheck_gave(void);
void lockcheck_mutex_wants(struct mutex *m);
void lockcheck_mutex_has(struct mutex *m);
void lockcheck_mutex_gives(struct mutex *m);
void lockcheck_rwlock_wants(struct rwlock *l);
void lockcheck_rwlock_has(struct rwlock *l);
void lockcheck_rwlock_gives(struct rwlock *l);

#else

#define lockcheck_reports()                   0u
#define lockcheck_may_sleep(what)             ((void)(what))
#define lockcheck_sleeps(locks)               ((void)(locks))
#define lockcheck_ends(t)                     ((void)(t))
#define lockcheck_turn(cpu)                   ((void)(cpu), 0u)
#define lockcheck_print_held(cpu, write, ctx) ((void)(cpu), (void)(write), (void)(ctx))
#define lockcheck_name(lock)                  ((void)(lock), "spinlock")
#define lockcheck_spin_wants(lock)            ((void)(lock))
#define lockcheck_spin_has(lock)              ((void)(lock))
#define lockcheck_spin_tried(lock)            ((void)(lock))
#define lockcheck_spin_gives(lock)            ((void)(lock))
#define lockcheck_gave()                      ((void)0)
#define lockcheck_mutex_wants(m)              ((void)(m))
#define lockcheck_mutex_has(m)                ((void)(m))
#define lockcheck_mutex_gives(m)              ((void)(m))
#define lockcheck_rwlock_wants(l)             ((void)(l))
#define lockcheck_rwlock_has(l)               ((void)(l))
#define lockcheck_rwlock_gives(l)             ((void)(l))

#endif
