// SPDX-License-Identifier: MIT
//
// Types, each of which exists once in a domain, and substitution of type parameters.
#include "kernel/cil/front/domain_internal.h"
#include "kernel/lib/string.h"

#define BUCKETS_MIN 256u

/* A type exists once in a domain, and so two types are equal exactly if their addresses are. All of
 * kernel/cil relies on that: it compares pointers, and hangs layouts and tables of methods on them.
 * Three things keep it true. Every type is made by intern(). Its parts were made by intern() before
 * it, so that hash and comparison need only their addresses. The members that they cover (kind,
 * number, class, element, args, signature) never change afterwards; the others may. */

static uint32_t mix(uint32_t h, uint64_t v)
{
    h = (h ^ (uint32_t)v) * 0x9e3779b1u;
    h = (h ^ (uint32_t)(v >> 32)) * 0x85ebca6bu;
    return h ^ h >> 15;
}

/* A modified type has its modifier as the only argument. */
static uint32_t arg_count(const struct cil_type *t)
{
    return t->kind == CIL_GENERICINST ? t->number : t->kind == CIL_MODREQ || t->kind == CIL_MODOPT;
}

static uint32_t hash_signature(uint32_t h, const struct cil_signature *s)
{
    h = mix(mix(h, s->convention), (uintptr_t)s->result);
    for (uint32_t n = 0; n < s->param_count; n++) {
        h = mix(h, (uintptr_t)s->params[n]);
    }
    return h;
}

static uint32_t hash_type(const struct cil_type *t)
{
    uint32_t h = mix(mix(t->kind, t->number), (uintptr_t)t->c);
    h = mix(h, (uintptr_t)t->element);
    for (uint32_t n = 0; n < arg_count(t); n++) {
        h = mix(h, (uintptr_t)t->args[n]);
    }
    return t->signature == NULL ? h : hash_signature(h, t->signature);
}

static bool equal_signatures(const struct cil_signature *a, const struct cil_signature *b)
{
    return a->convention == b->convention && a->generic_count == b->generic_count &&
           a->param_count == b->param_count && a->required == b->required &&
           a->result == b->result &&
           memcmp(a->params, b->params, a->param_count * sizeof a->params[0]) == 0;
}

/* Parts exist once, too, so addresses are compared, and nothing here is recursive. */
static bool equal_types(const struct cil_type *a, const struct cil_type *b)
{
    return a->kind == b->kind && a->number == b->number && a->c == b->c &&
           a->element == b->element &&
           memcmp(a->args == NULL ? &a : (const void *)a->args,
                  b->args == NULL ? &a : (const void *)b->args,
                  arg_count(a) * sizeof *a->args) == 0 &&
           (a->signature == b->signature || (a->signature != NULL && b->signature != NULL &&
                                             equal_signatures(a->signature, b->signature)));
}

/* The table doubles; the old one stays in the arena. */
static bool grow(struct cil_domain *d)
{
    uint32_t mask = d->buckets == NULL ? BUCKETS_MIN - 1 : 2 * d->bucket_mask + 1;
    struct cil_type **buckets = cil_alloc(d, mask + 1, sizeof *buckets);
    if (buckets == NULL) {
        return false;
    }
    for (uint32_t n = 0; d->buckets != NULL && n <= d->bucket_mask; n++) {
        for (struct cil_type *t = d->buckets[n], *next; t != NULL; t = next) {
            struct cil_type **bucket = &buckets[hash_type(t) & mask];
            next = t->next;
            t->next = *bucket;
            *bucket = t;
        }
    }
    d->buckets = buckets;
    d->bucket_mask = mask;
    return true;
}

/* Elements of arrays and type arguments may be kept by objects, so they are no ref structs. Here,
 * and not in the verifier, because it holds for trusted code, too: in the heap the collector looks
 * for objects only, not for addresses into them. is_byref_like is false until a class is
 * classified, so cil_class_classify() comes before any type is made of a type of that class. */
static bool may_be_inside(const struct cil_type *t, struct cil_type *part)
{
    bool is_kept = t->kind == CIL_SZARRAY || t->kind == CIL_ARRAY || t->kind == CIL_GENERICINST;
    return !is_kept || part == NULL || !cil_is_byref_like(cil_plain(part));
}

static void note_part(struct cil_type *t, const struct cil_type *part)
{
    if (part != NULL) {
        t->depth = MAX(t->depth, (uint8_t)(part->depth + 1));
        t->is_open |= part->is_open;
    }
}

