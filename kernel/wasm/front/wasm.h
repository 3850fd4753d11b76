// SPDX-License-Identifier: MIT
//
// WebAssembly, core specification 2.0 and parts of 3.0: the public interface. Decoding and
// validation make a module; building makes the intermediate representation of a function; an
// instance is the environment that code runs in.
//
// Nothing here knows how code is executed or where it is: an engine (struct wasm_engine) does that,
// either the interpreter of the representation or compiled code.
#pragma once

#include "kernel/jit/ir.h"
#include "kernel/lib/status.h"
#include "kernel/load/loader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Ids of sections that other files refer to, and the number of ids (5.5.2). */
#define WASM_SECTION_TYPE   1
#define WASM_SECTION_IMPORT 2
#define WASM_SECTION_TABLE  4
#define WASM_SECTION_MEMORY 5
#define WASM_SECTION_CODE   10
#define WASM_SECTIONS       14

/** Value types, as the binary format encodes them (5.3). */
enum wasm_type {
    WASM_I32 = 0x7f,
    WASM_I64 = 0x7e,
    WASM_F32 = 0x7d,
    WASM_F64 = 0x7c,
    WASM_V128 = 0x7b,
    WASM_FUNCREF = 0x70,
    WASM_EXTERNREF = 0x6f,
    WASM_EXNREF = 0x69,         /* to an exception that was thrown */
    WASM_NULLEXNREF = 0x74,     /* never to any */
    WASM_SOME_REFERENCE = 0xff, /* in unreachable code: a reference of any type */
};

/** A value type as validation needs it: in the low byte an enum wasm_type, which is all that
 * running code knows of it. Above, for a reference: whether null is excluded, and from bit 9 on the
 * index of the function's type + 1; 0: a function of any type. */
#define WASM_NOT_NULL        0x100u
#define WASM_INDEX_SHIFT     9
#define WASM_REFERENCE_TO(i) ((uint32_t)WASM_FUNCREF | ((uint32_t)(i) + 1) << WASM_INDEX_SHIFT)
#define WASM_HAS_INDEX(type) ((type) >> WASM_INDEX_SHIFT != 0)
#define WASM_INDEX_OF(type)  (((type) >> WASM_INDEX_SHIFT) - 1)

enum wasm_kind {
    WASM_FUNCTION,
    WASM_TABLE,
    WASM_MEMORY,
    WASM_GLOBAL,
    WASM_TAG,
    WASM_KIND_COUNT,
};

#define WASM_PAGE 65536u
/** Most pages of a memory here: with them, its last byte lies WASM_SPARE_BYTES below the 4 GiB that
 * an index of 32 bits reaches, so that compiled code knows which sums cannot wrap. And an index of
 * more than 32 bits, or such a number of bytes, is outside of every memory: it is compared once,
 * and the rest is as for 32 bits. */
#define WASM_PAGES_MAX   65535u
#define WASM_SPARE_BYTES WASM_PAGE
/** What the specification allows, with indices of 32 and 64 bits. */
#define WASM_PAGES_LIMIT    65536u
#define WASM_PAGES_LIMIT_64 (UINT64_C(1) << 48)
#define WASM_ARITY_MAX      1000u  /* parameters, or results, of a function type or block */
#define WASM_TYPES_MAX      65536u /* of a module */
#define WASM_MEMORIES_MAX   100u   /* of a module */
#define WASM_LEVELS_MAX     1000u  /* of types that refer to earlier types */
#define WASM_LOCALS_MAX     50000u /* of a function, parameters included */
#define WASM_GUARD_BYTES    UINT64_C(0x80000000) /* after the 4 GiB that an index reaches */
/** Address space reserved for a memory, from its base. One page more than index and offset reach,
 * because an access extends beyond the address where it starts. */
#define WASM_WINDOW_BYTES ((UINT64_C(1) << 32) + WASM_GUARD_BYTES + 4096)

/** Why a module was refused: "code section, offset
 * 0x123: type mismatch: expected i32, found f64". */
struct wasm_error {
    uint32_t offset; /* bytes from the start of the module */
    char section[16];
    char text[160]; /* the whole sentence */
};

/**
 * @brief Fill in an error, in the common format.
 * @param section  NULL: the module as a whole.
 * @return s. @context{any}
 */
