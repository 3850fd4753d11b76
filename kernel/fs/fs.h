// SPDX-License-Identifier: MIT
//
// The interface between the functions of vfs.h and the file systems: nodes, tables of functions,
// and how a file system of an extension is found. docs/extensions.md has an example.
#pragma once

#include "kernel/fs/vfs.h"
#include "kernel/lib/compiler.h"
#include "kernel/sched/rcu.h"

#include <stdatomic.h>

struct fs;
struct known_run;
struct name_cache;

/** A file, directory or link in use. File systems embed it as their first member. */
struct fs_node {
    struct fs *fs;       /* [I] */
    uint64_t id;         /* [I] inode number */
    enum file_type type; /* [I] */
    /* [I] a regular file whose cached pages file_read() may read by itself; otherwise NULL */
    struct known_run *run;
    /* References held by walks and open files, and by a file system that keeps the node. Relaxed to
     * add one (the caller holds one); acq_rel to drop one: every holder's use comes before the
     * node's release. */
    _Atomic uint32_t refs;
    /* The rest is used by name_cache.c. [o] the lock of the file system's name cache */
    _Atomic uint64_t serial; /* of a directory that has kept names, else 0. Relaxed: a number */
    uint32_t first_name;     /* [o] of its names in the cache: the slot's number from 1; 0: none */
    bool was_kept;           /* [o] it had one: a read section may still find the node */
    struct rcu_call freeing; /* [o] after its release */
};

enum fs_mode {
    FS_READ_ONLY, /**< what was changed is written, and nothing changes any longer */
    FS_WRITABLE,
    FS_FINAL, /**< read-only although files are open: the machine is switched off, or the file
               * system unmounted */
};

/**
 * The functions of a file system. Only the last four are optional. All may sleep.
 *
 * The caller guarantees: `lookup` and `read_dir` get directories, `read_link` symbolic links,
 * `read` regular files and devices; names have 1 to VFS_NAME_MAX bytes, no '/', no zero, are
 * not "." or "..", and are followed by a '/' or a zero byte.
 */
struct fs_ops {
    /** Returns a new reference in fs_node.refs; fs_node_lookup() counts it in fs.users. E_NOENT,
     * E_NOMEM, E_CORRUPT, E_IO. */
    enum status (*lookup)(struct fs_node *dir, const char *name, size_t len, struct fs_node **out);
    /** Read up to `len` bytes; *done < len only at the end,
     * or before an error that the next call reports. */
    enum status (*read)(struct fs_node *node, uint64_t off, void *buf, size_t len, size_t *done);
    /** The entry at *cookie (0 = first), which then moves
     * to the next. E_NOENT: end of the directory. */
    enum status (*read_dir)(struct fs_node *dir, uint64_t *cookie, struct dir_entry *out);
    /** The target, zero-terminated. E_NAMETOOLONG: does not fit. */
    enum status (*read_link)(struct fs_node *link, char *buf, size_t len);
    enum status (*stat)(struct fs_node *node, struct file_stat *out);
    /** The last reference was dropped. */
    void (*release)(struct fs_node *node);
    /** Capacity, and free space. */
    void (*usage)(struct fs *fs, uint64_t *total_bytes, uint64_t *free_bytes);
    /** Free everything, including the struct itself; only the root is still referenced. */
    void (*unmount)(struct fs *fs);
    /** A file that comes from lookup() is about to be opened with these flags (enum
     * vfs_open_flags), before the first read() or write(); one that comes from create() is open
     * for both. NULL: the file system need not know. E_PERM, E_IO. */
    enum status (*open)(struct fs_node *node, unsigned flags);
    /** Write the changes of a node, or of all (NULL), to the device. NULL: there is no device, or
     * every write reaches it at once. E_IO. */
    enum status (*sync)(struct fs *fs, struct fs_node *node);
    /** Change the mode; sets fs->is_read_only. NULL: it has one mode. E_ROFS: the device cannot be
     * written; E_NOTSUP: not with a feature that the log names; E_CORRUPT: it is to be checked
     * first; E_BUSY: a removed file is still open; E_NOMEM, E_IO. */
    enum status (*set_mode)(struct fs *fs, enum fs_mode mode);
    /** Read and compare everything that describes the files, and change nothing. *out is zero but
     * for the type; faults go to fs_check_fault(). NULL: there is nothing that can be checked.
     * E_NOTSUP: not with its features; E_NOMEM, E_IO. */
    enum status (*check)(struct fs *fs, struct fs_check *out);
};

