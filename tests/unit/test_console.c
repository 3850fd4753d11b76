// SPDX-License-Identifier: MIT
//
// The console's rings between programs and slow devices: no byte is lost, duplicated or reordered,
// in either direction, whichever side waits.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake/world.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/panic.h"
#include "kernel/program/program.h"
#include "kernel/sched/work.h"
#include "kernel/tty/console.h"

#define FIFO 16

/* A UART: its transmitter accepts `room` bytes until it is drained; a sender refills its
 * receiver's FIFO whenever it has room. */
struct uart {
    struct console console;
    size_t room;
    bool tx_wanted, rx_wanted;
    char sent[1 << 18];
    size_t sent_count;
    uint8_t fifo[FIFO];
    size_t fifo_count;
    const uint8_t *pipe; /* the sender's remaining bytes */
    size_t pipe_count;
};

static struct uart one, two;

static struct uart *uart_of(struct console *c)
{
    return CONTAINER_OF(c, struct uart, console);
}

/* Polling takes time: a transmitter that was full is empty at the next poll. */
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
    assert_false(hal_this_cpu()->in_panic); /* a real driver takes a lock here */
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

/* Queued as soon as the current bytes have been read from the device. */
static struct work *after_get;

static size_t uart_get(struct console *c, uint8_t *buf, size_t len)
{
    struct uart *u = uart_of(c);
    if (after_get != NULL) {
        assert_true(work_queue(after_get));
        after_get = NULL;
    }
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

/* Deliver the line's interrupts until the device is quiet. */
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

static void drain_one(void)
{
    while (one.tx_wanted) {
        uart_drain(&one);
    }
}

static void test_without_a_device_the_early_console_is_used(void **state)
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

static void test_output_continues_by_interrupts(void **state)
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

/* More than the ring holds: the writer sleeps, and other threads run. */
static void test_a_writer_sleeps_while_the_ring_is_full(void **state)
{
    (void)state;
    make_long_text();
    forget_sent();
    world_forget_notes();
    struct thread *writer = world_thread("writer", 40, write_long, NULL);
    assert_string_equal(world_notes(), ""); /* it waits, and main runs */
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

static void expect_with_polled(char *sent)
{
    char *at = strstr(sent, "POLLED");
    assert_non_null(at);
    memmove(at, at + 6, strlen(at + 6) + 1);
    assert_string_equal(sent, long_text);
}

/* A thread that must not sleep polls; a sleeper whose space the polling used up is still woken. */
static void test_polling_forgets_no_sleeper(void **state)
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
    expect_with_polled(one.sent);
    expect_with_polled(two.sent);
}

#define PIPE_BYTES 100000

/* A pipe of many KiB, read slowly: the sender is throttled, and no byte is lost. */
static void test_no_input_is_lost(void **state)
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

static void test_a_reader_sleeps_until_data_arrives(void **state)
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

static void wait_for_input(void *arg)
{
    (void)arg;
    assert_int_equal(console_wait_job(WAIT_FOREVER), OK);
    world_note("there");
}

static void test_waiting_for_input_reads_none(void **state)
{
    (void)state;
    uint8_t buf[4];
    world_forget_notes();
    assert_int_equal(console_wait_job(clock_now_ns() + NS_PER_MS), E_TIMEDOUT);
    struct thread *waiter = world_thread("waiter", 40, wait_for_input, NULL);
    assert_string_equal(world_notes(), "");
    two.pipe = (const uint8_t *)"ab\r";
    two.pipe_count = 3;
    uart_interrupts(&two);
    world_join(waiter);
    assert_string_equal(world_notes(), "there");
    assert_int_equal(console_wait_job(0), OK);
    assert_int_equal(console_read(buf, sizeof(buf), 0), 3);
    assert_memory_equal(buf, "ab\n", 3);
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
    console_add_foreground(&p->job);
    one.pipe = (const uint8_t *)"a\003b";
    one.pipe_count = 3;
    uart_interrupts(&one);
    console_clear_foreground();
    enum program_end end;
    int status;
    assert_int_equal(program_wait(p, WAIT_FOREVER, &end, &status), OK);
    assert_int_equal(end, PROGRAM_KILLED);
    program_release(p);
    assert_int_equal(console_read(buf, sizeof(buf), 0), 1);
    assert_memory_equal(buf, "b", 1); /* the "a" was for the program */
}

static void type(struct uart *u, const char *keys)
{
    u->pipe = (const uint8_t *)keys;
    u->pipe_count = strlen(keys);
    uart_interrupts(u);
}

static void use_terminal(struct console *c)
{
    thread_current()->terminal = c;
}

static void expect_input(const char *text)
{
    uint8_t buf[64];
    int n = console_read(buf, sizeof(buf), 0);
    assert_int_equal(n < 0 ? 0 : n, strlen(text));
    assert_memory_equal(buf, text, strlen(text));
}

static void test_each_console_has_its_own_terminal(void **state)
{
    (void)state;
    forget_sent();
    type(&one, "for one");
    type(&two, "for two");
    use_terminal(&two.console);
    expect_input("for two");
    console_printf("to two");
    use_terminal(&one.console);
    expect_input("for one");
    console_printf("to one");
    use_terminal(NULL);
    assert_string_equal(one.sent, "to one");
    assert_string_equal(two.sent, "to two");
    assert_string_equal(one.console.name, "uart.0");
    assert_string_equal(two.console.name, "uart.1");
}

static struct program *make_victim(struct console *c)
{
    struct program *p;
    use_terminal(c);
    assert_int_equal(program_create("victim", &p), OK);
    assert_ptr_equal(p->terminal, c);
    console_add_foreground(&p->job);
    use_terminal(NULL);
    return p;
}

static void forget_victim(struct console *c, struct program *p)
{
    use_terminal(c);
    console_clear_foreground();
    use_terminal(NULL);
    program_release(p);
}

static bool has_ended(struct program *p)
{
    enum program_end end;
    int status;
    return program_wait(p, clock_now_ns() + NS_PER_MS, &end, &status) == OK;
}

static void test_ctrl_c_ends_the_program_of_its_own_console(void **state)
{
    (void)state;
    struct program *first = make_victim(&one.console), *second = make_victim(&two.console);
    type(&two, "\003");
    assert_true(has_ended(second));
    assert_false(has_ended(first));
    type(&one, "\003");
    assert_true(has_ended(first));
    forget_victim(&one.console, first);
    forget_victim(&two.console, second);
    expect_input("");
}

static void test_any_console_can_end_the_boot_program(void **state)
{
    (void)state;
    struct program *p = make_victim(NULL);
    type(&two, "\003");
    assert_true(has_ended(p));
    forget_victim(NULL, p);
}

static void write_to_two(void *arg)
{
    (void)arg;
    use_terminal(&two.console);
    console_write(long_text, LONG_TEXT);
    world_note("two");
}

/* No terminal reads console two's output: its own session waits, and no other. */
static void test_a_stalled_console_holds_up_only_its_session(void **state)
{
    (void)state;
    forget_sent();
    world_forget_notes();
    two.room = 0;
    struct thread *writer = world_thread("two", 40, write_to_two, NULL);
    uint64_t before_ns = clock_now_ns();
    for (unsigned i = 0; i < 3000; i++) {
        log_info("test", "line %u", i);
        drain_one();
    }
    assert_int_equal(clock_now_ns(), before_ns); /* the log does not wait */
    /* this waits once, until the device counts as stalled */
    console_printf("to all\n");
    assert_true(clock_now_ns() <= before_ns + 2 * NS_PER_S);
    before_ns = clock_now_ns();
    console_printf("again\n");
    assert_int_equal(clock_now_ns(), before_ns);
    drain_one();
    assert_non_null(strstr(one.sent, "test: line 0\r\n"));
    assert_non_null(strstr(one.sent, "test: line 2999\r\n"));
    assert_non_null(strstr(one.sent, "to all\r\nagain\r\n"));
    assert_null(strstr(one.sent, "missed"));
    assert_string_equal(world_notes(), "");
    while (strcmp(world_notes(), "two") != 0) { /* the terminal reads again */
        uart_drain(&two);
    }
    world_join(writer);
    while (two.tx_wanted) {
        uart_drain(&two);
    }
    assert_non_null(strstr(two.sent, " log lines missed here]\r\n"));
    assert_non_null(strstr(two.sent, "test: line 2999\r\n"));
    assert_null(strstr(two.sent, "test: line 500\r\n"));
    assert_null(strstr(two.sent, "to all"));
}

static void wait_cancellably(void *arg)
{
    use_terminal(&two.console);
    *(enum status *)arg = console_write_cancellable(long_text, LONG_TEXT);
}

static void test_a_stalled_writer_can_be_cancelled(void **state)
{
    (void)state;
    enum status s = OK;
    forget_sent();
    two.room = 0;
    struct thread *writer = world_thread("two", 40, wait_cancellably, &s);
    thread_cancel(writer);
    world_join(writer);
    assert_int_equal(s, E_CANCELLED);
}

static void test_held_log_lines_appear_at_the_last_release(void **state)
{
    (void)state;
    forget_sent();
    use_terminal(&one.console);
    console_hold_log();
    console_hold_log();
    log_info("a", "held");
    console_printf("mine\n");
    console_release_log();
    log_info("a", "later");
    forget_sent();
    assert_string_equal(one.sent, "");
    console_release_log();
    use_terminal(NULL);
    drain();
    const char *held = strstr(one.sent, "a: held"), *later = strstr(one.sent, "a: later");
    assert_true(held != NULL && later != NULL && held < later);
    assert_null(strstr(two.sent, "a: held")); /* it appeared at once */
    console_hold_log();
    log_info("a", "held everywhere");
    drain();
    assert_null(strstr(two.sent, "everywhere"));
    console_release_log();
    drain();
    assert_non_null(strstr(two.sent, "everywhere"));
}

static struct uart late;
static char started[64];

static void note_session(struct console *c)
{
    strcat(started, c->name);
    strcat(started, " ");
}

static void test_every_console_gets_one_session(void **state)
{
    (void)state;
    assert_true(console_claim_session(&one.console));
    console_set_session(note_session);
    assert_string_equal(started, "uart.1 ");
    late.console.ops = &uart_ops;
    late.room = FIFO;
    log_info("a", "before it came");
    console_add(&late.console);
    assert_string_equal(started, "uart.1 uart.2 ");
    time_passes = true;
    console_drain();
    time_passes = false;
    /* it gets the log written so far */
    assert_non_null(strstr(late.sent, "a: before it came\r\n"));
}

static void test_surplus_consoles_are_ignored(void **state)
{
    (void)state;
    static struct uart many[CONSOLE_MAX];
    for (unsigned i = 0; i < CONSOLE_MAX; i++) {
        many[i].console.ops = &uart_ops;
        many[i].room = sizeof(many[i].sent);
        console_add(&many[i].console);
    }
    assert_non_null(console_at(CONSOLE_MAX - 1));
    assert_null(console_at(CONSOLE_MAX));
    assert_false(many[CONSOLE_MAX - 1].rx_wanted);
}

/* The code that the panic interrupted holds the lock. */
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

/* The early console writes to one of the devices; the drivers write to the others. */
static void test_a_panic_reaches_devices_without_early_output(void **state)
{
    (void)state;
    forget_sent();
    one.console.is_early = true;
    hal_this_cpu()->in_panic = true;
    time_passes = true;
    console_panic_write("PANIC: x\n", 9);
    time_passes = false;
    hal_this_cpu()->in_panic = false;
    assert_string_equal(one.sent, "");
    assert_memory_equal(two.sent, "PANIC: x\r\n", 10);
}

/* The machine is not switched off before a slow device has sent the last line. */
static void test_a_panic_ends_after_its_last_line_is_sent(void **state)
{
    (void)state;
    forget_sent();
    time_passes = true;
    fake_end.armed = true;
    if (setjmp(fake_end.jump) == 0) {
        panic("the last words");
    }
    time_passes = false;
    hal_this_cpu()->in_panic = false;
    hal_irq_enable();
    const char end[] = "PANIC END\r\n";
    assert_true(two.sent_count > sizeof(end));
    assert_memory_equal(two.sent + two.sent_count - (sizeof(end) - 1), end, sizeof(end) - 1);
}

/* A device that accepts any number of bytes after a time in which it accepted none: interrupts
 * are still delivered in between. */
static void test_no_device_gets_the_whole_ring_at_once(void **state)
{
    (void)state;
    use_terminal(&one.console);
    forget_sent();
    console_write(long_text, 10000);
    one.room = sizeof(one.sent);
    size_t at_once = 0;
    while (one.tx_wanted) {
        size_t before = one.sent_count;
        console_tx_ready(&one.console);
        at_once = one.sent_count - before > at_once ? one.sent_count - before : at_once;
    }
    assert_in_range(at_once, FIFO, 2048);
    assert_int_equal(one.sent_count, 10000);
    assert_memory_equal(one.sent, long_text, 10000);
    use_terminal(NULL);
}

static unsigned count_lines(const char *s)
{
    unsigned n = 0;
    for (; *s != '\0'; s++) {
        n += *s == '\n' ? 1 : 0;
    }
    return n;
}

/* Many lines were held back, and the code that releases them has interrupts masked: the device's
 * own interrupts send the rest. */
static void test_a_held_log_does_not_mask_interrupts_for_long(void **state)
{
    (void)state;
    use_terminal(&one.console);
    forget_sent();
    console_hold_log();
    for (unsigned i = 0; i < 100; i++) {
        log_info("a", "line %u", i);
    }
    one.room = sizeof(one.sent);
    irq_state_t s = hal_irq_save();
    console_release_log();
    hal_irq_restore(s);
    assert_in_range(count_lines(one.sent), 1, 8);
    assert_true(one.tx_wanted);
    uart_interrupts(&one);
    while (one.tx_wanted) {
        console_tx_ready(&one.console);
    }
    assert_int_equal(count_lines(one.sent), 100);
    use_terminal(NULL);
}

static void bring_b(struct work *work)
{
    (void)work;
    one.fifo[one.fifo_count++] = 'b';
    console_rx_ready(&one.console);
}

/* If another thread is moving bytes from the device to the ring, later
 * bytes must not overtake them. */
static void test_input_is_not_overtaken(void **state)
{
    (void)state;
    static struct work interrupt = {.run = bring_b};
    uint8_t got[4] = {0};
    use_terminal(&one.console);
    one.fifo[one.fifo_count++] = 'a';
    after_get = &interrupt;
    console_rx_ready(&one.console);
    assert_int_equal(console_read(got, sizeof(got), 0), 2);
    assert_memory_equal(got, "ab", 2);
    use_terminal(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_device_the_early_console_is_used),
        cmocka_unit_test(test_newlines_become_cr_lf),
        cmocka_unit_test(test_output_continues_by_interrupts),
        cmocka_unit_test(test_devices_follow_at_their_own_pace),
        cmocka_unit_test(test_a_writer_sleeps_while_the_ring_is_full),
        cmocka_unit_test(test_polling_forgets_no_sleeper),
        cmocka_unit_test(test_no_input_is_lost),
        cmocka_unit_test(test_a_reader_sleeps_until_data_arrives),
        cmocka_unit_test(test_waiting_for_input_reads_none),
        cmocka_unit_test(test_ctrl_c_is_a_byte_without_a_program),
        cmocka_unit_test(test_ctrl_c_ends_the_program_and_goes_no_further),
        cmocka_unit_test(test_each_console_has_its_own_terminal),
        cmocka_unit_test(test_ctrl_c_ends_the_program_of_its_own_console),
        cmocka_unit_test(test_any_console_can_end_the_boot_program),
        cmocka_unit_test(test_a_stalled_console_holds_up_only_its_session),
        cmocka_unit_test(test_a_stalled_writer_can_be_cancelled),
        cmocka_unit_test(test_held_log_lines_appear_at_the_last_release),
        cmocka_unit_test(test_no_device_gets_the_whole_ring_at_once),
        cmocka_unit_test(test_a_held_log_does_not_mask_interrupts_for_long),
        cmocka_unit_test(test_input_is_not_overtaken),
        cmocka_unit_test(test_a_panic_drains_without_the_lock),
        cmocka_unit_test(test_a_panic_reaches_devices_without_early_output),
        cmocka_unit_test(test_a_panic_ends_after_its_last_line_is_sent),
        cmocka_unit_test(test_every_console_gets_one_session),
        cmocka_unit_test(test_surplus_consoles_are_ignored),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
