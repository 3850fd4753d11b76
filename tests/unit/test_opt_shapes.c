// SPDX-License-Identifier: MIT
//
// Passes over functions that are long, deep or wide on purpose: each pass returns, uses memory in
// proportion to the function, and produces the expected function. With an argument: prints the time
// of each for all shapes, at that size and at ten times it.
#include "kernel/base/assert.h"
#include "kernel/jit/ir/ir_verify.h"
#include "kernel/jit/opt/opt.h"
#include "kernel/mm/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define ARENA_LIMIT ((size_t)4 << 30)

/* The arena's allocator: these functions need more memory than the fake machine has. */
void *heap_alloc(size_t size)
{
    return malloc(size);
}

void heap_free(void *p)
{
    free(p);
}

_Noreturn void panic(const char *fmt, ...)
{
    (void)fmt;
    abort();
}

static const uint8_t types[] = {IR_I32, IR_I32, IR_I32};
static const struct ir_signature signature = {.types = 0, .params = 2, .results = 1};
static const struct ir_callee callee = {.name = "f", .kind = IR_CALLEE_FUNCTION};
static const struct ir_memory memory = {.guard_bytes = UINT64_C(1) << 31};
static const struct ir_module module = {.types = types,
                                        .signatures = &signature,
                                        .callees = &callee,
                                        .memories = &memory,
                                        .type_count = 3,
                                        .signature_count = 1,
                                        .callee_count = 1,
                                        .memory_count = 1};

struct shape {
    struct ir_function *f;
    uint32_t a, b; /* its parameters */
};

static struct shape start(struct arena *a)
{
    struct shape s = {.f = ir_function_new(a, &module, 0)};
    ir_block_start(s.f, ir_block_new(s.f));
    s.a = ir_param(s.f, IR_I32);
    s.b = ir_param(s.f, IR_I32);
    return s;
}

static void give(struct ir_function *f, uint32_t v)
{
    ir_emit(f, IR_RETURN, IR_VOID, 0, ir_pool(f, &v, 1), 1);
}

static void jump(struct ir_function *f, uint32_t to, uint32_t v)
{
    ir_emit(f, IR_JUMP, IR_VOID, ir_edge(f, to, &v, 1), 0, 0);
}

/* A chain of blocks; each may branch to the end. All of them use a value of the first. */
static void make_chain(struct shape *s, uint32_t size)
{
    struct ir_function *f = s->f;
    uint32_t end = ir_block_new(f), v = s->a, far = ir_emit(f, IR_MUL, IR_I32, s->a, s->b, 0);
    for (uint32_t n = 0; n < size; n++) {
        uint32_t next = ir_block_new(f);
        v = ir_emit(f, IR_XOR, IR_I32, v, n % 2 == 0 ? far : s->b, 0);
        uint32_t out = ir_edge(f, end, &v, 1), on = ir_edge(f, next, NULL, 0);
        ir_emit(f, IR_BRANCH, IR_VOID, v, out, on);
        ir_block_start(f, next);
    }
    jump(f, end, far);
    ir_block_start(f, end);
    give(f, ir_param(f, IR_I32));
}

/* Nested loops: all are entered before the first is left. */
static void make_nest(struct shape *s, uint32_t size)
{
    struct ir_function *f = s->f;
    uint32_t first = f->block_count, v = s->a;
    for (uint32_t n = 0; n < size; n++) {
        uint32_t header = ir_block_new(f);
        jump(f, header, v);
        ir_block_start(f, header);
        v = ir_param(f, IR_I32);
    }
    v = ir_emit(f, IR_MUL, IR_I32, s->a, s->b, 0);
    for (uint32_t n = size; n-- > 0;) {
        uint32_t next = ir_block_new(f);
        uint32_t back = ir_edge(f, first + n, &v, 1), on = ir_edge(f, next, NULL, 0);
        ir_emit(f, IR_BRANCH, IR_VOID, v, back, on);
        ir_block_start(f, next);
        v = ir_emit(f, IR_SUB, IR_I32, v, s->b, 0);
    }
    give(f, v);
}

/* One block, of sums and accesses to few addresses. */
static void make_block(struct shape *s, uint32_t size)
{
    struct ir_function *f = s->f;
    uint32_t v = s->a;
    for (uint32_t n = 0; n < size; n += 4) {
        struct ir_memref p = {.space = IR_SPACE_MEMORY, .offset = n % 64};
        uint32_t memref = ir_memref(f, &p);
        uint32_t w = ir_emit(f, IR_LOAD, IR_I32, s->b, 0, memref);
        v = ir_emit(f, IR_ADD, IR_I32, v, w, 0);
        v = ir_emit(f, IR_XOR, IR_I32, v, s->b, 0);
        ir_emit(f, IR_STORE, IR_VOID, n % 28 == 0 ? v : s->b, v, memref);
    }
    give(f, v);
}

/* A switch with many edges to one block that has parameters. */
static void make_switch(struct shape *s, uint32_t size)
{
    struct ir_function *f = s->f;
    uint32_t end = ir_block_new(f), first = f->edge_count;
    for (uint32_t n = 0; n < size; n++) {
        (void)ir_edge(f, end, n % 2 == 0 ? &s->a : &s->b, 1);
    }
    ir_emit(f, IR_SWITCH, IR_VOID, s->a, first, size);
    ir_block_start(f, end);
    give(f, ir_param(f, IR_I32));
}

