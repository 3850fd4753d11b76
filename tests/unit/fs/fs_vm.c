// SPDX-License-Identifier: MIT
//
// Ranges of addresses without memory, for host tests of kernel/fs/: a test sees through
// env_mapped() which frames are mapped there.
#include "fs/fs_env.h"
#include "kernel/mm/vm.h"

#include <stdlib.h>
#include <string.h>

#define RANGES 8u

static struct {
    uintptr_t base; /* 0: unused */
    size_t pages;
    void **frames;
} ranges[RANGES];
static uintptr_t next_base = (uintptr_t)1 << 40;

static unsigned find(uintptr_t base)
{
    unsigned i = 0;
    while (i < RANGES && ranges[i].base != base) {
        i++;
    }
    if (i == RANGES) {
        abort();
    }
    return i;
}

const void *env_mapped(const void *base, size_t page)
{
    unsigned i = find((uintptr_t)base);
    return page < ranges[i].pages ? ranges[i].frames[page] : NULL;
}

enum status vm_reserve(struct vm_range *range, const struct vm_request *request)
{
    if (!env_may_allocate()) {
        return E_NOMEM;
    }
    unsigned i = find(0);
    *range = (struct vm_range){.base = next_base, .pages = request->pages};
    ranges[i].base = next_base;
    ranges[i].pages = request->pages;
    ranges[i].frames = calloc(request->pages, sizeof(void *));
    next_base += (request->pages + 2) * PAGE_SIZE;
    return OK;
}

enum status vm_map_frames(struct vm_range *range, size_t first, paddr_t base, size_t count,
                          unsigned prot)
{
    unsigned i = find(range->base);
    if (prot != PROT_R || count != 1 || first >= range->pages || ranges[i].frames[first] != NULL) {
        abort();
    }
    if (!env_may_allocate()) { /* a table */
        return E_NOMEM;
    }
    env_forget_object();
    ranges[i].frames[first] = hal_direct(base);
    return OK;
}

void vm_unmap(struct vm_range *range, size_t first, size_t count, bool owned)
{
    unsigned i = find(range->base);
    if (owned || first + count > range->pages) {
        abort();
    }
    for (; count > 0; count--, first++) {
        if (ranges[i].frames[first] == NULL) {
            abort();
        }
        ranges[i].frames[first] = NULL;
    }
}

void vm_release(struct vm_range *range)
{
    unsigned i = find(range->base);
    for (size_t p = 0; p < range->pages; p++) {
        if (ranges[i].frames[p] != NULL) {
            abort();
        }
    }
    free(ranges[i].frames);
    memset(&ranges[i], 0, sizeof(ranges[i]));
    env_forget_object();
}
