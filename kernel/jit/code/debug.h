// SPDX-License-Identifier: MIT
//
// What a debugger reads of loaded code, programs and drivers alike. It has no part in the kernel's
// own work: gdb walks the list by these names and stops at the two functions, so both keep their
// names and the fields keep theirs.
//
//     break module_loaded_hook        # $m = the argument
//     add-symbol-file FILE -s SECTION ADDRESS ...      for each of $m->sections
//
// Compiled code has no file: a debugger reads what it needs of struct code_piece, between two hooks
// as well. Which pieces there are when it comes late, the list of fault handlers says
// (kernel/fault/fault.c).
#pragma once

#include <stdint.h>

/** A section of the file that was loaded, and where it is. */
struct module_section {
    const char *name;  /* ".text", as in the file */
    uint64_t address;  /* of its first byte */
    uint64_t size;     /* bytes, at least 1 */
    uint32_t name_at;  /* the loader's own: offset of `name` into the module's text */
    uint32_t reserved; /* 0 */
};

/** A module, part of the loader's own struct. Constant from module_loaded_hook() to
 * module_unloaded_hook(), but for `next`. */
struct module_debug {
    struct module_debug *next; /* older modules; NULL at the end */
    const char *path;          /* of the file, as it was named: "/bin/hello.elf" */
    const char *name;          /* its last part: "hello.elf" */
    const struct module_section *sections;
    uint32_t section_count;
};

/** The newest module, or NULL. Changes between the hooks only. */
extern struct module_debug *loaded_modules;

/**
 * @brief Called when `m` is in the list, its code can be executed and nothing of it has run. Empty.
 * @context{thread, the loader's registry is locked}
 */
void module_loaded_hook(const struct module_debug *m);

/** @brief Called when `m` has left the list and nothing of it runs any more, before its memory is
 * given back. Empty. @context{as module_loaded_hook()} */
void module_unloaded_hook(const struct module_debug *m);

/** @brief Add a module whose fields but `next` are set, and call the hook. @context{as the hook} */
void module_debug_add(struct module_debug *m);

/** @brief Take a module out, and call the hook. @context{as the hook} */
void module_debug_remove(struct module_debug *m);

struct code_piece;

/** @brief Called when the code of `p`, compiled from the file at `path`, can be executed and
 * nothing of it has run. Empty. @context{thread} */
void code_added_hook(const struct code_piece *p, const char *path);

/** @brief Called when nothing of `p` runs any more, before its memory is given back. Empty.
 * @context{thread} */
void code_removed_hook(const struct code_piece *p);
