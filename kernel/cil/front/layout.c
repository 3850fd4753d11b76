// SPDX-License-Identifier: MIT
//
// Where fields lie. The rules are the same on both machines, and docs/dotnet.md states them:
//
// - A reference, a pointer and a native integer have 8 bytes; every primitive type is aligned to
//   its size.
// - Sequential: fields in the order of the file; a packing size lowers their alignment, except in
//   a type that contains references, which must stay aligned.
// - Automatic: the same, but fields of larger alignment come first.
// - Explicit: fields where the file says. A reference is aligned and overlaps nothing but another
//   reference at the same offset.
// - An object starts with a header of 8 bytes; then come its parent's fields, then its own.
#include "kernel/cil/front/domain_internal.h"
#include "kernel/lib/sort.h"
#include "kernel/lib/string.h"

#define UNPLACED UINT32_MAX

struct slot {
    struct cil_field *field;
    struct cil_type *type; /* with the arguments of the type that is laid out */
    uint32_t offset, size, align;
    const struct cil_layout *inner; /* of a value type; NULL: it has no parts */
    bool is_ref;
};

struct plan {
    struct cil_domain *d;
    struct cil_type *type;
    struct cil_class *c;
    struct slot *slots;
    uint32_t count;
    uint32_t packing, class_size; /* 0: none */
    uint64_t end;                 /* after the last field so far */
    uint32_t align;
    bool has_refs;
    const struct cil_layout *parent; /* of a reference type; NULL: none */
};

static bool fail(const struct plan *p, enum status s, const char *what, const char *field)
{
    char name[128];
    (void)cil_type_text(name, sizeof name, p->type);
    return cil_fail(p->d, p->c->assembly, CIL_TOKEN(CIL_TYPE_DEF, p->c->row), s,
                    "layout of %s: %s%s", name, what, field);
}

/* ---- Sizes of fields ---- */

static uint32_t primitive_size(unsigned kind)
{
    static const uint8_t sizes[] = {
        [CIL_BOOLEAN] = 1, [CIL_CHAR] = 2, [CIL_I1] = 1,  [CIL_U1] = 1,
        [CIL_I2] = 2,      [CIL_U2] = 2,   [CIL_I4] = 4,  [CIL_U4] = 4,
        [CIL_I8] = 8,      [CIL_U8] = 8,   [CIL_R4] = 4,  [CIL_R8] = 8,
        [CIL_I] = 8,       [CIL_U] = 8,    [CIL_PTR] = 8, [CIL_FNPTR] = 8};
    return kind < sizeof sizes ? sizes[kind] : 0;
}

static bool measure(const struct plan *p, struct slot *s)
{
    s->is_ref = cil_is_reference(s->type);
    s->size = s->is_ref ? CIL_POINTER_BYTES : primitive_size(s->type->kind);
    s->align = s->size;
    if (s->size != 0) {
        return true;
    }
    if (!cil_is_struct(s->type)) {
        return fail(p, E_CORRUPT, "no value has the type of the field ", s->field->name);
    }
    s->inner = cil_type_layout(p->d, s->type);
    if (s->inner == NULL) {
        return false;
    }
    s->size = s->inner->size;
    s->align = s->inner->align;
    return true;
}

/* ---- Placing ---- */

/* The end has 64 bits, because fields of almost 1 MiB each would wrap around before the check. */
static bool place_slot(struct plan *p, struct slot *s, uint32_t align)
{
    p->end = ALIGN_UP(p->end, (uint64_t)align);
    s->offset = (uint32_t)p->end;
    p->end += s->size;
    p->align = MAX(p->align, align);
    return p->end <= CIL_VALUE_BYTES_MAX || fail(p, E_OVERFLOW, "larger than 1 MiB", "");
}

static bool place_in_order(struct plan *p, uint32_t packing)
{
    for (uint32_t n = 0; n < p->count; n++) {
        struct slot *s = &p->slots[n];
        uint32_t align = packing == 0 ? s->align : MIN(s->align, packing);
        if (s->size != 0 && !place_slot(p, s, align)) {
            return false;
        }
    }
    return true;
}

