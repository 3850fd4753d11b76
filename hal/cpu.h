// SPDX-License-Identifier: MIT
//
// The CPU that runs this code: its identity, its interrupt mask, its counter. Everything here is
// used in locks or interrupt handling, so each machine provides inline bodies in hal_arch/cpu.h.
#pragma once

#include "hal/types.h"
#include "hal/magazine.h"
#include "hal_arch/percpu.h" /* struct hal_cpu_arch: the machine's own data for each CPU */

#include <stdatomic.h>

struct thread;

/** What one CPU can request of another: bits of hal_cpu.asked. Sent by hal/smp.h. */
enum hal_ipi {
    HAL_IPI_REEVALUATE = 1 << 0, /**< re-evaluate the run queue: ipi_receive() */
    HAL_IPI_STOP = 1 << 1,       /**< stop forever: another CPU has panicked */
    HAL_IPI_MACHINE = 1 << 2,    /**< defined by the machine: TLBs, page tables */
    HAL_IPI_CALL = 1 << 3,       /**< call the function that was given to it (kernel/sched/smp.h) */
    /** Not a request: the CPU polls `asked` itself, and is not
     * interrupted for HAL_IPI_REEVALUATE. See ipi_begin_polling(). */
    HAL_IPI_WATCHED = 1 << 4,
    HAL_IPI_SHOW = 1 << 5,   /**< record its state: kernel/base/ipi.h */
    HAL_IPI_REPORT = 1 << 6, /**< report the state of all CPUs: kernel/base/ipi.h */
};

/** Requests for which the sender waits: also served in spin loops, with interrupts masked. */
#define HAL_IPI_URGENT ((unsigned)(HAL_IPI_STOP | HAL_IPI_MACHINE | HAL_IPI_SHOW))

/** Sent such that masking interrupts does not delay
 * them, if the machine supports that: upcall_nmi(). */
#define HAL_IPI_UNMASKABLE ((unsigned)(HAL_IPI_STOP | HAL_IPI_SHOW))

enum hal_cpu_state {
    HAL_CPU_ABSENT, /**< not requested to start yet */
    /** requested; if the CPU finds any other state when it arrives, it came too late */
    HAL_CPU_STARTING,
    HAL_CPU_ARRIVED, /**< runs the kernel's C code, and initialises itself */
    HAL_CPU_ONLINE,  /**< runs threads; the starting CPU can no longer give up on it */
    HAL_CPU_REFUSED, /**< given up on, or it cannot work: it halts */
    HAL_CPU_STOPPED, /**< by HAL_IPI_STOP */
};

/**
 * @brief The data of one CPU. Accessed only through hal_this_cpu().
 *
 * Field protection:  [o] read and written by the owning CPU only;   [I] set before the CPU runs
 * threads. The kernel's scheduler fills the portable fields; assembly uses their offsets (offsets
 * header).
 */
struct hal_cpu {
    struct hal_cpu *self; /* [I] must be first: x86-64 reads its address from gs:0 */
    union {
        struct {
            /* [o] depth of preempt_disable(); 0 = an interrupt may switch threads */
            uint32_t preempt_off;
            uint32_t irq_depth; /* [o] number of active interrupt handlers on this CPU */
        };
        uint64_t depths; /* both, in one load: 0 = a thread that may sleep */
    };
    cpu_t id; /* [I] */
    union {
        struct {
            /* [o] a more urgent thread is ready: switch at the next opportunity */
            bool need_resched;
            bool is_traced; /* tracing is on. Set by any CPU; a short delay does not matter */
        };
        uint16_t switch_extra; /* both, in one load: what a switch has to do in addition */
    };
    bool in_panic; /* [o] recursion guard of the fault path */
    /* [o] to write: the running thread; NULL before the scheduler starts. A thread that needs
     * itself uses hal_this_thread(); for another CPU use hal_cpu_thread() */
    struct thread *current;
    void *run_queue;                              /* [I] belongs to the scheduler, opaque here */
    uint64_t irq_count;                           /* [o] interrupts taken */
    struct hal_magazine magazines[HAL_MAGAZINES]; /* [o] contents: kernel/mm/magazine.h */
    struct hal_cpu_arch arch;                     /* belongs to the machine */
    uint64_t hw_id;                               /* [I] as boot_cpu.hw_id */
    uint64_t ipi_count;                           /* [o] interrupts from other CPUs */
    /* [o] set by the innermost interrupt that is being handled here */
    const struct hal_frame *interrupted;
    uintptr_t stopped_pc; /* [o] where HAL_IPI_STOP found it; set before `state`; or 0 */
    uintptr_t stopped_fp; /* [o] the frame pointer at that time */
    /* Bits of enum hal_ipi. Any CPU sets them (release: data for the request is in memory), the
     * owning CPU clears them (acquire). */
    _Atomic uint32_t asked;
    /* An NMI is on its way, and its handler will read `asked`. Exchanged with seq_cst: by the
     * sender after `asked`, by the receiver before it. */
    _Atomic bool nmi_sent;
    /* enum hal_cpu_state. Exchanged with acquire and release by the starting CPU and the CPU that
     * starts it: each sees what the other has prepared. */
    _Atomic uint32_t state;
};

/**
 * @brief The calling CPU's data. Valid from the first C instruction on.
 * @context{any; the result remains right only while preemption is disabled}
 */
