// SPDX-License-Identifier: MIT
//
// WASI over the kernel's files (kernel/wasi/kernel_system.c) and the memory file system: the
// program itself, its streams, descriptors, rights, contents, times and listings.
#include "kernel/wasi/wasi.h"

#include "fs/fs_env.h"
#include "kernel/base/clock.h"
#include "kernel/fs/vfs.h"
#include "wasi/kernel_env.h"
#include "wasi/kernel_stubs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_arguments_and_environment(void **state)
{
    (void)state;
    assert_int_equal(CALL(&g, "args_sizes_get", 0, 4), WASI_SUCCESS);
    assert_int_equal(guest_u32(&g, 0), 2);
    assert_int_equal(guest_u32(&g, 4), 17);
    assert_int_equal(CALL(&g, "args_get", 16, 100), WASI_SUCCESS);
    assert_int_equal(guest_u32(&g, 16), 100);
    assert_int_equal(guest_u32(&g, 20), 108);
    assert_memory_equal(g.memory + 100, "program\0argument\0\xcc", 18);
    assert_int_equal(CALL(&g, "environ_sizes_get", 0, 4), WASI_SUCCESS);
    assert_int_equal(guest_u32(&g, 0), 1);
    assert_int_equal(CALL(&g, "environ_get", 16, 100), WASI_SUCCESS);
    assert_string_equal((char *)g.memory + 100, "NAME=value");
    assert_int_equal(CALL(&g, "args_get", GUEST_BYTES - 7, 100), WASI_EFAULT);
    assert_int_equal(CALL(&g, "args_get", 0, GUEST_BYTES - 16), WASI_EFAULT);
    assert_int_equal(CALL(&g, "args_sizes_get", GUEST_BYTES, 0), WASI_EFAULT);
    assert_int_equal(CALL(&g, "environ_sizes_get", 0, GUEST_BYTES - 3), WASI_EFAULT);
}

static void test_streams_are_the_programs_files(void **state)
{
    (void)state;
    assert_int_equal(write_text(1, "hello\n"), WASI_SUCCESS);
    assert_string_equal(env_console_text(), "hello\n");
    assert_int_equal(write_text(0, "x"), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(&g, "fd_read", 0, guest_buffer(&g, 3), 1, GUEST_RESULT), WASI_SUCCESS);
    assert_int_equal(guest_u32(&g, GUEST_RESULT), 3);
    assert_memory_equal(g.memory + GUEST_BUFFER, "typ", 3);
    assert_int_equal(CALL(&g, "fd_read", 1, guest_buffer(&g, 3), 1, GUEST_RESULT),
                     WASI_ENOTCAPABLE);
    assert_int_equal(CALL(&g, "fd_fdstat_get", 1, GUEST_BUFFER), WASI_SUCCESS);
    assert_int_equal(g.memory[GUEST_BUFFER], WASI_TYPE_CHARACTER_DEVICE);
    assert_int_equal(guest_u64(&g, GUEST_BUFFER + WASI_FDSTAT_BASE) &
                         (WASI_RIGHT_FD_SEEK | WASI_RIGHT_FD_TELL),
                     0); /* these rights mark a terminal */
    assert_int_equal(CALL(&g, "fd_seek", 1, 0, WASI_WHENCE_SET, GUEST_RESULT), WASI_ESPIPE);
    assert_int_equal(CALL(&g, "fd_tell", 1, GUEST_RESULT), WASI_ESPIPE);
    assert_int_equal(CALL(&g, "fd_sync", 1), WASI_SUCCESS);
    assert_int_equal(CALL(&g, "sock_shutdown", 1, 0), WASI_ENOTSOCK);
    assert_int_equal(CALL(&g, "sock_shutdown", 9, 0), WASI_EBADF);
    assert_int_equal(CALL(&g, "sock_accept", 1, 0, GUEST_RESULT), WASI_ENOTSOCK);
    assert_int_equal(CALL(&g, "sock_recv", 1, 0, 0, 0, 0, 0), WASI_ENOTSOCK);
    assert_int_equal(CALL(&g, "sock_send", 1, 0, 0, 0, 0), WASI_ENOTSOCK);
}

