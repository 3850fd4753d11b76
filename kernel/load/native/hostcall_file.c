// SPDX-License-Identifier: MIT
//
// Host calls for files. A program's open files have the numbers 0 to PROGRAM_FILES_MAX - 1. A
// negative result is an enum status.
#include "kernel/load/native/abi.h"
#include "kernel/load/native/native_internal.h"

#include "hal/types.h"
#include "kernel/base/clock.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"

STATIC_ASSERT((int)ABI_OPEN_READ == VFS_READ && (int)ABI_OPEN_WRITE == VFS_WRITE &&
                  (int)ABI_OPEN_CREATE == VFS_CREATE && (int)ABI_OPEN_TRUNCATE == VFS_TRUNCATE &&
                  (int)ABI_OPEN_EXCLUSIVE == VFS_EXCLUSIVE && (int)ABI_OPEN_APPEND == VFS_APPEND &&
                  (int)ABI_OPEN_DIRECTORY == VFS_DIRECTORY,
              "open flags are passed on as they are");
STATIC_ASSERT((int)ABI_REGULAR == FILE_REGULAR && (int)ABI_DIRECTORY == FILE_DIRECTORY &&
                  (int)ABI_SYMLINK == FILE_SYMLINK && (int)ABI_DEVICE == FILE_DEVICE &&
                  (int)ABI_OTHER == FILE_OTHER,
              "file types are passed on as they are");

/* Look up the open file with this number, and add a
 * reference: another thread may close the number. */
static struct file *take_file(int fd)
{
    struct program *p = program_current();
    struct file *f = NULL;
    if (fd < 0 || fd >= PROGRAM_FILES_MAX) {
        return NULL;
    }
    mutex_lock(&p->lock);
    if (p->files[fd] != NULL) {
        f = file_ref(p->files[fd]);
    }
    mutex_unlock(&p->lock);
    return f;
}

/* Assign the lowest free number to an open file. The reference of the caller moves into the table.
 * If the table is full it stays the caller's, which closes the file. */
static int install_file(struct file *f)
{
    struct program *p = program_current();
    int fd = E_NOSPC;
    mutex_lock(&p->lock);
    for (int i = 0; i < PROGRAM_FILES_MAX && fd < 0; i++) {
        if (p->files[i] == NULL) {
            p->files[i] = f;
            fd = i;
        }
    }
    mutex_unlock(&p->lock);
    return fd;
}

static void copy_cwd(char *out)
{
    struct program *p = program_current();
    mutex_lock(&p->lock);
    memcpy(out, p->cwd, sizeof(p->cwd));
    mutex_unlock(&p->lock);
}

/* All calls here have the same form: enter, check the arguments, take a reference to the file, call
 * the file system without the program's lock, drop the reference, leave. */
static int64_t hy_write(int fd, const void *buf, size_t len)
{
    hostcall_enter();
    if (len != 0 && !hostcall_range_ok(buf, len, PROT_R)) {
        return E_INVAL;
    }
    struct file *f = take_file(fd);
    if (f == NULL) {
        return E_INVAL;
    }
    size_t done = 0;
    enum status s = file_write(f, buf, len, &done);
    file_close(f);
    return hostcall_leave(s == OK ? (int64_t)done : s);
}

static int64_t hy_read(int fd, void *buf, size_t len)
{
    hostcall_enter();
    if (len != 0 && !hostcall_range_ok(buf, len, PROT_R | PROT_W)) {
        return E_INVAL;
    }
    struct file *f = take_file(fd);
    if (f == NULL) {
        return E_INVAL;
    }
    size_t done = 0;
    enum status s = file_read(f, buf, len, &done);
    file_close(f);
    return hostcall_leave(s == OK ? (int64_t)done : s);
}

/* Longer waits than the clock can count are endless. */
static int hy_wait_readable(int fd, uint64_t timeout_ns)
{
    hostcall_enter();
    uint64_t deadline_ns;
    if (ADD_OVERFLOWS(clock_now_ns(), timeout_ns, &deadline_ns)) {
        deadline_ns = WAIT_FOREVER;
    }
    struct file *f = take_file(fd);
    if (f == NULL) {
        return E_INVAL;
    }
    enum status s = file_wait_readable(f, deadline_ns);
    file_close(f);
    return (int)hostcall_leave(s);
}

/* The path and the current directory are copied first:
 * another thread of the program may change both. */
