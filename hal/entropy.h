// SPDX-License-Identifier: MIT
//
// Random numbers from the CPU. They are input for a generator, one source among others (the
// loader's seed in boot_info, devices, the jitter of interrupts), and not a generator: slow, and
// never trusted as the only source. Many CPUs have none.
#pragma once

#include "hal/types.h"

/**
 * @brief Fill a buffer from the CPU's random number instruction.
 * @param buf  Bytes that are not delivered remain unchanged.
 * @param len  Bytes wanted; meant for dozens, not for megabytes (about a microsecond for a word).
 * @return Bytes delivered, from the start of buf: fewer than `len` if the instruction has no more
 * numbers or repeats itself; 0 also if the CPU has none.
 * @context{any, IRQ-safe, does not sleep}
 */
size_t hal_entropy(uint8_t *buf, size_t len);
