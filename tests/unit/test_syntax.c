// SPDX-License-Identifier: MIT
//
// The shell's grammar: lists, pipelines, redirections, conditions, loops, and what is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/shell/syntax.h"
#include "tests/unit/fake/world.h"

static char text[2048];

static void add(const char *s)
{
    strcat(text, s);
}

static void add_words(const struct syntax_word *w)
{
    static const char *const signs[] = {"", "=", "<", ">", ">>", "2>", "2>>", "2>&1", ">&2"};
    for (; w != NULL; w = w->next) {
        sprintf(text + strlen(text), "[%s%.*s]", signs[w->kind], (int)w->len, w->text);
    }
}

static void add_list(const struct syntax_pipe *p);

static void add_command(const struct syntax_command *c)
{
    static const char *const names[] = {"", "if", "while", "for"};
    add(names[c->kind]);
    add_words(c->words);
    if (c->kind != COMMAND_SIMPLE) {
        for (const struct syntax_command *branch = c; branch != NULL; branch = branch->other) {
            add("(");
            if (branch->test != NULL) {
                add_list(branch->test);
                add(" ? ");
            }
            add_list(branch->body);
            add(")");
        }
    }
    add_words(c->files);
}

static void add_list(const struct syntax_pipe *p)
{
    const struct syntax_pipe *last = NULL;
    for (; p != NULL; p = p->next) {
        last = p->last != NULL ? p->last : last;
        add(p->is_timed ? "time " : "");
        add(p->is_negated ? "!" : "");
        for (const struct syntax_command *c = p->commands; c != NULL; c = c->next) {
            add_command(c);
            add(c->next != NULL ? " | " : "");
        }
        add(p == last             ? "& "
            : p->join == JOIN_AND ? " && "
            : p->join == JOIN_OR  ? " || "
            : p->next != NULL     ? "; "
                                  : "");
    }
}

/* The tree as text; or why there is none, with the line if it is not the first. */
static const char *parsed(const char *line)
{
    struct arena arena;
    struct syntax_pipe *list = NULL;
    struct syntax_error error;
    arena_init(&arena, 1 << 20);
    text[0] = '\0';
    if (syntax_parse(line, &arena, &list, &error)) {
        add_list(list);
    } else {
        add(error.text);
        if (error.line > 1) {
            sprintf(text + strlen(text), ", line %u", error.line);
        }
        add(error.is_incomplete ? " ..." : "");
    }
    arena_free_all(&arena);
    return text;
}

static void test_lists_and_pipelines(void **state)
{
    (void)state;
    assert_string_equal(parsed(""), "");
    assert_string_equal(parsed("  \t # a comment"), "");
    assert_string_equal(parsed("ls /bin"), "[ls][/bin]");
    assert_string_equal(parsed("a#b #c"), "[a#b]");
    assert_string_equal(parsed("a b|c d | e"), "[a][b] | [c][d] | [e]");
    assert_string_equal(parsed("a;b ; c;"), "[a]; [b]; [c]");
    assert_string_equal(parsed("a\n\n b\n"), "[a]; [b]");
    assert_string_equal(parsed("a && b || c; d"), "[a] && [b] || [c]; [d]");
    assert_string_equal(parsed("a &&\n b"), "[a] && [b]");
    assert_string_equal(parsed("a && b & c"), "[a] && [b]& [c]");
    assert_string_equal(parsed("a & b &"), "[a]& [b]& ");
    assert_string_equal(parsed("! a | b"), "![a] | [b]");
    assert_string_equal(parsed("! ! a"), "[a]");
    assert_string_equal(parsed("time a | time b && time ! c"), "time [a] | [time][b] && time ![c]");
    assert_string_equal(parsed("time for i in a; do b; done"), "time for[i][a]([b])");
    assert_string_equal(parsed("time --help"), "[time][--help]");
    assert_string_equal(parsed("a \\\n b \\\n c"), "[a][b][c]");
}

