// SPDX-License-Identifier: MIT
//
// Passes over random programs: in the interpreter the program has the same results before and
// after. With arguments, a campaign: `test_opt_random FIRST COUNT [SIZE]`.
#include "kernel/jit/ir/ir_text.h"
#include "kernel/jit/ir/ir_verify.h"
#include "kernel/jit/opt/opt.h"
#include "tests/unit/fake/world.h"
#include "tests/unit/jit/ir_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_LIMIT ((size_t)256 << 20)

typedef enum status (*pass_fn)(const struct ir_function *in, struct arena *a,
                               struct ir_function **out);

static enum status run_all(const struct ir_function *in, struct arena *a, struct ir_function **out)
{
    struct ir_complaint complaint = {""};
    struct opt_options o = {.verify = ir_verify, .complaint = &complaint};
    enum status s = opt_run(in, &o, a, out);
    if (s == E_CORRUPT) {
        print_error("%s\n", complaint.text);
    }
    return s;
}

/* A copy through ir_build(), block by block: applies only the rules. */
static enum status run_rules(const struct ir_function *in, struct arena *a,
                             struct ir_function **out);

static const struct {
    const char *name;
    pass_fn run;
} passes[] = {
    {"rules", run_rules},
    {"gvn", opt_gvn},
    {"motion", opt_motion},
    {"all", run_all},
};

static void to_stdout(void *ctx, const char *s, size_t len)
{
    (void)ctx;
    (void)fwrite(s, 1, len, stderr);
}

/* ---- The rules without passes ---- */

struct rename {
    const uint32_t *values;
};

static void rename_operand(void *ctx, uint32_t *value)
{
    *value = ((const struct rename *)ctx)->values[*value];
}

/* Blocks and edges keep their numbers; instructions are in the order of the blocks. */
static enum status run_rules(const struct ir_function *in, struct arena *a,
                             struct ir_function **out)
{
    struct ir_function *f = ir_function_new(a, in->module, in->callee);
    struct rename r = {NULL};
    uint32_t *values = calloc(in->instr_count, sizeof *values);
    r.values = values;
    for (uint32_t n = 0; n < in->slot_count; n++) {
        (void)ir_slot(f, in->slots[n].size, in->slots[n].align);
    }
    for (uint32_t n = 0; n < in->memref_count; n++) {
        (void)ir_memref(f, &in->memrefs[n]);
    }
    (void)ir_pool(f, in->pool, in->pool_count);
    for (uint32_t b = 0; b < in->block_count; b++) {
        (void)ir_block_new(f);
    }
    for (uint32_t b = 0; b < in->block_count; b++) {
        ir_block_start(f, b);
        for (uint32_t v = in->blocks[b].first; v < in->blocks[b].first + in->blocks[b].count; v++) {
            struct ir_instr i = in->instrs[v];
            f->location = in->locations[v];
            ir_for_each_operand(f, &i, rename_operand, &r);
            values[v] =
                i.op == IR_PARAM ? ir_param(f, i.type) : ir_build(f, i.op, i.type, i.a, i.b, i.c);
        }
    }
    for (uint32_t n = 0; n < in->edge_count; n++) {
        const struct ir_edge *e = &in->edges[n];
        uint32_t copied = ir_edge(f, e->to, in->pool + e->args, e->count);
        for (uint32_t arg = 0; arg < e->count; arg++) {
            rename_operand(&r, &f->pool[f->edges[copied].args + arg]);
        }
    }
    free(values);
    *out = f;
    return f->error;
}

/* ---- Before and after ---- */

static bool verify(struct arena *a, const struct ir_function *f, const char *what, uint64_t seed)
{
    struct ir_complaint complaint;
    if (ir_verify(a, f, &complaint) == OK) {
        return true;
    }
    print_error("seed %llu, f%u, %s: %s\n", (unsigned long long)seed, f->callee, what,
                complaint.text);
    ir_print_function(f, to_stdout, NULL);
    return false;
}

static void show_difference(const struct ir_random *p, const struct ir_random_outcome *x,
                            const struct ir_random_outcome *y)
{
    print_error("outcome %d %d, trap %d %d at %u %u, hash %llx %llx\n", (int)x->outcome,
                (int)y->outcome, (int)x->trap, (int)y->trap, x->location, y->location,
                (unsigned long long)x->hash, (unsigned long long)y->hash);
    for (uint32_t n = 0; n < p->module.signatures[0].results; n++) {
        print_error("result %u: %llx %llx\n", n, (unsigned long long)x->results[n].lo,
                    (unsigned long long)y->results[n].lo);
    }
}

static bool is_quiet; /* a difference is expected */

/* Run both with several arguments. */
static bool compare(const struct ir_random *before, const struct ir_random *after, uint64_t seed,
                    const char *pass)
{
    static struct ir_random_world w;
    for (uint64_t round = 0; round < 6; round++) {
        struct ir_random_outcome x, y;
        struct ir_bits args[IR_RANDOM_PARAMS_MAX];
        ir_random_args(before, seed * 6 + round, args);
        ir_random_fill(&w, seed + round, 40);
        ir_random_run(before, &w, args, &x);
        ir_random_fill(&w, seed + round, 40);
        ir_random_run(after, &w, args, &y);
        if (!ir_random_same(before, &x, &y)) {
            if (is_quiet) {
                return false;
            }
            print_error("seed %llu, %s differs in round %u\n", (unsigned long long)seed, pass,
                        (unsigned)round);
            show_difference(before, &x, &y);
            return false;
        }
    }
    return true;
}

