// SPDX-License-Identifier: MIT
//
// The kernel as a system for WASI: handles are open files. Also creates the WASI state for programs
// of the kernel.
#include "kernel/base/clock.h"
#include "kernel/fs/vfs.h"
#include "kernel/io/random.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/program/program.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/wait_set.h"
#include "kernel/wasi/system.h"
#include "kernel/wasi/wasi.h"

#define CLOCK_RESOLUTION_NS 1u
#define STREAMS             3

STATIC_ASSERT(VFS_NAME_MAX == WASI_NAME_MAX, "names fit in either buffer");

static struct file *file_of(struct wasi_handle *h)
{
    return (struct file *)(void *)h;
}

/* A status without a row becomes EIO, never success:
 * the array's holes are 0, which is WASI_SUCCESS. */
static uint16_t errno_of(enum status s)
{
    static const uint8_t errnos[] = {
        [-OK] = WASI_SUCCESS,
        [-E_INVAL] = WASI_EINVAL,
        [-E_NOMEM] = WASI_ENOMEM,
        [-E_NOENT] = WASI_ENOENT,
        [-E_EXIST] = WASI_EEXIST,
        [-E_BUSY] = WASI_EBUSY,
        [-E_IO] = WASI_EIO,
        [-E_RANGE] = WASI_EINVAL,
        [-E_NOTSUP] = WASI_ENOTSUP,
        [-E_PERM] = WASI_EPERM,
        [-E_NOTDIR] = WASI_ENOTDIR,
        [-E_ISDIR] = WASI_EISDIR,
        [-E_NAMETOOLONG] = WASI_ENAMETOOLONG,
        [-E_CORRUPT] = WASI_EIO,
        [-E_TIMEDOUT] = WASI_ETIMEDOUT,
        [-E_CANCELLED] = WASI_ECANCELED,
        [-E_OVERFLOW] = WASI_EFBIG,
        [-E_NOSPC] = WASI_ENOSPC,
        [-E_ROFS] = WASI_EROFS,
        [-E_NODEV] = WASI_ENODEV,
        [-E_AGAIN] = WASI_EAGAIN,
        [-E_FAULT] = WASI_EIO,
        [-E_NOTEMPTY] = WASI_ENOTEMPTY,
        [-E_LOOP] = WASI_ELOOP,
        [-E_XDEV] = WASI_EXDEV,
        [-E_PIPE] = WASI_EPIPE,
    };
    size_t i = 0u - (unsigned)s;
    uint16_t e = i < ARRAY_COUNT(errnos) ? errnos[i] : WASI_EIO;
    return s != OK && e == WASI_SUCCESS ? WASI_EIO : e;
}

/* WASI has no type for pipes. Programs take a character device for a terminal. */
static uint8_t type_of(enum file_type type, bool is_terminal)
{
    switch (type) {
    case FILE_REGULAR:
        return WASI_TYPE_REGULAR_FILE;
    case FILE_DIRECTORY:
        return WASI_TYPE_DIRECTORY;
    case FILE_SYMLINK:
        return WASI_TYPE_SYMBOLIC_LINK;
    default:
        return is_terminal ? WASI_TYPE_CHARACTER_DEVICE : WASI_TYPE_UNKNOWN;
    }
}

/* Charged to a program for each file that it opens: file, node, name, descriptor. */
#define PAGES_A_FILE 1u

static unsigned vfs_flags(unsigned flags)
{
    return ((flags & WASI_OPEN_READ) != 0 ? VFS_READ : 0u) |
           ((flags & WASI_OPEN_WRITE) != 0 ? VFS_WRITE : 0u) |
           ((flags & WASI_OPEN_CREATE) != 0 ? VFS_CREATE : 0u) |
           ((flags & WASI_OPEN_EXCLUSIVE) != 0 ? VFS_EXCLUSIVE : 0u) |
           ((flags & WASI_OPEN_TRUNCATE) != 0 ? VFS_TRUNCATE : 0u) |
           ((flags & WASI_OPEN_DIRECTORY) != 0 ? VFS_DIRECTORY : 0u) |
           ((flags & WASI_OPEN_APPEND) != 0 ? VFS_APPEND : 0u);
}

