// SPDX-License-Identifier: MIT
//
// The terminal's model: what programs write, and the contents of the screen afterwards.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/video/font.h"
#include "drivers/video/terminal.h"

#define COLUMNS 10
#define ROWS    4

static struct terminal t;
static struct terminal_cell cells[COLUMNS * ROWS];

static int fresh(void **state)
{
    (void)state;
    terminal_init(&t, cells, COLUMNS, ROWS);
    return 0;
}

static void feed(const char *s)
{
    terminal_write(&t, (const uint8_t *)s, strlen(s));
}

/* A row's characters without trailing spaces; a non-ASCII character is a question mark. */
static const char *row(uint32_t y)
{
    static char text[COLUMNS + 1];
    size_t len = 0;
    for (uint32_t x = 0; x < COLUMNS; x++) {
        uint16_t c = terminal_row(&t, y)[x].character;
        text[x] = c < 0x80 ? (char)c : '?';
        len = c != ' ' ? x + 1 : len;
    }
    text[len] = '\0';
    return text;
}

static void assert_cursor(uint32_t column, uint32_t line)
{
    assert_int_equal(t.cursor.column, column);
    assert_int_equal(t.cursor.row, line);
}

static void test_text_and_line_ends(void **state)
{
    (void)state;
    feed("ab\r\ncd\be\tx");
    assert_string_equal(row(0), "ab");
    assert_string_equal(row(1), "ce      x");
    assert_cursor(9, 1);
}

static void test_the_last_column_wraps_with_the_next_character(void **state)
{
    (void)state;
    feed("0123456789");
    assert_cursor(9, 0);
    feed("a");
    assert_string_equal(row(1), "a");
    feed("\x1b[1;10Hz\r\n");
    assert_cursor(0, 1); /* CR LF at the end of a row is one line end */
    feed("\x1b[?7l\x1b[3;9Hxyz");
    assert_string_equal(row(2), "        xz");
    assert_cursor(9, 2);
}

static void test_scrolling_moves_every_row_up(void **state)
{
    (void)state;
    feed("1\r\n2\r\n3\r\n4\r\n5");
    assert_string_equal(row(0), "2");
    assert_string_equal(row(3), "5");
    feed("\x1b[H\x1bM");
    assert_string_equal(row(0), "");
    assert_string_equal(row(1), "2");
    assert_string_equal(row(3), "4");
    feed("\x1b[2S");
    assert_string_equal(row(0), "3");
    assert_string_equal(row(2), "");
    feed("\x1b[9999T");
    assert_string_equal(row(0), "");
}

static void test_a_region_scrolls_alone(void **state)
{
    (void)state;
    feed("1\r\n2\r\n3\r\n4\x1b[2;3r");
    assert_cursor(0, 0);
    feed("\x1b[3;1H\n\nx");
    assert_string_equal(row(0), "1");
    assert_string_equal(row(1), "");
    assert_string_equal(row(2), "x");
    assert_string_equal(row(3), "4");
    feed("\x1b[3;1H\x1b[9A");
    assert_cursor(0, 1); /* the cursor stays at the region's edge */
    feed("\x1b[9B");
    assert_cursor(0, 2);
    feed("\x1b[4;1H\x1b[L\n");
    assert_string_equal(row(3), "4"); /* below the region nothing scrolls */
    feed("\x1b[3;2r\x1b[99;99r\x1b[r\x1b[4;1H\n");
    assert_string_equal(row(2), "4");
}

static void test_cursor_sequences(void **state)
{
    (void)state;
    feed("\x1b[3;5H");
    assert_cursor(4, 2);
    feed("\x1b[A\x1b[2C\x1b[B\x1b[3D");
    assert_cursor(3, 2);
    feed("\x1b[99A\x1b[99D");
    assert_cursor(0, 0);
    feed("\x1b[99;99f");
    assert_cursor(9, 3);
    feed("\x1b[2d\x1b[4G");
    assert_cursor(3, 1);
    feed("\x1b"
         "7\x1b[31m\x1b[H\x1b"
         "8x");
    assert_cursor(4, 1);
    assert_int_equal(terminal_row(&t, 1)[3].foreground, TERMINAL_FOREGROUND);
    feed("\x1b[E\x1b[E\x1b[F");
    assert_cursor(0, 2);
    feed("\x1b[I\x1b[Z\x1b[C");
    assert_cursor(1, 2);
}

