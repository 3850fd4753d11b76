// SPDX-License-Identifier: MIT
//
// Options of the engines. compiled.c has the parts of this computer that compiled code needs.
#include "tools/halyard-wasm/engines.h"

#include "kernel/wasm/run/wasm_interp.h"
#include "tools/halyard-wasm/compiled.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREAD_STACK ((size_t)64 << 20)
#define STACK_LEFT   ((size_t)256 << 10) /* left for host functions */
#define THREAD_GUARD ((size_t)1 << 20)

static const struct wasm_interpreter_options interpreter_options = {
    .stack_bytes = (size_t)1 << 30,
    .arena_bytes = (size_t)4 << 30,
#ifdef HALYARD_DEBUG
    .verify = true,
#endif
};

/* Interprets the IR of a function after the optimiser's passes, verified after each of them. */
static const struct wasm_interpreter_options optimised_options = {
    .stack_bytes = (size_t)1 << 30,
    .arena_bytes = (size_t)4 << 30,
    .verify = true,
    .optimise = true,
};

/* As "host", on several threads. Ready in host_run(). */
static struct wasm_compiled_options parallel_options;

const struct host_engine host_engines[] = {
    {"optimised", &wasm_interpreter, &optimised_options},
    {"interpreter", &wasm_interpreter, &interpreter_options},
    {"host", &wasm_compiled, &compiled_options},
    {"parallel", &wasm_compiled, &parallel_options},
    {"lazy", &wasm_compiled, &lazy_options},
    {"relaxed", &wasm_compiled, &relaxed_options},
};
const unsigned host_engine_count = sizeof host_engines / sizeof host_engines[0];

const struct host_engine *host_engine_find(const char *name)
{
    for (unsigned n = 0; n < host_engine_count; n++) {
        if (strcmp(host_engines[n].name, name) == 0) {
            return &host_engines[n];
        }
    }
    return NULL;
}

struct job {
    int (*fn)(void *ctx);
    void *ctx;
    int result;
};

static void *run_job(void *arg)
{
    struct job *job = arg;
    /* The guard pages are below the stack; host functions are refused well above them. */
    compiled_begin((uintptr_t)__builtin_frame_address(0) - THREAD_STACK + STACK_LEFT);
    parallel_options = compiled_options;
    parallel_options.crew = &host_crew;
    job->result = job->fn(job->ctx);
    return NULL;
}

int host_run(int (*fn)(void *ctx), void *ctx)
{
    struct job job = {.fn = fn, .ctx = ctx};
    pthread_attr_t attr;
    pthread_t thread;
    pthread_attr_init(&attr);
    if (pthread_attr_setstacksize(&attr, THREAD_STACK) != 0 ||
        pthread_attr_setguardsize(&attr, THREAD_GUARD) != 0 ||
        pthread_create(&thread, &attr, run_job, &job) != 0 || pthread_join(thread, NULL) != 0) {
        fprintf(stderr, "no thread to run on\n");
        exit(125);
    }
    return job.result;
}
