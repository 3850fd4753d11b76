// SPDX-License-Identifier: MIT
//
// WASI over the kernel's files (kernel/wasi/kernel_system.c) and the memory file system: every call
// on files and paths, and its errors; what leads out of a folder.
#include "kernel/wasi.h"

#include "fs/fs_env.h"
#include "kernel/clock.h"
#include "kernel/fs/vfs.h"
#include "kernel/random.h"
#include "kernel/sched/program.h"
#include "kernel/sched/thread.h"
#include "wasi/guest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define READ_WRITE                                                                                 \
    (WASI_RIGHT_FD_READ | WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_SEEK | WASI_RIGHT_FD_TELL |          \
     WASI_RIGHT_FD_FILESTAT_GET | WASI_RIGHT_FD_FILESTAT_SET_SIZE | WASI_RIGHT_FD_ALLOCATE |       \
     WASI_RIGHT_FD_FILESTAT_SET_TIMES | WASI_RIGHT_FD_ADVISE | WASI_RIGHT_FD_SYNC |                \
     WASI_RIGHT_FD_DATASYNC | WASI_RIGHT_FD_FDSTAT_SET_FLAGS)

#define TOP 3u /* the folder: /tmp/home, known as "/" */

static struct guest g;
static struct program program;
static struct program_resource *resource;

/* What of the kernel stands behind the system, but for files. */
void random_fill(void *buf, size_t len)
{
    memset(buf, 0x5a, len);
}

uint64_t thread_run_ns(void)
{
    return 77;
}

enum status thread_sleep_until(uint64_t deadline_ns)
{
    (void)deadline_ns;
    return OK;
}

void thread_yield(void)
{
}

uint64_t clock_now_ns(void)
{
    return 5000;
}

uint64_t clock_counter_to_ns(uint64_t ticks)
{
    return ticks * 4;
}

enum status program_add_resource(struct program *p, struct program_resource *r)
{
    assert_ptr_equal(p, &program);
    resource = r;
    return OK;
}

static int setup_once(void **state)
{
    (void)state;
    env_reset();
    return vfs_init() == OK ? 0 : -1;
}

static void write_file(const char *path, const char *text)
{
    struct file *f;
    size_t n;
    assert_int_equal(vfs_open(NULL, path, VFS_WRITE | VFS_CREATE, &f), OK);
    assert_int_equal(file_write(f, text, strlen(text), &n), OK);
    file_close(f);
}

static int start(void **state)
{
    (void)state;
    static const char *const args[] = {"program", "argument"};
    static const char *const env[] = {"NAME=value"};
    static const struct wasi_folder folder = {.path = "/tmp/home", .name = "/"};
    struct wasi_config config = {.args = args, .arg_count = 2, .env = env, .env_count = 1};
    struct wasi *w;
    assert_int_equal(vfs_mkdir(NULL, "/tmp/home"), OK);
    write_file("/tmp/secret", "secret");
    mutex_init(&program.lock, "program");
    for (int i = 0; i < 3; i++) {
        program.files[i] = file_console();
    }
    assert_int_equal(wasi_create_for_program(&program, &config, &folder, 1, &w), OK);
    guest_init(&g, w);
    return 0;
}

static void remove_tree(struct file *dir)
{
    struct dir_entry e;
    uint64_t cookie = 0;
    while (file_read_dir_at(dir, &cookie, &e) == OK) {
        struct file *below;
        if (e.type == FILE_DIRECTORY && file_open_at(dir, e.name, VFS_DIRECTORY, &below) == OK) {
            remove_tree(below);
            file_close(below);
            assert_int_equal(file_rmdir_at(dir, e.name), OK);
        } else {
            assert_int_equal(file_unlink_at(dir, e.name), OK);
        }
    }
}

static int finish(void **state)
{
    (void)state;
    struct file *home;
    resource->release(resource);
    guest_free(&g);
    for (int i = 0; i < 3; i++) {
        file_close(program.files[i]);
    }
    if (vfs_open(NULL, "/tmp", VFS_DIRECTORY, &home) != OK) {
        return -1;
    }
    remove_tree(home);
    file_close(home);
    return 0;
}

static uint32_t open_new(const char *path)
{
    uint32_t fd;
    assert_int_equal(guest_open(&g, TOP, path, WASI_OFLAG_CREAT, READ_WRITE, &fd), WASI_SUCCESS);
    return fd;
}

