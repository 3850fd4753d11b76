// SPDX-License-Identifier: MIT
//
// The third machine: hal/ for this computer, with one CPU (more: fake_cpus.h) and a clock that only
// a test advances. RAM is a file in memory, mapped at the place of the direct map; hal_mmu_map()
// maps the same file a second time, so that mappings, protections and aliases are real and a
// forbidden access really faults.
#pragma once

#include "hal/cpu.h"
#include "hal/layout.h"
#include "hal/power.h"
#include "hal/timer.h"
#include "hal/types.h"

#include <setjmp.h>

#define FAKE_RAM_BASE   0x40000000 /* physical address of the first byte of RAM */
#define FAKE_RAM_SIZE   ((size_t)64 << 20)
#define FAKE_COUNTER_HZ UINT64_C(1000000000) /* a tick is a nanosecond */

extern uint64_t fake_counter;

/** @brief Discard mappings, journal, records and hooks, and zero RAM:
 * called from a test's set-up. */
void fake_reset(void);

/** @brief The memory part of fake_reset(). */
void fake_memory_reset(void);

/* ---- Results for a test ---- */

/** Number of hal_mmu_unmap() calls. */
extern unsigned fake_mmu_unmaps;

/** Barriers, TLB and instruction-cache maintenance in the order of the calls: "wmb tlb icache". */
const char *fake_journal(void);
void fake_journal_add(const char *event);

/** The last record on the status channel; kind 0 if there is none. */
extern enum exit_kind fake_exit_kind;
extern uint8_t fake_exit_status;

/** The bytes passed to hal_early_write() since fake_reset() or fake_console_clear(), with a
 * terminating zero, cut at 64 KiB. */
const char *fake_console_text(void);
void fake_console_clear(void);

/* ---- Settings by a test ---- */

/** Port accesses: provide the value of a read, handle a write. Without a handler an
 * access ends the test program. */
extern uint64_t (*fake_on_port_read)(uint16_t port, unsigned bytes);
extern void (*fake_on_port_write)(uint16_t port, unsigned bytes, uint64_t value);

/** Result of hal_io_has_ports(); false by default. */
extern bool fake_has_ports;

/** The largest physical address that hal_mmu_map() accepts. */
extern uint64_t fake_physical_max;

/** Random bytes that hal_entropy() can still return; 0 = the machine has no generator. */
extern size_t fake_entropy_left;

/** Called while hal_cpu_wait() waits, in place of an interrupt; by default the time
 * advances to the armed deadline. */
extern void (*fake_on_wait)(void);

/** Called by hal_cpu_relax(), for example to advance the time; NULL: nothing. */
extern void (*fake_on_relax)(void);

/** hal_cpu_start(); NULL: E_NOTSUP. */
extern enum status (*fake_on_start)(struct hal_cpu *cpu);

/** Make the next calls of hal_mmu_map() fail with E_NOMEM after this many successes; -1 = never. */
extern int fake_mmu_maps_left;

/**
 * The end of the machine (power off, halt, so also a panic) jumps to `jump` while `armed`:
 *
 *     fake_end.armed = true;
 *     if (setjmp(fake_end.jump) == 0) { call_that_must_panic(); fail(); }
 */
struct fake_end {
    jmp_buf jump;
    bool armed;
};
extern struct fake_end fake_end;

/** @brief For a thread that jumps to the test's own stack: frames there that never return no longer
 *     count. The address sanitizer forgets only those of the stack that the thread leaves. */
void fake_forget_frames(void);

/** CPUs that hal_platform_add_cpu() has added, minus removed ones. */
extern unsigned fake_platform_cpus;

/** The fake's event timer; hal_platform_init_core() installs it, once in a test program. */
extern const struct event_timer fake_timer;

/** @brief Deadline of the running CPU's event timer; UINT64_MAX if it is not armed. */
uint64_t fake_timer_deadline(void);
/** @brief Deadline of a CPU's event timer. */
uint64_t fake_timer_deadline_of(cpu_t cpu);
