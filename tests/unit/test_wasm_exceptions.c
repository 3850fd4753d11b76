// SPDX-License-Identifier: MIT
//
// The lifetime of exceptions, the report about an uncaught one, and exceptions that pass through
// the host, on each engine. The suites of conformance cover the instructions.
#include "jit/wasm_env.h"
#include "kernel/jit/budget.h"
#include "kernel/lib/string.h"
#include "kernel/wasm/run/exception.h"
#include "tests/unit/jit/wasm_bytes.h"

#define SLOTS 20000u

/* Types: 0 (i32) -> (), also of tag 0; 1 () -> (), of tag 1; 2 (i32) -> (i32). */
static const uint8_t head[] = {
    0,  'a',  's', 'm',  1,   0,    0,    0,                             /**/
    1,  13,   3,   0x60, 1,   0x7f, 0,    0x60, 0,   0,   0x60, 1, 0x7f, /**/
    1,  0x7f,                                                            /**/
    2,  10,   1,   1,    'h', 4,    'b',  'a',  'c', 'k', 0,    0,       /* function 0 */
    3,  9,    8,   2,    0,   0,    0,    0,    0,   0,   2,             /* functions 1 to 8 */
    4,  6,    1,   0x69, 0,   0xa0, 0x9c, 1,                             /* 20,000 exnrefs */
    13, 5,    2,   0,    0,   0,    1,                                   /* two tags */
    6,  6,    1,   0x69, 1,   0xd0, 0x69, 0x0b,                          /* a global of exnref */
};

#define TRY_CATCH_VALUE 0x02, 0x7f, 0x1f, 0x40, 1, 0, 0, 0
#define TRY_CATCH_REF   0x02, 0x69, 0x1f, 0x40, 1, 3, 0
#define THROW           0x20, 0, 0x08, 0, 0x0b, 0x00, 0x0b /* the argument; ends try and block */
#define COUNT_DOWN      0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b

/* 1: throws and catches as often as the argument says. 2: a new exception for an element of the
 * table. 3: throws that again. 4: removes it. 5: makes exnrefs that nothing keeps. 6: throws. 7:
 * calls 6 in a try that does not fit. 8: catches an exception from the host. */
static const uint8_t catches[] = {0,    0x03, 0x40, TRY_CATCH_VALUE, THROW, 0x1a, COUNT_DOWN,
                                  0x41, 7,    0x0b};
static const uint8_t keeps[] = {0, 0x20, 0, TRY_CATCH_REF, THROW, 0x26, 0, 0x0b};
static const uint8_t again[] = {0, 0x20, 0, 0x25, 0, 0x0a, 0x0b};
static const uint8_t drops[] = {0, 0x20, 0, 0xd0, 0x69, 0x26, 0, 0x0b};
static const uint8_t loses[] = {0, 0x03, 0x40, TRY_CATCH_REF, THROW, 0x1a, COUNT_DOWN, 0x0b};
static const uint8_t throws[] = {0, 0x20, 0, 0x08, 0, 0x0b};
static const uint8_t passes[] = {0, 0x02, 0x40, 0x1f, 0x40, 1,    0,    1,
                                 0, 0x20, 0,    0x10, 6,    0x0b, 0x0b, 0x0b};
static const uint8_t through[] = {0,    0x02, 0x7f, 0x1f, 0x40, 1,    0, 0,    0,
                                  0x20, 0,    0x10, 0,    0x0b, 0x41, 0, 0x0b, 0x0b};

static const struct {
    const char *name;
    const uint8_t *body;
    uint8_t size;
} functions[] = {
    {"catches", catches, sizeof catches}, {"keeps", keeps, sizeof keeps},
    {"again", again, sizeof again},       {"drops", drops, sizeof drops},
    {"loses", loses, sizeof loses},       {"throws", throws, sizeof throws},
    {"passes", passes, sizeof passes},    {"through", through, sizeof through},
};

static void put_module(struct bytes *b)
{
    put(b, head, sizeof head);
    size_t exports = begin_section(b, 7);
    PUT(b, ARRAY_COUNT(functions) + 1, 1, 'e', 4, 0);
    for (uint8_t n = 0; n < ARRAY_COUNT(functions); n++) {
        put_name(b, functions[n].name);
        PUT(b, 0, (uint8_t)(n + 1));
    }
    end_size(b, exports);
    size_t code = begin_section(b, 10);
    PUT(b, ARRAY_COUNT(functions));
    for (unsigned n = 0; n < ARRAY_COUNT(functions); n++) {
        PUT(b, functions[n].size);
        put(b, functions[n].body, functions[n].size);
    }
    end_size(b, code);
}

