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
 * @brief Load and start options.argv[0], and close its files here: the program has references of
 *     its own.
 * @return OK: `program` is running; otherwise loader_start()'s error, and result.error has the
 *     details. @context{thread, may sleep}
 */
enum status run_start(struct run_stage *stage);

/** @brief Wait for the end of a started program and fill in the result. Not ended by
 *     the caller's own cancellation. @context{thread, may sleep} */
void run_wait(struct run_stage *stage);

/**
 * @brief Run a program in the foreground, with the running thread's terminal as its own, until it
 *     has ended. Meanwhile log lines are held back, and Ctrl-C kills it.
 * @return as run_start(); on OK `end` and `status` are set, and all its resources are released.
 * @context{thread, may sleep}
 */
enum status run_program(struct run_stage *stage);

/** @brief Parse the words of `run`: its options into *out. @return the index of the program's path;
 *     -1: an invalid option, or no path. @context{any} */
int run_parse(int argc, char **argv, struct run_stage *out);
