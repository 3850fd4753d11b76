// SPDX-License-Identifier: MIT
//
// The methods of a unit as machine code in memory: compiled, verified as machine code, and run.
#pragma once

#include "kernel/cil/run/runtime.h"
#include "kernel/jit/code/code_map.h"
#include "kernel/jit/compile.h"
#include "kernel/jit/ir/ir_eval.h"

#define CIL_RUN_ARGUMENTS_MAX 16u

struct cil_code_options {
    const struct jit_machine *machine;
    struct jit_options jit;
    const struct code_space *space;
    size_t arena_bytes; /* for each method in turn */
    uint8_t fill;       /* between methods; repeated, it must be a trapping instruction */
    struct code_map **(*running)(void); /* as struct code_map's */
    struct budget *budget;              /* or NULL */
};

/** The code of a unit. */
struct cil_code {
    const struct cil_unit *unit;
    struct code_map map;
    struct code_piece piece;
    const char **names;
    struct cil_runtime *runtime; /* that it runs with */
    /* Not 0: the running code has to end. Relaxed: it publishes nothing else. */
    _Atomic uint32_t stop;
};

/** How a run ended early. */
struct cil_stop {
    bool is_trap;            /* false: `ending` says why, or it was stopped */
    unsigned trap;           /* enum ir_trap */
    enum cil_ending ending;  /* CIL_GOES_ON: it was stopped from outside */
    uint32_t depth;          /* number of active methods */
    uint32_t method, offset; /* of the innermost: its number, and the offset in its code */
};

/**
 * @brief Compile all methods of a unit.
 * @param u Its functions are verified. It must live as long as the code.
 * @param out Stays in place until it is freed.
 * @return false: recorded in the unit's domain, and nothing is to be freed. E_CORRUPT: a bug of the
 * compiler. @context{thread}
 */
bool cil_code_make(const struct cil_unit *u, const struct cil_code_options *o,
                   struct cil_code *out);

/** @brief Free a unit's code. Nothing may be running in it. @context{thread} */
void cil_code_free(struct cil_code *c);

/** @brief The code runs with this memory from now on. @param r Made of the same unit; must stay in
 * place. */
void cil_code_bind(struct cil_code *c, struct cil_runtime *r);

/**
 * @brief Call method 0, then wait for the program's foreground threads. @pre cil_code_bind(). It
 * has at most CIL_RUN_ARGUMENTS_MAX parameters.
 * @param result Written only if it returns a value.
 * @return false: it trapped or was stopped; *stop says where.
 * @context{thread that owns floating-point registers}
 */
bool cil_code_run(struct cil_code *c, const struct ir_bits *args, struct ir_bits *result,
                  struct cil_stop *stop);

/** A thread of a program besides the first. */
struct cil_thread {
    struct cil_runtime runtime;
    struct code_map map; /* what it runs; its code is the first thread's */
    struct cil_code *code;
    struct cil_runtime *starter; /* valid until it has seen `start` */
};

/** @brief A thread that is to run the unit's thread_main. It counts as running from here on. @param
 * self Its System.Threading.Thread. @return NULL: no memory, or there are as many as there may be.
 * @context{thread of the program, running compiled code} */
struct cil_thread *cil_thread_make(struct cil_runtime *r, uint32_t self, bool is_background);

/** @brief Run it. @return false: as cil_code_run(). @context{its own thread, which owns
 * floating-point registers} */
bool cil_thread_run(struct cil_thread *t, struct cil_stop *stop);

/** @brief Free a thread that has returned or never started. If the program is ending, its budget
 * frees it. @context{thread of the program that holds nothing} */
void cil_thread_free(struct cil_thread *t);
