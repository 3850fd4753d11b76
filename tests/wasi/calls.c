// SPDX-License-Identifier: MIT
//
// Every call of preview 1, and its specific errors, from inside a program; errors.c has the errors
// that many calls share. The program has one empty, writable folder, and arguments "one", "two
// words" and "". A fourth argument names a folder below it to work in.
#include "check.h"
#include "imports.h"

#include <unistd.h>
#include <wasi/api.h>

#define RIGHTS_ALL ((uint64_t)0x3fffffff)

static uint32_t number;
static uint64_t wide;
static char buffer[512];
static __wasi_iovec_t iov = {(uint8_t *)buffer, sizeof(buffer)};
static __wasi_filestat_t filestat;
static __wasi_fdstat_t fdstat;

static __wasi_filestat_t *const no_stat = (void *)NOWHERE;

static int32_t open_at(uint32_t dir, const char *path, uint32_t oflags, uint64_t rights)
{
    return raw_path_open(dir, 1, TEXT(path), oflags, rights, rights, 0, AT(&number));
}

static uint32_t must_open(const char *path, uint32_t oflags, uint64_t rights)
{
    CHECK_EQUAL(open_at(TOP, path, oflags, rights), 0);
    return number;
}

static void make(const char *path)
{
    CHECK_EQUAL(raw_fd_close(must_open(path, __WASI_OFLAGS_CREAT, 0)), 0);
}

static int32_t write_text(uint32_t fd, const char *text)
{
    __wasi_ciovec_t out = {(const uint8_t *)text, strlen(text)};
    return raw_fd_write(fd, AT(&out), 1, AT(&number));
}

static void test_process(void)
{
    static char *argv[16];
    CHECK_EQUAL(raw_args_sizes_get(AT(&number), AT(&wide)), 0);
    CHECK(number >= 4 && number < 16);
    CHECK_EQUAL(raw_args_get(AT(argv), AT(buffer)), 0);
    CHECK(strcmp(argv[1], "one") == 0 && strcmp(argv[2], "two words") == 0);
    CHECK_EQUAL(argv[3][0], '\0');
    CHECK_EQUAL(raw_args_sizes_get(NOWHERE, AT(&number)), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_args_sizes_get(AT(&number), NOWHERE), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_args_get(NOWHERE, AT(buffer)), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_args_get(AT(argv), NOWHERE), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_environ_sizes_get(AT(&number), AT(&wide)), 0);
    CHECK(number >= 1 && number < 16);
    CHECK_EQUAL(raw_environ_get(AT(argv), AT(buffer)), 0);
    CHECK(strchr(argv[0], '=') != NULL);
    CHECK_EQUAL(raw_environ_sizes_get(NOWHERE, AT(&number)), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_environ_get(NOWHERE, AT(buffer)), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_sched_yield(), 0);
    CHECK_EQUAL(raw_proc_raise(0), 0);
    CHECK_EQUAL(raw_proc_raise(17), 0);
    CHECK_EQUAL(raw_proc_raise(18), __WASI_ERRNO_NOTSUP);
    CHECK_EQUAL(raw_proc_raise(99), __WASI_ERRNO_INVAL);
}

static void test_clocks_and_random(void)
{
    uint64_t before = 0;
    for (uint32_t id = 0; id < 4; id++) {
        CHECK_EQUAL(raw_clock_time_get(id, 0, AT(&wide)), 0);
        CHECK_EQUAL(raw_clock_res_get(id, AT(&wide)), 0);
        CHECK(wide > 0);
    }
    CHECK_EQUAL(raw_clock_time_get(4, 0, AT(&wide)), __WASI_ERRNO_INVAL);
    CHECK_EQUAL(raw_clock_res_get(4, AT(&wide)), __WASI_ERRNO_INVAL);
    CHECK_EQUAL(raw_clock_time_get(0, 0, NOWHERE), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_clock_res_get(0, NOWHERE), __WASI_ERRNO_FAULT);
    for (int i = 0; i < 100; i++) {
        CHECK_EQUAL(raw_clock_time_get(1, 1, AT(&wide)), 0);
        CHECK(wide >= before);
        before = wide;
    }
    memset(buffer, 0, sizeof(buffer));
    CHECK_EQUAL(raw_random_get(AT(buffer), sizeof(buffer)), 0);
    int zeroes = 0;
    for (size_t i = 0; i < sizeof(buffer); i++) {
        zeroes += buffer[i] == 0;
    }
    CHECK(zeroes < 40);
    CHECK_EQUAL(raw_random_get(AT(buffer), 0), 0);
    CHECK_EQUAL(raw_random_get(NOWHERE, 1), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_random_get(0, UINT32_MAX), __WASI_ERRNO_FAULT);
}

