// SPDX-License-Identifier: MIT
//
// Reads whole files into memory: copies small ones, and maps large ones that are in a page cache.
#include "kernel/fs/file_view.h"

#include "kernel/fs/fs_internal.h"
#include "kernel/fs/known_run.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/vm.h"

/* The reader may be a compiler that checks bytes and then uses them again, so they must not change
 * between: the file may be written, or its blocks may be those of another file on a hostile disk.
 * So a page is mapped only if the cache shares it (page_cache_share()): whatever asks for that page
 * in order to change it gets another one. A page that cannot be shared now, because it was changed
 * and is not written yet, is in use, or has other bytes than those of the file, is copied. */

#define MAP_MIN ((uint64_t)64 << 10) /* bytes: below, a mapping costs more than a copy */

struct map_page {
    struct cache_page *shared; /* NULL: `copy` is mapped instead */
    paddr_t copy;
};

struct file_map {
    struct file *file; /* keeps the cache */
    struct vm_range range;
    size_t count; /* mapped pages, from the first on */
    struct map_page pages[];
};

/* Read `size` bytes, or fewer if the file shrinks meanwhile. */
static enum status read_all(struct file *f, uint64_t off, void *data, size_t size, size_t *len)
{
    size_t at = 0;
    size_t n = 1;
    while (at < size && n != 0) {
        enum status s = file_read_at(f, off + at, (char *)data + at, size - at, &n);
        if (s != OK) {
            return s;
        }
        at += n;
    }
    *len = at;
    return OK;
}

/* ---- Mapping ---- */

static enum status copy_page(struct file *f, uint64_t off, size_t size, paddr_t *out, size_t *len)
{
    paddr_t frame;
    enum status s = page_alloc_zeroed(PAGE_CACHE, &frame);
    if (s != OK) {
        return s;
    }
    s = read_all(f, off, hal_direct(frame), size, len);
    if (s == OK) {
        *out = frame;
    } else {
        page_free(frame, 0);
    }
    return s;
}

/* As in known_run_read(): the words of the run belong together, and r->moving keeps the page the
 * file's. */
static struct cache_page *share_locked(struct known_run *r, uint64_t off)
{
    uint64_t byte;
    uint32_t version = atomic_load_explicit(&r->version, memory_order_acquire);
    if ((version & 1) != 0 || !known_run_find(r, off, CACHE_PAGE, &byte) ||
        byte % CACHE_PAGE != 0) {
        return NULL;
    }
    struct cache_page *page = page_cache_peek(r->cache, byte);
    if (page != NULL && !(known_run_is_unchanged(r, version) && page_cache_share(r->cache, page))) {
        page_cache_put(page);
        page = NULL;
    }
    return page;
}

static struct cache_page *share(struct known_run *r, uint64_t off)
{
    rwlock_read(&r->moving);
    struct cache_page *page = share_locked(r, off);
    rwlock_end_read(&r->moving);
    return page;
}

/* Reading one byte caches the page, and those after it, as for a sequential reader. */
static struct cache_page *share_page(struct file *f, uint64_t off)
{
    char byte;
    size_t done;
    struct known_run *run = f->node->run;
    struct cache_page *page = share(run, off);
    if (page == NULL) {
        known_run_note_read(run, off);
        if (file_read_at(f, off, &byte, 1, &done) == OK) {
            page = share(run, off);
        }
    }
    return page;
}

/* The last page of a file may have other bytes after the file's end, so it is copied. */
static enum status get_page(struct file *f, uint64_t off, size_t size, struct map_page *p,
                            size_t *len)
{
    *len = size;
    p->shared = size == CACHE_PAGE ? share_page(f, off) : NULL;
    return p->shared != NULL ? OK : copy_page(f, off, size, &p->copy, len);
}

static void put_page(const struct file_map *m, const struct map_page *p)
{
    if (p->shared != NULL) {
        page_cache_unshare(m->file->node->run->cache, p->shared);
    } else {
        page_free(p->copy, 0);
    }
}

/* If the first page cannot be shared, probably none can: the blocks are smaller than a page and
 * begin in the middle of one, or the file was just written. Then E_NOTSUP. */
