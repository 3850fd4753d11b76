// SPDX-License-Identifier: MIT
//
// The portable half of selection, with a toy machine: its operations are those of
// the representation, an addition may read memory and a branch may compare. The
// results are compared as text.
#include "kernel/jit/ir/ir_verify.h"
#include "kernel/jit/codegen/select.h"
#include "tests/ir/ir_parse.h"
#include "tests/unit/fake/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_LIMIT ((size_t)256 << 20)
#define HEAD                                                                                       \
    "memory guard 0x80000000\n"                                                                    \
    "signature (i32, i32) -> (i32)\n"                                                              \
    "signature () -> (i32, i64)\n"                                                                 \
    "callee @f signature 0\n"                                                                      \
    "callee @two signature 1\n"                                                                    \
    "function @f {\n"

/* ---- The machine ---- */

enum { LOADS = 1, COMPARES = 2 }; /* vinstr.small: what the operation does in addition */

struct form {
    struct voperand operands[16];
    unsigned count;
};

static void use(struct selector *s, struct form *form, uint32_t value)
{
    form->operands[form->count++] = (struct voperand){.vreg = select_reg(s, value)};
}

static void def(struct form *form, uint32_t vreg)
{
    if (vreg != VREG_NONE) {
        form->operands[form->count++] = (struct voperand){.vreg = vreg, .role = VDEF};
    }
}

static void toy_operand(void *ctx, uint32_t *value)
{
    void **both = ctx;
    use(both[0], both[1], *value);
}

static bool toy_instr(struct selector *s)
{
    struct ir_function *f = (struct ir_function *)s->f;
    struct ir_instr *i = &f->instrs[s->at];
    struct form form = {.count = 0};
    struct vinstr out = {.op = i->op};
    if (i->op == IR_FSQRT) {
        return false;
    }
    if (i->op == IR_CALL) {
        def(&form, select_call_result(s, 0));
        def(&form, ir_call_signature(f, i)->results > 1 ? select_call_result(s, 1) : VREG_NONE);
    } else if (i->type != IR_VOID) {
        def(&form, select_result(s));
    }
    if (i->op == IR_ADD && select_can_merge(s, i->b, 4) && select_instr(s, i->b)->op == IR_LOAD) {
        const struct ir_instr *load = select_instr(s, i->b);
        use(s, &form, i->a);
        if (load->a != IR_NONE) {
            use(s, &form, load->a);
        }
        select_merge(s, i->b);
        out.small = LOADS;
    } else if (i->op == IR_BRANCH && select_instr(s, i->a)->op == IR_LT_S) {
        use(s, &form, select_instr(s, i->a)->a);
        use(s, &form, select_instr(s, i->a)->b);
        out.small = COMPARES;
    } else {
        void *both[2] = {s, &form};
        ir_for_each_operand(f, i, toy_operand, both);
    }
    if (i->op == IR_MUL) { /* two instructions, whose order must be kept */
        struct vinstr before = {.op = IR_SHL};
        select_emit(s, &before, NULL, 0);
    }
    out.flags = (ir_op_info[i->op].flags & IR_ENDS) != 0 ? VI_TERMINATOR : 0;
    if (i->op == IR_CONST) {
        out.flags = VI_REMAKE;
    }
    out.imm = i->op == IR_SWITCH ? s->case_pool : 0;
    out.extra = i->op == IR_SWITCH ? i->c : 0;
    select_emit(s, &out, form.operands, form.count);
    return true;
}

static void toy_entry(struct selector *s)
{
    struct form form = {.count = 0};
    for (uint32_t n = 0; n < s->f->blocks[0].params; n++) {
        def(&form, select_param(s, n));
    }
    struct vinstr out = {.op = IR_PARAM};
    select_emit(s, &out, form.operands, form.count);
}

static void toy_jump(struct selector *s)
{
    struct vinstr out = {.op = IR_JUMP, .flags = VI_TERMINATOR};
    select_emit(s, &out, NULL, 0);
}

static const struct select_machine toy = {toy_entry, toy_instr, toy_jump};

/* ---- As text: registers are numbered in the order of their appearance ---- */

