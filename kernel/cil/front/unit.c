// SPDX-License-Identifier: MIT
//
// The lists of a unit: methods, signatures, methods that the runtime provides.
#include "kernel/cil/front/build_internal.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

#define UNIT_METHODS_MAX 20000u

/* All lists of a unit grow by arena_grow(), which may move them: a pointer to an element is valid
 * only until the next call that adds to the same list, and nearly every function of build*.c may
 * add to each. Numbers stay valid. Functions of the representation keep a pointer to u->ir, so
 * publish() has to run after each change of an array that ir_module has. */

void *unit_grow(struct cil_unit *u, void *array, uint32_t *capacity, uint32_t needed, size_t size)
{
    void *p = arena_grow(u->arena, array, capacity, needed, size);
    if (p == NULL) {
        (void)cil_fail(u->d, NULL, 0, E_NOMEM, "no memory left to compile");
    }
    return p;
}

#define BUCKETS 4096u

bool unit_index_add(struct cil_unit *u, struct cil_unit_index *x, uint32_t hash, uint32_t n)
{
    uint32_t *next = unit_grow(u, x->next, &x->capacity, n + 1, sizeof *next);
    if (next == NULL) {
        return false;
    }
    x->next = next;
    if (x->buckets == NULL) {
        x->buckets = arena_alloc(u->arena, BUCKETS * sizeof *x->buckets);
    }
    if (x->buckets == NULL) {
        return cil_fail(u->d, NULL, 0, E_NOMEM, "no memory left to compile");
    }
    x->next[n] = x->buckets[hash % BUCKETS];
    x->buckets[hash % BUCKETS] = n + 1;
    return true;
}

uint32_t unit_index_first(const struct cil_unit_index *x, uint32_t hash)
{
    return x->buckets == NULL ? IR_NONE : x->buckets[hash % BUCKETS] - 1;
}

/* The module that functions refer to has the arrays' addresses, which change when they grow. */
static void publish(struct cil_unit *u)
{
    static const struct ir_memory memory = {
        .guard_bytes = CIL_GUARD_BYTES,
        .base = offsetof(struct cil_context, memory_base),
        .length = offsetof(struct cil_context, memory_length),
    };
    u->ir = (struct ir_module){.types = u->types,
                               .signatures = u->signatures,
                               .callees = u->callees,
                               .memories = &memory,
                               .type_count = u->type_count,
                               .signature_count = u->signature_count,
                               .callee_count = CIL_FIRST_METHOD + u->count,
                               .memory_count = 1,
                               .collector = {.polls = true,
                                             .poll_flag = offsetof(struct cil_context, poll),
                                             .poll_callee = CIL_HELPER_POLL}};
}

/* ---- Signatures: equal ones have one number ---- */

/* The number of a signature is also the type that a call through a number compares (struct
 * cil_record, make_signatures() in unit_code.c). So two equal lists of types must have one number,
 * or calls of overrides would trap. Only machine types count: all references are IR_I32. A call
 * with a wrong class but the same types is the verifier's matter, not that of this comparison. */

static uint32_t add_signature(struct cil_unit *u, const uint8_t *types, uint32_t params,
                              uint32_t results)
{
    for (uint32_t n = 0; n < u->signature_count; n++) {
        const struct ir_signature *s = &u->signatures[n];
        if (s->params == params && s->results == results &&
            memcmp(u->types + s->types, types, params + results) == 0) {
            return n;
        }
    }
    uint8_t *all =
        unit_grow(u, u->types, &u->type_capacity, u->type_count + params + results + 1, 1);
    struct ir_signature *signatures = unit_grow(u, u->signatures, &u->signature_capacity,
                                                u->signature_count + 1, sizeof *signatures);
    if (all == NULL || signatures == NULL) {
        return IR_NONE;
    }
    u->types = all;
    u->signatures = signatures;
    memcpy(all + u->type_count, types, params + results);
    signatures[u->signature_count] = (struct ir_signature){u->type_count, params, results};
    u->type_count += params + results;
    u->signature_count++;
    publish(u); /* functions that are being built refer to it */
    return u->signature_count - 1;
}

