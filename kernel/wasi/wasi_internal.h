// SPDX-License-Identifier: MIT
//
// Shared by the files of WASI: one program's state, access to its memory, its descriptors, and
// walking paths.
#pragma once

#include "kernel/jit/code/park.h"
#include "kernel/lib/compiler.h"
#include "kernel/wasi/system.h"
#include "kernel/wasi/wasi.h"

#include <stdatomic.h>

#define WASI_FDS_MAX     1024u
#define WASI_PATH_MAX    4096u /* bytes, with the terminating zero, which guests do not store */
#define WASI_BUFFERS_MAX 1024u /* for each call, as IOV_MAX elsewhere */
#define WASI_DEPTH_MAX   128u  /* directories kept open by one walk */
#define WASI_LINKS_MAX   32u   /* symbolic links followed in one walk */

/** An open descriptor. */
struct wasi_fd {
    struct wasi_handle *handle; /* NULL: the descriptor is free */
    uint64_t rights, inheriting;
    uint16_t flags; /* enum wasi_fdflags */
    uint8_t type;   /* enum wasi_file_type, as of opening */
    char *folder;   /* name of a preopened folder; otherwise NULL */
};

/** Strings as a program gets them: one after the other, each with its terminating zero. */
struct wasi_strings {
    char *bytes;
    uint32_t count, size;
};

/** A walk along a path, with all directories on the way open. */
struct wasi_walk {
    struct wasi_handle *stack[WASI_DEPTH_MAX]; /* the first one belongs to a descriptor */
    uint32_t depth;                            /* index of the last one */
    uint32_t links;
    bool is_directory_wanted;     /* the path ends with '/' or a dot component */
    char name[WASI_NAME_MAX + 1]; /* name in the last directory; "." is that directory itself */
    const char *next;             /* the remaining path: the caller's, or after a link `rest` */
    char rest[WASI_PATH_MAX];
    char target[WASI_PATH_MAX];
};

/** A checked buffer in the program's memory. */
struct wasi_span {
    uint8_t *bytes;
    uint32_t len;
};

#define WASI_ENDED (UINT64_C(1) << 32)

struct wasi {
    const struct wasi_system *system;
    /* Set by the first call. Threads share a memory, so all that set it set the same. Release, with
     * the length before it; acquire by the threads that find it set. */
    uint8_t *_Atomic memory;
    const uint64_t *_Atomic memory_length;        /* relaxed: as above */
    const struct wasi_memory_part *_Atomic upper; /* relaxed: as above; or NULL */
    _Atomic uint64_t ended; /* 0: it has not; or WASI_ENDED and the status. Relaxed: one word */
    struct wasi_strings args, env;
    struct wasi_fd *fds;
    uint32_t fd_room;
    struct park_lock lock; /* held by a call that uses what follows, or descriptors */
    /* Scratch space of one call. */
    struct wasi_span spans[WASI_BUFFERS_MAX];
    struct wasi_walk walk[2]; /* rename and link have two paths */
    char path[WASI_PATH_MAX]; /* a path from the program, zero-terminated */
};

/* --- memory --- */

/** @brief Address of bytes in the program's memory, or NULL if any of them is outside. Other
 * threads may change them at any time: read each once. */
uint8_t *wasi_at(const struct wasi *w, uint64_t at, uint64_t len);

/** @brief Copy a path or other text from the program, zero-terminated, into `buf` of WASI_PATH_MAX
 *     bytes.
 * @return EFAULT, ENAMETOOLONG; EINVAL: it contains a zero; ENOENT: it is empty. */
uint16_t wasi_copy_path(const struct wasi *w, uint64_t at, uint64_t len, char *buf);

/* --- descriptors --- */

/** @brief Find the descriptor with this number. @return EBADF. */
uint16_t wasi_fd_find(const struct wasi *w, uint64_t number, struct wasi_fd **out);

/** @brief The same; it must have all these rights. @return EBADF, ENOTCAPABLE. */
uint16_t wasi_fd_need(const struct wasi *w, uint64_t number, uint64_t rights, struct wasi_fd **out);

/** @brief The same for operations that directories do not support. @return also EISDIR. */
uint16_t wasi_fd_need_file(const struct wasi *w, uint64_t number, uint64_t rights,
                           struct wasi_fd **out);

/** @brief The same for operations that need a position. @return also ESPIPE. */
uint16_t wasi_fd_need_seekable(const struct wasi *w, uint64_t number, uint64_t rights,
                               struct wasi_fd **out);

/** @brief The same for operations on directories. @return also ENOTDIR. */
uint16_t wasi_fd_need_directory(const struct wasi *w, uint64_t number, uint64_t rights,
                                struct wasi_fd **out);

