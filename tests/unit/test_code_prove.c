// SPDX-License-Identifier: MIT
//
// Verifying a piece on several threads. The second thread is a call from inside an allocation of
// the first one, so it runs in the middle of a function, and the order is the same in each run.
#include "kernel/jit/backend.h"
#include "kernel/jit/code/code_prove.h"
#include "kernel/jit/crew.h"
#include "tests/unit/jit/verify_by_hand.h"

#include <stdatomic.h>

#define FUNCTIONS 1200u /* of 16 bytes: more than the least that is divided */
#define HALF      (FUNCTIONS / 2)

/* ---- The crew ---- */

/** The budget of a thread: it counts, and may refuse. */
struct purse {
    struct budget budget;
    size_t bytes;
    bool refuses, was_charged;
};

static struct {
    void (*fn)(void *arg, struct budget *budget);
    void *arg;
    struct purse own, other;
    unsigned runs;
    bool is_ended; /* another thread was ended before it had done its part */
} team;

static bool charge(struct budget *b, size_t bytes)
{
    struct purse *p = (struct purse *)b;
    if (p == &team.own && team.fn != NULL) {
        void (*fn)(void *arg, struct budget *budget) = team.fn;
        team.fn = NULL;
        fn(team.arg, &team.other.budget);
    }
    p->was_charged = true;
    p->bytes += p->refuses ? 0 : bytes;
    return !p->refuses;
}

static void uncharge(struct budget *b, size_t bytes)
{
    ((struct purse *)b)->bytes -= bytes;
}

static void set_open(struct budget *b, bool open)
{
    (void)b, (void)open;
}

static bool run_crew(struct jit_crew *crew, void (*fn)(void *arg, struct budget *budget), void *arg,
                     struct budget *own)
{
    assert_int_equal(crew->count, 2);
    assert_ptr_equal(own, &team.own.budget);
    team.fn = fn;
    team.arg = arg;
    team.runs++;
    fn(arg, own);
    team.fn = NULL;
    return !team.is_ended;
}

static struct jit_crew crew = {.count = 2, .run = run_crew};

/* ---- The piece: functions that return, and some that make a system call ---- */

static _Alignas(16) uint8_t bytes[16 * FUNCTIONS];
static struct code_function functions[FUNCTIONS];
static uint32_t own_signatures[FUNCTIONS];
static const struct jit_machine machine = {.verify = &verify_x86_64};
static _Atomic uint32_t stop;

static void make(uint32_t n, bool is_wrong)
{
    static const uint8_t right[] = {0x90, 0x90, 0xc3}, wrong[] = {0x0f, 0x05, 0xc3};
    memcpy(bytes + 16 * (size_t)n, is_wrong ? wrong : right, sizeof right);
    functions[n] = (struct code_function){.start = 16 * n, .size = sizeof right, .number = n};
}

/* @return what code_prove() returned. */
static uint32_t prove(uint32_t size, struct jit_crew *with)
{
    const struct budget empty = {.charge = charge, .uncharge = uncharge, .set_open = set_open};
    const struct verify_shape shape = shape_of(own_signatures);
    const struct code_map map = {.machine = &machine, .stop = &stop};
    const struct code_piece piece = {.block = {.bytes = bytes, .address = 0x10000, .size = size},
                                     .functions = functions,
                                     .function_count = size / 16};
    struct arena arena;
    team.own.budget = team.other.budget = empty;
    team.own.was_charged = team.other.was_charged = false;
    team.runs = 0;
    arena_init_paid(&arena, 1 << 20, &team.own.budget);
    const struct code_builder b = {
        .budget = &team.own.budget, .shape = &shape, .arena = &arena, .crew = with, .size = size};
    uint32_t proved = code_prove(&b, &map, &piece);
    arena_free_all(&arena);
    assert_int_equal(team.own.bytes, 0);
    assert_int_equal(team.other.bytes, 0);
    return proved;
}

static int prepare(void **state)
{
    (void)state;
    memset(&team, 0, sizeof team);
    stop = 0;
    for (uint32_t n = 0; n < FUNCTIONS; n++) {
        make(n, false);
    }
    return 0;
}

static void test_both_threads_prove_all(void **state)
{
    (void)state;
    assert_int_equal(prove(sizeof bytes, &crew), FUNCTIONS);
    assert_int_equal(team.runs, 1);
    assert_true(team.own.was_charged);
    assert_true(team.other.was_charged);
}

/* The first thread is in the middle of function 0 when the second one verifies all others. */
static void test_the_first_wrong_function_counts(void **state)
{
    (void)state;
    make(HALF, true);
    make(FUNCTIONS - 1, true);
    assert_int_equal(prove(sizeof bytes, &crew), HALF);
    make(1, true);
    assert_int_equal(prove(sizeof bytes, &crew), 1);
    make(0, true);
    assert_int_equal(prove(sizeof bytes, &crew), 0);
}

static void test_nothing_is_proved_without_memory(void **state)
{
    (void)state;
    team.other.refuses = true;
    assert_int_equal(prove(sizeof bytes, &crew), 1);
    assert_true(team.other.was_charged);
}

static void test_nothing_is_proved_for_a_program_that_ends(void **state)
{
    (void)state;
    stop = 1;
    assert_int_equal(prove(sizeof bytes, &crew), 0);
    assert_int_equal(team.runs, 1);
}

/* What the other thread took was not verified, and nobody knows what that was. */
static void test_nothing_is_proved_if_a_thread_was_ended(void **state)
{
    (void)state;
    team.is_ended = true;
    assert_int_equal(prove(sizeof bytes, &crew), 0);
    assert_int_equal(team.runs, 1);
}

static void test_one_thread_verifies_small_pieces(void **state)
{
    (void)state;
    assert_int_equal(prove(1024, &crew), 0);
    assert_int_equal(prove(sizeof bytes, NULL), 0);
    crew.count = 1;
    assert_int_equal(prove(sizeof bytes, &crew), 0);
    crew.count = 2;
    assert_int_equal(team.runs, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_both_threads_prove_all, prepare),
        cmocka_unit_test_setup(test_the_first_wrong_function_counts, prepare),
        cmocka_unit_test_setup(test_nothing_is_proved_without_memory, prepare),
        cmocka_unit_test_setup(test_nothing_is_proved_for_a_program_that_ends, prepare),
        cmocka_unit_test_setup(test_nothing_is_proved_if_a_thread_was_ended, prepare),
        cmocka_unit_test_setup(test_one_thread_verifies_small_pieces, prepare),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