/* First the place for a struct that is returned, then `this`, then the parameters. */
uint32_t unit_signature_number(struct cil_unit *u, const struct cil_signature *s, bool has_this)
{
    uint8_t types[BUILD_VARIABLES_MAX + 3];
    struct build_rep rep;
    uint32_t count = 0, results = 0;
    if (s->param_count > BUILD_VARIABLES_MAX || !build_rep_of(u, s->result, &rep)) {
        return IR_NONE;
    }
    unsigned result = rep.ir;
    if (rep.structure != NULL) {
        types[count++] = IR_I32;
        result = IR_VOID;
    }
    if (has_this) {
        types[count++] = IR_I32;
    }
    for (uint32_t n = 0; n < s->param_count; n++) {
        if (!build_rep_of(u, s->params[n], &rep)) {
            return IR_NONE;
        }
        types[count++] = (uint8_t)rep.ir;
    }
    if (result != IR_VOID) {
        types[count + results++] = (uint8_t)result;
    }
    return add_signature(u, types, count, results);
}

const struct cil_signature *unit_signature(struct cil_unit *u, const struct cil_callee *c)
{
    const struct cil_signature *open = cil_method_signature(c->a, c->row);
    return open == NULL ? NULL
                        : cil_substitute_signature(u->d, open, c->owner, c->args, c->arg_count);
}

/* ---- Methods ---- */

static uint32_t hash_callee(const struct cil_callee *c, unsigned kind)
{
    uint32_t h = unit_hash(unit_hash(c->row, (uintptr_t)c->owner), kind);
    for (uint32_t n = 0; n < c->arg_count; n++) {
        h = unit_hash(h, (uintptr_t)c->args[n]);
    }
    return h;
}

static bool is_method(const struct cil_unit_method *m, const struct cil_callee *c, unsigned kind)
{
    if (m->a != c->a || m->row != c->row || m->kind != kind || m->owner != c->owner ||
        m->arg_count != c->arg_count) {
        return false;
    }
    for (uint32_t n = 0; n < c->arg_count; n++) {
        if (m->args[n] != c->args[n]) {
            return false;
        }
    }
    return true;
}

/* A method is the same only with the same owner and type arguments: each instantiation has code of
 * its own, also those of reference types. */
uint32_t unit_find_callee(const struct cil_unit *u, const struct cil_callee *c, unsigned kind)
{
    uint32_t n = unit_index_first(&u->method_index, hash_callee(c, kind));
    while (n != IR_NONE && !is_method(&u->methods[n], c, kind)) {
        n = unit_index_next(&u->method_index, n);
    }
    return n;
}

uint32_t unit_find_method(const struct cil_unit *u, const struct vmethod *v, unsigned kind)
{
    const struct cil_callee c = {.a = v->a, .row = v->row, .owner = v->owner};
    return unit_find_callee(u, &c, kind);
}

/* Methods of other kinds than CIL_UNIT_METHOD are made here, whatever the file has. */
static bool has_code(const struct cil_callee *c, unsigned kind)
{
    return kind != CIL_UNIT_METHOD || (c->row != 0 && cil_has_body(c->a, c->row));
}

static bool refuse_body(struct cil_unit *u, const struct cil_callee *c)
{
    char name[160];
    size_t len = MIN(cil_type_text(name, sizeof name, c->owner), sizeof name - 1);
    (void)fmt_print(name + len, sizeof name - len, "::%s", c->name);
    return cil_fail(u->d, c->a, c->row == 0 ? 0 : CIL_TOKEN(CIL_METHOD_DEF, c->row), E_NOTSUP,
                    "method %s is not compiled yet: it has no code", name);
}

static bool make_room(struct cil_unit *u)
{
    void *methods = unit_grow(u, u->methods, &u->capacity, u->count + 1, sizeof *u->methods);
    if (methods != NULL) {
        u->methods = methods;
    }
    void *callees = unit_grow(u, u->callees, &u->callee_capacity, CIL_FIRST_METHOD + u->count + 1,
                              sizeof *u->callees);
    if (callees != NULL) {
        u->callees = callees;
    }
    return methods != NULL && callees != NULL;
}

/* A method that a delegate calls has an argument more, or one less. */
static bool has_this(const struct cil_signature *s, unsigned kind)
{
    return kind != CIL_UNIT_RAISE &&
           ((s->convention & CIL_HAS_THIS) != 0 || kind == CIL_UNIT_STATIC);
}

uint32_t unit_examine_signature(struct cil_unit *u)
{
    static const uint8_t types[] = {IR_I32, IR_I32, IR_I32, IR_I32};
    return add_signature(u, types, 3, 1);
}

