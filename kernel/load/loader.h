// SPDX-License-Identifier: MIT
//
// The interface of loading for the rest of the kernel: open bytes, recognise the format, resolve
// imports, compile or relocate, run, unload. Front-ends are in a table (kernel/boot/frontends.c),
// machines in backend.h.
#pragma once

#include "kernel/jit/code/debug.h"
#include "kernel/jit/code/part.h"
#include "kernel/jit/code/sandbox.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct module; /* loaded code and data: reference counted */
struct file;
struct front_end;
struct bytecode_format;
struct program;

/** Why something was refused, as a sentence that names the thing: "import hy_paint version 1: no
 * such symbol". */
struct loader_error {
    char text[192];
};

/** What a file is loaded as. A file that claims to be something else is refused. */
enum load_kind {
    LOAD_PROGRAM, /**< has a main; may call the host calls */
    LOAD_DRIVER,  /**< has a struct driver; may call what drivers/exports.c lists */
    /** built for exactly this kernel and linked against its addresses: kernel/module/extension.h */
    LOAD_EXTENSION,
};

/**
 * @brief Load a file's bytes: recognise, validate, place, relocate, seal. Nothing runs.
 * @param name For messages, backtraces and debuggers; copied.
 * @param bytes  Read during the call only.
 * @param out The module, one reference.
 * @param err Receives the reason on failure.
 * @return OK; E_FORMAT: no front-end recognises it; E_MACHINE; E_CORRUPT: truncated or
 * inconsistent; E_UNRESOLVED; E_NOTSUP: a relocation or feature, named; E_OVERFLOW: above a limit;
 * E_NOMEM. On failure all memory has been freed.
 * @context{thread, may sleep}
 */
enum status loader_load(enum load_kind kind, const char *name, const void *bytes, size_t len,
                        struct module **out, struct loader_error *err);

/**
 * @brief The contents of a loaded driver's note. Valid until the module is unloaded.
 * @pre m was loaded as LOAD_DRIVER. @context{any}
 */
const struct load_driver *loader_driver(const struct module *m);

/**
 * @brief The address of an extension's struct extension. Valid until the module is unloaded.
 * @pre m was loaded as LOAD_EXTENSION. @context{any}
 */
uintptr_t loader_extension(const struct module *m);

/** @brief The address of its code. @context{any} */
uintptr_t loader_code(const struct module *m);

/** @brief Size of its code, in whole pages, and of its data, in bytes. @context{any} */
void loader_get_size(const struct module *m, size_t *code_bytes, size_t *data_bytes);

/**
 * @brief Drop a reference. The last one unloads: memory is freed once no thread can be inside.
 * @context{thread}
 */
void loader_unload(struct module *m);

/** How to execute a bytecode program. Native programs always have LOAD_ENGINE_DEFAULT. */
enum load_engine {
    LOAD_ENGINE_DEFAULT,  /**< compiled, if the compiler supports every operation in it */
    LOAD_ENGINE_COMPILED, /**< compiled, or refused */
    LOAD_ENGINE_INTERPRETER,
};

#define LOAD_FILES 3 /* standard input, output and errors */

#define LOAD_FOLDERS 8 /* maximum number */

/** A folder that a bytecode program can access. */
struct load_folder {
    const char *path; /* in the kernel's name space */
    const char *name; /* the program's name for it */
};

/** How to start a program. */
struct load_options {
    int argc;                /* at least 1 */
    const char *const *argv; /* copied; argv[0] is the program's name */
    const char *const *env;  /* NAME=VALUE, env_count of them; copied. NULL: PWD=/ */
    int env_count;
    const char *cwd; /* its current folder, absolute; copied. NULL: / */
    /** Called with the program before its first instruction; or NULL.
     * For what must be in place by then (the foreground, so that no Ctrl-C is missed). The caller
     * reverts it if the start fails. */
    void (*before)(void *ctx, struct program *p);
    void *before_ctx;
    enum load_engine engine;
    bool compile_all;      /* of a bytecode program: all functions before it starts */
    bool relaxed_native;   /* of a bytecode program: its relaxed operators are the CPU's own */
    uint64_t cpu_limit_ns; /* limit for all its threads together; 0: none */
    /* limit for all its memory; 0: three quarters of the free memory */
    uint64_t memory_limit_bytes;
    /** The program's files 0, 1 and 2; NULL: its terminal. The program adds its own references. */
    struct file *files[LOAD_FILES];
    /** The folders that a bytecode program can access: `folder_count` of them, at most
     * LOAD_FOLDERS. NULL: the whole name space, as "/". Read until loader_start() returns. A native
     * program cannot be restricted to folders. */
    const struct load_folder *folders;
    uint32_t folder_count;
};

