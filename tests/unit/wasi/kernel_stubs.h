// SPDX-License-Identifier: MIT
//
// The kernel below its system for WASI, without files: a clock that only sleeping threads advance,
// predictable random bytes, no scheduler.
#pragma once

#include "kernel/program/program.h"
#include "kernel/sched/thread.h"

/** The resource that was attached to a program last. */
extern struct program_resource *wasi_stub_resource;

/** The running thread. */
extern struct thread wasi_stub_thread;

/** The time, and its initial value. */
extern uint64_t wasi_stub_now_ns;
#define WASI_STUB_START_NS UINT64_C(5000)