/* Largest alignment first; fields of equal alignment stay in order. The first alignment must be at
 * least the largest that exists (8 today), because a field with a larger one would get no place. */
static bool place_by_alignment(struct plan *p)
{
    for (uint32_t align = 16; align != 0; align /= 2) {
        for (uint32_t n = 0; n < p->count; n++) {
            struct slot *s = &p->slots[n];
            if (s->size != 0 && s->align == align && !place_slot(p, s, align)) {
                return false;
            }
        }
    }
    return true;
}

/* II.22.16: each field of such a type has exactly one row. */
static uint32_t explicit_offset(const struct plan *p, const struct cil_field *f)
{
    const struct cil_image *m = &p->c->assembly->image;
    struct cil_run run = cil_find_rows(m, CIL_FIELD_LAYOUT, CIL_FIELD_LAYOUT_FIELD, f->row);
    return run.end - run.first == 1
               ? cil_cell(m, CIL_FIELD_LAYOUT, run.first, CIL_FIELD_LAYOUT_OFFSET)
               : UNPLACED;
}

/* Fields may overlap here. check_overlaps() looks for forbidden overlaps when all are placed. */
static bool place_explicit(struct plan *p, uint32_t base)
{
    for (uint32_t n = 0; n < p->count; n++) {
        struct slot *s = &p->slots[n];
        if (s->size == 0) {
            continue;
        }
        uint32_t at = explicit_offset(p, s->field);
        if (at == UNPLACED) {
            return fail(p, E_CORRUPT, "no offset of the field ", s->field->name);
        }
        if (at > CIL_VALUE_BYTES_MAX || s->size > CIL_VALUE_BYTES_MAX - at) {
            return fail(p, E_OVERFLOW, "larger than 1 MiB", "");
        }
        s->offset = base + at;
        p->end = MAX(p->end, (uint64_t)s->offset + s->size);
        uint32_t align = p->packing == 0 || p->has_refs ? s->align : MIN(s->align, p->packing);
        p->align = MAX(p->align, align);
    }
    return true;
}

/* ---- References ---- */

struct refs {
    uint32_t *at;
    uint32_t count;
};

static bool is_below(const void *a, const void *b)
{
    return *(const uint32_t *)a < *(const uint32_t *)b;
}

static uint32_t count_refs(const struct plan *p)
{
    uint32_t count = p->parent != NULL ? p->parent->ref_count : 0;
    for (uint32_t n = 0; n < p->count; n++) {
        const struct slot *s = &p->slots[n];
        if (s->size != 0) {
            count += s->is_ref ? 1 : s->inner == NULL ? 0 : s->inner->ref_count;
        }
    }
    return count;
}

/* Ascending; references that share an offset (explicit layout) are one. */
static bool list_refs(const struct plan *p, struct refs *out)
{
    uint32_t count = count_refs(p), at = 0;
    out->count = 0;
    out->at = cil_alloc(p->d, count, sizeof *out->at);
    if (out->at == NULL) {
        return false;
    }
    if (p->parent != NULL) {
        at = p->parent->ref_count;
        memcpy(out->at, p->parent->refs, at * sizeof *out->at);
    }
    for (uint32_t n = 0; n < p->count; n++) {
        const struct slot *s = &p->slots[n];
        if (s->size == 0) {
            continue;
        }
        if (s->is_ref) {
            out->at[at++] = s->offset;
        }
        for (uint32_t k = 0; s->inner != NULL && k < s->inner->ref_count; k++) {
            out->at[at++] = s->offset + s->inner->refs[k];
        }
    }
    sort_array(out->at, count, sizeof *out->at, is_below);
    for (uint32_t n = 0; n < count; n++) {
        if (out->count == 0 || out->at[out->count - 1] != out->at[n]) {
            out->at[out->count++] = out->at[n];
        }
    }
    return true;
}

/* True if a byte of [at, at + size) belongs to a reference. */
static bool touches_ref(const struct refs *refs, uint32_t at, uint32_t size)
{
    uint32_t n = sorted_find(refs->at, sizeof *refs->at, refs->count, at < 7 ? 0 : at - 7);
    return n < refs->count && refs->at[n] < at + size;
}

