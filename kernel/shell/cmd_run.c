// SPDX-License-Identifier: MIT
//
// Runs programs from the shell: the options of `run`, pipes and redirections.
#include "kernel/base/clock.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/thread.h"
#include "kernel/shell/command_internal.h"
#include "kernel/shell/io.h"
#include "kernel/shell/pipeline.h"
#include "kernel/shell/run.h"
#include "kernel/tty/console.h"

/* Parse "64M": a number with the first letter of a binary unit, or bytes. */
static bool parse_size(const char *text, uint64_t *out)
{
    unsigned long long n;
    if (!str_to_u64(text, &n) || n == 0) {
        return false;
    }
    *out = n;
    return true;
}

static bool parse_seconds(const char *text, uint64_t *out_ns)
{
    unsigned long long n;
    if (!str_to_u64(text, &n) || n == 0 || n > UINT64_MAX / NS_PER_S) {
        return false;
    }
    *out_ns = n * NS_PER_S;
    return true;
}

/* Parse one option with its argument. @return the number of words; 0: not a valid option. */
static int take_option(int argc, char **argv, struct run_stage *out)
{
    struct load_options *options = &out->options;
    if (strcmp(argv[0], "--interp") == 0) {
        options->engine = LOAD_ENGINE_INTERPRETER;
        return 1;
    }
    if (strcmp(argv[0], "--compiled") == 0) {
        options->engine = LOAD_ENGINE_COMPILED;
        return 1;
    }
    if (strcmp(argv[0], "--no-dir") == 0) {
        run_give_no_folder(out);
        return 1;
    }
    if (argc == 1) {
        return 0;
    }
    if (strcmp(argv[0], "--dir") == 0) {
        return run_give_folder(out, argv[1]) ? 2 : 0;
    }
    if (strcmp(argv[0], "--cpu") == 0) {
        return parse_seconds(argv[1], &options->cpu_limit_ns) ? 2 : 0;
    }
    if (strcmp(argv[0], "--memory") == 0) {
        return parse_size(argv[1], &options->memory_limit_bytes) ? 2 : 0;
    }
    return 0;
}

/* Parse the words of a command that runs a program: `run` with options, or a path. */
static bool parse_program(int argc, char **argv, struct run_stage *out)
{
    bool has_options = strcmp(argv[0], "run") == 0;
    int at = has_options ? 1 : 0;
    while (has_options && at < argc && str_has_prefix(argv[at], "--")) {
        int words = take_option(argc - at, argv + at, out);
        if (words == 0) {
            return false;
        }
        at += words;
    }
    out->options.argc = argc - at;
    out->options.argv = (const char *const *)argv + at;
    return at < argc;
}

static bool is_program(const struct pipeline_stage *s)
{
    return strcmp(s->argv[0], "run") == 0 ||
           (shell_find_command(s->argv[0]) == NULL && strchr(s->argv[0], '/') != NULL);
}

static void tell_end(const char *name, const struct run_result *r)
{
    switch (r->end) {
    case PROGRAM_FAULTED:
        console_printf("run: %s: ended by a fault\n", name);
        break;
    case PROGRAM_KILLED:
        console_printf("run: %s: killed\n", name);
        break;
    case PROGRAM_OUT_OF_TIME:
        console_printf("run: %s: killed, its CPU time is used up\n", name);
        break;
    default:
        if (r->status != 0) {
            console_printf("run: %s: exit status %d\n", name, r->status);
        }
        break;
    }
}

/* --- files in place of the terminal --- */

static bool open_redirection(const struct pipeline_stage *s, unsigned which, struct file **out)
{
    if (s->path[which] == NULL) {
        return true;
    }
    unsigned flags = which == 0          ? VFS_READ
                     : s->appends[which] ? VFS_WRITE | VFS_CREATE | VFS_APPEND
                                         : VFS_WRITE | VFS_CREATE | VFS_TRUNCATE;
    enum status status = vfs_open(SHELL_CWD, s->path[which], flags, out);
    if (status != OK) {
        console_printf("shell: %s: %s\n", s->path[which], status_text(status));
    }
    return status == OK;
}

/* files[i]: the open files of command i; NULL: the terminal. */
struct plumbing {
    struct file *files[PIPELINE_STAGES][LOAD_FILES];
};

/* A file in `files` belongs to this struct until it is moved to a stage's options, and the slot
 * is then NULL. close_plumbing() at the end closes exactly the files that were not moved, in
 * every error case. */
static void close_plumbing(struct plumbing *p, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        for (unsigned n = 0; n < LOAD_FILES; n++) {
            if (p->files[i][n] != NULL) {
                file_close(p->files[i][n]);
                p->files[i][n] = NULL;
            }
        }
    }
}

