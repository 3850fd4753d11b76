// SPDX-License-Identifier: MIT
//
// Random valid WebAssembly modules from a seed, for comparing engines: shared by the files here.
//
// Every module terminates: loops count down or use up fuel (a global that each export sets), calls
// use fuel and track their depth. Every module is deterministic: arithmetic may produce any NaN, so
// a float is made canonical wherever its bits are visible. Exported functions have no parameters
// and one i64 result that mixes everything they computed; the last one mixes all of memory and all
// globals. Traps are likely, but leave room for everything else.
//
// Modules of every fourth seed are full of references, and some of their functions end only by a
// trap. Results of relaxed vector operators that differ between engines are possible only in
// modules of odd seeds: those are for engines that make the same choice.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* References are no types of expressions: reference.c makes them. */
enum gen_type {
    T_I32,
    T_I64,
    T_F32,
    T_F64,
    T_V128,
    T_COUNT,
    T_FUNCREF = T_COUNT,
    T_EXTERNREF,
    T_EXNREF
};

#define FUNCTIONS_MAX 16
#define TYPES_MAX     256
#define PARAMS_MAX    12
#define RESULTS_MAX   6
#define LOCALS_MAX    120
#define LABELS_MAX    40
#define GLOBALS_MAX   16
#define TABLES_MAX    2
#define TAGS_MAX      4
#define TAG_PARAMS    3
#define SEGMENTS_MAX  4
#define REFERENCES    5 /* locals; the last one is an externref */
#define INDICES       2 /* locals */
#define INDEX_MASK    3 /* every table has more elements */

#define MEMORY_PAGES_MAX 3
#define PAGE             65536u
#define FUEL             150 /* of an export: calls and loop iterations */
#define DEPTH_MAX        12  /* of nested calls */

struct bytes {
    uint8_t *data;
    size_t len, capacity;
};

struct func_type {
    uint8_t params[PARAMS_MAX], results[RESULTS_MAX];
    uint8_t param_count, result_count;
};

/** The types that a branch to a label carries, and whether it branches back. */
struct label {
    const uint8_t *types;
    uint8_t count;
    bool is_loop;
    bool is_usable;  /* false: the label of a loop with its own counter, or of an exnref */
    bool is_handler; /* of an older try, whose handler this is */
};

struct table {
    uint32_t size, max;
    uint32_t functions[32]; /* initialized by the active segment */
};

/** What a module does beyond scalar arithmetic. */
enum gen_kind { KIND_PLAIN, KIND_VECTORS, KIND_RELAXED, KIND_EXCEPTIONS, KIND_COUNT };

/** Relaxed vector operators: with operands for which every engine has the same result, or any. */
enum relaxes { RELAXES_NOTHING, RELAXES_ALIKE, RELAXES_FREELY };

/** How a module catches exceptions: by try_table, or by the older instructions. */
enum throws { THROWS_NOTHING, THROWS_REFERENCES, THROWS_OLD };

#define FIRST_RELAXED 256u /* opcodes of relaxed operators are not below */

struct gen {
    uint64_t state; /* of the random number generator */
    bool has_vectors;
    enum relaxes relaxes;
    enum throws throws;
    bool has_references; /* reference.c */
    struct bytes code;   /* of the function being generated */
    struct func_type types[TYPES_MAX];
    uint32_t type_count;
    uint32_t functions[FUNCTIONS_MAX]; /* type, by index */
    bool is_plain[FUNCTIONS_MAX];      /* has no calls and no loops, so it needs no fuel */
    bool is_endless[FUNCTIONS_MAX];    /* ends only by a trap, so it is seldom called */
    uint32_t function_count;
    uint8_t globals[GLOBALS_MAX]; /* types; the first two are fuel and depth */
    bool is_mutable[GLOBALS_MAX];
    uint32_t global_count;
    struct table tables[TABLES_MAX];
    uint32_t table_count;
    uint32_t tags[TAGS_MAX], tag_count; /* types */
    /* of the passive segments, which follow the active one */
    uint32_t data_len[SEGMENTS_MAX], data_count;
    uint32_t elem_len[SEGMENTS_MAX], elem_count;

