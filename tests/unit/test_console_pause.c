// SPDX-License-Identifier: MIT
//
// Input without end: the interrupt handler returns, and the work thread lets the device
// interrupt again.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake_console.h"
#include "fake/world.h"
#include "kernel/sched/work.h"
#include "kernel/tty/console.h"

/* A device that always has a byte until `left` is 0. */
static struct {
    struct console console;
    size_t left;
    bool rx_wanted;
    unsigned pauses; /* times that the receive interrupt was turned off */
} endless;

static size_t read_count;

/* The fastest possible reader on another CPU: it empties the ring after each read of the device. */
static void read_all(struct work *work)
{
    uint8_t got[64];
    int n;
    (void)work;
    while ((n = console_read(got, sizeof(got), 0)) > 0) {
        read_count += (size_t)n;
    }
}

static struct work reader = {.run = read_all};

static size_t get(struct console *c, uint8_t *buf, size_t len)
{
    size_t n = len < endless.left ? len : endless.left;
    (void)c;
    (void)work_queue(&reader); /* it runs when interrupts are enabled */
    memset(buf, 'x', n);
    endless.left -= n;
    return n;
}

static void want_rx(struct console *c, bool on)
{
    (void)c;
    endless.rx_wanted = on;
    endless.pauses += on ? 0 : 1;
}

static const struct console_ops ops = {.name = "endless",
                                       .put = fake_console_put,
                                       .want_tx = fake_console_want,
                                       .is_idle = fake_console_is_idle,
                                       .get = get,
                                       .want_rx = want_rx};

static int add_device(void **state)
{
    int status = world_boot(state);
    endless.console.ops = &ops;
    console_add(&endless.console);
    console_set_framed(&endless.console); /* bytes are data, and no line is edited */
    return status;
}

#define RINGS 8

/* Each call takes a ring's worth. The work thread turns the interrupt on again without a read. */
static void test_a_call_takes_a_rings_worth(void **state)
{
    (void)state;
    size_t total = (size_t)RINGS * CONSOLE_IN_SIZE;
    endless.left = total;
    for (unsigned i = 1; i <= RINGS; i++) {
        console_rx_ready(&endless.console);
        assert_int_equal(endless.left, total - (size_t)i * CONSOLE_IN_SIZE);
        assert_int_equal(endless.pauses, i);
        assert_true(endless.rx_wanted);
    }
    console_rx_ready(&endless.console);
    assert_int_equal(endless.pauses, RINGS);
    read_all(NULL);
    assert_int_equal(read_count, total);
}

static void nothing(struct work *work)
{
    (void)work;
}

/* A full ring keeps the interrupt off, also after a pause: the next read turns it on. */
static void test_a_full_ring_is_not_resumed_by_the_pause(void **state)
{
    (void)state;
    uint8_t got[64];
    reader.run = nothing;
    endless.left = (size_t)2 * CONSOLE_IN_SIZE;
    console_rx_ready(&endless.console); /* fills the ring: a pause */
    assert_true(endless.rx_wanted);
    console_rx_ready(&endless.console);
    assert_false(endless.rx_wanted);
    assert_int_equal(endless.left, CONSOLE_IN_SIZE);
    for (size_t n = 0; n < CONSOLE_IN_SIZE / 2; n += sizeof(got)) {
        assert_int_equal(console_read(got, sizeof(got), 0), sizeof(got));
    }
    assert_true(endless.rx_wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_call_takes_a_rings_worth),
        cmocka_unit_test(test_a_full_ring_is_not_resumed_by_the_pause),
    };
    return cmocka_run_group_tests(tests, add_device, NULL);
}
