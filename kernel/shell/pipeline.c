// SPDX-License-Identifier: MIT
//
// A pipeline is prepared as a whole before anything of it runs: words expanded, commands found,
// files and pipes opened. So a mistake in the last command does not start the first.
#include "kernel/shell/pipeline.h"

#include "kernel/base/clock.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/lib/words.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/thread.h"
#include "kernel/shell/command.h"
#include "kernel/shell/io.h"
#include "kernel/shell/job.h"
#include "kernel/shell/run.h"

#define OUTPUTS (LOAD_FILES - 1)

enum stage_kind {
    STAGE_NOTHING, /* only assignments or redirections */
    STAGE_COMMAND, /* of the shell */
    STAGE_COMPOUND,
    STAGE_PROGRAM,
    STAGE_SCRIPT,
};

struct stage {
    enum stage_kind kind;
    const struct syntax_command *command;
    struct expand_list words, assigns;
    struct file *files[LOAD_FILES]; /* NULL: the terminal */
    struct run_stage run;           /* PROGRAM */
    struct job_member member;
    struct shell *shell; /* for a thread of its own */
    struct console *terminal;
    struct completion done;
    int status;
    /* the files of > and 2>, to see whether all could be written */
    struct file *outputs[OUTPUTS];
    const char *output_paths[OUTPUTS];
};

struct pipeline {
    struct arena arena; /* words */
    uint32_t count;
    struct stage stages[];
};

/* Each slot owns a reference to its file, and NULL stands for the terminal. So a file is closed
 * exactly when its last slot lets go of it; an end of a pipe that stays in a forgotten slot would
 * keep the other side waiting for ever. */
static void set_file(struct file **slot, struct file *f)
{
    if (*slot != NULL) {
        file_close(*slot);
    }
    *slot = f;
}

static void copy_file(struct file **to, struct file *from)
{
    set_file(to, from == NULL ? NULL : file_ref(from));
}

static void close_files(struct file **files)
{
    for (unsigned i = 0; i < LOAD_FILES; i++) {
        set_file(&files[i], NULL);
    }
}

/* Also frees a pipeline that prepare() could not complete: slots that were not reached are NULL,
 * and the arena may be empty. All programs and threads of it have ended, because their members and
 * results are in its stages. */
void pipeline_free(struct pipeline *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        close_files(p->stages[i].files);
        for (unsigned n = 0; n < OUTPUTS; n++) {
            set_file(&p->stages[i].outputs[n], NULL);
        }
        if (p->stages[i].shell != NULL) {
            shell_put(p->stages[i].shell);
        }
    }
    arena_free_all(&p->arena);
    heap_free(p);
}

/* --- words --- */

/* Values are expanded as one argument each: blanks in them do not separate, and patterns stay as
 * they are (POSIX 2.9.1). None of them is made before the command runs, so `A=1 echo $A` prints the
 * old value. */
static bool expand_assigns(struct shell *sh, struct pipeline *p, struct stage *stage)
{
    struct expand_source source = shell_source(sh);
    for (const struct syntax_word *w = stage->command->words; w != NULL; w = w->next) {
        if (w->kind == WORD_ASSIGN) {
            size_t name = syntax_name(w->text) + 1;
            char *value = expand_word(&source, &p->arena, w->text + name, w->len - name);
            size_t size = value == NULL ? 0 : name + strlen(value) + 1;
            char *text = value == NULL ? NULL : arena_take(&p->arena, size);
            if (text == NULL || !expand_add(&stage->assigns, &p->arena, text)) {
                return false;
            }
            fmt_print(text, size, "%.*s%s", (int)name, w->text, value);
        }
    }
    return true;
}