/* With an object before `this`: both are references, as the place of a struct that is returned. */
static uint32_t open_signature(struct cil_unit *u, const struct cil_signature *s)
{
    uint8_t types[BUILD_VARIABLES_MAX + 4] = {IR_I32};
    uint32_t n = unit_signature_number(u, s, true);
    if (n == IR_NONE) {
        return IR_NONE;
    }
    const struct ir_signature found = u->signatures[n];
    memcpy(types + 1, u->types + found.types, found.params + found.results);
    return add_signature(u, types, found.params + 1, found.results);
}

/* With the object's type, or a delegate's number, after the other arguments. */
static uint32_t dispatch_signature(struct cil_unit *u, const struct cil_signature *s)
{
    uint8_t types[BUILD_VARIABLES_MAX + 4];
    uint32_t n = unit_signature_number(u, s, true);
    if (n == IR_NONE) {
        return IR_NONE;
    }
    const struct ir_signature found = u->signatures[n];
    memcpy(types, u->types + found.types, found.params);
    types[found.params] = IR_I32;
    memcpy(types + found.params + 1, u->types + found.types + found.params, found.results);
    return add_signature(u, types, found.params + 1, found.results);
}

static uint32_t signature_of(struct cil_unit *u, const struct cil_signature *s, unsigned kind)
{
    static const uint8_t exception = IR_I32, adapter[] = {IR_I32, IR_I32, IR_I64, IR_I32},
                         maker[] = {IR_I32, IR_I32};
    switch (kind) {
    case CIL_UNIT_OPEN:
        return open_signature(u, s);
    case CIL_UNIT_DISPATCH:
    case CIL_UNIT_NUMBER:
        return dispatch_signature(u, s);
    case CIL_UNIT_ADAPT:
        return add_signature(u, adapter, 3, 1);
    case CIL_UNIT_ATTRIBUTE:
        return add_signature(u, maker, 1, 1);
    case CIL_UNIT_EXAMINE:
        return unit_examine_signature(u);
    case CIL_UNIT_SEARCH:
        return add_signature(u, &exception, 1, 0);
    default:
        return unit_signature_number(u, s, has_this(s, kind));
    }
}

/* "N.T::M", with the arguments of a generic type. @return NULL: no memory. */
static const char *name_of(struct cil_unit *u, const struct cil_callee *c, unsigned kind)
{
    char text[256];
    switch (kind) {
    case CIL_UNIT_SEARCH:
        return "(search for a handler)";
    case CIL_UNIT_ADAPT:
        return "(call with an array)";
    case CIL_UNIT_ATTRIBUTE:
        return "(attribute)";
    case CIL_UNIT_NUMBER:
        return "(call by number)";
    case CIL_UNIT_NULL:
        return "(call of null)";
    default:
        break;
    }
    size_t len = MIN(cil_type_text(text, sizeof text, c->owner), sizeof text - 1);
    len += fmt_print(text + len, sizeof text - len, "::%s%s", c->name,
                     kind != CIL_UNIT_DISPATCH  ? ""
                     : c->owner->c->is_delegate ? " (by method)"
                                                : " (by type)");
    len = MIN(len, sizeof text - 1);
    char *name = arena_alloc(u->arena, len + 1);
    if (name != NULL) {
        memcpy(name, text, len + 1);
    }
    return name;
}

static uint32_t add(struct cil_unit *u, const struct cil_callee *c, unsigned kind)
{
    const struct cil_signature *s = unit_signature(u, c);
    const char *name = name_of(u, c, kind);
    if (s == NULL || name == NULL || !make_room(u)) {
        (void)cil_fail(u->d, c->a, 0, E_NOMEM, "no memory left to compile");
        return IR_NONE;
    }
    uint32_t signature = signature_of(u, s, kind);
    if (signature == IR_NONE) {
        (void)refuse_body(u, c);
        return IR_NONE;
    }
    if (!unit_index_add(u, &u->method_index, hash_callee(c, kind), u->count)) {
        return IR_NONE;
    }
    u->methods[u->count] = (struct cil_unit_method){.a = c->a,
                                                    .row = c->row,
                                                    .owner = c->owner,
                                                    .args = c->args,
                                                    .arg_count = c->arg_count,
                                                    .sig = s,
                                                    .kind = (uint8_t)kind};
    u->callees[CIL_FIRST_METHOD + u->count] =
        (struct ir_callee){.name = name,
                           .signature = signature,
                           .kind = IR_CALLEE_FUNCTION,
                           .effects = IR_TRAPS | IR_READS | IR_WRITES};
    u->has_combine = u->has_combine || strcmp(name, "System.Delegate::Combine") == 0;
    u->dispatcher_count += kind == CIL_UNIT_DISPATCH;
    u->count++;
    publish(u);
    return u->count - 1;
}

