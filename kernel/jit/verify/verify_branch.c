// SPDX-License-Identifier: MIT
//
// The ends of blocks: the facts on each outgoing edge.
#include "kernel/jit/verify/verify_internal.h"

#include "kernel/lib/sort.h"

/* Add the facts of the condition to the taken edge, and those of its opposite to the other. */
bool verify_branch(struct verifier *v, const struct verify_insn *i)
{
    struct block *b = v->now;
    struct comparison c = v->flags;
    unsigned cond = i->cond;
    if (i->op == VERIFY_BRANCH_BIT) {
        return value_demand(v, value_register(v, i->a), DEMAND_NUMBER);
    }
    if (i->op == VERIFY_BRANCH_ZERO) {
        uint32_t a = value_register(v, i->a);
        if (!value_demand(v, a, i->size == 8 ? DEMAND_DEFINED : DEMAND_NUMBER)) {
            return false;
        }
        c = (struct comparison){.a = a, .b = ZERO_NODE, .size = i->size, .is_valid = true};
    }
    b->edge_facts[0] = fact_from(v, v->facts_now, &c, cond);
    b->edge_facts[1] = fact_from(v, v->facts_now, &c, fact_opposite(cond));
    return v->status == OK;
}

bool verify_starts_with_pad(const struct verifier *v, uint32_t block)
{
    unsigned op = v->insns[v->blocks[block].first].op;
    return op == VERIFY_PAD_JUMP || (op == VERIFY_PAD && v->m->unit == 1);
}

/* The comparison, the branch and the jump are one sequence, and no branch leads into it. */
bool verify_jump_table(struct verifier *v, const struct verify_insn *i)
{
    uint32_t insn = (uint32_t)(i - v->insns);
    const struct block *b = v->now;
    const struct verify_table *t =
        &v->tables[SORTED_FIND(v->tables, v->table_count, insn, insn)].table;
    const struct block *before = b->pred_count == 0 ? b : &v->blocks[v->edges[b->preds] >> 1];
    bool is_whole = b->first + 3 == insn && b->pred_count == 1 && before->first <= t->from &&
                    before->first + before->count == t->compare + 2;
    if (!is_whole || v->insns[insn - 2].index != t->index || v->insns[insn - 3].d == t->index) {
        return verify_refuse(v, "a jump through a table whose index was not compared");
    }
    for (uint32_t s = 0; v->shape->has_pads && s < b->succ_count; s++) {
        if (!verify_starts_with_pad(v, v->edges[b->succs + s])) {
            return verify_refuse(v, "a target of a table that is no landing pad");
        }
    }
    return true;
}
