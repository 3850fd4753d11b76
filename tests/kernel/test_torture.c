// SPDX-License-Identifier: MIT
//
// The allocators, used from all CPUs at once in an order that a seed chooses: heap objects, runs of
// frames and address ranges of random sizes, each filled with its own pattern. They pass from CPU
// to CPU through shared slots, so that most are freed on another CPU than the one that allocated
// them; the pattern is checked then. At the end all counters are as before.
#include "hal/irq.h"
#include "hal/smp.h"
#include "kernel/base/clock.h"
#include "kernel/lib/compiler.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/thread.h"
#include "kernel/tty/console.h"
#include "tests/kernel/program_runs.h"
#include "tests/kernel/tests.h"

#include <stdatomic.h>

#define THREADS_MAX   64u
#define SLOTS         64u
#define STEPS         2500u /* of all threads together */
#define STEPS_WARM    200u
#define LONG_NS       (180 * NS_PER_S)
#define LARGEST       ((uint64_t)PAGE_SIZE << PAGE_ORDER_MAX)
#define RANGE_PAGES   24u
#define COMMIT_PAGES  16u /* 64 KiB, which one touch maps */
#define PATTERN_STEP  UINT64_C(0x9e3779b97f4a7c15)
#define BYTES_IN_WORD sizeof(uint64_t)

enum kind {
    OBJECT,
    RUN,       /* run of frames in the direct map */
    BUFFER,    /* vm_alloc() */
    RANGE,     /* range with frames of its own */
    ALIAS,     /* frames that are mapped a second time */
    COMMITTED, /* frames that are mapped when they are touched */
    KINDS,
};

/** At the start of each allocation; the pattern follows. */
struct piece {
    uint16_t kind, order; /* of a run */
    uint32_t len;         /* bytes, including this header */
    uint64_t seed;
};

/** A range's piece lies in its first page and must lead to the range. */
struct range_piece {
    struct piece piece;
    struct vm_range range;
    paddr_t frames; /* of ALIAS */
    size_t cut;     /* page where it is split: mapped in two parts, it is unmapped in two */
};

/** [a] atomic: exchanged with acq_rel, which also orders the contents, so that one
 * thread at a time owns a piece */
static _Atomic(struct piece *) slots[SLOTS];

struct torturer {
    uint32_t seed;
    cpu_t self;
    unsigned steps;
    unsigned kinds[KINDS], refused, moved, remote; /* times */
};

static uint32_t draw(struct torturer *t, uint32_t below)
{
    t->seed = t->seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(t->seed >> 8) * below >> 24);
}

/* Equally many sizes of each power of two, up to 2^bits. */
static size_t draw_size(struct torturer *t, unsigned bits)
{
    size_t size = (size_t)1 << draw(t, bits);
    return sizeof(struct piece) + size + draw(t, (uint32_t)size);
}

/* ---- Patterns ---- */

/* @return false: the first `len` bytes are not the pattern. */
static bool is_pattern(const void *at, size_t len, uint64_t seed)
{
    const uint64_t *words = at;
    size_t count = len / BYTES_IN_WORD;
    uint64_t wrong = 0;
    for (size_t i = 0; i < count; i++, seed += PATTERN_STEP) {
        wrong |= words[i] ^ seed;
    }
    const uint8_t *rest = (const uint8_t *)(words + count);
    for (size_t i = 0; i < len % BYTES_IN_WORD; i++) {
        wrong |= rest[i] ^ (uint8_t)(seed >> 8 * i);
    }
    return wrong == 0;
}

static void write_pattern(void *at, size_t len, uint64_t seed)
{
    uint64_t *words = at;
    size_t count = len / BYTES_IN_WORD;
    for (size_t i = 0; i < count; i++, seed += PATTERN_STEP) {
        words[i] = seed;
    }
    uint8_t *rest = (uint8_t *)(words + count);
    for (size_t i = 0; i < len % BYTES_IN_WORD; i++) {
        rest[i] = (uint8_t)(seed >> 8 * i);
    }
}

static bool is_zero(const void *at, size_t len)
{
    const uint8_t *bytes = at;
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++) {
        any |= bytes[i];
    }
    return any == 0;
}

static void check(const struct piece *p, size_t len)
{
    if (!is_pattern(p + 1, len - sizeof(*p), p->seed)) {
        test_fail(__FILE__, __LINE__,
                  "kind %u, %u bytes at %p, seed %llx: overwritten by another owner", p->kind,
                  p->len, (const void *)p, (unsigned long long)p->seed);
    }
}