/** A name in a directory; it need not exist. */
struct fs_name {
    struct fs_node *dir;
    const char *text;
    size_t len;
};

/** Which kind of name may be removed. */
enum fs_remove {
    FS_REMOVE_ANY,       /**< any, but no directory with entries */
    FS_REMOVE_FILE,      /**< E_ISDIR: it is a directory */
    FS_REMOVE_DIRECTORY, /**< E_NOTDIR: it is not a directory */
};

/** Offset for fs_write_ops.write(): append at the file's end. */
#define FS_APPEND UINT64_MAX

/** Additional functions of a writable file system. None is optional. */
struct fs_write_ops {
    /** Create a regular file, directory or link (to `target`, else NULL) with this name. E_EXIST,
     * E_NOMEM, E_NOSPC. */
    enum status (*create)(const struct fs_name *at, enum file_type type, const char *target,
                          struct fs_node **out);
    /** Add a name for a node of this file system that is not a directory. E_EXIST; E_NOENT: its
     * last name was removed. */
    enum status (*link)(struct fs_node *node, const struct fs_name *to);
    /** E_NOENT, E_NOTEMPTY, and the errors of enum fs_remove. */
    enum status (*remove)(const struct fs_name *at, enum fs_remove what);
    /** Rename inside this file system; as file_rename_at(). */
    enum status (*rename)(const struct fs_name *from, const struct fs_name *to);
    /** Write at *off, or append; *off moves past the written bytes. E_NOSPC, E_OVERFLOW. */
    enum status (*write)(struct fs_node *file, uint64_t *off, const void *buf, size_t len,
                         size_t *done);
    /** Truncate a file, or extend it with zeroes. E_NOSPC, E_OVERFLOW. */
    enum status (*set_size)(struct fs_node *file, uint64_t size);
    /** Allocate space for a range; the file is extended to cover it. E_NOSPC, E_OVERFLOW. */
    enum status (*allocate)(struct fs_node *file, uint64_t off, uint64_t len);
    enum status (*set_times)(struct fs_node *node, const struct file_times *times);
};

/** Waiting on streams: nodes of type FILE_DEVICE. */
struct fs_stream_ops {
    /** OK: a read would not wait now. E_TIMEDOUT, E_CANCELLED. */
    enum status (*wait_readable)(struct fs_node *node, uint64_t deadline_ns);
    /** OK: a write of up to *room bytes, at least 1, would
     * not wait for a reader now. E_TIMEDOUT, E_CANCELLED. */
    enum status (*wait_writable)(struct fs_node *node, uint64_t deadline_ns, size_t *room);
    /** True if the other end is closed for good. */
    bool (*is_hung_up)(struct fs_node *node);
    /** The queue whose waiters are all woken when the results of these functions may have changed.
     * It exists as long as the node. No function: they never change. */
    struct wait_queue *(*changes)(struct fs_node *node);
};

