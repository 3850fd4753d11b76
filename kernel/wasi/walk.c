// SPDX-License-Identifier: MIT
//
// Walking paths one component at a time.
#include "kernel/lib/string.h"
#include "kernel/wasi/wasi_internal.h"

/* The walk enforces that a path never leaves the folder where it starts. It opens every directory
 * on the way and keeps it open (walk.stack). ".." does not ask the file system for a parent: it
 * closes the last handle and continues in the one before, and fails with ENOTCAPABLE at the first.
 * So another thread or program that renames or replaces directories meanwhile can make the walk
 * fail, or continue in a directory at its new place, but cannot lead it above its start.
 *
 * Symbolic links are expanded here, to walk.rest: the target is put in front of the remaining
 * path. An absolute target is refused. The system never follows links itself: its open fails with
 * ELOOP for one. */
#define CHANGES_MAX 16u /* times that one name may change while a walk handles it */

/* Another thread may change the memory meanwhile, so this checks the copy. */
uint16_t wasi_copy_path(const struct wasi *w, uint64_t at, uint64_t len, char *buf)
{
    uint32_t n = (uint32_t)len;
    const uint8_t *text = wasi_at(w, at, n);
    if (text == NULL) {
        return WASI_EFAULT;
    }
    if (n == 0) {
        return WASI_ENOENT;
    }
    if (n >= WASI_PATH_MAX) {
        return WASI_ENAMETOOLONG;
    }
    memcpy(buf, text, n);
    buf[n] = '\0';
    return strnlen(buf, n) == n ? WASI_SUCCESS : WASI_EINVAL;
}

static const char *skip_slashes(const char *s)
{
    while (*s == '/') {
        s++;
    }
    return s;
}

/* Copy the next component to k->name; false: there is none, or *e is an error. */
static bool take_name(struct wasi_walk *k, uint16_t *e)
{
    size_t len = 0;
    *e = WASI_SUCCESS;
    k->next = skip_slashes(k->next);
    while (k->next[len] != '\0' && k->next[len] != '/') {
        len++;
    }
    if (len > WASI_NAME_MAX) {
        *e = WASI_ENAMETOOLONG;
        return false;
    }
    memcpy(k->name, k->next, len);
    k->name[len] = '\0';
    k->next += len;
    return len != 0;
}

static void stay_here(struct wasi_walk *k)
{
    memcpy(k->name, ".", 2);
    k->is_directory_wanted = true;
}

/* Index 0 belongs to the descriptor and is not closed by the walk. */
static uint16_t walk_up(struct wasi *w, struct wasi_walk *k)
{
    if (k->depth == 0) {
        return WASI_ENOTCAPABLE;
    }
    w->system->nodes->close(k->stack[k->depth--]);
    return WASI_SUCCESS;
}

static uint16_t walk_name(struct wasi *w, struct wasi_walk *k)
{
    if (k->depth + 1 == WASI_DEPTH_MAX) {
        return WASI_ENAMETOOLONG;
    }
    uint16_t e = w->system->nodes->open(wasi_walk_dir(k), k->name, WASI_OPEN_DIRECTORY,
                                        &k->stack[k->depth + 1]);
    if (e == WASI_SUCCESS) {
        k->depth++;
    }
    return e;
}

/* Put the target of the link k->name in front of the remaining path. EINVAL: it is not a link. */
static uint16_t follow_link(struct wasi *w, struct wasi_walk *k)
{
    uint16_t e =
        w->system->directories->read_link(wasi_walk_dir(k), k->name, k->target, sizeof(k->target));
    if (e != WASI_SUCCESS) {
        return e;
    }
    if (++k->links > WASI_LINKS_MAX) {
        return WASI_ELOOP;
    }
    if (k->target[0] == '/') {
        return WASI_ENOTCAPABLE;
    }
    size_t len = strlen(k->target);
    size_t after = strlen(k->next);
    if (len == 0) {
        return WASI_ENOENT;
    }
    if (len + after >= sizeof(k->rest)) {
        return WASI_ENAMETOOLONG;
    }
    memmove(k->rest + len, k->next, after + 1);
    memcpy(k->rest, k->target, len);
    k->next = k->rest;
    return WASI_SUCCESS;
}

/* Enter the directory k->name, or follow it if it is a link. Another thread may replace one by the
 * other between the two calls, so try both again, a limited number of times. */
static uint16_t pass_through(struct wasi *w, struct wasi_walk *k)
{
    for (unsigned n = 0; n < CHANGES_MAX; n++) {
        uint16_t e = walk_name(w, k);
        if (e != WASI_ELOOP) {
            return e;
        }
        e = follow_link(w, k);
        if (e != WASI_EINVAL) {
            return e;
        }
    }
    return WASI_ELOOP;
}

/* Handle the path's last name. *again: it was a link, whose target comes next. */
static uint16_t end_at(struct wasi *w, struct wasi_walk *k, enum wasi_follow follow, bool *again)
{
    k->is_directory_wanted = *k->next == '/';
    *again = false;
    if (follow == WASI_NAME_ITSELF || (follow == WASI_NO_FOLLOW && !k->is_directory_wanted)) {
        return WASI_SUCCESS;
    }
    uint16_t e = follow_link(w, k);
    *again = e == WASI_SUCCESS;
    return e == WASI_EINVAL || e == WASI_ENOENT ? WASI_SUCCESS : e;
}

/* 1 for ".", 2 for "..", 0 for any other name. */
static unsigned count_dots(const char *name)
{
    unsigned dots = name[0] != '.' ? 0 : name[1] != '.' ? 1 : 2;
    return name[dots] == '\0' ? dots : 0;
}

/* Handle one component. *again: more follow. */
static uint16_t step(struct wasi *w, struct wasi_walk *k, enum wasi_follow follow, bool *again)
{
    bool is_last = *skip_slashes(k->next) == '\0';
    unsigned dots = count_dots(k->name);
    *again = !is_last;
    if (dots == 0) {
        return is_last ? end_at(w, k, follow, again) : pass_through(w, k);
    }
    uint16_t e = dots == 2 ? walk_up(w, k) : WASI_SUCCESS;
    if (is_last) {
        stay_here(k);
    }
    return e;
}

uint16_t wasi_walk(struct wasi *w, struct wasi_walk *walk, struct wasi_handle *dir,
                   const char *path, enum wasi_follow follow)
{
    walk->stack[0] = dir;
    walk->depth = 0;
    walk->links = 0;
    walk->is_directory_wanted = false;
    walk->next = path;
    uint16_t e = path[0] == '/' ? WASI_ENOTCAPABLE : WASI_SUCCESS;
    bool again = true;
    while (e == WASI_SUCCESS && again) {
        if (take_name(walk, &e)) {
            e = step(w, walk, follow, &again);
        } else if (e == WASI_SUCCESS) {
            stay_here(walk); /* only slashes are left */
            again = false;
        }
    }
    return e;
}

void wasi_walk_end(struct wasi *w, struct wasi_walk *walk)
{
    while (walk->depth > 0) {
        w->system->nodes->close(walk->stack[walk->depth--]);
    }
}
