// SPDX-License-Identifier: MIT
//
// The portable kernel up to threads, on the fake machine, for tests of what needs threads. It boots
// once in a test program. Time stands still until a thread spends some, or nobody can run.
#pragma once

#include "fake/fake.h"
#include "kernel/sched/thread.h"

/** A program counter of kernel code, as world_spend() reports it to interrupts. */
#define WORLD_KERNEL_PC 0x1000u

/** Frames that are no RAM to the kernel: registers of a device that a test plays. */
#define WORLD_DEVICE_PAGES 16
#define WORLD_DEVICE_BASE  (FAKE_RAM_BASE + FAKE_RAM_SIZE - WORLD_DEVICE_PAGES * PAGE_SIZE)

/** The line that the fake event timer interrupts on. */
#define WORLD_TIMER_LINE 5

/** @brief Memory, heap, interrupts and threads; the caller becomes the thread "main". cmocka group
 * set-up. */
int world_boot(void **state);

/** @brief The running thread computes for `ns`: time passes, and due interrupts find it at `pc`. If
 * one redirects it, it does not come back. */
void world_spend(uint64_t ns, uintptr_t pc);

/** The controller can name CPUs whose hw_id is below it. */
#define WORLD_CPUS 80

/** Lines are below 32, and one that is far away. */
#define WORLD_FAR_LINE 9000u
/** Delivered as an interrupt: a vector that is no line's. */
#define WORLD_STRAY 0x62u
/** Another CPU's interrupt. */
#define WORLD_IPI 0x7fu

/** @brief An interrupt on a line, found at WORLD_KERNEL_PC, or at `pc`. */
void world_interrupt(unsigned line);
void world_interrupt_at(unsigned line, uintptr_t pc);

/** Interrupts that were spent on the event timer. */
extern unsigned world_timer_interrupts;

/** Whether the controller can interrupt a CPU that masks interrupts. */
extern bool world_has_nmi;

/** What the controller was told of a line. */
bool world_line_is_masked(unsigned line);
cpu_t world_line_cpu(unsigned line);
unsigned world_eoi_count(unsigned line);

/** @brief Start a thread that must exist. */
struct thread *world_thread(const char *name, uint8_t priority, void (*entry)(void *arg),
                            void *arg);
/** @brief Join it; it must succeed. @return its value. */
int world_join(struct thread *t);

/** Names appended by world_note(), in the order of the calls: "a b c". */
void world_note(const char *name);
const char *world_notes(void);
void world_forget_notes(void);
