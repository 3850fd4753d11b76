// SPDX-License-Identifier: MIT
//
// The per-CPU magazines of the heap and of pages: allocating and freeing without a lock, with
// interrupts enabled, from threads and from interrupt handlers.
#include "hal/cpu.h"
#include "hal/smp.h"
#include "hal/trap.h"
#include "kernel/base/clock.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/timer.h"
#include "kernel/test/test.h"
#include "tests/kernel/tests.h"

#include <stdatomic.h>

/* Defined by the machine: the instruction after which each operation is complete. */
extern const char hal_magazine_pop_done[], hal_magazine_push_done[];

static uintptr_t restarted(uintptr_t pc)
{
    static struct hal_frame frame;
    hal_frame_set_pc(&frame, pc);
    hal_frame_restart(&frame);
    return hal_frame_pc(&frame);
}

static void check_restarts(uintptr_t begin, uintptr_t done)
{
    TEST_CHECK(done > begin && done - begin < 128);
    for (uintptr_t pc = begin; pc < done; pc++) {
        TEST_EQUAL(restarted(pc), begin);
    }
    TEST_EQUAL(restarted(done), done);
    TEST_EQUAL(restarted(begin - 1), begin - 1);
}

static void an_interrupted_operation_starts_again(void)
{
    check_restarts((uintptr_t)hal_magazine_pop, (uintptr_t)hal_magazine_pop_done);
    check_restarts((uintptr_t)hal_magazine_push, (uintptr_t)hal_magazine_push_done);
}

/* --- no object has two owners --- */

#define HOLDERS 4u /* threads; the interrupt handler is one more */
#define HELD    8u
#define BYTES   ((size_t)48)
#define ROUNDS  2000u
#define TICK_NS (20 * NS_PER_US)

/** Holds objects and pages for a while and writes its mark into each. */
struct holder {
    uint64_t *objects[HELD];
    paddr_t pages[HELD];
    bool has_page[HELD];
    uint64_t mark;
    uint64_t wrong; /* times that another holder's mark was found */
};

static uint64_t *page_word(paddr_t page)
{
    return hal_direct(page);
}

static void take(struct holder *h, unsigned i)
{
    h->objects[i] = heap_alloc(BYTES);
    if (h->objects[i] != NULL) {
        h->objects[i][0] = h->mark;
    }
    h->has_page[i] = page_alloc(0, PAGE_OTHER, &h->pages[i]) == OK;
    if (h->has_page[i]) {
        *page_word(h->pages[i]) = h->mark;
    }
}

static void give(struct holder *h, unsigned i)
{
    if (h->objects[i] != NULL) {
        h->wrong += h->objects[i][0] != h->mark;
        heap_free(h->objects[i]);
        h->objects[i] = NULL;
    }
    if (h->has_page[i]) {
        h->wrong += *page_word(h->pages[i]) != h->mark;
        page_free(h->pages[i], 0);
        h->has_page[i] = false;
    }
}

static void give_all(struct holder *h)
{
    for (unsigned i = 0; i < HELD; i++) {
        give(h, i);
    }
}

static struct holder by_thread[HOLDERS], by_interrupt;
static _Atomic bool is_over;

struct tick {
    struct timer timer;
    unsigned count;
};

/* Allocates, and frees six interrupts later: the interrupted code finds fewer or more objects
 * in its magazine than before. */
static void tick(struct timer *t)
{
    struct tick *tick = CONTAINER_OF(t, struct tick, timer);
    unsigned i = tick->count % HELD;
    if (tick->count / HELD % 2 == 0) {
        take(&by_interrupt, i);
    } else {
        give(&by_interrupt, i);
    }
    if (++tick->count < ROUNDS) {
        t->deadline_ns = clock_now_ns() + TICK_NS;
        timer_start(t);
    } else {
        atomic_store(&is_over, true);
    }
}

/* The first thread preempts the others and holds objects while it sleeps; the
 * others share CPUs and migrate. */
static void hold(void *arg)
{
    struct holder *h = arg;
    for (unsigned i = 0; !atomic_load(&is_over); i++) {
        give(h, i % HELD);
        take(h, i % HELD);
        if (h == &by_thread[0] && i % HELD == 0) {
            (void)thread_sleep(TICK_NS);
            give_all(h);
        }
    }
    give_all(h);
}

static void no_object_has_two_owners(void)
{
    struct thread *threads[HOLDERS] = {0};
    struct heap_stats before, after;
    (void)thread_trim(); /* here and at the end, so that cached threads do not count */
    heap_get_stats(&before);
    memset(by_thread, 0, sizeof(by_thread));
    by_interrupt = (struct holder){.mark = HOLDERS};
    atomic_store(&is_over, false);
    for (unsigned i = 0; i < HOLDERS; i++) {
        by_thread[i].mark = i;
        const struct thread_options options = {.name = "holder",
                                               .entry = hold,
                                               .arg = &by_thread[i],
                                               .placement = i < 2 ? THREAD_HERE : THREAD_ANYWHERE,
                                               .priority = PRIO_NORMAL - (i == 0 ? 0 : 1)};
        TEST_EQUAL(thread_create(&options, &threads[i]), OK);
    }
    struct tick t = {.timer = {.fire = tick}};
    t.timer.deadline_ns = clock_now_ns() + TICK_NS;
    timer_start(&t.timer);
    for (unsigned i = 0; i < HOLDERS; i++) {
        if (threads[i] != NULL) {
            TEST_EQUAL(test_join(threads[i], NULL), OK);
            TEST_EQUAL(by_thread[i].wrong, 0);
        }
    }
    (void)timer_cancel(&t.timer);
    give_all(&by_interrupt);
    TEST_EQUAL(by_interrupt.wrong, 0);
    TEST_EQUAL(t.count, ROUNDS);
    (void)thread_trim();
    heap_get_stats(&after);
    TEST_EQUAL(after.live_bytes, before.live_bytes);
}

const struct kernel_test magazine_tests[] = {
    {"magazine.an_interrupted_operation_starts_again", an_interrupted_operation_starts_again,
     TEST_ON_CPUS},
    {"magazine.no_object_has_two_owners", no_object_has_two_owners, TEST_ON_CPUS},
    {0},
};
