// SPDX-License-Identifier: MIT
//
// Function bodies that are expensive on purpose (jit/wasm_shapes.c). Counts the front-end's work:
// memory and instructions for each byte must not grow with the body. jit-work (jit/counted/main.c)
// counts the whole compilation, from bytes to code.
#include "kernel/jit/ir/ir_interp.h"
#include "tests/unit/fake/world.h"
#include "tests/unit/jit/wasm_body.h"
#include "tests/unit/jit/wasm_shapes.h"

#define LIMIT ((size_t)1 << 30)

/* ---- More memory than the fake machine has: large blocks come from the C library ---- */

#define LARGE     ((size_t)32 << 10)
#define LARGE_MAX 4096

static void *large[LARGE_MAX];
static unsigned large_count;

void *__real_heap_alloc(size_t size);
void __real_heap_free(void *p);
void *__wrap_heap_alloc(size_t size);
void __wrap_heap_free(void *p);

void *__wrap_heap_alloc(size_t size)
{
    if (size < LARGE || large_count == LARGE_MAX) {
        return __real_heap_alloc(size);
    }
    return large[large_count++] = malloc(size);
}

void __wrap_heap_free(void *p)
{
    for (unsigned n = large_count; n-- > 0;) {
        if (large[n] == p) {
            large[n] = large[--large_count];
            free(p);
            return;
        }
    }
    __real_heap_free(p);
}

/* ---- The cost of a body ---- */

/* The cost of one body. */
struct cost {
    uint64_t bytes, instructions, operands, blocks, memory;
};

static struct cost measure(const struct wasm_shape *shape, uint32_t n)
{
    struct bytes b = {0};
    struct built t;
    shape->put_body(&b, n);
    body_build(&t, &b, LIMIT);
    if (t.status != OK) {
        fail_msg("%s: %s", shape->name, t.err.text);
    }
    struct cost c = {b.count, t.f->instr_count, t.f->pool_count, t.f->block_count, t.arena.used};
    body_free(&t);
    free_bytes(&b);
    return c;
}

/* The cost for each byte is bounded, for the small body and for the one ten times as large. */
static void check_linear(const struct wasm_shape *shape, uint32_t n)
{
    for (uint32_t times = 1; times <= 10; times += 9) {
        struct cost c = measure(shape, times * n);
        assert_true(c.instructions <= 8 * c.bytes);
        assert_true(c.operands <= 16 * c.bytes);
        assert_true(c.blocks <= c.bytes);
        assert_true(c.memory <= 512 * c.bytes + 65536);
    }
}

static void test_shapes_of_any_size(void **state)
{
    (void)state;
    for (size_t n = 0; n < wasm_shape_count; n++) {
        check_linear(&wasm_shapes[n], wasm_shapes[n].size / 100);
    }
}

/* ---- Locals that live in the frame ---- */

#define FRAME_LOCALS 1000u

static bool go_on(void *ctx)
{
    (void)ctx;
    return true;
}

static uint32_t run(const struct ir_function *f, uint32_t first, uint32_t second)
{
    struct ir_stack stack = {.bytes_max = 1 << 20, .calls_max = UINT32_MAX};
    struct ir_host host = {.poll = go_on};
    struct ir_target target = {.function = f};
    struct ir_bits args[2] = {{.lo = first}, {.lo = second}}, result = {0};
    struct ir_stop stop;
    assert_int_equal(ir_interpret(&host, &stack, &target, args, &result, &stop), IR_RETURNED);
    ir_stack_free(&stack);
    return (uint32_t)result.lo;
}

/* Local i becomes i + 1, as an i64 for 250 to 500; after each, the block is left if
 * the second parameter equals i. The result is the sum of all, plus the first
 * parameter, which is used only once. */
static void locals_until(struct bytes *b)
{
    PUT(b, FRAME_LOCALS / 250);
    for (uint32_t n = 0; n < FRAME_LOCALS; n += 250) {
        put_u32(b, 250);
        PUT(b, n == 250 ? 0x7e : 0x7f);
    }
    PUT(b, 0x02, 0x40);
    for (uint32_t i = 0; i < FRAME_LOCALS; i++) {
        PUT(b, i / 250 == 1 ? 0x42 : 0x41);
        put_i32(b, (int32_t)i + 1);
        PUT(b, 0x21);
        put_u32(b, 2 + i);
        PUT(b, 0x20, 1, 0x41);
        put_i32(b, (int32_t)i);
        PUT(b, 0x46, 0x0d, 0);
    }
    PUT(b, 0x0b, 0x41, 0);
    for (uint32_t i = 0; i < FRAME_LOCALS; i++) {
        PUT(b, 0x20);
        put_u32(b, 2 + i);
        if (i / 250 == 1) {
            PUT(b, 0xa7);
        }
        PUT(b, 0x6a);
    }
    PUT(b, 0x20, 0, 0x6a, 0x0b);
}

