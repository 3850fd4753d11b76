// SPDX-License-Identifier: MIT
//
// What passes share: a survey of the input (users of values, parameters that have only one value,
// values that are needed at all), and copying from it into the function that is being built.
#pragma once

#include "kernel/jit/arena.h"
#include "kernel/jit/ir.h"
#include "kernel/jit/ir/ir_cfg.h"

/** Facts about a function, gathered before a pass reads it. Arrays are indexed by value. */
struct survey {
    struct ir_cfg cfg;
    uint32_t *home;     /* block that contains it */
    uint32_t *alias;    /* of a parameter that always has the same value: that value; else itself */
    uint8_t *is_needed; /* an effect depends on it; otherwise it can be left out */
    uint32_t *uses;     /* number of uses in needed instructions and edges */
    uint32_t *user;     /* the last of these instructions; IR_NONE: an edge */
};

/** @brief Fill a survey. @return OK, E_NOMEM. @context{thread} */
enum status survey_make(struct arena *a, const struct ir_function *f, struct survey *out);

/** The state of copying one function into another. */
struct copy {
    const struct ir_function *in;
    const struct survey *survey;
    struct ir_function *out;
    uint32_t *values;          /* by value of `in`: the value in `out` */
    uint32_t *blocks;          /* by block of `in`: the block in `out`, or IR_NONE */
    struct ir_function opened; /* `out` after all reservations ... */
    struct arena_mark mark;    /* ... and where the pass's temporary memory begins */
};

/** @brief Create a function with the same memory references and slots as `in` and room for as many
 * instructions. Memory allocated from the arena between this and copy_close() is temporary. @return
 * OK, E_NOMEM. */
enum status copy_open(struct copy *c, struct arena *a, const struct ir_function *in);
/**
 * @brief Create an empty block for each reachable block of `in`, in the same order.
 * @return OK, E_NOMEM.
 */
enum status copy_start(struct copy *c, const struct survey *survey);
/** @brief Free the temporary memory, including the survey's and that of ir_build(). Does nothing if
 * the new function outgrew its reservation, because it then shares that memory. */
void copy_close(struct copy *c);

/** @brief An instruction whose operands are values of the new function; edges are still those of
 * `in`. The next instruction that is built gets its location. */
struct ir_instr copy_operands(struct copy *c, uint32_t value);
/** @brief The new value of an old one. */
static inline uint32_t copy_value(const struct copy *c, uint32_t value)
{
    return c->values[c->survey->alias[value]];
}
/** @brief Create the edge in the new function, with arguments for the parameters
 * that are needed. */
uint32_t copy_edge(struct copy *c, uint32_t edge);
/** @brief Whether a parameter remains a parameter in the new function. */
bool copy_keeps(const struct copy *c, uint32_t param);
/** @brief Remove empty blocks, to which no edge may lead. */
void copy_drop_empty(struct ir_function *f);
/** @brief Append an instruction without simplification, with its flags. */
uint32_t copy_emit(struct copy *c, const struct ir_instr *i);
/** @brief Copy a terminator, with its edges. */
void copy_end(struct copy *c, uint32_t value);
