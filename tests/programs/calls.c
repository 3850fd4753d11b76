// SPDX-License-Identifier: MIT
//
// Part of the kernel's own tests, as a portable program: WASI calls that wait, that move much data
// at once, and that change names, so that the program can be killed in each. Its argument chooses
// the calls. "once" makes every call that changes anything once, checks each result, and removes
// its files; it succeeds whatever files a killed program has left. "little" is the same with a
// sixteenth of the bytes, for tests that run it a thousand times.
#include <stdint.h>
#include <string.h>
#include <wasi/api.h>

#define ROOT   3 /* the folder that programs get: / */
#define FOLDER "tmp/calls"
#define FIRST  FOLDER "/first"
#define SECOND FOLDER "/second"
#define LINK   FOLDER "/link"
#define OTHER  FOLDER "/other"
#define INNER  FOLDER "/inner"

#define LARGE  65536u /* bytes of one read or write */
#define WRITES 4u
#define PAUSE  20000u     /* ns */
#define NONE   UINT32_MAX /* no descriptor */
#define HOUR   3600000000000u

static uint8_t bytes[LARGE];
static __wasi_size_t large = LARGE; /* bytes of one write, at most LARGE */

/* The number of the first step that failed; later steps still run. */
static int step, failed;

static void expect(__wasi_errno_t answer)
{
    step++;
    if (answer != __WASI_ERRNO_SUCCESS && failed == 0) {
        failed = step;
    }
}

static __wasi_errno_t open_path(const char *path, __wasi_oflags_t how, __wasi_fd_t *fd)
{
    __wasi_rights_t rights = __WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_SEEK;
    if ((how & __WASI_OFLAGS_DIRECTORY) != 0) {
        rights = __WASI_RIGHTS_FD_READDIR;
    } else if ((how & __WASI_OFLAGS_CREAT) != 0) {
        rights |= __WASI_RIGHTS_FD_WRITE | __WASI_RIGHTS_FD_FILESTAT_SET_SIZE;
    }
    return __wasi_path_open(ROOT, 0, path, how, rights, 0, 0, fd);
}

static void write_file(const char *path)
{
    __wasi_fd_t fd = NONE;
    __wasi_size_t done = 0;
    __wasi_filesize_t at;
    const __wasi_ciovec_t out[] = {{bytes, large / 2}, {bytes + large / 2, large / 2}};
    const __wasi_iovec_t in[] = {{bytes, large}};
    expect(open_path(path, __WASI_OFLAGS_CREAT | __WASI_OFLAGS_TRUNC, &fd));
    for (unsigned i = 0; i < WRITES; i++) {
        expect(__wasi_fd_write(fd, out, 2, &done));
    }
    expect(__wasi_fd_seek(fd, 0, __WASI_WHENCE_SET, &at));
    expect(__wasi_fd_read(fd, in, 1, &done));
    expect(done == large ? __WASI_ERRNO_SUCCESS : __WASI_ERRNO_IO);
    expect(__wasi_fd_pread(fd, in, 1, (WRITES - 1) * large, &done));
    expect(__wasi_fd_filestat_set_size(fd, large));
    expect(__wasi_fd_close(fd));
}

/* Read any file: the machine's disk, if it has one. */
static void read_file(const char *path)
{
    __wasi_fd_t fd;
    __wasi_size_t done = 1;
    const __wasi_iovec_t in[] = {{bytes, large}};
    if (open_path(path, 0, &fd) == __WASI_ERRNO_SUCCESS) {
        for (unsigned i = 0; i < WRITES && done > 0; i++) {
            expect(__wasi_fd_read(fd, in, 1, &done));
        }
        expect(__wasi_fd_close(fd));
    }
}

