// SPDX-License-Identifier: MIT
//
// Relocations: all are checked and counted, then memory is allocated, then all are written. The
// machine defines the types. A slot contains the address of one symbol, for code that loads it from
// memory. A veneer jumps to an import that may be too far away for a branch.
#include "kernel/jit/backend.h"
#include "kernel/lib/string.h"
#include "kernel/load/elf/elf_internal.h"
#include "kernel/mm/heap.h"

#define SLOT_SIZE 8u

/* Entries may be at any address in the file, so they are copied. */
static struct elf_rela rela_get(const struct elf *e, uint32_t section, uint64_t index)
{
    struct elf_rela r;
    COPY_SMALL(&r, elf_section_bytes(e, section) + index * sizeof(r), sizeof(r));
    return r;
}

static uint64_t rela_count(const struct elf *e, uint32_t section)
{
    return e->sections[section].h.size / sizeof(struct elf_rela);
}

static bool has_relocs(const struct elf *e, uint32_t i)
{
    return e->sections[i].h.type == SHT_RELA || e->sections[i].h.type == SHT_REL;
}

/* Whether section i has relocations for a loaded section. scan_section() has checked its index. */
static bool is_applied(const struct elf *e, uint32_t i)
{
    return has_relocs(e, i) && e->sections[e->sections[i].h.info].part != SECTION_NOT_PLACED;
}

/* The kind of a relocation whose symbol and place exist. NULL: an error. */
static const struct reloc_kind *check_rela(const struct elf *e, uint32_t target,
                                           const struct elf_rela *r)
{
    const struct reloc_kind *kind = e->load->backend->reloc_find(r->type);
    uint64_t size = e->sections[target].h.size;
    if (kind == NULL || r->symbol >= e->symbol_count || r->offset > size ||
        kind->size > size - r->offset) {
        return NULL;
    }
    return kind;
}

/* The reason for which check_rela() returned NULL, as a message. */
static enum status refuse_rela(struct elf *e, uint32_t section, const struct elf_rela *r)
{
    const struct elf_section *s = &e->sections[section];
    if (e->load->backend->reloc_find(r->type) == NULL) {
        return load_fail(e->load, E_NOTSUP,
                         "relocation type %u in section %s at offset 0x%llx: unknown to %s",
                         r->type, s->name, (unsigned long long)r->offset, e->load->backend->name);
    }
    if (r->symbol >= e->symbol_count) {
        return load_fail(e->load, E_CORRUPT, "section %s: symbol %u does not exist", s->name,
                         r->symbol);
    }
    return load_fail(e->load, E_CORRUPT, "section %s: offset 0x%llx is outside section %s", s->name,
                     (unsigned long long)r->offset, e->sections[s->h.info].name);
}

/* Note that the symbol is used, and reserve a slot or a veneer for it if the
 * relocation needs one. Each symbol has at most one of each, however many
 * relocations use it. Only symbols outside the object may be too far away:
 * all code of the object is placed together, within the reach of a branch. */
static void count_needs(struct elf *e, const struct elf_rela *r, const struct reloc_kind *kind)
{
    struct elf_symbol_state *state = &e->symbols[r->symbol];
    struct elf_symbol s = elf_symbol_get(e, r->symbol);
    bool is_outside = s.shndx == SHN_UNDEF || s.shndx == SHN_ABS;

    state->used = true;
    if (kind->target == RELOC_SLOT && state->slot == SYMBOL_NO_INDEX) {
        state->slot = e->slot_count++;
    }
    if (kind->target == RELOC_BRANCH && is_outside && state->veneer == SYMBOL_NO_INDEX) {
        state->veneer = e->veneer_count++;
    }
}

