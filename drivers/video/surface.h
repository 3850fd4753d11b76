// SPDX-License-Identifier: MIT
//
// What a terminal is drawn on: a grid of cells, whatever shows them.
#pragma once

#include "drivers/video/terminal.h"

struct surface;

struct surface_ops {
    const char *name;
    /** Everything becomes background. */
    void (*clear)(struct surface *s);
    /** Show a cell. The column and row are inside the surface. */
    void (*draw)(struct surface *s, uint32_t column, uint32_t row,
                 const struct terminal_cell *cell);
};

/** Embedded in what implements it; the screen that draws on it serialises the calls. */
struct surface {
    const struct surface_ops *ops;
    uint32_t columns, rows; /* 1 to TERMINAL_COLUMNS_MAX, 1 to TERMINAL_ROWS_MAX */
    bool is_clear;          /* all background already */
};
