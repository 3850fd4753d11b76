// SPDX-License-Identifier: MIT
//
// A .NET assembly's file: the PE envelope, the streams and the tables of its metadata (ECMA-335
// II.22 to II.25). Loading checks every offset, size and index of every row once; afterwards the
// functions here cannot fail. What rows mean (types, members, code) is not here.
#pragma once

#include "kernel/cil/front/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bytes inside the file. */
struct cil_bytes {
    const uint8_t *at;
    uint32_t len;
};

/** The tables, by number: CIL_TYPE_DEF = 2. */
enum cil_table_number {
#define TABLE(number, name, text, sorted_by) CIL_##name = (number),
#define COLUMN(table, name, text, kind)
#define END
#include "kernel/cil/front/tables.def"
#undef TABLE
#undef COLUMN
#undef END
    CIL_TABLES
};

/* The columns of each table, from 0: enum cil_TYPE_DEF_column { CIL_TYPE_DEF_FLAGS ... }. */
#define TABLE(number, name, text, sorted_by)                                                       \
    enum cil_##name##_column                                                                       \
    {
#define COLUMN(table, name, text, kind) CIL_##table##_##name,
#define END                                                                                        \
    }                                                                                              \
    ;
#include "kernel/cil/front/tables.def"
#undef TABLE
#undef COLUMN
#undef END

#define CIL_COLUMNS_MAX  9
#define CIL_USER_STRINGS 0x70 /* as the table of a token: an offset in the #US heap */

/** A token: a table's number in the upper byte, below it a row from 1; row 0 is null. */
#define CIL_TOKEN(table, row)  ((uint32_t)(table) << 24 | (row))
#define CIL_TOKEN_TABLE(token) ((token) >> 24)
#define CIL_TOKEN_ROW(token)   ((token)&0xffffffu)

/** A table as it is in the file: rows of equal size, columns of 2 or 4 bytes. */
struct cil_table {
    const uint8_t *rows;
    uint32_t count;
    uint8_t row_bytes, columns;
    uint8_t at[CIL_COLUMNS_MAX], width[CIL_COLUMNS_MAX]; /* in bytes, by column */
};

/** A section of the file: where its bytes are once it is mapped, and in the file. */
struct cil_section {
    uint32_t rva, bytes, offset;
};

#define CIL_SECTIONS_MAX 96
#define CIL_NAME_MAX     64

struct cil_image {
    char name[CIL_NAME_MAX]; /* for messages: the file's name */
    struct cil_bytes file;   /* the owner keeps it while the image is in use */
    struct cil_section sections[CIL_SECTIONS_MAX];
    uint32_t section_count;
    bool is_pe32_plus;
    uint32_t flags;       /* of the CLI header */
    uint32_t entry_point; /* token of Main, or of the file that contains it; 0: a library */
    struct cil_bytes resources;
    struct cil_bytes metadata;
    char version[32]; /* of the metadata's format, printable: "v4.0.30319" */
    struct cil_bytes strings, user_strings, blobs, guids;
    bool is_uncompressed; /* the stream is #-: pointer tables may occur */
    struct cil_table tables[CIL_TABLES];
};

/**
 * @brief Parse and check a file.
 * @param name For messages; it is copied, shortened and made printable.
 * @param file Must stay as long as the image.
 * @param out The image. It owns nothing, and is not to be used unless the result is OK: it is
 * filled in place, because it is too large for the stack.
 * @return OK; E_FORMAT: no PE file, or one without .NET metadata; E_CORRUPT: inconsistent;
 * E_NOTSUP: native code in it, or a format that is not supported; E_OVERFLOW: larger than 1 GiB.
 * @context{any}
 */
enum status cil_image_load(const char *name, struct cil_bytes file, struct cil_image *out,
                           struct cil_error *err);

/** @brief The contents of a cell. @param row  From 1; must exist. @context{any} */
uint32_t cil_cell(const struct cil_image *m, unsigned table, uint32_t row, unsigned column);

/** @brief The token in a cell with a coded index; row 0: null. @context{any} */
uint32_t cil_cell_token(const struct cil_image *m, unsigned table, uint32_t row, unsigned column);

/** @brief The string in a cell: foreign bytes, which may be neither UTF-8 nor printable.
 * @context{any} */
const char *cil_cell_string(const struct cil_image *m, unsigned table, uint32_t row,
                            unsigned column);

/** @brief The contents of the blob in a cell. @context{any} */
struct cil_bytes cil_cell_blob(const struct cil_image *m, unsigned table, uint32_t row,
                               unsigned column);

/** Rows first to end - 1 of a table, which belong to a row of another. */
struct cil_run {
    uint32_t first, end;
};

/** @brief The rows of a column of kind LIST: a type's fields, say. With a pointer table between,
 * cil_run_row() finds the row that each one stands for. @context{any} */
struct cil_run cil_cell_run(const struct cil_image *m, unsigned table, uint32_t row,
                            unsigned column);
uint32_t cil_run_row(const struct cil_image *m, unsigned target, uint32_t at);

/**
 * @brief Find the rows of a sorted table whose key is a value: a row's attributes, say.
 * @param key As it is in the file: a row, or a coded index (cil_coded()).
 * @context{any}
 */
struct cil_run cil_find_rows(const struct cil_image *m, unsigned table, unsigned column,
                             uint32_t key);

/** @brief Encode a token as a column of coded indices does. @param token  Of a table in its
 * group. @context{any} */
uint32_t cil_coded(unsigned table, unsigned column, uint32_t token);

/** @brief True if a token names a row that exists, of one of the 45 tables. @context{any} */
bool cil_token_exists(const struct cil_image *m, uint32_t token);

/** @brief The name of a table: "TypeDef". @param table  Any; "?" if there is no such table. */
const char *cil_table_name(unsigned table);

/** @brief Characters of a user string, UTF-16 in the file's order. @return false: there is none at
 * this offset. @context{any} */
bool cil_user_string(const struct cil_image *m, uint32_t offset, struct cil_bytes *out);

/** @brief Bytes from a relative virtual address to the end of its section's part of the file.
 * @return false: the address is in no section, or after the part that the file contains. */
bool cil_rva(const struct cil_image *m, uint32_t rva, struct cil_bytes *out);
