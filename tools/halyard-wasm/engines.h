// SPDX-License-Identifier: MIT
//
// The engines on this computer, and a thread to run them on.
#pragma once

#include "kernel/wasm/run/instance.h"

struct host_engine {
    const char *name; /* of the command line and of the conformance line */
    const struct wasm_engine *engine;
    const void *options;
};

extern const struct host_engine host_engines[];
extern const unsigned host_engine_count;

/** @return NULL: no engine has the name. */
const struct host_engine *host_engine_find(const char *name);

/** @brief Run fn on a thread with a large stack behind guard pages, with faults of compiled code
 * caught. Ends the process if there is no such thread. @return what fn returned. */
int host_run(int (*fn)(void *ctx), void *ctx);
