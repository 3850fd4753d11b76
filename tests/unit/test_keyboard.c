// SPDX-License-Identifier: MIT
//
// Keys in, bytes out, through a keyboard's console.
#include "kernel/tty/keyboard.h"

#include "fake/world.h"
#include "kernel/base/clock.h"
#include "kernel/lib/compiler.h"
#include "kernel/sched/work.h"
#include "kernel/tty/console.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum {
    K_ESC = 1,
    K_2 = 3,
    K_BACKSPACE = 14,
    K_TAB = 15,
    K_Q = 16,
    K_U = 22,
    K_ENTER = 28,
    K_CTRL = 29,
    K_A = 30,
    K_SHIFT = 42,
    K_C = 46,
    K_RIGHT_SHIFT = 54,
    K_ALT = 56,
    K_SPACE = 57,
    K_CAPS = 58,
    K_F1 = 59,
    K_F5 = 63,
    K_NUM = 69,
    K_KP7 = 71,
    K_KP_DOT = 83,
    K_UP = 103,
    K_PAGE_UP = 104,
    K_RIGHT = 106,
    K_DELETE = 111,
};

static bool is_stalled;

static size_t screen_put(struct console *c, const uint8_t *s, size_t len)
{
    (void)c, (void)s;
    if (is_stalled) {
        fake_counter += NS_PER_MS; /* polling takes time */
    }
    return is_stalled ? 0 : len;
}

static void screen_want_tx(struct console *c, bool on)
{
    (void)c, (void)on;
}

static void screen_want_rx(struct console *c, bool on)
{
    (void)c;
    keyboard_want(on);
}

static bool screen_is_idle(struct console *c)
{
    (void)c;
    return true;
}

static size_t screen_get(struct console *c, uint8_t *buf, size_t len)
{
    (void)c;
    return keyboard_take(buf, len);
}

static const struct console_ops screen_ops = {
    .name = "screen",
    .put = screen_put,
    .want_tx = screen_want_tx,
    .is_idle = screen_is_idle,
    .get = screen_get,
    .want_rx = screen_want_rx,
};
static struct console screen = {.ops = &screen_ops};

static void press(uint16_t code)
{
    keyboard_event(code, true);
    keyboard_event(code, false);
}

static void press_with(uint16_t modifier, uint16_t code)
{
    keyboard_event(modifier, true);
    press(code);
    keyboard_event(modifier, false);
}

/* The bytes typed since the last check. */
static void expect(const char *bytes, size_t len)
{
    uint8_t got[512];
    int n = console_read(got, sizeof got, 0);
    assert_int_equal(n < 0 ? 0 : n, len);
    assert_memory_equal(got, bytes, len);
}

#define EXPECT(text) expect(text, sizeof(text) - 1)

static void test_a_key_before_any_console_is_harmless(void **state)
{
    (void)state;
    press(K_A);
    uint8_t typed;
    assert_int_equal(keyboard_take(&typed, 1), 0);
}

static void test_without_a_screen_the_first_console_is_typed_on(void **state)
{
    (void)state;
    console_add(&screen);
    press(K_A);
    EXPECT("a");
    keyboard_attach(&screen);
    press(K_Q);
    EXPECT("q");
}

static void test_letters_digits_and_shift(void **state)
{
    (void)state;
    press(K_A);
    press(K_2);
    press_with(K_SHIFT, K_A);
    press_with(K_RIGHT_SHIFT, K_2);
    press(K_ENTER);
    press(K_BACKSPACE);
    press(K_TAB);
    press_with(K_SHIFT, K_TAB);
    EXPECT("a2A@\r\x7f\t\033[Z");
}

static void test_releasing_one_shift_keeps_the_other(void **state)
{
    (void)state;
    keyboard_event(K_SHIFT, true);
    keyboard_event(K_RIGHT_SHIFT, true);
    keyboard_event(K_SHIFT, false);
    press(K_A);
    keyboard_event(K_RIGHT_SHIFT, false);
    press(K_A);
    EXPECT("Aa");
}

static void test_control_and_alt(void **state)
{
    (void)state;
    press_with(K_CTRL, K_A);
    press_with(K_CTRL, K_2);
    press_with(K_ALT, K_A);
    press_with(K_CTRL, K_C); /* no program runs: an ordinary byte */
    expect("\001\000\033a\003", 5);
}

static void test_caps_lock_exchanges_letters_only(void **state)
{
    (void)state;
    press(K_CAPS);
    press(K_A);
    press(K_2);
    press_with(K_SHIFT, K_A);
    keyboard_event(K_CAPS, true); /* repeated while held down: one change */
    keyboard_event(K_CAPS, true);
    keyboard_event(K_CAPS, true);
    keyboard_event(K_CAPS, false);
    press(K_A);
    EXPECT("A2aa");
}

static void test_a_held_key_repeats_at_the_devices_rate(void **state)
{
    (void)state;
    keyboard_event(K_A, true);
    keyboard_event(K_A, true);
    keyboard_event(K_A, true);
    keyboard_event(K_A, false);
    EXPECT("aaa");
}

static void test_keypad_follows_num_lock(void **state)
{
    (void)state;
    press(K_KP7);
    press(K_KP_DOT);
    press_with(K_SHIFT, K_KP7);
    press(K_NUM);
    press(K_KP7);
    press(K_KP_DOT);
    press(K_NUM);
    press(K_KP7);
    EXPECT("7.\033[H\033[H\033[3~7");
}

