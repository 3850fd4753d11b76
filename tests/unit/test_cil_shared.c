// SPDX-License-Identifier: MIT
//
// Libraries that programs share: read once, read again when the file has changed, freed when memory
// is short and nobody uses them.
#include "kernel/cil/run/library.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/reclaim.h"
#include "tests/unit/cil/core.h"
#include "tests/unit/fake/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define PATH "/lib/cil/m.dll"

static struct make_image make;
static struct cil_bytes file;
static struct file_stat on_disk;
static unsigned reads;
static bool changes_when_read;
static void (*reclaim)(void);

enum status __wrap_vfs_stat(const char *cwd, const char *path, bool follow, struct file_stat *out);
enum status __wrap_vfs_stat(const char *cwd, const char *path, bool follow, struct file_stat *out)
{
    (void)cwd, (void)follow;
    *out = on_disk;
    return strcmp(path, PATH) == 0 ? OK : E_NOENT;
}

enum status __wrap_vfs_read_file(const char *path, size_t limit, void **data, size_t *len);
enum status __wrap_vfs_read_file(const char *path, size_t limit, void **data, size_t *len)
{
    (void)path;
    reads++;
    on_disk.changed_ns += changes_when_read ? 1 : 0;
    if (file.len > limit) {
        return E_OVERFLOW;
    }
    *len = file.len;
    *data = heap_alloc(file.len);
    assert_non_null(*data);
    memcpy(*data, file.at, file.len);
    return OK;
}

void __wrap_memory_reclaim_caches(void (*free_clean)(void));
void __wrap_memory_reclaim_caches(void (*free_clean)(void))
{
    reclaim = free_clean;
}

static uint64_t live_objects(void)
{
    struct heap_stats stats;
    heap_get_stats(&stats);
    return stats.live_objects;
}

static uint64_t objects_before;

static int start(void **state)
{
    (void)state;
    make_core(&make);
    file = make_file(&make);
    on_disk = (struct file_stat){.device = 1, .inode = 7, .size = file.len, .changed_ns = 5};
    reads = 0;
    changes_when_read = false;
    objects_before = live_objects();
    return 0;
}

/* Whatever a test did: without users and memory nothing is left. */
static int finish(void **state)
{
    (void)state;
    if (reclaim != NULL) {
        reclaim();
    }
    bool is_clean = live_objects() == objects_before;
    make_free(&make);
    return is_clean ? 0 : -1;
}

static struct cil_library *open(void)
{
    struct cil_library *l;
    struct cil_error err;
    assert_int_equal(cil_library_open(PATH, "m.dll", 1 << 20, &l, &err), OK);
    return l;
}

static void a_library_is_read_once(void **state)
{
    (void)state;
    struct cil_library *a = open(), *b = open();
    assert_ptr_equal(a, b);
    assert_int_not_equal(cil_index_find(cil_library_index(a), "System", "Object"), 0);
    assert_int_equal(cil_index_find(cil_library_index(a), "System", "Objec"), 0);
    cil_library_close(a);
    cil_library_close(b);
    cil_library_close(open()); /* also when nobody has used it for a while */
    assert_int_equal(reads, 1);
}

/* Programs that use the older one keep it. */
static void a_file_that_has_changed_is_read_again(void **state)
{
    (void)state;
    struct cil_library *old = open();
    const struct cil_index *index = cil_library_index(old);
    uint64_t *const parts[] = {&on_disk.device, &on_disk.inode, &on_disk.size, &on_disk.modified_ns,
                               &on_disk.changed_ns};
    for (size_t n = 0; n < sizeof parts / sizeof *parts; n++) {
        (*parts[n])++;
        struct cil_library *l = open();
        assert_ptr_not_equal(l, old);
        assert_int_equal(reads, 2 + n);
        cil_library_close(l);
    }
    assert_int_not_equal(cil_index_find(index, "System", "Object"), 0);
    cil_library_close(old);
}

static void a_file_that_changes_while_it_is_read_is_not_kept(void **state)
{
    (void)state;
    changes_when_read = true;
    struct cil_library *first = open(), *second = open();
    assert_ptr_not_equal(first, second);
    cil_library_close(first);
    cil_library_close(second);
    assert_int_equal(live_objects(), objects_before);
}

static void memory_that_is_short_frees_those_without_users(void **state)
{
    (void)state;
    struct cil_library *l = open();
    reclaim();
    assert_ptr_equal(open(), l);
    cil_library_close(l);
    cil_library_close(l);
    assert_int_equal(reads, 1);
    assert_true(live_objects() > objects_before);
    reclaim();
    assert_int_equal(live_objects(), objects_before);
    cil_library_close(open());
    assert_int_equal(reads, 2);
}

static void a_refusal_leaves_nothing(void **state)
{
    (void)state;
    struct cil_library *l;
    struct cil_error err;
    assert_int_equal(cil_library_open("/lib/cil/n.dll", "n.dll", 1 << 20, &l, &err), E_NOENT);
    assert_int_equal(cil_library_open(PATH, "m.dll", 16, &l, &err), E_OVERFLOW);
    assert_string_equal(err.text, "");
    struct cil_bytes whole = file;
    file.len = 100;
    assert_int_not_equal(cil_library_open(PATH, "m.dll", 1 << 20, &l, &err), OK);
    assert_string_not_equal(err.text, "");
    file = whole;
    assert_int_equal(live_objects(), objects_before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_library_is_read_once, start, finish),
        cmocka_unit_test_setup_teardown(a_file_that_has_changed_is_read_again, start, finish),
        cmocka_unit_test_setup_teardown(a_file_that_changes_while_it_is_read_is_not_kept, start,
                                        finish),
        cmocka_unit_test_setup_teardown(memory_that_is_short_frees_those_without_users, start,
                                        finish),
        cmocka_unit_test_setup_teardown(a_refusal_leaves_nothing, start, finish),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
