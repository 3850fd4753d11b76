// SPDX-License-Identifier: MIT
//
// Arbitrary bytes typed into the line editor, from a terminal that reports its cursor or does not,
// with a completer whose names the input chooses; or arbitrary keys pressed, held and released on
// the keyboards that feed it. The text stays printable, and the cursor stays between characters.
#include "fake/world.h"
#include "kernel/shell/line.h"
#include "kernel/tty/keyboard.h"

#include <stdlib.h>
#include <string.h>

enum {
    KEYS = 0x80,    /* in the first byte: the rest are keys, three bytes each */
    SILENCE = 0xfe, /* a byte that UTF-8 never has: the terminal does not reply */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Names of 1 to 255 letters; the first byte says how many there are. */
struct names {
    const uint8_t *data;
    size_t size;
};

static bool candidate(void *ctx, const char *line, size_t word, unsigned i, char *out, bool *final)
{
    const struct names *n = ctx;
    if (word > strlen(line)) {
        abort();
    }
    if (i >= n->data[0] % 8u) {
        return false;
    }
    size_t len = 1 + n->data[(i + 1) % n->size] % (LINE_WORD_MAX - 1u);
    for (size_t at = 0; at < len; at++) {
        out[at] = (char)('a' + n->data[(i * 7 + at) % n->size] % 4);
    }
    out[len] = '\0';
    *final = n->data[i % n->size] % 2 != 0;
    return true;
}

static void sink(void *ctx, const char *s, size_t len)
{
    (void)ctx;
    for (size_t i = 0; i < len; i++) {
        if ((uint8_t)s[i] < ' ' && strchr("\a\b\n\r\033", s[i]) == NULL) {
            abort();
        }
    }
}

static void check(const struct line_editor *e)
{
    if (e->len >= LINE_MAX || e->cursor > e->len || e->text[e->len] != '\0' ||
        e->pending_len > LINE_PENDING_MAX || e->history_count > LINE_HISTORY ||
        e->history_back > e->history_count || e->screen.at > e->screen.end ||
        ((uint8_t)e->text[e->cursor] & 0xc0) == 0x80) {
        abort();
    }
    for (size_t i = 0; i < e->len; i++) {
        if ((uint8_t)e->text[i] < ' ' || e->text[i] == 0x7f) {
            abort();
        }
    }
}

static void type(const uint8_t *data, size_t size)
{
    static struct line_editor e;
    struct names names = {.data = data, .size = size};
    const struct line_completer completer = {.candidate = candidate, .ctx = &names};
    line_init(&e, "prompt> ", sink, NULL, &completer);
    line_reset(&e);
    for (size_t i = 0; i < size; i++) {
        enum line_event event = LINE_MORE;
        if (data[i] != SILENCE) {
            event = line_feed(&e, data[i]);
        } else if (line_is_waiting(&e)) {
            event = line_timeout(&e);
        }
        while (event != LINE_MORE) {
            if (event == LINE_DONE) {
                line_finish(&e);
            }
            line_reset(&e);
            event = line_resume(&e);
        }
        check(&e);
    }
}

static void press(const uint8_t *data, size_t size)
{
    uint8_t buf[16];
    for (; size >= 3; data += 3, size -= 3) {
        keyboard_event((uint16_t)(data[0] | data[1] << 8), (data[2] & 1) != 0);
        if ((data[2] & 2) != 0) {
            keyboard_release_all();
        }
        if (keyboard_take(buf, sizeof(buf)) > sizeof(buf)) {
            abort();
        }
    }
    keyboard_release_all();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_up;
    if (!is_up) {
        (void)world_boot(NULL);
        is_up = true;
    }
    if (size < 2) {
        return 0;
    }
    if ((data[0] & KEYS) != 0) {
        press(data + 1, size - 1);
    } else {
        type(data, size);
    }
    return 0;
}
