// SPDX-License-Identifier: MIT
//
// A terminal like xterm: rows of a given width, a wrap that is delayed until the next character,
// and the control sequences that the line editor may use. Anything else fails the test.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define TERMINAL_ROWS    60
#define TERMINAL_COLUMNS 1200

/* Halves of a wide character. */
#define TERMINAL_LEFT  '\1'
#define TERMINAL_RIGHT '\2'

struct terminal {
    unsigned columns; /* width; TERMINAL_COLUMNS for a terminal that does not wrap */
    bool answers;     /* whether it reports the cursor position */
    unsigned row, column;
    bool wraps;        /* the next character goes to the next row */
    char character[4]; /* bytes of an incomplete one */
    size_t character_len;
    unsigned written_row, written_column;   /* of the last character that occupies cells */
    unsigned combined_row, combined_column; /* of the last one that got a combining character */
    unsigned saved_row, saved_column;
    bool saved_wraps;
    char cell[TERMINAL_ROWS][TERMINAL_COLUMNS]; /* 0: never written */
    char answer[256];                           /* not fetched yet */
    unsigned bells, escapes;                    /* since the start */
    char sequence[32];                          /* the incomplete one */
    size_t sequence_len;
};

/** @brief Reset to an empty screen. */
void terminal_init(struct terminal *t, unsigned columns, bool answers);
/** @brief An fmt_sink; ctx is the terminal. Newlines are CR LF, as the console makes them. */
void terminal_sink(void *ctx, const char *s, size_t len);
/** @brief A row's text without trailing blanks, in a static buffer. Characters beyond ASCII are
 * "#", wide ones their two halves. */
const char *terminal_row(const struct terminal *t, unsigned row);
