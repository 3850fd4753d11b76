// SPDX-License-Identifier: MIT
//
// Finds names that several symbols have. In an object a global name must be unique: otherwise the
// symbol that a relocation refers to would decide its address, and a linker does not work so. A
// defined name must belong to only one symbol, whatever its kind. Local names may repeat.
#include "kernel/lib/sort.h"
#include "kernel/lib/string.h"
#include "kernel/load/elf/elf_internal.h"
#include "kernel/mm/heap.h"

/* Limit for the bytes of all names, for each byte of the file. Names may share their ends, but
 * comparing names that all share one long string would take hours. */
#define NAME_SHARING_MAX 4u

struct global {
    const char *name;
    bool is_defined;
};

/* Whether relocations and the kernel see the symbol under its name: it is global, and is an import
 * or in a loaded section. */
static bool is_visible(const struct elf *e, uint32_t index, struct global *out)
{
    struct elf_symbol s = elf_symbol_get(e, index);
    *out = (struct global){.name = elf_symbol_name(e, index), .is_defined = s.shndx != SHN_UNDEF};
    if (elf_symbol_binding(&s) == STB_LOCAL || out->name[0] == '\0') {
        return false;
    }
    return s.shndx == SHN_UNDEF || s.shndx == SHN_ABS || s.shndx == SHN_COMMON ||
           e->sections[s.shndx].part != SECTION_NOT_PLACED;
}

static bool comes_before(const void *a, const void *b)
{
    return strcmp(((const struct global *)a)->name, ((const struct global *)b)->name) < 0;
}

/* In a run of equal names, a defined symbol with a neighbour is a duplicate. */
static enum status compare_neighbours(struct elf *e, const struct global *globals, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        const struct global *a = &globals[i - 1], *b = &globals[i];
        if ((a->is_defined || b->is_defined) && strcmp(a->name, b->name) == 0) {
            return load_fail(e->load, E_CORRUPT, "symbol %s: %s", b->name,
                             a->is_defined && b->is_defined ? "defined twice"
                                                            : "defined and imported");
        }
    }
    return OK;
}

static enum status collect(struct elf *e, struct global *globals, uint32_t *count)
{
    uint64_t bytes = 0;
    for (uint32_t i = 1; i < e->symbol_count; i++) {
        if (!is_visible(e, i, &globals[*count])) {
            continue;
        }
        bytes += strlen(globals[(*count)++].name);
        if (bytes / NAME_SHARING_MAX > e->load->len) {
            return load_fail(e->load, E_NOTSUP, "its symbols share long names");
        }
    }
    return OK;
}

/* Sort the names, then compare neighbours: equal names are next to each other,
 * whatever their number. */
enum status elf_check_names(struct elf *e)
{
    if (e->symbol_count <= 1) {
        return OK;
    }
    struct global *globals = heap_calloc(e->symbol_count, sizeof(*globals));
    if (globals == NULL) {
        return load_fail(e->load, E_NOMEM, "no memory for the symbols");
    }
    uint32_t count = 0;
    enum status s = collect(e, globals, &count);
    if (s == OK) {
        sort_array(globals, count, sizeof(*globals), comes_before);
        s = compare_neighbours(e, globals, count);
    }
    heap_free(globals);
    return s;
}
