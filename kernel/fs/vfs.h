// SPDX-License-Identifier: MIT
//
// The virtual file system: mounts, paths, open files. A file system is a table of functions.
#pragma once

#include "kernel/lib/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VFS_PATH_MAX 1024
#define VFS_NAME_MAX 255

enum file_type { FILE_REGULAR, FILE_DIRECTORY, FILE_SYMLINK, FILE_DEVICE, FILE_OTHER };

struct file_stat {
    uint64_t device; /* of the mounted file system; identifies a file together with the inode */
    uint64_t inode, size, blocks_512;
    uint32_t links; /* number of names */
    uint32_t mode;  /* permission bits as stored */
    enum file_type type;
    bool is_terminal;                              /* for FILE_DEVICE: it is a terminal */
    uint64_t accessed_ns, modified_ns, changed_ns; /* since 1970; 0: unknown */
};

/** New times for a file. */
struct file_times {
    bool set_accessed, set_modified;
    uint64_t accessed_ns, modified_ns; /* since 1970 */
};

struct dir_entry {
    uint64_t inode;
    enum file_type type;
    char name[VFS_NAME_MAX + 1];
};

struct file; /* an open file: reference counted, with a position of its own */
struct vfs_mount;
struct vfs_type;
struct block_device;
struct wait_queue;

enum vfs_open_flags {
    VFS_READ = 1,
    VFS_WRITE = 2,
    VFS_CREATE = 4,
    VFS_TRUNCATE = 8,
    VFS_EXCLUSIVE = 16,
    VFS_APPEND = 32,
    VFS_DIRECTORY = 64, /**< fail unless it is a directory */
};

/** @brief Create the name space: / and /tmp in memory, and /dev. @context{thread, once} */
enum status vfs_init(void);

/** @brief Open a path. Relative paths start at `cwd` (absolute; NULL = "/").
 *  @return OK; E_NOENT, E_NOTDIR, E_ISDIR, E_EXIST, E_ROFS, E_LOOP, E_NAMETOOLONG, E_NOMEM,
 * E_CORRUPT, E_IO. */
enum status vfs_open(const char *cwd, const char *path, unsigned flags, struct file **out);

/** @brief Add a reference to an open file. */
struct file *file_ref(struct file *f);
/** @brief Drop a reference; the last one closes the file. */
void file_close(struct file *f);

/** @brief Read at the file's position and advance it. @param done bytes read; 0 = end of file.
 * @return OK; E_ISDIR, E_IO, E_CORRUPT, E_PERM (not open for reading), E_CANCELLED.
 * @context{thread, may sleep} */
enum status file_read(struct file *f, void *buf, size_t len, size_t *done);
enum status file_read_at(struct file *f, uint64_t off, void *buf, size_t len, size_t *done);
enum status file_write(struct file *f, const void *buf, size_t len, size_t *done);
/** @brief Write at `off`, ignoring the position and VFS_APPEND. @return as file_write(). */
enum status file_write_at(struct file *f, uint64_t off, const void *buf, size_t len, size_t *done);
/** @brief The error of the first failed write, of any writer; OK: none has failed. @context{any} */
enum status file_write_error(const struct file *f);
/** @brief Turn appending (VFS_APPEND) on or off. */
void file_set_append(struct file *f, bool on);
/** @brief Truncate the file, or extend it with zeroes. @return OK; E_PERM: not open for writing;
 *     E_ISDIR, E_OVERFLOW, E_NOMEM. */
enum status file_set_size(struct file *f, uint64_t size);
/** @brief Allocate space for bytes at `off`, so that writing there cannot fail for lack of it; the
 *     file is extended to cover them. @return as file_set_size(); E_NOSPC. */
enum status file_allocate(struct file *f, uint64_t off, uint64_t len);
enum status file_set_times(struct file *f, const struct file_times *times);
/** @brief Make everything that was written to the file durable, and its name. OK at once where
 *     nothing lasts. @return OK; E_IO: something may be lost. @context{thread, may sleep} */
