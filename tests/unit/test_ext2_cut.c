// SPDX-License-Identifier: MIT
//
// Power cuts at any moment on ext3. A random workload's writes and flushes are recorded. For many
// moments, images are made that the disk may contain after a cut: everything before the last flush,
// and any sectors of what came later, in any order. Each is mounted, and then consistent for
// e2fsck, and has what was synced. Without flushes that fails.
#include "kernel/fs/vfs.h"

#include "fs/fs_env.h"
#include "fs/image_bed.h"
#include "kernel/lib/endian.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup_once(void **state)
{
    (void)state;
    if (image_set_up(8192) != 0 ||
        image_run("mke2fs -q -t ext3 -b 1024 -N 64 -g 1024 -J size=1 1024.img 4M >log 2>&1 && "
                  "mke2fs -q -t ext3 -b 4096 -N 64 -J size=4 4096.img 10M >log 2>&1") != 0) {
        return -1;
    }
    return 0;
}

static uint32_t seed;

static uint32_t pick(uint32_t count)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % count;
}

/* ---- What the disk was told ---- */

struct event {
    uint64_t sector; /* UINT64_MAX: a flush */
    uint8_t *bytes;
    size_t len;
    unsigned change; /* the last change before it */
};

static struct event *events;
static size_t event_count;
static uint8_t *base; /* the image before the first event */
static size_t base_len;

/* ---- Files ---- */

enum { NAMES = 12, CHANGES = 260 };

/* A name's file after a change. Byte i of a file depends on its number and i only. */
struct version {
    uint32_t id; /* 0: there is none */
    uint32_t size;
};

static struct version versions[CHANGES + 1][NAMES];
static unsigned synced[CHANGES + 1];  /* the last change before the end of a sync that is over */
static size_t synced_at[CHANGES + 1]; /* and the number of events then */
static size_t sync_count;
static unsigned change_count;

static void add_event(uint64_t sector, const void *bytes, size_t len)
{
    events = realloc(events, (event_count + 1) * sizeof(*events));
    assert_non_null(events);
    struct event *e = &events[event_count++];
    *e = (struct event){.sector = sector, .len = len, .change = change_count};
    if (len != 0) {
        e->bytes = malloc(len);
        assert_non_null(e->bytes);
        memcpy(e->bytes, bytes, len);
    }
}

static void on_flush(void)
{
    add_event(UINT64_MAX, NULL, 0);
}

static void forget_events(void)
{
    for (size_t i = 0; i < event_count; i++) {
        free(events[i].bytes);
    }
    free(events);
    free(base);
    events = NULL;
    base = NULL;
    event_count = sync_count = 0;
    change_count = 0;
    memset(versions, 0, sizeof(versions));
}

static const char *path_of(unsigned name)
{
    static char path[2][32];
    static unsigned turn;
    char *out = path[turn++ % 2];
    snprintf(out, sizeof(path[0]), "/i/%sn%u", name % 2 == 0 ? "" : "d/", name);
    return out;
}

static uint8_t byte_of(uint32_t id, uint32_t i)
{
    return i < 4 ? (uint8_t)(id >> 8 * i) : (uint8_t)((id * 2654435761u ^ i * 40503u) >> 9 | 1);
}

static uint8_t pattern[1 << 21];

static void write_file(unsigned name, struct version *v, uint32_t len)
{
    struct file *f;
    size_t done = 0;
    assert_int_equal(vfs_open(NULL, path_of(name), VFS_WRITE | VFS_CREATE, &f), OK);
    for (uint32_t i = 0; i < len; i++) {
        pattern[i] = byte_of(v->id, v->size + i);
    }
    enum status s = file_write_at(f, v->size, pattern, len, &done);
    assert_true(s == OK || s == E_NOSPC);
    file_close(f);
    v->size += s == OK ? (uint32_t)done : 0;
}

static void cut_file(unsigned name, struct version *v, uint32_t size)
{
    struct file *f;
    assert_int_equal(vfs_open(NULL, path_of(name), VFS_WRITE, &f), OK);
    assert_int_equal(file_set_size(f, size), OK);
    file_close(f);
    v->size = size;
}

/* One removed file stays open. */
static struct file *nameless;

static void remove_file(unsigned name, struct version *v)
{
    if (nameless != NULL) {
        file_close(nameless);
    }
    assert_int_equal(vfs_open(NULL, path_of(name), VFS_READ, &nameless), OK);
    assert_int_equal(vfs_unlink(NULL, path_of(name)), OK);
    *v = (struct version){0};
}

