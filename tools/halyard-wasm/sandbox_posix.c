// SPDX-License-Identifier: MIT
//
// kernel/jit/sandbox.h on this computer: a reservation is a mapping without access.
#include "kernel/jit/sandbox.h"

#include <stddef.h>
#include <sys/mman.h>

#define INDEX_REACH ((uint64_t)1 << 32)

enum status sandbox_reserve(struct sandbox *s, uint64_t max, uint64_t guard)
{
    uint64_t reserved;
    if (__builtin_add_overflow(INDEX_REACH, guard, &reserved) || max > INDEX_REACH) {
        return E_NOMEM;
    }
    void *base =
        mmap(NULL, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        return E_NOMEM;
    }
    *s = (struct sandbox){.base = base, .max = max, .reserved = reserved};
    return OK;
}

enum status sandbox_grow(struct sandbox *s, uint64_t bytes)
{
    if (bytes > s->max) {
        return E_NOMEM;
    }
    if (bytes > s->bytes &&
        mprotect(s->base + s->bytes, bytes - s->bytes, PROT_READ | PROT_WRITE) != 0) {
        return E_NOMEM;
    }
    s->bytes = bytes;
    return OK;
}

void sandbox_release(struct sandbox *s)
{
    if (s->base != NULL) {
        munmap(s->base, s->reserved);
        *s = (struct sandbox){.base = NULL};
    }
}
