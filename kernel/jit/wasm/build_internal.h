// SPDX-License-Identifier: MIT
//
// Shared by the parts that make a function of a body: validation by the algorithm of the
// specification's appendix, and the representation, in one pass.
//
// Code that cannot be reached is validated and not built: `live` is false, and values are 0. An
// error is noted in the reader, and the operator at hand runs to its end; the loop over the
// operators looks. So it is with memory that runs out (ir_function.error).
#pragma once

#include "kernel/jit/wasm/operators.h"
#include "kernel/jit/wasm/scan.h"

/** An operand: type 0 is any type, in code that cannot be reached. */
struct wasm_value {
    uint32_t value;
    uint8_t type;
};

/** Types of a block. */
struct wasm_block_type {
    const uint8_t *params, *results;
    uint32_t param_count, result_count;
};

enum wasm_frame_kind { FRAME_FUNCTION, FRAME_BLOCK, FRAME_LOOP, FRAME_IF, FRAME_ELSE };

/** A block that is open. */
struct wasm_frame {
    uint8_t kind;     /* enum wasm_frame_kind */
    bool polymorphic; /* the stack gives whatever is asked for, until the block ends */
    bool was_live;    /* its beginning can be reached */
    struct wasm_block_type type;
    uint32_t height;     /* operands below it */
    uint32_t id;         /* ascending; what a local's `logged` and `time` speak of */
    uint32_t log;        /* where its log begins */
    uint32_t pending;    /* branches to its end: the latest, or IR_NONE */
    uint32_t pendings;   /* how many */
    uint64_t *live;      /* locals that are live at the label, a bit each; NULL: all */
    uint64_t *loop_live; /* of the innermost loop that it is in, or is; NULL: none, or all are */
    uint32_t loop;       /* of a loop: its number by the scan */
    uint32_t header;     /* of a loop: its block */
    uint32_t outer_loop; /* id of the innermost loop around it */
    uint32_t saved;      /* of an if: where its parameters are kept */
    uint32_t else_edge;  /* of an if */
    uint32_t chain, chained; /* of a br_table at hand: edges to this, the latest first */
};

/** What a local was before its block set it. */
struct wasm_log_entry {
    uint32_t local, value, logged;
};

/** A branch to the end of a block whose parameters are not known yet: the values that it brings.
 * Edges that belong to it (several, of a br_table) are linked by their `args`. */
struct wasm_pending {
    uint32_t next;
    uint32_t edge, edges; /* the first, and how many */
    uint32_t notes;       /* where in `notes`: operands, then pairs of local and value */
    uint32_t changes;     /* how many pairs */
};

/** Room for an array that grows. */
struct wasm_list {
    uint32_t *words;
    uint32_t count, capacity;
};

struct wasm_builder {
    struct wasm_reader r;
    const struct wasm_module *m;
    const struct wasm_function *function;
    struct arena *temporary; /* all that is gone when the function is built */
    struct ir_function *f;
    struct wasm_scan scan;
    const uint8_t *here;     /* the one at hand */
    const char *name;        /* its */
    bool live;               /* instructions can be reached here */
    bool overrun;            /* more edge operands than the budget: build again */
    uint64_t work, work_max; /* the budget */

    struct wasm_value *stack;
    uint32_t depth, stack_capacity;
    struct wasm_frame *frames;
    struct wasm_frame *top;
    uint32_t frame_count, frame_capacity;

    uint32_t now;                  /* id of the frame that was entered last */
    uint32_t newest;               /* local that was set last, or IR_NONE */
    uint32_t loop_id;              /* of the innermost loop that is open, or 0 */
    uint32_t blocks_seen;          /* how many blocks of any kind have begun */
    uint32_t loops_seen;           /* how many loops have begun */
    uint32_t stamp;                /* of the latest merge */
    uint32_t zeros[IR_TYPE_COUNT]; /* the constants that locals begin with */

    struct wasm_log_entry *log;
    struct wasm_pending *pending;
    uint32_t log_count, log_capacity, pending_count, pending_capacity;
    struct wasm_list notes, saved, touched, labels;
};

