// SPDX-License-Identifier: MIT
//
// Printing a function: at each stage if the engine compiles, otherwise as the front-end built it.
#include "kernel/wasm/run/wasm_dump.h"
#include "tools/halyard-wasm/compiled.h"
#include "tools/halyard-wasm/tool.h"

#include <stdio.h>
#include <string.h>

static void to_stdout(void *ctx, const char *s, size_t len)
{
    (void)ctx;
    fwrite(s, 1, len, stdout);
}

static int dump(const struct tool *t, const struct wasm_module *m, uint32_t function)
{
    bool is_compiled = strcmp(t->engine, "host") == 0;
    const struct jit_dump d = {.machine = is_compiled ? compiled_options.machine : NULL,
                               .features = compiled_options.jit.features,
                               .sink = to_stdout};
    struct wasm_error err = {.text = ""};
    enum status s = wasm_dump(m, function, &d, &err);
    fflush(stdout);
    return s == OK ? 0 : tool_refuse(t, s, &err);
}

int tool_dump(const struct tool *t)
{
    struct wasm_module *m = tool_decode(t);
    if (m == NULL) {
        return TOOL_REFUSED;
    }
    uint32_t n;
    int result = TOOL_REFUSED;
    if (!wasm_find_function(m, t->function, &n)) {
        fprintf(stderr, "halyard-wasm: %s: no function %s\n", t->argv[0], t->function);
    } else if (n < m->imported[WASM_FUNCTION]) {
        fprintf(stderr, "halyard-wasm: %s: function %s is imported\n", t->argv[0], t->function);
    } else {
        result = dump(t, m, n);
    }
    wasm_module_free(m);
    return result;
}