static enum status map_page(struct file_map *m, size_t size, size_t *len)
{
    struct map_page *p = &m->pages[m->count];
    enum status s = get_page(m->file, (uint64_t)m->count * CACHE_PAGE, size, p, len);
    if (s != OK) {
        return s;
    }
    paddr_t frame = p->shared != NULL ? hal_direct_to_phys(p->shared->bytes) : p->copy;
    s = p->shared == NULL && m->count == 0 ? E_NOTSUP
                                           : vm_map_frames(&m->range, m->count, frame, 1, PROT_R);
    if (s == OK) {
        m->count++;
    } else {
        put_page(m, p);
    }
    return s;
}

static enum status map_all(struct file_map *m, size_t size, size_t *len)
{
    enum status s = OK;
    size_t some = CACHE_PAGE;
    *len = 0;
    while (s == OK && *len < size && some == CACHE_PAGE) {
        s = map_page(m, MIN(size - *len, (size_t)CACHE_PAGE), &some);
        *len += s == OK ? some : 0;
    }
    return s;
}

/* The pages leave the TLBs before the cache may use them again. */
static void unmap(struct file_map *m)
{
    if (m->count != 0) {
        vm_unmap(&m->range, 0, m->count, false);
    }
    for (size_t i = 0; i < m->count; i++) {
        put_page(m, &m->pages[i]);
    }
    vm_release(&m->range);
    heap_free(m);
}

static enum status map_file(struct file *f, size_t size, struct file_view *out)
{
    size_t pages = (size + CACHE_PAGE - 1) / CACHE_PAGE;
    struct file_map *m = heap_alloc(sizeof(*m) + pages * sizeof(m->pages[0]));
    const struct vm_request request = {.pages = pages,
                                       .guard_below = 1,
                                       .guard_above = 1,
                                       .region = HAL_REGION_VM,
                                       .name = "file"};
    if (m == NULL || vm_reserve(&m->range, &request) != OK) {
        heap_free(m);
        return E_NOMEM;
    }
    m->file = f;
    m->count = 0;
    enum status s = map_all(m, size, &out->len);
    if (s != OK) {
        unmap(m);
        return s;
    }
    file_ref(f);
    out->bytes = (const void *)(uintptr_t)m->range.base;
    out->map = m;
    return OK;
}

/* ---- Views ---- */

static enum status open_whole(const char *path, size_t limit, struct file **out, size_t *size)
{
    struct file *f;
    struct file_stat st;
    enum status s = vfs_open(NULL, path, VFS_READ, &f);
    if (s != OK) {
        return s;
    }
    s = file_stat(f, &st);
    if (s == OK && st.type == FILE_DIRECTORY) {
        s = E_ISDIR;
    }
    if (s == OK && st.size > limit) {
        s = E_OVERFLOW;
    }
    if (s != OK) {
        file_close(f);
        return s;
    }
    *out = f;
    *size = (size_t)st.size;
    return OK;
}

static enum status copy_file(struct file *f, size_t size, void **data, size_t *len)
{
    void *block = heap_alloc(size);
    enum status s = block == NULL ? E_NOMEM : read_all(f, 0, block, size, len);
    if (s == OK) {
        *data = block;
    } else {
        heap_free(block);
    }
    return s;
}

enum status vfs_read_file(const char *path, size_t limit, void **data, size_t *len)
{
    struct file *f;
    size_t size;
    enum status s = open_whole(path, limit, &f, &size);
    if (s == OK) {
        s = copy_file(f, size, data, len);
        file_close(f);
    }
    return s;
}

enum status file_view_open(const char *path, size_t limit, struct file_view *out)
{
    struct file *f;
    size_t size;
    void *copy = NULL;
    struct file_view view = {.map = NULL};
    enum status s = open_whole(path, limit, &f, &size);
    if (s != OK) {
        return s;
    }
    s = f->node->run != NULL && size >= MAP_MIN ? map_file(f, size, &view) : E_NOTSUP;
    if (s == E_NOTSUP) {
        s = copy_file(f, size, &copy, &view.len);
        view.bytes = copy;
    }
    if (s == OK) {
        *out = view;
    }
    file_close(f);
    return s;
}

void file_view_close(const struct file_view *view)
{
    struct file_map *m = view->map;
    if (m == NULL) {
        heap_free((void *)(uintptr_t)view->bytes);
        return;
    }
    struct file *f = m->file;
    unmap(m);
    file_close(f);
}
