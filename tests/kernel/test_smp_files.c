// SPDX-License-Identifier: MIT
//
// Files from every CPU at once, in memory and on a disk: each thread reads its own bytes,
// a name that all use has one owner at a time, and nothing leaks. The disk is an ext2
// image that the test builds in memory, below the block layer. With one CPU there is one
// thread, and the same must hold.
#include "hal/mmu.h"
#include "hal/smp.h"
#include "kernel/debug/fault_injection.h"
#include "kernel/fs/file_view.h"
#include "kernel/fs/vfs.h"
#include "kernel/io/block.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/mm/reclaim.h"
#include "kernel/sched/thread.h"
#include "tests/kernel/on_cpus.h"
#include "tests/kernel/ram_disk.h"
#include "tests/kernel/tests.h"

#define ROUNDS 40u
#define FOLDER "/tmp/smp"
#define SHARED FOLDER "/shared"
#define DISK   "/tmp/disk"
#define OWN    3u /* names for each thread */

static void get_cache_pages(uint64_t *out)
{
    struct page_stats stats;
    page_get_stats(&stats);
    *out = stats.by_owner[PAGE_CACHE];
}

/* ---- In memory ---- */

static void fill(uint32_t *words, size_t count, uint32_t seed)
{
    for (size_t i = 0; i < count; i++) {
        words[i] = seed * 2654435761u + (uint32_t)i;
    }
}

static bool is_filled(const uint32_t *words, size_t count, uint32_t seed)
{
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        good = good && words[i] == seed * 2654435761u + (uint32_t)i;
    }
    return good;
}

static void write_and_read_own(const char *path, uint32_t seed)
{
    uint32_t words[300], back[ARRAY_COUNT(words)] = {0};
    size_t done = 0;
    struct file *f;
    fill(words, ARRAY_COUNT(words), seed);
    TEST_NEED(vfs_open(NULL, path, VFS_READ | VFS_WRITE | VFS_CREATE, &f) == OK);
    TEST_EQUAL(file_write_at(f, PAGE_SIZE - 8, words, sizeof(words), &done), OK);
    TEST_EQUAL(done, sizeof(words));
    TEST_EQUAL(file_read_at(f, PAGE_SIZE - 8, back, sizeof(back), &done), OK);
    TEST_CHECK(done == sizeof(back) && is_filled(back, ARRAY_COUNT(back), seed));
    file_close(f);
}

/* The thread that creates the shared name writes the whole file before it releases it; the
 * others may find the name or not. */
static void use_shared(uint32_t seed)
{
    struct file *f;
    struct file_stat st;
    size_t done;
    enum status s = vfs_open(NULL, SHARED, VFS_READ | VFS_WRITE | VFS_CREATE | VFS_EXCLUSIVE, &f);
    if (s == OK) {
        TEST_EQUAL(file_write(f, &seed, sizeof(seed), &done), OK);
        TEST_EQUAL(vfs_unlink(NULL, SHARED), OK); /* only its creator removes it */
        TEST_EQUAL(file_read_at(f, 0, &seed, sizeof(seed), &done), OK);
        TEST_EQUAL(done, sizeof(seed));
        file_close(f);
        return;
    }
    TEST_EQUAL(s, E_EXIST);
    s = vfs_stat(NULL, SHARED, true, &st);
    TEST_CHECK(s == OK || s == E_NOENT);
}

static void list_folder(void)
{
    struct file *f;
    struct dir_entry e;
    enum status s;
    TEST_NEED(vfs_open(NULL, FOLDER, VFS_READ | VFS_DIRECTORY, &f) == OK);
    while ((s = file_read_dir(f, &e)) == OK) {
    }
    TEST_EQUAL(s, E_NOENT);
    file_close(f);
}

static void own_path(char *path, size_t len, uint32_t self, uint32_t i)
{
    fmt_print(path, len, FOLDER "/%u.%u", self, i % OWN);
}

/* Where memory ran out, a thread could not remove its names. */
static void remove_what_stayed(void)
{
    char path[64];
    bool is_armed = failure_pause();
    for (uint32_t i = 0; i < CPUS_CONTENDING * OWN; i++) {
        own_path(path, sizeof(path), i / OWN, i);
        TEST_CHECK(vfs_unlink(NULL, path) == E_NOENT);
    }
    TEST_CHECK(vfs_unlink(NULL, SHARED) == E_NOENT);
    TEST_EQUAL(vfs_unlink(NULL, FOLDER), OK); /* it is empty */
    failure_resume(is_armed);
}

