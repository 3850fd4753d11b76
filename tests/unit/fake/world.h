// SPDX-License-Identifier: MIT
//
// The portable kernel up to threads, on the fake machine, for tests that need threads. It boots
// once in a test program. Time passes only when a thread spends some, or all threads wait.
#pragma once

#include "fake/fake.h"
#include "kernel/sched/thread.h"

/** A program counter in kernel code, for world_spend(). */
#define WORLD_KERNEL_PC 0x1000u

/** Frames that are not RAM: registers of a device that a test simulates. */
#define WORLD_DEVICE_PAGES 16
#define WORLD_DEVICE_BASE  (FAKE_RAM_BASE + FAKE_RAM_SIZE - WORLD_DEVICE_PAGES * PAGE_SIZE)

/** The interrupt line of the fake event timer. */
#define WORLD_TIMER_LINE 5

/** @brief Initialize memory, heap, interrupts and threads; the caller becomes the thread
 * "main". cmocka group set-up. */
int world_boot(void **state);

/** @brief The running thread computes for `ns`: time passes, and due interrupts see it at `pc`. If
 * one redirects the thread, this call does not return. */
void world_spend(uint64_t ns, uintptr_t pc);

/** The controller supports CPUs with a smaller hw_id. */
#define WORLD_CPUS 80

/** A valid line far from the others, which are below 32. */
#define WORLD_FAR_LINE 9000u
/** Delivered as an interrupt: a vector without a line. */
#define WORLD_STRAY 0x62u
/** The vector of interrupts between CPUs. */
#define WORLD_IPI 0x7fu

/** @brief Raise an interrupt on a line; the interrupted code is at WORLD_KERNEL_PC, or at `pc`. */
void world_interrupt(unsigned line);
void world_interrupt_at(unsigned line, uintptr_t pc);

/** Number of event timer interrupts. */
extern unsigned world_timer_interrupts;

/** True if the controller can interrupt a CPU that masks interrupts. */
extern bool world_has_nmi;

/** State of a line in the controller. */
bool world_line_is_masked(unsigned line);
cpu_t world_line_cpu(unsigned line);
unsigned world_eoi_count(unsigned line);

/** @brief Start a thread; fail the test if that is not possible. */
struct thread *world_thread(const char *name, uint8_t priority, void (*entry)(void *arg),
                            void *arg);
/** @brief Join a thread; fail the test if that is not possible. @return its value. */
int world_join(struct thread *t);

/** Names passed to world_note(), in the order of the calls: "a b c". */
void world_note(const char *name);
const char *world_notes(void);
void world_forget_notes(void);
