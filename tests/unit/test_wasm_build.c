// SPDX-License-Identifier: MIT
//
// Function bodies: the functions built from valid ones, which the verifier always accepts, and the
// errors for invalid ones. The conformance suite tests that the result computes the right values.
#include "kernel/wasm/front/quick.h"
#include "tests/unit/fake/fake_failure.h"
#include "tests/unit/fake/world.h"
#include "tests/unit/jit/wasm_body.h"
#include "tests/unit/jit/text_buffer.h"

/* ---- Text ---- */

/* Remove locations, which would change with the module around the body. */
static void drop_locations(char *s)
{
    char *to = s;
    while (*s != '\0') {
        if (s[0] == ' ' && s[1] == '!') {
            s += strcspn(s, "\n");
        } else {
            *to++ = *s++;
        }
    }
    *to = '\0';
}

/* The body must become this text, between the first line and the last. */
static void expect(const struct bytes *body, const char *text)
{
    struct built t;
    struct buffer out = {0};
    body_build(&t, body, (size_t)1 << 20);
    if (t.status != OK) {
        fail_msg("%s", t.err.text);
    }
    ir_print_function(t.f, collect, &out);
    drop_locations(out.text);
    char *first = strchr(out.text, '\n') + 1;
    *strrchr(first, '}') = '\0';
    if (strcmp(first, text) != 0) {
        printf("%s", first);
        fail_msg("this is what it became");
    }
    body_free(&t);
}

static void test_a_loop_has_parameters_for_the_locals_that_it_sets(void **state)
{
    (void)state;
    /* local 2 += 1; while (--local 0); local 1 is not set. */
    expect(BODY(1, 1, 0x7f, 0x03, 0x40, 0x20, 2, 0x41, 1, 0x6a, 0x21, 2, 0x20, 0, 0x41, 1, 0x6b,
                0x22, 0, 0x0d, 0, 0x0b, 0x20, 2, 0x20, 1, 0x6a, 0x0b),
           "block0(v0: i32, v1: i32):\n"
           "  v2 = const.i32 0x0\n"
           "  jump block1(v2, v0)\n"
           "block1(v4: i32, v5: i32):\n"
           "  v6 = const.i32 0x1\n"
           "  v7 = add.i32 v4, v6\n"
           "  v8 = const.i32 0x1\n"
           "  v9 = sub.i32 v5, v8\n"
           "  branch v9, block1(v7, v9), block2()\n"
           "block2():\n"
           "  v11 = add.i32 v7, v1\n"
           "  return v11\n");
}

static void test_a_block_has_only_locals_that_differ(void **state)
{
    (void)state;
    /* Both paths pass local 2 = 5, and different values of local 3 and the result. */
    expect(BODY(1, 2, 0x7f, 0x41, 5, 0x21, 2, 0x02, 0x7f, 0x41, 6, 0x21, 3, 0x41, 1, 0x20, 0, 0x0d,
                0, 0x1a, 0x20, 1, 0x21, 3, 0x41, 2, 0x0b, 0x20, 2, 0x6a, 0x20, 3, 0x6a, 0x0b),
           "block0(v0: i32, v1: i32):\n"
           "  v2 = const.i32 0x0\n"
           "  v3 = const.i32 0x5\n"
           "  v4 = const.i32 0x6\n"
           "  v5 = const.i32 0x1\n"
           "  branch v0, block2(v5, v4), block1()\n"
           "block1():\n"
           "  v7 = const.i32 0x2\n"
           "  jump block2(v7, v1)\n"
           "block2(v9: i32, v10: i32):\n"
           "  v11 = add.i32 v9, v3\n"
           "  v12 = add.i32 v11, v10\n"
           "  return v12\n");
}

