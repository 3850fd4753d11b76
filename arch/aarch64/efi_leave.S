// SPDX-License-Identifier: MIT
//
// From the state of UEFI firmware (MMU and caches on) to the one that entry.S expects.
#include "arch/aarch64/asm.inc"
#include "hal_arch/sysreg.h"

        .text

/*
 * void efi_leave(uintptr_t entry, const struct boot_efi *efi, uint64_t counter)
 * Turn the MMU and the data cache off and jump to entry_from_efi in the image's copy, with the other two arguments.
 * The caller has cleaned to memory everything that this code reads or writes. Boot services have ended.
 */
FUNCTION efi_leave
        msr     daifset, #0xf

        // Once the cache is off, the next instructions are fetched from memory: clean them.
        ADDRESS x4, efi_leave
        ADDRESS x5, efi_leave_end
        mrs     x6, ctr_el0
        ubfx    x6, x6, #16, #4
        mov     x7, #4
        lsl     x7, x7, x6              // bytes of the smallest data cache line
        sub     x6, x7, #1
        bic     x4, x4, x6
1:      dc      cvac, x4
        add     x4, x4, x7
        cmp     x4, x5
        b.lo    1b
        dsb     sy
        ic      iallu
        dsb     sy
        isb

        mrs     x4, currentel
        cmp     x4, #(2 << 2)
        b.eq    2f
        CONSTANT x5, SCTLR_EL1_RES1
        msr     sctlr_el1, x5
        isb
        b       3f
2:      CONSTANT x5, SCTLR_EL2_RES1
        msr     sctlr_el2, x5
        isb
        // EL1 registers must access EL1, whatever the firmware used the virtualization host extension for.
        mov     x5, #(1 << 31)          // HCR_EL2.RW
        msr     hcr_el2, x5
        isb
3:      mov     x4, x0
        mov     x0, x1
        mov     x1, x2
        br      x4
efi_leave_end:
END efi_leave