/* The seed's last byte records the place of the allocation. */
static struct piece *fill(struct torturer *t, void *at, struct piece what)
{
    struct piece *p = at;
    *p = what;
    p->seed = (uint64_t)t->seed << 32 | (uint64_t)draw(t, 1u << 24) << 8 | t->self;
    write_pattern(p + 1, p->len - sizeof(*p), p->seed);
    t->kinds[what.kind]++;
    return p;
}

/* ---- Objects ---- */

static void *take_object(struct torturer *t, size_t size)
{
    unsigned shift = 4 + draw(t, PAGE_SHIFT - 4 + 1);
    switch (draw(t, 4)) {
    case 0: {
        void *p = heap_zalloc(size);
        TEST_CHECK(p == NULL || is_zero(p, size));
        return p;
    }
    case 1: {
        void *p = heap_alloc_aligned(size, (size_t)1 << shift);
        TEST_CHECK((uintptr_t)p % ((uintptr_t)1 << shift) == 0);
        return p;
    }
    case 2: { /* as in an interrupt handler */
        irq_state_t state = hal_irq_save();
        void *p = heap_alloc(size);
        hal_irq_restore(state);
        return p;
    }
    default:
        return heap_alloc(size);
    }
}

static struct piece *make_object(struct torturer *t)
{
    size_t size = draw_size(t, draw(t, 32) == 0 ? 18 : 12);
    void *at = take_object(t, size);
    heap_free(heap_alloc(draw(t, sizeof(struct piece)))); /* too small for a pattern */
    return at == NULL ? NULL : fill(t, at, (struct piece){.kind = OBJECT, .len = (uint32_t)size});
}

/* Its contents move with it; an object that cannot grow stays as it was. */
static struct piece *resize_object(struct torturer *t, struct piece *p)
{
    size_t size = draw_size(t, 13), had = p->len;
    struct piece *moved = heap_realloc(p, size);
    if (moved == NULL) {
        t->refused++;
        return p;
    }
    check(moved, MIN(size, had));
    t->moved += moved != p;
    return fill(t, moved, (struct piece){.kind = OBJECT, .len = (uint32_t)size});
}

/* ---- Frames ---- */

static struct piece *make_run_of(struct torturer *t, unsigned order)
{
    paddr_t run;
    if (page_alloc(order, PAGE_OTHER, &run) != OK) {
        return NULL;
    }
    return fill(t, hal_direct(run),
                (struct piece){
                    .kind = RUN, .order = (uint16_t)order, .len = (uint32_t)(PAGE_SIZE << order)});
}

/* Each order is half as likely as the one below. */
static struct piece *make_run(struct torturer *t)
{
    unsigned order = 0;
    while (order < PAGE_ORDER_MAX && draw(t, 2) == 0) {
        order++;
    }
    return make_run_of(t, order);
}

static void give_run(struct piece *p)
{
    paddr_t run;
    unsigned order = p->order;
    bool is_mapped = vm_to_phys(p, &run);
    TEST_CHECK(is_mapped);
    if (is_mapped) {
        page_free(run, order);
    }
}

/* ---- Ranges ---- */

static struct piece *make_buffer(struct torturer *t)
{
    size_t size = draw_size(t, 17);
    void *at = vm_alloc(size, PAGE_OTHER, "torture");
    if (at == NULL) {
        return NULL;
    }
    TEST_CHECK(is_zero(at, size));
    return fill(t, at, (struct piece){.kind = BUFFER, .len = (uint32_t)size});
}

/* The first bytes of the range point to its descriptor. */
static struct piece *publish(struct torturer *t, struct range_piece *r, enum kind kind)
{
    uint32_t len = (uint32_t)(sizeof(r->piece) + r->range.pages * PAGE_SIZE);
    r->piece = (struct piece){.kind = (uint16_t)kind, .len = len};
    r->piece.seed = (uint64_t)t->seed << 32 | t->self;
    write_pattern((void *)r->range.base, len - sizeof(r->piece), r->piece.seed);
    t->kinds[kind]++;
    return &r->piece;
}

static struct range_piece *reserve(size_t pages, enum hal_region region, size_t align)
{
    struct range_piece *r = heap_zalloc(sizeof(*r));
    const struct vm_request request = {.pages = pages,
                                       .align = align,
                                       .guard_below = 1,
                                       .guard_above = 1,
                                       .region = region,
                                       .name = "torture"};
    if (r != NULL && vm_reserve(&r->range, &request) != OK) {
        heap_free(r);
        return NULL;
    }
    return r;
}

static void unreserve(struct range_piece *r)
{
    vm_release(&r->range);
    heap_free(r);
}

