// SPDX-License-Identifier: MIT
//
// Method bodies: the header, the exception clauses, and the decoding of every instruction. What the
// instructions do to the stack is the verifier's.
#pragma once

#include "kernel/cil/front/member.h"

#define CIL_CODE_BYTES_MAX (UINT32_C(1) << 20)
#define CIL_CLAUSES_MAX    1024u
#define CIL_NO_REGION      UINT32_MAX

/** Instructions, by the numbers of opcodes.def. */
enum cil_opcode {
#define OPCODE(number, name, text, operand) CIL_OP_##name = (number),
#include "kernel/cil/front/opcodes.def"
#undef OPCODE
    CIL_OPCODES
};

enum cil_operand {
    CIL_OPERAND_NONE,
    CIL_OPERAND_I1,
    CIL_OPERAND_I4,
    CIL_OPERAND_I8,
    CIL_OPERAND_R4,
    CIL_OPERAND_R8,
    CIL_OPERAND_VAR1,
    CIL_OPERAND_VAR2,
    CIL_OPERAND_BR1,
    CIL_OPERAND_BR4,
    CIL_OPERAND_SWITCH,
    CIL_OPERAND_TYPE,
    CIL_OPERAND_FIELD,
    CIL_OPERAND_METHOD,
    CIL_OPERAND_SIGNATURE,
    CIL_OPERAND_STRING,
    CIL_OPERAND_TOKEN,
};

struct cil_instruction {
    uint16_t opcode;  /* enum cil_opcode */
    uint8_t operand;  /* enum cil_operand */
    uint32_t at, end; /* offsets in the code */
    uint64_t value; /* the operand: a number's bits, extended with its sign; a token; the target of
                         a branch; the number of targets of a switch, which precede `end` */
};

/** The kinds of clauses (II.25.4.6). */
enum cil_clause_kind { CIL_CATCH = 0, CIL_FILTER = 1, CIL_FINALLY = 2, CIL_FAULT = 4 };

struct cil_clause {
    uint32_t kind;
    uint32_t try_at, try_end, handler_at, handler_end;
    uint32_t filter_at;    /* FILTER; it ends where its handler starts */
    struct cil_type *type; /* CATCH */
};

/** A part of the code with its own rules for entering and leaving. */
enum cil_region_kind { CIL_REGION_TRY, CIL_REGION_HANDLER, CIL_REGION_FILTER };

struct cil_region {
    uint8_t kind;
    uint32_t clause;
    uint32_t at, end;
    uint32_t parent; /* the innermost region around it, or CIL_NO_REGION */
    uint32_t outer;  /* the clause of the innermost try block around it, or CIL_NO_REGION */
};

/* Flags of offsets. */
#define CIL_STARTS 0x01 /* an instruction starts here */
#define CIL_TARGET 0x02 /* and control may come from elsewhere than the instruction before */
#define CIL_TRY    0x04 /* and a try block starts */
#define CIL_ENTERS 0x08 /* and control may come from another region */

struct cil_body {
    struct cil_assembly *a;
    uint32_t method; /* row of MethodDef */
    struct cil_bytes code;
    uint32_t max_stack;
    bool zeroes_locals;
    const struct cil_signature *locals; /* NULL: none */
    struct cil_clause *clauses;
    uint32_t clause_count;
    struct cil_region *regions;
    uint32_t region_count;
    uint8_t *flags;      /* by offset, up to and including the end */
    uint32_t *region_at; /* by offset: the innermost region, or CIL_NO_REGION */
};

/** @brief Record a failure at an instruction: "m.exe: method N.T::M, IL_0012: ...".
 * @return false. */
bool cil_body_fail(const struct cil_body *b, uint32_t at, enum status s, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/** @brief Read a method's body, and check that every instruction, branch and clause is well-formed.
 * @param arena  For what only this body needs.
 * @param row Of MethodDef; it must have an address.
 * @return false: an error is recorded. */
bool cil_body_read(struct cil_assembly *a, uint32_t row, struct arena *arena, struct cil_body *out);

/** @brief The code of a method with the small header, which has neither variables nor clauses.
 * Nothing in it has been checked. @return false: it has another header, or none. */
bool cil_tiny_code(const struct cil_assembly *a, uint32_t row, struct cil_bytes *out);

/** @brief Decode the instruction at an offset. @return false:
 * there is none (nothing is recorded). */
bool cil_decode(struct cil_bytes code, uint32_t at, struct cil_instruction *out);

/** @brief A target of a switch. @param n Below the number of targets. @return UINT32_MAX: outside
 * of the code. */
uint32_t cil_switch_target(struct cil_bytes code, const struct cil_instruction *i, uint32_t n);

/** @brief The name of an instruction: "ldarg.0"; "?": there is no such instruction. */
const char *cil_opcode_name(unsigned opcode);
