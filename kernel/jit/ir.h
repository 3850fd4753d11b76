// SPDX-License-Identifier: MIT
//
// The intermediate representation: what front-ends build, passes rewrite and back-ends read.
//
// A function is typed SSA in arrays of indices, all of them in one arena; there are no pointers, so
// a function can be printed, parsed, copied and grown. A value is the index of the instruction that
// defines it. Instructions of a block lie together, its parameters first, one terminator last.
// Control flow goes along edges, which carry the arguments for the parameters of the block they
// lead to.
//
// No pass edits a function: it reads one and builds another, through the same calls as a front-end.
//
// Nothing here knows a source language or a machine. What a language needs from memory is a space
// (enum ir_space), from the world a callee (struct ir_callee), from the collector a reference type.
//
// Building never fails at the call: when memory or a limit is exhausted the function remembers it
// (ir_function.error), further calls do nothing and return value 0, and the builder looks once, at
// the end.
#pragma once

#include "kernel/jit/arena.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** "No value", "no block": never an index. */
#define IR_NONE UINT32_MAX

/** An i32 lives in the low half of a register whose high half is zero. */
enum ir_type {
    IR_VOID, /**< the instruction defines no value */
    IR_I32,
    IR_I64,
    IR_F32,
    IR_F64,
    IR_V128,
    IR_REF,     /**< a managed object, or null: the collector sees it and may move it */
    IR_DERIVED, /**< an address inside a managed object, kept with that object over safe points.
                   Never passed to a function, returned, selected or in memory */
    IR_TYPE_COUNT,
};

/** What a, b and c of an instruction hold: values, unless something else is said. */
enum ir_form {
    IR_FORM_NONE,
    IR_FORM_CONST,  /**< a, b: low and high half of the bits */
    IR_FORM_PARAM,  /**< a: which parameter of its block */
    IR_FORM_RESULT, /**< a: the call, b: which of its results, from 1 */
    IR_FORM_SLOT,   /**< a: slot of the frame */
    IR_FORM_UNARY,  /**< a */
    IR_FORM_BINARY, /**< a, b */
    IR_FORM_SELECT, /**< a: i32 (or, of vectors, a mask), b, c */
    IR_FORM_LOAD,   /**< a: index or IR_NONE, c: place */
    IR_FORM_STORE,  /**< a: index or IR_NONE, b: value, c: place */
    IR_FORM_COPY,   /**< a: to, b: from, c: bytes; the blocks may be the same, not overlap otherwise
                     */
    IR_FORM_ZERO,   /**< a: address, c: bytes */
    IR_FORM_CALL,   /**< a: callee, b: operands in the pool, c: how many */
    IR_FORM_CALL_INDIRECT, /**< a: signature, b: pool (code, context, arguments), c: how many */
    IR_FORM_TRAP_IF,       /**< a: condition, b: enum ir_trap */
    IR_FORM_JUMP,          /**< a: edge */
    IR_FORM_BRANCH,        /**< a: i32, b: edge if it is not 0, c: edge if it is 0 */
    IR_FORM_SWITCH,        /**< a: i32, b: first edge, c: how many; the last one is the default */
    IR_FORM_RETURN,        /**< b: values in the pool, c: how many */
    IR_FORM_TRAP,          /**< b: enum ir_trap */
    IR_FORM_INVOKE, /**< a: callee, b: pool (normal edge, unwind edge, arguments), c: arguments + 2
                     */
    IR_FORM_VECTOR_CONST, /**< a: its 128 bits in the pool, four words, the lowest first */
    IR_FORM_EXTRACT_LANE, /**< a, b: number of the lane */
    IR_FORM_REPLACE_LANE, /**< a: vector, b: scalar, c: number of the lane */
    IR_FORM_SHUFFLE, /**< a, b, c: 16 bytes in the pool, four words: which of the 32 of a and b */
    IR_FORM_COUNT,
};

/** How types of operands and result belong together; the verifier's table has one line for each. */
enum ir_typing {
    IR_TYPES_NOTHING,   /**< no operands of the checked kind, no result */
    IR_TYPES_ANY,       /**< operands and result have one type, whatever it is */
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
    IR_TYPES_LOADED,    /**< as the place says */
    IR_TYPES_STORED,
    IR_TYPES_STORED_REF,
    IR_TYPES_BYTES,
    IR_TYPES_CALLS,        /**< as the callee's signature says */
    IR_TYPES_CONDITION,    /**< operand i32, no result */
    IR_TYPES_VECTOR,       /**< v128, all of them */
    IR_TYPES_VECTOR_SHIFT, /**< v128 by i32 */
    IR_TYPES_TESTS_VECTOR, /**< v128 to i32 */
    IR_TYPES_SPLATS,       /**< what a lane of the shape is as a scalar, to v128 */
    IR_TYPES_EXTRACTS,
    IR_TYPES_REPLACES,
};

