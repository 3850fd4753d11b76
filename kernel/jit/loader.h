// SPDX-License-Identifier: MIT
//
// All that the rest of the kernel sees of loading: open bytes, recognise the format, resolve imports, compile or
// relocate, run, unload. Front-ends are a table (kernel/jit/frontends.c); machines are backend.h's.
#pragma once

#include "kernel/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct module; /* loaded code and data: reference counted */
struct program;

/** Why something was refused, in a sentence that names the thing: "import hy_paint version 1: no such symbol". */
struct loader_error {
    char text[192];
};

/**
 * @brief Load a file's bytes: recognise, validate, place, relocate, seal. Nothing runs.
 * @param name   For messages, backtraces and debuggers; copied.
 * @param bytes  Read during the call only.
 * @param out    The module, one reference.
 * @param err    Receives the reason on failure.
 * @return OK; E_FORMAT: no front-end knows it; E_MACHINE; E_CORRUPT: truncated or contradicts itself; E_UNRESOLVED;
 *         E_NOTSUP: a relocation or feature, named; E_OVERFLOW: larger than the limits; E_NOMEM.
 *         On failure every byte has been given back.
 * @context{thread, may sleep}
 */
enum status loader_load(const char *name, const void *bytes, size_t len, struct module **out,
                        struct loader_error *err);

/** @brief Drop a reference; the last one unloads: memory returns once no thread can be inside. @context{thread} */
void loader_unload(struct module *m);

/**
 * @brief Load the file at `path` and start it as a program with these arguments.
 * @param argv  argc strings, copied; argv[0] is the program's name.
 * @param out   The program, running, one reference: program_wait(), program_release().
 * @return as loader_load(), and the errors of reading the file. @context{thread, may sleep}
 */
enum status loader_start(const char *path, int argc, const char *const *argv, struct program **out,
                         struct loader_error *err);

/** What `programs` and panics show. */
struct module_info {
    char name[64];
    const char *format; /* front-end's name */
    uintptr_t code;
    size_t code_bytes, data_bytes;
    uint32_t refs;
};
/** @return false past the end. @context{thread} */
bool loader_get_info(uint32_t i, struct module_info *out);

/** @brief Open the registry and the code memory. @context{thread, once} */
void loader_init(void);
