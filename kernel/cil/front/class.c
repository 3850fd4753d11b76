// SPDX-License-Identifier: MIT
//
// Classes: resolving tokens to them, what kind each is, its parent and its fields.
#include "kernel/cil/front/domain_internal.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

/* A class becomes known in three steps. cil_class_classify() finds its kind, for which the name of
 * its parent is enough. cil_class_open() resolves its ancestors, and cil_class_fields() the types
 * of its fields; the classes of these types need only be classified. Signatures need only the first
 * step. So classes that refer to each other in a circle do not lead to recursion, and a class may
 * be named before it is complete. Circles that have no meaning, such as a struct that contains
 * itself, are found by layout.c. Each step is done once: the last part of its result (self,
 * is_open, fields) is the sign that it is complete. After a failure the next caller fails again in
 * the same way. */

static const struct {
    const char *name;
    uint8_t kind;
} core_types[] = {
    {"Void", CIL_VOID}, {"Boolean", CIL_BOOLEAN}, {"Char", CIL_CHAR},
    {"SByte", CIL_I1},  {"Byte", CIL_U1},         {"Int16", CIL_I2},
    {"UInt16", CIL_U2}, {"Int32", CIL_I4},        {"UInt32", CIL_U4},
    {"Int64", CIL_I8},  {"UInt64", CIL_U8},       {"Single", CIL_R4},
    {"Double", CIL_R8}, {"String", CIL_STRING},   {"TypedReference", CIL_TYPEDBYREF},
    {"IntPtr", CIL_I},  {"UIntPtr", CIL_U},       {"Object", CIL_OBJECT},
};

bool cil_is_core_class(const struct cil_class *c, const char *name)
{
    return c->assembly == c->assembly->domain->core && c->enclosing == NULL &&
           strcmp(c->name, name) == 0 && strcmp(c->space, "System") == 0;
}

struct cil_type *cil_primitive(struct cil_domain *d, unsigned kind)
{
    if (d->primitives[kind] != NULL) {
        return d->primitives[kind];
    }
    const char *name = "?";
    for (size_t n = 0; n < ARRAY_COUNT(core_types); n++) {
        name = core_types[n].kind == kind ? core_types[n].name : name;
    }
    if (d->core == NULL) {
        (void)cil_fail(d, NULL, 0, E_UNRESOLVED, "no assembly defines System.Object, System.%s",
                       name);
        return NULL;
    }
    struct cil_class *c = cil_find_class(d->core, "System", name);
    if (c == NULL) {
        (void)cil_fail(d, d->core, 0, E_UNRESOLVED, "type System.%s is not there", name);
        return NULL;
    }
    return cil_class_classify(c) ? d->primitives[kind] = c->type : NULL;
}

/* ---- Tokens ---- */

/* Find a class where its row of TypeRef says: in another assembly, in this one, or in a class
 * (II.22.38). A scope that is null means this assembly here; the standard would look into
 * ExportedType, which cil_find_class() does as well. The rows of nested classes may form a circle
 * in the file, so the depth is limited. */
static struct cil_class *find_in_scope(struct cil_assembly *a, uint32_t scope, const char *space,
                                       const char *name, uint32_t token, unsigned depth)
{
    struct cil_assembly *home = a;
    switch (CIL_TOKEN_ROW(scope) == 0 ? CIL_MODULE : CIL_TOKEN_TABLE(scope)) {
    case CIL_ASSEMBLY_REF:
        home = cil_reference(a, CIL_TOKEN_ROW(scope));
        return home == NULL ? NULL : cil_find_class(home, space, name);
    case CIL_MODULE:
        return cil_find_class(a, space, name);
    case CIL_TYPE_REF: {
        if (depth >= CIL_NESTED_MAX) {
            (void)cil_fail(a->domain, a, token, E_CORRUPT, "type %s is nested in a circle", name);
            return NULL;
        }
        const struct cil_image *m = &a->image;
        uint32_t row = CIL_TOKEN_ROW(scope);
        struct cil_class *outer = find_in_scope(
            a, cil_cell_token(m, CIL_TYPE_REF, row, CIL_TYPE_REF_SCOPE),
            cil_cell_string(m, CIL_TYPE_REF, row, CIL_TYPE_REF_NAMESPACE),
            cil_cell_string(m, CIL_TYPE_REF, row, CIL_TYPE_REF_NAME), scope, depth + 1);
        return outer == NULL ? NULL : cil_find_nested(outer, name);
    }
    default:
        (void)cil_fail(a->domain, a, token, E_NOTSUP,
                       "type %s.%s is in another module of the assembly", space, name);
        return NULL;
    }
}

