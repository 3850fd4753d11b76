// SPDX-License-Identifier: MIT
//
// Addresses near one that was accessed already. In WebAssembly the sum of an index and a constant
// wraps at 4 GiB, so that it cannot simply move to the offset of an access, which does not wrap.
// But no memory reaches the last `spare_bytes` of the 4 GiB: when an access at an index did not
// trap, the index lies below them, and adding up to `spare_bytes` to it does not wrap. Compilers
// that unroll a loop make such sequences: p, p + 8, p + 16, all from the same p.
//
// So an access at root + constant becomes one at the nearest lower sum that was accessed, with the
// distance as part of its offset. That saves the addition, and shows that the accesses do not
// overlap (is_beside() in gvn_memory.c).
//
// If a pass moves the second access before the first, nothing changes for the program: where the
// sum would wrap, index + offset lies in the spare bytes or the guard, so the access traps, as the
// first one would have.
#include "kernel/jit/opt/gvn_internal.h"

/* Whether the access can have this offset without a comparison of its own. */
static bool is_in_guard(const struct gvn *g, const struct ir_memref *p, unsigned type,
                        uint64_t offset)
{
    uint64_t guard = g->c.out->module->memories[p->number].guard_bytes;
    unsigned bytes = ir_access_size(p->access, type);
    return bytes <= guard && offset <= guard - bytes;
}

static struct gvn_accessed *place_of(struct gvn *g, uint32_t root)
{
    struct gvn_accessed *grown =
        arena_grow(g->a, g->accessed, &g->accessed_capacity, (uint64_t)root + 1, sizeof *grown);
    if (grown == NULL) {
        g->c.out->error = g->c.out->error == OK ? E_NOMEM : g->c.out->error;
        return NULL;
    }
    g->accessed = grown;
    return &grown[root];
}

/* The latest access with the root is kept, or an earlier one as long as it is the lower of two that
 * are near each other: it serves more of those that follow. */
void gvn_near_access(struct gvn *g, struct ir_instr *i, unsigned type)
{
    struct ir_function *f = g->c.out;
    struct ir_memref p = f->memrefs[i->c];
    if (p.space != IR_SPACE_MEMORY || f->module->memories[p.number].spare_bytes == 0) {
        return;
    }
    uint64_t plus = 0;
    const struct ir_instr *sum = &f->instrs[i->a];
    bool is_sum = sum->op == IR_ADD && fold_is_const(f, sum->b, &plus);
    struct gvn_accessed *known = place_of(g, is_sum ? sum->a : i->a);
    if (known == NULL) {
        return;
    }
    uint32_t spare = f->module->memories[p.number].spare_bytes;
    uint32_t at = is_sum ? (uint32_t)plus : 0, above = at - known->plus;
    bool is_known = known->index_1 != 0 && known->number == p.number &&
                    g->scope.now <= g->scope.last[known->block];
    if (is_known && above != 0 && above <= spare && is_in_guard(g, &p, type, p.offset + above)) {
        p.offset += above;
        i->a = known->index_1 - 1;
        i->c = ir_memref(f, &p);
    } else if (!is_known || above > spare) {
        *known = (struct gvn_accessed){
            .index_1 = i->a + 1, .plus = at, .block = g->scope.now, .number = p.number};
    }
}
