// SPDX-License-Identifier: MIT
//
// Showing a function: the representation as the front-end built it.
#include "kernel/jit/ir_text.h"
#include "tools/halyard-wasm/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void to_stdout(void *ctx, const char *s, size_t len)
{
    (void)ctx;
    fwrite(s, 1, len, stdout);
}

/* By number, by name, by the name that it is exported under; IR_NONE: there is none. */
static uint32_t find(const struct wasm_module *m, const char *function)
{
    char *end;
    unsigned long number = strtoul(function, &end, 10);
    if (end != function && *end == '\0') {
        return number < m->function_count ? (uint32_t)number : IR_NONE;
    }
    for (uint32_t n = 0; m->names != NULL && n < m->function_count; n++) {
        if (m->names[n] != NULL && strcmp(m->names[n], function) == 0) {
            return n;
        }
    }
    for (uint32_t n = 0; n < m->export_count; n++) {
        const struct wasm_export *e = &m->exports[n];
        if (e->kind == WASM_FUNCTION && e->name.len == strlen(function) &&
            memcmp(e->name.bytes, function, e->name.len) == 0) {
            return e->index;
        }
    }
    return IR_NONE;
}

static int dump(const struct tool *t, const struct wasm_module *m, uint32_t function)
{
    struct arena arena;
    struct ir_function *f;
    struct wasm_error err = {.text = ""};
    arena_init(&arena, (size_t)1 << 30);
    enum status s = wasm_function_build(m, function, &arena, &f, &err);
    int result = 0;
    if (s == OK) {
        ir_print_function(f, to_stdout, NULL);
    } else {
        result = tool_refuse(t, s, &err);
    }
    arena_free_all(&arena);
    return result;
}

int tool_dump(const struct tool *t)
{
    struct wasm_module *m = tool_decode(t);
    if (m == NULL) {
        return TOOL_REFUSED;
    }
    uint32_t n = find(m, t->function);
    int result = TOOL_REFUSED;
    if (n == IR_NONE) {
        fprintf(stderr, "halyard-wasm: %s: no function %s\n", t->argv[0], t->function);
    } else if (n < m->imported[WASM_FUNCTION]) {
        fprintf(stderr, "halyard-wasm: %s: function %s is imported\n", t->argv[0], t->function);
    } else {
        result = dump(t, m, n);
    }
    wasm_module_free(m);
    return result;
}
