// SPDX-License-Identifier: MIT
//
// Editing a command line: keys, history, search, completion. Pure: bytes in, bytes out through a
// sink, so it is tested on the host.
//
// The editor cannot know whether a person at a terminal or a script types. A script sends text and
// line ends only; it sees its text echoed and not a single control sequence. At the first key that
// only a person presses (an arrow, Ctrl-A, deleting in a long line) the editor asks the terminal
// for its width, and holds back typed bytes until the answer is there. From then on it asks again
// at each prompt, because the window may change. On a terminal that does not answer, it uses only
// backspaces and blanks.
#pragma once

#include "kernel/lib/format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_MAX         4097 /* bytes of a line, and a zero */
#define LINE_PAST_MAX    8192 /* bytes of the history */
#define LINE_HISTORY     32
#define LINE_WORD_MAX    256
#define LINE_PENDING_MAX 256
#define LINE_PROMPT_MAX  96

enum line_event {
    LINE_MORE,     /**< feed more bytes */
    LINE_DONE,     /**< a line is in `text`: call line_finish(), and line_reset() before the next */
    LINE_TOO_LONG, /**< as LINE_DONE, but a part of it had no room: `text` must not be used */
    LINE_HAS_ZERO, /**< as LINE_TOO_LONG, but because it has a zero byte */
    LINE_CANCEL,   /**< Ctrl-C: the line was discarded */
    LINE_END,      /**< Ctrl-D on an empty line */
};

struct line_completer {
    /**
     * @brief Return the i-th candidate.
     * @param line, word Text up to the cursor, and where its last word starts.
     * @param out Set to the replacement for the whole word, LINE_WORD_MAX bytes, printable.
     * @param final Set to true if a blank may follow it (not a directory).
     * @return false: there is no i-th candidate.
     */
    bool (*candidate)(void *ctx, const char *line, size_t word, unsigned i, char *out, bool *final);
    void *ctx;
};

/** What the terminal shows. Cells are numbered from the start of the prompt, in rows of
 * `columns`. */
struct line_screen {
    fmt_sink sink;
    void *sink_ctx;
    unsigned columns; /* 0: unknown, so only backspaces are used */
    size_t at, end;   /* cell of the cursor; number of cells that have been written */
};

struct line_editor {
    char text[LINE_MAX]; /* zero terminated */
    size_t len, cursor;  /* bytes; the cursor is never inside a character */
    bool is_too_long;    /* something was typed for which there was no room */
    struct line_screen screen;
    const char *prompt;
    const struct line_completer *completer; /* or NULL */

    /* Keys. */
    uint8_t escape; /* state of an escape sequence, enum escape_state; 0: none */
    unsigned number[2];
    unsigned numbers;
    uint8_t partial[4]; /* of an incomplete multi-byte character */
    unsigned partial_len;
    bool after_cr;  /* the last byte was CR: an LF directly after it is the same key */
    bool after_tab; /* the last key was Tab, and it had nothing to insert */
    bool after_kill;

    /* Asking the terminal. */
    bool is_waiting;
    bool has_asked; /* for this line */
    unsigned unanswered;
    char answer[16];
    unsigned answer_len;
    uint8_t pending[LINE_PENDING_MAX]; /* typed but not processed */
    unsigned pending_len;

    char killed[LINE_MAX];    /* removed text, which Ctrl-Y inserts */
    char past[LINE_PAST_MAX]; /* the history: zero-terminated lines, oldest first */
    size_t past_len;
    unsigned history_count; /* lines in it, at most LINE_HISTORY */
    unsigned history_back;  /* 0 = the line being typed */
    char draft[LINE_MAX];   /* the line being typed, while a line of the history is shown */

    bool is_searching;
    char wanted[LINE_PROMPT_MAX / 2];
    char search_prompt[LINE_PROMPT_MAX];
};

/** @brief Initialise, with an empty line and history. */
void line_init(struct line_editor *e, const char *prompt, fmt_sink sink, void *sink_ctx,
               const struct line_completer *completer);

/** @brief Clear the line and print the prompt. */
void line_reset(struct line_editor *e);

/** @brief Process a byte. */
enum line_event line_feed(struct line_editor *e, uint8_t byte);

/** @brief Process a byte of piped input, in which no byte is a key. Not mixed with line_feed(). */
enum line_event line_feed_data(struct line_editor *e, uint8_t byte);

/** @brief Continue with held-back bytes, after an event and line_reset(). */
enum line_event line_resume(struct line_editor *e);

/** @brief After LINE_DONE: move to the row below the line. The user sees that the command runs now:
 *     first prepare for the keys that are meant for it. */
void line_finish(struct line_editor *e);

/** @brief True if an answer of the terminal is awaited: feed it soon, or call line_timeout(). */
static inline bool line_is_waiting(const struct line_editor *e)
{
    return e->is_waiting;
}

/** @brief No answer came: continue without it. */
enum line_event line_timeout(struct line_editor *e);
