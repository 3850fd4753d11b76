// SPDX-License-Identifier: MIT
//
// Decodes a module: its header, the order and sizes of the sections, and checks that concern
// several sections. The contents of sections are in decode_types.c, decode_segments.c and so on.
//
// Every count is compared with the number of bytes that follow before anything is allocated for it,
// so memory is proportional to the file.
#include "kernel/wasm/front/decode_internal.h"

#include "kernel/lib/string.h"

#define MODULE_BYTES_MAX  ((size_t)1 << 30)
#define VERSION_COMPONENT 0x1000du /* of the component model: version 13, layer 1 */

/* The order of the sections in a file is that of `rank`, not of the ids: data count (12) comes
 * before code, and tag (13) before global. A custom section may be anywhere, and its contents can
 * only add names. */
static const struct {
    const char *name;
    uint8_t rank; /* position in the required order of sections; 0: anywhere */
    bool (*decode)(struct wasm_decoder *d);
} sections[] = {
    {"custom", 0, NULL},
    {"type", 1, decode_types},
    {"import", 2, decode_imports},
    {"function", 3, decode_functions},
    {"table", 4, decode_tables},
    {"memory", 5, decode_memories},
    {"global", 7, decode_globals},
    {"export", 8, decode_exports},
    {"start", 9, decode_start},
    {"element", 10, decode_elements},
    {"code", 12, decode_code},
    {"data", 13, decode_data},
    {"data count", 11, decode_data_count},
    {"tag", 6, decode_tags},
};

/* Memory for the module. `count` was compared with the
 * rest of the file, so the product cannot overflow. */
void *decode_alloc(struct wasm_decoder *d, uint32_t count, size_t size)
{
    void *p = arena_alloc(&d->m->arena, count * size);
    if (p == NULL) {
        (void)wasm_fail_memory(&d->r, &d->m->arena, count * size);
    }
    return p;
}

void *decode_append(struct wasm_decoder *d, void *array, uint32_t *count, uint32_t *capacity,
                    size_t size)
{
    void **slot = array;
    uint64_t needed = (uint64_t)*count + 1;
    void *grown = arena_grow_list(&d->m->arena, *slot, capacity, needed, size);
    if (grown == NULL) {
        (void)wasm_fail_memory(&d->r, &d->m->arena, 2 * needed * size);
        return NULL;
    }
    *slot = grown;
    return (uint8_t *)grown + (*count)++ * size;
}

/* All indices in the file are read here, except those in function bodies: a valid module has no
 * index that later code would have to check again. */
bool decode_index(struct wasm_decoder *d, uint32_t count, const char *what, uint32_t *out)
{
    const uint8_t *where = d->r.at;
    uint32_t index;
    if (!wasm_u32(&d->r, &index)) {
        return false;
    }
    if (index >= count) {
        return wasm_fail(&d->r, where, E_CORRUPT, "unknown %s %u", what, index);
    }
    *out = index;
    return true;
}

/* The file begins with four bytes "\0asm" and the version, 1. */
static bool read_header(struct wasm_decoder *d)
{
    struct wasm_reader *r = &d->r;
    uint64_t magic = 0, version = 0;
    if (!wasm_fixed(r, 4, &magic)) {
        return false;
    }
    if (magic != 0x6d736100) {
        return wasm_fail(r, r->start, E_CORRUPT,
                         "not a WebAssembly module: its first bytes are wrong");
    }
    if (!wasm_fixed(r, 4, &version)) {
        return false;
    }
    if (version == VERSION_COMPONENT) {
        return wasm_fail(r, r->start + 4, E_CORRUPT, "a component: build for wasm32-wasip1");
    }
    return version == 1 ||
           wasm_fail(r, r->start + 4, E_CORRUPT, "unknown binary version %u", (uint32_t)version);
}

/* Only the position of the "name" section is noted: it may refer to functions that come later. */
static bool read_custom(struct wasm_decoder *d)
{
    struct wasm_bytes name;
    if (!wasm_name(&d->r, &name)) {
        return false;
    }
    if (name.len == 4 && memcmp(name.bytes, "name", 4) == 0) {
        d->names = (struct wasm_bytes){d->r.at, (uint32_t)(d->r.end - d->r.at)};
    }
    d->r.at = d->r.end;
    return true;
}

/* Read a section's contents. The reader's end is the section's end. */
static bool read_content(struct wasm_decoder *d, uint8_t id)
{
    struct wasm_reader *r = &d->r;
    r->section = sections[id].name;
    if (!(id == 0 ? read_custom(d) : sections[id].decode(d))) {
        return false;
    }
    return r->at == r->end ||
           wasm_fail(r, r->at, E_CORRUPT, "section size mismatch: %zu more bytes than its entries",
                     (size_t)(r->end - r->at));
}

