// SPDX-License-Identifier: MIT
//
// What WebAssembly modules run in: links by name and type, things that instances share, the
// helpers' edges, host functions of both kinds, stopping, and that a closed store leaves nothing
// behind. The modules are jit/wasm/*.wat. Whole programs and all instructions: tests/conformance.
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake_failure.h"
#include "fake/world.h"
#include "kernel/jit/wasm_interp.h"
#include "kernel/mm/heap.h"
#include "tools/halyard-wasm/compiled.h"

#define PAGES    100u
#define ELEMENTS 100100u

/* Of hosted.wat: a function with a name, and the last one, which has none. */
#define DEEP      18
#define LAST_NAME "(function 19)"

static const struct wasm_interpreter_options interpreted = {
    .stack_bytes = 256 << 10, .arena_bytes = 16 << 20, .verify = true};
/* What all tests run on. */
static const struct wasm_engine *engine;
static const void *options;
static const struct wasm_bounds bounds = {.arena_bytes = 1 << 20, .table_elements = ELEMENTS};

/* ---- Modules ---- */

static struct wasm_bytes read_module(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s.wasm", TEST_WASM_DIR, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    uint8_t *bytes = malloc(65536);
    size_t len = fread(bytes, 1, 65536, f);
    assert_true(len > 0 && len < 65536);
    fclose(f);
    return (struct wasm_bytes){bytes, (uint32_t)len};
}

enum { EXPORTER, IMPORTER, BROKEN, HELPERS, HOSTED, MODULE_COUNT };
static struct wasm_bytes modules[MODULE_COUNT];

static int set_up(void **state)
{
    static const char *const names[MODULE_COUNT] = {"exporter", "importer", "broken", "helpers",
                                                    "hosted"};
    for (unsigned n = 0; n < MODULE_COUNT; n++) {
        modules[n] = read_module(names[n]);
    }
    return world_boot(state);
}

static int tear_down(void **state)
{
    (void)state;
    for (unsigned n = 0; n < MODULE_COUNT; n++) {
        free((void *)modules[n].bytes);
    }
    return 0;
}

static struct wasm_bytes text(const char *s)
{
    return (struct wasm_bytes){(const uint8_t *)s, (uint32_t)strlen(s)};
}

/* In each test: cmocka catches the same around it. */
static void catch_signals(void)
{
    compiled_begin(0);
    compiled_stop_on(SIGUSR1);
}

static struct wasm_store *open_store(void)
{
    static const struct wasm_quota quota = {.pages = PAGES, .elements = ELEMENTS};
    struct wasm_store *s;
    catch_signals();
    assert_int_equal(wasm_store_open(engine, options, &quota, &s), OK);
    return s;
}

static enum status try_bytes(struct wasm_store *s, struct wasm_bytes bytes,
                             struct wasm_instance **out, struct wasm_stop *stop,
                             struct wasm_error *err)
{
    struct wasm_module *m;
    struct wasm_code *code;
    enum status status = wasm_module_decode(bytes.bytes, bytes.len, &bounds, &m, err);
    if (status == OK) {
        status = wasm_load(s, m, &code, err);
    }
    if (status == OK) {
        status = wasm_instantiate(s, code, out, stop, err);
        wasm_release(s, code);
    }
    return status;
}

static struct wasm_instance *make(struct wasm_store *s, unsigned module)
{
    struct wasm_instance *i;
    struct wasm_stop stop;
    struct wasm_error err = {.text = ""};
    enum status status = try_bytes(s, modules[module], &i, &stop, &err);
    if (status != OK) {
        fail_msg("%s: %s", status_text(status), err.text);
    }
    return i;
}

static enum wasm_outcome call(struct wasm_instance *i, const char *name, const uint64_t *args,
                              uint64_t *results, struct wasm_stop *stop)
{
    struct wasm_extern e;
    if (!wasm_instance_export(i, text(name), &e)) {
        fail_msg("no export %s", name);
    }
    return wasm_call(i->store, &e, args, results, stop);
}

/* One result or none, at most three arguments. */
static uint64_t run(struct wasm_instance *i, const char *name, uint64_t a, uint64_t b, uint64_t c)
{
    const uint64_t args[] = {a, b, c};
    uint64_t result = 0;
    struct wasm_stop stop;
    if (call(i, name, args, &result, &stop) != WASM_RETURNED) {
        fail_msg("%s: %s", name, wasm_trap_text(&stop));
    }
    return result;
}

