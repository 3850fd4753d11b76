// SPDX-License-Identifier: MIT
//
// Shared by the files that build a function from a body. One pass validates the body, with the
// algorithm of the specification's appendix, and builds the representation.
//
// Unreachable code is validated but not built: `live` is false, and values are 0. An error is
// recorded in the reader; the current operator runs to its end, and the loop over the operators
// checks. The same holds when memory runs out (ir_function.error).
#pragma once

#include "kernel/wasm/front/operators.h"
#include "kernel/wasm/front/scan.h"

/** An operand. Type 0 means any type, in unreachable code. */
struct build_value {
    uint32_t value;
    uint32_t type; /* with what it refers to */
};

/** Types of a block. */
struct wasm_block_type {
    const uint32_t *params, *results;
    uint32_t param_count, result_count;
};

enum build_frame_kind {
    FRAME_FUNCTION,
    FRAME_BLOCK,
    FRAME_LOOP,
    FRAME_IF,
    FRAME_ELSE,
    FRAME_TRY_TABLE,
    FRAME_TRY,
    FRAME_HANDLER, /* a try after its body */
};

/** A block that has not ended. */
struct build_frame {
    uint8_t kind; /* enum build_frame_kind */
    /* the block is unreachable here: popping below `height` yields operands of any type */
    bool polymorphic;
    bool was_live; /* its start is reachable */
    struct wasm_block_type type;
    uint32_t height;   /* operands on the stack below the block's own */
    uint32_t id;       /* ascending; a local's `logged` and `time` refer to it */
    uint32_t log;      /* where its log begins */
    uint32_t pending;  /* branches to its end: the latest one, or IR_NONE */
    uint32_t pendings; /* their number */
    uint64_t *live;    /* locals that are live at the label, one bit each; NULL: all */
    /* the same for the header of the innermost loop around it, or its own header; NULL: no loop, or
     * all are live */
    uint64_t *loop_live;
    uint32_t loop;           /* of a loop: its number in the scan */
    uint32_t header;         /* of a loop: its header block */
    uint32_t outer_loop;     /* id of the innermost loop around it */
    uint32_t saved;          /* of an if: where its parameters are kept */
    uint32_t inits;          /* locals without a default that had been set before it */
    uint32_t else_edge;      /* of an if */
    uint32_t chain, chained; /* during a br_table: the edges to this label, the latest first */
    /* Of a try, build_try.c: */
    uint32_t outer_guard;     /* wasm_builder.guard outside of it */
    uint32_t unwind, unwinds; /* like `pending`, to the place where its exceptions arrive */
    uint64_t *unwind_live;    /* locals that are live there */
    uint32_t clauses;         /* of a try_table: its first one in the list of clauses */
    uint32_t exception;       /* of a try with handlers: what they have caught */
    uint32_t next_handler;    /* the block reached if no handler so far fits, or IR_NONE */
    uint32_t handler_locals;  /* where the handlers' locals are kept */
    bool catches_all;
};

/** The value that a local had before its block set it. */
struct wasm_log_entry {
    uint32_t local, value, logged;
};

/** A branch to the end of a block whose parameters are not known yet, with the values that it
 * passes. If it has several edges (of a br_table), they are linked through `args`. */
struct wasm_pending {
    uint32_t next;
    uint32_t edge, edges; /* the first one, and their number */
    uint32_t notes;       /* index in `notes`: operands, then pairs of local and value */
    uint32_t changes;     /* number of pairs */
};

/** An array that grows. */
struct wasm_list {
    uint32_t *words;
    uint32_t count, capacity;
};

struct wasm_builder {
    struct wasm_reader r;
    const struct wasm_module *m;
    const struct wasm_function *function;
    struct arena *temporary; /* freed when the function is built */
    struct ir_function *f;
    struct wasm_scan scan;
    const uint8_t *here;     /* the current operator */
    const char *name;        /* its name */
    bool live;               /* control can reach this point */
    bool validates;          /* only: nothing is built, as if nothing was reachable */
    bool moves_context;      /* a tail call with another context was found */
    bool overrun;            /* edges have more operands than the budget allows: build again */
    uint64_t work, work_max; /* the budget */

    struct build_value *stack;
    uint32_t depth, stack_capacity;
    struct build_frame *frames;
    struct build_frame *top;
    uint32_t frame_count, frame_capacity;

