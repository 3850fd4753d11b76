// SPDX-License-Identifier: MIT
//
// The console's rings between programs and slow devices: nothing is lost, doubled or out of order,
// in either direction, whoever waits for whom.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake/world.h"
#include "kernel/clock.h"
#include "kernel/io/console.h"
#include "kernel/sched/program.h"

#define FIFO 16

/* A UART: a transmitter that takes `room` bytes until it is drained, a receiver of FIFO bytes that
 * a sender behind it refills as far as there is room. */
struct uart {
    struct console console;
    size_t room;
    bool tx_wanted, rx_wanted;
    char sent[1 << 18];
    size_t sent_count;
    uint8_t fifo[FIFO];
    size_t fifo_count;
    const uint8_t *pipe; /* what the sender still has */
    size_t pipe_count;
};

static struct uart one, two;

static struct uart *uart_of(struct console *c)
{
    return CONTAINER_OF(c, struct uart, console);
}

/* Whoever polls spends time: a transmitter that was found full is empty the next time. */
static bool time_passes;

static size_t uart_put(struct console *c, const uint8_t *s, size_t len)
{
    struct uart *u = uart_of(c);
    size_t n = len < u->room ? len : u->room;
    assert_true(u->sent_count + n <= sizeof(u->sent));
    memcpy(u->sent + u->sent_count, s, n);
    u->sent_count += n;
    u->room -= n;
    if (n == 0 && time_passes) {
        u->room = FIFO;
    }
    return n;
}

static void uart_want_tx(struct console *c, bool on)
{
    uart_of(c)->tx_wanted = on;
}

static bool uart_is_idle(struct console *c)
{
    return uart_of(c)->room == FIFO || time_passes;
}

static void uart_refill(struct uart *u)
{
    while (u->fifo_count < FIFO && u->pipe_count > 0) {
        u->fifo[u->fifo_count++] = *u->pipe++;
        u->pipe_count--;
    }
}

static size_t uart_get(struct console *c, uint8_t *buf, size_t len)
{
    struct uart *u = uart_of(c);
    size_t n = len < u->fifo_count ? len : u->fifo_count;
    memcpy(buf, u->fifo, n);
    memmove(u->fifo, u->fifo + n, u->fifo_count - n);
    u->fifo_count -= n;
    return n;
}

static void uart_want_rx(struct console *c, bool on)
{
    uart_of(c)->rx_wanted = on;
}

static const struct console_ops uart_ops = {
    .name = "uart",
    .put = uart_put,
    .want_tx = uart_want_tx,
    .is_idle = uart_is_idle,
    .get = uart_get,
    .want_rx = uart_want_rx,
};

/* What the interrupt line would do, until it is quiet. */
static void uart_interrupts(struct uart *u)
{
    bool again = true;
    while (again) {
        again = false;
        uart_refill(u);
        if (u->rx_wanted && u->fifo_count > 0) {
            console_rx_ready(&u->console);
            again = true;
        }
        if (u->tx_wanted && u->room > 0) {
            console_tx_ready(&u->console);
        }
    }
}

static void uart_drain(struct uart *u)
{
    u->room = FIFO;
    uart_interrupts(u);
}

static void drain(void)
{
    time_passes = true;
    console_drain();
    time_passes = false;
}

static void forget_sent(void)
{
    drain();
    one.sent_count = two.sent_count = 0;
    memset(one.sent, 0, sizeof(one.sent));
    memset(two.sent, 0, sizeof(two.sent));
    one.room = two.room = FIFO;
}

static void test_without_a_device_the_early_console_speaks(void **state)
{
    (void)state;
    console_write("early\n", 6);
    assert_non_null(strstr(fake_console_text(), "early"));
}

static void test_newlines_become_cr_lf(void **state)
{
    (void)state;
    one.console.ops = &uart_ops;
    one.room = FIFO;
    console_add(&one.console);
    assert_true(one.rx_wanted);
    console_write("a\nb", 3);
    assert_string_equal(one.sent, "a\r\nb");
    forget_sent();
    console_printf("%d\n%s", 42, "x");
    assert_string_equal(one.sent, "42\r\nx");
}

