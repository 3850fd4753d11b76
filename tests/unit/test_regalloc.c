// SPDX-License-Identifier: MIT
//
// The register allocator, checked by its checker; and the checker, on corrupted allocations.
#include "kernel/jit/codegen/vcode_print.h"
#include "kernel/lib/compiler.h"
#include "tests/unit/jit/random_vcode.h"
#include "tests/unit/jit/run_vcode.h"
#include "tests/unit/jit/small_vcode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void collect(void *ctx, const char *s, size_t len)
{
    fwrite(s, 1, len, ctx);
}

static void show(const struct vcode *v, const struct jit_machine *m)
{
    if (v->instr_count < 2000) {
        vcode_print(v, m, collect, stderr);
    }
}

static void allocate_and_check(struct vcode *v, const struct jit_machine *m,
                               const struct vlimits *limits, uint32_t seed)
{
    struct vcomplaint complaint;
    enum status s = vcode_allocate(v, &m->registers, limits);
    if (s != OK) {
        show(v, m);
        fail_msg("seed %u, %s: status %d", seed, m->name, s);
    }
    if (!vcode_check(v, &m->registers, &complaint)) {
        show(v, m);
        fail_msg("seed %u, %s, limits %x: at %u: %s", seed, m->name,
                 limits != NULL ? limits->allowed[0] : 0, complaint.instr, complaint.text);
    }
}

static const struct jit_machine *const machines[] = {&mock_x86, &mock_arm};

static void test_random_functions(void **state)
{
    (void)state;
    static const struct vlimits limits[] = {
        {{0, 0}}, {{0x000f, 0x000f}}, {{0x304b, 0x0707}}, {{0x0003, 0x0007}}};
    uint32_t count = getenv("SEEDS") != NULL ? (uint32_t)atoi(getenv("SEEDS")) : 300;
    uint32_t first = getenv("SEED") != NULL ? (uint32_t)atoi(getenv("SEED")) : 1;
    uint64_t instrs = 0, moves = 0;
    for (uint32_t seed = first; seed < first + count; seed++) {
        const struct jit_machine *m = machines[seed % 2];
        struct random_vcode what = {.seed = seed,
                                    .size = 20 + seed * 7 % 300,
                                    .variables = 3 + seed % 13 * 2,
                                    .refs = seed % 5 == 0};
        struct arena a;
        struct vcode v;
        arena_init(&a, SMALL_VCODE_LIMIT);
        random_vcode(&v, &a, m, &what);
        assert_int_equal(vcode_finish(&v), OK);
        for (size_t n = 0; n < ARRAY_COUNT(limits); n++) {
            allocate_and_check(&v, m, &limits[n], seed);
            moves += n == 0 ? v.move_count : 0;
            instrs += n == 0 ? v.instr_count : 0;
        }
        arena_free_all(&a);
    }
    print_message("%u functions, %llu instructions, %llu moves\n", count,
                  (unsigned long long)instrs, (unsigned long long)moves);
}

/* ---- The checker and the runner, compared on good and corrupted allocations ---- */

enum { WAYS = 30, STEPS = 600 };

static uint32_t run_some(const struct vcode *v, const struct jit_machine *m)
{
    uint32_t wrong = VREG_NONE;
    for (uint32_t way = 1; way <= WAYS && wrong == VREG_NONE; way++) {
        wrong = run_vcode(v, &m->registers, way * 2654435761u | 1, STEPS);
    }
    return wrong;
}

static uint32_t other_location(const struct jit_machine *m, const struct vcode *v, unsigned class,
                               uint32_t old, uint32_t *state)
{
    if (v->slot_count > 0 && random_next(state) % 4 == 0) {
        return VLOC_SLOT(random_next(state) % v->slot_count);
    }
    for (;;) {
        uint32_t reg = random_next(state) % 32;
        if ((m->registers.allocatable[class] >> reg & 1) != 0 && reg != old) {
            return reg;
        }
    }
}

