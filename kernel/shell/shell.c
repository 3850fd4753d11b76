// SPDX-License-Identifier: MIT
//
// The loop: read a line, split it, run it. Completion of commands and paths.
#include "kernel/shell/shell.h"

#include "hal/power.h"
#include "kernel/cmdline.h"
#include "kernel/fs/vfs.h"
#include "kernel/io/console.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/wait.h"
#include "kernel/shell/command_internal.h"
#include "kernel/shell/line.h"

#define PROMPT  "halyard> "
#define ARG_MAX 32

static void console_sink(void *ctx, const char *s, size_t len)
{
    (void)ctx;
    console_write(s, len);
}

/* The i-th command whose name starts with the word. */
static bool command_candidate(const char *word, unsigned i, char *out, bool *final)
{
    const struct shell_command *c;
    for (unsigned at = 0; (c = shell_command_at(at)) != NULL; at++) {
        if (str_has_prefix(c->name, word) && i-- == 0) {
            *final = true;
            return str_copy(out, LINE_WORD_MAX, c->name);
        }
    }
    return false;
}

/* The i-th entry of the directory that the word names whose name starts with the rest of the word.
 */
static bool path_candidate(const char *word, unsigned i, char *out, bool *final)
{
    const char *slash = strrchr(word, '/');
    size_t dir_len = slash == NULL ? 0 : (size_t)(slash - word) + 1;
    char dir[LINE_WORD_MAX];
    if (dir_len >= sizeof dir) {
        return false;
    }
    memcpy(dir, word, dir_len);
    dir[dir_len] = '\0';

    struct file *f;
    if (vfs_open(SHELL_CWD, dir_len == 0 ? "." : dir, VFS_READ | VFS_DIRECTORY, &f) != OK) {
        return false;
    }
    struct dir_entry entry;
    bool found = false;
    while (!found && file_read_dir(f, &entry) == OK) {
        found = str_has_prefix(entry.name, word + dir_len) && i-- == 0;
    }
    file_close(f);
    if (!found) {
        return false;
    }
    bool is_dir = entry.type == FILE_DIRECTORY;
    *final = !is_dir;
    return fmt_print(out, LINE_WORD_MAX, "%s%s%s", dir, entry.name, is_dir ? "/" : "") <
           LINE_WORD_MAX;
}

static bool candidate(void *ctx, const char *line, size_t word, unsigned i, char *out, bool *final)
{
    (void)ctx;
    bool is_first = true;
    for (size_t at = 0; at < word; at++) {
        is_first = is_first && line[at] == ' ';
    }
    bool is_path = !is_first || strchr(line + word, '/') != NULL;
    return is_path ? path_candidate(line + word, i, out, final)
                   : command_candidate(line + word, i, out, final);
}

void shell_execute(char *line)
{
    char *argv[ARG_MAX + 1];
    int argc = cmdline_split(line, argv, ARG_MAX);
    if (argc < 0) {
        console_printf("shell: more than %d words\n", ARG_MAX);
        return;
    }
    if (argc == 0) {
        return;
    }
    argv[argc] = NULL;

    const struct shell_command *command = shell_find_command(argv[0]);
    if (command != NULL) {
        if (!command->run(argc, argv)) {
            console_printf("usage: %s%s%s\n", command->name, command->usage[0] != '\0' ? " " : "",
                           command->usage);
        }
    } else if (strchr(argv[0], '/') != NULL) {
        shell_run_program(argc, argv);
    } else {
        console_printf("%s: no such command; try help\n", argv[0]);
    }
}

/* Read commands from the running thread's terminal and run them, for ever. */
static _Noreturn void serve(struct line_editor *editor)
{
    static const struct line_completer completer = {.candidate = candidate};
    line_init(editor, PROMPT, console_sink, NULL, &completer);
    line_reset(editor);
    for (;;) {
        uint8_t byte;
        if (console_read(&byte, 1, WAIT_FOREVER) <= 0) {
            continue;
        }
        enum line_event event = line_feed(editor, byte);
        if (event == LINE_DONE) {
            shell_execute(editor->text);
        }
        if (event != LINE_MORE) {
            line_reset(editor);
        }
    }
}

static void serve_console(void *arg)
{
    struct console *c = arg;
    struct line_editor *editor = heap_zalloc(sizeof *editor);
    if (editor == NULL) {
        log_error("shell", "%s: no memory for a session", c->name);
        return;
    }
    thread_current()->terminal = c;
    serve(editor);
}

static void start_session(struct console *c)
{
    struct thread *t;
    const struct thread_options options = {
        .name = "shell", .entry = serve_console, .arg = c, .priority = PRIO_NORMAL};
    enum status s = thread_create(&options, &t);
    if (s != OK) {
        log_error("shell", "%s: no session: %s", c->name, status_text(s));
        return;
    }
    thread_detach(t);
}

_Noreturn void shell_main(void)
{
    struct console *c = console_at(0); /* which costs no thread */
    bool is_mine = c != NULL && console_claim_session(c);
    hal_exit_record(EXIT_READY, 0);
    console_set_session(start_session);
    if (is_mine) {
        serve_console(c);
    }
    thread_exit(0);
}
