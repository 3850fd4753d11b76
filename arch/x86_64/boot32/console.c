// SPDX-License-Identifier: MIT
//
// 32-bit start: COM1, polled. From 64-bit mode on ../console.c replaces it.
#include "arch/x86_64/boot32/boot32.h"
#include "arch/x86_64/com1.h"

#define UART_IER    1 /* interrupts; with DLAB the divisor's high byte */
#define UART_LCR    3
#define LCR_8N1     0x03
#define LCR_DLAB    0x80
#define BAUD_115200 1

static bool is_present;

/* Ports without a device read as all ones. */
static bool probe(void)
{
    port_out8(COM1 + UART_SCR, 0x5a);
    return port_in8(COM1 + UART_LSR) != 0xff && port_in8(COM1 + UART_SCR) == 0x5a;
}

void console32_init(void)
{
    is_present = probe();
    if (!is_present) {
        return;
    }
    port_out8(COM1 + UART_IER, 0);
    port_out8(COM1 + UART_LCR, LCR_8N1 | LCR_DLAB);
    port_out8(COM1 + UART_THR, BAUD_115200);
    port_out8(COM1 + UART_IER, 0);
    port_out8(COM1 + UART_LCR, LCR_8N1);
}

static void put(char c)
{
    static bool is_stuck;
    if (is_present) {
        com1_put((uint8_t)c, &is_stuck);
    }
}

void console32_write(const char *s)
{
    for (; *s != '\0'; s++) {
        if (*s == '\n') {
            put('\r');
        }
        put(*s);
    }
}

void console32_write_hex(uint32_t value)
{
    console32_write("0x");
    for (int shift = 28; shift >= 0; shift -= 4) {
        put("0123456789abcdef"[value >> shift & 0xf]);
    }
}
