// SPDX-License-Identifier: MIT
//
// A 9P server that lies. The input has a byte for each answer: whether it is changed, and how; what
// changes it follows. In each case every operation on the file system ends, names in listings are
// names, no call returns more bytes than were asked for, and all memory is released.
#include "drivers/9p/p9_fs.h"
#include "fs/fs_env.h"
#include "fs/fs_visit.h"
#include "kernel/lib/endian.h"
#include "p9/fake_server.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum how { HONEST, PATCH, CUT, LENGTH, REPLACE, LOSE, REFUSE, HOWS };

static struct {
    const uint8_t *next, *end;
} input;

static uint8_t take8(void)
{
    return input.next < input.end ? *input.next++ : 0;
}

static uint32_t take32(void)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < 4; i++) {
        value = value << 8 | take8();
    }
    return value;
}

static void patch(struct server_answer *a)
{
    for (unsigned n = take8() % 8; n > 0 && a->len != 0; n--) {
        size_t at = take8();
        a->bytes[at % a->len] = take8();
    }
}

static void replace(struct server_answer *a)
{
    a->len = take8();
    for (size_t i = 0; i < a->len; i++) {
        a->bytes[i] = take8();
    }
}

static void change(struct server_answer *a)
{
    if (input.next == input.end) {
        return; /* honest from here on */
    }
    switch ((enum how)(take8() % HOWS)) {
    case PATCH:
        patch(a);
        return;
    case CUT:
        a->len = MIN(a->len, (size_t)take8());
        return;
    case LENGTH:
        store_le32(a->bytes, take32());
        return;
    case REPLACE:
        replace(a);
        return;
    case LOSE:
        a->result = E_TIMEDOUT;
        return;
    case REFUSE:
        a->bytes[4] = P9_ERROR;
        store_le32(a->bytes, P9_READ_HEAD);
        store_le32(a->bytes + 7, take8());
        a->len = P9_READ_HEAD;
        return;
    default:
        return;
    }
}

static void use_file(void)
{
    char bytes[100];
    struct file *f;
    struct file_stat st;
    size_t n;
    uint64_t at;
    struct file_times times = {.set_modified = true, .modified_ns = 5};
    if (vfs_open(NULL, "/host/new", VFS_READ | VFS_WRITE | VFS_CREATE, &f) != OK) {
        return;
    }
    if (file_write(f, "some text", 9, &n) == OK && n > 9) {
        abort();
    }
    (void)!file_set_size(f, 4);
    (void)!file_set_times(f, &times);
    (void)!file_seek(f, 0, 2, &at);
    if (file_read_at(f, 1, bytes, sizeof(bytes), &n) == OK && n > sizeof(bytes)) {
        abort();
    }
    if (file_stat(f, &st) == OK && st.size > INT64_MAX) {
        abort();
    }
    file_close(f);
}

static void list(void)
{
    struct file *dir;
    struct dir_entry e;
    if (vfs_open(NULL, "/host", VFS_READ | VFS_DIRECTORY, &dir) != OK) {
        return;
    }
    for (unsigned i = 0; i < 2000 && file_read_dir(dir, &e) == OK; i++) {
        size_t len = strnlen(e.name, sizeof(e.name));
        if (len == 0 || len > VFS_NAME_MAX || memchr(e.name, '/', len) != NULL) {
            abort();
        }
    }
    file_close(dir);
}

static void use_names(void)
{
    struct file *root, *dir;
    (void)!vfs_mkdir(NULL, "/host/folder");
    if (vfs_open(NULL, "/host", VFS_READ, &root) == OK) {
        if (vfs_open(NULL, "/host/folder", VFS_READ, &dir) == OK) {
            (void)!file_rename_at(root, "new", dir, "moved");
            (void)!file_link_at(root, "file", dir, "hard");
            file_close(dir);
        }
        (void)!file_symlink_at("file", root, "soft");
        (void)!file_unlink_at(root, "soft");
        file_close(root);
    }
    (void)!vfs_unlink(NULL, "/host/folder/moved");
    (void)!vfs_unlink(NULL, "/host/folder");
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    env_reset();
    if (vfs_init() != OK) {
        abort();
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fs *fs;
    struct vfs_mount_info info;
    server_reset();
    size_t before = env_settled_objects();
    input.next = data;
    input.end = data + size;
    server.change = change;
    server.sessions = 1;
    if (p9_mount(&server.transport, &fs) == OK) {
        if (vfs_mount_fs(fs, "/host", "fake") != OK) {
            abort();
        }
        use_file();
        list();
        use_names();
        (void)fs_visit("/host");
        (void)vfs_get_mount(0, &info);
        if (vfs_unmount("/host") != OK) {
            abort();
        }
    }
    if (server.sessions != 0 || env_settled_objects() != before) {
        abort();
    }
    return 0;
}
