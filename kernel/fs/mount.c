// SPDX-License-Identifier: MIT
//
// The mount table.
#include "kernel/base/log.h"
#include "kernel/fs/fs_internal.h"
#include "kernel/fs/name_cache.h"
#include "kernel/io/block.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/mutex.h"

/* Mount points are paths, not nodes. So a read-only disk at / can still have the memory file system
 * at /tmp, whether or not the disk has such a directory. The price is that paths which lead to a
 * mount point must stay valid: names at or above a mount point cannot be renamed or removed
 * (mount_is_within()), and a file system cannot be mounted or unmounted where others below need its
 * names (is_needed_locked()).
 *
 * fs.users counts references to a file system's nodes. vfs_unmount() tests it under `lock`. It
 * cannot become nonzero again from 0 afterwards: new users come through mount_enter(), which takes
 * `lock`, or through a node that is in use already. */
struct vfs_mount {
    struct list_node link;
    struct fs *fs;
    char dir[MOUNT_PATH_SIZE]; /* as in struct walk: "" is the root */
    size_t len;                /* of `dir` */
    char source[32];
    bool is_base; /* the initial root of vfs_init(), over which a disk may be mounted */
};

/* Held while a disk is mounted. Two mounts of one disk would write it independently of each other,
 * and damage it. Taken before `lock`. */
static struct mutex mounting;
/* protects the list, and the first use of a file system found through it */
static struct mutex lock;
static uint64_t last_device; /* [lock] */
/* Newest first, so that a file system mounted over another is found first. mount_peek() reads it in
 * a read section, except while `is_unmounting`. */
static struct list mounts = LIST_INIT(mounts);
/* What find("", 0) finds. Release to change it pairs with the acquire of mount_peek_root(). */
static _Atomic(struct fs_node *) top;
/* Acquire pairs with the release of the thread that clears it: the mount is gone then. */
static _Atomic bool is_unmounting;
_Atomic uint64_t mount_lengths; /* relaxed: fs_internal.h */
STATIC_ASSERT(sizeof(((struct vfs_mount *)0)->dir) <= 64, "each length has a bit");
static const struct fs_added *added; /* [I] NULL: no extension can add a file system */

void fs_node_get(struct fs_node *node)
{
    atomic_fetch_add_explicit(&node->fs->users, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&node->refs, 1, memory_order_relaxed);
}

/* It needs no `lock`: the caller has a user of the directory's file system. */
enum status fs_node_lookup(struct fs_node *dir, const char *name, size_t len, struct fs_node **out)
{
    struct fs_node *kept = kept_node(dir, name);
    if (kept != NULL) {
        *out = kept;
        return kept == &name_absent ? E_NOENT : OK;
    }
    enum status s = dir->fs->ops->lookup(dir, name, len, out);
    if (s == OK) {
        /* Its own: the terminal's node in /dev is of the consoles' file system. */
        atomic_fetch_add_explicit(&(*out)->fs->users, 1, memory_order_relaxed);
    }
    return s;
}

void fs_node_put(struct fs_node *node)
{
    struct fs *fs = node->fs;
    /* The thread that drops the last reference must see what the other holders did to the node. */
    if (atomic_fetch_sub_explicit(&node->refs, 1, memory_order_acq_rel) == 1) {
        fs->ops->release(node);
    }
    /* Pairs with the acquire in vfs_unmount(): this thread does not access the file
     * system after it. */
    atomic_fetch_sub_explicit(&fs->users, 1, memory_order_release);
}

static void free_node(struct rcu_call *call)
{
    heap_free(CONTAINER_OF(call, struct fs_node, freeing));
}

void fs_node_free(struct fs_node *node)
{
    if (node->was_kept) {
        node->freeing.run = free_node;
        rcu_call_later(&node->freeing);
    } else {
        heap_free(node);
    }
}

/* The newest mount at a path. Called with `lock`, or in a read section. */
static struct vfs_mount *find(const char *dir, size_t len)
{
    RCU_LIST_FOR_EACH(&mounts, n)
    {
        struct vfs_mount *m = CONTAINER_OF(n, struct vfs_mount, link);
        size_t same = 0;
        /* They are short: memcmp() would take longer. */
        while (m->len == len && same < len && m->dir[same] == dir[same]) {
            same++;
        }
        if (m->len == same && same == len) {
            return m;
        }
    }
    return NULL;
}