struct text {
    char s[8192];
    size_t len;
    uint32_t names[256], count;
};

static PRINTF_LIKE(2, 3) void put(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    t->len += (size_t)vsnprintf(t->s + t->len, sizeof t->s - t->len, format, args);
    va_end(args);
    assert_true(t->len < sizeof t->s);
}

static uint32_t name_of(struct text *t, uint32_t vreg)
{
    uint32_t n = 0;
    while (n < t->count && t->names[n] != vreg) {
        n++;
    }
    assert_true(n < 256);
    t->names[n] = vreg;
    t->count = MAX(t->count, n + 1);
    return n;
}

static void put_instr(struct text *t, const struct vcode *v, const struct vinstr *i)
{
    put(t, " %s%s%s", ir_op_info[i->op].text, (i->small & LOADS) != 0 ? "+load" : "",
        (i->small & COMPARES) != 0 ? "+lt" : "");
    for (unsigned n = 0; n < i->operand_count; n++) {
        const struct voperand *o = &v->operands[i->operands + n];
        put(t, "%s%u", o->role == VDEF ? " =" : " ", name_of(t, o->vreg));
    }
    for (uint32_t n = 0; n < i->extra; n++) {
        put(t, " :%u", v->pool[i->imm + n]);
    }
    put(t, ";");
}

static void put_code(struct text *t, const struct vcode *v)
{
    *t = (struct text){.len = 0};
    for (uint32_t n = 0; n < v->block_count; n++) {
        const struct vblock *b = &v->blocks[n];
        put(t, "%u%s(", n, b->is_cold ? " cold" : "");
        for (uint32_t p = 0; p < b->param_count; p++) {
            put(t, "%s%u", p == 0 ? "" : " ", name_of(t, v->pool[b->params + p]));
        }
        put(t, "):");
        for (uint32_t i = 0; i < b->count; i++) {
            put_instr(t, v, &v->instrs[b->first + i]);
        }
        for (uint32_t e = 0; e < b->edge_count; e++) {
            const struct vedge *edge = &v->edges[b->edges + e];
            assert_int_equal(edge->from, n);
            put(t, " >%u(", edge->to);
            for (uint32_t p = 0; p < v->blocks[edge->to].param_count; p++) {
                put(t, "%s%u", p == 0 ? "" : " ", name_of(t, v->pool[edge->args + p]));
            }
            put(t, ")");
        }
        put(t, "\n");
    }
}

static enum status select_text(struct arena *a, const char *body, struct vcode *v, unsigned *op)
{
    struct ir_text t;
    struct ir_complaint complaint;
    if (ir_parse(a, body, strlen(body), &t) != OK) {
        fail_msg("line %u: %s", t.error_line, t.error);
    }
    if (ir_verify(a, t.functions[0], &complaint) != OK) {
        fail_msg("%s", complaint.text);
    }
    *v = (struct vcode){.arena = a};
    return select_function(&toy, t.functions[0], 0, v, op);
}

static void check(const char *body, const char *expected)
{
    struct arena a;
    struct vcode v;
    unsigned op;
    struct text *t = malloc(sizeof *t);
    arena_init(&a, ARENA_LIMIT);
    assert_int_equal(select_text(&a, body, &v, &op), OK);
    put_code(t, &v);
    assert_string_equal(t->s, expected);
    arena_free_all(&a);
    free(t);
}

/* ---- Claims ---- */

static void test_unused_values_are_not_computed(void **state)
{
    (void)state;
    check(HEAD "block0(v0: i32, v1: i32):\n"
               " v2 = add.i32 v0, v0\n"           /* unused */
               " v3 = load.i32 context[8]\n"      /* unused, never traps */
               " v4 = load.i32 memory0[v0 + 0]\n" /* unused, may trap */
               " v5 = div_s.i32 v0, v0\n"         /* likewise */
               " return v0\n}\n",
          "0(): param =0; load =1 0; div_s =2 0 0; return 0;\n");
    /* A cycle of parameters that feed each other and are otherwise unused. */
    check(HEAD "block0(v0: i32, v1: i32):\n"
               " jump block1(v0, v1)\n"
               "block1(v3: i32, v4: i32):\n"
               " v5 = add.i32 v4, v3\n"
               " branch v3, block1(v3, v5), block2()\n"
               "block2():\n"
               " return v3\n}\n",
          "0(): param =0; jump; >1(0)\n"
          "1(1): branch 1; >2() >3()\n"
          "2(): jump; >1(1)\n"
          "3(): return 1;\n");
}

