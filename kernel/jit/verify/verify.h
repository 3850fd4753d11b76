// SPDX-License-Identifier: MIT
//
// The verifier of machine code: the last check before a program's code becomes executable. It reads
// the final bytes, with a decoder of its own, and proves that they stay within their sandbox. It
// knows the layout of the program's context (struct verify_shape) and the calling convention
// (kernel/jit/code.h), but neither the source, nor the IR, nor the compiler. docs/jit.md, "The
// verifier", states the property and the code that remains trusted.
#pragma once

#include "kernel/jit/code/code_map.h"
#include "kernel/lib/status.h"

#include <stdbool.h>
#include <stdint.h>

struct arena;

/* ---- Decoded instructions ---- */

#define VERIFY_REGISTERS 33u  /* the most of any machine, including the zero register */
#define VERIFY_ZERO      32u  /* a register that reads as 0 and ignores writes */
#define VERIFY_CODE      254u /* as a base: the function's own code, `disp` bytes from its start */
#define VERIFY_NONE      255u /* no register */

/**
 * The effect of an instruction, as far as the proof needs it. `d` is written; `a`, `b` and `c` are
 * read. The operand "b" is the register b (extended, then shifted left, as `extend` and `shift`
 * say), or the immediate (VERIFY_IMM), or memory (VERIFY_MEM). Of a comparison or test whose left
 * operand is memory, a is none, and the right one is c, or the immediate. Operations of 4 bytes
 * clear the upper half of d; those of 1 and 2 bytes keep the rest of d. Immediates of operations of
 * fewer than 8 bytes are cut to as many.
 */
enum verify_op {
    VERIFY_NOP,
    VERIFY_PAD,      /**< an indirect call may land here */
    VERIFY_PAD_JUMP, /**< an indirect jump may land here; on x86-64 VERIFY_PAD is both */
    VERIFY_CONST,    /**< d = imm */
    VERIFY_INSERT,   /**< d = a with 16 bits from bit `shift` on replaced by imm */
    VERIFY_MOVE,     /**< d = b; of `bytes` bytes if that is less than size (register only) */
    VERIFY_ADD,      /**< d = a + b */
    VERIFY_SUB,      /**< d = a - b */
    VERIFY_AND,      /**< d = a & b */
    VERIFY_OR,       /**< d = a | b, and exclusive or */
    VERIFY_SHL,      /**< d = a << imm, a perhaps extended as `extend` says */
    VERIFY_SHR,      /**< d = a >> imm, unsigned */
    VERIFY_MUL,      /**< d = a * b (+ c, if there is one), the low half */
    VERIFY_DIV,      /**< d = a / b or a >> b, unsigned; never traps */
    VERIFY_FIELD,    /**< d = a number below 2^shift that depends on a */
    VERIFY_NUMBER,   /**< d = any number that depends on a, b, c (any of which may be none) */
    VERIFY_SELECT,   /**< d = a, or b + imm, which is 0 or 1 */
    VERIFY_SET,      /**< d = 1 if `cond` holds, else 0 */
    VERIFY_COMPARE,  /**< flags = a - b */
    VERIFY_TEST,     /**< flags = a & b */
    VERIFY_USE,      /**< a, b and c (or none) are read as numbers; flags may change */
    VERIFY_LEA,      /**< d = base + index * 2^scale + disp */
    VERIFY_LOAD,     /**< d = `bytes` bytes of memory, extended to size; VERIFY_SIGNED */
    VERIFY_STORE,    /**< `bytes` bytes of memory = a, or imm */
    VERIFY_UPDATE,   /**< `bytes` bytes of memory = any number that depends on them and on b */
    /** atomic: `bytes` bytes of memory, of the program's own, = any number that depends on them, on
     * a and c, and on b, which is a register or imm; d (or none) = any number, too */
    VERIFY_EXCHANGE,
    VERIFY_LOAD_PAIR,   /**< d and c = twice `bytes` bytes of memory */
    VERIFY_STORE_PAIR,  /**< twice `bytes` bytes of memory = a and c */
    VERIFY_LITERAL,     /**< d = `bytes` bytes of the function's own code, at imm */
    VERIFY_PUSH,        /**< the stack pointer falls by imm; a, then c (or none) are stored there */
    VERIFY_POP,         /**< d, then c (or none) are loaded; the stack pointer rises by imm */
    VERIFY_PROBE_LOOP,  /**< d falls by imm and is probed, a times; then a is 0. The instruction
                           that may fault is at `extra` bytes from the start */
    VERIFY_CLEAR_LOOP,  /**< a falls by imm to 0, each time imm bytes at base + a become numbers */
    VERIFY_MUL_WIDE,    /**< c:d = a * b; c is the upper half */
    VERIFY_DIVIDE,      /**< d = c:a / b, c = remainder; traps */
    VERIFY_ADDRESS,     /**< d = the address of the function's own code at imm */
    VERIFY_CALL,        /**< of the code at imm */
    VERIFY_CALL_TO,     /**< of the address b, or in memory (VERIFY_MEM) */
    VERIFY_BRANCH,      /**< to imm if `cond` holds */
    VERIFY_BRANCH_ZERO, /**< to imm if a (of size bytes) is 0 (VERIFY_EQUAL) or not */
    VERIFY_BRANCH_BIT,  /**< to imm by a bit of a */
    VERIFY_JUMP,        /**< to imm; from here on control does not continue below */
    VERIFY_JUMP_TABLE,  /**< to a; see verify_machine.find_table */
    VERIFY_RETURN,      /**< to a, or to the address at the stack pointer (none) */
    VERIFY_TAIL,        /**< a jump out of the function, to the code at imm; the verifier sets it */
    VERIFY_TAIL_TO,     /**< a jump to the address a that is none through a table; likewise */
    VERIFY_TRAP,        /**< always faults */
};

