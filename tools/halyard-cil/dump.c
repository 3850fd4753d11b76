// SPDX-License-Identifier: MIT
//
// Printing the metadata of an assembly.
#include "tools/halyard-cil/tool.h"

#include <stdio.h>
#include <string.h>

/* Names are foreign: no byte of them may control the terminal. */
static void print_name(const char *s)
{
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        putchar(c < ' ' || c == 0x7f ? '?' : c);
    }
}

static void print_version(const struct cil_image *m, unsigned table, uint32_t row, unsigned first)
{
    printf(" %u.%u.%u.%u\n", cil_cell(m, table, row, first), cil_cell(m, table, row, first + 1),
           cil_cell(m, table, row, first + 2), cil_cell(m, table, row, first + 3));
}

static void print_assembly(const struct cil_image *m)
{
    if (m->tables[CIL_ASSEMBLY].count == 1) {
        printf("assembly ");
        print_name(cil_cell_string(m, CIL_ASSEMBLY, 1, CIL_ASSEMBLY_NAME));
        print_version(m, CIL_ASSEMBLY, 1, CIL_ASSEMBLY_MAJOR);
    }
    for (uint32_t row = 1; row <= m->tables[CIL_ASSEMBLY_REF].count; row++) {
        printf("reference ");
        print_name(cil_cell_string(m, CIL_ASSEMBLY_REF, row, CIL_ASSEMBLY_REF_NAME));
        print_version(m, CIL_ASSEMBLY_REF, row, CIL_ASSEMBLY_REF_MAJOR);
    }
}

/* A type's name with its namespace, after the names of the types that it is nested in. The chain
 * may be a circle in a hostile file, so its length is limited. */
static void print_type_name(const struct cil_image *m, uint32_t row, unsigned depth)
{
    struct cil_run r = cil_find_rows(m, CIL_NESTED_CLASS, CIL_NESTED_CLASS_NESTED, row);
    if (r.first != r.end && depth < 100) {
        print_type_name(m, cil_cell(m, CIL_NESTED_CLASS, r.first, CIL_NESTED_CLASS_ENCLOSING),
                        depth + 1);
        putchar('/');
    }
    const char *space = cil_cell_string(m, CIL_TYPE_DEF, row, CIL_TYPE_DEF_NAMESPACE);
    print_name(space);
    if (*space != '\0') {
        putchar('.');
    }
    print_name(cil_cell_string(m, CIL_TYPE_DEF, row, CIL_TYPE_DEF_NAME));
}

static void print_methods(const struct cil_image *m, uint32_t type)
{
    struct cil_run r = cil_cell_run(m, CIL_TYPE_DEF, type, CIL_TYPE_DEF_METHODS);
    for (uint32_t at = r.first; at < r.end; at++) {
        uint32_t row = cil_run_row(m, CIL_METHOD_DEF, at);
        printf("  method %u ", row);
        print_name(cil_cell_string(m, CIL_METHOD_DEF, row, CIL_METHOD_DEF_NAME));
        printf(" flags 0x%x impl 0x%x rva 0x%x\n",
               cil_cell(m, CIL_METHOD_DEF, row, CIL_METHOD_DEF_FLAGS),
               cil_cell(m, CIL_METHOD_DEF, row, CIL_METHOD_DEF_IMPL_FLAGS),
               cil_cell(m, CIL_METHOD_DEF, row, CIL_METHOD_DEF_RVA));
    }
}

static void print_fields(const struct cil_image *m, uint32_t type)
{
    struct cil_run r = cil_cell_run(m, CIL_TYPE_DEF, type, CIL_TYPE_DEF_FIELDS);
    for (uint32_t at = r.first; at < r.end; at++) {
        uint32_t row = cil_run_row(m, CIL_FIELD, at);
        printf("  field %u ", row);
        print_name(cil_cell_string(m, CIL_FIELD, row, CIL_FIELD_NAME));
        printf(" flags 0x%x\n", cil_cell(m, CIL_FIELD, row, CIL_FIELD_FLAGS));
    }
}

static void print_types(const struct cil_image *m)
{
    for (uint32_t row = 1; row <= m->tables[CIL_TYPE_DEF].count; row++) {
        printf("type %u ", row);
        print_type_name(m, row, 0);
        printf(" flags 0x%x extends 0x%08x\n", cil_cell(m, CIL_TYPE_DEF, row, CIL_TYPE_DEF_FLAGS),
               cil_cell_token(m, CIL_TYPE_DEF, row, CIL_TYPE_DEF_EXTENDS));
        print_fields(m, row);
        print_methods(m, row);
    }
}

int tool_dump(const struct cil_image *m)
{
    printf("file %s %s, %u bytes, metadata %s, entry point 0x%08x\n", m->name,
           m->is_pe32_plus ? "PE32+" : "PE32", m->file.len, m->version, m->entry_point);
    print_assembly(m);
    for (unsigned table = 0; table < CIL_TABLES; table++) {
        if (m->tables[table].count != 0) {
            printf("table %s %u\n", cil_table_name(table), m->tables[table].count);
        }
    }
    print_types(m);
    return 0;
}
