// SPDX-License-Identifier: MIT
//
// kernel/fs/ext2*.c writing images that mke2fs made: e2fsck finds them clean, e2fsprogs read what
// was written, and random changes have the same results as on tmpfs.
#include "kernel/fs/vfs.h"

#include "fs/fs_env.h"
#include "fs/image_bed.h"
#include "kernel/lib/endian.h"
#include "kernel/mm/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup_once(void **state)
{
    (void)state;
    if (image_set_up(8192) != 0) {
        return -1;
    }
    image_shell("mke2fs -q -t ext2 -b 1024 -g 512 -N 256 1024.img 4M 2>log");
    image_shell("mke2fs -q -t ext2 -b 2048 -N 256 2048.img 6M 2>log");
    image_shell("mke2fs -q -t ext3 -b 4096 -N 256 -J size=4 4096.img 12M 2>log");
    image_shell("mke2fs -q -t ext2 -b 1024 -N 16 -m 0 small.img 200k 2>log");
    return 0;
}

/* ---- Random changes, here and on tmpfs ---- */

static uint32_t seed;

static uint32_t pick(uint32_t count)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % count;
}

/* One of few names, so that operations meet. Some are longer than half of a small block. */
static void pick_path(char *out, size_t len)
{
    static const char *const dirs[] = {"", "/a", "/b", "/a/c", "/b/d", "/a/c/e"};
    static const char *const names[] = {"a", "b", "c", "d",
                                        "e", "f", "g", "hhhhhhhhhhhhhhhhhhhhhh"};
    char name[300];
    memset(name, 'x', 250);
    snprintf(name + (pick(8) == 0 ? 250 : 0), 40, "%s%u", names[pick(8)],
             pick(4) == 0 ? pick(30) : 0);
    if (name[0] == 'x' && strlen(name) < 249) {
        memset(name, 'y', 1);
    }
    if (pick(3) != 0) {
        snprintf(name, sizeof(name), "%s", names[pick(8)]);
    }
    snprintf(out, len, "%s/%s", dirs[pick(6)], name);
}

static uint8_t pattern[600000];

enum kind { WRITE, APPEND, SET_SIZE, ALLOCATE, UNLINK, MKDIR, RENAME, LINK, SYMLINK, KINDS };

struct change {
    enum kind kind;
    char path[600], other[600];
    uint64_t off;
    size_t len, from;
};

static struct change pick_change(void)
{
    static const uint64_t scales[] = {600, 5000, 40000, 300000};
    struct change c = {.kind = (enum kind)pick(KINDS + 5)};
    c.kind = c.kind >= KINDS ? WRITE : c.kind;
    pick_path(c.path, sizeof(c.path));
    pick_path(c.other, sizeof(c.other));
    c.off = pick((uint32_t)scales[pick(4)]);
    c.len = pick((uint32_t)scales[pick(3)]);
    c.from = pick(sizeof(pattern) - 40000);
    return c;
}

static enum status change_file(const struct change *c, const char *path)
{
    struct file *f;
    size_t done;
    unsigned flags = VFS_READ | VFS_WRITE | VFS_CREATE | (c->kind == APPEND ? VFS_APPEND : 0);
    enum status s = vfs_open(NULL, path, flags, &f);
    if (s != OK) {
        return s;
    }
    if (c->kind == WRITE) {
        s = file_write_at(f, c->off, pattern + c->from, c->len, &done);
    } else if (c->kind == APPEND) {
        s = file_write(f, pattern + c->from, c->len, &done);
    } else if (c->kind == SET_SIZE) {
        s = file_set_size(f, c->off);
    } else {
        s = file_allocate(f, c->off, c->len);
    }
    file_close(f);
    return s;
}

/* Split a path below a root into an open directory and a name. */
static enum status open_parent(const char *root, const char *path, struct file **dir,
                               const char **name)
{
    char full[700];
    *name = strrchr(path, '/') + 1;
    snprintf(full, sizeof(full), "%s%.*s", root, (int)(*name - 1 - path), path);
    return vfs_open(NULL, full, VFS_READ | VFS_DIRECTORY, dir);
}

