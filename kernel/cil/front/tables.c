// SPDX-License-Identifier: MIT
//
// The tables as they are in the file: the width of each column, and access to checked cells.
#include "kernel/cil/front/image_internal.h"

/* ---- What the standard says ---- */

/* A constant for each column whether the name of another table or of a group follows: the two
 * namespaces differ by the prefix. */
enum group {
    TYPE_DEF_OR_REF,
    HAS_CONSTANT,
    HAS_CUSTOM_ATTRIBUTE,
    HAS_FIELD_MARSHAL,
    HAS_DECL_SECURITY,
    MEMBER_REF_PARENT,
    HAS_SEMANTICS,
    METHOD_DEF_OR_REF,
    MEMBER_FORWARDED,
    IMPLEMENTATION,
    CUSTOM_ATTRIBUTE_TYPE,
    RESOLUTION_SCOPE,
    TYPE_OR_METHOD_DEF,
};

const struct cil_group cil_groups[] = {
    [TYPE_DEF_OR_REF] = {2, 3, {CIL_TYPE_DEF, CIL_TYPE_REF, CIL_TYPE_SPEC}},
    [HAS_CONSTANT] = {2, 3, {CIL_FIELD, CIL_PARAM, CIL_PROPERTY}},
    [HAS_CUSTOM_ATTRIBUTE] =
        {5, 22, {CIL_METHOD_DEF,        CIL_FIELD,         CIL_TYPE_REF,
                 CIL_TYPE_DEF,          CIL_PARAM,         CIL_INTERFACE_IMPL,
                 CIL_MEMBER_REF,        CIL_MODULE,        CIL_DECL_SECURITY,
                 CIL_PROPERTY,          CIL_EVENT,         CIL_STAND_ALONE_SIG,
                 CIL_MODULE_REF,        CIL_TYPE_SPEC,     CIL_ASSEMBLY,
                 CIL_ASSEMBLY_REF,      CIL_FILE,          CIL_EXPORTED_TYPE,
                 CIL_MANIFEST_RESOURCE, CIL_GENERIC_PARAM, CIL_GENERIC_PARAM_CONSTRAINT,
                 CIL_METHOD_SPEC}},
    [HAS_FIELD_MARSHAL] = {1, 2, {CIL_FIELD, CIL_PARAM}},
    [HAS_DECL_SECURITY] = {2, 3, {CIL_TYPE_DEF, CIL_METHOD_DEF, CIL_ASSEMBLY}},
    [MEMBER_REF_PARENT] =
        {3, 5, {CIL_TYPE_DEF, CIL_TYPE_REF, CIL_MODULE_REF, CIL_METHOD_DEF, CIL_TYPE_SPEC}},
    [HAS_SEMANTICS] = {1, 2, {CIL_EVENT, CIL_PROPERTY}},
    [METHOD_DEF_OR_REF] = {1, 2, {CIL_METHOD_DEF, CIL_MEMBER_REF}},
    [MEMBER_FORWARDED] = {1, 2, {CIL_FIELD, CIL_METHOD_DEF}},
    [IMPLEMENTATION] = {2, 3, {CIL_FILE, CIL_ASSEMBLY_REF, CIL_EXPORTED_TYPE}},
    [CUSTOM_ATTRIBUTE_TYPE] = {3, 4, {CIL_NO_TABLE, CIL_NO_TABLE, CIL_METHOD_DEF, CIL_MEMBER_REF}},
    [RESOLUTION_SCOPE] = {2, 4, {CIL_MODULE, CIL_MODULE_REF, CIL_ASSEMBLY_REF, CIL_TYPE_REF}},
    [TYPE_OR_METHOD_DEF] = {1, 2, {CIL_TYPE_DEF, CIL_METHOD_DEF}},
};

