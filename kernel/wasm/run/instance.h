// SPDX-License-Identifier: MIT
//
// The environment of WebAssembly modules: stores, instances, their memories and tables, host
// functions, and the engine that executes code. Linking follows the core specification 2.0, section
// 4.5.
//
// A store is one sandbox. Instances in it may refer to one another, so all of them live until the
// store is closed, and closing it frees all their memory. One thread at a time uses a store; only
// wasm_store_stop() may be called by others. Threads that share a memory have a store each.
#pragma once

#include "kernel/jit/code/park.h"
#include "kernel/wasm/front/wasm.h"

#include <stdatomic.h>

struct wasm_store;
struct wasm_host;
struct wasm_instance;

/** How an execution ended. */
enum wasm_outcome {
    WASM_RETURNED,
    WASM_TRAPPED, /**< the reason and place: struct wasm_stop */
    WASM_STOPPED, /**< by a host function or wasm_store_stop() */
    /** an exception was not caught. A host function whose call of wasm_call() ended so passes it on
     * by returning the same */
    WASM_THROWN,
};

struct wasm_frame {
    const struct wasm_module *module; /* NULL: a host function */
    uint32_t function, offset;        /* index; bytes from the start of the module */
};

#define WASM_FRAMES 16

/** An exception that was not caught. */
struct wasm_thrown {
    const struct wasm_module *module; /* that has made it */
    uint32_t tag;                     /* in it */
    uint64_t values[2];               /* the first cells */
};

/** Why and where execution stopped, innermost frame first. */
struct wasm_stop {
    enum wasm_outcome outcome;
    enum ir_trap trap;
    uint32_t depth; /* number of active frames, perhaps more than are listed; 0: not known */
    struct wasm_frame frames[WASM_FRAMES];
    const char *reason;        /* of IR_TRAP_NO_CODE only; belongs to the store */
    struct wasm_thrown thrown; /* of WASM_THROWN; the frames include those that it has left */
};

/** @brief The trap's name in the specification's tests: "out of bounds memory access". @return a
 * static string. @context{any} */
const char *wasm_trap_text(const struct wasm_stop *stop);

/* ---- Host functions ---- */

/** A value occupies one cell, a v128 two. The upper half of an i32 or f32 is 0. */
typedef enum wasm_outcome wasm_array_fn(struct wasm_host *h, const uint64_t *args,
                                        uint64_t *results, enum ir_trap *trap);
typedef uint64_t wasm_direct_fn(struct wasm_host *h, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                                uint64_t e);

/** A host function that modules can import. Exactly one of the handlers is set. */
struct wasm_host_function {
    const char *name;
    /** Parameters, a colon, results: i, I, f, F, v for i32, i64, f32, f64, v128; r and e for
     * funcref and externref. Example: "iI:i" */
    const char *signature;
    wasm_array_fn *array; /* handles any signature */
    /** The fast kind: at most 5 integer parameters and one integer result; cannot trap. The upper
     * half of an i32 result must be 0. */
    wasm_direct_fn *direct;
};

/** Host functions under one module name. Must live as long as the stores to which it is added. */
struct wasm_host_module {
    const char *name;
    const struct wasm_host_function *functions;
    uint32_t count;
};

/** A host function that an instance has imported. It is the context that the function runs in, so
 * it starts with the same fields as a struct wasm_context. Compiled adapters read it. */
struct wasm_host {
    uint64_t memory_base;   /* of the memory of the instance that imported it, or 0 */
    uint64_t memory_length; /* address of its length */
    uint64_t entry;         /* address of the code that an adapter calls */
    uint64_t stop;          /* address of the store's 32-bit flag */
    uint64_t leave;         /* address of the engine's exit code, for when the flag is set */
    const struct wasm_host_function *function;
    struct wasm_signature signature; /* of the module that imported it */
    void *data;                      /* the pointer given when the host module was added */
    struct wasm_store *store;
    struct wasm_func func; /* how modules see it */
    struct wasm_host *next;
};

/**
 * @brief The bytes at `at` in the memory that a host function sees. @return NULL: not completely
 * inside.
 * @context{host function}
 */
