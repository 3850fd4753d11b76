// SPDX-License-Identifier: MIT
//
// One program's WASI state, from creation to end, and the table of calls.
#include "kernel/wasi/wasi.h"

#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/wasi/wasi_internal.h"

#define STRINGS_MAX ((size_t)1 << 20) /* bytes, for the arguments and for the environment */

/* For each call: its name; the types of its arguments and of its result, i for i32 and I for i64;
 * and flags. Linking compares the types with those that the program imports
 * (kernel/wasm/run/link.c), so a call can rely on args[]. */
const struct wasi_call wasi_calls[] = {
    {"args_get", "ii:i", wasi_args_get, WASI_UNLOCKED},
    {"args_sizes_get", "ii:i", wasi_args_sizes_get, WASI_UNLOCKED},
    {"clock_res_get", "ii:i", wasi_clock_res_get, WASI_UNLOCKED},
    {"clock_time_get", "iIi:i", wasi_clock_time_get, WASI_UNLOCKED},
    {"environ_get", "ii:i", wasi_environ_get, WASI_UNLOCKED},
    {"environ_sizes_get", "ii:i", wasi_environ_sizes_get, WASI_UNLOCKED},
    {"fd_advise", "iIIi:i", wasi_fd_advise, 0},
    {"fd_allocate", "iII:i", wasi_fd_allocate, 0},
    {"fd_close", "i:i", wasi_fd_close_call, 0},
    {"fd_datasync", "i:i", wasi_fd_datasync, 0},
    {"fd_fdstat_get", "ii:i", wasi_fd_fdstat_get, 0},
    {"fd_fdstat_set_flags", "ii:i", wasi_fd_fdstat_set_flags, 0},
    {"fd_fdstat_set_rights", "iII:i", wasi_fd_fdstat_set_rights, 0},
    {"fd_filestat_get", "ii:i", wasi_fd_filestat_get, 0},
    {"fd_filestat_set_size", "iI:i", wasi_fd_filestat_set_size, 0},
    {"fd_filestat_set_times", "iIIi:i", wasi_fd_filestat_set_times, 0},
    {"fd_pread", "iiiIi:i", wasi_fd_pread, 0},
    {"fd_prestat_dir_name", "iii:i", wasi_fd_prestat_dir_name, 0},
    {"fd_prestat_get", "ii:i", wasi_fd_prestat_get, 0},
    {"fd_pwrite", "iiiIi:i", wasi_fd_pwrite, 0},
    {"fd_read", "iiii:i", wasi_fd_read, 0},
    {"fd_readdir", "iiiIi:i", wasi_fd_readdir, 0},
    {"fd_renumber", "ii:i", wasi_fd_renumber, 0},
    {"fd_seek", "iIii:i", wasi_fd_seek, 0},
    {"fd_sync", "i:i", wasi_fd_sync, 0},
    {"fd_tell", "ii:i", wasi_fd_tell, 0},
    {"fd_write", "iiii:i", wasi_fd_write, 0},
    {"path_create_directory", "iii:i", wasi_path_create_directory, 0},
    {"path_filestat_get", "iiiii:i", wasi_path_filestat_get, 0},
    {"path_filestat_set_times", "iiiiIIi:i", wasi_path_filestat_set_times, 0},
    {"path_link", "iiiiiii:i", wasi_path_link, 0},
    {"path_open", "iiiiiIIii:i", wasi_path_open, 0},
    {"path_readlink", "iiiiii:i", wasi_path_readlink, 0},
    {"path_remove_directory", "iii:i", wasi_path_remove_directory, 0},
    {"path_rename", "iiiiii:i", wasi_path_rename, 0},
    {"path_symlink", "iiiii:i", wasi_path_symlink, 0},
    {"path_unlink_file", "iii:i", wasi_path_unlink_file, 0},
    {"poll_oneoff", "iiii:i", wasi_poll_oneoff, WASI_UNLOCKED},
    {"proc_exit", "i:", wasi_proc_exit, WASI_MAY_END | WASI_UNLOCKED},
    {"proc_raise", "i:i", wasi_proc_raise, WASI_MAY_END | WASI_UNLOCKED},
    {"random_get", "ii:i", wasi_random_get, WASI_UNLOCKED},
    {"sched_yield", ":i", wasi_sched_yield, WASI_UNLOCKED},
    {"sock_accept", "iii:i", wasi_sock_accept, 0},
    {"sock_recv", "iiiiii:i", wasi_sock_recv, 0},
    {"sock_send", "iiiii:i", wasi_sock_send, 0},
    {"sock_shutdown", "ii:i", wasi_sock_shutdown, 0},
    {NULL, NULL, NULL, 0},
};

