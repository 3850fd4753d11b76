// SPDX-License-Identifier: MIT
//
// The window's first contents: descriptions of types, static fields, string literals.
#include "kernel/cil/front/build_internal.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

#define DATA_BYTES_MAX (UINT32_C(64) << 20)
#define OWN_BYTES_MAX  65536u /* of static fields of a thread, which are in its stack */
#define CASTS_MAX      4096u  /* null has no type: its casts are the bytes at 0, which are 0 */

/* Aligned to 8, as objects are: literals and the objects of types are among it. New bytes are
 * zero. */
uint32_t unit_data(struct cil_unit *u, uint32_t bytes)
{
    uint32_t at = u->data_bytes == 0 ? CIL_DATA_START : (uint32_t)ALIGN_UP(u->data_bytes, 8u);
    if (bytes > DATA_BYTES_MAX || at > DATA_BYTES_MAX - bytes) {
        (void)cil_fail(u->d, NULL, 0, E_OVERFLOW, "more than 64 MiB of static data");
        return 0;
    }
    uint32_t end = at + bytes;
    if (end > u->data_capacity) {
        uint8_t *p = unit_grow(u, u->data, &u->data_capacity, end, 1);
        if (p == NULL) {
            return 0;
        }
        u->data = p;
    }
    memset(u->data + u->data_bytes, 0, end - u->data_bytes);
    u->data_bytes = end;
    return at;
}

static void put(const struct cil_unit *u, uint32_t at, uint32_t value)
{
    store_le32(u->data + at, value);
}

/* ---- Types ---- */

/* A description is written in two steps. unit_made_type() reserves it and writes sizes, because
 * compiled code contains its address; unit_write_types() fills in casts and methods when the whole
 * program is known. u->data may move with each unit_data(), so places in it are offsets, never
 * pointers. `at` is 0 for a type of which no object is made: it needs no tables, and its virtual
 * methods are not reached. */

/* The result moves when the next type is added: callers that add types look it up again. */
struct cil_unit_type *unit_find_type(const struct cil_unit *u, const struct cil_type *t)
{
    uint32_t n = unit_index_first(&u->type_index, unit_hash(0, (uintptr_t)t));
    while (n != IR_NONE && u->runtime_types[n].type != t) {
        n = unit_index_next(&u->type_index, n);
    }
    return n == IR_NONE ? NULL : &u->runtime_types[n];
}

struct cil_unit_type *unit_type(struct cil_unit *u, struct cil_type *t)
{
    struct cil_unit_type *found = unit_find_type(u, t);
    if (found != NULL) {
        return found;
    }
    const uint32_t hash = unit_hash(0, (uintptr_t)t);
    struct cil_unit_type *all = unit_grow(u, u->runtime_types, &u->runtime_type_capacity,
                                          u->runtime_type_count + 1, sizeof *all);
    if (all == NULL || !unit_index_add(u, &u->type_index, hash, u->runtime_type_count)) {
        return NULL;
    }
    u->runtime_types = all;
    all[u->runtime_type_count] = (struct cil_unit_type){.type = t};
    return &all[u->runtime_type_count++];
}

struct cil_type *cil_unit_type_at(const struct cil_unit *u, uint32_t at)
{
    for (uint32_t n = 0; n < u->runtime_type_count; n++) {
        if (at != 0 && u->runtime_types[n].at == at) {
            return u->runtime_types[n].type;
        }
    }
    return NULL;
}

static bool is_array(const struct cil_type *t)
{
    return t->kind == CIL_SZARRAY || t->kind == CIL_ARRAY;
}

struct cil_class *unit_class(struct cil_unit *u, const char *space, const char *name)
{
    struct cil_class *c = u->d->core == NULL ? NULL : cil_find_class(u->d->core, space, name);
    if (c == NULL) {
        (void)cil_fail(u->d, u->d->core, 0, E_UNRESOLVED, "type %s.%s is not there", space, name);
    }
    return c != NULL && cil_class_fields(c) ? c : NULL;
}

