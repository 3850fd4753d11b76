// SPDX-License-Identifier: MIT
//
// Domains and assemblies: adding one, its classes by name, its references to others.
#include "kernel/cil/front/domain_internal.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

#define FORWARDER 0x00200000 /* flag of an exported type: it is in another assembly */

/* Ownership: all structs are in the domain's arena, and nothing is freed before the domain. Names
 * are not copied: they point into the file of the assembly, which therefore must live as long, and
 * end inside its heap (rows.c has checked). So pointers to classes and assemblies remain valid, and
 * may be compared. An assembly that is refused stays in the arena, but nothing leads to it: it is
 * added to the list last. The limit of the arena is the limit for hostile files, of memory and so
 * of entries. */

struct cil_domain *cil_domain_new(size_t limit, struct budget *budget)
{
    struct arena arena;
    arena_init_paid(&arena, limit, budget);
    struct cil_domain *d = arena_alloc(&arena, sizeof *d);
    if (d != NULL) {
        d->arena = arena;
    }
    return d;
}

/* The arena contains the struct that describes it, so it is copied before it is freed. */
void cil_domain_free(struct cil_domain *d)
{
    if (d != NULL) {
        struct arena arena = d->arena;
        arena_free_all(&arena);
    }
}

/* The first failure is the one that people need: those after it mostly follow from it. */
bool cil_fail(struct cil_domain *d, const struct cil_assembly *a, uint32_t token, enum status s,
              const char *fmt, ...)
{
    char text[sizeof d->err.text];
    va_list args;
    if (d->status != OK) {
        return false;
    }
    va_start(args, fmt);
    (void)fmt_vprint(text, sizeof text, fmt, args);
    va_end(args);
    const char *name = a == NULL ? "types" : a->image.name;
    d->err = (struct cil_error){.token = token};
    d->status = token == 0 ? cil_complain(&d->err, s, name, "%s", text)
                           : cil_complain(&d->err, s, name, "token 0x%08x: %s", token, text);
    return false;
}

bool cil_domain_refuse(struct cil_domain *d, enum status s, const struct cil_error *err)
{
    if (d->status == OK) {
        d->status = s;
        d->err = *err;
    }
    return false;
}

void cil_domain_forgive(struct cil_domain *d)
{
    d->status = OK;
    d->err = (struct cil_error){.token = 0};
}

void *cil_alloc(struct cil_domain *d, uint64_t count, size_t size)
{
    uint64_t bytes;
    void *p = MUL_OVERFLOWS(count, size, &bytes) ? NULL : arena_alloc(&d->arena, MAX(bytes, 1u));
    if (p == NULL) {
        bool is_limit = bytes > d->arena.limit - d->arena.used;
        (void)cil_fail(d, NULL, 0, is_limit ? E_OVERFLOW : E_NOMEM,
                       "no memory left, with %zu bytes of %zu taken", d->arena.used,
                       d->arena.limit);
    }
    return p;
}

/* ---- Classes by name ---- */

/* An assembly has hundreds of classes, of which most programs use few: one is filled in when it is
 * first asked for. Those around it come with it, because callers follow `enclosing`. They are few,
 * which check_nesting() has made sure of. */
struct cil_class *cil_class_at(struct cil_assembly *a, uint32_t row)
{
    const struct cil_image *m = &a->image;
    struct cil_class *c = &a->classes[row - 1];
    while (row != 0 && a->classes[row - 1].assembly == NULL) {
        uint32_t outer = a->index->enclosing[row - 1];
        a->classes[row - 1] = (struct cil_class){
            .assembly = a,
            .row = row,
            .flags = cil_cell(m, CIL_TYPE_DEF, row, CIL_TYPE_DEF_FLAGS),
            .name = cil_cell_string(m, CIL_TYPE_DEF, row, CIL_TYPE_DEF_NAME),
            .space = cil_cell_string(m, CIL_TYPE_DEF, row, CIL_TYPE_DEF_NAMESPACE),
            .enclosing = outer == 0 ? NULL : &a->classes[outer - 1],
            .generic_count = a->index->generic_count[row - 1],
        };
        row = outer;
    }
    return c;
}

static struct cil_class *find_own(struct cil_assembly *a, const char *space, const char *name)
{
    uint32_t row = cil_index_find(a->index, space, name);
    return row == 0 ? NULL : cil_class_at(a, row);
}

