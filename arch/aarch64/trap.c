// SPDX-License-Identifier: MIT
//
// From the vectors to struct fault and upcall_fault(). While the MMU is off, or while another fault
// is being reported, the early console prints a fault here, and the machine stops.
#include "arch/aarch64/trap.h"

#include "arch/aarch64/console.h"
#include "arch/aarch64/cpu.h"
#include "arch/aarch64/esr.h"
#include "arch/aarch64/gic.h"
#include "hal/context.h"
#include "hal/cpu.h"
#include "hal/power.h"
#include "hal/upcall.h"
#include "hal_arch/offsets.h"
#include "kernel/lib/compiler.h"
#include "arch/aarch64/power.h"

STATIC_ASSERT(sizeof(struct hal_frame) == FRAME_SIZE, "vectors.S: frame");
STATIC_ASSERT(FRAME_SIZE % 16 == 0 && FRAME_SIZE < STACK_ROOM,
              "vectors.S: alignment, one subtraction");
STATIC_ASSERT(HAL_STACK_ROOM == STACK_ROOM, "offsets.h");
STATIC_ASSERT(HAL_STACK_SIZE == (size_t)1 << STACK_BIT && HAL_STACK_ALIGN == 2 * HAL_STACK_SIZE,
              "vectors.S tells an overflow by another bit");
STATIC_ASSERT(offsetof(struct hal_frame, sp) == FRAME_SP, "vectors.S: sp");
STATIC_ASSERT(offsetof(struct hal_frame, sp) == FRAME_X(31),
              "vectors.S: stored as a pair with x30");
STATIC_ASSERT(offsetof(struct hal_frame, pc) == FRAME_PC, "vectors.S: pc");
STATIC_ASSERT(offsetof(struct hal_frame, pstate) == FRAME_PSTATE, "vectors.S: pstate");
STATIC_ASSERT(offsetof(struct hal_frame, record) == FRAME_RECORD, "vectors.S: record");
STATIC_ASSERT(offsetof(struct hal_cpu, magazines) == CPU_MAGAZINES, "magazine.S: magazines");
STATIC_ASSERT(offsetof(struct hal_magazine, top) == MAGAZINE_TOP, "magazine.S: top");
STATIC_ASSERT(offsetof(struct hal_magazine, end) == MAGAZINE_END, "magazine.S: end");
STATIC_ASSERT(sizeof(struct hal_magazine) == HAL_MAGAZINE(1) << MAGAZINE_SHIFT,
              "magazine.S: kinds");
STATIC_ASSERT(offsetof(struct hal_cpu, current) == CPU_CURRENT, "vectors.S: current");
STATIC_ASSERT(offsetof(struct hal_context, stack_lo) == CONTEXT_STACK_LO, "vectors.S: stack_lo");
STATIC_ASSERT(offsetof(struct hal_context, stack_hi) == CONTEXT_STACK_HI, "vectors.S: stack_hi");
STATIC_ASSERT(offsetof(struct hal_cpu, arch.overflow_stack) == CPU_OVERFLOW_STACK,
              "vectors.S: overflow_stack");
STATIC_ASSERT(offsetof(struct hal_cpu, arch.scratch_x1) == CPU_SCRATCH_X1, "vectors.S: scratch_x1");
STATIC_ASSERT(offsetof(struct hal_cpu, arch.overflow_sp) == CPU_OVERFLOW_SP,
              "vectors.S: overflow_sp");
STATIC_ASSERT(offsetof(struct hal_cpu, arch.overflow_kind) == CPU_OVERFLOW_KIND,
              "vectors.S: overflow_kind");
STATIC_ASSERT(offsetof(struct hal_cpu, arch.fiq_stack) == CPU_FIQ_STACK, "vectors.S: fiq_stack");

#define INSTRUCTION_SIZE 4

static unsigned breakpoints_seen;

unsigned hal_trap_selftest(void)
{
    unsigned before = breakpoints_seen;
    trap_breakpoint();
    return breakpoints_seen - before;
}

static void put_field(const char *name, uint64_t value)
{
    console_puts(name);
    console_put_hex(value);
}

/* The report of last resort: needs neither kernel nor MMU. */
_Noreturn static void report_and_stop(const char *why, const struct fault *fault)
{
    static bool is_reporting;
    if (is_reporting) { /* the report itself failed: stop silently */
        hal_cpu_halt();
    }
    is_reporting = true;
    console_puts("\nPANIC: ");
    console_puts(why);
    console_puts(": ");
    console_puts(esr_class_text(fault->code));
    const char *detail = esr_abort_text(fault->code);
    if (detail != NULL) {
        console_puts(", ");
        console_puts(detail);
    }
    put_field("\n  ESR ", fault->code);
    put_field("  FAR ", fault->address);
    put_field("  PC ", fault->pc);
    put_field("\n  SP  ", fault->frame->sp);
    put_field("  LR  ", fault->frame->x[30]);
    put_field("  PSTATE ", fault->frame->pstate);
    console_puts("\nPANIC END\n");
    hal_exit_record(EXIT_PANIC, 0);
    hal_power_off();
}

