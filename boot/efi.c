// SPDX-License-Identifier: MIT
//
// Everything from UEFI firmware except its memory map (boot/efi_map.c).
#include "boot/efi.h"

#include "boot/efi_internal.h"
#include "boot/note.h"
#include "boot/ranges.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

/* A GUID as two little-endian numbers. */
#define GUID_TREE_LOW    UINT64_C(0x41a5f19cb1b621d5) /* b1b621d5-f19c-41a5-830b-d9152c69aae0 */
#define GUID_TREE_HIGH   UINT64_C(0xe0aa692c15d90b83)
#define GUID_ACPI_2_LOW  UINT64_C(0x11d3e4f18868e871) /* 8868e871-e4f1-11d3-bc22-0080c73c8881 */
#define GUID_ACPI_2_HIGH UINT64_C(0x81883cc7800022bc)
#define GUID_ACPI_1_LOW  UINT64_C(0x11d32d88eb9d2d30) /* eb9d2d30-2d88-11d3-9a16-0090273fc14d */
#define GUID_ACPI_1_HIGH UINT64_C(0x4dc13f279000169a)

static void read_tables(const struct boot_mem *m, const struct boot_efi *efi, uint64_t *tree,
                        struct boot_info *info)
{
    enum { ENTRY_SIZE = 24, POINTER = 16, COUNT_MAX = 1024 };
    bool has_acpi_2 = false;
    if (efi->table_count == 0) {
        return;
    }
    const uint8_t *entries = efi->table_count <= COUNT_MAX
                                 ? boot_mem_map(m, efi->tables, efi->table_count * ENTRY_SIZE)
                                 : NULL;
    if (entries == NULL) {
        boot_note_value(info, "efi: unreadable configuration tables, count", efi->table_count);
        return;
    }
    for (uint64_t i = 0; i < efi->table_count; i++) {
        const uint8_t *e = entries + i * ENTRY_SIZE;
        uint64_t low = load_le64(e), high = load_le64(e + 8), address = load_le64(e + POINTER);
        if (low == GUID_TREE_LOW && high == GUID_TREE_HIGH) {
            *tree = address;
        } else if (low == GUID_ACPI_2_LOW && high == GUID_ACPI_2_HIGH) {
            info->acpi.rsdp = address;
            has_acpi_2 = true;
        } else if (low == GUID_ACPI_1_LOW && high == GUID_ACPI_1_HIGH && !has_acpi_2) {
            info->acpi.rsdp = address;
        }
    }
}

/* ---- The command line ---- */

static bool has_initrd(const struct boot_efi *efi)
{
    return efi->initrd_size != 0 || efi->initrd_is_empty;
}

static void drop_initrd_word(char *line)
{
    static const char wanted[] = "initrd=";
    size_t end = 0, word = 0;
    for (; line[end] != '\0'; end++) {
        if (line[end] == ' ') {
            word = end + 1;
        }
    }
    for (size_t i = 0; i < sizeof(wanted) - 1; i++) {
        if (line[word + i] != wanted[i]) {
            return;
        }
    }
    line[word > 0 ? word - 1 : 0] = '\0';
}

static void read_options(const struct boot_mem *m, const struct boot_efi *efi,
                         struct boot_info *info)
{
    bool is_whole = true;
    if (efi->options == 0 || efi->options_size == 0) {
        return;
    }
    if (efi->options_are_wide) {
        is_whole =
            efi_copy_wide(m, efi->options, efi->options_size, info->cmdline, BOOT_CMDLINE_MAX);
    } else {
        uint64_t size = MIN(efi->options_size, (uint64_t)BOOT_CMDLINE_MAX);
        const uint8_t *bytes = boot_mem_map(m, efi->options, size);
        is_whole = bytes != NULL && !boot_copy_string(bytes, size, info->cmdline, BOOT_CMDLINE_MAX);
    }
    if (!is_whole) {
        boot_note(info, "efi: command line too long or unreadable, cut");
    } else if (has_initrd(efi)) {
        drop_initrd_word(info->cmdline);
    }
}

/* ---- The screen ---- */

/* The bits of a mask, which must be contiguous. */
static bool read_mask(uint32_t mask, uint8_t *shift, uint8_t *bits)
{
    uint8_t s = 0, n = 0;
    if (mask == 0) {
        return false;
    }
    while ((mask >> s & 1) == 0) {
        s++;
    }
    while (s + n < 32 && (mask >> (s + n) & 1) != 0) {
        n++;
    }
    *shift = s;
    *bits = n;
    return n == 32 || mask >> s == (UINT32_C(1) << n) - 1;
}

