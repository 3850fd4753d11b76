// SPDX-License-Identifier: MIT
//
// What the compiler's sources need of a kernel, on this computer: heap, locks, log, the end. Each
// file of kernel/ that is linked with it is the kernel's own.
#include "kernel/assert.h"
#include "kernel/lib/format.h"
#include "kernel/log.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/mutex.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *heap_alloc(size_t size)
{
    return malloc(size == 0 ? 1 : size);
}

void *heap_zalloc(size_t size)
{
    return calloc(1, size == 0 ? 1 : size);
}

void *heap_calloc(size_t count, size_t size)
{
    return count == 0 || size == 0 ? heap_zalloc(1) : calloc(count, size);
}

void *heap_alloc_aligned(size_t size, size_t align)
{
    void *p;
    return posix_memalign(&p, align < sizeof p ? sizeof p : align, size) == 0 ? p : NULL;
}

void *heap_realloc(void *p, size_t size)
{
    return realloc(p, size == 0 ? 1 : size);
}

void heap_free(void *p)
{
    free(p);
}

char *heap_strdup(const char *s)
{
    return strdup(s);
}

/* One lock for all: who holds one takes no other. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void mutex_init(struct mutex *m, const char *name)
{
    (void)m, (void)name;
}

void mutex_lock(struct mutex *m) NO_LOCK_ANALYSIS
{
    (void)m;
    pthread_mutex_lock(&lock);
}

void mutex_unlock(struct mutex *m) NO_LOCK_ANALYSIS
{
    (void)m;
    pthread_mutex_unlock(&lock);
}

static void to_stderr(void *ctx, const char *s, size_t len)
{
    (void)ctx;
    fwrite(s, 1, len, stderr);
}

static void say(const char *area, const char *fmt, va_list args)
{
    fprintf(stderr, "%s: ", area);
    fmt_vsink(to_stderr, NULL, fmt, args);
    fputc('\n', stderr);
}

void panic(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say("panic", fmt, args);
    va_end(args);
    abort();
}

void log_line(enum log_level level, const char *area, const char *fmt, ...)
{
    va_list args;
    if (level <= LOG_WARN) {
        va_start(args, fmt);
        say(area, fmt, args);
        va_end(args);
    }
}