static void test_streams(void)
{
    CHECK_EQUAL(write_text(1, "to standard output\n"), 0);
    CHECK_EQUAL(number, 19);
    CHECK_EQUAL(write_text(0, "x"), __WASI_ERRNO_NOTCAPABLE);
    CHECK_EQUAL(raw_fd_read(1, AT(&iov), 1, AT(&number)), __WASI_ERRNO_NOTCAPABLE);
    if (!isatty(0)) {
        CHECK_EQUAL(raw_fd_read(0, AT(&iov), 1, AT(&number)), 0);
        CHECK_EQUAL(number, 0);
    }
    CHECK_EQUAL(raw_fd_fdstat_get(1, AT(&fdstat)), 0);
    CHECK(fdstat.fs_rights_base & __WASI_RIGHTS_FD_WRITE);
    CHECK_EQUAL(raw_sock_shutdown(1, 1), __WASI_ERRNO_NOTSOCK);
    CHECK_EQUAL(raw_sock_shutdown(77, 1), __WASI_ERRNO_BADF);
    CHECK_EQUAL(raw_sock_accept(TOP, 0, AT(&number)), __WASI_ERRNO_NOTSOCK);
    CHECK_EQUAL(raw_sock_accept(77, 0, AT(&number)), __WASI_ERRNO_BADF);
    CHECK_EQUAL(raw_sock_recv(1, AT(&iov), 1, 0, AT(&number), AT(&wide)), __WASI_ERRNO_NOTSOCK);
    CHECK_EQUAL(raw_sock_send(1, AT(&iov), 1, 0, AT(&number)), __WASI_ERRNO_NOTSOCK);
}

static void test_folder(void)
{
    __wasi_prestat_t prestat;
    CHECK_EQUAL(raw_fd_prestat_get(FOLDER, AT(&prestat)), 0);
    CHECK_EQUAL(prestat.tag, __WASI_PREOPENTYPE_DIR);
    CHECK_EQUAL(prestat.u.dir.pr_name_len, 1);
    CHECK_EQUAL(raw_fd_prestat_dir_name(FOLDER, AT(buffer), 1), 0);
    CHECK_EQUAL(buffer[0], '/');
    CHECK_EQUAL(raw_fd_prestat_dir_name(FOLDER, AT(buffer), 0), __WASI_ERRNO_NAMETOOLONG);
    CHECK_EQUAL(raw_fd_prestat_dir_name(FOLDER, NOWHERE, 1), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_fd_prestat_dir_name(1, AT(buffer), 1), __WASI_ERRNO_BADF);
    CHECK_EQUAL(raw_fd_prestat_get(FOLDER, NOWHERE), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_fd_prestat_get(1, AT(&prestat)), __WASI_ERRNO_BADF);
    CHECK_EQUAL(raw_fd_prestat_get(FOLDER + 1 + (TOP != FOLDER), AT(&prestat)), __WASI_ERRNO_BADF);
}

