// SPDX-License-Identifier: MIT
//
// Run one program in the foreground: for the shell and for `run=` on the command line.
#pragma once

#include "kernel/jit/loader.h"
#include "kernel/sched/program.h"

struct run_result {
    enum program_end end;      /* how it ended, if it was started */
    int status;                /* 0 to 255 */
    struct loader_error error; /* why it was not started: a sentence that names the thing */
};

/**
 * @brief Load options->argv[0], run it with the terminal of the running thread as its own until it
 * ends.
 *
 * Log lines wait meanwhile: none interrupts the program's output there. Ctrl-C there kills it.
 * @param options  `before` is this function's.
 * @param out   `end` and `status` on success; `error` on failure.
 * @return OK: it ran and everything it owned has been given back; otherwise it was not started, see
 *         loader_start().
 * @context{thread, may sleep}
 */
enum status run_program(const struct load_options *options, struct run_result *out);
