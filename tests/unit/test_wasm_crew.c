// SPDX-License-Identifier: MIT
//
// Compiling and verifying all functions on several threads. The second thread is a call from inside
// an allocation of the first one, so it runs in the middle of a part, and the order is the same in
// each run.
#include "kernel/jit/crew.h"
#include "tests/unit/fake/world.h"
#include "tests/unit/jit/wasm_body.h"
#include "tools/halyard-wasm/compiled.h"

#define FUNCTIONS 40u
#define PATTERNS  110u /* in each function; together more than two parts */

/* The first thread is charged for 32 blocks before it finds the earliest invalid function, and a
 * thread that compiles a part for more than 100. So a second one that begins before the first one's
 * block number 32 has a part to compile in each of the tests. */
#define STARTS      32u
#define PART_BLOCKS 100u

/* ---- The crew ---- */

/** The budget of a thread: it counts, and may refuse. */
struct purse {
    struct budget budget;
    size_t bytes;
    unsigned blocks; /* that were charged, in all */
    bool refuses;
};

static struct {
    void (*fn)(void *arg, struct budget *budget);
    void *arg;
    struct purse own, other;
    unsigned calls_left; /* of charge(), until the other thread runs; 0: it does not */
    unsigned runs;
} team;

static bool charge(struct budget *b, size_t bytes)
{
    struct purse *p = (struct purse *)b;
    if (p == &team.own && team.fn != NULL && team.calls_left > 0 && --team.calls_left == 0) {
        team.fn(team.arg, &team.other.budget);
    }
    p->bytes += p->refuses ? 0 : bytes;
    p->blocks += p->refuses ? 0 : 1;
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
    team.calls_left = team.runs++ == 0 ? team.calls_left : 1;
    fn(arg, own);
    team.fn = NULL;
    return true;
}

static struct jit_crew crew = {.count = 2, .run = run_crew};

static void prepare(unsigned calls)
{
    const struct budget empty = {.charge = charge, .uncharge = uncharge, .set_open = set_open};
    memset(&team, 0, sizeof team);
    team.own.budget = team.other.budget = empty;
    team.calls_left = calls;
}

/* ---- The module ---- */

/** What the functions with these numbers are instead of valid ones that only compute. */
struct form {
    uint32_t invalid, invalid_too, moves;
};
#define NO_FORM                                                                                    \
    {                                                                                              \
        UINT32_MAX, UINT32_MAX, UINT32_MAX                                                         \
    }

/* (func (param i32) (result i32)): it calls the function after the next one. */
static void put_body(struct bytes *b, const struct form *form, uint32_t n)
{
    size_t size = begin_size(b);
    PUT(b, 0);
    REPEAT(b, PATTERNS, 0x20, 0, 0x41, 3, 0x6c, 0x41, 5, 0x6a, 0x21, 0);
    PUT(b, 0x20, 0, 0x10);
    put_u32(b, (n + 2) % FUNCTIONS);
    if (n == form->moves) {
        PUT(b, 0x20, 0, 0x13, 0, 0); /* return_call_indirect */
    }
    if (n == form->invalid || n == form->invalid_too) {
        PUT(b, 0x42, 0, 0x6a); /* i64.const 0, i32.add */
    }
    PUT(b, 0x0b);
    end_size(b, size);
}

static struct bytes make_module(const struct form *form)
{
    struct bytes b = {0};
    put_header(&b);
    PUT_SECTION(&b, 1, 1, 0x60, 1, 0x7f, 1, 0x7f);
    size_t section = begin_section(&b, 3);
    put_u32(&b, FUNCTIONS);
    REPEAT(&b, FUNCTIONS, 0);
    end_size(&b, section);
    PUT_SECTION(&b, 4, 1, 0x70, 0, 4);
    section = begin_section(&b, 10);
    put_u32(&b, FUNCTIONS);
    for (uint32_t n = 0; n < FUNCTIONS; n++) {
        put_body(&b, form, n);
    }
    end_size(&b, section);
    return b;
}

/* ---- The result ---- */

/** A compiled module, or why there is none. */
struct outcome {
    enum status status;
    struct wasm_error err;
    struct wasm_store *store;
    struct wasm_code *code;
};

