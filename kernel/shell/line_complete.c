// SPDX-License-Identifier: MIT
//
// The Tab key: insert the common prefix of all candidates; at the second Tab, list them in columns.
#include "kernel/shell/line_internal.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

#define COLUMNS_UNKNOWN 80
#define GAP             2

/** The word before the cursor, and its candidates. */
struct word {
    char upto[LINE_MAX]; /* the line up to the cursor */
    size_t start;
    char common[LINE_WORD_MAX]; /* longest common prefix of all candidates */
    size_t agreed;
    unsigned count;
    bool final; /* as reported for the last candidate */
};

static bool candidate(struct line_editor *e, struct word *w, unsigned i, char *out)
{
    const struct line_completer *c = e->completer;
    return c->candidate(c->ctx, w->upto, w->start, i, out, &w->final);
}

/* Count the candidates and find their longest common prefix. Candidates are not stored: the
 * completer returns each one by its index, and again when they are listed. */
static void survey(struct line_editor *e, struct word *w)
{
    char out[LINE_WORD_MAX];
    for (; candidate(e, w, w->count, out); w->count++) {
        size_t n = strlen(out);
        if (w->count == 0) {
            memcpy(w->common, out, n + 1);
            w->agreed = n;
        }
        size_t same = 0;
        while (same < w->agreed && same < n && w->common[same] == out[same]) {
            same++;
        }
        w->agreed = same;
    }
    while (w->agreed > 0 && ((uint8_t)w->common[w->agreed] & 0xc0) == 0x80) {
        w->agreed--; /* do not split a character */
    }
}

/* For a path, the part after the last directory. */
static const char *shown_part(const char *word)
{
    for (const char *p = word; *p != '\0'; p++) {
        if (p[0] == '/' && p[1] != '\0') {
            word = p + 1;
        }
    }
    return word;
}

static size_t widest_candidate(struct line_editor *e, struct word *w)
{
    char out[LINE_WORD_MAX];
    size_t widest = 0;
    for (unsigned i = 0; candidate(e, w, i, out); i++) {
        const char *name = shown_part(out);
        widest = MAX(widest, line_cells(name, strlen(name)));
    }
    return widest;
}

/* Candidates are printed row by row, not column by column, because they arrive one by one and are
 * not stored. The last column of the terminal stays empty: a character there would make some
 * terminals wrap and others not. */
static void list(struct line_editor *e, struct word *w)
{
    struct line_screen *s = &e->screen;
    char out[LINE_WORD_MAX];
    size_t columns = s->columns != 0 ? s->columns : COLUMNS_UNKNOWN;
    size_t width = widest_candidate(e, w) + GAP;
    size_t per_row = MAX((size_t)1, (columns - 1) / width), pad = 0;
    size_t cursor = e->cursor;
    line_move_to(e, e->len);
    line_leave(s);
    for (unsigned i = 0; candidate(e, w, i, out); i++) {
        if (i > 0 && i % per_row == 0) {
            line_put(s, "\n", 1);
            pad = 0;
        }
        for (; pad > 0; pad--) {
            line_put(s, " ", 1);
        }
        const char *name = shown_part(out);
        line_put(s, name, strlen(name));
        /* A longer name may have appeared since they were measured; it takes more than a column. */
        size_t cells = line_cells(name, strlen(name));
        pad = width > cells + GAP ? width - cells : GAP;
    }
    line_put(s, "\n", 1);
    e->cursor = cursor;
    line_draw(e);
}

/* A word ends at a blank. With one candidate, a blank is added after it if nothing can follow
 * in the same word (`final`). If the prefix brings nothing new, the first Tab beeps and the
 * second lists. */
void line_complete(struct line_editor *e)
{
    if (e->completer == NULL) {
        return;
    }
    static const struct word empty;
    struct word w = empty;
    memcpy(w.upto, e->text, e->cursor);
    w.upto[e->cursor] = '\0';
    w.start = e->cursor;
    while (w.start > 0 && w.upto[w.start - 1] != ' ') {
        w.start--;
    }
    survey(e, &w);
    bool was_tab = e->after_tab;
    if (w.agreed > e->cursor - w.start || w.count == 1) {
        line_replace(e, w.start, e->cursor, w.common, w.agreed);
        if (w.count == 1 && w.final && e->text[e->cursor] != ' ') {
            line_replace(e, e->cursor, e->cursor, " ", 1);
        }
    } else if (w.count > 1 && was_tab) {
        list(e, &w);
    } else {
        line_put(&e->screen, "\a", 1);
        e->after_tab = true;
    }
}
