// SPDX-License-Identifier: MIT
//
// The early console. It depends on nothing: no memory, no interrupts, no formatting library, no
// MMU. Its initial address is the only one that this tree hard-codes; it is used until the device
// tree's address is known.
#include "arch/aarch64/console.h"

#include "hal/console.h"
#include "hal/io.h"
#include "hal_arch/offsets.h"

#define UART_DR    0x00
#define UART_FR    CONSOLE_FLAGS
#define UART_CR    0x30
#define FR_TX_FULL (1u << CONSOLE_FULL_BIT)
#define CR_ENABLE  (1u << 0)
#define CR_TX      (1u << 8)
#define SPINS      1000000u /* longer than a full FIFO needs at any usual speed */

static struct io_region uart = {.base = CONSOLE_ON_VIRT, .len = 0x1000};

void console_use(uintptr_t base)
{
    uart.base = base;
}

/* The wait is limited, because a broken UART, or one that flow control holds back, may never be
 * ready. After one long wait without success later waits are very short, until it is ready again: a
 * panic must still reach the screen. */
static void put(char c)
{
    static bool is_stuck;
    unsigned left = is_stuck ? SPINS / 100 : SPINS;
    while (left > 0 && (io_read32(&uart, UART_FR) & FR_TX_FULL) != 0) {
        left--;
    }
    is_stuck = left == 0;
    if (is_stuck) {
        return;
    }
    io_write32(&uart, UART_DR, (uint8_t)c);
}

void hal_early_write(const char *s, size_t len)
{
    if (uart.base == 0) {
        return;
    }
    uint32_t control = io_read32(&uart, UART_CR);
    if ((control & CR_ENABLE) == 0) {
        io_write32(&uart, UART_CR, control | CR_ENABLE | CR_TX);
    }
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '\n') {
            put('\r');
        }
        put(s[i]);
    }
}

void console_puts(const char *s)
{
    size_t len = 0;
    while (s[len] != '\0') {
        len++;
    }
    hal_early_write(s, len);
}

void console_put_hex(uint64_t value)
{
    char text[18] = {'0', 'x'};
    for (unsigned i = 0; i < 16; i++) {
        unsigned digit = (unsigned)(value >> (60 - 4 * i)) & 15u;
        text[2 + i] = (char)(digit < 10 ? '0' + digit : 'a' + digit - 10);
    }
    hal_early_write(text, sizeof(text));
}
