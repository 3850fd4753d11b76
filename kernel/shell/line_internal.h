// SPDX-License-Identifier: MIT
//
// The parts of the line editor: line.c handles keys, line_text.c changes and draws the text,
// line_screen.c the screen, line_past.c history and search, line_complete.c completion.
#pragma once

#include "kernel/shell/line.h"

/* --- line_screen.c: cells --- */

/** Cells of a text on one row of unlimited width. */
size_t line_cells(const char *s, size_t len);
/** The cell after a text that starts at cell `at`. A wide character does not start in the last
 * column of a row, which then stays blank. */
size_t line_cell_after(const struct line_screen *s, size_t at, const char *text, size_t len);
/** Send bytes that occupy no cell. */
void line_put(struct line_screen *s, const char *bytes, size_t len);
/** Write characters at the cursor. */
void line_write(struct line_screen *s, const char *text, size_t len);
/** Move the cursor to an earlier cell; to a later one only if the width is known. */
void line_move(struct line_screen *s, size_t cell);
/** Clear from the cursor to the end. */
void line_clear_rest(struct line_screen *s);
/** Move to the first column below everything. */
void line_leave(struct line_screen *s);

/* --- line_text.c --- */

const char *line_shown_prompt(const struct line_editor *e);
size_t line_before(const struct line_editor *e, size_t at); /* start of the character before */
size_t line_after(const struct line_editor *e, size_t at);  /* end of the character there */
/* `also` separates words like a blank */
size_t line_word_before(const struct line_editor *e, char also);
size_t line_word_after(const struct line_editor *e);
void line_move_to(struct line_editor *e, size_t cursor);
/** Replace [from, to) by `s`, with the cursor after it. */
void line_replace(struct line_editor *e, size_t from, size_t to, const char *s, size_t len);
void line_kill(struct line_editor *e, size_t from, size_t to);
void line_yank(struct line_editor *e);
void line_show(struct line_editor *e, const char *text);
/** The width is known now, with the cursor where it is. */
void line_set_columns(struct line_editor *e, unsigned columns);
/** Draw them on an empty line. */
void line_draw(struct line_editor *e);

/* --- line_past.c --- */

void line_remember(struct line_editor *e);
/** Show the line from `back` steps ago; 0 is the line being typed. */
void line_history_go(struct line_editor *e, unsigned back);
void line_search_start(struct line_editor *e);
/** Handle a key while searching. Returns true if it is consumed; otherwise the search has ended,
 * and the key is an ordinary one. */
bool line_search_key(struct line_editor *e, uint8_t byte);

/* --- line_complete.c --- */

void line_complete(struct line_editor *e);
