// SPDX-License-Identifier: MIT
//
// Files on a disk: scripts/run --bench='fs.*' --data FILE. Without a disk at /data there is nothing
// to measure. Under icount a nanosecond is an instruction; the other figures need a real clock.
#include "kernel/base/assert.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/fs/file_view.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "tests/bench/benches.h"

#define FOLDER     "/data/bench"
#define BATCHES    5u
#define PIECE      4096u
#define CACHED     256u /* pages: 1 MiB */
#define VIEWED     ((size_t)4 << 20)
#define LOOKUPS    200u
#define NAMES      20u
#define CREATES    400u
#define SYNCS      50u
#define STREAM_LEN ((size_t)1 << 20)
#define STREAM_ALL ((size_t)32 << 20)

static void must(enum status s, const char *what)
{
    if (s != OK) {
        panic("bench: %s: %s", what, status_text(s));
    }
}

/* False: there is no disk. */
static bool open_folder(void)
{
    struct file_stat root, data;
    if (vfs_stat(NULL, "/", true, &root) != OK || vfs_stat(NULL, "/data", true, &data) != OK ||
        root.device == data.device) {
        log_info("bench", "no disk at /data (--data FILE): nothing is measured");
        return false;
    }
    enum status s = vfs_mkdir(NULL, FOLDER);
    must(s == E_EXIST ? OK : s, FOLDER);
    return true;
}

static struct file *create(const char *path)
{
    struct file *f;
    must(vfs_open(NULL, path, VFS_READ | VFS_WRITE | VFS_CREATE, &f), path);
    return f;
}

static void remove_all(struct file *f, const char *path)
{
    file_close(f);
    must(vfs_unlink(NULL, path), path);
}

static void *buffer(size_t len)
{
    void *p = heap_zalloc(len);
    if (p == NULL) {
        panic("bench: no memory for a buffer");
    }
    return p;
}

/* Write or read a range in pieces. */
static void transfer(struct file *f, bool is_write, void *buf, size_t piece, size_t all)
{
    size_t done;
    for (size_t at = 0; at < all; at += piece) {
        must(is_write ? file_write_at(f, at, buf, piece, &done)
                      : file_read_at(f, at, buf, piece, &done),
             "a transfer");
        ASSERT(done == piece);
    }
}

static void measure_cached_read(const char *path, const char *figure)
{
    uint64_t milli[BATCHES];
    struct file *f = create(path);
    void *buf = buffer(PIECE);
    transfer(f, true, buf, PIECE, (size_t)CACHED * PIECE);
    for (unsigned b = 0; b < BATCHES; b++) {
        uint64_t begin = clock_now_ns();
        transfer(f, false, buf, PIECE, (size_t)CACHED * PIECE);
        milli[b] = (clock_now_ns() - begin) * 1000 / CACHED;
    }
    heap_free(buf);
    remove_all(f, path);
    bench_report(figure, bench_median(milli, BATCHES), "ns");
}

static void bench_cached_read(void)
{
    if (open_folder()) {
        measure_cached_read(FOLDER "/cached", "fs.cached_read4k_ns");
    }
}

static void view(const char *path)
{
    struct file_view v;
    must(file_view_open(path, VIEWED, &v), path);
    ASSERT(v.len == VIEWED);
    file_view_close(&v);
}

static void copy(const char *path)
{
    void *bytes;
    size_t len;
    must(vfs_read_file(path, VIEWED, &bytes, &len), path);
    ASSERT(len == VIEWED);
    heap_free(bytes);
}

/* For each page of a large file that is cached: as a loader gets it, and in a copy. */
static void bench_views(void)
{
    static const char path[] = FOLDER "/viewed";
    uint64_t viewed[BATCHES], copied[BATCHES];
    if (!open_folder()) {
        return;
    }
    struct file *f = create(path);
    void *buf = buffer(PIECE);
    transfer(f, true, buf, PIECE, VIEWED);
    heap_free(buf);
    must(file_sync(f), path);
    for (unsigned b = 0; b < BATCHES; b++) {
        uint64_t begin = clock_now_ns();
        view(path);
        uint64_t end = clock_now_ns();
        copy(path);
        viewed[b] = (end - begin) * 1000 / (VIEWED / PIECE);
        copied[b] = (clock_now_ns() - end) * 1000 / (VIEWED / PIECE);
    }
    remove_all(f, path);
    bench_report("fs.view4k_ns", bench_median(viewed, BATCHES), "ns");
    bench_report("fs.view4k_copied_ns", bench_median(copied, BATCHES), "ns");
}

