// SPDX-License-Identifier: MIT
//
// The random generator and its sources. The test includes the generator's own file to inspect its
// key: it recomputes the sequence of keys with the block function, which has tests of its own.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/world.h"
#include "kernel/io/random.c"
#include "kernel/sched/thread.h"

struct own {
    struct entropy_source source;
    unsigned calls;
    size_t limit;        /* bytes of one call */
    enum status failure; /* returned instead of bytes */
    uint8_t fill;
    bool sleeps;
};

static enum status read_own(struct entropy_source *self, uint8_t *buf, size_t len, size_t *got)
{
    struct own *o = CONTAINER_OF(self, struct own, source);
    o->calls++;
    if (o->sleeps) {
        world_note("in");
        (void)thread_sleep(NS_PER_MS);
        world_note("out");
    }
    if (o->failure != OK) {
        return o->failure;
    }
    *got = MIN(len, o->limit);
    memset(buf, o->fill, *got);
    return OK;
}

static struct own new_source(void)
{
    return (struct own){.source = {.name = "own", .read = read_own}, .limit = 1000, .fill = 0x5a};
}

static int set_up(void **state)
{
    (void)state;
    memset(generator.key, 0, sizeof(generator.key));
    generator.produced_since = 0;
    generator.asked = generator.given = generator.reseeds = generator.produced = 0;
    generator.seed_bytes = 0;
    generator.loaders = 0;
    generator.has_new = false;
    generator.seeded_ns = clock_now_ns();
    fake_entropy_left = 0;
    fake_console_clear();
    world_forget_notes();
    return 0;
}

/* The block that the generator produces from a key at this moment. */
static void block_of(const uint8_t *key, uint8_t *block)
{
    uint8_t nonce[CHACHA20_NONCE_BYTES] = {0};
    store_le64(nonce, hal_counter_read());
    chacha20_block(key, 0, nonce, block);
}

static bool holds(const void *where, size_t len, const void *bytes, size_t count)
{
    for (size_t i = 0; i + count <= len; i++) {
        if (memcmp((const uint8_t *)where + i, bytes, count) == 0) {
            return true;
        }
    }
    return false;
}

static void test_the_key_is_replaced_before_bytes_are_returned(void **state)
{
    (void)state;
    uint8_t key[CHACHA20_KEY_BYTES], block[CHACHA20_BLOCK_BYTES], given[CHACHA20_KEY_BYTES];
    static const size_t lengths[] = {0, 1, 31, 32};
    for (size_t i = 0; i < ARRAY_COUNT(lengths); i++) {
        memcpy(key, generator.key, sizeof(key));
        block_of(key, block);
        random_bytes(given, lengths[i]);
        assert_memory_equal(generator.key, block, sizeof(key));
        assert_memory_equal(given, block + CHACHA20_KEY_BYTES, lengths[i]);
    }
    assert_false(holds(&generator, sizeof(generator), given, 8));
    assert_false(holds(&generator, sizeof(generator), key, 8));
}

static void test_long_output_comes_from_a_one_time_key(void **state)
{
    (void)state;
    static const uint8_t nonce[CHACHA20_NONCE_BYTES];
    uint8_t block[CHACHA20_BLOCK_BYTES], next[CHACHA20_BLOCK_BYTES], given[200];
    block_of(generator.key, block);
    random_bytes(given, sizeof(given));
    for (uint32_t i = 0; i < sizeof(given); i++) {
        if (i % sizeof(next) == 0) {
            chacha20_block(block + CHACHA20_KEY_BYTES, i / (uint32_t)sizeof(next), nonce, next);
        }
        assert_int_equal(given[i], next[i % sizeof(next)]);
    }
    assert_memory_equal(generator.key, block, CHACHA20_KEY_BYTES);
    assert_false(holds(&generator, sizeof(generator), block + CHACHA20_KEY_BYTES, 8));
    struct random_stats stats;
    random_get_stats(&stats);
    assert_int_equal(stats.produced, sizeof(given));
}