static struct wasm_instance *instance; /* whose export "throws" the host calls */

/* Calls the program, and passes on what it throws. */
static enum wasm_outcome host_back(struct wasm_host *h, const uint64_t *args, uint64_t *results,
                                   enum ir_trap *trap)
{
    struct wasm_stop stop;
    (void)h, (void)results;
    enum wasm_outcome outcome = call(instance, "throws", args, NULL, &stop);
    *trap = stop.trap;
    return outcome;
}

static const struct wasm_host_function host_functions[] = {
    {.name = "back", .signature = "i:", .array = host_back}};
static const struct wasm_host_module host = {
    .name = "h", .functions = host_functions, .count = ARRAY_COUNT(host_functions)};

static struct wasm_store *open_with_module(struct wasm_store *s, struct bytes *b)
{
    struct wasm_stop stop;
    struct wasm_error err = {.text = ""};
    put_module(b);
    assert_int_equal(wasm_store_add_host(s, &host, NULL), OK);
    enum status status =
        try_bytes(s, (struct wasm_bytes){b->at, (uint32_t)b->count}, &instance, &stop, &err);
    if (status != OK) {
        fail_msg("%s", err.text);
    }
    return s;
}

static enum wasm_outcome call_with(const char *name, uint64_t argument, struct wasm_stop *stop)
{
    uint64_t result;
    return call(instance, name, &argument, &result, stop);
}

static void must_return(const char *name, uint64_t argument)
{
    struct wasm_stop stop;
    assert_int_equal(call_with(name, argument, &stop), WASM_RETURNED);
}

static void test_an_exception_without_an_exnref_is_freed_when_it_is_caught(void **state)
{
    (void)state;
    struct bytes b = {0};
    struct wasm_store *s = open_with_module(open_store(), &b);
    must_return("catches", 1000);
    assert_int_equal(wasm_exceptions_count(s), 0);
    wasm_store_close(s);
    free(b.at);
}

static void test_tables_keep_exceptions_and_others_are_collected(void **state)
{
    (void)state;
    struct bytes b = {0};
    struct wasm_stop stop;
    uint64_t before = live_objects();
    struct wasm_store *s = open_with_module(open_store(), &b);
    for (uint64_t n = 0; n < 300; n++) {
        must_return("keeps", n);
    }
    must_return("loses", 20000);
    assert_in_range(wasm_exceptions_count(s), 300, 5000);
    for (uint64_t n = 0; n < 300; n++) {
        assert_int_equal(call_with("again", n, &stop), WASM_THROWN);
        assert_int_equal(stop.thrown.values[0], n);
        must_return("drops", n);
    }
    must_return("loses", 20000);
    assert_in_range(wasm_exceptions_count(s), 0, 5000);
    assert_int_equal(call_with("again", 0, &stop), WASM_TRAPPED);
    assert_string_equal(wasm_trap_text(&stop), "null exception reference");
    wasm_store_close(s);
    free(b.at);
    assert_int_equal(live_objects(), before);
}

static void test_an_uncaught_exception_is_told_with_the_frames_that_it_left(void **state)
{
    (void)state;
    struct bytes b = {0};
    struct wasm_stop stop;
    char text[80];
    struct wasm_store *s = open_with_module(open_store(), &b);
    assert_int_equal(call_with("passes", 5, &stop), WASM_THROWN);
    assert_int_equal(stop.outcome, WASM_THROWN);
    assert_int_equal(stop.depth, 2);
    assert_int_equal(stop.frames[0].function, 6);
    assert_int_equal(stop.frames[1].function, 7);
    assert_int_equal(instance->code->module->bytes[stop.frames[0].offset], 0x08);
    wasm_exception_text(&stop.thrown, text, sizeof text);
    assert_string_equal(text, "tag 0 \"e\", i32 5");
    wasm_store_close(s);
    free(b.at);
}

