// SPDX-License-Identifier: MIT
//
// The memory of bytecode programs in the kernel: a range of the program region. Its pages are
// committed from the start as the program asks for more: their frames are allocated and charged to
// the budget at once, but cleared and mapped only when the program touches them.
#include "kernel/jit/code/sandbox.h"

#include "kernel/base/assert.h"
#include "kernel/lib/compiler.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/thread.h"

#define INDEX_REACH (UINT64_C(1) << 32) /* what a 32-bit index can reach */
#define UNIT        UINT64_C(0x10000)
/* committed between two checks whether the program has to end */
#define PIECE SANDBOX_UPPER_UNIT

enum status sandbox_reserve(struct sandbox *s, struct budget *budget, uint64_t max, uint64_t guard)
{
    ASSERT(max % UNIT == 0 && max <= INDEX_REACH && guard <= INDEX_REACH);
    struct vm_range *range = heap_zalloc(sizeof(*range));
    if (range == NULL) {
        return E_NOMEM;
    }
    uint64_t bytes = INDEX_REACH + ALIGN_UP(guard, (uint64_t)PAGE_SIZE);
    const struct vm_request request = {.pages = (size_t)(bytes / PAGE_SIZE),
                                       .region = HAL_REGION_PROGRAM,
                                       .name = "program memory"};
    enum status status = vm_reserve(range, &request);
    if (status != OK) {
        heap_free(range);
        return status;
    }
    *s = (struct sandbox){.base = (uint8_t *)(uintptr_t)range->base,
                          .max = max,
                          .reserved = bytes,
                          .budget = budget,
                          .owner = range};
    return OK;
}

/* Commit in steps, because allocating gibibytes takes long. On failure what exists, *bytes from
 * `start` on, is unchanged. A step ends at a multiple of PIECE, and decommit() may begin there. */
static enum status commit(struct sandbox *s, uint64_t start, uint64_t *bytes, uint64_t wanted)
{
    while (*bytes < wanted) {
        uint64_t piece = MIN(PIECE - (start + *bytes) % PIECE, wanted - *bytes);
        if (thread_is_cancelled(thread_current())) {
            return E_CANCELLED;
        }
        size_t first = (start + *bytes) / PAGE_SIZE;
        enum status status = vm_commit(s->owner, first, piece / PAGE_SIZE, PAGE_PROGRAM);
        if (status != OK) {
            return status;
        }
        *bytes += piece;
    }
    return OK;
}

/* Also frees pages that were committed and never mapped. */
static void decommit(struct sandbox *s, uint64_t start, uint64_t *bytes, uint64_t left)
{
    if (*bytes > left) {
        vm_unmap(s->owner, (start + left) / PAGE_SIZE, (*bytes - left) / PAGE_SIZE, true);
        *bytes = left;
    }
}

static enum status grow(struct sandbox *s, uint64_t start, uint64_t *bytes, uint64_t wanted)
{
    uint64_t before = *bytes, more = wanted - before;
    ASSERT(wanted % UNIT == 0 && wanted >= before);
    /* Charge first, so that a program cannot allocate more than its limit even for a moment. */
    if (s->bytes + s->upper_bytes + more > s->max || !budget_charge(s->budget, more)) {
        return E_NOMEM;
    }
    enum status status = commit(s, start, bytes, wanted);
    if (status != OK) {
        decommit(s, start, bytes, before);
        budget_uncharge(s->budget, more);
    }
    return status;
}

enum status sandbox_grow(struct sandbox *s, uint64_t bytes)
{
    return grow(s, 0, &s->bytes, bytes);
}

enum status sandbox_set_upper(struct sandbox *s, uint64_t start, uint64_t bytes)
{
    uint64_t before = s->upper_bytes;
    ASSERT(start % PIECE == 0 && start >= s->max && start + bytes <= INDEX_REACH);
    ASSERT(before == 0 || start == s->upper_start);
    s->upper_start = start;
    if (bytes >= before) {
        return grow(s, start, &s->upper_bytes, bytes);
    }
    decommit(s, start, &s->upper_bytes, ALIGN_UP(bytes, PIECE));
    budget_uncharge(s->budget, before - s->upper_bytes);
    return OK;
}

void sandbox_release(struct sandbox *s)
{
    if (s->owner == NULL) {
        return;
    }
    budget_uncharge(s->budget, s->bytes + s->upper_bytes);
    decommit(s, 0, &s->bytes, 0);
    decommit(s, s->upper_start, &s->upper_bytes, 0);
    vm_release(s->owner);
    heap_free(s->owner);
    *s = (struct sandbox){.owner = NULL};
}
