// SPDX-License-Identifier: MIT
//
// Shared by the parts of the translator.
#pragma once

#include "kernel/cil/front/build.h"
#include "kernel/cil/front/domain_internal.h"

#define BUILD_VARIABLES_MAX 200u /* arguments and local variables: each join carries all of them */
#define BUILD_STACK_MAX     100u

struct builder {
    struct cil_unit *unit;
    struct ir_function *f;
    struct cil_body body;
    const struct cil_signature *signature;
    uint32_t at; /* the instruction */
    /* Variables: arguments, then local variables. */
    uint32_t variable_count;
    uint8_t kinds[BUILD_VARIABLES_MAX]; /* enum cil_kind, for narrow stores */
    /* The variables' values, then the stack. */
    uint32_t values[BUILD_VARIABLES_MAX + BUILD_STACK_MAX];
    uint32_t depth;
    bool is_over;
    uint32_t *blocks; /* by offset: the block, or IR_NONE */
    uint32_t *depths; /* by offset: the depth of its stack */
    uint8_t **shapes; /* by offset: the types of its stack */
    uint32_t *queue;
    uint32_t queued;
};

bool build_unsupported(struct builder *b, const char *what);

static inline uint32_t build_op(struct builder *b, unsigned op, unsigned type, uint32_t x,
                                uint32_t y)
{
    return ir_build(b->f, op, type, x, y, 0);
}

unsigned build_type_of(const struct builder *b, uint32_t value);
uint32_t build_pop(struct builder *b);
bool build_push(struct builder *b, uint32_t value);
/** @brief Make two operands equal in type: integers of 32 and 64 bits, floats of 32 and 64. */
void build_match(struct builder *b, uint32_t *x, uint32_t *y);
/** @brief Trap if a value, an i32, is not 0. */
void build_trap_if(struct builder *b, uint32_t condition, unsigned trap);
/** @brief A value as a variable of this kind keeps it. */
uint32_t build_narrow(struct builder *b, uint32_t value, unsigned kind);

/** @brief Translate an arithmetic instruction. @param is_known Becomes false: it is none. */
bool build_arithmetic(struct builder *b, const struct cil_instruction *i, bool *is_known);
/** @brief The condition of a comparison: of its instruction without "branch". */
uint32_t build_compare(struct builder *b, unsigned opcode);