bool mount_may_peek(void)
{
    return !atomic_load_explicit(&is_unmounting, memory_order_acquire);
}

struct fs_node *mount_peek(const char *path, size_t len)
{
    const struct vfs_mount *m = find(path, len);
    return m != NULL ? m->fs->root : NULL;
}

struct fs_node *mount_peek_root(void)
{
    return atomic_load_explicit(&top, memory_order_acquire);
}

/* The list has changed. */
static void note_top_locked(void) REQUIRES(lock)
{
    atomic_store_explicit(&top, mount_peek("", 0), memory_order_release);
}

struct fs_node *mount_enter(const char *path, size_t len)
{
    struct fs_node *root = NULL;
    if (!mount_may_be(len)) {
        return NULL;
    }
    mutex_lock(&lock);
    const struct vfs_mount *m = find(path, len);
    if (m != NULL) {
        root = m->fs->root;
        fs_node_get(root);
    }
    mutex_unlock(&lock);
    return root;
}

bool mount_child(const char *path, uint32_t i, char *name)
{
    bool found = false;
    size_t len = strlen(path);
    mutex_lock(&lock);
    LIST_FOR_EACH (&mounts, n) {
        const struct vfs_mount *m = CONTAINER_OF(n, struct vfs_mount, link);
        bool is_child = strncmp(m->dir, path, len) == 0 && m->dir[len] == '/' &&
                        strchr(m->dir + len + 1, '/') == NULL;
        if (is_child && i-- == 0) {
            (void)str_copy(name, VFS_NAME_MAX + 1, m->dir + len + 1);
            found = true;
            break;
        }
    }
    mutex_unlock(&lock);
    return found;
}

bool mount_inode(const char *path, const char *name, uint64_t *out)
{
    bool found = false;
    size_t len = strlen(path);
    mutex_lock(&lock);
    LIST_FOR_EACH (&mounts, n) {
        const struct vfs_mount *m = CONTAINER_OF(n, struct vfs_mount, link);
        if (strncmp(m->dir, path, len) == 0 && m->dir[len] == '/' &&
            strcmp(m->dir + len + 1, name) == 0) {
            *out = m->fs->root->id;
            found = true;
            break;
        }
    }
    mutex_unlock(&lock);
    return found;
}

bool mount_is_within(const char *path)
{
    bool found = false;
    size_t len = strlen(path);
    mutex_lock(&lock);
    LIST_FOR_EACH (&mounts, n) {
        const struct vfs_mount *m = CONTAINER_OF(n, struct vfs_mount, link);
        found |= strncmp(m->dir, path, len) == 0 && (m->dir[len] == '/' || m->dir[len] == '\0');
    }
    mutex_unlock(&lock);
    return found;
}

/* Length of the longest mount path that contains `dir`. */
static size_t enclosing_len_locked(const char *dir) REQUIRES(lock)
{
    size_t longest = 0;
    LIST_FOR_EACH (&mounts, n) {
        const struct vfs_mount *m = CONTAINER_OF(n, struct vfs_mount, link);
        size_t len = strlen(m->dir);
        if (len > longest && strncmp(m->dir, dir, len) == 0 && dir[len] == '/') {
            longest = len;
        }
    }
    return longest;
}

/* True if the path to some mount point leads through names of the file system that is, or would be,
 * mounted at `dir`, so that it could not be reached without them. A mount point directly below
 * `dir` needs no name there, provided that `dir` itself remains, and only the
 * root certainly does. */
static bool is_needed_locked(const char *dir, bool is_mounting) REQUIRES(lock)
{
    size_t len = strlen(dir);
    LIST_FOR_EACH (&mounts, n) {
        const struct vfs_mount *m = CONTAINER_OF(n, struct vfs_mount, link);
        bool is_below = strncmp(m->dir, dir, len) == 0 && m->dir[len] == '/';
        if (is_below && enclosing_len_locked(m->dir) <= len &&
            !((is_mounting || len == 0) && strchr(m->dir + len + 1, '/') == NULL)) {
            return true;
        }
    }
    return false;
}