/* Read one section with the reader's end set to its end, so that no entry can reach into the next
 * section. Each section except a custom one occurs at most once, because ranks must ascend. */
static bool read_section(struct wasm_decoder *d, uint8_t *rank)
{
    struct wasm_reader *r = &d->r;
    const uint8_t *where = r->at, *end = r->end;
    uint8_t id;
    uint32_t size;
    r->section = NULL;
    if (!wasm_byte(r, &id)) {
        return false;
    }
    if (id >= ARRAY_COUNT(sections)) {
        return wasm_fail(r, where, E_CORRUPT, "unknown section %u", id);
    }
    if (id != 0 && sections[id].rank <= *rank) {
        return wasm_fail(r, where, E_CORRUPT, "the %s section is not where it belongs",
                         sections[id].name);
    }
    if (!wasm_length(r, &size)) {
        return false;
    }
    *rank = id == 0 ? *rank : sections[id].rank;
    d->m->sections[id] = (uint32_t)(r->at - r->start);
    r->end = r->at + size;
    if (!read_content(d, id)) {
        return false;
    }
    r->end = end;
    return true;
}

/* Checks that concern several sections. A section that is missing counts as empty. */
static bool check_counts(struct wasm_decoder *d)
{
    struct wasm_module *m = d->m;
    d->r.section = NULL;
    uint32_t own = m->function_count - m->imported[WASM_FUNCTION];
    if (d->bodies != own) {
        return wasm_fail(&d->r, d->r.at, E_CORRUPT, "%u functions and %u bodies", own, d->bodies);
    }
    return m->data != NULL || m->data_count == 0 ||
           wasm_fail(&d->r, d->r.at, E_CORRUPT, "%u data segments are missing", m->data_count);
}

static bool decode(struct wasm_decoder *d)
{
    uint8_t rank = 0;
    if (!read_header(d)) {
        return false;
    }
    while (d->r.at < d->r.end) {
        if (!read_section(d, &rank)) {
            return false;
        }
    }
    return check_counts(d) && decode_names(d) && decode_layout(d);
}

/* The last step, because the loader's references must be dropped again if anything else fails. */
static bool take_ids(struct wasm_decoder *d)
{
    struct wasm_module *m = d->m;
    enum status s = wasm_type_ids_take(m->signatures, m->signature_count);
    d->r.section = "type";
    return s == OK || wasm_fail(&d->r, d->r.start + m->sections[WASM_SECTION_TYPE], s,
                                "no memory left for the ids of %u types", m->signature_count);
}

enum status wasm_module_decode(const uint8_t *bytes, size_t len, const struct wasm_bounds *bounds,
                               struct wasm_module **out, struct wasm_error *err)
{
    struct wasm_decoder d = {
        .r = {.start = bytes, .at = bytes, .end = bytes + len, .err = err},
        .bounds = bounds,
    };
    if (len > MODULE_BYTES_MAX) {
        (void)wasm_fail(&d.r, bytes, E_OVERFLOW, "larger than %zu bytes", MODULE_BYTES_MAX);
        return E_OVERFLOW;
    }
    struct arena arena; /* contains the module itself, too */
    arena_init_paid(&arena, bounds->arena_bytes, bounds->budget);
    d.m = arena_alloc(&arena, sizeof *d.m);
    if (d.m == NULL) {
        (void)wasm_fail(&d.r, bytes, E_NOMEM, "no memory left");
        return E_NOMEM;
    }
    d.m->arena = arena;
    d.m->bytes = bytes;
    d.m->len = (uint32_t)len;
    d.m->start = IR_NONE;
    /* Decoding may take long, and owns nothing except memory of the budget. Type ids, which the
     * loader owns, are allocated afterwards. */
    budget_open(bounds->budget);
    bool is_valid = decode(&d);
    budget_close(bounds->budget);
    if (!is_valid || !take_ids(&d)) {
        wasm_module_free(d.m);
        return d.r.status;
    }
    *out = d.m;
    return OK;
}

/* The arena contains the struct that describes it, so it is copied before the memory is freed. */
void wasm_module_free(struct wasm_module *m)
{
    if (m == NULL) {
        return;
    }
    struct arena arena = m->arena; /* contains the module itself */
    wasm_type_ids_drop(m->signatures, m->signature_count);
    arena_free_all(&arena);
}
