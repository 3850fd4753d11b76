// SPDX-License-Identifier: MIT
//
// kernel/jit/code/park.h on this computer: one lock, and a condition variable for each thread that
// waits.
#include "kernel/jit/code/park.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <time.h>

#define NS_PER_S 1000000000

struct waiter {
    const void *at;
    pthread_cond_t notified;
    bool is_parked;
    struct waiter *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct waiter *waiters; /* oldest first */

static uint64_t read_word(const void *at, unsigned bytes)
{
    return bytes == 4 ? __atomic_load_n((const uint32_t *)at, __ATOMIC_SEQ_CST)
                      : __atomic_load_n((const uint64_t *)at, __ATOMIC_SEQ_CST);
}

static void init(struct waiter *w)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->notified, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static void remove_waiter(const struct waiter *w)
{
    struct waiter **at = &waiters;
    while (*at != w) {
        at = &(*at)->next;
    }
    *at = w->next;
}

/* With the lock held. A time that no clock reaches is none. */
static void sleep_on(struct waiter *w, int64_t timeout_ns)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    bool forever = timeout_ns < 0 || timeout_ns / NS_PER_S > INT32_MAX;
    if (!forever) {
        int64_t ns = until.tv_nsec + timeout_ns % NS_PER_S;
        until.tv_sec += timeout_ns / NS_PER_S + ns / NS_PER_S;
        until.tv_nsec = ns % NS_PER_S;
    }
    int error = 0;
    while (w->is_parked && error != ETIMEDOUT) {
        error = forever ? pthread_cond_wait(&w->notified, &lock)
                        : pthread_cond_timedwait(&w->notified, &lock, &until);
    }
}

enum park_result park_wait(const void *at, unsigned bytes, uint64_t expected, int64_t timeout_ns)
{
    struct waiter w = {.at = at, .is_parked = true};
    enum park_result result = PARK_DIFFERS;
    init(&w);
    pthread_mutex_lock(&lock);
    if (read_word(at, bytes) == expected) {
        struct waiter **last = &waiters;
        while (*last != NULL) {
            last = &(*last)->next;
        }
        *last = &w;
        sleep_on(&w, timeout_ns);
        result = w.is_parked ? PARK_TIMED_OUT : PARK_NOTIFIED;
        if (w.is_parked) {
            remove_waiter(&w);
        }
    }
    pthread_mutex_unlock(&lock);
    pthread_cond_destroy(&w.notified);
    return result;
}

uint32_t park_notify(const void *at, uint32_t most)
{
    uint32_t woken = 0;
    pthread_mutex_lock(&lock);
    for (struct waiter **link = &waiters; *link != NULL && woken < most;) {
        struct waiter *w = *link;
        if (w->at == at) {
            *link = w->next;
            w->is_parked = false;
            pthread_cond_signal(&w->notified);
            woken++;
        } else {
            link = &w->next;
        }
    }
    pthread_mutex_unlock(&lock);
    return woken;
}
