// SPDX-License-Identifier: MIT
//
// One object while it is being loaded. Nothing of the file is trusted: an index, offset or size is
// used only after the step that checks it, and the steps run in the order of the functions below.
#pragma once

#include "kernel/jit/elf/format.h"
#include "kernel/jit/loader.h"
#include "kernel/lib/compiler.h"

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

/** Bytes of a name that are looked at; longer ones are cut: many may share one long string. */
#define ELF_NAME_MAX 255u

/** What loading adds to a symbol of the file. */
struct elf_symbol_state {
    uint64_t address;      /* valid if `known` */
    uint32_t slot, veneer; /* which one is its, or SYMBOL_NO_INDEX */
    bool used;             /* a relocation that is applied names it */
    bool known;            /* `address` is final */
    bool absent;           /* weak, and nobody defines it: address 0 */
    bool grouped;          /* signature of a group that was seen */
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
    uint64_t slots_at, veneers_at;      /* offsets in read-only data and in code */
    uint32_t text_capacity;             /* bytes at load->names.text */
    uint32_t debug_str, debug_line_str; /* sections, 0 = none; set for dwarf_read_unit() */
};

/* elf.c */

/** @brief True if [offset, offset + size) lies in the file. */
bool elf_in_file(const struct elf *e, uint64_t offset, uint64_t size);

/** @brief Bytes of a section that has some (not SHT_NOBITS), checked by elf_read_sections(). */
static inline const uint8_t *elf_section_bytes(const struct elf *e, uint32_t index)
{
    return e->load->bytes + e->sections[index].h.offset;
}

/** @brief The zero-terminated string at `offset` of string table `strtab`, or NULL: there is none.
 */
const char *elf_string(const struct elf *e, uint32_t strtab, uint32_t offset);

/** @brief Add room for `size` bytes to a part. @return OK; E_OVERFLOW: the module becomes too
 * large. */
enum status elf_reserve(struct elf *e, enum load_part part, uint64_t size, uint64_t align,
                        const char *what, uint64_t *at);

/* sections.c */

/** @brief Read and check the section table, find the symbol table; make room for symbol_count
 * states. */
enum status elf_read_sections(struct elf *e);

/** @brief Decide what is loaded, and where in its part; repeated groups are dropped. */
enum status elf_lay_out_sections(struct elf *e);

/** @brief Copy what is loaded to where load_place() put it. */
void elf_copy_sections(struct elf *e);

/* note.c */

/** @brief Find the build's note and compare it with what this machine needs. */
enum status elf_check_note(struct elf *e);

/* property.c */

/** @brief Read what the compiler says of the code: fills load->has_landing_pads. @return OK;
 * E_CORRUPT. */
enum status elf_read_properties(struct elf *e);

/* symbols.c */

/** @brief Check every symbol, give COMMON symbols room. */
enum status elf_read_symbols(struct elf *e);

/** @brief Copy symbol `index`, which is below symbol_count, out of the file. */
static inline struct elf_symbol elf_symbol_get(const struct elf *e, uint32_t index)
{
    struct elf_symbol s;
    COPY_SMALL(&s, elf_section_bytes(e, e->symtab) + (size_t)index * sizeof(s), sizeof(s));
    return s;
}

/** @brief Its name, never NULL; a section's name for a section symbol. */
const char *elf_symbol_name(const struct elf *e, uint32_t index);

/** @brief Ask for the address of every import that is used. */
enum status elf_resolve_imports(struct elf *e);

/** @brief Give every symbol that is loaded its address; load_place() was called. */
void elf_locate_symbols(struct elf *e);

/** @brief Address of the global function `name` in the code part, or 0. */
uint64_t elf_find_function(const struct elf *e, const char *name);

/** @brief Find what a driver or an extension defines for the kernel: load->driver.address,
 * load->extension. @return OK; E_UNRESOLVED: none. */
enum status elf_find_object(struct elf *e);

/* unique.c */

/** @brief Refuse a global name that is defined and that a second symbol has. @pre
 * elf_read_symbols() @return OK; E_CORRUPT; E_NOTSUP; E_NOMEM. */
enum status elf_check_names(struct elf *e);

/* relocs.c */

/** @brief Check every relocation of loaded sections; count the slots and veneers and give them
 * room. */
enum status elf_scan_relocs(struct elf *e);

/** @brief Write slots, veneers and every relocation of loaded sections. */
enum status elf_apply_relocs(struct elf *e);

/**
 * @brief Apply the relocations of a section that is not loaded to a copy of it: debug information.
 * @param bytes  Copy of section `target`.
 * @return OK, or the reason; load->err is not written.
 */
enum status elf_relocate_copy(const struct elf *e, uint32_t target, uint8_t *bytes);

/* names.c, lines.c */

/** @brief Fill load->names.symbols from the symbol table. @return OK; E_NOMEM. */
enum status elf_collect_names(struct elf *e);

/** @brief Fill load->names.sections with what was loaded, for debuggers. @return OK; E_NOMEM. */
enum status elf_collect_sections(struct elf *e);

/** @brief Fill load->names.lines from .debug_line, whatever it holds. Debug information that is
 *  absent or malformed gives no lines, and so does a lack of memory. */
void elf_collect_lines(struct elf *e);

/** @brief Add "dir/name", or "name" if dir is NULL, to the text of load->names. @return OK;
 * E_NOMEM. */
enum status elf_add_text(struct elf *e, const char *dir, const char *name, uint32_t *at);
