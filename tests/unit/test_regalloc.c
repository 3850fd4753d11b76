// SPDX-License-Identifier: MIT
//
// The register allocator, judged by its checker; and the checker, by allocations that are spoilt.
#include "kernel/jit/parallel.h"
#include "kernel/jit/vcode_print.h"
#include "kernel/lib/compiler.h"
#include "tests/unit/jit/random_vcode.h"
#include "tests/unit/jit/run_vcode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIMIT ((size_t)2 << 30)

/* The arena's, in place of the kernel's heap, which has not room for the largest functions here.
 * The linker puts them there (CMakeLists.txt). */
void *__wrap_heap_alloc(size_t size);
void __wrap_heap_free(void *p);

void *__wrap_heap_alloc(size_t size)
{
    return malloc(size);
}

void __wrap_heap_free(void *p)
{
    free(p);
}

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
        arena_init(&a, LIMIT);
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

/* ---- The checker and the runner judge each other, and spoilt allocations ---- */

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
    case 2: /* as if it were not there: to nowhere that anybody looks at */
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

static void test_spoilt_allocations_are_found(void **state)
{
    (void)state;
    static void (*const ways[])(struct vcode *, const struct jit_machine *, uint32_t *,
                                struct tally *) = {spoil_location, spoil_move, spoil_order};
    struct tally total = {0, 0, 0, 0};
    uint32_t count = getenv("SPOILT") != NULL ? (uint32_t)atoi(getenv("SPOILT")) : 40, random = 7;
    for (uint32_t seed = 1; seed <= count; seed++) {
        const struct jit_machine *m = machines[seed % 2];
        struct random_vcode what = {
            .seed = seed, .size = 60 + seed % 60, .variables = 6 + seed % 9, .refs = seed % 4 == 0};
        struct arena a;
        struct vcode v;
        arena_init(&a, LIMIT);
        random_vcode(&v, &a, m, &what);
        assert_int_equal(vcode_finish(&v), OK);
        allocate_and_check(&v, m, NULL, seed);
        uint32_t wrong = run_some(&v, m);
        if (wrong != VREG_NONE) {
            show(&v, m);
            fail_msg("seed %u, %s: wrong at %u, and the checker is content", seed, m->name, wrong);
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

/* ---- Moves that happen at once ---- */

/* Do what the list says, and compare with what was wanted. Location n holds value n + 1. */
static void check_parallel(struct arena *arena, const struct vmove *wanted, uint32_t count,
                           uint32_t slots)
{
    struct parallel p = {
        .arena = arena, .scratch = mock_x86.registers.scratch, .slot_count = slots};
    struct moves out = {.list = NULL};
    uint32_t before[VCLASS_COUNT * 32 + 64], at[VCLASS_COUNT * 32 + 64];
    for (uint32_t n = 0; n < ARRAY_COUNT(before); n++) {
        before[n] = at[n] = n + 1;
    }
#define CELL(class, loc) (vloc_is_slot(loc) ? 64 + ((loc) & ~VLOC_SLOT_FLAG) : 32 * (class) + (loc))
    for (uint32_t n = 0; n < count; n++) {
        parallel_want(&p, wanted[n]);
    }
    parallel_resolve(&p, 3, &out);
    assert_false(p.failed);
    for (uint32_t n = 0; n < out.count; n++) {
        const struct vmove *m = &out.list[n];
        assert_int_equal(m->at, 3);
        assert_false(vloc_is_slot(m->to) && (m->from == VLOC_NONE || vloc_is_slot(m->from)));
        at[CELL(m->class, m->to)] =
            m->from == VLOC_NONE ? 1000 + m->remake : at[CELL(m->class, m->from)];
    }
    for (uint32_t n = 0; n < count; n++) {
        const struct vmove *m = &wanted[n];
        before[CELL(m->class, m->to)] =
            m->from == VLOC_NONE ? 1000 + m->remake : CELL(m->class, m->from) + 1;
    }
    for (unsigned reg = 0; reg < 15; reg++) {
        assert_true(reg == 11 || at[reg] == before[reg]);
        assert_int_equal(at[32 + reg], before[32 + reg]);
    }
    for (uint32_t slot = 0; slot < slots; slot++) {
        assert_int_equal(at[64 + slot], before[64 + slot]);
    }
    assert_true(out.count <= 2 * count + 2 * (count / 2));
}

static void test_all_permutations_of_five(void **state)
{
    (void)state;
    /* Registers only; two of them slots; all slots. */
    static const uint32_t places[][5] = {
        {0, 1, 2, 3, 6},
        {0, VLOC_SLOT(0), 2, VLOC_SLOT(1), 6},
        {VLOC_SLOT(0), VLOC_SLOT(1), VLOC_SLOT(2), VLOC_SLOT(3), VLOC_SLOT(4)},
    };
    for (uint32_t n = 0; n < 5 * 5 * 5 * 5 * 5; n++) { /* not only permutations: copies too */
        for (size_t p = 0; p < ARRAY_COUNT(places); p++) {
            struct arena a;
            struct vmove moves[5];
            arena_init(&a, LIMIT);
            for (uint32_t i = 0, rest = n; i < 5; i++, rest /= 5) {
                moves[i] = (struct vmove){.to = places[p][i],
                                          .from = places[p][rest % 5],
                                          .remake = VREG_NONE,
                                          .class = VCLASS_INT,
                                          .bytes = 8};
            }
            check_parallel(&a, moves, 5, 5);
            arena_free_all(&a);
        }
    }
}

static void test_twenty_moves_of_both_classes(void **state)
{
    (void)state;
    uint32_t random = 5;
    for (uint32_t round = 0; round < 3000; round++) {
        static const uint32_t ints[] = {0, 1, 2, 3, 6, 7, 8, 9};
        struct arena a;
        struct vmove moves[20];
        arena_init(&a, LIMIT);
        for (uint32_t i = 0; i < 20; i++) { /* 0..7 integers, 8..13 floats, then slots: 3 and 3 */
            unsigned class = i < 8 || (i >= 14 && i < 17) ? VCLASS_INT : VCLASS_FLOAT;
            uint32_t place = class == VCLASS_INT ? (i < 8 ? ints[i] : VLOC_SLOT(i - 14))
                                                 : (i < 14 ? i : VLOC_SLOT(i - 14));
            uint32_t k = random_next(&random) % (class == VCLASS_INT ? 11 : 9);
            uint32_t from = class == VCLASS_INT ? (k < 8 ? ints[k] : VLOC_SLOT(k - 8))
                                                : (k < 6 ? 8 + k : VLOC_SLOT(k - 3));
            bool again = random_next(&random) % 8 == 0;
            moves[i] = (struct vmove){.to = place,
                                      .from = again ? VLOC_NONE : from,
                                      .remake = again ? i : VREG_NONE,
                                      .class = (uint8_t) class,
                                      .bytes = 8};
        }
        check_parallel(&a, moves, 20, 6);
        arena_free_all(&a);
    }
}

/* ---- Hostile sizes ---- */

static uint32_t define_value(struct vcode *v)
{
    uint32_t vreg = vcode_vreg(v, VCLASS_INT, 8);
    vcode_instr(v, &(struct vinstr){.op = 0});
    vcode_operand(v, vreg, VDEF, VAT_REG, 0);
    return vreg;
}

static void use_value(struct vcode *v, uint32_t vreg)
{
    vcode_instr(v, &(struct vinstr){.op = 9});
    vcode_operand(v, vreg, VUSE, VAT_REG, 0);
}

static void end_with_jump(struct vcode *v, uint32_t block)
{
    vcode_instr(v, &(struct vinstr){.op = 3, .flags = VI_TERMINATOR});
    vcode_block_end(v, block, false);
}

static uint32_t begin_block(struct vcode *v)
{
    uint32_t block = vcode_block(v);
    vcode_block_start(v, block);
    return block;
}

/* `n` values are defined first and used last, behind as many blocks in a row. */
static void make_long_lives(struct vcode *v, uint32_t n)
{
    uint32_t *values = calloc(n, sizeof *values), b = begin_block(v);
    for (uint32_t i = 0; i < n; i++) {
        values[i] = define_value(v);
    }
    end_with_jump(v, b);
    for (uint32_t i = 0; i < n; i++) {
        vcode_edge(v, b, b + 1, NULL, 0);
        b = begin_block(v);
        use_value(v, define_value(v));
        end_with_jump(v, b);
    }
    vcode_edge(v, b, b + 1, NULL, 0);
    b = begin_block(v);
    for (uint32_t i = 0; i < n; i++) {
        use_value(v, values[i]);
    }
    end_with_jump(v, b);
    free(values);
}

/* One block. */
static void make_long_block(struct vcode *v, uint32_t n)
{
    uint32_t b = begin_block(v), old[40] = {0}, state = 1;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t value = define_value(v);
        if (i >= 40) {
            use_value(v, old[random_next(&state) % 40]);
        }
        old[i % 40] = value;
    }
    end_with_jump(v, b);
}

/* A value for each block, and each block may leave to the end, where all are parameters. */
static void make_exits(struct vcode *v, uint32_t n)
{
    enum { PARAMS = 20 };
    uint32_t values[PARAMS], params[PARAMS];
    uint32_t *from = calloc(n, sizeof *from), (*args)[PARAMS] = calloc(n, sizeof *args);
    uint32_t b = begin_block(v);
    for (uint32_t i = 0; i < PARAMS; i++) {
        values[i] = define_value(v);
    }
    for (uint32_t i = 0; i < n; i++) {
        vcode_instr(v, &(struct vinstr){.op = 3, .flags = VI_TERMINATOR});
        vcode_operand(v, values[i % PARAMS], VUSE, VAT_REG, 0);
        vcode_block_end(v, b, false);
        vcode_edge(v, b, b + 1, NULL, 0);
        vcode_edge(v, b, b + 2, NULL, 0);
        from[i] = begin_block(v);
        end_with_jump(v, from[i]);
        memcpy(args[i], values, sizeof values);
        b = begin_block(v);
        values[i % PARAMS] = define_value(v);
    }
    end_with_jump(v, b);
    uint32_t end = begin_block(v);
    for (uint32_t i = 0; i < PARAMS; i++) {
        params[i] = vcode_vreg(v, VCLASS_INT, 8);
    }
    vcode_params(v, end, params, PARAMS);
    for (uint32_t i = 0; i < PARAMS; i++) {
        use_value(v, params[i]);
    }
    end_with_jump(v, end);
    for (uint32_t i = 0; i < n; i++) {
        vcode_edge(v, from[i], end, args[i], PARAMS);
    }
    vcode_edge(v, b, end, values, PARAMS);
    free(from);
    free(args);
}

/* Loops in loops: each begins, and then each ends. */
static void make_nest(struct vcode *v, uint32_t n)
{
    uint32_t outer[20], b = begin_block(v);
    for (uint32_t i = 0; i < 20; i++) {
        outer[i] = define_value(v);
    }
    end_with_jump(v, b);
    for (uint32_t i = 0; i < n; i++) {
        vcode_edge(v, b, b + 1, NULL, 0);
        b = begin_block(v);
        use_value(v, outer[i % 20]);
        end_with_jump(v, b);
    }
    for (uint32_t i = n; i > 0; i--) { /* header number i is block i */
        vcode_edge(v, b, b + 1, NULL, 0);
        uint32_t test = begin_block(v);
        vcode_instr(v, &(struct vinstr){.op = 3, .flags = VI_TERMINATOR});
        vcode_operand(v, outer[i % 20], VUSE, VAT_ANY, 0);
        vcode_block_end(v, test, false);
        vcode_edge(v, test, test + 1, NULL, 0);
        vcode_edge(v, test, test + 2, NULL, 0);
        uint32_t back = begin_block(v);
        end_with_jump(v, back);
        vcode_edge(v, back, i, NULL, 0);
        b = begin_block(v);
        use_value(v, outer[(i + 7) % 20]);
        end_with_jump(v, b);
    }
}

/* A switch with a block for each target. */
static void make_switch(struct vcode *v, uint32_t n)
{
    uint32_t values[30], b = begin_block(v);
    for (uint32_t i = 0; i < 30; i++) {
        values[i] = define_value(v);
    }
    vcode_instr(v, &(struct vinstr){.op = 3, .flags = VI_TERMINATOR});
    vcode_operand(v, values[0], VUSE, VAT_REG, 0);
    vcode_block_end(v, b, false);
    for (uint32_t i = 0; i < n; i++) {
        vcode_edge(v, b, b + 1 + i, NULL, 0);
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t arm = begin_block(v);
        use_value(v, values[i % 30]);
        end_with_jump(v, arm);
        vcode_edge(v, arm, n + 1, NULL, 0);
    }
    uint32_t end = begin_block(v);
    for (uint32_t i = 0; i < 30; i++) {
        use_value(v, values[i]);
    }
    end_with_jump(v, end);
}

/* Parameters that change places in a loop, in slots most of them. */
static void make_rotation(struct vcode *v, uint32_t n)
{
    uint32_t *args = calloc(n, sizeof *args), *params = calloc(n + 1, sizeof *params);
    uint32_t b = begin_block(v);
    for (uint32_t i = 0; i < n; i++) {
        args[i] = define_value(v);
    }
    end_with_jump(v, b);
    vcode_edge(v, 0, 1, args, n);
    for (uint32_t i = 0; i < n; i++) {
        params[i] = vcode_vreg(v, VCLASS_INT, 8);
    }
    params[n] = params[0];
    uint32_t loop = begin_block(v);
    vcode_params(v, loop, params, n);
    vcode_instr(v, &(struct vinstr){.op = 3, .flags = VI_TERMINATOR});
    vcode_operand(v, params[0], VUSE, VAT_REG, 0);
    vcode_block_end(v, loop, false);
    vcode_edge(v, 1, 2, NULL, 0);
    vcode_edge(v, 1, 3, NULL, 0);
    uint32_t back = begin_block(v);
    end_with_jump(v, back);
    vcode_edge(v, back, 1, params + 1, n);
    uint32_t end = begin_block(v);
    for (uint32_t i = 0; i < n; i++) {
        use_value(v, params[i]);
    }
    end_with_jump(v, end);
    free(args);
    free(params);
}

/* Calls over which many values live. */
static void make_calls(struct vcode *v, uint32_t n)
{
    uint32_t values[64], b = begin_block(v);
    for (uint32_t i = 0; i < 64; i++) {
        values[i] = define_value(v);
    }
    for (uint32_t i = 0; i < n; i++) {
        vcode_instr(v, &(struct vinstr){.op = 6, .flags = VI_CALL, .clobbers = 1});
        vcode_operand(v, values[i % 64], VUSE, VAT_FIXED, 7);
        values[i % 64] = vcode_vreg(v, VCLASS_INT, 8);
        vcode_operand(v, values[i % 64], VDEF, VAT_FIXED, 0);
    }
    end_with_jump(v, b);
}

static const struct {
    const char *name;
    void (*make)(struct vcode *v, uint32_t n);
    uint32_t size;
    bool is_checked; /* the checker is not linear in blocks times slots */
} hostile[] = {
    {"long lives", make_long_lives, 15000, false},
    {"a block", make_long_block, 500000, true},
    {"exits", make_exits, 30000, true},
    {"a nest", make_nest, 5000, true},
    {"a switch", make_switch, 100000, false},
    {"rotation", make_rotation, 20000, true},
    {"calls", make_calls, 30000, true},
};

static uint64_t hostile_work(size_t n, uint32_t size)
{
    struct arena a;
    struct vcode v;
    struct vcomplaint complaint;
    uint64_t work = 0;
    arena_init(&a, LIMIT);
    vcode_init(&v, &a, NULL);
    hostile[n].make(&v, size);
    assert_int_equal(vcode_finish(&v), OK);
    assert_int_equal(vcode_allocate_counted(&v, &mock_x86.registers, NULL, &work), OK);
    if ((hostile[n].is_checked || size < 1000) &&
        !vcode_check(&v, &mock_x86.registers, &complaint)) {
        fail_msg("%s, %u: at %u: %s", hostile[n].name, size, complaint.instr, complaint.text);
    }
    arena_free_all(&a);
    return work;
}

static void test_work_grows_as_the_function(void **state)
{
    (void)state;
    for (size_t n = 0; n < ARRAY_COUNT(hostile); n++) {
        uint64_t small = hostile_work(n, hostile[n].size / 100);
        uint64_t medium = hostile_work(n, hostile[n].size / 10);
        uint64_t large = hostile_work(n, hostile[n].size);
        print_message("%s: %llu, %llu, %llu\n", hostile[n].name, (unsigned long long)small,
                      (unsigned long long)medium, (unsigned long long)large);
        assert_true(medium <= 12 * small + 1000 && large <= 12 * medium);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_functions),
        cmocka_unit_test(test_spoilt_allocations_are_found),
        cmocka_unit_test(test_all_permutations_of_five),
        cmocka_unit_test(test_twenty_moves_of_both_classes),
        cmocka_unit_test(test_work_grows_as_the_function),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