/* Map it in two parts and make one read-only in the end, if there is memory for page tables. */
static struct piece *make_range(struct torturer *t)
{
    size_t pages = 2 + draw(t, RANGE_PAGES);
    struct range_piece *r = reserve(pages, HAL_REGION_VM, 0);
    if (r == NULL) {
        return NULL;
    }
    r->cut = 1 + draw(t, (uint32_t)pages - 1);
    if (vm_populate(&r->range, 0, r->cut, PROT_R | PROT_W, PAGE_OTHER) != OK) {
        goto release;
    }
    if (vm_populate(&r->range, r->cut, pages - r->cut, PROT_R | PROT_W, PAGE_OTHER) != OK) {
        goto unmap;
    }
    TEST_CHECK(is_zero((void *)r->range.base, pages * PAGE_SIZE));
    struct piece *p = publish(t, r, RANGE);
    enum status s = vm_protect(&r->range, r->cut / 2, pages - r->cut / 2, PROT_R);
    TEST_CHECK(s == OK || s == E_NOMEM);
    return p;

unmap:
    vm_unmap(&r->range, 0, r->cut, true);
release:
    unreserve(r);
    return NULL;
}

static struct piece *make_alias(struct torturer *t)
{
    unsigned order = draw(t, 5);
    struct range_piece *r = reserve((size_t)1 << order, HAL_REGION_VM, 0);
    if (r == NULL) {
        return NULL;
    }
    if (page_alloc(order, PAGE_OTHER, &r->frames) != OK) {
        goto release;
    }
    if (vm_map_frames(&r->range, 0, r->frames, (size_t)1 << order, PROT_R | PROT_W) != OK) {
        goto free;
    }
    struct piece *p = publish(t, r, ALIAS);
    p->order = (uint16_t)order;
    return p;

free:
    page_free(r->frames, order);
release:
    unreserve(r);
    return NULL;
}

static struct piece *make_committed(struct torturer *t)
{
    size_t pages = COMMIT_PAGES * (1 + draw(t, 2));
    struct range_piece *r = reserve(pages, HAL_REGION_PROGRAM, COMMIT_PAGES * PAGE_SIZE);
    if (r == NULL) {
        return NULL;
    }
    if (vm_commit(&r->range, 0, pages, PAGE_OTHER) != OK) {
        unreserve(r);
        return NULL;
    }
    r->cut = pages / 2;
    return publish(t, r, COMMITTED);
}

static void give_range(struct range_piece *r)
{
    const struct piece *p = &r->piece;
    size_t len = r->range.pages * PAGE_SIZE;
    TEST_CHECK(is_pattern((void *)r->range.base, len, p->seed));
    if (p->kind == ALIAS) {
        vm_unmap(&r->range, 0, r->range.pages, false);
        TEST_CHECK(is_pattern(hal_direct(r->frames), len, p->seed));
        page_free(r->frames, p->order);
    } else {
        vm_unmap(&r->range, r->cut, r->range.pages - r->cut, true);
        vm_unmap(&r->range, 0, r->cut, true);
    }
    unreserve(r);
}

/* ---- All of them ---- */

/* Few ranges: an unmap flushes all CPUs, and emulated ones take long to respond. */
static struct piece *make(struct torturer *t)
{
    switch (draw(t, 64)) {
    case 0:
        return make_buffer(t);
    case 1:
        return make_range(t);
    case 2:
        return make_alias(t);
    case 3:
        return make_committed(t);
    default:
        return draw(t, 6) == 0 ? make_run(t) : make_object(t);
    }
}

static void give(struct torturer *t, struct piece *p)
{
    if (p == NULL) {
        return;
    }
    t->remote += (p->seed & 0xff) != t->self;
    if (p->kind >= RANGE) {
        give_range(CONTAINER_OF(p, struct range_piece, piece));
        return;
    }
    check(p, p->len);
    if (p->kind == RUN) {
        give_run(p);
    } else if (p->kind == BUFFER) {
        vm_free(p);
    } else {
        heap_free(p);
    }
}

static struct piece *exchange(struct torturer *t, struct piece *p)
{
    return atomic_exchange_explicit(&slots[draw(t, SLOTS)], p, memory_order_acq_rel);
}

static void step(struct torturer *t)
{
    struct piece *p = NULL;
    if (draw(t, 8) != 0) {
        p = make(t);
        t->refused += p == NULL;
    }
    p = exchange(t, p);
    if (p != NULL && p->kind == OBJECT && draw(t, 3) == 0) {
        p = exchange(t, resize_object(t, p));
    }
    give(t, p);
}

