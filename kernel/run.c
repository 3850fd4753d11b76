// SPDX-License-Identifier: MIT
//
// Run one program in the foreground.
#include "kernel/run.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/log.h"

enum status run_program(int argc, const char *const *argv, struct run_result *out)
{
    struct program *program;
    struct loader_error error = {.text = ""};

    log_hold_console();
    enum status s = loader_start(argv[0], argc, argv, program_set_foreground, &program, &error);
    if (s != OK) {
        program_set_foreground(NULL);
        if (error.text[0] == '\0') {
            fmt_print(error.text, sizeof error.text, "%s: %s", argv[0], status_text(s));
        }
        out->error = error;
        log_release_console();
        return s;
    }

    s = program_wait(program, WAIT_FOREVER, &out->end, &out->status);
    program_set_foreground(NULL);
    program_release(program);
    log_release_console();
    return s;
}
