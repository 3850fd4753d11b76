// SPDX-License-Identifier: MIT
#include "tests/unit/cil/image_bytes.h"

#include "kernel/cil/front/schema.h"
#include "kernel/lib/endian.h"

#include <stdlib.h>
#include <string.h>

#define FILE_OFFSET 0x400u /* of the only section */

static void put(struct make_buffer *b, const void *bytes, uint32_t len)
{
    if (b->count + len > b->capacity) {
        b->capacity = 2 * (b->count + len);
        b->at = realloc(b->at, b->capacity);
    }
    memcpy(b->at + b->count, bytes, len);
    b->count += len;
}

static void put_number(struct make_buffer *b, uint64_t v, unsigned width)
{
    uint8_t bytes[8];
    store_le64(bytes, v);
    put(b, bytes, width);
}

static void put_zeros(struct make_buffer *b, uint32_t count)
{
    while (count-- > 0) {
        put_number(b, 0, 1);
    }
}

static void align(struct make_buffer *b)
{
    put_zeros(b, -b->count & 3);
}

static void put_compressed(struct make_buffer *b, uint32_t v)
{
    uint8_t bytes[4];
    if (v < 0x80) {
        put_number(b, v, 1);
    } else if (v < 0x4000) {
        store_be16(bytes, (uint16_t)(v | 0x8000));
        put(b, bytes, 2);
    } else {
        store_be32(bytes, v | 0xc0000000);
        put(b, bytes, 4);
    }
}

void make_start(struct make_image *i)
{
    *i = (struct make_image){.is_pe32_plus = false};
    put_zeros(&i->strings, 1);
    put_zeros(&i->blobs, 1);
    put_zeros(&i->user_strings, 1);
    MAKE_ROW(i, CIL_MODULE, 0, make_string(i, "m.dll"), 1, 0, 0);
    MAKE_ROW(i, CIL_TYPE_DEF, 0, make_string(i, "<Module>"), 0, 0, 1, 1);
}

void make_free(struct make_image *i)
{
    free(i->strings.at);
    free(i->blobs.at);
    free(i->user_strings.at);
    free(i->code.at);
    free(i->file.at);
}

uint32_t make_string(struct make_image *i, const char *s)
{
    uint32_t at = i->strings.count;
    put(&i->strings, s, (uint32_t)strlen(s) + 1);
    return at;
}

uint32_t make_blob(struct make_image *i, const void *bytes, uint32_t len)
{
    uint32_t at = i->blobs.count;
    put_compressed(&i->blobs, len);
    put(&i->blobs, bytes, len);
    return at;
}

uint32_t make_user_string(struct make_image *i, const char *ascii)
{
    uint32_t at = i->user_strings.count;
    put_compressed(&i->user_strings, 2 * (uint32_t)strlen(ascii) + 1);
    for (; *ascii != '\0'; ascii++) {
        put_number(&i->user_strings, (uint8_t)*ascii, 2);
    }
    put_zeros(&i->user_strings, 1);
    return at;
}

uint32_t make_code(struct make_image *i, const void *bytes, uint32_t len)
{
    align(&i->code);
    uint32_t at = i->code.count;
    put(&i->code, bytes, len);
    return MAKE_CODE_RVA + at;
}

uint32_t make_row(struct make_image *i, unsigned table, const uint32_t *cells)
{
    struct make_table *t = &i->tables[table];
    if (t->count == MAKE_ROWS_MAX) {
        abort();
    }
    memcpy(t->cells[t->count], cells, sizeof t->cells[0]);
    return ++t->count;
}

static uint32_t rows_of(const struct make_image *i, unsigned table)
{
    return table == CIL_NO_TABLE ? 0 : i->tables[table].count + i->tables[table].zero_rows;
}

/* The standard's rules for widths, written again: II.24.2.6. */
static unsigned width_of(const struct make_image *i, const struct cil_column *c)
{
    static const uint8_t pointers[CIL_TABLES] = {[CIL_FIELD] = CIL_FIELD_PTR,
                                                 [CIL_METHOD_DEF] = CIL_METHOD_PTR,
                                                 [CIL_PARAM] = CIL_PARAM_PTR,
                                                 [CIL_EVENT] = CIL_EVENT_PTR,
                                                 [CIL_PROPERTY] = CIL_PROPERTY_PTR};
    uint32_t rows = 0, limit = 0xffff;
    switch (c->type) {
    case CIL_COLUMN_U16:
        return 2;
    case CIL_COLUMN_U32:
        return 4;
    case CIL_COLUMN_STRING:
    case CIL_COLUMN_GUID:
    case CIL_COLUMN_BLOB:
        return i->has_large_heaps ? 4 : 2;
    case CIL_COLUMN_LIST:
        if (pointers[c->target] != 0 && rows_of(i, pointers[c->target]) != 0) {
            return rows_of(i, pointers[c->target]) > limit ? 4 : 2;
        }
        return rows_of(i, c->target) > limit ? 4 : 2;
    case CIL_COLUMN_INDEX:
        return rows_of(i, c->target) > limit ? 4 : 2;
    default:
        for (unsigned n = 0; n < cil_groups[c->target].count; n++) {
            uint32_t more = rows_of(i, cil_groups[c->target].tables[n]);
            rows = more > rows ? more : rows;
        }
        return rows > limit >> cil_groups[c->target].bits ? 4 : 2;
    }
}

