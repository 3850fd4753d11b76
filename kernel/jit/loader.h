// SPDX-License-Identifier: MIT
//
// All that the rest of the kernel sees of loading: open bytes, recognise the format, resolve
// imports, compile or relocate, run, unload. Front-ends are a table (kernel/jit/frontends.c);
// machines are backend.h's.
#pragma once

#include "kernel/jit/code/debug.h"
#include "kernel/jit/code/sandbox.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct module; /* loaded code and data: reference counted */
struct file;
struct program;

/** Why something was refused, in a sentence that names the thing: "import hy_paint version 1: no
 * such symbol". */
struct loader_error {
    char text[192];
};

/** What a file is taken for. A file that says it is another is refused. */
enum load_kind {
    LOAD_PROGRAM,   /**< has a main; may call the host calls */
    LOAD_DRIVER,    /**< has a struct driver; may call what drivers/exports.c lists */
    LOAD_EXTENSION, /**< of this very kernel, linked against its addresses: kernel/extension.h */
};

/**
 * @brief Load a file's bytes: recognise, validate, place, relocate, seal. Nothing runs.
 * @param name   For messages, backtraces and debuggers; copied.
 * @param bytes  Read during the call only.
 * @param out    The module, one reference.
 * @param err    Receives the reason on failure.
 * @return OK; E_FORMAT: no front-end knows it; E_MACHINE; E_CORRUPT: truncated or contradicts
 * itself; E_UNRESOLVED; E_NOTSUP: a relocation or feature, named; E_OVERFLOW: larger than the
 * limits; E_NOMEM. On failure every byte has been given back.
 * @context{thread, may sleep}
 */
enum status loader_load(enum load_kind kind, const char *name, const void *bytes, size_t len,
                        struct module **out, struct loader_error *err);

/** @brief What a loaded driver's note says: valid until the module is unloaded.
 *  @pre m was loaded as LOAD_DRIVER. @context{any} */
const struct load_driver *loader_driver(const struct module *m);

/** @brief Address of its struct extension: valid until the module is unloaded.
 *  @pre m was loaded as LOAD_EXTENSION. @context{any} */
uintptr_t loader_extension(const struct module *m);

/** @brief Bytes of its code, in whole pages, and of its data. @context{any} */
void loader_get_size(const struct module *m, size_t *code_bytes, size_t *data_bytes);

/** @brief Drop a reference; the last one unloads: memory returns once no thread can be inside.
 * @context{thread} */
void loader_unload(struct module *m);

/** How the code of a portable program is run. Native programs are always LOAD_ENGINE_DEFAULT. */
enum load_engine {
    LOAD_ENGINE_DEFAULT,  /**< compiled, where the compiler has every operation that it uses */
    LOAD_ENGINE_COMPILED, /**< that or not at all */
    LOAD_ENGINE_INTERPRETER,
};

#define LOAD_FILES 3 /* standard input, output and errors */

#define LOAD_FOLDERS 8 /* at most */

/** A folder that a portable program gets. */
struct load_folder {
    const char *path; /* in the kernel's name space */
    const char *name; /* by which the program knows it */
};

/** How to start a program. */
struct load_options {
    int argc;                /* at least 1 */
    const char *const *argv; /* copied; argv[0] is the program's name */
    /** Called with the program before its first instruction, or NULL: what must be in place by then
     * (the foreground, so that no Ctrl-C is missed). The caller undoes it if the start fails. */
    void (*before)(struct program *p);
    enum load_engine engine;
    uint64_t cpu_limit_ns;       /* of all its threads together; 0: none */
    uint64_t memory_limit_bytes; /* of all that it causes; 0: three quarters of what is free */
    /** What it finds open as 0, 1 and 2; NULL: its terminal. It takes references of its own. */
    struct file *files[LOAD_FILES];
    /** All that a portable program can reach, `folder_count` (at most LOAD_FOLDERS) of
     * them; NULL: the whole name space, as
     * "/". Read until loader_start() returns. A native program cannot be kept in folders. */
    const struct load_folder *folders;
    uint32_t folder_count;
};

