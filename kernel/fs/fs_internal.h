// SPDX-License-Identifier: MIT
//
// The contract between vfs.h's functions and the file systems: nodes, and the tables that serve
// them. Only kernel/fs/ sees it.
#pragma once

#include "kernel/fs/vfs.h"
#include "kernel/lib/list.h"
#include "kernel/sched/mutex.h"

#include <stdatomic.h>

struct fs;

/** A file, directory or link that is in use. File systems embed it as their first member. */
struct fs_node {
    struct fs *fs;       /* [I] */
    uint64_t id;         /* [I] inode number */
    enum file_type type; /* [I] */
    /* Held by walks and open files, and by a file system that keeps the node. Relaxed to take one,
     * by who has one; acq_rel to drop it: what each holder did comes before the node's end. */
    _Atomic uint32_t refs;
};

/**
 * What a file system can do. No slot is optional. All may sleep.
 *
 * The caller guarantees: `lookup` and `read_dir` get directories, `read_link` symbolic links,
 * `read` regular files and devices; names have 1 to VFS_NAME_MAX bytes, no '/', no zero, and are
 * not "." or "..".
 */
struct fs_ops {
    /** A new reference. E_NOENT, E_NOMEM, E_CORRUPT, E_IO. */
    enum status (*lookup)(struct fs_node *dir, const char *name, size_t len, struct fs_node **out);
    /** Up to `len` bytes; *done < len only at the end, or before an error that the next call meets.
     */
    enum status (*read)(struct fs_node *node, uint64_t off, void *buf, size_t len, size_t *done);
    /** The entry at *cookie (0 = first), which then moves to the next. E_NOENT: no more. */
    enum status (*read_dir)(struct fs_node *dir, uint64_t *cookie, struct dir_entry *out);
    /** The target, zero-terminated. E_NAMETOOLONG: does not fit. */
    enum status (*read_link)(struct fs_node *link, char *buf, size_t len);
    enum status (*stat)(struct fs_node *node, struct file_stat *out);
    /** The last reference is gone. */
    void (*release)(struct fs_node *node);
    /** Capacity and what is left of it. */
    void (*usage)(struct fs *fs, uint64_t *total_bytes, uint64_t *free_bytes);
    /** Give everything back, the struct itself included; no node but the root is referenced. */
    void (*unmount)(struct fs *fs);
};

/** A name in a directory, which need not be there yet. */
struct fs_name {
    struct fs_node *dir;
    const char *text;
    size_t len;
};

/** What of a name may be removed. */
enum fs_remove {
    FS_REMOVE_ANY,       /**< but no directory with entries */
    FS_REMOVE_FILE,      /**< E_ISDIR: it is a directory */
    FS_REMOVE_DIRECTORY, /**< E_NOTDIR: it is none */
};

/** Where fs_write_ops.write() starts if the file's end is wanted. */
#define FS_APPEND UINT64_MAX

/** What a writable file system can do besides. No slot is optional. */
struct fs_write_ops {
    /** A regular file, directory or link (to `target`, else NULL) of this name. E_EXIST, E_NOMEM,
     * E_NOSPC. */
    enum status (*create)(const struct fs_name *at, enum file_type type, const char *target,
                          struct fs_node **out);
    /** Another name for a node of this file system that is no directory. E_EXIST; E_NOENT: it has
     * no name any more. */
    enum status (*link)(struct fs_node *node, const struct fs_name *to);
    /** E_NOENT, E_NOTEMPTY, and what enum fs_remove says. */
    enum status (*remove)(const struct fs_name *at, enum fs_remove what);
    /** Both in this file system; as file_rename_at(). */
    enum status (*rename)(const struct fs_name *from, const struct fs_name *to);
    /** Write at *off, or at the end; *off moves behind what was written. E_NOSPC, E_OVERFLOW. */
    enum status (*write)(struct fs_node *file, uint64_t *off, const void *buf, size_t len,
                         size_t *done);
    /** Cut a file, or lengthen it with zeroes. E_NOSPC, E_OVERFLOW. */
    enum status (*set_size)(struct fs_node *file, uint64_t size);
    /** Take room for a range, which the file then covers. E_NOSPC, E_OVERFLOW. */
    enum status (*allocate)(struct fs_node *file, uint64_t off, uint64_t len);
    enum status (*set_times)(struct fs_node *node, const struct file_times *times);
};

/** What is read and written as it comes, by nodes of type FILE_DEVICE. */
struct fs_stream_ops {
    /** OK: a read would not wait now. E_TIMEDOUT, E_CANCELLED. */
    enum status (*wait_readable)(struct fs_node *node, uint64_t deadline_ns);
    /** OK: a write of up to *room bytes, at least 1, would not wait for a reader now. E_TIMEDOUT,
     * E_CANCELLED. */
    enum status (*wait_writable)(struct fs_node *node, uint64_t deadline_ns, size_t *room);
    /** Nobody is at the other end any more, and nobody comes. */
    bool (*is_hung_up)(struct fs_node *node);
};

/** A mounted file system. File systems embed it as their first member. */
struct fs {
    const char *type;                       /* [I] "ext2" */
    const struct fs_ops *ops;               /* [I] */
    const struct fs_write_ops *write_ops;   /* [I] NULL: read-only */
    const struct fs_stream_ops *stream_ops; /* [I] NULL: it has none */
    struct fs_node *root;                   /* [I] */
    uint64_t device;                        /* [I] tells mounted file systems apart */
    /* References to its nodes, the root's own left out. Relaxed to take one, under the lock of
     * mounts or by who has one; release to drop it, which pairs with the acquire of who unmounts.
     */
    _Atomic uint32_t users;
};

