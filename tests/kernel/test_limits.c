// SPDX-License-Identifier: MIT
//
// Limits while a portable program is being loaded: its memory and time count from its
// first byte, the program can be killed anywhere in the compiler, and each refusal
// prints a message. Nothing leaks.
#include "kernel/base/clock.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/test/test.h"
#include "tests/kernel/program_runs.h"
#include "tests/kernel/tests.h"

#include <limits.h>

/* ---- Modules of any size ---- */

struct module {
    uint8_t *bytes;
    size_t len;
};

static void put(struct module *m, const void *bytes, size_t len)
{
    memcpy(m->bytes + m->len, bytes, len);
    m->len += len;
}

#define PUT(m, ...) put(m, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

#define WIDE 5u /* bytes of the longest encoding of a number */

static void put_wide(struct module *m, size_t value)
{
    for (unsigned i = 0; i < WIDE; i++) {
        PUT(m, (uint8_t)((value >> (7 * i) & 0x7f) | (i + 1 < WIDE ? 0x80 : 0)));
    }
}

/* Load x; then repeat x = x * 3 ^ x; then store x. */
#define BEGIN     0x01, 0x01, 0x7f, 0x41, 0x00, 0x28, 0x02, 0x00, 0x21, 0x00
#define STATEMENT 0x20, 0x00, 0x41, 0x03, 0x6c, 0x20, 0x00, 0x73, 0x21, 0x00
#define END       0x41, 0x00, 0x20, 0x00, 0x36, 0x02, 0x00, 0x0b

#define STATEMENT_BYTES 10u
#define BODY_BYTES      18u /* without statements */

/* Functions with that many statements each, and an empty one: _start, the only one that runs. */
static bool make_module(struct module *m, uint32_t functions, uint32_t statements)
{
    size_t body = BODY_BYTES + (size_t)statements * STATEMENT_BYTES;
    *m = (struct module){.bytes = heap_alloc(128 + functions * (body + WIDE + 1))};
    if (m->bytes == NULL) {
        test_fail(__FILE__, __LINE__, "no memory for the module");
        return false;
    }
    PUT(m, 0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00);
    PUT(m, 0x03);
    put_wide(m, WIDE + 1 + functions);
    put_wide(m, 1 + functions);
    memset(m->bytes + m->len, 0, 1 + functions);
    m->len += 1 + functions;
    PUT(m, 0x05, 0x03, 0x01, 0x00, 0x01);
    PUT(m, 0x07, 0x0a, 0x01, 0x06, 0x5f, 0x73, 0x74, 0x61, 0x72, 0x74, 0x00, 0x00);
    PUT(m, 0x0a);
    put_wide(m, WIDE + 3 + functions * (body + WIDE));
    put_wide(m, 1 + functions);
    PUT(m, 0x02, 0x00, 0x0b);
    for (uint32_t f = 0; f < functions; f++) {
        put_wide(m, body);
        PUT(m, BEGIN);
        for (uint32_t n = 0; n < statements; n++) {
            PUT(m, STATEMENT);
        }
        PUT(m, END);
    }
    return true;
}

static bool write_module(struct image *image, const char *path, uint32_t functions,
                         uint32_t statements)
{
    struct module m;
    if (!make_module(&m, functions, statements)) {
        return false;
    }
    *image = (struct image){path, m.bytes, m.len};
    bool is_there = runs_write_file(image);
    heap_free(m.bytes);
    return is_there;
}

/* Each engine; its functions are compiled before, on all CPUs, or when they are first called. */
static const struct load_options ways[] = {{.engine = LOAD_ENGINE_COMPILED, .compile_all = true},
                                           {.engine = LOAD_ENGINE_INTERPRETER},
                                           {.engine = LOAD_ENGINE_COMPILED}};
#define WHOLE_WAYS 2u /* the first ones read all functions more than once */

/* ---- Time ---- */

#define LONG_STATEMENTS 30000u /* half a second, in an emulator */

/* As long a function as memory allows to compile: a statement needs half a page. */
static uint32_t statements_of_a_long_function(void)
{
    struct page_stats pages;
    page_get_stats(&pages);
    size_t free_pages = pages.by_owner[PAGE_FREE];
    return test_scaled((unsigned)MIN(free_pages, LONG_STATEMENTS), 200);
}

/* Run it until it exits or reaches the limit. @return counter ticks that it ran. */
static uint64_t run_for(const struct image *image, struct load_options options, uint64_t limit_ns,
                        enum program_end *end)
{
    options.cpu_limit_ns = limit_ns;
    struct program *p = runs_start(image, NULL, options);
    int status;
    if (p == NULL) {
        return 0;
    }
    TEST_EQUAL(program_wait(p, WAIT_FOREVER, end, &status), OK);
    uint64_t ticks = atomic_load_explicit(&p->cpu_ticks, memory_order_relaxed);
    program_release(p);
    return ticks;
}

