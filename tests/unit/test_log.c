// SPDX-License-Identifier: MIT
//
// The log: what the ring keeps, and what the console shows when. The ring is static and lasts for
// the whole program, so tests count from the line at which they start.
#include "kernel/base/log_console.h"

#include "fake/fake.h"
#include "kernel/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char shown[1 << 20];

/* A console that is always ready and reads every line. */
static uint64_t next_line;

static void show(void)
{
    char line[LOG_LINE_MAX];
    uint64_t missed = 0;
    size_t len;
    while ((len = log_next_line(&next_line, &missed, false, line)) > 0) {
        strncat(shown, line, len);
    }
}

/** The number of the next line. */
static uint64_t end_of_log(void)
{
    uint64_t at = 0;
    struct log_record r;
    while (log_read(&at, &r)) {
    }
    return at;
}

static int set_up(void **state)
{
    (void)state;
    fake_reset();
    clock_init();
    shown[0] = '\0';
    log_set_console(show, NULL);
    next_line = log_end();
    log_set_console_level(LOG_INFO);
    return 0;
}

static void test_a_line_is_read_back_and_shown(void **state)
{
    (void)state;
    uint64_t at = end_of_log();
    fake_counter += 12 * FAKE_COUNTER_HZ + 345678000;
    log_info("pci", "found %d of %s", 3, "them");
    struct log_record r;
    uint64_t first = at;
    assert_true(log_read(&at, &r));
    assert_int_equal(r.sequence, first);
    assert_int_equal(at, first + 1);
    assert_string_equal(r.text, "pci: found 3 of them");
    assert_int_equal(r.level, LOG_INFO);
    assert_false(log_read(&at, &r));
    assert_non_null(strstr(shown, " 0] pci: found 3 of them\n"));
}

static void test_foreign_text_cannot_drive_a_terminal(void **state)
{
    (void)state;
    uint64_t at = end_of_log();
    struct log_record r;
    log_info("blk", "a disk named %s", "x\033[2J\nerror: y\xc2");
    assert_true(log_read(&at, &r));
    assert_string_equal(r.text, "blk: a disk named x?[2J?error: y?");
    assert_non_null(strstr(shown, "named x?[2J?error: y?\n"));
}

static void test_levels_decide_what_is_shown(void **state)
{
    (void)state;
    uint64_t at = end_of_log();
    log_debug("a", "quiet");
    log_warn("a", "odd");
    log_error("a", "bad");
    assert_null(strstr(shown, "quiet"));
    assert_non_null(strstr(shown, "] warning: a: odd\n"));
    assert_non_null(strstr(shown, "] error: a: bad\n"));
    struct log_record r;
    assert_true(log_read(&at, &r));
    assert_string_equal(r.text, "a: quiet");
}

static void test_the_early_console_works_before_the_others(void **state)
{
    (void)state;
    log_set_console(NULL, NULL);
    log_info("a", "early");
    assert_non_null(strstr(fake_console_text(), "a: early\n"));
}

static void keep(void)
{
}

static void test_a_slow_reader_learns_how_much_it_missed(void **state)
{
    (void)state;
    char line[LOG_LINE_MAX];
    uint64_t at = log_end(), missed = 0;
    uint64_t first = at;
    log_set_console(keep, NULL);
    for (unsigned i = 0; i < 1500; i++) { /* the ring holds 1024 */
        log_info("n", "%u", i);
    }
    assert_true(log_next_line(&at, &missed, false, line) > 0);
    assert_int_equal(missed, 1500 - 1024);
    assert_non_null(strstr(line, "n: 476\n"));
    assert_int_equal(at, first + 477);
    missed = 0;
    assert_true(log_next_line(&at, &missed, false, line) > 0);
    assert_int_equal(missed, 0);
}

