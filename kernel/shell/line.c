// SPDX-License-Identifier: MIT
//
// The line editor's input: turns bytes into characters, control keys and special keys, and asks the
// terminal for its width. See line.h.
#include "kernel/shell/line.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/lib/unicode.h"
#include "kernel/shell/line_internal.h"

/* Bytes pass through three stages. line_feed() takes a byte; while an answer of the terminal is
 * awaited, take_while_waiting() sorts it into the answer or into `pending`. line_resume() takes
 * bytes from `pending` one by one, and first asks the terminal if the next byte needs its width.
 * key() interprets one byte, depending on the state: searching, inside an escape sequence, inside a
 * multi-byte character, or none.
 *
 * The answer to a question is awaited before anything else is interpreted, because keys typed ahead
 * arrive mixed with it. continues_answer() accepts only bytes that can continue ESC [ row ; column
 * R; everything else was typed.
 *
 * Nothing here trusts the terminal: numbers are limited, sequences have a bounded state and end at
 * the first byte that does not belong to them, and characters that could control a terminal are
 * replaced (unicode_is_harmless()). */

#define CTRL(c) ((c) - 'A' + 1)
#define KEY_ESC 0x1b
#define KEY_DEL 0x7f

/* A line of fewer cells is not wrapped by any terminal, so the width is not needed. */
#define SURELY_ONE_ROW 20

/* After this many unanswered questions no further one is asked. */
#define UNANSWERED_MAX 2

#define COLUMNS_MIN 8
#define COLUMNS_MAX 1000

enum escape_state {
    ESCAPE_NONE,
    ESCAPE_STARTED,
    ESCAPE_CSI,
    ESCAPE_SS3,
    ESCAPE_STRING,
    ESCAPE_STRING_ENDING, /* an ESC was received in it */
};

/* --- asking for the width --- */

/* Save the cursor, move right as far as possible (a terminal stops at its edge), request the
 * position, restore the cursor: DECSC, CUF, DSR, DECRC. */
static void query_width(struct line_editor *e)
{
    static const char question[] = "\0337\033[999C\033[6n\0338";
    line_put(&e->screen, question, sizeof question - 1);
    e->is_waiting = e->has_asked = true;
    e->answer_len = 0;
    e->answer[0] = '\0';
}

/* True for keys that a script does not send, and those that cannot be drawn without
 * knowing the width. */
static bool needs_terminal(const struct line_editor *e, uint8_t byte)
{
    switch (byte) {
    case CTRL('C'):
    case CTRL('D'):
    case '\t':
    case '\r':
    case '\n':
        return false;
    case CTRL('H'):
    case KEY_DEL:
        return e->screen.end >= SURELY_ONE_ROW;
    default:
        return byte < ' ';
    }
}

/* `pending` never overflows: line_feed() stops waiting while there is still room for the answer
 * collected so far, and without waiting each byte is handled before the next one arrives. The limit
 * here is a second line of defence; bytes beyond it are lost. */
