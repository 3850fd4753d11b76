// SPDX-License-Identifier: MIT
//
// Which accesses of a block share an address sum on AArch64, for every order of a few accesses with
// one index: each address is traced back to the index, and no sum is computed twice. Nothing runs.
#include "arch/aarch64/jit/machine.h"
#include "tests/unit/fake/world.h"
#include "tests/unit/jit/native_text.h"

#define ACCESSES_MAX 5u

struct access {
    unsigned shift, bytes, offset;
};

struct sequence {
    struct access list[ACCESSES_MAX];
    unsigned count;
    unsigned split; /* the access that starts a second block; 0: none */
};

/* ---- The generated instructions ---- */

static const struct vinstr *definition(const struct vcode *v, uint32_t vreg)
{
    for (uint32_t n = 0; n < v->instr_count; n++) {
        const struct vinstr *i = &v->instrs[n];
        for (unsigned o = 0; o < i->operand_count; o++) {
            const struct voperand *op = &v->operands[i->operands + o];
            if (op->vreg == vreg && op->role == VDEF) {
                return i;
            }
        }
    }
    fail_msg("v%u is never defined", vreg);
    return NULL;
}

static void check_index(const struct vcode *v, uint32_t vreg)
{
    assert_int_equal(definition(v, vreg)->op, A64_AND_IMM);
}

/* [base, index, shifted] or [sum, offset]. */
static void check_access(const struct vcode *v, const struct vinstr *i, const struct access *a)
{
    const struct voperand *ops = &v->operands[i->operands];
    bool is_fixed = (i->extra & A64_EXTRA(1, 0xff)) != 0;
    assert_int_equal(i->operand_count, 2);
    if (is_fixed) {
        check_index(v, ops[1].vreg);
        assert_int_equal(i->extra, A64_EXTRA(1, A64_IN(A64_BASE)));
        assert_int_equal(A64_SMALL_AMOUNT_OF(i->small), a->shift);
        assert_true(a->shift == 0 || 1u << a->shift == a->bytes);
        assert_int_equal(a->offset, 0);
        return;
    }
    const struct vinstr *sum = definition(v, ops[1].vreg);
    assert_int_equal(sum->op, A64_ADD_EXT);
    assert_int_equal(sum->extra, A64_EXTRA(1, A64_IN(A64_BASE)));
    assert_int_equal(A64_SMALL_AMOUNT_OF(sum->small), a->shift);
    check_index(v, v->operands[sum->operands + 1].vreg);
    assert_int_equal(i->imm, a->offset);
}

static bool needs_sum(const struct access *a)
{
    return a->offset != 0 || (a->shift != 0 && 1u << a->shift != a->bytes);
}

/* One for each block and shift, if some access needs it. */
static unsigned expected_sums(const struct sequence *s)
{
    unsigned sums = 0;
    for (unsigned n = 0; n < s->count; n++) {
        bool is_new = needs_sum(&s->list[n]);
        for (unsigned m = 0; m < n; m++) {
            bool same_block = s->split == 0 || (m < s->split) == (n < s->split);
            is_new &=
                !same_block || s->list[m].shift != s->list[n].shift || !needs_sum(&s->list[m]);
        }
        sums += is_new;
    }
    return sums;
}

static void check_selected(void *ctx, const char *stage, const struct ir_function *f,
                           const struct vcode *v)
{
    const struct sequence *s = ctx;
    unsigned accesses = 0, sums = 0;
    (void)f;
    if (strcmp(stage, "selected") != 0) {
        return;
    }
    for (uint32_t b = 0; b < v->block_count; b++) {
        for (uint32_t n = 0; n < v->blocks[b].count; n++) {
            const struct vinstr *i = &v->instrs[v->blocks[b].first + n];
            if ((i->flags & VI_TRAPS) != 0) {
                assert_true(accesses < s->count);
                check_access(v, i, &s->list[accesses++]);
            }
            sums += i->op == A64_ADD_EXT;
        }
    }
    assert_int_equal(accesses, s->count);
    assert_int_equal(sums, expected_sums(s));
}

/* ---- Functions ---- */

static void write_text(const struct sequence *s, char *text, size_t size)
{
    size_t at =
        (size_t)snprintf(text, size,
                         MODULE_HEAD "signature (i32) -> ()\ncallee @f signature 0\nfunction @f {\n"
                                     "block0(v0: i32):\n v1 = const.i32 255\n v2 = and.i32 v0, v1\n"
                                     " v3 = const.i32 2\n v4 = shl.i32 v2, v3\n v5 = const.i32 3\n"
                                     " v6 = shl.i32 v2, v5\n");
    unsigned value = 7;
    for (unsigned n = 0; n < s->count; n++) {
        const struct access *a = &s->list[n];
        if (n == s->split && n != 0) {
            at += (size_t)snprintf(text + at, size - at, " jump block1()\nblock1():\n");
            value++;
        }
        at += (size_t)snprintf(text + at, size - at, " v%u = load.%s memory0[v%u + %u] %s !%u\n",
                               value++, a->bytes == 8 ? "i64" : "i32",
                               a->shift == 0   ? 2
                               : a->shift == 2 ? 4
                                               : 6,
                               a->offset, a->bytes == 1 ? "8_u" : "", n + 1);
    }
    (void)snprintf(text + at, size - at, " return\n}\n");
}

