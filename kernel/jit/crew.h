// SPDX-License-Identifier: MIT
//
// Several threads that do one job, each as much of it as it can.
#pragma once

#include "kernel/jit/budget.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct jit_crew {
    uint32_t count; /* threads at most, with the calling one */
    /**
     * @brief Call fn(arg, budget) on the calling thread, and meanwhile on others, if they can be
     * created; wait until all have ended. Another thread has a budget of its own, and what stays in
     * it belongs to the caller then. If the program ends meanwhile and fn opens its budget, this
     * may not return: then `arg`, and all that fn uses, must be freed by the end of the program.
     * @param own  The budget for the calling thread.
     * @return false: the program ends, and another thread was ended before fn returned: the job is
     * not done. @context{thread}
     */
    bool (*run)(struct jit_crew *crew, void (*fn)(void *arg, struct budget *budget), void *arg,
                struct budget *own);
};

/** @brief Note that a part of the job failed. @param first  The number of the first such part.
 * @context{any} */
static inline void jit_crew_note_failure(_Atomic uint32_t *first, uint32_t part)
{
    uint32_t failed = atomic_load(first);
    while (part < failed && !atomic_compare_exchange_weak(first, &failed, part)) {
    }
}
