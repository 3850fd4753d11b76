// SPDX-License-Identifier: MIT
//
// The intermediate representation: front-ends build it, passes rewrite it, back-ends read it.
//
// A function is typed SSA in arrays of indices, all in one arena. There are no pointers, so a
// function can be printed, parsed, copied and grown. A value is the index of the instruction that
// defines it. The instructions of a block are contiguous: first its parameters, last its only
// terminator. Control flows along edges; an edge carries an argument for each parameter of the
// block that it leads to.
//
// No pass edits a function: it reads one and builds another, through the same calls as a front-end.
//
// Nothing here knows a source language or a machine. A language describes its memory as spaces
// (enum ir_space), the functions that it calls as callees (struct ir_callee), and collected objects
// as values of type IR_REF.
//
// Building never fails at the call. When memory or a limit is exhausted, the function keeps the
// error (ir_function.error), further calls do nothing and return value 0, and the builder checks
// once, at the end.
#pragma once

#include "kernel/jit/arena.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** "No value", "no block": never an index. */
#define IR_NONE UINT32_MAX

/** An i32 is in the low half of a register; the high half is zero. */
enum ir_type {
    IR_VOID, /**< the instruction defines no value */
    IR_I32,
    IR_I64,
    IR_F32,
    IR_F64,
    IR_V128,
    /** a managed object, or null: the collector sees it and may move it. No front-end makes these
     * two types yet: they are for .NET. */
    IR_REF,
    /** an address inside a managed object, kept with that object across safe points. Never passed
     * to a function, returned, selected or stored */
    IR_DERIVED,
    IR_TYPE_COUNT,
};

/** The meaning of a, b and c of an instruction. They are values unless noted otherwise. */
enum ir_form {
    IR_FORM_NONE,
    IR_FORM_CONST,  /**< a, b: low and high half of the bits */
    IR_FORM_PARAM,  /**< a: index of the parameter in its block */
    IR_FORM_RESULT, /**< a: the call, b: index of the result, from 1 */
    IR_FORM_SLOT,   /**< a: slot of the frame */
    IR_FORM_UNARY,  /**< a */
    IR_FORM_BINARY, /**< a, b */
    IR_FORM_SELECT, /**< a: i32 (or, of vectors, a mask), b, c */
    IR_FORM_LOAD,   /**< a: index or IR_NONE, c: memref */
    IR_FORM_STORE,  /**< a: index or IR_NONE, b: value, c: memref */
    /** a: index or IR_NONE, b: two values in the pool, c: memref */
    IR_FORM_COMPARE_SWAP,
    IR_FORM_COPY, /**< a: to, b: from, c: bytes; the two areas are the same or do not overlap */
    IR_FORM_ZERO, /**< a: address, c: bytes */
    IR_FORM_CALL, /**< a: callee, b: operands in the pool, c: their number */
    IR_FORM_CALL_INDIRECT, /**< a: signature, b: pool (code, context, arguments), c: their number */
    IR_FORM_TRAP_IF,       /**< a: condition, b: enum ir_trap */
    IR_FORM_JUMP,          /**< a: edge */
    IR_FORM_BRANCH,        /**< a: i32, b: edge if it is not 0, c: edge if it is 0 */
    IR_FORM_SWITCH, /**< a: i32, b: first edge, c: number of edges; the last one is the default */
    IR_FORM_RETURN, /**< b: values in the pool, c: their number */
    IR_FORM_TRAP,   /**< b: enum ir_trap */
    IR_FORM_INVOKE, /**< a: callee, b: pool (normal edge, unwind
     * edge, arguments), c: arguments + 2 */
    /** a: signature, b: pool (normal edge, unwind edge,
     * code, context, arguments), c: their number */
    IR_FORM_INVOKE_INDIRECT,
    IR_FORM_VECTOR_CONST, /**< a: index in the pool of its 128 bits: four words, the lowest first */
    IR_FORM_EXTRACT_LANE, /**< a: vector, b: number of the lane */
    IR_FORM_REPLACE_LANE, /**< a: vector, b: scalar, c: number of the lane */
    /** a, b: vectors, c: 16 bytes in the pool (four words): each selects one of the 32 bytes of a
     * and b */
    IR_FORM_SHUFFLE,
    IR_FORM_COUNT,
};

