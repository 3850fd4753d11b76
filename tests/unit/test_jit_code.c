// SPDX-License-Identifier: MIT
//
// Whole compiled functions, run on this computer: addresses, calls, traps, control
// flow, frames, managed references.
#include "tests/unit/fake/world.h"
#include "tests/unit/jit/native_text.h"

#define MEMORY_BYTES 65536u

/* ---- Memory ---- */

static const struct {
    const char *type, *access;
    unsigned bytes;
    bool is_signed;
} accesses[] = {
    {"i32", "", 4, false},     {"i32", "8_s", 1, true},   {"i32", "8_u", 1, false},
    {"i32", "16_s", 2, true},  {"i32", "16_u", 2, false}, {"i64", "", 8, false},
    {"i64", "8_s", 1, true},   {"i64", "8_u", 1, false},  {"i64", "16_s", 2, true},
    {"i64", "16_u", 2, false}, {"i64", "32_s", 4, true},  {"i64", "32_u", 4, false},
    {"f32", "", 4, false},     {"f64", "", 8, false},
};

static uint64_t expected_load(const uint8_t *memory, unsigned n, uint64_t at)
{
    uint64_t v = 0;
    memcpy(&v, memory + at, accesses[n].bytes);
    if (accesses[n].is_signed) {
        unsigned shift = 64 - 8 * accesses[n].bytes;
        v = (uint64_t)((int64_t)(v << shift) >> shift);
    }
    return strcmp(accesses[n].type, "i64") == 0 || strcmp(accesses[n].type, "f64") == 0
               ? v
               : (uint32_t)v;
}

static void check_load(uint8_t *memory, unsigned n, uint64_t offset)
{
    static const uint32_t indices[] = {0,          1,          2,          100,       65527,
                                       65528,      65529,      65532,      65535,     65536,
                                       0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff};
    struct compiled c;
    char text[512];
    (void)snprintf(text, sizeof text,
                   MODULE_HEAD "signature (i32) -> (%s)\ncallee @f signature 0\nfunction @f {\n"
                               "block0(v0: i32):\n v1 = load.%s memory0[v0 + %llu] %s !9\n"
                               " return v1\n}\n",
                   accesses[n].type, accesses[n].type, (unsigned long long)offset,
                   accesses[n].access);
    compile(&c, text);
    c.context.memory = memory;
    c.context.length_word = MEMORY_BYTES;
    for (size_t k = 0; k < ARRAY_COUNT(indices); k++) {
        struct ir_bits arg = {.lo = indices[k]}, result = {0};
        struct native_outcome out = run(&c, &arg, &result);
        uint64_t at = indices[k] + offset;
        bool fine = at <= MEMORY_BYTES && accesses[n].bytes <= MEMORY_BYTES - at;
        assert_int_equal(out.trapped, !fine);
        if (fine) {
            assert_int_equal(result.lo, expected_load(memory, n, at));
        } else {
            assert_int_equal(out.trap, IR_TRAP_MEMORY);
            assert_int_equal(out.location, 9);
        }
    }
    discard(&c);
}

static void check_store(uint8_t *memory, unsigned n, uint64_t offset, const char *value)
{
    struct compiled c;
    char text[512];
    uint64_t bits = strtoull(value[0] == 'v' ? "0x0123456789abcdef" : value, NULL, 0);
    (void)snprintf(
        text, sizeof text,
        MODULE_HEAD "signature (i32, %s) -> ()\ncallee @f signature 0\nfunction @f {\n"
                    "block0(v0: i32, v1: %s):\n v2 = const.%s %#llx\n"
                    " store.%s %s, memory0[v0 + %llu] %s !9\n return\n}\n",
        accesses[n].type, accesses[n].type, accesses[n].type,
        (unsigned long long)(strstr(accesses[n].type, "32") != NULL ? (uint32_t)bits : bits),
        accesses[n].type, value[0] == 'v' ? "v1" : "v2", (unsigned long long)offset,
        accesses[n].access);
    compile(&c, text);
    c.context.memory = memory;
    c.context.length_word = MEMORY_BYTES;
    uint8_t before[16], after[16];
    struct ir_bits args[2] = {{.lo = 128}, {.lo = bits}};
    memcpy(before, memory + 124 + offset, 16);
    assert_false(run(&c, args, NULL).trapped);
    memcpy(after, memory + 124 + offset, 16);
    memcpy(before + 4, &bits, accesses[n].bytes);
    assert_memory_equal(before, after, 16);
    args[0].lo = 0xffffffff;
    struct native_outcome out = run(&c, args, NULL);
    assert_true(out.trapped && out.trap == IR_TRAP_MEMORY && out.location == 9);
    discard(&c);
}

