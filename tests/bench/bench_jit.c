// SPDX-License-Identifier: MIT
//
// The compiler and its code: compile speed, the time from the smallest module's bytes to its first
// instruction, and the cost of a host call and of an exception.
#include "kernel/base/assert.h"
#include "kernel/base/clock.h"
#include "kernel/base/panic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "tests/bench/benches.h"
#include "tests/kernel/wasm_bed.h"

#define RUNS      21u
#define CALLS     10000u
#define FUNCTIONS 32u   /* of the module whose compile speed is measured */
#define MANY      2048u /* of the module whose first line is waited for ... */
#define CALLED    128u  /* ... which calls these, each the next one */
#define NAMED(n)                                                                                   \
    {                                                                                              \
        (const uint8_t *)(n), sizeof(n) - 1                                                        \
    }

/* (module (memory 1) (func (export "first"))) */
static const uint8_t small[] = {0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04,
                                0x01, 0x60, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00, 0x05, 0x03,
                                0x01, 0x00, 0x01, 0x07, 0x09, 0x01, 0x05, 0x66, 0x69, 0x72,
                                0x73, 0x74, 0x00, 0x00, 0x0a, 0x04, 0x01, 0x02, 0x00, 0x0b};

/* (module (import "bench" "two" (func $two (param i32 i32) (result i32)))
 *   (import "bench" "first" (func $first (param i32 i32) (result i32)))
 *   (memory 1)
 *   (func (export "calls") (param i32)
 *     (loop (drop (call $two (local.get 0) (i32.const 1)))
 *       (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
 *   (func (export "pointers") (param i32)
 *     (loop (drop (call $first (i32.const 64) (local.get 0)))
 *       (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
 *   (func (export "loops") (param i32)
 *     (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))) */
static const uint8_t host[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x0b, 0x02, 0x60, 0x02, 0x7f, 0x7f, 0x01,
    0x7f, 0x60, 0x01, 0x7f, 0x00, 0x02, 0x1b, 0x02, 0x05, 0x62, 0x65, 0x6e, 0x63, 0x68, 0x03, 0x74,
    0x77, 0x6f, 0x00, 0x00, 0x05, 0x62, 0x65, 0x6e, 0x63, 0x68, 0x05, 0x66, 0x69, 0x72, 0x73, 0x74,
    0x00, 0x00, 0x03, 0x04, 0x03, 0x01, 0x01, 0x01, 0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x1c, 0x03,
    0x05, 0x63, 0x61, 0x6c, 0x6c, 0x73, 0x00, 0x02, 0x08, 0x70, 0x6f, 0x69, 0x6e, 0x74, 0x65, 0x72,
    0x73, 0x00, 0x03, 0x05, 0x6c, 0x6f, 0x6f, 0x70, 0x73, 0x00, 0x04, 0x0a, 0x3d, 0x03, 0x15, 0x00,
    0x03, 0x40, 0x20, 0x00, 0x41, 0x01, 0x10, 0x00, 0x1a, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x22, 0x00,
    0x0d, 0x00, 0x0b, 0x0b, 0x16, 0x00, 0x03, 0x40, 0x41, 0xc0, 0x00, 0x20, 0x00, 0x10, 0x01, 0x1a,
    0x20, 0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b, 0x0b, 0x0e, 0x00, 0x03, 0x40, 0x20,
    0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b, 0x0b};

static uint64_t two(struct wasm_host *h, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
    (void)h, (void)c, (void)d, (void)e;
    return (uint32_t)(a + b);
}

/* The first of `len` bytes in the program's memory. */
static uint64_t first(struct wasm_host *h, uint64_t at, uint64_t len, uint64_t c, uint64_t d,
                      uint64_t e)
{
    (void)c, (void)d, (void)e;
    const uint8_t *bytes = wasm_host_memory(h, (uint32_t)at, len);
    return bytes == NULL ? UINT32_MAX : bytes[0];
}

static const struct wasm_host_function functions[] = {
    {.name = "two", .signature = "ii:i", .direct = two},
    {.name = "first", .signature = "ii:i", .direct = first}};
static const struct wasm_host_module bench_host = {
    .name = "bench", .functions = functions, .count = ARRAY_COUNT(functions)};

static void need(bool ok, const char *what)
{
    if (!ok) {
        panic("bench: %s", what);
    }
}

/* ---- From a module's bytes to a running instance ---- */

static struct wasm_store *open_store(void)
{
    const struct wasm_quota quota = {.pages = 16, .elements = 16};
    struct wasm_store *s;
    need(wasm_store_open(&wasm_compiled, &wasm_bed_options, &quota, &s) == OK, "no store");
    return s;
}