/* The program was charged for the file that an open returns, if it returns one. */
static uint16_t opened(enum status s, struct file *f, struct wasi_handle **out)
{
    if (s == OK) {
        *out = (struct wasi_handle *)(void *)f;
    } else {
        program_uncharge(program_current(), PAGES_A_FILE);
    }
    return errno_of(s);
}

static uint16_t node_open(struct wasi_handle *dir, const char *name, unsigned flags,
                          struct wasi_handle **out)
{
    struct file *f = NULL;
    if (!program_charge(program_current(), PAGES_A_FILE)) {
        return WASI_ENOMEM;
    }
    enum status s = file_open_at(file_of(dir), name, vfs_flags(flags), &f);
    return opened(s, f, out);
}

static uint16_t open_kept(struct wasi_handle *dir, const char *path, unsigned flags, bool follow,
                          struct wasi_handle **out)
{
    struct file *f = NULL;
    if (!program_charge(program_current(), PAGES_A_FILE)) {
        return WASI_ENOMEM;
    }
    enum status s = file_open_kept(file_of(dir), path, vfs_flags(flags), follow, &f);
    return opened(s, f, out);
}

/* The reaper closes the files of an ended program and runs in no program, so nothing is
 * uncharged then. */
static void node_close(struct wasi_handle *h)
{
    file_close(file_of(h));
    program_uncharge(program_current(), PAGES_A_FILE);
}

static uint16_t stat_of(enum status s, const struct file_stat *st, struct wasi_stat *out)
{
    if (s == OK) {
        *out = (struct wasi_stat){.device = st->device,
                                  .inode = st->inode,
                                  .links = st->links,
                                  .size = st->size,
                                  .accessed_ns = st->accessed_ns,
                                  .modified_ns = st->modified_ns,
                                  .changed_ns = st->changed_ns,
                                  .type = type_of(st->type, st->is_terminal)};
    }
    return errno_of(s);
}

static uint16_t node_stat(struct wasi_handle *h, const char *name, struct wasi_stat *out)
{
    struct file_stat st;
    enum status s = name == NULL ? file_stat(file_of(h), &st) : file_stat_at(file_of(h), name, &st);
    return stat_of(s, &st, out);
}

static uint16_t stat_kept(struct wasi_handle *dir, const char *path, bool follow,
                          struct wasi_stat *out)
{
    struct file_stat st;
    enum status s = file_stat_kept(file_of(dir), path, follow, &st);
    return stat_of(s, &st, out);
}

static uint16_t node_set_times(struct wasi_handle *h, const char *name,
                               const struct wasi_times *times)
{
    struct file_times t = {.set_accessed = times->set_accessed,
                           .set_modified = times->set_modified,
                           .accessed_ns = times->accessed_ns,
                           .modified_ns = times->modified_ns};
    return errno_of(name == NULL ? file_set_times(file_of(h), &t)
                                 : file_set_times_at(file_of(h), name, &t));
}

/* Long operations are done in pieces and stop when the program is ending. */
static bool is_ending(void)
{
    return thread_is_cancelled(thread_current());
}

/* The checks for the end are between the pieces. A call that waits inside file_read() or
 * file_write() is woken by the cancellation itself, and returns E_CANCELLED. */
static uint16_t do_read(struct wasi_handle *h, uint64_t at, void *buf, size_t len, size_t *done)
{
    if (is_ending()) {
        return WASI_ECANCELED;
    }
    return errno_of(at == WASI_POSITION ? file_read(file_of(h), buf, len, done)
                                        : file_read_at(file_of(h), at, buf, len, done));
}

static uint16_t do_write(struct wasi_handle *h, uint64_t at, const void *buf, size_t len,
                         size_t *done)
{
    if (is_ending()) {
        return WASI_ECANCELED;
    }
    return errno_of(at == WASI_POSITION ? file_write(file_of(h), buf, len, done)
                                        : file_write_at(file_of(h), at, buf, len, done));
}

