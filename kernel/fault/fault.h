// SPDX-License-Identifier: MIT
//
// The one place every CPU fault reaches. It maps memory that waits to be touched (vm_commit());
// else it asks in turn the owner of the address range, the owner of the code range (of the calling
// code, if a jump led to where no code is), the exception table, and else panics. Loaded and
// compiled code hang on this.
#pragma once

#include "hal/trap.h"
#include "kernel/lib/list.h"

struct vm_range;

/** A range of addresses whose faults somebody understands. The caller owns the struct while
 * registered. Of two that overlap the newer is asked, and names what it can. */
struct fault_owner {
    struct list_node link;    /* private */
    _Atomic uint32_t running; /* private: functions of it that run now. Relaxed to count one, in a
                                 read section; seq_cst after it: see `leaving` in fault.c */
    uintptr_t base, size;
    const char *name;
    bool is_kernel; /* code that runs as part of the kernel (a driver, an extension): no thread is
                       ended in it */
    /**
     * @brief Handle a fault in the range.
     * @return true: fault->frame is ready to be resumed. false: not mine after all; ask the next.
     * May sleep if fault->may_sleep: interrupts are then enabled. Must return.
     */
    bool (*handle)(struct fault_owner *self, struct fault *fault);
    /** Name a code address for backtraces, "symbol+0x12 (file:line)"; code ranges only, else NULL.
     * Safe in a panic. */
    bool (*symbol)(struct fault_owner *self, uintptr_t pc, char *buf, size_t len);
    /** Start of the function with this code address, 0 if unknown; may be NULL. As `symbol`. */
    uintptr_t (*function)(struct fault_owner *self, uintptr_t pc);
};

/** @brief Ask `owner` about faults whose ADDRESS lies in its range. @context{thread} */
void fault_own_addresses(struct fault_owner *owner);
/** @brief Ask `owner` about faults whose PC lies in its range, and name pcs there in backtraces.
 * @context{thread} */
void fault_own_code(struct fault_owner *owner);
/** @brief Take back either. Neither of its functions runs after the return.
 * @context{thread, interrupts enabled, may sleep} */
void fault_disown(struct fault_owner *owner);

/** @brief Answer no fault in a range any more (vm_range.fault), and wait for those that are being
 * answered. Before what came is unmapped, and the range released.
 * @context{thread, interrupts enabled, may sleep} */
void fault_leave_range(struct vm_range *range);

/**
 * @brief Whether the code that faulted held nothing of the kernel's: no mutex, no spinlock, in no
 * interrupt handler. What a machine takes to handle an overflow of the stack does not count.
 * @context{fault handler}
 */
bool fault_holds_nothing(const struct fault *fault);

/** @brief hal_frame_set_call(), on the stack that was interrupted or faulted: calls below stack_top
 * are given up. @context{fault or interrupt handler} */
void fault_go_on(struct hal_frame *frame, uintptr_t stack_top, void (*fn)(void *arg), void *arg);

/** @brief True if the code at pc has an owner and is not the kernel's: a thread may be ended there.
 * @context{any, panic included} */
bool fault_code_is_program(uintptr_t pc);

/** @brief Have the owner of the code at pc name it, as fault_owner.symbol; in what can be printed.
 *  @return false: it has none, or it does not know. @context{any, panic included} */
bool fault_describe_code(uintptr_t pc, char *buf, size_t len);

/** @brief Have the owner of the code at pc find its function, as fault_owner.function.
 *  @return 0: it has none, or it does not know. @context{any, panic included} */
uintptr_t fault_find_function(uintptr_t pc);

/** An instruction that may fault, and where to go on if it does. The machine's .S files emit the
 * pairs into section .fixup, which the linker script bounds. */
struct fault_fixup {
    uintptr_t pc, target;
};
extern const struct fault_fixup __fixup_start[], __fixup_end[];

/** What became of the faults so far. */
struct fault_stats {
    uint64_t total, by_address, by_code, by_fixup;
};
void fault_get_stats(struct fault_stats *out);