static void test_folder_is_announced(void **state)
{
    (void)state;
    assert_int_equal(CALL(&g, "fd_prestat_get", TOP, GUEST_BUFFER), WASI_SUCCESS);
    assert_int_equal(g.memory[GUEST_BUFFER], WASI_PREOPEN_DIR);
    assert_int_equal(guest_u32(&g, GUEST_BUFFER + WASI_PRESTAT_LEN), 1);
    assert_int_equal(CALL(&g, "fd_prestat_dir_name", TOP, GUEST_BUFFER, 1), WASI_SUCCESS);
    assert_int_equal(g.memory[GUEST_BUFFER], '/');
    assert_int_equal(CALL(&g, "fd_prestat_dir_name", TOP, GUEST_BUFFER, 0), WASI_ENAMETOOLONG);
    assert_int_equal(CALL(&g, "fd_prestat_dir_name", TOP, GUEST_BYTES, 1), WASI_EFAULT);
    assert_int_equal(CALL(&g, "fd_prestat_get", TOP, GUEST_BYTES - 7), WASI_EFAULT);
    assert_int_equal(CALL(&g, "fd_prestat_get", TOP + 1, GUEST_BUFFER), WASI_EBADF);
    assert_int_equal(CALL(&g, "fd_prestat_get", 1, GUEST_BUFFER), WASI_EBADF);
    assert_int_equal(CALL(&g, "fd_prestat_dir_name", 1, GUEST_BUFFER, 1), WASI_EBADF);
}

