// SPDX-License-Identifier: MIT
//
// Exceptions: from a saved frame to a struct fault. kernel/fault/fault.c finds the owner of a fault
// and decides what happens; frame.c names registers and describes faults.
#include "arch/x86_64/trap.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/mmu.h"
#include "arch/x86_64/text.h"
#include "hal/console.h"
#include "hal/context.h"
#include "hal/mmu.h"
#include "hal/power.h"
#include "hal/smp.h"
#include "hal/upcall.h"
#include "hal_arch/offsets.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"

STATIC_ASSERT(offsetof(struct hal_frame, record) == 0, "rbp points at it");
STATIC_ASSERT(offsetof(struct hal_frame, vector) == FRAME_VECTOR, "offsets.h");
STATIC_ASSERT(offsetof(struct hal_frame, rip) == FRAME_RIP, "offsets.h");
STATIC_ASSERT(sizeof(struct hal_frame) == FRAME_SIZE && FRAME_SIZE % 16 == 0, "offsets.h");
STATIC_ASSERT(offsetof(struct hal_cpu, magazines) == CPU_MAGAZINES, "magazine.S: magazines");
STATIC_ASSERT(offsetof(struct hal_magazine, top) == MAGAZINE_TOP, "magazine.S: top");
STATIC_ASSERT(offsetof(struct hal_magazine, end) == MAGAZINE_END, "magazine.S: end");
STATIC_ASSERT(sizeof(struct hal_magazine) == HAL_MAGAZINE(1), "magazine.S: kinds");
STATIC_ASSERT(offsetof(struct hal_cpu, self) == 0, "hal_this_cpu() reads gs:0");
STATIC_ASSERT(offsetof(struct hal_cpu, preempt_off) == CPU_PREEMPT_OFF, "offsets.h");
STATIC_ASSERT(offsetof(struct hal_cpu, arch.stack_base) == CPU_STACK_BASE, "offsets.h");
STATIC_ASSERT(HAL_STACK_SIZE == STACK_SIZE && HAL_STACK_ROOM == STACK_ROOM, "offsets.h");
STATIC_ASSERT(IST_STACKS == IST_COUNT - 1, "offsets.h");

/* Number of breakpoints of trap_breakpoint() that were handled. */
static volatile unsigned selftest_traps;

static bool is_writable(uintptr_t address)
{
    struct hal_mapping m;
    return hal_mmu_query(address, &m) && (m.prot & PROT_W) != 0;
}

/* Whether a frame and the handler's calls fit below sp. If the stack is not the running thread's,
 * the page tables decide: a program may run on a stack of its own. */
static bool has_room(uintptr_t sp)
{
    uintptr_t lo, hi;
    upcall_stack_bounds(&lo, &hi);
    if (sp >= lo && sp <= hi) {
        return sp - lo >= STACK_ROOM;
    }
    if (sp < STACK_ROOM || cpu_in_ist(sp)) {
        return false;
    }
    STATIC_ASSERT(STACK_ROOM <= PAGE_SIZE, "two pages are looked at");
    return is_writable(sp - STACK_ROOM) && is_writable(sp - 1);
}

struct hal_frame *trap_choose_stack(struct hal_frame *frame)
{
    if (!has_room(frame->rsp)) {
        return frame;
    }
    struct hal_frame *copy = (struct hal_frame *)(frame->rsp & ~(uint64_t)15) - 1;
    *copy = *frame;
    return copy;
}

static enum fault_cause cause_of(uint64_t vector)
{
    switch (vector) {
    case VECTOR_DIVIDE:
        return FAULT_DIVIDE;
    case VECTOR_BREAKPOINT:
        return FAULT_BREAKPOINT;
    case VECTOR_ILLEGAL:
    case VECTOR_NO_FPU:
        return FAULT_ILLEGAL;
    case VECTOR_DOUBLE:
        return FAULT_DOUBLE;
    case VECTOR_SEGMENT:
    case VECTOR_STACK:
    case VECTOR_PROTECTION:
        return FAULT_PROTECTION;
    case VECTOR_PAGE:
        return FAULT_PAGE;
    case VECTOR_X87:
    case VECTOR_SIMD:
        return FAULT_FLOAT;
    case VECTOR_ALIGNMENT:
        return FAULT_ALIGNMENT;
    case VECTOR_MACHINE:
        return FAULT_BUS;
    default:
        return FAULT_OTHER;
    }
}

