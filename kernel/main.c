// SPDX-License-Identifier: MIT
//
// Boot as one readable list. Each step is implemented in its own file; they run in the order
// of the lines.

#include "hal/bootinfo.h"
#include "hal/cpu.h"
#include "hal/mmu.h"
#include "hal/platform.h"
#include "hal/upcall.h"
#include "kernel/base/assert.h"
#include "kernel/boot/boot.h"
#include "kernel/boot/frontends.h"
#include "kernel/base/clock.h"
#include "kernel/fs/vfs.h"
#include "kernel/load/loader.h"
#include "kernel/module/additions.h"
#include "kernel/module/extension.h"
#include "kernel/base/log.h"
#include "kernel/mm/asan.h"
#include "kernel/mm/aslr.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm.h"
#include "kernel/debug/preempt_points.h"
#include "kernel/debug/report/lockcheck.h"
#include "kernel/io/partition.h"
#include "kernel/io/random.h"
#include "kernel/program/program.h"
#include "kernel/shell/shell.h"
#include "kernel/sched/cpu_snapshot.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/watchdog.h"
#include "kernel/sched/work.h"
#include "kernel/sched/smp.h"
#include "kernel/debug/report/stack_guard.h"
#include "kernel/trace/report/trace_control.h"

static struct cmdline cmdline;

static void read_cmdline(const struct boot_info *info)
{
    cmdline_parse(info->cmdline, &cmdline);
    if (cmdline.loglevel >= 0) {
        log_set_console_level((enum log_level)cmdline.loglevel);
    }
}

static void trace_boot(void)
{
    if (cmdline.trace && trace_start() != OK) {
        log_warn("trace", "no memory for the rings");
    }
}

static void start_preempt_points(void)
{
    if (cmdline.preempt_seed != 0 && !preempt_points_start(cmdline.preempt_seed)) {
        log_warn("preempt", "only debug builds have preemption points");
    }
}

/* The machine has chosen the image's address earlier, from the same sources. */
static void init_aslr(struct boot_info *info)
{
    if (!random_early_init(&info->seed) && !cmdline.no_aslr) {
        log_info("aslr", "no entropy source yet: addresses differ by timer jitter only");
    }
    uint64_t words[ASLR_WORDS];
    random_bytes(words, sizeof words);
    aslr_init(info, cmdline.no_aslr ? NULL : words);
}

/* Dependencies that the order below satisfies:
 * - stack_guard_init() first, in a function that never returns: it changes the word that every
 *   protected frame checks. clock_init() before any log line, which carries a time.
 * - page_early_init() before hal_mmu_init(), whose tables need frames; page_init() after it,
 *   since the allocator's records are in the new direct map; then ranges, then the heap,
 *   which needs both.
 * - The interrupt controller and timer before sched_init(); interrupts are enabled only when there
 *   is a thread to switch to.
 * - work_start() before anything queues work; program_init() before any program; drivers before the
 *   root file system, which may be on a disk that they find, and in the format of an extension.
 * - The other CPUs last. Until then no code on this path needs locks against other CPUs. */

NO_STACK_PROTECTOR void upcall_main(struct boot_info *info)
{
    stack_guard_init();
    lockcheck_install();
    clock_init();
    read_cmdline(info);
    boot_print_machine(info, &cmdline);

    init_aslr(info);
    page_early_init(info);
    /* switches to the final page tables; the identity map is gone */
    hal_mmu_init(info, aslr_direct_base());
    page_init(info);
    vm_init();
    heap_init();
    asan_open();

    hal_platform_init_core(info); /* interrupt controller, event timer, power */
    sched_init();                 /* from here on this is a thread */
    cpu_snapshot_init();
    start_preempt_points();
    trace_boot();
    hal_irq_enable();
    watchdog_start(cmdline.watchdog_s * NS_PER_S);
    if (work_start(hal_this_cpu()->id) != OK) {
        panic("boot: no memory for the work thread");
    }
    program_init();
    random_init();

    if (vfs_init() != OK) {
        panic("boot: no memory for an empty name space");
    }
    hal_platform_init_devices(info); /* consoles, clock, buses: probes drivers */
    loader_init(&loader_formats);
    additions_init(shell_is_own_command);
    bytecode_set_loader(extension_add);
    boot_load_extensions(info);
    partition_find_new();
    boot_mount_root(info, &cmdline);
    /* the other CPUs; last, so that reports about them are seen */
    smp_start(info, cmdline.maxcpus);
    trace_cover_cpus();

    boot_serve(&cmdline);
}