    uint32_t now;     /* id of the frame that was entered last */
    uint32_t newest;  /* the local that was set last, or IR_NONE */
    uint32_t guard;   /* the innermost try that catches what is thrown here: frame + 1; 0: none */
    uint32_t loop_id; /* id of the innermost loop that has not ended, or 0 */
    uint32_t blocks_seen;          /* number of blocks of any kind that have begun */
    uint32_t loops_seen;           /* number of loops that have begun */
    uint32_t stamp;                /* identifies the latest merge */
    uint32_t zeros[IR_TYPE_COUNT]; /* constants: the initial values of locals */
    /* slots for the operands and the result of WASM_HELPER_VECTOR; IR_NONE: none yet */
    uint32_t help_slot, help_result;

    struct wasm_log_entry *log;
    struct wasm_pending *pending;
    uint32_t log_count, log_capacity, pending_count, pending_capacity;
    struct wasm_list notes, saved, touched, labels;
    struct wasm_list callees; /* if it only validates */
    struct wasm_list clauses; /* of try_tables that have not ended */
    struct wasm_list inits;   /* locals without a default that have been set, in this order */
};

/* Alias classes. */
enum {
    CLASS_MEMORY = 0,
    CLASS_CONTEXT, /* not written while a function runs */
    CLASS_LENGTH,  /* the length of memory */
    CLASS_TABLES,  /* addresses and lengths of tables */
    CLASS_FUNCTIONS,
    CLASS_FRAME,
    CLASS_IMPORTED_GLOBALS,
    CLASS_IMPORTED_TABLES,
    CLASS_STOP,
    CLASS_GLOBALS = 16, /* from here on one class for each global, while there are numbers */
    CLASS_ELEMENTS = 192,
    CLASS_END = 256,
};

/* ---- Errors ---- */

