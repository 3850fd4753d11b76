// SPDX-License-Identifier: MIT
//
// What the standard says about the tables: their columns, and the groups of tables that a coded
// index chooses from.
#pragma once

#include "kernel/cil/front/image.h"

/** The kinds of columns. */
enum cil_column_type {
    CIL_COLUMN_U16,
    CIL_COLUMN_U32,
    CIL_COLUMN_STRING,
    CIL_COLUMN_GUID,
    CIL_COLUMN_BLOB,
    CIL_COLUMN_INDEX,
    CIL_COLUMN_LIST,
    CIL_COLUMN_CODED,
    CIL_COLUMN_CODED_OR_NULL,
};

struct cil_column {
    const char *name;
    uint8_t type;   /* enum cil_column_type */
    uint8_t target; /* the table, or the group of coded indices */
};

#define CIL_UNSORTED 0xff

/** What the standard says about a table. */
struct cil_schema {
    const char *name;
    uint8_t sorted_by; /* a column, or CIL_UNSORTED */
    struct cil_column column[CIL_COLUMNS_MAX];
};

extern const struct cil_schema cil_schemas[CIL_TABLES];

#define CIL_GROUP_MAX 22
#define CIL_NO_TABLE  0xff

/** A coded index: the table is in the low bits. */
struct cil_group {
    uint8_t bits, count;
    uint8_t tables[CIL_GROUP_MAX]; /* by tag; CIL_NO_TABLE: not used */
};

extern const struct cil_group cil_groups[];
