// SPDX-License-Identifier: MIT
//
// Looks up imports by name in the store: among registered instances and host modules. Types must
// match as section 4.5.3 of the specification says: functions, tags, tables' references and
// mutable globals exactly, immutable globals by subtype; for tables and memories the actual size
// and limit must be within the limits of the import.
#include "kernel/wasm/run/link.h"

#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

#define NAME_SHOWN 48 /* most bytes of a name in a message */

/* ---- Messages ---- */

static void copy_name(char *out, struct wasm_bytes name)
{
    uint32_t len = MIN(name.len, (uint32_t)NAME_SHOWN - 1);
    memcpy(out, name.bytes, len);
    out[len] = '\0';
    /* A zero byte in the name ends the part that is shown. */
    str_make_printable(out);
}

static enum status refuse(const struct wasm_module *m, const struct wasm_import *import,
                          enum status s, const char *why, struct wasm_error *err)
{
    char module[NAME_SHOWN], name[NAME_SHOWN];
    copy_name(module, import->module);
    copy_name(name, import->name);
    return wasm_complain(err, s, "import", (uint32_t)(import->module.bytes - m->bytes),
                         "\"%s\" \"%s\": %s", module, name, why);
}

/* ---- Host functions ---- */

/* A host function describes its signature by letters: parameters, a colon, results ("iI:i"). */
static uint8_t type_of_letter(char letter)
{
    switch (letter) {
    case 'i':
        return WASM_I32;
    case 'I':
        return WASM_I64;
    case 'f':
        return WASM_F32;
    case 'F':
        return WASM_F64;
    case 'v':
        return WASM_V128;
    case 'r':
        return WASM_FUNCREF;
    case 'e':
        return WASM_EXTERNREF;
    default:
        return 0;
    }
}

/* This comparison is what makes a call from compiled code to C safe: the code passes registers by
 * the importing module's signature, the C function reads them by its own. `n == count` is tested
 * before types[n] is read, so a string of letters that is longer than the signature fails and reads
 * nothing beyond it. */
static bool has_signature(const struct wasm_host_function *f, const struct wasm_signature *s)
{
    uint32_t count = s->params + s->results, n = 0;
    for (const char *p = f->signature; *p != '\0'; p++) {
        if (*p == ':') {
            if (n != s->params) {
                return false;
            }
        } else if (n == count || type_of_letter(*p) != s->types[n++]) {
            return false;
        }
    }
    return n == count;
}

/* The function will use the importing instance's memory, which is set once that exists. The entry
 * in the store's list is added last: what fails before leaves nothing in it. `stop` is the flag of
 * the first thread's store, so that stopping that one ends this code, too. */
static enum status make_host(struct wasm_instance *i, const struct wasm_name *from,
                             const struct wasm_host_function *f, const struct wasm_signature *s,
                             struct wasm_extern *out)
{
    struct wasm_store *store = i->store;
    struct wasm_host *h = budget_zalloc(store->budget, sizeof *h);
    if (h == NULL) {
        return E_NOMEM;
    }
    h->function = f;
    h->signature = *s;
    h->data = from->data;
    h->store = store;
    h->stop = (uintptr_t)wasm_store_flag(store);
    h->func.context = (uintptr_t)h;
    h->func.type_id = s->id;
    h->func.index = (uint32_t)(f - from->host->functions);
    enum status status = store->engine->adapt(store->state, h);
    if (status != OK) {
        budget_free(store->budget, h);
        return status;
    }
    h->next = store->hosts;
    store->hosts = h;
    *out = (struct wasm_extern){.kind = WASM_FUNCTION,
                                .function = {.record = &h->func, .signature = &h->signature}};
    return OK;
}

static const struct wasm_host_function *find_host(const struct wasm_host_module *host,
                                                  struct wasm_bytes name)
{
    for (uint32_t n = 0; n < host->count; n++) {
        const char *text = host->functions[n].name;
        if (strlen(text) == name.len && memcmp(text, name.bytes, name.len) == 0) {
            return &host->functions[n];
        }
    }
    return NULL;
}

/* ---- Types ---- */

