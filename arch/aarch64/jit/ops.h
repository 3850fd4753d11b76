// SPDX-License-Identifier: MIT
//
// Operations of AArch64 machine code before encoding: the interface between selection (select*.c)
// and emission (emit*.c). Numbers below A64_FORM_COUNT are single instructions (forms.def), the
// others are defined here.
//
// The operands of a single instruction are its registers in the form's order; one that it reads and
// writes is two operands. If byte n of `extra`
// is not 0, register n is not an operand but given by that byte: A64_IN(reg), or, as the base of an
// access, an area of the frame with `imm` as the offset in it.
//
// Flags never live from one operation to the next: setting them and using them is one operation.
// `extra` (form), `small` and `imm` describe the setter and then the condition.
#pragma once

#include "arch/aarch64/jit/encode.h"
#include "kernel/jit/backend.h"

enum a64_op {
    A64_OP_CONST = A64_FORM_COUNT, /**< def; imm. VI_REMAKE */
    A64_OP_FCONST,                 /**< def; imm: bits. VI_REMAKE */
    A64_OP_VCONST,                 /**< def; imm and vcode.extra[extra]: 128 bits. VI_REMAKE */
    A64_OP_ADDRESS, /**< def; imm: offset in the area of the frame that extra names. VI_REMAKE */
    A64_OP_TABLE,   /**< def; imm: offset in bytes from the base of memory 0. VI_REMAKE */
    A64_OP_CONTEXT, /**< def. VI_REMAKE */
    A64_OP_MOVE,    /**< def, use; VI_MOVE */
    A64_OP_FMOVE,   /**< def, use; small WIDE: all 16 bytes */
    A64_OP_ENTRY,   /**< defs: parameters in registers */
    A64_OP_JUMP,    /**< one edge */
    /** uses of the setter; edges: if the condition holds, otherwise. The setter may also be
     * A64_CBZ, A64_CBNZ, A64_TBZ, A64_TBNZ (amount: number of the bit) */
    A64_OP_BRANCH,
    A64_OP_SET, /**< def, uses of the setter: 1 if the condition holds, else 0 */
    /** def, uses of the setter, use if the condition holds, use otherwise. OTHER_FORM: the variant
     * of csel, or fcsel, and the width */
    A64_OP_SELECT,
    /** uses of the setter: traps if the condition holds; setters as for a branch */
    A64_OP_TRAP_IF,
    A64_OP_TRAP_OVERFLOW, /**< dividend, divisor: traps if the quotient does not fit */
    A64_OP_TRAP,
    A64_OP_SWITCH, /**< use; extra: case pool, imm: cases, the last one is the default */
    A64_OP_RETURN, /**< uses: results in registers */
    /** extra: callee; imm, also of the next two: bytes of argument cells, and A64_CALL_CONTEXT */
    A64_OP_CALL,
    A64_OP_CALL_INDIRECT, /**< code, arguments, with this function's context */
    A64_OP_CALL_FOREIGN,  /**< code, context, arguments */
    /** imm: entry; extra: 1 if the word after it is passed instead of the context; WIDE: do not
     * clear the result's upper half */
    A64_OP_CALL_HELPER,
    A64_OP_TAIL_CALL,          /**< extra: callee; imm as of a call; arguments */
    A64_OP_TAIL_CALL_INDIRECT, /**< code, with A64_CALL_CONTEXT the context, arguments */
    A64_OP_INVOKED,    /**< after a call that may unwind; edges: if it returns, if it unwinds */
    A64_OP_TO_INT,     /**< def, use; traps. FROM_DOUBLE, TO_WIDE, SIGNED */
    A64_OP_POPCNT,     /**< def, use; WIDE */
    A64_OP_COPYSIGN,   /**< def (tied to the first use), use, use that provides the sign; DOUBLE */
    A64_OP_FSELECT_16, /**< as SELECT, for 16 bytes */
    A64_OP_TBL2,       /**< def, use in v30, use, use that has the numbers of lanes of these two */
    /** def, address, value, for a comparison expected and new value; imm: the operation of the
     * representation; OPTION: log2 of the bytes */
    A64_OP_ATOMIC,
    A64_OP_COPY_BYTES, /**< to, from; imm: bytes */
    A64_OP_ZERO_BYTES, /**< to; imm: bytes */
    A64_OP_COUNT,
};

/* Byte n of `extra`. */
#define A64_IN(reg)    (0x80u | (unsigned)(reg))
#define A64_AREA_LOCAL 0x40u /* slots of the representation */
/** Of a call: it may return with another context; of a tail call: it sets another. */
#define A64_CALL_CONTEXT   1u
#define A64_AREA_INCOMING  0x41u /* cells of the caller: arguments, then results */
#define A64_AREA_OUTGOING  0x42u /* cells for callees */
#define A64_EXTRA(n, what) ((uint32_t)(what) << (8 * (n)))

/* `small`. */
#define A64_SMALL_WIDE         1u
#define A64_SMALL_DOUBLE       2u
#define A64_SMALL_OPTION(n)    ((unsigned)(n) << 2)  /* 4 bits */
#define A64_SMALL_AMOUNT(n)    ((unsigned)(n) << 6)  /* 6 bits */
#define A64_SMALL_COND(n)      ((unsigned)(n) << 12) /* 4 bits */
#define A64_SMALL_OPTION_OF(s) ((s) >> 2 & 15)
#define A64_SMALL_AMOUNT_OF(s) ((s) >> 6 & 63)
#define A64_SMALL_COND_OF(s)   ((s) >> 12 & 15)

/* `extra` of operations that set and use flags. */
#define A64_SETTER(form)         ((uint32_t)(form))       /* 12 bits */
#define A64_OTHER_FORM(form)     ((uint32_t)(form) << 12) /* 12 bits */
#define A64_OTHER_WIDE           (1u << 24)               /* x or d */
#define A64_OTHER_ZERO_IF        (1u << 25)               /* zr in place of the first operand */
#define A64_OTHER_ZERO_ELSE      (1u << 26)               /* ... of the second */
#define A64_SETTER_OF(extra)     ((extra)&0xfff)
#define A64_OTHER_FORM_OF(extra) ((extra) >> 12 & 0xfff)

/* `small` of A64_OP_TO_INT. */
#define A64_TO_INT_FROM_DOUBLE 1u
#define A64_TO_INT_TO_WIDE     2u
#define A64_TO_INT_SIGNED      4u

/* Clobber sets. */
enum a64_clobber {
    A64_CLOBBER_NONE,
    A64_CLOBBER_CALL,
    A64_CLOBBER_HELPER,
    A64_CLOBBER_ALL, /**< for a call that may unwind */
    A64_CLOBBER_COUNT,
};

/* vcode.machine_flags. */
/* The frame contains the context, because calls with
 * another context, or that unwind, change the register. */
#define A64_KEEPS_CONTEXT 1u
#define A64_CALLS_C       2u /* helpers or host functions */
