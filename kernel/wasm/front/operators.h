// SPDX-License-Identifier: MIT
//
// Tables of operators: the immediates that follow each operator in a body, and its meaning.
#pragma once

#include "kernel/wasm/front/reader.h"

/** The immediates of an operator. */
enum wasm_shape {
    WASM_SHAPE_ILLEGAL, /**< no such operator */
    WASM_SHAPE_NONE,
    WASM_SHAPE_STOP,       /**< none; the code after it is unreachable */
    WASM_SHAPE_BLOCK,      /**< block type; a block begins */
    WASM_SHAPE_LOOP,       /**< the same */
    WASM_SHAPE_IF,         /**< the same */
    WASM_SHAPE_ELSE,       /**< none */
    WASM_SHAPE_END,        /**< none; a block ends */
    WASM_SHAPE_BR,         /**< u32, a label; the code after it is unreachable */
    WASM_SHAPE_BR_IF,      /**< u32, a label */
    WASM_SHAPE_LOCAL,      /**< u32, a local */
    WASM_SHAPE_LOCAL_SET,  /**< the same; the local is set */
    WASM_SHAPE_INDEX,      /**< u32 */
    WASM_SHAPE_INDEX2,     /**< two u32 */
    WASM_SHAPE_STOP_INDEX, /**< u32; the code after it is unreachable */
    WASM_SHAPE_STOP_INDEX2,
    WASM_SHAPE_CALL,          /**< u32; may throw */
    WASM_SHAPE_CALL_INDIRECT, /**< two u32; may throw */
    WASM_SHAPE_THROW,         /**< none; throws */
    WASM_SHAPE_THROW_INDEX,   /**< u32; throws */
    WASM_SHAPE_RETHROW,       /**< u32, a label; throws */
    WASM_SHAPE_TRY_TABLE,     /**< block type, clauses; a block begins */
    WASM_SHAPE_TRY,           /**< block type; a block begins */
    WASM_SHAPE_CATCH,         /**< u32; a handler begins */
    WASM_SHAPE_CATCH_ALL,     /**< none; the same */
    WASM_SHAPE_DELEGATE,      /**< u32, a label; a block ends */
    WASM_SHAPE_BR_TABLE,      /**< a vector of labels, and the default */
    WASM_SHAPE_TYPES,         /**< a vector of value types */
    WASM_SHAPE_TYPE,          /**< a heap type */
    WASM_SHAPE_MEMORY,        /**< alignment, perhaps a memory, offset */
    WASM_SHAPE_I32,
    WASM_SHAPE_I64,
    WASM_SHAPE_F32,
    WASM_SHAPE_F64,
    WASM_SHAPE_LANE,        /**< a byte */
    WASM_SHAPE_LANES,       /**< 16 bytes: a vector, or numbers of lanes */
    WASM_SHAPE_MEMORY_LANE, /**< as MEMORY, then a byte */
};

