// SPDX-License-Identifier: MIT
//
// The intermediate representation through its text: printed and parsed again it is the same, errors
// are reported, its control flow is analysed, and it computes what its text describes.
#include "kernel/jit/ir/ir_cfg.h"
#include "kernel/jit/ir/ir_interp.h"
#include "kernel/jit/ir/ir_verify.h"
#include "tests/ir/ir_parse.h"
#include "tests/unit/fake/world.h"
#include "tests/unit/jit/text_buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_LIMIT ((size_t)64 << 20)
#define HEAD                                                                                       \
    "memory guard 0x80000000\n"                                                                    \
    "signature (i32) -> (i32)\n"                                                                   \
    "signature (i64, i64) -> (i64, i64)\n"                                                         \
    "signature () -> ()\n"                                                                         \
    "signature (ref, i64) -> (i64)\n"                                                              \
    "signature (f64, f64) -> (f64)\n"                                                              \
    "callee @f signature 0\n"                                                                      \
    "callee @swap signature 1 traps reads writes\n"                                                \
    "callee @nothing signature 2\n"                                                                \
    "callee @managed signature 3\n"                                                                \
    "callee @g signature 4\n"

static void parse(struct arena *a, const char *text, struct ir_text *out)
{
    enum status s = ir_parse(a, text, strlen(text), out);
    if (s != OK) {
        fail_msg("line %u: %s", out->error_line, out->error);
    }
}

static void print_all(const struct ir_text *t, struct buffer *b)
{
    b->len = 0;
    ir_print_module(&t->module, collect, b);
    for (uint32_t n = 0; n < t->module.callee_count; n++) {
        if (t->functions[n] != NULL) {
            ir_print_function(t->functions[n], collect, b);
        }
    }
}

static const char *const samples[] = {
    HEAD "function @f {\n"
         "block0(v0: i32):\n"
         "  v1 = const.i32 0x0\n"
         "  v2 = const.i32 0x1\n"
         "  jump block1(v0, v1)\n"
         "block1(v4: i32, v5: i32):\n"
         "  v6 = add.i32 v5, v4\n"
         "  v7 = sub.i32 v4, v2\n"
         "  v8 = eqz.i32 v7\n"
         "  branch v8, block2(), block1(v7, v6)\n"
         "block2():\n"
         "  return v6\n"
         "}\n",
    HEAD "function @f {\n"
         "slot 24 align 8\n"
         "block0(v0: i32):\n"
         "  v1 = load.i32 memory0[v0 + 4096] 8_u !7\n"
         "  store.i32 v1, memory0[v0 + 4294967295] 16_s class 3 !9\n"
         "  v3 = load.i64 context[64] constant\n"
         "  v4 = load.f64 address[v3 + 8]\n"
         "  v5 = slot.i64 0\n"
         "  store.f64 v4, slot0[16]\n"
         "  zero_bytes v5, 24\n"
         "  copy_bytes v5, v3, 16\n"
         "  v9 = call.i64 @swap(v3, v5) safe !12\n"
         "  v10 = result.i64 v9, 1\n"
         "  v11 = wrap.i32 v10\n"
         "  trap_if v11, table\n"
         "  switch v11, block1(), block2(v0), block1()\n"
         "block1():\n"
         "  trap unreachable !13\n"
         "block2(v15: i32):\n"
         "  v16 = to_int_sat_u.i32 v4\n"
         "  v17 = select.i32 v15, v16, v0\n"
         "  return v17\n"
         "}\n",
    HEAD "function @managed {\n"
         "block0(v0: ref, v1: i64):\n"
         "  v2 = null_check.ref v0\n"
         "  v3 = derive.derived v2, v1\n"
         "  v4 = load.i64 object[v3 + 16]\n"
         "  v5 = null.ref\n"
         "  store_ref v5, object[v2 + 8]\n"
         "  poll\n"
         "  invoke @nothing() then block1(v4) unwind block2()\n"
         "block1(v9: i64):\n"
         "  return v9\n"
         "block2():\n"
         "  v11 = const.i64 0xffffffffffffffff\n"
         "  return v11\n"
         "}\n",
    HEAD "callee @collect signature 2 helper 40\n"
         "poll 16 @collect\n"
         "cards 24 shift 9\n"
         "function @managed {\n"
         "block0(v0: ref, v1: i64):\n"
         "  v2 = ref_bits.i64 v0\n"
         "  call @collect() safe\n"
         "  jump block1() rare !7\n"
         "block1():\n"
         "  return v2\n"
         "}\n",
    /* (0, the sum of all from v0 down to 1, and v1), or (v1, v0) of host function @swap */
    HEAD "callee @sum signature 1\n"
         "function @sum {\n"
         "block0(v0: i64, v1: i64):\n"
         "  v2 = eqz.i64 v0\n"
         "  branch v2, block1(), block2()\n"
         "block1():\n"
         "  tail_call @swap(v1, v0)\n"
         "block2():\n"
         "  v5 = const.i64 0x1\n"
         "  v6 = sub.i64 v0, v5\n"
         "  v7 = add.i64 v0, v1\n"
         "  v8 = and.i64 v0, v5\n"
         "  v9 = eqz.i64 v8\n"
         "  branch v9, block3(), block4()\n"
         "block3():\n"
         "  tail_call @sum(v6, v7)\n"
         "block4():\n"
         "  v12 = const.i64 0x5\n"
         "  v13 = context.i64\n"
         "  tail_call_indirect signature 1(v12, v13, v6, v7)\n"
         "}\n",
    HEAD "function @swap {\n"
         "block0(v0: i64, v1: i64):\n"
         "  v2 = invoke_indirect.i64 signature 1(v0, v1, v1, v0) then block1() unwind block2(v0)\n"
         "block1():\n"
         "  v3 = result.i64 v2, 1\n"
         "  return v3, v2\n"
         "block2(v5: i64):\n"
         "  return v5, v5\n"
         "}\n",
};

