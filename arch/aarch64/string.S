// SPDX-License-Identifier: MIT
//
// The kernel's memcpy(), memmove() and memset() (kernel/lib/string.h). The compiler calls them for structures at any
// time, even before anything is initialised: they depend on nothing. General registers only. They use pairs of
// registers, and accesses that overlap at the ends instead of loops over single bytes.
//
// With the MMU off all memory is Device memory, where an unaligned access faults (Arm ARM, D8.8.1). So if anything is
// unaligned, they check SCTLR_EL1.M and go byte by byte if the MMU is off. Code at EL2 that runs without EL1's MMU
// takes the same path and is only slower.

#include "arch/aarch64/asm.inc"

/* From this size on memset() checks whether DC ZVA can clear memory: two blocks of the largest size
 * that it supports. */
#define ZVA_FROM 1024

/* Branch to `bytes` if x0, x1 or x2 is not a multiple of 8 and the MMU may be off; x1 is ignored for memset. */
.macro MMU_OFF_TO bytes, second=x1
        orr     x3, x0, x2
        .ifnc   \second, none
        orr     x3, x3, \second
        .endif
        tst     x3, #7
        b.eq    .Laligned\@
        mrs     x3, sctlr_el1
        tbz     x3, #0, \bytes
.Laligned\@:
.endm

#ifdef HALYARD_MACHINE_COPIES
        .text
/*
 * void *memcpy(void *dst, const void *src, size_t n)
 * void *memmove(void *dst, const void *src, size_t n)
 * in: x0, x1, x2    out: x0 = dst    clobbers: x1-x15    IRQs: any
 *
 * void *memset(void *dst, int byte, size_t n)
 * in: x0, w1, x2    out: x0 = dst    clobbers: x1-x7    IRQs: any
 */
        .balign 16
        .globl  memcpy
        .type   memcpy, %function
        .globl  memmove
        .type   memmove, %function