static enum status change_names(const struct change *c, const char *root)
{
    struct file *from, *to;
    const char *name, *other;
    enum status s = open_parent(root, c->path, &from, &name);
    if (s != OK) {
        return s;
    }
    s = open_parent(root, c->other, &to, &other);
    if (s == OK) {
        s = c->kind == RENAME ? file_rename_at(from, name, to, other)
            : c->kind == LINK ? file_link_at(from, name, to, other)
                              : file_symlink_at(c->path + 1, to, other);
        file_close(to);
    }
    file_close(from);
    return s;
}

static enum status apply(const struct change *c, const char *root)
{
    char path[700];
    snprintf(path, sizeof(path), "%s%s", root, c->path);
    switch (c->kind) {
    case UNLINK:
        return vfs_unlink(NULL, path);
    case MKDIR:
        return vfs_mkdir(NULL, path);
    case RENAME:
    case LINK:
    case SYMLINK:
        return change_names(c, root);
    default:
        return change_file(c, path);
    }
}

static void compare_files(const char *a, const char *b, uint64_t size)
{
    static uint8_t one[70000], two[70000];
    struct file *f, *g;
    size_t n, m;
    assert_int_equal(vfs_open(NULL, a, VFS_READ, &f), OK);
    assert_int_equal(vfs_open(NULL, b, VFS_READ, &g), OK);
    for (uint64_t at = 0; at < size; at += n) {
        size_t len = at % 3 == 0 ? sizeof(one) : 5000;
        assert_int_equal(file_read(f, one, len, &n), OK);
        assert_int_equal(file_read(g, two, len, &m), OK);
        assert_int_equal(n, m);
        assert_memory_equal(one, two, n);
    }
    file_close(f);
    file_close(g);
}

/* Every name below `b` is below `a`, too, with the same status and contents. */
static unsigned compare_trees(const char *a, const char *b)
{
    struct file *d;
    struct dir_entry entry;
    unsigned count = 0;
    assert_int_equal(vfs_open(NULL, b, VFS_READ, &d), OK);
    while (file_read_dir(d, &entry) == OK) {
        char one[VFS_PATH_MAX], two[VFS_PATH_MAX], target[2][VFS_PATH_MAX];
        struct file_stat st, other;
        if (strcmp(entry.name, "lost+found") == 0) {
            continue;
        }
        assert_int_equal(vfs_join(a, entry.name, one, sizeof(one)), OK);
        assert_int_equal(vfs_join(b, entry.name, two, sizeof(two)), OK);
        assert_int_equal(vfs_stat(NULL, one, false, &st), OK);
        assert_int_equal(vfs_stat(NULL, two, false, &other), OK);
        assert_int_equal(st.type, other.type);
        assert_int_equal(st.type, entry.type);
        assert_int_equal(st.links, other.links);
        assert_int_equal(st.mode, other.mode);
        count++;
        if (st.type == FILE_DIRECTORY) {
            count += compare_trees(one, two);
            continue;
        }
        assert_int_equal(st.size, other.size);
        if (st.type == FILE_SYMLINK) {
            assert_int_equal(vfs_read_link(NULL, one, target[0], VFS_PATH_MAX), OK);
            assert_int_equal(vfs_read_link(NULL, two, target[1], VFS_PATH_MAX), OK);
            assert_string_equal(target[0], target[1]);
        } else {
            compare_files(one, two, st.size);
        }
    }
    file_close(d);
    return count;
}

static void remove_tree(const char *path)
{
    struct file *d;
    struct dir_entry entry;
    if (vfs_unlink(NULL, path) == OK) {
        return;
    }
    assert_int_equal(vfs_open(NULL, path, VFS_READ, &d), OK);
    while (file_read_dir(d, &entry) == OK) {
        char inner[VFS_PATH_MAX];
        assert_int_equal(vfs_join(path, entry.name, inner, sizeof(inner)), OK);
        remove_tree(inner);
    }
    file_close(d);
    assert_int_equal(vfs_unlink(NULL, path), OK);
}

