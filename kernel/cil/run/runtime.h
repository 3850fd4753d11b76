// SPDX-License-Identifier: MIT
//
// A program that runs: its window of memory, its heap, its threads, and what the code calls in C.
// The same for machine code and for the interpreter of the intermediate representation.
//
// Native methods get offsets of the window. Nothing in it is trusted: cil_memory() checks.
#pragma once

#include "kernel/cil/front/build.h"
#include "kernel/cil/run/heap.h"
#include "kernel/jit/code/park.h"
#include "kernel/jit/code/sandbox.h"

#include <stdatomic.h>

/* Stacks for values whose address is taken: of the first thread; of each further one a part of the
 * memory limit between these two. */
#define CIL_STACK_BYTES      (UINT32_C(1) << 20)
#define CIL_MORE_STACK_BYTES (UINT32_C(1) << 18)
#define CIL_MORE_STACK_LEAST (UINT32_C(1) << 16)
#define CIL_STACK_SHARE      1024u
#define CIL_STACKS_ROOM      (UINT64_C(1) << 29) /* left of the window for them, at least */
#define CIL_STACK_RESERVE    (UINT64_C(1) << 21) /* of the limit: not for further stacks */
#define CIL_HELD_MAX         8u
#define CIL_MONITOR_LISTS    64u
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

