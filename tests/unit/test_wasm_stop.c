// SPDX-License-Identifier: MIT
//
// A store that is stopped while a module is being prepared: the engine
// aborts, and frees everything.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake/world.h"
#include "kernel/wasm/run/runtime.h"
#include "kernel/wasm/run/store.h"
#include "kernel/wasm/run/wasm_compiled.h"
#include "kernel/wasm/run/wasm_interp.h"

/* (module (memory 1) (func (export "first"))) */
static const uint8_t module[] = {0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04,
                                 0x01, 0x60, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00, 0x05, 0x03,
                                 0x01, 0x00, 0x01, 0x07, 0x09, 0x01, 0x05, 0x66, 0x69, 0x72,
                                 0x73, 0x74, 0x00, 0x00, 0x0a, 0x04, 0x01, 0x02, 0x00, 0x0b};

/* (module (table 4 funcref) (elem func $f) (func $f (export "first"))) */
static const uint8_t tables[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x02,
    0x01, 0x00, 0x04, 0x04, 0x01, 0x70, 0x00, 0x04, 0x07, 0x09, 0x01, 0x05, 0x66, 0x69, 0x72, 0x73,
    0x74, 0x00, 0x00, 0x09, 0x05, 0x01, 0x01, 0x00, 0x01, 0x00, 0x0a, 0x04, 0x01, 0x02, 0x00, 0x0b};

static enum status alloc_nothing(void *ctx, size_t size, struct code_block *out)
{
    (void)ctx, (void)size, (void)out;
    return E_NOMEM; /* the engine must not get this far */
}

static enum status load_stopped(const struct wasm_engine *engine, const void *options)
{
    const struct wasm_quota quota = {.pages = 1, .elements = 1};
    const struct wasm_bounds bounds = {.arena_bytes = 1 << 20, .table_elements = 1};
    struct wasm_store *s;
    struct wasm_module *m;
    struct wasm_code *code;
    struct wasm_error err;
    assert_int_equal(wasm_store_open(engine, options, &quota, &s), OK);
    assert_int_equal(wasm_module_decode(module, sizeof module, &bounds, &m, &err), OK);
    wasm_store_stop(s);
    enum status status = wasm_load(s, m, &code, &err);
    wasm_store_close(s);
    return status;
}

static void test_no_engine_prepares_for_a_stopped_store(void **state)
{
    (void)state;
    const struct wasm_interpreter_options interpreter = {.stack_bytes = 4096,
                                                         .arena_bytes = 1 << 20};
    const struct code_space nowhere = {.alloc = alloc_nothing};
    const struct wasm_compiled_options compiled = {
        .machine = &jit_machine_x86_64, .space = &nowhere, .arena_bytes = 1 << 20};
    assert_int_equal(load_stopped(&wasm_interpreter, &interpreter), E_CANCELLED);
    assert_int_equal(load_stopped(&wasm_compiled, &compiled), E_CANCELLED);
}

/* An interrupt hardly ever finds a program that only calls helpers in its own code. */
static void test_table_helpers_of_a_stopped_store_do_nothing(void **state)
{
    (void)state;
    const struct wasm_interpreter_options options = {.stack_bytes = 4096, .arena_bytes = 1 << 20};
    const struct wasm_quota quota = {.pages = 1, .elements = 4};
    const struct wasm_bounds bounds = {.arena_bytes = 1 << 20, .table_elements = 4};
    struct wasm_store *s;
    struct wasm_module *m;
    struct wasm_code *code;
    struct wasm_instance *i;
    struct wasm_stop stop;
    struct wasm_error err;
    assert_int_equal(wasm_store_open(&wasm_interpreter, &options, &quota, &s), OK);
    assert_int_equal(wasm_module_decode(tables, sizeof tables, &bounds, &m, &err), OK);
    assert_int_equal(wasm_load(s, m, &code, &err), OK);
    assert_int_equal(wasm_instantiate(s, code, &i, &stop, &err), OK);
    wasm_release(s, code);
    for (unsigned stopped = 0; stopped < 2; stopped++) {
        uint64_t expected = stopped == 0;
        assert_int_equal(wasm_helpers[WASM_HELPER_TABLE_FILL](&i->context, 0, 0, 0, 4), expected);
        assert_int_equal(wasm_helpers[WASM_HELPER_TABLE_COPY](&i->context, 0, 0, 1, 3), expected);
        assert_int_equal(wasm_helpers[WASM_HELPER_TABLE_INIT](&i->context, 0, 0, 0, 1), expected);
        wasm_store_stop(s);
    }
    wasm_store_close(s);
}

/* However code leaves after the flag is set, it was stopped. */
static void test_a_trap_or_exception_of_a_stopped_store_is_none(void **state)
{
    (void)state;
    struct wasm_store s = {.first = NULL};
    struct wasm_stop stop;
    assert_int_equal(wasm_end(&s, WASM_TRAPPED, &stop), WASM_TRAPPED);
    assert_int_equal(wasm_end(&s, WASM_THROWN, &stop), WASM_THROWN);
    wasm_store_stop(&s);
    assert_int_equal(wasm_end(&s, WASM_TRAPPED, &stop), WASM_STOPPED);
    assert_int_equal(wasm_end(&s, WASM_THROWN, &stop), WASM_STOPPED);
    assert_int_equal(stop.outcome, WASM_STOPPED);
    assert_int_equal(wasm_end(&s, WASM_RETURNED, &stop), WASM_RETURNED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_engine_prepares_for_a_stopped_store),
        cmocka_unit_test(test_table_helpers_of_a_stopped_store_do_nothing),
        cmocka_unit_test(test_a_trap_or_exception_of_a_stopped_store_is_none),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
