// SPDX-License-Identifier: MIT
//
// Names for backtraces: the functions of the symbol table that are in loaded code, by address. And
// names of sections, for debuggers.
//
// All texts are in one block, which moves while it grows, so tables hold offsets into it. A
// backtrace in a panic reads these tables: they are sorted, constant after the load, and freed only
// with the module.
#include "kernel/lib/sort.h"
#include "kernel/lib/string.h"
#include "kernel/load/elf/elf_internal.h"
#include "kernel/mm/heap.h"

/* The block doubles from here on, so a file with many names is copied a few times only. */
#define TEXT_FIRST 1024u
#define TEXT_MAX   (16u << 20)

/* TEXT_MAX bounds the memory that a file with many long names can take. */
static enum status grow_text(struct elf *e, uint64_t need)
{
    struct code_names *n = &e->load->names;
    uint64_t capacity = e->text_capacity == 0 ? TEXT_FIRST : e->text_capacity;
    while (capacity < n->text_bytes + need) {
        capacity *= 2;
    }
    if (capacity > TEXT_MAX) {
        return E_NOMEM;
    }
    if (capacity == e->text_capacity) {
        return OK;
    }
    char *text = heap_realloc(n->text, capacity);
    if (text == NULL) {
        return E_NOMEM;
    }
    n->text = text;
    e->text_capacity = (uint32_t)capacity;
    return OK;
}

/* Append "dir/name", or "name" if dir is NULL or empty. Long names are cut. */
enum status elf_add_text(struct elf *e, const char *dir, const char *name, uint32_t *at)
{
    struct code_names *n = &e->load->names;
    size_t dir_len = dir == NULL ? 0 : strnlen(dir, ELF_NAME_MAX);
    size_t name_len = strnlen(name, ELF_NAME_MAX);
    if (grow_text(e, (uint64_t)dir_len + name_len + 2) != OK) {
        return E_NOMEM;
    }
    *at = n->text_bytes;
    if (dir_len != 0) {
        memcpy(n->text + n->text_bytes, dir, dir_len);
        n->text[n->text_bytes + dir_len] = '/';
        n->text_bytes += (uint32_t)dir_len + 1;
    }
    memcpy(n->text + n->text_bytes, name, name_len);
    n->text[n->text_bytes + name_len] = 0;
    n->text_bytes += (uint32_t)name_len + 1;
    return OK;
}

/* Only functions: labels in between would give wrong offsets. */
static bool is_function(const struct elf *e, const struct elf_symbol *s)
{
    return elf_symbol_type(s) == STT_FUNC && s->shndx < e->section_count &&
           e->sections[s->shndx].part == LOAD_CODE;
}

/* The order of the table, in which a backtrace searches by address. The table is sorted once,
 * because the symbol table has any order. Two symbols with one address may come out in either
 * order; a backtrace then shows one of them. */
static bool starts_before(const void *a, const void *b)
{
    return ((const struct code_symbol *)a)->start < ((const struct code_symbol *)b)->start;
}

/* Counts first and fills then, so the table has exactly the size it needs. */
enum status elf_collect_names(struct elf *e)
{
    struct code_names *n = &e->load->names;
    uint32_t count = 0;
    for (uint32_t i = 1; i < e->symbol_count; i++) {
        struct elf_symbol s = elf_symbol_get(e, i);
        count += is_function(e, &s);
    }
    if (count == 0) {
        return OK;
    }
    n->symbols = heap_calloc(count, sizeof(*n->symbols));
    if (n->symbols == NULL) {
        return E_NOMEM;
    }

    uint64_t code = e->load->part[LOAD_CODE].address;
    for (uint32_t i = 1; i < e->symbol_count; i++) {
        struct elf_symbol s = elf_symbol_get(e, i);
        if (!is_function(e, &s)) {
            continue;
        }
        struct code_symbol *c = &n->symbols[n->symbol_count];
        enum status st = elf_add_text(e, NULL, elf_symbol_name(e, i), &c->name);
        if (st != OK) {
            return st;
        }
        c->start = (uint32_t)(e->symbols[i].address - code);
        c->size = s.size > UINT32_MAX ? UINT32_MAX : (uint32_t)s.size;
        n->symbol_count++;
    }
    sort_array(n->symbols, n->symbol_count, sizeof(*n->symbols), starts_before);
    return OK;
}

static bool is_shown(const struct elf_section *s)
{
    return s->part != SECTION_NOT_PLACED && s->h.size != 0;
}

enum status elf_collect_sections(struct elf *e)
{
    struct code_names *n = &e->load->names;
    uint32_t count = 0;
    for (uint32_t i = 1; i < e->section_count; i++) {
        count += is_shown(&e->sections[i]);
    }
    n->sections = heap_calloc(count, sizeof(*n->sections));
    if (n->sections == NULL) {
        return E_NOMEM;
    }
    for (uint32_t i = 1; i < e->section_count; i++) {
        const struct elf_section *s = &e->sections[i];
        if (!is_shown(s)) {
            continue;
        }
        struct module_section *out = &n->sections[n->section_count];
        enum status st = elf_add_text(e, NULL, s->name, &out->name_at);
        if (st != OK) {
            return st;
        }
        out->address = e->load->part[s->part].address + s->at;
        out->size = s->h.size;
        n->section_count++;
    }
    return OK;
}
