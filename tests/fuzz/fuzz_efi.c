// SPDX-License-Identifier: MIT
//
// Arbitrary bytes as the results of UEFI firmware: the first are the struct that the EFI entry
// fills in; the rest is memory, in which the struct places map, tables, strings and initrd.
#include "boot/efi.h"

#include "fake/boot_check.h"
#include "fake/fake_boot_mem.h"
#include "kernel/lib/compiler.h"

#include <stdlib.h>
#include <string.h>

#define BASE 0x10000
/* Bytes of the struct in the input. */
#define GIVEN ALIGN_UP(offsetof(struct boot_efi, seed_len), 8)
#define ALIGN (UINT64_C(2) << 20)
#define SPAN  (UINT64_C(1) << 30)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_bad_place(uint64_t place)
{
    return place == 0 || place % ALIGN != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct boot_info info;
    struct boot_efi efi;
    memset(&info, 0, sizeof(info));
    memset(&efi, 0, sizeof(efi));
    /* Only 0 and 1: other values of a bool would be the fuzzer's own mistake. */
    if (size < GIVEN) {
        return 0;
    }
    memcpy(&efi, data, offsetof(struct boot_efi, options_are_wide));
    efi.options_are_wide = (data[offsetof(struct boot_efi, options_are_wide)] & 1) != 0;
    efi.initrd_is_empty = (data[offsetof(struct boot_efi, options_are_wide)] & 2) != 0;
    size_t rest = offsetof(struct boot_efi, initrd);
    memcpy((uint8_t *)&efi + rest, data + rest, offsetof(struct boot_efi, screen) - rest);
    rest = offsetof(struct boot_efi, screen.base);
    memcpy((uint8_t *)&efi + rest, data + rest, offsetof(struct boot_efi, seed_len) - rest);
    efi.seed_len = (uint32_t)(size % (BOOT_EFI_SEED + 2));
    efi.screen.present = true;
    data += GIVEN;
    size -= GIVEN;

    struct fake_boot_mem f;
    fake_boot_mem_init(&f);
    fake_boot_mem_add(&f, BASE, data, size);
    uint64_t tree, place;
    enum status s = efi_parse(&f.mem, &efi, &tree, &info);
    fake_boot_mem_release(&f);
    if ((s != OK && !boot_check_only_notes(&info)) || boot_check_invariants(&info) != NULL) {
        abort();
    }
    if (efi_choose_place(data, efi.map_size < size ? efi.map_size : size, efi.descriptor_size,
                         ALIGN, ALIGN, SPAN, &place) &&
        is_bad_place(place)) {
        abort();
    }
    return 0;
}
