// SPDX-License-Identifier: MIT
//
// Shared by the files of the verifier. One struct verifier proves one function:
//
//   verify_flow.c   decodes the reachable instructions, forms blocks and orders them
//   verify_loop.c   the registers and cells that each loop changes
//   verify_value.c  nodes, and merges of several values into one
//   verify_place.c  the contents of registers and stack cells, across blocks
//   verify_demand.c properties that the proof needs of values which are not known yet
//   verify_fact.c   the results of comparisons on the path to a block
//   verify_address.c, verify_access.c  the target of an access, and whether it is allowed
//   verify_call.c   entry, calls, returns
//   verify_step.c   the effect of each instruction on all of these
//
// Values are nodes, numbered by 32-bit indices. The kind of a node never changes. A value that
// differs between the paths to a block is a VALUE_MERGE.
#pragma once

#include "kernel/jit/arena.h"
#include "kernel/jit/verify/verify.h"
#include "kernel/lib/compiler.h"

/* The first nodes. A location that is cleared has never been written. */
#define UNDEFINED_NODE 0u
#define ZERO_NODE      1u /* the constant */

#define NO_NODE  UINT32_MAX
#define NO_BLOCK UINT32_MAX

/** The kinds of values. "Number": the program may compute with it and store it. */
enum value_kind {
    VALUE_UNDEFINED, /**< never written, or destroyed by a call */
    VALUE_BYTE,      /**< only the low byte is a number: as VALUE_BOOL, or n is NO_NODE */
    VALUE_NUMBER,    /**< below 2^width */
    VALUE_CONST,     /**< n */
    VALUE_LOW,       /**< the low 32 bits of node a */
    VALUE_SUM,       /**< low 32 bits of node a, plus n; a number */
    VALUE_SCALED,    /**< low 32 bits of node a, shifted left by `shift`; a number */
    VALUE_BOOL,      /**< 0 or 1: whether condition `shift` of comparison n holds */
    VALUE_LENGTH,    /**< the length of table n; a number */
    VALUE_BYTES,     /**< length of memory 0; a number */
    VALUE_TYPE,      /**< type id of the record at node a; a number */
    VALUE_NUMBER_LAST = VALUE_TYPE,
    VALUE_REFERENCE, /**< of type n (enum verify_type), perhaps null */
    VALUE_CONTEXT,   /**< this function's context, plus n */
    /** base of a memory, of memory 0 unless width is OTHER_MEMORY, plus n, plus (low half of a)
     * << shift, if any */
    VALUE_WINDOW,
    VALUE_FRAME,      /**< the stack pointer at entry, plus n */
    VALUE_SAVED,      /**< the caller's value of register n */
    VALUE_RETURN,     /**< the return address */
    VALUE_CODE_OF,    /**< entry of the function whose record is at node a */
    VALUE_CONTEXT_OF, /**< its context */
    VALUE_BASE_OF,    /**< the base of memory 0 of that context */
    VALUE_RECORD,     /**< address of the record of field n */
    VALUE_TABLE,      /**< address of table n */
    VALUE_ELEMENTS, /**< address of the elements of table n, until the next call: a is the epoch */
    VALUE_ELEMENT,  /**< node a (elements), plus 8 * low half of node n */
    VALUE_CELL,     /**< address of the cell of field n */
    VALUE_LENGTH_ADDRESS, /**< address of VALUE_BYTES; with n, of the length of another memory */
    VALUE_FLAG_ADDRESS,   /**< address of a flag */
    VALUE_HELPER,       /**< address of helper n; or, if a is set, of C that VERIFY_HOST n names */
    VALUE_HOST,         /**< the first argument of C that VERIFY_HOST, the field n, names */
    VALUE_CODE_ADDRESS, /**< in this function, n bytes from its start */
    VALUE_EPOCH,        /**< identifies the code between two calls; never in a register */
    VALUE_MERGE,        /**< differs between the paths to this block */
};

