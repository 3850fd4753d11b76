// SPDX-License-Identifier: MIT
//
// Any random program (tests/unit/jit/ir_random.h) in the interpreter, before and after
// the passes: the results are the same. The input is the program's seed, its size and
// the features that it may use.
#include "kernel/base/assert.h"
#include "kernel/jit/ir/ir_verify.h"
#include "kernel/jit/opt/opt.h"
#include "kernel/mm/heap.h"
#include "tests/unit/jit/ir_random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_LIMIT ((size_t)256 << 20)
#define ROUNDS      3u
#define FUEL        30u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The arena's allocator here: the sanitizer's heap detects every overflow of a chunk. */
void *heap_alloc(size_t size)
{
    return malloc(size);
}

void heap_free(void *p)
{
    free(p);
}

_Noreturn void panic(const char *fmt, ...)
{
    (void)fmt;
    __builtin_trap();
}

struct input {
    uint64_t seed;
    uint8_t flags, size;
};

static void optimise(struct arena *a, const struct ir_random *before, struct ir_random *after)
{
    struct ir_complaint complaint = {""};
    const struct opt_options options = {.verify = ir_verify, .complaint = &complaint};
    for (unsigned n = 0; n < IR_RANDOM_FUNCTIONS; n++) {
        if (opt_run(before->functions[n], &options, a, &after->functions[n]) != OK) {
            (void)fprintf(stderr, "f%u: %s\n", n, complaint.text);
            __builtin_trap();
        }
    }
}

static void compare(const struct ir_random *before, const struct ir_random *after, uint64_t seed)
{
    static struct ir_random_world w;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct ir_random_outcome x, y;
        struct ir_bits args[IR_RANDOM_PARAMS_MAX];
        ir_random_args(before, seed + round, args);
        ir_random_fill(&w, seed + round, FUEL);
        ir_random_run(before, &w, args, &x);
        ir_random_fill(&w, seed + round, FUEL);
        ir_random_run(after, &w, args, &y);
        if (!ir_random_same(before, &x, &y)) {
            __builtin_trap();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {0};
    struct arena a;
    struct ir_random before, after;
    memcpy(&in, data, size < sizeof in ? size : sizeof in);
    arena_init(&a, ARENA_LIMIT);
    if (ir_random_make(&a, in.seed, in.flags & IR_RANDOM_ALL, 16 + 2 * in.size, &before)) {
        after = before;
        optimise(&a, &before, &after);
        compare(&before, &after, in.seed);
    }
    arena_free_all(&a);
    return 0;
}