static bool expand_stage(struct shell *sh, struct pipeline *p, struct stage *stage)
{
    if (stage->command->kind != COMMAND_SIMPLE) {
        stage->kind = STAGE_COMPOUND;
        return true;
    }
    struct expand_source source = shell_source(sh);
    enum status s = expand_words(&source, &p->arena, stage->command->words, &stage->words);
    if (s == OK && !expand_assigns(sh, p, stage)) {
        s = E_NOMEM;
    }
    if (s != OK) {
        session_error(sh, 1, "shell: the arguments: %s", status_text(s));
    }
    return s == OK;
}

/* --- commands --- */

/* A directory or a device in PATH is not a program; the search goes on. */
static bool is_file(const struct shell *sh, const char *path)
{
    struct file_stat st;
    return vfs_stat(sh->cwd, path, true, &st) == OK && st.type == FILE_REGULAR;
}

/* Find a program in PATH, also without the end of its name. A path that does not fit is passed
 * over, never cut: it could name another file. An empty part of PATH means the root's folder here,
 * not the current one as in POSIX, so no program of the current folder is run by accident. */
static bool search_path(struct shell *sh, const char *name, char *path, size_t len)
{
    static const char *const ends[] = {"", ".wasm", ".elf"};
    const char *dir = shell_get(sh, "PATH", 4);
    while (dir != NULL && *dir != '\0') {
        const char *colon = strchr(dir, ':');
        int n = (int)(colon != NULL ? (size_t)(colon - dir) : strlen(dir));
        for (unsigned i = 0; i < ARRAY_COUNT(ends); i++) {
            if (fmt_print(path, len, "%.*s/%s%s", n, dir, name, ends[i]) < len &&
                is_file(sh, path)) {
                return true;
            }
        }
        dir = colon != NULL ? colon + 1 : NULL;
    }
    return false;
}

/* Words that a person may try. */
static const char *hint(const char *name)
{
    static const struct {
        const char *name, *hint;
    } hints[] = {
        {"quit", "poweroff switches the machine off"},
        {"logout", "poweroff switches the machine off"},
        {"halt", "use poweroff"},
        {"shutdown", "use poweroff"},
        {"?", "use help"},
        {"source", "use sh FILE"},
        {".", "use sh FILE"},
        {"dir", "use ls"},
        {"return", "use exit"},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(hints); i++) {
        if (strcmp(hints[i].name, name) == 0) {
            return hints[i].hint;
        }
    }
    return "no such command; try help";
}

/* Put a word before the others. */
static bool prepend(struct pipeline *p, struct expand_list *list, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = arena_take(&p->arena, size);
    if (copy == NULL || !expand_add(list, &p->arena, NULL)) {
        return false;
    }
    memmove(list->argv + 1, list->argv, (list->count - 1) * sizeof(char *));
    list->argv[0] = memcpy(copy, text, size);
    return true;
}

/* The line after #! has the path of an interpreter and at most one argument. `sh` is this shell. A
 * name without a folder is no interpreter: the file may be of a format that begins so, which the
 * loader knows. */
static bool take_interpreter(struct pipeline *p, struct stage *stage, char *line)
{
    char *name = words_skip_blanks(line);
    char *end = name;
    while (*end != '\0' && *end != ' ' && *end != '\t') {
        end++;
    }
    char *argument = *end == '\0' ? end : words_skip_blanks(end + 1);
    *end = '\0';
    const char *slash = strrchr(name, '/');
    if (strcmp(slash == NULL ? name : slash + 1, "sh") == 0) {
        stage->kind = STAGE_SCRIPT;
        return true;
    }
    return slash == NULL || ((*argument == '\0' || prepend(p, &stage->words, argument)) &&
                             prepend(p, &stage->words, name));
}

/* Only the first bytes are read, with no promise that the file is still the same when it is loaded;
 * the loader checks all of it then. A line without an end in 127 bytes is cut. */