/** How the types of operands and result are related. The verifier's table has one line for each. */
enum ir_typing {
    IR_TYPES_NOTHING,   /**< no operands of a type that is checked, no result */
    IR_TYPES_ANY,       /**< operands and result have the same type, which may be any */
    IR_TYPES_SCALAR,    /**< result i32, i64, f32 or f64 */
    IR_TYPES_REFERENCE, /**< result ref */
    IR_TYPES_I64,
    IR_TYPES_INTEGER,          /**< i32 or i64, one type */
    IR_TYPES_FLOAT,            /**< f32 or f64, one type */
    IR_TYPES_COMPARES_INTEGER, /**< result i32 */
    IR_TYPES_COMPARES_FLOAT,
    IR_TYPES_COMPARES_REF,
    IR_TYPES_TESTS_REF,
    IR_TYPES_CHECKS_REF,
    IR_TYPES_DERIVES,
    IR_TYPES_REF_TO_I64, /**< ref or derived, to i64 */
    IR_TYPES_I64_TO_I32,
    IR_TYPES_I32_TO_I64,
    IR_TYPES_F32_TO_F64,
    IR_TYPES_F64_TO_F32,
    IR_TYPES_FLOAT_TO_INTEGER,
    IR_TYPES_INTEGER_TO_FLOAT,
    IR_TYPES_SAME_SIZE, /**< i32 with f32, i64 with f64 */
    IR_TYPES_LOADED,    /**< given by the memref */
    IR_TYPES_STORED,
    IR_TYPES_STORED_REF,
    IR_TYPES_ATOMIC, /**< i32 or i64, one type, at most as wide as the memref's access */
    IR_TYPES_BYTES,
    IR_TYPES_CALLS,        /**< given by the callee's signature */
    IR_TYPES_TAIL_CALLS,   /**< so are the operands; the callee's results are the function's */
    IR_TYPES_CONDITION,    /**< operand i32, no result */
    IR_TYPES_VECTOR,       /**< v128, all of them */
    IR_TYPES_VECTOR_SHIFT, /**< v128 by i32 */
    IR_TYPES_TESTS_VECTOR, /**< v128 to i32 */
    IR_TYPES_SPLATS,       /**< the scalar type of the shape's lanes, to v128 */
    IR_TYPES_EXTRACTS,
    IR_TYPES_REPLACES,
};

/** How a v128 is divided into lanes. */
enum ir_shape {
    IR_SHAPE_NONE, /**< no operation on vectors */
    IR_SHAPE_V128, /**< as a whole, without lanes */
    IR_SHAPE_I8X16,
    IR_SHAPE_I16X8,
    IR_SHAPE_I32X4,
    IR_SHAPE_I64X2,
    IR_SHAPE_F32X4,
    IR_SHAPE_F64X2,
    IR_SHAPE_COUNT,
};

enum ir_op_flag {
    IR_PURE = 1,     /**< equal operands always give an equal result, and it has no effect */
    IR_COMMUTES = 2, /**< a and b may be exchanged */
    IR_TRAPS = 4,    /**< may trap: must not be moved across another effect, nor removed */
    IR_READS = 8,    /**< reads memory of the memref's class */
    IR_WRITES = 16,
    IR_CALLS = 32, /**< may have whatever effects the callee has */
    IR_ENDS = 64,  /**< terminator */
};

enum ir_op {
#define IR_OP(name, text, form, types, flags) IR_##name,
#include "kernel/jit/ir/ir_ops.def"
#undef IR_OP
    IR_OP_COUNT,
};

/** Relaxed operations, which a machine may not have (jit_machine.relaxed); bits. */
enum ir_relaxed {
    IR_RELAXED_FMA = 1, /**< FMA and FNMA of both shapes */
    IR_RELAXED_DOT_BYTES = 2,
    IR_RELAXED_DOT_ADD_S = 4,
    IR_RELAXED_DOT_ADD_SU = 8,
};

/** What a vector operation does with each lane, whatever the shape. */
enum ir_lane_op {
    IR_LANE_NONE,
#define IR_VECTOR(operation, text, shapes, form, types, flags) IR_LANE_##operation,
#include "kernel/jit/ir/ir_vector_ops.def"
};