/* Between the references of a slot is something else, which no other reference may overlap. */
static bool check_gaps(const struct plan *p, const struct refs *refs, const struct slot *s)
{
    uint32_t at = s->offset, own = s->is_ref ? 1 : s->inner == NULL ? 0 : s->inner->ref_count;
    for (uint32_t k = 0; k <= own; k++) {
        uint32_t next = s->offset + s->size;
        if (k < own) {
            next = s->is_ref ? s->offset : s->offset + s->inner->refs[k];
        }
        if (next > at && touches_ref(refs, at, next - at)) {
            return fail(p, E_CORRUPT, "a reference overlaps the field ", s->field->name);
        }
        at = next + CIL_POINTER_BYTES;
    }
    return true;
}

/* The collector believes these offsets: a number that overlaps a reference could make it an address
 * (II.10.7 calls that unverifiable; here no assembly may do so, trusted or not). */
static bool check_overlaps(const struct plan *p, const struct refs *refs)
{
    for (uint32_t n = 0; n < refs->count; n++) {
        if (refs->at[n] % CIL_POINTER_BYTES != 0) {
            return fail(p, E_CORRUPT, "a reference is not aligned", "");
        }
        if (n > 0 && refs->at[n] - refs->at[n - 1] < CIL_POINTER_BYTES) {
            return fail(p, E_CORRUPT, "references overlap", "");
        }
    }
    for (uint32_t n = 0; refs->count != 0 && n < p->count; n++) {
        const struct slot *s = &p->slots[n];
        if (s->size != 0 && !check_gaps(p, refs, s)) {
            return false;
        }
    }
    return true;
}

/* ---- A type ---- */

/* Substitute the type's arguments in its fields, and measure them. */
static bool read_slots(struct plan *p)
{
    p->count = p->c->field_count;
    p->slots = cil_alloc(p->d, p->count, sizeof *p->slots);
    for (uint32_t n = 0; p->slots != NULL && n < p->count; n++) {
        struct slot *s = &p->slots[n];
        s->field = &p->c->fields[n];
        s->offset = UNPLACED;
        if ((s->field->flags & (CIL_FIELD_LITERAL | CIL_FIELD_STATIC)) != 0) {
            continue; /* no part of a value */
        }
        s->type = cil_substitute(p->d, cil_plain(s->field->type), p->type, NULL, 0);
        if (s->type == NULL) {
            return false;
        }
        s->type = cil_plain(s->type);
        if (!measure(p, s)) {
            return false;
        }
        p->has_refs |= s->is_ref || (s->inner != NULL && s->inner->ref_count != 0);
    }
    return p->slots != NULL;
}

/* II.22.8: packing size and size; most types have no row. */
static void read_class_layout(struct plan *p)
{
    const struct cil_image *m = &p->c->assembly->image;
    struct cil_run run = cil_find_rows(m, CIL_CLASS_LAYOUT, CIL_CLASS_LAYOUT_PARENT, p->c->row);
    if (run.first != run.end) {
        p->packing = cil_cell(m, CIL_CLASS_LAYOUT, run.first, CIL_CLASS_LAYOUT_PACKING_SIZE);
        p->class_size = cil_cell(m, CIL_CLASS_LAYOUT, run.first, CIL_CLASS_LAYOUT_CLASS_SIZE);
    }
}

static bool place_all(struct plan *p, struct refs *refs)
{
    uint32_t base = (uint32_t)p->end;
    bool is_ok;
    if (p->packing > 128 || (p->packing & (p->packing - 1)) != 0) {
        return fail(p, E_CORRUPT, "the packing size is no power of 2 up to 128", "");
    }
    if (p->class_size > CIL_VALUE_BYTES_MAX) {
        return fail(p, E_OVERFLOW, "larger than 1 MiB", "");
    }
    switch (p->c->flags & CIL_LAYOUT_MASK) {
    case CIL_LAYOUT_EXPLICIT:
        is_ok = place_explicit(p, base);
        break;
    case CIL_LAYOUT_SEQUENCE:
        is_ok = place_in_order(p, p->has_refs ? 0 : p->packing);
        break;
    default:
        is_ok = place_by_alignment(p);
    }
    p->end = MAX(p->end, (uint64_t)base + p->class_size);
    return is_ok && list_refs(p, refs) && check_overlaps(p, refs);
}