static bool find_interpreter(struct shell *sh, struct pipeline *p, struct stage *stage)
{
    char line[128];
    struct file *f;
    size_t n = 0;
    if (vfs_open(NULL, stage->words.argv[0], VFS_READ, &f) != OK) {
        return true; /* the loader reports it */
    }
    enum status s = file_read(f, line, sizeof line - 1, &n);
    file_close(f);
    if (s != OK || n < 2 || line[0] != '#' || line[1] != '!') {
        return true;
    }
    size_t end = 2;
    while (end < n && line[end] != '\n' && line[end] != '\r') {
        end++;
    }
    line[end] = '\0';
    if (!take_interpreter(p, stage, line + 2)) {
        session_error(sh, 1, "shell: no memory");
        return false;
    }
    return true;
}

/* Make the path of the program, word `at`, absolute. */
static bool find_program(struct shell *sh, struct pipeline *p, struct stage *stage, int at)
{
    char path[VFS_PATH_MAX], full[VFS_PATH_MAX];
    const char *name = stage->words.argv[at];
    if (at == 0 && strchr(name, '/') == NULL) {
        if (!search_path(sh, name, path, sizeof path)) {
            session_error(sh, STATUS_NOT_FOUND, "%s: %s", name, hint(name));
            return false;
        }
        name = path;
    }
    enum status s = vfs_join(sh->cwd, name, full, sizeof full);
    size_t size = s == OK ? strlen(full) + 1 : 0;
    char *copy = s == OK ? arena_take(&p->arena, size) : NULL;
    if (copy == NULL) {
        session_error(sh, 1, "run: %s: %s", name, status_text(s != OK ? s : E_NOMEM));
        return false;
    }
    stage->words.argv[at] = memcpy(copy, full, size);
    stage->kind = STAGE_PROGRAM;
    return at > 0 || find_interpreter(sh, p, stage);
}

/* The order decides which meaning a word has: compound commands, then `run` and `sh`, which start
 * programs and scripts themselves, then the shell's own commands, then programs in PATH. A word
 * with a slash is always a program. */
static bool find_command(struct shell *sh, struct pipeline *p, struct stage *stage)
{
    struct expand_list *words = &stage->words;
    if (stage->kind == STAGE_COMPOUND || words->count == 0) {
        return true;
    }
    int at = 0;
    bool is_help = words->count == 2 && strcmp(words->argv[1], "--help") == 0;
    bool is_run = !is_help && strcmp(words->argv[0], "run") == 0;
    bool is_script = !is_help && strcmp(words->argv[0], "sh") == 0;
    if (is_run) {
        at = run_parse((int)words->count, words->argv, &stage->run);
    }
    if (at < 0 || (is_script && words->count == 1)) {
        session_error(sh, STATUS_USAGE, "usage: %s %s", words->argv[0],
                      shell_find_command(words->argv[0])->usage);
        return false;
    }
    if (is_script) {
        words->argv++;
        words->count--;
        stage->kind = STAGE_SCRIPT;
        return true;
    }
    if (!is_run && shell_is_command(words->argv[0])) {
        stage->kind = STAGE_COMMAND;
        return true;
    }
    if (!find_program(sh, p, stage, at)) {
        return false;
    }
    stage->run.options.argc = (int)words->count - at;
    stage->run.options.argv = (const char *const *)words->argv + at;
    return true;
}

/* --- files --- */

/* Redirections are applied from left to right, so `> f 2>&1` sends both to the file and `2>&1 > f`
 * only the output (POSIX 2.7). 2>&1 copies the reference that the slot has at this point. `outputs`
 * keeps the file for check_outputs(), after the command has closed its own. */