static void make(const char *path)
{
    assert_int_equal(CALL(&g, "fd_close", open_new(path)), WASI_SUCCESS);
}

static void make_dir(const char *path)
{
    assert_int_equal(guest_path(&g, "path_create_directory", TOP, path), WASI_SUCCESS);
}

static uint32_t two_paths(const char *call, const char *from, const char *to)
{
    uint32_t a = guest_put(&g, GUEST_TEXT, from);
    uint32_t b = guest_put(&g, GUEST_TEXT_2, to);
    if (strcmp(call, "path_symlink") == 0) {
        return CALL(&g, call, GUEST_TEXT, a, TOP, GUEST_TEXT_2, b);
    }
    if (strcmp(call, "path_link") == 0) {
        return CALL(&g, call, TOP, 0, GUEST_TEXT, a, TOP, GUEST_TEXT_2, b);
    }
    return CALL(&g, call, TOP, GUEST_TEXT, a, TOP, GUEST_TEXT_2, b);
}

static void make_link(const char *target, const char *name)
{
    assert_int_equal(two_paths("path_symlink", target, name), WASI_SUCCESS);
}

static uint32_t stat_path(const char *path, bool follow)
{
    uint32_t len = guest_put(&g, GUEST_TEXT, path);
    return CALL(&g, "path_filestat_get", TOP, follow, GUEST_TEXT, len, GUEST_BUFFER);
}

/* What a file holds, as the kernel sees it. */
static void expect_text(const char *path, const char *text)
{
    char buf[64];
    size_t n;
    struct file *f;
    assert_int_equal(vfs_open(NULL, path, VFS_READ, &f), OK);
    assert_int_equal(file_read(f, buf, sizeof(buf), &n), OK);
    file_close(f);
    assert_int_equal(n, strlen(text));
    assert_memory_equal(buf, text, n);
}

static uint32_t write_text(uint32_t fd, const char *text)
{
    uint32_t len = guest_put(&g, GUEST_BUFFER, text);
    return CALL(&g, "fd_write", fd, guest_buffer(&g, len), 1, GUEST_RESULT);
}

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
                     0); /* so it is a terminal */
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

static void test_nothing_leads_out(void **state)
{
    (void)state;
    static const char *const ways[] = {
        "..",           "../secret",
        "/tmp/secret",  "/",
        "../home/f",    "d/../../secret",
        "d/e/../../..", "./../secret",
        "up/secret",    "up",
        "deep/secret",  "d/up2/../secret",
        "absolute",     "absolute/",
        "way",          "d/../d/../..",
        "up/",          "d/e/../../../home/f",
        "chain",        "d/./../.././secret",
    };
    uint32_t fd;
    make_dir("d");
    make_dir("d/e");
    make("f");
    make_link("..", "up");
    make_link("d/e/../../..", "deep");
    make_link("../..", "d/up2");
    make_link("../secret", "way");
    make_link("way", "chain");
    /* A program cannot make such a link, but somebody else may have. */
    struct file *home;
    assert_int_equal(vfs_open(NULL, "/tmp/home", VFS_DIRECTORY, &home), OK);
    assert_int_equal(file_symlink_at("/tmp/secret", home, "absolute"), OK);
    file_close(home);
    assert_int_equal(two_paths("path_symlink", "/tmp", "mine"), WASI_ENOTCAPABLE);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        assert_int_equal(guest_open(&g, TOP, ways[i], 0, WASI_RIGHT_FD_READ, &fd),
                         WASI_ENOTCAPABLE);
        assert_int_equal(guest_open(&g, TOP, ways[i], WASI_OFLAG_CREAT, READ_WRITE, &fd),
                         WASI_ENOTCAPABLE);
        assert_int_equal(stat_path(ways[i], true), WASI_ENOTCAPABLE);
    }
    static const char *const parents[] = {"..", "../x", "d/../../x", "up/x", "deep/x", "/x"};
    for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]); i++) {
        assert_int_equal(guest_path(&g, "path_create_directory", TOP, parents[i]),
                         WASI_ENOTCAPABLE);
        assert_int_equal(guest_path(&g, "path_remove_directory", TOP, parents[i]),
                         WASI_ENOTCAPABLE);
        assert_int_equal(guest_path(&g, "path_unlink_file", TOP, parents[i]), WASI_ENOTCAPABLE);
        assert_int_equal(two_paths("path_rename", "f", parents[i]), WASI_ENOTCAPABLE);
        assert_int_equal(two_paths("path_rename", parents[i], "y"), WASI_ENOTCAPABLE);
        assert_int_equal(two_paths("path_link", "f", parents[i]), WASI_ENOTCAPABLE);
        assert_int_equal(two_paths("path_link", parents[i], "y"), WASI_ENOTCAPABLE);
        assert_int_equal(two_paths("path_symlink", "f", parents[i]), WASI_ENOTCAPABLE);
    }
    expect_text("/tmp/secret", "secret");
    /* What leads up and comes back is inside. */
    assert_int_equal(guest_open(&g, TOP, "d/e/../../f", 0, READ_WRITE, &fd), WASI_SUCCESS);
    /* A descriptor is a folder of its own: ".." of it leads out, though not of the one above. */
    assert_int_equal(guest_open(&g, TOP, "d", WASI_OFLAG_DIRECTORY, WASI_RIGHT_PATH_OPEN, &fd),
                     WASI_SUCCESS);
    uint32_t other;
    assert_int_equal(guest_open(&g, fd, "../f", 0, 0, &other), WASI_ENOTCAPABLE);
}

