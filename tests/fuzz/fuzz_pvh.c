// SPDX-License-Identifier: MIT
//
// Arbitrary bytes as PVH start structures: either refused with only notes, or
// boot_info keeps its guarantees.
#include "boot/pvh.h"

#include "fake/boot_check.h"
#include "fake/fake_boot_mem.h"

#include <stdlib.h>
#include <string.h>

#define BASE 0x10000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct boot_info info;
    memset(&info, 0, sizeof(info));
    struct fake_boot_mem f;
    fake_boot_mem_init(&f);
    fake_boot_mem_add(&f, BASE, data, size);
    enum status s = pvh_parse(&f.mem, BASE, &info);
    fake_boot_mem_release(&f);
    if ((s != OK && !boot_check_only_notes(&info)) || boot_check_invariants(&info) != NULL) {
        abort();
    }
    return 0;
}