static void test_contents(void)
{
    uint32_t fd =
        must_open("contents", __WASI_OFLAGS_CREAT, RIGHTS_ALL & ~__WASI_RIGHTS_FD_READDIR);
    CHECK_EQUAL(write_text(fd, "0123456789"), 0);
    CHECK_EQUAL(raw_fd_tell(fd, AT(&wide)), 0);
    CHECK_EQUAL(wide, 10);
    CHECK_EQUAL(raw_fd_seek(fd, -4, __WASI_WHENCE_END, AT(&wide)), 0);
    CHECK_EQUAL(wide, 6);
    CHECK_EQUAL(raw_fd_seek(fd, -7, __WASI_WHENCE_CUR, AT(&wide)), __WASI_ERRNO_INVAL);
    CHECK_EQUAL(raw_fd_seek(fd, 0, 3, AT(&wide)), __WASI_ERRNO_INVAL);
    CHECK_EQUAL(raw_fd_seek(fd, 0, 0, NOWHERE), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_fd_seek(TOP, 0, 0, AT(&wide)), __WASI_ERRNO_ISDIR);
    CHECK_EQUAL(raw_fd_seek(77, 0, 0, AT(&wide)), __WASI_ERRNO_BADF);
    CHECK_EQUAL(raw_fd_tell(TOP, AT(&wide)), __WASI_ERRNO_ISDIR);
    CHECK_EQUAL(raw_fd_tell(fd, NOWHERE), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_fd_read(fd, AT(&iov), 1, AT(&number)), 0);
    CHECK(number >= 4 && number < 16);
    CHECK(memcmp(buffer, "6789", 4) == 0);
    CHECK_EQUAL(raw_fd_pread(fd, AT(&iov), 1, 3, AT(&number)), 0);
    CHECK(number == 7 && buffer[0] == '3');
    CHECK_EQUAL(raw_fd_pread(fd, AT(&iov), 1, UINT64_MAX, AT(&number)), __WASI_ERRNO_INVAL);
    memcpy(buffer, "xy", 2);
    iov.buf_len = 2;
    CHECK_EQUAL(raw_fd_pwrite(fd, AT(&iov), 1, 1, AT(&number)), 0);
    CHECK_EQUAL(raw_fd_pwrite(fd, AT(&iov), 1, UINT64_MAX, AT(&number)), __WASI_ERRNO_INVAL);
    iov.buf_len = sizeof(buffer);
    CHECK_EQUAL(raw_fd_pread(fd, AT(&iov), 1, 0, AT(&number)), 0);
    CHECK(number == 10 && memcmp(buffer, "0xy3456789", 10) == 0);
    CHECK_EQUAL(raw_fd_tell(fd, AT(&wide)), 0);
    CHECK_EQUAL(wide, 10);

    CHECK_EQUAL(raw_fd_fdstat_set_flags(fd, __WASI_FDFLAGS_APPEND), 0);
    CHECK_EQUAL(raw_fd_seek(fd, 0, __WASI_WHENCE_SET, AT(&wide)), 0);
    CHECK_EQUAL(write_text(fd, "end"), 0);
    CHECK_EQUAL(raw_fd_fdstat_get(fd, AT(&fdstat)), 0);
    CHECK_EQUAL(fdstat.fs_flags, __WASI_FDFLAGS_APPEND);
    CHECK_EQUAL(raw_fd_fdstat_set_flags(fd, __WASI_FDFLAGS_SYNC), 0);
    CHECK_EQUAL(raw_fd_fdstat_set_flags(fd, 64), __WASI_ERRNO_INVAL);
    CHECK_EQUAL(raw_fd_fdstat_set_flags(77, 0), __WASI_ERRNO_BADF);
    CHECK_EQUAL(raw_fd_filestat_get(fd, AT(&filestat)), 0);
    CHECK(filestat.size == 13 && filestat.nlink == 1);
    CHECK_EQUAL(filestat.filetype, __WASI_FILETYPE_REGULAR_FILE);
    CHECK_EQUAL(raw_fd_sync(fd), 0);
    CHECK_EQUAL(raw_fd_datasync(fd), 0);
    CHECK_EQUAL(raw_fd_sync(77), __WASI_ERRNO_BADF);
    CHECK_EQUAL(raw_fd_datasync(77), __WASI_ERRNO_BADF);
    CHECK_EQUAL(raw_fd_close(fd), 0);
    CHECK_EQUAL(raw_fd_close(fd), __WASI_ERRNO_BADF);
    CHECK_EQUAL(raw_path_unlink_file(TOP, TEXT("contents")), 0);
}

