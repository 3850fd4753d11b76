// SPDX-License-Identifier: MIT
//
// The type section: function types, alone or in groups. Each type gets the first type of the module
// that equals it, so that comparing two types later compares two numbers (types.c).
#include "kernel/wasm/front/decode_internal.h"

#include "kernel/lib/string.h"

#define FORM_FUNCTION 0x60
#define FORM_GROUP    0x4e

/* The groups so far, found by the bits of a hash: choosing the types cannot make it deeper than the
 * hash has bits. */
struct node {
    uint64_t hash;
    uint32_t group; /* its first type */
    uint32_t next[2];
};

struct groups {
    struct node *nodes;
    uint32_t count;
    uint32_t level, levels; /* the first type of the current level; the number of levels */
};

/* ---- Reading ---- */

/* @param out  NULL: only count them. */
static bool read_value_types(struct wasm_decoder *d, uint32_t *count, uint32_t *out)
{
    uint32_t ignored;
    const uint8_t *where = d->r.at;
    if (!wasm_count(&d->r, 1, count)) {
        return false;
    }
    if (*count > WASM_ARITY_MAX) {
        return wasm_fail(&d->r, where, E_NOTSUP, "a function type of %u parameters or results",
                         *count);
    }
    for (uint32_t n = 0; n < *count; n++) {
        if (!wasm_value_type(&d->r, out == NULL ? &ignored : out + n)) {
            return false;
        }
    }
    return true;
}

/* Parameters and results are stored one after the other, so they are counted first. The type's id
 * is allocated when the whole module is valid: take_ids() in decode.c. */
static bool read_function_type(struct wasm_decoder *d, struct wasm_signature *out)
{
    uint8_t form;
    if (!wasm_byte(&d->r, &form)) {
        return false;
    }
    if (form != FORM_FUNCTION) {
        return wasm_fail_type(&d->r, d->r.at - 1, "function");
    }
    const uint8_t *start = d->r.at;
    if (!read_value_types(d, &out->params, NULL) || !read_value_types(d, &out->results, NULL)) {
        return false;
    }
    uint32_t count = out->params + out->results;
    uint32_t *full = decode_alloc(d, count, sizeof *full + 1);
    d->r.at = start;
    if (full == NULL || !read_value_types(d, &out->params, full) ||
        !read_value_types(d, &out->results, full + out->params)) {
        return false;
    }
    uint8_t *erased = (uint8_t *)(full + count);
    for (uint32_t n = 0; n < count; n++) {
        erased[n] = (uint8_t)full[n];
        d->m->has_vector_types |= full[n] == WASM_V128;
    }
    out->full = full;
    out->types = erased;
    return true;
}

/* ---- Equality ---- */

/* A type without what differs between equal groups: `*index` is a place in the group, or the first
 * type that equals the one that is meant. */
static uint32_t normal(const struct wasm_signature *all, const struct wasm_signature *s,
                       uint32_t type, uint32_t *index)
{
    *index = 0;
    if (!WASM_HAS_INDEX(type)) {
        return type;
    }
    bool is_inside = WASM_INDEX_OF(type) >= s->group;
    *index = is_inside ? WASM_INDEX_OF(type) - s->group : all[WASM_INDEX_OF(type)].canonical;
    return (type & (WASM_NOT_NULL | 0xff)) | (is_inside ? 2u : 1u) << WASM_INDEX_SHIFT;
}

