// SPDX-License-Identifier: MIT
//
// Runs programs in the foreground, for the shell and for `run=` on the command line.
#pragma once

#include "kernel/load/loader.h"
#include "kernel/program/program.h"

struct run_result {
    enum program_end end;      /* how it ended, if it was started */
    int status;                /* 0 to 255 */
    struct loader_error error; /* why it was not started: a sentence that names the cause */
};

/** One of the programs that run together. */
struct run_stage {
    /* `before` is set by run_programs(), which also closes the files */
    struct load_options options;
    /* storage for options.folders, filled by run_give_folder() */
    struct load_folder folders[LOAD_FOLDERS];
    struct run_result result;
    struct program *program; /* private */
};

/** @brief Restrict a portable program to the folders given with run_give_folder(). @context{any} */
void run_give_no_folder(struct run_stage *stage);

/**
 * @brief Give a portable program one more folder; it can access only given folders then.
 * @param text "PATH", which is also the program's name for it, or "PATH::NAME". Changed in place;
 *     must live as long as the stage.
 * @return false: path or name is empty, or there are LOAD_FOLDERS already. @context{any}
 */
bool run_give_folder(struct run_stage *stage, char *text);

/**
 * @brief Load options.argv[0] of each stage and run the programs, with the running thread's
 *     terminal as theirs, until all have ended.
 *
 * Meanwhile log lines are held back, so that none interrupts the programs' output, and Ctrl-C kills
 * all of them. If one cannot be started, those before it are killed.
 * @param stages At most FOREGROUND_MAX. `end` and `status` of each are set on success.
 * @param feed Called when all are running, or NULL.
 * @return OK: they have run and all their resources are released; otherwise the error of
 *     loader_start() for the stage at *failed, whose `error` has the details.
 * @context{thread, may sleep}
 */
enum status run_programs(struct run_stage *stages, unsigned count, void (*feed)(void *ctx),
                         void *ctx, unsigned *failed);
