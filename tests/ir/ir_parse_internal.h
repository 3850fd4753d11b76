// SPDX-License-Identifier: MIT
//
// Shared by the files that parse the textual form. The first error is kept (text_fail()); after it
// every function here does nothing and returns a harmless value.
#pragma once

#include "tests/ir/ir_parse.h"

/* limit for values, blocks and everything else that a text can count */
#define NUMBER_MAX (1u << 20)
#define WORD_MAX   64

struct text_list {
    uint32_t *words;
    uint32_t count, capacity;
};

struct text_parser {
    struct arena *arena;
    struct ir_text *out;
    struct ir_function *f;
    const char *at, *end;
    uint32_t line;
    enum status status;
    struct text_list values; /* by name: index + 1 */
    struct text_list args;   /* of the call or edge that is being parsed */
    uint32_t type_capacity, signature_capacity, callee_capacity, memory_capacity, function_capacity;
};

void text_fail(struct text_parser *p, enum status s, const char *why);
void text_append(struct text_parser *p, struct text_list *l, uint32_t word);

void text_skip_blanks(struct text_parser *p);
void text_skip_lines(struct text_parser *p);
bool text_take_char(struct text_parser *p, char c);
void text_expect_char(struct text_parser *p, char c);
void text_expect_line_end(struct text_parser *p);
/** The next word, or "". */
void text_take_word(struct text_parser *p, char word[WORD_MAX]);
/** If this word comes next, consume it and return true. */
bool text_take_keyword(struct text_parser *p, const char *keyword);
uint64_t text_expect_number(struct text_parser *p, uint64_t max);
/** "v12" or "block3": the number after the prefix. */
uint32_t text_expect_numbered(struct text_parser *p, const char *prefix);
/** Index of a word among `count` names, or `count`. */
unsigned text_find_name(const char *const *names, unsigned count, const char *word);
unsigned text_expect_type(struct text_parser *p);
uint32_t text_expect_callee(struct text_parser *p);

void text_parse_block(struct text_parser *p);
void text_parse_instr(struct text_parser *p);
