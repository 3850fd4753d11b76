// SPDX-License-Identifier: MIT
//
// More threads of a bytecode program, one for each CPU, that compile it together.
#pragma once

#include "kernel/jit/crew.h"
#include "kernel/load/bytecode/program_budget.h"

#define BYTECODE_CREW 16u /* threads at most, with the program's first one */

struct bytecode_crew;
struct thread;

struct bytecode_helper {
    struct bytecode_crew *of;
    struct program_budget budget;
    struct thread *thread; /* NULL: none */
    bool has_returned;     /* read when the thread has been joined */
};

/** Lives in the program: its first thread may be ended while the others work. */
struct bytecode_crew {
    struct jit_crew crew;
    struct program *program;
    void (*fn)(void *arg, struct budget *budget);
    void *arg;
    struct bytecode_helper helpers[BYTECODE_CREW - 1];
};

/** @brief Initialise it. @context{thread} */
void bytecode_crew_init(struct bytecode_crew *c, struct program *p);

/** @brief Free what threads that were ended have left. @pre All threads of the program have ended.
 * @context{thread} */
void bytecode_crew_free(struct bytecode_crew *c);
