// SPDX-License-Identifier: MIT
//
// The control flow of random programs. A function has local variables, like a source program; where
// control flow joins, they become block parameters, needed or not. Every branch back goes through a
// block that decrements the context's fuel and leaves the function when none is left.
#include "tests/unit/jit/ir_random.h"

#include "kernel/lib/compiler.h"

#define DEPTH_MAX  5
#define FUEL_CLASS 5

static const char *const names[IR_RANDOM_CALLEES] = {"f0",   "f1",   "f2",   "f3",
                                                     "pure", "peek", "poke", "fail"};

static void statements(struct random_gen *g, unsigned depth, uint32_t target);

/* ---- The module ---- */

static uint8_t signature_type(struct random_gen *g)
{
    return (uint8_t)random_type(g);
}

/* For functions; the helpers' signatures are fixed. */
static void make_signature(struct random_gen *g, uint8_t *types, uint32_t *used,
                           struct ir_signature *s)
{
    s->types = *used;
    s->params = random_below(g, random_below(g, 4) == 0 ? IR_RANDOM_PARAMS_MAX + 1 : 5);
    s->results = random_below(g, random_below(g, 4) == 0 ? IR_RANDOM_RESULTS_MAX + 1 : 3);
    for (uint32_t n = 0; n < s->params + s->results; n++) {
        types[(*used)++] = signature_type(g);
    }
}

static bool make_module(struct arena *a, struct random_gen *g, struct ir_module *m)
{
    struct ir_signature *signatures = arena_alloc(a, IR_RANDOM_CALLEES * sizeof *signatures);
    struct ir_callee *callees = arena_alloc(a, IR_RANDOM_CALLEES * sizeof *callees);
    struct ir_memory *memory = arena_alloc(a, sizeof *memory);
    uint8_t *types = arena_alloc(a, 128);
    static const uint8_t effects[IR_RANDOM_HELPERS] = {0, IR_READS, IR_READS | IR_WRITES,
                                                       IR_READS | IR_WRITES | IR_TRAPS};
    if (signatures == NULL || callees == NULL || memory == NULL || types == NULL) {
        return false;
    }
    uint32_t used = 0;
    for (unsigned n = 0; n < IR_RANDOM_CALLEES; n++) {
        bool helper = n >= IR_RANDOM_FUNCTIONS;
        unsigned which = n - IR_RANDOM_FUNCTIONS;
        callees[n] = (struct ir_callee){
            .name = names[n],
            .signature = n,
            .effects = helper ? effects[which] : IR_READS | IR_WRITES | IR_TRAPS,
            .kind = helper ? IR_CALLEE_HELPER : IR_CALLEE_FUNCTION,
            .entry = helper ? IR_RANDOM_ENTRIES + 8 * which : 0,
        };
        if (!helper) {
            make_signature(g, types, &used, &signatures[n]);
            continue;
        }
        signatures[n] = (struct ir_signature){.types = used, .params = 2, .results = 1};
        types[used++] = IR_I32;
        types[used++] = IR_I64;
        types[used++] = which < 2 ? IR_I64 : IR_I32;
    }
    *memory = (struct ir_memory){.guard_bytes = IR_RANDOM_GUARD_BYTES,
                                 .spare_bytes = 65536,
                                 .base = IR_RANDOM_BASE,
                                 .length = IR_RANDOM_LENGTH};
    *m = (struct ir_module){.types = types,
                            .signatures = signatures,
                            .callees = callees,
                            .memories = memory,
                            .type_count = used,
                            .signature_count = IR_RANDOM_CALLEES,
                            .callee_count = IR_RANDOM_CALLEES,
                            .memory_count = 1};
    return true;
}

/* ---- Control flow ---- */

static uint32_t edge(struct random_gen *g, uint32_t to)
{
    return ir_edge(g->f, to, g->locals, IR_RANDOM_LOCALS);
}

static void jump(struct random_gen *g, uint32_t to)
{
    random_emit(g, IR_JUMP, IR_VOID, edge(g, to), 0, 0);
}

/* A block with all locals as parameters; it can use other values only if they were
 * `visible` before the paths split. */
static void join(struct random_gen *g, uint32_t block, const struct random_recent *visible)
{
    ir_block_start(g->f, block);
    for (unsigned n = 0; n < IR_RANDOM_LOCALS; n++) {
        g->locals[n] = ir_param(g->f, random_local_type(n));
    }
    g->recent = *visible;
}

/* A block with one predecessor and no parameters. */
static void branch_to(struct random_gen *g, uint32_t condition, uint32_t to, uint32_t next)
{
    uint32_t taken = edge(g, to), other = ir_edge(g->f, next, NULL, 0);
    bool swap = random_below(g, 2) == 0;
    random_emit(g, IR_BRANCH, IR_VOID, condition, swap ? other : taken, swap ? taken : other);
    ir_block_start(g->f, next);
}

