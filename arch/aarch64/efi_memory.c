// SPDX-License-Identifier: MIT
//
// Firmware's memory map, until boot services end. The size that firmware reports is trusted only up
// to the size of the buffer.
#include "arch/aarch64/efi.h"

#define MAP_SLACK 4096 /* bytes that the map may grow because of our allocations */
/* a larger size cannot be true: EDK2's map has about 10 KiB */
#define MAP_MAX    ((uint64_t)1 << 20)
#define EXIT_TRIES 8

static efi_status_t get_map(const struct efi *efi, struct efi_map *map)
{
    uint32_t version;
    map->size = map->capacity;
    efi_status_t s = efi->boot->get_memory_map(&map->size, (void *)(uintptr_t)map->address,
                                               &map->key, &map->descriptor_size, &version);
    return s == EFI_OK && map->size > map->capacity ? EFI_LOAD_ERROR : s;
}

/* Allocate memory for the map first, because allocating changes the map. */
bool efi_open_map(const struct efi *efi, struct efi_map *map)
{
    map->address = 0;
    map->capacity = 0;
    if (get_map(efi, map) != EFI_BUFFER_TOO_SMALL || map->size > MAP_MAX) {
        return false;
    }
    map->capacity = map->size + MAP_SLACK;
    map->address = efi_allocate(efi, map->capacity);
    return map->address != 0 && get_map(efi, map) == EFI_OK;
}

/* UEFI 7.4.6: if the map has changed since it was read, read it again; nothing else may be called
 * in between. */
bool efi_end_boot_services(const struct efi *efi, struct efi_map *map)
{
    for (unsigned i = 0; i < EXIT_TRIES; i++) {
        if (get_map(efi, map) != EFI_OK) {
            return false;
        }
        efi_status_t s = efi->boot->exit_boot_services(efi->image, map->key);
        if (s != EFI_INVALID_PARAMETER) {
            return s == EFI_OK;
        }
    }
    return false;
}
