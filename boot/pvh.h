// SPDX-License-Identifier: MIT
//
// The boot information of Xen's PVH protocol, which QEMU speaks for `-kernel`. Its ELF note is the
// machine's.
#pragma once

#include "boot/mem.h"
#include "hal/bootinfo.h"

/** First word of the structure that EBX points at. */
#define PVH_START_MAGIC 0x336ec578u
#define PVH_START_SIZE  56 /* bytes */
#define PVH_CMDLINE_AT  24 /* 8 bytes: physical address of the command line, 0 = none */

/**
 * @brief Copy what a PVH loader says into `out`: command line, modules, memory map, RSDP.
 *
 * Everything is checked before anything is used. Modules become reserved; the structure and what it
 * points at need not be. A module without a string of its own is called "initrd".
 * @param start_phys  What the loader passed in EBX.
 * @param out         Zeroed by the caller.
 * @return E_FORMAT: no start structure there. E_NOTSUP: version 0, which has no memory map.
 *         E_CORRUPT: it points at what cannot be read. E_NOENT: the memory map is empty.
 *         Only a note that says what is wrong has then been added to `out`.
 * @context{early}
 */
enum status pvh_parse(const struct boot_mem *m, uint64_t start_phys, struct boot_info *out);
