// SPDX-License-Identifier: MIT
//
// Attributes as objects. Each use of an attribute becomes a function that makes the object, with
// the arguments of the constructor, the fields and the properties that the file has (ECMA-335
// II.23.3).
#include "kernel/cil/front/build_internal.h"
#include "kernel/cil/front/bytes.h"
#include "kernel/lib/string.h"
#include "kernel/lib/unicode.h"

#define PROLOG     0x0001u
#define NO_STRING  0xffu
#define NO_ARRAY   UINT32_MAX
#define KIND_TYPE  0x50u /* of arguments, besides those of enum cil_kind (II.23.1.16) */
#define KIND_BOXED 0x51u
#define KIND_FIELD 0x53u
#define KIND_PROP  0x54u
#define KIND_ENUM  0x55u
#define VALUES_MAX 4096u /* in one attribute: each becomes instructions */
#define NESTED_MAX 8u    /* objects in arrays of objects */
#define TOO_MUCH   "more than 4,096 values, or values nested too deeply"
#define NAME_MAX   512u

static const struct build_rep reference_rep = {IR_I32, CIL_OBJECT, CIL_POINTER_BYTES, NULL};

/* Where the contents are read. Everything in them comes from the file: each read looks for the end,
 * and an error names the row. */
struct contents {
    struct builder *b;
    struct cil_assembly *a;
    uint32_t row, values;
    struct cil_bytes left;
};

static bool refuse(const struct contents *r, enum status s, const char *what)
{
    return cil_fail(r->b->d, r->a, CIL_TOKEN(CIL_CUSTOM_ATTRIBUTE, r->row), s, "attribute: %s",
                    what);
}

static bool cut(const struct contents *r)
{
    return refuse(r, E_CORRUPT, "its arguments end too early");
}

static bool push_object(struct builder *b, uint32_t at)
{
    return build_push(b, build_mark(b, ir_const(b->f, IR_I32, at), BUILD_OBJECT));
}

/* @param out With len 0 and `at` NULL: there is none. */
static bool read_text(struct contents *r, struct cil_bytes *out)
{
    uint32_t len;
    *out = (struct cil_bytes){NULL, 0};
    if (r->left.len != 0 && r->left.at[0] == NO_STRING) {
        return cil_skip(&r->left, 1);
    }
    if (!cil_compressed(&r->left, &len) || !cil_part(r->left, 0, len, out)) {
        return cut(r);
    }
    return cil_skip(&r->left, len);
}

/* ---- Strings and types ---- */

/* A character of UTF-8 becomes at most as many units as it has bytes. */
static bool push_text(struct contents *r)
{
    struct cil_bytes text;
    if (!read_text(r, &text)) {
        return false;
    }
    if (text.at == NULL) {
        return push_object(r->b, 0);
    }
    uint8_t *units = arena_alloc(r->b->unit->arena, (size_t)2 * text.len + 4);
    uint32_t len = 0, point;
    if (units == NULL) {
        return refuse(r, E_NOMEM, "no memory left to compile");
    }
    for (uint32_t at = 0; at < text.len;) {
        at += (uint32_t)unicode_decode((const char *)text.at + at, text.len - at, &point);
        if (point >= 0x10000) {
            store_le16(units + len, (uint16_t)(0xd800 + ((point - 0x10000) >> 10)));
            len += 2;
            point = 0xdc00 + ((point - 0x10000) & 0x3ff);
        }
        store_le16(units + len, (uint16_t)point);
        len += 2;
    }
    uint32_t at = unit_literal(r->b->unit, (struct cil_bytes){units, len});
    return at != 0 && push_object(r->b, at);
}

/* "N.Outer+Inner", in the assembly or, without its name, in this one or the core library. */
static struct cil_class *class_in(struct cil_assembly *a, char *name)
{
    char *inner = strchr(name, '+'), *dot = NULL;
    if (inner != NULL) {
        *inner++ = '\0';
    }
    for (char *p = name; *p != '\0'; p++) {
        dot = *p == '.' ? p : dot;
    }
    if (dot != NULL) {
        *dot = '\0';
    }
    struct cil_class *c =
        dot == NULL ? cil_find_class(a, "", name) : cil_find_class(a, name, dot + 1);
    if (dot != NULL) {
        *dot = '.';
    }
    while (c != NULL && inner != NULL) {
        char *next = strchr(inner, '+');
        if (next != NULL) {
            *next++ = '\0';
        }
        c = cil_find_nested(c, inner);
        inner = next;
    }
    return c;
}

