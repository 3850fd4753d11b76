// SPDX-License-Identifier: MIT
//
// Runs the WebAssembly specification's tests on an engine: the same code on this computer and in
// the kernel. The caller provides the packs and prints the messages.
#pragma once

#include "kernel/wasm/run/instance.h"

struct spec_config {
    const struct wasm_engine *engine;
    const void *options; /* the engine's */
    /** Print a line, given without its newline, about a failed assertion. */
    void (*say)(void *ctx, const char *line);
    void *ctx;
    /** Run fn(arg) on another thread, which can run the engine's code. @return NULL: it cannot be
     * created. */
    void *(*start)(void (*fn)(void *arg), void *arg);
    /** Wait until it ends. */
    void (*join)(void *thread);
};

/** The result of one file. */
struct spec_score {
    uint32_t passed, total; /* assertions */
    uint32_t errors;        /* failed commands that are not assertions */
};

/**
 * @brief Run all commands of a pack, in a store of their own.
 * @param name  For messages.
 * @return OK: *score holds the result; E_FORMAT: it is not a pack; E_NOMEM. @context{thread}
 */
enum status spec_run(const struct spec_config *config, const char *name, const uint8_t *pack,
                     size_t len, struct spec_score *score);
