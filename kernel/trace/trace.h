// SPDX-License-Identifier: MIT
//
// Event tracing: a ring of records for each CPU, written only by that CPU. While off it costs one
// branch that is never taken. kernel/shell/tools/cmd_trace.c prints records; scripts/trace draws
// them.
#pragma once

#include "hal/types.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/** The kind of a record, which defines its `extra`, `a` and `b`. Every record also has the time and
 * the thread that ran. "a, b: name" stands for the first TRACE_NAME_MAX bytes of a name. */
enum trace_event {
    TRACE_NONE,
    /** The thread leaves the CPU. extra: its enum thread_state; a: the next thread; b: the priority
     * of that one. */
    TRACE_SWITCH,
    TRACE_WAKE,    /**< extra: the CPU that it is ready on; a: thread */
    TRACE_START,   /**< a new thread is ready. extra: CPU; a: thread */
    TRACE_EXIT,    /**< the thread ends. a, b: its name */
    TRACE_IRQ,     /**< handlers start. a: line */
    TRACE_IRQ_END, /**< they have returned. a: line */
    /** A request is submitted. extra: enum block_op, number of the disk << 8; a: its number; b:
     * first sector, number of sectors << TRACE_SECTOR_BITS. */
    TRACE_BLOCK,
    TRACE_BLOCK_END,   /**< it is complete. a: its number; b: its status */
    TRACE_LOAD,        /**< the thread begins to load a file. a, b: its name */
    TRACE_LOAD_END,    /**< a: status */
    TRACE_PROGRAM,     /**< a program exists. extra: its id; a, b: its name */
    TRACE_COMPILE,     /**< the thread begins to compile. extra: program; a: bytes of its file */
    TRACE_COMPILE_END, /**< extra: program; a: status */
    TRACE_RUN,         /**< the program's first own instruction comes next. extra: program */
    /** The last thread has left the program. extra: program; a: enum program_end; b: status. */
    TRACE_PROGRAM_END,
    TRACE_CALL, /**< a timed call has ended. a: function; b: duration in ticks */
    TRACE_EVENT_COUNT,
};

#define TRACE_NAME_MAX    16
#define TRACE_SECTOR_BITS 40

/** A record as it is read. In the ring it has 32 bytes. */
struct trace_record {
    uint64_t counter; /* hal_counter_read() */
    enum trace_event event;
    uint32_t thread; /* the thread that ran; 0: before threads */
    uint32_t extra;  /* 24 bits: larger values are cut */
    uint64_t a, b;
};

/** Private. Written by trace.c. Relaxed: a CPU that sees a change late loses or adds a record. */
extern _Atomic bool trace_flag;

/** @brief True if tracing is on. On a hot path, test this and create the record in a function of
 *     its own: compilers load a record's values before the test. @context{any} */
static ALWAYS_INLINE bool trace_is_on(void)
{
    return UNLIKELY(atomic_load_explicit(&trace_flag, memory_order_relaxed));
}

/** @brief trace() for callers that have tested trace_is_on(). @context{any, IRQ-safe} */
void trace_record(enum trace_event event, uint32_t extra, uint64_t a, uint64_t b);
void trace_record_name(enum trace_event event, uint32_t extra, const char *name);

/** @brief Record an event on this CPU; nothing if tracing is off.
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

struct trace_info {
    uint64_t first, end; /* numbers of the valid records: [first, end) */
    uint64_t lost;       /* overwritten since trace_start() */
    uint64_t capacity;   /* records in the ring; 0: this CPU has no ring */
};
/** @return false: past the last CPU with a ring, counted by cpu. @context{any} */
bool trace_get_info(cpu_t cpu, struct trace_info *out);

/**
 * @brief Copy record number `at` of a CPU's ring, even while the ring is being written.
 * @return false: the record is not there yet, or was overwritten. @context{any}
 */
bool trace_read(cpu_t cpu, uint64_t at, struct trace_record *out);

struct thread;

#define TRACE_RECORD_BYTES (4 * sizeof(uint64_t)) /* in a ring */

/** @brief Install where a struct thread has its number, a uint32_t. @param offset Bytes.
 * @context{early, before tracing is on} */
void trace_install_thread_id(size_t offset);

/* For report/trace_control.c, which calls these under its lock. A CPU gets a ring once and keeps
 * it. The memory is zeroed, and `records` is a power of two. Emptying a ring discards its
 * records. */
bool trace_has_ring(cpu_t cpu);
void trace_set_ring(cpu_t cpu, void *memory, uint64_t records);
void trace_empty_ring(cpu_t cpu);
