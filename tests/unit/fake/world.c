// SPDX-License-Identifier: MIT
//
// See world.h.

#include "fake/world.h"

#include "hal/bootinfo.h"
#include "hal/irq.h"
#include "hal/smp.h"
#include "hal/timer.h"
#include "hal/upcall.h"
#include "hal_arch/frame.h"
#include "kernel/debug/report/lockcheck.h"
#include "kernel/base/clock.h"
#include "kernel/io/irq.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES 32 /* and one more, used for WORLD_FAR_LINE */

unsigned world_timer_interrupts;

static struct {
    bool masked;
    unsigned eois;
    cpu_t cpu;
} lines[LINES + 1];

static char notes[1024];

static _Noreturn void broken(const char *what)
{
    fprintf(stderr, "world: %s\n%s", what, fake_console_text());
    abort();
}

/* ---- An interrupt controller whose vector is the line number ---- */

static uint32_t slot(uint32_t line)
{
    return line == WORLD_FAR_LINE ? LINES : line;
}

static enum status configure(uint32_t line, enum irq_trigger trigger)
{
    if (slot(line) > LINES || line == LINES) {
        return E_RANGE;
    }
    return trigger == IRQ_LEVEL_LOW ? E_NOTSUP : OK;
}

static void mask(uint32_t line)
{
    lines[slot(line)].masked = true;
}

static void unmask(uint32_t line)
{
    lines[slot(line)].masked = false;
}

static enum status route(uint32_t line, const struct hal_cpu *cpu)
{
    if (cpu->hw_id >= WORLD_CPUS) {
        return E_RANGE;
    }
    lines[slot(line)].cpu = cpu->id;
    return OK;
}

static uint32_t ack(unsigned vector)
{
    if (vector == WORLD_STRAY) {
        return IRQ_LINE_STRAY;
    }
    if (vector == WORLD_IPI) {
        return IRQ_LINE_IPI;
    }
    return vector < LINES || vector == WORLD_FAR_LINE ? vector : IRQ_LINE_NONE;
}

static void eoi(uint32_t line)
{
    lines[slot(line)].eois++;
}

static enum status add_cpu(const struct hal_cpu *cpu)
{
    return cpu->hw_id < WORLD_CPUS ? OK : E_RANGE;
}

static enum status init_cpu(void)
{
    return OK;
}

bool world_has_nmi = true;

/** While CPU 0 panics no time passes and no other CPU runs: they stop where they are. */
static void stop_if_asked(const struct hal_cpu *cpu)
{
    if ((atomic_load_explicit(&cpu->asked, memory_order_relaxed) & HAL_IPI_STOP) != 0) {
        atomic_store_explicit(&cpus_at(cpu->id)->state, HAL_CPU_STOPPED, memory_order_release);
    }
}

static void raise_ipi(const struct hal_cpu *cpu)
{
    stop_if_asked(cpu);
    fake_journal_add("ipi");
}

static bool raise_nmi(const struct hal_cpu *cpu)
{
    if (world_has_nmi) {
        stop_if_asked(cpu);
        fake_journal_add("nmi");
    }
    return world_has_nmi;
}

static const struct irq_controller controller = {
    .name = "world",
    .configure = configure,
    .mask = mask,
    .unmask = unmask,
    .route = route,
    .ack = ack,
    .eoi = eoi,
    .add_cpu = add_cpu,
    .init_cpu = init_cpu,
    .raise = raise_ipi,
    .raise_nmi = raise_nmi,
};

bool world_line_is_masked(unsigned line)
{
    return lines[line].masked;
}

cpu_t world_line_cpu(unsigned line)
{
    return lines[line].cpu;
}

unsigned world_eoi_count(unsigned line)
{
    return lines[line].eois;
}

/** Deliver one interrupt to the running thread at pc. */
static void deliver(unsigned line, uintptr_t pc)
{
    struct hal_frame frame = {.pc = pc, .irqs_enabled = true};
    fake_this_cpu->arch.irqs_enabled = false;
    upcall_irq(line, &frame);
    fake_this_cpu->arch.irqs_enabled = frame.irqs_enabled; /* the thread may have migrated */
    if (frame.pc != pc) {
        ((void (*)(void *))frame.pc)((void *)frame.argument);
        broken("a redirected thread came back");
    }
}

void world_interrupt_at(unsigned line, uintptr_t pc)
{
    deliver(line, pc);
}

void world_interrupt(unsigned line)
{
    deliver(line, WORLD_KERNEL_PC);
}

static enum irq_result timer_interrupt(void *ctx)
{
    (void)ctx;
    world_timer_interrupts++;
    machine_timer()->disarm(); /* one-shot */
    upcall_timer();
    return IRQ_HANDLED;
}

void world_spend(uint64_t ns, uintptr_t pc)
{
    uint64_t left = ns;
    for (;;) {
        uint64_t due = fake_timer_deadline();
        uint64_t until = due == UINT64_MAX ? left : due > fake_counter ? due - fake_counter : 0;
        if (until > left || due == UINT64_MAX) {
            fake_counter += left;
            return;
        }
        /* time that other threads spend meanwhile does not count for this one */
        fake_counter += until;
        left -= until;
        deliver(WORLD_TIMER_LINE, pc);
    }
}

static void idle_until_the_timer(void)
{
    uint64_t due = fake_timer_deadline();
    if (due == UINT64_MAX) {
        broken("every thread waits, and no timer is armed");
    }
    if (fake_counter < due) {
        fake_counter = due;
    }
    deliver(WORLD_TIMER_LINE, WORLD_KERNEL_PC);
}

int world_boot(void **state)
{
    lockcheck_install();
    (void)state;
    fake_reset();
    fake_on_wait = idle_until_the_timer;

    static struct boot_info info;
    info.range_count = 1;
    info.ranges[0] = (struct boot_range){
        .base = FAKE_RAM_BASE, .len = WORLD_DEVICE_BASE - FAKE_RAM_BASE, .kind = BOOT_RAM};
    info.early_base = FAKE_RAM_BASE;
    info.early_len = 1 << 20;

    clock_init();
    page_early_init(&info);
    hal_mmu_init(&info, HAL_DIRECT_BASE);
    page_init(&info);
    vm_init();
    heap_init();

    machine_timer_install(&fake_timer);
    machine_irq_install(&controller);
    static struct irq_action timer_action = {.handle = timer_interrupt, .name = "timer"};
    if (irq_request(&timer_action, WORLD_TIMER_LINE, IRQ_EDGE) != OK) {
        broken("no timer interrupt");
    }
    sched_init();
    hal_irq_enable();
    if (work_start(0) != OK) {
        broken("no memory for the work thread");
    }
    return 0;
}

struct thread *world_thread(const char *name, uint8_t priority, void (*entry)(void *arg), void *arg)
{
    struct thread *t;
    const struct thread_options options = {
        .name = name, .entry = entry, .arg = arg, .priority = priority};
    if (thread_create(&options, &t) != OK) {
        broken("no thread");
    }
    return t;
}

int world_join(struct thread *t)
{
    int value;
    if (thread_join(t, &value) != OK) {
        broken("join was cancelled");
    }
    return value;
}

void world_note(const char *name)
{
    size_t used = strlen(notes);
    snprintf(notes + used, sizeof(notes) - used, "%s%s", used > 0 ? " " : "", name);
}

const char *world_notes(void)
{
    return notes;
}

void world_forget_notes(void)
{
    notes[0] = 0;
}
