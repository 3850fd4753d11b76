// SPDX-License-Identifier: MIT
//
// The list of CPUs, and the portable part of interrupts between CPUs (hal/smp.h).
#include "hal/smp.h"

#include "hal/irq.h"
#include "hal/timer.h"
#include "hal/trap.h"
#include "hal/upcall.h"
#include "kernel/base/assert.h"
#include "kernel/base/ipi.h"
#include "kernel/lib/compiler.h"

/* One hardware interrupt serves all kinds of requests. A request is a bit in the target's `asked`;
 * the sender sets it with an atomic OR and raises the interrupt only if the bit was clear. So a
 * pending request is not sent twice, and a CPU that spins with interrupts masked finds requests by
 * polling (ipi_poll()).
 *
 * The order matters: set the bit, then raise. The receiver clears the bits with an atomic AND
 * (collect_requests()) before it serves them. A request that arrives while it serves sets the bit
 * again and raises a new interrupt; one that arrives before collect_requests() is served now, and
 * its interrupt later finds nothing to do. All accesses to `asked` are sequentially consistent, so
 * data that the sender wrote before is visible to the receiver.
 *
 * Watching. An idle CPU may set HAL_IPI_WATCHED and poll `asked` for a while; senders of LOOK then
 * set the bit only. Because one word holds both bits, a request comes either before
 * ipi_end_polling(), which returns it, or after, and then raises the interrupt.
 *
 * Non-maskable requests use the NMI. nmi_sent is set by the sender that raises one and cleared by
 * the handler before it reads `asked`, so at most one is on its way, and upcall_nmi() can tell an
 * NMI that no CPU sent (a button, a watchdog) from one that was sent. */

#define STOP_LIMIT_PER_S 10 /* a tenth of a second */

static struct hal_cpu *cpus[CPU_MAX]; /* [I] set before `count` covers it */
/* Release: the entries below it are valid. Pairs with the acquire in cpus_count(). */
static _Atomic cpu_t count;

cpu_t cpus_count(void)
{
    return atomic_load_explicit(&count, memory_order_acquire);
}

struct hal_cpu *cpus_at(cpu_t id)
{
    return cpus[id];
}

bool cpus_set_online(void)
{
    /* The CPU that starts this one may have given up waiting and set another state; then the CPU
     * must not run (false). CPUs come online one at a time, so `count` needs no lock. */
    struct hal_cpu *cpu = hal_this_cpu();
    uint32_t before = cpu->id == 0 ? HAL_CPU_ABSENT : HAL_CPU_ARRIVED;
    if (!atomic_compare_exchange_strong_explicit(&cpu->state, &before, HAL_CPU_ONLINE,
                                                 memory_order_acq_rel, memory_order_acquire)) {
        return false;
    }
    ASSERT(cpu->id == cpus_count() && cpu->id < CPU_MAX);
    cpus[cpu->id] = cpu;
    atomic_store_explicit(&count, cpu->id + 1, memory_order_release);
    return true;
}

/** @return false: this machine has no NMI. */
static bool send_nmi(struct hal_cpu *cpu)
{
    /* One NMI is enough: the handler clears nmi_sent before it reads `asked`. So a request that
     * finds the flag set is seen by the NMI on its way. */
    if (atomic_exchange_explicit(&cpu->nmi_sent, true, memory_order_seq_cst)) {
        return true;
    }
    if (machine_irq_controller()->raise_nmi(cpu)) {
        return true;
    }
    atomic_store_explicit(&cpu->nmi_sent, false, memory_order_seq_cst);
    return false;
}

void ipi_send(struct hal_cpu *cpu, unsigned kinds)
{
    uint32_t before = atomic_fetch_or_explicit(&cpu->asked, kinds, memory_order_seq_cst);
    if (UNLIKELY((kinds & HAL_IPI_UNMASKABLE) != 0) && send_nmi(cpu)) {
        return;
    }
    bool is_seen = kinds == HAL_IPI_REEVALUATE && (before & HAL_IPI_WATCHED) != 0;
    if ((before & kinds) != kinds && !is_seen) {
        machine_irq_controller()->raise(cpu);
    }
}

static uint32_t collect_requests(uint32_t kinds)
{
    return atomic_fetch_and_explicit(&hal_this_cpu()->asked, ~kinds, memory_order_seq_cst) & kinds;
}

