// SPDX-License-Identifier: MIT
//
// Commands about files. Every error names the file.
#include "kernel/fs/vfs.h"
#include "kernel/io/block.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/shell/command_internal.h"
#include "kernel/tty/console.h"

#define CHUNK 4096

/* Names come from the user or from a disk and may contain control characters, so they are made
 * printable before they reach the terminal. */
static void complain(const char *command, const char *what, enum status s)
{
    char name[VFS_PATH_MAX];
    (void)str_copy(name, sizeof name, what);
    str_make_printable(name);
    shell_error("%s: %s: %s\n", command, name, status_text(s));
}

static void print_mounts(void)
{
    struct vfs_mount_info m;
    for (uint32_t i = 0; vfs_get_mount(i, &m); i++) {
        str_make_printable(m.source);
        str_make_printable(m.dir);
        console_printf("%-10s on %-16s type %-6s %s\n", m.source, m.dir, m.type,
                       m.read_only ? "read-only" : "read-write");
    }
}

static bool run_mount(int argc, char **argv)
{
    if (argc == 1) {
        print_mounts();
        return true;
    }
    if (argc != 3) {
        return false;
    }
    struct block_device *dev = block_open(argv[1]);
    if (dev == NULL) {
        complain("mount", argv[1], E_NODEV);
        return true;
    }
    enum status s = vfs_mount_block(dev, argv[2]);
    block_close(dev);
    if (s != OK) {
        complain("mount", argv[1], s);
    }
    return true;
}

static void print_stat(const char *name, const struct file_stat *st)
{
    static const char types[] = "-dlc?";
    char printable[VFS_PATH_MAX];
    (void)str_copy(printable, sizeof printable, name);
    str_make_printable(printable);
    console_printf("%c%04o %12llu %s\n", types[st->type], st->mode & 07777u,
                   (unsigned long long)st->size, printable);
}

/* Each entry is looked up again for its size. A name that cannot be, because it was removed
 * meanwhile or is too long, is listed with a question mark. */
static void list_directory(const char *path, struct file *dir)
{
    struct dir_entry entry;
    enum status s;
    while ((s = file_read_dir(dir, &entry)) == OK) {
        char full[VFS_PATH_MAX];
        struct file_stat st;
        if (vfs_join(path, entry.name, full, sizeof full) == OK &&
            vfs_stat(NULL, full, false, &st) == OK) {
            print_stat(entry.name, &st);
        } else {
            str_make_printable(entry.name);
            console_printf("?                  %s\n", entry.name);
        }
    }
    if (s != E_NOENT) {
        complain("ls", path, s);
    }
}

static void list(const char *path)
{
    struct file_stat st;
    enum status s = vfs_stat(SHELL_CWD, path, true, &st);
    if (s == OK && st.type != FILE_DIRECTORY) {
        print_stat(path, &st);
        return;
    }
    struct file *dir;
    char full[VFS_PATH_MAX];
    if (s == OK) {
        s = vfs_join(SHELL_CWD, path, full, sizeof full);
    }
    if (s == OK) {
        s = vfs_open(NULL, full, VFS_READ | VFS_DIRECTORY, &dir);
    }
    if (s != OK) {
        complain("ls", path, s);
        return;
    }
    list_directory(full, dir);
    file_close(dir);
}

static bool run_ls(int argc, char **argv)
{
    if (argc == 1) {
        list(SHELL_CWD);
    }
    for (int i = 1; i < argc; i++) {
        list(argv[i]);
    }
    return true;
}

static enum status copy_to_console(struct file *f, char *chunk)
{
    for (;;) {
        size_t n;
        enum status s = file_read(f, chunk, CHUNK, &n);
        if (s != OK || n == 0) {
            return s;
        }
        console_write(chunk, n);
    }
}

static bool run_cat(int argc, char **argv)
{
    if (argc < 2) {
        return false;
    }
    char *chunk = heap_alloc(CHUNK);
    for (int i = 1; i < argc; i++) {
        struct file *f;
        enum status s = chunk == NULL ? E_NOMEM : vfs_open(SHELL_CWD, argv[i], VFS_READ, &f);
        if (s == OK) {
            s = copy_to_console(f, chunk);
            file_close(f);
        }
        if (s != OK) {
            complain("cat", argv[i], s);
        }
    }
    heap_free(chunk);
    return true;
}

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
        complain("write", argv[1], s);
    }
    return true;
}

static bool run_rm(int argc, char **argv)
{
    if (argc < 2) {
        return false;
    }
    for (int i = 1; i < argc; i++) {
        enum status s = vfs_unlink(SHELL_CWD, argv[i]);
        if (s != OK) {
            complain("rm", argv[i], s);
        }
    }
    return true;
}

const struct shell_command shell_file_commands[] = {
    {"mount", "[DEVICE DIR]", "list mounted file systems, or mount a disk", run_mount},
    {"ls", "[PATH...]", "list directories", run_ls},
    {"cat", "PATH...", "print files", run_cat},
    {"write", "PATH TEXT...", "write a line to a file", run_write},
    {"rm", "PATH...", "remove files", run_rm},
    {0},
};
