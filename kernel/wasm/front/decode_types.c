// SPDX-License-Identifier: MIT
//
// The sections that declare: imports, functions, tables, memories, tags, globals, exports, start.
//
// Imports come first in each index space, so the own functions, tables and globals are appended to
// the same arrays afterwards. The limits of struct wasm_bounds are those of this system;
// exceeding them is E_OVERFLOW, while an invalid module is E_CORRUPT.
#include "kernel/wasm/front/decode_internal.h"

#include "kernel/lib/sort.h"
#include "kernel/lib/string.h"
#include "kernel/wasm/front/newer.h"

/* ---- Tables, memories, globals ---- */

/* Bits of the flags of limits. */
enum { LIMITS_MAX = 1, LIMITS_SHARED = 2, LIMITS_64 = 4 };

static bool read_limit(struct wasm_reader *r, bool is_64, uint64_t *out)
{
    uint32_t narrow;
    if (is_64) {
        return wasm_u64(r, out);
    }
    bool good = wasm_u32(r, &narrow);
    *out = good ? narrow : 0;
    return good;
}

/* Limits are in pages of 64 KiB for a memory, and in elements for a table. */
static bool read_limits(struct wasm_decoder *d, bool is_memory, struct wasm_limits *out)
{
    const uint8_t *where = d->r.at;
    uint8_t flags;
    struct wasm_limits l = {0};
    if (!wasm_byte(&d->r, &flags)) {
        return false;
    }
    if ((flags & ~(LIMITS_MAX | LIMITS_64 | (is_memory ? LIMITS_SHARED : 0))) != 0) {
        return !wasm_fail_newer(&d->r, where, WASM_PLACE_LIMITS, flags) &&
               wasm_fail(&d->r, where, E_CORRUPT, "malformed limits, flags 0x%02x", flags);
    }
    l.has_max = (flags & LIMITS_MAX) != 0;
    l.is_64 = (flags & LIMITS_64) != 0;
    l.is_shared = (flags & LIMITS_SHARED) != 0;
    if (l.is_shared && !l.has_max) {
        return wasm_fail(&d->r, where, E_CORRUPT, "shared memory must have maximum");
    }
    if (!read_limit(&d->r, l.is_64, &l.min) || (l.has_max && !read_limit(&d->r, l.is_64, &l.max))) {
        return false;
    }
    if (l.has_max && l.min > l.max) {
        return wasm_fail(&d->r, where, E_CORRUPT, "size minimum %llu is greater than maximum %llu",
                         (unsigned long long)l.min, (unsigned long long)l.max);
    }
    *out = l;
    return true;
}

/* Only the minimum is limited here: it is allocated at once. Growth is limited when it happens. */
bool decode_table_type(struct wasm_decoder *d, struct wasm_table_type *out)
{
    const uint8_t *where = d->r.at;
    if (!wasm_reference_type(&d->r, &out->type) || !read_limits(d, false, &out->limits)) {
        return false;
    }
    return out->limits.min <= d->bounds->table_elements ||
           wasm_fail(&d->r, where, E_OVERFLOW, "a table of %llu elements, more than %u",
                     (unsigned long long)out->limits.min, d->bounds->table_elements);
}

bool decode_memory_type(struct wasm_decoder *d)
{
    const uint8_t *where = d->r.at;
    struct wasm_limits l;
    if (!read_limits(d, true, &l)) {
        return false;
    }
    uint64_t most = l.is_64 ? WASM_PAGES_LIMIT_64 : WASM_PAGES_LIMIT;
    if (l.min > most || l.max > most) {
        return wasm_fail(&d->r, where, E_CORRUPT, "memory size must be at most %llu pages",
                         (unsigned long long)most);
    }
    if (l.is_64 && l.min > WASM_PAGES_MAX) {
        return wasm_fail(&d->r, where, E_OVERFLOW, "a 64-bit memory of %llu pages, more than %u",
                         (unsigned long long)l.min, WASM_PAGES_MAX);
    }
    if (d->m->memory_count == WASM_MEMORIES_MAX) {
        return wasm_fail(&d->r, where, E_OVERFLOW, "more than %u memories", WASM_MEMORIES_MAX);
    }
    struct wasm_memory_type *memory = DECODE_APPEND(d, memories, memory);
    if (memory == NULL) {
        return false;
    }
    *memory = (struct wasm_memory_type){.limits = l};
    return true;
}

bool decode_global_type(struct wasm_decoder *d, struct wasm_global_type *out)
{
    uint8_t is_mutable;
    if (!wasm_value_type(&d->r, &out->type) || !wasm_byte(&d->r, &is_mutable)) {
        return false;
    }
    if (is_mutable > 1) {
        return wasm_fail(&d->r, d->r.at - 1, E_CORRUPT, "malformed mutability 0x%02x", is_mutable);
    }
    out->is_mutable = is_mutable == 1;
    d->m->has_vector_types |= out->type == WASM_V128;
    return true;
}

