// SPDX-License-Identifier: MIT
//
// A function's bytes while they are written: instructions, labels and branches to them, constants
// and tables that lie behind the code, and the rows and relocations that the result carries.
//
// Branches and paddings have no bytes until the end, when it is known how long each must be; so
// that an address in between stays true, everything that names one says which bytes and how many
// branches and paddings lie before it (struct x86_place).
#pragma once

#include "arch/x86_64/jit/encode.h"
#include "kernel/jit/backend.h"

struct x86_place {
    uint32_t byte; /* in x86_asm.bytes */
    uint32_t gap;  /* how many gaps lie before */
};

enum x86_gap_kind { X86_GAP_JUMP, X86_GAP_BRANCH, X86_GAP_ALIGN };

/** A branch, or a padding. */
struct x86_gap {
    uint32_t byte;   /* where it is, in x86_asm.bytes */
    uint32_t target; /* label; of a padding: power of two */
    uint8_t kind, cond;
    uint8_t bytes; /* as far as is known; of a padding: at most so many, then as found */
    uint8_t limit;
};

struct x86_row {
    struct x86_place at;
    uint32_t location, refs;
    uint8_t kind, trap;
};

/** A field of 4 bytes that holds how far it is from its end to a constant or a table. */
struct x86_fixup {
    struct x86_place at; /* the field */
    uint32_t data;       /* in x86_asm.data */
};

/** What lies behind the code. */
struct x86_data {
    uint64_t low, high; /* a constant; a table: first of its labels in `cases`, how many */
    uint8_t bytes;      /* 4, 8 or 16; a table: 0 */
    uint32_t at;        /* from the start of the function, when that is known */
};

struct x86_asm {
    struct arena *arena;
    enum status error; /* sticky: what follows does nothing */
    uint8_t *bytes;
    struct x86_gap *gaps;
    struct x86_place *labels; /* byte X86_NOWHERE: not bound yet */
    struct x86_row *rows;
    struct x86_fixup *fixups;
    struct x86_data *data;
    struct jit_reloc *relocs; /* `at` is an index into reloc_places until the end */
    struct x86_place *reloc_places;
    uint32_t *cases; /* labels of all tables */
    uint32_t byte_count, gap_count, label_count, row_count, fixup_count, data_count, reloc_count,
        reloc_place_count, case_count;
    uint32_t byte_capacity, gap_capacity, label_capacity, row_capacity, fixup_capacity,
        data_capacity, reloc_capacity, reloc_place_capacity, case_capacity;
    uint32_t align; /* that paddings need of the start */
};

#define X86_NOWHERE UINT32_MAX

/** @brief `count` labels, not bound. @return the first. */
uint32_t x86_asm_labels(struct x86_asm *a, uint32_t count);
/** @brief The label is here. */
void x86_asm_bind(struct x86_asm *a, uint32_t label);

/** @brief An instruction. With X86_RIP as a base, mem.disp is an index of data, and there is no
 * immediate. */
void x86_asm_insn(struct x86_asm *a, const struct x86_insn *i);
/** @brief Bytes as they are. */
void x86_asm_bytes(struct x86_asm *a, const void *bytes, uint32_t count);
void x86_asm_jump(struct x86_asm *a, uint32_t label);
void x86_asm_branch(struct x86_asm *a, enum x86_cond cond, uint32_t label);
/** @brief Call a function of the module. */
void x86_asm_call(struct x86_asm *a, uint32_t callee);
/** @brief Nothing, so that what follows lies at a multiple of `align`, if that takes at most
 * `limit` bytes. */
void x86_asm_align(struct x86_asm *a, uint32_t align, unsigned limit);

/** @brief A constant behind the code. @param bytes  4, 8 or 16. @return data. */
uint32_t x86_asm_constant(struct x86_asm *a, uint64_t low, uint64_t high, unsigned bytes);
/** @brief A table of distances from its own start to each label, 4 bytes each. @return data. */
uint32_t x86_asm_table(struct x86_asm *a, const uint32_t *labels, uint32_t count);

/** @brief What the address here means: of JIT_ROW_TRAP the instruction that comes next, of
 * JIT_ROW_CALL the one that is returned to. */
void x86_asm_row(struct x86_asm *a, unsigned kind, unsigned trap, uint32_t location, uint32_t refs);

/** @brief Choose the length of each branch and put everything together. @return a->error. */
enum status x86_asm_finish(struct x86_asm *a, struct jit_code *out);