struct tally {
    uint32_t spoilt, wrong, found, missed;
};

static void judge(const struct vcode *v, const struct jit_machine *m, struct tally *t)
{
    struct vcomplaint complaint;
    bool is_wrong = run_some(v, m) != VREG_NONE,
         is_found = !vcode_check(v, &m->registers, &complaint);
    t->spoilt++;
    t->wrong += is_wrong;
    t->found += is_found;
    t->missed += is_wrong && !is_found;
}

static void spoil_location(struct vcode *v, const struct jit_machine *m, uint32_t *state,
                           struct tally *t)
{
    uint32_t o = random_next(state) % v->operand_count, old = v->locations[o];
    v->locations[o] = other_location(m, v, v->vregs[v->operands[o].vreg].class, old, state);
    judge(v, m, t);
    v->locations[o] = old;
}

static void spoil_move(struct vcode *v, const struct jit_machine *m, uint32_t *state,
                       struct tally *t)
{
    uint32_t n = random_next(state) % v->move_count;
    struct vmove old = v->moves[n];
    switch (random_next(state) % 4) {
    case 0:
        v->moves[n].to = other_location(m, v, old.class, old.to, state);
        break;
    case 1:
        v->moves[n].bytes = old.bytes == 4 ? 8 : 4;
        break;
    case 2: /* as if the move were missing: its target is never read */
        v->moves[n].from = old.from == VLOC_NONE ? m->registers.scratch[old.class] : old.from;
        v->moves[n].to = m->registers.scratch[old.class];
        break;
    default:
        v->moves[n].from = other_location(m, v, old.class, old.from, state);
        break;
    }
    judge(v, m, t);
    v->moves[n] = old;
}

static void spoil_order(struct vcode *v, const struct jit_machine *m, uint32_t *state,
                        struct tally *t)
{
    uint32_t n = random_next(state) % v->move_count;
    if (n + 1 == v->move_count || v->moves[n].at != v->moves[n + 1].at) {
        return;
    }
    struct vmove first = v->moves[n];
    v->moves[n] = v->moves[n + 1];
    v->moves[n + 1] = first;
    judge(v, m, t);
    v->moves[n + 1] = v->moves[n];
    v->moves[n] = first;
}

/* Change a slot in a list of references. */
static void spoil_list(struct vcode *v, const struct jit_machine *m, uint32_t *state,
                       struct tally *t)
{
    (void)m;
    if (v->safe_point_count == 0) {
        return;
    }
    const struct vsafe_point *p = &v->safe_points[random_next(state) % v->safe_point_count];
    uint32_t *words = v->safe_words + p->first, count = words[0] + 2 * words[1];
    if (count > 0) {
        uint32_t *word = words + 2 + random_next(state) % count, old = *word;
        *word = (old + 1 + random_next(state) % v->slot_count) % (v->slot_count + 1);
        judge(v, m, t);
        *word = old;
    }
}

/* Remove the last reference from a list. */
static void spoil_length(struct vcode *v, const struct jit_machine *m, uint32_t *state,
                         struct tally *t)
{
    (void)m;
    if (v->safe_point_count == 0) {
        return;
    }
    const struct vsafe_point *p = &v->safe_points[random_next(state) % v->safe_point_count];
    uint32_t *words = v->safe_words + p->first;
    if (words[0] > 0 && words[1] == 0) {
        words[0]--;
        judge(v, m, t);
        words[0]++;
    }
}

