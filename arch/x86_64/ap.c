// SPDX-License-Identifier: MIT
//
// Starts other CPUs: INIT and two startup messages, SDM volume 3A, 9.4.4. The code that such a CPU
// executes before C is in ap.S.
#include "arch/x86_64/apic.h"
#include "arch/x86_64/context.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/mmu.h"
#include "arch/x86_64/trap.h"
#include "boot/ranges.h"
#include "hal/layout.h"
#include "hal/smp.h"
#include "hal/timer.h"
#include "hal/upcall.h"
#include "hal_arch/offsets.h"
#include "kernel/base/assert.h"
#include "kernel/lib/string.h"

#define LOW_END   UINT64_C(0x100000) /* end of the memory that real mode can address */
#define LOW_PAGES 2                  /* the code, and the root of the temporary tables */

/* The 10 ms that the SDM requires between INIT and startup are for CPUs with a separate APIC chip;
 * no 64-bit CPU needs them. */
#define INIT_US    20
#define STARTUP_US 300

extern char ap_code[], ap_code_end[], ap_gdt_pointer[], ap_far32[], ap_far64[], ap_id[], ap_root[],
    ap_cpu[], ap_stack[], ap_target[];
void ap_enter(void);
_Noreturn void ap_main(void);

static paddr_t low;                 /* 0: none */
static struct pagetable on_the_way; /* root 0: not made yet */

void ap_choose_memory(struct boot_info *info)
{
    uint64_t cursor = PAGE_SIZE; /* the first page belongs to firmware, whatever the map says */
    struct boot_range free;
    while (info->cpu_count > 1 && boot_next_free(info, &cursor, &free) && free.base < LOW_END) {
        uint64_t end = MIN(free.base + free.len, LOW_END);
        if (free.kind == BOOT_RAM && end - free.base >= LOW_PAGES * PAGE_SIZE) {
            low = paddr(end - LOW_PAGES * PAGE_SIZE);
        }
    }
    if (low.raw != 0) {
        boot_reserve(info, low.raw, LOW_PAGES * PAGE_SIZE);
    }
}

/* The address in the copy of a word of ap.S. */
static void *in_copy(const char *symbol)
{
    return (char *)hal_direct(low) + (symbol - ap_code);
}

static void put32(const char *symbol, uint32_t value)
{
    memcpy(in_copy(symbol), &value, sizeof(value));
}

static void put64(const char *symbol, uint64_t value)
{
    memcpy(in_copy(symbol), &value, sizeof(value));
}

static void relocate(const char *symbol)
{
    uint32_t offset;
    memcpy(&offset, in_copy(symbol), sizeof(offset));
    put32(symbol, (uint32_t)low.raw + offset);
}

/* Once: copy the code, and make tables that map it one to one. */
static enum status prepare(void)
{
    paddr_t root = paddr_add(low, PAGE_SIZE);
    struct pagetable pt = mmu_begin_start(root);
    enum status s = pagetable_map(&pt, low.raw, low, 1, PROT_R | PROT_X, MEM_NORMAL);
    if (s != OK) {
        return s;
    }
    on_the_way = pt;
    memcpy(hal_direct(low), ap_code, (size_t)(ap_code_end - ap_code));
    relocate(ap_gdt_pointer + 2);
    relocate(ap_far32);
    relocate(ap_far64);
    put32(ap_root, (uint32_t)root.raw);
    put64(ap_target, (uintptr_t)ap_enter);
    return OK;
}

/** A property that the tables must have before a CPU uses them. */
struct claim {
    const char *what;
    uintptr_t va;
    enum fault_access access;
    bool is_allowed;
};

/* Prove the mappings that the CPU needs between enabling paging and having an exception table: a
 * fault there could not be reported. */
static void prove(const struct hal_cpu *cpu, vaddr_t stack_top)
{
    const struct hal_pte_rules rules = mmu_rules();
    const struct claim claims[] = {
        {"its first page", low.raw, FAULT_EXEC, true},
        {"writing to its first page", low.raw, FAULT_WRITE, false},
        {"first instruction", (uintptr_t)ap_enter, FAULT_EXEC, true},
        {"vectors", (uintptr_t)__text_start, FAULT_EXEC, true},
        {"its data", (uintptr_t)cpu, FAULT_WRITE, true},
        {"end of its data", (uintptr_t)(cpu + 1) - 1, FAULT_WRITE, true},
        {"stack", stack_top - 1, FAULT_WRITE, true},
        {"stack, lowest byte", stack_top - STACK_SIZE, FAULT_WRITE, true},
        {"guard below its stack", stack_top - STACK_SIZE - 1, FAULT_READ, false},
        {"interrupt stack", cpu->arch.ist_base + PAGE_SIZE, FAULT_WRITE, true},
        {"guard of an interrupt stack", cpu->arch.ist_base, FAULT_READ, false},
        {"address 0", 0, FAULT_READ, false},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(claims); i++) {
        const char *why =
            pagetable_check(&on_the_way, claims[i].va, claims[i].access, &rules, NULL);
        if ((why == NULL) != claims[i].is_allowed) {
            panic("smp: tables for CPU %u: %s: %s", cpu->id, claims[i].what,
                  why != NULL ? why : "is allowed");
        }
    }
}

static void wait_us(const struct hal_cpu *cpu, unsigned us)
{
    uint64_t begin = hal_counter_read(), ticks = hal_counter_hz() / 1000000 * us;
    while (hal_counter_read() - begin < ticks &&
           atomic_load_explicit(&cpu->state, memory_order_relaxed) == HAL_CPU_STARTING) {
        hal_cpu_relax();
    }
}

enum status hal_cpu_start(struct hal_cpu *cpu, vaddr_t stack_top)
{
    enum status s = low.raw == 0 ? E_NOMEM : on_the_way.root.raw != 0 ? OK : prepare();
    if (s != OK) {
        return s;
    }
    cpu->arch.stack_base = stack_top - STACK_SIZE;
    mmu_copy_kernel_half(on_the_way.root);
    prove(cpu, stack_top);
    put32(ap_id, (uint32_t)cpu->hw_id);
    put64(ap_cpu, (uintptr_t)cpu);
    put64(ap_stack, stack_top);

    uint32_t id = (uint32_t)cpu->hw_id, page = (uint32_t)(low.raw >> PAGE_SHIFT);
    apic_send(id, APIC_SEND_INIT);
    wait_us(cpu, INIT_US);
    apic_send(id, APIC_SEND_STARTUP | page);
    wait_us(cpu, STARTUP_US);
    if (atomic_load_explicit(&cpu->state, memory_order_relaxed) == HAL_CPU_STARTING) {
        apic_send(id, APIC_SEND_STARTUP | page); /* a CPU that is running already ignores it */
    }
    return OK;
}

/* Vectors are active since cpu_load_tables(). */
_Noreturn void ap_main(void)
{
    mmu_enter();
    cpu_init_features();
    context_init_fp();
    if (hal_trap_selftest() != 1) {
        panic("smp: CPU %u: the vectors do not work: a breakpoint was not answered",
              hal_this_cpu()->id);
    }
    upcall_cpu_main();
}
