// SPDX-License-Identifier: MIT
//
// Run one program in the foreground.
#include "kernel/run.h"

#include "kernel/io/console.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"

enum status run_program(const struct load_options *options, struct run_result *out)
{
    struct load_options how = *options;
    how.before = console_set_foreground;
    const char *path = how.argv[0];
    struct program *program;
    struct loader_error error = {.text = ""};

    console_hold_log();
    enum status s = loader_start(path, &how, &program, &error);
    if (s != OK) {
        console_set_foreground(NULL);
        if (error.text[0] == '\0') {
            fmt_print(error.text, sizeof error.text, "%s: %s", path, status_text(s));
        }
        out->error = error;
        console_release_log();
        return s;
    }

    s = program_wait(program, WAIT_FOREVER, &out->end, &out->status);
    console_set_foreground(NULL);
    program_release(program);
    console_release_log();
    return s;
}
