// SPDX-License-Identifier: MIT
//
// Names of a 9P file system: looking them up, listing, creating and removing them. Nothing is
// remembered but the entries that one request has read, so a change that the server's owner makes
// is seen by the next look-up.
#include "drivers/9p/p9_fs.h"

#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

/* A listing's cookies are the server's offsets, which mean nothing to us. The kernel needs the
 * upper half of all cookies for mount points, and 0 for the start. */
#define COOKIE_MAX ((uint64_t)INT64_MAX)

/* Directories and links, too, have their type in the answer to a walk. Devices and pipes of the
 * server look like files there, so their attributes are read, and kept for stat(). */
static enum status make_found(struct p9_fs *f, uint32_t fid, const struct p9_qid *qid,
                              struct p9_node **out)
{
    enum file_type type = p9_type_of(qid);
    struct p9_attr attr;
    bool has_attr = type == FILE_REGULAR;
    enum status st = has_attr ? p9_get_attr(&f->session, fid, &attr) : OK;
    if (st != OK) {
        p9_clunk(&f->session, fid);
        return st;
    }
    struct p9_node *n = p9_make_node(f, fid, qid, has_attr ? attr.type : type);
    if (n == NULL) {
        return E_NOMEM;
    }
    if (has_attr) {
        n->attr = attr;
        n->has_attr = true;
    }
    *out = n;
    return OK;
}

enum status p9_fs_lookup(struct fs_node *dir, const char *name, size_t len, struct fs_node **out)
{
    struct p9_fs *f = p9_fs_of(dir);
    uint32_t fid;
    struct p9_qid qid;
    struct p9_node *n;
    enum status st = p9_walk(&f->session, p9_node_of(dir)->fid, name, len, &fid, &qid);
    if (st == OK) {
        st = make_found(f, fid, &qid, &n);
    }
    if (st == OK) {
        *out = &n->node;
    }
    return st;
}

/* ---- Listings ---- */

static enum status start_listing(struct p9_fs *f, struct p9_node *n)
{
    struct p9_listing *l = heap_zalloc(sizeof(*l));
    if (l == NULL) {
        return E_NOMEM;
    }
    enum status st = p9_walk(&f->session, n->fid, NULL, 0, &l->fid, NULL);
    if (st != OK) {
        heap_free(l);
        return st;
    }
    st = p9_open(&f->session, l->fid, P9_READ_ONLY);
    if (st != OK) {
        p9_clunk(&f->session, l->fid);
        heap_free(l);
        return st;
    }
    n->listing = l;
    return OK;
}

/* Go to a cookie. Entries that were read ahead are used only if the caller continues; a listing
 * from the start asks the server again. */
static void seek_to(struct p9_listing *l, uint64_t cookie)
{
    if (cookie == 0) {
        l->entries = 0;
    }
    if (cookie == 0 || cookie != l->next) {
        l->at = l->len = 0;
        l->next = cookie;
        l->seen = cookie;
        l->since = 0;
        l->lap = 1;
    }
}

/* E_NOENT: the end of the directory. */
static enum status read_ahead(struct p9_fs *f, struct p9_listing *l)
{
    struct p9_span at = {.fid = l->fid, .off = l->next, .len = sizeof(l->data)};
    size_t n;
    l->at = l->len = 0;
    enum status st = p9_read_dir(&f->session, &at, l->data, &n);
    if (st == OK && n == 0) {
        st = E_NOENT;
    }
    if (st == OK) {
        l->len = n;
    }
    return st;
}

/* A listing must end. A circle of offsets is found by comparison with an earlier one, which is
 * replaced after 1, 2, 4, 8, ... entries: so it is inside of the circle some day, and then the lap
 * is long enough to come back to it (Brent's algorithm). The number of entries is limited for
 * offsets that never repeat. */
static enum status check_progress(struct p9_listing *l, uint64_t next)
{
    if (next > COOKIE_MAX) {
        return E_OVERFLOW;
    }
    if (next == 0 || next == l->seen || ++l->entries > P9_ENTRIES_MAX) {
        return E_CORRUPT;
    }
    if (++l->since == l->lap) {
        l->seen = next;
        l->since = 0;
        l->lap *= 2;
    }
    return OK;
}

