// SPDX-License-Identifier: MIT
//
// For tests of file systems on disks: a temporary folder with images that the host's tools make and
// check, the device that has one of them, and where it is mounted.
#pragma once

#include "kernel/lib/status.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
/** @brief Let e2fsck, or fsck.fat, check the device's contents; its output is shown if there are
 * faults. */
void image_check_clean(void);
void image_check_fat(void);

/** @brief Create a file with a text, or replace it. @return as vfs_open() and file_write(). */
enum status image_write_text(const char *path, const char *text);
/** @brief A file has exactly this text. */
void image_expect_text(const char *path, const char *text);

/** @brief What is free on the disk at /i. */
uint64_t image_free_bytes(void);
/** @brief The disk is closed, and what was allocated since image_mount() is freed. */
void image_expect_freed(void);
