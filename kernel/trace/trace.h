// SPDX-License-Identifier: MIT
//
// What happened when: a ring of records for each CPU, written by that CPU alone. Switched off it
// costs one branch that is never taken. Printing is kernel/shell/cmd_trace.c's; what the records
// look like in a picture is scripts/trace's.
#pragma once

#include "hal/types.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/** What a record is about, and what its `extra`, `a` and `b` are. All of them also have the time
 * and the thread that ran. "Name": the first TRACE_NAME_MAX bytes of one, in a and b. */
enum trace_event {
    TRACE_NONE,
    TRACE_SWITCH,      /**< the thread leaves the CPU. extra: its enum thread_state; a: who runs
                          instead; b: that one's priority */
    TRACE_WAKE,        /**< extra: the CPU that it is ready on; a: thread */
    TRACE_START,       /**< a new thread is ready. extra: CPU; a: thread */
    TRACE_EXIT,        /**< the thread ends. Its name */
    TRACE_IRQ,         /**< handlers begin. a: line */
    TRACE_IRQ_END,     /**< they have returned. a: line */
    TRACE_BLOCK,       /**< a request is submitted. extra: enum block_op, number of the disk << 8;
                          a: which; b: first sector, number of sectors << TRACE_SECTOR_BITS */
    TRACE_BLOCK_END,   /**< it is finished. a: which; b: its status */
    TRACE_LOAD,        /**< the thread begins to load a file. Its name */
    TRACE_LOAD_END,    /**< a: status */
    TRACE_PROGRAM,     /**< a program exists. extra: its id. Its name */
    TRACE_COMPILE,     /**< the thread begins to compile. extra: program; a: bytes of its file */
    TRACE_COMPILE_END, /**< extra: program; a: status */
    TRACE_RUN,         /**< the program's first own instruction is next. extra: program */
    TRACE_PROGRAM_END, /**< nobody runs in it any more. extra: program; a: enum program_end;
                          b: status */
    TRACE_EVENT_COUNT,
};

#define TRACE_NAME_MAX    16
#define TRACE_SECTOR_BITS 40

/** One record as it is read back. In the ring it has 32 bytes. */
struct trace_record {
    uint64_t counter; /* hal_counter_read() */
    enum trace_event event;
    uint32_t thread; /* who ran; 0: nobody yet */
    uint32_t extra;  /* 24 bits: larger values are cut */
    uint64_t a, b;
};

/** Private. Relaxed: who finds it a little late loses or gains a record. Written by trace.c. */
extern _Atomic bool trace_flag;

/** @brief Tracing is on. On a fast path, ask, and make the record in a function of its own:
 * compilers load what a record is made of before they test. @context{any} */
static ALWAYS_INLINE bool trace_is_on(void)
{
    return UNLIKELY(atomic_load_explicit(&trace_flag, memory_order_relaxed));
}

/** @brief trace() for who has asked. @context{any, IRQ-safe} */
void trace_record(enum trace_event event, uint32_t extra, uint64_t a, uint64_t b);
void trace_record_name(enum trace_event event, uint32_t extra, const char *name);

/** @brief Note that something happened, on this CPU, now; nothing if tracing is off.
 * @context{any, IRQ-safe, takes no lock} */
static ALWAYS_INLINE void trace(enum trace_event event, uint32_t extra, uint64_t a, uint64_t b)
{
    if (trace_is_on()) {
        trace_record(event, extra, a, b);
    }
}

/** @brief The same for the events that have a name. */
static ALWAYS_INLINE void trace_name(enum trace_event event, uint32_t extra, const char *name)
{
    if (trace_is_on()) {
        trace_record_name(event, extra, name);
    }
}

/**
 * @brief Begin to record, from nothing, on every CPU that runs threads.
 *
 * The first call takes the memory, a share of what the machine has, and keeps it for the next.
 * @return OK; E_NOMEM; E_BUSY: it is on already. @context{thread, may sleep}
 */
enum status trace_start(void);

/** @brief CPUs that came up while tracing is on record from here on, too. @context{thread, may
 * sleep}
 */
void trace_cover_cpus(void);

/** @brief Record no more; what was recorded can be read until the next trace_start().
 * @context{thread, may sleep} */
void trace_stop(void);

struct trace_info {
    uint64_t first, end; /* numbers of the records that can be read: [first, end) */
    uint64_t lost;       /* overwritten since trace_start() */
    uint64_t capacity;   /* records that are kept; 0: this CPU has no ring */
};
/** @return false: past the last CPU with a ring, counted by cpu. @context{any} */
bool trace_get_info(cpu_t cpu, struct trace_info *out);

/**
 * @brief Copy record number `at` of a CPU's ring, also while it is being written.
 * @return false: it is not there yet, or no more. @context{any}
 */
bool trace_read(cpu_t cpu, uint64_t at, struct trace_record *out);
