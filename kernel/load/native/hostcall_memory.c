// SPDX-License-Identifier: MIT
//
// A native program's heap: blocks of the kernel heap that the program owns and that are freed when
// it ends.
#include "kernel/load/native/native_internal.h"

#include "hal/types.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

#define BLOCK_MAGIC 0x6b636f6c62796148ull /* "Hayblock" */

/** Header of each block. Its size is a multiple of 16, which keeps the block aligned. */
struct block {
    struct list_node link;
    uint64_t size; /* bytes that the program asked for */
    uint64_t magic;
};
STATIC_ASSERT(sizeof(struct block) % 16 == 0, "blocks are 16-byte aligned");

static uint64_t block_pages(uint64_t size)
{
    return (size + sizeof(struct block) + PAGE_SIZE - 1) / PAGE_SIZE;
}

/* The program is charged in whole pages for large blocks. Small ones share pages that the heap
 * accounts for. */
static uint64_t charged_pages(uint64_t size)
{
    return size < PAGE_SIZE ? 0 : block_pages(size);
}

static bool charge(struct program *p, uint64_t size)
{
    return program_charge(p, charged_pages(size));
}

static void discharge(struct program *p, uint64_t size)
{
    program_uncharge(p, charged_pages(size));
}

/* Find a block's header. A wrong pointer ends the program with a message, instead of damaging the
 * kernel's heap. */
static struct block *block_of(struct native *n, void *p)
{
    struct block *b = (struct block *)p - 1;
    (void)n;
    if ((uintptr_t)p % 16 != 0 || !hostcall_range_ok(b, sizeof(*b), PROT_R | PROT_W) ||
        b->magic != BLOCK_MAGIC) {
        native_fail("free or realloc of a pointer that malloc did not return");
    }
    return b;
}

/* The program is charged before the allocation, so that
 * it cannot exceed its limit even for a moment. */
static void *alloc_block(size_t size, bool zero)
{
    struct native *n = native_current();
    uint64_t bytes;
    if (ADD_OVERFLOWS((uint64_t)size, sizeof(struct block), &bytes) || !charge(n->program, size)) {
        return NULL;
    }
    struct block *b = zero ? heap_zalloc(bytes) : heap_alloc(bytes);
    if (b == NULL) {
        discharge(n->program, size);
        return NULL;
    }
    b->size = size;
    b->magic = BLOCK_MAGIC;
    mutex_lock(&n->lock);
    list_push_back(&n->blocks, &b->link);
    mutex_unlock(&n->lock);
    return b + 1;
}

/* The magic number is cleared, so that freeing the block twice is noticed. */
static void free_block(struct native *n, struct block *b)
{
    mutex_lock(&n->lock);
    list_remove(&b->link);
    mutex_unlock(&n->lock);
    discharge(n->program, b->size);
    b->magic = 0;
    heap_free(b);
}

static void *hy_malloc(size_t size)
{
    hostcall_enter();
    return alloc_block(size, false);
}

static void *hy_calloc(size_t count, size_t size)
{
    size_t bytes;
    hostcall_enter();
    return MUL_OVERFLOWS(count, size, &bytes) ? NULL : alloc_block(bytes, true);
}

static void hy_free(void *p)
{
    hostcall_enter();
    if (p != NULL) {
        struct native *n = native_current();
        free_block(n, block_of(n, p));
    }
}

/* Always a new block; on failure the old one stays. */
static void *hy_realloc(void *p, size_t size)
{
    hostcall_enter();
    if (p == NULL) {
        return alloc_block(size, false);
    }
    struct native *n = native_current();
    struct block *old = block_of(n, p);
    void *fresh = alloc_block(size, false);
    if (fresh != NULL) {
        memcpy(fresh, p, MIN(size, old->size));
        free_block(n, old);
    }
    return fresh;
}

/* When the program has ended: no lock, because no thread of it exists, and no discharge, because
 * its account ends with it. */
void native_free_blocks(struct native *n)
{
    struct list_node *node;
    while ((node = list_pop_front(&n->blocks)) != NULL) {
        heap_free(CONTAINER_OF(node, struct block, link));
    }
}

const struct export hostcall_memory_exports[] = {
    {"hy_malloc", 1, hy_malloc},
    {"hy_calloc", 1, hy_calloc},
    {"hy_realloc", 1, hy_realloc},
    {"hy_free", 1, hy_free},
    {NULL, 0, NULL},
};
