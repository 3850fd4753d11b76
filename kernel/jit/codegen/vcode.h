// SPDX-License-Identifier: MIT
//
// Machine code whose registers are not chosen yet. Selection builds it, the register allocator
// completes it, an encoder turns it into bytes.
//
// It is still SSA: a virtual register is written by one operand or is one parameter of one block,
// and edges carry arguments. Only the machine knows the operations and what `imm` and `extra` mean;
// the allocator sees operands, their constraints, clobbers and control flow.
//
// There is no critical edge (from a block with several successors to one with several
// predecessors): selection puts an empty block on it. So the moves of an edge are placed either at
// the end of a block with one successor or at the start of a block with one predecessor. A
// terminator with one edge has no operands and clobbers nothing, because the moves of its edge come
// before it.
#pragma once

#include "kernel/jit/arena.h"
#include "kernel/lib/status.h"

#include <stdbool.h>
#include <stdint.h>

#define VREG_NONE UINT32_MAX

/** Register files. A register's number within its class is the one that the machine encodes. */
enum vclass { VCLASS_INT, VCLASS_FLOAT, VCLASS_COUNT };

/** When an operand's register is read or written. Early is before the instruction does anything
 * else, late is after everything else. */
enum vrole {
    VUSE,       /**< read early: a definition may share the register if this is the last use */
    VUSE_LATE,  /**< read until late: shares its register with no definition */
    VDEF,       /**< written late */
    VDEF_EARLY, /**< written before all uses are read: shares its register with none of them */
    VTEMP,      /**< scratch from early to late; its virtual register is used nowhere else */
};

/** Where an operand may live. */
enum vconstraint {
    VAT_REG,   /**< any allocatable register of the class */
    VAT_FIXED, /**< register `which`; never the scratch register */
    /** of a definition: the register of operand `which`, a use. If that value lives on, it is
     * copied first */
    VAT_TIED,
    VAT_ANY, /**< a register or a spill slot: the machine can encode either. Uses only */
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
    VI_CALL = 1,       /**< control goes elsewhere and returns */
    VI_TERMINATOR = 2, /**< the last instruction of its block, and only there */
    /** may trap: the encoder makes a row for it, with kind `trap` and offset `location` */
    VI_TRAPS = 4,
    /** operand 0 (VDEF) gets the value of operand 1 (VUSE), and nothing else happens */
    VI_MOVE = 8,
    /** its only operand is a VDEF, it has no effect, and it may be repeated anywhere: the allocator
     * rematerialises the value instead of reloading it */
    VI_REMAKE = 16,
    /** references that live across it must be in slots that a row lists: the allocator makes a
     * struct vsafe_point for it */
    VI_SAFE_POINT = 32,
    /** of a call: control may continue at a landing instead, with what the callee left in the
     * registers. So its clobbers count as written by this function, which saves them for its
     * caller */
    VI_UNWINDS = 64,
};

/** Whether the caller's registers among an instruction's clobbers have to be saved. */
static inline bool vinstr_saves_clobbers(unsigned flags)
{
    return (flags & VI_CALL) == 0 || (flags & VI_UNWINDS) != 0;
}

struct vinstr {
    uint16_t op;      /* meaning defined by the machine */
    uint8_t flags;    /* enum vinstr_flag */
    uint8_t clobbers; /* which of the machine's clobber sets; 0: none. Clobbers are written late */
    uint8_t operand_count;
    uint8_t trap;      /* enum ir_trap, if VI_TRAPS */
    uint16_t small;    /* meaning defined by the machine: widths, conditions */
    uint32_t operands; /* index of the first one in vcode.operands */
    /* meaning defined by the machine: displacement, callee, index into vcode.extra ... */
    uint32_t extra;
    uint64_t imm;      /* meaning defined by the machine */
    uint32_t location; /* offset in the source */
    uint32_t reserved;
};
_Static_assert(sizeof(struct vinstr) == 32, "two to a cache line");

struct vreg {
    uint8_t class; /* enum vclass */
    /* 4, 8 or 16: how much a spill preserves. Reloading a 4-byte integer extends it with zeros */
    uint8_t bytes;
    bool is_managed; /* a reference or a derived value */
    uint8_t hint;    /* preferred register, + 1; 0: none */
    uint32_t remake; /* the instruction with VI_REMAKE that defines it, or VREG_NONE */
};

/** A derived register, and the reference to the object that it points into. The base counts as used
 * wherever the derived register is. */
struct vderived {
    uint32_t vreg, base;
};

/** What lives across a safe point, in spill slots. vcode.safe_words[first] is the number of
 * references, the next word the number of derived values. Then comes the slot of each reference;
 * then, for each derived value, its slot and the slot of its base, which is one of the references.
 * Each slot is listed once. */
struct vsafe_point {
    uint32_t instr, first;
};

