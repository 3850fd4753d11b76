// SPDX-License-Identifier: MIT
//
// The initial stack frame of a thread, and floating-point
// state (hal/context.h). context.S does the switch.
#include "arch/x86_64/context.h"

#include "arch/x86_64/cpu.h"
#include "hal/context.h"
#include "hal_arch/sysreg.h"
#include "kernel/base/assert.h"
#include "kernel/lib/string.h"

#define FXSAVE_SIZE   512
#define FX_FCW        0 /* bytes into the area: SDM volume 1, table 10-2 */
#define FX_MXCSR      24
#define FCW_DEFAULT   0x037f /* round to nearest, extended precision, all exceptions masked */
#define MXCSR_DEFAULT 0x1f80

#define XCR0_X87_SSE 0x03u
#define XCR0_AVX     0x04u
#define XCR0_AVX512  0xe0u

#define FP_SIZE_MAX 0x4000 /* the limit promised by hal_fp_size() */

static size_t fp_size = FXSAVE_SIZE;
static uint32_t fp_components; /* XCR0; 0: no XSAVE, FXSAVE is used */

/** Popped by context.S on the first switch to a thread, lowest address first. */
struct first_frame {
    uint64_t r15, r14, r13, r12, rbx, rbp, rip;
};

void hal_context_init(struct hal_context *ctx, vaddr_t stack, size_t size, void (*entry)(void *arg),
                      void *arg)
{
    struct first_frame *frame = (struct first_frame *)(uintptr_t)(stack + size) - 1;
    *frame = (struct first_frame){
        .rip = (uintptr_t)context_start, .rbx = (uintptr_t)entry, .r12 = (uintptr_t)arg};
    ctx->sp = (uintptr_t)frame;
}

void hal_context_backtrace_start(const struct hal_context *ctx, uintptr_t *pc, uintptr_t *fp)
{
    const struct first_frame *frame = (const struct first_frame *)ctx->sp;
    *pc = frame->rip;
    *fp = frame->rbp;
}

static void write_xcr0(uint32_t value)
{
    __asm__ volatile("xsetbv" : : "c"(0), "a"(value), "d"(0) : "memory");
}

void context_init_fp(void)
{
    if (!cpu_features()->xsave) {
        return;
    }
    uint32_t supported = cpuid(0xd, 0).eax;
    uint32_t wanted = XCR0_X87_SSE | (supported & XCR0_AVX);
    if ((wanted & XCR0_AVX) != 0 && (supported & XCR0_AVX512) == XCR0_AVX512) {
        wanted |= XCR0_AVX512;
    }
    write_xcr0(wanted);
    fp_components = wanted;
    fp_size = cpuid(0xd, 0).ebx; /* size for the components that XCR0 enables now */
    ASSERT(fp_size <= FP_SIZE_MAX);
}

size_t hal_fp_size(void)
{
    return fp_size;
}

/* A zero header means "initial state" for every component
 * of XSAVE; MXCSR is always loaded from the area. */
void hal_fp_init(void *area)
{
    memset(area, 0, fp_size);
    *(uint16_t *)((char *)area + FX_FCW) = FCW_DEFAULT;
    *(uint32_t *)((char *)area + FX_MXCSR) = MXCSR_DEFAULT;
}

void hal_fp_save(void *area)
{
    if (fp_components != 0) {
        __asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(fp_components), "d"(0) : "memory");
    } else {
        __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
    }
}

void hal_fp_restore(const void *area)
{
    if (fp_components != 0) {
        __asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"(fp_components), "d"(0) : "memory");
    } else {
        __asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
    }
}
