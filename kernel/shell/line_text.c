// SPDX-License-Identifier: MIT
//
// Changes the text of a line and its display together.
#include "kernel/shell/line_internal.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/lib/unicode.h"

const char *line_shown_prompt(const struct line_editor *e)
{
    return e->is_searching ? e->search_prompt : e->prompt;
}

/* True if a text starts with a character that combines with the one before it. */
static bool is_combining(const char *text, size_t len)
{
    uint32_t c;
    return len > 0 && unicode_decode(text, len, &c) > 0 && unicode_columns(c) == 0;
}

size_t line_before(const struct line_editor *e, size_t at)
{
    return unicode_before(e->text, e->len, at);
}

size_t line_after(const struct line_editor *e, size_t at)
{
    return unicode_after(e->text, e->len, at);
}

/* First skip the separators before the cursor, then the word: so the key removes a word even if
 * blanks follow it. Ctrl-W passes only blanks and removes a whole path; Alt-Backspace passes "/"
 * and removes a component. */
size_t line_word_before(const struct line_editor *e, char also)
{
    size_t at = e->cursor;
    while (at > 0 && (e->text[at - 1] == ' ' || e->text[at - 1] == also)) {
        at--;
    }
    while (at > 0 && e->text[at - 1] != ' ' && e->text[at - 1] != also) {
        at--;
    }
    return at;
}

size_t line_word_after(const struct line_editor *e)
{
    size_t at = e->cursor;
    while (at < e->len && (e->text[at] == ' ' || e->text[at] == '/')) {
        at++;
    }
    while (at < e->len && e->text[at] != ' ' && e->text[at] != '/') {
        at++;
    }
    return at;
}

/* Measured from the start each time. A line is short, and a stored position would have to follow
 * every change of the width. */
static size_t cell_of(const struct line_editor *e, size_t at)
{
    const char *prompt = line_shown_prompt(e);
    size_t start = line_cell_after(&e->screen, 0, prompt, strlen(prompt));
    return line_cell_after(&e->screen, start, e->text, at);
}

/* Without a known width the cursor moves right by writing the text that it passes. */
void line_move_to(struct line_editor *e, size_t cursor)
{
    if (e->screen.columns == 0 && cursor > e->cursor) {
        line_write(&e->screen, e->text + e->cursor, cursor - e->cursor);
    } else {
        line_move(&e->screen, cell_of(e, cursor));
    }
    e->cursor = cursor;
}

/* The position from which to draw if `next` is put at `from`. A combining character is written
 * together with its base character, unless the terminal has just written
 * that, in the current row. */
static size_t drawn_from(const struct line_editor *e, size_t from, const char *next, size_t len)
{
    unsigned columns = e->screen.columns;
    if (!is_combining(next, len)) {
        return from;
    }
    bool is_behind_it = from == e->len && (columns == 0 || cell_of(e, from) % columns != 0);
    return is_behind_it ? from : line_before(e, from);
}

/* Every edit goes through here; it keeps text, length, cursor and screen consistent. Only the part
 * from the change on is drawn. A text that would become too long is refused as a whole, so a
 * completion is never cut in the middle of a name. */
void line_replace(struct line_editor *e, size_t from, size_t to, const char *s, size_t len)
{
    if (e->len - (to - from) + len >= LINE_MAX) {
        if (!e->is_too_long) {
            line_put(&e->screen, "\a", 1); /* once: a bell takes a serial line as long as a key */
        }
        e->is_too_long = true;
        return;
    }
    size_t first = drawn_from(e, from, len > 0 ? s : e->text + to, len > 0 ? len : e->len - to);
    line_move_to(e, first);
    memmove(e->text + from + len, e->text + to, e->len - to);
    memcpy(e->text + from, s, len);
    e->len = e->len - (to - from) + len;
    e->text[e->len] = '\0';
    line_write(&e->screen, e->text + first, e->len - first);
    line_clear_rest(&e->screen);
    e->cursor = from + len;
    if (e->cursor != e->len) {
        line_move(&e->screen, cell_of(e, e->cursor));
    }
}

/* Text removed directly after other removed text is joined with it. */
void line_kill(struct line_editor *e, size_t from, size_t to)
{
    size_t kept = e->after_kill ? strlen(e->killed) : 0;
    size_t len = to - from;
    if (kept + len < LINE_MAX) {
        size_t at = to <= e->cursor ? 0 : kept;
        memmove(e->killed + at + len, e->killed + at, kept - at);
        memcpy(e->killed + at, e->text + from, len);
        e->killed[kept + len] = '\0';
    }
    line_replace(e, from, to, "", 0);
}

void line_yank(struct line_editor *e)
{
    line_replace(e, e->cursor, e->cursor, e->killed, strlen(e->killed));
}

void line_show(struct line_editor *e, const char *text)
{
    line_replace(e, 0, e->len, text, strnlen(text, LINE_MAX - 1));
}

void line_draw(struct line_editor *e)
{
    const char *prompt = line_shown_prompt(e);
    line_write(&e->screen, prompt, strlen(prompt));
    line_write(&e->screen, e->text, e->len);
    line_clear_rest(&e->screen);
    line_move(&e->screen, cell_of(e, e->cursor));
}

/* If a wide character did not fit at the end of a row, the positions of the text depend
 * on the width. */
void line_set_columns(struct line_editor *e, unsigned columns)
{
    struct line_screen *s = &e->screen;
    bool was_unknown = s->columns == 0;
    s->columns = columns;
    s->at = cell_of(e, e->cursor);
    s->end = MAX(s->at, cell_of(e, e->len));
    if (was_unknown && s->at > 0 && s->at % columns == 0) {
        line_put(s, "\n", 1); /* as line_write() would have done */
    }
}
