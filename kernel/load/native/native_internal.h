// SPDX-License-Identifier: MIT
//
// A running native program: its module, arguments, heap and threads, and the entry and exit of host
// calls. Host calls run on the program's stack, in its thread, and hold nothing when they return.
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/lib/status.h"
#include "kernel/load/native/export.h"
#include "kernel/program/program.h"
#include "kernel/sched/mutex.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct module;
struct thread;

#define NATIVE_THREADS_MAX 64u
#define NATIVE_REPORT_MAX  6144u /* bytes of a fault report: decoded cause, registers, backtrace */

/* Bytes of stack that a host call may need, including interrupts. If less is left, that counts as
 * the program's stack overflow. */
#define NATIVE_CALL_STACK 8192u

/** A thread that the program created; the entry is free if `fn` is NULL. */
struct native_thread {
    int (*fn)(void *arg);
    void *arg;
    struct thread *thread; /* NULL while it is being created or joined */
};

/* Field protection:  [I] set before the program's first thread runs [n] lock [o] the thread that
 * set `reported` */
struct native {
    struct program_resource resource; /* [I] */
    struct program *program;          /* [I] */
    struct module *module;            /* [I] one reference */
    int argc;                         /* [I] */
    char **argv;                      /* [I] one heap block with the strings; NULL at the end */
    struct mutex lock;
    struct list blocks;                               /* [n] allocated and not freed */
    struct native_thread threads[NATIVE_THREADS_MAX]; /* [n] created and not joined */
    /* a fault report exists; later faults only end their thread. Exchanged with acq_rel, so exactly
     * one thread writes the report */
    _Atomic bool reported;
    char report[NATIVE_REPORT_MAX]; /* [o] */
};

/** @brief Become the owner of the compilers' routines. @context{thread, once} */
void native_init(void);

/** @brief The native program that p runs. @return NULL: it runs another kind of code. */
struct native *native_of(const struct program *p);

/** @brief The running thread's native program. @pre it belongs to one. @context{thread} */
struct native *native_current(void);

/** @brief Must be first in every host call: checks that there is enough stack and that the program
 * has not ended. @context{thread} */
void hostcall_enter(void);

/** @brief Must be last in every host call that may have waited: if the program was ended meanwhile,
 * the thread does not return. @return result. @context{thread} */
int64_t hostcall_leave(int64_t result);

/**
 * @brief Whether [p, p + len) is mapped with these rights. A cheap check of pointers that programs
 * pass.
 * @param prot  PROT_R or PROT_R | PROT_W. @context{thread}
 */
bool hostcall_range_ok(const void *p, size_t len, unsigned prot);

/** @brief Copy a string that a program passes. @return OK; E_INVAL: the memory is not mapped;
 * E_NAMETOOLONG. */
enum status hostcall_string(const char *s, char *out, size_t len);

/** @brief End the program as a fault does, with `why` as the cause.
 * @context{thread of a native program} */
_Noreturn void native_fail(const char *why);

/** @brief Free all blocks of the program's heap that the program has not freed. @context{thread} */
void native_free_blocks(struct native *n);
