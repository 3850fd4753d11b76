// SPDX-License-Identifier: MIT
//
// How consoles show the log: each reads lines at its own pace. For kernel/tty/console.c.
#pragma once

#include "kernel/base/log.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes of a line as consoles show it, including colours and newline. */
#define LOG_LINE_MAX (sizeof(((struct log_record *)0)->text) + 72)

/**
 * @brief Let consoles read the log from now on. Before the first call, lines go to the
 *     early console.
 * @param notify Called after each new line, in the context of log_line().
 * @param panic_write Called with lines that are logged in a panic, in addition to the
 *     early console.
 * @context{thread}
 */
void log_set_console(void (*notify)(void), void (*panic_write)(const char *s, size_t len));

/** @brief The number that the next line will have. @context{any} */
uint64_t log_end(void);

/**
 * @brief Format the next line that consoles show at the current level: time, CPU, text, newline.
 * @param sequence First line to consider; moves past the returned line, or to the end.
 * @param missed Set to the number of lines from *sequence on that were overwritten, if any were.
 * @param colour Add escape sequences for the colour of the level (ECMA-48 8.3.117).
 * @param line LOG_LINE_MAX bytes.
 * @return Bytes; 0: there is no such line yet.
 * @context{any, IRQ-safe}
 */
size_t log_next_line(uint64_t *sequence, uint64_t *missed, bool colour, char *line);

/** @brief The first console has received all lines before this one; a panic prints the rest.
 * @context{any} */
void log_mark_shown(uint64_t sequence);