static const char *trap(struct wasm_instance *i, const char *name, uint64_t a, uint64_t b,
                        uint64_t c)
{
    const uint64_t args[] = {a, b, c};
    uint64_t result = 0;
    struct wasm_stop stop;
    enum wasm_outcome outcome = call(i, name, args, &result, &stop);
    return outcome == WASM_TRAPPED ? wasm_trap_text(&stop) : "no trap";
}

static void expect_trap(const char *got, const char *wanted)
{
    assert_string_equal(got, wanted);
}

static uint64_t live_objects(void)
{
    struct heap_stats stats;
    heap_get_stats(&stats);
    return stats.live_objects;
}

/* ---- Links ---- */

static void test_instances_share_what_they_import(void **state)
{
    (void)state;
    struct wasm_store *s = open_store();
    struct wasm_instance *a = make(s, EXPORTER);
    assert_int_equal(wasm_store_register(s, text("a"), a), OK);
    struct wasm_instance *b = make(s, IMPORTER);
    assert_int_equal(run(b, "quadruple", 5, 0, 0), 20);
    assert_int_equal(run(a, "load", 100, 0, 0), 'i');
    assert_ptr_equal(a->memory, b->memory);
    (void)run(b, "set", 99, 0, 0);
    assert_int_equal(run(a, "count", 0, 0, 0), 99);
    assert_int_equal(run(a, "indirect", 1, 7, 0), 21);
    assert_int_equal(run(b, "indirect", 2, 7, 0), 14);
    expect_trap(trap(b, "indirect", 0, 7, 0), "uninitialized element");
    expect_trap(trap(b, "indirect", 4, 7, 0), "undefined element");
    assert_int_equal(run(b, "grow", 1, 0, 0), 1);
    assert_int_equal(run(a, "size", 0, 0, 0), 2);
    assert_int_equal(run(a, "load", 2 * WASM_PAGE - 1, 0, 0), 0);
    expect_trap(trap(a, "load", 2 * WASM_PAGE, 0, 0), "out of bounds memory access");
    assert_int_equal(run(b, "grow", 2, 0, 0), UINT32_MAX);
    struct wasm_extern copy, again, original;
    assert_true(wasm_instance_export(b, text("copy"), &copy));
    assert_int_equal(*(uint64_t *)copy.global.value, 0x123456789a);
    assert_true(wasm_instance_export(b, text("again"), &again));
    assert_true(wasm_instance_export(a, text("double"), &original));
    assert_ptr_equal(again.function.record, original.function.record);
    assert_false(wasm_instance_export(b, text("agai"), &again));
    wasm_store_close(s);
}

/* A module with the type (i32) -> (i32) and one import "a" NAME of the given description. */
static struct wasm_bytes with_import(const char *name, const uint8_t *description, size_t len,
                                     uint8_t out[64])
{
    static const uint8_t head[] = {0, 'a', 's', 'm', 1, 0, 0, 0, 1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f};
    size_t name_len = strlen(name);
    uint8_t *at = out;
    memcpy(at, head, sizeof head);
    at += sizeof head;
    *at++ = 2;
    *at++ = (uint8_t)(4 + name_len + len);
    *at++ = 1;
    *at++ = 1;
    *at++ = 'a';
    *at++ = (uint8_t)name_len;
    memcpy(at, name, name_len);
    memcpy(at + name_len, description, len);
    return (struct wasm_bytes){out, (uint32_t)(at + name_len + len - out)};
}