static struct wasm_code *load(struct wasm_store *s, const uint8_t *bytes, size_t len)
{
    const struct wasm_bounds bounds = {.arena_bytes = (size_t)16 << 20, .table_elements = 16};
    struct wasm_module *m;
    struct wasm_code *code;
    struct wasm_error err;
    need(wasm_module_decode(bytes, len, &bounds, &m, &err) == OK, "a module was refused");
    need(wasm_load(s, m, &code, &err) == OK, "a module was not compiled");
    return code;
}

static struct wasm_instance *instantiate(struct wasm_store *s, const uint8_t *bytes, size_t len)
{
    struct wasm_stop stop;
    struct wasm_error err;
    struct wasm_instance *i;
    struct wasm_code *code = load(s, bytes, len);
    need(wasm_instantiate(s, code, &i, &stop, &err) == OK, "a module was not linked");
    wasm_release(s, code);
    return i;
}

static void call(struct wasm_store *s, const struct wasm_instance *i, struct wasm_bytes name,
                 const uint64_t *args)
{
    struct wasm_extern f;
    struct wasm_stop stop;
    uint64_t result; /* of those that have one */
    need(wasm_instance_export(i, name, &f), "no such export");
    need(wasm_call(s, &f, args, &result, &stop) == WASM_RETURNED, "a call did not return");
}

/* ---- jit.load_us ---- */

/* From the module's bytes in memory to its first instruction: open a store; decode, validate,
 * compile and seal the module; reserve, clear and map its page of memory; create the instance and
 * call its function. The function's return counts, closing the store does not. The median is that
 * of a warm machine, whose page tables and heap slabs exist from the run before. */

static uint64_t load_milli[RUNS];

static void measure_load(void *arg)
{
    (void)arg;
    for (unsigned n = 0; n < RUNS; n++) {
        uint64_t begin = clock_now_ns();
        struct wasm_store *s = open_store();
        call(s, instantiate(s, small, sizeof small), (struct wasm_bytes)NAMED("first"), NULL);
        load_milli[n] = clock_now_ns() - begin;
        wasm_store_close(s);
    }
}

static void bench_load(void)
{
    need(wasm_bed_run(measure_load, NULL), "no thread");
    bench_report("jit.load_us", bench_median(load_milli, RUNS), "us");
}

/* ---- jit.hostcall_ns, jit.hostcall_pointer_ns ---- */

/* The cost of a loop turn with a call minus that of one without: arguments, the call, the C
 * function, the check of the stop flag afterwards. */
static struct {
    struct wasm_bytes name;
    uint64_t milli[RUNS];
} hostcall[] = {{NAMED("calls"), {0}}, {NAMED("pointers"), {0}}};

static uint64_t time_of(struct wasm_store *s, const struct wasm_instance *i, struct wasm_bytes name)
{
    const uint64_t args[] = {CALLS};
    uint64_t begin = clock_now_ns();
    call(s, i, name, args);
    return clock_now_ns() - begin;
}

static void measure_hostcall(void *arg)
{
    (void)arg;
    struct wasm_store *s = open_store();
    need(wasm_store_add_host(s, &bench_host, NULL) == OK, "no host module");
    const struct wasm_instance *i = instantiate(s, host, sizeof host);
    for (unsigned n = 0; n < RUNS * ARRAY_COUNT(hostcall); n++) {
        uint64_t calls = time_of(s, i, hostcall[n / RUNS].name);
        uint64_t loops = time_of(s, i, (struct wasm_bytes)NAMED("loops"));
        hostcall[n / RUNS].milli[n % RUNS] = (calls - MIN(loops, calls)) * 1000 / CALLS;
    }
    wasm_store_close(s);
}

static void bench_hostcall(void)
{
    need(wasm_bed_run(measure_hostcall, NULL), "no thread");
    bench_report("jit.hostcall_ns", bench_median(hostcall[0].milli, RUNS), "ns");
    bench_report("jit.hostcall_pointer_ns", bench_median(hostcall[1].milli, RUNS), "ns");
}

/* ---- jit.throw_ns ---- */

/* (module (tag $e (param i32))
 *   (func $throw (param i32) (throw $e (local.get 0)))
 *   (func $pass (param i32) (call $throw (local.get 0)))
 *   (func (export "throws") (param i32)
 *     (loop (block $caught (result i32)
 *         (try_table (catch $e $caught) (call $pass (local.get 0))) (unreachable))
 *       (drop) (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
 *   (func (export "loops") (param i32)
 *     (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))) */