/* II.22.38. The message names the assembly that was searched, which is where people look next. */
static struct cil_class *resolve_reference(struct cil_assembly *a, uint32_t row)
{
    const struct cil_image *m = &a->image;
    const char *name = cil_cell_string(m, CIL_TYPE_REF, row, CIL_TYPE_REF_NAME);
    const char *space = cil_cell_string(m, CIL_TYPE_REF, row, CIL_TYPE_REF_NAMESPACE);
    uint32_t scope = cil_cell_token(m, CIL_TYPE_REF, row, CIL_TYPE_REF_SCOPE);
    uint32_t token = CIL_TOKEN(CIL_TYPE_REF, row);
    struct cil_class *c = find_in_scope(a, scope, space, name, token, 0);
    if (c == NULL) {
        const char *where =
            CIL_TOKEN_TABLE(scope) == CIL_ASSEMBLY_REF && CIL_TOKEN_ROW(scope) != 0
                ? cil_cell_string(m, CIL_ASSEMBLY_REF, CIL_TOKEN_ROW(scope), CIL_ASSEMBLY_REF_NAME)
                : a->name;
        (void)cil_fail(a->domain, a, token, E_UNRESOLVED, "type [%s]%s%s%s is not there", where,
                       space, *space == '\0' ? "" : ".", name);
    }
    return c;
}

struct cil_class *cil_resolve_class(struct cil_assembly *a, uint32_t token)
{
    if (!cil_token_exists(&a->image, token)) {
        (void)cil_fail(a->domain, a, token, E_CORRUPT, "there is no such row");
        return NULL;
    }
    switch (CIL_TOKEN_TABLE(token)) {
    case CIL_TYPE_DEF:
        return cil_class_at(a, CIL_TOKEN_ROW(token));
    case CIL_TYPE_REF:
        return resolve_reference(a, CIL_TOKEN_ROW(token));
    default:
        (void)cil_fail(a->domain, a, token, E_CORRUPT, "not the token of a class");
        return NULL;
    }
}

/* TypeSpecs and TypeRefs are resolved once: signatures name the same ones very often. Only
 * successes are kept. The caches are by row - 1, and cil_token_exists() comes before each access to
 * them: tokens in code and in signatures are foreign numbers. */
struct cil_type *cil_resolve_type(struct cil_assembly *a, uint32_t token)
{
    uint32_t row = CIL_TOKEN_ROW(token);
    if (CIL_TOKEN_TABLE(token) == CIL_TYPE_SPEC && cil_token_exists(&a->image, token)) {
        struct cil_type **spec = &a->specs[row - 1];
        if (*spec == NULL) {
            *spec = cil_decode_spec(
                a, cil_cell_blob(&a->image, CIL_TYPE_SPEC, row, CIL_TYPE_SPEC_SIGNATURE), token);
        }
        return *spec;
    }
    bool is_ref = CIL_TOKEN_TABLE(token) == CIL_TYPE_REF && cil_token_exists(&a->image, token);
    if (is_ref && a->refs[row - 1] != NULL) {
        return a->refs[row - 1];
    }
    struct cil_class *c = cil_resolve_class(a, token);
    if (c == NULL || !cil_class_classify(c)) {
        return NULL;
    }
    if (is_ref) {
        a->refs[row - 1] = c->type;
    }
    return c->type;
}

