// SPDX-License-Identifier: MIT
//
// From CIL to the intermediate representation: each method is verified, interpreted, compiled for
// both machines with all checks, and on x86-64 also run as machine code. All must agree.
#include "kernel/cil/front/build.h"
#include "kernel/jit/ir/ir_interp.h"
#include "kernel/jit/ir/ir_verify.h"
#include "kernel/lib/endian.h"
#include "tests/unit/cil/core.h"
#include "tests/unit/fake/world.h"
#include "tests/unit/jit/native_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_LIMIT ((size_t)16 << 20)

static struct make_image make;
static struct cil_domain *domain;
static struct cil_assembly *assembly;
static struct arena arena;
static struct cil_unit unit;

static int start(void **state)
{
    (void)state;
    make_core(&make);
    make_class(&make, "T", 1, CORE_OBJECT);
    arena_init(&arena, ARENA_LIMIT);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    arena_free_all(&arena);
    cil_domain_free(domain);
    domain = NULL;
    make_free(&make);
    return 0;
}

/* Add a static method. @param locals  Types of local variables; "" none. */
static void add(const char *signature, uint32_t signature_len, const char *locals, uint32_t count,
                const char *code, uint32_t len)
{
    uint8_t bytes[300] = {0x13, 0x30, 110}, types[40] = {CIL_CONVENTION_LOCALS, (uint8_t)count};
    store_le32(bytes + 4, len);
    if (count != 0) {
        memcpy(types + 2, locals, count);
        uint32_t row = MAKE_ROW(&make, CIL_STAND_ALONE_SIG, make_blob(&make, types, count + 2));
        store_le32(bytes + 8, CIL_TOKEN(CIL_STAND_ALONE_SIG, row));
    }
    memcpy(bytes + 12, code, len);
    make_method(&make, "M", signature, signature_len, make_code(&make, bytes, 12 + len));
}

static bool build(uint32_t row)
{
    domain = cil_domain_new(ARENA_LIMIT, NULL);
    assembly = cil_assembly_add(domain, "m.dll", make_file(&make));
    assert_non_null(assembly);
    return cil_unit_build(assembly, row, &arena, &unit);
}

/* ---- The interpreter ---- */

static struct ir_window no_memory(void *ctx, uint64_t context, uint32_t number)
{
    (void)ctx, (void)context, (void)number;
    return (struct ir_window){.base = NULL};
}

static struct ir_target find_callee(void *ctx, const struct ir_function *caller, uint64_t context,
                                    uint32_t callee)
{
    (void)ctx, (void)caller;
    return (struct ir_target){unit.methods[callee - CIL_FIRST_METHOD].function, callee, context};
}

static struct ir_target no_code(void *ctx, uint64_t code, uint64_t context)
{
    (void)ctx, (void)code, (void)context;
    fail();
    return (struct ir_target){NULL, 0, 0};
}

static enum ir_outcome no_call(void *ctx, const struct ir_target *target,
                               const struct ir_bits *args, struct ir_bits *results,
                               enum ir_trap *trap)
{
    (void)ctx, (void)target, (void)args, (void)results, (void)trap;
    fail();
    return IR_STOPPED;
}

static bool go_on(void *ctx)
{
    (void)ctx;
    return true;
}

#define TRAP UINT64_C(0x7261700000000000) /* "the result" of a trap: its kind and offset follow */

static uint64_t interpret(const struct ir_bits *args)
{
    static const struct ir_host host = {.memory = no_memory,
                                        .callee = find_callee,
                                        .code = no_code,
                                        .call = no_call,
                                        .poll = go_on};
    struct ir_stack stack = {.bytes_max = 16 << 20, .calls_max = 1000};
    const struct ir_target target = {unit.methods[0].function, 0, 0};
    struct ir_bits result = {.lo = 0};
    struct ir_stop stop = {.depth = 0};
    enum ir_outcome outcome = ir_interpret(&host, &stack, &target, args, &result, &stop);
    ir_stack_free(&stack);
    if (outcome == IR_TRAPPED) {
        return TRAP + stop.trap * 0x10000 +
               stop.frames[0].function->locations[stop.frames[0].value];
    }
    assert_int_equal(outcome, IR_RETURNED);
    return result.lo;
}

