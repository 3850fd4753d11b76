// SPDX-License-Identifier: MIT
//
// What an exception notes of its way, in a program that asks for traces: where it was thrown, and
// which method has caught it. Then each method has a frame, with the number of the call that it is
// at, and System.Exception reads these.
#include "kernel/cil/front/build_internal.h"

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
    return b->d->status == OK && build_unsupported(b, "a trace of a core library without this");
}

/* These methods throw nothing, and nothing looks for an exception after them: `thrown` is null
 * before and after. */
bool build_trace(struct builder *b, const char *method, uint32_t exception)
{
    struct cil_callee c;
    if (!b->unit->traces) {
        return true;
    }
    uint32_t n = find(b, method, &c) ? unit_method(b->unit, &c, CIL_UNIT_METHOD) : IR_NONE;
    if (n != IR_NONE) {
        (void)ir_emit(b->f, IR_CALL, IR_VOID, CIL_FIRST_METHOD + n, ir_pool(b->f, &exception, 1),
                      1);
    }
    return n != IR_NONE;
}