static void test_unread_locals_are_not_parameters(void **state)
{
    (void)state;
    /* Local 2 is set in the loop before it is read there, and not read after it; local 3 is read by
     * the next round, and local 0 after the loop. */
    expect(BODY(1, 2, 0x7f, 0x03, 0x40, 0x20, 3, 0x41, 1, 0x6a, 0x22, 2, 0x20, 2, 0x6a, 0x21, 3,
                0x20, 1, 0x04, 0x40, 0x41, 7, 0x21, 0, 0x41, 8, 0x21, 2, 0x0b, 0x20, 3, 0x0d, 0,
                0x0b, 0x20, 0, 0x0b),
           "block0(v0: i32, v1: i32):\n"
           "  v2 = const.i32 0x0\n"
           "  jump block1(v2, v0)\n"
           "block1(v4: i32, v5: i32):\n"
           "  v6 = const.i32 0x1\n"
           "  v7 = add.i32 v4, v6\n"
           "  v8 = add.i32 v7, v7\n"
           "  branch v1, block2(), block3(v5)\n"
           "block2():\n"
           "  v10 = const.i32 0x7\n"
           "  v11 = const.i32 0x8\n"
           "  jump block3(v10)\n"
           "block3(v13: i32):\n"
           "  branch v8, block1(v8, v13), block4()\n"
           "block4():\n"
           "  return v13\n");
}

static void test_values_of_branches_are_live_before_each(void **state)
{
    (void)state;
    /* Two branches to one label, after which local 2 is read; it is set before each of them. */
    expect(BODY(1, 1, 0x7f, 0x02, 0x40, 0x20, 0, 0x04, 0x40, 0x41, 5, 0x21, 2, 0x0b, 0x20, 1, 0x0d,
                0, 0x41, 7, 0x21, 2, 0x20, 0, 0x0d, 0, 0x0b, 0x20, 2, 0x0b),
           "block0(v0: i32, v1: i32):\n"
           "  v2 = const.i32 0x0\n"
           "  branch v0, block1(), block2(v2)\n"
           "block1():\n"
           "  v4 = const.i32 0x5\n"
           "  jump block2(v4)\n"
           "block2(v6: i32):\n"
           "  branch v1, block5(v6), block3()\n"
           "block3():\n"
           "  v8 = const.i32 0x7\n"
           "  branch v0, block5(v8), block4()\n"
           "block4():\n"
           "  jump block5(v8)\n"
           "block5(v11: i32):\n"
           "  return v11\n");
}

/* The same with more locals than are recorded, and with branches to two labels in turn. */
static void test_values_of_many_branches_are_live_before_each(void **state)
{
    enum { LOCALS = 20 };
    (void)state;
    for (uint8_t inner = 0; inner < 2; inner++) {
        struct built t;
        struct bytes b = {0};
        PUT(&b, 1, LOCALS, 0x7f, 0x02, 0x40, 0x02, 0x40, 0x20, 0, 0x04, 0x40);
        for (uint8_t n = 0; n < LOCALS; n++) {
            PUT(&b, 0x41, 5, 0x21, (uint8_t)(2 + n));
        }
        PUT(&b, 0x0b, 0x20, 1, 0x0d, inner);
        for (uint8_t n = 0; n < LOCALS; n++) {
            PUT(&b, 0x41, n, 0x21, (uint8_t)(2 + n));
            if (inner == 0 || n % 12 == 0) {
                PUT(&b, 0x20, 1, 0x0d, n % 7 == 0 ? 1 : inner);
            }
        }
        PUT(&b, 0x0b, 0x0b);
        for (uint8_t n = 0; n < LOCALS; n++) {
            PUT(&b, 0x20, (uint8_t)(2 + n), 0x1a);
        }
        PUT(&b, 0x20, 0, 0x0b);
        /* asserts that each local that is read was passed, and verifies */
        body_build(&t, &b, (size_t)1 << 20);
        assert_int_equal(t.status, OK);
        body_free(&t);
        free_bytes(&b);
    }
}

static void test_an_if_without_else(void **state)
{
    (void)state;
    expect(BODY(0, 0x20, 0, 0x04, 0x40, 0x41, 9, 0x21, 1, 0x0b, 0x20, 1, 0x0b),
           "block0(v0: i32, v1: i32):\n"
           "  branch v0, block1(), block2(v1)\n"
           "block1():\n"
           "  v3 = const.i32 0x9\n"
           "  jump block2(v3)\n"
           "block2(v5: i32):\n"
           "  return v5\n");
}

