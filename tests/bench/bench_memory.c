// SPDX-License-Identifier: MIT
//
// Memory: heap, page allocator, address ranges, and copying.
#include "hal/cpu.h"
#include "kernel/base/assert.h"
#include "kernel/base/clock.h"
#include "kernel/fault/fault.h"
#include "kernel/sched/pin.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/timer.h"
#include "tests/bench/benches.h"

#define ROUNDS    11 /* the median is reported; the first rounds also warm up */
#define PER_ROUND 1000u

/** Thousandths of a nanosecond for one of `count` operations. */
static uint64_t each_milli(uint64_t ticks, uint64_t count)
{
    return clock_counter_to_ns(ticks * 1000) / count;
}

static uint32_t seed;

static uint32_t random_below(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)seed * n >> 32);
}

/** 16 bytes to 64 KiB, each power of two equally likely. */
static size_t random_size(unsigned shift_max)
{
    unsigned shift = 4 + random_below(shift_max - 4);
    return ((size_t)1 << shift) + random_below(1u << shift);
}

static void *must(void *p)
{
    if (p == NULL) {
        panic("bench: no memory");
    }
    return p;
}

static void must_be_ok(enum status s)
{
    if (s != OK) {
        panic("bench: %s", status_text(s));
    }
}

/* --- heap: calls that the compiler can neither inline nor specialize by size --- */

#define LIVE_OBJECTS 10000u

static void *(*volatile opaque_alloc)(size_t size) = heap_alloc;
static void (*volatile opaque_free)(void *p) = heap_free;

static void bench_heap_pair(void)
{
    uint64_t values[ROUNDS];
    void **live = must(heap_calloc(LIVE_OBJECTS, sizeof(*live)));
    seed = 1;
    for (unsigned i = 0; i < LIVE_OBJECTS; i++) {
        live[i] = must(heap_alloc(random_size(10)));
    }

    volatile size_t size = 64;
    void *(*alloc)(size_t) = opaque_alloc;
    void (*release)(void *) = opaque_free;
    for (unsigned r = 0; r < ROUNDS; r++) {
        uint64_t begin = hal_counter_read();
        for (unsigned i = 0; i < PER_ROUND; i++) {
            release(alloc(size));
        }
        values[r] = each_milli(hal_counter_read() - begin, PER_ROUND);
    }
    for (unsigned i = 0; i < LIVE_OBJECTS; i++) {
        heap_free(live[i]);
    }
    heap_free(live);
    bench_report("heap.pair64_ns", bench_median(values, ROUNDS), "ns");
}

#define SLOTS      256u
#define OPERATIONS 4000u

/** One step of the load: free the object in the slot, or allocate one of this size into it. */
struct step {
    uint16_t slot;
    uint32_t size;
};

static void bench_heap_mixed(void)
{
    uint64_t values[ROUNDS];
    struct step *steps = must(heap_calloc(OPERATIONS, sizeof(*steps)));
    void **slots = must(heap_calloc(SLOTS, sizeof(*slots)));
    seed = 2;
    for (unsigned i = 0; i < OPERATIONS; i++) { /* outside the measured time */
        steps[i] =
            (struct step){.slot = (uint16_t)random_below(SLOTS), .size = (uint32_t)random_size(16)};
    }

    for (unsigned r = 0; r < ROUNDS; r++) {
        uint64_t begin = hal_counter_read();
        for (unsigned i = 0; i < OPERATIONS; i++) {
            void **slot = &slots[steps[i].slot];
            if (*slot != NULL) {
                heap_free(*slot);
                *slot = NULL;
            } else {
                *slot = must(heap_alloc(steps[i].size));
            }
        }
        values[r] = each_milli(hal_counter_read() - begin, OPERATIONS);
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        heap_free(slots[i]);
    }
    heap_free(slots);
    heap_free(steps);
    bench_report("heap.mixed_ns", bench_median(values, ROUNDS), "ns");
}

#define MANY_BYTES ((size_t)48 << 20) /* total size of the objects; there are at most MANY */
#define MANY       40000u

/* Allocate many at once and free them in random order. Each call is timed by itself, and
 * nothing is prepared for it: slabs are created and destroyed, runs are split and merged,
 * magazines and depots are full. */