static void test_erasing(void **state)
{
    (void)state;
    feed("aaaaa\r\nbbbbb\r\nccccc\x1b[2;3H\x1b[K");
    assert_string_equal(row(1), "bb");
    feed("\x1b[1K");
    assert_string_equal(row(1), "");
    feed("\x1b[3;2H\x1b[2X");
    assert_string_equal(row(2), "c  cc");
    feed("\x1b[1J");
    assert_string_equal(row(0), "");
    assert_string_equal(row(2), "  "
                                " cc");
    feed("\x1b[J");
    assert_string_equal(row(2), "");
    feed("x\x1b[44m\x1b[2J");
    assert_string_equal(row(2), "");
    assert_int_equal(terminal_row(&t, 3)[9].background, 4);
}

static void test_inserting_and_deleting(void **state)
{
    (void)state;
    feed("abcdef\x1b[1;2H\x1b[2@");
    assert_string_equal(row(0), "a  bcdef");
    feed("\x1b[3P");
    assert_string_equal(row(0), "acdef");
    feed("\x1b[99@");
    assert_string_equal(row(0), "a");
    feed("\r\n2\r\n3\x1b[2;1H\x1b[L");
    assert_string_equal(row(1), "");
    assert_string_equal(row(2), "2");
    feed("\x1b[2M");
    assert_string_equal(row(1), "3");
}

static void test_colours(void **state)
{
    (void)state;
    feed(
        "\x1b[31;42ma\x1b[1mb\x1b[7mc\x1b[0md\x1b[95me\x1b[38;5;200mf\x1b[48;2;255;0;100;4mg\x1b[mh");
    const struct terminal_cell *c = terminal_row(&t, 0);
    assert_int_equal(c[0].foreground, 1);
    assert_int_equal(c[0].background, 2);
    assert_int_equal(c[1].foreground, 9); /* bold is bright */
    assert_int_equal(c[1].flags, TERMINAL_BOLD);
    assert_int_equal(c[2].foreground, 2);
    assert_int_equal(c[2].background, 9);
    assert_int_equal(c[3].foreground, TERMINAL_FOREGROUND);
    assert_int_equal(c[3].flags, 0);
    assert_int_equal(c[4].foreground, 13);
    assert_int_equal(c[5].foreground, 200);
    assert_int_equal(c[6].background, 16 + 36 * 5 + 0 + 1);
    assert_int_equal(c[6].flags, TERMINAL_UNDERLINE);
    assert_int_equal(c[7].flags, 0);
    feed("\x1b[38;5m\x1b[38mx");
    assert_int_equal(terminal_row(&t, 0)[8].foreground, TERMINAL_FOREGROUND);
}

static void test_utf8(void **state)
{
    (void)state;
    feed("\xc3\xa9\xe2\x94\x80\xf0\x9f\x98\x80");
    const struct terminal_cell *c = terminal_row(&t, 0);
    assert_int_equal(c[0].character, 0xe9);
    assert_int_equal(c[1].character, 0x2500);
    assert_int_equal(c[2].character, FONT_REPLACEMENT); /* outside the font's plane, and wide */
    feed("\xc0\x80\xe2\x82"
         "A\xed\xa0\x80"
         "B\x80");
    assert_int_equal(c[4].character, FONT_REPLACEMENT); /* never valid */
    assert_int_equal(c[5].character, FONT_REPLACEMENT);
    assert_int_equal(c[6].character, FONT_REPLACEMENT); /* cut off */
    assert_int_equal(c[7].character, 'A');
    assert_int_equal(c[8].character, FONT_REPLACEMENT); /* a surrogate */
    assert_int_equal(c[9].character, 'B');
    feed("\r\n\xe0\x80\xafxe\xcc\x81y");
    assert_string_equal(row(2), "?xey"); /* overlong; a combining mark */
}

