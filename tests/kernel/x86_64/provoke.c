// SPDX-License-Identifier: MIT
//
// Page-table entries that the kernel itself never writes.
#include "tests/kernel/provoke.h"

#include "hal_arch/sysreg.h"

paddr_t provoke_root(void)
{
    return paddr(read_cr3() & PTE_ADDR);
}

pte_t provoke_user(pte_t entry, unsigned level)
{
    (void)level; /* the same at every level */
    entry.raw |= PTE_US;
    return entry;
}

pte_t provoke_writable(pte_t entry)
{
    entry.raw |= PTE_RW;
    return entry;
}
