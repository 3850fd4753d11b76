// SPDX-License-Identifier: MIT
//
// Shared by the files of the compiled engine.
#pragma once

#include "kernel/jit/arena.h"
#include "kernel/jit/code/code_builder.h"
#include "kernel/wasm/run/wasm_compiled.h"

/** Some functions of a module, compiled together when one of them was called. */
struct compiled_batch {
    struct code_piece piece;
    struct compiled_batch *next;
};

/** Whether a function has code of its own, if functions are compiled on first call. */
enum compiled_later {
    COMPILED_PLACED,   /**< or will have, together with what is being compiled */
    COMPILED_LATER,    /**< no: its stub is called */
    COMPILED_REPLACED, /**< no, and is not to have: its stub leads elsewhere */
};

struct compiled_module {
    struct wasm_code code;
    struct wasm_module *module;
    struct code_piece piece; /* all functions; if they are compiled on first call, their stubs */
    const struct verify_shape *shape; /* of its context; NULL: not made yet */
    struct arena lasting;             /* contains the shape */
    /* Of a module whose functions are compiled on first call; otherwise NULL and 0: */
    /* For each function its enum compiled_later. The program's thread and livepatch.ko change the
     * state of functions that are COMPILED_LATER: relaxed, because only the state is shared. */
    uint8_t *later;
    /* by function: the piece with its code, or NULL; stored with release, because a thread that
     * describes the program reads it */
    const struct code_piece **placed;
    /* the functions that function n of this module calls: from calls[call_ends[n - 1]] on */
    uint32_t *calls, *call_ends;
    uint32_t call_count, call_capacity;
    struct compiled_batch *batches; /* list, newest first */
};

/** The code through which host functions of one signature are called. */
struct adapter {
    struct code_piece piece;
    struct wasm_signature key;
    bool is_direct;
    struct adapter *next;
    uint8_t types[];
};

/** The engine's state for a store. */
struct compiler {
    struct wasm_compiled_options options;
    struct code_map map;
    struct adapter *adapters;
    const struct compiler *first; /* of another thread: it has the adapters and the code; or NULL */
    struct verify_error refusal;  /* about the last adapter that the verifier refused */
    const struct wasm_store *store; /* the store in which code ran last */
};

/** @brief Whether a function ends in a call with another context. @context{any} Pure. */
bool compiled_moves_context(const struct ir_function *f);

/** @brief Build and compile a function, and add it to a builder. Allocates only memory of the
 * builder's budget, because the thread may be ended anywhere in it.
 * @param moves_context  Becomes true if it may end in a call with another context. NULL: the caller
 * does not need that, because wasm_module.ir.moves_context is set already. @return as
 * wasm_engine.load(). @context{thread} */
enum status compiled_function(const struct wasm_compiled_options *o, struct code_builder *b,
                              const struct wasm_module *m, uint32_t n, struct arena *arena,
                              bool *moves_context, struct wasm_error *err);

/** @brief Compile all functions with the crew of the options. @param out  As wasm_engine.load().
 * @return false: there is no crew, too little to do, or not enough memory for several threads.
 * @context{thread} */
bool compiled_in_parallel(const struct wasm_compiled_options *o, const struct wasm_store *store,
                          struct code_builder *b, struct wasm_module *m, struct wasm_error *err,
                          enum status *out);

/** @brief Place what was added as a piece of the module's code. @return likewise.
 * @context{thread} */
enum status compiled_finish(struct compiler *compiler, struct compiled_module *c,
                            struct code_builder *b, struct arena *arena, struct code_piece *piece,
                            struct wasm_error *err);

/** @brief Fill in an error about a function. @return s. @context{any} */
enum status compiled_fail(struct wasm_error *err, enum status s, const struct wasm_module *m,
                          uint32_t function, const char *text);

/** @brief Validate all functions, and place a stub for each. @return as wasm_engine.load().
 * @context{thread} */
enum status lazy_load(struct compiler *compiler, const struct wasm_store *store,
                      struct compiled_module *c, struct wasm_error *err);
void lazy_unload(struct compiler *compiler, struct compiled_module *c);

/** @brief The engine's compile(). */
void lazy_compile(void *state, struct wasm_instance *i, uint32_t function);

/** @brief Build the stub of a function: it asks for the function's code and calls it. @return OK,
 * E_NOMEM. @context{thread} */
enum status stub_build(const struct wasm_module *m, uint32_t function, struct arena *a,
                       struct ir_function **out);

/** The functions that stubs call, after those of the module. */
enum stub_callee {
    STUB_STACK, /**< returns if there is enough stack for the compiler */
    STUB_ASK,   /**< asks for the code of the function with this number */
};
STATIC_ASSERT(STUB_ASK + 1 == WASM_ENGINE_CALLEES, "as many callees as the module has for them");

/** @brief Build a function that stubs call. @return OK, E_NOMEM. @context{thread} */
enum status stub_build_callee(const struct wasm_module *m, enum stub_callee n, struct arena *a,
                              struct ir_function **out);

/** @brief The engine's adapt(). */
enum status compiled_adapt(void *state, struct wasm_host *h);
void compiled_free_adapters(struct compiler *c);
/** @brief Throw from C that compiled code has called. It holds nothing. */
_Noreturn void compiled_throw(struct compiler *compiler, struct wasm_store *s, uint64_t exception);
