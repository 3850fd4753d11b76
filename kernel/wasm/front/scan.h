// SPDX-License-Identifier: MIT
//
// The pass over a body before it is built: which locals each loop sets, which are used at all and
// where they are live, and whether every operator is valid and complete.
#pragma once

#include "kernel/wasm/front/reader.h"

/** A local variable or parameter that the body mentions. */
struct wasm_local {
    uint32_t index; /* its index in the body */
    uint32_t uses;
    uint32_t type; /* with what it refers to */
    bool is_set;   /* for the builder: not null by now, if that is required */
    bool in_frame; /* lives in a slot of the frame: it is no value of the representation */
    uint32_t mark; /* for the scan: index in the list of locals that the loop sets, + 1 */

    /* Fields of the builder. */
    uint32_t value;        /* current value; with in_frame: its place in the function */
    uint32_t logged;       /* the frame whose log has the value from before that frame */
    uint32_t time;         /* the frame that had been entered last when it was set */
    uint32_t newer, older; /* list in the order of setting */
    uint32_t loop;         /* the last loop entered that sets it */
    uint32_t stamp, count, merged, parameter; /* used by a merge */
};

/** Locals that are declared together. */
struct wasm_run {
    uint32_t end; /* index after the last of them */
    uint32_t type;
};

struct wasm_set {
    uint32_t local, outer_mark;
};

/** Locals that a loop sets: numbers of struct wasm_local, scan.sets[first] and on. */
struct wasm_loop {
    uint32_t first, count;
    uint32_t start; /* for the scan */
    uint32_t outer;
};

/** The declared locals of a body, and the results of a scan. All memory is from the arena. */
struct wasm_scan {
    struct arena *arena;
    struct wasm_reader *r;
    const struct wasm_signature *signature;

    struct wasm_run *runs; /* in order, without parameters */
    uint32_t run_count, local_count;

    /* By index of a local: its index in `locals` + 1, or 0: not mentioned. Divided into pages,
     * because a body of a few bytes may declare the maximum number of locals. */
    uint32_t **numbers;
    struct wasm_local *locals;
    struct wasm_loop *loops; /* in the order in which they begin */
    uint32_t *sets;
    uint32_t used_count, loop_count, set_count;

    uint32_t *nest;        /* by nesting: the loop's number, or enum wasm_nest */
    uint32_t *clauses;     /* of try_tables that have not ended: where they are in the body */
    struct wasm_set *list; /* locals set by the loops that have not ended, the innermost last */
    /* loop: the innermost that has not ended, or IR_NONE */
    uint32_t nest_count, list_count, loop, loop_depth, clauses_count, clauses_capacity;
    uint32_t try_depth; /* number of tries that have not ended */
    bool has_rethrow;   /* a handler may throw its exception again */
    uint32_t local_capacity, loop_capacity, set_capacity, list_capacity, nest_capacity;
    uint64_t sets_max;

    /* Everything that affects liveness, in order: SCAN_EVENT(). */
    uint32_t *events;
    uint32_t event_count, event_capacity;
    /* blocks, loops, ifs, the function itself; tries count twice */
    uint32_t block_count, depth_max;

    /* By block, in the order in which they begin: one bit for each of `locals` that is live at its
     * label, not considering back edges; of a try then those that are live where its exceptions
     * arrive. NULL: all are. */
    uint64_t *live;
    uint32_t live_words; /* of each set */
    bool skips_live;
};

enum wasm_event {
    EVENT_GET,   /* a local */
    EVENT_SET,   /* a local */
    EVENT_LABEL, /* a branch, perhaps conditional */
    EVENT_THROW, /* a call that may throw, while a try has not ended */
    EVENT_STOP,  /* control does not continue */
    EVENT_BLOCK,
    EVENT_LOOP,
    EVENT_IF,
    EVENT_ELSE,
    EVENT_TRY,
    EVENT_CATCH,    /* enum wasm_catch_event */
    EVENT_DELEGATE, /* a label; ends a try */
    EVENT_HANDLES,  /* a label of a try_table's clause; before its end */
    EVENT_END,      /* enum wasm_end_event */
};

enum wasm_catch_event { CATCH_IS_FIRST = 1, CATCH_IS_LAST = 2 /* it catches everything */ };

enum wasm_end_event {
    END_BLOCK,
    END_LOOP,
    END_TRY,         /* with handlers */
    END_TABLE,       /* of a try_table */
    END_TABLE_PASSES /* likewise; what it does not catch leaves it */
};

/* Kinds of blocks in wasm_scan.nest, above all numbers of loops. */
enum wasm_nest {
    NEST_TABLE = IR_NONE - 3,
    NEST_TRY,     /* before its first handler */
    NEST_HANDLER, /* after it */
    NEST_BLOCK,
};
#define SCAN_EVENT(kind, operand) ((uint32_t)(operand) << 4 | (kind))
#define SCAN_EVENT_KIND(e)        ((enum wasm_event)((e)&15))
#define SCAN_EVENT_OPERAND(e)     ((e) >> 4)

/** @brief Compute where locals are live, from the events. Skipped if it would need more memory than
 * a body of this size may cost. @return false: no memory, recorded. */
bool wasm_scan_live(struct wasm_scan *s, uint64_t body_bytes);

#define WASM_LOCALS_PAGE 256u

/** @brief The number of a local that the scan has seen. */
static inline uint32_t wasm_scan_number(const struct wasm_scan *s, uint32_t index)
{
    return s->numbers[index / WASM_LOCALS_PAGE][index % WASM_LOCALS_PAGE] - 1;
}

/** @brief Read the declarations of locals that a body begins with. */
bool wasm_scan_locals(struct wasm_scan *s);

/**
 * @brief Scan the operators from the reader's position to the end; the position does not change.
 * @param sets_max  Limit for the sum of the sizes of all loops' sets.
 * @return false: the body is malformed, or no memory, recorded; or set_count > sets_max, not
 * recorded: scan again with more locals in the frame.
 */
bool wasm_scan_body(struct wasm_scan *s, uint64_t sets_max);