static void test_special_keys_send_xterms_sequences(void **state)
{
    (void)state;
    press(K_UP);
    press(K_PAGE_UP);
    press(K_DELETE);
    press(K_F1);
    press(K_F5);
    press(K_ESC);
    EXPECT("\033[A\033[5~\033[3~\033OP\033[15~\033");
    press_with(K_CTRL, K_RIGHT);
    press_with(K_ALT, K_RIGHT);
    press_with(K_SHIFT, K_F1);
    press_with(K_CTRL, K_PAGE_UP);
    EXPECT("\033[1;5C\033[1;3C\033[1;2P\033[5;5~");
}

static void press_unicode(void)
{
    keyboard_event(K_CTRL, true);
    press_with(K_SHIFT, K_U);
    keyboard_event(K_CTRL, false);
}

static void enter(const char *digits, uint16_t last)
{
    static const uint16_t letters[] = {K_A, 48, K_C, 32, 18, 33};
    press_unicode();
    for (; *digits != '\0'; digits++) {
        press(*digits >= 'a'   ? letters[*digits - 'a']
              : *digits == '0' ? 11
                               : (uint16_t)(*digits - '1' + 2));
    }
    press(last);
}

static void test_a_character_is_entered_by_its_code_point(void **state)
{
    (void)state;
    enter("41", K_SPACE);
    enter("7f", K_ENTER);
    enter("80", K_SPACE);
    enter("e9", K_SPACE);
    enter("7ff", K_SPACE);
    enter("800", K_SPACE);
    enter("20ac", K_ENTER);
    enter("ffff", K_SPACE);
    enter("10000", K_SPACE);
    enter("1f600", K_SPACE);
    enter("00010ffff", K_SPACE);
    press(K_A);
    EXPECT("A\x7f\xc2\x80é\u07ff\u0800€\xef\xbf\xbf\xf0\x90\x80\x80😀\xf4\x8f\xbf\xbf"
           "a");
    press_unicode();
    keyboard_event(K_SHIFT, true); /* capital digits, and those of the keypad */
    press(K_A);
    keyboard_event(K_SHIFT, false);
    press(K_KP7);
    press(K_SPACE);
    EXPECT("§");
}

static void test_what_is_no_code_point_types_nothing(void **state)
{
    (void)state;
    enter("", K_SPACE);
    enter("0", K_SPACE);
    enter("d800", K_SPACE);
    enter("dfff", K_SPACE);
    enter("110000", K_SPACE); /* its last digit ends the entry, so Space is typed */
    enter("e9", K_ESC);
    enter("e9", K_BACKSPACE);
    enter("e9", K_Q);
    EXPECT(" ");
    enter("e", K_UP); /* no character: the entry continues */
    press(10);
    press(K_SPACE);
    EXPECT("\033[Aé");
    press_unicode();
    press_with(K_CTRL, K_C); /* as always */
    press_with(K_CTRL, K_U);
    press(K_A);
    EXPECT("\003\025a");
}

static void test_unknown_codes_type_nothing(void **state)
{
    (void)state;
    for (unsigned code = KEYBOARD_CODES; code < 0x10000; code++) {
        press((uint16_t)code);
    }
    press(0);
    press(127);
    EXPECT("");
}

static void test_a_lost_keyboard_holds_no_keys(void **state)
{
    (void)state;
    keyboard_event(K_SHIFT, true);
    keyboard_event(K_CTRL, true);
    keyboard_release_all();
    press(K_A);
    EXPECT("a");
}

/* With no reader, keys that do not fit are dropped whole, never in the middle of a sequence. */
static void test_a_full_queue_drops_whole_keys(void **state)
{
    (void)state;
    static uint8_t buf[8192];
    press(K_A);
    for (unsigned i = 0; i < 4000; i++) {
        press_with(K_CTRL, K_RIGHT);
    }
    size_t len = 0;
    int n;
    while ((n = console_read(buf + len, sizeof buf - len, 0)) > 0) {
        len += (size_t)n;
        (void)!thread_sleep(1); /* let the work thread run */
    }
    assert_true(len > 4000);
    assert_int_equal(buf[0], 'a');
    assert_int_equal((len - 1) % 6, 0);
    for (size_t at = 1; at < len; at += 6) {
        assert_memory_equal(buf + at, "\033[1;5C", 6);
    }
}

/* Even with output waiting for a console that accepts nothing. */
static void test_ctrl_alt_delete_reboots(void **state)
{
    (void)state;
    is_stalled = true;
    console_write("x", 1);
    fake_end.armed = true;
    if (setjmp(fake_end.jump) == 0) {
        keyboard_event(K_CTRL, true);
        keyboard_event(K_ALT, true);
        press(K_DELETE);
        (void)!thread_sleep(1); /* let the work thread run */
        fail();
    }
    assert_int_equal(fake_exit_kind, EXIT_REBOOT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_before_any_console_is_harmless),
        cmocka_unit_test(test_without_a_screen_the_first_console_is_typed_on),
        cmocka_unit_test(test_letters_digits_and_shift),
        cmocka_unit_test(test_releasing_one_shift_keeps_the_other),
        cmocka_unit_test(test_control_and_alt),
        cmocka_unit_test(test_caps_lock_exchanges_letters_only),
        cmocka_unit_test(test_a_held_key_repeats_at_the_devices_rate),
        cmocka_unit_test(test_keypad_follows_num_lock),
        cmocka_unit_test(test_special_keys_send_xterms_sequences),
        cmocka_unit_test(test_a_character_is_entered_by_its_code_point),
        cmocka_unit_test(test_what_is_no_code_point_types_nothing),
        cmocka_unit_test(test_unknown_codes_type_nothing),
        cmocka_unit_test(test_a_lost_keyboard_holds_no_keys),
        cmocka_unit_test(test_a_full_queue_drops_whole_keys),
        cmocka_unit_test(test_ctrl_alt_delete_reboots),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
