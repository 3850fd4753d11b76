// SPDX-License-Identifier: MIT
//
// WASI over the kernel's files (kernel/wasi/kernel_system.c) and the memory file system: every call
// on paths, its errors, and paths that lead out of a folder.
#include "kernel/wasi/wasi.h"

#include "fs/fs_env.h"
#include "kernel/fs/vfs.h"
#include "wasi/kernel_env.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_no_path_leads_out(void **state)
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
    /* A program cannot create such a link, but the system may have one. */
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
    /* A path that goes up and comes back down stays inside. */
    assert_int_equal(guest_open(&g, TOP, "d/e/../../f", 0, READ_WRITE, &fd), WASI_SUCCESS);
    /* Each descriptor is a folder of its own: its ".." leads out, even if
     * that is inside the folder above. */
    assert_int_equal(guest_open(&g, TOP, "d", WASI_OFLAG_DIRECTORY, WASI_RIGHT_PATH_OPEN, &fd),
                     WASI_SUCCESS);
    uint32_t other;
    assert_int_equal(guest_open(&g, fd, "../f", 0, 0, &other), WASI_ENOTCAPABLE);
}

static void test_a_moved_directory_takes_no_walk_outside(void **state)
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
    /* into the folder that holds the secret */
    assert_int_equal(file_rename_at(home, "a", tmp, "moved"), OK);
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
        {"to_no", WASI_OFLAG_CREAT, 0, WASI_SUCCESS}, /* creates the link's target */
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
    /* Deeper than a path walk allows. */
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
    assert_int_equal(stat_path(path, true), WASI_ELOOP); /* each component is a link */
}

static void test_deep_trees_are_limited(void **state)
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

static void test_looking(void **state)
{
    (void)state;
    make_dir("d");
    make("f");
    make_link("no", "dangling");
    assert_int_equal(stat_path("d/", false), WASI_SUCCESS);
    assert_int_equal(g.memory[GUEST_BUFFER + WASI_FILESTAT_TYPE], WASI_TYPE_DIRECTORY);
    assert_int_equal(stat_path("f/", false), WASI_ENOTDIR);
    assert_int_equal(stat_path("f", true), WASI_SUCCESS);
    assert_int_equal(stat_path("d/", false), WASI_SUCCESS);
    assert_int_equal(stat_path("f", true), WASI_SUCCESS); /* not what the last path wanted */
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
    guest_put(&g, GUEST_TEXT, "f/");
    assert_int_equal(CALL(&g, "path_readlink", TOP, GUEST_TEXT, 2, GUEST_BUFFER, 100, GUEST_RESULT),
                     WASI_ENOTDIR);
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
        {"path_link", "l", "m", WASI_SUCCESS}, /* a link to the link itself, not to its target */
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
    /* Followed if the program asks for it. */
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
        /* The name may exist by then, as after any open that fails late. */
        (void)guest_path(&g, "path_unlink_file", TOP, "d/new");
        assert_int_equal(env_live_objects(), live);
        assert_true(n < 50);
    }
}

#define WITH_GUEST(test) cmocka_unit_test_setup_teardown(test, wasi_env_start, wasi_env_finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_GUEST(test_no_path_leads_out),
        WITH_GUEST(test_a_moved_directory_takes_no_walk_outside),
        WITH_GUEST(test_opening),
        WITH_GUEST(test_long_paths),
        WITH_GUEST(test_deep_trees_are_limited),
        WITH_GUEST(test_looking),
        WITH_GUEST(test_links),
        WITH_GUEST(test_renaming_and_removing),
        WITH_GUEST(test_no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, wasi_env_setup_once, NULL);
}
