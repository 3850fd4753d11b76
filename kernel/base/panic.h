// SPDX-License-Identifier: MIT
//
// The end: one block from `PANIC:` to `PANIC END` with cause, registers and backtrace, then the
// status channel says 'P'. Printed by the early console, which needs no lock, memory or interrupt.
#pragma once

#include "kernel/base/assert.h"

struct fault;

/** @brief Panic about a fault that nobody owns, with its registers. @context{fault, any} */
_Noreturn void panic_fault(const struct fault *fault, const char *why);

/**
 * @brief As panic(), and the block says more behind the backtrace.
 * @param explain  Passes lines to write(ctx, line). @param arg  Is passed on to it.
 * @context{any}
 */
_Noreturn void panic_explained(void (*explain)(void (*write)(void *ctx, const char *line),
                                               void *ctx, const void *arg),
                               const void *arg, const char *fmt, ...) PRINTF_LIKE(3, 4);

/** @brief What panic_fault() says of an address that nobody may use, behind the backtrace. Whoever
 * knows says so once, at boot. */
void panic_explain_faults(void (*explain)(void (*write)(void *ctx, const char *line), void *ctx,
                                          uintptr_t at));

/**
 * @brief Print the call chain as `#n symbol+offset (file:line)`, kernel and loaded code.
 * @param write  Receives whole lines.
 * @param pc     First frame, or 0 for none; then up from frame pointer fp inside [lo, hi).
 * @context{any, panic included}
 */
void backtrace_print(void (*write)(void *ctx, const char *line), void *ctx, uintptr_t pc,
                     uintptr_t fp, uintptr_t lo, uintptr_t hi);

/** @brief The same for return addresses that were kept, up to `max` or the first 0. @context{any}
 */
void backtrace_print_list(void (*write)(void *ctx, const char *line), void *ctx,
                          const uintptr_t *pcs, unsigned max);

/** @brief The same of a chain that was walked before: `count` return addresses, innermost first.
 * @context{any, panic included} */
void backtrace_print_chain(void (*write)(void *ctx, const char *line), void *ctx, uintptr_t pc,
                           const uintptr_t *returns, unsigned count);