static uint64_t mix(uint64_t hash, uint32_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

static uint64_t hash_group(const struct wasm_signature *all, const struct wasm_signature *first)
{
    uint64_t hash = first->group_size;
    for (uint32_t n = 0; n < first->group_size; n++) {
        const struct wasm_signature *s = first + n;
        hash = mix(mix(hash, s->params), s->results);
        for (uint32_t t = 0; t < s->params + s->results; t++) {
            uint32_t index, type = normal(all, s, s->full[t], &index);
            hash = mix(mix(hash, type), index);
        }
    }
    return hash;
}

static bool are_equal(const struct wasm_signature *all, const struct wasm_signature *a,
                      const struct wasm_signature *b)
{
    if (a->params != b->params || a->results != b->results) {
        return false;
    }
    for (uint32_t t = 0; t < a->params + a->results; t++) {
        uint32_t x, y;
        if (normal(all, a, a->full[t], &x) != normal(all, b, b->full[t], &y) || x != y) {
            return false;
        }
    }
    return true;
}

static bool are_equal_groups(const struct wasm_signature *all, uint32_t a, uint32_t b)
{
    bool equal = all[a].group_size == all[b].group_size;
    for (uint32_t n = 0; equal && n < all[a].group_size; n++) {
        equal = are_equal(all, &all[a + n], &all[b + n]);
    }
    return equal;
}

/* @return the first type of the first group that equals this one: perhaps its own. */
static uint32_t find_group(struct groups *g, const struct wasm_signature *all, uint32_t group)
{
    uint64_t hash = hash_group(all, &all[group]);
    uint32_t *link = NULL, at = g->count == 0 ? IR_NONE : 0;
    for (unsigned bit = 0; at != IR_NONE; bit++) {
        const struct node *n = &g->nodes[at];
        if (n->hash == hash && are_equal_groups(all, n->group, group)) {
            return n->group;
        }
        link = &g->nodes[at].next[hash >> bit % 64 & 1];
        at = *link;
    }
    if (link != NULL) {
        *link = g->count;
    }
    g->nodes[g->count++] = (struct node){hash, group, {IR_NONE, IR_NONE}};
    return group;
}

/* ---- Groups ---- */

/* Whether a type of the group refers to a type from `level` on that precedes the group. */
static bool refers_to_level(const struct wasm_signature *first, uint32_t level)
{
    for (uint32_t n = 0; n < first->group_size; n++) {
        for (uint32_t t = 0; t < first[n].params + first[n].results; t++) {
            uint32_t type = first[n].full[t];
            if (WASM_HAS_INDEX(type) && WASM_INDEX_OF(type) >= level &&
                WASM_INDEX_OF(type) < first->group) {
                return true;
            }
        }
    }
    return false;
}

static bool is_plain(const struct wasm_signature *s)
{
    bool plain = s->group_size == 1;
    for (uint32_t t = 0; t < s->params + s->results; t++) {
        plain = plain && s->full[t] <= 0xff;
    }
    return plain;
}

static bool finish_group(struct wasm_decoder *d, const uint8_t *where, struct wasm_signature *all,
                         uint32_t group, struct groups *g)
{
    struct wasm_signature *first = &all[group];
    uint32_t equal = find_group(g, all, group);
    for (uint32_t n = 0; n < first->group_size; n++) {
        first[n].canonical = equal + n;
    }
    first->is_plain = is_plain(first);
    first->new_level = refers_to_level(first, g->level);
    if (first->new_level) {
        g->level = group;
        g->levels++;
    }
    return g->levels <= WASM_LEVELS_MAX ||
           wasm_fail(&d->r, where, E_NOTSUP, "more than %u levels of types that refer to types",
                     WASM_LEVELS_MAX);
}

/* The types of a group may refer to the whole group. */
static bool read_group(struct wasm_decoder *d, struct wasm_signature *all, uint32_t group,
                       uint32_t count)
{
    d->r.type_count = group + count;
    for (uint32_t n = 0; n < count; n++) {
        all[group + n] = (struct wasm_signature){.group = group, .group_size = count};
        if (!read_function_type(d, &all[group + n])) {
            return false;
        }
    }
    return true;
}

/* The number of types in the group that begins here: 1 unless it says otherwise. */
static bool read_group_size(struct wasm_decoder *d, uint32_t *out)
{
    *out = 1;
    if (d->r.at == d->r.end || *d->r.at != FORM_GROUP) {
        return true;
    }
    d->r.at++;
    return wasm_count(&d->r, 2, out);
}

/* The number of types is known only at the end: groups hold any number of them. */
bool decode_types(struct wasm_decoder *d)
{
    const uint8_t *where = d->r.at;
    uint32_t entries, size, capacity = 0;
    struct groups g = {0};
    if (!wasm_count(&d->r, 2, &entries)) {
        return false;
    }
    struct wasm_module *m = d->m;
    g.nodes = entries > WASM_TYPES_MAX ? NULL : decode_alloc(d, entries, sizeof *g.nodes);
    for (uint32_t n = 0; n < entries; n++) {
        where = d->r.at;
        if (!read_group_size(d, &size)) {
            return false;
        }
        uint64_t total = (uint64_t)m->signature_count + size;
        if (total > WASM_TYPES_MAX || entries > WASM_TYPES_MAX) {
            return wasm_fail(&d->r, where, E_OVERFLOW, "%llu types, more than %u",
                             (unsigned long long)MAX(total, (uint64_t)entries), WASM_TYPES_MAX);
        }
        void *grown = arena_grow_list(&m->arena, m->signatures, &capacity,
                                      MAX(total, (uint64_t)entries), sizeof *m->signatures);
        if (grown == NULL || g.nodes == NULL) {
            return wasm_fail_memory(&d->r, &m->arena, total * sizeof *m->signatures);
        }
        m->signatures = grown;
        if (!read_group(d, m->signatures, m->signature_count, size)) {
            return false;
        }
        if (size > 0 && !finish_group(d, where, m->signatures, m->signature_count, &g)) {
            return false;
        }
        m->signature_count = (uint32_t)total;
    }
    return true;
}