static bool check_pass(struct arena *a, const struct ir_random *before, uint64_t seed,
                       const char *name, pass_fn run)
{
    struct ir_random after = *before;
    for (unsigned n = 0; n < IR_RANDOM_FUNCTIONS; n++) {
        if (run(before->functions[n], a, &after.functions[n]) != OK ||
            !verify(a, after.functions[n], name, seed)) {
            return false;
        }
    }
    return compare(before, &after, seed, name);
}

static bool check_seed(uint64_t seed, unsigned size)
{
    struct arena a;
    struct ir_random p;
    bool fine = true;
    unsigned flags = seed % 3 == 0 ? (unsigned)(seed / 3 % (IR_RANDOM_ALL + 1)) : IR_RANDOM_ALL;
    arena_init(&a, ARENA_LIMIT);
    assert_true(ir_random_make(&a, seed, flags, size, &p));
    for (size_t n = 0; n < sizeof(passes) / sizeof(passes[0]) && fine; n++) {
        fine = check_pass(&a, &p, seed, passes[n].name, passes[n].run);
    }
    arena_free_all(&a);
    return fine;
}

static void test_passes_keep_visible_results(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 700; seed++) {
        assert_true(check_seed(seed, 20 + (unsigned)(seed * 7 % 300)));
    }
}

/* ---- A wrong pass is noticed ---- */

/* A pass that replaces one operation by another. */
static enum status run_wrong_shift(const struct ir_function *in, struct arena *a,
                                   struct ir_function **out)
{
    enum status s = opt_gvn(in, a, out);
    for (uint32_t v = 0; s == OK && v < (*out)->instr_count; v++) {
        struct ir_instr *i = &(*out)->instrs[v];
        i->op = i->op == IR_SHR_S ? IR_SHR_U : i->op;
    }
    return s;
}

/* A pass that treats memory as two alias classes, chosen by the place's number. */
static enum status run_wrong_alias(const struct ir_function *in, struct arena *a,
                                   struct ir_function **out)
{
    struct ir_function *f = arena_alloc(a, sizeof *f);
    *f = *in;
    f->memrefs = arena_alloc(a, (in->memref_count + 1) * sizeof *f->memrefs);
    memcpy(f->memrefs, in->memrefs, in->memref_count * sizeof *f->memrefs);
    for (uint32_t n = 0; n < in->memref_count; n++) {
        f->memrefs[n].alias_class = (uint8_t)(200 + n % 2);
    }
    return opt_gvn(f, a, out);
}

static unsigned count_noticed(pass_fn wrong)
{
    unsigned noticed = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct arena a;
        struct ir_random p;
        arena_init(&a, ARENA_LIMIT);
        assert_true(ir_random_make(&a, seed, IR_RANDOM_ALL, 200, &p));
        is_quiet = true;
        noticed += !check_pass(&a, &p, seed, "wrong", wrong);
        is_quiet = false;
        arena_free_all(&a);
    }
    return noticed;
}

static void test_wrong_passes_are_noticed(void **state)
{
    (void)state;
    assert_true(count_noticed(run_wrong_shift) > 10);
    assert_true(count_noticed(run_wrong_alias) > 2);
}

/* With any memory limit: a function or E_NOMEM. */
static void test_no_memory_is_an_error(void **state)
{
    (void)state;
    struct arena a;
    struct ir_random p;
    unsigned failures = 0;
    arena_init(&a, ARENA_LIMIT);
    assert_true(ir_random_make(&a, 12, IR_RANDOM_ALL, 400, &p));
    for (size_t limit = 0; limit < (size_t)1 << 20; limit += 1 + limit / 16) {
        for (size_t n = 0; n < sizeof(passes) / sizeof(passes[0]); n++) {
            struct arena small;
            struct ir_function *out = NULL;
            arena_init(&small, limit);
            if (passes[n].run == run_rules) {
                continue;
            }
            enum status s = passes[n].run(p.functions[0], &small, &out);
            assert_true(s == E_NOMEM ? out == NULL : s == OK);
            failures += s != OK;
            arena_free_all(&small);
        }
    }
    assert_true(failures > 50);
    arena_free_all(&a);
}

static int campaign(int argc, char **argv)
{
    uint64_t first = strtoull(argv[1], NULL, 0), count = strtoull(argv[2], NULL, 0);
    (void)world_boot(NULL);
    for (uint64_t seed = first; seed < first + count; seed++) {
        unsigned size = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 20 + seed * 7 % 300;
        if (!check_seed(seed, size)) {
            return 1;
        }
    }
    (void)printf("%llu programs from seed %llu: no difference\n", (unsigned long long)count,
                 (unsigned long long)first);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passes_keep_visible_results),
        cmocka_unit_test(test_wrong_passes_are_noticed),
        cmocka_unit_test(test_no_memory_is_an_error),
    };
    return argc > 2 ? campaign(argc, argv) : cmocka_run_group_tests(tests, world_boot, NULL);
}
