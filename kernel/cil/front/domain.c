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

static uint32_t hash_text(uint32_t h, const char *s)
{
    for (; *s != '\0'; s++) {
        h = (h ^ (uint8_t)*s) * 16777619u;
    }
    return h;
}

static uint32_t hash_name(const char *space, const char *name)
{
    return hash_text(hash_text(2166136261u, space) ^ '.', name);
}

static struct cil_class *find_own(struct cil_assembly *a, const char *space, const char *name)
{
    struct cil_class *c = a->buckets[hash_name(space, name) & a->bucket_mask];
    while (c != NULL && (strcmp(c->name, name) != 0 || strcmp(c->space, space) != 0)) {
        c = c->next;
    }
    return c;
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

/* Which class a member belongs to. Two classes may not share one: a method has one `this`, and a
 * field one place. The runs of TypeDef do not overlap, but in a stream #- they are runs of a
 * pointer table (MethodPtr, FieldPtr), in which a row may be repeated. */
static bool claim_members(struct cil_assembly *a, uint32_t class_row, unsigned column,
                          unsigned target, uint32_t *owners)
{
    struct cil_run run = cil_cell_run(&a->image, CIL_TYPE_DEF, class_row, column);
    for (uint32_t at = run.first; at < run.end; at++) {
        uint32_t row = cil_run_row(&a->image, target, at);
        if (owners[row - 1] != 0) {
            return cil_fail(a->domain, a, CIL_TOKEN(target, row), E_CORRUPT,
                            "two types claim it: rows %u and %u of TypeDef", owners[row - 1],
                            class_row);
        }
        owners[row - 1] = class_row;
    }
    return true;
}

/* A class's own parameters come after those of the classes around it, which the table repeats. VAR
 * n in a signature is the parameter with the number n: the numbers must be 0, 1, 2 in the order of
 * the rows, and their count is the length of every list of arguments. */
static bool read_generic_count(struct cil_assembly *a, struct cil_class *c)
{
    uint32_t key =
        cil_coded(CIL_GENERIC_PARAM, CIL_GENERIC_PARAM_OWNER, CIL_TOKEN(CIL_TYPE_DEF, c->row));
    struct cil_run run = cil_find_rows(&a->image, CIL_GENERIC_PARAM, CIL_GENERIC_PARAM_OWNER, key);
    c->generic_count = run.end - run.first;
    if (c->generic_count > CIL_GENERIC_COUNT_MAX) {
        return cil_fail(a->domain, a, CIL_TOKEN(CIL_TYPE_DEF, c->row), E_OVERFLOW,
                        "%u type parameters", c->generic_count);
    }
    for (uint32_t n = 0; n < c->generic_count; n++) {
        if (cil_cell(&a->image, CIL_GENERIC_PARAM, run.first + n, CIL_GENERIC_PARAM_NUMBER) != n) {
            return cil_fail(a->domain, a, CIL_TOKEN(CIL_GENERIC_PARAM, run.first + n), E_CORRUPT,
                            "type parameters are not numbered in order");
        }
    }
    return true;
}

static bool read_class(struct cil_assembly *a, uint32_t row)
{
    const struct cil_image *m = &a->image;
    struct cil_class *c = &a->classes[row - 1];
    *c = (struct cil_class){
        .assembly = a,
        .row = row,
        .flags = cil_cell(m, CIL_TYPE_DEF, row, CIL_TYPE_DEF_FLAGS),
        .name = cil_cell_string(m, CIL_TYPE_DEF, row, CIL_TYPE_DEF_NAME),
        .space = cil_cell_string(m, CIL_TYPE_DEF, row, CIL_TYPE_DEF_NAMESPACE),
    };
    struct cil_run nested = cil_find_rows(m, CIL_NESTED_CLASS, CIL_NESTED_CLASS_NESTED, row);
    if (nested.first != nested.end) {
        c->enclosing =
            &a->classes[cil_cell(m, CIL_NESTED_CLASS, nested.first, CIL_NESTED_CLASS_ENCLOSING) -
                        1];
    } else if (find_own(a, c->space, c->name) != NULL) {
        return cil_fail(a->domain, a, CIL_TOKEN(CIL_TYPE_DEF, row), E_CORRUPT,
                        "type %s.%s is defined twice", c->space, c->name);
    } else {
        struct cil_class **bucket = &a->buckets[hash_name(c->space, c->name) & a->bucket_mask];
        c->next = *bucket;
        *bucket = c;
    }
    return read_generic_count(a, c) &&
           claim_members(a, row, CIL_TYPE_DEF_FIELDS, CIL_FIELD, a->field_owner) &&
           claim_members(a, row, CIL_TYPE_DEF_METHODS, CIL_METHOD_DEF, a->method_owner);
}

/* Later code follows `enclosing` without a limit. */
static bool check_nesting(struct cil_assembly *a)
{
    for (uint32_t row = 1; row <= a->image.tables[CIL_TYPE_DEF].count; row++) {
        unsigned depth = 0;
        for (struct cil_class *c = &a->classes[row - 1]; c != NULL; c = c->enclosing) {
            if (++depth > CIL_NESTED_MAX) {
                return cil_fail(a->domain, a, CIL_TOKEN(CIL_TYPE_DEF, row), E_CORRUPT,
                                "type %s is nested in a circle, or in more than %u types",
                                a->classes[row - 1].name, CIL_NESTED_MAX);
            }
        }
    }
    return true;
}

static bool read_classes(struct cil_assembly *a)
{
    struct cil_domain *d = a->domain;
    const struct cil_table *t = a->image.tables;
    uint32_t count = t[CIL_TYPE_DEF].count;
    a->bucket_mask = 15;
    while (a->bucket_mask < count) {
        a->bucket_mask = 2 * a->bucket_mask + 1;
    }
    a->buckets = cil_alloc(d, a->bucket_mask + 1, sizeof *a->buckets);
    a->classes = cil_alloc(d, count, sizeof *a->classes);
    a->references = cil_alloc(d, t[CIL_ASSEMBLY_REF].count, sizeof *a->references);
    a->refs = cil_alloc(d, t[CIL_TYPE_REF].count, sizeof *a->refs);
    a->specs = cil_alloc(d, t[CIL_TYPE_SPEC].count, sizeof *a->specs);
    a->field_owner = cil_alloc(d, t[CIL_FIELD].count, sizeof *a->field_owner);
    a->method_owner = cil_alloc(d, t[CIL_METHOD_DEF].count, sizeof *a->method_owner);
    a->signatures = cil_alloc(d, t[CIL_METHOD_DEF].count, sizeof *a->signatures);
    a->methods = cil_alloc(d, t[CIL_METHOD_DEF].count, sizeof *a->methods);
    a->member_refs = cil_alloc(d, t[CIL_MEMBER_REF].count, sizeof *a->member_refs);
    a->method_specs = cil_alloc(d, t[CIL_METHOD_SPEC].count, sizeof *a->method_specs);
    if (d->status != OK) {
        return false;
    }
    for (uint32_t row = 1; row <= count; row++) {
        if (!read_class(a, row)) {
            return false;
        }
    }
    return check_nesting(a);
}

/* A module without a row of Assembly (II.22.2) has the file's name, and version 0. */
static void read_identity(struct cil_assembly *a)
{
    const struct cil_image *m = &a->image;
    a->name = m->name;
    if (m->tables[CIL_ASSEMBLY].count == 1) {
        a->name = cil_cell_string(m, CIL_ASSEMBLY, 1, CIL_ASSEMBLY_NAME);
        for (unsigned n = 0; n < 4; n++) {
            a->version[n] = (uint16_t)cil_cell(m, CIL_ASSEMBLY, 1, CIL_ASSEMBLY_MAJOR + n);
        }
    }
}

/* It is in the list only if nothing is wrong with it. The core library is the one whose
 * System.Object has no parent: another assembly may well have a class of that name. The first one
 * remains the core library, also if a later file has such a class: kinds of types and internal
 * calls depend on it. find_core() in run/session.c refuses a program that would become the core
 * library. The name is compared after the tables have been read, since it is in them. */
struct cil_assembly *cil_assembly_add(struct cil_domain *d, const char *file_name,
                                      struct cil_bytes file)
{
    struct cil_assembly *a = cil_alloc(d, 1, sizeof *a);
    if (a == NULL) {
        return NULL;
    }
    struct cil_error err;
    enum status s = cil_image_load(file_name, file, &a->image, &err);
    if (s != OK) {
        if (d->status == OK) {
            d->status = s;
            d->err = err;
        }
        return NULL;
    }
    a->domain = d;
    read_identity(a);
    if (!read_classes(a)) {
        return NULL;
    }
    for (struct cil_assembly *other = d->assemblies; other != NULL; other = other->next) {
        if (strcmp(other->name, a->name) == 0) {
            (void)cil_fail(d, a, 0, E_EXIST, "assembly %s is loaded already", a->name);
            return NULL;
        }
    }
    struct cil_class *object = find_own(a, "System", "Object");
    if (object != NULL && d->core == NULL &&
        CIL_TOKEN_ROW(cil_cell_token(&a->image, CIL_TYPE_DEF, object->row, CIL_TYPE_DEF_EXTENDS)) ==
            0) {
        d->core = a;
    }
    a->next = d->assemblies;
    d->assemblies = a;
    return a;
}

struct cil_class *cil_class_at(struct cil_assembly *a, uint32_t row)
{
    return &a->classes[row - 1];
}