/* The row of ExportedType with this name, not nested; 0: none. */
static uint32_t find_exported(const struct cil_image *m, const char *space, const char *name)
{
    for (uint32_t row = 1; row <= m->tables[CIL_EXPORTED_TYPE].count; row++) {
        uint32_t to = cil_cell_token(m, CIL_EXPORTED_TYPE, row, CIL_EXPORTED_TYPE_IMPLEMENTATION);
        if (CIL_TOKEN_TABLE(to) == CIL_ASSEMBLY_REF &&
            strcmp(cil_cell_string(m, CIL_EXPORTED_TYPE, row, CIL_EXPORTED_TYPE_NAME), name) == 0 &&
            strcmp(cil_cell_string(m, CIL_EXPORTED_TYPE, row, CIL_EXPORTED_TYPE_NAMESPACE),
                   space) == 0) {
            return row;
        }
    }
    return 0;
}

/* II.22.14: an exported type with an AssemblyRef is a forwarder. Forwarders may form a circle. A
 * class of the assembly itself comes first. The search among exported types is linear: it is done
 * once for each TypeRef, whose result class.c keeps. */
struct cil_class *cil_find_class(struct cil_assembly *a, const char *space, const char *name)
{
    for (unsigned hops = 0; hops <= CIL_FORWARDS_MAX; hops++) {
        struct cil_class *c = find_own(a, space, name);
        uint32_t row = c != NULL ? 0 : find_exported(&a->image, space, name);
        if (row == 0) {
            return c;
        }
        uint32_t to =
            cil_cell_token(&a->image, CIL_EXPORTED_TYPE, row, CIL_EXPORTED_TYPE_IMPLEMENTATION);
        struct cil_assembly *next = cil_reference(a, CIL_TOKEN_ROW(to));
        if (next == NULL) {
            return NULL;
        }
        a = next;
    }
    (void)cil_fail(a->domain, a, 0, E_LOOP, "type %s.%s is forwarded more than %u times", space,
                   name, CIL_FORWARDS_MAX);
    return NULL;
}

struct cil_class *cil_find_nested(struct cil_class *c, const char *name)
{
    const struct cil_image *m = &c->assembly->image;
    for (uint32_t row = 1; row <= m->tables[CIL_NESTED_CLASS].count; row++) {
        if (cil_cell(m, CIL_NESTED_CLASS, row, CIL_NESTED_CLASS_ENCLOSING) == c->row) {
            struct cil_class *inner = cil_class_at(
                c->assembly, cil_cell(m, CIL_NESTED_CLASS, row, CIL_NESTED_CLASS_NESTED));
            if (strcmp(inner->name, name) == 0) {
                return inner;
            }
        }
    }
    return NULL;
}

/* ---- References ---- */

/* A newer version of the referenced assembly will do, an older one will not. */
static bool is_new_enough(const struct cil_assembly *found, const struct cil_image *m, uint32_t row)
{
    for (unsigned n = 0; n < 4; n++) {
        uint32_t wanted = cil_cell(m, CIL_ASSEMBLY_REF, row, CIL_ASSEMBLY_REF_MAJOR + n);
        if (found->version[n] != wanted) {
            return found->version[n] > wanted;
        }
    }
    return true;
}

static struct cil_assembly *find_assembly(struct cil_domain *d, const char *name)
{
    struct cil_assembly *a = d->assemblies;
    while (a != NULL && strcmp(a->name, name) != 0) {
        a = a->next;
    }
    return a != NULL || d->find == NULL ? a : d->find(d, name, d->find_ctx);
}

/* Linked on first use, so that a program does not need assemblies of which it uses nothing. The
 * domain's `find` may add the assembly, which links nothing by itself: so assemblies that refer to
 * each other end in no recursion. A failure is not kept, but the first one remains recorded. */
