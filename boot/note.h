// SPDX-License-Identifier: MIT
//
// What a parser found odd, kept in boot_info until the log works.
#pragma once

#include "hal/bootinfo.h"

/**
 * @brief Remember one remark.
 * @param text  "area: what"; copied, cut to BOOT_NOTE_MAX. After BOOT_MAX_NOTES remarks it is
 * dropped.
 * @context{early}
 */
void boot_note(struct boot_info *info, const char *text);

/** @brief Remember one remark and a number: " 0x" and hexadecimal digits after the text.
 * @context{early} */
void boot_note_value(struct boot_info *info, const char *text, uint64_t value);