static void test_a_directory_that_moves_out_takes_nobody_along(void **state)
{
    (void)state;
    uint32_t d;
    uint32_t fd;
    struct file *tmp;
    make_dir("a");
    make_dir("a/b");
    assert_int_equal(
        guest_open(&g, TOP, "a", WASI_OFLAG_DIRECTORY,
                   WASI_RIGHT_PATH_OPEN | WASI_RIGHT_PATH_CREATE_FILE | WASI_RIGHT_FD_READ, &d),
        WASI_SUCCESS);
    assert_int_equal(vfs_open(NULL, "/tmp", VFS_DIRECTORY, &tmp), OK);
    struct file *home;
    assert_int_equal(file_open_at(tmp, "home", VFS_DIRECTORY, &home), OK);
    assert_int_equal(file_rename_at(home, "a", tmp, "moved"), OK); /* beside the secret */
    assert_int_equal(guest_open(&g, d, "../secret", 0, 0, &fd), WASI_ENOTCAPABLE);
    assert_int_equal(guest_open(&g, d, "b/../../secret", 0, 0, &fd), WASI_ENOTCAPABLE);
    assert_int_equal(guest_open(&g, d, "b/../new", WASI_OFLAG_CREAT, WASI_RIGHT_FD_READ, &fd),
                     WASI_SUCCESS);
    struct file_stat st;
    assert_int_equal(vfs_stat(NULL, "/tmp/moved/new", true, &st), OK);
    file_close(home);
    file_close(tmp);
}

