// SPDX-License-Identifier: MIT
//
// Paths: joining them as text, and walking them through directories, links and mount points.
#include "kernel/fs/fs_internal.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

/* A walk keeps the canonical path of its position in walk.path. ".." therefore needs no parent
 * pointers, for which a file system on disk would have to be trusted: the walk starts again at the
 * root along the shortened path. Mount points are found by the same canonical path, before the
 * directory itself is searched.
 *
 * walk.next is the path still to be walked. A link's target is put in front of it, in memory of the
 * walk (replace_rest()), so the loop in walk_rest() handles targets like any other path. LINKS_MAX
 * bounds the number of replacements, and so the walk. */
#define LINKS_MAX 32 /* symbolic links followed in one walk; ends loops */

/* The next component of *p, which moves past it; 0: there is none. */
static size_t next_component(const char **p, const char **name)
{
    const char *at = *p;
    while (*at == '/') {
        at++;
    }
    *name = at;
    while (*at != '\0' && *at != '/') {
        at++;
    }
    *p = at;
    return (size_t)(at - *name);
}

static bool is_dot(const char *name, size_t len)
{
    return len == 1 && name[0] == '.';
}

static bool is_dot_dot(const char *name, size_t len)
{
    return len == 2 && name[0] == '.' && name[1] == '.';
}

void path_trim_last(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
}

/* `path` has `at` bytes. */
static bool append_at(char *path, size_t size, size_t at, const char *name, size_t len)
{
    if (len + 2 > size - at) {
        return false;
    }
    path[at] = '/';
    memcpy(path + at + 1, name, len);
    path[at + 1 + len] = '\0';
    return true;
}

bool path_append(char *path, size_t size, const char *name, size_t len)
{
    return append_at(path, size, strlen(path), name, len);
}

static bool join_text(char *out, size_t size, const char *path)
{
    const char *name;
    size_t len;
    while ((len = next_component(&path, &name)) != 0) {
        if (is_dot_dot(name, len)) {
            path_trim_last(out);
        } else if (!is_dot(name, len) && !path_append(out, size, name, len)) {
            return false;
        }
    }
    return true;
}

bool str_append(char *s, size_t size, const char *more)
{
    size_t at = strlen(s);
    size_t len = strlen(more);
    if (len >= size - at) {
        return false;
    }
    memcpy(s + at, more, len + 1);
    return true;
}

enum status vfs_join(const char *cwd, const char *path, char *out, size_t len)
{
    char joined[VFS_PATH_MAX] = "";
    if (path[0] != '/' && cwd != NULL && !join_text(joined, sizeof(joined), cwd)) {
        return E_NAMETOOLONG;
    }
    if (!join_text(joined, sizeof(joined), path)) {
        return E_NAMETOOLONG;
    }
    const char *text = joined[0] != '\0' ? joined : "/";
    if (strlen(text) >= len) {
        return E_NAMETOOLONG;
    }
    memcpy(out, text, strlen(text) + 1);
    return OK;
}

/* Move the walk to another node; consumes its reference. */
static void move_to(struct walk *w, struct fs_node *node)
{
    if (w->node != NULL) {
        fs_node_put(w->node);
    }
    w->node = node;
}

static void move_to_root(struct walk *w)
{
    w->path[0] = '\0';
    w->path_len = 0;
    move_to(w, mount_enter(w->path, 0));
}

/* Each component of each path gets here, so the path's length is not counted again. */
static bool append_name(struct walk *w, const char *name, size_t len)
{
    bool fits = append_at(w->path, sizeof(w->path), w->path_len, name, len);
    w->path_len += fits ? 1 + len : 0;
    return fits;
}

static void trim_last(struct walk *w)
{
    path_trim_last(w->path);
    w->path_len = strlen(w->path);
}

/* @return NULL: no memory. */
static struct walk_text *text_of(struct walk *w)
{
    if (w->text == NULL) {
        w->text = heap_alloc(sizeof(*w->text)); /* written before it is read */
    }
    return w->text;
}

/* Continue along text->target, and then along `after`, which is empty or starts with '/'. */
static enum status replace_rest(struct walk *w, const char *after)
{
    struct walk_text *text = w->text;
    if (!str_append(text->target, sizeof(text->target), after)) {
        return E_NAMETOOLONG;
    }
    memcpy(text->rest, text->target, strlen(text->target) + 1);
    w->next = text->rest;
    return OK;
}

static enum status walk_up(struct walk *w, const char *after)
{
    struct walk_text *text = text_of(w);
    if (text == NULL) {
        return E_NOMEM;
    }
    trim_last(w);
    (void)str_copy(text->target, sizeof(text->target), w->path);
    /* The dot marks that the path's last name was not written there: "/a/b/.." must not be
     * treated as "/a". */
    if (!str_append(text->target, sizeof(text->target), "/.")) {
        return E_NAMETOOLONG;
    }
    move_to_root(w);
    return replace_rest(w, after);
}