static void test_buffers(void)
{
    static char a[3];
    static char b[4];
    static __wasi_iovec_t many[1025];
    uint32_t fd = must_open("buffers", __WASI_OFLAGS_CREAT,
                            __WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_WRITE | __WASI_RIGHTS_FD_SEEK);
    __wasi_iovec_t three[] = {{(uint8_t *)a, 3}, {NULL, 0}, {(uint8_t *)b, 4}};
    CHECK_EQUAL(write_text(fd, "abcdefg"), 0);
    CHECK_EQUAL(raw_fd_pread(fd, AT(three), 3, 0, AT(&number)), 0);
    CHECK(number == 7 && memcmp(a, "abc", 3) == 0 && memcmp(b, "defg", 4) == 0);
    CHECK_EQUAL(raw_fd_write(fd, AT(three), 0, AT(&number)), 0);
    CHECK_EQUAL(number, 0);
    three[1] = (__wasi_iovec_t){(uint8_t *)NOWHERE, 1};
    CHECK_EQUAL(raw_fd_write(fd, AT(three), 3, AT(&number)), __WASI_ERRNO_FAULT);
    three[1] = (__wasi_iovec_t){(uint8_t *)1, UINT32_MAX};
    CHECK_EQUAL(raw_fd_read(fd, AT(three), 3, AT(&number)), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_fd_write(fd, AT(three), UINT32_MAX, AT(&number)), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_fd_write(fd, NOWHERE, 3, AT(&number)), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_fd_write(fd, AT(three), 1, NOWHERE), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_fd_pread(fd, NOWHERE, 1, 0, AT(&number)), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_fd_pwrite(fd, NOWHERE, 1, 0, AT(&number)), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_fd_write(fd, AT(many), 1025, AT(&number)), __WASI_ERRNO_INVAL);
    CHECK_EQUAL(raw_fd_write(fd, AT(many), 1024, AT(&number)), 0);
    CHECK_EQUAL(raw_fd_read(TOP, AT(&iov), 1, AT(&number)), __WASI_ERRNO_ISDIR);
    CHECK_EQUAL(raw_fd_write(TOP, AT(&iov), 1, AT(&number)), __WASI_ERRNO_ISDIR);
    CHECK_EQUAL(raw_fd_pread(TOP, AT(&iov), 1, 0, AT(&number)), __WASI_ERRNO_ISDIR);
    CHECK_EQUAL(raw_fd_pwrite(TOP, AT(&iov), 1, 0, AT(&number)), __WASI_ERRNO_ISDIR);
    CHECK_EQUAL(raw_fd_read(77, AT(&iov), 1, AT(&number)), __WASI_ERRNO_BADF);
    CHECK_EQUAL(raw_fd_write(77, AT(&iov), 1, AT(&number)), __WASI_ERRNO_BADF);
    CHECK_EQUAL(raw_fd_pread(77, AT(&iov), 1, 0, AT(&number)), __WASI_ERRNO_BADF);
    CHECK_EQUAL(raw_fd_pwrite(77, AT(&iov), 1, 0, AT(&number)), __WASI_ERRNO_BADF);
    CHECK_EQUAL(raw_fd_close(fd), 0);
    CHECK_EQUAL(raw_path_unlink_file(TOP, TEXT("buffers")), 0);
}

static void test_sizes_and_times(void)
{
    uint32_t fd = must_open("sized", __WASI_OFLAGS_CREAT, RIGHTS_ALL);
    CHECK_EQUAL(raw_fd_filestat_set_size(fd, 100), 0);
    CHECK_EQUAL(raw_fd_filestat_set_size(fd, UINT64_MAX), __WASI_ERRNO_FBIG);
    CHECK_EQUAL(raw_fd_filestat_set_size(TOP, 0), __WASI_ERRNO_ISDIR);
    CHECK_EQUAL(raw_fd_filestat_set_size(77, 0), __WASI_ERRNO_BADF);
    CHECK_EQUAL(raw_fd_allocate(fd, 90, 20), 0);
    CHECK_EQUAL(raw_fd_allocate(fd, 0, 0), __WASI_ERRNO_INVAL);
    CHECK_EQUAL(raw_fd_allocate(fd, UINT64_MAX, 9), __WASI_ERRNO_FBIG);
    CHECK_EQUAL(raw_fd_allocate(TOP, 0, 1), __WASI_ERRNO_ISDIR);
    CHECK_EQUAL(raw_fd_allocate(77, 0, 1), __WASI_ERRNO_BADF);
    CHECK_EQUAL(raw_fd_advise(fd, 0, 50, __WASI_ADVICE_WILLNEED), 0);
    CHECK_EQUAL(raw_fd_advise(fd, 0, 50, 6), __WASI_ERRNO_INVAL);
    CHECK_EQUAL(raw_fd_advise(fd, UINT64_MAX, 1, 0), __WASI_ERRNO_INVAL);
    CHECK_EQUAL(raw_fd_advise(77, 0, 50, 0), __WASI_ERRNO_BADF);
    CHECK_EQUAL(raw_fd_filestat_set_times(fd, 1000000001, 2000000002,
                                          __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_MTIM),
                0);
    CHECK_EQUAL(raw_fd_filestat_get(fd, AT(&filestat)), 0);
    CHECK_EQUAL(filestat.size, 110);
    CHECK_EQUAL(filestat.atim, 1000000001);
    CHECK_EQUAL(filestat.mtim, 2000000002);
    CHECK_EQUAL(
        raw_path_filestat_set_times(TOP, 0, TEXT("sized"), 0, 3000000003, __WASI_FSTFLAGS_MTIM), 0);
    CHECK_EQUAL(raw_path_filestat_get(TOP, 0, TEXT("sized"), AT(&filestat)), 0);
    CHECK_EQUAL(filestat.atim, 1000000001);
    CHECK_EQUAL(filestat.mtim, 3000000003);
    CHECK_EQUAL(raw_fd_filestat_set_times(fd, 0, 0, __WASI_FSTFLAGS_MTIM_NOW), 0);
    CHECK_EQUAL(raw_fd_filestat_get(fd, AT(&filestat)), 0);
    CHECK(filestat.mtim != 3000000003);
    static const uint16_t wrong[] = {__WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_ATIM_NOW,
                                     __WASI_FSTFLAGS_MTIM | __WASI_FSTFLAGS_MTIM_NOW, 16};
    for (int i = 0; i < 3; i++) {
        CHECK_EQUAL(raw_fd_filestat_set_times(fd, 0, 0, wrong[i]), __WASI_ERRNO_INVAL);
        CHECK_EQUAL(raw_path_filestat_set_times(TOP, 0, TEXT("sized"), 0, 0, wrong[i]),
                    __WASI_ERRNO_INVAL);
    }
    CHECK_EQUAL(raw_fd_filestat_set_times(77, 0, 0, 0), __WASI_ERRNO_BADF);
    CHECK_EQUAL(raw_path_filestat_set_times(TOP, 0, TEXT("no"), 0, 0, 4), __WASI_ERRNO_NOENT);
    CHECK_EQUAL(raw_path_filestat_set_times(TOP, 2, TEXT("sized"), 0, 0, 4), __WASI_ERRNO_INVAL);
    CHECK_EQUAL(raw_fd_filestat_get(fd, NOWHERE), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_fd_filestat_get(77, AT(&filestat)), __WASI_ERRNO_BADF);
    CHECK_EQUAL(raw_path_filestat_get(TOP, 0, TEXT("sized"), AT(no_stat)), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_path_filestat_get(TOP, 0, TEXT("no"), AT(&filestat)), __WASI_ERRNO_NOENT);
    CHECK_EQUAL(raw_path_filestat_get(TOP, 2, TEXT("sized"), AT(&filestat)), __WASI_ERRNO_INVAL);
    CHECK_EQUAL(raw_path_filestat_get(fd, 0, TEXT("x"), AT(&filestat)), __WASI_ERRNO_NOTDIR);
    CHECK_EQUAL(raw_fd_close(fd), 0);
    CHECK_EQUAL(raw_path_unlink_file(TOP, TEXT("sized")), 0);
}

