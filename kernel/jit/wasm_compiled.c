// SPDX-License-Identifier: MIT
//
// From a module to code in memory: each function is built, compiled and appended; then all of it is
// placed, calls between functions are completed, and it is sealed. Calling it is wasm_call.c,
// host functions are wasm_adapter.c, faults are wasm_fault.c.
#include "kernel/jit/wasm_engine.h"

#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

#define FUNCTION_ALIGN 16u
#define CODE_MAX       ((uint32_t)64 << 20) /* bytes of a module: every branch inside reaches */

static struct compiled_module *module_of(const struct wasm_code *code)
{
    return CONTAINER_OF((struct wasm_code *)(uintptr_t)code, struct compiled_module, code);
}

/* ---- Putting functions together ---- */

/* Room in an array on the heap; NULL: as it was. */
static void *reserve(void *array, uint32_t *capacity, uint64_t needed, size_t element)
{
    if (needed <= *capacity) {
        return array;
    }
    uint64_t wanted = MAX(needed, 2 * (uint64_t)*capacity);
    void *grown = wanted > UINT32_MAX ? NULL : heap_realloc(array, (size_t)wanted * element);
    if (grown != NULL) {
        *capacity = (uint32_t)wanted;
    }
    return grown;
}

static bool reserve_all(struct code_builder *b, uint32_t end, const struct jit_code *code)
{
    uint8_t *bytes = reserve(b->bytes, &b->capacity, end, 1);
    if (bytes == NULL) {
        return false;
    }
    b->bytes = bytes;
    struct jit_reloc *relocs =
        reserve(b->relocs, &b->reloc_capacity, (uint64_t)b->reloc_count + code->reloc_count + 1,
                sizeof *relocs);
    if (relocs == NULL) {
        return false;
    }
    b->relocs = relocs;
    struct jit_row *rows = reserve(b->rows, &b->row_capacity,
                                   (uint64_t)b->row_count + code->row_count + 1, sizeof *rows);
    if (rows == NULL) {
        return false;
    }
    b->rows = rows;
    return true;
}

enum status code_builder_add(struct code_builder *b, const struct jit_code *code, uint32_t *start)
{
    uint32_t align = MAX(code->align, FUNCTION_ALIGN);
    uint64_t at = ALIGN_UP((uint64_t)b->size, (uint64_t)align);
    if (at + code->size > CODE_MAX) {
        return E_OVERFLOW;
    }
    if (!reserve_all(b, (uint32_t)(at + code->size), code)) {
        return E_NOMEM;
    }
    memset(b->bytes + b->size, b->compiler->options.fill, at - b->size);
    memcpy(b->bytes + at, code->bytes, code->size);
    for (uint32_t n = 0; n < code->reloc_count; n++) {
        b->relocs[b->reloc_count] = code->relocs[n];
        b->relocs[b->reloc_count++].at += (uint32_t)at;
    }
    for (uint32_t n = 0; n < code->row_count; n++) {
        b->rows[b->row_count] = code->rows[n];
        b->rows[b->row_count++].pc += (uint32_t)at;
    }
    b->size = (uint32_t)(at + code->size);
    *start = (uint32_t)at;
    return OK;
}

static enum status complete_calls(const struct code_builder *b, const uint32_t *starts,
                                  const struct code_block *block)
{
    const struct jit_machine *m = b->compiler->options.machine;
    for (uint32_t n = 0; n < b->reloc_count; n++) {
        const struct jit_reloc *r = &b->relocs[n];
        enum status s = m->patch_call(block->bytes + r->at, block->address + r->at,
                                      block->address + starts[r->callee]);
        if (s != OK) {
            return s;
        }
    }
    return OK;
}

enum status code_builder_finish(struct code_builder *b, const uint32_t *starts,
                                struct compiled_code *out)
{
    struct compiler *c = b->compiler;
    const struct code_space *space = c->options.space;
    if (b->size == 0) {
        return OK;
    }
    struct code_block block;
    enum status s = space->take(space->ctx, b->size, &block);
    if (s != OK) {
        return s;
    }
    memcpy(block.bytes, b->bytes, b->size);
    memset(block.bytes + b->size, c->options.fill, block.size - b->size);
    s = complete_calls(b, starts, &block);
    if (s == OK) {
        s = space->seal(space->ctx, &block);
    }
    if (s != OK) {
        space->give_back(space->ctx, &block);
        return s;
    }
    out->block = block;
    out->rows = b->rows;
    out->row_count = b->row_count;
    b->rows = NULL;
    out->next = c->codes;
    c->codes = out;
    return OK;
}

void code_builder_free(struct code_builder *b)
{
    heap_free(b->bytes);
    heap_free(b->relocs);
    heap_free(b->rows);
}

void compiled_code_free(struct compiler *c, struct compiled_code *code)
{
    for (struct compiled_code **at = &c->codes; *at != NULL; at = &(*at)->next) {
        if (*at == code) {
            *at = code->next;
            c->options.space->give_back(c->options.space->ctx, &code->block);
            break;
        }
    }
    heap_free(code->rows);
    code->rows = NULL;
}

/* ---- Modules ---- */

static enum status fail(struct wasm_error *err, enum status s, const struct wasm_module *m,
                        uint32_t function, const char *text)
{
    const char *name = m->names == NULL ? NULL : m->names[function];
    err->offset = m->functions[function].body;
    fmt_print(err->section, sizeof err->section, "code");
    fmt_print(err->text, sizeof err->text, "function %u%s%s: %s", function, name == NULL ? "" : " ",
              name == NULL ? "" : name, text);
    return s;
}