/** How a v128 is divided into lanes. */
enum ir_shape {
    IR_SHAPE_NONE, /**< no operation on vectors */
    IR_SHAPE_V128, /**< not at all */
    IR_SHAPE_I8X16,
    IR_SHAPE_I16X8,
    IR_SHAPE_I32X4,
    IR_SHAPE_I64X2,
    IR_SHAPE_F32X4,
    IR_SHAPE_F64X2,
    IR_SHAPE_COUNT,
};

enum ir_op_flag {
    IR_PURE = 1, /**< the same operands give the same result, always, and nothing else happens */
    IR_COMMUTES = 2, /**< a and b may be exchanged */
    IR_TRAPS = 4,    /**< may trap: must not be moved over another effect, nor removed */
    IR_READS = 8,    /**< memory of the place's class */
    IR_WRITES = 16,
    IR_CALLS = 32, /**< may do whatever the callee says */
    IR_ENDS = 64,  /**< terminator */
};

enum ir_op {
#define IR_OP(name, text, form, types, flags) IR_##name,
#include "kernel/jit/ir/ir_ops.def"
#undef IR_OP
    IR_OP_COUNT,
};

/** What an operation on vectors does with lanes, whatever their shape. */
enum ir_lane_op {
    IR_LANE_NONE,
#define IR_VECTOR(operation, text, shapes, form, types, flags) IR_LANE_##operation,
#include "kernel/jit/ir/ir_vector_ops.def"
};

struct ir_op_info {
    const char *text;
    uint8_t form, typing, flags;
    uint8_t shape, lane_op; /* enum ir_shape, enum ir_lane_op: 0 of scalar operations */
};
/** By enum ir_op. */
extern const struct ir_op_info ir_op_info[IR_OP_COUNT];

/** Why a program stops: what the program's own language calls it is the front-end's. */
enum ir_trap {
    IR_TRAP_UNREACHABLE, /**< the program said that it never comes here */
    IR_TRAP_MEMORY,      /**< outside a memory */
    IR_TRAP_DIVIDE,      /**< by zero */
    IR_TRAP_OVERFLOW,    /**< an integer result that does not fit */
    IR_TRAP_CONVERSION,  /**< a NaN to an integer */
    IR_TRAP_TABLE,       /**< outside a table */
    IR_TRAP_NULL,        /**< a null reference, or an empty element of a table */
    IR_TRAP_SIGNATURE,   /**< a call through a table to a function of another type */
    IR_TRAP_STACK,       /**< too many calls inside each other */
    IR_TRAP_NO_MEMORY,   /**< none for a call's arguments or stack: nothing of it was run */
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
    IR_SAFE_POINT = 1, /**< of a call: references that live over it are found by the collector */
    IR_RARE = 2,       /**< of a jump: the block that it ends is seldom run. Made by lowering */
};

/** What memory an access is about. */
enum ir_space {
    IR_SPACE_MEMORY, /**< sandboxed memory `number`: base + index, zero-extended, + offset; traps */
    IR_SPACE_CONTEXT, /**< context + offset; no index, no trap */
    IR_SPACE_ADDRESS, /**< index, an i64 address that the front-end vouches for, + offset; no trap
                       */
    IR_SPACE_SLOT,    /**< slot `number` of the frame + offset; no index, no trap */
    IR_SPACE_OBJECT,  /**< index, a reference or derived, + offset; null traps */
    IR_SPACE_COUNT,
};

/** How many bytes, and how they become a value: narrow ones are extended to the result's type. */
enum ir_access {
    IR_ACCESS_FULL, /**< as wide as the type */
    IR_ACCESS_8_S,
    IR_ACCESS_8_U,
    IR_ACCESS_16_S,
    IR_ACCESS_16_U,
    IR_ACCESS_32_S, /**< i64 only; of a store: the low half */
    IR_ACCESS_32_U,
    IR_ACCESS_8_SPLAT, /**< loads of v128 only, from here on: to every lane */
    IR_ACCESS_16_SPLAT,
    IR_ACCESS_32_SPLAT,
    IR_ACCESS_64_SPLAT,
    IR_ACCESS_8X8_S, /**< 8 bytes, each lane extended to twice its width */
    IR_ACCESS_8X8_U,
    IR_ACCESS_16X4_S,
    IR_ACCESS_16X4_U,
    IR_ACCESS_32X2_S,
    IR_ACCESS_32X2_U,
    IR_ACCESS_32_ZERO, /**< to the lowest bits, the rest is 0 */
    IR_ACCESS_64_ZERO,
    IR_ACCESS_COUNT,
};