static void test_text_survives_reading_and_printing(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof(samples) / sizeof(samples[0]); n++) {
        struct arena a;
        struct ir_text t;
        struct buffer *b = calloc(1, sizeof *b);
        struct ir_complaint complaint;
        arena_init(&a, ARENA_LIMIT);
        parse(&a, samples[n], &t);
        print_all(&t, b);
        assert_string_equal(b->text, samples[n]);
        for (uint32_t f = 0; f < t.module.callee_count; f++) {
            if (t.functions[f] != NULL && ir_verify(&a, t.functions[f], &complaint) != OK) {
                fail_msg("%s", complaint.text);
            }
        }
        arena_free_all(&a);
        free(b);
    }
}

static void test_names_are_free(void **state)
{
    (void)state;
    struct arena a;
    struct ir_text t;
    struct buffer *b = calloc(1, sizeof *b);
    arena_init(&a, ARENA_LIMIT);
    parse(&a,
          HEAD
          "function @f { ; a comment\n\n block0(v900: i32):\n v7=add.i32 v900,v900\n return v7\n}",
          &t);
    print_all(&t, b);
    assert_non_null(strstr(b->text, "  v1 = add.i32 v0, v0\n  return v1\n"));
    arena_free_all(&a);
    free(b);
}

static void test_wrong_text_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t line;
        const char *error;
    } cases[] = {
        {"nonsense", 1, "expected"},
        {"signature (i33) -> ()", 1, "type"},
        {"callee @f signature 0", 1, "no such signature"},
        {"signature () -> ()\nfunction @f {", 2, "no such callee"},
        {HEAD "function @f {\nblock0(v0: i32):\n  v1 = frob.i32 v0\n}", 14, "operation"},
        {HEAD "function @f {\nblock0(v0: i32):\n  return v1\n}", 15, "an undefined value"},
        {HEAD "function @f {\nblock0(v0: i32):\n  v0 = const.i32 1\n  return v0\n}", 14, "twice"},
        {HEAD "function @f {\nblock0(v0: i32):\n  jump block1()\n}", 15, "empty block"},
        {HEAD "function @f {\nblock0(v0: i32):\n  return v0 v0\n}", 14, "unexpected text"},
        {HEAD "function @f {\nblock0(v0: i32):\n  v1 = const.i32 0x100000000\n}", 14, "number"},
        {HEAD "function @f {\nblock0(v0: i32):\n", 14, "operation"},
    };
    for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
        struct arena a;
        struct ir_text t;
        arena_init(&a, ARENA_LIMIT);
        assert_int_equal(ir_parse(&a, cases[n].text, strlen(cases[n].text), &t), E_CORRUPT);
        if (strstr(t.error, cases[n].error) == NULL || t.error_line != cases[n].line) {
            fail_msg("case %zu: line %u: %s", n, t.error_line, t.error);
        }
        arena_free_all(&a);
    }
}