static void bench_read_in_memory(void)
{
    measure_cached_read("/tmp/cached", "fs.read4k_tmp_ns");
}

/* In a directory of few names, of which the last is looked up; the same for each component. */
static void measure_lookup(const char *folder, const char *figure)
{
    char path[64], other[64];
    uint64_t milli[BATCHES];
    fmt_print(path, sizeof(path), "%s/name%u", folder, NAMES - 1);
    for (unsigned i = 0; i < NAMES; i++) {
        fmt_print(other, sizeof(other), "%s/name%u", folder, i);
        file_close(create(other));
    }
    for (unsigned b = 0; b < BATCHES; b++) {
        struct file_stat st;
        uint64_t begin = clock_now_ns();
        for (unsigned i = 0; i < LOOKUPS; i++) {
            must(vfs_stat(NULL, path, true, &st), path);
        }
        milli[b] = (clock_now_ns() - begin) * 1000 / LOOKUPS;
    }
    for (unsigned i = 0; i < NAMES; i++) {
        fmt_print(other, sizeof(other), "%s/name%u", folder, i);
        must(vfs_unlink(NULL, other), other);
    }
    bench_report(figure, bench_median(milli, BATCHES), "ns");
}

static void bench_lookup(void)
{
    if (open_folder()) {
        measure_lookup(FOLDER, "fs.lookup_ns");
    }
}

static void bench_lookup_in_memory(void)
{
    static const char folder[] = "/tmp/bench";
    must(vfs_mkdir(NULL, folder), folder);
    measure_lookup(folder, "fs.lookup_tmp_ns");
    must(vfs_unlink(NULL, folder), folder);
}

static uint64_t per_second_milli(uint64_t count, uint64_t ns)
{
    return count * 1000 * NS_PER_S / MAX(ns, UINT64_C(1));
}

static void bench_create(void)
{
    char path[64];
    if (!open_folder()) {
        return;
    }
    uint64_t begin = clock_now_ns();
    for (unsigned i = 0; i < CREATES; i++) {
        fmt_print(path, sizeof(path), FOLDER "/created-%u", i);
        file_close(create(path));
    }
    uint64_t ns = clock_now_ns() - begin;
    for (unsigned i = 0; i < CREATES; i++) {
        fmt_print(path, sizeof(path), FOLDER "/created-%u", i);
        must(vfs_unlink(NULL, path), path);
    }
    bench_report("fs.create_per_s", per_second_milli(CREATES, ns), "1/s");
}

static void bench_sync(void)
{
    static const char path[] = FOLDER "/synced";
    size_t done;
    if (!open_folder()) {
        return;
    }
    struct file *f = create(path);
    void *buf = buffer(PIECE);
    uint64_t begin = clock_now_ns();
    for (unsigned i = 0; i < SYNCS; i++) {
        must(file_write_at(f, 0, buf, PIECE, &done), path);
        must(file_sync(f), path);
    }
    uint64_t ns = clock_now_ns() - begin;
    heap_free(buf);
    remove_all(f, path);
    bench_report("fs.fsync_per_s", per_second_milli(SYNCS, ns), "1/s");
}

/* Writing ends with a sync. The bytes that are read then are on the disk, and few of them are still
 * in the cache. */
static void bench_stream(void)
{
    static const char path[] = FOLDER "/stream";
    if (!open_folder()) {
        return;
    }
    struct file *f = create(path);
    void *buf = buffer(STREAM_LEN);
    uint64_t begin = clock_now_ns();
    transfer(f, true, buf, STREAM_LEN, STREAM_ALL);
    must(file_sync(f), path);
    uint64_t written = clock_now_ns();
    transfer(f, false, buf, STREAM_LEN, STREAM_ALL);
    uint64_t read = clock_now_ns();
    heap_free(buf);
    remove_all(f, path);
    bench_report("fs.seq_write_mbps", per_second_milli(STREAM_ALL, written - begin) / 1000000,
                 "MB/s");
    bench_report("fs.seq_read_mbps", per_second_milli(STREAM_ALL, read - written) / 1000000,
                 "MB/s");
}

const struct kernel_bench file_benches[] = {
    {"fs.cached_read4k_ns", bench_cached_read},
    {"fs.read4k_tmp_ns", bench_read_in_memory},
    {"fs.view4k_ns fs.view4k_copied_ns", bench_views},
    {"fs.lookup_ns", bench_lookup},
    {"fs.lookup_tmp_ns", bench_lookup_in_memory},
    {"fs.create_per_s", bench_create},
    {"fs.fsync_per_s", bench_sync},
    {"fs.seq_write_mbps fs.seq_read_mbps", bench_stream},
    {0},
};
