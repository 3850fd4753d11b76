// SPDX-License-Identifier: MIT
//
// What the files of the compiled engine share.
#pragma once

#include "kernel/jit/wasm_compiled.h"

/** A piece of executable code and what its addresses mean. */
struct compiled_code {
    struct code_block block;
    struct jit_row *rows; /* ascending; pc from the start of the block */
    uint32_t row_count;
    const struct wasm_module *module; /* NULL: an adapter */
    uint32_t *starts; /* by function, and one more: bytes from the start of the block; imported
                         functions have none */
    struct compiled_code *next; /* in the store's list */
};

struct compiled_module {
    struct wasm_code code;
    struct compiled_code native;
    uint32_t *sizes;  /* by function: without what aligns the next */
    uint32_t *frames; /* by function: bytes of stack */
};

/** Code through which one kind of host function is called. */
struct adapter {
    struct compiled_code native;
    struct wasm_signature key;
    bool is_direct;
    struct adapter *next;
    uint8_t types[];
};

/** The engine's state of a store. */
struct compiler {
    struct wasm_compiled_options options;
    struct compiled_code *codes; /* all that can run, the newest first */
    struct adapter *adapters;
    struct jit_entry *entry; /* innermost; NULL: nothing runs */
    struct wasm_store *store;
    struct wasm_stop *stop; /* filled when what runs is given up */
};

/** Functions on their way to memory. */
struct code_builder {
    struct compiler *compiler;
    uint8_t *bytes;
    struct jit_reloc *relocs; /* `at` from the start of the bytes */
    struct jit_row *rows;     /* likewise pc */
    uint32_t size, reloc_count, row_count, capacity, reloc_capacity, row_capacity;
};

/** @brief Append a function. *start: where. @return OK; E_NOMEM; E_OVERFLOW. @context{thread} */
enum status code_builder_add(struct code_builder *b, const struct jit_code *code, uint32_t *start);
/** @brief Place, complete calls, seal, list. @param starts  By callee, of those that are called. */
enum status code_builder_finish(struct code_builder *b, const uint32_t *starts,
                                struct compiled_code *out);
/** @brief Give back the builder's memory; what was finished stays. */
void code_builder_free(struct code_builder *b);
/** @brief Take finished code out of the list and give it back. Zeroed: does nothing. */
void compiled_code_free(struct compiler *c, struct compiled_code *code);

/** @brief The engine's adapt(). */
enum status compiled_adapt(void *state, struct wasm_host *h);
void compiled_free_adapters(struct compiler *c);

/** What jit_leave() is given. */
enum leave { LEAVE_TRAP = 1, LEAVE_STOPPED = LEAVE_TRAP + IR_TRAP_COUNT };

/** @brief Note where things stand, innermost frame first, by the registers of a fault. pc 0: the
 * frame is that of a C function. */
void compiled_trace(struct compiler *c, const struct wasm_fault *fault);

/** @brief The engine's run(). */
enum wasm_outcome compiled_run(void *state, struct wasm_store *store, const struct wasm_func *f,
                               const struct wasm_signature *signature, const uint64_t *args,
                               uint64_t *results, struct wasm_stop *stop);