enum status file_sync(struct file *f);
/** @brief Wait until a read would not block. @return OK (files never block), E_TIMEDOUT,
 *     E_CANCELLED. */
enum status file_wait_readable(struct file *f, uint64_t deadline_ns);
/** @brief Wait until a write of up to *room bytes, at least 1, would not block.
 * @return as file_wait_readable(). */
enum status file_wait_writable(struct file *f, uint64_t deadline_ns, size_t *room);
/** @brief True if the other end of a pipe is closed; bytes may still be in it.
 * @context{thread} */
bool file_is_hung_up(struct file *f);
/** @brief The wait queue that is woken when the results of the three functions above may have
 *     changed, for a wait set; NULL: they never change. It exists as long as the file is open.
 * @context{thread} */
struct wait_queue *file_changes(struct file *f);
/** @brief Move the position. whence 0 = start, 1 = current, 2 = end. @return OK; E_INVAL. */
enum status file_seek(struct file *f, int64_t off, int whence, uint64_t *out);
enum status file_stat(struct file *f, struct file_stat *out);
/** @brief Read the next directory entry, without "." and "..". @return OK; E_NOENT: end of the
 *     directory; E_NOTDIR. */
enum status file_read_dir(struct file *f, struct dir_entry *out);
/** @brief As file_read_dir(), at a position kept by the caller. *cookie is 0 for the first entry
 *     and moves past the entry that was read; any value that it had may be used again, even after
 *     entries were added or removed. */
enum status file_read_dir_at(struct file *f, uint64_t *cookie, struct dir_entry *out);

enum status vfs_stat(const char *cwd, const char *path, bool follow, struct file_stat *out);
/** @brief Remove a name: a file's, a link's (not its target's) or an empty directory's. With a
 *     trailing slash only a directory's. @return OK; E_NOTEMPTY; E_NOTDIR; E_BUSY: something is
 *     mounted there or below; E_INVAL: not a name ("/", ".", ".."); E_ROFS; and as vfs_stat(). */
enum status vfs_unlink(const char *cwd, const char *path);
enum status vfs_mkdir(const char *cwd, const char *path);
enum status vfs_read_link(const char *cwd, const char *path, char *buf, size_t len);

/* --- operations on a name in an open directory; links are never followed ---
 *
 * A caller that walks a path in this way holds every directory on it, so another thread that
 * renames or replaces one meanwhile cannot lead it elsewhere. `name` is one component, 1 to
 * VFS_NAME_MAX bytes, no '/'; "." and ".." are E_INVAL except where noted. All: E_NOTDIR: `dir` is
 * not a directory; E_INVAL, E_NAMETOOLONG: not a valid name; those that write: E_ROFS, E_NOSPC,
 * E_NOMEM; E_NOENT also if `dir` was removed.
 * @context{thread, may sleep} */

/** @brief Open a name, or "." to open the directory itself again. @return as vfs_open(); E_LOOP: it
 *     is a symbolic link. */
enum status file_open_at(struct file *dir, const char *name, unsigned flags, struct file **out);
/** @brief Get the status of a name: for a link its own, not its target's; "." is the directory. */
enum status file_stat_at(struct file *dir, const char *name, struct file_stat *out);
/** @brief Open a path of several names, all of which are kept in memory, as file_open_at() opens
 *     each in turn. It takes no lock and opens no directory on the way. The path has no ".", "..",
 *     "//" or '/' at an end, and no link, except that without `follow` the last name may be one.
 *     @return as file_open_at(); E_NOTSUP: it is not such a path: open its names in turn. */
enum status file_open_kept(struct file *dir, const char *path, unsigned flags, bool follow,
                           struct file **out);
/** @brief The same for file_stat_at(). */
enum status file_stat_kept(struct file *dir, const char *path, bool follow, struct file_stat *out);
/** @brief Read the target of a link, zero-terminated. @return OK; E_INVAL: not a link;
 *     E_NAMETOOLONG. */