static void test_wide_characters_are_two_columns(void **state)
{
    (void)state;
    feed("\xe6\x97\xa5x"); /* U+65E5, an ideograph */
    const struct terminal_cell *c = terminal_row(&t, 0);
    assert_int_equal(c[0].character, 0x65e5);
    assert_int_equal(c[1].character, ' ');
    assert_int_equal(c[2].character, 'x');
    assert_cursor(3, 0);
    feed("\r\xf0\x9f\x98\x80\xea\xb0\x80"); /* an emoji, a syllable */
    assert_cursor(4, 0);
    feed("\r\nabcdefghi\xe6\x97\xa5"); /* it does not fit in the last column */
    assert_string_equal(row(1), "abcdefghi");
    assert_int_equal(terminal_row(&t, 2)[0].character, 0x65e5);
    assert_cursor(2, 2);
    feed("\r\x1b[9C\x1b[?7l\xe6\x97\xa5\x1b[?7h");
    assert_int_equal(terminal_row(&t, 2)[8].character, 0x65e5);
    assert_cursor(9, 2);
    feed("\r\n12345678\xe6\x97\xa5"); /* fills the row: the wrap is delayed */
    assert_cursor(9, 3);
    feed("x");
    assert_string_equal(row(2), "12345678?");
    assert_string_equal(row(3), "x");
}

/* Overwriting one half of a wide character makes the other a space. */
static void test_a_wide_character_is_erased_as_a_whole(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"\x1b[3Gx", "a xd"},      {"\x1b[2Gx", "ax d"},       {"\x1b[3G\x1b[Kx", "a x"},
        {"\x1b[3G\x1b[X", "a  d"}, {"\x1b[2G\x1b[X", "a  d"},  {"\x1b[3G\x1b[P", "a d"},
        {"\x1b[2G\x1b[P", "a d"},  {"\x1b[3G\x1b[@", "a   d"}, {"\x1b[3G\x1b[1K", "   d"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        feed("\x1b[H\x1b[2Ja\xe6\x97\xa5"
             "d");
        assert_string_equal(row(0), "a? d");
        feed(cases[i][0]);
        if (strcmp(row(0), cases[i][1]) != 0) {
            fail_msg("case %zu: \"%s\"", i, row(0));
        }
    }
    /* its second half is shifted out of the row */
    feed("\x1b[2J\x1b[1;9H\xe6\x97\xa5\x1b[H\x1b[@");
    assert_string_equal(row(0), "");
}

static void test_combining_characters_use_no_column(void **state)
{
    (void)state;
    feed("e\xcc\x81\xe0\xa4\x95\xe0\xa5\x8d\xf0\x9d\x85\xa7x\xe2\x80\x8d\xef\xb8\x8f");
    assert_string_equal(row(0), "e?x");
    assert_cursor(3, 0);
}

static void test_control_strings_are_not_text(void **state)
{
    (void)state;
    static const char kinds[] = "]PX^_";
    for (const char *kind = kinds; *kind != '\0'; kind++) {
        feed("\x1b[H\x1b[2Ja\x1b");
        terminal_write(&t, (const uint8_t *)kind, 1);
        feed("4;1;?\x07"
             "b\x1b");
        terminal_write(&t, (const uint8_t *)kind, 1);
        feed("\xe6\x97\xa5\x1b\\c\x1b");
        terminal_write(&t, (const uint8_t *)kind, 1);
        feed("cut off\x18"
             "d");
        assert_string_equal(row(0), "abcd");
    }
}

