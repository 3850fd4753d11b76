// SPDX-License-Identifier: MIT
//
// What the files of the verifier share. One struct verifier proves one function:
//
//   verify_flow.c   decodes what can be reached, and makes blocks and an order of them
//   verify_loop.c   which registers a loop changes
//   verify_value.c  what registers and stack cells hold, over blocks, and what is asked of that
//   verify_fact.c   what comparisons on the way here have shown
//   verify_address.c, verify_access.c  where an access goes, and whether it may
//   verify_call.c   entry, calls, returns
//   verify_step.c   what each instruction does to all of that
//
// Values are nodes, named by a 32-bit index. A node never changes what it is; what differs between
// two ways to a block is a VALUE_MERGE.
#pragma once

#include "kernel/jit/arena.h"
#include "kernel/jit/verify/verify.h"
#include "kernel/lib/compiler.h"

#define NO_NODE  UINT32_MAX
#define NO_BLOCK UINT32_MAX

/** What is known of a value. "Number": the program may compute and store it. */
enum value_kind {
    VALUE_UNDEFINED, /**< was never written, or a call left it */
    VALUE_BYTE,      /**< only the low byte is a number: as VALUE_BOOL, or n is NO_NODE */
    VALUE_NUMBER,    /**< below 2^width */
    VALUE_CONST,     /**< n */
    VALUE_LOW,       /**< the low 32 bits of node a */
    VALUE_SUM,       /**< low 32 bits of node a, plus n; a number */
    VALUE_SCALED,    /**< low 32 bits of node a, shifted left by `shift`; a number */
    VALUE_BOOL,      /**< 0 or 1: whether condition `shift` of comparison n holds */
    VALUE_LENGTH,    /**< of table n; a number */
    VALUE_BYTES,     /**< length of memory 0; a number */
    VALUE_TYPE,      /**< type id of the record at node a; a number */
    VALUE_NUMBER_LAST = VALUE_TYPE,
    VALUE_REFERENCE,      /**< of type n (enum verify_type), perhaps null */
    VALUE_CONTEXT,        /**< this function's context, plus n */
    VALUE_WINDOW,         /**< base of memory 0, plus n, plus (low half of a) << shift, if any */
    VALUE_FRAME,          /**< the stack pointer at entry, plus n */
    VALUE_SAVED,          /**< register n as the caller had it */
    VALUE_RETURN,         /**< the return address */
    VALUE_CODE_OF,        /**< entry of the function whose record is at node a */
    VALUE_CONTEXT_OF,     /**< its context */
    VALUE_BASE_OF,        /**< the base of memory 0 of that context */
    VALUE_RECORD,         /**< address of the record of field n */
    VALUE_TABLE,          /**< address of table n */
    VALUE_ELEMENTS,       /**< of table n, until the next call: a is the epoch */
    VALUE_ELEMENT,        /**< node a (elements), plus 8 * low half of node n */
    VALUE_CELL,           /**< address of the cell of field n */
    VALUE_LENGTH_ADDRESS, /**< address of VALUE_BYTES */
    VALUE_FLAG_ADDRESS,   /**< address of a flag */
    VALUE_HELPER,         /**< address of helper n, which takes VALUE_HOST first if a is set */
    VALUE_HOST,           /**< what helper n takes first */
    VALUE_CODE_ADDRESS,   /**< in this function */
    VALUE_EPOCH,          /**< between two calls; in no register */
    VALUE_MERGE,          /**< differs by the way here */
};

/** What is asked of a value that is not known yet. */
enum demand {
    DEMAND_DEFINED = 1,
    DEMAND_NUMBER = 2,
    DEMAND_U32 = 4,     /**< a number below 2^32 */
    DEMAND_FUNCREF = 8, /**< a reference, or null */
    DEMAND_EXTERNREF = 16,
    DEMAND_WHOLE = 32, /**< of a stack cell: all 8 bytes were written */
};

struct value {
    uint8_t kind;  /* enum value_kind */
    uint8_t width; /* of a number: below 2^width */
    uint8_t shift;
    uint8_t demands; /* made already; of a merge */
    uint32_t a;
    uint64_t n;
};

/** Of a VALUE_MERGE: value.a is its index here, value.n the node that comes first, which is none.
 */
