// SPDX-License-Identifier: MIT
//
// What passes share: a survey of the function that is read (who uses what, which parameters of
// blocks are none, what is needed at all), and copying from it into the function that is built.
#pragma once

#include "kernel/jit/arena.h"
#include "kernel/jit/ir.h"
#include "kernel/jit/ir/ir_cfg.h"

/** What is known of a function before a pass reads it. Arrays by value. */
struct survey {
    struct ir_cfg cfg;
    uint32_t *home;     /* block it is in */
    uint32_t *alias;    /* of a parameter: the one value that it always is; else itself */
    uint8_t *is_needed; /* something with an effect depends on it; else it can be left out */
    uint32_t *uses;     /* how often instructions and edges that are needed name it */
    uint32_t *user;     /* the last of those instructions; IR_NONE: an edge */
};

/** @brief Fill a survey. @return OK, E_NOMEM. @context{thread} */
enum status survey_make(struct arena *a, const struct ir_function *f, struct survey *out);

/** From one function to another. */
struct copy {
    const struct ir_function *in;
    const struct survey *survey;
    struct ir_function *out;
    uint32_t *values;          /* by value of `in`: that of `out` */
    uint32_t *blocks;          /* by block of `in`: that of `out`, or IR_NONE */
    struct ir_function opened; /* what `out` was when it had all its room ... */
    struct arena_mark mark;    /* ... and where the pass's own memory begins */
};

/** @brief A function like `in` with the same places and slots by number, and room for as much. What
 * is taken from the arena between this and copy_close() is the pass's own. @return OK, E_NOMEM. */
enum status copy_open(struct copy *c, struct arena *a, const struct ir_function *in);
/** @brief An empty block for each of those of `in` that can be reached, in the same order.
 * @return OK, E_NOMEM. */
enum status copy_start(struct copy *c, const struct survey *survey);
/** @brief Give the pass's own memory back, the survey's and that of ir_build() too, unless the new
 * function did not have room enough and so has some of it. */
void copy_close(struct copy *c);

/** @brief An instruction with operands in the new function; edges are still those of `in`. Its
 * location becomes that of what is built next. */
struct ir_instr copy_operands(struct copy *c, uint32_t value);
/** @brief The new value of an old one. */
static inline uint32_t copy_value(const struct copy *c, uint32_t value)
{
    return c->values[c->survey->alias[value]];
}
/** @brief The edge in the new function, with the arguments that needed parameters get. */
uint32_t copy_edge(struct copy *c, uint32_t edge);
/** @brief Whether a parameter is still one in the new function. */
bool copy_keeps(const struct copy *c, uint32_t param);
/** @brief Take blocks out that nothing was put into; no edge leads to one. */
void copy_drop_empty(struct ir_function *f);
/** @brief Emit an instruction as it is, with its flags. */
uint32_t copy_emit(struct copy *c, const struct ir_instr *i);
/** @brief Copy a terminator, with its edges. */
void copy_end(struct copy *c, uint32_t value);
