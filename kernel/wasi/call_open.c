// SPDX-License-Identifier: MIT
//
// path_open: a new descriptor has the rights that the directory allows it to inherit and that its
// type supports.
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/wasi/wasi_internal.h"

#define RIGHTS_THAT_READ (WASI_RIGHT_FD_READ | WASI_RIGHT_FD_READDIR)
#define RIGHTS_THAT_WRITE                                                                          \
    (WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_ALLOCATE | WASI_RIGHT_FD_FILESTAT_SET_SIZE)

struct request {
    uint32_t lookup, oflags, fdflags;
    uint64_t rights, inheriting;
};

/* Unknown rights are dropped: programs that ask for all rights set undefined bits, too. Unknown
 * flags are errors, because ignoring one would change what the call does. */
static uint16_t read_request(const uint64_t *args, struct request *out)
{
    *out = (struct request){
        .lookup = (uint32_t)args[1],
        .oflags = (uint32_t)args[4],
        .rights = args[5] & WASI_RIGHTS_ALL,
        .inheriting = args[6] & WASI_RIGHTS_ALL,
        .fdflags = (uint32_t)args[7],
    };
    bool is_known = (out->lookup & ~(uint32_t)WASI_LOOKUP_SYMLINK_FOLLOW) == 0 &&
                    (out->oflags & ~(uint32_t)WASI_OFLAGS_ALL) == 0 &&
                    (out->fdflags & ~(uint32_t)WASI_FDFLAGS_ALL) == 0;
    bool is_new_directory =
        (out->oflags & WASI_OFLAG_CREAT) != 0 && (out->oflags & WASI_OFLAG_DIRECTORY) != 0;
    return is_known && !is_new_directory ? WASI_SUCCESS : WASI_EINVAL;
}

/* Rights that the directory must have for this request. */
static uint64_t rights_needed(const struct request *r)
{
    uint64_t rights = WASI_RIGHT_PATH_OPEN;
    if ((r->oflags & WASI_OFLAG_CREAT) != 0) {
        rights |= WASI_RIGHT_PATH_CREATE_FILE;
    }
    if ((r->oflags & WASI_OFLAG_TRUNC) != 0) {
        rights |= WASI_RIGHT_PATH_FILESTAT_SET_SIZE;
    }
    return rights;
}

/* Rights that the directory must be able to pass on. */
static uint64_t rights_passed_on(const struct request *r)
{
    uint64_t rights = r->rights | r->inheriting;
    if ((r->fdflags & WASI_FDFLAG_DSYNC) != 0) {
        rights |= WASI_RIGHT_FD_DATASYNC;
    }
    if ((r->fdflags & (WASI_FDFLAG_RSYNC | WASI_FDFLAG_SYNC)) != 0) {
        rights |= WASI_RIGHT_FD_SYNC;
    }
    return rights;
}

/* The system opens for reading unless only writing was asked for: a descriptor without either right
 * still serves for fstat and seeking. Truncating needs write access to the file even if the
 * descriptor gets none. */
static unsigned open_flags(const struct request *r, bool is_directory_wanted)
{
    bool is_write = (r->rights & RIGHTS_THAT_WRITE) != 0;
    bool is_read = (r->rights & RIGHTS_THAT_READ) != 0 || !is_write;
    bool is_directory = (r->oflags & WASI_OFLAG_DIRECTORY) != 0 || is_directory_wanted;
    return (is_read ? WASI_OPEN_READ : 0u) | (is_write ? WASI_OPEN_WRITE : 0u) |
           (is_directory ? WASI_OPEN_DIRECTORY : 0u) |
           ((r->oflags & WASI_OFLAG_CREAT) != 0 ? WASI_OPEN_CREATE : 0u) |
           ((r->oflags & WASI_OFLAG_EXCL) != 0 ? WASI_OPEN_EXCLUSIVE : 0u) |
           ((r->oflags & WASI_OFLAG_TRUNC) != 0 ? WASI_OPEN_TRUNCATE | WASI_OPEN_WRITE : 0u) |
           ((r->fdflags & WASI_FDFLAG_APPEND) != 0 ? WASI_OPEN_APPEND : 0u);
}

/* A trailing slash names a directory, which path_open cannot create. */
static uint16_t check_create(struct wasi *w, const struct wasi_walk *walk, const struct request *r)
{
    struct wasi_stat st;
    bool is_dot = strcmp(walk->name, ".") == 0;
    if ((r->oflags & WASI_OFLAG_CREAT) == 0 || !walk->is_directory_wanted) {
        return WASI_SUCCESS;
    }
    uint16_t e = w->system->nodes->stat(wasi_walk_dir(walk), walk->name, &st);
    if (e == WASI_SUCCESS && (r->oflags & WASI_OFLAG_EXCL) != 0) {
        return WASI_EEXIST;
    }
    return e == WASI_SUCCESS && !is_dot && st.type != WASI_TYPE_DIRECTORY ? WASI_ENOTDIR
                                                                          : WASI_EISDIR;
}