static void test_opening(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        unsigned oflags;
        uint64_t rights;
        uint32_t want;
    } cases[] = {
        {"f", 0, WASI_RIGHT_FD_READ, WASI_SUCCESS},
        {"no", 0, 0, WASI_ENOENT},
        {"no/f", 0, 0, WASI_ENOENT},
        {"f/x", 0, 0, WASI_ENOTDIR},
        {"f/", 0, 0, WASI_ENOTDIR},
        {"f/.", 0, 0, WASI_ENOTDIR},
        {"f", WASI_OFLAG_DIRECTORY, 0, WASI_ENOTDIR},
        {"d", 0, 0, WASI_SUCCESS},
        {"d///", 0, 0, WASI_SUCCESS},
        {"d/.", 0, 0, WASI_SUCCESS},
        {".", 0, 0, WASI_SUCCESS},
        {"./", WASI_OFLAG_DIRECTORY, 0, WASI_SUCCESS},
        {"d/..", 0, 0, WASI_SUCCESS},
        {"d", 0, WASI_RIGHT_FD_WRITE, WASI_EISDIR},
        {"d", WASI_OFLAG_DIRECTORY, WASI_RIGHT_FD_WRITE, WASI_EISDIR},
        {"d", WASI_OFLAG_TRUNC, 0, WASI_EISDIR},
        {"d", WASI_OFLAG_CREAT, WASI_RIGHT_FD_WRITE, WASI_EISDIR},
        {"d/", WASI_OFLAG_CREAT, 0, WASI_EISDIR},
        {".", WASI_OFLAG_CREAT, 0, WASI_EISDIR},
        {".", WASI_OFLAG_CREAT | WASI_OFLAG_EXCL, 0, WASI_EEXIST},
        {"new/", WASI_OFLAG_CREAT, 0, WASI_EISDIR},
        {"f/", WASI_OFLAG_CREAT, 0, WASI_ENOTDIR},
        {"f", WASI_OFLAG_CREAT | WASI_OFLAG_EXCL, 0, WASI_EEXIST},
        {"to_no", WASI_OFLAG_CREAT | WASI_OFLAG_EXCL, 0, WASI_EEXIST},
        {"to_f", 0, 0, WASI_SUCCESS},
        {"to_f/", 0, 0, WASI_ENOTDIR},
        {"to_d/", 0, 0, WASI_SUCCESS},
        {"to_d/in", 0, 0, WASI_SUCCESS},
        {"to_d_slash", 0, 0, WASI_SUCCESS},
        {"to_d_slash/in", 0, 0, WASI_SUCCESS},
        {"to_no", 0, 0, WASI_ENOENT},
        {"loop", 0, 0, WASI_ELOOP},
        {"loop/x", 0, 0, WASI_ELOOP},
        {"f", WASI_OFLAG_CREAT | WASI_OFLAG_DIRECTORY, 0, WASI_EINVAL},
        {"f", 16, 0, WASI_EINVAL},
        {"", 0, 0, WASI_ENOENT},
        {"to_no", WASI_OFLAG_CREAT, 0, WASI_SUCCESS}, /* makes what it leads to */
        {"no", 0, 0, WASI_SUCCESS},
    };
    uint32_t fd;
    make("f");
    make_dir("d");
    make("d/in");
    make_link("f", "to_f");
    make_link("d", "to_d");
    make_link("d/", "to_d_slash");
    make_link("no", "to_no");
    make_link("loop", "loop");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t e = guest_open(&g, TOP, cases[i].path, cases[i].oflags, cases[i].rights, &fd);
        if (e != cases[i].want) {
            fail_msg("case %zu (%s): %u", i, cases[i].path, e);
        }
        if (e == WASI_SUCCESS) {
            assert_int_equal(fd, TOP + 1);
            assert_int_equal(CALL(&g, "fd_close", fd), WASI_SUCCESS);
        }
    }
    uint32_t len = guest_put(&g, GUEST_TEXT, "to_f");
    assert_int_equal(CALL(&g, "path_open", TOP, 0, GUEST_TEXT, len, 0, 0, 0, 0, GUEST_RESULT),
                     WASI_ELOOP);
    assert_int_equal(CALL(&g, "path_open", TOP, 2, GUEST_TEXT, len, 0, 0, 0, 0, GUEST_RESULT),
                     WASI_EINVAL);
    assert_int_equal(CALL(&g, "path_open", TOP, 1, GUEST_TEXT, len, 0, 0, 0, 32, GUEST_RESULT),
                     WASI_EINVAL);
    assert_int_equal(CALL(&g, "path_open", 1, 1, GUEST_TEXT, len, 0, 0, 0, 0, GUEST_RESULT),
                     WASI_ENOTDIR);
    assert_int_equal(CALL(&g, "path_open", 99, 1, GUEST_TEXT, len, 0, 0, 0, 0, GUEST_RESULT),
                     WASI_EBADF);
    memcpy(g.memory + GUEST_TEXT, "f\0x", 3);
    assert_int_equal(CALL(&g, "path_open", TOP, 1, GUEST_TEXT, 3, 0, 0, 0, 0, GUEST_RESULT),
                     WASI_EINVAL);
}