static void rename_file(unsigned name, unsigned other)
{
    struct file *from, *to;
    assert_int_equal(vfs_open(NULL, name % 2 == 0 ? "/i" : "/i/d", VFS_READ, &from), OK);
    assert_int_equal(vfs_open(NULL, other % 2 == 0 ? "/i" : "/i/d", VFS_READ, &to), OK);
    assert_int_equal(
        file_rename_at(from, strrchr(path_of(name), '/') + 1, to, strrchr(path_of(other), '/') + 1),
        OK);
    file_close(from);
    file_close(to);
}

static void change(void)
{
    unsigned name = pick(NAMES), other = pick(NAMES);
    struct version *now = versions[change_count + 1];
    struct version *v = &now[name];
    memcpy(now, versions[change_count], sizeof(versions[0]));
    unsigned kind = pick(10);
    if (v->id == 0 || (kind < 4 && v->size < 400000)) {
        v->id = v->id == 0 ? change_count + 1 : v->id;
        write_file(name, v, pick(12) == 0 ? 300000 : pick(9000));
    } else if (kind < 6) {
        cut_file(name, v, pick(v->size + 1));
    } else if (kind < 8) {
        remove_file(name, v);
    } else if (name != other) {
        rename_file(name, other);
        now[other] = *v;
        *v = (struct version){0};
    }
    change_count++;
}

static void sync_all(void)
{
    assert_int_equal(vfs_sync(), OK);
    synced[sync_count] = change_count;
    synced_at[sync_count++] = event_count;
}

static void record(const char *image, uint32_t first_seed)
{
    seed = first_seed;
    image_load(image);
    base_len = (size_t)env_disk.dev.sectors * BLOCK_SECTOR;
    base = malloc(base_len);
    assert_non_null(base);
    memcpy(base, env_disk.bytes, base_len);
    env_disk.on_write = add_event;
    env_disk.on_flush = on_flush;
    assert_int_equal(vfs_mount_block(&env_disk.dev, "/i"), OK);
    assert_int_equal(vfs_remount("/i", true), OK);
    assert_int_equal(vfs_mkdir(NULL, "/i/d"), OK);
    sync_all();
    while (change_count < CHANGES) {
        change();
        if (pick(7) == 0) {
            sync_all();
        }
        if (change_count % 100 == 0) {
            env_reclaim();
        }
    }
    if (nameless != NULL) {
        file_close(nameless);
        nameless = NULL;
    }
    assert_int_equal(vfs_unmount("/i"), OK);
}

/* ---- Cuts ---- */

static void apply_event(uint8_t *image, const struct event *e)
{
    if (e->sector != UINT64_MAX) {
        memcpy(image + e->sector * BLOCK_SECTOR, e->bytes, e->len);
    }
}

/* Some sectors of a write, or all, or none. */
static void apply_part(uint8_t *image, const struct event *e)
{
    unsigned how = pick(4);
    for (size_t at = 0; e->sector != UINT64_MAX && at < e->len; at += BLOCK_SECTOR) {
        if (how == 0 || (how == 1 && pick(2) == 0)) {
            memcpy(image + e->sector * BLOCK_SECTOR + at, e->bytes + at, BLOCK_SECTOR);
        }
    }
}

/* Load what the disk may contain when it was told `count` events. */
static void load_cut(size_t count, bool has_flushes)
{
    uint8_t *image = malloc(base_len);
    assert_non_null(image);
    memcpy(image, base, base_len);
    size_t first = 0;
    for (size_t i = 0; has_flushes && i < count; i++) {
        first = events[i].sector == UINT64_MAX ? i : first;
    }
    for (size_t i = 0; i < first; i++) {
        apply_event(image, &events[i]);
    }
    size_t pending = count - first;
    const struct event **order = calloc(pending + 1, sizeof(*order));
    assert_non_null(order);
    for (size_t i = 0; i < pending; i++) {
        size_t k = pick((uint32_t)i + 1);
        order[i] = order[k];
        order[k] = &events[first + i];
    }
    for (size_t i = 0; i < pending; i++) {
        apply_part(image, order[i]);
    }
    free(order);
    env_disk_init(image, base_len);
    free(image);
}

/* What a name leads to; `size` UINT32_MAX: to bytes that were never written. */
static struct version read_version(unsigned name)
{
    struct version v = {0};
    struct file *f;
    size_t n = 0;
    if (vfs_open(NULL, path_of(name), VFS_READ, &f) != OK) {
        return v;
    }
    if (file_read(f, pattern, sizeof(pattern), &n) != OK) {
        n = sizeof(pattern);
    }
    file_close(f);
    v.size = (uint32_t)n;
    v.id = n >= 4 ? load_le32(pattern) : UINT32_MAX; /* too short to know */
    for (uint32_t i = 4; i < n && v.size != UINT32_MAX; i++) {
        v.size = pattern[i] == byte_of(v.id, i) ? v.size : UINT32_MAX;
    }
    return v;
}