static void use_folder(void *arg)
{
    uint32_t self = (uint32_t)(uintptr_t)arg;
    char path[64];
    for (uint32_t i = 0; i < test_scaled(ROUNDS, 2); i++) {
        own_path(path, sizeof(path), self, i);
        write_and_read_own(path, self * ROUNDS + i);
        use_shared(i);
        list_folder();
        TEST_EQUAL(vfs_unlink(NULL, path), OK);
    }
}

static void memory_files_are_used_from_every_cpu(void)
{
    uint64_t before, after;
    get_cache_pages(&before);
    TEST_EQUAL(vfs_mkdir(NULL, FOLDER), OK);
    run_on_contenders("smp files", use_folder);
    remove_what_stayed();
    get_cache_pages(&after);
    TEST_EQUAL(after, before);
}

/* ---- A disk in memory ---- */

#define BLOCK       1024u
#define DISK_BLOCKS 120u
#define BITMAPS     100u /* of blocks, and of inodes */
#define TABLE       102u /* INODES of 128 bytes */
#define INODES      32u
#define FILE_BLOCKS 72u /* twelve direct blocks and those of one indirect block */
#define FIRST_BLOCK 8u  /* of the file */

/* The test is about sharing the cache. */
static struct ram_disk ram;

static void put_inode(uint32_t inode, uint16_t mode, uint32_t size)
{
    uint8_t *raw = ram.bytes + TABLE * BLOCK + (inode - 1) * 128;
    store_le16(raw, mode);
    store_le32(raw + 4, size);
    store_le16(raw + 26, 2);
    store_le32(raw + 28, size / BLOCK_SECTOR);
}

static void put_pointer(uint32_t inode, uint32_t i, uint32_t block)
{
    store_le32(ram.bytes + TABLE * BLOCK + (inode - 1) * 128 + 40 + i * 4, block);
}

static uint8_t *put_name(uint8_t *at, uint32_t inode, const char *name, uint16_t record)
{
    store_le32(at, inode);
    store_le16(at + 4, record);
    store_le16(at + 6, (uint16_t)strlen(name));
    memcpy(at + 8, name, strlen(name));
    return at + record;
}

static void set_bits(uint8_t *bits, uint32_t from, uint32_t end)
{
    for (; from < end; from++) {
        bits[from / 8] = (uint8_t)(bits[from / 8] | 1u << from % 8);
    }
}

/* The last blocks are free, and the inodes after that of the file. */
static void put_bitmaps(uint8_t *super, uint8_t *group)
{
    uint32_t used = TABLE + INODES * 128 / BLOCK;
    store_le32(group, BITMAPS);
    store_le32(group + 4, BITMAPS + 1);
    set_bits(ram.bytes + BITMAPS * BLOCK, 0, used - 1); /* bit 0 is block 1 */
    set_bits(ram.bytes + (BITMAPS + 1) * BLOCK, 0, 12);
    store_le16(group + 12, (uint16_t)(DISK_BLOCKS - used));
    store_le16(group + 14, INODES - 12);
    store_le32(super + 12, DISK_BLOCKS - used);
    store_le32(super + 16, INODES - 12);
    store_le16(super + 58, 1); /* clean */
}

/* A superblock, one group, its inodes, a root with one file. */
static void make_ext2(void)
{
    uint8_t *super = ram.bytes + BLOCK, *group = ram.bytes + 2 * BLOCK, *at;
    store_le32(super, INODES);
    store_le32(super + 4, DISK_BLOCKS);
    store_le32(super + 20, 1);
    store_le32(super + 32, DISK_BLOCKS);
    store_le32(super + 40, INODES);
    store_le16(super + 56, 0xef53);
    store_le32(group + 8, TABLE);
    put_bitmaps(super, group);
    put_inode(2, 040755, BLOCK);
    put_pointer(2, 0, 5);
    at = put_name(ram.bytes + 5 * BLOCK, 2, ".", 12);
    at = put_name(at, 2, "..", 12);
    put_name(at, 12, "data", BLOCK - 24);
    put_inode(12, 0100644, FILE_BLOCKS * BLOCK);
    for (uint32_t i = 0; i < FILE_BLOCKS; i++) {
        if (i < 12) {
            put_pointer(12, i, FIRST_BLOCK + i);
        } else {
            store_le32(ram.bytes + 6 * BLOCK + (i - 12) * 4, FIRST_BLOCK + i);
        }
        fill((uint32_t *)(void *)(ram.bytes + (FIRST_BLOCK + i) * BLOCK), BLOCK / 4, i);
    }
    put_pointer(12, 12, 6);
}