static inline void *wasm_host_memory(const struct wasm_host *h, uint32_t at, uint64_t len)
{
    /* Acquire: another thread may let a shared memory grow, and sets its length after that. */
    uint64_t length =
        __atomic_load_n((const uint64_t *)(uintptr_t)h->memory_length, __ATOMIC_ACQUIRE);
    return len > length || at > length - len ? NULL : (uint8_t *)(uintptr_t)h->memory_base + at;
}

/* ---- Engines ---- */

/** A module whose functions can all be run. The engine's own data follows it. */
struct wasm_code {
    struct wasm_module *module;
    const struct wasm_engine *engine;
    _Atomic uint32_t
        refs; /* relaxed: the store that loaded it holds one until the others are gone */
};

/** An engine that executes code. Const; no function is optional. `state` belongs to the engine, one
 * for each store. */
struct wasm_engine {
    const char *name;
    bool calls_hosts; /* its code calls host functions of the fast kind without an adapter */
    /** @param options  Engine-specific, from wasm_store_open(). @return OK, E_NOMEM */
    enum status (*open)(const void *options, void **state);
    void (*close)(void *state);
    /** @brief State for another thread, which runs code that was loaded with this one. Must be
     * closed first. @return OK, E_NOMEM */
    enum status (*fork)(void *state, void **out);

    /** @brief Validate and prepare all functions. Takes ownership of the module on success. @return
     * as wasm_function_build(), or the compiler's refusal, with the reason in err; E_CANCELLED: the
     * store was stopped meanwhile. */
    enum status (*load)(void *state, const struct wasm_store *store, struct wasm_module *m,
                        struct wasm_code **out, struct wasm_error *err);
    /** @brief Free what load() allocated, except the module. */
    void (*unload)(void *state, struct wasm_code *code);
    /** @brief The value of struct wasm_func.code for a function that is not imported. */
    uint64_t (*entry)(void *state, const struct wasm_code *code, uint32_t function);
    /** @brief A stub was called: give the function code, or end the execution. */
    void (*compile)(void *state, struct wasm_instance *i, uint32_t function);
    /** @brief Make a host function callable: set h->func.code, h->entry, h->leave. @return OK,
     * E_NOMEM, or the reason why it could not be compiled. */
    enum status (*adapt)(void *state, struct wasm_host *h);

    /** The helper WASM_HELPER_EXN_THROW of code that calls helpers itself. */
    uint64_t (*throws)(struct wasm_context *c, uint64_t exception, uint64_t b, uint64_t d,
                       uint64_t e);
    /** @brief wasm_exceptions_mark() what the engine's own memory refers to. */
    void (*mark)(void *state, struct wasm_store *store);

    /** @brief Run a function. Writes results or fills *stop, according to the outcome. */
    enum wasm_outcome (*run)(void *state, struct wasm_store *store, const struct wasm_func *f,
                             const struct wasm_signature *signature, const uint64_t *args,
                             uint64_t *results, struct wasm_stop *stop);
};

/* ---- Stores ---- */

/** Limits for all instances of a store together. */
struct wasm_quota {
    uint64_t pages;    /* pages of memory */
    uint64_t elements; /* elements of tables */
    /* charged for all other memory; must live as long as the store; or NULL */
    struct budget *budget;
};

/** A linear memory. */
struct wasm_memory {
    struct sandbox box;
    uint64_t length; /* current length in bytes */
    struct wasm_limits limits;
    struct park_lock growing; /* of a shared one: held while it grows */
    struct wasm_memory *next;
};

/** Something that can be imported and exported. */
struct wasm_extern {
    enum wasm_kind kind;
    const struct wasm_module *module; /* whose types a table or global has */
    union {
        struct {
            struct wasm_func *record;
            const struct wasm_signature *signature;
        } function;
        struct {
            struct wasm_table_data *data;
            struct wasm_table_type type; /* the declared type */
        } table;
        struct wasm_memory *memory;
        struct {
            void *value;
            struct wasm_global_type type;
        } global;
        struct {
            uint64_t identity; /* equal for equal tags of a store */
            uint32_t type_id;
        } tag;
    };
};

