// SPDX-License-Identifier: MIT
//
// Calls on descriptors: status and rights, closing, renumbering, listing.
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/wasi/wasi_internal.h"

/* Cookies of fd_readdir: 0 and 1 are "." and "..", which systems do not list; a system's own
 * cookies follow. */
#define COOKIE_PARENT 1u
#define COOKIE_FIRST  2u

/* Field by field in the order of the witx file: the structure in the program's memory has gaps,
 * which are zero, and no alignment that C could rely on. */
void wasi_store_stat(uint8_t *to, const struct wasi_stat *st)
{
    memset(to, 0, WASI_FILESTAT_SIZE);
    store_le64(to + WASI_FILESTAT_DEV, st->device);
    store_le64(to + WASI_FILESTAT_INO, st->inode);
    to[WASI_FILESTAT_TYPE] = st->type;
    store_le64(to + WASI_FILESTAT_NLINK, st->links);
    store_le64(to + WASI_FILESTAT_LENGTH, st->size);
    store_le64(to + WASI_FILESTAT_ATIM, st->accessed_ns);
    store_le64(to + WASI_FILESTAT_MTIM, st->modified_ns);
    store_le64(to + WASI_FILESTAT_CTIM, st->changed_ns);
}

/* Setting a time both to a value and to the present is an error. Both times get the same "now". */
uint16_t wasi_read_times(const struct wasi *w, uint64_t accessed, uint64_t modified, uint64_t flags,
                         struct wasi_times *out)
{
    uint32_t f = (uint32_t)flags;
    uint64_t now = 0;
    if ((f & ~(uint32_t)WASI_FST_ALL) != 0 ||
        (f & (WASI_FST_ATIM | WASI_FST_ATIM_NOW)) == (WASI_FST_ATIM | WASI_FST_ATIM_NOW) ||
        (f & (WASI_FST_MTIM | WASI_FST_MTIM_NOW)) == (WASI_FST_MTIM | WASI_FST_MTIM_NOW)) {
        return WASI_EINVAL;
    }
    if ((f & (WASI_FST_ATIM_NOW | WASI_FST_MTIM_NOW)) != 0) {
        uint16_t e = w->system->machine->clock_time(WASI_CLOCK_REALTIME, &now);
        if (e != WASI_SUCCESS) {
            return e;
        }
    }
    *out = (struct wasi_times){
        .set_accessed = (f & (WASI_FST_ATIM | WASI_FST_ATIM_NOW)) != 0,
        .set_modified = (f & (WASI_FST_MTIM | WASI_FST_MTIM_NOW)) != 0,
        .accessed_ns = (f & WASI_FST_ATIM_NOW) != 0 ? now : accessed,
        .modified_ns = (f & WASI_FST_MTIM_NOW) != 0 ? now : modified,
    };
    return WASI_SUCCESS;
}

/* A preopened folder may be closed, too; its number is then free for the next file. */
uint32_t wasi_fd_close_call(struct wasi *w, const uint64_t *args)
{
    struct wasi_fd *fd;
    uint16_t e = wasi_fd_find(w, args[0], &fd);
    if (e == WASI_SUCCESS) {
        wasi_fd_close(w, fd);
    }
    return e;
}

uint32_t wasi_fd_fdstat_get(struct wasi *w, const uint64_t *args)
{
    struct wasi_fd *fd;
    uint8_t *to = wasi_at(w, args[1], WASI_FDSTAT_SIZE);
    uint16_t e = wasi_fd_find(w, args[0], &fd);
    if (e != WASI_SUCCESS) {
        return e;
    }
    if (to == NULL) {
        return WASI_EFAULT;
    }
    memset(to, 0, WASI_FDSTAT_SIZE);
    to[WASI_FDSTAT_TYPE] = fd->type;
    store_le16(to + WASI_FDSTAT_FLAGS, fd->flags);
    store_le64(to + WASI_FDSTAT_BASE, fd->rights);
    store_le64(to + WASI_FDSTAT_INHERITING, fd->inheriting);
    return WASI_SUCCESS;
}

/* Only a change of APPEND reaches the system. The other flags are stored, so that the program reads
 * back what it set. */
