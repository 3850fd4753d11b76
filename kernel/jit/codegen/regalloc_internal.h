// SPDX-License-Identifier: MIT
//
// The state of the register allocator. It walks the blocks once, in the manner of linear scan, on
// SSA. Its steps, each in a file of its own:
//
// 1. regalloc.c: an order of blocks in which each loop is contiguous; positions of instructions.
// 2. regalloc_live.c: which values are live into each block, and how far away their next use is.
// 3. regalloc_entry.c, regalloc_instr.c: one walk over the blocks that tracks the value in each
//    register. A value that loses its register is dropped and later loaded again, so each part of a
//    value's life has its own register, and no operand is ever assigned twice.
// 4. regalloc_edges.c: the moves between blocks that disagree about registers.
// 5. regalloc_refs.c: which references live across which safe points.
// 6. regalloc_slots.c: where dropped values are stored, and in which slots.
// 7. parallel.c: orders moves that happen at once.
//
// Invariants of the walk. A value is in at most one register between instructions. in[class][reg]
// and value.reg agree wherever `occupied` has the register's bit. value.is_clean means that the
// slot holds the value on every path to this point, if it has a slot at all; a value that is not
// clean must be stored when it is dropped. Slots and the places of stores are chosen only after the
// walk, so until then a slot is written VLOC_SLOT(vreg) and moves are drafts.
#pragma once

#include "kernel/jit/codegen/parallel.h"
#include "kernel/jit/codegen/vcode.h"
#include "kernel/lib/compiler.h"

#define NO_REG   ((uint8_t)0xff)
#define POS_DEAD UINT32_MAX       /* a next use: there is none */
#define POS_EXIT (UINT32_MAX - 1) /* an operand's next use: none in this block */
/* added to distances on edges that leave a loop or enter a cold block */
#define FAR          100000u
#define DISTANCE_MAX 0x3fffffffu

/* A value that is live into a block. */
struct live {
    uint32_t vreg, distance; /* instructions from the block's start to the next use */
};

/* A value in a register where blocks meet. */
struct held {
    uint32_t vreg;
    uint8_t reg;
    bool is_clean;
};

struct value {
    /* vcode.block_count, which no block is dominated by: there is no definition */
    uint32_t def_block;
    uint32_t def_instr; /* VREG_NONE: a parameter of the block */
    uint32_t number;    /* of a parameter: which */
    uint32_t end;       /* end of the life, in doubled positions: see live_extend() */
    uint32_t phi;       /* hint: the parameter that it becomes at the end of a block */
    /* position of the next use, or POS_DEAD. Valid while the value is in a register */
    uint32_t next;
    uint32_t stamp; /* instruction that set the next three fields, + 1 */
    uint32_t after; /* value of `next` after the instruction */
    uint8_t before; /* register before the instruction */
    /* an operand of the instruction needs it in its register, and no fixed one has it */
    bool is_pinned;
    uint8_t def_reg; /* register that it is defined in */
    uint8_t reg;     /* register that holds it, or NO_REG */
    uint8_t hint;    /* register that a later fixed use wants, + 1 */
    uint8_t last;    /* last register of it or of a value that becomes the same parameter, + 1 */
    bool is_clean;   /* the slot holds the value, too */
    bool crosses_call;
    bool needs_slot;     /* something reads its slot */
    bool starts_in_slot; /* a parameter that edges store in its slot */
    bool stores_at_def;  /* decided at the end; if false it is stored where it is dropped */
    uint16_t phi_depth;  /* loop depth of the edge to `phi`, + 1 */
    uint32_t slot;
    uint64_t drop_cost;
};

struct block {
    uint32_t index;           /* in `order` */
    uint32_t start;           /* position of its first instruction */
    uint32_t loop_end;        /* of a header: position after the loop */
    uint32_t top_end;         /* position after the outermost loop around it, or 0 */
    uint32_t edge;            /* the edge that leads to it, if there is only one */
    uint32_t tree, tree_size; /* the dominated blocks have numbers tree .. tree + tree_size - 1 */
    uint32_t tree_room;       /* ... how many of these are not assigned yet, its own not counted */
    uint32_t live, live_count;
    uint32_t pressure[VCLASS_COUNT];               /* of a header: of the loop */
    uint32_t entry, entry_count, exit, exit_count; /* indices into `held` */
    uint32_t fixed[VCLASS_COUNT]; /* registers that its operands are fixed to ... */
    /* ... of a header: those of the whole loop except its cold blocks */
    uint32_t loop_fixed[VCLASS_COUNT];
    uint32_t first_fixed; /* position of the first such operand */
    uint32_t call;        /* distance from its start to the next call, or POS_DEAD */
    bool is_cut;          /* its list does not name all live values: value.end decides */
    bool is_walked;
};

/* A move before registers and slots are final. Its slots are written VLOC_SLOT(vreg). */
struct draft {
    uint32_t at, from, to, vreg;
    bool is_drop; /* the value is dropped here: made only if it has a slot to be stored to */
};