struct cil_class *unit_core_class(struct cil_unit *u, const char *name)
{
    return unit_class(u, "System", name);
}

/* The class whose methods objects of a type have. */
static struct cil_type *class_of(struct cil_unit *u, struct cil_type *t)
{
    if (!is_array(t)) {
        return t;
    }
    struct cil_class *array = unit_core_class(u, "Array");
    return array == NULL ? NULL : array->type;
}

/* Sizes and shape, for allocation and for the collector (heap.c reads them once, into its own
 * memory: nothing that the program can write decides how much the collector moves). */
static bool describe(struct cil_unit *u, struct cil_type *t, uint32_t at)
{
    struct build_rep rep;
    if (t->kind == CIL_STRING) {
        put(u, at + CIL_TYPE_SHAPE, CIL_SHAPE_STRING);
        put(u, at + CIL_TYPE_BYTES, 2);
        return true;
    }
    if (!is_array(t)) {
        bool is_boxed = !cil_is_reference(t);
        const struct cil_layout *l = cil_type_layout(u->d, t);
        if (l != NULL) {
            put(u, at + CIL_TYPE_BYTES, l->size + (is_boxed ? CIL_HEADER_BYTES : 0));
        }
        return l != NULL;
    }
    if (!build_rep_of(u, t->element, &rep)) {
        return false;
    }
    put(u, at + CIL_TYPE_SHAPE, CIL_SHAPE_ARRAY);
    put(u, at + CIL_TYPE_BYTES, rep.size);
    if (rep.kind == CIL_OBJECT) {
        uint32_t cast = unit_cast(u, cil_plain(t->element), false);
        if (cast == IR_NONE) {
            return false;
        }
        put(u, at + CIL_TYPE_ELEMENT, cast);
    }
    return true;
}

/* A type of which objects are made needs a description. The table of methods has room for all slots
 * at once: which of them are called is known only at the end. */
uint32_t unit_made_type(struct cil_unit *u, struct cil_type *t)
{
    struct cil_unit_type *k = unit_type(u, t);
    if (k == NULL || k->at != 0) {
        return k == NULL ? 0 : k->at;
    }
    if (t->kind == CIL_ARRAY && t->number > CIL_RANK_MAX) {
        (void)cil_fail(u->d, NULL, 0, E_NOTSUP, "an array of more than 16 dimensions");
        return 0;
    }
    struct cil_type *c = class_of(u, t);
    struct cil_vtable *v = c == NULL ? NULL : cil_vtable_make(u->d, c);
    uint32_t at = v == NULL ? 0 : unit_data(u, CIL_TYPE_METHODS + 4 * v->count);
    if (at == 0) {
        return 0;
    }
    k->vtable = v;
    k->at = at;
    return describe(u, t, at) ? at : 0;
}

/* The number of a cast. Each type has a byte for it that says whether its objects pass. Unboxing
 * has numbers of its own, because an enumeration and its integer are interchangeable there
 * (III.4.32), and not for a cast. */
uint32_t unit_cast(struct cil_unit *u, struct cil_type *t, bool is_unbox)
{
    for (uint32_t n = 0; n < u->cast_count; n++) {
        if (u->casts[n].type == t && u->casts[n].is_unbox == is_unbox) {
            return n;
        }
    }
    if (u->cast_count == CASTS_MAX) {
        (void)cil_fail(u->d, NULL, 0, E_OVERFLOW, "casts to more than %u types", CASTS_MAX);
        return IR_NONE;
    }
    struct cil_unit_cast *all =
        unit_grow(u, u->casts, &u->cast_capacity, u->cast_count + 1, sizeof *all);
    if (all == NULL) {
        return IR_NONE;
    }
    u->casts = all;
    all[u->cast_count] = (struct cil_unit_cast){t, is_unbox};
    return u->cast_count++;
}

/* ---- Objects of System.RuntimeType: one for each type, in static data ---- */

