// SPDX-License-Identifier: MIT
//
// Which patches are applied and which functions are traced: for the files of livepatch.h. The image
// has the state and livepatch.c. The other files are in livepatch.ko, and those that the tests need
// in tests.ko, too, so they have no state of their own.
#pragma once

#include "hal/calls.h"
#include "kernel/lib/list.h"
#include "kernel/module/livepatch.h"
#include "kernel/sched/mutex.h"

struct livepatch_patch {
    struct list_node link;
    char name[LIVEPATCH_NAME_MAX];
    const struct livepatch *functions;
    uint32_t count;
    vaddr_t entries[LIVEPATCH_FUNCTIONS_MAX];
};

/** A function that has a stub (hal/calls.h). It keeps the stub when it is not traced any longer,
 * because a preempted thread may be in it. trace_func.c frees stubs: their function is then 0. */
struct livepatch_stub {
    vaddr_t entry;
    bool is_traced;
};

/* Everything below needs the lock. */
extern struct mutex livepatch_lock;
extern struct list livepatch_applied; /* of struct livepatch_patch, oldest first */
extern struct livepatch_stub livepatch_stubs[HAL_STUBS];
extern unsigned livepatch_stub_count;

/** @brief The number of the function's stub; of 0: of a free one. @return livepatch_stub_count: it
 * has none, which is the number of a stub that was never used, if it is less than HAL_STUBS.
 * @context{thread} */
unsigned livepatch_stub_of(vaddr_t function);

/** @brief The entry of a function, whose bytes may be a jump now. @return 0: it has none.
 * @context{thread} */
vaddr_t livepatch_entry(vaddr_t function);

/** @brief Make the entry lead where the patches and the stub of the function say.
 * @context{thread, may sleep} */
void livepatch_lead(vaddr_t function, vaddr_t entry);
