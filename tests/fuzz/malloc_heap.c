// SPDX-License-Identifier: MIT
//
// The kernel's heap as the C library's: the sanitizer's allocator detects every overflow of a
// block.
#include "kernel/mm/heap.h"

#include <stdlib.h>

void *heap_alloc(size_t size)
{
    return malloc(size);
}

void *heap_zalloc(size_t size)
{
    return calloc(1, size);
}

void *heap_calloc(size_t count, size_t size)
{
    return calloc(count, size);
}

void *heap_realloc(void *p, size_t size)
{
    return realloc(p, size);
}

void heap_free(void *p)
{
    free(p);
}