/* ---- Machine code ---- */

static void compile(const struct jit_machine *machine)
{
    static const struct jit_options options = {.checks = &jit_checks};
    for (uint32_t n = 0; n < unit.count; n++) {
        struct jit_code code;
        struct jit_error err;
        if (jit_compile(machine, unit.methods[n].function, &options, &arena, &code, &err) != OK) {
            fail_msg("%s", err.text);
        }
    }
}

static uint64_t run(const struct ir_bits *args)
{
    static const struct jit_options options = {.checks = &jit_checks};
    static struct native_module native;
    struct ir_function *functions[CIL_FIRST_METHOD + 8] = {NULL};
    struct native_outcome outcome;
    struct ir_bits result = {.lo = 0};
    struct jit_error err;
    struct cil_context context = {0};
    for (uint32_t n = 0; n < unit.count; n++) {
        functions[CIL_FIRST_METHOD + n] = unit.methods[n].function;
    }
    if (native_load(native_machine(), &arena, &unit.ir, functions, &options, &native, &err) != OK) {
        fail_msg("%s", err.text);
    }
    native_call(&native, CIL_FIRST_METHOD, &context, args, &result, &outcome);
    native_unload(&native);
    return outcome.trapped ? TRAP + outcome.trap * 0x10000 + outcome.location : result.lo;
}

static void expect(uint64_t first, uint64_t second, uint64_t result)
{
    const struct ir_bits args[] = {{.lo = first}, {.lo = second}};
    assert_int_equal(interpret(args), result);
    if (native_machine() != NULL) {
        assert_int_equal(run(args), result);
    }
}

/* Build method 1, and check and compile all that it needs. */
static void build_all(void)
{
    if (!build(1)) {
        fail_msg("%s", domain->err.text);
    }
    for (uint32_t n = 0; n < unit.count; n++) {
        struct ir_complaint complaint;
        if (ir_verify(&arena, unit.methods[n].function, &complaint) != OK) {
            fail_msg("%s", complaint.text);
        }
    }
    compile(&jit_machine_x86_64);
    compile(&jit_machine_aarch64);
}

/* ---- How much is decoded ---- */

static uint32_t decoded;

bool __real_cil_decode(struct cil_bytes code, uint32_t at, struct cil_instruction *out);
bool __wrap_cil_decode(struct cil_bytes code, uint32_t at, struct cil_instruction *out);
bool __wrap_cil_decode(struct cil_bytes code, uint32_t at, struct cil_instruction *out)
{
    decoded++;
    return __real_cil_decode(code, at, out);
}

/* ---- Cases ---- */

static void test_recursion(void **state)
{
    (void)state;
    /* n < 2 ? n : M(n - 1) + M(n - 2) */
    add("\x00\x01\x08\x08", 4, "", 0,
        "\x02\x18\x2f\x02\x02\x2a\x02\x17\x59\x28\x01\x00\x00\x06\x02\x18\x59\x28\x01\x00\x00\x06"
        "\x58\x2a",
        24);
    build_all();
    expect(1, 0, 1);
    expect(15, 0, 610);
}

static void test_a_loop_with_floats(void **state)
{
    (void)state;
    /* double s; for (int i = 0; i < n; i++) s += (double)i * i; */
    add("\x00\x01\x0d\x08", 4, "\x0d\x08", 2,
        "\x16\x0b\x2b\x0c\x06\x07\x6c\x07\x6c\x5a\x58\x0a\x07\x17\x58\x0b\x07\x02\x32\xf0\x06\x2a",
        22);
    build_all();
    expect(0, 0, 0);
    expect(10, 0, UINT64_C(0x4071d00000000000)); /* 285.0 */
}