static enum status scan_section(struct elf *e, uint32_t section)
{
    const struct elf_section *s = &e->sections[section];
    if (s->h.info == 0 || s->h.info >= e->section_count) {
        return load_fail(e->load, E_CORRUPT,
                         "section %s: relocates section %u, which does not exist", s->name,
                         s->h.info);
    }
    if (!is_applied(e, section)) {
        return OK;
    }
    if (s->h.type == SHT_REL) {
        return load_fail(e->load, E_NOTSUP, "section %s: relocations without addends", s->name);
    }
    if (s->h.entsize != sizeof(struct elf_rela) || s->h.size % sizeof(struct elf_rela) != 0 ||
        e->symtab == 0 || s->h.link != e->symtab) {
        return load_fail(e->load, E_CORRUPT,
                         "section %s: entries of the wrong size, or no symbol table", s->name);
    }
    if (e->sections[s->h.info].h.type == SHT_NOBITS) {
        return load_fail(e->load, E_CORRUPT,
                         "section %s: relocates section %s, which has no contents", s->name,
                         e->sections[s->h.info].name);
    }
    for (uint64_t i = 0; i < rela_count(e, section); i++) {
        struct elf_rela r = rela_get(e, section, i);
        const struct reloc_kind *kind = check_rela(e, s->h.info, &r);
        if (kind == NULL) {
            return refuse_rela(e, section, &r);
        }
        if (kind->target != RELOC_NOTHING) {
            count_needs(e, &r, kind);
        }
    }
    return OK;
}

/* The slots and veneers are known only now, so they come after the sections in their parts. Slots
 * are read-only data, because nothing changes them after the load. */
enum status elf_scan_relocs(struct elf *e)
{
    enum status s = OK;
    for (uint32_t i = 1; i < e->section_count && s == OK; i++) {
        if (has_relocs(e, i)) {
            s = scan_section(e, i);
        }
    }
    if (s == OK && e->slot_count != 0) {
        s = elf_reserve(e, LOAD_RODATA, (uint64_t)e->slot_count * SLOT_SIZE, SLOT_SIZE,
                        "address slots", &e->slots_at);
    }
    if (s == OK && e->veneer_count != 0) {
        uint64_t size = e->load->backend->veneer_size;
        s = elf_reserve(e, LOAD_CODE, e->veneer_count * size, size, "veneers", &e->veneers_at);
    }
    return s;
}

/* Offsets of a symbol's veneer and slot in their parts. */
static uint64_t veneer_offset(const struct elf *e, const struct elf_symbol_state *state)
{
    return e->veneers_at + (uint64_t)state->veneer * e->load->backend->veneer_size;
}

static uint64_t slot_offset(const struct elf *e, const struct elf_symbol_state *state)
{
    return e->slots_at + (uint64_t)state->slot * SLOT_SIZE;
}

/* A branch to an undefined weak symbol that is out of reach does nothing. It is never executed,
 * because such code tests the address first. The veneer is written each time a branch needs it,
 * always with the same contents. An addend other than the usual one means a jump into the middle of
 * a function, which a veneer cannot do. */
static enum status apply_branch(const struct elf *e, const struct elf_rela *r,
                                const struct reloc_kind *kind, uint8_t *bytes, uint64_t place)
{
    const struct jit_backend *b = e->load->backend;
    const struct elf_symbol_state *state = &e->symbols[r->symbol];
    enum status s = b->reloc_apply(kind, bytes, place, state->address + (uint64_t)r->addend);
    if (s != E_OVERFLOW) {
        return s;
    }
    if (state->absent) {
        return b->reloc_apply(kind, bytes, place, place + kind->size + (uint64_t)r->addend);
    }
    if (state->veneer == SYMBOL_NO_INDEX || r->addend != b->branch_addend) {
        return E_OVERFLOW;
    }
    const struct load_memory *code = &e->load->part[LOAD_CODE];
    uint64_t veneer = veneer_offset(e, state);
    b->veneer_write(code->bytes + veneer, state->address);
    return b->reloc_apply(kind, bytes, place, code->address + veneer + (uint64_t)r->addend);
}

/* Compute one relocation. `bytes` is the place where it is written now, `place` the address that
 * the code will have there: they differ, because code is written through an alias. */
