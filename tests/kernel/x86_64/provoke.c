// SPDX-License-Identifier: MIT
//
// Page-table entries that the kernel itself never writes, and a breakpoint that comes late.
#include "tests/kernel/provoke.h"

#include "arch/x86_64/text.h"
#include "hal_arch/frame.h"
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

vaddr_t provoke_late_breakpoint(vaddr_t function)
{
    struct hal_frame frame = {.rip = function + 1};
    return text_pass_breakpoint(&frame) ? frame.rip : 0;
}
