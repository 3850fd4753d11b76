// SPDX-License-Identifier: MIT
//
// How consoles show the log: each pulls lines at its own pace. For kernel/io/console.c.
#pragma once

#include "kernel/base/log.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes of a line as consoles show it, colours and newline included. */
#define LOG_LINE_MAX (sizeof(((struct log_record *)0)->text) + 72)

/**
 * @brief From now on consoles pull lines from the log: until the first call they go to the early
 * console.
 * @param notify  Called after a line was added, in the context of log_line().
 * @param panic_write  Called with what a panic logs, besides the early console.
 * @context{thread}
 */
void log_set_console(void (*notify)(void), void (*panic_write)(const char *s, size_t len));

/** @brief The number of the next line to come. @context{any} */
uint64_t log_end(void);

/**
 * @brief The next line that consoles show at the present level, in their form: time, CPU, text,
 * newline.
 * @param sequence  First line to look at; moves behind the line, or to the end.
 * @param missed    Receives how many lines from *sequence on are gone from the ring, if any are.
 * @param colour    With escape sequences for the colour of its level (ECMA-48 8.3.117).
 * @param line      LOG_LINE_MAX bytes.
 * @return Bytes; 0: no such line yet.
 * @context{any, IRQ-safe}
 */
size_t log_next_line(uint64_t *sequence, uint64_t *missed, bool colour, char *line);

/** @brief The first console has been given all lines before this one: a panic prints the rest.
 * @context{any} */
void log_mark_shown(uint64_t sequence);
