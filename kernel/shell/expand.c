// SPDX-License-Identifier: MIT
//
// Expansion of words. A word is collected as a pattern in which a backslash quotes the characters
// that were quoted. So one scan yields both the pattern and the plain text.
#include "kernel/shell/expand.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

struct expansion {
    const struct expand_source *source;
    struct arena *arena;
    struct expand_list *out; /* NULL: one string */
    /* the argument so far */
    char *text;
    uint32_t len, capacity;
    bool is_begun; /* it is an argument even if it is empty */
    bool is_pattern;
    enum status status;
};

/* The list always ends with NULL, as argv does. */
bool expand_add(struct expand_list *list, struct arena *arena, char *text)
{
    char **argv = arena_grow_list(arena, list->argv, &list->capacity, (uint64_t)list->count + 2,
                                  sizeof *argv);
    if (argv == NULL) {
        return false;
    }
    list->argv = argv;
    argv[list->count++] = text;
    argv[list->count] = NULL;
    return true;
}

static void put_byte(struct expansion *x, char c)
{
    char *text = arena_grow_list(x->arena, x->text, &x->capacity, (uint64_t)x->len + 1, 1);
    if (text == NULL) {
        x->status = E_NOMEM;
        return;
    }
    x->text = text;
    text[x->len++] = c;
}

/* A special character that is quoted gets a backslash, so that it is no part of the
 * pattern; glob_unquote() removes the backslash again. One in a value always stands for
 * itself, hence the second condition. */
static void put(struct expansion *x, char c, bool is_quoted)
{
    bool is_special = strchr("*?[]\\-!^", c) != NULL;
    if (is_special && (is_quoted || c == '\\')) {
        put_byte(x, '\\');
    } else if (c == '*' || c == '?' || c == '[') {
        x->is_pattern = true;
    }
    put_byte(x, c);
    x->is_begun = true;
}

/* The argument is complete. Without a match a pattern stays as it is. The text moves to the list
 * without a copy, so the next argument begins with a new buffer. A pattern that matched leaves its
 * buffer for the next argument, because the matches are copies. */
static void end_argument(struct expansion *x)
{
    if (!x->is_begun || x->status != OK) {
        return;
    }
    uint32_t count = x->out->count;
    put_byte(x, '\0');
    if (x->status == OK && x->is_pattern) {
        x->status = glob_expand(x->source, x->arena, x->text, x->out);
    }
    if (x->status == OK && x->out->count == count) {
        glob_unquote(x->text, x->len - 1, x->text);
        x->status = expand_add(x->out, x->arena, x->text) ? OK : E_NOMEM;
        x->text = NULL;
        x->capacity = 0;
    }
    x->len = 0;
    x->is_begun = x->is_pattern = false;
}

/* Blanks in an unquoted value separate arguments, and its wildcards are a pattern; in quotes the
 * value is one piece of text. The value is only split and matched, never parsed again: a variable
 * that contains `;` or `$(...)` is text. */
static void put_value(struct expansion *x, const char *value, bool is_quoted)
{
    for (; value != NULL && *value != '\0' && x->status == OK; value++) {
        bool is_blank = *value == ' ' || *value == '\t' || *value == '\n';
        if (is_blank && !is_quoted) {
            end_argument(x);
        } else {
            put(x, *value, is_quoted);
        }
    }
}

/* $@: each parameter is an argument of its own. */
static void put_parameters(struct expansion *x, bool is_quoted)
{
    for (int i = 1; i < x->source->argc && x->status == OK; i++) {
        if (i > 1 && x->out != NULL) {
            end_argument(x);
        } else if (i > 1) {
            put(x, ' ', true);
        }
        x->is_begun = x->is_begun || is_quoted;
        put_value(x, x->source->argv[i], is_quoted);
    }
}

/* What follows a dollar sign. @return its length; 0: the dollar sign is an ordinary character. */
static size_t put_dollar(struct expansion *x, const char *s, const char *end, bool is_quoted)
{
    const struct expand_source *from = x->source;
    char number[12];
    size_t brace = *s == '{';
    size_t n = s < end ? syntax_name(s + brace) : 0;
    if (n > 0) {
        put_value(x, from->get(from->ctx, s + brace, n), is_quoted);
        return n + 2 * brace;
    }
    if (s == end) {
        return 0;
    }
    if (*s >= '0' && *s <= '9') {
        put_value(x, *s - '0' < from->argc ? from->argv[*s - '0'] : "", is_quoted);
    } else if (*s == '?' || *s == '#') {
        fmt_print(number, sizeof number, "%d", *s == '?' ? from->status : from->argc - 1);
        put_value(x, number, is_quoted);
    } else if (*s == '@') {
        put_parameters(x, is_quoted);
    } else {
        return 0;
    }
    return 1;
}

/* In double quotes a backslash quotes only these. */
static bool is_escape(const char *s, char quote)
{
    return *s == '\\' && s[1] != '\0' && (quote == '\0' || strchr("$\"\\`\n", s[1]) != NULL);
}

/* `is_one` is for words that stay one argument, such as the value of an assignment: they are
 * treated as if they were in quotes. */
static void expand_text(struct expansion *x, const char *s, size_t len, bool is_one)
{
    char quote = '\0';
    for (const char *end = s + len; s < end && x->status == OK; s++) {
        size_t n;
        if (quote != '\'' && is_escape(s, quote)) {
            s++;
            if (*s != '\n') {
                put(x, *s, true);
            }
        } else if (*s == quote) {
            quote = '\0';
        } else if (quote == '\0' && (*s == '\'' || *s == '"')) {
            quote = *s;
            /* "" is an argument; "$@" without parameters is none */
            x->is_begun = x->is_begun || x->source->argc > 1 || !str_has_prefix(s, "\"$@\"");
        } else if (quote != '\'' && *s == '$' &&
                   (n = put_dollar(x, s + 1, end, quote != '\0' || is_one)) > 0) {
            s += n;
        } else {
            put(x, *s, quote != '\0' || is_one);
        }
    }
}

enum status expand_words(const struct expand_source *source, struct arena *arena,
                         const struct syntax_word *words, struct expand_list *out)
{
    struct expansion x = {.source = source, .arena = arena, .out = out, .status = OK};
    for (const struct syntax_word *w = words; w != NULL && x.status == OK; w = w->next) {
        if (w->kind == WORD_PLAIN) {
            expand_text(&x, w->text, w->len, false);
            end_argument(&x);
        }
    }
    return x.status;
}

char *expand_word(const struct expand_source *source, struct arena *arena, const char *text,
                  size_t len)
{
    struct expansion x = {.source = source, .arena = arena, .status = OK};
    expand_text(&x, text, len, true);
    put_byte(&x, '\0');
    if (x.status != OK) {
        return NULL;
    }
    glob_unquote(x.text, x.len - 1, x.text);
    return x.text;
}
