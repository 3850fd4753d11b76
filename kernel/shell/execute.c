// SPDX-License-Identifier: MIT
//
// Runs a tree: lists, conditions, loops, scripts. pipeline.c runs the commands.
#include "kernel/fs/vfs.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/shell/command.h"
#include "kernel/shell/io.h"
#include "kernel/shell/job.h"
#include "kernel/shell/session.h"

#include <stdarg.h>

#define SCRIPT_MAX ((size_t)256 << 10) /* bytes; a message says so */
#define TREE_MAX   ((size_t)16 << 20)

/* Errors of the language itself go where a command's errors would go. The text may quote names from
 * a script or a disk. */
void session_error(struct shell *sh, int status, const char *fmt, ...)
{
    char text[VFS_PATH_MAX + 64];
    /* no command of a job, which would wait while the job is stopped */
    struct command_io io = {.files = {NULL, NULL, sh->files[2]}};
    struct console_sink *before = io_enter(&io);
    va_list args;
    va_start(args, fmt);
    (void)fmt_vprint(text, sizeof text, fmt, args);
    va_end(args);
    str_make_printable(text);
    if (sh->files[2] == NULL) {
        console_fresh_row(); /* a program may have ended in the middle of one */
    }
    shell_error("%s\n", text);
    io_leave(&io, before);
    sh->status = status;
}

bool shell_is_leaving(const struct shell *sh)
{
    return sh->leave != LEAVE_NOTHING ||
           atomic_load_explicit(&sh->is_stopped, memory_order_relaxed) ||
           (sh->job != NULL && job_is_over(sh->job));
}

/* Commands joined by && and ||, from left to right with equal precedence. A skipped command leaves
 * the status alone, so "false && a || b" runs b. A failure is reported only where it decides the
 * status of the whole chain: for the last command, and not after a !. */
void shell_run_chain(struct shell *sh, const struct syntax_pipe *first,
                     const struct syntax_pipe *last)
{
    bool was_quiet = sh->is_quiet, is_skipped = false;
    for (const struct syntax_pipe *p = first; !shell_is_leaving(sh); p = p->next) {
        if (!is_skipped) {
            sh->is_quiet = was_quiet || p != last || p->is_negated;
            shell_run_pipe(sh, p);
        }
        if (p == last) {
            break;
        }
        is_skipped = (p->join == JOIN_AND) != (sh->status == 0);
    }
    sh->is_quiet = was_quiet;
}

/* A chain ends at the first pipeline that is joined by nothing. Its first pipeline tells whether it
 * runs in the background. */
static void run_list(struct shell *sh, const struct syntax_pipe *list)
{
    while (list != NULL && !shell_is_leaving(sh)) {
        const struct syntax_pipe *first = list;
        while (list->join != JOIN_NEXT) {
            list = list->next;
        }
        if (first->last != NULL) {
            job_start(sh, first, list);
        } else {
            shell_run_chain(sh, first, list);
        }
        list = list->next;
    }
}

/* Quiet, because a condition is expected to fail. */
static bool is_true(struct shell *sh, const struct syntax_pipe *test)
{
    bool was_quiet = sh->is_quiet;
    sh->is_quiet = true;
    run_list(sh, test);
    sh->is_quiet = was_quiet;
    return sh->status == 0 && !shell_is_leaving(sh);
}

/* `other` is the next condition, or an "else" without one. If no branch runs, the status is
 * 0, as POSIX demands. */
static void run_if(struct shell *sh, const struct syntax_command *c)
{
    while (c != NULL && c->test != NULL && !is_true(sh, c->test)) {
        if (shell_is_leaving(sh)) {
            return;
        }
        sh->status = 0;
        c = c->other;
    }
    if (c != NULL) {
        run_list(sh, c->body);
    }
}

/* @return false: the loop ends. */
static bool run_body(struct shell *sh, const struct syntax_command *c)
{
    run_list(sh, c->body);
    bool ends = sh->leave == LEAVE_BREAK;
    if (ends || sh->leave == LEAVE_CONTINUE) {
        sh->leave = LEAVE_NOTHING;
    }
    return !ends && !shell_is_leaving(sh);
}

/* The status of a loop is that of its last body, and 0 if the body never ran; the
 * condition does not count. */
static void run_while(struct shell *sh, const struct syntax_command *c)
{
    int status = 0;
    while (is_true(sh, c->test)) {
        bool goes_on = run_body(sh, c);
        status = sh->status;
        if (!goes_on) {
            return;
        }
    }
    if (sh->leave == LEAVE_BREAK || sh->leave == LEAVE_CONTINUE) {
        sh->leave = LEAVE_NOTHING; /* in the condition */
    }
    sh->status = status;
}

struct expand_source shell_source(struct shell *sh)
{
    return (struct expand_source){.get = shell_get,
                                  .ctx = sh,
                                  .cwd = sh->cwd,
                                  .argv = sh->argv,
                                  .argc = sh->argc,
                                  .status = sh->status,
                                  .end = sh->job != NULL ? job_end_flag(sh->job) : &sh->is_stopped};
}

/* The list is complete before the first turn, so the body may change its variables and files. */
static void run_for(struct shell *sh, const struct syntax_command *c)
{
    struct arena arena;
    struct expand_list list = {0};
    arena_init(&arena, SHELL_WORDS_MAX);
    struct expand_source source = shell_source(sh);
    enum status s = expand_words(&source, &arena, c->words->next, &list);
    if (s != OK) {
        session_error(sh, 1, "for: %s", status_text(s));
    }
    sh->status = s == OK ? 0 : 1;
    for (uint32_t i = 0; s == OK && i < list.count; i++) {
        struct arena_mark mark = arena_mark(&arena);
        size_t size = c->words->len + strlen(list.argv[i]) + 2;
        char *text = arena_take(&arena, size);
        if (text != NULL) {
            fmt_print(text, size, "%.*s=%s", (int)c->words->len, c->words->text, list.argv[i]);
        }
        if (text == NULL || !shell_assign(sh, text, false)) {
            session_error(sh, 1, "for: no memory");
            break;
        }
        arena_release(&arena, mark);
        if (!run_body(sh, c)) {
            break;
        }
    }
    arena_free_all(&arena);
}

