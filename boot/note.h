// SPDX-License-Identifier: MIT
//
// Oddities that a parser found, kept in boot_info until the log works.
#pragma once

#include "hal/bootinfo.h"

/**
 * @brief Record a note.
 * @param text  "area: what"; copied, cut to BOOT_NOTE_MAX. The last of BOOT_MAX_NOTES only says
 * that there were more.
 * @context{early}
 */
void boot_note(struct boot_info *info, const char *text);

/**
 * @brief Record a note and a number: " 0x" and hexadecimal digits after the text.
 * @context{early}
 */
void boot_note_value(struct boot_info *info, const char *text, uint64_t value);

/** @brief boot_note_value(), unless there is already a note that starts with `text`: for errors
 * that a table could repeat in each of a thousand entries. @context{early} */
void boot_note_once(struct boot_info *info, const char *text, uint64_t value);
