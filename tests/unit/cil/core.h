// SPDX-License-Identifier: MIT
//
// The smallest core library: the types that signatures abbreviate, and what classes derive from.
#pragma once

#include "kernel/cil/front/domain.h"
#include "tests/unit/cil/image_bytes.h"

/** Rows of TypeDef. <Module> is 1. */
enum {
    CORE_OBJECT = 2,
    CORE_VALUE_TYPE,
    CORE_ENUM,
    CORE_STRING,
    CORE_FIRST_PRIMITIVE,
    CORE_END = 20
};

/** @brief Start an image that is its own core library. The next row of TypeDef is CORE_END. */
void make_core(struct make_image *i);

/** @brief Add a class. @param flags  As in TypeDef. @param parent  Its row in TypeDef; 0: none.
 * Its fields and methods are those that are added after it. @return its row. */
uint32_t make_class(struct make_image *i, const char *name, uint32_t flags, uint32_t parent);

/** @brief Add a field to the last class. @param signature  Its type's bytes. @return its row. */
uint32_t make_field(struct make_image *i, const char *name, const void *type, uint32_t len);

/** @brief Add a static method to the last class. @return its row. */
uint32_t make_method(struct make_image *i, const char *name, const void *signature, uint32_t len,
                     uint32_t rva);
