// SPDX-License-Identifier: MIT
//
// The early console: COM1, polled. boot32/console.c has set the speed. The FIFO keeps its state,
// because enabling it drops pending bytes. Interrupt-driven input and output is in drivers/serial.
#include "hal/console.h"

#include "arch/x86_64/com1.h"
#include "hal/types.h"

/* Ports without a device read as all ones, on old boards as the last value on the bus. So test two
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

static void put(char c)
{
    static bool is_stuck;
    com1_put((uint8_t)c, &is_stuck);
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
