// SPDX-License-Identifier: MIT
//
// Threads for portable programs: the part of POSIX threads that most programs use, because Debian's
// C library for WASI has none. Threads share the memory; variables that are _Thread_local, errno
// among them, are each thread's own. programs/sdk/portable/threads has the functions and the flags
// that a program is built with. A function that POSIX has and this header does not is not there.
//
// Calls of the C library are made one at a time: one that waits for input keeps the others waiting.
// threads/libc.c says which of its functions are for one thread only.
#pragma once

#define __NEED_pthread_t
#define __NEED_pthread_attr_t
#define __NEED_pthread_mutex_t
#define __NEED_pthread_mutexattr_t
#define __NEED_pthread_cond_t
#define __NEED_pthread_condattr_t
#define __NEED_pthread_once_t
#include <bits/alltypes.h>
#include <errno.h>
#include <time.h>

/** As errno of the C library, which is one for all threads, but each thread's own. */
extern _Thread_local int halyard_errno;
#undef errno
#define errno halyard_errno

#define PTHREAD_MUTEX_INITIALIZER                                                                  \
    {                                                                                              \
        {                                                                                          \
            {                                                                                      \
                0                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }
#define PTHREAD_COND_INITIALIZER                                                                   \
    {                                                                                              \
        {                                                                                          \
            {                                                                                      \
                0                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }
#define PTHREAD_ONCE_INIT 0

/** All return 0 or the number of an error. Attributes are ignored: NULL. */

/** EAGAIN: no memory for its 256 KiB of stack, or there are 256 threads besides the first. */
int pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*run)(void *), void *arg);
int pthread_join(pthread_t t, void **result);
int pthread_detach(pthread_t t);
pthread_t pthread_self(void);
int pthread_equal(pthread_t a, pthread_t b);

int pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *attr);
int pthread_mutex_destroy(pthread_mutex_t *m);
int pthread_mutex_lock(pthread_mutex_t *m);
int pthread_mutex_trylock(pthread_mutex_t *m); /* EBUSY */
int pthread_mutex_unlock(pthread_mutex_t *m);

int pthread_cond_init(pthread_cond_t *c, const pthread_condattr_t *attr);
int pthread_cond_destroy(pthread_cond_t *c);
int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m);
/** @param until Of CLOCK_REALTIME. @return also ETIMEDOUT; EINVAL: its nanoseconds are none. */
int pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until);
int pthread_cond_signal(pthread_cond_t *c);
int pthread_cond_broadcast(pthread_cond_t *c);

int pthread_once(pthread_once_t *once, void (*run)(void));
