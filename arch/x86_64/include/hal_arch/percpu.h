// SPDX-License-Identifier: MIT
//
// The machine's data for each CPU; part of struct hal_cpu, to which GS points. vectors.S and
// context.S use the offsets in offsets.h.
#pragma once

#include "hal/types.h"
#include "kernel/lib/compiler.h"

#include <stdatomic.h>

/*
 * Every vector starts on a stack of the interrupt stack table, so the CPU never pushes onto a stack
 * that may be full. The value is the index in the table and in the gate.
 */
enum ist {
    IST_NONE,
    IST_FAULT, /* exceptions: vectors.S continues on the interrupted stack if that has room */
    IST_IRQ,   /* interrupts: the same */
    /* double fault, NMI and machine check can come at any time: each has a stack of its own */
    IST_DOUBLE,
    IST_NMI,
    IST_MACHINE,
    IST_COUNT,
};

/** 64-bit task state segment: Intel SDM volume 3A, figure 8-11. Only its stacks are used. */
struct PACKED tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7]; /* ist[n - 1] is IST n: end of the stack */
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map; /* equals the size of the segment: there is no map */
};

#define GDT_ENTRIES 5 /* null, code, data, and two for the task state segment */

/* Field protection:  [I] set before the CPU takes exceptions   [o] written by the
 * owning CPU only */
struct hal_cpu_arch {
    uintptr_t stack_base;      /* [o] lowest byte of the current stack; context.S sets it */
    struct vm_range *stacks;   /* [I] memory of the IST_STACKS stacks; NULL: in the image */
    uintptr_t ist_base;        /* [I] IST_STACKS stacks, each above its guard page */
    struct tss tss;            /* [I] */
    uint64_t gdt[GDT_ENTRIES]; /* [I] */
    /* Both sequentially consistent. To flush the TLB of an idle CPU, another CPU writes
     * `must_flush` and then reads `is_idle`. The idle CPU, as it wakes, writes `is_idle` and then
     * reads `must_flush` (mmu.c). So at least one of them sees the other's write. */
    _Atomic bool is_idle, must_flush;
};
