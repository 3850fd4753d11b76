// SPDX-License-Identifier: MIT
//
// The early console: COM1, polled. boot32/console.c has set the speed; the FIFO is left as it is,
// since enabling it drops a byte that waits. Interrupt-driven input and output are
// drivers/serial's.
#include "hal/console.h"

#include "hal_arch/sysreg.h"

#define COM1     0x3f8
#define UART_THR 0
#define UART_LSR 5
#define LSR_THRE 0x20

/* The wait is bounded: a machine without COM1 may read anything. */
static void put(char c)
{
    for (unsigned i = 0; i < 100000 && (port_in8(COM1 + UART_LSR) & LSR_THRE) == 0; i++) {
        __asm__ volatile("pause");
    }
    port_out8(COM1 + UART_THR, (uint8_t)c);
}

void hal_early_write(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '\n') {
            put('\r');
        }
        put(s[i]);
    }
}