static void test_links_match_by_name_and_type(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint8_t description[6], len;
        const char *why; /* NULL: it links */
    } cases[] = {
        {"double", {0, 0}, 2, NULL},
        {"nothing", {0, 0}, 2, "import \"a\" \"nothing\": unknown import"},
        {"doubl", {0, 0}, 2, "unknown import"},
        {"count", {0, 0}, 2, "import \"a\" \"count\": incompatible import type"},
        {"memory", {0, 0}, 2, "incompatible"},
        {"double", {2, 0, 0}, 3, "incompatible"},
        {"memory", {2, 0, 1}, 3, NULL},
        {"memory", {2, 1, 1, 3}, 4, NULL},
        {"memory", {2, 0, 2}, 3, "incompatible"},
        {"memory", {2, 1, 0, 2}, 4, "incompatible"},
        {"table", {1, 0x70, 0, 4}, 4, NULL},
        {"table", {1, 0x70, 1, 4, 8}, 5, NULL},
        {"table", {1, 0x70, 0, 5}, 4, "incompatible"},
        {"table", {1, 0x70, 1, 0, 7}, 5, "incompatible"},
        {"table", {1, 0x6f, 0, 4}, 4, "incompatible"},
        {"counter", {3, 0x7f, 1}, 3, NULL},
        {"counter", {3, 0x7f, 0}, 3, "incompatible"},
        {"counter", {3, 0x7e, 1}, 3, "incompatible"},
        {"fixed", {3, 0x7e, 0}, 3, NULL},
        {"fixed", {3, 0x7e, 1}, 3, "incompatible"},
    };
    struct wasm_store *s = open_store();
    assert_int_equal(wasm_store_register(s, text("a"), make(s, EXPORTER)), OK);
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        uint8_t bytes[64];
        struct wasm_instance *i;
        struct wasm_stop stop;
        struct wasm_error err = {.text = "linked"};
        struct wasm_bytes m = with_import(cases[n].name, cases[n].description, cases[n].len, bytes);
        uint64_t before = live_objects();
        enum status status = try_bytes(s, m, &i, &stop, &err);
        if (cases[n].why == NULL) {
            assert_int_equal(status, OK);
        } else if (status != E_UNRESOLVED || strstr(err.text, cases[n].why) == NULL) {
            fail_msg("case %zu: %s: %s", n, status_text(status), err.text);
        } else {
            assert_int_equal(live_objects(), before);
        }
    }
    wasm_store_close(s);
}

static void test_a_newer_name_hides_an_older_one(void **state)
{
    (void)state;
    struct wasm_store *s = open_store();
    struct wasm_instance *first = make(s, EXPORTER), *second = make(s, EXPORTER);
    assert_int_equal(wasm_store_register(s, text("a"), first), OK);
    assert_int_equal(wasm_store_register(s, text("a"), second), OK);
    assert_ptr_equal(make(s, IMPORTER)->memory, second->memory);
    wasm_store_close(s);
}

static void test_a_segment_that_does_not_fit_leaves_what_came_before(void **state)
{
    (void)state;
    struct wasm_store *s = open_store();
    struct wasm_instance *a = make(s, EXPORTER), *broken;
    struct wasm_stop stop;
    struct wasm_error err;
    assert_int_equal(wasm_store_register(s, text("a"), a), OK);
    assert_int_equal(try_bytes(s, modules[BROKEN], &broken, &stop, &err), E_FAULT);
    assert_string_equal(wasm_trap_text(&stop), "out of bounds memory access");
    assert_int_equal(run(a, "load", 200, 0, 0), 's');
    assert_int_equal(run(a, "load", WASM_PAGE - 1, 0, 0), 0);
    assert_int_equal(run(a, "load", 300, 0, 0), 0);
    assert_int_equal(run(a, "indirect", 3, 41, 0), 42);
    wasm_store_close(s);
}

/* ---- Helpers ---- */

static uint8_t *bytes_of(const struct wasm_instance *i)
{
    return i->memory->box.base;
}

static void test_memory_instructions_have_exact_bounds(void **state)
{
    (void)state;
    struct wasm_store *s = open_store();
    struct wasm_instance *i = make(s, HELPERS);
    const uint32_t end = WASM_PAGE, far = UINT32_MAX;
    const char *outside = "out of bounds memory access";
    (void)run(i, "init", end - 10, 0, 10);
    assert_memory_equal(bytes_of(i) + end - 10, "0123456789", 10);
    expect_trap(trap(i, "init", end - 9, 0, 10), outside);
    expect_trap(trap(i, "init", 0, 1, 10), outside);
    expect_trap(trap(i, "init", far, 0, 1), outside);
    expect_trap(trap(i, "init", 0, far, far), outside);
    (void)run(i, "init", end, 10, 0);
    expect_trap(trap(i, "init", end + 1, 0, 0), outside);
    expect_trap(trap(i, "init", 0, 11, 0), outside);
    (void)run(i, "drop", 0, 0, 0);
    (void)run(i, "init", 0, 0, 0);
    expect_trap(trap(i, "init", 0, 0, 1), outside);
    (void)run(i, "fill", 0, 0x1ab, end);
    assert_int_equal(bytes_of(i)[end - 1], 0xab);
    expect_trap(trap(i, "fill", 1, 0, end), outside);
    expect_trap(trap(i, "fill", far, 0, far), outside);
    expect_trap(trap(i, "copy", 1, 0, end), outside);
    expect_trap(trap(i, "copy", 0, 1, end), outside);
    expect_trap(trap(i, "copy", 0, end + 1, 0), outside);
    (void)run(i, "copy", end, end, 0);
    wasm_store_close(s);
}