static void test_an_import_that_is_no_function_is_reported(void **state)
{
    (void)state;
    static const struct {
        const char *body, *complaint;
    } cases[] = {
        {"block0(v0: i64):\n return v0\n", "another type than in the signature"},
        {"block0():\n v1 = const.i32 1\n return v1\n", "the entry has 0 parameters"},
        {"block0(v0: i32):\n v1 = const.i64 1\n v2 = add.i32 v0, v1\n return v2\n",
         "an operand is no i32"},
        {"block0(v0: i32):\n v1 = fadd.i32 v0, v0\n return v1\n", "not for i32"},
        {"block0(v0: i32):\n v1 = lt_s.f32 v0, v0\n return v1\n",
         NULL}, /* the type suffix comes from v0 */
        {"block0(v0: i32):\n v1 = extend_s.i32 v0\n return v1\n", "the result is a i64"},
        {"block0(v0: i32):\n return\n", "0 values for 1 results"},
        {"block0(v0: i32):\n jump block1()\nblock1():\n jump block0(v0)\n", "leads to the entry"},
        {"block0(v0: i32):\n jump block1()\nblock1(v2: i32):\n return v2\n",
         "0 arguments for 1 parameters"},
        {"block0(v0: i32):\n v1 = const.i64 1\n jump block1(v1)\nblock1(v2: i32):\n return v2\n",
         "of another type"},
        {"block0(v0: i32):\n branch v0, block1(), block2()\nblock1():\n v3 = const.i32 1\n jump block2()\n"
         "block2():\n return v3\n",
         "not defined on every path"},
        {"block0(v0: i32):\n v1 = add.i32 v2, v0\n v2 = const.i32 1\n return v1\n",
         "not defined on every path"},
        {"block0(v0: i32):\n return v0\n poll\n", "more instructions follow"},
        {"block0(v0: i32):\n poll\n", "the block does not end here"},
        {"block0(v0: i32):\n v1 = load.i32 memory1[v0 + 0]\n return v1\n", "no memory 1"},
        {"block0(v0: i32):\n v1 = load.i32 memory0[v0 + 0] 32_u\n return v1\n",
         "no access of this width"},
        {"block0(v0: i32):\n v1 = load.i32 address[v0 + 0]\n return v1\n", "the address is an i64"},
        {"block0(v0: i32):\n v1 = load.ref memory0[v0 + 0]\n return v0\n", "no references there"},
        {"slot 4 align 4\nblock0(v0: i32):\n v1 = load.i32 slot0[1]\n return v1\n",
         "outside the slot"},
        {"slot 4 align 3\nblock0(v0: i32):\n return v0\n", "aligned to 3"},
        {"block0(v0: i32):\n v1 = call.i64 @f(v0)\n return v0\n", "the result is a i32"},
        {"block0(v0: i32):\n v1 = call.i32 @f()\n return v1\n", "0 arguments for 1 parameters"},
        {"block0(v0: i32):\n v1 = call.i32 @f(v0)\n v2 = result.i32 v1, 1\n return v2\n",
         "no result 1"},
        {"block0(v0: i32):\n tail_call @f()\n", "0 arguments for 1 parameters"},
        {"block0(v0: i32):\n tail_call @nothing()\n", "results of a tail call"},
        {"block0(v0: i32):\n tail_call @f(v0)\n return v0\n", "more instructions follow"},
        {"block0(v0: i32):\n v1 = const.i64 1\n tail_call_indirect signature 0(v0, v1, v0)\n",
         "code and context are i64"},
        {"block0(v0: i32):\n v1 = null.ref\n store.ref v1, context[8]\n return v0\n",
         "stored by store_ref"},
        {"block0(v0: i32):\n trap_if v0, divide\n v2 = bitcast.f64 v0\n return v0\n",
         "not from i32 to f64"},
    };
    for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
        struct arena a;
        struct ir_text t;
        struct ir_complaint c = {""};
        char text[2048];
        (void)snprintf(text, sizeof text, HEAD "function @f {\n%s}\n", cases[n].body);
        arena_init(&a, ARENA_LIMIT);
        parse(&a, text, &t);
        enum status s = ir_verify(&a, t.functions[0], &c);
        bool expected = cases[n].complaint == NULL
                            ? s == OK
                            : s == E_CORRUPT && strstr(c.text, cases[n].complaint) != NULL;
        if (!expected) {
            fail_msg("case %zu: %d: %s", n, (int)s, c.text);
        }
        arena_free_all(&a);
    }
}