static void test_corrupted_allocations_are_found(void **state)
{
    (void)state;
    static void (*const ways[])(struct vcode *, const struct jit_machine *, uint32_t *,
                                struct tally *) = {spoil_location, spoil_move, spoil_order,
                                                   spoil_list, spoil_length};
    struct tally total = {0, 0, 0, 0};
    uint32_t count = getenv("SPOILT") != NULL ? (uint32_t)atoi(getenv("SPOILT")) : 40, random = 7;
    for (uint32_t seed = 1; seed <= count; seed++) {
        const struct jit_machine *m = machines[seed % 2];
        struct random_vcode what = {
            .seed = seed, .size = 60 + seed % 60, .variables = 6 + seed % 9, .refs = seed % 4 == 0};
        struct arena a;
        struct vcode v;
        arena_init(&a, SMALL_VCODE_LIMIT);
        random_vcode(&v, &a, m, &what);
        assert_int_equal(vcode_finish(&v), OK);
        allocate_and_check(&v, m, NULL, seed);
        uint32_t wrong = run_some(&v, m);
        if (wrong != VREG_NONE) {
            show(&v, m);
            fail_msg("seed %u, %s: wrong at %u, but the checker accepts it", seed, m->name, wrong);
        }
        for (uint32_t n = 0; n < 30 && v.move_count > 0; n++) {
            ways[n % ARRAY_COUNT(ways)](&v, m, &random, &total);
        }
        arena_free_all(&a);
    }
    print_message("%u spoilt, %u of them go wrong when run, %u found, %u missed\n", total.spoilt,
                  total.wrong, total.found, total.missed);
    assert_int_equal(total.missed, 0);
    assert_true(total.wrong * 2 > total.spoilt && total.found >= total.wrong);
}

/* ---- By hand ---- */

static const struct vmove *move_at(const struct vcode *v, uint32_t at, uint32_t n)
{
    for (uint32_t m = 0; m < v->move_count; m++) {
        if (v->moves[m].at == at && n-- == 0) {
            return &v->moves[m];
        }
    }
    return NULL;
}

static void begin_function(struct vcode *v, struct arena *a)
{
    arena_init(a, SMALL_VCODE_LIMIT);
    vcode_init(v, a, NULL);
}

static uint32_t add_tied(struct vcode *v, uint32_t to, uint32_t what)
{
    uint32_t vreg = vcode_vreg(v, VCLASS_INT, 8);
    vcode_instr(v, &(struct vinstr){.op = 0});
    vcode_operand(v, vreg, VDEF, VAT_TIED, 1);
    vcode_operand(v, to, VUSE, VAT_REG, 0);
    vcode_operand(v, what, VUSE, VAT_ANY, 0);
    return vreg;
}

static void finish_and_check(struct vcode *v, const struct vlimits *limits)
{
    assert_int_equal(vcode_finish(v), OK);
    allocate_and_check(v, &mock_x86, limits, 0);
}

/* for (i = a, s = b; ...; i += c, s += i): nothing moves in the loop. */
static void test_a_loop_moves_nothing(void **state)
{
    (void)state;
    struct arena a;
    struct vcode v;
    begin_function(&v, &a);
    uint32_t before = begin_block(&v), start[2];
    start[0] = define_value(&v);
    start[1] = define_value(&v);
    uint32_t c = define_value(&v);
    end_with_jump(&v, before);
    uint32_t loop = begin_block(&v);
    uint32_t params[] = {vcode_vreg(&v, VCLASS_INT, 8), vcode_vreg(&v, VCLASS_INT, 8)};
    vcode_params(&v, loop, params, 2);
    uint32_t sum = add_tied(&v, params[1], params[0]), next = add_tied(&v, params[0], c);
    end_with_branch(&v, loop, next);
    uint32_t back = begin_block(&v);
    end_with_jump(&v, back);
    uint32_t end = begin_block(&v);
    use_value(&v, sum);
    end_with_jump(&v, end);
    vcode_edge(&v, before, loop, start, 2);
    vcode_edge(&v, loop, back, NULL, 0);
    vcode_edge(&v, loop, end, NULL, 0);
    vcode_edge(&v, back, loop, (uint32_t[]){next, sum}, 2);
    finish_and_check(&v, NULL);
    assert_int_equal(v.move_count, 0);
    assert_int_equal(v.slot_count, 0);
    arena_free_all(&a);
}