static void test_order_within_an_instruction_survives(void **state)
{
    (void)state;
    check(HEAD "block0(v0: i32, v1: i32):\n"
               " v2 = mul.i32 v0, v1\n"
               " v3 = mul.i32 v2, v1\n"
               " return v3\n}\n",
          "0(): param =0 =1; shl; mul =2 0 1; shl; mul =3 2 1; return 3;\n");
}

static void test_loads_move_across_no_conflicting_store(void **state)
{
    (void)state;
    /* The pattern: a load, another operation, and an addition that could absorb the load. */
    static const struct {
        const char *load, *between;
        bool merges;
    } cases[] = {
        {"load.i32 memory0[v0 + 0]", "v3 = xor.i32 v0, v1", true},
        {"load.i32 memory0[v0 + 0]", "v3 = load.i32 context[0]", true},
        {"load.i32 memory0[v0 + 0]", "v3 = load.i32 memory0[v1 + 0]", false},
        {"load.i32 memory0[v0 + 0]", "v3 = div_s.i32 v0, v1", false},
        {"load.i32 memory0[v0 + 0]", "store.i32 v1, context[0]", false},
        {"load.i32 memory0[v0 + 0]", "trap_if v1, divide", false},
        {"load.i32 memory0[v0 + 0]", "poll", false},
        {"load.i32 memory0[v0 + 0] 8_u", "v3 = xor.i32 v0, v1", false}, /* narrower */
        {"load.i32 context[16]", "v3 = load.i32 memory0[v1 + 0]", true},
        {"load.i32 context[16]", "v3 = div_s.i32 v0, v1", true},
        {"load.i32 context[16]", "store.i32 v1, memory0[v0 + 0]", false},
        {"load.i32 context[16] constant", "store.i32 v1, memory0[v0 + 0]", true},
        {"load.i32 context[16]", "poll", false},
    };
    for (size_t n = 0; n < ARRAY_COUNT(cases); n++) {
        struct arena a;
        struct vcode v;
        unsigned op;
        char body[1024];
        struct text *t = malloc(sizeof *t);
        (void)snprintf(body, sizeof body,
                       HEAD "block0(v0: i32, v1: i32):\n v2 = %s\n %s\n v4 = add.i32 v1, v2\n"
                            " return v4\n}\n",
                       cases[n].load, cases[n].between);
        arena_init(&a, ARENA_LIMIT);
        assert_int_equal(select_text(&a, body, &v, &op), OK);
        put_code(t, &v);
        if ((strstr(t->s, "add+load") != NULL) != cases[n].merges) {
            fail_msg("case %zu: %s", n, t->s);
        }
        arena_free_all(&a);
        free(t);
    }
}

static void test_loads_are_merged_into_one_place(void **state)
{
    (void)state;
    check(HEAD "block0(v0: i32, v1: i32):\n"
               " v2 = load.i32 memory0[v0 + 0]\n"
               " v3 = add.i32 v1, v2\n"
               " v4 = add.i32 v3, v2\n"
               " return v4\n}\n",
          "0(): param =0 =1; load =2 0; add =3 1 2; add =4 3 2; return 4;\n");
    /* Never across blocks. */
    check(HEAD "block0(v0: i32, v1: i32):\n"
               " v2 = load.i32 memory0[v0 + 0]\n"
               " jump block1()\n"
               "block1():\n"
               " v3 = add.i32 v1, v2\n"
               " return v3\n}\n",
          "0(): param =0 =1; load =2 0; jump; >1()\n1(): add =3 1 2; return 3;\n");
}

