// SPDX-License-Identifier: MIT
//
// The boot information of Xen's PVH protocol, which QEMU uses for `-kernel`. The machine has the
// ELF note.
#pragma once

#include "boot/mem.h"
#include "hal/bootinfo.h"

/** First word of the structure that EBX points to. */
#define PVH_START_MAGIC 0x336ec578u
#define PVH_START_SIZE  56 /* bytes */
#define PVH_CMDLINE_AT  24 /* 8 bytes: physical address of the command line, 0 = none */

/**
 * @brief Copy information from a PVH loader into `out`: command line, modules, memory map, RSDP.
 *
 * Everything is checked before anything is used. Modules are reserved; the structure and the data
 * that it points to need not be. A module without a string is called "initrd".
 * @param start_phys  The loader's value in EBX.
 * @param out         Zeroed by the caller.
 * @return E_FORMAT: there is no start structure. E_NOTSUP: version 0, which has no memory map.
 * E_CORRUPT: it points to memory that cannot be read. E_NOENT: the memory map is empty. In all
 * these cases only a note with the reason has been added to `out`.
 * @context{early}
 */
enum status pvh_parse(const struct boot_mem *m, uint64_t start_phys, struct boot_info *out);
