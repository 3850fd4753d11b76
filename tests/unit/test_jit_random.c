// SPDX-License-Identifier: MIT
//
// Random programs, compiled for this computer and run, and run by the interpreter: the visible
// results are the same, with every register and with four of each class, with all CPU features and
// with the baseline, with passes and without.
//
//     test_jit_random [FIRST COUNT]
#include "kernel/jit/ir/ir_verify.h"
#include "tests/unit/fake/world.h"
#include "tests/unit/jit/ir_random.h"
#include "tests/unit/jit/native_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_LIMIT ((size_t)256 << 20)
#define FUEL        50u

static uint64_t first_seed = 1, seed_count = 600;

/* ---- Helpers, called by compiled code ---- */

static uint64_t helper_pure(void *context, uint32_t a, uint64_t b)
{
    return ir_random_helper(0, context, a, b, NULL);
}

static uint64_t helper_peek(void *context, uint32_t a, uint64_t b)
{
    return ir_random_helper(1, context, a, b, NULL);
}

/* The upper half of an i32 is undefined: fill it. */
static uint64_t helper_poke(void *context, uint32_t a, uint64_t b)
{
    return ir_random_helper(2, context, a, b, NULL) | UINT64_C(0x5a5a5a5a) << 32;
}

static uint64_t helper_fail(void *context, uint32_t a, uint64_t b)
{
    bool traps = false;
    uint64_t v = ir_random_helper(3, context, a, b, &traps);
    if (traps) {
        native_trap(IR_TRAP_UNREACHABLE);
    }
    return v;
}

static uint64_t (*const helpers[IR_RANDOM_HELPERS])(void *, uint32_t, uint64_t) = {
    helper_pure, helper_peek, helper_poke, helper_fail};

/* ---- One program ---- */

/* An operation may produce any NaN. */
static void make_nans_equal(const struct ir_random *p, struct ir_random_outcome *o)
{
    const struct ir_signature *s = &p->module.signatures[0];
    for (uint32_t n = 0; n < s->results; n++) {
        uint64_t *v = &o->results[n].lo;
        unsigned type = p->module.types[s->types + s->params + n];
        if (type == IR_F32 && (*v & 0x7fffffff) > 0x7f800000) {
            *v = 0x7fc00000;
        } else if (type == IR_F64 && (*v & INT64_MAX) > 0x7ff0000000000000) {
            *v = 0x7ff8000000000000;
        }
    }
}

static void put_word(struct ir_random_world *w, unsigned at, uint64_t word)
{
    memcpy(w->context + at, &word, sizeof word);
}

static void run_native(const struct native_module *n, const struct ir_random *p,
                       struct ir_random_world *w, uint8_t *memory, const struct ir_bits *args,
                       struct ir_random_outcome *out)
{
    struct native_outcome native;
    struct ir_random_world before = *w;
    memcpy(memory, w->memory, sizeof w->memory);
    put_word(w, IR_RANDOM_BASE, (uintptr_t)memory);
    for (unsigned h = 0; h < IR_RANDOM_HELPERS; h++) {
        put_word(w, IR_RANDOM_ENTRIES + 8 * h, (uintptr_t)helpers[h]);
    }
    for (unsigned f = 0; f < IR_RANDOM_FUNCTIONS; f++) {
        put_word(w, IR_RANDOM_CODE + 8 * f, n->address[f]);
    }
    memset(out, 0, sizeof *out);
    native_call(n, 0, w->context, args, out->results, &native);
    memcpy(w->memory, memory, sizeof w->memory);
    memcpy(w->context, before.context, IR_RANDOM_GLOBALS);
    out->outcome = native.trapped ? IR_TRAPPED : IR_RETURNED;
    out->trap = native.trapped ? native.trap : IR_TRAP_COUNT;
    out->location = native.location;
    out->hash = ir_random_hash(w);
    (void)p;
}