/* Complete the descriptor of a handle that is open. */
static uint16_t describe(struct wasi *w, const struct request *r, struct wasi_fd *out)
{
    struct wasi_stat st;
    uint16_t e = w->system->nodes->stat(out->handle, NULL, &st);
    if (e != WASI_SUCCESS) {
        w->system->nodes->close(out->handle);
        return e;
    }
    /* The type is read from the open handle, not from the path, which may name something
     * else by now. */
    out->type = st.type;
    out->flags = (uint16_t)r->fdflags;
    out->rights = r->rights & wasi_rights_of_type(st.type);
    out->inheriting = st.type == WASI_TYPE_DIRECTORY ? r->inheriting : 0;
    return WASI_SUCCESS;
}

static uint16_t open_last(struct wasi *w, const struct wasi_walk *walk, const struct request *r,
                          struct wasi_fd *out)
{
    uint16_t e = check_create(w, walk, r);
    if (e == WASI_SUCCESS) {
        e = w->system->nodes->open(wasi_walk_dir(walk), walk->name,
                                   open_flags(r, walk->is_directory_wanted), &out->handle);
    }
    return e == WASI_SUCCESS ? describe(w, r, out) : e;
}

/* Symbolic links are followed if the program asks for it; never for O_CREAT with O_EXCL, which must
 * fail if the name exists, even as a link. */
static enum wasi_follow follow_of(const struct request *r)
{
    if ((r->oflags & WASI_OFLAG_CREAT) != 0 && (r->oflags & WASI_OFLAG_EXCL) != 0) {
        return WASI_NAME_ITSELF;
    }
    return (r->lookup & WASI_LOOKUP_SYMLINK_FOLLOW) != 0 ? WASI_FOLLOW : WASI_NO_FOLLOW;
}

/* ENOTSUP: the system does not know the path as a whole. */
static uint16_t open_kept(struct wasi *w, const struct wasi_fd *dir, uint64_t len,
                          const struct request *r, struct wasi_fd *out)
{
    enum wasi_follow follow = follow_of(r);
    if (follow == WASI_NAME_ITSELF || !wasi_may_be_kept(w, len)) {
        return WASI_ENOTSUP;
    }
    uint16_t e = w->system->nodes->open_kept(dir->handle, w->path, open_flags(r, false),
                                             follow == WASI_FOLLOW, &out->handle);
    return e == WASI_SUCCESS ? describe(w, r, out) : e;
}

static uint16_t open_path(struct wasi *w, struct wasi_walk *walk, const uint64_t *args,
                          const struct request *r, struct wasi_fd *out)
{
    struct wasi_fd *dir;
    uint16_t e = wasi_fd_need_directory(w, args[0], rights_needed(r), &dir);
    if (e == WASI_SUCCESS && (rights_passed_on(r) & ~dir->inheriting) != 0) {
        e = WASI_ENOTCAPABLE;
    }
    if (e == WASI_SUCCESS) {
        e = wasi_copy_path(w, args[2], args[3], w->path);
    }
    if (e != WASI_SUCCESS) {
        return e;
    }
    e = open_kept(w, dir, args[3], r, out);
    if (e != WASI_ENOTSUP) {
        return e;
    }
    e = wasi_walk(w, walk, dir->handle, w->path, follow_of(r));
    return e == WASI_SUCCESS ? open_last(w, walk, r, out) : e;
}

uint32_t wasi_path_open(struct wasi *w, const uint64_t *args)
{
    struct wasi_walk *walk = &w->walk[0];
    struct wasi_fd fd = {.handle = NULL};
    struct request request;
    uint32_t number;
    uint8_t *result = wasi_at(w, args[8], 4);
    /* wasi_walk_end() runs on every path, so the walk must be empty even if it never starts. */
    walk->depth = 0;
    uint16_t e = read_request(args, &request);
    if (e == WASI_SUCCESS && result == NULL) {
        e = WASI_EFAULT;
    }
    if (e == WASI_SUCCESS) {
        /* Reserve before opening, so that a full table cannot fail after a file was created.
         * No other call can use the number meanwhile: calls that change descriptors run one at a
         * time in a program (wasi_run()). */
        e = wasi_fd_reserve(w, &number);
    }
    if (e == WASI_SUCCESS) {
        e = open_path(w, walk, args, &request, &fd);
    }
    wasi_walk_end(w, walk);
    if (e == WASI_SUCCESS) {
        w->fds[number] = fd;
        store_le32(result, number);
    }
    return e;
}