/* What is told of a thrown exception whose tag has these parameters. */
static void must_tell(const uint8_t *types, uint32_t count, uint64_t first, uint64_t second,
                      const char *expected)
{
    struct wasm_signature signature = {.types = types, .params = count};
    struct wasm_tag tag = {.type = 0};
    const struct wasm_module m = {.signatures = &signature, .tags = &tag};
    const struct wasm_thrown thrown = {.module = &m, .values = {first, second}};
    char text[80];
    wasm_exception_text(&thrown, text, sizeof text);
    assert_string_equal(text, expected);
}

static void test_values_are_told_but_no_address(void **state)
{
    (void)state;
    must_tell((const uint8_t[]){WASM_I64, WASM_F32}, 2, UINT64_MAX, 0x7fc00000,
              "tag 0, i64 -1, f32 0x7fc00000");
    must_tell((const uint8_t[]){WASM_FUNCREF, WASM_EXTERNREF}, 2, 0xffff800012345678, 0,
              "tag 0, funcref, externref null");
    must_tell((const uint8_t[]){WASM_V128, WASM_I32}, 2, 1, 2,
              "tag 0, v128 0x00000000000000020000000000000001");
    must_tell((const uint8_t[]){WASM_I32, WASM_V128, WASM_I32}, 3, 7, 8, "tag 0, i32 7");
}

static void test_an_exception_passes_through_the_host(void **state)
{
    (void)state;
    struct bytes b = {0};
    struct wasm_stop stop;
    uint64_t argument = 41, result = 0;
    struct wasm_store *s = open_with_module(open_store(), &b);
    assert_int_equal(call(instance, "through", &argument, &result, &stop), WASM_RETURNED);
    assert_int_equal(result, 41);
    wasm_store_close(s);
    free(b.at);
}

/* ---- Memory ---- */

struct limited {
    struct budget budget;
    size_t used, limit;
};

static bool charge(struct budget *b, size_t bytes)
{
    struct limited *l = CONTAINER_OF(b, struct limited, budget);
    if (bytes > l->limit - l->used) {
        return false;
    }
    l->used += bytes;
    return true;
}

static void uncharge(struct budget *b, size_t bytes)
{
    CONTAINER_OF(b, struct limited, budget)->used -= bytes;
}

static void set_open(struct budget *b, bool open)
{
    (void)b, (void)open;
}

static void test_exceptions_count_against_the_programs_memory(void **state)
{
    (void)state;
    struct bytes b = {0};
    struct wasm_stop stop;
    struct limited l = {.budget = {.charge = charge, .uncharge = uncharge, .set_open = set_open},
                        .limit = SIZE_MAX};
    const struct wasm_quota quota = {.pages = PAGES, .elements = ELEMENTS, .budget = &l.budget};
    struct wasm_store *s;
    wasm_store_close(open_store()); /* sets up the engine */
    assert_int_equal(wasm_store_open(engine, options, &quota, &s), OK);
    (void)open_with_module(s, &b);
    must_return("keeps", 0); /* and all that is called below, so that nothing is compiled there */
    must_return("drops", 1);
    must_return("loses", 1);
    assert_int_equal(call_with("again", 1, &stop), WASM_TRAPPED);
    l.limit = l.used + ((size_t)64 << 10);
    uint64_t n = 1;
    while (n < SLOTS && call_with("keeps", n, &stop) == WASM_RETURNED) {
        n++;
    }
    assert_in_range(n, 100, 2000);
    assert_int_equal(stop.outcome, WASM_TRAPPED);
    assert_string_equal(wasm_trap_text(&stop), "out of memory");
    assert_int_equal(call_with("again", n - 1, &stop), WASM_THROWN);
    for (uint64_t k = 0; k < n; k++) {
        must_return("drops", k);
    }
    must_return("loses", 5000);
    wasm_store_close(s);
    free(b.at);
    assert_int_equal(l.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_exception_without_an_exnref_is_freed_when_it_is_caught),
        cmocka_unit_test(test_tables_keep_exceptions_and_others_are_collected),
        cmocka_unit_test(test_an_uncaught_exception_is_told_with_the_frames_that_it_left),
        cmocka_unit_test(test_values_are_told_but_no_address),
        cmocka_unit_test(test_an_exception_passes_through_the_host),
        cmocka_unit_test(test_exceptions_count_against_the_programs_memory),
    };
    return run_on_engines(tests);
}
