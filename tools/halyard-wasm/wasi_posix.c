// SPDX-License-Identifier: MIT
//
// WASI on a POSIX computer (Linux): handles are descriptors. Paths are passed to the *at calls one
// component at a time, with O_NOFOLLOW.
#define _GNU_SOURCE
#include "wasi_posix.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull

#define CHANGES_MAX 16u /* attempts to open one name while it changes */

struct wasi_handle {
    int fd;
    DIR *listing;    /* set once it has been listed; it has a descriptor of its own */
    uint64_t cookie; /* position of the listing */
};

static uint16_t errno_of(int e)
{
    static const struct {
        int host;
        uint16_t guest;
    } table[] = {
        {E2BIG, WASI_E2BIG},     {EACCES, WASI_EACCES},       {EAGAIN, WASI_EAGAIN},
        {EBADF, WASI_EBADF},     {EBUSY, WASI_EBUSY},         {EDQUOT, WASI_EDQUOT},
        {EEXIST, WASI_EEXIST},   {EFAULT, WASI_EFAULT},       {EFBIG, WASI_EFBIG},
        {EILSEQ, WASI_EILSEQ},   {EINTR, WASI_EINTR},         {EINVAL, WASI_EINVAL},
        {EIO, WASI_EIO},         {EISDIR, WASI_EISDIR},       {ELOOP, WASI_ELOOP},
        {EMFILE, WASI_EMFILE},   {EMLINK, WASI_EMLINK},       {ENAMETOOLONG, WASI_ENAMETOOLONG},
        {ENFILE, WASI_ENFILE},   {ENODEV, WASI_ENODEV},       {ENOENT, WASI_ENOENT},
        {ENOMEM, WASI_ENOMEM},   {ENOSPC, WASI_ENOSPC},       {ENOSYS, WASI_ENOSYS},
        {ENOTDIR, WASI_ENOTDIR}, {ENOTEMPTY, WASI_ENOTEMPTY}, {ENOTSUP, WASI_ENOTSUP},
        {ENOTTY, WASI_ENOTTY},   {ENXIO, WASI_ENXIO},         {EOVERFLOW, WASI_EOVERFLOW},
        {EPERM, WASI_EPERM},     {EPIPE, WASI_EPIPE},         {ERANGE, WASI_ERANGE},
        {EROFS, WASI_EROFS},     {ESPIPE, WASI_ESPIPE},       {ETIMEDOUT, WASI_ETIMEDOUT},
        {ETXTBSY, WASI_ETXTBSY}, {EXDEV, WASI_EXDEV},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i].host == e) {
            return table[i].guest;
        }
    }
    return WASI_EIO;
}

/* Converts the result of a call that returns a negative number on failure. */
static uint16_t result_of(long r)
{
    return r < 0 ? errno_of(errno) : WASI_SUCCESS;
}

struct wasi_handle *wasi_posix_handle(int fd)
{
    struct wasi_handle *h = malloc(sizeof(*h));
    if (h == NULL) {
        close(fd);
        return NULL;
    }
    *h = (struct wasi_handle){.fd = fd};
    return h;
}

static int host_flags(unsigned flags)
{
    int host = O_NOFOLLOW | O_CLOEXEC | O_NOCTTY;
    if (flags == WASI_OPEN_DIRECTORY) {
        return host | O_PATH | O_DIRECTORY; /* permission to search it is sufficient */
    }
    host |= (flags & WASI_OPEN_WRITE) == 0  ? O_RDONLY
            : (flags & WASI_OPEN_READ) == 0 ? O_WRONLY
                                            : O_RDWR;
    host |= (flags & WASI_OPEN_CREATE) != 0 ? O_CREAT : 0;
    host |= (flags & WASI_OPEN_EXCLUSIVE) != 0 ? O_EXCL : 0;
    host |= (flags & WASI_OPEN_TRUNCATE) != 0 ? O_TRUNC : 0;
    host |= (flags & WASI_OPEN_DIRECTORY) != 0 ? O_DIRECTORY : 0;
    host |= (flags & WASI_OPEN_APPEND) != 0 ? O_APPEND : 0;
    return host;
}

/* For a link instead of a directory the system returns ENOTDIR, as for a file. A second call must
 * tell the two apart, and the name may be a directory by then: so opening is tried again. */
static int open_name(const struct wasi_handle *dir, const char *name, unsigned flags, int *error)
{
    struct stat st;
    for (unsigned n = 0; n < CHANGES_MAX; n++) {
        int fd = openat(dir->fd, name, host_flags(flags), 0666);
        *error = errno;
        if (fd >= 0 || *error != ENOTDIR) {
            return fd;
        }
        if (fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
            *error = errno;
            return -1;
        }
        if (!S_ISDIR(st.st_mode)) {
            *error = S_ISLNK(st.st_mode) ? ELOOP : ENOTDIR;
            return -1;
        }
    }
    return -1;
}