/** @brief Make room for one descriptor; invalidates pointers into the table. @return the lowest
 *     free number in *number; EMFILE, ENOMEM. */
uint16_t wasi_fd_reserve(struct wasi *w, uint32_t *number);

/** @brief Close a descriptor's handle and free the descriptor. */
void wasi_fd_close(struct wasi *w, struct wasi_fd *fd);

/** @brief The rights that a file of this type supports. */
uint64_t wasi_rights_of_type(uint8_t type);

/* --- paths --- */

enum wasi_follow {
    WASI_FOLLOW,      /**< the last name too */
    WASI_NO_FOLLOW,   /**< the last name only if a slash follows it */
    WASI_NAME_ITSELF, /**< never the last name: it is to be created, moved or removed */
};

/**
 * @brief Walk from a directory along a path, which cannot lead out of the directory.
 * @param path Zero-terminated; it stays as it is until this returns.
 * @return The walk's last directory and name are set; call wasi_walk_end() in every case.
 *     ENOTCAPABLE: the path leads out; ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, and errors
 *     of the system.
 */
uint16_t wasi_walk(struct wasi *w, struct wasi_walk *walk, struct wasi_handle *dir,
                   const char *path, enum wasi_follow follow);
void wasi_walk_end(struct wasi *w, struct wasi_walk *walk);

/** @brief True if the system may know a path of `len` bytes as a whole. A path of more names than a
 *     walk allows has to fail also if it does. */
static inline bool wasi_may_be_kept(const struct wasi *w, uint64_t len)
{
    return w->system->nodes->stat_kept != NULL && len < 2 * (WASI_DEPTH_MAX - 1);
}

static inline struct wasi_handle *wasi_walk_dir(const struct wasi_walk *walk)
{
    return walk->stack[walk->depth];
}

/* --- shared by calls --- */

void wasi_store_stat(uint8_t *to, const struct wasi_stat *st);

/** @brief Decode fstflags. @return EINVAL: a time is both given and set to now. */
uint16_t wasi_read_times(const struct wasi *w, uint64_t accessed, uint64_t modified, uint64_t flags,
                         struct wasi_times *out);

/* --- the calls, one file for each group --- */

#define WASI_CALL(name) uint32_t name(struct wasi *w, const uint64_t *args)

WASI_CALL(wasi_args_get);
WASI_CALL(wasi_args_sizes_get);
WASI_CALL(wasi_environ_get);
WASI_CALL(wasi_environ_sizes_get);
WASI_CALL(wasi_clock_res_get);
WASI_CALL(wasi_clock_time_get);
WASI_CALL(wasi_random_get);
WASI_CALL(wasi_sched_yield);
WASI_CALL(wasi_proc_exit);
WASI_CALL(wasi_proc_raise);

WASI_CALL(wasi_fd_advise);
WASI_CALL(wasi_fd_allocate);
WASI_CALL(wasi_fd_datasync);
WASI_CALL(wasi_fd_pread);
WASI_CALL(wasi_fd_pwrite);
WASI_CALL(wasi_fd_read);
WASI_CALL(wasi_fd_seek);
WASI_CALL(wasi_fd_sync);
WASI_CALL(wasi_fd_tell);
WASI_CALL(wasi_fd_write);

WASI_CALL(wasi_fd_close_call);
WASI_CALL(wasi_fd_fdstat_get);
WASI_CALL(wasi_fd_fdstat_set_flags);
WASI_CALL(wasi_fd_fdstat_set_rights);
WASI_CALL(wasi_fd_filestat_get);
WASI_CALL(wasi_fd_filestat_set_size);
WASI_CALL(wasi_fd_filestat_set_times);
WASI_CALL(wasi_fd_prestat_get);
WASI_CALL(wasi_fd_prestat_dir_name);
WASI_CALL(wasi_fd_readdir);
WASI_CALL(wasi_fd_renumber);

WASI_CALL(wasi_path_create_directory);
WASI_CALL(wasi_path_filestat_get);
WASI_CALL(wasi_path_filestat_set_times);
WASI_CALL(wasi_path_link);
WASI_CALL(wasi_path_open);
WASI_CALL(wasi_path_readlink);
WASI_CALL(wasi_path_remove_directory);
WASI_CALL(wasi_path_rename);
WASI_CALL(wasi_path_symlink);
WASI_CALL(wasi_path_unlink_file);

WASI_CALL(wasi_poll_oneoff);

WASI_CALL(wasi_sock_accept);
WASI_CALL(wasi_sock_recv);
WASI_CALL(wasi_sock_send);
WASI_CALL(wasi_sock_shutdown);
