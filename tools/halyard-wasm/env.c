// SPDX-License-Identifier: MIT
//
// The parts of a kernel that the compiler's sources need, on this computer: heap, locks, log,
// panic. All files of kernel/ in this program are the kernel's own.
#include "kernel/base/assert.h"
#include "kernel/base/log.h"
#include "kernel/lib/format.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/mutex.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- Heap ---- */

/* bytes from which on a system call for the block is worth its time */
#define LARGE     ((size_t)256 << 10)
#define HUGE_PAGE ((uintptr_t)2 << 20)
#define KEEP_MAX  (32 << 20) /* the largest block that the C library serves from its own pool */
/* bytes that it requests from the system at once: addresses, not yet memory */
#define AHEAD (64 << 20)

/* A compiler allocates memory for a function and frees it after. By default the C library returns
 * much of it to the system each time, and the system clears every page again. The heap of a thread
 * also has no room for a large function. So there is one heap, and it only grows. */
__attribute__((constructor)) static void keep_memory(void)
{
    (void)mallopt(M_ARENA_MAX, 1);
    (void)mallopt(M_MMAP_THRESHOLD, KEEP_MAX);
    (void)mallopt(M_TRIM_THRESHOLD, -1);
    (void)mallopt(M_TOP_PAD, AHEAD);
}

/* With huge pages of 2 MiB the system clears and maps 512 times less often for a large function.
 * This is only advice about an address range; parts of neighbouring blocks may lie in it. */
static void *want_huge_pages(void *p, size_t size)
{
    uintptr_t first = ALIGN_DOWN((uintptr_t)p, HUGE_PAGE);
    if (p != NULL && size >= LARGE) {
        (void)madvise((void *)first, ALIGN_UP((uintptr_t)p + size, HUGE_PAGE) - first,
                      MADV_HUGEPAGE);
    }
    return p;
}

void *heap_alloc(size_t size)
{
    return want_huge_pages(malloc(size == 0 ? 1 : size), size);
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

/* One lock stands for all mutexes: a thread that holds one takes no other. */
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
