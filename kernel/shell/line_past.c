// SPDX-License-Identifier: MIT
//
// The history of lines: stepping through it and searching it.
#include "kernel/shell/line_internal.h"

#include "kernel/lib/string.h"

#define CTRL(c) ((c) - 'A' + 1)
#define KEY_DEL 0x7f

/* The i-th oldest line; i may be the number of lines. */
static char *nth(struct line_editor *e, unsigned i)
{
    char *line = e->past;
    while (i-- > 0) {
        line += strlen(line) + 1;
    }
    return line;
}

/* The line from `back` steps ago, starting with 1. */
static const char *past(struct line_editor *e, unsigned back)
{
    return nth(e, e->history_count - back);
}

static void forget(struct line_editor *e, char *line)
{
    size_t size = strlen(line) + 1;
    e->past_len -= size;
    memmove(line, line + size, e->past_len - (size_t)(line - e->past));
    e->history_count--;
}

/* Each line is stored once, as the newest. */
void line_remember(struct line_editor *e)
{
    if (e->len == 0) {
        return;
    }
    char *line = e->past;
    for (unsigned i = 0; i < e->history_count; i++) {
        if (strcmp(line, e->text) == 0) {
            forget(e, line);
            break;
        }
        line += strlen(line) + 1;
    }
    while (e->history_count == LINE_HISTORY || e->past_len + e->len + 1 > LINE_PAST_MAX) {
        forget(e, e->past);
    }
    memcpy(e->past + e->past_len, e->text, e->len + 1);
    e->past_len += e->len + 1;
    e->history_count++;
}

void line_history_go(struct line_editor *e, unsigned back)
{
    if (back > e->history_count) {
        return;
    }
    if (e->history_back == 0) {
        memcpy(e->draft, e->text, e->len + 1);
    }
    e->history_back = back;
    line_show(e, back == 0 ? e->draft : past(e, back));
}

/* --- search --- */

/* Changes only the text; the caller draws. */
static void set_text(struct line_editor *e, const char *text)
{
    e->len = strnlen(text, LINE_MAX - 1);
    memmove(e->text, text, e->len);
    e->text[e->len] = '\0';
    e->cursor = e->len;
}

/* The prompt shows the words that are searched, so its length changes with each key; the line is
 * drawn again from its first cell. */
static void draw_search(struct line_editor *e, bool is_found)
{
    line_move(&e->screen, 0);
    fmt_print(e->search_prompt, sizeof e->search_prompt, "(%ssearch \"%s\") ",
              is_found ? "" : "no match in ", e->wanted);
    line_draw(e);
}

/* Search from `back` steps ago, towards older lines. */
static void search(struct line_editor *e, unsigned back)
{
    for (unsigned i = back; i <= e->history_count; i++) {
        if (i > 0 && str_contains(past(e, i), e->wanted)) {
            e->history_back = i;
            line_move(&e->screen, 0);
            set_text(e, past(e, i));
            draw_search(e, true);
            return;
        }
    }
    draw_search(e, e->wanted[0] == '\0');
}

void line_search_start(struct line_editor *e)
{
    if (e->history_back == 0) {
        memcpy(e->draft, e->text, e->len + 1);
    }
    line_move(&e->screen, 0);
    e->is_searching = true;
    e->wanted[0] = '\0';
    draw_search(e, true);
}

static void search_end(struct line_editor *e)
{
    line_move(&e->screen, 0);
    e->is_searching = false;
    line_draw(e);
}

/* A key that is not part of the search ends it with the match as the line being edited, and is then
 * interpreted as usual: hence false. Ctrl-R again searches older lines; a longer word may still
 * match the line that is shown; a shorter one starts again at the newest. */
bool line_search_key(struct line_editor *e, uint8_t byte)
{
    size_t n = strlen(e->wanted);
    if (byte == CTRL('R')) {
        search(e, e->history_back + 1);
    } else if (byte == CTRL('G') || byte == CTRL('C')) {
        line_move(&e->screen, 0);
        e->history_back = 0;
        set_text(e, e->draft);
        search_end(e);
    } else if ((byte == KEY_DEL || byte == CTRL('H')) && n > 0) {
        e->wanted[n - 1] = '\0';
        search(e, 1);
    } else if (byte >= ' ' && byte < KEY_DEL && n + 1 < sizeof e->wanted) {
        e->wanted[n] = (char)byte;
        e->wanted[n + 1] = '\0';
        search(e, e->history_back > 0 ? e->history_back : 1);
    } else {
        search_end(e);
        return false;
    }
    return true;
}
