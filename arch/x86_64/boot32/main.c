// SPDX-License-Identifier: MIT
//
// 32-bit start: the checks before 64-bit mode, and the exit if one fails.
#include "arch/x86_64/boot32/boot32.h"

#include "hal_arch/layout.h"
#include "hal_arch/sysreg.h"
#include "kernel/lib/compiler.h"

#define STATUS_PORT     0x501 /* isa-debugcon: hal/power.h */
#define DEBUG_EXIT_PORT 0xf4  /* isa-debug-exit, as in power.c */
#define EXIT_PANIC      'P'

#define EFLAGS_ID (1u << 21)

#define CPUID_1_EDX_MSR  (1u << 5)
#define CPUID_1_EDX_PAE  (1u << 6)
#define CPUID_1_EDX_CX8  (1u << 8)
#define CPUID_1_EDX_APIC (1u << 9)
#define CPUID_1_EDX_PGE  (1u << 13)
#define CPUID_1_EDX_PAT  (1u << 16)
#define CPUID_1_EDX_FXSR (1u << 24)
#define CPUID_1_EDX_SSE2 (1u << 26)
#define CPUID_1_EDX_TSC  (1u << 4)
#define CPUID_X_EDX_NX   (1u << 20)
#define CPUID_X_EDX_LM   (1u << 29)
#define CPUID_HYPERVISOR (1u << 31) /* leaf 1, ECX */

/** A CPU feature that the kernel requires. */
struct requirement {
    uint32_t leaf, edx_bit;
    const char *missing;
};

static const struct requirement requirements[] = {
    {1, CPUID_1_EDX_TSC, "it has no time-stamp counter"},
    {1, CPUID_1_EDX_MSR, "it has no model-specific registers"},
    {1, CPUID_1_EDX_PAE, "it has no physical address extension"},
    {1, CPUID_1_EDX_CX8, "it has no CMPXCHG8B"},
    {1, CPUID_1_EDX_PGE, "it has no global pages"},
    {1, CPUID_1_EDX_PAT, "it has no page attribute table"},
    {1, CPUID_1_EDX_FXSR, "it has no FXSAVE"},
    {1, CPUID_1_EDX_SSE2, "it has no SSE2"},
    {0x80000001, CPUID_X_EDX_LM, "it has no 64-bit mode"},
    {0x80000001, CPUID_X_EDX_NX, "it has no execute-disable bit (or firmware turned it off)"},
    {1, CPUID_1_EDX_APIC, "it has no local APIC"}, /* must be last: see enable_apic() */
};

static bool has_cpuid(void)
{
    uint32_t before, after;
    __asm__ volatile("pushfl\n\tpopl %0" : "=r"(before));
    __asm__ volatile("pushl %0\n\tpopfl" : : "r"(before ^ EFLAGS_ID) : "cc");
    __asm__ volatile("pushfl\n\tpopl %0" : "=r"(after));
    return ((before ^ after) & EFLAGS_ID) != 0;
}

static bool is_missing(const struct requirement *r)
{
    uint32_t highest = cpuid(r->leaf & 0x80000000u, 0).eax;
    return highest < r->leaf || (cpuid(r->leaf, 0).edx & r->edx_bit) == 0;
}

/* CPUID does not show a local APIC that firmware has disabled (SDM volume 3A, 11.4.3). Every 64-bit
 * CPU has this MSR; if there is no APIC, the bit does not stay set. */
static void enable_apic(void)
{
    write_msr(MSR_APIC_BASE, read_msr(MSR_APIC_BASE) | APIC_BASE_ENABLE);
}

static void check_cpu(void)
{
    if (!has_cpuid()) {
        boot32_die("CPU", "it has no CPUID, and a 64-bit CPU is needed");
    }
    for (unsigned i = 0; i < ARRAY_COUNT(requirements); i++) {
        const struct requirement *r = &requirements[i];
        if (r->edx_bit == CPUID_1_EDX_APIC && is_missing(r)) {
            enable_apic();
        }
        if (is_missing(r)) {
            boot32_die("CPU", r->missing);
        }
    }
}

static _Noreturn void end_run(void)
{
    port_out8(STATUS_PORT, EXIT_PANIC);
    port_out8(STATUS_PORT, 0);
    if (has_cpuid() && (cpuid(1, 0).ecx & CPUID_HYPERVISOR) != 0) {
        port_out32(DEBUG_EXIT_PORT, 0x10);
    }
    for (;;) {
        __asm__ volatile("cli\n\thlt");
    }
}

void boot32_die(const char *what, const char *why)
{
    console32_write("PANIC: boot: ");
    console32_write(what);
    console32_write(": ");
    console32_write(why);
    console32_write("\nPANIC END\n");
    end_run();
}

void boot32_exception(const struct boot32_fault *fault)
{
    console32_write("PANIC: boot: exception in 32-bit mode: vector ");
    console32_write_hex(fault->vector);
    console32_write(" eip ");
    console32_write_hex(fault->eip);
    console32_write(" error ");
    console32_write_hex(fault->error);
    console32_write(" cr2 ");
    console32_write_hex(fault->cr2);
    console32_write("\nPANIC END\n");
    end_run();
}

uint32_t boot32_main(uint32_t breakpoints, const struct early_handoff *handoff)
{
    console32_init();
    if (breakpoints != 1) {
        boot32_die("32-bit exception table", "a breakpoint was not answered");
    }
    check_cpu();
    uint32_t slide = slide32_choose(handoff);
    slide32_apply(slide);
    uint32_t root = tables32_build(HAL_IMAGE_BASE + slide);
    tables32_prove(root, HAL_IMAGE_BASE + slide);
    return root;
}
