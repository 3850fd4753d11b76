// SPDX-License-Identifier: MIT
//
// Native methods of types as objects, and of arrays whose type is not known. They return only types
// that unit_related.c has added to the program, and add nothing to the domain.
#include "kernel/cil/run/natives.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

/* Some of System.TypeCode, and the bits after it of RuntimeType.TraitsOf. */
#define CODE_OBJECT      1u
#define CODE_BOOLEAN     3u
#define CODE_STRING      18u
#define TRAIT_ENUM       0x100u
#define TRAIT_VALUE      0x200u
#define TRAIT_ARRAY      0x400u
#define TRAIT_INTERFACE  0x800u
#define TRAIT_ABSTRACT   0x1000u
#define TRAIT_SEALED     0x2000u
#define TRAIT_GENERIC    0x4000u
#define TRAIT_DEFINITION 0x8000u
#define TRAIT_REFERENCES 0x10000u
#define TRAIT_PRIMITIVE  0x20000u
#define TRAIT_FINALIZER  0x40000u
#define TRAIT_BYREF      0x80000u
#define TRAIT_POINTER    0x100000u
#define TRAIT_RANK_SHIFT 24 /* at most CIL_RANK_MAX */

/* ---- What a type is ---- */

/* System.TypeCode has the order of the element types (II.23.1.16), from another first number on. */
uint32_t cil_type_code(struct cil_runtime *r, struct cil_type *t)
{
    unsigned kind = cil_underlying(r->unit->d, t)->kind;
    return kind >= CIL_BOOLEAN && kind <= CIL_R8 ? kind - CIL_BOOLEAN + CODE_BOOLEAN
           : kind == CIL_STRING                  ? CODE_STRING
                                                 : CODE_OBJECT;
}

static bool is_array(const struct cil_type *t)
{
    return t->kind == CIL_SZARRAY || t->kind == CIL_ARRAY;
}

static uint32_t class_traits(const struct cil_type *t)
{
    const struct cil_class *c = t->c;
    if (c == NULL) {
        return 0;
    }
    return (c->is_enum ? TRAIT_ENUM : 0) | (c->is_interface ? TRAIT_INTERFACE : 0) |
           ((c->flags & CIL_TYPE_ABSTRACT) != 0 ? TRAIT_ABSTRACT : 0) |
           ((c->flags & CIL_TYPE_SEALED) != 0 ? TRAIT_SEALED : 0) |
           (c->generic_count != 0 ? TRAIT_GENERIC : 0) |
           (cil_is_definition(t) ? TRAIT_DEFINITION : 0);
}

static bool is_primitive(const struct cil_type *t)
{
    return (t->kind >= CIL_BOOLEAN && t->kind <= CIL_R8) || t->kind == CIL_I || t->kind == CIL_U;
}

/* The bits that RuntimeType in lib/cil tests, after the type's code. */
uint64_t cil_type_traits(struct cil_runtime *r, uint64_t type, uint64_t b, uint64_t c, uint64_t d,
                         uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    const struct cil_unit_type *k = cil_type_by_object(r, type);
    struct cil_type *t = k->type;
    bool is_value = !cil_is_reference(t);
    bool has_references = is_value ? t->layout != NULL && t->layout->ref_count != 0 : true;
    return cil_type_code(r, t) | class_traits(t) | (is_value ? TRAIT_VALUE : 0) |
           (is_array(t) ? TRAIT_ARRAY | TRAIT_SEALED : 0) |
           (has_references ? TRAIT_REFERENCES : 0) | (is_primitive(t) ? TRAIT_PRIMITIVE : 0) |
           (k->has_finalizer ? TRAIT_FINALIZER : 0) | (t->kind == CIL_BYREF ? TRAIT_BYREF : 0) |
           (t->kind == CIL_PTR ? TRAIT_POINTER : 0) |
           (t->kind == CIL_SZARRAY ? 1
            : t->kind == CIL_ARRAY ? t->number
                                   : 0)
               << TRAIT_RANK_SHIFT;
}

