// SPDX-License-Identifier: MIT
//
// Makes the index of an assembly.
#include "kernel/cil/front/index.h"

#include "kernel/cil/front/domain.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

struct maker {
    struct cil_index *x;
    struct arena *arena;
    struct cil_error *err;
    enum status status;
};

/* Record why the file is refused. @return false. */
PRINTF_LIKE(4, 5)
static bool refuse(struct maker *m, uint32_t token, enum status s, const char *fmt, ...)
{
    char text[sizeof m->err->text];
    va_list args;
    va_start(args, fmt);
    (void)fmt_vprint(text, sizeof text, fmt, args);
    va_end(args);
    *m->err = (struct cil_error){.token = token};
    m->status = cil_complain(m->err, s, m->x->image.name, "token 0x%08x: %s", token, text);
    return false;
}

static void *allocate(struct maker *m, uint64_t count, size_t size)
{
    uint64_t bytes = MAX(count * size, UINT64_C(1)); /* a table has at most 2^24 rows */
    void *p = arena_alloc(m->arena, bytes);
    if (p == NULL) {
        bool is_limit = bytes > m->arena->limit - m->arena->used;
        m->status = cil_complain(m->err, is_limit ? E_OVERFLOW : E_NOMEM, m->x->image.name,
                                 "no memory left, with %zu bytes of %zu taken", m->arena->used,
                                 m->arena->limit);
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

static uint32_t bucket_of(const struct cil_index *x, const char *space, const char *name)
{
    return hash_text(hash_text(2166136261u, space) ^ '.', name) & x->bucket_mask;
}

static const char *name_of(const struct cil_index *x, uint32_t row)
{
    return cil_cell_string(&x->image, CIL_TYPE_DEF, row, CIL_TYPE_DEF_NAME);
}

static const char *space_of(const struct cil_index *x, uint32_t row)
{
    return cil_cell_string(&x->image, CIL_TYPE_DEF, row, CIL_TYPE_DEF_NAMESPACE);
}

uint32_t cil_index_find(const struct cil_index *x, const char *space, const char *name)
{
    uint32_t row = x->buckets[bucket_of(x, space, name)];
    while (row != 0 &&
           (strcmp(name_of(x, row), name) != 0 || strcmp(space_of(x, row), space) != 0)) {
        row = x->next[row - 1];
    }
    return row;
}

/* ---- Making ---- */

/* Which class a member belongs to. Two classes may not share one: a method has one `this`, and a
 * field one place. The runs of TypeDef do not overlap, but in a stream #- they are runs of a
 * pointer table (MethodPtr, FieldPtr), in which a row may be repeated. */
static bool claim_members(struct maker *m, uint32_t class_row, unsigned column, unsigned target,
                          uint32_t *owners)
{
    const struct cil_image *image = &m->x->image;
    struct cil_run run = cil_cell_run(image, CIL_TYPE_DEF, class_row, column);
    for (uint32_t at = run.first; at < run.end; at++) {
        uint32_t row = cil_run_row(image, target, at);
        if (owners[row - 1] != 0) {
            return refuse(m, CIL_TOKEN(target, row), E_CORRUPT,
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
static bool read_generic_count(struct maker *m, uint32_t row)
{
    const struct cil_image *image = &m->x->image;
    uint32_t token = CIL_TOKEN(CIL_TYPE_DEF, row);
    struct cil_run run =
        cil_find_rows(image, CIL_GENERIC_PARAM, CIL_GENERIC_PARAM_OWNER,
                      cil_coded(CIL_GENERIC_PARAM, CIL_GENERIC_PARAM_OWNER, token));
    uint32_t count = run.end - run.first;
    if (count > CIL_GENERIC_COUNT_MAX) {
        return refuse(m, token, E_OVERFLOW, "%u type parameters", count);
    }
    for (uint32_t n = 0; n < count; n++) {
        if (cil_cell(image, CIL_GENERIC_PARAM, run.first + n, CIL_GENERIC_PARAM_NUMBER) != n) {
            return refuse(m, CIL_TOKEN(CIL_GENERIC_PARAM, run.first + n), E_CORRUPT,
                          "type parameters are not numbered in order");
        }
    }
    m->x->generic_count[row - 1] = (uint16_t)count;
    return true;
}

static bool read_class(struct maker *m, uint32_t row)
{
    struct cil_index *x = m->x;
    struct cil_run nested =
        cil_find_rows(&x->image, CIL_NESTED_CLASS, CIL_NESTED_CLASS_NESTED, row);
    if (nested.first != nested.end) {
        x->enclosing[row - 1] =
            cil_cell(&x->image, CIL_NESTED_CLASS, nested.first, CIL_NESTED_CLASS_ENCLOSING);
    } else {
        const char *space = space_of(x, row), *name = name_of(x, row);
        if (cil_index_find(x, space, name) != 0) {
            return refuse(m, CIL_TOKEN(CIL_TYPE_DEF, row), E_CORRUPT, "type %s.%s is defined twice",
                          space, name);
        }
        uint32_t *bucket = &x->buckets[bucket_of(x, space, name)];
        x->next[row - 1] = *bucket;
        *bucket = row;
    }
    return read_generic_count(m, row) &&
           claim_members(m, row, CIL_TYPE_DEF_FIELDS, CIL_FIELD, x->field_owner) &&
           claim_members(m, row, CIL_TYPE_DEF_METHODS, CIL_METHOD_DEF, x->method_owner);
}

/* Later code follows `enclosing` without a limit. */
static bool check_nesting(struct maker *m, uint32_t count)
{
    for (uint32_t row = 1; row <= count; row++) {
        unsigned depth = 0;
        for (uint32_t at = row; at != 0; at = m->x->enclosing[at - 1]) {
            if (++depth > CIL_NESTED_MAX) {
                return refuse(m, CIL_TOKEN(CIL_TYPE_DEF, row), E_CORRUPT,
                              "type %s is nested in a circle, or in more than %u types",
                              name_of(m->x, row), CIL_NESTED_MAX);
            }
        }
    }
    return true;
}

/* A module without a row of Assembly (II.22.2) has the file's name, and version 0. */
static void read_identity(struct cil_index *x)
{
    x->name = x->image.name;
    memset(x->version, 0, sizeof x->version);
    if (x->image.tables[CIL_ASSEMBLY].count == 1) {
        x->name = cil_cell_string(&x->image, CIL_ASSEMBLY, 1, CIL_ASSEMBLY_NAME);
        for (unsigned n = 0; n < 4; n++) {
            x->version[n] = (uint16_t)cil_cell(&x->image, CIL_ASSEMBLY, 1, CIL_ASSEMBLY_MAJOR + n);
        }
    }
}

static bool make_arrays(struct maker *m)
{
    struct cil_index *x = m->x;
    const struct cil_table *t = x->image.tables;
    uint32_t count = t[CIL_TYPE_DEF].count;
    x->bucket_mask = 15;
    while (x->bucket_mask < count) {
        x->bucket_mask = 2 * x->bucket_mask + 1;
    }
    return (x->buckets = allocate(m, x->bucket_mask + UINT64_C(1), sizeof *x->buckets)) != NULL &&
           (x->next = allocate(m, count, sizeof *x->next)) != NULL &&
           (x->enclosing = allocate(m, count, sizeof *x->enclosing)) != NULL &&
           (x->generic_count = allocate(m, count, sizeof *x->generic_count)) != NULL &&
           (x->field_owner = allocate(m, t[CIL_FIELD].count, sizeof *x->field_owner)) != NULL &&
           (x->method_owner = allocate(m, t[CIL_METHOD_DEF].count, sizeof *x->method_owner)) !=
               NULL;
}

enum status cil_index_make(const char *name, struct cil_bytes file, struct arena *arena,
                           struct cil_index *out, struct cil_error *err)
{
    struct maker m = {.x = out, .arena = arena, .err = err, .status = E_NOMEM};
    enum status s = cil_image_load(name, file, &out->image, err);
    if (s != OK) {
        return s;
    }
    read_identity(out);
    uint32_t count = out->image.tables[CIL_TYPE_DEF].count;
    bool is_ok = make_arrays(&m);
    for (uint32_t row = 1; is_ok && row <= count; row++) {
        is_ok = read_class(&m, row);
    }
    return is_ok && check_nesting(&m, count) ? OK : m.status;
}