static void test_long_paths(void **state)
{
    (void)state;
    char path[5000];
    uint32_t fd;
    memset(path, 'n', sizeof(path));
    path[256] = '\0';
    assert_int_equal(guest_open(&g, TOP, path, 0, 0, &fd), WASI_ENAMETOOLONG);
    assert_int_equal(stat_path(path, false), WASI_ENAMETOOLONG);
    for (size_t i = 0; i < sizeof(path) - 1; i++) {
        path[i] = i % 2 == 0 ? '.' : '/';
    }
    path[4094] = '\0';
    assert_int_equal(guest_open(&g, TOP, path, 0, 0, &fd), WASI_SUCCESS);
    path[4094] = '.';
    path[4095] = '/';
    path[4096] = '\0';
    assert_int_equal(guest_open(&g, TOP, path, 0, 0, &fd), WASI_ENAMETOOLONG);
    /* Deeper than a walk holds. */
    make_dir("d");
    make_link(".", "d/here");
    path[0] = '\0';
    for (int i = 0; i < 200; i++) {
        strcat(path, "d/../");
    }
    assert_int_equal(stat_path(path, true), WASI_SUCCESS); /* never deep */
    strcpy(path, "d");
    for (int i = 0; i < 40; i++) {
        strcat(path, "/here");
    }
    assert_int_equal(stat_path(path, true), WASI_ELOOP); /* each is a link followed */
}

static void test_deep_trees_end_somewhere(void **state)
{
    (void)state;
    char path[1024] = "d";
    uint32_t e;
    make_dir("d");
    for (int i = 0; i < 200; i++) {
        strcat(path, "/d");
        e = guest_path(&g, "path_create_directory", TOP, path);
        if (e != WASI_SUCCESS) {
            break;
        }
    }
    assert_int_equal(e, WASI_ENAMETOOLONG);
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
                     WASI_RIGHT_PATH_OPEN | WASI_RIGHT_FD_READDIR); /* directories are not read */
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

static void test_looking(void **state)
{
    (void)state;
    make_dir("d");
    make("f");
    make_link("no", "dangling");
    assert_int_equal(stat_path("d/", false), WASI_SUCCESS);
    assert_int_equal(g.memory[GUEST_BUFFER + WASI_FILESTAT_TYPE], WASI_TYPE_DIRECTORY);
    assert_int_equal(stat_path("f/", false), WASI_ENOTDIR);
    assert_int_equal(stat_path("dangling", false), WASI_SUCCESS);
    assert_int_equal(stat_path("dangling", true), WASI_ENOENT);
    assert_int_equal(stat_path("no", true), WASI_ENOENT);
    assert_int_equal(stat_path("", true), WASI_ENOENT);
    assert_int_equal(stat_path(".", true), WASI_SUCCESS);
    uint32_t len = guest_put(&g, GUEST_TEXT, "f");
    assert_int_equal(CALL(&g, "path_filestat_get", TOP, 0, GUEST_TEXT, len, GUEST_BYTES - 63),
                     WASI_EFAULT);
    assert_int_equal(CALL(&g, "path_filestat_get", TOP, 2, GUEST_TEXT, len, GUEST_BUFFER),
                     WASI_EINVAL);
    assert_int_equal(CALL(&g, "path_filestat_get", TOP, 0, GUEST_BYTES, 1, GUEST_BUFFER),
                     WASI_EFAULT);
}