/* A wrong decision here would break the sandbox, because compiled code relies on the declared types
 * and checks nothing at the call or access: the signature of a function decides about registers and
 * stack, the type of a global about the size of the access, and both about whether a number may
 * become a reference, which is an address. */

/* `now` is the actual size, which may have grown since the object was made. A memory or table only
 * grows, so a size that another thread changes meanwhile is at worst too small here, and the import
 * is refused. If the import names a maximum, the object must have one that is not larger. */
static bool fits_limits(const struct wasm_limits *wanted, uint64_t now,
                        const struct wasm_limits *has)
{
    return wanted->is_64 == has->is_64 && wanted->is_shared == has->is_shared &&
           now >= wanted->min && (!wanted->has_max || (has->has_max && has->max <= wanted->max));
}

static bool are_equal(const struct wasm_module *of_a, uint32_t a, const struct wasm_module *of_b,
                      uint32_t b)
{
    return wasm_is_subtype(of_a, a, of_b, b) && wasm_is_subtype(of_b, b, of_a, a);
}

/* Types of functions and tags are compared by the loader's numbers: equal types have equal numbers
 * in all modules (types.c). A mutable global must have exactly the type, since both sides write
 * it. */
static bool fits(const struct wasm_module *m, const struct wasm_import *import,
                 const struct wasm_extern *e)
{
    if ((unsigned)e->kind != import->kind) {
        return false;
    }
    switch (e->kind) {
    case WASM_FUNCTION:
        return m->signatures[m->functions[import->index].type].id == e->function.record->type_id;
    case WASM_TABLE: {
        const struct wasm_table_type *wanted = &m->tables[import->index].type;
        return are_equal(m, wanted->type, e->module, e->table.type.type) &&
               fits_limits(&wanted->limits, e->table.data->length, &e->table.type.limits);
    }
    case WASM_MEMORY:
        return fits_limits(&m->memories[import->index].limits, e->memory->length / WASM_PAGE,
                           &e->memory->limits);
    case WASM_TAG:
        return m->signatures[m->tags[import->index].type].id == e->tag.type_id;
    default: {
        const struct wasm_global_type *wanted = &m->globals[import->index].type;
        return wanted->is_mutable == e->global.type.is_mutable &&
               (wanted->is_mutable
                    ? are_equal(m, wanted->type, e->module, e->global.type.type)
                    : wasm_is_subtype(e->module, e->global.type.type, m, wanted->type));
    }
    }
}

/* ---- Finding ---- */

static bool is_named(const struct wasm_name *n, struct wasm_bytes name)
{
    return n->len == name.len && memcmp(n->text, name.bytes, name.len) == 0;
}

static const struct wasm_signature *signature_of(const struct wasm_module *m,
                                                 const struct wasm_import *import)
{
    return import->kind == WASM_FUNCTION ? &m->signatures[m->functions[import->index].type] : NULL;
}

/* What an import refers to: a host function, or an instance's export. */
struct found {
    const struct wasm_name *by;
    const struct wasm_host_function *host; /* or NULL, and then: */
    struct wasm_extern exported;
};

/* Of an instance that another thread may be using only the shared memories are there: everything
 * else belongs to its store. */
static bool find_export(const struct wasm_name *n, struct wasm_bytes name, struct wasm_extern *out)
{
    if (n->memory != NULL) {
        *out = (struct wasm_extern){.kind = WASM_MEMORY, .memory = n->memory};
        return n->field.len == name.len && memcmp(n->field.bytes, name.bytes, name.len) == 0;
    }
    return n->instance != NULL && wasm_instance_export(n->instance, name, out) &&
           (!n->is_foreign || (out->kind == WASM_MEMORY && out->memory->limits.is_shared));
}

/* Names that were registered last come first, so a module registered twice hides the older one. If
 * it does not have the name, the search goes on. */
static bool find(const struct wasm_store *s, const struct wasm_import *import, struct found *out)
{
    for (const struct wasm_name *n = s->names; n != NULL; n = n->next) {
        if (!is_named(n, import->module)) {
            continue;
        }
        out->by = n;
        out->host = n->host != NULL ? find_host(n->host, import->name) : NULL;
        if (out->host != NULL || find_export(n, import->name, &out->exported)) {
            return true;
        }
    }
    return false;
}

