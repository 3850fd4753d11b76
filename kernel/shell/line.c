// SPDX-License-Identifier: MIT
//
// A line being typed; see line.h.
#include "kernel/shell/line.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

#define CTRL(c) ((c) - 'A' + 1)
#define KEY_ESC 0x1b
#define KEY_DEL 0x7f

static void put(struct line_editor *e, const char *s, size_t len)
{
    if (len > 0) {
        e->sink(e->sink_ctx, s, len);
    }
}

static void put_repeated(struct line_editor *e, char c, size_t count)
{
    while (count-- > 0) {
        put(e, &c, 1);
    }
}

static void move_to(struct line_editor *e, size_t cursor)
{
    if (cursor < e->cursor) {
        put_repeated(e, '\b', e->cursor - cursor);
    } else {
        put(e, e->text + e->cursor, cursor - e->cursor);
    }
    e->cursor = cursor;
}

/* Replace [from, to) by `s`, leave the cursor after it, redraw from there to the end. */
static void replace(struct line_editor *e, size_t from, size_t to, const char *s, size_t len)
{
    if (e->len - (to - from) + len >= LINE_MAX) {
        put(e, "\a", 1);
        return;
    }
    size_t old_len = e->len;
    move_to(e, from);
    memmove(e->text + from + len, e->text + to, e->len - to);
    memcpy(e->text + from, s, len);
    e->len = old_len - (to - from) + len;
    e->text[e->len] = '\0';

    put(e, e->text + from, e->len - from);
    size_t gone = old_len > e->len ? old_len - e->len : 0;
    put_repeated(e, ' ', gone);
    put_repeated(e, '\b', gone + (e->len - from - len));
    e->cursor = from + len;
}

static void show(struct line_editor *e, const char *text)
{
    replace(e, 0, e->len, text, strnlen(text, LINE_MAX - 1));
}

static void remember(struct line_editor *e)
{
    if (e->len == 0) {
        return;
    }
    unsigned last = (e->history_count + LINE_HISTORY - 1) % LINE_HISTORY;
    if (e->history_count > 0 && strcmp(e->history[last], e->text) == 0) {
        return;
    }
    memcpy(e->history[e->history_count % LINE_HISTORY], e->text, e->len + 1);
    e->history_count++;
}

/* Show the line `back` steps ago; 0 is the draft. */
static void history_go(struct line_editor *e, unsigned back)
{
    if (back > MIN(e->history_count, (unsigned)LINE_HISTORY)) {
        return;
    }
    if (e->history_back == 0) {
        memcpy(e->draft, e->text, e->len + 1);
    }
    e->history_back = back;
    show(e, back == 0 ? e->draft : e->history[(e->history_count - back) % LINE_HISTORY]);
}

static size_t word_start(const struct line_editor *e)
{
    size_t at = e->cursor;
    while (at > 0 && e->text[at - 1] == ' ') {
        at--;
    }
    while (at > 0 && e->text[at - 1] != ' ') {
        at--;
    }
    return at;
}

static void list_candidates(struct line_editor *e, const char *upto, size_t word)
{
    char out[LINE_WORD_MAX];
    bool final;
    put(e, "\n", 1);
    for (unsigned i = 0; e->completer->candidate(e->completer->ctx, upto, word, i, out, &final);
         i++) {
        put(e, out, strlen(out));
        put(e, "  ", 2);
    }
    put(e, "\n", 1);
    put(e, e->prompt, strlen(e->prompt));
    put(e, e->text, e->len);
    put_repeated(e, '\b', e->len - e->cursor);
}

/* Insert what all candidates agree on; list them if that is nothing new. */
static void complete(struct line_editor *e)
{
    if (e->completer == NULL) {
        return;
    }
    char upto[LINE_MAX], common[LINE_WORD_MAX], out[LINE_WORD_MAX];
    memcpy(upto, e->text, e->cursor);
    upto[e->cursor] = '\0';
    size_t word = e->cursor;
    while (word > 0 && upto[word - 1] != ' ') {
        word--;
    }

    unsigned count = 0;
    size_t agreed = 0;
    bool final = false;
    while (e->completer->candidate(e->completer->ctx, upto, word, count, out, &final)) {
        size_t n = strlen(out);
        if (count == 0) {
            memcpy(common, out, n + 1);
            agreed = n;
        }
        size_t same = 0;
        while (same < agreed && same < n && common[same] == out[same]) {
            same++;
        }
        agreed = same;
        count++;
    }
    if (count == 0) {
        put(e, "\a", 1);
        return;
    }
    bool is_longer = agreed > e->cursor - word;
    if (count > 1 && !is_longer) {
        list_candidates(e, upto, word);
        return;
    }
    replace(e, word, e->cursor, common, agreed);
    if (count == 1 && final) {
        replace(e, e->cursor, e->cursor, " ", 1);
    }
}

