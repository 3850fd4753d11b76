// SPDX-License-Identifier: MIT
//
// Memory that a driver shares with its device, as weakly ordered as AArch64 lets it be. The host's
// own order hides a barrier that is missing; here what no barrier orders comes in the worst order:
//
//   - of what the CPU stored since its last barrier for stores, the device sees what it asks for
//     first (the index), and nothing else;
//   - of what the device wrote, the CPU sees what the test calls late only behind its next barrier
//     for loads, whatever it saw before.
//
// A test that would not fail without a barrier says so by dropping it: fake_dma_dropped.
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum fake_barrier {
    FAKE_WMB, /* hal_dma_wmb() */
    FAKE_RMB,
    FAKE_MB,
    FAKE_BARRIERS
};

/** @brief What the barriers of hal/io.h are; hal_arch/io.h declares them, too. */
void fake_dma_wmb(void);
void fake_dma_rmb(void);
void fake_dma_mb(void);

/** @brief A register was written: the device is told of something. */
void fake_register_written(void);

/** Barriers of this kind do nothing: a driver without them. FAKE_BARRIERS: all work. */
extern enum fake_barrier fake_dma_dropped;

/** Called at a barrier before it does anything; NULL: nothing. */
extern void (*fake_on_barrier)(enum fake_barrier kind);

/** How often a device was told while something was not behind a barrier. */
extern unsigned fake_dma_told_early;

/** @brief The device shares this memory from here on, and knows all that is in it; until the next
 * call, or for ever. NULL: it shares none. */
void fake_dma_share(void *memory, size_t size);

/** @brief What the device reads: at worst, as it was at the CPU's last barrier for stores.
 * `newest`: as it was stored last. @param at  In the shared memory. */
void fake_dma_read(void *out, const void *at, size_t len, bool newest);

/** @brief The device writes. `late`: the CPU sees it behind its next barrier for loads. */
void fake_dma_write(void *at, const void *data, size_t len, bool late);
