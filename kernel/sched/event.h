// SPDX-License-Identifier: MIT
//
// Events and condition variables. An event is a flag that threads wait for. On a condition
// variable, threads that hold a mutex wait for a change of the data that the mutex protects.
// No production code uses them yet: they are for threads of drivers and language runtimes to come.
#pragma once

#include "kernel/sched/mutex.h"
#include "kernel/sched/wait.h"

enum event_kind {
    EVENT_MANUAL, /**< Stays set until event_reset(): all present and future waiters continue. */
    /** Each event_set() lets one thread continue: the one
     * that has waited longest, or the next that waits. */
    EVENT_AUTO,
};

/* Field protection:  [q] queue.lock   [I] set before use */
struct event {
    struct wait_queue queue;
    enum event_kind kind; /* [I] */
    bool is_set;          /* [q] */
};

/** @brief Initialise an event that is not set. @param name Static string; `ps` shows it.
 *     @context{any} */
void event_init(struct event *e, enum event_kind kind, const char *name);

/** @brief Set it; no effect if it is set. A waiter that continues may free the
 *     event. @context{any, IRQ-safe} */
void event_set(struct event *e);

/** @brief Clear it. @return whether it was set. @context{any, IRQ-safe} */
bool event_reset(struct event *e);

/**
 * @brief Wait until it is set; an automatic event is cleared again.
 * @param deadline_ns Monotonic time, or WAIT_FOREVER. A time in the past: only test.
 * @return OK, E_TIMEDOUT, E_CANCELLED. OK also if it was set at the last moment.
 * @context{thread, may sleep}
 */
enum status event_wait(struct event *e, uint64_t deadline_ns);

struct condition {
    struct wait_queue queue;
};

/** @param name  Static string; `ps` shows it. @context{any} */
void condition_init(struct condition *c, const char *name);

/**
 * @brief Release the mutex, wait until the condition is signalled, lock the mutex again. A signal
 *     sent between the release and the wait is not lost. Test the condition again afterwards:
 *     another thread may have held the mutex in between.
 * @param deadline_ns Monotonic time, or WAIT_FOREVER.
 * @return OK: signalled; E_TIMEDOUT; E_CANCELLED. The caller holds the mutex again in each case,
 *     which may take longer than the deadline.
 * @context{thread that holds the mutex, may sleep}
 */
enum status condition_wait(struct condition *c, struct mutex *m, uint64_t deadline_ns) REQUIRES(*m);

/** @brief Wake the thread that has waited longest, or all. The mutex may be held or not; if it is
 *     held, no thread that tests the condition before it waits misses the
 *     signal. @context{any, IRQ-safe} */
void condition_signal(struct condition *c);
void condition_broadcast(struct condition *c);
