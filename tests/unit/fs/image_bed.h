// SPDX-License-Identifier: MIT
//
// For tests of file systems on disks: a temporary folder with images that the host's tools make and
// check, the device that has one of them, and where it is mounted.
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/** The folder, which is the current one of every command. */
extern char image_folder[];

/** @brief Create the folder and the name space, with so many pages of memory. Once.
 * @return 0; otherwise -1, as cmocka wants it. */
int image_set_up(unsigned long pages);
/** @brief Remove the folder. For cmocka's teardown. */
int image_tear_down(void **state);

/** @brief Run a command of the shell there. @return its status. */
[[gnu::format(printf, 1, 2)]] int image_run(const char *fmt, ...);
/** @brief The same; the test ends if it fails. */
[[gnu::format(printf, 1, 2)]] void image_shell(const char *fmt, ...);

/** @brief Put an image on the device, or write the device to a file there. */
void image_load(const char *name);
void image_save(const char *name);

/** @brief Mount the device at /i; count the allocated objects first. The test ends if it fails. */
void image_mount(bool is_writable);
/** @brief Unmount it. Nothing may remain allocated. */
void image_unmount(void);
/** @brief Let e2fsck check the device's contents; its output is shown if there are faults. */
void image_check_clean(void);
