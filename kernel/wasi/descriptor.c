// SPDX-License-Identifier: MIT
//
// A program's descriptors: small numbers for handles, each with its remaining rights and with the
// rights that files opened through it may get.
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/wasi/wasi_internal.h"

/* A descriptor's rights start as what its type supports and can only shrink. A call names the
 * rights that it needs (wasi_fd_need() and its variants); the table is the only place where they
 * are checked. A pointer to a descriptor is valid until wasi_fd_reserve() grows the table. */
#define ROOM_FIRST 8u

#define RIGHTS_OF_ALL                                                                              \
    (WASI_RIGHT_FD_FDSTAT_SET_FLAGS | WASI_RIGHT_FD_SYNC | WASI_RIGHT_FD_DATASYNC |                \
     WASI_RIGHT_FD_FILESTAT_GET | WASI_RIGHT_FD_FILESTAT_SET_TIMES | WASI_RIGHT_POLL_FD_READWRITE)

#define RIGHTS_OF_STREAMS (RIGHTS_OF_ALL | WASI_RIGHT_FD_READ | WASI_RIGHT_FD_WRITE)

#define RIGHTS_OF_FILES                                                                            \
    (RIGHTS_OF_STREAMS | WASI_RIGHT_FD_SEEK | WASI_RIGHT_FD_TELL | WASI_RIGHT_FD_ADVISE |          \
     WASI_RIGHT_FD_ALLOCATE | WASI_RIGHT_FD_FILESTAT_SET_SIZE)

#define RIGHTS_OF_DIRECTORIES                                                                      \
    (RIGHTS_OF_ALL | WASI_RIGHT_FD_READDIR | WASI_RIGHT_PATH_CREATE_DIRECTORY |                    \
     WASI_RIGHT_PATH_CREATE_FILE | WASI_RIGHT_PATH_LINK_SOURCE | WASI_RIGHT_PATH_LINK_TARGET |     \
     WASI_RIGHT_PATH_OPEN | WASI_RIGHT_PATH_READLINK | WASI_RIGHT_PATH_RENAME_SOURCE |             \
     WASI_RIGHT_PATH_RENAME_TARGET | WASI_RIGHT_PATH_FILESTAT_GET |                                \
     WASI_RIGHT_PATH_FILESTAT_SET_SIZE | WASI_RIGHT_PATH_FILESTAT_SET_TIMES |                      \
     WASI_RIGHT_PATH_SYMLINK | WASI_RIGHT_PATH_REMOVE_DIRECTORY | WASI_RIGHT_PATH_UNLINK_FILE)

uint64_t wasi_rights_of_type(uint8_t type)
{
    switch (type) {
    case WASI_TYPE_DIRECTORY:
        return RIGHTS_OF_DIRECTORIES;
    case WASI_TYPE_REGULAR_FILE:
    case WASI_TYPE_BLOCK_DEVICE:
        return RIGHTS_OF_FILES;
    default:
        return RIGHTS_OF_STREAMS;
    }
}

/* A closed descriptor is an element without a handle. Elements never move down, because the program
 * knows them by their index. */
uint16_t wasi_fd_find(const struct wasi *w, uint64_t number, struct wasi_fd **out)
{
    uint32_t n = (uint32_t)number;
    if (n >= w->fd_room || w->fds[n].handle == NULL) {
        return WASI_EBADF;
    }
    *out = &w->fds[n];
    return WASI_SUCCESS;
}

static uint16_t check_rights(const struct wasi_fd *fd, uint64_t rights)
{
    return (fd->rights & rights) == rights ? WASI_SUCCESS : WASI_ENOTCAPABLE;
}

uint16_t wasi_fd_need(const struct wasi *w, uint64_t number, uint64_t rights, struct wasi_fd **out)
{
    uint16_t e = wasi_fd_find(w, number, out);
    return e != WASI_SUCCESS ? e : check_rights(*out, rights);
}

/* Operations that a directory can never support have errors of their own, as in POSIX; "no right"
 * would be less precise. */
uint16_t wasi_fd_need_file(const struct wasi *w, uint64_t number, uint64_t rights,
                           struct wasi_fd **out)
{
    uint16_t e = wasi_fd_find(w, number, out);
    if (e != WASI_SUCCESS) {
        return e;
    }
    return (*out)->type == WASI_TYPE_DIRECTORY ? WASI_EISDIR : check_rights(*out, rights);
}

uint16_t wasi_fd_need_seekable(const struct wasi *w, uint64_t number, uint64_t rights,
                               struct wasi_fd **out)
{
    uint16_t e = wasi_fd_need_file(w, number, 0, out);
    if (e != WASI_SUCCESS) {
        return e;
    }
    bool is_file = (wasi_rights_of_type((*out)->type) & WASI_RIGHT_FD_SEEK) != 0;
    return is_file ? check_rights(*out, rights) : WASI_ESPIPE;
}

uint16_t wasi_fd_need_directory(const struct wasi *w, uint64_t number, uint64_t rights,
                                struct wasi_fd **out)
{
    uint16_t e = wasi_fd_find(w, number, out);
    if (e != WASI_SUCCESS) {
        return e;
    }
    return (*out)->type != WASI_TYPE_DIRECTORY ? WASI_ENOTDIR : check_rights(*out, rights);
}

/* Doubling, up to the limit on open files. A failure leaves the old table as it was. */
static uint16_t grow(struct wasi *w)
{
    uint32_t room = w->fd_room == 0 ? ROOM_FIRST : MIN(w->fd_room * 2, WASI_FDS_MAX);
    if (room == w->fd_room) {
        return WASI_EMFILE;
    }
    struct wasi_fd *fds = heap_realloc(w->fds, room * sizeof(*fds));
    if (fds == NULL) {
        return WASI_ENOMEM;
    }
    memset(fds + w->fd_room, 0, (room - w->fd_room) * sizeof(*fds));
    w->fds = fds;
    w->fd_room = room;
    return WASI_SUCCESS;
}

/* The lowest free number, as POSIX requires of open() and as libraries rely on. The element stays
 * free until the caller stores a handle in it, so a failure in between needs no undo. */
uint16_t wasi_fd_reserve(struct wasi *w, uint32_t *number)
{
    uint32_t n = 0;
    while (n < w->fd_room && w->fds[n].handle != NULL) {
        n++;
    }
    uint16_t e = n == w->fd_room ? grow(w) : WASI_SUCCESS;
    if (e == WASI_SUCCESS) {
        *number = n;
    }
    return e;
}

void wasi_fd_close(struct wasi *w, struct wasi_fd *fd)
{
    w->system->nodes->close(fd->handle);
    heap_free(fd->folder);
    *fd = (struct wasi_fd){.handle = NULL};
}
