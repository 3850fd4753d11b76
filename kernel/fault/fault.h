// SPDX-License-Identifier: MIT
//
// The one place that every CPU fault reaches. It maps committed memory on first touch
// (vm_commit()); otherwise it asks in turn the owner of the address range, the owner of the code
// range (or of the calling code, after a jump to an address without code) and the exception table,
// and then panics. Loaded and compiled code depend on this.
#pragma once

#include "hal/trap.h"
#include "kernel/lib/list.h"

/** A range of addresses whose faults have a handler. The caller owns the struct while it is
 * registered. If two ranges overlap, the newer one handles the fault. */
struct fault_owner {
    struct list_node link; /* private */
    /* Private: number of its functions that run now. Incremented relaxed, inside a read section;
     * all accesses after the section are sequentially consistent (pin.c). */
    _Atomic uint32_t running;
    uintptr_t base, size;
    const char *name;
    /* Code that runs as part of the kernel (a driver, an extension): no
     * thread may be ended in it. */
    bool is_kernel;
    /**
     * @brief Handle a fault in the range.
     * @return true: fault->frame is ready to resume. false: not handled; ask the next owner. May
     *     sleep if fault->may_sleep: interrupts are then enabled. Must return.
     */
    bool (*handle)(struct fault_owner *self, struct fault *fault);
    /** Describe a code address for backtraces, "symbol+0x12 (file:line)"; for code ranges only,
     * else NULL. Must be safe in a panic. */
    bool (*symbol)(struct fault_owner *self, uintptr_t pc, char *buf, size_t len);
    /** Start of the function that contains this code
     * address, 0 if unknown; may be NULL. As `symbol`. */
    uintptr_t (*function)(struct fault_owner *self, uintptr_t pc);
};

/** @brief Register `owner` for faults whose ADDRESS is in its range. Only tests call it yet: it is
 *     for memory that is read when it is first used, such as mapped files. @context{thread} */
void fault_own_addresses(struct fault_owner *owner);
/** @brief Register `owner` for faults whose PC is in its range, and for naming code addresses
 *     there.
 * @context{thread} */
void fault_own_code(struct fault_owner *owner);
/** @brief Unregister either kind. None of its functions runs after the return.
 * @context{thread, interrupts enabled, may sleep} */
void fault_disown(struct fault_owner *owner);

/**
 * @brief True if the code that faulted held no mutex and no spinlock and was in no interrupt
 *     handler. What the machine holds to handle a stack overflow does not count.
 * @context{fault handler}
 */
bool fault_holds_nothing(const struct fault *fault);

/** @brief hal_frame_set_call(), on the stack that was interrupted or faulted: the calls below
 *     stack_top are abandoned. @context{fault or interrupt handler} */
void fault_resume_at(struct hal_frame *frame, uintptr_t stack_top, void (*fn)(void *arg),
                     void *arg);

/** @brief True if the code at pc has an owner and is not part of the kernel: a thread may be ended
 *     there.
 * @context{any, panic included} */
bool fault_code_is_program(uintptr_t pc);

/** @brief Let the owner of the code at pc describe it, as fault_owner.symbol; only printable
 *     characters.
 * @return false: it has no owner, or the owner does not know. @context{any, panic included} */
bool fault_describe_code(uintptr_t pc, char *buf, size_t len);

/** @brief Let the owner of the code at pc find its function, as fault_owner.function.
 * @return 0: it has no owner, or the owner does not know. @context{any, panic included} */
uintptr_t fault_find_function(uintptr_t pc);

/** An instruction that may fault, and where to continue if it does. The machine's .S files emit the
 * pairs into section .fixup, which the linker script bounds. */
struct fault_fixup {
    uintptr_t pc, target;
};
extern const struct fault_fixup __fixup_start[], __fixup_end[];
