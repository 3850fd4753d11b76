// SPDX-License-Identifier: MIT
//
// Commands that change the shell itself, and conditions.
#include "kernel/fs/vfs.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/shell/command.h"
#include "kernel/shell/io.h"
#include "kernel/shell/session.h"
#include "kernel/tty/console.h"

#define READ_MAX 4096 /* bytes of a line that `read` takes */

/* The shell of the running command; NULL only in tests that run a command by itself. */
static struct shell *current(void)
{
    struct command_io *io = io_current();
    return io == NULL ? NULL : io->shell;
}

static void assign(const char *command, const char *text, bool is_exported)
{
    if (!shell_assign(current(), text, is_exported)) {
        shell_error("%s: no memory\n", command);
    }
}

/* The normalised path is stored, without "..": the next relative path starts from there. The folder
 * may be removed later, and then each command that uses it fails by itself. PWD follows, for
 * programs. */
static bool run_cd(int argc, char **argv)
{
    struct shell *sh = current();
    char path[SHELL_PATH_MAX], text[SHELL_PATH_MAX + 4];
    struct file_stat st;
    if (argc > 2) {
        return false;
    }
    const char *to = argc == 2 ? argv[1] : "/";
    enum status s = vfs_join(sh->cwd, to, path, sizeof path);
    s = s == OK ? vfs_stat(NULL, path, true, &st) : s;
    s = s == OK && st.type != FILE_DIRECTORY ? E_NOTDIR : s;
    if (s != OK) {
        shell_complain("cd", to, s);
        return true;
    }
    (void)str_copy(sh->cwd, sizeof sh->cwd, path);
    fmt_print(text, sizeof text, "PWD=%s", path);
    assign("cd", text, true);
    return true;
}

static bool run_pwd(int argc, char **argv)
{
    (void)argv;
    if (argc == 1) {
        console_printf("%s\n", shell_cwd());
    }
    return argc == 1;
}

static bool list_variables(bool only_exported)
{
    for (const struct variable *v = current()->variables; v != NULL; v = v->next) {
        if (v->is_exported || !only_exported) {
            console_printf("%s\n", v->text);
        }
    }
    return true;
}

static bool run_set(int argc, char **argv)
{
    (void)argv;
    return argc == 1 && list_variables(false);
}

static bool run_export(int argc, char **argv)
{
    struct shell *sh = current();
    char text[SHELL_PATH_MAX];
    if (argc == 1) {
        return list_variables(true);
    }
    for (int i = 1; i < argc; i++) {
        size_t n = syntax_name(argv[i]);
        if (n > 0 && argv[i][n] == '=') {
            assign("export", argv[i], true);
        } else if (n == 0 || argv[i][n] != '\0' || n + 2 > sizeof text) {
            shell_complain_text("export", argv[i], "not a name");
        } else if (!shell_export(sh, argv[i])) {
            fmt_print(text, sizeof text, "%s=", argv[i]);
            assign("export", text, true);
        }
    }
    return true;
}

static bool run_unset(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        shell_unset(current(), argv[i]);
    }
    return argc > 1;
}

static bool run_true(int argc, char **argv)
{
    (void)argc, (void)argv;
    return true;
}

static bool run_false(int argc, char **argv)
{
    (void)argc, (void)argv;
    shell_set_status(1);
    return true;
}

static bool run_leave(int argc, char **argv)
{
    struct shell *sh = current();
    if (argc > 1) {
        return false;
    }
    if (!sh->in_loop) {
        shell_error("%s: not in a loop\n", argv[0]);
    } else {
        sh->leave = argv[0][0] == 'b' ? LEAVE_BREAK : LEAVE_CONTINUE;
    }
    return true;
}

static bool run_exit(int argc, char **argv)
{
    struct shell *sh = current();
    unsigned long long status = (unsigned)sh->status;
    if (argc > 2 || (argc == 2 && (!str_to_u64(argv[1], &status) || status > 255))) {
        return false;
    }
    if (sh->depth == 0 && sh->job == NULL) {
        shell_error("This is the only shell here; poweroff switches the machine off.\n");
        return true;
    }
    sh->leave = LEAVE_SCRIPT;
    shell_set_status((int)status);
    return true;
}

/* --- read --- */

/* Read a line to its end, of which at most READ_MAX - 1 bytes are stored. @param len All of them.
 * @return false: the end came before anything. One byte at a time, because the rest of the input
 * belongs to the next command that reads it. A longer line is read to its end, or its rest would be
 * taken for the next line. */
