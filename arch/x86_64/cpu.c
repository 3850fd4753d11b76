// SPDX-License-Identifier: MIT
//
// The CPU: descriptor tables, features, and its current mode. Floating-point state is in context.c,
// page tables are in mmu.c.
#include "arch/x86_64/cpu.h"

#include "hal/context.h"
#include "hal/layout.h"
#include "hal_arch/offsets.h"
#include "hal_arch/percpu.h"
#include "hal_arch/pte.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

#define GDT_CODE UINT64_C(0x00af9b000000ffff) /* 64-bit, ring 0, accessed */
#define GDT_DATA UINT64_C(0x00cf93000000ffff)
#define GDT_TSS  UINT64_C(0x0000890000000000) /* available 64-bit TSS, present */

#define IDT_BYTES (256 * 16)

#define CPUID_1_ECX_XSAVE      (1u << 26)
#define CPUID_1_ECX_RDRAND     (1u << 30)
#define CPUID_1_ECX_HYPERVISOR (1u << 31)
#define CPUID_1_EDX_MCE        (1u << 7)
#define CPUID_7_EBX_FSGSBASE   (1u << 0)
#define CPUID_7_EBX_SMEP       (1u << 7)
#define CPUID_7_EBX_RDSEED     (1u << 18)
#define CPUID_7_EBX_SMAP       (1u << 20)
#define CPUID_7_ECX_UMIP       (1u << 2)
#define CPUID_7_ECX_CET_SS     (1u << 7)

extern const char idt[];

/* The boot CPU's interrupt stacks, from entry.S; the guards are never mapped. */
extern uint8_t ist_stacks[IST_STACKS * IST_STACK_SPAN];

/* First in .bss: entry.S clears it before the rest. */
struct hal_cpu boot_cpu SECTION(".bss.at_start");

static struct cpu_features features;

/** Operand of LGDT and LIDT. */
struct PACKED table_pointer {
    uint16_t limit;
    uint64_t base;
};

static uintptr_t ist_span(const struct hal_cpu *cpu, unsigned ist)
{
    return cpu->arch.ist_base + (uintptr_t)(ist - 1) * IST_STACK_SPAN;
}

void cpu_ist_bounds(unsigned ist, uintptr_t *lo, uintptr_t *hi)
{
    *lo = ist_span(hal_this_cpu(), ist) + PAGE_SIZE;
    *hi = ist_span(hal_this_cpu(), ist) + IST_STACK_SPAN;
}

bool cpu_in_ist(uintptr_t address)
{
    return address - hal_this_cpu()->arch.ist_base < (uintptr_t)IST_STACK_SPAN * IST_STACKS;
}

static void fill_tss(struct hal_cpu *cpu)
{
    struct tss *tss = &cpu->arch.tss;
    for (unsigned i = 1; i < IST_COUNT; i++) {
        tss->ist[i - 1] = ist_span(cpu, i) + IST_STACK_SPAN;
    }
    tss->io_map = sizeof(*tss);
}

void cpu_load_tables(struct hal_cpu *cpu)
{
    struct hal_cpu_arch *arch = &cpu->arch;
    uint64_t base = (uintptr_t)&arch->tss;
    fill_tss(cpu);
    arch->gdt[SEL_CODE / 8] = GDT_CODE;
    arch->gdt[SEL_DATA / 8] = GDT_DATA;
    arch->gdt[SEL_TSS / 8] =
        GDT_TSS | (sizeof(struct tss) - 1) | (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
    arch->gdt[SEL_TSS / 8 + 1] = base >> 32;

    struct table_pointer gdtr = {.limit = sizeof(arch->gdt) - 1, .base = (uintptr_t)arch->gdt};
    struct table_pointer idtr = {.limit = IDT_BYTES - 1, .base = (uintptr_t)idt};
    __asm__ volatile("lgdt %0" : : "m"(gdtr));
    __asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
    __asm__ volatile("lidt %0" : : "m"(idtr));
}

void cpu_load_boot_tables(void)
{
    boot_cpu.self = &boot_cpu;
    boot_cpu.arch.stack_base = (uintptr_t)__boot_stack_start;
    boot_cpu.arch.ist_base = (uintptr_t)ist_stacks;
    cpu_load_tables(&boot_cpu);
}

static void find_features(void)
{
    struct cpuid one = cpuid(1, 0);
    features.xsave = (one.ecx & CPUID_1_ECX_XSAVE) != 0;
    features.rdrand = (one.ecx & CPUID_1_ECX_RDRAND) != 0;
    features.hypervisor = (one.ecx & CPUID_1_ECX_HYPERVISOR) != 0;
    features.mce = (one.edx & CPUID_1_EDX_MCE) != 0;
    if (cpuid(0, 0).eax >= 7) {
        struct cpuid seven = cpuid(7, 0);
        features.smep = (seven.ebx & CPUID_7_EBX_SMEP) != 0;
        features.fsgsbase = (seven.ebx & CPUID_7_EBX_FSGSBASE) != 0;
        features.cet = (seven.ecx & CPUID_7_ECX_CET_SS) != 0;
        features.rdseed = (seven.ebx & CPUID_7_EBX_RDSEED) != 0;
        features.smap = (seven.ebx & CPUID_7_EBX_SMAP) != 0;
        features.umip = (seven.ecx & CPUID_7_ECX_UMIP) != 0;
    }
}

void cpu_init_features(void)
{
    find_features();
    uintptr_t cr4 = CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    cr4 |= features.mce ? CR4_MCE : 0;
    cr4 |= features.umip ? CR4_UMIP : 0;
    cr4 |= features.xsave ? CR4_OSXSAVE : 0;
    cr4 |= features.smep ? CR4_SMEP : 0;
    cr4 |= features.smap ? CR4_SMAP : 0;
    write_cr4(cr4);
    write_msr(MSR_PAT, HAL_PAT_VALUE);
}

const struct cpu_features *cpu_features(void)
{
    return &features;
}

void hal_cpu_halt(void)
{
    hal_irq_disable();
    for (;;) {
        __asm__ volatile("hlt" : : : "memory");
    }
}

/* The L bit of the current code segment: whether it
 * is a 64-bit segment or in compatibility mode. */
static bool code_segment_is_64bit(void)
{
    uint32_t selector, rights;
    bool is_valid;
    __asm__ volatile("movl %%cs, %0" : "=r"(selector));
    __asm__ volatile("larl %2, %0" : "=r"(rights), "=@ccz"(is_valid) : "r"(selector));
    return is_valid && (rights & 1u << 21) != 0;
}

void hal_cpu_describe_mode(char *buf, size_t len)
{
    bool is_long = (read_msr(MSR_EFER) & EFER_LMA) != 0;
    bool is_paging = (read_cr0() & CR0_PG) != 0;
    fmt_print(buf, len, "%s, paging %s, CS.L=%u", is_long ? "long mode" : "not in long mode",
              is_paging ? "on" : "off", code_segment_is_64bit());
}

void hal_cpu_describe(char *buf, size_t len)
{
    union {
        struct cpuid leaf[3];
        char text[49];
    } brand = {0};
    if (cpuid(0x80000000, 0).eax >= 0x80000004) {
        for (uint32_t i = 0; i < 3; i++) {
            brand.leaf[i] = cpuid(0x80000002 + i, 0);
        }
    }
    const char *text = brand.text;
    while (*text == ' ') { /* some models right-align it: SDM volume 2A, CPUID */
        text++;
    }
    fmt_print(buf, len, "%s", *text != '\0' ? text : "x86-64");
}
