// SPDX-License-Identifier: MIT
//
// The page cache finds its pages also while its table grows.
#include "kernel/fs/page_cache.h"

#include "fs/fs_env.h"
#include "kernel/lib/endian.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PAGES 1500u

static int set_up(void **state)
{
    (void)state;
    uint8_t *bytes = calloc(PAGES, CACHE_PAGE);
    for (uint32_t i = 0; i < PAGES; i++) {
        store_le32(bytes + (size_t)i * CACHE_PAGE, i);
    }
    env_reset();
    env_pages = 65536;
    env_disk_init(bytes, (size_t)PAGES * CACHE_PAGE);
    free(bytes);
    return 0;
}

/* The buckets of the largest table: a power of two, and a few words before them. */
static size_t buckets(void)
{
    return env_largest_zeroed() / sizeof(void *) / 64 * 64;
}

/* Pages 0 to `count` - 1, in an order in which neighbours are apart. */
static void get_all(struct page_cache *c, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = i * 7 % count;
        struct cache_page *page;
        assert_int_equal(page_cache_get(c, (uint64_t)index * CACHE_PAGE, 0, &page), OK);
        assert_int_equal(load_le32(page->bytes), index);
        page_cache_put(page);
    }
}

static void test_all_pages_are_found_as_the_table_grows(void **state)
{
    (void)state;
    struct page_cache *c = page_cache_make(&env_disk.dev);
    for (uint32_t count = 1; count < PAGES; count += count / 2 + 1) {
        get_all(c, count % 7 == 0 ? count + 1 : count);
    }
    get_all(c, PAGES);
    assert_int_equal(buckets(), 2048); /* as many places as pages */
    uint64_t requests = env_disk.requests;
    get_all(c, PAGES);
    assert_int_equal(env_disk.requests, requests);
    env_reclaim();
    get_all(c, PAGES);
    assert_true(env_disk.requests > requests);
    page_cache_free(c);
    assert_int_equal(env_live_objects(), 0);
}

/* Without memory for a larger table, chains get longer. */
static void test_a_table_that_cannot_grow(void **state)
{
    (void)state;
    struct page_cache *c = page_cache_make(&env_disk.dev);
    env_is_short = true; /* each allocation removes the clean pages first */
    get_all(c, PAGES);
    env_is_short = false;
    env_reclaim();
    get_all(c, 256);
    assert_int_equal(buckets(), 256); /* full */
    for (uint32_t i = 256; i < 500; i++) {
        struct cache_page *page;
        env_allocations_left = i < 400 ? 0 : (int)(i % 4);
        enum status s = page_cache_get(c, (uint64_t)i * CACHE_PAGE, 0, &page);
        env_allocations_left = -1;
        assert_int_equal(s, OK); /* with an older page, if there is no memory */
        assert_int_equal(load_le32(page->bytes), i);
        page_cache_put(page);
        assert_true(i >= 400 || buckets() == 256);
    }
    get_all(c, PAGES);
    assert_int_equal(buckets(), 2048); /* now there is memory */
    page_cache_free(c);
    assert_int_equal(env_live_objects(), 0);
}

static void make_dirty(struct page_cache *c, uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end; i++) {
        struct cache_page *page;
        assert_int_equal(page_cache_get_new(c, (uint64_t)i * CACHE_PAGE, &page), OK);
        store_le32(page->bytes, i);
        page_cache_dirty(c, page);
        page_cache_put(page);
    }
}

/* A file system asks for pages while it holds its lock. */
static void test_a_full_cache_writes_nothing_for_a_new_page(void **state)
{
    (void)state;
    env_pages = 1024;
    struct page_cache *c = page_cache_make(&env_disk.dev);
    uint32_t most = page_cache_capacity(c);
    assert_int_equal(page_cache_allow_writes(c), OK);
    make_dirty(c, 0, most + 44);
    assert_int_equal(env_disk.sectors_written, 0);
    page_cache_throttle(c); /* without the lock */
    assert_int_equal(env_disk.sectors_written, (most + 44) * (CACHE_PAGE / BLOCK_SECTOR));
    size_t objects = env_live_objects();
    make_dirty(c, most + 44, most + 88);
    assert_int_equal(env_live_objects(), objects - 44); /* it has its size again */
    make_dirty(c, most + 88, 2 * most);
    assert_int_equal(page_cache_pause(c), OK);
    assert_int_equal(env_disk.sectors_written, 2 * most * (CACHE_PAGE / BLOCK_SECTOR));
    page_cache_free(c);
}

/* Without memory, and with no clean page, an operation gets the pages that were set aside for it.
 * Only the start of the next one waits for the device. */
static void test_an_operation_never_waits_for_the_device_to_get_memory(void **state)
{
    (void)state;
    struct cache_page *page;
    const uint64_t sectors = CACHE_PAGE / BLOCK_SECTOR;
    env_pages = 1024;
    struct page_cache *c = page_cache_make(&env_disk.dev);
    uint32_t most = page_cache_capacity(c);
    assert_int_equal(page_cache_allow_writes(c), OK);
    assert_int_equal(page_cache_pause(c), OK);
    make_dirty(c, 0, most);
    env_allocations_left = 0;
    make_dirty(c, most, most + CACHE_RESERVE);
    uint64_t next = (uint64_t)(most + CACHE_RESERVE) * CACHE_PAGE;
    assert_int_equal(page_cache_get_new(c, next, &page), E_NOMEM);
    assert_int_equal(page_cache_get(c, next, 0, &page), E_NOMEM);
    assert_int_equal(env_disk.sectors_written, 0);
    assert_int_equal(page_cache_pause(c), OK); /* its pages become clean, and are set aside */
    assert_int_equal(env_disk.sectors_written, (most + CACHE_RESERVE) * sectors);
    make_dirty(c, most + CACHE_RESERVE, 2 * most + CACHE_RESERVE);
    assert_int_equal(env_disk.sectors_written, (most + CACHE_RESERVE) * sectors);
    page_cache_throttle(c); /* without the lock */
    assert_int_equal(env_disk.sectors_written, (2 * most + CACHE_RESERVE) * sectors);
    assert_int_equal(page_cache_pause(c), OK);
    env_disk.transfers_left = 0;
    make_dirty(c, 0, most);
    assert_int_equal(page_cache_pause(c), E_IO);
    env_disk.transfers_left = UINT64_MAX;
    env_allocations_left = -1;
    page_cache_free(c);
    assert_int_equal(env_live_objects(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_all_pages_are_found_as_the_table_grows, set_up),
        cmocka_unit_test_setup(test_a_table_that_cannot_grow, set_up),
        cmocka_unit_test_setup(test_a_full_cache_writes_nothing_for_a_new_page, set_up),
        cmocka_unit_test_setup(test_an_operation_never_waits_for_the_device_to_get_memory, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
