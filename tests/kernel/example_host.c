// SPDX-License-Identifier: MIT
//
// Three functions that programs can import from "example", and a program that imports them.
#include "tests/kernel/example_host.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

/* log(text, length): the program's pointer is checked where it becomes a pointer of the host. */
static enum wasm_outcome host_log(struct wasm_host *h, const uint64_t *args, uint64_t *results,
                                  enum ir_trap *trap)
{
    struct example_log *log = h->data;
    uint32_t len = (uint32_t)args[1];
    const char *text = wasm_host_memory(h, (uint32_t)args[0], len);
    (void)results;
    if (text == NULL) {
        *trap = IR_TRAP_MEMORY;
        return WASM_TRAPPED;
    }
    len = MIN(len, (uint32_t)sizeof log->last - 1);
    memcpy(log->last, text, len);
    log->last[len] = '\0';
    log->lines++;
    return WASM_RETURNED;
}

/* lines() -> i32: the fast kind of host function. It gets integers in registers and cannot trap. */
static uint64_t host_lines(struct wasm_host *h, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                           uint64_t e)
{
    (void)a, (void)b, (void)c, (void)d, (void)e;
    return ((const struct example_log *)h->data)->lines;
}

/* sum(numbers, count) -> i64: count * 8 may not fit in 32 bits, and the
 * address need not be aligned. */
static enum wasm_outcome host_sum(struct wasm_host *h, const uint64_t *args, uint64_t *results,
                                  enum ir_trap *trap)
{
    const uint8_t *at = wasm_host_memory(h, (uint32_t)args[0], args[1] * 8);
    if (at == NULL) {
        *trap = IR_TRAP_MEMORY;
        return WASM_TRAPPED;
    }
    results[0] = 0;
    for (uint64_t n = 0, number; n < args[1]; n++) {
        memcpy(&number, at + n * 8, sizeof number);
        results[0] += number;
    }
    return WASM_RETURNED;
}

static const struct wasm_host_function functions[] = {
    {.name = "log", .signature = "ii:", .array = host_log},
    {.name = "lines", .signature = ":i", .direct = host_lines},
    {.name = "sum", .signature = "ii:I", .array = host_sum},
};

const struct wasm_host_module example_host = {
    .name = "example", .functions = functions, .count = ARRAY_COUNT(functions)};

/* ---- A program that imports them ---- */

/*
 * (module (import "example" "log" (func $log (param i32 i32)))
 *   (import "example" "lines" (func $lines (result i32)))
 *   (import "example" "sum" (func $sum (param i32 i32) (result i64)))
 *   (memory 1) (data (i32.const 16) "hello, host")
 *   (func (export "greet") (call $log (i32.const 16) (i32.const 11)))
 *   (func (export "count") (result i32) (call $lines))
 *   (func (export "total") (param i32 i32) (result i64) (call $sum (local.get 0) (local.get 1))))
 */
static const uint8_t program[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x13, 0x04, 0x60, 0x02, 0x7f, 0x7f, 0x00,
    0x60, 0x00, 0x01, 0x7f, 0x60, 0x02, 0x7f, 0x7f, 0x01, 0x7e, 0x60, 0x00, 0x00, 0x02, 0x2d, 0x03,
    0x07, 0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x03, 0x6c, 0x6f, 0x67, 0x00, 0x00, 0x07, 0x65,
    0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x05, 0x6c, 0x69, 0x6e, 0x65, 0x73, 0x00, 0x01, 0x07, 0x65,
    0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x03, 0x73, 0x75, 0x6d, 0x00, 0x02, 0x03, 0x04, 0x03, 0x03,
    0x01, 0x02, 0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x19, 0x03, 0x05, 0x67, 0x72, 0x65, 0x65, 0x74,
    0x00, 0x03, 0x05, 0x63, 0x6f, 0x75, 0x6e, 0x74, 0x00, 0x04, 0x05, 0x74, 0x6f, 0x74, 0x61, 0x6c,
    0x00, 0x05, 0x0a, 0x18, 0x03, 0x08, 0x00, 0x41, 0x10, 0x41, 0x0b, 0x10, 0x00, 0x0b, 0x04, 0x00,
    0x10, 0x01, 0x0b, 0x08, 0x00, 0x20, 0x00, 0x20, 0x01, 0x10, 0x02, 0x0b, 0x0b, 0x11, 0x01, 0x00,
    0x41, 0x10, 0x0b, 0x0b, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x2c, 0x20, 0x68, 0x6f, 0x73, 0x74};

static enum status load(struct wasm_store *s, struct wasm_instance **out)
{
    const struct wasm_bounds bounds = {.arena_bytes = (size_t)16 << 20, .table_elements = 16};
    struct wasm_module *module;
    struct wasm_code *code;
    struct wasm_stop stop;
    struct wasm_error err;
    enum status status = wasm_module_decode(program, sizeof program, &bounds, &module, &err);
    if (status == OK) {
        status = wasm_load(s, module, &code, &err);
    }
    if (status == OK) {
        status = wasm_instantiate(s, code, out, &stop, &err);
        wasm_release(s, code);
    }
    return status;
}

static enum wasm_outcome call(const struct wasm_instance *i, const char *name, uint64_t a,
                              uint64_t b, uint64_t *result, struct wasm_stop *stop)
{
    const uint64_t args[2] = {a, b};
    struct wasm_extern f;
    const struct wasm_bytes bytes = {(const uint8_t *)name, (uint32_t)strlen(name)};
    *result = 0;
    return wasm_instance_export(i, bytes, &f) ? wasm_call(i->store, &f, args, result, stop)
                                              : WASM_STOPPED;
}

static bool returns(const struct wasm_instance *i, const char *name, uint64_t a, uint64_t b,
                    uint64_t expected)
{
    struct wasm_stop stop;
    uint64_t result;
    return call(i, name, a, b, &result, &stop) == WASM_RETURNED && result == expected;
}

static bool traps(const struct wasm_instance *i, uint64_t a, uint64_t b)
{
    struct wasm_stop stop;
    uint64_t result;
    return call(i, "total", a, b, &result, &stop) == WASM_TRAPPED && stop.trap == IR_TRAP_MEMORY;
}

const char *example_host_try(struct wasm_store *s)
{
    struct example_log log = {.lines = 0};
    struct wasm_instance *i;
    if (wasm_store_add_host(s, &example_host, &log) != OK || load(s, &i) != OK) {
        return "the program is not linked";
    }
    if (!returns(i, "greet", 0, 0, 0) || strcmp(log.last, "hello, host") != 0) {
        return "the text does not arrive";
    }
    if (!returns(i, "greet", 0, 0, 0) || !returns(i, "count", 0, 0, 2)) {
        return "lines are not counted";
    }
    if (!returns(i, "total", 16, 1, UINT64_C(0x68202c6f6c6c6568)) ||
        !returns(i, "total", 65528, 1, 0) || !returns(i, "total", 65536, 0, 0)) {
        return "the sum is wrong";
    }
    if (!traps(i, 65529, 1) || !traps(i, 0, 8193) || !traps(i, 8, UINT32_MAX) ||
        !traps(i, UINT32_MAX, 1)) {
        return "a pointer outside the memory is accepted";
    }
    return NULL;
}