static void list(const char *path)
{
    __wasi_fd_t fd;
    __wasi_size_t used;
    __wasi_filestat_t stat;
    if (open_path(path, __WASI_OFLAGS_DIRECTORY, &fd) == __WASI_ERRNO_SUCCESS) {
        expect(__wasi_fd_readdir(fd, bytes, LARGE, 0, &used));
        expect(__wasi_path_filestat_get(ROOT, __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, path, &stat));
        expect(__wasi_fd_close(fd));
    }
}

/* A program that was killed between two calls may have left a folder under either name. */
static void forget(void)
{
    (void)!__wasi_path_unlink_file(ROOT, FIRST);
    (void)!__wasi_path_remove_directory(ROOT, FIRST);
    (void)!__wasi_path_unlink_file(ROOT, SECOND);
    (void)!__wasi_path_remove_directory(ROOT, SECOND);
    (void)!__wasi_path_unlink_file(ROOT, LINK);
    (void)!__wasi_path_unlink_file(ROOT, OTHER);
    (void)!__wasi_path_remove_directory(ROOT, INNER);
    (void)!__wasi_path_remove_directory(ROOT, FOLDER);
}

static void change_names(void)
{
    uint8_t target[16];
    __wasi_size_t used;
    expect(__wasi_path_create_directory(ROOT, INNER));
    expect(__wasi_path_link(ROOT, 0, FIRST, ROOT, OTHER));
    expect(__wasi_path_symlink("first", ROOT, LINK));
    expect(__wasi_path_readlink(ROOT, LINK, target, sizeof(target), &used));
    write_file(SECOND);
    expect(__wasi_path_rename(ROOT, FIRST, ROOT, SECOND));
    expect(__wasi_path_rename(ROOT, INNER, ROOT, FIRST));
    list(FOLDER);
    expect(__wasi_path_remove_directory(ROOT, FIRST));
    expect(__wasi_path_unlink_file(ROOT, SECOND));
    expect(__wasi_path_unlink_file(ROOT, LINK));
    expect(__wasi_path_unlink_file(ROOT, OTHER));
    expect(__wasi_path_remove_directory(ROOT, FOLDER));
}

static __wasi_errno_t wait_for(uint64_t ns, unsigned count)
{
    __wasi_event_t events[2];
    __wasi_size_t happened;
    const __wasi_subscription_t what[] = {
        {.u = {.tag = __WASI_EVENTTYPE_CLOCK,
               .u.clock = {.id = __WASI_CLOCKID_MONOTONIC, .timeout = ns}}},
        {.u = {.tag = __WASI_EVENTTYPE_FD_READ, .u.fd_read = {.file_descriptor = 0}}}};
    return __wasi_poll_oneoff(what, events, count, &happened);
}

static void do_all(void)
{
    forget();
    expect(__wasi_path_create_directory(ROOT, FOLDER));
    expect(__wasi_random_get(bytes, 4096));
    write_file(FIRST);
    change_names();
    list(".");
    list("bin");
    read_file("bin/sha256.wasm");
    expect(wait_for(PAUSE, 1));
}

static void read_all(void)
{
    __wasi_size_t done = 1;
    const __wasi_iovec_t in[] = {{bytes, LARGE}};
    while (done > 0 && failed == 0) {
        expect(__wasi_fd_read(0, in, 1, &done));
    }
}

static void write_all(void)
{
    __wasi_size_t done;
    const __wasi_ciovec_t out[] = {{bytes, LARGE}};
    while (__wasi_fd_write(1, out, 1, &done) == __WASI_ERRNO_SUCCESS) {
    }
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "once";
    if (strcmp(what, "read") == 0) {
        read_all();
    } else if (strcmp(what, "write") == 0) {
        write_all();
    } else if (strcmp(what, "sleep") == 0) {
        expect(wait_for(HOUR, 1));
    } else if (strcmp(what, "poll") == 0) {
        expect(wait_for(HOUR, 2));
    } else {
        large = strcmp(what, "little") == 0 ? LARGE / 16 : LARGE;
        do {
            do_all();
        } while (strcmp(what, "forever") == 0);
    }
    return failed;
}