/** Demands on a value that is not known yet. */
enum demand {
    DEMAND_DEFINED = 1,
    DEMAND_NUMBER = 2,
    DEMAND_U32 = 4,     /**< a number below 2^32 */
    DEMAND_FUNCREF = 8, /**< a reference, or null */
    DEMAND_EXTERNREF = 16,
    DEMAND_WHOLE = 32, /**< of a stack cell: all 8 bytes were written */
};

/** In value.width of VALUE_WINDOW. */
#define OTHER_MEMORY 1

struct value {
    uint8_t kind;  /* enum value_kind */
    uint8_t width; /* of a number: below 2^width */
    uint8_t shift;
    uint8_t demands; /* of a merge: the demands made so far */
    uint32_t a;
    uint64_t n;
};

/** What of two values is demanded to be equal. */
enum equality { EQUAL_WHOLE, EQUAL_LOW };

/** A VALUE_MERGE: value.a is the index of this struct, value.n the result of value_first(), which
 * is a merge only if that is known to vary. */
struct merge {
    uint32_t node;
    /* It is at the start of this block. NO_BLOCK: it is one of two values, first and equals. */
    uint32_t block;
    uint32_t location; /* register or cell; of one of two values: offset of the instruction */
    uint32_t first;    /* of a header: the operand from outside; else: its operands in the pool */
    uint32_t count;    /* of operands; 0: the block is a loop header, and back edges add more */
    /* The nodes that it was assumed to equal, as enum equality says, or NO_NODE. */
    uint32_t equals[2];
    uint32_t asker[2]; /* the merge that passed this on to its operand, or NO_NODE: an access did */
    uint32_t low;      /* VALUE_LOW of it, or NO_NODE */
    uint64_t most;     /* the demanded upper bound; UINT64_MAX: none */
    uint8_t lowered;   /* how often the bound was lowered */
    bool is_half;      /* a cell with only 4 bytes written */
    bool is_pending;   /* a demand was added since the last check */
};

/* Locations: registers, the epoch, the cells next to the entry's stack pointer, then all other
 * cells of the stack by their offset. Each block stores those below LOCATIONS. */
#define LOCATION_EPOCH VERIFY_REGISTERS
#define LOCATION_CELLS (VERIFY_REGISTERS + 1)
#define LOCATIONS      (LOCATION_CELLS + NEAR_CELLS)
#define NEAR_CELLS     54u /* at most 64 bits */
#define NEAR_BYTES     (8 * (int64_t)NEAR_CELLS)
#define CELL_BIAS      (INT64_C(1) << 31)

/* Values of cells: a node, and whether only the low 4 bytes were written. */
#define CELL_HALF (UINT32_C(1) << 30)
/* In struct block.out: the location has the value that it has at the start of the block with this
 * number; no instruction has needed it yet. */
#define OUT_LATER (UINT32_C(1) << 31)

enum fact_kind {
    FACT_NONE,
    FACT_BELOW_LENGTH, /**< low half of `node` < length of table n */
    FACT_LENGTH_MIN,   /**< length of table `node` >= n */
    FACT_BELOW,        /**< low half of `node` < low half of node n, a merge */
    FACT_ABOVE,        /**< low half of a merge, the low half of n, > the high half of n */
    FACT_NOT_NULL,     /**< `node` is not 0 */
    FACT_TYPE,         /**< the record at `node` has type id n */
    FACT_BYTES_MIN,    /**< length of memory 0 >= low half of `node` (if any) + n */
};

struct fact {
    uint32_t node, key;
    uint32_t before; /* the fact before it, 0: none */
    uint32_t jump;   /* an ancestor far above it */
    uint32_t depth;
    uint32_t same; /* an older one with the same hash */
    uint8_t kind;
    uint64_t n;
};

