// SPDX-License-Identifier: MIT
//
// The first instructions: from any state in which a Multiboot2 or PVH loader leaves the machine, through 32-bit mode
// with its own GDT, stack and IDT, into 64-bit mode at the image's new address. Everything else in 32-bit mode
// (checks, moving the image, tables, messages) is C: boot32/. 64-bit mode starts with early.c.
//
// .boot is linked at its physical address; paging is off while it runs, except for the last instructions.

#include "arch/x86_64/asm.inc"
#include "hal_arch/layout.h"
#include "hal_arch/offsets.h"
#include "hal_arch/sysreg.h"

// For kernel.lds, which has no preprocessor.
        .macro  PUBLISH name, value
        .globl  \name
        .set    \name, \value
        .endm
        PUBLISH layout_image_base, HAL_IMAGE_BASE
        PUBLISH layout_boot_phys, HAL_BOOT_PHYS
        PUBLISH layout_stack_phys, HAL_STACK_PHYS
        PUBLISH layout_text_phys, HAL_TEXT_PHYS

#define MULTIBOOT2_MAGIC 0xe85250d6
#define HANDOFF_SIZE 16 /* struct early_handoff, early.c */
#define STATUS_PORT 0x501 /* isa-debugcon, the status channel: hal/power.h */

        .section .boot.header, "a"
// Multiboot2 specification 3.1. No relocatable tag: GRUB would move an image that is linked to a fixed address.
        .balign 8
multiboot2_header:
        .long   MULTIBOOT2_MAGIC
        .long   0                       // i386, 32-bit protected mode
        .long   multiboot2_end - multiboot2_header
        .long   -(MULTIBOOT2_MAGIC + (multiboot2_end - multiboot2_header))
        .word   5, 1                    // a framebuffer is wanted (optional)
        .long   20
        .long   1024, 768, 32
        .balign 8
        .word   6, 0                    // modules aligned to pages
        .long   8
        .word   0, 0                    // end
        .long   8
multiboot2_end:
        .size   multiboot2_header, . - multiboot2_header

        .section .note.pvh, "a", @note
// XEN_ELFNOTE_PHYS32_ENTRY: QEMU's -kernel starts an ELF file with this note.
        .balign 4
        .long   4, 4, 18
        .asciz  "Xen"
        .long   boot_entry

        .section .boot.text, "ax"
        .code32
/*
 * in: eax Multiboot2's magic (PVH: anything), ebx the loader's structure, 32-bit protected mode, no paging, no stack.
 * Every control register is written completely, because UEFI firmware leaves bits set in all of them.
 */
        .globl  boot_entry
        .type   boot_entry, @function
boot_entry:
        cli
        cld
        movl    %eax, %esi
        rdtsc                           // boot time counts from here
        movl    %eax, %edi
        movl    %edx, %ebp

        // Tell the runner that firmware has ended: EXIT_ENTERED, 0.
        movw    $STATUS_PORT, %dx
        movb    $'K', %al
        outb    %al, %dx
        xorl    %eax, %eax
        outb    %al, %dx

        lgdtl   boot_gdt_pointer
        ljmpl   $SEL_CODE32, $1f
1:      movw    $SEL_DATA, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        xorl    %eax, %eax
        movw    %ax, %fs
        movw    %ax, %gs
        movl    $boot_stack_phys_end, %esp
        lidtl   boot_idt_pointer        // from here on a fault is reported
        movl    $(CR0_PE | CR0_MP | CR0_ET | CR0_NE), %eax
        movl    %eax, %cr0
        xorl    %eax, %eax
        movl    %eax, %cr4
        pushl   %eax
        popfl

        // struct early_handoff, at the top of the stack until early.c has read it
        pushl   %ebp
        pushl   %edi
        pushl   %ebx
        pushl   %esi

        // Prove that the IDT works: its handler for this breakpoint increments ecx.
        xorl    %ecx, %ecx
        .globl  boot_breakpoint
