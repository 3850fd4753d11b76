// SPDX-License-Identifier: MIT
//
// Entering compiled code: arguments go where the convention (code.h) has them, results come from
// there.
#include "kernel/jit/wasm_engine.h"

#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

#define CELLS_ON_STACK 32u

/** Where the next argument or result is. */
struct places {
    struct jit_entry *e;
    uint32_t ints, floats, registers; /* taken, and how many there are of each */
    uint64_t cell;
};

static bool is_float(unsigned type)
{
    return type == WASM_F32 || type == WASM_F64 || type == WASM_V128;
}

/* The place of a value of a type; NULL if `e` is NULL, to count cells. */
static uint64_t *next_place(struct places *p, unsigned type)
{
    uint32_t *taken = is_float(type) ? &p->floats : &p->ints;
    if (*taken < p->registers) {
        uint32_t n = (*taken)++;
        return p->e == NULL ? NULL : is_float(type) ? p->e->floats[n] : &p->e->ints[n];
    }
    if (type == WASM_V128) {
        p->cell = ALIGN_UP(p->cell, (uint64_t)2);
    }
    uint64_t at = p->cell;
    p->cell += type == WASM_V128 ? 2 : 1;
    return p->e == NULL ? NULL : p->e->stack + at;
}

static void pass(struct places *p, const uint8_t *types, uint32_t count, const uint64_t *cells)
{
    for (uint32_t n = 0; n < count; n++) {
        size_t words = types[n] == WASM_V128 ? 2 : 1;
        uint64_t *place = next_place(p, types[n]);
        if (place != NULL) {
            memcpy(place, cells, words * sizeof *cells);
            cells += words;
        }
    }
}

/* An f32 comes back with whatever was in the upper half of its register. */
static void fetch(struct places *p, const uint8_t *types, uint32_t count, uint64_t *cells)
{
    for (uint32_t n = 0; n < count; n++) {
        size_t words = types[n] == WASM_V128 ? 2 : 1;
        memcpy(cells, next_place(p, types[n]), words * sizeof *cells);
        if (types[n] == WASM_F32) {
            *cells &= UINT32_MAX;
        }
        cells += words;
    }
}

static uint64_t cells_needed(const struct wasm_signature *s)
{
    struct places args = {.registers = JIT_ARG_REGS};
    pass(&args, s->types, s->params, NULL);
    struct places results = {.registers = JIT_RESULT_REGS, .cell = args.cell};
    pass(&results, s->types + s->params, s->results, NULL);
    return ALIGN_UP(results.cell, (uint64_t)2);
}

static enum wasm_outcome enter(struct compiler *c, struct jit_entry *e)
{
    struct wasm_store *outer = c->options.running == NULL ? NULL : *c->options.running;
    e->outer = c->entry;
    c->entry = e;
    if (c->options.running != NULL) {
        *c->options.running = c->store;
    }
    uint64_t outcome = jit_enter(e);
    if (c->options.running != NULL) {
        *c->options.running = outer;
    }
    c->entry = e->outer;
    if (outcome == 0) {
        return WASM_RETURNED;
    }
    if (outcome >= LEAVE_STOPPED) {
        return WASM_STOPPED;
    }
    c->stop->trap = (enum ir_trap)(outcome - LEAVE_TRAP);
    return WASM_TRAPPED;
}

static enum wasm_outcome run_with(struct compiler *c, struct jit_entry *e,
                                  const struct wasm_signature *s, const uint64_t *args,
                                  uint64_t *results)
{
    struct places to = {.e = e, .registers = JIT_ARG_REGS};
    pass(&to, s->types, s->params, args);
    enum wasm_outcome outcome = enter(c, e);
    if (outcome == WASM_RETURNED) {
        struct places from = {.e = e, .registers = JIT_RESULT_REGS, .cell = to.cell};
        fetch(&from, s->types + s->params, s->results, results);
    }
    return outcome;
}

enum wasm_outcome compiled_run(void *state, struct wasm_store *store, const struct wasm_func *f,
                               const struct wasm_signature *signature, const uint64_t *args,
                               uint64_t *results, struct wasm_stop *stop)
{
    struct compiler *c = state;
    _Alignas(16) uint64_t few[CELLS_ON_STACK];
    uint64_t cells = cells_needed(signature);
    struct jit_entry e = {
        .code = f->code, .context = f->context, .stack = few, .stack_cells = cells};
    if (cells > CELLS_ON_STACK) {
        e.stack = heap_alloc(cells * sizeof *e.stack);
    }
    if (e.stack == NULL) {
        stop->trap = IR_TRAP_STACK;
        return WASM_TRAPPED;
    }
    struct wasm_stop *outer = c->stop;
    c->store = store;
    c->stop = stop;
    enum wasm_outcome outcome = run_with(c, &e, signature, args, results);
    c->stop = outer;
    if (e.stack != few) {
        heap_free(e.stack);
    }
    return outcome;
}
