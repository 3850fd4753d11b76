// SPDX-License-Identifier: MIT
//
// Macros for the tiny guests of test_run.py and test_redirect.py: 32-bit code, entered by PVH.

        .section .note.pvh, "a", @note
        .long   4, 4, 18
        .asciz  "Xen"
        .long   start

        .macro  port_byte port, value
        mov     $\port, %dx
        mov     $\value, %al
        out     %al, %dx
        .endm

        .macro  record kind, status
        port_byte 0x501, \kind
        port_byte 0x501, \status
        .endm

        .macro  record_eax              // status from a register
        mov     %eax, %ebx
        port_byte 0x501, 'E'
        mov     %ebx, %eax
        out     %al, %dx
        .endm

        .macro  finish                  // through the debug-exit device
        port_byte 0xf4, 0x10
        hang
        .endm

        .macro  hang
777:    hlt
        jmp     777b
        .endm

        .macro  spin                    // hang without halting
777:    jmp     777b
        .endm

        .macro  reset
        port_byte 0xcf9, 6
        hang
        .endm

        .macro  hole                    // an access that QEMU reports
        mov     0xfec80000, %eax
        .endm

        .macro  print text
        mov     $778f, %esi
        call    print_string
        jmp     779f
778:    .asciz  "\text"
779:
        .endm

        .macro  delay
        mov     $20000000, %ecx
780:    dec     %ecx
        jnz     780b
        .endm

        .macro  storm                   // an exception whose handler returns to its cause
        lidt    storm_idtr
        ud2
        .endm

        .section .text, "ax"
        .code32
        .globl  start
start:
        mov     $stack_end, %esp
        lgdt    gdtr
        ljmp    $8, $1f
1:      mov     $16, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        port_byte 0x3fa, 7              // enabling the FIFO drops a byte that came too early
        jmp     body

/* Send al when there is room. */
put_byte:
        mov     %al, %bl
        mov     $0x3fd, %dx
7:      in      %dx, %al
        test    $0x20, %al
        jz      7b
        mov     $0x3f8, %dx
        mov     %bl, %al
        out     %al, %dx
        ret

print_string:
        lodsb
        test    %al, %al
        jz      3f
        call    put_byte
        jmp     print_string
3:      ret

/* Send back what arrives until a q, a newline as CR LF. */
echo_until_q:
        mov     $0x3fd, %dx
4:      in      %dx, %al
        test    $1, %al
        jz      4b
        mov     $0x3f8, %dx
        in      %dx, %al
        cmp     $'q', %al
        je      6f
        cmp     $'\n', %al
        jne     5f
        mov     $'\r', %al
        call    put_byte
        mov     $'\n', %al
5:      call    put_byte
        jmp     echo_until_q
6:      ret

handler:
        iret

        .balign 8
gdt:    .quad   0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr:   .word   23
        .long   gdt
storm_idt:
        .zero   48
        .word   0x1000, 8, 0x8e00, 0x20 // handler_page, below
storm_idtr:
        .word   55
        .long   storm_idt

        .section .handler, "ax"
        iret

        .section .bss
        .zero   4096
stack_end:

        .section .text
body:
