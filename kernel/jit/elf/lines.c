// SPDX-License-Identifier: MIT
//
// Which source line an address comes from: the line programs of .debug_line are run once, at load
// time, into an ascending table, so that a backtrace is a search. What is malformed gives no line:
// debug information never decides whether a program loads.
#include "kernel/jit/elf/dwarf_internal.h"
#include "kernel/lib/sort.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

#define ROWS_FIRST 64u

enum opcode {
    OP_EXTENDED = 0,
    OP_COPY = 1,
    OP_ADVANCE_PC = 2,
    OP_ADVANCE_LINE = 3,
    OP_SET_FILE = 4,
    OP_CONST_ADD_PC = 8,
    OP_FIXED_ADVANCE_PC = 9,
};

enum extended_opcode { EXT_END_SEQUENCE = 1, EXT_SET_ADDRESS = 2 };

/** A line program while it runs. */
struct machine {
    struct elf *e;
    struct dwarf_unit *unit;
    uint32_t *capacity; /* rows that load->names.lines has room for */
    uint64_t address, file;
    uint32_t line;
    uint32_t no_file; /* offset of the text for files that the unit does not have, once needed */
    bool in_sequence; /* the table's last row belongs to this sequence */
};

static void start_sequence(struct machine *m)
{
    m->address = 0;
    m->file = 1;
    m->line = 1;
    m->in_sequence = false;
}

static enum status file_text(struct machine *m, uint32_t *out)
{
    const struct dwarf_table *files = &m->unit->files;
    const struct dwarf_table *dirs = &m->unit->dirs;
    struct dwarf_entry *f = m->file < files->count ? &files->entries[m->file] : NULL;
    if (f == NULL) {
        enum status s =
            m->no_file == DWARF_NO_TEXT ? elf_add_text(m->e, NULL, "?", &m->no_file) : OK;
        *out = m->no_file;
        return s;
    }
    if (f->text == DWARF_NO_TEXT) {
        bool has_dir = f->dir != 0 && f->dir < dirs->count && f->name[0] != '/';
        enum status s =
            elf_add_text(m->e, has_dir ? dirs->entries[f->dir].name : NULL, f->name, &f->text);
        if (s != OK) {
            return s;
        }
    }
    *out = f->text;
    return OK;
}

static enum status grow(struct machine *m)
{
    struct code_names *n = &m->e->load->names;
    uint32_t capacity = *m->capacity == 0 ? ROWS_FIRST : *m->capacity * 2;
    struct code_line *lines = heap_realloc(n->lines, (size_t)capacity * sizeof(*lines));
    if (lines == NULL) {
        return E_NOMEM;
    }
    n->lines = lines;
    *m->capacity = capacity;
    return OK;
}

/* Add a row for the registers; an end has line 0. Rows that say nothing new are left out, and so is
 * code from no line (a compiler's own): it counts as the line before it. */
static enum status add_row(struct machine *m, bool is_end)
{
    uint32_t line = is_end ? 0 : m->line;
    if (line == 0 && !is_end) {
        return OK;
    }
    struct code_names *n = &m->e->load->names;
    const struct load_placed *code = &m->e->load->part[LOAD_CODE];
    uint64_t start = m->address - code->address;
    if (start > code->size) {
        return OK; /* of a section that is not loaded */
    }
    struct code_line row = {.start = (uint32_t)start, .line = line};
    enum status s = line == 0 ? OK : file_text(m, &row.file);
    if (s != OK) {
        return s;
    }

    struct code_line *last = m->in_sequence ? &n->lines[n->line_count - 1] : NULL;
    if (last != NULL && last->line == row.line && last->file == row.file) {
        return OK;
    }
    if (last != NULL && last->start == row.start) {
        *last = row;
        return OK;
    }
    if (n->line_count == *m->capacity) {
        s = grow(m);
        if (s != OK) {
            return s;
        }
    }
    n->lines[n->line_count++] = row;
    m->in_sequence = true;
    return OK;
}

static enum status run_extended(struct machine *m)
{
    struct dwarf_reader *r = &m->unit->program;
    uint64_t length = dwarf_uleb(r);
    struct dwarf_reader body = *r;
    if (length == 0 || !dwarf_skip(r, length)) {
        return E_CORRUPT;
    }
    enum status s = OK;
    switch ((enum extended_opcode)dwarf_byte(&body)) {
    case EXT_END_SEQUENCE:
        s = add_row(m, true);
        start_sequence(m);
        break;
    case EXT_SET_ADDRESS:
        m->address = dwarf_fixed(&body, 8);
        m->in_sequence = false;
        break;
    }
    return s;
}

