// SPDX-License-Identifier: MIT
//
// Memory in a range of its own: large buffers between guards, device registers, boot modules. The
// struct of the range is allocated on the heap, which in turn allocates objects above 64 KiB here.
#include "kernel/base/assert.h"
#include "kernel/base/log.h"
#include "kernel/base/spinlock.h"
#include "kernel/lib/compiler.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/vm.h"

/* Their addresses mark a range's kind in its `ctx`: freeing checks that this
 * file made the range. */
static char allocated, physical;

#define HUGE_BYTES  ((size_t)1 << 30)
#define LARGE_BYTES ((size_t)2 << 20)

/* Alignment that allows the largest leaves, 1 GiB or 2 MiB. `with` is the physical address to be
 * mapped: more alignment than it has does not help. */
static size_t align_for(size_t pages, uint64_t with)
{
    size_t bytes = pages * PAGE_SIZE;
    if (bytes >= HUGE_BYTES && IS_ALIGNED(with, HUGE_BYTES)) {
        return HUGE_BYTES;
    }
    return bytes >= LARGE_BYTES && IS_ALIGNED(with, LARGE_BYTES) ? LARGE_BYTES : PAGE_SIZE;
}

static struct vm_range *reserve(size_t pages, uint64_t with, uint32_t guards, const char *name)
{
    struct vm_range *range = heap_alloc(sizeof *range);
    const struct vm_request request = {.pages = pages,
                                       .align = align_for(pages, with),
                                       .guard_below = guards,
                                       .guard_above = guards,
                                       .region = HAL_REGION_VM,
                                       .name = name};
    if (range != NULL && vm_reserve(range, &request) != OK) {
        heap_free(range);
        return NULL;
    }
    return range;
}

static void release(struct vm_range *range)
{
    vm_release(range);
    heap_free(range);
}

void *vm_alloc(size_t size, enum page_owner owner, const char *name)
{
    if (size == 0 || size > SIZE_MAX - PAGE_SIZE) {
        return NULL;
    }
    size_t pages = ALIGN_UP(size, PAGE_SIZE) >> PAGE_SHIFT;
    struct vm_range *range = reserve(pages, 0, 1, name);
    if (range == NULL) {
        return NULL;
    }
    if (vm_populate(range, 0, pages, PROT_R | PROT_W, owner) != OK) {
        release(range);
        return NULL;
    }
    range->ctx = &allocated;
    return (void *)(uintptr_t)range->base;
}

/* The range that vm_alloc() made for `p`; panics if there is none. */
static struct vm_range *allocated_at(void *p)
{
    struct vm_range *range = vm_find((uintptr_t)p);
    if (range == NULL || range->base != (uintptr_t)p || range->ctx != &allocated) {
        panic("vm: free of %p, which is not the start of a range", p);
    }
    return range;
}

void vm_free_frames(void *p)
{
    struct vm_range *range = allocated_at(p);
    vm_unmap(range, 0, range->pages, true);
}

void vm_free(void *p)
{
    if (p != NULL) {
        struct vm_range *range = allocated_at(p);
        vm_unmap(range, 0, range->pages, true);
        release(range);
    }
}

/* Map the whole pages around physical [base, base + len) in a new range. NULL: see *why. */
static struct vm_range *map_physical(uint64_t base, uint64_t len, unsigned prot, enum mem_type type,
                                     const char *name, enum status *why)
{
    uint64_t end;
    if (len == 0 || ADD_OVERFLOWS(base, len, &end) || end > UINT64_MAX - PAGE_SIZE) {
        *why = E_INVAL;
        return NULL;
    }
    uint64_t first = ALIGN_DOWN(base, PAGE_SIZE);
    size_t pages = (ALIGN_UP(end, PAGE_SIZE) - first) >> PAGE_SHIFT;
    struct vm_range *range = reserve(pages, first, 1, name);
    *why = range == NULL ? E_NOMEM : vm_map_physical(range, paddr(first), prot, type);
    if (range != NULL && *why != OK) {
        release(range);
        return NULL;
    }
    if (range != NULL) {
        range->ctx = &physical;
    }
    return range;
}

/* Mapping RAM as a device's would allow writes to the kernel's own frames, its text included. */
static bool is_ram(uint64_t base, uint64_t len, const char *what)
{
    uint64_t end;
    bool is = len > 0 && !ADD_OVERFLOWS(base, len, &end) && page_is_any_ram(base, len);
    if (is) {
        log_warn("vm", "0x%llx bytes at 0x%llx are reported as a device's %s, but are RAM",
                 (unsigned long long)len, (unsigned long long)base, what);
    }
    return is;
}

enum status vm_map_device(uint64_t base, uint64_t len, struct io_region *out)
{
    enum status s;
    if (is_ram(base, len, "registers")) {
        return E_INVAL;
    }
    const struct vm_range *range =
        map_physical(base, len, PROT_R | PROT_W, MEM_DEVICE, "registers", &s);
    if (range == NULL) {
        return s;
    }
    *out = (struct io_region){.base = range->base + (base & (PAGE_SIZE - 1)), .len = len};
    return OK;
}

void *vm_map_framebuffer(uint64_t base, uint64_t len)
{
    enum status s;
    if (is_ram(base, len, "framebuffer")) {
        return NULL;
    }
    const struct vm_range *range =
        map_physical(base, len, PROT_R | PROT_W, MEM_WRITE_COMBINE, "framebuffer", &s);
    return range == NULL ? NULL : (void *)(uintptr_t)(range->base + (base & (PAGE_SIZE - 1)));
}

static void unmap_physical(vaddr_t va)
{
    struct vm_range *range = vm_find(va);
    ASSERT(range != NULL && range->ctx == &physical && va - range->base < PAGE_SIZE);
    vm_unmap(range, 0, range->pages, false);
    release(range);
}

void vm_unmap_device(const struct io_region *region)
{
    ASSERT(!region->is_port);
    unmap_physical(region->base);
}

const void *vm_map_module(uint64_t base, uint64_t len)
{
    enum status s;
    const struct vm_range *range = map_physical(base, len, PROT_R, MEM_NORMAL, "module", &s);
    return range == NULL ? NULL : (const void *)(uintptr_t)(range->base + (base & (PAGE_SIZE - 1)));
}

void vm_unmap_module(const void *bytes)
{
    unmap_physical((uintptr_t)bytes);
}
