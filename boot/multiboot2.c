// SPDX-License-Identifier: MIT
//
// Multiboot2 specification 2.0, section 3.6. One pass checks every tag that is used here, a second
// one copies and cannot fail. multiboot2_tags.h walks the tags of the block.
#include "boot/multiboot2.h"

#include "boot/multiboot2_tags.h"
#include "boot/note.h"
#include "boot/ranges.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"

enum {
    TAG_LOADER = 2,
    TAG_MODULE = 3,
    TAG_MEMORY_MAP = 6,
    TAG_FRAMEBUFFER = 8,
    TAG_ACPI_OLD = 14,
    TAG_ACPI_NEW = 15,
    TAG_EFI_MAP = 17,
};

enum {
    MAP_ENTRIES = 16,
    MAP_ENTRY_SIZE = 24,
    EFI_ENTRY_SIZE = 40,
};

static bool has_zero(const struct multiboot2_tag *t, uint32_t from)
{
    for (uint32_t i = from; i < t->size; i++) {
        if (t->bytes[i] == 0) {
            return true;
        }
    }
    return false;
}

static bool is_map_sound(const struct multiboot2_tag *t, uint32_t entry_min)
{
    if (t->size < MAP_ENTRIES) {
        return false;
    }
    uint32_t entry = load_le32(t->bytes + 8);
    return entry >= entry_min && (t->size - MAP_ENTRIES) % entry == 0;
}

static bool is_tag_sound(const struct multiboot2_tag *t)
{
    switch (t->type) {
    case MULTIBOOT2_CMDLINE:
    case TAG_LOADER:
        return has_zero(t, MULTIBOOT2_HEADER_SIZE);
    case TAG_MODULE:
        return t->size > 16 && load_le32(t->bytes + 8) <= load_le32(t->bytes + 12) &&
               has_zero(t, 16);
    case TAG_MEMORY_MAP:
        return is_map_sound(t, MAP_ENTRY_SIZE);
    case TAG_EFI_MAP:
        return is_map_sound(t, EFI_ENTRY_SIZE);
    case TAG_FRAMEBUFFER:
        return t->size >= 32 && (t->bytes[29] != 1 || t->size >= 38);
    case TAG_ACPI_OLD:
        return t->size >= MULTIBOOT2_HEADER_SIZE + 20;
    case TAG_ACPI_NEW:
        return t->size >= MULTIBOOT2_HEADER_SIZE + 36;
    default:
        return true;
    }
}

/* Walks to the end tag once; afterwards multiboot2_read() cannot fail before it. */
static enum status check_tags(const struct multiboot2_block *b, struct boot_info *info)
{
    bool has_map = false;
    struct multiboot2_tag t = {.offset = 0, .size = MULTIBOOT2_HEADER_SIZE};
    do {
        uint32_t offset = multiboot2_after(&t);
        if (!multiboot2_read(b, offset, &t)) {
            boot_note_value(info, "multiboot2: a tag runs past the block's end, at offset", offset);
            return E_CORRUPT;
        }
        if (!is_tag_sound(&t)) {
            boot_note_value(info, "multiboot2: malformed tag of type", t.type);
            return E_CORRUPT;
        }
        has_map = has_map || t.type == TAG_MEMORY_MAP || t.type == TAG_EFI_MAP;
    } while (t.type != MULTIBOOT2_END);

    if (!has_map) {
        boot_note(info, "multiboot2: no memory map");
        return E_NOENT;
    }
    return OK;
}

/* UEFI specification, "Memory Type Usage after
 * ExitBootServices()": GRUB has called that function. */
static enum boot_range_kind efi_kind(uint32_t type)
{
    switch (type) {
    case 1: /* loader code and data, boot services code and data, conventional */
    case 2:
    case 3:
    case 4:
    case 7:
        return BOOT_RAM;
    case 8:
        return BOOT_BAD;
    case 9:
        return BOOT_ACPI_RECLAIM;
    case 10:
        return BOOT_ACPI_NVS;
    default:
        return BOOT_RESERVED;
    }
}

static void add_bios_map(struct boot_info *info, const struct multiboot2_tag *t)
{
    uint32_t entry = load_le32(t->bytes + 8);
    uint64_t previous = 0;
    for (uint32_t at = MAP_ENTRIES; at < t->size; at += entry) {
        boot_map_add_e820(info, t->bytes + at, &previous);
    }
}

static void add_efi_map(struct boot_info *info, const struct multiboot2_tag *t)
{
    uint32_t entry = load_le32(t->bytes + 8);
    for (uint32_t at = MAP_ENTRIES; at < t->size; at += entry) {
        const uint8_t *e = t->bytes + at;
        uint64_t len;
        if (MUL_OVERFLOWS(load_le64(e + 24), (uint64_t)4096, &len)) {
            len = UINT64_MAX; /* wraps, and will be noted as such */
        }
        boot_map_add(info, load_le64(e + 8), len, efi_kind(load_le32(e)));
    }
}

