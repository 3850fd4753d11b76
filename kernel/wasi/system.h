// SPDX-License-Identifier: MIT
//
// The system below WASI: files as handles, clocks, random numbers and waiting. The kernel is one
// such system (kernel_system.c); the computer that runs the host command is another. Access checks
// are above this interface and written once.
//
// A system need not handle paths: each name is one component in an open directory, and links are
// never followed. Every function returns WASI_SUCCESS or an error; outputs are unchanged on error.
#pragma once

#include "kernel/wasi/abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wasi_handle; /* owned by the system: an open file, directory or stream */

#define WASI_NAME_MAX 255 /* bytes of one component */
#define WASI_FOREVER  UINT64_MAX
#define WASI_POSITION UINT64_MAX /* as an offset: the handle's own position, which then moves */

enum wasi_open_flags {
    WASI_OPEN_READ = 1,
    WASI_OPEN_WRITE = 2,
    WASI_OPEN_CREATE = 4,
    WASI_OPEN_EXCLUSIVE = 8,
    WASI_OPEN_TRUNCATE = 16,
    /** The name must be a directory. If it is the only flag, the handle is only for looking up
     * names in the directory. */
    WASI_OPEN_DIRECTORY = 32,
    WASI_OPEN_APPEND = 64,
};

struct wasi_stat {
    uint64_t device, inode, links, size;
    uint64_t accessed_ns, modified_ns, changed_ns; /* since 1970 */
    uint8_t type;                                  /* enum wasi_file_type */
};

struct wasi_times {
    bool set_accessed, set_modified;
    uint64_t accessed_ns, modified_ns;
};

struct wasi_entry {
    uint64_t next; /* cookie of the entry after it */
    uint64_t inode;
    uint8_t type; /* enum wasi_file_type */
    uint32_t len;
    char name[WASI_NAME_MAX + 1];
};

/** A handle to wait for, and the result. */
struct wasi_wait {
    struct wasi_handle *handle;
    bool is_write;
    bool is_ready, is_hung_up;
    uint64_t bytes; /* readable bytes as far as known; or bytes that a write accepts at once */
};

/** Operations on a handle, or on a name in a directory. `name` is one component, or "." for the
 * directory itself; NULL, where allowed, means the handle itself. */
struct wasi_node_ops {
    /** ELOOP: the name is a link, whatever the flags. */
    uint16_t (*open)(struct wasi_handle *dir, const char *name, unsigned flags,
                     struct wasi_handle **out);
    void (*close)(struct wasi_handle *h);
    /** name NULL: the handle. A link is not followed. */
    uint16_t (*stat)(struct wasi_handle *h, const char *name, struct wasi_stat *out);
    /** open and stat of a path of several names, none of which is "." or "..". A link is not
     * followed; with `follow`, the path has none at all. ENOTSUP: the path may be another one, or
     * the system does not know: the caller walks along it. NULL: it never knows. */
    uint16_t (*open_kept)(struct wasi_handle *dir, const char *path, unsigned flags, bool follow,
                          struct wasi_handle **out);
    uint16_t (*stat_kept)(struct wasi_handle *dir, const char *path, bool follow,
                          struct wasi_stat *out);
    /** As stat. */
    uint16_t (*set_times)(struct wasi_handle *h, const char *name, const struct wasi_times *times);
};

struct wasi_file_ops {
    /** Read up to `len` bytes, at least 1; *done 0: end of file. */
    uint16_t (*read)(struct wasi_handle *h, uint64_t at, void *buf, size_t len, size_t *done);
    uint16_t (*write)(struct wasi_handle *h, uint64_t at, const void *buf, size_t len,
                      size_t *done);
    /** ESPIPE: the handle has no position. */
    uint16_t (*seek)(struct wasi_handle *h, int64_t off, enum wasi_whence whence, uint64_t *out);
    uint16_t (*set_append)(struct wasi_handle *h, bool on);
    uint16_t (*set_size)(struct wasi_handle *h, uint64_t size);
    uint16_t (*allocate)(struct wasi_handle *h, uint64_t off, uint64_t len);
    uint16_t (*sync)(struct wasi_handle *h, bool data_only);
};

/** The name is never "." in these. */
struct wasi_directory_ops {
    /** The entry at a cookie (0: the first), without "." and "..". ENOENT: end of the directory. */
    uint16_t (*read_entry)(struct wasi_handle *dir, uint64_t cookie, struct wasi_entry *out);
    uint16_t (*make_directory)(struct wasi_handle *dir, const char *name);
    /** Remove a non-directory, or an empty directory. EISDIR, ENOTDIR, ENOTEMPTY. */
    uint16_t (*remove)(struct wasi_handle *dir, const char *name, bool is_directory);
    uint16_t (*rename)(struct wasi_handle *from_dir, const char *from, struct wasi_handle *to_dir,
                       const char *to);
    /** EPERM: a directory. For a link, the link itself gets another name. */
    uint16_t (*link)(struct wasi_handle *from_dir, const char *from, struct wasi_handle *to_dir,
                     const char *to);
    uint16_t (*symlink)(const char *target, struct wasi_handle *dir, const char *name);
    /** Read the target, zero-terminated. EINVAL: not a link. ENAMETOOLONG. */
    uint16_t (*read_link)(struct wasi_handle *dir, const char *name, char *buf, size_t len);
};

struct wasi_machine_ops {
    /** EINVAL: there is no such clock. */
    uint16_t (*clock_time)(enum wasi_clock_id id, uint64_t *out);
    uint16_t (*clock_resolution)(enum wasi_clock_id id, uint64_t *out);
    uint16_t (*random)(void *buf, size_t len);
    /** Wait until one of the handles is ready, or until a time of WASI_CLOCK_MONOTONIC. ETIMEDOUT:
     * none is ready. With 0 handles only wait for the time; with a deadline of 0 do not wait. */
    uint16_t (*poll)(struct wasi_wait *waits, uint32_t count, uint64_t deadline_ns);
    void (*yield)(void);
};

struct wasi_system {
    const struct wasi_node_ops *nodes;
    const struct wasi_file_ops *files;
    const struct wasi_directory_ops *directories;
    const struct wasi_machine_ops *machine;
};
