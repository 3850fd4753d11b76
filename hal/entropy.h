// SPDX-License-Identifier: MIT
//
// Randomness that the CPU makes. It is raw material for a generator, one source among others (the
// loader's seed in boot_info, devices, the jitter of interrupts), and no generator itself: slow,
// and trusted alone by nobody. Many CPUs have none.
#pragma once

#include "hal/types.h"

/**
 * @brief Fill with what the CPU's random number instruction gives.
 * @param buf  Bytes that are not delivered stay as they are.
 * @param len  Bytes wanted; a request is for dozens, not for megabytes (about a microsecond a
 * word).
 * @return Bytes delivered, from the start of buf: fewer than `len` if the instruction ran dry or
 *         repeats itself; 0 also if the CPU has none.
 * @context{any, IRQ-safe, does not sleep}
 */
size_t hal_entropy(uint8_t *buf, size_t len);
