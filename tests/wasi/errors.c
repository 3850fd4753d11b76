// SPDX-License-Identifier: MIT
//
// Errors that many calls share, tried with each of them: a descriptor that is not open, a right
// that was dropped, an object of the wrong kind, a path that cannot be resolved. calls.c has
// the errors of single calls, escape.c the ways out of the folder. An argument names a folder
// below the program's to work in.
#include "check.h"
#include "imports.h"

#include <wasi/api.h>

#define NOBODY     77u /* a descriptor that is not open */
#define STREAM     1u
#define RIGHTS_ALL ((uint64_t)0x3fffffff)
#define OK         0
#define UNTRIED    (-1)

static uint32_t number;
static uint64_t wide;
static char buffer[5000];
static __wasi_filestat_t filestat;
static __wasi_fdstat_t fdstat;
static __wasi_iovec_t buffers[1025];

static void expect(int32_t error, int32_t want, const char *call, const char *with)
{
    if (want != UNTRIED && error != want) {
        fprintf(stderr, "errors: %s with %s gives %d, not %d\n", call, with, error, want);
        check_failures++;
    }
}

static uint32_t open_file(const char *path, uint64_t rights)
{
    CHECK_EQUAL(raw_path_open(TOP, 0, TEXT(path), __WASI_OFLAGS_CREAT, rights, 0, 0, AT(&number)),
                OK);
    return number;
}

/* ---- Calls on a descriptor ---- */

#define ON_FD(name, ...)                                                                           \
    static int32_t name(uint32_t fd)                                                               \
    {                                                                                              \
        return raw_##name(fd, ##__VA_ARGS__);                                                      \
    }

ON_FD(fd_advise, 0, 1, 0)
ON_FD(fd_allocate, 0, 1)
ON_FD(fd_close)
ON_FD(fd_datasync)
ON_FD(fd_fdstat_get, AT(&fdstat))
ON_FD(fd_fdstat_set_flags, 0)
ON_FD(fd_fdstat_set_rights, RIGHTS_ALL, 0)
ON_FD(fd_filestat_get, AT(&filestat))
ON_FD(fd_filestat_set_size, 0)
ON_FD(fd_filestat_set_times, 0, 0, 0)
ON_FD(fd_pread, AT(buffers), 1, 0, AT(&number))
ON_FD(fd_prestat_dir_name, AT(buffer), 1)
ON_FD(fd_prestat_get, AT(buffer))
ON_FD(fd_pwrite, AT(buffers), 1, 0, AT(&number))
ON_FD(fd_read, AT(buffers), 1, AT(&number))
ON_FD(fd_readdir, AT(buffer), 100, 0, AT(&number))
ON_FD(fd_renumber, 0)
ON_FD(fd_seek, 1, __WASI_WHENCE_SET, AT(&wide))
ON_FD(fd_sync)
ON_FD(fd_tell, AT(&wide))
ON_FD(fd_write, AT(buffers), 1, AT(&number))
ON_FD(sock_accept, 0, AT(&number))
ON_FD(sock_recv, AT(buffers), 1, 0, AT(&number), AT(&wide))
ON_FD(sock_send, AT(buffers), 1, 0, AT(&number))
ON_FD(sock_shutdown, 0)

static int32_t renumber_to(uint32_t fd)
{
    return raw_fd_renumber(0, fd);
}