static void test_an_if_with_else(void **state)
{
    (void)state;
    expect(BODY(0, 0x20, 0, 0x04, 0x7f, 0x20, 1, 0x05, 0x41, 3, 0x22, 1, 0x0b, 0x20, 1, 0x6a, 0x0b),
           "block0(v0: i32, v1: i32):\n"
           "  branch v0, block1(), block2()\n"
           "block1():\n"
           "  jump block3(v1, v1)\n"
           "block2():\n"
           "  v4 = const.i32 0x3\n"
           "  jump block3(v4, v4)\n"
           "block3(v6: i32, v7: i32):\n"
           "  v8 = add.i32 v6, v7\n"
           "  return v8\n");
}

static void test_a_path_that_ends_passes_nothing(void **state)
{
    (void)state;
    expect(BODY(0, 0x20, 0, 0x04, 0x40, 0x41, 3, 0x21, 1, 0x05, 0x00, 0x0b, 0x20, 1, 0x0b),
           "block0(v0: i32, v1: i32):\n"
           "  branch v0, block1(), block2()\n"
           "block1():\n"
           "  v3 = const.i32 0x3\n"
           "  jump block3()\n"
           "block2():\n"
           "  trap unreachable\n"
           "block3():\n"
           "  return v3\n");
}

static void test_labels_of_a_table_join(void **state)
{
    (void)state;
    /* Two cases continue after the block, without values; one branches to the loop. */
    expect(BODY(0, 0x02, 0x40, 0x03, 0x40, 0x41, 4, 0x21, 1, 0x20, 0, 0x0e, 2, 1, 0, 1, 0x0b, 0x0b,
                0x20, 1, 0x0b),
           "block0(v0: i32, v1: i32):\n"
           "  jump block1()\n"
           "block1():\n"
           "  v3 = const.i32 0x4\n"
           "  switch v0, block2(), block1(), block2()\n"
           "block2():\n"
           "  return v3\n");
    /* Three cases branch to the loop with a local: it is passed once, where they join. */
    expect(BODY(0, 0x03, 0x40, 0x20, 1, 0x24, 1, 0x41, 4, 0x21, 1, 0x20, 0, 0x0e, 2, 0, 0, 0, 0x0b,
                0x00, 0x0b),
           "block0(v0: i32, v1: i32):\n"
           "  jump block1(v1)\n"
           "block1(v3: i32):\n"
           "  store.i32 v3, context[152] class 17\n"
           "  v5 = const.i32 0x4\n"
           "  switch v0, block2(), block2(), block2()\n"
           "block2():\n"
           "  jump block1(v5)\n");
}

static void test_unreachable_code_is_not_built(void **state)
{
    (void)state;
    expect(BODY(0, 0x41, 1, 0x0f, 0x02, 0x40, 0x41, 5, 0x21, 0, 0x0c, 0, 0x0b, 0x03, 0x40, 0x0c, 0,
                0x0b, 0x6a, 0x0b),
           "block0(v0: i32, v1: i32):\n"
           "  v2 = const.i32 0x1\n"
           "  return v2\n");
}

static void test_calls(void **state)
{
    (void)state;
    /* Function 2 returns two results; the imported one takes the i64. */
    expect(BODY(0, 0x20, 0, 0x10, 2, 0x10, 0, 0x1a, 0x0b),
           "block0(v0: i32, v1: i32):\n"
           "  v2 = call.i32 @f2(v0)\n"
           "  v3 = result.i64 v2, 1\n"
           "  v4 = load.i64 context[200] class 1 constant\n"
           "  v5 = load.i64 address[v4 + 0] class 4 constant\n"
           "  v6 = load.i64 address[v4 + 8] class 4 constant\n"
           "  v7 = call_indirect.i64 signature 3(v5, v6, v3)\n"
           "  return v2\n");
}

