// SPDX-License-Identifier: MIT
//
// A portable program as its formats see it: the part that is the same for all formats, and the
// functions that a format provides.
#pragma once

#include "kernel/jit/code/code_kernel.h"
#include "kernel/load/bytecode/bytecode.h"
#include "kernel/load/bytecode/program_budget.h"
#include "kernel/program/program.h"
#include "kernel/sched/thread.h"

struct portable_format;
struct starting;

/* Field protection:  [I] set before its thread runs [t] its thread, and the thread that releases it
 * [r] the registry's lock */
struct portable {
    const struct portable_format *format; /* [I] */
    struct program_resource resource;
    struct program *program; /* [I] */
    struct list_node link;   /* [r] */
    bool is_listed;          /* [r] */
    char path[128];          /* [I] */
    void *bytes;             /* [I] the file; lives as long as the program */
    size_t len;
    enum load_engine engine; /* [I] */
    uint64_t features;       /* [I] of the CPU */
    int argc;                /* [I] */
    char **argv;             /* [I] */
    const struct load_folder
        *folders; /* [I] belong to the starting thread: for load() only. NULL: the default */
    uint32_t folder_count; /* [I] */
    /* [t] the thread that waits for the result; NULL: it has been reported */
    struct starting *starting;
    struct code_kernel code; /* [t] */
    /* [t] Charged for what the format allocates. Ready before load(); nothing may be left in it
     * after release(). */
    struct program_budget budget;
    uint64_t load_ns; /* [t] time to validate and compile all of it */
};

/** How a portable program ended. */
enum portable_outcome {
    PORTABLE_RETURNED, /**< with a status */
    PORTABLE_TRAPPED,  /**< reported already */
    PORTABLE_STOPPED,  /**< because something ended it */
};
struct portable_end {
    enum portable_outcome outcome;
    uint32_t status; /* may exceed 255 */
};

/** A request to inspect a file without running it. */
struct inspection {
    const char *path, *function; /* function NULL: all functions, one line each */
    void (*sink)(void *ctx, const char *s, size_t len);
    void *ctx;
    struct loader_error *err;
    const struct thread *asker; /* the sink writes to this thread's terminal or redirection */
    enum status status;
};

/** A format of portable programs. Const; no function is optional. kernel/boot/frontends.c lists the
 * formats; extensions add others (kernel/module/additions.h). Except for recognise() and stop(),
 * functions are called by the program's own thread, or after it has ended, unless noted
 * otherwise. */
struct portable_format {
    const char *name;
    /** @brief Whether the bytes claim to be of this format, however broken. @context{any} */
    bool (*recognise)(const void *bytes, size_t len);

    /**
     * @brief Allocate the format's data for a program, which contains a struct portable: zeroed.
     * @return NULL: no memory. @context{thread that starts it}
     */
    struct portable *(*create)(void);
    /** @brief Free all of it, however far loading went, including the struct portable, which is in
     * no list any longer. */
    void (*release)(struct portable *p);

    /**
     * @brief Validate, compile, link. Once there is code, list it with portable_remember().
     * @return OK: run() reports how it continues; or as loader_load(), reported with
     * portable_refuse().
     */
    enum status (*load)(struct portable *p);
    /** @brief Run it. A trap is reported on the console. */
    struct portable_end (*run)(struct portable *p);
    /** @brief Make it end soon, even while it loads. @context{any thread, program->lock held} */
    void (*stop)(struct portable *p);

    /** @brief Fill in the engine, functions and memory of a listed program.
     * @context{any thread; the registry is locked} */
    void (*describe)(const struct portable *p, struct portable_info *out);
    /** @brief The n-th function with a body. @return false: there is none. @context{as describe()}
     */
    bool (*describe_function)(const struct portable *p, uint32_t n, struct portable_function *out);
    /**
     * @brief Compile a file without running it, and describe the result.
     * @return as loader_inspect(), with the reason from inspection_refuse(). @context{thread}
     */
    enum status (*inspect)(const struct inspection *i, const void *bytes, size_t len);
};

/** @brief As portable_recognise(), for the formats that extensions added. */
typedef const struct portable_format *(*portable_recognise_fn)(const void *bytes, size_t len);

/** @brief Install the function that is asked about a file of no format of the kernel.
 * @context{once, after loader_init(), before the first program} */
void portable_set_added(portable_recognise_fn recognise);

/** @brief The format of a file. @return NULL: it is no portable program. @context{any} */
const struct portable_format *portable_recognise(const void *bytes, size_t len);

/**
 * @brief Map the growing stack of the running thread as far as the compiler needs it, because C
 * code does not probe. @return false: no memory, or the program's limit is reached.
 * @context{thread}
 */
bool portable_touch_stack(void);

/** @brief Report why a program does not start: the path, then `why`, or the name of s if that is
 * empty. @return s; OK if s is E_CANCELLED: the program is ending, which is no refusal.
 * @context{thread of the program, while it loads} */
enum status portable_refuse(struct portable *p, enum status s, const char *why);
enum status inspection_refuse(const struct inspection *i, enum status s, const char *why);

/** @brief List a program for `jit`, and remove it again: does nothing if it is not listed.
 * bytecode_list.c */
void portable_remember(struct portable *p);
void portable_forget(struct portable *p);
