// SPDX-License-Identifier: MIT
//
// The list that a debugger reads. Nothing in the kernel reads it.
#include "kernel/jit/code/debug.h"

#include "kernel/base/assert.h"
#include "kernel/lib/compiler.h"

struct module_debug *loaded_modules;

/* Compilers remove calls of a function that does nothing. This store keeps the hooks, their calls
 * and the argument. */
static const void *volatile told;

NOINLINE void module_loaded_hook(const struct module_debug *m)
{
    told = m;
}

NOINLINE void module_unloaded_hook(const struct module_debug *m)
{
    told = m;
}

void module_debug_add(struct module_debug *m)
{
    m->next = loaded_modules;
    loaded_modules = m;
    module_loaded_hook(m);
}

void module_debug_remove(struct module_debug *m)
{
    struct module_debug **at = &loaded_modules;
    while (*at != m) {
        ASSERT(*at != NULL);
        at = &(*at)->next;
    }
    *at = m->next;
    module_unloaded_hook(m);
}

NOINLINE void code_added_hook(const struct code_piece *p, const char *path)
{
    told = path;
    told = p;
}

NOINLINE void code_removed_hook(const struct code_piece *p)
{
    told = p;
}
