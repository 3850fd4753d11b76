// SPDX-License-Identifier: MIT
//
// Notes that describe a build, in section .note.halyard with name "Halyard". A
// program has one of type 1 (written by programs/sdk/halyard.h). A driver has one
// of type 2 from each of its files and one of type 3 with its name
// (modules/module.h). An extension has one of type 4 (kernel/module/extension.h).
#include "kernel/jit/backend.h"
#include "kernel/lib/string.h"
#include "kernel/load/elf/elf_internal.h"

#define NOTE_SECTION ".note.halyard"
#define ABI_VERSION  1u /* of the program interface */

enum note_type { NOTE_PROGRAM = 1, NOTE_DRIVER_BUILD = 2, NOTE_DRIVER = 3, NOTE_EXTENSION = 4 };

static const char note_name[8] = "Halyard"; /* with the zero byte: exactly two words */

/** Contents of notes of types 1 and 2. */
struct build_desc {
    uint32_t version; /* version of the interface that it was built for */
    uint32_t machine; /* as e_machine */
    uint32_t flags;   /* enum note_flags */
};

/** Contents of notes of type 3. */
struct driver_desc {
    char name[LOAD_DRIVER_NAME], version[LOAD_DRIVER_VERSION], licence[LOAD_DRIVER_LICENCE];
};

/** Contents of notes of type 4. */
struct extension_desc {
    uint8_t identity[LOAD_IDENTITY]; /* identity of the kernel that it is linked against */
};

struct note {
    struct elf_note head;
    char name[sizeof(note_name)];
    union {
        struct build_desc build;
        struct driver_desc driver;
        struct extension_desc extension;
    };
};
#define NOTE_HEAD offsetof(struct note, build)

STATIC_ASSERT(NOTE_HEAD == 20 && sizeof(struct build_desc) == 12 &&
                  sizeof(struct driver_desc) == 64,
              "a note has no padding");

static const char *flag_name(uint32_t flag)
{
    switch (flag) {
    case NOTE_NO_RED_ZONE:
        return "no red zone (-mno-red-zone)";
    case NOTE_CODE_MODEL:
        return "the code model of this machine (-mcmodel)";
    default:
        return "an unknown flag";
    }
}

static bool is_driver(const struct elf *e)
{
    return e->load->kind == LOAD_DRIVER;
}

/* The folder with the flags that the build should have used, for messages. */
static const char *flags_folder(const struct elf *e)
{
    return is_driver(e) ? "modules" : "programs";
}

/* The flags protect the kernel from objects that were compiled for another environment: with a red
 * zone, an interrupt would overwrite the program's data, because it uses the same stack. */
static enum status check_build(struct elf *e, const struct build_desc *d)
{
    struct load *load = e->load;
    uint32_t version = is_driver(e) ? load->driver_interface : ABI_VERSION;
    if (d->version != version) {
        return load_fail(load, E_NOTSUP,
                         "note: built for version %u of the %s interface; this is version %u",
                         d->version, is_driver(e) ? "driver" : "program", version);
    }
    if (d->machine != e->h.machine) {
        return load_fail(load, E_MACHINE, "note: built for machine %u, in a file for machine %u",
                         d->machine, e->h.machine);
    }
    uint32_t unknown = d->flags & ~(uint32_t)NOTE_KNOWN;
    if (unknown != 0) {
        return load_fail(load, E_NOTSUP, "note: unknown flags 0x%x", unknown);
    }
    uint32_t missing = load->backend->required_flags & ~d->flags;
    if (missing != 0) {
        uint32_t first = missing & -missing;
        return load_fail(load, E_NOTSUP, "note: not built with %s; use the flags in %s/cflags.%s",
                         flag_name(first), flags_folder(e), load->backend->name);
    }
    bool uses_fp = (d->flags & NOTE_USES_FP) != 0;
    if (uses_fp && is_driver(e)) {
        return load_fail(load, E_NOTSUP,
                         "note: a driver that uses floating-point registers (-mgeneral-regs-only)");
    }
    load->uses_fp |= uses_fp;
    return OK;
}

/* Whether it is terminated by a zero inside its field
 * and printable; a name must also be one word. */
static bool is_text(const char *s, size_t size, bool is_name)
{
    size_t len = strnlen(s, size);
    for (size_t i = 0; i < len; i++) {
        if (s[i] < (is_name ? '!' : ' ') || s[i] > '~' || (is_name && s[i] == '/')) {
            return false;
        }
    }
    return len < size && (len > 0 || !is_name);
}

/* The texts are shown to users and used as a name in paths, so they are checked here. */
static enum status read_driver(struct elf *e, const struct driver_desc *d)
{
    struct load_driver *out = &e->load->driver;
    if (out->name[0] != 0) {
        return load_fail(e->load, E_CORRUPT, "note: two drivers in one file");
    }
    if (!is_text(d->name, sizeof(d->name), true) ||
        !is_text(d->version, sizeof(d->version), false) ||
        !is_text(d->licence, sizeof(d->licence), false)) {
        return load_fail(e->load, E_CORRUPT,
                         "note: the driver's name, version or licence is no text");
    }
    memcpy(out->name, d->name, sizeof(out->name));
    memcpy(out->version, d->version, sizeof(out->version));
    memcpy(out->licence, d->licence, sizeof(out->licence));
    return OK;
}

