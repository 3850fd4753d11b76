// SPDX-License-Identifier: MIT
//
// Shared by the parts of the loader of files.
#pragma once

#include "kernel/cil/front/bytes.h"
#include "kernel/cil/front/schema.h"

/** @brief Find the streams in m->metadata, and read them. */
enum status cil_read_metadata(struct cil_image *m, struct cil_error *err);

/** @brief Find the tables in the stream of tables. The heaps are known. */
enum status cil_read_tables(struct cil_image *m, struct cil_bytes stream, struct cil_error *err);

/** @brief Check every cell of every row. */
enum status cil_check_rows(const struct cil_image *m, struct cil_error *err);

/** @brief Table and row of a coded index. @return false: the tag is unknown. */
bool cil_decode_index(const struct cil_group *g, uint32_t coded, uint32_t *token);

/** @brief The table that a column of kind LIST counts in: the pointer table, if the file has it. */
unsigned cil_list_table(const struct cil_image *m, unsigned target);

/** @brief The blob at an offset. @return false: it is not inside the heap. */
bool cil_blob_at(struct cil_bytes heap, uint32_t offset, struct cil_bytes *out);
