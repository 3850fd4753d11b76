// SPDX-License-Identifier: MIT
//
// Accesses that may fault: each has a row in the exception table, which makes it return false.

        .text

/*
 * bool hal_probe_read8(const void *p, uint8_t *out)
 * in: rdi address, rsi result    out: eax 1 or 0    clobbers: ecx    IRQs: any
 */
        .globl  hal_probe_read8
        .type   hal_probe_read8, @function
hal_probe_read8:
        .cfi_startproc
        xorl    %eax, %eax
.Lread: movzbl  (%rdi), %ecx
        movb    %cl, (%rsi)
        incl    %eax
.Lread_failed:
        ret
        .cfi_endproc
        .size   hal_probe_read8, . - hal_probe_read8

/*
 * bool hal_probe_write8(void *p, uint8_t value)
 * in: rdi address, sil value    out: eax 1 or 0    IRQs: any
 */
        .globl  hal_probe_write8
        .type   hal_probe_write8, @function
hal_probe_write8:
        .cfi_startproc
        xorl    %eax, %eax
.Lwrite:
        movb    %sil, (%rdi)
        incl    %eax
.Lwrite_failed:
        ret
        .cfi_endproc
        .size   hal_probe_write8, . - hal_probe_write8

        .section .fixup, "a", @progbits
        .quad   .Lread, .Lread_failed
        .quad   .Lwrite, .Lwrite_failed

        .section .note.GNU-stack, "", @progbits