static void test_opening(void)
{
    make("file");
    CHECK_EQUAL(open_at(TOP, "no", 0, 0), __WASI_ERRNO_NOENT);
    CHECK_EQUAL(open_at(TOP, "file", __WASI_OFLAGS_CREAT | __WASI_OFLAGS_EXCL, 0),
                __WASI_ERRNO_EXIST);
    CHECK_EQUAL(open_at(TOP, "file", __WASI_OFLAGS_DIRECTORY, 0), __WASI_ERRNO_NOTDIR);
    CHECK_EQUAL(open_at(TOP, "file", __WASI_OFLAGS_DIRECTORY | __WASI_OFLAGS_CREAT, 0),
                __WASI_ERRNO_INVAL);
    CHECK_EQUAL(open_at(TOP, ".", 0, __WASI_RIGHTS_FD_WRITE), __WASI_ERRNO_ISDIR);
    CHECK_EQUAL(open_at(77, "file", 0, 0), __WASI_ERRNO_BADF);
    CHECK_EQUAL(open_at(1, "file", 0, 0), __WASI_ERRNO_NOTDIR);
    CHECK_EQUAL(open_at(TOP, "", 0, 0), __WASI_ERRNO_NOENT);
    CHECK_EQUAL(open_at(TOP, "file", 64, 0), __WASI_ERRNO_INVAL);
    CHECK_EQUAL(raw_path_open(TOP, 0, AT("a\0b"), 3, 0, 0, 0, 0, AT(&number)), __WASI_ERRNO_INVAL);
    CHECK_EQUAL(raw_path_open(TOP, 0, NOWHERE, 3, 0, 0, 0, 0, AT(&number)), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_path_open(TOP, 0, TEXT("file"), 0, 0, 0, 0, NOWHERE), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_path_open(TOP, 0, TEXT("file"), 0, 0, 0, 64, AT(&number)), __WASI_ERRNO_INVAL);
    CHECK_EQUAL(raw_path_open(TOP, 2, TEXT("file"), 0, 0, 0, 0, AT(&number)), __WASI_ERRNO_INVAL);
    memset(buffer, 'n', 300);
    CHECK_EQUAL(raw_path_open(TOP, 0, AT(buffer), 300, 0, 0, 0, 0, AT(&number)),
                __WASI_ERRNO_NAMETOOLONG);
    uint32_t fd = must_open("file", 0, __WASI_RIGHTS_FD_READ);
    CHECK_EQUAL(raw_fd_fdstat_get(fd, AT(&fdstat)), 0);
    CHECK_EQUAL(fdstat.fs_rights_base, __WASI_RIGHTS_FD_READ);
    CHECK_EQUAL(raw_fd_fdstat_get(fd, NOWHERE), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_fd_fdstat_get(77, AT(&fdstat)), __WASI_ERRNO_BADF);
    CHECK_EQUAL(write_text(fd, "x"), __WASI_ERRNO_NOTCAPABLE);
    CHECK_EQUAL(raw_fd_fdstat_set_rights(fd, __WASI_RIGHTS_FD_WRITE, 0), __WASI_ERRNO_NOTCAPABLE);
    CHECK_EQUAL(raw_fd_fdstat_set_rights(fd, 0, 0), 0);
    CHECK_EQUAL(raw_fd_fdstat_set_rights(77, 0, 0), __WASI_ERRNO_BADF);
    CHECK_EQUAL(raw_fd_read(fd, AT(&iov), 1, AT(&number)), __WASI_ERRNO_NOTCAPABLE);
    CHECK_EQUAL(raw_fd_sync(fd), __WASI_ERRNO_NOTCAPABLE);
    CHECK_EQUAL(raw_fd_filestat_get(fd, AT(&filestat)), __WASI_ERRNO_NOTCAPABLE);
    uint32_t other = must_open("other", __WASI_OFLAGS_CREAT, 0);
    CHECK_EQUAL(raw_fd_renumber(other, fd), 0);
    CHECK_EQUAL(raw_fd_renumber(other, fd), __WASI_ERRNO_BADF);
    CHECK_EQUAL(raw_fd_renumber(fd, other), __WASI_ERRNO_BADF);
    CHECK_EQUAL(raw_fd_renumber(fd, fd), 0);
    CHECK_EQUAL(raw_fd_close(fd), 0);
    CHECK_EQUAL(raw_path_unlink_file(TOP, TEXT("file")), 0);
    CHECK_EQUAL(raw_path_unlink_file(TOP, TEXT("other")), 0);
}

