// SPDX-License-Identifier: MIT
//
// A directory of many names on the disk at /data: they are made and found, and removed in the next
// run, when nothing of the directory is in memory. Each step checks that exactly these names exist.
// tests/smoke/test_names.py runs both, and e2fsck after each. The disk needs as many inodes.
#include "kernel/base/assert.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "tests/bench/benches.h"

#define FOLDER "/data/names"
#define FEW    5000u
#define MANY   100000u
#define STRIDE 7919u /* a prime: names are found and removed in another order than made */

static void must(enum status s, const char *what)
{
    if (s != OK) {
        panic("bench: %s: %s", what, status_text(s));
    }
}

/* False: there is no disk. */
static bool has_disk(void)
{
    struct file_stat root, data;
    if (vfs_stat(NULL, "/", true, &root) != OK || vfs_stat(NULL, "/data", true, &data) != OK ||
        root.device == data.device) {
        log_info("bench", "no disk at /data (--data FILE): nothing is measured");
        return false;
    }
    return true;
}

static const char *path_of(char path[64], unsigned i)
{
    fmt_print(path, 64, FOLDER "/a-file-name-%06u", i);
    return path;
}

static void report(const char *what, unsigned count, uint64_t begin)
{
    char name[64];
    uint64_t ns = MAX(clock_now_ns() - begin, UINT64_C(1));
    fmt_print(name, sizeof(name), "names.%s_%u_per_s", what, count);
    bench_report(name, (uint64_t)count * 1000 * NS_PER_S / ns, "1/s");
}

static void make(unsigned count)
{
    char path[64];
    must(vfs_mkdir(NULL, FOLDER), FOLDER);
    uint64_t begin = clock_now_ns();
    for (unsigned i = 0; i < count; i++) {
        struct file *f;
        must(vfs_open(NULL, path_of(path, i), VFS_WRITE | VFS_CREATE, &f), path);
        file_close(f);
    }
    report("make", count, begin);
}

/* The number that a listed name ends with. */
static unsigned number_of(const char *name, unsigned count)
{
    unsigned i = 0;
    const char *digits = strchr(name, '\0') - 6;
    for (unsigned k = 0; k < 6; k++) {
        i = 10 * i + (unsigned)(digits[k] - '0');
    }
    ASSERT(i < count);
    return i;
}

/* Each name is listed once. */
static void list(unsigned count)
{
    struct file *f;
    struct dir_entry entry;
    unsigned found = 0;
    enum status s;
    uint8_t *seen = heap_zalloc(count);
    ASSERT(seen != NULL);
    uint64_t begin = clock_now_ns();
    must(vfs_open(NULL, FOLDER, VFS_READ, &f), FOLDER);
    while ((s = file_read_dir(f, &entry)) == OK) {
        if (entry.name[0] != '.') {
            uint8_t *one = seen + number_of(entry.name, count);
            ASSERT(*one == 0);
            *one = 1;
            found++;
        }
    }
    ASSERT(s == E_NOENT && found == count);
    file_close(f);
    report("list", count, begin);
    heap_free(seen);
}

static void find(unsigned count)
{
    char path[64];
    struct file_stat st;
    uint64_t begin = clock_now_ns();
    for (unsigned i = 0; i < count; i++) {
        unsigned number = (unsigned)((uint64_t)i * STRIDE % count);
        must(vfs_stat(NULL, path_of(path, number), true, &st), path);
    }
    report("find", count, begin);
    ASSERT(vfs_stat(NULL, path_of(path, count), true, &st) == E_NOENT);
}

static void remove_all(unsigned count)
{
    char path[64];
    struct file_stat st;
    uint64_t begin = clock_now_ns();
    for (unsigned i = 0; i < count; i++) {
        unsigned number = (unsigned)((uint64_t)i * STRIDE % count);
        must(vfs_unlink(NULL, path_of(path, number)), path);
        if (number % 100 == 0) {
            ASSERT(vfs_stat(NULL, path, true, &st) == E_NOENT);
        }
    }
    report("remove", count, begin);
    must(vfs_unlink(NULL, FOLDER), FOLDER); /* refused if a name is left */
}

static void bench_make(unsigned count)
{
    if (has_disk()) {
        make(count);
        list(count);
        find(count);
    }
}

static void bench_remove(unsigned count)
{
    if (has_disk()) {
        list(count);
        find(count);
        remove_all(count);
    }
}

static void bench_make_few(void)
{
    bench_make(FEW);
}

static void bench_remove_few(void)
{
    bench_remove(FEW);
}

static void bench_make_many(void)
{
    bench_make(MANY);
}

static void bench_remove_many(void)
{
    bench_remove(MANY);
}

const struct kernel_bench name_benches[] = {
    {"names.make_5000_per_s", bench_make_few},
    {"names.remove_5000_per_s", bench_remove_few},
    {"names.make_100000_per_s", bench_make_many},
    {"names.remove_100000_per_s", bench_remove_many},
    {0},
};