/* More than the pieces that it is done in, forwards and backwards. */
static void test_large_copies_overlap_as_if_at_once(void **state)
{
    (void)state;
    struct wasm_store *s = open_store();
    struct wasm_instance *i = make(s, HELPERS);
    assert_int_equal(run(i, "grow", 49, 0, 0), 1);
    const uint32_t n = (3 << 20) + 17;
    for (uint32_t k = 0; k < n; k++) {
        bytes_of(i)[k] = (uint8_t)(k * 7 + (k >> 8));
    }
    uint8_t *wanted = malloc(n);
    memcpy(wanted, bytes_of(i), n);
    (void)run(i, "copy", 1000, 0, n);
    assert_memory_equal(bytes_of(i) + 1000, wanted, n);
    (void)run(i, "copy", 3, 1000, n);
    assert_memory_equal(bytes_of(i) + 3, wanted, n);
    (void)run(i, "fill", 5, 0x5a, n);
    assert_int_equal(bytes_of(i)[4], wanted[1]);
    assert_int_equal(bytes_of(i)[5], 0x5a);
    assert_int_equal(bytes_of(i)[n + 4], 0x5a);
    free(wanted);
    wasm_store_close(s);
}

static void test_memory_grows_to_its_maximum_and_to_the_quota(void **state)
{
    (void)state;
    struct wasm_store *s = open_store();
    struct wasm_instance *i = make(s, HELPERS), *other = make(s, HELPERS);
    assert_int_equal(run(i, "grow", 0, 0, 0), 1);
    assert_int_equal(run(i, "grow", 70, 0, 0), UINT32_MAX);
    assert_int_equal(run(i, "grow", UINT32_MAX, 0, 0), UINT32_MAX);
    assert_int_equal(run(i, "grow", 69, 0, 0), 1);
    bytes_of(i)[70 * WASM_PAGE - 1] = 1;
    assert_int_equal(run(other, "grow", PAGES - 70, 0, 0), UINT32_MAX);
    assert_int_equal(run(other, "grow", PAGES - 71, 0, 0), 1);
    wasm_store_close(s);
}

static void test_table_instructions_have_exact_bounds(void **state)
{
    (void)state;
    struct wasm_store *s = open_store();
    struct wasm_instance *i = make(s, HELPERS);
    const char *outside = "out of bounds table access";
    (void)run(i, "table_fill", 2, 77, 8);
    assert_int_equal(run(i, "table_get", 9, 0, 0), 77);
    assert_int_equal(run(i, "table_get", 1, 0, 0), 0);
    expect_trap(trap(i, "table_get", 10, 0, 0), outside);
    expect_trap(trap(i, "table_fill", 3, 77, 8), outside);
    expect_trap(trap(i, "table_fill", UINT32_MAX, 77, 1), outside);
    (void)run(i, "table_copy", 1, 2, 8);
    assert_int_equal(run(i, "table_get", 1, 0, 0), 77);
    expect_trap(trap(i, "table_copy", 0, 3, 8), outside);
    expect_trap(trap(i, "table_copy_to_u", 3, 0, 8), outside);
    (void)run(i, "table_copy_to_u", 2, 0, 8);
    (void)run(i, "table_init", 1, 0, 2);
    expect_trap(trap(i, "table_init", 2, 0, 2), outside);
    expect_trap(trap(i, "table_init", 0, 1, 2), outside);
    (void)run(i, "elem_drop", 0, 0, 0);
    expect_trap(trap(i, "table_init", 0, 0, 1), outside);
    (void)run(i, "table_init", 3, 0, 0);
    wasm_store_close(s);
}

