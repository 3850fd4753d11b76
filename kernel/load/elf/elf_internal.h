// SPDX-License-Identifier: MIT
//
// The state of loading one object. The file is not trusted: an index, offset or size is used only
// after the step that checks it, and the steps run in the order of the functions below.
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/load/elf/format.h"
#include "kernel/load/loader.h"

#include <stdbool.h>

#define SECTION_NOT_PLACED LOAD_PART_COUNT

struct elf_section {
    struct elf_section_header h;
    const char *name;    /* in the file, zero terminated */
    enum load_part part; /* SECTION_NOT_PLACED: not loaded */
    uint64_t at;         /* offset in that part */
    bool dropped;        /* a second copy of a COMDAT group */
};

#define SYMBOL_NO_INDEX UINT32_MAX

/** Bytes of a name that are examined. Longer names are
 * cut, because many symbols may share one long string. */
#define ELF_NAME_MAX 255u

/** Additional data for a symbol of the file. */
struct elf_symbol_state {
    uint64_t address;      /* valid if `known` */
    uint32_t slot, veneer; /* index of its slot and veneer, or SYMBOL_NO_INDEX */
    bool used;             /* a relocation that is applied refers to it */
    bool known;            /* `address` is final */
    bool absent;           /* weak and not defined anywhere: address 0 */
    bool grouped;          /* the signature of a group that was read */
};

struct elf {
    struct load *load;
    struct elf_header h;
    uint32_t section_count;
    struct elf_section *sections;
    uint32_t symtab; /* section, 0 = none */
    uint32_t symbol_count;
    struct elf_symbol_state *symbols;
    uint64_t size[LOAD_PART_COUNT];
    uint32_t slot_count, veneer_count;
    uint64_t slots_at, veneers_at; /* offsets in read-only data and in code */
    uint32_t text_capacity;        /* capacity of load->names.text in bytes */
    /* sections, 0 = none; must be set before dwarf_read_unit() */
    uint32_t debug_str, debug_line_str;
};

/* elf.c */

/** @brief Whether [offset, offset + size) is in the file. */
bool elf_in_file(const struct elf *e, uint64_t offset, uint64_t size);

/** @brief The bytes of a section that has any (not SHT_NOBITS). elf_read_sections()
 * has checked them. */
static inline const uint8_t *elf_section_bytes(const struct elf *e, uint32_t index)
{
    return e->load->bytes + e->sections[index].h.offset;
}

/** @brief The zero-terminated string at `offset` of string table `strtab`. NULL: there is none. */
const char *elf_string(const struct elf *e, uint32_t strtab, uint32_t offset);

/** @brief Reserve `size` bytes in a part. @return OK; E_OVERFLOW: the module would
 * become too large. */
enum status elf_reserve(struct elf *e, enum load_part part, uint64_t size, uint64_t align,
                        const char *what, uint64_t *at);

/* sections.c */

/** @brief Read and check the section table, find the symbol table, allocate
 * symbol_count symbol states. */
enum status elf_read_sections(struct elf *e);

/** @brief Decide which sections are loaded, and where in their part. Repeated
 * groups are dropped. */
enum status elf_lay_out_sections(struct elf *e);

/** @brief Copy the loaded sections to the memory from load_allocate(). */
void elf_copy_sections(struct elf *e);

/* note.c */

/** @brief Find the build's note and check that it fits this machine. */
enum status elf_check_note(struct elf *e);

/* property.c */

/** @brief Read the compiler's statements about the code: sets load->has_landing_pads.
 * @return OK; E_CORRUPT. */
enum status elf_read_properties(struct elf *e);

/* symbols.c */

/** @brief Check every symbol, reserve memory for COMMON symbols. */
enum status elf_read_symbols(struct elf *e);

/** @brief Copy symbol `index`, which is below symbol_count, out of the file. */
static inline struct elf_symbol elf_symbol_get(const struct elf *e, uint32_t index)
{
    struct elf_symbol s;
    COPY_SMALL(&s, elf_section_bytes(e, e->symtab) + (size_t)index * sizeof(s), sizeof(s));
    return s;
}

/** @brief Its name, never NULL; for a section symbol the section's name. */
const char *elf_symbol_name(const struct elf *e, uint32_t index);

/** @brief Resolve the address of every import that is used. */
enum status elf_resolve_imports(struct elf *e);

/** @brief Set the address of every symbol that is loaded. Must follow load_allocate(). */
void elf_locate_symbols(struct elf *e);

/** @brief Address of the global function `name` in the code part, or 0. */
uint64_t elf_find_function(const struct elf *e, const char *name);

/** @brief Find the object that a driver or an extension defines for the kernel:
 * load->driver.address, load->extension. @return OK; E_UNRESOLVED: there is none. */
enum status elf_find_object(struct elf *e);

/* unique.c */

/** @brief Refuse a file in which a defined global name has a second symbol. @pre elf_read_symbols()
 * @return OK; E_CORRUPT; E_NOTSUP; E_NOMEM. */
enum status elf_check_names(struct elf *e);

/* relocs.c */

/** @brief Check every relocation of loaded sections; count slots and veneers, and reserve memory
 * for them. */
enum status elf_scan_relocs(struct elf *e);

/** @brief Write slots, veneers and every relocation of loaded sections. */
enum status elf_apply_relocs(struct elf *e);

/**
 * @brief Apply the relocations of a section that is not loaded to a copy of it. For debug
 * information.
 * @param bytes  Copy of section `target`.
 * @return OK, or the reason; load->err is not written.
 */
enum status elf_relocate_copy(const struct elf *e, uint32_t target, uint8_t *bytes);

/* names.c, lines.c */

/** @brief Fill load->names.symbols from the symbol table. @return OK; E_NOMEM. */
enum status elf_collect_names(struct elf *e);

/** @brief Fill load->names.sections with the loaded sections, for debuggers.
 * @return OK; E_NOMEM. */
enum status elf_collect_sections(struct elf *e);

/** @brief Fill load->names.lines from .debug_line. Debug information that is missing or malformed
 * gives no lines; neither does a lack of memory. */
void elf_collect_lines(struct elf *e);

/** @brief Append "dir/name", or "name" if dir is NULL, to the text of load->names.
 * @return OK; E_NOMEM. */
enum status elf_add_text(struct elf *e, const char *dir, const char *name, uint32_t *at);