static enum status compile_one(struct code_builder *b, const struct wasm_module *m, uint32_t n,
                               struct compiled_module *out, struct wasm_error *err)
{
    const struct wasm_compiled_options *o = &b->compiler->options;
    struct arena arena;
    struct ir_function *f;
    struct jit_code code;
    struct jit_error why = {.text = "no memory"};
    arena_init(&arena, o->arena_bytes);
    enum status s = wasm_function_build(m, n, &arena, &f, err);
    if (s == OK) {
        s = jit_compile(o->machine, f, &o->jit, &arena, &code, &why);
        if (s == OK) {
            s = code_builder_add(b, &code, &out->native.starts[n]);
        }
        if (s == OK) {
            out->sizes[n] = code.size;
            out->frames[n] = code.frame_bytes;
        } else {
            s = fail(err, s, m, n, why.text[0] == '\0' ? status_text(s) : why.text);
        }
    }
    arena_free_all(&arena);
    return s;
}

/* Calls name callees: the module's functions are behind its helpers. */
static enum status finish(struct code_builder *b, struct compiled_module *c,
                          const struct wasm_module *m)
{
    uint32_t *starts = heap_calloc((size_t)WASM_HELPER_COUNT + m->function_count, sizeof *starts);
    if (starts == NULL) {
        return E_NOMEM;
    }
    memcpy(starts + WASM_HELPER_COUNT, c->native.starts, m->function_count * sizeof *starts);
    enum status s = code_builder_finish(b, starts, &c->native);
    heap_free(starts);
    return s;
}

static enum status compile_all(struct compiler *compiler, const struct wasm_store *store,
                               struct compiled_module *c, const struct wasm_module *m,
                               struct wasm_error *err)
{
    struct code_builder b = {.compiler = compiler};
    enum status s = OK;
    for (uint32_t n = m->imported[WASM_FUNCTION]; s == OK && n < m->function_count; n++) {
        s = wasm_store_is_stopped(store) ? E_CANCELLED : compile_one(&b, m, n, c, err);
    }
    if (s == OK) {
        c->native.starts[m->function_count] = b.size;
        s = finish(&b, c, m);
        if (s != OK) {
            fmt_print(err->section, sizeof err->section, "code");
            fmt_print(err->text, sizeof err->text, "no place for %u bytes of code: %s", b.size,
                      status_text(s));
        }
    }
    code_builder_free(&b);
    return s;
}

static void compiled_unload(void *state, struct wasm_code *code)
{
    struct compiled_module *c = module_of(code);
    compiled_code_free(state, &c->native);
    heap_free(c->native.starts);
    heap_free(c->sizes);
    heap_free(c->frames);
    heap_free(c);
}

static enum status refuse(struct wasm_error *err, enum status s, const char *text)
{
    err->offset = 0;
    fmt_print(err->section, sizeof err->section, "code");
    fmt_print(err->text, sizeof err->text, "%s", text);
    return s;
}

static enum status compiled_load(void *state, const struct wasm_store *store, struct wasm_module *m,
                                 struct wasm_code **out, struct wasm_error *err)
{
    if (m->uses_vectors) {
        return refuse(err, E_NOTSUP,
                      "vectors (SIMD) are not compiled: only the interpreter runs it");
    }
    struct compiled_module *c = heap_zalloc(sizeof *c);
    if (c == NULL) {
        return refuse(err, E_NOMEM, "no memory for the module");
    }
    size_t count = (size_t)m->function_count + 1;
    c->native.module = m;
    c->native.starts = heap_calloc(count, sizeof *c->native.starts);
    c->sizes = heap_calloc(count, sizeof *c->sizes);
    c->frames = heap_calloc(count, sizeof *c->frames);
    bool has_lists = c->native.starts != NULL && c->sizes != NULL && c->frames != NULL;
    enum status s = has_lists ? compile_all(state, store, c, m, err)
                              : refuse(err, E_NOMEM, "no memory for the list of functions");
    if (s != OK) {
        compiled_unload(state, &c->code);
        return s;
    }
    *out = &c->code;
    return OK;
}

static uint64_t compiled_entry(void *state, const struct wasm_code *code, uint32_t function)
{
    (void)state;
    const struct compiled_code *native = &module_of(code)->native;
    return native->block.address + native->starts[function];
}

bool wasm_compiled_get_function(const struct wasm_code *code, uint32_t function,
                                struct wasm_compiled_function *out)
{
    const struct compiled_module *c = module_of(code);
    if (function < code->module->imported[WASM_FUNCTION]) {
        return false;
    }
    *out = (struct wasm_compiled_function){.address =
                                               c->native.block.address + c->native.starts[function],
                                           .size = c->sizes[function],
                                           .frame_bytes = c->frames[function]};
    return true;
}

/* ---- Stores ---- */

static enum status compiled_open(const void *options, void **state)
{
    struct compiler *c = heap_zalloc(sizeof *c);
    if (c == NULL) {
        return E_NOMEM;
    }
    c->options = *(const struct wasm_compiled_options *)options;
    *state = c;
    return OK;
}

static void compiled_close(void *state)
{
    compiled_free_adapters(state);
    heap_free(state);
}

const struct wasm_engine wasm_compiled = {
    .name = "compiled",
    .open = compiled_open,
    .close = compiled_close,
    .load = compiled_load,
    .unload = compiled_unload,
    .entry = compiled_entry,
    .adapt = compiled_adapt,
    .run = compiled_run,
};