static void test_rights_are_inherited_and_given_up(void **state)
{
    (void)state;
    uint32_t d;
    uint32_t fd;
    make_dir("d");
    make("d/f");
    uint64_t rights = WASI_RIGHT_PATH_OPEN | WASI_RIGHT_FD_READ | WASI_RIGHT_FD_READDIR;
    assert_int_equal(guest_open(&g, TOP, "d", WASI_OFLAG_DIRECTORY, rights, &d), WASI_SUCCESS);
    assert_int_equal(CALL(&g, "fd_fdstat_get", d, GUEST_BUFFER), WASI_SUCCESS);
    assert_int_equal(guest_u64(&g, GUEST_BUFFER + WASI_FDSTAT_BASE),
                     /* directories have no right to read */
                     WASI_RIGHT_PATH_OPEN | WASI_RIGHT_FD_READDIR);
    assert_int_equal(guest_u64(&g, GUEST_BUFFER + WASI_FDSTAT_INHERITING), rights);
    assert_int_equal(guest_open(&g, d, "f", 0, WASI_RIGHT_FD_WRITE, &fd), WASI_ENOTCAPABLE);
    assert_int_equal(guest_open(&g, d, "new", WASI_OFLAG_CREAT, 0, &fd), WASI_ENOTCAPABLE);
    assert_int_equal(guest_open(&g, d, "f", WASI_OFLAG_TRUNC, 0, &fd), WASI_ENOTCAPABLE);
    assert_int_equal(guest_path(&g, "path_create_directory", d, "x"), WASI_ENOTCAPABLE);
    assert_int_equal(guest_path(&g, "path_unlink_file", d, "f"), WASI_ENOTCAPABLE);
    assert_int_equal(guest_path(&g, "path_remove_directory", d, "f"), WASI_ENOTCAPABLE);
    uint32_t len = guest_put(&g, GUEST_TEXT, "f");
    assert_int_equal(CALL(&g, "path_filestat_get", d, 0, GUEST_TEXT, len, GUEST_BUFFER),
                     WASI_ENOTCAPABLE);
    assert_int_equal(CALL(&g, "path_filestat_set_times", d, 0, GUEST_TEXT, len, 0, 0, 4),
                     WASI_ENOTCAPABLE);
    assert_int_equal(CALL(&g, "path_readlink", d, GUEST_TEXT, len, GUEST_BUFFER, 9, GUEST_RESULT),
                     WASI_ENOTCAPABLE);
    assert_int_equal(CALL(&g, "path_symlink", GUEST_TEXT, len, d, GUEST_TEXT, len),
                     WASI_ENOTCAPABLE);
    assert_int_equal(CALL(&g, "path_link", d, 0, GUEST_TEXT, len, TOP, GUEST_TEXT, len),
                     WASI_ENOTCAPABLE);
    assert_int_equal(CALL(&g, "path_link", TOP, 0, GUEST_TEXT, len, d, GUEST_TEXT, len),
                     WASI_ENOTCAPABLE);
    assert_int_equal(CALL(&g, "path_rename", d, GUEST_TEXT, len, TOP, GUEST_TEXT, len),
                     WASI_ENOTCAPABLE);
    assert_int_equal(
        CALL(&g, "path_open", d, 0, GUEST_TEXT, len, 0, 0, 0, WASI_FDFLAG_SYNC, GUEST_RESULT),
        WASI_ENOTCAPABLE);
    assert_int_equal(guest_open(&g, d, "f", 0, WASI_RIGHT_FD_READ, &fd), WASI_SUCCESS);
    assert_int_equal(write_text(fd, "x"), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(&g, "fd_seek", fd, 1, 0, GUEST_RESULT), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(&g, "fd_tell", fd, GUEST_RESULT), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(&g, "fd_sync", fd), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(&g, "fd_datasync", fd), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(&g, "fd_advise", fd, 0, 0, 0), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(&g, "fd_allocate", fd, 0, 1), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(&g, "fd_filestat_get", fd, GUEST_BUFFER), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(&g, "fd_filestat_set_size", fd, 0), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(&g, "fd_filestat_set_times", fd, 0, 0, 4), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(&g, "fd_fdstat_set_flags", fd, 0), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(&g, "fd_pread", fd, guest_buffer(&g, 1), 1, 0, GUEST_RESULT),
                     WASI_ENOTCAPABLE);
    assert_int_equal(CALL(&g, "fd_fdstat_set_rights", fd, WASI_RIGHT_FD_WRITE, 0),
                     WASI_ENOTCAPABLE);
    assert_int_equal(CALL(&g, "fd_fdstat_set_rights", fd, 0, 0), WASI_SUCCESS);
    assert_int_equal(CALL(&g, "fd_fdstat_set_rights", fd, WASI_RIGHT_FD_READ, 0), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(&g, "fd_fdstat_set_rights", 99, 0, 0), WASI_EBADF);
    assert_int_equal(CALL(&g, "fd_read", fd, guest_buffer(&g, 1), 1, GUEST_RESULT),
                     WASI_ENOTCAPABLE);
    assert_int_equal(CALL(&g, "fd_fdstat_set_rights", d, 0, 0), WASI_SUCCESS);
    assert_int_equal(CALL(&g, "fd_readdir", d, GUEST_BUFFER, 100, 0, GUEST_RESULT),
                     WASI_ENOTCAPABLE);
    assert_int_equal(guest_open(&g, d, "f", 0, 0, &fd), WASI_ENOTCAPABLE);
}

