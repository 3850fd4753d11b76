// SPDX-License-Identifier: MIT
//
// A line being typed: editing keys, history, completion. Pure: bytes in, bytes out through a sink,
// so it is tested on the host. It writes no escape sequences (backspace and space redraw a line),
// so that output piped to a file stays readable.
#pragma once

#include "kernel/lib/format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_MAX      512
#define LINE_HISTORY  32
#define LINE_WORD_MAX 256

enum line_event {
    LINE_MORE,   /**< keep feeding */
    LINE_DONE,   /**< a line is in `text`; line_reset() before the next */
    LINE_CANCEL, /**< Ctrl-C: the line was thrown away */
};

struct line_completer {
    /**
     * @brief The i-th way to go on.
     * @param line, word  Text up to the cursor, and where its last word starts in it.
     * @param out   Receives the whole replacement of the word, LINE_WORD_MAX bytes.
     * @param final Receives true if a blank may follow it (not a directory).
     * @return false: no i-th candidate.
     */
    bool (*candidate)(void *ctx, const char *line, size_t word, unsigned i, char *out, bool *final);
    void *ctx;
};

struct line_editor {
    char text[LINE_MAX]; /* zero terminated */
    size_t len, cursor;
    fmt_sink sink;
    void *sink_ctx;
    const char *prompt;
    const struct line_completer *completer; /* or NULL */
    uint8_t escape; /* state of an escape sequence: 0 none, 1 ESC, 2 ESC [ */
    uint8_t escape_number;
    bool after_cr; /* the last byte was CR: an LF right after it is the same key */
    char history[LINE_HISTORY][LINE_MAX];
    unsigned history_count; /* lines ever added */
    unsigned history_back;  /* 0 = the line being typed */
    char draft[LINE_MAX];   /* the line being typed, while history is shown */
};

/** @brief Start with an empty line and history. */
void line_init(struct line_editor *e, const char *prompt, fmt_sink sink, void *sink_ctx,
               const struct line_completer *completer);

/** @brief Empty the line and print the prompt. */
void line_reset(struct line_editor *e);

/** @brief Take one byte. */
enum line_event line_feed(struct line_editor *e, uint8_t byte);