/* ---- Relatives ---- */

uint32_t cil_type_object(const struct cil_runtime *r, const struct cil_type *t)
{
    for (uint32_t n = 0; t != NULL && n < r->unit->runtime_type_count; n++) {
        if (r->unit->runtime_types[n].type == t) {
            return r->unit->runtime_types[n].object;
        }
    }
    return 0;
}

enum { BASE, OWNER, ELEMENT, DEFINITION, FIRST_ARGUMENT }; /* as RuntimeType has them */

uint64_t cil_type_relative(struct cil_runtime *r, uint64_t type, uint64_t which, uint64_t c,
                           uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    const struct cil_unit_type *k = cil_type_by_object(r, type);
    const struct cil_type *t = k->type;
    uint32_t n = (uint32_t)which - FIRST_ARGUMENT;
    switch ((uint32_t)which) {
    case BASE:
        return k->base;
    case OWNER:
        return t->c == NULL || t->c->enclosing == NULL ? 0
                                                       : cil_type_object(r, t->c->enclosing->type);
    case ELEMENT:
        return cil_type_object(r, t->element);
    case DEFINITION:
        return t->kind == CIL_GENERICINST ? cil_type_object(r, t->c->type) : k->object;
    default:
        return t->kind == CIL_GENERICINST && n < t->number
                   ? cil_type_object(r, cil_plain(t->args[n]))
                   : 0;
    }
}

/* A T is also a Nullable<T> here, although no object is one. */
static bool is_nullable_of(const struct cil_runtime *r, const struct cil_type *t,
                           const struct cil_type *other)
{
    return t->kind == CIL_GENERICINST && t->c->assembly == r->unit->d->core &&
           strcmp(t->c->name, "Nullable`1") == 0 && cil_plain(t->args[0]) == other;
}

/* The answer is where those of casts are: in the window, where code that is not verifiable can
 * change it. */
uint64_t cil_type_accepts(struct cil_runtime *r, uint64_t type, uint64_t other, uint64_t c,
                          uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    const struct cil_unit_type *to = cil_type_by_object(r, type),
                               *from = cil_type_by_object(r, other);
    for (uint32_t n = 0; from->casts != 0 && n < r->unit->cast_count; n++) {
        if (r->unit->casts[n].type == to->type && !r->unit->casts[n].is_unbox) {
            return *(const uint8_t *)cil_memory(r, from->casts + (uint64_t)n, 1) != 0 ||
                   is_nullable_of(r, to->type, from->type);
        }
    }
    return to == from || is_nullable_of(r, to->type, from->type);
}

static bool has_arguments(struct cil_runtime *r, const struct cil_type *t,
                          const struct cil_text *objects)
{
    for (uint32_t n = 0; n < t->number; n++) {
        uint32_t object = load_le32((const uint8_t *)objects->at + (size_t)CIL_POINTER_BYTES * n);
        if (cil_plain(t->args[n]) != cil_type_by_object(r, object)->type) {
            return false;
        }
    }
    return true;
}

/* @return null: the program does not contain it, or the number of arguments is another one. */
uint64_t cil_type_instance_of(struct cil_runtime *r, uint64_t type, uint64_t arguments, uint64_t c,
                              uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    const struct cil_type *definition = cil_type_by_object(r, type)->type;
    const struct cil_text objects = cil_array(r, arguments, CIL_POINTER_BYTES);
    for (uint32_t n = 0; n < r->unit->runtime_type_count; n++) {
        const struct cil_unit_type *k = &r->unit->runtime_types[n];
        if (k->object != 0 && k->type->kind == CIL_GENERICINST && k->type->c == definition->c &&
            k->type->number == objects.length && has_arguments(r, k->type, &objects)) {
            return k->object;
        }
    }
    return 0;
}

/* ---- New objects ---- */

uint64_t cil_type_constructor(struct cil_runtime *r, uint64_t type, uint64_t b, uint64_t c,
                              uint64_t d, uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    return cil_type_by_object(r, type)->constructor;
}

