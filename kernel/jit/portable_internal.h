// SPDX-License-Identifier: MIT
//
// A portable program, as the files about it see it.
#pragma once

#include "kernel/jit/code_kernel.h"
#include "kernel/jit/portable.h"
#include "kernel/jit/wasm/instance.h"
#include "kernel/jit/wasm_compiled.h"
#include "kernel/jit/wasm_interp.h"
#include "kernel/jit/wasm_wasi.h"
#include "kernel/sched/program.h"
#include "kernel/sched/thread.h"

struct starting;

/* Field protection:  [I] set before its thread runs   [t] its thread, and who releases it   [r] the
 * registry's lock */
struct portable {
    struct program_resource resource;
    struct program *program; /* [I] */
    struct list_node link;   /* [r] */
    char path[128];          /* [I] */
    void *bytes;             /* [I] the module's file: as long as the module */
    size_t len;
    enum load_engine engine;            /* [I] */
    uint64_t features;                  /* [I] of the CPU */
    int argc;                           /* [I] */
    char **argv;                        /* [I] */
    struct starting *starting;          /* [t] who waits for an answer; NULL: he has it */
    struct code_kernel code;            /* [t] */
    struct wasm_store *store;           /* [t] */
    struct wasm_store *published_store; /* program->lock: once it is open */
    struct wasm_instance *instance;     /* [t] */
    struct wasm_code *loaded_code; /* [t] a reference of its own: a thread that is killed in its
                                      code gives nothing back itself */
    struct wasm_code *loaded;      /* [r] what is listed; NULL: it is not */
    struct wasi *wasi;             /* [t] hangs on the program itself */
    struct wasm_wasi *binding;     /* [t] */
    uint64_t load_ns;              /* [t] validating and compiling all of it */
};

#define PORTABLE_TABLE_ELEMENTS (1u << 22) /* in all tables of a program together */

/** @brief Have the growing stack of the running thread mapped as far as the compiler needs it: C
 * code does not look ahead. @return false: there is no memory, or no more of it for the program.
 * @context{thread} */
bool portable_touch_stack(void);

/** @brief Print what ended it: the trap and where. portable_report.c @context{thread of the
 * program} */
void portable_report(const struct portable *p, const struct wasm_stop *stop);

/** @brief Let its module import WASI, with the program's files, arguments and folders.
 * @return OK; E_NOMEM. portable_wasi.c */
enum status portable_add_wasi(struct portable *p);

/** @brief List a program for `jit`, and take it out: nothing happens if it is not listed.
 * portable_list.c */
void portable_remember(struct portable *p);
void portable_forget(struct portable *p);
