// SPDX-License-Identifier: MIT
//
// All file formats that can be loaded, in the order in which they are tried.
#include "kernel/boot/frontends.h"

#include "kernel/lib/endian.h"
#include "kernel/load/bytecode/bytecode_format.h"
#include "kernel/load/elf/elf.h"
#include "kernel/wasm/run/wasm_program.h"

/* Native programs and drivers. */
const struct front_end *const loader_front_ends[] = {
    &elf_front_end,
    NULL,
};

/* Programs that are compiled here. Tried before the others. */
static const struct bytecode_format *const bytecode_formats[] = {
    &wasm_format,
    NULL,
};

/* A PE file with a CLI header (ECMA-335 II.25): the 15th of the header's directories. Those of
 * 64-bit programs start 16 bytes later. */
static bool is_dotnet(const uint8_t *bytes, size_t len)
{
    enum { PE_AT = 0x3c, OPTIONAL = 24, DIRECTORIES = 96, PE32_PLUS = 0x20b, CLI = 14 };
    if (len < 64 || bytes[0] != 'M' || bytes[1] != 'Z') {
        return false;
    }
    size_t at = load_le32(bytes + PE_AT);
    if (at > len || len - at < OPTIONAL + DIRECTORIES + 16 + 16 * 8 || bytes[at] != 'P' ||
        bytes[at + 1] != 'E') {
        return false;
    }
    const uint8_t *optional = bytes + at + OPTIONAL;
    const uint8_t *directories =
        optional + DIRECTORIES + (load_le16(optional) == PE32_PLUS ? 16 : 0);
    return load_le32(directories + CLI * 8) != 0;
}

/* Formats whose front-ends are extensions of the kernel, loaded when they are needed. */
static const struct load_on_demand on_demand[] = {
    {".NET assemblies", "cil.ko", is_dotnet},
    {NULL, NULL, NULL},
};

const struct load_formats loader_formats = {loader_front_ends, bytecode_formats, on_demand};
