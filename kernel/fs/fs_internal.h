// SPDX-License-Identifier: MIT
//
// What the files of kernel/fs/ share: mounts, walks, open files. fs.h has the interface of file
// systems.
#pragma once

#include "kernel/fs/fs.h"
#include "kernel/lib/list.h"
#include "kernel/sched/mutex.h"

#define MOUNT_PATH_SIZE 64u /* room for the path of a mount point and its zero byte */

/**
 * @brief The root of the file system mounted at exactly this directory, with a reference.
 * @param path Absolute and normalised; "" is the root. @param len Its length.
 * @return NULL: nothing is mounted there.
 */
struct fs_node *mount_enter(const char *path, size_t len);

/** @brief False while a file system is unmounted: no thread may call mount_peek() then.
 *     @context{any, in a read section} */
bool mount_may_peek(void);

/** @brief As mount_enter(), without a lock and without a reference: the node is good until the read
 *     section ends. @context{any, in a read section in which mount_may_peek() was true} */
struct fs_node *mount_peek(const char *path, size_t len);
/** @brief The same for the root; NULL: before vfs_init(). */
struct fs_node *mount_peek_root(void);

/* Bit i: there was a mount point with i bytes. Set before the mount is in the list. Relaxed: a
 * thread that does not see the bit yet walks as if it had come before the mount. */
extern _Atomic uint64_t mount_lengths;

/** @brief False: no path of this length is a mount point. Walks call it for each component of a
 *     path, and few components are mount points. @context{any} */
static inline bool mount_may_be(size_t len)
{
    return len < MOUNT_PATH_SIZE &&
           (atomic_load_explicit(&mount_lengths, memory_order_relaxed) >> len & 1) != 0;
}

/** @brief Name of the i-th mount point directly below the directory. @return false:
 *     there are fewer. */
bool mount_child(const char *path, uint32_t i, char *name);

/** @brief Inode number of the root mounted at a name in the directory. @return false: nothing is
 *     mounted there. */
bool mount_inode(const char *path, const char *name, uint64_t *out);

/** @brief True if something is mounted at this path or below it. */
bool mount_is_within(const char *path);

/** @brief Append text to a string of room `size`. @return false: does not fit; nothing changed. */
bool str_append(char *s, size_t size, const char *more);

/** @brief Append "/name" to a canonical path of room `size`. @return false: does not fit; nothing
 *     has changed. */
bool path_append(char *path, size_t size, const char *name, size_t len);

/** @brief Remove the last "/name" from a canonical path; the root stays. */
void path_trim_last(char *path);

/** How a walk handles the last component of a path. */
enum walk_mode {
    WALK_FOLLOW,    /**< follow a symbolic link */
    WALK_NO_FOLLOW, /**< return a symbolic link itself */
    WALK_PARENT,    /**< stop in the parent directory; `name` is set and may or may not exist */
};

/** What a walk needs only for links, for ".." and for relative paths. */
struct walk_text {
    char rest[VFS_PATH_MAX];
    /* the next contents of `rest`: a link's target, or a shortened path */
    char target[VFS_PATH_MAX];
};

/** A walk along a path. Large, so allocated from the heap. */
struct walk {
    struct fs_node *node;     /* current position; referenced */
    uint32_t links;           /* symbolic links followed so far */
    bool is_last_missing;     /* after E_NOENT: only `name` in directory `node` is missing */
    bool is_directory_wanted; /* the path ends with '/' */
    size_t name_len; /* WALK_PARENT, is_last_missing; 0: the path has no last name ("/", "..") */
    char name[VFS_NAME_MAX + 1];
    size_t path_len;         /* of `path` */
    char path[VFS_PATH_MAX]; /* of `node`: absolute, without links and "."; "" is the root */
    const char *next;        /* the rest of the path: in `text`, or where the caller has it */
    struct walk_text *text;  /* NULL: not needed yet */
};

/**
 * @brief Walk from `cwd` along `path`.
 * @param out Set on OK, and on E_NOENT with is_last_missing: end it with walk_end().
 *     Otherwise NULL.
 * @return OK; E_NOENT, E_NOTDIR, E_LOOP, E_NAMETOOLONG, E_NOMEM, E_CORRUPT, E_IO;
 *     E_INVAL: empty path.
 * @context{thread, may sleep}
 */
