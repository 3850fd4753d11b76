// SPDX-License-Identifier: MIT
//
// Runs programs in the foreground.
#include "kernel/shell/run.h"

#include "kernel/fs/vfs.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/tty/console.h"

void run_give_no_folder(struct run_stage *stage)
{
    stage->options.folders = stage->folders;
}

bool run_give_folder(struct run_stage *stage, char *text)
{
    static const char between[] = "::";
    char *path_end = text;
    while (*path_end != '\0' && !str_has_prefix(path_end, between)) {
        path_end++;
    }
    const char *name = *path_end == '\0' ? text : path_end + strlen(between);
    if (path_end == text || *name == '\0' || stage->options.folder_count == LOAD_FOLDERS) {
        return false;
    }
    *path_end = '\0';
    stage->folders[stage->options.folder_count++] = (struct load_folder){text, name};
    run_give_no_folder(stage);
    return true;
}

/* The programs have references of their own. If an end of a pipe stayed open here, the program at
 * the other end would never see the end of file. */
static void close_files(struct load_options *options)
{
    for (unsigned i = 0; i < LOAD_FILES; i++) {
        if (options->files[i] != NULL) {
            file_close(options->files[i]);
            options->files[i] = NULL;
        }
    }
}

enum status run_start(struct run_stage *stage)
{
    const char *path = stage->options.argv[0];
    stage->result.error = (struct loader_error){.text = ""};
    enum status s = loader_start(path, &stage->options, &stage->program, &stage->result.error);
    if (s != OK && stage->result.error.text[0] == '\0') {
        fmt_print(stage->result.error.text, sizeof stage->result.error.text, "%s: %s", path,
                  status_text(s));
    }
    close_files(&stage->options);
    return s;
}

/* The end and the status are set before `done` is signalled, so they are read without the program's
 * lock. */
void run_wait(struct run_stage *stage)
{
    struct run_result *r = &stage->result;
    struct program *p = stage->program;
    (void)!completion_wait_uncancellable(&p->done, WAIT_FOREVER);
    r->end = p->end; /* constant from then on */
    r->status = p->status;
    if (r->end == PROGRAM_EXITED && p->given_status > PROGRAM_STATUS_MAX) {
        console_printf("run: %s: exit status %u is too large, reported as %d\n",
                       stage->options.argv[0], p->given_status, r->status);
    }
}

static void add_to_foreground(void *ctx, struct program *p)
{
    (void)ctx;
    console_add_foreground(&p->job);
}

/* The log is held from before the start, so that no line of it appears in the program's output.
 * `before` puts the program in the foreground while none of its threads runs: Ctrl-C works from its
 * first instruction on. */
enum status run_program(struct run_stage *stage)
{
    stage->options.before = add_to_foreground;
    console_hold_log();
    enum status s = run_start(stage);
    if (s == OK) {
        run_wait(stage);
        program_release(stage->program);
    }
    console_clear_foreground();
    console_release_log();
    return s;
}