enum status file_read_link_at(struct file *dir, const char *name, char *buf, size_t len);
enum status file_set_times_at(struct file *dir, const char *name, const struct file_times *times);
enum status file_mkdir_at(struct file *dir, const char *name);
/** @brief Create a link to `target`, any text of 1 to VFS_PATH_MAX - 1 bytes. */
enum status file_symlink_at(const char *target, struct file *dir, const char *name);
/** @brief Add a name for a file. @return OK; E_PERM: it is a directory; E_EXIST; E_XDEV. */
enum status file_link_at(struct file *from_dir, const char *from, struct file *to_dir,
                         const char *to);
/** @brief Rename atomically. A file may replace a file, and a directory an empty one. @return OK;
 *     E_INVAL: into itself; E_EXIST, E_ISDIR, E_NOTDIR, E_NOTEMPTY: the target cannot be replaced;
 *     E_BUSY: something is mounted there or below; E_XDEV. */
enum status file_rename_at(struct file *from_dir, const char *from, struct file *to_dir,
                           const char *to);
/** @brief Remove the name of a non-directory. @return OK; E_ISDIR; E_BUSY. */
enum status file_unlink_at(struct file *dir, const char *name);
/** @brief Remove an empty directory. @return OK; E_NOTDIR; E_NOTEMPTY; E_BUSY. */
enum status file_rmdir_at(struct file *dir, const char *name);

/** @brief Join and normalise: "/a/b" + "../c" = "/a/c". @return OK; E_NAMETOOLONG. Pure. */
enum status vfs_join(const char *cwd, const char *path, char *out, size_t len);

/** @brief Read a whole file into a heap block. @param limit refuse larger files (E_OVERFLOW). */
enum status vfs_read_file(const char *path, size_t limit, void **data, size_t *len);

/** @brief Recognise the file system on a block device and mount it at a directory, or at a name in
 *     a directory that does not exist: mount points are paths, and hide what the file system below
 *     has there. Only the / of vfs_init() can be mounted over. Takes its own reference to the
 *     device. @return OK; E_FORMAT: no known file system; E_CORRUPT: known but damaged; E_NOTSUP:
 *     known, but uses a feature named in the log; E_BUSY: something is mounted there already, the
 *     device, its disk or a partition of it is mounted elsewhere, or a file system mounted below
 *     could no longer be reached. */
enum status vfs_mount_block(struct block_device *dev, const char *dir);
/** @brief True if two names of block devices are the same, or one's is the disk of the other's. */
bool vfs_is_same_disk(const char *a, const char *b);
/** @brief Mount a file system of an extension from a source that is no disk. @return as
 *     vfs_mount_block_as(); E_NODEV: no extension knows a source of that name. */
enum status vfs_mount_named(const char *source, const char *dir, struct vfs_type *type);

/** Which type of file system is to be mounted, and which was found. */
struct vfs_type {
    const char *wanted;
    char found[16]; /* set after E_FORMAT if there is a file system of another type */
};

/** @brief As vfs_mount_block(), but only a file system of this type; NULL: any. @return also
 *     E_FORMAT: it has another. @context{thread, may sleep} */
enum status vfs_mount_block_as(struct block_device *dev, const char *dir, struct vfs_type *type);
/** @brief Mount an archive in memory (cpio newc), which must stay mapped. */
enum status vfs_mount_memory(const void *data, size_t len, const char *dir);

/** The result of checking a file system. */
struct fs_check {
    const char *type;            /* "ext2" */
    uint64_t faults, shown;      /* found, and described in `text` */
    uint64_t files, directories; /* found; links and devices count as files */
    uint64_t used, total;        /* blocks or clusters */
    size_t text_len;
    char text[4000]; /* a line for each fault */
};