static void test_reading_and_writing(void **state)
{
    (void)state;
    uint32_t fd = open_new("f");
    assert_int_equal(write_text(fd, "0123456789"), WASI_SUCCESS);
    assert_int_equal(guest_u32(&g, GUEST_RESULT), 10);
    assert_int_equal(CALL(&g, "fd_tell", fd, GUEST_RESULT), WASI_SUCCESS);
    assert_int_equal(guest_u64(&g, GUEST_RESULT), 10);
    assert_int_equal(CALL(&g, "fd_seek", fd, (uint64_t)-4, WASI_WHENCE_CUR, GUEST_RESULT),
                     WASI_SUCCESS);
    assert_int_equal(guest_u64(&g, GUEST_RESULT), 6);
    assert_int_equal(CALL(&g, "fd_seek", fd, (uint64_t)-7, WASI_WHENCE_CUR, GUEST_RESULT),
                     WASI_EINVAL);
    assert_int_equal(CALL(&g, "fd_seek", fd, 0, 3, GUEST_RESULT), WASI_EINVAL);
    assert_int_equal(CALL(&g, "fd_seek", fd, 0, 0, GUEST_BYTES - 7), WASI_EFAULT);
    assert_int_equal(CALL(&g, "fd_seek", fd, 2, WASI_WHENCE_SET, GUEST_RESULT), WASI_SUCCESS);
    assert_int_equal(CALL(&g, "fd_read", fd, guest_buffer(&g, 3), 1, GUEST_RESULT), WASI_SUCCESS);
    assert_memory_equal(g.memory + GUEST_BUFFER, "234", 3);
    guest_put(&g, GUEST_BUFFER, "xy");
    assert_int_equal(CALL(&g, "fd_pwrite", fd, guest_buffer(&g, 2), 1, 8, GUEST_RESULT),
                     WASI_SUCCESS);
    assert_int_equal(CALL(&g, "fd_pread", fd, guest_buffer(&g, 100), 1, 7, GUEST_RESULT),
                     WASI_SUCCESS);
    assert_int_equal(guest_u32(&g, GUEST_RESULT), 3);
    assert_memory_equal(g.memory + GUEST_BUFFER, "7xy", 3);
    assert_int_equal(CALL(&g, "fd_tell", fd, GUEST_RESULT), WASI_SUCCESS);
    assert_int_equal(guest_u64(&g, GUEST_RESULT), 5);
    assert_int_equal(CALL(&g, "fd_pread", fd, guest_buffer(&g, 1), 1, UINT64_MAX, GUEST_RESULT),
                     WASI_EINVAL);
    assert_int_equal(
        CALL(&g, "fd_pwrite", fd, guest_buffer(&g, 1), 1, (uint64_t)1 << 63, GUEST_RESULT),
        WASI_EINVAL);
    assert_int_equal(CALL(&g, "fd_pwrite", fd, guest_buffer(&g, 1), 1, INT64_MAX, GUEST_RESULT),
                     WASI_EFBIG);

    assert_int_equal(CALL(&g, "fd_fdstat_set_flags", fd, WASI_FDFLAG_APPEND), WASI_SUCCESS);
    assert_int_equal(write_text(fd, "end"), WASI_SUCCESS);
    assert_int_equal(CALL(&g, "fd_fdstat_set_flags", fd, WASI_FDFLAG_SYNC), WASI_SUCCESS);
    assert_int_equal(CALL(&g, "fd_seek", fd, 0, WASI_WHENCE_SET, GUEST_RESULT), WASI_SUCCESS);
    assert_int_equal(write_text(fd, "start"), WASI_SUCCESS);
    assert_int_equal(CALL(&g, "fd_fdstat_set_flags", fd, 32), WASI_EINVAL);
    assert_int_equal(CALL(&g, "fd_fdstat_get", fd, GUEST_BUFFER), WASI_SUCCESS);
    assert_int_equal(guest_u32(&g, GUEST_BUFFER) >> 16, WASI_FDFLAG_SYNC);
    expect_text("/tmp/home/f", "start567xyend");
    assert_int_equal(CALL(&g, "fd_sync", fd), WASI_SUCCESS);
    assert_int_equal(CALL(&g, "fd_datasync", fd), WASI_SUCCESS);
}