static void test_a_call_through_a_table_is_checked(void **state)
{
    (void)state;
    expect(BODY(0, 0x20, 0, 0x20, 1, 0x20, 0, 0x11, 0, 0, 0x0b),
           "block0(v0: i32, v1: i32):\n"
           "  v2 = load.i32 context[176] class 3\n"
           "  v3 = lt_u.i32 v0, v2\n"
           "  trap_if v3, table\n"
           "  v5 = load.i64 context[168] class 3\n"
           "  v6 = extend_u.i64 v0\n"
           "  v7 = const.i64 0x3\n"
           "  v8 = shl.i64 v6, v7\n"
           "  v9 = add.i64 v5, v8\n"
           "  v10 = load.i64 address[v9 + 0] class 192\n"
           "  v11 = const.i64 0x0\n"
           "  v12 = ne.i64 v10, v11\n"
           "  trap_if v12, null\n"
           "  v14 = load.i32 address[v10 + 16] class 4\n"
           "  v15 = const.i32 0x4\n"
           "  v16 = eq.i32 v14, v15\n"
           "  trap_if v16, signature\n"
           "  v18 = load.i64 address[v10 + 0] class 4\n"
           "  v19 = load.i64 address[v10 + 8] class 4\n"
           "  v20 = call_indirect.i32 signature 0(v18, v19, v0, v1)\n"
           "  return v20\n");
}

static void test_globals(void **state)
{
    (void)state;
    expect(BODY(0, 0x23, 0, 0x24, 0, 0x23, 1, 0x24, 1, 0x23, 2, 0x0b),
           "block0(v0: i32, v1: i32):\n"
           "  v2 = load.i64 context[144] class 1 constant\n"
           "  v3 = load.i64 address[v2 + 0] class 6\n"
           "  v4 = load.i64 context[144] class 1 constant\n"
           "  store.i64 v3, address[v4 + 0] class 6\n"
           "  v6 = load.i32 context[152] class 17\n"
           "  store.i32 v6, context[152] class 17\n"
           "  v8 = load.i32 context[160] class 18 constant\n"
           "  return v8\n");
}

static void test_memory(void **state)
{
    (void)state;
    expect(BODY(0, 0x20, 0, 0x20, 1, 0x30, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x3e, 2, 8, 0x3f, 0,
                0x40, 0, 0x0b),
           "block0(v0: i32, v1: i32):\n"
           "  v2 = load.i64 memory0[v1 + 4294967295] 8_s\n"
           "  store.i64 v2, memory0[v0 + 8] 32_u\n"
           "  v4 = load.i64 context[8] class 1 constant\n"
           "  v5 = load.i64 address[v4 + 0] class 2\n"
           "  v6 = const.i64 0x10\n"
           "  v7 = shr_u.i64 v5, v6\n"
           "  v8 = wrap.i32 v7\n"
           "  v9 = const.i32 0x0\n"
           "  v10 = call.i32 @memory_grow(v9, v8)\n"
           "  return v10\n");
    expect(BODY(0, 0x41, 1, 0x41, 2, 0x41, 3, 0xfc, 8, 0, 0, 0x41, 0, 0x0b),
           "block0(v0: i32, v1: i32):\n"
           "  v2 = const.i32 0x1\n"
           "  v3 = const.i32 0x2\n"
           "  v4 = const.i32 0x3\n"
           "  v5 = const.i64 0x0\n"
           "  v6 = call.i32 @memory_init(v5, v2, v3, v4)\n"
           "  trap_if v6, memory\n"
           "  v8 = const.i32 0x0\n"
           "  return v8\n");
}

