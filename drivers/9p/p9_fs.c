// SPDX-License-Identifier: MIT
//
// A file system whose files are a 9P server's: nodes, contents and attributes. p9_names.c handles
// names. Contents are never kept here: each read and write is a request, whose data the device
// moves from or to the caller's memory.
#include "drivers/9p/p9_fs.h"

#include "kernel/lib/compiler.h"
#include "kernel/mm/heap.h"

#define ZEROES_MAX (64u << 10) /* bytes of one write of zeroes */

/* Each look-up makes a node with a fid of its own, even if the same file has one. So a node is
 * opened at most once, before a second thread can see it. */
struct p9_node *p9_make_node(struct p9_fs *f, uint32_t fid, const struct p9_qid *qid,
                             enum file_type type)
{
    struct p9_node *n = heap_zalloc(sizeof(*n));
    if (n == NULL) {
        p9_clunk(&f->session, fid);
        return NULL;
    }
    n->node = (struct fs_node){.fs = &f->fs, .id = qid->path, .type = type};
    atomic_init(&n->node.refs, 1);
    n->fid = fid;
    mutex_init(&n->lock, "9p node");
    return n;
}

static void free_node(struct p9_fs *f, struct p9_node *n)
{
    if (n->listing != NULL) {
        p9_clunk(&f->session, n->listing->fid);
        heap_free(n->listing);
    }
    heap_free(n);
}

static void p9_release(struct fs_node *node)
{
    struct p9_fs *f = p9_fs_of(node);
    p9_clunk(&f->session, p9_node_of(node)->fid);
    free_node(f, p9_node_of(node));
}

/* Directories are opened when they are listed. */
static enum status p9_fs_open(struct fs_node *node, unsigned flags)
{
    struct p9_node *n = p9_node_of(node);
    if (node->type != FILE_REGULAR || n->is_open) {
        return OK;
    }
    bool writes = (flags & (VFS_WRITE | VFS_APPEND)) != 0;
    bool reads = (flags & VFS_READ) != 0;
    enum status st = p9_open(&p9_fs_of(node)->session, n->fid,
                             writes && reads ? P9_READ_WRITE
                             : writes        ? P9_WRITE_ONLY
                                             : P9_READ_ONLY);
    n->is_open = st == OK;
    return st;
}

static enum status p9_fs_read(struct fs_node *node, uint64_t off, void *buf, size_t len,
                              size_t *done)
{
    struct p9_fs *f = p9_fs_of(node);
    const struct p9_node *n = p9_node_of(node);
    size_t at = 0, got = 1;
    enum status st = n->is_open ? OK : E_NOTSUP; /* a device or a pipe of the server */
    while (st == OK && at < len && got != 0) {
        struct p9_span span = {.fid = n->fid, .off = off + at, .len = len - at};
        st = p9_read(&f->session, &span, (uint8_t *)buf + at, &got);
        if (st == OK) {
            at += got;
        }
    }
    if (st != OK && at == 0) {
        return st;
    }
    *done = at;
    return OK;
}

static enum status write_at(struct p9_fs *f, const struct p9_node *n, uint64_t *off,
                            const void *buf, size_t len, size_t *done)
{
    size_t at = 0, put;
    uint64_t end;
    enum status st = ADD_OVERFLOWS(*off, (uint64_t)len, &end) || end > INT64_MAX ? E_OVERFLOW : OK;
    while (st == OK && at < len) {
        struct p9_span span = {.fid = n->fid, .off = *off + at, .len = len - at};
        st = p9_write(&f->session, &span, (const uint8_t *)buf + at, &put);
        if (st == OK) {
            at += put;
        }
    }
    if (st != OK && at == 0) {
        return st;
    }
    *off += at;
    *done = at; /* the next call reports why it is less */
    return OK;
}

/* The protocol has no write at the end of a file. */
static enum status append(struct p9_fs *f, const struct p9_node *n, uint64_t *off, const void *buf,
                          size_t len, size_t *done)
{
    struct p9_attr attr;
    mutex_lock(&f->appending);
    enum status st = p9_get_attr(&f->session, n->fid, &attr);
    if (st == OK) {
        uint64_t to = attr.size;
        st = write_at(f, n, &to, buf, len, done);
        if (st == OK) {
            *off = to;
        }
    }
    mutex_unlock(&f->appending);
    return st;
}

static enum status p9_fs_write(struct fs_node *file, uint64_t *off, const void *buf, size_t len,
                               size_t *done)
{
    struct p9_fs *f = p9_fs_of(file);
    const struct p9_node *n = p9_node_of(file);
    if (!n->is_open) {
        return E_NOTSUP;
    }
    return *off == FS_APPEND ? append(f, n, off, buf, len, done)
                             : write_at(f, n, off, buf, len, done);
}

static enum status p9_fs_read_link(struct fs_node *link, char *buf, size_t len)
{
    return p9_read_link(&p9_fs_of(link)->session, p9_node_of(link)->fid, buf, len);
}

/* A file that is not open is a moment old, so what its look-up found is still true. A node keeps
 * its type: if the server has something else under its fid now, the file is gone. */
