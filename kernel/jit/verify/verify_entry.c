// SPDX-License-Identifier: MIT
//
// What a jump at the start of a function may replace. Only livepatch.ko asks, and has this file.
#include "kernel/jit/verify/verify_internal.h"

/* A thread in the call would return between two of the replaced instructions. */
static bool calls_within(const struct verifier *v, uint32_t bytes)
{
    bool calls = false;
    for (uint32_t n = 0; n < v->insn_count && v->insns[n].at < bytes; n++) {
        const struct verify_insn *i = &v->insns[n];
        bool is_call = i->op == VERIFY_CALL || i->op == VERIFY_CALL_TO;
        calls = calls || (is_call && i->at + i->length < bytes);
    }
    return calls;
}

bool verify_entry_is_free(const struct verify_machine *m, const struct verify_shape *shape,
                          const struct code_piece *p, uint32_t function, uint32_t bytes,
                          struct arena *a)
{
    struct verify_error err;
    struct verifier *v = arena_take(a, sizeof *v);
    if (v == NULL) {
        return false;
    }
    struct code_piece readable = *p; /* where it runs: it cannot be written any longer */
    readable.block.bytes = (uint8_t *)(uintptr_t)p->block.address;
    verify_begin(v, m, shape, &readable, function, a, &err);
    bool is_free = verify_find_blocks(v) && v->blocks[0].pred_count == 0 && !calls_within(v, bytes);
    for (uint32_t n = 1; is_free && n < v->block_count; n++) {
        is_free = v->insns[v->blocks[n].first].at >= bytes;
    }
    return is_free;
}