/* Called while a program is linked, once for each import; the table is short, and a name is
 * compared with its length, because it is not terminated in the program's file. */
const struct wasi_call *wasi_find_call(const char *name, size_t len)
{
    for (const struct wasi_call *c = wasi_calls; c->name != NULL; c++) {
        if (strlen(c->name) == len && memcmp(c->name, name, len) == 0) {
            return c;
        }
    }
    return NULL;
}

/* The sum is checked after each string, so it cannot overflow. All strings lie in one block, in the
 * form in which the program reads them. */
static enum status copy_strings(const char *const *from, uint32_t count, struct wasi_strings *out)
{
    size_t size = 0;
    for (uint32_t i = 0; i < count; i++) {
        size += strnlen(from[i], STRINGS_MAX) + 1;
        if (size > STRINGS_MAX) {
            return E_OVERFLOW;
        }
    }
    char *bytes = heap_alloc(size);
    if (bytes == NULL) {
        return E_NOMEM;
    }
    *out = (struct wasi_strings){.bytes = bytes, .count = count, .size = (uint32_t)size};
    for (uint32_t i = 0; i < count; i++) {
        size_t len = strlen(from[i]) + 1;
        memcpy(bytes, from[i], len);
        bytes += len;
    }
    return OK;
}

enum status wasi_create(const struct wasi_config *config, struct wasi **out)
{
    struct wasi *w = heap_alloc(sizeof(*w));
    if (w == NULL) {
        return E_NOMEM;
    }
    memset(w, 0, offsetof(struct wasi, walk)); /* the rest is scratch space, and large */
    w->system = config->system;
    enum status s = copy_strings(config->args, config->arg_count, &w->args);
    if (s == OK) {
        s = copy_strings(config->env, config->env_count, &w->env);
    }
    if (s != OK) {
        wasi_destroy(w);
        return s;
    }
    *out = w;
    return OK;
}

/* Also called for a state that wasi_create() could not complete: fields that it did not set are
 * NULL or 0. */
void wasi_destroy(struct wasi *w)
{
    if (w == NULL) {
        return;
    }
    for (uint32_t i = 0; i < w->fd_room; i++) {
        if (w->fds[i].handle != NULL) {
            wasi_fd_close(w, &w->fds[i]);
        }
    }
    heap_free(w->fds);
    heap_free(w->args.bytes);
    heap_free(w->env.bytes);
    heap_free(w);
}

size_t wasi_size(const struct wasi *w)
{
    return sizeof(*w) + w->args.size + w->env.size;
}

bool wasi_run(struct wasi *w, const struct wasi_call *call, const uint64_t *args, uint32_t *result)
{
    bool locks = (call->flags & WASI_UNLOCKED) == 0;
    if (locks && !park_lock(&w->lock)) {
        return false;
    }
    *result = call->call(w, args);
    if (locks) {
        park_unlock(&w->lock);
    }
    return true;
}

/* Relaxed: before it made a call, the thread set the memory or saw that it was set
 * (wasi_set_memory()). Acquire: another thread lets a part grow, and sets its end after that. A
 * range lies in one of the two parts as a whole; between them is nothing. No sum of two offsets
 * wraps in 64 bits: both ends are at most 4 GiB, and `len` is compared first. */