/* ---- Kind and parent ---- */

/* The kind decides how values are represented. The core library's own types have the kinds that
 * signatures abbreviate. */
static unsigned kind_of(const struct cil_class *c)
{
    for (size_t n = 0; n < ARRAY_COUNT(core_types); n++) {
        if (cil_is_core_class(c, core_types[n].name)) {
            return core_types[n].kind;
        }
    }
    return c->is_value_type ? CIL_VALUETYPE : CIL_CLASS;
}

/* Compilers mark ref structs with an attribute. The core library's older ones have none. */
static bool is_byref_like(const struct cil_class *c)
{
    uint32_t row = 0;
    return cil_is_core_class(c, "TypedReference") || cil_is_core_class(c, "ArgIterator") ||
           cil_is_core_class(c, "RuntimeArgumentHandle") ||
           cil_next_attribute(c->assembly, CIL_TOKEN(CIL_TYPE_DEF, c->row),
                              "System.Runtime.CompilerServices", "IsByRefLikeAttribute", &row);
}

/* A class derives from one of three classes of the core library, or it is like any other. Enum
 * itself derives from ValueType, but its values are objects. Only the core library's classes count:
 * one of the same name in another assembly is an ordinary class. */
static void classify(struct cil_class *c, const struct cil_class *parent)
{
    c->is_interface = (c->flags & CIL_TYPE_INTERFACE) != 0;
    if (parent == NULL) {
        return;
    }
    c->is_enum = cil_is_core_class(parent, "Enum");
    c->is_value_type =
        c->is_enum || (cil_is_core_class(parent, "ValueType") && !cil_is_core_class(c, "Enum"));
    c->is_delegate = cil_is_core_class(parent, "MulticastDelegate");
    c->is_byref_like = c->is_value_type && is_byref_like(c);
}

/* Inside of List<T>, `this` is a List<T> with the class's own parameter, which is another type than
 * the definition. */
static bool make_self(struct cil_domain *d, struct cil_class *c)
{
    c->self = c->type;
    if (c->generic_count == 0) {
        return true;
    }
    struct cil_type **args = cil_alloc(d, c->generic_count, sizeof(struct cil_type *));
    for (uint32_t n = 0; args != NULL && n < c->generic_count; n++) {
        args[n] = cil_type_variable(d, CIL_VAR, n);
        if (args[n] == NULL) {
            return false;
        }
    }
    c->self = args == NULL ? NULL : cil_type_instance(d, c, args);
    return c->self != NULL;
}

static bool check_parent(const struct cil_class *c, const struct cil_type *t)
{
    struct cil_domain *d = c->assembly->domain;
    uint32_t token = CIL_TOKEN(CIL_TYPE_DEF, c->row);
    if (t->kind != CIL_CLASS && t->kind != CIL_OBJECT && t->kind != CIL_GENERICINST) {
        return cil_fail(d, c->assembly, token, E_CORRUPT, "the parent of %s.%s is no class",
                        c->space, c->name);
    }
    if (t->c->is_value_type || t->c->is_interface) {
        return cil_fail(d, c->assembly, token, E_CORRUPT,
                        "the parent of %s.%s is a value type or an interface", c->space, c->name);
    }
    return t->kind == CIL_GENERICINST || t->c->generic_count == 0 ||
           cil_fail(d, c->assembly, token, E_CORRUPT, "the parent of %s.%s has no type arguments",
                    c->space, c->name);
}

/* Not recursive: the class that `extends` names need not have a parent yet. A parent that is an
 * instantiation (TypeSpec) is not resolved here, because it makes no difference: none of the
 * classes that classify() looks for is generic. `self` is set last, and says that all this is
 * there. */