#define TABLE(number, name, text, sorted_by)                                                       \
    enum { CIL_##name##_NONE = CIL_UNSORTED, CIL_##name##_SORT = CIL_##name##_##sorted_by };
#define COLUMN(table, name, text, kind)
#define END
#include "kernel/cil/front/tables.def"
#undef TABLE
#undef COLUMN
#undef END

#define U16                  CIL_COLUMN_U16, 0
#define U32                  CIL_COLUMN_U32, 0
#define STRING               CIL_COLUMN_STRING, 0
#define GUID                 CIL_COLUMN_GUID, 0
#define BLOB                 CIL_COLUMN_BLOB, 0
#define INDEX(table)         CIL_COLUMN_INDEX, CIL_##table
#define LIST(table)          CIL_COLUMN_LIST, CIL_##table
#define CODED(group)         CIL_COLUMN_CODED, group
#define CODED_OR_NULL(group) CIL_COLUMN_CODED_OR_NULL, group

#define TABLE(number, table, text, sorted_by) [number] = {(text), CIL_##table##_SORT, {
#define COLUMN(table, name, text, kind)       {(text), kind},
// clang-format off
#define END }},
// clang-format on
const struct cil_schema cil_schemas[CIL_TABLES] = {
#include "kernel/cil/front/tables.def"
};

static unsigned count_columns(const struct cil_schema *s)
{
    unsigned n = 0;
    while (n < CIL_COLUMNS_MAX && s->column[n].name != NULL) {
        n++;
    }
    return n;
}

const char *cil_table_name(unsigned table)
{
    return table < CIL_TABLES ? cil_schemas[table].name : "?";
}

/* ---- Widths ---- */

/* II.22 and II.24.2.6: a column that names a row has 2 bytes if all row numbers fit, else 4; one
 * that names an offset in a heap follows a bit of the stream's header. These rules depend on the
 * counts of other tables, so read_counts() has to be complete before lay_out() runs. A wrong width
 * moves every later column and table, and cannot be noticed here: rows.c then finds cells that name
 * nothing. */

#define HEAP_STRINGS_LARGE 0x01
#define HEAP_GUIDS_LARGE   0x02
#define HEAP_BLOBS_LARGE   0x04
#define HEAP_EXTRA_DATA    0x40

/* A coded index has 2 bytes if the largest table of its group leaves room for the tag. */
static unsigned coded_width(const struct cil_image *m, const struct cil_group *g)
{
    uint32_t rows = 0;
    for (unsigned n = 0; n < g->count; n++) {
        if (g->tables[n] != CIL_NO_TABLE) {
            rows = MAX(rows, m->tables[g->tables[n]].count);
        }
    }
    return rows < UINT32_C(1) << (16 - g->bits) ? 2 : 4;
}

unsigned cil_list_table(const struct cil_image *m, unsigned target)
{
    static const struct {
        uint8_t target, pointers;
    } pairs[] = {{CIL_FIELD, CIL_FIELD_PTR},
                 {CIL_METHOD_DEF, CIL_METHOD_PTR},
                 {CIL_PARAM, CIL_PARAM_PTR},
                 {CIL_EVENT, CIL_EVENT_PTR},
                 {CIL_PROPERTY, CIL_PROPERTY_PTR}};
    for (unsigned n = 0; n < ARRAY_COUNT(pairs); n++) {
        if (pairs[n].target == target && m->tables[pairs[n].pointers].count != 0) {
            return pairs[n].pointers;
        }
    }
    return target;
}

static unsigned column_width(const struct cil_image *m, struct cil_column c, unsigned heaps)
{
    switch (c.type) {
    case CIL_COLUMN_U16:
        return 2;
    case CIL_COLUMN_U32:
        return 4;
    case CIL_COLUMN_STRING:
        return (heaps & HEAP_STRINGS_LARGE) != 0 ? 4 : 2;
    case CIL_COLUMN_GUID:
        return (heaps & HEAP_GUIDS_LARGE) != 0 ? 4 : 2;
    case CIL_COLUMN_BLOB:
        return (heaps & HEAP_BLOBS_LARGE) != 0 ? 4 : 2;
    case CIL_COLUMN_INDEX:
        return m->tables[c.target].count < 0x10000 ? 2 : 4;
    case CIL_COLUMN_LIST:
        return m->tables[cil_list_table(m, c.target)].count < 0x10000 ? 2 : 4;
    default:
        return coded_width(m, &cil_groups[c.target]);
    }
}

static void lay_out(const struct cil_image *m, unsigned heaps, unsigned number, struct cil_table *t)
{
    const struct cil_schema *s = &cil_schemas[number];
    t->columns = (uint8_t)count_columns(s);
    unsigned at = 0;
    for (unsigned n = 0; n < t->columns; n++) {
        t->at[n] = (uint8_t)at;
        t->width[n] = (uint8_t)column_width(m, s->column[n], heaps);
        at += t->width[n];
    }
    t->row_bytes = (uint8_t)at;
}

/* ---- The stream of tables (II.24.2.6) ---- */

static enum status cut_off(const struct cil_image *m, struct cil_error *err)
{
    return cil_complain(err, E_CORRUPT, m->name, "the stream of tables is cut off");
}

/* The counts come first, because widths depend on those of all tables. */
static enum status read_counts(struct cil_image *m, struct cil_bytes *b, uint64_t valid,
                               struct cil_error *err)
{
    for (unsigned n = 0; n < 64; n++) {
        uint32_t rows;
        if ((valid >> n & 1) == 0) {
            continue;
        }
        if (n >= CIL_TABLES) {
            return cil_complain(err, E_NOTSUP, m->name, "unknown table 0x%x", n);
        }
        if (!cil_u32(b, &rows)) {
            return cut_off(m, err);
        }
        if (rows > 0xffffff) {
            err->token = CIL_TOKEN(n, 0);
            return cil_complain(err, E_CORRUPT, m->name, "table %s has %u rows, more than tokens",
                                cil_table_name(n), rows);
        }
        m->tables[n].count = rows;
    }
    return OK;
}

static enum status place_rows(struct cil_image *m, struct cil_bytes b, unsigned heaps,
                              struct cil_error *err)
{
    for (unsigned n = 0; n < CIL_TABLES; n++) {
        struct cil_table *t = &m->tables[n];
        struct cil_bytes rows;
        lay_out(m, heaps, n, t);
        uint64_t bytes = (uint64_t)t->count * t->row_bytes;
        if (!cil_part(b, 0, bytes, &rows)) {
            err->token = CIL_TOKEN(n, 0);
            return cil_complain(err, E_CORRUPT, m->name,
                                "table %s of %u rows of %u bytes is not inside its stream",
                                cil_table_name(n), t->count, t->row_bytes);
        }
        t->rows = rows.at;
        (void)cil_skip(&b, (uint32_t)bytes); /* cil_part() has compared it */
    }
    return OK;
}

enum status cil_read_tables(struct cil_image *m, struct cil_bytes stream, struct cil_error *err)
{
    uint32_t reserved, extra;
    uint8_t major, minor, heaps, unused;
    uint64_t valid, sorted;
    if (!cil_u32(&stream, &reserved) || !cil_u8(&stream, &major) || !cil_u8(&stream, &minor) ||
        !cil_u8(&stream, &heaps) || !cil_u8(&stream, &unused) || !cil_u64(&stream, &valid) ||
        !cil_u64(&stream, &sorted)) {
        return cut_off(m, err);
    }
    if (major != 2 && major != 1) {
        return cil_complain(err, E_NOTSUP, m->name, "tables of version %u.%u", major, minor);
    }
    enum status s = read_counts(m, &stream, valid, err);
    if (s != OK) {
        return s;
    }
    if ((heaps & HEAP_EXTRA_DATA) != 0 && !cil_u32(&stream, &extra)) {
        return cut_off(m, err);
    }
    return place_rows(m, stream, heaps, err);
}

/* ---- Cells ---- */

/* Nothing here compares a row with the table's count: callers have it from a token that
 * cil_token_exists() has checked, from a cell that rows.c has checked, or from a run. A row number
 * of 0 would read before the table. Cells are read from the file each time, so that its bytes must
 * not change while the image is in use. */

uint32_t cil_cell(const struct cil_image *m, unsigned table, uint32_t row, unsigned column)
{
    const struct cil_table *t = &m->tables[table];
    const uint8_t *p = t->rows + (size_t)(row - 1) * t->row_bytes + t->at[column];
    return t->width[column] == 2 ? load_le16(p) : load_le32(p);
}

bool cil_decode_index(const struct cil_group *g, uint32_t coded, uint32_t *token)
{
    uint32_t tag = coded & ((1u << g->bits) - 1), row = coded >> g->bits;
    if (tag >= g->count || g->tables[tag] == CIL_NO_TABLE || row > 0xffffff) {
        return false;
    }
    *token = CIL_TOKEN(g->tables[tag], row);
    return true;
}

uint32_t cil_cell_token(const struct cil_image *m, unsigned table, uint32_t row, unsigned column)
{
    uint32_t token = 0;
    (void)cil_decode_index(&cil_groups[cil_schemas[table].column[column].target],
                           cil_cell(m, table, row, column), &token); /* checked at loading */
    return token;
}

uint32_t cil_coded(unsigned table, unsigned column, uint32_t token)
{
    const struct cil_group *g = &cil_groups[cil_schemas[table].column[column].target];
    uint32_t tag = 0;
    while (tag + 1 < g->count && g->tables[tag] != CIL_TOKEN_TABLE(token)) {
        tag++;
    }
    return CIL_TOKEN_ROW(token) << g->bits | tag;
}

const char *cil_cell_string(const struct cil_image *m, unsigned table, uint32_t row,
                            unsigned column)
{
    return (const char *)m->strings.at + cil_cell(m, table, row, column);
}

bool cil_blob_at(struct cil_bytes heap, uint32_t offset, struct cil_bytes *out)
{
    uint32_t len;
    struct cil_bytes rest;
    return cil_part(heap, offset, heap.len - MIN(offset, heap.len), &rest) &&
           cil_compressed(&rest, &len) && cil_part(rest, 0, len, out);
}

struct cil_bytes cil_cell_blob(const struct cil_image *m, unsigned table, uint32_t row,
                               unsigned column)
{
    struct cil_bytes blob = {.len = 0};
    uint32_t offset = cil_cell(m, table, row, column);
    if (offset != 0) {
        (void)cil_blob_at(m->blobs, offset, &blob); /* checked at loading */
    }
    return blob;
}

bool cil_user_string(const struct cil_image *m, uint32_t offset, struct cil_bytes *out)
{
    struct cil_bytes blob;
    /* The last byte says whether a character needs more than a comparison of bytes. */
    if (!cil_blob_at(m->user_strings, offset, &blob) || blob.len % 2 != 1) {
        return false;
    }
    return cil_part(blob, 0, blob.len - 1, out);
}

/* The run ends where that of the next row starts. check_list() in rows.c makes that safe: starts
 * never decrease, and are at most one more than the count of rows. */
struct cil_run cil_cell_run(const struct cil_image *m, unsigned table, uint32_t row,
                            unsigned column)
{
    unsigned target = cil_list_table(m, cil_schemas[table].column[column].target);
    uint32_t end = row == m->tables[table].count ? m->tables[target].count + 1
                                                 : cil_cell(m, table, row + 1, column);
    return (struct cil_run){cil_cell(m, table, row, column), end};
}

uint32_t cil_run_row(const struct cil_image *m, unsigned target, uint32_t at)
{
    unsigned table = cil_list_table(m, target);
    return table == target ? at : cil_cell(m, table, at, 0);
}

bool cil_token_exists(const struct cil_image *m, uint32_t token)
{
    unsigned table = CIL_TOKEN_TABLE(token);
    return table < CIL_TABLES && CIL_TOKEN_ROW(token) != 0 &&
           CIL_TOKEN_ROW(token) <= m->tables[table].count;
}

/* The first row whose key is not below `key`. */
static uint32_t lower_bound(const struct cil_image *m, unsigned table, unsigned column,
                            uint64_t key)
{
    uint32_t low = 1, high = m->tables[table].count + 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (cil_cell(m, table, middle, column) < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The rows with a key, by two binary searches. The table must be sorted by that column: tables.def
 * names the one for each table, and check_order() in rows.c has checked it. A search by another
 * column finds nothing reliable, but never leaves the table. */
struct cil_run cil_find_rows(const struct cil_image *m, unsigned table, unsigned column,
                             uint32_t key)
{
    return (struct cil_run){lower_bound(m, table, column, key),
                            lower_bound(m, table, column, (uint64_t)key + 1)};
}
