// SPDX-License-Identifier: MIT
//
// Calls on paths below a directory, except for path_open (call_open.c).
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/wasi/wasi_internal.h"

/* A path from the program, relative to a directory that must have these rights. The caller ends the
 * walk in every case. */
struct start {
    uint64_t number, rights;
    uint64_t path, len;
    enum wasi_follow follow;
};

/* Each call has the same steps. walk_from() checks the descriptor's rights and walks to the last
 * directory, which stays open, and to a name in it (walk.c). The call then passes that handle and
 * the name to the system, so nothing that another program renames meanwhile can redirect it. Only
 * stat_path() first passes a path, which the system knows as a whole or not at all. wasi_walk_end()
 * closes the handles. It follows on every way out, because a walk that failed has opened some of
 * them. check_start() sets `depth` first, so that ending a walk that never began is harmless. */

static uint16_t check_start(struct wasi *w, struct wasi_walk *walk, const struct start *s,
                            struct wasi_fd **fd)
{
    walk->depth = 0;
    walk->is_directory_wanted = false; /* no walk says so, if the path is known as a whole */
    uint16_t e = wasi_fd_need_directory(w, s->number, s->rights, fd);
    return e == WASI_SUCCESS ? wasi_copy_path(w, s->path, s->len, w->path) : e;
}

static uint16_t walk_from(struct wasi *w, struct wasi_walk *walk, const struct start *s)
{
    struct wasi_fd *fd;
    uint16_t e = check_start(w, walk, s, &fd);
    return e == WASI_SUCCESS ? wasi_walk(w, walk, fd->handle, w->path, s->follow) : e;
}

static bool is_dot(const struct wasi_walk *walk)
{
    return strcmp(walk->name, ".") == 0;
}

static uint16_t stat_of(struct wasi *w, const struct wasi_walk *walk, struct wasi_stat *out)
{
    return w->system->nodes->stat(wasi_walk_dir(walk), walk->name, out);
}

/* A trailing slash requires a directory: ENOTDIR if something else has that name. A missing name is
 * left to the caller. */
static uint16_t check_slash(struct wasi *w, const struct wasi_walk *walk)
{
    struct wasi_stat st;
    if (!walk->is_directory_wanted) {
        return WASI_SUCCESS;
    }
    uint16_t e = stat_of(w, walk, &st);
    return e == WASI_SUCCESS && st.type != WASI_TYPE_DIRECTORY ? WASI_ENOTDIR : e;
}

/* Check that a non-directory may be created under the walk's name. */
static uint16_t check_new_name(struct wasi *w, const struct wasi_walk *walk)
{
    if (is_dot(walk)) {
        return WASI_EEXIST;
    }
    uint16_t e = check_slash(w, walk);
    return e == WASI_SUCCESS && walk->is_directory_wanted ? WASI_EEXIST : e;
}

/* Only the last component depends on this flag: links before it are always followed. */
static enum wasi_follow follow_of(uint64_t flags)
{
    return ((uint32_t)flags & WASI_LOOKUP_SYMLINK_FOLLOW) != 0 ? WASI_FOLLOW : WASI_NO_FOLLOW;
}

static bool is_lookup(uint64_t flags)
{
    return ((uint32_t)flags & ~(uint32_t)WASI_LOOKUP_SYMLINK_FOLLOW) == 0;
}

uint32_t wasi_path_create_directory(struct wasi *w, const uint64_t *args)
{
    struct wasi_walk *walk = &w->walk[0];
    uint16_t e = walk_from(w, walk,
                           &(struct start){args[0], WASI_RIGHT_PATH_CREATE_DIRECTORY, args[1],
                                           args[2], WASI_NAME_ITSELF});
    if (e == WASI_SUCCESS) {
        e = is_dot(walk) ? WASI_EEXIST
                         : w->system->directories->make_directory(wasi_walk_dir(walk), walk->name);
    }
    wasi_walk_end(w, walk);
    return e;
}

/* A walk whose path ends in "." or ".." names the directory that it ended in, which cannot be
 * removed by that name (POSIX: EINVAL). */
static uint16_t remove(struct wasi *w, const struct wasi_walk *walk, bool is_directory)
{
    if (is_dot(walk)) {
        return is_directory ? WASI_EINVAL : WASI_EISDIR;
    }
    uint16_t e = check_slash(w, walk);
    return e != WASI_SUCCESS
               ? e
               : w->system->directories->remove(wasi_walk_dir(walk), walk->name, is_directory);
}