/* Compiling this one function takes far longer than the limit, however warm the machine is: an
 * emulator's first run is its slowest. */
static void time_is_limited_inside_one_function(void)
{
    struct image image;
    if (!write_module(&image, "/tmp/long.wasm", 1, statements_of_a_long_function())) {
        return;
    }
    for (unsigned i = 0; i < WHOLE_WAYS; i++) {
        enum program_end end = PROGRAM_RUNNING;
        (void)run_for(&image, ways[i], 0, &end);
        TEST_EQUAL(end, PROGRAM_EXITED);
        (void)run_for(&image, ways[i], NS_PER_MS / 10, &end);
        TEST_EQUAL(end, PROGRAM_OUT_OF_TIME);
    }
    runs_remove_file(&image);
}

#define POINTS 24

/* At random points from the first byte to the end. The seed makes a failure repeatable. */
static void kills_at_any_point_of_loading_leak_nothing(void)
{
    struct footprint before = {.heap = {0}}, after;
    uint64_t whole_ns[ARRAY_COUNT(ways)];
    struct image image;
    uint32_t seed = 5;
    unsigned ended = 0;
    if (!write_module(&image, "/tmp/load.wasm", test_scaled(20, 2), test_scaled(200, 20))) {
        return;
    }
    for (unsigned i = 0; i < test_scaled(POINTS, ARRAY_COUNT(ways)); i++) {
        unsigned which = i % ARRAY_COUNT(ways);
        enum program_end end = PROGRAM_RUNNING;
        if (i < ARRAY_COUNT(ways)) {
            whole_ns[i] = clock_counter_to_ns(run_for(&image, ways[i], 0, &end));
        }
        seed = seed * 1664525u + 1013904223u;
        (void)run_for(&image, ways[which], 1 + whole_ns[which] * (seed >> 16) / 65536, &end);
        ended += end == PROGRAM_OUT_OF_TIME ? 1 : 0;
        if (i == 3) {
            runs_measure(&before);
        }
    }
    TEST_CHECK(ended > 0);
    runs_measure(&after);
    runs_compare(&before, &after);
    runs_remove_file(&image);
}

/* ---- Memory ---- */

/* It was started. @return false: there was no memory for a function at its first call. */
static bool is_run(struct program *p, bool is_lazy)
{
    enum program_end end = PROGRAM_RUNNING;
    int status = -1;
    TEST_EQUAL(program_wait(p, WAIT_FOREVER, &end, &status), OK);
    bool is_trap = is_lazy && end == PROGRAM_FAULTED;
    TEST_EQUAL(end, is_trap ? PROGRAM_FAULTED : PROGRAM_EXITED);
    TEST_EQUAL(status, is_trap ? 119 : 0);
    program_release(p);
    runs_settle();
    return !is_trap;
}

/* @return true: it ran to its end; false: it was refused with a message. */
static bool try_to_run(const struct image *image, struct load_options options, const char *word)
{
    const char *argv[] = {image->path};
    struct loader_error err = {.text = ""};
    struct program *p;
    options.argc = 1;
    options.argv = argv;
    enum status s = loader_start(image->path, &options, &p, &err);
    if (s == OK) {
        return is_run(p, options.engine == LOAD_ENGINE_COMPILED && !options.compile_all);
    }
    TEST_EQUAL(s, E_NOMEM);
    if (!str_contains(err.text, image->path) || !str_contains(err.text, word)) {
        test_fail(__FILE__, __LINE__, "refused with \"%s\"", err.text);
    }
    return false;
}

#define LIMIT_STEP ((uint64_t)16 << 10)
#define LIMIT_MAX  ((uint64_t)8 << 20)

/* Every page that loading and running a program allocates may be the one that exceeds the limit. A
 * walk of failing allocations tries one way of loading, a limit that is too low and one that is
 * high enough: an allocation that exceeds a limit between them fails in the walk, too. */
static void memory_is_limited_from_the_first_byte(void)
{
    struct footprint before = {.heap = {0}}, after;
    struct image image;
    uint64_t step = LIMIT_STEP * test_scaled(1, 256);
    if (!write_module(&image, "/tmp/large.wasm", test_scaled(4, 1), test_scaled(600, 10))) {
        return;
    }
    for (unsigned i = 0; i < ARRAY_COUNT(ways); i++) {
        struct load_options options = ways[i];
        unsigned refused = 0;
        if (!test_does(i, ARRAY_COUNT(ways))) {
            continue;
        }
        options.memory_limit_bytes = LIMIT_STEP;
        if (test_scaled(1, 0) != 0) {
            TEST_CHECK(try_to_run(&image, ways[i], "")); /* allocates what stays allocated */
        }
        runs_measure(&before);
        while (options.memory_limit_bytes < LIMIT_MAX &&
               !try_to_run(&image, options, "it may have")) {
            options.memory_limit_bytes += step;
            refused++;
        }
        TEST_CHECK(options.memory_limit_bytes < LIMIT_MAX);
        /* Its memory of 64 KiB and its file alone account for 10 steps. */
        TEST_CHECK(refused > 12);
        runs_measure(&after);
        runs_compare(&before, &after);
    }
    runs_remove_file(&image);
}

