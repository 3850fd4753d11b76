// SPDX-License-Identifier: MIT
//
// Lines of piped input, which is data: no byte of it is a key, and nothing is edited.
#include "kernel/shell/line_internal.h"

#include "kernel/lib/string.h"
#include "kernel/shell/command.h"

/* Bytes that could control the terminal are escaped, except tabs: scripts are indented with them.
 * Each tab becomes the end of the piece before it for a moment. */
static void show(struct line_editor *e)
{
    char *text = e->text;
    for (char *tab = strchr(text, '\t'); tab != NULL; tab = strchr(text, '\t')) {
        *tab = '\0';
        shell_escape_name(text, e->screen.sink, e->screen.sink_ctx);
        line_put(&e->screen, "\t", 1);
        *tab = '\t';
        text = tab + 1;
    }
    shell_escape_name(text, e->screen.sink, e->screen.sink_ctx);
}

/* As for keys, CR ends a line, and LF after it is a part of the same end. */
enum line_event line_feed_data(struct line_editor *e, uint8_t byte)
{
    bool is_second_of_crlf = byte == '\n' && e->after_cr;
    e->after_cr = byte == '\r';
    if (is_second_of_crlf) {
        return LINE_MORE;
    }
    if (byte != '\n' && byte != '\r') {
        if (e->len == LINE_MAX - 1) {
            e->is_too_long = true;
        } else {
            e->text[e->len++] = (char)byte;
        }
        return LINE_MORE;
    }
    e->text[e->len] = '\0';
    show(e);
    bool has_zero = strlen(e->text) < e->len;
    if (!e->is_too_long && !has_zero) {
        return LINE_DONE;
    }
    line_leave(&e->screen); /* a command that is cut must not run */
    return has_zero ? LINE_HAS_ZERO : LINE_TOO_LONG;
}