static void test_the_same_key_at_another_time_gives_other_bytes(void **state)
{
    (void)state;
    uint8_t one[32], other[32];
    random_bytes(one, sizeof(one));
    /* as in a machine that is restored twice from one snapshot */
    memset(generator.key, 0, sizeof(generator.key));
    world_spend(NS_PER_MS, WORLD_KERNEL_PC);
    random_bytes(other, sizeof(other));
    assert_memory_not_equal(one, other, sizeof(one));
}

/* --- sources --- */

static void test_a_source_is_asked_for_a_seed_and_changes_the_key(void **state)
{
    (void)state;
    struct own o = new_source();
    uint8_t expected[CHACHA20_BLOCK_BYTES], key[CHACHA20_KEY_BYTES];
    o.limit = 20; /* in pieces */
    random_add_source(&o.source);
    for (size_t i = 0; i < sizeof(key); i++) {
        key[i] = generator.key[i] ^ o.fill;
    }
    block_of(key, expected);
    assert_int_equal(random_reseed(), RANDOM_SEED_BYTES);
    assert_memory_equal(generator.key, expected, CHACHA20_KEY_BYTES);
    assert_int_equal(o.calls, 2);
    assert_int_equal(o.source.asked, RANDOM_SEED_BYTES);
    assert_int_equal(o.source.given, RANDOM_SEED_BYTES);
    random_remove_source(&o.source);
    assert_int_equal(random_reseed(), 0);
    assert_int_equal(o.calls, 2);
}

static void test_a_failing_source_removes_nothing(void **state)
{
    (void)state;
    struct own bad = new_source(), good = new_source();
    bad.failure = E_IO;
    random_add_source(&bad.source);
    random_add_source(&good.source);
    assert_int_equal(random_reseed(), RANDOM_SEED_BYTES);
    assert_int_equal(bad.source.failures, 1);
    assert_int_equal(bad.source.last_error, E_IO);
    assert_int_equal(bad.source.given, 0);
    assert_int_equal(good.source.failures, 0);
    struct random_stats stats;
    random_get_stats(&stats);
    assert_int_equal(stats.asked, 2 * RANDOM_SEED_BYTES);
    assert_int_equal(stats.given, RANDOM_SEED_BYTES);
    assert_int_equal(stats.reseeds, 1);
    random_remove_source(&bad.source);
    random_remove_source(&good.source);
}

static void test_sources_are_read_when_a_reseed_is_due(void **state)
{
    (void)state;
    static uint8_t much[RESEED_BYTES];
    struct own o = new_source();
    uint8_t buf[8];
    random_add_source(&o.source);
    random_fill(buf, sizeof(buf)); /* reseeded */
    assert_int_equal(o.calls, 1);
    random_fill(buf, sizeof(buf));
    assert_int_equal(o.calls, 1);

    random_bytes(much, RESEED_BYTES - 2 * sizeof(buf) - 1);
    random_fill(buf, 1);
    assert_int_equal(o.calls, 1);
    random_fill(buf, 1); /* a mebibyte was produced */
    assert_int_equal(o.calls, 2);

    world_spend(RESEED_NS - 2, WORLD_KERNEL_PC);
    random_fill(buf, sizeof(buf));
    assert_int_equal(o.calls, 2);
    world_spend(NS_PER_S, WORLD_KERNEL_PC); /* five minutes have passed */
    random_fill(buf, sizeof(buf));
    assert_int_equal(o.calls, 3);
    random_remove_source(&o.source);
}

static void reseed(void *arg)
{
    *(size_t *)arg = random_reseed();
    thread_exit(0);
}

static void test_a_source_is_removed_when_it_is_not_read(void **state)
{
    (void)state;
    struct own o = new_source();
    size_t got = 0;
    o.sleeps = true;
    random_add_source(&o.source);
    struct thread *t = world_thread("reader", PRIO_NORMAL, reseed, &got);
    thread_yield();
    assert_string_equal(world_notes(), "in");
    assert_int_equal(random_reseed(), 0); /* another thread is reseeding: this call does not wait */
    random_remove_source(&o.source);
    assert_string_equal(world_notes(), "in out");
    (void)world_join(t);
    assert_int_equal(got, RANDOM_SEED_BYTES);
    assert_int_equal(o.calls, 1);
}

