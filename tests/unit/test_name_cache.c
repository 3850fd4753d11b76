// SPDX-License-Identifier: MIT
//
// The cache of names: each name that is found has a reference, and the work of a removal does not
// grow with the table. name_cache.c is compiled here with a call in each basic block.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fs/fs_env.h"
#include "kernel/fs/name_cache.h"

enum { MANY = 8192 };

static struct mutex lock;
static struct name_cache cache;
static struct fs fs = {.names = &cache};
static struct fs_node dirs[4], nodes[MANY];
static uint64_t blocks; /* basic blocks of name_cache.c that ran */

/* NOLINTNEXTLINE(bugprone-reserved-identifier): clang calls this name */
void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    blocks++;
}

static void drop(struct fs_node *node)
{
    assert_true(atomic_fetch_sub_explicit(&node->refs, 1, memory_order_relaxed) > 1);
}

static int set_up(void **state) ACQUIRES(lock)
{
    (void)state;
    env_reset();
    env_pages = 2 * MANY;
    for (size_t i = 0; i < MANY; i++) {
        nodes[i] = (struct fs_node){.fs = &fs, .id = i, .refs = 1};
    }
    for (size_t i = 0; i < 4; i++) {
        dirs[i] = (struct fs_node){.fs = &fs, .id = i, .refs = 1, .type = FILE_DIRECTORY};
    }
    mutex_init(&lock, "test");
    name_cache_init(&cache, &lock, drop);
    mutex_lock(&lock);
    return 0;
}

static int tear_down(void **state) RELEASES(lock)
{
    (void)state;
    mutex_unlock(&lock);
    name_cache_free(&cache);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(nodes[i].refs, 1);
    }
    return 0;
}

static void name_of(size_t i, char out[16])
{
    snprintf(out, 16, "name%zu", i);
}

static struct fs_node *look(const struct fs_node *dir, const char *name)
{
    struct name_key key;
    (void)name_key_make(&key, name);
    return name_cache_look(dir, &key);
}

/* Add names until `count` of them are kept at the same time, then remove the nodes. Half of the
 * names are of a directory that was released and loaded again meanwhile. */
static uint64_t blocks_of_removals(size_t count)
{
    char name[16];
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        name_of(i, name);
        name_cache_add(&cache, &dirs[0], name, &nodes[i]);
        if (i == count / 2) {
            dirs[0].serial = 0;
        }
    }
    for (size_t i = 0; i < count; i++) {
        kept += nodes[i].refs > 1;
    }
    assert_true(kept > count / 2);
    uint64_t before = blocks;
    for (size_t i = 0; i < count; i++) {
        name_cache_remove_node(&cache, &nodes[i]);
        assert_int_equal(nodes[i].refs, 1);
    }
    return blocks - before;
}

static void test_removals_do_not_search_the_table(void **state)
{
    (void)state;
    uint64_t few = blocks_of_removals(MANY / 8), many = blocks_of_removals(MANY);
    assert_true(few > 0);
    assert_in_range(many / MANY, 1, 100);
    assert_true(many < 10 * few);
}

/* The number of names that lead to a node is that of its references, but for the owner's. */
static void expect_counts(size_t dir_count, size_t name_count, size_t node_count)
{
    uint32_t found[16] = {0};
    for (size_t d = 0; d < dir_count; d++) {
        for (size_t i = 0; i < name_count; i++) {
            char name[16];
            name_of(i, name);
            struct fs_node *node = look(&dirs[d], name);
            if (node != NULL && node != &name_absent) {
                found[node->id]++;
            }
        }
    }
    for (size_t i = 0; i < node_count; i++) {
        assert_int_equal(nodes[i].refs, 1 + found[i]);
    }
}

/* Nodes have several names, names replace each other, and the table grows. */
static void test_each_name_has_a_reference(void **state)
{
    (void)state;
    uint32_t random = 1;
    for (size_t step = 0; step < 3000; step++) {
        random = random * 1664525 + 1013904223;
        struct fs_node *node = &nodes[random >> 28];
        struct fs_node *dir = &dirs[random >> 26 & 3];
        char name[16];
        name_of((random >> 8) % 100, name);
        struct fs_name at = {.dir = dir, .text = name, .len = strlen(name)};
        uint32_t what = random >> 18 & 63;
        if (what < 48) {
            name_cache_remove(&cache, &at);
            name_cache_add(&cache, dir, name, what == 0 ? &name_absent : node);
            assert_ptr_equal(look(dir, name), what == 0 ? &name_absent : node);
        } else if (what < 60) {
            name_cache_add(&cache, dir, name, node); /* perhaps in place of the same name */
        } else if (what < 63) {
            name_cache_remove(&cache, &at);
            assert_null(look(dir, name));
        } else {
            name_cache_remove_node(&cache, node);
            assert_int_equal(node->refs, 1);
        }
        expect_counts(4, 100, 16);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_removals_do_not_search_the_table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_each_name_has_a_reference, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