/** A mounted file system. File systems embed it as their first member. */
struct fs {
    const char *type;         /* [I] "ext2" */
    const struct fs_ops *ops; /* [I] */
    /* NULL: it was never writable. Set before is_read_only becomes false for the first time */
    const struct fs_write_ops *write_ops;
    const struct fs_stream_ops *stream_ops; /* [I] NULL: it has none */
    struct fs_node *root;                   /* [I] */
    struct name_cache *names;               /* [I] NULL: it keeps no names */
    uint64_t device;                        /* [I] identifies the mounted file system */
    /* References to its nodes, except the root's own. Relaxed to add one,
     * under the lock of mounts or by a thread that holds one; release to
     * drop one, which pairs with the acquire in vfs_unmount(). */
    _Atomic uint32_t users;
    /* Open files that may write. Relaxed: vfs_remount() refuses if it sees one, and the file system
     * itself refuses writes that come later. */
    _Atomic uint32_t writers;
    /* The file system itself decides under a lock of its own. Release when it becomes false, which
     * pairs with the acquire of fs_is_read_only(), after which write_ops is used. */
    _Atomic bool is_read_only;
};

/** @brief True if a file system cannot be written now. @context{any} */
static inline bool fs_is_read_only(const struct fs *fs)
{
    return atomic_load_explicit(&fs->is_read_only, memory_order_acquire) || fs->write_ops == NULL;
}

/** @brief Add a reference to a node that the caller holds. */
void fs_node_get(struct fs_node *node);
/** @brief fs_ops.lookup() in a directory that the caller holds. @param out  With a reference, which
 * counts in fs.users, too. @context{thread, may sleep} */
enum status fs_node_lookup(struct fs_node *dir, const char *name, size_t len, struct fs_node **out);
/** @brief Drop a reference. @context{thread, may sleep} */
void fs_node_put(struct fs_node *node);
/** @brief Free the memory of a node that was released, in which it is the first member, when no
 *     walk can see it. @context{thread, the lock of its file system's name cache} */
void fs_node_free(struct fs_node *node);

/**
 * @brief Add a reference, unless the last one was dropped: its release is under way in another
 *     thread then, and cannot be stopped.
 * @param node Its memory is not freed meanwhile.
 * @context{any}
 */
static inline bool fs_node_revive(struct fs_node *node)
{
    /* Acquire pairs with the release of the thread that dropped a reference before: its changes are
     * visible. */
    uint32_t refs = atomic_load_explicit(&node->refs, memory_order_relaxed);
    while (refs != 0 &&
           !atomic_compare_exchange_weak_explicit(&node->refs, &refs, refs + 1,
                                                  memory_order_acquire, memory_order_relaxed)) {
    }
    return refs != 0;
}

/** @brief Report a fault to the caller of fs_ops.check(). @context{thread} */
void fs_check_fault(struct fs_check *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/** A kind of file system, added by an extension: it has one of the functions or both. Const. */
struct fs_format {
    const char *name; /* "tinyfs" */
    /**
     * @brief Read a disk and create its file system. Takes a reference of its own to the device.
     * NULL: it lies on no disk.
     * @param out Set on success; fs->root is set.
     * @return OK; E_FORMAT: another kind of file system; otherwise as vfs_mount_block().
     * @context{thread, may sleep}
     */
    enum status (*make)(struct block_device *dev, struct fs **out);
    /**
     * @brief Create a file system from something else that has a name, such as a folder of the
     *     host. NULL: its file systems lie on disks.
     * @param out Set on success; fs->root is set.
     * @return OK; E_NODEV: it knows no source of that name; E_BUSY: the source is in use; otherwise
     *     as vfs_mount_block().
     * @context{thread, may sleep}
     */
    enum status (*make_named)(const char *source, struct fs **out);
};

/** As the functions of struct fs_format, for all formats that extensions added. */
struct fs_added {
    enum status (*make)(struct block_device *dev, struct fs **out);
    enum status (*make_named)(const char *source, struct fs **out);
};

/** @brief Install the functions that vfs_mount_block() calls for a disk that no file system of the
 *     kernel recognises, and vfs_mount_named() always. @context{once, before the first mount} */
void fs_set_added(const struct fs_added *added);

/**
 * @brief Mount a file system that the caller has made.
 * @param fs      Unmounted and freed on failure, too.
 * @param source  What `mount` shows for it.
 * @return as vfs_mount_block().
 * @context{thread, may sleep}
 */
enum status vfs_mount_fs(struct fs *fs, const char *dir, const char *source);
