// SPDX-License-Identifier: MIT
#include "tests/unit/cil/core.h"

#include <string.h>

#define SEALED_SEQUENTIAL 0x108

uint32_t make_class(struct make_image *i, const char *name, uint32_t flags, uint32_t parent)
{
    return MAKE_ROW(i, CIL_TYPE_DEF, flags, make_string(i, name), 0, parent << 2,
                    i->tables[CIL_FIELD].count + 1, i->tables[CIL_METHOD_DEF].count + 1);
}

static void name_space(struct make_image *i, uint32_t row, uint32_t space)
{
    i->tables[CIL_TYPE_DEF].cells[row - 1][CIL_TYPE_DEF_NAMESPACE] = space;
}

void make_core(struct make_image *i)
{
    static const char *const primitives[] = {"Void",   "Boolean", "Char",   "SByte",  "Byte",
                                             "Int16",  "UInt16",  "Int32",  "UInt32", "Int64",
                                             "UInt64", "Single",  "Double", "IntPtr"};
    make_start(i);
    MAKE_ROW(i, CIL_ASSEMBLY, 0, 1, 0, 0, 0, 0, 0, make_string(i, "m"), 0);
    uint32_t space = make_string(i, "System");
    make_class(i, "Object", 1, 0);
    make_class(i, "ValueType", 1, CORE_OBJECT);
    make_class(i, "Enum", 1, CORE_VALUE_TYPE);
    make_class(i, "String", 1, CORE_OBJECT);
    for (unsigned n = 0; n < sizeof primitives / sizeof primitives[0]; n++) {
        make_class(i, primitives[n], SEALED_SEQUENTIAL, CORE_VALUE_TYPE);
    }
    for (uint32_t row = CORE_OBJECT; row < CORE_END; row++) {
        name_space(i, row, space);
    }
}

uint32_t make_field(struct make_image *i, const char *name, const void *type, uint32_t len)
{
    uint8_t bytes[100] = {CIL_CONVENTION_FIELD};
    memcpy(bytes + 1, type, len);
    return MAKE_ROW(i, CIL_FIELD, 6, make_string(i, name), make_blob(i, bytes, len + 1));
}

uint32_t make_method(struct make_image *i, const char *name, const void *signature, uint32_t len,
                     uint32_t rva)
{
    return MAKE_ROW(i, CIL_METHOD_DEF, rva, 0, 0x16, make_string(i, name),
                    make_blob(i, signature, len), i->tables[CIL_PARAM].count + 1);
}