bool cil_class_classify(struct cil_class *c)
{
    struct cil_assembly *a = c->assembly;
    struct cil_class *parent = NULL;
    if (c->self != NULL) {
        return true;
    }
    uint32_t extends = cil_cell_token(&a->image, CIL_TYPE_DEF, c->row, CIL_TYPE_DEF_EXTENDS);
    if (CIL_TOKEN_ROW(extends) != 0 && CIL_TOKEN_TABLE(extends) != CIL_TYPE_SPEC) {
        parent = cil_resolve_class(a, extends);
        if (parent == NULL) {
            return false;
        }
    }
    classify(c, parent);
    c->type = cil_type_class(a->domain, kind_of(c), c);
    return c->type != NULL && make_self(a->domain, c);
}

/* In a step after the class's kind is known, because a parent may be an instantiation over this
 * very class: class C : Base<C>. */
static bool resolve_parent(struct cil_class *c)
{
    struct cil_assembly *a = c->assembly;
    if (!cil_class_classify(c)) {
        return false;
    }
    uint32_t extends = cil_cell_token(&a->image, CIL_TYPE_DEF, c->row, CIL_TYPE_DEF_EXTENDS);
    if (c->parent != NULL || CIL_TOKEN_ROW(extends) == 0) {
        return true;
    }
    struct cil_type *parent = cil_resolve_type(a, extends);
    if (parent == NULL || !check_parent(c, parent)) {
        return false;
    }
    c->parent = parent;
    return true;
}

/* A loop, not recursion: a file may claim 60,000 ancestors. Circles end at the limit. It bounds,
 * too, every later walk over parents: those need no check of their own. A delegate is checked here
 * because its calls have no code that could be verified. */
bool cil_class_open(struct cil_class *c)
{
    uint32_t steps = 0;
    for (struct cil_class *k = c; !c->is_open && k != NULL;
         k = k->parent == NULL ? NULL : k->parent->c) {
        if (!resolve_parent(k)) {
            return false;
        }
        if (++steps > CIL_ANCESTORS_MAX) {
            return cil_fail(c->assembly->domain, c->assembly, CIL_TOKEN(CIL_TYPE_DEF, c->row),
                            E_CORRUPT, "type %s.%s is its own ancestor, or has more than %u",
                            c->space, c->name, CIL_ANCESTORS_MAX);
        }
    }
    if (!c->is_open && c->is_delegate && !cil_delegate_check(c)) {
        return false;
    }
    c->is_open = true;
    return true;
}

/* ---- Fields ---- */

/* Objects and static fields outlive the frames that a ref struct may point to. A typed reference is
 * no field at all (II.14.4.2): so no layout has an address among its references. */
static bool check_field(const struct cil_class *c, const struct cil_field *f)
{
    if (!cil_is_byref_like(cil_plain(f->type)) ||
        (c->is_byref_like && (f->flags & CIL_FIELD_STATIC) == 0 &&
         cil_plain(f->type)->kind != CIL_TYPEDBYREF)) {
        return true;
    }
    return cil_fail(c->assembly->domain, c->assembly, CIL_TOKEN(CIL_FIELD, f->row), E_CORRUPT,
                    "the field %s of %s.%s would keep a ref struct", f->name, c->space, c->name);
}

static bool read_field(struct cil_class *c, uint32_t row, struct cil_field *f)
{
    struct cil_assembly *a = c->assembly;
    const struct cil_image *m = &a->image;
    *f = (struct cil_field){
        .row = row,
        .owner = c,
        .flags = (uint16_t)cil_cell(m, CIL_FIELD, row, CIL_FIELD_FLAGS),
        .name = cil_cell_string(m, CIL_FIELD, row, CIL_FIELD_NAME),
        .type = cil_decode_field(a, cil_cell_blob(m, CIL_FIELD, row, CIL_FIELD_SIGNATURE),
                                 CIL_TOKEN(CIL_FIELD, row)),
    };
    return f->type != NULL && check_field(c, f);
}

