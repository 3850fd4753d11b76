// SPDX-License-Identifier: MIT
//
// Counts primes on all CPUs: threads take ranges from a shared counter until none is left, and the
// last one to end tells main. `primes [LAST [THREADS]]`.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RANGE       1000u
#define THREADS     4u
#define THREADS_MAX 64u

static struct {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    unsigned running; /* [lock] threads that have not ended */
    unsigned ranges;  /* [lock] ranges that were counted */
    /* atomic: where the next range begins; one past the last number. Numbers have 32 bits, and what
     * follows the last one does not fit */
    uint64_t next, end;
    uint32_t total; /* atomic */
} work = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};

static _Thread_local unsigned own_ranges; /* counted by this thread */

static int is_prime(uint32_t n)
{
    for (uint32_t d = 2; (uint64_t)d * d <= n; d++) {
        if (n % d == 0) {
            return 0;
        }
    }
    return n > 1;
}

static uint32_t count(uint64_t from, uint64_t end)
{
    uint32_t found = 0;
    for (uint64_t n = from; n < end; n++) {
        found += (uint32_t)is_prime((uint32_t)n);
    }
    return found;
}

static void *run(void *arg)
{
    (void)arg;
    for (;;) {
        uint64_t from = __atomic_fetch_add(&work.next, (uint64_t)RANGE, __ATOMIC_SEQ_CST);
        if (from >= work.end) {
            break;
        }
        uint64_t end = from + RANGE < work.end ? from + RANGE : work.end;
        __atomic_fetch_add(&work.total, count(from, end), __ATOMIC_SEQ_CST);
        own_ranges++;
    }
    pthread_mutex_lock(&work.lock);
    work.ranges += own_ranges;
    if (--work.running == 0) {
        pthread_cond_signal(&work.ended);
    }
    pthread_mutex_unlock(&work.lock);
    return NULL;
}

static unsigned start(unsigned wanted, pthread_t *threads)
{
    unsigned started = 0;
    while (started < wanted && pthread_create(&threads[started], NULL, run, NULL) == 0) {
        started++;
    }
    return started;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS_MAX];
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        puts("usage: primes [LAST [THREADS]]");
        return 0;
    }
    uint32_t last = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 200000;
    work.end = (uint64_t)last + 1;
    unsigned wanted = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : THREADS;
    wanted = wanted > THREADS_MAX ? THREADS_MAX : wanted;
    work.running = wanted;
    unsigned started = start(wanted, threads);
    pthread_mutex_lock(&work.lock);
    work.running -= wanted - started;
    while (work.running > 0) {
        pthread_cond_wait(&work.ended, &work.lock);
    }
    pthread_mutex_unlock(&work.lock);
    for (unsigned n = 0; n < started; n++) {
        pthread_join(threads[n], NULL);
    }
    printf("%u primes up to %u, %u ranges, %u threads\n", work.total, last, work.ranges, started);
    return started == wanted ? 0 : 1;
}
