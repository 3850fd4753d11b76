// SPDX-License-Identifier: MIT
//
// Lines of source files, from the file that `mcs -debug` writes beside an assembly: FILE.exe.mdb, a
// Mono symbol file of version 50. Names of variables and scopes are in it, too, and not read.
#pragma once

#include "kernel/cil/front/image.h"

#define CIL_MVID_BYTES 16u

/** A symbol file. It owns nothing. */
struct cil_symbols {
    struct cil_bytes file;             /* the owner keeps it while this is in use */
    struct cil_bytes methods, sources; /* tables of the file */
    uint32_t line_range;               /* the coding of lines, as the file says */
    int32_t line_base;
    uint8_t opcode_base;
};

/** A line of a source file. */
struct cil_line {
    struct cil_bytes path; /* of the source file: foreign bytes, mostly UTF-8 */
    uint32_t line;         /* from 1 */
};

/**
 * @brief Check the header of a symbol file. The rest is checked when it is read.
 * @param name For messages. @param file Must stay as long as the result.
 * @param mvid CIL_MVID_BYTES: the number of the assembly's build.
 * @return OK; E_FORMAT: no symbol file; E_NOTSUP: of another version; E_UNRESOLVED: of another
 * build; E_CORRUPT: inconsistent. The reason is in err. @context{any}
 */
enum status cil_symbols_open(const char *name, struct cil_bytes file, const uint8_t *mvid,
                             struct cil_symbols *out, struct cil_error *err);

/**
 * @brief Find the line of an instruction. Takes time in proportion to the method's lines, and at
 * most that for 64 KiB of them.
 * @param row Of MethodDef. @param offset Of the instruction in its CIL.
 * @return false: the file does not say, or is wrong there. @context{any}
 */
bool cil_symbols_find(const struct cil_symbols *s, uint32_t row, uint32_t offset,
                      struct cil_line *out);

/** @brief The number of an assembly's build. @return NULL: it has none. @context{any} */
const uint8_t *cil_image_mvid(const struct cil_image *m);
