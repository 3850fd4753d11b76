// SPDX-License-Identifier: MIT
//
// Libraries of the folder that all programs may use: each is read and checked once, and programs
// share what does not depend on them. Nothing of a program is here.
#pragma once

#include "kernel/cil/front/index.h"

struct cil_library;

/**
 * @brief Find a library in memory, or load it. It is not charged to a program: memory is freed when
 * it is short and no program uses the library.
 * @param path Absolute. @param name Of the file, for messages.
 * @param size_max Larger files are refused (E_OVERFLOW).
 * @param out Owned by the caller until cil_library_close().
 * @return OK; as vfs_read_file(), with an empty err->text; as cil_index_make().
 * @context{thread, may sleep}
 */
enum status cil_library_open(const char *path, const char *name, size_t size_max,
                             struct cil_library **out, struct cil_error *err);

/** @brief What its tables say; stays until cil_library_close(). @context{any} */
const struct cil_index *cil_library_index(const struct cil_library *l);

/** @context{thread} */
void cil_library_close(struct cil_library *l);
