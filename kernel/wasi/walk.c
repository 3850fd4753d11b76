// SPDX-License-Identifier: MIT
//
// Paths, one component at a time. Every directory on the way is held until the walk ends, and ".."
// goes back to the one that the walk came from: whoever renames or replaces a directory meanwhile
// can make it fail or lead it to where that directory is now, never above where it began.
#include "kernel/lib/string.h"
#include "kernel/wasi/wasi_internal.h"

#define CHANGES_MAX 16u /* of one name while a walk comes to it */

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
    if (strnlen((const char *)text, n) != n) {
        return WASI_EINVAL;
    }
    memcpy(buf, text, n);
    buf[n] = '\0';
    return WASI_SUCCESS;
}

static const char *behind_slashes(const char *s)
{
    while (*s == '/') {
        s++;
    }
    return s;
}

/* The next component into k->name; false: there is none. */
static bool take_name(struct wasi_walk *k, uint16_t *e)
{
    size_t len = 0;
    *e = WASI_SUCCESS;
    k->next = behind_slashes(k->next);
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

static uint16_t go_up(struct wasi *w, struct wasi_walk *k)
{
    if (k->depth == 0) {
        return WASI_ENOTCAPABLE;
    }
    w->system->nodes->close(k->stack[k->depth--]);
    return WASI_SUCCESS;
}

static uint16_t go_into(struct wasi *w, struct wasi_walk *k)
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

/* What the link in k->name says comes before what is still to be walked. EINVAL: it is no link. */
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

/* Somebody may put a directory in the place of a link between our two looks at it: then it is one
 * to enter. Who does that all the time cannot hold the walk up for ever. */
static uint16_t pass_through(struct wasi *w, struct wasi_walk *k)
{
    for (unsigned n = 0; n < CHANGES_MAX; n++) {
        uint16_t e = go_into(w, k);
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

/* The path's last name. *again: it was a link, whose text comes next. */
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

/* One component. *again: there are more. */
static uint16_t step(struct wasi *w, struct wasi_walk *k, enum wasi_follow follow, bool *again)
{
    bool is_last = *behind_slashes(k->next) == '\0';
    bool is_up = strcmp(k->name, "..") == 0;
    *again = !is_last;
    if (!is_up && strcmp(k->name, ".") != 0) {
        return is_last ? end_at(w, k, follow, again) : pass_through(w, k);
    }
    uint16_t e = is_up ? go_up(w, k) : WASI_SUCCESS;
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
    memcpy(walk->rest, path, strlen(path) + 1);
    walk->next = walk->rest;
    uint16_t e = path[0] == '/' ? WASI_ENOTCAPABLE : WASI_SUCCESS;
    bool again = true;
    while (e == WASI_SUCCESS && again) {
        if (take_name(walk, &e)) {
            e = step(w, walk, follow, &again);
        } else if (e == WASI_SUCCESS) {
            stay_here(walk); /* nothing is left but slashes */
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
