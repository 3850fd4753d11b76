// SPDX-License-Identifier: MIT
//
// The register allocator's state. Its steps, each in a file of its own:
//
// 1. regalloc.c: blocks in an order in which each loop is one piece; positions of instructions.
// 2. regalloc_live.c: which values are live into each block, and how far the next use is.
// 3. regalloc_entry.c, regalloc_instr.c: one walk over the blocks. What is in a register changes
//    from instruction to instruction; a value that loses its register is dropped and later loaded
//    again, so each piece of a value's life has its own register and nothing is rewritten.
// 4. regalloc_edges.c: what must be moved between blocks, because they disagree.
// 5. regalloc_refs.c: which references live over which safe points.
// 6. regalloc_slots.c: where dropped values are stored, and in which slots.
// 7. parallel.c: moves that happen at once, one after the other.
#pragma once

#include "kernel/jit/codegen/parallel.h"
#include "kernel/jit/codegen/vcode.h"
#include "kernel/lib/compiler.h"

#define NO_REG       ((uint8_t)0xff)
#define POS_DEAD     UINT32_MAX       /* of a next use: there is none */
#define POS_EXIT     (UINT32_MAX - 1) /* of an operand's next use: none in this block */
#define FAR          100000u          /* leaving a loop, entering a cold block */
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
    uint32_t def_block; /* vcode.block_count: none defines it, which no block is dominated by */
    uint32_t def_instr; /* VREG_NONE: a parameter of the block */
    uint32_t number;    /* of a parameter: which */
    uint32_t end;       /* no later live, in twice positions: see live_extend() */
    uint32_t phi;       /* hint: parameter that it becomes at the end of a block */
    uint32_t next;      /* position of the next use, or POS_DEAD. While it is in a register */
    uint32_t stamp;     /* of the instruction that set the next three */
    uint32_t after;     /* what `next` becomes behind the instruction */
    uint8_t before;     /* register before the instruction */
    bool is_pinned;     /* an operand of the instruction needs it, and no fixed one has it */
    uint8_t def_reg;    /* register that it is defined in */
    uint8_t reg;        /* register that it is in, or NO_REG */
    uint8_t hint;       /* register that a fixed use ahead wants, + 1 */
    uint8_t last;       /* register that it, or one that becomes the same parameter, was in, + 1 */
    bool is_clean;      /* the slot has it too */
    bool crosses_call;
    bool needs_slot;     /* something reads its slot */
    bool starts_in_slot; /* a parameter of a block that edges write to its slot */
    bool stores_at_def;  /* decided at the end: otherwise it is stored where it is dropped */
    uint16_t phi_depth;  /* how deep in loops the edge to `phi` is, + 1 */
    uint32_t slot;
    uint64_t drop_cost;
};

struct block {
    uint32_t place;           /* in `order` */
    uint32_t start;           /* position of its first instruction */
    uint32_t loop_end;        /* of a header: position behind the loop */
    uint32_t top_end;         /* position behind the outermost loop that it is in, or 0 */
    uint32_t edge;            /* to it, if there is just one */
    uint32_t tree, tree_size; /* numbers from `tree` on, so many, are of what it dominates */
    uint32_t tree_room;       /* ... and have not been given away yet, its own not counted */
    uint32_t live, live_count;
    uint32_t pressure[VCLASS_COUNT];               /* of a header: of the loop */
    uint32_t entry, entry_count, exit, exit_count; /* in `held` */
    uint32_t fixed[VCLASS_COUNT];      /* registers that operands of it are fixed to ... */
    uint32_t loop_fixed[VCLASS_COUNT]; /* ... of a header: in all of the loop but cold blocks */
    uint32_t first_fixed;              /* position of the first such operand */
    uint32_t call; /* distance to the next call from its start, if there are any */
    bool is_cut;   /* more is live than its list says: look at value.end */
    bool is_walked;
};

/* A move before registers and slots are final. Slots in it are values: VLOC_SLOT(vreg). */
struct draft {
    uint32_t at, from, to, vreg;
    bool is_drop; /* needed only if the value is stored where it is dropped */
};

struct drafts {
    struct draft *list;
    uint32_t count, capacity;
};

