// SPDX-License-Identifier: MIT
//
// The line editor: what is typed, what the screen shows, and what the shell gets.
#include "kernel/shell/line.h"

#include "kernel/lib/unicode.h"
#include "shell/terminal_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct line_editor editor;
static struct terminal screen;

/* Terminals on which every edit is tried: four widths, and one that does not reply. */
static const struct {
    unsigned columns;
    bool answers;
} terminals[] = {{20, true}, {40, true}, {80, true}, {132, true}, {TERMINAL_COLUMNS, false}};

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

/* As a session does: the cursor leaves the line. */
static enum line_event finished(enum line_event event)
{
    if (event == LINE_DONE) {
        line_finish(&editor);
    }
    return event;
}

static enum line_event feed(uint8_t byte)
{
    return finished(line_feed(&editor, byte));
}

/* The terminal's replies arrive, or time passes without them. */
static enum line_event settle(void)
{
    enum line_event event = LINE_MORE;
    while (line_is_waiting(&editor) && event == LINE_MORE) {
        char answer[sizeof screen.answer];
        strcpy(answer, screen.answer);
        screen.answer[0] = '\0';
        for (const char *p = answer; *p != '\0' && event == LINE_MORE; p++) {
            event = feed((uint8_t)*p);
        }
        if (answer[0] == '\0') {
            event = finished(line_timeout(&editor));
        }
    }
    return event;
}

static enum line_event type(const char *keys)
{
    enum line_event event = LINE_MORE;
    for (; *keys != '\0'; keys++) {
        event = feed((uint8_t)*keys);
        if (event == LINE_MORE) {
            event = settle();
        }
    }
    return event;
}

static void next_line(void)
{
    line_reset(&editor);
    assert_int_equal(settle(), LINE_MORE);
}

static void start_on(unsigned columns, bool answers)
{
    terminal_init(&screen, columns, answers);
    line_init(&editor, "> ", terminal_sink, &screen, &completer);
    line_reset(&editor);
}

static int start(void **state)
{
    (void)state;
    start_on(80, true);
    return 0;
}

static void on_every_terminal(void (*test)(void))
{
    for (unsigned i = 0; i < sizeof terminals / sizeof terminals[0]; i++) {
        start_on(terminals[i].columns, terminals[i].answers);
        test();
    }
}

/* The cells from `at` on: "#" for a non-ASCII character, two halves for a wide one, which never
 * starts in the last column. @return the cell after them. */
static size_t shown_as(const char *text, size_t len, size_t at, char *out)
{
    uint32_t c;
    for (size_t i = 0; i < len;) {
        i += unicode_decode(text + i, len - i, &c);
        unsigned width = unicode_columns(c);
        if (width == 2 && at % screen.columns == screen.columns - 1) {
            out[at++] = ' ';
        }
        if (width == 2) {
            out[at++] = TERMINAL_LEFT;
        }
        if (width > 0) {
            out[at++] = width == 2 ? TERMINAL_RIGHT : c < 0x80 ? (char)c : '#';
        }
    }
    out[at] = '\0';
    return at;
}

/* After every edit the screen shows the text and no remains of earlier ones. */
static void check(const char *text, size_t cursor)
{
    char whole[LINE_MAX + 8] = "> ", part[LINE_MAX + 8];
    assert_string_equal(editor.text, text);
    assert_int_equal(editor.cursor, cursor);
    size_t cells = shown_as(text, strlen(text), 2, whole);
    size_t at = shown_as(text, cursor, 2, part);
    unsigned columns = screen.columns;
    unsigned at_row = (unsigned)(at / columns), at_column = (unsigned)(at % columns);
    if (screen.wraps) { /* typed up to the edge, before the editor knew the width */
        at_row--;
        at_column = columns - 1;
    }
    assert_int_equal(screen.column, at_column);
    assert_true(screen.row >= at_row);
    unsigned top = screen.row - at_row;
    for (unsigned row = 0; row <= cells / columns; row++) {
        size_t from = (size_t)row * columns;
        snprintf(part, sizeof part, "%.*s", (int)columns, from < cells ? whole + from : "");
        for (size_t n = strlen(part); n > 0 && part[n - 1] == ' '; n--) {
            part[n - 1] = '\0';
        }
        if (top + row < TERMINAL_ROWS) {
            assert_string_equal(terminal_row(&screen, top + row), part);
        }
    }
    if (top + cells / columns + 1 < TERMINAL_ROWS) {
        assert_string_equal(terminal_row(&screen, top + (unsigned)(cells / columns) + 1), "");
    }
}

