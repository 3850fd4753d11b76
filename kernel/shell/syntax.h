// SPDX-License-Identifier: MIT
//
// The grammar of the shell (docs/shell.md): text in, a tree out. Does not run anything, and leaves
// the words as they were written: expand.h replaces variables and patterns and removes quotes.
#pragma once

#include "kernel/jit/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYNTAX_DEPTH  12 /* loops and conditions inside each other */
#define SYNTAX_STAGES 8  /* commands of a pipeline */

enum word_kind {
    WORD_PLAIN,
    WORD_ASSIGN, /* NAME=VALUE before the command */
    /* Redirections; the text is the file's. */
    WORD_IN,
    WORD_OUT,
    WORD_APPEND,
    WORD_ERR,
    WORD_ERR_APPEND,
    /* 2>&1 and >&2, which have no text */
    WORD_ERR_TO_OUT,
    WORD_OUT_TO_ERR,
};

struct syntax_word {
    struct syntax_word *next;
    const char *text; /* in the source, with its quotes */
    uint32_t len;
    enum word_kind kind;
};

enum command_kind { COMMAND_SIMPLE, COMMAND_IF, COMMAND_WHILE, COMMAND_FOR };

struct syntax_pipe;

struct syntax_command {
    enum command_kind kind;
    struct syntax_command *next;  /* after | */
    struct syntax_word *words;    /* assignments and arguments; FOR: the name, then the list */
    struct syntax_word *files;    /* redirections, in order */
    struct syntax_pipe *test;     /* IF, WHILE. NULL in a branch: `else` */
    struct syntax_pipe *body;     /* IF, WHILE, FOR */
    struct syntax_command *other; /* IF: the branch of elif or else */
};

/** How a pipeline is connected to the next one. */
enum syntax_join { JOIN_NEXT, JOIN_AND, JOIN_OR };

struct syntax_pipe {
    struct syntax_pipe *next;
    struct syntax_command *commands;
    struct syntax_pipe
        *last;        /* if it runs in the background: the last one connected by && and || */
    const char *text; /* in the source, for a person */
    uint32_t len;
    uint32_t count;
    enum syntax_join join;
    bool is_negated;
    bool is_timed;
};

struct syntax_error {
    char text[96]; /* a sentence that names the thing */
    uint32_t line;
    bool is_incomplete; /* more lines may complete it */
};

/**
 * @brief Parse a text, of one or more lines.
 * @param text Zero-terminated; must stay as long as the tree.
 * @param arena Holds the tree. @param out NULL: there is nothing to run.
 * @return false: an error. @context{thread}
 */
bool syntax_parse(const char *text, struct arena *arena, struct syntax_pipe **out,
                  struct syntax_error *error);

/** @brief Length of the NAME at the start of the text; 0: none. Pure. */
size_t syntax_name(const char *text);