static enum status apply_rela(const struct elf *e, const struct elf_rela *r,
                              const struct reloc_kind *kind, uint8_t *bytes, uint64_t place)
{
    const struct jit_backend *b = e->load->backend;
    const struct elf_symbol_state *state = &e->symbols[r->symbol];
    const struct load_memory *rodata = &e->load->part[LOAD_RODATA];
    uint64_t slot;

    switch (kind->target) {
    case RELOC_NOTHING:
        return OK;
    case RELOC_SYMBOL:
        return b->reloc_apply(kind, bytes, place, state->address + (uint64_t)r->addend);
    case RELOC_BRANCH:
        return apply_branch(e, r, kind, bytes, place);
    case RELOC_SLOT:
        slot = slot_offset(e, state);
        memcpy(rodata->bytes + slot, &state->address, SLOT_SIZE);
        return b->reloc_apply(kind, bytes, place, rodata->address + slot + (uint64_t)r->addend);
    }
    return E_NOTSUP;
}

static enum status fail_rela(struct elf *e, uint32_t section, const struct elf_rela *r,
                             const struct reloc_kind *kind, enum status s)
{
    const char *why = s == E_OVERFLOW ? "does not fit" : "is not aligned";
    return load_fail(e->load, s, "section %s, offset 0x%llx: %s of %s %s",
                     e->sections[e->sections[section].h.info].name, (unsigned long long)r->offset,
                     kind->name, elf_symbol_name(e, r->symbol), why);
}

/* elf_scan_relocs() has checked every entry. The one thing left is whether the symbol has an
 * address: it may be in a section that is not loaded. */
static enum status apply_section(struct elf *e, uint32_t section)
{
    uint32_t target = e->sections[section].h.info;
    const struct elf_section *in = &e->sections[target];
    const struct load_memory *part = &e->load->part[in->part];

    for (uint64_t i = 0; i < rela_count(e, section); i++) {
        struct elf_rela r = rela_get(e, section, i);
        const struct reloc_kind *kind = check_rela(e, target, &r);
        uint64_t at = in->at + r.offset;
        if (kind->target != RELOC_NOTHING && r.symbol != 0 && !e->symbols[r.symbol].known) {
            return load_fail(e->load, E_CORRUPT,
                             "section %s, offset 0x%llx: %s is in no loaded section", in->name,
                             (unsigned long long)r.offset, elf_symbol_name(e, r.symbol));
        }
        enum status s = apply_rela(e, &r, kind, part->bytes + at, part->address + at);
        if (s != OK) {
            return fail_rela(e, section, &r, kind, s);
        }
    }
    return OK;
}

enum status elf_apply_relocs(struct elf *e)
{
    enum status s = OK;
    for (uint32_t i = 1; i < e->section_count && s == OK; i++) {
        if (is_applied(e, i)) {
            s = apply_section(e, i);
        }
    }
    return s;
}

static enum status relocate_copy_from(const struct elf *e, uint32_t section, uint8_t *bytes)
{
    uint32_t target = e->sections[section].h.info;
    for (uint64_t i = 0; i < rela_count(e, section); i++) {
        struct elf_rela r = rela_get(e, section, i);
        const struct reloc_kind *kind = check_rela(e, target, &r);
        if (kind == NULL || (kind->target != RELOC_SYMBOL && kind->target != RELOC_NOTHING)) {
            return E_NOTSUP;
        }
        /* A section that is not loaded counts as placed at 0, so the value is an offset into it. */
        const struct elf_symbol_state *state = &e->symbols[r.symbol];
        uint64_t base = state->known ? state->address : elf_symbol_get(e, r.symbol).value;
        enum status s =
            e->load->backend->reloc_apply(kind, bytes + r.offset, 0, base + (uint64_t)r.addend);
        if (s != OK) {
            return s;
        }
    }
    return OK;
}

/* Relocate a copy of a debug section, which is not loaded.
 * Errors only mean that there is no debug information. */
enum status elf_relocate_copy(const struct elf *e, uint32_t target, uint8_t *bytes)
{
    for (uint32_t i = 1; i < e->section_count; i++) {
        const struct elf_section_header *h = &e->sections[i].h;
        if (h->type != SHT_RELA || h->info != target) {
            continue;
        }
        if (h->entsize != sizeof(struct elf_rela) || h->size % sizeof(struct elf_rela) != 0 ||
            h->link != e->symtab || e->symtab == 0) {
            return E_CORRUPT;
        }
        enum status s = relocate_copy_from(e, i, bytes);
        if (s != OK) {
            return s;
        }
    }
    return OK;
}