/**
 * @brief Load the file at `path` and start it as a program.
 * @param out  The program, running, one reference: program_wait(), program_release().
 * @return as loader_load(), and the errors of reading the file. @context{thread, may sleep}
 */
enum status loader_start(const char *path, const struct load_options *options, struct program **out,
                         struct loader_error *err);

/** What `programs` and panics show. */
struct module_info {
    char name[128];
    const char *format; /* front-end's name */
    uintptr_t code;
    size_t code_bytes, data_bytes;
    uint32_t refs;
};
/** @return false past the end. @context{thread} */
bool loader_get_info(uint32_t i, struct module_info *out);

/** What `jit` shows of a portable program that is loaded. */
struct portable_info {
    char path[128];
    uint32_t program;                              /* its number, as in `ps` */
    const char *engine;                            /* static */
    uint32_t functions;                            /* that it has a body of */
    uint64_t file_bytes, code_bytes, memory_bytes; /* code: whole pages; memory: of its own */
    uint64_t load_ns;                              /* to validate and compile it */
};
/** @return false past the end. @context{thread} */
bool loader_get_portable(uint32_t i, struct portable_info *out);

/** A function of it. */
struct portable_function {
    char name[64];  /* of the names section, printable, cut; or "" */
    uint32_t index; /* in the module */
    uint32_t file_bytes;
    uint64_t address; /* 0: not compiled */
    uint32_t code_bytes, frame_bytes;
};
/** @brief The n-th function with a body of the i-th program. @return false: there is none.
 * @context{thread} */
bool loader_get_portable_function(uint32_t i, uint32_t n, struct portable_function *out);

/**
 * @brief Compile a portable program's file without running it, and tell about it.
 * @param function  A name or number: each stage of it; NULL: a line for each function, with sizes
 * and times.
 * @param sink      Receives the text, piece by piece.
 * @return OK; as loader_load(), with the reason in err. @context{thread, may sleep}
 */
enum status loader_inspect(const char *path, const char *function,
                           void (*sink)(void *ctx, const char *s, size_t len), void *ctx,
                           struct loader_error *err);

/** @brief Open the registry and the code memory. @context{thread, once} */
void loader_init(void);

/* ---- For front-ends only (kernel/jit/elf and so on): one load under way ---- */

struct jit_backend;

/** A module's parts, each with one protection: read and execute, read, read and write. */
enum load_part {
    LOAD_CODE,
    LOAD_RODATA,
    LOAD_DATA,
    LOAD_PART_COUNT,
};

#define LOAD_SIZE_MAX                                                                              \
    ((uint64_t)64 << 20) /* bytes of all parts: every branch inside a module reaches */

struct load_placed {
    uint8_t
        *bytes; /* where it can be written until the front-end returns; data zero, code all traps */
    uint64_t address; /* where it will be: page aligned */
    uint64_t size;    /* bytes that were asked for */
};

/** A function's name: code from `start` (bytes from the start of the code part) on. */
struct code_symbol {
    uint32_t start, size;
    uint32_t name; /* offset into the text */
};

/** From `start` on, up to the next row, code comes from this line. */
struct code_line {
    uint32_t start;
    uint32_t file; /* offset into the text */
    uint32_t line; /* 0: from no line */
};

/** What backtraces and debuggers know of a module. Arrays ascend by `start`; all are heap blocks,
 * or NULL.
 */
struct code_names {
    struct code_symbol *symbols;
    struct code_line *lines;
    struct module_section *sections; /* names not yet set: `name_at` says where they are */
    char *text;                      /* zero-terminated strings */
    uint32_t symbol_count, line_count, section_count, text_bytes;
};

#define LOAD_DRIVER_NAME    32 /* bytes, with the zero */
#define LOAD_DRIVER_VERSION 16
#define LOAD_DRIVER_LICENCE 16