static void test_control_strings_are_skipped(void **state)
{
    (void)state;
    feed("a\x1b]0;title\x07"
         "b\x1bPdata\x1b\\c\x1b]open\nd");
    assert_string_equal(row(0), "abcd");
    feed("\x1b[>1;2c\x1b[1 q\x1b(B\x1b#8e\x1b[1;2;3;4;5;6;7;8;9;1;2;3;4;5;6;7;8;9mf");
    assert_string_equal(row(0), "abcdef");
    feed("\x1b[12\x18g");
    assert_string_equal(row(0), "abcdefg");
}

static void test_reports(void **state)
{
    (void)state;
    uint8_t text[64];
    feed("\x1b[2;5H\x1b[6n\x1b[5n\x1b[c");
    size_t n = terminal_take_reply(&t, text, 3);
    n += terminal_take_reply(&t, text + n, sizeof(text) - n);
    text[n] = '\0';
    assert_string_equal((char *)text, "\x1b[2;5R\x1b[0n\x1b[?6c");
    for (unsigned i = 0; i < 100; i++) {
        feed("\x1b[6n"); /* nobody reads */
    }
    assert_in_range(terminal_take_reply(&t, text, sizeof(text)), 1, TERMINAL_REPLY_MAX);
}

static void test_reset_makes_what_follows_visible(void **state)
{
    (void)state;
    feed("a\x1b[30;40m\x1b[2;3r\x1b[?25l\x1b]never ended");
    terminal_reset(&t);
    feed("\x1b[4;1Hb\nc");
    assert_string_equal(row(2), "b");
    assert_string_equal(row(3), " c");
    assert_int_equal(terminal_row(&t, 3)[1].foreground, TERMINAL_FOREGROUND);
    assert_false(t.is_cursor_hidden);
    feed("\x1b"
         "c");
    assert_string_equal(row(3), "");
    assert_cursor(0, 0);
}

static void test_only_rows_that_changed_are_dirty(void **state)
{
    (void)state;
    for (uint32_t y = 0; y < ROWS; y++) {
        assert_true(terminal_take_dirty(&t, y));
    }
    assert_false(terminal_is_dirty(&t));
    feed("x\r\ny");
    assert_true(terminal_is_dirty(&t));
    assert_true(terminal_take_dirty(&t, 0));
    assert_true(terminal_take_dirty(&t, 1));
    assert_false(terminal_take_dirty(&t, 2));
    assert_false(terminal_take_dirty(&t, 3));
    terminal_reset(&t); /* like a panic, which may interrupt a thread that is changing a row */
    for (uint32_t y = 0; y < ROWS; y++) {
        assert_true(terminal_take_dirty(&t, y));
    }
}

static void test_the_smallest_screen(void **state)
{
    (void)state;
    struct terminal_cell one;
    terminal_init(&t, &one, 1, 1);
    feed("ab\n\x1b[5;5r\x1b[9L\x1b[9@\x1b[9P\x1bM\x1b[9S\x1b[2J\tc");
    assert_int_equal(terminal_row(&t, 0)[0].character, 'c');
    assert_cursor(0, 0);
}

/* --- work --- */

#define PUT_MAX ((size_t)256) /* bytes that a console writes at a time, with interrupts masked */

static struct terminal_cell many[TERMINAL_COLUMNS_MAX * TERMINAL_ROWS_MAX];

/* Number of cells that a sequence changes; each is first filled with a
 * value that no output produces. */
static size_t cells_written(struct terminal *big, const char *sequence)
{
    static const struct terminal_cell untouched = {.flags = 0xffffffffu};
    for (size_t i = 0; i < sizeof(many) / sizeof(many[0]); i++) {
        many[i] = untouched;
    }
    terminal_write(big, (const uint8_t *)sequence, strlen(sequence));
    size_t count = 0;
    for (size_t i = 0; i < sizeof(many) / sizeof(many[0]); i++) {
        count += many[i].flags != untouched.flags;
    }
    return count;
}