struct block {
    uint32_t first, count; /* instructions */
    uint32_t *in;          /* at the start, as far as looked up: ~node; or NULL */
    uint64_t writes;       /* registers written; in a header: by its loop */
    uint64_t cells;        /* likewise of the cells that it stores */
    /* The values at its end are those at the end of block `root`, which comes before it in the
     * order of visits, except for these registers and near cells, and for other cells whose
     * location is the number of one of these bits modulo 64. The first block is its own. */
    uint64_t changed, changed_cells, changed_far;
    uint32_t root;
    int32_t sp;                 /* from the entry, at the start */
    uint32_t fp;                /* node, at the start */
    uint32_t facts;             /* at the start, then at the end */
    uint32_t edge_facts[2];     /* if the last branch is taken, if not; or FACTS_NEVER */
    uint32_t succs, succ_count; /* in the pool of edges: blocks */
    uint32_t preds, pred_count; /* in the pool of edges: block << 1 | which of its facts */
    uint32_t order;             /* position in the order of visits */
    uint32_t loop_end;          /* of a header: the order of its loop's last block */
    uint32_t low; /* the least order of its predecessors, except on back edges to a header */
    /* of a landing: the cells that the callee could write, from the entry, and their bytes */
    int32_t called_at;
    uint32_t called_cells;
    bool is_header;               /* it has a back edge */
    bool is_landing, is_returned; /* after a call that may be unwound: verify_land.c */
    bool invokes;                 /* it ends in such a call */
    bool loses_home; /* and only the block at the return address restores the context */
    bool has_cells;  /* the value of some cell at its start is stored */
    bool in_loop;
    bool is_done, has_entry;
    uint8_t flags_open; /* at the start: struct verifier */
    /* Nodes at the end, or now if the block is being visited. Last member: it is not cleared. */
    uint32_t out[LOCATIONS];
};

/** The last comparison, if the flags have not changed since. */
struct comparison {
    uint32_t a, b;
    uint8_t size;
    uint8_t depth; /* of comparisons nested in its operands */
    bool is_valid, is_test;
};

struct cell_slot {
    uint64_t key; /* block + 1 << 32 | location */
    uint32_t value;
};

/* Merges that were demanded to be the same on every way, and are not: keys by block and location.
 * They are kept for the next attempt: verify_function(). */
#define VARYING_MAX 32u
struct varying {
    uint32_t count;
    uint64_t keys[VARYING_MAX];
};
#define LOCATION_KEY(block, location) ((uint64_t)((block) + 1) << 32 | (location))

/* A cell that is written in the prologue and never again. */
#define KEPT_MAX 16u
struct kept_cell {
    uint32_t location, node;
};

struct look_up_frame {
    uint32_t block, next; /* block, and the next of its predecessors */
    uint32_t ways;        /* start of its values in `ways` */
};

struct verifier {
    const struct verify_machine *m;
    struct block *now; /* blocks[block] */
    uint64_t plain;    /* registers without a role, as bits */
    uint64_t settable; /* those of them that this block was found to write */
    const struct verify_shape *shape;
    const struct code_piece *piece;
    const struct verify_signature *signature;
    const uint8_t *code;
    uint32_t function, size;
    struct arena *arena;
    struct verify_error *err;
    enum status status; /* the first failure */
    uint64_t work;

    /* verify_flow.c */
    struct verify_insn *insns;
    uint32_t insn_count, insn_capacity;
    uint32_t *units; /* by unit of code: verify_flow.c */
    uint32_t swept;  /* code before this offset that is not reached yet is decoded late */
    uint8_t unit_shift;
    bool is_late;
    uint64_t written;       /* registers, as bits, that any instruction writes */
    uint64_t written_cells; /* those of the near cells that were written so far */
    uint64_t called;        /* registers that a call writes */
    struct block *blocks;
    uint32_t block_count; /* the number of leaders while code is decoded */
    uint32_t *lates;      /* targets of backward jumps, perhaps reached only by them */
    uint32_t late_count, late_capacity;
    struct table_use *tables;
    uint32_t table_count, table_capacity;
    uint64_t target_count; /* of all tables */
    uint32_t *edges;
    uint32_t edge_count;
    struct landing *landings; /* ascending */
    uint32_t landing_count, landing_capacity;
    uint32_t *order; /* blocks */