struct cil_assembly *cil_reference(struct cil_assembly *a, uint32_t row)
{
    const struct cil_image *m = &a->image;
    const char *name = cil_cell_string(m, CIL_ASSEMBLY_REF, row, CIL_ASSEMBLY_REF_NAME);
    struct cil_assembly **slot = &a->references[row - 1];
    if (*slot != NULL) {
        return *slot;
    }
    struct cil_assembly *found = find_assembly(a->domain, name);
    uint32_t token = CIL_TOKEN(CIL_ASSEMBLY_REF, row);
    if (found == NULL) {
        (void)cil_fail(a->domain, a, token, E_UNRESOLVED, "assembly %s is not there", name);
        return NULL;
    }
    if (!is_new_enough(found, m, row)) {
        (void)cil_fail(a->domain, a, token, E_UNRESOLVED,
                       "assembly %s has version %u.%u.%u.%u, older than %u.%u.%u.%u", name,
                       found->version[0], found->version[1], found->version[2], found->version[3],
                       cil_cell(m, CIL_ASSEMBLY_REF, row, CIL_ASSEMBLY_REF_MAJOR),
                       cil_cell(m, CIL_ASSEMBLY_REF, row, CIL_ASSEMBLY_REF_MINOR),
                       cil_cell(m, CIL_ASSEMBLY_REF, row, CIL_ASSEMBLY_REF_BUILD),
                       cil_cell(m, CIL_ASSEMBLY_REF, row, CIL_ASSEMBLY_REF_REVISION));
        return NULL;
    }
    return *slot = found;
}

/* ---- Adding an assembly ---- */

static bool make_arrays(struct cil_assembly *a)
{
    struct cil_domain *d = a->domain;
    const struct cil_table *t = a->image.tables;
    a->classes = cil_alloc(d, t[CIL_TYPE_DEF].count, sizeof *a->classes);
    a->references = cil_alloc(d, t[CIL_ASSEMBLY_REF].count, sizeof *a->references);
    a->refs = cil_alloc(d, t[CIL_TYPE_REF].count, sizeof *a->refs);
    a->specs = cil_alloc(d, t[CIL_TYPE_SPEC].count, sizeof *a->specs);
    a->signatures = cil_alloc(d, t[CIL_METHOD_DEF].count, sizeof *a->signatures);
    a->methods = cil_alloc(d, t[CIL_METHOD_DEF].count, sizeof *a->methods);
    a->member_refs = cil_alloc(d, t[CIL_MEMBER_REF].count, sizeof *a->member_refs);
    a->method_specs = cil_alloc(d, t[CIL_METHOD_SPEC].count, sizeof *a->method_specs);
    return d->status == OK;
}

/* It is in the list only if nothing is wrong with it. The core library is the one whose
 * System.Object has no parent: another assembly may well have a class of that name. The first one
 * remains the core library, also if a later file has such a class: kinds of types and internal
 * calls depend on it. find_core() in run/session.c refuses a program that would become the core
 * library. The name is compared after the tables have been read, since it is in them. */
struct cil_assembly *cil_assembly_add_index(struct cil_domain *d, const struct cil_index *x)
{
    struct cil_assembly *a = cil_alloc(d, 1, sizeof *a);
    if (a == NULL) {
        return NULL;
    }
    a->domain = d;
    a->index = x;
    a->image = x->image;
    a->name = x->name;
    memcpy(a->version, x->version, sizeof a->version);
    if (!make_arrays(a)) {
        return NULL;
    }
    for (struct cil_assembly *other = d->assemblies; other != NULL; other = other->next) {
        if (strcmp(other->name, a->name) == 0) {
            (void)cil_fail(d, a, 0, E_EXIST, "assembly %s is loaded already", a->name);
            return NULL;
        }
    }
    uint32_t object = d->core != NULL ? 0 : cil_index_find(x, "System", "Object");
    if (object != 0 &&
        CIL_TOKEN_ROW(cil_cell_token(&a->image, CIL_TYPE_DEF, object, CIL_TYPE_DEF_EXTENDS)) == 0) {
        d->core = a;
    }
    a->next = d->assemblies;
    d->assemblies = a;
    return a;
}

struct cil_assembly *cil_assembly_add(struct cil_domain *d, const char *file_name,
                                      struct cil_bytes file)
{
    struct cil_index *x = cil_alloc(d, 1, sizeof *x);
    if (x == NULL) {
        return NULL;
    }
    struct cil_error err;
    enum status s = cil_index_make(file_name, file, &d->arena, x, &err);
    if (s != OK) {
        (void)cil_domain_refuse(d, s, &err);
        return NULL;
    }
    return cil_assembly_add_index(d, x);
}