/* A value of no fields has a byte, as C++ and the other runtimes have it. */
static void finish_size(const struct plan *p, struct cil_layout *l)
{
    l->align = p->align;
    l->size = (uint32_t)ALIGN_UP(MAX(p->end, 1u), (uint64_t)p->align);
}

static bool copy_offsets(const struct plan *p, struct cil_layout *l)
{
    uint32_t *offsets = cil_alloc(p->d, p->count, sizeof *offsets);
    for (uint32_t n = 0; offsets != NULL && n < p->count; n++) {
        offsets[n] = p->slots[n].offset;
    }
    l->offsets = offsets;
    l->field_count = p->count;
    return offsets != NULL;
}

/* An object of a class: after its parent's fields, padding included, and an explicit offset counts
 * from there. So a method of the parent finds its fields at the same offsets in an object of any
 * class derived from it, and the parent's list of references is the start of the child's. */
static bool start_object(struct plan *p)
{
    p->align = CIL_POINTER_BYTES;
    p->end = CIL_HEADER_BYTES;
    struct cil_type *parent = p->c->parent;
    if (parent == NULL) {
        return true;
    }
    parent = cil_substitute(p->d, parent, p->type, NULL, 0);
    p->parent = parent == NULL ? NULL : cil_type_layout(p->d, parent);
    if (p->parent == NULL) {
        return false;
    }
    p->end = p->parent->size;
    p->has_refs = p->parent->ref_count != 0;
    return true;
}

/* The order matters: a parent's layout and those of fields that are values come first, by
 * recursion, which is_busy and layout_depth bound. */
static struct cil_layout *lay_out(struct plan *p)
{
    struct refs refs = {.count = 0};
    if (!cil_class_fields(p->c)) {
        return NULL;
    }
    if (!p->c->is_value_type && !start_object(p)) {
        return NULL;
    }
    read_class_layout(p);
    struct cil_layout *l = cil_alloc(p->d, 1, sizeof *l);
    if (l == NULL || !read_slots(p) || !place_all(p, &refs) || !copy_offsets(p, l)) {
        return NULL;
    }
    finish_size(p, l);
    l->refs = refs.at;
    l->ref_count = refs.count;
    return l;
}

/* The value of a primitive type has no parts, whatever fields the core library gives it. */
static struct cil_layout *lay_out_primitive(struct cil_domain *d, uint32_t size)
{
    struct cil_layout *l = cil_alloc(d, 1, sizeof *l);
    if (l != NULL) {
        l->size = l->align = size;
    }
    return l;
}

static const struct cil_layout *compute(struct cil_domain *d, struct cil_type *t)
{
    struct plan p = {.d = d, .type = t, .c = t->c, .align = 1};
    uint32_t size = primitive_size(t->kind);
    if (size != 0) {
        return lay_out_primitive(d, size);
    }
    if (t->c == NULL || t->is_open || (t->kind != CIL_GENERICINST && t->c->generic_count != 0)) {
        char name[128];
        (void)cil_type_text(name, sizeof name, t);
        (void)cil_fail(d, t->c == NULL ? NULL : t->c->assembly, 0, E_INVAL, "%s has no layout",
                       name);
        return NULL;
    }
    if (t->is_busy) {
        (void)fail(&p, E_CORRUPT, "it contains itself", "");
        return NULL;
    }
    if (d->layout_depth >= CIL_LAYOUT_DEPTH_MAX) {
        (void)fail(&p, E_OVERFLOW, "value types nested too deeply", "");
        return NULL;
    }
    t->is_busy = true;
    d->layout_depth++;
    const struct cil_layout *l = cil_class_open(t->c) ? lay_out(&p) : NULL;
    d->layout_depth--;
    t->is_busy = false;
    return l;
}

/* Computed once. A failure is recorded in the domain, not here: after cil_domain_forgive() the type
 * is laid out again. */
const struct cil_layout *cil_type_layout(struct cil_domain *d, struct cil_type *t)
{
    if (t->layout == NULL) {
        t->layout = compute(d, t);
    }
    return t->layout;
}
