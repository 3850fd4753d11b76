// SPDX-License-Identifier: MIT
//
// Run programs in the foreground: for the shell and for `run=` on the command line.
#pragma once

#include "kernel/jit/loader.h"
#include "kernel/sched/program.h"

struct run_result {
    enum program_end end;      /* how it ended, if it was started */
    int status;                /* 0 to 255 */
    struct loader_error error; /* why it was not started: a sentence that names the thing */
};

/** One program of those that run together. */
struct run_stage {
    struct load_options options; /* `before` is run_programs()'s; files are closed by it */
    struct load_folder folders[LOAD_FOLDERS]; /* what run_give_*() have options.folders point to */
    struct run_result result;
    struct program *program; /* private */
};

/** @brief Keep a portable program out of everything but what run_give_folder() gives it.
 * @context{any} */
void run_give_no_folder(struct run_stage *stage);

/**
 * @brief Give a portable program one more folder, and nothing that was not given.
 * @param text  "PATH", by which the program knows it too, or "PATH::NAME". Changed in place; as
 *              long as the stage.
 * @return false: there is no path or no name, or it has LOAD_FOLDERS already. @context{any}
 */
bool run_give_folder(struct run_stage *stage, char *text);

/**
 * @brief Load options.argv[0] of each, run them with the terminal of the running thread as their
 * own until all have ended.
 *
 * Log lines wait meanwhile: none interrupts the programs' output there. Ctrl-C there kills them
 * all. If one cannot be started those before it are killed.
 * @param stages  At most FOREGROUND_MAX. `end` and `status` of each are set on success.
 * @param feed    Called when all run, or NULL.
 * @return OK: they ran and everything they owned has been given back; otherwise what
 *         loader_start() said of the one at *failed, whose `error` tells more.
 * @context{thread, may sleep}
 */
enum status run_programs(struct run_stage *stages, unsigned count, void (*feed)(void *ctx),
                         void *ctx, unsigned *failed);
