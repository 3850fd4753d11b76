// SPDX-License-Identifier: MIT
//
// Portable programs that are loaded, for people: what was compiled, how large it became, how long
// it took.
#include "kernel/jit/portable_internal.h"

#include "kernel/lib/string.h"

static struct mutex lock;
static struct list all = LIST_INIT(all); /* under `lock`, oldest first, by link */

void portable_init(void)
{
    mutex_init(&lock, "portable programs");
}

void portable_remember(struct portable *p)
{
    mutex_lock(&lock);
    p->loaded = p->loaded_code;
    list_push_back(&all, &p->link);
    mutex_unlock(&lock);
}

void portable_forget(struct portable *p)
{
    mutex_lock(&lock);
    if (p->loaded != NULL) {
        p->loaded = NULL;
        list_remove(&p->link);
    }
    mutex_unlock(&lock);
}

static struct portable *find_locked(uint32_t i) REQUIRES(lock)
{
    LIST_FOR_EACH (&all, n) {
        if (i-- == 0) {
            return CONTAINER_OF(n, struct portable, link);
        }
    }
    return NULL;
}

static void describe(const struct portable *p, struct portable_info *out)
{
    const struct wasm_module *m = p->loaded->module;
    *out = (struct portable_info){.program = p->program->id,
                                  .engine = p->loaded->engine->name,
                                  .functions = m->function_count - m->imported[WASM_FUNCTION],
                                  .file_bytes = p->len,
                                  .code_bytes = (uint64_t)p->code.pages * PAGE_SIZE,
                                  .load_ns = p->load_ns};
    (void)str_copy(out->path, sizeof(out->path), p->path);
    if (p->instance != NULL && p->instance->memory != NULL) {
        out->memory_bytes = p->instance->memory->length;
    }
}

bool loader_get_portable(uint32_t i, struct portable_info *out)
{
    mutex_lock(&lock);
    const struct portable *p = find_locked(i);
    if (p != NULL) {
        describe(p, out);
    }
    mutex_unlock(&lock);
    return p != NULL;
}

static void describe_function(const struct portable *p, uint32_t index,
                              struct portable_function *out)
{
    const struct wasm_module *m = p->loaded->module;
    const char *name = m->names == NULL ? NULL : m->names[index];
    *out = (struct portable_function){.index = index, .file_bytes = m->functions[index].body_size};
    (void)str_copy(out->name, sizeof(out->name), name == NULL ? "" : name);
    str_make_printable(out->name);
    if (p->loaded->engine == &wasm_compiled) {
        const struct code_piece *piece = wasm_compiled_piece(p->loaded);
        const struct code_function *f = code_piece_function(piece, index);
        out->address = piece->block.address + f->start;
        out->code_bytes = f->size;
        out->frame_bytes = f->frame_bytes;
    }
}

bool loader_get_portable_function(uint32_t i, uint32_t n, struct portable_function *out)
{
    bool found = false;
    mutex_lock(&lock);
    const struct portable *p = find_locked(i);
    if (p != NULL) {
        const struct wasm_module *m = p->loaded->module;
        uint64_t index = (uint64_t)m->imported[WASM_FUNCTION] + n;
        found = index < m->function_count;
        if (found) {
            describe_function(p, (uint32_t)index, out);
        }
    }
    mutex_unlock(&lock);
    return found;
}