static void test_shape_of_nested_loops(void **state)
{
    (void)state;
    struct arena a;
    struct ir_text t;
    struct ir_cfg cfg;
    arena_init(&a, ARENA_LIMIT);
    /* 1 is the header of the outer loop (1 2 3 4), 2 of the inner one (2 3); 6 is unreachable. */
    parse(&a,
          HEAD "function @f {\nblock0(v0: i32):\n jump block1()\nblock1():\n jump block2()\n"
               "block2():\n branch v0, block3(), block4()\nblock3():\n jump block2()\n"
               "block4():\n branch v0, block1(), block5()\nblock5():\n return v0\n"
               "block6():\n jump block5()\n}\n",
          &t);
    assert_int_equal(ir_cfg_build(&a, t.functions[0], &cfg), OK);
    assert_int_equal(cfg.count, 6);
    static const uint32_t idom[] = {IR_NONE, 0, 1, 2, 2, 4, IR_NONE};
    static const uint32_t loop[] = {IR_NONE, 1, 2, 2, 1, IR_NONE, IR_NONE};
    static const uint32_t depth[] = {0, 1, 2, 2, 1, 0, 0};
    assert_memory_equal(cfg.idom, idom, sizeof idom);
    assert_memory_equal(cfg.loop, loop, sizeof loop);
    assert_memory_equal(cfg.depth, depth, sizeof depth);
    assert_int_equal(cfg.outer[2], 1);
    assert_int_equal(cfg.outer[1], IR_NONE);
    assert_true(ir_cfg_dominates(&cfg, 2, 5));
    assert_false(ir_cfg_dominates(&cfg, 3, 4));
    assert_int_equal(cfg.pred_first[3] - cfg.pred_first[2], 2);
    assert_int_equal(cfg.pred_block[cfg.pred_first[3]], 2);
    assert_int_equal(cfg.pred_first[7], 7); /* the unreachable block 6 does not count */
    arena_free_all(&a);
}

/* ---- Running ---- */

struct world {
    struct ir_text text;
    uint8_t memory[65536];
    unsigned polls, polls_left;
    bool unwinds;
};

static struct ir_window host_memory(void *ctx, uint64_t context, uint32_t number)
{
    (void)context;
    (void)number;
    struct world *w = ctx;
    return (struct ir_window){w->memory, sizeof w->memory};
}

static struct ir_target host_callee(void *ctx, const struct ir_function *caller, uint64_t context,
                                    uint32_t callee)
{
    (void)caller;
    struct world *w = ctx;
    return (struct ir_target){w->text.functions[callee], callee, context};
}

static struct ir_target host_code(void *ctx, uint64_t code, uint64_t context)
{
    return host_callee(ctx, NULL, context, (uint32_t)code);
}