/* Alias classes. */
enum {
    CLASS_MEMORY = 0,
    CLASS_CONTEXT, /* never written while a function runs */
    CLASS_LENGTH,  /* of memory */
    CLASS_TABLES,  /* where tables are, and how long */
    CLASS_FUNCTIONS,
    CLASS_FRAME,
    CLASS_IMPORTED_GLOBALS,
    CLASS_IMPORTED_TABLES,
    CLASS_STOP,
    CLASS_GLOBALS = 16, /* and on: one each, as far as they go */
    CLASS_ELEMENTS = 192,
    CLASS_END = 256,
};

/* ---- Errors ---- */

/** Note that the operator at hand is invalid: "i32.add: type mismatch ...". @return false. */
#define BUILD_INVALID(b, fmt, ...)                                                                 \
    wasm_fail(&(b)->r, (b)->here, E_CORRUPT, "%s: " fmt, (b)->name, ##__VA_ARGS__)

/** @brief Whether building can go on. */
static inline bool build_ok(const struct wasm_builder *b)
{
    return b->r.status == OK && b->f->error == OK;
}

/** @brief Room for `needed` elements of a temporary array. @return false: noted. */
bool build_grow(struct wasm_builder *b, void *array, uint32_t *capacity, uint64_t needed,
                size_t size);
static inline bool build_reserve(struct wasm_builder *b, void *array, uint32_t *capacity,
                                 uint64_t needed, size_t size)
{
    return LIKELY(needed <= *capacity) || build_grow(b, array, capacity, needed, size);
}

/** @brief Add a word. @return false: noted. */
static inline bool build_append(struct wasm_builder *b, struct wasm_list *l, uint32_t word)
{
    if (!build_reserve(b, &l->words, &l->capacity, (uint64_t)l->count + 1, sizeof word)) {
        return false;
    }
    l->words[l->count++] = word;
    return true;
}

/** @brief Count operands of edges, and what costs as much. */
static inline void build_spend(struct wasm_builder *b, uint64_t units)
{
    b->work += units;
    b->overrun = b->overrun || b->work > b->work_max;
}

/* ---- Instructions ---- */

static inline uint32_t build_emit(struct wasm_builder *b, unsigned op, unsigned type, uint32_t a,
                                  uint32_t second, uint32_t c)
{
    return b->live ? ir_emit(b->f, op, type, a, second, c) : 0;
}

static inline uint32_t build_const(struct wasm_builder *b, unsigned type, uint64_t bits)
{
    return b->live ? ir_const(b->f, type, bits) : 0;
}

/** @brief Trap unless the condition holds. */
static inline void build_require(struct wasm_builder *b, uint32_t condition, enum ir_trap trap)
{
    (void)build_emit(b, IR_TRAP_IF, IR_VOID, condition, trap, 0);
}

uint32_t build_load(struct wasm_builder *b, unsigned type, uint32_t index, struct ir_place place);
void build_store(struct wasm_builder *b, uint32_t index, uint32_t value, struct ir_place place);

/* ---- The stack of operands ---- */

static inline void build_push(struct wasm_builder *b, uint8_t type, uint32_t value)
{
    /* The loop over the operators keeps room for two. */
    b->stack[b->depth++] = (struct wasm_value){value, type};
}

uint32_t build_pop_slowly(struct wasm_builder *b, uint8_t type);

/** @brief An operand of the type. */
static inline uint32_t build_pop(struct wasm_builder *b, uint8_t type)
{
    if (LIKELY(b->depth > b->top->height && b->stack[b->depth - 1].type == type)) {
        return b->stack[--b->depth].value;
    }
    return build_pop_slowly(b, type);
}

/** @brief An operand of any type. */
struct wasm_value build_pop_any(struct wasm_builder *b);

bool build_stack_grow(struct wasm_builder *b, uint32_t n);

/** @brief Room for n more operands, and two. @return false: noted. */
static inline bool build_stack_room(struct wasm_builder *b, uint32_t n)
{
    return LIKELY((uint64_t)b->depth + n + 2 <= b->stack_capacity) || build_stack_grow(b, n);
}

/** @brief Check that the operands on top are of these types; they stay, and have them from then on.
 */
bool build_expect(struct wasm_builder *b, const uint8_t *types, uint32_t count);

/* ---- Locals: build_locals.c ---- */

/** @brief Give each local what it has at the start; the entry is the current block. */
bool build_locals_start(struct wasm_builder *b);
uint32_t build_local_get(struct wasm_builder *b, uint32_t local);
void build_local_set(struct wasm_builder *b, uint32_t local, uint32_t value);
/** @brief Whether what a local holds may still be read behind a frame's label. */
static inline bool build_local_is_live(const struct wasm_frame *frame, uint32_t local)
{
    return frame->live == NULL || (frame->live[local / 64] >> local % 64 & 1) != 0;
}
/** In debug builds, what nobody may read is no value. */
#ifdef HALYARD_DEBUG
#define BUILD_FORGETS true
#else
#define BUILD_FORGETS false
#endif
/** @brief Let locals be what they were when the top frame began. */
void build_locals_undo(struct wasm_builder *b);
/** @brief The frame on top ends and nothing else comes to its end: its log is its parent's. */
void build_locals_keep(struct wasm_builder *b);

/* ---- Control: build_control.c, build_branch.c, build_merge.c ---- */

bool build_frame_push(struct wasm_builder *b, unsigned kind, struct wasm_block_type type);
/** @brief From here to the end of the block nothing can be reached. */
void build_unreachable(struct wasm_builder *b);
/** @brief An edge that build_branch() makes lead somewhere. */
uint32_t build_open_edge(struct wasm_builder *b);
/** @brief An edge to a frame's label, with the operands on top as arguments. */
void build_branch(struct wasm_builder *b, struct wasm_frame *frame, uint32_t edge, uint32_t edges);
/** @brief The frame on top has ended and left the stack: go on behind it with what its branches
 * bring. `results` are on top of the operands. */
void build_merge(struct wasm_builder *b, const struct wasm_frame *frame);

/** @brief The same for an edge that comes from where the frame began: no local has changed. */
void build_branch_unchanged(struct wasm_builder *b, struct wasm_frame *frame, uint32_t edge,
                            const uint32_t *values);

/** @brief Return with the operands on top. */
void build_return(struct wasm_builder *b);
/** @brief Go to a frame's label, always. @param frame  NULL: there is none, which is noted. */
void build_br_to(struct wasm_builder *b, struct wasm_frame *frame);
void build_br(struct wasm_builder *b);
void build_br_if(struct wasm_builder *b);
void build_br_table(struct wasm_builder *b);

void build_control(struct wasm_builder *b, unsigned action);

/* ---- The rest of the operators; each notes what is wrong ---- */

void build_call(struct wasm_builder *b);
void build_call_indirect(struct wasm_builder *b);
void build_memory_access(struct wasm_builder *b, const struct wasm_operator *o);
void build_memory_operator(struct wasm_builder *b, unsigned action);
void build_global(struct wasm_builder *b, bool sets);
void build_table_operator(struct wasm_builder *b, unsigned action);
void build_reference_operator(struct wasm_builder *b, unsigned action);

/** @brief Alignment and offset of an access to memory. @param log2  Of its bytes.
 *  @return the offset. */
uint64_t build_memory_immediate(struct wasm_builder *b, unsigned log2);
/** @brief Place of an access. */
struct ir_place build_memory_place(uint64_t offset, unsigned access);

/** @brief An operator behind 0xfd whose action is WASM_ACTION_VECTOR. What follows it has been
 * checked to be there, and is still to be read. */
void build_vector_operator(struct wasm_builder *b, const struct wasm_operator *o);
/** @brief The vector that is zero. */
uint32_t build_vector_zero(struct wasm_builder *b);

/** @brief Call a helper with up to four operands. @return its result. */
uint32_t build_helper(struct wasm_builder *b, unsigned helper, const uint32_t *args,
                      uint32_t count);
/** @brief An element of a table, behind a check that there is one. */
uint32_t build_table_element(struct wasm_builder *b, uint32_t table, uint32_t index);
/** @brief What a function's struct wasm_func is found by: its address. */
uint32_t build_function_address(struct wasm_builder *b, uint32_t function);
