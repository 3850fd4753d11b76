// SPDX-License-Identifier: MIT
//
// The first instructions: the headers of the image, EL2 to EL1, vectors, a stack, a zeroed .bss, then C with the MMU
// off (early_main()). Also, on a page that is mapped one to one, the code that turns the MMU on and replaces tables.
//
// The boot protocol (Linux, Documentation/arm64/booting.rst): MMU off, the image clean to the point of coherency,
// DAIF masked, x0 = physical address of the device tree. Everything below is PC-relative.
//
// The same file is a PE32+ application for UEFI firmware, which enters it in efi.c. That path also ends up here, at
// entry_from_efi, in the state of Linux's protocol except for x0 and x1.
#include "arch/aarch64/asm.inc"
#include "hal_arch/layout.h"
#include "hal_arch/offsets.h"
#include "hal_arch/sysreg.h"

        // For kernel.lds, which compares the values.
        .globl  layout_image_base, layout_console_page, layout_stack_bit
        .set    layout_image_base, HAL_IMAGE_BASE
        .set    layout_console_page, HAL_CONSOLE_PAGE_OFFSET
        .set    layout_stack_bit, STACK_BIT

        .section .text.head, "ax"

        .globl  _head
_head:
        add     x13, x18, #0x16         // code0: its bytes start with "MZ"; the instruction has no useful effect
        b       entry                   // code1
        .quad   0                       // text_offset: from a 2 MiB boundary
        // the whole image, including .bss and boot stack: with 0 the loader could move the kernel
        .quad   __image_size
        .quad   0xa                     // little-endian, 4 KiB pages, anywhere in RAM
        .quad   0, 0, 0
        .ascii  "ARM\x64"
        .long   __pe_header             // where a DOS header has the offset of the PE header

/*
 * From efi_leave, in the copy of the image that will run: MMU off, HCR_EL2 neutral.
 * in: x0 = struct boot_efi, x1 = counter when the firmware ended
 */
FUNCTION entry_from_efi
        CFI_OUTERMOST
        mov     x21, x1
        mov     x22, #1
        b       entry_common
END entry_from_efi

/* x19 = exception level at entry, x20 = device tree or struct boot_efi, x21 = counter, x22 = whether from EFI */
LOCAL_FUNCTION entry
        CFI_OUTERMOST
        mov     x22, xzr
        mrs     x21, cntvct_el0