struct ir_op_info {
    const char *text;
    uint8_t form, typing, flags;
    uint8_t shape, lane_op; /* enum ir_shape, enum ir_lane_op; 0 for scalar operations */
};
/** By enum ir_op. */
extern const struct ir_op_info ir_op_info[IR_OP_COUNT];

/** Why a program stops. The front-end knows what the program's own language calls it. */
enum ir_trap {
    IR_TRAP_UNREACHABLE, /**< the program claims that control never gets here */
    IR_TRAP_MEMORY,      /**< outside a memory */
    IR_TRAP_DIVIDE,      /**< by zero */
    IR_TRAP_OVERFLOW,    /**< an integer result that does not fit */
    IR_TRAP_CONVERSION,  /**< a NaN to an integer */
    IR_TRAP_TABLE,       /**< outside a table */
    IR_TRAP_NULL,        /**< a null reference, or an empty element of a table */
    IR_TRAP_SIGNATURE,   /**< a call through a table to a function of another type */
    IR_TRAP_STACK,       /**< calls are nested too deeply */
    IR_TRAP_NO_MEMORY,   /**< no memory for a call's arguments or stack: the callee did not start */
    IR_TRAP_NO_CODE,     /**< the callee could not be compiled: it did not start */
    IR_TRAP_ALIGNMENT,   /**< an atomic access at an address that is no multiple of its size */
    IR_TRAP_NOT_SHARED,  /**< waiting in a memory that no other thread can access */
    IR_TRAP_COUNT,
};

struct ir_instr {
    uint16_t op;   /* enum ir_op */
    uint8_t type;  /* of the result; of a call: of its first result */
    uint8_t flags; /* enum ir_instr_flag */
    uint32_t a, b, c;
};
_Static_assert(sizeof(struct ir_instr) == 16, "four to a cache line");

enum ir_instr_flag {
    IR_SAFE_POINT = 1, /**< of a call: the collector finds the references that live across it */
    IR_RARE = 2,       /**< of a jump: the block that it ends is rarely executed. Set by lowering */
};

/** Which memory an access refers to. */
enum ir_space {
    IR_SPACE_MEMORY, /**< sandboxed memory `number`: base + index, zero-extended, + offset; traps */
    IR_SPACE_CONTEXT, /**< context + offset; no index, no trap */
    /** index, an i64 address whose validity the front-end guarantees, + offset; no trap */
    IR_SPACE_ADDRESS,
    IR_SPACE_SLOT,   /**< slot `number` of the frame + offset; no index, no trap */
    IR_SPACE_OBJECT, /**< index, a reference or derived value, + offset; null traps */
    IR_SPACE_COUNT,
};

/** How many bytes an access has, and how a narrow one is extended to the result's type. */
enum ir_access {
    IR_ACCESS_FULL, /**< all bytes of the type */
    IR_ACCESS_8_S,
    IR_ACCESS_8_U,
    IR_ACCESS_16_S,
    IR_ACCESS_16_U,
    IR_ACCESS_32_S, /**< i64 only; a store writes the low half */
    IR_ACCESS_32_U,
    /** from here on loads of v128 only. This one: the same byte in every lane */
    IR_ACCESS_8_SPLAT,
    IR_ACCESS_16_SPLAT,
    IR_ACCESS_32_SPLAT,
    IR_ACCESS_64_SPLAT,
    IR_ACCESS_8X8_S, /**< 8 bytes, each lane extended to twice its width */
    IR_ACCESS_8X8_U,
    IR_ACCESS_16X4_S,
    IR_ACCESS_16X4_U,
    IR_ACCESS_32X2_S,
    IR_ACCESS_32X2_U,
    IR_ACCESS_32_ZERO, /**< into the lowest bits; the rest is 0 */
    IR_ACCESS_64_ZERO,
    IR_ACCESS_COUNT,
};

/** Where a load or store goes. Little-endian, any
 * alignment. Equal ones share one entry of the table. */
struct ir_memref {
    uint64_t offset; /* bytes; MEMORY: the sum with the index does not wrap */
    uint32_t number; /* memory or slot */
    uint8_t space, access;
    uint8_t alias_class; /* accesses of different classes never touch the same byte */
    uint8_t is_constant; /* of a load: this memory does not change while the function runs */
};

/** An edge from the end of one block to the start of another. */
struct ir_edge {
    uint32_t to;    /* block */
    uint32_t args;  /* in the pool */
    uint32_t count; /* number of args: as many as `to` has parameters */
};