/** Where a load or store goes. Little-endian, any alignment. Equal places are one entry of the
 * table. */
struct ir_place {
    uint64_t offset; /* bytes; MEMORY: the sum with the index does not wrap */
    uint32_t number; /* memory or slot */
    uint8_t space, access;
    uint8_t alias_class; /* accesses of different classes never touch the same byte */
    uint8_t is_constant; /* of a load: nothing ever writes there while the function runs */
};

/** From the end of one block to the start of another. */
struct ir_edge {
    uint32_t to;    /* block */
    uint32_t args;  /* in the pool */
    uint32_t count; /* of args: as many as `to` has parameters */
};

struct ir_block {
    uint32_t first, count; /* instructions */
    uint32_t params;       /* how many of them, at the start */
};

/** Bytes of the frame that live as long as the call. */
struct ir_slot {
    uint32_t size, align; /* bytes; align is a power of two, at most 64 */
};

struct ir_signature {
    uint32_t types; /* in the module's types: parameters, then results; never IR_VOID */
    uint32_t params, results;
};

enum ir_callee_kind {
    IR_CALLEE_FUNCTION, /**< of this module, compiled, with the caller's context */
    IR_CALLEE_HELPER,   /**< a C function of the runtime, whose address is at context + entry: its
                           first parameter is the context, then at most 5 integers; at most one
                           integer result */
    IR_CALLEE_HOST, /**< as a helper, but its first parameter is the word at context + entry + 8:
                       what belongs to the function, not to its caller */
};

/** What a call can mean: a function of this module, or one in C. */
struct ir_callee {
    const char *name; /* for people; lives as long as the module */
    uint32_t signature;
    uint8_t effects; /* IR_TRAPS, IR_READS, IR_WRITES: what the callee may do at most */
    uint8_t kind;    /* enum ir_callee_kind */
    uint32_t entry;  /* of a function in C: bytes from the context */
};

/** A memory whose addresses the program computes. Its base never changes while a context lives;
 * that of memory 0 is at context + 0. */
struct ir_memory {
    uint64_t guard_bytes; /* behind the largest index: an access that ends below needs no check */
    uint32_t base;        /* at context + base: its address, 64 bits */
    uint32_t length;      /* at context + length: the address of its length in bytes, 64 bits */
};

/**
 * What a collector wants of compiled code besides the rows of safe points. Zeroed: no polls, and no
 * barrier. `poll` and `store_ref` become ordinary operations by it (kernel/jit/opt/lower.h).
 */
struct ir_collector {
    bool polls;           /* a poll looks at ... */
    bool marks_cards;     /* a reference that is stored to an object marks a card: the byte ... */
    uint8_t card_shift;   /* ... (address of the field >> card_shift) behind ... */
    uint32_t cards;       /* ... the address at context + cards becomes 1 */
    uint32_t poll_flag;   /* ... the i32 at context + poll_flag: if it is not 0, it calls ... */
    uint32_t poll_callee; /* ... this helper, which has no parameters and no results */
};

/** What the functions of a module have in common. Built by the front-end, read by all. */
struct ir_module {
    const uint8_t *types;
    const struct ir_signature *signatures;
    const struct ir_callee *callees;
    const struct ir_memory *memories;
    uint32_t type_count, signature_count, callee_count, memory_count;
    struct ir_collector collector;
};

struct fold;

struct ir_function {
    struct arena *arena;
    const struct ir_module *module;
    uint32_t callee;   /* which of the module's it is */
    enum status error; /* OK, or why building stopped: E_NOMEM, E_OVERFLOW */

    struct ir_instr *instrs;
    uint32_t *locations;     /* by instruction: offset in the source, for traps and calls */
    struct ir_block *blocks; /* 0 is the entry; its parameters are the function's */
    struct ir_edge *edges;
    struct ir_place *places;
    struct ir_slot *slots;
    uint32_t *pool; /* operands of calls, arguments of edges */
    uint32_t instr_count, block_count, edge_count, place_count, slot_count, pool_count;

