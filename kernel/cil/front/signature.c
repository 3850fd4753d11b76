// SPDX-License-Identifier: MIT
//
// Decodes signatures: of methods, fields, properties, local variables, type specifications and the
// arguments of generic methods (ECMA-335 II.23.2). Every byte of a blob must be used.
#include "kernel/cil/front/domain_internal.h"

#define RANK_MAX   32u
#define LOCALS_MAX 0xfffeu

/* What may stand where a type is read. */
#define MAY_BE_VOID   1u
#define MAY_BE_BYREF  2u
#define MAY_BE_PINNED 4u /* locals */

struct reader {
    struct cil_assembly *a;
    struct cil_domain *d;
    struct cil_bytes rest;
    uint32_t token; /* of the row with the signature */
    bool is_pinned; /* the type that was read last had the word before it */
};

static void *fail(const struct reader *r, const char *what)
{
    (void)cil_fail(r->d, r->a, r->token, E_CORRUPT, "signature: %s", what);
    return NULL;
}

/* The grammar is recursive, and the bytes are foreign. Two limits hold everywhere: read_type()
 * counts the depth, and read_count() wants at least a byte of the blob for each element that memory
 * is allocated for. `allowed` says which words may come next; each level passes on what II.23.2
 * allows there, mostly nothing. So a managed pointer, a typed reference and void occur only
 * outermost in a type or in the signature of a function pointer (void also below a pointer), and
 * pinned only outermost in the type of a local variable. */
static struct cil_type *read_type(struct reader *r, unsigned allowed, unsigned depth);
static const struct cil_signature *read_method(struct reader *r, unsigned depth);

/* A coded index of TypeDef, TypeRef or TypeSpec. */
static bool read_token(struct reader *r, uint32_t *out)
{
    static const uint8_t tables[] = {CIL_TYPE_DEF, CIL_TYPE_REF, CIL_TYPE_SPEC};
    uint32_t coded;
    if (!cil_compressed(&r->rest, &coded) || (coded & 3) == 3) {
        return fail(r, "no token of a type where one belongs") != NULL;
    }
    *out = CIL_TOKEN(tables[coded & 3], coded >> 2);
    return (coded >> 2 <= 0xffffff && cil_token_exists(&r->a->image, *out)) ||
           fail(r, "a token of a type that does not exist") != NULL;
}

/* The definition decides whether values are objects, not the signature's CLASS or VALUETYPE: some
 * compilers write the wrong one, and the other runtimes accept it. */
static struct cil_class *read_class(struct reader *r)
{
    uint32_t token;
    if (!read_token(r, &token)) {
        return NULL;
    }
    if (CIL_TOKEN_TABLE(token) == CIL_TYPE_SPEC) {
        return fail(r, "a type specification in place of a class");
    }
    struct cil_class *c = cil_resolve_class(r->a, token);
    return c != NULL && cil_class_classify(c) ? c : NULL;
}

static struct cil_type *read_definition(struct reader *r)
{
    struct cil_class *c = read_class(r);
    if (c != NULL && c->generic_count != 0) {
        (void)cil_fail(r->d, r->a, r->token, E_CORRUPT,
                       "signature: %s.%s without its %u type arguments", c->space, c->name,
                       c->generic_count);
        return NULL;
    }
    return c == NULL ? NULL : c->type;
}

/* A count of elements that need a byte each. */
static bool read_count(struct reader *r, uint32_t limit, uint32_t *out)
{
    return (cil_compressed(&r->rest, out) && *out <= limit && *out <= r->rest.len) ||
           fail(r, "more elements than bytes, or too many") != NULL;
}