static struct outcome compile(const struct bytes *b, struct jit_crew *with)
{
    static const struct wasm_bounds bounds = {.arena_bytes = 16 << 20, .table_elements = 100};
    struct wasm_compiled_options options = compiled_options;
    const struct wasm_quota quota = {
        .pages = 1, .elements = 10, .budget = with == NULL ? NULL : &team.own.budget};
    struct outcome o = {.err = {.text = ""}};
    struct wasm_module *m;
    options.crew = with;
    assert_int_equal(wasm_store_open(&wasm_compiled, &options, &quota, &o.store), OK);
    assert_int_equal(wasm_module_decode(b->at, b->count, &bounds, &m, &o.err), OK);
    o.status = wasm_load(o.store, m, &o.code, &o.err);
    return o;
}

static void end(const struct outcome *o)
{
    if (o->status == OK) {
        wasm_release(o->store, o->code);
    }
    wasm_store_close(o->store);
}

static void check_same(const struct outcome *a, const struct outcome *b)
{
    const struct code_piece *p = wasm_compiled_piece(a->code), *q = wasm_compiled_piece(b->code);
    assert_int_equal(p->function_count, q->function_count);
    assert_int_equal(p->row_count, q->row_count);
    assert_memory_equal(p->functions, q->functions, p->function_count * sizeof *p->functions);
    assert_memory_equal(p->rows, q->rows, p->row_count * sizeof *p->rows);
    const struct code_function *last = &p->functions[p->function_count - 1];
    assert_memory_equal(p->block.bytes, q->block.bytes, last->start + last->size);
}

static void check_given_back(void)
{
    assert_int_equal(team.own.bytes, 0);
    assert_int_equal(team.other.bytes, 0);
    assert_null(team.own.budget.blocks);
    assert_null(team.other.budget.blocks);
}

/* The code, or the error, is the same on one thread and on two, wherever the second one begins.
 * Code that is complete is verified in a run of its own. */
static void check(const struct form *form, enum status status, unsigned runs)
{
    struct bytes b = make_module(form);
    struct outcome alone = compile(&b, NULL);
    assert_int_equal(alone.status, status);
    for (unsigned calls = 1; calls < STARTS; calls += 8) {
        prepare(calls);
        struct outcome together = compile(&b, &crew);
        assert_int_equal(together.status, status);
        assert_int_equal(team.runs, runs);
        assert_true(team.other.blocks >= PART_BLOCKS);
        if (status == OK) {
            check_same(&alone, &together);
        } else {
            assert_string_equal(together.err.text, alone.err.text);
        }
        end(&together);
        check_given_back();
    }
    end(&alone);
    free_bytes(&b);
}

static void test_code_is_the_same_on_several_threads(void **state)
{
    (void)state;
    static const struct form form = NO_FORM;
    check(&form, OK, 2);
}

/* It is found in a part that is compiled late, when others did not expect it. */
static void test_a_call_with_another_context_compiles_all_again(void **state)
{
    (void)state;
    struct form form = NO_FORM;
    form.moves = FUNCTIONS - 2;
    check(&form, OK, 3);
}

static void test_the_first_error_counts(void **state)
{
    (void)state;
    struct form form = NO_FORM;
    form.invalid = FUNCTIONS - 1;
    check(&form, E_CORRUPT, 1);
    form.invalid_too = 3;
    check(&form, E_CORRUPT, 1);
    form.invalid = 9;
    check(&form, E_CORRUPT, 1);
}

/* Several threads need more memory than one: if there is too little, one compiles all. */
static void test_one_thread_compiles_all_if_memory_is_short(void **state)
{
    (void)state;
    static const struct form form = NO_FORM;
    struct bytes b = make_module(&form);
    struct outcome alone = compile(&b, NULL);
    prepare(30);
    team.other.refuses = true;
    struct outcome together = compile(&b, &crew);
    assert_int_equal(together.status, OK);
    assert_int_equal(team.runs, 2);
    assert_int_equal(team.calls_left, 0); /* the other thread began, and was refused memory */
    check_same(&alone, &together);
    end(&together);
    check_given_back();
    end(&alone);
    free_bytes(&b);
}

static int set_up(void **state)
{
    compiled_begin(0);
    return world_boot(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_is_the_same_on_several_threads),
        cmocka_unit_test(test_a_call_with_another_context_compiles_all_again),
        cmocka_unit_test(test_the_first_error_counts),
        cmocka_unit_test(test_one_thread_compiles_all_if_memory_is_short),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
