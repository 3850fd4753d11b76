// SPDX-License-Identifier: MIT
//
// A grid of cells that a terminal is drawn on, implemented by a framebuffer or a text mode.
#pragma once

#include "drivers/video/terminal.h"

struct surface;

struct surface_ops {
    const char *name;
    /** Fill the whole grid with background. */
    void (*clear)(struct surface *s);
    /** Draw a cell. The column and row are inside the surface. */
    void (*draw)(struct surface *s, uint32_t column, uint32_t row,
                 const struct terminal_cell *cell);
};

/** Embedded in the implementation's struct. The screen that draws on it serialises the calls. */
struct surface {
    const struct surface_ops *ops;
    uint32_t columns, rows; /* 1 to TERMINAL_COLUMNS_MAX, 1 to TERMINAL_ROWS_MAX */
    bool is_clear;          /* it shows only background already */
};
