// SPDX-License-Identifier: MIT
//
// Checks every cell of every row: each index names a row that exists, each string and blob is in
// its heap, runs do not overlap, and tables are sorted as the standard requires. Nothing after this
// has to check them again.
#include "kernel/cil/front/image_internal.h"

#define GUID_BYTES 16

/* This is the border between foreign bytes and everything else in the front-end. A new table or
 * column in tables.def is checked here by its kind, without a line of its own; a new kind needs a
 * case in check_cell(). The work is linear in the number of cells, and a file has at least 2 bytes
 * for each. Not checked: contents of blobs, which signature.c decodes; UTF-8 of names, which are
 * only compared and made printable; and circles between rows (nesting, parents), which their users
 * limit. */
struct checker {
    const struct cil_image *m;
    struct cil_error *err;
    unsigned table;
    uint32_t row;
    const struct cil_column *column;
};

static enum status complain(const struct checker *c, const char *what, uint32_t value)
{
    c->err->token = CIL_TOKEN(c->table, c->row);
    c->err->offset = (uint32_t)(c->m->tables[c->table].rows - c->m->file.at) +
                     (c->row - 1) * c->m->tables[c->table].row_bytes;
    return cil_complain(c->err, E_CORRUPT, c->m->name, "table %s, row %u, %s: %s 0x%x",
                        cil_table_name(c->table), c->row, c->column->name, what, value);
}

static enum status check_string(const struct checker *c, uint32_t v)
{
    return v < c->m->strings.len ? OK : complain(c, "no string at", v);
}

static enum status check_blob(const struct checker *c, uint32_t v)
{
    struct cil_bytes blob;
    return v == 0 || cil_blob_at(c->m->blobs, v, &blob) ? OK : complain(c, "no blob at", v);
}

static enum status check_index(const struct checker *c, uint32_t v)
{
    return v != 0 && v <= c->m->tables[c->column->target].count ? OK
                                                                : complain(c, "no such row", v);
}

/* Runs of a table's rows follow each other, so the start of each is not before that of the last. */
static enum status check_list(const struct checker *c, unsigned column, uint32_t v)
{
    unsigned target = cil_list_table(c->m, c->column->target);
    if (v == 0 || v > c->m->tables[target].count + 1) {
        return complain(c, "no such row", v);
    }
    if (c->row > 1 && v < cil_cell(c->m, c->table, c->row - 1, column)) {
        return complain(c, "its run starts before that of the row above", v);
    }
    return OK;
}

static enum status check_coded(const struct checker *c, uint32_t v)
{
    uint32_t token;
    if (!cil_decode_index(&cil_groups[c->column->target], v, &token)) {
        return complain(c, "unknown table in", v);
    }
    if (CIL_TOKEN_ROW(token) == 0 && c->column->type == CIL_COLUMN_CODED_OR_NULL) {
        return OK;
    }
    return cil_token_exists(c->m, token) ? OK : complain(c, "no such row", token);
}

static enum status check_cell(const struct checker *c, unsigned column)
{
    uint32_t v = cil_cell(c->m, c->table, c->row, column);
    switch (c->column->type) {
    case CIL_COLUMN_STRING:
        return check_string(c, v);
    case CIL_COLUMN_GUID:
        return v <= c->m->guids.len / GUID_BYTES ? OK : complain(c, "no GUID", v);
    case CIL_COLUMN_BLOB:
        return check_blob(c, v);
    case CIL_COLUMN_INDEX:
        return check_index(c, v);
    case CIL_COLUMN_LIST:
        return check_list(c, column, v);
    case CIL_COLUMN_CODED:
    case CIL_COLUMN_CODED_OR_NULL:
        return check_coded(c, v);
    default:
        return OK;
    }
}

static enum status check_order(struct checker *c)
{
    const struct cil_schema *s = &cil_schemas[c->table];
    if (s->sorted_by == CIL_UNSORTED) {
        return OK;
    }
    c->column = &s->column[s->sorted_by];
    for (c->row = 2; c->row <= c->m->tables[c->table].count; c->row++) {
        uint32_t above = cil_cell(c->m, c->table, c->row - 1, s->sorted_by);
        uint32_t v = cil_cell(c->m, c->table, c->row, s->sorted_by);
        if (v < above) {
            return complain(c, "the table is not sorted by it at", v);
        }
    }
    return OK;
}

static enum status check_table(struct checker *c)
{
    const struct cil_table *t = &c->m->tables[c->table];
    for (c->row = 1; c->row <= t->count; c->row++) {
        for (unsigned n = 0; n < t->columns; n++) {
            c->column = &cil_schemas[c->table].column[n];
            enum status s = check_cell(c, n);
            if (s != OK) {
                return s;
            }
        }
    }
    return check_order(c);
}

/* A pointer table without #- would let two types share a member: the compressed form has none. */
static enum status check_presence(const struct cil_image *m, struct cil_error *err)
{
    static const uint8_t pointers[] = {CIL_FIELD_PTR, CIL_METHOD_PTR, CIL_PARAM_PTR, CIL_EVENT_PTR,
                                       CIL_PROPERTY_PTR};
    for (unsigned n = 0; n < ARRAY_COUNT(pointers); n++) {
        if (!m->is_uncompressed && m->tables[pointers[n]].count != 0) {
            err->token = CIL_TOKEN(pointers[n], 1);
            return cil_complain(err, E_CORRUPT, m->name, "table %s in a stream #~",
                                cil_table_name(pointers[n]));
        }
    }
    if (m->tables[CIL_MODULE].count != 1 || m->tables[CIL_ASSEMBLY].count > 1) {
        return cil_complain(err, E_CORRUPT, m->name, "%u rows of Module and %u of Assembly",
                            m->tables[CIL_MODULE].count, m->tables[CIL_ASSEMBLY].count);
    }
    return OK;
}

enum status cil_check_rows(const struct cil_image *m, struct cil_error *err)
{
    struct checker c = {.m = m, .err = err};
    enum status s = check_presence(m, err);
    for (c.table = 0; s == OK && c.table < CIL_TABLES; c.table++) {
        s = check_table(&c);
    }
    return s;
}
