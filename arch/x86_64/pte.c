// SPDX-License-Identifier: MIT
//
// The permission rules of x86-64 paging for supervisor accesses: Intel SDM volume 3A, 4.6 "Access
// Rights". Pure; also builds on the host and in 32-bit mode, before paging.
#include "hal_arch/pte.h"

/* Address bits of a large leaf that must be zero:
 * between PAT (bit 12) and the leaf's own alignment. */
static uint64_t reserved_bits(pte_t e, unsigned level, const struct hal_pte_rules *rules)
{
    uint64_t bits = rules->nxe ? 0 : e.raw & PTE_NX;
    if (level == 3) {
        bits |= e.raw & PTE_PS;
    } else if (level > 0 && (e.raw & PTE_PS) != 0) {
        uint64_t below = ((uint64_t)1 << (12 + 9 * level)) - 1;
        bits |= e.raw & below & PTE_ADDR & ~PTE_PAT_N;
    }
    return bits;
}

const char *hal_pte_denies(const pte_t *path, unsigned leaf, enum fault_access access,
                           const struct hal_pte_rules *rules)
{
    bool writable = true, user = true, no_execute = false;
    for (unsigned level = leaf; level <= 3; level++) {
        pte_t e = path[level];
        if (reserved_bits(e, level, rules) != 0) {
            return "a reserved bit is set";
        }
        writable = writable && (e.raw & PTE_RW) != 0;
        user = user && (e.raw & PTE_US) != 0;
        no_execute = no_execute || (e.raw & PTE_NX) != 0;
    }

    switch (access) {
    case FAULT_EXEC:
        if (no_execute) {
            return "no-execute is set on the path";
        }
        return user && rules->smep ? "a user page is not executable in ring 0 under SMEP" : NULL;
    case FAULT_WRITE:
        if (!writable && rules->wp) {
            return "read-only on the path";
        }
        break;
    default:
        break;
    }
    return user && rules->smap ? "a user page is not accessible in ring 0 under SMAP" : NULL;
}