bool unit_need_types(struct cil_unit *u)
{
    struct cil_class *c = unit_core_class(u, "RuntimeType");
    u->has_types = true;
    return c != NULL && unit_made_type(u, c->type) != 0;
}

uint32_t unit_type_object(struct cil_unit *u, struct cil_type *t)
{
    struct build_rep rep = {IR_I32, CIL_VALUETYPE, 0, NULL};
    struct cil_unit_type *k = unit_type(u, t);
    if (k == NULL || k->object != 0) {
        return k == NULL ? 0 : k->object;
    }
    struct cil_class *c = unit_need_types(u) ? unit_core_class(u, "RuntimeType") : NULL;
    const struct cil_layout *l = c == NULL ? NULL : cil_type_layout(u->d, c->type);
    uint32_t at = l == NULL ? 0 : unit_data(u, l->size);
    rep.structure = c == NULL ? NULL : c->type;
    if (at == 0 || !unit_add_roots(u, &u->statics, &rep, at, CIL_ROOT_OBJECT)) {
        return 0;
    }
    put(u, at, unit_made_type(u, c->type));
    unit_type(u, t)->object = at;
    return at;
}

uint32_t unit_type_handle(struct cil_unit *u, struct cil_type *t)
{
    bool is_ok = unit_type_object(u, t) != 0;
    if (is_ok) {
        unit_type(u, t)->is_named = true;
    }
    return is_ok ? (uint32_t)(unit_type(u, t) - u->runtime_types) + 1 : 0;
}

static bool write_object(struct cil_unit *u, const struct cil_unit_type *k)
{
    uint32_t at = u->has_types ? unit_type_object(u, k->type) : 0;
    put(u, k->at + CIL_TYPE_OBJECT, at);
    return at != 0 || !u->has_types;
}

/* ---- Static fields ---- */

/* Static fields are in the window before the stack and the heap, and never move. Each reference
 * among them is a root (u->statics), added together with its place: one that were forgotten would
 * keep the old address after a collection. Initial bytes come from the file only into fields whose
 * size the file covers, and that have no references: a file cannot know any. */

/* Constants in the file (of arrays, mostly) are the first contents of their field. */
static bool read_initial(struct cil_unit *u, const struct cil_field *f, uint32_t at, uint32_t size,
                         bool has_references)
{
    const struct cil_image *m = &f->owner->assembly->image;
    struct cil_bytes bytes;
    struct cil_run run = cil_find_rows(m, CIL_FIELD_RVA, CIL_FIELD_RVA_FIELD, f->row);
    if (run.first == run.end) {
        return true;
    }
    if (has_references) {
        return cil_fail(u->d, f->owner->assembly, CIL_TOKEN(CIL_FIELD, f->row), E_CORRUPT,
                        "the field %s has references, and contents in the file", f->name);
    }
    uint32_t rva = cil_cell(m, CIL_FIELD_RVA, run.first, CIL_FIELD_RVA_RVA);
    if (!cil_rva(m, rva, &bytes) || bytes.len < size) {
        return cil_fail(u->d, f->owner->assembly, CIL_TOKEN(CIL_FIELD, f->row), E_CORRUPT,
                        "the contents of the field %s are not in the file", f->name);
    }
    memcpy(u->data + at, bytes.at, size);
    return true;
}

static bool place_static(struct cil_unit *u, struct cil_type *t, const struct cil_field *f,
                         uint32_t *out)
{
    struct build_rep rep;
    struct cil_type *type = cil_substitute(u->d, cil_plain(f->type), t, NULL, 0);
    if (type == NULL || !build_rep_of(u, type, &rep)) {
        return false;
    }
    uint32_t before = u->statics.count;
    *out = unit_data(u, rep.size);
    return *out != 0 && unit_add_roots(u, &u->statics, &rep, *out, CIL_ROOT_OBJECT) &&
           read_initial(u, f, *out, rep.size, u->statics.count != before);
}

