// SPDX-License-Identifier: MIT
//
// The early console: a PL011, written by polling.
// hal_early_write() is its public part (hal/console.h).
#pragma once

#include <stdint.h>

/**
 * @brief Set the address of the registers.
 * @param base  An address that the CPU can use now (physical while the MMU is off); 0: there is no
 * UART, print nothing.
 * @context{early}
 */
void console_use(uintptr_t base);

/** @brief Write a zero-terminated string, or a number as 0x and 16 digits.
 * @context{any, panic included} */
void console_puts(const char *s);
void console_put_hex(uint64_t value);