static enum status next_entry(struct p9_fs *f, struct p9_listing *l, struct dir_entry *out)
{
    uint64_t next;
    enum status st = l->at == l->len ? read_ahead(f, l) : OK;
    if (st == OK) {
        st = p9_decode_entry(l->data, l->len, &l->at, &next, out);
    }
    if (st == OK) {
        st = check_progress(l, next);
    }
    if (st != OK) {
        l->at = l->len = 0; /* if the caller goes on, it asks the server again */
        return st;
    }
    l->next = next;
    return OK;
}

enum status p9_fs_read_dir(struct fs_node *dir, uint64_t *cookie, struct dir_entry *out)
{
    struct p9_fs *f = p9_fs_of(dir);
    struct p9_node *n = p9_node_of(dir);
    mutex_lock(&n->lock);
    enum status st = n->listing == NULL ? start_listing(f, n) : OK;
    if (st == OK) {
        seek_to(n->listing, *cookie);
        st = next_entry(f, n->listing, out);
    }
    if (st == OK) {
        *cookie = n->listing->next;
    }
    mutex_unlock(&n->lock);
    return st;
}

/* ---- Changes ---- */

/* A second fid of the directory becomes the file's. */
static enum status create_file(struct p9_fs *f, const struct fs_name *at, struct fs_node **out)
{
    uint32_t fid;
    struct p9_qid qid;
    enum status st = p9_walk(&f->session, p9_node_of(at->dir)->fid, NULL, 0, &fid, NULL);
    if (st != OK) {
        return st;
    }
    st = p9_create(&f->session, fid, at->text, at->len, &qid);
    if (st != OK) {
        p9_clunk(&f->session, fid);
        return st;
    }
    struct p9_node *n = p9_make_node(f, fid, &qid, FILE_REGULAR);
    if (n == NULL) {
        (void)!p9_unlink(&f->session, p9_node_of(at->dir)->fid, at->text, at->len, 0);
        return E_NOMEM;
    }
    n->is_open = true;
    *out = &n->node;
    return OK;
}

enum status p9_fs_create(const struct fs_name *at, enum file_type type, const char *target,
                         struct fs_node **out)
{
    struct p9_fs *f = p9_fs_of(at->dir);
    uint32_t dir = p9_node_of(at->dir)->fid;
    if (type == FILE_REGULAR) {
        return create_file(f, at, out);
    }
    enum status st = type == FILE_SYMLINK ? p9_symlink(&f->session, dir, at->text, at->len, target)
                                          : p9_mkdir(&f->session, dir, at->text, at->len);
    return st == OK ? p9_fs_lookup(at->dir, at->text, at->len, out) : st;
}

enum status p9_fs_link(struct fs_node *node, const struct fs_name *to)
{
    return p9_link(&p9_fs_of(node)->session, p9_node_of(node)->fid, p9_node_of(to->dir)->fid,
                   to->text, to->len);
}

static enum status is_directory(const struct fs_name *at, bool *out)
{
    struct p9_session *s = &p9_fs_of(at->dir)->session;
    uint32_t fid;
    struct p9_qid qid;
    enum status st = p9_walk(s, p9_node_of(at->dir)->fid, at->text, at->len, &fid, &qid);
    if (st == OK) {
        p9_clunk(s, fid);
        *out = p9_type_of(&qid) == FILE_DIRECTORY;
    }
    return st;
}

/* The server removes a file or a directory, as it is told, and does not say reliably that the name
 * is of the other kind: hosts differ in the error. */
enum status p9_fs_remove(const struct fs_name *at, enum fs_remove what)
{
    struct p9_session *s = &p9_fs_of(at->dir)->session;
    bool is_dir;
    enum status st = is_directory(at, &is_dir);
    if (st != OK) {
        return st;
    }
    if (is_dir ? what == FS_REMOVE_FILE : what == FS_REMOVE_DIRECTORY) {
        return is_dir ? E_ISDIR : E_NOTDIR;
    }
    return p9_unlink(s, p9_node_of(at->dir)->fid, at->text, at->len,
                     is_dir ? P9_REMOVE_DIRECTORY : 0);
}

enum status p9_fs_rename(const struct fs_name *from, const struct fs_name *to)
{
    struct p9_name old = {p9_node_of(from->dir)->fid, from->text, from->len};
    struct p9_name new = {p9_node_of(to->dir)->fid, to->text, to->len};
    return p9_rename(&p9_fs_of(from->dir)->session, &old, &new);
}
