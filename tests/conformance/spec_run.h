// SPDX-License-Identifier: MIT
//
// Running the WebAssembly specification's tests on an engine: the same code on this computer and in
// the kernel. Where packs come from and where text goes to is the caller's.
#pragma once

#include "kernel/jit/wasm/instance.h"

struct spec_config {
    const struct wasm_engine *engine;
    const void *options; /* the engine's */
    /** A line, without its end, about an assertion that failed. */
    void (*say)(void *ctx, const char *line);
    void *ctx;
};

/** What came out of a file. */
struct spec_score {
    uint32_t passed, total; /* assertions */
    uint32_t errors;        /* commands that are no assertions and failed */
};

/**
 * @brief Run all commands of a pack, in a store of their own.
 * @param name  For messages.
 * @return OK: *score says how it went; E_FORMAT: no pack; E_NOMEM. @context{thread}
 */
enum status spec_run(const struct spec_config *config, const char *name, const uint8_t *pack,
                     size_t len, struct spec_score *score);