static bool redirect(struct shell *sh, struct pipeline *p, struct stage *stage,
                     const struct syntax_word *w)
{
    static const struct {
        unsigned file, flags;
    } kinds[] = {
        [WORD_IN] = {0, VFS_READ},
        [WORD_OUT] = {1, VFS_WRITE | VFS_CREATE | VFS_TRUNCATE},
        [WORD_APPEND] = {1, VFS_WRITE | VFS_CREATE | VFS_APPEND},
        [WORD_ERR] = {2, VFS_WRITE | VFS_CREATE | VFS_TRUNCATE},
        [WORD_ERR_APPEND] = {2, VFS_WRITE | VFS_CREATE | VFS_APPEND},
    };
    if (w->kind == WORD_ERR_TO_OUT || w->kind == WORD_OUT_TO_ERR) {
        unsigned to = w->kind == WORD_ERR_TO_OUT ? 2 : 1;
        copy_file(&stage->files[to], stage->files[3 - to]);
        return true;
    }
    struct expand_source source = shell_source(sh);
    const char *path = expand_word(&source, &p->arena, w->text, w->len);
    struct file *f = NULL;
    enum status s = path == NULL ? E_NOMEM : vfs_open(sh->cwd, path, kinds[w->kind].flags, &f);
    if (s != OK) {
        session_error(sh, 1, "shell: %s: %s", path == NULL ? "" : path, status_text(s));
        return false;
    }
    unsigned file = kinds[w->kind].file;
    set_file(&stage->files[file], f);
    if (file > 0) {
        copy_file(&stage->outputs[file - 1], f);
        stage->output_paths[file - 1] = path;
    }
    return true;
}

/* First the shell's own files, then the pipes, then the redirections of each command: a redirection
 * replaces a pipe's end, which closes it. Files of later commands are opened, and truncated, even
 * if an earlier one then fails, as in other shells. */
static bool open_files(struct shell *sh, struct pipeline *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        for (unsigned n = 0; n < LOAD_FILES; n++) {
            copy_file(&p->stages[i].files[n], sh->files[n]);
        }
    }
    for (uint32_t i = 0; i + 1 < p->count; i++) {
        struct file *reader, *writer;
        if (pipe_make(&reader, &writer) != OK) {
            session_error(sh, 1, "shell: no memory for a pipe");
            return false;
        }
        set_file(&p->stages[i].files[1], writer);
        set_file(&p->stages[i + 1].files[0], reader);
    }
    for (uint32_t i = 0; i < p->count; i++) {
        for (const struct syntax_word *w = p->stages[i].command->files; w != NULL; w = w->next) {
            if (!redirect(sh, p, &p->stages[i], w)) {
                return false;
            }
        }
    }
    return true;
}

/* Nothing runs before everything is prepared. `count` grows with each stage before it is filled, so
 * pipeline_free() sees each stage that was begun. */
static struct pipeline *prepare(struct shell *sh, const struct syntax_pipe *pipe)
{
    struct pipeline *p = heap_zalloc(sizeof *p + pipe->count * sizeof(struct stage));
    if (p == NULL) {
        session_error(sh, 1, "shell: no memory");
        return NULL;
    }
    arena_init(&p->arena, SHELL_WORDS_MAX);
    const struct syntax_command *c = pipe->commands;
    bool is_ready = true;
    for (; c != NULL && is_ready; c = c->next) {
        struct stage *stage = &p->stages[p->count++];
        stage->command = c;
        stage->terminal = thread_current()->terminal;
        is_ready = expand_stage(sh, p, stage) && find_command(sh, p, stage);
    }
    if (!is_ready || !open_files(sh, p)) {
        pipeline_free(p);
        return NULL;
    }
    return p;
}

/* --- in this thread --- */

static bool assign_all(struct shell *sh, const struct stage *stage, bool is_exported)
{
    for (uint32_t i = 0; i < stage->assigns.count; i++) {
        if (!shell_assign(sh, stage->assigns.argv[i], is_exported)) {
            session_error(sh, 1, "shell: no memory for a variable");
            return false;
        }
    }
    return true;
}

/* Assignments before a command of the shell hold only for it: the variables are copied before and
 * the old list comes back afterwards. If there is no memory for the copy the command does not run,
 * since it could not be undone. */
