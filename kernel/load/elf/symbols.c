// SPDX-License-Identifier: MIT
//
// The addresses of symbols. Definitions are in loaded sections, COMMON symbols get memory here,
// undefined ones are imports.
#include "kernel/lib/string.h"
#include "kernel/load/elf/elf_internal.h"

#define COMMON_ALIGN_MAX 4096u

/* Defined by DRIVER_MODULE() of modules/module.h. */
#define DRIVER_SYMBOL "halyard_driver"
/* Defined by an extension of the kernel: kernel/module/extension.h. */
#define EXTENSION_SYMBOL "halyard_extension"

/* A section symbol has no name of its own, so it gets the section's. */
const char *elf_symbol_name(const struct elf *e, uint32_t index)
{
    struct elf_symbol s = elf_symbol_get(e, index);
    if (elf_symbol_type(&s) == STT_SECTION && s.shndx < e->section_count) {
        return e->sections[s.shndx].name;
    }
    const char *name = elf_string(e, e->sections[e->symtab].h.link, s.name);
    return name == NULL ? "?" : name;
}

static bool is_import(const struct elf_symbol *s)
{
    return s->shndx == SHN_UNDEF;
}

static enum status place_common(struct elf *e, uint32_t index, const struct elf_symbol *s)
{
    uint64_t align = s->value == 0 ? 1 : s->value;
    if ((align & (align - 1)) != 0 || align > COMMON_ALIGN_MAX) {
        return load_fail(e->load, E_CORRUPT, "common symbol %s: alignment %llu",
                         elf_symbol_name(e, index), (unsigned long long)align);
    }
    /* Until the parts have addresses, this is the offset in the part. */
    return elf_reserve(e, LOAD_DATA, s->size, align, elf_symbol_name(e, index),
                       &e->symbols[index].address);
}

/* Check everything that later code relies on: the name is in the string table, the section exists,
 * the value is inside it. `value` may equal the size: a label at the end. */
static enum status check_symbol(struct elf *e, uint32_t index)
{
    struct elf_symbol s = elf_symbol_get(e, index);
    const char *name = elf_symbol_name(e, index);
    if (elf_string(e, e->sections[e->symtab].h.link, s.name) == NULL) {
        return load_fail(e->load, E_CORRUPT, "symbol %u: its name is outside the string table",
                         index);
    }
    if (elf_symbol_type(&s) == STT_TLS) {
        return load_fail(e->load, E_NOTSUP, "symbol %s: thread-local variables are not supported",
                         name);
    }
    if (elf_symbol_type(&s) == STT_GNU_IFUNC) {
        return load_fail(e->load, E_NOTSUP, "symbol %s: indirect functions are not supported",
                         name);
    }
    if (s.shndx == SHN_COMMON) {
        return place_common(e, index, &s);
    }
    if (s.shndx == SHN_UNDEF || s.shndx == SHN_ABS) {
        return OK;
    }
    if (s.shndx >= SHN_LORESERVE) {
        return load_fail(e->load, E_NOTSUP, "symbol %s: section index 0x%x", name, s.shndx);
    }
    if (s.shndx >= e->section_count) {
        return load_fail(e->load, E_CORRUPT, "symbol %s: section %u does not exist", name, s.shndx);
    }
    if (e->sections[s.shndx].part != SECTION_NOT_PLACED && s.value > e->sections[s.shndx].h.size) {
        return load_fail(e->load, E_CORRUPT, "symbol %s: outside section %s", name,
                         e->sections[s.shndx].name);
    }
    return OK;
}

enum status elf_read_symbols(struct elf *e)
{
    enum status s = OK;
    for (uint32_t i = 0; i < e->symbol_count; i++) {
        e->symbols[i].slot = e->symbols[i].veneer = SYMBOL_NO_INDEX;
    }
    for (uint32_t i = 1; i < e->symbol_count && s == OK; i++) {
        s = check_symbol(e, i);
    }
    return s;
}

/* Only symbols that a relocation uses are looked up; an unused declaration need not exist. A weak
 * import that the kernel does not have gets address 0, which the program can test. */