uint32_t wasi_path_remove_directory(struct wasi *w, const uint64_t *args)
{
    struct wasi_walk *walk = &w->walk[0];
    uint16_t e = walk_from(w, walk,
                           &(struct start){args[0], WASI_RIGHT_PATH_REMOVE_DIRECTORY, args[1],
                                           args[2], WASI_NAME_ITSELF});
    if (e == WASI_SUCCESS) {
        e = remove(w, walk, true);
    }
    wasi_walk_end(w, walk);
    return e;
}

uint32_t wasi_path_unlink_file(struct wasi *w, const uint64_t *args)
{
    struct wasi_walk *walk = &w->walk[0];
    uint16_t e = walk_from(
        w, walk,
        &(struct start){args[0], WASI_RIGHT_PATH_UNLINK_FILE, args[1], args[2], WASI_NAME_ITSELF});
    if (e == WASI_SUCCESS) {
        e = remove(w, walk, false);
    }
    wasi_walk_end(w, walk);
    return e;
}

static uint16_t stat_path(struct wasi *w, struct wasi_walk *walk, const struct start *s,
                          struct wasi_stat *out)
{
    struct wasi_fd *fd;
    uint16_t e = check_start(w, walk, s, &fd);
    if (e == WASI_SUCCESS && wasi_may_be_kept(w, s->len)) {
        e = w->system->nodes->stat_kept(fd->handle, w->path, s->follow == WASI_FOLLOW, out);
        if (e != WASI_ENOTSUP) {
            return e;
        }
        e = WASI_SUCCESS;
    }
    if (e == WASI_SUCCESS) {
        e = wasi_walk(w, walk, fd->handle, w->path, s->follow);
    }
    return e == WASI_SUCCESS ? stat_of(w, walk, out) : e;
}

uint32_t wasi_path_filestat_get(struct wasi *w, const uint64_t *args)
{
    struct wasi_walk *walk = &w->walk[0];
    struct wasi_stat st;
    const struct start start = {args[0], WASI_RIGHT_PATH_FILESTAT_GET, args[2], args[3],
                                follow_of(args[1])};
    uint8_t *to = wasi_at(w, args[4], WASI_FILESTAT_SIZE);
    if (!is_lookup(args[1])) {
        return WASI_EINVAL;
    }
    uint16_t e = stat_path(w, walk, &start, &st);
    if (e == WASI_SUCCESS && to == NULL) {
        e = WASI_EFAULT;
    }
    if (e == WASI_SUCCESS && walk->is_directory_wanted && st.type != WASI_TYPE_DIRECTORY) {
        e = WASI_ENOTDIR;
    }
    if (e == WASI_SUCCESS) {
        wasi_store_stat(to, &st);
    }
    wasi_walk_end(w, walk);
    return e;
}

uint32_t wasi_path_filestat_set_times(struct wasi *w, const uint64_t *args)
{
    struct wasi_walk *walk = &w->walk[0];
    struct wasi_times times;
    if (!is_lookup(args[1])) {
        return WASI_EINVAL;
    }
    uint16_t e = walk_from(w, walk,
                           &(struct start){args[0], WASI_RIGHT_PATH_FILESTAT_SET_TIMES, args[2],
                                           args[3], follow_of(args[1])});
    if (e == WASI_SUCCESS) {
        e = wasi_read_times(w, args[4], args[5], args[6], &times);
    }
    if (e == WASI_SUCCESS) {
        e = check_slash(w, walk);
    }
    if (e == WASI_SUCCESS) {
        e = w->system->nodes->set_times(wasi_walk_dir(walk), walk->name, &times);
    }
    wasi_walk_end(w, walk);
    return e;
}

uint32_t wasi_path_readlink(struct wasi *w, const uint64_t *args)
{
    struct wasi_walk *walk = &w->walk[0];
    uint32_t room = (uint32_t)args[4];
    uint8_t *to = wasi_at(w, args[3], room);
    uint8_t *used = wasi_at(w, args[5], 4);
    uint16_t e = walk_from(
        w, walk,
        &(struct start){args[0], WASI_RIGHT_PATH_READLINK, args[1], args[2], WASI_NO_FOLLOW});
    if (e == WASI_SUCCESS && (to == NULL || used == NULL)) {
        e = WASI_EFAULT;
    }
    if (e == WASI_SUCCESS && is_dot(walk)) {
        e = WASI_EINVAL;
    }
    if (e == WASI_SUCCESS) {
        e = check_slash(w, walk);
    }
    if (e == WASI_SUCCESS) {
        e = w->system->directories->read_link(wasi_walk_dir(walk), walk->name, walk->target,
                                              sizeof(walk->target));
    }
    if (e == WASI_SUCCESS) {
        uint32_t len = MIN(room, (uint32_t)strlen(walk->target));
        memcpy(to, walk->target, len);
        store_le32(used, len);
    }
    wasi_walk_end(w, walk);
    return e;
}

