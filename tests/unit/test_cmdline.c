// SPDX-License-Identifier: MIT
//
// The kernel command line, and splitting a program's arguments.
#include "kernel/boot/cmdline.h"

#include "kernel/base/log.h"
#include "kernel/lib/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct cmdline c;

static void test_nothing_means_shell(void **state)
{
    (void)state;
    cmdline_parse("", &c);
    assert_true(c.shell);
    assert_null(c.run);
    assert_null(c.test);
    assert_null(c.bench);
    assert_int_equal(c.loglevel, -1);
    assert_int_equal(c.maxcpus, 0);
    assert_int_equal(c.unknown_count, 0);
    assert_string_equal(c.run_args, "");
    cmdline_parse("poweroff", &c);
    assert_false(c.shell);
    assert_true(c.poweroff);
}

static void test_known_words(void **state)
{
    (void)state;
    cmdline_parse(" test  bench=heap.* loglevel=debug maxcpus=0x4 poweroff\tshell ", &c);
    assert_string_equal(c.test, "*");
    assert_string_equal(c.bench, "heap.*");
    assert_int_equal(c.loglevel, LOG_DEBUG);
    assert_int_equal(c.maxcpus, 4);
    assert_true(c.poweroff && c.shell);
    assert_false(c.trace);
    assert_int_equal(c.unknown_count, 0);
    assert_int_equal(c.preempt_seed, 0);
    assert_int_equal(c.watchdog_s, 10);
    cmdline_parse("test= loglevel=1 trace watchdog=0 preempt=77", &c);
    assert_int_equal(c.preempt_seed, 77);
    assert_int_equal(c.watchdog_s, 0);
    assert_true(c.trace);
    assert_string_equal(c.test, "*");
    assert_int_equal(c.loglevel, LOG_WARN);
}

static void test_run_takes_the_rest_verbatim(void **state)
{
    (void)state;
    cmdline_parse("poweroff run=/bin/a.elf --   x=1 'two  words' -- test", &c);
    assert_string_equal(c.run, "/bin/a.elf");
    assert_string_equal(c.run_args, "x=1 'two  words' -- test");
    assert_null(c.test);
    cmdline_parse("run='/a b/c' --", &c);
    assert_string_equal(c.run, "/a b/c");
    assert_string_equal(c.run_args, "");
    cmdline_parse("run='/a \"b\" \\c' -- \\x", &c);
    assert_string_equal(c.run, "/a \"b\" \\c");
    assert_string_equal(c.run_args, "\\x");
    cmdline_parse("\"run=/a \\\"b\\\" \\\\c\" -- x", &c); /* the same as GRUB writes it */
    assert_string_equal(c.run, "/a \"b\" \\c");
    assert_string_equal(c.run_args, "x");
    cmdline_parse("run=/it\\'s -- x", &c);
    assert_string_equal(c.run, "/it's");
    assert_string_equal(c.run_args, "x");
}

static void test_a_program_may_be_kept_in_folders(void **state)
{
    (void)state;
    cmdline_parse("run=/bin/a.wasm", &c);
    assert_false(c.is_kept_in);
    cmdline_parse("no-dir run=/bin/a.wasm -- no-dir dir=/x", &c);
    assert_true(c.is_kept_in);
    assert_int_equal(c.folder_count, 0);
    assert_string_equal(c.run_args, "no-dir dir=/x");
    cmdline_parse("dir=/files 'dir=/a b::/' run=/bin/a.wasm", &c);
    assert_true(c.is_kept_in);
    assert_int_equal(c.folder_count, 2);
    assert_string_equal(c.folders[0], "/files");
    assert_string_equal(c.folders[1], "/a b::/");
    assert_int_equal(c.unknown_count, 0);
    /* An invalid word does not cancel the valid ones. */
    cmdline_parse("dir= run=/bin/a.wasm", &c);
    assert_true(c.is_kept_in);
    assert_int_equal(c.folder_count, 0);
    assert_int_equal(c.unknown_count, 1);
    cmdline_parse("dir=1 dir=2 dir=3 dir=4 dir=5 dir=6 dir=7 dir=8 dir=9", &c);
    assert_int_equal(c.folder_count, LOAD_FOLDERS);
    assert_string_equal(c.unknown[0], "dir=9");
}

static void test_unknown_and_malformed_words_are_listed(void **state)
{
    (void)state;
    cmdline_parse("quiet run= loglevel=9 maxcpus=0 maxcpus=many tests \"a b\" preempt=0 "
                  "preempt=4294967296",
                  &c);
    assert_int_equal(c.unknown_count, 9);
    assert_int_equal(c.preempt_seed, 0);
    assert_string_equal(c.unknown[0], "quiet");
    assert_string_equal(c.unknown[1], "run=");
    assert_string_equal(c.unknown[5], "tests");
    assert_string_equal(c.unknown[6], "a b");
    assert_true(c.shell);

    char many[200] = "";
    for (int i = 0; i < 40; i++) {
        strcat(many, "w ");
    }
    cmdline_parse(many, &c);
    assert_int_equal(c.unknown_count, 40);
}

static void test_long_text_is_truncated_inside_its_buffer(void **state)
{
    (void)state;
    char *text = malloc(5000);
    memset(text, 'a', 4999);
    text[4999] = '\0';
    cmdline_parse(text, &c);
    assert_int_equal(c.unknown_count, 1);
    assert_int_equal(strlen(c.unknown[0]), sizeof(c.text) - 1);
    text[0] = '"'; /* an unterminated quote */
    cmdline_parse(text, &c);
    assert_int_equal(c.unknown_count, 1);
    free(text);
}

static void check_split(const char *text, int count, ...)
{
    char copy[64], *argv[4];
    strcpy(copy, text);
    assert_int_equal(words_split(copy, argv, 4), count);
    va_list args;
    va_start(args, count);
    for (int i = 0; i < count; i++) {
        assert_string_equal(argv[i], va_arg(args, const char *));
    }
    va_end(args);
}

static void test_split(void **state)
{
    (void)state;
    check_split("", 0);
    check_split("  \t ", 0);
    check_split("a  b", 2, "a", "b");
    check_split("'a b' \"c d\"e", 2, "a b", "c de");
    check_split("a\\ b \\\\ '\\n' \"\\\"\"", 4, "a b", "\\", "\\n", "\"");
    check_split("'' x", 2, "", "x");
    check_split("'open", 1, "open");
    check_split("end\\", 1, "end\\");
    check_split("a b c d", 4, "a", "b", "c", "d");
    check_split("a b c d e", E_OVERFLOW);
}

static void test_addresses_may_be_the_same_each_time(void **state)
{
    (void)state;
    static struct cmdline c;
    cmdline_parse("shell", &c);
    assert_false(c.no_aslr);
    cmdline_parse("aslr=off", &c);
    assert_true(c.no_aslr);
    assert_int_equal(c.unknown_count, 0);
    cmdline_parse("aslr=on", &c); /* the default */
    assert_false(c.no_aslr);
    assert_int_equal(c.unknown_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_may_be_the_same_each_time),
        cmocka_unit_test(test_nothing_means_shell),
        cmocka_unit_test(test_known_words),
        cmocka_unit_test(test_run_takes_the_rest_verbatim),
        cmocka_unit_test(test_a_program_may_be_kept_in_folders),
        cmocka_unit_test(test_unknown_and_malformed_words_are_listed),
        cmocka_unit_test(test_long_text_is_truncated_inside_its_buffer),
        cmocka_unit_test(test_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
