// SPDX-License-Identifier: MIT
//
// Control characters and sequences: ECMA-48 (5th edition) and some additions of xterm, each named
// where it is handled ("XTerm Control Sequences"). Unknown sequences are skipped as a whole.
#include "drivers/video/terminal_internal.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

#define PARAM_MAX 9999u
#define TAB_WIDTH 8u

enum control {
    BS = 8,
    TAB = 9,
    LF = 10,
    VT = 11,
    FF = 12,
    CR = 13,
    CAN = 24,
    SUB = 26,
    ESC = 27,
    BEL = 7
};

/* Parameter `i`, or `otherwise` if it is absent or 0. */
static uint32_t param(const struct terminal *t, uint32_t i, uint32_t otherwise)
{
    return i < t->param_count && t->params[i] != 0 ? t->params[i] : otherwise;
}

static uint32_t minus(uint32_t a, uint32_t b)
{
    return a > b ? a - b : 0;
}

static void reply(struct terminal *t, const char *text)
{
    size_t len = strlen(text);
    /* if the program does not read its answers, later ones are lost */
    if (len <= sizeof(t->reply) - t->reply_len) {
        memcpy(t->reply + t->reply_len, text, len);
        t->reply_len = (uint8_t)(t->reply_len + len);
    }
}

/* --- Colours: SGR, ECMA-48 8.3.117 --- */

/* The nearest of the cube's six levels 0, 95, 135, 175, 215, 255. */
static uint32_t cube_level(uint32_t value)
{
    return value < 48 ? 0 : value < 115 ? 1 : (value - 35) / 40;
}

static uint8_t nearest_colour(uint32_t red, uint32_t green, uint32_t blue)
{
    return (uint8_t)(16 + 36 * cube_level(MIN(red, 255u)) + 6 * cube_level(MIN(green, 255u)) +
                     cube_level(MIN(blue, 255u)));
}

/* xterm: 38;5;N or 38;2;R;G;B at params[i]. Returns how many parameters follow params[i]. */
static uint32_t read_colour(const struct terminal *t, uint32_t i, uint8_t *out)
{
    uint32_t left = t->param_count - i - 1;
    const uint32_t *p = &t->params[i];
    if (left >= 2 && p[1] == 5) {
        *out = (uint8_t)MIN(p[2], 255u);
        return 2;
    }
    if (left >= 4 && p[1] == 2) {
        *out = nearest_colour(p[2], p[3], p[4]);
        return 4;
    }
    return left;
}

static void set_flag(struct terminal_cell *pen, uint32_t flag, bool on)
{
    pen->flags = on ? pen->flags | flag : pen->flags & ~flag;
}

static void set_plain_rendition(struct terminal_cell *pen, uint32_t code)
{
    if (code >= 30 && code <= 37) {
        pen->foreground = (uint8_t)(code - 30);
    } else if (code >= 40 && code <= 47) {
        pen->background = (uint8_t)(code - 40);
    } else if (code >= 90 && code <= 97) {
        pen->foreground = (uint8_t)(code - 90 + 8);
    } else if (code >= 100 && code <= 107) {
        pen->background = (uint8_t)(code - 100 + 8);
    }
}

static void set_rendition(struct terminal_cell *pen, uint32_t code)
{
    switch (code) {
    case 0:
        *pen = (struct terminal_cell){
            .character = ' ', .foreground = TERMINAL_FOREGROUND, .background = TERMINAL_BACKGROUND};
        break;
    case 1:
        set_flag(pen, TERMINAL_BOLD, true);
        break;
    case 4:
        set_flag(pen, TERMINAL_UNDERLINE, true);
        break;
    case 7:
        set_flag(pen, TERMINAL_REVERSE, true);
        break;
    case 22:
        set_flag(pen, TERMINAL_BOLD, false);
        break;
    case 24:
        set_flag(pen, TERMINAL_UNDERLINE, false);
        break;
    case 27:
        set_flag(pen, TERMINAL_REVERSE, false);
        break;
    case 39:
        pen->foreground = TERMINAL_FOREGROUND;
        break;
    case 49:
        pen->background = TERMINAL_BACKGROUND;
        break;
    default:
        set_plain_rendition(pen, code);
        break;
    }
}