static enum ir_outcome host_call(void *ctx, const struct ir_target *target,
                                 const struct ir_bits *args, struct ir_bits *results,
                                 enum ir_trap *trap)
{
    (void)trap;
    struct world *w = ctx;
    if (w->unwinds) {
        return IR_UNWOUND;
    }
    if (target->callee == 1) {
        results[0] = args[1];
        results[1] = args[0];
    }
    return IR_RETURNED;
}

static bool host_poll(void *ctx)
{
    struct world *w = ctx;
    w->polls++;
    return w->polls_left == 0 || w->polls < w->polls_left;
}

static enum ir_outcome run_on(struct ir_stack *stack, struct world *w, const char *text,
                              const struct ir_bits *args, struct ir_bits *results,
                              struct ir_stop *stop)
{
    struct arena a;
    struct ir_complaint complaint;
    uint32_t first = 0;
    arena_init(&a, ARENA_LIMIT);
    parse(&a, text, &w->text);
    for (uint32_t n = w->text.module.callee_count; n-- > 0;) {
        if (w->text.functions[n] != NULL) {
            first = n;
            if (ir_verify(&a, w->text.functions[n], &complaint) != OK) {
                fail_msg("%s", complaint.text);
            }
        }
    }
    const struct ir_host host = {w,         host_memory, host_callee, host_code,
                                 host_call, host_poll,   NULL};
    struct ir_target target = {w->text.functions[first], first, (uintptr_t)w->memory};
    enum ir_outcome outcome = ir_interpret(&host, stack, &target, args, results, stop);
    if (outcome != IR_RETURNED) { /* the arena frees the functions */
        for (uint32_t n = 0; n < stop->depth && n < 16; n++) {
            stop->frames[n].function = NULL;
        }
    }
    arena_free_all(&a);
    return outcome;
}

static enum ir_outcome run(struct world *w, const char *text, const struct ir_bits *args,
                           struct ir_bits *results, struct ir_stop *stop)
{
    struct ir_stack stack = {.bytes_max = 1 << 20, .calls_max = UINT32_MAX};
    enum ir_outcome outcome = run_on(&stack, w, text, args, results, stop);
    ir_stack_free(&stack);
    return outcome;
}

static void test_loops_and_calls_compute(void **state)
{
    (void)state;
    struct world *w = calloc(1, sizeof *w);
    struct ir_bits arg = {.lo = 100}, result = {0};
    struct ir_stop stop;
    assert_int_equal(run(w, samples[0], &arg, &result, &stop), IR_RETURNED);
    assert_int_equal(result.lo, 5050);
    /* A recursive factorial. */
    arg.lo = 10;
    assert_int_equal(
        run(w,
            HEAD "function @f {\nblock0(v0: i32):\n branch v0, block1(), block2()\nblock1():\n"
                 " v2 = const.i32 1\n v3 = sub.i32 v0, v2\n v4 = call.i32 @f(v3)\n"
                 " v5 = mul.i32 v4, v0\n return v5\nblock2():\n v6 = const.i32 1\n return v6\n}\n",
            &arg, &result, &stop),
        IR_RETURNED);
    assert_int_equal(result.lo, 3628800);
    /* The arguments of a back edge swap two parameters. */
    struct ir_bits pair[2] = {{.lo = 7}, {.lo = 3}}, both[2];
    assert_int_equal(
        run(w,
            HEAD "function @swap {\nblock0(v0: i64, v1: i64):\n v2 = const.i64 5\n"
                 " jump block1(v0, v1, v2)\nblock1(v3: i64, v4: i64, v5: i64):\n v6 = const.i64 1\n"
                 " v7 = sub.i64 v5, v6\n v8 = eqz.i64 v7\n"
                 " branch v8, block2(), block1(v4, v3, v7)\nblock2():\n return v3, v4\n}\n",
            pair, both, &stop),
        IR_RETURNED);
    assert_int_equal(both[0].lo, 7);
    assert_int_equal(both[1].lo, 3);
    free(w);
}