/* Depth is limited, so that later code may be recursive. */
static bool finish(struct cil_domain *d, struct cil_type *t)
{
    t->depth = 1;
    t->is_open = t->kind == CIL_VAR || t->kind == CIL_MVAR;
    note_part(t, t->element);
    bool is_ok = may_be_inside(t, t->element);
    for (uint32_t n = 0; n < arg_count(t); n++) {
        note_part(t, t->args[n]);
        is_ok &= may_be_inside(t, t->args[n]);
    }
    if (!is_ok) {
        return cil_fail(d, t->c == NULL ? NULL : t->c->assembly, 0, E_CORRUPT,
                        "a ref struct is no element of an array and no type argument%s%s",
                        t->c == NULL ? "" : ": ", t->c == NULL ? "" : t->c->name);
    }
    if (t->signature != NULL) {
        note_part(t, t->signature->result);
        for (uint32_t n = 0; n < t->signature->param_count; n++) {
            note_part(t, t->signature->params[n]);
        }
    }
    return t->depth <= CIL_TYPE_DEPTH_MAX ||
           cil_fail(d, t->c == NULL ? NULL : t->c->assembly, 0, E_OVERFLOW,
                    "a type is nested in more than %u types%s%s", CIL_TYPE_DEPTH_MAX,
                    t->c == NULL ? "" : ": ", t->c == NULL ? "" : t->c->name);
}

/* @param wanted Its arguments may be temporary: they are copied. */
static struct cil_type *intern(struct cil_domain *d, const struct cil_type *wanted)
{
    if ((d->buckets == NULL || d->type_count > d->bucket_mask) && !grow(d)) {
        return NULL;
    }
    struct cil_type **bucket = &d->buckets[hash_type(wanted) & d->bucket_mask];
    for (struct cil_type *t = *bucket; t != NULL; t = t->next) {
        if (equal_types(t, wanted)) {
            return t;
        }
    }
    uint32_t count = arg_count(wanted);
    struct cil_type *t = cil_alloc(d, 1, sizeof *t);
    struct cil_type **args = count == 0 ? NULL : cil_alloc(d, count, sizeof(struct cil_type *));
    if (t == NULL || (count != 0 && args == NULL)) {
        return NULL;
    }
    *t = *wanted;
    if (count != 0) {
        memcpy(args, wanted->args, count * sizeof *args);
        t->args = args;
    }
    if (!finish(d, t)) {
        return NULL;
    }
    t->next = *bucket;
    *bucket = t;
    d->type_count++;
    return t;
}

struct cil_type *cil_type_of(struct cil_domain *d, unsigned kind, struct cil_type *element)
{
    return intern(d, &(struct cil_type){.kind = (uint8_t)kind, .element = element});
}

struct cil_type *cil_type_array(struct cil_domain *d, struct cil_type *element, uint32_t rank)
{
    return intern(d, &(struct cil_type){.kind = CIL_ARRAY, .element = element, .number = rank});
}

struct cil_type *cil_type_variable(struct cil_domain *d, unsigned kind, uint32_t number)
{
    return intern(d, &(struct cil_type){.kind = (uint8_t)kind, .number = number});
}

struct cil_type *cil_type_modified(struct cil_domain *d, unsigned kind, struct cil_type *t,
                                   struct cil_type *modifier)
{
    struct cil_type *args[] = {modifier};
    return intern(d, &(struct cil_type){.kind = (uint8_t)kind, .element = t, .args = args});
}

struct cil_type *cil_type_function(struct cil_domain *d, const struct cil_signature *s)
{
    return intern(d, &(struct cil_type){.kind = CIL_FNPTR, .signature = s});
}

struct cil_type *cil_type_class(struct cil_domain *d, unsigned kind, struct cil_class *c)
{
    return intern(d, &(struct cil_type){.kind = (uint8_t)kind, .c = c});
}

struct cil_type *cil_type_instance(struct cil_domain *d, struct cil_class *c,
                                   struct cil_type *const *args)
{
    return intern(d,
                  &(struct cil_type){
                      .kind = CIL_GENERICINST, .c = c, .args = args, .number = c->generic_count});
}

bool cil_is_reference(const struct cil_type *t)
{
    switch (t->kind) {
    case CIL_STRING:
    case CIL_CLASS:
    case CIL_OBJECT:
    case CIL_ARRAY:
    case CIL_SZARRAY:
        return true;
    case CIL_GENERICINST:
        return !t->c->is_value_type;
    default:
        return false;
    }
}

bool cil_is_byref_like(const struct cil_type *t)
{
    return t->kind == CIL_TYPEDBYREF || (t->c != NULL && t->c->is_byref_like);
}

