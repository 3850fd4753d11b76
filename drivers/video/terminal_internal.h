// SPDX-License-Identifier: MIT
//
// Shared by the terminal's two files: terminal.c has the cells and the cursor, terminal_escape.c
// the control sequences.
#pragma once

#include "drivers/video/terminal.h"

/** States of the parser, named after the diagram of DEC's terminals. */
enum terminal_state {
    STATE_GROUND,
    STATE_ESCAPE,       /* ESC */
    STATE_ESCAPE_SKIP,  /* ESC and one of ( ) * + # %: one more byte follows */
    STATE_CSI,          /* ESC [ and parameters */
    STATE_CSI_IGNORE,   /* a sequence that is ignored, up to its final byte */
    STATE_STRING,       /* ESC ] and similar: titles, up to BEL or ESC \ */
    STATE_STRING_ESCAPE /* ESC inside a string */
};

/* A row's cells, for reading and writing. */
struct terminal_cell *terminal_cells(struct terminal *t, uint32_t row);
/* Row and column are limited to the screen. */
void terminal_move(struct terminal *t, uint32_t column, uint32_t row);
void terminal_line_feed(struct terminal *t);
void terminal_reverse_line_feed(struct terminal *t);
void terminal_put_character(struct terminal *t, uint32_t code_point);
/* The cells left of `column` and those from it on are about to change separately. A wide character
 * that occupies cells on both sides becomes a space. `column` may be the row's end. */
void terminal_split(struct terminal *t, uint32_t row, uint32_t column);
/* Make the cells [from, to) of a row blank. */
void terminal_erase(struct terminal *t, uint32_t row, uint32_t from, uint32_t to);
/* Move the lines of rows [top, bottom) up or down by `count`; the free rows become blank. */
void terminal_scroll_up(struct terminal *t, uint32_t top, uint32_t bottom, uint32_t count);
void terminal_scroll_down(struct terminal *t, uint32_t top, uint32_t bottom, uint32_t count);
void terminal_touch(struct terminal *t, uint32_t row);

/* Process one byte: any byte while a sequence is
 * incomplete, only a control character in STATE_GROUND. */
void terminal_execute(struct terminal *t, uint8_t byte);
