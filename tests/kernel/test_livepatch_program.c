// SPDX-License-Identifier: MIT
//
// What replacing and tracing functions of a running program leaves behind: nothing. Each byte of
// its code, and each word through which its functions are called, is as before.
// tests/smoke/test_livepatch.py checks what the program does meanwhile.
#include "kernel/fs/vfs.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/livepatch/program_patch.h"
#include "kernel/load/bytecode/bytecode_format.h"
#include "kernel/mm/heap.h"
#include "kernel/wasm/run/wasm_engine.h"
#include "kernel/wasm/run/wasm_program.h"
#include "tests/kernel/program_runs.h"
#include "tests/kernel/tests.h"
#include "tests/kernel/trace_bed.h"

/* (module
 *   (type $digit (func (result i32)))
 *   (type $io (func (param i32 i32 i32 i32) (result i32)))
 *   (import "wasi_snapshot_preview1" "fd_read" (func $read (type $io)))
 *   (import "wasi_snapshot_preview1" "fd_write" (func $write (type $io)))
 *   (memory (export "memory") 1)
 *   (table 2 funcref)
 *   (elem (i32.const 0) $step $late)
 *   (data (i32.const 0) "\10\00\00\00\02\00\00\00")
 *   (func $step (type $digit) (i32.const 49))
 *   (func $late (type $digit) (i32.const 50))
 *   (func $pass (param i32)
 *     (i32.store8 (i32.const 16) (call $step))
 *     (if (local.get 0)
 *       (then (i32.store8 (i32.const 17) (call_indirect (type $digit) (i32.const 1)))))
 *     (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
 *     (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))))
 *   (func (export "_start")
 *     (call $pass (i32.const 0)) (call $pass (i32.const 1)) (call $pass (i32.const 1))))
 *
 * Each pass writes two bytes and waits for two. `late` is called, and so compiled, in the second
 * one. */
static const uint8_t waits[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x14, 0x04, 0x60, 0x00, 0x01, 0x7f, 0x60,
    0x04, 0x7f, 0x7f, 0x7f, 0x7f, 0x01, 0x7f, 0x60, 0x01, 0x7f, 0x00, 0x60, 0x00, 0x00, 0x02, 0x44,
    0x02, 0x16, 0x77, 0x61, 0x73, 0x69, 0x5f, 0x73, 0x6e, 0x61, 0x70, 0x73, 0x68, 0x6f, 0x74, 0x5f,
    0x70, 0x72, 0x65, 0x76, 0x69, 0x65, 0x77, 0x31, 0x07, 0x66, 0x64, 0x5f, 0x72, 0x65, 0x61, 0x64,
    0x00, 0x01, 0x16, 0x77, 0x61, 0x73, 0x69, 0x5f, 0x73, 0x6e, 0x61, 0x70, 0x73, 0x68, 0x6f, 0x74,
    0x5f, 0x70, 0x72, 0x65, 0x76, 0x69, 0x65, 0x77, 0x31, 0x08, 0x66, 0x64, 0x5f, 0x77, 0x72, 0x69,
    0x74, 0x65, 0x00, 0x01, 0x03, 0x05, 0x04, 0x00, 0x00, 0x02, 0x03, 0x04, 0x04, 0x01, 0x70, 0x00,
    0x02, 0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x13, 0x02, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79,
    0x02, 0x00, 0x06, 0x5f, 0x73, 0x74, 0x61, 0x72, 0x74, 0x00, 0x05, 0x09, 0x08, 0x01, 0x00, 0x41,
    0x00, 0x0b, 0x02, 0x02, 0x03, 0x0a, 0x49, 0x04, 0x04, 0x00, 0x41, 0x31, 0x0b, 0x04, 0x00, 0x41,
    0x32, 0x0b, 0x2e, 0x00, 0x41, 0x10, 0x10, 0x02, 0x3a, 0x00, 0x00, 0x20, 0x00, 0x04, 0x40, 0x41,
    0x11, 0x41, 0x01, 0x11, 0x00, 0x00, 0x3a, 0x00, 0x00, 0x0b, 0x41, 0x01, 0x41, 0x00, 0x41, 0x01,
    0x41, 0x08, 0x10, 0x01, 0x1a, 0x41, 0x00, 0x41, 0x00, 0x41, 0x01, 0x41, 0x08, 0x10, 0x00, 0x1a,
    0x0b, 0x0e, 0x00, 0x41, 0x00, 0x10, 0x04, 0x41, 0x01, 0x10, 0x04, 0x41, 0x01, 0x10, 0x04, 0x0b,
    0x0b, 0x0e, 0x01, 0x00, 0x41, 0x00, 0x0b, 0x08, 0x10, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00,
    0x00, 0x44, 0x04, 0x6e, 0x61, 0x6d, 0x65, 0x01, 0x20, 0x05, 0x00, 0x04, 0x72, 0x65, 0x61, 0x64,
    0x01, 0x05, 0x77, 0x72, 0x69, 0x74, 0x65, 0x02, 0x04, 0x73, 0x74, 0x65, 0x70, 0x03, 0x04, 0x6c,
    0x61, 0x74, 0x65, 0x04, 0x04, 0x70, 0x61, 0x73, 0x73, 0x02, 0x0d, 0x06, 0x00, 0x00, 0x01, 0x00,
    0x02, 0x00, 0x03, 0x00, 0x04, 0x00, 0x05, 0x00, 0x04, 0x0c, 0x02, 0x00, 0x05, 0x64, 0x69, 0x67,
    0x69, 0x74, 0x01, 0x02, 0x69, 0x6f};

