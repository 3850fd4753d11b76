// SPDX-License-Identifier: MIT
//
// The main loop: read a line, parse it, run it. One session for each console.
#include "kernel/shell/shell.h"

#include "hal/power.h"
#include "kernel/base/clock.h"
#include "kernel/base/version.h"
#include "kernel/tty/console.h"
#include "kernel/lib/string.h"
#include "kernel/base/log.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/wait.h"
#include "kernel/fs/vfs.h"
#include "kernel/shell/candidates.h"
#include "kernel/shell/command.h"
#include "kernel/shell/line.h"
#include "kernel/shell/job.h"

#define PROMPT_MORE "> " /* the line does not complete its command */
#define TEXT_MAX    ((size_t)16 << 10)
#define RC_FILE     "/etc/rc"

/* Longest wait for a terminal's answer. */
#define ANSWER_NS (300 * NS_PER_MS)

struct session {
    struct line_editor editor;
    struct candidates candidates;
    struct shell *shell;
    char prompt[LINE_PROMPT_MAX];
    size_t len; /* of `text` */
    char text[TEXT_MAX];
};

static void console_sink(void *ctx, const char *s, size_t len)
{
    (void)ctx;
    console_write(s, len);
}

void shell_run_command(int argc, char **argv)
{
    const struct shell_command *command = shell_find_command(argv[0]);
    if (command == NULL) {
        return; /* its extension is missing, as was printed */
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        shell_print_help(command);
    } else if (!command->run(argc, argv)) {
        shell_error("usage: %s%s%s\n", command->name, command->usage[0] != '\0' ? " " : "",
                    command->usage);
        shell_set_status(2);
    }
}

/* From here to end_text() Ctrl-C is for this text. */
static void begin_text(struct shell *sh)
{
    atomic_store_explicit(&sh->is_stopped, false, memory_order_relaxed);
    sh->leave = LEAVE_NOTHING;
    console_add_foreground(&sh->front);
}

/* @return true if Ctrl-C was pressed. */
static bool end_text(struct shell *sh)
{
    console_clear_foreground();
    return atomic_load_explicit(&sh->is_stopped, memory_order_relaxed);
}

static void run_text(struct shell *sh, const char *text)
{
    begin_text(sh);
    (void)shell_run_text(sh, text);
    (void)end_text(sh);
}

void shell_execute(const char *line)
{
    struct shell *sh = shell_create();
    if (sh == NULL) {
        console_printf("shell: no memory\n");
        return;
    }
    run_text(sh, line);
    job_disown(sh);
    shell_put(sh);
}

/* Nobody can type on this console any longer. */
static _Noreturn void end_session(void)
{
    console_printf("\n");
    if (console_at(1) != NULL) {
        thread_exit(0); /* the other consoles' sessions go on */
    }
    char *argv[] = {(char[]){"poweroff"}, NULL};
    shell_run_command(1, argv);
    thread_exit(0);
}

/* Feed the editor bytes until a line is complete. A terminal that was asked for its width may never
 * answer, so that wait is limited. */
static enum line_event next_event(struct line_editor *editor)
{
    enum line_event event = line_resume(editor);
    while (event == LINE_MORE) {
        uint8_t byte;
        bool is_waiting = line_is_waiting(editor);
        int n = console_read(&byte, 1, is_waiting ? clock_now_ns() + ANSWER_NS : WAIT_FOREVER);
        if (n > 0) {
            event = console_is_framed() ? line_feed_data(editor, byte) : line_feed(editor, byte);
        } else if (n == E_TIMEDOUT) {
            event = line_timeout(editor);
        } else if (n == 0 && editor->len > 0) {
            event = line_feed_data(editor, '\n'); /* the last line of piped input may have no end */
        } else if (n == 0) {
            end_session();
        }
    }
    return event;
}

/* "halyard> " at the root, else with the folder, of which the end counts. */
static void make_prompt(struct session *s)
{
    const char *cwd = s->shell->cwd;
    size_t len = strlen(cwd), room = sizeof s->prompt - sizeof "halyard ...> ";
    if (s->len > 0) {
        (void)str_copy(s->prompt, sizeof s->prompt, PROMPT_MORE);
    } else if (len == 1) {
        (void)str_copy(s->prompt, sizeof s->prompt, "halyard> ");
    } else {
        fmt_print(s->prompt, sizeof s->prompt, "halyard %s%s> ", len > room ? "..." : "",
                  len > room ? cwd + len - room : cwd);
        str_make_printable(s->prompt);
    }
}