/* The link is in directory w->node; w->path still ends with the link's name. */
static enum status follow_link(struct walk *w, struct fs_node *link, const char *after)
{
    if (++w->links > LINKS_MAX) {
        return E_LOOP;
    }
    struct walk_text *text = text_of(w);
    if (text == NULL) {
        return E_NOMEM;
    }
    enum status s = link->fs->ops->read_link(link, text->target, sizeof(text->target));
    if (s != OK) {
        return s;
    }
    trim_last(w);
    if (text->target[0] == '/') {
        move_to_root(w);
    }
    return replace_rest(w, after);
}

/* The node for one component, without following links. w->path already includes it. */
static enum status find_child(struct walk *w, const char *name, size_t len, struct fs_node **out)
{
    *out = mount_enter(w->path, w->path_len);
    if (*out != NULL) {
        return OK;
    }
    return fs_node_lookup(w->node, name, len, out);
}

static bool is_only_slashes(const char *s)
{
    while (*s == '/') {
        s++;
    }
    return *s == '\0';
}

/* Handle one component that is a name. A link replaces the rest of the path. */
static enum status walk_name(struct walk *w, const char *name, size_t len, enum walk_mode mode)
{
    const char *after = w->next;
    bool is_last = is_only_slashes(after);
    if (len > VFS_NAME_MAX) {
        return E_NAMETOOLONG;
    }
    if (is_last) {
        memcpy(w->name, name, len);
        w->name[len] = '\0';
        w->name_len = len;
        w->is_directory_wanted = after[0] == '/';
        if (mode == WALK_PARENT) {
            return OK;
        }
    }
    if (!append_name(w, name, len)) {
        return E_NAMETOOLONG;
    }
    struct fs_node *child;
    enum status s = find_child(w, name, len, &child);
    if (s != OK) {
        trim_last(w);
        w->is_last_missing = s == E_NOENT && is_last;
        return s;
    }
    if (child->type != FILE_SYMLINK || (is_last && mode == WALK_NO_FOLLOW && after[0] != '/')) {
        move_to(w, child);
        return OK;
    }
    s = follow_link(w, child, after);
    fs_node_put(child);
    return s;
}

static enum status walk_rest(struct walk *w, enum walk_mode mode)
{
    const char *name;
    size_t len;
    while ((len = next_component(&w->next, &name)) != 0) {
        enum status s = OK;
        if (w->node->type != FILE_DIRECTORY) {
            return E_NOTDIR;
        }
        w->name_len = 0;
        w->is_directory_wanted = false;
        if (is_dot_dot(name, len)) {
            s = walk_up(w, w->next);
        } else if (!is_dot(name, len)) {
            s = walk_name(w, name, len, mode);
        }
        if (s != OK) {
            return s;
        }
    }
    bool is_named = mode == WALK_PARENT && w->name_len != 0;
    return w->is_directory_wanted && !is_named && w->node->type != FILE_DIRECTORY ? E_NOTDIR : OK;
}

/* Walk an absolute path where it is; otherwise join cwd and path. */
static enum status start(struct walk *w, const char *cwd, const char *path)
{
    if (path[0] == '\0') {
        return E_INVAL;
    }
    if (path[0] == '/' || cwd == NULL) {
        w->next = path;
        return strlen(path) < VFS_PATH_MAX ? OK : E_NAMETOOLONG;
    }
    struct walk_text *text = text_of(w);
    if (text == NULL) {
        return E_NOMEM;
    }
    w->next = text->rest;
    text->rest[0] = '\0';
    return str_append(text->rest, sizeof(text->rest), cwd) &&
                   str_append(text->rest, sizeof(text->rest), "/") &&
                   str_append(text->rest, sizeof(text->rest), path)
               ? OK
               : E_NAMETOOLONG;
}

enum status walk_path(const char *cwd, const char *path, enum walk_mode mode, struct walk **out)
{
    *out = NULL;
    struct walk *w = heap_alloc(sizeof(*w));
    if (w == NULL) {
        return E_NOMEM;
    }
    w->node = NULL;
    w->links = 0;
    w->is_last_missing = w->is_directory_wanted = false;
    w->name_len = 0;
    w->name[0] = '\0';
    w->text = NULL;
    enum status s = start(w, cwd, path);
    if (s == OK) {
        move_to_root(w);
        s = walk_rest(w, mode);
    }
    if (s == OK || w->is_last_missing) {
        *out = w;
    } else {
        walk_end(w);
    }
    return s;
}

void walk_end(struct walk *w)
{
    if (w->node != NULL) {
        fs_node_put(w->node);
    }
    heap_free(w->text);
    heap_free(w);
}