#define STEP_DIGIT 0x9bu /* the place of the number that $step returns */
#define LATE_DIGIT 0xa0u
#define WAITS_FILE "/tmp/waits.wasm"
#define NEW_FILE   "/tmp/new.wasm"

/* ---- What must stay ---- */

/** Bytes of the program's code and words of its tables, one after the other. */
struct state {
    uint8_t *bytes;
    size_t len, capacity;
    bool is_complete;
};

static void add(struct state *s, const void *from, size_t len)
{
    if (s->len + len > s->capacity) {
        size_t capacity = 2 * (s->len + len);
        uint8_t *grown = heap_realloc(s->bytes, capacity);
        if (grown == NULL) {
            s->is_complete = false;
            return;
        }
        s->bytes = grown;
        s->capacity = capacity;
    }
    memcpy(s->bytes + s->len, from, len);
    s->len += len;
}

static void add_piece(struct state *s, const struct code_piece *p)
{
    add(s, (const void *)(uintptr_t)p->block.address, p->block.size);
}

/* A direct call loads the address from the function's record, or is a jump to its code; an indirect
 * one finds the record through the table. */
static void add_entries(struct state *s, const struct wasm_instance *i, const struct wasm_module *m)
{
    const uint8_t *context = (const uint8_t *)&i->context;
    for (uint32_t n = m->imported[WASM_FUNCTION]; n < m->function_count; n++) {
        add(s, context + m->functions[n].at, sizeof(struct wasm_func));
    }
    for (uint32_t n = 0; n < m->table_count; n++) {
        struct wasm_table_data t;
        memcpy(&t, context + m->tables[n].at, sizeof(t));
        add(s, (const void *)(uintptr_t)t.elements, t.length * sizeof(uint64_t));
    }
}

static void add_program(void *state, struct bytecode_program *p)
{
    struct state *s = state;
    struct wasm_store *store;
    const struct wasm_code *code = wasm_program_code(p, &store);
    const struct compiled_module *c = CONTAINER_OF(code, struct compiled_module, code);
    add_piece(s, &c->piece);
    for (const struct compiled_batch *b = c->batches; b != NULL; b = b->next) {
        add_piece(s, &b->piece);
    }
    if (c->later != NULL) {
        add(s, c->later, c->module->function_count);
        add(s, c->placed, c->module->function_count * sizeof(*c->placed));
    }
    for (const struct wasm_instance *i = store->instances; i != NULL; i = i->next) {
        add_entries(s, i, c->module);
    }
}

static struct state state_of(const struct program *p)
{
    struct state s = {.is_complete = true};
    TEST_CHECK(bytecode_visit(p->id, add_program, &s));
    TEST_CHECK(s.is_complete && s.len > 0);
    return s;
}

/* @param may_differ  Something is replaced: otherwise the test would see no change at all. */
static void compare(const struct program *p, const struct state *before, bool may_differ,
                    const char *after_what)
{
    struct state now = state_of(p);
    size_t at = 0;
    while (at < MIN(before->len, now.len) && before->bytes[at] == now.bytes[at]) {
        at++;
    }
    bool is_same = before->len == now.len && at == now.len;
    if (is_same == may_differ) {
        test_fail(__FILE__, __LINE__, "%s: byte %zu of %zu is the first that differs", after_what,
                  at, now.len);
    }
    heap_free(now.bytes);
}

/* ---- The program ---- */

/** A program that runs, and the other ends of its input and output. */
struct run {
    struct program *program;
    struct file *in, *out;
};