static void test_tables(void **state)
{
    (void)state;
    expect(BODY(0, 0x20, 0, 0xd2, 2, 0x26, 0, 0x20, 1, 0x25, 0, 0xd1, 0x0b),
           "block0(v0: i32, v1: i32):\n"
           "  v2 = context.i64\n"
           "  v3 = const.i64 0xf8\n"
           "  v4 = add.i64 v2, v3\n"
           "  v5 = load.i32 context[176] class 3\n"
           "  v6 = lt_u.i32 v0, v5\n"
           "  trap_if v6, table\n"
           "  v8 = load.i64 context[168] class 3\n"
           "  v9 = extend_u.i64 v0\n"
           "  v10 = const.i64 0x3\n"
           "  v11 = shl.i64 v9, v10\n"
           "  v12 = add.i64 v8, v11\n"
           "  store.i64 v4, address[v12 + 0] class 192\n"
           "  v14 = load.i32 context[176] class 3\n"
           "  v15 = lt_u.i32 v1, v14\n"
           "  trap_if v15, table\n"
           "  v17 = load.i64 context[168] class 3\n"
           "  v18 = extend_u.i64 v1\n"
           "  v19 = const.i64 0x3\n"
           "  v20 = shl.i64 v18, v19\n"
           "  v21 = add.i64 v17, v20\n"
           "  v22 = load.i64 address[v21 + 0] class 192\n"
           "  v23 = eqz.i64 v22\n"
           "  return v23\n");
    expect(
        BODY(0, 0x20, 0, 0x20, 0, 0x20, 1, 0xfc, 12, 0, 0, 0xd0, 0x6f, 0x20, 0, 0xfc, 15, 1, 0x0b),
        "block0(v0: i32, v1: i32):\n"
        "  v2 = const.i64 0x0\n"
        "  v3 = call.i32 @table_init(v2, v0, v0, v1)\n"
        "  trap_if v3, table\n"
        "  v5 = const.i64 0x0\n"
        "  v6 = const.i32 0x1\n"
        "  v7 = call.i32 @table_grow(v6, v5, v0)\n"
        "  return v7\n");
}

/* ---- Errors ---- */