static void if_else(struct random_gen *g, unsigned depth, uint32_t target)
{
    uint32_t yes = ir_block_new(g->f), no = ir_block_new(g->f), after = ir_block_new(g->f);
    uint32_t condition = random_value(g, IR_I32), saved[IR_RANDOM_LOCALS];
    struct random_recent visible = g->recent;
    random_emit(g, IR_BRANCH, IR_VOID, condition, ir_edge(g->f, yes, NULL, 0),
                ir_edge(g->f, no, NULL, 0));
    __builtin_memcpy(saved, g->locals, sizeof saved);
    ir_block_start(g->f, yes);
    statements(g, depth + 1, target);
    jump(g, after);
    __builtin_memcpy(g->locals, saved, sizeof saved);
    g->recent = visible;
    ir_block_start(g->f, no);
    if (random_below(g, 3) > 0) {
        statements(g, depth + 1, target);
    }
    jump(g, after);
    join(g, after, &visible);
}

/* Branch to `again` if there is fuel; otherwise continue in a new block. */
static void go_round(struct random_gen *g, uint32_t again)
{
    struct ir_memref p = {
        .space = IR_SPACE_CONTEXT, .offset = IR_RANDOM_FUEL, .alias_class = FUEL_CLASS};
    uint32_t place = ir_memref(g->f, &p);
    uint32_t fuel = random_emit(g, IR_LOAD, IR_I32, IR_NONE, 0, place);
    uint32_t one = ir_const(g->f, IR_I32, 1), zero = ir_const(g->f, IR_I32, 0);
    uint32_t left = random_emit(g, IR_SUB, IR_I32, fuel, one, 0);
    random_emit(g, IR_STORE, IR_VOID, IR_NONE, left, place);
    uint32_t more = random_emit(g, IR_LT_S, IR_I32, zero, left, 0), last = ir_block_new(g->f);
    random_emit(g, IR_BRANCH, IR_VOID, more, edge(g, again), ir_edge(g->f, last, NULL, 0));
    ir_block_start(g->f, last);
}

static void loop(struct random_gen *g, unsigned depth)
{
    uint32_t head = ir_block_new(g->f), next = ir_block_new(g->f), after = ir_block_new(g->f);
    struct random_recent visible = g->recent;
    jump(g, head);
    join(g, head, &visible);
    if (random_below(g, 2) == 0) { /* tested at the top, or at the bottom */
        uint32_t body = ir_block_new(g->f);
        branch_to(g, random_value(g, IR_I32), after, body);
    }
    statements(g, depth + 1, random_below(g, 2) == 0 ? after : next);
    jump(g, next);
    join(g, next, &visible);
    go_round(g, head);
    jump(g, after);
    join(g, after, &visible);
}

/* Two blocks that branch to each other, both entered from outside. */
static void tangle(struct random_gen *g, unsigned depth)
{
    uint32_t first = ir_block_new(g->f), second = ir_block_new(g->f), after = ir_block_new(g->f);
    struct random_recent visible = g->recent;
    random_emit(g, IR_BRANCH, IR_VOID, random_value(g, IR_I32), edge(g, first), edge(g, second));
    for (unsigned n = 0; n < 2; n++) {
        join(g, n == 0 ? first : second, &visible);
        statements(g, depth + 1, after);
        go_round(g, n == 0 ? second : first);
        jump(g, after);
        g->recent = visible;
    }
    join(g, after, &visible);
}

static void cases(struct random_gen *g, unsigned depth, uint32_t target)
{
    uint32_t count = 2 + random_below(g, 4), after = ir_block_new(g->f), saved[IR_RANDOM_LOCALS];
    uint32_t blocks[4], edges[8] = {0}, total = count + 1, condition = random_value(g, IR_I32);
    unsigned bodies = MIN(count, 4u);
    struct random_recent visible = g->recent;
    for (unsigned n = 0; n < bodies; n++) {
        blocks[n] = ir_block_new(g->f);
    }
    for (unsigned n = 0; n < total; n++) { /* consecutive */
        edges[n] = n < bodies ? ir_edge(g->f, blocks[n], NULL, 0) : edge(g, after);
    }
    random_emit(g, IR_SWITCH, IR_VOID, condition, edges[0], total);
    __builtin_memcpy(saved, g->locals, sizeof saved);
    for (unsigned n = 0; n < bodies; n++) {
        __builtin_memcpy(g->locals, saved, sizeof saved);
        g->recent = visible;
        ir_block_start(g->f, blocks[n]);
        statements(g, depth + 1, target);
        jump(g, after);
    }
    join(g, after, &visible);
}

