// SPDX-License-Identifier: MIT
//
// Entering compiled code: puts arguments where the calling convention (code.h) requires them, and
// fetches results.
#include "kernel/jit/code/code_call.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

#define CELLS_ON_STACK 32u

/* arch/MACHINE/jit/enter.S of each machine uses the same offsets. */
STATIC_ASSERT(offsetof(struct jit_entry, code) == 0, "enter.S: ENTRY_CODE");
STATIC_ASSERT(offsetof(struct jit_entry, context) == 8, "enter.S: ENTRY_CONTEXT");
STATIC_ASSERT(offsetof(struct jit_entry, ints) == 16, "enter.S: ENTRY_INTS");
STATIC_ASSERT(offsetof(struct jit_entry, floats) == 80, "enter.S: ENTRY_FLOATS");
STATIC_ASSERT(offsetof(struct jit_entry, stack) == 208, "enter.S: ENTRY_STACK");
STATIC_ASSERT(offsetof(struct jit_entry, stack_cells) == 216, "enter.S: ENTRY_STACK_CELLS");
STATIC_ASSERT(offsetof(struct jit_entry, saved_sp) == 224, "enter.S: ENTRY_SAVED_SP");
STATIC_ASSERT(offsetof(struct jit_entry, outcome) == 232, "enter.S: ENTRY_OUTCOME");

/** Where the next argument or result goes. */
struct arg_walk {
    const struct code_call *call;
    struct jit_entry *e;
    uint32_t ints, floats, registers; /* registers used so far, and how many each class has */
    uint64_t cell;
};

static bool is_float(unsigned type)
{
    return type == IR_F32 || type == IR_F64 || type == IR_V128;
}

/* The cell of a value of this type; NULL if `e` is NULL, to count cells only. */
static uint64_t *next_cell(struct arg_walk *p, unsigned type)
{
    uint32_t *taken = is_float(type) ? &p->floats : &p->ints;
    if (*taken < p->registers) {
        uint32_t n = (*taken)++;
        return p->e == NULL ? NULL : is_float(type) ? p->e->floats[n] : &p->e->ints[n];
    }
    if (type == IR_V128) {
        p->cell = ALIGN_UP(p->cell, (uint64_t)2);
    }
    uint64_t at = p->cell;
    p->cell += type == IR_V128 ? 2 : 1;
    return p->e == NULL ? NULL : p->e->stack + at;
}

static void pass(struct arg_walk *p, const uint64_t *cells)
{
    const struct code_call *c = p->call;
    for (uint32_t n = 0; n < c->param_count; n++) {
        unsigned type = c->type_of(c->types[n]);
        size_t words = type == IR_V128 ? 2 : 1;
        uint64_t *cell = next_cell(p, type);
        if (cell != NULL) {
            memcpy(cell, cells, words * sizeof *cells);
            cells += words;
        }
    }
}

/* The upper half of an f32's register is undefined. */
static void fetch(struct arg_walk *p, uint64_t *cells)
{
    const struct code_call *c = p->call;
    for (uint32_t n = 0; n < c->result_count; n++) {
        unsigned type = c->type_of(c->types[c->param_count + n]);
        size_t words = type == IR_V128 ? 2 : 1;
        const uint64_t *cell = next_cell(p, type);
        if (cell == NULL) {
            continue;
        }
        memcpy(cells, cell, words * sizeof *cells);
        if (type == IR_F32) {
            *cells &= UINT32_MAX;
        }
        cells += words;
    }
}

/* Results on the stack follow the arguments there. */
static uint64_t first_result(const struct arg_walk *arguments)
{
    return ALIGN_UP(arguments->cell, (uint64_t)JIT_CELLS_ALIGN / sizeof(uint64_t));
}

static uint64_t cells_needed(const struct code_call *c)
{
    struct arg_walk p = {.call = c, .registers = JIT_ARG_REGS};
    pass(&p, NULL);
    struct arg_walk results = {.call = c, .registers = JIT_RESULT_REGS, .cell = first_result(&p)};
    fetch(&results, NULL);
    return ALIGN_UP(results.cell, (uint64_t)2);
}

/* Push an entry on the map's list of nested entries and run it. Fault handlers unwind to m->entry,
 * so it must be the innermost one whenever compiled code runs, and must be restored however the
 * code ended: jit_leave() makes jit_enter() return here, too. */
static uint64_t enter(struct code_map *m, struct jit_entry *e)
{
    struct code_map **running = m->running == NULL ? NULL : m->running();
    struct code_map *outer = running == NULL ? NULL : *running;
    e->outer = m->entry;
    m->entry = e;
    if (running != NULL) {
        *running = m;
    }
    uint64_t outcome = jit_enter(e);
    if (running != NULL) {
        *running = outer;
    }
    m->entry = e->outer;
    return outcome;
}

static uint64_t call_with(struct code_map *m, struct jit_entry *e, const struct code_call *c,
                          const uint64_t *args, uint64_t *results)
{
    struct arg_walk to = {.call = c, .e = e, .registers = JIT_ARG_REGS};
    pass(&to, args);
    uint64_t outcome = enter(m, e);
    if (outcome == CODE_RETURNED) {
        struct arg_walk from = {
            .call = c, .e = e, .registers = JIT_RESULT_REGS, .cell = first_result(&to)};
        fetch(&from, results);
    }
    return outcome;
}

uint64_t code_call(struct code_map *m, const struct code_call *call, const uint64_t *args,
                   uint64_t *results)
{
    _Alignas(16) uint64_t few[CELLS_ON_STACK];
    uint64_t cells = cells_needed(call);
    struct jit_entry e = {
        .code = call->code, .context = call->context, .stack = few, .stack_cells = cells};
    if (cells > CELLS_ON_STACK) {
        e.stack = heap_alloc(cells * sizeof *e.stack);
    }
    m->trace.depth = 0;
    if (e.stack == NULL) {
        return CODE_TRAPPED + (uint64_t)IR_TRAP_NO_MEMORY;
    }
    uint64_t outcome = call_with(m, &e, call, args, results);
    if (e.stack != few) {
        heap_free(e.stack);
    }
    return outcome;
}
