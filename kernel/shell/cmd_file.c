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

/* A folder that is being emptied. */
struct emptied {
    struct emptied *above; /* NULL: it is the one that was named */
    struct file *dir;
    size_t len; /* of its path */
    bool has_removed;
};

static enum status enter(struct emptied **at, const char *path)
{
    struct emptied *e = heap_alloc(sizeof *e);
    if (e == NULL) {
        return E_NOMEM;
    }
    *e = (struct emptied){.above = *at, .len = strlen(path)};
    enum status s = vfs_open(NULL, path, VFS_READ | VFS_DIRECTORY, &e->dir);
    if (s != OK) {
        heap_free(e);
        return s;
    }
    *at = e;
    return OK;
}

static void leave(struct emptied **at)
{
    struct emptied *e = *at;
    *at = e->above;
    file_close(e->dir);
    heap_free(e);
}

/* All entries were listed. If others were added meanwhile, or the listing left some out, they are
 * listed again, as long as that makes progress. */
static enum status remove_emptied(struct emptied **at, const char *path)
{
    bool has_removed = (*at)->has_removed;
    leave(at);
    enum status s = vfs_unlink(NULL, path);
    if (s == E_NOTEMPTY && has_removed) {
        return enter(at, path);
    }
    if (s == OK && *at != NULL) {
        (*at)->has_removed = true;
    }
    return s;
}

/* Remove the next entry of the folder, or enter it. An entry that is gone was listed twice, or
 * another program has removed it. */
static enum status remove_next(struct emptied **at, char *path)
{
    struct emptied *e = *at;
    struct dir_entry entry;
    path[e->len] = '\0';
    enum status s = file_read_dir(e->dir, &entry);
    if (s == E_NOENT) {
        return remove_emptied(at, path);
    }
    if (s != OK) {
        return s;
    }
    if (e->len + 1 + strlen(entry.name) >= VFS_PATH_MAX) {
        return E_NAMETOOLONG;
    }
    path[e->len] = '/';
    (void)str_copy(path + e->len + 1, VFS_PATH_MAX - e->len - 1, entry.name);
    s = vfs_unlink(NULL, path);
    if (s == E_NOTEMPTY) {
        return enter(at, path);
    }
    e->has_removed = e->has_removed || s == OK;
    return s == E_NOENT ? OK : s;
}

/* Remove a tree without recursion. Each folder is listed once while its entries are removed: if the
 * listing began anew after each, it would read all emptied blocks of a large folder again. On an
 * error `path` is what could not be removed. */
static enum status remove_tree(char *path)
{
    struct emptied *at = NULL;
    enum status s = enter(&at, path);
    while (s == OK && at != NULL) {
        s = remove_next(&at, path);
    }
    while (at != NULL) {
        leave(&at);
    }
    return s;
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
    if (argc < 2 || argv[1][0] == '-') {
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
