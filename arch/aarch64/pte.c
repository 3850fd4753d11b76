// SPDX-License-Identifier: MIT
//
// The permission rules of stage 1 translation for EL1 accesses: Arm ARM (DDI 0487), D8.4 "Memory
// access control". Pure; also builds on the host and runs before the MMU is on. One rule is easily
// missed: is_el0_writable below.
#include "hal_arch/pte.h"

const char *hal_pte_denies(const pte_t *path, unsigned leaf, enum fault_access access,
                           const struct hal_pte_rules *rules)
{
    uint64_t d = path[leaf].raw;
    bool el0 = (d & PTE_AP_EL0) != 0;
    bool writable = (d & PTE_AP_RO) == 0;
    bool pxn = (d & PTE_PXN) != 0;
    for (unsigned level = leaf + 1; level <= 3; level++) {
        uint64_t t = path[level].raw;
        if ((t & PTE_TABLE) == 0) {
            return "a block descriptor where only a table may be";
        }
        el0 = el0 && (t & PTE_TABLE_AP_EL0) == 0;
        writable = writable && (t & PTE_TABLE_AP_RO) == 0;
        pxn = pxn || (t & PTE_TABLE_PXN) != 0;
    }
    if ((d & PTE_AF) == 0) {
        return "the access flag is clear";
    }

    if (access == FAULT_EXEC) {
        /* AArch64 makes memory that EL0 can write non-executable
         * at EL1, without any visible PXN bit. */
        bool is_el0_writable = el0 && writable;
        if (pxn) {
            return "PXN is set on the path";
        }
        if (is_el0_writable) {
            return "EL0 can write it (AP[1]), so EL1 does not execute it";
        }
        if (rules->wxn && writable) {
            return "writable, and SCTLR_EL1.WXN is set";
        }
        return hal_pte_type(path[leaf], leaf) == MEM_DEVICE ? "device memory is not executable"
                                                            : NULL;
    }
    if (el0 && rules->pan) {
        return "EL0 may access it (AP[1]), so EL1 under PAN may not";
    }
    return access == FAULT_WRITE && !writable ? "read-only on the path (AP[2])" : NULL;
}
