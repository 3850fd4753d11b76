// SPDX-License-Identifier: MIT
//
// The line editor: what a person types, what they see, what the shell gets.
#include "kernel/shell/line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct line_editor editor;
static char seen[4096]; /* the screen line as a terminal would show it */
static size_t column, width;

/* A terminal of one line: '\b' moves left, other characters overwrite. */
static void terminal(void *ctx, const char *s, size_t len)
{
    (void)ctx;
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '\b') {
            assert_true(column > 0);
            column--;
        } else if (s[i] == '\n') {
            column = width = 0;
            seen[0] = '\0';
        } else if (s[i] != '\a') {
            assert_true((unsigned char)s[i] >= ' '); /* no escape sequences */
            seen[column++] = s[i];
            if (column > width) {
                width = column;
                seen[width] = '\0';
            }
        }
    }
}

static bool fruit(void *ctx, const char *line, size_t word, unsigned i, char *out, bool *final)
{
    (void)ctx;
    static const char *const names[] = {"apple", "apricot", "banana"};
    for (unsigned n = 0; n < 3; n++) {
        if (strncmp(names[n], line + word, strlen(line + word)) == 0 && i-- == 0) {
            strcpy(out, names[n]);
            *final = true;
            return true;
        }
    }
    return false;
}

static const struct line_completer completer = {.candidate = fruit};

static enum line_event type(const char *keys)
{
    enum line_event event = LINE_MORE;
    for (; *keys != '\0'; keys++) {
        event = line_feed(&editor, (uint8_t)*keys);
    }
    return event;
}

static int start(void **state)
{
    (void)state;
    column = width = 0;
    line_init(&editor, "> ", terminal, NULL, &completer);
    line_reset(&editor);
    return 0;
}

/* After every edit the screen shows the text and nothing left over from before. */
static void check(const char *text, size_t cursor)
{
    assert_string_equal(editor.text, text);
    assert_int_equal(editor.cursor, cursor);
    assert_int_equal(column, 2 + cursor);
    char shown[4096];
    strcpy(shown, seen);
    size_t n = strlen(shown);
    while (n > 2 + strlen(text) && shown[n - 1] == ' ') {
        shown[--n] = '\0';
    }
    assert_string_equal(shown + 2, text);
}

static void test_typing_and_deleting(void **state)
{
    (void)state;
    type("helo\bl");
    check("hell", 4);
    type("\x7fp \x17x");
    check("x", 1);
    type("\x15");
    check("", 0);
    type("\x7f\x04\x17\x0b"); /* nothing to delete is nothing */
    check("", 0);
}

static void test_editing_in_the_middle(void **state)
{
    (void)state;
    type("abd\033[Dc");
    check("abcd", 3);
    type("\001X\005Y");
    check("XabcdY", 6);
    type("\033[H\033[3~");
    check("abcdY", 0);
    type("\033[C\033[C\x0b");
    check("ab", 2);
    type("\033[D\033[D\033[D\033[D");
    check("ab", 0);
    type("\033[1;5C\033OF");
    check("ab", 2);
    type("\033[99999999~\033[Zq");
    check("abq", 3);
}

static void test_enter_gives_the_line_however_it_is_sent(void **state)
{
    (void)state;
    assert_int_equal(type("one\r"), LINE_DONE);
    assert_string_equal(editor.text, "one");
    line_reset(&editor);
    assert_int_equal(type("\n"), LINE_MORE); /* CR LF is one key */
    assert_int_equal(type("two\n"), LINE_DONE);
    assert_string_equal(editor.text, "two");
    line_reset(&editor);
    assert_int_equal(type("\n"), LINE_DONE); /* LF LF is two */
}

static void test_history(void **state)
{
    (void)state;
    const char *lines[] = {"first\n", "second\n", "second\n", "\n"};
    for (unsigned i = 0; i < 4; i++) {
        type(lines[i]);
        line_reset(&editor);
    }
    type("draft\033[A");
    check("second", 6);
    type("\033[A");
    check("first", 5); /* the repeated line and the empty one are not kept */
    type("\033[A");
    check("first", 5);
    type("\033[B\033[B");
    check("draft", 5);
    type("\033[B");
    check("draft", 5);
}

static void test_history_keeps_the_newest(void **state)
{
    (void)state;
    char line[32];
    for (unsigned i = 0; i < LINE_HISTORY + 5; i++) {
        snprintf(line, sizeof line, "line %u\n", i);
        type(line);
        line_reset(&editor);
    }
    for (unsigned i = 0; i < LINE_HISTORY + 5; i++) {
        type("\033[A");
    }
    check("line 5", 6);
}

static void test_completion(void **state)
{
    (void)state;
    type("b\t");
    check("banana ", 7);
    type("a\t");
    check("banana ap", 9); /* as far as they agree */
    type("p\t");
    check("banana apple ", 13);
    type("zz\t");
    check("banana apple zz", 15);
    type("\x15"
         "ap\t"); /* nothing new: listed, and the line is drawn again */
    check("ap", 2);
}

static void test_a_full_line_takes_no_more(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LINE_MAX + 100; i++) {
        type("x");
    }
    assert_int_equal(editor.len, LINE_MAX - 1);
    assert_int_equal(strlen(editor.text), LINE_MAX - 1);
}

static void test_cancel(void **state)
{
    (void)state;
    assert_int_equal(type("abc\003"), LINE_CANCEL);
    line_reset(&editor);
    type("d");
    check("d", 1);
}

/* Any bytes at all: the editor stays consistent, and the sanitizers watch. */
static void test_random_keys(void **state)
{
    (void)state;
    uint32_t x = 1;
    for (unsigned i = 0; i < 200000; i++) {
        x = x * 1664525u + 1013904223u;
        static const char keys[] = "ab \b\t\r\n\033[ABCDHF~13;\001\005\013\025\027\020\016\004";
        char key = (x >> 8) % 4 == 0 ? (char)(x >> 16) : keys[(x >> 16) % (sizeof keys - 1)];
        if (line_feed(&editor, (uint8_t)key) != LINE_MORE) {
            line_reset(&editor);
        }
        assert_true(editor.cursor <= editor.len && editor.len < LINE_MAX);
        assert_int_equal(strlen(editor.text), editor.len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_typing_and_deleting, start),
        cmocka_unit_test_setup(test_editing_in_the_middle, start),
        cmocka_unit_test_setup(test_enter_gives_the_line_however_it_is_sent, start),
        cmocka_unit_test_setup(test_history, start),
        cmocka_unit_test_setup(test_history_keeps_the_newest, start),
        cmocka_unit_test_setup(test_completion, start),
        cmocka_unit_test_setup(test_a_full_line_takes_no_more, start),
        cmocka_unit_test_setup(test_cancel, start),
        cmocka_unit_test_setup(test_random_keys, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