static void test_names(void)
{
    make("f");
    CHECK_EQUAL(raw_path_create_directory(TOP, TEXT("d")), 0);
    CHECK_EQUAL(raw_path_create_directory(TOP, TEXT("d")), __WASI_ERRNO_EXIST);
    CHECK_EQUAL(raw_path_create_directory(TOP, TEXT("no/d")), __WASI_ERRNO_NOENT);
    CHECK_EQUAL(raw_path_create_directory(TOP, TEXT("f/d")), __WASI_ERRNO_NOTDIR);
    CHECK_EQUAL(raw_path_create_directory(77, TEXT("x")), __WASI_ERRNO_BADF);
    CHECK_EQUAL(raw_path_create_directory(TOP, NOWHERE, 1), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_path_symlink(TEXT("f"), TOP, TEXT("l")), 0);
    CHECK_EQUAL(raw_path_symlink(TEXT("f"), TOP, TEXT("l")), __WASI_ERRNO_EXIST);
    CHECK_EQUAL(raw_path_symlink(TEXT("f"), TOP, TEXT("new/")), __WASI_ERRNO_NOENT);
    CHECK_EQUAL(raw_path_symlink(TEXT("/f"), TOP, TEXT("m")), __WASI_ERRNO_NOTCAPABLE);
    CHECK_EQUAL(raw_path_symlink(TEXT(""), TOP, TEXT("m")), __WASI_ERRNO_NOENT);
    CHECK_EQUAL(raw_path_symlink(NOWHERE, 1, TOP, TEXT("m")), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_path_readlink(TOP, TEXT("l"), AT(buffer), sizeof(buffer), AT(&number)), 0);
    CHECK(number == 1 && buffer[0] == 'f');
    CHECK_EQUAL(raw_path_readlink(TOP, TEXT("f"), AT(buffer), 9, AT(&number)), __WASI_ERRNO_INVAL);
    CHECK_EQUAL(raw_path_readlink(TOP, TEXT("no"), AT(buffer), 9, AT(&number)), __WASI_ERRNO_NOENT);
    CHECK_EQUAL(raw_path_readlink(TOP, TEXT("l"), NOWHERE, 9, AT(&number)), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_path_readlink(TOP, TEXT("l"), AT(buffer), 9, NOWHERE), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_path_open(TOP, 0, TEXT("l"), 0, 0, 0, 0, AT(&number)), __WASI_ERRNO_LOOP);
    CHECK_EQUAL(raw_path_link(TOP, 0, TEXT("f"), TOP, TEXT("g")), 0);
    CHECK_EQUAL(raw_path_link(TOP, 0, TEXT("f"), TOP, TEXT("g")), __WASI_ERRNO_EXIST);
    CHECK_EQUAL(raw_path_link(TOP, 0, TEXT("d"), TOP, TEXT("h")), __WASI_ERRNO_PERM);
    CHECK_EQUAL(raw_path_link(TOP, 0, TEXT("no"), TOP, TEXT("h")), __WASI_ERRNO_NOENT);
    CHECK_EQUAL(raw_path_link(TOP, 0, TEXT("f"), TOP, TEXT("h/")), __WASI_ERRNO_NOENT);
    CHECK_EQUAL(raw_path_link(TOP, 2, TEXT("f"), TOP, TEXT("h")), __WASI_ERRNO_INVAL);
    CHECK_EQUAL(raw_path_filestat_get(TOP, 1, TEXT("l"), AT(&filestat)), 0);
    CHECK(filestat.nlink == 2 && filestat.filetype == __WASI_FILETYPE_REGULAR_FILE);
    CHECK_EQUAL(raw_path_rename(TOP, TEXT("g"), TOP, TEXT("d")), __WASI_ERRNO_ISDIR);
    CHECK_EQUAL(raw_path_rename(TOP, TEXT("d"), TOP, TEXT("g")), __WASI_ERRNO_NOTDIR);
    CHECK_EQUAL(raw_path_rename(TOP, TEXT("no"), TOP, TEXT("g")), __WASI_ERRNO_NOENT);
    CHECK_EQUAL(raw_path_rename(TOP, TEXT("d"), TOP, TEXT("d/x")), __WASI_ERRNO_INVAL);
    CHECK_EQUAL(raw_path_rename(TOP, TEXT("."), TOP, TEXT("x")), __WASI_ERRNO_BUSY);
    CHECK_EQUAL(raw_path_rename(TOP, TEXT("g"), TOP, TEXT("d/g")), 0);
    CHECK_EQUAL(raw_path_remove_directory(TOP, TEXT("d")), __WASI_ERRNO_NOTEMPTY);
    CHECK_EQUAL(raw_path_remove_directory(TOP, TEXT("f")), __WASI_ERRNO_NOTDIR);
    CHECK_EQUAL(raw_path_remove_directory(TOP, TEXT("no")), __WASI_ERRNO_NOENT);
    CHECK_EQUAL(raw_path_remove_directory(TOP, TEXT(".")), __WASI_ERRNO_INVAL);
    CHECK_EQUAL(raw_path_unlink_file(TOP, TEXT("d")), __WASI_ERRNO_ISDIR);
    CHECK_EQUAL(raw_path_unlink_file(TOP, TEXT("no")), __WASI_ERRNO_NOENT);
    CHECK_EQUAL(raw_path_unlink_file(TOP, TEXT("f/")), __WASI_ERRNO_NOTDIR);
    CHECK_EQUAL(raw_path_unlink_file(TOP, TEXT("d/g")), 0);
    CHECK_EQUAL(raw_path_unlink_file(TOP, TEXT("l")), 0);
    CHECK_EQUAL(raw_path_unlink_file(TOP, TEXT("f")), 0);
    CHECK_EQUAL(raw_path_remove_directory(TOP, TEXT("d/")), 0);
}

