// SPDX-License-Identifier: MIT
//
// The order of the passes.
#include "kernel/jit/opt.h"

#include "kernel/jit/ir_verify.h"
#include "kernel/lib/compiler.h"

struct pass {
    const char *name;
    enum status (*run)(const struct ir_function *in, struct arena *a, struct ir_function **out);
};

static const struct pass passes[] = {
    {"gvn", opt_gvn},
    {"place", opt_place},
};

static enum status run_pass(const struct pass *p, const struct opt_options *o, struct arena *a,
                            struct ir_function **f)
{
    enum status s = p->run(*f, a, f);
    if (s == OK && o->verify) {
        s = ir_verify(a, *f, o->complaint);
    }
    if (s == OK && o->show != NULL) {
        o->show(o->ctx, p->name, *f);
    }
    return s;
}

enum status opt_run(const struct ir_function *in, const struct opt_options *options,
                    struct arena *a, struct ir_function **out)
{
    struct ir_function *f = (struct ir_function *)in; /* passes only read it */
    enum status s = options->verify ? ir_verify(a, in, options->complaint) : OK;
    for (size_t n = 0; s == OK && n < ARRAY_COUNT(passes); n++) {
        s = run_pass(&passes[n], options, a, &f);
    }
    if (s == OK) {
        *out = f;
    }
    return s;
}