static void test_redirections(void **state)
{
    (void)state;
    assert_string_equal(parsed("a <in >out"), "[a][<in][>out]");
    assert_string_equal(parsed("a>>out 2>>err"), "[a][>>out][2>>err]");
    assert_string_equal(parsed("<in a"), "[a][<in]");
    assert_string_equal(parsed("a x2>out"), "[a][x2][>out]");
    assert_string_equal(parsed("a 2 >out"), "[a][2][>out]");
    assert_string_equal(parsed("a 2>err | b >last 2>&1"), "[a][2>err] | [b][>last][2>&1]");
    assert_string_equal(parsed("a >&2"), "[a][>&2]");
    assert_string_equal(parsed("> out"), "[>out]");
}

static void test_words_keep_their_quotes(void **state)
{
    (void)state;
    assert_string_equal(parsed("a '|' \"<\" \\> b"), "[a]['|'][\"<\"][\\>][b]");
    assert_string_equal(parsed("a 'x;#y'\"$Z\"${Q}$?"), "[a]['x;#y'\"$Z\"${Q}$?]");
    assert_string_equal(parsed("a \"\\\"b\" '`'"), "[a][\"\\\"b\"]['`']");
    assert_string_equal(parsed("A=1 B='x y' c D=2"), "[=A=1][=B='x y'][c][D=2]");
    assert_string_equal(parsed("1A=1"), "[1A=1]");
    assert_string_equal(parsed("echo if done"), "[echo][if][done]");
}

static void test_conditions_and_loops(void **state)
{
    (void)state;
    assert_string_equal(parsed("if a; then b; fi"), "if([a] ? [b])");
    assert_string_equal(parsed("if a\nthen b\nelif c; then d; else e; f; fi >o | g"),
                        "if([a] ? [b])([c] ? [d])([e]; [f])[>o] | [g]");
    assert_string_equal(parsed("while a && b; do c & done"), "while([a] && [b] ? [c]& )");
    assert_string_equal(parsed("for x in a 'b c' *; do d $x; done"),
                        "for[x][a]['b c'][*]([d][$x])");
    assert_string_equal(parsed("for x in\ndo d; done"), "for[x]([d])");
    assert_string_equal(parsed("for x in a; do while b; do if c; then d; fi; done; done"),
                        "for[x][a](while([b] ? if([c] ? [d])))");
}

static void test_invalid_texts_are_refused(void **state)
{
    (void)state;
    assert_string_equal(parsed("| a"), "a command is missing beside |");
    assert_string_equal(parsed("a |"), "a command is missing beside |");
    assert_string_equal(parsed("a | ; b"), "a command is missing beside |");
    assert_string_equal(parsed("a ||"), "a command is missing beside ||");
    assert_string_equal(parsed("&& a"), "a command is missing beside &&");
    assert_string_equal(parsed("; a"), "a command is missing before ;");
    assert_string_equal(parsed("a & & b"), "a command is missing before &");
    assert_string_equal(parsed("!"), "a command is missing after !");
    assert_string_equal(parsed("time; a"), "a command is missing before ;");
    assert_string_equal(parsed("time"), "a command is missing after time");
    assert_string_equal(parsed("a >"), "a file is missing after < or >");
    assert_string_equal(parsed("a > | b"), "a file is missing after < or >");
    assert_string_equal(parsed("a 'b"), "the quote ' is not closed");
    assert_string_equal(parsed("a\nb \"c"), "the quote \" is not closed, line 2");
    assert_string_equal(parsed("fi"), "`fi` has no beginning");
    assert_string_equal(parsed("a; done"), "`done` has no beginning");
    assert_string_equal(parsed("if a; then fi"), "a command is missing before `fi`");
    assert_string_equal(parsed("if a; done"), "`then` is missing");
    assert_string_equal(parsed("for 1 in a; do b; done"), "`for` needs the name of a variable");
    assert_string_equal(parsed("for x; do b; done"), "`in` is missing");
    assert_string_equal(parsed("if a; then b; fi c"), "c: not expected after `fi` or `done`");
    assert_string_equal(parsed("a|a|a|a|a|a|a|a"), "[a] | [a] | [a] | [a] | [a] | [a] | [a] | [a]");
    assert_string_equal(parsed("a|a|a|a|a|a|a|a|a"), "more than 8 commands");
}