/* Programs find the terminal's size in their environment, if it is known without asking. */
static void export_size(struct shell *sh)
{
    unsigned columns, rows;
    char text[24];
    if (console_get_size(false, &columns, &rows) == OK) {
        fmt_print(text, sizeof text, "COLUMNS=%u", columns);
        (void)shell_assign(sh, text, true);
        fmt_print(text, sizeof text, "LINES=%u", rows);
        (void)shell_assign(sh, text, true);
    }
}

/* Add the line to those that wait for more, and run them if they are complete. */
static void add_line(struct session *s)
{
    size_t n = s->editor.len;
    if (s->len + n + 2 > TEXT_MAX) {
        console_printf("shell: the command is longer than %u bytes\n", (unsigned)TEXT_MAX);
        s->len = 0;
        return;
    }
    memcpy(s->text + s->len, s->editor.text, n);
    s->text[s->len + n] = '\0';
    export_size(s->shell);
    if (shell_run_text(s->shell, s->text)) {
        s->len = 0;
    } else {
        s->text[s->len + n] = '\n';
        s->len += n + 1;
    }
}

/* The user may press Ctrl-C as soon as the cursor leaves the line, so the shell is in the
 * foreground before. */
static void take_line(struct session *s)
{
    begin_text(s->shell);
    line_finish(&s->editor);
    add_line(s);
    if (end_text(s->shell)) {
        s->len = 0;
    }
}

/* Read commands from the running thread's terminal and run them, for ever. */
static _Noreturn void serve(struct session *s)
{
    struct line_editor *editor = &s->editor;
    candidates_init(&s->candidates, s->shell->cwd);
    line_init(editor, s->prompt, console_sink, NULL, &s->candidates.completer);
    for (;;) {
        job_report(s->shell);
        make_prompt(s);
        line_reset(editor);
        enum line_event event = next_event(editor);
        if (event == LINE_DONE) {
            take_line(s);
            continue;
        }
        s->len = 0; /* lines that wait for more do not run without this one */
        if (event == LINE_TOO_LONG) {
            console_printf("shell: the line is longer than %d bytes: not run\n", LINE_MAX - 1);
        } else if (event == LINE_HAS_ZERO) {
            console_printf("shell: the line has a zero byte: not run\n");
        } else if (event == LINE_END) {
            console_printf("This is the only shell here; poweroff switches the machine off.\n");
        }
    }
}

static struct session *create_session(void)
{
    struct session *s = heap_zalloc(sizeof *s);
    if (s != NULL) {
        s->shell = shell_create();
        if (s->shell == NULL) {
            heap_free(s);
            return NULL;
        }
    }
    return s;
}

static void run_rc(struct shell *sh)
{
    struct file_stat st;
    if (vfs_stat(NULL, RC_FILE, true, &st) == OK) {
        run_text(sh, "sh " RC_FILE);
    }
}

static void serve_terminal(struct console *c, bool is_first)
{
    struct session *session = create_session();
    if (session == NULL) {
        log_error("shell", "%s: no memory for a session", c->name);
        return;
    }
    thread_current()->terminal = c;
    console_printf("Halyard " HALYARD_VERSION ". Type help for the commands.\n");
    if (is_first) {
        run_rc(session->shell);
    }
    serve(session);
}

static void serve_console(void *arg)
{
    serve_terminal(arg, false);
}

static void start_session(struct console *c)
{
    struct thread *t;
    const struct thread_options options = {.name = "shell",
                                           .entry = serve_console,
                                           .arg = c,
                                           .priority = PRIO_NORMAL,
                                           .placement = THREAD_ANYWHERE};
    enum status s = thread_create(&options, &t);
    if (s != OK) {
        log_error("shell", "%s: no session: %s", c->name, status_text(s));
        return;
    }
    thread_detach(t);
}

/* The boot thread becomes the session of the first console, unless that has one already. Other
 * consoles, present or added later, get a thread each through start_session(). */
_Noreturn void shell_main(void)
{
    struct console *c = console_at(0); /* it needs no thread of its own */
    bool is_mine = c != NULL && console_claim_session(c);
    hal_exit_record(EXIT_READY, console_is_framed());
    console_set_session(start_session);
    if (is_mine) {
        /* so far it ran on the boot CPU only */
        (void)!thread_set_affinity(thread_current(), CPU_MASK_ALL);
        serve_terminal(c, true);
    }
    thread_exit(0);
}