static void test_loads_and_stores(void **state)
{
    (void)state;
    static const uint64_t offsets[] = {
        0, 4, 127, 128, 65536, 0x7ffffff0, 0x7fffffff, 0x80000000, 0xffffffff, 0xffffffff00000000};
    uint8_t *memory = native_memory_new(MEMORY_BYTES);
    for (unsigned n = 0; n < MEMORY_BYTES; n++) {
        memory[n] = (uint8_t)(n * 37 + n / 256 + 129);
    }
    for (unsigned n = 0; n < ARRAY_COUNT(accesses); n++) {
        for (size_t o = 0; o < ARRAY_COUNT(offsets); o++) {
            check_load(memory, n, offsets[o]);
        }
        check_store(memory, n, 0, "v1");
        check_store(memory, n, 300, "v1");
        check_store(memory, n, 8, "0");
        check_store(memory, n, 8, "0xffffffffffffffff");
        check_store(memory, n, 8, "0x8182838485868788");
    }
    native_memory_free(memory);
}

static uint64_t call1(struct compiled *c, uint64_t a, uint64_t b)
{
    struct ir_bits args[2] = {{.lo = a}, {.lo = b}}, result[8] = {{0}};
    struct native_outcome out = run(c, args, result);
    assert_false(out.trapped);
    return result[0].lo;
}

static void test_arithmetic_on_memory_in_place(void **state)
{
    (void)state;
    static const struct {
        const char *op;
        uint32_t result;
    } ops[] = {{"add", 1000 + 77},
               {"sub", 1000 - 77},
               {"and", 1000 & 77},
               {"or", 1000 | 77},
               {"xor", 1000 ^ 77}};
    uint8_t *memory = native_memory_new(MEMORY_BYTES);
    for (size_t n = 0; n < ARRAY_COUNT(ops); n++) {
        for (unsigned constant = 0; constant < 2; constant++) {
            struct compiled c;
            char text[512];
            uint32_t word = 1000;
            (void)snprintf(text, sizeof text,
                           MODULE_HEAD
                           "signature (i32, i32) -> (i32)\ncallee @f signature 0\n"
                           "function @f {\nblock0(v0: i32, v1: i32):\n v2 = const.i32 77\n"
                           " v3 = load.i32 memory0[v0 + 8]\n v4 = %s.i32 v3, %s\n"
                           " store.i32 v4, memory0[v0 + 8]\n return v0\n}\n",
                           ops[n].op, constant != 0 ? "v2" : "v1");
            compile(&c, text);
            c.context.memory = memory;
            memcpy(memory + 24, &word, sizeof word);
            (void)call1(&c, 16, 77);
            memcpy(&word, memory + 24, sizeof word);
            assert_int_equal(word, ops[n].result);
            discard(&c);
        }
    }
    native_memory_free(memory);
}

/* A comparison that itself traps does not absorb a load, because it
 * has no row for the load's trap. */
static void test_a_load_keeps_its_trap_before_another(void **state)
{
    (void)state;
    static const char *const compares[] = {"flt.f64",  "fle.f32", "feq.f64", "fne.f32",
                                           "lt_s.i64", "eq.i32",  "ne.i64"};
    uint8_t *memory = native_memory_new(MEMORY_BYTES);
    for (size_t n = 0; n < 2 * ARRAY_COUNT(compares); n++) {
        struct compiled c;
        char text[512];
        const char *compare = compares[n / 2], *type = strchr(compare, '.') + 1;
        (void)snprintf(text, sizeof text,
                       MODULE_HEAD "signature (i32, %s) -> (i32)\ncallee @f signature 0\n"
                                   "function @f {\nblock0(v0: i32, v1: %s):\n"
                                   " v2 = load.%s memory0[v0 + 0] !21\n v3 = %s %s\n"
                                   " trap_if v3, divide !22\n return v0\n}\n",
                       type, type, type, compare, n % 2 == 0 ? "v1, v2" : "v2, v1");
        compile(&c, text);
        c.context.memory = memory;
        c.context.length_word = MEMORY_BYTES;
        struct ir_bits args[2] = {{.lo = MEMORY_BYTES}, {.lo = 0}}, result;
        struct native_outcome out = run(&c, args, &result);
        assert_true(out.trapped && out.trap == IR_TRAP_MEMORY);
        assert_int_equal(out.location, 21);
        discard(&c);
    }
    native_memory_free(memory);
}

static void test_sums_of_32_bits_wrap_before_they_are_addresses(void **state)
{
    (void)state;
    uint8_t *memory = native_memory_new(MEMORY_BYTES);
    struct compiled c;
    compile(&c, MODULE_HEAD "signature (i32, i32) -> (i32)\ncallee @f signature 0\n"
                            "function @f {\nblock0(v0: i32, v1: i32):\n v2 = const.i32 16\n"
                            " v3 = add.i32 v0, v2\n v4 = const.i32 3\n v5 = shl.i32 v1, v4\n"
                            " v6 = add.i32 v3, v5\n v7 = load.i32 memory0[v6 + 4] 8_u\n"
                            " return v7\n}\n");
    c.context.memory = memory;
    memory[4 + 8] = 99;
    memory[4 + 16] = 98;
    assert_int_equal(call1(&c, 0xfffffff8, 0), 99);
    assert_int_equal(call1(&c, 0, 0x20000000), 98);
    discard(&c);
    native_memory_free(memory);
}