struct vblock {
    uint32_t first, count;        /* instructions; at least the terminator */
    uint32_t params, param_count; /* virtual registers, in vcode.pool */
    uint32_t edges, edge_count;   /* edges of the terminator, consecutive */
    uint32_t idom;                /* immediate dominator; of the entry: itself */
    uint32_t preds, pred_count;   /* blocks, in vcode.pool */
    /* header of the innermost loop around it, not counting a loop that it heads itself; VREG_NONE:
     * in no loop */
    uint32_t loop_around;
    uint16_t loop_depth; /* 0: in no loop */
    bool is_cold;        /* ends in a trap: placed after all others */
    bool is_loop_header;
    bool is_inner_loop; /* heads a loop that contains no other loop */
};

struct vedge {
    uint32_t from, to;
    uint32_t args; /* virtual registers, in vcode.pool; as many as `to` has parameters */
};

/** A move that the allocator adds: before instruction `at`, after everything that earlier moves
 * with the same `at` did. Moves of edges come before the terminator of a block with one successor,
 * or before the first instruction of a block with one predecessor. None goes from slot to slot: the
 * allocator uses the machine's scratch register for that. */
struct vmove {
    uint32_t at; /* instruction; the list is in ascending order */
    /* locations; from == VLOC_NONE: repeat instruction `remake` with result in `to` */
    uint32_t from, to;
    uint32_t remake;
    uint8_t class, bytes;
};

/** A mistake that the allocator found in its input. */
struct vmistake {
    /* continues a sentence that starts with the register's name; NULL: no mistake */
    const char *text;
    uint32_t vreg, instr;
};

/** A function on its way to bytes. Blocks are in reverse post-order; block 0 is the entry, whose
 * parameters arrive where the machine's calling convention puts them (entry_operands). */
struct vcode {
    struct arena *arena;
    const struct ir_function *ir;
    enum status error; /* first error; later calls do nothing */

    struct vinstr *instrs;
    struct voperand *operands;
    struct vreg *vregs;
    struct vblock *blocks;
    struct vedge *edges;
    uint32_t *pool;
    uint64_t *extra;          /* meaning defined by the machine */
    struct vderived *derived; /* ascending by vreg */
    uint32_t derived_count, derived_capacity;
    uint32_t instr_count, operand_count, vreg_count, block_count, edge_count, pool_count,
        extra_count;
    uint32_t instr_capacity, operand_capacity, vreg_capacity, block_capacity, edge_capacity,
        pool_capacity, extra_capacity;

    /* The frame, known after selection. */
    uint32_t outgoing_bytes; /* largest stack area for arguments and results of a call */
    uint32_t local_bytes;    /* IR slots */
    uint32_t popped_bytes;   /* cells of the function's own arguments */
    uint32_t moved_bytes;    /* how many more the callee of a tail call has, at most */
    bool has_calls, has_safe_points;
    uint64_t machine_flags; /* meaning defined by the machine */

    /* Filled by the allocator. */
    struct vmistake mistake; /* a mistake of selection, if there is one */
    uint32_t *locations;     /* by operand */
    /* ascending by instruction, one for each instruction with VI_SAFE_POINT */
    struct vsafe_point *safe_points;
    uint32_t *safe_words;
    uint32_t safe_point_count, safe_word_count;
    struct vmove *moves;
    uint32_t move_count;
    /* spill slots of 8 bytes; a 16-byte value has two, the first with an even number */
    uint32_t slot_count;
    uint32_t
        /* registers that are written anywhere, not counting clobbers of calls */
        used[VCLASS_COUNT];
};

/*
 * Building, for selection. As with the intermediate representation no call fails: vcode.error keeps
 * the first error, further calls do nothing and return 0, and selection checks once, at the end.
 * While there is an error, nothing may be read from the arrays.
 *
 * First vcode_block() for all blocks, in reverse post-order. Then for each block, in any order: its
 * parameters, instructions between start and end, edges in the order of the terminator's targets.
 * Then vcode_finish().
 */

/** @brief Start an empty function. */
void vcode_init(struct vcode *v, struct arena *arena, const struct ir_function *ir);

/** @brief Reserve what `ir` is likely to need, if it is not small. @return the function as it is
 * after that. */
struct vcode vcode_open(struct vcode *v);
/** @brief Whether all arrays are where they were in `before`. If so, the function uses no memory
 * that was allocated from the arena after that. */
bool vcode_is_in_place(const struct vcode *v, const struct vcode *before);

/** @brief A new virtual register. @param bytes  4, 8 or 16. */
uint32_t vcode_vreg(struct vcode *v, unsigned class, unsigned bytes);

/** @brief Mark a register as derived from a reference. To be called for registers in the order of
 * their creation. */
void vcode_derive(struct vcode *v, uint32_t vreg, uint32_t base);

/** @brief The reference that a register is derived from, or VREG_NONE. */
uint32_t vcode_base(const struct vcode *v, uint32_t vreg);

/** @brief A new block, numbered in order. */
uint32_t vcode_block(struct vcode *v);

/** @brief Set a block's parameters, once. Copies `vregs`. */
void vcode_params(struct vcode *v, uint32_t block, const uint32_t *vregs, uint32_t count);