static void test_branches_absorb_comparisons(void **state)
{
    (void)state;
    check(HEAD "block0(v0: i32, v1: i32):\n"
               " v2 = lt_s.i32 v0, v1\n"
               " branch v2, block1(), block2()\n"
               "block1():\n"
               " return v0\n"
               "block2():\n"
               " return v2\n}\n", /* used elsewhere, so it is computed anyway */
          "0(): param =0 =1; lt_s =2 0 1; branch+lt 0 1; >2() >1()\n"
          "1(): return 2;\n2(): return 0;\n");
}

static void test_critical_edges_get_blocks(void **state)
{
    (void)state;
    check(HEAD "block0(v0: i32, v1: i32):\n"
               " v2 = const.i32 1\n"
               " branch v0, block1(v1), block2()\n"
               "block1(v4: i32):\n"
               " return v4\n"
               "block2():\n"
               " branch v1, block1(v2), block3()\n"
               "block3():\n"
               " trap unreachable\n}\n",
          "0(): param =0 =1; const =2; branch 0; >1() >2()\n"
          "1(): jump; >5(1)\n"
          "2(): branch 1; >3() >4()\n"
          "3(): jump; >5(2)\n"
          "4 cold(): trap;\n"
          "5(3): return 3;\n");
}

static void test_parameters_with_one_edge_are_their_arguments(void **state)
{
    (void)state;
    check(HEAD "block0(v0: i32, v1: i32):\n"
               " branch v0, block1(v1, v0), block2(v0)\n"
               "block1(v3: i32, v4: i32):\n"
               " v5 = sub.i32 v3, v4\n"
               " jump block3(v5)\n"
               "block2(v7: i32):\n"
               " return v7\n"
               "block3(v9: i32):\n"
               " return v9\n}\n",
          "0(): param =0 =1; branch 0; >2() >1()\n1(): return 0;\n"
          "2(): sub =2 1 0; jump; >3()\n3(): return 2;\n");
}

static void test_cases_of_a_switch_share_edges(void **state)
{
    (void)state;
    check(HEAD "block0(v0: i32, v1: i32):\n"
               " switch v0, block1(v0), block2(), block1(v0), block1(v1), block2()\n"
               "block1(v3: i32):\n"
               " return v3\n"
               "block2():\n"
               " return v1\n}\n",
          "0(): param =0 =1; switch 0 :0 :1 :0 :2 :1; >1() >3() >2()\n"
          "1(): jump; >4(0)\n2(): jump; >4(1)\n3(): return 1;\n4(2): return 2;\n");
}

static void test_used_results_of_calls(void **state)
{
    (void)state;
    check(HEAD "block0(v0: i32, v1: i32):\n"
               " v2 = call.i32 @two()\n"
               " v3 = result.i64 v2, 1\n"
               " v4 = call.i32 @two()\n"
               " v5 = result.i64 v4, 1\n"
               " v6 = wrap.i32 v3\n"
               " return v6\n}\n",
          "0(): param; call =0; call; wrap =1 0; return 1;\n");
}

static void test_operations_the_machine_lacks_are_reported(void **state)
{
    (void)state;
    struct arena a;
    struct vcode v;
    unsigned op = 0;
    arena_init(&a, ARENA_LIMIT);
    assert_int_equal(select_text(&a,
                                 HEAD "block0(v0: i32, v1: i32):\n v2 = from_int_s.f64 v0\n"
                                      " v3 = fsqrt.f64 v2\n v4 = to_int_s.i32 v3\n return v4\n}\n",
                                 &v, &op),
                     E_NOTSUP);
    assert_int_equal(op, IR_FSQRT);
    /* A loop with two entries. */
    assert_int_equal(select_text(&a,
                                 HEAD "block0(v0: i32, v1: i32):\n branch v0, block1(), block2()\n"
                                      "block1():\n jump block2()\nblock2():\n"
                                      " branch v1, block1(), block3()\nblock3():\n return v0\n}\n",
                                 &v, &op),
                     E_NOTSUP);
    arena_free_all(&a);
}

