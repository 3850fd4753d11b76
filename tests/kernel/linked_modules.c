// SPDX-License-Identifier: MIT
//
// Three modules: a library that exports a table and functions; one that shares the table and
// numbers the library's types differently; and one that imports a single function of the host.
#include "tests/kernel/linked_modules.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

/* (module
 *   (type $unary (func (param i32) (result i32)))
 *   (type $long (func (param i64) (result i64)))
 *   (table (export "table") 4 funcref)
 *   (memory 1) (data (i32.const 0) "*")
 *   (func $double (export "double") (type $unary) (i32.mul (local.get 0) (i32.const 2)))
 *   (func $square (type $long) (i64.mul (local.get 0) (local.get 0)))
 *   (elem (i32.const 0) $double $square)
 *   (func $hidden (type $unary) (i32.load8_u (i32.const 0)))
 *   (func (export "unary") (param i32 i32) (result i32)
 *     (call_indirect (type $unary) (local.get 1) (local.get 0)))) */
static const uint8_t library[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x11, 0x03, 0x60, 0x01, 0x7f, 0x01,
    0x7f, 0x60, 0x01, 0x7e, 0x01, 0x7e, 0x60, 0x02, 0x7f, 0x7f, 0x01, 0x7f, 0x03, 0x05, 0x04,
    0x00, 0x01, 0x00, 0x02, 0x04, 0x04, 0x01, 0x70, 0x00, 0x04, 0x05, 0x03, 0x01, 0x00, 0x01,
    0x07, 0x1a, 0x03, 0x05, 0x74, 0x61, 0x62, 0x6c, 0x65, 0x01, 0x00, 0x06, 0x64, 0x6f, 0x75,
    0x62, 0x6c, 0x65, 0x00, 0x00, 0x05, 0x75, 0x6e, 0x61, 0x72, 0x79, 0x00, 0x03, 0x09, 0x08,
    0x01, 0x00, 0x41, 0x00, 0x0b, 0x02, 0x00, 0x01, 0x0a, 0x23, 0x04, 0x07, 0x00, 0x20, 0x00,
    0x41, 0x02, 0x6c, 0x0b, 0x07, 0x00, 0x20, 0x00, 0x20, 0x00, 0x7e, 0x0b, 0x07, 0x00, 0x41,
    0x00, 0x2d, 0x00, 0x00, 0x0b, 0x09, 0x00, 0x20, 0x01, 0x20, 0x00, 0x11, 0x00, 0x00, 0x0b,
    0x0b, 0x07, 0x01, 0x00, 0x41, 0x00, 0x0b, 0x01, 0x2a};

/* (module
 *   (type $long (func (param i64) (result i64)))
 *   (type $unary (func (param i32) (result i32)))
 *   (type $again (func (param i64) (result i64)))
 *   (import "library" "table" (table 4 funcref))
 *   (global $three i32 (i32.const 3))
 *   (func $triple (type $unary) (i32.mul (local.get 0) (global.get $three)))
 *   (func $negate (type $again) (i64.sub (i64.const 0) (local.get 0)))
 *   (elem (i32.const 2) $triple $negate)
 *   (func (export "unary") (param i32 i32) (result i32)
 *     (call_indirect (type $unary) (local.get 1) (local.get 0)))
 *   (func (export "long") (param i32 i64) (result i64)
 *     (call_indirect (type $long) (local.get 1) (local.get 0)))) */