static uint16_t do_seek(struct wasi_handle *h, int64_t off, enum wasi_whence whence, uint64_t *out)
{
    return errno_of(file_seek(file_of(h), off, (int)whence, out));
}

static uint16_t set_append(struct wasi_handle *h, bool on)
{
    file_set_append(file_of(h), on);
    return WASI_SUCCESS;
}

static uint16_t set_size(struct wasi_handle *h, uint64_t size)
{
    return errno_of(file_set_size(file_of(h), size));
}

static uint16_t allocate(struct wasi_handle *h, uint64_t off, uint64_t len)
{
    return errno_of(file_allocate(file_of(h), off, len));
}

/* A file's data are not written without its size and blocks, so both kinds are the same. */
static uint16_t sync(struct wasi_handle *h, bool data_only)
{
    (void)data_only;
    return errno_of(file_sync(file_of(h)));
}

static uint16_t read_entry(struct wasi_handle *dir, uint64_t cookie, struct wasi_entry *out)
{
    struct dir_entry entry;
    enum status s = file_read_dir_at(file_of(dir), &cookie, &entry);
    if (s == OK) {
        *out = (struct wasi_entry){
            .next = cookie, .inode = entry.inode, .type = type_of(entry.type, false)};
        out->len = (uint32_t)strlen(entry.name);
        memcpy(out->name, entry.name, out->len);
    }
    return errno_of(s);
}

static uint16_t make_directory(struct wasi_handle *dir, const char *name)
{
    return errno_of(file_mkdir_at(file_of(dir), name));
}

static uint16_t remove(struct wasi_handle *dir, const char *name, bool is_directory)
{
    return errno_of(is_directory ? file_rmdir_at(file_of(dir), name)
                                 : file_unlink_at(file_of(dir), name));
}

static uint16_t do_rename(struct wasi_handle *from_dir, const char *from,
                          struct wasi_handle *to_dir, const char *to)
{
    return errno_of(file_rename_at(file_of(from_dir), from, file_of(to_dir), to));
}

static uint16_t do_link(struct wasi_handle *from_dir, const char *from, struct wasi_handle *to_dir,
                        const char *to)
{
    return errno_of(file_link_at(file_of(from_dir), from, file_of(to_dir), to));
}

static uint16_t do_symlink(const char *target, struct wasi_handle *dir, const char *name)
{
    return errno_of(file_symlink_at(target, file_of(dir), name));
}

static uint16_t read_link(struct wasi_handle *dir, const char *name, char *buf, size_t len)
{
    return errno_of(file_read_link_at(file_of(dir), name, buf, len));
}

static uint64_t process_cpu_ns(void)
{
    struct program *p = program_current();
    return p == NULL ? thread_run_ns() : program_cpu_now_ns(p);
}

/* Without a clock chip the real time starts in 1970 at boot. */
static uint16_t clock_time(enum wasi_clock_id id, uint64_t *out)
{
    if (id == WASI_CLOCK_MONOTONIC || (id == WASI_CLOCK_REALTIME && !clock_wall_ns(out))) {
        *out = clock_now_ns();
    } else if (id != WASI_CLOCK_REALTIME) {
        *out = id == WASI_CLOCK_PROCESS_CPU ? process_cpu_ns() : thread_run_ns();
    }
    return WASI_SUCCESS;
}

static uint16_t clock_resolution(enum wasi_clock_id id, uint64_t *out)
{
    (void)id;
    *out = MAX(clock_counter_to_ns(1), CLOCK_RESOLUTION_NS);
    return WASI_SUCCESS;
}

static uint16_t fill_random(void *buf, size_t len)
{
    if (is_ending()) {
        return WASI_ECANCELED;
    }
    random_fill(buf, len);
    return WASI_SUCCESS;
}

/* For a file, the bytes left to its end. For a stream 1: how many bytes it has is unknown. */
static uint64_t bytes_to_read(struct file *f)
{
    struct file_stat st;
    uint64_t at;
    if (file_stat(f, &st) != OK || st.type != FILE_REGULAR || file_seek(f, 0, 1, &at) != OK) {
        return 1;
    }
    return at < st.size ? st.size - at : 0;
}