static struct cil_type *read_instance(struct reader *r, unsigned depth)
{
    uint8_t kind;
    uint32_t count;
    if (!cil_u8(&r->rest, &kind) || (kind != CIL_CLASS && kind != CIL_VALUETYPE)) {
        return fail(r, "an instantiation of neither a class nor a value type");
    }
    struct cil_class *c = read_class(r);
    if (c == NULL || !read_count(r, CIL_GENERIC_COUNT_MAX, &count)) {
        return NULL;
    }
    if (count == 0 || count != c->generic_count) {
        (void)cil_fail(r->d, r->a, r->token, E_CORRUPT,
                       "signature: %s.%s has %u type parameters and %u arguments", c->space,
                       c->name, c->generic_count, count);
        return NULL;
    }
    struct cil_type **args = cil_alloc(r->d, count, sizeof(struct cil_type *));
    for (uint32_t n = 0; args != NULL && n < count; n++) {
        args[n] = read_type(r, 0, depth);
        if (args[n] == NULL) {
            return NULL;
        }
    }
    return args == NULL ? NULL : cil_type_instance(r->d, c, args);
}

/* The encoding contains sizes and lower bounds, but the verifier ignores them: all arrays of one
 * rank and one element type are of the same type, and the objects have the bounds. */
static struct cil_type *read_array(struct reader *r, unsigned depth)
{
    struct cil_type *element = read_type(r, 0, depth);
    uint32_t rank, count, unused;
    int32_t bound;
    if (element == NULL) {
        return NULL;
    }
    if (!cil_compressed(&r->rest, &rank) || rank == 0 || rank > RANK_MAX ||
        !cil_compressed(&r->rest, &count) || count > rank) {
        return fail(r, "an array with a wrong rank or number of sizes");
    }
    while (count-- > 0) {
        if (!cil_compressed(&r->rest, &unused)) {
            return fail(r, "an array with a size that is cut off");
        }
    }
    if (!cil_compressed(&r->rest, &count) || count > rank) {
        return fail(r, "an array with a wrong number of bounds");
    }
    while (count-- > 0) {
        if (!cil_compressed_signed(&r->rest, &bound)) {
            return fail(r, "an array with a lower bound that is cut off");
        }
    }
    return cil_type_array(r->d, element, rank);
}

static struct cil_type *read_modified(struct reader *r, unsigned kind, unsigned allowed,
                                      unsigned depth)
{
    uint32_t token;
    struct cil_type *modifier = NULL;
    if (read_token(r, &token)) {
        modifier = cil_resolve_type(r->a, token);
    }
    struct cil_type *t = modifier == NULL ? NULL : read_type(r, allowed, depth);
    return t == NULL ? NULL : cil_type_modified(r->d, kind, t, modifier);
}

static struct cil_type *read_variable(struct reader *r, unsigned kind)
{
    uint32_t number;
    if (!cil_compressed(&r->rest, &number) || number >= CIL_GENERIC_COUNT_MAX) {
        return fail(r, "a type parameter without a valid number");
    }
    return cil_type_variable(r->d, kind, number);
}

static struct cil_type *read_element(struct reader *r, unsigned kind, unsigned allowed,
                                     unsigned depth)
{
    struct cil_type *t = read_type(r, allowed, depth);
    return t == NULL ? NULL : cil_type_of(r->d, kind, t);
}

static struct cil_type *read_function(struct reader *r, unsigned depth)
{
    const struct cil_signature *s = read_method(r, depth);
    return s == NULL ? NULL : cil_type_function(r->d, s);
}