static const uint8_t user[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x1c, 0x05, 0x60, 0x01, 0x7e, 0x01, 0x7e,
    0x60, 0x01, 0x7f, 0x01, 0x7f, 0x60, 0x01, 0x7e, 0x01, 0x7e, 0x60, 0x02, 0x7f, 0x7f, 0x01, 0x7f,
    0x60, 0x02, 0x7f, 0x7e, 0x01, 0x7e, 0x02, 0x13, 0x01, 0x07, 0x6c, 0x69, 0x62, 0x72, 0x61, 0x72,
    0x79, 0x05, 0x74, 0x61, 0x62, 0x6c, 0x65, 0x01, 0x70, 0x00, 0x04, 0x03, 0x05, 0x04, 0x01, 0x02,
    0x03, 0x04, 0x06, 0x06, 0x01, 0x7f, 0x00, 0x41, 0x03, 0x0b, 0x07, 0x10, 0x02, 0x05, 0x75, 0x6e,
    0x61, 0x72, 0x79, 0x00, 0x02, 0x04, 0x6c, 0x6f, 0x6e, 0x67, 0x00, 0x03, 0x09, 0x08, 0x01, 0x00,
    0x41, 0x02, 0x0b, 0x02, 0x00, 0x01, 0x0a, 0x25, 0x04, 0x07, 0x00, 0x20, 0x00, 0x23, 0x00, 0x6c,
    0x0b, 0x07, 0x00, 0x42, 0x00, 0x20, 0x00, 0x7d, 0x0b, 0x09, 0x00, 0x20, 0x01, 0x20, 0x00, 0x11,
    0x01, 0x00, 0x0b, 0x09, 0x00, 0x20, 0x01, 0x20, 0x00, 0x11, 0x00, 0x00, 0x0b};

/* (module
 *   (import "host" "count" (func $count))
 *   (memory 1) (table 4 funcref) (elem (i32.const 2) $count)
 *   (func (export "read") (param i32) (result i32) (i32.load8_u (local.get 0)))
 *   (func (export "try") (param i32) (call_indirect (local.get 0)))) */
static const uint8_t stranger[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x0d, 0x03, 0x60, 0x00, 0x00, 0x60,
    0x01, 0x7f, 0x01, 0x7f, 0x60, 0x01, 0x7f, 0x00, 0x02, 0x0e, 0x01, 0x04, 0x68, 0x6f, 0x73,
    0x74, 0x05, 0x63, 0x6f, 0x75, 0x6e, 0x74, 0x00, 0x00, 0x03, 0x03, 0x02, 0x01, 0x02, 0x04,
    0x04, 0x01, 0x70, 0x00, 0x04, 0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x0e, 0x02, 0x04, 0x72,
    0x65, 0x61, 0x64, 0x00, 0x01, 0x03, 0x74, 0x72, 0x79, 0x00, 0x02, 0x09, 0x07, 0x01, 0x00,
    0x41, 0x02, 0x0b, 0x01, 0x00, 0x0a, 0x11, 0x02, 0x07, 0x00, 0x20, 0x00, 0x2d, 0x00, 0x00,
    0x0b, 0x07, 0x00, 0x20, 0x00, 0x11, 0x00, 0x00, 0x0b};

/* ---- Loading and calling ---- */

static enum status make(struct wasm_store *s, const uint8_t *bytes, size_t len,
                        struct wasm_instance **out, struct wasm_error *err)
{
    static const struct wasm_bounds bounds = {.arena_bytes = (size_t)16 << 20,
                                              .table_elements = 16};
    struct wasm_module *module;
    struct wasm_code *code;
    struct wasm_stop stop;
    enum status status = wasm_module_decode(bytes, len, &bounds, &module, err);
    if (status == OK) {
        status = wasm_load(s, module, &code, err);
    }
    if (status == OK) {
        status = wasm_instantiate(s, code, out, &stop, err);
        wasm_release(s, code);
    }
    return status;
}

static struct wasm_bytes text(const char *s)
{
    return (struct wasm_bytes){(const uint8_t *)s, (uint32_t)strlen(s)};
}

static bool make_library(struct wasm_store *s, struct wasm_instance **out)
{
    struct wasm_error err;
    return make(s, library, sizeof library, out, &err) == OK &&
           wasm_store_register(s, text("library"), *out) == OK;
}

static enum wasm_outcome call(const struct wasm_instance *i, const char *name, uint32_t a,
                              uint64_t b, uint64_t *result, struct wasm_stop *stop)
{
    const uint64_t args[2] = {a, b};
    struct wasm_extern f;
    *result = 0;
    return wasm_instance_export(i, text(name), &f) ? wasm_call(i->store, &f, args, result, stop)
                                                   : WASM_STOPPED;
}

