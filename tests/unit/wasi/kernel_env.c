// SPDX-License-Identifier: MIT
//
// See the header.
#include "wasi/kernel_env.h"

#include "fs/fs_env.h"
#include "kernel/fs/vfs.h"
#include "kernel/program/program.h"
#include "kernel/wasi/wasi.h"
#include "wasi/kernel_stubs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct guest g;
static struct program program;

int wasi_env_setup_once(void **state)
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

int wasi_env_start(void **state)
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
        program.files[i] = file_console(i == 0);
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

int wasi_env_finish(void **state)
{
    (void)state;
    struct file *home;
    wasi_stub_resource->release(wasi_stub_resource);
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

uint32_t open_new(const char *path)
{
    uint32_t fd;
    assert_int_equal(guest_open(&g, TOP, path, WASI_OFLAG_CREAT, READ_WRITE, &fd), WASI_SUCCESS);
    return fd;
}

void make(const char *path)
{
    assert_int_equal(CALL(&g, "fd_close", open_new(path)), WASI_SUCCESS);
}

void make_dir(const char *path)
{
    assert_int_equal(guest_path(&g, "path_create_directory", TOP, path), WASI_SUCCESS);
}

uint32_t two_paths(const char *call, const char *from, const char *to)
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

void make_link(const char *target, const char *name)
{
    assert_int_equal(two_paths("path_symlink", target, name), WASI_SUCCESS);
}

/* Twice: the second time, the file system may know the path as a whole. */
uint32_t stat_path(const char *path, bool follow)
{
    uint8_t first[WASI_FILESTAT_SIZE];
    uint32_t len = guest_put(&g, GUEST_TEXT, path);
    uint32_t e = CALL(&g, "path_filestat_get", TOP, follow, GUEST_TEXT, len, GUEST_BUFFER);
    memcpy(first, g.memory + GUEST_BUFFER, sizeof(first));
    assert_int_equal(CALL(&g, "path_filestat_get", TOP, follow, GUEST_TEXT, len, GUEST_BUFFER), e);
    assert_memory_equal(first, g.memory + GUEST_BUFFER, sizeof(first));
    return e;
}

void expect_text(const char *path, const char *text)
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

uint32_t write_text(uint32_t fd, const char *text)
{
    uint32_t len = guest_put(&g, GUEST_BUFFER, text);
    return CALL(&g, "fd_write", fd, guest_buffer(&g, len), 1, GUEST_RESULT);
}