static void test_links(void **state)
{
    (void)state;
    make("f");
    make_dir("d");
    make_link("target", "l");
    uint32_t len = guest_put(&g, GUEST_TEXT, "l");
    assert_int_equal(
        CALL(&g, "path_readlink", TOP, GUEST_TEXT, len, GUEST_BUFFER, 100, GUEST_RESULT),
        WASI_SUCCESS);
    assert_int_equal(guest_u32(&g, GUEST_RESULT), 6);
    assert_memory_equal(g.memory + GUEST_BUFFER, "target\xcc", 7);
    assert_int_equal(
        CALL(&g, "path_readlink", TOP, GUEST_TEXT, len, GUEST_BUFFER + 16, 4, GUEST_RESULT),
        WASI_SUCCESS);
    assert_memory_equal(g.memory + GUEST_BUFFER + 16, "targ\xcc", 5);
    assert_int_equal(
        CALL(&g, "path_readlink", TOP, GUEST_TEXT, len, GUEST_BYTES - 1, 2, GUEST_RESULT),
        WASI_EFAULT);
    guest_put(&g, GUEST_TEXT, "f");
    assert_int_equal(
        CALL(&g, "path_readlink", TOP, GUEST_TEXT, len, GUEST_BUFFER, 100, GUEST_RESULT),
        WASI_EINVAL);
    guest_put(&g, GUEST_TEXT, ".");
    assert_int_equal(
        CALL(&g, "path_readlink", TOP, GUEST_TEXT, len, GUEST_BUFFER, 100, GUEST_RESULT),
        WASI_EINVAL);
    guest_put(&g, GUEST_TEXT, "n");
    assert_int_equal(
        CALL(&g, "path_readlink", TOP, GUEST_TEXT, len, GUEST_BUFFER, 100, GUEST_RESULT),
        WASI_ENOENT);
    static const struct {
        const char *call, *from, *to;
        uint32_t want;
    } cases[] = {
        {"path_symlink", "x", "f", WASI_EEXIST},  {"path_symlink", "x", "f/", WASI_ENOTDIR},
        {"path_symlink", "x", "d/", WASI_EEXIST}, {"path_symlink", "x", "new/", WASI_ENOENT},
        {"path_symlink", "x", ".", WASI_EEXIST},  {"path_symlink", "x", "no/new", WASI_ENOENT},
        {"path_symlink", "", "new", WASI_ENOENT}, {"path_link", "f", "g", WASI_SUCCESS},
        {"path_link", "f", "g", WASI_EEXIST},     {"path_link", "f", "l", WASI_EEXIST},
        {"path_link", "f/", "x", WASI_ENOTDIR},   {"path_link", "f", "x/", WASI_ENOENT},
        {"path_link", "f", "d/", WASI_EEXIST},    {"path_link", "d", "x", WASI_EPERM},
        {"path_link", ".", "x", WASI_EPERM},      {"path_link", "no", "x", WASI_ENOENT},
        {"path_link", "l", "m", WASI_SUCCESS}, /* a link to a link, not to what it leads to */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t e = two_paths(cases[i].call, cases[i].from, cases[i].to);
        if (e != cases[i].want) {
            fail_msg("case %zu: %u", i, e);
        }
    }
    assert_int_equal(stat_path("f", false), WASI_SUCCESS);
    assert_int_equal(guest_u64(&g, GUEST_BUFFER + WASI_FILESTAT_NLINK), 2);
    assert_int_equal(stat_path("m", false), WASI_SUCCESS);
    assert_int_equal(g.memory[GUEST_BUFFER + WASI_FILESTAT_TYPE], WASI_TYPE_SYMBOLIC_LINK);
    /* Followed if the program says so. */
    make_link("f", "to_f");
    len = guest_put(&g, GUEST_TEXT, "to_f");
    guest_put(&g, GUEST_TEXT_2, "h");
    assert_int_equal(CALL(&g, "path_link", TOP, 1, GUEST_TEXT, len, TOP, GUEST_TEXT_2, 1),
                     WASI_SUCCESS);
    assert_int_equal(stat_path("h", false), WASI_SUCCESS);
    assert_int_equal(g.memory[GUEST_BUFFER + WASI_FILESTAT_TYPE], WASI_TYPE_REGULAR_FILE);
    assert_int_equal(CALL(&g, "path_link", TOP, 2, GUEST_TEXT, len, TOP, GUEST_TEXT_2, 1),
                     WASI_EINVAL);
}

