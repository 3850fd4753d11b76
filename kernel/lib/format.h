// SPDX-License-Identifier: MIT
//
// printf formatting without floating point: %d %i %u %x %X %o %c %s %p %% with flags - 0 + space #,
// width, precision, * and the lengths hh h l ll z t j. Any other conversion is printed as it is.
#pragma once

#include "kernel/lib/compiler.h"

#include <stdarg.h>
#include <stddef.h>

/** Receives formatted bytes. */
typedef void (*fmt_sink)(void *ctx, const char *s, size_t len);

/** @brief Format into a sink. @return Bytes passed to the sink. @context{any} */
size_t fmt_vsink(fmt_sink sink, void *ctx, const char *fmt, va_list args);
size_t fmt_sink_printf(fmt_sink sink, void *ctx, const char *fmt, ...) PRINTF_LIKE(3, 4);

/** @brief Format into a buffer of `len` bytes, truncated to fit, zero terminated if len > 0.
 * @return Bytes that the whole text needs, without the zero. @context{any} */
size_t fmt_vprint(char *buf, size_t len, const char *fmt, va_list args);
size_t fmt_print(char *buf, size_t len, const char *fmt, ...) PRINTF_LIKE(3, 4);
