// SPDX-License-Identifier: MIT
//
// The command line and the initrd, wherever they come from: QEMU's -append and -initrd, a boot
// manager, or files on the volume of the image; and extensions of the kernel, from there.
#include "arch/aarch64/efi.h"

/* These GUIDs are in the sections about the protocols. */
static const struct efi_guid file_system_guid = {
    0x964e5b22, 0x6459, 0x11d2, {0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b}};
static const struct efi_guid file_info_guid = {
    0x09576e92, 0x6d3f, 0x11d2, {0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b}};
static const struct efi_guid load_file_guid = {
    0x4006c0c1, 0xfcb3, 0x403e, {0x99, 0x6d, 0x4a, 0x6c, 0x87, 0x24, 0xe0, 0x6d}};

/* The device path of an initrd (Linux, Documentation/admin-guide/efi-stub.rst): a vendor-defined
 * media node (10.3.5.3) with this GUID, 5568e427-68fc-4f3d-ac74-ca555231cc68, and the end. */
static const uint8_t initrd_path[24] = {
    0x04, 0x03, 20,   0,    0x27, 0xe4, 0x68, 0x55, 0xfc, 0x68, 0x3d, 0x4f,
    0xac, 0x74, 0xca, 0x55, 0x52, 0x31, 0xcc, 0x68, 0x7f, 0xff, 4,    0,
};

#define FILE_MODE_READ 1
/* a larger size cannot be true; it also keeps the number of pages from overflowing */
#define FILE_SIZE_MAX (UINT64_C(1) << 40)

/* ---- An initrd from firmware ---- */

static bool load_initrd(const struct efi *efi, struct boot_efi *out)
{
    const void *path = initrd_path;
    efi_handle_t device;
    void *found;
    uint64_t size = 0;
    if (efi->boot->locate_device_path(&load_file_guid, &path, &device) != EFI_OK ||
        efi->boot->handle_protocol(device, &load_file_guid, &found) != EFI_OK) {
        return false;
    }
    struct efi_load_file *file = found;
    efi_status_t s = file->load(file, path, false, &size, NULL);
    if ((s == EFI_OK || s == EFI_BUFFER_TOO_SMALL) && size == 0) {
        out->initrd_is_empty = true;
        return true;
    }
    if (s != EFI_BUFFER_TOO_SMALL || size > FILE_SIZE_MAX) {
        return false;
    }
    uint64_t room = size, place = efi_allocate(efi, room);
    if (place == 0 || file->load(file, path, false, &size, (void *)(uintptr_t)place) != EFI_OK ||
        size == 0 || size > room) { /* from the second call, which may give a different size */
        return false;
    }
    out->initrd = place;
    out->initrd_size = size;
    return true;
}

/* ---- Files next to the image ---- */

/* EFI_FILE_INFO (13.5.16): FileSize is its second number; the name follows at the end. */
static bool read_size(struct efi_file *file, uint64_t *out)
{
    uint64_t info[64];
    uint64_t size = sizeof(info);
    if (file->get_info(file, &file_info_guid, &size, info) != EFI_OK || info[1] > FILE_SIZE_MAX) {
        return false;
    }
    *out = info[1];
    return true;
}

/* @return true if the file exists, even if it is empty. */
static bool read_file(const struct efi *efi, struct efi_file *root, const uint16_t *name,
                      uint64_t *place, uint64_t *size)
{
    struct efi_file *file;
    if (root->open(root, &file, name, FILE_MODE_READ, 0) != EFI_OK) {
        return false;
    }
    uint64_t wanted = 0;
    bool is_empty = read_size(file, &wanted) && wanted == 0;
    uint64_t read = wanted;
    uint64_t address = wanted != 0 ? efi_allocate(efi, wanted) : 0;
    if (address != 0 && file->read(file, &read, (void *)(uintptr_t)address) == EFI_OK &&
        read == wanted) {
        *place = address;
        *size = wanted;
    }
    (void)file->close(file);
    return is_empty;
}

static struct efi_file *open_volume(const struct efi *efi)
{
    void *found;
    struct efi_file *root;
    if (efi->boot->handle_protocol(efi->loaded->device, &file_system_guid, &found) != EFI_OK) {
        return NULL;
    }
    struct efi_file_system *volume = found;
    return volume->open_volume(volume, &root) == EFI_OK ? root : NULL;
}

/* A text file ends with a newline, the command line does not. */
static void drop_line_end(struct boot_efi *out)
{
    const char *text = (const char *)(uintptr_t)out->options;
    while (out->options_size > 0 &&
           (text[out->options_size - 1] == '\n' || text[out->options_size - 1] == '\r')) {
        out->options_size--;
    }
}

void efi_find_files(const struct efi *efi, struct boot_efi *out)
{
    static const uint16_t cmdline_name[] = u"\\halyard\\cmdline";
    static const uint16_t initrd_name[] = u"\\halyard\\initrd";
    /* in the order of boot/efi.h; no pointers, which would be wrong until the image has moved */
    static const uint16_t extensions[BOOT_EFI_EXTENSIONS][18] = {u"\\halyard\\tools.ko",
                                                                 u"\\halyard\\ext2w.ko"};
    out->options = (uintptr_t)efi->loaded->options;
    out->options_size = efi->loaded->options_size;
    out->options_are_wide = true;
    bool has_options = out->options != 0 && out->options_size >= sizeof(uint16_t);
    bool has_initrd = load_initrd(efi, out);
    struct efi_file *root = open_volume(efi);
    if (root == NULL) {
        return;
    }
    if (!has_options) {
        out->options_are_wide = false;
        out->options_size = 0;
        (void)read_file(efi, root, cmdline_name, &out->options, &out->options_size);
        drop_line_end(out);
    }
    if (!has_initrd) {
        out->initrd_is_empty = read_file(efi, root, initrd_name, &out->initrd, &out->initrd_size);
    }
    for (unsigned i = 0; i < BOOT_EFI_EXTENSIONS; i++) {
        struct boot_efi_file *file = &out->extensions[i];
        (void)read_file(efi, root, extensions[i], &file->at, &file->size);
    }
    (void)root->close(root);
}