/* Indices from a mask, a shift, a sum. A sum that can wrap must wrap. */
static void test_indices_whose_range_is_known(void **state)
{
    (void)state;
    static const struct {
        uint32_t mask, shift, sum;
    } shapes[] = {{0xff, 3, 16},
                  {0xffff, 0, 1000},
                  {0xc0000000, 0, 0x40000000},
                  {0xbfffffff, 0, 0x40000000},
                  {0x60000000, 3, 0},
                  {0x1fffffff, 3, 0},
                  {0x1fffffff, 3, 8},
                  {0x3f, 2, 0x7fffff00},
                  {0xffffffff, 1, 4}};
    static const uint32_t values[] = {0, 1, 5, 255, 0x40000000, 0x60000000, 0xc0000000, 0xffffffff};
    uint8_t *memory = native_memory_new(MEMORY_BYTES);
    for (unsigned n = 0; n < MEMORY_BYTES; n++) {
        memory[n] = (uint8_t)(n * 7 + n / 256);
    }
    for (size_t n = 0; n < ARRAY_COUNT(shapes); n++) {
        struct compiled c;
        char text[512];
        (void)snprintf(text, sizeof text,
                       MODULE_HEAD "signature (i32) -> (i32)\ncallee @f signature 0\n"
                                   "function @f {\nblock0(v0: i32):\n v1 = const.i32 %#x\n"
                                   " v2 = and.i32 v0, v1\n v3 = const.i32 %u\n"
                                   " v4 = shl.i32 v2, v3\n v5 = const.i32 %#x\n"
                                   " v6 = add.i32 v4, v5\n v7 = load.i32 memory0[v6 + 3] 8_u\n"
                                   " return v7\n}\n",
                       shapes[n].mask, shapes[n].shift, shapes[n].sum);
        compile(&c, text);
        c.context.memory = memory;
        for (size_t k = 0; k < ARRAY_COUNT(values); k++) {
            struct ir_bits arg = {.lo = values[k]}, result = {0};
            struct native_outcome out = run(&c, &arg, &result);
            uint32_t index = ((values[k] & shapes[n].mask) << shapes[n].shift) + shapes[n].sum;
            bool fine = (uint64_t)index + 3 < MEMORY_BYTES;
            assert_int_equal(out.trapped, !fine);
            assert_true(!fine || result.lo == memory[index + 3]);
        }
        discard(&c);
    }
    native_memory_free(memory);
}

static void test_addresses_of_the_front_end(void **state)
{
    (void)state;
    uint32_t array[64];
    struct compiled c;
    for (uint32_t n = 0; n < ARRAY_COUNT(array); n++) {
        array[n] = n * 3;
    }
    compile(&c, MODULE_HEAD "signature (i64, i32) -> (i32)\ncallee @f signature 0\n"
                            "function @f {\nblock0(v0: i64, v1: i32):\n v2 = extend_u.i64 v1\n"
                            " v3 = const.i64 2\n v4 = shl.i64 v2, v3\n v5 = add.i64 v0, v4\n"
                            " v6 = const.i64 8\n v7 = add.i64 v5, v6\n"
                            " v8 = load.i32 address[v7 + 4]\n return v8\n}\n");
    assert_int_equal(call1(&c, (uintptr_t)array, 10), array[13]);
    discard(&c);
}

/* ---- Conditions ---- */

static void check_select(const char *type, const char *condition, unsigned from, uint64_t a,
                         uint64_t b, bool expected)
{
    struct compiled c;
    char text[768];
    const char *name = ir_type_name(from);
    (void)snprintf(text, sizeof text,
                   MODULE_HEAD "signature (%s, %s) -> (i64)\ncallee @f signature 0\n"
                               "function @f {\nblock0(v0: %s, v1: %s):\n v2 = %s\n"
                               " v3 = const.%s 0x40001111\n v4 = const.%s 0x40002222\n"
                               " v5 = select.%s v2, v3, v4\n branch v2, block1(v3), block1(v4)\n"
                               "block1(v7: %s):\n v8 = const.%s 0\n store.%s v7, context[16]\n"
                               " store.%s v5, context[24]\n v11 = load.i64 context[16]\n"
                               " v12 = load.i64 context[24]\n v13 = const.i64 32\n"
                               " v14 = shl.i64 v12, v13\n v15 = or.i64 v11, v14\n"
                               " return v15\n}\n",
                   name, name, name, name, condition, type, type, type, type, type, type, type);
    compile(&c, text);
    uint64_t one = expected ? 0x40001111 : 0x40002222;
    uint64_t got = call1(&c, a, b);
    if (got != (one | one << 32)) {
        fail_msg("select.%s %s %#llx %#llx: %#llx", type, condition, (unsigned long long)a,
                 (unsigned long long)b, (unsigned long long)got);
    }
    discard(&c);
}