void shell_run_compound(struct shell *sh, const struct syntax_command *c)
{
    bool was_in_loop = sh->in_loop;
    if (c->kind == COMMAND_IF) {
        run_if(sh, c);
        return;
    }
    sh->in_loop = true;
    if (c->kind == COMMAND_WHILE) {
        run_while(sh, c);
    } else {
        run_for(sh, c);
    }
    sh->in_loop = was_in_loop;
}

/* --- texts --- */

/* The text is copied: the tree points into it, and jobs may run parts of it after the
 * caller's buffer is gone. */
static struct source *create_source(const char *text, size_t len)
{
    struct source *s = heap_alloc(sizeof *s + len + 1);
    if (s != NULL) {
        atomic_init(&s->refs, 1);
        arena_init(&s->arena, TREE_MAX);
        memcpy(s->text, text, len);
        s->text[len] = '\0';
    }
    return s;
}

/* Jobs that the text starts refer to its tree, so they hold a reference to the source
 * that is current here. */
static void run_source(struct shell *sh, struct source *source)
{
    struct source *before = sh->source;
    sh->source = source;
    run_list(sh, source->list);
    sh->source = before;
}

/* Drops the reference to the source. @return false: the text is incomplete, and a typed line. */
static bool parse_and_run(struct shell *sh, const char *name, struct source *source)
{
    struct syntax_error error;
    bool is_complete = true;
    if (syntax_parse(source->text, &source->arena, &source->list, &error)) {
        run_source(sh, source);
    } else if (name != NULL) {
        session_error(sh, STATUS_USAGE, "%s: line %u: %s", name, error.line, error.text);
    } else if (!error.is_incomplete) {
        session_error(sh, STATUS_USAGE, "shell: %s", error.text);
    } else {
        is_complete = false;
    }
    source_put(source);
    return is_complete;
}

bool shell_run_text(struct shell *sh, const char *text)
{
    struct source *source = create_source(text, strlen(text));
    if (source == NULL) {
        session_error(sh, 1, "shell: no memory");
        return true;
    }
    return parse_and_run(sh, NULL, source);
}

/* The parameters live as long as the source, which the script's jobs hold. */
static bool copy_parameters(struct shell *sh, struct source *source, int argc, char **argv)
{
    struct expand_list list = {0};
    for (int i = 0; i < argc; i++) {
        size_t size = strlen(argv[i]) + 1;
        char *copy = arena_take(&source->arena, size);
        if (copy == NULL || !expand_add(&list, &source->arena, memcpy(copy, argv[i], size))) {
            return false;
        }
    }
    sh->argv = list.argv;
    sh->argc = argc;
    return true;
}

static void drop_local_variables(struct shell *sh)
{
    struct variable **at = &sh->variables;
    while (*at != NULL) {
        struct variable *v = *at;
        if (v->is_exported) {
            at = &v->next;
        } else {
            *at = v->next;
            heap_free(v);
        }
    }
}

/* A script is read as a whole before it runs, so changing its file meanwhile has no effect. */
static enum status read_script(const struct shell *sh, const char *name, struct source **out)
{
    char path[VFS_PATH_MAX];
    void *data;
    size_t len;
    enum status s = vfs_join(sh->cwd, name, path, sizeof path);
    s = s == OK ? vfs_read_file(path, SCRIPT_MAX, &data, &len) : s;
    if (s != OK) {
        return s;
    }
    *out = create_source(data, len);
    heap_free(data);
    if (*out != NULL && strlen((*out)->text) != len) {
        source_put(*out);
        return E_FORMAT; /* a zero byte: not a text */
    }
    return *out != NULL ? OK : E_NOMEM;
}

/* `sh` is a shell of its own, which the caller has copied: only exported variables
 * remain, and the script's parameters replace those of the caller. Scripts that run each
 * other are limited by depth, because each level needs kernel stack. The script's jobs
 * may outlive it, hence job_disown(). */
void shell_run_script(struct shell *sh, int argc, char **argv)
{
    struct source *source = NULL;
    bool is_text = argc > 1 && strcmp(argv[0], "-c") == 0;
    if (sh->depth == SHELL_DEPTH) {
        session_error(sh, 1, "%s: more than %d scripts run each other", argv[0], SHELL_DEPTH);
        return;
    }
    if (is_text) {
        source = create_source(argv[1], strlen(argv[1]));
        int skipped = argc > 2 ? 2 : 1; /* without a name, $0 is the text */
        argc -= skipped;
        argv += skipped;
    }
    enum status s = is_text ? OK : read_script(sh, argv[0], &source);
    if (s != OK || source == NULL || !copy_parameters(sh, source, argc, argv)) {
        source_put(source);
        session_error(sh, STATUS_NOT_FOUND, "sh: %s: %s", argv[0],
                      s == E_OVERFLOW ? "longer than 256 KiB" : status_text(s != OK ? s : E_NOMEM));
        return;
    }
    drop_local_variables(sh);
    sh->depth++;
    sh->in_loop = false;
    sh->status = 0;
    (void)parse_and_run(sh, argv[0], source_ref(source));
    job_disown(sh);
    source_put(source);
}