static void make_roots(void)
{
    static const char *const dirs[] = {"", "/a", "/b", "/a/c", "/b/d", "/a/c/e"};
    for (size_t i = 0; i < 6; i++) {
        char path[64];
        snprintf(path, sizeof(path), "/i/r%s", dirs[i]);
        assert_int_equal(vfs_mkdir(NULL, path), OK);
        snprintf(path, sizeof(path), "/tmp/r%s", dirs[i]);
        assert_int_equal(vfs_mkdir(NULL, path), OK);
    }
}

static void change_randomly(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct change c = pick_change();
        enum status want = apply(&c, "/tmp/r");
        enum status got = apply(&c, "/i/r");
        if (got != want) {
            fail_msg("change %u, kind %d of %s, %s: %d instead of %d", i, c.kind, c.path, c.other,
                     got, want);
        }
        if (i % 300 == 299) {
            env_reclaim();
        }
    }
}

static void test_random_changes_are_those_of_tmpfs(void **state)
{
    (void)state;
    static const char *const images[] = {"1024.img", "2048.img", "4096.img"};
    for (size_t i = 0; i < sizeof(pattern); i++) {
        pattern[i] = (uint8_t)(i * 2654435761u >> 13);
    }
    for (size_t i = 0; i < 3; i++) {
        seed = (uint32_t)i + 1;
        image_load(images[i]);
        size_t live_first = env_settled_objects();
        image_mount(true);
        uint64_t free_before = image_free_bytes();
        make_roots();
        for (unsigned round = 0; round < 3; round++) {
            env_is_short = round == 1; /* pages in use stay */
            change_randomly(700);
            assert_int_equal(compare_trees("/tmp/r", "/i/r"), compare_trees("/i/r", "/tmp/r"));
            assert_int_equal(vfs_unmount("/i"), OK); /* the objects of tmpfs stay */
            image_check_clean();
            image_mount(true);
            (void)compare_trees("/tmp/r", "/i/r");
        }
        env_is_short = false;
        remove_tree("/i/r");
        assert_int_equal(image_free_bytes(), free_before);
        remove_tree("/tmp/r");
        assert_int_equal(vfs_unmount("/i"), OK);
        assert_int_equal(env_settled_objects(), live_first);
        image_check_clean();
    }
}

/* ---- With the host's tools ---- */

static void test_the_host_reads_what_was_written(void **state)
{
    (void)state;
    image_shell(
        "mkdir -p host/d && head -c 3000000 /dev/urandom > host/d/large && echo x > host/x && "
        "i=0; while [ $i -lt 500 ]; do : > host/d/name-number-$i; i=$((i+1)); done; "
        "mke2fs -q -t ext3 -O dir_index -J size=4 -d host given.img 24M 2>log && "
        "{ e2fsck -fyD given.img >log; test $? -le 1; }");
    image_load("given.img");
    image_mount(true);
    struct file *from, *to;
    size_t n = 1;
    static uint8_t buf[50000];
    assert_int_equal(vfs_open(NULL, "/i/d/large", VFS_READ, &from), OK);
    assert_int_equal(vfs_open(NULL, "/i/copy", VFS_WRITE | VFS_CREATE, &to), OK);
    while (n != 0) {
        size_t done = 0;
        assert_int_equal(file_read(from, buf, sizeof(buf), &n), OK);
        assert_int_equal(n == 0 ? OK : file_write(to, buf, n, &done), OK);
        assert_int_equal(done, n);
    }
    file_close(from);
    file_close(to);
    /* an indexed directory gets more names, and loses some */
    for (int i = 0; i < 500; i++) {
        char path[64];
        snprintf(path, sizeof(path), "/i/d/another-name-%d", i);
        assert_int_equal(image_write_text(path, "y"), OK);
        snprintf(path, sizeof(path), "/i/d/name-number-%d", i);
        assert_int_equal(i % 3 == 0 ? vfs_unlink(NULL, path) : OK, OK);
    }
    assert_int_equal(vfs_unlink(NULL, "/i/d/large"), OK);
    image_unmount();
    image_check_clean();
    image_shell("mkdir out && debugfs -R 'rdump / out' now.img >log 2>&1 && "
                "cmp out/copy host/d/large && cmp out/x host/x && test ! -e out/d/large && "
                "test $(ls out/d | wc -l) = 833 && "
                "test \"$(cat out/d/another-name-77)\" = y && rm -rf out");
    /* and the host writes again */
    image_shell(
        "debugfs -w -R 'write host/x again' now.img >log 2>&1 && debugfs -w -R 'rm copy' now.img >log 2>&1");
    image_load("now.img");
    image_mount(true);
    image_expect_text("/i/again", "x\n");
    assert_int_equal(image_write_text("/i/copy", "new"), OK);
    image_unmount();
    image_check_clean();
}