struct ir_block {
    uint32_t first, count; /* instructions */
    uint32_t params;       /* number of parameters, which come first */
};

/** Bytes in the frame that live until the call returns. */
struct ir_slot {
    uint32_t size, align; /* bytes; align is a power of two, at most 64 */
};

struct ir_signature {
    uint32_t types; /* index in the module's types: parameters, then results; never IR_VOID */
    uint32_t params, results;
};

enum ir_callee_kind {
    IR_CALLEE_FUNCTION, /**< a compiled function of this module, which gets the caller's context */
    IR_CALLEE_HELPER,   /**< a C function of the runtime, whose address is at context + entry: its
                           first parameter is the context, then at most 5 integers; at most one
                           integer result */
    /** like a helper, but its first parameter is the word at context + entry + 8, which belongs to
     * the function and not to its caller */
    IR_CALLEE_HOST,
};

/** What a call can refer to: a function of this module, or a C function. */
struct ir_callee {
    const char *name; /* for people; lives as long as the module */
    uint32_t signature;
    uint8_t effects; /* IR_TRAPS, IR_READS, IR_WRITES: all effects that the callee may have */
    uint8_t kind;    /* enum ir_callee_kind */
    uint32_t entry;  /* of a C function: offset from the context, in bytes */
};

/** A memory whose addresses the program computes. Its base does not change during the life of a
 * context; that of memory 0 is at context + 0. */
struct ir_memory {
    /* after the largest index: an access that ends within them needs no check */
    uint64_t guard_bytes;
    /* No memory of this kind ends above 4 GiB - spare_bytes. 0: not known. */
    uint32_t spare_bytes;
    uint32_t base;   /* at context + base: its address, 64 bits */
    uint32_t length; /* at context + length: the address of its length in bytes, 64 bits */
};

/** What a collector requires of compiled code besides the rows of safe points. All zero: no polls
 * and no barrier. kernel/jit/opt/lower.h turns `poll` and `store_ref` into ordinary operations
 * according to this. */
struct ir_collector {
    bool polls;           /* a poll reads ... */
    bool marks_cards;     /* storing a reference in an object marks a card: the byte ... */
    uint8_t card_shift;   /* ... at (address of the field >> card_shift) from ... */
    uint32_t cards;       /* ... the address at context + cards becomes 1 */
    uint32_t poll_flag;   /* ... the i32 at context + poll_flag, and if that is not 0 calls ... */
    uint32_t poll_callee; /* ... this helper, which has no parameters and no results */
};

/** What the functions of a module have in common. The front-end builds it; everything else only
 * reads it. */
struct ir_module {
    const uint8_t *types;
    const struct ir_signature *signatures;
    const struct ir_callee *callees;
    const struct ir_memory *memories;
    uint32_t type_count, signature_count, callee_count, memory_count;
    struct ir_collector collector;
    /** Some function ends in a tail call with another context, so that a call of any function may
     * return with another context than it had. Only callers through code and context are prepared
     * for that without being told. */
    bool moves_context;
};

struct fold;

struct ir_function {
    struct arena *arena;
    const struct ir_module *module;
    uint32_t callee;   /* its own number among the module's callees */
    enum status error; /* OK, or why building stopped: E_NOMEM, E_OVERFLOW */

    struct ir_instr *instrs;
    uint32_t *locations;     /* by instruction: offset in the source, for traps and calls */
    struct ir_block *blocks; /* block 0 is the entry; its parameters are the function's */
    struct ir_edge *edges;
    struct ir_memref *memrefs;
    struct ir_slot *slots;
    uint32_t *pool; /* operands of calls, arguments of edges */
    uint32_t instr_count, block_count, edge_count, memref_count, slot_count, pool_count;

    /* Used by the builder only. */
    uint32_t instr_capacity, location_capacity, block_capacity, edge_capacity, memref_capacity,
        slot_capacity, pool_capacity;
    uint32_t *memref_table; /* hash of memrefs: index + 1, or 0 */
    uint32_t memref_table_size;
    uint32_t current;  /* block to which instructions are added, or IR_NONE */
    uint32_t location; /* location that they get */
    /* used by ir_build(): the values built so far (kernel/jit/opt/fold.h), or NULL */
    struct fold *fold;
};