static void test_a_line_in_the_colours_of_its_level(void **state)
{
    (void)state;
    char line[LOG_LINE_MAX];
    uint64_t at = end_of_log(), missed = 0;
    log_error("disk", "gone [x]");
    size_t len = log_next_line(&at, &missed, true, line);
    line[len] = '\0';
    assert_memory_equal(line, "\x1b[90m[", 6);
    assert_string_equal(strchr(line, ']'), "]\x1b[91m error: disk: gone [x]\x1b[m\n");
    log_info("disk", "back");
    len = log_next_line(&at, &missed, true, line);
    line[len] = '\0';
    assert_string_equal(strchr(line, ']'), "]\x1b[36m disk:\x1b[m back\n");
}

static void test_long_text_is_truncated(void **state)
{
    (void)state;
    char text[600];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    uint64_t at = end_of_log();
    log_info("a", "%s", text);
    struct log_record r;
    assert_true(log_read(&at, &r));
    assert_int_equal(strlen(r.text), sizeof(r.text) - 1);
    assert_int_equal(strncmp(r.text, "a: xxx", 6), 0);
    assert_int_equal(shown[strlen(shown) - 1], '\n');
}

static void test_old_lines_are_dropped_and_the_rest_is_intact(void **state)
{
    (void)state;
    log_set_console_level(LOG_ERROR);
    uint64_t first = end_of_log();
    for (unsigned i = 0; i < 5000; i++) { /* more than the ring holds, of many lengths */
        log_info("n", "%u %.*s", i, (int)(i % 200),
                 "--------------------------------------------------------------------------------"
                 "--------------------------------------------------------------------------------"
                 "----------------------------------------");
    }
    uint64_t at = 0, seen = 0;
    struct log_record r;
    while (log_read(&at, &r)) {
        unsigned i = (unsigned)(r.sequence - first);
        char expected[32];
        snprintf(expected, sizeof(expected), "n: %u ", i);
        assert_int_equal(strncmp(r.text, expected, strlen(expected)), 0);
        assert_int_equal(strlen(r.text), strlen(expected) + i % 200);
        seen++;
    }
    assert_int_equal(at, first + 5000);
    assert_in_range(seen, 300, 1024);
}

static void test_short_lines_are_limited_by_their_number(void **state)
{
    (void)state;
    log_set_console_level(LOG_ERROR);
    for (unsigned i = 0; i < 3000; i++) {
        log_info("n", "%u", i);
    }
    uint64_t at = 0, seen = 0;
    struct log_record r;
    while (log_read(&at, &r)) {
        seen++;
    }
    assert_int_equal(seen, 1024);
}

static void log_and_show(void)
{
    static bool has_logged;
    if (!has_logged) {
        has_logged = true;
        log_info("irq", "in between");
    }
    show();
}

/* An interrupt handler logs after a line was added and before it is shown. */
static void test_a_line_logged_while_one_is_shown_tears_nothing(void **state)
{
    (void)state;
    log_set_console(log_and_show, NULL);
    log_info("a", "outer");
    const char *outer = strstr(shown, "a: outer\n"), *inner = strstr(shown, "irq: in between\n");
    assert_true(outer != NULL && inner != NULL && outer < inner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_line_is_read_back_and_shown, set_up),
        cmocka_unit_test_setup(test_foreign_text_cannot_drive_a_terminal, set_up),
        cmocka_unit_test_setup(test_levels_decide_what_is_shown, set_up),
        cmocka_unit_test_setup(test_the_early_console_works_before_the_others, set_up),
        cmocka_unit_test_setup(test_a_slow_reader_learns_how_much_it_missed, set_up),
        cmocka_unit_test_setup(test_a_line_in_the_colours_of_its_level, set_up),
        cmocka_unit_test_setup(test_long_text_is_truncated, set_up),
        cmocka_unit_test_setup(test_old_lines_are_dropped_and_the_rest_is_intact, set_up),
        cmocka_unit_test_setup(test_short_lines_are_limited_by_their_number, set_up),
        cmocka_unit_test_setup(test_a_line_logged_while_one_is_shown_tears_nothing, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
