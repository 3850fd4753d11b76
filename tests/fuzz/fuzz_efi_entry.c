// SPDX-License-Identifier: MIT
//
// UEFI firmware whose results are arbitrary bytes, called by AArch64's EFI entry when it looks for
// its command line and its initrd, reads the memory map and exits boot services: another size on
// the second call, more or less data than announced, an error anywhere. The sanitizer checks that
// the results lie inside the allocated memory; every opened file is closed.
#include "arch/aarch64/efi.h"

#include <stdlib.h>
#include <string.h>

enum { MEMORY_MAX = 1 << 16, ALLOCATIONS_MAX = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    const uint8_t *data;
    size_t size;
    void *allocated[ALLOCATIONS_MAX];
    unsigned allocations, opened, closed;
} firmware;

/* 0 after the end of the input. */
static uint8_t next_byte(void)
{
    if (firmware.size == 0) {
        return 0;
    }
    firmware.size--;
    return *firmware.data++;
}

/* Mostly a size that can be allocated; sometimes any number. */
static uint64_t next_size(void)
{
    uint64_t n = next_byte() | (uint64_t)next_byte() << 8;
    if (n == 0xffff) {
        for (unsigned i = 0; i < 8; i++) {
            n = n << 8 | next_byte();
        }
    }
    return n;
}

static efi_status_t next_status(void)
{
    uint8_t b = next_byte();
    return b % 4 != 3 ? EFI_OK : b % 8 != 3 ? EFI_BUFFER_TOO_SMALL : EFI_LOAD_ERROR;
}

/* Firmware may write into the buffer, but not past its end. */
static void fill(void *buffer, uint64_t room)
{
    for (uint64_t i = 0; i < room; i++) {
        ((uint8_t *)buffer)[i] = next_byte();
    }
}

uint64_t efi_allocate(const struct efi *efi, uint64_t bytes)
{
    (void)efi;
    if (bytes == 0) {
        abort();
    }
    if (bytes > MEMORY_MAX || firmware.allocations == ALLOCATIONS_MAX) {
        return 0;
    }
    void *p = malloc(bytes);
    firmware.allocated[firmware.allocations++] = p;
    return (uintptr_t)p;
}

/* ---- Its protocols ---- */

static efi_status_t load(struct efi_load_file *self, const void *path, bool is_boot_policy,
                         uint64_t *size, void *buffer)
{
    (void)self, (void)path, (void)is_boot_policy;
    efi_status_t s = next_status();
    if (buffer != NULL && s == EFI_OK) {
        fill(buffer, *size);
    }
    *size = next_size();
    return s;
}

static efi_status_t open_file(struct efi_file *self, struct efi_file **out, const uint16_t *name,
                              uint64_t mode, uint64_t attributes)
{
    (void)name, (void)mode, (void)attributes;
    efi_status_t s = next_status();
    if (s == EFI_OK) {
        *out = self;
        firmware.opened++;
    }
    return s;
}

static efi_status_t close_file(struct efi_file *self)
{
    (void)self;
    firmware.closed++;
    return next_status();
}

static efi_status_t read_file(struct efi_file *self, uint64_t *size, void *buffer)
{
    (void)self;
    efi_status_t s = next_status();
    fill(buffer, *size);
    if (next_byte() % 4 == 3) {
        *size = next_size();
    }
    return s;
}

static efi_status_t get_info(struct efi_file *self, const struct efi_guid *type, uint64_t *size,
                             void *buffer)
{
    (void)self, (void)type;
    efi_status_t s = next_status();
    memset(buffer, 0, *size);
    ((uint64_t *)buffer)[1] = next_size();
    return s;
}

static struct efi_file the_file = {
    .open = open_file, .close = close_file, .read = read_file, .get_info = get_info};

static efi_status_t open_volume(struct efi_file_system *self, struct efi_file **root)
{
    (void)self;
    return the_file.open(&the_file, root, NULL, 0, 0);
}

static efi_status_t handle_protocol(efi_handle_t handle, const struct efi_guid *protocol,
                                    void **interface)
{
    static struct efi_load_file initrd = {.load = load};
    static struct efi_file_system volume = {.open_volume = open_volume};
    (void)handle;
    *interface = protocol->a == 0x4006c0c1 ? (void *)&initrd : (void *)&volume;
    return next_status();
}

static efi_status_t locate_device_path(const struct efi_guid *protocol, const void **path,
                                       efi_handle_t *device)
{
    (void)protocol, (void)path;
    *device = NULL;
    return next_status();
}

static efi_status_t get_memory_map(uint64_t *size, void *map, uint64_t *key,
                                   uint64_t *descriptor_size, uint32_t *version)
{
    uint64_t room = *size;
    *size = next_size();
    efi_status_t s = next_status();
    if (s == EFI_OK && map != NULL) {
        fill(map, *size < room ? *size : room);
    }
    *key = next_byte();
    *descriptor_size = next_size();
    *version = 1;
    return s;
}

static efi_status_t exit_boot_services(efi_handle_t image, uint64_t key)
{
    (void)image, (void)key;
    return next_byte() % 2 != 0 ? EFI_INVALID_PARAMETER : next_status();
}

/* ---- The results ---- */

static void read_all(uint64_t place, uint64_t size)
{
    static volatile uint8_t sum;
    for (uint64_t i = 0; i < size; i++) {
        sum = (uint8_t)(sum + ((const uint8_t *)(uintptr_t)place)[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct efi_boot_services boot = {.handle_protocol = handle_protocol,
                                                  .locate_device_path = locate_device_path,
                                                  .get_memory_map = get_memory_map,
                                                  .exit_boot_services = exit_boot_services};
    static const uint16_t options[] = u"loglevel=debug";
    memset(&firmware, 0, sizeof(firmware));
    firmware.data = data;
    firmware.size = size;
    bool has_options = (next_byte() & 1) != 0;
    const struct efi_loaded_image image = {.options = has_options ? options : NULL,
                                           .options_size = has_options ? sizeof(options) : 0};
    const struct efi efi = {.boot = &boot, .loaded = &image};
    struct boot_efi out;
    memset(&out, 0, sizeof(out));
    efi_find_files(&efi, &out);
    read_all(out.options, out.options_size);
    read_all(out.initrd, out.initrd_size);
    struct efi_map map;
    if (efi_open_map(&efi, &map)) {
        read_all(map.address, map.size);
        if (efi_end_boot_services(&efi, &map)) {
            read_all(map.address, map.size);
        }
    }
    if (firmware.opened != firmware.closed || (out.initrd == 0) != (out.initrd_size == 0) ||
        (out.initrd_is_empty && out.initrd != 0)) {
        abort();
    }
    while (firmware.allocations > 0) {
        free(firmware.allocated[--firmware.allocations]);
    }
    return 0;
}
