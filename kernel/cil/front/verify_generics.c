// SPDX-License-Identifier: MIT
//
// The verifier's rules for type parameters (II.10.1.7). The method may rely on the constraints of
// its own parameters. The arguments that it passes for the parameters of others must meet their
// constraints. The compiler relies on that, so trusted assemblies are checked, too.
#include "kernel/cil/front/access.h"
#include "kernel/cil/front/verify_internal.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

#define CONSTRAINT_DEPTH_MAX 16

/* Flags of GenericParam (II.23.1.7). */
#define MUST_BE_REFERENCE 0x04u
#define MUST_BE_VALUE     0x08u /* and not nullable */
#define MUST_HAVE_DEFAULT 0x10u /* a constructor without parameters */

/* ---- The method's own parameters ---- */

/* A type parameter of the method is known only by its constraints, so a value of it fits a type if
 * one of the constraints does. That includes other parameters: where T : U, U : C makes T a C. A
 * file can declare circles of them, which is why the depth is limited; a parameter that is nested
 * more deeply fits nothing, which is the safe direction. The rows are those of the assembly v->a: a
 * VAR or MVAR in a signature that is verified here always belongs to this class or method, because
 * cil_resolve_method() has substituted those of others. */

/* The row of GenericParam of a type parameter of the method, or of its class. 0: none. */
static uint32_t parameter_row(const struct verifier *v, const struct cil_type *t)
{
    uint32_t owner = t->kind == CIL_VAR ? CIL_TOKEN(CIL_TYPE_DEF, v->c->row)
                                        : CIL_TOKEN(CIL_METHOD_DEF, v->body.method);
    struct cil_run run =
        cil_find_rows(&v->a->image, CIL_GENERIC_PARAM, CIL_GENERIC_PARAM_OWNER,
                      cil_coded(CIL_GENERIC_PARAM, CIL_GENERIC_PARAM_OWNER, owner));
    return t->number < run.end - run.first ? run.first + t->number : 0;
}

/* A parameter may be bounded by several others, and each of these again: a method pays for the
 * paths as for instructions that are visited. */
static bool count_step(struct verifier *v, unsigned depth)
{
    v->steps -= v->steps > 0 ? 1 : 0;
    return v->steps > 0 && depth <= CONSTRAINT_DEPTH_MAX;
}

static bool parameter_fits(struct verifier *v, struct cil_type *from, struct cil_type *to,
                           unsigned depth)
{
    uint32_t row = parameter_row(v, from);
    if (from == to || to->kind == CIL_OBJECT) {
        return true;
    }
    if (row == 0 || !count_step(v, depth)) {
        return false;
    }
    struct cil_run run = cil_find_rows(&v->a->image, CIL_GENERIC_PARAM_CONSTRAINT,
                                       CIL_GENERIC_PARAM_CONSTRAINT_OWNER, row);
    for (uint32_t n = run.first; n < run.end; n++) {
        struct cil_type *t =
            cil_resolve_type(v->a, cil_cell_token(&v->a->image, CIL_GENERIC_PARAM_CONSTRAINT, n,
                                                  CIL_GENERIC_PARAM_CONSTRAINT_CONSTRAINT));
        if (t == NULL) {
            return false;
        }
        if (t->kind == CIL_VAR || t->kind == CIL_MVAR ? parameter_fits(v, t, to, depth + 1)
                                                      : cil_is_subtype(v->d, t, to)) {
            return true;
        }
    }
    return false;
}

bool cil_verify_is_subtype(struct verifier *v, struct cil_type *from, struct cil_type *to)
{
    return from->kind == CIL_VAR || from->kind == CIL_MVAR ? parameter_fits(v, from, to, 0)
                                                           : cil_is_subtype(v->d, from, to);
}

static bool is_parameter(const struct cil_type *t)
{
    return t->kind == CIL_VAR || t->kind == CIL_MVAR;
}