static void put_table(const struct make_image *i, unsigned table, struct make_buffer *b)
{
    const struct cil_schema *s = &cil_schemas[table];
    for (uint32_t row = 0; row < rows_of(i, table); row++) {
        for (unsigned n = 0; n < CIL_COLUMNS_MAX && s->column[n].name != NULL; n++) {
            uint32_t v = row < i->tables[table].count ? i->tables[table].cells[row][n] : 0;
            put_number(b, v, width_of(i, &s->column[n]));
        }
    }
}

static void put_tables(const struct make_image *i, struct make_buffer *b)
{
    uint64_t valid = 0;
    for (unsigned n = 0; n < CIL_TABLES; n++) {
        valid |= (uint64_t)(rows_of(i, n) != 0) << n;
    }
    put_number(b, 0, 4);
    put_number(b, 2, 2);
    put_number(b, (i->has_large_heaps ? 7 : 0) | (i->has_extra_data ? 0x40 : 0), 1);
    put_number(b, 1, 1);
    put_number(b, valid, 8);
    put_number(b, 0, 8);
    for (unsigned n = 0; n < CIL_TABLES; n++) {
        if (rows_of(i, n) != 0) {
            put_number(b, rows_of(i, n), 4);
        }
    }
    if (i->has_extra_data) {
        put_number(b, 0x12345678, 4);
    }
    for (unsigned n = 0; n < CIL_TABLES; n++) {
        put_table(i, n, b);
    }
    align(b);
}

static void put_metadata(const struct make_image *i, struct make_buffer *b)
{
    static const char *const names[] = {NULL, "#Strings", "#US", "#GUID", "#Blob"};
    struct make_buffer tables = {.at = NULL}, guid = {.at = NULL};
    const struct make_buffer *parts[] = {&tables, &i->strings, &i->user_strings, &guid, &i->blobs};
    put_tables(i, &tables);
    put_zeros(&guid, 16);
    put(b, "BSJB\1\0\1\0\0\0\0\0\14\0\0\0v4.0.30319\0\0\0\0\5\0", 32);
    uint32_t at = 32 + 12 + 20 + 12 + 16 + 16; /* after the list of streams */
    for (unsigned n = 0; n < 5; n++) {
        const char *name = n > 0 ? names[n] : i->is_uncompressed ? "#-" : "#~";
        put_number(b, at, 4);
        put_number(b, parts[n]->count, 4);
        put(b, name, (uint32_t)strlen(name) + 1);
        align(b);
        at += parts[n]->count;
    }
    for (unsigned n = 0; n < 5; n++) {
        put(b, parts[n]->at, parts[n]->count);
    }
    free(tables.at);
    free(guid.at);
}

/* Everything in front of the section's bytes. */
static void put_headers(const struct make_image *i, uint32_t bytes, uint32_t cli,
                        struct make_buffer *b)
{
    uint32_t fixed = i->is_pe32_plus ? 112 : 96;
    put(b, "MZ", 2);
    put_zeros(b, 0x3a);
    put_number(b, 0x40, 4);
    put(b, "PE\0", 4);
    put_number(b, i->is_pe32_plus ? 0x8664 : 0x14c, 2);
    put_number(b, 1, 2);
    put_zeros(b, 12);
    put_number(b, fixed + 128, 2);
    put_number(b, 0x2102, 2);
    put_number(b, i->is_pe32_plus ? 0x20b : 0x10b, 2);
    put_zeros(b, fixed - 6);
    put_number(b, 16, 4);
    put_zeros(b, 14 * 8);
    put_number(b, cli, 4);
    put_number(b, 72, 4);
    put_zeros(b, 8);
    put(b, ".text\0\0\0", 8);
    put_number(b, bytes, 4);
    put_number(b, MAKE_CODE_RVA, 4);
    put_number(b, bytes, 4);
    put_number(b, FILE_OFFSET, 4);
    put_zeros(b, 16);
    put_zeros(b, FILE_OFFSET - b->count);
}

struct cil_bytes make_file(struct make_image *i)
{
    struct make_buffer metadata = {.at = NULL};
    put_metadata(i, &metadata);
    align(&i->code);
    uint32_t cli = MAKE_CODE_RVA + i->code.count;
    i->file.count = 0;
    put_headers(i, i->code.count + 72 + metadata.count, cli, &i->file);
    put(&i->file, i->code.at == NULL ? (uint8_t *)"" : i->code.at, i->code.count);
    put_number(&i->file, 72, 4);
    put_number(&i->file, 0x50002, 4);
    put_number(&i->file, cli + 72, 4);
    put_number(&i->file, metadata.count, 4);
    put_number(&i->file, 1, 4);
    put_number(&i->file, i->entry_point, 4);
    put_zeros(&i->file, 72 - 24);
    put(&i->file, metadata.at, metadata.count);
    free(metadata.at);
    return (struct cil_bytes){i->file.at, i->file.count};
}
