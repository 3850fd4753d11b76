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
#include "kernel/shell/command_internal.h"
#include "kernel/shell/candidates.h"
#include "kernel/shell/line.h"
#include "kernel/shell/pipeline.h"

#define PROMPT "halyard> "

/* Longest wait for a terminal's answer. */
#define ANSWER_NS (300 * NS_PER_MS)

struct session {
    struct line_editor editor;
    struct candidates candidates;
};

static void console_sink(void *ctx, const char *s, size_t len)
{
    (void)ctx;
    console_write(s, len);
}

void shell_run_command(int argc, char **argv)
{
    const struct shell_command *command = shell_find_command(argv[0]);
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        shell_print_help(command);
    } else if (!command->run(argc, argv)) {
        shell_error("usage: %s%s%s\n", command->name, command->usage[0] != '\0' ? " " : "",
                    command->usage);
        shell_set_status(2);
    }
}

const char *shell_cwd(void)
{
    return "/";
}

/* On the heap: it has room for the longest line and its words, and the command
 * runs on this stack. */
void shell_execute(const char *line)
{
    const char *why;
    struct pipeline *p = heap_alloc(sizeof *p);
    if (p == NULL) {
        console_printf("shell: no memory\n");
    } else if (!pipeline_parse(line, p, &why)) {
        console_printf("shell: %s\n", why);
    } else if (p->count > 0) {
        shell_run_pipeline(p);
    }
    heap_free(p);
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
            event = line_feed(editor, byte);
        } else if (n == E_TIMEDOUT) {
            event = line_timeout(editor);
        } else if (n == 0) {
            end_session();
        }
    }
    return event;
}

/* Read commands from the running thread's terminal and run them, for ever. */
static _Noreturn void serve(struct session *session)
{
    struct line_editor *editor = &session->editor;
    candidates_init(&session->candidates);
    line_init(editor, PROMPT, console_sink, NULL, &session->candidates.completer);
    for (;;) {
        line_reset(editor);
        enum line_event event = next_event(editor);
        if (event == LINE_DONE) {
            shell_execute(editor->text);
        } else if (event == LINE_END) {
            console_printf("This is the only shell here; poweroff switches the machine off.\n");
        }
    }
}

static void serve_console(void *arg)
{
    struct console *c = arg;
    struct session *session = heap_zalloc(sizeof *session);
    if (session == NULL) {
        log_error("shell", "%s: no memory for a session", c->name);
        return;
    }
    thread_current()->terminal = c;
    console_printf("Halyard " HALYARD_VERSION ". Type help for the commands.\n");
    serve(session);
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
        serve_console(c);
    }
    thread_exit(0);
}