/* ---- Host functions that compiled code calls directly ---- */

/* The decision is made twice: wasm_bind_hosts() when the module is loaded, and link_one() when it
 * is instantiated. In between another name may be registered. The code is compiled for the first
 * decision, with C's calling convention, so a different second one must be refused. The opposite, a
 * fast host function that was not known at load time, is fine: the code calls it through its
 * adapter. livepatch binds a patch's module in the same way (prepare() in wasm_patch.c), for the
 * same instance. */

/* Runs before the module is compiled. An import that is now a fast host function of the right type
 * is called directly, without a test when it runs. link_one() therefore refuses to link another
 * function to it later. */
void wasm_bind_hosts(const struct wasm_store *s, struct wasm_module *m)
{
    for (uint32_t n = 0; n < m->import_count; n++) {
        const struct wasm_import *import = &m->imports[n];
        const struct wasm_signature *signature = signature_of(m, import);
        struct found found;
        if (signature == NULL || !find(s, import, &found) || found.host == NULL ||
            found.host->direct == NULL || !has_signature(found.host, signature)) {
            continue;
        }
        struct ir_callee *c = &m->callees[WASM_HELPER_COUNT + import->index];
        c->kind = IR_CALLEE_HOST;
        c->entry = m->functions[import->index].at + (uint32_t)offsetof(struct wasm_imported, entry);
    }
}

/* ---- Linking ---- */

static enum status link_host(struct wasm_instance *i, const struct wasm_import *import,
                             const struct wasm_name *from, const struct wasm_host_function *f,
                             struct wasm_extern *out, struct wasm_error *err)
{
    const struct wasm_module *m = i->code->module;
    const struct wasm_signature *s = signature_of(m, import);
    if (s == NULL || !has_signature(f, s)) {
        return refuse(m, import, E_UNRESOLVED, "incompatible import type", err);
    }
    enum status status = make_host(i, from, f, s, out);
    return status == OK
               ? OK
               : refuse(m, import, status,
                        status == E_NOMEM ? "no memory left to call it"
                        : status == E_CORRUPT
                            ? "the compiler made unsafe code to call it"
                            : "a function with so many parameters or results cannot be called",
                        err);
}

/* An import of a host function makes a struct wasm_host for this instance, because the function
 * uses the importing instance's memory. */
static enum status link_one(struct wasm_instance *i, const struct wasm_import *import,
                            struct wasm_extern *out, struct wasm_error *err)
{
    const struct wasm_module *m = i->code->module;
    struct found found;
    if (!find(i->store, import, &found)) {
        return refuse(m, import, E_UNRESOLVED, "unknown import", err);
    }
    bool is_fast = found.host != NULL && found.host->direct != NULL;
    if (import->kind == WASM_FUNCTION && wasm_calls_host(m, import->index) && !is_fast) {
        return refuse(m, import, E_UNRESOLVED, "it was a host function when the module was loaded",
                      err);
    }
    if (found.host != NULL) {
        return link_host(i, import, found.by, found.host, out, err);
    }
    *out = found.exported;
    return fits(m, import, out) ? OK
                                : refuse(m, import, E_UNRESOLVED, "incompatible import type", err);
}

/* Each import goes to its place by kind and index; at[kind] is the first place of its kind. The
 * places must be those that imported() in instance.c computes. A failure leaves some of them empty;
 * the caller frees the whole instance and the hosts that were made for it. */
enum status wasm_link(struct wasm_instance *i, struct wasm_error *err)
{
    const struct wasm_module *m = i->code->module;
    uint32_t at[WASM_KIND_COUNT] = {0};
    for (unsigned kind = 1; kind < WASM_KIND_COUNT; kind++) {
        at[kind] = at[kind - 1] + m->imported[kind - 1];
    }
    for (uint32_t n = 0; n < m->import_count; n++) {
        const struct wasm_import *import = &m->imports[n];
        struct wasm_extern *out = &i->imports[at[import->kind] + import->index];
        enum status s =
            wasm_store_is_stopped(i->store) ? E_CANCELLED : link_one(i, import, out, err);
        if (s != OK) {
            return s;
        }
    }
    return OK;
}