/* Takes ownership of the file system on success. */
static enum status add_mount(struct fs *fs, const char *dir, const char *source, bool is_base)
{
    struct vfs_mount *m = heap_zalloc(sizeof(*m));
    if (m == NULL) {
        return E_NOMEM;
    }
    m->fs = fs;
    m->is_base = is_base;
    (void)str_copy(m->source, sizeof(m->source), source);
    if (!str_copy(m->dir, sizeof(m->dir), dir)) {
        heap_free(m);
        return E_NAMETOOLONG;
    }
    m->len = strlen(dir);
    mutex_lock(&lock);
    const struct vfs_mount *present = find(dir, m->len);
    bool is_taken =
        (present != NULL && !present->is_base) || is_needed_locked(dir, /* is_mounting */ true);
    if (!is_taken) {
        fs->device = ++last_device;
        name_changes_begin();
        atomic_fetch_or_explicit(&mount_lengths, UINT64_C(1) << m->len, memory_order_relaxed);
        rcu_list_push_front(&mounts, &m->link);
        note_top_locked();
    }
    mutex_unlock(&lock);
    if (is_taken) {
        heap_free(m);
        return E_BUSY;
    }
    return OK;
}

/* The canonical path of a directory, or of a name in a directory that does not exist: mount points
 * are paths, so a read-only disk need not have them. */
static enum status canonical_dir(const char *dir, char *out, size_t len)
{
    struct walk *w;
    enum status s = walk_path(NULL, dir, WALK_FOLLOW, &w);
    if (w == NULL) {
        return s;
    }
    bool is_new = s == E_NOENT;
    if (!is_new && w->node->type != FILE_DIRECTORY) {
        s = E_NOTDIR;
    } else if (!str_copy(out, len, w->path) ||
               (is_new && (!str_append(out, len, "/") || !str_append(out, len, w->name)))) {
        s = E_NAMETOOLONG;
    } else {
        s = OK;
    }
    walk_end(w);
    return s;
}

enum status vfs_mount_fs(struct fs *fs, const char *dir, const char *source)
{
    char canonical[sizeof(((struct vfs_mount *)0)->dir)];
    enum status s = canonical_dir(dir, canonical, sizeof(canonical));
    if (s == OK) {
        s = add_mount(fs, canonical, source, false);
    }
    if (s != OK) {
        fs->ops->unmount(fs);
        return s;
    }
    log_info("vfs", "%s on %s is %s, %s", source, dir, fs->type,
             fs_is_read_only(fs) ? "read-only" : "read-write");
    return OK;
}

static enum status mount_memory_fs(const char *dir, bool is_base)
{
    struct fs *fs;
    enum status s = tmpfs_make(&fs);
    if (s != OK) {
        return s;
    }
    s = add_mount(fs, dir, "memory", is_base);
    if (s != OK) {
        fs->ops->unmount(fs);
    }
    return s;
}

enum status vfs_init(void)
{
    mutex_init(&lock, "mounts");
    mutex_init(&mounting, "mounting");
    enum status s = mount_memory_fs("", true);
    s = s != OK ? s : add_mount(dev_fs(), "/dev", "kernel", false);
    return s != OK ? s : mount_memory_fs("/tmp", false);
}

void fs_set_added(const struct fs_added *functions)
{
    added = functions;
}

/* Whether one name is a device's and the other that of its partition: "vda" and "vda1". */
static bool is_part(const char *part, const char *disk)
{
    size_t len = strlen(disk);
    return strncmp(part, disk, len) == 0 && part[len] >= '1' && part[len] <= '9' && len > 0 &&
           (disk[len - 1] < '0' || disk[len - 1] > '9');
}

bool vfs_is_same_disk(const char *a, const char *b)
{
    return strcmp(a, b) == 0 || is_part(a, b) || is_part(b, a);
}

static bool is_mounted(const char *device)
{
    bool found = false;
    mutex_lock(&lock);
    LIST_FOR_EACH (&mounts, n) {
        const struct vfs_mount *m = CONTAINER_OF(n, struct vfs_mount, link);
        found |= vfs_is_same_disk(m->source, device);
    }
    mutex_unlock(&lock);
    return found;
}

/* Recognise and read the file system of a device that is in no other use. */
static enum status make_fs(struct block_device *dev, struct fs **out)
{
    enum status s = is_mounted(dev->name) ? E_BUSY : ext2_make(dev, out);
    return s == E_FORMAT && added != NULL ? added->make(dev, out) : s;
}

