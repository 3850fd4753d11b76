// SPDX-License-Identifier: MIT
//
// The line discipline: what a program reads, and what the terminal shows meanwhile.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/tty/ldisc.h"
#include "shell/terminal_model.h"

static struct ldisc line;
static struct terminal terminal;

static int reset(void **state)
{
    (void)state;
    memset(&line, 0, sizeof line);
    terminal_init(&terminal, TERMINAL_COLUMNS, false);
    return 0;
}

static void type_bytes(const char *keys, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        ldisc_feed(&line, (uint8_t)keys[i], terminal_sink, &terminal);
    }
}

static void type(const char *keys)
{
    type_bytes(keys, strlen(keys));
}

static void expect_shown(const char *text)
{
    assert_string_equal(terminal_row(&terminal, 0), text);
    assert_int_equal(terminal.escapes, 0);
}

static void expect_line(const char *text)
{
    uint8_t buf[LDISC_LINE_MAX + 1];
    assert_true(ldisc_is_done(&line));
    size_t n = ldisc_take(&line, buf, sizeof buf);
    assert_int_equal(n, strlen(text));
    assert_memory_equal(buf, text, n);
    assert_false(ldisc_is_done(&line));
}

static void test_enter_ends_a_line(void **state)
{
    (void)state;
    type("ab c");
    expect_shown("ab c");
    assert_int_equal(terminal.column, 4);
    assert_false(ldisc_is_done(&line));
    assert_true(ldisc_has_part(&line));
    type("\r");
    expect_line("ab c\n");
    assert_int_equal(terminal.row, 1);
    assert_int_equal(terminal.column, 0);
    type("\nx\n"); /* the LF belongs to the CR before it */
    expect_line("x\n");
    type("\n");
    expect_line("\n");
}

static void test_a_line_is_read_in_pieces(void **state)
{
    (void)state;
    uint8_t buf[4];
    type("abcd\r");
    assert_int_equal(ldisc_take(&line, buf, 4), 4);
    assert_memory_equal(buf, "abcd", 4);
    assert_true(ldisc_is_done(&line));
    expect_line("\n");
    type("e\r");
    expect_line("e\n");
}

static void test_backspace_erases_a_character_and_its_columns(void **state)
{
    (void)state;
    type("ab\177c\b\b");
    expect_shown("");
    assert_int_equal(terminal.column, 0);
    type("\177");          /* nothing is left */
    type("a\xe4\xb8\xad"); /* two columns */
    assert_int_equal(terminal.column, 3);
    type("e\xcc\x81"); /* with a combining accent */
    assert_int_equal(terminal.column, 4);
    type("\177");
    assert_int_equal(terminal.column, 3);
    type("\177");
    assert_int_equal(terminal.column, 1);
    expect_shown("a");
    type("\xc3\xa9\r");
    expect_line("a\xc3\xa9\n");
}

static void test_an_incomplete_character_is_not_shown(void **state)
{
    (void)state;
    type("\xe4\xb8");
    assert_int_equal(terminal.column, 0);
    type("\177x");
    expect_shown("x");
    type("\xe4\xb8y"); /* it will never be complete */
    expect_shown("x??y");
    type("\177\177"); /* both of its bytes at once */
    assert_int_equal(terminal.column, 1);
    type("\xc2\x9b"
         "31m"); /* an 8-bit control sequence */
    expect_shown("x?31m");
    type("\r");
    expect_line("x\xc2\x9b"
                "31m\n");
}

static void test_word_and_line_are_erased(void **state)
{
    (void)state;
    type("one two  three  \027");
    expect_shown("one two");
    assert_int_equal(terminal.column, 9);
    type("\027");
    assert_int_equal(terminal.column, 4);
    type("x\025\025");
    expect_shown("");
    type("y\r");
    expect_line("y\n");
}

static void test_control_keys_and_tabs_are_visible(void **state)
{
    (void)state;
    type("a\tb\033[A\001");
    expect_shown("a       b^[[A^A");
    type("\177\177\177\177\177");
    assert_int_equal(terminal.column, 8);
    type("\177");
    assert_int_equal(terminal.column, 1);
    expect_shown("a");
}

static void test_ctrl_v_takes_the_next_key_as_it_is(void **state)
{
    (void)state;
    type("a\026\177\026\004\026\026\026\r");
    expect_shown("a^?^D^V^M");
    type("\n");
    expect_line("a\177\004\026\r\n");
}

static void test_ctrl_d_ends_the_file_or_pushes_the_line(void **state)
{
    (void)state;
    type("\004");
    expect_line("");
    type("ab\004");
    expect_line("ab");
    type("\004");
    expect_line("");
    type("ab\025\004"); /* erased: empty again */
    expect_line("");
    type("c\r");
    expect_line("c\n");
}

static void test_a_line_of_4096_bytes_is_the_longest(void **state)
{
    (void)state;
    static char keys[LDISC_LINE_MAX + 3];
    memset(keys, 'x', sizeof keys);
    terminal_init(&terminal, 80, false);
    type_bytes(keys, LDISC_LINE_MAX);
    assert_int_equal(terminal.bells, 0);
    type_bytes(keys, 3);
    assert_int_equal(terminal.bells, 3);
    type("\xe4");
    assert_int_equal(terminal.bells, 4);
    type("\r");
    keys[LDISC_LINE_MAX] = '\n';
    keys[LDISC_LINE_MAX + 1] = '\0';
    expect_line(keys);
}

/* An untidy typist: whatever the keys, an erased line leaves the screen as it was. */
static void test_erasing_undoes_any_echo(void **state)
{
    (void)state;
    srand(7);
    for (int round = 0; round < 2000; round++) {
        (void)reset(NULL);
        for (int i = rand() % 12; i > 0; i--) {
            static const char *const pieces[] = {"a",     "\t", "\xe4\xb8\xad", "\xcc\x81", "\xe4",
                                                 "\xff",  " ",  "\033",         "\177",     "\027",
                                                 "\026\r"};
            const char *piece = pieces[(size_t)rand() % (sizeof pieces / sizeof *pieces)];
            type(piece);
        }
        type("\025");
        type("\177\177");
        assert_int_equal(terminal.column, 0);
        expect_shown("");
        type("z\r");
        expect_line("z\n");
    }
}

static void test_what_is_typed_is_forgotten(void **state)
{
    (void)state;
    type("ab\026");
    ldisc_discard(&line);
    type("\r");
    expect_line("\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_enter_ends_a_line, reset),
        cmocka_unit_test_setup(test_a_line_is_read_in_pieces, reset),
        cmocka_unit_test_setup(test_backspace_erases_a_character_and_its_columns, reset),
        cmocka_unit_test_setup(test_an_incomplete_character_is_not_shown, reset),
        cmocka_unit_test_setup(test_word_and_line_are_erased, reset),
        cmocka_unit_test_setup(test_control_keys_and_tabs_are_visible, reset),
        cmocka_unit_test_setup(test_ctrl_v_takes_the_next_key_as_it_is, reset),
        cmocka_unit_test_setup(test_ctrl_d_ends_the_file_or_pushes_the_line, reset),
        cmocka_unit_test_setup(test_a_line_of_4096_bytes_is_the_longest, reset),
        cmocka_unit_test_setup(test_erasing_undoes_any_echo, reset),
        cmocka_unit_test_setup(test_what_is_typed_is_forgotten, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