static void test_sparse_and_large_files(void **state)
{
    (void)state;
    image_load("4096.img");
    image_mount(true);
    struct file *f;
    struct file_stat st;
    char buf[8];
    size_t done;
    assert_int_equal(vfs_open(NULL, "/i/big", VFS_READ | VFS_WRITE | VFS_CREATE, &f), OK);
    assert_int_equal(file_write_at(f, (uint64_t)5 << 30, "far", 3, &done), OK);
    assert_int_equal(file_write_at(f, (uint64_t)1 << 45, "far", 3, &done), E_OVERFLOW);
    assert_int_equal(file_read_at(f, ((uint64_t)5 << 30) - 4, buf, 8, &done), OK);
    assert_int_equal(done, 7);
    assert_memory_equal(buf, "\0\0\0\0far", 7);
    assert_int_equal(file_stat(f, &st), OK);
    assert_int_equal(st.size, ((uint64_t)5 << 30) + 3);
    assert_in_range(st.blocks_512, 8, 64);
    assert_int_equal(file_set_size(f, ((uint64_t)5 << 30) + 1), OK);
    assert_int_equal(file_set_size(f, (uint64_t)6 << 30), OK); /* a tail of zeroes */
    assert_int_equal(file_read_at(f, (uint64_t)5 << 30, buf, 3, &done), OK);
    assert_memory_equal(buf, "f\0\0", 3);
    file_close(f);
    image_unmount();
    image_check_clean();
    assert_int_not_equal(load_le32(env_disk.bytes + 1024 + 100) & 2, 0); /* large_file */
}

#define RUN_BYTES 8192u

/* Every block of a file of RUN_BYTES. The first read remembers where all of them are. */
static void expect_blocks(struct file *f, const uint8_t *want)
{
    uint8_t buf[1024];
    size_t done;
    for (uint32_t at = 0; at < RUN_BYTES; at += sizeof(buf)) {
        assert_int_equal(file_read_at(f, at, buf, sizeof(buf), &done), OK);
        assert_int_equal(done, sizeof(buf));
        assert_memory_equal(buf, want + at, sizeof(buf));
    }
}

/* A file remembers a run of its blocks. They may be freed, get another file's contents, or be
 * beside a hole that is filled. */
