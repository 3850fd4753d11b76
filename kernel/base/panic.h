// SPDX-License-Identifier: MIT
//
// Stopping the machine: prints one block from `PANIC:` to `PANIC END` with cause, registers and
// backtrace, then sends 'P' on the status channel. The early console prints it without locks,
// memory allocation or interrupts.
#pragma once

#include "kernel/base/assert.h"

#include <stdbool.h>
#include <stddef.h>

struct fault;
struct thread;

/** What a panic shows of threads. Const; none is optional. */
struct panic_thread_ops {
    void (*describe)(const struct thread *t, char *buf, size_t len); /**< `thread 3 "main"` */
    bool (*is_idle)(const struct thread *t);
};

/** @brief Install them. @context{early, before hal_cpu.current is set} */
void panic_install_threads(const struct panic_thread_ops *ops);

/** Where a panic is shown besides the early console. Const; none is optional. */
struct panic_sink_ops {
    /** Write; polls, for a bounded time. @context{panic} */
    void (*write)(const char *s, size_t len);
    /** Send what is buffered, for as long as that makes progress. @context{panic} */
    void (*drain)(void);
};

/** @brief Install them; again with the same ops does no harm. @context{any} */
void panic_install_sink(const struct panic_sink_ops *ops);

/** @brief Panic for a fault that no owner handles, with its registers. @context{fault, any} */
_Noreturn void panic_fault(const struct fault *fault, const char *why);

/**
 * @brief As panic(), with additional lines after the backtrace.
 * @param explain Passes lines to write(ctx, line). @param arg Passed to it.
 * @context{any}
 */
_Noreturn void panic_explained(void (*explain)(void (*write)(void *ctx, const char *line),
                                               void *ctx, const void *arg),
                               const void *arg, const char *fmt, ...) PRINTF_LIKE(3, 4);

/** @brief Set the function that explains an invalid address in panic_fault()'s block. Called once,
 *     at boot. */
void panic_explain_faults(void (*explain)(void (*write)(void *ctx, const char *line), void *ctx,
                                          uintptr_t at));

/**
 * @brief Print the call chain as `#n symbol+offset (file:line)`, through kernel and loaded code.
 * @param write Receives whole lines.
 * @param pc First frame, or 0 for none; then up from frame pointer fp inside [lo, hi).
 * @context{any, panic included}
 */
void backtrace_print(void (*write)(void *ctx, const char *line), void *ctx, uintptr_t pc,
                     uintptr_t fp, uintptr_t lo, uintptr_t hi);

/** @brief The same for stored return addresses, up to `max` or the first 0. @context{any} */
void backtrace_print_list(void (*write)(void *ctx, const char *line), void *ctx,
                          const uintptr_t *pcs, unsigned max);

/** @brief The same for a chain that was walked before: `count` return addresses, innermost first.
 * @context{any, panic included} */
void backtrace_print_chain(void (*write)(void *ctx, const char *line), void *ctx, uintptr_t pc,
                           const uintptr_t *returns, unsigned count);
