// SPDX-License-Identifier: MIT
//
// Prints a function at each stage, and then its code: the bytes, for a disassembler, and the tables
// that go with them. Rows map addresses to traps and to places in the source, relocations are the
// calls that are filled in when the code gets its address.
#include "kernel/jit/dump.h"

#include "kernel/jit/codegen/vcode_print.h"
#include "kernel/lib/format.h"

#define PER_LINE 16u

/* Called by the compiler after each stage, with the function in one of its two forms: as values, or
 * after selection as the machine's instructions. */
static void show(void *ctx, const char *stage, const struct ir_function *f, const struct vcode *v)
{
    const struct jit_dump *d = ctx;
    fmt_sink_printf(d->sink, d->ctx, "; %s\n", stage);
    if (v != NULL) {
        vcode_print(v, d->machine, d->sink, d->ctx);
    } else {
        ir_print_function(f, d->sink, d->ctx);
    }
}

static void show_bytes(const struct jit_dump *d, const struct jit_code *code)
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

/* A row after a call maps its return address, for backtraces; any other row belongs to an
 * instruction that may trap. */
static void show_rows(const struct jit_dump *d, const struct ir_function *f,
                      const struct jit_code *code)
{
    for (uint32_t n = 0; n < code->row_count; n++) {
        const struct jit_row *r = &code->rows[n];
        const char *what = r->kind == JIT_ROW_CALL   ? "after a call"
                           : r->trap < IR_TRAP_COUNT ? ir_trap_names[r->trap]
                                                     : "?";
        fmt_sink_printf(d->sink, d->ctx, "; %6x: %s, from 0x%x\n", r->pc, what, r->location);
    }
    for (uint32_t n = 0; n < code->reloc_count; n++) {
        const struct jit_reloc *r = &code->relocs[n];
        fmt_sink_printf(d->sink, d->ctx, "; %6x: call of %s\n", r->at,
                        f->module->callees[r->callee].name);
    }
}

static enum status dump(const struct jit_dump *d, const struct ir_function *f, struct arena *a,
                        struct jit_error *err)
{
    if (d->machine == NULL) {
        ir_print_function(f, d->sink, d->ctx);
        return OK;
    }
    const struct jit_options options = {
        .features = d->features, .checks = &jit_checks, .show = show, .ctx = (void *)(uintptr_t)d};
    struct jit_code code;
    enum status s = jit_compile(d->machine, f, &options, a, &code, err);
    if (s == OK) {
        show_bytes(d, &code);
        show_rows(d, f, &code);
    }
    return s;
}

void jit_enable_dump(void)
{
    jit_set_dump(dump);
}
