// SPDX-License-Identifier: MIT
//
// What an exception notes of its way: where it was thrown, then each call that it leaves. This is
// code beside the way of exceptions only, so a program in which none is thrown runs as without.
// System.Exception keeps the notes once a handler or a finally block takes over (its Caught).
#include "kernel/cil/front/build_internal.h"

enum { NOT_KNOWN, NO, YES = CIL_NOTES };

static bool find(struct builder *b, const char *name, struct cil_callee *out)
{
    struct cil_class *c = unit_core_class(b->unit, "Exception");
    const struct cil_callee *found;
    for (uint32_t at = 0; c != NULL && (found = cil_method_named(c, name, &at)) != NULL;) {
        if ((found->flags & CIL_METHOD_STATIC) != 0 && found->signature->param_count == 1 &&
            cil_plain(found->signature->params[0]) == c->type &&
            cil_plain(found->signature->result)->kind == CIL_VOID) {
            *out = *found;
            return true;
        }
    }
    return false;
}

/* Another core library than Halyard's keeps no notes. */
static bool are_noted(struct builder *b)
{
    struct cil_callee c;
    if (b->unit->notes == NOT_KNOWN) {
        b->unit->notes = find(b, "Caught", &c) ? YES : NO;
    }
    return b->unit->notes == YES && b->unit->catches;
}

static void pass(struct builder *b, uint32_t method, uint32_t offset)
{
    const uint32_t args[] = {build_number(b, method), offset};
    (void)build_help(b, CIL_HELPER_PASS, args, 2);
}

/* These methods throw nothing, and nothing looks for an exception after them: `thrown` is null
 * before and after. */
static bool call(struct builder *b, const char *method, uint32_t exception)
{
    struct cil_callee c;
    uint32_t n = find(b, method, &c) ? unit_method(b->unit, &c, CIL_UNIT_METHOD) : IR_NONE;
    if (n != IR_NONE) {
        (void)ir_emit(b->f, IR_CALL, IR_VOID, CIL_FIRST_METHOD + n, ir_pool(b->f, &exception, 1),
                      1);
    }
    return n != IR_NONE ||
           (b->d->status == OK && build_unsupported(b, "a trace of a core library without this"));
}

bool build_has_notes(struct builder *b)
{
    return b->m.kind == CIL_UNIT_METHOD && are_noted(b);
}

void build_note_pass(struct builder *b, uint32_t offset)
{
    if (build_has_notes(b)) {
        pass(b, b->f->callee - CIL_FIRST_METHOD, offset);
    }
}

void build_forget_passed(struct builder *b)
{
    if (are_noted(b)) {
        pass(b, CIL_PASS_NONE, build_number(b, 0));
    }
}

bool build_note_thrown(struct builder *b, uint32_t exception)
{
    build_forget_passed(b);
    return !are_noted(b) || call(b, "Thrown", exception);
}

bool build_note_caught(struct builder *b, uint32_t exception)
{
    return !are_noted(b) || call(b, "Caught", exception);
}