static void test_memory_ends_where_it_ends(void **state)
{
    (void)state;
    static const char text[] =
        HEAD "function @f {\nblock0(v0: i32):\n v1 = load.i32 memory0[v0 + 4] !77\n return v1\n}\n";
    struct world *w = calloc(1, sizeof *w);
    struct ir_stop stop;
    struct ir_bits result;
    memcpy(w->memory + sizeof(w->memory) - 4, "\x44\x33\x22\x11", 4);
    struct ir_bits last = {.lo = sizeof(w->memory) - 8}, behind = {.lo = sizeof(w->memory) - 7},
                   far = {.lo = UINT32_MAX};
    assert_int_equal(run(w, text, &last, &result, &stop), IR_RETURNED);
    assert_int_equal(result.lo, 0x11223344);
    assert_int_equal(run(w, text, &behind, &result, &stop), IR_TRAPPED);
    assert_int_equal(stop.trap, IR_TRAP_MEMORY);
    assert_int_equal(stop.depth, 1);
    assert_int_equal(stop.frames[0].value, 1);
    assert_int_equal(run(w, text, &far, &result, &stop), IR_TRAPPED);
    free(w);
}

static void test_managed_values_and_unwinding(void **state)
{
    (void)state;
    struct world *w = calloc(1, sizeof *w);
    struct ir_stop stop;
    struct ir_bits result, args[2] = {{.lo = (uintptr_t)w->memory}, {.lo = 32}};
    w->memory[48] = 42;
    memset(w->memory + 8, 0xff, 8);
    assert_int_equal(run(w, samples[2], args, &result, &stop), IR_RETURNED);
    assert_int_equal(result.lo, 42);
    assert_int_equal(w->memory[8], 0); /* the null reference was stored there */
    assert_int_equal(w->polls, 1);
    w->unwinds = true;
    assert_int_equal(run(w, samples[2], args, &result, &stop), IR_RETURNED);
    assert_int_equal(result.lo, UINT64_MAX);
    args[0].lo = 0;
    assert_int_equal(run(w, samples[2], args, &result, &stop), IR_TRAPPED);
    assert_int_equal(stop.trap, IR_TRAP_NULL);
    free(w);
}

/* A frame takes the place of the one before: there is room for one. */
static void test_tail_calls_use_no_stack(void **state)
{
    (void)state;
    struct world *w = calloc(1, sizeof *w);
    struct ir_stack stack = {.bytes_max = 1 << 20, .calls_max = 1};
    struct ir_bits args[2] = {{.lo = 10001}, {.lo = 1}}, results[2] = {{.lo = 7}};
    struct ir_stop stop;
    assert_int_equal(run_on(&stack, w, samples[4], args, results, &stop), IR_RETURNED);
    assert_int_equal(results[0].lo, 0);
    assert_int_equal(results[1].lo, 10001 * 10002 / 2 + 1);
    w->unwinds = true; /* to nobody */
    assert_int_equal(run_on(&stack, w, samples[4], args, results, &stop), IR_UNWOUND);
    w->polls = 0;
    w->polls_left = 3;
    args[0].lo = UINT64_MAX;
    assert_int_equal(run_on(&stack, w, samples[4], args, results, &stop), IR_STOPPED);
    assert_int_equal(stop.depth, 1);
    ir_stack_free(&stack);
    assert_int_equal(stack.bytes, 0);
    free(w);
}

static void test_endless_programs_end(void **state)
{
    (void)state;
    struct world *w = calloc(1, sizeof *w);
    struct ir_stop stop;
    struct ir_bits arg = {0}, result;
    w->polls_left = 3;
    assert_int_equal(
        run(w,
            HEAD "function @f {\nblock0(v0: i32):\n jump block1()\nblock1():\n jump block1()\n}\n",
            &arg, &result, &stop),
        IR_STOPPED);
    w->polls_left = 0;
    assert_int_equal(
        run(w, HEAD "function @f {\nblock0(v0: i32):\n v1 = call.i32 @f(v0)\n return v1\n}\n", &arg,
            &result, &stop),
        IR_TRAPPED);
    assert_int_equal(stop.trap, IR_TRAP_STACK);
    assert_true(stop.depth > 100);
    free(w);
}