enum status wasm_complain(struct wasm_error *e, enum status s, const char *section, uint32_t offset,
                          const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/** Bytes inside the module's file, which the module keeps. */
struct wasm_bytes {
    const uint8_t *bytes;
    uint32_t len;
};

struct wasm_limits {
    uint64_t min, max; /* pages or elements */
    bool has_max;
    bool is_64;     /* indices are i64 */
    bool is_shared; /* of a memory: several threads may access it */
};

/** A function type. Equal types have equal ids in all modules
 * that exist at the same time (wasm_type_ids_take()). */
struct wasm_signature {
    const uint8_t *types; /* enum wasm_type: parameters, then results */
    const uint32_t *full; /* the same, with what the references refer to */
    uint32_t params, results;
    uint32_t id;        /* never 0 */
    uint32_t canonical; /* the first type of the module that equals it */
    /* Types that are declared together are a group, and may refer to each other. `group` is its
     * first type, which alone has the fields after `group_size`. */
    uint32_t group, group_size, group_id;
    bool is_plain;  /* the group is one type that names no other; its references may be null */
    bool new_level; /* the group refers to a type of the level before */
};

struct wasm_table_type {
    struct wasm_limits limits;
    uint32_t type; /* with what it refers to */
};

struct wasm_global_type {
    uint32_t type; /* with what it refers to */
    bool is_mutable;
};

struct wasm_import {
    struct wasm_bytes module, name;
    uint8_t kind;   /* enum wasm_kind */
    uint32_t index; /* in its index space */
};

struct wasm_export {
    struct wasm_bytes name;
    uint8_t kind;
    uint32_t index;
};

/** A constant expression: a value, a global, a reference to a function, or a longer expression. */
struct wasm_constant {
    uint8_t opcode;  /* i32.const ... , global.get, ref.null, ref.func, end: a longer one */
    uint64_t lo, hi; /* bits, an index, or the offset of a longer one in the module */
};

struct wasm_memory_type {
    struct wasm_limits limits;
    uint32_t at; /* bytes from the context: a struct wasm_memory_slot; of memory 0 not used */
};

struct wasm_global {
    struct wasm_global_type type;
    bool is_imported;
    struct wasm_constant init;
    uint32_t
        at; /* bytes from the context: the value (16 for v128), or a pointer to it if imported */
};

struct wasm_table {
    struct wasm_table_type type;
    bool is_imported;
    bool has_init; /* its elements begin with the value of `init`, not with null */
    struct wasm_constant init;
    uint32_t
        at; /* bytes from the context: a struct wasm_table_data, or a pointer to it if imported */
};

struct wasm_function {
    uint32_t type; /* index in the module's signatures */
    /* bytes from the context: its struct wasm_func or, if imported, struct wasm_imported */
    uint32_t at;
    uint32_t body;      /* offset in the module, after the size; imported: 0 */
    uint32_t body_size; /* bytes */
    bool is_imported;
    bool is_declared; /* ref.func may name it */
};

/** A kind of exception. Its values are the parameters of a function type without results. */
struct wasm_tag {
    uint32_t type; /* index in the module's signatures */
    bool is_imported;
    uint32_t at; /* bytes from the context: its identity, a word that is equal for equal tags */
};

enum wasm_segment_mode { WASM_ACTIVE, WASM_PASSIVE, WASM_DECLARATIVE };

struct wasm_element_segment {
    uint8_t mode;
    uint32_t type; /* with what it refers to */
    uint32_t table;
    struct wasm_constant offset;
    const struct wasm_constant *items;
    uint32_t count;
};

struct wasm_data_segment {
    uint8_t mode;
    uint32_t memory;
    struct wasm_constant offset;
    struct wasm_bytes bytes;
};

/** Functions that the representation calls and that are not part of the module: helpers, whose
 * addresses are in the context (struct wasm_context). They come first in the module's callees. */
enum wasm_helper {
    WASM_HELPER_MEMORY_GROW, /* (i32 memory, i32 pages) -> i32 old pages or -1 */
    /* (i64 memory << 32 | segment, i32 to, i32 from, i32 n) -> i32: 0 is a trap */
    WASM_HELPER_MEMORY_INIT,
    WASM_HELPER_MEMORY_COPY, /* (i64 to << 32 | from, i32 at, i32 from, i32 n) -> i32 */
    WASM_HELPER_MEMORY_FILL, /* (i32 memory, i32 to, i32 byte, i32 n) -> i32 */
    WASM_HELPER_DATA_DROP,   /* (i32 segment) */
    WASM_HELPER_TABLE_GROW,  /* (i32 table, i64 value, i32 n) -> i32 old elements or -1 */
    WASM_HELPER_TABLE_FILL,  /* (i32 table, i32 at, i64 value, i32 n) -> i32 */
    WASM_HELPER_TABLE_COPY,  /* (i64 to << 32 | from, i32 at, i32 from, i32 n) -> i32 */
    WASM_HELPER_TABLE_INIT,  /* (i64 table << 32 | segment, i32 at, i32 from, i32 n) -> i32 */
    WASM_HELPER_ELEM_DROP,   /* (i32 segment) */
    /* (i32 operation of the representation, i64 address of three vectors, i64 address of the
     * result) */
    WASM_HELPER_VECTOR,
    /* (i32 function): give it code, before it is called for the first time. For stubs, and from
     * WASM_EVENTS on for functions that are traced */
    WASM_HELPER_COMPILE,
    WASM_HELPER_WAIT_32, /* (i32 memory, i64 at, i32 expected, i64 ns) -> i32: enum wasm_wait */
    WASM_HELPER_WAIT_64, /* (i32 memory, i64 at, i64 expected, i64 ns) -> i32: enum wasm_wait */
    WASM_HELPER_NOTIFY,  /* (i32 memory, i64 at, i32 most) -> i32 woken, or WASM_NOTIFY_OUTSIDE */
    /* From here on those for exceptions, whose addresses are in the context after everything else.
     * An exnref, `i64 exception` here, is a number that the store checks: kernel/wasm/run/
     * exception.h. */
    WASM_HELPER_EXN_MAKE,       /* (i32 tag) -> i64 exception; 0: no memory */
    WASM_HELPER_EXN_SET,        /* (i64 exception, i32 cell, i64 value) */
    WASM_HELPER_EXN_SET_FUNC,   /* the same for a funcref */
    WASM_HELPER_EXN_SET_EXTERN, /* the same for any other reference */
    WASM_HELPER_EXN_GET,        /* (i64 exception, i32 cell) -> i64 value */
    WASM_HELPER_EXN_GET_FUNC,
    WASM_HELPER_EXN_GET_EXTERN,
    WASM_HELPER_EXN_THROW,  /* (i64 exception): unwinds */
    WASM_HELPER_EXN_CAUGHT, /* () -> i64 exception: the one that is being thrown */
    WASM_HELPER_EXN_IS,     /* (i64 exception, i32 tag) -> i32: whether it has the tag */
    WASM_HELPER_EXN_END,    /* (i64 exception, i32 is_kept): it was caught */
    WASM_HELPER_COUNT,
    WASM_HELPER_FIXED = WASM_HELPER_EXN_MAKE, /* the number of those in struct wasm_context */
};

/** How waiting ended. */
enum wasm_wait {
    WASM_WAIT_WOKEN,
    WASM_WAIT_NOT_EQUAL, /**< memory had another value */
    WASM_WAIT_TIMED_OUT,
    WASM_WAIT_OUTSIDE, /**< beyond the memory; or the store was stopped */
};
#define WASM_NOTIFY_OUTSIDE UINT32_MAX
#define WASM_EVENTS         UINT32_C(0x80000000) /* no module has so many functions */

/** Callees for an engine, after the functions. */
#define WASM_ENGINE_CALLEES 2u

/** A function as references, elements of tables and imports see it. Constant after linking, except
 * for its code. A funcref is the address of this struct; 0 is null. */
struct wasm_func {
    uint64_t code;    /* an address or a token; the engine defines it, and may improve it */
    uint64_t context; /* context of the instance that it runs in; a host function has its own */
    uint32_t type_id;
    uint32_t index; /* in its module, for people */
};

/** The part of a context that describes an imported function. */
struct wasm_imported {
    uint64_t func; /* address of its struct wasm_func */
    /* if the module's code calls a host function directly: the addresses of its handler and of the
     * struct wasm_host that is passed to it */
    uint64_t entry, host;
};

/** Elements are 64-bit references: the address of a
 * struct wasm_func, or any value of the embedder. */
struct wasm_table_data {
    uint64_t elements; /* address; changes when the table grows */
    uint32_t length, max;
};

/** The part of a context that describes a memory other than memory 0. */
struct wasm_memory_slot {
    uint64_t base, length; /* the base; the address of the 64-bit length in bytes */
};

/** An instance as compiled code sees it. The context register holds its address. Globals, tables
 * and functions follow, at the offsets that the module gives. */
struct wasm_context {
    uint64_t memory_base; /* of memory 0; the calling convention requires it to be first */
    /* address of the 64-bit length in bytes; instances
     * that share a memory have the same address here */
    uint64_t memory_length;
    uint64_t stop; /* address of the store's 32-bit flag */
    uint64_t helpers[WASM_HELPER_FIXED];
};

struct wasm_module {
    const uint8_t *bytes;
    uint32_t len;
    /* by id: where its contents start; 0: there is no such section */
    uint32_t sections[WASM_SECTIONS];
    struct arena arena; /* everything that the module points to, except its bytes */

    struct wasm_signature *signatures;
    struct wasm_import *imports;
    struct wasm_export *exports;
    struct wasm_function *functions;
    struct wasm_table *tables;
    struct wasm_memory_type *memories;
    struct wasm_global *globals;
    struct wasm_tag *tags;
    struct wasm_element_segment *elements;
    struct wasm_data_segment *data;
    uint32_t signature_count, import_count, export_count, function_count, table_count, memory_count,
        global_count, tag_count, element_count, data_count;
    uint32_t imported[WASM_KIND_COUNT]; /* how many of each kind are imported; these come first */
    uint32_t start;                     /* function, or IR_NONE */
    bool has_data_count;
    bool has_vector_types; /* or constants, outside of bodies */
    uint8_t relaxed;       /* set by an engine: enum ir_relaxed, what relaxed operators become */
    bool helps_vectors;    /* set by an engine: operations on vectors are calls of a helper */
    /* set by an engine, by function: not 0: it has no code yet and
     * gets none together with the function that is built, so calls go through its struct
     * wasm_func. NULL: all functions get their code together */
    const uint8_t *later;

    const char *const *names; /* by function, from the names section; NULL: no name */
    uint32_t context_bytes;   /* size of an instance's context */
    /* bytes from the context: addresses of the helpers from WASM_HELPER_FIXED on */
    uint32_t more_helpers;
    /* those of `ir`; not const here, because linking may refine what an import is */
    struct ir_callee *callees;
    /* for the functions' representations: callee WASM_HELPER_COUNT + n is function n. The callees
     * after the last function are for an engine, functions like WASM_HELPER_COMPILE */
    struct ir_module ir;
};

/** Limits beyond which a valid module is refused. They protect
 * the kernel and are not part of the specification. */
struct wasm_bounds {
    size_t arena_bytes;      /* for the module's own data structures */
    uint32_t table_elements; /* largest table */
    struct budget *budget;   /* charged for the module, and must live as long as it; or NULL */
};

/**
 * @brief Decode and validate everything except the bodies of functions.
 * @param bytes  Must stay until wasm_module_free().
 * @param out The module; free it with wasm_module_free().
 * @return OK; E_CORRUPT: malformed or invalid; E_NOTSUP, E_OVERFLOW: beyond a limit; E_NOMEM. err
 * has section, offset and reason.
 * @context{thread}
 */
enum status wasm_module_decode(const uint8_t *bytes, size_t len, const struct wasm_bounds *bounds,
                               struct wasm_module **out, struct wasm_error *err);
void wasm_module_free(struct wasm_module *m);

/**
 * @brief Fill in the ids of types: equal for equal types among all that exist at the same time.
 * @return OK; E_NOMEM: some are. Each is held until it is dropped. @context{thread, may sleep}
 */
enum status wasm_type_ids_take(struct wasm_signature *signatures, uint32_t count);
void wasm_type_ids_drop(const struct wasm_signature *signatures, uint32_t count);

/**
 * @brief Whether a value of type `a` of module `of_a` may be where one of type `b` of `of_b` is
 * expected. Between two modules only after their ids were taken. @context{any}
 */
bool wasm_is_subtype(const struct wasm_module *of_a, uint32_t a, const struct wasm_module *of_b,
                     uint32_t b);

/** @brief The representation's type for a value type; references are addresses. */
unsigned wasm_ir_type(uint8_t type);

/** What validation finds out about a body. */
struct wasm_facts {
    const uint32_t
        *callees; /* functions of the module that it calls directly, perhaps repeatedly */
    uint32_t callee_count;
    bool moves_context; /* it may end in a call with another context */
};

/** @brief Whether a vector occurs: a type, a constant or an operator. Reads all bodies.
 * @context{thread} */
bool wasm_uses_vectors(const struct wasm_module *m);

/**
 * @brief Validate a body without building it. Building it may still fail for lack of memory, or
 * because it is too large.
 * @param a  The list of callees is allocated here; the caller frees it.
 * @return as wasm_function_build(). @context{thread} likewise.
 */
enum status wasm_function_validate(const struct wasm_module *m, uint32_t function, struct arena *a,
                                   struct wasm_facts *out, struct wasm_error *err);

/**
 * @brief Validate a body and build its representation, in one pass.
 * @param a  The function is allocated here; the caller frees it.
 * @return as wasm_module_decode(). @context{thread} Several threads may build functions of one
 * module.
 */
enum status wasm_function_build(const struct wasm_module *m, uint32_t function, struct arena *a,
                                struct ir_function **out, struct wasm_error *err);