static void check(struct sequence *s)
{
    char text[1024];
    struct arena a;
    struct ir_text t;
    struct jit_code code;
    struct jit_error err;
    const struct jit_options options = {
        .quick = true, .checks = &jit_checks, .show = check_selected, .ctx = s};
    write_text(s, text, sizeof text);
    arena_init(&a, ARENA_LIMIT);
    if (ir_parse(&a, text, strlen(text), &t) != OK) {
        fail_msg("line %u: %s\n%s", t.error_line, t.error, text);
    }
    if (jit_compile(&jit_machine_aarch64, t.functions[0], &options, &a, &code, &err) != OK) {
        fail_msg("%s\n%s", err.text, text);
    }
    arena_free_all(&a);
}

/* ---- Tests ---- */

/* Every sequence of `count` accesses of these kinds. */
static void check_all(const struct access *kinds, unsigned kind_count, unsigned count,
                      unsigned split)
{
    unsigned all = 1;
    for (unsigned n = 0; n < count; n++) {
        all *= kind_count;
    }
    for (unsigned number = 0; number < all; number++) {
        struct sequence s = {.count = count, .split = split};
        for (unsigned n = 0, rest = number; n < count; n++, rest /= kind_count) {
            s.list[n] = kinds[rest % kind_count];
        }
        check(&s);
    }
}

static void test_two_accesses_of_one_index(void **state)
{
    (void)state;
    struct access kinds[18];
    for (unsigned n = 0; n < ARRAY_COUNT(kinds); n++) {
        static const unsigned shifts[] = {0, 2, 3}, bytes[] = {1, 4, 8};
        kinds[n] = (struct access){shifts[n % 3], bytes[n / 3 % 3], n / 9 * 8};
    }
    check_all(kinds, ARRAY_COUNT(kinds), 2, 0);
}

/* Different widths, so that only some accesses need the sum, with a second shift in between. */
static void test_four_accesses_of_one_index(void **state)
{
    (void)state;
    static const struct access kinds[] = {{0, 1, 0}, {0, 4, 8}, {2, 1, 0}, {2, 4, 0}, {2, 4, 8}};
    check_all(kinds, ARRAY_COUNT(kinds), 4, 0);
}

static void test_no_sum_is_shared_with_another_block(void **state)
{
    (void)state;
    static const struct access kinds[] = {{0, 4, 8}, {2, 1, 0}, {2, 4, 0}, {2, 4, 8}};
    check_all(kinds, ARRAY_COUNT(kinds), 3, 1);
    check_all(kinds, ARRAY_COUNT(kinds), 3, 2);
}

static void test_three_shifts_in_turns(void **state)
{
    (void)state;
    struct sequence s = {{{0, 4, 4}, {2, 4, 4}, {3, 4, 4}, {0, 4, 8}, {2, 4, 8}}, 5, 0};
    check(&s);
    struct sequence t = {{{2, 4, 0}, {3, 8, 0}, {2, 8, 0}, {3, 1, 0}, {2, 1, 0}}, 5, 0};
    check(&t);
}

/* ---- A sum that is never computed, or too late ---- */

enum { NOT_MADE, TOO_LATE };
static unsigned fault;

/* Selection with a former mistake: two rules decided separately about sharing. */
static enum status select_wrongly(const struct ir_function *f, uint64_t features, struct vcode *out,
                                  unsigned *op)
{
    enum status s = jit_machine_aarch64.select(f, features, out, op);
    for (uint32_t n = 0; s == OK && n < out->instr_count; n++) {
        struct vinstr *i = &out->instrs[n];
        if (i->op == A64_ADD_EXT && fault == NOT_MADE) {
            out->operands[i->operands].vreg = vcode_vreg(out, VCLASS_INT, 8);
            return out->error;
        }
        if (i->op == A64_ADD_EXT) {
            struct vinstr sum = *i;
            *i = i[1];
            i[1] = sum;
            return OK;
        }
    }
    return s;
}

/* With checks requested or not, and with passes or without. */
static void test_a_missing_sum_is_refused(void **state)
{
    (void)state;
    static const char *const reasons[] = {"is used and never defined",
                                          "is used where its definition does not reach"};
    static const struct sequence s = {{{2, 1, 0}, {2, 4, 8}, {2, 4, 4}}, 3, 0};
    struct jit_machine wrong = jit_machine_aarch64;
    char text[1024];
    wrong.select = select_wrongly;
    write_text(&s, text, sizeof text);
    for (fault = NOT_MADE; fault <= TOO_LATE; fault++) {
        for (unsigned n = 0; n < 4; n++) {
            const struct jit_options options = {.quick = n % 2 != 0,
                                                .checks = n / 2 != 0 ? &jit_checks : NULL};
            struct arena a;
            struct ir_text t;
            struct jit_code code;
            struct jit_error err;
            arena_init(&a, ARENA_LIMIT);
            assert_int_equal(ir_parse(&a, text, strlen(text), &t), OK);
            enum status status = jit_compile(&wrong, t.functions[0], &options, &a, &code, &err);
            assert_int_equal(status, E_CORRUPT);
            assert_ptr_equal(strstr(err.text, "registers: instruction "), err.text);
            assert_non_null(strstr(err.text, reasons[fault]));
            arena_free_all(&a);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_accesses_of_one_index),
        cmocka_unit_test(test_four_accesses_of_one_index),
        cmocka_unit_test(test_no_sum_is_shared_with_another_block),
        cmocka_unit_test(test_three_shifts_in_turns),
        cmocka_unit_test(test_a_missing_sum_is_refused),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