struct merge {
    uint32_t node;
    uint32_t block;    /* whose start it is at; NO_BLOCK: one of two operands, first and equals */
    uint32_t location; /* register or cell */
    uint32_t first;    /* what comes forwards; of a whole merge: operands in the pool */
    uint32_t count;    /* of operands; 0: the block is the header of a loop, more come backwards */
    uint32_t equals;   /* the node that it has been taken for, or NO_NODE */
    uint32_t low;      /* VALUE_LOW of it, or NO_NODE */
    uint64_t most;     /* what it has to be at most, UINT64_MAX: anything */
    uint8_t lowered;   /* how often that was asked, lower each time */
    bool is_half;      /* a cell of which 4 bytes were written */
    bool is_pending;   /* something was asked since it was looked at last */
};

/* Locations: registers, the epoch, the cells next to the entry's stack pointer, then all other
 * cells of the stack by their offset. Those before LOCATIONS are kept for each block. */
#define LOCATION_EPOCH VERIFY_REGISTERS
#define LOCATION_CELLS (VERIFY_REGISTERS + 1)
#define LOCATIONS      64u
#define NEAR_BYTES     (8 * (int64_t)(LOCATIONS - LOCATION_CELLS))
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
    uint32_t jump;   /* one long before it */
    uint32_t depth;
    uint32_t same; /* an older one with the same hash */
    uint8_t kind;
    uint64_t n;
};

struct block {
    uint32_t first, count;      /* instructions */
    uint32_t *in;               /* at the start, as far as that was looked up: ~node; or NULL */
    uint64_t writes;            /* locations; of a header: that its loop writes */
    int32_t sp;                 /* from the entry, at the start */
    uint32_t fp;                /* node, at the start */
    uint32_t facts;             /* at the start, then at the end */
    uint32_t edge_facts[2];     /* if the last branch is taken, if not */
    uint32_t succs, succ_count; /* in the pool of edges: blocks */
    uint32_t preds, pred_count; /* in the pool of edges: block << 1 | which of its facts */
    uint32_t order;             /* in which blocks are looked at */
    uint32_t loop_end;          /* of a header: the order of its loop's last block */
    uint32_t low;               /* the least order of a block before it, but of a header's own */
    bool is_header;             /* some edge comes backwards */
    bool has_cells;             /* some cell's value is remembered for it */
    bool in_loop;
    bool is_done, has_entry;
    bool flags_open;         /* at the start: struct verifier */
    uint32_t out[LOCATIONS]; /* nodes at the end; while the block is looked at, now; last: it is not
                              * cleared */
};

/** The last comparison, if nothing has changed the flags since. */
struct comparison {
    uint32_t a, b;
    uint8_t size;
    uint8_t depth; /* of comparisons whose results it compares */
    bool is_valid, is_test;
};

struct cell_slot {
    uint64_t key; /* block + 1 << 32 | location */
    uint32_t value;
};

/* A cell that is written in the prologue and never again. */
#define KEPT_MAX 16u
struct kept_cell {
    uint32_t location, node;
};

struct look_up_frame {
    uint32_t block, next; /* which predecessor */
    uint32_t ways;        /* where its values begin in the list of ways */
};

struct verifier {
    const struct verify_machine *m;
    struct block *now; /* blocks[block] */
    uint64_t plain;    /* registers without a role, as bits */
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
    uint32_t swept;  /* what is before it and not reached yet is looked at late */
    uint8_t unit_shift;
    bool is_late;
    uint64_t written; /* locations, as bits, that any instruction has written */
    uint64_t called;  /* those that a call writes */
    struct block *blocks;
    uint32_t block_count; /* of leaders, while code is decoded */
    uint32_t *lates;      /* offsets that are reached by jumps backwards, perhaps only so */
    uint32_t late_count, late_capacity;
    struct table_use *tables;
    uint32_t table_count, table_capacity;
    uint64_t target_count; /* of all of them */
    uint32_t *edges;
    uint32_t edge_count;
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
    uint32_t *pending_merges; /* of which something was asked */
    uint32_t pending_merge_count, pending_merge_capacity;
    struct look_up_frame *frames;
    uint32_t frame_capacity;
    uint32_t *ways; /* values of blocks' predecessors, while they are collected */
    uint32_t way_count, way_capacity;
    uint32_t entry[LOCATIONS];       /* at the entry */
    struct kept_cell kept[KEPT_MAX]; /* what the prologue saves, for as long as the frame is */
    uint32_t kept_count;
    uint32_t zero, undefined; /* nodes */
    unsigned looks;           /* left, of verify_demand.c */