/* ---- Imports ---- */

/* The function section has only the types of the own functions; their bodies follow in
 * the code section. */
static bool add_function(struct wasm_decoder *d, bool is_imported)
{
    uint32_t type;
    if (!decode_index(d, d->m->signature_count, "type", &type)) {
        return false;
    }
    struct wasm_function *f = DECODE_APPEND(d, functions, function);
    if (f == NULL) {
        return false;
    }
    *f = (struct wasm_function){.type = type, .is_imported = is_imported};
    return true;
}

static bool add_table(struct wasm_decoder *d, const struct wasm_table *table)
{
    struct wasm_table *t = DECODE_APPEND(d, tables, table);
    if (t == NULL) {
        return false;
    }
    *t = *table;
    return true;
}

static bool import_table(struct wasm_decoder *d)
{
    struct wasm_table table = {.is_imported = true};
    return decode_table_type(d, &table.type) && add_table(d, &table);
}

/* An imported global has no initial value here: the instance gets the address of the real one. */
static bool import_global(struct wasm_decoder *d)
{
    struct wasm_global_type type;
    if (!decode_global_type(d, &type)) {
        return false;
    }
    struct wasm_global *g = DECODE_APPEND(d, globals, global);
    if (g == NULL) {
        return false;
    }
    *g = (struct wasm_global){.type = type, .is_imported = true};
    return true;
}

/* The byte 0 says that it is a kind of exception; there are no others. */
static bool add_tag(struct wasm_decoder *d, bool is_imported)
{
    uint8_t attribute;
    const uint8_t *where = d->r.at;
    struct wasm_tag tag = {.is_imported = is_imported};
    if (!wasm_byte(&d->r, &attribute)) {
        return false;
    }
    if (attribute != 0) {
        return wasm_fail(&d->r, where, E_CORRUPT, "malformed tag attribute 0x%02x", attribute);
    }
    if (!decode_index(d, d->m->signature_count, "type", &tag.type)) {
        return false;
    }
    if (d->m->signatures[tag.type].results != 0) {
        return wasm_fail(&d->r, where, E_CORRUPT, "non-empty tag result type");
    }
    struct wasm_tag *t = DECODE_APPEND(d, tags, tag);
    if (t == NULL) {
        return false;
    }
    *t = tag;
    return true;
}

static bool fail_kind(struct wasm_decoder *d, const char *what, uint8_t kind)
{
    return wasm_fail(&d->r, d->r.at - 1, E_CORRUPT, "malformed %s kind 0x%02x", what, kind);
}

static bool read_imported(struct wasm_decoder *d, uint8_t kind)
{
    switch (kind) {
    case WASM_FUNCTION:
        return add_function(d, true);
    case WASM_TABLE:
        return import_table(d);
    case WASM_MEMORY:
        return decode_memory_type(d);
    case WASM_GLOBAL:
        return import_global(d);
    case WASM_TAG:
        return add_tag(d, true);
    default:
        return fail_kind(d, "import", kind);
    }
}

/* The index of an import counts the imports of its kind. */
bool decode_imports(struct wasm_decoder *d)
{
    uint32_t count;
    if (!wasm_count(&d->r, 4, &count)) {
        return false;
    }
    for (uint32_t n = 0; n < count; n++) {
        struct wasm_import import = {0};
        if (!wasm_name(&d->r, &import.module) || !wasm_name(&d->r, &import.name) ||
            !wasm_byte(&d->r, &import.kind) || !read_imported(d, import.kind)) {
            return false;
        }
        import.index = d->m->imported[import.kind]++;
        struct wasm_import *new = DECODE_APPEND(d, imports, import);
        if (new == NULL) {
            return false;
        }
        *new = import;
    }
    return true;
}

/* ---- The module's own declarations ---- */

bool decode_functions(struct wasm_decoder *d)
{
    uint32_t count;
    if (!wasm_count(&d->r, 1, &count)) {
        return false;
    }
    for (uint32_t n = 0; n < count; n++) {
        if (!add_function(d, false)) {
            return false;
        }
    }
    return true;
}

/* The form with an initial value begins with 0x40 0x00. A table of references that are never null
 * needs one. */
static bool read_table(struct wasm_decoder *d, struct wasm_table *out)
{
    const uint8_t *where = d->r.at;
    out->has_init = d->r.end - where >= 2 && where[0] == 0x40 && where[1] == 0;
    d->r.at += out->has_init ? 2 : 0;
    if (!decode_table_type(d, &out->type)) {
        return false;
    }
    if (out->has_init) {
        return decode_constant(d, out->type.type, &out->init);
    }
    return (out->type.type & WASM_NOT_NULL) == 0 ||
           wasm_fail(&d->r, where, E_CORRUPT, "type mismatch: a table of %s without initial value",
                     wasm_type_name(out->type.type));
}

