// SPDX-License-Identifier: MIT
//
// What the two files of selection's portable half share.
#pragma once

#include "kernel/jit/codegen/select.h"

/** @brief Fill everything of a selector that does not change while it works: control flow, what
 * parameters stand for, what is needed and how often it is used, slots, numbers of blocks; and make
 * the blocks. @return OK, E_NOMEM, E_OVERFLOW; E_NOTSUP: a loop that is entered in the middle. */
enum status select_prepare(struct selector *s);

/** @brief Whether an edge between the two needs a block of its own. */
bool select_is_critical(const struct selector *s, uint32_t from, uint32_t to);

static inline uint32_t select_same(const struct selector *s, uint32_t value)
{
    return s->values[value].same;
}
