// SPDX-License-Identifier: MIT
//
// See wasm_entry.h.
#include "kernel/wasm/run/wasm_entry.h"

#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

static PRINTF_LIKE(2, 3) enum status refuse(struct wasm_error *err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fmt_vprint(err->text, sizeof err->text, fmt, args);
    va_end(args);
    return E_UNRESOLVED;
}

static bool find_function(const struct wasm_instance *i, const char *name, struct wasm_extern *out)
{
    const struct wasm_bytes bytes = {(const uint8_t *)name, (uint32_t)strlen(name)};
    return wasm_instance_export(i, bytes, out) && out->kind == WASM_FUNCTION;
}

/* The caller passes no arguments and expects no results. */
static enum status check_type(const struct wasm_extern *e, const char *name, struct wasm_error *err)
{
    const struct wasm_signature *s = e->function.signature;
    return s->params == 0 && s->results == 0
               ? OK
               : refuse(err, "its function %s has parameters or results", name);
}

/* A module is a command (it exports _start, which runs once) or a reactor (_initialize, then
 * calls of its exports in any order). To run a reactor the user has to name a function, which
 * is called after _initialize. */
enum status wasm_entry_find(const struct wasm_instance *i, const char *name, struct wasm_entry *out,
                            struct wasm_error *err)
{
    static const char start[] = "_start", initialize[] = "_initialize";
    struct wasm_entry e;
    e.has_initialize = find_function(i, initialize, &e.initialize);
    if (e.has_initialize) {
        struct wasm_extern ignored;
        if (find_function(i, start, &ignored)) {
            return refuse(err, "it exports both %s and %s: no command is a reactor", start,
                          initialize);
        }
        if (check_type(&e.initialize, initialize, err) != OK) {
            return E_UNRESOLVED;
        }
    }
    const char *called = name == NULL ? start : name;
    if (!find_function(i, called, &e.function)) {
        return refuse(err, "it exports no function %s%s", called,
                      name == NULL && e.has_initialize ? ": it is a reactor, not a command" : "");
    }
    if (name == NULL && check_type(&e.function, start, err) != OK) {
        return E_UNRESOLVED;
    }
    e.has_initialize = e.has_initialize && strcmp(called, initialize) != 0;
    *out = e;
    return OK;
}