/** What the builder does for an operator. */
enum wasm_action {
    WASM_ACTION_UNREACHABLE,
    WASM_ACTION_NOP,
    WASM_ACTION_BLOCK,
    WASM_ACTION_LOOP,
    WASM_ACTION_IF,
    WASM_ACTION_ELSE,
    WASM_ACTION_END,
    WASM_ACTION_BR,
    WASM_ACTION_BR_IF,
    WASM_ACTION_BR_TABLE,
    WASM_ACTION_RETURN,
    WASM_ACTION_CALL,
    WASM_ACTION_CALL_INDIRECT,
    WASM_ACTION_CALL_REF,
    WASM_ACTION_RETURN_CALL,
    WASM_ACTION_RETURN_CALL_INDIRECT,
    WASM_ACTION_RETURN_CALL_REF,
    WASM_ACTION_TRY_TABLE,
    WASM_ACTION_TRY,
    WASM_ACTION_CATCH,
    WASM_ACTION_CATCH_ALL,
    WASM_ACTION_DELEGATE,
    WASM_ACTION_THROW,
    WASM_ACTION_RETHROW,
    WASM_ACTION_THROW_REF,
    WASM_ACTION_DROP,
    WASM_ACTION_SELECT,
    WASM_ACTION_SELECT_TYPED,
    WASM_ACTION_LOCAL_GET,
    WASM_ACTION_LOCAL_SET,
    WASM_ACTION_LOCAL_TEE,
    WASM_ACTION_GLOBAL_GET,
    WASM_ACTION_GLOBAL_SET,
    WASM_ACTION_TABLE_GET,
    WASM_ACTION_TABLE_SET,
    WASM_ACTION_LOAD,  /**< described by the table: out, op (an access), extra (alignment) */
    WASM_ACTION_STORE, /**< in, op, extra */
    WASM_ACTION_MEMORY_SIZE,
    WASM_ACTION_MEMORY_GROW,
    WASM_ACTION_CONST_I32,
    WASM_ACTION_CONST_I64,
    WASM_ACTION_CONST_F32,
    WASM_ACTION_CONST_F64,
    WASM_ACTION_UNARY,  /**< in -> out by op */
    WASM_ACTION_BINARY, /**< in, in -> out by op; extra: WASM_SWAP */
    WASM_ACTION_REF_NULL,
    WASM_ACTION_REF_IS_NULL,
    WASM_ACTION_REF_FUNC,
    WASM_ACTION_REF_AS_NON_NULL,
    WASM_ACTION_BR_ON_NULL,
    WASM_ACTION_BR_ON_NON_NULL,
    WASM_ACTION_MEMORY_INIT,
    WASM_ACTION_DATA_DROP,
    WASM_ACTION_MEMORY_COPY,
    WASM_ACTION_MEMORY_FILL,
    WASM_ACTION_TABLE_INIT,
    WASM_ACTION_ELEM_DROP,
    WASM_ACTION_TABLE_COPY,
    WASM_ACTION_TABLE_GROW,
    WASM_ACTION_TABLE_SIZE,
    WASM_ACTION_TABLE_FILL,
    WASM_ACTION_VECTOR, /**< handled in vector.c */
    WASM_ACTION_ATOMIC, /**< handled in atomic.c */
    WASM_ACTION_COUNT,
};

#define WASM_SWAP 1

/** In the alignment of an access: a memory follows. */
#define WASM_ALIGN_HAS_MEMORY 0x40u

struct wasm_operator {
    const char *name;
    uint8_t shape;   /* enum wasm_shape */
    uint8_t action;  /* enum wasm_action */
    uint8_t in, out; /* enum wasm_type, or 0 */
    uint16_t op;     /* enum ir_op or enum ir_access */
    uint8_t extra;
};

/** By byte. */
extern const struct wasm_operator wasm_operators[256];

/** Prefixes: first bytes of operators with more than one. */
enum { WASM_PREFIX_MORE = 0xfc, WASM_PREFIX_VECTOR = 0xfd, WASM_PREFIX_ATOMIC = 0xfe };

/** @brief The operator with prefix 0xfc, 0xfd or 0xfe and this
 * number. @return NULL: there is none. */
const struct wasm_operator *wasm_more_operator(uint32_t number);
const struct wasm_operator *wasm_vector_operator(uint32_t number);
const struct wasm_operator *wasm_atomic_operator(uint32_t number);

/** @brief Read the rest of an operator with a prefix. @param number  Of a vector operator. @return
 * NULL: an error is recorded. */
const struct wasm_operator *wasm_prefixed_operator(struct wasm_reader *r, uint8_t prefix,
                                                   uint32_t *number);

/** Kinds of clauses of a try_table. */
enum {
    WASM_CATCH,
    WASM_CATCH_REF,
    WASM_CATCH_ALL,
    WASM_CATCH_ALL_REF,
};

/** @brief Read the next clause of a try_table. The tag is 0 if the kind has none. */
bool wasm_clause(struct wasm_reader *r, uint8_t *kind, uint32_t *tag, uint32_t *label);
/** @brief Skip all clauses of one. */
bool wasm_skip_clauses(struct wasm_reader *r);

/** @brief Skip the immediates of an operator. */
bool wasm_skip_immediates(struct wasm_reader *r, unsigned shape);
