// SPDX-License-Identifier: MIT
//
// The early console: a PL011 that is written to by polling. hal_early_write() is its public half
// (hal/console.h).
#pragma once

#include <stdint.h>

/**
 * @brief Where the registers are from now on.
 * @param base  An address as the CPU uses it now (physical while the MMU is off); 0: there is none,
 * stay silent.
 * @context{early}
 */
void console_use(uintptr_t base);

/** @brief Write a zero-terminated string, or a number as 0x and 16 digits. @context{any, panic
 * included} */
void console_puts(const char *s);
void console_put_hex(uint64_t value);
