// SPDX-License-Identifier: MIT
//
// What must hold of a struct boot_info whatever bytes it was made from; shared by unit tests and
// fuzzers.
#pragma once

#include "hal/bootinfo.h"

/** @brief NULL, or which promise of hal/bootinfo.h `info` breaks. */
const char *boot_check_invariants(const struct boot_info *info);

/** @brief Whether nothing but notes was written, and at least one note. */
bool boot_check_only_notes(const struct boot_info *info);

/** @brief Whether a note begins with `text`. */
bool boot_check_has_note(const struct boot_info *info, const char *text);