uint64_t cil_type_allocate(struct cil_runtime *r, uint64_t type, uint64_t b, uint64_t c, uint64_t d,
                           uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    const struct cil_unit_type *k = cil_type_by_object(r, type);
    bool is_class = k->type->c != NULL && k->type->kind != CIL_STRING &&
                    (k->type->c->flags & CIL_TYPE_ABSTRACT) == 0;
    if (k->at == 0 || !is_class) {
        cil_end(r, CIL_BAD_ACCESS);
    }
    return cil_new(r, k->at, load_le32(cil_memory(r, k->at + (uint64_t)CIL_TYPE_BYTES, 4)));
}

/* @return null: the program has no such array. */
uint64_t cil_type_make_array(struct cil_runtime *r, uint64_t type, uint64_t length, uint64_t c,
                             uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    uint32_t array = cil_type_by_object(r, type)->array;
    return array == 0 ? 0
                      : cil_new_array(r, r->unit->runtime_types[array - 1].at, (uint32_t)length);
}

/* An array of CIL_ARRAY, whose dimensions the core library sets right after. @return null: the
 * program has no such array. */
uint64_t cil_type_make_matrix(struct cil_runtime *r, uint64_t type, uint64_t rank, uint64_t length,
                              uint64_t d, uint64_t e)
{
    (void)d, (void)e;
    const struct cil_type *element = cil_type_by_object(r, type)->type;
    for (uint32_t n = 0; n < r->unit->runtime_type_count; n++) {
        const struct cil_unit_type *k = &r->unit->runtime_types[n];
        if (k->at != 0 && k->type->kind == CIL_ARRAY && k->type->number == (uint32_t)rank &&
            cil_plain(k->type->element) == element) {
            return cil_new_array(r, k->at, (uint32_t)length);
        }
    }
    return 0;
}

/* @pre The array has this dimension, and room for lower bounds. */
uint64_t cil_array_set_dimension(struct cil_runtime *r, uint64_t array, uint64_t dimension,
                                 uint64_t length, uint64_t lower, uint64_t e)
{
    (void)e;
    const struct cil_type *t = cil_unit_type_at(r->unit, load_le32(cil_memory(r, array, 4)));
    uint64_t at = (uint32_t)array + CIL_DIMENSION_AT + UINT64_C(4) * (uint32_t)dimension;
    if (t == NULL || t->kind != CIL_ARRAY || (uint32_t)dimension >= t->number) {
        cil_end(r, CIL_BAD_ACCESS);
    }
    store_le32(cil_memory(r, at, 4), (uint32_t)length);
    store_le32(cil_memory(r, at + UINT64_C(4) * t->number, 4), (uint32_t)lower);
    return 0;
}

/* Another name, because it brings in other arrays. */
uint64_t cil_enum_make_array(struct cil_runtime *r, uint64_t type, uint64_t length, uint64_t c,
                             uint64_t d, uint64_t e)
{
    return cil_type_make_array(r, type, length, c, d, e);
}

/* ---- Elements of arrays ---- */

#define CLEAR_BYTES UINT64_C(65536) /* at once, without looking whether the program is to end */

/* An element of an array. The array and the place are the program's, and are checked. */
struct element {
    struct cil_unit_type *array;
    struct cil_type *type;
    uint64_t at; /* in the window */
    uint32_t bytes;
};

static struct element find_element(struct cil_runtime *r, uint64_t array, uint64_t place)
{
    const struct cil_gc_type *t;
    uint32_t length = load_le32(cil_memory(r, (uint32_t)array + (uint64_t)CIL_LENGTH_AT, 4));
    (void)cil_heap_size(r, (uint32_t)array, (uint32_t)cil_window_end(r, (uint32_t)array), &t);
    if (t->shape != CIL_SHAPE_ARRAY || (uint32_t)place >= length) {
        cil_end(r, CIL_BAD_ACCESS);
    }
    struct cil_unit_type *k = &r->unit->runtime_types[t - r->world->heap.types];
    return (struct element){k, cil_plain(k->type->element),
                            (uint32_t)array + t->start + (uint64_t)(uint32_t)place * t->bytes,
                            t->bytes};
}

