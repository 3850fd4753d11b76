// SPDX-License-Identifier: MIT
//
// A loaded module, for the files of the loader.
#pragma once

#include "kernel/fault/fault.h"
#include "kernel/jit/code/codemem.h"
#include "kernel/lib/list.h"
#include "kernel/load/loader.h"

#define MODULE_NAME_MAX 128

/* Field protection:  [I] set before the module is published   [m] the registry's lock */
struct module {
    struct list_node link;          /* [m] */
    char name[MODULE_NAME_MAX];     /* [I] */
    const struct front_end *format; /* [I] */
    struct codemem memory;          /* [I] */
    bool is_allocated;              /* [I] `memory` was allocated */
    size_t data_bytes;              /* [I] read-only and writable data */
    struct code_names names;        /* [I] */
    enum load_kind kind;            /* [I] */
    uintptr_t entry;                /* [I] main, or 0 */
    struct load_driver driver;      /* [I] */
    uintptr_t extension;            /* [I] */
    bool uses_fp;                   /* [I] */
    struct fault_owner owner;       /* [I] owner of faults in its code */
    struct module_debug debug;      /* [I], except its link: [m] */
    uint32_t refs;                  /* [m] */
};

/** @brief Describe a code address: "symbol+0x12 (file:line)". @return false: it is not in the
 * module. @context{any, panic included} */
bool module_describe_pc(const struct module *m, uintptr_t pc, char *buf, size_t len);

/** @brief Start of the function that contains a code address. @return 0: not known. @context{any,
 * panic included} */
uintptr_t module_find_function(const struct module *m, uintptr_t pc);

/** @brief Handler of the fault owner: ends the program that the faulting thread belongs to.
 * native_fault.c */
bool native_handle_fault(struct fault_owner *owner, struct fault *fault);