/**
 * @brief Load the file at `path` and start it as a program.
 * @param out  The running program, one reference: program_wait(), program_release().
 * @return as loader_load(), and errors of reading the file. @context{thread, may sleep}
 */
enum status loader_start(const char *path, const struct load_options *options, struct program **out,
                         struct loader_error *err);

/** Shown by `programs` and in panics. */
struct module_info {
    char name[128];
    const char *format; /* front-end's name */
    uintptr_t code;
    size_t code_bytes, data_bytes;
    uint32_t refs;
};
/** @return false past the end. @context{thread} */
bool loader_get_info(uint32_t i, struct module_info *out);

/** The heap of a program whose language has a collector, as `gc` shows it. */
struct bytecode_heap {
    bool exists;
    uint64_t bytes, live;         /* of its memory now; that lived after the last collection */
    uint64_t allocated, survived; /* until the last collection; sum of all collections */
    uint64_t pause_ns, longest_ns;
    /* Collections: as much was allocated as between any two, memory was short, the program asked;
     * and those of young objects among all of them. */
    uint32_t due, short_of_memory, asked, minor;
};

/** A loaded bytecode program, as `jit` shows it. */
struct bytecode_info {
    char path[128];
    uint32_t program;   /* its number, as in `ps` */
    const char *engine; /* static */
    uint32_t functions; /* functions with a body */
    /* code: whole pages; memory: the program's own */
    uint64_t file_bytes, code_bytes, memory_bytes;
    uint64_t load_ns; /* time to validate and compile it */
    struct bytecode_heap heap;
};
/** @return false past the end. @context{thread} */
bool loader_get_bytecode(uint32_t i, struct bytecode_info *out);

/** A function of a bytecode program. */
struct bytecode_function {
    char name[64];  /* from the names section, printable, may be cut; or "" */
    uint32_t index; /* in the module */
    uint32_t file_bytes;
    uint64_t address; /* 0: not compiled */
    uint32_t code_bytes, frame_bytes;
};
/**
 * @brief The n-th function with a body of the i-th program. @return false: there is none.
 * @context{thread}
 */
bool loader_get_bytecode_function(uint32_t i, uint32_t n, struct bytecode_function *out);

/** A feature of a bytecode language, as `jit features` lists it. */
struct load_feature {
    const char *name;
    const char *support; /* "yes" or "no" */
};
/** @brief The i-th feature of all formats. @return NULL past the end. @context{thread} */
const struct load_feature *loader_feature(uint32_t i);

/** Where a file's inspection writes, and what compiling all its functions came to. */
struct loader_inspection {
    void (*sink)(void *ctx, const char *s, size_t len); /* receives the text in pieces */
    void *ctx;
    uint32_t functions;              /* the rest is set by loader_inspect(): those compiled */
    uint64_t file_bytes, code_bytes; /* of them, in the file and when compiled */
    uint64_t ns;                     /* time to compile them */
};

/**
 * @brief Compile a bytecode program's file without running it, and describe the result.
 * @param function  A name or number: print each stage of it; NULL: print a line for each function,
 * with sizes and times.
 * @return OK; as loader_load(), with the reason in err. @context{thread, may sleep}
 */
enum status loader_inspect(const char *path, const char *function, struct loader_inspection *what,
                           struct loader_error *err);

/** A format that an extension adds when the first file of this format is used. */
struct load_on_demand {
    const char *name;      /* for messages: ".NET assemblies" */
    const char *extension; /* the extension's file, in the folder of modules */
    /** Whether the bytes claim to be of this format, however broken. @context{any} */
    bool (*recognise)(const uint8_t *bytes, size_t len);
};

/** All formats: kernel/boot/frontends.c. Each list ends with NULL. */
struct load_formats {
    const struct front_end *const *native;         /* programs and drivers; not empty */
    const struct bytecode_format *const *bytecode; /* compiled here; recognised before the others */
    const struct load_on_demand *on_demand;        /* ends with a NULL name; tried last */
};

/** @brief Initialise the registry and the code memory. @param formats Stays.
 * @context{thread, once} */
void loader_init(const struct load_formats *formats);

/* ---- For front-ends only (kernel/load/elf and so on): one load in progress ---- */

struct jit_backend;

#define LOAD_SIZE_MAX                                                                              \
    ((uint64_t)64 << 20) /* most bytes of all parts: every branch inside a module reaches */

struct load_memory {
    uint8_t
        /* where it can be written until the front-end
         * returns; data is zeroed, code filled with traps */
        *bytes;
    uint64_t address; /* its final address, page aligned */
    uint64_t size;    /* bytes that were requested */
};

/** The name of a function whose code begins at `start`,
 * in bytes from the start of the code part. */
struct code_symbol {
    uint32_t start, size;
    uint32_t name; /* offset into the text */
};

