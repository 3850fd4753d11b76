// SPDX-License-Identifier: MIT
//
// Register values of the MMU, and the check of tables against them. Separate from mmu.c because all
// of this also runs with the MMU off.
#include "arch/aarch64/cpu.h"
#include "arch/aarch64/mmu.h"
#include "hal_arch/sysreg.h"

uint64_t mmu_tcr(void)
{
    return TCR_T0SZ_48 | TCR_WALK_0 | TCR_TG0_4K | TCR_T1SZ_48 | TCR_WALK_1 | TCR_TG1_4K |
           cpu_physical_range_field() << TCR_IPS_SHIFT;
}

uint64_t mmu_sctlr(void)
{
    uint64_t value = SCTLR_EL1_RES1 | SCTLR_M | SCTLR_C | SCTLR_SA | SCTLR_I | SCTLR_WXN;
    value |= cpu_has_bti() ? SCTLR_BT1 : 0;
    value |= cpu_has_pac() ? SCTLR_ENIA : 0; /* pac_load_key() has been called */
    return cpu_has_pan() ? value & ~(uint64_t)SCTLR_SPAN : value; /* clear: exceptions set PAN */
}

uint64_t mmu_physical_max(void)
{
    return (UINT64_C(1) << cpu_physical_bits()) - 1;
}

unsigned mmu_enforceable(unsigned prot)
{
    return cpu_has_bti() ? prot : prot & ~(unsigned)PROT_GUARDED;
}

struct hal_pte_rules mmu_rules(void)
{
    return (struct hal_pte_rules){.wxn = true, .pan = cpu_has_pan()};
}

const char *mmu_disproof(const struct pagetable *pt, const struct mmu_proof *claim)
{
    const struct hal_pte_rules rules = mmu_rules();
    if (claim->access == FAULT_NONE) {
        struct hal_mapping m;
        return pagetable_query(pt, claim->va, &m) ? "mapped, and should not be" : NULL;
    }
    return pagetable_check(pt, claim->va, claim->access, &rules, &claim->pa);
}
