// SPDX-License-Identifier: MIT
//
// Blocks of code that share pages. The rule of codemem.c holds: no page is ever both writable and
// executable, at any address. Before the page that a new block shares with older ones is mapped at
// the writable alias, it is no longer executable at its own address. Sealing makes it executable
// again, after the alias is gone from all TLBs.
#include "kernel/jit/code/codechunk.h"

#include "hal/cache.h"
#include "kernel/base/assert.h"
#include "kernel/jit/code/codemem.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

struct codechunk *codechunk_create(const char *name, bool has_landing_pads)
{
    const struct vm_request request = {.pages = CODECHUNK_PAGES,
                                       .guard_below = 1,
                                       .guard_above = 1,
                                       .region = HAL_REGION_CODE,
                                       .name = name};
    struct codechunk *c = heap_zalloc(sizeof *c);
    if (c != NULL && vm_reserve(&c->range, &request) != OK) {
        heap_free(c);
        return NULL;
    }
    if (c != NULL) {
        c->prot = PROT_R | PROT_X | (has_landing_pads ? (unsigned)PROT_GUARDED : 0);
    }
    return c;
}

static size_t pages_for(size_t bytes)
{
    return ALIGN_UP(bytes, (size_t)PAGE_SIZE) / PAGE_SIZE;
}

size_t codechunk_pages(const struct codechunk *c, size_t bytes)
{
    if (bytes > CODECHUNK_PAGES * PAGE_SIZE - c->used) {
        return SIZE_MAX;
    }
    size_t wanted = pages_for(c->used + bytes);
    return wanted > c->taken ? wanted - c->taken : 0;
}

/* The page in which the newest block begins. */
static size_t first_page(const struct codechunk *c)
{
    return c->start / PAGE_SIZE;
}

/* The frames are mapped one by one, so this needs no memory and cannot fail. */
static void set_shared(struct codechunk *c, unsigned prot)
{
    if (first_page(c) < c->mapped) {
        enum status s = vm_protect(&c->range, first_page(c), 1, prot);
        ASSERT(s == OK);
    }
}

/* Map the pages of the newest block at the alias. */
static enum status open_alias(struct codechunk *c)
{
    size_t count = pages_for(c->used) - first_page(c);
    const struct vm_request request = {.pages = count,
                                       .guard_below = 1,
                                       .guard_above = 1,
                                       .region = HAL_REGION_VM,
                                       .name = "code alias"};
    enum status s = vm_reserve(&c->alias, &request);
    if (s == OK) {
        s = codemem_map(&c->alias, 0, &c->frames[first_page(c)], count, PROT_R | PROT_W);
        if (s != OK) {
            vm_release(&c->alias);
        }
    }
    c->alias.pages = s == OK ? count : 0;
    return s;
}

static void close_alias(struct codechunk *c)
{
    if (c->alias.pages != 0) {
        vm_unmap(&c->alias, 0, c->alias.pages, false);
        vm_release(&c->alias);
        c->alias.pages = 0;
    }
}

/* As if the newest block had not been allocated; its frames stay for the next one. */
static void take_back(struct codechunk *c)
{
    close_alias(c);
    set_shared(c, c->prot);
    c->used = c->start;
    c->is_open = false;
}

uint8_t *codechunk_alloc(struct codechunk *c, size_t bytes, uint8_t fill, vaddr_t *address)
{
    size_t fresh = codechunk_pages(c, bytes);
    ASSERT(!c->is_open && fresh != SIZE_MAX);
    if (fresh != 0 && codemem_take_frames(&c->frames[c->taken], fresh) != OK) {
        return NULL;
    }
    c->taken += fresh;
    c->start = c->used;
    c->used = ALIGN_UP(c->used + bytes, (size_t)CODECHUNK_ALIGN);
    c->is_open = true;
    set_shared(c, PROT_R);
    if (open_alias(c) != OK) {
        take_back(c);
        c->taken -= fresh;
        codemem_free_frames(&c->frames[c->taken], fresh);
        return NULL;
    }
    uint8_t *at = (uint8_t *)(uintptr_t)c->alias.base + c->start % PAGE_SIZE;
    memset(at, fill, c->alias.pages * PAGE_SIZE - c->start % PAGE_SIZE);
    c->blocks++;
    *address = c->range.base + c->start;
    return at;
}

enum status codechunk_seal(struct codechunk *c)
{
    size_t wanted = pages_for(c->used);
    close_alias(c);
    if (wanted > c->mapped) {
        enum status s =
            codemem_map(&c->range, c->mapped, &c->frames[c->mapped], wanted - c->mapped, c->prot);
        if (s != OK) {
            return E_NOMEM;
        }
    }
    set_shared(c, c->prot);
    c->mapped = MAX(c->mapped, wanted);
    c->is_open = false;
    hal_icache_sync((const void *)(c->range.base + c->start), c->used - c->start);
    return OK;
}

void codechunk_destroy(struct codechunk *c)
{
    if (c->mapped != 0) {
        vm_unmap(&c->range, 0, c->mapped, false);
    }
    codemem_free_frames(c->frames, c->taken);
    vm_release(&c->range);
    heap_free(c);
}

bool codechunk_free(struct codechunk *c)
{
    if (c->is_open) {
        take_back(c);
    }
    return --c->blocks == 0;
}
