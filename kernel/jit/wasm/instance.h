// SPDX-License-Identifier: MIT
//
// What WebAssembly modules run in: stores, instances, their memories and tables, host functions,
// and the engine that executes. Linking follows the core specification 2.0, section 4.5.
//
// A store is one sandbox: instances in it may refer to one another, so all of them live until it is
// closed, and closing it returns every byte. A store is used by one thread at a time; only
// wasm_store_stop() may be called by others.
#pragma once

#include "kernel/jit/wasm/wasm.h"

#include <stdatomic.h>

struct wasm_store;
struct wasm_host;

/** How running something ended. */
enum wasm_outcome {
    WASM_RETURNED,
    WASM_TRAPPED, /**< why and where: struct wasm_stop */
    WASM_STOPPED, /**< a host function or wasm_store_stop() said so */
};

struct wasm_frame {
    const struct wasm_module *module; /* NULL: a host function */
    uint32_t function, offset;        /* index; bytes from the start of the module */
};

#define WASM_FRAMES 16

/** Why and where it stopped, innermost frame first. */
struct wasm_stop {
    enum wasm_outcome outcome;
    enum ir_trap trap;
    uint32_t depth; /* frames that were open, perhaps more than are listed; 0: not known */
    struct wasm_frame frames[WASM_FRAMES];
};

/** @brief What the specification's tests call the trap: "out of bounds memory access". @return a
 * static string. @context{any} */
const char *wasm_trap_text(const struct wasm_stop *stop);

/* ---- Host functions ---- */

/** A value takes one cell, a v128 two; an i32 or f32 has the upper half 0. */
typedef enum wasm_outcome wasm_array_fn(struct wasm_host *h, const uint64_t *args,
                                        uint64_t *results, enum ir_trap *trap);
typedef uint64_t wasm_direct_fn(struct wasm_host *h, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                                uint64_t e);

/** A function that modules import. Exactly one of the handlers is set. */
struct wasm_host_function {
    const char *name;
    /** Parameters, a colon, results: i, I, f, F, v for i32, i64, f32, f64, v128; r and e for
     * funcref and externref. "iI:i" */
    const char *signature;
    wasm_array_fn *array; /* anything */
    /** The fast kind: at most 5 integers, at most one integer back, cannot trap. An i32 result has
     * the upper half 0. */
    wasm_direct_fn *direct;
};

/** Host functions under one module name. Lives as long as the stores that know it. */
struct wasm_host_module {
    const char *name;
    const struct wasm_host_function *functions;
    uint32_t count;
};

/** A host function that an instance has imported: the context that it runs in, so it starts as a
 * struct wasm_context does. Read by compiled adapters. */
struct wasm_host {
    uint64_t memory_base;   /* of the memory of the instance that imported it, or 0 */
    uint64_t memory_length; /* address of its length */
    uint64_t entry;         /* address of what an adapter calls */
    uint64_t stop;          /* address of the store's 32-bit flag */
    uint64_t leave;         /* address of the engine's way out, if the flag is set */
    const struct wasm_host_function *function;
    struct wasm_signature signature; /* of the module that imported it */
    void *data;                      /* that the host module was added with */
    struct wasm_store *store;
    struct wasm_func func; /* what modules see */
    struct wasm_host *next;
};

/** @brief Bytes at `at` of the memory that a host function sees. @return NULL: not all inside.
 * @context{host function} */
static inline void *wasm_host_memory(const struct wasm_host *h, uint32_t at, uint64_t len)
{
    uint64_t length = *(const uint64_t *)(uintptr_t)h->memory_length;
    return len > length || at > length - len ? NULL : (uint8_t *)(uintptr_t)h->memory_base + at;
}

/* ---- Engines ---- */

/** A module all of whose functions can be run. Behind it lies what the engine keeps. */
struct wasm_code {
    struct wasm_module *module;
    const struct wasm_engine *engine;
    uint32_t refs;
};

