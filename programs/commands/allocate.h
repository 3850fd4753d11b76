// SPDX-License-Identifier: MIT
//
// malloc() and its relatives, in a tenth of the C library's size: blocks of a power of two, with a
// list of free ones for each size. The linker prefers them to the library's. Each command is one
// file, so a header may define them.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ALLOCATE_PAGE   ((size_t)65536)
#define ALLOCATE_HEADER ((size_t)16) /* keeps blocks aligned, and holds the order of the size */
#define ALLOCATE_ORDERS 31u

static struct free_block {
    struct free_block *next;
} * free_blocks[ALLOCATE_ORDERS];
static uintptr_t allocate_at, allocate_end;

static inline uint32_t *order_of(void *p)
{
    return (uint32_t *)(void *)((char *)p - ALLOCATE_HEADER);
}

/* Adjacent pages of two calls are one piece. */
static inline char *allocate_fresh(size_t size)
{
    if (allocate_end - allocate_at < size) {
        size_t pages = (size + ALLOCATE_PAGE - 1) / ALLOCATE_PAGE;
        size_t before = __builtin_wasm_memory_grow(0, pages);
        if (before == SIZE_MAX) {
            return NULL;
        }
        uintptr_t start = before * ALLOCATE_PAGE;
        allocate_at = start == allocate_end ? allocate_at : start;
        allocate_end = start + pages * ALLOCATE_PAGE;
    }
    allocate_at += size;
    return (char *)(allocate_at - size);
}

void *malloc(size_t size)
{
    uint32_t order = 5;
    while (order < ALLOCATE_ORDERS && ((size_t)1 << order) - ALLOCATE_HEADER < size) {
        order++;
    }
    if (order == ALLOCATE_ORDERS) {
        return NULL;
    }
    struct free_block *block = free_blocks[order];
    if (block != NULL) {
        free_blocks[order] = block->next;
        return block;
    }
    char *fresh = allocate_fresh((size_t)1 << order);
    if (fresh == NULL) {
        return NULL;
    }
    *(uint32_t *)(void *)fresh = order;
    return fresh + ALLOCATE_HEADER;
}

void free(void *p)
{
    if (p != NULL) {
        struct free_block *block = p, **list = &free_blocks[*order_of(p)];
        block->next = *list;
        *list = block;
    }
}

void *calloc(size_t count, size_t size)
{
    size_t bytes;
    void *p = __builtin_mul_overflow(count, size, &bytes) ? NULL : malloc(bytes);
    return p == NULL ? NULL : memset(p, 0, bytes);
}

void *realloc(void *p, size_t size)
{
    size_t room = p == NULL ? 0 : ((size_t)1 << *order_of(p)) - ALLOCATE_HEADER;
    if (p != NULL && size <= room) {
        return p;
    }
    void *grown = malloc(size);
    if (grown != NULL && p != NULL) {
        memcpy(grown, p, room);
        free(p);
    }
    return grown;
}
