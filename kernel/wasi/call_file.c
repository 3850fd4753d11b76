// SPDX-License-Identifier: MIT
//
// Calls on the contents of open files and streams: reading, writing, positions, allocation.
#include "kernel/lib/endian.h"
#include "kernel/wasi/wasi_internal.h"

#define PIECE ((uint32_t)1 << 20) /* bytes moved at a time */

/* Copy a call's buffer list into w->spans, checked. The list is in the program's memory, and the
 * data that is read may overwrite it, so read the list exactly once. `args` are the list and its
 * length; `result` is the address for the number of bytes, returned in *done. */
static uint16_t take_buffers(struct wasi *w, const uint64_t *args, uint64_t result, uint32_t *count,
                             uint8_t **done)
{
    uint32_t n = (uint32_t)args[1];
    uint64_t total = 0;
    const uint8_t *list = wasi_at(w, args[0], (uint64_t)n * WASI_IOVEC_SIZE);
    *done = wasi_at(w, result, 4);
    if (list == NULL || *done == NULL) {
        return WASI_EFAULT;
    }
    if (n > WASI_BUFFERS_MAX) {
        return WASI_EINVAL;
    }
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *one = list + (size_t)i * WASI_IOVEC_SIZE;
        /* wasi_at() checks start and length together, so a span never reaches past the memory. */
        uint32_t len = load_le32(one + 4);
        w->spans[i] = (struct wasi_span){wasi_at(w, load_le32(one), len), len};
        if (w->spans[i].bytes == NULL) {
            return WASI_EFAULT;
        }
        total += len;
    }
    *count = n;
    return total > INT32_MAX ? WASI_EINVAL : WASI_SUCCESS;
}

/* Moves bytes into or out of a file. */
typedef uint16_t move_fn(struct wasi_handle *h, uint64_t at, uint8_t *buf, size_t len, size_t *done,
                         const struct wasi_file_ops *ops);

static uint16_t move_in(struct wasi_handle *h, uint64_t at, uint8_t *buf, size_t len, size_t *done,
                        const struct wasi_file_ops *ops)
{
    return ops->read(h, at, buf, len, done);
}

static uint16_t move_out(struct wasi_handle *h, uint64_t at, uint8_t *buf, size_t len, size_t *done,
                         const struct wasi_file_ops *ops)
{
    return ops->write(h, at, buf, len, done);
}

/* Move one buffer, in pieces of PIECE bytes, so that a program that is being ended, or another
 * thread that needs the file, does not wait for gigabytes. *moved is valid even if this fails. */
static uint16_t move_buffer(struct wasi *w, const struct wasi_fd *fd, uint64_t at,
                            const struct wasi_span *span, move_fn *one, uint32_t *moved)
{
    uint32_t total = 0;
    uint16_t e = WASI_SUCCESS;
    while (e == WASI_SUCCESS && total < span->len) {
        size_t want = MIN(span->len - total, PIECE);
        size_t done = 0;
        uint64_t from = at == WASI_POSITION ? at : at + total;
        e = one(fd->handle, from, span->bytes + total, want, &done, w->system->files);
        total += e == WASI_SUCCESS ? (uint32_t)done : 0;
        if (done < want) {
            break;
        }
    }
    *moved = total;
    return e;
}

/* Move one buffer after the other until one is not filled or emptied completely.
 *
 * A read from a stream (`is_once`) stops after the first bytes: more may not come for a long time.
 * An error is returned only if nothing was moved before it; otherwise the next call reports it. */
static uint16_t move(struct wasi *w, const struct wasi_fd *fd, uint64_t at, uint32_t count,
                     move_fn *one, uint32_t *moved)
{
    uint32_t total = 0;
    bool is_once = one == move_in && fd->type != WASI_TYPE_REGULAR_FILE;
    for (uint32_t i = 0; i < count; i++) {
        struct wasi_span span = w->spans[i];
        uint32_t done;
        if (span.len == 0) {
            continue;
        }
        if (is_once) {
            span.len = MIN(span.len, PIECE);
        }
        uint16_t e = move_buffer(w, fd, at == WASI_POSITION ? at : at + total, &span, one, &done);
        total += done;
        if (e != WASI_SUCCESS && total == 0) {
            return e;
        }
        if (done < span.len || is_once) {
            break;
        }
    }
    *moved = total;
    return WASI_SUCCESS;
}