static void test_locals_in_the_frame_keep_their_values(void **state)
{
    (void)state;
    struct bytes b = {0};
    struct built t;
    locals_until(&b);
    body_build(&t, &b, LIMIT);
    if (t.status != OK) {
        fail_msg("%s", t.err.text);
    }
    assert_int_equal(t.f->slot_count, 1);
    assert_in_range(t.f->slots[0].size, 500 * 16, (FRAME_LOCALS + 1) * 16);
    for (uint32_t last = 0; last < FRAME_LOCALS; last += 37) {
        assert_int_equal(run(t.f, 1000000, last), 1000000 + (last + 1) * (last + 2) / 2);
    }
    assert_int_equal(run(t.f, 7, FRAME_LOCALS), 7 + FRAME_LOCALS * (FRAME_LOCALS + 1) / 2);
    body_free(&t);
    free_bytes(&b);
}

/* ---- Numbers ---- */

static void test_locals_beyond_the_limit(void **state)
{
    (void)state;
    body_refuse(BODY(1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 0x41, 0, 0x0b), E_CORRUPT,
                "too many locals: 4294967297");
    body_refuse(BODY(3, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 2,
                     0x7f, 0x41, 0, 0x0b),
                E_CORRUPT, "too many locals");
    body_refuse(BODY(1, 0xff, 0xff, 0xff, 0xff, 0x07, 0x7f, 0x41, 0, 0x0b), E_NOTSUP,
                "2147483649 locals, more than 50000");
    body_refuse(BODY(1, 0xcf, 0x86, 3, 0x7f, 0x41, 0, 0x0b), E_NOTSUP, "50001 locals");
    struct built t;
    body_build(&t, BODY(1, 0xce, 0x86, 3, 0x7f, 0x20, 0xcf, 0x86, 3, 0x0b), 65536);
    assert_int_equal(t.status, OK);
    body_free(&t);
    body_refuse(BODY(0x80, 0x80, 0x80, 0x80, 8, 0x41, 0, 0x0b), E_CORRUPT, "entries cannot be in");
}

static void test_a_table_larger_than_the_body(void **state)
{
    (void)state;
    body_refuse(BODY(0, 0x41, 0, 0x0e, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0x0b), E_CORRUPT,
                "4294967295 entries cannot be in");
}

/* If parameters and results outnumber the bytes of the body, the
 * memory limit ends the compilation. */
static void test_calls_with_a_thousand_results(void **state)
{
    (void)state;
    struct bytes b = {0};
    put_header(&b);
    size_t types = begin_section(&b, 1);
    PUT(&b, 2, 0x60, 0);
    put_u32(&b, WASM_ARITY_MAX);
    REPEAT(&b, WASM_ARITY_MAX, 0x7f);
    PUT(&b, 0x60, 0, 0);
    end_size(&b, types);
    PUT_SECTION(&b, 2, 1, 0, 1, 'f', 0, 0);
    PUT_SECTION(&b, 3, 1, 1);
    size_t code = begin_section(&b, 10);
    PUT(&b, 1);
    size_t body = begin_size(&b);
    PUT(&b, 0);
    REPEAT(&b, 10000, 0x10, 0);
    PUT(&b, 0x00, 0x0b);
    end_size(&b, body);
    end_size(&b, code);
    static const struct wasm_bounds bounds = {.arena_bytes = 1 << 20, .table_elements = 10};
    struct wasm_module *m;
    struct wasm_error err;
    struct ir_function *f;
    struct arena a;
    arena_init(&a, (size_t)16 << 20);
    assert_int_equal(wasm_module_decode(b.at, b.count, &bounds, &m, &err), OK);
    assert_int_equal(wasm_function_build(m, 1, &a, &f, &err), E_OVERFLOW);
    assert_non_null(strstr(err.text, "more than the 16777216 bytes of memory"));
    wasm_module_free(m);
    arena_free_all(&a);
    free_bytes(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes_of_any_size),
        cmocka_unit_test(test_locals_in_the_frame_keep_their_values),
        cmocka_unit_test(test_locals_beyond_the_limit),
        cmocka_unit_test(test_a_table_larger_than_the_body),
        cmocka_unit_test(test_calls_with_a_thousand_results),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
