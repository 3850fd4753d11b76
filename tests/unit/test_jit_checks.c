// SPDX-License-Identifier: MIT
//
// A debug build never compiles a function that its checks reject, even if checks are not requested:
// a front-end, a pass and the allocator each make a mistake. CMakeLists.txt wraps opt_motion() and
// vcode_allocate() with the functions of this file.
#include "tests/unit/fake/world.h"
#include "tests/unit/jit/native_text.h"

#include "kernel/jit/opt/opt.h"

static const char text[] =
    MODULE_HEAD "signature (i64) -> (i64)\ncallee @f signature 0\nfunction @f {\nblock0(v0: i64):\n"
                " v1 = const.i64 2\n v2 = lt_s.i64 v0, v1\n branch v2, block1(), block2()\n"
                "block1():\n return v0\nblock2():\n v5 = const.i64 1\n v6 = sub.i64 v0, v5\n"
                " v7 = call.i64 @f(v6) !21\n v8 = sub.i64 v0, v1\n v9 = call.i64 @f(v8) !22\n"
                " v10 = add.i64 v7, v9\n return v10\n}\n";

static bool is_pass_wrong, is_allocator_wrong;

/* Replace the sum by one of two i32. */
static void change_a_type(struct ir_function *f)
{
    for (uint32_t n = 0; n < f->instr_count; n++) {
        if (f->instrs[n].op == IR_ADD) {
            f->instrs[n].type = IR_I32;
        }
    }
}

enum status __real_opt_motion(const struct ir_function *in, struct arena *a,
                              struct ir_function **out);
enum status __wrap_opt_motion(const struct ir_function *in, struct arena *a,
                              struct ir_function **out);

enum status __wrap_opt_motion(const struct ir_function *in, struct arena *a,
                              struct ir_function **out)
{
    enum status s = __real_opt_motion(in, a, out);
    if (s == OK && is_pass_wrong) {
        change_a_type(*out);
    }
    return s;
}

enum status __real_vcode_allocate(struct vcode *v, const struct vregisters *registers,
                                  const struct vlimits *limits);
enum status __wrap_vcode_allocate(struct vcode *v, const struct vregisters *registers,
                                  const struct vlimits *limits);

/* Change the register of the first operand that is used in one. */
enum status __wrap_vcode_allocate(struct vcode *v, const struct vregisters *registers,
                                  const struct vlimits *limits)
{
    enum status s = __real_vcode_allocate(v, registers, limits);
    for (uint32_t n = 0; s == OK && is_allocator_wrong && n < v->operand_count; n++) {
        if (v->operands[n].role == VUSE && !vloc_is_slot(v->locations[n]) &&
            v->locations[n] != VLOC_NONE) {
            v->locations[n] ^= 1;
            break;
        }
    }
    return s;
}

/* With any options, for both machines: E_CORRUPT with a reason that contains these words, or OK. */
static void compiles(bool is_source_wrong, bool is_quick, const char *words)
{
    static const struct jit_machine *const machines[] = {&jit_machine_x86_64, &jit_machine_aarch64};
    for (unsigned n = 0; n < ARRAY_COUNT(machines); n++) {
        const struct jit_options options = {.quick = is_quick};
        struct arena a;
        struct ir_text t;
        struct jit_code code;
        struct jit_error err;
        arena_init(&a, ARENA_LIMIT);
        assert_int_equal(ir_parse(&a, text, strlen(text), &t), OK);
        if (is_source_wrong) {
            change_a_type((struct ir_function *)t.functions[0]);
        }
        enum status s = jit_compile(machines[n], t.functions[0], &options, &a, &code, &err);
        assert_int_equal(s, words == NULL ? OK : E_CORRUPT);
        assert_true(words == NULL || strstr(err.text, words) == err.text);
        arena_free_all(&a);
    }
}

static void test_correct_functions_compile(void **state)
{
    (void)state;
    compiles(false, false, NULL);
    compiles(false, true, NULL);
}

static void test_a_wrong_front_end_is_caught(void **state)
{
    (void)state;
    compiles(true, false, "passes: ");
    compiles(true, true, "passes: ");
}

static void test_a_wrong_pass_is_caught(void **state)
{
    (void)state;
    is_pass_wrong = true;
    compiles(false, false, "passes: ");
    is_pass_wrong = false;
}

static void test_a_wrong_allocation_is_caught(void **state)
{
    (void)state;
    is_allocator_wrong = true;
    compiles(false, false, "registers: ");
    compiles(false, true, "registers: ");
    is_allocator_wrong = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_correct_functions_compile),
        cmocka_unit_test(test_a_wrong_front_end_is_caught),
        cmocka_unit_test(test_a_wrong_pass_is_caught),
        cmocka_unit_test(test_a_wrong_allocation_is_caught),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