static const struct ipi_snapshot_ops *snapshots; /* [I] */

void ipi_install_snapshots(const struct ipi_snapshot_ops *ops)
{
    snapshots = ops;
}

/** Serve the requests other than LOOK and CALL. @param frame NULL: this CPU
 * found them by polling. */
static void serve(uint32_t kinds, const struct hal_frame *frame)
{
    bool is_here = frame == NULL; /* polling in a loop that waits; its call chain shows which */
    if ((kinds & HAL_IPI_STOP) != 0) {
        cpus_stop_this(is_here ? 0 : hal_frame_pc(frame),
                       is_here ? hal_frame_here() : hal_frame_fp(frame));
    }
    if ((kinds & HAL_IPI_MACHINE) != 0) {
        hal_ipi_serve_machine();
    }
    if ((kinds & HAL_IPI_SHOW) != 0 && snapshots != NULL) {
        if (is_here) {
            hal_frame_capture(snapshots->show);
        } else {
            snapshots->show(frame);
        }
    }
    if ((kinds & HAL_IPI_REPORT) != 0 && snapshots != NULL) {
        snapshots->report();
    }
}

unsigned ipi_receive(const struct hal_frame *frame)
{
    uint32_t mine = HAL_IPI_REEVALUATE | HAL_IPI_CALL;
    uint32_t kinds = collect_requests(HAL_IPI_URGENT | (frame != NULL ? mine | HAL_IPI_REPORT : 0));
    if ((kinds & ~mine) != 0) {
        serve(kinds, frame);
    }
    return kinds & mine;
}

/* See "Watching" above. */
void ipi_begin_polling(void)
{
    (void)atomic_fetch_or_explicit(&hal_this_cpu()->asked, HAL_IPI_WATCHED, memory_order_seq_cst);
}

unsigned ipi_end_polling(void)
{
    return collect_requests(HAL_IPI_WATCHED | HAL_IPI_REEVALUATE) & HAL_IPI_REEVALUATE;
}

/* Serves unmaskable requests only: the interrupted code may be in the middle of serving
 * another kind. */
void upcall_nmi(const struct hal_frame *frame)
{
    struct hal_cpu *cpu = hal_this_cpu();
    bool is_sent = atomic_exchange_explicit(&cpu->nmi_sent, false, memory_order_seq_cst);
    serve(collect_requests(HAL_IPI_UNMASKABLE), frame);
    /* An NMI that no CPU sent asks for a report, unless the machine is stopping already. */
    bool is_over =
        cpu->in_panic || atomic_load_explicit(&cpu->state, memory_order_relaxed) == HAL_CPU_STOPPED;
    if (!is_sent && !is_over && snapshots != NULL) {
        snapshots->want_report(frame);
    }
}

void ipi_poll(void)
{
    irq_state_t state = hal_irq_save();
    (void)ipi_receive(NULL);
    hal_irq_restore(state);
}

_Noreturn void cpus_stop_this(uintptr_t pc, uintptr_t fp)
{
    struct hal_cpu *cpu = hal_this_cpu();
    hal_irq_disable();
    cpu->stopped_pc = pc;
    cpu->stopped_fp = fp;
    atomic_store_explicit(&cpu->state, HAL_CPU_STOPPED, memory_order_release);
    hal_cpu_halt();
}

static unsigned running_others(void)
{
    unsigned n = 0;
    for (cpu_t i = 0; i < cpus_count(); i++) {
        n += cpus[i] != hal_this_cpu() &&
             atomic_load_explicit(&cpus[i]->state, memory_order_acquire) != HAL_CPU_STOPPED;
    }
    return n;
}

/* No hal_cpu_relax() here: it would serve requests of other CPUs, which a
 * panicking CPU must not. */
unsigned cpus_stop_others(void)
{
    uint64_t begin = hal_counter_read();
    for (cpu_t i = 0; i < cpus_count(); i++) {
        if (cpus[i] != hal_this_cpu()) {
            ipi_send(cpus[i], HAL_IPI_STOP);
        }
    }
    unsigned left = running_others();
    while (left > 0 && hal_counter_read() - begin < hal_counter_hz() / STOP_LIMIT_PER_S) {
        left = running_others();
    }
    return left;
}