static uint64_t worst_of_many(size_t size_max, bool is_mixed)
{
    unsigned count = (unsigned)MIN(MANY_BYTES / size_max, (size_t)MANY);
    void **objects = must(vm_alloc(count * sizeof(*objects), PAGE_OTHER, "bench"));
    uint64_t worst = 0;
    for (unsigned i = 0; i < count; i++) {
        size_t size = is_mixed ? random_size(16) : size_max;
        irq_state_t state = hal_irq_save();
        uint64_t begin = hal_counter_read();
        objects[i] = heap_alloc(size);
        worst = MAX(worst, hal_counter_read() - begin);
        hal_irq_restore(state);
        (void)must(objects[i]);
    }
    for (unsigned left = count; left > 0; left--) {
        unsigned at = random_below(left);
        irq_state_t state = hal_irq_save();
        uint64_t begin = hal_counter_read();
        heap_free(objects[at]);
        worst = MAX(worst, hal_counter_read() - begin);
        hal_irq_restore(state);
        objects[at] = objects[left - 1];
    }
    vm_free(objects);
    return worst;
}

static void bench_heap_worst(void)
{
    static const size_t sizes[] = {16, 64, 256, 1024, 2048, 4096, 8192, 65536};
    uint64_t worst = 0;
    seed = 3;
    for (unsigned i = 0; i < ARRAY_COUNT(sizes); i++) {
        worst = MAX(worst, worst_of_many(sizes[i], false));
    }
    worst = MAX(worst, worst_of_many(16384, true));
    bench_report("heap.worst_ns", each_milli(worst, 1), "ns");
}

/* --- page allocator --- */

static void bench_page_pair(void)
{
    uint64_t values[ROUNDS];
    for (unsigned r = 0; r < ROUNDS; r++) {
        uint64_t begin = hal_counter_read();
        for (unsigned i = 0; i < PER_ROUND; i++) {
            paddr_t frame;
            must_be_ok(page_alloc(0, PAGE_OTHER, &frame));
            page_free(frame, 0);
        }
        values[r] = each_milli(hal_counter_read() - begin, PER_ROUND);
    }
    bench_report("page.pair_ns", bench_median(values, ROUNDS), "ns");
}

static void bench_page_burst(void)
{
    uint64_t values[ROUNDS];
    paddr_t *frames = must(heap_calloc(PER_ROUND, sizeof(*frames)));
    for (unsigned r = 0; r < ROUNDS; r++) {
        uint64_t begin = hal_counter_read();
        for (unsigned i = 0; i < PER_ROUND; i++) {
            must_be_ok(page_alloc(0, PAGE_OTHER, &frames[i]));
        }
        for (unsigned i = 0; i < PER_ROUND; i++) {
            page_free(frames[i], 0);
        }
        values[r] = each_milli(hal_counter_read() - begin, PER_ROUND);
    }
    heap_free(frames);
    bench_report("page.burst1000_ns", bench_median(values, ROUNDS), "ns");
}

/* --- address ranges --- */

static void bench_vm_map_page(void)
{
    uint64_t values[ROUNDS];
    const struct vm_request request = {.pages = 1, .region = HAL_REGION_VM, .name = "bench"};
    paddr_t frame;
    must_be_ok(page_alloc(0, PAGE_OTHER, &frame));
    for (unsigned r = 0; r < ROUNDS; r++) {
        uint64_t begin = hal_counter_read();
        for (unsigned i = 0; i < PER_ROUND; i++) {
            struct vm_range range;
            must_be_ok(vm_reserve(&range, &request));
            must_be_ok(vm_map_frames(&range, 0, frame, 1, PROT_R | PROT_W));
            *(volatile uint64_t *)range.base = i;
            vm_unmap(&range, 0, 1, false);
            vm_release(&range);
        }
        values[r] = each_milli(hal_counter_read() - begin, PER_ROUND);
    }
    page_free(frame, 0);
    bench_report("vm.map_page_ns", bench_median(values, ROUNDS), "ns");
}

static paddr_t fault_frame;

static bool map_on_fault(struct vm_range *range, struct fault *fault)
{
    (void)fault;
    return vm_map_frames(range, 0, fault_frame, 1, PROT_R | PROT_W) == OK;
}

static void bench_vm_fault(void)
{
    uint64_t values[ROUNDS];
    const struct vm_request request = {.pages = 1, .region = HAL_REGION_VM, .name = "bench"};
    struct vm_range range;
    must_be_ok(page_alloc(0, PAGE_OTHER, &fault_frame));
    must_be_ok(vm_reserve(&range, &request));
    range.fault = map_on_fault;
    for (unsigned r = 0; r < ROUNDS; r++) {
        uint64_t ticks = 0;
        for (unsigned i = 0; i < PER_ROUND; i++) {
            uint64_t begin = hal_counter_read();
            *(volatile uint64_t *)range.base = i;
            ticks += hal_counter_read() - begin;
            vm_unmap(&range, 0, 1, false);
        }
        values[r] = each_milli(ticks, PER_ROUND);
    }
    pin_leave_range(&range);
    vm_release(&range);
    page_free(fault_frame, 0);
    bench_report("vm.fault_ns", bench_median(values, ROUNDS), "ns");
}

