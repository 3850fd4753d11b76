// SPDX-License-Identifier: MIT
//
// The third machine: hal/ for this computer, one CPU (more: fake_cpus.h), time that stands still
// until a test moves it. RAM is a file in memory, mapped at the direct map's place; hal_mmu_map()
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

/** @brief Forget mappings, journal, records and hooks, and zero RAM: call it from a test's set-up.
 */
void fake_reset(void);

/** @brief The memory part of fake_reset(). */
void fake_memory_reset(void);

/* ---- What a test reads ---- */

/** Calls of hal_mmu_unmap(). */
extern unsigned fake_mmu_unmaps;

/** Barriers, TLB and instruction-cache maintenance in the order they happened: "wmb tlb icache". */
const char *fake_journal(void);
void fake_journal_add(const char *event);

/** The last record on the status channel; kind 0 if there is none. */
extern enum exit_kind fake_exit_kind;
extern uint8_t fake_exit_status;

/** What hal_early_write() was given since fake_reset() or fake_console_clear(), zero terminated,
 * cut at 64 KiB. */
const char *fake_console_text(void);
void fake_console_clear(void);

/* ---- What a test decides ---- */

/** Ports: answer a read, take a write. Without a handler an access ends the test program. */
extern uint64_t (*fake_on_port_read)(uint16_t port, unsigned bytes);
extern void (*fake_on_port_write)(uint16_t port, unsigned bytes, uint64_t value);

/** hal_io_has_ports(): false until a test says otherwise. */
extern bool fake_has_ports;

/** The largest physical address that hal_mmu_map() takes. */
extern uint64_t fake_physical_max;

/** How many random bytes hal_entropy() has left; 0 = the machine makes none. */
extern size_t fake_entropy_left;

/** What an interrupt would do while hal_cpu_wait() waits; by default time moves to the armed
 * deadline. */
extern void (*fake_on_wait)(void);

/** What time does while hal_cpu_relax() waits; NULL: nothing. */
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

/** How many CPUs hal_platform_add_cpu() has added, without those that were removed. */
extern unsigned fake_platform_cpus;

/** The fake's event timer; hal_platform_init_core() installs it, once in a test program. */
extern const struct event_timer fake_timer;

/** @brief Deadline that the running CPU's event timer is armed for, UINT64_MAX if it is not. */
uint64_t fake_timer_deadline(void);
/** @brief That of a CPU. */
uint64_t fake_timer_deadline_of(cpu_t cpu);
