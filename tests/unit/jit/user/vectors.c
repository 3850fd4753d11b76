// SPDX-License-Identifier: MIT
//
// Operations on vectors (vector_cases.c), with all registers and with few; vectors that live across
// calls of C, which does not preserve all of them.
#include "tests/unit/jit/user/user_tests.h"
#include "tests/unit/jit/vector_cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- All operations ---- */

struct runner {
    struct run_module m;
    struct jit_options options;
};

static bool load(void *ctx, const struct ir_module *m, struct ir_function *f, struct arena *a)
{
    struct runner *r = ctx;
    return run_load(&r->m, m, &f, 1, &r->options, a) == OK;
}

static struct ir_bits call(void *ctx, const struct ir_bits args[3])
{
    static uint64_t context[8];
    struct runner *r = ctx;
    struct run_outcome out;
    run_call(&r->m, 0, context, args, &out);
    return out.traps ? (struct ir_bits){0xdead, 0xdead} : out.results[0];
}

static void unload(void *ctx)
{
    run_unload(&((struct runner *)ctx)->m);
}

static bool run_cases(unsigned registers)
{
    struct runner r = {.options = user_options(registers)};
    r.options.features |= JIT_RELAXED_NATIVE | JIT_ARM_DOT;
    unsigned relaxed = jit_machine_aarch64.relaxed(r.options.features);
    return vector_cases_run(&(struct vector_runner){&r, relaxed, load, call, unload});
}

static bool test_vectors(void)
{
    return run_cases(0);
}

static bool test_vectors_with_few_registers(void)
{
    return run_cases(4);
}

/* ---- Calls of C ---- */

/* C preserves only the lower halves of v8 to v15. */
static uint64_t spoil(void *context)
{
    (void)context;
#define SPOIL(n) __asm__ volatile("ins v" #n ".d[1], %0" : : "r"(UINT64_C(0x5a5a5a5a5a5a5a5a)))
    SPOIL(8);
    SPOIL(9);
    SPOIL(10);
    SPOIL(11);
    SPOIL(12);
    SPOIL(13);
    SPOIL(14);
    SPOIL(15);
    return 1;
}

#define KEPT 12u

/* f keeps vectors live across a call of g or of the helper itself, which g calls, too. */
static bool test_vectors_survive_c(void)
{
    bool ok = true;
    for (unsigned direct = 0; direct < 2; direct++) {
        char text[8192];
        int len = snprintf(text, sizeof text,
                           "memory guard 0x80000000 base 0 length 8\nsignature (i64) -> (i64)\n"
                           "signature () -> (i64)\ncallee @f signature 0\ncallee @g signature 1\n"
                           "callee @h signature 1 helper 32\nfunction @f {\nblock0(v0: i64):\n");
        for (unsigned n = 0; n < KEPT; n++) {
            len += snprintf(text + len, sizeof text - (size_t)len,
                            " v%u = load.v128 address[v0 + %u]\n", n + 1, 16 * n);
        }
        len += snprintf(text + len, sizeof text - (size_t)len, " v%u = call.i64 @%s()\n", KEPT + 1,
                        direct ? "h" : "g");
        for (unsigned n = 0; n < KEPT; n++) {
            len += snprintf(text + len, sizeof text - (size_t)len,
                            " store.v128 v%u, address[v0 + %u]\n", n + 1, 16 * (KEPT + n));
        }
        snprintf(text + len, sizeof text - (size_t)len,
                 " return v%u\n}\nfunction @g {\nblock0():\n v0 = call.i64 @h()\n return v0\n}\n",
                 KEPT + 1);
        uint8_t area[32 * KEPT];
        for (unsigned n = 0; n < sizeof area; n++) {
            area[n] = (uint8_t)(n * 37 + 1);
        }
        struct arena a;
        struct ir_text ir;
        struct run_module m;
        struct run_outcome out = {.traps = true};
        struct jit_options options = user_options(0);
        uint64_t context[8] = {[4] = (uintptr_t)spoil};
        options.features = JIT_ARM_VECTORS_IN_C;
        arena_init(&a, USER_ARENA_LIMIT);
        user_parse(&a, text, &ir);
        if (run_load(&m, &ir.module, ir.functions, ir.module.callee_count, &options, &a) == OK) {
            const struct ir_bits args[1] = {{(uintptr_t)area, 0}};
            run_call(&m, 0, context, args, &out);
        }
        bool same = memcmp(area, area + 16 * KEPT, 16 * KEPT) == 0;
        if (out.traps || out.results[0].lo != 1 || !same) {
            printf("# %s: %s\n", direct ? "called directly" : "called by g",
                   same ? "another result" : "vectors have changed");
            ok = false;
        }
        run_unload(&m);
        arena_free_all(&a);
    }
    return ok;
}

/* ---- The end of memory ---- */

/* A store of 16 bytes that is partly outside changes nothing; the last one that fits is made. */
static bool test_stores_at_the_end(void)
{
    static const char text[] =
        "memory guard 0x80000000 base 0 length 8\nsignature (i32, v128) -> ()\n"
        "callee @f signature 0\nfunction @f {\nblock0(v0: i32, v1: v128):\n"
        " store.v128 v1, memory0[v0 + 40]\n return\n}\n";
    enum { BYTES = 65536, LAST = BYTES - 16 - 40 };
    uint8_t *memory = run_memory(BYTES);
    uint64_t context[8] = {[0] = (uintptr_t)memory};
    bool ok = false;
    struct arena a;
    struct ir_text ir;
    struct run_module m;
    struct jit_options options = user_options(0);
    arena_init(&a, USER_ARENA_LIMIT);
    user_parse(&a, text, &ir);
    if (run_load(&m, &ir.module, ir.functions, 1, &options, &a) == OK) {
        ok = true;
        for (unsigned n = 0; n <= 17; n++) {
            struct run_outcome out;
            const struct ir_bits args[2] = {{LAST + n, 0}, {UINT64_MAX, UINT64_MAX}};
            memset(memory + BYTES - 32, 0, 32);
            run_call(&m, 0, context, args, &out);
            unsigned written = 0;
            for (unsigned k = BYTES - 32; k < BYTES; k++) {
                written += memory[k] == 0xff;
            }
            ok = ok && out.traps == (n > 0) && written == (n > 0 ? 0 : 16);
        }
    }
    run_unload(&m);
    arena_free_all(&a);
    return ok;
}

const struct user_test user_test_vectors[] = {
    {"every operation on vectors over the edges of their lanes", test_vectors},
    {"the same with four registers of each class", test_vectors_with_few_registers},
    {"vectors survive calls of C functions", test_vectors_survive_c},
    {"vectors stored across the end of memory change nothing", test_stores_at_the_end},
    {NULL, NULL},
};
