// SPDX-License-Identifier: MIT
//
// Heap blocks in a list. A thread is never ended while it changes the list.
//
// While a budget is open, its thread may be ended between any two instructions. So the list, the
// charge and the heap must agree at each point where that can happen: budget_alloc() and
// budget_free() close the budget for the time of the change (hold()). A block that was allocated
// but not yet stored by the caller is in the list, so budget_free_all() finds it.
#include "kernel/jit/budget.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"

#define SMALL ((size_t)2048) /* the heap rounds larger blocks to pages */

/* The header of a block. */
struct budget_block {
    _Alignas(16) struct budget_block *newer, *older;
    size_t charged; /* bytes charged */
};

STATIC_ASSERT(sizeof(struct budget_block) == BUDGET_OVERHEAD, "as the header says");

/* Prevents, for a moment, that the thread is ended, if the budget is open. */
static void hold(struct budget *b, bool held)
{
    if (b->is_open) {
        b->set_open(b, !held);
    }
}

static void insert(struct budget *b, struct budget_block *block)
{
    block->newer = NULL;
    block->older = b->blocks;
    if (b->blocks != NULL) {
        b->blocks->newer = block;
    }
    b->blocks = block;
}

static void take_out(struct budget *b, const struct budget_block *block)
{
    if (block->newer == NULL) {
        b->blocks = block->older;
    } else {
        block->newer->older = block->older;
    }
    if (block->older != NULL) {
        block->older->newer = block->newer;
    }
}

static struct budget_block *block_of(void *p)
{
    return (struct budget_block *)p - 1;
}

/* Charge first: if the limit is reached, nothing is allocated. A large block is charged as the
 * pages that the heap uses for it. */
static struct budget_block *alloc_charged(struct budget *b, size_t bytes)
{
    size_t whole = bytes + BUDGET_OVERHEAD;
    size_t charged = whole > SMALL ? ALIGN_UP(whole, (size_t)PAGE_SIZE) : whole;
    if (bytes > SIZE_MAX / 2 || !b->charge(b, charged)) {
        return NULL;
    }
    struct budget_block *block = heap_alloc(whole);
    if (block == NULL) {
        b->uncharge(b, charged);
        return NULL;
    }
    block->charged = charged;
    insert(b, block);
    return block;
}

static void give_back(struct budget *b, struct budget_block *block)
{
    take_out(b, block);
    b->uncharge(b, block->charged);
    heap_free(block);
}

/* Without a budget these are the heap's functions, so that compilers and decoders need no second
 * path for use outside of programs. */
void *budget_alloc(struct budget *b, size_t bytes)
{
    if (b == NULL) {
        return heap_alloc(bytes);
    }
    hold(b, true);
    struct budget_block *block = alloc_charged(b, bytes);
    hold(b, false);
    return block == NULL ? NULL : block + 1;
}

void *budget_zalloc(struct budget *b, size_t bytes)
{
    void *p = budget_alloc(b, bytes);
    return p == NULL ? NULL : memset(p, 0, bytes);
}

void *budget_calloc(struct budget *b, size_t count, size_t size)
{
    size_t bytes;
    return MUL_OVERFLOWS(count, size, &bytes) ? NULL : budget_zalloc(b, bytes);
}

/* Both blocks are charged until the old one is freed. */
void *budget_resize(struct budget *b, void *p, size_t old_bytes, size_t bytes)
{
    void *q = budget_alloc(b, bytes);
    if (q != NULL && p != NULL) {
        memcpy(q, p, MIN(bytes, old_bytes));
        budget_free(b, p);
    }
    return q;
}

void budget_free(struct budget *b, void *p)
{
    if (b == NULL) {
        heap_free(p);
    } else if (p != NULL) {
        hold(b, true);
        give_back(b, block_of(p));
        hold(b, false);
    }
}

void budget_inherit(struct budget *b)
{
    b->is_open = false;
}

/* For another thread, after the budget's own has ended. @return number of blocks. */
size_t budget_free_all(struct budget *b)
{
    size_t count = 0;
    budget_inherit(b);
    while (b->blocks != NULL) {
        give_back(b, b->blocks);
        count++;
    }
    return count;
}

/* From here on the thread may be ended at any instruction; all that it owns must be in the list, or
 * be freed by another owner. */
void budget_open(struct budget *b)
{
    if (b != NULL) {
        b->is_open = true;
        b->set_open(b, true);
    }
}

void budget_close(struct budget *b)
{
    if (b != NULL) {
        b->set_open(b, false);
        b->is_open = false;
    }
}
