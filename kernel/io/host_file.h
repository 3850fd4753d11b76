// SPDX-License-Identifier: MIT
//
// Named files that the host passes to the machine beside its disks, if the machine has a way for
// that (QEMU's fw_cfg). Foreign bytes, like those of a disk.
#pragma once

#include "kernel/lib/status.h"

#include <stddef.h>

/** @brief As host_file_read(); called by one thread at a time. */
typedef enum status (*host_file_reader_fn)(const char *name, size_t limit, void **bytes,
                                           size_t *len);

/** @brief For the driver of such a device. @context{thread, once, before the first read} */
void host_file_set_reader(host_file_reader_fn reader);

/**
 * @brief Read a whole file into a heap block.
 * @param limit Refuse larger files.
 * @return OK; E_NOENT: no such file, or the machine has no such device; E_OVERFLOW; E_NOMEM; errors
 *     of the device. @context{thread, may sleep}
 */
enum status host_file_read(const char *name, size_t limit, void **bytes, size_t *len);
