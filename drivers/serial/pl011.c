// SPDX-License-Identifier: MIT
//
// PL011 as a console. Bytes move in interrupts; the ring buffers belong to kernel/tty/console.c.
// Baud rate and frame stay as the firmware (or a reset in an emulator) set them. Register names
// are those of ARM DDI 0183.
#include "drivers/serial/pl011.h"

#include "hal/bootinfo.h"
#include "kernel/base/log.h"
#include "kernel/base/spinlock.h"
#include "kernel/io/irq.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/vm.h"
#include "kernel/tty/console.h"

enum pl011_register {
    UARTDR = 0x00,
    UARTFR = 0x18,
    UARTLCR_H = 0x2c,
    UARTCR = 0x30,
    UARTIMSC = 0x38,
    UARTMIS = 0x40,
    UARTICR = 0x44,
    PL011_SIZE = 0x48,
};

#define FR_BUSY    0x08u
#define FR_RXFE    0x10u
#define FR_TXFF    0x20u
#define LCR_H_FEN  0x10u
#define LCR_H_8BIT 0x60u
#define CR_UARTEN  0x001u
#define CR_TXE     0x100u
#define CR_RXE     0x200u
#define INT_RX     0x010u
#define INT_TX     0x020u
#define INT_RT     0x040u /* bytes below the FIFO's trigger level have waited for 32 bit times */
#define INT_ERRORS 0x780u
#define INT_INPUT  (INT_RX | INT_RT)

/* Field protection:  [I] set before console_add()   [l] lock */
struct pl011 {
    struct console console;
    struct irq_action irq;
    struct io_region regs; /* [I] */
    struct spinlock lock;
    uint32_t imsc; /* [l] what UARTIMSC holds */
};

static struct pl011 *pl011_of(struct console *c)
{
    return CONTAINER_OF(c, struct pl011, console);
}

static void set_interrupts(struct pl011 *u, uint32_t bits, bool on)
{
    irq_state_t s = spin_lock_irq(&u->lock);
    uint32_t imsc = on ? u->imsc | bits : u->imsc & ~bits;
    if (imsc != u->imsc) {
        u->imsc = imsc;
        io_write32(&u->regs, UARTIMSC, imsc);
    }
    spin_unlock_irq(&u->lock, s);
}

static size_t pl011_put(struct console *c, const uint8_t *s, size_t len)
{
    struct pl011 *u = pl011_of(c);
    size_t n = 0;
    while (n < len && (io_read32(&u->regs, UARTFR) & FR_TXFF) == 0) {
        io_write32(&u->regs, UARTDR, s[n]);
        n++;
    }
    return n;
}

static void pl011_want_tx(struct console *c, bool on)
{
    set_interrupts(pl011_of(c), INT_TX, on);
}

static bool pl011_is_idle(struct console *c)
{
    return (io_read32(&pl011_of(c)->regs, UARTFR) & FR_BUSY) == 0;
}

static size_t pl011_get(struct console *c, uint8_t *buf, size_t len)
{
    struct pl011 *u = pl011_of(c);
    size_t n = 0;
    while (n < len && (io_read32(&u->regs, UARTFR) & FR_RXFE) == 0) {
        buf[n++] = (uint8_t)io_read32(&u->regs, UARTDR); /* bits 8 to 11 are error flags */
    }
    return n;
}

static void pl011_want_rx(struct console *c, bool on)
{
    set_interrupts(pl011_of(c), INT_INPUT, on);
}

static const struct console_ops pl011_ops = {
    .name = "pl011",
    .put = pl011_put,
    .want_tx = pl011_want_tx,
    .is_idle = pl011_is_idle,
    .get = pl011_get,
    .want_rx = pl011_want_rx,
};

static enum irq_result pl011_interrupt(void *ctx)
{
    struct pl011 *u = ctx;
    uint32_t mis = io_read32(&u->regs, UARTMIS);
    if (mis == 0) {
        return IRQ_NOT_MINE;
    }
    /* RX and RT are not cleared here: they end when the FIFO has been read empty. If a full ring
     * buffer stops the reading, they must fire again as soon as they are unmasked. */
    io_write32(&u->regs, UARTICR, mis & ~INT_INPUT);
    if (mis & INT_INPUT) {
        console_rx_ready(&u->console);
    }
    if (mis & INT_TX) {
        console_tx_ready(&u->console);
    }
    return IRQ_HANDLED;
}

/*
 * Switching the FIFO on or off empties it. If a byte is there now, a sender is active and more may
 * follow at any moment. The UART then stays without the FIFO: slower, but no byte is lost.
 */
static void enable_uart(struct pl011 *u)
{
    uint32_t lcr = io_read32(&u->regs, UARTLCR_H);
    bool is_waiting = (io_read32(&u->regs, UARTFR) & FR_RXFE) == 0;
    if ((lcr & LCR_H_FEN) == 0 && !is_waiting) {
        io_write32(&u->regs, UARTLCR_H, LCR_H_8BIT | LCR_H_FEN);
    }
    uint32_t cr = io_read32(&u->regs, UARTCR);
    io_write32(&u->regs, UARTCR, cr | CR_UARTEN | CR_TXE | CR_RXE);
}

enum status pl011_init(const struct boot_uart *uart)
{
    if (uart->kind != BOOT_UART_PL011 || uart->is_port || uart->len < PL011_SIZE) {
        return E_INVAL;
    }
    struct pl011 *u = heap_zalloc(sizeof(*u));
    if (u == NULL) {
        return E_NOMEM;
    }
    u->lock = (struct spinlock)SPINLOCK_INIT;
    enum status s = vm_map_device(uart->base, uart->len, &u->regs);
    if (s != OK) {
        goto free;
    }
    io_write32(&u->regs, UARTIMSC, 0);
    u->console.ops = &pl011_ops;
    u->console.is_early = uart->has_early;
    u->irq = (struct irq_action){.handle = pl011_interrupt, .ctx = u, .name = "pl011"};
    s = irq_request(&u->irq, uart->line, IRQ_LEVEL_HIGH);
    if (s != OK) {
        goto unmap;
    }
    enable_uart(u);
    console_add(&u->console);
    log_info("pl011", "console at 0x%llx, line %u", (unsigned long long)uart->base, uart->line);
    return OK;

unmap:
    vm_unmap_device(&u->regs);
free:
    heap_free(u);
    return s;
}
