// SPDX-License-Identifier: MIT
//
// Machine code whose registers are not chosen yet: what selection makes of a function, the register
// allocator completes and an encoder turns into bytes.
//
// It is still SSA: a virtual register is written by one operand or is one parameter of a block, and
// edges carry arguments. Which operations there are, and what `imm` and `extra` mean, is the
// machine's; the allocator only sees operands, their constraints, clobbers and control flow.
//
// A critical edge (from a block with several successors to one with several predecessors) never
// occurs: selection puts an empty block on it. So arguments of an edge move either at the end of a
// block with one successor or at the start of one with one predecessor. A terminator with one edge
// has no operands and clobbers nothing: the moves of its edge stand before it.
#pragma once

#include "kernel/jit/arena.h"
#include "kernel/lib/status.h"

#include <stdbool.h>
#include <stdint.h>

#define VREG_NONE UINT32_MAX

/** Register files. A register is numbered within its class, as the machine encodes it. */
enum vclass { VCLASS_INT, VCLASS_FLOAT, VCLASS_COUNT };

/** When an operand's register is read or written. Early is before anything else of the instruction,
 * late is after all of it. */
enum vrole {
    VUSE,       /**< read early: a definition may get the same register if this is the last use */
    VUSE_LATE,  /**< read until late: shares with no definition */
    VDEF,       /**< written late */
    VDEF_EARLY, /**< written before all uses are read: shares with none of them */
    VTEMP,      /**< scratch from early to late; its virtual register is used nowhere else */
};

/** Where an operand may live. */
enum vconstraint {
    VAT_REG,   /**< any allocatable register of the class */
    VAT_FIXED, /**< register `which`; never the scratch register */
    VAT_TIED,  /**< of a definition: the register of operand `which`, a use. If that value lives on,
                  it  is copied away before */
    VAT_ANY,   /**< a register or a spill slot: the machine can encode either. Uses only */
};

struct voperand {
    uint32_t vreg;
    uint8_t role;       /* enum vrole */
    uint8_t constraint; /* enum vconstraint */
    uint8_t which;      /* register, or operand of the same instruction */
    uint8_t reserved;
};

/** Where a value is, once that is decided: a register of its class, or a spill slot. */
#define VLOC_NONE       UINT32_MAX
#define VLOC_SLOT_FLAG  0x80000000u
#define VLOC_SLOT(slot) (VLOC_SLOT_FLAG | (slot))
static inline bool vloc_is_slot(uint32_t loc)
{
    return loc != VLOC_NONE && (loc & VLOC_SLOT_FLAG) != 0;
}
static inline bool vloc_is_reg(uint32_t loc)
{
    return (loc & VLOC_SLOT_FLAG) == 0;
}

enum vinstr_flag {
    VI_CALL = 1,        /**< control goes elsewhere and comes back */
    VI_TERMINATOR = 2,  /**< the last of its block, and only there */
    VI_TRAPS = 4,       /**< the encoder makes a row for it: kind `trap`, offset `location` */
    VI_MOVE = 8,        /**< operand 0 (VDEF) gets the value of operand 1 (VUSE), nothing else */
    VI_REMAKE = 16,     /**< its only operand is a VDEF, it has no effect, and it may be done again
                           anywhere: the allocator remakes the value instead of reloading it */
    VI_SAFE_POINT = 32, /**< references that live over it must be in slots that a row lists: the
                           allocator makes a struct vsafe_point for it */
};

struct vinstr {
    uint16_t op;      /* the machine's */
    uint8_t flags;    /* enum vinstr_flag */
    uint8_t clobbers; /* which of the machine's clobber sets; 0: none. Written late */
    uint8_t operand_count;
    uint8_t trap;      /* enum ir_trap, if VI_TRAPS */
    uint16_t small;    /* the machine's: widths, conditions */
    uint32_t operands; /* first, in vcode.operands */
    uint32_t extra;    /* the machine's: displacement, callee, index into vcode.extra ... */
    uint64_t imm;      /* the machine's */
    uint32_t location; /* offset in the source */
    uint32_t reserved;
};
_Static_assert(sizeof(struct vinstr) == 32, "two to a cache line");

struct vreg {
    uint8_t class;   /* enum vclass */
    uint8_t bytes;   /* 4, 8 or 16: what a spill keeps. A 4-byte integer reloads zero-extended */
    bool is_managed; /* a reference or derived */
    uint8_t hint;    /* a register that would please, + 1; 0: none */
    uint32_t remake; /* instruction with VI_REMAKE that defines it, or VREG_NONE */
};

/** A derived register, and the reference to the object that it points into. The base counts as used
 * wherever the derived one is. */
struct vderived {
    uint32_t vreg, base;
};

/** What lives over a safe point, in spill slots: vcode.safe_words[first] is how many references,
 * the next word how many derived values; then the slot of each reference, and for each derived one
 * its own slot and that of its base, which is among the references. Each slot is listed once. */