static void test_sizes_and_advice(void **state)
{
    (void)state;
    uint32_t fd = open_new("f");
    assert_int_equal(CALL(&g, "fd_filestat_set_size", fd, 100), WASI_SUCCESS);
    assert_int_equal(CALL(&g, "fd_filestat_set_size", fd, UINT64_MAX), WASI_EFBIG);
    assert_int_equal(CALL(&g, "fd_allocate", fd, 90, 20), WASI_SUCCESS);
    assert_int_equal(CALL(&g, "fd_allocate", fd, 0, 0), WASI_EINVAL);
    assert_int_equal(CALL(&g, "fd_allocate", fd, UINT64_MAX, 1), WASI_EFBIG);
    assert_int_equal(CALL(&g, "fd_allocate", fd, 0, (uint64_t)1 << 40), WASI_ENOSPC);
    assert_int_equal(CALL(&g, "fd_filestat_get", fd, GUEST_BUFFER), WASI_SUCCESS);
    assert_int_equal(guest_u64(&g, GUEST_BUFFER + WASI_FILESTAT_LENGTH), 110);
    assert_int_equal(guest_u64(&g, GUEST_BUFFER + WASI_FILESTAT_NLINK), 1);
    assert_int_equal(g.memory[GUEST_BUFFER + WASI_FILESTAT_TYPE], WASI_TYPE_REGULAR_FILE);
    assert_int_equal(CALL(&g, "fd_filestat_get", fd, GUEST_BYTES - 63), WASI_EFAULT);
    assert_int_equal(CALL(&g, "fd_advise", fd, 0, 10, 5), WASI_SUCCESS);
    assert_int_equal(CALL(&g, "fd_advise", fd, 0, 10, 6), WASI_EINVAL);
    assert_int_equal(CALL(&g, "fd_advise", fd, UINT64_MAX, 1, 0), WASI_EINVAL);
    assert_int_equal(CALL(&g, "fd_advise", 99, 0, 0, 0), WASI_EBADF);
    static const char *const on_files[] = {"fd_read", "fd_write"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(CALL(&g, on_files[i], TOP, guest_buffer(&g, 1), 1, GUEST_RESULT),
                         WASI_EISDIR);
        assert_int_equal(CALL(&g, on_files[i], 99, guest_buffer(&g, 1), 1, GUEST_RESULT),
                         WASI_EBADF);
    }
    assert_int_equal(CALL(&g, "fd_allocate", TOP, 0, 1), WASI_EISDIR);
    assert_int_equal(CALL(&g, "fd_filestat_set_size", TOP, 0), WASI_EISDIR);
    assert_int_equal(CALL(&g, "fd_seek", TOP, 0, 1, GUEST_RESULT), WASI_EISDIR);
    assert_int_equal(CALL(&g, "fd_readdir", fd, GUEST_BUFFER, 100, 0, GUEST_RESULT), WASI_ENOTDIR);
}

static void test_times(void **state)
{
    (void)state;
    uint32_t fd = open_new("f");
    make_link("f", "l");
    assert_int_equal(CALL(&g, "fd_filestat_set_times", fd, 11, 22, WASI_FST_ATIM | WASI_FST_MTIM),
                     WASI_SUCCESS);
    assert_int_equal(stat_path("l", true), WASI_SUCCESS);
    assert_int_equal(guest_u64(&g, GUEST_BUFFER + WASI_FILESTAT_ATIM), 11);
    assert_int_equal(guest_u64(&g, GUEST_BUFFER + WASI_FILESTAT_MTIM), 22);
    uint32_t len = guest_put(&g, GUEST_TEXT, "l");
    assert_int_equal(
        CALL(&g, "path_filestat_set_times", TOP, 0, GUEST_TEXT, len, 0, 33, WASI_FST_MTIM),
        WASI_SUCCESS);
    assert_int_equal(CALL(&g, "path_filestat_set_times", TOP, 1, GUEST_TEXT, len, 44, 0,
                          WASI_FST_ATIM | WASI_FST_MTIM_NOW),
                     WASI_SUCCESS);
    assert_int_equal(stat_path("l", false), WASI_SUCCESS);
    assert_int_equal(g.memory[GUEST_BUFFER + WASI_FILESTAT_TYPE], WASI_TYPE_SYMBOLIC_LINK);
    assert_int_equal(guest_u64(&g, GUEST_BUFFER + WASI_FILESTAT_MTIM), 33);
    assert_int_equal(stat_path("f", false), WASI_SUCCESS);
    assert_int_equal(guest_u64(&g, GUEST_BUFFER + WASI_FILESTAT_ATIM), 44);
    assert_int_equal(guest_u64(&g, GUEST_BUFFER + WASI_FILESTAT_MTIM), 1000 * NS_PER_S);
    static const uint64_t wrong[] = {WASI_FST_ATIM | WASI_FST_ATIM_NOW,
                                     WASI_FST_MTIM | WASI_FST_MTIM_NOW, 16};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(CALL(&g, "fd_filestat_set_times", fd, 0, 0, wrong[i]), WASI_EINVAL);
        len = guest_put(&g, GUEST_TEXT, "f");
        assert_int_equal(
            CALL(&g, "path_filestat_set_times", TOP, 0, GUEST_TEXT, len, 0, 0, wrong[i]),
            WASI_EINVAL);
    }
    len = guest_put(&g, GUEST_TEXT, "f/");
    assert_int_equal(CALL(&g, "path_filestat_set_times", TOP, 0, GUEST_TEXT, len, 0, 0, 4),
                     WASI_ENOTDIR);
    assert_int_equal(CALL(&g, "path_filestat_set_times", TOP, 2, GUEST_TEXT, len, 0, 0, 4),
                     WASI_EINVAL);
}