static enum fault_access access_of(uint64_t error)
{
    if ((error & PF_FETCH) != 0) {
        return FAULT_EXEC;
    }
    return (error & PF_WRITE) != 0 ? FAULT_WRITE : FAULT_READ;
}

/* Whether the interrupted code ran out of stack: either it touched the guard, or too little is left
 * above it for a handler, which is why this runs on the interrupt stack. */
static bool is_overflow(const struct hal_frame *frame, const struct fault *fault)
{
    if (fault->cause == FAULT_PAGE && upcall_is_stack_guard(fault->address)) {
        return true;
    }
    uintptr_t lo, hi, sp = frame->rsp;
    upcall_stack_bounds(&lo, &hi);
    return cpu_in_ist((uintptr_t)frame) &&
           (upcall_is_stack_guard(sp - 1) || (sp >= lo && sp < lo + STACK_ROOM));
}

static struct fault decode(struct hal_frame *frame, uintptr_t address)
{
    struct fault fault = {
        .cause = cause_of(frame->vector),
        .pc = frame->rip,
        .code = frame->error,
        .vector = frame->vector,
        .frame = frame,
        .may_sleep = (frame->rflags & RFLAGS_IF) != 0 && !cpu_in_ist((uintptr_t)frame),
    };
    if (fault.cause == FAULT_BREAKPOINT) {
        fault.pc -= 1; /* int3 has one byte, and the CPU saves the address after it */
    } else if (fault.cause == FAULT_PAGE) {
        fault.access = access_of(frame->error);
        fault.mapped = (frame->error & PF_PRESENT) != 0;
        fault.has_address = true;
        fault.address = address;
    }

    if (fault.cause != FAULT_BUS && is_overflow(frame, &fault)) {
        fault.reported = fault.cause;
        fault.cause = FAULT_STACK_OVERFLOW;
    }
    return fault;
}

/* A fault while another is being reported, or handled on the interrupt stack (whose frame is then
 * lost): nothing can be trusted except the early console. */
static _Noreturn void end_recursion(const struct hal_frame *frame, uintptr_t address)
{
    static bool is_ending;
    if (!is_ending) {
        is_ending = true;
        char line[160];
        size_t n = fmt_print(line, sizeof(line),
                             "\nfault while a fault was handled: vector %llu, error code 0x%llx, "
                             "pc 0x%llx, sp 0x%llx, cr2 0x%llx\nPANIC END\n",
                             (unsigned long long)frame->vector, (unsigned long long)frame->error,
                             (unsigned long long)frame->rip, (unsigned long long)frame->rsp,
                             (unsigned long long)address);
        hal_early_write(line, MIN(n, sizeof(line) - 1));
        hal_exit_record(EXIT_PANIC, 0);
    }
    hal_power_off();
}

void trap_handle(struct hal_frame *frame)
{
    uintptr_t address = read_cr2();
    if (frame->vector == VECTOR_BREAKPOINT && frame->rip == (uintptr_t)trap_breakpoint + 1) {
        selftest_traps++;
        return;
    }
    if (frame->vector == VECTOR_BREAKPOINT && text_pass_breakpoint(frame)) {
        return;
    }

    if (frame->vector == VECTOR_NMI) {
        mmu_forget_if_due(); /* it may have been idle, and the handler may access other memory */
        upcall_nmi(frame);
        return;
    }

    uintptr_t lo, hi;
    cpu_ist_bounds(IST_FAULT, &lo, &hi);
    if (hal_this_cpu()->in_panic || (frame->rsp >= lo && frame->rsp <= hi)) {
        end_recursion(frame, address);
    }
    struct fault fault = decode(frame, address);
    upcall_fault(&fault);
}

unsigned hal_trap_selftest(void)
{
    unsigned before = selftest_traps;
    trap_breakpoint();
    return selftest_traps - before;
}