static void test_a_remembered_run_follows_changes(void **state)
{
    (void)state;
    static const uint8_t zeroes[RUN_BYTES];
    static uint8_t old[RUN_BYTES], new[RUN_BYTES], mixed[RUN_BYTES];
    memset(old, 'o', sizeof(old));
    memset(new, 'n', sizeof(new));
    image_load("1024.img");
    image_mount(true);
    struct file *f, *other;
    size_t done;
    assert_int_equal(vfs_open(NULL, "/i/f", VFS_READ | VFS_WRITE | VFS_CREATE, &f), OK);
    assert_int_equal(vfs_open(NULL, "/i/other", VFS_READ | VFS_WRITE | VFS_CREATE, &other), OK);
    assert_int_equal(file_write_at(f, 0, old, RUN_BYTES, &done), OK);
    expect_blocks(f, old);
    assert_int_equal(file_set_size(f, 0), OK);
    assert_int_equal(file_set_size(f, RUN_BYTES), OK);
    expect_blocks(f, zeroes); /* a hole instead of the run */
    assert_int_equal(file_write_at(f, 0, old, RUN_BYTES, &done), OK);
    expect_blocks(f, old);
    assert_int_equal(file_set_size(f, 1024), OK);
    assert_int_equal(file_write_at(other, 0, new, RUN_BYTES, &done), OK); /* in the freed blocks */
    assert_int_equal(file_set_size(f, RUN_BYTES), OK);
    memcpy(mixed, old, 1024);
    expect_blocks(f, mixed);
    for (uint32_t block = RUN_BYTES / 1024; --block > 0;) { /* fill the hole from its end */
        assert_int_equal(file_write_at(f, block * 1024, new, 1024, &done), OK);
        memcpy(mixed + block * 1024, new, 1024);
        expect_blocks(f, mixed);
    }
    expect_blocks(other, new);
    file_close(f);
    file_close(other);
    image_unmount();
    image_check_clean();
}

/* ---- Errors ---- */

static void test_a_full_disk_is_reported_and_stays_sound(void **state)
{
    (void)state;
    image_load("small.img");
    image_mount(true);
    uint64_t before = image_free_bytes();
    struct file *f;
    size_t done;
    enum status s;
    assert_int_equal(vfs_open(NULL, "/i/fill", VFS_WRITE | VFS_CREATE, &f), OK);
    do {
        s = file_write(f, pattern, 7000, &done);
    } while (s == OK);
    assert_int_equal(s, E_NOSPC);
    assert_int_equal(file_allocate(f, 0, 1 << 20), E_NOSPC);
    assert_int_equal(image_free_bytes(), 0);
    assert_int_equal(vfs_mkdir(NULL, "/i/d"), E_NOSPC);
    assert_int_equal(file_set_size(f, 5000), OK);
    file_close(f);
    for (int i = 0; s != OK || i < 30; i++) { /* now the inodes */
        char path[32];
        snprintf(path, sizeof(path), "/i/n%d", i);
        s = image_write_text(path, "");
        if (s != OK) {
            break;
        }
    }
    assert_int_equal(s, E_NOSPC);
    assert_int_equal(vfs_unlink(NULL, "/i/n0"), OK);
    assert_int_equal(vfs_mkdir(NULL, "/i/d"), OK);
    image_unmount();
    image_check_clean();
    image_mount(true);
    assert_int_equal(vfs_unlink(NULL, "/i/fill"), OK);
    assert_int_equal(vfs_unlink(NULL, "/i/d"), OK);
    assert_int_equal(image_free_bytes(), before);
    image_unmount();
}

static void expect_read_only(enum status want, const char *why)
{
    size_t before = env_settled_objects();
    env_reset();
    assert_int_equal(vfs_mount_block(&env_disk.dev, "/i"), OK);
    assert_int_equal(vfs_remount("/i", true), want);
    assert_non_null(strstr(env_last_log(), why));
    assert_int_equal(vfs_mkdir(NULL, "/i/new"), E_ROFS);
    assert_int_equal(image_write_text("/i/new", "x"), E_ROFS);
    assert_int_equal(vfs_unmount("/i"), OK);
    assert_int_equal(env_disk.sectors_written, 0);
    assert_int_equal(env_settled_objects(), before);
}

static void test_what_cannot_be_written_safely_stays_read_only(void **state)
{
    (void)state;
    image_load("small.img");
    env_disk.bytes[1024 + 58] = 0; /* not unmounted */
    expect_read_only(E_CORRUPT, "not unmounted");
    image_load("small.img");
    env_disk.bytes[1024 + 58] = 3; /* errors were found */
    expect_read_only(E_CORRUPT, "errors");
    image_load("small.img");
    env_disk.bytes[1024 + 232] = 12; /* files that were deleted while they were open */
    expect_read_only(E_CORRUPT, "e2fsck");
    image_load("small.img");
    store_le32(env_disk.bytes + 1024 + 100, 0x100);
    expect_read_only(E_NOTSUP, "quota");
    image_load("small.img");
    store_le32(env_disk.bytes + 1024 + 100, 0x40000000);
    expect_read_only(E_NOTSUP, "0x40000000");
    image_load("small.img");
    env_disk.dev.read_only = true;
    expect_read_only(E_ROFS, "");
}