static void test_tables_grow_one_by_one_to_their_maximum(void **state)
{
    (void)state;
    struct wasm_store *s = open_store();
    struct wasm_instance *i = make(s, HELPERS);
    for (uint64_t n = 10; n < 2000; n++) {
        assert_int_equal(run(i, "table_grow", n, 1, 0), n);
    }
    assert_int_equal(run(i, "table_get", 9, 0, 0), 0);
    assert_int_equal(run(i, "table_get", 1999, 0, 0), 1999);
    assert_int_equal(run(i, "table_grow", 5, 98000, 0), 2000);
    assert_int_equal(run(i, "table_grow", 5, 1, 0), UINT32_MAX);
    assert_int_equal(run(i, "table_grow", 5, 0, 0), 100000);
    assert_int_equal(run(i, "table_size", 0, 0, 0), 100000);
    /* Both have 13 elements in other tables. */
    struct wasm_instance *other = make(s, HELPERS);
    const uint32_t left = ELEMENTS - 100000 - 13 - 23;
    assert_int_equal(run(other, "table_grow", 5, left + 1, 0), UINT32_MAX);
    assert_int_equal(run(other, "table_grow", 5, left, 0), 10);
    wasm_store_close(s);
}

/* ---- Host functions ---- */

static uint64_t bits_of(double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return bits;
}