enum status elf_resolve_imports(struct elf *e)
{
    for (uint32_t i = 1; i < e->symbol_count; i++) {
        struct elf_symbol_state *state = &e->symbols[i];
        struct elf_symbol s = elf_symbol_get(e, i);
        if (!state->used || !is_import(&s)) {
            continue;
        }
        bool is_weak = elf_symbol_binding(&s) == STB_WEAK;
        if (elf_symbol_binding(&s) == STB_LOCAL) {
            return load_fail(e->load, E_CORRUPT, "symbol %s: local and undefined",
                             elf_symbol_name(e, i));
        }
        enum status st = load_import(e->load, elf_symbol_name(e, i), &state->address);
        if (st != OK && !is_weak) {
            return st;
        }
        state->known = true;
        state->absent = st != OK;
    }
    return OK;
}

/* An absolute symbol of an extension may be an address of the kernel (scripts/lib/extension.py), to
 * be relocated, or any other number. */
static uint64_t absolute(const struct elf *e, uint64_t value)
{
    const struct load_image *image = &e->load->image;
    bool is_kernels = e->load->kind == LOAD_EXTENSION && value - image->linked <= image->len;
    return is_kernels ? value + image->slide : value;
}

void elf_locate_symbols(struct elf *e)
{
    for (uint32_t i = 1; i < e->symbol_count; i++) {
        struct elf_symbol s = elf_symbol_get(e, i);
        struct elf_symbol_state *state = &e->symbols[i];
        if (is_import(&s)) {
            continue;
        }
        if (s.shndx == SHN_ABS) {
            state->address = absolute(e, s.value);
            state->known = true;
        } else if (s.shndx == SHN_COMMON) {
            state->address += e->load->part[LOAD_DATA].address;
            state->known = true;
        } else if (e->sections[s.shndx].part != SECTION_NOT_PLACED) {
            const struct elf_section *in = &e->sections[s.shndx];
            state->address = e->load->part[in->part].address + in->at + s.value;
            state->known = true;
        }
    }
}

/* Address of a global function; 0: there is none. */
uint64_t elf_find_function(const struct elf *e, const char *name)
{
    for (uint32_t i = 1; i < e->symbol_count; i++) {
        struct elf_symbol s = elf_symbol_get(e, i);
        if (elf_symbol_binding(&s) != STB_LOCAL && elf_symbol_type(&s) == STT_FUNC &&
            s.shndx < e->section_count && e->sections[s.shndx].part == LOAD_CODE &&
            strcmp(elf_symbol_name(e, i), name) == 0) {
            return e->symbols[i].address;
        }
    }
    return 0;
}

/* Whether the symbol is a complete object in the module's own data. The kernel checks how much of
 * it it reads. */
static bool is_object(const struct elf *e, uint32_t index, const struct elf_symbol *s,
                      const char *name, size_t bytes)
{
    if (elf_symbol_binding(s) == STB_LOCAL || s->shndx == SHN_UNDEF ||
        s->shndx >= e->section_count || s->value % sizeof(uint64_t) != 0 ||
        strcmp(elf_symbol_name(e, index), name) != 0) {
        return false;
    }
    const struct elf_section *in = &e->sections[s->shndx];
    return (in->part == LOAD_RODATA || in->part == LOAD_DATA) && s->size >= bytes &&
           s->value <= in->h.size && s->size <= in->h.size - s->value;
}

enum status elf_find_object(struct elf *e)
{
    bool is_driver = e->load->kind == LOAD_DRIVER;
    const char *name = is_driver ? DRIVER_SYMBOL : EXTENSION_SYMBOL;
    size_t bytes = is_driver ? e->load->driver_bytes : e->load->extension_bytes;
    for (uint32_t i = 1; i < e->symbol_count; i++) {
        struct elf_symbol s = elf_symbol_get(e, i);
        if (is_object(e, i, &s, name, bytes)) {
            *(is_driver ? &e->load->driver.address : &e->load->extension) = e->symbols[i].address;
            return OK;
        }
    }
    return load_fail(e->load, E_UNRESOLVED, "it defines no whole struct %s %s",
                     is_driver ? "driver" : "extension", name);
}