static void escape_end(struct line_editor *e, uint8_t byte)
{
    switch (byte) {
    case 'A':
        history_go(e, e->history_back + 1);
        break;
    case 'B':
        if (e->history_back > 0) {
            history_go(e, e->history_back - 1);
        }
        break;
    case 'C':
        move_to(e, MIN(e->cursor + 1, e->len));
        break;
    case 'D':
        move_to(e, e->cursor - (e->cursor > 0));
        break;
    case 'H':
        move_to(e, 0);
        break;
    case 'F':
        move_to(e, e->len);
        break;
    case '~':
        if (e->escape_number == 3 && e->cursor < e->len) {
            replace(e, e->cursor, e->cursor + 1, "", 0);
        } else if (e->escape_number == 1 || e->escape_number == 7) {
            move_to(e, 0);
        } else if (e->escape_number == 4 || e->escape_number == 8) {
            move_to(e, e->len);
        }
        break;
    default:
        break;
    }
}

/* Arrow keys and their kin: ESC [ digits letter, or ESC O letter. */
static void escape_feed(struct line_editor *e, uint8_t byte)
{
    if (e->escape == 1) {
        e->escape = byte == '[' || byte == 'O' ? 2 : 0;
        e->escape_number = 0;
    } else if (byte >= '0' && byte <= '9') {
        e->escape_number = (uint8_t)(e->escape_number * 10 + (byte - '0'));
    } else if (byte != ';') {
        e->escape = 0;
        escape_end(e, byte);
    }
}

static enum line_event control(struct line_editor *e, uint8_t byte)
{
    switch (byte) {
    case '\r':
    case '\n':
        move_to(e, e->len);
        put(e, "\n", 1);
        remember(e);
        return LINE_DONE;
    case CTRL('C'):
        put(e, "^C\n", 3);
        return LINE_CANCEL;
    case KEY_ESC:
        e->escape = 1;
        break;
    case '\t':
        complete(e);
        break;
    case CTRL('A'):
        move_to(e, 0);
        break;
    case CTRL('E'):
        move_to(e, e->len);
        break;
    case CTRL('B'):
        move_to(e, e->cursor - (e->cursor > 0));
        break;
    case CTRL('F'):
        move_to(e, MIN(e->cursor + 1, e->len));
        break;
    case CTRL('P'):
        escape_end(e, 'A');
        break;
    case CTRL('N'):
        escape_end(e, 'B');
        break;
    case CTRL('H'):
    case KEY_DEL:
        if (e->cursor > 0) {
            replace(e, e->cursor - 1, e->cursor, "", 0);
        }
        break;
    case CTRL('D'):
        if (e->cursor < e->len) {
            replace(e, e->cursor, e->cursor + 1, "", 0);
        }
        break;
    case CTRL('K'):
        replace(e, e->cursor, e->len, "", 0);
        break;
    case CTRL('U'):
        replace(e, 0, e->cursor, "", 0);
        break;
    case CTRL('W'):
        replace(e, word_start(e), e->cursor, "", 0);
        break;
    case CTRL('L'):
        put(e, "\n", 1);
        put(e, e->prompt, strlen(e->prompt));
        put(e, e->text, e->len);
        put_repeated(e, '\b', e->len - e->cursor);
        break;
    default:
        break;
    }
    return LINE_MORE;
}

enum line_event line_feed(struct line_editor *e, uint8_t byte)
{
    bool is_second_of_crlf = byte == '\n' && e->after_cr;
    e->after_cr = byte == '\r';
    if (is_second_of_crlf) {
        return LINE_MORE;
    }
    if (e->escape != 0) {
        escape_feed(e, byte);
        return LINE_MORE;
    }
    if (byte < 0x20 || byte == KEY_DEL) {
        return control(e, byte);
    }
    char c = (char)byte;
    replace(e, e->cursor, e->cursor, &c, 1);
    return LINE_MORE;
}

void line_reset(struct line_editor *e)
{
    e->len = e->cursor = 0;
    e->text[0] = '\0';
    e->escape = 0;
    e->history_back = 0;
    put(e, e->prompt, strlen(e->prompt));
}

void line_init(struct line_editor *e, const char *prompt, fmt_sink sink, void *sink_ctx,
               const struct line_completer *completer)
{
    e->prompt = prompt;
    e->sink = sink;
    e->sink_ctx = sink_ctx;
    e->completer = completer;
    e->history_count = 0;
    e->after_cr = false;
    e->len = e->cursor = 0;
    e->text[0] = '\0';
    e->escape = 0;
    e->history_back = 0;
}