static void typing_and_deleting(void)
{
    type("helo\bl");
    check("hell", 4);
    type("\x7fp \x17x");
    check("x", 1);
    type("\x15");
    check("", 0);
    type("\x7f\x17\x0b\x15\033[3~"); /* deleting nothing has no effect */
    check("", 0);
}

static void test_typing_and_deleting(void **state)
{
    (void)state;
    on_every_terminal(typing_and_deleting);
}

static void editing_in_the_middle(void)
{
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

static void test_editing_in_the_middle(void **state)
{
    (void)state;
    on_every_terminal(editing_in_the_middle);
}

static void test_every_form_of_enter_returns_the_line(void **state)
{
    (void)state;
    assert_int_equal(type("one\r"), LINE_DONE);
    assert_string_equal(editor.text, "one");
    next_line();
    assert_int_equal(type("\n"), LINE_MORE); /* CR LF is one key */
    assert_int_equal(type("two\n"), LINE_DONE);
    assert_string_equal(editor.text, "two");
    next_line();
    assert_int_equal(type("\n"), LINE_DONE); /* LF LF is two */
}

static void history(void)
{
    const char *lines[] = {"first\n", "second\n", "second\n", "\n"};
    for (unsigned i = 0; i < 4; i++) {
        type(lines[i]);
        next_line();
    }
    type("draft\033[A");
    check("second", 6);
    type("\033[A");
    check("first", 5); /* the repeated line and the empty one are not recorded */
    type("\033[A");
    check("first", 5);
    type("\033[B\033[B");
    check("draft", 5);
    type("\033[B");
    check("draft", 5);
}

static void test_history(void **state)
{
    (void)state;
    on_every_terminal(history);
}

static void history_keeps_the_newest(void)
{
    char line[32];
    for (unsigned i = 0; i < LINE_HISTORY + 5; i++) {
        snprintf(line, sizeof line, "line %u\n", i);
        type(line);
        next_line();
    }
    for (unsigned i = 0; i < LINE_HISTORY + 5; i++) {
        type("\033[A");
    }
    check("line 5", 6);
}

static void test_history_keeps_the_newest(void **state)
{
    (void)state;
    on_every_terminal(history_keeps_the_newest);
}

static void completion(void)
{
    type("b\t");
    check("banana ", 7);
    type("a\t");
    check("banana ap", 9); /* the common prefix */
    type("p\t");
    check("banana apple ", 13);
    type("zz\t");
    check("banana apple zz", 15);
    type("\x15"
         "ap\t"); /* nothing new */
    check("ap", 2);
    assert_int_equal(screen.bells > 0, true);
    type("\t"); /* second Tab: a list of candidates, and the line is drawn again */
    check("ap", 2);
    assert_string_equal(terminal_row(&screen, screen.row - 1),
                        screen.columns > 20 ? "apple    apricot" : "apple    apricot");
}

static void test_completion(void **state)
{
    (void)state;
    on_every_terminal(completion);
}

/* A directory that is being written to: each time the first name is
 * requested, the names are longer. */
static bool growing(void *ctx, const char *line, size_t word, unsigned i, char *out, bool *final)
{
    static const char *const names[][2] = {{"a", "b"}, {"a", "b"}, {"a", "b"}, {"aaaaaaaa", "bb"}};
    unsigned *passes = ctx;
    if (strlen(line + word) > 0 || i > 1) {
        return false;
    }
    *passes += i == 0 ? 1 : 0;
    strcpy(out, names[*passes <= 4 ? *passes - 1 : 3][i]);
    *final = true;
    return true;
}

static void test_names_may_grow_while_they_are_listed(void **state)
{
    (void)state;
    unsigned passes = 0;
    const struct line_completer grows = {.candidate = growing, .ctx = &passes};
    line_init(&editor, "> ", terminal_sink, &screen, &grows);
    next_line();
    type("\t\t");
    assert_int_equal(passes, 4);
    assert_string_equal(terminal_row(&screen, 1), "aaaaaaaa  bb");
    assert_string_equal(terminal_row(&screen, 2), ">");
}

static void test_a_full_line_accepts_no_more(void **state)
{
    (void)state;
    unsigned bells = screen.bells;
    for (unsigned i = 0; i < 1u << 20; i++) {
        type("x");
    }
    assert_int_equal(screen.bells, bells + 1); /* not one for each key */
    assert_int_equal(editor.len, LINE_MAX - 1);
    assert_int_equal(strlen(editor.text), LINE_MAX - 1);
    assert_int_equal(type("\r"), LINE_TOO_LONG); /* it is cut, so it must not run */
    next_line();
    assert_int_equal(type("ls\r"), LINE_DONE);
}

static void cancel(void)
{
    assert_int_equal(type("abc\003"), LINE_CANCEL);
    next_line();
    type("d");
    check("d", 1);
}

static void test_cancel(void **state)
{
    (void)state;
    on_every_terminal(cancel);
}

static void long_lines(void)
{
    char text[400] = "";
    for (unsigned i = 0; i < 60; i++) {
        char word[8];
        snprintf(word, sizeof word, "w%u ", i);
        strcat(text, word);
    }
    type(text);
    check(text, strlen(text));
    type("\001X"); /* Ctrl-A, then an insertion that shifts every row */
    memmove(text + 1, text, strlen(text) + 1);
    text[0] = 'X';
    check(text, 1);
    for (unsigned i = 0; i < 150; i++) {
        type("\033[C");
    }
    check(text, 151);
    type("\033[3~\033[3~\x7f");
    memmove(text + 150, text + 153, strlen(text + 153) + 1);
    check(text, 150);
    type("\033[F");
    check(text, strlen(text));
    for (unsigned i = 0; i < 100; i++) {
        type("\x7f");
    }
    text[strlen(text) - 100] = '\0';
    check(text, strlen(text));
    type("\001\013");
    check("", 0);
}

static void test_long_lines_wrap_and_shrink(void **state)
{
    (void)state;
    on_every_terminal(long_lines);
}

/* Lines that end exactly at the edge, one cell after it and one before. */
static void edges(void)
{
    for (size_t len = 15; len <= 135; len++) {
        char text[200];
        memset(text, 'a', len);
        text[len] = '\0';
        type(text);
        type("\033[D\033[C");
        check(text, len);
        type("\033[H");
        check(text, 0);
        type("\005\x7f");
        text[len - 1] = '\0';
        check(text, len - 1);
        type("\x15");
        check("", 0);
    }
}

static void test_the_edge_of_the_screen(void **state)
{
    (void)state;
    on_every_terminal(edges);
}

static void kill_and_yank(void)
{
    type("one two/three four\x17");
    check("one two/three ", 14);
    type("\x19\x19");
    check("one two/three fourfour", 22);
    type("\001\033f\013");
    check("one", 3);
    type("\001\x19");
    check(" two/three fourfourone", 19);
    type("\x15 a/b\033\x7f"); /* two kills backwards, yanked together */
    check(" a/one", 3);
    type("\x05\x15xx yy zz\x17\x17\x19");
    check("xx yy zz", 8);
    type("\x01\033d\033d\x19");
    check("xx yy zz", 5);
    type("\033b\033[1;5D");
    check("xx yy zz", 0);
    type("\033[1;5C");
    check("xx yy zz", 2);
}

static void test_kill_and_yank(void **state)
{
    (void)state;
    on_every_terminal(kill_and_yank);
}

static void characters(void)
{
    type("h\xc3\xa9\xe2\x82\xacl\xf0\x9f\x98\x80o");
    check("h\xc3\xa9\xe2\x82\xacl\xf0\x9f\x98\x80o", 12);
    type("\033[D\x7f\033[D\033[D\033[3~");
    check("h\xc3\xa9lo", 3);
    type("\x7f\001\033[C\xc3\xbc");
    check("h\xc3\xbclo", 3);
    type("\x15\x0b");
    /* truncated, stray, control, overlong, surrogate */
    type("a\xc3z\x80\xff\xc2\x9b\xc0\xafq\xed\xa0\x80.");
    check("a?z?????q?.", 11);
}

static void test_invalid_bytes_become_question_marks(void **state)
{
    (void)state;
    on_every_terminal(characters);
}

#define WIDE "\xe6\x97\xa5" /* U+65E5 */
#define MARK "\xcc\x81"     /* U+0301, an acute accent */

static void wide_characters(void)
{
    type("a" WIDE "b\xf0\x9f\x98\x80\x7f");
    check("a" WIDE "b", 5);
    type("\033[D\x7f");
    check("ab", 1);
    type(WIDE WIDE "\033[D\033[D\033[3~x");
    check("ax" WIDE "b", 2);
    type("\x0b\x15");
    /* at least two rows, with a gap where a wide character does not fit */
    for (unsigned i = 0; i < 100; i++) {
        type(WIDE);
    }
    type("\001y\033[C\033[C\033[Cz\005\x7f\x7f");
    char text[LINE_MAX] = "y" WIDE WIDE WIDE "z";
    for (unsigned i = 3; i < 98; i++) {
        strcat(text, WIDE);
    }
    check(text, strlen(text));
    type("\001\033[3~");
    check(text + 1, 0);
    type("\x0b");
    check("", 0);
}

static void test_wide_characters_are_two_columns(void **state)
{
    (void)state;
    on_every_terminal(wide_characters);
}

static void combining_characters(void)
{
    type("cafe" MARK MARK "s");
    check("cafe" MARK MARK "s", 9);
    type("\x7f\x7f");
    check("caf", 3);
    type("e" MARK "\033[D\033[D" MARK "\033[C");
    check("ca" MARK "fe" MARK, 5);
    type("\033[D\033[D\033[3~");
    check("cfe" MARK, 1);
    type("\001" MARK "\005\x7f\x7f\x7f\x7f\x7f");
    check("", 0);
}

static void test_combining_characters_follow_their_base(void **state)
{
    (void)state;
    on_every_terminal(combining_characters);
}

static void test_combining_characters_are_written_after_their_base(void **state)
{
    (void)state;
    start_on(20, true);
    type("abcdefghijklmnopq\033[D\033[Cr" MARK); /* this fills the row */
    assert_int_equal(screen.combined_row, 0);
    assert_int_equal(screen.combined_column, 19);
    check("abcdefghijklmnopqr" MARK, 20);
    type("\x15"
         "abc\001\033[C" MARK);
    assert_int_equal(screen.combined_column, 2);
    check("a" MARK "bc", 3);
}

/* A terminal's reply to a query of a program that has ended, not of the line editor. */
static void test_a_terminals_replies_are_not_text(void **state)
{
    (void)state;
    static const char *const strings[] = {
        "\033]11;rgb:0000/0000/0000\033\\",
        "\033]0;title\a",
        "\033P1+r544e=787465726d\033\\",
        "\033_Gi=31;OK\033\\",
        "\033^private\033\\",
        "\033Xanything\033\\",
        "\033]52;c;" WIDE MARK "\a",
    };
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        type("a");
        type(strings[i]);
        type("b\033[D");
        check("ab", 1);
        type("\005\x15");
    }
    /* by another sequence, a control character, the end of the line */
    type("x\033]cut off\033[Dy");
    check("yx", 1);
    type("\005\x15x\033Pcut off\001y");
    check("yx", 1);
    assert_int_equal(type("\033_cut off\r"), LINE_DONE);
    assert_string_equal(editor.text, "yx");
    next_line();
    assert_int_equal(type("\033]cut off\003"), LINE_CANCEL);
    next_line();
    type("z");
    check("z", 1);
}

