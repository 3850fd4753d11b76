// SPDX-License-Identifier: MIT
//
// Ranges whose pages are mapped when they are touched: the fault handler allocates a frame, has it
// filled, and maps it. No lock is held meanwhile, so filling may sleep. If two threads fault on the
// same page, the second one finds the page mapped and frees its own frame.
//
// A program's memory works differently (vm_commit()): its frames are allocated in advance, so that
// no touch can fail.
#include "hal/cache.h"
#include "hal/trap.h"
#include "kernel/base/assert.h"
#include "kernel/lib/compiler.h"
#include "kernel/mm/vm.h"

static bool is_allowed(const struct vm_pager *pager, const struct fault *fault)
{
    return fault->access == FAULT_READ ||
           (fault->access == FAULT_WRITE && (pager->prot & PROT_W) != 0);
}

static enum status make_page(struct vm_pager *pager, size_t page, paddr_t *out)
{
    paddr_t frame;
    enum status s = page_alloc(0, pager->owner, &frame);
    if (s != OK) {
        return s;
    }
    hal_zero_pages(hal_direct(frame), 1);
    s = pager->fill == NULL ? OK : pager->fill(pager, page, hal_direct(frame));
    if (s != OK) {
        page_free(frame, 0);
        return s;
    }
    *out = frame;
    return OK;
}

/* False leaves the fault to the caller, which treats it as an error: the page is mapped already,
 * the pager does not permit the access, the page is a guard, memory is short, or filling might
 * sleep where that is not possible. */
static bool page_in(struct vm_range *range, struct fault *fault)
{
    struct vm_pager *pager = range->ctx;
    paddr_t frame;
    if (fault->mapped || !is_allowed(pager, fault) || vm_is_guard(range, fault->address) ||
        (pager->fill != NULL && !fault->may_sleep)) {
        return false;
    }
    size_t page = (fault->address - range->base) / PAGE_SIZE;
    if (make_page(pager, page, &frame) != OK) {
        return false;
    }
    enum status s = vm_map_frames(range, page, frame, 1, pager->prot);
    if (s != OK) {
        page_free(frame, 0);
    }
    return s == OK || s == E_EXIST; /* E_EXIST: another CPU or thread mapped it first */
}

void vm_set_pager(struct vm_range *range, struct vm_pager *pager)
{
    ASSERT((pager->prot & ~(unsigned)PROT_W) == PROT_R);
    range->ctx = pager;
    range->fault = page_in;
}