/** Whether a new thread runs. Waited for. */
enum cil_start {
    CIL_START_UNKNOWN,
    CIL_START_RUNS,
    CIL_START_FAILED, /**< there is no memory for its stack */
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

/* Field protection:  [l] lock, if the program may start threads   [I] set before they run */
/** What the threads of a program share. */
struct cil_world {
    struct sandbox memory; /* [l] its size */
    uint64_t length; /* [l] of the window that is committed; context.memory_length is its address */
    struct cil_heap heap;  /* [l] and no other thread runs during a collection */
    struct budget *budget; /* [l] */
    /* Not 0: the program is to end, and a collection, too. NULL: nothing ends it. */
    const _Atomic uint32_t *stop;
    struct park_lock lock;
    bool has_threads;            /* [I] the program may start some */
    struct cil_runtime *threads; /* [l] all, by `next` */
    uint32_t running;    /* [l] threads that may touch objects; changes are waited for here */
    uint32_t in_calls;   /* threads in calls of WASI; changes atomically */
    uint32_t exit_code;  /* Environment.ExitCode; likewise, relaxed */
    uint32_t pauses;     /* [l] odd: a thread collects, and others wait here for the end of it */
    uint32_t foreground; /* [l] further threads that the end of Main waits for; likewise */
    struct cil_initialiser *initialisers;            /* [l] those that run */
    uint32_t initialised;                            /* [l] changes when one has run; likewise */
    struct cil_monitor *monitors[CIL_MONITOR_LISTS]; /* [l] those in use, by hash code */
    struct cil_monitor *free_monitors;               /* [l] */
};

/** The initialiser of a type that a thread runs. */
struct cil_initialiser {
    struct cil_initialiser *next;
    struct cil_runtime *by;
    uint32_t flag; /* of the type, in the window */
};

/** The monitor of an object, while a thread has entered it or waits for it. */
struct cil_monitor {
    struct cil_monitor *next;
    uint32_t object;
    uint32_t depth, users;     /* how often its owner has entered it; threads that wait for it */
    struct cil_runtime *owner; /* or NULL */
    struct cil_runtime *first; /* of those that wait for a pulse, by next_waiter */
    uint32_t released;         /* changes when it has no owner any more, and is waited for */
};

/** Where an exception has been: a method, and the offset of the instruction in its CIL. */
struct cil_pass {
    uint32_t method, offset;
};

#define CIL_PASSED_MAX 128u /* of them that are kept between two handlers; more are left out */

/** A thread of a program. */
struct cil_runtime {
    struct cil_context context; /* first: its address is what compiled code passes */
    const struct cil_unit *unit;
    struct cil_world *world;
    uint64_t *methods;
    struct cil_record *records;                /* its own, because a record contains the context */
    cil_native_call *natives[CIL_NATIVES_MAX]; /* as the unit numbers them */
    /* Set by the engine: end the program, which r->ending explains. Does not return. */
    void (*leave)(struct cil_runtime *r);
    void *engine;
    enum cil_ending ending;
    uint32_t thrown;
    int32_t exit_status;
    void *owner;                    /* belongs to the native methods */
    struct cil_runtime *next;       /* [l] */
    uint32_t stack_low, stack_high; /* its stack in the window */
    uint32_t part, part_end; /* of the heap, for objects of this thread: context.next is inside */
    uint32_t held[CIL_HELD_MAX]; /* references that C keeps (cil_hold()) */
    uint32_t held_count;
    uint32_t self;                           /* its System.Threading.Thread; or null */
    bool is_background;                      /* the end of Main does not wait for it */
    const struct cil_initialiser *waits_for; /* [l] or NULL */
    struct cil_runtime *next_waiter;         /* [l] */
    uint32_t pulsed;                         /* [l] 0: it waits for a pulse, here */
    uint32_t start; /* enum cil_start: of the thread that it starts, which changes it */
    struct cil_pass passed[CIL_PASSED_MAX]; /* of the exception that is on its way */
    uint32_t passed_count;
    uint64_t steps; /* since cil_poll() has looked whether the program is to end */
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

/** @brief A further thread of the program, which is not running yet. @param self Its
 * System.Threading.Thread. @return false: no memory, or too many threads; nothing has changed.
 * @context{thread of the program} */
bool cil_runtime_fork(struct cil_runtime *t, struct cil_runtime *from, uint32_t self,
                      bool is_background);
/** @brief The part of the window that is its stack. */
void cil_runtime_set_stack(struct cil_runtime *t, uint32_t low, uint32_t high);
/** @brief It has ended. Frees it, its struct too, unless the program is ending: then its budget
 * does. @context{thread of the program that holds nothing} */
void cil_runtime_join(struct cil_runtime *t);
/** @brief The first thread waits until no further thread is in the foreground, or the program is
 * ending. */
void cil_runtime_wait(struct cil_runtime *r);

/** @brief After method 0 has returned: whether an exception is the reason. Sets r->ending. */
bool cil_runtime_has_thrown(struct cil_runtime *r);

/** @brief Call a helper or a native method by its callee. @return its result. */
uint64_t cil_runtime_call(struct cil_runtime *r, uint32_t callee, const uint64_t args[5]);

/* ---- For native methods ---- */

_Noreturn void cil_end(struct cil_runtime *r, enum cil_ending ending);
_Noreturn void cil_exit(struct cil_runtime *r, int32_t status);
/** @brief The exit status of a program whose Main has returned: its result, or if it has none,
 * Environment.ExitCode. @param returned Counts only if there is a result. @context{any} */
uint32_t cil_main_result(const struct cil_runtime *r, uint64_t returned);

/** @brief The type that a System.RuntimeType is for. Ends the program if the object is none. */
const struct cil_unit_type *cil_type_by_object(struct cil_runtime *r, uint64_t object);

/** @brief The end of the part of the window that an address belongs to, as far as it is committed.
 * The part of large objects becomes smaller only in a collection. */
static inline uint64_t cil_window_end(const struct cil_runtime *r, uint32_t at)
{
    const uint64_t *end =
        cil_is_large(&r->world->heap, at) ? &r->world->heap.large.part.end : &r->world->length;
    return __atomic_load_n(end, __ATOMIC_RELAXED);
}

/** @brief Bytes of the window. Ends the program if they are not all inside. */
void *cil_memory(struct cil_runtime *r, uint64_t at, uint64_t bytes);
/* An allocation may move all objects: references that are used after it are in handles
 * (cil_hold()). */

/** @brief Store a reference into a cell, or copy bytes that may contain some; the two areas may
 * overlap. Another thread that finds such a reference sees the contents of its object, and the
 * collector learns of the stores. Ends the program if the place is not in the window. */
void cil_store_reference(struct cil_runtime *r, uint64_t at, uint32_t object);
void cil_copy(struct cil_runtime *r, uint64_t to, uint64_t from, uint64_t bytes);

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
