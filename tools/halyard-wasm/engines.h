// SPDX-License-Identifier: MIT
//
// The engines on this computer, and a thread to run them on.
#pragma once

#include "kernel/jit/crew.h"
#include "kernel/wasm/run/instance.h"

struct host_engine {
    const char *name; /* used on the command line and in the line about conformance */
    const struct wasm_engine *engine;
    const void *options;
};

extern const struct host_engine host_engines[];
extern const unsigned host_engine_count;

/** Threads that compile all functions of a module: of the engine "parallel". */
extern struct jit_crew host_crew;

/** @return NULL: no engine has the name. */
const struct host_engine *host_engine_find(const char *name);

/**
 * @brief Run fn on a thread with a large stack and guard pages, with faults of compiled code
 * caught. Ends the process if the thread cannot be created. @return the result of fn.
 */
int host_run(int (*fn)(void *ctx), void *ctx);