/* Where a Nullable<T> has its two fields (build_nullable.c). */
static void find_parts(const struct cil_type *t, uint32_t *flag, uint32_t *value)
{
    for (uint32_t n = 0; n < t->layout->field_count; n++) {
        unsigned kind = cil_plain(t->c->fields[n].type)->kind;
        if ((t->c->fields[n].flags & CIL_FIELD_STATIC) == 0) {
            *(kind == CIL_VAR ? value : flag) = t->layout->offsets[n];
        }
    }
}

/* The type that an element has in a box; NULL: it is a reference. */
static const struct cil_unit_type *box_of(struct cil_runtime *r, const struct element *e)
{
    if (cil_is_reference(e->type)) {
        return NULL;
    }
    if (e->array->box == 0) {
        cil_end(r, CIL_BAD_ACCESS);
    }
    return &r->unit->runtime_types[e->array->box - 1];
}

static uint32_t bytes_in_box(struct cil_runtime *r, const struct cil_unit_type *box)
{
    return load_le32(cil_memory(r, box->at + (uint64_t)CIL_TYPE_BYTES, 4)) - CIL_HEADER_BYTES;
}

uint64_t cil_array_element(struct cil_runtime *r, uint64_t array, uint64_t place, uint64_t c,
                           uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    uint32_t flag = 0, value = 0;
    struct element at = find_element(r, array, place);
    const struct cil_unit_type *k = box_of(r, &at);
    if (k == NULL) {
        return load_le32(cil_memory(r, at.at, 4));
    }
    if (k->type != at.type) {
        find_parts(at.type, &flag, &value);
        if (*(const uint8_t *)cil_memory(r, at.at + flag, 1) == 0) {
            return 0;
        }
    }
    uint32_t bytes = bytes_in_box(r, k);
    (void)cil_hold(r, (uint32_t)array);
    uint32_t box = cil_new(r, k->at, CIL_HEADER_BYTES + (uint64_t)bytes);
    at = find_element(r, cil_drop(r), place); /* the array may have moved */
    cil_copy(r, (uint64_t)box + CIL_HEADER_BYTES, at.at + value, bytes);
    return box;
}

/* Whether an object is of the type of the elements: the comparison of stelem, in the window. */
static bool fits(struct cil_runtime *r, const struct element *to, uint32_t object)
{
    uint32_t cast = load_le32(cil_memory(r, to->array->at + (uint64_t)CIL_TYPE_ELEMENT, 4));
    uint32_t type = load_le32(cil_memory(r, object, 4));
    uint32_t casts = load_le32(cil_memory(r, type + (uint64_t)CIL_TYPE_CASTS, 4));
    return *(const uint8_t *)cil_memory(r, casts + (uint64_t)cast, 1) != 0;
}

uint64_t cil_array_store(struct cil_runtime *r, uint64_t array, uint64_t place, uint64_t object,
                         uint64_t d, uint64_t e)
{
    (void)d, (void)e;
    uint32_t flag = 0, value = 0;
    struct element at = find_element(r, array, place);
    const struct cil_unit_type *k = box_of(r, &at);
    if (k == NULL) {
        if ((uint32_t)object != 0 && !fits(r, &at, (uint32_t)object)) {
            return 0;
        }
        cil_store_reference(r, at.at, (uint32_t)object);
        return 1;
    }
    if ((uint32_t)object == 0) {
        memset(cil_memory(r, at.at, at.bytes), 0, at.bytes);
        return 1;
    }
    if (load_le32(cil_memory(r, object, 4)) != k->at) {
        return 0;
    }
    if (k->type != at.type) {
        find_parts(at.type, &flag, &value);
        *(uint8_t *)cil_memory(r, at.at + flag, 1) = 1;
    }
    cil_copy(r, at.at + value, (uint32_t)object + (uint64_t)CIL_HEADER_BYTES, bytes_in_box(r, k));
    return 1;
}

