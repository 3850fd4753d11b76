// SPDX-License-Identifier: MIT
//
// POSIX threads on wasi-threads: the host starts a thread, and everything else is memory, waiting
// and notifying.
#include "pthread.h"

#include "threads/lock.h"

#include <stdbool.h>
#include <stdlib.h>

#define STACK_BYTES ((size_t)256 << 10)
#define STACK_ALIGN ((size_t)16)
#define NS_PER_S    1000000000LL
#define TRIES       1000 /* to start a thread, each after a millisecond */
#define PAUSE_NS    1000000LL

/* At the start of the thread's block; its thread-local variables and its stack follow. start.s
 * knows the first three. */
struct __pthread {
    uint32_t stack, tls; /* where the stack begins, downwards; the thread-local variables */
    int32_t ended;       /* the block is not used any longer */
    void *(*run)(void *arg);
    void *arg, *result;
    struct __pthread *next; /* among the detached ones */
};

_Thread_local int halyard_errno;
static _Thread_local struct __pthread *self;
static struct __pthread first; /* only its address is used */

static int32_t detached_lock;
static struct __pthread *detached;

__attribute__((import_module("wasi"), import_name("thread-spawn"))) int32_t
wasi_thread_spawn(void *arg);

void halyard_thread_run(struct __pthread *t);

/* ---- Threads ---- */

void halyard_thread_run(struct __pthread *t)
{
    self = t;
    t->result = t->run(t->arg);
}

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) & ~(to - 1);
}

static struct __pthread *make(void *(*run)(void *), void *arg)
{
    size_t align = __builtin_wasm_tls_align();
    align = align < STACK_ALIGN ? STACK_ALIGN : align;
    size_t tls = round_up(sizeof(struct __pthread), align);
    size_t stack = round_up(tls + __builtin_wasm_tls_size(), STACK_ALIGN);
    size_t bytes = round_up(stack + STACK_BYTES, align);
    struct __pthread *t = aligned_alloc(align, bytes);
    if (t != NULL) {
        *t = (struct __pthread){.stack = (uint32_t)((uintptr_t)t + bytes),
                                .tls = (uint32_t)((uintptr_t)t + tls),
                                .run = run,
                                .arg = arg};
    }
    return t;
}

/* Not 0: threads have ended since one could not be started. For the host, which limits how many
 * there are, they end a moment later. */
static int32_t gone;

static void release(struct __pthread *t)
{
    free(t);
    __atomic_store_n(&gone, 1, __ATOMIC_SEQ_CST);
}

/* Detached threads that have ended cannot free the stack on which they ran. */
static void free_detached(void)
{
    lock_word(&detached_lock);
    for (struct __pthread **at = &detached; *at != NULL;) {
        struct __pthread *t = *at;
        if (__atomic_load_n(&t->ended, __ATOMIC_SEQ_CST) != 0) {
            *at = t->next;
            release(t);
        } else {
            at = &t->next;
        }
    }
    unlock_word(&detached_lock);
}

/* If it fails after threads have ended, wait until the host has seen their end. */
static bool spawn(struct __pthread *t)
{
    static int32_t never;
    for (unsigned n = 0; n < TRIES; n++) {
        if (wasi_thread_spawn(t) >= 0) {
            return true;
        }
        if (__atomic_load_n(&gone, __ATOMIC_SEQ_CST) == 0) {
            return false;
        }
        __builtin_wasm_memory_atomic_wait32(&never, 0, PAUSE_NS);
    }
    __atomic_store_n(&gone, 0, __ATOMIC_SEQ_CST);
    return false;
}

int pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
    (void)attr;
    free_detached();
    struct __pthread *t = make(run, arg);
    if (t == NULL || !spawn(t)) {
        free(t);
        return EAGAIN;
    }
    *out = t;
    return 0;
}

int pthread_join(pthread_t t, void **result)
{
    while (__atomic_load_n(&t->ended, __ATOMIC_SEQ_CST) == 0) {
        __builtin_wasm_memory_atomic_wait32(&t->ended, 0, FOREVER);
    }
    if (result != NULL) {
        *result = t->result;
    }
    release(t);
    return 0;
}

