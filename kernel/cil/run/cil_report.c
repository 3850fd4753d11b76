// SPDX-License-Identifier: MIT
//
// The report about a program that an exception ended.
#include "kernel/cil/run/cil_program.h"

#include "kernel/cil/front/lines.h"
#include "kernel/cil/run/session.h"
#include "kernel/cil/run/traces.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/tty/console.h"

#define NAME_BYTES 200 /* limit, because names of types may have any length */
#define FRAMES_MAX 48u

/* What .NET calls it. */
static const char *const exceptions[IR_TRAP_COUNT] = {
    [IR_TRAP_UNREACHABLE] = "System.InvalidProgramException",
    [IR_TRAP_MEMORY] = "System.AccessViolationException",
    [IR_TRAP_DIVIDE] = "System.DivideByZeroException",
    [IR_TRAP_OVERFLOW] = "System.OverflowException",
    [IR_TRAP_CONVERSION] = "System.OverflowException",
    [IR_TRAP_TABLE] = "System.IndexOutOfRangeException",
    [IR_TRAP_NULL] = "System.NullReferenceException",
    [IR_TRAP_SIGNATURE] = "System.InvalidCastException",
    [IR_TRAP_STACK] = "System.StackOverflowException",
    [IR_TRAP_NO_MEMORY] = "System.OutOfMemoryException",
};

static const char *name_of(const struct cil_runtime *r, const struct cil_stop *stop, char *name,
                           size_t len)
{
    if (stop->is_trap) {
        return exceptions[stop->trap];
    }
    switch (stop->ending) {
    case CIL_NO_MEMORY:
        return exceptions[IR_TRAP_NO_MEMORY];
    case CIL_NEGATIVE:
        return exceptions[IR_TRAP_OVERFLOW];
    case CIL_THROWN:
        cil_thrown_text(r, r->thrown, name, len);
        return name;
    default:
        return exceptions[IR_TRAP_MEMORY];
    }
}

static void print_frame(const struct cil_runtime *r, unsigned n, uint32_t method, uint32_t offset)
{
    char name[NAME_BYTES], place[CIL_PLACE_BYTES];
    const struct cil_unit_method *m = &r->unit->methods[method];
    cil_session_name(r->unit, method, name, sizeof name);
    cil_line_text(m->a, m->row, offset, place);
    console_printf("  #%u %s (IL_%04x)%s\n", n, name, offset, place);
}

/* Frames beyond CODE_FRAMES were counted, but not recorded. */
static void print_active(const struct cil_runtime *r, const struct code_trace *trace)
{
    unsigned listed = trace->depth < CODE_FRAMES ? trace->depth : CODE_FRAMES, number = 0;
    for (unsigned n = 0; n < listed; n++) {
        const struct code_frame *f = &trace->frames[n];
        if (r->unit->methods[f->function].kind != CIL_UNIT_RAISE) { /* the compiler's */
            print_frame(r, number++, f->function, f->location);
        }
    }
    if (trace->depth > listed) {
        console_printf("  and %u more\n", trace->depth - listed);
    }
}

static void print_passed(const struct cil_runtime *r, uint32_t object)
{
    struct cil_pass frames[FRAMES_MAX];
    uint32_t count = cil_thrown_trace(r, object, frames, FRAMES_MAX);
    for (uint32_t n = 0; n < count; n++) {
        print_frame(r, n, frames[n].method, frames[n].offset);
    }
}

static void print_inner(const struct cil_runtime *r)
{
    uint32_t object = r->thrown;
    for (unsigned n = 0; n < CIL_INNER_MAX && (object = cil_thrown_inner(r, object)) != 0; n++) {
        char text[CIL_THROWN_TEXT];
        cil_thrown_text(r, object, text, sizeof text);
        console_printf("  inner exception: %s\n", text);
        print_passed(r, object);
    }
}

/* ---- In panics and profiles ---- */

/* Source files are named on the computer where the compiler ran, which may be Windows. */
static uint32_t folder_bytes(struct cil_bytes path)
{
    uint32_t n = path.len;
    while (n > 0 && path.at[n - 1] != '/' && path.at[n - 1] != '\\') {
        n--;
    }
    return n;
}

void cil_place(const void *unit, uint32_t method, uint32_t offset, char *buf, size_t len)
{
    const struct cil_unit_method *m = &((const struct cil_unit *)unit)->methods[method];
    struct cil_line line;
    if (m->kind != CIL_UNIT_METHOD) { /* the compiler's own */
        return;
    }
    if (!cil_known_line(m->a, m->row, offset, &line)) {
        fmt_print(buf, len, " (IL_%04x)", offset);
        return;
    }
    uint32_t first = folder_bytes(line.path);
    fmt_print(buf, len, " (IL_%04x, %.*s:%u)", offset, (int)MIN(line.path.len - first, NAME_BYTES),
              (const char *)line.path.at + first, line.line);
}

void cil_report(const char *program, const struct cil_runtime *r, const struct cil_stop *stop)
{
    char name[CIL_THROWN_TEXT];
    const struct code_map *map = r->engine;
    bool is_thrown = !stop->is_trap && stop->ending == CIL_THROWN;
    if (!stop->is_trap && stop->ending == CIL_DAMAGED) {
        console_printf("program %s: the heap is damaged\n", program);
    } else {
        console_printf("program %s: unhandled exception: %s\n", program,
                       name_of(r, stop, name, sizeof name));
    }
    if (is_thrown && map->trace.depth == 0) {
        print_passed(r, r->thrown);
    } else {
        print_active(r, &map->trace);
    }
    if (is_thrown) {
        print_inner(r);
    }
}