static void select_rendition(struct terminal *t)
{
    struct terminal_cell *pen = &t->cursor.pen;
    if (t->param_count == 0) {
        set_rendition(pen, 0);
    }
    for (uint32_t i = 0; i < t->param_count; i++) {
        if (t->params[i] == 38) {
            i += read_colour(t, i, &pen->foreground);
        } else if (t->params[i] == 48) {
            i += read_colour(t, i, &pen->background);
        } else {
            set_rendition(pen, t->params[i]);
        }
    }
}

/* --- Erasing and editing --- */

static void erase_rows(struct terminal *t, uint32_t from, uint32_t to)
{
    for (uint32_t row = from; row < to; row++) {
        terminal_erase(t, row, 0, t->columns);
    }
}

/* ED: 0 from the cursor to the end, 1 from the start to the cursor, 2 and 3 all. */
static void erase_display(struct terminal *t, uint32_t what)
{
    uint32_t row = t->cursor.row;
    if (what == 0) {
        terminal_erase(t, row, t->cursor.column, t->columns);
        erase_rows(t, row + 1, t->rows);
    } else if (what == 1) {
        erase_rows(t, 0, row);
        terminal_erase(t, row, 0, t->cursor.column + 1);
    } else if (what <= 3) {
        erase_rows(t, 0, t->rows);
    }
    t->wrap_pending = false;
}

/* EL: the same numbers, for the line. */
static void erase_line(struct terminal *t, uint32_t what)
{
    if (what <= 2) {
        uint32_t from = what == 0 ? t->cursor.column : 0;
        uint32_t to = what == 1 ? t->cursor.column + 1 : t->columns;
        terminal_erase(t, t->cursor.row, from, to);
    }
    t->wrap_pending = false;
}

/* ICH and DCH: move the rest of the line right or left by `count`. */
static void shift_line(struct terminal *t, uint32_t count, bool right)
{
    struct terminal_cell *at = terminal_cells(t, t->cursor.row) + t->cursor.column;
    uint32_t rest = t->columns - t->cursor.column;
    count = MIN(count, rest);
    terminal_split(t, t->cursor.row, t->cursor.column);
    terminal_split(t, t->cursor.row, right ? t->columns - count : t->cursor.column + count);
    if (right) {
        memmove(at + count, at, (rest - count) * sizeof(*at));
        terminal_erase(t, t->cursor.row, t->cursor.column, t->cursor.column + count);
    } else {
        memmove(at, at + count, (rest - count) * sizeof(*at));
        terminal_erase(t, t->cursor.row, t->columns - count, t->columns);
    }
    t->wrap_pending = false;
}

/* IL and DL: no effect outside the scroll region. */
static void shift_rows(struct terminal *t, uint32_t count, bool down)
{
    if (t->cursor.row < t->top || t->cursor.row >= t->bottom) {
        return;
    }
    if (down) {
        terminal_scroll_down(t, t->cursor.row, t->bottom, count);
    } else {
        terminal_scroll_up(t, t->cursor.row, t->bottom, count);
    }
    terminal_move(t, 0, t->cursor.row);
}

/* DECSTBM: rows count from 1, and the last one belongs to the region. */
static void set_region(struct terminal *t)
{
    uint32_t top = param(t, 0, 1) - 1;
    uint32_t bottom = MIN(param(t, 1, t->rows), t->rows);
    if (top + 1 < bottom || t->rows == 1) {
        t->top = MIN(top, t->rows - 1);
        t->bottom = bottom;
        terminal_move(t, 0, 0);
    }
}

/* --- Cursor --- */

static void save_cursor(struct terminal *t)
{
    t->saved = t->cursor;
}

static void restore_cursor(struct terminal *t)
{
    uint32_t column = t->saved.column, row = t->saved.row;
    t->cursor.pen = t->saved.pen;
    terminal_move(t, column, row);
}

/* Up and down stop at the edge of the scroll region if they start in it. */
static void move_up(struct terminal *t, uint32_t count, uint32_t column)
{
    uint32_t limit = t->cursor.row >= t->top ? t->top : 0;
    terminal_move(t, column, MAX(minus(t->cursor.row, count), limit));
}

static void move_down(struct terminal *t, uint32_t count, uint32_t column)
{
    uint32_t limit = t->cursor.row < t->bottom ? t->bottom : t->rows;
    terminal_move(t, column, MIN(t->cursor.row + count, limit - 1));
}