int pthread_detach(pthread_t t)
{
    lock_word(&detached_lock);
    t->next = detached;
    detached = t;
    unlock_word(&detached_lock);
    return 0;
}

pthread_t pthread_self(void)
{
    return self == NULL ? &first : self;
}

int pthread_equal(pthread_t a, pthread_t b)
{
    return a == b;
}

/* ---- Mutexes ---- */

static int32_t *word_of(pthread_mutex_t *m)
{
    return (int32_t *)&m->__u.__i[0];
}

int pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *attr)
{
    (void)attr;
    *word_of(m) = 0;
    return 0;
}

int pthread_mutex_destroy(pthread_mutex_t *m)
{
    (void)m;
    return 0;
}

int pthread_mutex_lock(pthread_mutex_t *m)
{
    lock_word(word_of(m));
    return 0;
}

int pthread_mutex_trylock(pthread_mutex_t *m)
{
    int32_t seen = 0;
    bool is_free =
        __atomic_compare_exchange_n(word_of(m), &seen, 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return is_free ? 0 : EBUSY;
}

int pthread_mutex_unlock(pthread_mutex_t *m)
{
    unlock_word(word_of(m));
    return 0;
}

/* ---- Conditions: a number that each signal changes ---- */

static int32_t *number_of(pthread_cond_t *c)
{
    return (int32_t *)&c->__u.__i[0];
}

int pthread_cond_init(pthread_cond_t *c, const pthread_condattr_t *attr)
{
    (void)attr;
    *number_of(c) = 0;
    return 0;
}

int pthread_cond_destroy(pthread_cond_t *c)
{
    (void)c;
    return 0;
}

/* A signal between the release of the mutex and the wait changes the number: that ends the wait. */
static int wait_for(pthread_cond_t *c, pthread_mutex_t *m, int64_t ns)
{
    int32_t seen = __atomic_load_n(number_of(c), __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(m);
    bool is_late = __builtin_wasm_memory_atomic_wait32(number_of(c), seen, ns) == 2;
    pthread_mutex_lock(m);
    return is_late ? ETIMEDOUT : 0;
}

int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
    return wait_for(c, m, FOREVER);
}

/* Nanoseconds from now; FOREVER if that are too many for 64 bits. */
static int64_t time_left(const struct timespec *until)
{
    struct timespec now;
    int64_t ns;
    clock_gettime(CLOCK_REALTIME, &now);
    if (until->tv_sec < now.tv_sec) {
        return 0;
    }
    bool is_far = __builtin_mul_overflow(until->tv_sec - now.tv_sec, NS_PER_S, &ns) ||
                  __builtin_add_overflow(ns, until->tv_nsec - now.tv_nsec, &ns);
    return is_far ? FOREVER : ns < 0 ? 0 : ns;
}

int pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until)
{
    if (until->tv_nsec < 0 || until->tv_nsec >= NS_PER_S) {
        return EINVAL;
    }
    int64_t ns = time_left(until);
    return ns == 0 ? ETIMEDOUT : wait_for(c, m, ns);
}

static int wake(pthread_cond_t *c, uint32_t most)
{
    __atomic_fetch_add(number_of(c), 1, __ATOMIC_SEQ_CST);
    __builtin_wasm_memory_atomic_notify(number_of(c), most);
    return 0;
}

int pthread_cond_signal(pthread_cond_t *c)
{
    return wake(c, 1);
}

int pthread_cond_broadcast(pthread_cond_t *c)
{
    return wake(c, UINT32_MAX);
}

/* ---- Once: 0 not yet, 1 running, 2 done ---- */

int pthread_once(pthread_once_t *once, void (*run)(void))
{
    int seen = 0;
    if (__atomic_compare_exchange_n(once, &seen, 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        run();
        __atomic_store_n(once, 2, __ATOMIC_SEQ_CST);
        __builtin_wasm_memory_atomic_notify(once, UINT32_MAX);
    }
    while (__atomic_load_n(once, __ATOMIC_SEQ_CST) != 2) {
        __builtin_wasm_memory_atomic_wait32(once, 1, FOREVER);
    }
    return 0;
}