static uint32_t desc_size(uint32_t type)
{
    switch (type) {
    case NOTE_PROGRAM:
    case NOTE_DRIVER_BUILD:
        return sizeof(struct build_desc);
    case NOTE_DRIVER:
        return sizeof(struct driver_desc);
    case NOTE_EXTENSION:
        return sizeof(struct extension_desc);
    default:
        return 0;
    }
}

static enum load_kind kind_of(const struct note *note)
{
    switch (note->head.type) {
    case NOTE_PROGRAM:
        return LOAD_PROGRAM;
    case NOTE_EXTENSION:
        return LOAD_EXTENSION;
    default:
        return LOAD_DRIVER;
    }
}

static enum status refuse_kind(struct elf *e, enum load_kind kind)
{
    static const char *const names[] = {[LOAD_PROGRAM] = "a program",
                                        [LOAD_DRIVER] = "a driver",
                                        [LOAD_EXTENSION] = "an extension of one kernel"};
    static const char *const uses[] = {[LOAD_PROGRAM] = "it is run, not loaded",
                                       [LOAD_DRIVER] = "it is loaded (`load`), not run",
                                       [LOAD_EXTENSION] = "the kernel loads it by itself"};
    return load_fail(e->load, E_NOTSUP, "%s, not %s: %s", names[kind], names[e->load->kind],
                     uses[kind]);
}

/* An extension's addresses are valid in one kernel only. */
static enum status check_extension(struct elf *e, const struct extension_desc *d)
{
    if (memcmp(d->identity, e->load->identity, sizeof(d->identity)) != 0) {
        return load_fail(e->load, E_NOTSUP,
                         "linked against another kernel than this: both come from one build");
    }
    return OK;
}

/* The kind comes first, so a driver that is run, or a program that is loaded, gets a message about
 * that and not about its flags. */
static enum status take_note(struct elf *e, const struct note *note)
{
    if (kind_of(note) != e->load->kind) {
        return refuse_kind(e, kind_of(note));
    }
    switch (note->head.type) {
    case NOTE_DRIVER:
        return read_driver(e, &note->driver);
    case NOTE_EXTENSION:
        return check_extension(e, &note->extension);
    default:
        return check_build(e, &note->build);
    }
}

/* One section may contain several notes: `ld -r` concatenates those of its inputs. All of a note is
 * copied before it is used, with lengths that are checked against the section. The name and the
 * sizes must be exactly those of this kernel's notes: padding of other lengths (ELF specification,
 * "Note Section") does not occur in them. */
static enum status read_notes(struct elf *e, uint32_t index)
{
    uint64_t size = e->sections[index].h.size;
    if (size == 0 || size % sizeof(uint32_t) != 0) {
        return load_fail(e->load, E_CORRUPT, "section %s: %llu bytes", NOTE_SECTION,
                         (unsigned long long)size);
    }
    for (uint64_t off = 0; off < size;) {
        struct note note = {.head = {.type = 0}};
        const uint8_t *at = elf_section_bytes(e, index) + off;
        memcpy(&note, at, MIN(NOTE_HEAD, size - off));
        uint32_t desc = desc_size(note.head.type);
        if (desc == 0 || note.head.namesz != sizeof(note.name) || note.head.descsz != desc ||
            NOTE_HEAD + desc > size - off || memcmp(note.name, note_name, sizeof(note.name)) != 0) {
            return load_fail(e->load, E_CORRUPT, "section %s: not a note of this kernel's",
                             NOTE_SECTION);
        }
        memcpy((uint8_t *)&note + NOTE_HEAD, at + NOTE_HEAD, desc);
        enum status s = take_note(e, &note);
        if (s != OK) {
            return s;
        }
        off += NOTE_HEAD + desc;
    }
    return OK;
}

/* `ld -r` keeps the note of each of its inputs, and all of them are checked: one file that was
 * compiled with other flags would be enough to corrupt memory. */
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
    if (!found && e->load->kind == LOAD_EXTENSION) {
        return load_fail(e->load, E_NOTSUP, "no note %s: not an extension of a kernel",
                         NOTE_SECTION);
    }
    if (!found) {
        return load_fail(e->load, E_NOTSUP, "no note %s: %suse the flags in %s/cflags.%s",
                         NOTE_SECTION, is_driver(e) ? "" : "include halyard.h and ",
                         flags_folder(e), e->load->backend->name);
    }
    if (is_driver(e) && e->load->driver.name[0] == 0) {
        return load_fail(e->load, E_NOTSUP, "note: it names no driver: DRIVER_MODULE() is missing");
    }
    return OK;
}