/* Mount a new file system, unless it has another type than the one that is wanted. */
static enum status mount_if(struct fs *fs, const char *dir, const char *source,
                            struct vfs_type *type)
{
    if (type == NULL || strcmp(fs->type, type->wanted) == 0) {
        return vfs_mount_fs(fs, dir, source);
    }
    (void)str_copy(type->found, sizeof(type->found), fs->type);
    fs->ops->unmount(fs);
    return E_FORMAT;
}

enum status vfs_mount_block_as(struct block_device *dev, const char *dir, struct vfs_type *type)
{
    struct fs *fs;
    mutex_lock(&mounting);
    enum status s = make_fs(dev, &fs);
    if (s == OK) {
        s = mount_if(fs, dir, dev->name, type);
    }
    mutex_unlock(&mounting);
    return s;
}

enum status vfs_mount_block(struct block_device *dev, const char *dir)
{
    return vfs_mount_block_as(dev, dir, NULL);
}

/* Which sources are in use is known to the extension. */
enum status vfs_mount_named(const char *source, const char *dir, struct vfs_type *type)
{
    struct fs *fs;
    enum status s = added == NULL ? E_NODEV : added->make_named(source, &fs);
    return s != OK ? s : mount_if(fs, dir, source, type);
}

enum status vfs_mount_memory(const void *data, size_t len, const char *dir)
{
    struct fs *fs;
    enum status s = cpio_make(data, len, &fs);
    return s != OK ? s : vfs_mount_fs(fs, dir, "archive");
}

/* The canonical path of a mount point that exists. *unknown: the status if it does not. */
static enum status find_mount_point(const char *dir, char *out, size_t len, enum status *unknown)
{
    enum status s = canonical_dir(dir, out, len);
    *unknown = E_INVAL;
    if (s == E_NOMEM && str_copy(out, len, dir)) {
        *unknown = s; /* a canonical name can be used without memory */
        s = OK;
    }
    return s;
}

/* Remove a mount from the list if nothing uses it. Walks of kept names have no reference on the
 * way, so none is in progress between the grace period and the end of this function: whatever such
 * a walk has found is counted. */
static enum status detach(const char *canonical, enum status unknown, struct vfs_mount **out)
{
    enum status s = OK;
    atomic_store_explicit(&is_unmounting, true, memory_order_relaxed);
    rcu_synchronize();
    mutex_lock(&lock);
    struct vfs_mount *m = find(canonical, strlen(canonical));
    if (m == NULL) {
        s = unknown;
    } else if (m->is_base || is_needed_locked(canonical, /* is_mounting */ false) ||
               atomic_load_explicit(&m->fs->users, memory_order_acquire) != 0) {
        s = E_BUSY;
    } else {
        name_changes_begin();
        list_remove(&m->link);
        note_top_locked();
        *out = m;
    }
    mutex_unlock(&lock);
    atomic_store_explicit(&is_unmounting, false, memory_order_release);
    return s;
}

enum status vfs_unmount(const char *dir)
{
    char canonical[sizeof(((struct vfs_mount *)0)->dir)];
    enum status unknown;
    struct vfs_mount *m;
    enum status s = find_mount_point(dir, canonical, sizeof(canonical), &unknown);
    /* No other thread mounts the device before it is written. */
    mutex_lock(&mounting);
    s = s != OK ? s : detach(canonical, unknown, &m);
    if (s == OK) {
        struct fs *fs = m->fs;
        s = fs->ops->set_mode != NULL ? fs->ops->set_mode(fs, FS_FINAL) : OK;
        fs->ops->unmount(fs);
        heap_free(m);
    }
    mutex_unlock(&mounting);
    return s;
}

enum status vfs_remount(const char *dir, bool is_writable)
{
    char canonical[sizeof(((struct vfs_mount *)0)->dir)];
    enum status unknown;
    enum status s = find_mount_point(dir, canonical, sizeof(canonical), &unknown);
    if (s != OK) {
        return s;
    }
    struct fs_node *root = mount_enter(canonical, strlen(canonical));
    if (root == NULL) {
        return unknown;
    }
    struct fs *fs = root->fs;
    bool has_writers = atomic_load_explicit(&fs->writers, memory_order_relaxed) != 0;
    if (fs_is_read_only(fs) == !is_writable) {
        s = OK;
    } else if (fs->ops->set_mode == NULL) {
        s = is_writable ? E_ROFS : E_NOTSUP;
    } else if (!is_writable && has_writers) {
        s = E_BUSY;
    } else {
        s = fs->ops->set_mode(fs, is_writable ? FS_WRITABLE : FS_READ_ONLY);
        if (s == OK) {
            log_info("vfs", "%s is %s now", canonical[0] != '\0' ? canonical : "/",
                     is_writable ? "read-write" : "read-only");
        }
    }
    fs_node_put(root);
    return s;
}

