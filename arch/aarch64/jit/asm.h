// SPDX-License-Identifier: MIT
//
// Bytes of one function as they grow: words, labels and branches to them, literals, rows, calls to
// be completed. What an instruction's immediate cannot hold is done by several here, through x17;
// x16 is the register allocator's in moves, so nothing here touches it.
//
// Branches are short at first. If one does not reach when all bytes are there, a64_asm_end() marks it
// as long and the caller assembles the function again. A long branch stays long, so this terminates.
#pragma once

#include "arch/aarch64/jit/encode.h"
#include "kernel/jit/backend.h"

#define A64_NO_LABEL UINT32_MAX

struct a64_fixup {
    uint32_t at;     /* word */
    uint32_t label;  /* or, of a literal, its index */
    uint32_t from;   /* word that a distance is counted from */
    uint8_t kind;    /* private */
    uint32_t number; /* which of the function's branches, for is_long */
};

struct a64_asm {
    struct arena *arena;
    enum status error; /* sticky */
    uint32_t location; /* of what is emitted now, for rows */

    uint32_t *words;
    uint32_t *labels; /* words from the start */
    struct a64_fixup *fixups;
    uint64_t *literals;
    struct jit_row *rows;
    struct jit_reloc *relocs;
    uint8_t *is_long; /* by number of branch, from one attempt to the next */
    uint32_t word_count, label_count, fixup_count, literal_count, row_count, reloc_count,
        branch_count;
    uint32_t word_capacity, label_capacity, fixup_capacity, literal_capacity, row_capacity,
        reloc_capacity, long_capacity;
    unsigned margin; /* grows with the attempts: asm.c */
};

/** @brief An empty function, or the next attempt at the same: everything but is_long is dropped. */
void a64_asm_start(struct a64_asm *a, uint32_t labels);
/** @brief Put the literals behind the code and complete all branches. @return true: one of them has
 * to be long, so everything is to be made again. */
bool a64_asm_end(struct a64_asm *a);

/** @brief Append an instruction. What has no encoding is E_OVERFLOW. */
void a64_put(struct a64_asm *a, const struct a64_insn *i);
/** @brief Append a word that is no instruction. */
void a64_put_word(struct a64_asm *a, uint32_t word);

/** @brief A label that has no place yet. */
uint32_t a64_label(struct a64_asm *a);
/** @brief The label is here. */
void a64_bind(struct a64_asm *a, uint32_t label);
/** @brief A branch of any form to a label, near or far. */
void a64_branch(struct a64_asm *a, struct a64_insn i, uint32_t label);
/** @brief Append a word of a table: how far the label is from word `from`. */
void a64_put_distance(struct a64_asm *a, uint32_t label, uint32_t from);

/** @brief What the next word's address means. */
void a64_row(struct a64_asm *a, enum jit_row_kind kind, unsigned trap);
/** @brief The call whose row is the last one may unwind to a label. */
void a64_row_landing(struct a64_asm *a, uint32_t label);
/** @brief Append a call of a function of the module. */
void a64_call(struct a64_asm *a, uint32_t callee);

/** @brief Have a register hold a constant; all 64 bits of it are set. */
void a64_constant(struct a64_asm *a, unsigned reg, uint64_t value);
/** @brief The same; from a literal if that takes more than two instructions. */
void a64_constant_or_literal(struct a64_asm *a, unsigned reg, uint64_t value);
/** @brief Have a floating-point register hold bits. */
void a64_float_constant(struct a64_asm *a, unsigned reg, uint64_t bits, bool is_double);
/** @brief to = from + value, 64 bits. Either may be the stack pointer. */
void a64_add(struct a64_asm *a, unsigned to, unsigned from, int64_t value);
/** @brief A load or store at base + offset, `form` the first of its three. @param trap  Kind of its
 * row, or -1: it cannot fault. */
void a64_access(struct a64_asm *a, unsigned form, unsigned data, unsigned base, int64_t offset,
                int trap);

/* Shorthands. */
void a64_rr(struct a64_asm *a, unsigned form, bool wide, unsigned d, unsigned n);
void a64_rrr(struct a64_asm *a, unsigned form, bool wide, unsigned d, unsigned n, unsigned m);
void a64_rri(struct a64_asm *a, unsigned form, bool wide, unsigned d, unsigned n, uint64_t imm);
void a64_move(struct a64_asm *a, bool wide, unsigned to, unsigned from);
