// SPDX-License-Identifier: MIT
//
// A portable program, as the files about it and the formats see it: what is the same whatever it is
// written in, and what a format has of its own.
#pragma once

#include "kernel/jit/code/code_kernel.h"
#include "kernel/jit/portable/portable.h"
#include "kernel/jit/portable/program_budget.h"
#include "kernel/sched/program.h"
#include "kernel/sched/thread.h"

struct portable_format;
struct starting;

/* Field protection:  [I] set before its thread runs   [t] its thread, and who releases it   [r] the
 * registry's lock */
struct portable {
    const struct portable_format *format; /* [I] */
    struct program_resource resource;
    struct program *program; /* [I] */
    struct list_node link;   /* [r] */
    bool is_listed;          /* [r] */
    char path[128];          /* [I] */
    void *bytes;             /* [I] the file: as long as the program */
    size_t len;
    enum load_engine engine; /* [I] */
    uint64_t features;       /* [I] of the CPU */
    int argc;                /* [I] */
    char **argv;             /* [I] */
    const struct load_folder
        *folders;              /* [I] of who starts it: for load() alone. NULL: as default */
    uint32_t folder_count;     /* [I] */
    struct starting *starting; /* [t] who waits for an answer; NULL: he has it */
    struct code_kernel code;   /* [t] */
    /* [t] Pays for what the format takes. Ready before load(); release() leaves nothing in it. */
    struct program_budget budget;
    uint64_t load_ns; /* [t] validating and compiling all of it */
};

/** How a portable program ended. */
enum portable_outcome {
    PORTABLE_RETURNED, /**< with a status */
    PORTABLE_TRAPPED,  /**< told already */
    PORTABLE_STOPPED,  /**< because somebody ends it */
};
struct portable_end {
    enum portable_outcome outcome;
    uint32_t status; /* perhaps over 255 */
};

/** A look at a file that is not run. */
struct inspection {
    const char *path, *function; /* function NULL: all of them, a line each */
    void (*sink)(void *ctx, const char *s, size_t len);
    void *ctx;
    struct loader_error *err;
    const struct thread *asker; /* whose terminal and redirection the sink writes to */
    enum status status;
};

/** What portable programs are written in. Const; no function is optional. kernel/jit/frontends.c
 * lists them. All but recognise() and stop() are called by the program's own thread, or once that
 * has ended, unless they say otherwise. */
struct portable_format {
    const char *name;
    /** @brief True if the bytes claim to be of this format, however broken. @context{any} */
    bool (*recognise)(const void *bytes, size_t len);

    /** @brief Take what the format keeps of a program, with a struct portable in it: zeroed.
     * @return NULL: no memory. @context{thread that starts it} */
    struct portable *(*create)(void);
    /** @brief Give all of it back, whatever of it was reached; the struct portable, too, which is
     * taken out of every list and has nothing left. */
    void (*release)(struct portable *p);

    /** @brief Validate, compile, link; list it with portable_remember() once there is code.
     * @return OK: run() says how it goes on; as loader_load(), told by portable_refuse(). */
    enum status (*load)(struct portable *p);
    /** @brief Run it. A trap is told on the console. */
    struct portable_end (*run)(struct portable *p);
    /** @brief Have it end soon, also while it loads. @context{any thread, program->lock held} */
    void (*stop)(struct portable *p);

    /** @brief Fill in the engine, functions and memory of a listed program.
     * @context{any thread; the registry is locked} */
    void (*describe)(const struct portable *p, struct portable_info *out);
    /** @brief The n-th function with a body. @return false: there is none. @context{as describe()}
     */
    bool (*describe_function)(const struct portable *p, uint32_t n, struct portable_function *out);
    /** @brief Compile a file without running it, and tell about it.
     * @return as loader_inspect(), with the reason by inspection_refuse(). @context{thread} */
    enum status (*inspect)(const struct inspection *i, const void *bytes, size_t len);
};

/** All of them, then NULL. kernel/jit/frontends.c */
extern const struct portable_format *const portable_formats[];

/** @brief The format of a file. @return NULL: it is no portable program's. @context{any} */
const struct portable_format *portable_recognise(const void *bytes, size_t len);

/** @brief Have the growing stack of the running thread mapped as far as the compiler needs it: C
 * code does not look ahead. @return false: there is no memory, or no more of it for the program.
 * @context{thread} */
bool portable_touch_stack(void);

/** @brief Say why a program is not started: the path, then `why`, or what s is called if that is
 * empty. @return s; OK if s is E_CANCELLED: it is being ended, which is no refusal. @context{thread
 * of the program, while it loads} */
enum status portable_refuse(struct portable *p, enum status s, const char *why);
enum status inspection_refuse(const struct inspection *i, enum status s, const char *why);

/** @brief List a program for `jit`, and take it out: nothing happens if it is not listed.
 * portable_list.c */
void portable_remember(struct portable *p);
void portable_forget(struct portable *p);