/* Test once (deadline 0), or wait until the deadline. */
static enum status test_one(struct wasi_wait *wait, uint64_t deadline_ns)
{
    struct file *f = file_of(wait->handle);
    size_t room = 0;
    enum status s = wait->is_write ? file_wait_writable(f, deadline_ns, &room)
                                   : file_wait_readable(f, deadline_ns);
    wait->is_ready = s == OK;
    if (s == OK) {
        wait->is_hung_up = file_is_hung_up(f);
        wait->bytes = wait->is_write ? room : bytes_to_read(f);
    }
    return s;
}

/* @return OK: at least one is ready; E_TIMEDOUT: none. */
static enum status test_all(struct wasi_wait *waits, uint32_t count)
{
    enum status result = E_TIMEDOUT;
    for (uint32_t i = 0; i < count; i++) {
        enum status s = test_one(&waits[i], 0);
        if (s == OK) {
            result = OK;
        } else if (s != E_TIMEDOUT) {
            return s;
        }
    }
    return result;
}

/* Look again each time something has changed. A wake-up says only that some queue changed. Another
 * thread may have read the bytes already, so all handles are tested again, and the deadline bounds
 * the number of rounds in time. */
static enum status wait_for_any(struct wasi_wait *waits, uint32_t count, uint64_t deadline_ns,
                                struct wait_set *set)
{
    enum status s;
    while ((s = test_all(waits, count)) == E_TIMEDOUT) {
        s = wait_set_wait(set, deadline_ns);
        if (s != OK) {
            break;
        }
    }
    return s;
}

static bool is_watched(const struct wait_watch *watches, uint32_t count, const struct wait_queue *q)
{
    for (uint32_t i = 0; i < count; i++) {
        if (watches[i].watched == q) {
            return true;
        }
    }
    return false;
}

/* Watch each queue once: waking a queue visits all of its watches with interrupts masked, and a
 * program may name one stream in every subscription. @return number of watches. */
static uint32_t watch_all(struct wait_set *set, struct wait_watch *watches,
                          const struct wasi_wait *waits, uint32_t count)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct wait_queue *q = file_changes(file_of(waits[i].handle));
        if (q != NULL && !is_watched(watches, used, q)) {
            wait_set_add(set, &watches[used], q);
            used++;
        }
    }
    return used;
}

static enum status wait_for_several(struct wasi_wait *waits, uint32_t count, uint64_t deadline_ns)
{
    struct wait_set set;
    struct wait_watch *watches = heap_calloc(count, sizeof(*watches));
    if (watches == NULL) {
        return E_NOMEM;
    }
    wait_set_init(&set);
    uint32_t used = watch_all(&set, watches, waits, count);
    enum status s = wait_for_any(waits, count, deadline_ns, &set);
    while (used != 0) { /* the last one first: it is the head of its queue's list */
        used--;
        wait_set_remove(&watches[used]);
    }
    heap_free(watches);
    return s;
}

/* A deadline of 0 only tests. One handle waits directly in its own queue. Several share a wait set,
 * which has to watch every queue before the handles are tested: a change between the test and the
 * wait then ends the wait at once. In the other order it would be lost. */
static uint16_t poll(struct wasi_wait *waits, uint32_t count, uint64_t deadline_ns)
{
    if (count == 0) {
        enum status s = thread_sleep_until(deadline_ns);
        return errno_of(s == OK ? E_TIMEDOUT : s);
    }
    enum status s = test_all(waits, count);
    if (s == E_TIMEDOUT && deadline_ns != 0) {
        s = count == 1 ? test_one(&waits[0], deadline_ns)
                       : wait_for_several(waits, count, deadline_ns);
    }
    return errno_of(s);
}

static const struct wasi_node_ops nodes = {.open = node_open,
                                           .close = node_close,
                                           .stat = node_stat,
                                           .open_kept = open_kept,
                                           .stat_kept = stat_kept,
                                           .set_times = node_set_times};