uint32_t wasi_fd_fdstat_set_flags(struct wasi *w, const uint64_t *args)
{
    struct wasi_fd *fd;
    uint32_t flags = (uint32_t)args[1];
    uint16_t e = wasi_fd_need(w, args[0], WASI_RIGHT_FD_FDSTAT_SET_FLAGS, &fd);
    if (e != WASI_SUCCESS) {
        return e;
    }
    if ((flags & ~(uint32_t)WASI_FDFLAGS_ALL) != 0) {
        return WASI_EINVAL;
    }
    if (((fd->flags ^ flags) & WASI_FDFLAG_APPEND) != 0) {
        e = w->system->files->set_append(fd->handle, (flags & WASI_FDFLAG_APPEND) != 0);
    }
    if (e == WASI_SUCCESS) {
        fd->flags = (uint16_t)flags;
    }
    return e;
}

/* Rights can only be dropped. */
uint32_t wasi_fd_fdstat_set_rights(struct wasi *w, const uint64_t *args)
{
    struct wasi_fd *fd;
    uint16_t e = wasi_fd_find(w, args[0], &fd);
    if (e != WASI_SUCCESS) {
        return e;
    }
    if ((args[1] & ~fd->rights) != 0 || (args[2] & ~fd->inheriting) != 0) {
        return WASI_ENOTCAPABLE;
    }
    fd->rights = args[1];
    fd->inheriting = args[2];
    return WASI_SUCCESS;
}

uint32_t wasi_fd_filestat_get(struct wasi *w, const uint64_t *args)
{
    struct wasi_fd *fd;
    struct wasi_stat st;
    uint8_t *to = wasi_at(w, args[1], WASI_FILESTAT_SIZE);
    uint16_t e = wasi_fd_need(w, args[0], WASI_RIGHT_FD_FILESTAT_GET, &fd);
    if (e == WASI_SUCCESS && to == NULL) {
        e = WASI_EFAULT;
    }
    if (e == WASI_SUCCESS) {
        e = w->system->nodes->stat(fd->handle, NULL, &st);
    }
    if (e == WASI_SUCCESS) {
        wasi_store_stat(to, &st);
    }
    return e;
}

/* Sizes are signed on every system below, so a larger one is refused here, with the error that
 * POSIX has for it. */
uint32_t wasi_fd_filestat_set_size(struct wasi *w, const uint64_t *args)
{
    struct wasi_fd *fd;
    uint16_t e = wasi_fd_need_file(w, args[0], WASI_RIGHT_FD_FILESTAT_SET_SIZE, &fd);
    if (e != WASI_SUCCESS) {
        return e;
    }
    return args[1] > INT64_MAX ? WASI_EFBIG : w->system->files->set_size(fd->handle, args[1]);
}

uint32_t wasi_fd_filestat_set_times(struct wasi *w, const uint64_t *args)
{
    struct wasi_fd *fd;
    struct wasi_times times;
    uint16_t e = wasi_fd_need(w, args[0], WASI_RIGHT_FD_FILESTAT_SET_TIMES, &fd);
    if (e == WASI_SUCCESS) {
        e = wasi_read_times(w, args[1], args[2], args[3], &times);
    }
    return e != WASI_SUCCESS ? e : w->system->nodes->set_times(fd->handle, NULL, &times);
}

/* A program asks for 3, 4 and so on until a number is no preopened folder: return EBADF for
 * each of those. */
static uint16_t find_folder(const struct wasi *w, uint64_t number, struct wasi_fd **out)
{
    uint16_t e = wasi_fd_find(w, number, out);
    return e == WASI_SUCCESS && (*out)->folder == NULL ? WASI_EBADF : e;
}

uint32_t wasi_fd_prestat_get(struct wasi *w, const uint64_t *args)
{
    struct wasi_fd *fd;
    uint8_t *to = wasi_at(w, args[1], WASI_PRESTAT_SIZE);
    uint16_t e = find_folder(w, args[0], &fd);
    if (e != WASI_SUCCESS) {
        return e;
    }
    if (to == NULL) {
        return WASI_EFAULT;
    }
    memset(to, 0, WASI_PRESTAT_SIZE);
    to[WASI_PRESTAT_TAG] = WASI_PREOPEN_DIR;
    store_le32(to + WASI_PRESTAT_LEN, (uint32_t)strlen(fd->folder));
    return WASI_SUCCESS;
}

uint32_t wasi_fd_prestat_dir_name(struct wasi *w, const uint64_t *args)
{
    struct wasi_fd *fd;
    uint8_t *to = wasi_at(w, args[1], (uint32_t)args[2]);
    uint16_t e = find_folder(w, args[0], &fd);
    if (e != WASI_SUCCESS) {
        return e;
    }
    size_t len = strlen(fd->folder);
    if (to == NULL) {
        return WASI_EFAULT;
    }
    if ((uint32_t)args[2] < len) {
        return WASI_ENAMETOOLONG;
    }
    memcpy(to, fd->folder, len);
    return WASI_SUCCESS;
}