/** @brief The instructions that follow belong to `block`, until vcode_block_end(). */
void vcode_block_start(struct vcode *v, uint32_t block);

/** @brief The block has all its instructions. @param backwards  They were added last first, and are
 * reversed now: only now are their indices final. */
void vcode_block_end(struct vcode *v, uint32_t block, bool backwards);

/** @brief Add an instruction; its operands follow. The fields of `i` that belong to the allocator
 * (operands, operand_count) are ignored. @return index, unless the block is built backwards. */
uint32_t vcode_instr(struct vcode *v, const struct vinstr *i);

/** @brief Add an operand to the newest instruction. At most 255. @param which  Register or operand
 * that the constraint names, else 0. */
void vcode_operand(struct vcode *v, uint32_t vreg, enum vrole role, enum vconstraint constraint,
                   unsigned which);

/**
 * @brief Add the next edge of `from`. All edges of one block are added in a row. Copies `args`.
 * @return index.
 */
uint32_t vcode_edge(struct vcode *v, uint32_t from, uint32_t to, const uint32_t *args,
                    uint32_t count);

/** @brief Reserve words in the pool. @param words  NULL: zeros. @return index of the first. */
uint32_t vcode_pool(struct vcode *v, const uint32_t *words, uint32_t count);

/** @brief Add a word whose meaning the machine defines. @return index in vcode.extra. */
uint32_t vcode_extra(struct vcode *v, uint64_t word);

/**
 * @brief Compute what follows from the rest: predecessors, dominators, loops, has_calls, and where
 * virtual registers are rematerialised. All blocks must be reachable, and each loop must have its
 * header as the only entry.
 * @return vcode.error; E_NOMEM. @context{thread}
 */
enum status vcode_finish(struct vcode *v);

/** One machine's registers, as the allocator sees them. Const. */
struct vclobber {
    uint32_t mask[VCLASS_COUNT];
};

struct vregisters {
    uint32_t allocatable[VCLASS_COUNT]; /* bit n: register n; never includes scratch */
    /* preserved by calls; using one costs a save in the prologue */
    uint32_t callee_saved[VCLASS_COUNT];
    uint8_t order[VCLASS_COUNT][32]; /* allocatable registers in order of preference, best first */
    uint8_t order_count[VCLASS_COUNT];
    uint8_t scratch[VCLASS_COUNT];   /* for moves from slot to slot and for breaking cycles */
    const struct vclobber *clobbers; /* by vinstr.clobbers; 0 is empty */
    const char *(*register_name)(unsigned class, unsigned reg);
};

/** @brief Index of the first move at or after instruction `at`; move_count: there is none. */
uint32_t vcode_first_move(const struct vcode *v, uint32_t at);

/** How many registers the allocator may use: all, or few in tests. */
struct vlimits {
    uint32_t allowed[VCLASS_COUNT]; /* mask over allocatable; fixed operands may use others */
};

/**
 * @brief Choose registers and spill slots; fill the last part of struct vcode.
 * @param limits  NULL: all registers.
 * @return OK; E_NOMEM; E_OVERFLOW: a limit is exceeded; E_CORRUPT: a register is used where its
 * definition does not reach, so that the code would read an undefined value, or it has no
 * definition or two: v->mistake says which. Running out of registers is no error: the operands of
 * one instruction never need more than the machine has.
 * @context{thread} Pure except for the arena.
 */
enum status vcode_allocate(struct vcode *v, const struct vregisters *registers,
                           const struct vlimits *limits);

/** @brief The same, and report in *work how many steps it took, in arbitrary units. Tests check how
 * that grows with the input. */
enum status vcode_allocate_counted(struct vcode *v, const struct vregisters *registers,
                                   const struct vlimits *limits, uint64_t *work);

/** @brief The first safe point at or after an instruction; safe_point_count: there is none. */
uint32_t vcode_safe_point(const struct vcode *v, uint32_t instr);

/** @brief Index in vcode.safe_words of a safe point's list; VREG_NONE: the instruction is no safe
 * point. For a row's `refs`. */
uint32_t vcode_safe_words(const struct vcode *v, uint32_t instr);

/**
 * @brief vcode.safe_words with cells in place of slots.
 * @param top  The cell of slot 0 (jit_row.refs); each further slot is one cell lower.
 * @return vcode.safe_word_count words in the arena; NULL: no memory. @context{thread}
 */
uint32_t *vcode_cells(const struct vcode *v, uint32_t top);

/** What vcode_check() found. */
struct vcomplaint {
    uint32_t instr;
    bool is_memory; /* memory ran out: the check is incomplete, nothing wrong was found */
    char text[120];
};

/** @brief Check an allocation without knowing how it was made: follow what every register and slot
 * holds along every path. Each use must find its value, each constraint must be met, no clobbered
 * value may be used. Also checks selection's result: one definition of each register, definitions
 * that dominate uses, no critical edge. @return true: correct. @context{thread} */
bool vcode_check(const struct vcode *v, const struct vregisters *registers, struct vcomplaint *out);