static void test_output_goes_on_by_interrupt(void **state)
{
    (void)state;
    char text[1001];
    forget_sent();
    for (int i = 0; i < 1000; i++) {
        text[i] = (char)('a' + i % 26);
    }
    text[1000] = '\0';
    console_write(text, 1000);
    assert_int_equal(one.sent_count, FIFO);
    assert_true(one.tx_wanted);
    for (int i = 0; i < 1000 / FIFO; i++) {
        uart_drain(&one);
    }
    assert_string_equal(one.sent, text);
    assert_false(one.tx_wanted);
}

static void test_devices_follow_at_their_own_pace(void **state)
{
    (void)state;
    forget_sent();
    two.console.ops = &uart_ops;
    two.room = FIFO;
    console_add(&two.console);
    console_write("0123456789abcdefABCDEF", 22);
    uart_drain(&two);
    assert_string_equal(two.sent, "0123456789abcdefABCDEF");
    assert_string_equal(one.sent, "0123456789abcdef");
    uart_drain(&one);
    assert_string_equal(one.sent, two.sent);
}

#define LONG_TEXT 50000

static char long_text[LONG_TEXT + 1];

static void make_long_text(void)
{
    for (int i = 0; i < LONG_TEXT; i++) {
        long_text[i] = (char)('!' + i % 90);
    }
}

static void write_long(void *arg)
{
    (void)arg;
    console_write(long_text, LONG_TEXT);
    world_note("written");
}

/* More than the ring holds: the writer sleeps, and others run meanwhile. */
static void test_a_writer_sleeps_while_the_ring_is_full(void **state)
{
    (void)state;
    make_long_text();
    forget_sent();
    world_forget_notes();
    struct thread *writer = world_thread("writer", 40, write_long, NULL);
    assert_string_equal(world_notes(), ""); /* it waits, and we run */
    while (one.tx_wanted || two.tx_wanted) {
        uart_drain(&one);
        uart_drain(&two);
    }
    world_join(writer);
    assert_string_equal(world_notes(), "written");
    drain();
    assert_string_equal(one.sent, long_text);
    assert_string_equal(two.sent, long_text);
}

/* Who may not sleep polls; a sleeper whose turn the polling used up is woken all the same. */
static void test_polling_leaves_no_sleeper_behind(void **state)
{
    (void)state;
    forget_sent();
    world_forget_notes();
    struct thread *writer = world_thread("writer", 40, write_long, NULL);
    time_passes = true;
    preempt_disable();
    console_write("POLLED", 6);
    preempt_enable();
    time_passes = false;
    assert_true(one.tx_wanted);
    while (one.tx_wanted || two.tx_wanted) {
        uart_drain(&one);
        uart_drain(&two);
    }
    world_join(writer);
    drain();
    assert_int_equal(one.sent_count, LONG_TEXT + 6);
    assert_int_equal(two.sent_count, LONG_TEXT + 6);
    assert_memory_equal(one.sent, two.sent, one.sent_count);
    char *polled_at = strstr(one.sent, "POLLED");
    assert_non_null(polled_at);
    memmove(polled_at, polled_at + 6, strlen(polled_at + 6) + 1);
    assert_string_equal(one.sent, long_text);
}

#define PIPE_BYTES 100000

