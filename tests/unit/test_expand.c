// SPDX-License-Identifier: MIT
//
// Words of the shell: variables, quotes, patterns; hostile names; memory that runs out.
#include "kernel/fs/vfs.h"
#include "kernel/shell/expand.h"
#include "kernel/shell/session.h"

#include "fs/fs_env.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char parameter_0[] = "script", parameter_1[] = "one two", parameter_2[] = "*";
static char *parameters[] = {parameter_0, parameter_1, parameter_2, NULL};
static _Atomic bool end;
static size_t arena_limit = SHELL_WORDS_MAX;

static const char *get(void *ctx, const char *name, size_t len)
{
    (void)ctx;
    return len == 1 && *name == 'X'   ? "x  y"
           : len == 1 && *name == 'E' ? ""
           : len == 1 && *name == 'Q' ? "'\\\"$X"
           : len == 1 && *name == 'P' ? "/tmp/d/*.c"
                                      : NULL;
}

static struct expand_source source = {
    .get = get, .cwd = "/tmp", .argv = parameters, .argc = 3, .status = 42, .end = &end};

static enum status expand(const char *line, char *out, size_t size)
{
    struct arena arena;
    struct syntax_pipe *list = NULL;
    struct syntax_error error;
    struct expand_list words = {0};
    arena_init(&arena, arena_limit);
    enum status s = E_NOMEM;
    if (syntax_parse(line, &arena, &list, &error)) {
        s = expand_words(&source, &arena, list->commands->words, &words);
    }
    out[0] = '\0';
    for (uint32_t i = 0; i < words.count && s == OK; i++) {
        int n = snprintf(out, size, "[%s]", words.argv[i]);
        assert_in_range(n, 0, size - 1);
        out += n;
        size -= (size_t)n;
    }
    if (words.argv != NULL) {
        assert_null(words.argv[words.count]);
    }
    arena_free_all(&arena);
    return s;
}

static const char *expanded(const char *line)
{
    static char text[4096];
    assert_int_equal(expand(line, text, sizeof text), OK);
    return text;
}

static void touch(const char *path)
{
    struct file *f;
    assert_int_equal(vfs_open(NULL, path, VFS_WRITE | VFS_CREATE, &f), OK);
    file_close(f);
}

static int setup(void **state)
{
    (void)state;
    static const char *const names[] = {"a.c",       "b.c",     "c.h", ".hidden.c", "a b",
                                        "new\nline", "\033[2J", "[x]", "\xc3\xa4.c"};
    env_reset();
    env_allocations_left = -1;
    env_pages = 1 << 16;
    if (vfs_init() != OK || vfs_mkdir(NULL, "/tmp/d") != OK ||
        vfs_mkdir(NULL, "/tmp/d/sub") != OK) {
        return -1;
    }
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[64];
        sprintf(path, "/tmp/d/%s", names[i]);
        touch(path);
    }
    touch("/tmp/d/sub/z.c");
    return 0;
}

static void test_variables_and_quotes(void **state)
{
    (void)state;
    assert_string_equal(expanded("a 'b c' \"d e\" f\\ g h'i'\"j\""), "[a][b c][d e][f g][hij]");
    assert_string_equal(expanded("$X \"$X\" '$X' \\$X"), "[x][y][x  y][$X][$X]");
    assert_string_equal(expanded("a${X}b $Xb \"${X}b\""), "[ax][yb][x  yb]");
    assert_string_equal(expanded("$E $none \"$E\" '' \"\""), "[][][]");
    assert_string_equal(expanded("$Q \"$Q\""), "['\\\"$X]['\\\"$X]");
    assert_string_equal(expanded("$? $# $0 \"$1\" $1 \"$9\""),
                        "[42][2][script][one two][one][two][]");
    assert_string_equal(expanded("\"$@\" \"a$@b\""), "[one two][*][aone two][*b]");
    assert_string_equal(expanded("$ \"$\" a$ \"a\\b\\$\\\"\""), "[$][$][a$][a\\b$\"]");
    assert_string_equal(expanded("a\\\nb \"c\\\nd\" 'e\\\nf'"), "[ab][cd][e\\\nf]");
}

static void test_no_parameters_make_no_argument(void **state)
{
    (void)state;
    source.argc = 1;
    assert_string_equal(expanded("a \"$@\" $@ b \"$1\""), "[a][b][]");
    source.argc = 3;
}