static inline bool ir_is_integer(unsigned type)
{
    return type == IR_I32 || type == IR_I64;
}

static inline bool ir_is_float(unsigned type)
{
    return type == IR_F32 || type == IR_F64;
}

static inline bool ir_is_managed(unsigned type)
{
    return type == IR_REF || type == IR_DERIVED;
}

/** "i32" and so on. */
const char *ir_type_name(unsigned type);
/** Bytes of a value of the type in memory; 0 for IR_VOID. */
unsigned ir_type_size(unsigned type);
/** Lanes of a shape; of IR_SHAPE_V128: 1. */
unsigned ir_shape_lanes(unsigned shape);
/** Scalar type of a lane: i32 for the small integers. IR_VOID: the shape has no lanes. */
unsigned ir_shape_scalar(unsigned shape);
/** Bytes that an access touches. */
unsigned ir_access_size(unsigned access, unsigned type);
/** Names in the textual form, by number. */
extern const char *const ir_trap_names[IR_TRAP_COUNT];
extern const char *const ir_space_names[IR_SPACE_COUNT];
extern const char *const ir_access_names[IR_ACCESS_COUNT]; /* for IR_ACCESS_FULL: "" */

/** Whether there can be several memories of this kind. */
static inline bool ir_space_is_numbered(unsigned space)
{
    return space == IR_SPACE_MEMORY || space == IR_SPACE_SLOT;
}

/** The signature of a call of any kind. */
const struct ir_signature *ir_call_signature(const struct ir_function *f, const struct ir_instr *i);
/** Whether it is a call that returns along one edge or unwinds along another. */
static inline bool ir_invokes(const struct ir_instr *i)
{
    return i->op == IR_INVOKE || i->op == IR_INVOKE_INDIRECT;
}
/** Whether it calls through code and context. */
static inline bool ir_calls_indirectly(const struct ir_instr *i)
{
    unsigned form = ir_op_info[i->op].form;
    return form == IR_FORM_CALL_INDIRECT || form == IR_FORM_INVOKE_INDIRECT;
}
/** How many words of a call come before its operands in the pool: the two edges of an invoke. */
static inline uint32_t ir_call_edges(const struct ir_instr *i)
{
    return ir_invokes(i) ? 2 : 0;
}
/** How many words of a call come before its arguments in the pool: the two edges of an invoke, and
 * code and context of an indirect call. */
static inline uint32_t ir_call_skips(const struct ir_instr *i)
{
    return ir_call_edges(i) + (ir_calls_indirectly(i) ? 2 : 0);
}
/** Where the further results of a call are, if there are any: after it, or at the start of the
 * block to which an invoke returns. That block has no parameters and no other predecessor. */
uint32_t ir_first_result(const struct ir_function *f, uint32_t call);
/** The bits of a constant. */
static inline uint64_t ir_const_bits(const struct ir_instr *i)
{
    return i->a | (uint64_t)i->b << 32;
}

/** Which fields of an instruction are operands, by form. */
enum ir_operand_field {
    IR_OPERAND_A = 1, /**< unless it is IR_NONE */
    IR_OPERAND_B = 2,
    IR_OPERAND_C = 4,
    IR_OPERAND_POOL = 8, /**< those in the pool; of an invoke those after its two edges */
};
extern const uint8_t ir_operand_fields[IR_FORM_COUNT];

/** @brief Call fn with a pointer to each operand of an instruction that is a value. Arguments of
 * edges are not operands. fn may change the operand. */
static ALWAYS_INLINE void ir_for_each_operand(struct ir_function *f, struct ir_instr *i,
                                              void (*fn)(void *ctx, uint32_t *value), void *ctx)
{
    unsigned form = ir_op_info[i->op].form, fields = ir_operand_fields[form];
    if ((fields & IR_OPERAND_A) != 0 && i->a != IR_NONE) {
        fn(ctx, &i->a);
    }
    if ((fields & IR_OPERAND_B) != 0) {
        fn(ctx, &i->b);
    }
    if ((fields & IR_OPERAND_C) != 0) {
        fn(ctx, &i->c);
    }
    if ((fields & IR_OPERAND_POOL) != 0) {
        uint32_t count = form == IR_FORM_COMPARE_SWAP ? 2 : i->c;
        for (uint32_t n = ir_call_edges(i); n < count; n++) {
            fn(ctx, &f->pool[i->b + n]);
        }
    }
}