/* True if a name may have led to this: after some change from `first` to `last`, or in the middle
 * of one of them, when a file is longer or shorter than before. */
static bool is_possible(unsigned name, struct version v, unsigned first, unsigned last)
{
    for (unsigned i = first; i <= last; i++) {
        const struct version *a = &versions[i][name];
        const struct version *b = i < last ? &versions[i + 1][name] : a;
        uint32_t least = a->size < b->size ? a->size : b->size;
        uint32_t most = a->size > b->size ? a->size : b->size;
        if (b->id != a->id) { /* a new file starts empty */
            bool is_new = b->id != 0 && v.size <= b->size && (v.id == b->id || v.size < 4);
            if (is_new) {
                return true;
            }
            least = most = a->size;
        }
        if (v.id == 0 ? a->id == 0 || b->id == 0
                      : a->id != 0 && v.size >= least && v.size <= most &&
                            (v.id == a->id || v.size < 4)) {
            return true;
        }
    }
    return false;
}

/* Check an image after a cut. NULL: it is as it must be. */
static const char *check_cut(size_t count)
{
    static char why[200];
    unsigned first = 0, last = count == 0 ? 0 : events[count - 1].change;
    bool has_synced = false;
    for (size_t i = 0; i < sync_count && synced_at[i] <= count; i++) {
        first = synced[i];
        has_synced = true;
    }
    last = last < CHANGES ? last + 1 : last; /* it may be in progress */
    env_reset();
    if (vfs_mount_block(&env_disk.dev, "/i") != OK) {
        return "it cannot be mounted";
    }
    if (vfs_remount("/i", true) != OK) {
        snprintf(why, sizeof(why), "not writable: %s", env_last_log());
        (void)vfs_unmount("/i");
        return why;
    }
    why[0] = 0;
    for (unsigned name = 0; has_synced && name < NAMES; name++) {
        struct version v = read_version(name);
        if (!is_possible(name, v, first, last)) {
            snprintf(why, sizeof(why),
                     "%s is file %u with %u bytes, impossible in changes %u to %u", path_of(name),
                     v.id, v.size, first, last);
        }
    }
    if (vfs_unmount("/i") != OK) {
        return "it cannot be unmounted";
    }
    image_save("cut.img");
    if (image_run("e2fsck -fn cut.img >fsck.log 2>&1") != 0) {
        return "e2fsck complains";
    }
    return why[0] != 0 ? why : NULL;
}

/* SEED and CUTS choose others: for hours, scripts/test --long. */
static unsigned chosen(const char *variable, unsigned otherwise)
{
    const char *text = getenv(variable);
    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static void cut_everywhere(const char *image, uint32_t first_seed, unsigned cuts)
{
    first_seed = chosen("SEED", first_seed);
    cuts = chosen("CUTS", cuts);
    record(image, first_seed);
    size_t all = event_count;
    for (unsigned i = 0; i < cuts; i++) {
        size_t count = (size_t)((uint64_t)all * (i + 1) / cuts);
        seed = first_seed + i;
        load_cut(count, true);
        const char *why = check_cut(count);
        if (why != NULL) {
            (void)image_run("cat fsck.log");
            forget_events();
            fail_msg("%s, seed %u: after %zu of %zu requests: %s", image, first_seed + i, count,
                     all, why);
        }
    }
    forget_events();
}

static void test_cuts_with_small_blocks(void **state)
{
    (void)state;
    cut_everywhere("1024.img", 1, 50);
}

static void test_cuts_with_large_blocks(void **state)
{
    (void)state;
    cut_everywhere("4096.img", 2, 20);
}

/* This test finds what a disk does that ignores flushes. */
static void test_without_flushes_the_same_cuts_are_noticed(void **state)
{
    (void)state;
    unsigned noticed = 0;
    record("1024.img", 3);
    for (unsigned i = 0; i < 12; i++) {
        size_t count = event_count * (i + 4) / 16;
        seed = i;
        load_cut(count, false);
        noticed += check_cut(count) != NULL;
    }
    forget_events();
    assert_true(noticed > 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cuts_with_small_blocks),
        cmocka_unit_test(test_cuts_with_large_blocks),
        cmocka_unit_test(test_without_flushes_the_same_cuts_are_noticed),
    };
    return cmocka_run_group_tests(tests, setup_once, image_tear_down);
}
