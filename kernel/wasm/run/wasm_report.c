// SPDX-License-Identifier: MIT
//
// The report about a module that trapped, or threw an exception that it did not catch.
#include "kernel/wasm/run/wasm_program.h"

#include "kernel/lib/format.h"
#include "kernel/load/bytecode/bytecode_format.h"
#include "kernel/tty/console.h"
#include "kernel/wasm/run/exception.h"

#define NAME_MAX 200 /* bytes: limit, because names in a module may have any length */

static void report_frame(unsigned n, const struct wasm_frame *f)
{
    const char *name = f->module->names == NULL ? NULL : f->module->names[f->function];
    char unnamed[24];
    if (name == NULL) {
        fmt_print(unnamed, sizeof unnamed, "function %u", f->function);
        name = unnamed;
    }
    console_printf("  #%u %.*s (offset 0x%x)\n", n, NAME_MAX, name, f->offset);
}

/* Frames beyond WASM_FRAMES were counted, but not recorded. */
static void report(const char *program, const struct wasm_stop *stop)
{
    char text[160];
    bool is_thrown = stop->outcome == WASM_THROWN;
    if (is_thrown) {
        wasm_exception_text(&stop->thrown, text, sizeof text);
    }
    console_printf("program %s: %s: %s\n", program, is_thrown ? "uncaught exception" : "trap",
                   is_thrown ? text : wasm_trap_text(stop));
    if (stop->outcome == WASM_TRAPPED && stop->trap == IR_TRAP_NO_CODE) {
        console_printf("  %s\n", stop->reason);
    }
    unsigned listed = stop->depth < WASM_FRAMES ? stop->depth : WASM_FRAMES;
    for (unsigned i = 0; i < listed; i++) {
        report_frame(i, &stop->frames[i]);
    }
    if (stop->depth > listed) {
        console_printf("  and %u more\n", stop->depth - listed);
    }
}

/* The program ends before the report: if several threads trap, one of them is reported. */
void wasm_end_by_trap(struct bytecode_program *p, const struct wasm_stop *stop)
{
    if (bytecode_end_by_trap(p)) {
        report(p->program->name, stop);
    }
}
