// SPDX-License-Identifier: MIT
//
// Reading page tables: the mapping of an address or a range, and whether the CPU would allow an
// access. pagetable.c changes them.
#include "hal/cpu.h"
#include "hal/pagetable_internal.h"
#include "kernel/lib/compiler.h"

static bool query(const struct pagetable *pt, vaddr_t va, struct hal_mapping *out)
{
    pte_t *slot;
    unsigned level = find_leaf(pt, va, &slot);
    if (level == PT_LEVELS) {
        return false;
    }
    pte_t e = load(slot);
    *out = (struct hal_mapping){.base = hal_pte_addr(e, level),
                                .size = PT_SPAN(level),
                                .prot = hal_pte_prot(e),
                                .type = hal_pte_type(e, level)};
    return true;
}

/* Interrupts are masked, because a CPU that frees tables first waits for this one to serve an
 * interrupt: so no table is freed during the walk. */
bool pagetable_query(const struct pagetable *pt, vaddr_t va, struct hal_mapping *out)
{
    irq_state_t state = hal_irq_save();
    bool found = query(pt, va, out);
    hal_irq_restore(state);
    return found;
}

uint64_t pagetable_absent(const struct pagetable *pt, vaddr_t va)
{
    irq_state_t state = hal_irq_save();
    paddr_t table = pt->root;
    unsigned level = PT_LEVELS - 1;
    pte_t e = load(&entries(pt, table)[index_of(va, level)]);
    while (level > 0 && hal_pte_is_present(e) && !hal_pte_is_leaf(e, level)) {
        table = hal_pte_addr(e, level--);
        e = load(&entries(pt, table)[index_of(va, level)]);
    }
    hal_irq_restore(state);
    return level > 0 && hal_pte_is_none(e) ? PT_SPAN(level) - (va & (PT_SPAN(level) - 1)) : 0;
}

/* The mapping of va, or else the last address that the absent entry covers. Like pagetable_query()
 * this is one walk from the root: between two walks the tables may change. */
static bool query_or_skip(const struct pagetable *pt, vaddr_t va, struct hal_mapping *m,
                          vaddr_t *last)
{
    irq_state_t state = hal_irq_save();
    bool found = query(pt, va, m);
    if (!found) {
        paddr_t table = pt->root;
        unsigned level = PT_LEVELS - 1;
        pte_t e = load(&entries(pt, table)[index_of(va, level)]);
        while (level > 0 && hal_pte_is_present(e)) {
            table = hal_pte_addr(e, level--);
            e = load(&entries(pt, table)[index_of(va, level)]);
        }
        *last = va | (PT_SPAN(level) - 1);
    }
    hal_irq_restore(state);
    return found;
}

/* The first mapped address at or after va; skips memory that an absent entry covers. false: none up
 * to `to`. */
static bool next_mapped(const struct pagetable *pt, vaddr_t *va, vaddr_t to, struct hal_mapping *m)
{
    vaddr_t last;
    while (!query_or_skip(pt, *va, m, &last)) {
        if (last >= to) {
            return false;
        }
        *va = last + 1;
    }
    return true;
}

void pagetable_walk(const struct pagetable *pt, vaddr_t from, vaddr_t to,
                    void (*fn)(void *ctx, vaddr_t va, uint64_t size, const struct hal_mapping *m),
                    void *ctx)
{
    struct hal_mapping run = {0}, m;
    vaddr_t run_va = 0;
    uint64_t run_size = 0;
    for (vaddr_t va = from; next_mapped(pt, &va, to, &m);) {
        va &= ~(vaddr_t)(m.size - 1);
        bool continues = run_size > 0 && va == run_va + run_size && m.prot == run.prot &&
                         m.type == run.type && m.base.raw == run.base.raw + run_size;
        if (continues) {
            run_size += m.size;
        } else {
            if (run_size > 0) {
                fn(ctx, run_va, run_size, &run);
            }
            run = m;
            run_va = va;
            run_size = m.size;
        }
        if (m.size - 1 >= to - va) {
            break;
        }
        va += m.size;
    }
    if (run_size > 0) {
        fn(ctx, run_va, run_size, &run);
    }
}

const char *pagetable_check(const struct pagetable *pt, vaddr_t va, enum fault_access access,
                            const struct hal_pte_rules *rules, const paddr_t *expect)
{
    pte_t path[PT_LEVELS];
    paddr_t table = pt->root;
    unsigned level = PT_LEVELS - 1;
    for (;; level--) {
        path[level] = load(&entries(pt, table)[index_of(va, level)]);
        if (!hal_pte_is_present(path[level])) {
            return "not mapped";
        }
        if (hal_pte_is_leaf(path[level], level)) {
            break;
        }
        if (level == 0) {
            return "a table entry at the last level";
        }
        table = hal_pte_addr(path[level], level);
    }
    if (expect != NULL &&
        hal_pte_addr(path[level], level).raw + (va & (PT_SPAN(level) - 1)) != expect->raw) {
        return "mapped to another physical address";
    }
    return hal_pte_denies(path, level, access, rules);
}
