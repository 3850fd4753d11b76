// SPDX-License-Identifier: MIT
//
// EFI_MEMORY_DESCRIPTOR (UEFI 7.2.3): type, physical address, pages, attributes. Descriptors may be
// longer than this, unsorted and overlapping: boot/ranges.h sorts them.
#include "boot/efi_internal.h"

#include "boot/note.h"
#include "boot/ranges.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"

enum {
    TYPE = 0,
    BASE = 8,
    PAGES = 24,
    ATTRIBUTES = 32,
    DESCRIPTOR_MIN = 40,
    DESCRIPTOR_MAX = 1024,
    DESCRIPTORS_MAX = 4096, /* each costs a search through the ranges found so far */
    PAGES_SHIFT = 12,       /* always, whatever page size the CPU uses */
};

enum {
    LOADER_CODE = 1,
    LOADER_DATA = 2,
    BOOT_CODE = 3,
    BOOT_DATA = 4,
    CONVENTIONAL = 7,
    UNUSABLE = 8,
    ACPI_RECLAIM = 9,
    ACPI_NVS = 10,
};

#define ATTRIBUTE_WRITE_BACK       ((uint64_t)1 << 3)
#define ATTRIBUTE_SPECIFIC_PURPOSE ((uint64_t)1 << 18)

static bool is_ordinary(uint64_t attributes)
{
    return (attributes & ATTRIBUTE_WRITE_BACK) != 0 &&
           (attributes & ATTRIBUTE_SPECIFIC_PURPOSE) == 0;
}

static enum boot_range_kind kind_of(uint32_t type, uint64_t attributes)
{
    switch (type) {
    case LOADER_CODE:
    case LOADER_DATA:
    case BOOT_CODE:
    case BOOT_DATA:
    case CONVENTIONAL:
        return is_ordinary(attributes) ? BOOT_RAM : BOOT_RESERVED;
    case ACPI_RECLAIM:
        return is_ordinary(attributes) ? BOOT_ACPI_RECLAIM : BOOT_RESERVED;
    case ACPI_NVS:
        return BOOT_ACPI_NVS;
    case UNUSABLE:
        return BOOT_BAD;
    default:
        return BOOT_RESERVED;
    }
}

static bool is_plausible(uint64_t map_size, uint64_t descriptor_size)
{
    return descriptor_size >= DESCRIPTOR_MIN && descriptor_size <= DESCRIPTOR_MAX &&
           descriptor_size % 8 == 0 && map_size >= descriptor_size &&
           map_size / descriptor_size <= DESCRIPTORS_MAX;
}

/* false: its length in bytes overflows. */
static bool length_of(const uint8_t *descriptor, uint64_t *out)
{
    uint64_t pages = load_le64(descriptor + PAGES);
    if (pages > UINT64_MAX >> PAGES_SHIFT) {
        return false;
    }
    *out = pages << PAGES_SHIFT;
    return true;
}

enum status efi_read_map(const struct boot_mem *m, const struct boot_efi *efi,
                         struct boot_info *info)
{
    uint64_t size = efi->descriptor_size;
    const uint8_t *map =
        is_plausible(efi->map_size, size) ? boot_mem_map(m, efi->map, efi->map_size) : NULL;
    if (map == NULL) {
        boot_note_value(info, "efi: unreadable memory map, descriptor size", size);
        return E_CORRUPT;
    }
    for (uint64_t at = 0; efi->map_size - at >= size; at += size) {
        const uint8_t *d = map + at;
        uint64_t base = load_le64(d + BASE);
        uint64_t len;
        if (!length_of(d, &len)) {
            boot_note_value(info, "efi: memory of impossible length is left out, at", base);
            continue;
        }
        boot_map_add(info, base, len, kind_of(load_le32(d + TYPE), load_le64(d + ATTRIBUTES)));
    }
    return OK;
}

/* Consider the best place in [base, end), which is inside one span; its room is the memory that
 * follows it. */
static void consider(uint64_t base, uint64_t end, uint64_t size, uint64_t align, uint64_t *room,
                     uint64_t *out)
{
    uint64_t at = base;
    if (at == 0) {
        at = align; /* firmware calls refuse address 0, and callers treat it as "none" */
    } else if (ADD_OVERFLOWS(at, align - 1, &at)) {
        return;
    }
    at = ALIGN_DOWN(at, align);
    if (at < end && end - at >= size && end - at > *room) {
        *room = end - at;
        *out = at;
    }
}

bool efi_choose_place(const uint8_t *map, uint64_t map_size, uint64_t descriptor_size,
                      uint64_t size, uint64_t align, uint64_t span, uint64_t *out)
{
    enum { SPANS_MAX = 1024 }; /* of one descriptor: limits the cost of an invalid length */
    uint64_t room = 0;
    if (!is_plausible(map_size, descriptor_size)) {
        return false;
    }
    for (uint64_t at = 0; map_size - at >= descriptor_size; at += descriptor_size) {
        const uint8_t *d = map + at;
        uint64_t base = load_le64(d + BASE);
        uint64_t len, end;
        if (load_le32(d + TYPE) != CONVENTIONAL || !is_ordinary(load_le64(d + ATTRIBUTES)) ||
            !length_of(d, &len) || ADD_OVERFLOWS(base, len, &end)) {
            continue;
        }
        for (unsigned n = 0; base < end && n < SPANS_MAX; n++) {
            uint64_t last = ALIGN_DOWN(base, span) + (span - 1); /* cannot wrap */
            uint64_t stop = last < end - 1 ? last + 1 : end;
            consider(base, stop, size, align, &room, out);
            base = stop;
        }
    }
    return room != 0;
}