/* For a non-blocking stream, query first how many bytes it has, or accepts without blocking. */
static uint16_t check_ready(struct wasi *w, const struct wasi_fd *fd, bool is_write, uint64_t *room)
{
    struct wasi_wait wait = {.handle = fd->handle, .is_write = is_write};
    *room = UINT64_MAX;
    if ((fd->flags & WASI_FDFLAG_NONBLOCK) == 0 || fd->type == WASI_TYPE_REGULAR_FILE) {
        return WASI_SUCCESS;
    }
    uint16_t e = w->system->machine->poll(&wait, 1, 0);
    *room = wait.bytes;
    return e == WASI_ETIMEDOUT ? WASI_EAGAIN : e;
}

/* Shorten the buffers to `room` bytes in total. */
static void cut_buffers(struct wasi *w, uint32_t count, uint64_t room)
{
    for (uint32_t i = 0; i < count; i++) {
        w->spans[i].len = (uint32_t)MIN((uint64_t)w->spans[i].len, room);
        room -= w->spans[i].len;
    }
}

static uint32_t do_read(struct wasi *w, const struct wasi_fd *fd, uint64_t at, const uint64_t *args,
                        uint64_t result)
{
    uint32_t count;
    uint8_t *done;
    uint32_t moved;
    uint64_t there; /* unused: a read returns the bytes that are there and does not wait for more */
    uint16_t e = take_buffers(w, args, result, &count, &done);
    if (e == WASI_SUCCESS) {
        e = check_ready(w, fd, false, &there);
    }
    if (e == WASI_SUCCESS) {
        e = move(w, fd, at, count, move_in, &moved);
    }
    if (e == WASI_SUCCESS) {
        store_le32(done, moved);
    }
    return e;
}

static uint32_t do_write(struct wasi *w, const struct wasi_fd *fd, uint64_t at,
                         const uint64_t *args, uint64_t result)
{
    uint32_t count;
    uint8_t *done;
    uint32_t moved;
    uint64_t room;
    /* The write is cut to the room that poll reported, so that a non-blocking descriptor does not
     * block; without O_NONBLOCK room is UINT64_MAX. */
    uint16_t e = take_buffers(w, args, result, &count, &done);
    if (e == WASI_SUCCESS) {
        e = check_ready(w, fd, true, &room);
    }
    if (e == WASI_SUCCESS) {
        cut_buffers(w, count, room);
        e = move(w, fd, at, count, move_out, &moved);
    }
    if (e == WASI_SUCCESS && (fd->flags & (WASI_FDFLAG_SYNC | WASI_FDFLAG_DSYNC)) != 0) {
        e = w->system->files->sync(fd->handle, (fd->flags & WASI_FDFLAG_SYNC) == 0);
    }
    if (e == WASI_SUCCESS) {
        store_le32(done, moved);
    }
    return e;
}

uint32_t wasi_fd_read(struct wasi *w, const uint64_t *args)
{
    struct wasi_fd *fd;
    uint16_t e = wasi_fd_need_file(w, args[0], WASI_RIGHT_FD_READ, &fd);
    return e != WASI_SUCCESS ? e : do_read(w, fd, WASI_POSITION, args + 1, args[3]);
}

uint32_t wasi_fd_write(struct wasi *w, const uint64_t *args)
{
    struct wasi_fd *fd;
    uint16_t e = wasi_fd_need_file(w, args[0], WASI_RIGHT_FD_WRITE, &fd);
    return e != WASI_SUCCESS ? e : do_write(w, fd, WASI_POSITION, args + 1, args[3]);
}

/* Bytes move from `at` upwards; even the largest call must not pass the last position. */
static bool is_offset(uint64_t at)
{
    return at <= INT64_MAX;
}

uint32_t wasi_fd_pread(struct wasi *w, const uint64_t *args)
{
    struct wasi_fd *fd;
    uint16_t e = wasi_fd_need_seekable(w, args[0], WASI_RIGHT_FD_READ | WASI_RIGHT_FD_SEEK, &fd);
    if (e != WASI_SUCCESS) {
        return e;
    }
    return is_offset(args[3]) ? do_read(w, fd, args[3], args + 1, args[4]) : WASI_EINVAL;
}