struct wasm_instance {
    struct wasm_store *store;
    struct wasm_code *code;
    struct wasm_memory *memory;    /* memory 0, own or imported; or NULL */
    struct wasm_memory **memories; /* all of them, by index */
    struct wasm_extern *imports;   /* functions, then tables, memories, globals, tags */
    uint8_t *dropped;              /* by segment: elements, then data: 1 if it is gone */
    struct wasm_instance *next;
    _Alignas(16) struct wasm_context context; /* followed by the parts that the module defines */
};

/** A name from which modules can import. */
struct wasm_name {
    struct wasm_name *next;
    struct wasm_instance *instance; /* or NULL, and then: */
    const struct wasm_host_module *host;
    void *data;
    bool is_foreign; /* the instance is another store's: only its shared memories can be imported */
    struct wasm_memory *memory; /* a single memory with the name `field`; NULL: one of the above */
    struct wasm_bytes field;
    uint32_t len;
    char text[];
};

/** Exceptions of a store: exception.h. Ready when all zero. */
struct wasm_exceptions {
    union wasm_exception_slot *slots; /* by the low half of their numbers */
    uint32_t slot_count, slot_capacity, free_slot, live, until_collection;
    uint32_t serial;
    uint64_t thrown; /* the exception that is being thrown; 0: none */
    uint64_t traced; /* the exception whose backtrace the engine keeps: wasm_exception_throw() */
    uint64_t looked_at;
    struct wasm_exception *marked;
    const void *stack_top; /* of the outermost call; NULL: nothing is running */
};

/** @brief Keep the exceptions that words of memory may refer to. @context{wasm_engine.mark} */
void wasm_exceptions_mark(struct wasm_store *s, const void *from, const void *to);

struct wasm_store {
    const struct wasm_engine *engine;
    void *state; /* belongs to the engine */
    struct budget *budget;
    struct wasm_quota left;
    struct wasm_instance *instances; /* list, newest first */
    struct wasm_memory *memories;
    struct wasm_host *hosts;
    struct wasm_name *names; /* list, newest first: a new name hides older ones */
    _Atomic uint32_t stop;   /* not 0: all execution in the store has to end */
    struct wasm_exceptions exceptions;
    struct wasm_error failure; /* the reason of the last IR_TRAP_NO_CODE */
    /* the events of traced functions, from WASM_EVENTS on, go to report(reports, event), whose
     * result means nothing. Ignored until livepatch.ko sets it, before there is such a function */
    uint64_t (*report)(void *reports, uint32_t event);
    void *reports;
    /* [I] of another thread's store: the one that it was forked from; NULL: none. Then the names
     * and the flag are that one's */
    struct wasm_store *first;
    bool is_prepared; /* of another thread's store: its instance is complete */
};

/**
 * @brief Open an empty store.
 * @param options  Engine-specific; read during the call only, except for objects that it points to.
 * @return OK; E_NOMEM. @context{thread}
 */
enum status wasm_store_open(const struct wasm_engine *engine, const void *options,
                            const struct wasm_quota *quota, struct wasm_store **out);

/**
 * @brief Close a store and free all its memory. Nothing may be running in it. NULL does nothing.
 * @context{thread}
 */
void wasm_store_close(struct wasm_store *s);

/**
 * @brief End all execution in the store, now and in future. Takes effect soon, at a point where no
 * operation is incomplete.
 * @context{any}
 */
void wasm_store_stop(struct wasm_store *s);

/** @brief The flag that ends all execution of a store, and of all that were forked from it.
 * @context{any} */
static inline const _Atomic uint32_t *wasm_store_flag(const struct wasm_store *s)
{
    return s->first != NULL ? &s->first->stop : &s->stop;
}

/** @brief Whether the store was stopped. @context{any} */
static inline bool wasm_store_is_stopped(const struct wasm_store *s)
{
    return atomic_load_explicit(wasm_store_flag(s), memory_order_relaxed) != 0;
}

/**
 * @brief Open a store for another thread of the program. It has the same names to import from;
 * modules that `first` has loaded can be instantiated in it.
 * @param first Must be closed later, and gets no new name meanwhile. @param quota  Its own.
 * @return OK; E_NOMEM. @context{thread}
 */
enum status wasm_store_fork(struct wasm_store *first, const struct wasm_quota *quota,
                            struct wasm_store **out);