/** @brief One more reference to a node that the caller holds. */
void fs_node_get(struct fs_node *node);
/** @brief Drop one. @context{thread, may sleep} */
void fs_node_put(struct fs_node *node);

/**
 * @brief The root of what is mounted at exactly this directory, with a reference.
 * @param path  Absolute and normalised; "" is the root.
 * @return NULL: nothing is.
 */
struct fs_node *mount_enter(const char *path);

/** @brief Name of the i-th mount point right below the directory. @return false: no more. */
bool mount_child(const char *path, uint32_t i, char *name);

/** @brief The inode number of what is mounted at a name in the directory. @return false: nothing
 * is.
 */
bool mount_inode(const char *path, const char *name, uint64_t *out);

/** @brief True if something is mounted at this path or below it. */
bool mount_is_within(const char *path);

/** @brief Append text to a string of room `size`. @return false: does not fit; nothing has changed.
 */
bool str_append(char *s, size_t size, const char *more);

/** @brief Append "/name" to a canonical path of room `size`. @return false: does not fit; nothing
 * has changed. */
bool path_append(char *path, size_t size, const char *name, size_t len);

/** @brief Cut the last "/name" off a canonical path; the root stays. */
void path_trim_last(char *path);

/** How a walk treats the last component of a path. */
enum walk_mode {
    WALK_FOLLOW,    /**< a symbolic link leads on */
    WALK_NO_FOLLOW, /**< a symbolic link is what is wanted */
    WALK_PARENT,    /**< stop in the directory above; `name` is set and may or may not exist */
};

/** A walk along a path. Large: from the heap. */
struct walk {
    struct fs_node *node;     /* where the walk is; referenced */
    uint32_t links;           /* symbolic links met */
    bool is_last_missing;     /* after E_NOENT: only `name` in directory `node` is missing */
    bool is_directory_wanted; /* the path ends with '/' */
    size_t name_len; /* WALK_PARENT, is_last_missing; 0: the path has no last name ("/", "..") */
    char name[VFS_NAME_MAX + 1];
    char path[VFS_PATH_MAX]; /* of `node`: absolute, no links, no "."; "" is the root */
    const char *next;        /* in `rest`: what is still to be walked */
    char rest[VFS_PATH_MAX];
    char target[VFS_PATH_MAX]; /* what `rest` is to become: a link's text, a shortened path */
};

/**
 * @brief Walk from `cwd` along `path`.
 * @param out  On OK, and on E_NOENT with is_last_missing: end it with walk_end(). Else NULL.
 * @return OK; E_NOENT, E_NOTDIR, E_LOOP, E_NAMETOOLONG, E_NOMEM, E_CORRUPT, E_IO; E_INVAL: empty
 * path.
 * @context{thread, may sleep}
 */
enum status walk_path(const char *cwd, const char *path, enum walk_mode mode, struct walk **out);
void walk_end(struct walk *w);

/* An open file. Field protection:  [I] set when it is opened   [p] lock */
struct file {
    _Atomic uint32_t refs;     /* relaxed and acq_rel, as a node's */
    struct fs_node *node;      /* [I] */
    unsigned flags;            /* [I] but for VFS_APPEND */
    _Atomic bool is_appending; /* relaxed: a write that runs meanwhile may find either */
    struct mutex lock;
    uint64_t position; /* [p] bytes; in a directory a cookie of file_read_dir_at() */
    char path[];       /* [I] directories: where they were opened, canonical; else "" */
};

/** @brief Everything that open flags demand of a node that exists. @return OK, or why not. */
enum status open_check(const struct fs_node *node, unsigned flags);

/** @brief Make an open file of a node that passed open_check(): cut it if the flags say so, but not
 * if the open fails. The node's reference is taken over whatever happens. */
enum status open_finish(struct fs_node *node, unsigned flags, const char *path, struct file **out);

/** @brief Create what is missing. @param target  Of a link, else NULL.
 *  @return OK: a reference; E_ROFS; as fs_write_ops.create(). */
enum status open_create(const struct fs_name *at, enum file_type type, const char *target,
                        struct fs_node **out);

/** @brief Create what is missing and open it: both or neither. @return as open_create(); E_NOMEM.
 */
enum status open_created(const struct fs_name *at, unsigned flags, struct file **out);

/** @brief fs_ops.stat, and what the mount knows. */
enum status node_stat(struct fs_node *node, struct file_stat *out);

/** @brief An open file on a node; takes the caller's reference over.
 * @param node  NULL: the caller fills it in before anybody sees the file.
 * @param path  A directory's, else "".
 * @return NULL: no memory. */
struct file *file_make(struct fs_node *node, unsigned flags, const char *path);

/** @brief A memory file system. @return OK; E_NOMEM. */
enum status tmpfs_make(struct fs **out);
/** @brief The console's own file system: its root is the console. Static, never unmounted. */
struct fs *console_fs(void);
/** @brief A newc archive. @return OK; E_FORMAT: not one; E_NOTSUP: compressed; E_CORRUPT, E_NOMEM.
 */
enum status cpio_make(const void *data, size_t len, struct fs **out);
/** @brief An ext2 image; takes its own reference to the device. @return as vfs_mount_block(). */
enum status ext2_make(struct block_device *dev, struct fs **out);
