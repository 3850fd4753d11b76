// SPDX-License-Identifier: MIT
//
// hal/magazine.h. Between a function's name and its _done label nothing changes except registers that the caller does
// not preserve and memory beyond the top, until the last instruction. So a function that is interrupted in between
// can start again.

#include "arch/aarch64/asm.inc"

        .text
        .globl  hal_magazine_code
        .balign 128 // HAL_MAGAZINE_CODE
hal_magazine_code:
/*
 * void *hal_magazine_pop(size_t unused, size_t kind)
 * in: x1    out: x0    clobbers: x2, x3    IRQs: any
 */
        .globl  hal_magazine_pop_done
DIRECT_FUNCTION hal_magazine_pop
        mrs     x2, tpidr_el1
        add     x2, x2, x1, lsl #MAGAZINE_SHIFT
        ldr     x3, [x2, #(CPU_MAGAZINES + MAGAZINE_TOP)]
        ldr     x0, [x3, #-8]!
        cbz     x0, 1f
        str     x3, [x2, #(CPU_MAGAZINES + MAGAZINE_TOP)]
hal_magazine_pop_done:
        ret
1:      b       upcall_magazine_empty
END hal_magazine_pop

/*
 * void hal_magazine_push(void *object, size_t kind), and hal_magazine_push_checked()
 * in: x0, x1    clobbers: x2 to x5    IRQs: any
 */
        .globl  hal_magazine_push_done
        .globl  hal_magazine_push_checked
        .set    hal_magazine_push_checked, hal_magazine_push
        .type   hal_magazine_push_checked, %function
DIRECT_FUNCTION hal_magazine_push
        mrs     x2, tpidr_el1
        add     x2, x2, x1, lsl #MAGAZINE_SHIFT
        ldp     x3, x4, [x2, #(CPU_MAGAZINES + MAGAZINE_TOP)]
        ldr     x5, [x3, #-8]
        cmp     x5, x0
        ccmp    x3, x4, #2, ne // the same object: treat it as a full magazine
        b.hs    1f
        str     x0, [x3], #8
        str     x3, [x2, #(CPU_MAGAZINES + MAGAZINE_TOP)]
hal_magazine_push_done:
        ret
1:      b       upcall_magazine_full
END hal_magazine_push
        .org    hal_magazine_code + 128 // assembly fails if the code is longer
