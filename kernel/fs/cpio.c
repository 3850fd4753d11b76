// SPDX-License-Identifier: MIT
//
// A newc cpio archive (the initrd) as a read-only file system. Its directory is built once;
// contents stay where the loader put them. Nothing in the archive is believed: sizes end inside it,
// names stay below its root.
#include "kernel/clock.h"
#include "kernel/fs/tree_internal.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/mm/heap.h"

enum {
    HEADER_SIZE = 110, /* magic of 6 characters, 13 fields of 8 hexadecimal digits */
    FIELD_INODE = 0,
    FIELD_MODE = 1,
    FIELD_LINKS = 4,
    FIELD_MTIME = 5,
    FIELD_SIZE = 6,
    FIELD_NAME_SIZE = 11,
    MODE_TYPE = 0170000,
    MODE_FILE = 0100000,
    MODE_DIRECTORY = 0040000,
    MODE_LINK = 0120000,
    DEPTH_MAX = 64,
};

struct archive {
    const uint8_t *bytes;
    size_t len;
};

struct entry {
    uint32_t inode, mode, links, mtime_s, size;
    const char *name;
    size_t name_len;
    const uint8_t *data;
    size_t next; /* offset of the next header */
};

static bool read_hex(const uint8_t *p, uint32_t *out)
{
    uint32_t v = 0;
    for (int i = 0; i < 8; i++) {
        uint8_t c = p[i];
        uint32_t digit = c >= '0' && c <= '9'   ? c - '0'
                         : c >= 'a' && c <= 'f' ? c - 'a' + 10u
                         : c >= 'A' && c <= 'F' ? c - 'A' + 10u
                                                : 16u;
        if (digit == 16) {
            return false;
        }
        v = v << 4 | digit;
    }
    *out = v;
    return true;
}

static bool read_field(const uint8_t *header, unsigned field, uint32_t *out)
{
    return read_hex(header + 6 + 8 * field, out);
}

static bool has_magic(const struct archive *a, size_t at)
{
    return a->len - at >= HEADER_SIZE &&
           (memcmp(a->bytes + at, "070701", 6) == 0 || memcmp(a->bytes + at, "070702", 6) == 0);
}

/* `n` bytes at `at`, and where the next multiple of 4 is; false: not all inside. */
static bool take(const struct archive *a, size_t at, size_t n, size_t *next)
{
    if (at > a->len || n > a->len - at) {
        return false;
    }
    size_t end = at + n;
    *next = MIN(ALIGN_UP(end, (size_t)4), a->len);
    return true;
}

static bool read_entry(const struct archive *a, size_t at, struct entry *out)
{
    struct entry e;
    uint32_t name_size;
    size_t data;
    if (at > a->len || !has_magic(a, at)) {
        return false;
    }
    const uint8_t *h = a->bytes + at;
    if (!read_field(h, FIELD_INODE, &e.inode) || !read_field(h, FIELD_MODE, &e.mode) ||
        !read_field(h, FIELD_LINKS, &e.links) || !read_field(h, FIELD_MTIME, &e.mtime_s) ||
        !read_field(h, FIELD_SIZE, &e.size) || !read_field(h, FIELD_NAME_SIZE, &name_size)) {
        return false;
    }
    at += HEADER_SIZE;
    if (name_size == 0 || name_size > VFS_PATH_MAX || !take(a, at, name_size, &data) ||
        a->bytes[at + name_size - 1] != 0 || !take(a, data, e.size, &e.next)) {
        return false;
    }
    e.name = (const char *)a->bytes + at;
    e.name_len = strlen(e.name);
    e.data = a->bytes + data;
    *out = e;
    return true;
}

/* A new node under a name. The archive's nodes have no reference but their names'. */
static struct tree_entry *add_new(struct tree *t, struct tree_node *dir, const char *name,
                                  size_t len, enum file_type type) REQUIRES(t->lock)
{
    struct tree_node *n = tree_make_node_locked(t, type);
    if (n == NULL) {
        return NULL;
    }
    struct tree_entry *e = tree_add_locked(t, dir, name, len, n);
    if (e == NULL) {
        heap_free(n);
        return NULL;
    }
    tree_fit_table_locked(t, UINT64_MAX);
    atomic_fetch_sub_explicit(&n->node.refs, 1, memory_order_relaxed);
    return e;
}