boot_breakpoint:
        int3
        movl    %esp, %eax
        pushl   %eax                    // struct early_handoff
        pushl   %ecx
        call    boot32_main             // returns the root of the bootstrap tables
        addl    $8, %esp

        ENTER_LONG_MODE
        ljmpl   $SEL_CODE, $2f
        .code64
2:      movabsq $entry64, %rax          // relocated with the image
        jmpq    *%rax
        .size   boot_entry, . - boot_entry

/*
 * The 32-bit IDT, for exceptions only; interrupts are masked. Stub n is at HAL_BOOT_PHYS + 16 n, a number that the
 * assembler can split into the halves of a gate.
 */
        .section .boot.stubs, "ax"
        .code32
        .globl  boot_stubs
        .type   boot_stubs, @function
boot_stubs:
        .set    vector, 0
        .rept   32
        .balign 16
        .if     !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
        pushl   $0                      // where other exceptions have an error code
        .endif
        pushl   $vector
        jmp     boot_exception
        .set    vector, vector + 1
        .endr

// On the stack: the start of struct boot32_fault.
boot_exception:
        cmpl    $3, (%esp)
        jne     1f
        cmpl    $(boot_breakpoint + 1), 8(%esp)
        jne     1f
        incl    %ecx
        addl    $8, %esp
        iretl
1:      movl    %cr2, %eax
        pushl   %eax
        pushl   %esp
        call    boot32_exception        // does not return
        .size   boot_stubs, . - boot_stubs

        .section .boot.rodata, "a"
        .balign 8
        .set    vector, 0
boot_idt:
        .rept   32
        .word   16 * vector
        .word   SEL_CODE32, 0x8e00      // present, 32-bit interrupt gate
        .word   HAL_BOOT_PHYS >> 16
        .set    vector, vector + 1
        .endr
boot_idt_pointer:
        .word   . - boot_idt - 1
        .long   boot_idt

        .balign 8
boot_gdt:
        .quad   0
        .quad   0x00af9b000000ffff      // SEL_CODE: 64-bit code
        .quad   0x00cf93000000ffff      // SEL_DATA
        .quad   0x00cf9b000000ffff      // SEL_CODE32
boot_gdt_pointer:
        .word   . - boot_gdt - 1
        .long   boot_gdt

        .text
        .code64
/*
 * The first 64-bit instructions in the image's half, with the bootstrap tables. Descriptor tables come first: until
 * cpu_load_boot_tables() returns, no fault can be reported. They are in boot_cpu, which is cleared before.
 */
        .type   entry64, @function
entry64:
        .cfi_startproc
        .cfi_undefined DWARF_RIP        // call chains end here
        movw    $SEL_DATA, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        xorl    %ebp, %ebp              // backtraces end here
        movq    $__boot_stack_end - HANDOFF_SIZE, %rsp

        // boot_cpu, the start of .bss.
        movq    $__bss_start, %rdi
        movq    $__boot_cpu_end, %rcx
        subq    %rdi, %rcx
        shrq    $3, %rcx
        xorl    %eax, %eax
        rep     stosq

        movq    $boot_cpu, %rdx
        movl    $MSR_GS_BASE, %ecx
        movl    %edx, %eax
        shrq    $32, %rdx
        wrmsr
        call    cpu_load_boot_tables

        // The rest of .bss. It does not contain the stack, and nothing has been written to it before.
        movq    $__boot_cpu_end, %rdi
        movq    $__bss_end, %rcx
        subq    %rdi, %rcx
        shrq    $3, %rcx
        xorl    %eax, %eax
        rep     stosq

        movq    %rsp, %rdi              // struct early_handoff
        call    early_main
        ud2
        .cfi_endproc
        .size   entry64, . - entry64

        .section .boot_stack, "aw", @nobits
        .balign 4096
        .skip   STACK_SIZE

// The boot CPU's interrupt stacks, enum ist of hal_arch/percpu.h; kernel.lds places them after .bss.
        .section .ist_stacks, "aw", @nobits
        .balign 4096
        .globl  ist_stacks
ist_stacks:
        .skip   IST_STACKS * IST_STACK_SPAN
