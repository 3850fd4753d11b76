// SPDX-License-Identifier: MIT
//
// Named files that come with the boot, not on a disk: the host passes them, if the machine has a
// way for that (QEMU's fw_cfg), or the boot loader does, as boot modules of these names. Foreign
// bytes, like those of a disk.
#pragma once

#include "kernel/lib/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct boot_module;

/** The names of all files begin with it. */
#define HOST_FILE_FOLDER "opt/halyard/"

/** @brief As host_file_read(); called by one thread at a time. */
typedef enum status (*host_file_reader_fn)(const char *name, size_t limit, void **bytes,
                                           size_t *len);

/** @brief For the driver of such a device. @context{thread, once, before the first read} */
void host_file_set_reader(host_file_reader_fn reader);

/** @brief Let host_file_read() find these boot modules, too.
 * @param modules They stay. @context{thread, once, before the first read} */
void host_file_set_modules(const struct boot_module *modules, uint32_t count);

/** @brief True if the boot module is such a file. @context{any} */
bool host_file_is_module(const struct boot_module *module);

/**
 * @brief Read a whole file into a heap block. The host's come before the boot loader's.
 * @param limit Refuse larger files.
 * @return OK; E_NOENT: no such file; E_OVERFLOW; E_NOMEM; errors of the device.
 * @context{thread, may sleep}
 */
enum status host_file_read(const char *name, size_t limit, void **bytes, size_t *len);