struct drafts {
    struct draft *list;
    uint32_t count, capacity;
};

/* The moves of one edge, which happen at once. */
struct edge_moves {
    uint32_t at, first, count; /* in `edge_drafts` */
    bool is_start;             /* comes before all other moves at `at`; otherwise after them */
};

struct alloc {
    struct vcode *v;
    const struct vregisters *registers;
    struct arena *arena;
    enum status error;
    uint32_t allowed[VCLASS_COUNT];

    struct value *values;
    struct block *blocks; /* one more than block_count, the last one empty */
    uint32_t *order;
    uint32_t *next; /* by operand: position of the value's next use, or POS_EXIT */

    /* by fixed operand: position of the next operand fixed to that register */
    uint32_t *next_fixed;

    struct live *lives;
    uint32_t live_count, live_capacity, live_limit;
    struct held *held;
    uint32_t held_count, held_capacity;

    /* During the walk: the current block. */
    uint32_t block, end; /* position after the block's last instruction */
    bool exit_is_cut;
    /* by value: + 1, the block out of which it is live; its next use */
    uint32_t *exit_stamp, *exit_next;
    uint32_t *entry_stamp; /* by value: the block into which it is live, + 1 */
    uint32_t occupied[VCLASS_COUNT];
    uint32_t fixed[VCLASS_COUNT]; /* registers that later operands are fixed to */
    uint32_t used[VCLASS_COUNT];

    struct drafts drafts, edge_drafts;
    struct edge_moves *edges;
    uint32_t edge_count, edge_capacity;
    struct parallel parallel;
    struct refs *refs;
    uint64_t work; /* number of steps; tests check how it grows with the input */

    /* Everything from here on is not zeroed. */
    uint32_t in[VCLASS_COUNT][32]; /* value in each occupied register */
    /* position of the next operand fixed to the register, if there is one */
    uint32_t fixed_at[VCLASS_COUNT][32];
};

static inline uint32_t bit(unsigned n)
{
    return (uint32_t)1 << n;
}

static inline unsigned lowest(uint32_t mask)
{
    return (unsigned)__builtin_ctz(mask);
}

static inline bool is_use(const struct voperand *o)
{
    return o->role == VUSE || o->role == VUSE_LATE;
}

static inline bool is_remade(const struct alloc *a, uint32_t vreg)
{
    return a->v->vregs[vreg].remake != VREG_NONE;
}

/* The execution frequency assumed for a block's instructions. */
static inline uint64_t block_weight(const struct alloc *a, uint32_t block)
{
    const struct vblock *b = &a->v->blocks[block];
    return b->is_cold ? 1 : (uint64_t)16 << 3 * MIN(b->loop_depth, 9);
}

/* Header of the innermost loop that contains the block; the block itself if it is one. */
static inline uint32_t loop_of(const struct alloc *a, uint32_t block)
{
    return a->v->blocks[block].is_loop_header ? block : a->v->blocks[block].loop_around;
}

static inline bool loop_contains(const struct alloc *a, uint32_t header, uint32_t block)
{
    uint32_t at = a->blocks[block].start;
    return a->blocks[header].start <= at && at < a->blocks[header].loop_end;
}

/* Record the first mistake of selection. It ends the allocation. */
COLD_CALL void regalloc_mistake(struct alloc *a, uint32_t vreg, uint32_t instr, const char *text);
void *regalloc_array(struct alloc *a, uint64_t count, size_t element);
/* Like regalloc_array(), but not zeroed. */
void *regalloc_list(struct alloc *a, uint64_t count, size_t element);

/* regalloc_live.c */
void live_find(struct alloc *a);
void live_load_exit(struct alloc *a, uint32_t block);
uint32_t live_next(const struct alloc *a, uint32_t operand, uint32_t vreg);
bool live_into(const struct alloc *a, uint32_t block, uint32_t vreg);

/* regalloc_pick.c */
unsigned pick_register(const struct alloc *a, unsigned class, uint32_t mask, uint32_t vreg,
                       unsigned like);
uint32_t pick_avoid(const struct alloc *a, unsigned class, uint32_t vreg);
uint64_t pick_score(const struct alloc *a, uint32_t vreg, uint32_t next, uint32_t now);
void hold(struct alloc *a, uint32_t vreg, unsigned reg);
void release_reg(struct alloc *a, uint32_t vreg);
void draft_add(struct alloc *a, struct drafts *d, struct draft draft);

/* regalloc_entry.c */
void entry_start(struct alloc *a, uint32_t block);
void entry_finish(struct alloc *a, uint32_t block);

/* regalloc_instr.c */
void instr_assign(struct alloc *a, uint32_t instr, uint32_t position);

/* regalloc_edges.c */
uint32_t handed_over(const struct alloc *a, uint32_t from, uint32_t to);
void edges_draft(struct alloc *a);

/* regalloc_refs.c */
void refs_find(struct alloc *a);
void refs_export(struct alloc *a);

/* regalloc_slots.c */
void slots_assign(struct alloc *a);
