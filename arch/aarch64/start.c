// SPDX-License-Identifier: MIT
//
// Starts other CPUs through PSCI. They begin at entry_cpu (entry.S) and turn their MMU on as the
// boot CPU did, but with the final tables.
#include "arch/aarch64/cache.h"
#include "arch/aarch64/cpu.h"
#include "arch/aarch64/early.h"
#include "arch/aarch64/mmu.h"
#include "arch/aarch64/pac.h"
#include "arch/aarch64/power.h"
#include "arch/aarch64/start.h"
#include "arch/aarch64/trap.h"
#include "hal/context.h"
#include "hal/smp.h"
#include "hal/upcall.h"
#include "hal_arch/sysreg.h"
#include "kernel/base/assert.h"

/* One for each CPU, because a CPU that was given up on may still start later and read its own. */
static struct early_switch switches[CPU_MAX];
static struct pagetable kernel, identity; /* roots 0: not made yet */

static paddr_t image_phys(const void *symbol)
{
    struct hal_mapping m;
    bool found = hal_mmu_query((uintptr_t)symbol, &m);
    ASSERT(found);
    return paddr_add(m.base, (uintptr_t)symbol & (m.size - 1));
}

static void prove(const struct pagetable *pt, const struct hal_cpu *cpu,
                  const struct mmu_proof *claim)
{
    const char *why = mmu_disproof(pt, claim);
    if (why != NULL) {
        panic("smp: tables for CPU %u: %s: %s", cpu->id, claim->what, why);
    }
}

static paddr_t phys_of(vaddr_t va)
{
    struct hal_mapping m;
    return hal_mmu_query(va, &m) ? paddr_add(m.base, va & (m.size - 1)) : paddr(0);
}

/* Prove the mappings of what the CPU touches between turning on the MMU and the first report that
 * it could print. */
static void prove_all(const struct hal_cpu *cpu, vaddr_t stack_top)
{
    paddr_t page = image_phys(idmap_start);
    vaddr_t stack = stack_top - HAL_STACK_SIZE, exceptions = cpu->arch.fiq_stack;
    const struct mmu_proof claims[] = {
        {"first instruction", (uintptr_t)enter_high_cpu, image_phys(enter_high_cpu), FAULT_EXEC},
        {"vectors", (uintptr_t)vectors, image_phys(vectors), FAULT_EXEC},
        {"its data", (uintptr_t)cpu, phys_of((uintptr_t)cpu), FAULT_WRITE},
        {"stack", stack_top - 16, phys_of(stack_top - 16), FAULT_WRITE},
        {"stack, lowest word", stack, phys_of(stack), FAULT_WRITE},
        {"stack of FIQs", exceptions - 16, phys_of(exceptions - 16), FAULT_WRITE},
        {"overflow stack", cpu->arch.overflow_stack - 16, phys_of(cpu->arch.overflow_stack - 16),
         FAULT_WRITE},
        {"guard below its stack", stack - 16, paddr(0), FAULT_NONE},
        {"guard below its overflow stack", exceptions - HAL_STACK_SIZE - 16, paddr(0), FAULT_NONE},
    };
    prove(&identity, cpu, &(struct mmu_proof){"next instruction", page.raw, page, FAULT_EXEC});
    for (size_t i = 0; i < ARRAY_COUNT(claims); i++) {
        prove(&kernel, cpu, &claims[i]);
    }
}

enum status hal_cpu_start(struct hal_cpu *cpu, vaddr_t stack_top)
{
    enum status s = identity.root.raw != 0 ? OK : mmu_begin_start(&kernel, &identity);
    if (s != OK) {
        return s;
    }
    prove_all(cpu, stack_top);
    struct early_switch *to = &switches[cpu->id];
    *to = (struct early_switch){
        .ttbr0 = identity.root.raw,
        .ttbr1 = kernel.root.raw,
        .tcr = mmu_tcr(),
        .mair = HAL_MAIR_VALUE,
        .sctlr = mmu_sctlr() & ~(uint64_t)SCTLR_ENIA, /* the key comes later */
        .vectors = (uintptr_t)vectors,
        .cpu = (uintptr_t)cpu,
        .stack_top = stack_top,
        .target = (uintptr_t)enter_high_cpu,
    };
    cache_clean_to_memory(to, sizeof(*to));
    return power_psci_cpu_on(cpu->hw_id, image_phys(entry_cpu).raw, image_phys(to).raw);
}

uint64_t cpu_start_settings(void)
{
    pac_load_key();
    return mmu_sctlr();
}

void cpu_start_main(void)
{
    mmu_close_lower_half();
    cpu_enable_pan();
    if (hal_trap_selftest() != 1) {
        panic("smp: CPU %u: a breakpoint did not reach the vectors", hal_this_cpu()->id);
    }
    upcall_cpu_main();
}
