// SPDX-License-Identifier: MIT
//
// Bus addresses, which only this file computes. At present bus = physical; an IOMMU or bounce
// buffers would change this file only.
#pragma once

#include "hal/types.h"
#include "kernel/lib/status.h"

struct device;

enum dma_direction { DMA_TO_DEVICE, DMA_FROM_DEVICE, DMA_BOTH };

/** Memory that CPU and device share permanently (rings). */
struct dma_buffer {
    void *cpu;
    busaddr_t bus;
    size_t size;    /* as requested */
    unsigned order; /* private */
};

/** @brief Allocate zeroed, page-aligned, contiguous shared memory. @return OK; E_NOMEM; E_INVAL:
 *     size 0 or above 4 MiB. */
enum status dma_alloc(struct device *dev, size_t size, struct dma_buffer *out);
void dma_free(struct device *dev, struct dma_buffer *buf);

/** A contiguous piece of memory as the device sees it. */
struct dma_segment {
    busaddr_t bus;
    uint32_t len;
};

/**
 * @brief Compute the bus addresses of a kernel buffer, split at physical discontinuities
 *     and at max_len.
 * @param count In: room in segs. Out: segments used.
 * @return OK; E_OVERFLOW: more segments than room; E_FAULT: not mapped; E_RANGE: the device
 *     cannot access it.
 * @context{thread or work}
 */
enum status dma_map(struct device *dev, void *buf, size_t len, enum dma_direction dir,
                    uint32_t max_len, struct dma_segment *segs, size_t *count);
void dma_unmap(struct device *dev, void *buf, size_t len, enum dma_direction dir);
