// SPDX-License-Identifier: MIT
//
// Builds a function's bytes: instructions, labels and branches to them, constants and tables after
// the code, and the rows and relocations of the result.
//
// Branches and paddings ("gaps") have no bytes until the end, when
// their lengths are known. So a position before that is given by the
// number of bytes and the number of gaps before it (struct x86_position).
#pragma once

#include "arch/x86_64/jit/encode.h"
#include "kernel/jit/backend.h"

struct x86_position {
    uint32_t byte; /* index in x86_asm.bytes */
    uint32_t gap;  /* number of gaps before it */
};

enum x86_gap_kind { X86_GAP_JUMP, X86_GAP_BRANCH, X86_GAP_ALIGN };

/** A branch, or a padding. */
struct x86_gap {
    uint32_t byte;   /* its position in x86_asm.bytes */
    uint32_t target; /* label; for a padding: the line's bytes */
    uint8_t kind, cond;
    uint8_t bytes; /* length as far as it is known */
};

struct x86_row {
    struct x86_position at;
    uint32_t location, refs;
    uint8_t kind, trap;
};

/** A field of 4 bytes with the distance from its end to a constant or a table. */
struct x86_fixup {
    struct x86_position at; /* the field */
    uint32_t data;          /* in x86_asm.data */
};

/** Data after the code. */
struct x86_data {
    /* a constant; for a table: index of its first label in `cases`, number of labels */
    uint64_t low, high;
    uint8_t bytes; /* 4, 8 or 16; a table: 0 */
    uint32_t at;   /* offset from the start of the function, once it is known */
};

struct x86_asm {
    struct arena *arena;
    enum status error; /* first error; later calls do nothing */
    uint8_t *bytes;
    struct x86_gap *gaps;
    struct x86_position *labels; /* byte X86_NOWHERE: not bound yet */
    struct x86_row *rows;
    struct x86_fixup *fixups;
    struct x86_data *data;
    struct jit_reloc *relocs; /* `at` is an index into reloc_places until the end */
    struct x86_position *reloc_places;
    uint32_t *cases; /* labels of all tables */
    uint32_t byte_count, gap_count, label_count, row_count, fixup_count, data_count, reloc_count,
        reloc_place_count, case_count;
    uint32_t byte_capacity, gap_capacity, label_capacity, row_capacity, fixup_capacity,
        data_capacity, reloc_capacity, reloc_place_capacity, case_capacity;
    uint32_t align; /* alignment of the start that paddings require */
};

#define X86_NOWHERE UINT32_MAX

/** @brief Create `count` labels, not bound. @return the first. */
uint32_t x86_asm_labels(struct x86_asm *a, uint32_t count);
/** @brief Bind the label to the current position. */
void x86_asm_bind(struct x86_asm *a, uint32_t label);

/** @brief Append an instruction. With X86_RIP as the base, mem.disp is an index of data, and the
 * instruction must have no immediate. */
void x86_asm_insn(struct x86_asm *a, const struct x86_insn *i);
/** @brief Append bytes. */
void x86_asm_bytes(struct x86_asm *a, const void *bytes, uint32_t count);
void x86_asm_jump(struct x86_asm *a, uint32_t label);
void x86_asm_branch(struct x86_asm *a, enum x86_cond cond, uint32_t label);
/** @brief Append a call of a function of the module. */
void x86_asm_call(struct x86_asm *a, uint32_t callee);
/** @brief Append a jump to a function of the module. */
void x86_asm_jump_to(struct x86_asm *a, uint32_t callee);
/** @brief Append an instruction that loads the address of a function of the module into the scratch
 * register. */
void x86_asm_address_of(struct x86_asm *a, uint32_t callee);
/** @brief Append padding, if it is needed, so that the next instruction is in the second half of an
 * aligned line of `line` bytes: a power of two, at most 256. */
void x86_asm_second_half(struct x86_asm *a, uint32_t line);

/** @brief A constant after the code. @param bytes  4, 8 or 16. @return index of data. */
uint32_t x86_asm_constant(struct x86_asm *a, uint64_t low, uint64_t high, unsigned bytes);
/** @brief A table with the distance from its own start to each label, 4 bytes each. @return index
 * of data. */
uint32_t x86_asm_table(struct x86_asm *a, const uint32_t *labels, uint32_t count);

/** @brief Add a row for the current address: for JIT_ROW_TRAP that is the next instruction, for
 * JIT_ROW_CALL the return address. */
void x86_asm_row(struct x86_asm *a, unsigned kind, unsigned trap, uint32_t location, uint32_t refs);

/** @brief Choose the length of each branch and assemble the result. @return a->error. */
enum status x86_asm_finish(struct x86_asm *a, struct jit_code *out);