static void test_renaming_and_removing(void **state)
{
    (void)state;
    static const struct {
        const char *call, *from, *to;
        uint32_t want;
    } cases[] = {
        {"path_rename", "no", "x", WASI_ENOENT},
        {"path_rename", "f/", "x", WASI_ENOTDIR},
        {"path_rename", "f", "x/", WASI_ENOTDIR},
        {"path_rename", "f", "d", WASI_EISDIR},
        {"path_rename", "d", "f", WASI_ENOTDIR},
        {"path_rename", "d", "full", WASI_ENOTEMPTY},
        {"path_rename", "full", "full/in", WASI_EINVAL},
        {"path_rename", ".", "x", WASI_EBUSY},
        {"path_rename", "f", "d/..", WASI_EBUSY},
        {"path_rename", "d/", "e/", WASI_SUCCESS},
        {"path_rename", "e", "d", WASI_SUCCESS},
        {"path_rename", "f", "g", WASI_SUCCESS},
        {"path_rename", "to_d/", "x", WASI_ENOTDIR},
        {"path_rename", "to_d", "l", WASI_SUCCESS},
        {"path_remove_directory", "no", NULL, WASI_ENOENT},
        {"path_remove_directory", "g", NULL, WASI_ENOTDIR},
        {"path_remove_directory", "g/", NULL, WASI_ENOTDIR},
        {"path_remove_directory", "full", NULL, WASI_ENOTEMPTY},
        {"path_remove_directory", "l", NULL, WASI_ENOTDIR},
        {"path_remove_directory", "l/", NULL, WASI_ENOTDIR},
        {"path_remove_directory", ".", NULL, WASI_EINVAL},
        {"path_remove_directory", "d/..", NULL, WASI_EINVAL},
        {"path_unlink_file", "no", NULL, WASI_ENOENT},
        {"path_unlink_file", "d", NULL, WASI_EISDIR},
        {"path_unlink_file", "d/", NULL, WASI_EISDIR},
        {"path_unlink_file", ".", NULL, WASI_EISDIR},
        {"path_unlink_file", "g/", NULL, WASI_ENOTDIR},
        {"path_unlink_file", "l/", NULL, WASI_ENOTDIR},
        {"path_unlink_file", "l", NULL, WASI_SUCCESS},
        {"path_unlink_file", "g", NULL, WASI_SUCCESS},
        {"path_remove_directory", "d/", NULL, WASI_SUCCESS},
        {"path_create_directory", "full", NULL, WASI_EEXIST},
        {"path_create_directory", "full/", NULL, WASI_EEXIST},
        {"path_create_directory", ".", NULL, WASI_EEXIST},
        {"path_create_directory", "no/x", NULL, WASI_ENOENT},
        {"path_create_directory", "full/in/x", NULL, WASI_ENOTDIR},
        {"path_create_directory", "new///", NULL, WASI_SUCCESS},
    };
    make("f");
    make_dir("d");
    make_dir("full");
    make("full/in");
    make_link("d", "to_d");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t e = cases[i].to != NULL ? two_paths(cases[i].call, cases[i].from, cases[i].to)
                                         : guest_path(&g, cases[i].call, TOP, cases[i].from);
        if (e != cases[i].want) {
            fail_msg("case %zu (%s %s): %u", i, cases[i].call, cases[i].from, e);
        }
    }
}

/* The names that a listing through a buffer of `room` bytes shows, each followed by a blank. */
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
    assert_int_equal(guest_u32(&g, GUEST_RESULT), 0); /* a cookie that nobody gave */
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

static void test_no_memory_is_an_error(void **state)
{
    (void)state;
    make_dir("d");
    make("d/f");
    for (int n = 0;; n++) {
        uint32_t fd;
        size_t live = env_live_objects();
        env_allocations_left = n;
        uint32_t e = guest_open(&g, TOP, "d/../d/new", WASI_OFLAG_CREAT, READ_WRITE, &fd);
        env_allocations_left = -1;
        if (e == WASI_SUCCESS) {
            break;
        }
        assert_int_equal(e, WASI_ENOMEM);
        /* The name may be there by then, as after any open that fails late. */
        (void)guest_path(&g, "path_unlink_file", TOP, "d/new");
        assert_int_equal(env_live_objects(), live);
        assert_true(n < 50);
    }
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

#define WITH_GUEST(test) cmocka_unit_test_setup_teardown(test, start, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_GUEST(test_arguments_and_environment),
        WITH_GUEST(test_streams_are_the_programs_files),
        WITH_GUEST(test_folder_is_announced),
        WITH_GUEST(test_nothing_leads_out),
        WITH_GUEST(test_a_directory_that_moves_out_takes_nobody_along),
        WITH_GUEST(test_opening),
        WITH_GUEST(test_long_paths),
        WITH_GUEST(test_deep_trees_end_somewhere),
        WITH_GUEST(test_rights_are_inherited_and_given_up),
        WITH_GUEST(test_reading_and_writing),
        WITH_GUEST(test_sizes_and_advice),
        WITH_GUEST(test_times),
        WITH_GUEST(test_looking),
        WITH_GUEST(test_links),
        WITH_GUEST(test_renaming_and_removing),
        WITH_GUEST(test_listing),
        WITH_GUEST(test_descriptors_are_moved_and_run_out),
        WITH_GUEST(test_no_memory_is_an_error),
        WITH_GUEST(test_clocks_and_the_rest),
    };
    return cmocka_run_group_tests(tests, setup_once, NULL);
}