/* A switch with very many cases and a chain of as many blocks: time and memory stay linear. */
static void test_many_cases_and_blocks(void **state)
{
    (void)state;
    enum { CASES = 100000, BLOCKS = 15000 };
    struct arena a;
    struct ir_text t;
    struct vcode v;
    unsigned op;
    arena_init(&a, ARENA_LIMIT);
    assert_int_equal(ir_parse(&a, HEAD "}\n", strlen(HEAD "}\n"), &t), E_CORRUPT);
    static const uint8_t types[] = {IR_I32, IR_I32, IR_I32};
    static const struct ir_signature signature = {0, 2, 1};
    static const struct ir_callee callee = {.name = "f"};
    const struct ir_module m = {types, &signature, &callee,          NULL, 3, 1,
                                1,     0,          {.polls = false}, false};
    struct ir_function *f = ir_function_new(&a, &m, 0);
    ir_block_start(f, ir_block_new(f));
    uint32_t x = ir_param(f, IR_I32), y = ir_param(f, IR_I32), first = 0;
    uint32_t chain = ir_block_new(f);
    for (uint32_t n = 0; n < CASES; n++) {
        uint32_t e = ir_edge(f, chain, n % 2 == 0 ? &x : &y, 1);
        first = n == 0 ? e : first;
    }
    (void)ir_emit(f, IR_SWITCH, IR_VOID, x, first, CASES);
    for (uint32_t n = 0; n < BLOCKS; n++) {
        ir_block_start(f, chain);
        uint32_t p = ir_param(f, IR_I32), sum = ir_emit(f, IR_ADD, IR_I32, p, y, 0);
        chain = ir_block_new(f);
        (void)ir_emit(f, IR_JUMP, IR_VOID, ir_edge(f, chain, &sum, 1), 0, 0);
    }
    ir_block_start(f, chain);
    uint32_t result = ir_param(f, IR_I32);
    (void)ir_emit(f, IR_RETURN, IR_VOID, 0, ir_pool(f, &result, 1), 1);
    assert_int_equal(f->error, OK);
    v = (struct vcode){.arena = &a};
    assert_int_equal(select_function(&toy, f, 0, &v, &op), OK);
    assert_int_equal(v.block_count, BLOCKS + 4); /* two of them on the edges of the switch */
    assert_int_equal(v.blocks[0].edge_count, 2);
    arena_free_all(&a);
}

static void test_no_memory_is_an_error(void **state)
{
    (void)state;
    static const char body[] =
        HEAD "slot 24 align 64\nblock0(v0: i32, v1: i32):\n"
             " switch v0, block1(v0), block2(), block1(v0), block1(v1), block2()\n"
             "block1(v3: i32):\n v4 = load.i32 memory0[v3 + 0]\n v5 = add.i32 v3, v4\n"
             " v6 = lt_s.i32 v5, v1\n branch v6, block1(v5), block2()\nblock2():\n return v1\n}\n";
    struct arena source;
    struct ir_text t;
    arena_init(&source, ARENA_LIMIT);
    assert_int_equal(ir_parse(&source, body, strlen(body), &t), OK);
    unsigned failures = 0;
    for (size_t limit = 0; limit < 65536; limit += 128) {
        struct arena a;
        struct vcode v = {.arena = &a};
        unsigned op;
        arena_init(&a, limit);
        enum status s = select_function(&toy, t.functions[0], 0, &v, &op);
        assert_true(s == OK || s == E_NOMEM);
        failures += s == E_NOMEM;
        arena_free_all(&a);
    }
    assert_true(failures > 10);
    arena_free_all(&source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unused_values_are_not_computed),
        cmocka_unit_test(test_order_within_an_instruction_survives),
        cmocka_unit_test(test_loads_move_across_no_conflicting_store),
        cmocka_unit_test(test_loads_are_merged_into_one_place),
        cmocka_unit_test(test_branches_absorb_comparisons),
        cmocka_unit_test(test_critical_edges_get_blocks),
        cmocka_unit_test(test_parameters_with_one_edge_are_their_arguments),
        cmocka_unit_test(test_cases_of_a_switch_share_edges),
        cmocka_unit_test(test_used_results_of_calls),
        cmocka_unit_test(test_operations_the_machine_lacks_are_reported),
        cmocka_unit_test(test_many_cases_and_blocks),
        cmocka_unit_test(test_no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