static const struct {
    const char *name;
    int32_t (*call)(uint32_t fd);
    /* Expected errors: for a file without any rights, a folder, a stream. */
    int32_t without_rights, of_folder, of_stream;
} on_fd[] = {
    {"fd_advise", fd_advise, __WASI_ERRNO_NOTCAPABLE, __WASI_ERRNO_ISDIR, __WASI_ERRNO_SPIPE},
    {"fd_allocate", fd_allocate, __WASI_ERRNO_NOTCAPABLE, __WASI_ERRNO_ISDIR, __WASI_ERRNO_SPIPE},
    {"fd_close", fd_close, UNTRIED, UNTRIED, UNTRIED},
    {"fd_datasync", fd_datasync, __WASI_ERRNO_NOTCAPABLE, OK, OK},
    {"fd_fdstat_get", fd_fdstat_get, OK, OK, OK},
    {"fd_fdstat_set_flags", fd_fdstat_set_flags, __WASI_ERRNO_NOTCAPABLE, OK, OK},
    {"fd_fdstat_set_rights", fd_fdstat_set_rights, __WASI_ERRNO_NOTCAPABLE, __WASI_ERRNO_NOTCAPABLE,
     __WASI_ERRNO_NOTCAPABLE},
    {"fd_filestat_get", fd_filestat_get, __WASI_ERRNO_NOTCAPABLE, OK, OK},
    {"fd_filestat_set_size", fd_filestat_set_size, __WASI_ERRNO_NOTCAPABLE, __WASI_ERRNO_ISDIR,
     __WASI_ERRNO_NOTCAPABLE},
    {"fd_filestat_set_times", fd_filestat_set_times, __WASI_ERRNO_NOTCAPABLE, OK, UNTRIED},
    {"fd_pread", fd_pread, __WASI_ERRNO_NOTCAPABLE, __WASI_ERRNO_ISDIR, __WASI_ERRNO_SPIPE},
    {"fd_prestat_dir_name", fd_prestat_dir_name, __WASI_ERRNO_BADF, UNTRIED, __WASI_ERRNO_BADF},
    {"fd_prestat_get", fd_prestat_get, __WASI_ERRNO_BADF, UNTRIED, __WASI_ERRNO_BADF},
    {"fd_pwrite", fd_pwrite, __WASI_ERRNO_NOTCAPABLE, __WASI_ERRNO_ISDIR, __WASI_ERRNO_SPIPE},
    {"fd_read", fd_read, __WASI_ERRNO_NOTCAPABLE, __WASI_ERRNO_ISDIR, __WASI_ERRNO_NOTCAPABLE},
    {"fd_readdir", fd_readdir, __WASI_ERRNO_NOTDIR, OK, __WASI_ERRNO_NOTDIR},
    {"fd_renumber, the first", fd_renumber, UNTRIED, UNTRIED, UNTRIED},
    {"fd_renumber, the second", renumber_to, UNTRIED, UNTRIED, UNTRIED},
    {"fd_seek", fd_seek, __WASI_ERRNO_NOTCAPABLE, __WASI_ERRNO_ISDIR, __WASI_ERRNO_SPIPE},
    {"fd_sync", fd_sync, __WASI_ERRNO_NOTCAPABLE, OK, OK},
    {"fd_tell", fd_tell, __WASI_ERRNO_NOTCAPABLE, __WASI_ERRNO_ISDIR, __WASI_ERRNO_SPIPE},
    {"fd_write", fd_write, __WASI_ERRNO_NOTCAPABLE, __WASI_ERRNO_ISDIR, OK},
    {"sock_accept", sock_accept, __WASI_ERRNO_NOTSOCK, __WASI_ERRNO_NOTSOCK, __WASI_ERRNO_NOTSOCK},
    {"sock_recv", sock_recv, __WASI_ERRNO_NOTSOCK, __WASI_ERRNO_NOTSOCK, __WASI_ERRNO_NOTSOCK},
    {"sock_send", sock_send, __WASI_ERRNO_NOTSOCK, __WASI_ERRNO_NOTSOCK, __WASI_ERRNO_NOTSOCK},
    {"sock_shutdown", sock_shutdown, __WASI_ERRNO_NOTSOCK, __WASI_ERRNO_NOTSOCK,
     __WASI_ERRNO_NOTSOCK},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void try_descriptors(void)
{
    uint32_t file = open_file("file", RIGHTS_ALL & ~(uint64_t)__WASI_RIGHTS_FD_READDIR);
    CHECK_EQUAL(raw_fd_fdstat_set_rights(file, 0, 0), OK);
    for (size_t i = 0; i < COUNT(on_fd); i++) {
        expect(on_fd[i].call(NOBODY), __WASI_ERRNO_BADF, on_fd[i].name, "no descriptor");
        if (on_fd[i].without_rights != UNTRIED) {
            expect(on_fd[i].call(file), on_fd[i].without_rights, on_fd[i].name, "no rights");
        }
        if (on_fd[i].of_folder != UNTRIED) {
            expect(on_fd[i].call(TOP), on_fd[i].of_folder, on_fd[i].name, "a folder");
        }
        if (on_fd[i].of_stream != UNTRIED) {
            expect(on_fd[i].call(STREAM), on_fd[i].of_stream, on_fd[i].name, "a stream");
        }
    }
    const __wasi_subscription_t wait = {
        .u = {.tag = __WASI_EVENTTYPE_FD_READ, .u = {.fd_read = {.file_descriptor = file}}}};
    __wasi_event_t event;
    CHECK_EQUAL(raw_poll_oneoff(AT(&wait), AT(&event), 1, AT(&number)), OK);
    CHECK_EQUAL(event.error, __WASI_ERRNO_NOTCAPABLE);
    CHECK_EQUAL(raw_fd_close(file), OK);
}

/* Descriptor numbers, and lists that are too long. */
static void try_buffers(void)
{
    uint32_t file =
        open_file("file", __WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_WRITE | __WASI_RIGHTS_FD_SEEK);
    CHECK_EQUAL(raw_fd_read(file, AT(buffers), 1025, AT(&number)), __WASI_ERRNO_INVAL);
    CHECK_EQUAL(raw_fd_write(file, AT(buffers), 1025, AT(&number)), __WASI_ERRNO_INVAL);
    CHECK_EQUAL(raw_fd_pread(file, AT(buffers), 1025, 0, AT(&number)), __WASI_ERRNO_INVAL);
    CHECK_EQUAL(raw_fd_pwrite(file, AT(buffers), 1025, 0, AT(&number)), __WASI_ERRNO_INVAL);
    CHECK_EQUAL(raw_fd_close(file), OK);
}

static void try_all_numbers(void)
{
    uint32_t first = open_file("file", 0), last = first;
    int32_t error = OK;
    while (error == OK) {
        error = raw_path_open(TOP, 0, TEXT("file"), 0, 0, 0, 0, AT(&number));
        last = error == OK ? number : last;
    }
    CHECK_EQUAL(error, __WASI_ERRNO_MFILE);
    CHECK(last > 255 && last < 1024); /* a host may have fewer descriptors left */
    while (last >= first) {
        CHECK_EQUAL(raw_fd_close(last--), OK);
    }
}

/* ---- Calls on a path ---- */

#define ON_PATH(name, ...)                                                                         \
    static int32_t name(uint32_t fd, uint32_t path, uint32_t len)                                  \
    {                                                                                              \
        return raw_##name(__VA_ARGS__);                                                            \
    }

ON_PATH(path_create_directory, fd, path, len)
ON_PATH(path_filestat_get, fd, 0, path, len, AT(&filestat))
ON_PATH(path_filestat_set_times, fd, 0, path, len, 0, 0, 0)
ON_PATH(path_link, fd, 0, path, len, TOP, TEXT("new"))
ON_PATH(path_open, fd, 0, path, len, 0, 0, 0, 0, AT(&number))
ON_PATH(path_readlink, fd, path, len, AT(buffer), 100, AT(&number))
ON_PATH(path_remove_directory, fd, path, len)
ON_PATH(path_rename, fd, path, len, TOP, TEXT("new"))
ON_PATH(path_symlink, TEXT("file"), fd, path, len)
ON_PATH(path_unlink_file, fd, path, len)

static int32_t link_to(uint32_t fd, uint32_t path, uint32_t len)
{
    return raw_path_link(TOP, 0, TEXT("file"), fd, path, len);
}

static int32_t rename_to(uint32_t fd, uint32_t path, uint32_t len)
{
    return raw_path_rename(TOP, TEXT("file"), fd, path, len);
}

static const struct {
    const char *name;
    int32_t (*call)(uint32_t fd, uint32_t path, uint32_t len);
} on_path[] = {
    {"path_create_directory", path_create_directory},
    {"path_filestat_get", path_filestat_get},
    {"path_filestat_set_times", path_filestat_set_times},
    {"path_link, the first", path_link},
    {"path_link, the second", link_to},
    {"path_open", path_open},
    {"path_readlink", path_readlink},
    {"path_remove_directory", path_remove_directory},
    {"path_rename, the first", path_rename},
    {"path_rename, the second", rename_to},
    {"path_symlink", path_symlink},
    {"path_unlink_file", path_unlink_file},
};

static void try_paths(void)
{
    static char name[256 + 1], path[5000];
    static const struct {
        const char *path, *what;
        uint32_t len; /* 0: all */
        int32_t error;
    } paths[] = {
        {"", "an empty path", 0, __WASI_ERRNO_NOENT},
        {"none/x", "a missing folder", 0, __WASI_ERRNO_NOENT},
        {"file/x", "a file for a folder", 0, __WASI_ERRNO_NOTDIR},
        {"loop/x", "a link to itself", 0, __WASI_ERRNO_LOOP},
        {"..", "what is above", 0, __WASI_ERRNO_NOTCAPABLE},
        {"a\0b", "a zero", 3, __WASI_ERRNO_INVAL},
        {name, "a long name", 0, __WASI_ERRNO_NAMETOOLONG},
        {path, "a long path", sizeof path, __WASI_ERRNO_NAMETOOLONG},
    };
    memset(name, 'n', sizeof name - 1);
    memset(path, '/', sizeof path);
    CHECK_EQUAL(raw_path_symlink(TEXT("loop"), TOP, TEXT("loop")), OK);
    CHECK_EQUAL(raw_path_open(TOP, 0, TEXT("."), __WASI_OFLAGS_DIRECTORY, 0, 0, 0, AT(&number)),
                OK);
    uint32_t powerless = number;
    for (size_t i = 0; i < COUNT(on_path); i++) {
        const char *call = on_path[i].name;
        expect(on_path[i].call(NOBODY, TEXT("x")), __WASI_ERRNO_BADF, call, "no descriptor");
        expect(on_path[i].call(STREAM, TEXT("x")), __WASI_ERRNO_NOTDIR, call, "a stream");
        expect(on_path[i].call(powerless, TEXT("x")), __WASI_ERRNO_NOTCAPABLE, call, "no rights");
        expect(on_path[i].call(TOP, NOWHERE, 1), __WASI_ERRNO_FAULT, call, "a wild pointer");
        for (size_t n = 0; n < COUNT(paths); n++) {
            uint32_t len = paths[n].len != 0 ? paths[n].len : (uint32_t)strlen(paths[n].path);
            expect(on_path[i].call(TOP, AT(paths[n].path), len), paths[n].error, call,
                   paths[n].what);
        }
    }
    CHECK_EQUAL(raw_fd_close(powerless), OK);
    CHECK_EQUAL(raw_path_unlink_file(TOP, TEXT("loop")), OK);
}

int main(int argc, char **argv)
{
    CHECK(enter(argc > 1 ? argv[1] : NULL));
    try_descriptors();
    try_buffers();
    try_all_numbers();
    try_paths();
    CHECK_EQUAL(raw_path_unlink_file(TOP, TEXT("file")), OK);
    return check_result();
}
