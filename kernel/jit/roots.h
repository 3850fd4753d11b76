// SPDX-License-Identifier: MIT
//
// References of a language with a moving collector, if they are numbers of 32 bits: offsets in
// memory 0. The collector finds them only in that memory. So a function has a frame there, and each
// reference that lives across a safe point has a cell in it: the value is stored when it is
// computed, and loaded again where it is used after a call or in another block. The frame's first
// word is the number of the safe point. The passes remove loads that no call separates from the
// store.
//
// kernel/jit/codegen has another way for references that are addresses (IR_REF).
#pragma once

#include "kernel/jit/arena.h"
#include "kernel/jit/ir.h"

/** What a value is. */
enum roots_mark {
    ROOTS_OBJECT = 1, /**< a reference */
    ROOTS_INNER = 2,  /**< an address that may lead into an object */
    ROOTS_FRAME = 4,  /**< an instruction that is not needed without the frame */
};

/** A cell of the frame that has a reference at a safe point. */
struct roots_cell {
    uint32_t at;
    bool is_inner;
};

struct roots_request {
    const uint8_t *marks; /* by value: roots_mark; none beyond mark_count */
    uint32_t mark_count;
    /* Values: the frame's address, the constant that is its size, and the instruction after which
     * it exists, in block 0. frame_size 0: the function has neither a frame nor such references. */
    uint32_t frame, frame_size, entered;
    uint32_t frame_bytes, bytes_least, bytes_max; /* without cells; without anything; at most */
    const uint32_t *zeroed;                       /* words of the frame that are zero at first */
    uint32_t zeroed_count;
    unsigned cell_class, word_class; /* of aliases: of cells and of zeroed words */
    void *ctx;
    bool (*is_safe_point)(void *ctx, const struct ir_instr *i);
    /** There is a frame. */
    bool (*add_frame)(void *ctx, uint32_t bytes);
    /** @return the number of a safe point + 1; 0: failed. */
    uint32_t (*add_point)(void *ctx, const struct roots_cell *cells, uint32_t count);
};

/**
 * @brief Copy a function, with a frame for its references if it needs one.
 * @param f Its frame_size gets the value. @param scratch For what is needed here only.
 * @return OK; E_NOMEM; E_OVERFLOW: the frame is too large; E_CANCELLED: a function of the request
 * failed.
 */
enum status roots_place(struct ir_function *f, const struct roots_request *request,
                        struct arena *scratch, struct ir_function **out);