/* Of a generic class each instantiation has static fields of its own. */
static bool lay_out_statics(struct cil_unit *u, struct cil_type *t)
{
    struct cil_class *c = t->c;
    uint32_t *at = cil_alloc(u->d, c->field_count, sizeof *at);
    for (uint32_t n = 0; at != NULL && n < c->field_count; n++) {
        const struct cil_field *f = &c->fields[n];
        if ((f->flags & CIL_FIELD_STATIC) != 0 && (f->flags & CIL_FIELD_LITERAL) == 0 &&
            !place_static(u, t, f, &at[n])) {
            return false;
        }
    }
    struct cil_unit_type *k = at == NULL ? NULL : unit_type(u, t);
    if (k == NULL) {
        return false;
    }
    k->static_at = at;
    k->is_laid_out = true;
    return true;
}

uint32_t unit_static(struct cil_unit *u, const struct cil_member_field *f)
{
    struct cil_unit_type *k = unit_type(u, f->owner);
    if (k == NULL || (!k->is_laid_out && !lay_out_statics(u, f->owner))) {
        return 0;
    }
    uint32_t at = unit_type(u, f->owner)->static_at[f->field - f->owner->c->fields];
    if (at == 0) {
        (void)cil_fail(u->d, f->owner->c->assembly, CIL_TOKEN(CIL_FIELD, f->field->row), E_CORRUPT,
                       "the field %s has no place", f->field->name);
    }
    return at;
}

bool unit_is_of_thread(const struct cil_unit *u, const struct cil_member_field *f)
{
    uint32_t row = 0;
    return u->threads &&
           cil_next_attribute(f->owner->c->assembly, CIL_TOKEN(CIL_FIELD, f->field->row), "System",
                              "ThreadStaticAttribute", &row);
}

/* They start as zero in each thread, and an initialiser writes those of the thread that runs it. */
uint32_t unit_thread_static(struct cil_unit *u, const struct cil_member_field *f)
{
    struct build_rep rep;
    for (uint32_t n = 0; n < u->own_count; n++) {
        if (u->own_fields[n].field == f->field && u->own_fields[n].owner == f->owner) {
            return u->own_fields[n].at;
        }
    }
    struct cil_unit_own *all =
        unit_grow(u, u->own_fields, &u->own_capacity, u->own_count + 1, sizeof *all);
    if (all == NULL || !build_rep_of(u, f->type, &rep)) {
        return IR_NONE;
    }
    u->own_fields = all;
    if (rep.size > OWN_BYTES_MAX - u->own_bytes) {
        (void)cil_fail(u->d, f->owner->c->assembly, CIL_TOKEN(CIL_FIELD, f->field->row), E_OVERFLOW,
                       "more than %u bytes of static fields of a thread", OWN_BYTES_MAX);
        return IR_NONE;
    }
    uint32_t at = u->own_bytes;
    u->own_bytes += (uint32_t)ALIGN_UP(rep.size, 8u);
    all[u->own_count++] = (struct cil_unit_own){f->owner, f->field, at};
    return unit_add_roots(u, &u->own, &rep, at, CIL_ROOT_OBJECT) ? at : IR_NONE;
}

uint32_t unit_field_handle(struct cil_unit *u, const struct cil_member_field *f)
{
    struct build_rep rep;
    uint32_t at = build_rep_of(u, f->type, &rep) ? unit_static(u, f) : 0;
    uint32_t n = at == 0 ? IR_NONE : unit_index_first(&u->field_index, at / 8);
    for (; n != IR_NONE; n = unit_index_next(&u->field_index, n)) {
        if (u->fields[n].at == at) {
            return n + 1;
        }
    }
    struct cil_unit_field *all =
        at == 0 ? NULL
                : unit_grow(u, u->fields, &u->field_capacity, u->field_count + 1, sizeof *all);
    if (all == NULL || !unit_index_add(u, &u->field_index, at / 8, u->field_count)) {
        return 0;
    }
    u->fields = all;
    all[u->field_count++] = (struct cil_unit_field){at, rep.size};
    return u->field_count;
}

