// SPDX-License-Identifier: MIT
//
// See tests/kernel/registers.h.
#include "arch/aarch64/asm.inc"

        .arch_extension fp
        .arch_extension simd

        .text

/* in: x0    clobbers: x1, x2, all vector registers */
FUNCTION registers_fill
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        add     x1, x0, #\n
        mvn     x2, x1
        mov     v\n\().d[0], x1
        mov     v\n\().d[1], x2
        .endr
        ret
END registers_fill

/* in: x0    out: x0    clobbers: x1 to x4 */
FUNCTION registers_differ
        mov     x4, #0
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        add     x1, x0, #\n
        mov     x2, v\n\().d[0]
        mov     x3, v\n\().d[1]
        cmp     x1, x2
        cinc    x4, x4, ne
        mvn     x1, x1
        cmp     x1, x3
        cinc    x4, x4, ne
        .endr
        mov     x0, x4
        ret
END registers_differ

        .section .note.GNU-stack, "", %progbits