static double of_bits(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

static enum wasm_outcome host_sum(struct wasm_host *h, const uint64_t *args, uint64_t *results,
                                  enum ir_trap *why)
{
    (void)why;
    assert_int_equal(*(int *)h->data, 42);
    uint32_t bits = (uint32_t)args[2];
    float f;
    memcpy(&f, &bits, sizeof f);
    assert_int_equal(args[2] >> 32, 0);
    uint64_t sum = args[0] + args[1];
    for (unsigned n = 4; n < 11; n++) {
        sum = sum * 10 + args[n];
    }
    results[0] = sum;
    results[1] = bits_of((double)f + of_bits(args[3]));
    return WASM_RETURNED;
}

static uint64_t host_direct(struct wasm_host *h, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                            uint64_t e)
{
    (void)h, (void)d, (void)e;
    assert_int_equal(b, UINT64_C(0x100000001));
    assert_int_equal(c, UINT32_MAX);
    return (uint32_t)(a + c);
}

static enum wasm_outcome host_poke(struct wasm_host *h, const uint64_t *args, uint64_t *results,
                                   enum ir_trap *why)
{
    (void)results;
    uint32_t *at = wasm_host_memory(h, (uint32_t)args[0], sizeof *at);
    if (at == NULL) {
        *why = IR_TRAP_MEMORY;
        return WASM_TRAPPED;
    }
    memcpy(at, &args[1], sizeof *at);
    return WASM_RETURNED;
}

static enum wasm_outcome host_fail(struct wasm_host *h, const uint64_t *args, uint64_t *results,
                                   enum ir_trap *why)
{
    (void)h, (void)args, (void)results;
    *why = IR_TRAP_CONVERSION;
    return WASM_TRAPPED;
}

static enum wasm_outcome host_quit(struct wasm_host *h, const uint64_t *args, uint64_t *results,
                                   enum ir_trap *why)
{
    (void)args, (void)results, (void)why;
    *(int *)h->data = 7;
    return WASM_STOPPED;
}

static uint64_t host_stop(struct wasm_host *h, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                          uint64_t e)
{
    (void)a, (void)b, (void)c, (void)d, (void)e;
    wasm_store_stop(h->store);
    return 0;
}

/* Leaves nothing in the registers that C functions need not keep. */
static enum wasm_outcome host_scrub(struct wasm_host *h, const uint64_t *args, uint64_t *results,
                                    enum ir_trap *why)
{
    (void)h, (void)args, (void)results, (void)why;
#if defined(__x86_64__)
    __asm__ volatile("pcmpeqd %%xmm0, %%xmm0\n\tmovaps %%xmm0, %%xmm7\n\tmovaps %%xmm0, %%xmm8\n\t"
                     "movaps %%xmm0, %%xmm9\n\tmovaps %%xmm0, %%xmm10\n\tmovaps %%xmm0, %%xmm11\n\t"
                     "movaps %%xmm0, %%xmm12\n\tmovaps %%xmm0, %%xmm13\n\tmovaps %%xmm0, %%xmm14" ::
                         : "xmm0", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
                           "xmm14");
#endif
    return WASM_RETURNED;
}

static const struct wasm_host_function host_functions[] = {
    {"sum", "iIfFiiiiiii:IF", host_sum, NULL},
    {"direct", "iIi:i", NULL, host_direct},
    {"poke", "ii:", host_poke, NULL},
    {"fail", ":", host_fail, NULL},
    {"quit", ":", host_quit, NULL},
    {"stop", ":i", NULL, host_stop},
    {"scrub", "i:", host_scrub, NULL},
};
static const struct wasm_host_module host = {"host", host_functions, 7};

static struct wasm_instance *make_hosted(struct wasm_store *s, int *data)
{
    assert_int_equal(wasm_store_add_host(s, &host, data), OK);
    return make(s, HOSTED);
}

static void test_host_functions_get_and_give_every_kind_of_value(void **state)
{
    (void)state;
    int data = 42;
    struct wasm_store *s = open_store();
    struct wasm_instance *i = make_hosted(s, &data);
    uint64_t args[] = {12}, results[2];
    struct wasm_stop stop;
    assert_int_equal(call(i, "sum", args, results, &stop), WASM_RETURNED);
    assert_int_equal(results[0], 103456789);
    assert_true(of_bits(results[1]) == 1.75);
    assert_int_equal(run(i, "direct", 3, 0, 0), 2);
    const uint64_t direct[] = {8, UINT64_C(0x100000001), UINT32_MAX};
    assert_int_equal(call(i, "again", direct, results, &stop), WASM_RETURNED);
    assert_int_equal(results[0], 7);
    wasm_store_close(s);
}

static void test_values_live_on_over_host_functions(void **state)
{
    (void)state;
    int data = 0;
    struct wasm_store *s = open_store();
    struct wasm_instance *i = make_hosted(s, &data);
    assert_true(of_bits(run(i, "keep", bits_of(1.5), 0, 0)) == 1.5 * 255);
    wasm_store_close(s);
}

static void test_host_functions_see_the_memory_of_who_imported_them(void **state)
{
    (void)state;
    int data = 0;
    struct wasm_store *s = open_store();
    struct wasm_instance *i = make_hosted(s, &data), *other = make(s, HOSTED);
    assert_int_equal(run(i, "poke", WASM_PAGE - 4, 0x1234, 0), 0x1234);
    assert_int_equal(bytes_of(other)[WASM_PAGE - 4], 0);
    expect_trap(trap(i, "poke", WASM_PAGE - 3, 1, 0), "out of bounds memory access");
    expect_trap(trap(i, "poke", UINT32_MAX, 1, 0), "out of bounds memory access");
    wasm_store_close(s);
}

static void test_a_host_function_of_another_type_is_refused(void **state)
{
    (void)state;
    static const char *const others[] = {"", ":", "i:I", "ii:i", "i", "i:ii", "I:i", "i:i:", ":ii"};
    static const uint8_t description[] = {0, 0};
    for (size_t n = 0; n < sizeof others / sizeof others[0]; n++) {
        const struct wasm_host_function f = {"f", others[n], host_fail, NULL};
        const struct wasm_host_module one = {"a", &f, 1};
        struct wasm_store *s = open_store();
        struct wasm_instance *i;
        struct wasm_stop stop;
        struct wasm_error err = {.text = ""};
        uint8_t bytes[64];
        assert_int_equal(wasm_store_add_host(s, &one, NULL), OK);
        enum status status = try_bytes(s, with_import("f", description, 2, bytes), &i, &stop, &err);
        if (status != E_UNRESOLVED || strstr(err.text, "incompatible import type") == NULL) {
            fail_msg("%s: %s: %s", others[n], status_text(status), err.text);
        }
        wasm_store_close(s);
    }
}

/* ---- Ends ---- */

static void test_a_trap_names_the_functions_that_were_open(void **state)
{
    (void)state;
    int data = 0;
    struct wasm_store *s = open_store();
    struct wasm_instance *i = make_hosted(s, &data);
    struct wasm_stop stop;
    uint64_t args[] = {0}, result;
    assert_int_equal(call(i, "fail", args, &result, &stop), WASM_TRAPPED);
    assert_int_equal(stop.trap, IR_TRAP_CONVERSION);
    assert_int_equal(stop.depth, 2);
    assert_ptr_equal(stop.frames[0].module, i->code->module);
    assert_int_equal(stop.frames[0].function + 1, stop.frames[1].function);
    args[0] = 40;
    assert_int_equal(call(i, "deep", args, &result, &stop), WASM_TRAPPED);
    assert_int_equal(stop.trap, IR_TRAP_DIVIDE);
    assert_int_equal(stop.depth, 42);
    const struct wasm_module *m = stop.frames[0].module;
    assert_int_equal(m->bytes[stop.frames[0].offset], 0x6e); /* i32.div_u */
    for (unsigned n = 1; n < WASM_FRAMES; n++) {
        assert_int_equal(stop.frames[n].function, stop.frames[0].function);
        assert_int_equal(m->bytes[stop.frames[n].offset], 0x10); /* call */
    }
    args[0] = UINT32_MAX;
    assert_int_equal(call(i, "deep", args, &result, &stop), WASM_TRAPPED);
    assert_string_equal(wasm_trap_text(&stop), "call stack exhausted");
    wasm_store_close(s);
}

static void test_addresses_in_compiled_code_have_names(void **state)
{
    (void)state;
    int data = 0;
    struct wasm_store *s = open_store();
    struct wasm_instance *i = make_hosted(s, &data);
    char name[64];
    if (engine == &wasm_compiled) {
        const struct code_piece *piece = wasm_compiled_piece(i->code);
        uint64_t address = piece->block.address;
        uint32_t last = i->code->module->function_count - 1;
        assert_null(code_piece_function(piece, 0));
        assert_null(code_piece_function(piece, last + 1));
        const struct code_function *f = code_piece_function(piece, last);
        assert_true(f->size > 0);
        code_piece_describe(piece, address + f->start + 1, name, sizeof name);
        assert_string_equal(name, LAST_NAME "+0x1");
        f = code_piece_function(piece, DEEP);
        code_piece_describe(piece, address + f->start + f->size - 1, name, sizeof name);
        assert_int_equal(strncmp(name, "deep+0x", 7), 0);
        assert_ptr_equal(code_map_find(piece->map, address), piece);
        assert_null(code_map_find(piece->map, (uintptr_t)name));
        uint64_t adapter = s->hosts->func.code;
        code_piece_describe(code_map_find(piece->map, adapter), adapter, name, sizeof name);
        assert_string_equal(name, "(call of a host function)+0x0");
    }
    wasm_store_close(s);
}

static void test_a_host_function_ends_the_program(void **state)
{
    (void)state;
    int data = 0;
    struct wasm_store *s = open_store();
    struct wasm_instance *i = make_hosted(s, &data);
    struct wasm_stop stop;
    uint64_t result;
    assert_int_equal(call(i, "quit", NULL, &result, &stop), WASM_STOPPED);
    assert_int_equal(data, 7);
    /* The store itself was not stopped. */
    assert_int_equal(run(i, "direct", 3, 0, 0), 2);
    wasm_store_close(s);
}

static void test_a_stopped_store_runs_nothing_any_more(void **state)
{
    (void)state;
    static const char *const names[] = {"stop", "forever"};
    for (unsigned n = 0; n < 2; n++) {
        int data = 0;
        struct wasm_store *s = open_store();
        struct wasm_instance *i = make_hosted(s, &data);
        struct wasm_stop stop;
        uint64_t result;
        assert_int_equal(call(i, names[n], NULL, &result, &stop), WASM_STOPPED);
        assert_int_equal(call(i, "quit", NULL, &result, &stop), WASM_STOPPED);
        assert_int_equal(data, 0);
        wasm_store_close(s);
    }
}

struct stopper {
    pthread_t runner;
    struct wasm_store *store;
    const _Atomic uint32_t *turns; /* in the program's memory */
};

/* Waits until the loop turns. */
static void *stop_from_outside(void *arg)
{
    const struct stopper *stopper = arg;
    while (*stopper->turns < 1000) {
        sched_yield();
    }
    wasm_store_stop(stopper->store);
    pthread_kill(stopper->runner, SIGUSR1);
    return NULL;
}

static void test_a_loop_is_stopped_at_any_instruction(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 50; n++) {
        int data = 0;
        struct wasm_store *s = open_store();
        struct wasm_instance *i = make_hosted(s, &data);
        struct stopper stopper = {.runner = pthread_self(),
                                  .store = s,
                                  .turns = (const _Atomic uint32_t *)(const void *)bytes_of(i)};
        pthread_t thread;
        struct wasm_stop stop;
        assert_int_equal(pthread_create(&thread, NULL, stop_from_outside, &stopper), 0);
        assert_int_equal(call(i, "spin", NULL, NULL, &stop), WASM_STOPPED);
        assert_int_equal(pthread_join(thread, NULL), 0);
        wasm_store_close(s);
    }
}

