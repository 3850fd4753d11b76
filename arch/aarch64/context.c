// SPDX-License-Identifier: MIT
//
// The initial stack of a thread, and the layout of
// a floating-point area. context.S does the switch.
#include "hal/context.h"

#include "arch/aarch64/context.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

/* The layout in which hal_context_switch() saves registers on the stack. */
struct saved {
    uint64_t x29, x30, x27, x28, x25, x26, x23, x24, x21, x22, x19, x20;
};

STATIC_ASSERT(sizeof(struct saved) == 96, "context.S: CONTEXT_SIZE");
STATIC_ASSERT(offsetof(struct saved, x19) == 80, "context.S stores x19 and x20 there");

/* FPCR 0: round to nearest, no exception traps, subnormals kept. */
struct fp_area {
    uint64_t v[32][2];
    uint64_t fpsr, fpcr;
};

STATIC_ASSERT(offsetof(struct fp_area, fpsr) == 512, "context.S stores FPSR and FPCR there");

/* Sign an address as PACIASP would with this stack pointer. A NOP on a CPU without FEAT_PAuth. */
static uintptr_t sign(uintptr_t address, uintptr_t stack_pointer)
{
    register uintptr_t x17 __asm__("x17") = address;
    register uintptr_t x16 __asm__("x16") = stack_pointer;
    __asm__ volatile("hint #8" : "+r"(x17) : "r"(x16)); /* PACIA1716 */
    return x17;
}

void hal_context_init(struct hal_context *ctx, vaddr_t stack, size_t size, void (*entry)(void *arg),
                      void *arg)
{
    struct saved *s = (struct saved *)(stack + size) - 1;
    *s = (struct saved){
        .x30 = sign((uintptr_t)context_start, stack + size),
        .x19 = (uintptr_t)entry,
        .x20 = (uintptr_t)arg,
    };
    ctx->sp = (uintptr_t)s;
}

/* Nothing else to save: SVE is not enabled. */
size_t hal_fp_size(void)
{
    return sizeof(struct fp_area);
}

void hal_fp_init(void *area)
{
    memset(area, 0, sizeof(struct fp_area));
}
