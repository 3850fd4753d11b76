// SPDX-License-Identifier: MIT
//
// A loaded module as the loader's own files see it.
#pragma once

#include "kernel/fault/fault.h"
#include "kernel/jit/code/codemem.h"
#include "kernel/jit/loader.h"
#include "kernel/lib/list.h"

#define MODULE_NAME_MAX 128

/* Field protection:  [I] set before the module is published   [m] the registry's lock */
struct module {
    struct list_node link;          /* [m] */
    char name[MODULE_NAME_MAX];     /* [I] */
    const struct front_end *format; /* [I] */
    struct codemem memory;          /* [I] */
    bool placed;                    /* [I] `memory` was taken */
    size_t data_bytes;              /* [I] read-only and writable data */
    struct code_names names;        /* [I] */
    enum load_kind kind;            /* [I] */
    uintptr_t entry;                /* [I] main, or 0 */
    struct load_driver driver;      /* [I] */
    uintptr_t extension;            /* [I] */
    bool uses_fp;                   /* [I] */
    struct fault_owner owner;       /* [I] of its code */
    struct module_debug debug;      /* [I], but for its link: [m] */
    uint32_t refs;                  /* [m] */
};

/** @brief Name a code address: "symbol+0x12 (file:line)". @return false: it is not in the module.
 *  @context{any, panic included} */
bool module_describe_pc(const struct module *m, uintptr_t pc, char *buf, size_t len);

/** @brief Start of the function that holds a code address. @return 0: none is known.
 *  @context{any, panic included} */
uintptr_t module_find_function(const struct module *m, uintptr_t pc);

/** @brief Fault owner's handler: ends the program that the faulting thread belongs to.
 * native_fault.c */
bool native_handle_fault(struct fault_owner *owner, struct fault *fault);