/**
 * @brief Read and compare everything that describes the files of a disk, mounted or not. Nothing is
 *     changed, and a mounted file system does not change meanwhile.
 * @return OK: out->faults may be nonzero; E_FORMAT: no known file system; E_NOTSUP: its kind cannot
 *     be checked, or not with its features; E_BUSY: its disk or a partition of it is mounted;
 *     E_CORRUPT: it cannot be mounted, as the log says; E_NOMEM, E_IO.
 * @context{thread, may sleep}
 */
enum status vfs_check_block(struct block_device *dev, struct fs_check *out);
/** @brief The same for the disk that is mounted at a directory. @return as vfs_check_block();
 *     E_INVAL: nothing is mounted there; and as vfs_stat(). */
enum status vfs_check_mounted(const char *dir, struct fs_check *out);
/** @brief Let vfs_check_block() and vfs_check_mounted() check ext2: until then its kind cannot be
 *     checked. In tools.ko, which has the check (cmake/kernel.cmake). @context{any} */
void ext2_enable_check(void);
/** @brief Let ext4 be read: until then no such disk can be mounted. In tools.ko, which has what
 *     reads it. @context{any} */
void ext2_enable_ext4(void);
/** @brief Install the function that is called when ext4 is to be mounted and is not enabled. It
 *     loads the extension with ext4_format. @context{once, before the first mount} */
void ext2_set_ext4_loader(enum status (*load)(void));
/** @brief Let ext2 and ext3 be written: until then they are read-only. In ext2w.ko, which has what
 *     writes them. @context{any} */
void ext2_enable_writing(void);
/** @brief Install the function that is called when a disk of ext2 or ext3 is to become writable and
 *     that is not enabled. It loads the extension, and logs why it cannot.
 *     @context{once, before the first mount} */
void ext2_set_writing_loader(enum status (*load)(void));
/** @brief Make a mounted file system writable, or read-only.
 * @return OK; E_INVAL: nothing is mounted there; E_ROFS: it, or its device, cannot be written;
 *     E_NOENT: the extension that writes it is missing; E_NOTSUP: that extension cannot be used, or
 *     not with a feature, as the log says; E_CORRUPT: it was not unmounted, or has
 *     errors, and must be checked first; E_BUSY: files are open for writing, or were removed while
 *     they are open; E_NOMEM, E_IO; and as vfs_stat(). @context{thread, may sleep} */
enum status vfs_remount(const char *dir, bool is_writable);
/** @brief Write the changes of every file system, and make them durable. @return OK; the first
 *     error; the others are tried all the same. @context{thread, may sleep} */
enum status vfs_sync(void);
/** @brief Before the machine is switched off: write everything, and let no file system change any
 *     longer. Open files stay open. Failures are logged. @context{thread, may sleep} */
void vfs_shut_down(void);
/** @brief Write all changes and unmount.
 * @return OK; E_IO: unmounted, but not everything was written; E_BUSY: files of it are open, a file
 *     system mounted below could no longer be reached, or it is the / of vfs_init(); E_INVAL:
 *     nothing is mounted there; E_NOMEM: never for the name that vfs_get_mount() reports; and as
 *     vfs_stat(). */
enum status vfs_unmount(const char *dir);

struct vfs_mount_info {
    char dir[64], source[32];
    const char *type;
    bool read_only;
    uint64_t total_bytes, free_bytes;
};
/** @return false past the end. */
bool vfs_get_mount(uint32_t i, struct vfs_mount_info *out);

/** @brief Create a pipe: bytes written to one end are read from the other, in order. A reader
 *     blocks while it is empty, and sees the end of file after the last writer has closed; a writer
 *     blocks while it is full, and gets E_PIPE after the last reader has closed. @return OK;
 *     E_NOMEM. @context{thread} */
enum status pipe_make(struct file **reader, struct file **writer);

/** @brief The console as a file (read, write): standard input and output of programs. The caller
 *     gets a reference. @param is_input  Its status tells whether
 * the input comes from a terminal. */
struct file *file_console(bool is_input);