static void test_conditions_choose_and_branch(void **state)
{
    (void)state;
    static const char *const types[] = {"i32", "i64", "f32", "f64"};
    static const uint64_t one = 0x3ff0000000000000, nan = 0x7ff8000000000000;
    for (size_t t = 0; t < ARRAY_COUNT(types); t++) {
        for (unsigned k = 0; k < 9; k++) {
            uint64_t a = k / 3 == 2 ? nan : k / 3 * one, b = k % 3 == 2 ? nan : k % 3 * one;
            bool ordered = a != nan && b != nan;
            check_select(types[t], "feq.f64 v0, v1", IR_F64, a, b, ordered && a == b);
            check_select(types[t], "fne.f64 v0, v1", IR_F64, a, b, !ordered || a != b);
            check_select(types[t], "flt.f64 v0, v1", IR_F64, a, b, ordered && a < b);
            check_select(types[t], "fle.f64 v0, v1", IR_F64, a, b, ordered && a <= b);
        }
        check_select(types[t], "lt_s.i64 v0, v1", IR_I64, UINT64_MAX, 0, true);
        check_select(types[t], "lt_u.i64 v0, v1", IR_I64, UINT64_MAX, 0, false);
        check_select(types[t], "eqz.i32 v0", IR_I32, 0, 0, true);
        check_select(types[t], "and.i32 v0, v1", IR_I32, 6, 9, false);
        check_select(types[t], "and.i32 v0, v1", IR_I32, 6, 10, true);
    }
}

static void test_negated_float_conditions(void **state)
{
    (void)state;
    static const uint64_t one = 0x3ff0000000000000, nan = 0x7ff8000000000000;
    static const char *const ops[] = {"feq", "fne", "flt", "fle"};
    for (unsigned n = 0; n < ARRAY_COUNT(ops); n++) {
        struct compiled c;
        char text[512];
        (void)snprintf(text, sizeof text,
                       MODULE_HEAD "signature (f64, f64) -> (i32)\ncallee @f signature 0\n"
                                   "function @f {\nblock0(v0: f64, v1: f64):\n"
                                   " v2 = %s.f64 v0, v1\n v3 = eqz.i32 v2\n"
                                   " branch v3, block1(), block2()\nblock1():\n"
                                   " v5 = const.i32 1\n return v5\nblock2():\n"
                                   " v7 = const.i32 0\n return v7\n}\n",
                       ops[n]);
        compile(&c, text);
        for (unsigned k = 0; k < 9; k++) {
            uint64_t a = k / 3 == 2 ? nan : k / 3 * one, b = k % 3 == 2 ? nan : k % 3 * one;
            bool ordered = a != nan && b != nan;
            bool holds = n == 0   ? ordered && a == b
                         : n == 1 ? !ordered || a != b
                         : n == 2 ? ordered && a < b
                                  : ordered && a <= b;
            assert_int_equal(call1(&c, a, b), !holds);
        }
        discard(&c);
    }
}

/* ---- Calls ---- */

/* All kinds of parameters and results, more of them than registers; f passes its own to g, which
 * returns them in another order. */
static void test_many_arguments_and_results(void **state)
{
    (void)state;
    enum { COUNT = 28 };
    static const char *const types[] = {"i32", "f64", "i64", "f32"};
    struct compiled c;
    char *text = malloc(16384), list[2048] = "", params[2048] = "", args[1024] = "",
         back[1024] = "", defs[4096] = "";
    for (unsigned n = 0; n < COUNT; n++) {
        const char *sep = n == 0 ? "" : ", ";
        (void)sprintf(list + strlen(list), "%s%s", sep, types[n % 4]);
        (void)sprintf(params + strlen(params), "%sv%u: %s", sep, n, types[n % 4]);
        (void)sprintf(args + strlen(args), "%sv%u", sep, n);
        (void)sprintf(back + strlen(back), "%sv%u", sep, (n + 4) % COUNT);
        if (n > 0) {
            (void)sprintf(defs + strlen(defs), " v%u = result.%s v100, %u\n", 100 + n, types[n % 4],
                          n);
        }
    }
    char results[1024] = "";
    for (unsigned n = 0; n < COUNT; n++) {
        (void)sprintf(results + strlen(results), "%sv%u", n == 0 ? "" : ", ",
                      100 + (n + 4) % COUNT);
    }
    (void)sprintf(text,
                  MODULE_HEAD "signature (%s) -> (%s)\ncallee @f signature 0\n"
                              "callee @g signature 0\nfunction @f {\nblock0(%s):\n"
                              " v100 = call.i32 @g(%s)\n%s return %s\n}\n"
                              "function @g {\nblock0(%s):\n return %s\n}\n",
                  list, list, params, args, defs, results, params, back);
    compile(&c, text);
    struct ir_bits in[COUNT], out[COUNT];
    for (unsigned n = 0; n < COUNT; n++) {
        uint64_t v = UINT64_C(0x4045000000000000) + n * UINT64_C(0x10001);
        in[n] = (struct ir_bits){.lo = n % 4 == 0 || n % 4 == 3 ? 0x41000000 + n : v};
    }
    assert_false(run(&c, in, out).trapped);
    for (unsigned n = 0; n < COUNT; n++) {
        assert_int_equal(out[n].lo, in[(n + 8) % COUNT].lo);
    }
    discard(&c);
    free(text);
}