/** @brief The number of edges that leave at a terminator. */
static inline uint32_t ir_edge_count(const struct ir_function *f, const struct ir_instr *terminator)
{
    (void)f;
    switch ((enum ir_form)ir_op_info[terminator->op].form) {
    case IR_FORM_JUMP:
        return 1;
    case IR_FORM_BRANCH:
    case IR_FORM_INVOKE:
    case IR_FORM_INVOKE_INDIRECT:
        return 2;
    case IR_FORM_SWITCH:
        return terminator->c;
    default:
        return 0;
    }
}

/** @brief The n-th edge that leaves at a terminator. */
static inline uint32_t ir_edge_of(const struct ir_function *f, const struct ir_instr *terminator,
                                  uint32_t n)
{
    switch ((enum ir_form)ir_op_info[terminator->op].form) {
    case IR_FORM_JUMP:
        return terminator->a;
    case IR_FORM_BRANCH:
        return n == 0 ? terminator->b : terminator->c;
    case IR_FORM_INVOKE:
    case IR_FORM_INVOKE_INDIRECT:
        return f->pool[terminator->b + n];
    case IR_FORM_SWITCH:
        return terminator->b + n;
    default:
        return IR_NONE;
    }
}

/* ---- Building ---- */

/** @brief An empty function. @return NULL: no memory. @context{thread} */
struct ir_function *ir_function_new(struct arena *a, const struct ir_module *module,
                                    uint32_t callee);

/** @brief A new block, without instructions. */
uint32_t ir_block_new(struct ir_function *f);
/** @brief Add instructions to this block from now on. It must be empty, and the previous block must
 * have its terminator. */
void ir_block_start(struct ir_function *f, uint32_t block);

/** @brief Add a parameter to the current block, which must have no other instructions yet. */
uint32_t ir_param(struct ir_function *f, unsigned type);

/** @brief Append an instruction, without simplification, to the current block.
 * @return its value. */
uint32_t ir_emit(struct ir_function *f, unsigned op, unsigned type, uint32_t a, uint32_t b,
                 uint32_t c);

/** @brief An edge; args are copied. */
uint32_t ir_edge(struct ir_function *f, uint32_t to, const uint32_t *args, uint32_t count);
/**
 * @brief Reserve `count` words in the pool and copy `words` there; NULL: zeros.
 * @return their index.
 */
uint32_t ir_pool(struct ir_function *f, const uint32_t *words, uint32_t count);
/** @brief The table's index of a memory reference. Adds it if it is new. */
uint32_t ir_memref(struct ir_function *f, const struct ir_memref *memref);
/** @brief A slot of the frame. */
uint32_t ir_slot(struct ir_function *f, uint32_t size, uint32_t align);

/** @brief A constant of a scalar type. For i32 and f32 the high half must be 0. */
uint32_t ir_const(struct ir_function *f, unsigned type, uint64_t bits);

/** @brief A constant v128. */
uint32_t ir_const_vector(struct ir_function *f, uint64_t lo, uint64_t hi);
/** @brief i8x16_shuffle: result byte n is byte lanes[n] of a, or, from 16 on, byte lanes[n] -
 * 16 of b. */
uint32_t ir_shuffle(struct ir_function *f, uint32_t a, uint32_t b, const uint8_t lanes[16]);
/**
 * @brief Emit an instruction in its simplest equivalent form: constants are computed, identities
 * are applied, comparisons and addresses get one canonical form, and a value that the block already
 * has is not built again.
 * @return a value of the same type that equals the result: perhaps an earlier one, a constant or an
 * operand. Meaningless for an operation without result.
 */
uint32_t ir_build(struct ir_function *f, unsigned op, unsigned type, uint32_t a, uint32_t b,
                  uint32_t c);
/** @brief ir_build() of a constant. */
uint32_t ir_build_const(struct ir_function *f, unsigned type, uint64_t bits);

/** @brief The last instruction of a block. */
static inline const struct ir_instr *ir_terminator(const struct ir_function *f, uint32_t block)
{
    const struct ir_block *b = &f->blocks[block];
    return &f->instrs[b->first + b->count - 1];
}
