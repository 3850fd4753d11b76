// SPDX-License-Identifier: MIT
//
// Finds the method or field that a token names.
#include "kernel/cil/front/member.h"

#include "kernel/cil/front/domain_internal.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

size_t cil_method_text(char *out, size_t len, struct cil_assembly *a, uint32_t row)
{
    const char *name = cil_cell_string(&a->image, CIL_METHOD_DEF, row, CIL_METHOD_DEF_NAME);
    size_t n = 0;
    if (a->index->method_owner[row - 1] != 0) {
        n = cil_class_text(out, len, cil_class_at(a, a->index->method_owner[row - 1]));
    }
    size_t at = MIN(n, len);
    return n + fmt_print(out + at, len - at, "::%s", name);
}

/* ---- Definitions ---- */

/* A callee is made once for each row and kept in methods[], member_refs[] or method_specs[], so
 * that other code compares callees of one token by address. A failure is not kept: after
 * cil_domain_forgive() the row is resolved again. Inside its own class a method belongs to c->self,
 * the class over its own parameters; substitution by the real arguments is the unit's work. */

static const struct cil_callee *make_callee(struct cil_assembly *a, uint32_t row,
                                            struct cil_type *owner)
{
    struct cil_domain *d = a->domain;
    const struct cil_image *m = &a->image;
    const struct cil_signature *open = cil_method_signature(a, row);
    struct cil_callee *c = open == NULL ? NULL : cil_alloc(d, 1, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    *c = (struct cil_callee){
        .a = a,
        .row = row,
        .owner = owner,
        .name = cil_cell_string(m, CIL_METHOD_DEF, row, CIL_METHOD_DEF_NAME),
        .flags = (uint16_t)cil_cell(m, CIL_METHOD_DEF, row, CIL_METHOD_DEF_FLAGS),
        .impl_flags = (uint16_t)cil_cell(m, CIL_METHOD_DEF, row, CIL_METHOD_DEF_IMPL_FLAGS),
        .signature = cil_substitute_signature(d, open, owner, NULL, 0),
    };
    bool has_this = (open->convention & CIL_HAS_THIS) != 0;
    if (has_this == ((c->flags & CIL_METHOD_STATIC) != 0)) {
        (void)cil_fail(d, a, CIL_TOKEN(CIL_METHOD_DEF, row), E_CORRUPT,
                       "method %s: flags and signature disagree whether it is static", c->name);
        return NULL;
    }
    return c->signature == NULL ? NULL : c;
}

static const struct cil_callee *resolve_definition(struct cil_assembly *a, uint32_t row)
{
    if (a->methods[row - 1] == NULL) {
        uint32_t owner = a->index->method_owner[row - 1];
        if (owner == 0) {
            (void)cil_fail(a->domain, a, CIL_TOKEN(CIL_METHOD_DEF, row), E_CORRUPT,
                           "a method of no class");
            return NULL;
        }
        struct cil_class *c = cil_class_at(a, owner);
        a->methods[row - 1] = cil_class_open(c) ? make_callee(a, row, c->self) : NULL;
    }
    return a->methods[row - 1];
}

const struct cil_callee *cil_method_named(struct cil_class *c, const char *name, uint32_t *at)
{
    const struct cil_image *m = &c->assembly->image;
    struct cil_run run = cil_cell_run(m, CIL_TYPE_DEF, c->row, CIL_TYPE_DEF_METHODS);
    for (*at = MAX(*at, run.first); *at < run.end;) {
        uint32_t row = cil_run_row(m, CIL_METHOD_DEF, (*at)++);
        if (strcmp(cil_cell_string(m, CIL_METHOD_DEF, row, CIL_METHOD_DEF_NAME), name) == 0) {
            return cil_resolve_method(c->assembly, CIL_TOKEN(CIL_METHOD_DEF, row));
        }
    }
    return NULL;
}

/* ---- References ---- */

/* II.22.25: a MemberRef names a parent, a name and a signature. The signature is written with the
 * parameters of the parent's definition, not with its arguments: for List<int>.Add it is (!0). So
 * two walks over the ancestors run in step in find_callee() and resolve_other_field(). `open` is
 * each level over the parameters of the named definition, which is compared; `level` is the same
 * level with the arguments, which becomes the owner. Both lists have the same length, at most
 * CIL_ANCESTORS_MAX. A private member is found, too: whether code may use it is decided in
 * verify_access.c. */

struct cil_type *cil_type_parent(struct cil_domain *d, const struct cil_type *t)
{
    if (t->c == NULL || !cil_class_open(t->c) || t->c->parent == NULL) {
        return NULL;
    }
    return cil_substitute(d, t->c->parent, t, NULL, 0);
}

/* The search for an interface asks again and again, of every type and of each of its parents. */
bool cil_type_interfaces(struct cil_domain *d, struct cil_type *t)
{
    if (t->interfaces != NULL) {
        return true;
    }
    struct cil_assembly *a = t->c->assembly;
    struct cil_run run =
        cil_find_rows(&a->image, CIL_INTERFACE_IMPL, CIL_INTERFACE_IMPL_CLASS, t->c->row);
    struct cil_type **all =
        cil_alloc(d, (uint64_t)run.end - run.first + 1, sizeof(struct cil_type *));
    for (uint32_t row = run.first; all != NULL && row < run.end; row++) {
        struct cil_type *k = cil_resolve_type(
            a, cil_cell_token(&a->image, CIL_INTERFACE_IMPL, row, CIL_INTERFACE_IMPL_INTERFACE));
        k = k == NULL ? NULL : cil_substitute(d, k, t, NULL, 0);
        if (k == NULL) {
            return false;
        }
        all[row - run.first] = k;
    }
    t->interfaces = all;
    t->interface_count = run.end - run.first;
    return all != NULL;
}

static bool same_signature(const struct cil_signature *a, const struct cil_signature *b)
{
    if (a->convention != b->convention || a->generic_count != b->generic_count ||
        a->param_count != b->param_count || a->result != b->result) {
        return false;
    }
    for (uint32_t n = 0; n < a->param_count; n++) {
        if (a->params[n] != b->params[n]) {
            return false;
        }
    }
    return true;
}

/* A call with variable arguments names those, too: the definition has only the required ones. */
static bool matches(const struct cil_signature *wanted, const struct cil_signature *found)
{
    if ((wanted->convention & CIL_CONVENTION_MASK) != CIL_CONVENTION_VARARG) {
        return same_signature(wanted, found);
    }
    if (wanted->convention != found->convention || wanted->required != found->param_count ||
        wanted->result != found->result) {
        return false;
    }
    for (uint32_t n = 0; n < found->param_count; n++) {
        if (wanted->params[n] != found->params[n]) {
            return false;
        }
    }
    return true;
}

/* Does a method of a class have this signature? @param level The class as the named one inherits
 * it, over the named one's own variables: a reference's signature is written with them.
 * @return 0: none has; UINT32_MAX: an error is recorded. */
static uint32_t find_method(struct cil_domain *d, const struct cil_type *level, const char *name,
                            const struct cil_signature *wanted)
{
    struct cil_class *c = level->c;
    const struct cil_image *m = &c->assembly->image;
    struct cil_run run = cil_cell_run(m, CIL_TYPE_DEF, c->row, CIL_TYPE_DEF_METHODS);
    for (uint32_t at = run.first; at < run.end; at++) {
        uint32_t row = cil_run_row(m, CIL_METHOD_DEF, at);
        if (strcmp(cil_cell_string(m, CIL_METHOD_DEF, row, CIL_METHOD_DEF_NAME), name) != 0) {
            continue;
        }
        const struct cil_signature *found = cil_method_signature(c->assembly, row);
        if (found != NULL) {
            found = cil_substitute_signature(d, found, level, NULL, 0);
        }
        if (found == NULL) {
            return UINT32_MAX;
        }
        if (matches(wanted, found)) {
            return row;
        }
    }
    return 0;
}

/* What code may call of an array without a class for it: II.14.2. */
static const struct cil_callee *array_method(struct cil_assembly *a, struct cil_type *t,
                                             const char *name, const struct cil_signature *s)
{
    struct cil_callee *c = cil_alloc(a->domain, 1, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    s = cil_substitute_signature(a->domain, s, NULL, NULL, 0);
    *c = (struct cil_callee){.a = a, .owner = t, .name = name, .signature = s};
    return c;
}

static uint32_t array_rank(const struct cil_type *t)
{
    return t->kind == CIL_SZARRAY ? 1 : t->number;
}

/* Get, Set, Address and .ctor exist for each array type without any row in a table, so a reference
 * to one has the row 0. The signature in the file must be exactly right, because build_matrix.c
 * emits code for the array's rank and element without another look at it. */
static bool is_array_method(const struct cil_type *t, const char *name,
                            const struct cil_signature *s)
{
    uint32_t rank = array_rank(t), indices = s->param_count;
    bool is_set = strcmp(name, "Set") == 0, is_new = strcmp(name, ".ctor") == 0;
    if (is_set) {
        if (indices == 0 || s->params[--indices] != t->element) {
            return false;
        }
    }
    for (uint32_t n = 0; n < indices; n++) {
        if (s->params[n]->kind != CIL_I4) {
            return false;
        }
    }
    if (is_set || is_new) {
        bool has_bounds = is_new && t->kind == CIL_ARRAY && indices == 2 * rank;
        return s->result->kind == CIL_VOID && (indices == rank || has_bounds);
    }
    if (strcmp(name, "Address") == 0) {
        return cil_plain(s->result)->kind == CIL_BYREF &&
               cil_plain(s->result)->element == t->element && indices == rank;
    }
    return strcmp(name, "Get") == 0 && s->result == t->element && indices == rank;
}

static struct cil_type *member_parent(struct cil_assembly *a, uint32_t row)
{
    uint32_t parent = cil_cell_token(&a->image, CIL_MEMBER_REF, row, CIL_MEMBER_REF_CLASS);
    if (CIL_TOKEN_TABLE(parent) == CIL_METHOD_DEF) { /* of a call with variable arguments */
        uint32_t owner = a->index->method_owner[CIL_TOKEN_ROW(parent) - 1];
        parent = CIL_TOKEN(CIL_TYPE_DEF, owner);
    }
    if (CIL_TOKEN_TABLE(parent) == CIL_MODULE_REF) {
        (void)cil_fail(a->domain, a, CIL_TOKEN(CIL_MEMBER_REF, row), E_NOTSUP,
                       "a member of another module of the assembly");
        return NULL;
    }
    return cil_resolve_type(a, parent);
}

static bool fail_missing(struct cil_assembly *a, uint32_t row, const struct cil_type *parent,
                         const char *what)
{
    char name[160];
    (void)cil_type_text(name, sizeof name, parent);
    return cil_fail(a->domain, a, CIL_TOKEN(CIL_MEMBER_REF, row), E_UNRESOLVED,
                    "%s %s::%s is not there, or not with this type", what, name,
                    cil_cell_string(&a->image, CIL_MEMBER_REF, row, CIL_MEMBER_REF_NAME));
}

static const struct cil_callee *find_callee(struct cil_assembly *a, uint32_t row,
                                            struct cil_type *parent,
                                            const struct cil_signature *wanted)
{
    struct cil_domain *d = a->domain;
    const char *name = cil_cell_string(&a->image, CIL_MEMBER_REF, row, CIL_MEMBER_REF_NAME);
    struct cil_type *level = parent;
    if (parent->kind == CIL_ARRAY || parent->kind == CIL_SZARRAY) {
        if (is_array_method(parent, name, wanted)) {
            return array_method(a, parent, name, wanted);
        }
        struct cil_class *array =
            d->core == NULL ? NULL : cil_find_class(d->core, "System", "Array");
        level = array != NULL && cil_class_open(array) ? array->type : NULL;
    }
    const struct cil_type *open =
        level == NULL || level->c == NULL || !cil_class_open(level->c) ? NULL : level->c->self;
    for (; level != NULL && open != NULL;
         level = cil_type_parent(d, level), open = cil_type_parent(d, open)) {
        uint32_t found = find_method(d, open, name, wanted);
        if (found == UINT32_MAX) {
            return NULL;
        }
        if (found != 0) {
            return make_callee(level->c->assembly, found, level);
        }
        if (strcmp(name, ".ctor") == 0) {
            break; /* constructors are not inherited */
        }
    }
    (void)fail_missing(a, row, parent, "method");
    return NULL;
}

static const struct cil_callee *resolve_reference(struct cil_assembly *a, uint32_t row)
{
    if (a->member_refs[row - 1] != NULL) {
        return a->member_refs[row - 1];
    }
    struct cil_type *parent = member_parent(a, row);
    struct cil_bytes blob = cil_cell_blob(&a->image, CIL_MEMBER_REF, row, CIL_MEMBER_REF_SIGNATURE);
    const struct cil_signature *wanted =
        parent == NULL ? NULL : cil_decode_method(a, blob, CIL_TOKEN(CIL_MEMBER_REF, row));
    return wanted == NULL ? NULL : (a->member_refs[row - 1] = find_callee(a, row, parent, wanted));
}

/* A generic method with its arguments. */
static const struct cil_callee *resolve_spec(struct cil_assembly *a, uint32_t row)
{
    const struct cil_image *m = &a->image;
    if (a->method_specs[row - 1] != NULL) {
        return a->method_specs[row - 1];
    }
    uint32_t token = CIL_TOKEN(CIL_METHOD_SPEC, row);
    const struct cil_callee *open =
        cil_resolve_method(a, cil_cell_token(m, CIL_METHOD_SPEC, row, CIL_METHOD_SPEC_METHOD));
    const struct cil_signature *args =
        cil_decode_list(a, cil_cell_blob(m, CIL_METHOD_SPEC, row, CIL_METHOD_SPEC_INSTANTIATION),
                        token, CIL_CONVENTION_SPEC);
    struct cil_callee *c = open == NULL || args == NULL ? NULL : cil_alloc(a->domain, 1, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    if (open->row == 0 || args->param_count != open->signature->generic_count) {
        (void)cil_fail(a->domain, a, token, E_CORRUPT,
                       "method %s has %u type parameters and %u arguments", open->name,
                       open->signature->generic_count, args->param_count);
        return NULL;
    }
    for (uint32_t n = 0; n < args->param_count; n++) {
        if (cil_is_byref_like(cil_plain(args->params[n]))) {
            (void)cil_fail(a->domain, a, token, E_CORRUPT,
                           "a ref struct is no type argument of the method %s", open->name);
            return NULL;
        }
    }
    *c = *open;
    c->args = args->params;
    c->arg_count = args->param_count;
    /* Both at once: the owner's arguments may contain type parameters of the calling method. */
    c->signature = cil_substitute_signature(a->domain, cil_method_signature(open->a, open->row),
                                            open->owner, args->params, args->param_count);
    return c->signature == NULL ? NULL : (a->method_specs[row - 1] = c);
}

const struct cil_callee *cil_resolve_method(struct cil_assembly *a, uint32_t token)
{
    uint32_t row = CIL_TOKEN_ROW(token);
    unsigned table = cil_token_exists(&a->image, token) ? CIL_TOKEN_TABLE(token) : CIL_TABLES;
    switch (table) {
    case CIL_METHOD_DEF:
        return resolve_definition(a, row);
    case CIL_MEMBER_REF:
        return resolve_reference(a, row);
    case CIL_METHOD_SPEC:
        return resolve_spec(a, row);
    default:
        (void)cil_fail(a->domain, a, token, E_CORRUPT, "not the token of a method");
        return NULL;
    }
}

/* ---- Fields ---- */

static bool set_field(struct cil_domain *d, struct cil_type *owner, const struct cil_field *f,
                      struct cil_member_field *out)
{
    struct cil_type *t = cil_substitute(d, cil_plain(f->type), owner, NULL, 0);
    *out = (struct cil_member_field){f, owner, t};
    return t != NULL;
}

/* field_owner[] is filled from the runs of TypeDef when the assembly is added, so a row has at most
 * one owner. A row before the first run has none. */
static bool resolve_own_field(struct cil_assembly *a, uint32_t row, struct cil_member_field *out)
{
    uint32_t owner = a->index->field_owner[row - 1];
    struct cil_class *c = owner == 0 ? NULL : cil_class_at(a, owner);
    if (c == NULL) {
        return cil_fail(a->domain, a, CIL_TOKEN(CIL_FIELD, row), E_CORRUPT, "a field of no class");
    }
    if (!cil_class_fields(c)) {
        return false;
    }
    for (uint32_t n = 0; n < c->field_count; n++) {
        if (c->fields[n].row == row) {
            return set_field(a->domain, c->self, &c->fields[n], out);
        }
    }
    return false;
}

static bool resolve_other_field(struct cil_assembly *a, uint32_t row, struct cil_member_field *out)
{
    struct cil_domain *d = a->domain;
    struct cil_type *parent = member_parent(a, row);
    if (parent == NULL) {
        return false;
    }
    struct cil_type *wanted =
        cil_decode_field(a, cil_cell_blob(&a->image, CIL_MEMBER_REF, row, CIL_MEMBER_REF_SIGNATURE),
                         CIL_TOKEN(CIL_MEMBER_REF, row));
    const char *name = cil_cell_string(&a->image, CIL_MEMBER_REF, row, CIL_MEMBER_REF_NAME);
    const struct cil_type *open =
        parent->c == NULL || !cil_class_open(parent->c) ? NULL : parent->c->self;
    for (struct cil_type *level = parent; wanted != NULL && level != NULL && open != NULL;
         level = cil_type_parent(d, level), open = cil_type_parent(d, open)) {
        if (!cil_class_fields(level->c)) {
            return false;
        }
        for (uint32_t n = 0; n < level->c->field_count; n++) {
            const struct cil_field *f = &level->c->fields[n];
            struct cil_type *t = cil_substitute(d, f->type, open, NULL, 0);
            if (t == wanted && strcmp(f->name, name) == 0) {
                return set_field(d, level, f, out);
            }
        }
    }
    return wanted != NULL && fail_missing(a, row, parent, "field");
}

bool cil_resolve_field(struct cil_assembly *a, uint32_t token, struct cil_member_field *out)
{
    unsigned table = cil_token_exists(&a->image, token) ? CIL_TOKEN_TABLE(token) : CIL_TABLES;
    if (table == CIL_FIELD) {
        return resolve_own_field(a, CIL_TOKEN_ROW(token), out);
    }
    return table == CIL_MEMBER_REF
               ? resolve_other_field(a, CIL_TOKEN_ROW(token), out)
               : cil_fail(a->domain, a, token, E_CORRUPT, "not the token of a field");
}

/* ---- Delegates and enumerations ---- */

/* The runtime provides the methods of a delegate (II.14.6), so their shape is checked before
 * anything relies on it: build_delegate.c expects an object and a native integer in the
 * constructor, and calls Invoke with the signature that new_delegate() in verify_control.c has
 * compared. */

static bool is_delegate_constructor(const struct cil_signature *s)
{
    unsigned kind = s->param_count == 2 ? cil_plain(s->params[1])->kind : 0;
    return s->convention == CIL_HAS_THIS && s->result->kind == CIL_VOID &&
           (kind == CIL_I || kind == CIL_U) && cil_plain(s->params[0])->kind == CIL_OBJECT;
}

/* @return Which of the two methods this is: 0, 1; 2: another one; -1: an error is recorded, or
 * wrong. */
static int delegate_method(struct cil_assembly *a, uint32_t row)
{
    const struct cil_image *m = &a->image;
    const char *name = cil_cell_string(m, CIL_METHOD_DEF, row, CIL_METHOD_DEF_NAME);
    uint32_t impl = cil_cell(m, CIL_METHOD_DEF, row, CIL_METHOD_DEF_IMPL_FLAGS);
    uint32_t flags = cil_cell(m, CIL_METHOD_DEF, row, CIL_METHOD_DEF_FLAGS);
    const struct cil_signature *s = cil_method_signature(a, row);
    if (s == NULL || (flags & CIL_METHOD_STATIC) != 0 ||
        (impl & (CIL_IMPL_CODE_MASK | CIL_IMPL_INTERNAL_CALL)) != CIL_IMPL_RUNTIME) {
        return -1;
    }
    if (strcmp(name, ".ctor") == 0) {
        return is_delegate_constructor(s) ? 0 : -1;
    }
    if (strcmp(name, "Invoke") == 0) {
        return s->convention == CIL_HAS_THIS ? 1 : -1;
    }
    return strcmp(name, "BeginInvoke") == 0 || strcmp(name, "EndInvoke") == 0 ? 2 : -1;
}

/* A second Invoke could be called with other arguments than those that were compared when the
 * delegate was made. */
bool cil_delegate_check(struct cil_class *c)
{
    struct cil_assembly *a = c->assembly;
    struct cil_run run = cil_cell_run(&a->image, CIL_TYPE_DEF, c->row, CIL_TYPE_DEF_METHODS);
    uint32_t counts[3] = {0};
    for (uint32_t at = run.first; at < run.end; at++) {
        int which = delegate_method(a, cil_run_row(&a->image, CIL_METHOD_DEF, at));
        if (which < 0) {
            counts[0] = 0;
            break;
        }
        counts[which]++;
    }
    return (counts[0] == 1 && counts[1] == 1) ||
           cil_fail(a->domain, a, CIL_TOKEN(CIL_TYPE_DEF, c->row), E_CORRUPT,
                    "the delegate %s does not have one constructor, one Invoke and nothing else",
                    c->name);
}

const struct cil_callee *cil_delegate_invoke(struct cil_domain *d, struct cil_type *t)
{
    const struct cil_image *m = &t->c->assembly->image;
    struct cil_run run = cil_cell_run(m, CIL_TYPE_DEF, t->c->row, CIL_TYPE_DEF_METHODS);
    for (uint32_t at = run.first; at < run.end; at++) {
        uint32_t row = cil_run_row(m, CIL_METHOD_DEF, at);
        if (strcmp(cil_cell_string(m, CIL_METHOD_DEF, row, CIL_METHOD_DEF_NAME), "Invoke") == 0) {
            return make_callee(t->c->assembly, row, t);
        }
    }
    (void)cil_fail(d, t->c->assembly, CIL_TOKEN(CIL_TYPE_DEF, t->c->row), E_CORRUPT,
                   "the delegate %s has no method Invoke", t->c->name);
    return NULL;
}

/* II.14.3: an enumeration has one instance field, its integer. A file may have others: the first
 * field of an integer type counts, and without one the type is refused. So a number in build.c
 * never turns out to be a struct. */
struct cil_type *cil_underlying(struct cil_domain *d, struct cil_type *t)
{
    t = cil_plain(t);
    if (t->c == NULL || !cil_class_classify(t->c) || !t->c->is_enum) {
        return t;
    }
    if (!cil_class_fields(t->c)) {
        return NULL;
    }
    for (uint32_t n = 0; n < t->c->field_count; n++) {
        const struct cil_field *f = &t->c->fields[n];
        unsigned kind = cil_plain(f->type)->kind;
        if ((f->flags & CIL_FIELD_STATIC) == 0 &&
            ((kind >= CIL_BOOLEAN && kind <= CIL_U8) || kind == CIL_I || kind == CIL_U)) {
            return cil_plain(f->type);
        }
    }
    (void)cil_fail(d, t->c->assembly, CIL_TOKEN(CIL_TYPE_DEF, t->c->row), E_CORRUPT,
                   "the enumeration %s has no integer type", t->c->name);
    return NULL;
}
