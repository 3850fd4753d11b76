// SPDX-License-Identifier: MIT
#include "jit/wasm_env.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake/world.h"
#include "kernel/mm/heap.h"
#include "kernel/wasm/run/wasm_interp.h"
#include "tools/halyard-wasm/compiled.h"

static const struct wasm_interpreter_options interpreted = {
    .stack_bytes = 256 << 10, .arena_bytes = 16 << 20, .verify = true};
const struct wasm_engine *engine;
const void *options;
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

struct wasm_bytes modules[MODULE_COUNT];

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

struct wasm_bytes text(const char *s)
{
    return (struct wasm_bytes){(const uint8_t *)s, (uint32_t)strlen(s)};
}

/* In each test, because cmocka catches the same signals around it. */
static void catch_signals(void)
{
    compiled_begin(0);
    compiled_stop_on(SIGUSR1);
}

struct wasm_store *open_store(void)
{
    static const struct wasm_quota quota = {.pages = PAGES, .elements = ELEMENTS};
    struct wasm_store *s;
    catch_signals();
    assert_int_equal(wasm_store_open(engine, options, &quota, &s), OK);
    return s;
}

enum status try_bytes(struct wasm_store *s, struct wasm_bytes bytes, struct wasm_instance **out,
                      struct wasm_stop *stop, struct wasm_error *err)
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

struct wasm_instance *make(struct wasm_store *s, unsigned module)
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

enum wasm_outcome call(struct wasm_instance *i, const char *name, const uint64_t *args,
                       uint64_t *results, struct wasm_stop *stop)
{
    struct wasm_extern e;
    if (!wasm_instance_export(i, text(name), &e)) {
        fail_msg("no export %s", name);
    }
    return wasm_call(i->store, &e, args, results, stop);
}

uint64_t run(struct wasm_instance *i, const char *name, uint64_t a, uint64_t b, uint64_t c)
{
    const uint64_t args[] = {a, b, c};
    uint64_t result = 0;
    struct wasm_stop stop;
    if (call(i, name, args, &result, &stop) != WASM_RETURNED) {
        fail_msg("%s: %s", name, wasm_trap_text(&stop));
    }
    return result;
}

const char *trap(struct wasm_instance *i, const char *name, uint64_t a, uint64_t b, uint64_t c)
{
    const uint64_t args[] = {a, b, c};
    uint64_t result = 0;
    struct wasm_stop stop;
    enum wasm_outcome outcome = call(i, name, args, &result, &stop);
    return outcome == WASM_TRAPPED ? wasm_trap_text(&stop) : "no trap";
}

void expect_trap(const char *got, const char *wanted)
{
    assert_string_equal(got, wanted);
}

struct wasm_bytes with_import(const char *name, const uint8_t *description, size_t len,
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

uint8_t *bytes_of(const struct wasm_instance *i)
{
    return i->memory->box.base;
}

uint64_t live_objects(void)
{
    struct heap_stats stats;
    heap_get_stats(&stats);
    return stats.live_objects;
}

int run_group_on_engines(const struct CMUnitTest *tests, size_t count)
{
    catch_signals(); /* fills in the rest of the options */
    engine = &wasm_interpreter;
    options = &interpreted;
    int failed = _cmocka_run_group_tests("interpreted", tests, count, set_up, NULL);
    engine = &wasm_compiled;
    options = &compiled_options;
    failed += _cmocka_run_group_tests("compiled", tests, count, NULL, NULL);
    options = &lazy_options;
    return failed +
           _cmocka_run_group_tests("compiled on first call", tests, count, NULL, tear_down);
}