/* While it is writable it is marked, and a mount after a crash is read-only. */
static void test_a_crash_is_noticed(void **state)
{
    (void)state;
    image_load("small.img");
    image_mount(true);
    assert_int_equal(env_disk.bytes[1024 + 58] & 1, 0);
    assert_true(env_disk.flushes > 0);
    assert_int_equal(image_write_text("/i/kept", "kept"), OK);
    assert_int_equal(vfs_sync(), OK);
    image_save("crashed.img");
    assert_int_equal(vfs_remount("/i", false), OK);
    assert_int_equal(env_disk.bytes[1024 + 58] & 1, 1);
    assert_int_equal(image_write_text("/i/new", "x"), E_ROFS);
    image_unmount();
    image_check_clean();
    image_load("crashed.img");
    expect_read_only(E_CORRUPT, "not unmounted");
    image_shell("{ e2fsck -p crashed.img >log 2>&1; test $? -le 1; }");
    image_load("crashed.img");
    image_mount(true);
    image_expect_text("/i/kept", "kept");
    image_unmount();
}

/* The device fails after each number of requests in turn: the error is returned, nothing leaks. */
static void test_a_device_that_fails_makes_it_read_only(void **state)
{
    (void)state;
    unsigned failures = 0;
    for (uint64_t left = 0; left < 200; left++) {
        image_load("small.img");
        size_t before = env_settled_objects();
        assert_int_equal(vfs_mount_block(&env_disk.dev, "/i"), OK);
        env_disk.transfers_left = left;
        enum status s = vfs_remount("/i", true);
        s = s != OK ? s : vfs_mkdir(NULL, "/i/d");
        env_reclaim();
        s = s != OK ? s : image_write_text("/i/d/f", "text");
        s = s != OK ? s : vfs_sync();
        env_reclaim();
        s = s != OK ? s : vfs_unlink(NULL, "/i/d/f");
        enum status end = vfs_unmount("/i");
        assert_true(s == OK || s == E_IO);
        assert_true(end == OK || end == E_IO);
        assert_int_equal(env_settled_objects(), before);
        failures += s != OK || end != OK;
        if (s == OK && end == OK) {
            image_check_clean();
            break;
        }
        assert_int_equal(left == 0 || (env_disk.bytes[1024 + 58] & 1) == 0 || end == OK, 1);
    }
    assert_in_range(failures, 5, 100);
}

/* Bitmaps and tables that lie: no metadata is handed out, nothing is freed twice. */
static void test_bitmaps_that_lie_are_noticed(void **state)
{
    (void)state;
    image_load("small.img");
    uint32_t bitmap = load_le32(env_disk.bytes + 2048);
    memset(env_disk.bytes + (size_t)bitmap * 1024, 0, 20); /* everything is free */
    size_t before = env_settled_objects();
    assert_int_equal(vfs_mount_block(&env_disk.dev, "/i"), OK);
    assert_int_equal(vfs_remount("/i", true), OK);
    assert_int_equal(image_write_text("/i/f", "x"), E_CORRUPT);
    assert_int_equal(image_write_text("/i/g", "x"), E_ROFS);
    assert_int_equal(vfs_unmount("/i"), E_IO);
    assert_int_equal(env_settled_objects(), before);

    image_load("small.img");
    image_mount(true);
    assert_int_equal(image_write_text("/i/f", "x"), OK);
    assert_int_equal(image_write_text("/i/g", "x"), OK);
    struct file_stat st;
    assert_int_equal(vfs_stat(NULL, "/i/g", false, &st), OK);
    image_unmount();
    /* g uses the block of f, and a block of the inode table */
    uint8_t *g = env_disk.bytes + (size_t)load_le32(env_disk.bytes + 2048 + 8) * 1024 +
                 (st.inode - 1) * load_le16(env_disk.bytes + 1024 + 88);
    store_le32(g + 40, load_le32(g + 40) - 1);
    store_le32(g + 44, load_le32(env_disk.bytes + 2048 + 8));
    assert_int_equal(vfs_mount_block(&env_disk.dev, "/i"), OK);
    assert_int_equal(vfs_remount("/i", true), OK);
    assert_int_equal(vfs_unlink(NULL, "/i/g"), OK);
    assert_non_null(strstr(env_last_log(), "read-only from now on"));
    assert_int_equal(vfs_unlink(NULL, "/i/f"), E_ROFS);
    assert_int_equal(vfs_unmount("/i"), E_IO);
}