static int run_command(struct shell *sh, struct stage *stage, struct file *const *files)
{
    struct command_io io = {.shell = sh};
    struct variable *saved;
    memcpy(io.files, files, sizeof io.files);
    bool has_saved = stage->assigns.count > 0 && shell_save(sh, &saved);
    if (has_saved != (stage->assigns.count > 0) || !assign_all(sh, stage, true)) {
        io.status = 1;
    } else {
        struct console_sink *before = io_enter(&io);
        shell_run_command((int)stage->words.count, stage->words.argv);
        io_leave(&io, before);
    }
    if (has_saved) {
        shell_restore(sh, saved);
    }
    return io.status;
}

static void swap_files(struct file **a, struct file **b)
{
    for (unsigned i = 0; i < LOAD_FILES; i++) {
        struct file *f = a[i];
        a[i] = b[i];
        b[i] = f;
    }
}

/* @param files The command's; sh->files itself in a thread of its own. A compound command runs in
 * this shell with its own files: they are swapped in and swapped out again, so sh->files has the
 * same references afterwards whatever happened inside. A script gets the files already, because it
 * runs in a shell of its own (start_thread()). */
static int run_here(struct shell *sh, struct stage *stage, struct file **files)
{
    switch (stage->kind) {
    case STAGE_COMMAND:
        return run_command(sh, stage, files);
    case STAGE_SCRIPT:
        if (!assign_all(sh, stage, true)) {
            return 1;
        }
        shell_run_script(sh, (int)stage->words.count, stage->words.argv);
        return sh->status;
    case STAGE_COMPOUND:
        swap_files(sh->files, files);
        shell_run_compound(sh, stage->command);
        swap_files(sh->files, files);
        return sh->status;
    default:
        return assign_all(sh, stage, false) ? 0 : 1;
    }
}

/* --- in threads and programs of their own --- */

/* completion_signal() comes last: the waiting thread frees the stage after it. The files are closed
 * before that, so that the next command of the pipeline sees the end of its input while this thread
 * is still ending. */
static void run_stage_thread(void *arg)
{
    struct stage *stage = arg;
    thread_current()->terminal = stage->terminal;
    stage->status = run_here(stage->shell, stage, stage->shell->files);
    stage->shell->spent.shell_ns += thread_run_ns();
    close_files(stage->shell->files); /* the reader sees the end of file */
    completion_signal(&stage->done);
}

/* The files move to the copied shell, and the references that the copy had are closed. The member
 * joins the job after thread_create(): if the job is killed in between, job_add() ends the thread
 * at once. The thread may have ended by then; its struct stays until wait_for() joins it. */
static enum status start_thread(struct shell *sh, struct stage *stage)
{
    stage->shell = shell_copy(sh);
    if (stage->shell == NULL) {
        return E_NOMEM;
    }
    swap_files(stage->shell->files, stage->files);
    close_files(stage->files);
    completion_init(&stage->done, "command");
    const struct thread_options options = {.name = stage->words.count > 0 ? stage->words.argv[0]
                                                                          : "command",
                                           .entry = run_stage_thread,
                                           .arg = stage,
                                           .priority = PRIO_NORMAL,
                                           .placement = THREAD_ANYWHERE};
    enum status s = thread_create(&options, &stage->member.thread);
    if (s == OK) {
        job_add(sh->job, &stage->member);
    }
    return s;
}

struct start {
    struct shell *shell;
    struct stage *stage;
};

/* Called when the program exists and none of its threads runs, so a Ctrl-C from now on reaches it,
 * and the job's suspension stops it before its first instruction. */
static void add_program(void *ctx, struct program *program)
{
    struct start *start = ctx;
    start->stage->member.program = program;
    job_add(start->shell->job, &start->stage->member);
}