    /* verify_fact.c */
    struct fact *facts;
    uint32_t fact_count, fact_capacity;
    uint32_t *fact_table;
    uint32_t fact_table_size;

    /* The walk. */
    uint32_t block;   /* that is looked at */
    uint32_t at;      /* offset of the instruction */
    int32_t sp;       /* from the entry */
    int32_t probed;   /* the lowest that a probe has reached */
    int64_t frame;    /* the frame pointer after the first block, from the entry */
    bool foresees;    /* cells that loops write: verify_loop.c */
    bool was_wrong;   /* and one was not foreseen */
    int32_t incoming; /* bytes of cells that the function was called with */
    bool is_leaving;  /* the stack pointer has risen: only the return is left */
    uint32_t facts_now;
    struct comparison flags;
    bool flags_open;                /* a probe left them: they tell of what lies below the stack */
    struct comparison *comparisons; /* that VALUE_BOOL tells of */
    uint32_t comparison_count, comparison_capacity;
};

/** A jump through a table, and where its targets are in the pool of edges. */
struct table_use {
    uint32_t insn;
    struct verify_table table;
};

/** @brief Refuse the function at v->at. Only the first reason is kept. @return false. */
bool verify_refuse(struct verifier *v, const char *text);
/** @brief Room in an array that has none; false: no memory, which is noted. */
bool verify_grow(struct verifier *v, void *array, uint32_t *capacity, uint64_t needed,
                 size_t element);
