// SPDX-License-Identifier: MIT
//
// Shared by the files of selection's portable half.
#pragma once

#include "kernel/jit/codegen/select.h"

/** @brief Fill the parts of a selector that do not change while it works: control flow, which
 * parameters equal one value, which values are needed and how often they are used, slots, block
 * numbers; and create the blocks. @return OK, E_NOMEM, E_OVERFLOW; E_NOTSUP: a loop has more than
 * one entry. */
enum status select_prepare(struct selector *s);

/** @brief Whether an edge between the two blocks is critical and needs a block of its own. */
bool select_is_critical(const struct selector *s, uint32_t from, uint32_t to);

static inline uint32_t select_same(const struct selector *s, uint32_t value)
{
    return s->values[value].same;
}
