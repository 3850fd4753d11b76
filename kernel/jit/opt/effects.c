// SPDX-License-Identifier: MIT
//
// Effects on memory, by alias class. Two accesses with different classes never touch the same
// bytes; the front-end guarantees that by its choice of the class. A function may use more
// classes than a mask has bits: the classes beyond share the last bit, which is correct and only
// less precise.
#include "kernel/jit/opt/effects.h"

#include "kernel/lib/string.h"

bool effects_writes_all(const struct ir_function *f, const struct ir_instr *i)
{
    switch ((enum ir_op)i->op) {
    case IR_CALL:
    case IR_INVOKE:
    case IR_TAIL_CALL:
        return (f->module->callees[i->a].effects & IR_WRITES) != 0;
    case IR_CALL_INDIRECT:
    case IR_INVOKE_INDIRECT:
    case IR_TAIL_CALL_INDIRECT:
    case IR_POLL:
    case IR_COPY_BYTES:
    case IR_ZERO_BYTES:
    case IR_FENCE:
        return true;
    default: /* what other threads did before an atomic access may be seen after it */
        return ir_op_info[i->op].typing == IR_TYPES_ATOMIC;
    }
}

static void number_classes(const struct ir_function *f, struct effects *e)
{
    memset(e->number, 0xff, sizeof e->number);
    for (uint32_t n = 0; n < f->memref_count; n++) {
        uint8_t *class = &e->number[f->memrefs[n].alias_class];
        if (*class == 0xff) {
            *class = (uint8_t)(e->count < EFFECTS_CLASSES ? e->count++ : EFFECTS_CLASSES - 1);
        }
    }
}

/* The classes that a block writes, as a mask. */
static uint16_t written_in(const struct ir_function *f, const struct effects *e, uint32_t block)
{
    const struct ir_block *b = &f->blocks[block];
    uint16_t classes = 0;
    for (uint32_t v = b->first; v < b->first + b->count; v++) {
        const struct ir_instr *i = &f->instrs[v];
        if (i->op == IR_STORE || i->op == IR_STORE_REF) {
            classes |= (uint16_t)(1u << e->number[f->memrefs[i->c].alias_class]);
        } else if (effects_writes_all(f, i)) {
            return UINT16_MAX;
        }
    }
    return classes;
}

/* A loop writes the classes that its blocks and its inner loops write; inner loops come later in
 * the order, so it is read backwards. */
static void find_written(const struct ir_function *f, const struct ir_cfg *cfg, struct effects *e)
{
    for (uint32_t n = cfg->count; n-- > 0;) {
        uint32_t block = cfg->order[n], header = cfg->loop[block];
        if (header == IR_NONE) {
            continue;
        }
        e->written[header] |= written_in(f, e, block);
        if (header == block && cfg->outer[block] != IR_NONE) {
            e->written[cfg->outer[block]] |= e->written[block];
        }
    }
}

enum status effects_make(struct arena *a, const struct ir_function *f, const struct ir_cfg *cfg,
                         struct effects *out)
{
    out->count = 0;
    out->written = arena_alloc(a, (size_t)f->block_count * sizeof *out->written);
    if (out->written == NULL) {
        return E_NOMEM;
    }
    number_classes(f, out);
    find_written(f, cfg, out);
    return OK;
}