/* ---- Memory ---- */

static bool everything(void)
{
    static const struct wasm_quota quota = {.pages = PAGES, .elements = ELEMENTS};
    int data = 42;
    struct wasm_store *s;
    struct wasm_instance *a, *b;
    struct wasm_stop stop;
    struct wasm_error err;
    if (wasm_store_open(engine, options, &quota, &s) != OK) {
        return false;
    }
    bool ok = wasm_store_add_host(s, &host, &data) == OK &&
              try_bytes(s, modules[EXPORTER], &a, &stop, &err) == OK &&
              wasm_store_register(s, text("a"), a) == OK &&
              try_bytes(s, modules[IMPORTER], &b, &stop, &err) == OK &&
              try_bytes(s, modules[HOSTED], &b, &stop, &err) == OK &&
              try_bytes(s, modules[HELPERS], &b, &stop, &err) == OK;
    if (ok) {
        uint64_t args[] = {1, 1000}, result;
        ok = call(b, "grow", args, &result, &stop) == WASM_RETURNED && result == 1 &&
             call(b, "table_grow", args, &result, &stop) == WASM_RETURNED && result == 10;
    }
    wasm_store_close(s);
    return ok;
}

static void test_memory_that_runs_out_at_each_allocation(void **state)
{
    (void)state;
    fake_sweep("load, link and run", everything);
}

