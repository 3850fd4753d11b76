// SPDX-License-Identifier: MIT
//
// Memory shared between a driver and its device, as weakly ordered as AArch64 allows. The
// host's own ordering would hide a missing barrier; here, accesses that no barrier orders
// become visible in the worst order:
//
//   - of the CPU's stores since its last barrier for stores, the device sees those to the word
//     that it reads first (the index), and no others;
//   - the CPU sees a write that the test marks as late only after its next barrier for loads,
//     whatever it saw before.
//
// To prove that it depends on a barrier, a test drops it: fake_dma_dropped.
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum fake_barrier {
    FAKE_WMB, /* hal_dma_wmb() */
    FAKE_RMB,
    FAKE_MB,
    FAKE_BARRIERS
};

/** @brief The bodies of hal/io.h's barriers; hal_arch/io.h declares them, too. */
void fake_dma_wmb(void);
void fake_dma_rmb(void);
void fake_dma_mb(void);

/** @brief Called when a register was written, which notifies the device. */
void fake_register_written(void);

/** Barriers of this kind do nothing, as if the driver lacked them. FAKE_BARRIERS: all work. */
extern enum fake_barrier fake_dma_dropped;

/** Called at a barrier before it takes effect; NULL: nothing. */
extern void (*fake_on_barrier)(enum fake_barrier kind);

/** Number of notifications sent while a store was not ordered before them. */
extern unsigned fake_dma_told_early;

/** @brief From here on the device shares this memory, and has seen all of its
 * contents. NULL: it shares none. */
void fake_dma_share(void *memory, size_t size);

/** @brief What the device reads: at worst, the contents at the CPU's last barrier for stores.
 * `newest`: the latest contents. @param at  In the shared memory. */
void fake_dma_read(void *out, const void *at, size_t len, bool newest);

/** @brief The device writes. `late`: the CPU sees it after its next barrier for loads. */
void fake_dma_write(void *at, const void *data, size_t len, bool late);