static void searching(void)
{
    const char *lines[] = {"ls /bin\n", "cat /etc/motd\n", "ls /tmp\n", "mem\n"};
    for (unsigned i = 0; i < 4; i++) {
        type(lines[i]);
        next_line();
    }
    type("draft\022ls");
    assert_string_equal(editor.text, "ls /tmp");
    type("\022");
    assert_string_equal(editor.text, "ls /bin");
    type("\022"); /* no older match: the line stays */
    assert_string_equal(editor.text, "ls /bin");
    type("\007");
    check("draft", 5);
    type("\022mot\001");
    check("cat /etc/motd", 0);
    assert_int_equal(type("\022me\x7f\x7f"
                          "bin\n"),
                     LINE_DONE);
    assert_string_equal(editor.text, "ls /bin");
    next_line();
    type("\033[A\033[A");
    check("mem", 3); /* a repeated line is recorded once, as the newest */
    type("\033[A");
    check("ls /tmp", 7);
}

static void test_search(void **state)
{
    (void)state;
    on_every_terminal(searching);
}

static void test_the_end_of_input_on_an_empty_line_only(void **state)
{
    (void)state;
    assert_int_equal(type("a\033[D\004\004"), LINE_END);
}

/* A script sends lines and sees each echoed once, without a control sequence. */
static void test_a_script_sees_no_control_sequence(void **state)
{
    (void)state;
    start_on(80, false);
    const char *keys = "help\nls /bin\r\n\nwrite /tmp/x some text that is longer than any row of a "
                       "terminal of eighty columns would be\nhelx\x7fp\nabc\003\004ban\t\n";
    for (; *keys != '\0'; keys++) {
        if (feed((uint8_t)*keys) != LINE_MORE) {
            line_reset(&editor);
        }
        assert_false(line_is_waiting(&editor));
    }
    assert_int_equal(screen.escapes, 0);
    assert_string_equal(terminal_row(&screen, 0), "> help");
    assert_string_equal(terminal_row(&screen, 1), "> ls /bin");
    assert_string_equal(terminal_row(&screen, 2), ">");
    assert_string_equal(terminal_row(&screen, 5), "> help");
    assert_string_equal(terminal_row(&screen, 6), "> abc^C");
}