static void report(struct terminal *t, uint32_t what)
{
    char text[TERMINAL_REPLY_MAX];
    if (what == 5) {
        reply(t, "\x1b[0n"); /* it means "ready" */
    } else if (what == 6) {
        fmt_print(text, sizeof(text), "\x1b[%u;%uR", t->cursor.row + 1, t->cursor.column + 1);
        reply(t, text);
    }
}

/* DECSET and DECRST. xterm has a second screen; here it is the same screen, cleared, and the old
 * contents are lost. */
static void set_private_mode(struct terminal *t, uint32_t mode, bool on)
{
    switch (mode) {
    case 7:
        t->is_wrapping = on;
        t->wrap_pending = false;
        break;
    case 25:
        t->is_cursor_hidden = !on;
        terminal_touch(t, t->cursor.row);
        break;
    case 1049:
        if (on) {
            save_cursor(t);
        }
        erase_display(t, 2);
        if (!on) {
            restore_cursor(t);
        }
        break;
    default:
        break;
    }
}

static void full_reset(struct terminal *t)
{
    terminal_reset(t);
    erase_display(t, 2);
    terminal_move(t, 0, 0);
}

/* --- Sequences --- */

static void move_by_sequence(struct terminal *t, uint8_t final)
{
    uint32_t n = param(t, 0, 1);
    uint32_t column = t->cursor.column, row = t->cursor.row;
    switch (final) {
    case 'A':
        move_up(t, n, column);
        break;
    case 'B':
    case 'e':
        move_down(t, n, column);
        break;
    case 'C':
    case 'a':
        terminal_move(t, column + n, row);
        break;
    case 'D':
        terminal_move(t, minus(column, n), row);
        break;
    case 'E':
        move_down(t, n, 0);
        break;
    case 'F':
        move_up(t, n, 0);
        break;
    case 'G':
    case '`':
        terminal_move(t, n - 1, row);
        break;
    case 'H':
    case 'f':
        terminal_move(t, param(t, 1, 1) - 1, n - 1);
        break;
    case 'I':
        terminal_move(t, ALIGN_DOWN(column, TAB_WIDTH) + n * TAB_WIDTH, row);
        break;
    case 'Z':
        terminal_move(t, minus(ALIGN_UP(column, TAB_WIDTH), n * TAB_WIDTH), row);
        break;
    case 'd':
        terminal_move(t, column, n - 1);
        break;
    default:
        break;
    }
}

static void edit_by_sequence(struct terminal *t, uint8_t final)
{
    uint32_t n = param(t, 0, 1);
    switch (final) {
    case 'J':
        erase_display(t, param(t, 0, 0));
        break;
    case 'K':
        erase_line(t, param(t, 0, 0));
        break;
    case 'X':
        terminal_erase(t, t->cursor.row, t->cursor.column, MIN(t->cursor.column + n, t->columns));
        break;
    case '@':
    case 'P':
        shift_line(t, n, final == '@');
        break;
    case 'L':
    case 'M':
        shift_rows(t, n, final == 'L');
        break;
    case 'S':
        terminal_scroll_up(t, t->top, t->bottom, n);
        break;
    case 'T':
        terminal_scroll_down(t, t->top, t->bottom, n);
        break;
    default:
        move_by_sequence(t, final);
        break;
    }
}

static void execute_private(struct terminal *t, uint8_t final)
{
    if (t->prefix == '?' && (final == 'h' || final == 'l')) {
        for (uint32_t i = 0; i < t->param_count; i++) {
            set_private_mode(t, t->params[i], final == 'h');
        }
    }
}

static void execute(struct terminal *t, uint8_t final)
{
    if (t->prefix != 0) {
        execute_private(t, final);
        return;
    }
    switch (final) {
    case 'm':
        select_rendition(t);
        break;
    case 'r':
        set_region(t);
        break;
    case 's':
        save_cursor(t);
        break;
    case 'u':
        restore_cursor(t);
        break;
    case 'n':
        report(t, param(t, 0, 0));
        break;
    case 'c':
        reply(t, "\x1b[?6c"); /* the answer of a VT102 */
        break;
    default:
        edit_by_sequence(t, final);
        break;
    }
}

