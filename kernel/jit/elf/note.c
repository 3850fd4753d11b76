// SPDX-License-Identifier: MIT
//
// The note with which a build says what it made (programs/sdk/halyard.h writes it): section
// .note.halyard, name "Halyard", type 1, and a description of three words.
#include "kernel/jit/backend.h"
#include "kernel/jit/elf/elf_internal.h"
#include "kernel/lib/string.h"

#define NOTE_SECTION ".note.halyard"
#define NOTE_TYPE    1u
#define ABI_VERSION  1u

static const char note_name[8] = "Halyard"; /* with the zero: exactly two words */

/** What follows the name. */
struct note_desc {
    uint32_t abi_version;
    uint32_t machine; /* as e_machine */
    uint32_t flags;   /* enum note_flags */
};

static const char *flag_name(uint32_t flag)
{
    switch (flag) {
    case NOTE_NO_RED_ZONE:
        return "no red zone (-mno-red-zone)";
    case NOTE_CODE_MODEL:
        return "the code model of this machine (-mcmodel)";
    default:
        return "a flag that is not known here";
    }
}

static enum status check_desc(struct elf *e, const struct note_desc *d)
{
    struct load *load = e->load;
    if (d->abi_version != ABI_VERSION) {
        return load_fail(load, E_NOTSUP,
                         "note: built for version %u of the program interface; this is version %u",
                         d->abi_version, ABI_VERSION);
    }
    if (d->machine != e->h.machine) {
        return load_fail(load, E_MACHINE, "note: built for machine %u, in a file for machine %u",
                         d->machine, e->h.machine);
    }
    uint32_t unknown = d->flags & ~(uint32_t)NOTE_KNOWN;
    if (unknown != 0) {
        return load_fail(load, E_NOTSUP, "note: flags 0x%x are not known here", unknown);
    }
    uint32_t missing = load->backend->required_flags & ~d->flags;
    if (missing != 0) {
        uint32_t first = missing & -missing;
        return load_fail(load, E_NOTSUP,
                         "note: not built with %s; use the flags in programs/cflags.%s",
                         flag_name(first), load->backend->name);
    }
    load->uses_fp |= (d->flags & NOTE_USES_FP) != 0;
    return OK;
}

/* One section may hold several notes: `ld -r` puts those of its inputs behind each other. */
static enum status read_notes(struct elf *e, uint32_t index)
{
    struct {
        struct elf_note head;
        char name[sizeof(note_name)];
        struct note_desc desc;
    } note;
    STATIC_ASSERT(sizeof(note) == 32, "a note has no padding");

    uint64_t size = e->sections[index].h.size;
    if (size == 0 || size % sizeof(note) != 0) {
        return load_fail(e->load, E_CORRUPT, "section %s: %llu bytes", NOTE_SECTION,
                         (unsigned long long)size);
    }
    for (uint64_t off = 0; off < size; off += sizeof(note)) {
        memcpy(&note, elf_section_bytes(e, index) + off, sizeof(note));
        if (note.head.namesz != sizeof(note.name) || note.head.descsz != sizeof(note.desc) ||
            note.head.type != NOTE_TYPE || memcmp(note.name, note_name, sizeof(note.name)) != 0) {
            return load_fail(e->load, E_CORRUPT, "section %s: not a note of this kernel's programs",
                             NOTE_SECTION);
        }
        enum status s = check_desc(e, &note.desc);
        if (s != OK) {
            return s;
        }
    }
    return OK;
}

enum status elf_check_note(struct elf *e)
{
    bool found = false;
    for (uint32_t i = 1; i < e->section_count; i++) {
        const struct elf_section *s = &e->sections[i];
        if (s->h.type != SHT_NOTE || strcmp(s->name, NOTE_SECTION) != 0) {
            continue;
        }
        found = true;
        enum status st = read_notes(e, i);
        if (st != OK) {
            return st;
        }
    }
    if (!found) {
        return load_fail(e->load, E_NOTSUP,
                         "no note %s: include halyard.h and use the flags in programs/cflags.%s",
                         NOTE_SECTION, e->load->backend->name);
    }
    return OK;
}
