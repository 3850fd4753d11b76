// SPDX-License-Identifier: MIT
//
// The state in which commands run: variables, folder, parameters. A console's session has one for
// ever; a script, a pipeline's part and a job have copies.
#pragma once

#include "kernel/lib/list.h"
#include "kernel/load/loader.h"
#include "kernel/sched/wait.h"
#include "kernel/shell/expand.h"
#include "kernel/tty/foreground.h"

#include <stdatomic.h>

#define SHELL_DEPTH     8 /* scripts that run each other */
#define SHELL_PATH_MAX  256
#define SHELL_WORDS_MAX ((size_t)16 << 20) /* bytes of the arguments of a pipeline */

#define STATUS_USAGE     2
#define STATUS_NOT_RUN   126 /* found, but it cannot be run */
#define STATUS_NOT_FOUND 127
#define STATUS_STOPPED   148 /* Ctrl-Z */
#define STATUS_KILLED    130 /* Ctrl-C */
#define STATUS_QUIT      131 /* Ctrl-\ */
#define STATUS_ENDED     143 /* `kill` */
#define STATUS_FAULTED   119

struct file;
struct job;

/** The text of a line or script, and its tree. */
struct source {
    _Atomic uint32_t refs; /* acq_rel to drop one */
    struct arena arena;
    struct syntax_pipe *list; /* in the arena */
    char text[];
};

struct variable {
    struct variable *next;
    bool is_exported;
    char text[]; /* NAME=VALUE */
};

/** CPU time of what a shell started and waited for. */
struct cpu_spent {
    uint64_t programs_ns;
    uint64_t shell_ns; /* threads of the shell itself */
};

/** What a command wants after it: everything up to there is skipped. */
enum leave { LEAVE_NOTHING, LEAVE_CONTINUE, LEAVE_BREAK, LEAVE_SCRIPT };

/* Used by one thread, except for `front` and `is_stopped`. */
struct shell {
    struct foreground_job front;
    _Atomic uint32_t refs;   /* acq_rel to drop one */
    _Atomic bool is_stopped; /* Ctrl-C: leave the line. Relaxed: only a flag */
    struct job *job;         /* the job that this is a part of; NULL: a session */
    struct source *source;
    struct variable *variables;
    struct file *files[LOAD_FILES]; /* of its commands; NULL: the terminal */
    char **argv;                    /* of the script; argv[0] is its name */
    int argc;
    int status; /* $? */
    struct cpu_spent spent;
    unsigned depth;
    enum leave leave;
    bool is_quiet; /* a condition: failures are not worth a message */
    bool in_loop;
    char cwd[SHELL_PATH_MAX];
};

/** @brief Create a shell. @return NULL: no memory. @context{thread} */
struct shell *shell_create(void);
/** @brief A copy for another thread: the same variables, folder, files. @return NULL: no memory. */
struct shell *shell_copy(const struct shell *from);
/** @brief Drop a reference. @context{thread, may sleep} */
void shell_put(struct shell *sh);

/** @brief Add the second time to the first. */
void session_add_spent(struct cpu_spent *to, const struct cpu_spent *more);

struct source *source_ref(struct source *s);
void source_put(struct source *s);

/** @brief The value of a variable, or NULL. */
const char *shell_get(void *shell, const char *name, size_t len);
/** @brief Set a variable from NAME=VALUE. @return false: no memory. */
bool shell_assign(struct shell *sh, const char *text, bool is_exported);
/** @brief Replace all variables by copies; shell_restore() undoes it. @return false: no memory. */
bool shell_save(struct shell *sh, struct variable **saved);
void shell_restore(struct shell *sh, struct variable *saved);
/** @brief Export a variable. @return false: there is none of that name. */
bool shell_export(struct shell *sh, const char *name);
/** @brief Forget a variable. */
void shell_unset(struct shell *sh, const char *name);
/** @brief For expand.h: the shell's variables and parameters as they are now. */
struct expand_source shell_source(struct shell *sh);

/** @brief True if commands must not be started: Ctrl-C, or a command that leaves. Waits while the
 *     job is suspended. @context{thread, may sleep} */
bool shell_is_leaving(const struct shell *sh);

/** @brief Print an error, and make it the status. @context{thread, may sleep} */
void session_error(struct shell *sh, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);

/** @brief Parse a typed text and run it. @return false: more lines are needed to complete it.
 * @context{thread, may sleep} */
bool shell_run_text(struct shell *sh, const char *text);

/** @brief Run pipelines up to `last`, as && and || say. @context{thread, may sleep} */
void shell_run_chain(struct shell *sh, const struct syntax_pipe *first,
                     const struct syntax_pipe *last);
/** @brief Run a loop or condition. @context{thread, may sleep} */
void shell_run_compound(struct shell *sh, const struct syntax_command *c);
/** @brief Run a pipeline; sets the status. @context{thread, may sleep} */
void shell_run_pipe(struct shell *sh, const struct syntax_pipe *pipe);
/** @brief Run a script: its file and parameters, or -c TEXT. @pre sh is a copy for it alone.
 * @context{thread, may sleep} */
void shell_run_script(struct shell *sh, int argc, char **argv);