static void describe(const char *who, const struct ir_random_outcome *o)
{
    fprintf(stderr, "%s: outcome %u trap %u at %u hash %llx results", who, o->outcome, o->trap,
            o->location, (unsigned long long)o->hash);
    for (unsigned n = 0; n < IR_RANDOM_RESULTS_MAX; n++) {
        fprintf(stderr, " %llx", (unsigned long long)o->results[n].lo);
    }
    fprintf(stderr, "\n");
}

static void compare(struct arena *a, const struct ir_random *p, uint64_t seed, uint8_t *memory,
                    const struct jit_options *options, struct ir_random_world *w)
{
    struct native_module n;
    struct jit_error err;
    struct ir_bits args[IR_RANDOM_PARAMS_MAX];
    struct ir_random_outcome expected, got;
    const struct jit_machine *m = native_machine();
    enum status s = native_load(m, a, &p->module, p->functions, options, &n, &err);
    if (s != OK) {
        fail_msg("seed %llu: %s: %s", (unsigned long long)seed, status_text(s), err.text);
    }
    for (uint64_t round = 0; round < 3; round++) {
        ir_random_args(p, seed + round, args);
        ir_random_fill(w, seed + round, FUEL);
        ir_random_run(p, w, args, &expected);
        ir_random_fill(w, seed + round, FUEL);
        if (expected.outcome != IR_STOPPED) {
            run_native(&n, p, w, memory, args, &got);
            make_nans_equal(p, &expected);
            make_nans_equal(p, &got);
            if (!ir_random_same(p, &expected, &got)) {
                describe("interpreter", &expected);
                describe("compiled", &got);
                fail_msg("seed %llu round %llu features %llx limits %x", (unsigned long long)seed,
                         (unsigned long long)round, (unsigned long long)options->features,
                         options->limits.allowed[0]);
            }
        }
    }
    native_unload(&n);
}

/* A limited register file: the first four of each class. */
static struct vlimits four_registers(void)
{
    const struct vregisters *r = &native_machine()->registers;
    struct vlimits l = {{0, 0}};
    for (unsigned c = 0; c < VCLASS_COUNT; c++) {
        for (unsigned n = 0; n < 4; n++) {
            l.allowed[c] |= 1u << r->order[c][n];
        }
    }
    return l;
}

static void test_random_programs_compiled_and_interpreted(void **state)
{
    (void)state;
    struct ir_random_world *w = calloc(1, sizeof *w);
    uint8_t *memory = native_memory_new(IR_RANDOM_MEMORY_BYTES);
    for (uint64_t seed = first_seed; seed < first_seed + seed_count; seed++) {
        struct ir_random p;
        unsigned flags = (unsigned)(seed * 7 % (IR_RANDOM_ALL + 1)) &
                         ~(unsigned)(IR_RANDOM_FLOAT_BITS | IR_RANDOM_IRREDUCIBLE);
        for (unsigned variant = 0; variant < 3; variant++) {
            struct jit_options options = {
                .checks = &jit_checks, .features = native_features(), .show = native_show()};
            struct arena a;
            arena_init(&a, ARENA_LIMIT);
            options.quick = seed % 2 == 0;
            if (variant == 1) {
                options.features = JIT_X86_LANDING_PADS | JIT_X86_VECTORS_IN_C; /* nothing else */
            } else if (variant == 2) {
                options.limits = four_registers();
            }
            assert_true(ir_random_make(&a, seed, flags, 30 + (unsigned)(seed % 300), &p));
            compare(&a, &p, seed, memory, &options, w);
            arena_free_all(&a);
        }
    }
    native_memory_free(memory);
    free(w);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_programs_compiled_and_interpreted),
    };
    if (native_machine() == NULL) {
        return 0;
    }
    if (argc == 3) {
        first_seed = strtoull(argv[1], NULL, 0);
        seed_count = strtoull(argv[2], NULL, 0);
    }
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