/** A condition on the flags of the last comparison, unsigned. */
enum verify_cond {
    VERIFY_EQUAL,
    VERIFY_NOT_EQUAL,
    VERIFY_BELOW,
    VERIFY_NOT_BELOW,
    VERIFY_ABOVE,
    VERIFY_NOT_ABOVE,
    VERIFY_OTHER, /**< any other condition: allows no conclusion */
};

enum verify_flag {
    VERIFY_MEM = 1,         /**< operand b is memory: base, index, scale, disp, `bytes` of it */
    VERIFY_IMM = 2,         /**< operand b (of a store: a) is imm */
    VERIFY_SIGNED = 4,      /**< of a load or move: sign-extended */
    VERIFY_VECTOR = 8,      /**< d of a load, a of a store, both of a pair are vector registers */
    VERIFY_FLAGS = 16,      /**< all flags change, and not as comparisons and tests change them */
    VERIFY_TABLE_PART = 32, /**< of a jump through a table; the verifier sets it */
    VERIFY_FLAG_ZERO = 64,  /**< of the flags, the one for equality changes; others may */
    VERIFY_FLAGS_IN = 128,  /**< flags are read, those that `cond` needs */
};

enum verify_extend {
    VERIFY_WHOLE,         /**< as it is, then shifted left by `shift` */
    VERIFY_LOW_HALF,      /**< its low 32 bits, then shifted left */
    VERIFY_SHIFTED_RIGHT, /**< shifted right by `shift`, unsigned; in arithmetic only */
    VERIFY_OTHER_EXTEND,  /**< any number that depends on it; in arithmetic only */
};

struct verify_insn {
    uint32_t at;  /* bytes from the start of the function */
    int32_t disp; /* of memory */
    int64_t imm;  /* also the target of branches and the like: bytes from the function's start */
    uint8_t op, size, d, a, b, c;
    uint8_t base, index;   /* of memory: registers, or none */
    uint8_t scale, bytes;  /* of memory */
    uint8_t extend, shift; /* of the index and of operand b: enum verify_extend */
    uint8_t flags;         /* enum verify_flag */
    uint8_t cond;          /* enum verify_cond */
    uint8_t length;        /* bytes of code, 1 to 16 */
    uint8_t extra;
    uint8_t trap; /* the row of it, plus 1; the verifier fills it in */
};

