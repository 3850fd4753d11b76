// SPDX-License-Identifier: MIT
//
// Interpreted programs have the same limits as compiled ones: as many nested calls, however many
// values a function has, and as much memory as the program's limit allows.
#include "kernel/lib/compiler.h"
#include "kernel/mm/heap.h"
#include "tests/kernel/program_runs.h"
#include "tests/kernel/tests.h"

#define MODULE_MAX ((size_t)8 << 10)
#define VALUES     300 /* that stay live across each call */
#define DEPTH      200 /* 900 instructions a call, 16 bytes of interpreter stack each: 3.4 MiB */
#define FEW        10  /* in tests where each allocation fails once */
#define SMALL      ((size_t)2 << 20)

static struct image module = {.path = "/tmp/interp.wasm"};

static void put(uint8_t *bytes, const uint8_t *data, size_t n)
{
    for (size_t i = 0; i < n && module.len < MODULE_MAX; i++) {
        bytes[module.len++] = data[i];
    }
}
#define PUT(...) put(bytes, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* A number, encoded in two bytes. */
#define WIDE(n) (uint8_t)((n)&0x7f) | 0x80, (uint8_t)((n) >> 7)

static size_t begin(uint8_t *bytes)
{
    PUT(0, 0);
    return module.len;
}

static void end(uint8_t *bytes, size_t start)
{
    size_t size = module.len - start;
    bytes[start - 2] = (uint8_t)(size | 0x80);
    bytes[start - 1] = (uint8_t)(size >> 7);
}

/* (func $f (param $n i32) (result i32) (if (result i32) (local.get $n)
 *   (then VALUES of memory, (call $f (i32.sub (local.get $n) (i32.const 1))), all added up)
 *   (else (i32.const 0)))) */
static void put_function(uint8_t *bytes)
{
    size_t start = begin(bytes);
    PUT(0, 0x20, 0, 0x04, 0x7f);
    for (unsigned n = 0; n < VALUES; n++) {
        PUT(0x41, 0, 0x28, 2, WIDE(4 * n));
    }
    PUT(0x20, 0, 0x41, 1, 0x6b, 0x10, 0);
    for (unsigned n = 0; n < VALUES; n++) {
        PUT(0x6a);
    }
    PUT(0x05, 0x41, 0, 0x0b, 0x0b);
    end(bytes, start);
}

/* (func (export "_start") (drop (call $f (i32.const DEPTH)))) */
static void put_module(uint8_t *bytes)
{
    module.bytes = bytes;
    module.len = 0;
    PUT(0, 'a', 's', 'm', 1, 0, 0, 0, 1, 9, 2, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 0, 0);
    PUT(3, 3, 2, 0, 1, 5, 3, 1, 0, 1, 7, 10, 1, 6, '_', 's', 't', 'a', 'r', 't', 0, 1, 10);
    size_t start = begin(bytes);
    PUT(2);
    put_function(bytes);
    unsigned depth = test_scaled(DEPTH, FEW);
    PUT(8, 0, 0x41, WIDE(depth), 0x10, 0, 0x1a, 0x0b);
    end(bytes, start);
}

static const struct {
    struct load_options options;
    enum program_end end;
    int status;
} runs[] = {
    {{.engine = LOAD_ENGINE_COMPILED}, PROGRAM_EXITED, 0},
    {{.engine = LOAD_ENGINE_INTERPRETER}, PROGRAM_EXITED, 0},
    /* The interpreter's stack counts as the program's memory. */
    {{.engine = LOAD_ENGINE_INTERPRETER, .memory_limit_bytes = SMALL}, PROGRAM_FAULTED, 119},
};

static void run_all(void)
{
    const unsigned count = test_scaled(ARRAY_COUNT(runs), 2);
    for (unsigned n = 0; n < count; n++) {
        struct program *p = test_does(n, count) ? runs_start(&module, NULL, runs[n].options) : NULL;
        if (p != NULL) {
            runs_finish(p, runs[n].end, runs[n].status);
        }
    }
}

static void many_values_do_not_reduce_the_call_depth(void)
{
    uint8_t *bytes = heap_alloc(MODULE_MAX);
    TEST_NEED(bytes != NULL);
    put_module(bytes);
    if (runs_write_file(&module)) {
        run_all();
        runs_remove_file(&module);
    }
    heap_free(bytes);
}

const struct kernel_test interp_tests[] = {
    {"interp.many_values_do_not_reduce_the_call_depth", many_values_do_not_reduce_the_call_depth},
    {0},
};