static void test_a_source_that_is_added_during_a_read(void **state)
{
    (void)state;
    struct own slow = new_source(), late = new_source();
    size_t got = 0;
    slow.sleeps = true;
    random_add_source(&slow.source);
    struct thread *t = world_thread("reader", PRIO_NORMAL, reseed, &got);
    thread_yield();
    random_add_source(&late.source);
    (void)world_join(t);
    assert_int_equal(got, 2 * RANDOM_SEED_BYTES);
    assert_int_equal(late.calls, 1);
    random_remove_source(&slow.source);
    random_remove_source(&late.source);
}

/* --- the first seed --- */

#define JITTER_ONLY "no entropy source: seeded from timer jitter only"

static struct boot_seed seed_of(uint32_t len)
{
    struct boot_seed seed = {.len = len};
    memset(seed.bytes, 0xa7, len);
    return seed;
}

static void test_the_loaders_seed_is_used_and_cleared(void **state)
{
    (void)state;
    static const uint8_t zeroes[BOOT_SEED_MAX];
    uint8_t without[CHACHA20_KEY_BYTES];
    struct boot_seed none = {.len = 0}, seed = seed_of(BOOT_SEED_MAX);
    assert_false(random_early_init(&none));
    random_init();
    memcpy(without, generator.key, sizeof(without));

    (void)set_up(NULL);
    /* The same time and the same jitter, because the fake's clock stands still. */
    assert_true(random_early_init(&seed));
    random_init();
    assert_memory_not_equal(generator.key, without, sizeof(without));
    assert_memory_equal(seed.bytes, zeroes, sizeof(zeroes));
    assert_int_equal(seed.len, 0);
    assert_null(strstr(fake_console_text(), JITTER_ONLY));
    struct random_stats stats;
    random_get_stats(&stats);
    assert_int_equal(stats.loaders, BOOT_SEED_MAX);
    assert_false(stats.is_jitter_only);
}

/* Half a seed does not count. */
static void test_a_seed_from_jitter_alone_is_reported(void **state)
{
    (void)state;
    struct random_stats stats;
    for (uint32_t len = 0; len <= RANDOM_SEED_BYTES; len += RANDOM_SEED_BYTES / 2) {
        (void)set_up(NULL);
        struct boot_seed seed = seed_of(len);
        assert_int_equal(random_early_init(&seed), len > 0);
        random_init();
        random_get_stats(&stats);
        assert_int_equal(stats.is_jitter_only, len < RANDOM_SEED_BYTES);
        assert_int_equal(strstr(fake_console_text(), JITTER_ONLY) != NULL, len < RANDOM_SEED_BYTES);
        assert_int_equal(stats.loaders, len);
    }
}

/* This test must be the last: the CPU stays in the list of sources. */
static void test_a_cpu_with_a_random_generator_is_a_source(void **state)
{
    (void)state;
    struct boot_seed none = {.len = 0};
    fake_entropy_left = 1000;
    assert_true(random_early_init(&none));
    random_init();
    struct random_stats stats;
    random_get_stats(&stats);
    assert_false(stats.is_jitter_only);
    assert_int_equal(stats.given, RANDOM_SEED_BYTES);
    assert_int_equal(random_reseed(), RANDOM_SEED_BYTES);
    fake_entropy_left = 0; /* it has no more bytes */
    assert_int_equal(random_reseed(), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        TEST(test_the_key_is_replaced_before_bytes_are_returned),
        TEST(test_long_output_comes_from_a_one_time_key),
        TEST(test_the_same_key_at_another_time_gives_other_bytes),
        TEST(test_a_source_is_asked_for_a_seed_and_changes_the_key),
        TEST(test_a_failing_source_removes_nothing),
        TEST(test_sources_are_read_when_a_reseed_is_due),
        TEST(test_a_source_is_removed_when_it_is_not_read),
        TEST(test_a_source_that_is_added_during_a_read),
        TEST(test_the_loaders_seed_is_used_and_cleared),
        TEST(test_a_seed_from_jitter_alone_is_reported),
        TEST(test_a_cpu_with_a_random_generator_is_a_source),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