#define TOUCHES 16u
#define TOUCHED ((size_t)16) /* pages that one touch clears and maps */

/* The first touch of 64 KiB of a portable program's memory. */
static void bench_vm_touch(void)
{
    uint64_t values[ROUNDS];
    const struct vm_request request = {
        .pages = TOUCHES * TOUCHED, .region = HAL_REGION_PROGRAM, .name = "bench"};
    struct vm_range range;
    must_be_ok(vm_reserve(&range, &request));
    for (unsigned r = 0; r < ROUNDS; r++) {
        must_be_ok(vm_commit(&range, 0, request.pages, PAGE_OTHER));
        uint64_t begin = hal_counter_read();
        for (unsigned i = 0; i < TOUCHES; i++) {
            *(volatile uint64_t *)(range.base + i * TOUCHED * PAGE_SIZE) = i;
        }
        values[r] = each_milli(hal_counter_read() - begin, TOUCHES);
        vm_unmap(&range, 0, request.pages, true);
    }
    vm_release(&range);
    bench_report("vm.touch_ns", bench_median(values, ROUNDS), "ns");
}

/* A timer that is always due measures the longest time with interrupts masked. */
#define RELEASED  ((size_t)64 << 20)
#define PERIOD_NS (10 * NS_PER_US)

struct lateness {
    struct timer timer;
    uint64_t worst_ns;
};

static void note_lateness(struct timer *t)
{
    struct lateness *l = CONTAINER_OF(t, struct lateness, timer);
    uint64_t now = clock_now_ns();
    l->worst_ns = MAX(l->worst_ns, now - t->deadline_ns);
    t->deadline_ns = now + PERIOD_NS;
    timer_start(t);
}

static void bench_vm_release(void)
{
    struct lateness l = {.timer = {.fire = note_lateness}};
    void *p = must(vm_alloc(RELEASED, PAGE_OTHER, "bench"));
    l.timer.deadline_ns = clock_now_ns() + PERIOD_NS;
    timer_start(&l.timer);
    vm_free(p);
    (void)timer_cancel(&l.timer);
    bench_report("vm.release_masked_ns", l.worst_ns * 1000, "ns");
}

/* --- copying --- */

#define BUFFER  ((size_t)1 << 20)
#define REPEATS 4u

/** Thousandths of a megabyte (10^6 bytes) a second. */
static uint64_t speed_milli(uint64_t bytes, uint64_t ticks)
{
    uint64_t ns = clock_counter_to_ns(ticks);
    return bytes * 1000000 / (ns > 0 ? ns : 1);
}

static void bench_memory(void)
{
    uint64_t small[ROUNDS], large[ROUNDS], set[ROUNDS];
    uint8_t *from = must(vm_alloc(BUFFER, PAGE_OTHER, "bench"));
    uint8_t *to = must(vm_alloc(BUFFER, PAGE_OTHER, "bench"));
    for (unsigned r = 0; r < ROUNDS; r++) {
        uint64_t begin = hal_counter_read();
        for (unsigned i = 0; i < BUFFER / 4096; i++) {
            memcpy(to, from, 4096);
        }
        small[r] = speed_milli(BUFFER, hal_counter_read() - begin);

        begin = hal_counter_read();
        for (unsigned i = 0; i < REPEATS; i++) {
            memcpy(to, from, BUFFER);
        }
        large[r] = speed_milli(REPEATS * BUFFER, hal_counter_read() - begin);

        begin = hal_counter_read();
        for (unsigned i = 0; i < REPEATS; i++) {
            memset(to, (int)r, BUFFER);
        }
        set[r] = speed_milli(REPEATS * BUFFER, hal_counter_read() - begin);
    }
    vm_free(from);
    vm_free(to);
    bench_report("mem.copy4k_mbps", bench_median(small, ROUNDS), "MB/s");
    bench_report("mem.copy1m_mbps", bench_median(large, ROUNDS), "MB/s");
    bench_report("mem.set1m_mbps", bench_median(set, ROUNDS), "MB/s");
}

const struct kernel_bench memory_benches[] = {
    {"heap.pair64_ns", bench_heap_pair},
    {"heap.mixed_ns", bench_heap_mixed},
    {"heap.worst_ns", bench_heap_worst},
    {"page.pair_ns", bench_page_pair},
    {"page.burst1000_ns", bench_page_burst},
    {"vm.map_page_ns", bench_vm_map_page},
    {"vm.fault_ns", bench_vm_fault},
    {"vm.touch_ns", bench_vm_touch},
    {"vm.release_masked_ns", bench_vm_release},
    {"mem.copy4k_mbps mem.copy1m_mbps mem.set1m_mbps", bench_memory},
    {0},
};