static void test_errors_are_reported(void **state)
{
    (void)state;
    body_refuse(BODY(0, 0x20, 0, 0x42, 0, 0x6a, 0x0b), E_CORRUPT,
                "i32.add: type mismatch: expected i32, found i64");
    body_refuse(BODY(0, 0x0b), E_CORRUPT, "end: type mismatch: expected i32, found nothing");
    body_refuse(BODY(0, 0x41, 0, 0x41, 0, 0x0b), E_CORRUPT, "1 more values on the stack");
    body_refuse(BODY(0, 0x20, 2, 0x0b), E_CORRUPT, "unknown local 2");
    body_refuse(BODY(0, 0x41, 0, 0x0c, 1, 0x0b), E_CORRUPT, "br: unknown label 1");
    body_refuse(BODY(0, 0x10, 9, 0x0b), E_CORRUPT, "call: unknown function 9");
    body_refuse(BODY(0, 0x41, 0, 0x24, 2, 0x00, 0x0b), E_CORRUPT, "global 2 is immutable");
    body_refuse(BODY(0, 0x20, 0, 0x28, 3, 0, 0x0b), E_CORRUPT,
                "i32.load: alignment must not be larger than natural, 2^3");
    body_refuse(BODY(0, 0x41, 0, 0xd2, 1, 0x1a, 0x0b), E_CORRUPT, "undeclared function reference");
    body_refuse(BODY(0, 0x27, 0x0b), E_CORRUPT, "unknown operator 0x27");
    body_refuse(BODY(0, 0x07, 0, 0x0b), E_CORRUPT, "a catch outside of a try");
    body_refuse(BODY(0, 0x18, 0, 0x0b), E_CORRUPT, "a delegate that ends no try");
    body_refuse(BODY(0, 0x06, 0x40, 0x18, 5, 0x0b), E_CORRUPT, "delegate: unknown label 5");
    body_refuse(BODY(0, 0x06, 0x40, 0x19, 0x19, 0x0b, 0x0b), E_CORRUPT,
                "catch_all: no try is open, or it has caught everything");
    body_refuse(BODY(0, 0x06, 0x40, 0x07, 3, 0x0b, 0x0b), E_CORRUPT, "catch: unknown tag 3");
    body_refuse(BODY(0, 0x09, 0, 0x0b), E_CORRUPT, "rethrow: label 0 is no handler");
    body_refuse(BODY(0, 0x09, 7, 0x0b), E_CORRUPT, "rethrow: unknown label 7");
    body_refuse(BODY(0, 0x08, 9, 0x0b), E_CORRUPT, "throw: unknown tag 9");
    body_refuse(BODY(0, 0x0a, 0x0b), E_CORRUPT,
                "throw_ref: type mismatch: expected exnref, found nothing");
    body_refuse(BODY(0, 0x1f, 0x40, 1, 4, 0, 0x0b, 0x0b), E_CORRUPT, "malformed catch clause 0x04");
    body_refuse(BODY(0, 0x1f, 0x40, 1, 0, 8, 0, 0x0b, 0x0b), E_CORRUPT, "try_table: unknown tag 8");
    body_refuse(BODY(0, 0x1f, 0x40, 1, 2, 9, 0x0b, 0x0b), E_CORRUPT, "try_table: unknown label 9");
    body_refuse(BODY(0, 0x02, 0x40, 0x1f, 0x40, 1, 3, 0, 0x0b, 0x0b, 0x0b), E_CORRUPT,
                "try_table: type mismatch: a clause of 1 values for a label of 0");
    static const struct {
        uint8_t number;
        const char *name;
    } collected[] = {{0, "struct"},      {5, "struct"},
                     {6, "array"},       {19, "array"},
                     {20, "ref.test"},   {23, "ref.cast"},
                     {24, "br_on_cast"}, {26, "extern"},
                     {30, "i31"},        {31, "an unknown operator"}};
    for (unsigned n = 0; n < ARRAY_COUNT(collected); n++) {
        char text[80];
        (void)snprintf(text, sizeof text, "garbage-collected types are not supported: %s",
                       collected[n].name);
        body_refuse(BODY(0, 0xfb, collected[n].number, 0x0b), E_CORRUPT, text);
    }
    body_refuse(BODY(0, 0xd3, 0x0b), E_CORRUPT, "garbage-collected types are not supported: eq");
    body_refuse(BODY(0, 0xfe, 0x4f, 0x0b), E_CORRUPT, "unknown operator 0xfe 79");
    body_refuse(BODY(0, 0xfe, 4, 0x0b), E_CORRUPT, "unknown operator 0xfe 4");
    body_refuse(BODY(0, 0xfe, 3, 1, 0x41, 0, 0x0b), E_CORRUPT, "zero byte expected");
    body_refuse(BODY(0, 0x20, 0, 0xfe, 0x10, 1, 0, 0x0b), E_CORRUPT,
                "i32.atomic.load: atomic alignment must be natural, 2^1");
    body_refuse(BODY(0, 0x20, 0, 0xfe, 0x12, 1, 0, 0x0b), E_CORRUPT,
                "i32.atomic.load8_u: atomic alignment must be natural, 2^1");
    body_refuse(BODY(0, 0xfd, 0x94, 2, 0x0b), E_CORRUPT, "unknown operator 0xfd 276");
    body_refuse(BODY(0, 0xfc, 19, 0x0b), E_CORRUPT, "128-bit arithmetic is not supported");
    body_refuse(BODY(0, 0xfc, 18, 0x0b), E_CORRUPT, "unknown operator 0xfc 18");
    body_refuse(BODY(0, 0x41, 0, 0x0b, 0x0b), E_CORRUPT, "operators after the end");
    body_refuse(BODY(0, 0x02, 0x40, 0x41, 0, 0x0b), E_CORRUPT, "unexpected end");
    body_refuse(BODY(0, 0x05, 0x0b), E_CORRUPT, "else without an if");
    body_refuse(BODY(0, 0x20, 0, 0x04, 0x7f, 0x41, 1, 0x0b, 0x0b), E_CORRUPT,
                "an if without else gives no results");
}