static void read_disk(void *arg)
{
    uint32_t seed = (uint32_t)(uintptr_t)arg + 1, back[BLOCK / 4];
    for (uint32_t i = 0; i < test_scaled(ROUNDS, 2); i++) {
        struct file *f;
        size_t done = 0;
        seed = seed * 1664525u + 1013904223u;
        uint32_t block = (seed >> 8) % FILE_BLOCKS;
        TEST_NEED(vfs_open(NULL, DISK "/data", VFS_READ, &f) == OK);
        TEST_EQUAL(file_read_at(f, (uint64_t)block * BLOCK, back, sizeof(back), &done), OK);
        TEST_CHECK(done == sizeof(back) && is_filled(back, ARRAY_COUNT(back), block));
        file_close(f);
        TEST_EQUAL(block_read(&ram.dev, (FIRST_BLOCK + block) * 2, back, sizeof(back)), OK);
        TEST_CHECK(is_filled(back, ARRAY_COUNT(back), block));
    }
}

/* Names that the file system keeps follow the renames, also while another thread frees them. */
static void rename_own(uint32_t self)
{
    char names[2][16], path[64];
    struct file_stat st;
    struct file *dir;
    fmt_print(names[0], sizeof(names[0]), "%u", self);
    fmt_print(names[1], sizeof(names[1]), "%u-new", self);
    TEST_NEED(vfs_open(NULL, DISK, VFS_READ | VFS_DIRECTORY, &dir) == OK);
    for (uint32_t i = 0; i < 2; i++) {
        TEST_EQUAL(file_rename_at(dir, names[i], dir, names[1 - i]), OK);
        fmt_print(path, sizeof(path), DISK "/%s", names[i]);
        TEST_EQUAL(vfs_stat(NULL, path, true, &st), E_NOENT);
        fmt_print(path, sizeof(path), DISK "/%s", names[1 - i]);
        TEST_EQUAL(vfs_stat(NULL, path, true, &st), OK);
        TEST_EQUAL(vfs_stat(NULL, path, true, &st), OK);
    }
    file_close(dir);
    if (self == 0) {
        memory_reclaim();
    }
}

/* Each thread has a file of its own, in the same directory and from the same bitmaps. */
static void write_disk(void *arg)
{
    uint32_t self = (uint32_t)(uintptr_t)arg;
    char path[64];
    fmt_print(path, sizeof(path), DISK "/%u", self);
    for (uint32_t i = 0; i < test_scaled(ROUNDS, 2); i++) {
        uint32_t words[300], back[ARRAY_COUNT(words)] = {0};
        size_t done = 0;
        struct file *f;
        fill(words, ARRAY_COUNT(words), self * ROUNDS + i);
        TEST_NEED(vfs_open(NULL, path, VFS_READ | VFS_WRITE | VFS_CREATE, &f) == OK);
        TEST_EQUAL(file_write_at(f, 8, words, sizeof(words), &done), OK);
        TEST_EQUAL(i % 8 == 0 ? file_sync(f) : OK, OK);
        TEST_EQUAL(file_read_at(f, 8, back, sizeof(back), &done), OK);
        TEST_CHECK(done == sizeof(back) && is_filled(back, ARRAY_COUNT(back), self * ROUNDS + i));
        if (i % 8 == 1) {
            rename_own(self);
        }
        TEST_EQUAL(i % 2 == 0 ? file_set_size(f, 100) : vfs_unlink(NULL, path), OK);
        file_close(f);
    }
    (void)vfs_unlink(NULL, path);
    read_disk(arg);
}

#define TWO_PATH DISK "/two%u"
#define TWO_LEN  4u /* blocks of each of the two files */

/* A block of a file has one word only, which names the file. */
static void write_whole_block(struct file *f, uint32_t number, uint32_t block, uint32_t round)
{
    uint32_t words[BLOCK / 4];
    size_t done = 0;
    for (uint32_t i = 0; i < ARRAY_COUNT(words); i++) {
        words[i] = round << 1 | number;
    }
    TEST_EQUAL(file_write_at(f, (uint64_t)block * BLOCK, words, sizeof(words), &done), OK);
    TEST_EQUAL(done, sizeof(words));
}

