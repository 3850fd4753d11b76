// SPDX-License-Identifier: MIT
//
// Any bytes as a WebAssembly module or, if they do not start like one, as a function body in a
// module that uses every kind of entity. Accepted input has a valid intermediate representation
// and compiles for both machines, with a check after each step; a refusal has a reason. The
// sanitizers detect other errors.
#include "kernel/base/assert.h"
#include "kernel/jit/compile.h"
#include "kernel/jit/ir/ir_verify.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/mutex.h"
#include "tests/unit/jit/wasm_bytes.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_LIMIT ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The sanitizer's allocator detects every overflow of a block. */
void *heap_alloc(size_t size)
{
    return malloc(size);
}

void *heap_zalloc(size_t size)
{
    return calloc(1, size);
}

void *heap_calloc(size_t count, size_t size)
{
    return calloc(count, size);
}

void *heap_realloc(void *p, size_t size)
{
    return realloc(p, size);
}

void heap_free(void *p)
{
    free(p);
}

/* One thread. */
void mutex_init(struct mutex *m, const char *name)
{
    (void)m;
    (void)name;
}

NO_LOCK_ANALYSIS void mutex_lock(struct mutex *m)
{
    (void)m;
}

NO_LOCK_ANALYSIS void mutex_unlock(struct mutex *m)
{
    (void)m;
}

_Noreturn void panic(const char *fmt, ...)
{
    (void)fmt;
    __builtin_trap();
}

/* Types 0: () -> (), 1: (i32) -> i32, 2: (i32, i64) -> (i64, i32), 3: (i64, f32, f64, v128) ->
 * v128, 4: (i32, i32) -> i32. Imported: a function of type 1, a table, a mutable and a constant
 * global. A function of type 4 with this body, one of type 0. */
static void wrap_body(struct bytes *b, const uint8_t *body, size_t size)
{
    put_header(b);
    PUT_SECTION(b, 1, 5, 0x60, 0, 0, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 2, 0x7f, 0x7e, 2, 0x7e, 0x7f,
                0x60, 4, 0x7e, 0x7d, 0x7c, 0x7b, 1, 0x7b, 0x60, 2, 0x7f, 0x7f, 1, 0x7f);
    PUT_SECTION(b, 2, 4, 0, 1, 'f', 0, 1, 0, 1, 't', 1, 0x70, 0, 1, 0, 1, 'g', 3, 0x7e, 1, 0, 1,
                'c', 3, 0x7f, 0);
    PUT_SECTION(b, 3, 2, 4, 0);
    PUT_SECTION(b, 4, 2, 0x70, 0, 8, 0x6f, 1, 1, 9);
    PUT_SECTION(b, 5, 1, 0, 1);
    PUT_SECTION(b, 6, 3, 0x7f, 1, 0x41, 0, 0x0b, 0x7b, 1, 0xfd, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                0, 0, 0, 0, 0, 0x0b, 0x70, 1, 0xd2, 1, 0x0b);
    PUT_SECTION(b, 9, 2, 1, 0, 2, 0, 1, 5, 0x6f, 1, 0xd0, 0x6f, 0x0b);
    PUT_SECTION(b, 12, 1);
    size_t code = begin_section(b, 10);
    PUT(b, 2);
    size_t start = begin_size(b);
    put(b, body, size);
    end_size(b, start);
    PUT(b, 2, 0, 0x0b);
    end_size(b, code);
    PUT_SECTION(b, 11, 1, 1, 3, 'a', 'b', 'c');
}

static void check_reason(enum status s, const struct wasm_error *err)
{
    if ((s != E_CORRUPT && s != E_NOTSUP && s != E_OVERFLOW && s != E_NOMEM) ||
        err->text[0] == '\0' || err->section[0] == '\0') {
        __builtin_trap();
    }
}

static void compile(const struct jit_machine *machine, const struct ir_function *f)
{
    static const struct jit_options options = {.checks = &jit_checks};
    struct arena a;
    struct jit_code code;
    struct jit_error err;
    arena_init(&a, ARENA_LIMIT);
    if (jit_compile(machine, f, &options, &a, &code, &err) == E_CORRUPT) {
        __builtin_trap();
    }
    arena_free_all(&a);
}

/* Validation alone accepts what building accepts, and refuses what building finds invalid, with the
 * same message. */
static void validate(const struct wasm_module *m, uint32_t function, enum status built,
                     const struct wasm_error *why)
{
    struct arena a;
    struct wasm_facts facts;
    struct wasm_error err = {0};
    arena_init(&a, ARENA_LIMIT);
    enum status s = wasm_function_validate(m, function, &a, &facts, &err);
    if ((built == OK) != (s == OK) && (s == E_CORRUPT || built == E_CORRUPT)) {
        __builtin_trap();
    }
    if (built == E_CORRUPT && s == E_CORRUPT && strcmp(err.text, why->text) != 0) {
        __builtin_trap();
    }
    arena_free_all(&a);
}

static void build(const struct wasm_module *m, uint32_t function)
{
    struct arena a;
    struct ir_function *f;
    struct ir_complaint complaint;
    struct wasm_error err = {0};
    arena_init(&a, ARENA_LIMIT);
    enum status s = wasm_function_build(m, function, &a, &f, &err);
    validate(m, function, s, &err);
    if (s != OK) {
        check_reason(s, &err);
    } else if (ir_verify(&a, f, &complaint) == E_CORRUPT) {
        __builtin_trap();
    } else {
        compile(&jit_machine_x86_64, f);
        compile(&jit_machine_aarch64, f);
    }
    arena_free_all(&a);
}

static void decode(const uint8_t *data, size_t size)
{
    static const struct wasm_bounds bounds = {.arena_bytes = ARENA_LIMIT, .table_elements = 1000};
    struct wasm_module *m;
    struct wasm_error err = {0};
    enum status s = wasm_module_decode(data, size, &bounds, &m, &err);
    if (s != OK) {
        check_reason(s, &err);
        return;
    }
    for (uint32_t n = m->imported[WASM_FUNCTION]; n < m->function_count; n++) {
        build(m, n);
    }
    wasm_module_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= 4 && memcmp(data, "\0asm", 4) == 0) {
        decode(data, size);
        return 0;
    }
    struct bytes b = {0};
    wrap_body(&b, data, size);
    uint8_t *copy = malloc(b.count); /* exactly as long as the module */
    memcpy(copy, b.at, b.count);
    decode(copy, b.count);
    free(copy);
    free_bytes(&b);
    return 0;
}
