// SPDX-License-Identifier: MIT
//
// Reads the header of a line number program: its parameters, and the names of source files.
#include "kernel/lib/string.h"
#include "kernel/load/elf/dwarf_internal.h"
#include "kernel/mm/heap.h"

#define ENTRIES_MAX 65535u /* limit for directories or files of one unit */
#define FORMATS_MAX 8u

enum { CONTENT_PATH = 1, CONTENT_DIRECTORY = 2 };

enum form {
    FORM_DATA2 = 0x05,
    FORM_DATA4 = 0x06,
    FORM_DATA8 = 0x07,
    FORM_STRING = 0x08,
    FORM_BLOCK = 0x09,
    FORM_DATA1 = 0x0b,
    FORM_STRP = 0x0e,
    FORM_UDATA = 0x0f,
    FORM_DATA16 = 0x1e,
    FORM_LINE_STRP = 0x1f,
};

/* Every access to several bytes goes through here, as dwarf_byte() does for one. It compares with
 * the rest as a number, so no pointer past the end is ever computed. After an error `at` is the end
 * and `bad` is set: reads return 0, and loops that go on to the end stop. */
bool dwarf_skip(struct dwarf_reader *r, uint64_t n)
{
    if (n > (uint64_t)(r->end - r->at)) {
        r->at = r->end;
        r->bad = true;
        return false;
    }
    r->at += n;
    return true;
}

uint64_t dwarf_fixed(struct dwarf_reader *r, unsigned size)
{
    uint64_t v = 0;
    const uint8_t *from = r->at;
    if (dwarf_skip(r, size)) {
        memcpy(&v, from, size);
    }
    return v;
}

/* Bits beyond 64 are dropped. The loop ends with the section: dwarf_byte() then returns 0, which
 * has no continuation bit. */
uint64_t dwarf_uleb(struct dwarf_reader *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = dwarf_byte(r);
        v |= shift < 64 ? (uint64_t)(byte & 0x7f) << shift : 0;
        if ((byte & 0x80) == 0) {
            return v;
        }
    }
}

int64_t dwarf_sleb(struct dwarf_reader *r)
{
    uint64_t v = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        byte = dwarf_byte(r);
        v |= shift < 64 ? (uint64_t)(byte & 0x7f) << shift : 0;
        shift += shift < 64 ? 7 : 0;
    } while ((byte & 0x80) != 0);

    bool is_negative = (byte & 0x40) != 0 && shift < 64;
    return (int64_t)(is_negative ? v | ~(uint64_t)0 << shift : v);
}

static const char *read_string(struct dwarf_reader *r)
{
    const char *s = (const char *)r->at;
    return dwarf_skip(r, strnlen(s, (size_t)(r->end - r->at)) + 1) ? s : "";
}

/* The string at `offset` of a section, or "". Every entry of every unit may name the same long
 * string, so only the part that is used is examined; the rest is known to be in the section. */
static const char *section_string(const struct elf *e, uint32_t section, uint64_t offset)
{
    if (section == 0 || offset >= e->sections[section].h.size) {
        return "";
    }
    const char *text = (const char *)elf_section_bytes(e, section) + offset;
    uint64_t room = e->sections[section].h.size - offset;
    return strnlen(text, MIN(room, (uint64_t)ELF_NAME_MAX)) < room ? text : "";
}

/** An attribute of a directory or file: a string or a number. */
struct value {
    const char *text;
    uint64_t number;
};

/* Read one attribute. An unknown form has an unknown
 * length, so the unit cannot be read any further. */
static bool read_form(const struct elf *e, struct dwarf_reader *r, uint64_t form, struct value *out)
{
    *out = (struct value){.text = "", .number = 0};
    switch (form) {
    case FORM_STRING:
        out->text = read_string(r);
        return true;
    case FORM_LINE_STRP:
        out->text = section_string(e, e->debug_line_str, dwarf_fixed(r, 4));
        return true;
    case FORM_STRP:
        out->text = section_string(e, e->debug_str, dwarf_fixed(r, 4));
        return true;
    case FORM_UDATA:
        out->number = dwarf_uleb(r);
        return true;
    case FORM_DATA1:
        out->number = dwarf_fixed(r, 1);
        return true;
    case FORM_DATA2:
        out->number = dwarf_fixed(r, 2);
        return true;
    case FORM_DATA4:
        out->number = dwarf_fixed(r, 4);
        return true;
    case FORM_DATA8:
        out->number = dwarf_fixed(r, 8);
        return true;
    case FORM_DATA16:
        return dwarf_skip(r, 16);
    case FORM_BLOCK:
        return dwarf_skip(r, dwarf_uleb(r));
    default:
        return false;
    }
}

/* The attributes of one entry of a version 5 table. */
static enum status read_entry(const struct elf *e, struct dwarf_reader *r,
                              const uint64_t (*formats)[2], unsigned count, struct dwarf_entry *out)
{
    for (unsigned i = 0; i < count; i++) {
        struct value v;
        if (!read_form(e, r, formats[i][1], &v)) {
            return E_NOTSUP;
        }
        if (formats[i][0] == CONTENT_PATH) {
            out->name = v.text;
        } else if (formats[i][0] == CONTENT_DIRECTORY) {
            out->dir = v.number;
        }
    }
    return r->bad ? E_CORRUPT : OK;
}

