// SPDX-License-Identifier: MIT
//
// What must hold for a struct boot_info, whatever bytes it was made from;
// shared by unit tests and fuzzers.
#pragma once

#include "hal/bootinfo.h"

/** @brief NULL, or the guarantee of hal/bootinfo.h that `info` violates. */
const char *boot_check_invariants(const struct boot_info *info);

/** @brief True if the parser wrote only notes, and at least one. */
bool boot_check_only_notes(const struct boot_info *info);

/** @brief True if a note starts with `text`. */
bool boot_check_has_note(const struct boot_info *info, const char *text);
