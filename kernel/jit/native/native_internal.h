// SPDX-License-Identifier: MIT
//
// A native program while it runs: its module, arguments, heap and threads, and what every host call
// does on the way in and out. Host calls run on the program's stack, in its thread, with nothing
// held when they return.
#pragma once

#include "kernel/jit/native/export.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/lib/status.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/program.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct module;
struct thread;

#define NATIVE_THREADS_MAX 64u
#define NATIVE_REPORT_MAX  6144u /* bytes of a fault report: decoded cause, registers, backtrace */

/* Bytes of stack that a host call may need, interrupts on top included: with less left, it counts
 * as the program's stack overflow. */
#define NATIVE_CALL_STACK 8192u

/** A thread that the program created; free if `fn` is NULL. */
struct native_thread {
    int (*fn)(void *arg);
    void *arg;
    struct thread *thread; /* NULL while it is being created, or while somebody joins it */
};

/* Field protection:  [I] set before the program's first thread runs   [n] lock   [o] who won
 * `reported` */
struct native {
    struct program_resource resource; /* [I] */
    struct program *program;          /* [I] */
    struct module *module;            /* [I] one reference */
    int argc;                         /* [I] */
    char **argv;                      /* [I] one heap block with the strings; NULL at the end */
    struct mutex lock;
    struct list blocks; /* [n] what malloc gave and free did not take */
    struct native_thread threads[NATIVE_THREADS_MAX]; /* [n] created and not joined */
    _Atomic bool reported; /* a fault report exists; later faults only end their thread. Exchanged,
                              acq_rel: one alone writes it */
    char report[NATIVE_REPORT_MAX]; /* [o] */
};

/** @brief Own the code of the compilers' routines. @context{thread, once} */
void native_init(void);

/** @brief The running thread's native program. @pre it belongs to one. @context{thread} */
struct native *native_current(void);

/** @brief First thing in every host call: enough stack, and the program not ended. @context{thread}
 */
void hostcall_enter(void);

/** @brief Last thing in every host call that may have waited: a thread of a program that was ended
 * meanwhile does not return. @return result. @context{thread} */
int64_t hostcall_leave(int64_t result);

/** @brief True if [p, p + len) is mapped with these rights. Cheap sanity for pointers that programs
 * pass.
 *  @param prot  PROT_R or PROT_R | PROT_W. @context{thread} */
bool hostcall_range_ok(const void *p, size_t len, unsigned prot);

/** @brief Copy a string that a program passes. @return OK; E_INVAL: no such memory; E_NAMETOOLONG.
 */
enum status hostcall_string(const char *s, char *out, size_t len);

/** @brief End the program as a fault does, with `why` as the cause. @context{thread of a native
 * program} */
_Noreturn void native_fail(const char *why);

/** @brief Give back everything that hostcall_memory.c gave and did not get back. @context{thread}
 */
void native_free_blocks(struct native *n);