static const uint8_t throwing[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x05, 0x01, 0x60, 0x01, 0x7f, 0x00, 0x03,
    0x05, 0x04, 0x00, 0x00, 0x00, 0x00, 0x0d, 0x03, 0x01, 0x00, 0x00, 0x07, 0x12, 0x02, 0x06, 0x74,
    0x68, 0x72, 0x6f, 0x77, 0x73, 0x00, 0x02, 0x05, 0x6c, 0x6f, 0x6f, 0x70, 0x73, 0x00, 0x03, 0x0a,
    0x3d, 0x04, 0x06, 0x00, 0x20, 0x00, 0x08, 0x00, 0x0b, 0x06, 0x00, 0x20, 0x00, 0x10, 0x00, 0x0b,
    0x1e, 0x00, 0x03, 0x40, 0x02, 0x7f, 0x1f, 0x40, 0x01, 0x00, 0x00, 0x00, 0x20, 0x00, 0x10, 0x01,
    0x0b, 0x00, 0x0b, 0x1a, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b, 0x0b, 0x0e,
    0x00, 0x03, 0x40, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b, 0x0b};

static uint64_t throw_milli[RUNS];

/* A loop turn in which an exception is made, thrown past one function, caught, read and freed,
 * minus one without. */
static void measure_throw(void *arg)
{
    (void)arg;
    struct wasm_store *s = open_store();
    const struct wasm_instance *i = instantiate(s, throwing, sizeof throwing);
    for (unsigned n = 0; n < RUNS; n++) {
        uint64_t throws = time_of(s, i, (struct wasm_bytes)NAMED("throws"));
        uint64_t loops = time_of(s, i, (struct wasm_bytes)NAMED("loops"));
        throw_milli[n] = (throws - MIN(loops, throws)) * 1000 / CALLS;
    }
    wasm_store_close(s);
}

static void bench_throw(void)
{
    need(wasm_bed_run(measure_throw, NULL), "no thread");
    bench_report("jit.throw_ns", bench_median(throw_milli, RUNS), "ns");
}

/* ---- jit.compile_mbps ---- */

/* (local.set 2 (i32.add (local.get 0) (local.get 1))) (local.set 3 (i32.load offset=16 (local.get
 * 2))) (if (i32.lt_u (local.get 3) (local.get 0))
 *   (then (i32.store (local.get 2) (i32.xor (local.get 3) (i32.const 77))))
 *   (else (local.set 0 (i32.mul (local.get 3) (i32.const 12345)))))
 * (loop (local.set 1 (i32.sub (local.get 1) (i32.const 1)))
 *   (br_if 0 (i32.and (local.get 1) (i32.const 15)))) */
static const uint8_t pattern[] = {
    0x20, 0x00, 0x20, 0x01, 0x6a, 0x21, 0x02, 0x20, 0x02, 0x28, 0x02, 0x10, 0x21, 0x03, 0x20,
    0x03, 0x20, 0x00, 0x49, 0x04, 0x40, 0x20, 0x02, 0x20, 0x03, 0x41, 0xcd, 0x00, 0x73, 0x36,
    0x02, 0x00, 0x05, 0x20, 0x03, 0x41, 0xb9, 0xe0, 0x00, 0x6c, 0x21, 0x00, 0x0b, 0x03, 0x40,
    0x20, 0x01, 0x41, 0x01, 0x6b, 0x21, 0x01, 0x20, 0x01, 0x41, 0x0f, 0x71, 0x0d, 0x00, 0x0b};

struct text {
    uint8_t *at;
};

static void put(struct text *t, const void *bytes, size_t len)
{
    memcpy(t->at, bytes, len);
    t->at += len;
}

/* Always five bytes, as linkers encode sizes that they do not know yet. */
static void put_size(struct text *t, uint32_t n)
{
    for (unsigned i = 0; i < 5; i++) {
        *t->at++ = (uint8_t)((n >> 7 * i & 0x7f) | (i < 4 ? 0x80 : 0));
    }
}

/** A module: its functions repeat the pattern, and the first ones each call the next one. */
struct form {
    uint32_t functions, repeats, called;
};

#define CALL_BYTES 10u /* of the operators */

/* Local variables, the pattern, the result, end. */
static uint32_t body_bytes(const struct form *f)
{
    return 3 + f->repeats * (uint32_t)sizeof pattern + CALL_BYTES + 1;
}

static size_t module_bytes(const struct form *f)
{
    return 128 + (size_t)f->functions * (body_bytes(f) + 6);
}

/* The result of the next function, or the first parameter and as many bytes without effect. */
static void put_result(struct text *t, const struct form *f, uint32_t n)
{
    static const uint8_t none[CALL_BYTES] = {0x20, 0x00, 0x01, 0x01, 0x01,
                                             0x01, 0x01, 0x01, 0x01, 0x01};
    static const uint8_t call[] = {0x20, 0x00, 0x20, 0x01, 0x10};
    if (n + 1 < f->called) {
        put(t, call, sizeof call);
        put_size(t, n + 1);
    } else {
        put(t, none, sizeof none);
    }
}