/**
 * @brief Make a memory that modules can import. @param module, field  Names, which must live as
 * long as the store.
 * @return OK; E_NOMEM; E_CANCELLED. @context{thread}
 */
enum status wasm_store_add_memory(struct wasm_store *s, struct wasm_bytes module,
                                  struct wasm_bytes field, const struct wasm_limits *limits);

/**
 * @brief Let modules import from a host module. @param data  Passed to its functions.
 * @return OK, E_NOMEM. @context{thread}
 */
enum status wasm_store_add_host(struct wasm_store *s, const struct wasm_host_module *host,
                                void *data);

/** @brief Let modules import the instance's exports under a name. @return OK, E_NOMEM.
 * @context{thread} */
enum status wasm_store_register(struct wasm_store *s, struct wasm_bytes name,
                                struct wasm_instance *instance);

/**
 * @brief Let modules import the shared memories that an instance of another store exports. That
 * store must live longer. Another thread may use it, unless both have one budget (jit/budget.h): a
 * growth is charged to the budget of the store that made the memory, and budgets have no lock.
 * @return OK, E_NOMEM. @context{thread}
 */
enum status wasm_store_register_shared(struct wasm_store *s, struct wasm_bytes name,
                                       struct wasm_instance *instance);

/**
 * @brief Let the store's engine prepare a module. The host modules that it imports from must be in
 * the store already, and no other name may hide them later.
 * @param m Ownership passes: freed with the code, or if this fails.
 * @param out  One reference.
 * @return as wasm_engine.load(). @context{thread}
 */
enum status wasm_load(struct wasm_store *s, struct wasm_module *m, struct wasm_code **out,
                      struct wasm_error *err);

/** @brief Drop a reference. Must precede closing the store. @context{thread} */
void wasm_release(struct wasm_store *s, struct wasm_code *code);

/**
 * @brief Link a module with its imports, initialise it, run its start function.
 * @param code  The instance adds a reference.
 * @param out Lives as long as the store.
 * @param stop  Filled for E_FAULT and E_CANCELLED.
 * @return OK; E_UNRESOLVED: an import is unknown or of another type, see err; E_NOMEM, with err;
 * E_FAULT: a segment does not fit or the start function trapped; E_CANCELLED: it was stopped. In
 * the last two cases, data that was written to memories and tables of other instances stays, as the
 * specification requires.
 * @context{thread}
 */
enum status wasm_instantiate(struct wasm_store *s, struct wasm_code *code,
                             struct wasm_instance **out, struct wasm_stop *stop,
                             struct wasm_error *err);

/** @brief Look up an export by name. @return false: there is none. @context{thread} */
bool wasm_instance_export(const struct wasm_instance *i, struct wasm_bytes name,
                          struct wasm_extern *out);

/**
 * @brief Look up a function, table, memory, global or tag by index, imported or not.
 * @pre It exists. @context{thread}
 */
struct wasm_extern wasm_instance_extern(const struct wasm_instance *i, enum wasm_kind kind,
                                        uint32_t index);

/** @brief The reference to a function, as tables hold it. @pre It exists. @context{thread} */
struct wasm_func *wasm_instance_function(const struct wasm_instance *i, uint32_t function);

/** @brief Number of cells for values of these types. @context{any} */
uint32_t wasm_cells(const uint8_t *types, uint32_t count);

/**
 * @brief Call a function.
 * @param args Cells: as many as the signature's parameters need.
 * @param results  Likewise; written only if it returns.
 * @param stop Filled unless it returns.
 * @context{thread}
 */
enum wasm_outcome wasm_call(struct wasm_store *s, const struct wasm_extern *function,
                            const uint64_t *args, uint64_t *results, struct wasm_stop *stop);

/**
 * @brief The instance that a context belongs to. @pre Not the context of a host function.
 * @context{any}
 */
static inline struct wasm_instance *wasm_instance_of(uint64_t context)
{
    return CONTAINER_OF((struct wasm_context *)(uintptr_t)context, struct wasm_instance, context);
}

/** @brief The module that a representation of a function was built from. @context{any} */
static inline const struct wasm_module *wasm_module_of(const struct ir_function *f)
{
    return CONTAINER_OF((struct ir_module *)(uintptr_t)f->module, struct wasm_module, ir);
}
