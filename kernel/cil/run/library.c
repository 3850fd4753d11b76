// SPDX-License-Identifier: MIT
//
// The list of libraries in memory.
#include "kernel/cil/run/library.h"

#include "kernel/base/spinlock.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/reclaim.h"

#define MEMORY_LIMIT ((size_t)64 << 20) /* bytes of an index */

/* Field protection:  [I] set before it is in the list   [l] libraries_lock
 * All but the count of users is constant, and programs only read it: they cannot influence each
 * other through it. Classes, types and static fields are each program's own. */
struct cil_library {
    struct cil_library *next; /* [l] */
    char path[256];           /* [I] */
    struct file_stat file;    /* [I] as it was when it was read */
    void *bytes;              /* [I] */
    struct arena arena;       /* [I] of the index */
    struct cil_index index;   /* [I] */
    uint32_t users;           /* [l] */
    bool is_listed;           /* [l] new programs may use it */
};

static struct spinlock libraries_lock = SPINLOCK_INIT;
static struct cil_library *libraries; /* [l] */

static void free_library(struct cil_library *l)
{
    arena_free_all(&l->arena);
    heap_free(l->bytes);
    heap_free(l);
}

/* Remove the libraries that `is_wanted` chooses. @return a list of those without users, which the
 * caller frees once it has released the lock, because freeing takes other locks. */
static struct cil_library *remove_locked(bool (*is_wanted)(const struct cil_library *l,
                                                           const struct cil_library *other),
                                         const struct cil_library *other) REQUIRES(libraries_lock)
{
    struct cil_library *unused = NULL;
    for (struct cil_library **at = &libraries; *at != NULL;) {
        struct cil_library *l = *at;
        if (!is_wanted(l, other)) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        l->is_listed = false;
        if (l->users == 0) {
            l->next = unused;
            unused = l;
        }
    }
    return unused;
}

static void free_all(struct cil_library *unused)
{
    while (unused != NULL) {
        struct cil_library *next = unused->next;
        free_library(unused);
        unused = next;
    }
}

static bool is_unused(const struct cil_library *l, const struct cil_library *other)
{
    (void)other;
    return l->users == 0;
}

/* Called when any thread needs memory. */
static void reclaim(void)
{
    spin_lock(&libraries_lock);
    struct cil_library *unused = remove_locked(is_unused, NULL);
    spin_unlock(&libraries_lock);
    free_all(unused);
}

/* A write changes the time of the last change, and a file that replaces another has an inode of its
 * own. So a library that has changed on the disk is read again, without a look at its bytes. */
static bool is_same_file(const struct file_stat *a, const struct file_stat *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
}

static struct cil_library *find(const char *path, const struct file_stat *file)
{
    struct cil_library *l;
    spin_lock(&libraries_lock);
    for (l = libraries; l != NULL; l = l->next) {
        if (is_same_file(&l->file, file) && strcmp(l->path, path) == 0) {
            l->users++;
            break;
        }
    }
    spin_unlock(&libraries_lock);
    return l;
}

static bool has_path(const struct cil_library *l, const struct cil_library *other)
{
    return strcmp(l->path, other->path) == 0;
}

/* Older versions, and one that another thread has loaded meanwhile, stay with their users only. */
static void list(struct cil_library *l)
{
    memory_reclaim_caches(reclaim);
    spin_lock(&libraries_lock);
    struct cil_library *unused = remove_locked(has_path, l);
    l->next = libraries;
    l->is_listed = true;
    libraries = l;
    spin_unlock(&libraries_lock);
    free_all(unused);
}

static enum status load(struct cil_library *l, const char *name, size_t size_max,
                        struct cil_error *err)
{
    size_t len;
    enum status s = vfs_read_file(l->path, size_max, &l->bytes, &len);
    arena_init(&l->arena, MEMORY_LIMIT);
    return s != OK ? s
                   : cil_index_make(name, (struct cil_bytes){l->bytes, (uint32_t)len}, &l->arena,
                                    &l->index, err);
}

/* It is in the list only if the file did not change while it was read. */
enum status cil_library_open(const char *path, const char *name, size_t size_max,
                             struct cil_library **out, struct cil_error *err)
{
    struct file_stat file, after;
    *err = (struct cil_error){.token = 0};
    enum status s = vfs_stat(NULL, path, true, &file);
    if (s != OK) {
        return s;
    }
    struct cil_library *l = find(path, &file);
    if (l != NULL) {
        *out = l;
        return OK;
    }
    l = heap_zalloc(sizeof *l);
    if (l == NULL) {
        return E_NOMEM;
    }
    l->file = file;
    l->users = 1;
    s = str_copy(l->path, sizeof l->path, path) ? load(l, name, size_max, err) : E_NAMETOOLONG;
    if (s != OK) {
        free_library(l);
        return s;
    }
    if (vfs_stat(NULL, path, true, &after) == OK && is_same_file(&file, &after)) {
        list(l);
    }
    *out = l;
    return OK;
}

const struct cil_index *cil_library_index(const struct cil_library *l)
{
    return &l->index;
}

void cil_library_close(struct cil_library *l)
{
    spin_lock(&libraries_lock);
    bool is_last = --l->users == 0 && !l->is_listed;
    spin_unlock(&libraries_lock);
    if (is_last) {
        free_library(l);
    }
}
