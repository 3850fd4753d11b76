// SPDX-License-Identifier: MIT
//
// Macros for the tiny guests of test_run.py and test_redirect.py: a flat Image at EL1, MMU off.

        .section .text.head, "ax"
        .globl  start
start:
        b       entry
        .long   0
        .quad   0, 0x200000, 0xa
        .quad   0, 0, 0
        .ascii  "ARM\x64"
        .long   0

        .macro  semihost number
        mov     x0, #\number
        hlt     #0xf000
        .endm

        .macro  record kind, status
        adr     x1, 776f
        semihost 3
        adr     x1, 776f + 1
        semihost 3
        b       775f
776:    .byte   \kind, \status, 0, 0
775:
        .endm

        .macro  record_eax              // status from x20
        adr     x2, 776f
        strb    w20, [x2, #1]
        mov     x1, x2
        semihost 3
        adr     x1, 776f + 1
        semihost 3
        b       775f
776:    .byte   'E', 0, 0, 0
775:
        .endm

        .macro  finish
        adr     x1, exit_block
        semihost 0x20
        hang
        .endm

        .macro  hang
777:    wfi
        b       777b
        .endm

        .macro  spin
777:    b       777b
        .endm

        .macro  reset
        movz    x0, #0x8400, lsl #16
        movk    x0, #9
        hvc     #0
        hang
        .endm

        // a store to flash that is not a valid command; most stores of 0 are
        .macro  hole
        mov     x1, #0x1000
        mov     w2, #0x1234
        str     w2, [x1]
        .endm

        .macro  print text
        adr     x1, 778f
        bl      print_string
        b       779f
778:    .asciz  "\text"
        .balign 4
779:
        .endm

        .macro  delay
        mov     x3, #20000000 & 0xffff0000
780:    subs    x3, x3, #1
        b.ne    780b
        .endm

        .macro  storm                   // vectors that fault on their own first instruction
        adr     x0, storm_vectors
        msr     vbar_el1, x0
        isb
        udf     #0
        .endm

        .text
entry:
        adr     x0, stack_end
        mov     sp, x0
        b       body

print_string:
        mov     x2, #0x09000000
2:      ldrb    w3, [x1], #1
        cbz     w3, 3f
        str     w3, [x2]
        b       2b
3:      ret

/* Send back what arrives until a q, a newline as CR LF. */
echo_until_q:
        mov     x2, #0x09000000
4:      ldr     w3, [x2, #0x18]
        tbnz    w3, #4, 4b
        ldr     w3, [x2]
        and     w3, w3, #0xff
        cmp     w3, #'q'
        b.eq    6f
        cmp     w3, #10
        b.ne    5f
        mov     w4, #13
        str     w4, [x2]
5:      str     w3, [x2]
        b       4b
6:      ret

        .balign 8
exit_block:
        .quad   0x20026, 0
        .balign 2048
storm_vectors:
        .zero   2048
        .zero   4096
stack_end:
body:
