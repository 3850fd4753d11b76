// SPDX-License-Identifier: MIT
//
// The image as a UEFI application: collect the firmware's data, allocate a place for the kernel,
// end boot services, copy the image there, and enter it as a Linux loader would (entry.S,
// entry_from_efi). Nothing is interpreted here; boot/efi.h does that, with the MMU off, where
// errors can be reported.
//
// This code runs where the firmware loaded it, aligned to a page at best, with the firmware's
// tables, stack and caches. So code and data are reached PC-relative (machine.cmake lists this file
// among those whose objects are checked). Nothing static is written, because the image is copied
// from here.
#include "arch/aarch64/efi.h"

#include "arch/aarch64/cache.h"
#include "hal/layout.h"
#include "hal_arch/sysreg.h"
#include "kernel/lib/string.h"

#define IMAGE_ALIGN  ((uint64_t)2 << 20) /* required by early.c */
#define EARLY_WINDOW ((uint64_t)1 << 30) /* early.c maps this much around the image */

static const struct efi_guid loaded_image_guid = {
    0x5b1b31a1, 0x9562, 0x11d2, {0x8e, 0x3f, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b}};
static const struct efi_guid graphics_guid = {
    0x9042a9de, 0x23dc, 0x4a38, {0x96, 0xfb, 0x7a, 0xde, 0xd0, 0x80, 0x51, 0x6a}};

static const struct efi_guid rng_guid = {
    0x3152bca5, 0xeade, 0x433d, {0x86, 0x2e, 0xc0, 0x1c, 0xdc, 0x29, 0x1f, 0x44}};

/* 12.9.2 */
struct graphics {
    void *query_mode, *set_mode, *blt;
    const struct graphics_mode {
        uint32_t mode_count, mode;
        const struct graphics_info {
            uint32_t version, width, height, format;
            uint32_t red_mask, green_mask, blue_mask, reserved_mask;
            uint32_t pixels_per_line;
        } * info;
        uint64_t info_size;
        uint64_t base, size;
    } * mode;
};

/* Until boot services end, there is a console, and the firmware can try another boot option. */
static efi_status_t give_up(const struct efi_system_table *system, const uint16_t *why)
{
    static const uint16_t name[] = u"Halyard: ";
    static const uint16_t end[] = u"\r\n";
    struct efi_text_output *console = system->console;
    if (console != NULL) {
        (void)console->output_string(console, name);
        (void)console->output_string(console, why);
        (void)console->output_string(console, end);
    }
    return EFI_LOAD_ERROR;
}

uint64_t efi_allocate(const struct efi *efi, uint64_t bytes)
{
    uint64_t address = 0;
    uint64_t pages = (bytes + PAGE_SIZE - 1) >> PAGE_SHIFT;
    if (efi->boot->allocate_pages(EFI_ANY_PAGES, EFI_LOADER_DATA, pages, &address) != EFI_OK) {
        return 0;
    }
    return address;
}

/* ---- The firmware's data ---- */

static void find_screen(const struct efi *efi, struct boot_efi_screen *out)
{
    void *found;
    if (efi->boot->locate_protocol(&graphics_guid, NULL, &found) != EFI_OK) {
        return;
    }
    const struct graphics_mode *mode = ((const struct graphics *)found)->mode;
    if (mode == NULL || mode->info == NULL) {
        return;
    }
    out->present = mode->base != 0;
    out->base = mode->base;
    out->size = mode->size;
    out->width = mode->info->width;
    out->height = mode->info->height;
    out->pixels_per_line = mode->info->pixels_per_line;
    out->format = mode->info->format;
    out->red_mask = mode->info->red_mask;
    out->green_mask = mode->info->green_mask;
    out->blue_mask = mode->info->blue_mask;
}

