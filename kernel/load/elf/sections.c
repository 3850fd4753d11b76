// SPDX-License-Identifier: MIT
//
// The section table: the bounds of every section, and the part of the module to which each loaded
// section goes. Sections are laid out in the file's order; none are merged.
#include "kernel/lib/string.h"
#include "kernel/load/elf/elf_internal.h"
#include "kernel/mm/heap.h"

#define PAGE_BYTES 4096u /* largest alignment: parts start at a page boundary */

/* A string table must end with a zero byte; then every string in it ends inside. */
static enum status check_string_table(struct elf *e, uint32_t index, const char *whose)
{
    if (index == 0 || index >= e->section_count || e->sections[index].h.type != SHT_STRTAB) {
        return load_fail(e->load, E_CORRUPT, "%s: no string table", whose);
    }
    const struct elf_section *s = &e->sections[index];
    if (s->h.size == 0 || elf_section_bytes(e, index)[s->h.size - 1] != 0) {
        return load_fail(e->load, E_CORRUPT, "%s: the string table does not end with a zero byte",
                         whose);
    }
    return OK;
}

/* Copy the section headers, and check that each section's contents are inside the file. */
static enum status read_table(struct elf *e)
{
    uint32_t count = e->h.shnum;
    uint64_t bytes = (uint64_t)count * sizeof(struct elf_section_header);
    if (!elf_in_file(e, e->h.shoff, bytes)) {
        return load_fail(e->load, E_CORRUPT,
                         "truncated: the section table is not inside the file's %llu bytes",
                         (unsigned long long)e->load->len);
    }
    e->sections = heap_calloc(count, sizeof(*e->sections));
    if (e->sections == NULL) {
        return load_fail(e->load, E_NOMEM, "no memory for %u section headers", count);
    }
    e->section_count = count;

    for (uint32_t i = 0; i < count; i++) {
        struct elf_section *s = &e->sections[i];
        COPY_SMALL(&s->h, e->load->bytes + e->h.shoff + i * sizeof(s->h), sizeof(s->h));
        s->part = SECTION_NOT_PLACED;
        bool has_bytes = s->h.type != SHT_NULL && s->h.type != SHT_NOBITS;
        if (has_bytes && !elf_in_file(e, s->h.offset, s->h.size)) {
            return load_fail(e->load, E_CORRUPT,
                             "truncated: section %u is not inside the file's %llu bytes", i,
                             (unsigned long long)e->load->len);
        }
    }
    return OK;
}

/* Every section's name is checked here, because all later messages contain one. */
static enum status read_names(struct elf *e)
{
    enum status st = check_string_table(e, e->h.shstrndx, "section names");
    if (st != OK) {
        return st;
    }
    for (uint32_t i = 0; i < e->section_count; i++) {
        e->sections[i].name = elf_string(e, e->h.shstrndx, e->sections[i].h.name);
        if (e->sections[i].name == NULL) {
            return load_fail(e->load, E_CORRUPT, "section %u: its name is outside the string table",
                             i);
        }
    }
    return OK;
}

/* An object without a symbol table is valid; it then has no symbols. Extended section numbers occur
 * only with more than 65,000 sections. */
static enum status find_symbol_table(struct elf *e)
{
    for (uint32_t i = 1; i < e->section_count; i++) {
        const struct elf_section_header *h = &e->sections[i].h;
        if (h->type == SHT_SYMTAB_SHNDX) {
            return load_fail(e->load, E_NOTSUP, "section %s: extended section numbers",
                             e->sections[i].name);
        }
        if (h->type != SHT_SYMTAB) {
            continue;
        }
        if (e->symtab != 0) {
            return load_fail(e->load, E_CORRUPT, "two symbol tables");
        }
        if (h->entsize != sizeof(struct elf_symbol) || h->size % sizeof(struct elf_symbol) != 0 ||
            h->size / sizeof(struct elf_symbol) > UINT32_MAX - 1) {
            return load_fail(e->load, E_CORRUPT, "section %s: entries of the wrong size",
                             e->sections[i].name);
        }
        enum status s = check_string_table(e, h->link, "symbol names");
        if (s != OK) {
            return s;
        }
        e->symtab = i;
        e->symbol_count = (uint32_t)(h->size / sizeof(struct elf_symbol));
    }
    return OK;
}

/* Sections whose contents would have to run before main(), after it, or in each thread are refused,
 * never silently left out. */
static enum status refuse_unsupported(struct elf *e, const struct elf_section *s)
{
    if ((s->h.flags & SHF_TLS) != 0) {
        return load_fail(e->load, E_NOTSUP, "section %s: thread-local variables are not supported",
                         s->name);
    }
    if (s->h.type == SHT_INIT_ARRAY || s->h.type == SHT_FINI_ARRAY ||
        s->h.type == SHT_PREINIT_ARRAY || str_has_prefix(s->name, ".ctors") ||
        str_has_prefix(s->name, ".dtors")) {
        return load_fail(e->load, E_NOTSUP,
                         "section %s: constructors and destructors are not supported", s->name);
    }
    if (s->h.type != SHT_PROGBITS && s->h.type != SHT_NOBITS) {
        return load_fail(e->load, E_NOTSUP, "section %s: type 0x%x is not supported", s->name,
                         s->h.type);
    }
    if ((s->h.flags & SHF_COMPRESSED) != 0) {
        return load_fail(e->load, E_NOTSUP, "section %s: compressed", s->name);
    }
    if ((s->h.flags & SHF_EXECINSTR) != 0 &&
        ((s->h.flags & SHF_WRITE) != 0 || s->h.type == SHT_NOBITS)) {
        return load_fail(e->load, E_NOTSUP,
                         "section %s: executable, and writable or without contents", s->name);
    }
    return OK;
}