static uint32_t moves_between(const struct vcode *v, uint32_t first, uint32_t end)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < v->move_count; n++) {
        count += v->moves[n].at >= first && v->moves[n].at < end;
    }
    return count;
}

/* A loop in a loop. The inner one uses three values of the outer one and makes two; the outer one
 * has more than the registers hold. None of them comes back from memory in the inner loop, where
 * nothing uses it, only to make room again: neither those that the outer loop uses after the inner
 * one, nor those that only its next iteration uses. */
static void test_an_inner_loop_moves_nothing(void **state)
{
    (void)state;
    enum { AFTER = 6, NEXT = 6, INNER = 3 };
    struct arena a;
    struct vcode v;
    begin_function(&v, &a);
    uint32_t before = begin_block(&v), after[AFTER], early[NEXT], used[INNER];
    for (unsigned n = 0; n < AFTER + NEXT + INNER; n++) {
        uint32_t value = define_value(&v);
        *(n < AFTER          ? &after[n]
          : n < AFTER + NEXT ? &early[n - AFTER]
                             : &used[n - AFTER - NEXT]) = value;
    }
    end_with_jump(&v, before);
    uint32_t outer = begin_block(&v);
    for (unsigned n = 0; n < NEXT; n++) {
        use_value(&v, early[n]);
    }
    uint32_t start = define_value(&v);
    end_with_jump(&v, outer);
    uint32_t inner = begin_block(&v), index = vcode_vreg(&v, VCLASS_INT, 8);
    vcode_params(&v, inner, &index, 1);
    uint32_t first = add_tied(&v, index, used[0]), second = add_tied(&v, index, used[1]);
    use_value(&v, first);
    use_value(&v, second);
    uint32_t next = add_tied(&v, index, used[2]);
    end_with_branch(&v, inner, next);
    uint32_t back = begin_block(&v);
    end_with_jump(&v, back);
    uint32_t tail = begin_block(&v);
    for (unsigned n = 0; n < AFTER; n++) {
        use_value(&v, after[n]);
    }
    end_with_branch(&v, tail, after[0]);
    uint32_t again = begin_block(&v);
    end_with_jump(&v, again);
    uint32_t end = begin_block(&v);
    end_with_jump(&v, end);
    vcode_edge(&v, before, outer, NULL, 0);
    vcode_edge(&v, outer, inner, &start, 1);
    vcode_edge(&v, inner, back, NULL, 0);
    vcode_edge(&v, inner, tail, NULL, 0);
    vcode_edge(&v, back, inner, &next, 1);
    vcode_edge(&v, tail, again, NULL, 0);
    vcode_edge(&v, tail, end, NULL, 0);
    vcode_edge(&v, again, outer, NULL, 0);
    finish_and_check(&v, NULL);
    uint32_t loop = v.blocks[inner].first;
    /* the additions copy their left operand, which lives on */
    assert_int_equal(moves_between(&v, loop, v.blocks[tail].first), 2);
    arena_free_all(&a);
}

/* Eight arguments are computed in the registers that the call requires, and its result
 * where the next call requires it. */
static void test_arguments_are_computed_in_place(void **state)
{
    (void)state;
    static const uint8_t regs[] = {7, 6, 2, 1, 8, 9, 0, 10};
    struct arena a;
    struct vcode v;
    begin_function(&v, &a);
    uint32_t b = begin_block(&v), args[8], results[2];
    for (unsigned n = 0; n < 8; n++) {
        args[n] = define_value(&v);
    }
    for (unsigned n = 0; n < 2; n++) {
        vcode_instr(&v, &(struct vinstr){.op = 6, .flags = VI_CALL, .clobbers = 1});
        for (unsigned k = 0; k < (n == 0 ? 8 : 1); k++) {
            vcode_operand(&v, n == 0 ? args[k] : results[0], VUSE, VAT_FIXED, n == 0 ? regs[k] : 0);
        }
        results[n] = vcode_vreg(&v, VCLASS_INT, 8);
        vcode_operand(&v, results[n], VDEF, VAT_FIXED, 0);
    }
    end_with_jump(&v, b);
    finish_and_check(&v, NULL);
    assert_int_equal(v.move_count, 0);
    arena_free_all(&a);
}

