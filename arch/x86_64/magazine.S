// SPDX-License-Identifier: MIT
//
// hal/magazine.h. Between a function's name and its _done label nothing changes except registers that the caller does
// not preserve and memory beyond the top, until the last instruction. So a function that is interrupted in between
// can start again.

#include "hal_arch/offsets.h"

        .text
        .globl  hal_magazine_code
        .balign 128 /* HAL_MAGAZINE_CODE */
hal_magazine_code:
/*
 * void *hal_magazine_pop(size_t unused, size_t kind)
 * in: rsi    out: rax    clobbers: rcx    IRQs: any
 */
        .globl  hal_magazine_pop, hal_magazine_pop_done
        .type   hal_magazine_pop, @function
hal_magazine_pop:
        .cfi_startproc
        movq    %gs:CPU_MAGAZINES + MAGAZINE_TOP(%rsi), %rcx
        subq    $8, %rcx
        movq    (%rcx), %rax
        testq   %rax, %rax
        je      upcall_magazine_empty
        movq    %rcx, %gs:CPU_MAGAZINES + MAGAZINE_TOP(%rsi)
hal_magazine_pop_done:
        ret
        .cfi_endproc
        .size   hal_magazine_pop, . - hal_magazine_pop

/*
 * void hal_magazine_push_checked(void *object, size_t kind), which continues as the next function
 * in: rdi, rsi clobbers: rcx IRQs: any; if it is interrupted here it has changed nothing and need not start again
 */
        .globl  hal_magazine_push_checked
        .type   hal_magazine_push_checked, @function
hal_magazine_push_checked:
        .cfi_startproc
        movq    %gs:CPU_MAGAZINES + MAGAZINE_TOP(%rsi), %rcx
        cmpq    %rdi, -8(%rcx)
        je      upcall_magazine_full
        .cfi_endproc
        .size   hal_magazine_push_checked, . - hal_magazine_push_checked

/*
 * void hal_magazine_push(void *object, size_t kind)
 * in: rdi, rsi    clobbers: rcx    IRQs: any
 */
        .globl  hal_magazine_push, hal_magazine_push_done
        .type   hal_magazine_push, @function
hal_magazine_push:
        .cfi_startproc
        movq    %gs:CPU_MAGAZINES + MAGAZINE_TOP(%rsi), %rcx
        cmpq    %gs:CPU_MAGAZINES + MAGAZINE_END(%rsi), %rcx
        jae     upcall_magazine_full
        movq    %rdi, (%rcx)
        addq    $8, %rcx
        movq    %rcx, %gs:CPU_MAGAZINES + MAGAZINE_TOP(%rsi)
hal_magazine_push_done:
        ret
        .cfi_endproc
        .size   hal_magazine_push, . - hal_magazine_push
        .org    hal_magazine_code + 128 /* assembly fails if the code is longer */