static void deliver(struct fault *fault)
{
    if ((read_sctlr_el1() & SCTLR_M) == 0) {
        report_and_stop("exception before the MMU is on", fault);
    }
    if (hal_this_cpu()->in_panic) {
        report_and_stop("exception while reporting another one", fault);
    }
    upcall_fault(fault);
}

static struct fault start_fault(struct hal_frame *frame)
{
    return (struct fault){
        .frame = frame,
        .pc = frame->pc,
        .may_sleep = hal_frame_irqs_enabled(frame),
    };
}

/* Two instructions may trap: the self-test's, and the semihosting call if there is no debugger. */
static bool is_expected(struct hal_frame *frame, uint64_t esr)
{
    uint64_t ec = esr >> ESR_EC_SHIFT;
    if (frame->pc == (uintptr_t)trap_breakpoint_insn && ec == ESR_EC_BRK) {
        breakpoints_seen++;
    } else if (frame->pc == (uintptr_t)power_semihosting_insn && ec == ESR_EC_UNKNOWN) {
        power_no_semihosting();
    } else {
        return false;
    }
    frame->pc += INSTRUCTION_SIZE;
    return true;
}

static void unmask_fiq(void)
{
    __asm__ volatile("msr daifclr, #1" : : : "memory");
}

void trap_sync(struct hal_frame *frame, uint64_t esr, uint64_t far)
{
    if (is_expected(frame, esr)) {
        return;
    }
    if ((frame->pstate & PSTATE_F) == 0) {
        unmask_fiq(); /* exceptions that cannot be masked may reach their handler again */
    }
    struct fault fault = start_fault(frame);
    esr_decode(esr, far, &fault);
    if (fault.cause == FAULT_PAGE && (read_sctlr_el1() & SCTLR_M) != 0 &&
        upcall_is_stack_guard(fault.address)) {
        fault.reported = fault.cause;
        fault.cause = FAULT_STACK_OVERFLOW;
    }
    if (fault.access == FAULT_EXEC && fault.has_address && cpu_has_pac() &&
        esr_is_spoiled(fault.address)) {
        fault.cause = FAULT_PROTECTION;
    }
    deliver(&fault);
}

/* Except for NMIs between CPUs, interrupts are in group 1, which is delivered as IRQ: any other FIQ
 * does not belong to the kernel. */
void trap_fiq(struct hal_frame *frame)
{
    if (gicv3_take_fiq()) {
        upcall_nmi(frame);
        return;
    }
    struct fault fault = start_fault(frame);
    fault.cause = FAULT_NMI;
    fault.vector = NO_SYNDROME + VECTOR_FIQ;
    fault.may_sleep = false;
    deliver(&fault);
}

void trap_serror(struct hal_frame *frame, uint64_t esr)
{
    struct fault fault = start_fault(frame);
    esr_decode(esr, 0, &fault);
    fault.may_sleep = false;
    deliver(&fault);
}

void trap_bad(struct hal_frame *frame, uint64_t number, uint64_t esr)
{
    struct fault fault = start_fault(frame);
    fault.cause = FAULT_OTHER;
    fault.code = esr;
    fault.vector = NO_SYNDROME + number;
    fault.may_sleep = false;
    deliver(&fault);
}

/* Whatever the instruction did, there is no stack for handling it. */
static void deliver_overflow(struct hal_frame *frame, uint64_t esr, uint64_t far)
{
    struct fault fault = start_fault(frame);
    esr_decode(esr, far, &fault);
    fault.reported = fault.cause;
    fault.cause = FAULT_STACK_OVERFLOW;
    fault.may_sleep = false;
    deliver(&fault);
}

/* An interrupt is handled as on any other stack, except
 * for the switch to another thread at its end. */
static void interrupt_without_room(struct hal_frame *frame)
{
    struct hal_cpu *cpu = hal_this_cpu();
    cpu->preempt_off++;
    unmask_fiq();
    upcall_irq(0, frame);
    cpu->preempt_off--;
}

/*
 * The interrupted stack has less than STACK_ROOM left. This runs on the CPU's only overflow stack:
 * interrupts remain masked, and it cannot be nested.
 */
void trap_overflow(struct hal_frame *frame, uint64_t esr, uint64_t far)
{
    struct hal_cpu_arch *arch = &hal_this_cpu()->arch;
    if (arch->in_overflow) {
        struct fault fault = start_fault(frame);
        esr_decode(esr, far, &fault);
        report_and_stop("stack overflow while handling a stack overflow", &fault);
    }
    arch->in_overflow = true;
    switch (arch->overflow_kind) {
    case VECTOR_SYNC:
        if (!is_expected(frame, esr)) {
            deliver_overflow(frame, esr, far);
        }
        break;
    case VECTOR_IRQ:
        interrupt_without_room(frame);
        break;
    case VECTOR_SERROR:
        trap_serror(frame, esr);
        break;
    default:
        trap_bad(frame, arch->overflow_kind, esr);
        break;
    }
    arch->in_overflow = false;
}
