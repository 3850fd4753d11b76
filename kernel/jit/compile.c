// SPDX-License-Identifier: MIT
//
// The steps in order, with a check after each. The allocator's own check, that every use has a
// definition, is always on: without it, code could read data of others.
//
// Each step builds new data and does not change the data of the step before, so `show` can print
// every stage. All of it is in one arena, which the caller empties after each function; jit_code
// points into it, so it must be copied before. An error of a later step than the passes means a bug
// of the compiler or a lack of memory, except E_NOTSUP: the machine does not have an operation.
#include "kernel/jit/compile.h"

#include "kernel/jit/opt/lower.h"
#include "kernel/jit/opt/opt.h"
#include "kernel/lib/format.h"

#ifdef HALYARD_DEBUG
#define CHECKS_OF(options) (&jit_checks)
#else
static const struct jit_checks none;
#define CHECKS_OF(options) ((options)->checks == NULL ? &none : (options)->checks)
#endif

struct compilation {
    const struct jit_machine *m;
    const struct jit_options *options;
    struct jit_error *err;
    const struct jit_checks *checks; /* functions that are NULL check nothing */
};

static void show(const struct compilation *c, const char *stage, const struct ir_function *f,
                 const struct vcode *v)
{
    if (c->options->show != NULL) {
        c->options->show(c->options->ctx, stage, f, v);
    }
}

static void show_pass(void *ctx, const char *stage, const struct ir_function *f)
{
    show(ctx, stage, f, NULL);
}

/* Run the passes, if they are wanted, and set *f to their result. */
static enum status improve(struct compilation *c, struct arena *a, const struct ir_function **f)
{
    struct ir_complaint complaint = {""};
    struct ir_function *better;
    const struct opt_options options = {
        .verify = c->checks->verify, .show = show_pass, .ctx = c, .complaint = &complaint};
    enum status s = OK;
    if (!c->options->quick) {
        s = opt_run(*f, &options, a, &better);
        *f = s == OK ? better : *f;
    } else if (c->checks->verify != NULL) {
        s = c->checks->verify(a, *f, &complaint);
    }
    if (s == E_CORRUPT) {
        (void)fmt_print(c->err->text, sizeof c->err->text, "passes: %s", complaint.text);
    }
    return s;
}

/* Always needed, also without passes: the machines do not know the operations that it removes. */
static enum status lower(struct compilation *c, const struct ir_function *f, struct arena *a,
                         const struct ir_function **out)
{
    struct ir_complaint complaint = {""};
    enum status s = lower_managed(f, a, out);
    if (s == OK && *out != f) {
        show(c, "lower", *out, NULL);
        s = c->checks->verify == NULL ? OK : c->checks->verify(a, *out, &complaint);
    }
    if (s == E_CORRUPT) {
        (void)fmt_print(c->err->text, sizeof c->err->text, "lowering: %s", complaint.text);
    }
    return s;
}

/* The one step that may find that the machine lacks an operation; the message names the
 * operation. */
static enum status select_code(const struct compilation *c, const struct ir_function *f,
                               struct vcode *v)
{
    unsigned op = IR_OP_COUNT;
    enum status s = c->m->select(f, c->options->features, v, &op);
    if (s == E_NOTSUP) {
        (void)fmt_print(c->err->text, sizeof c->err->text, "%s is not available on %s",
                        op < IR_OP_COUNT ? ir_op_info[op].text
                                         : "a loop that is entered in the middle",
                        c->m->name);
    }
    return s;
}

static bool is_limited(const struct vlimits *l)
{
    return l->allowed[VCLASS_INT] != 0 || l->allowed[VCLASS_FLOAT] != 0;
}

/* `limits` is for tests: with few registers every function spills. The check does not rely on the
 * allocator: it follows the values through registers and slots. */
static enum status allocate(const struct compilation *c, const struct ir_function *f,
                            struct vcode *v)
{
    struct vcomplaint complaint;
    const struct vlimits *limits = is_limited(&c->options->limits) ? &c->options->limits : NULL;
    enum status s = vcode_allocate(v, &c->m->registers, limits);
    if (s == OK) {
        show(c, "allocated", f, v);
    }
    if (s == E_CORRUPT) {
        (void)fmt_print(c->err->text, sizeof c->err->text, "registers: instruction %u: v%u %s",
                        v->mistake.instr, v->mistake.vreg, v->mistake.text);
    }
    bool checks = s == OK && c->checks->registers != NULL;
    if (checks && !c->checks->registers(v, &c->m->registers, &complaint)) {
        (void)fmt_print(c->err->text, sizeof c->err->text, "registers: instruction %u: %s",
                        complaint.instr, complaint.text);
        return complaint.is_memory ? E_NOMEM : E_CORRUPT;
    }
    return s;
}

enum status jit_compile(const struct jit_machine *m, const struct ir_function *f,
                        const struct jit_options *options, struct arena *a, struct jit_code *out,
                        struct jit_error *err)
{
    struct compilation c = {m, options, err, CHECKS_OF(options)};
    struct vcode v; /* initialised by selection */
    v.arena = a;
    err->text[0] = '\0';
    show(&c, "ir", f, NULL);
    enum status s = improve(&c, a, &f);
    if (s == OK) {
        s = lower(&c, f, a, &f);
    }
    if (s == OK) {
        s = select_code(&c, f, &v);
    }
    if (s != OK) {
        return s;
    }
    show(&c, "selected", f, &v);
    s = allocate(&c, f, &v);
    return s != OK ? s : m->emit(&v, options->features, out);
}
