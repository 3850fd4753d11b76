// SPDX-License-Identifier: MIT
//
// The virtual file system: mounts, paths, open files. File systems are tables of functions.
#pragma once

#include "kernel/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VFS_PATH_MAX 1024
#define VFS_NAME_MAX 255

enum file_type { FILE_REGULAR, FILE_DIRECTORY, FILE_SYMLINK, FILE_DEVICE, FILE_OTHER };

struct file_stat {
    uint64_t inode, size, blocks_512;
    enum file_type type;
    uint32_t mode; /* permission bits as stored */
    uint64_t mtime_s;
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
/** @brief Move the position. whence 0 = start, 1 = current, 2 = end. @return OK; E_INVAL. */
enum status file_seek(struct file *f, int64_t off, int whence, uint64_t *out);
enum status file_stat(struct file *f, struct file_stat *out);
/** @brief Next directory entry, "." and ".." left out. @return OK; E_NOENT: no more; E_NOTDIR. */
enum status file_read_dir(struct file *f, struct dir_entry *out);

enum status vfs_stat(const char *cwd, const char *path, bool follow, struct file_stat *out);
enum status vfs_unlink(const char *cwd, const char *path);
enum status vfs_mkdir(const char *cwd, const char *path);
enum status vfs_read_link(const char *cwd, const char *path, char *buf, size_t len);

/** @brief Join and normalise: "/a/b" + "../c" = "/a/c". @return OK; E_NAMETOOLONG. Pure. */
enum status vfs_join(const char *cwd, const char *path, char *out, size_t len);

/** @brief Whole file into a heap block. @param limit refuse larger files (E_OVERFLOW). */
enum status vfs_read_file(const char *path, size_t limit, void **data, size_t *len);

/** @brief Look at a block device and mount it at a directory, or at a name in one that is not
 * there: mount points are paths, and hide what the file system below has there. Only the / that
 * vfs_init() made can be mounted over. Takes its own reference to the device. @return OK; E_FORMAT:
 * nothing known is on it; E_CORRUPT: known but broken; E_NOTSUP: known, but uses a feature named in
 * the log; E_BUSY: mounted there already. */
enum status vfs_mount_block(struct block_device *dev, const char *dir);
/** @brief Mount an archive in memory (cpio newc), which must stay. */
enum status vfs_mount_memory(const void *data, size_t len, const char *dir);
enum status vfs_unmount(const char *dir);

struct vfs_mount_info {
    char dir[64], source[32];
    const char *type;
    bool read_only;
    uint64_t total_bytes, free_bytes;
};
/** @return false past the end. */
bool vfs_get_mount(uint32_t i, struct vfs_mount_info *out);

/** @brief The console as a file (read, write): standard input and output of programs. Reference for
 * the caller. */
struct file *file_console(void);