static bool read_colours(const struct boot_efi_screen *screen, struct boot_framebuffer *out)
{
    enum { RED_FIRST = 0, BLUE_FIRST = 1, MASKS = 2 };
    uint32_t red = 0xff, green = 0xff00, blue = 0xff0000;
    if (screen->format == BLUE_FIRST) {
        red = 0xff0000;
        blue = 0xff;
    } else if (screen->format == MASKS) {
        red = screen->red_mask;
        green = screen->green_mask;
        blue = screen->blue_mask;
    } else if (screen->format != RED_FIRST) {
        return false;
    }
    /* The masks together must fill 32 bits: other formats are not supported. */
    return (red & green) == 0 && (red & blue) == 0 && (green & blue) == 0 &&
           (red | green | blue) > UINT32_C(0xffff) &&
           read_mask(red, &out->red_shift, &out->red_bits) &&
           read_mask(green, &out->green_shift, &out->green_bits) &&
           read_mask(blue, &out->blue_shift, &out->blue_bits);
}

static void read_screen(const struct boot_efi_screen *screen, struct boot_info *info)
{
    enum { SIDE_MAX = 32768 };
    struct boot_framebuffer fb = {.base = screen->base,
                                  .width = screen->width,
                                  .height = screen->height,
                                  .bits_per_pixel = 32};
    uint64_t end;
    if (!screen->present) {
        return;
    }
    uint64_t pitch = (uint64_t)screen->pixels_per_line * 4;
    if (fb.base == 0 || fb.base % 4 != 0 || fb.width == 0 || fb.height == 0 ||
        fb.height > SIDE_MAX || screen->pixels_per_line > SIDE_MAX ||
        screen->pixels_per_line < fb.width || pitch * fb.height > screen->size ||
        ADD_OVERFLOWS(fb.base, screen->size, &end) || !read_colours(screen, &fb)) {
        boot_note_value(info, "efi: a screen that cannot be drawn on, at", fb.base);
        return;
    }
    fb.pitch_bytes = (uint32_t)pitch;
    fb.present = true;
    info->framebuffer = fb;
}

/* ---- The time ---- */

static void read_time(const struct boot_efi_time *t, struct boot_info *info)
{
    enum { UNKNOWN_ZONE = 2047, ZONE_MAX = 1440 };
    if (t->year == 0) {
        return;
    }
    bool has_zone = t->zone_minutes != UNKNOWN_ZONE;
    if (t->year < 1970 || t->year > 9998 || t->month < 1 || t->month > 12 || t->day < 1 ||
        t->day > 31 || t->hour > 23 || t->minute > 59 || t->second > 59 ||
        (has_zone && (t->zone_minutes < -ZONE_MAX || t->zone_minutes > ZONE_MAX))) {
        boot_note_value(info, "efi: the clock has no valid time, year", t->year);
        return;
    }
    info->time = (struct boot_time){.present = true,
                                    .year = t->year,
                                    .month = t->month,
                                    .day = t->day,
                                    .hour = t->hour,
                                    .minute = t->minute,
                                    .second = t->second,
                                    .zone_minutes = has_zone ? t->zone_minutes : (int16_t)0};
}

/* ---- The seed ---- */

static void read_seed(const struct boot_efi *efi, struct boot_info *info)
{
    if (efi->seed_len > sizeof(efi->seed)) {
        boot_note_value(info, "efi: a seed of too many bytes,", efi->seed_len);
        return;
    }
    memcpy(info->seed.bytes, efi->seed, efi->seed_len);
    info->seed.len = efi->seed_len;
    info->seed.sources[BOOT_SEED_FIRMWARE].len = efi->seed_len;
    info->seed.sources[BOOT_SEED_FIRMWARE].at = (uintptr_t)efi->seed;
}

enum status efi_parse(const struct boot_mem *m, const struct boot_efi *efi, uint64_t *tree,
                      struct boot_info *out)
{
    static const uint8_t initrd[] = "initrd";
    static const uint8_t extensions[BOOT_EFI_EXTENSIONS][21] = {"opt/halyard/tools.ko",
                                                                "opt/halyard/ext2w.ko"};
    enum { VENDOR_BYTES_MAX = 2 * sizeof(out->loader) };
    enum status s = efi_read_map(m, efi, out);
    if (s != OK) {
        return s;
    }
    if (boot_total_ram(out) == 0) {
        for (uint32_t i = 0; i < BOOT_MAX_RANGES; i++) {
            out->ranges[i] = (struct boot_range){.len = 0};
        }
        out->range_count = 0;
        boot_note(out, "efi: the memory map names no memory");
        return E_NOENT;
    }
    out->protocol = BOOT_EFI;
    *tree = 0;
    read_tables(m, efi, tree, out);
    read_options(m, efi, out);
    if (efi->vendor != 0) {
        (void)efi_copy_wide(m, efi->vendor, VENDOR_BYTES_MAX, out->loader, sizeof(out->loader));
    }
    if (has_initrd(efi)) {
        boot_add_module(out, efi->initrd, efi->initrd_size, initrd, sizeof(initrd));
    }
    for (uint32_t i = 0; i < BOOT_EFI_EXTENSIONS; i++) {
        const struct boot_efi_file *file = &efi->extensions[i];
        if (file->size != 0) {
            boot_add_module(out, file->at, file->size, extensions[i], sizeof(extensions[i]));
        }
    }
    read_screen(&efi->screen, out);
    read_time(&efi->time, out);
    read_seed(efi, out);
    return OK;
}