/** What a driver's file says of itself. */
struct load_driver {
    char name[LOAD_DRIVER_NAME]; /* printable, not empty, no blank or slash */
    char version[LOAD_DRIVER_VERSION], licence[LOAD_DRIVER_LICENCE]; /* printable */
    uint64_t address; /* of its struct driver, inside its data, read-only or not */
};

#define LOAD_IDENTITY 16 /* bytes that tell one kernel from another: KERNEL_IDENTITY */

/** This kernel's image: absolute symbols of an extension in it are its addresses as it was linked.
 */
struct load_image {
    uint64_t linked, len; /* [linked, linked + len] */
    uint64_t slide;       /* to be added, modulo 2^64 */
};

/** What a front-end is given, and what it fills. */
struct load {
    enum load_kind kind;
    size_t driver_bytes;       /* least size of a struct driver */
    uint32_t driver_interface; /* version of it that a driver must be built for */
    size_t extension_bytes;    /* size of a struct extension */
    const uint8_t *identity;   /* of this kernel: LOAD_IDENTITY bytes */
    struct load_image image;   /* for LOAD_EXTENSION */
    const uint8_t *bytes;      /* the file; any alignment */
    size_t len;
    const struct jit_backend *backend;        /* the machine that the code will run on */
    struct load_placed part[LOAD_PART_COUNT]; /* filled by load_place() */
    struct code_names names;   /* filled by the front-end; freed by the caller, whatever happened */
    uint64_t entry;            /* address of main; 0: the module has none */
    struct load_driver driver; /* of LOAD_DRIVER */
    uint64_t extension;        /* of LOAD_EXTENSION: address of its struct extension */
    bool uses_fp;              /* threads in it own floating-point registers */
    bool has_landing_pads;     /* indirect branches into its code may be checked (PROT_GUARDED) */
    struct loader_error *err;
    void *owner; /* the services' own */
};

/** One file format. */
struct front_end {
    const char *name;
    /** @brief True if the bytes claim to be of this format, however broken. */
    bool (*recognise)(const uint8_t *bytes, size_t len);
    /** @brief Validate, place, relocate. @return as loader_load(), with the reason in load->err. */
    enum status (*load)(struct load *load);
};

/** Every format; ends with NULL. kernel/jit/frontends.c. */
extern const struct front_end *const loader_front_ends[];

/**
 * @brief Take memory for the parts, once; fills load->part. It is given back by the caller if the
 * load fails.
 * @param size  Bytes of each part, may be 0; their sum is at most LOAD_SIZE_MAX.
 * @return OK; E_NOMEM, with the reason in load->err. @context{thread}
 */
enum status load_place(struct load *load, const uint64_t size[LOAD_PART_COUNT]);

/**
 * @brief Address of what a module imports.
 * @param name  "NAME$VERSION", or the bare name of a function that compilers call by themselves.
 * @return OK; E_UNRESOLVED, with the reason in load->err. @context{thread}
 */
enum status load_import(struct load *load, const char *name, uint64_t *address);

/** A function type as a front-end writes it down; the same types are those with equal bytes, length
 * and split. */
struct load_type {
    const uint8_t *bytes;
    uint32_t len;
    uint32_t split;  /* where results begin */
    uint32_t number; /* set by load_types_take(): never 0 */
};

/**
 * @brief Number function types: the same type has the same number in all modules that live at once,
 * so that an indirect call compares 32 bits. Here because it needs a lock, which front-ends have
 * not.
 * @param types  Bytes are read during the call only.
 * @return OK: each number is held until it is dropped; E_NOMEM: none is held.
 * @context{thread, may sleep}
 */
enum status load_types_take(struct load_type *types, uint32_t count);
/** @brief Give numbers back, as often as they were taken. @param stride  Bytes from one to the
 * next.
 * @context{thread, may sleep} */
void load_types_drop(const uint32_t *numbers, uint32_t count, size_t stride);

/** @brief Write the reason into load->err, unprintable bytes replaced. @return s, for `return
 * load_fail(...)`. */
enum status load_fail(struct load *load, enum status s, const char *fmt, ...) PRINTF_LIKE(3, 4);