static void test_recursion(void **state)
{
    (void)state;
    struct compiled c;
    compile(&c, FIBONACCI);
    assert_int_equal(call1(&c, 20, 0), 6765);
    discard(&c);
}

static void test_endless_recursion_traps(void **state)
{
    (void)state;
    struct compiled c;
    compile(&c, MODULE_HEAD "signature (i64) -> (i64)\ncallee @f signature 0\nfunction @f {\n"
                            "block0(v0: i64):\n v1 = call.i64 @f(v0) !33\n"
                            " v2 = add.i64 v1, v0\n return v2\n}\n");
    struct ir_bits arg = {.lo = 1}, result;
    for (unsigned n = 0; n < 3; n++) {
        struct native_outcome out = run(&c, &arg, &result);
        assert_true(out.trapped);
        assert_int_equal(out.trap, IR_TRAP_STACK);
        assert_int_equal(out.callers[0], 33);
        assert_true(out.depth > 1000);
    }
    discard(&c);
}

/* A frame larger than the guard is probed step by step. */
static void test_large_frames_find_the_end_of_the_stack(void **state)
{
    (void)state;
    struct compiled c;
    compile(&c, MODULE_HEAD "signature (i64) -> (i64)\ncallee @f signature 0\nfunction @f {\n"
                            "slot 400000 align 16\nblock0(v0: i64):\n"
                            " store.i64 v0, slot0[0]\n v2 = call.i64 @f(v0) !33\n"
                            " v3 = load.i64 slot0[0]\n v4 = add.i64 v3, v2\n return v4\n}\n");
    struct ir_bits arg = {.lo = 1}, result;
    struct native_outcome out = run(&c, &arg, &result);
    assert_true(out.trapped && out.trap == IR_TRAP_STACK && out.depth > 5);
    discard(&c);
}

static void test_traps_report_their_location(void **state)
{
    (void)state;
    struct compiled c;
    compile(&c, MODULE_HEAD
            "signature (i32) -> (i32)\ncallee @f signature 0\ncallee @g signature 0\n"
            "callee @h signature 0\nfunction @f {\nblock0(v0: i32):\n v1 = call.i32 @g(v0) !11\n"
            " return v1\n}\nfunction @g {\nblock0(v0: i32):\n v1 = call.i32 @h(v0) !12\n"
            " return v1\n}\nfunction @h {\nblock0(v0: i32):\n trap_if v0, table !13\n"
            " v2 = const.i32 8\n v3 = sub.i32 v0, v2\n v4 = div_u.i32 v2, v3 !14\n"
            " v5 = const.i32 4\n v6 = eq.i32 v0, v5\n branch v6, block1(), block2()\n"
            "block1():\n trap unreachable !15\nblock2():\n return v4\n}\n");
    static const struct {
        uint64_t arg;
        unsigned trap, location;
    } cases[] = {{0, IR_TRAP_TABLE, 13}, {8, IR_TRAP_DIVIDE, 14}, {4, IR_TRAP_UNREACHABLE, 15}};
    for (size_t n = 0; n < ARRAY_COUNT(cases); n++) {
        struct ir_bits arg = {.lo = cases[n].arg}, result;
        struct native_outcome out = run(&c, &arg, &result);
        assert_true(out.trapped);
        assert_int_equal(out.trap, cases[n].trap);
        assert_int_equal(out.location, cases[n].location);
        assert_int_equal(out.depth, 2);
        assert_int_equal(out.callers[0], 12);
        assert_int_equal(out.callers[1], 11);
    }
    assert_int_equal(call1(&c, 9, 0), 8);
    discard(&c);
}

static uint64_t helper_add(struct context *context, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                           uint64_t e)
{
    context->a += 1;
    return a + 10 * b + 100 * c + 1000 * d + 10000 * e;
}

