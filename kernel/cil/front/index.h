// SPDX-License-Identifier: MIT
//
// What the tables of one assembly say by themselves, before any other assembly is known: its name,
// its classes by name, and which class each member belongs to. It never changes, so programs share
// the index of a library (run/library.h). What depends on other assemblies is in a domain.
#pragma once

#include "kernel/cil/front/image.h"
#include "kernel/jit/ir.h"

/** All arrays are by row - 1. A row of 0 is none. */
struct cil_index {
    struct cil_image image;
    const char *name; /* from the table Assembly; the file's name if it has none */
    uint16_t version[4];
    uint32_t bucket_mask;
    uint32_t *buckets, *next; /* rows of classes that are not nested, by the hash of their names */
    uint32_t *enclosing;      /* of a nested class: the one around it */
    uint16_t *generic_count;  /* of classes; those of enclosing classes included */
    uint32_t *field_owner, *method_owner; /* the class */
};

/**
 * @brief Load and check a file (cil_image_load()), and make its index.
 * @param name For messages. @param file Must stay as long as the index.
 * @param arena Owns the arrays. @param out Filled in place, and not to be moved. Not to be used
 * unless the result is OK.
 * @return as cil_image_load(); E_NOMEM; E_OVERFLOW: the arena's limit is reached, or a class has
 * too many type parameters; E_CORRUPT: classes contradict each other. The reason is in err.
 * @context{thread}
 */
enum status cil_index_make(const char *name, struct cil_bytes file, struct arena *arena,
                           struct cil_index *out, struct cil_error *err);

/** @brief The row of a class that is not nested. @return 0: there is none. @context{any} */
uint32_t cil_index_find(const struct cil_index *x, const char *space, const char *name);
