// SPDX-License-Identifier: MIT
//
// Drivers and extensions that are loaded from files. kernel/load/loader.h turns a file into code,
// device.h binds a driver to devices, additions.h adds commands, file systems and formats.
#pragma once

#include "kernel/io/device.h"
#include "kernel/load/loader.h"
#include "kernel/module/additions.h"

/** Folder of modules given by a bare name; MODULE_SUFFIX is added if missing. */
#define MODULE_FOLDER "/lib/modules/"
#define MODULE_SUFFIX ".ko"

#define MODULE_FILE_MAX ((size_t)16 << 20) /* largest file, in bytes */

/**
 * @brief Load a driver from a file and offer it the devices that have none.
 * @param file A path, or the bare name of a file in MODULE_FOLDER.
 * @param taken Set to the number of devices that it bound and of its additions.
 * @param err Set to the reason on failure.
 * @return OK; E_EXIST: a driver of this name is loaded or built in; errors of loader_load(), of
 *     additions_add() and of reading the file; E_CORRUPT: its struct driver is invalid. On failure
 *     nothing has changed.
 * @context{thread, may sleep}
 */
enum status driver_module_load(const char *file, unsigned *taken, struct loader_error *err);

/** @brief As driver_module_load(), from bytes that are only read during the call.
 * @param path The module's name in messages and debuggers. */
enum status driver_module_load_bytes(const char *path, const void *bytes, size_t len,
                                     unsigned *taken, struct loader_error *err);

/**
 * @brief Unbind a driver from its devices and free everything. Waits for requests in flight, as
 *     long as the driver does.
 * @param name The driver's.
 * @return OK; E_NOENT: no driver of this name is loaded; E_NOTSUP: it is built in, or has
 *     additions; E_BUSY: it is being loaded or unloaded. @context{thread, may sleep}
 */
enum status driver_module_unload(const char *name, struct loader_error *err);

enum driver_module_state { DRIVER_LOADING, DRIVER_LIVE, DRIVER_UNLOADING, DRIVER_LINKED_IN };

/** A row of `modules`. */
struct driver_module_info {
    char name[LOAD_DRIVER_NAME], version[LOAD_DRIVER_VERSION], licence[LOAD_DRIVER_LICENCE];
    enum driver_module_state state;
    size_t code_bytes, data_bytes; /* 0 if built in */
    uint32_t devices, in_flight;
    struct additions_count added;
    char device[24]; /* the first one's name, or "" */
};

/** @brief The i-th driver: the built-in ones, then the loaded ones by age.
 * @return false past the end. @context{thread, may sleep} */
bool driver_module_get_info(uint32_t i, struct driver_module_info *out);
