// SPDX-License-Identifier: MIT
//
// The CPU that runs this code: who it is, its interrupt mask, its counter. Everything here is on a
// lock path or an interrupt path, so each machine gives the bodies inline in hal_arch/cpu.h.
#pragma once

#include "hal/types.h"
#include "hal/magazine.h"
#include "hal_arch/percpu.h" /* struct hal_cpu_arch: what the machine's entry code keeps per CPU */

#include <stdatomic.h>

struct thread;

/** What a CPU asks another one for: bits of hal_cpu.asked. Sent by hal/smp.h. */
enum hal_ipi {
    HAL_IPI_LOOK = 1 << 0,    /**< check the run queue: hal_ipi_receive() */
    HAL_IPI_STOP = 1 << 1,    /**< stop for ever: another CPU panics */
    HAL_IPI_MACHINE = 1 << 2, /**< the machine's own: TLBs, page tables */
    HAL_IPI_CALL = 1 << 3,    /**< call what it was given to call (kernel/sched/smp.h) */
    /** No wish: the CPU looks at `asked` by itself, and is not interrupted to look at its run
     * queue. See hal_ipi_watch(). */
    HAL_IPI_WATCHED = 1 << 4,
    HAL_IPI_SHOW = 1 << 5,   /**< say what it is doing: upcall_show() */
    HAL_IPI_REPORT = 1 << 6, /**< say what all CPUs are doing: upcall_report() */
};

/** Asked for by who waits until it is done: served in spin loops, too, with interrupts masked. */
#define HAL_IPI_URGENT ((unsigned)(HAL_IPI_STOP | HAL_IPI_MACHINE | HAL_IPI_SHOW))

/** Sent so that masking interrupts does not keep them off, where the machine can: upcall_nmi(). */
#define HAL_IPI_UNMASKABLE ((unsigned)(HAL_IPI_STOP | HAL_IPI_SHOW))

enum hal_cpu_state {
    HAL_CPU_ABSENT,   /**< not asked to start yet */
    HAL_CPU_STARTING, /**< asked; what it finds otherwise when it arrives, it came too late */
    HAL_CPU_ARRIVED,  /**< runs the kernel's C code, and sets itself up */
    HAL_CPU_ONLINE,   /**< runs threads, and cannot be given up any more */
    HAL_CPU_REFUSED,  /**< given up, or it found that it cannot work: it halts */
    HAL_CPU_STOPPED,  /**< by HAL_IPI_STOP */
};

/**
 * @brief What one CPU owns. Reached only through hal_this_cpu().
 *
 * Field protection: [o] read and written by the owning CPU only; [I] set before the CPU runs
 * threads. The kernel's scheduler fills the portable fields; assembly knows their offsets (offsets
 * header).
 */
struct hal_cpu {
    struct hal_cpu *self; /* [I] first: x86-64 reads its address from gs:0 */
    union {
        struct {
            uint32_t preempt_off; /* [o] depth of preempt_disable(); 0 = an interrupt may switch
                                     threads */
            uint32_t irq_depth;   /* [o] depth of interrupt handlers now on this CPU */
        };
        uint64_t depths; /* both in one look: 0 = a thread that may sleep */
    };
    cpu_t id; /* [I] */
    union {
        struct {
            bool need_resched; /* [o] a better thread is ready: switch at the next chance */
            bool is_traced;    /* tracing is on. Any CPU sets it; seen a little late is as good */
        };
        uint16_t switch_extra; /* both in one look: what a switch has to do besides */
    };
    bool in_panic; /* [o] recursion guard of the fault path */
    /* [o] to write: the running thread; NULL before the scheduler starts. A thread that asks for
     * itself uses hal_this_thread(), who asks for another CPU hal_cpu_thread() */
    struct thread *current;
    void *run_queue;                              /* [I] the scheduler's, opaque here */
    uint64_t irq_count;                           /* [o] interrupts taken */
    struct hal_magazine magazines[HAL_MAGAZINES]; /* [o] what is in them: kernel/mm/magazine.h */
    struct hal_cpu_arch arch;                     /* the machine's */
    uint64_t hw_id;                               /* [I] as boot_cpu.hw_id */
    uint64_t ipi_count;                           /* [o] interrupts from other CPUs */
    const struct hal_frame *interrupted; /* [o] by the innermost interrupt that is handled here */
    uintptr_t stopped_pc; /* [o] where HAL_IPI_STOP found it, before `state` says so; or 0 */
    uintptr_t stopped_fp; /* [o] the frame pointer there */
    /* Bits of enum hal_ipi. Any CPU sets them (release: what is asked for is in memory), the owning
     * one clears them (acquire). */
    _Atomic uint32_t asked;
    /* One that cannot be masked is on its way, and will find what is in `asked`. Exchanged,
     * seq_cst: by who sends it after `asked`, by who takes it before. */
    _Atomic bool nmi_sent;
    /* enum hal_cpu_state. The starting CPU and the one that starts it exchange it, acquire and
     * release: what each has prepared is seen by the other. */
    _Atomic uint32_t state;
};