/* The directory that `path` lies in, made where the archive has not named it; its last name. */
static enum status find_parent(struct tree *t, const char *path, struct tree_node **dir,
                               const char **name, size_t *len) REQUIRES(t->lock)
{
    struct tree_node *d = t->root;
    *len = 0;
    for (unsigned depth = 0;; depth++) {
        while (*path == '/') {
            path++;
        }
        const char *end = path;
        while (*end != '\0' && *end != '/') {
            end++;
        }
        size_t n = (size_t)(end - path);
        if (n == 0) {
            break;
        }
        if ((n == 2 && path[0] == '.' && path[1] == '.') || n > VFS_NAME_MAX ||
            depth == DEPTH_MAX) {
            return E_CORRUPT;
        }
        if (n == 1 && path[0] == '.') {
            path = end;
            continue;
        }
        if (*len != 0) { /* the name before was a directory */
            const struct tree_entry *child = tree_find_locked(t, d, *name, *len);
            if (child == NULL) {
                child = add_new(t, d, *name, *len, FILE_DIRECTORY);
            }
            if (child == NULL) {
                return E_NOMEM;
            }
            if (child->node->node.type != FILE_DIRECTORY) {
                return E_CORRUPT;
            }
            d = child->node;
        }
        *name = path;
        *len = n;
        path = end;
    }
    *dir = d;
    return OK;
}

static enum file_type type_of(uint32_t mode)
{
    switch (mode & MODE_TYPE) {
    case MODE_FILE:
        return FILE_REGULAR;
    case MODE_DIRECTORY:
        return FILE_DIRECTORY;
    case MODE_LINK:
        return FILE_SYMLINK;
    default:
        return FILE_OTHER;
    }
}

/* Names of one file follow each other in the archive, and only the last one has the contents. */
struct link_group {
    uint32_t inode;
    struct tree_node *node; /* NULL: the entry before was no such name */
};

static bool is_shared(const struct entry *e)
{
    return e->links >= 2 && type_of(e->mode) == FILE_REGULAR;
}

/* A name that the directory does not have, of a new node or of the group's. */
static struct tree_entry *add_name(struct tree *t, struct tree_node *dir, const char *name,
                                   size_t len, const struct entry *e, struct link_group *group)
    REQUIRES(t->lock)
{
    if (is_shared(e) && group->node != NULL && group->inode == e->inode) {
        return tree_add_locked(t, dir, name, len, group->node);
    }
    struct tree_entry *added = add_new(t, dir, name, len, type_of(e->mode));
    group->inode = e->inode;
    group->node = added != NULL && is_shared(e) ? added->node : NULL;
    return added;
}

static void fill_node(struct tree_node *n, const struct entry *e)
{
    n->mode = e->mode & 07777;
    n->accessed_ns = n->modified_ns = n->changed_ns = e->mtime_s * NS_PER_S;
    if (n->node.type == FILE_SYMLINK || (n->node.type == FILE_REGULAR && e->size != 0)) {
        n->bytes = e->data;
        n->size = e->size;
    }
}

static enum status add_entry(struct tree *t, const struct entry *e, struct link_group *group)
    REQUIRES(t->lock)
{
    struct tree_node *dir;
    const char *name;
    size_t len;
    enum file_type type = type_of(e->mode);
    enum status s = find_parent(t, e->name, &dir, &name, &len);
    if (s != OK) {
        return s;
    }
    if (type == FILE_SYMLINK &&
        (e->size == 0 || strnlen((const char *)e->data, e->size) != e->size)) {
        return E_CORRUPT;
    }
    const struct tree_entry *old = len != 0 ? tree_find_locked(t, dir, name, len) : NULL;
    struct tree_node *n = len == 0 ? t->root : old != NULL ? old->node : NULL;
    if (n != NULL && (n->node.type != FILE_DIRECTORY || type != FILE_DIRECTORY)) {
        return E_CORRUPT; /* only a directory may be named twice */
    }
    if (n == NULL) {
        const struct tree_entry *added = add_name(t, dir, name, len, e, group);
        if (added == NULL) {
            return E_NOMEM;
        }
        n = added->node;
    }
    fill_node(n, e);
    return OK;
}