static void test_helpers(void **state)
{
    (void)state;
    struct compiled c;
    compile(&c, MODULE_HEAD
            "signature (f64, i64) -> (f64)\nsignature (i64, i64, i64, i64, i64) -> (i32)\n"
            "callee @f signature 0\ncallee @h signature 1 helper 32 reads writes\n"
            "function @f {\nblock0(v0: f64, v1: i64):\n"
            " v2 = call.i32 @h(v1, v1, v1, v1, v1)\n v3 = extend_u.i64 v2\n"
            " v4 = from_int_u.f64 v3\n v5 = fadd.f64 v0, v4\n return v5\n}\n");
    c.context.helpers[0] = (uintptr_t)helper_add;
    struct ir_bits args[2], result;
    double x = 0.5, y;
    memcpy(&args[0].lo, &x, sizeof x);
    args[1].lo = UINT64_C(0x100000001);
    assert_false(run(&c, args, &result).trapped);
    memcpy(&y, &result.lo, sizeof y);
    assert_true(y == 11111.5);
    assert_int_equal(c.context.a, 1);
    discard(&c);
}

/* The function's own data is passed, not the caller's context. */
static void test_host_functions(void **state)
{
    (void)state;
    struct compiled c;
    compile(&c,
            MODULE_HEAD "signature (i64) -> (i64)\nsignature (i64, i64, i64, i64, i64) -> (i32)\n"
                        "callee @f signature 0\ncallee @h signature 1 host 32 reads writes\n"
                        "function @f {\nblock0(v0: i64):\n v1 = call.i32 @h(v0, v0, v0, v0, v0)\n"
                        " v2 = extend_u.i64 v1\n v3 = add.i64 v2, v0\n return v3\n}\n");
    struct context other = {.a = 5};
    c.context.helpers[0] = (uintptr_t)helper_add;
    c.context.helpers[1] = (uintptr_t)&other;
    struct ir_bits arg = {.lo = UINT64_C(0x100000001)}, result;
    assert_false(run(&c, &arg, &result).trapped);
    assert_int_equal(result.lo, arg.lo + 11111);
    assert_int_equal(other.a, 6);
    assert_int_equal(c.context.a, 0);
    discard(&c);
}

/* The callee gets its own context and memory, and the caller its own again afterwards. */
static void test_indirect_calls_change_the_context(void **state)
{
    (void)state;
    struct compiled c;
    compile(&c, MODULE_HEAD
            "signature (i64, i64) -> (i64)\ncallee @f signature 0\ncallee @g signature 0\n"
            "function @f {\nblock0(v0: i64, v1: i64):\n v2 = load.i64 context[64]\n"
            " v3 = load.i64 context[80]\n v4 = call_indirect.i64 signature 0(v3, v2, v0, v1)\n"
            " v5 = load.i64 context[16]\n v6 = add.i64 v4, v5\n v7 = const.i32 0\n"
            " v8 = load.i64 memory0[v7 + 0]\n v9 = add.i64 v6, v8\n v10 = context.i64\n"
            " v11 = call_indirect.i64 signature 0(v3, v10, v1, v0)\n v12 = add.i64 v9, v11\n"
            " return v12\n}\n"
            "function @g {\nblock0(v0: i64, v1: i64):\n v2 = load.i64 context[16]\n"
            " v3 = const.i32 0\n v4 = load.i64 memory0[v3 + 0]\n v5 = sub.i64 v0, v1\n"
            " v6 = add.i64 v5, v2\n v7 = add.i64 v6, v4\n return v7\n}\n");
    uint64_t first[1] = {1000}, second[1] = {20000};
    struct context other = {.memory = (uint8_t *)second, .a = 300000};
    c.context.memory = (uint8_t *)first;
    c.context.a = 5;
    c.context.other = (uintptr_t)&other;
    c.context.code[0] = c.native.address[0];
    c.context.code[1] = c.native.address[1];
    uint64_t expected = (3 - 4 + 300000 + 20000) + 5 + 1000 + (4 - 3 + 5 + 1000);
    assert_int_equal(call1(&c, 3, 4), expected);
    discard(&c);
}

/* ---- Control flow ---- */

static void test_a_switch_of_many_targets(void **state)
{
    (void)state;
    enum { CASES = 5000 };
    struct compiled c;
    size_t size = (size_t)CASES * 80 + 1024, at = 0;
    char *text = malloc(size);
    at += (size_t)snprintf(text, size,
                           MODULE_HEAD "signature (i32) -> (i32)\ncallee @f signature 0\n"
                                       "function @f {\nblock0(v0: i32):\n switch v0");
    for (unsigned n = 0; n < CASES; n++) {
        at += (size_t)snprintf(text + at, size - at, ", block%u()", n + 1);
    }
    at += (size_t)snprintf(text + at, size - at, "\n");
    for (unsigned n = 0; n < CASES; n++) {
        at +=
            (size_t)snprintf(text + at, size - at, "block%u():\n v%u = const.i32 %u\n return v%u\n",
                             n + 1, n + 1, n * 7 + 1, n + 1);
    }
    (void)snprintf(text + at, size - at, "}\n");
    compile(&c, text);
    static const uint32_t indices[] = {0,    1,    2,    127,        128,        4095,      4096,
                                       4998, 4999, 5000, 0x7fffffff, 0x80000000, 0xffffffff};
    for (size_t n = 0; n < ARRAY_COUNT(indices); n++) {
        uint32_t k = MIN(indices[n], CASES - 1u);
        assert_int_equal(call1(&c, indices[n], 0), k * 7 + 1);
    }
    discard(&c);
    free(text);
}

