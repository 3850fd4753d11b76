// SPDX-License-Identifier: MIT
//
// What compilation of one function leaves: bytes, places to be completed when it is put next to
// other functions, and rows that tell what an address in it means. And how C enters compiled code.
//
// Convention between compiled functions, the same on every machine but for the registers: integers
// and floats have 8 argument and 4 result registers each, further ones lie in 8-byte (v128: 16)
// cells at the caller's stack pointer: arguments first, results behind them. One register holds the
// context, one the base of memory 0, which is the word at context + 0; both always. A call with
// another context sets both before and again after. Frames are chained by the frame pointer.
#pragma once

#include "kernel/jit/ir.h"

#include <stdint.h>

/** A branch to another function of the module, to be written when both have their place. */
struct jit_reloc {
    uint32_t at;     /* bytes from the start of the function: the instruction's field */
    uint32_t callee; /* of the module, IR_CALLEE_FUNCTION */
};

enum jit_row_kind {
    JIT_ROW_TRAP,    /**< the instruction at pc may fault, and then that is `trap` */
    JIT_ROW_CALL,    /**< pc is where a call returns to */
    JIT_ROW_LANDING, /**< behind the row of a call, with its pc: unwinding goes on at `refs`, bytes
                        from the start of the function, with the frame pointer of this frame */
};

/** What an address in the code means. Ascending by pc. */
struct jit_row {
    uint32_t pc;       /* bytes from the start of the function */
    uint32_t location; /* offset in the source */
    uint8_t kind;      /* enum jit_row_kind */
    uint8_t trap;      /* enum ir_trap */
    uint16_t reserved;
    uint32_t refs; /* of a call that is a safe point: index into jit_code.refs. Otherwise
                      JIT_NO_REFS, unless the kind says something else */
};

/**
 * What lives over a safe point, at jit_code.refs[row.refs]: how many references, how many derived
 * values, then the cell of each reference, then of each derived value its own cell and that of the
 * reference that it was made from. Cell n is the 8 bytes at the frame pointer - 8 * n. A cell is
 * listed once, and the base of a derived value is among the references. A collector that moves
 * objects takes the difference of each derived value and its base first, then changes the
 * references, then adds. A reference may be null. Nothing that lives over a safe point is anywhere
 * else: not in a register of any function that is suspended.
 */
#define JIT_NO_REFS UINT32_MAX

/** What a function that keeps no frame has of the stack at most: its return address. */
#define JIT_FRAMELESS_BYTES 8u

/*
 * The stack. A prologue saves the frame record, and before anything else is stored it touches the
 * stack further down: every JIT_PROBE_EVERY bytes, and last JIT_STACK_MARGIN below its frame. So
 * that much is mapped below the stack pointer of every function that has been entered: for what it
 * calls that does not probe (leaves, functions of C) and for the exceptions and interrupts that
 * come there. Only a function that makes no call and has at most JIT_LEAF_BYTES below its record
 * does not probe: it lives in its caller's margin.
 */
#define JIT_STACK_MARGIN 16384u
#define JIT_PROBE_EVERY  32768u /* a probe may be moved down to the next multiple of a page */
#define JIT_LEAF_BYTES   4096u
/** Return address and frame pointer, which are not counted above. */
#define JIT_RECORD_BYTES 16u

struct jit_code {
    uint8_t *bytes;
    struct jit_reloc *relocs;
    struct jit_row *rows;
    uint32_t *refs;
    uint32_t size, reloc_count, row_count, ref_count;
    uint32_t align;       /* of the start */
    uint32_t frame_bytes; /* of stack; at most JIT_FRAMELESS_BYTES: no frame in the chain */
};

/** Argument and result registers that the convention has of each class. */
#define JIT_ARG_REGS    8
#define JIT_RESULT_REGS 4

/** How C calls compiled code. Lives on the caller's stack. */
struct jit_entry {
    uint64_t code, context;
    uint64_t ints[JIT_ARG_REGS];      /* arguments; then the first results */
    uint64_t floats[JIT_ARG_REGS][2]; /* likewise; low half first */
    uint64_t *stack;                  /* cells: arguments, then room for results. 16 aligned */
    uint64_t stack_cells;             /* even */
    uint64_t saved_sp;                /* jit_enter()'s own */
    uint64_t outcome;                 /* given to jit_leave() */
    struct jit_entry *outer;          /* the caller's: the entry that this one is nested in */
};

/**
 * @brief Run compiled code. All registers that C expects to survive do.
 * @return 0: it returned, results are in the entry; else what jit_leave() was given.
 * @context{thread that owns floating-point registers}
 */
uint64_t jit_enter(struct jit_entry *e);

/**
 * @brief Give up everything above jit_enter() and have it return `outcome`. Called by host
 * functions, and by fault handlers that resume here with the two arguments in place.
 * @param outcome  Not 0.
 */
_Noreturn void jit_leave(struct jit_entry *e, uint64_t outcome);