static bool start(struct run *r, bool compile_all)
{
    const struct image image = {WAITS_FILE, waits, sizeof(waits)};
    struct load_options options = {.compile_all = compile_all};
    if (pipe_make(&options.files[0], &r->in) != OK) {
        return false;
    }
    if (pipe_make(&r->out, &options.files[1]) != OK) {
        file_close(options.files[0]);
        file_close(r->in);
        return false;
    }
    r->program = runs_start(&image, NULL, options);
    file_close(options.files[0]);
    file_close(options.files[1]);
    if (r->program == NULL) {
        file_close(r->in);
        file_close(r->out);
    }
    return r->program != NULL;
}

/* Until the program has written its two bytes. Then it waits for input, or is on the way there. */
static void expect_output(const struct run *r, char step, char late)
{
    char bytes[2] = "";
    size_t done = 0;
    TEST_EQUAL(file_read(r->out, bytes, sizeof(bytes), &done), OK);
    TEST_EQUAL(done, sizeof(bytes));
    TEST_EQUAL(bytes[0], step);
    TEST_EQUAL(bytes[1], late);
}

static void go_on(const struct run *r)
{
    size_t done;
    TEST_EQUAL(file_write(r->in, "go", 2, &done), OK);
}

/* ---- The test ---- */

/* The number of the program, and perhaps more: as the commands have it. */
static const char *name_of(const struct run *r, const char *rest)
{
    static char name[32];
    fmt_print(name, sizeof(name), "%u%s", r->program->id, rest);
    return name;
}

static void expect_ok(enum status s, const struct loader_error *err)
{
    if (s != OK) {
        test_fail(__FILE__, __LINE__, "%s: %s", status_text(s), err->text);
    }
}

static void load_patch(const struct run *r)
{
    struct loader_error err = {.text = ""};
    expect_ok(program_patch_load(NEW_FILE, name_of(r, ""), &err), &err);
}

static void unload_patch(const struct run *r)
{
    struct loader_error err = {.text = ""};
    expect_ok(program_patch_unload(name_of(r, ":new"), &err), &err);
}

static void replace_and_restore(const struct run *r)
{
    struct loader_error err = {.text = ""};
    struct state before = state_of(r->program);
    expect_ok(program_trace(name_of(r, ":*"), &err), &err);
    compare(r->program, &before, true, "traced");
    program_untrace_all();
    compare(r->program, &before, false, "no longer traced");
    load_patch(r);
    compare(r->program, &before, true, "loaded");
    expect_ok(program_patch_undo(name_of(r, ":new"), &err), &err);
    compare(r->program, &before, false, "undone");
    load_patch(r);
    compare(r->program, &before, true, "loaded again");
    unload_patch(r);
    compare(r->program, &before, false, "unloaded");
    heap_free(before.bytes);
}

/* In the first pass `late` has only a stub, unless all functions are compiled before the start. A
 * walk of failing allocations leaves out the second replace_and_restore(), which makes the same
 * allocations as the first one. */
static void patch_program(bool compile_all)
{
    struct run r = {NULL};
    if (!start(&r, compile_all)) {
        test_fail(__FILE__, __LINE__, "the program did not start");
        return;
    }
    expect_output(&r, '1', '\0');
    replace_and_restore(&r);
    go_on(&r);
    expect_output(&r, '1', '2');
    for (unsigned i = 0; i < test_scaled(1, 0); i++) {
        replace_and_restore(&r);
    }
    load_patch(&r);
    go_on(&r);
    expect_output(&r, '3', '4');
    unload_patch(&r);
    go_on(&r);
    runs_finish(r.program, PROGRAM_EXITED, 0);
    file_close(r.in);
    file_close(r.out);
}

static void code_and_entries_of_a_program_are_as_before(void)
{
    uint8_t new_bytes[sizeof(waits)];
    const struct image image = {WAITS_FILE, waits, sizeof(waits)};
    const struct image new_image = {NEW_FILE, new_bytes, sizeof(new_bytes)};
    memcpy(new_bytes, waits, sizeof(waits));
    new_bytes[STEP_DIGIT] = '3';
    new_bytes[LATE_DIGIT] = '4';
    if (!trace_bed_begin()) {
        return;
    }
    if (runs_write_file(&image)) {
        if (runs_write_file(&new_image)) {
            for (unsigned compile_all = 0; compile_all < 2; compile_all++) {
                if (test_does(compile_all, 2)) {
                    patch_program(compile_all != 0);
                }
            }
            runs_remove_file(&new_image);
        }
        runs_remove_file(&image);
    }
    trace_bed_end();
}

const struct kernel_test program_patch_tests[] = {
    {"livepatch.code_and_entries_of_a_program_are_as_before",
     code_and_entries_of_a_program_are_as_before, TEST_ON_CPUS},
    {0},
};