static void test_few_cases(void **state)
{
    (void)state;
    struct compiled c;
    compile(&c, MODULE_HEAD "signature (i32) -> (i32)\ncallee @f signature 0\nfunction @f {\n"
                            "block0(v0: i32):\n v1 = const.i32 10\n v2 = const.i32 20\n"
                            " switch v0, block1(v1), block1(v2), block1(v1), block1(v0)\n"
                            "block1(v4: i32):\n return v4\n}\n");
    assert_int_equal(call1(&c, 0, 0), 10);
    assert_int_equal(call1(&c, 1, 0), 20);
    assert_int_equal(call1(&c, 2, 0), 10);
    assert_int_equal(call1(&c, 3, 0), 3);
    assert_int_equal(call1(&c, 0xffffffff, 0), 0xffffffff);
    discard(&c);
}

/* Branches over a body too large for short ones, and out of a loop around it. */
static void test_a_body_of_a_megabyte(void **state)
{
    (void)state;
    enum { STEPS = 120000 };
    struct compiled c;
    size_t size = (size_t)STEPS * 64 + 4096, at = 0;
    char *text = malloc(size);
    at += (size_t)snprintf(text, size,
                           MODULE_HEAD "signature (i64) -> (i64)\ncallee @f signature 0\n"
                                       "function @f {\nblock0(v0: i64):\n jump block1(v0)\n"
                                       "block1(v2: i64):\n v3 = const.i64 0x123456789abcdef\n"
                                       " v4 = const.i64 10\n v5 = lt_u.i64 v2, v4\n"
                                       " branch v5, block3(), block2()\nblock2():\n");
    for (unsigned n = 0; n < STEPS; n++) {
        at += (size_t)snprintf(text + at, size - at, " v%u = %s.i64 v%u, v3\n", n + 10,
                               n % 2 == 0 ? "xor" : "add", n == 0 ? 2 : n + 9);
    }
    (void)snprintf(text + at, size - at,
                   " v9 = const.i64 7\n v8 = and.i64 v%u, v9\n jump block1(v8)\n"
                   "block3():\n return v2\n}\n",
                   STEPS + 9);
    compile(&c, text);
    uint64_t x = 1000;
    for (unsigned n = 0; n < STEPS; n++) {
        x = n % 2 == 0 ? x ^ 0x123456789abcdef : x + 0x123456789abcdef;
    }
    assert_int_equal(call1(&c, 1000, 0), x & 7);
    assert_true(c.native.code[0].size > 300000);
    discard(&c);
    free(text);
}

static void test_loops(void **state)
{
    (void)state;
    struct compiled c;
    /* An endless loop of empty blocks follows the condition, so that it is compiled. */
    compile(&c, MODULE_HEAD "signature (i64) -> (i64)\ncallee @f signature 0\nfunction @f {\n"
                            "block0(v0: i64):\n v1 = const.i64 0\n jump block1(v1, v0)\n"
                            "block1(v3: i64, v4: i64):\n v5 = eqz.i64 v4\n"
                            " branch v5, block3(), block2()\nblock2():\n"
                            " v7 = add.i64 v3, v4\n v8 = const.i64 1\n v9 = sub.i64 v4, v8\n"
                            " jump block1(v7, v9)\nblock3():\n v11 = const.i64 5050\n"
                            " v12 = eq.i64 v3, v11\n branch v12, block4(), block5()\n"
                            "block4():\n return v3\nblock5():\n jump block6()\n"
                            "block6():\n jump block5()\n}\n");
    assert_int_equal(call1(&c, 100, 0), 5050);
    discard(&c);
}

/* ---- Frames ---- */

static void test_slots_are_where_they_should_be(void **state)
{
    (void)state;
    struct compiled c;
    compile(&c, MODULE_HEAD "signature (i64) -> (i64)\ncallee @f signature 0\nfunction @f {\n"
                            "slot 24 align 8\nslot 100 align 64\nslot 8 align 32\n"
                            "block0(v0: i64):\n store.i64 v0, slot0[16]\n"
                            " store.i64 v0, slot1[8]\n v3 = slot.i64 1\n v4 = slot.i64 2\n"
                            " v5 = load.i64 address[v3 + 8]\n store.i64 v5, address[v4 + 0]\n"
                            " v7 = load.i64 slot2[0]\n v8 = load.i64 slot0[16]\n"
                            " v9 = add.i64 v7, v8\n v10 = or.i64 v3, v4\n v11 = const.i64 31\n"
                            " v12 = and.i64 v10, v11\n v13 = const.i64 63\n"
                            " v14 = and.i64 v3, v13\n v15 = add.i64 v12, v14\n"
                            " v16 = add.i64 v9, v15\n return v16\n}\n");
    assert_int_equal(call1(&c, 77, 0), 154);
    discard(&c);
}