/**
 * @brief The calling CPU's data. Valid from the first C instruction on.
 * @context{any; the answer is stable only while preemption is off}
 */
static inline struct hal_cpu *hal_this_cpu(void);

/**
 * @brief The running thread, hal_this_cpu()->current in one look: NULL before the scheduler starts.
 * @context{any; a thread's answer to itself is always right, whichever CPU it moves to}
 */
static inline struct thread *hal_this_thread(void);

/** @brief hal_this_cpu()->run_queue in one look. @context{as hal_this_cpu()} */
static inline void *hal_this_run_queue(void);

/** @brief hal_this_cpu()->need_resched in one look. @context{any; true may be out of date at once}
 */
static inline bool hal_is_switch_due(void);

/**
 * @brief What runs now is thread `t` from here on, without a switch: the boot code's, or the first
 *        of another CPU. From then on hal_context_switch() keeps hal_this_thread() right.
 * @context{early, once a CPU, interrupts masked}
 */
static inline void hal_become_thread(struct thread *t);

/**
 * @brief What a CPU runs, or ran a moment ago. The thread may be gone by now and its memory another
 *        object's: an address to compare, or, since heap memory is always mapped, to read for a
 *        report of a CPU that hangs, where a wrong name is the worst that comes of it.
 * Relaxed, as the store in the scheduler's switch. @context{any}
 */
static inline struct thread *hal_cpu_thread(const struct hal_cpu *cpu)
{
    return __atomic_load_n(&cpu->current, __ATOMIC_RELAXED);
}

/**
 * @brief Add to hal_this_cpu()->preempt_off as one step: a thread that is moved to another CPU
 *        meanwhile would otherwise count on the one that it left.
 * @param change  1 or -1.
 * @context{any}
 */
static inline void hal_preempt_count(int change);

/** @brief Mask interrupts and return what the mask was. Nests. @context{any} */
static inline irq_state_t hal_irq_save(void);

/** @brief Put the mask back to what hal_irq_save() returned. @context{any} */
static inline void hal_irq_restore(irq_state_t state);

/** @brief True if this CPU takes interrupts now. @context{any} */
static inline bool hal_irqs_enabled(void);

/** @brief Unmask interrupts. @context{thread or early} */
static inline void hal_irq_enable(void);

/** @brief Mask interrupts. @context{any} */
static inline void hal_irq_disable(void);

/**
 * @brief Tell the CPU that this is a spin loop, and serve what other CPUs wait for
 * (HAL_IPI_URGENT): whom we wait for may be waiting for us. Every loop that waits for another CPU
 * calls it.
 * @context{any}
 */
static inline void hal_cpu_relax(void);

/**
 * @brief Wait for an interrupt, without losing one that comes first.
 * @pre Interrupts are masked. An interrupt that is pending already ends the wait at once.
 * @post Interrupts are unmasked, and the one that ended the wait has been handled.
 * @context{idle thread}
 */
static inline void hal_cpu_wait(void);

/**
 * @brief A CPU has been counted (hal_cpu_set_online()): it forgets what others, who did not tell
 * it, have unmapped since it switched the MMU on.
 * @context{starting CPU, interrupts masked}
 */
static inline void hal_mmu_arrive(void);

/**
 * @brief The free-running counter that time is measured with: TSC, or the generic timer's.
 * @return Ticks since an arbitrary start, at hal_counter_hz() (hal/timer.h); never goes back.
 * @context{any}
 */
static inline uint64_t hal_counter_read(void);

#include "hal_arch/cpu.h"

/** @brief Stop this CPU for ever, interrupts masked. @context{any} */
_Noreturn void hal_cpu_halt(void);

/**
 * @brief One line about the mode the CPU is in, measured now and not assumed
 *        ("long mode, paging on, CS.L=1", "EL1, MMU on, entered at EL2").
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

/** Something that CPUs of this machine may have, and that the kernel asks for at run time. */
struct hal_cpu_feature {
    const char *name; /* as the manuals of this machine call it; static */
    bool is_present;  /* the CPU says that it has it */
    bool is_on;       /* in force or in use now; never without is_present */
};

/**
 * @brief List what the calling CPU could have: protections first. Both flags are read from the CPU
 *        now, so a line that is printed is not what somebody meant to switch on, but what is.
 * @param i  0 to the number of features less one; the same feature on each CPU and in each boot.
 * @return false: there are fewer; `out` is unchanged.
 * @context{any, after hal_mmu_init() for what page tables decide}
 */
bool hal_cpu_feature(unsigned i, struct hal_cpu_feature *out);
