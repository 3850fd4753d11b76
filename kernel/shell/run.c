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

static void add_to_foreground(struct program *p)
{
    console_add_foreground(&p->job);
}

/* Each stage is in the foreground before its first instruction runs (options.before). Otherwise
 * Ctrl-C between the start and a later call would miss it. */
static enum status start(struct run_stage *stage)
{
    const char *path = stage->options.argv[0];
    stage->result.error = (struct loader_error){.text = ""};
    stage->options.before = add_to_foreground;
    enum status s = loader_start(path, &stage->options, &stage->program, &stage->result.error);
    if (s != OK && stage->result.error.text[0] == '\0') {
        fmt_print(stage->result.error.text, sizeof stage->result.error.text, "%s: %s", path,
                  status_text(s));
    }
    close_files(&stage->options);
    return s;
}

/* @return OK: all are running; otherwise those before *started are. */
static enum status start_all(struct run_stage *stages, unsigned count, unsigned *started)
{
    for (*started = 0; *started < count; (*started)++) {
        enum status s = start(&stages[*started]);
        if (s != OK) {
            return s;
        }
    }
    return OK;
}

/* The stages that were started have given up their files already; those that never started still
 * have theirs, and a pipe stays open as long as one end is. */
static void abandon(struct run_stage *stages, unsigned count, unsigned started)
{
    for (unsigned i = 0; i < started; i++) {
        program_kill(stages[i].program, PROGRAM_KILLED, 0);
    }
    for (unsigned i = started; i < count; i++) {
        close_files(&stages[i].options);
    }
}

static void wait_for(struct run_stage *stage)
{
    struct run_result *r = &stage->result;
    enum status s = program_wait(stage->program, WAIT_FOREVER, &r->end, &r->status);
    if (s != OK) { /* this thread itself is being cancelled */
        r->end = PROGRAM_KILLED;
    } else if (r->end == PROGRAM_EXITED && stage->program->given_status > PROGRAM_STATUS_MAX) {
        console_printf("run: %s: exit status %u is too large, reported as %d\n",
                       stage->options.argv[0], stage->program->given_status, r->status);
    }
    program_release(stage->program);
}

/* If a stage cannot start, *failed is also the number of those that did. They have been killed, and
 * this waits for them as well, because the caller may reuse the stages on return. */
enum status run_programs(struct run_stage *stages, unsigned count, void (*feed)(void *ctx),
                         void *ctx, unsigned *failed)
{
    console_hold_log();
    enum status s = start_all(stages, count, failed);
    if (s != OK) {
        abandon(stages, count, *failed);
    } else if (feed != NULL) {
        feed(ctx);
    }
    for (unsigned i = 0; i < *failed; i++) {
        wait_for(&stages[i]);
    }
    console_clear_foreground();
    console_release_log();
    return s;
}