bool cil_is_struct(const struct cil_type *t)
{
    return t->kind == CIL_VALUETYPE || t->kind == CIL_TYPEDBYREF ||
           (t->kind == CIL_GENERICINST && t->c->is_value_type);
}

/* ---- Substitution ---- */

/* A substitution replaces VAR by the arguments of an owner, MVAR by those of a method, both in one
 * pass: in two, an argument that contains a parameter of the calling method would be replaced
 * again. A type that is not open is returned as it is, which most are. The result may be deeper
 * than both: finish() refuses more than CIL_TYPE_DEPTH_MAX levels, and so ends generic code that
 * always needs a larger type. */

struct substitution {
    struct cil_domain *d;
    const struct cil_type *owner;
    struct cil_type *const *method_args;
    uint32_t method_count;
};

static struct cil_type *replace(const struct substitution *s, struct cil_type *t);

static struct cil_type *replace_variable(const struct substitution *s, struct cil_type *t)
{
    bool is_class = t->kind == CIL_VAR;
    if (is_class ? s->owner == NULL : s->method_args == NULL) {
        return t;
    }
    uint32_t count = is_class ? arg_count(s->owner) : s->method_count;
    if (t->number >= count) {
        (void)cil_fail(s->d, is_class && s->owner->c != NULL ? s->owner->c->assembly : NULL, 0,
                       E_CORRUPT, "type parameter %u of %u", t->number, count);
        return NULL;
    }
    return is_class ? s->owner->args[t->number] : s->method_args[t->number];
}

static struct cil_type *replace_args(const struct substitution *s, struct cil_type *t)
{
    struct cil_type **args = cil_alloc(s->d, t->number, sizeof(struct cil_type *));
    for (uint32_t n = 0; args != NULL && n < t->number; n++) {
        args[n] = replace(s, t->args[n]);
        if (args[n] == NULL) {
            return NULL;
        }
    }
    return args == NULL ? NULL : cil_type_instance(s->d, t->c, args);
}

static const struct cil_signature *replace_signature(const struct substitution *s,
                                                     const struct cil_signature *old)
{
    struct cil_signature *copy =
        cil_alloc(s->d, 1, sizeof *copy + old->param_count * sizeof copy->params[0]);
    if (copy == NULL) {
        return NULL;
    }
    *copy = *old;
    copy->result = replace(s, old->result);
    bool is_ok = copy->result != NULL;
    for (uint32_t n = 0; is_ok && n < old->param_count; n++) {
        copy->params[n] = replace(s, old->params[n]);
        is_ok = copy->params[n] != NULL;
    }
    return is_ok ? copy : NULL;
}

/* Recursion ends at the depth of `t`, at most CIL_TYPE_DEPTH_MAX. */
static struct cil_type *replace(const struct substitution *s, struct cil_type *t)
{
    if (!t->is_open) {
        return t;
    }
    switch (t->kind) {
    case CIL_VAR:
    case CIL_MVAR:
        return replace_variable(s, t);
    case CIL_GENERICINST:
        return replace_args(s, t);
    case CIL_FNPTR: {
        const struct cil_signature *changed = replace_signature(s, t->signature);
        return changed == NULL ? NULL : cil_type_function(s->d, changed);
    }
    default: {
        struct cil_type *element = replace(s, t->element);
        if (element == NULL) {
            return NULL;
        }
        struct cil_type changed = {
            .kind = t->kind, .element = element, .args = t->args, .number = t->number};
        return intern(s->d, &changed);
    }
    }
}

struct cil_type *cil_substitute(struct cil_domain *d, struct cil_type *t,
                                const struct cil_type *owner, struct cil_type *const *method_args,
                                uint32_t method_count)
{
    struct substitution s = {d, owner != NULL && owner->kind == CIL_GENERICINST ? owner : NULL,
                             method_args, method_count};
    return replace(&s, t);
}

const struct cil_signature *cil_substitute_signature(struct cil_domain *d,
                                                     const struct cil_signature *signature,
                                                     const struct cil_type *owner,
                                                     struct cil_type *const *method_args,
                                                     uint32_t method_count)
{
    struct substitution s = {d, owner != NULL && owner->kind == CIL_GENERICINST ? owner : NULL,
                             method_args, method_count};
    bool is_open = signature->result->is_open;
    for (uint32_t n = 0; n < signature->param_count; n++) {
        is_open |= signature->params[n]->is_open;
    }
    return is_open ? replace_signature(&s, signature) : signature;
}
