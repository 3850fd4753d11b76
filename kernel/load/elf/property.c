// SPDX-License-Identifier: MIT
//
// Properties that compilers record about code: section .note.gnu.property ("Linux Extensions to
// gABI", Program Property). One bit is relevant: every place that an indirect branch may reach
// starts with a landing pad. The CPU enforces this promise, so code that makes it runs with the
// check, and other code without.
#include "kernel/jit/backend.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/load/elf/elf_internal.h"

#define PROPERTY_SECTION ".note.gnu.property"
#define PROPERTY_NOTE    5u /* NT_GNU_PROPERTY_TYPE_0 */
#define PROPERTY_ALIGN   UINT64_C(8)

static const char gnu_name[4] = "GNU"; /* with the zero byte */

/** The header of one property. */
struct property_head {
    uint32_t type, size;
};

static enum status broken(struct elf *e, uint64_t offset)
{
    return load_fail(e->load, E_CORRUPT, "section %s: malformed at byte %llu", PROPERTY_SECTION,
                     (unsigned long long)offset);
}

/* Search the properties of one note. `found` and its
 * value refer to the property that is searched for. */
static bool read_properties(const struct elf *e, const uint8_t *bytes, uint64_t size, bool *found)
{
    const struct jit_backend *machine = e->load->backend;
    for (uint64_t at = 0; at < size;) {
        struct property_head head;
        uint32_t bits = 0;
        if (size - at < sizeof(head)) {
            return false;
        }
        memcpy(&head, bytes + at, sizeof(head));
        at += sizeof(head);
        uint64_t padded = ALIGN_UP((uint64_t)head.size, PROPERTY_ALIGN);
        if (padded > size - at) {
            return false;
        }
        if (head.type == machine->property_type && head.size == sizeof(bits)) {
            memcpy(&bits, bytes + at, sizeof(bits));
            *found |= (bits & machine->property_landing_pads) != 0;
        }
        at += padded;
    }
    return true;
}

/* `ld -r` concatenates the notes of its inputs: all must promise it. */
static enum status read_section(struct elf *e, uint32_t index, bool *all)
{
    const uint8_t *bytes = elf_section_bytes(e, index);
    uint64_t size = e->sections[index].h.size;
    for (uint64_t at = 0; at < size;) {
        struct elf_note note;
        if (size - at < sizeof(note) + sizeof(gnu_name)) {
            return broken(e, at);
        }
        memcpy(&note, bytes + at, sizeof(note));
        uint64_t data = at + sizeof(note) + sizeof(gnu_name);
        uint64_t padded = ALIGN_UP((uint64_t)note.descsz, PROPERTY_ALIGN);
        bool found = false;
        if (note.namesz != sizeof(gnu_name) || note.type != PROPERTY_NOTE ||
            memcmp(bytes + at + sizeof(note), gnu_name, sizeof(gnu_name)) != 0 ||
            padded > size - data || !read_properties(e, bytes + data, note.descsz, &found)) {
            return broken(e, at);
        }
        *all = *all && found;
        at = data + padded;
    }
    return OK;
}

/* Without a note nothing is promised. Landing pads are required of the module only if all of its
 * inputs have them: with one file without, the CPU would fault at the first indirect call into
 * it. */
enum status elf_read_properties(struct elf *e)
{
    bool is_there = false, all = true;
    for (uint32_t i = 1; i < e->section_count; i++) {
        const struct elf_section *s = &e->sections[i];
        if (s->h.type != SHT_NOTE || strcmp(s->name, PROPERTY_SECTION) != 0) {
            continue;
        }
        is_there |= s->h.size != 0;
        enum status st = read_section(e, i, &all);
        if (st != OK) {
            return st;
        }
    }
    e->load->has_landing_pads = is_there && all;
    return OK;
}