/* A value that is live across a call gets a callee-saved register from the start; one more than
 * there are such registers is stored once and loaded once. */
static void test_values_live_across_a_call(void **state)
{
    (void)state;
    for (unsigned count = 1; count <= 5; count++) {
        struct arena a;
        struct vcode v;
        begin_function(&v, &a);
        uint32_t b = begin_block(&v), values[5];
        for (unsigned n = 0; n < count; n++) {
            values[n] = define_value(&v);
        }
        for (unsigned n = 0; n < 2; n++) {
            vcode_instr(&v, &(struct vinstr){.op = 6, .flags = VI_CALL, .clobbers = 1});
        }
        for (unsigned n = 0; n < count; n++) {
            use_value(&v, values[n]);
        }
        end_with_jump(&v, b);
        finish_and_check(&v, NULL);
        unsigned over = count > 3 ? count - 3 : 0; /* three are callee-saved: rbx, r12, r13 */
        assert_int_equal(v.move_count, 2 * over);
        assert_int_equal(v.slot_count, over);
        arena_free_all(&a);
    }
}

/* If only a cold call clobbers a value's register, the value is stored there, not
 * at its definition in a loop. */
static void test_a_cold_calls_clobbered_values_are_stored_there(void **state)
{
    (void)state;
    static const struct vlimits none_survives = {{0x07c7, 0}};
    struct arena a;
    struct vcode v;
    begin_function(&v, &a);
    uint32_t before = begin_block(&v);
    end_with_jump(&v, before);
    uint32_t loop = begin_block(&v), x = define_value(&v);
    end_with_branch(&v, loop, x);
    uint32_t cold = begin_block(&v);
    v.blocks[cold].is_cold = true;
    vcode_instr(&v, &(struct vinstr){.op = 6, .flags = VI_CALL, .clobbers = 1});
    end_with_jump(&v, cold);
    uint32_t hot = begin_block(&v);
    end_with_jump(&v, hot);
    uint32_t joined = begin_block(&v);
    use_value(&v, x);
    end_with_branch(&v, joined, x);
    uint32_t back = begin_block(&v);
    end_with_jump(&v, back);
    uint32_t end = begin_block(&v);
    end_with_jump(&v, end);
    vcode_edge(&v, before, loop, NULL, 0);
    vcode_edge(&v, loop, cold, NULL, 0);
    vcode_edge(&v, loop, hot, NULL, 0);
    vcode_edge(&v, cold, joined, NULL, 0);
    vcode_edge(&v, hot, joined, NULL, 0);
    vcode_edge(&v, joined, back, NULL, 0);
    vcode_edge(&v, joined, end, NULL, 0);
    vcode_edge(&v, back, loop, NULL, 0);
    finish_and_check(&v, &none_survives);
    assert_int_equal(v.move_count, 2);
    const struct vmove *store = move_at(&v, v.blocks[cold].first, 0);
    const struct vmove *load = move_at(&v, v.blocks[cold].first + 1, 0);
    assert_true(store != NULL && vloc_is_slot(store->to));
    assert_true(load != NULL && vloc_is_slot(load->from));
    arena_free_all(&a);
}

/* A value that a loop without an end keeps in a register: the calls of the loop before it clobber
 * all registers, so it is stored before that one. */