    const uint8_t *dropped; /* by node (statement or expression): 1 if it is omitted */
    uint32_t node, nodes_max;

    /* The function being generated. */
    uint32_t function;
    uint8_t locals[LOCALS_MAX];
    uint32_t local_count;
    uint32_t free_locals; /* any expression may use the locals below this */
    uint32_t scratch[T_COUNT];
    uint32_t references[REFERENCES], indices[INDICES], exception;
    struct label labels[LABELS_MAX];
    uint32_t label_count;
    int budget; /* nodes that may still be generated */
    int loops;  /* number of open loops */
};

enum { GLOBAL_FUEL, GLOBAL_DEPTH, GLOBAL_FIRST };

/* ---- bytes.c ---- */

void put(struct bytes *b, unsigned byte);
void put_bytes(struct bytes *b, const void *data, size_t len);
/** LEB128; occasionally longer than necessary, within `bits`. */
void put_u(struct gen *g, struct bytes *b, uint64_t v, unsigned bits);
void put_s(struct gen *g, struct bytes *b, int64_t v, unsigned bits);
/** LEB128, in the shortest form. */
void put_leb(struct bytes *b, uint64_t v);
void bytes_free(struct bytes *b);

uint64_t random_bits(struct gen *g);
/** 0 to n - 1. */
uint32_t random_below(struct gen *g, uint32_t n);
/** True in `percent` of all cases. */
bool chance(struct gen *g, unsigned percent);
uint64_t boundary_integer(struct gen *g, unsigned bits);
uint64_t boundary_float(struct gen *g, unsigned bits);

/* ---- ops.c ---- */

struct operation {
    uint8_t prefix; /* 0, 0xfc or 0xfd */
    uint16_t opcode;
    uint8_t result, count, operands[3]; /* enum gen_type */
    uint8_t flags;                      /* enum operation_flag */
};

enum operation_flag {
    OP_DIVIDES = 1,   /* traps for a divisor of 0, and perhaps for the smallest integer by -1 */
    OP_TRUNCATES = 2, /* traps for values out of range */
    OP_SEES_A = 4,    /* the result depends on the bits of a NaN in operand 0 */
    OP_SEES_B = 8,
    OP_F32X4 = 16, /* the result has lanes that may be any NaN */
    OP_F64X2 = 32,
};

/** A random operator with this result. */
const struct operation *random_operation(struct gen *g, unsigned result);

/* ---- expression.c: code that leaves one value ---- */

void op(struct gen *g, unsigned opcode);
void op_prefixed(struct gen *g, unsigned prefix, unsigned opcode);
/** An operator with one unsigned immediate. */
void op_u(struct gen *g, unsigned opcode, uint32_t immediate);
void memory_size(struct gen *g);
void const_i32(struct gen *g, uint32_t v);
void const_i64(struct gen *g, uint64_t v);
void constant(struct gen *g, unsigned type);

/** A value of this type; a NaN may have any bits. */
void expression(struct gen *g, unsigned type, int depth);
/** A value with the same bits in every engine. */
void exact_expression(struct gen *g, unsigned type, int depth);
/** Number a statement or expression. @return true: it is omitted. */
bool drops_node(struct gen *g);
void values(struct gen *g, const uint8_t *types, unsigned count, int depth);
/** Remove the value from the stack: into a local, or drop it. */
void discard(struct gen *g, unsigned type);
/** Make the float, or float lanes of this width, on the stack exact. */
void canonical(struct gen *g, unsigned type, unsigned lane_bits);
/** Mix the value on the stack into the i64 local `hash`. */
void mix(struct gen *g, unsigned type, uint32_t hash);

/* ---- index.c ---- */

