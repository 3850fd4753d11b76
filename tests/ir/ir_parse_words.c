// SPDX-License-Identifier: MIT
//
// Reads words, numbers and punctuation of the textual form. After an error the results are
// harmless, but loops must test p->status, or they might not end.
#include "tests/ir/ir_parse_internal.h"

#include "kernel/lib/string.h"

/* Only the first error counts: the later ones follow from it. */
void text_fail(struct text_parser *p, enum status s, const char *why)
{
    if (p->status == OK) {
        p->status = s;
        p->out->error = why;
        p->out->error_line = p->line;
    }
}

void text_append(struct text_parser *p, struct text_list *l, uint32_t word)
{
    uint32_t *grown =
        arena_grow(p->arena, l->words, &l->capacity, (uint64_t)l->count + 1, sizeof word);
    if (grown == NULL) {
        text_fail(p, E_NOMEM, "no memory");
        return;
    }
    l->words = grown;
    l->words[l->count++] = word;
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Skip blanks and comments in the line. */
void text_skip_blanks(struct text_parser *p)
{
    while (p->at != p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\r')) {
        p->at++;
    }
    if (p->at != p->end && *p->at == ';') {
        while (p->at != p->end && *p->at != '\n') {
            p->at++;
        }
    }
}

/* Skip blank lines and comments, and count the lines for error messages. */
void text_skip_lines(struct text_parser *p)
{
    text_skip_blanks(p);
    while (p->at != p->end && *p->at == '\n') {
        p->at++;
        p->line++;
        text_skip_blanks(p);
    }
}

bool text_take_char(struct text_parser *p, char c)
{
    text_skip_blanks(p);
    if (p->status != OK || p->at == p->end || *p->at != c) {
        return false;
    }
    p->at++;
    return true;
}

void text_expect_char(struct text_parser *p, char c)
{
    if (!text_take_char(p, c)) {
        text_fail(p, E_CORRUPT,
                  c == '('   ? "( expected"
                  : c == ')' ? ") expected"
                             : "other punctuation expected");
    }
}

void text_expect_line_end(struct text_parser *p)
{
    text_skip_blanks(p);
    if (p->at != p->end && *p->at != '\n') {
        text_fail(p, E_CORRUPT, "unexpected text at the end of the line");
    }
}

/* The next word, or "". */
void text_take_word(struct text_parser *p, char word[WORD_MAX])
{
    text_skip_blanks(p);
    size_t n = 0;
    while (p->status == OK && p->at != p->end && is_word_char(*p->at)) {
        if (n == WORD_MAX - 1) {
            text_fail(p, E_CORRUPT, "a word that is too long");
            break;
        }
        word[n++] = *p->at++;
    }
    word[n] = '\0';
}

/* If this word comes next, consume it and return true. */
bool text_take_keyword(struct text_parser *p, const char *keyword)
{
    const char *before = p->at;
    char word[WORD_MAX];
    text_take_word(p, word);
    if (p->status == OK && strcmp(word, keyword) == 0) {
        return true;
    }
    p->at = before;
    return false;
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

/* Decimal, or hexadecimal after 0x with small letters. `max` bounds names and indices, so that
 * none of them can make an array grow without limit. */
uint64_t text_expect_number(struct text_parser *p, uint64_t max)
{
    text_skip_blanks(p);
    int base = 10;
    if (p->end - p->at > 2 && p->at[0] == '0' && p->at[1] == 'x') {
        base = 16;
        p->at += 2;
    }
    uint64_t v = 0;
    const char *start = p->at;
    bool fits = true;
    for (; p->at != p->end && digit_of(*p->at) < base; p->at++) {
        fits = fits && !__builtin_mul_overflow(v, (uint64_t)base, &v) &&
               !__builtin_add_overflow(v, (uint64_t)digit_of(*p->at), &v);
    }
    if (p->at == start || !fits || v > max) {
        text_fail(p, E_CORRUPT, "a number expected, or it is too large");
        return 0;
    }
    return v;
}

/* "v12" or "block3": the number after the prefix. */
uint32_t text_expect_numbered(struct text_parser *p, const char *prefix)
{
    text_skip_blanks(p);
    size_t len = strlen(prefix);
    if ((size_t)(p->end - p->at) < len || memcmp(p->at, prefix, len) != 0) {
        text_fail(p, E_CORRUPT, prefix[0] == 'v' ? "a value expected" : "a block expected");
        return 0;
    }
    p->at += len;
    return (uint32_t)text_expect_number(p, NUMBER_MAX - 1);
}

unsigned text_find_name(const char *const *names, unsigned count, const char *word)
{
    for (unsigned n = 0; n < count; n++) {
        if (strcmp(names[n], word) == 0) {
            return n;
        }
    }
    return count;
}

unsigned text_expect_type(struct text_parser *p)
{
    char word[WORD_MAX];
    text_take_word(p, word);
    for (unsigned type = IR_I32; type < IR_TYPE_COUNT; type++) {
        if (strcmp(ir_type_name(type), word) == 0) {
            return type;
        }
    }
    text_fail(p, E_CORRUPT, "a type expected");
    return IR_I32;
}