static void test_unsupported_syntax_is_named(void **state)
{
    (void)state;
    assert_string_equal(parsed("a $(b)"), "$( is not supported");
    assert_string_equal(parsed("a \"$(b)\""), "$( is not supported");
    assert_string_equal(parsed("a `b`"), "` is not supported");
    assert_string_equal(parsed("a << b"), "<< is not supported");
    assert_string_equal(parsed("(a)"), "( is not supported");
    assert_string_equal(parsed("f() a"), "( is not supported");
    assert_string_equal(parsed("a )"), ") is not supported");
    assert_string_equal(parsed("case a in"), "case is not supported");
    assert_string_equal(parsed("{ a; }"), "{ is not supported");
    assert_string_equal(parsed("until a"), "until is not supported");
    assert_string_equal(parsed("a ${B:-c}"),
                        "${ needs a name and }: other forms are not supported");
    assert_string_equal(parsed("a $*"), "$* is not supported");
    assert_string_equal(parsed("a &> b"), "&> is not supported");
    assert_string_equal(parsed("a 2>&3"), "2>& is not supported");
    assert_string_equal(parsed("a |& b"), "|& is not supported");
    assert_string_equal(parsed("a ;; b"), ";; is not supported");
}

static void test_an_incomplete_text_asks_for_more(void **state)
{
    (void)state;
    assert_string_equal(parsed("if a"), "`then` is missing ...");
    assert_string_equal(parsed("if a; then b; else c;"), "`fi` is missing ...");
    assert_string_equal(parsed("while a\n"), "`do` is missing, line 2 ...");
    assert_string_equal(parsed("for x in a; do b;"), "`done` is missing ...");
    assert_string_equal(parsed("for x"), "`in` is missing ...");
    assert_string_equal(parsed("if a; then b 'c"), "the quote ' is not closed");
}

/* The parser recurses for each, and so does what runs the tree. */
static void test_depth_is_limited(void **state)
{
    (void)state;
    char line[4096] = "";
    for (unsigned i = 0; i < SYNTAX_DEPTH; i++) {
        strcat(line, "if a; then ");
    }
    strcat(line, "b; ");
    for (unsigned i = 0; i < SYNTAX_DEPTH; i++) {
        strcat(line, "fi; ");
    }
    assert_int_equal(strncmp(parsed(line), "if(", 3), 0);
    memmove(line + 11, line, strlen(line) + 1);
    memcpy(line, "if a; then ", 11);
    assert_string_equal(parsed(line), "more than 12 conditions and loops inside each other");
}

static void test_the_text_of_a_pipeline(void **state)
{
    (void)state;
    struct arena arena;
    struct syntax_pipe *list = NULL;
    struct syntax_error error;
    arena_init(&arena, 1 << 20);
    assert_true(syntax_parse("a; ! b  c | d 'e f'  & g", &arena, &list, &error));
    list = list->next;
    assert_int_equal(list->len, strlen("! b  c | d 'e f'"));
    assert_memory_equal(list->text, "! b  c | d 'e f'", list->len);
    arena_free_all(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists_and_pipelines),
        cmocka_unit_test(test_redirections),
        cmocka_unit_test(test_words_keep_their_quotes),
        cmocka_unit_test(test_conditions_and_loops),
        cmocka_unit_test(test_invalid_texts_are_refused),
        cmocka_unit_test(test_unsupported_syntax_is_named),
        cmocka_unit_test(test_an_incomplete_text_asks_for_more),
        cmocka_unit_test(test_depth_is_limited),
        cmocka_unit_test(test_the_text_of_a_pipeline),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