static void torture(void *arg)
{
    struct torturer *t = arg;
    for (unsigned order = 0; order <= PAGE_ORDER_MAX && t->self < 2; order++) {
        give(t, make_run_of(t, order));
    }
    for (unsigned i = 0; i < t->steps; i++) {
        step(t);
    }
}

static void give_what_is_left(void)
{
    struct torturer t = {.seed = 1};
    for (unsigned i = 0; i < SLOTS; i++) {
        give(&t, atomic_exchange_explicit(&slots[i], NULL, memory_order_acq_rel));
    }
}

/** Sums over all threads. */
struct totals {
    uint64_t kinds[KINDS], refused, moved, remote;
};

static void add(struct totals *sum, const struct torturer *t)
{
    for (unsigned i = 0; i < KINDS; i++) {
        sum->kinds[i] += t->kinds[i];
    }
    sum->refused += t->refused;
    sum->moved += t->moved;
    sum->remote += t->remote;
}

/* One thread on each CPU; two if there is only one CPU. */
static void run_all(uint32_t seed, unsigned steps, struct totals *sum)
{
    static struct torturer torturers[THREADS_MAX];
    struct thread *threads[THREADS_MAX] = {NULL};
    cpu_t cpus = MIN(cpus_count(), THREADS_MAX), count = MAX(cpus, 2u);
    for (cpu_t i = 0; i < count; i++) {
        torturers[i] = (struct torturer){
            .seed = (seed * THREADS_MAX + i) * 2654435761u, .self = i, .steps = steps / count};
        const struct thread_options options = {.name = "torturer",
                                               .entry = torture,
                                               .arg = &torturers[i],
                                               .priority = PRIO_NORMAL,
                                               .placement = THREAD_ON,
                                               .cpu = i % cpus};
        if (thread_create(&options, &threads[i]) != OK) {
            threads[i] = NULL; /* with little memory, fewer threads suffice */
        }
    }
    for (cpu_t i = 0; i < count; i++) {
        if (threads[i] != NULL) {
            TEST_EQUAL(test_join(threads[i], NULL), OK);
            add(sum, &torturers[i]);
        }
    }
    give_what_is_left();
}

static void say(const struct totals *sum, unsigned rounds)
{
    console_printf("# %u rounds: %llu objects, %llu moved, %llu runs, %llu ranges, %llu freed "
                   "elsewhere, %llu refused\n",
                   rounds, (unsigned long long)sum->kinds[OBJECT], (unsigned long long)sum->moved,
                   (unsigned long long)sum->kinds[RUN],
                   (unsigned long long)(sum->kinds[BUFFER] + sum->kinds[RANGE] + sum->kinds[ALIAS] +
                                        sum->kinds[COMMITTED]),
                   (unsigned long long)sum->remote, (unsigned long long)sum->refused);
}

/* Rounds with different seeds until the time has passed; compare the counters after each. */
static void torture_for(uint64_t duration_ns)
{
    static struct footprint before, after;
    struct totals warm = {.refused = 0}, sum = warm;
    uint64_t until = clock_now_ns() + duration_ns;
    unsigned rounds = 0;
    run_all(0, STEPS_WARM, &warm); /* allocates what stays allocated */
    runs_measure(&before);
    do {
        run_all(++rounds, STEPS, &sum);
        runs_measure(&after);
        runs_compare(&before, &after);
    } while (clock_now_ns() < until);
    say(&sum, rounds);
    TEST_CHECK(sum.remote > 0);
    for (unsigned i = 0; i < KINDS; i++) {
        TEST_CHECK(sum.kinds[i] > 0);
    }
    /* If memory holds everything that the threads can own at once, no allocation may fail. */
    uint64_t most = (SLOTS + 2 * THREADS_MAX) * LARGEST;
    if (before.pages.by_owner[PAGE_FREE] * PAGE_SIZE > most) {
        TEST_EQUAL(sum.refused, 0);
    }
}

static void nothing_leaks_or_has_two_owners(void)
{
    torture_for(0);
}

static void nothing_leaks_in_minutes(void)
{
    torture_for(LONG_NS);
}

const struct kernel_test torture_tests[] = {
    {"torture.nothing_leaks_or_has_two_owners", nothing_leaks_or_has_two_owners,
     TEST_ON_CPUS | TEST_ON_MEMORY},
    {"long_torture.nothing_leaks_in_minutes", nothing_leaks_in_minutes,
     TEST_ON_CPUS | TEST_ON_MEMORY},
    {0},
};