/* A sequence of joins whose parameter is always the same value. */
static void make_diamonds(struct shape *s, uint32_t size)
{
    struct ir_function *f = s->f;
    uint32_t v = s->a;
    for (uint32_t n = 0; n < size; n++) {
        uint32_t yes = ir_block_new(f), no = ir_block_new(f), end = ir_block_new(f);
        uint32_t w = ir_emit(f, IR_ADD, IR_I32, v, s->b, 0);
        ir_emit(f, IR_BRANCH, IR_VOID, w, ir_edge(f, yes, NULL, 0), ir_edge(f, no, NULL, 0));
        ir_block_start(f, yes);
        jump(f, end, v);
        ir_block_start(f, no);
        jump(f, end, v);
        ir_block_start(f, end);
        v = ir_param(f, IR_I32);
    }
    give(f, v);
}

/* A chain of values in which each needs the last, and only one path needs the end:
 * the whole chain moves there. */
static void make_cold_chain(struct shape *s, uint32_t size)
{
    struct ir_function *f = s->f;
    uint32_t yes = ir_block_new(f), no = ir_block_new(f), v = s->a;
    for (uint32_t n = 0; n < size; n++) {
        v = ir_emit(f, n % 2 == 0 ? IR_MUL : IR_ADD, IR_I32, v, s->b, 0);
    }
    ir_emit(f, IR_BRANCH, IR_VOID, s->a, ir_edge(f, yes, NULL, 0), ir_edge(f, no, NULL, 0));
    ir_block_start(f, yes);
    give(f, v);
    ir_block_start(f, no);
    give(f, s->b);
}

static const struct {
    const char *name;
    void (*make)(struct shape *s, uint32_t size);
    uint32_t size;
} shapes[] = {
    {"chain", make_chain, 15000},       {"nest", make_nest, 100000},
    {"block", make_block, 1000000},     {"switch", make_switch, 100000},
    {"diamonds", make_diamonds, 15000}, {"cold chain", make_cold_chain, 100000},
};
#define SHAPES (sizeof shapes / sizeof shapes[0])

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Measure value numbering and code motion; the result is *out. */
static void run(struct arena *a, size_t shape, uint32_t size, struct ir_function **out,
                double times[2])
{
    struct shape s = start(a);
    struct ir_function *once;
    shapes[shape].make(&s, size);
    assert_int_equal(s.f->error, OK);
    double begin = seconds();
    assert_int_equal(opt_gvn(s.f, a, &once), OK);
    double middle = seconds();
    assert_int_equal(opt_motion(once, a, out), OK);
    times[0] = middle - begin;
    times[1] = seconds() - middle;
}

static void test_functions_of_any_shape(void **state)
{
    (void)state;
    for (size_t n = 0; n < SHAPES; n++) {
        struct arena a;
        struct ir_complaint c;
        struct ir_function *out;
        double times[2];
        arena_init(&a, ARENA_LIMIT);
        run(&a, n, shapes[n].size, &out, times);
        arena_free_all(&a);
        arena_init(&a, ARENA_LIMIT);
        run(&a, n, shapes[n].size / 100, &out, times);
        if (ir_verify(&a, out, &c) != OK) {
            fail_msg("%s: %s", shapes[n].name, c.text);
        }
        arena_free_all(&a);
    }
}

static size_t bytes_of(const struct ir_function *f)
{
    return f->instr_capacity * sizeof *f->instrs + f->location_capacity * sizeof *f->locations +
           f->block_capacity * sizeof *f->blocks + f->edge_capacity * sizeof *f->edges +
           f->pool_capacity * sizeof *f->pool + f->memref_capacity * sizeof *f->memrefs +
           f->memref_table_size * sizeof *f->memref_table;
}

/* The arena keeps the new function and the unused parts of the last chunks, nothing else. */
static void test_passes_keep_nothing_but_the_function(void **state)
{
    const size_t rest = (size_t)3 << 20;
    (void)state;
    for (size_t n = 0; n < SHAPES; n++) {
        struct arena a;
        struct ir_function *once, *twice;
        arena_init(&a, ARENA_LIMIT);
        struct shape s = start(&a);
        shapes[n].make(&s, shapes[n].size);
        size_t used = a.used;
        assert_int_equal(opt_gvn(s.f, &a, &once), OK);
        assert_in_range(a.used - used, 0, bytes_of(once) + rest);
        used = a.used;
        assert_int_equal(opt_motion(once, &a, &twice), OK);
        assert_in_range(a.used - used, 0, bytes_of(twice) + rest);
        arena_free_all(&a);
    }
}

static int measure(uint32_t size)
{
    for (size_t n = 0; n < SHAPES; n++) {
        double times[2][2];
        for (uint32_t step = 0; step < 2; step++) {
            struct arena a;
            struct ir_function *out;
            arena_init(&a, ARENA_LIMIT);
            run(&a, n, step == 0 ? size : 10 * size, &out, times[step]);
            arena_free_all(&a);
        }
        (void)printf("%-10s %u: gvn %.4f s, motion %.4f s; ten times that: %.1f, %.1f times\n",
                     shapes[n].name, size, times[0][0], times[0][1], times[1][0] / times[0][0],
                     times[1][1] / times[0][1]);
    }
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions_of_any_shape),
        cmocka_unit_test(test_passes_keep_nothing_but_the_function),
    };
    return argc > 1 ? measure((uint32_t)strtoul(argv[1], NULL, 0))
                    : cmocka_run_group_tests(tests, NULL, NULL);
}