static int64_t open_path(const char *path, unsigned flags)
{
    char name[VFS_PATH_MAX];
    char cwd[sizeof(((struct program *)0)->cwd)];
    enum status s = hostcall_string(path, name, sizeof(name));
    if (s != OK) {
        return s;
    }
    copy_cwd(cwd);
    struct file *f;
    s = vfs_open(cwd[0] == 0 ? NULL : cwd, name, flags, &f);
    if (s != OK) {
        return s;
    }
    int fd = install_file(f);
    if (fd < 0) {
        file_close(f);
    }
    return fd;
}

static int hy_open(const char *path, unsigned flags)
{
    hostcall_enter();
    return (int)hostcall_leave(open_path(path, flags));
}

/* The number is free at once; a read in another thread keeps the file open until it returns. */
static int hy_close(int fd)
{
    struct program *p = program_current();
    struct file *f = NULL;
    hostcall_enter();
    if (fd < 0 || fd >= PROGRAM_FILES_MAX) {
        return E_INVAL;
    }
    mutex_lock(&p->lock);
    f = p->files[fd];
    p->files[fd] = NULL;
    mutex_unlock(&p->lock);
    if (f == NULL) {
        return E_INVAL;
    }
    file_close(f);
    return (int)hostcall_leave(OK);
}

static int64_t hy_seek(int fd, int64_t offset, int whence)
{
    hostcall_enter();
    struct file *f = take_file(fd);
    if (f == NULL) {
        return E_INVAL;
    }
    uint64_t position = 0;
    enum status s = file_seek(f, offset, whence, &position);
    file_close(f);
    return hostcall_leave(s == OK ? (int64_t)position : s);
}

/* Copies field by field, so that the program's struct does not change with the kernel's. */
static int64_t copy_stat(enum status s, const struct file_stat *from, struct abi_stat *to)
{
    if (s == OK) {
        *to = (struct abi_stat){.inode = from->inode,
                                .size = from->size,
                                .mtime_s = from->modified_ns / NS_PER_S,
                                .type = from->type,
                                .mode = from->mode};
    }
    return s;
}

/* The range is checked before the file system is called, and written after it: `st` is on the
 * kernel's side in between, so another thread of the program never sees a half-written kernel
 * struct. */
static int hy_fstat(int fd, struct abi_stat *out)
{
    hostcall_enter();
    struct file *f = take_file(fd);
    if (f == NULL || !hostcall_range_ok(out, sizeof(*out), PROT_R | PROT_W)) {
        if (f != NULL) {
            file_close(f);
        }
        return E_INVAL;
    }
    struct file_stat st;
    enum status s = file_stat(f, &st);
    file_close(f);
    return (int)hostcall_leave(copy_stat(s, &st, out));
}

static int64_t stat_path(const char *path, struct abi_stat *out)
{
    char name[VFS_PATH_MAX];
    char cwd[sizeof(((struct program *)0)->cwd)];
    struct file_stat st;
    enum status s = hostcall_string(path, name, sizeof(name));
    if (s == OK && !hostcall_range_ok(out, sizeof(*out), PROT_R | PROT_W)) {
        s = E_INVAL;
    }
    if (s == OK) {
        copy_cwd(cwd);
        s = vfs_stat(cwd[0] == 0 ? NULL : cwd, name, true, &st);
    }
    return copy_stat(s, &st, out);
}

static int hy_stat(const char *path, struct abi_stat *out)
{
    hostcall_enter();
    return (int)hostcall_leave(stat_path(path, out));
}

/* Only the fields of the ABI are written, so nothing of the kernel's stack gets to the program. */
static int hy_readdir(int fd, struct abi_dir_entry *out)
{
    struct dir_entry entry;
    hostcall_enter();
    struct file *f = take_file(fd);
    if (f == NULL || !hostcall_range_ok(out, sizeof(*out), PROT_R | PROT_W)) {
        if (f != NULL) {
            file_close(f);
        }
        return E_INVAL;
    }
    enum status s = file_read_dir(f, &entry);
    file_close(f);
    if (s == OK) {
        out->inode = entry.inode;
        out->type = entry.type;
        str_copy(out->name, sizeof(out->name), entry.name);
    }
    return (int)hostcall_leave(s);
}

const struct export hostcall_file_exports[] = {
    {"hy_write", 1, hy_write},
    {"hy_read", 1, hy_read},
    {"hy_open", 1, hy_open},
    {"hy_close", 1, hy_close},
    {"hy_seek", 1, hy_seek},
    {"hy_fstat", 1, hy_fstat},
    {"hy_stat", 1, hy_stat},
    {"hy_readdir", 1, hy_readdir},
    {"hy_wait_readable", 1, hy_wait_readable},
    {NULL, 0, NULL},
};
