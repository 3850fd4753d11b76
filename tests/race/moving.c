// SPDX-License-Identifier: MIT
//
// CPUs that switch threads. A kernel thread is a fiber that continues on whichever CPU switches to
// it; ThreadSanitizer is told of each switch. Everything on one CPU is ordered, whichever threads
// it runs; between CPUs only the kernel's own atomics order anything.
//
// A CPU takes interrupts where it enables them, or waits or spins with them enabled, if it has
// received a request by then or its timer is due.
#define _GNU_SOURCE

#include "hal/context.h"
#include "hal/cpu.h"
#include "hal/platform.h"
#include "hal/smp.h"
#include "hal/trap.h"
#include "hal/upcall.h"
#include "hal_arch/frame.h"
#include "kernel/mm/magazine.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/smp.h"
#include "kernel/sched/thread.h"
#include "race.h"

#include <pthread.h>
#include <sanitizer/tsan_interface.h>
#include <sched.h>
#include <stdlib.h>
#include <ucontext.h>

#define STACK_BYTES ((size_t)256 << 10) /* ThreadSanitizer's frames are large */
#define TICK_NS     500u                /* time that passes between two checks for interrupts */

/** The target of struct hal_context's `sp`, reused for all lives of a thread. */
struct fiber {
    ucontext_t context;
    void *sanitizer; /* ThreadSanitizer's handle of the fiber */
    void *stack;     /* NULL: a stack of the host */
    void (*entry)(void *arg);
    void *arg;
};

/* Indexed by CPU; each CPU uses only its own. */
static struct {
    struct fiber *running;
    uint64_t timer_at;
} seats[CPU_MAX];

static _Thread_local struct hal_cpu *this_cpu;
_Atomic uint64_t race_counter;

/* Not inlined: between two calls the fiber may have migrated to another host thread. */
__attribute__((noinline)) struct hal_cpu *race_this_cpu(void)
{
    return this_cpu;
}

static struct fiber *new_fiber(void)
{
    struct fiber *f = calloc(1, sizeof(*f));
    if (f == NULL) {
        race_fail("no memory");
    }
    return f;
}

void race_become_cpu(struct hal_cpu *cpu)
{
    struct fiber *f = new_fiber();
    f->sanitizer = __tsan_get_current_fiber();
    this_cpu = cpu;
    seats[cpu->id].running = f;
    seats[cpu->id].timer_at = UINT64_MAX;
}

/* ---- Threads ---- */

static void enter(void)
{
    const struct fiber *f = seats[race_this_cpu()->id].running;
    f->entry(f->arg);
    race_fail("a thread's entry returned");
}

void hal_context_init(struct hal_context *ctx, vaddr_t stack, size_t size, void (*entry)(void *arg),
                      void *arg)
{
    (void)stack, (void)size;
    struct fiber *f = (struct fiber *)ctx->sp;
    if (f == NULL) {
        f = new_fiber();
        f->stack = malloc(STACK_BYTES);
        ctx->sp = (uintptr_t)f;
    } else {
        __tsan_destroy_fiber(f->sanitizer); /* its last function never returned */
    }
    f->sanitizer = __tsan_create_fiber(0);
    f->entry = entry;
    f->arg = arg;
    if (f->stack == NULL || getcontext(&f->context) != 0) {
        race_fail("no fiber");
    }
    f->context.uc_stack.ss_sp = f->stack;
    f->context.uc_stack.ss_size = STACK_BYTES;
    makecontext(&f->context, enter, 0);
}

void hal_context_switch(struct hal_context *save, const struct hal_context *next)
{
    struct fiber **running = &seats[race_this_cpu()->id].running;
    struct fiber *from = *running, *to = (struct fiber *)next->sp;
    save->sp = (uintptr_t)from;
    *running = to;
    __tsan_switch_to_fiber(to->sanitizer, 0);
    if (swapcontext(&from->context, &to->context) != 0) {
        race_fail("no switch");
    }
}

/* ---- Interrupts ---- */

void race_arm(uint64_t deadline)
{
    seats[race_this_cpu()->id].timer_at = deadline;
}

static bool is_asked(const struct hal_cpu *cpu)
{
    uint32_t asked = atomic_load_explicit(&cpu->asked, memory_order_relaxed);
    return (asked & ~(uint32_t)HAL_IPI_WATCHED) != 0;
}

static void serve_ipi(struct hal_cpu *cpu)
{
    const struct hal_frame frame = {.irqs_enabled = true};
    cpu->ipi_count++;
    cpu->irq_depth--;
    unsigned left = ipi_receive(&frame);
    cpu->irq_depth++;
    if ((left & HAL_IPI_CALL) != 0) {
        smp_do_calls();
    }
    if ((left & HAL_IPI_REEVALUATE) != 0) {
        sched_reevaluate();
    }
}

/* Like upcall_irq(). */
static void interrupt(struct hal_cpu *cpu, bool is_timer)
{
    cpu->arch.irqs_enabled = false;
    cpu->irq_count++;
    cpu->irq_depth++;
    if (is_timer) {
        seats[cpu->id].timer_at = UINT64_MAX; /* one-shot */
        upcall_timer();
    } else {
        serve_ipi(cpu);
    }
    cpu->irq_depth--;
    sched_preempt_from_irq();
    race_this_cpu()->arch.irqs_enabled = true; /* the thread may be on another CPU now */
}

void race_interrupts(void)
{
    for (;;) {
        struct hal_cpu *cpu = race_this_cpu();
        uint64_t now = atomic_fetch_add_explicit(&race_counter, TICK_NS, memory_order_relaxed);
        bool asked = is_asked(cpu);
        if (!asked && seats[cpu->id].timer_at > now) {
            return;
        }
        interrupt(cpu, !asked);
    }
}

void race_relax(void)
{
    (void)sched_yield();
    if (race_this_cpu()->arch.irqs_enabled) {
        race_interrupts();
    } else if (is_asked(race_this_cpu())) {
        ipi_poll();
    }
}

void hal_ipi_serve_machine(void)
{
    race_fail("unexpected call");
}

/* ---- More CPUs ---- */

enum status hal_platform_add_cpu(struct hal_cpu *cpu)
{
    (void)cpu;
    return OK;
}

void hal_platform_remove_cpu(struct hal_cpu *cpu)
{
    (void)cpu;
}

enum status hal_platform_init_cpu(void)
{
    return OK;
}

void *vm_alloc(size_t size, enum page_owner owner, const char *name)
{
    (void)owner, (void)name;
    return calloc(1, size);
}

void magazine_open(struct hal_cpu *cpu)
{
    (void)cpu; /* the heap is the host's */
}

void vm_free(void *p)
{
    free(p);
}

static void *run_cpu(void *cpu)
{
    race_become_cpu(cpu);
    upcall_cpu_main();
    return NULL;
}

enum status hal_cpu_start(struct hal_cpu *cpu, vaddr_t stack_top)
{
    pthread_t host;
    (void)stack_top;
    return pthread_create(&host, NULL, run_cpu, cpu) == 0 ? OK : E_IO;
}
