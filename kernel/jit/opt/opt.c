// SPDX-License-Identifier: MIT
//
// The order of the passes. Value numbering comes first: it leaves one copy of each value, and
// code motion then decides where that copy is computed. It only moves values, so a second run
// of value numbering would find nothing.
#include "kernel/jit/opt/opt.h"

#include "kernel/lib/compiler.h"

struct pass {
    const char *name;
    enum status (*run)(const struct ir_function *in, struct arena *a, struct ir_function **out);
};

static const struct pass passes[] = {
    {"gvn", opt_gvn},
    {"motion", opt_motion},
};

static enum status run_pass(const struct pass *p, const struct opt_options *o, struct arena *a,
                            struct ir_function **f)
{
    enum status s = p->run(*f, a, f);
    if (s == OK && o->verify != NULL) {
        s = o->verify(a, *f, o->complaint);
    }
    if (s == OK && o->show != NULL) {
        o->show(o->ctx, p->name, *f);
    }
    return s;
}

/* Whether passes can improve anything. Modules have many
 * functions that only return parameters or constants. */
static bool has_work(const struct ir_function *f)
{
    uint32_t last = f->instr_count - 1;
    if (f->block_count != 1 || f->instrs[last].op != IR_RETURN) {
        return true;
    }
    for (uint32_t v = f->blocks[0].params; v < last; v++) {
        if (ir_op_info[f->instrs[v].op].form != IR_FORM_CONST) {
            return true;
        }
    }
    return false;
}

enum status opt_run(const struct ir_function *in, const struct opt_options *options,
                    struct arena *a, struct ir_function **out)
{
    struct ir_function *f = (struct ir_function *)in; /* not const, but passes only read it */
    enum status s = options->verify == NULL ? OK : options->verify(a, in, options->complaint);
    size_t count = s == OK && has_work(in) ? ARRAY_COUNT(passes) : 0;
    for (size_t n = 0; s == OK && n < count; n++) {
        s = run_pass(&passes[n], options, a, &f);
    }
    if (s == OK) {
        *out = f;
    }
    return s;
}