static void add_modules(struct boot_info *info, const struct multiboot2_block *b)
{
    struct multiboot2_tag t = {.offset = 0, .size = MULTIBOOT2_HEADER_SIZE};
    while (multiboot2_read(b, multiboot2_after(&t), &t) && t.type != MULTIBOOT2_END) {
        if (t.type == TAG_MODULE) {
            uint32_t base = load_le32(t.bytes + 8);
            boot_add_module(info, base, load_le32(t.bytes + 12) - base, t.bytes + 16, t.size - 16);
        }
    }
}

static void set_framebuffer(struct boot_info *info, const struct multiboot2_tag *t)
{
    struct boot_framebuffer fb = {
        .present = true,
        .base = load_le64(t->bytes + 8),
        .pitch_bytes = load_le32(t->bytes + 16),
        .width = load_le32(t->bytes + 20),
        .height = load_le32(t->bytes + 24),
        .bits_per_pixel = t->bytes[28],
        .is_text = t->bytes[29] == 2,
    };
    uint8_t kind = t->bytes[29];
    if (kind == 1) {
        fb.red_shift = t->bytes[32];
        fb.red_bits = t->bytes[33];
        fb.green_shift = t->bytes[34];
        fb.green_bits = t->bytes[35];
        fb.blue_shift = t->bytes[36];
        fb.blue_bits = t->bytes[37];
    }
    /* A text cell has two bytes, whatever the depth field contains. */
    uint64_t row =
        fb.is_text ? (uint64_t)fb.width * 2 : ((uint64_t)fb.width * fb.bits_per_pixel + 7) / 8;
    uint64_t size = (uint64_t)fb.pitch_bytes * fb.height;
    uint64_t end;
    if ((kind != 1 && kind != 2) || row == 0 || size == 0 || row > fb.pitch_bytes ||
        ADD_OVERFLOWS(fb.base, size, &end)) {
        boot_note_value(info, "multiboot2: unusable framebuffer of kind", kind);
        return;
    }
    info->framebuffer = fb;
}

static void use_tag(struct boot_info *info, const struct multiboot2_block *b,
                    const struct multiboot2_tag *t)
{
    switch (t->type) {
    case MULTIBOOT2_CMDLINE:
        if (boot_copy_string(t->bytes + MULTIBOOT2_HEADER_SIZE, t->size - MULTIBOOT2_HEADER_SIZE,
                             info->cmdline, sizeof(info->cmdline))) {
            boot_note(info, "multiboot2: command line too long, cut");
        }
        break;
    case TAG_LOADER:
        (void)boot_copy_string(t->bytes + MULTIBOOT2_HEADER_SIZE, t->size - MULTIBOOT2_HEADER_SIZE,
                               info->loader, sizeof(info->loader));
        break;
    case TAG_MEMORY_MAP:
        add_bios_map(info, t);
        break;
    case TAG_FRAMEBUFFER:
        set_framebuffer(info, t);
        break;
    case TAG_ACPI_OLD:
        if (info->acpi.rsdp == 0) {
            info->acpi.rsdp = b->phys + t->offset + MULTIBOOT2_HEADER_SIZE;
        }
        break;
    case TAG_ACPI_NEW: /* points to the 64-bit table, so it replaces the old one */
        info->acpi.rsdp = b->phys + t->offset + MULTIBOOT2_HEADER_SIZE;
        break;
    default:
        break;
    }
}

static enum status open_block(const struct boot_mem *m, uint64_t phys, struct boot_info *info,
                              struct multiboot2_block *out)
{
    enum status s = multiboot2_open(m, phys, out);
    if (s == E_FORMAT) {
        boot_note_value(info, "multiboot2: impossible block size", out->size);
    } else if (s != OK) {
        boot_note_value(info, "multiboot2: the block runs past readable memory, size", out->size);
    }
    return s == OK ? OK : E_CORRUPT;
}

enum status multiboot2_parse(const struct boot_mem *m, uint64_t mbi_phys, struct boot_info *out)
{
    struct multiboot2_block b;
    enum status s = open_block(m, mbi_phys, out, &b);
    if (s != OK) {
        return s;
    }
    s = check_tags(&b, out);
    if (s != OK) {
        return s;
    }

    out->protocol = BOOT_MULTIBOOT2;
    struct multiboot2_tag t = {.offset = 0, .size = MULTIBOOT2_HEADER_SIZE};
    while (multiboot2_read(&b, multiboot2_after(&t), &t) && t.type != MULTIBOOT2_END) {
        use_tag(out, &b, &t);
    }
    /* The loader made the BIOS-style map from the EFI map,
     * so use the latter only if there is no other. */
    if (!multiboot2_find(&b, TAG_MEMORY_MAP, &t) && multiboot2_find(&b, TAG_EFI_MAP, &t)) {
        add_efi_map(out, &t);
    }
    add_modules(out, &b);
    return OK;
}
