// SPDX-License-Identifier: MIT
//
// Descriptors that the kernel never makes.
#include "tests/kernel/provoke.h"

#include "hal_arch/sysreg.h"

paddr_t provoke_root(void)
{
    return paddr(read_ttbr1_el1() & PTE_ADDR);
}

/* PXN as a user's page would have it: without, EL1 may execute what EL0 can only read. */
pte_t provoke_user(pte_t entry, unsigned level)
{
    if (level > 0) {
        entry.raw &= ~(PTE_TABLE_AP_EL0 | PTE_TABLE_UXN);
        return entry;
    }
    entry.raw |= PTE_AP_EL0 | PTE_PXN;
    entry.raw &= ~PTE_UXN;
    return entry;
}

pte_t provoke_writable(pte_t entry)
{
    entry.raw &= ~PTE_AP_RO;
    return entry;
}
