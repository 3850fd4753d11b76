// SPDX-License-Identifier: MIT
//
// Drivers that are loaded from files and unloaded again. How a file becomes code is
// kernel/load/loader.h's, how a driver meets devices device.h's.
#pragma once

#include "kernel/io/device.h"
#include "kernel/load/loader.h"

/** Where a bare name is looked up, with MODULE_SUFFIX added if it has none. */
#define MODULE_FOLDER "/lib/modules/"
#define MODULE_SUFFIX ".ko"

#define MODULE_FILE_MAX ((size_t)16 << 20) /* bytes of a module's file */

/**
 * @brief Load a driver from a file and offer it the devices that have none.
 * @param file    A path, or the bare name of a file in MODULE_FOLDER.
 * @param taken   Receives the number of devices that it took.
 * @param err     Receives the reason on failure.
 * @return OK; E_EXIST: a driver of this name is loaded or linked in; what loader_load() and reading
 * the file say; E_CORRUPT: its struct driver makes no sense. On failure nothing has changed.
 * @context{thread, may sleep}
 */
enum status driver_module_load(const char *file, unsigned *taken, struct loader_error *err);

/** @brief As driver_module_load(), from bytes that are read during the call only.
 *  @param path  What the module is called in messages and by debuggers. */
enum status driver_module_load_bytes(const char *path, const void *bytes, size_t len,
                                     unsigned *taken, struct loader_error *err);

/**
 * @brief Take a driver's devices from it and give everything back. Waits for requests in flight, as
 * long as the driver does.
 * @param name  The driver's.
 * @return OK; E_NOENT: none of this name is loaded; E_NOTSUP: it is linked in; E_BUSY: it is being
 * loaded or unloaded. @context{thread, may sleep}
 */
enum status driver_module_unload(const char *name, struct loader_error *err);

enum driver_module_state { DRIVER_LOADING, DRIVER_LIVE, DRIVER_UNLOADING, DRIVER_LINKED_IN };

/** What `modules` shows. */
struct driver_module_info {
    char name[LOAD_DRIVER_NAME], version[LOAD_DRIVER_VERSION], licence[LOAD_DRIVER_LICENCE];
    enum driver_module_state state;
    size_t code_bytes, data_bytes; /* 0 if linked in */
    uint32_t devices, in_flight;
    char device[24]; /* the first one's name, or "" */
};

/** @brief The i-th driver: those that are linked in, then loaded ones by age.
 *  @return false past the end. @context{thread, may sleep} */
bool driver_module_get_info(uint32_t i, struct driver_module_info *out);