static uint16_t do_link(struct wasi *w, const struct wasi_walk *from, const struct wasi_walk *to)
{
    uint16_t e = is_dot(from) ? WASI_EPERM : check_slash(w, from);
    if (e == WASI_SUCCESS) {
        e = check_new_name(w, to);
    }
    return e != WASI_SUCCESS ? e
                             : w->system->directories->link(wasi_walk_dir(from), from->name,
                                                            wasi_walk_dir(to), to->name);
}

uint32_t wasi_path_link(struct wasi *w, const uint64_t *args)
{
    struct wasi_walk *from = &w->walk[0];
    struct wasi_walk *to = &w->walk[1];
    if (!is_lookup(args[1])) {
        return WASI_EINVAL;
    }
    to->depth = 0;
    /* Two walks may hold the same directory; each has handles of its own, and both end below. */
    uint16_t e = walk_from(w, from,
                           &(struct start){args[0], WASI_RIGHT_PATH_LINK_SOURCE, args[2], args[3],
                                           follow_of(args[1])});
    if (e == WASI_SUCCESS) {
        e = walk_from(w, to,
                      &(struct start){args[4], WASI_RIGHT_PATH_LINK_TARGET, args[5], args[6],
                                      WASI_NAME_ITSELF});
    }
    if (e == WASI_SUCCESS) {
        e = do_link(w, from, to);
    }
    wasi_walk_end(w, from);
    wasi_walk_end(w, to);
    return e;
}

/* After trailing slashes, both names must be directories if they exist. */
static uint16_t do_rename(struct wasi *w, const struct wasi_walk *from, const struct wasi_walk *to)
{
    struct wasi_stat st;
    if (is_dot(from) || is_dot(to)) {
        return WASI_EBUSY;
    }
    uint16_t e = stat_of(w, from, &st);
    if (e == WASI_SUCCESS && (from->is_directory_wanted || to->is_directory_wanted) &&
        st.type != WASI_TYPE_DIRECTORY) {
        e = WASI_ENOTDIR;
    }
    return e != WASI_SUCCESS ? e
                             : w->system->directories->rename(wasi_walk_dir(from), from->name,
                                                              wasi_walk_dir(to), to->name);
}

uint32_t wasi_path_rename(struct wasi *w, const uint64_t *args)
{
    struct wasi_walk *from = &w->walk[0];
    struct wasi_walk *to = &w->walk[1];
    to->depth = 0;
    uint16_t e = walk_from(w, from,
                           &(struct start){args[0], WASI_RIGHT_PATH_RENAME_SOURCE, args[1], args[2],
                                           WASI_NAME_ITSELF});
    if (e == WASI_SUCCESS) {
        e = walk_from(w, to,
                      &(struct start){args[3], WASI_RIGHT_PATH_RENAME_TARGET, args[4], args[5],
                                      WASI_NAME_ITSELF});
    }
    if (e == WASI_SUCCESS) {
        e = do_rename(w, from, to);
    }
    wasi_walk_end(w, from);
    wasi_walk_end(w, to);
    return e;
}

/* An absolute target would lead out of every folder. */
uint32_t wasi_path_symlink(struct wasi *w, const uint64_t *args)
{
    struct wasi_walk *walk = &w->walk[0];
    /* The second walk is unused here, so its buffer holds the target. */
    char *target = w->walk[1].rest;
    uint16_t e = wasi_copy_path(w, args[0], args[1], target);
    if (e != WASI_SUCCESS) {
        return e;
    }
    e = walk_from(
        w, walk,
        &(struct start){args[2], WASI_RIGHT_PATH_SYMLINK, args[3], args[4], WASI_NAME_ITSELF});
    if (e == WASI_SUCCESS && target[0] == '/') {
        e = WASI_ENOTCAPABLE;
    }
    if (e == WASI_SUCCESS) {
        e = check_new_name(w, walk);
    }
    if (e == WASI_SUCCESS) {
        e = w->system->directories->symlink(target, wasi_walk_dir(walk), walk->name);
    }
    wasi_walk_end(w, walk);
    return e;
}