static void give_up(struct random_gen *g)
{
    uint32_t dead = ir_block_new(g->f), next = ir_block_new(g->f);
    uint32_t mask = ir_const(g->f, IR_I32, 0x1f), some = random_value(g, IR_I32);
    if (random_below(g, 3) > 0) {
        some = random_emit(g, IR_OR, IR_I32, some, ir_const(g->f, IR_I32, random_below(g, 2)), 0);
        some = random_emit(g, IR_AND, IR_I32, some, mask, 0);
        random_remember(g, some);
    }
    if (random_below(g, 2) == 0) {
        random_emit(g, IR_TRAP_IF, IR_VOID, some, random_below(g, IR_TRAP_STACK), 0);
        random_emit(g, IR_JUMP, IR_VOID, ir_edge(g->f, next, NULL, 0), 0, 0);
        ir_block_start(g->f, dead); /* unreachable */
    } else {
        random_emit(g, IR_BRANCH, IR_VOID, some, ir_edge(g->f, next, NULL, 0),
                    ir_edge(g->f, dead, NULL, 0));
        ir_block_start(g->f, dead);
    }
    random_emit(g, IR_TRAP, IR_VOID, 0, random_below(g, IR_TRAP_STACK), 0);
    ir_block_start(g->f, next);
}

/* ---- Calls ---- */

static void call(struct random_gen *g)
{
    const struct ir_module *m = g->f->module;
    unsigned last = (g->flags & IR_RANDOM_TRAPS) != 0 ? IR_RANDOM_CALLEES : IR_RANDOM_CALLEES - 1;
    unsigned callee = g->f->callee + 1 + random_below(g, last - g->f->callee - 1);
    const struct ir_signature *s = &m->signatures[callee];
    const uint8_t *types = m->types + s->types;
    uint32_t operands[2 + IR_RANDOM_PARAMS_MAX];
    for (uint32_t n = 0; n < s->params; n++) {
        operands[2 + n] = random_value(g, types[n]);
    }
    unsigned type = s->results > 0 ? types[s->params] : IR_VOID;
    uint32_t v;
    if (callee < IR_RANDOM_FUNCTIONS && random_below(g, 3) == 0) {
        struct ir_memref p = {
            .space = IR_SPACE_CONTEXT, .offset = IR_RANDOM_CODE + 8 * callee, .is_constant = true};
        operands[0] = random_emit(g, IR_LOAD, IR_I64, IR_NONE, 0, ir_memref(g->f, &p));
        operands[1] = random_emit(g, IR_CONTEXT, IR_I64, 0, 0, 0);
        v = random_emit(g, IR_CALL_INDIRECT, type, callee, ir_pool(g->f, operands, s->params + 2),
                        s->params + 2);
    } else {
        v = random_emit(g, IR_CALL, type, callee, ir_pool(g->f, operands + 2, s->params),
                        s->params);
    }
    for (uint32_t n = 0; n < s->results; n++) {
        uint32_t result = n == 0 ? v : random_emit(g, IR_RESULT, types[s->params + n], v, n, 0);
        random_remember(g, result);
    }
}

/* ---- Statements ---- */

static void assign(struct random_gen *g)
{
    unsigned local = random_below(g, IR_RANDOM_LOCALS);
    bool skip = ir_is_float(random_local_type(local)) && (g->flags & IR_RANDOM_FLOATS) == 0;
    if (!skip) {
        g->locals[local] = random_expression(g, random_local_type(local));
    }
}

static void nested(struct random_gen *g, unsigned depth, uint32_t target)
{
    switch (random_below(g, 6)) {
    case 0:
    case 1:
        loop(g, depth);
        break;
    case 2:
        if ((g->flags & IR_RANDOM_IRREDUCIBLE) != 0 && random_below(g, 3) == 0) {
            tangle(g, depth);
            break;
        }
        cases(g, depth, target);
        break;
    default:
        if_else(g, depth, target);
        break;
    }
}

static void statement(struct random_gen *g, unsigned depth, uint32_t target)
{
    unsigned kind = random_below(g, 32);
    if (g->is_memory_heavy && random_below(g, 3) > 0) {
        random_access(g);
    } else if (kind < 4 && depth < DEPTH_MAX) {
        nested(g, depth, target);
    } else if (kind == 4 && target != IR_NONE) {
        branch_to(g, random_value(g, IR_I32), target, ir_block_new(g->f));
    } else if (kind == 5 && (g->flags & IR_RANDOM_TRAPS) != 0) {
        give_up(g);
    } else if (kind == 6 && (g->flags & IR_RANDOM_CALLS) != 0) {
        call(g);
    } else if (kind < 14 && (g->flags & IR_RANDOM_MEMORY) != 0) {
        random_access(g);
    } else if (kind < 16) {
        uint32_t v = random_value(g, IR_I32 + random_below(g, 2));
        random_emit(g, IR_STORE, IR_VOID, IR_NONE, v,
                    random_global(g, g->f->instrs[v].type, false));
    } else if (kind < 20) {
        (void)random_expression(g, random_type(g));
    } else {
        assign(g);
    }
}

