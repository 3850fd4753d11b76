// SPDX-License-Identifier: MIT
#include "kernel/wasm/livepatch/wasm_report_calls.h"

#include "kernel/jit/opt/copy.h"
#include "kernel/wasm/front/wasm.h"

/* This pass adds calls of the helper COMPILE to a function: at its start with number `event`, and
 * before each way out with `event` + 1. compile() of runtime.c recognises the numbers, because they
 * are above all functions (WASM_EVENTS). The pass runs before the others and before the verifier,
 * so the calls that it adds are treated like the program's own.
 *
 * A call that ends by a trap, by an exception that passes through, or by the end of the program has
 * no second event: the reader of the trace must expect that. The end of a tail call is reported
 * before it, since the function is gone afterwards. The location of each report is that of the
 * instruction next to it, so that a backtrace has a line there. */
static void report(struct ir_function *f, uint32_t event)
{
    uint32_t number = ir_const(f, IR_I32, event);
    (void)ir_emit(f, IR_CALL, IR_VOID, WASM_HELPER_COMPILE, ir_pool(f, &number, 1), 1);
}

/* Those of block 0 are the function's own, needed or not. */
static void copy_params(struct copy *c, uint32_t block)
{
    const struct ir_block *b = &c->in->blocks[block];
    for (uint32_t v = b->first; v < b->first + b->params; v++) {
        if (block == 0 || copy_keeps(c, v)) {
            c->out->location = c->in->locations[v];
            c->values[v] = ir_param(c->out, c->in->instrs[v].type);
        }
    }
}

static bool leaves(unsigned op)
{
    return op == IR_RETURN || op == IR_TAIL_CALL || op == IR_TAIL_CALL_INDIRECT;
}

/* The terminator is copied last, by copy_end(), after the report: nothing may follow a
 * terminator. */
static void copy_block(struct copy *c, uint32_t block, uint32_t event)
{
    const struct ir_block *b = &c->in->blocks[block];
    uint32_t last = b->first + b->count - 1;
    ir_block_start(c->out, c->blocks[block]);
    copy_params(c, block);
    if (block == 0) {
        c->out->location = c->in->locations[b->first];
        report(c->out, event);
    }
    for (uint32_t v = b->first + b->params; v < last && c->out->error == OK; v++) {
        if (c->survey->is_needed[v] != 0) {
            struct ir_instr i = copy_operands(c, v);
            c->values[v] = copy_emit(c, &i);
        }
    }
    if (leaves(c->in->instrs[last].op)) {
        c->out->location = c->in->locations[last];
        report(c->out, event + 1);
    }
    copy_end(c, last);
}

enum status wasm_report_calls(const struct ir_function *f, uint32_t event, struct arena *a,
                              struct ir_function **out)
{
    struct survey survey;
    struct copy c;
    enum status s = copy_open(&c, a, f);
    s = s == OK ? survey_make(a, f, &survey) : s;
    s = s == OK ? copy_start(&c, &survey) : s;
    for (uint32_t n = 0; s == OK && n < survey.cfg.count; n++) {
        copy_block(&c, survey.cfg.order[n], event);
        s = c.out->error;
    }
    if (s == OK) {
        copy_close(&c);
        *out = c.out;
    }
    return s;
}
