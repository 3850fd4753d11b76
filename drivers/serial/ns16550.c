// SPDX-License-Identifier: MIT
//
// 16550 as a console. Bytes move in interrupts; the ring buffers belong to kernel/tty/console.c.
// Baud rate and frame stay as the firmware set them. Register names are those of the PC16550D
// data sheet.
#include "drivers/serial/ns16550.h"

#include "hal/bootinfo.h"
#include "kernel/base/log.h"
#include "kernel/base/spinlock.h"
#include "kernel/io/irq.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/vm.h"
#include "kernel/tty/console.h"

enum ns16550_register {
    RBR_THR = 0,
    IER = 1,
    IIR_FCR = 2,
    LCR = 3,
    MCR = 4,
    LSR = 5,
    MSR = 6,
    NS16550_REGISTERS = 8,
};

#define IER_RX        0x01u
#define IER_TX        0x02u
#define IIR_NONE      0x01u /* set: no interrupt is pending */
#define IIR_FIFO      0xc0u /* both set: the FIFO is enabled */
#define FCR_ENABLE    0x01u
#define FCR_TRIGGER_8 0x80u
#define LCR_8N1       0x03u
#define LCR_DLAB      0x80u
#define MCR_DTR_RTS   0x03u
#define MCR_OUT2      0x08u /* enables the interrupt line on a PC */
#define LSR_DR        0x01u
#define LSR_THRE      0x20u
#define LSR_TEMT      0x40u
#define FIFO_DEPTH    16

/* The handler serves interrupts until the UART has none. With ISA's edge-triggered line, an
 * interrupt that stays pending would block all later ones. After this many rounds the UART counts
 * as broken. */
#define ROUNDS_MAX 256

/* Field protection:  [I] set before console_add()   [l] lock */
struct ns16550 {
    struct console console;
    struct irq_action irq; /* used for a UART from ns16550_init() */
    struct io_region regs; /* [I] */
    uint8_t reg_shift;     /* [I] */
    uint8_t tx_depth;      /* [I] bytes that fit an empty transmitter */
    /* the device is removed; relaxed: ns16550_abandon() takes the locks after setting it */
    _Atomic bool is_gone;
    struct spinlock lock;
    uint8_t ier; /* [l] what IER holds */
};

static struct ns16550 *ns16550_of(struct console *c)
{
    return CONTAINER_OF(c, struct ns16550, console);
}

static uint8_t read_reg(const struct ns16550 *u, enum ns16550_register reg)
{
    return io_read8(&u->regs, (size_t)reg << u->reg_shift);
}

static void write_reg(const struct ns16550 *u, enum ns16550_register reg, uint8_t v)
{
    io_write8(&u->regs, (size_t)reg << u->reg_shift, v);
}

static bool is_gone(const struct ns16550 *u)
{
    return atomic_load_explicit(&u->is_gone, memory_order_relaxed);
}

static void set_interrupts(struct ns16550 *u, uint8_t bits, bool on)
{
    if (is_gone(u)) {
        return;
    }
    irq_state_t s = spin_lock_irq(&u->lock);
    uint8_t ier = on ? u->ier | bits : u->ier & (uint8_t)~bits;
    if (ier != u->ier) {
        u->ier = ier;
        write_reg(u, IER, ier);
    }
    spin_unlock_irq(&u->lock, s);
}

static size_t ns16550_put(struct console *c, const uint8_t *s, size_t len)
{
    struct ns16550 *u = ns16550_of(c);
    if (is_gone(u)) {
        return len; /* discarded, so that no writer waits */
    }
    if ((read_reg(u, LSR) & LSR_THRE) == 0) {
        return 0;
    }
    size_t n = MIN(len, (size_t)u->tx_depth);
    for (size_t i = 0; i < n; i++) {
        write_reg(u, RBR_THR, s[i]);
    }
    return n;
}

static void ns16550_want_tx(struct console *c, bool on)
{
    set_interrupts(ns16550_of(c), IER_TX, on);
}

static bool ns16550_is_idle(struct console *c)
{
    const struct ns16550 *u = ns16550_of(c);
    return is_gone(u) || (read_reg(u, LSR) & LSR_TEMT) != 0;
}

static size_t ns16550_get(struct console *c, uint8_t *buf, size_t len)
{
    struct ns16550 *u = ns16550_of(c);
    size_t n = 0;
    while (n < len && !is_gone(u) && (read_reg(u, LSR) & LSR_DR) != 0) {
        buf[n++] = read_reg(u, RBR_THR);
    }
    return n;
}

static void ns16550_want_rx(struct console *c, bool on)
{
    set_interrupts(ns16550_of(c), IER_RX, on);
}

static const struct console_ops ns16550_ops = {
    .name = "ns16550",
    .put = ns16550_put,
    .want_tx = ns16550_want_tx,
    .is_idle = ns16550_is_idle,
    .get = ns16550_get,
    .want_rx = ns16550_want_rx,
};