/* The exported variables, then those before the command, which replace them. */
static bool make_environment(struct shell *sh, struct pipeline *p, struct stage *stage,
                             struct expand_list *env)
{
    for (struct variable *v = sh->variables; v != NULL; v = v->next) {
        bool is_replaced = !v->is_exported;
        size_t n = syntax_name(v->text) + 1;
        for (uint32_t i = 0; i < stage->assigns.count; i++) {
            is_replaced = is_replaced || strncmp(stage->assigns.argv[i], v->text, n) == 0;
        }
        if (!is_replaced && !expand_add(env, &p->arena, v->text)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < stage->assigns.count; i++) {
        if (!expand_add(env, &p->arena, stage->assigns.argv[i])) {
            return false;
        }
    }
    return true;
}

/* options->files owns the references from the swap on, and run_start() closes them, also if it
 * fails. A program that could not be started has no thread, but may be a member already:
 * job_remove() is right in both cases. */
static enum status start_program(struct shell *sh, struct pipeline *p, struct stage *stage)
{
    struct start start = {sh, stage};
    struct load_options *options = &stage->run.options;
    struct expand_list env = {0};
    enum status s = E_NOMEM;
    if (make_environment(sh, p, stage, &env)) {
        options->env = (const char *const *)env.argv;
        options->env_count = (int)env.count;
        options->cwd = sh->cwd;
        options->before = add_program;
        options->before_ctx = &start;
        swap_files(options->files, stage->files);
        s = run_start(&stage->run);
    }
    if (s != OK) {
        job_remove(sh->job, &stage->member);
        session_error(sh, s == E_NOENT ? STATUS_NOT_FOUND : STATUS_NOT_RUN, "run: %s",
                      s == E_NOMEM && stage->run.result.error.text[0] == '\0'
                          ? "no memory"
                          : stage->run.result.error.text);
    }
    return s;
}

static enum status start_stage(struct shell *sh, struct pipeline *p, struct stage *stage)
{
    if (stage->kind == STAGE_PROGRAM) {
        return start_program(sh, p, stage);
    }
    enum status s = start_thread(sh, stage);
    if (s != OK) {
        session_error(sh, 1, "shell: no thread for a command: %s", status_text(s));
    }
    return s;
}

/* What a program's end means for a person. */
static int report_end(struct shell *sh, struct stage *stage)
{
    const char *name = stage->run.options.argv[0];
    const struct run_result *r = &stage->run.result;
    static const char *const ends[] = {
        [PROGRAM_FAULTED] = "ended by a fault",
        [PROGRAM_KILLED] = "killed",
        [PROGRAM_OUT_OF_TIME] = "killed, its CPU time is used up",
    };
    if (r->end != PROGRAM_EXITED && r->end != PROGRAM_RUNNING) {
        session_error(sh, 0, "run: %s: %s", name, ends[r->end]);
    } else if (r->status != 0 && !sh->is_quiet && sh->depth == 0) {
        session_error(sh, 0, "run: %s: exit status %d", name, r->status);
    }
    return r->end != PROGRAM_EXITED && r->status == 0 ? STATUS_FAULTED : r->status;
}

/* The member leaves the job before the program or the thread is released: job.c must not reach one
 * that is freed. The wait cannot be cancelled, because the stage's memory is in use until the end;
 * a kill of the job cancels the member instead, which ends the wait. */
static void wait_for(struct shell *sh, struct stage *stage)
{
    if (stage->kind == STAGE_PROGRAM) {
        run_wait(&stage->run);
        job_remove(sh->job, &stage->member);
        sh->spent.programs_ns += program_cpu_ns(stage->run.program);
        program_release(stage->run.program);
        return;
    }
    (void)!completion_wait_uncancellable(&stage->done, WAIT_FOREVER);
    job_remove(sh->job, &stage->member);
    session_add_spent(&sh->spent, &stage->shell->spent);
    if (thread_join(stage->member.thread, NULL) != OK) {
        thread_detach(stage->member.thread); /* this thread is cancelled */
    }
}

/* A full disk: the command may not have noticed. @return its status. */
static int check_outputs(struct shell *sh, const struct stage *stage, int status)
{
    for (unsigned i = 0; i < OUTPUTS; i++) {
        const struct file *f = stage->outputs[i];
        enum status s = f == NULL ? OK : file_write_error(f);
        if (s != OK && s != E_CANCELLED && s != E_PIPE) {
            session_error(sh, 1, "shell: %s: %s", stage->output_paths[i], status_text(s));
            status = status == 0 ? 1 : status;
        }
    }
    return status;
}

static void end_stage(struct stage *stage)
{
    if (stage->kind == STAGE_PROGRAM) {
        program_kill(stage->run.program, PROGRAM_KILLED, STATUS_KILLED);
    } else {
        thread_cancel(stage->member.thread);
    }
}

/* Three passes. First start all; then close the files that this thread still has, or readers would
 * never see the end of their input; then wait for all, in order. If one cannot be started, those
 * before it are ended, but still waited for. The status is that of the last command (POSIX 2.9.2);
 * messages about the others are printed as well. */
int pipeline_run(struct pipeline *p, struct shell *sh)
{
    uint32_t started = 0;
    int status = 0;
    while (started < p->count && start_stage(sh, p, &p->stages[started]) == OK) {
        started++;
    }
    bool is_running = started == p->count;
    for (uint32_t i = 0; i < p->count; i++) {
        if (i < started && !is_running) {
            end_stage(&p->stages[i]);
        }
        close_files(p->stages[i].files); /* of those that were not started */
    }
    for (uint32_t i = 0; i < started; i++) {
        wait_for(sh, &p->stages[i]);
    }
    for (uint32_t i = 0; i < started && is_running; i++) {
        if (p->stages[i].kind == STAGE_PROGRAM) {
            status = report_end(sh, &p->stages[i]);
        } else {
            status = p->stages[i].status;
        }
        status = check_outputs(sh, &p->stages[i], status);
    }
    return is_running ? status : sh->status;
}

static void print_time(struct shell *sh, const char *what, uint64_t ns)
{
    session_error(sh, sh->status, "%-8s %6llu.%03llu s", what, (unsigned long long)(ns / NS_PER_S),
                  (unsigned long long)(ns / NS_PER_MS % 1000));
}

/* A single command of the shell runs in this thread, so that `cd` and assignments change this
 * shell. Everything else needs threads or programs. At the prompt they belong to a new job, which
 * Ctrl-Z can stop while the session goes on; inside a job they join that job, and this thread
 * waits. */
static void run_pipe(struct shell *sh, const struct syntax_pipe *pipe)
{
    struct pipeline *p = prepare(sh, pipe);
    if (p != NULL) {
        struct stage *stage = &p->stages[0];
        bool is_here = p->count == 1 && stage->kind <= STAGE_COMPOUND;
        if (is_here) {
            sh->status = check_outputs(sh, stage, run_here(sh, stage, stage->files));
        } else if (sh->job != NULL) {
            sh->status = pipeline_run(p, sh);
        } else {
            sh->status = job_run(sh, p, pipe);
            p = NULL; /* the job's */
        }
    }
    if (p != NULL) {
        pipeline_free(p);
    }
    if (pipe->is_negated) {
        sh->status = sh->status == 0;
    }
}

/* The time of a job that was stopped is not known yet. */
void shell_run_pipe(struct shell *sh, const struct syntax_pipe *pipe)
{
    struct cpu_spent before = sh->spent;
    uint64_t start_ns = clock_now_ns(), own_ns = thread_run_ns();
    run_pipe(sh, pipe);
    if (pipe->is_timed && sh->status != STATUS_STOPPED) {
        own_ns = thread_run_ns() - own_ns;
        print_time(sh, "real", clock_now_ns() - start_ns);
        print_time(sh, "programs", sh->spent.programs_ns - before.programs_ns);
        print_time(sh, "shell", sh->spent.shell_ns - before.shell_ns + own_ns);
    }
}