memcpy:
memmove:
        .cfi_startproc
        BTI_C
        MMU_OFF_TO .Lbytes
        add     x4, x1, x2              // end of the source
        add     x5, x0, x2              // end of the destination
        cmp     x2, #16
        b.lo    .Lsmall
        sub     x3, x0, x1
        cmp     x3, x2                  // dst - src below n, unsigned: dst is inside src
        b.lo    .Lbackward

        // Read the last 16 bytes before anything is written over them.
        ldp     x6, x7, [x4, #-16]
        mov     x3, x0
        subs    x2, x2, #(16 + 64)
        b.lo    .Lforward_rest
.Lforward:
        ldp     x8, x9, [x1], #64
        ldp     x10, x11, [x1, #-48]
        ldp     x12, x13, [x1, #-32]
        ldp     x14, x15, [x1, #-16]
        stp     x8, x9, [x3], #64
        stp     x10, x11, [x3, #-48]
        stp     x12, x13, [x3, #-32]
        stp     x14, x15, [x3, #-16]
        subs    x2, x2, #64
        b.hs    .Lforward
.Lforward_rest:
        adds    x2, x2, #64             // bytes before the last 16
        b.eq    .Lforward_end
.Lforward16:
        ldp     x8, x9, [x1], #16
        stp     x8, x9, [x3], #16
        subs    x2, x2, #16
        b.hi    .Lforward16
.Lforward_end:
        stp     x6, x7, [x5, #-16]
        ret

        // From the end. Read the first 16 bytes before anything is written over them.
.Lbackward:
        ldp     x6, x7, [x1]
        subs    x2, x2, #(16 + 64)
        b.lo    .Lbackward_rest
.Lbackward_loop:
        ldp     x8, x9, [x4, #-16]
        ldp     x10, x11, [x4, #-32]
        ldp     x12, x13, [x4, #-48]
        ldp     x14, x15, [x4, #-64]!
        stp     x8, x9, [x5, #-16]
        stp     x10, x11, [x5, #-32]
        stp     x12, x13, [x5, #-48]
        stp     x14, x15, [x5, #-64]!
        subs    x2, x2, #64
        b.hs    .Lbackward_loop
.Lbackward_rest:
        adds    x2, x2, #64
        b.eq    .Lbackward_end
.Lbackward16:
        ldp     x8, x9, [x4, #-16]!
        stp     x8, x9, [x5, #-16]!
        subs    x2, x2, #16
        b.hi    .Lbackward16
.Lbackward_end:
        stp     x6, x7, [x0]
        ret

.Lsmall:
        tbz     x2, #3, .Lbelow8
        ldr     x6, [x1]
        ldr     x7, [x4, #-8]
        str     x6, [x0]
        str     x7, [x5, #-8]
        ret
.Lbelow8:
        tbz     x2, #2, .Lbelow4
        ldr     w6, [x1]
        ldr     w7, [x4, #-4]
        str     w6, [x0]
        str     w7, [x5, #-4]
        ret
.Lbelow4:
        cbz     x2, .Lcopied
        lsr     x3, x2, #1              // first, middle and last cover 1 to 3
        ldrb    w6, [x1]
        ldrb    w7, [x1, x3]
        ldrb    w8, [x4, #-1]
        strb    w6, [x0]
        strb    w7, [x0, x3]
        strb    w8, [x5, #-1]
.Lcopied:
        ret

.Lbytes:
        cbz     x2, .Lcopied
        sub     x3, x0, x1
        cmp     x3, x2
        b.lo    .Lbytes_down
        mov     x3, x0
.Lbytes_up:
        ldrb    w4, [x1], #1
        strb    w4, [x3], #1
        subs    x2, x2, #1
        b.ne    .Lbytes_up
        ret
.Lbytes_down:
        sub     x2, x2, #1
        ldrb    w4, [x1, x2]
        strb    w4, [x0, x2]
        cbnz    x2, .Lbytes_down
        ret
        .cfi_endproc
        .size   memcpy, . - memcpy
        .size   memmove, . - memmove

        .balign 16
        .globl  memset
        .type   memset, %function
memset:
        .cfi_startproc
        BTI_C
        mov     x4, #0x0101010101010101
        and     x1, x1, #0xff
        mul     x1, x1, x4              // the byte, eight times
        MMU_OFF_TO .Lset_bytes, none
        mov     x3, x0
        add     x5, x0, x2
        cmp     x2, #16
        b.lo    .Lset_small
        stp     x1, x1, [x5, #-16]      // the end, which may overlap
        cmp     x2, #ZVA_FROM
        b.hs    .Lset_large
.Lset_stores:
        subs    x2, x2, #(16 + 128)
        b.lo    .Lset_rest
.Lset128:
        stp     x1, x1, [x3], #128
        stp     x1, x1, [x3, #-112]
        stp     x1, x1, [x3, #-96]
        stp     x1, x1, [x3, #-80]
        stp     x1, x1, [x3, #-64]
        stp     x1, x1, [x3, #-48]
        stp     x1, x1, [x3, #-32]
        stp     x1, x1, [x3, #-16]
        subs    x2, x2, #128
        b.hs    .Lset128
.Lset_rest:
        adds    x2, x2, #128
        b.eq    .Lset_done
.Lset16:
        stp     x1, x1, [x3], #16
        subs    x2, x2, #16
        b.hi    .Lset16
.Lset_done:
        ret

        // Zeros, in whole blocks (DC ZVA), where that is permitted: never on Device memory, which all memory is while
        // the MMU is off.
.Lset_large:
        cbnz    x1, .Lset_stores
        mrs     x4, sctlr_el1
        tbz     x4, #0, .Lset_stores
        mrs     x4, dczid_el0
        tbnz    x4, #4, .Lset_stores    // DZP: prohibited
        and     x4, x4, #0xf
        mov     x6, #4
        lsl     x4, x6, x4              // bytes of a block
        cmp     x4, #(ZVA_FROM / 2)
        b.hi    .Lset_stores
        add     x6, x0, x4
.Lset_head:                             // bytes of one block: up to its first boundary, and beyond
        stp     x1, x1, [x3], #16
        cmp     x3, x6
        b.lo    .Lset_head
        sub     x7, x4, #1
        bic     x3, x6, x7
        sub     x6, x5, x4              // the last address where a block fits
.Lset_block:
        dc      zva, x3
        add     x3, x3, x4
        cmp     x3, x6
        b.ls    .Lset_block
        sub     x2, x5, x3
        subs    x2, x2, #16             // the last 16 bytes are set at the end
        b.hi    .Lset16
        ret
.Lset_small:
        tbz     x2, #3, .Lset_below8
        str     x1, [x3]
        str     x1, [x5, #-8]
        ret
.Lset_below8:
        tbz     x2, #2, .Lset_bytes
        str     w1, [x3]
        str     w1, [x5, #-4]
        ret
.Lset_bytes:                          // x0 is preserved; x3 is not set if the MMU is off
        cbz     x2, .Lset_done
.Lset_byte:
        sub     x2, x2, #1
        strb    w1, [x0, x2]
        cbnz    x2, .Lset_byte
        ret
        .cfi_endproc
        .size   memset, . - memset

#endif
