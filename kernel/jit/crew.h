// SPDX-License-Identifier: MIT
//
// Several threads that do one job, each as much of it as it can.
#pragma once

#include "kernel/jit/budget.h"

#include <stdint.h>

struct jit_crew {
    uint32_t count; /* threads at most, with the calling one */
    /**
     * @brief Call fn(arg, budget) on the calling thread, and meanwhile on others, if they can be
     * created; wait until all have returned. Another thread has a budget of its own, and what stays
     * in it belongs to the caller then. If the program ends meanwhile, this may not return: then
     * `arg`, and all that fn uses, must be freed by the end of the program, not by the caller.
     * @param own  The budget for the calling thread. @context{thread}
     */
    void (*run)(struct jit_crew *crew, void (*fn)(void *arg, struct budget *budget), void *arg,
                struct budget *own);
};