static void begin_sequence(struct terminal *t)
{
    t->state = STATE_CSI;
    t->prefix = 0;
    t->param_count = 0;
    memset(t->params, 0, sizeof(t->params));
}

static void add_digit(struct terminal *t, uint8_t byte)
{
    t->param_count = MAX(t->param_count, 1u);
    uint32_t *p = &t->params[t->param_count - 1];
    *p = MIN(*p * 10 + (byte - '0'), PARAM_MAX);
}

static void next_param(struct terminal *t)
{
    t->param_count = MAX(t->param_count, 1u);
    if (t->param_count == TERMINAL_PARAMS_MAX) {
        t->state = STATE_CSI_IGNORE; /* a sequence with so many parameters is not valid */
        return;
    }
    t->param_count++;
}

static void csi_byte(struct terminal *t, uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        add_digit(t, byte);
    } else if (byte == ';' || byte == ':') {
        next_param(t);
    } else if (byte >= '<' && byte <= '?' && t->param_count == 0 && t->prefix == 0) {
        t->prefix = byte;
    } else if (byte >= '@' && byte <= '~') {
        t->state = STATE_GROUND;
        execute(t, byte);
    } else {
        t->state = STATE_CSI_IGNORE;
    }
}

static void escape_byte(struct terminal *t, uint8_t byte)
{
    t->state = STATE_GROUND;
    switch (byte) {
    case '[':
        begin_sequence(t);
        break;
    case ']': /* OSC, DCS, SOS, PM, APC */
    case 'P':
    case 'X':
    case '^':
    case '_':
        t->state = STATE_STRING;
        break;
    case '(':
    case ')':
    case '*':
    case '+':
    case '#':
    case '%':
        t->state = STATE_ESCAPE_SKIP;
        break;
    case '7':
        save_cursor(t);
        break;
    case '8':
        restore_cursor(t);
        break;
    case 'D':
        terminal_line_feed(t);
        break;
    case 'E':
        t->cursor.column = 0;
        terminal_line_feed(t);
        break;
    case 'M':
        terminal_reverse_line_feed(t);
        break;
    case 'c':
        full_reset(t);
        break;
    default:
        break;
    }
}

/* A line end inside a string means that the program did not intend a string: show the bytes from
 * here on. */
static void string_byte(struct terminal *t, uint8_t byte)
{
    if (byte == ESC) {
        t->state = STATE_STRING_ESCAPE;
    } else if (byte == BEL || byte == LF) {
        t->state = STATE_GROUND;
    }
}

static void control_byte(struct terminal *t, uint8_t byte)
{
    switch (byte) {
    case BS:
        terminal_move(t, minus(t->cursor.column, 1), t->cursor.row);
        break;
    case TAB:
        terminal_move(t, ALIGN_DOWN(t->cursor.column, TAB_WIDTH) + TAB_WIDTH, t->cursor.row);
        break;
    case LF:
    case VT:
    case FF:
        terminal_line_feed(t);
        break;
    case CR:
        terminal_move(t, 0, t->cursor.row);
        break;
    default:
        break;
    }
}

static void sequence_byte(struct terminal *t, uint8_t byte)
{
    switch (t->state) {
    case STATE_ESCAPE:
        escape_byte(t, byte);
        break;
    case STATE_CSI:
        csi_byte(t, byte);
        break;
    case STATE_CSI_IGNORE:
        t->state = byte >= '@' && byte <= '~' ? STATE_GROUND : STATE_CSI_IGNORE;
        break;
    default:
        t->state = STATE_GROUND;
        break;
    }
}

void terminal_execute(struct terminal *t, uint8_t byte)
{
    if (byte == CAN || byte == SUB) {
        t->state = STATE_GROUND;
    } else if (t->state == STATE_STRING) {
        string_byte(t, byte);
    } else if (byte == ESC) {
        t->state = STATE_ESCAPE;
        /* ESC \ ends the string, another byte after ESC begins a new sequence */
    } else if (t->state == STATE_STRING_ESCAPE) {
        t->state = STATE_ESCAPE;
        sequence_byte(t, byte);
    } else if (byte < ' ') {
        control_byte(t, byte);
    } else {
        sequence_byte(t, byte);
    }
}