/* Closing `to` frees its handle; `from` moves there as a whole, so rights and folder name keep
 * their one owner. */
uint32_t wasi_fd_renumber(struct wasi *w, const uint64_t *args)
{
    struct wasi_fd *from;
    struct wasi_fd *to;
    uint16_t e = wasi_fd_find(w, args[0], &from);
    if (e == WASI_SUCCESS) {
        e = wasi_fd_find(w, args[1], &to);
    }
    if (e == WASI_SUCCESS && from != to) {
        wasi_fd_close(w, to);
        *to = *from;
        *from = (struct wasi_fd){.handle = NULL};
    }
    return e;
}

/* "." or "..". Both report the directory's own inode, so that nothing is
 * revealed about the parent. */
static uint16_t dot_entry(struct wasi *w, const struct wasi_fd *fd, uint64_t cookie,
                          struct wasi_entry *out)
{
    struct wasi_stat st;
    uint16_t e = w->system->nodes->stat(fd->handle, NULL, &st);
    if (e != WASI_SUCCESS) {
        return e;
    }
    *out = (struct wasi_entry){.next = cookie + 1, .inode = st.inode, .type = WASI_TYPE_DIRECTORY};
    out->len = cookie == COOKIE_PARENT ? 2 : 1;
    memcpy(out->name, "..", 2);
    return WASI_SUCCESS;
}

/* A system's cookie for its first entry is 0, so the program's cookies are higher by the two
 * entries that are made up here. */
static uint16_t entry_at(struct wasi *w, const struct wasi_fd *fd, uint64_t cookie,
                         struct wasi_entry *out)
{
    if (cookie < COOKIE_FIRST) {
        return dot_entry(w, fd, cookie, out);
    }
    uint16_t e = w->system->directories->read_entry(fd->handle, cookie - COOKIE_FIRST, out);
    out->next += COOKIE_FIRST;
    return e;
}

/* Store as much as fits: a program that gets half an entry asks again from that cookie. */
static uint32_t store_part(uint8_t *to, uint32_t room, const void *from, uint32_t len)
{
    uint32_t n = MIN(room, len);
    memcpy(to, from, n);
    return n;
}

static uint32_t store_entry(uint8_t *to, uint32_t room, const struct wasi_entry *entry)
{
    uint8_t head[WASI_DIRENT_SIZE] = {0};
    store_le64(head + WASI_DIRENT_NEXT, entry->next);
    store_le64(head + WASI_DIRENT_INO, entry->inode);
    store_le32(head + WASI_DIRENT_NAMLEN, entry->len);
    head[WASI_DIRENT_TYPE] = entry->type;
    uint32_t n = store_part(to, room, head, sizeof(head));
    return n + store_part(to + n, room - n, entry->name, entry->len);
}

/* Store entries until the buffer is full. A full buffer tells the program that there may be
 * more. */
static uint16_t fill_entries(struct wasi *w, const struct wasi_fd *fd, uint64_t cookie, uint8_t *to,
                             uint32_t room, uint32_t *used)
{
    uint32_t at = 0;
    while (at < room) {
        struct wasi_entry entry = {.len = 0};
        uint16_t e = entry_at(w, fd, cookie, &entry);
        if (e == WASI_ENOENT) {
            break;
        }
        if (e != WASI_SUCCESS) {
            return e;
        }
        at += store_entry(to + at, room - at, &entry);
        cookie = entry.next;
    }
    *used = at;
    return WASI_SUCCESS;
}

/* The buffer and the place of the result are checked before anything is stored. The program's
 * memory is written only after all checks, here and in every call. */
uint32_t wasi_fd_readdir(struct wasi *w, const uint64_t *args)
{
    struct wasi_fd *fd;
    uint32_t room = (uint32_t)args[2];
    uint32_t used;
    uint8_t *to = wasi_at(w, args[1], room);
    uint8_t *result = wasi_at(w, args[4], 4);
    uint16_t e = wasi_fd_need_directory(w, args[0], WASI_RIGHT_FD_READDIR, &fd);
    if (e == WASI_SUCCESS && (to == NULL || result == NULL)) {
        e = WASI_EFAULT;
    }
    if (e == WASI_SUCCESS) {
        e = fill_entries(w, fd, args[3], to, room, &used);
    }
    if (e == WASI_SUCCESS) {
        store_le32(result, used);
    }
    return e;
}