static void read_whole_block(struct file *f, uint32_t number, uint32_t block)
{
    uint32_t words[BLOCK / 4] = {0};
    size_t done = 0;
    bool is_one = true;
    TEST_EQUAL(file_read_at(f, (uint64_t)block * BLOCK, words, sizeof(words), &done), OK);
    TEST_CHECK(done == 0 || done == sizeof(words)); /* the file is shorter now */
    for (uint32_t i = 1; i < done / 4; i++) {
        is_one = is_one && words[i] == words[0];
    }
    TEST_CHECK(is_one);                                /* and not a part of a write */
    TEST_CHECK(done == 0 || (words[0] & 1) == number); /* and not the other file's block */
}

static enum status open_one_of_two(uint32_t number, struct file **out)
{
    char path[64];
    fmt_print(path, sizeof(path), TWO_PATH, number);
    return vfs_open(NULL, path, VFS_READ | VFS_WRITE | VFS_CREATE, out);
}

/* Two threads each write a file and cut it again, so the blocks go from one to the other. All read
 * both. Without memory for one file none may stay open: the disk is unmounted afterwards. */
static void read_while_others_write(void *arg)
{
    uint32_t self = (uint32_t)(uintptr_t)arg;
    struct file *two[2];
    TEST_NEED(open_one_of_two(0, &two[0]) == OK);
    enum status s = open_one_of_two(1, &two[1]);
    if (s != OK) {
        file_close(two[0]);
        TEST_EQUAL(s, OK);
        return;
    }
    for (uint32_t round = 0; round < test_scaled(ROUNDS * 5, 4); round++) {
        for (uint32_t block = 0; self < 2 && block < TWO_LEN; block++) {
            write_whole_block(two[self], self, block, round);
        }
        for (uint32_t i = 0; i < TWO_LEN * 4; i++) {
            read_whole_block(two[i % 2], i % 2, (i / 2 + self) % TWO_LEN);
        }
        if (self < 2 && round % 2 == 1) {
            TEST_EQUAL(file_set_size(two[self], 0), OK);
        }
        if (self == 1 && round % 16 == 0) {
            memory_reclaim();
        }
    }
    file_close(two[0]);
    file_close(two[1]);
}

/* ---- Views ---- */

#define OTHER 1000u /* added to the seed of a block by the other contents */

static void rewrite_data(uint32_t seed)
{
    uint32_t words[BLOCK / 4];
    size_t done = 0;
    struct file *f;
    TEST_NEED(vfs_open(NULL, DISK "/data", VFS_WRITE, &f) == OK);
    for (uint32_t i = 0; i < FILE_BLOCKS; i++) {
        fill(words, ARRAY_COUNT(words), seed + i);
        TEST_EQUAL(file_write_at(f, (uint64_t)i * BLOCK, words, sizeof(words), &done), OK);
        TEST_EQUAL(done, sizeof(words));
    }
    file_close(f);
}

/* Each block is of one of the two contents. Which: bit i of a word. */
static void get_contents(const struct file_view *v, uint64_t out[2])
{
    const uint32_t *words = v->bytes;
    out[0] = out[1] = 0;
    TEST_EQUAL(v->len, FILE_BLOCKS * BLOCK);
    for (uint32_t i = 0; i < v->len / BLOCK; i++, words += BLOCK / 4) {
        bool is_other = is_filled(words, BLOCK / 4, i + OTHER);
        TEST_CHECK(is_other || is_filled(words, BLOCK / 4, i));
        out[i / 64] |= (uint64_t)is_other << i % 64;
    }
}

/* The disk equals the cache, and no other thread uses the file. */
static void view_is_mapped(void)
{
    struct file_view v;
    struct hal_mapping m;
    TEST_NEED(file_view_open(DISK "/data", FILE_BLOCKS * BLOCK, &v) == OK);
    TEST_CHECK(v.map != NULL);
    TEST_CHECK(hal_mmu_query((uintptr_t)v.bytes, &m) && m.prot == PROT_R);
    file_view_close(&v);
}

static void view_data(void (*meanwhile)(uint32_t seed), uint32_t seed)
{
    struct file_view v;
    uint64_t before[2], after[2];
    TEST_NEED(file_view_open(DISK "/data", FILE_BLOCKS * BLOCK, &v) == OK);
    get_contents(&v, before);
    meanwhile(seed);
    get_contents(&v, after);
    TEST_CHECK(before[0] == after[0] && before[1] == after[1]);
    file_view_close(&v);
}

static void do_nothing(uint32_t seed)
{
    (void)seed;
    thread_yield();
}

