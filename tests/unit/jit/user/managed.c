// SPDX-License-Identifier: MIT
//
// A collector that moves every object at every safe point (tests/unit/jit/toy_gc.h).
#include "tests/unit/jit/example_frontend.h"
#include "tests/unit/jit/toy_gc.h"
#include "tests/unit/jit/user/user_tests.h"

#include <stdio.h>

static void unwind(const void *frame)
{
    run_unwind(frame);
}

static bool run_case(const struct toy_case *c, unsigned registers, bool quick)
{
    static const struct toy_bed bed = {run_refs, unwind};
    struct arena a;
    struct ir_text ir;
    struct run_module m;
    struct run_outcome out;
    struct jit_options options = user_options(registers);
    const struct ir_bits arg = {.lo = c->arg};
    options.quick = quick;
    arena_init(&a, USER_ARENA_LIMIT);
    user_parse(&a, c->text, &ir);
    const char *wrong = "it is not compiled";
    if (run_load(&m, &ir.module, ir.functions, ir.module.callee_count, &options, &a) == OK) {
        run_call(&m, 0, toy_start(&bed, c), &arg, &out);
        wrong = toy_judge(out.results[0].lo, out.traps && out.location == 77 ? out.trap : -1);
    }
    if (wrong != NULL) {
        printf("# %s, %u registers%s: %s\n", c->name, registers, quick ? ", quick" : "", wrong);
    }
    run_unload(&m);
    arena_free_all(&a);
    return wrong == NULL;
}

static bool test_objects_that_move(void)
{
    bool ok = true;
    for (const struct toy_case *c = toy_cases; c->name != NULL; c++) {
        for (unsigned n = 0; n < 4; n++) {
            ok = run_case(c, n % 2 == 0 ? 0 : 4, n / 2 == 1) && ok;
        }
    }
    return ok;
}

/* The example of docs/jit.md: lists in a language that the test translates. */
static bool test_example_frontend(void)
{
    static const struct toy_bed bed = {run_refs, unwind};
    static const struct toy_case c = {"an example",
                                      "_ n n [ : @ % , % 1 - ] 0 * n [ % : . @ + % ' % ] % ;",
                                      10,
                                      55,
                                      -1,
                                      30,
                                      0,
                                      false,
                                      0};
    const struct jit_options options = user_options(0);
    const struct ir_bits arg = {.lo = c.arg};
    struct arena a;
    struct run_module m;
    struct run_outcome out;
    const char *wrong = NULL;
    arena_init(&a, USER_ARENA_LIMIT);
    struct ir_function *functions[] = {example_translate(&a, c.text, &wrong), NULL, NULL};
    if (wrong == NULL && run_load(&m, &example_module, functions, 3, &options, &a) == OK) {
        run_call(&m, EXAMPLE_MAIN, toy_start(&bed, &c), &arg, &out);
        wrong = toy_judge(out.results[0].lo, out.traps ? out.trap : -1);
        run_unload(&m);
    }
    if (wrong != NULL) {
        printf("# %s\n", wrong);
    }
    arena_free_all(&a);
    return wrong == NULL;
}

const struct user_test user_test_managed[] = {
    {"objects that move at every safe point", test_objects_that_move},
    {"the example of a front-end", test_example_frontend},
    {NULL, NULL},
};