/* The caller frees the entries, also if reading them fails. */
static enum status table_init(struct dwarf_table *t, uint64_t count)
{
    t->entries = heap_calloc(count, sizeof(*t->entries));
    if (t->entries == NULL) {
        return E_NOMEM;
    }
    for (uint64_t i = 0; i < count; i++) {
        t->entries[i] = (struct dwarf_entry){.name = "", .text = DWARF_NO_TEXT};
    }
    t->count = (uint32_t)count;
    return OK;
}

/* Version 5: a table describes its entries first. */
static enum status read_table(const struct elf *e, struct dwarf_reader *r, struct dwarf_table *out)
{
    uint64_t formats[FORMATS_MAX][2]; /* content type and form of each attribute */
    unsigned count = (unsigned)dwarf_fixed(r, 1);
    if (count == 0 || count > FORMATS_MAX) {
        return E_NOTSUP;
    }
    for (unsigned i = 0; i < count; i++) {
        formats[i][0] = dwarf_uleb(r);
        formats[i][1] = dwarf_uleb(r);
    }
    uint64_t entries = dwarf_uleb(r);
    if (r->bad || entries > ENTRIES_MAX) {
        return E_CORRUPT;
    }
    enum status s = table_init(out, entries);
    for (uint64_t i = 0; i < entries && s == OK; i++) {
        s = read_entry(e, r, formats, count, &out->entries[i]);
    }
    return s;
}

/* Version 4: a list of strings that ends with an empty one; files also have three numbers. Entries
 * count from 1. Two passes: the first only counts, on a copy of the reader. A list without an end
 * sets `bad` in that copy, before anything is allocated. */
static enum status read_list(struct dwarf_reader *r, bool is_files, struct dwarf_table *out)
{
    struct dwarf_reader ahead = *r;
    uint64_t count = 1;
    while (read_string(&ahead)[0] != 0) {
        for (unsigned i = 0; is_files && i < 3; i++) {
            dwarf_uleb(&ahead);
        }
        count++;
    }
    if (ahead.bad || count > ENTRIES_MAX) {
        return E_CORRUPT;
    }
    enum status s = table_init(out, count);
    for (uint64_t i = 1; i < count && s == OK; i++) {
        out->entries[i].name = read_string(r);
        out->entries[i].dir = is_files ? dwarf_uleb(r) : 0;
        for (unsigned k = 0; is_files && k < 2; k++) {
            dwarf_uleb(r); /* modification time and length of the file */
        }
    }
    *r = ahead;
    return s;
}

static enum status read_tables(const struct elf *e, struct dwarf_reader *r, unsigned version,
                               struct dwarf_unit *out)
{
    enum status s = version == 5 ? read_table(e, r, &out->dirs) : read_list(r, false, &out->dirs);
    if (s == OK) {
        s = version == 5 ? read_table(e, r, &out->files) : read_list(r, true, &out->files);
    }
    return s;
}

/* Read the header of a unit and leave r at the next one. Both lengths in the header are checked, so
 * the program and the tables stay inside the unit whatever they contain. */
enum status dwarf_read_unit(const struct elf *e, struct dwarf_reader *r, struct dwarf_unit *out)
{
    *out = (struct dwarf_unit){.address_size = 8};
    struct dwarf_reader unit = {.at = r->at, .end = r->end};
    uint64_t length =
        /* no file is long enough for the 64-bit format,
         * so its escape code is refused as a length */
        dwarf_fixed(&unit, 4);
    struct dwarf_reader end = unit;
    if (!dwarf_skip(&end, length)) {
        return E_CORRUPT;
    }
    unit.end = r->at = end.at;

    unsigned version = (unsigned)dwarf_fixed(&unit, 2);
    if (version != 4 && version != 5) {
        return E_NOTSUP;
    }
    if (version == 5) {
        out->address_size = (uint8_t)dwarf_fixed(&unit, 1);
        dwarf_skip(&unit, 1); /* size of a segment selector */
    }
    uint64_t header_length = dwarf_fixed(&unit, 4);
    out->program = unit;
    if (!dwarf_skip(&out->program, header_length)) {
        return E_CORRUPT;
    }
    unit.end = out->program.at;

    out->min_length = (uint8_t)dwarf_fixed(&unit, 1);
    dwarf_skip(&unit, 2); /* operations in an instruction, and the initial value of is_stmt */
    out->line_base = (int8_t)dwarf_fixed(&unit, 1);
    out->line_range = (uint8_t)dwarf_fixed(&unit, 1);
    out->opcode_base = (uint8_t)dwarf_fixed(&unit, 1);
    out->operands = unit.at;
    if (out->opcode_base == 0 || out->line_range == 0 || out->address_size != 8 ||
        !dwarf_skip(&unit, out->opcode_base - 1u)) {
        return E_CORRUPT;
    }
    return read_tables(e, &unit, version, out);
}