static void push_pending(struct line_editor *e, const char *bytes, unsigned len)
{
    len = MIN(len, LINE_PENDING_MAX - e->pending_len);
    memcpy(e->pending + e->pending_len, bytes, len);
    e->pending_len += len;
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* ESC [ row ; column R. Returns false if the byte cannot follow those before it. */
static bool continues_answer(const struct line_editor *e, uint8_t byte)
{
    const char *semicolon = strchr(e->answer, ';');
    if (e->answer_len == 0) {
        return byte == KEY_ESC;
    }
    if (e->answer_len == 1) {
        return byte == '[';
    }
    bool after_digit = is_digit((uint8_t)e->answer[e->answer_len - 1]);
    return e->answer_len < sizeof e->answer - 1 &&
           (is_digit(byte) || (byte == ';' && semicolon == NULL && after_digit) ||
            (byte == 'R' && semicolon != NULL && after_digit));
}

/* The question moved the cursor to the right edge, so the column of the answer is the width. An
 * absurd value is limited: everything else divides by it. */
static unsigned answered_columns(const struct line_editor *e)
{
    unsigned columns = 0;
    const char *at = strchr(e->answer, ';');
    for (at++; is_digit((uint8_t)*at) && columns < COLUMNS_MAX; at++) {
        columns = columns * 10 + (unsigned)(*at - '0');
    }
    return MAX((unsigned)COLUMNS_MIN, MIN(columns, (unsigned)COLUMNS_MAX));
}

/* Handle a byte while the answer is awaited: it is a part of it, or was typed meanwhile. */
static void take_while_waiting(struct line_editor *e, uint8_t byte)
{
    if (!continues_answer(e, byte)) {
        push_pending(e, e->answer, e->answer_len);
        e->answer_len = 0;
        e->answer[0] = '\0';
        if (byte != KEY_ESC) {
            push_pending(e, (const char *)&byte, 1);
            return;
        }
    }
    e->answer[e->answer_len++] = (char)byte;
    e->answer[e->answer_len] = '\0';
    if (byte == 'R') {
        e->is_waiting = false;
        e->unanswered = 0;
        line_set_columns(e, answered_columns(e));
    }
}

/* The bytes collected so far were not an answer, so they are keys. The width counts as unknown,
 * which works on any terminal. One that was silent twice in a row is not asked again. */
static void give_up_waiting(struct line_editor *e)
{
    push_pending(e, e->answer, e->answer_len);
    e->is_waiting = false;
    e->unanswered++;
    e->screen.columns = 0;
}

/* --- keys --- */

/* Without the test, a key that changes nothing would still make the terminal draw. */
static void move_or_stay(struct line_editor *e, size_t cursor)
{
    if (cursor != e->cursor) {
        line_move_to(e, cursor);
    }
}

static void remove_range(struct line_editor *e, size_t from, size_t to)
{
    if (from != to) {
        line_replace(e, from, to, "", 0);
    }
}

/* Stepping to a newer line ends at the line being typed, which is 0 steps back. */
static void history_step(struct line_editor *e, bool is_older)
{
    if (is_older || e->history_back > 0) {
        line_history_go(e, is_older ? e->history_back + 1 : e->history_back - 1);
    }
}

/* A terminal of unknown width may not even know the sequence that clears it, so the line is
 * drawn again below instead. */
static void clear_screen(struct line_editor *e)
{
    if (e->screen.columns == 0) {
        line_move_to(e, e->len);
        line_leave(&e->screen);
    } else {
        line_put(&e->screen, "\033[H\033[2J", 7);
        e->screen.at = e->screen.end = 0;
    }
    line_draw(e);
}

/* ESC [ number ~: sent by the VT220 and similar terminals. */
static void numbered_key(struct line_editor *e)
{
    switch (e->number[0]) {
    case 1:
    case 7:
        move_or_stay(e, 0);
        break;
    case 3:
        remove_range(e, e->cursor, line_after(e, e->cursor));
        break;
    case 4:
    case 8:
        move_or_stay(e, e->len);
        break;
    default:
        break; /* 200 and 201 enclose pasted text, which is handled like typed text */
    }
}

/* The last byte of ESC [ or ESC O. With a modifier (the second number), arrows move by words. */
static void special_key(struct line_editor *e, uint8_t final)
{
    bool by_word = e->numbers > 1 && e->number[1] > 1;
    switch (final) {
    case 'A':
        history_step(e, true);
        break;
    case 'B':
        history_step(e, false);
        break;
    case 'C':
        move_or_stay(e, by_word ? line_word_after(e) : line_after(e, e->cursor));
        break;
    case 'D':
        move_or_stay(e, by_word ? line_word_before(e, '/') : line_before(e, e->cursor));
        break;
    case 'H':
        move_or_stay(e, 0);
        break;
    case 'F':
        move_or_stay(e, e->len);
        break;
    case '~':
        numbered_key(e);
        break;
    default:
        break;
    }
}

/* ESC and a key: Alt. Returns true if it removed text for Ctrl-Y. */
static bool alt_key(struct line_editor *e, uint8_t byte)
{
    switch (byte) {
    case 'b':
        move_or_stay(e, line_word_before(e, '/'));
        return false;
    case 'f':
        move_or_stay(e, line_word_after(e));
        return false;
    case 'd':
        line_kill(e, e->cursor, line_word_after(e));
        return true;
    case KEY_DEL:
    case CTRL('H'):
        line_kill(e, line_word_before(e, '/'), e->cursor);
        return true;
    default:
        return false;
    }
}

/* Keys have at most two parameters, a number and a modifier. Of a modifier only its presence
 * counts, so the digits of further parameters may end up in it. An intermediate byte (blank to /)
 * is skipped, because no key that is known here uses one. */
static void sequence_byte(struct line_editor *e, uint8_t byte)
{
    unsigned i = MIN(e->numbers, 1u);
    if (is_digit(byte) && e->escape == ESCAPE_CSI) {
        e->number[i] = MIN(e->number[i] * 10 + (byte - '0'), 9999u);
    } else if (byte == ';' && e->escape == ESCAPE_CSI) {
        e->numbers++;
    } else if (byte >= '@' && byte <= '~') {
        e->escape = ESCAPE_NONE;
        e->numbers++;
        special_key(e, byte);
    } else if (byte < ' ' || byte > '~') {
        e->escape = ESCAPE_NONE; /* cannot be part of a sequence */
    }
}

/* The state after ESC and a byte. Strings are OSC, DCS, SOS, PM and APC (ECMA-48, 5.6): terminals
 * answer programs' questions with them. */
static enum escape_state state_after_escape(uint8_t byte)
{
    switch (byte) {
    case '[':
        return ESCAPE_CSI;
    case 'O':
        return ESCAPE_SS3;
    case ']':
    case 'P':
    case 'X':
    case '^':
    case '_':
        return ESCAPE_STRING;
    default:
        return ESCAPE_NONE;
    }
}

/* The byte after an ESC, or a byte inside a sequence. ESC twice means nothing: neither
 * state_after_escape() nor alt_key() knows it. */
static void escape_byte(struct line_editor *e, uint8_t byte)
{
    if (e->escape == ESCAPE_CSI || e->escape == ESCAPE_SS3) {
        sequence_byte(e, byte);
        return;
    }
    bool ends_string = e->escape == ESCAPE_STRING_ENDING && byte == '\\';
    e->number[0] = e->number[1] = e->numbers = 0;
    e->escape = ends_string ? ESCAPE_NONE : state_after_escape(byte);
    if (e->escape == ESCAPE_NONE && !ends_string) {
        e->after_kill = alt_key(e, byte);
    }
}

/* A byte of a string, which ends with BEL or ESC \. Returns false if it is a key instead: a string
 * contains no other control characters, and ESC P may have been Alt-P. */
static bool string_byte(struct line_editor *e, uint8_t byte)
{
    bool is_control = byte < ' ' || byte == KEY_DEL;
    if (is_control) {
        e->escape = byte == KEY_ESC ? ESCAPE_STRING_ENDING : ESCAPE_NONE;
    }
    return !is_control || byte == KEY_ESC || byte == CTRL('G');
}

/* Leave the line as it is on the screen and move below all of its rows, so that output of the
 * command does not overwrite them. A cancelled line is not remembered. */
static enum line_event finish(struct line_editor *e, enum line_event event)
{
    move_or_stay(e, e->len);
    if (event == LINE_CANCEL) {
        line_put(&e->screen, "^C", 2);
        e->screen.at = e->screen.end = 1; /* in some row, not in column 0 */
    }
    if (event == LINE_DONE && !e->is_too_long) {
        line_remember(e);
        return LINE_DONE;
    }
    line_leave(&e->screen);
    return event == LINE_DONE ? LINE_TOO_LONG : event; /* a command that is cut must not run */
}

void line_finish(struct line_editor *e)
{
    line_leave(&e->screen);
}

/* Keys that edit or move; returns true if one removed text for Ctrl-Y. */
static bool control_key(struct line_editor *e, uint8_t byte)
{
    switch (byte) {
    case KEY_ESC:
        e->escape = ESCAPE_STARTED;
        break;
    case '\t':
        line_complete(e);
        break;
    case CTRL('A'):
        move_or_stay(e, 0);
        break;
    case CTRL('E'):
        move_or_stay(e, e->len);
        break;
    case CTRL('B'):
        move_or_stay(e, line_before(e, e->cursor));
        break;
    case CTRL('F'):
        move_or_stay(e, line_after(e, e->cursor));
        break;
    case CTRL('P'):
        history_step(e, true);
        break;
    case CTRL('N'):
        history_step(e, false);
        break;
    case CTRL('R'):
        line_search_start(e);
        break;
    case CTRL('H'):
    case KEY_DEL:
        remove_range(e, line_before(e, e->cursor), e->cursor);
        break;
    case CTRL('D'):
        remove_range(e, e->cursor, line_after(e, e->cursor));
        break;
    case CTRL('K'):
        line_kill(e, e->cursor, e->len);
        return true;
    case CTRL('U'):
        line_kill(e, 0, e->cursor);
        return true;
    case CTRL('W'):
        line_kill(e, line_word_before(e, ' '), e->cursor);
        return true;
    case CTRL('Y'):
        line_yank(e);
        break;
    case CTRL('L'):
        clear_screen(e);
        break;
    default:
        break;
    }
    return false;
}

/* Insert a complete character; a question mark replaces an invalid one. */
static void insert(struct line_editor *e, const uint8_t *bytes, unsigned len)
{
    bool is_refused = len == 0 || !unicode_is_harmless(bytes);
    line_replace(e, e->cursor, e->cursor, is_refused ? "?" : (const char *)bytes,
                 is_refused ? 1 : len);
}

/* Bytes are collected until a character is complete, so that the text never contains half of one
 * and every position in it can be drawn. */
static void text_byte(struct line_editor *e, uint8_t byte)
{
    bool continues = (byte & 0xc0) == 0x80;
    if (e->partial_len > 0 && !continues) {
        insert(e, NULL, 0); /* the previous one was incomplete */
        e->partial_len = 0;
    }
    if (e->partial_len == 0 && unicode_length(byte) == 0) {
        insert(e, NULL, 0);
        return;
    }
    e->partial[e->partial_len++] = byte;
    if (e->partial_len == unicode_length(e->partial[0])) {
        unsigned len = e->partial_len;
        e->partial_len = 0;
        insert(e, e->partial, len);
    }
}

/* The order of the tests matters. The second byte of CR LF is dropped before any state sees it. The
 * search comes before keys that end the line, because it must first put its match there. Enter and
 * Ctrl-C work even inside an unfinished escape sequence; otherwise a terminal that sent half of one
 * could lock the user out. */
static enum line_event key(struct line_editor *e, uint8_t byte)
{
    bool is_second_of_crlf = byte == '\n' && e->after_cr;
    e->after_cr = byte == '\r';
    if (is_second_of_crlf || (e->is_searching && line_search_key(e, byte))) {
        return LINE_MORE;
    }
    if (byte != '\t') {
        e->after_tab = false;
    }
    if (byte == '\r' || byte == '\n' || byte == CTRL('C')) {
        return finish(e, byte == CTRL('C') ? LINE_CANCEL : LINE_DONE);
    }
    if (byte == CTRL('D') && e->len == 0) {
        return finish(e, LINE_END);
    }
    if (e->escape == ESCAPE_STRING && string_byte(e, byte)) {
        return LINE_MORE;
    }
    if (e->escape != ESCAPE_NONE) {
        escape_byte(e, byte);
    } else if (byte < ' ' || byte == KEY_DEL) {
        e->after_kill = control_key(e, byte) || (byte == KEY_ESC && e->after_kill);
    } else {
        e->after_kill = false;
        text_byte(e, byte);
    }
    return LINE_MORE;
}

/* --- bytes --- */

/* Asking costs a pause if the terminal is silent, so it is delayed until a key needs the width: a
 * script that only sends text and Enter never sees the question. */
static bool should_query(const struct line_editor *e, uint8_t byte)
{
    return e->screen.columns == 0 && !e->has_asked && e->unanswered < UNANSWERED_MAX &&
           needs_terminal(e, byte);
}

/* Bytes after the end of a line stay in `pending` for the next line: the caller runs the command
 * first, and only then line_reset() and this function draw what was typed ahead. */
enum line_event line_resume(struct line_editor *e)
{
    enum line_event event = LINE_MORE;
    while (event == LINE_MORE && !e->is_waiting && e->pending_len > 0) {
        uint8_t byte = e->pending[0];
        if (should_query(e, byte)) {
            query_width(e);
            break;
        }
        memmove(e->pending, e->pending + 1, --e->pending_len);
        event = key(e, byte);
    }
    return event;
}

enum line_event line_feed(struct line_editor *e, uint8_t byte)
{
    if (e->is_waiting) {
        take_while_waiting(e, byte);
    } else {
        push_pending(e, (const char *)&byte, 1);
    }
    if (e->is_waiting && e->pending_len > LINE_PENDING_MAX - sizeof e->answer) {
        give_up_waiting(e);
    }
    return line_resume(e);
}

enum line_event line_timeout(struct line_editor *e)
{
    if (e->is_waiting) {
        give_up_waiting(e);
    }
    return line_resume(e);
}

/* `pending`, the width and the number of unanswered questions outlive the line. */
static void clear(struct line_editor *e)
{
    e->len = e->cursor = 0;
    e->is_too_long = false;
    e->text[0] = '\0';
    e->escape = ESCAPE_NONE;
    e->partial_len = 0;
    e->after_tab = e->after_kill = e->is_searching = e->has_asked = false;
    e->history_back = 0;
    e->screen.at = e->screen.end = 0;
}

void line_reset(struct line_editor *e)
{
    clear(e);
    line_draw(e);
    if (e->screen.columns != 0) {
        query_width(e); /* the window may have been resized */
    }
}

void line_init(struct line_editor *e, const char *prompt, fmt_sink sink, void *sink_ctx,
               const struct line_completer *completer)
{
    memset(e, 0, sizeof *e);
    e->prompt = prompt;
    e->screen.sink = sink;
    e->screen.sink_ctx = sink_ctx;
    e->completer = completer;
}
