// SPDX-License-Identifier: MIT
//
// Arbitrary bytes on a terminal of a size that the first two bytes choose: the cursor stays on the
// screen, the rows stay a permutation, a wide character has its second half, and the result does
// not depend on how the bytes are split into writes.
#include "drivers/video/terminal.h"

#include "kernel/base/assert.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

_Noreturn void panic(const char *fmt, ...)
{
    (void)fmt;
    abort();
}

static void check(const struct terminal *t)
{
    bool seen[TERMINAL_ROWS_MAX] = {false};
    if (t->cursor.column >= t->columns || t->cursor.row >= t->rows || t->top >= t->bottom ||
        t->bottom > t->rows || t->reply_len > sizeof(t->reply)) {
        abort();
    }
    for (uint32_t row = 0; row < t->rows; row++) {
        if (t->line[row] >= t->rows || seen[t->line[row]]) {
            abort();
        }
        seen[t->line[row]] = true;
    }
}

static void check_wide(struct terminal *t)
{
    for (uint32_t row = 0; row < t->rows; row++) {
        const struct terminal_cell *cells = terminal_row(t, row);
        for (uint32_t i = 0; i < t->columns; i++) {
            bool is_wide = (cells[i].flags & TERMINAL_WIDE) != 0;
            if (is_wide && (i + 1 == t->columns || cells[i + 1].character != ' ')) {
                abort();
            }
        }
    }
}

static void compare(struct terminal *a, struct terminal *b)
{
    for (uint32_t row = 0; row < a->rows; row++) {
        size_t bytes = a->columns * sizeof(struct terminal_cell);
        if (memcmp(terminal_row(a, row), terminal_row(b, row), bytes) != 0) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    uint32_t columns = data[0] % 40 + 1, rows = data[1] % 12 + 1;
    struct terminal_cell *cells = calloc((size_t)columns * rows, sizeof(*cells));
    struct terminal_cell *others = calloc((size_t)columns * rows, sizeof(*others));
    if (cells == NULL || others == NULL) {
        abort();
    }
    struct terminal whole, pieces;
    terminal_init(&whole, cells, columns, rows);
    terminal_init(&pieces, others, columns, rows);
    terminal_write(&whole, data + 2, size - 2);
    for (size_t i = 2; i < size; i++) {
        terminal_write(&pieces, data + i, 1);
        check(&pieces);
    }
    check(&whole);
    check_wide(&whole);
    compare(&whole, &pieces);
    free(cells);
    free(others);
    return 0;
}