struct vsafe_point {
    uint32_t instr, first;
};

struct vblock {
    uint32_t first, count;        /* instructions, at least the terminator */
    uint32_t params, param_count; /* virtual registers, in vcode.pool */
    uint32_t edges, edge_count;   /* of the terminator, consecutive */
    uint32_t idom;                /* block; of the entry: itself */
    uint32_t preds, pred_count;   /* blocks, in vcode.pool */
    uint32_t loop_around;         /* header of the innermost loop it is in, not counting one that it
                                     heads; VREG_NONE: in none */
    uint16_t loop_depth;          /* 0: in none */
    bool is_cold;                 /* ends in a trap: laid out last */
    bool is_loop_header;
    bool is_inner_loop; /* heads a loop that has none inside */
};

struct vedge {
    uint32_t from, to;
    uint32_t args; /* virtual registers, in vcode.pool, as many as `to` has parameters */
};

/**
 * A move that the allocator wants: before instruction `at` (after everything that earlier moves
 * with the same `at` did). Moves of edges stand before the terminator of a block with one
 * successor, or before the first instruction of one with one predecessor. Never from slot to slot:
 * the allocator goes through the machine's scratch register where it must.
 */
struct vmove {
    uint32_t at;       /* instruction; ascending */
    uint32_t from, to; /* locations; from == VLOC_NONE: do instruction `remake` again into `to` */
    uint32_t remake;
    uint8_t class, bytes;
};

/** What the allocator found to be wrong with what it was given. */
struct vmistake {
    const char *text; /* goes on behind the register's name; NULL: nothing is wrong */
    uint32_t vreg, instr;
};

/** A function on its way to bytes. Blocks are in reverse post-order, 0 the entry, whose parameters
 * arrive where the machine's convention has them (entry_operands). */
struct vcode {
    struct arena *arena;
    const struct ir_function *ir;
    enum status error; /* sticky: building goes on and does nothing */

    struct vinstr *instrs;
    struct voperand *operands;
    struct vreg *vregs;
    struct vblock *blocks;
    struct vedge *edges;
    uint32_t *pool;
    uint64_t *extra;          /* the machine's */
    struct vderived *derived; /* ascending by vreg */
    uint32_t derived_count, derived_capacity;
    uint32_t instr_count, operand_count, vreg_count, block_count, edge_count, pool_count,
        extra_count;
    uint32_t instr_capacity, operand_capacity, vreg_capacity, block_capacity, edge_capacity,
        pool_capacity, extra_capacity;

    /* Of the frame, known after selection. */
    uint32_t outgoing_bytes; /* largest area for arguments and results of calls on the stack */
    uint32_t local_bytes;    /* IR slots */
    bool has_calls, has_safe_points;
    uint64_t machine_flags; /* the machine's */

    /* Filled by the allocator. */
    struct vmistake mistake;         /* of selection, if there is one */
    uint32_t *locations;             /* by operand */
    struct vsafe_point *safe_points; /* ascending by instruction; all of those with the flag */
    uint32_t *safe_words;
    uint32_t safe_point_count, safe_word_count;
    struct vmove *moves;
    uint32_t move_count;
    uint32_t slot_count; /* spill slots, 8 bytes each; a 16-byte value has two, the first even */
    uint32_t
        used[VCLASS_COUNT]; /* registers that are written anywhere, clobbers of calls not counted */
};

/*
 * Building, for selection. As with the intermediate representation a call never fails: vcode.error
 * remembers, further calls do nothing and return 0, and selection looks once, at the end. Nothing
 * may be read back from the arrays while there is an error.
 *
 * vcode_block() in reverse post-order for all blocks; then for each block, in any order, its
 * parameters, instructions between start and end, edges in the order of the terminator's targets;
 * then vcode_finish().
 */

/** @brief An empty function. */
void vcode_init(struct vcode *v, struct arena *arena, const struct ir_function *ir);

/** @brief Room for what `ir` is likely to become, if it is not small. @return the function as it is
 * then. */
struct vcode vcode_open(struct vcode *v);
/** @brief Whether no array has been moved since then: what was taken from the arena is not its. */
bool vcode_is_in_place(const struct vcode *v, const struct vcode *before);

/** @brief A new virtual register. @param bytes  4, 8 or 16. */
uint32_t vcode_vreg(struct vcode *v, unsigned class, unsigned bytes);

/** @brief Say that a register is derived from a reference. Of registers in the order in which they
 * were made. */
void vcode_derive(struct vcode *v, uint32_t vreg, uint32_t base);

/** @brief The reference that a register is derived from, or VREG_NONE. */
uint32_t vcode_base(const struct vcode *v, uint32_t vreg);

/** @brief A new block, numbered in order. */
uint32_t vcode_block(struct vcode *v);

/** @brief Give a block its parameters; once. Copies `vregs`. */
void vcode_params(struct vcode *v, uint32_t block, const uint32_t *vregs, uint32_t count);