#define VALUES 600u /* of a frame: 9,600 bytes */
#define DEEP   1000u

/* @f(v0 - 1) + v0 + a constant, in a frame of many values. */
static char *many_values(void)
{
    char *text = malloc(65536);
    size_t n = (size_t)sprintf(
        text, HEAD "function @f {\nblock0(v0: i32):\n branch v0, block1(), block2()\nblock1():\n"
                   " v1 = const.i32 1\n v2 = sub.i32 v0, v1\n");
    for (unsigned v = 3; v < VALUES; v++) {
        n += (size_t)sprintf(text + n, " v%u = add.i32 v%u, v1\n", v, v - 1);
    }
    (void)sprintf(text + n,
                  " v%u = call.i32 @f(v2)\n v%u = add.i32 v%u, v%u\n return v%u\n"
                  "block2():\n return v0\n}\n",
                  VALUES, VALUES + 1, VALUES, VALUES - 1, VALUES + 1);
    return text;
}

static void test_frames_with_many_values_recurse_as_deep(void **state)
{
    (void)state;
    struct world *w = calloc(1, sizeof *w);
    struct ir_stack stack = {.bytes_max = SIZE_MAX / 2, .calls_max = DEEP + 1};
    struct ir_bits arg = {.lo = DEEP}, result;
    struct ir_stop stop;
    char *text = many_values();
    assert_true(ir_stack_reserve(&stack));
    size_t least = stack.bytes;
    assert_int_equal(run_on(&stack, w, text, &arg, &result, &stop), IR_RETURNED);
    uint32_t expected = DEEP * (DEEP + 1) / 2 + DEEP * (VALUES - 4); /* v3 is v0 */
    assert_int_equal(result.lo, expected);
    assert_int_equal(stack.bytes, least); /* the rest is freed */
    arg.lo = DEEP + 1;
    assert_int_equal(run_on(&stack, w, text, &arg, &result, &stop), IR_TRAPPED);
    assert_int_equal(stop.trap, IR_TRAP_STACK);
    assert_int_equal(stop.depth, DEEP + 1);
    ir_stack_free(&stack);
    assert_int_equal(stack.bytes, 0);
    free(text);
    free(w);
}

static void test_frames_end_where_their_memory_does(void **state)
{
    (void)state;
    struct world *w = calloc(1, sizeof *w);
    struct ir_stack stack = {.bytes_max = 100 * VALUES * 16, .calls_max = DEEP + 1};
    struct ir_bits arg = {.lo = DEEP}, result;
    struct ir_stop stop;
    char *text = many_values();
    assert_int_equal(run_on(&stack, w, text, &arg, &result, &stop), IR_TRAPPED);
    assert_int_equal(stop.trap, IR_TRAP_STACK);
    assert_true(stop.depth > 80 && stop.depth < 100);
    stack.bytes_max = 16; /* not one */
    ir_stack_free(&stack);
    assert_int_equal(run_on(&stack, w, text, &arg, &result, &stop), IR_TRAPPED);
    assert_int_equal(stop.trap, IR_TRAP_STACK);
    assert_int_equal(stop.depth, 0);
    ir_stack_free(&stack);
    free(text);
    free(w);
}

/* One operation on two operands, through the interpreter. */
static void check_op(const char *op, const char *type, uint64_t a, uint64_t b, uint64_t expected,
                     int trap)
{
    struct ir_bits operands[3] = {{.lo = a}, {.lo = b}}, out = {0};
    enum ir_trap why = IR_TRAP_COUNT;
    unsigned number = 0, t = IR_I32;
    while (strcmp(ir_op_info[number].text, op) != 0) {
        number++;
    }
    while (strcmp(ir_type_name(t), type) != 0) {
        t++;
    }
    bool fine = ir_eval(number, ir_op_info[number].typing == IR_TYPES_COMPARES_INTEGER ? IR_I32 : t,
                        t, operands, &out, &why);
    if (fine != (trap < 0) || (fine && out.lo != expected) || (!fine && (int)why != trap)) {
        fail_msg("%s.%s %#llx %#llx: %d %#llx %d", op, type, (unsigned long long)a,
                 (unsigned long long)b, fine, (unsigned long long)out.lo, (int)why);
    }
}