/** Record that the current operator is invalid: "i32.add: type mismatch ...". @return false. */
#define BUILD_INVALID(b, fmt, ...)                                                                 \
    wasm_fail(&(b)->r, (b)->here, E_CORRUPT, "%s: " fmt, (b)->name, ##__VA_ARGS__)

/** @brief Whether building can continue. */
static inline bool build_ok(const struct wasm_builder *b)
{
    return b->r.status == OK && b->f->error == OK;
}

/** @brief Make room for `needed` elements of a temporary array. @return false: an error is
 * recorded. */
bool build_grow(struct wasm_builder *b, void *array, uint32_t *capacity, uint64_t needed,
                size_t size);
static inline bool build_reserve(struct wasm_builder *b, void *array, uint32_t *capacity,
                                 uint64_t needed, size_t size)
{
    return LIKELY(needed <= *capacity) || build_grow(b, array, capacity, needed, size);
}

/** @brief Append a word. @return false: an error is recorded. */
static inline bool build_append(struct wasm_builder *b, struct wasm_list *l, uint32_t word)
{
    if (!build_reserve(b, &l->words, &l->capacity, (uint64_t)l->count + 1, sizeof word)) {
        return false;
    }
    l->words[l->count++] = word;
    return true;
}

/** @brief Charge the budget for operands of edges, and for work that costs as much. */
static inline void build_spend(struct wasm_builder *b, uint64_t units)
{
    b->work += units;
    b->overrun = b->overrun || b->work > b->work_max;
}

/* ---- Instructions ---- */

/** @brief A vector operation, computed by a helper. Code is live here. */
uint32_t build_vector_help(struct wasm_builder *b, unsigned op, unsigned type, uint32_t x,
                           uint32_t y, uint32_t z);

static inline uint32_t build_emit(struct wasm_builder *b, unsigned op, unsigned type, uint32_t a,
                                  uint32_t second, uint32_t c)
{
    if (UNLIKELY(op > IR_V128_CONST) && b->live && b->m->helps_vectors) {
        return build_vector_help(b, op, type, a, second, c);
    }
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

uint32_t build_load(struct wasm_builder *b, unsigned type, uint32_t index, struct ir_memref memref);
void build_store(struct wasm_builder *b, uint32_t index, uint32_t value, struct ir_memref memref);

/* ---- The stack of operands ---- */

static inline void build_push(struct wasm_builder *b, uint32_t type, uint32_t value)
{
    /* The loop over the operators keeps room for two. */
    b->stack[b->depth++] = (struct build_value){value, type};
}

uint32_t build_pop_slowly(struct wasm_builder *b, uint32_t type);

/** @brief Pop an operand of this type. */
static inline uint32_t build_pop(struct wasm_builder *b, uint32_t type)
{
    if (LIKELY(b->depth > b->top->height && b->stack[b->depth - 1].type == type)) {
        return b->stack[--b->depth].value;
    }
    return build_pop_slowly(b, type);
}

/** @brief Pop an operand of any type. */
struct build_value build_pop_any(struct wasm_builder *b);

bool build_stack_grow(struct wasm_builder *b, uint32_t n);

/** @brief Make room for n more operands, and two. @return false: an error is recorded. */
static inline bool build_stack_room(struct wasm_builder *b, uint32_t n)
{
    return LIKELY((uint64_t)b->depth + n + 2 <= b->stack_capacity) || build_stack_grow(b, n);
}

/** @brief Check that the operands on top have these types. They stay on the stack; operands of
 * unknown type get these types. */
bool build_expect(struct wasm_builder *b, const uint32_t *types, uint32_t count);

/** @brief Pop a reference of any type. */
struct build_value build_pop_reference(struct wasm_builder *b);

/* ---- Locals: build_locals.c ---- */

/** @brief Give each local its initial value. The entry is the current block. */
bool build_locals_start(struct wasm_builder *b);
uint32_t build_local_get(struct wasm_builder *b, uint32_t local);
void build_local_set(struct wasm_builder *b, uint32_t local, uint32_t value);
/** @brief Whether the value of a local may still be read after a frame's label. */
static inline bool build_local_is_live(const struct build_frame *frame, uint32_t local)
{
    return frame->live == NULL || (frame->live[local / 64] >> local % 64 & 1) != 0;
}
/** Debug builds forget values that must not be read any longer, so that reading one is noticed. */
#ifdef HALYARD_DEBUG
#define BUILD_FORGETS true
#else
#define BUILD_FORGETS false
#endif
/** @brief A block or a part of it ends: locals without a default that were set in the top frame
 * count as not set. */
void build_locals_forget(struct wasm_builder *b);
/** @brief Restore all locals to their values at the start of the top frame. */
void build_locals_undo(struct wasm_builder *b);
/** @brief The top frame ends and no branch leads to its end: its log becomes part
 * of its parent's. */
void build_locals_keep(struct wasm_builder *b);

/* ---- Control: build_control.c, build_branch.c, build_merge.c ---- */

bool build_frame_push(struct wasm_builder *b, unsigned kind, struct wasm_block_type type);
/** @brief From here to the end of the block nothing is reachable. */
void build_unreachable(struct wasm_builder *b);
/** @brief Create an edge whose target build_branch() will set. */
uint32_t build_open_edge(struct wasm_builder *b);
/** @brief Make an edge lead to a frame's label, with the operands on top as arguments. */
void build_branch(struct wasm_builder *b, struct build_frame *frame, uint32_t edge, uint32_t edges);
/** @brief The top frame has ended and left the stack: continue after it, with the values that its
 * branches pass. `results` are on top of the operands. */
void build_merge(struct wasm_builder *b, const struct build_frame *frame);

/** @brief Like build_branch(), for an edge from the start of the frame: no local has changed. */
void build_branch_unchanged(struct wasm_builder *b, struct build_frame *frame, uint32_t edge,
                            const uint32_t *values);

/** @brief Return with the operands on top. */
void build_return(struct wasm_builder *b);
/** @brief Branch to a frame's label unconditionally. @param frame  NULL: there is no such label,
 * which is recorded. */
void build_br_to(struct wasm_builder *b, struct build_frame *frame);
void build_br(struct wasm_builder *b);
void build_br_if(struct wasm_builder *b);
void build_br_table(struct wasm_builder *b);
void build_br_on_null(struct wasm_builder *b, bool when_null);

void build_control(struct wasm_builder *b, unsigned action);

/** @brief Read a block's type, and check that its parameters are on the stack. */
bool build_begin(struct wasm_builder *b, struct wasm_block_type *type);
/** @brief Check that exactly the results of the frame on top are on the stack. */
bool build_check_results(struct wasm_builder *b);
/** @brief Turn the fall through at the end of a block into a branch, after build_check_results().
 * Nothing is reachable then. */
void build_close(struct wasm_builder *b);
/** @brief The same at the end of a part of a block, with the check. @return false: an error is
 * recorded. */
bool build_end_part(struct wasm_builder *b);
/** @brief The frame on top ends; its results are on the stack. */
void build_end_frame(struct wasm_builder *b);
/** @brief The frame of a label. @return NULL: unknown, recorded. */
struct build_frame *build_label(struct wasm_builder *b, uint32_t n);
/** @brief The values that a branch to a label passes. */
const uint32_t *build_label_types(const struct build_frame *frame, uint32_t *count);
/** @brief Emit a branch to a label with the operands on top, whose types were checked. */
void build_br_emit(struct wasm_builder *b, struct build_frame *frame);

/* ---- Exceptions: build_try.c ---- */

/** @brief An edge to where the exceptions of a try arrive. */
uint32_t build_unwind_edge(struct wasm_builder *b, uint32_t guard);
/** @brief The block on top ends and is a try; build_check_results() has been called. */
void build_end_try(struct wasm_builder *b);
void build_exception(struct wasm_builder *b, unsigned action);
/**
 * @brief Emit a call that may unwind to b->guard, and continue where it returns.
 * @param pool  Two words for edges, then the operands. @return the call.
 */
uint32_t build_call_in_try(struct wasm_builder *b, uint32_t target, bool is_indirect, unsigned type,
                           uint32_t pool, uint32_t count);

/* ---- The other operators; each records its errors ---- */

void build_call(struct wasm_builder *b, bool is_tail);
void build_call_indirect(struct wasm_builder *b, bool is_tail);
void build_call_ref(struct wasm_builder *b, bool is_tail);
void build_memory_access(struct wasm_builder *b, const struct wasm_operator *o);
void build_memory_operator(struct wasm_builder *b, unsigned action);
void build_global(struct wasm_builder *b, bool sets);
void build_table_operator(struct wasm_builder *b, unsigned action);
void build_reference_operator(struct wasm_builder *b, unsigned action);

/**
 * @brief Read the place of a memory access. @param log2  Of its size in bytes.
 * @param access  enum ir_access.
 */
struct ir_memref build_memory_immediate(struct wasm_builder *b, unsigned log2, unsigned access);
/** @brief The same of an atomic access, whose alignment must be its size. */
struct ir_memref build_atomic_immediate(struct wasm_builder *b, unsigned log2, unsigned access);
/** @brief Pop the index of an access, checked as far as the access itself does not check it. May
 * change the offset. */
uint32_t build_memory_index(struct wasm_builder *b, struct ir_memref *memref);

/** @brief Pop an index, or a number of elements or bytes, of a table or memory, as an i32. An i64
 * that does not fit traps. */
uint32_t build_pop_index(struct wasm_builder *b, bool is_64, enum ir_trap trap);
/** @brief Pop the operand of a growth as an i32: one that always fails if it does not fit. */
uint32_t build_pop_growth(struct wasm_builder *b, bool is_64);
/** @brief Push an i32, a size or -1, as an index of the table or memory. */
void build_push_size(struct wasm_builder *b, bool is_64, uint32_t value);

/** @brief Build an operator with prefix 0xfd and action WASM_ACTION_VECTOR. Its immediates have
 * been checked to be complete, but not read yet. */
void build_vector_operator(struct wasm_builder *b, const struct wasm_operator *o);
/** @brief Build an operator with prefix 0xfe, likewise. */
void build_atomic_operator(struct wasm_builder *b, const struct wasm_operator *o);
/** @brief Let a helper load a vector from fewer than 16 bytes. */
uint32_t build_vector_load_help(struct wasm_builder *b, uint32_t index, struct ir_memref memref);
/** @brief The vector that is zero. */
uint32_t build_vector_zero(struct wasm_builder *b);

/** @brief Call a helper with up to four operands. @return its result. */
uint32_t build_helper(struct wasm_builder *b, unsigned helper, const uint32_t *args,
                      uint32_t count);
/** @brief An element of a table, after a bounds check. */
uint32_t build_table_element(struct wasm_builder *b, uint32_t table, uint32_t index);
/** @brief The address of a function's struct wasm_func. */
uint32_t build_function_address(struct wasm_builder *b, uint32_t function);