static void put_code(struct text *t, const struct form *f)
{
    static const uint8_t locals[] = {0x01, 0x02, 0x7f};
    *t->at++ = 0x0a;
    put_size(t, 5 + f->functions * (body_bytes(f) + 5));
    put_size(t, f->functions);
    for (uint32_t n = 0; n < f->functions; n++) {
        put_size(t, body_bytes(f));
        put(t, locals, sizeof locals);
        for (uint32_t r = 0; r < f->repeats; r++) {
            put(t, pattern, sizeof pattern);
        }
        put_result(t, f, n);
        *t->at++ = 0x0b;
    }
}

/* Repeat: (func (param i32 i32) (result i32) (local i32 i32) pattern... result). The first one is
 * exported as "first". */
static size_t write_module(const struct form *f, uint8_t *out)
{
    static const uint8_t head[] = {0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01,
                                   0x07, 0x01, 0x60, 0x02, 0x7f, 0x7f, 0x01, 0x7f, 0x03};
    static const uint8_t rest[] = {0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x09, 0x01,
                                   0x05, 'f',  'i',  'r',  's',  't',  0x00, 0x00};
    struct text t = {.at = out};
    put(&t, head, sizeof head);
    put_size(&t, 5 + f->functions);
    put_size(&t, f->functions);
    memset(t.at, 0, f->functions);
    t.at += f->functions;
    put(&t, rest, sizeof rest);
    put_code(&t, f);
    return (size_t)(t.at - out);
}

static struct {
    uint8_t *bytes;
    size_t len;
    uint64_t ns[5];
} large;

static void measure_compile(void *arg)
{
    (void)arg;
    for (unsigned n = 0; n < ARRAY_COUNT(large.ns); n++) {
        struct wasm_store *s = open_store();
        uint64_t begin = clock_now_ns();
        struct wasm_code *code = load(s, large.bytes, large.len);
        large.ns[n] = MAX(clock_now_ns() - begin, 1);
        wasm_release(s, code);
        wasm_store_close(s);
    }
}

static void with_module(const struct form *f, void (*measure)(void *arg))
{
    large.bytes = heap_alloc(module_bytes(f));
    need(large.bytes != NULL, "no memory");
    large.len = write_module(f, large.bytes);
    need(wasm_bed_run(measure, NULL), "no thread");
    heap_free(large.bytes);
}

static void bench_compile(void)
{
    static const struct form form = {.functions = FUNCTIONS, .repeats = 64};
    with_module(&form, measure_compile);
    /* Bytes a microsecond are megabytes a second. */
    uint64_t ns = bench_median(large.ns, ARRAY_COUNT(large.ns));
    bench_report("jit.compile_mbps", large.len * 1000 * 1000 / ns, "MB/s");
}

/* ---- jit.first_line_ms, jit.first_line_all_ms ---- */

/* From the bytes of a module of 2 MB to the return of a function that calls a sixteenth of the
 * others: with functions that are compiled on first call, and with all compiled before. It stands
 * for a program's first line of output. A virtual millisecond is a million instructions. */

static uint64_t time_first_line(bool is_lazy)
{
    /* With 0 the pattern reads zeros, from falling addresses: 16 bytes each time. */
    const uint64_t args[] = {0, 40000};
    wasm_bed_options.lazy = is_lazy;
    uint64_t begin = clock_now_ns();
    struct wasm_store *s = open_store();
    call(s, instantiate(s, large.bytes, large.len), (struct wasm_bytes)NAMED("first"), args);
    uint64_t ns = clock_now_ns() - begin;
    wasm_store_close(s);
    wasm_bed_options.lazy = false;
    return ns;
}

/* Instructions are the same in each run, so one is enough. Nanoseconds by a thousand are
 * milliseconds with three decimals. */
static void measure_first_line(void *arg)
{
    (void)arg;
    bench_report("jit.first_line_ms", time_first_line(true) / 1000, "ms");
    bench_report("jit.first_line_all_ms", time_first_line(false) / 1000, "ms");
}

static void bench_first_line(void)
{
    static const struct form form = {.functions = MANY, .repeats = 16, .called = CALLED};
    with_module(&form, measure_first_line);
}

const struct kernel_bench jit_benches[] = {
    {"jit.first_line_ms jit.first_line_all_ms", bench_first_line},
    {"jit.load_us", bench_load},
    {"jit.hostcall_ns", bench_hostcall},
    {"jit.throw_ns", bench_throw},
    {"jit.compile_mbps", bench_compile},
    {0},
};
