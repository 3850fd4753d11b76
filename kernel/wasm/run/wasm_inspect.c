// SPDX-License-Identifier: MIT
//
// Compiles a WebAssembly module for inspection: prints sizes and times of all functions, or each
// stage of one.
#include "kernel/base/clock.h"
#include "kernel/lib/format.h"
#include "kernel/lib/sort.h"
#include "kernel/load/bytecode/bytecode_format.h"
#include "kernel/mm/heap.h"
#include "kernel/wasm/run/wasm_dump.h"
#include "kernel/wasm/run/wasm_program.h"

/* What compiling one function came to. */
struct row {
    uint32_t number, code_bytes, frame_bytes;
    uint64_t ns;
};

static enum status compile(const struct inspection *i, const struct wasm_module *m, struct row *row)
{
    const struct jit_options options = {.features = jit_native_features()};
    struct arena arena;
    struct ir_function *f;
    struct jit_code code;
    struct wasm_error err = {.text = ""};
    struct jit_error why = {.text = ""};
    arena_init(&arena, WASM_PROGRAM_ARENA);
    uint64_t begin = clock_now_ns();
    enum status s = wasm_function_build(m, row->number, &arena, &f, &err);
    if (s != OK) {
        s = inspection_refuse(i, s, err.text);
    } else {
        s = jit_compile(jit_machine_native, f, &options, &arena, &code, &why);
        s = s == OK ? OK : inspection_refuse(i, s, why.text);
    }
    if (s == OK) {
        row->code_bytes = code.size;
        row->frame_bytes = code.frame_bytes;
        row->ns = clock_now_ns() - begin;
    }
    arena_free_all(&arena);
    return s;
}

static bool is_larger(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    return x->code_bytes != y->code_bytes ? x->code_bytes > y->code_bytes : x->number < y->number;
}

/* The largest function first. */
static void print_rows(const struct inspection *i, const struct wasm_module *m, struct row *rows,
                       uint32_t count)
{
    struct loader_inspection *sums = i->result;
    sums->functions = count;
    sort_array(rows, count, sizeof *rows, is_larger);
    fmt_sink_printf(i->sink, i->ctx, "NUMBER  IN FILE    CODE B   STACK  TIME us  NAME\n");
    for (const struct row *r = rows; r < rows + count; r++) {
        const char *name = m->names == NULL ? NULL : m->names[r->number];
        fmt_sink_printf(i->sink, i->ctx, "%6u %8u %9u %7u %8llu  %s\n", r->number,
                        m->functions[r->number].body_size, r->code_bytes, r->frame_bytes,
                        (unsigned long long)r->ns / 1000, name == NULL ? "" : name);
        sums->file_bytes += m->functions[r->number].body_size;
        sums->code_bytes += r->code_bytes;
        sums->ns += r->ns;
    }
}

/* Compiles every function, without linking or running anything. */
static enum status compile_all(const struct inspection *i, const struct wasm_module *m)
{
    uint32_t first = m->imported[WASM_FUNCTION], count = m->function_count - first;
    struct row *rows = heap_calloc(count > 0 ? count : 1, sizeof *rows);
    if (rows == NULL) {
        return inspection_refuse(i, E_NOMEM, "");
    }
    enum status s = OK;
    for (uint32_t n = 0; s == OK && n < count; n++) {
        rows[n].number = first + n;
        s = compile(i, m, &rows[n]);
    }
    if (s == OK) {
        print_rows(i, m, rows, count);
    }
    heap_free(rows);
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
