// SPDX-License-Identifier: MIT
//
// A bytecode program as its formats see it: the part that is the same for all formats, and the
// functions that a format provides.
#pragma once

#include "kernel/fs/file_view.h"
#include "kernel/jit/code/code_kernel.h"
#include "kernel/load/bytecode/bytecode.h"
#include "kernel/load/bytecode/bytecode_crew.h"
#include "kernel/load/bytecode/program_budget.h"
#include "kernel/program/program.h"
#include "kernel/sched/thread.h"

struct bytecode_format;
struct starting;

/* Field protection:  [I] set before its thread runs [t] its thread, and the thread that releases it
 * [r] the registry's lock */
struct bytecode_program {
    const struct bytecode_format *format; /* [I] */
    struct program_resource resource;
    struct program *program; /* [I] */
    struct list_node link;   /* [r] */
    bool is_listed;          /* [r] */
    char path[128];          /* [I] */
    struct file_view file;   /* [I] lives as long as the program */
    const void *bytes;       /* [I] of the file */
    size_t len;
    enum load_engine engine; /* [I] */
    bool compile_all;        /* [I] before it starts */
    bool relaxed_native;     /* [I] as load_options.relaxed_native */
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
    struct bytecode_crew crew; /* [t] for compiling all of it */
    uint64_t load_ns; /* [t] time to validate it, and to compile it if all of it is compiled */
};

/** How a bytecode program ended. */
enum bytecode_outcome {
    BYTECODE_RETURNED, /**< with a status */
    BYTECODE_TRAPPED,  /**< reported already */
    BYTECODE_STOPPED,  /**< because something ended it */
};
struct bytecode_end {
    enum bytecode_outcome outcome;
    uint32_t status; /* may exceed 255 */
};

/** A request to inspect a file without running it. */
struct inspection {
    const char *path, *function; /* function NULL: all functions, one line each */
    void (*sink)(void *ctx, const char *s, size_t len);
    void *ctx;
    struct loader_inspection *result; /* the sums are set if function is NULL */
    struct loader_error *err;
    const struct thread *asker; /* the sink writes to this thread's terminal or redirection */
    enum status status;
};

/** A format of bytecode programs. Const; no function is optional. kernel/boot/frontends.c lists the
 * formats; extensions add others (kernel/module/additions.h). Except for recognise() and stop(),
 * functions are called by the program's own thread, or after it has ended,
 * unless noted otherwise. */
struct bytecode_format {
    const char *name;
    const struct load_feature *features; /* ends with name NULL; or NULL */
    const char *interpreter;             /* the extension with its interpreter; NULL: it has none */
    /** @brief Whether the bytes claim to be of this format, however broken. @context{any} */
    bool (*recognise)(const void *bytes, size_t len);

    /**
     * @brief Allocate the format's data for a program, which contains a struct bytecode_program:
     * zeroed.
     * @return NULL: no memory. @context{thread that starts it}
     */
    struct bytecode_program *(*create)(void);
    /** @brief Free all of it, however far loading went, including the struct bytecode_program,
     * which is in no list any longer. */
    void (*release)(struct bytecode_program *p);

    /**
     * @brief Validate, compile, link. Once there is code, list it with bytecode_remember().
     * @return OK: run() reports how it continues; or as loader_load(), reported with
     * bytecode_refuse().
     */
    enum status (*load)(struct bytecode_program *p);
    /** @brief Run it. A trap is reported on the console. */
    struct bytecode_end (*run)(struct bytecode_program *p);
    /** @brief Make it end soon, even while it loads. @context{any thread, program->lock held} */
    void (*stop)(struct bytecode_program *p);

    /** @brief Fill in the engine, functions and memory of a listed program.
     * @context{any thread; the registry is locked} */
    void (*describe)(const struct bytecode_program *p, struct bytecode_info *out);
    /** @brief The n-th function with a body. @return
     * false: there is none. @context{as describe()} */
    bool (*describe_function)(const struct bytecode_program *p, uint32_t n,
                              struct bytecode_function *out);
    /**
     * @brief Compile a file without running it, and describe the result.
     * @return as loader_inspect(), with the reason from inspection_refuse(). @context{thread}
     */
    enum status (*inspect)(const struct inspection *i, const void *bytes, size_t len);
};

/** @brief As bytecode_recognise(), for the formats that extensions added. */
typedef const struct bytecode_format *(*bytecode_recognise_fn)(const void *bytes, size_t len);

/** @brief The i-th format that extensions added, or NULL past the end. */
typedef const struct bytecode_format *(*bytecode_added_fn)(unsigned i);

/** @brief Load an extension by the name of its file, and add its formats.
 * @return OK: now or before; otherwise the reason is in err. @context{thread, may sleep} */
typedef enum status (*bytecode_load_fn)(const char *extension, struct loader_error *err);

/** @brief Install the functions for the formats that extensions added.
 * @context{once, after loader_init(), before the first program} */
void bytecode_set_added(bytecode_recognise_fn recognise, bytecode_added_fn at);

/** @brief Install the function that loads extensions on demand. @context{likewise} */
void bytecode_set_loader(bytecode_load_fn load);

/** @brief Give the kernel's own formats their interpreters. tools.ko has them, and calls this
 * when it starts. @context{thread} */
void bytecode_enable_interpreters(void);

/** @brief The i-th format, those of extensions last, or NULL past the end. @context{thread} */
const struct bytecode_format *bytecode_format_at(unsigned i);

/** @brief The format of a file. @return NULL: it is no bytecode program. @context{any} */
const struct bytecode_format *bytecode_recognise(const void *bytes, size_t len);

/** Of stack that loading and compiling a program need, bytes. */
#define BYTECODE_STACK_FOR_LOADING ((size_t)64 << 10)

/**
 * @brief Map the growing stack of the running thread so far, because C
 * code does not probe. @return false: no memory, or the program's limit is reached.
 * @context{thread}
 */
bool bytecode_touch_stack(size_t bytes);

/** @brief Report why a program does not start: the path, then `why`, or the name of s if that is
 * empty. @return s; OK if s is E_CANCELLED: the program is ending, which is no refusal.
 * @context{thread of the program, while it loads} */
enum status bytecode_refuse(struct bytecode_program *p, enum status s, const char *why);
enum status inspection_refuse(const struct inspection *i, enum status s, const char *why);

/** @brief End a program because one of its threads trapped. The thread then has to end, too.
 * @return true: nothing else had ended it before, so the trap has to be reported.
 * @context{thread} */
bool bytecode_end_by_trap(struct bytecode_program *p);

/** @brief List a program for `jit`, and remove it again: does nothing if it is not listed.
 * bytecode_list.c */
void bytecode_remember(struct bytecode_program *p);
void bytecode_forget(struct bytecode_program *p);

/** @brief Call fn for the listed program with a number; it cannot be freed meanwhile.
 * @return false: there is none. bytecode_list.c @context{thread, may sleep} */
bool bytecode_visit(uint32_t program, void (*fn)(void *ctx, struct bytecode_program *p), void *ctx);
