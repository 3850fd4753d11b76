// SPDX-License-Identifier: MIT
//
// A shell's state: made, copied, freed; its variables.
#include "kernel/shell/session.h"

#include "kernel/fs/vfs.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/shell/command.h"
#include "kernel/shell/io.h"
#include "kernel/shell/job.h"
#include "kernel/tty/console.h"

struct source *source_ref(struct source *s)
{
    /* Relaxed: the caller has a reference. */
    if (s != NULL) {
        (void)atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    }
    return s;
}

/* The tree, its text and the parameters of a script are freed together. */
void source_put(struct source *s)
{
    if (s != NULL && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1) {
        arena_free_all(&s->arena);
        heap_free(s);
    }
}

/* --- variables --- */

static void free_variables(struct variable *v)
{
    while (v != NULL) {
        struct variable *next = v->next;
        heap_free(v);
        v = next;
    }
}

/* The link to the variable, or to the end. */
static struct variable **find(struct variable *const *list, const char *name, size_t len)
{
    struct variable *const *v = list;
    while (*v != NULL && (strncmp((*v)->text, name, len) != 0 || (*v)->text[len] != '=')) {
        v = &(*v)->next;
    }
    return (struct variable **)(uintptr_t)v;
}

const char *shell_get(void *shell, const char *name, size_t len)
{
    const struct shell *sh = shell;
    const struct variable *v = *find(&sh->variables, name, len);
    return v == NULL ? NULL : v->text + len + 1;
}

static struct variable *make(const char *text, bool is_exported)
{
    size_t size = strlen(text) + 1;
    struct variable *v = heap_alloc(sizeof *v + size);
    if (v != NULL) {
        v->next = NULL;
        v->is_exported = is_exported;
        memcpy(v->text, text, size);
    }
    return v;
}

/* The new variable takes the place of the old one in the list, and stays exported. On failure the
 * old value is kept. */
bool shell_assign(struct shell *sh, const char *text, bool is_exported)
{
    struct variable **at = find(&sh->variables, text, syntax_name(text));
    struct variable *old = *at;
    struct variable *v = make(text, is_exported || (old != NULL && old->is_exported));
    if (v == NULL) {
        return false;
    }
    if (old != NULL) {
        v->next = old->next;
        heap_free(old);
    }
    *at = v;
    return true;
}

bool shell_export(struct shell *sh, const char *name)
{
    struct variable *v = *find(&sh->variables, name, strlen(name));
    if (v != NULL) {
        v->is_exported = true;
    }
    return v != NULL;
}

void shell_unset(struct shell *sh, const char *name)
{
    struct variable **at = find(&sh->variables, name, strlen(name));
    struct variable *old = *at;
    if (old != NULL) {
        *at = old->next;
        heap_free(old);
    }
}

/* All or none: a shell with half of its variables would run other commands than the user expects.
 * The copy has the same order. */
static bool copy_variables(const struct variable *from, struct variable **to)
{
    *to = NULL;
    for (struct variable **at = to; from != NULL; from = from->next, at = &(*at)->next) {
        *at = make(from->text, from->is_exported);
        if (*at == NULL) {
            free_variables(*to);
            *to = NULL;
            return false;
        }
    }
    return true;
}

bool shell_save(struct shell *sh, struct variable **saved)
{
    struct variable *copy;
    if (!copy_variables(sh->variables, &copy)) {
        return false;
    }
    *saved = sh->variables;
    sh->variables = copy;
    return true;
}

void shell_restore(struct shell *sh, struct variable *saved)
{
    free_variables(sh->variables);
    sh->variables = saved;
}

/* --- life --- */

static struct shell *shell_of(struct foreground_job *j)
{
    return CONTAINER_OF(j, struct shell, front);
}

static void get_front(struct foreground_job *j)
{
    /* Relaxed: the caller has a reference. */
    (void)atomic_fetch_add_explicit(&shell_of(j)->refs, 1, memory_order_relaxed);
}

static void put_front(struct foreground_job *j)
{
    shell_put(shell_of(j));
}

/* The line ends; its job in the foreground is told by itself (job.c). Its command may read the
 * terminal, or wait for a job. */
static void stop_line(struct foreground_job *j)
{
    atomic_store_explicit(&shell_of(j)->is_stopped, true, memory_order_relaxed);
    console_end_reads();
    job_end_waits(shell_of(j));
}

/* A command of the shell cannot be suspended, and so never waits. */
static void do_nothing(struct foreground_job *j)
{
    (void)j;
}

static enum status wait_for_nothing(struct foreground_job *j)
{
    (void)j;
    return OK;
}

static const struct foreground_job_ops front_ops = {.get = get_front,
                                                    .put = put_front,
                                                    .interrupt = stop_line,
                                                    .quit = stop_line,
                                                    .suspend = do_nothing,
                                                    .await_foreground = wait_for_nothing,
                                                    .begin_output = wait_for_nothing,
                                                    .end_output = do_nothing};

void session_add_spent(struct cpu_spent *to, const struct cpu_spent *more)
{
    to->programs_ns += more->programs_ns;
    to->shell_ns += more->shell_ns;
}

struct shell *shell_create(void)
{
    static char name[] = "shell", *argv[] = {name, NULL};
    struct shell *sh = heap_zalloc(sizeof *sh);
    if (sh != NULL) {
        sh->front.ops = &front_ops;
        atomic_init(&sh->refs, 1);
        sh->argv = argv;
        sh->argc = 1;
        (void)str_copy(sh->cwd, sizeof sh->cwd, "/");
        if (!shell_assign(sh, "PATH=/bin", true) || !shell_assign(sh, "PWD=/", true)) {
            shell_put(sh);
            return NULL;
        }
    }
    return sh;
}

/* The copy shares nothing that can change: its variables are copied, its files and its text have
 * references. argv points into the text's arena, or is static. A failure to copy the variables
 * leaves nothing to release, because the files come later. */
struct shell *shell_copy(const struct shell *from)
{
    struct shell *sh = heap_zalloc(sizeof *sh);
    if (sh == NULL || !copy_variables(from->variables, &sh->variables)) {
        heap_free(sh);
        return NULL;
    }
    sh->front.ops = &front_ops;
    atomic_init(&sh->refs, 1);
    sh->job = from->job;
    sh->source = source_ref(from->source);
    for (unsigned i = 0; i < LOAD_FILES; i++) {
        sh->files[i] = from->files[i] != NULL ? file_ref(from->files[i]) : NULL;
    }
    sh->argv = from->argv;
    sh->argc = from->argc;
    sh->status = from->status;
    sh->depth = from->depth;
    sh->is_quiet = from->is_quiet;
    (void)str_copy(sh->cwd, sizeof sh->cwd, from->cwd);
    return sh;
}

/* References are the owner's and, while a line runs, the terminal's (its foreground). The source is
 * released after the variables, and nothing points into it then. */
void shell_put(struct shell *sh)
{
    if (atomic_fetch_sub_explicit(&sh->refs, 1, memory_order_acq_rel) == 1) {
        free_variables(sh->variables);
        source_put(sh->source);
        for (unsigned i = 0; i < LOAD_FILES; i++) {
            if (sh->files[i] != NULL) {
                file_close(sh->files[i]);
            }
        }
        heap_free(sh);
    }
}

/* --- commands and the shell --- */

const char *shell_cwd(void)
{
    const struct command_io *io = io_current();
    return io == NULL || io->shell == NULL ? "/" : io->shell->cwd;
}