/** @brief Instructions that follow belong to `block`, until vcode_block_end(). */
void vcode_block_start(struct vcode *v, uint32_t block);

/** @brief The block has all its instructions. @param backwards  They came last first, and are
 * turned around: their indices are final only now. */
void vcode_block_end(struct vcode *v, uint32_t block, bool backwards);

/** @brief Add an instruction; operands follow. Of `i` the allocator's business (operands,
 * operand_count) is ignored. @return index, unless the block is built backwards. */
uint32_t vcode_instr(struct vcode *v, const struct vinstr *i);

/** @brief Add an operand to the newest instruction. At most 255. @param which  Register or operand
 * that the constraint names, else 0. */
void vcode_operand(struct vcode *v, uint32_t vreg, enum vrole role, enum vconstraint constraint,
                   unsigned which);

/** @brief Add the next edge of `from`, all of whose edges are added in a row. Copies `args`.
 * @return index. */
uint32_t vcode_edge(struct vcode *v, uint32_t from, uint32_t to, const uint32_t *args,
                    uint32_t count);

/** @brief Room for words in the pool. @param words  NULL: zeroes. @return index of the first. */
uint32_t vcode_pool(struct vcode *v, const uint32_t *words, uint32_t count);

/** @brief Room for one of the machine's words. @return index in vcode.extra. */
uint32_t vcode_extra(struct vcode *v, uint64_t word);

/**
 * @brief Compute what follows from the rest: predecessors, dominators, loops, has_calls, and where
 * virtual registers are remade. All blocks can be reached, and loops are entered at their header.
 * @return vcode.error; E_NOMEM. @context{thread}
 */
enum status vcode_finish(struct vcode *v);

/** One machine's registers, as the allocator sees them. Const. */
struct vclobber {
    uint32_t mask[VCLASS_COUNT];
};

struct vregisters {
    uint32_t allocatable[VCLASS_COUNT];  /* bit n: register n; scratch is never one of them */
    uint32_t callee_saved[VCLASS_COUNT]; /* survive calls; using one costs a save in the prologue */
    uint8_t order[VCLASS_COUNT][32];     /* registers to prefer, first the best; allocatable ones */
    uint8_t order_count[VCLASS_COUNT];
    uint8_t scratch[VCLASS_COUNT];   /* for moves from slot to slot and for cycles */
    const struct vclobber *clobbers; /* by vinstr.clobbers; 0 is empty */
    const char *(*register_name)(unsigned class, unsigned reg);
};

/** @brief Index of the first move at instruction `at` or behind it; move_count: there is none. */
uint32_t vcode_first_move(const struct vcode *v, uint32_t at);

/** How much the allocator may use: all, or, to test it, little. */
struct vlimits {
    uint32_t allowed[VCLASS_COUNT]; /* mask over allocatable; fixed operands count anyway */
};

/**
 * @brief Choose registers and spill slots; fills the last part of struct vcode.
 * @param limits  NULL: all registers.
 * @return OK; E_NOMEM; E_OVERFLOW: beyond a limit; E_CORRUPT: a register is used where its
 * definition does not reach, so that the code would read what nothing has written, or it has two
 * definitions or none: v->mistake says which. Never "no registers": what an instruction's operands
 * need at once is at most what the machine has.
 * @context{thread} Pure but for the arena.
 */
enum status vcode_allocate(struct vcode *v, const struct vregisters *registers,
                           const struct vlimits *limits);

/** @brief The same; *work is how many steps it took, on a scale of its own: for tests of how that
 * grows. */
enum status vcode_allocate_counted(struct vcode *v, const struct vregisters *registers,
                                   const struct vlimits *limits, uint64_t *work);

/** @brief The first safe point at or behind an instruction; safe_point_count: none. */
uint32_t vcode_safe_point(const struct vcode *v, uint32_t instr);

/** @brief Where in vcode.safe_words the list of a safe point is; VREG_NONE: the instruction is
 * none. For a row's `refs`. */
uint32_t vcode_safe_words(const struct vcode *v, uint32_t instr);

/**
 * @brief vcode.safe_words with cells in place of slots.
 * @param top  The cell of slot 0 (jit_row.refs); each further slot is one cell less.
 * @return vcode.safe_word_count words in the arena; NULL: no memory. @context{thread}
 */
uint32_t *vcode_cells(const struct vcode *v, uint32_t top);

/** What vcode_check() found. */
struct vcomplaint {
    uint32_t instr;
    bool is_memory; /* there was too little of it to check with: nothing is known to be wrong */
    char text[120];
};

/**
 * @brief Check an allocation without knowing how it was made: follow what every register and slot
 * holds along every path; each use must find its value, each constraint be met, no clobbered value
 * be used. Also what selection owes: one definition each, definitions dominate uses, no critical
 * edge. @return true: right. @context{thread}
 */
bool vcode_check(const struct vcode *v, const struct vregisters *registers, struct vcomplaint *out);
