// SPDX-License-Identifier: MIT
//
// Events and condition variables. An event is a flag that threads wait for; a condition variable is
// where threads that hold a mutex wait for what the mutex protects to change.
#pragma once

#include "kernel/sched/mutex.h"
#include "kernel/sched/wait.h"

enum event_kind {
    EVENT_MANUAL, /**< stays set until event_reset(): all that wait, and all that come, go on */
    EVENT_AUTO,   /**< one goes on each time it is set: who waits longest, or who comes next */
};

/* Field protection:  [q] queue.lock   [I] set before use */
struct event {
    struct wait_queue queue;
    enum event_kind kind; /* [I] */
    bool is_set;          /* [q] */
};

/** @brief An event that is not set. @param name  Static string; `ps` shows it. @context{any} */
void event_init(struct event *e, enum event_kind kind, const char *name);

/** @brief Set it; nothing, if it is. The event's memory may go once a waiter has gone on.
 * @context{any, IRQ-safe} */
void event_set(struct event *e);

/** @brief It is not set any more. @return it was. @context{any, IRQ-safe} */
bool event_reset(struct event *e);

/**
 * @brief Wait until it is set; an automatic one is not set any more then.
 * @param deadline_ns  Monotonic time, or WAIT_FOREVER. One that is over: only look.
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
 * @brief Give the mutex up, wait until the condition is signalled, take the mutex again. Nothing
 * that happens with the mutex held is missed between giving it up and waiting. What is waited for
 * must be looked at again: others may have had the mutex in between.
 * @param deadline_ns  Monotonic time, or WAIT_FOREVER.
 * @return OK: signalled; E_TIMEDOUT; E_CANCELLED. The caller holds the mutex again in each case,
 * which may take longer than the deadline.
 * @context{thread that holds the mutex, may sleep}
 */
enum status condition_wait(struct condition *c, struct mutex *m, uint64_t deadline_ns) REQUIRES(*m);

/** @brief Wake who waits longest, or all. With or without the mutex held; with it, nobody who
 * looks before it waits is missed. @context{any, IRQ-safe} */
void condition_signal(struct condition *c);
void condition_broadcast(struct condition *c);
