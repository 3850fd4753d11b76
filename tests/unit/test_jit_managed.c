// SPDX-License-Identifier: MIT
//
// References, derived values, safe points, polls and barriers in compiled code, with a collector
// that moves every object at every safe point; and what the verifier refuses.
#include "kernel/jit/opt/lower.h"
#include "kernel/lib/endian.h"
#include "tests/unit/fake/world.h"
#include "tests/unit/jit/native_text.h"
#include "tests/unit/jit/toy_gc.h"

static void unwind(const void *frame)
{
    native_unwind(frame);
}

/* All registers, or two caller-saved and two callee-saved ones of each class. */
static struct vlimits limits_of(bool few)
{
    struct vlimits l = {{0, 0}};
    const struct vregisters *r = &jit_machine_x86_64.registers;
    for (unsigned class = 0; few && class < VCLASS_COUNT; class ++) {
        uint32_t other = r->allocatable[class] & ~r->callee_saved[class];
        uint32_t saved = r->callee_saved[class];
        for (unsigned n = 0; n < 2; n++) {
            l.allowed[class] |= (other & -other) | (saved & -saved);
            other &= other - 1;
            saved &= saved - 1;
        }
    }
    return l;
}

static void run_case(const struct toy_case *c, bool few, bool quick)
{
    static const struct toy_bed bed = {native_refs, unwind};
    struct arena a;
    struct ir_text text;
    struct ir_complaint complaint;
    struct native_module m;
    struct jit_error err;
    struct native_outcome out;
    struct ir_bits arg = {.lo = c->arg}, result = {0};
    const struct jit_options options = {.features = native_features(),
                                        .limits = limits_of(few),
                                        .checks = &jit_checks,
                                        .quick = quick,
                                        .show = native_show()};
    arena_init(&a, ARENA_LIMIT);
    if (ir_parse(&a, c->text, strlen(c->text), &text) != OK) {
        fail_msg("%s: line %u: %s", c->name, text.error_line, text.error);
    }
    for (uint32_t f = 0; f < text.module.callee_count; f++) {
        if (text.functions[f] != NULL && ir_verify(&a, text.functions[f], &complaint) != OK) {
            fail_msg("%s: %s", c->name, complaint.text);
        }
    }
    if (native_load(&jit_machine_x86_64, &a, &text.module, text.functions, &options, &m, &err) !=
        OK) {
        fail_msg("%s: %s", c->name, err.text);
    }
    native_call(&m, 0, toy_start(&bed, c), &arg, &result, &out);
    const char *wrong =
        toy_judge(result.lo, out.trapped && out.location == 77 ? (int)out.trap : -1);
    if (wrong != NULL) {
        fail_msg("%s, %s registers%s: %s", c->name, few ? "few" : "all", quick ? ", quick" : "",
                 wrong);
    }
    native_unload(&m);
    arena_free_all(&a);
}

static void test_objects_that_move(void **state)
{
    (void)state;
    for (const struct toy_case *c = toy_cases; c->name != NULL; c++) {
        for (unsigned n = 0; n < 4; n++) {
            run_case(c, n % 2 == 1, n / 2 == 1);
        }
    }
}

/* ---- The code for a poll and a store ---- */

static const struct jit_code *compile_text(struct arena *a, const char *text,
                                           const struct jit_machine *m)
{
    static struct jit_code code;
    struct ir_text parsed;
    struct jit_error err;
    const struct jit_options options = {.checks = &jit_checks, .quick = true};
    arena_init(a, ARENA_LIMIT);
    assert_int_equal(ir_parse(a, text, strlen(text), &parsed), OK);
    assert_int_equal(jit_compile(m, parsed.functions[0], &options, a, &code, &err), OK);
    return &code;
}

/* Of the stores of a thread, AArch64 shows others the later ones first, if nothing orders them. */
static void test_a_published_store_comes_after_others(void **state)
{
    (void)state;
    static const char text[] =
        "memory guard 0x80000000\nsignature (i32, i32) -> ()\ncallee @f signature 0\n"
        "function @f {\nblock0(v0: i32, v1: i32):\n store.i32 v1, memory0[v0 + 0]\n publish\n"
        " store.i32 v1, memory0[v0 + 8]\n return\n}\n";
    struct arena a;
    const struct jit_code *code = compile_text(&a, text, &jit_machine_aarch64);
    unsigned stores = 0, before = 0, fences = 0;
    for (uint32_t at = 0; at + 4 <= code->size; at += 4) {
        uint32_t word = load_le32(code->bytes + at);
        stores += (word & 0xffc00000) == 0xb9000000 || (word & 0xffe00c00) == 0xb8200800;
        if (word == 0xd5033abf) { /* dmb ishst */
            fences++;
            before = stores;
        }
    }
    assert_int_equal(fences, 1);
    assert_int_equal(before, 1);
    assert_int_equal(stores, 2);
    arena_free_all(&a);
}

