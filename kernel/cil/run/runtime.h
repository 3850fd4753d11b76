// SPDX-License-Identifier: MIT
//
// A program that runs: its window of memory, its heap, and what the code calls in C. The same for
// machine code and for the interpreter of the intermediate representation.
//
// Native methods get offsets of the window. Nothing in it is trusted: cil_memory() checks.
#pragma once

#include "kernel/cil/front/build.h"
#include "kernel/cil/run/heap.h"
#include "kernel/jit/code/sandbox.h"

#include <stdatomic.h>

#define CIL_STACK_BYTES      (UINT32_C(1) << 20) /* for values whose address is taken */
#define CIL_HEAP_BYTES_LEAST (UINT32_C(1) << 20)

/** A native method. Always five arguments; those that it does not have are undefined. */
typedef uint64_t cil_native_call(struct cil_runtime *r, uint64_t a, uint64_t b, uint64_t c,
                                 uint64_t d, uint64_t e);

/**
 * A method of the core library that is marked as an internal call. At most 5 parameters, of which
 * `this` is one, which is not null; others may be.
 * Letters of the signature: i 32 bits (numbers, enumerations, characters), I 64 bits, r a reference
 * or a managed pointer. A struct of 8 bytes without references counts as I. After a colon that of
 * the result, if there is one: "rii:i".
 */
struct cil_native {
    const char *name; /* "System.Console::Write" */
    const char *signature;
    cil_native_call *call;
};

enum cil_ending {
    CIL_GOES_ON,
    CIL_EXITED,     /**< exit_status */
    CIL_THROWN,     /**< an exception that nobody catches: thrown */
    CIL_NO_MEMORY,  /**< an object does not fit */
    CIL_NEGATIVE,   /**< an array of negative length */
    CIL_BAD_ACCESS, /**< a native method was given an address outside of the window */
    CIL_DAMAGED,    /**< a collection found no object where there should be one */
};

struct cil_runtime {
    struct cil_context context; /* first: its address is what compiled code passes */
    const struct cil_unit *unit;
    struct sandbox memory;
    uint64_t length; /* of the window that is committed; context.memory_length is its address */
    struct cil_heap heap;
    uint64_t *methods;
    struct cil_record *records;
    cil_native_call *natives[CIL_NATIVES_MAX]; /* as the unit numbers them */
    struct budget *budget;
    /* Set by the engine: end the program, which r->ending explains. Does not return. */
    void (*leave)(struct cil_runtime *r);
    void *engine;
    /* Not 0: the program is to end, and a collection, too. NULL: nothing ends it. */
    const _Atomic uint32_t *stop;
    enum cil_ending ending;
    uint32_t thrown;
    int32_t exit_status;
    void *owner; /* belongs to the native methods */
};

/**
 * @brief Make the memory of a program.
 * @param natives Those that the caller provides; a few are here. @param max Most bytes of the
 * window, a multiple of 64 KiB. @param budget Charged; or NULL.
 * @return false: recorded in the unit's domain; nothing is to be freed. A native method that is not
 * there, or of another type, is E_UNRESOLVED. @context{thread, may sleep}
 */
bool cil_runtime_make(struct cil_runtime *r, const struct cil_unit *u,
                      const struct cil_native *natives, uint32_t native_count, uint64_t max,
                      struct budget *budget);
void cil_runtime_free(struct cil_runtime *r);

/** @brief After method 0 has returned: whether an exception is the reason. Sets r->ending. */
bool cil_runtime_has_thrown(struct cil_runtime *r);

/** @brief Call a helper or a native method by its callee. @return its result. */
uint64_t cil_runtime_call(struct cil_runtime *r, uint32_t callee, const uint64_t args[5]);

/* ---- For native methods ---- */

_Noreturn void cil_end(struct cil_runtime *r, enum cil_ending ending);
_Noreturn void cil_exit(struct cil_runtime *r, int32_t status);

/** @brief The type that a System.RuntimeType is for. Ends the program if the object is none. */
const struct cil_unit_type *cil_type_by_object(struct cil_runtime *r, uint64_t object);

/** @brief Bytes of the window. Ends the program if they are not all inside. */
void *cil_memory(struct cil_runtime *r, uint64_t at, uint64_t bytes);
/* An allocation may move all objects: references that are used after it are in handles
 * (cil_hold()). */

/** @brief An object of a type, zeroed. Ends the program if it does not fit. */
uint32_t cil_new(struct cil_runtime *r, uint32_t type, uint64_t bytes);
/** @brief An array. @param type Its description. */
uint32_t cil_new_array(struct cil_runtime *r, uint32_t type, uint32_t length);
/** @brief A string of `length` characters, which are 0. @pre The program has strings. */
uint32_t cil_new_string(struct cil_runtime *r, uint32_t length);

/** The characters of a string or the elements of an array: until the next allocation. */
struct cil_text {
    void *at;
    uint32_t length; /* in characters or elements */
};

/** @brief The characters of a string, UTF-16. @param string null: it has none. */
struct cil_text cil_string(struct cil_runtime *r, uint64_t string);
/** @brief The elements of an array. @param size Bytes of one, as the caller knows it. */
struct cil_text cil_array(struct cil_runtime *r, uint64_t array, uint32_t size);

/** @brief A string from UTF-8. What is not becomes U+FFFD. */
uint32_t cil_string_from(struct cil_runtime *r, const char *text, size_t len);

/** @brief string[] with these words (UTF-8, the first 64 KiB of each), for Main. Before code runs.
 * @param out 0: Main has no parameter. @return OK; E_NOMEM; E_CANCELLED: the program is ending. */
enum status cil_main_argument(struct cil_runtime *r, const char *const *words, uint32_t count,
                              uint32_t *out);
