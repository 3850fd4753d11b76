// SPDX-License-Identifier: MIT
//
// Host calls for time.
#include "kernel/load/native/native_internal.h"

#include "hal/types.h"
#include "kernel/base/clock.h"
#include "kernel/sched/thread.h"

/* Needs no check and no hostcall_enter(): it only reads a counter. */
static uint64_t hy_time_ns(void)
{
    return clock_now_ns();
}

/* The address is checked before anything is written, as in every host call: a wrong one is the
 * program's error and no fault of the kernel. Without a clock *out is untouched. */
static int hy_wall_ns(uint64_t *out)
{
    hostcall_enter();
    if (!hostcall_range_ok(out, sizeof(*out), PROT_R | PROT_W)) {
        return E_INVAL;
    }
    uint64_t now;
    if (!clock_wall_ns(&now)) {
        return E_NODEV;
    }
    *out = now;
    return OK;
}

/* hostcall_leave() ends the thread here if its program was killed while it slept. */
static int hy_sleep_ns(uint64_t ns)
{
    hostcall_enter();
    return (int)hostcall_leave(thread_sleep(ns));
}

const struct export hostcall_time_exports[] = {
    {"hy_time_ns", 1, hy_time_ns},
    {"hy_wall_ns", 1, hy_wall_ns},
    {"hy_sleep_ns", 1, hy_sleep_ns},
    {NULL, 0, NULL},
};