static enum status unpack(struct tree *t, const struct archive *a) REQUIRES(t->lock)
{
    struct link_group group = {.node = NULL};
    struct entry e;
    for (size_t at = 0;; at = e.next) {
        enum status s = read_entry(a, at, &e) ? OK : E_CORRUPT;
        if (s == OK && strcmp(e.name, "TRAILER!!!") == 0) {
            return OK;
        }
        if (s == OK) {
            s = add_entry(t, &e, &group);
        }
        if (s != OK) {
            log_error("cpio", "%s at byte %zu of %zu", status_text(s), at, a->len);
            return s;
        }
    }
}

static enum status cpio_read(struct fs_node *node, uint64_t off, void *buf, size_t len,
                             size_t *done)
{
    const struct tree_node *n = tree_node_of(node);
    size_t count = off >= n->size ? 0 : (size_t)MIN((uint64_t)len, n->size - off);
    if (count != 0) {
        memcpy(buf, n->bytes + off, count);
    }
    *done = count;
    return OK;
}

static enum status cpio_stat(struct fs_node *node, struct file_stat *out)
{
    const struct tree_node *n = tree_node_of(node);
    tree_stat_locked(n, out); /* nothing changes once it is unpacked: no lock */
    out->blocks_512 = (n->size + 511) / 512;
    return OK;
}

static void cpio_release(struct fs_node *node)
{
    (void)node; /* not called: the tree holds every node as long as the mount lives */
}

static void cpio_usage(struct fs *fs, uint64_t *total_bytes, uint64_t *free_bytes)
{
    *total_bytes = tree_of(fs->root)->archive_len;
    *free_bytes = 0;
}

static void cpio_unmount(struct fs *fs)
{
    struct tree *t = CONTAINER_OF(fs, struct tree, fs);
    struct tree_entry *e;
    mutex_lock(&t->lock);
    while ((e = tree_any_leaf(t)) != NULL) {
        struct tree_node *n = tree_remove_locked(t, e);
        if (atomic_fetch_sub_explicit(&n->node.refs, 1, memory_order_relaxed) == 1) {
            heap_free(n);
        }
    }
    tree_free_table(t);
    mutex_unlock(&t->lock);
    heap_free(t->root);
    heap_free(t);
}

static const struct fs_ops ops = {
    .lookup = tree_lookup,
    .read = cpio_read,
    .read_dir = tree_read_dir,
    .read_link = tree_read_link,
    .stat = cpio_stat,
    .release = cpio_release,
    .usage = cpio_usage,
    .unmount = cpio_unmount,
};

/* Recognise what is no plain newc archive, to say so. */
static enum status recognise(const struct archive *a)
{
    static const struct {
        const char *name;
        uint8_t magic[6];
        uint8_t len;
    } others[] = {
        {"gzip", {0x1f, 0x8b}, 2},
        {"xz", {0xfd, '7', 'z', 'X', 'Z', 0}, 6},
        {"zstd", {0x28, 0xb5, 0x2f, 0xfd}, 4},
        {"lz4", {0x02, 0x21, 0x4c, 0x18}, 4},
        {"bzip2", {'B', 'Z', 'h'}, 3},
    };
    if (has_magic(a, 0)) {
        return OK;
    }
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        if (a->len >= others[i].len && memcmp(a->bytes, others[i].magic, others[i].len) == 0) {
            log_error("cpio", "the archive is compressed with %s; give it uncompressed",
                      others[i].name);
            return E_NOTSUP;
        }
    }
    return E_FORMAT;
}

enum status cpio_make(const void *data, size_t len, struct fs **out)
{
    struct archive a = {.bytes = data, .len = len};
    enum status s = recognise(&a);
    if (s != OK) {
        return s;
    }
    struct tree *t = heap_zalloc(sizeof(*t));
    if (t == NULL) {
        return E_NOMEM;
    }
    t->fs = (struct fs){.type = "cpio", .ops = &ops};
    t->archive_len = len;
    s = tree_init(t, "cpio");
    if (s != OK) {
        heap_free(t);
        return s;
    }
    mutex_lock(&t->lock);
    s = unpack(t, &a);
    mutex_unlock(&t->lock);
    if (s != OK) {
        cpio_unmount(&t->fs);
        return s;
    }
    *out = &t->fs;
    return OK;
}