uint32_t wasi_fd_pwrite(struct wasi *w, const uint64_t *args)
{
    struct wasi_fd *fd;
    uint16_t e = wasi_fd_need_seekable(w, args[0], WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_SEEK, &fd);
    if (e != WASI_SUCCESS) {
        return e;
    }
    return is_offset(args[3]) ? do_write(w, fd, args[3], args + 1, args[4]) : WASI_EINVAL;
}

static uint32_t do_seek(struct wasi *w, const struct wasi_fd *fd, int64_t off, uint32_t whence,
                        uint64_t result)
{
    uint8_t *to = wasi_at(w, result, 8);
    uint64_t position;
    if (whence >= WASI_WHENCE_COUNT) {
        return WASI_EINVAL;
    }
    if (to == NULL) {
        return WASI_EFAULT;
    }
    uint16_t e = w->system->files->seek(fd->handle, off, (enum wasi_whence)whence, &position);
    if (e == WASI_SUCCESS) {
        store_le64(to, position);
    }
    return e;
}

/* Querying the position needs the right FD_TELL, which FD_SEEK implies. */
static uint16_t need_position(const struct wasi *w, uint64_t number, struct wasi_fd **out)
{
    uint16_t e = wasi_fd_need_seekable(w, number, WASI_RIGHT_FD_TELL, out);
    return e == WASI_ENOTCAPABLE ? wasi_fd_need_seekable(w, number, WASI_RIGHT_FD_SEEK, out) : e;
}

uint32_t wasi_fd_seek(struct wasi *w, const uint64_t *args)
{
    struct wasi_fd *fd;
    uint32_t whence = (uint32_t)args[2];
    bool is_tell = args[1] == 0 && whence == WASI_WHENCE_CUR;
    uint16_t e = is_tell ? need_position(w, args[0], &fd)
                         : wasi_fd_need_seekable(w, args[0], WASI_RIGHT_FD_SEEK, &fd);
    return e != WASI_SUCCESS ? e : do_seek(w, fd, (int64_t)args[1], whence, args[3]);
}

uint32_t wasi_fd_tell(struct wasi *w, const uint64_t *args)
{
    struct wasi_fd *fd;
    uint16_t e = need_position(w, args[0], &fd);
    return e != WASI_SUCCESS ? e : do_seek(w, fd, 0, WASI_WHENCE_CUR, args[1]);
}

static uint32_t do_sync(struct wasi *w, uint64_t number, uint64_t right, bool data_only)
{
    struct wasi_fd *fd;
    uint16_t e = wasi_fd_need(w, number, right, &fd);
    return e != WASI_SUCCESS ? e : w->system->files->sync(fd->handle, data_only);
}

uint32_t wasi_fd_sync(struct wasi *w, const uint64_t *args)
{
    return do_sync(w, args[0], WASI_RIGHT_FD_SYNC, false);
}

uint32_t wasi_fd_datasync(struct wasi *w, const uint64_t *args)
{
    return do_sync(w, args[0], WASI_RIGHT_FD_DATASYNC, true);
}

/* Advice is checked but ignored: files are in memory, or are read ahead anyway. */
uint32_t wasi_fd_advise(struct wasi *w, const uint64_t *args)
{
    struct wasi_fd *fd;
    uint64_t end;
    uint16_t e = wasi_fd_need_seekable(w, args[0], WASI_RIGHT_FD_ADVISE, &fd);
    if (e != WASI_SUCCESS) {
        return e;
    }
    bool is_range = !ADD_OVERFLOWS(args[1], args[2], &end) && end <= INT64_MAX;
    return is_range && (uint32_t)args[3] < WASI_ADVICE_COUNT ? WASI_SUCCESS : WASI_EINVAL;
}

uint32_t wasi_fd_allocate(struct wasi *w, const uint64_t *args)
{
    struct wasi_fd *fd;
    uint64_t end;
    uint16_t e = wasi_fd_need_seekable(w, args[0], WASI_RIGHT_FD_ALLOCATE, &fd);
    if (e != WASI_SUCCESS) {
        return e;
    }
    if (args[2] == 0) {
        return WASI_EINVAL;
    }
    if (ADD_OVERFLOWS(args[1], args[2], &end) || end > INT64_MAX) {
        return WASI_EFBIG;
    }
    return w->system->files->allocate(fd->handle, args[1], args[2]);
}