static void test_many_variables_cost_no_more(void **state)
{
    (void)state;
    uint8_t bytes[12 + 4002] = {0x13, 0x30, 8}, types[3 + 200] = {CIL_CONVENTION_LOCALS, 0x80, 200};
    memset(types + 3, CIL_I4, 200);
    uint32_t row = MAKE_ROW(&make, CIL_STAND_ALONE_SIG, make_blob(&make, types, sizeof types));
    store_le32(bytes + 4, 4002);
    store_le32(bytes + 8, CIL_TOKEN(CIL_STAND_ALONE_SIG, row));
    bytes[12 + 4000] = 0x02; /* after nop: ldarg.0, ret */
    bytes[12 + 4001] = 0x2a;
    make_method(&make, "M", "\x00\x01\x08\x08", 4, make_code(&make, bytes, sizeof bytes));
    decoded = 0;
    build_all();
    assert_in_range(decoded, 4002, 20 * 4002);
    expect(7, 0, 7);
}

/* The same code again and again, then ldarg.0, ret. */
static void add_copies(const char *code, uint32_t len, uint32_t count)
{
    static uint8_t bytes[12 + 3000];
    assert_true(12 + len * count + 2 <= sizeof bytes);
    memset(bytes, 0, 12);
    bytes[0] = 0x13; /* a fat header of 12 bytes, and a stack of 8 values */
    bytes[1] = 0x30;
    bytes[2] = 8;
    store_le32(bytes + 4, len * count + 2);
    for (uint32_t n = 0; n < count; n++) {
        memcpy(bytes + 12 + n * len, code, len);
    }
    memcpy(bytes + 12 + len * count, "\x02\x2a", 2);
    make_method(&make, "M", "\x00\x01\x08\x08", 4, make_code(&make, bytes, 12 + len * count + 2));
}

static void test_the_search_for_loops_is_linear(void **state)
{
    static const struct {
        const char *code;
        uint32_t len;
        bool ends; /* for an argument that is not 0, too */
    } cases[] = {
        {"\x02\x2d\x02\x2b\x03\x02\x2d\xf8", 8, false},             /* of two blocks */
        {"\x02\x2d\x04\x00\x02\x2d\x04\x00\x02\x2d\xf8", 11, true}, /* with two entries */
    };
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        uint64_t steps[2];
        for (uint32_t k = 0; k < 2; k++) {
            finish(state);
            start(state);
            add_copies(cases[n].code, cases[n].len, 100 << k);
            build_all();
            steps[k] = unit.loop_steps;
            expect(0, 0, 0);
            if (cases[n].ends) {
                expect(7, 0, 7);
            }
        }
        assert_in_range(steps[1], 2 * steps[0] - 10, 2 * steps[0] + 10);
    }
}

static void test_switch(void **state)
{
    (void)state;
    add("\x00\x01\x08\x08", 4, "", 0,
        "\x02\x45\x02\x00\x00\x00\x03\x00\x00\x00\x05\x00\x00\x00\x1f\x63\x2a\x17\x2a\x18\x2a", 21);
    build_all();
    expect(0, 0, 1);
    expect(1, 0, 2);
    expect(2, 0, 99);
    expect(UINT32_MAX, 0, 99);
}

static void test_checked_arithmetic(void **state)
{
    (void)state;
    static const struct {
        uint8_t opcode;
        uint32_t x, y, result;
        bool traps;
    } cases[] = {
        {0xd6, 2, 3, 5, false}, /* add.ovf */
        {0xd6, 0x7fffffff, 1, 0, true},
        {0xd6, 0x80000000, 0xffffffff, 0, true},
        {0xd6, 0xffffffff, 1, 0, false},
        {0xd7, 0xffffffff, 1, 0, true}, /* .un */
        {0xd7, 0x7fffffff, 1, 0x80000000, false},
        {0xda, 0x80000000, 1, 0, true}, /* sub.ovf */
        {0xda, 0, 0x80000000, 0, true},
        {0xda, 5, 7, 0xfffffffe, false},
        {0xdb, 5, 7, 0, true},
        {0xdb, 7, 5, 2, false},
        {0xd8, 0x10000, 0x8000, 0, true}, /* mul.ovf */
        {0xd8, 0x10000, 0x7fff, 0x7fff0000, false},
        {0xd8, 0xffffffff, 0x80000000, 0, true},
        {0xd8, 0xffffffff, 7, 0xfffffff9, false},
        {0xd9, 0x10000, 0x10000, 0, true}, /* .un */
        {0xd9, 0x10000, 0xffff, 0xffff0000, false},
    };
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        const char code[] = {2, 3, (char)cases[n].opcode, 0x2a};
        if (n != 0) {
            finish(state);
            start(state);
        }
        add("\x00\x02\x08\x08\x08", 5, "", 0, code, 4);
        build_all();
        expect(cases[n].x, cases[n].y,
               cases[n].traps ? TRAP + IR_TRAP_OVERFLOW * 0x10000 + 2 : cases[n].result);
    }
}