/** Any i32 whose bits outside the mask are clear. */
void masked(struct gen *g, uint32_t mask, int depth);
/** An i32 that is at most `last`, computed by additions and scalings whose
 * intermediate values are arbitrary. Compilers often get wrong where a sum wraps, and
 * which part of it an address may absorb. */
void chain(struct gen *g, uint32_t last, int depth);

/* ---- memory.c ---- */

void load(struct gen *g, unsigned type, int depth);
void store(struct gen *g, int depth);
/** An atomic operation: leaves an integer of this type, or nothing. */
void atomic_value(struct gen *g, unsigned type, int depth);
void atomic_statement(struct gen *g, int depth);
/** A load of a scalar whose index is on the stack; leaves the value. @return its type. */
unsigned random_load(struct gen *g, uint32_t offset);
/** A store of a scalar to the index that is on the stack. */
void random_store(struct gen *g, uint32_t offset);
void bulk_memory(struct gen *g, int depth);
void overlapping_accesses(struct gen *g, int depth);
void table_statement(struct gen *g, int depth);
/** Leaves an i32. */
void table_expression(struct gen *g, int depth);

/** Push an index and a vector, then emit an operator that loads or
 * stores a lane of `size` bytes. */
void lane_access(struct gen *g, unsigned opcode, uint32_t size, int depth);

/* ---- address.c ---- */

/** Accesses that share an index, shifts and offsets. */
void addresses(struct gen *g, int depth);

/* ---- reference.c ---- */

/** Locals for the statements here. */
void add_references(struct gen *g);
void reference_statement(struct gen *g, int depth);
/** The last statement of a function. */
void endless_loop(struct gen *g, int depth);

/* ---- exception.c ---- */

void plan_tags(struct gen *g);
void tag_section(struct gen *g, struct bytes *b);
/** A local for the statements here. */
void add_exception(struct gen *g);
void exception_statement(struct gen *g, int depth);
/** A try that leaves one value, whether something is thrown or not. */
void try_value(struct gen *g, unsigned type, int depth);

/* ---- vector.c ---- */

/** Operand `n` of a relaxed operator; those of RELAXES_ALIKE are in the operator's domain. */
void relaxed_operand(struct gen *g, unsigned opcode, unsigned n, int depth);
/** A v128 or scalar from an operator with a lane immediate. */
void lane_expression(struct gen *g, unsigned type, int depth);
void lane_store(struct gen *g, int depth);

/* ---- control.c ---- */

extern const uint8_t type_bytes[T_COUNT + 3];

uint32_t type_index(struct gen *g, const struct func_type *t);
/** Start a block (0x02), loop (0x03) or if (0x04) and its label. */
void open_block(struct gen *g, unsigned opcode, const struct func_type *t, bool is_usable);
void close_block(struct gen *g);
/** A new local of this type, which only the caller uses. */
uint32_t new_local(struct gen *g, unsigned type);
/** Use one unit of fuel; push an i32: whether any was left. */
void tick(struct gen *g);
/** A block, if or loop that leaves one value. */
void control_expression(struct gen *g, unsigned type, int depth);

/* ---- statement.c ---- */

void statements(struct gen *g, unsigned count, int depth);

/* ---- function.c ---- */

/** A call whose first result has this type. False: there is no such function. */
bool call_expression(struct gen *g, unsigned type, int depth);
void call_statement(struct gen *g, int depth);
void function_body(struct gen *g, uint32_t function, struct bytes *out);
/** The body of an exported function: set the fuel, call the function, mix its results. */
void export_body(struct gen *g, uint32_t function, struct bytes *out);
/** The body of the export that mixes memory and globals. */
void state_body(struct gen *g, struct bytes *out);

/* ---- module.c ---- */

/** Generate the module of a seed. @param dropped  `nodes_max` flags: nodes to omit, for finding
 * those that matter. An omitted statement becomes nothing, an expression a zero; the rest stays
 * unchanged. @return number of nodes. */
uint32_t module_make(uint64_t seed, enum gen_kind kind, const uint8_t *dropped, uint32_t nodes_max,
                     struct bytes *out);