static enum status p9_fs_stat(struct fs_node *node, struct file_stat *out)
{
    const struct p9_node *n = p9_node_of(node);
    struct p9_attr a = n->attr;
    enum status st =
        n->has_attr && !n->is_open ? OK : p9_get_attr(&p9_fs_of(node)->session, n->fid, &a);
    if (st == OK && a.type != node->type) {
        st = E_NOENT;
    }
    if (st != OK) {
        return st;
    }
    *out = (struct file_stat){.inode = a.qid.path,
                              .size = a.size,
                              .blocks_512 = a.blocks_512,
                              .links = a.links,
                              .mode = a.mode,
                              .type = a.type,
                              .accessed_ns = a.accessed_ns,
                              .modified_ns = a.modified_ns,
                              .changed_ns = a.changed_ns};
    return OK;
}

static enum status p9_fs_set_size(struct fs_node *file, uint64_t size)
{
    struct p9_changes c = {.what = P9_SET_SIZE, .size = size};
    return p9_set_attr(&p9_fs_of(file)->session, p9_node_of(file)->fid, &c);
}

static enum status write_zeroes(struct p9_fs *f, const struct p9_node *n, uint64_t off,
                                uint64_t end)
{
    size_t room = (size_t)MIN(end - off, (uint64_t)ZEROES_MAX), done;
    void *zeroes = heap_zalloc(room);
    enum status st = zeroes == NULL ? E_NOMEM : OK;
    while (st == OK && off < end) {
        st = write_at(f, n, &off, zeroes, (size_t)MIN(end - off, (uint64_t)room), &done);
    }
    heap_free(zeroes);
    return st;
}

/* The protocol has no request for this, but what is written has space. Holes before the old end
 * stay: to fill them would need a look at them that nobody may disturb. */
static enum status p9_fs_allocate(struct fs_node *file, uint64_t off, uint64_t len)
{
    struct p9_fs *f = p9_fs_of(file);
    const struct p9_node *n = p9_node_of(file);
    struct p9_attr attr;
    if (!n->is_open) {
        return E_NOTSUP;
    }
    mutex_lock(&f->appending);
    enum status st = p9_get_attr(&f->session, n->fid, &attr);
    if (st == OK && attr.size < off + len) {
        st = write_zeroes(f, n, attr.size, off + len);
    }
    mutex_unlock(&f->appending);
    return st;
}

static enum status p9_fs_set_times(struct fs_node *node, const struct file_times *times)
{
    struct p9_changes c = {.accessed_ns = times->accessed_ns, .modified_ns = times->modified_ns};
    c.what |= times->set_accessed ? P9_SET_ACCESSED | P9_SET_ACCESSED_TO : 0;
    c.what |= times->set_modified ? P9_SET_MODIFIED | P9_SET_MODIFIED_TO : 0;
    return c.what == 0 ? OK : p9_set_attr(&p9_fs_of(node)->session, p9_node_of(node)->fid, &c);
}

static void p9_fs_usage(struct fs *fs, uint64_t *total_bytes, uint64_t *free_bytes)
{
    struct p9_fs *f = CONTAINER_OF(fs, struct p9_fs, fs);
    if (p9_usage(&f->session, total_bytes, free_bytes) != OK) {
        *total_bytes = *free_bytes = 0;
    }
}

static void p9_fs_unmount(struct fs *fs)
{
    struct p9_fs *f = CONTAINER_OF(fs, struct p9_fs, fs);
    free_node(f, p9_node_of(fs->root)); /* the session clunks the root's fid */
    p9_session_close(&f->session);
    heap_free(f);
}

static const struct fs_ops ops = {
    .open = p9_fs_open,
    .lookup = p9_fs_lookup,
    .read = p9_fs_read,
    .read_dir = p9_fs_read_dir,
    .read_link = p9_fs_read_link,
    .stat = p9_fs_stat,
    .release = p9_release,
    .usage = p9_fs_usage,
    .unmount = p9_fs_unmount,
};

static const struct fs_write_ops write_ops = {
    .create = p9_fs_create,
    .link = p9_fs_link,
    .remove = p9_fs_remove,
    .rename = p9_fs_rename,
    .write = p9_fs_write,
    .set_size = p9_fs_set_size,
    .allocate = p9_fs_allocate,
    .set_times = p9_fs_set_times,
};

enum status p9_mount(struct p9_transport *t, struct fs **out)
{
    struct p9_fs *f = heap_zalloc(sizeof(*f));
    if (f == NULL) {
        t->ops->close(t);
        return E_NOMEM;
    }
    f->fs = (struct fs){.type = "9p", .ops = &ops, .write_ops = &write_ops};
    mutex_init(&f->appending, "9p append");
    struct p9_qid qid;
    enum status st = p9_session_open(&f->session, t, &qid);
    if (st != OK) {
        heap_free(f);
        return st;
    }
    struct p9_node *root = p9_make_node(f, P9_ROOT_FID, &qid, FILE_DIRECTORY);
    if (root == NULL) {
        t->ops->close(t); /* p9_make_node() has clunked the root */
        heap_free(f);
        return E_NOMEM;
    }
    f->fs.root = &root->node;
    *out = &f->fs;
    return OK;
}