/* The number of a method, which is translated later: a method may call itself, or one that is being
 * translated. Adapters are numbered after their targets. */
uint32_t unit_method(struct cil_unit *u, const struct cil_callee *c, unsigned kind)
{
    uint32_t n = unit_find_callee(u, c, kind), target = IR_NONE;
    if (n != IR_NONE) {
        return n;
    }
    if (u->count - u->dispatcher_count >= UNIT_METHODS_MAX) {
        (void)cil_fail(u->d, c->a, 0, E_OVERFLOW, "more than %u methods", UNIT_METHODS_MAX);
        return IR_NONE;
    }
    if (!has_code(c, kind)) {
        (void)refuse_body(u, c);
        return IR_NONE;
    }
    if (kind != CIL_UNIT_METHOD && kind != CIL_UNIT_MULTI && kind != CIL_UNIT_ADAPT &&
        kind != CIL_UNIT_INVOKE && kind != CIL_UNIT_OPEN && kind != CIL_UNIT_DISPATCH &&
        kind != CIL_UNIT_NUMBER && kind != CIL_UNIT_NULL) {
        target = unit_method(u, c, CIL_UNIT_METHOD);
        if (target == IR_NONE) {
            return IR_NONE;
        }
    }
    n = add(u, c, kind);
    if (n != IR_NONE) {
        u->methods[n].target = target;
    }
    return n;
}

/* Two attributes may have the same constructor, so these are never looked up. */
uint32_t unit_attribute_method(struct cil_unit *u, const struct cil_callee *c, uint32_t n)
{
    uint32_t number =
        u->count - u->dispatcher_count < UNIT_METHODS_MAX ? add(u, c, CIL_UNIT_ATTRIBUTE) : IR_NONE;
    if (number != IR_NONE) {
        u->methods[number].target = n;
    } else {
        (void)cil_fail(u->d, c->a, 0, E_OVERFLOW, "more than %u methods", UNIT_METHODS_MAX);
    }
    return number;
}

/* ---- What the runtime provides ---- */

/* A struct of 8 bytes without references (a handle) counts as a number of 64 bits. */
static char letter_of(struct cil_unit *u, struct cil_type *t)
{
    struct build_rep rep;
    if (!build_rep_of(u, t, &rep)) {
        return '?';
    }
    if (rep.structure != NULL) {
        return build_is_word(u, &rep) ? 'I' : '?';
    }
    switch (rep.ir) {
    case IR_I32:
        return rep.kind == CIL_OBJECT || rep.kind == CIL_BYREF ? 'r' : 'i';
    case IR_I64:
        return 'I';
    default:
        return rep.ir == IR_VOID ? 'v' : '?';
    }
}

/* The letters of struct cil_native. A native method with a float has none: the kernel has no
 * floating point. */
static bool native_signature(struct cil_unit *u, const struct cil_signature *s, char *out)
{
    uint32_t n = 0, has_this = (s->convention & CIL_HAS_THIS) != 0;
    if (s->generic_count != 0 || s->param_count + has_this > 5) {
        return false;
    }
    if (has_this != 0) {
        out[n++] = 'r';
    }
    for (uint32_t p = 0; p < s->param_count; p++) {
        out[n++] = letter_of(u, s->params[p]);
    }
    struct build_rep rep;
    char result = letter_of(u, s->result);
    if (!build_rep_of(u, s->result, &rep) || rep.structure != NULL) {
        return false;
    }
    out[n++] = ':';
    out[n] = result == 'v' ? '\0' : result;
    out[n + 1] = '\0';
    for (n = 0; out[n] != '\0'; n++) {
        if (out[n] == '?' || out[n] == 'v') {
            return false;
        }
    }
    return true;
}