static bool open_plumbing(const struct pipeline *p, struct plumbing *out)
{
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < p->count; i++) {
        for (unsigned n = 0; n < LOAD_FILES; n++) {
            if (!open_redirection(&p->stages[i], n, &out->files[i][n])) {
                return false;
            }
        }
        if (i + 1 < p->count && pipe_make(&out->files[i + 1][0], &out->files[i][1]) != OK) {
            console_printf("shell: no memory for a pipe\n");
            return false;
        }
    }
    return true;
}

/* --- shell commands with redirected output --- */

struct command {
    struct pipeline_stage *stage;
    struct file *out; /* NULL: the terminal */
};

static void run_command(void *ctx)
{
    struct command *c = ctx;
    struct command_io io = {.files = {NULL, c->out, NULL}};
    struct console_sink *before = io_enter(&io);
    shell_run_command(c->stage->argc, c->stage->argv);
    io_leave(&io, before);
    if (c->out != NULL) {
        file_close(c->out); /* the reader sees the end of file */
        c->out = NULL;
    }
}

/* --- command lines --- */

/* Only the first command of a pipeline can be a shell command, because none of them reads input. */
static bool check_commands(const struct pipeline *p)
{
    for (unsigned i = 0; i < p->count; i++) {
        const struct pipeline_stage *s = &p->stages[i];
        const struct shell_command *command = shell_find_command(s->argv[0]);
        bool is_known = command != NULL || is_program(s);
        if (!is_known) {
            console_printf("%s: no such command; try help\n", s->argv[0]);
            return false;
        }
        if (!is_program(s) && (i > 0 || s->path[0] != NULL || s->path[2] != NULL)) {
            console_printf("%s: a shell command %s\n", s->argv[0],
                           s->path[2] != NULL ? "has no error output" : "reads no input");
            return false;
        }
    }
    return true;
}

static bool prepare_stages(struct pipeline *p, unsigned first, struct run_stage *stages)
{
    for (unsigned i = first; i < p->count; i++) {
        struct pipeline_stage *s = &p->stages[i];
        if (!parse_program(s->argc, s->argv, &stages[i - first])) {
            console_printf("usage: run %s\n", shell_run_commands[0].usage);
            return false;
        }
    }
    return true;
}

/* A shell command at the front runs in this thread, as `feed`, after the programs have been
 * started: it writes to a pipe, and needs a reader that empties it. */
static void run_stages(struct pipeline *p, struct plumbing *plumbing, struct run_stage *stages)
{
    unsigned first = is_program(&p->stages[0]) ? 0 : 1;
    struct command command = {.stage = &p->stages[0], .out = plumbing->files[0][1]};
    if (!prepare_stages(p, first, stages)) {
        return;
    }
    if (first == 1) {
        plumbing->files[0][1] = NULL;
    }
    unsigned count = p->count - first;
    for (unsigned i = 0; i < count; i++) {
        struct file **files = plumbing->files[first + i];
        memcpy(stages[i].options.files, files, sizeof stages[i].options.files);
        memset(files, 0, sizeof stages[i].options.files);
    }
    unsigned failed;
    if (count == 0) {
        run_command(&command);
    } else if (run_programs(stages, count, first == 1 ? run_command : NULL, &command, &failed) !=
               OK) {
        console_printf("run: %s\n", stages[failed].result.error.text);
        if (command.out != NULL && first == 1) {
            file_close(command.out);
        }
    } else {
        for (unsigned i = 0; i < count; i++) {
            tell_end(stages[i].options.argv[0], &stages[i].result);
        }
    }
}

/* All commands are checked and all files and pipes opened before anything runs: a mistake in the
 * last command does not start the first. */
void shell_run_pipeline(struct pipeline *p)
{
    if (!check_commands(p)) {
        return;
    }
    struct plumbing plumbing;
    struct run_stage *stages = heap_calloc(PIPELINE_STAGES, sizeof *stages);
    if (stages == NULL) {
        console_printf("shell: no memory\n");
        return;
    }
    if (open_plumbing(p, &plumbing)) {
        run_stages(p, &plumbing, stages);
    }
    close_plumbing(&plumbing, p->count);
    heap_free(stages);
}

/* `run` by itself never comes here: shell_run_pipeline() handles it as a program. */
static bool run_run(int argc, char **argv)
{
    (void)argc, (void)argv;
    return false;
}

const struct shell_command shell_run_commands[] = {
    {"run",
     "[--interp|--compiled] [--cpu SECONDS] [--memory SIZE] [--dir PATH[::NAME]] [--no-dir] PATH "
     "[ARG...]",
     "run a program", run_run},
    {0},
};
