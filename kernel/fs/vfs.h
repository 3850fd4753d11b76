// SPDX-License-Identifier: MIT
//
// The virtual file system: mounts, paths, open files. File systems are tables of functions.
#pragma once

#include "kernel/lib/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VFS_PATH_MAX 1024
#define VFS_NAME_MAX 255

enum file_type { FILE_REGULAR, FILE_DIRECTORY, FILE_SYMLINK, FILE_DEVICE, FILE_OTHER };

struct file_stat {
    uint64_t device; /* of the mounted file system: with the inode it tells files apart */
    uint64_t inode, size, blocks_512;
    uint32_t links; /* names that it has */
    uint32_t mode;  /* permission bits as stored */
    enum file_type type;
    bool is_terminal;                              /* of FILE_DEVICE: a person may be there */
    uint64_t accessed_ns, modified_ns, changed_ns; /* since 1970; 0: not known */
};

/** Times to give a file. */
struct file_times {
    bool set_accessed, set_modified;
    uint64_t accessed_ns, modified_ns; /* since 1970 */
};

struct dir_entry {
    uint64_t inode;
    enum file_type type;
    char name[VFS_NAME_MAX + 1];
};

struct file; /* an open file: reference counted, position of its own */
struct vfs_mount;
struct block_device;

enum vfs_open_flags {
    VFS_READ = 1,
    VFS_WRITE = 2,
    VFS_CREATE = 4,
    VFS_TRUNCATE = 8,
    VFS_EXCLUSIVE = 16,
    VFS_APPEND = 32,
    VFS_DIRECTORY = 64, /**< fail unless it is a directory */
};

/** @brief Empty name space with a memory file system at / and /tmp. @context{thread, once} */
enum status vfs_init(void);

/** @brief Open a path. Relative paths start at `cwd` (absolute; NULL = "/").
 *  @return OK; E_NOENT, E_NOTDIR, E_ISDIR, E_EXIST, E_ROFS, E_LOOP, E_NAMETOOLONG, E_NOMEM,
 * E_CORRUPT, E_IO. */
enum status vfs_open(const char *cwd, const char *path, unsigned flags, struct file **out);

/** @brief Another reference to the same open file. */
struct file *file_ref(struct file *f);
/** @brief Drop one; the last closes it. */
void file_close(struct file *f);

/** @brief Read at the file's position, which moves. @param done bytes read; 0 = end.
 *  @return OK; E_ISDIR, E_IO, E_CORRUPT, E_PERM (not open for reading), E_CANCELLED.
 * @context{thread, may sleep} */
enum status file_read(struct file *f, void *buf, size_t len, size_t *done);
enum status file_read_at(struct file *f, uint64_t off, void *buf, size_t len, size_t *done);
enum status file_write(struct file *f, const void *buf, size_t len, size_t *done);
/** @brief Write at `off`, whatever the position and VFS_APPEND say. @return as file_write(). */
enum status file_write_at(struct file *f, uint64_t off, const void *buf, size_t len, size_t *done);
/** @brief Have writes go to the end, or no more (VFS_APPEND). */
void file_set_append(struct file *f, bool on);
/** @brief Cut the file, or lengthen it with zeroes. @return OK; E_PERM: not open for writing;
 * E_ISDIR, E_OVERFLOW, E_NOMEM. */
enum status file_set_size(struct file *f, uint64_t size);
/** @brief Make room for bytes at `off`, so that writing there does not fail for want of it; the
 * file grows to cover them. @return as file_set_size(); E_NOSPC. */
enum status file_allocate(struct file *f, uint64_t off, uint64_t len);
enum status file_set_times(struct file *f, const struct file_times *times);
/** @brief Wait until a read would not. @return OK (files never wait), E_TIMEDOUT, E_CANCELLED. */
enum status file_wait_readable(struct file *f, uint64_t deadline_ns);
/** @brief Wait until a write of up to *room bytes, at least 1, would not wait for a reader.
 *  @return as file_wait_readable(). */
enum status file_wait_writable(struct file *f, uint64_t deadline_ns, size_t *room);
/** @brief True if nobody is at the other end of a pipe any more; bytes may still be in it.
 *  @context{thread} */
bool file_is_hung_up(struct file *f);
/** @brief Move the position. whence 0 = start, 1 = current, 2 = end. @return OK; E_INVAL. */
enum status file_seek(struct file *f, int64_t off, int whence, uint64_t *out);
enum status file_stat(struct file *f, struct file_stat *out);
/** @brief Next directory entry, "." and ".." left out. @return OK; E_NOENT: no more; E_NOTDIR. */
enum status file_read_dir(struct file *f, struct dir_entry *out);
/** @brief As file_read_dir(), at a place of the caller's. *cookie is 0 for the first entry and
 * moves behind the one that was read; any value that it had may be used again, whatever was added
 * or removed since. */
enum status file_read_dir_at(struct file *f, uint64_t *cookie, struct dir_entry *out);