static void test_a_loop_without_an_end_is_last(void **state)
{
    (void)state;
    static const struct vlimits none_survives = {{0x07c7, 0}};
    struct arena a;
    struct vcode v;
    begin_function(&v, &a);
    uint32_t before = begin_block(&v), x = define_value(&v);
    end_with_jump(&v, before);
    uint32_t calls = begin_block(&v);
    vcode_instr(&v, &(struct vinstr){.op = 6, .flags = VI_CALL, .clobbers = 1});
    end_with_branch(&v, calls, define_value(&v));
    uint32_t back = begin_block(&v);
    end_with_jump(&v, back);
    uint32_t between = begin_block(&v);
    end_with_jump(&v, between);
    uint32_t endless = begin_block(&v);
    use_value(&v, x);
    end_with_jump(&v, endless);
    vcode_edge(&v, before, calls, NULL, 0);
    vcode_edge(&v, calls, back, NULL, 0);
    vcode_edge(&v, calls, between, NULL, 0);
    vcode_edge(&v, back, calls, NULL, 0);
    vcode_edge(&v, between, endless, NULL, 0);
    vcode_edge(&v, endless, endless, NULL, 0);
    finish_and_check(&v, &none_survives);
    assert_int_equal(v.move_count, 2);
    assert_int_equal(v.slot_count, 1);
    arena_free_all(&a);
}

/* Twelve constants across a call: rematerialized, never stored. */
static void test_constants_are_rematerialized(void **state)
{
    (void)state;
    struct arena a;
    struct vcode v;
    begin_function(&v, &a);
    uint32_t b = begin_block(&v), values[12];
    for (unsigned n = 0; n < 12; n++) {
        values[n] = vcode_vreg(&v, VCLASS_INT, n % 2 == 0 ? 4 : 8);
        vcode_instr(&v, &(struct vinstr){.op = 2, .flags = VI_REMAKE});
        vcode_operand(&v, values[n], VDEF, VAT_REG, 0);
    }
    vcode_instr(&v, &(struct vinstr){.op = 6, .flags = VI_CALL, .clobbers = 1});
    for (unsigned n = 0; n < 12; n++) {
        use_value(&v, values[n]);
    }
    end_with_jump(&v, b);
    finish_and_check(&v, NULL);
    assert_int_equal(v.slot_count, 0);
    for (uint32_t m = 0; m < v.move_count; m++) {
        assert_false(vloc_is_slot(v.moves[m].to));
    }
    arena_free_all(&a);
}

/* Values of 4 bytes are stored and loaded as 4, values of 16 in two slots, the first even; values
 * whose lifetimes do not overlap share slots. */
static void test_slots_have_the_size_of_values(void **state)
{
    (void)state;
    static const struct vlimits few = {{0x0003, 0x0003}};
    struct arena a;
    struct vcode v;
    begin_function(&v, &a);
    uint32_t b = begin_block(&v), values[12];
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned n = 0; n < 12; n++) {
            unsigned bytes = n % 3 == 0 ? 16 : n % 3 == 1 ? 8 : 4;
            values[n] = vcode_vreg(&v, bytes == 16 ? VCLASS_FLOAT : VCLASS_INT, bytes);
            vcode_instr(&v, &(struct vinstr){.op = 0});
            vcode_operand(&v, values[n], VDEF, VAT_REG, 0);
        }
        for (unsigned n = 0; n < 12; n++) {
            use_value(&v, values[n]);
        }
    }
    end_with_jump(&v, b);
    finish_and_check(&v, &few);
    assert_true(v.slot_count > 0 && v.slot_count <= 8 + 2 * 4);
    arena_free_all(&a);
}

