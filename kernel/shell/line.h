// SPDX-License-Identifier: MIT
//
// A line being typed: editing keys, history, search, completion. Pure: bytes in, bytes out through
// a sink, so it is tested on the host.
//
// Whether a person with a terminal sits there shows only in what is typed: a script sends text and
// ends of lines, and sees its text echoed and not one control sequence. The first key that only a
// person presses (an arrow, Ctrl-A, deleting in a long line) has the editor ask the terminal how
// wide it is, and hold what is typed until the answer is there; from then on it asks again at each
// prompt, so that a window may change. A terminal that does not answer is drawn on with backspaces
// and blanks alone.
#pragma once

#include "kernel/lib/format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_MAX         512
#define LINE_HISTORY     32
#define LINE_WORD_MAX    256
#define LINE_PENDING_MAX 256
#define LINE_PROMPT_MAX  96

enum line_event {
    LINE_MORE,   /**< keep feeding */
    LINE_DONE,   /**< a line is in `text`; line_reset() before the next */
    LINE_CANCEL, /**< Ctrl-C: the line was thrown away */
    LINE_END,    /**< Ctrl-D on an empty line */
};

struct line_completer {
    /**
     * @brief The i-th way to go on.
     * @param line, word  Text up to the cursor, and where its last word starts in it.
     * @param out   Receives the whole replacement of the word, LINE_WORD_MAX bytes, printable.
     * @param final Receives true if a blank may follow it (not a directory).
     * @return false: no i-th candidate.
     */
    bool (*candidate)(void *ctx, const char *line, size_t word, unsigned i, char *out, bool *final);
    void *ctx;
};

/** What is on the terminal: cells count from the start of the prompt, rows of `columns` each. */
struct line_screen {
    fmt_sink sink;
    void *sink_ctx;
    unsigned columns; /* 0: not known, and nothing but backspaces is sent */
    size_t at, end;   /* cell of the cursor; cells that have something on them */
};

struct line_editor {
    char text[LINE_MAX]; /* zero terminated */
    size_t len, cursor;  /* bytes; the cursor is never inside a character's bytes */
    struct line_screen screen;
    const char *prompt;
    const struct line_completer *completer; /* or NULL */

    /* Keys. */
    uint8_t escape; /* state of an escape sequence, enum escape_state; 0: none */
    unsigned number[2];
    unsigned numbers;
    uint8_t partial[4]; /* of a character of several bytes */
    unsigned partial_len;
    bool after_cr;  /* the last byte was CR: an LF right after it is the same key */
    bool after_tab; /* the last key was Tab, and it had nothing to add */
    bool after_kill;

    /* The question to the terminal. */
    bool is_waiting;
    bool has_asked; /* on this line */
    unsigned unanswered;
    char answer[16];
    unsigned answer_len;
    uint8_t pending[LINE_PENDING_MAX]; /* typed and not looked at */
    unsigned pending_len;

    char killed[LINE_MAX]; /* what Ctrl-Y brings back */
    char history[LINE_HISTORY][LINE_MAX];
    uint8_t order[LINE_HISTORY]; /* entries of history, oldest first */
    unsigned history_count;
    unsigned history_back; /* 0 = the line being typed */
    char draft[LINE_MAX];  /* the line being typed, while history is shown */

    bool is_searching;
    char wanted[LINE_PROMPT_MAX / 2];
    char search_prompt[LINE_PROMPT_MAX];
};

/** @brief Start with an empty line and history. */
void line_init(struct line_editor *e, const char *prompt, fmt_sink sink, void *sink_ctx,
               const struct line_completer *completer);

/** @brief Empty the line and print the prompt. */
void line_reset(struct line_editor *e);

/** @brief Take one byte. */
enum line_event line_feed(struct line_editor *e, uint8_t byte);

/** @brief After an event and line_reset(): go on with what had to wait. */
enum line_event line_resume(struct line_editor *e);

/** @brief True if an answer of the terminal is awaited: feed it within a moment, or call
 * line_timeout(). */
static inline bool line_is_waiting(const struct line_editor *e)
{
    return e->is_waiting;
}

/** @brief No answer came: do without. */
enum line_event line_timeout(struct line_editor *e);