static void list(uint32_t fd, uint32_t room, char *names)
{
    uint64_t cookie = 0;
    uint32_t used = room;
    names[0] = '\0';
    while (used == room) {
        assert_int_equal(CALL(&g, "fd_readdir", fd, GUEST_BUFFER, room, cookie, GUEST_RESULT),
                         WASI_SUCCESS);
        used = guest_u32(&g, GUEST_RESULT);
        uint32_t at = 0;
        while (at + WASI_DIRENT_SIZE <= used) {
            uint32_t len = guest_u32(&g, GUEST_BUFFER + at + WASI_DIRENT_NAMLEN);
            if (at + WASI_DIRENT_SIZE + len > used) {
                break;
            }
            cookie = guest_u64(&g, GUEST_BUFFER + at);
            strncat(names, (char *)g.memory + GUEST_BUFFER + at + WASI_DIRENT_SIZE, len);
            strcat(names, " ");
            at += WASI_DIRENT_SIZE + len;
        }
        assert_true(at != 0 || used < room);
    }
}

static void test_listing(void **state)
{
    (void)state;
    char names[256];
    uint32_t fd;
    make("one");
    make("two");
    make_dir("three");
    assert_int_equal(guest_open(&g, TOP, ".", WASI_OFLAG_DIRECTORY,
                                WASI_RIGHT_FD_READDIR | WASI_RIGHT_FD_FILESTAT_GET, &fd),
                     WASI_SUCCESS);
    for (uint32_t room = 29; room < 200; room += 3) {
        list(fd, room, names);
        assert_string_equal(names, ". .. one two three ");
    }
    assert_int_equal(CALL(&g, "fd_filestat_get", fd, GUEST_BUFFER + 512), WASI_SUCCESS);
    assert_int_equal(CALL(&g, "fd_readdir", fd, GUEST_BUFFER, 512, 0, GUEST_RESULT), WASI_SUCCESS);
    assert_int_equal(guest_u64(&g, GUEST_BUFFER + WASI_DIRENT_INO),
                     guest_u64(&g, GUEST_BUFFER + 512 + WASI_FILESTAT_INO));
    assert_int_equal(CALL(&g, "fd_readdir", fd, GUEST_BUFFER, 512, UINT64_MAX, GUEST_RESULT),
                     WASI_SUCCESS);
    assert_int_equal(guest_u32(&g, GUEST_RESULT), 0); /* a cookie that was never returned */
    assert_int_equal(CALL(&g, "fd_readdir", fd, GUEST_BYTES - 1, 2, 0, GUEST_RESULT), WASI_EFAULT);
    assert_int_equal(CALL(&g, "fd_readdir", fd, GUEST_BUFFER, 2, 0, GUEST_BYTES - 3), WASI_EFAULT);
}

