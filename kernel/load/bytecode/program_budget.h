// SPDX-License-Identifier: MIT
//
// The budget of a program: allocations count as the program's memory, and its thread may be ended
// while the budget is open.
#pragma once

#include "kernel/jit/budget.h"
#include "kernel/sched/mutex.h"

#include <stdint.h>

struct program;

/** Used by the program's thread, and after its end by the thread that frees it. */
struct program_budget {
    struct budget budget;
    struct program *program;
    struct mutex lock;
    uint64_t bytes,
        pages; /* [lock] bytes allocated, and the pages charged to the program for them */
};

/** @brief Initialise an empty budget. @param p  Must live as long. @context{any} */
void program_budget_init(struct program_budget *b, struct program *p);
