// SPDX-License-Identifier: MIT
//
// Threads of a WebAssembly program, as wasi-threads defines them: the import "wasi" "thread-spawn"
// starts one, which calls the export "wasi_thread_start". Each has a store of its own, and in it an
// instance of the program's module; they share the imported memory.
#pragma once

#include "kernel/load/bytecode/bytecode_format.h"
#include "kernel/wasm/run/instance.h"

struct wasi;

/** Most threads that a program has at a time, besides its first. */
#define WASM_THREADS_MAX 256u

/* Field protection: [I] set before threads are spawned   [p] program->lock */
struct wasm_threads {
    struct bytecode_program *program; /* [I] */
    struct wasm_store *store;         /* [I] the first thread's */
    struct wasm_code *code;           /* [I] */
    struct wasi *wasi;                /* [I] */
    struct list running;              /* [p] struct wasm_thread, by link */
    uint32_t count;                   /* [p] */
    uint32_t last_id;                 /* [p] of the newest thread */
};

/** @brief Let modules of the store import "thread-spawn". @param t  Zero but for `program` and
 * `store`; must live as long as the store. @return OK, E_NOMEM. @context{thread} */
enum status wasm_threads_add(struct wasm_threads *t);

/** @brief Make the shared memories that a module imports and that no name has. @return OK; E_NOMEM,
 * with the reason in err; E_CANCELLED. @context{thread} */
enum status wasm_threads_add_memories(struct wasm_threads *t, const struct wasm_module *m,
                                      struct wasm_error *err);

/** @brief Free what threads left that were ended in the middle of their code. @pre All threads of
 * the program have ended. @context{thread} */
void wasm_threads_free(struct wasm_threads *t);
