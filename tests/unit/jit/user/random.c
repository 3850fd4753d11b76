// SPDX-License-Identifier: MIT
//
// Random programs, compiled, behave as in the interpreter: results, traps and their locations, and
// the contents of memory afterwards.
#include "tests/unit/jit/ir_random.h"
#include "tests/unit/jit/user/user_tests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUEL 50

static struct ir_random_world *world;
static uint8_t *memory; /* the program's memory, at the address that its code uses */

/* ---- Helpers, as compiled code calls them ---- */

static uint64_t help(unsigned which, uint8_t *context, uint64_t a, uint64_t b, const void *back)
{
    bool traps = false;
    uint64_t v = ir_random_helper(which, context, a, b, &traps);
    if (traps) {
        run_trap(IR_TRAP_UNREACHABLE, back);
    }
    /* Garbage in the upper half, as C may leave it for a 32-bit result. */
    return which < 2 ? v : v | 0xdead000000000000;
}

#define HELPER(n)                                                                                  \
    static uint64_t helper##n(uint8_t *context, uint64_t a, uint64_t b)                            \
    {                                                                                              \
        return help(n, context, a, b, __builtin_return_address(0));                                \
    }
HELPER(0)
HELPER(1)
HELPER(2)
HELPER(3)

/* ---- Running ---- */

static void put_word(unsigned at, uint64_t word)
{
    memcpy(world->context + at, &word, sizeof word);
}

static void fill(uint64_t seed)
{
    ir_random_fill(world, seed, FUEL);
}

/* Copy the contents to a memory where accesses outside fault. */
static void move_in(const struct run_module *m)
{
    static uint64_t (*const helpers[])(uint8_t *, uint64_t, uint64_t) = {helper0, helper1, helper2,
                                                                         helper3};
    memcpy(memory, world->memory, sizeof world->memory);
    put_word(IR_RANDOM_BASE, (uintptr_t)memory);
    for (unsigned n = 0; n < IR_RANDOM_HELPERS; n++) {
        put_word(IR_RANDOM_ENTRIES + 8 * n, (uintptr_t)helpers[n]);
    }
    for (unsigned n = 0; n < IR_RANDOM_FUNCTIONS; n++) {
        put_word(IR_RANDOM_CODE + 8 * n, (uintptr_t)m->at[n]);
    }
}

static void run_compiled(struct run_module *m, const struct ir_bits *args,
                         struct ir_random_outcome *out)
{
    struct run_outcome got;
    move_in(m);
    run_call(m, 0, world->context, args, &got);
    memcpy(world->memory, memory, sizeof world->memory);
    *out = (struct ir_random_outcome){.outcome = got.traps ? IR_TRAPPED : IR_RETURNED,
                                      .trap = got.traps ? (enum ir_trap)got.trap : IR_TRAP_COUNT,
                                      .location = got.location,
                                      .hash = ir_random_hash(world)};
    memcpy(out->results, got.results, sizeof out->results);
}

/* The machine decides which NaN an operation produces. */
static void forget_nans(const struct ir_random *p, struct ir_random_outcome *o)
{
    const struct ir_signature *s = &p->module.signatures[0];
    for (uint32_t n = 0; n < s->results; n++) {
        unsigned type = p->module.types[s->types + s->params + n];
        const struct ir_bits nan = {type == IR_F32 ? 0x7fc00000 : 0x7ff8000000000000, 0};
        if (ir_is_float(type) && user_same(type, nan, o->results[n], true)) {
            o->results[n] = nan;
        }
    }
}

static void complain(uint64_t seed, unsigned flags, const struct ir_random_outcome *want,
                     const struct ir_random_outcome *got)
{
    printf("# seed %llu, flags %#x: outcome %d trap %d at %u hash %llx, not %d %d at %u %llx\n",
           (unsigned long long)seed, flags, (int)got->outcome, (int)got->trap, got->location,
           (unsigned long long)got->hash, (int)want->outcome, (int)want->trap, want->location,
           (unsigned long long)want->hash);
    for (unsigned n = 0; n < IR_RANDOM_RESULTS_MAX; n++) {
        printf("#   %llx, not %llx\n", (unsigned long long)got->results[n].lo,
               (unsigned long long)want->results[n].lo);
    }
}

enum verdict { SAME, DIFFERENT, REFUSED };

static enum verdict run_seed(uint64_t seed, unsigned flags, unsigned size,
                             const struct jit_options *options)
{
    struct arena a;
    struct ir_random p;
    struct run_module m = {.bytes = NULL};
    struct ir_random_outcome want, got;
    struct ir_bits args[IR_RANDOM_PARAMS_MAX];
    enum verdict verdict = REFUSED;
    arena_init(&a, USER_ARENA_LIMIT);
    enum status s = E_NOMEM;
    if (ir_random_make(&a, seed, flags, size, &p)) {
        s = run_load(&m, &p.module, p.functions, IR_RANDOM_FUNCTIONS, options, &a);
    }
    if (s != OK && s != E_NOTSUP) { /* loops with several entries are refused */
        printf("# seed %llu, flags %#x: %s\n", (unsigned long long)seed, flags, status_text(s));
        verdict = DIFFERENT;
    }
    if (s == OK) {
        ir_random_args(&p, seed, args);
        fill(seed);
        ir_random_run(&p, world, args, &want);
        fill(seed);
        run_compiled(&m, args, &got);
        forget_nans(&p, &want);
        forget_nans(&p, &got);
        verdict = ir_random_same(&p, &want, &got) ? SAME : DIFFERENT;
        if (verdict == DIFFERENT) {
            complain(seed, flags, &want, &got);
        }
    }
    run_unload(&m);
    arena_free_all(&a);
    return verdict;
}

static bool run_seeds(uint64_t first, uint64_t count, unsigned size, unsigned registers)
{
    const struct jit_options options = user_options(registers);
    unsigned different = 0, refused = 0;
    const char *from = getenv("RANDOM_FIRST"), *many = getenv("RANDOM_COUNT");
    first = from != NULL ? strtoull(from, NULL, 0) : first;
    count = many != NULL ? strtoull(many, NULL, 0) : count;
    world = calloc(1, sizeof *world);
    memory = memory != NULL ? memory : run_memory(IR_RANDOM_MEMORY_BYTES);
    for (uint64_t seed = first; seed < first + count && different < 10; seed++) {
        /* The bits of NaNs from arithmetic differ between machines, so no program may use them. */
        unsigned flags = (unsigned)(seed % (IR_RANDOM_ALL + 1)) & ~(unsigned)IR_RANDOM_FLOAT_BITS;
        enum verdict verdict = run_seed(seed, flags, size + (unsigned)(seed % size), &options);
        different += verdict == DIFFERENT;
        refused += verdict == REFUSED;
    }
    free(world);
    printf("# %llu programs, %u refused, %u wrong\n", (unsigned long long)count, refused,
           different);
    return different == 0 && refused < count;
}

static bool test_random(void)
{
    return run_seeds(0, 2000, 120, 0);
}

static bool test_random_with_few_registers(void)
{
    return run_seeds(100000, 1000, 80, 4);
}

static bool test_large(void)
{
    return run_seeds(200000, 30, 3000, 0);
}

const struct user_test user_test_random[] = {
    {"random programs", test_random},
    {"random programs with four registers of each class", test_random_with_few_registers},
    {"large random programs", test_large},
    {NULL, NULL},
};
