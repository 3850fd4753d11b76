// SPDX-License-Identifier: MIT
//
// Makes assemblies for tests, byte by byte: rows, strings, blobs and code, in any of the forms that
// the format allows.
#pragma once

#include "kernel/cil/front/image.h"

#define MAKE_ROWS_MAX 128

struct make_buffer {
    uint8_t *at;
    uint32_t count, capacity;
};

struct make_table {
    uint32_t cells[MAKE_ROWS_MAX][CIL_COLUMNS_MAX];
    uint32_t count;
    uint32_t zero_rows; /* added after the others, all cells 0: makes indices wide */
};

struct make_image {
    struct make_table tables[CIL_TABLES];
    struct make_buffer strings, blobs, user_strings, code;
    bool is_pe32_plus, is_uncompressed, has_large_heaps, has_extra_data;
    uint32_t entry_point;
    /* Set by make_file(). */
    struct make_buffer file;
};

/** The address of the first byte of code. */
#define MAKE_CODE_RVA 0x2000u

/** @brief Start an image with a module and the type <Module>. */
void make_start(struct make_image *i);
void make_free(struct make_image *i);

/** @brief Add a string, blob or user string. @return its offset in the heap. */
uint32_t make_string(struct make_image *i, const char *s);
uint32_t make_blob(struct make_image *i, const void *bytes, uint32_t len);
uint32_t make_user_string(struct make_image *i, const char *ascii);

/** @brief Append code, aligned to 4. @return its address. */
uint32_t make_code(struct make_image *i, const void *bytes, uint32_t len);

/** @brief Add a row. @param cells  One value for each column. @return the row. */
uint32_t make_row(struct make_image *i, unsigned table, const uint32_t *cells);
#define MAKE_ROW(i, table, ...) make_row(i, table, (const uint32_t[CIL_COLUMNS_MAX]){__VA_ARGS__})

/** @brief Write the file. It may be called again after changes. */
struct cil_bytes make_file(struct make_image *i);
