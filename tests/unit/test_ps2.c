// SPDX-License-Identifier: MIT
//
// The PS/2 driver over a model of the controller, in every state that a firmware may leave, and
// with hardware that is missing, broken or never becomes ready.
#include "drivers/input/ps2.h"

#include "fake/fake_console.h"
#include "fake/world.h"
#include "kernel/base/clock.h"
#include "kernel/io/irq.h"
#include "kernel/tty/console.h"
#include "kernel/tty/keyboard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define LINE 1

enum trouble {
    NONE,
    ABSENT,
    DEAF,
    NEVER_EMPTY,
    BAD_SELF_TEST,
    NO_KEYBOARD,
    ASKS_AGAIN,
    BAD_KEYBOARD
};

static struct {
    enum trouble fault;
    uint8_t out[64];
    unsigned out_count;
    bool is_mouse;   /* these bytes come from the mouse */
    uint8_t command; /* command that waits for a byte at the data port */
    uint8_t config;
    uint8_t keyboard[8]; /* bytes sent to the keyboard */
    unsigned keyboard_count;
} chip;

static void give(uint8_t byte)
{
    assert_true(chip.out_count < sizeof chip.out);
    chip.out[chip.out_count++] = byte;
}

static uint64_t chip_read(uint16_t port, unsigned bytes)
{
    assert_int_equal(bytes, 1);
    if (chip.fault == ABSENT) {
        return 0xff;
    }
    if (port == 0x64) {
        fake_counter += 10000; /* time passes while the driver waits */
        return (chip.out_count > 0 || chip.fault == NEVER_EMPTY ? 1 : 0) |
               (chip.fault == DEAF ? 2 : 0) | (chip.is_mouse ? 0x20 : 0);
    }
    assert_int_equal(port, 0x60);
    uint8_t byte = chip.out[0];
    if (chip.out_count > 0) {
        memmove(chip.out, chip.out + 1, --chip.out_count);
    }
    return byte;
}

static void tell_keyboard(uint8_t byte)
{
    if (chip.fault == NO_KEYBOARD) {
        return;
    }
    if (chip.fault == ASKS_AGAIN && chip.keyboard_count == 0) {
        chip.fault = NONE;
        give(0x1e); /* a key press in between */
        give(0xfe);
        return;
    }
    if (chip.keyboard_count < sizeof chip.keyboard) {
        chip.keyboard[chip.keyboard_count++] = byte;
    }
    give(chip.fault == BAD_KEYBOARD ? 0xfe : 0xfa);
}

static void chip_write(uint16_t port, unsigned bytes, uint64_t value)
{
    assert_int_equal(bytes, 1);
    assert_true(chip.fault != ABSENT && chip.fault != DEAF);
    if (port == 0x60) {
        if (chip.command == 0x60) {
            chip.config = (uint8_t)value;
        } else {
            tell_keyboard((uint8_t)value);
        }
        chip.command = 0;
        return;
    }
    assert_int_equal(port, 0x64);
    chip.command = (uint8_t)value;
    if (value == 0xaa) {
        chip.config = 0x30; /* the self-test resets it to the power-on value */
        give(chip.fault == BAD_SELF_TEST ? 0xfc : 0x55);
    } else if (value == 0xab) {
        give(0);
    } else if (value == 0x20) {
        give(chip.config);
    }
}

static void send_codes(const char *codes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        give((uint8_t)codes[i]);
    }
    if ((chip.config & 1) != 0) {
        world_interrupt(LINE);
    }
}

#define SEND(codes) send_codes(codes, sizeof(codes) - 1)

static const struct console_ops ops = {.name = "test",
                                       .put = fake_console_put,
                                       .want_tx = fake_console_want,
                                       .is_idle = fake_console_is_idle,
                                       .get = fake_console_get,
                                       .want_rx = fake_console_want};
static struct console console = {.ops = &ops};

static void expect(const char *text)
{
    uint8_t got[512];
    int n = console_read(got, sizeof got, 0);
    assert_int_equal(n < 0 ? 0 : n, strlen(text));
    assert_memory_equal(got, text, strlen(text));
}