static void advance(struct machine *m, uint64_t operations)
{
    m->address += operations * m->unit->min_length;
}

static enum status run_standard(struct machine *m, uint8_t op)
{
    struct dwarf_reader *r = &m->unit->program;
    switch ((enum opcode)op) {
    case OP_EXTENDED:
        return run_extended(m);
    case OP_COPY:
        return add_row(m, false);
    case OP_ADVANCE_PC:
        advance(m, dwarf_uleb(r));
        return OK;
    case OP_ADVANCE_LINE:
        m->line += (uint32_t)dwarf_sleb(r);
        return OK;
    case OP_SET_FILE:
        m->file = dwarf_uleb(r);
        return OK;
    case OP_CONST_ADD_PC:
        advance(m, (255u - m->unit->opcode_base) / m->unit->line_range);
        return OK;
    case OP_FIXED_ADVANCE_PC:
        m->address += dwarf_fixed(r, 2);
        return OK;
    }
    for (unsigned i = 0; i < m->unit->operands[op - 1]; i++) {
        dwarf_uleb(r);
    }
    return OK;
}

static enum status run_unit(struct elf *e, struct dwarf_unit *unit, uint32_t *capacity)
{
    struct machine m = {.e = e, .unit = unit, .capacity = capacity, .no_file = DWARF_NO_TEXT};
    struct dwarf_reader *r = &unit->program;
    enum status s = OK;
    start_sequence(&m);
    while (r->at < r->end && !r->bad && s == OK) {
        uint8_t op = dwarf_byte(r);
        if (op < unit->opcode_base) {
            s = run_standard(&m, op);
            continue;
        }
        uint8_t special = op - unit->opcode_base;
        advance(&m, special / unit->line_range);
        m.line += (uint32_t)(unit->line_base + special % unit->line_range);
        s = add_row(&m, false);
    }
    return s;
}

/* At one address, the end of a sequence comes before the start of another: a search takes the last.
 */
static bool row_before(const void *a, const void *b)
{
    const struct code_line *x = a;
    const struct code_line *y = b;
    return x->start != y->start ? x->start < y->start : x->line == 0 && y->line != 0;
}

static enum status run_section(struct elf *e, const uint8_t *bytes, uint64_t size)
{
    struct dwarf_reader r = {.at = bytes, .end = bytes + size};
    uint32_t capacity = 0;
    enum status s = OK;
    while (r.at < r.end && s == OK) {
        struct dwarf_unit unit;
        s = dwarf_read_unit(e, &r, &unit);
        if (s == OK) {
            s = run_unit(e, &unit, &capacity);
        }
        heap_free(unit.dirs.entries);
        heap_free(unit.files.entries);
    }
    sort_array(e->load->names.lines, e->load->names.line_count, sizeof(struct code_line),
               row_before);
    return s;
}

static uint32_t find_section(const struct elf *e, const char *name)
{
    for (uint32_t i = 1; i < e->section_count; i++) {
        const struct elf_section *s = &e->sections[i];
        if (s->h.type == SHT_PROGBITS && strcmp(s->name, name) == 0 &&
            (s->h.flags & SHF_COMPRESSED) == 0 && s->h.size != 0) {
            return i;
        }
    }
    return 0;
}

/* As run_section(), over a copy that is relocated first. */
static enum status run_copy(struct elf *e, uint32_t section)
{
    e->debug_str = find_section(e, ".debug_str");
    e->debug_line_str = find_section(e, ".debug_line_str");
    uint64_t size = e->sections[section].h.size;
    uint8_t *copy = heap_alloc(size);
    if (copy == NULL) {
        return E_NOMEM;
    }
    memcpy(copy, elf_section_bytes(e, section), size);
    enum status s = elf_relocate_copy(e, section, copy);
    if (s == OK) {
        s = run_section(e, copy, size);
    }
    heap_free(copy);
    return s;
}

void elf_collect_lines(struct elf *e)
{
    struct code_names *n = &e->load->names;
    uint32_t text_bytes = n->text_bytes;
    uint32_t section = find_section(e, ".debug_line");
    if (section == 0 || run_copy(e, section) != E_NOMEM) {
        return;
    }
    heap_free(n->lines); /* a part of them would name wrong lines */
    n->lines = NULL;
    n->line_count = 0;
    n->text_bytes = text_bytes;
}
