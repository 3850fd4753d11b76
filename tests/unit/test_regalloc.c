// SPDX-License-Identifier: MIT
//
// The register allocator, judged by its checker; and the checker, by allocations that are spoilt.
#include "kernel/jit/vcode_print.h"
#include "kernel/lib/compiler.h"
#include "tests/unit/jit/random_vcode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIMIT ((size_t)2 << 30)

/* The arena's, in place of the kernel's heap, which has not room for the largest functions here. The
 * linker puts them there (CMakeLists.txt). */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_functions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
