// SPDX-License-Identifier: MIT
//
// kernel/jit/code/sandbox.h on this computer: a reservation is a mapping without access. A freed
// reservation is kept for the next call: qemu-user checks each of its two million pages, twice,
// which takes fifty times as long as compiling and running a small module.
#include "kernel/jit/code/sandbox.h"

#include "kernel/lib/compiler.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>

#define INDEX_REACH ((uint64_t)1 << 32)

/* a reservation that is free and has no accessible page; base NULL: none. Protected by the lock */
static struct sandbox spare;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The spare reservation, if it has this size; base NULL: it has not. */
static struct sandbox take_spare(uint64_t reserved)
{
    struct sandbox s = {.base = NULL};
    pthread_mutex_lock(&lock);
    if (spare.base != NULL && spare.reserved == reserved) {
        s = spare;
        spare.base = NULL;
    }
    pthread_mutex_unlock(&lock);
    return s;
}

/* @return false: there is a spare one already. */
static bool keep_spare(const struct sandbox *s)
{
    pthread_mutex_lock(&lock);
    bool keeps = spare.base == NULL;
    if (keeps) {
        spare = *s;
    }
    pthread_mutex_unlock(&lock);
    return keeps;
}

static void *map_nothing(void *at, uint64_t size, int more)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | more;
    return mmap(at, size, PROT_NONE, flags, -1, 0);
}

enum status sandbox_reserve(struct sandbox *s, struct budget *budget, uint64_t max, uint64_t guard)
{
    (void)budget; /* nothing limits a program on the host */
    uint64_t reserved;
    if (__builtin_add_overflow(INDEX_REACH, guard, &reserved) || max > INDEX_REACH) {
        return E_NOMEM;
    }
    void *base = take_spare(reserved).base;
    if (base == NULL) {
        base = map_nothing(NULL, reserved, 0);
    }
    if (base == MAP_FAILED) {
        return E_NOMEM;
    }
    *s = (struct sandbox){.base = base, .max = max, .reserved = reserved};
    return OK;
}

/* More of a part of the reservation that begins at `start`. */
static enum status grow(struct sandbox *s, uint64_t start, uint64_t *bytes, uint64_t wanted)
{
    if (s->bytes + s->upper_bytes + (wanted - *bytes) > s->max) {
        return E_NOMEM;
    }
    if (wanted > *bytes &&
        mprotect(s->base + start + *bytes, wanted - *bytes, PROT_READ | PROT_WRITE) != 0) {
        return E_NOMEM;
    }
    *bytes = wanted;
    return OK;
}

enum status sandbox_grow(struct sandbox *s, uint64_t bytes)
{
    return grow(s, 0, &s->bytes, bytes);
}

/* Replace pages that were used by fresh ones without access. @return false: that failed. */
static bool clear(const struct sandbox *s, uint64_t start, uint64_t bytes)
{
    return bytes == 0 || map_nothing(s->base + start, bytes, MAP_FIXED) != MAP_FAILED;
}

enum status sandbox_set_upper(struct sandbox *s, uint64_t start, uint64_t bytes)
{
    s->upper_start = start;
    if (bytes >= s->upper_bytes) {
        return grow(s, start, &s->upper_bytes, bytes);
    }
    uint64_t left = ALIGN_UP(bytes, SANDBOX_UPPER_UNIT);
    if (left < s->upper_bytes && clear(s, start + left, s->upper_bytes - left)) {
        s->upper_bytes = left;
    }
    return OK;
}

void sandbox_release(struct sandbox *s)
{
    if (s->base == NULL) {
        return;
    }
    if (!clear(s, 0, s->bytes) || !clear(s, s->upper_start, s->upper_bytes) || !keep_spare(s)) {
        munmap(s->base, s->reserved);
    }
    *s = (struct sandbox){.base = NULL};
}