/* The moves of one edge, which happen at once. */
struct edge_moves {
    uint32_t at, first, count; /* in `edge_drafts` */
    bool is_start;             /* before everything else at `at`; else behind it */
};

struct alloc {
    struct vcode *v;
    const struct vregisters *registers;
    struct arena *arena;
    enum status error;
    uint32_t allowed[VCLASS_COUNT];

    struct value *values;
    struct block *blocks; /* and an empty one */
    uint32_t *order;
    uint32_t *next; /* by operand: position of the value's next use, or POS_EXIT */

    uint32_t *next_fixed; /* by fixed operand: position of the next one with that register */

    struct live *lives;
    uint32_t live_count, live_capacity, live_limit;
    struct held *held;
    uint32_t held_count, held_capacity;

    /* Walking: the block, and what is where. */
    uint32_t block, end; /* position behind the block's last instruction */
    bool exit_is_cut;
    uint32_t *exit_stamp, *exit_next; /* by value: live out of which block, + 1; next use */
    uint32_t *entry_stamp;            /* by value: live into which block, + 1 */
    uint32_t occupied[VCLASS_COUNT];
    uint32_t fixed[VCLASS_COUNT]; /* registers that operands ahead are fixed to */
    uint32_t used[VCLASS_COUNT];

    struct drafts drafts, edge_drafts;
    struct edge_moves *edges;
    uint32_t edge_count, edge_capacity;
    struct parallel parallel;
    struct refs *refs;
    uint64_t work; /* steps, for tests of how work grows */

    /* From here on not zeroed. */
    uint32_t in[VCLASS_COUNT][32];       /* value in a register, if occupied */
    uint32_t fixed_at[VCLASS_COUNT][32]; /* next operand that is fixed to a register, if any is */
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

/* How much a block's instructions weigh. */
static inline uint64_t block_weight(const struct alloc *a, uint32_t block)
{
    const struct vblock *b = &a->v->blocks[block];
    return b->is_cold ? 1 : (uint64_t)16 << 3 * MIN(b->loop_depth, 9);
}

/* Header of the innermost loop that a block is in, itself perhaps. */
static inline uint32_t loop_of(const struct alloc *a, uint32_t block)
{
    return a->v->blocks[block].is_loop_header ? block : a->v->blocks[block].loop_around;
}

static inline bool loop_contains(const struct alloc *a, uint32_t header, uint32_t block)
{
    uint32_t at = a->blocks[block].start;
    return a->blocks[header].start <= at && at < a->blocks[header].loop_end;
}

/* Remember the first mistake of selection, which ends the allocation. */
SELDOM_CALLED void regalloc_mistake(struct alloc *a, uint32_t vreg, uint32_t instr,
                                    const char *text);
void *regalloc_array(struct alloc *a, uint64_t count, size_t element);
/* Not zeroed. */
void *regalloc_list(struct alloc *a, uint64_t count, size_t element);

/* Of regalloc_live.c */
void live_find(struct alloc *a);
void live_load_exit(struct alloc *a, uint32_t block);
uint32_t live_next(const struct alloc *a, uint32_t operand, uint32_t vreg);
bool live_into(const struct alloc *a, uint32_t block, uint32_t vreg);

/* Of regalloc_pick.c */
unsigned pick_register(const struct alloc *a, unsigned class, uint32_t mask, uint32_t vreg,
                       unsigned like);
uint32_t pick_avoid(const struct alloc *a, unsigned class, uint32_t vreg);
uint64_t pick_score(const struct alloc *a, uint32_t vreg, uint32_t next, uint32_t now);
void hold(struct alloc *a, uint32_t vreg, unsigned reg);
void let_go(struct alloc *a, uint32_t vreg);
void draft_add(struct alloc *a, struct drafts *d, struct draft draft);

/* Of regalloc_entry.c */
void entry_start(struct alloc *a, uint32_t block);
void entry_finish(struct alloc *a, uint32_t block);

/* Of regalloc_instr.c */
void instr_assign(struct alloc *a, uint32_t instr, uint32_t position);

/* Of regalloc_edges.c */
void edges_draft(struct alloc *a);

/* Of regalloc_refs.c */
void refs_find(struct alloc *a);
void refs_export(struct alloc *a);

/* Of regalloc_slots.c */
void slots_assign(struct alloc *a);