bool decode_tables(struct wasm_decoder *d)
{
    uint32_t count;
    if (!wasm_count(&d->r, 3, &count)) {
        return false;
    }
    for (uint32_t n = 0; n < count; n++) {
        struct wasm_table table = {0};
        if (!read_table(d, &table) || !add_table(d, &table)) {
            return false;
        }
    }
    return true;
}

bool decode_memories(struct wasm_decoder *d)
{
    uint32_t count;
    if (!wasm_count(&d->r, 2, &count)) {
        return false;
    }
    for (uint32_t n = 0; n < count; n++) {
        if (!decode_memory_type(d)) {
            return false;
        }
    }
    return true;
}

bool decode_tags(struct wasm_decoder *d)
{
    uint32_t count;
    if (!wasm_count(&d->r, 2, &count)) {
        return false;
    }
    for (uint32_t n = 0; n < count; n++) {
        if (!add_tag(d, false)) {
            return false;
        }
    }
    return true;
}

/* A global is appended after its initial value has been read, which may therefore not use it. */
bool decode_globals(struct wasm_decoder *d)
{
    uint32_t count;
    if (!wasm_count(&d->r, 4, &count)) {
        return false;
    }
    for (uint32_t n = 0; n < count; n++) {
        struct wasm_global global = {0};
        if (!decode_global_type(d, &global.type) ||
            !decode_constant(d, global.type.type, &global.init)) {
            return false;
        }
        struct wasm_global *new = DECODE_APPEND(d, globals, global);
        if (new == NULL) {
            return false;
        }
        *new = global;
    }
    return true;
}

/* ---- Exports ---- */

static bool name_is_less(const void *a, const void *b)
{
    const struct wasm_bytes *x = &(*(const struct wasm_export *const *)a)->name;
    const struct wasm_bytes *y = &(*(const struct wasm_export *const *)b)->name;
    return x->len != y->len ? x->len < y->len : memcmp(x->bytes, y->bytes, x->len) < 0;
}

/* By sorting, so that no choice of names makes this slow. */
static bool check_names_differ(struct wasm_decoder *d)
{
    struct wasm_module *m = d->m;
    if (m->export_count < 2) {
        return true;
    }
    const struct wasm_export **sorted = decode_alloc(d, m->export_count, sizeof(void *));
    if (sorted == NULL) {
        return false;
    }
    for (uint32_t n = 0; n < m->export_count; n++) {
        sorted[n] = &m->exports[n];
    }
    sort_array(sorted, m->export_count, sizeof(void *), name_is_less);
    for (uint32_t n = 1; n < m->export_count; n++) {
        if (!name_is_less(&sorted[n - 1], &sorted[n])) {
            return wasm_fail(&d->r, sorted[n]->name.bytes, E_CORRUPT, "duplicate export name");
        }
    }
    return true;
}

static bool read_export(struct wasm_decoder *d, struct wasm_export *out)
{
    static const char *const names[] = {"function", "table", "memory", "global", "tag"};
    const struct wasm_module *m = d->m;
    const uint32_t counts[] = {m->function_count, m->table_count, m->memory_count, m->global_count,
                               m->tag_count};
    if (!wasm_name(&d->r, &out->name) || !wasm_byte(&d->r, &out->kind)) {
        return false;
    }
    if (out->kind >= WASM_KIND_COUNT) {
        return fail_kind(d, "export", out->kind);
    }
    if (!decode_index(d, counts[out->kind], names[out->kind], &out->index)) {
        return false;
    }
    if (out->kind == WASM_FUNCTION) {
        m->functions[out->index].is_declared = true;
    }
    return true;
}

bool decode_exports(struct wasm_decoder *d)
{
    uint32_t count;
    if (!wasm_count(&d->r, 3, &count)) {
        return false;
    }
    d->m->exports = decode_alloc(d, count, sizeof *d->m->exports);
    if (d->m->exports == NULL) {
        return false;
    }
    d->m->export_count = count;
    for (uint32_t n = 0; n < count; n++) {
        if (!read_export(d, &d->m->exports[n])) {
            return false;
        }
    }
    return check_names_differ(d);
}

/* The start function runs when the module is instantiated. */
bool decode_start(struct wasm_decoder *d)
{
    const uint8_t *where = d->r.at;
    uint32_t function;
    if (!decode_index(d, d->m->function_count, "function", &function)) {
        return false;
    }
    const struct wasm_signature *s = &d->m->signatures[d->m->functions[function].type];
    if (s->params != 0 || s->results != 0) {
        return wasm_fail(&d->r, where, E_CORRUPT, "start function %u has parameters or results",
                         function);
    }
    d->m->start = function;
    return true;
}
