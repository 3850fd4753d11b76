// SPDX-License-Identifier: MIT
//
// The early console: COM1, polled. boot32/console.c has set the speed; the FIFO is left as it is,
// since enabling it drops a byte that waits. Interrupt-driven input and output are
// drivers/serial's.
#include "hal/console.h"

#include "hal/types.h"
#include "hal_arch/sysreg.h"

#define COM1     0x3f8
#define UART_THR 0
#define UART_LSR 5
#define UART_SCR 7 /* keeps what is written, and does nothing */
#define LSR_THRE 0x20

#define SPINS 100000u /* longer than a full FIFO takes at any usual speed */

/* Ports without a device read as all ones, on old boards as what was on the bus last: so two
 * patterns, with another access in between. */
static bool probe(void)
{
    port_out8(COM1 + UART_SCR, 0x5a);
    bool has_first = port_in8(COM1 + UART_LSR) != 0xff && port_in8(COM1 + UART_SCR) == 0x5a;
    port_out8(COM1 + UART_SCR, 0xa5);
    return has_first && port_in8(COM1 + UART_LSR) != 0xff && port_in8(COM1 + UART_SCR) == 0xa5;
}

static bool is_present(void)
{
    static enum { UNKNOWN, ABSENT, PRESENT } state;
    if (state == UNKNOWN) {
        state = probe() ? PRESENT : ABSENT;
    }
    return state == PRESENT;
}

/* The wait is bounded: a broken COM1 may never be ready. It is waited for once, then ever so
 * briefly, until it is: else a panic would take minutes to reach the screen. */
static void put(char c)
{
    static bool is_stuck;
    unsigned left = is_stuck ? SPINS / 100 : SPINS;
    while (left > 0 && (port_in8(COM1 + UART_LSR) & LSR_THRE) == 0) {
        __asm__ volatile("pause");
        left--;
    }
    is_stuck = left == 0;
    port_out8(COM1 + UART_THR, (uint8_t)c);
}

void hal_early_write(const char *s, size_t len)
{
    for (size_t i = 0; i < len && is_present(); i++) {
        if (s[i] == '\n') {
            put('\r');
        }
        put(s[i]);
    }
}
