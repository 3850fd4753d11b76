// SPDX-License-Identifier: MIT
//
// COM1, polled: for the 32-bit start and for the early console.
#pragma once

#include "hal_arch/sysreg.h"

#include <stdbool.h>
#include <stdint.h>

#define COM1     0x3f8
#define UART_THR 0 /* transmit; the divisor's low byte while LCR.DLAB is set */
#define UART_LSR 5
#define UART_SCR 7 /* keeps what is written, and does nothing */
#define LSR_THRE 0x20

/* In ticks of the time-stamp counter: some seconds on any CPU. A virtual UART waits until its other
 * end is read, and bytes written before it is ready are lost. */
#define COM1_PATIENCE ((uint64_t)1 << 34)

/**
 * @brief Send a byte when COM1 is ready.
 * @param is_stuck  Kept by the caller between calls, initially false. The wait is limited, because
 * a broken COM1 may never be ready: after one long wait without success later waits are very short,
 * until it is ready again. Otherwise a panic could take hours to reach the screen.
 */
static inline void com1_put(uint8_t byte, bool *is_stuck)
{
    uint64_t start = read_tsc(), patience = *is_stuck ? COM1_PATIENCE >> 14 : COM1_PATIENCE;
    bool is_ready = (port_in8(COM1 + UART_LSR) & LSR_THRE) != 0;
    while (!is_ready && read_tsc() - start < patience) {
        __asm__ volatile("pause");
        is_ready = (port_in8(COM1 + UART_LSR) & LSR_THRE) != 0;
    }
    *is_stuck = !is_ready;
    port_out8(COM1 + UART_THR, byte);
}