/* Native methods make strings, also in a program without a literal. */
static uint32_t add_native(struct cil_unit *u, const struct cil_unit_native *native)
{
    uint8_t types[8];
    uint32_t count = 0, params;
    struct cil_type *string = cil_primitive(u->d, CIL_STRING);
    if (string == NULL || unit_made_type(u, string) == 0) {
        return IR_NONE;
    }
    for (const char *p = native->signature; *p != '\0'; p++) {
        if (*p != ':') {
            types[count++] = *p == 'I' ? IR_I64 : IR_I32;
        }
    }
    params = (uint32_t)(strchr(native->signature, ':') - native->signature);
    struct cil_unit_native *all =
        unit_grow(u, u->natives, &u->native_capacity, u->native_count + 1, sizeof *all);
    uint32_t signature = all == NULL ? IR_NONE : add_signature(u, types, params, count - params);
    if (signature == IR_NONE) {
        return IR_NONE;
    }
    u->natives = all;
    all[u->native_count] = *native;
    uint32_t callee = CIL_HELPER_COUNT + u->native_count;
    u->callees[callee] = (struct ir_callee){
        .name = "native method",
        .signature = signature,
        .kind = IR_CALLEE_HELPER,
        .effects = IR_TRAPS | IR_READS | IR_WRITES,
        .entry = (uint32_t)(offsetof(struct cil_context, natives) + 8 * u->native_count)};
    u->native_count++;
    publish(u);
    return callee;
}

/* The program may start threads. Each runs Thread.Main, which no CIL calls. */
static bool need_threads(struct cil_unit *u, const struct cil_callee *spawn)
{
    uint32_t at = 0;
    const struct cil_callee *c = cil_method_named(spawn->owner->c, "Main", &at);
    if (c == NULL || (c->flags & CIL_METHOD_STATIC) == 0 || c->signature->param_count != 1 ||
        !cil_is_reference(cil_plain(c->signature->params[0]))) {
        return cil_fail(u->d, spawn->a, 0, E_UNRESOLVED, "Thread.Main(Thread) is not there");
    }
    u->has_threads = true;
    u->thread_main = unit_method(u, c, CIL_UNIT_METHOD);
    return u->thread_main != IR_NONE;
}

uint32_t unit_native(struct cil_unit *u, const struct cil_callee *c)
{
    struct cil_unit_native native = {.signature = ""};
    const struct cil_signature *s = unit_signature(u, c);
    if (s == NULL) {
        return IR_NONE;
    }
    (void)cil_method_text(native.name, sizeof native.name, c->a, c->row);
    if (c->a != u->d->core || !c->a->is_trusted) {
        (void)cil_fail(u->d, c->a, CIL_TOKEN(CIL_METHOD_DEF, c->row), E_PERM,
                       "method %s: only the core library may have internal calls", native.name);
        return IR_NONE;
    }
    if (strcmp(native.name, "System.Object::GetType") == 0 && !unit_need_types(u)) {
        return IR_NONE;
    }
    if (strcmp(native.name, "System.Threading.Thread::Spawn") == 0 && !need_threads(u, c)) {
        return IR_NONE;
    }
    unit_note_need(u, native.name);
    if (!native_signature(u, s, native.signature)) {
        (void)cil_fail(u->d, c->a, CIL_TOKEN(CIL_METHOD_DEF, c->row), E_NOTSUP,
                       "method %s: a native method has at most 5 parameters, which are integers "
                       "or references",
                       native.name);
        return IR_NONE;
    }
    for (uint32_t n = 0; n < u->native_count; n++) {
        if (strcmp(u->natives[n].name, native.name) == 0 &&
            strcmp(u->natives[n].signature, native.signature) == 0) {
            return CIL_HELPER_COUNT + n;
        }
    }
    if (u->native_count == CIL_NATIVES_MAX) {
        (void)cil_fail(u->d, c->a, 0, E_OVERFLOW, "more than %u native methods", CIL_NATIVES_MAX);
        return IR_NONE;
    }
    return add_native(u, &native);
}

/* ---- The unit ---- */

static bool add_helpers(struct cil_unit *u)
{
    static const struct {
        const char *name;
        uint8_t params, results, type;
    } helpers[CIL_HELPER_COUNT] = {
        [CIL_HELPER_REMAINDER] = {"remainder", 2, 1, IR_I64},
        [CIL_HELPER_NEW] = {"new object", 1, 1, IR_I32},
        [CIL_HELPER_NEW_ARRAY] = {"new array", 2, 1, IR_I32},
        [CIL_HELPER_COPY] = {"copy", 3, 0, IR_I32},
        [CIL_HELPER_FILL] = {"fill", 3, 0, IR_I32},
        [CIL_HELPER_THROW] = {"throw", 1, 0, IR_I32},
        [CIL_HELPER_POLL] = {"poll", 0, 0, IR_I32},
        [CIL_HELPER_BEGIN] = {"begin an initialiser", 1, 1, IR_I32},
        [CIL_HELPER_DONE] = {"initialiser has run", 2, 0, IR_I32},
        [CIL_HELPER_PASS] = {"an exception passes", 2, 0, IR_I32},
    };
    if (!make_room(u)) {
        return false;
    }
    memset(u->callees, 0, CIL_FIRST_METHOD * sizeof *u->callees);
    for (uint32_t n = 0; n < CIL_HELPER_COUNT; n++) {
        const uint8_t type = helpers[n].type, types[] = {type, type, type, type};
        uint32_t signature = add_signature(u, types, helpers[n].params, helpers[n].results);
        if (signature == IR_NONE) {
            return false;
        }
        u->callees[n] =
            (struct ir_callee){.name = helpers[n].name,
                               .signature = signature,
                               .kind = IR_CALLEE_HELPER,
                               .effects = IR_TRAPS | IR_READS | IR_WRITES,
                               .entry = (uint32_t)(offsetof(struct cil_context, helpers) + 8 * n)};
    }
    return true;
}

