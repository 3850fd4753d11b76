// SPDX-License-Identifier: MIT
//
// What debug builds call from the lowest rooms, once it is installed: see lockcheck.h and
// preempt_points.h.
#include "kernel/debug/lockcheck.h"
#include "kernel/debug/preempt_points.h"

#ifdef HALYARD_DEBUG

/* Relaxed: see the header. */
_Atomic(void (*)(enum preempt_edge edge)) preempt_hook;

/* [I] */
const struct lockcheck_ops *lockcheck;

#endif
