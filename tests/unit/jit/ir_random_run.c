// SPDX-License-Identifier: MIT
//
// Runs random programs in the interpreter and records the visible results.
#include "tests/unit/jit/ir_random.h"

#include <string.h>

#define POLLS_MAX   400u
#define STACK_BYTES ((size_t)4 << 20)

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0xff51afd7ed558ccd);
    return h ^ h >> 32;
}

uint64_t ir_random_helper(unsigned which, uint8_t *context, uint64_t a, uint64_t b, bool *traps)
{
    uint8_t *memory;
    uint64_t word;
    memcpy(&memory, context + IR_RANDOM_BASE, sizeof memory);
    memcpy(&word, memory + (b & 0x7f8), sizeof word);
    uint64_t v = mix(a, b);
    if (which == 0) {
        return v;
    }
    if (which == 1) {
        return v + word;
    }
    if (which == 3 && a % 16 == 5 && traps != NULL) {
        *traps = true;
        return 0;
    }
    word = mix(word, v);
    memcpy(memory + (a & 0x7ff), &word, sizeof word);
    memcpy(context + IR_RANDOM_GLOBALS + (b & 7) * 4, &word, sizeof word);
    return (uint32_t)word;
}

static uint64_t fill(uint8_t *bytes, size_t len, uint64_t h)
{
    for (size_t n = 0; n < len; n++) {
        h = mix(h, n);
        bytes[n] = (uint8_t)h;
    }
    return h;
}

void ir_random_fill(struct ir_random_world *w, uint64_t seed, uint32_t fuel)
{
    uint8_t *memory = w->memory;
    const uint64_t *length = &w->length;
    uint64_t h = fill(w->context, sizeof w->context, seed + 1);
    memset(w->memory, 0, sizeof w->memory);
    (void)fill(w->memory, 8192, h);
    w->length = sizeof w->memory;
    memcpy(w->context + IR_RANDOM_BASE, &memory, sizeof memory);
    memcpy(w->context + IR_RANDOM_LENGTH, &length, sizeof length);
    memcpy(w->context + IR_RANDOM_FUEL, &fuel, sizeof fuel);
    for (uint64_t n = 0; n < IR_RANDOM_FUNCTIONS; n++) {
        memcpy(w->context + IR_RANDOM_CODE + 8 * n, &n, sizeof n);
    }
}

/* Any value, a small one, or one near a power of two. */
static uint64_t argument(uint64_t h)
{
    uint64_t power = UINT64_C(1) << (h >> 16 & 63);
    switch (h >> 8 & 7) {
    case 0:
    case 1:
        return h >> 56;
    case 2:
        return 0 - (h >> 60);
    case 3:
        return power - 1;
    case 4:
        return 0 - power;
    default:
        return h;
    }
}

void ir_random_args(const struct ir_random *p, uint64_t seed, struct ir_bits *args)
{
    const struct ir_signature *s = &p->module.signatures[0];
    uint64_t h = seed + 7;
    for (uint32_t n = 0; n < s->params; n++) {
        h = mix(h, n + 1);
        uint64_t v = argument(h);
        bool half = ir_type_size(p->module.types[s->types + n]) == 4;
        args[n] = (struct ir_bits){.lo = half ? (uint32_t)v : v};
    }
}

uint64_t ir_random_hash(const struct ir_random_world *w)
{
    uint64_t h = 0, word;
    for (size_t n = 0; n < sizeof w->memory; n += sizeof word) {
        memcpy(&word, w->memory + n, sizeof word);
        h = mix(h, word);
    }
    for (size_t n = IR_RANDOM_GLOBALS; n < IR_RANDOM_CONTEXT_BYTES; n += sizeof word) {
        memcpy(&word, w->context + n, sizeof word);
        h = mix(h, word);
    }
    return h;
}

/* ---- The host ---- */

static struct ir_window host_memory(void *ctx, uint64_t context, uint32_t number)
{
    (void)context;
    (void)number;
    struct ir_random_world *w = ctx;
    return (struct ir_window){w->memory, sizeof w->memory};
}

static struct ir_target host_callee(void *ctx, const struct ir_function *caller, uint64_t context,
                                    uint32_t callee)
{
    (void)caller;
    struct ir_random_world *w = ctx;
    return (struct ir_target){w->program->functions[callee], callee, context};
}

static struct ir_target host_code(void *ctx, uint64_t code, uint64_t context)
{
    return host_callee(ctx, NULL, context, (uint32_t)code);
}

static enum ir_outcome host_call(void *ctx, const struct ir_target *target,
                                 const struct ir_bits *args, struct ir_bits *results,
                                 enum ir_trap *trap)
{
    struct ir_random_world *w = ctx;
    bool traps = false;
    *trap = IR_TRAP_UNREACHABLE;
    results[0] =
        (struct ir_bits){.lo = ir_random_helper(target->callee - IR_RANDOM_FUNCTIONS, w->context,
                                                args[0].lo, args[1].lo, &traps)};
    return traps ? IR_TRAPPED : IR_RETURNED;
}

static bool host_poll(void *ctx)
{
    struct ir_random_world *w = ctx;
    return w->polls++ < POLLS_MAX;
}

void ir_random_run(const struct ir_random *p, struct ir_random_world *w, const struct ir_bits *args,
                   struct ir_random_outcome *out)
{
    static struct ir_stack stack = {.bytes_max = STACK_BYTES, .calls_max = UINT32_MAX};
    struct ir_stop stop = {.depth = 0};
    const struct ir_host host = {w,         host_memory, host_callee, host_code,
                                 host_call, host_poll,   NULL};
    struct ir_target target = {p->functions[0], 0, (uintptr_t)w->context};
    w->program = p;
    w->polls = 0;
    *out = (struct ir_random_outcome){.trap = IR_TRAP_COUNT};
    /* reserved once: debug heaps fill memory that they allocate and free */
    (void)ir_stack_reserve(&stack);
    out->outcome = ir_interpret(&host, &stack, &target, args, out->results, &stop);
    if (out->outcome == IR_TRAPPED) {
        out->trap = stop.trap;
        out->location = stop.frames[0].function->locations[stop.frames[0].value];
    }
    out->hash = ir_random_hash(w);
}

bool ir_random_same(const struct ir_random *p, const struct ir_random_outcome *a,
                    const struct ir_random_outcome *b)
{
    if (a->outcome == IR_STOPPED || b->outcome == IR_STOPPED) {
        return true;
    }
    if (a->outcome != b->outcome || a->hash != b->hash) {
        return false;
    }
    if (a->outcome == IR_TRAPPED) {
        return a->trap == b->trap && a->location == b->location;
    }
    size_t bytes = p->module.signatures[0].results * sizeof a->results[0];
    return memcmp(a->results, b->results, bytes) == 0;
}
