// SPDX-License-Identifier: MIT
//
// Random programs in the intermediate representation, the same for the same seed, and running them:
// used to compare passes and back-ends. A program always terminates, accesses only its context and
// its memory, and no address gets into a visible value.
#pragma once

#include "kernel/jit/ir.h"
#include "kernel/jit/ir/ir_eval.h"
#include "kernel/jit/ir/ir_interp.h"

/** Functions 0 and up have bodies; function n calls only later ones. Then the helpers. */
enum {
    IR_RANDOM_FUNCTIONS = 4,
    IR_RANDOM_HELPERS = 4, /* no effects; reads; reads and writes; may trap, too */
    IR_RANDOM_CALLEES = IR_RANDOM_FUNCTIONS + IR_RANDOM_HELPERS,
};

/** Offsets in the context, in bytes. */
enum {
    IR_RANDOM_BASE = 0,      /* address of the memory */
    IR_RANDOM_LENGTH = 8,    /* address of a 64-bit length */
    IR_RANDOM_ENTRIES = 16,  /* of helpers: 8 bytes each */
    IR_RANDOM_CODE = 64,     /* entry points of functions, for call_indirect; 8 bytes each */
    IR_RANDOM_GLOBALS = 128, /* IR_RANDOM_GLOBAL_BYTES, read and written */
    IR_RANDOM_GLOBAL_BYTES = 64,
    IR_RANDOM_FUEL = 192,      /* i32: loop rounds that are left */
    IR_RANDOM_CONSTANTS = 200, /* 32 bytes, never written */
    IR_RANDOM_SHOWN = 256,     /* 64 bytes, written at the end of each function */
    IR_RANDOM_CONTEXT_BYTES = 320,
};

/** Bytes of the programs' memory; nearly all accesses are in its first 4 KiB. */
#define IR_RANDOM_MEMORY_BYTES 65536u
/** Accesses reach at most this much plus 4 GiB of index past it, and must trap there. */
#define IR_RANDOM_GUARD_BYTES 0x80000000u
#define IR_RANDOM_PARAMS_MAX  10
#define IR_RANDOM_RESULTS_MAX 6

enum ir_random_flag {
    IR_RANDOM_FLOATS = 1, /**< arithmetic of f32 and f64 */
    IR_RANDOM_FLOAT_BITS =
        2,                /** < floats become integers or are stored: bits of NaNs are visible */
    IR_RANDOM_MEMORY = 4, /**< loads and stores */
    IR_RANDOM_CALLS = 8,  /**< direct and indirect, and helpers */
    IR_RANDOM_TRAPS = 16, /** < more of them than divisions cause anyway; and the fourth helper */
    IR_RANDOM_IRREDUCIBLE = 32, /**< loops that are entered in the middle */
    IR_RANDOM_SLOTS = 64,       /** < stack slots of the frame, and copies of bytes */
    IR_RANDOM_ALL = 127,
};

struct ir_random {
    struct ir_module module;
    struct ir_function *functions[IR_RANDOM_CALLEES]; /* NULL: helpers */
};

/**
 * @brief Generate a program.
 * @param size  Of each function, roughly: instructions.
 * @return false: memory is short. All of it is in the arena.
 */
bool ir_random_make(struct arena *a, uint64_t seed, unsigned flags, unsigned size,
                    struct ir_random *out);

/** @brief The behaviour of helper `which`, for its implementation in any engine. @return its
 * result: an i64 for helpers 0 and 1, otherwise an i32. *traps: set if it traps instead
 * (IR_TRAP_UNREACHABLE); NULL if it cannot. */
uint64_t ir_random_helper(unsigned which, uint8_t *context, uint64_t a, uint64_t b, bool *traps);

/** A program's context and memory. */
struct ir_random_world {
    _Alignas(16) uint8_t context[IR_RANDOM_CONTEXT_BYTES];
    uint64_t length;
    uint8_t memory[IR_RANDOM_MEMORY_BYTES];
    const struct ir_random *program;
    unsigned polls;
};

/** @brief Random contents, with `fuel` rounds of loops. All addresses are set; those of code and
 * helpers are the interpreter's. */
void ir_random_fill(struct ir_random_world *w, uint64_t seed, uint32_t fuel);

/** @brief Arguments for function 0. */
void ir_random_args(const struct ir_random *p, uint64_t seed, struct ir_bits *args);

/** The visible results of a run. */
struct ir_random_outcome {
    enum ir_outcome outcome;
    struct ir_bits results[IR_RANDOM_RESULTS_MAX];
    enum ir_trap trap;
    uint32_t location; /* of the innermost instruction */
    uint64_t hash;     /* of memory and of everything in the context that can change */
};

/** @brief Run function 0 in the interpreter. */
void ir_random_run(const struct ir_random *p, struct ir_random_world *w, const struct ir_bits *args,
                   struct ir_random_outcome *out);

/** @brief The hash of struct ir_random_outcome. */
uint64_t ir_random_hash(const struct ir_random_world *w);

/** @brief True if two runs have the same results; a run that was stopped equals any other. */
bool ir_random_same(const struct ir_random *p, const struct ir_random_outcome *a,
                    const struct ir_random_outcome *b);

/* ---- For the generator's own files ---- */

enum { IR_RANDOM_LOCALS = 8, IR_RANDOM_RECENT = 24 };

/** Values that can be used; the oldest is overwritten first. */
struct random_recent {
    uint32_t values[IR_RANDOM_RECENT];
    unsigned count;
};

struct random_gen {
    uint64_t state;
    unsigned flags;
    struct ir_function *f;
    bool is_memory_heavy;
    int left;                          /* instructions still to generate */
    uint32_t locals[IR_RANDOM_LOCALS]; /* the current value of each */
    struct random_recent recent;
    uint32_t bases[3]; /* i32 addresses that many accesses share */
    uint32_t location;
};

uint32_t random_below(struct random_gen *g, uint32_t n);
/** Type of local n: the same in all functions. */
unsigned random_local_type(unsigned n);
/** Emit an instruction with a location of its own. */
uint32_t random_emit(struct random_gen *g, unsigned op, unsigned type, uint32_t a, uint32_t b,
                     uint32_t c);
/** A value of the type: a local, a recent value or a constant. */
uint32_t random_value(struct random_gen *g, unsigned type);
/** A new value of the type, from one operation or several. */
uint32_t random_expression(struct random_gen *g, unsigned type);
/** A load or store. */
void random_access(struct random_gen *g);
uint32_t random_global(struct random_gen *g, unsigned type, bool is_constant);
/** Some integer type, or with IR_RANDOM_FLOATS any type. */
unsigned random_type(struct random_gen *g);
void random_remember(struct random_gen *g, uint32_t value);