static void test_corners_of_integer_operations(void **state)
{
    (void)state;
    check_op("div_s", "i32", 0x80000000, 0xffffffff, 0, IR_TRAP_OVERFLOW);
    check_op("rem_s", "i32", 0x80000000, 0xffffffff, 0, -1);
    check_op("div_s", "i64", UINT64_C(1) << 63, UINT64_MAX, 0, IR_TRAP_OVERFLOW);
    check_op("rem_s", "i64", UINT64_C(1) << 63, UINT64_MAX, 0, -1);
    check_op("div_s", "i32", 0xfffffff9, 2, 0xfffffffd, -1);
    check_op("rem_s", "i32", 0xfffffff9, 2, 0xffffffff, -1);
    check_op("div_u", "i32", 0xfffffff9, 2, 0x7ffffffc, -1);
    check_op("rem_u", "i64", 7, 0, 0, IR_TRAP_DIVIDE);
    check_op("mulh_s", "i32", 0xffffffff, 2, 0xffffffff, -1);
    check_op("mulh_u", "i64", UINT64_MAX, UINT64_MAX, UINT64_MAX - 1, -1);
    check_op("mulh_s", "i64", UINT64_C(1) << 63, UINT64_C(1) << 63, UINT64_C(1) << 62, -1);
    check_op("shl", "i32", 1, 33, 2, -1);
    check_op("shr_s", "i32", 0x80000000, 31, 0xffffffff, -1);
    check_op("shr_u", "i64", UINT64_MAX, 64, UINT64_MAX, -1);
    check_op("rotl", "i32", 0x80000001, 1, 3, -1);
    check_op("rotr", "i32", 0x80000001, 1, 0xc0000000, -1);
    check_op("rotr", "i64", 1, 64, 1, -1);
    check_op("clz", "i32", 1, 0, 31, -1);
    check_op("clz", "i32", 0, 0, 32, -1);
    check_op("ctz", "i64", 0, 0, 64, -1);
    check_op("popcnt", "i64", UINT64_MAX, 0, 64, -1);
    check_op("extend8_s", "i32", 0x180, 0, 0xffffff80, -1);
    check_op("extend32_s", "i64", 0x80000000, 0, 0xffffffff80000000, -1);
    check_op("lt_s", "i32", 0xffffffff, 0, 1, -1);
    check_op("lt_u", "i32", 0xffffffff, 0, 0, -1);
    check_op("le_s", "i64", UINT64_MAX, UINT64_MAX, 1, -1);
}

static void test_no_memory_is_an_error_and_leaks_nothing(void **state)
{
    (void)state;
    for (size_t limit = 0; limit < 65536; limit += 512) {
        struct arena a;
        struct ir_text t;
        arena_init(&a, limit);
        enum status s = ir_parse(&a, samples[1], strlen(samples[1]), &t);
        assert_true(s == OK || s == E_NOMEM);
        assert_true(a.used <= limit);
        arena_free_all(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_survives_reading_and_printing),
        cmocka_unit_test(test_names_are_free),
        cmocka_unit_test(test_wrong_text_is_refused_with_its_line),
        cmocka_unit_test(test_an_import_that_is_no_function_is_reported),
        cmocka_unit_test(test_shape_of_nested_loops),
        cmocka_unit_test(test_loops_and_calls_compute),
        cmocka_unit_test(test_memory_ends_where_it_ends),
        cmocka_unit_test(test_managed_values_and_unwinding),
        cmocka_unit_test(test_tail_calls_use_no_stack),
        cmocka_unit_test(test_endless_programs_end),
        cmocka_unit_test(test_frames_with_many_values_recurse_as_deep),
        cmocka_unit_test(test_frames_end_where_their_memory_does),
        cmocka_unit_test(test_corners_of_integer_operations),
        cmocka_unit_test(test_no_memory_is_an_error_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
