// SPDX-License-Identifier: MIT
//
// The log: lines in a ring with level, time and CPU, copied to the consoles. Not for a program's
// output, which goes to kernel/tty/console.h; no log line interrupts it.
#pragma once

#include "kernel/lib/compiler.h"

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/**
 * @brief Add a line to the log. The text has no newline; it is cut at 240 bytes.
 * @param area Static string, the source of the line ("pci", "ext2").
 * @context{any, IRQ-safe, does not sleep} Works before the heap exists: the ring is static.
 */
void log_line(enum log_level level, const char *area, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define log_error(area, ...) log_line(LOG_ERROR, area, __VA_ARGS__)
#define log_warn(area, ...)  log_line(LOG_WARN, area, __VA_ARGS__)
#define log_info(area, ...)  log_line(LOG_INFO, area, __VA_ARGS__)
#define log_debug(area, ...) log_line(LOG_DEBUG, area, __VA_ARGS__)

/** @brief Lines above `level` go to the ring only. Default LOG_INFO; `loglevel=` sets it.
 * @context{any} */
void log_set_console_level(enum log_level level);

/** A line read from the ring. */
struct log_record {
    uint64_t sequence; /* number of the line; the first one ever is 0 */
    uint64_t time_ns;  /* monotonic */
    enum log_level level;
    uint32_t cpu;
    char text[256]; /* "area: message", zero terminated */
};

/**
 * @brief Read the line `*sequence`, or the oldest one still in the ring, and advance
 *     *sequence past it.
 * @return false: there is no such line yet.
 * @context{any}
 */
bool log_read(uint64_t *sequence, struct log_record *out);