enum status vfs_stat(const char *cwd, const char *path, bool follow, struct file_stat *out);
/** @brief Remove a name: a file's, a link's (not what it leads to) or an empty directory's. With a
 * slash after it only a directory's. @return OK; E_NOTEMPTY; E_NOTDIR; E_BUSY: something is mounted
 * there or below; E_INVAL: no name ("/", ".", ".."); E_ROFS; and as vfs_stat(). */
enum status vfs_unlink(const char *cwd, const char *path);
enum status vfs_mkdir(const char *cwd, const char *path);
enum status vfs_read_link(const char *cwd, const char *path, char *buf, size_t len);

/* ---- By a directory that is open: one name in it, links never followed ----
 *
 * Who walks a path so holds every directory on it: nobody who renames or replaces one meanwhile can
 * lead him elsewhere. `name` is one component, 1 to VFS_NAME_MAX bytes, no '/'; "." and ".." are
 * E_INVAL but where it says otherwise. All: E_NOTDIR: `dir` is none; E_INVAL, E_NAMETOOLONG: not
 * such a name; those that write: E_ROFS, E_NOSPC, E_NOMEM; E_NOENT also if `dir` was removed.
 * @context{thread, may sleep} */

/** @brief Open a name, or "." for the directory itself once more. @return as vfs_open(); E_LOOP: it
 * is a symbolic link. */
enum status file_open_at(struct file *dir, const char *name, unsigned flags, struct file **out);
/** @brief Look at a name: a link itself, not what it leads to; "." is the directory. */
enum status file_stat_at(struct file *dir, const char *name, struct file_stat *out);
/** @brief The target of a link, zero-terminated. @return OK; E_INVAL: no link; E_NAMETOOLONG. */
enum status file_read_link_at(struct file *dir, const char *name, char *buf, size_t len);
enum status file_set_times_at(struct file *dir, const char *name, const struct file_times *times);
enum status file_mkdir_at(struct file *dir, const char *name);
/** @brief A link to `target`, any text of 1 to VFS_PATH_MAX - 1 bytes. */
enum status file_symlink_at(const char *target, struct file *dir, const char *name);
/** @brief Another name for what is no directory. @return OK; E_PERM: it is one; E_EXIST; E_XDEV. */
enum status file_link_at(struct file *from_dir, const char *from, struct file *to_dir,
                         const char *to);
/** @brief Rename, in one step that others see as one. A file may replace a file, a directory an
 * empty one. @return OK; E_INVAL: into itself; E_EXIST, E_ISDIR, E_NOTDIR, E_NOTEMPTY: what is
 * there cannot be replaced; E_BUSY: something is mounted there or below; E_XDEV. */
enum status file_rename_at(struct file *from_dir, const char *from, struct file *to_dir,
                           const char *to);
/** @brief Remove the name of what is no directory. @return OK; E_ISDIR; E_BUSY. */
enum status file_unlink_at(struct file *dir, const char *name);
/** @brief Remove an empty directory. @return OK; E_NOTDIR; E_NOTEMPTY; E_BUSY. */
enum status file_rmdir_at(struct file *dir, const char *name);

/** @brief Join and normalise: "/a/b" + "../c" = "/a/c". @return OK; E_NAMETOOLONG. Pure. */
enum status vfs_join(const char *cwd, const char *path, char *out, size_t len);

/** @brief Whole file into a heap block. @param limit refuse larger files (E_OVERFLOW). */
enum status vfs_read_file(const char *path, size_t limit, void **data, size_t *len);

/** @brief Look at a block device and mount it at a directory, or at a name in one that is not
 * there: mount points are paths, and hide what the file system below has there. Only the / that
 * vfs_init() made can be mounted over. Takes its own reference to the device. @return OK; E_FORMAT:
 * nothing known is on it; E_CORRUPT: known but broken; E_NOTSUP: known, but uses a feature named in
 * the log; E_BUSY: mounted there already, or what is mounted
 * below could not be reached any more. */
enum status vfs_mount_block(struct block_device *dev, const char *dir);
/** @brief Mount an archive in memory (cpio newc), which must stay. */
enum status vfs_mount_memory(const void *data, size_t len, const char *dir);
/** @return OK; E_BUSY: files of it are open, something is mounted below that could not be reached
 * any more, or it is the / that vfs_init() made; E_INVAL: nothing
 * is mounted there; E_NOMEM: not for the name that vfs_get_mount() has; and as vfs_stat(). */
enum status vfs_unmount(const char *dir);

struct vfs_mount_info {
    char dir[64], source[32];
    const char *type;
    bool read_only;
    uint64_t total_bytes, free_bytes;
};
/** @return false past the end. */
bool vfs_get_mount(uint32_t i, struct vfs_mount_info *out);

/** @brief A pipe: what is written to one end is read from the other, in order. A reader waits while
 * it is empty, and finds the end once the last writer has closed; a writer waits while it is full,
 * and gets E_PIPE once the last reader has. @return OK; E_NOMEM. @context{thread} */
enum status pipe_make(struct file **reader, struct file **writer);

/** @brief The console as a file (read, write): standard input and output of programs. Reference for
 * the caller. */
struct file *file_console(void);