static bool is_loaded(const struct elf_section *s)
{
    /* Unwind tables are not used: backtraces follow
     * frame pointers. Notes are read from the file. */
    return (s->h.flags & SHF_ALLOC) != 0 && !s->dropped && s->h.type != SHT_NOTE &&
           s->h.type != SHT_NULL && strcmp(s->name, ".eh_frame") != 0;
}

/* Choose the section's part by its flags, and its offset there. The parts
 * are mapped with different rights: code is executable and not writable,
 * data is the reverse, so a section that is both is refused. */
static enum status lay_out(struct elf *e, struct elf_section *s)
{
    enum status st = refuse_unsupported(e, s);
    if (st != OK) {
        return st;
    }
    uint64_t align = s->h.addralign == 0 ? 1 : s->h.addralign;
    if ((align & (align - 1)) != 0) {
        return load_fail(e->load, E_CORRUPT, "section %s: alignment %llu is no power of two",
                         s->name, (unsigned long long)align);
    }
    if (align > PAGE_BYTES) {
        return load_fail(e->load, E_NOTSUP, "section %s: alignment %llu is more than a page",
                         s->name, (unsigned long long)align);
    }

    enum load_part part = LOAD_RODATA;
    if ((s->h.flags & SHF_EXECINSTR) != 0) {
        part = LOAD_CODE;
    } else if ((s->h.flags & SHF_WRITE) != 0) {
        part = LOAD_DATA;
    }
    st = elf_reserve(e, part, s->h.size, align, s->name, &s->at);
    if (st == OK) {
        s->part = part;
    }
    return st;
}

/* Drop a group that repeats: the first copy of an inline function or constant serves all. Decided
 * by the signature, a symbol, as the linker does (gABI, "Section Groups"): the first group of a
 * signature stays, later ones with COMDAT are dropped as a whole. Relocations of dropped sections
 * are not applied, since these have no place. */
static enum status read_group(struct elf *e, uint32_t index)
{
    const struct elf_section *g = &e->sections[index];
    if (g->h.size % sizeof(uint32_t) != 0 || g->h.size == 0 || e->symtab == 0 ||
        g->h.link != e->symtab || g->h.info >= e->symbol_count) {
        return load_fail(e->load, E_CORRUPT, "section group %u is malformed", index);
    }
    struct elf_symbol_state *signature = &e->symbols[g->h.info];
    bool drop = false;

    for (uint64_t off = 0; off < g->h.size; off += sizeof(uint32_t)) {
        uint32_t word;
        memcpy(&word, elf_section_bytes(e, index) + off, sizeof(word));
        if (off == 0) {
            drop = (word & GRP_COMDAT) != 0 && signature->grouped;
        } else if (word == 0 || word >= e->section_count) {
            return load_fail(e->load, E_CORRUPT,
                             "section group %u names section %u, which does not exist", index,
                             word);
        } else if (drop) {
            e->sections[word].dropped = true;
        }
    }
    signature->grouped = true;
    return OK;
}

/* Reads the three tables on which everything else relies: sections, their names, symbols. */
enum status elf_read_sections(struct elf *e)
{
    enum status s = read_table(e);
    if (s == OK) {
        s = read_names(e);
    }
    if (s == OK) {
        s = find_symbol_table(e);
    }
    if (s != OK || e->symbol_count == 0) {
        return s;
    }
    e->symbols = heap_calloc(e->symbol_count, sizeof(*e->symbols));
    if (e->symbols == NULL) {
        return load_fail(e->load, E_NOMEM, "no memory for %u symbols", e->symbol_count);
    }
    return OK;
}

/* Groups first, because they decide which sections are dropped. */
enum status elf_lay_out_sections(struct elf *e)
{
    enum status s = OK;
    for (uint32_t i = 1; i < e->section_count && s == OK; i++) {
        if (e->sections[i].h.type == SHT_GROUP) {
            s = read_group(e, i);
        }
    }
    for (uint32_t i = 1; i < e->section_count && s == OK; i++) {
        if (is_loaded(&e->sections[i])) {
            s = lay_out(e, &e->sections[i]);
        }
    }
    return s;
}

/* Sections without contents (.bss) need no copy: new pages are zero. */
void elf_copy_sections(struct elf *e)
{
    for (uint32_t i = 1; i < e->section_count; i++) {
        const struct elf_section *s = &e->sections[i];
        if (s->part != SECTION_NOT_PLACED && s->h.type != SHT_NOBITS && s->h.size != 0) {
            memcpy(e->load->part[s->part].bytes + s->at, elf_section_bytes(e, i), s->h.size);
        }
    }
}