/** A jump through a table, recognised by the machine from the instructions before it. */
struct verify_table {
    uint32_t first;  /* bytes from the function's start: distances of 32 bits, from `origin` */
    uint32_t origin; /* likewise */
    uint32_t count;
    uint8_t index;    /* register */
    uint8_t extend;   /* VERIFY_LOW_HALF: only its low half is used; VERIFY_WHOLE: all of it */
    uint32_t from;    /* number of the first instruction of the sequence */
    uint32_t compare; /* number of the comparison of the index; the branch follows it */
};

/** A machine as the verifier sees it. Const. arch/MACHINE/jit/verify*.c */
struct verify_machine {
    uint8_t unit;      /* bytes: instructions start at multiples of it */
    uint8_t registers; /* how many there are, without VERIFY_ZERO */
    uint8_t sp, fp, context, base;
    uint8_t link;         /* holds the return address at entry; VERIFY_NONE: it is on the stack */
    uint8_t return_bytes; /* of the stack, above the stack pointer at entry */
    uint8_t arguments[JIT_ARG_REGS], results[JIT_RESULT_REGS]; /* integers, compiled convention */
    uint8_t helper_arguments[6], helper_result;
    uint32_t callee_saved; /* of compiled code, frame registers and pinned ones excluded */
    uint32_t reserved;     /* never written, so never read: at entry they are undefined */
    uint32_t leaf_bytes;   /* of a frame that needs no probe if the function makes no call */
    uint32_t margin;       /* below a frame that a probe has reached */

    /** @brief Decode consecutive instructions, up to the first after which control does not
     * continue (from VERIFY_JUMP on). @param left  Bytes of code from `code` on. @param at  Offset
     * of `code` in the function, which targets are relative to. @param most  Maximum number to
     * decode. @return the number decoded. If it is below `most` and control continues after the
     * last one, the next bytes are not a permitted instruction. @context{any} Pure. */
    uint32_t (*decode)(const uint8_t *code, uint32_t left, uint32_t at, struct verify_insn *out,
                       uint32_t most);

    /** @brief Recognise a jump through a table. @param insns  Decoded in order; the last one is
     * VERIFY_JUMP_TABLE. @param last  Its bytes; those of the instructions before it precede them.
     * @return false: not the known sequence. @context{any} Pure. */
    bool (*find_table)(const struct verify_insn *insns, uint32_t count, const uint8_t *last,
                       struct verify_table *out);
};

extern const struct verify_machine verify_x86_64, verify_aarch64;

/* ---- What a program may touch ---- */

/** Types of parameters, results and cells. */
enum verify_type {
    VERIFY_I32,
    VERIFY_I64,
    VERIFY_F32,
    VERIFY_F64,
    VERIFY_V128,
    VERIFY_FUNCREF,   /**< 0, or the address of a function's record */
    VERIFY_EXTERNREF, /**< the embedder's */
    /* Parameters of helpers only, from here on: constants that helpers do not check. */
    VERIFY_TABLE_NUMBER,
    VERIFY_TABLE_VALUE,   /**< a reference of the table that the last VERIFY_TABLE_NUMBER named */
    VERIFY_TABLE_PAIR,    /**< two tables of one type: to << 32 | from */
    VERIFY_TABLE_SEGMENT, /**< a table and an element segment of its type: table << 32 | segment */
    VERIFY_ELEMENT_NUMBER,
    VERIFY_DATA_NUMBER,
    VERIFY_FRAME_IN,  /**< address in the frame: cells of parameters are read there */
    VERIFY_FRAME_OUT, /**< address in the frame: cells of results are written there */
};

struct verify_signature {
    uint32_t types; /* in verify_shape.types: parameters, then results */
    uint32_t params, results;
};

