// SPDX-License-Identifier: MIT
//
// From compiled functions to a piece of code that can run: each is appended, then all of them are
// placed, calls between them are completed, and the piece is sealed.
#pragma once

#include "kernel/jit/code/code_map.h"
#include "kernel/jit/verify/verify.h"

/** Functions on their way to memory. Zeroed but for what is [I]; given back with
 * code_builder_free(). */
struct code_builder {
    struct budget *budget; /* [I] the map's: what is finished keeps the lists */
    uint8_t fill;          /* [I] between functions: repeated, no harmless instruction */
    /** [I] What the code may touch: all of it is verified before it is sealed. NULL: it is trusted
     * as it is, which no program is. */
    const struct verify_shape *shape;
    struct arena *arena;         /* [I] for the verifier's books; or NULL, without a shape */
    struct verify_error refusal; /* if the verifier refuses it */
    uint8_t *bytes;
    struct jit_reloc *relocs; /* `at` from the start of the bytes */
    struct jit_row *rows;     /* likewise pc, and where a landing is */
    uint32_t *refs;           /* of all functions */
    struct code_function *functions;
    uint32_t size, reloc_count, row_count, function_count, ref_count;
    uint32_t capacity, reloc_capacity, row_capacity, function_capacity, ref_capacity;
};

/** @brief Append a function. @return OK; E_NOMEM; E_OVERFLOW: branches would not reach.
 * @context{thread} */
enum status code_builder_add(struct code_builder *b, const struct jit_code *code);

/**
 * @brief Place all of it, and put it into a map. No function: does nothing.
 * @param first_callee  What calls name the function that was added first; the second is one more.
 *                      Only functions that were added are called.
 * @param out           Its source, names and number of the first function are the caller's to set,
 *                      before this. Removed by code_map_remove().
 * @return OK; E_OVERFLOW; E_CANCELLED: m->stop says so; E_CORRUPT: the verifier refuses it, as
 * b->refusal says; as code_space.take() and seal(): nothing is placed. @context{thread}
 */
enum status code_builder_finish(struct code_builder *b, struct code_map *m, uint32_t first_callee,
                                struct code_piece *out);

/** @brief Give back the builder's memory; what was finished stays. @context{thread} */
void code_builder_free(struct code_builder *b);