/** @brief Room in an array of the arena, not cleared; false: no memory, which is noted. */
static inline bool verify_room(struct verifier *v, void *array, uint32_t *capacity, uint64_t needed,
                               size_t element)
{
    return needed <= *capacity || verify_grow(v, array, capacity, needed, element);
}
#define ROOM(v, array, more)                                                                       \
    verify_room((v), &(v)->array##s, &(v)->array##_capacity,                                       \
                (uint64_t)(v)->array##_count + (more), sizeof *(v)->array##s)

/* ---- verify_flow.c ---- */

/** @brief Decode, find blocks, edges and an order. */
bool verify_find_blocks(struct verifier *v);

/* ---- verify_loop.c ---- */

/** @brief Note which cells each block writes, and, of headers, what their loops write. The first
 * block has been looked at. */
void verify_find_loops(struct verifier *v);

/* ---- verify_value.c, verify_place.c, verify_demand.c ---- */

uint32_t value_new(struct verifier *v, unsigned kind, uint32_t a, uint64_t n);
uint32_t value_number(struct verifier *v, unsigned width);
uint32_t value_bounded(struct verifier *v, uint64_t largest);
uint32_t value_const(struct verifier *v, uint64_t n);
/** How wide a result is, by the widths of its operands; struct value.shift of a VALUE_NUMBER. */
enum value_rule {
    RULE_NONE,
    RULE_ADD, /**< one more than the wider */
    RULE_OR,  /**< as the wider */
    RULE_AND, /**< as the smaller */
    RULE_MUL, /**< both together */
    RULE_MAX, /**< no rule: n is the largest that it can be */
};
/** The second operand of a rule, as an instruction has it. */
struct shifted {
    uint32_t node;
    uint8_t extend, shift, size;
};
/** @brief A number that was computed: below 2^limit, and as narrow as its operands turn out to be.
 */
uint32_t value_computed(struct verifier *v, unsigned rule, uint32_t a, struct shifted b,
                        unsigned limit);
/** @brief Bits of a node, as far as they are known: 64 of what is no number. */
unsigned value_width(const struct verifier *v, uint32_t node);
/** @brief Whether it may turn out to be smaller: it is a merge, or computed from one. */
static inline bool value_is_open(const struct value *x)
{
    return x->kind == VALUE_MERGE || x->kind == VALUE_LOW ||
           (x->kind == VALUE_NUMBER && x->shift != RULE_NONE && x->shift != RULE_MAX);
}
/** @brief The largest that it can be, likewise. */
uint64_t value_largest(const struct verifier *v, uint32_t node);
/** @brief One of two. */
uint32_t value_either(struct verifier *v, uint32_t a, uint32_t b);
static inline const struct value *value_of(const struct verifier *v, uint32_t node)
{
    return &v->values[node];
}
static inline bool value_is_number(const struct value *x)
{
    return x->kind >= VALUE_NUMBER && x->kind <= VALUE_NUMBER_LAST;
}
/** @brief Whether two nodes are one value. */
bool value_same(const struct verifier *v, uint32_t a, uint32_t b);
/** @brief value_demand() of what is no number, or has to be more than that. */
bool value_demand_more(struct verifier *v, uint32_t node, unsigned demands);
/** @brief Ask something of a value, now or, if it is not known yet, at the end. */
static inline bool value_demand(struct verifier *v, uint32_t node, unsigned demands)
{
    const unsigned plain = DEMAND_DEFINED | DEMAND_NUMBER | DEMAND_WHOLE;
    return (value_is_number(value_of(v, node)) && (demands & ~plain) == 0) ||
           value_demand_more(v, node, demands);
}
/** @brief Ask that a value is another one: of a merge that turns out to be none. */
bool value_demand_equal(struct verifier *v, uint32_t node, uint32_t other);
/** @brief What comes first where ways meet, and where the ways of that met, and so on: any other
 * value is its own first. */
uint32_t value_first(const struct verifier *v, uint32_t node);
/** @brief Of a value at the head of a loop, what came forwards: it may be that, which has to be
 * demanded. @return NO_NODE: it is no such value. */
uint32_t value_forward(const struct verifier *v, uint32_t node);
struct merge *value_merge(const struct verifier *v, uint32_t node);
/** @brief What comes on several ways, as one value; with CELL_HALF. */
uint32_t value_join(struct verifier *v, uint32_t block, uint32_t location, const uint32_t *values,
                    uint32_t count);
/** @brief What a loop has at its head, if `value` came forwards. */
uint32_t value_into_loop(struct verifier *v, uint32_t block, uint32_t location, uint32_t value);
/** @brief An address as it is on the first way here: it does not differ by the way. Anything else
 * is left as it is. */
uint32_t value_settle(struct verifier *v, uint32_t node);
/** @brief Likewise of the index of a table, as bytes. */
uint32_t value_settle_scaled(struct verifier *v, uint32_t node);
/** @brief Find what registers hold at the start of the block. */
void value_enter_block(struct verifier *v);
/** @brief A register that is used as an address, if it is one. */
uint32_t value_address(struct verifier *v, unsigned reg);
/** @brief Whether a number is at most this; asks for it. @return false: it need not be. */
bool value_at_most(struct verifier *v, uint32_t node, uint64_t largest);
/** @brief Likewise, below 2^width. */
bool value_narrow(struct verifier *v, uint32_t node, unsigned width);
/** @brief Its low 32 bits as a number. */
uint32_t value_low(struct verifier *v, uint32_t node);
/** @brief What facts are kept by: the node whose low half is that of this one. */
uint32_t value_root(const struct verifier *v, uint32_t node);

/** @brief What a location has at the end of a block; with CELL_HALF. */
uint32_t value_at_end(struct verifier *v, uint32_t block, uint32_t location);
/** @brief What a register, or the epoch, holds now. */
static inline uint32_t value_register(struct verifier *v, unsigned reg)
{
    uint32_t value = v->now->out[reg];
    return (value & OUT_LATER) == 0 ? value : value_at_end(v, v->block, reg);
}
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
/** @brief What is in a cell: a node, with CELL_HALF. */
uint32_t value_load_cell(struct verifier *v, int64_t offset);
bool value_store_cell(struct verifier *v, int64_t offset, uint32_t value);
/** @brief At the end: whether everything that was asked holds. */
bool value_finish(struct verifier *v);

/* ---- verify_fact.c ---- */

uint32_t fact_add(struct verifier *v, uint32_t list, unsigned kind, uint32_t node, uint64_t n);
/** @brief Whether a fact of a kind holds here: with this n (FACT_BELOW_LENGTH), or one that is no
 * smaller. */
bool fact_holds(struct verifier *v, unsigned kind, uint32_t node, uint64_t n);
/** @brief The type id that a record was found to have. @return false: none. */
bool fact_type(struct verifier *v, uint32_t node, uint32_t *id);
/** @brief The condition that holds if `cond` does not. */
unsigned fact_opposite(unsigned cond);
/** @brief The facts that are in both lists. */
uint32_t fact_common(const struct verifier *v, uint32_t a, uint32_t b);
/** @brief What a branch on a comparison shows. @return the list with that. */
uint32_t fact_from(struct verifier *v, uint32_t list, const struct comparison *c, unsigned cond);

/* ---- verify_address.c, verify_access.c ---- */

/** Where an access goes: base + n + (low half of root << shift), and up to `slack` more. */
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
/** @brief Bits of a number that is extended and shifted, in an operation of `size` bytes. */
unsigned verify_width_shifted(unsigned width, unsigned extend, unsigned shift, unsigned size);
/** @brief The largest that a number can be when it is extended and shifted. */
uint64_t verify_largest_shifted(uint64_t largest, struct shifted b);
uint32_t verify_lea(struct verifier *v, const struct verify_insn *i);
/** @brief The address of an index that the program may have: base of memory 0, or of a table. */
bool verify_window(struct verifier *v, const struct address *a, unsigned bytes);
bool verify_element(struct verifier *v, const struct address *a, uint32_t *table);
/** @brief Read memory, `more` bytes behind where the operand is. @return what is there, extended
 * with zeros; a refusal is noted. */
uint32_t verify_read(struct verifier *v, const struct verify_insn *i, unsigned bytes, int64_t more);
/** @param value  NO_NODE: a number of no further interest. */
bool verify_write(struct verifier *v, const struct verify_insn *i, unsigned bytes, int64_t more,
                  uint32_t value);
/** @brief Likewise, `at` from the stack pointer at entry. */
bool verify_write_frame(struct verifier *v, int64_t at, unsigned bytes, uint32_t value);
/** @brief Whether the instruction, which may fault, has a row for that. */
bool verify_row(struct verifier *v, const struct verify_insn *i, unsigned trap);
const struct verify_field *verify_field_at(const struct verifier *v, uint64_t offset);
/** @brief Demand what a type asks of a value in a register. */
bool verify_typed(struct verifier *v, uint32_t node, unsigned type);
uint32_t verify_value_of_type(struct verifier *v, unsigned type);
bool verify_is_reference(unsigned type);

/* ---- verify_call.c ---- */

bool verify_enter(struct verifier *v);
bool verify_call(struct verifier *v, const struct verify_insn *i);
bool verify_call_to(struct verifier *v, const struct verify_insn *i);
bool verify_return(struct verifier *v, const struct verify_insn *i);
/** @brief Whether the pinned registers are the function's own. */
bool verify_is_home(struct verifier *v);

/* ---- verify_step.c, verify_frame.c ---- */

bool verify_step(struct verifier *v, const struct verify_insn *i);
/** @brief verify_set() of a register that has a role, or that cannot be written here. */
bool verify_set_role(struct verifier *v, unsigned reg, uint32_t node);
/** @brief Write a register, with what those that have a role allow. */
static inline bool verify_set(struct verifier *v, unsigned reg, uint32_t node)
{
    uint64_t plain = v->now->writes & v->plain;
    if (v->status == OK && reg < VERIFY_REGISTERS && (plain >> reg & 1) != 0) {
        v->now->out[reg] = node;
        return true;
    }
    return verify_set_role(v, reg, node);
}
bool verify_push(struct verifier *v, const struct verify_insn *i);
bool verify_pop(struct verifier *v, const struct verify_insn *i);
bool verify_probe_loop(struct verifier *v, const struct verify_insn *i);
bool verify_clear_loop(struct verifier *v, const struct verify_insn *i);
/** @brief Whether an instruction reads below the stack pointer, and then note how far that is. */
bool verify_is_probe(struct verifier *v, const struct verify_insn *i);
/** @brief Facts of the edges out of a block. */
bool verify_branch(struct verifier *v, const struct verify_insn *i);
bool verify_jump_table(struct verifier *v, const struct verify_insn *i);
