// SPDX-License-Identifier: MIT
//
// Function types: which are equal, within a module and, by the loader's numbers, among all modules.
//
// Types that are declared together form a group and may refer to each other. Two types are equal if
// they are at the same place of equal groups; groups are equal if their types are, where references
// into the group count by place and others by the type that they lead to. So a type can be compared
// once the earlier ones have been: a module has levels of types, each of which refers to earlier
// levels only, and the loader numbers one level after the other.
#include "kernel/wasm/front/reader.h"

#include "kernel/mm/heap.h"

#define FEW 8u /* up to this many types need no allocation */

/* What the loader tells apart besides the bytes: of a plain type it is the index of the first
 * result. */
#define KEY_GROUP  UINT32_MAX
#define KEY_MEMBER (UINT32_MAX - 1)

bool wasm_is_subtype(const struct wasm_module *of_a, uint32_t a, const struct wasm_module *of_b,
                     uint32_t b)
{
    if (a == b && (of_a == of_b || !WASM_HAS_INDEX(a))) {
        return true;
    }
    if (a == WASM_SOME_REFERENCE) {
        return wasm_is_reference(b);
    }
    bool is_none = (uint8_t)a == WASM_NULLEXNREF && (uint8_t)b == WASM_EXNREF;
    if (((uint8_t)a != (uint8_t)b && !is_none) || (b & ~a & WASM_NOT_NULL) != 0) {
        return false;
    }
    if (!WASM_HAS_INDEX(b) || !WASM_HAS_INDEX(a)) {
        return !WASM_HAS_INDEX(b);
    }
    const struct wasm_signature *x = &of_a->signatures[WASM_INDEX_OF(a)];
    const struct wasm_signature *y = &of_b->signatures[WASM_INDEX_OF(b)];
    return of_a == of_b ? x->canonical == y->canonical : x->id == y->id;
}

/* ---- Numbers of one level ---- */

/* The words of a group's key: for each type the counts, and two words for each value type. */
static uint64_t key_words(const struct wasm_signature *first)
{
    uint64_t words = 0;
    for (uint32_t n = 0; n < first->group_size; n++) {
        words += 2 + 2 * ((uint64_t)first[n].params + first[n].results);
    }
    return words;
}

static uint32_t *put_key(const struct wasm_signature *all, const struct wasm_signature *first,
                         uint32_t *at)
{
    for (uint32_t n = 0; n < first->group_size; n++) {
        const struct wasm_signature *s = first + n;
        *at++ = s->params;
        *at++ = s->results;
        for (uint32_t t = 0; t < s->params + s->results; t++) {
            uint32_t type = s->full[t], index = WASM_INDEX_OF(type);
            bool is_inside = WASM_HAS_INDEX(type) && index >= first->group;
            *at++ = (type & (WASM_NOT_NULL | 0xff)) | (is_inside ? 1u << 31 : 0);
            *at++ = is_inside ? index - first->group : WASM_HAS_INDEX(type) ? all[index].id : 0;
        }
    }
    return at;
}

/* Plain types get their numbers here, other groups the number of the group. */
static enum status number_groups(struct wasm_signature *all, uint32_t from, uint32_t to,
                                 struct load_type *types, uint32_t *words)
{
    uint32_t count = 0;
    for (uint32_t n = from; n < to; n += all[n].group_size) {
        const struct wasm_signature *s = &all[n];
        if (s->is_plain) {
            types[count++] = (struct load_type){s->types, s->params + s->results, s->params, 0};
            continue;
        }
        const uint32_t *start = words;
        words = put_key(all, s, words);
        types[count++] = (struct load_type){
            (const uint8_t *)start, (uint32_t)((words - start) * sizeof *words), KEY_GROUP, 0};
    }
    enum status status = load_types_take(types, count);
    count = 0;
    for (uint32_t n = from; status == OK && n < to; n += all[n].group_size) {
        *(all[n].is_plain ? &all[n].id : &all[n].group_id) = types[count++].number;
    }
    return status;
}

/* A type of another group is known by the group's number and its place. */
static enum status number_members(struct wasm_signature *all, uint32_t from, uint32_t to,
                                  struct load_type *types, uint32_t *words)
{
    uint32_t count = 0;
    for (uint32_t n = from; n < to; n++) {
        const struct wasm_signature *first = &all[all[n].group];
        if (!first->is_plain) {
            uint32_t *key = words + 2 * (size_t)count;
            key[0] = first->group_id;
            key[1] = n - all[n].group;
            types[count++] =
                (struct load_type){(const uint8_t *)key, 2 * sizeof *key, KEY_MEMBER, 0};
        }
    }
    enum status status = count == 0 ? OK : load_types_take(types, count);
    count = 0;
    for (uint32_t n = from; status == OK && n < to; n++) {
        if (!all[all[n].group].is_plain) {
            all[n].id = types[count++].number;
        }
    }
    return status;
}

static enum status number_level(struct wasm_signature *all, uint32_t from, uint32_t to)
{
    struct load_type few[FEW];
    uint32_t count = to - from;
    uint64_t words = 2 * (uint64_t)count; /* as many as the keys of its types need */
    bool is_plain = true;
    for (uint32_t n = from; n < to; n += all[n].group_size) {
        words += all[n].is_plain ? 0 : key_words(&all[n]);
        is_plain = is_plain && all[n].is_plain;
    }
    struct load_type *types = count <= FEW ? few : heap_calloc(count, sizeof *types);
    uint32_t *keys = is_plain ? NULL : heap_calloc(words, sizeof *keys);
    enum status s = types == NULL || (keys == NULL && !is_plain)
                        ? E_NOMEM
                        : number_groups(all, from, to, types, keys);
    if (s == OK && !is_plain) {
        s = number_members(all, from, to, types, keys);
    }
    heap_free(keys);
    if (types != few) {
        heap_free(types);
    }
    return s;
}

/* ---- All levels ---- */

/* The loader counts the references to a type, so wasm_type_ids_drop() must follow, exactly once. */
enum status wasm_type_ids_take(struct wasm_signature *signatures, uint32_t count)
{
    enum status s = OK;
    for (uint32_t from = 0, to; s == OK && from < count; from = to) {
        to = from + signatures[from].group_size;
        while (to < count && !signatures[to].new_level) {
            to += signatures[to].group_size;
        }
        s = number_level(signatures, from, to);
    }
    return s;
}

void wasm_type_ids_drop(const struct wasm_signature *signatures, uint32_t count)
{
    bool has_groups = false;
    for (uint32_t n = 0; n < count; n++) {
        has_groups = has_groups || signatures[n].group_id != 0;
    }
    if (count > 0) {
        load_types_drop(&signatures->id, count, sizeof *signatures);
    }
    if (has_groups) {
        load_types_drop(&signatures->group_id, count, sizeof *signatures);
    }
}
