// SPDX-License-Identifier: MIT
#include "tests/conformance/validation.h"

#include "kernel/jit/arena.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/wasm/front/quick.h"
#include "kernel/wasm/run/wasm_engine.h"
#include "tests/conformance/spec_pack.h"

#define ARENA_BYTES    ((size_t)64 << 20)
#define TABLE_ELEMENTS 10000000u
#define MUTATIONS      40u /* of each body */

struct comparison {
    const char *file;
    void (*say)(void *ctx, const char *line);
    struct validation_score *score;
    struct spec_command command;
    const struct wasm_module *m;
    uint64_t random;
};

/* The same numbers in each run. */
static uint32_t random_below(struct comparison *c, uint32_t end)
{
    c->random = c->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((c->random >> 32) % end);
}

/* ---- One body ---- */

/** What one of the ways says about a body. */
struct verdict {
    enum status status;
    struct wasm_error err;
    bool moves_context;
};

static struct verdict build(const struct wasm_module *m, uint32_t n, struct arena *a)
{
    struct ir_function *f;
    struct verdict v = {.err = {.text = ""}};
    v.status = wasm_function_build(m, n, a, &f, &v.err);
    v.moves_context = v.status == OK && compiled_moves_context(f);
    arena_empty(a);
    return v;
}

static struct verdict validate(const struct wasm_module *m, uint32_t n, struct arena *a)
{
    struct wasm_facts facts = {.callees = NULL};
    struct verdict v = {.err = {.text = ""}};
    v.status = wasm_function_validate(m, n, a, &facts, &v.err);
    v.moves_context = v.status == OK && facts.moves_context;
    arena_empty(a);
    return v;
}

/* A tail call that cannot be reached is not built. */
static bool is_same(const struct verdict *built, const struct verdict *validated)
{
    return built->status == validated->status &&
           (!built->moves_context || validated->moves_context) &&
           built->err.offset == validated->err.offset &&
           strcmp(built->err.section, validated->err.section) == 0 &&
           strcmp(built->err.text, validated->err.text) == 0;
}

static void complain(const struct comparison *c, uint32_t n, const struct verdict *built,
                     const struct verdict *validated)
{
    char line[512];
    fmt_print(line, sizeof line, "%s.wast:%u: function %u: built: %s %s; validated: %s %s", c->file,
              c->command.line, n, status_text(built->status), built->err.text,
              status_text(validated->status), validated->err.text);
    c->say(NULL, line);
}

static bool compare_body(struct comparison *c, uint32_t n, struct arena *a)
{
    struct wasm_facts facts;
    struct verdict built = build(c->m, n, a), validated = validate(c->m, n, a);
    bool same = is_same(&built, &validated);
    if (!same) {
        complain(c, n, &built, &validated);
    }
    c->score->bodies++;
    c->score->refused += built.status != OK;
    c->score->quick += wasm_validate_quickly(c->m, n, a, &facts);
    arena_empty(a);
    return same;
}

/* ---- Mutated bodies ---- */

/* Change one byte, more often by little: numbers of locals, types and neighbouring operators. */
static void mutate_byte(struct comparison *c, uint8_t *byte)
{
    switch (random_below(c, 4)) {
    case 0:
        *byte = (uint8_t)random_below(c, 256);
        break;
    case 1:
        *byte ^= (uint8_t)(1u << random_below(c, 8));
        break;
    default:
        *byte = (uint8_t)(*byte + (random_below(c, 2) == 0 ? 1u : 255u));
        break;
    }
}

/* Change a few bytes, or remove one: those that follow move down, and the last one occurs twice. */
static void mutate(struct comparison *c, uint8_t *body, uint32_t size)
{
    if (random_below(c, 4) == 0) {
        uint32_t at = random_below(c, size);
        memmove(body + at, body + at + 1, size - at - 1);
        return;
    }
    for (uint32_t left = 1 + random_below(c, 2); left > 0; left--) {
        mutate_byte(c, body + random_below(c, size));
    }
}

/* The module refers to `bytes`: it sees the change. */
static bool compare_mutated(struct comparison *c, uint32_t n, uint8_t *bytes, struct arena *a)
{
    const struct wasm_function *f = &c->m->functions[n];
    uint8_t *original = heap_alloc((size_t)f->body_size + 1);
    bool same = original != NULL;
    if (!same) {
        return false;
    }
    memcpy(original, bytes + f->body, f->body_size);
    for (uint32_t left = f->body_size > 0 ? MUTATIONS : 0; left > 0; left--) {
        mutate(c, bytes + f->body, f->body_size);
        same = compare_body(c, n, a) && same;
        memcpy(bytes + f->body, original, f->body_size);
    }
    heap_free(original);
    return same;
}

/* ---- Modules ---- */

static enum status compare_module(struct comparison *c)
{
    static const struct wasm_bounds bounds = {.arena_bytes = ARENA_BYTES,
                                              .table_elements = TABLE_ELEMENTS};
    const struct wasm_bytes original = c->command.bytes;
    struct wasm_error err;
    struct wasm_module *m;
    uint8_t *bytes = heap_alloc((size_t)original.len + 1);
    if (bytes == NULL) {
        return E_NOMEM;
    }
    if (original.len > 0) {
        memcpy(bytes, original.bytes, original.len);
    }
    if (wasm_module_decode(bytes, original.len, &bounds, &m, &err) == OK) {
        struct arena a;
        bool same = true;
        c->m = m;
        arena_init(&a, ARENA_BYTES);
        for (uint32_t n = m->imported[WASM_FUNCTION]; n < m->function_count; n++) {
            same = compare_body(c, n, &a) && same;
            same = compare_mutated(c, n, bytes, &a) && same;
        }
        arena_free_all(&a);
        wasm_module_free(m);
        c->score->modules++;
        c->score->different += !same;
    }
    heap_free(bytes);
    return OK;
}

static bool has_module(unsigned kind)
{
    return kind == SPEC_MODULE || kind == SPEC_DEFINITION ||
           (kind >= SPEC_MALFORMED && kind <= SPEC_VALID);
}

enum status validation_compare(const char *name, const uint8_t *pack, size_t len,
                               void (*say)(void *ctx, const char *line),
                               struct validation_score *score)
{
    struct comparison c = {.file = name, .say = say, .score = score, .random = 1};
    struct spec_reader reader;
    if (!spec_open(&reader, pack, len)) {
        return E_FORMAT;
    }
    enum status s = OK;
    while (s == OK && spec_next(&reader, &c.command)) {
        s = has_module(c.command.kind) ? compare_module(&c) : OK;
    }
    return s == OK && reader.broken ? E_FORMAT : s;
}
