// SPDX-License-Identifier: MIT
//
// Host functions of both kinds, the ways in which running code ends (by a trap, by itself, from
// outside), and that a closed store leaks nothing.
#include "jit/wasm_env.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "fake/fake_failure.h"
#include "kernel/wasm/run/wasm_compiled.h"

/* Functions of hosted.wat: one with a name, and the last one, which has none. */
#define DEEP      18
#define LAST_NAME "(function 19)"

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

/* Clears all caller-saved registers. */
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

static void test_host_functions_take_and_return_every_kind_of_value(void **state)
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

static void test_values_survive_host_functions(void **state)
{
    (void)state;
    int data = 0;
    struct wasm_store *s = open_store();
    struct wasm_instance *i = make_hosted(s, &data);
    assert_true(of_bits(run(i, "keep", bits_of(1.5), 0, 0)) == 1.5 * 255);
    wasm_store_close(s);
}

static void test_host_functions_see_their_importers_memory(void **state)
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

static uint64_t host_same(struct wasm_host *h, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                          uint64_t e)
{
    (void)h, (void)b, (void)c, (void)d, (void)e;
    return a;
}

/* Compiled code calls directly, in C, the function that was linked when it was compiled: a function
 * of another kind cannot replace it later. */
static void test_a_name_cannot_hide_a_linked_host_function(void **state)
{
    (void)state;
    static const struct wasm_host_function f = {"direct", "i:i", NULL, host_same};
    static const struct wasm_host_module one = {"a", &f, 1};
    static const struct wasm_bounds bounds = {.arena_bytes = 1 << 20, .table_elements = 1};
    static const uint8_t description[] = {0, 0};
    int data = 0;
    uint8_t bytes[64];
    struct wasm_store *s = open_store();
    struct wasm_bytes importer = with_import("direct", description, 2, bytes);
    struct wasm_module *m;
    struct wasm_code *code;
    struct wasm_instance *i;
    struct wasm_stop stop;
    struct wasm_error err = {.text = ""};
    assert_int_equal(wasm_store_add_host(s, &one, NULL), OK);
    assert_int_equal(wasm_module_decode(importer.bytes, importer.len, &bounds, &m, &err), OK);
    assert_int_equal(wasm_load(s, m, &code, &err), OK);
    assert_int_equal(wasm_instantiate(s, code, &i, &stop, &err), OK);
    assert_int_equal(wasm_store_register(s, text("a"), make_hosted(s, &data)), OK);
    assert_int_equal(wasm_instantiate(s, code, &i, &stop, &err), E_UNRESOLVED);
    assert_non_null(strstr(err.text, engine->calls_hosts
                                         ? "it was a host function when the module was loaded"
                                         : "incompatible import type"));
    wasm_release(s, code);
    wasm_store_close(s);
}

/* ---- Ends ---- */

static void test_a_trap_names_the_active_functions(void **state)
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

/* Calling compiled code allocates nothing here: test_code_kernel.c tests calls that do. */
static void test_a_call_without_memory(void **state)
{
    (void)state;
    int data = 0;
    struct wasm_store *s = open_store();
    struct wasm_instance *i = make_hosted(s, &data);
    struct wasm_stop stop = {.depth = 0};
    uint64_t args[] = {1}, result;
    fake_fail_after(0, FAIL_FROM_THEN_ON);
    enum wasm_outcome outcome = call(i, "deep", args, &result, &stop);
    if (fake_fail_stop() > 0) {
        assert_int_equal(outcome, WASM_TRAPPED);
        assert_string_equal(wasm_trap_text(&stop), "out of memory");
    } else {
        assert_true(engine == &wasm_compiled);
    }
    wasm_store_close(s);
}

static bool is_lazy(void)
{
    const struct wasm_compiled_options *compiled = options;
    return engine == &wasm_compiled && compiled->lazy;
}

static void test_addresses_in_compiled_code_have_names(void **state)
{
    (void)state;
    int data = 0;
    struct wasm_store *s = open_store();
    struct wasm_instance *i = make_hosted(s, &data);
    char name[64];
    if (engine == &wasm_compiled && !is_lazy()) {
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

static void test_a_stopped_store_runs_nothing(void **state)
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
    const _Atomic uint32_t *turns; /* a counter in the program's memory */
};

/* Wait until the loop is running, then stop the store. */
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
    bool ok = wasm_store_add_host(s, &host, &data) == OK;
    /* The sweep repeats this for each allocation, so each engine loads only what has allocations of
     * its own. Decoding and linking allocate the same with all engines: the interpreter loads all
     * modules. Code and the adapters of host functions are the compiled engine's, which loads two
     * modules. Functions that are compiled on first call differ in stubs and batches, of which one
     * module has enough, and use the same adapters. */
    if (engine != &wasm_compiled) {
        ok = ok && try_bytes(s, modules[EXPORTER], &a, &stop, &err) == OK &&
             wasm_store_register(s, text("a"), a) == OK &&
             try_bytes(s, modules[IMPORTER], &b, &stop, &err) == OK;
    }
    if (!is_lazy()) {
        ok = ok && try_bytes(s, modules[HOSTED], &b, &stop, &err) == OK;
    }
    ok = ok && try_bytes(s, modules[HELPERS], &b, &stop, &err) == OK;
    if (ok) {
        uint64_t args[] = {1, 1000}, result;
        ok = call(b, "grow", args, &result, &stop) == WASM_RETURNED && result == 1 &&
             call(b, "table_grow", args, &result, &stop) == WASM_RETURNED && result == 10;
    }
    wasm_store_close(s);
    return ok;
}

static void test_out_of_memory_at_each_allocation(void **state)
{
    (void)state;
    fake_sweep("load, link and run", everything);
}

static void test_a_closed_store_leaks_nothing(void **state)
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
        cmocka_unit_test(test_host_functions_take_and_return_every_kind_of_value),
        cmocka_unit_test(test_values_survive_host_functions),
        cmocka_unit_test(test_host_functions_see_their_importers_memory),
        cmocka_unit_test(test_a_host_function_of_another_type_is_refused),
        cmocka_unit_test(test_a_name_cannot_hide_a_linked_host_function),
        cmocka_unit_test(test_a_trap_names_the_active_functions),
        cmocka_unit_test(test_a_call_without_memory),
        cmocka_unit_test(test_addresses_in_compiled_code_have_names),
        cmocka_unit_test(test_a_host_function_ends_the_program),
        cmocka_unit_test(test_a_stopped_store_runs_nothing),
        cmocka_unit_test(test_a_loop_is_stopped_at_any_instruction),
        cmocka_unit_test(test_out_of_memory_at_each_allocation),
        cmocka_unit_test(test_a_closed_store_leaks_nothing),
    };
    return run_on_engines(tests);
}