static void test_descriptors_are_moved_and_run_out(void **state)
{
    (void)state;
    uint32_t a = open_new("a");
    uint32_t b = open_new("b");
    assert_int_equal(CALL(&g, "fd_renumber", a, b), WASI_SUCCESS);
    assert_int_equal(write_text(b, "to a"), WASI_SUCCESS);
    expect_text("/tmp/home/a", "to a");
    assert_int_equal(CALL(&g, "fd_close", a), WASI_EBADF);
    assert_int_equal(CALL(&g, "fd_renumber", b, a), WASI_EBADF);
    assert_int_equal(CALL(&g, "fd_renumber", a, b), WASI_EBADF);
    assert_int_equal(CALL(&g, "fd_renumber", b, b), WASI_SUCCESS);
    assert_int_equal(write_text(b, "!"), WASI_SUCCESS);
    assert_int_equal(CALL(&g, "fd_close", b), WASI_SUCCESS);
    assert_int_equal(CALL(&g, "fd_close", UINT32_MAX), WASI_EBADF);
    uint32_t e;
    uint32_t fd;
    uint32_t count = 0;
    while ((e = guest_open(&g, TOP, "a", 0, 0, &fd)) == WASI_SUCCESS) {
        assert_int_equal(fd, TOP + 1 + count++);
    }
    assert_int_equal(e, WASI_EMFILE);
    assert_int_equal(count, 1024 - 4);
    assert_int_equal(CALL(&g, "fd_close", 500), WASI_SUCCESS);
    assert_int_equal(guest_open(&g, TOP, "a", 0, 0, &fd), WASI_SUCCESS);
    assert_int_equal(fd, 500);
}

static void test_long_calls_end_with_the_program(void **state)
{
    (void)state;
    uint32_t fd = open_new("f");
    atomic_store(&wasi_stub_thread.cancelled, true);
    assert_int_equal(write_text(fd, "x"), WASI_ECANCELED);
    assert_int_equal(CALL(&g, "fd_read", fd, guest_buffer(&g, 1), 1, GUEST_RESULT), WASI_ECANCELED);
    assert_int_equal(CALL(&g, "random_get", 0, 1), WASI_ECANCELED);
    atomic_store(&wasi_stub_thread.cancelled, false);
    assert_int_equal(write_text(fd, "x"), WASI_SUCCESS);
}

static void test_clocks_and_the_rest(void **state)
{
    (void)state;
    assert_int_equal(CALL(&g, "clock_time_get", 0, 0, GUEST_RESULT), WASI_SUCCESS);
    assert_int_equal(guest_u64(&g, GUEST_RESULT), 1000 * NS_PER_S);
    assert_int_equal(CALL(&g, "clock_time_get", 3, 0, GUEST_RESULT), WASI_SUCCESS);
    assert_int_equal(guest_u64(&g, GUEST_RESULT), 77);
    assert_int_equal(CALL(&g, "clock_time_get", 4, 0, GUEST_RESULT), WASI_EINVAL);
    assert_int_equal(CALL(&g, "clock_time_get", 0, 0, GUEST_BYTES - 7), WASI_EFAULT);
    assert_int_equal(CALL(&g, "clock_res_get", 1, GUEST_RESULT), WASI_SUCCESS);
    assert_int_equal(guest_u64(&g, GUEST_RESULT), 4);
    assert_int_equal(CALL(&g, "clock_res_get", 4, GUEST_RESULT), WASI_EINVAL);
    assert_int_equal(CALL(&g, "random_get", 0, GUEST_BYTES), WASI_SUCCESS);
    assert_int_equal(g.memory[GUEST_BYTES - 1], 0x5a);
    assert_int_equal(CALL(&g, "random_get", GUEST_BYTES, 0), WASI_SUCCESS);
    assert_int_equal(CALL(&g, "random_get", 1, GUEST_BYTES), WASI_EFAULT);
    assert_int_equal(CALL(&g, "random_get", 0, UINT32_MAX), WASI_EFAULT);
    assert_int_equal(CALL(&g, "sched_yield", 0), WASI_SUCCESS);
}

#define WITH_GUEST(test) cmocka_unit_test_setup_teardown(test, wasi_env_start, wasi_env_finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_GUEST(test_arguments_and_environment),
        WITH_GUEST(test_streams_are_the_programs_files),
        WITH_GUEST(test_folder_is_announced),
        WITH_GUEST(test_rights_are_inherited_and_given_up),
        WITH_GUEST(test_reading_and_writing),
        WITH_GUEST(test_sizes_and_advice),
        WITH_GUEST(test_times),
        WITH_GUEST(test_listing),
        WITH_GUEST(test_descriptors_are_moved_and_run_out),
        WITH_GUEST(test_long_calls_end_with_the_program),
        WITH_GUEST(test_clocks_and_the_rest),
    };
    return cmocka_run_group_tests(tests, wasi_env_setup_once, NULL);
}
