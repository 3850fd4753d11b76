// SPDX-License-Identifier: MIT
//
// Page-table descriptors that the kernel itself never writes.
#include "tests/kernel/provoke.h"

#include "hal_arch/sysreg.h"

paddr_t provoke_root(void)
{
    return paddr(read_ttbr1_el1() & PTE_ADDR);
}

/* PXN is set, as in a page of user mode. Without it EL1 may execute a
 * page that EL0 can only read. */
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

vaddr_t provoke_late_breakpoint(vaddr_t function)
{
    return function;
}