static bool returns(const struct wasm_instance *i, const char *name, uint32_t a, uint64_t b,
                    uint64_t expected)
{
    struct wasm_stop stop;
    uint64_t result;
    return call(i, name, a, b, &result, &stop) == WASM_RETURNED && result == expected;
}

static bool traps(const struct wasm_instance *i, const char *name, uint32_t a, enum ir_trap trap)
{
    struct wasm_stop stop;
    uint64_t result;
    return call(i, name, a, 1, &result, &stop) == WASM_TRAPPED && stop.trap == trap;
}

/* ---- Types ---- */

const char *linked_types_try(struct wasm_store *s)
{
    struct wasm_instance *a;
    struct wasm_instance *b;
    struct wasm_error err;
    if (!make_library(s, &a) || make(s, user, sizeof user, &b, &err) != OK) {
        return "the modules are not linked";
    }
    /* Elements 0 and 1 are the library's, 2 and 3 the user's. */
    if (!returns(b, "unary", 0, 21, 42) || !returns(b, "long", 1, 9, 81)) {
        return "the library does not find the type under its other number";
    }
    if (!returns(a, "unary", 2, 7, 21)) {
        return "the user does not find the type under its other number, or its global";
    }
    if (!returns(b, "long", 3, 5, (uint64_t)-5)) {
        return "two equal types of a module differ";
    }
    /* The library's types 0 and 1 are the user's 1 and 0. */
    if (!traps(b, "unary", 1, IR_TRAP_SIGNATURE) || !traps(b, "long", 0, IR_TRAP_SIGNATURE) ||
        !traps(a, "unary", 3, IR_TRAP_SIGNATURE) || !traps(a, "unary", 1, IR_TRAP_SIGNATURE) ||
        !traps(b, "long", 2, IR_TRAP_SIGNATURE)) {
        return "a function of another type is called";
    }
    return NULL;
}

/* ---- Reach ---- */

struct calls {
    uint32_t counted, secret;
};

static enum wasm_outcome host_count(struct wasm_host *h, const uint64_t *args, uint64_t *results,
                                    enum ir_trap *trap)
{
    (void)args, (void)results, (void)trap;
    ((struct calls *)h->data)->counted++;
    return WASM_RETURNED;
}

static enum wasm_outcome host_secret(struct wasm_host *h, const uint64_t *args, uint64_t *results,
                                     enum ir_trap *trap)
{
    (void)args, (void)results, (void)trap;
    ((struct calls *)h->data)->secret++;
    return WASM_RETURNED;
}

static const struct wasm_host_function functions[] = {
    {.name = "before", .signature = ":", .array = host_secret},
    {.name = "count", .signature = ":", .array = host_count},
    {.name = "secret", .signature = ":", .array = host_secret},
};
static const struct wasm_host_module host = {
    .name = "host", .functions = functions, .count = ARRAY_COUNT(functions)};

#define ELEMENTS 4u /* of the stranger's table */
#define COUNTED  2u /* the one that is the function it imports */

/* Try each index just past the table, and large ones that a wrapped
 * address would map to COUNTED. */
static bool only_its_import_is_called(const struct wasm_instance *i)
{
    for (uint32_t n = 0; n < 1024; n++) {
        enum ir_trap wanted = n < ELEMENTS ? IR_TRAP_NULL : IR_TRAP_TABLE;
        if (n == COUNTED ? !returns(i, "try", n, 0, 0) : !traps(i, "try", n, wanted)) {
            return false;
        }
    }
    for (unsigned bit = 10; bit < 32; bit++) {
        uint32_t power = UINT32_C(1) << bit;
        if (!traps(i, "try", power + COUNTED, IR_TRAP_TABLE) ||
            !traps(i, "try", -power + COUNTED, IR_TRAP_TABLE)) {
            return false;
        }
    }
    return true;
}

