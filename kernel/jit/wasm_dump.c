// SPDX-License-Identifier: MIT
//
// Showing a function at each stage.
#include "kernel/jit/wasm_dump.h"

#include "kernel/jit/vcode_print.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

#define ARENA_BYTES ((size_t)256 << 20)
#define PER_LINE    16u

struct dump {
    const struct jit_machine *machine;
    ir_sink sink;
    void *ctx;
};

static bool is_name(const char *name, const char *text, size_t len)
{
    return strlen(name) == len && memcmp(name, text, len) == 0;
}

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

static void show(void *ctx, const char *stage, const struct ir_function *f, const struct vcode *v)
{
    struct dump *d = ctx;
    fmt_sink_printf(d->sink, d->ctx, "; %s\n", stage);
    if (v != NULL) {
        vcode_print(v, d->machine, d->sink, d->ctx);
    } else {
        ir_print_function(f, d->sink, d->ctx);
    }
}

static void show_bytes(struct dump *d, const struct jit_code *code)
{
    fmt_sink_printf(d->sink, d->ctx, "; code, %u bytes, %u of stack\n", code->size,
                    code->frame_bytes);
    for (uint32_t at = 0; at < code->size; at += PER_LINE) {
        fmt_sink_printf(d->sink, d->ctx, "%6x:", at);
        for (uint32_t n = at; n < code->size && n < at + PER_LINE; n++) {
            fmt_sink_printf(d->sink, d->ctx, " %02x", code->bytes[n]);
        }
        fmt_sink_printf(d->sink, d->ctx, "\n");
    }
}

static void show_rows(struct dump *d, const struct wasm_module *m, const struct jit_code *code)
{
    for (uint32_t n = 0; n < code->row_count; n++) {
        const struct jit_row *r = &code->rows[n];
        const char *what = r->kind == JIT_ROW_CALL   ? "behind a call"
                           : r->trap < IR_TRAP_COUNT ? ir_trap_names[r->trap]
                                                     : "?";
        fmt_sink_printf(d->sink, d->ctx, "; %6x: %s, from 0x%x\n", r->pc, what, r->location);
    }
    for (uint32_t n = 0; n < code->reloc_count; n++) {
        const struct jit_reloc *r = &code->relocs[n];
        fmt_sink_printf(d->sink, d->ctx, "; %6x: call of %s\n", r->at,
                        m->ir.callees[r->callee].name);
    }
}

static enum status compile(struct dump *d, const struct wasm_module *m, const struct ir_function *f,
                           uint64_t features, struct arena *a, struct wasm_error *err)
{
    const struct jit_options options = {
        .features = features, .verify = true, .show = show, .ctx = d};
    struct jit_code code;
    struct jit_error why = {.text = ""};
    enum status s = jit_compile(d->machine, f, &options, a, &code, &why);
    if (s != OK) {
        fmt_print(err->text, sizeof(err->text), "%s", why.text);
        return s;
    }
    show_bytes(d, &code);
    show_rows(d, m, &code);
    return OK;
}

enum status wasm_dump(const struct wasm_module *m, uint32_t function,
                      const struct jit_machine *machine, uint64_t features, ir_sink sink, void *ctx,
                      struct wasm_error *err)
{
    struct dump d = {.machine = machine, .sink = sink, .ctx = ctx};
    struct arena arena;
    struct ir_function *f;
    arena_init(&arena, ARENA_BYTES);
    enum status s = wasm_function_build(m, function, &arena, &f, err);
    if (s == OK && machine == NULL) {
        ir_print_function(f, sink, ctx);
    } else if (s == OK) {
        s = compile(&d, m, f, features, &arena, err);
    }
    arena_free_all(&arena);
    return s;
}
