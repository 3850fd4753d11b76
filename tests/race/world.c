// SPDX-License-Identifier: MIT
//
// What the scheduler's files need of the rest of the kernel and of the machine: memory is the
// host's, and an interrupt between CPUs is found when its target checks for it.
#include "race.h"

#include "hal/context.h"
#include "hal/cpu.h"
#include "hal/irq.h"
#include "hal/layout.h"
#include "hal/smp.h"
#include "hal/timer.h"
#include "hal/trap.h"
#include "hal/upcall.h"
#include "kernel/debug/report/lockcheck.h"
#include "kernel/base/assert.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/panic.h"
#include "kernel/lib/format.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/mm/reclaim.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/cpu_snapshot.h"
#include "kernel/sched/smp.h"
#include "kernel/sched/watchdog.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

_Noreturn void race_fail(const char *what)
{
    fprintf(stderr, "race: %s\n", what);
    exit(1);
}

_Noreturn void panic(const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    (void)fmt_vprint(text, sizeof text, fmt, args);
    va_end(args);
    race_fail(text);
}

/* ---- Reports of the lock checker: any is an error here ---- */

void log_line(enum log_level level, const char *area, const char *fmt, ...)
{
    char text[256];
    va_list args;
    (void)area;
    if (level == LOG_INFO) {
        return;
    }
    va_start(args, fmt);
    (void)fmt_vprint(text, sizeof text, fmt, args);
    va_end(args);
    race_fail(text);
}

void backtrace_print_list(void (*write)(void *ctx, const char *line), void *ctx,
                          const uintptr_t *pcs, unsigned max)
{
    (void)write, (void)ctx, (void)pcs, (void)max;
}

/* ---- The machine ---- */

static void disarm(void)
{
}

static enum status configure(uint32_t line, enum irq_trigger trigger)
{
    (void)line, (void)trigger;
    return OK;
}

static void ignore_line(uint32_t line)
{
    (void)line;
}

static enum status route(uint32_t line, const struct hal_cpu *cpu)
{
    (void)line, (void)cpu;
    return OK;
}

static uint32_t ack(unsigned vector)
{
    return vector;
}

static enum status add_cpu(const struct hal_cpu *cpu)
{
    (void)cpu;
    return OK;
}

static enum status init_cpu(void)
{
    return OK;
}

static void raise_ipi(const struct hal_cpu *cpu)
{
    (void)cpu;
}

static bool raise_nmi(const struct hal_cpu *cpu)
{
    (void)cpu;
    return false;
}

static const struct event_timer timer = {.name = "race", .arm = race_arm, .disarm = disarm};
static const struct irq_controller controller = {
    .name = "race",
    .configure = configure,
    .mask = ignore_line,
    .unmask = ignore_line,
    .route = route,
    .ack = ack,
    .eoi = ignore_line,
    .add_cpu = add_cpu,
    .init_cpu = init_cpu,
    .raise = raise_ipi,
    .raise_nmi = raise_nmi,
};

void race_boot(void)
{
    lockcheck_install();
    machine_timer_install(&timer);
    machine_irq_install(&controller);
    clock_init();
}

uint64_t hal_counter_hz(void)
{
    return NS_PER_S;
}

uint64_t hal_counter_at_entry(void)
{
    return 0;
}

/* No CPU is asked for its state here. */
void hal_frame_capture(void (*fn)(const struct hal_frame *frame))
{
    (void)fn;
    abort();
}

void cpu_snapshot_log(const char *area, cpu_t cpu)
{
    (void)area, (void)cpu;
    abort();
}

/* No watchdog: a CPU may have to wait long for a host CPU. */
void watchdog_follow(void)
{
}

uint64_t watchdog_checks(void)
{
    return 0;
}

void hal_context_backtrace_start(const struct hal_context *ctx, uintptr_t *pc, uintptr_t *fp)
{
    (void)ctx, (void)pc, (void)fp;
    abort();
}

_Noreturn void hal_cpu_halt(void)
{
    race_fail("halted");
}

uintptr_t hal_frame_here(void)
{
    return 0;
}

uintptr_t hal_frame_pc(const struct hal_frame *frame)
{
    (void)frame;
    return 0;
}

uintptr_t hal_frame_fp(const struct hal_frame *frame)
{
    (void)frame;
    return 0;
}

bool hal_frame_step(uintptr_t *fp, uintptr_t *pc, uintptr_t lo, uintptr_t hi)
{
    (void)fp, (void)pc, (void)lo, (void)hi;
    return false;
}

void upcall_stack_bounds(uintptr_t *lo, uintptr_t *hi)
{
    *lo = *hi = 0;
}

size_t hal_fp_size(void)
{
    return 16;
}

void hal_fp_init(void *area)
{
    (void)area;
}

void hal_fp_save(void *area)
{
    (void)area;
}

void hal_fp_restore(const void *area)
{
    (void)area;
}

/* The boot thread's stack, which no thread uses. */
char __boot_stack_start[PAGE_SIZE], __boot_stack_end[1];

/* ---- Memory ---- */

void *heap_alloc(size_t size)
{
    return malloc(size);
}

void *heap_zalloc(size_t size)
{
    return calloc(1, size);
}

void *heap_calloc(size_t count, size_t size)
{
    return calloc(count, size);
}

void *heap_alloc_aligned(size_t size, size_t align)
{
    return aligned_alloc(align, size);
}

void heap_free(void *p)
{
    free(p);
}

void page_get_stats(struct page_stats *out)
{
    *out = (struct page_stats){.total_pages = 4096};
}

enum status vm_reserve(struct vm_range *range, const struct vm_request *request)
{
    *range = (struct vm_range){.base = HAL_STACK_ALIGN, .pages = request->pages};
    return OK;
}

enum status vm_populate(struct vm_range *range, size_t first, size_t count, unsigned prot,
                        enum page_owner owner)
{
    (void)range, (void)first, (void)count, (void)prot, (void)owner;
    return OK;
}

void vm_unmap(struct vm_range *range, size_t first, size_t count, bool owned)
{
    (void)range, (void)first, (void)count, (void)owned;
}

void vm_release(struct vm_range *range)
{
    (void)range;
}

void vm_stop_faults(struct vm_range *range)
{
    (void)range;
}

void memory_reclaim_on_cpus(void (*call_all)(void (*fn)(void *arg), void *arg))
{
    (void)call_all;
}

void panic_install_threads(const struct panic_thread_ops *ops)
{
    (void)ops;
}
