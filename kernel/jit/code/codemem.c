// SPDX-License-Identifier: MIT
//
// The memory of one module: an address range within branch reach of the kernel's text, divided into
// three parts, and the alias through which code is written.
//
// W^X: no page is ever mapped both writable and executable, not even at two addresses. The code
// part's frames come from codepool.c, so the direct map does not contain them. Until sealing, they
// are mapped writable at the alias only. codemem_seal() unmaps the alias, flushes it from all TLBs,
// and only then maps the code's own address executable. Freeing goes the other way: the executable
// mapping is flushed everywhere before the frames return to the pool.
#include "kernel/jit/code/codemem.h"

#include "hal/cache.h"
#include "kernel/base/assert.h"
#include "kernel/jit/code/codepool.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/mutex.h"

static struct mutex lock; /* protects the pool; lock order: loader registry */

void codemem_init(void)
{
    mutex_init(&lock, "code memory");
}

/* The parts follow each other in the range: code, read-only data, data. Each starts at a page,
 * because each has rights of its own. */
static size_t first_page(const struct codemem *m, enum load_part part)
{
    size_t first = 0;
    for (unsigned i = 0; i < part; i++) {
        first += m->pages[i];
    }
    return first;
}

vaddr_t codemem_address(const struct codemem *m, enum load_part part)
{
    return m->range.base + first_page(m, part) * PAGE_SIZE;
}

uint8_t *codemem_writable(const struct codemem *m, enum load_part part)
{
    return (uint8_t *)(uintptr_t)(part == LOAD_CODE ? m->alias.base : codemem_address(m, part));
}

enum status codemem_map(struct vm_range *range, size_t first, const paddr_t *frames, size_t count,
                        unsigned prot)
{
    for (size_t i = 0; i < count;) {
        size_t run = 1;
        while (i + run < count && frames[i + run].raw == frames[i].raw + run * PAGE_SIZE) {
            run++;
        }
        enum status s = vm_map_frames(range, first + i, frames[i], run, prot);
        if (s != OK) {
            if (i != 0) {
                vm_unmap(range, first, i, false);
            }
            return s;
        }
        i += run;
    }
    return OK;
}

static enum status map_code(struct codemem *m, struct vm_range *range, unsigned prot)
{
    return codemem_map(range, 0, m->frames, m->pages[LOAD_CODE], prot);
}

enum status codemem_take_frames(paddr_t *frames, size_t count)
{
    mutex_lock(&lock);
    enum status s = codepool_alloc(frames, count);
    mutex_unlock(&lock);
    return s;
}

void codemem_free_frames(const paddr_t *frames, size_t count)
{
    if (count != 0) {
        mutex_lock(&lock);
        codepool_free(frames, count);
        mutex_unlock(&lock);
    }
}

/* The frames are not consecutive in general: codemem_map()
 * maps them in order, so the addresses are. */
static enum status take_frames(struct codemem *m)
{
    size_t count = m->pages[LOAD_CODE];
    m->frames = heap_calloc(count, sizeof(*m->frames));
    if (m->frames == NULL) {
        return E_NOMEM;
    }
    enum status s = codemem_take_frames(m->frames, count);
    m->frame_count = s == OK ? count : 0;
    return s;
}

/* The alias is in another region than the code: an address in it says nothing about the code's
 * address, and guard pages catch a write beyond its end. */
static enum status open_alias(struct codemem *m)
{
    struct vm_request request = {.pages = m->pages[LOAD_CODE],
                                 .guard_below = 1,
                                 .guard_above = 1,
                                 .region = HAL_REGION_VM,
                                 .name = "code alias"};
    enum status s = vm_reserve(&m->alias, &request);
    if (s != OK) {
        m->alias.pages = 0;
        return s;
    }
    s = map_code(m, &m->alias, PROT_R | PROT_W);
    if (s != OK) {
        vm_release(&m->alias);
        m->alias.pages = 0;
    }
    return s;
}

static void close_alias(struct codemem *m)
{
    if (m->alias.pages != 0) {
        vm_unmap(&m->alias, 0, m->pages[LOAD_CODE], false);
        vm_release(&m->alias);
        m->alias.pages = 0;
    }
}

static enum status populate(struct codemem *m, enum load_part part)
{
    if (m->pages[part] == 0) {
        return OK;
    }
    return vm_populate(&m->range, first_page(m, part), m->pages[part], PROT_R | PROT_W,
                       PAGE_PROGRAM);
}

/* On failure everything allocated so far is freed: codemem_free() accepts a half-made struct, in
 * which absent things are 0. */
enum status codemem_alloc(struct codemem *m, const size_t pages[LOAD_PART_COUNT], const char *name)
{
    *m = (struct codemem){.pages = {pages[LOAD_CODE], pages[LOAD_RODATA], pages[LOAD_DATA]}};
    struct vm_request request = {.pages = pages[LOAD_CODE] + pages[LOAD_RODATA] + pages[LOAD_DATA],
                                 .guard_below = 1,
                                 .guard_above = 1,
                                 .region = HAL_REGION_CODE,
                                 .name = name};
    enum status s = vm_reserve(&m->range, &request);
    if (s != OK) {
        return E_NOMEM;
    }
    if (m->pages[LOAD_CODE] != 0) {
        s = take_frames(m);
        if (s == OK) {
            s = open_alias(m);
        }
    }
    if (s == OK) {
        s = populate(m, LOAD_RODATA);
    }
    if (s == OK) {
        s = populate(m, LOAD_DATA);
    }
    if (s != OK) {
        codemem_free(m);
        return E_NOMEM;
    }
    return OK;
}

/* The order is the one that W^X needs: read-only data first, since that can fail without harm; then
 * the alias goes; then the code becomes executable; and the instruction cache is synchronised last,
 * because it needs the final address. Before the return no CPU may execute at that address. */
enum status codemem_seal(struct codemem *m, bool has_landing_pads)
{
    if (m->pages[LOAD_RODATA] != 0) {
        enum status s =
            vm_protect(&m->range, first_page(m, LOAD_RODATA), m->pages[LOAD_RODATA], PROT_R);
        if (s != OK) {
            return E_NOMEM;
        }
    }
    if (m->pages[LOAD_CODE] == 0) {
        return OK;
    }
    /* The alias must be gone from every TLB before the first executable mapping exists. */
    close_alias(m);
    enum status s =
        map_code(m, &m->range, PROT_R | PROT_X | (has_landing_pads ? (unsigned)PROT_GUARDED : 0));
    if (s != OK) {
        return E_NOMEM;
    }
    m->mapped_code = m->pages[LOAD_CODE];
    hal_icache_sync((const void *)codemem_address(m, LOAD_CODE), m->pages[LOAD_CODE] * PAGE_SIZE);
    return OK;
}

/* Unmapping flushes every TLB, and only then may the frames be used for something else. */
void codemem_free(struct codemem *m)
{
    close_alias(m);
    if (m->mapped_code != 0) {
        vm_unmap(&m->range, 0, m->mapped_code, false);
    }
    size_t owned = m->pages[LOAD_RODATA] + m->pages[LOAD_DATA];
    if (owned != 0) {
        /* Pages that were never populated are skipped. */
        vm_unmap(&m->range, m->pages[LOAD_CODE], owned, true);
    }
    codemem_free_frames(m->frames, m->frame_count);
    heap_free(m->frames);
    vm_release(&m->range);
    *m = (struct codemem){0};
}

void codemem_get_stats(size_t *pool_pages, size_t *used_pages)
{
    mutex_lock(&lock);
    codepool_get_stats(pool_pages, used_pages);
    mutex_unlock(&lock);
}