/* One thread changes the file. What a view has stays as it was. */
static void view_while_others_write(void *arg)
{
    for (uint32_t i = 0; i < test_scaled(ROUNDS, 2); i++) {
        view_data(arg == NULL ? rewrite_data : do_nothing, i % 2 == 0 ? OTHER : 0);
        if (arg == NULL && i % 8 == 0) {
            TEST_EQUAL(vfs_sync(), OK);
            memory_reclaim();
        }
    }
}

/* ---- Names ---- */

static void look_for(const char *path)
{
    struct file_stat st;
    enum status s = vfs_stat(NULL, path, true, &st);
    TEST_CHECK(s == E_NOENT || (s == OK && st.inode == 12));
}

/* One thread moves the file and finds it at once under its new name. The others walk along kept
 * names, and along names that are kept as absent. They find that file or none. */
static void move_while_others_walk(void *arg)
{
    bool is_mover = arg == NULL;
    struct file_stat st;
    struct file *dir;
    TEST_NEED(vfs_open(NULL, DISK, VFS_READ | VFS_DIRECTORY, &dir) == OK);
    for (uint32_t i = 0; i < test_scaled(ROUNDS * 10, 4); i++) {
        if (is_mover) {
            TEST_EQUAL(file_rename_at(dir, "data", dir, "moved"), OK);
            TEST_EQUAL(vfs_stat(NULL, DISK "/data", true, &st), E_NOENT);
            TEST_EQUAL(vfs_stat(NULL, DISK "/moved", true, &st), OK);
            TEST_EQUAL(file_rename_at(dir, "moved", dir, "data"), OK);
            TEST_EQUAL(vfs_stat(NULL, DISK "/moved", true, &st), E_NOENT);
            TEST_EQUAL(vfs_stat(NULL, DISK "/data", true, &st), OK);
        } else {
            look_for(DISK "/data");
            look_for(DISK "/moved");
        }
        if (is_mover && i % 16 == 0) {
            memory_reclaim();
        }
    }
    file_close(dir);
}

/* A walk has no reference on the way; still no thread finds a file system that is freed. */
static void unmount_while_others_walk(void *arg)
{
    for (uint32_t i = 0; i < test_scaled(ROUNDS, 2); i++) {
        for (uint32_t j = 0; arg != NULL && j < 20; j++) {
            look_for(DISK "/data");
        }
        if (arg == NULL) {
            enum status s = vfs_unmount(DISK);
            TEST_CHECK(s == OK || s == E_BUSY);
            TEST_EQUAL(s == OK ? vfs_mount_block(&ram.dev, DISK) : OK, OK);
        }
    }
}

static uint64_t free_on_disk(void)
{
    struct vfs_mount_info m = {0};
    TEST_CHECK(vfs_get_mount(0, &m)); /* the newest */
    return m.free_bytes;
}

/* Mount and unmount each time, so that the cache starts empty. */
static void use_disk(void)
{
    for (unsigned i = 0; i < test_scaled(3, 1); i++) {
        TEST_NEED(vfs_mount_block(&ram.dev, DISK) == OK);
        view_is_mapped();
        run_on_contenders("smp files", read_disk);
        run_on_contenders("smp files", unmount_while_others_walk);
        TEST_EQUAL(vfs_remount(DISK, true), OK);
        uint64_t before = free_on_disk();
        run_on_contenders("smp files", write_disk);
        run_on_contenders("smp files", read_while_others_write);
        TEST_EQUAL(vfs_unlink(NULL, DISK "/two0"), OK);
        TEST_EQUAL(vfs_unlink(NULL, DISK "/two1"), OK);
        TEST_EQUAL(free_on_disk(), before);
        run_on_contenders("smp files", move_while_others_walk);
        run_on_contenders("smp files", view_while_others_write);
        TEST_EQUAL(vfs_unmount(DISK), OK);
    }
}

static void disk_files_are_used_from_every_cpu(void)
{
    uint64_t before, after;
    get_cache_pages(&before);
    TEST_NEED(ram_disk_add(&ram, DISK_BLOCKS * BLOCK));
    make_ext2();
    use_disk();
    ram_disk_remove(&ram);
    get_cache_pages(&after);
    TEST_EQUAL(after, before);
}

const struct kernel_test smp_file_tests[] = {
    {"smp.memory_files_are_used_from_every_cpu", memory_files_are_used_from_every_cpu,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"smp.disk_files_are_used_from_every_cpu", disk_files_are_used_from_every_cpu,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {0},
};