static bool read_line(char *line, size_t *len)
{
    char c = '\0';
    size_t done;
    bool has_any = false;
    *len = 0;
    while (shell_read(&c, 1, &done) == OK && done > 0 && c != '\n' && c != '\r') {
        has_any = true;
        if (*len < READ_MAX - 1) {
            line[*len] = c;
        }
        *len += c != '\0';
    }
    line[MIN(*len, READ_MAX - 1)] = '\0';
    return has_any || c == '\n' || c == '\r';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Each variable gets a word, the last one the rest. */
static void share_line(struct arena *arena, char *line, int argc, char **argv)
{
    char *text = arena_take(arena, 2 * READ_MAX);
    for (int i = 1; i < argc; i++) {
        size_t n = 0;
        while (is_blank(*line)) {
            line++;
        }
        while (line[n] != '\0' && (i == argc - 1 || !is_blank(line[n]))) {
            n++;
        }
        if (text == NULL ||
            fmt_print(text, 2 * READ_MAX, "%s=%.*s", argv[i], (int)n, line) >= 2 * READ_MAX) {
            shell_error("read: no memory\n");
            return;
        }
        assign("read", text, false);
        line += n;
    }
}

static bool run_read(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        size_t n = syntax_name(argv[i]);
        if (n == 0 || argv[i][n] != '\0') {
            shell_complain_text("read", argv[i], "not a name");
            return true;
        }
    }
    struct arena arena;
    size_t len;
    arena_init(&arena, 8 * READ_MAX);
    char *line = arena_take(&arena, READ_MAX);
    if (line == NULL) {
        shell_error("read: no memory\n");
    } else if (!read_line(line, &len)) {
        shell_set_status(1);
    } else if (len >= READ_MAX) {
        shell_error("read: the line is longer than %d bytes\n", READ_MAX - 1);
    } else {
        share_line(&arena, line, argc, argv);
    }
    arena_free_all(&arena);
    return argc > 1;
}

/* --- conditions --- */

static bool to_number(const char *text, long long *out)
{
    unsigned long long n;
    bool is_negative = *text == '-';
    if (!str_to_u64(text + is_negative, &n) || n > INT64_MAX) {
        return false;
    }
    *out = is_negative ? -(long long)n : (long long)n;
    return true;
}

/* @return 1: true; 0: false; -1: no such condition. */
static int compare(const char *a, const char *op, const char *b)
{
    long long x, y;
    if (strcmp(op, "=") == 0) {
        return strcmp(a, b) == 0;
    }
    if (strcmp(op, "!=") == 0) {
        return strcmp(a, b) != 0;
    }
    static const char *const ops[] = {"-eq", "-ne", "-lt", "-le", "-gt", "-ge"};
    unsigned i = 0;
    while (i < ARRAY_COUNT(ops) && strcmp(ops[i], op) != 0) {
        i++;
    }
    if (i == ARRAY_COUNT(ops) || !to_number(a, &x) || !to_number(b, &y)) {
        return -1;
    }
    const bool results[] = {x == y, x != y, x<y, x <= y, x> y, x >= y};
    return results[i];
}

static int examine(const char *op, const char *text)
{
    struct file_stat st;
    if (op[0] != '-' || op[1] == '\0' || op[2] != '\0') {
        return -1;
    }
    if (op[1] == 'n' || op[1] == 'z') {
        return (*text == '\0') == (op[1] == 'z');
    }
    if (strchr("edfs", op[1]) == NULL) {
        return -1;
    }
    if (vfs_stat(shell_cwd(), text, true, &st) != OK) {
        return 0;
    }
    return op[1] == 'e' || (op[1] == 'd' && st.type == FILE_DIRECTORY) ||
           (op[1] == 'f' && st.type == FILE_REGULAR) || (op[1] == 's' && st.size > 0);
}

/* The number of words decides their meaning (POSIX, test): one is a text, two an operator and its
 * text, three a comparison. So a variable that is empty or looks like an operator is not misread as
 * long as it is in quotes. */
bool shell_condition(int argc, char **argv)
{
    const char *name = argv[0];
    bool is_negated = false;
    int result = -1;
    argv++;
    argc--;
    if (strcmp(name, "[") == 0 && (argc == 0 || strcmp(argv[--argc], "]") != 0)) {
        shell_error("[: ] is missing\n");
        shell_set_status(STATUS_USAGE);
        return true;
    }
    while (argc > 1 && strcmp(argv[0], "!") == 0) {
        is_negated = !is_negated;
        argv++;
        argc--;
    }
    if (argc < 2) {
        result = argc == 1 && argv[0][0] != '\0';
    } else if (argc == 2) {
        result = examine(argv[0], argv[1]);
    } else if (argc == 3) {
        result = compare(argv[0], argv[1], argv[2]);
    }
    if (result < 0) {
        shell_error("%s: not a condition; try help [\n", name);
    }
    shell_set_status(result < 0 ? STATUS_USAGE : (result == 1) == is_negated);
    return true;
}

const struct shell_command shell_language_commands[] = {
    {"cd", "[DIR]", "change the current folder", run_cd},
    {"pwd", "", "print the current folder", run_pwd},
    {"export", "[NAME[=VALUE]...]", "pass variables to programs", run_export},
    {"set", "", "list the variables", run_set},
    {"unset", "NAME...", "forget variables", run_unset},
    {"read", "NAME...", "read a line into variables", run_read},
    {"[", "CONDITION ]", "test a condition", shell_condition},
    {"true", "", "succeed", run_true},
    {"false", "", "fail", run_false},
    {"break", "", "leave the loop", run_leave},
    {"continue", "", "begin the loop's next turn", run_leave},
    {"exit", "[STATUS]", "end the script", run_exit},
    {0},
};