entry_common:
        msr     daifset, #0xf
        msr     spsel, #1
        mov     x20, x0
        mrs     x19, currentel
        lsr     x19, x19, #2
        ADDRESS x1, __boot_stack_end
        mov     sp, x1
        mov     x29, xzr
        mov     x30, xzr

        // If the stack is not in working memory (flash, no memory), C code would go wrong without any report: test it
        // first.
        str     x1, [sp, #-16]
        ldr     x2, [sp, #-16]
        cmp     x1, x2
        b.ne    refuse_memory

        // Vectors of the level we are at, before anything that could need them.
        cmp     x19, #2
        b.hi    refuse_el3
        b.lo    1f
        ADDRESS x1, vectors_el2
        msr     vbar_el2, x1
        cbnz    x22, 1f
        mrs     x21, cntpct_el0         // virtual time equals this once its offset is 0
1:      ADDRESS x1, vectors
        msr     vbar_el1, x1
        ADDRESS x1, boot_cpu
        msr     tpidr_el1, x1
        msr     sp_el0, xzr             // hal_this_thread(): none yet
        isb

        // .bss is not in the file. The boot stack is not in .bss.
        ADDRESS x1, __bss_start
        ADDRESS x2, __bss_end
2:      stp     xzr, xzr, [x1], #16
        stp     xzr, xzr, [x1], #16
        stp     xzr, xzr, [x1], #16
        stp     xzr, xzr, [x1], #16
        cmp     x1, x2
        b.lo    2b

        cmp     x19, #2
        b.lo    enter_el1
        bl      el2_prove_vectors
        bl      el2_release_el1
        adr     x1, enter_el1
        msr     elr_el2, x1
        mov     x1, #(PSTATE_EL1H | PSTATE_DAIF)
        msr     spsr_el2, x1
        mov     x1, sp
        msr     sp_el1, x1
        ADDRESS x1, el2_stack_end       // EL2 runs again only to report an error
        mov     sp, x1
        eret
END entry

/*
 * Another CPU, from PSCI's CPU_ON: MMU off; without a stack until it is on.
 * in: x0 = physical address of its struct early_switch
 */
FUNCTION entry_cpu
        CFI_OUTERMOST
        msr     daifset, #0xf
        msr     spsel, #1
        mov     x20, x0
        mrs     x19, currentel
        lsr     x19, x19, #2
        cmp     x19, #2
        b.hi    4f                      // EL3: firmware violates PSCI
        b.lo    3f
        ADDRESS x1, vectors_el2
        msr     vbar_el2, x1
        bl      el2_release_el1
        adr     x1, 3f
        msr     elr_el2, x1
        mov     x1, #(PSTATE_EL1H | PSTATE_DAIF)
        msr     spsr_el2, x1
        ADDRESS x1, el2_stack_end       // shared by all CPUs, for reporting an error
        mov     sp, x1
        isb
        eret
3:      CONSTANT x1, SCTLR_EL1_RES1
        msr     sctlr_el1, x1
        mov     x1, #CPACR_FP
        msr     cpacr_el1, x1
        ADDRESS x1, vectors
        msr     vbar_el1, x1
        msr     sp_el0, xzr             // hal_this_thread(): none yet
        isb
        mov     x0, x20
        b       mmu_enable
4:      wfi
        b       4b
END entry_cpu

/*
 * The first instruction of another CPU at link addresses. A function that returns the settings loads the key for
 * return addresses, which are signed from then on.
 */
FUNCTION enter_high_cpu
        CFI_OUTERMOST
        bl      cpu_start_settings      // returns SCTLR_EL1
        msr     sctlr_el1, x0
        isb
        bl      cpu_start_main
        brk     #0                      // it must not return
END enter_high_cpu

/* EL1, MMU off. */
LOCAL_FUNCTION enter_el1
        CFI_OUTERMOST
        CONSTANT x1, SCTLR_EL1_RES1
        msr     sctlr_el1, x1
        mov     x1, #CPACR_FP
        msr     cpacr_el1, x1
        isb
        msr     daifclr, #((PSTATE_A | PSTATE_F) >> 6) // pending exceptions are reported here, by name

        mov     x0, x20
        mov     x1, x19
        adr     x2, _head
        mov     x3, x21
        mov     x4, x22
        bl      early_main              // returns what mmu_enable needs
        b       mmu_enable
END enter_el1

/* The first instruction at link addresses. A call, so that call chains have an end. */
FUNCTION enter_high
        CFI_OUTERMOST
        bl      early_high
        brk     #0                      // it must not return
END enter_high

/* No loader starts a flat Image at EL3: report it and stop. The vectors of EL3 remain the firmware's. */
LOCAL_FUNCTION refuse_el3
        CFI_OUTERMOST
        bl      early_refuse_el3
3:      wfi
        b       3b
END refuse_el3

/* Stores to the image's memory are lost: report that with registers and read-only data only. */
LOCAL_FUNCTION refuse_memory
        CONSTANT x1, CONSOLE_ON_VIRT
        adr     x2, memory_text
1:      ldrb    w3, [x2], #1
        cbz     w3, 3f
2:      ldr     w4, [x1, #CONSOLE_FLAGS]
        tbnz    w4, #CONSOLE_FULL_BIT, 2b
        str     w3, [x1]
        b       1b
3:      mov     x0, #0x03               // semihosting SYS_WRITEC: the record of hal_exit_record()
        adr     x1, memory_record
        hlt     #0xf000
        mov     x0, #0x03
        adr     x1, memory_record + 1
        hlt     #0xf000
        mov     x0, #0x20               // SYS_EXIT_EXTENDED
        adr     x1, memory_block
        hlt     #0xf000
4:      wfi
        b       4b
memory_text:
        .asciz  "\r\nPANIC: boot: memory loses written data where the image was loaded\r\nPANIC END\r\n"
memory_record:
        .ascii  "P\0"
        .balign 8
memory_block:
        .quad   0x20026, 0              // as power.c
END refuse_memory

/* Registers x9 to x12 belong to the handler: see el2_sync. */
LOCAL_FUNCTION el2_prove_vectors
        mov     x12, xzr
        brk     #BRK_SELFTEST
        cbz     x12, 1f
        ret
1:      b       early_el2_vectors_failed
END el2_prove_vectors

/*
 * Give EL1 access to everything that EL2 could restrict, so that EL1 need not know whether EL2 exists. The
 * architecture leaves the reset values of all these registers undefined.
 */
LOCAL_FUNCTION el2_release_el1
        CONSTANT x1, SCTLR_EL2_RES1
        msr     sctlr_el2, x1
        // HCR_EL2: EL1 is AArch64 (RW), pointer authentication is not trapped (API, APK), no stage 2.
        mov     x1, #(1 << 31)
        orr     x1, x1, #(3 << 40)
        msr     hcr_el2, x1
        isb
        // EL1 may use counter and timers; virtual time equals physical time.
        mov     x1, #3
        msr     cnthctl_el2, x1
        msr     cnthp_ctl_el2, xzr      // EL2's own timer, which firmware may have used
        msr     cntvoff_el2, xzr
        // Do not trap floating point; trap SVE, as CPACR_EL1 does. The rest is RES1.
        mov     x1, #0x33ff
        msr     cptr_el2, x1
        msr     hstr_el2, xzr
        msr     vttbr_el2, xzr
        mrs     x1, midr_el1
        msr     vpidr_el2, x1
        mrs     x1, mpidr_el1
        msr     vmpidr_el2, x1

        // MDCR_EL2: EL1 may use debug and performance counters; HPMN keeps its reset value.
        mrs     x1, mdcr_el2
        and     x1, x1, #0x1f
        msr     mdcr_el2, x1

        // GICv3 system registers, if they exist.
        mrs     x1, id_aa64pfr0_el1
        ubfx    x1, x1, #24, #4
        cbz     x1, 1f
        mrs     x1, s3_4_c12_c9_5       // ICC_SRE_EL2
        orr     x1, x1, #1              // SRE
        orr     x1, x1, #8              // Enable: EL1 may use ICC_SRE_EL1
        msr     s3_4_c12_c9_5, x1
        isb
        mrs     x1, s3_4_c12_c9_5
        tbz     x1, #0, 1f              // it stays 0 if the controller is a GICv2
        msr     s3_4_c12_c11_0, xzr     // ICH_HCR_EL2

        // Fine-grained traps, if they exist.
1:      mrs     x1, id_aa64mmfr0_el1
        ubfx    x1, x1, #56, #4
        cbz     x1, 2f
        msr     s3_4_c1_c1_4, xzr       // HFGRTR_EL2
        msr     s3_4_c1_c1_5, xzr       // HFGWTR_EL2
        msr     s3_4_c1_c1_6, xzr       // HFGITR_EL2
        msr     s3_4_c3_c1_4, xzr       // HDFGRTR_EL2
        msr     s3_4_c3_c1_5, xzr       // HDFGWTR_EL2
2:      mrs     x1, id_aa64mmfr1_el1
        ubfx    x1, x1, #40, #4
        cbz     x1, 3f
        msr     s3_4_c1_c2_2, xzr       // HCRX_EL2
3:      isb
        ret
END el2_release_el1

/*
 * This page is mapped one to one while the MMU is turned on and while tables are replaced: for a moment nothing else
 * can be fetched. early.c maps it in TTBR0's half, mmu.c removes it again.
 */
        .section .text.idmap, "ax"
        .globl  idmap_start
idmap_start:

/*
 * Turn the MMU and the caches on and call a function at its link address.
 * in: x0 = struct early_switch; D and I masked; this CPU has written nothing through a cache so far
 */
FUNCTION mmu_enable
        ldp     x1, x2, [x0, #SWITCH_TTBR0]
        ldp     x3, x4, [x0, #SWITCH_TCR]
        ldr     x5, [x0, #SWITCH_SCTLR]
        ldp     x6, x7, [x0, #SWITCH_DIRTY]
        ldp     x8, x9, [x0, #SWITCH_VECTORS]
        ldp     x10, x11, [x0, #SWITCH_STACK]
        msr     daifset, #0xf

        // Old cache lines must not hide data that was stored with the caches off: drop them.
        mrs     x12, ctr_el0
        ubfx    x12, x12, #16, #4
        mov     x13, #4
        lsl     x13, x13, x12           // bytes of the smallest data cache line
1:      cmp     x6, x7
        b.hs    2f
        dc      ivac, x6
        add     x6, x6, x13
        b       1b
2:      dsb     sy

        msr     mair_el1, x4
        msr     tcr_el1, x3
        msr     ttbr0_el1, x1
        msr     ttbr1_el1, x2
        isb
        tlbi    vmalle1
        ic      iallu
        dsb     nsh
        isb

        // From here on a fault is reported through the high addresses, even one on the next fetch.
        msr     vbar_el1, x8
        msr     tpidr_el1, x9
        mov     sp, x10
        mov     x29, xzr
        mov     x30, xzr
        isb
        msr     sctlr_el1, x5
        isb
        msr     daifclr, #((PSTATE_A | PSTATE_F) >> 6)
        br      x11
END mmu_enable

/*
 * void mmu_replace_ttbr1(uint64_t table)
 * Called at its physical address. Old and new tables may contradict each other, so neither is in use in between.
 * in: x0 = physical address of the new root    clobbers: x9, x10    IRQs: any, restored
 */
FUNCTION mmu_replace_ttbr1
        mrs     x9, daif
        msr     daifset, #0xf
        dsb     ish                     // the new tables are in memory
        mrs     x10, tcr_el1
        orr     x10, x10, #TCR_EPD1
        msr     tcr_el1, x10
        isb
        tlbi    vmalle1
        dsb     nsh
        isb
        msr     ttbr1_el1, x0
        isb
        bic     x10, x10, #TCR_EPD1
        msr     tcr_el1, x10
        isb
        msr     daif, x9
        ret
END mmu_replace_ttbr1

        .globl  idmap_end
idmap_end:

        .section .bss.el2_stack, "aw", %nobits
        .balign 16
        .skip   2048
el2_stack_end:
