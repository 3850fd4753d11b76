// SPDX-License-Identifier: MIT
//
// Counts the bytes of all blocks together: a program is charged for whole pages of their sum. So
// many small blocks cost their own size, not a page each. One thread allocates from a budget; but
// the memory that threads share is charged by whichever lets it grow, so the sums have a lock.
#include "kernel/load/bytecode/program_budget.h"

#include "kernel/lib/compiler.h"
#include "kernel/mm/page.h"
#include "kernel/program/program.h"
#include "kernel/sched/thread.h"

static struct program_budget *of(struct budget *b)
{
    return CONTAINER_OF(b, struct program_budget, budget);
}

static uint64_t pages_of(uint64_t bytes)
{
    return ALIGN_UP(bytes, (uint64_t)PAGE_SIZE) / PAGE_SIZE;
}

/* Only a new page is charged to the program; the rest
 * of the last page is free for the next block. */
static bool charge(struct budget *self, size_t bytes)
{
    struct program_budget *b = of(self);
    uint64_t sum, more;
    mutex_lock(&b->lock);
    bool fits = !ADD_OVERFLOWS(b->bytes, bytes, &sum) && sum <= UINT64_MAX - PAGE_SIZE;
    if (fits) {
        more = pages_of(sum) - b->pages;
        fits = more == 0 || program_charge(b->program, more);
    }
    if (fits) {
        b->bytes = sum;
        b->pages += more;
    }
    mutex_unlock(&b->lock);
    return fits;
}

static void uncharge(struct budget *self, size_t bytes)
{
    struct program_budget *b = of(self);
    mutex_lock(&b->lock);
    b->bytes -= bytes;
    uint64_t less = b->pages - pages_of(b->bytes);
    if (less > 0) {
        b->pages -= less;
        program_uncharge(b->program, less);
    }
    mutex_unlock(&b->lock);
}

/* While the budget is open, the thread may be ended at any point: it holds only memory of the
 * budget, which the program's end frees. */
static void set_open(struct budget *self, bool open)
{
    (void)self;
    thread_set_async_cancel(open);
}

void program_budget_init(struct program_budget *b, struct program *p)
{
    *b = (struct program_budget){
        .budget = {.charge = charge, .uncharge = uncharge, .set_open = set_open}, .program = p};
    mutex_init(&b->lock, "budget");
}