/* Ends the program unless `count` elements from a place on are inside of the array.
 * @return the first one. @pre There is at least one. */
static struct element find_elements(struct cil_runtime *r, uint64_t array, uint64_t place,
                                    uint32_t count)
{
    if (count > UINT32_MAX - (uint32_t)place) {
        cil_end(r, CIL_BAD_ACCESS);
    }
    (void)find_element(r, array, place + (count - 1));
    return find_element(r, array, place);
}

/* Copies elements from one array to another, or inside of one.
 * @return 0: the arrays are not of the same type, and nothing is copied. */
uint64_t cil_array_copy(struct cil_runtime *r, uint64_t from, uint64_t at, uint64_t to,
                        uint64_t place, uint64_t count)
{
    if ((uint32_t)count == 0) {
        return load_le32(cil_memory(r, from, 4)) == load_le32(cil_memory(r, to, 4));
    }
    struct element a = find_elements(r, from, at, (uint32_t)count);
    struct element b = find_elements(r, to, place, (uint32_t)count);
    if (a.array != b.array) {
        return 0;
    }
    cil_copy(r, b.at, a.at, (uint64_t)(uint32_t)count * a.bytes);
    return 1;
}

uint64_t cil_array_clear(struct cil_runtime *r, uint64_t array, uint64_t place, uint64_t count,
                         uint64_t d, uint64_t e)
{
    (void)d, (void)e;
    if ((uint32_t)count == 0) {
        return 0;
    }
    struct element first = find_elements(r, array, place, (uint32_t)count);
    uint64_t bytes = (uint64_t)(uint32_t)count * first.bytes;
    for (uint64_t done = 0, piece; done < bytes; done += piece) {
        piece = MIN(bytes - done, CLEAR_BYTES);
        memset(cil_memory(r, first.at + done, piece), 0, piece);
        cil_poll(r, piece / 1024);
    }
    return 0;
}

/* The bytes of all elements of an array of a primitive type. @return their number, and that of one
 * in *size; -1: the elements are of another type. */
static int64_t bytes_of(struct cil_runtime *r, uint64_t array, uint32_t *start, uint32_t *size)
{
    const struct cil_gc_type *t;
    uint32_t length = load_le32(cil_memory(r, (uint32_t)array + (uint64_t)CIL_LENGTH_AT, 4));
    (void)cil_heap_size(r, (uint32_t)array, (uint32_t)cil_window_end(r, (uint32_t)array), &t);
    if (t->shape != CIL_SHAPE_ARRAY) {
        cil_end(r, CIL_BAD_ACCESS);
    }
    const struct cil_unit_type *k = &r->unit->runtime_types[t - r->world->heap.types];
    unsigned kind = cil_plain(k->type->element)->kind;
    *start = t->start;
    *size = t->bytes;
    return kind >= CIL_BOOLEAN && kind <= CIL_R8 ? (int64_t)length * t->bytes : -1;
}

/* @return 0: one of the arrays is not of a primitive type. */
uint64_t cil_array_copy_bytes(struct cil_runtime *r, uint64_t from, uint64_t at, uint64_t to,
                              uint64_t place, uint64_t count)
{
    uint32_t a, b, size;
    int64_t have = bytes_of(r, from, &a, &size), room = bytes_of(r, to, &b, &size);
    int64_t bytes = (uint32_t)count;
    if (have < 0 || room < 0) {
        return 0;
    }
    if (bytes + (uint32_t)at > have || bytes + (uint32_t)place > room) {
        cil_end(r, CIL_BAD_ACCESS);
    }
    cil_copy(r, (uint64_t)(uint32_t)to + b + (uint32_t)place,
             (uint64_t)(uint32_t)from + a + (uint32_t)at, (uint64_t)bytes);
    return 1;
}

/* @return 0: they are of no primitive type. */
uint64_t cil_array_element_size(struct cil_runtime *r, uint64_t array, uint64_t b, uint64_t c,
                                uint64_t d, uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    uint32_t start, size;
    return bytes_of(r, array, &start, &size) < 0 ? 0 : size;
}