static void test_a_closed_store_leaves_nothing(void **state)
{
    (void)state;
    uint64_t before = live_objects();
    assert_true(everything());
    assert_int_equal(live_objects(), before);
    wasm_store_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_instances_share_what_they_import),
        cmocka_unit_test(test_links_match_by_name_and_type),
        cmocka_unit_test(test_a_newer_name_hides_an_older_one),
        cmocka_unit_test(test_a_segment_that_does_not_fit_leaves_what_came_before),
        cmocka_unit_test(test_memory_instructions_have_exact_bounds),
        cmocka_unit_test(test_large_copies_overlap_as_if_at_once),
        cmocka_unit_test(test_memory_grows_to_its_maximum_and_to_the_quota),
        cmocka_unit_test(test_table_instructions_have_exact_bounds),
        cmocka_unit_test(test_tables_grow_one_by_one_to_their_maximum),
        cmocka_unit_test(test_host_functions_get_and_give_every_kind_of_value),
        cmocka_unit_test(test_values_live_on_over_host_functions),
        cmocka_unit_test(test_host_functions_see_the_memory_of_who_imported_them),
        cmocka_unit_test(test_a_host_function_of_another_type_is_refused),
        cmocka_unit_test(test_a_trap_names_the_functions_that_were_open),
        cmocka_unit_test(test_addresses_in_compiled_code_have_names),
        cmocka_unit_test(test_a_host_function_ends_the_program),
        cmocka_unit_test(test_a_stopped_store_runs_nothing_any_more),
        cmocka_unit_test(test_a_loop_is_stopped_at_any_instruction),
        cmocka_unit_test(test_memory_that_runs_out_at_each_allocation),
        cmocka_unit_test(test_a_closed_store_leaves_nothing),
    };
    catch_signals(); /* completes the options */
    engine = &wasm_interpreter;
    options = &interpreted;
    int failed = cmocka_run_group_tests_name("interpreted", tests, set_up, NULL);
    engine = &wasm_compiled;
    options = &compiled_options;
    return failed + cmocka_run_group_tests_name("compiled", tests, NULL, tear_down);
}
