// SPDX-License-Identifier: MIT
//
// The parts of the line editor: line.c is keys, line_text.c the text and its picture, line_past.c
// history and search, line_complete.c completion.
#pragma once

#include "kernel/shell/line.h"

/* --- line_screen.c: cells --- */

/** Cells of a text by itself, on one row. */
size_t line_cells(const char *s, size_t len);
/** The cell after a text that begins at cell `at`: a wide character does not begin in the last
 * column of a row, which stays blank. */
size_t line_cell_after(const struct line_screen *s, size_t at, const char *text, size_t len);
/** Send bytes that take no cell. */
void line_put(struct line_screen *s, const char *bytes, size_t len);
/** Write characters at the cursor. */
void line_write(struct line_screen *s, const char *text, size_t len);
/** Put the cursor on an earlier cell; on a later one only if the columns are known. */
void line_move(struct line_screen *s, size_t cell);
/** Clear from the cursor on. */
void line_clear_rest(struct line_screen *s);
/** Start below everything, in the first column. */
void line_leave(struct line_screen *s);

/* --- line_text.c --- */

const char *line_shown_prompt(const struct line_editor *e);
size_t line_before(const struct line_editor *e, size_t at);      /* start of the character before */
size_t line_after(const struct line_editor *e, size_t at);       /* end of the character there */
size_t line_word_before(const struct line_editor *e, char also); /* `also` separates like a blank */
size_t line_word_after(const struct line_editor *e);
void line_move_to(struct line_editor *e, size_t cursor);
/** Replace [from, to) by `s`, and leave the cursor after it. */
void line_replace(struct line_editor *e, size_t from, size_t to, const char *s, size_t len);
void line_kill(struct line_editor *e, size_t from, size_t to);
void line_yank(struct line_editor *e);
void line_show(struct line_editor *e, const char *text);
/** Draw prompt and text again, over what is there. */
void line_redraw(struct line_editor *e);
/** The width has become known with the cursor where it is. */
void line_set_columns(struct line_editor *e, unsigned columns);
/** Draw them on an empty line. */
void line_draw(struct line_editor *e);

/* --- line_past.c --- */

void line_remember(struct line_editor *e);
/** Show the line `back` steps ago; 0 is the one being typed. */
void line_history_go(struct line_editor *e, unsigned back);
void line_search_start(struct line_editor *e);
/** While searching. Returns true if the key is done with; else the search has ended, and the key
 * is one like others. */
bool line_search_key(struct line_editor *e, uint8_t byte);

/* --- line_complete.c --- */

void line_complete(struct line_editor *e);
