// SPDX-License-Identifier: MIT
//
// Compiles a WebAssembly module for inspection: prints sizes and times of all functions, or each
// stage of one.
#include "kernel/base/clock.h"
#include "kernel/lib/format.h"
#include "kernel/load/bytecode/bytecode_format.h"
#include "kernel/wasm/run/wasm_dump.h"
#include "kernel/wasm/run/wasm_program.h"

struct total {
    uint64_t file_bytes, code_bytes, ns;
};

/* Compile a function and print one line about it. */
static enum status compile(const struct inspection *i, const struct wasm_module *m, uint32_t n,
                           struct total *total)
{
    const struct jit_options options = {.features = jit_native_features()};
    struct arena arena;
    struct ir_function *f;
    struct jit_code code;
    struct wasm_error err = {.text = ""};
    struct jit_error why = {.text = ""};
    arena_init(&arena, WASM_PROGRAM_ARENA);
    uint64_t begin = clock_now_ns();
    enum status s = wasm_function_build(m, n, &arena, &f, &err);
    if (s != OK) {
        s = inspection_refuse(i, s, err.text);
    } else {
        s = jit_compile(jit_machine_native, f, &options, &arena, &code, &why);
        s = s == OK ? OK : inspection_refuse(i, s, why.text);
    }
    if (s == OK) {
        uint64_t ns = clock_now_ns() - begin;
        const char *name = m->names == NULL || m->names[n] == NULL ? "" : m->names[n];
        fmt_sink_printf(i->sink, i->ctx, "%6u %6u bytes -> %6u, %5u of stack, %8u ns  %s\n", n,
                        m->functions[n].body_size, code.size, code.frame_bytes, (unsigned)ns, name);
        total->file_bytes += m->functions[n].body_size;
        total->code_bytes += code.size;
        total->ns += ns;
    }
    arena_free_all(&arena);
    return s;
}

/* Compiles every function and adds up sizes and times, without linking or running anything. */
static enum status compile_all(const struct inspection *i, const struct wasm_module *m)
{
    struct total total = {.ns = 0};
    enum status s = OK;
    for (uint32_t n = m->imported[WASM_FUNCTION]; s == OK && n < m->function_count; n++) {
        s = compile(i, m, n, &total);
    }
    if (s == OK) {
        fmt_sink_printf(i->sink, i->ctx, "%u functions, %llu bytes -> %llu in %llu us\n",
                        m->function_count - m->imported[WASM_FUNCTION],
                        (unsigned long long)total.file_bytes, (unsigned long long)total.code_bytes,
                        (unsigned long long)total.ns / 1000);
    }
    return s;
}

static enum status dump(const struct inspection *i, const struct wasm_module *m)
{
    uint32_t n;
    struct wasm_error err = {.text = ""};
    if (!wasm_find_function(m, i->function, &n)) {
        return inspection_refuse(i, E_NOENT, "it has no such function");
    }
    if (n < m->imported[WASM_FUNCTION]) {
        return inspection_refuse(i, E_NOENT, "that function is imported");
    }
    const struct jit_dump d = {.machine = jit_machine_native,
                               .features = jit_native_features(),
                               .sink = i->sink,
                               .ctx = i->ctx};
    enum status s = wasm_dump(m, n, &d, &err);
    return s == OK ? OK : inspection_refuse(i, s, err.text);
}

enum status wasm_inspect(const struct inspection *i, const void *bytes, size_t len)
{
    const struct wasm_bounds bounds = {.arena_bytes = WASM_PROGRAM_ARENA,
                                       .table_elements = WASM_PROGRAM_ELEMENTS};
    struct wasm_error err = {.text = ""};
    struct wasm_module *m;
    enum status s = wasm_module_decode(bytes, len, &bounds, &m, &err);
    if (s != OK) {
        return inspection_refuse(i, s, err.text);
    }
    s = i->function == NULL ? compile_all(i, m) : dump(i, m);
    wasm_module_free(m);
    return s;
}
