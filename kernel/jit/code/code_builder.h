// SPDX-License-Identifier: MIT
//
// From compiled functions to a piece of code that can run: functions are appended, then all of them
// are placed, the calls between them are patched, and the piece is verified and sealed.
#pragma once

#include "kernel/jit/code/code_map.h"
#include "kernel/jit/verify/verify.h"

/** Functions that are being put together. All zero except the
 * fields marked [I]; free it with code_builder_free(). */
struct code_builder {
    struct budget *budget; /* [I] the map's: the finished piece keeps the lists */
    uint8_t fill; /* [I] byte between functions; repeated, it must be a trapping instruction */
    /** [I] What the code may access: all of it is verified before it is sealed. NULL: it is
     * trusted, which never applies to programs. */
    const struct verify_shape *shape;
    /** [I] By number: the pieces with the functions of the source that are in other pieces. NULL:
     * there are no others. */
    const struct code_piece *const *placed;
    struct arena *arena; /* [I] memory for the verifier; NULL without a shape */
    /** [I] Verifies a large piece; NULL: the calling thread does it alone. With a crew, the shape
     * and what it points to must stay until the end of the program if that ends the caller. */
    struct jit_crew *crew;
    struct verify_error refusal; /* why the verifier refused the code */
    uint8_t *bytes;
    struct jit_reloc *relocs; /* `at` is relative to the start of the bytes */
    struct jit_row *rows;     /* pc and landings are relative to the start of the bytes */
    uint32_t *refs;           /* of all functions */
    struct code_function *functions;
    uint32_t align; /* greatest alignment of a function */
    uint32_t size, reloc_count, row_count, function_count, ref_count;
    uint32_t capacity, reloc_capacity, row_capacity, function_capacity, ref_capacity;
};

/**
 * @brief Append a function. @param number  In its source, greater than that of the one before.
 * @return OK; E_NOMEM; E_OVERFLOW: branches would not reach. @context{thread}
 */
enum status code_builder_add(struct code_builder *b, const struct jit_code *code, uint32_t number);

/**
 * @brief Append all functions of another builder, which keeps them. Their numbers are greater.
 * @param added  How many fit; those that do not are left out.
 * @return as code_builder_add(). @context{thread}
 */
enum status code_builder_append(struct code_builder *b, const struct code_builder *more,
                                uint32_t *added);

/**
 * @brief Place all functions, and add the piece to a map. Does nothing if there is no function.
 * @param first_callee  Calls name the function with number n by this + n. They may name only
 * functions that were added, and those in b->placed.
 * @param out The caller sets its source and names before this call. Removed by code_map_remove().
 * @return OK; E_NOMEM; E_OVERFLOW; E_CANCELLED: m->stop is set; E_CORRUPT: the verifier refused it,
 * see b->refusal; or as code_space.alloc() and seal(). On failure nothing is placed.
 * @context{thread}
 */
enum status code_builder_finish(struct code_builder *b, struct code_map *m, uint32_t first_callee,
                                struct code_piece *out);

/** @brief Free the builder's memory; the finished piece stays. @context{thread} */
void code_builder_free(struct code_builder *b);
