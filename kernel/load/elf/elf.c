// SPDX-License-Identifier: MIT
//
// ELF64 relocatable objects: the order of the steps, and the header. The machine defines
// relocations (kernel/jit/backend.h), the table of exports the imports
// (kernel/load/native/export.h).
//
// Nothing in the file is trusted. Each number is compared with the file's length, or with the
// number of sections or symbols, before it is used; after examine() they are known to be right,
// and build() uses them without another check. A refusal names the section or the symbol, so that
// the user can find the reason.
#include "kernel/load/elf/elf.h"

#include "kernel/jit/backend.h"
#include "kernel/lib/string.h"
#include "kernel/load/elf/elf_internal.h"
#include "kernel/mm/heap.h"

static const uint8_t magic[4] = {0x7f, 'E', 'L', 'F'};

bool elf_in_file(const struct elf *e, uint64_t offset, uint64_t size)
{
    return offset <= e->load->len && size <= e->load->len - offset;
}

/* The string at an offset of a string table. NULL: outside of it. */
const char *elf_string(const struct elf *e, uint32_t strtab, uint32_t offset)
{
    const struct elf_section *s = &e->sections[strtab];
    if (offset >= s->h.size) {
        return NULL;
    }
    /* elf_read_sections() has checked that the table ends with a zero. */
    return (const char *)elf_section_bytes(e, strtab) + offset;
}

/* Reserve bytes in a part and return their offset. Until load_allocate() only the sizes of the
 * parts are known; after that an offset plus the part's address is an address. */
enum status elf_reserve(struct elf *e, enum load_part part, uint64_t size, uint64_t align,
                        const char *what, uint64_t *at)
{
    /* All parts start at a page boundary, and the size so
     * far is below the limit: this sum cannot wrap. */
    uint64_t start = ALIGN_UP(e->size[part], align);
    uint64_t others = 0;
    for (unsigned i = 0; i < LOAD_PART_COUNT; i++) {
        others += i == part ? 0 : e->size[i];
    }
    if (size > LOAD_SIZE_MAX || start + size > LOAD_SIZE_MAX - others) {
        return load_fail(e->load, E_OVERFLOW,
                         "%s: %llu bytes make it larger than the limit of %llu", what,
                         (unsigned long long)size, (unsigned long long)LOAD_SIZE_MAX);
    }
    e->size[part] = start + size;
    *at = start;
    return OK;
}

static bool elf_recognise(const uint8_t *bytes, size_t len)
{
    return len >= sizeof(magic) && memcmp(bytes, magic, sizeof(magic)) == 0;
}

static enum status check_type(struct elf *e)
{
    switch (e->h.type) {
    case ET_REL:
        return OK;
    case ET_EXEC:
        return load_fail(e->load, E_NOTSUP,
                         "a linked executable (ET_EXEC), not an object made by `clang -c`");
    case ET_DYN:
        return load_fail(
            e->load, E_NOTSUP,
            "a shared object or position-independent executable (ET_DYN), not an object made by "
            "`clang -c`");
    case ET_CORE:
        return load_fail(e->load, E_NOTSUP,
                         "a core dump (ET_CORE), not an object made by `clang -c`");
    default:
        return load_fail(e->load, E_NOTSUP, "ELF type %u is not a relocatable object", e->h.type);
    }
}

/* The order of the checks decides which message a wrong file gets: first that it is for another
 * machine, then that it is another kind of file. */
static enum status read_header(struct elf *e)
{
    struct load *load = e->load;
    if (load->len < sizeof(e->h)) {
        return load_fail(load, E_CORRUPT, "truncated: %llu bytes are no ELF header",
                         (unsigned long long)load->len);
    }
    memcpy(&e->h, load->bytes, sizeof(e->h));

    const uint8_t *ident = e->h.ident;
    if (ident[4] != ELF_CLASS64 || ident[5] != ELF_LITTLE_ENDIAN || ident[6] != ELF_VERSION ||
        e->h.version != ELF_VERSION) {
        return load_fail(load, E_MACHINE, "not a 64-bit little-endian ELF file of version 1");
    }
    if (e->h.machine != load->backend->elf_machine) {
        return load_fail(load, E_MACHINE, "made for ELF machine %u; this is %s, machine %u",
                         e->h.machine, load->backend->name, load->backend->elf_machine);
    }
    enum status s = check_type(e);
    if (s != OK) {
        return s;
    }
    if (e->h.shentsize != sizeof(struct elf_section_header)) {
        return load_fail(load, E_CORRUPT, "section headers of %u bytes", e->h.shentsize);
    }
    if (e->h.shnum == 0 || e->h.shnum >= SHN_LORESERVE) {
        return load_fail(load, E_NOTSUP, "no sections, or more than 65,279");
    }
    return OK;
}

/* All steps before memory is allocated: all refusals that can come early come here. */
static enum status examine(struct elf *e)
{
    enum status s = read_header(e);
    if (s == OK) {
        s = elf_read_sections(e);
    }
    if (s == OK) {
        s = elf_check_note(e);
    }
    if (s == OK) {
        s = elf_read_properties(e);
    }
    if (s == OK) {
        s = elf_lay_out_sections(e);
    }
    if (s == OK) {
        s = elf_read_symbols(e);
    }
    if (s == OK) {
        s = elf_check_names(e);
    }
    if (s == OK) {
        s = elf_scan_relocs(e);
    }
    if (s == OK) {
        s = elf_resolve_imports(e);
    }
    return s;
}

/* Everything that needs addresses. Symbols get theirs when the parts
 * are placed, relocations need the symbols. The names come last,
 * because only they may be missing: elf_collect_lines() cannot fail. */
static enum status build(struct elf *e)
{
    enum status s = load_allocate(e->load, e->size);
    if (s != OK) {
        return s;
    }
    elf_copy_sections(e);
    elf_locate_symbols(e);
    s = elf_apply_relocs(e);
    if (s == OK) {
        s = elf_collect_names(e);
    }
    if (s == OK) {
        s = elf_collect_sections(e);
    }
    if (s == OK) {
        elf_collect_lines(e);
    }
    if (s == E_NOMEM) {
        return load_fail(e->load, s, "no memory for names of functions and sections");
    }
    if (s == OK && e->load->kind != LOAD_PROGRAM) {
        s = elf_find_object(e);
    } else {
        e->load->entry = elf_find_function(e, "main");
    }
    return s;
}

/* The sections and symbols are needed only during the load; names and lines, which backtraces need,
 * belong to the module by then. */
static enum status elf_load(struct load *load)
{
    struct elf e = {.load = load};
    enum status s = examine(&e);
    if (s == OK) {
        s = build(&e);
    }
    heap_free(e.symbols);
    heap_free(e.sections);
    return s;
}

const struct front_end elf_front_end = {
    .name = "ELF64 object",
    .recognise = elf_recognise,
    .load = elf_load,
};