/* `target`: a block that any statement may branch to, with all locals, or IR_NONE. */
static void statements(struct random_gen *g, unsigned depth, uint32_t target)
{
    uint32_t count = 2 + random_below(g, 12);
    while (count-- > 0 && g->left > 0) {
        statement(g, depth, target);
    }
}

/* ---- Functions ---- */

/* A value that no rule can know: an argument, or one loaded from the context. */
static uint32_t unknown(struct random_gen *g, unsigned type)
{
    uint32_t count = g->recent.count, first = random_below(g, count + 1);
    for (uint32_t n = 0; n < count && random_below(g, 4) > 0; n++) {
        uint32_t v = g->recent.values[(first + n) % count];
        if (g->f->instrs[v].type == type) {
            return v;
        }
    }
    return random_emit(g, IR_LOAD, type, IR_NONE, 0, random_global(g, type, false));
}

static void start(struct random_gen *g, const struct ir_signature *s)
{
    struct ir_function *f = g->f;
    ir_block_start(f, ir_block_new(f));
    for (uint32_t n = 0; n < s->params; n++) {
        random_remember(g, ir_param(f, f->module->types[s->types + n]));
    }
    for (uint32_t n = 0; n < 3 && (g->flags & IR_RANDOM_SLOTS) != 0; n++) {
        uint32_t slot = ir_slot(f, 24, 8u << random_below(g, 3));
        uint32_t address = ir_emit(f, IR_SLOT, IR_I64, slot, 0, 0);
        ir_emit(f, IR_ZERO_BYTES, IR_VOID, address, 0, 24);
    }
    for (unsigned n = 0; n < IR_RANDOM_LOCALS; n++) {
        unsigned type = random_local_type(n);
        g->locals[n] = ir_is_float(type) ? ir_const(f, type, n * 3) : unknown(g, type);
    }
    uint32_t mask = ir_const(f, IR_I32, 0x7f8), four = ir_const(f, IR_I32, 4);
    g->bases[0] = random_emit(g, IR_AND, IR_I32, unknown(g, IR_I32), mask, 0);
    g->bases[1] = random_emit(g, IR_ADD, IR_I32, g->bases[0], four, 0);
    g->bases[2] = random_emit(g, IR_AND, IR_I32, unknown(g, IR_I32), mask, 0);
}

/* Store all results at the end, to globals of an alias class of their own. */
static void show_locals(struct random_gen *g)
{
    for (unsigned n = 0; n < IR_RANDOM_LOCALS; n++) {
        uint32_t v = g->locals[n];
        if (ir_is_integer(g->f->instrs[v].type)) {
            struct ir_memref p = {
                .space = IR_SPACE_CONTEXT, .offset = IR_RANDOM_SHOWN + 8 * n, .alias_class = 6};
            random_emit(g, IR_STORE, IR_VOID, IR_NONE, v, ir_memref(g->f, &p));
        }
    }
}

static void make_function(struct random_gen *g, unsigned size)
{
    struct ir_function *f = g->f;
    const struct ir_signature *s = &f->module->signatures[f->callee];
    g->recent.count = 0;
    g->left = (int)size;
    start(g, s);
    while (g->left > 0) {
        uint32_t after = ir_block_new(f);
        struct random_recent visible = g->recent;
        statements(g, 0, after);
        jump(g, after);
        join(g, after, &visible);
    }
    show_locals(g);
    uint32_t results[IR_RANDOM_RESULTS_MAX];
    for (uint32_t n = 0; n < s->results; n++) {
        results[n] = random_value(g, f->module->types[s->types + s->params + n]);
    }
    random_emit(g, IR_RETURN, IR_VOID, 0, ir_pool(f, results, s->results), s->results);
}

bool ir_random_make(struct arena *a, uint64_t seed, unsigned flags, unsigned size,
                    struct ir_random *out)
{
    struct random_gen g = {.state = seed * UINT64_C(0xd1342543de82ef95) + 1, .flags = flags};
    *out = (struct ir_random){.functions = {NULL}};
    g.is_memory_heavy = random_below(&g, 3) == 0 && (flags & IR_RANDOM_MEMORY) != 0;
    if (!make_module(a, &g, &out->module)) {
        return false;
    }
    for (unsigned n = 0; n < IR_RANDOM_FUNCTIONS; n++) {
        g.f = out->functions[n] = ir_function_new(a, &out->module, n);
        if (g.f == NULL) {
            return false;
        }
        make_function(&g, n == 0 ? size : MIN(size, 8 + random_below(&g, 80)));
        if (g.f->error != OK) {
            return false;
        }
    }
    return true;
}
