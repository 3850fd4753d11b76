// SPDX-License-Identifier: MIT
//
// The budget of a program of the kernel: what is taken counts as the program's memory, and its
// thread ends where the budget is open.
#pragma once

#include "kernel/jit/budget.h"

#include <stdint.h>

struct program;

/** Used by the program's thread, and then by whoever gives it back. */
struct program_budget {
    struct budget budget;
    struct program *program;
    uint64_t bytes, pages; /* taken, and how many pages of the program that is */
};

/** @brief An empty budget. @param p  Lives as long. @context{any} */
void program_budget_init(struct program_budget *b, struct program *p);