static void test_blocks_of_bytes(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 300; n = n < 40 ? n + 1 : n + 37) {
        struct compiled c;
        char text[768];
        uint8_t from[320], to[320], expected[320];
        (void)snprintf(text, sizeof text,
                       MODULE_HEAD "signature (i64, i64) -> (i64)\ncallee @f signature 0\n"
                                   "function @f {\nblock0(v0: i64, v1: i64):\n"
                                   " copy_bytes v0, v1, %u\n zero_bytes v1, %u\n return v0\n}\n",
                       n, n);
        compile(&c, text);
        for (unsigned k = 0; k < sizeof from; k++) {
            from[k] = (uint8_t)(k + 1);
            to[k] = 0xee;
        }
        memset(expected, 0xee, sizeof expected);
        memcpy(expected + 3, from + 5, n);
        (void)call1(&c, (uintptr_t)to + 3, (uintptr_t)from + 5);
        assert_memory_equal(to, expected, sizeof to);
        for (unsigned k = 0; k < sizeof from; k++) {
            assert_int_equal(from[k], k >= 5 && k < n + 5 ? 0 : (uint8_t)(k + 1));
        }
        discard(&c);
    }
}

/* ---- Managed references ---- */

static void test_objects(void **state)
{
    (void)state;
    struct compiled c;
    compile(&c, MODULE_HEAD "signature (ref, i64) -> (i64)\ncallee @f signature 0\n"
                            "function @f {\nblock0(v0: ref, v1: i64):\n"
                            " v2 = null_check.ref v0 !5\n v3 = derive.derived v2, v1\n"
                            " v4 = load.i64 object[v3 + 16] !6\n store_ref v2, object[v0 + 8] !7\n"
                            " v6 = is_null.i32 v0\n v7 = ref_eq.i32 v0, v2\n poll\n"
                            " v9 = add.i32 v6, v7\n v10 = extend_u.i64 v9\n"
                            " v11 = add.i64 v4, v10\n return v11\n}\n");
    uint64_t object[8] = {0, 0, 0, 0, 4711};
    assert_int_equal(call1(&c, (uintptr_t)object, 16), 4712);
    assert_int_equal(object[1], (uintptr_t)object);
    struct ir_bits args[2] = {{0}, {0}}, result;
    struct native_outcome out = run(&c, args, &result);
    assert_true(out.trapped && out.trap == IR_TRAP_NULL && out.location == 5);
    discard(&c);
    compile(&c, MODULE_HEAD "signature (ref) -> (i64)\ncallee @f signature 0\nfunction @f {\n"
                            "block0(v0: ref):\n v1 = load.i64 object[v0 + 100000] !8\n"
                            " return v1\n}\n");
    out = run(&c, args, &result);
    assert_true(out.trapped && out.trap == IR_TRAP_NULL && out.location == 8);
    discard(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loads_and_stores),
        cmocka_unit_test(test_arithmetic_on_memory_in_place),
        cmocka_unit_test(test_a_load_keeps_its_trap_before_another),
        cmocka_unit_test(test_sums_of_32_bits_wrap_before_they_are_addresses),
        cmocka_unit_test(test_indices_whose_range_is_known),
        cmocka_unit_test(test_addresses_of_the_front_end),
        cmocka_unit_test(test_conditions_choose_and_branch),
        cmocka_unit_test(test_negated_float_conditions),
        cmocka_unit_test(test_many_arguments_and_results),
        cmocka_unit_test(test_recursion),
        cmocka_unit_test(test_endless_recursion_traps),
        cmocka_unit_test(test_large_frames_find_the_end_of_the_stack),
        cmocka_unit_test(test_traps_report_their_location),
        cmocka_unit_test(test_helpers),
        cmocka_unit_test(test_host_functions),
        cmocka_unit_test(test_indirect_calls_change_the_context),
        cmocka_unit_test(test_a_switch_of_many_targets),
        cmocka_unit_test(test_few_cases),
        cmocka_unit_test(test_a_body_of_a_megabyte),
        cmocka_unit_test(test_loops),
        cmocka_unit_test(test_slots_are_where_they_should_be),
        cmocka_unit_test(test_blocks_of_bytes),
        cmocka_unit_test(test_objects),
    };
    if (native_machine() == NULL) {
        return 0;
    }
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
