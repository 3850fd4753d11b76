// SPDX-License-Identifier: MIT
//
// The line discipline: what a program reads of the keys that are typed for it. Keys go in; lines,
// and what the terminal shows, come out. Pure, so it is tested on the host.
//
// Enter ends a line. Backspace erases a character, Ctrl-W a word, Ctrl-U the line. Ctrl-D on an
// empty line is the end of the file; otherwise it ends the line without a newline. Ctrl-V takes the
// next key as it is.
#pragma once

#include "kernel/lib/format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LDISC_LINE_MAX ((size_t)4096) /* bytes of a line, without its newline */

/** Zeroed: an empty line. The caller's lock protects it. */
struct ldisc {
    uint8_t line[LDISC_LINE_MAX + 1];
    size_t len;
    size_t shown;    /* bytes of the line that are echoed: not those of an incomplete character */
    size_t taken;    /* bytes of a complete line that have been read */
    bool is_done;    /* the line is complete; if it is empty, it is the end of the file */
    bool is_literal; /* the last key was Ctrl-V */
    bool after_cr;   /* the last key was CR: an LF directly after it is the same key */
};

/** @brief True if ldisc_take() returns something: a line, or the end of the file. */
static inline bool ldisc_is_done(const struct ldisc *l)
{
    return l->is_done;
}

/** @brief True if a line is begun but not complete. */
static inline bool ldisc_has_part(const struct ldisc *l)
{
    return !l->is_done && l->len > 0;
}

/**
 * @brief Process one key, and echo it. A key for which the line has no room rings the bell.
 * @param echo Receives what the terminal shows; "\n" for a new line.
 * @pre !ldisc_is_done(l)
 */
void ldisc_feed(struct ldisc *l, uint8_t key, fmt_sink echo, void *ctx);

/**
 * @brief Read from the line, which should be complete; with its last byte, the next one begins. Of
 *     an incomplete line it reads the part that was typed.
 * @param len 1 or more.
 * @return Bytes; 0: the end of the file, once.
 */
size_t ldisc_take(struct ldisc *l, uint8_t *buf, size_t len);

/** @brief Forget the line, complete or not. */
void ldisc_discard(struct ldisc *l);