static void test_typed_keys_wait_for_the_terminals_reply(void **state)
{
    (void)state;
    feed('a');
    feed(0x01);
    assert_true(line_is_waiting(&editor));
    feed('b');
    feed('\033'); /* an arrow key, not the reply */
    feed('[');
    feed('C');
    assert_string_equal(editor.text, "a");
    for (const char *p = screen.answer; *p != '\0'; p++) {
        feed((uint8_t)*p);
    }
    assert_false(line_is_waiting(&editor));
    assert_int_equal(editor.screen.columns, 80);
    check("ba", 2);
}

static void test_a_terminal_that_never_replies_is_asked_twice(void **state)
{
    (void)state;
    start_on(TERMINAL_COLUMNS, false);
    for (unsigned i = 0; i < 5; i++) {
        type("abc\001x\n");
        next_line();
    }
    assert_int_equal(screen.escapes, 8); /* two queries of four sequences each */
}

static void test_a_window_may_change_between_prompts(void **state)
{
    (void)state;
    type("abc\001");
    assert_int_equal(editor.screen.columns, 80);
    type("\n");
    screen.columns = 30;
    next_line();
    assert_int_equal(editor.screen.columns, 30);
    char text[101];
    memset(text, 'x', 100);
    text[100] = '\0';
    type(text);
    type("\001y\005");
    memmove(text + 1, text, 100);
    text[0] = 'y';
    type("\x7f");
    text[100] = '\0';
    check(text, 100);
}