/** What executes. Const; no function is optional. `state` is the engine's own, one a store. */
struct wasm_engine {
    const char *name;
    bool calls_hosts; /* its code calls host functions of the fast kind without an adapter */
    /** @param options  The engine's own, of wasm_store_open(). @return OK, E_NOMEM */
    enum status (*open)(const void *options, void **state);
    void (*close)(void *state);

    /** @brief Validate and prepare all functions. Takes the module over if it succeeds. @return as
     * wasm_function_build(), or what the compiler refuses, with the reason in err; E_CANCELLED: the
     * store was stopped meanwhile. */
    enum status (*load)(void *state, const struct wasm_store *store, struct wasm_module *m,
                        struct wasm_code **out, struct wasm_error *err);
    /** @brief Give back what load() took, but for the module. */
    void (*unload)(void *state, struct wasm_code *code);
    /** @brief What struct wasm_func.code is for a function that is not imported. */
    uint64_t (*entry)(void *state, const struct wasm_code *code, uint32_t function);
    /** @brief Make a host function callable: h->func.code, h->entry, h->leave. @return OK, E_NOMEM,
     * or why it could not be compiled. */
    enum status (*adapt)(void *state, struct wasm_host *h);

    /** @brief Run a function. results is written, and what is in *stop is filled, as its outcome
     * says. */
    enum wasm_outcome (*run)(void *state, struct wasm_store *store, const struct wasm_func *f,
                             const struct wasm_signature *signature, const uint64_t *args,
                             uint64_t *results, struct wasm_stop *stop);
};

/* ---- Stores ---- */

/** What all instances of a store together may have. */
struct wasm_quota {
    uint64_t pages;        /* of memory */
    uint64_t elements;     /* of tables */
    struct budget *budget; /* pays for what they take otherwise, and lives as long as the store; or
                              NULL */
};

/** A linear memory. */
struct wasm_memory {
    struct sandbox box;
    uint64_t length; /* bytes now */
    struct wasm_limits limits;
    struct wasm_memory *next;
};

/** What can be imported and exported. */
struct wasm_extern {
    enum wasm_kind kind;
    union {
        struct {
            struct wasm_func *record;
            const struct wasm_signature *signature;
        } function;
        struct {
            struct wasm_table_data *data;
            struct wasm_table_type type; /* as declared */
        } table;
        struct wasm_memory *memory;
        struct {
            void *value;
            struct wasm_global_type type;
        } global;
    };
};

struct wasm_instance {
    struct wasm_store *store;
    struct wasm_code *code;
    struct wasm_memory *memory;  /* 0, its own or not; or NULL */
    struct wasm_extern *imports; /* functions, then tables, memories, globals */
    uint8_t *dropped;            /* by segment: elements, then data: 1 if it is gone */
    struct wasm_instance *next;
    _Alignas(16) struct wasm_context context; /* and what the module says behind it */
};

/** A name that modules import from. */
struct wasm_name {
    struct wasm_name *next;
    struct wasm_instance *instance; /* or NULL: */
    const struct wasm_host_module *host;
    void *data;
    uint32_t len;
    char text[];
};

struct wasm_store {
    const struct wasm_engine *engine;
    void *state; /* the engine's */
    struct budget *budget;
    struct wasm_quota left;
    struct wasm_instance *instances; /* the newest first */
    struct wasm_memory *memories;
    struct wasm_host *hosts;
    struct wasm_name *names; /* the newest first: it hides older ones */
    _Atomic uint32_t stop;   /* not 0: whatever runs is to end */
};

/**
 * @brief An empty store.
 * @param options  The engine's; read during the call only, but for what it points to.
 * @return OK; E_NOMEM. @context{thread}
 */
enum status wasm_store_open(const struct wasm_engine *engine, const void *options,
                            const struct wasm_quota *quota, struct wasm_store **out);