/* The root of the mount of a device, with a reference; NULL: it is not mounted. */
static struct fs_node *enter_source(const char *device)
{
    struct fs_node *root = NULL;
    mutex_lock(&lock);
    LIST_FOR_EACH (&mounts, n) {
        const struct vfs_mount *m = CONTAINER_OF(n, struct vfs_mount, link);
        if (strcmp(m->source, device) == 0) {
            root = m->fs->root;
            fs_node_get(root);
            break;
        }
    }
    mutex_unlock(&lock);
    return root;
}

/* It is not mounted while it is checked: the check would not see what the mount changes. */
enum status vfs_check_block(struct block_device *dev, struct fs_check *out)
{
    struct fs *fs;
    enum status s;
    mutex_lock(&mounting);
    struct fs_node *root = enter_source(dev->name);
    if (root != NULL) {
        s = fs_check_run(root->fs, out);
        fs_node_put(root);
    } else {
        s = make_fs(dev, &fs);
        if (s == OK) {
            s = fs_check_run(fs, out);
            fs->ops->unmount(fs);
        }
    }
    mutex_unlock(&mounting);
    return s;
}

enum status vfs_check_mounted(const char *dir, struct fs_check *out)
{
    char canonical[sizeof(((struct vfs_mount *)0)->dir)];
    enum status unknown;
    enum status s = find_mount_point(dir, canonical, sizeof(canonical), &unknown);
    if (s != OK) {
        return s;
    }
    struct fs_node *root = mount_enter(canonical, strlen(canonical));
    if (root == NULL) {
        return unknown;
    }
    s = fs_check_run(root->fs, out);
    fs_node_put(root);
    return s;
}

/* The root of the i-th mount, newest first, with a reference; NULL: there are fewer. */
static struct fs_node *enter_number(uint32_t i)
{
    struct fs_node *root = NULL;
    mutex_lock(&lock);
    LIST_FOR_EACH (&mounts, n) {
        if (i-- == 0) {
            root = CONTAINER_OF(n, struct vfs_mount, link)->fs->root;
            fs_node_get(root);
            break;
        }
    }
    mutex_unlock(&lock);
    return root;
}

enum status vfs_sync(void)
{
    enum status s = OK;
    struct fs_node *root;
    for (uint32_t i = 0; (root = enter_number(i)) != NULL; i++) {
        struct fs *fs = root->fs;
        enum status one = fs->ops->sync != NULL ? fs->ops->sync(fs, NULL) : OK;
        s = s == OK ? one : s;
        fs_node_put(root);
    }
    return s;
}

void vfs_shut_down(void)
{
    struct fs_node *root;
    for (uint32_t i = 0; (root = enter_number(i)) != NULL; i++) {
        struct fs *fs = root->fs;
        enum status s = fs->ops->set_mode != NULL ? fs->ops->set_mode(fs, FS_FINAL) : OK;
        if (s != OK) {
            log_error("vfs", "%s: not everything was written: %s", fs->type, status_text(s));
        }
        fs_node_put(root);
    }
}

/* Release the lock before the call of the file system: a slow one must not stop every walk of a
 * path. */
bool vfs_get_mount(uint32_t i, struct vfs_mount_info *out)
{
    struct fs_node *root = NULL;
    mutex_lock(&lock);
    LIST_FOR_EACH (&mounts, n) {
        struct vfs_mount *m = CONTAINER_OF(n, struct vfs_mount, link);
        if (i-- != 0) {
            continue;
        }
        *out = (struct vfs_mount_info){.type = m->fs->type, .read_only = fs_is_read_only(m->fs)};
        (void)str_copy(out->dir, sizeof(out->dir), m->dir[0] != '\0' ? m->dir : "/");
        (void)str_copy(out->source, sizeof(out->source), m->source);
        root = m->fs->root;
        fs_node_get(root);
        break;
    }
    mutex_unlock(&lock);
    if (root == NULL) {
        return false;
    }
    root->fs->ops->usage(root->fs, &out->total_bytes, &out->free_bytes);
    fs_node_put(root);
    return true;
}