static void test_the_offset_is_the_operators(void **state)
{
    (void)state;
    struct built t;
    char where[64];
    body_build(&t, BODY(0, 0x01, 0x01, 0x20, 0, 0x42, 0, 0x6a, 0x0b), 1 << 20);
    uint32_t offset = t.m->functions[BODY_FUNCTION].body + 7;
    assert_int_equal(t.err.offset, offset);
    snprintf(where, sizeof where, "code section, offset 0x%x: i32.add", offset);
    assert_memory_equal(t.err.text, where, strlen(where));
    assert_string_equal(t.err.section, "code");
    body_free(&t);
}

static void test_traps_have_locations(void **state)
{
    (void)state;
    struct built t;
    body_build(&t, BODY(0, 0x20, 0, 0x20, 1, 0x6d, 0x28, 0, 0, 0x0b), 1 << 20);
    uint32_t body = t.m->functions[BODY_FUNCTION].body;
    assert_int_equal(t.f->instrs[2].op, IR_DIV_S);
    assert_int_equal(t.f->locations[2], body + 5);
    assert_int_equal(t.f->instrs[3].op, IR_LOAD);
    assert_int_equal(t.f->locations[3], body + 6);
    body_free(&t);
}

/* ---- Memory ---- */

static bool build_once(void)
{
    struct built t;
    body_build(&t,
               BODY(1, 3, 0x7f, 0x03, 0x7f, 0x02, 0x40, 0x20, 0, 0x0e, 1, 0, 1, 0x0b, 0x41, 1, 0x21,
                    3, 0x20, 0, 0x41, 2, 0x41, 0, 0x11, 0, 0, 0x22, 4, 0x04, 0x7f, 0x41, 5, 0x05,
                    0x20, 3, 0x28, 0, 0, 0x0b, 0x0b, 0x0b),
               (size_t)1 << 20);
    enum status s = t.status;
    if (s != OK && (s != E_NOMEM || strstr(t.err.text, "no memory left") == NULL)) {
        fail_msg("status %d, \"%s\"", s, t.err.text);
    }
    body_free(&t);
    return s == OK;
}

static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    fake_sweep("building a function", build_once);
}

/* A try whose clause takes the 1,000 values of a tag to a label. */
static void put_wide_clause(struct bytes *b)
{
    put_header(b);
    size_t types = begin_section(b, 1);
    PUT(b, 3, 0x60, 0, 0, 0x60);
    put_u32(b, 1000);
    put_times(b, 1000, (const uint8_t[]){0x7f}, 1);
    PUT(b, 0, 0x60, 0);
    put_u32(b, 1000);
    put_times(b, 1000, (const uint8_t[]){0x7f}, 1);
    end_size(b, types);
    PUT_SECTION(b, 3, 1, 0);
    PUT_SECTION(b, 13, 1, 0, 1);
    PUT_SECTION(b, 10, 1, 16, 0, 0x02, 2, 0x1f, 0x40, 1, 0, 0, 0, 0x10, 0, 0x0b, 0, 0x0b, 0, 0x0b);
}

/* Memory may run out between the values. */
static void test_each_limit_of_memory_is_an_error_or_enough(void **state)
{
    (void)state;
    static const struct wasm_bounds bounds = {.arena_bytes = 16 << 20, .table_elements = 1};
    struct bytes b = {0};
    struct wasm_module *m;
    struct wasm_error err;
    enum status s = E_OVERFLOW;
    unsigned refused = 0;
    put_wide_clause(&b);
    assert_int_equal(wasm_module_decode(b.at, b.count, &bounds, &m, &err), OK);
    for (size_t limit = 4096; s != OK; limit += 512) {
        struct arena arena;
        struct ir_function *f;
        arena_init(&arena, limit);
        s = wasm_function_build(m, 0, &arena, &f, &err);
        if (s != OK && s != E_OVERFLOW && s != E_NOMEM) {
            fail_msg("status %d, %s", s, err.text);
        }
        refused += s != OK;
        arena_free_all(&arena);
    }
    assert_true(refused > 10);
    wasm_module_free(m);
    free_bytes(&b);
}

