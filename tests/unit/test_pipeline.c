// SPDX-License-Identifier: MIT
//
// Parsing a shell line: words, bars, redirections, quotes, and errors.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/shell/pipeline.h"

static struct pipeline p;

/* "a b <in >>out | c": the words and files of each command, as parsed. */
static const char *parsed(const char *line)
{
    static char text[512];
    const char *why = NULL;
    text[0] = '\0';
    if (!pipeline_parse(line, &p, &why)) {
        return why;
    }
    for (unsigned i = 0; i < p.count; i++) {
        const struct pipeline_stage *s = &p.stages[i];
        strcat(text, i > 0 ? " | " : "");
        for (int n = 0; n < s->argc; n++) {
            strcat(text, "[");
            strcat(text, s->argv[n]);
            strcat(text, "]");
        }
        assert_null(s->argv[s->argc]);
        for (unsigned n = 0; n < LOAD_FILES; n++) {
            if (s->path[n] != NULL) {
                static const char *const signs[] = {"<", ">", "2>"};
                strcat(text, signs[n]);
                strcat(text, s->appends[n] ? ">" : "");
                strcat(text, s->path[n]);
            }
        }
    }
    return text;
}

static void test_words_bars_and_files(void **state)
{
    (void)state;
    assert_string_equal(parsed(""), "");
    assert_string_equal(parsed("  \t "), "");
    assert_string_equal(parsed("ls /bin"), "[ls][/bin]");
    assert_string_equal(parsed("a b|c d | e"), "[a][b] | [c][d] | [e]");
    assert_string_equal(parsed("a <in >out"), "[a]<in>out");
    assert_string_equal(parsed("a>>out 2>>err"), "[a]>>out2>>err");
    assert_string_equal(parsed("<in a"), "[a]<in");
    assert_string_equal(parsed("a x2>out"), "[a][x2]>out");
    assert_string_equal(parsed("a x2>>out"), "[a][x2]>>out");
    assert_string_equal(parsed("a 2 >out"), "[a][2]>out");
    assert_string_equal(parsed("a 2>err|b<"), "a file is missing after < or >");
    assert_string_equal(parsed("a 2>err | b >last"), "[a]2>err | [b]>last");
}

static void test_quotes_remove_special_meaning(void **state)
{
    (void)state;
    assert_string_equal(parsed("a '|' \"<\" \\> b"), "[a][|][<][>][b]");
    assert_string_equal(parsed("a 'x > y' \"it\\\"s | so\""), "[a][x > y][it\"s | so]");
    assert_string_equal(parsed("a \\'>out"), "[a][']>out");
    assert_string_equal(parsed("a > 'two words'"), "[a]>two words");
    assert_string_equal(parsed("a ''>out"), "[a][]>out");
}

static void test_invalid_lines_are_refused(void **state)
{
    (void)state;
    assert_string_equal(parsed("| a"), "a command is missing beside |");
    assert_string_equal(parsed("a || b"), "a command is missing beside |");
    assert_string_equal(parsed("a |"), "a command is missing beside |");
    assert_string_equal(parsed("a >"), "a file is missing after < or >");
    assert_string_equal(parsed("a > | b"), "a file is missing after < or >");
    assert_string_equal(parsed("> x"), "a command is missing before < or >");
    assert_string_equal(parsed("a >x >y"), "redirected twice");
    assert_string_equal(parsed("a >x | b"), "redirected twice: by | and by < or >");
    assert_string_equal(parsed("a | b <x"), "redirected twice: by | and by < or >");
    assert_string_equal(parsed("a|a|a|a|a|a|a|a|a"), "more than 8 commands");
}

static void test_limits(void **state)
{
    (void)state;
    char line[4096];
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\0';
    assert_string_equal(parsed(line), "too long");
    memset(line, '|', 2000);
    line[2000] = '\0';
    assert_string_equal(parsed(line), "too long");
    for (unsigned i = 0; i < 65; i++) {
        memcpy(line + 2 * i, "a ", 2);
    }
    line[2 * 65] = '\0';
    assert_string_equal(parsed(line), "more than 64 words");
    line[2 * 64] = '\0';
    (void)parsed(line);
    assert_int_equal(p.stages[0].argc, 64);
    assert_string_equal(parsed("a \\"), "[a][\\]");
    assert_string_equal(parsed("a 'x"), "[a][x]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_bars_and_files),
        cmocka_unit_test(test_quotes_remove_special_meaning),
        cmocka_unit_test(test_invalid_lines_are_refused),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