static void test_no_put_writes_more_than_a_line_of_cells_for_each_byte(void **state)
{
    (void)state;
    static const char *const sequences[] = {
        "\033c",      "\033[2J",   "\033[J",    "\033[1J",       "\033[999S",
        "\033[999T",  "\033[999M", "\033[999L", "\033[?1049h",   "\033[?1049;1049;1049l",
        "\033[2JX\n", "\n",        "\033M",     "\033[2J\033[@", "\033[K",
    };
    struct terminal big;
    terminal_init(&big, many, TERMINAL_COLUMNS_MAX, TERMINAL_ROWS_MAX);
    for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++) {
        size_t len = strlen(sequences[i]), count = 0;
        for (size_t at = 0; at + len <= PUT_MAX && at / len < 8; at += len) {
            count += cells_written(&big, sequences[i]);
            assert_true(count <= (at + len) * TERMINAL_COLUMNS_MAX);
        }
    }
    assert_int_equal(cells_written(&big, "\033[2J\033c\033[J\033[999S"), 0);
}

static void test_a_cleared_line_is_blank_when_it_is_read(void **state)
{
    (void)state;
    feed("\x1b[2;3Habc\x1b[44m\x1b[2J\x1b[41m\x1b[2;5Hx");
    for (uint32_t y = 0; y < ROWS; y++) {
        for (uint32_t x = 0; x < COLUMNS; x++) {
            bool is_x = y == 1 && x == 4;
            const struct terminal_cell *cell = &terminal_row(&t, y)[x];
            assert_int_equal(cell->character, is_x ? 'x' : ' ');
            /* as it was when the cell was cleared */
            assert_int_equal(cell->background, is_x ? 1 : 4);
            assert_int_equal(cell->foreground, TERMINAL_FOREGROUND);
            assert_int_equal(cell->flags, 0);
        }
    }
}

static void test_every_font_character_is_found(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < font_character_count; i++) {
        assert_int_equal(font_find(font_characters[i].code_point), font_characters[i].glyph);
    }
    for (uint32_t c = ' '; c < 0x7f; c++) {
        assert_int_equal(font_characters[c - ' '].code_point, c);
    }
    assert_int_equal(font_find(0x4e00), font_find(FONT_REPLACEMENT));
    assert_int_equal(font_find(0x1f600), font_find(FONT_REPLACEMENT));
    assert_true(font_find(FONT_REPLACEMENT) != font_find('?'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_text_and_line_ends, fresh),
        cmocka_unit_test_setup(test_the_last_column_wraps_with_the_next_character, fresh),
        cmocka_unit_test_setup(test_scrolling_moves_every_row_up, fresh),
        cmocka_unit_test_setup(test_a_region_scrolls_alone, fresh),
        cmocka_unit_test_setup(test_cursor_sequences, fresh),
        cmocka_unit_test_setup(test_erasing, fresh),
        cmocka_unit_test_setup(test_inserting_and_deleting, fresh),
        cmocka_unit_test_setup(test_colours, fresh),
        cmocka_unit_test_setup(test_utf8, fresh),
        cmocka_unit_test_setup(test_wide_characters_are_two_columns, fresh),
        cmocka_unit_test_setup(test_a_wide_character_is_erased_as_a_whole, fresh),
        cmocka_unit_test_setup(test_combining_characters_use_no_column, fresh),
        cmocka_unit_test_setup(test_control_strings_are_not_text, fresh),
        cmocka_unit_test_setup(test_control_strings_are_skipped, fresh),
        cmocka_unit_test_setup(test_reports, fresh),
        cmocka_unit_test_setup(test_reset_makes_what_follows_visible, fresh),
        cmocka_unit_test_setup(test_only_rows_that_changed_are_dirty, fresh),
        cmocka_unit_test_setup(test_the_smallest_screen, fresh),
        cmocka_unit_test_setup(test_no_put_writes_more_than_a_line_of_cells_for_each_byte, fresh),
        cmocka_unit_test_setup(test_a_cleared_line_is_blank_when_it_is_read, fresh),
        cmocka_unit_test_setup(test_every_font_character_is_found, fresh),
    };
    return cmocka_run_group_tests_name("terminal", tests, NULL, NULL);
}
