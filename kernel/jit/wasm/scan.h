// SPDX-License-Identifier: MIT
//
// The pass over a body before it is built: which locals each loop sets, which are used at all and
// where they are live, and whether every operator is one and has all of its bytes.
#pragma once

#include "kernel/jit/wasm/reader.h"

/** A local variable or parameter that the body mentions. */
struct wasm_local {
    uint32_t index; /* as the body calls it */
    uint32_t uses;
    uint8_t type;  /* enum wasm_type */
    bool in_frame; /* lives in a slot of the frame: not a value of the representation */
    uint32_t mark; /* of the scan: where it is in the list of locals that the loop sets, + 1 */

    /* Of the builder. */
    uint32_t value;        /* it has now; in_frame: the place in the function */
    uint32_t logged;       /* the frame whose log has what it was before that frame */
    uint32_t time;         /* the frame that was entered last when it was set */
    uint32_t newer, older; /* in the order of setting */
    uint32_t loop;         /* the last loop entered that sets it */
    uint32_t stamp, count, merged, parameter; /* of a merge */
};

/** Locals that are declared together. */
struct wasm_run {
    uint32_t end; /* index behind the last of them */
    uint8_t type;
};

struct wasm_set {
    uint32_t local, outer_mark;
};

/** Locals that a loop sets: numbers of struct wasm_local, scan.sets[first] and on. */
struct wasm_loop {
    uint32_t first, count;
    uint32_t start; /* of the scan */
    uint32_t outer;
};

/** A body's declared locals, and what a scan finds. All in the arena. */
struct wasm_scan {
    struct arena *arena;
    struct wasm_reader *r;
    const struct wasm_signature *signature;

    struct wasm_run *runs; /* in order; parameters are not among them */
    uint32_t run_count, local_count;

    /* By index of a local: its place in `locals` + 1, or 0: not mentioned. In pages, because a body
     * of a few bytes may declare all the locals there can be. */
    uint32_t **numbers;
    struct wasm_local *locals;
    struct wasm_loop *loops; /* in the order that they begin in */
    uint32_t *sets;
    uint32_t used_count, loop_count, set_count;

    uint32_t *nest;        /* open blocks: the loop's number, or IR_NONE */
    struct wasm_set *list; /* what open loops set, the innermost last */
    uint32_t nest_count, list_count, loop, loop_depth; /* loop: the innermost open, or IR_NONE */
    uint32_t local_capacity, loop_capacity, set_capacity, list_capacity, nest_capacity;
    uint64_t sets_max;

    /* What matters to liveness, in order: SCAN_EVENT(). */
    uint32_t *events;
    uint32_t event_count, event_capacity;
    uint32_t block_count, depth_max; /* blocks, loops, ifs and the function itself */

    /* By block, in the order that they begin in: a bit for each of `locals` that is live at its
     * label, as far as no loop around it is repeated. NULL: all are. */
    uint64_t *live;
    uint32_t live_words; /* of each */
};

enum wasm_event {
    EVENT_GET,   /* a local */
    EVENT_SET,   /* a local */
    EVENT_LABEL, /* a branch, perhaps */
    EVENT_STOP,  /* it ends here */
    EVENT_BLOCK,
    EVENT_LOOP,
    EVENT_IF,
    EVENT_ELSE,
    EVENT_END, /* 1: of a loop */
};
#define SCAN_EVENT(kind, operand) ((uint32_t)(operand) << 4 | (kind))
#define SCAN_EVENT_KIND(e)        ((enum wasm_event)((e)&15))
#define SCAN_EVENT_OPERAND(e)     ((e) >> 4)

/** @brief Find where locals are live, from the events; or leave that, if it would take more memory
 * than a body of so many bytes may cost. @return false: no memory, noted. */
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
 * @brief Scan the operators, from the reader's place to its end; the place stays.
 * @param sets_max  Sum of the counts of all loops' sets that is acceptable.
 * @return false: the body is malformed, or memory is short, noted; or set_count > sets_max, and
 *         nothing is noted: scan again with fewer locals that are not in the frame.
 */
bool wasm_scan_body(struct wasm_scan *s, uint64_t sets_max);

/** @brief Whether a body has a vector operator or a local of a vector's type. Malformed: false. */
bool wasm_scan_finds_vectors(const struct wasm_reader *r, struct wasm_bytes body);