/* @param depth How deep the bytes nest: it bounds the recursion. */
static struct cil_type *read_type(struct reader *r, unsigned allowed, unsigned depth)
{
    uint8_t kind;
    if (++depth > CIL_TYPE_DEPTH_MAX) {
        return fail(r, "types nested too deeply");
    }
    if (!cil_u8(&r->rest, &kind)) {
        return fail(r, "cut off");
    }
    switch (kind) {
    case CIL_VOID:
        return (allowed & MAY_BE_VOID) != 0 ? cil_primitive(r->d, kind)
                                            : fail(r, "void in place of a type of values");
    case CIL_TYPEDBYREF:
        return (allowed & MAY_BE_BYREF) != 0 ? cil_primitive(r->d, kind)
                                             : fail(r, "a typed reference inside of a type");
    case CIL_BYREF:
        return (allowed & MAY_BE_BYREF) != 0 ? read_element(r, kind, 0, depth)
                                             : fail(r, "a managed pointer inside of a type");
    case CIL_PINNED:
        r->is_pinned = true;
        return (allowed & MAY_BE_PINNED) != 0 ? read_type(r, allowed & ~MAY_BE_PINNED, depth)
                                              : fail(r, "pinned, but no local variable");
    case CIL_PTR:
        return read_element(r, kind, MAY_BE_VOID, depth);
    case CIL_SZARRAY:
        return read_element(r, kind, 0, depth);
    case CIL_VALUETYPE:
    case CIL_CLASS:
        return read_definition(r);
    case CIL_VAR:
    case CIL_MVAR:
        return read_variable(r, kind);
    case CIL_ARRAY:
        return read_array(r, depth);
    case CIL_GENERICINST:
        return read_instance(r, depth);
    case CIL_FNPTR:
        return read_function(r, depth);
    case CIL_MODREQ:
    case CIL_MODOPT:
        return read_modified(r, kind, allowed, depth);
    default:
        if ((kind >= CIL_BOOLEAN && kind <= CIL_STRING) || kind == CIL_I || kind == CIL_U ||
            kind == CIL_OBJECT) {
            return cil_primitive(r->d, kind);
        }
        (void)cil_fail(r->d, r->a, r->token, E_CORRUPT, "signature: unknown type 0x%x", kind);
        return NULL;
    }
}

/* Signatures are not unique as types are: equal ones may have several addresses. Their types are,
 * so same_signature() in member.c and vtable.c compares those. cil_type_function() compares
 * signatures by contents, so that function pointers are unique nevertheless. */
static struct cil_signature *new_signature(struct reader *r, uint32_t count)
{
    struct cil_signature *s = cil_alloc(r->d, 1, sizeof *s + count * sizeof s->params[0]);
    if (s != NULL) {
        s->param_count = s->required = count;
    }
    return s;
}

/* A call of a method with variable arguments has a sentinel before these. */
static bool skip_sentinel(struct reader *r, struct cil_signature *s, uint32_t at)
{
    if (r->rest.len == 0 || r->rest.at[0] != CIL_SENTINEL) {
        return true;
    }
    if ((s->convention & CIL_CONVENTION_MASK) != CIL_CONVENTION_VARARG ||
        s->required != s->param_count) {
        return fail(r, "a sentinel that does not belong there") != NULL;
    }
    s->required = at;
    return cil_skip(&r->rest, 1);
}

/* Few signatures have pinned variables, so the array is made with the first one. */
static bool note_pinned(struct reader *r, struct cil_signature *s, uint32_t n)
{
    uint8_t *all = (uint8_t *)(uintptr_t)s->pinned;
    if (all == NULL) {
        all = cil_alloc(r->d, s->param_count, 1);
        s->pinned = all;
    }
    if (all != NULL) {
        all[n] = 1;
    }
    r->is_pinned = false;
    return all != NULL;
}

static bool read_params(struct reader *r, struct cil_signature *s, unsigned allowed, unsigned depth)
{
    for (uint32_t n = 0; n < s->param_count; n++) {
        if (!skip_sentinel(r, s, n)) {
            return false;
        }
        s->params[n] = read_type(r, allowed, depth);
        if (s->params[n] == NULL || (r->is_pinned && !note_pinned(r, s, n))) {
            return false;
        }
    }
    return true;
}

