// SPDX-License-Identifier: MIT
//
// The start of another CPU: in real mode, at the start of a page below 1 MiB to which ap.c copies this code, through
// protected mode into 64-bit mode at the linked address. Until then a fault resets the machine, so there is as little
// code as possible, and it relies only on features that were checked on the boot CPU.
//
// SDM volume 3A, 9.4 (multiple-processor initialisation) and 9.8.5.

#include "arch/x86_64/asm.inc"
#include "hal_arch/offsets.h"
#include "hal_arch/sysreg.h"

#define CPUID_TOPOLOGY 0xb /* its EDX has the whole APIC id, leaf 1's EBX only the low 8 bits */

        .section .rodata.ap, "a"
        .balign 16
        .globl  ap_code
ap_code:
        .code16
        cli
        cld
        xorl    %ebp, %ebp
        movw    %cs, %bp
        movw    %bp, %ds
        shll    $4, %ebp                // the address of this page
        lgdtl   ap_gdt_pointer - ap_code
        movl    $(CR0_PE | CR0_MP | CR0_ET | CR0_NE), %eax
        movl    %eax, %cr0              // caches on, too: INIT disables them
        ljmpl   *(ap_far32 - ap_code)

        .code32
ap_32:  movw    $SEL_DATA, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        xorl    %eax, %eax
        movw    %ax, %fs
        movw    %ax, %gs

        // Is this CPU still expected? One that comes too late would use the next one's stack.
        cpuid
        cmpl    $CPUID_TOPOLOGY, %eax
        jb      1f
        movl    $CPUID_TOPOLOGY, %eax
        xorl    %ecx, %ecx
        cpuid
        testl   %ebx, %ebx
        jnz     2f
1:      movl    $1, %eax
        cpuid
        movl    %ebx, %edx
        shrl    $24, %edx
2:      cmpl    ap_id - ap_code(%ebp), %edx
        jne     3f

        movl    ap_root - ap_code(%ebp), %eax
        ENTER_LONG_MODE
        ljmpl   *(ap_far64 - ap_code)(%ebp)
3:      cli
        hlt
        jmp     3b

        .code64
ap_64:  movq    ap_cpu - ap_code(%rbp), %rdi
        movq    ap_stack - ap_code(%rbp), %rsp
        jmpq    *(ap_target - ap_code)(%rbp)

        .balign 8
ap_gdt: .quad   0
        .quad   0x00af9b000000ffff      // SEL_CODE
        .quad   0x00cf93000000ffff      // SEL_DATA
        .quad   0x00cf9b000000ffff      // SEL_CODE32

// Filled in by ap.c, in the copy.
        .globl  ap_gdt_pointer, ap_far32, ap_far64, ap_id, ap_root, ap_cpu, ap_stack, ap_target, ap_code_end
        .word   0, 0, 0
ap_gdt_pointer:
        .word   . - ap_gdt - 1
        .long   ap_gdt - ap_code
ap_far32:
        .long   ap_32 - ap_code
        .word   SEL_CODE32, 0
ap_far64:
        .long   ap_64 - ap_code
        .word   SEL_CODE, 0
ap_id:  .long   0
ap_root:
        .long   0
        .balign 8
ap_cpu: .quad   0
ap_stack:
        .quad   0
ap_target:
        .quad   0
ap_code_end:

        .text
/*
 * The first instructions at the linked address, like entry64 of entry.S.
 * in: rdi = struct hal_cpu, rsp = its stack
 */
        .globl  ap_enter
        .type   ap_enter, @function
ap_enter:
        .cfi_startproc
        .cfi_undefined DWARF_RIP        // call chains end here
        xorl    %ebp, %ebp
        movl    $MSR_GS_BASE, %ecx
        movl    %edi, %eax
        movq    %rdi, %rdx
        shrq    $32, %rdx
        wrmsr
        call    cpu_load_tables
        call    ap_main
        ud2
        .cfi_endproc
        .size   ap_enter, . - ap_enter