static void test_listing(void)
{
    __wasi_dirent_t entry;
    uint32_t at = 0;
    int seen = 0;
    make("entry");
    uint32_t fd = must_open(".", __WASI_OFLAGS_DIRECTORY, __WASI_RIGHTS_FD_READDIR);
    CHECK_EQUAL(raw_fd_readdir(fd, AT(buffer), sizeof(buffer), 0, AT(&number)), 0);
    uint64_t behind_dots = 0;
    for (; at + sizeof(entry) <= number; at += sizeof(entry) + entry.d_namlen, seen++) {
        memcpy(&entry, buffer + at, sizeof(entry));
        behind_dots = seen == 1 ? entry.d_next : behind_dots;
        if (seen < 2) {
            CHECK_EQUAL(entry.d_type, __WASI_FILETYPE_DIRECTORY);
        } else {
            CHECK(entry.d_namlen == 5 && memcmp(buffer + at + sizeof(entry), "entry", 5) == 0);
            CHECK_EQUAL(entry.d_type, __WASI_FILETYPE_REGULAR_FILE);
        }
    }
    CHECK_EQUAL(seen, 3);
    CHECK_EQUAL(raw_fd_readdir(fd, AT(buffer), sizeof(buffer), behind_dots, AT(&number)), 0);
    CHECK_EQUAL(number, sizeof(entry) + 5);
    CHECK_EQUAL(raw_fd_readdir(fd, AT(buffer), 10, behind_dots, AT(&number)), 0);
    CHECK_EQUAL(number, 10); /* buffer full: there are more entries */
    CHECK_EQUAL(raw_fd_readdir(fd, NOWHERE, 10, 0, AT(&number)), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_fd_readdir(fd, AT(buffer), 10, 0, NOWHERE), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_fd_readdir(77, AT(buffer), 10, 0, AT(&number)), __WASI_ERRNO_BADF);
    CHECK_EQUAL(raw_fd_readdir(1, AT(buffer), 10, 0, AT(&number)), __WASI_ERRNO_NOTDIR);
    CHECK_EQUAL(raw_fd_fdstat_set_rights(fd, 0, 0), 0);
    CHECK_EQUAL(raw_fd_readdir(fd, AT(buffer), 10, 0, AT(&number)), __WASI_ERRNO_NOTCAPABLE);
    CHECK_EQUAL(raw_fd_close(fd), 0);
    CHECK_EQUAL(raw_path_unlink_file(TOP, TEXT("entry")), 0);
}

static void test_polling(void)
{
    static __wasi_subscription_t in[3];
    static __wasi_event_t out[3];
    uint64_t before;
    uint64_t after;
    in[0] = (__wasi_subscription_t){.userdata = 5, .u.tag = __WASI_EVENTTYPE_CLOCK};
    in[0].u.u.clock.id = __WASI_CLOCKID_MONOTONIC;
    in[0].u.u.clock.timeout = 2000000;
    CHECK_EQUAL(raw_clock_time_get(1, 0, AT(&before)), 0);
    CHECK_EQUAL(raw_poll_oneoff(AT(in), AT(out), 1, AT(&number)), 0);
    CHECK_EQUAL(raw_clock_time_get(1, 0, AT(&after)), 0);
    CHECK_EQUAL(number, 1);
    CHECK(out[0].userdata == 5 && out[0].error == 0 && out[0].type == __WASI_EVENTTYPE_CLOCK);
    CHECK(after - before >= 2000000);
    in[0].u.u.clock.timeout = before;
    in[0].u.u.clock.flags = __WASI_SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME; /* gone by */
    CHECK_EQUAL(raw_poll_oneoff(AT(in), AT(out), 1, AT(&number)), 0);
    CHECK_EQUAL(number, 1);

    in[0].u.u.clock.timeout = UINT64_MAX;
    in[1] = (__wasi_subscription_t){.userdata = 6, .u.tag = __WASI_EVENTTYPE_FD_WRITE};
    in[1].u.u.fd_write.file_descriptor = 1;
    in[2] = (__wasi_subscription_t){.userdata = 7, .u.tag = __WASI_EVENTTYPE_FD_READ};
    in[2].u.u.fd_read.file_descriptor = 77;
    CHECK_EQUAL(raw_poll_oneoff(AT(in), AT(out), 3, AT(&number)), 0);
    CHECK_EQUAL(number, 2);
    CHECK(out[0].userdata == 6 && out[0].error == 0 && out[0].type == __WASI_EVENTTYPE_FD_WRITE);
    CHECK(out[1].userdata == 7 && out[1].error == __WASI_ERRNO_BADF);
    in[0].u.tag = 9;
    CHECK_EQUAL(raw_poll_oneoff(AT(in), AT(out), 1, AT(&number)), 0);
    CHECK_EQUAL(out[0].error, __WASI_ERRNO_INVAL);
    CHECK_EQUAL(raw_poll_oneoff(AT(in), AT(out), 0, AT(&number)), __WASI_ERRNO_INVAL);
    CHECK_EQUAL(raw_poll_oneoff(NOWHERE, AT(out), 1, AT(&number)), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_poll_oneoff(AT(in), NOWHERE, 1, AT(&number)), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_poll_oneoff(AT(in), AT(out), 1, NOWHERE), __WASI_ERRNO_FAULT);
    CHECK_EQUAL(raw_poll_oneoff(AT(in), AT(out), UINT32_MAX, AT(&number)), __WASI_ERRNO_FAULT);
}

int main(int argc, char **argv)
{
    CHECK(enter(argc > 4 ? argv[4] : NULL));
    test_process();
    test_clocks_and_random();
    test_streams();
    test_folder();
    test_contents();
    test_buffers();
    test_sizes_and_times();
    test_opening();
    test_names();
    test_listing();
    test_polling();
    return check_result();
}