static inline struct hal_cpu *hal_this_cpu(void);

/**
 * @brief The running thread: hal_this_cpu()->current in one load. NULL before the scheduler starts.
 * @context{any; for the calling thread the result is always right, whichever CPU it migrates to}
 */
static inline struct thread *hal_this_thread(void);

/** @brief hal_this_cpu()->run_queue in one load. @context{as hal_this_cpu()} */
static inline void *hal_this_run_queue(void);

/** @brief hal_this_cpu()->need_resched in one load.
 * @context{any; true may be out of date at once} */
static inline bool hal_is_switch_due(void);

/**
 * @brief Make `t` the running thread without a switch: for the boot code, and for the first thread
 * of another CPU. From then on hal_context_switch() keeps hal_this_thread() right.
 * @context{early, once a CPU, interrupts masked}
 */
static inline void hal_become_thread(struct thread *t);

/**
 * @brief The thread that a CPU runs, or ran a moment ago. The thread may no longer exist, and its
 * memory may belong to another object. So use the address only for comparison; or, because heap
 * memory is always mapped, for reading in a report about a CPU that hangs, where the worst result
 * is a wrong name.
 * Relaxed, like the store in the scheduler's switch. @context{any}
 */
static inline struct thread *hal_cpu_thread(const struct hal_cpu *cpu)
{
    return __atomic_load_n(&cpu->current, __ATOMIC_RELAXED);
}

/**
 * @brief Add to hal_this_cpu()->preempt_off in one step. Otherwise a thread that migrates in
 * between would change the count of its previous CPU.
 * @param change  1 or -1.
 * @context{any}
 */
static inline void hal_preempt_count(int change);

/** @brief Mask interrupts and return the previous mask. Nests. @context{any} */
static inline irq_state_t hal_irq_save(void);

/** @brief Restore the mask that hal_irq_save() returned. @context{any} */
static inline void hal_irq_restore(irq_state_t state);

/** @brief Whether this CPU takes interrupts now. @context{any} */
static inline bool hal_irqs_enabled(void);

/** @brief Unmask interrupts. @context{thread or early} */
static inline void hal_irq_enable(void);

/** @brief Mask interrupts. @context{any} */
static inline void hal_irq_disable(void);

/**
 * @brief Tell the CPU that this is a spin loop, and serve urgent requests of other CPUs
 * (HAL_IPI_URGENT): the CPU that this one waits for may be waiting for this one. Every loop that
 * waits for another CPU must call it.
 * @context{any}
 */
static inline void hal_cpu_relax(void);

/**
 * @brief Wait for an interrupt, without missing one that arrives just before.
 * @pre Interrupts are masked. An interrupt that is already pending ends the wait at once.
 * @post Interrupts are unmasked, and the one that ended the wait has been handled.
 * @context{idle thread}
 */
static inline void hal_cpu_wait(void);

/**
 * @brief For a CPU that has just been counted (cpus_set_online()): flush translations of memory
 * that others have unmapped since this CPU turned its MMU on, when they did not know of it.
 * @context{starting CPU, interrupts masked}
 */
static inline void hal_mmu_arrive(void);

/**
 * @brief The free-running counter that measures time: the TSC, or that of the generic timer.
 * @return Ticks since an arbitrary start, at hal_counter_hz() (hal/timer.h); never decreases.
 * @context{any}
 */
static inline uint64_t hal_counter_read(void);

/**
 * @brief hal_counter_read() without its order: the CPU may read the counter before earlier
 *     instructions have ended. On one CPU it never decreases either. It is for a switch, which
 *     counts how long a thread ran: a few ticks too early do not matter there, and the CPU need not
 *     wait.
 * @context{any}
 */
static inline uint64_t hal_counter_read_early(void);

#include "hal_arch/cpu.h"

/** @brief Stop this CPU forever, with interrupts masked. @context{any} */
_Noreturn void hal_cpu_halt(void);

/**
 * @brief Describe the CPU's mode in one line, from its current registers ("long mode, paging on,
 * CS.L=1", "EL1, MMU on, entered at EL2").
 * @param buf  Receives a zero-terminated line, cut to fit.
 * @param len  Bytes at buf, at least 1.
 * @context{any}
 */
void hal_cpu_describe_mode(char *buf, size_t len);

/**
 * @brief The CPU's model in a line.
 * @param buf  Receives a zero-terminated line, cut to fit.
 * @param len  Bytes at buf, at least 1.
 * @context{any}
 */
void hal_cpu_describe(char *buf, size_t len);

/** A feature that CPUs of this machine may have, and for which the kernel checks at run time. */
struct hal_cpu_feature {
    const char *name; /* the name in this machine's manuals; static */
    bool is_present;  /* the CPU reports it */
    bool is_on;       /* enforced or used now; never without is_present */
};

/**
 * @brief List the features of the calling CPU: protections first. Both flags are read from the CPU
 * now, so a printed line shows the actual state and not an intention.
 * @param i  0 to the number of features less one; the same feature on each CPU and in each boot.
 * @return false: there are fewer; `out` is unchanged.
 * @context{any, after hal_mmu_init() for what page tables decide}
 */
bool hal_cpu_feature(unsigned i, struct hal_cpu_feature *out);
