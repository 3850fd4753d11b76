// SPDX-License-Identifier: MIT
//
// The 16550 driver over a model of the chip with its worst habit: enabling
// the FIFO empties the receiver.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/serial/ns16550.h"
#include "fake/world.h"
#include "hal/bootinfo.h"
#include "hal/irq.h"
#include "kernel/tty/console.h"

#define BASE 0x3f8
#define LINE 4

static struct {
    bool is_absent;
    uint8_t ier, fcr, lcr, mcr;
    bool has_edge; /* the receive interrupt was turned on while bytes waited */
    uint8_t rx[16];
    unsigned rx_count;
    const uint8_t *pipe; /* a sender that waits for room */
    size_t pipe_count;
    char sent[4096];
    size_t sent_count;
    unsigned busy; /* status reads until the transmitter is empty */
} chip;

static unsigned rx_depth(void)
{
    return (chip.fcr & 1) != 0 ? 16 : 1;
}

static void refill(void)
{
    while (chip.rx_count < rx_depth() && chip.pipe_count > 0) {
        chip.rx[chip.rx_count++] = *chip.pipe++;
        chip.pipe_count--;
    }
}

static bool wants_rx(void)
{
    return (chip.ier & 1) != 0 && chip.rx_count > 0;
}

static bool wants_tx(void)
{
    return (chip.ier & 2) != 0 && chip.busy == 0;
}

static uint64_t read_register(unsigned reg)
{
    uint8_t v;
    switch (reg) {
    case 0:
        v = chip.rx[0];
        if (chip.rx_count > 0) {
            memmove(chip.rx, chip.rx + 1, --chip.rx_count);
        }
        refill();
        return v;
    case 1:
        return chip.ier;
    case 2:
        v = wants_rx() ? 4 : wants_tx() ? 2 : 1;
        return v | ((chip.fcr & 1) != 0 ? 0xc0 : 0);
    case 3:
        return chip.lcr;
    case 4:
        return chip.mcr;
    case 5:
        v = chip.rx_count > 0 ? 1 : 0;
        v |= chip.busy == 0 ? 0x60 : 0;
        chip.busy -= chip.busy > 0;
        return v;
    }
    return 0;
}

static uint64_t chip_read(uint16_t port, unsigned bytes)
{
    assert_int_equal(bytes, 1);
    assert_in_range(port, BASE, BASE + 7);
    return chip.is_absent ? 0xff : read_register(port - BASE);
}

static void chip_write(uint16_t port, unsigned bytes, uint64_t value)
{
    assert_int_equal(bytes, 1);
    switch (port - BASE) {
    case 0:
        assert_int_equal(chip.lcr & 0x80, 0);
        chip.sent[chip.sent_count++] = (char)value;
        chip.busy = 3;
        break;
    case 1:
        chip.has_edge |= (chip.ier & 1) == 0 && (value & 1) != 0 && chip.rx_count > 0;
        chip.ier = (uint8_t)value;
        break;
    case 2:
        if (((chip.fcr ^ value) & 1) != 0) {
            chip.rx_count = 0; /* the habit */
        }
        chip.fcr = (uint8_t)value;
        break;
    case 3:
        chip.lcr = (uint8_t)value;
        break;
    case 4:
        chip.mcr = (uint8_t)value;
        break;
    }
}

/* The line is edge-triggered: one interrupt until the chip has been served, or until the interrupt
 * is turned off and on while bytes wait. */
static void interrupts(void)
{
    refill();
    while ((chip.mcr & 8) != 0 && (wants_rx() || (wants_tx() && chip.sent_count < 4000))) {
        chip.has_edge = false;
        world_interrupt(LINE);
        assert_true(!wants_rx() || chip.has_edge);
        refill();
    }
}

static struct boot_uart uart = {
    .kind = BOOT_UART_16550, .is_port = true, .base = BASE, .len = 8, .line = LINE};

static void test_a_device_that_is_no_uart_is_refused(void **state)
{
    (void)state;
    fake_on_port_read = chip_read;
    fake_on_port_write = chip_write;
    /* firmware reports a port on a machine without ports */
    assert_int_equal(ns16550_init(&uart), E_INVAL);
    fake_has_ports = true;
    chip.is_absent = true;
    assert_int_equal(ns16550_init(&uart), E_NODEV);
    chip.is_absent = false;
    struct boot_uart odd = uart;
    odd.len = 7;
    assert_int_equal(ns16550_init(&odd), E_INVAL);
    odd = uart;
    odd.reg_shift = 1;
    assert_int_equal(ns16550_init(&odd), E_INVAL);
    odd = uart;
    odd.kind = BOOT_UART_PL011;
    assert_int_equal(ns16550_init(&odd), E_INVAL);
    odd = uart;
    odd.line = IRQ_LINE_MAX;
    assert_true(ns16550_init(&odd) != OK);
}

#define PIPE 20000

/* A sender is active from before the driver's first instruction: no byte is lost. */
static void test_waiting_bytes_survive_the_start(void **state)
{
    (void)state;
    static uint8_t sent[PIPE], got[PIPE];
    for (size_t i = 0; i < PIPE; i++) {
        sent[i] = (uint8_t)('A' + i % 57);
    }
    chip.pipe = sent;
    chip.pipe_count = PIPE;
    refill();
    assert_int_equal(chip.rx_count, 1);
    assert_int_equal(ns16550_init(&uart), OK);
    size_t count = 0;
    while (count < PIPE) {
        interrupts();
        int n = console_read(got + count, PIPE - count, 0);
        assert_true(n > 0);
        count += (size_t)n;
    }
    assert_memory_equal(got, sent, PIPE);
}

static void test_output_leaves_by_interrupts(void **state)
{
    (void)state;
    console_drain();
    chip.sent_count = 0;
    memset(chip.sent, 0, sizeof(chip.sent));
    console_write("hello, serial line\n", 19);
    assert_true(chip.sent_count < 20);
    while (chip.busy > 0 || chip.sent_count < 20) {
        chip.busy = 0;
        interrupts();
    }
    assert_string_equal(chip.sent, "hello, serial line\r\n");
    assert_false(wants_tx());
}

/* With no bytes waiting, the FIFO is enabled. */
static void test_a_quiet_start_gets_the_fifo(void **state)
{
    (void)state;
    chip.fcr = 0;
    chip.rx_count = 0;
    struct boot_uart second = uart;
    second.line = LINE + 2;
    assert_int_equal(ns16550_init(&second), OK);
    assert_int_equal(chip.fcr & 1, 1);
    assert_int_equal(chip.mcr & 8, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_device_that_is_no_uart_is_refused),
        cmocka_unit_test(test_waiting_bytes_survive_the_start),
        cmocka_unit_test(test_output_leaves_by_interrupts),
        cmocka_unit_test(test_a_quiet_start_gets_the_fifo),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