uint8_t *wasi_at(const struct wasi *w, uint64_t at, uint64_t len)
{
    const uint64_t *length = atomic_load_explicit(&w->memory_length, memory_order_relaxed);
    const struct wasi_memory_part *upper = atomic_load_explicit(&w->upper, memory_order_relaxed);
    uint64_t start = (uint32_t)at;
    uint64_t end = length == NULL ? 0 : __atomic_load_n(length, __ATOMIC_ACQUIRE);
    if (upper != NULL && start >= upper->start) {
        end = __atomic_load_n(&upper->end, __ATOMIC_ACQUIRE);
    }
    return len > end || start > end - len
               ? NULL
               : atomic_load_explicit(&w->memory, memory_order_relaxed) + start;
}

/* The length is passed as a pointer because the memory grows while the program runs;
 * the base never moves. Acquire pairs with release: a thread that sees the base sees the length. */
void wasi_set_memory(struct wasi *w, uint8_t *base, const uint64_t *length)
{
    if (atomic_load_explicit(&w->memory, memory_order_acquire) != base) {
        atomic_store_explicit(&w->memory_length, length, memory_order_relaxed);
        atomic_store_explicit(&w->memory, base, memory_order_release);
    }
}

void wasi_set_upper_memory(struct wasi *w, const struct wasi_memory_part *part)
{
    atomic_store_explicit(&w->upper, part, memory_order_relaxed);
}

bool wasi_has_ended(const struct wasi *w, uint32_t *status)
{
    uint64_t ended = atomic_load_explicit(&w->ended, memory_order_relaxed);
    if (ended != 0) {
        *status = (uint32_t)ended;
    }
    return ended != 0;
}

/* Takes over the handle, and the folder's name if there is one. */
static enum status add(struct wasi *w, const struct wasi_fd *fd)
{
    uint32_t number;
    if (wasi_fd_reserve(w, &number) != WASI_SUCCESS) {
        struct wasi_fd copy = *fd;
        wasi_fd_close(w, &copy);
        return E_NOMEM;
    }
    w->fds[number] = *fd;
    return OK;
}

/* The handle is closed if this fails, in every case, because the caller has given it away. */
enum status wasi_add_stream(struct wasi *w, struct wasi_handle *h, bool can_read, bool can_write)
{
    struct wasi_stat st;
    uint64_t position;
    if (w->system->nodes->stat(h, NULL, &st) != WASI_SUCCESS) {
        w->system->nodes->close(h);
        return E_IO;
    }
    uint64_t rights = wasi_rights_of_type(st.type);
    if (st.type != WASI_TYPE_DIRECTORY &&
        w->system->files->seek(h, 0, WASI_WHENCE_CUR, &position) == WASI_SUCCESS) {
        /* Programs recognise a terminal by this: a character device that can seek is not a
         * terminal. */
        rights |= WASI_RIGHT_FD_SEEK | WASI_RIGHT_FD_TELL;
    }
    if (!can_read) {
        rights &= ~WASI_RIGHT_FD_READ;
    }
    if (!can_write) {
        rights &= ~(WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_ALLOCATE | WASI_RIGHT_FD_FILESTAT_SET_SIZE);
    }
    return add(w, &(struct wasi_fd){.handle = h, .rights = rights, .type = st.type});
}

enum status wasi_add_folder(struct wasi *w, struct wasi_handle *h, const char *name)
{
    struct wasi_stat st;
    if (w->system->nodes->stat(h, NULL, &st) != WASI_SUCCESS || st.type != WASI_TYPE_DIRECTORY) {
        w->system->nodes->close(h);
        return E_NOTDIR;
    }
    char *copy = heap_strdup(name);
    if (copy == NULL) {
        w->system->nodes->close(h);
        return E_NOMEM;
    }
    return add(w, &(struct wasi_fd){.handle = h,
                                    .rights = wasi_rights_of_type(WASI_TYPE_DIRECTORY),
                                    .inheriting = WASI_RIGHTS_ALL,
                                    .type = WASI_TYPE_DIRECTORY,
                                    .folder = copy});
}