static void test_patterns_become_sorted_names(void **state)
{
    (void)state;
    assert_string_equal(expanded("d/*.c"), "[d/a.c][d/b.c][d/\xc3\xa4.c]");
    assert_string_equal(expanded("/tmp/d/?.c"), "[/tmp/d/a.c][/tmp/d/b.c][/tmp/d/\xc3\xa4.c]");
    assert_string_equal(expanded("d/.*c d/[!a].c"), "[d/.hidden.c][d/b.c]");
    assert_string_equal(expanded("d/[a-b].c d/[]x].c"), "[d/a.c][d/b.c][d/[]x].c]");
    assert_string_equal(expanded("*/*/z.c d/s*/../c.h"), "[d/sub/z.c][d/sub/../c.h]");
    assert_string_equal(expanded("d/sub/*/ d/*/"), "[d/sub/*/][d/sub/]");
    assert_string_equal(expanded("$P \"$P\""),
                        "[/tmp/d/a.c][/tmp/d/b.c][/tmp/d/\xc3\xa4.c][/tmp/d/*.c]");
    assert_string_equal(expanded("d/\\[x] d/'['* d/[[]x]"), "[d/[x]][d/[x]][d/[x]]");
}

static void test_a_pattern_without_a_match_stays(void **state)
{
    (void)state;
    assert_string_equal(expanded("d/*.none '*' \"d/*\" \\* a[ [a"),
                        "[d/*.none][*][d/*][*][a[][[a]");
    assert_string_equal(expanded("d/a.c/* none/*"), "[d/a.c/*][none/*]");
}

/* A name is one argument, whatever bytes it has. */
static void test_hostile_names_are_arguments(void **state)
{
    (void)state;
    assert_string_equal(expanded("d/n*"), "[d/new\nline]");
    assert_string_equal(expanded("d/a\\ * d/*J"), "[d/a b][d/\033[2J]");
}

static void test_a_pattern_that_needs_backtracking_ends(void **state)
{
    (void)state;
    char pattern[200] = "", name[200];
    for (unsigned i = 0; i < 60; i++) {
        strcat(pattern, "*a");
    }
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_true(glob_match(pattern, strlen(pattern), name));
    name[sizeof name - 2] = 'b';
    assert_false(glob_match(pattern, strlen(pattern), name));
}

static void test_many_names_match_or_are_refused(void **state)
{
    (void)state;
    static char out[2 << 20];
    assert_int_equal(vfs_mkdir(NULL, "/tmp/many"), OK);
    for (unsigned i = 0; i < 100000; i++) {
        char path[64];
        sprintf(path, "/tmp/many/name%05u", i);
        touch(path);
    }
    assert_int_equal(expand("many/*", out, sizeof out), OK);
    size_t len = strlen(out);
    assert_int_equal(len, 100000 * strlen("[many/name00000]"));
    assert_int_equal(strncmp(out, "[many/name00000][many/name00001]", 32), 0);
    assert_string_equal(out + len - 16, "[many/name99999]");
    arena_limit = 1 << 20;
    assert_int_equal(expand("many/*", out, sizeof out), E_NOMEM);
    arena_limit = SHELL_WORDS_MAX;
}

static void test_ctrl_c_ends_a_search(void **state)
{
    (void)state;
    char out[64];
    end = true;
    assert_int_equal(expand("d/*", out, sizeof out), E_CANCELLED);
    end = false;
}

/* Each allocation fails in turn, with all later ones: an error, and nothing leaks. */
static void test_memory_that_runs_out(void **state)
{
    (void)state;
    char out[4096];
    size_t live = env_live_objects();
    enum status s = E_NOMEM;
    unsigned n = 0;
    for (; s != OK; n++) {
        env_allocations_left = (int)n;
        s = expand("a \"$@\" d/* \"$X$X$X\" */*/z.c", out, sizeof out);
        env_allocations_left = -1;
        assert_true(s == OK || s == E_NOMEM);
        assert_int_equal(env_live_objects(), live);
    }
    assert_in_range(n, 1, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variables_and_quotes),
        cmocka_unit_test(test_no_parameters_make_no_argument),
        cmocka_unit_test(test_patterns_become_sorted_names),
        cmocka_unit_test(test_a_pattern_without_a_match_stays),
        cmocka_unit_test(test_hostile_names_are_arguments),
        cmocka_unit_test(test_a_pattern_that_needs_backtracking_ends),
        cmocka_unit_test(test_many_names_match_or_are_refused),
        cmocka_unit_test(test_ctrl_c_ends_a_search),
        cmocka_unit_test(test_memory_that_runs_out),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
