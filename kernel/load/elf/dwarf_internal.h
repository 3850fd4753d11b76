// SPDX-License-Identifier: MIT
//
// Reads .debug_line (DWARF 4 and 5, section 6.2): a bounded reader, and one unit.
#pragma once

#include "kernel/load/elf/elf_internal.h"

/** Bytes that are consumed from the front. Beyond the end every read gives 0 and sets `bad`. */
struct dwarf_reader {
    const uint8_t *at, *end;
    bool bad;
};

/** A directory or a source file of a unit. The name
 * is in the object or in the copy of .debug_line. */
struct dwarf_entry {
    const char *name; /* ends with a zero, or has more than ELF_NAME_MAX bytes */
    /* of a file: index of its directory, not checked; 0 = the compiler's working directory */
    uint64_t dir;
    /* of a file: offset in the names' text once a row has named it, or DWARF_NO_TEXT */
    uint32_t text;
};

#define DWARF_NO_TEXT UINT32_MAX

/** Counts from 0, as version 5 does; for version 4, entry 0 is empty. A heap block. */
struct dwarf_table {
    struct dwarf_entry *entries;
    uint32_t count;
};

/** The header of a unit, and the program that follows it. */
struct dwarf_unit {
    struct dwarf_reader program;
    uint8_t address_size, min_length, line_range, opcode_base;
    int8_t line_base;
    const uint8_t *operands; /* number of operands of each opcode from 1 to opcode_base - 1 */
    struct dwarf_table dirs, files;
};

/** @brief Advance by n bytes. @return false: there are not that many. */
bool dwarf_skip(struct dwarf_reader *r, uint64_t n);
/** @brief Unsigned little-endian number of `size` bytes, at most 8. */
uint64_t dwarf_fixed(struct dwarf_reader *r, unsigned size);
/** @brief Read a byte. Separate because most of a line program is read in this way. */
static inline uint8_t dwarf_byte(struct dwarf_reader *r)
{
    if (r->at == r->end) {
        r->bad = true;
        return 0;
    }
    return *r->at++;
}
uint64_t dwarf_uleb(struct dwarf_reader *r);
int64_t dwarf_sleb(struct dwarf_reader *r);

/**
 * @brief Read the header of the unit at r, and move r to the end of the unit.
 * @param out  Filled; the caller frees its two tables, whatever the result.
 * @return OK; E_CORRUPT; E_NOTSUP; E_NOMEM.
 */
enum status dwarf_read_unit(const struct elf *e, struct dwarf_reader *r, struct dwarf_unit *out);
