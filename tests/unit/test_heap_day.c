// SPDX-License-Identifier: MIT
//
// A day of mixed load on the heap of release builds, in fast time: 64 tides, 6.4 million steps, for
// each of four mixes of sizes and lifetimes, with some objects that stay all day. The ratio of the
// heap's pages to requested bytes is bounded at each high tide and levels off with age, and after
// the day only the staying objects occupy memory.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake.h"
#include "hal/bootinfo.h"
#include "hal/mmu.h"
#include "kernel/lib/compiler.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/mm/magazine.h"
#include "kernel/mm/vm.h"

#define TIDES         64u
#define SETTLED       16u /* tides; later the heap hardly grows */
#define STEPS_OF_TIDE 100000u
#define HIGH_BYTES    ((size_t)8 << 20) /* requested at high tide */
#define LOW_BYTES     (HIGH_BYTES / 8)
#define SLOTS         65536u
#define STAYS_ONE_IN  400u

struct mix {
    const char *name;
    unsigned small_of_8; /* of eight objects, the number below 1 KiB */
    unsigned shift_max;  /* the others are below 2^shift_max */
    bool is_fifo;        /* free the oldest first, otherwise any */
    unsigned grown_of_8; /* of eight steps, the number that enlarge an object */
    size_t most_percent; /* limit of page bytes for 100 requested bytes, at high tide */
};

static const struct mix mixes[] = {
    {"small objects", 8, 10, false, 0, 140},
    {"mixed objects", 6, 16, false, 0, 150},
    {"mixed objects, oldest first", 6, 16, true, 0, 150},
    {"growing objects", 5, 13, false, 3, 150},
};

static struct {
    void *p;
    size_t size;
    bool stays;
} slots[SLOTS];

static struct {
    size_t bytes, staying;
    unsigned oldest, youngest;
} live;

static uint32_t seed;

static uint32_t rnd(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)seed * n) >> 32);
}

static void set_up(void)
{
    static struct boot_info info;
    fake_reset();
    info = (struct boot_info){.range_count = 1,
                              .ranges = {{FAKE_RAM_BASE, FAKE_RAM_SIZE, BOOT_RAM}},
                              .early_base = FAKE_RAM_BASE,
                              .early_len = FAKE_RAM_SIZE};
    page_early_init(&info);
    hal_mmu_init(&info, HAL_DIRECT_BASE);
    page_init(&info);
    vm_init();
    heap_init();

    memset(slots, 0, sizeof(slots));
    memset(&live, 0, sizeof(live));
    seed = 1;
}

static size_t held_bytes(void)
{
    struct page_stats stats;
    page_get_stats(&stats);
    return stats.by_owner[PAGE_HEAP] * PAGE_SIZE;
}

/** 16 bytes and more, each power of two equally likely. */
static size_t random_size(const struct mix *m)
{
    unsigned shift = 4 + rnd((rnd(8) < m->small_of_8 ? 10 : m->shift_max) - 4);
    return ((size_t)1 << shift) + rnd(1u << shift);
}

static void give(unsigned i)
{
    heap_free(slots[i].p);
    live.bytes -= slots[i].size;
    live.staying -= slots[i].stays ? slots[i].size : 0;
    slots[i].p = NULL;
}

/** Free an object that does not stay: the oldest, or any. */
static void give_one(const struct mix *m)
{
    for (;;) {
        unsigned i = m->is_fifo ? live.oldest++ % SLOTS : rnd(SLOTS);
        if (slots[i].p != NULL && !slots[i].stays) {
            give(i);
            return;
        }
    }
}

static void take_one(const struct mix *m)
{
    unsigned i = live.youngest++ % SLOTS;
    if (slots[i].p != NULL) { /* it stays, or the slot is used again: try the next one */
        return;
    }
    size_t size = random_size(m);
    slots[i].p = heap_alloc(size);
    assert_non_null(slots[i].p);
    memset(slots[i].p, (int)i, size);
    slots[i].size = size;
    slots[i].stays = rnd(STAYS_ONE_IN) == 0;
    live.bytes += size;
    live.staying += slots[i].stays ? size : 0;
}

static void grow_one(void)
{
    unsigned i = rnd(SLOTS);
    if (slots[i].p == NULL || slots[i].stays || slots[i].size > 32768) {
        return;
    }
    size_t size = slots[i].size + rnd((uint32_t)slots[i].size);
    void *p = heap_realloc(slots[i].p, size);
    assert_non_null(p);
    live.bytes += size - slots[i].size;
    slots[i].p = p;
    slots[i].size = size;
}

static void step(const struct mix *m, size_t wanted)
{
    if (live.bytes > wanted) {
        give_one(m);
    } else if (rnd(8) < m->grown_of_8) {
        grow_one();
    } else {
        take_one(m);
    }
    if (rnd(2) == 0 &&
        live.bytes > LOW_BYTES + live.staying) { /* objects keep changing at a constant total */
        give_one(m);
    }
}

/** From low tide to high tide and back. @return bytes of pages for 100 requested
 * bytes, at the highest point. */
static size_t go_through_tide(const struct mix *m)
{
    size_t percent = 0;
    for (unsigned i = 0; i < STEPS_OF_TIDE; i++) {
        unsigned half = STEPS_OF_TIDE / 2, height = i < half ? i : STEPS_OF_TIDE - i;
        step(m, live.staying + LOW_BYTES + (HIGH_BYTES - LOW_BYTES) / half * height);
        if (i == half) {
            percent = held_bytes() * 100 / live.bytes;
        }
    }
    return percent;
}

static void give_all(bool with_those_that_stay)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        if (slots[i].p != NULL && (with_those_that_stay || !slots[i].stays)) {
            give(i);
        }
    }
    magazine_empty_all();
}

static void live_through_day(const struct mix *m)
{
    size_t first = 0, settled = 0, last = 0;
    set_up();
    size_t before = held_bytes();
    for (unsigned tide = 0; tide < TIDES; tide++) {
        last = go_through_tide(m);
        first = tide == 0 ? last : first;
        settled = tide == SETTLED ? last : settled;
        assert_in_range(last, 100, m->most_percent);
    }
    give_all(false);
    size_t staying = live.staying, held = held_bytes() - before;
    printf("%s: %zu.%02zu bytes of pages a byte at the first high tide, %zu.%02zu at the 17th, "
           "%zu.%02zu at the last; %zu KiB stay, and hold %zu\n",
           m->name, first / 100, first % 100, settled / 100, settled % 100, last / 100, last % 100,
           staying >> 10, held >> 10);
    assert_true(last <= settled + settled / 10);
    give_all(true);
    assert_true(held_bytes() <= before + 24 * 4 * PAGE_SIZE); /* an empty slab of each class */
    struct heap_stats stats;
    heap_get_stats(&stats);
    assert_int_equal(stats.live_objects, 0);
}

static void test_a_day_of_mixed_load(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(mixes); i++) {
        live_through_day(&mixes[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_day_of_mixed_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
