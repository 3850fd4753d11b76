// SPDX-License-Identifier: MIT
//
// The result of compiling one function: bytes, places to be patched when it is put together with
// other functions, and rows that give the meaning of its addresses. Also how C enters compiled
// code.
//
// The calling convention between compiled functions is the same on every machine except for the
// registers. Integers and floats each have 8 argument and 4 result registers. Further ones are in
// 8-byte cells (v128: 16, aligned) at the caller's stack pointer: first arguments, whose size is
// rounded up to a multiple of 16, then results. The callee removes the arguments when it returns,
// so a function that took its place by a tail call may have had more or fewer of them.
// One register holds the context, another the base of memory 0, which is the word at context + 0;
// both are always valid. A call with another context sets both before the call and again after it;
// so does any call in a module of which a function may end in a tail call with another context.
// The arguments of a tail call end where those of the function itself do. If they need more room,
// the prologue moves the function's frame down by the difference, at most JIT_TAIL_BYTES.
// Frames are chained through the frame pointer.
#pragma once

#include "kernel/jit/ir.h"

#include <stdint.h>

/** A branch to another function of the module, to be patched when both have been placed. */
struct jit_reloc {
    uint32_t at;     /* bytes from the start of the function to the instruction's field */
    uint32_t callee; /* of the module, IR_CALLEE_FUNCTION */
};

enum jit_row_kind {
    JIT_ROW_TRAP, /**< the instruction at pc may fault, which then means `trap` */
    JIT_ROW_CALL, /**< pc is the return address of a call */
    /** follows the row of a call with the same pc: unwinding continues at `refs`, bytes from the
     * start of the function, with the frame pointer of this frame */
    JIT_ROW_LANDING,
};

/** The meaning of an address in the code. Ascending by pc. */
struct jit_row {
    uint32_t pc;       /* bytes from the start of the function */
    uint32_t location; /* offset in the source */
    uint8_t kind;      /* enum jit_row_kind */
    uint8_t trap;      /* enum ir_trap */
    uint16_t reserved;
    /* of a call that is a safe point: index into jit_code.refs. Otherwise JIT_NO_REFS, unless the
     * kind gives it another meaning */
    uint32_t refs;
};

/** What lives across a safe point, at jit_code.refs[row.refs]: the number of references; the number
 * of derived values; the cell of each reference; and for each derived value its own cell and the
 * cell of the reference that it was made from. Cell n is the 8 bytes at the frame pointer - 8 * n.
 * Each cell is listed once, and the base of a derived value is one of the references. A collector
 * that moves objects first computes the difference of each derived value and its base, then updates
 * the references, then adds the differences again. A reference may be null. Nothing that lives
 * across a safe point is anywhere else: in particular not in a register of a suspended function. */
#define JIT_NO_REFS UINT32_MAX

/** Most bytes of stack used by a function without a frame: its return address. */
#define JIT_FRAMELESS_BYTES 8u

/*
 * The stack. A prologue saves the frame record. Before anything else is stored, it touches the
 * stack further down: every JIT_PROBE_EVERY bytes, and finally JIT_STACK_MARGIN below its frame. So
 * that much is mapped below the stack pointer of every function that has been entered, for callees
 * that do not probe (leaves, C functions) and for exceptions and interrupts. The only function that
 * does not probe is one that makes no call and has at most JIT_LEAF_BYTES below its record: it uses
 * its caller's margin.
 */
#define JIT_STACK_MARGIN 16384u
#define JIT_PROBE_EVERY  32768u /* a probe may be moved down to the next multiple of a page */
#define JIT_LEAF_BYTES   4096u
/** Return address and frame pointer, which the frame sizes do not include. */
#define JIT_RECORD_BYTES 16u
/** How much larger than a function's own argument cells those of its tail calls may be: so much is
 * mapped below any stack pointer without a probe. A multiple of 16. */
#define JIT_TAIL_BYTES (JIT_LEAF_BYTES - JIT_RECORD_BYTES)
/** Size of argument cells, and offset of the first result's. */
#define JIT_CELLS_ALIGN 16u

struct jit_code {
    uint8_t *bytes;
    struct jit_reloc *relocs;
    struct jit_row *rows;
    uint32_t *refs;
    uint32_t size, reloc_count, row_count, ref_count;
    uint32_t align;       /* of the start of the function */
    uint32_t frame_bytes; /* of stack; at most JIT_FRAMELESS_BYTES: not in the chain of frames */
};

/** Number of argument and result registers of each class in the convention. */
#define JIT_ARG_REGS    8
#define JIT_RESULT_REGS 4

/** How C calls compiled code. Lives on the caller's stack. */
struct jit_entry {
    uint64_t code, context;
    uint64_t ints[JIT_ARG_REGS];      /* arguments; then the first results */
    uint64_t floats[JIT_ARG_REGS][2]; /* the same for floats; low half first */
    uint64_t *stack;                  /* cells: arguments, then room for results. Aligned to 16 */
    uint64_t stack_cells;             /* an even number */
    uint64_t saved_sp;                /* for jit_enter() */
    uint64_t outcome;                 /* as given to jit_leave() */
    struct jit_entry *outer;          /* set by the caller: the entry in which this one is nested */
};

/**
 * @brief Run compiled code. Preserves all registers that C requires.
 * @return 0: it returned, and results are in the entry; otherwise the outcome given to jit_leave().
 * @context{thread that owns floating-point registers}
 */
uint64_t jit_enter(struct jit_entry *e);

/**
 * @brief Discard everything above jit_enter() and make it return `outcome`. Called by host
 * functions; fault handlers resume here with the two arguments in place.
 * @param outcome  Not 0.
 */
_Noreturn void jit_leave(struct jit_entry *e, uint64_t outcome);

/**
 * @brief Continue in compiled code at a landing (JIT_ROW_LANDING). Called by C that the code has
 * called, and which holds nothing.
 * @param fp  Of the landing's function.
 */
_Noreturn void jit_land(uint64_t fp, uint64_t pc);