static void test_wrong_widths_are_bounded(void **state)
{
    (void)state;
    const char *answers[] = {"\033[1;0R", "\033[1;99999999999999R", "\033[;R", "\033[1;1;1R"};
    for (unsigned i = 0; i < 4; i++) {
        start_on(80, false);
        feed(0x01);
        for (const char *p = answers[i]; *p != '\0'; p++) {
            feed((uint8_t)*p);
        }
        (void)line_timeout(&editor);
        assert_true(editor.screen.columns == 0 ||
                    (editor.screen.columns >= 8 && editor.screen.columns <= 1000));
    }
}

static uint8_t random_byte(void)
{
    static const char keys[] =
        "abcdefgh  /\b\t\n\033[ABCDHF~13;\001\005\013\025\027\031\020\016\022\007"
        "\xc3\xa9" WIDE WIDE MARK;
    static uint32_t x = 1;
    static size_t at; /* position in `keys`: most characters arrive whole */
    x = x * 1664525u + 1013904223u;
    if ((x >> 8) % 16 == 0) {
        return (uint8_t)(x >> 16);
    }
    bool is_inside = at > 0 && ((uint8_t)keys[at] & 0xc0) == 0x80;
    at = is_inside ? at : (x >> 16) % (sizeof keys - 1);
    return (uint8_t)keys[at++];
}