    /* Of the builder. */
    uint32_t instr_capacity, location_capacity, block_capacity, edge_capacity, place_capacity,
        slot_capacity, pool_capacity;
    uint32_t *place_table; /* hash of places: index + 1, or 0 */
    uint32_t place_table_size;
    uint32_t current;  /* block that instructions go to, or IR_NONE */
    uint32_t location; /* that they get */
    struct fold *fold; /* of ir_build(): what was built before (kernel/jit/opt/fold.h), or NULL */
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
/** Type of a lane as a scalar: i32 for the small integers. IR_VOID: the shape has no lanes. */
unsigned ir_shape_scalar(unsigned shape);
/** Bytes that an access touches. */
unsigned ir_access_size(unsigned access, unsigned type);
/** Words of the textual form, by number. */
extern const char *const ir_trap_names[IR_TRAP_COUNT];
extern const char *const ir_space_names[IR_SPACE_COUNT];
extern const char *const ir_access_names[IR_ACCESS_COUNT]; /* of IR_ACCESS_FULL: "" */

/** Whether there can be several memories of the kind. */
static inline bool ir_space_is_numbered(unsigned space)
{
    return space == IR_SPACE_MEMORY || space == IR_SPACE_SLOT;
}

/** The signature of a call, indirect call or invoke. */
const struct ir_signature *ir_call_signature(const struct ir_function *f, const struct ir_instr *i);
/** The bits of a constant. */
static inline uint64_t ir_const_bits(const struct ir_instr *i)
{
    return i->a | (uint64_t)i->b << 32;
}

/** Which fields of an instruction are operands, by form. */
enum ir_operand_field {
    IR_OPERAND_A = 1, /**< if it is not IR_NONE */
    IR_OPERAND_B = 2,
    IR_OPERAND_C = 4,
    IR_OPERAND_POOL = 8, /**< those in the pool; of an invoke behind its two edges */
};
extern const uint8_t ir_operand_fields[IR_FORM_COUNT];

/**
 * @brief Call fn with a pointer to each operand of an instruction that is a value; arguments of
 * edges are not operands. fn may change it.
 */
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
        for (uint32_t n = form == IR_FORM_INVOKE ? 2 : 0; n < i->c; n++) {
            fn(ctx, &f->pool[i->b + n]);
        }
    }
}

/** @brief How many edges leave at a terminator. */
static inline uint32_t ir_edge_count(const struct ir_function *f, const struct ir_instr *terminator)
{
    (void)f;
    switch ((enum ir_form)ir_op_info[terminator->op].form) {
    case IR_FORM_JUMP:
        return 1;
    case IR_FORM_BRANCH:
    case IR_FORM_INVOKE:
        return 2;
    case IR_FORM_SWITCH:
        return terminator->c;
    default:
        return 0;
    }
}

/** @brief The n-th of the edges that leave at a terminator. */
static inline uint32_t ir_edge_of(const struct ir_function *f, const struct ir_instr *terminator,
                                  uint32_t n)
{
    switch ((enum ir_form)ir_op_info[terminator->op].form) {
    case IR_FORM_JUMP:
        return terminator->a;
    case IR_FORM_BRANCH:
        return n == 0 ? terminator->b : terminator->c;
    case IR_FORM_INVOKE:
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
/** @brief Have what is emitted from here on go to this block, which has none yet; the one before
 * has its terminator. */
void ir_block_start(struct ir_function *f, uint32_t block);

/** @brief A parameter of the current block, which has no other instructions yet. */
uint32_t ir_param(struct ir_function *f, unsigned type);

/** @brief An instruction as it is, at the end of the current block. @return its value. */
uint32_t ir_emit(struct ir_function *f, unsigned op, unsigned type, uint32_t a, uint32_t b,
                 uint32_t c);

/** @brief An edge; args are copied. */
uint32_t ir_edge(struct ir_function *f, uint32_t to, const uint32_t *args, uint32_t count);
/** @brief `count` words in the pool; those at `words` are copied, or they are 0 if it is NULL.
 * @return their index. */
uint32_t ir_pool(struct ir_function *f, const uint32_t *words, uint32_t count);
/** @brief The table's entry for a place, new if there is none like it. */
uint32_t ir_place(struct ir_function *f, const struct ir_place *place);
/** @brief A slot of the frame. */
uint32_t ir_slot(struct ir_function *f, uint32_t size, uint32_t align);

/** @brief A constant of a scalar type; of an i32 and f32 the high half is 0. */
uint32_t ir_const(struct ir_function *f, unsigned type, uint64_t bits);

/** @brief A constant v128. */
uint32_t ir_const_vector(struct ir_function *f, uint64_t lo, uint64_t hi);
/** @brief i8x16_shuffle: lane n is byte lanes[n] of a, or, from 16 on, of b. */
uint32_t ir_shuffle(struct ir_function *f, uint32_t a, uint32_t b, const uint8_t lanes[16]);
/**
 * @brief Emit, but simpler if there is a simpler way: constants are computed, identities are used,
 * comparisons and addresses are brought into one form each, a value that the block has already is
 * not built again.
 * @return a value that equals what was asked for, of the same type: perhaps an old one, a constant,
 * or an operand. Of an operation without result: nothing of use.
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
