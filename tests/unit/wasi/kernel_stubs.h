// SPDX-License-Identifier: MIT
//
// What of the kernel stands behind its system for WASI, but for files: a clock that moves on only
// while somebody sleeps, bytes that are not random, no scheduler.
#pragma once

#include "kernel/program/program.h"
#include "kernel/sched/thread.h"

/** What was last hung on a program. */
extern struct program_resource *wasi_stub_resource;

/** The running thread. */
extern struct thread wasi_stub_thread;

/** The time, and what it is at first. */
extern uint64_t wasi_stub_now_ns;
#define WASI_STUB_START_NS UINT64_C(5000)