/** The kinds of fields in the context. */
enum verify_field_kind {
    VERIFY_MEMORY_BASE,    /**< address of memory 0 */
    VERIFY_CELL,           /**< a value of `type` */
    VERIFY_CELL_ADDRESS,   /**< address of one */
    VERIFY_LENGTH_ADDRESS, /**< address of the length of memory 0: 64 bits, only read */
    VERIFY_OTHER_MEMORY,   /**< address of another memory, followed by as large a window */
    VERIFY_OTHER_LENGTH,   /**< address of its length: 64 bits, only read */
    VERIFY_FLAG_ADDRESS,   /**< address of a flag: 32 bits, only read */
    VERIFY_HELPER,         /**< address of a C function; number: of the helper */
    VERIFY_HOST,   /**< likewise, followed by a word, its first argument; number: its signature */
    VERIFY_RECORD, /**< a function's record; number: its signature */
    VERIFY_RECORD_ADDRESS, /**< address of one, never 0 */
    VERIFY_TABLE,          /**< a table; number: of the table */
    VERIFY_TABLE_ADDRESS,  /**< address of one */
};

struct verify_field {
    uint32_t at; /* bytes from the context */
    uint32_t number;
    uint8_t kind, type;
    bool is_writable; /* of a cell */
};

struct verify_helper {
    struct verify_signature signature;
    /* number of the entry in verify_shape.helpers whose signature tells what parameters of types
     * VERIFY_FRAME_IN and _OUT point to */
    uint32_t cells;
};

/** A type id, as records carry it, and the signature that it stands for. */
struct verify_type_id {
    uint32_t id, signature;
};

/** Of a function's record: 64 bits each, but for the id, which has 32. */
#define VERIFY_RECORD_CODE    0u
#define VERIFY_RECORD_CONTEXT 8u
#define VERIFY_RECORD_TYPE    16u
#define VERIFY_RECORD_BYTES   24u
/** Of a table: the address of its elements (64 bits), then how many there are (32). */
#define VERIFY_TABLE_ELEMENTS 0u
#define VERIFY_TABLE_LENGTH   8u

/** The properties that all functions of a piece of code share. Built by a front-end; read only. */
struct verify_shape {
    const struct verify_field *fields; /* ascending by `at` */
    const uint8_t *types;              /* enum verify_type */
    const struct verify_signature *signatures;
    const struct verify_helper *helpers;
    const struct verify_type_id *ids; /* ascending */
    const uint32_t *functions;        /* signature of each function, by number - first_function */
    const uint8_t *tables, *elements; /* type of each table and of each element segment */
    uint32_t first_function;          /* the lowest number of a function in a piece */
    uint32_t field_count, signature_count, id_count, table_count, element_count, data_count;
    uint64_t window; /* bytes from the base of a memory: an access there is explained by its row */
    bool has_pads;   /* indirect calls and jumps must land on pads */
    /* functions may end in calls of other modules' functions, so that calls may return with another
     * context */
    bool moves_context;
};

/** Why a function was refused. */
struct verify_error {
    uint32_t function; /* of the piece */
    uint32_t offset;   /* bytes from the start of the function */
    char text[96];
};

/**
 * @brief Prove that one function of a piece stays within the sandbox.
 * @param p         Its block is written, its calls are completed; rows and functions are filled in.
 * It may call functions of other pieces in its map that have the same source: those were verified
 * with the same shape. No map: there are none.
 * @param function  Index in p->functions.
 * @param a         For working memory; the caller frees it.
 * @param work      Counts the steps taken, if it is not NULL: for tests of linearity.
 * @return OK; E_CORRUPT: refused, with the reason in *err; E_NOMEM. @context{thread}
 */
enum status verify_function(const struct verify_machine *m, const struct verify_shape *shape,
                            const struct code_piece *p, uint32_t function, struct arena *a,
                            struct verify_error *err, uint64_t *work);

/**
 * @brief Whether the first bytes of a function can be replaced while the rest may be running: no
 * branch of the function leads to them, and no call returns between two of them.
 * @param p  Its block is sealed; its functions were verified. @param a  For working memory; the
 * caller frees it.
 * @return false also if there is no memory. @context{thread}
 */
bool verify_entry_is_free(const struct verify_machine *m, const struct verify_shape *shape,
                          const struct code_piece *p, uint32_t function, uint32_t bytes,
                          struct arena *a);