static uint16_t node_open(struct wasi_handle *dir, const char *name, unsigned flags,
                          struct wasi_handle **out)
{
    int error = 0;
    int fd = open_name(dir, name, flags, &error);
    if (fd < 0) {
        return errno_of(error);
    }
    struct wasi_handle *h = wasi_posix_handle(fd);
    if (h == NULL) {
        return WASI_ENOMEM;
    }
    *out = h;
    return WASI_SUCCESS;
}

static void node_close(struct wasi_handle *h)
{
    if (h->listing != NULL) {
        closedir(h->listing);
    }
    close(h->fd);
    free(h);
}

/* WASI has no type for pipes and similar files. */
static uint8_t type_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return WASI_TYPE_REGULAR_FILE;
    case S_IFDIR:
        return WASI_TYPE_DIRECTORY;
    case S_IFLNK:
        return WASI_TYPE_SYMBOLIC_LINK;
    case S_IFCHR:
        return WASI_TYPE_CHARACTER_DEVICE;
    case S_IFBLK:
        return WASI_TYPE_BLOCK_DEVICE;
    case S_IFSOCK:
        return WASI_TYPE_SOCKET_STREAM;
    default:
        return WASI_TYPE_UNKNOWN;
    }
}

/* Times before 1970 are reported as 0. */
static uint64_t ns_of(struct timespec t)
{
    return t.tv_sec < 0 ? 0 : (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static struct timespec timespec_of(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
}

static uint16_t node_stat(struct wasi_handle *h, const char *name, struct wasi_stat *out)
{
    struct stat st;
    int r = name == NULL ? fstat(h->fd, &st) : fstatat(h->fd, name, &st, AT_SYMLINK_NOFOLLOW);
    if (r < 0) {
        return errno_of(errno);
    }
    *out = (struct wasi_stat){.device = st.st_dev,
                              .inode = st.st_ino,
                              .links = st.st_nlink,
                              .size = (uint64_t)st.st_size,
                              .accessed_ns = ns_of(st.st_atim),
                              .modified_ns = ns_of(st.st_mtim),
                              .changed_ns = ns_of(st.st_ctim),
                              .type = type_of(st.st_mode)};
    return WASI_SUCCESS;
}

static uint16_t node_set_times(struct wasi_handle *h, const char *name,
                               const struct wasi_times *times)
{
    struct timespec t[2] = {timespec_of(times->accessed_ns), timespec_of(times->modified_ns)};
    if (!times->set_accessed) {
        t[0].tv_nsec = UTIME_OMIT;
    }
    if (!times->set_modified) {
        t[1].tv_nsec = UTIME_OMIT;
    }
    return result_of(name == NULL ? futimens(h->fd, t)
                                  : utimensat(h->fd, name, t, AT_SYMLINK_NOFOLLOW));
}

static uint16_t file_read(struct wasi_handle *h, uint64_t at, void *buf, size_t len, size_t *done)
{
    ssize_t n;
    do {
        n = at == WASI_POSITION ? read(h->fd, buf, len) : pread(h->fd, buf, len, (off_t)at);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return errno_of(errno);
    }
    *done = (size_t)n;
    return WASI_SUCCESS;
}

/* For a descriptor that appends, Linux writes at the end whatever the offset. POSIX does not. */
static ssize_t write_at(int fd, uint64_t at, const void *buf, size_t len)
{
    int flags = fcntl(fd, F_GETFL);
    bool is_appending = flags >= 0 && (flags & O_APPEND) != 0;
    if (is_appending) {
        (void)fcntl(fd, F_SETFL, flags & ~O_APPEND);
    }
    ssize_t n = pwrite(fd, buf, len, (off_t)at);
    int e = errno;
    if (is_appending) {
        (void)fcntl(fd, F_SETFL, flags);
    }
    errno = e;
    return n;
}

static uint16_t file_write(struct wasi_handle *h, uint64_t at, const void *buf, size_t len,
                           size_t *done)
{
    ssize_t n;
    do {
        n = at == WASI_POSITION ? write(h->fd, buf, len) : write_at(h->fd, at, buf, len);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return errno_of(errno);
    }
    *done = (size_t)n;
    return WASI_SUCCESS;
}

static uint16_t file_seek(struct wasi_handle *h, int64_t off, enum wasi_whence whence,
                          uint64_t *out)
{
    static const int host[] = {
        [WASI_WHENCE_SET] = SEEK_SET, [WASI_WHENCE_CUR] = SEEK_CUR, [WASI_WHENCE_END] = SEEK_END};
    off_t at = lseek(h->fd, (off_t)off, host[whence]);
    if (at < 0) {
        return errno_of(errno);
    }
    *out = (uint64_t)at;
    return WASI_SUCCESS;
}

static uint16_t file_set_append(struct wasi_handle *h, bool on)
{
    int flags = fcntl(h->fd, F_GETFL);
    if (flags < 0) {
        return errno_of(errno);
    }
    return result_of(fcntl(h->fd, F_SETFL, on ? flags | O_APPEND : flags & ~O_APPEND));
}

static uint16_t file_set_size(struct wasi_handle *h, uint64_t size)
{
    return result_of(ftruncate(h->fd, (off_t)size));
}

static uint16_t file_allocate(struct wasi_handle *h, uint64_t off, uint64_t len)
{
    int e = posix_fallocate(h->fd, (off_t)off, (off_t)len);
    return e == 0 ? WASI_SUCCESS : errno_of(e);
}

/* A file that cannot be synchronised, such as a pipe or a terminal, has nothing to write back. */
static uint16_t file_sync(struct wasi_handle *h, bool data_only)
{
    int r = data_only ? fdatasync(h->fd) : fsync(h->fd);
    return r < 0 && errno == EINVAL ? WASI_SUCCESS : result_of(r);
}

/* Move the listing to a cookie. A listing owns its descriptor, so a directory whose handle is still
 * in use may have to be opened again. */
static uint16_t seek_listing(struct wasi_handle *dir, uint64_t cookie)
{
    if (dir->listing == NULL) {
        int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) {
            return errno_of(errno);
        }
        dir->listing = fdopendir(fd);
        if (dir->listing == NULL) {
            close(fd);
            return WASI_ENOMEM;
        }
        dir->cookie = 0;
    }
    if (cookie == 0) {
        rewinddir(dir->listing);
    } else if (cookie != dir->cookie) {
        seekdir(dir->listing, (long)cookie);
    }
    return WASI_SUCCESS;
}

static uint8_t type_of_entry(const struct wasi_handle *dir, const struct dirent *e)
{
    struct stat st;
    if (e->d_type != DT_UNKNOWN) {
        return type_of(DTTOIF(e->d_type));
    }
    return fstatat(dir->fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? type_of(st.st_mode)
                                                                      : WASI_TYPE_UNKNOWN;
}

static uint16_t read_entry(struct wasi_handle *dir, uint64_t cookie, struct wasi_entry *out)
{
    uint16_t e = seek_listing(dir, cookie);
    if (e != WASI_SUCCESS) {
        return e;
    }
    const struct dirent *entry;
    do {
        errno = 0;
        entry = readdir(dir->listing);
    } while (entry != NULL &&
             (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
    dir->cookie = (uint64_t)telldir(dir->listing);
    if (entry == NULL) {
        return errno != 0 ? errno_of(errno) : WASI_ENOENT;
    }
    *out = (struct wasi_entry){.next = dir->cookie,
                               .inode = entry->d_ino,
                               .type = type_of_entry(dir, entry),
                               .len = (uint32_t)strlen(entry->d_name)};
    memcpy(out->name, entry->d_name, out->len);
    return WASI_SUCCESS;
}

static uint16_t make_directory(struct wasi_handle *dir, const char *name)
{
    return result_of(mkdirat(dir->fd, name, 0777));
}

/* Linux returns EISDIR where POSIX and others return EPERM, so no second call is needed. */
static uint16_t remove_name(struct wasi_handle *dir, const char *name, bool is_directory)
{
    return result_of(unlinkat(dir->fd, name, is_directory ? AT_REMOVEDIR : 0));
}

static uint16_t do_rename(struct wasi_handle *from_dir, const char *from,
                          struct wasi_handle *to_dir, const char *to)
{
    return result_of(renameat(from_dir->fd, from, to_dir->fd, to));
}

static uint16_t do_link(struct wasi_handle *from_dir, const char *from, struct wasi_handle *to_dir,
                        const char *to)
{
    return result_of(linkat(from_dir->fd, from, to_dir->fd, to, 0));
}

static uint16_t do_symlink(const char *target, struct wasi_handle *dir, const char *name)
{
    return result_of(symlinkat(target, dir->fd, name));
}

static uint16_t read_link(struct wasi_handle *dir, const char *name, char *buf, size_t len)
{
    ssize_t n = readlinkat(dir->fd, name, buf, len);
    if (n < 0) {
        return errno_of(errno);
    }
    if ((size_t)n == len) {
        return WASI_ENAMETOOLONG;
    }
    buf[n] = '\0';
    return WASI_SUCCESS;
}

static clockid_t clock_of(enum wasi_clock_id id)
{
    switch (id) {
    case WASI_CLOCK_REALTIME:
        return CLOCK_REALTIME;
    case WASI_CLOCK_MONOTONIC:
        return CLOCK_MONOTONIC;
    case WASI_CLOCK_PROCESS_CPU:
        return CLOCK_PROCESS_CPUTIME_ID;
    default:
        return CLOCK_THREAD_CPUTIME_ID;
    }
}

static uint16_t clock_time(enum wasi_clock_id id, uint64_t *out)
{
    struct timespec t;
    if (clock_gettime(clock_of(id), &t) < 0) {
        return errno_of(errno);
    }
    *out = ns_of(t);
    return WASI_SUCCESS;
}

static uint16_t clock_resolution(enum wasi_clock_id id, uint64_t *out)
{
    struct timespec t;
    if (clock_getres(clock_of(id), &t) < 0) {
        return errno_of(errno);
    }
    *out = ns_of(t);
    return WASI_SUCCESS;
}

static uint16_t fill_random(void *buf, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = getrandom((char *)buf + at, len - at, 0);
        if (n < 0 && errno != EINTR) {
            return errno_of(errno);
        }
        at += n > 0 ? (size_t)n : 0;
    }
    return WASI_SUCCESS;
}

/* Milliseconds to wait, rounded up; -1: for ever. A time that does not fit is shortened. */
static int timeout_of(uint64_t deadline_ns)
{
    uint64_t now = 0;
    if (deadline_ns == WASI_FOREVER || deadline_ns == 0) {
        return deadline_ns == 0 ? 0 : -1;
    }
    if (clock_time(WASI_CLOCK_MONOTONIC, &now) != WASI_SUCCESS || now >= deadline_ns) {
        return 0;
    }
    uint64_t ms = (deadline_ns - now + NS_PER_MS - 1) / NS_PER_MS;
    return ms > 1000000 ? 1000000 : (int)ms;
}

static void report(const struct pollfd *p, struct wasi_wait *wait)
{
    int bytes = 0;
    wait->is_ready = p->revents != 0;
    wait->is_hung_up = (p->revents & (POLLHUP | POLLERR)) != 0;
    /* a pipe with room for one byte has room for this number */
    wait->bytes = wait->is_write ? PIPE_BUF : 1;
    if (!wait->is_write && wait->is_ready && ioctl(p->fd, FIONREAD, &bytes) == 0 && bytes >= 0) {
        wait->bytes = (uint64_t)bytes;
    }
}

static uint16_t wait_for(struct wasi_wait *waits, uint32_t count, uint64_t deadline_ns)
{
    struct pollfd *p = calloc(count + 1, sizeof(*p));
    int ready;
    if (p == NULL) {
        return WASI_ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        p[i] = (struct pollfd){.fd = waits[i].handle->fd,
                               .events = waits[i].is_write ? POLLOUT : POLLIN};
    }
    int timeout;
    do {
        timeout = timeout_of(deadline_ns);
        ready = poll(p, count, timeout);
    } while ((ready < 0 && errno == EINTR) || (ready == 0 && timeout != 0));
    uint16_t e = ready > 0 ? WASI_SUCCESS : ready == 0 ? WASI_ETIMEDOUT : errno_of(errno);
    for (uint32_t i = 0; i < count && ready > 0; i++) {
        report(&p[i], &waits[i]);
    }
    free(p);
    return e;
}

static void yield(void)
{
    (void)sched_yield();
}

static const struct wasi_node_ops nodes = {
    .open = node_open, .close = node_close, .stat = node_stat, .set_times = node_set_times};

static const struct wasi_file_ops files = {.read = file_read,
                                           .write = file_write,
                                           .seek = file_seek,
                                           .set_append = file_set_append,
                                           .set_size = file_set_size,
                                           .allocate = file_allocate,
                                           .sync = file_sync};

static const struct wasi_directory_ops directories = {.read_entry = read_entry,
                                                      .make_directory = make_directory,
                                                      .remove = remove_name,
                                                      .rename = do_rename,
                                                      .link = do_link,
                                                      .symlink = do_symlink,
                                                      .read_link = read_link};

static const struct wasi_machine_ops machine = {.clock_time = clock_time,
                                                .clock_resolution = clock_resolution,
                                                .random = fill_random,
                                                .poll = wait_for,
                                                .yield = yield};

const struct wasi_system wasi_posix = {
    .nodes = &nodes, .files = &files, .directories = &directories, .machine = &machine};