/** @brief Give everything back. Nothing runs in it. NULL does nothing. @context{thread} */
void wasm_store_close(struct wasm_store *s);

/** @brief End what runs in the store, now and later: soon, at a point where nothing is half done.
 * @context{any} */
void wasm_store_stop(struct wasm_store *s);

/** @brief Whether somebody has stopped it. @context{any} */
static inline bool wasm_store_is_stopped(const struct wasm_store *s)
{
    return atomic_load_explicit(&s->stop, memory_order_relaxed) != 0;
}

/** @brief Let modules import from a host module. @param data  Handed to its functions.
 *  @return OK, E_NOMEM. @context{thread} */
enum status wasm_store_add_host(struct wasm_store *s, const struct wasm_host_module *host,
                                void *data);

/** @brief Let modules import the instance's exports under a name. @return OK, E_NOMEM.
 * @context{thread} */
enum status wasm_store_register(struct wasm_store *s, struct wasm_bytes name,
                                struct wasm_instance *instance);

/**
 * @brief Have the store's engine prepare a module. Host modules that it imports from are in the
 * store, and no other name hides them later.
 * @param m    Taken over: freed with the code, and if this fails.
 * @param out  One reference.
 * @return as wasm_engine.load(). @context{thread}
 */
enum status wasm_load(struct wasm_store *s, struct wasm_module *m, struct wasm_code **out,
                      struct wasm_error *err);

/** @brief Drop a reference. @context{thread} Before the store is closed. */
void wasm_release(struct wasm_store *s, struct wasm_code *code);

/**
 * @brief Link a module with what its imports name, initialise, run its start function.
 * @param code  The instance takes a reference.
 * @param out   Lives as long as the store.
 * @param stop  Filled for E_FAULT and E_CANCELLED.
 * @return OK; E_UNRESOLVED: an import is unknown or of another type, in err; E_NOMEM, with err;
 * E_FAULT: a segment does not fit or the start function trapped; E_CANCELLED: it was stopped. In
 * these two cases what was written to memories and tables of others stays, as the specification
 * has it.
 * @context{thread}
 */
enum status wasm_instantiate(struct wasm_store *s, struct wasm_code *code,
                             struct wasm_instance **out, struct wasm_stop *stop,
                             struct wasm_error *err);

/** @brief What an instance exports under a name. @return false: nothing. @context{thread} */
bool wasm_instance_export(const struct wasm_instance *i, struct wasm_bytes name,
                          struct wasm_extern *out);

/** @brief A thing of an instance by index, imported or not. @pre It exists. @context{thread} */
struct wasm_extern wasm_instance_extern(const struct wasm_instance *i, enum wasm_kind kind,
                                        uint32_t index);

/** @brief A reference to a function, as it is kept in tables. @pre It exists. @context{thread} */
struct wasm_func *wasm_instance_function(const struct wasm_instance *i, uint32_t function);

/** @brief Cells that values of these types take. @context{any} */
uint32_t wasm_cells(const uint8_t *types, uint32_t count);

/**
 * @brief Call a function.
 * @param args     Cells: as many as the signature's parameters take.
 * @param results  Likewise; written only if it returns.
 * @param stop     Filled unless it returns.
 * @context{thread}
 */
enum wasm_outcome wasm_call(struct wasm_store *s, const struct wasm_extern *function,
                            const uint64_t *args, uint64_t *results, struct wasm_stop *stop);

/** @brief The instance that a context belongs to. @pre Not a host function's. @context{any} */
static inline struct wasm_instance *wasm_instance_of(uint64_t context)
{
    return CONTAINER_OF((struct wasm_context *)(uintptr_t)context, struct wasm_instance, context);
}

/** @brief The module that a representation of a function was built from. @context{any} */
static inline const struct wasm_module *wasm_module_of(const struct ir_function *f)
{
    return CONTAINER_OF((struct ir_module *)(uintptr_t)f->module, struct wasm_module, ir);
}