/* Main gets string[]: objects of that type are made for it. */
static bool prepare_argument(struct cil_unit *u)
{
    const struct cil_signature *s = u->methods[0].sig;
    if (s->param_count != 1 || cil_plain(s->params[0])->kind != CIL_SZARRAY ||
        cil_plain(cil_plain(s->params[0])->element)->kind != CIL_STRING) {
        return true;
    }
    u->string_array = unit_made_type(u, cil_plain(s->params[0]));
    return u->string_array != 0 && unit_literal(u, (struct cil_bytes){.len = 0}) != 0;
}

/* The first catch, filter, call of Delegate.Combine, start of a thread, lower bound or trace
 * changes how all methods are translated: all of them are translated once more, with frames and
 * safe points from the start, while methods, types and data keep their numbers. At once, and not
 * when all have been translated, because the first one is mostly found early.
 * @return true: start with method 0 again. */
static bool has_changed(struct cil_unit *u)
{
    if (u->has_catch == u->catches && u->has_combine == u->combines &&
        u->has_filter == u->filters && u->has_threads == u->threads && u->has_bounds == u->bounds &&
        u->has_traces == u->traces) {
        return false;
    }
    u->catches = u->has_catch;
    u->filters = u->has_filter;
    u->combines = u->has_combine;
    u->threads = u->has_threads;
    u->bounds = u->has_bounds;
    u->traces = u->has_traces;
    u->frame_count = u->point_count = u->roots.count = 0;
    return true;
}

/* Those that find the methods of virtual calls depend on all types and methods, and add none. */
static bool build_dispatchers(struct cil_unit *u)
{
    bool is_ok = true;
    for (uint32_t n = 0; is_ok && n < u->count; n++) {
        is_ok = u->methods[n].kind != CIL_UNIT_DISPATCH || build_method(u, n);
    }
    return is_ok;
}

/* Translating a method adds methods that it calls, types that it makes, and slots that it calls;
 * types and slots add methods again. That ends because each list only grows and is bounded. Tables
 * that depend on the whole program come last (unit_write_types()): nothing after that may add a
 * use, a cast, an interface or a method. */
bool cil_unit_build(struct cil_assembly *a, uint32_t row, struct arena *arena, struct cil_unit *out)
{
    *out = (struct cil_unit){.d = a->domain,
                             .arena = arena,
                             .has_traces = a->domain->keeps_frames,
                             .traces = a->domain->keeps_frames};
    const struct cil_callee *c = cil_resolve_method(a, CIL_TOKEN(CIL_METHOD_DEF, row));
    if (c == NULL || !add_helpers(out)) {
        return false;
    }
    if ((c->flags & CIL_METHOD_STATIC) == 0 || c->owner->is_open ||
        c->signature->generic_count != 0) {
        return cil_fail(a->domain, a, CIL_TOKEN(CIL_METHOD_DEF, row), E_NOTSUP,
                        "method %s is not static, or generic", c->name);
    }
    if (unit_method(out, c, CIL_UNIT_METHOD) == IR_NONE || !prepare_argument(out)) {
        return false;
    }
    uint32_t built = 0;
    do {
        while (built < out->count) {
            if (out->methods[built].kind != CIL_UNIT_DISPATCH && !build_method(out, built)) {
                return false;
            }
            built = has_changed(out) ? 0 : built + 1;
        }
        if (!unit_reach(out)) {
            return false;
        }
        built = has_changed(out) ? 0 : built;
    } while (built < out->count);
    return build_dispatchers(out) && unit_write_types(out);
}