/* A pipe of many KiB, read slowly: the sender is held back, and no byte is lost. */
static void test_no_input_is_lost_however_much_there_is(void **state)
{
    (void)state;
    static uint8_t sent[PIPE_BYTES], received[PIPE_BYTES];
    for (size_t i = 0; i < PIPE_BYTES; i++) {
        sent[i] = (uint8_t)(i * 7 + i / 251);
    }
    one.pipe = sent;
    one.pipe_count = PIPE_BYTES;
    uart_interrupts(&one);
    assert_false(one.rx_wanted); /* the ring is full */
    assert_true(one.pipe_count > 0);
    assert_int_equal(one.fifo_count, FIFO);
    size_t got = 0;
    while (got < PIPE_BYTES) {
        size_t want = 1 + got % 300;
        int n = console_read(received + got, want < PIPE_BYTES - got ? want : PIPE_BYTES - got, 0);
        assert_true(n > 0);
        got += (size_t)n;
        uart_interrupts(&one);
    }
    assert_memory_equal(sent, received, PIPE_BYTES);
    assert_true(one.rx_wanted);
}

static void read_line(void *arg)
{
    uint8_t byte = 0;
    (void)arg;
    while (byte != '\r') {
        assert_int_equal(console_read(&byte, 1, WAIT_FOREVER), 1);
        char name[2] = {(char)byte, '\0'};
        world_note(name);
    }
}

static void test_a_reader_sleeps_until_something_comes(void **state)
{
    (void)state;
    uint8_t byte;
    world_forget_notes();
    assert_int_equal(console_read(&byte, 1, clock_now_ns() + NS_PER_MS), E_TIMEDOUT);
    struct thread *reader = world_thread("reader", 40, read_line, NULL);
    assert_string_equal(world_notes(), "");
    two.pipe = (const uint8_t *)"ls\r";
    two.pipe_count = 3;
    uart_interrupts(&two);
    world_join(reader);
    assert_int_equal(strlen(world_notes()), 5); /* "l s \r" */
}

static void test_ctrl_c_is_a_byte_without_a_program(void **state)
{
    (void)state;
    uint8_t buf[8];
    one.pipe = (const uint8_t *)"a\003b";
    one.pipe_count = 3;
    uart_interrupts(&one);
    assert_int_equal(console_read(buf, sizeof(buf), 0), 3);
    assert_memory_equal(buf, "a\003b", 3);
}

static void test_ctrl_c_ends_the_program_and_goes_no_further(void **state)
{
    (void)state;
    uint8_t buf[8];
    struct program *p;
    program_init();
    assert_int_equal(program_create("victim", &p), OK);
    program_set_foreground(p);
    one.pipe = (const uint8_t *)"a\003b";
    one.pipe_count = 3;
    uart_interrupts(&one);
    program_set_foreground(NULL);
    enum program_end end;
    int status;
    assert_int_equal(program_wait(p, WAIT_FOREVER, &end, &status), OK);
    assert_int_equal(end, PROGRAM_KILLED);
    program_release(p);
    assert_int_equal(console_read(buf, sizeof(buf), 0), 2);
    assert_memory_equal(buf, "ab", 2);
}

/* The lock is held by what the panic interrupted. */
static void test_a_panic_drains_without_the_lock(void **state)
{
    (void)state;
    forget_sent();
    console_write(long_text, 1000);
    assert_int_equal(one.sent_count, FIFO);
    hal_this_cpu()->in_panic = true;
    drain();
    console_write("last words", 10);
    drain();
    hal_this_cpu()->in_panic = false;
    assert_int_equal(one.sent_count, 1010);
    assert_memory_equal(one.sent + 1000, "last words", 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_device_the_early_console_speaks),
        cmocka_unit_test(test_newlines_become_cr_lf),
        cmocka_unit_test(test_output_goes_on_by_interrupt),
        cmocka_unit_test(test_devices_follow_at_their_own_pace),
        cmocka_unit_test(test_a_writer_sleeps_while_the_ring_is_full),
        cmocka_unit_test(test_polling_leaves_no_sleeper_behind),
        cmocka_unit_test(test_no_input_is_lost_however_much_there_is),
        cmocka_unit_test(test_a_reader_sleeps_until_something_comes),
        cmocka_unit_test(test_ctrl_c_is_a_byte_without_a_program),
        cmocka_unit_test(test_ctrl_c_ends_the_program_and_goes_no_further),
        cmocka_unit_test(test_a_panic_drains_without_the_lock),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
