// SPDX-License-Identifier: MIT
//
// Bus addresses of memory. On every supported machine bus and physical addresses are equal and
// devices are cache coherent; a machine that differs changes only this file.
#include "kernel/io/dma.h"

#include "kernel/base/assert.h"
#include "kernel/io/device.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm.h"

static unsigned order_of(size_t size)
{
    unsigned order = 0;
    while ((PAGE_SIZE << order) < size) {
        order++;
    }
    return order;
}

enum status dma_alloc(struct device *dev, size_t size, struct dma_buffer *out)
{
    if (size == 0 || size > PAGE_SIZE << PAGE_ORDER_MAX) {
        return E_INVAL;
    }
    unsigned order = order_of(size);
    paddr_t frame;
    enum status s = dev->dma_limit == UINT64_MAX
                        ? page_alloc(order, PAGE_DMA, &frame)
                        : page_alloc_below(order, dev->dma_limit + 1, PAGE_DMA, &frame);
    if (s != OK) {
        return s;
    }
    void *cpu = hal_direct(frame);
    memset(cpu, 0, PAGE_SIZE << order);
    *out = (struct dma_buffer){.cpu = cpu, .bus = {frame.raw}, .size = size, .order = order};
    return OK;
}

void dma_free(struct device *dev, struct dma_buffer *buf)
{
    (void)dev;
    page_free(hal_direct_to_phys(buf->cpu), buf->order);
    *buf = (struct dma_buffer){.cpu = NULL};
}

static bool is_direct(uintptr_t va, size_t len)
{
    return va >= HAL_DIRECT_BASE && va - HAL_DIRECT_BASE < HAL_DIRECT_SIZE &&
           len <= HAL_DIRECT_SIZE - (va - HAL_DIRECT_BASE);
}

/* The number of bytes from p, at most len, that are physically contiguous as far as one
 * lookup can tell. */
static enum status next_run(const uint8_t *p, size_t len, uint64_t *bus, size_t *run)
{
    paddr_t phys;
    if (!vm_to_phys(p, &phys)) {
        return E_FAULT;
    }
    *bus = phys.raw;
    *run =
        is_direct((uintptr_t)p, len) ? len : MIN(len, PAGE_SIZE - ((uintptr_t)p & (PAGE_SIZE - 1)));
    return OK;
}

struct segment_list {
    struct dma_segment *segs;
    size_t used, room;
    uint32_t max_len;
};

/* Append a contiguous run: extend the last segment if possible, then add new segments. */
static enum status append_run(struct segment_list *l, uint64_t bus, size_t run)
{
    while (run > 0) {
        struct dma_segment *last = l->used > 0 ? &l->segs[l->used - 1] : NULL;
        bool joins = last != NULL && last->bus.raw + last->len == bus && last->len < l->max_len;
        size_t n = MIN(run, l->max_len - (joins ? last->len : 0));
        if (joins) {
            last->len += (uint32_t)n;
        } else if (l->used < l->room) {
            l->segs[l->used++] = (struct dma_segment){.bus = {bus}, .len = (uint32_t)n};
        } else {
            return E_OVERFLOW;
        }
        bus += n;
        run -= n;
    }
    return OK;
}

/* *count is the room in `segs` on entry and the number of segments on return. Every byte must be
 * within the device's limit. Nothing is bounced through other memory: a buffer out of reach is an
 * error, and the caller allocates one with dma_alloc(). */
enum status dma_map(struct device *dev, void *buf, size_t len, enum dma_direction dir,
                    uint32_t max_len, struct dma_segment *segs, size_t *count)
{
    (void)dir; /* coherent: nothing to clean or invalidate */
    ASSERT(max_len > 0);
    if (is_direct((uintptr_t)buf, len) && len <= max_len && len > 0 && *count > 0) {
        /* The common case: one check, no walk. */
        uint64_t bus = hal_direct_to_phys(buf).raw;
        if (bus > dev->dma_limit || len - 1 > dev->dma_limit - bus) {
            return E_RANGE;
        }
        segs[0] = (struct dma_segment){.bus = {bus}, .len = (uint32_t)len};
        *count = 1;
        return OK;
    }
    struct segment_list list = {.segs = segs, .room = *count, .max_len = max_len};
    uint8_t *p = buf;
    while (len > 0) {
        uint64_t bus;
        size_t run;
        enum status s = next_run(p, len, &bus, &run);
        if (s != OK) {
            return s;
        }
        if (bus > dev->dma_limit || run - 1 > dev->dma_limit - bus) {
            return E_RANGE;
        }
        s = append_run(&list, bus, run);
        if (s != OK) {
            return s;
        }
        p += run;
        len -= run;
    }
    *count = list.used;
    return OK;
}

void dma_unmap(struct device *dev, void *buf, size_t len, enum dma_direction dir)
{
    /* Nothing to undo: bus addresses are physical and stay valid. */
    (void)dev;
    (void)buf;
    (void)len;
    (void)dir;
}