static uint32_t parameter_flags(const struct verifier *v, const struct cil_type *t)
{
    uint32_t row = parameter_row(v, t);
    return row == 0 ? 0 : cil_cell(&v->a->image, CIL_GENERIC_PARAM, row, CIL_GENERIC_PARAM_FLAGS);
}

/* One of these says only that its values are objects or not. */
static bool is_plain_class(const struct cil_type *t)
{
    return t->c != NULL && cil_is_reference(t) && !t->c->is_interface &&
           !cil_is_core_class(t->c, "Object") && !cil_is_core_class(t->c, "ValueType") &&
           !cil_is_core_class(t->c, "Enum");
}

/* A parameter that must be of a class is a reference. */
static bool is_reference_parameter(struct verifier *v, const struct cil_type *t, unsigned depth)
{
    uint32_t row = parameter_row(v, t);
    if ((parameter_flags(v, t) & MUST_BE_REFERENCE) != 0) {
        return true;
    }
    if (row == 0 || !count_step(v, depth)) {
        return false;
    }
    struct cil_run run = cil_find_rows(&v->a->image, CIL_GENERIC_PARAM_CONSTRAINT,
                                       CIL_GENERIC_PARAM_CONSTRAINT_OWNER, row);
    for (uint32_t n = run.first; n < run.end; n++) {
        const struct cil_type *bound =
            cil_resolve_type(v->a, cil_cell_token(&v->a->image, CIL_GENERIC_PARAM_CONSTRAINT, n,
                                                  CIL_GENERIC_PARAM_CONSTRAINT_CONSTRAINT));
        if (bound != NULL && (is_parameter(bound) ? is_reference_parameter(v, bound, depth + 1)
                                                  : is_plain_class(bound))) {
            return true;
        }
    }
    return false;
}

/* ---- Arguments ---- */

static bool is_nullable(const struct cil_type *t)
{
    return t->kind == CIL_GENERICINST && cil_is_core_class(t->c, "Nullable`1");
}