/* The assembly after the comma, among those that the file refers to. */
static struct cil_assembly *assembly_named(const struct contents *r, const char *text)
{
    while (*text == ' ') {
        text++;
    }
    size_t len = 0;
    while (text[len] != '\0' && text[len] != ',') {
        len++;
    }
    struct cil_assembly *found = NULL;
    for (uint32_t row = 1; row <= r->a->image.tables[CIL_ASSEMBLY_REF].count; row++) {
        const char *name =
            cil_cell_string(&r->a->image, CIL_ASSEMBLY_REF, row, CIL_ASSEMBLY_REF_NAME);
        if (strlen(name) == len && memcmp(name, text, len) == 0) {
            found = cil_reference(r->a, row);
        }
    }
    return strlen(r->a->name) == len && memcmp(r->a->name, text, len) == 0 ? r->a : found;
}

/* @return NULL: an error is recorded. */
static struct cil_type *type_named(const struct contents *r, struct cil_bytes text)
{
    char name[NAME_MAX], copy[NAME_MAX];
    struct cil_class *c = NULL;
    if (text.len >= sizeof name) {
        (void)refuse(r, E_CORRUPT, "the name of a type is too long");
        return NULL;
    }
    memcpy(name, text.at, text.len); /* a zero ends it */
    name[text.len] = '\0';
    if (strchr(name, '[') != NULL || strchr(name, '*') != NULL || strchr(name, '\\') != NULL) {
        (void)refuse(r, E_NOTSUP, "a type made of others as an argument");
        return NULL;
    }
    char *comma = strchr(name, ',');
    if (comma != NULL) {
        *comma++ = '\0';
        struct cil_assembly *a = assembly_named(r, comma);
        c = a == NULL ? NULL : class_in(a, name);
    } else {
        memcpy(copy, name, sizeof copy);
        c = class_in(r->a, copy);
        c = c == NULL && r->b->d->status == OK ? class_in(r->b->d->core, name) : c;
    }
    if (c == NULL || !cil_class_open(c)) {
        (void)cil_fail(r->b->d, r->a, CIL_TOKEN(CIL_CUSTOM_ATTRIBUTE, r->row), E_UNRESOLVED,
                       "attribute: type %s is not there", name);
        return NULL;
    }
    return c->type;
}

static bool push_type(struct contents *r)
{
    struct cil_bytes text;
    if (!read_text(r, &text)) {
        return false;
    }
    struct cil_type *t = text.at == NULL ? NULL : type_named(r, text);
    uint32_t at = t == NULL ? 0 : unit_type_object(r->b->unit, t);
    return (text.at == NULL || at != 0) && push_object(r->b, at);
}

/* ---- Values ---- */

static bool push_value(struct contents *r, struct cil_type *t, unsigned depth);

static bool push_number(struct contents *r, unsigned kind)
{
    static const uint8_t bytes[] = {
        [CIL_BOOLEAN] = 1, [CIL_CHAR] = 2, [CIL_I1] = 1, [CIL_U1] = 1, [CIL_I2] = 2, [CIL_U2] = 2,
        [CIL_I4] = 4,      [CIL_U4] = 4,   [CIL_I8] = 8, [CIL_U8] = 8, [CIL_R4] = 4, [CIL_R8] = 8};
    struct cil_bytes number;
    uint8_t wide[8] = {0};
    if (!cil_part(r->left, 0, bytes[kind], &number)) {
        return cut(r);
    }
    memcpy(wide, number.at, number.len);
    (void)cil_skip(&r->left, number.len);
    uint64_t bits = load_le64(wide);
    bits = kind == CIL_I1   ? (uint64_t)(int8_t)bits
           : kind == CIL_I2 ? (uint64_t)(int16_t)bits
                            : bits;
    unsigned type = kind == CIL_R4                     ? IR_F32
                    : kind == CIL_R8                   ? IR_F64
                    : kind == CIL_I8 || kind == CIL_U8 ? IR_I64
                                                       : IR_I32;
    return build_push(r->b,
                      ir_build_const(r->b->f, type, bytes[kind] == 8 ? bits : (uint32_t)bits));
}

static struct cil_type *core_type(const struct contents *r)
{
    struct cil_class *c = unit_core_class(r->b->unit, "Type");
    return c == NULL ? NULL : c->type;
}

/* The type of an argument that says it by itself (II.23.3, FieldOrPropType).
 * @return NULL: an error is recorded. */
static struct cil_type *read_type(struct contents *r, unsigned depth)
{
    uint8_t kind;
    struct cil_bytes text;
    if (!cil_u8(&r->left, &kind)) {
        (void)cut(r);
        return NULL;
    }
    if ((kind >= CIL_BOOLEAN && kind <= CIL_STRING) || kind == KIND_BOXED) {
        return cil_primitive(r->b->d, kind == KIND_BOXED ? CIL_OBJECT : kind);
    }
    if (kind == KIND_TYPE) {
        return core_type(r);
    }
    if (kind == KIND_ENUM) {
        return read_text(r, &text) && (text.at != NULL || cut(r)) ? type_named(r, text) : NULL;
    }
    if (kind != CIL_SZARRAY || depth == NESTED_MAX) {
        (void)(kind != CIL_SZARRAY ? refuse(r, E_CORRUPT, "a value of no type")
                                   : refuse(r, E_OVERFLOW, TOO_MUCH));
        return NULL;
    }
    struct cil_type *t = read_type(r, depth + 1);
    return t == NULL ? NULL : cil_type_of(r->b->d, CIL_SZARRAY, t);
}

static bool push_array(struct contents *r, struct cil_type *t, unsigned depth)
{
    struct builder *b = r->b;
    struct cil_type *e = cil_plain(t->element);
    struct build_rep rep;
    uint32_t count;
    if (!cil_u32(&r->left, &count)) {
        return cut(r);
    }
    if (count == NO_ARRAY) {
        return push_object(b, 0);
    }
    if (count > r->left.len) { /* a value has at least one byte */
        return cut(r);
    }
    uint32_t type = unit_made_type(b->unit, t);
    if (type == 0 || !build_rep_of(b->unit, e, &rep)) {
        return false;
    }
    const uint32_t args[] = {build_number(b, type), build_number(b, count)};
    uint32_t array = build_help(b, CIL_HELPER_NEW_ARRAY, args, 2);
    for (uint32_t n = 0; n < count; n++) {
        if (!push_value(r, e, depth) ||
            !build_store_to(b, e, array, CIL_ELEMENT_AT + n * rep.size, build_pop(b))) {
            return false;
        }
    }
    return build_push(b, array);
}

static bool push_boxed(struct contents *r, unsigned depth)
{
    struct cil_type *t = read_type(r, depth);
    return t != NULL && push_value(r, t, depth + 1) && build_box(r->b, t);
}

static bool push_value(struct contents *r, struct cil_type *t, unsigned depth)
{
    t = cil_plain(t);
    if (depth > NESTED_MAX || ++r->values > VALUES_MAX) {
        return refuse(r, E_OVERFLOW, TOO_MUCH);
    }
    const struct cil_type *number = cil_underlying(r->b->d, t);
    if (number == NULL) {
        return false;
    }
    if (number->kind >= CIL_BOOLEAN && number->kind <= CIL_R8) {
        return push_number(r, number->kind);
    }
    if (t->kind == CIL_STRING) {
        return push_text(r);
    }
    if (t->kind == CIL_OBJECT) {
        return push_boxed(r, depth);
    }
    if (t->kind == CIL_SZARRAY) {
        return push_array(r, t, depth + 1);
    }
    return t == core_type(r) ? push_type(r)
                             : r->b->d->status == OK &&
                                   refuse(r, E_CORRUPT, "a value of a type that none can have");
}

/* ---- Fields and properties ---- */

static bool has_name(const char *name, const char *prefix, struct cil_bytes text)
{
    size_t len = strlen(prefix);
    return strncmp(name, prefix, len) == 0 && strlen(name) == len + text.len &&
           memcmp(name + len, text.at, text.len) == 0;
}

static bool set_field(struct contents *r, struct cil_type *owner, struct cil_bytes name,
                      struct cil_type *t, uint32_t object)
{
    for (; owner != NULL; owner = cil_type_parent(r->b->d, owner)) {
        const struct cil_layout *l = cil_type_layout(r->b->d, owner);
        for (uint32_t n = 0; l != NULL && n < owner->c->field_count; n++) {
            const struct cil_field *f = &owner->c->fields[n];
            if (has_name(f->name, "", name) && (f->flags & CIL_FIELD_STATIC) == 0 &&
                cil_substitute(r->b->d, cil_plain(f->type), owner, NULL, 0) == t) {
                return build_store_to(r->b, t, object, l->offsets[n], build_pop(r->b));
            }
        }
    }
    return r->b->d->status == OK && refuse(r, E_UNRESOLVED, "the class has no such field");
}

