// SPDX-License-Identifier: MIT
//
// Prints a function of a WebAssembly module at each stage.
#include "kernel/wasm/run/wasm_dump.h"

#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

#define ARENA_BYTES ((size_t)256 << 20)

static bool is_name(const char *name, const char *text, size_t len)
{
    return strlen(name) == len && memcmp(name, text, len) == 0;
}

/* A function's number, its name in the name section, or its name as an export, in this order. */
bool wasm_find_function(const struct wasm_module *m, const char *name, uint32_t *out)
{
    unsigned long long number;
    if (str_to_u64(name, &number)) {
        *out = (uint32_t)number;
        return number < m->function_count;
    }
    for (uint32_t n = 0; m->names != NULL && n < m->function_count; n++) {
        if (m->names[n] != NULL && strcmp(m->names[n], name) == 0) {
            *out = n;
            return true;
        }
    }
    for (uint32_t n = 0; n < m->export_count; n++) {
        const struct wasm_export *e = &m->exports[n];
        if (e->kind == WASM_FUNCTION && is_name(name, (const char *)e->name.bytes, e->name.len)) {
            *out = e->index;
            return true;
        }
    }
    return false;
}

/* Everything is in an arena of its own, which is freed as a whole. */
enum status wasm_dump(const struct wasm_module *m, uint32_t function, const struct jit_dump *d,
                      struct wasm_error *err)
{
    struct arena arena;
    struct ir_function *f;
    struct wasm_module as_compiled = *m;
    as_compiled.helps_vectors =
        d->machine != NULL && d->machine->vectors(d->features) == JIT_VECTORS_MOVED;
    as_compiled.relaxed = d->machine != NULL ? (uint8_t)d->machine->relaxed(d->features) : 0;
    arena_init(&arena, ARENA_BYTES);
    enum status s = wasm_function_build(&as_compiled, function, &arena, &f, err);
    if (s == OK) {
        struct jit_error why = {.text = ""};
        s = jit_dump(d, f, &arena, &why);
        if (s != OK) {
            fmt_print(err->text, sizeof(err->text), "%s", why.text);
        }
    }
    arena_free_all(&arena);
    return s;
}