static void test_the_limit_is_an_error(void **state)
{
    (void)state;
    struct bytes b = {0};
    PUT(&b, 0);
    for (unsigned n = 0; n < 1000; n++) {
        PUT(&b, 0x41, 1, 0x1a);
    }
    PUT(&b, 0x41, 1, 0x0b);
    struct built t;
    body_build(&t, &b, 8192);
    assert_int_equal(t.status, E_OVERFLOW);
    assert_non_null(strstr(t.err.text, "more than the 8192 bytes of memory"));
    body_free(&t);
    free_bytes(&b);
}

/* Whether the fast validation accepts the body; if so, these are its callees. */
static bool is_quick(const struct bytes *body, uint32_t callee)
{
    static const struct wasm_bounds bounds = {.arena_bytes = 16 << 20, .table_elements = 100000};
    struct bytes bytes = {0};
    struct wasm_module *m;
    struct wasm_error err;
    struct wasm_facts facts;
    struct arena a;
    body_put_module(&bytes, body);
    assert_int_equal(wasm_module_decode(bytes.at, bytes.count, &bounds, &m, &err), OK);
    arena_init(&a, (size_t)1 << 20);
    bool quick = wasm_validate_quickly(m, BODY_FUNCTION, &a, &facts);
    if (quick && callee != 0) {
        assert_int_equal(facts.callee_count, 1);
        assert_int_equal(facts.callees[0], callee);
    }
    arena_free_all(&a);
    wasm_module_free(m);
    free_bytes(&bytes);
    return quick;
}

static void test_common_bodies_are_validated_quickly(void **state)
{
    (void)state;
    assert_true(is_quick(BODY(0, 0x20, 0, 0x10, 2, 0x1a, 0x0b), BODY_OTHER));
    assert_true(is_quick(BODY(0, 0x02, 0x40, 0x20, 0, 0x0d, 0, 0x00, 0x0b, 0x20, 1, 0x0b), 0));
    assert_true(is_quick(BODY(0, 0x20, 0, 0x04, 0x7f, 0x41, 1, 0x05, 0x41, 2, 0x0b, 0x0b), 0));
    /* A result too many, none, another type, an unknown local, no end, bytes after the end. */
    assert_false(is_quick(BODY(0, 0x20, 0, 0x20, 0, 0x0b), 0));
    assert_false(is_quick(BODY(0, 0x0b), 0));
    assert_false(is_quick(BODY(0, 0x42, 1, 0x0b), 0));
    assert_false(is_quick(BODY(0, 0x20, 2, 0x0b), 0));
    assert_false(is_quick(BODY(0, 0x20, 0), 0));
    assert_false(is_quick(BODY(0, 0x20, 0, 0x0b, 0x0b), 0));
    /* An if without else that has a result; a branch to a block that does not exist. */
    assert_false(is_quick(BODY(0, 0x20, 0, 0x04, 0x7f, 0x41, 1, 0x0b, 0x0b), 0));
    assert_false(is_quick(BODY(0, 0x0c, 1, 0x0b), 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_loop_has_parameters_for_the_locals_that_it_sets),
        cmocka_unit_test(test_a_block_has_only_locals_that_differ),
        cmocka_unit_test(test_unread_locals_are_not_parameters),
        cmocka_unit_test(test_values_of_branches_are_live_before_each),
        cmocka_unit_test(test_values_of_many_branches_are_live_before_each),
        cmocka_unit_test(test_an_if_without_else),
        cmocka_unit_test(test_an_if_with_else),
        cmocka_unit_test(test_a_path_that_ends_passes_nothing),
        cmocka_unit_test(test_labels_of_a_table_join),
        cmocka_unit_test(test_unreachable_code_is_not_built),
        cmocka_unit_test(test_common_bodies_are_validated_quickly),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_a_call_through_a_table_is_checked),
        cmocka_unit_test(test_globals),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_errors_are_reported),
        cmocka_unit_test(test_the_offset_is_the_operators),
        cmocka_unit_test(test_traps_have_locations),
        cmocka_unit_test(test_each_allocation_may_fail),
        cmocka_unit_test(test_each_limit_of_memory_is_an_error_or_enough),
        cmocka_unit_test(test_the_limit_is_an_error),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