static bool set_property(struct contents *r, struct cil_type *owner, struct cil_bytes name,
                         struct cil_type *t, uint32_t object)
{
    for (; owner != NULL; owner = cil_type_parent(r->b->d, owner)) {
        const struct cil_image *m = &owner->c->assembly->image;
        struct cil_run run = cil_cell_run(m, CIL_TYPE_DEF, owner->c->row, CIL_TYPE_DEF_METHODS);
        for (uint32_t at = run.first; at < run.end; at++) {
            uint32_t row = cil_run_row(m, CIL_METHOD_DEF, at);
            const char *found = cil_cell_string(m, CIL_METHOD_DEF, row, CIL_METHOD_DEF_NAME);
            const struct cil_callee *open =
                has_name(found, "set_", name)
                    ? cil_resolve_method(owner->c->assembly, CIL_TOKEN(CIL_METHOD_DEF, row))
                    : NULL;
            if (open == NULL || (open->flags & CIL_METHOD_STATIC) != 0 ||
                open->signature->generic_count != 0 || open->signature->param_count != 1) {
                continue;
            }
            struct cil_callee c = *open;
            c.owner = owner;
            c.signature = unit_signature(r->b->unit, &c);
            if (c.signature != NULL && cil_plain(c.signature->params[0]) == t) {
                uint32_t value = build_pop(r->b);
                return build_push(r->b, object) && build_push(r->b, value) &&
                       build_call_member(r->b, &c);
            }
        }
    }
    return r->b->d->status == OK && refuse(r, E_UNRESOLVED, "the class has no such property");
}

static bool set_named(struct contents *r, struct cil_type *owner, uint32_t object)
{
    uint8_t kind;
    struct cil_bytes name;
    if (!cil_u8(&r->left, &kind) || (kind != KIND_FIELD && kind != KIND_PROP)) {
        return refuse(r, E_CORRUPT, "neither a field nor a property");
    }
    struct cil_type *t = read_type(r, 0);
    if (t == NULL || !read_text(r, &name) || !(name.at != NULL || cut(r)) || !push_value(r, t, 0)) {
        return false;
    }
    return kind == KIND_FIELD ? set_field(r, owner, name, t, object)
                              : set_property(r, owner, name, t, object);
}

/* ---- The function ---- */

static bool make(struct contents *r, const struct cil_callee *c, uint32_t *object)
{
    uint16_t prolog;
    if (!cil_u16(&r->left, &prolog) || prolog != PROLOG) {
        return refuse(r, E_CORRUPT, "its arguments do not begin with 1");
    }
    for (uint32_t n = 0; n < c->signature->param_count; n++) {
        if (!push_value(r, c->signature->params[n], 0)) {
            return false;
        }
    }
    if (!build_construct(r->b, c)) {
        return false;
    }
    *object = build_pop(r->b);
    return true;
}

/* An attribute without arguments may have no contents at all. */
bool build_attribute(struct builder *b)
{
    const struct cil_unit_attribute at = b->unit->attributes[b->m.target];
    struct contents r = {.b = b, .a = at.a, .row = at.row};
    uint16_t named = 0;
    uint32_t object;
    r.left = cil_cell_blob(&at.a->image, CIL_CUSTOM_ATTRIBUTE, at.row, CIL_CUSTOM_ATTRIBUTE_VALUE);
    if (r.left.len == 0) {
        static const uint8_t none[] = {PROLOG, 0, 0, 0};
        r.left = (struct cil_bytes){none, sizeof none};
    }
    (void)ir_param(b->f, IR_I32);
    b->result = reference_rep; /* an exception returns one */
    b->slots = arena_alloc(b->unit->arena, BUILD_SLOTS_MAX * sizeof *b->slots);
    if (b->slots == NULL) {
        return refuse(&r, E_NOMEM, "no memory left to compile");
    }
    build_enter_frame(b);
    if (!make(&r, &at.c, &object)) {
        return false;
    }
    if (!cil_u16(&r.left, &named)) {
        return cut(&r);
    }
    for (; named > 0; named--) {
        if (!set_named(&r, at.c.owner, object)) {
            return false;
        }
    }
    if (r.left.len != 0) {
        return refuse(&r, E_CORRUPT, "bytes after its last argument");
    }
    build_leave_frame(b);
    (void)ir_emit(b->f, IR_RETURN, IR_VOID, 0, ir_pool(b->f, &object, 1), 1);
    return true;
}