static bool has_default_constructor(struct verifier *v, const struct cil_class *c)
{
    const struct cil_image *m = &c->assembly->image;
    struct cil_run run = cil_cell_run(m, CIL_TYPE_DEF, c->row, CIL_TYPE_DEF_METHODS);
    for (uint32_t at = run.first; at < run.end && v->d->status == OK; at++) {
        uint32_t row = cil_run_row(m, CIL_METHOD_DEF, at);
        uint32_t flags = cil_cell(m, CIL_METHOD_DEF, row, CIL_METHOD_DEF_FLAGS);
        if ((flags & CIL_ACCESS_MASK) == CIL_PUBLIC && (flags & CIL_METHOD_STATIC) == 0 &&
            strcmp(cil_cell_string(m, CIL_METHOD_DEF, row, CIL_METHOD_DEF_NAME), ".ctor") == 0) {
            const struct cil_signature *s = cil_method_signature(c->assembly, row);
            if (s != NULL && s->param_count == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Flags are compared with II.10.1.7 and II.23.1.7. A parameter as an argument of another one is
 * judged by its own flags, since any type that meets these may be in its place later. So the check
 * of a generic method in its open form holds for each of its instantiations. */
static bool is_value(const struct verifier *v, const struct cil_type *t)
{
    return is_parameter(t) ? (parameter_flags(v, t) & MUST_BE_VALUE) != 0
                           : t->c != NULL && t->c->is_value_type;
}

/* @return What is wrong; NULL: nothing. */
static const char *check_flags(struct verifier *v, const struct cil_type *t, uint32_t flags)
{
    if ((flags & MUST_BE_REFERENCE) != 0 &&
        !(is_parameter(t) ? is_reference_parameter(v, t, 0) : cil_is_reference(t))) {
        return "it is no reference type";
    }
    if ((flags & MUST_BE_VALUE) != 0 && (!is_value(v, t) || is_nullable(t))) {
        return "it is no value type, or nullable";
    }
    if ((flags & MUST_HAVE_DEFAULT) == 0 || is_value(v, t)) {
        return NULL;
    }
    bool is_ok = is_parameter(t) ? (parameter_flags(v, t) & MUST_HAVE_DEFAULT) != 0
                                 : t->c != NULL && (t->c->flags & CIL_TYPE_ABSTRACT) == 0 &&
                                       has_default_constructor(v, t->c);
    return is_ok ? NULL : "it has no public constructor without parameters";
}

/* An instantiation whose arguments are compared: of a type, or of a method in a type. The
 * constraints are in the assembly that defines it (`a`), and are written with the variables of that
 * definition. So they are resolved there, and substituted with `owner` and `method_args` before
 * they are compared. */
struct instance {
    struct cil_assembly *a;
    uint32_t token; /* what has the parameters: TypeDef or MethodDef */
    const char *name;
    const struct cil_type *owner;
    struct cil_type *const *args, *const *method_args; /* method_args: NULL: of a type */
    uint32_t count;
};

static bool refuse(struct verifier *v, const struct instance *i, const struct cil_type *t,
                   const char *what)
{
    char name[80];
    (void)cil_type_text(name, sizeof name, t);
    return cil_verify_invalid(v, "%s is no type argument of %s: %s", name, i->name, what);
}

/* Each constraint is a class, an interface or another parameter of the same list. A box of the
 * argument must fit it, so a value type meets a constraint that is an interface. */
static bool check_bounds(struct verifier *v, const struct instance *i, uint32_t row,
                         struct cil_type *arg)
{
    const struct cil_image *m = &i->a->image;
    struct cil_run run =
        cil_find_rows(m, CIL_GENERIC_PARAM_CONSTRAINT, CIL_GENERIC_PARAM_CONSTRAINT_OWNER, row);
    for (uint32_t n = run.first; n < run.end; n++) {
        struct cil_type *t =
            cil_resolve_type(i->a, cil_cell_token(m, CIL_GENERIC_PARAM_CONSTRAINT, n,
                                                  CIL_GENERIC_PARAM_CONSTRAINT_CONSTRAINT));
        t = t == NULL ? NULL
                      : cil_substitute(v->d, cil_plain(t), i->owner, i->method_args,
                                       i->method_args == NULL ? 0 : i->count);
        if (t == NULL) {
            return false;
        }
        if (!cil_verify_is_subtype(v, arg, t)) {
            char bound[80], text[120];
            (void)cil_type_text(bound, sizeof bound, t);
            (void)fmt_print(text, sizeof text, "it is no %s", bound);
            return v->d->status == OK && refuse(v, i, arg, text);
        }
    }
    return true;
}

static bool check_instance(struct verifier *v, const struct instance *i)
{
    struct cil_run run =
        cil_find_rows(&i->a->image, CIL_GENERIC_PARAM, CIL_GENERIC_PARAM_OWNER,
                      cil_coded(CIL_GENERIC_PARAM, CIL_GENERIC_PARAM_OWNER, i->token));
    for (uint32_t n = 0; n < i->count && n < run.end - run.first; n++) {
        uint32_t flags =
            cil_cell(&i->a->image, CIL_GENERIC_PARAM, run.first + n, CIL_GENERIC_PARAM_FLAGS);
        struct cil_type *arg = cil_plain(i->args[n]);
        const char *what = check_flags(v, arg, flags);
        if (what != NULL) {
            return refuse(v, i, arg, what);
        }
        if (!check_bounds(v, i, run.first + n, arg)) {
            return false;
        }
    }
    return v->d->status == OK;
}

/* Recursion ends at the depth of the type. A type without parameters is checked once:
 * is_constrained is true for it from then on, in the whole domain, because a type exists once. A
 * type with parameters is not remembered, because the constraints of those differ from method to
 * method. The class's own instantiation over its own parameters needs no check: they are the
 * constraints. */
bool cil_verify_arguments(struct verifier *v, struct cil_type *t)
{
    if (t->is_constrained) {
        return true;
    }
    if (t->element != NULL && !cil_verify_arguments(v, t->element)) {
        return false;
    }
    for (uint32_t n = 0; t->kind == CIL_GENERICINST && n < t->number; n++) {
        if (!cil_verify_arguments(v, t->args[n])) {
            return false;
        }
    }
    if (t->kind == CIL_GENERICINST && t != v->c->self) {
        const struct instance i = {.a = t->c->assembly,
                                   .token = CIL_TOKEN(CIL_TYPE_DEF, t->c->row),
                                   .name = t->c->name,
                                   .owner = t,
                                   .args = t->args,
                                   .count = t->number};
        if (!check_instance(v, &i)) {
            return false;
        }
    }
    t->is_constrained = !t->is_open;
    return true;
}

bool cil_verify_method_arguments(struct verifier *v, const struct cil_callee *c)
{
    for (uint32_t n = 0; n < c->arg_count; n++) {
        if (!cil_verify_arguments(v, c->args[n])) {
            return false;
        }
    }
    const struct instance i = {.a = c->a,
                               .token = CIL_TOKEN(CIL_METHOD_DEF, c->row),
                               .name = c->name,
                               .owner = c->owner,
                               .args = c->args,
                               .method_args = c->args,
                               .count = c->arg_count};
    return cil_verify_arguments(v, c->owner) && (c->arg_count == 0 || check_instance(v, &i));
}

/* The failure of a check is no failure of the program, which does not contain this method yet. */
bool cil_meets_constraints(const struct cil_callee *c)
{
    struct cil_domain *d = c->a->domain;
    struct verifier v = {
        .d = d, .a = c->a, .c = c->owner->c, .body = {.a = c->a, .method = c->row}};
    bool is_ok = d->status == OK && cil_verify_method_arguments(&v, c);
    if (!is_ok && d->status == E_CORRUPT) {
        cil_domain_forgive(d);
    }
    return is_ok;
}

static bool check_list(struct verifier *v, const struct cil_signature *s)
{
    for (uint32_t n = 0; s != NULL && n < s->param_count; n++) {
        if (!cil_verify_arguments(v, s->params[n])) {
            return false;
        }
    }
    return s == NULL || s->result == NULL || cil_verify_arguments(v, s->result);
}

/* The parent, interfaces and fields of the class around the method. */
static bool check_class(struct verifier *v)
{
    const struct cil_image *m = &v->a->image;
    if (v->c->is_constrained) {
        return true;
    }
    if (!cil_class_fields(v->c) ||
        (v->c->parent != NULL && !cil_verify_arguments(v, v->c->parent))) {
        return false;
    }
    for (uint32_t n = 0; n < v->c->field_count; n++) {
        if (!cil_verify_arguments(v, v->c->fields[n].type)) {
            return false;
        }
    }
    struct cil_run run = cil_find_rows(m, CIL_INTERFACE_IMPL, CIL_INTERFACE_IMPL_CLASS, v->c->row);
    for (uint32_t row = run.first; row < run.end; row++) {
        struct cil_type *t = cil_resolve_type(
            v->a, cil_cell_token(m, CIL_INTERFACE_IMPL, row, CIL_INTERFACE_IMPL_INTERFACE));
        if (t == NULL || !cil_verify_arguments(v, t)) {
            return false;
        }
    }
    v->c->is_constrained = true;
    return true;
}

/* Types in instructions are checked where an instruction names them (cil_verify_type()). Those that
 * code uses without naming them are here: parameters, result, local variables, parent, fields and
 * interfaces. A type that occurs in none of these cannot have a value in the method. */
bool cil_verify_signatures(struct verifier *v)
{
    v->at = 0;
    return check_class(v) && check_list(v, v->method->signature) && check_list(v, v->body.locals);
}