    /* verify_value.c */
    struct value *values;
    uint32_t value_count, value_capacity;
    struct merge *merges;
    uint32_t merge_count, merge_capacity;
    uint32_t *operands;
    uint32_t operand_count, operand_capacity;
    struct cell_slot *cells;
    uint32_t cell_count, cell_capacity;
    uint32_t *pending_merges; /* with new demands */
    uint32_t pending_merge_count, pending_merge_capacity;
    struct look_up_frame *frames;
    uint32_t frame_capacity;
    uint32_t *ways; /* values of predecessors while they are collected */
    uint32_t way_count, way_capacity;
    uint32_t entry[LOCATIONS];       /* at the entry */
    struct kept_cell kept[KEPT_MAX]; /* saved by the prologue; valid while the frame exists */
    uint32_t kept_count;
    unsigned looks; /* remaining; verify_demand.c */

    /* verify_fact.c */
    struct fact *facts;
    uint32_t fact_count, fact_capacity;
    uint32_t *fact_table;
    uint32_t fact_table_size;

    /* The walk. */
    uint32_t block;      /* the block being visited */
    uint32_t at;         /* offset of the instruction */
    int32_t sp;          /* from the entry */
    int32_t call_sp;     /* at the last call */
    int32_t call_at;     /* the cells that its callee could write, from the entry ... */
    uint32_t call_cells; /* ... and their bytes */
    int32_t probed;      /* the lowest position that a probe has reached */
    int64_t frame;       /* the frame pointer after the first block, from the entry */
    uint32_t frame_node; /* a stack pointer that many blocks start with */
    uint32_t return_node;
    bool foresees;  /* predicts the cells that loops write: verify_loop.c */
    bool was_wrong; /* one was not predicted, or `varying` has grown */
    struct varying *varying;
    int32_t incoming; /* size of the function's stack arguments, and results after them */
    int32_t popped;   /* of the arguments alone, which the function removes */
    bool has_moved;   /* the return address is elsewhere: where it was is room for arguments */
    bool is_leaving;  /* the stack pointer has risen: only the return is left */
    uint32_t facts_now;
    struct comparison flags;
    uint8_t flags_open;             /* enum flags_open */
    struct comparison *comparisons; /* which VALUE_BOOL refers to */
    uint32_t comparison_count, comparison_capacity;
};

/** Flags that must not be read, because what set them is not the program's: a probe, which reads
 * below the stack, the caller or a callee, or a sum with an address. At a loop header, the flags of
 * back edges are not known yet. The comparison of an address with null tells only whether they are
 * equal: its sign or parity would tell a bit of the address. If it is not known yet whether the
 * compared value is an address (OPEN_MERGE, v->flags.a), a read of the other flags demands that it
 * is a number; in a block after that, they must not be read. */
enum flags_open {
    OPEN_ZERO = 1,
    OPEN_OTHERS = 2,
    OPEN_ALL = OPEN_ZERO | OPEN_OTHERS,
    OPEN_MERGE = 4,
};

/** A jump through a table, and where its targets are in the pool of edges. */
struct table_use {
    uint32_t insn;
    struct verify_table table;
};

/** @brief The signature of a function of the same source. @context{any} Pure. */
static inline const struct verify_signature *verify_signature_of(const struct verify_shape *shape,
                                                                 const struct code_function *f)
{
    return &shape->signatures[shape->functions[f->number - shape->first_function]];
}

/** A call that may be unwound: its return address, and where control continues then. */
struct landing {
    uint32_t pc, target; /* bytes from the start of the function */
};