const char *linked_reach_try(struct wasm_store *s)
{
    struct calls calls = {0};
    struct wasm_instance *a;
    struct wasm_instance *i;
    struct wasm_error err;
    if (wasm_store_add_host(s, &host, &calls) != OK || !make_library(s, &a) ||
        make(s, stranger, sizeof stranger, &i, &err) != OK) {
        return "the modules are not linked";
    }
    if (!only_its_import_is_called(i) || calls.counted != 1 || calls.secret != 0) {
        return "it called a function that it does not import";
    }
    if (*(const uint8_t *)a->memory->box.base != '*' || !returns(i, "read", 0, 0, 0)) {
        return "it reads the library's memory";
    }
    if (!traps(i, "read", WASM_PAGE, IR_TRAP_MEMORY) ||
        !traps(i, "read", UINT32_MAX, IR_TRAP_MEMORY)) {
        return "it reads past its memory";
    }
    return NULL;
}

/* ---- Refusals ---- */

#define TEXT_MAX 32u

/* A module whose only type is () -> () and that has one import. `wanted` is its kind and type. */
static size_t importer(const char *from, const char *name, const uint8_t *wanted, size_t wanted_len,
                       uint8_t out[32 + 2 * TEXT_MAX])
{
    static const uint8_t head[] = {0, 'a', 's', 'm', 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 2};
    const char *const names[] = {from, name};
    uint8_t *at = out + sizeof head;
    memcpy(out, head, sizeof head);
    *at++ = (uint8_t)(3 + strlen(from) + strlen(name) + wanted_len);
    *at++ = 1;
    for (unsigned n = 0; n < ARRAY_COUNT(names); n++) {
        size_t len = strlen(names[n]);
        *at++ = (uint8_t)len;
        memcpy(at, names[n], len);
        at += len;
    }
    memcpy(at, wanted, wanted_len);
    return (size_t)(at + wanted_len - out);
}

const char *linked_refusals_try(struct wasm_store *s)
{
    static const struct {
        const char *from, *name;
        uint8_t wanted[5], len;
        const char *why; /* NULL: the module links */
    } cases[] = {
        {"host", "secret", {0, 0}, 2, NULL},
        {"library", "table", {1, 0x70, 0, 4}, 4, NULL},
        {"library", "hidden", {0, 0}, 2, "\"library\" \"hidden\": unknown import"},
        {"library", "memory", {2, 0, 1}, 3, "\"library\" \"memory\": unknown import"},
        {"library", "secret", {0, 0}, 2, "\"library\" \"secret\": unknown import"},
        {"host", "secre", {0, 0}, 2, "\"host\" \"secre\": unknown import"},
        {"host", "double", {0, 0}, 2, "\"host\" \"double\": unknown import"},
        {"hosts", "secret", {0, 0}, 2, "\"hosts\" \"secret\": unknown import"},
        {"", "", {0, 0}, 2, "\"\" \"\": unknown import"},
        {"library", "double", {0, 0}, 2, "\"library\" \"double\": incompatible import type"},
        {"library", "table", {0, 0}, 2, "\"library\" \"table\": incompatible import type"},
        {"library", "table", {1, 0x6f, 0, 4}, 4, "\"library\" \"table\": incompatible import type"},
        {"host", "secret", {2, 0, 1}, 3, "\"host\" \"secret\": incompatible import type"},
    };
    struct calls calls = {0};
    struct wasm_instance *i;
    if (wasm_store_add_host(s, &host, &calls) != OK || !make_library(s, &i)) {
        return "the library is not linked";
    }
    for (unsigned n = 0; n < ARRAY_COUNT(cases); n++) {
        uint8_t bytes[32 + 2 * TEXT_MAX];
        struct wasm_error err = {.text = ""};
        size_t len = importer(cases[n].from, cases[n].name, cases[n].wanted, cases[n].len, bytes);
        enum status status = make(s, bytes, len, &i, &err);
        if (status != (cases[n].why == NULL ? OK : E_UNRESOLVED)) {
            return cases[n].why == NULL ? "what is there is refused" : cases[n].why;
        }
        if (cases[n].why != NULL && !str_contains(err.text, cases[n].why)) {
            return cases[n].why;
        }
    }
    return NULL;
}
