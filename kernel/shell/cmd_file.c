// SPDX-License-Identifier: MIT
//
// Commands about files. Every error names the file.
#include "kernel/fs/vfs.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/shell/command.h"
#include "kernel/shell/io.h"
#include "kernel/tty/console.h"

#define CHUNK 4096

void shell_complain(const char *command, const char *what, enum status s)
{
    shell_complain_text(command, what, "%s", status_text(s));
}

bool shell_output_is_terminal(void)
{
    const struct command_io *io = io_current();
    return io == NULL || io->files[1] == NULL;
}

/* A file that is the output, too, would never end: cat a >> a, or cat < a >> a.
 * @param f  NULL: the command's input. */
static enum status copy_to_console(struct file *f, char *chunk)
{
    if (shell_is_output(f)) {
        return E_BUSY;
    }
    for (;;) {
        size_t n;
        enum status s = f != NULL ? file_read(f, chunk, CHUNK, &n) : shell_read(chunk, CHUNK, &n);
        if (s != OK || n == 0) {
            return s;
        }
        console_write(chunk, n);
    }
}

/* An error with one file does not keep the others from being printed. The buffer is on the heap,
 * because a stack has no room for it. */
static bool run_cat(int argc, char **argv)
{
    char *chunk = heap_alloc(CHUNK);
    if (argc == 1) {
        enum status s = chunk == NULL ? E_NOMEM : copy_to_console(NULL, chunk);
        if (s != OK && s != E_CANCELLED) {
            shell_complain("cat", "input", s);
        }
    }
    for (int i = 1; i < argc; i++) {
        struct file *f;
        enum status s = chunk == NULL ? E_NOMEM : vfs_open(SHELL_CWD, argv[i], VFS_READ, &f);
        if (s == OK) {
            s = copy_to_console(f, chunk);
            file_close(f);
        }
        if (s != OK) {
            shell_complain("cat", argv[i], s);
        }
    }
    heap_free(chunk);
    return true;
}

/* A write may store a part, for instance into a full pipe; the loop ends because each call
 * stores something or fails. */
static enum status write_all(struct file *f, const char *s, size_t len)
{
    while (len > 0) {
        size_t n;
        enum status st = file_write(f, s, len, &n);
        if (st != OK) {
            return st;
        }
        s += n;
        len -= n;
    }
    return OK;
}

static bool run_write(int argc, char **argv)
{
    if (argc < 3) {
        return false;
    }
    struct file *f;
    enum status s = vfs_open(SHELL_CWD, argv[1], VFS_WRITE | VFS_CREATE | VFS_TRUNCATE, &f);
    if (s == OK) {
        for (int i = 2; s == OK && i < argc; i++) {
            s = write_all(f, argv[i], strlen(argv[i]));
            if (s == OK) {
                s = write_all(f, i + 1 < argc ? " " : "\n", 1);
            }
        }
        file_close(f);
    }
    if (s != OK) {
        shell_complain("write", argv[1], s);
    }
    return true;
}

/* Replace the path of a directory by that of its first entry. @return OK, also if the directory has
 * become empty; E_NAMETOOLONG. */
static enum status enter_first(char *path)
{
    struct file *dir;
    struct dir_entry entry;
    enum status s = vfs_open(NULL, path, VFS_READ | VFS_DIRECTORY, &dir);
    if (s != OK) {
        return s;
    }
    s = file_read_dir(dir, &entry);
    file_close(dir);
    if (s == OK) {
        char whole[VFS_PATH_MAX];
        s = vfs_join(path, entry.name, whole, sizeof whole);
        if (s == OK) {
            (void)str_copy(path, VFS_PATH_MAX, whole);
        }
    }
    return s == E_NOENT ? OK : s;
}

/* Remove a tree without recursion: whatever cannot be removed because it is not empty is entered,
 * and left again after its first entry is gone. On an error `path` is what could not be removed. */
static enum status remove_tree(char *path)
{
    size_t top = strlen(path);
    for (;;) {
        enum status s = vfs_unlink(NULL, path);
        if (s == E_NOTEMPTY) {
            s = enter_first(path);
        } else if (s == OK && strlen(path) == top) {
            return OK;
        } else if (s == OK) {
            *strrchr(path, '/') = '\0';
        }
        if (s != OK) {
            return s;
        }
    }
}

static void complain_remove(const char *what, enum status s)
{
    if (s == E_INVAL) {
        shell_complain_text("rm", what, "is no name that can be removed");
    } else if (s == E_BUSY) {
        shell_complain_text("rm", what, "in use: a file system is mounted there or below");
    } else {
        shell_complain("rm", what, s);
    }
}

/* "/", "." and ".." are refused before the path is made absolute, where they would be folders. */
static void remove(const char *path, bool is_tree)
{
    enum status s = vfs_unlink(SHELL_CWD, path);
    char whole[VFS_PATH_MAX];
    if (is_tree && s == E_NOTEMPTY) {
        s = vfs_join(SHELL_CWD, path, whole, sizeof whole);
        if (s == OK) {
            path = whole;
            s = remove_tree(whole);
        }
    }
    if (s != OK) {
        complain_remove(path, s);
    }
}

static bool run_rm(int argc, char **argv)
{
    bool is_tree = argc > 1 && strcmp(argv[1], "-r") == 0;
    int first = is_tree ? 2 : 1;
    if (argc <= first || (argv[first][0] == '-' && !is_tree)) {
        return false;
    }
    for (int i = first; i < argc; i++) {
        remove(argv[i], is_tree);
    }
    return true;
}

static bool run_mkdir(int argc, char **argv)
{
    if (argc < 2) {
        return false;
    }
    for (int i = 1; i < argc; i++) {
        enum status s = vfs_mkdir(SHELL_CWD, argv[i]);
        if (s != OK) {
            shell_complain("mkdir", argv[i], s);
        }
    }
    return true;
}

const struct shell_command shell_file_commands[] = {
    {"ls", "[-la1] [PATH...]", "list directories", shell_run_ls},
    {"cat", "[PATH...]", "print files, or the input", run_cat},
    {"write", "PATH TEXT...", "write a line to a file", run_write},
    {"mkdir", "DIR...", "create directories", run_mkdir},
    {"rm", "[-r] PATH...", "remove files, or whole trees", run_rm},
    {0},
};
