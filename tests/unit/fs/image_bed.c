// SPDX-License-Identifier: MIT
//
// See the header. Fuzz targets are linked with it, so it does not use cmocka: abort() ends a test.
#include "fs/image_bed.h"

#include "fs/fs_env.h"
#include "kernel/fs/vfs.h"
#include "kernel/mm/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char image_folder[] = "/tmp/halyard-image-XXXXXX";
static size_t live_before;

static int run(const char *fmt, va_list args)
{
    char command[4096];
    int n = snprintf(command, sizeof(command),
                     "cd %s && export PATH=$PATH:/usr/sbin:/sbin MTOOLS_SKIP_CHECK=1 "
                     "LC_ALL=C.UTF-8 && ",
                     image_folder);
    vsnprintf(command + n, sizeof(command) - (size_t)n, fmt, args);
    return system(command);
}

int image_run(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int status = run(fmt, args);
    va_end(args);
    return status;
}

static void expect(bool is_so, const char *what)
{
    if (!is_so) {
        fprintf(stderr, "failed: %s\n", what);
        abort();
    }
}

void image_shell(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    expect(run(fmt, args) == 0, fmt);
    va_end(args);
}

int image_set_up(unsigned long pages)
{
    env_pages = pages;
    env_reset();
    return mkdtemp(image_folder) != NULL && vfs_init() == OK ? 0 : -1;
}

int image_tear_down(void **state)
{
    (void)state;
    return image_run("rm -rf %s", image_folder) == 0 ? 0 : -1;
}

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", image_folder, name);
    return path;
}

void image_load(const char *name)
{
    env_disk_load(path_of(name));
}

void image_save(const char *name)
{
    env_disk_save(path_of(name));
}

void image_mount(bool is_writable)
{
    live_before = env_settled_objects();
    expect(vfs_mount_block(&env_disk.dev, "/i") == OK, env_last_log());
    expect(!is_writable || vfs_remount("/i", true) == OK, env_last_log());
}

void image_expect_freed(void)
{
    expect(env_disk.refs == 0, "the disk is in use");
    expect(env_settled_objects() == live_before, "not everything was freed");
}

void image_unmount(void)
{
    expect(vfs_unmount("/i") == OK, "unmounting");
    image_expect_freed();
}

void image_check_clean(void)
{
    image_save("now.img");
    image_shell("e2fsck -fn now.img >fsck.log 2>&1 || { cat fsck.log; false; }");
}

void image_check_fat(void)
{
    image_save("now.img");
    image_shell("fsck.fat -n now.img >fsck.log 2>&1 || { cat fsck.log; false; }");
}

enum status image_write_text(const char *path, const char *text)
{
    struct file *f;
    size_t done;
    enum status s = vfs_open(NULL, path, VFS_WRITE | VFS_CREATE | VFS_TRUNCATE, &f);
    if (s == OK) {
        s = file_write(f, text, strlen(text), &done);
        file_close(f);
    }
    return s;
}

void image_expect_text(const char *path, const char *text)
{
    void *data;
    size_t len;
    expect(vfs_read_file(path, 1 << 20, &data, &len) == OK, path);
    expect(len == strlen(text) && memcmp(data, text, len) == 0, path);
    heap_free(data);
}

uint64_t image_free_bytes(void)
{
    struct vfs_mount_info m;
    for (uint32_t i = 0; vfs_get_mount(i, &m); i++) {
        if (strcmp(m.dir, "/i") == 0) {
            return m.free_bytes;
        }
    }
    return 0;
}