static int set_up(void **state)
{
    world_boot(state);
    fake_on_port_read = chip_read;
    fake_on_port_write = chip_write;
    console_add(&console);
    return 0;
}

static void make_chip(enum trouble fault)
{
    memset(&chip, 0, sizeof chip);
    chip.fault = fault;
}

/* The driver returns soon, and leaves no interrupt enabled. */
static void expect_refusal(enum trouble fault, enum status wanted)
{
    make_chip(fault);
    uint64_t before_ns = clock_now_ns();
    assert_int_equal(ps2_init(LINE), wanted);
    assert_true(clock_now_ns() < before_ns + NS_PER_S);
    assert_int_equal(chip.config & 1, 0);
}

static void test_controllers_that_do_not_work_are_refused(void **state)
{
    (void)state;
    expect_refusal(ABSENT, E_NODEV);
    expect_refusal(DEAF, E_TIMEDOUT);
    expect_refusal(NEVER_EMPTY, E_IO);
    expect_refusal(BAD_SELF_TEST, E_IO);
}

static void test_a_command_is_repeated_if_the_keyboard_asks(void **state)
{
    (void)state;
    make_chip(ASKS_AGAIN);
    give(0xaa); /* left by firmware */
    give(0x1c);
    assert_int_equal(ps2_init(LINE), OK);
    assert_int_equal(chip.config, 0x61); /* interrupt, translation, mouse disabled */
    assert_int_equal(chip.keyboard_count, 3);
    assert_memory_equal(chip.keyboard, "\xf0\x02\xf4", 3);
    expect("");
}

static void test_keys_are_typed(void **state)
{
    (void)state;
    SEND("\x1e\x9e\x2a\x1e\x9e\xaa\x30\xb0");
    expect("aAb");
    SEND("\xe0\x48\xe0\xc8\xe0\x1c\xe0\x9c\x57\xd7"); /* cursor up, keypad enter, F11 */
    expect("\033[A\r\033[23~");
    /* delete, with the keyboard's fake shift around it */
    SEND("\xe0\x2a\xe0\x53\xe0\xd3\xe0\xaa\x1e\x9e");
    expect("\033[3~a");
}

static void test_pause_and_responses_type_nothing(void **state)
{
    (void)state;
    SEND("\xe1\x1d\x45\xe1\x9d\xc5\x1e\x9e");
    SEND("\xfa\xfe\xee\x7f\x59\xe0\x01\xe0\x7e");
    expect("a");
}

static void test_an_overrun_releases_every_key(void **state)
{
    (void)state;
    SEND("\x2a\xff\x1e\x9e");
    SEND("\x2a");
    SEND("\x00\x1e\x9e");
    expect("aa");
}

static void test_the_mouse_is_ignored(void **state)
{
    (void)state;
    chip.is_mouse = true;
    SEND("\x1e\x9e");
    chip.is_mouse = false;
    expect("");
}

static void test_an_interrupt_returns_with_any_controller_status(void **state)
{
    (void)state;
    chip.fault = NEVER_EMPTY;
    world_interrupt(LINE);
    chip.fault = NONE;
    make_chip(NONE);
    chip.config = 1;
    SEND("\x1e\x9e");
    expect("a");
}

static void test_any_bytes_at_all(void **state)
{
    (void)state;
    uint32_t x = 1;
    uint8_t buf[512];
    for (unsigned i = 0; i < 100000; i++) {
        x = x * 1664525u + 1013904223u;
        give((uint8_t)(x >> 24));
        if ((x >> 16 & 3) == 0 || chip.out_count > 20) {
            world_interrupt(LINE);
            (void)console_read(buf, sizeof buf, 0);
            keyboard_event(56, false); /* release Alt: three keys at once would reboot */
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_controllers_that_do_not_work_are_refused),
        cmocka_unit_test(test_a_command_is_repeated_if_the_keyboard_asks),
        cmocka_unit_test(test_keys_are_typed),
        cmocka_unit_test(test_pause_and_responses_type_nothing),
        cmocka_unit_test(test_an_overrun_releases_every_key),
        cmocka_unit_test(test_the_mouse_is_ignored),
        cmocka_unit_test(test_an_interrupt_returns_with_any_controller_status),
        cmocka_unit_test(test_any_bytes_at_all),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