/* Whether it has run, then the exception that it has thrown. */
static bool add_flag(struct cil_unit *u, struct cil_type *t)
{
    uint32_t flag = unit_data(u, 8);
    const struct cil_root failed = {flag + 4, CIL_ROOT_OBJECT};
    if (flag != 0) {
        unit_type(u, t)->flag = flag;
    }
    return flag != 0 && unit_add_root(u, &u->statics, failed);
}

/* The static constructor (II.10.5.3). @return false: there is none, or an error is recorded. */
bool unit_initialiser(struct cil_unit *u, struct cil_type *t, struct cil_callee *out)
{
    struct cil_class *c = t->c;
    if (c == NULL) {
        return false;
    }
    const struct cil_image *m = &c->assembly->image;
    struct cil_run run = cil_cell_run(m, CIL_TYPE_DEF, c->row, CIL_TYPE_DEF_METHODS);
    for (uint32_t at = run.first; at < run.end; at++) {
        uint32_t row = cil_run_row(m, CIL_METHOD_DEF, at);
        if (strcmp(cil_cell_string(m, CIL_METHOD_DEF, row, CIL_METHOD_DEF_NAME), ".cctor") == 0) {
            const struct cil_callee *open =
                cil_resolve_method(c->assembly, CIL_TOKEN(CIL_METHOD_DEF, row));
            if (open == NULL) {
                return false;
            }
            *out = *open;
            out->owner = t;
            struct cil_unit_type *k = unit_type(u, t);
            return k != NULL && (k->flag != 0 || add_flag(u, t));
        }
    }
    return false;
}

/* ---- Literals: equal ones are the same object ---- */

static uint32_t hash(struct cil_bytes text)
{
    uint32_t h = 2166136261u;
    for (uint32_t n = 0; n < text.len; n++) {
        h = (h ^ text.at[n]) * 16777619u;
    }
    return h;
}

static uint32_t find_literal(const struct cil_unit *u, struct cil_bytes text)
{
    uint32_t h = hash(text), n = unit_index_first(&u->literal_index, h);
    while (n != IR_NONE && (u->literals[n].hash != h || u->literals[n].text.len != text.len ||
                            memcmp(u->literals[n].text.at, text.at, text.len) != 0)) {
        n = unit_index_next(&u->literal_index, n);
    }
    return n;
}

/* Equal literals are one object (III.4.16), also those of different assemblies. They are no part of
 * the heap: a collection neither moves nor frees them. */
uint32_t unit_literal(struct cil_unit *u, struct cil_bytes text)
{
    uint32_t h = hash(text), found = find_literal(u, text);
    if (found != IR_NONE) {
        return u->literals[found].at;
    }
    struct cil_type *string = cil_primitive(u->d, CIL_STRING);
    uint32_t type = string == NULL ? 0 : unit_made_type(u, string);
    struct cil_unit_literal *all =
        unit_grow(u, u->literals, &u->literal_capacity, u->literal_count + 1, sizeof *all);
    uint32_t at = type == 0 || all == NULL ? 0 : unit_data(u, CIL_CHARS_AT + text.len + 2);
    if (at == 0 || !unit_index_add(u, &u->literal_index, h, u->literal_count)) {
        return 0;
    }
    u->literals = all;
    all[u->literal_count++] = (struct cil_unit_literal){.at = at, .hash = h, .text = text};
    put(u, at, type);
    put(u, at + CIL_LENGTH_AT, text.len / 2);
    memcpy(u->data + at + CIL_CHARS_AT, text.at, text.len);
    return at;
}

void unit_own_literal(struct cil_unit *u, struct cil_bytes text)
{
    uint32_t n = find_literal(u, text);
    if (n != IR_NONE) {
        u->literals[n].is_own = true;
    }
}