enum irq_result ns16550_interrupt(void *ctx)
{
    struct ns16550 *u = ctx;
    unsigned rounds = 0;
    while (rounds < ROUNDS_MAX && (read_reg(u, IIR_FCR) & IIR_NONE) == 0) {
        console_rx_ready(&u->console);
        console_tx_ready(&u->console);
        rounds++;
    }
    return rounds > 0 ? IRQ_HANDLED : IRQ_NOT_MINE;
}

/* A missing UART reads as all ones. In a real one,
 * bit 7 of IER and bits 7 and 6 of MCR are zero. */
static bool is_present(const struct io_region *regs, uint8_t shift)
{
    io_write8(regs, (size_t)LCR << shift,
              LCR_8N1); /* DLAB hides IER, and the firmware may have left it set */
    return (io_read8(regs, (size_t)IER << shift) & 0xf0u) == 0 &&
           io_read8(regs, (size_t)LSR << shift) != 0xff;
}

/*
 * Switching the FIFO on or off empties it. If a byte is there now, a sender is active and more may
 * follow at any moment. The UART then stays without the FIFO: slower, but no byte is lost.
 */
static void enable_uart(struct ns16550 *u)
{
    write_reg(u, LCR, LCR_8N1);
    write_reg(u, MCR, MCR_DTR_RTS | MCR_OUT2);
    bool has_fifo = (read_reg(u, IIR_FCR) & IIR_FIFO) == IIR_FIFO;
    bool is_waiting = (read_reg(u, LSR) & LSR_DR) != 0;
    if (has_fifo || !is_waiting) {
        write_reg(u, IIR_FCR, FCR_ENABLE | FCR_TRIGGER_8);
        has_fifo = (read_reg(u, IIR_FCR) & IIR_FIFO) == IIR_FIFO;
    }
    u->tx_depth = has_fifo ? FIFO_DEPTH : 1;
}

static enum status map_registers(const struct boot_uart *uart, struct io_region *out)
{
    if (uart->kind != BOOT_UART_16550 || uart->reg_shift > 3 ||
        uart->len < (uint64_t)NS16550_REGISTERS << uart->reg_shift) {
        return E_INVAL;
    }
    if (uart->is_port && !hal_io_has_ports()) {
        log_warn("ns16550", "firmware names a serial port at port 0x%llx, but there are no ports",
                 (unsigned long long)uart->base);
        return E_INVAL;
    }
    if (uart->is_port) {
        *out = (struct io_region){.base = (uintptr_t)uart->base, .len = uart->len, .is_port = true};
        return OK;
    }
    return vm_map_device(uart->base, uart->len, out);
}

enum status ns16550_create(const struct io_region *regs, uint8_t reg_shift, struct ns16550 **out)
{
    if (!is_present(regs, reg_shift)) {
        return E_NODEV;
    }
    struct ns16550 *u = heap_zalloc(sizeof(*u));
    if (u == NULL) {
        return E_NOMEM;
    }
    u->lock = (struct spinlock)SPINLOCK_INIT;
    u->regs = *regs;
    u->reg_shift = reg_shift;
    u->console.ops = &ns16550_ops;
    write_reg(u, IER, 0);
    *out = u;
    return OK;
}

void ns16550_destroy(struct ns16550 *u)
{
    heap_free(u);
}

void ns16550_open(struct ns16550 *u)
{
    enable_uart(u);
    console_add(&u->console);
}

void ns16550_abandon(struct ns16550 *u)
{
    atomic_store_explicit(&u->is_gone, true, memory_order_relaxed);
    /* Code in one of the console's functions holds the console's lock, and the registers are still
     * mapped. Once both locks have been free, no CPU runs such code. */
    console_tx_ready(&u->console);
    console_rx_ready(&u->console);
}

enum status ns16550_init(const struct boot_uart *uart)
{
    struct io_region regs;
    struct ns16550 *u;
    enum status s = map_registers(uart, &regs);
    if (s != OK) {
        return s;
    }
    s = ns16550_create(&regs, uart->reg_shift, &u);
    if (s != OK) {
        goto unmap;
    }
    u->console.is_early = uart->has_early;
    u->irq = (struct irq_action){.handle = ns16550_interrupt, .ctx = u, .name = "ns16550"};
    s = irq_request(&u->irq, uart->line, uart->is_port ? IRQ_EDGE : IRQ_LEVEL_HIGH);
    if (s != OK) {
        goto destroy;
    }
    ns16550_open(u);
    log_info("ns16550", "console at %s 0x%llx, line %u", uart->is_port ? "port" : "address",
             (unsigned long long)uart->base, uart->line);
    return OK;

destroy:
    ns16550_destroy(u);
unmap:
    if (!regs.is_port) {
        vm_unmap_device(&regs);
    }
    return s;
}