static void test_rows_of_safe_points(void **state)
{
    (void)state;
    static const char text[] =
        "signature (ref, i64) -> (i64)\nsignature () -> ()\ncallee @f signature 0\n"
        "callee @h signature 1 helper 32 reads writes\nfunction @f {\n"
        "block0(v0: ref, v1: i64):\n v2 = derive.derived v0, v1\n call @h()\n"
        " call @h() safe\n v3 = load.i64 object[v2 + 0]\n call @h() safe\n return v3\n}\n";
    const struct jit_machine *const machines[] = {&jit_machine_x86_64, &jit_machine_aarch64};
    for (unsigned n = 0; n < ARRAY_COUNT(machines); n++) {
        struct arena a;
        const struct jit_code *code = compile_text(&a, text, machines[n]);
        const uint32_t *lists[3];
        unsigned calls = 0;
        for (uint32_t r = 0; r < code->row_count; r++) {
            if (code->rows[r].kind == JIT_ROW_CALL) {
                assert_true(calls < 3);
                uint32_t refs = code->rows[r].refs;
                lists[calls++] = refs == JIT_NO_REFS ? NULL : code->refs + refs;
            }
        }
        assert_int_equal(calls, 3);
        assert_null(lists[0]); /* not a safe point */
        assert_true(lists[1][0] == 1 && lists[1][1] == 1);
        assert_true(lists[1][2] == lists[1][4] && lists[1][2] != lists[1][3]);
        assert_true(lists[2][0] == 0 && lists[2][1] == 0); /* no live references */
        arena_free_all(&a);
    }
}

/* An indirect branch may reach the landing block of an invoke only if it is marked for that. */
static void test_landings_are_landing_pads(void **state)
{
    (void)state;
    static const char text[] =
        "signature (i64) -> (i64)\ncallee @f signature 0\ncallee @g signature 0\n"
        "function @f {\nblock0(v0: i64):\n"
        " v1 = invoke.i64 @g(v0) then block1() unwind block2()\nblock1():\n return v1\n"
        "block2():\n return v0\n}\n";
    static const struct {
        const struct jit_machine *machine;
        uint8_t pad[4];
    } cases[] = {{&jit_machine_x86_64, {0xf3, 0x0f, 0x1e, 0xfa}},   /* endbr64 */
                 {&jit_machine_aarch64, {0x9f, 0x24, 0x03, 0xd5}}}; /* bti j */
    for (size_t n = 0; n < ARRAY_COUNT(cases); n++) {
        struct arena a;
        struct ir_text parsed;
        struct jit_code code;
        struct jit_error err;
        unsigned landings = 0;
        const struct jit_options options = {.features = cases[n].machine->landing_pads};
        arena_init(&a, ARENA_LIMIT);
        assert_int_equal(ir_parse(&a, text, strlen(text), &parsed), OK);
        assert_int_equal(
            jit_compile(cases[n].machine, parsed.functions[0], &options, &a, &code, &err), OK);
        for (uint32_t r = 0; r < code.row_count; r++) {
            if (code.rows[r].kind == JIT_ROW_LANDING) {
                assert_memory_equal(code.bytes + code.rows[r].refs, cases[n].pad, 4);
                landings++;
            }
        }
        assert_int_equal(landings, 1);
        arena_free_all(&a);
    }
}

/* Polls keep everything in registers: the usual path stores and loads nothing. */
static void test_a_poll_is_cold(void **state)
{
    (void)state;
    static const char head[] =
        "signature (ref, i64) -> (i64)\nsignature () -> ()\ncallee @f signature 0\n"
        "callee @h signature 1 helper 32 reads writes\npoll 16 @h\nfunction @f {\n"
        "block0(v0: ref, v1: i64):\n v2 = const.i64 1\n jump block1(v1)\nblock1(v3: i64):\n"
        " v4 = load.i64 object[v0 + 8]\n v5 = sub.i64 v3, v4\n";
    static const char tail[] =
        " v6 = eqz.i64 v5\n branch v6, block2(), block1(v5)\nblock2():\n return v2\n}\n";
    struct ir_text text;
    struct arena a;
    arena_init(&a, ARENA_LIMIT);
    char *both = arena_alloc(&a, sizeof head + sizeof tail + 16);
    (void)sprintf(both, "%s poll\n%s", head, tail);
    assert_int_equal(ir_parse(&a, both, strlen(both), &text), OK);
    const struct ir_function *lowered;
    assert_int_equal(lower_managed(text.functions[0], &a, &lowered), OK);
    const struct jit_machine *const machines[] = {&jit_machine_x86_64, &jit_machine_aarch64};
    for (unsigned n = 0; n < ARRAY_COUNT(machines); n++) {
        struct vcode v = {.arena = &a};
        unsigned op;
        assert_int_equal(machines[n]->select(lowered, 0, &v, &op), OK);
        assert_int_equal(vcode_allocate(&v, &machines[n]->registers, NULL), OK);
        for (uint32_t b = 0; b < v.block_count; b++) {
            for (uint32_t m = 0; m < v.move_count; m++) {
                uint32_t at = v.moves[m].at - v.blocks[b].first;
                bool hot = v.blocks[b].loop_depth > 0 && !v.blocks[b].is_cold;
                assert_false(hot && at < v.blocks[b].count &&
                             (vloc_is_slot(v.moves[m].from) || vloc_is_slot(v.moves[m].to)));
            }
        }
    }
    arena_free_all(&a);
}

