// SPDX-License-Identifier: MIT
//
// Accesses that may fault: each has a row in the exception table, which makes it return false.

#include "arch/aarch64/asm.inc"

        .text

/*
 * bool hal_probe_read8(const void *p, uint8_t *out)
 * in: x0 address, x1 result    out: w0 1 or 0    clobbers: x2, x3    IRQs: any
 */
FUNCTION hal_probe_read8
        mov     x2, x0
        mov     w0, wzr
.Lread: ldrb    w3, [x2]
        strb    w3, [x1]
        mov     w0, #1
.Lread_failed:
        ret
END hal_probe_read8

/*
 * bool hal_probe_write8(void *p, uint8_t value)
 * in: x0 address, w1 value    out: w0 1 or 0    clobbers: x2    IRQs: any
 */
FUNCTION hal_probe_write8
        mov     x2, x0
        mov     w0, wzr
.Lwrite:
        strb    w1, [x2]
        mov     w0, #1
.Lwrite_failed:
        ret
END hal_probe_write8

/*
 * bool probe_read32(const volatile void *p, uint32_t *out)
 * in: x0 address, x1 result    out: w0 1 or 0    clobbers: x2, x3    IRQs: any
 */
FUNCTION probe_read32
        mov     x2, x0
        mov     w0, wzr
.Lread32:
        ldr     w3, [x2]
        str     w3, [x1]
        mov     w0, #1
.Lread32_failed:
        ret
END probe_read32

        .section .fixup, "a", %progbits
        .quad   .Lread, .Lread_failed
        .quad   .Lwrite, .Lwrite_failed
        .quad   .Lread32, .Lread32_failed

        .section .note.GNU-stack, "", %progbits