bool cil_class_fields(struct cil_class *c)
{
    if (!cil_class_open(c)) {
        return false;
    }
    if (c->fields != NULL) {
        return true;
    }
    struct cil_run run =
        cil_cell_run(&c->assembly->image, CIL_TYPE_DEF, c->row, CIL_TYPE_DEF_FIELDS);
    uint32_t count = run.end - run.first;
    struct cil_field *fields = cil_alloc(c->assembly->domain, count, sizeof *fields);
    for (uint32_t n = 0; fields != NULL && n < count; n++) {
        if (!read_field(c, cil_run_row(&c->assembly->image, CIL_FIELD, run.first + n),
                        &fields[n])) {
            return false;
        }
    }
    c->fields = fields;
    c->field_count = count;
    return fields != NULL;
}

/* ---- Names ---- */

struct text {
    char *out;
    size_t len, need;
    bool is_dotnet; /* arguments in square brackets, and "+" before a nested class */
};

/* As fmt_print(): what does not fit is counted. */
static void add(struct text *t, const char *s)
{
    size_t at = MIN(t->need, t->len);
    t->need += fmt_print(t->out + at, t->len - at, "%s", s);
}

static void add_class(struct text *t, const struct cil_class *c)
{
    const struct cil_class *chain[CIL_NESTED_MAX];
    unsigned depth = 0;
    for (; c != NULL && depth < CIL_NESTED_MAX; c = c->enclosing) {
        chain[depth++] = c;
    }
    while (depth-- > 0) {
        add(t, chain[depth]->space);
        add(t, chain[depth]->space[0] == '\0' ? "" : ".");
        add(t, chain[depth]->name);
        add(t, depth == 0 ? "" : t->is_dotnet ? "+" : "/");
    }
}

static void add_type(struct text *t, const struct cil_type *type);

static void add_list(struct text *t, struct cil_type *const *types, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        add(t, n == 0 ? "" : ",");
        add_type(t, types[n]);
    }
}

static void add_number(struct text *t, const char *prefix, uint32_t number)
{
    char digits[16];
    (void)fmt_print(digits, sizeof digits, "%s%u", prefix, number);
    add(t, digits);
}

static void add_array(struct text *t, const struct cil_type *type)
{
    add_type(t, type->element);
    add(t, type->number == 1 ? "[*" : "["); /* unlike CIL_SZARRAY */
    for (uint32_t n = 1; n < type->number; n++) {
        add(t, ",");
    }
    add(t, "]");
}

/* Recursion ends at the depth of the type. */
static void add_type(struct text *t, const struct cil_type *type)
{
    switch (type->kind) {
    case CIL_VAR:
    case CIL_MVAR:
        add_number(t, type->kind == CIL_VAR ? "!" : "!!", type->number);
        break;
    case CIL_PTR:
    case CIL_BYREF:
        add_type(t, type->element);
        add(t, type->kind == CIL_PTR ? "*" : "&");
        break;
    case CIL_SZARRAY:
        add_type(t, type->element);
        add(t, "[]");
        break;
    case CIL_ARRAY:
        add_array(t, type);
        break;
    case CIL_MODREQ:
    case CIL_MODOPT:
        add_type(t, type->element);
        break;
    case CIL_FNPTR:
        add(t, "method ");
        add_type(t, type->signature->result);
        add(t, " *(");
        add_list(t, type->signature->params, type->signature->param_count);
        add(t, ")");
        break;
    default:
        add_class(t, type->c);
        if (type->kind == CIL_GENERICINST) {
            add(t, t->is_dotnet ? "[" : "<");
            add_list(t, type->args, type->number);
            add(t, t->is_dotnet ? "]" : ">");
        }
    }
}

size_t cil_type_text(char *out, size_t len, const struct cil_type *t)
{
    struct text text = {.out = out, .len = len};
    add_type(&text, t);
    return text.need;
}

size_t cil_type_dotnet_text(char *out, size_t len, const struct cil_type *t)
{
    struct text text = {.out = out, .len = len, .is_dotnet = true};
    add_type(&text, t);
    return text.need;
}

size_t cil_class_text(char *out, size_t len, const struct cil_class *c)
{
    struct text text = {.out = out, .len = len};
    add_class(&text, c);
    return text.need;
}
