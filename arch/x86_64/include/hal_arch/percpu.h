// SPDX-License-Identifier: MIT
//
// What the machine keeps for each CPU; part of struct hal_cpu, which GS points at. vectors.S and
// context.S reach the fields by the numbers in offsets.h.
#pragma once

#include "hal/types.h"
#include "kernel/lib/compiler.h"

#include <stdatomic.h>

/*
 * Every vector enters on a stack of the interrupt stack table, so that the CPU never pushes
 * anything onto a stack that may have no room. The value is the index in the table and in the gate.
 */
enum ist {
    IST_NONE,
    IST_FAULT,  /* exceptions: vectors.S moves on to the interrupted stack if there is room */
    IST_IRQ,    /* interrupts: the same */
    IST_DOUBLE, /* double fault, NMI and machine check can come at any time: each stays on its own
                 */
    IST_NMI,
    IST_MACHINE,
    IST_COUNT,
};

/** 64-bit task state segment: Intel SDM volume 3A, figure 8-11. Only the stacks in it are used. */
struct PACKED tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7]; /* ist[n - 1] is IST n: one past the highest byte */
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map; /* the size of the segment: there is none */
};

#define GDT_ENTRIES 5 /* null, code, data, and the two of the task state segment */

/* Field protection:  [I] set before the CPU takes exceptions   [o] written by the owning CPU only
 */
struct hal_cpu_arch {
    uintptr_t stack_base;      /* [o] lowest byte of the running stack: context.S keeps it */
    struct vm_range *stacks;   /* [I] what IST_STACKS lie in; NULL: the image's own */
    uintptr_t ist_base;        /* [I] IST_STACKS stacks, each above its guard page */
    struct tss tss;            /* [I] */
    uint64_t gdt[GDT_ENTRIES]; /* [I] */
    /* Both sequentially consistent: who wants an idle CPU's TLB flushed writes `must_flush` and
     * reads `is_idle`, and the CPU, as it wakes up, writes `is_idle` and reads `must_flush`
     * (mmu.c). One of them sees the other. */
    _Atomic bool is_idle, must_flush;
};