/** @brief Refuse the function at v->at. Only the first reason is kept. @return false. */
bool verify_refuse(struct verifier *v, const char *text);
/** @brief Enlarge an array. @return false: no memory; v->status is set. */
bool verify_grow(struct verifier *v, void *array, uint32_t *capacity, uint64_t needed,
                 size_t element);
/** @brief Ensure room in an array of the arena, not cleared. @return false: no memory; v->status
 * is set. */
static inline bool verify_room(struct verifier *v, void *array, uint32_t *capacity, uint64_t needed,
                               size_t element)
{
    return needed <= *capacity || verify_grow(v, array, capacity, needed, element);
}
#define ROOM(v, array, more)                                                                       \
    verify_room((v), &(v)->array##s, &(v)->array##_capacity,                                       \
                (uint64_t)(v)->array##_count + (more), sizeof *(v)->array##s)

/* ---- verify.c ---- */

/** @brief Set everything for one function; nothing is decoded yet. */
void verify_begin(struct verifier *v, const struct verify_machine *m,
                  const struct verify_shape *shape, const struct code_piece *p, uint32_t function,
                  struct arena *a, struct verify_error *err);

/* ---- verify_flow.c ---- */

/** @brief Decode, find blocks, edges and an order. */
bool verify_find_blocks(struct verifier *v);

/** @brief Note that control reaches an offset other than by falling through. */
bool verify_add_leader(struct verifier *v, int64_t offset);
/** @brief The block that starts at the offset of a leader. */
uint32_t verify_block_at(const struct verifier *v, uint32_t offset);

/* ---- verify_land.c ---- */

bool verify_find_landings(struct verifier *v);
void verify_mark_landings(struct verifier *v);
/** @brief Where control continues if the call that ends a block is unwound. @return an offset, or
 * NO_BLOCK. */
uint32_t verify_landing_of(const struct verifier *v, const struct verify_insn *last);
bool verify_check_landings(struct verifier *v);
/** @brief The state at the start of a landing, and at the return address of such a call. */
bool verify_enter_landing(struct verifier *v);
void verify_enter_returned(struct verifier *v);

/* ---- verify_loop.c ---- */

/** @brief Record the cells that each block writes, and for headers those that their loops write.
 * The first block has been visited. */
void verify_find_loops(struct verifier *v);

/* ---- verify_value.c, verify_place.c, verify_demand.c ---- */

uint32_t value_new(struct verifier *v, unsigned kind, uint32_t a, uint64_t n);
uint32_t value_number(struct verifier *v, unsigned width);
uint32_t value_bounded(struct verifier *v, uint64_t largest);
uint32_t value_const(struct verifier *v, uint64_t n);
/** How the width of a result follows from its operands'; struct value.shift of a VALUE_NUMBER. */
enum value_rule {
    RULE_NONE,
    RULE_ADD, /**< one more than the wider */
    RULE_OR,  /**< that of the wider */
    RULE_AND, /**< that of the narrower */
    RULE_MUL, /**< the sum of both */
    RULE_MAX, /**< no rule: n is the upper bound */
};
/** The second operand of a rule, as an instruction has it. */
struct shifted {
    uint32_t node;
    uint8_t extend, shift, size;
};
/** @brief A computed number: below 2^limit, and as narrow as its operands turn out to be. */
uint32_t value_computed(struct verifier *v, unsigned rule, uint32_t a, struct shifted b,
                        unsigned limit);
/** @brief The known width of a node in bits: 64 if it is not a number. */
unsigned value_width(const struct verifier *v, uint32_t node);
/** @brief Whether a demand can still narrow it: it is a merge, or computed from one. */
static inline bool value_is_open(const struct value *x)
{
    return x->kind == VALUE_MERGE || x->kind == VALUE_LOW ||
           (x->kind == VALUE_NUMBER && x->shift != RULE_NONE && x->shift != RULE_MAX);
}
/** @brief The known upper bound of a node. */
uint64_t value_largest(const struct verifier *v, uint32_t node);
/** @brief A value that is one of two. */
uint32_t value_either(struct verifier *v, uint32_t a, uint32_t b);
static inline const struct value *value_of(const struct verifier *v, uint32_t node)
{
    return &v->values[node];
}
static inline bool value_is_number(const struct value *x)
{
    return x->kind >= VALUE_NUMBER && x->kind <= VALUE_NUMBER_LAST;
}
/** @brief Whether two nodes are known to be equal. */
bool value_like(const struct verifier *v, uint32_t a, uint32_t b);
static inline bool value_same(const struct verifier *v, uint32_t a, uint32_t b)
{
    return a == b || value_like(v, a, b);
}
/** @brief Demand a property of a value. It is checked now, or at the end if the value is
 * unknown. */
bool value_demand(struct verifier *v, uint32_t node, unsigned demands);
/** @brief Demand that two values, or their low halves, are equal: that a merge is no merge. */
bool value_demand_equal(struct verifier *v, unsigned how, uint32_t node, uint32_t other);
/** @brief The first operand of a merge, followed through merges of merges; of any other value the
 * node itself. */
uint32_t value_first(const struct verifier *v, uint32_t node);
/** @brief The operand of a loop header's merge from outside the loop. To rely on it, demand that
 * the two are equal. @return NO_NODE: it is no such merge, or one that is known to vary. */
uint32_t value_forward(const struct verifier *v, uint32_t node);
static inline struct merge *value_merge(const struct verifier *v, uint32_t node)
{
    const struct value *x = value_of(v, node);
    return x->kind == VALUE_MERGE ? &v->merges[x->a] : NULL;
}
/** @brief Merge the values of several predecessors; with CELL_HALF. */
uint32_t value_join(struct verifier *v, uint32_t block, uint32_t location, const uint32_t *values,
                    uint32_t count);
/** @brief The value of a location at a loop header, if `value` is its value before the loop. */
uint32_t value_into_loop(struct verifier *v, uint32_t block, uint32_t location, uint32_t value);
/** @brief Replace an address that is a merge by its first operand, and demand that they are equal.
 * Other values are returned unchanged. */
uint32_t value_settle_merge(struct verifier *v, uint32_t node);
static inline uint32_t value_settle(struct verifier *v, uint32_t node)
{
    return value_of(v, node)->kind != VALUE_MERGE ? node : value_settle_merge(v, node);
}
/** @brief The same for the index of a table, scaled to bytes. */
uint32_t value_settle_scaled(struct verifier *v, uint32_t node);
/** @brief Compute the registers at the start of the block. */
void value_enter_block(struct verifier *v);
/** @brief Prove, or demand, an upper bound of a number. @return false: neither is possible. */
bool value_at_most(struct verifier *v, uint32_t node, uint64_t largest);
/** @brief The same for a number of 32 bits. */
static inline bool value_narrow(struct verifier *v, uint32_t node)
{
    const struct value *x = value_of(v, node);
    return (value_is_number(x) && x->width <= 32) || value_at_most(v, node, UINT32_MAX);
}
/** @brief The low 32 bits of a node, as a number. */
uint32_t value_low(struct verifier *v, uint32_t node);
/** @brief The node under which facts are stored: a node with the same low half. */
uint32_t value_root(const struct verifier *v, uint32_t node);

/** @brief The value of a location at the end of a block; with CELL_HALF. */
uint32_t value_at_end(struct verifier *v, uint32_t block, uint32_t location);
/** @brief The current value of a register or the epoch. */
static inline uint32_t value_register(struct verifier *v, unsigned reg)
{
    uint32_t value = v->now->out[reg];
    return (value & OUT_LATER) == 0 ? value : value_at_end(v, v->block, reg);
}
/** @brief The value of a register that is used as an address, settled. */
uint32_t value_address(struct verifier *v, unsigned reg);
static inline void value_set_register(struct verifier *v, unsigned reg, uint32_t node)
{
    if (reg != VERIFY_ZERO) {
        v->now->out[reg] = node;
    }
}
/** @brief Location of the 8 bytes at an offset from the entry. */
static inline uint32_t value_cell(int64_t offset)
{
    return offset >= -NEAR_BYTES && offset < 0
               ? LOCATION_CELLS + (uint32_t)((offset + NEAR_BYTES) >> 3)
               : LOCATIONS + (uint32_t)((offset + CELL_BIAS) >> 3);
}
/** @brief The value of a cell: a node, with CELL_HALF. */
uint32_t value_load_cell(struct verifier *v, int64_t offset);
bool value_store_cell(struct verifier *v, int64_t offset, uint32_t value);
/** @brief Whether the prologue saved this value, which is one of the caller's or the context, in a
 * cell. Nothing may write over it. @param offset  From the stack pointer at entry, within the frame
 * or the arguments; divisible by 8. */
bool value_is_kept(const struct verifier *v, int64_t offset, uint32_t node);
/** @brief Whether a node is a function of the module or an import: a reference that is not null. */
bool value_is_function(const struct verifier *v, uint32_t node);
/** @brief At the end, check all demands. */
bool value_finish(struct verifier *v);

/* ---- verify_fact.c ---- */

/** In place of a list of facts: they contradict each other, so no execution takes this edge. */
#define FACTS_NEVER UINT32_MAX

static inline uint32_t facts_of_edge(const struct verifier *v, uint32_t edge)
{
    return v->blocks[edge >> 1].edge_facts[edge & 1];
}
/** @brief Whether an edge into a block, from the pool, is one of the forward edges that the block's
 * state is made from: no back edge, and not one that is never taken. */
static inline bool fact_is_way_in(const struct verifier *v, const struct block *b, uint32_t edge)
{
    const struct block *from = &v->blocks[edge >> 1];
    return from->order < b->order && from->edge_facts[edge & 1] != FACTS_NEVER;
}
uint32_t fact_add(struct verifier *v, uint32_t list, unsigned kind, uint32_t node, uint64_t n);
/** @brief Whether a fact of a kind holds here: with this n (FACT_BELOW_LENGTH), or with an n at
 * least as large. */
bool fact_holds(struct verifier *v, unsigned kind, uint32_t node, uint64_t n);
/** @brief The same, if the fact is about this very node, not about one that may equal it. */
bool fact_holds_of_itself(struct verifier *v, unsigned kind, uint32_t node, uint64_t n);
/** @brief Whether an index was compared with a table's length, and may be this constant; it is then
 * demanded to be. */
bool fact_constant_below_length(struct verifier *v, uint32_t table, uint64_t n);
/** @brief The type id that a record was checked to have. @return false: none. */
bool fact_type(struct verifier *v, uint32_t node, uint32_t *id);
/** @brief The condition that holds if `cond` does not. */
unsigned fact_opposite(unsigned cond);
/** @brief The facts that are in both lists. */
uint32_t fact_common(const struct verifier *v, uint32_t a, uint32_t b);
/** @brief Add the facts of a branch on a comparison. @return the new list. */
uint32_t fact_from(struct verifier *v, uint32_t list, const struct comparison *c, unsigned cond);

/* ---- verify_address.c, verify_access.c ---- */

/** The target of an access: base + n + (low half of root << shift), and up to `slack` more. */
struct address {
    uint32_t base; /* node: an address */
    uint32_t root; /* node, or NO_NODE */
    uint8_t shift;
    int64_t n;
    uint64_t slack;
};

bool verify_address(struct verifier *v, const struct verify_insn *i, struct address *out);
/** @brief a + (b extended, shifted), as a value. */
uint32_t verify_add(struct verifier *v, uint32_t a, uint32_t b, unsigned extend, unsigned shift,
                    unsigned size);
/** @brief The upper bound of a number after it is extended and shifted. */
uint64_t verify_largest_shifted(uint64_t largest, struct shifted b);
uint32_t verify_lea(struct verifier *v, const struct verify_insn *i);
/** @brief Whether an access is within memory 0; verify_element() is the same for a table. */
bool verify_window(struct verifier *v, const struct address *a, unsigned bytes);
bool verify_element(struct verifier *v, const struct address *a, uint32_t *table);
/** @brief Check a read of memory at `more` bytes after the operand. @return the value,
 * zero-extended; v->status has a refusal. */
uint32_t verify_read(struct verifier *v, const struct verify_insn *i, unsigned bytes, int64_t more);
/** @brief Check the place of an atomic operation, which must be in the program's own memory. */
bool verify_exchanged(struct verifier *v, const struct verify_insn *i);
/** @brief Check a write. @param value  NO_NODE: any number. */
bool verify_write(struct verifier *v, const struct verify_insn *i, unsigned bytes, int64_t more,
                  uint32_t value);
/** @brief Check a write to the frame, `at` bytes from the stack pointer at entry. */
bool verify_write_frame(struct verifier *v, int64_t at, unsigned bytes, uint32_t value);
/** @brief Whether an instruction that may fault has a row for this trap. */
bool verify_row(struct verifier *v, const struct verify_insn *i, unsigned trap);
const struct verify_field *verify_field_at(const struct verifier *v, uint64_t offset);
/** @brief Demand that the value of a register has a type. */
bool verify_typed(struct verifier *v, uint32_t node, unsigned type);
uint32_t verify_value_of_type(struct verifier *v, unsigned type);
bool verify_is_reference(unsigned type);

/* ---- verify_call.c ---- */

bool verify_enter(struct verifier *v);
/** @brief Whether a record can have a type id: false if it is a known function of another type. */
bool verify_may_have_type(struct verifier *v, uint32_t record, uint32_t id);
bool verify_call(struct verifier *v, const struct verify_insn *i);
bool verify_call_to(struct verifier *v, const struct verify_insn *i);
bool verify_return(struct verifier *v, const struct verify_insn *i);
bool verify_tail_call(struct verifier *v, const struct verify_insn *i);
bool verify_tail_call_to(struct verifier *v, const struct verify_insn *i);
/** @brief Whether the pinned registers hold the function's own context and base. */
static inline bool verify_is_home(struct verifier *v)
{
    const uint32_t *now = v->now->out, *entry = v->entry;
    uint8_t context = v->m->context, base = v->m->base;
    return value_same(v, now[context], entry[context]) && value_same(v, now[base], entry[base]);
}

/* ---- verify_step.c, verify_frame.c ---- */

/** @brief Go through the instructions of a block. */
bool verify_steps(struct verifier *v, const struct verify_insn *i, const struct verify_insn *end);
/** @brief verify_set() for a register with a role, or one that may not be written here. */
bool verify_set_role(struct verifier *v, unsigned reg, uint32_t node);
/** @brief Write a register; one with a role accepts only certain values. */
bool verify_set(struct verifier *v, unsigned reg, uint32_t node);
bool verify_push(struct verifier *v, const struct verify_insn *i);
bool verify_pop(struct verifier *v, const struct verify_insn *i);
bool verify_probe_loop(struct verifier *v, const struct verify_insn *i);
bool verify_clear_loop(struct verifier *v, const struct verify_insn *i);
/** @brief Whether an instruction reads below the stack pointer; if so, record how far. */
bool verify_is_probe(struct verifier *v, const struct verify_insn *i);
/** @brief Set the facts of a block's outgoing edges. */
bool verify_branch(struct verifier *v, const struct verify_insn *i);
bool verify_jump_table(struct verifier *v, const struct verify_insn *i);
/** @brief Whether an indirect jump may lead to a block. */
bool verify_starts_with_pad(const struct verifier *v, uint32_t block);
