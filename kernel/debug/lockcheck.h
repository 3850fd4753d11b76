// SPDX-License-Identifier: MIT
//
// The lock checker of debug builds. It learns, as the kernel runs, in which order locks are taken
// and where, and reports what would be a deadlock with other timing, without one having happened:
//
//   - an order of taking that is the reverse of one seen before, directly or along a chain;
//   - a spinlock that is taken in an interrupt and elsewhere with interrupts on, or that is held
//     there while one is waited for that is taken with interrupts on;
//   - something that may sleep, in an interrupt, with preemption off, interrupts masked or a
//     spinlock held;
//   - a lock without a name, or more locks than it has room for.
//
// A lock taken twice by one CPU or thread, and a thread that ends with one, are panics: they cannot
// go on. Locks are told apart by class: spinlocks by where they are declared (SPINLOCK_INIT), wait
// queues and mutexes by name. Two locks of one class may be held at a time if that is done in one
// order of their addresses.
//
// Each CPU records what it holds for itself; what all share (classes, orders) is only ever added
// to, without a lock. A report is made where its cause is found, and logged once that CPU holds no
// spinlock, because the log has locks itself. In release builds nothing of this exists.
#pragma once

#include "hal/types.h"
#include "kernel/lib/compiler.h"

struct mutex;
struct rwlock;
struct spinlock;
struct thread;

enum lock_fault {
    LOCK_ORDER,   /**< taken in both orders */
    LOCK_IRQ,     /**< an interrupt can wait for what it has interrupted */
    LOCK_SLEEP,   /**< may sleep, where nothing may */
    LOCK_UNNAMED, /**< used without having been initialised */
    LOCK_ROOM,    /**< classes, orders or held locks: more than there is room for */
    LOCK_FAULTS
};

#define LOCK_CHAIN 4u /* frames that are remembered of where a held lock was taken */

/** One lock that is held, or waited for. */
struct lock_held {
    const void *lock;
    uint32_t turn; /* tells one time of holding it from the next; 0: it is not held yet */
    uint8_t class;
    uintptr_t chain[LOCK_CHAIN];
};

#define LOCKS_HELD_MAX 12u

/** Those of a CPU (spinlocks) or of a thread (mutexes), in the order of taking. */
struct lock_list {
    uint32_t count;
    struct lock_held held[LOCKS_HELD_MAX];
};

#ifdef HALYARD_DEBUG

/** @brief Reports so far that nobody expected. @context{any} */
uint32_t lockcheck_reports(void);

/** @brief The next report of this kind is what a test provokes: it is logged and not counted.
 * @context{any} */
void lockcheck_expect(enum lock_fault kind);
/** @brief True until the report that is expected has come. @context{any} */
bool lockcheck_is_expected(enum lock_fault kind);

/** @brief The caller may sleep in what follows, even if it does not now. @param what  Its name,
 * static. @context{any} */
void lockcheck_may_sleep(const char *what);
/** @brief The caller sleeps. @param locks  Spinlocks that it holds, and that are given up then.
 * @context{any} */
void lockcheck_sleeps(unsigned locks);

/** @brief A panic if the thread holds a lock. @context{thread, the running one} */
void lockcheck_ends(const struct thread *t);

/**
 * @brief The turn of the first spinlock that a CPU holds.
 * @return 0: it holds none. The same in two looks: it has held that one all the time between.
 * @context{any}
 */
uint32_t lockcheck_turn(cpu_t cpu);
/** @brief Pass on in words what spinlocks a CPU holds, and where each was taken. What another CPU
 * holds may change meanwhile. @context{any} */
void lockcheck_print_held(cpu_t cpu, void (*write)(void *ctx, const char *line), void *ctx);

/** @brief The lock's class in words. @context{any} */
const char *lockcheck_name(const struct spinlock *lock);

/* Private to the locks: about to be waited for; held now; held now without having been waited for,
 * so in no order with what is held already; about to be given up; given up. */
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
