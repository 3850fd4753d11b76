// SPDX-License-Identifier: MIT
//
// Where the image calls what prints functions (dump.c). That is in tools.ko, with the command that
// asks for it. Front-ends call jit_dump() wherever they are.
#include "kernel/jit/dump.h"

#include "kernel/lib/format.h"

#include <stdatomic.h>

/* Release when it is set, acquire when it is called. NULL: not loaded; it is never unloaded. */
static _Atomic jit_dump_fn dumper;

void jit_set_dump(jit_dump_fn fn)
{
    atomic_store_explicit(&dumper, fn, memory_order_release);
}

/* Acquire pairs with jit_set_dump(): the code is in memory before its pointer is seen. */
enum status jit_dump(const struct jit_dump *d, const struct ir_function *f, struct arena *a,
                     struct jit_error *err)
{
    jit_dump_fn run = atomic_load_explicit(&dumper, memory_order_acquire);
    if (run == NULL) {
        fmt_print(err->text, sizeof err->text, "%s", "nothing is loaded that prints functions");
        return E_NOTSUP;
    }
    return run(d, f, a, err);
}