/* ---- Memory that runs out ---- */

static void test_out_of_memory(void **state)
{
    (void)state;
    const struct jit_machine *const machines[] = {&jit_machine_x86_64, &jit_machine_aarch64};
    for (unsigned n = 0; n < ARRAY_COUNT(machines); n++) {
        struct arena text_arena;
        struct ir_text text;
        unsigned failures = 0;
        arena_init(&text_arena, ARENA_LIMIT);
        assert_int_equal(ir_parse(&text_arena, toy_cases[2].text, strlen(toy_cases[2].text), &text),
                         OK);
        for (size_t limit = 512;; limit += 512) {
            struct arena a;
            struct jit_code code;
            struct jit_error err;
            const struct jit_options options = {.quick = limit % 1024 == 0};
            arena_init(&a, limit);
            enum status s = jit_compile(machines[n], text.functions[0], &options, &a, &code, &err);
            arena_free_all(&a);
            if (s == OK) {
                break;
            }
            assert_int_equal(s, E_NOMEM);
            failures++;
        }
        assert_true(failures > 10);
        arena_free_all(&text_arena);
    }
}

/* ---- Refusals ---- */

static void test_what_the_verifier_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"signature (derived) -> ()\ncallee @f signature 0\nfunction @f {\n"
         "block0(v0: derived):\n return\n}\n",
         "not passed between functions"},
        {"signature (ref, i64, i32) -> ()\ncallee @f signature 0\nfunction @f {\n"
         "block0(v0: ref, v1: i64, v2: i32):\n v3 = derive.derived v0, v1\n"
         " v4 = select.derived v2, v3, v3\n return\n}\n",
         "no single object"},
        {"signature (ref, i64) -> ()\ncallee @f signature 0\nfunction @f {\n"
         "block0(v0: ref, v1: i64):\n store_ref v0, address[v1 + 0]\n return\n}\n",
         "no references there"},
        {"signature (i64) -> (i64)\ncallee @f signature 0\nfunction @f {\nblock0(v0: i64):\n"
         " v1 = invoke.i64 @f(v0) then block1() unwind block2()\nblock1():\n return v1\n"
         "block2():\n return v1\n}\n",
         "v1 is not defined on every path"},
        {"signature () -> ()\nsignature (i64) -> ()\ncallee @f signature 0\n"
         "callee @h signature 1 helper 32\npoll 16 @h\nfunction @f {\nblock0():\n"
         " return\n}\n",
         "without parameters"},
        {"signature () -> ()\ncallee @f signature 0\ncallee @h signature 0 helper 20\n"
         "poll 16 @h\nfunction @f {\nblock0():\n return\n}\n",
         "helper h is at 20"},
        {"signature () -> ()\ncallee @f signature 0\ncards 20 shift 9\nfunction @f {\n"
         "block0():\n return\n}\n",
         "words of the context"},
    };
    for (size_t n = 0; n < ARRAY_COUNT(cases); n++) {
        struct arena a;
        struct ir_text text;
        struct ir_complaint complaint = {""};
        arena_init(&a, ARENA_LIMIT);
        assert_int_equal(ir_parse(&a, cases[n].text, strlen(cases[n].text), &text), OK);
        assert_int_equal(ir_verify(&a, text.functions[0], &complaint), E_CORRUPT);
        if (strstr(complaint.text, cases[n].why) == NULL) {
            fail_msg("%zu: %s", n, complaint.text);
        }
        arena_free_all(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_objects_that_move),
        cmocka_unit_test(test_a_published_store_comes_after_others),
        cmocka_unit_test(test_rows_of_safe_points),
        cmocka_unit_test(test_landings_are_landing_pads),
        cmocka_unit_test(test_a_poll_is_cold),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_what_the_verifier_refuses),
    };
    if (native_machine() == NULL) {
        return 0;
    }
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