/* The checker reports each requirement that selection has violated. */
static void test_requirements_on_selection(void **state)
{
    (void)state;
    static const char *const texts[] = {"defined twice", "does not reach",       "critical",
                                        "terminator",    "tied to no early use", "cannot become"};
    for (unsigned n = 0; n < ARRAY_COUNT(texts); n++) {
        struct arena a;
        struct vcode v;
        struct vcomplaint complaint;
        begin_function(&v, &a);
        uint32_t top = begin_block(&v), x = define_value(&v);
        uint32_t small = vcode_vreg(&v, VCLASS_INT, 4);
        uint32_t y = n == 4 ? vcode_vreg(&v, VCLASS_INT, 8) : add_tied(&v, x, x);
        if (n == 4) {
            vcode_instr(&v, &(struct vinstr){.op = 0});
            vcode_operand(&v, y, VDEF, VAT_TIED, 0);
        }
        if (n == 0) {
            vcode_instr(&v, &(struct vinstr){.op = 0});
            vcode_operand(&v, x, VDEF, VAT_REG, 0);
        }
        if (n == 3) {
            vcode_instr(&v, &(struct vinstr){.op = 3, .flags = VI_TERMINATOR});
        }
        end_with_branch(&v, top, y);
        uint32_t left = begin_block(&v), z = define_value(&v);
        end_with_jump(&v, left);
        uint32_t right = n == 2 ? left : begin_block(&v);
        if (n != 2) {
            end_with_jump(&v, right);
        }
        uint32_t end = begin_block(&v);
        vcode_params(&v, end, &small, n == 5 ? 1 : 0);
        use_value(&v, n == 1 ? z : y);
        end_with_jump(&v, end);
        vcode_edge(&v, top, left, NULL, 0);
        vcode_edge(&v, top, n == 2 ? end : right, NULL, 0);
        vcode_edge(&v, left, end, &x, n == 5 ? 1 : 0);
        if (n != 2) {
            vcode_edge(&v, right, end, &x, n == 5 ? 1 : 0);
        }
        assert_int_equal(vcode_finish(&v), OK);
        assert_false(vcode_check(&v, &mock_x86.registers, &complaint));
        assert_non_null(strstr(complaint.text, texts[n]));
        arena_free_all(&a);
    }
}

/* At each allocation that can fail: the error and nothing else; then it works. */
static void test_out_of_memory(void **state)
{
    (void)state;
    struct random_vcode what = {.seed = 5, .size = 400, .variables = 24};
    struct arena a;
    struct vcode v;
    unsigned refused = 0;
    arena_init(&a, SMALL_VCODE_LIMIT);
    random_vcode(&v, &a, &mock_x86, &what);
    assert_int_equal(vcode_finish(&v), OK);
    size_t base = a.used;
    enum status s = E_NOMEM;
    for (size_t more = 0; s != OK; more += 512) {
        struct vcomplaint complaint;
        struct arena b;
        struct vcode copy = v;
        arena_init(&b, more);
        copy.arena = &b;
        s = vcode_allocate(&copy, &mock_x86.registers, NULL);
        assert_true(s == OK || s == E_NOMEM);
        refused += s != OK;
        if (s == OK) {
            b.limit = 4096; /* not enough for the checker, which must report that */
            assert_false(vcode_check(&copy, &mock_x86.registers, &complaint));
            assert_non_null(strstr(complaint.text, "memory"));
            b.limit = SMALL_VCODE_LIMIT;
            assert_true(vcode_check(&copy, &mock_x86.registers, &complaint));
        }
        arena_free_all(&b);
    }
    assert_true(refused > 50);
    assert_int_equal(a.used, base);
    arena_free_all(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_loop_moves_nothing),
        cmocka_unit_test(test_an_inner_loop_moves_nothing),
        cmocka_unit_test(test_arguments_are_computed_in_place),
        cmocka_unit_test(test_values_live_across_a_call),
        cmocka_unit_test(test_a_cold_calls_clobbered_values_are_stored_there),
        cmocka_unit_test(test_a_loop_without_an_end_is_last),
        cmocka_unit_test(test_constants_are_rematerialized),
        cmocka_unit_test(test_slots_have_the_size_of_values),
        cmocka_unit_test(test_requirements_on_selection),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_random_functions),
        cmocka_unit_test(test_corrupted_allocations_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
