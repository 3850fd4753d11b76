// SPDX-License-Identifier: MIT
//
// Shared by the files of the EFI entry: definitions of UEFI's tables. Only functions that are
// called have names, the rest is padding. Offsets are for 64-bit machines; section numbers refer to
// the UEFI specification 2.10.
#pragma once

#include "boot/efi.h"
#include "kernel/lib/compiler.h"

#include <stddef.h>

typedef uint64_t efi_status_t;
typedef void *efi_handle_t;

#define EFI_OK                0
#define EFI_LOAD_ERROR        (UINT64_C(1) << 63 | 1)
#define EFI_INVALID_PARAMETER (UINT64_C(1) << 63 | 2)
#define EFI_BUFFER_TOO_SMALL  (UINT64_C(1) << 63 | 5)

/* EFI_ALLOCATE_TYPE and EFI_MEMORY_TYPE (7.2.1) */
enum { EFI_ANY_PAGES = 0, EFI_AT_ADDRESS = 2 };
enum { EFI_LOADER_DATA = 2 };

struct efi_guid {
    uint32_t a;
    uint16_t b, c;
    uint8_t d[8];
};

/* 4.4, 4.2.1 */
struct efi_boot_services {
    uint8_t before_allocate_pages[40];
    efi_status_t (*allocate_pages)(uint32_t how, uint32_t type, uint64_t pages, uint64_t *address);
    void *free_pages;
    efi_status_t (*get_memory_map)(uint64_t *size, void *map, uint64_t *key,
                                   uint64_t *descriptor_size, uint32_t *version);
    uint8_t before_handle_protocol[88];
    efi_status_t (*handle_protocol)(efi_handle_t handle, const struct efi_guid *protocol,
                                    void **interface);
    uint8_t before_locate_device_path[24];
    efi_status_t (*locate_device_path)(const struct efi_guid *protocol, const void **path,
                                       efi_handle_t *device);
    uint8_t before_exit_boot_services[40];
    efi_status_t (*exit_boot_services)(efi_handle_t image, uint64_t key);
    uint8_t before_locate_protocol[80];
    efi_status_t (*locate_protocol)(const struct efi_guid *protocol, void *registration,
                                    void **interface);
};

STATIC_ASSERT(offsetof(struct efi_boot_services, get_memory_map) == 56, "UEFI 4.4");
STATIC_ASSERT(offsetof(struct efi_boot_services, handle_protocol) == 152, "UEFI 4.4");
STATIC_ASSERT(offsetof(struct efi_boot_services, locate_device_path) == 184, "UEFI 4.4");
STATIC_ASSERT(offsetof(struct efi_boot_services, exit_boot_services) == 232, "UEFI 4.4");
STATIC_ASSERT(offsetof(struct efi_boot_services, locate_protocol) == 320, "UEFI 4.4");

/* 8.3.1 */
struct efi_time {
    uint16_t year;
    uint8_t month, day, hour, minute, second, pad1;
    uint32_t nanosecond;
    int16_t zone;
    uint8_t daylight, pad2;
};

/* 4.5.1 */
struct efi_runtime_services {
    uint8_t before_get_time[24];
    efi_status_t (*get_time)(struct efi_time *time, void *capabilities);
};

/* 12.4 */
struct efi_text_output {
    void *reset;
    efi_status_t (*output_string)(struct efi_text_output *self, const uint16_t *text);
};

/* 37.5.1 */
struct efi_rng {
    void *get_info;
    efi_status_t (*get_rng)(struct efi_rng *self, const struct efi_guid *algorithm, uint64_t bytes,
                            uint8_t *out);
};

/* 4.3.1 */
struct efi_system_table {
    uint8_t header[24];
    const uint16_t *vendor;
    uint8_t before_console[32];
    struct efi_text_output *console;
    uint8_t before_runtime[16];
    const struct efi_runtime_services *runtime;
    const struct efi_boot_services *boot;
    uint64_t table_count;
    const void *tables;
};

STATIC_ASSERT(offsetof(struct efi_system_table, console) == 64, "UEFI 4.3");
STATIC_ASSERT(offsetof(struct efi_system_table, tables) == 112, "UEFI 4.3");

/* 9.1.1 */
struct efi_loaded_image {
    uint8_t before_device[24];
    efi_handle_t device;
    uint8_t before_options[16];
    uint32_t options_size;
    const void *options;
    void *base;
};

STATIC_ASSERT(offsetof(struct efi_loaded_image, options) == 56, "UEFI 9.1");

/* 13.3.1 */
struct efi_load_file {
    efi_status_t (*load)(struct efi_load_file *self, const void *path, bool is_boot_policy,
                         uint64_t *size, void *buffer);
};

/* 13.4.1, 13.5.1 */
struct efi_file {
    uint64_t revision;
    efi_status_t (*open)(struct efi_file *self, struct efi_file **out, const uint16_t *name,
                         uint64_t mode, uint64_t attributes);
    efi_status_t (*close)(struct efi_file *self);
    void *delete;
    efi_status_t (*read)(struct efi_file *self, uint64_t *size, void *buffer);
    void *write, *get_position, *set_position;
    efi_status_t (*get_info)(struct efi_file *self, const struct efi_guid *type, uint64_t *size,
                             void *buffer);
};

struct efi_file_system {
    uint64_t revision;
    efi_status_t (*open_volume)(struct efi_file_system *self, struct efi_file **root);
};

/** Passed between the functions of the entry. */
struct efi {
    const struct efi_system_table *system;
    const struct efi_boot_services *boot;
    efi_handle_t image;
    const struct efi_loaded_image *loaded;
};

/**
 * @brief Allocate pages of a type that is free after boot services end.
 * @param bytes  More than 0.
 * @return 0: no memory.
 * @context{early}
 */
uint64_t efi_allocate(const struct efi *efi, uint64_t bytes);

/**
 * @brief Find command line and initrd.
 *
 * The command line is the one that the image was started with, or else the file \halyard\cmdline on
 * the image's volume. The initrd is the one that firmware offers for Linux's initrd GUID, or else
 * the file \halyard\initrd.
 * @context{early}
 */
void efi_find_files(const struct efi *efi, struct boot_efi *out);

/** The memory map when it was last read. */
struct efi_map {
    uint64_t address, capacity; /* of the buffer, in bytes */
    uint64_t size, key, descriptor_size;
};

/**
 * @brief Allocate a buffer for the map, and read it.
 * @return false: firmware provides no map, or there is no memory for it. Otherwise map->size is at
 * most map->capacity.
 * @context{early}
 */
bool efi_open_map(const struct efi *efi, struct efi_map *map);

/**
 * @brief Read the map again, and end boot services. @return false: firmware refuses.
 * @context{early}
 */
bool efi_end_boot_services(const struct efi *efi, struct efi_map *map);

/* efi_leave.S */
_Noreturn void efi_leave(uintptr_t entry, const struct boot_efi *efi, uint64_t counter);
/* entry.S */
void entry_from_efi(const struct boot_efi *efi, uint64_t counter);
/* Called by the firmware: kernel.lds puts its address in the PE header. */
efi_status_t efi_main(efi_handle_t image, const struct efi_system_table *system);
