// SPDX-License-Identifier: MIT
//
// Builds the bytes of one function: words, labels and branches to them, literals, rows, calls to be
// patched. An immediate that does not fit an instruction is handled here with several, through x17.
// x16 belongs to the register allocator's moves, so nothing here uses it.
//
// Branches are short at first. If one does not reach when all words are present, a64_asm_end()
// marks it as long and the caller assembles the function again. A branch never becomes short again,
// so this terminates.
#pragma once

#include "arch/aarch64/jit/encode.h"
#include "kernel/jit/backend.h"

#define A64_NO_LABEL UINT32_MAX

struct a64_fixup {
    uint32_t at;     /* word */
    uint32_t label;  /* for a literal: its index */
    uint32_t from;   /* the word from which the distance is counted */
    uint8_t kind;    /* private */
    uint32_t number; /* number of the branch in the function, for is_long */
};

struct a64_asm {
    struct arena *arena;
    enum status error; /* first error; later calls do nothing */
    uint32_t location; /* source location of the current instruction, for rows */

    uint32_t *words;
    uint32_t *labels; /* word index */
    struct a64_fixup *fixups;
    uint64_t *literals;
    struct jit_row *rows;
    struct jit_reloc *relocs;
    uint8_t *is_long; /* by number of the branch; kept from one attempt to the next */
    uint32_t word_count, label_count, fixup_count, literal_count, row_count, reloc_count,
        branch_count;
    uint32_t word_capacity, label_capacity, fixup_capacity, literal_capacity, row_capacity,
        reloc_capacity, long_capacity;
    unsigned margin; /* grows with each attempt: asm.c */
};

/** @brief Start an empty function, or another attempt at the same one: drops
 * everything except is_long. */
void a64_asm_start(struct a64_asm *a, uint32_t labels);
/** @brief Put the literals after the code and complete all branches. @return true: some branches
 * must be long; assemble the function again. */
bool a64_asm_end(struct a64_asm *a);

/** @brief Append an instruction. If it has no encoding, that is E_OVERFLOW. */
void a64_put(struct a64_asm *a, const struct a64_insn *i);
/** @brief Append a word that is no instruction. */
void a64_put_word(struct a64_asm *a, uint32_t word);

/** @brief A new label, not bound yet. */
uint32_t a64_label(struct a64_asm *a);
/** @brief Bind the label to the current position. */
void a64_bind(struct a64_asm *a, uint32_t label);
/** @brief A branch of any form to a label, near or far. */
void a64_branch(struct a64_asm *a, struct a64_insn i, uint32_t label);
/** @brief Append a word of a table: the distance of the label from word `from`. */
void a64_put_distance(struct a64_asm *a, uint32_t label, uint32_t from);

/** @brief Add a row for the address of the next word. */
void a64_row(struct a64_asm *a, enum jit_row_kind kind, unsigned trap);
/** @brief Let the call of the last row unwind to a label. */
void a64_row_landing(struct a64_asm *a, uint32_t label);
/** @brief Append a call of a function of the module. */
void a64_call(struct a64_asm *a, uint32_t callee);
/** @brief Append a jump to a function of the module. */
void a64_jump_to(struct a64_asm *a, uint32_t callee);

/** @brief Load a constant into a register. Sets all 64 bits. */
void a64_constant(struct a64_asm *a, unsigned reg, uint64_t value);
/** @brief The same; loads from a literal if the constant needs more than two instructions. */
void a64_constant_or_literal(struct a64_asm *a, unsigned reg, uint64_t value);
/** @brief Load bits into a floating-point register. */
void a64_float_constant(struct a64_asm *a, unsigned reg, uint64_t bits, bool is_double);
/** @brief Load 128 bits into a vector register. */
void a64_vector_constant(struct a64_asm *a, unsigned reg, uint64_t lo, uint64_t hi);
/** @brief to = from + value, 64 bits. Either may be the stack pointer. */
void a64_add(struct a64_asm *a, unsigned to, unsigned from, int64_t value);
/** @brief A load or store at base + offset. @param form  The first of its three forms. @param
 * trap  Kind of its row, or -1: it cannot fault. */
void a64_access(struct a64_asm *a, unsigned form, unsigned data, unsigned base, int64_t offset,
                int trap);

/* Shorthands. */
void a64_rr(struct a64_asm *a, unsigned form, bool wide, unsigned d, unsigned n);
void a64_rrr(struct a64_asm *a, unsigned form, bool wide, unsigned d, unsigned n, unsigned m);
void a64_rri(struct a64_asm *a, unsigned form, bool wide, unsigned d, unsigned n, uint64_t imm);
void a64_move(struct a64_asm *a, bool wide, unsigned to, unsigned from);