bool unit_has_literal(const struct cil_unit *u, const char *text)
{
    uint8_t wide[2 * 128];
    uint32_t len = 0;
    for (; text[len] != '\0' && len < sizeof wide / 2; len++) {
        store_le16(wide + (size_t)2 * len, (uint8_t)text[len]);
    }
    uint32_t n = find_literal(u, (struct cil_bytes){wide, 2 * len});
    return n != IR_NONE && text[len] == '\0' && u->literals[n].is_own;
}

/* ---- The end: what depends on everything ---- */

static bool is_of(struct cil_unit *u, struct cil_type *t, const struct cil_unit_cast *cast)
{
    return cast->is_unbox
               ? !cil_is_reference(t) && cil_underlying(u->d, t) == cil_underlying(u->d, cast->type)
               : cil_is_subtype(u->d, t, cast->type);
}

/* All answers of the program, a byte each, instead of a walk over parents and interfaces at each
 * cast: variance and arrays cost nothing then. */
static bool write_casts(struct cil_unit *u, const struct cil_unit_type *k)
{
    uint32_t at = unit_data(u, u->cast_count + 1);
    for (uint32_t n = 0; at != 0 && n < u->cast_count; n++) {
        u->data[at + n] = is_of(u, k->type, &u->casts[n]) ? 1 : 0;
    }
    if (at != 0 && k->at != 0) {
        put(u, k->at + CIL_TYPE_CASTS, at);
    }
    unit_type(u, k->type)->casts = at;
    return at != 0 && u->d->status == OK;
}

/* Types of which no object is made are compared only as objects of System.Type. */
static bool write_other_casts(struct cil_unit *u)
{
    for (uint32_t n = 0; (u->needs & CIL_NEEDS_CASTS) != 0 && n < u->runtime_type_count; n++) {
        const struct cil_unit_type k = u->runtime_types[n];
        if (k.at == 0 && k.object != 0 && !cil_is_definition(k.type) && !write_casts(u, &k)) {
            return false;
        }
    }
    return true;
}

/* Numbers, not addresses: the window is the program's to write. A number that is out of range or of
 * another signature traps at the call. */
static void write_methods(const struct cil_unit *u, const struct cil_unit_type *k)
{
    for (uint32_t n = 0; n < k->vtable->count; n++) {
        const struct vmethod *m = &k->vtable->slots[n].method;
        bool is_value = !cil_is_reference(m->owner);
        put(u, k->at + CIL_TYPE_METHODS + 4 * n,
            unit_find_method(u, m, is_value ? CIL_UNIT_UNBOX : CIL_UNIT_METHOD) + 1);
    }
}

static bool write_tables(struct cil_unit *u, const struct cil_unit_type *k)
{
    uint32_t at = unit_data(u, 4 * (u->interface_count + 1));
    if (at == 0) {
        return false;
    }
    put(u, k->at + CIL_TYPE_TABLES, at);
    for (uint32_t n = 0; n < u->interface_count; n++) {
        uint32_t table = unit_interface_table(u, k, n);
        if (u->d->status != OK) {
            return false;
        }
        put(u, at + 4 * n, table);
    }
    return true;
}

static void write_start(struct cil_unit *u, const struct cil_unit_type *k)
{
    const struct cil_type *t = k->type;
    if (is_array(t)) {
        put(u, k->at + CIL_TYPE_START,
            t->kind == CIL_ARRAY ? cil_array_start(t->number, u->bounds) : CIL_ELEMENT_AT);
    }
}

bool unit_write_types(struct cil_unit *u)
{
    for (uint32_t n = 0; n < u->runtime_type_count; n++) {
        struct cil_unit_type k = u->runtime_types[n];
        if (k.at == 0) {
            continue;
        }
        write_methods(u, &k);
        write_start(u, &k);
        if (!write_casts(u, &k) || !write_tables(u, &k) || !unit_write_generics(u, &k) ||
            !write_object(u, &k)) {
            return false;
        }
    }
    return write_other_casts(u);
}