static const struct cil_signature *read_method(struct reader *r, unsigned depth)
{
    uint8_t convention;
    uint32_t generic = 0, count;
    if (!cil_u8(&r->rest, &convention)) {
        return fail(r, "cut off");
    }
    unsigned plain = convention & CIL_CONVENTION_MASK;
    if (plain >= CIL_CONVENTION_FIELD && plain != CIL_CONVENTION_PROP) {
        return fail(r, "no method");
    }
    if ((convention & CIL_CONVENTION_GENERIC) != 0 &&
        (!cil_compressed(&r->rest, &generic) || generic == 0 || generic > CIL_GENERIC_COUNT_MAX)) {
        return fail(r, "a generic method without a valid number of type parameters");
    }
    if (!read_count(r, CIL_PARAMETERS_MAX, &count)) {
        return NULL;
    }
    struct cil_signature *s = new_signature(r, count);
    if (s == NULL) {
        return NULL;
    }
    s->convention = convention;
    s->generic_count = generic;
    s->result = read_type(r, MAY_BE_VOID | MAY_BE_BYREF, depth);
    return s->result != NULL && read_params(r, s, MAY_BE_BYREF, depth) ? s : NULL;
}

static bool at_end(const struct reader *r)
{
    return r->rest.len == 0 || fail(r, "bytes after its end") != NULL;
}

static struct reader start(struct cil_assembly *a, struct cil_bytes blob, uint32_t token)
{
    return (struct reader){.a = a, .d = a->domain, .rest = blob, .token = token};
}

const struct cil_signature *cil_decode_method(struct cil_assembly *a, struct cil_bytes blob,
                                              uint32_t token)
{
    struct reader r = start(a, blob, token);
    const struct cil_signature *s = read_method(&r, 0);
    return s != NULL && at_end(&r) ? s : NULL;
}

struct cil_type *cil_decode_field(struct cil_assembly *a, struct cil_bytes blob, uint32_t token)
{
    struct reader r = start(a, blob, token);
    uint8_t convention;
    if (!cil_u8(&r.rest, &convention) || convention != CIL_CONVENTION_FIELD) {
        return fail(&r, "no field");
    }
    struct cil_type *t = read_type(&r, 0, 0);
    return t != NULL && at_end(&r) ? t : NULL;
}

struct cil_type *cil_decode_spec(struct cil_assembly *a, struct cil_bytes blob, uint32_t token)
{
    struct reader r = start(a, blob, token);
    struct cil_type *t = read_type(&r, MAY_BE_BYREF | MAY_BE_VOID, 0);
    return t != NULL && at_end(&r) ? t : NULL;
}

/* II.23.2.6 and II.23.2.15: a list without a result, whose `result` stays NULL. Its users must not
 * pass it to cil_substitute_signature(), which reads it. */
const struct cil_signature *cil_decode_list(struct cil_assembly *a, struct cil_bytes blob,
                                            uint32_t token, unsigned convention)
{
    struct reader r = start(a, blob, token);
    bool is_locals = convention == CIL_CONVENTION_LOCALS;
    uint8_t first;
    uint32_t count;
    if (!cil_u8(&r.rest, &first) || first != convention) {
        return fail(&r, is_locals ? "no local variables" : "no arguments of a generic method");
    }
    if (!read_count(&r, is_locals ? LOCALS_MAX : CIL_GENERIC_COUNT_MAX, &count)) {
        return NULL;
    }
    struct cil_signature *s = new_signature(&r, count);
    if (s == NULL) {
        return NULL;
    }
    s->convention = first;
    return read_params(&r, s, is_locals ? MAY_BE_BYREF | MAY_BE_PINNED : 0, 0) && at_end(&r) ? s
                                                                                             : NULL;
}

const struct cil_signature *cil_method_signature(struct cil_assembly *a, uint32_t row)
{
    const struct cil_signature **slot = &a->signatures[row - 1];
    if (*slot == NULL) {
        *slot = cil_decode_method(
            a, cil_cell_blob(&a->image, CIL_METHOD_DEF, row, CIL_METHOD_DEF_SIGNATURE),
            CIL_TOKEN(CIL_METHOD_DEF, row));
    }
    return *slot;
}