static const struct wasi_file_ops files = {.read = do_read,
                                           .write = do_write,
                                           .seek = do_seek,
                                           .set_append = set_append,
                                           .set_size = set_size,
                                           .allocate = allocate,
                                           .sync = sync};

static const struct wasi_directory_ops directories = {.read_entry = read_entry,
                                                      .make_directory = make_directory,
                                                      .remove = remove,
                                                      .rename = do_rename,
                                                      .link = do_link,
                                                      .symlink = do_symlink,
                                                      .read_link = read_link};

static const struct wasi_machine_ops machine = {.clock_time = clock_time,
                                                .clock_resolution = clock_resolution,
                                                .random = fill_random,
                                                .poll = poll,
                                                .yield = thread_yield};

static const struct wasi_system system = {
    .nodes = &nodes, .files = &files, .directories = &directories, .machine = &machine};

/* --- programs of the kernel --- */

struct program_wasi {
    struct program_resource resource;
    struct wasi *wasi;
};

static void release(struct program_resource *self)
{
    struct program_wasi *r = CONTAINER_OF(self, struct program_wasi, resource);
    wasi_destroy(r->wasi);
    heap_free(r);
}

/* Charge the WASI state, its streams and its folders. The charge comes before the streams and
 * folders are added, so that a program near its limit is refused instead of being started with
 * fewer files. The pages of the state are not uncharged on failure: the program then ends, and its
 * charges with it. */
static bool charge(struct program *p, const struct wasi *w, uint32_t folders)
{
    uint64_t bytes = ALIGN_UP((uint64_t)wasi_size(w), (uint64_t)PAGE_SIZE);
    return program_charge(p, bytes / PAGE_SIZE + (uint64_t)PAGES_A_FILE * (STREAMS + folders));
}

static enum status add_streams(struct wasi *w, struct program *p)
{
    enum status s = OK;
    for (int i = 0; i < STREAMS && s == OK; i++) {
        /* Take a reference under the lock: another thread of the program may close the file
         * at any time. */
        struct file *f = NULL;
        mutex_lock(&p->lock);
        if (p->files[i] != NULL) {
            f = file_ref(p->files[i]);
        }
        mutex_unlock(&p->lock);
        s = f == NULL ? E_INVAL
                      : wasi_add_stream(w, (struct wasi_handle *)(void *)f, i == 0, i != 0);
    }
    return s;
}

static enum status add_folders(struct wasi *w, const struct wasi_folder *folders, uint32_t count)
{
    enum status s = OK;
    for (uint32_t i = 0; i < count && s == OK; i++) {
        struct file *f;
        s = vfs_open(NULL, folders[i].path, VFS_READ | VFS_DIRECTORY, &f);
        if (s == OK) {
            s = wasi_add_folder(w, (struct wasi_handle *)(void *)f, folders[i].name);
        }
    }
    return s;
}

/* After program_add_resource() the program owns the state, and the reaper releases it after the
 * program's last thread. If an earlier step fails, it is released here, with the files that were
 * added so far. */
enum status wasi_create_for_program(struct program *p, const struct wasi_config *config,
                                    const struct wasi_folder *folders, uint32_t count,
                                    struct wasi **out)
{
    struct wasi_config mine = *config;
    mine.system = &system;
    struct program_wasi *r = heap_zalloc(sizeof(*r));
    if (r == NULL) {
        return E_NOMEM;
    }
    r->resource = (struct program_resource){.release = release, .name = "wasi"};
    enum status s = wasi_create(&mine, &r->wasi);
    if (s == OK && !charge(p, r->wasi, count)) {
        s = E_NOMEM;
    }
    if (s == OK) {
        s = add_streams(r->wasi, p);
    }
    if (s == OK) {
        s = add_folders(r->wasi, folders, count);
    }
    if (s == OK) {
        s = program_add_resource(p, &r->resource);
    }
    if (s != OK) {
        release(&r->resource);
        return s;
    }
    *out = r->wasi;
    return OK;
}