/* ---- What POSIX promises ---- */

static void test_a_removed_file_lives_while_it_is_open(void **state)
{
    (void)state;
    image_load("small.img");
    image_mount(true);
    uint64_t before = image_free_bytes();
    struct file *f;
    char buf[4];
    size_t done;
    assert_int_equal(image_write_text("/i/f", "text"), OK);
    assert_int_equal(vfs_open(NULL, "/i/f", VFS_READ, &f), OK);
    assert_int_equal(vfs_unlink(NULL, "/i/f"), OK);
    assert_int_equal(file_read(f, buf, 4, &done), OK);
    assert_memory_equal(buf, "text", 4);
    assert_true(image_free_bytes() < before);
    assert_int_equal(vfs_remount("/i", false), E_BUSY);
    assert_int_equal(vfs_unmount("/i"), E_BUSY);
    file_close(f);
    assert_int_equal(image_free_bytes(), before);
    assert_int_equal(vfs_open(NULL, "/i/f", VFS_WRITE | VFS_CREATE, &f), OK);
    assert_int_equal(vfs_remount("/i", false), E_BUSY);
    assert_int_equal(vfs_unlink(NULL, "/i/f"), OK);
    vfs_shut_down(); /* frees it although it is open */
    assert_int_equal(file_write(f, "x", 1, &done), E_ROFS);
    file_close(f);
    image_check_clean();
    image_unmount();
}

static void test_a_listing_survives_removals(void **state)
{
    (void)state;
    image_load("1024.img");
    image_mount(true);
    struct file *d;
    struct dir_entry entry;
    unsigned seen = 0;
    for (int i = 0; i < 100; i++) {
        char path[64];
        snprintf(path, sizeof(path), "/i/a-name-of-some-length-%d", i);
        assert_int_equal(image_write_text(path, ""), OK);
    }
    assert_int_equal(vfs_open(NULL, "/i", VFS_READ, &d), OK);
    uint64_t cookie = 0, earlier = 0;
    while (file_read_dir_at(d, &cookie, &entry) == OK) {
        char path[300];
        snprintf(path, sizeof(path), "/i/%s", entry.name);
        seen += strcmp(entry.name, "lost+found") != 0 && vfs_unlink(NULL, path) == OK;
        earlier = seen == 50 ? cookie : earlier;
    }
    assert_int_equal(seen, 100);
    /* By its hash, which depends on the volume, lost+found may come after what was removed. */
    enum status s = file_read_dir_at(d, &earlier, &entry);
    if (s == OK) {
        assert_string_equal(entry.name, "lost+found");
        s = file_read_dir_at(d, &earlier, &entry);
    }
    assert_int_equal(s, E_NOENT);
    file_close(d);
    image_unmount();
    image_check_clean();
}

