// SPDX-License-Identifier: MIT
//
// The report about a program that an exception ended.
#include "kernel/cil/run/cil_program.h"

#include "kernel/cil/run/session.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/tty/console.h"

#define NAME_BYTES 200 /* limit, because names of types may have any length */

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

/* The exception's type; NULL: unknown. */
static struct cil_type *thrown_type(const struct cil_runtime *r)
{
    return r->thrown > r->world->length - 4
               ? NULL
               : cil_unit_type_at(r->unit, load_le32(r->world->memory.base + r->thrown));
}

static const char *name_of(const struct cil_runtime *r, const struct cil_stop *stop, char *name,
                           size_t len)
{
    struct cil_type *t;
    if (stop->is_trap) {
        return exceptions[stop->trap];
    }
    switch (stop->ending) {
    case CIL_NO_MEMORY:
        return exceptions[IR_TRAP_NO_MEMORY];
    case CIL_NEGATIVE:
        return exceptions[IR_TRAP_OVERFLOW];
    case CIL_THROWN:
        t = thrown_type(r);
        break;
    default:
        return exceptions[IR_TRAP_MEMORY];
    }
    if (t == NULL) {
        return "?";
    }
    (void)cil_type_text(name, len, t);
    str_make_printable(name);
    return name;
}

/* Frames beyond CODE_FRAMES were counted, but not recorded. */
void cil_report(const char *program, const struct cil_runtime *r, const struct cil_stop *stop)
{
    char name[NAME_BYTES];
    const struct code_map *map = r->engine;
    const struct code_trace *trace = &map->trace;
    if (!stop->is_trap && stop->ending == CIL_DAMAGED) {
        console_printf("program %s: the heap is damaged\n", program);
    } else {
        console_printf("program %s: unhandled exception: %s\n", program,
                       name_of(r, stop, name, sizeof name));
    }
    unsigned listed = trace->depth < CODE_FRAMES ? trace->depth : CODE_FRAMES;
    for (unsigned n = 0; n < listed; n++) {
        const struct code_frame *f = &trace->frames[n];
        cil_session_name(r->unit, f->function, name, sizeof name);
        console_printf("  #%u %s (IL_%04x)\n", n, name, f->location);
    }
    if (trace->depth > listed) {
        console_printf("  and %u more\n", trace->depth - listed);
    }
}