/** The source line of the code from `start` up to the next row. */
struct code_line {
    uint32_t start;
    uint32_t file; /* offset into the text */
    uint32_t line; /* 0: no line */
};

/** What backtraces and debuggers know about a module. Arrays are ascending by `start`; all are heap
 * blocks, or NULL. */
struct code_names {
    struct code_symbol *symbols;
    struct code_line *lines;
    struct module_section *sections; /* names are not set yet: `name_at` says where they are */
    char *text;                      /* zero-terminated strings */
    uint32_t symbol_count, line_count, section_count, text_bytes;
};

#define LOAD_DRIVER_NAME    32 /* bytes, including the zero */
#define LOAD_DRIVER_VERSION 16
#define LOAD_DRIVER_LICENCE 16

/** What a driver's file states about itself. */
struct load_driver {
    char name[LOAD_DRIVER_NAME]; /* printable, not empty, without blanks or slashes */
    char version[LOAD_DRIVER_VERSION], licence[LOAD_DRIVER_LICENCE]; /* printable */
    uint64_t address; /* of its struct driver, which is inside its data, read-only or not */
};

#define LOAD_IDENTITY 16 /* bytes that identify a kernel: KERNEL_IDENTITY */

/** This kernel's image. Absolute symbols of an extension that are inside it are addresses at which
 * it was linked. */
struct load_image {
    uint64_t linked, len; /* [linked, linked + len] */
    uint64_t slide;       /* to be added, modulo 2^64 */
};

/** The input of a front-end, and its results. */
struct load {
    enum load_kind kind;
    size_t driver_bytes;       /* minimum size of a struct driver */
    uint32_t driver_interface; /* interface version that a driver must be built for */
    size_t extension_bytes;    /* size of a struct extension */
    const uint8_t *identity;   /* identity of this kernel: LOAD_IDENTITY bytes */
    struct load_image image;   /* for LOAD_EXTENSION */
    const uint8_t *bytes;      /* the file; any alignment */
    size_t len;
    const struct jit_backend *backend;        /* the machine that the code will run on */
    struct load_memory part[LOAD_PART_COUNT]; /* filled by load_allocate() */
    struct code_names names;   /* set by the front-end; freed by the caller, even on failure */
    uint64_t entry;            /* address of main(); 0: the module has none */
    struct load_driver driver; /* for LOAD_DRIVER */
    uint64_t extension;        /* of LOAD_EXTENSION: address of its struct extension */
    bool uses_fp;              /* its threads own floating-point registers */
    bool has_landing_pads;     /* indirect branches into its code can be checked (PROT_GUARDED) */
    struct loader_error *err;
    void *owner; /* belongs to the services below */
};

/** One file format. */
struct front_end {
    const char *name;
    /** @brief Whether the bytes claim to be of this format, however broken. */
    bool (*recognise)(const uint8_t *bytes, size_t len);
    /** @brief Validate, place, relocate. @return as loader_load(), with the reason in load->err. */
    enum status (*load)(struct load *load);
};

/**
 * @brief Allocate memory for the parts, once; fills load->part. The caller frees it if the load
 * fails.
 * @param size  Bytes of each part, may be 0; at most LOAD_SIZE_MAX in total.
 * @return OK; E_NOMEM, with the reason in load->err. @context{thread}
 */
enum status load_allocate(struct load *load, const uint64_t size[LOAD_PART_COUNT]);

/**
 * @brief Look up the address of an import.
 * @param name  "NAME$VERSION", or the bare name of a function that compilers call on their own.
 * @return OK; E_UNRESOLVED, with the reason in load->err. @context{thread}
 */
enum status load_import(struct load *load, const char *name, uint64_t *address);

/** A function type in the front-end's notation. Types
 * are equal if their bytes, length and split are. */
struct load_type {
    const uint8_t *bytes;
    uint32_t len;
    uint32_t split;  /* index of the first result */
    uint32_t number; /* set by load_types_take(): never 0 */
};

/**
 * @brief Assign numbers to function types. Equal types have the same number in all modules that
 * exist at the same time, so an indirect call compares 32 bits. This is a service because it needs
 * a lock, and front-ends have none.
 * @param types  Bytes are read during the call only.
 * @return OK: each number is held until it is dropped; E_NOMEM: none is held.
 * @context{thread, may sleep}
 */
enum status load_types_take(struct load_type *types, uint32_t count);
/**
 * @brief Drop numbers, as often as they were taken. @param stride  Bytes from one to the next.
 * @context{thread, may sleep}
 */
void load_types_drop(const uint32_t *numbers, uint32_t count, size_t stride);

/** @brief Write the reason into load->err, with unprintable bytes replaced. @return s, for `return
 * load_fail(...)`. */
enum status load_fail(struct load *load, enum status s, const char *fmt, ...) PRINTF_LIKE(3, 4);