/* ---- A machine without memory ---- */

/* All free memory, allocated by the test and freed again in small steps. The largest runs are
 * allocated once for many attempts: a machine with 64 GiB has sixteen thousand of them. */
static const unsigned hoarded[] = {PAGE_ORDER_MAX, 9, 4, 0}; /* orders, the largest first */
enum { LARGEST, SMALLER, RUNS, SINGLES, HOARDED_COUNT };
STATIC_ASSERT(HOARDED_COUNT == ARRAY_COUNT(hoarded), "a name for each order");

struct hoard {
    struct list runs[HOARDED_COUNT]; /* by page_link() */
};

static void hoard_runs(struct hoard *h, unsigned i)
{
    paddr_t base;
    list_init(&h->runs[i]);
    while (page_alloc(hoarded[i], PAGE_OTHER, &base) == OK) {
        list_push_back(&h->runs[i], page_link(base));
    }
}

static void give_back(struct hoard *h, unsigned i, unsigned count)
{
    struct list_node *n;
    while (count-- > 0 && (n = list_pop_front(&h->runs[i])) != NULL) {
        page_free(page_of_link(n), hoarded[i]);
    }
}

/* The caller has allocated the largest runs. Frees some pages of the size from which
 * only single pages are allocated. The thread of the attempt before may still be freed on another
 * CPU: its pages would be free, too. */
static bool run_with(const struct image *image, struct load_options options, unsigned pages)
{
    struct hoard hoard;
    unsigned run_pages = 1u << hoarded[RUNS];
    runs_settle();
    for (unsigned i = SMALLER; i < HOARDED_COUNT; i++) {
        hoard_runs(&hoard, i);
    }
    give_back(&hoard, RUNS, pages / run_pages);
    give_back(&hoard, SINGLES, pages % run_pages);
    bool is_run = try_to_run(image, options, ": ");
    for (unsigned i = SMALLER; i < HOARDED_COUNT; i++) {
        give_back(&hoard, i, UINT_MAX);
    }
    return is_run;
}

#define PAGES_STEP 7u
#define PAGES_MAX  1000u

static void run_with_more_and_more(const struct image *image, struct load_options options)
{
    options.memory_limit_bytes = (uint64_t)64 << 20;
    unsigned every, refused = 0, pages = PAGES_STEP * (test_walk_share(&every) - 1);
    struct hoard hoard;
    hoard_runs(&hoard, LARGEST);
    while (pages < PAGES_MAX && !run_with(image, options, pages)) {
        pages += PAGES_STEP * every;
        refused++;
    }
    give_back(&hoard, LARGEST, UINT_MAX);
    TEST_CHECK(pages < PAGES_MAX);
    TEST_CHECK(refused * every > 10);
}

/* Ignore the allocator's records and the direct map's tables: a run that
 * was split stays split there. */
static void forget_books(struct footprint *f)
{
    f->pages.by_owner[PAGE_FREE] = 0;
    f->pages.by_owner[PAGE_META] = 0;
    f->pages.by_owner[PAGE_TABLE] = 0;
}

/* Whichever allocation fails (heap, tables, stack, memory or code), the program is refused with
 * a message and nothing leaks. */
static void loads_with_any_number_of_free_pages(void)
{
    struct footprint before, after;
    struct image image;
    if (!write_module(&image, "/tmp/hungry.wasm", 2, 100)) {
        return;
    }
    for (unsigned i = 0; i < ARRAY_COUNT(ways); i++) {
        run_with_more_and_more(&image, ways[i]);
        runs_measure(&before);
        run_with_more_and_more(&image, ways[i]);
        runs_measure(&after);
        forget_books(&before);
        forget_books(&after);
        runs_compare(&before, &after);
    }
    runs_remove_file(&image);
}

const struct kernel_test limits_tests[] = {
    {"limits.time_is_limited_inside_one_function", time_is_limited_inside_one_function,
     TEST_ON_INTERRUPTS},
    {"limits.kills_at_any_point_of_loading_leak_nothing",
     kills_at_any_point_of_loading_leak_nothing, TEST_ON_NOTHING},
    {"limits.memory_is_limited_from_the_first_byte", memory_is_limited_from_the_first_byte,
     TEST_ON_NOTHING},
    {"limits.loads_with_any_number_of_free_pages", loads_with_any_number_of_free_pages,
     TEST_ON_NOTHING},
    {0},
};