static void find_time(const struct efi *efi, struct boot_efi_time *out)
{
    struct efi_time t;
    if (efi->system->runtime->get_time(&t, NULL) != EFI_OK) {
        return;
    }
    out->year = t.year;
    out->month = t.month;
    out->day = t.day;
    out->hour = t.hour;
    out->minute = t.minute;
    out->second = t.second;
    out->zone_minutes = t.zone;
}

/* By the firmware's default algorithm. Not every firmware has the protocol. */
static void find_seed(const struct efi *efi, struct boot_efi *out)
{
    void *found;
    if (efi->boot->locate_protocol(&rng_guid, NULL, &found) != EFI_OK) {
        return;
    }
    struct efi_rng *rng = found;
    if (rng->get_rng(rng, NULL, sizeof(out->seed), out->seed) == EFI_OK) {
        out->seed_len = sizeof(out->seed);
    }
}

/* ---- Memory ---- */

static uint64_t allocate_image(const struct efi *efi, const struct efi_map *map)
{
    uint64_t place;
    uint64_t size = (uint64_t)(__image_end - __image_start);
    if (!efi_choose_place((const uint8_t *)(uintptr_t)map->address, map->size, map->descriptor_size,
                          size, IMAGE_ALIGN, EARLY_WINDOW, &place) ||
        efi->boot->allocate_pages(EFI_AT_ADDRESS, EFI_LOADER_DATA, size >> PAGE_SHIFT, &place) !=
            EFI_OK) {
        return 0;
    }
    return place;
}

/* ---- The kernel ---- */

/* The counter, as entry.S would have read it. */
static uint64_t read_counter(void)
{
    uint64_t at_el2 = UINT64_C(2) << 2;
    return read_currentel() == at_el2 ? read_cntpct_el0() : read_cntvct_el0();
}

/* From here on stores to this memory bypass the caches. */
static _Noreturn void start_kernel(uint64_t place, struct boot_efi *facts, uint64_t counter)
{
    char *copy = (char *)(uintptr_t)place;
    memcpy(copy, __image_start, (size_t)(__data_end - __image_start));
    cache_flush_to_memory(copy, (size_t)(__image_end - __image_start));
    cache_flush_to_memory(facts, sizeof(*facts));
    efi_leave(place + ((uintptr_t)entry_from_efi - (uintptr_t)__image_start), facts, counter);
}

efi_status_t efi_main(efi_handle_t image, const struct efi_system_table *system)
{
    static const uint16_t no_image[] = u"this firmware does not say how it loaded the kernel";
    static const uint16_t no_map[] = u"this firmware gives no memory map";
    static const uint16_t no_memory[] = u"there is not enough free memory in one piece";
    static const uint16_t no_exit[] = u"this firmware does not end its boot services";
    struct efi efi = {.system = system, .boot = system->boot, .image = image};
    void *loaded;
    if (efi.boot->handle_protocol(image, &loaded_image_guid, &loaded) != EFI_OK) {
        return give_up(system, no_image);
    }
    efi.loaded = loaded;

    struct boot_efi *facts = (struct boot_efi *)(uintptr_t)efi_allocate(&efi, sizeof(*facts));
    if (facts == NULL) {
        return give_up(system, no_memory);
    }
    memset(facts, 0, sizeof(*facts));
    efi_find_files(&efi, facts);
    find_screen(&efi, &facts->screen);
    find_time(&efi, &facts->time);
    find_seed(&efi, facts);

    struct efi_map map;
    if (!efi_open_map(&efi, &map)) {
        return give_up(system, no_map);
    }
    uint64_t place = allocate_image(&efi, &map);
    if (place == 0) {
        return give_up(system, no_memory);
    }
    facts->vendor = (uintptr_t)system->vendor;
    if (!efi_end_boot_services(&efi, &map)) {
        return give_up(system, no_exit);
    }
    uint64_t counter = read_counter();
    facts->tables = (uintptr_t)system->tables;
    facts->table_count = system->table_count;
    facts->map = map.address;
    facts->map_size = map.size;
    facts->descriptor_size = map.descriptor_size;
    start_kernel(place, facts, counter);
}