enum status walk_path(const char *cwd, const char *path, enum walk_mode mode, struct walk **out);
void walk_end(struct walk *w);

/**
 * @brief Find the node of a path whose names are all kept, without a lock or memory.
 * @param follow Whether a symbolic link at the end is followed.
 * @param out Set on OK, with a reference; the path is then the node's canonical one.
 * @return OK; E_NOENT: there is no such name; E_NOTSUP: this is not known, or needs walk_path().
 * @context{thread, may sleep}
 */
enum status walk_kept(const char *path, bool follow, struct fs_node **out);

/** @brief The same for a path below an open directory.
 * @param dir NULL: the path begins with '/'. */
enum status walk_kept_below(const struct file *dir, const char *path, bool follow,
                            struct fs_node **out);

/** @brief The node of a name in a directory that the caller holds, with a reference; &name_absent
 *     if it does not exist, NULL if that is not known. @param name Ends before a '/' or a zero
 *     byte. @context{any} */
struct fs_node *kept_node(struct fs_node *dir, const char *name);

/* An open file. Field protection: [I] set when it is opened   [p] lock */
struct file {
    _Atomic uint32_t refs;     /* relaxed and acq_rel, as a node's */
    struct fs_node *node;      /* [I] */
    unsigned flags;            /* [I] except VFS_APPEND */
    _Atomic bool is_appending; /* relaxed: a concurrent write may use either value */
    struct mutex lock;
    _Atomic int write_error; /* of the first write that failed, as enum status. Relaxed: a value */
    uint64_t position;       /* [p] bytes; for a directory: a cookie of file_read_dir_at() */
    size_t path_len;         /* [I] of `path` */
    char path[];             /* [I] directories: canonical path where opened; otherwise "" */
};

/** How often an open that finds no file, and then cannot create it because there is one, starts
 * again. Each time another thread must have created and removed it; but a file system whose files
 * are elsewhere can contradict itself for ever. */
#define OPEN_TRIES 100u

/** @brief fs_ops.check, of a file system that may have none. */
enum status fs_check_run(struct fs *fs, struct fs_check *out);

/** @brief Check that the open flags permit opening an existing node. @return OK, or the reason. */
enum status open_check(const struct fs_node *node, unsigned flags);

/** @brief Open a new file whose node passed open_check(), and truncate it if its flags say so,
 *     unless the open fails. Consumes the file, unless it is returned in *out. */
enum status open_finish(struct file *f, struct file **out);

/** @brief Create a missing name. @param target For a link, else NULL.
 * @return OK, with a reference; E_ROFS; as fs_write_ops.create(). */
enum status open_create(const struct fs_name *at, enum file_type type, const char *target,
                        struct fs_node **out);

/** @brief Create a missing file and open it: both or neither. @return as open_create(); E_NOMEM. */
enum status open_created(const struct fs_name *at, unsigned flags, struct file **out);

/** @brief fs_ops.stat, with the mount's data added. */
enum status node_stat(struct fs_node *node, struct file_stat *out);

/** @brief Create an open file for a node.
 * @param node NULL: the caller calls file_set_node() before the file is visible to other threads.
 * @param path_len Of a directory's path, which the caller writes to file.path; otherwise 0.
 * @return It has the node's reference. NULL: no memory; the reference is dropped. */
struct file *file_make(struct fs_node *node, unsigned flags, size_t path_len);
/** @brief Give an open file its node; consumes the caller's reference. */
void file_set_node(struct file *f, struct fs_node *node);

/** @brief Create a memory file system. @return OK; E_NOMEM. */
enum status tmpfs_make(struct fs **out);
/** @brief The console: the node for standard input, or for output and /dev/tty. Static. */
struct fs_node *console_node(bool is_input);
/** @brief The file system of /dev: null, tty, ttyctl. Static, never unmounted by the kernel. */
struct fs *dev_fs(void);
/** @brief Create a file system from a newc archive. @return OK; E_FORMAT: not one; E_NOTSUP:
 *     compressed; E_CORRUPT, E_NOMEM. */
enum status cpio_make(const void *data, size_t len, struct fs **out);
/** @brief Create a file system from an ext2 image; takes its own reference to the device. @return
 *     as vfs_mount_block(). */
enum status ext2_make(struct block_device *dev, struct fs **out);