static void random_keys(void)
{
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t key = random_byte();
        enum line_event event = feed(key);
        event = event == LINE_MORE ? settle() : event;
        while (event != LINE_MORE) {
            line_reset(&editor);
            event = settle();
            event = event == LINE_MORE ? line_resume(&editor) : event;
        }
        assert_true(editor.cursor <= editor.len && editor.len < LINE_MAX);
        assert_int_equal(strlen(editor.text), editor.len);
        if (!editor.is_searching && !line_is_waiting(&editor)) {
            check(editor.text, editor.cursor);
        }
    }
}

/* Any keys: the screen always shows the text. */
static void test_random_keys(void **state)
{
    (void)state;
    on_every_terminal(random_keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_typing_and_deleting, start),
        cmocka_unit_test_setup(test_editing_in_the_middle, start),
        cmocka_unit_test_setup(test_every_form_of_enter_returns_the_line, start),
        cmocka_unit_test_setup(test_history, start),
        cmocka_unit_test_setup(test_history_keeps_the_newest, start),
        cmocka_unit_test_setup(test_completion, start),
        cmocka_unit_test_setup(test_names_may_grow_while_they_are_listed, start),
        cmocka_unit_test_setup(test_a_full_line_accepts_no_more, start),
        cmocka_unit_test_setup(test_cancel, start),
        cmocka_unit_test_setup(test_long_lines_wrap_and_shrink, start),
        cmocka_unit_test_setup(test_the_edge_of_the_screen, start),
        cmocka_unit_test_setup(test_kill_and_yank, start),
        cmocka_unit_test_setup(test_invalid_bytes_become_question_marks, start),
        cmocka_unit_test_setup(test_wide_characters_are_two_columns, start),
        cmocka_unit_test_setup(test_combining_characters_follow_their_base, start),
        cmocka_unit_test_setup(test_combining_characters_are_written_after_their_base, start),
        cmocka_unit_test_setup(test_a_terminals_replies_are_not_text, start),
        cmocka_unit_test_setup(test_search, start),
        cmocka_unit_test_setup(test_the_end_of_input_on_an_empty_line_only, start),
        cmocka_unit_test_setup(test_a_script_sees_no_control_sequence, start),
        cmocka_unit_test_setup(test_typed_keys_wait_for_the_terminals_reply, start),
        cmocka_unit_test_setup(test_a_terminal_that_never_replies_is_asked_twice, start),
        cmocka_unit_test_setup(test_a_window_may_change_between_prompts, start),
        cmocka_unit_test_setup(test_wrong_widths_are_bounded, start),
        cmocka_unit_test_setup(test_random_keys, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
