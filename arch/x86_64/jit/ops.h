// SPDX-License-Identifier: MIT
//
// The interface between selection (select*.c) and emission (emit*.c) of this machine: registers,
// the calling convention, operations, and the use of the fields of struct vinstr.
//
// Registers: rsp and rbp hold the frame, r14 the context, r15 the base of memory 0. r11 and xmm15
// are scratch within one operation, and for the allocator's moves between operations.
#pragma once

#include "arch/x86_64/jit/encode.h"
#include "kernel/jit/backend.h"

enum x86_reg {
    X86_RAX,
    X86_RCX,
    X86_RDX,
    X86_RBX,
    X86_RSP,
    X86_RBP,
    X86_RSI,
    X86_RDI,
    X86_R8,
    X86_R9,
    X86_R10,
    X86_R11,
    X86_R12,
    X86_R13,
    X86_R14,
    X86_R15,
};
#define X86_CONTEXT X86_R14
#define X86_MEMORY  X86_R15
#define X86_SCRATCH X86_R11
#define X86_XMM15   15

enum x86_clobbers {
    X86_CLOBBER_NONE,
    X86_CLOBBER_CALL,   /**< registers that compiled functions do not preserve */
    X86_CLOBBER_HELPER, /**< registers that C functions do not preserve */
    X86_CLOBBER_ALL,    /**< everything: after an invoke control may come from elsewhere */
    X86_CLOBBER_RAX,
    X86_CLOBBER_COUNT,
};

enum x86_op {
#define X86_OP(name, emit, form, text) X86_OP_##name,
#include "arch/x86_64/jit/ops.def"
#undef X86_OP
    X86_OP_COUNT,
};

extern const char *const x86_op_names[X86_OP_COUNT];
/** The form of an operation. */
extern const uint16_t x86_op_forms[X86_OP_COUNT];

/** The kind of an operation's last operand, called rm. */
enum x86_mode {
    X86_MODE_REG,     /**< one use, which may be in a spill slot */
    X86_MODE_MEM,     /**< memory: see enum x86_base */
    X86_MODE_IMM,     /**< the immediate */
    X86_MODE_MEM_IMM, /**< memory, and an immediate as the other operand */
};

/** The base of an address; the displacement is vinstr.extra, signed. */
enum x86_base {
    X86_BASE_NONE,
    X86_BASE_REG, /**< a use */
    X86_BASE_CONTEXT,
    X86_BASE_MEMORY,
    X86_BASE_LOCAL,    /**< the slots of the function's frame */
    X86_BASE_OUTGOING, /**< the cells for arguments and results of this function's calls */
    X86_BASE_INCOMING, /**< the cells of the call to this function */
    /** a constant of `size` bytes after the code, with its bits in imm; of a vector operation: of
     * 16 bytes, with the index of two words in vcode.extra */
    X86_BASE_CONSTANT,
};

/** imm of calls of compiled code. */
enum x86_call {
    X86_CALL_SETS_CONTEXT = 1,     /**< the context changes; operands: code, context */
    X86_CALL_RESTORES_CONTEXT = 2, /**< after the call the context may be another one */
    X86_CALL_FLAGS = 15,           /**< the other bits: bytes of argument cells */
};

enum x86_compare {
    X86_COMPARE_CMP,
    X86_COMPARE_TEST,
    X86_COMPARE_FLOAT,
    X86_COMPARE_VECTOR, /**< E: the two vectors have no bit in common */
};

/** vinstr.small. A use for the base (for X86_BASE_REG) and one for the index are adjacent. */
struct x86_small {
    unsigned size; /* of the operation: 1, 2, 4 or 8 bytes */
    unsigned mode; /* enum x86_mode */
    unsigned base; /* enum x86_base */
    bool has_index;
    unsigned scale;   /* the index is shifted left by this */
    unsigned cond;    /* enum x86_cond; for floats E means "equal and ordered", NE the opposite */
    unsigned compare; /* enum x86_compare */
};

/** TO_INT: vinstr.small.cond contains these bits instead of a condition. */
enum x86_to_int { X86_TO_INT_DOUBLE = 1, X86_TO_INT_UNSIGNED = 2, X86_TO_INT_SATURATES = 4 };

static inline uint16_t x86_pack(struct x86_small s)
{
    unsigned log2 = s.size == 1 ? 0 : s.size == 2 ? 1 : s.size == 4 ? 2 : 3;
    return (uint16_t)(log2 | s.mode << 2 | s.base << 4 | (unsigned)s.has_index << 7 | s.scale << 8 |
                      s.cond << 10 | s.compare << 14);
}

static inline struct x86_small x86_unpack(uint16_t v)
{
    return (struct x86_small){.size = 1u << (v & 3),
                              .mode = v >> 2 & 3,
                              .base = v >> 4 & 7,
                              .has_index = (v >> 7 & 1) != 0,
                              .scale = v >> 8 & 3,
                              .cond = v >> 10 & 15,
                              .compare = v >> 14 & 3};
}

/** vcode.machine_flags */
enum x86_flag {
    /** there is a call with another context: the frame keeps this function's */
    X86_SAVES_CONTEXT = 1,
    X86_CALLS_HELPERS = 2, /**< C functions are called, which preserve no vector register */
};

/* ---- The convention (kernel/jit/code.h) ---- */

/** The place of an argument or result: in a register, or in a cell. */
struct x86_home {
    bool in_reg;
    uint8_t class, reg;
    uint32_t offset; /* offset in bytes from the call's first cell */
};

/** Walks the parameters, then the results of a signature. */
struct x86_walk {
    uint32_t used[VCLASS_COUNT], cell_bytes;
    bool results;
};

/** @brief The place of the next one. */
struct x86_home x86_walk_next(struct x86_walk *w, unsigned type);
/** @brief Continue with the results. */
void x86_walk_results(struct x86_walk *w);

enum jit_vectors x86_vectors(uint64_t features);
enum status x86_select(const struct ir_function *f, uint64_t features, struct vcode *out,
                       unsigned *op);
enum status x86_emit(const struct vcode *v, uint64_t features, struct jit_code *out);