static void test_division_traps(void **state)
{
    (void)state;
    add("\x00\x02\x08\x08\x08", 5, "", 0, "\x02\x03\x5b\x2a", 4);
    build_all();
    expect(7, 0xfffffffe, 0xfffffffd);
    expect(7, 0, TRAP + IR_TRAP_DIVIDE * 0x10000 + 2);
    expect(0x80000000, 0xffffffff, TRAP + IR_TRAP_OVERFLOW * 0x10000 + 2);
}

static void test_small_variables_are_narrow(void **state)
{
    (void)state;
    add("\x00\x01\x08\x08", 4, "\x05\x04", 2, "\x02\x0a\x02\x0b\x06\x07\x58\x2a",
        8); /* byte, sbyte */
    build_all();
    expect(300, 0, 44 + 44);
    expect(200, 0, 200 - 56);
}

static void test_unordered_comparisons(void **state)
{
    (void)state;
    static const struct {
        uint8_t opcode, less, equal, unordered;
    } cases[] = {{1, 0, 1, 0}, {2, 0, 0, 0}, {3, 0, 0, 1}, {4, 1, 0, 0}, {5, 1, 0, 1}};
    const uint64_t one = UINT64_C(0x3ff0000000000000), two = UINT64_C(0x4000000000000000),
                   nan = UINT64_C(0x7ff8000000000000);
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        const char code[] = {2, 3, (char)0xfe, (char)cases[n].opcode, 0x2a};
        if (n != 0) {
            finish(state);
            start(state);
        }
        add("\x00\x02\x08\x0d\x0d", 5, "", 0, code, 5);
        build_all();
        expect(one, two, cases[n].less);
        expect(one, one, cases[n].equal);
        expect(one, nan, cases[n].unordered);
        expect(two, one, cases[n].opcode == 2 || cases[n].opcode == 3); /* cgt, cgt.un */
    }
}

/* ---- Refusals ---- */

static void refuse(enum status status, const char *words)
{
    assert_false(build(1));
    if (domain->status != status || strstr(domain->err.text, words) == NULL) {
        fail_msg("%d: %s", domain->status, domain->err.text);
    }
}

/* 101 arguments on the stack, then 100 are popped. */
static void test_what_is_not_compiled_is_named(void **state)
{
    (void)state;
    char code[202];
    memset(code, 0x02, 101);
    memset(code + 101, 0x26, 100);
    code[201] = 0x2a;
    add("\x00\x01\x08\x08", 4, "", 0, code, sizeof code);
    refuse(E_NOTSUP,
           "m.dll: method T::M, IL_0064: a stack of more than 100 values is not compiled yet");
}

static void test_a_missing_core_type_is_named(void **state)
{
    (void)state;
    add("\x00\x01\x08\x08", 4, "", 0, "\x02\x8d\x02\x00\x00\x02\x26\x02\x2a", 9); /* newarr */
    refuse(E_UNRESOLVED, "type System.Array is not there");
}

static void test_code_that_does_not_verify_is_not_built(void **state)
{
    (void)state;
    add("\x00\x01\x08\x08", 4, "", 0, "\x02\x4a\x2a", 3);
    refuse(E_PERM, "IL_0001: access through an unmanaged pointer");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_recursion),
        TEST(test_a_loop_with_floats),
        TEST(test_many_variables_cost_no_more),
        TEST(test_the_search_for_loops_is_linear),
        TEST(test_switch),
        TEST(test_checked_arithmetic),
        TEST(test_division_traps),
        TEST(test_small_variables_are_narrow),
        TEST(test_unordered_comparisons),
        TEST(test_what_is_not_compiled_is_named),
        TEST(test_a_missing_core_type_is_named),
        TEST(test_code_that_does_not_verify_is_not_built),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