static void test_times_and_modes_are_kept(void **state)
{
    (void)state;
    const struct file_times times = {.set_modified = true,
                                     .set_accessed = true,
                                     .modified_ns = 5000000000123456789u, /* in 2128 */
                                     .accessed_ns = 1234567890u};
    struct file_stat st;
    struct file *f;
    image_load("4096.img");
    image_mount(true);
    assert_int_equal(image_write_text("/i/f", "x"), OK);
    assert_int_equal(vfs_open(NULL, "/i/f", VFS_READ, &f), OK);
    assert_int_equal(file_set_times(f, &times), OK);
    assert_int_equal(file_sync(f), OK);
    file_close(f);
    image_unmount();
    image_check_clean();
    image_shell("debugfs -w -R 'sif f mode 0100750' now.img >log 2>&1");
    image_load("now.img");
    image_mount(true);
    assert_int_equal(vfs_stat(NULL, "/i/f", false, &st), OK);
    assert_int_equal(st.modified_ns, times.modified_ns);
    assert_int_equal(st.accessed_ns, times.accessed_ns);
    assert_int_equal(image_write_text("/i/f", "y"), OK);
    assert_int_equal(vfs_stat(NULL, "/i/f", false, &st), OK);
    assert_int_equal(st.mode, 0750);
    image_unmount();
    image_check_clean();
}

static void test_attributes_are_freed_with_their_last_file(void **state)
{
    (void)state;
    image_shell(
        "mkdir ea && echo x > ea/f && mke2fs -q -t ext2 -I 128 -b 1024 -d ea ea.img 1M 2>log && "
        "head -c 500 /dev/zero | tr '\\0' v > value && "
        "debugfs -w -R 'ea_set -f value f user.long' ea.img >log 2>&1 && e2fsck -fn ea.img >log 2>&1");
    image_load("ea.img");
    image_mount(true);
    assert_int_equal(image_write_text("/i/f", "changed"), OK);
    image_unmount();
    image_check_clean();
    image_shell("debugfs -R 'ea_get f user.long' now.img 2>&1 | grep -q vvvv");
    image_mount(true);
    assert_int_equal(vfs_unlink(NULL, "/i/f"), OK);
    image_unmount();
    image_check_clean();
}

/* More dirty pages than the cache may have are written on the way, and none is lost to a thread
 * that needs memory. */
static void test_dirty_pages_outlive_a_shortage_of_memory(void **state)
{
    (void)state;
    env_pages = 64; /* so that the cache has 256 pages */
    image_load("4096.img");
    image_mount(true);
    struct file *f;
    size_t done, n = 1;
    static uint8_t back[4096];
    assert_int_equal(vfs_open(NULL, "/i/f", VFS_READ | VFS_WRITE | VFS_CREATE, &f), OK);
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(file_write(f, pattern + i, 4096, &done), OK);
        if (i % 50 == 0) {
            env_reclaim();
        }
    }
    assert_true(env_disk.sectors_written > 500 * 8);
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(file_read_at(f, (uint64_t)i * 4096, back, 4096, &n), OK);
        assert_memory_equal(back, pattern + i, 4096);
    }
    file_close(f);
    image_unmount();
    image_check_clean();
    env_pages = 8192;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_changes_are_those_of_tmpfs),
        cmocka_unit_test(test_the_host_reads_what_was_written),
        cmocka_unit_test(test_sparse_and_large_files),
        cmocka_unit_test(test_a_remembered_run_follows_changes),
        cmocka_unit_test(test_a_full_disk_is_reported_and_stays_sound),
        cmocka_unit_test(test_what_cannot_be_written_safely_stays_read_only),
        cmocka_unit_test(test_a_crash_is_noticed),
        cmocka_unit_test(test_a_device_that_fails_makes_it_read_only),
        cmocka_unit_test(test_bitmaps_that_lie_are_noticed),
        cmocka_unit_test(test_a_removed_file_lives_while_it_is_open),
        cmocka_unit_test(test_a_listing_survives_removals),
        cmocka_unit_test(test_times_and_modes_are_kept),
        cmocka_unit_test(test_attributes_are_freed_with_their_last_file),
        cmocka_unit_test(test_dirty_pages_outlive_a_shortage_of_memory),
    };
    return cmocka_run_group_tests(tests, setup_once, image_tear_down);
}
