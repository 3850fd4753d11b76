// SPDX-License-Identifier: MIT
//
// What a debugger needs to know of loaded code, programs and drivers alike. The kernel itself does
// not use it. gdb reads the list by these names and stops at the two functions, so names and fields
// must not change.
//
//     break module_loaded_hook        # $m = the argument
//     add-symbol-file FILE -s SECTION ADDRESS ...      for each of $m->sections
//
// Compiled code has no file: a debugger reads struct code_piece,
// between two hooks of its own. If the debugger attaches late, it finds
// the pieces through the list of fault owners (kernel/fault/fault.c).
#pragma once

#include <stdint.h>

/** A section of the file that was loaded, and its address. */
struct module_section {
    const char *name;  /* ".text", as in the file */
    uint64_t address;  /* of its first byte */
    uint64_t size;     /* bytes, at least 1 */
    uint32_t name_at;  /* for the loader: offset of `name` in the module's text */
    uint32_t reserved; /* 0 */
};

/** A module; part of the loader's own struct. Constant from module_loaded_hook() to
 * module_unloaded_hook(), except `next`. */
struct module_debug {
    struct module_debug *next; /* older modules; NULL at the end */
    const char *path;          /* the file as it was named: "/bin/hello.elf" */
    const char *name;          /* its last part: "hello.elf" */
    const struct module_section *sections;
    uint32_t section_count;
};

/** The newest module, or NULL. Changes only between the hooks. */
extern struct module_debug *loaded_modules;

/**
 * @brief Called when `m` is in the list and executable, before any of its code runs. Empty.
 * @context{thread, the loader's registry is locked}
 */
void module_loaded_hook(const struct module_debug *m);

/** @brief Called when `m` has left the list and its code no longer runs, before its memory is
 * freed. Empty. @context{as module_loaded_hook()} */
void module_unloaded_hook(const struct module_debug *m);

/** @brief Add a module whose fields except `next` are set, and call the hook.
 * @context{as the hook} */
void module_debug_add(struct module_debug *m);

/** @brief Remove a module, and call the hook. @context{as the hook} */
void module_debug_remove(struct module_debug *m);

struct code_piece;

/** @brief Called when the code of `p`, compiled from the file at `path`, is executable, before any
 * of it runs. Does nothing: a debugger stops here. @context{thread} */
void code_added_hook(const struct code_piece *p, const char *path);

/**
 * @brief Called when `p` no longer runs, before its memory is freed. Does nothing, as above.
 * @context{thread}
 */
void code_removed_hook(const struct code_piece *p);
