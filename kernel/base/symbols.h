// SPDX-License-Identifier: MIT
//
// Names for the kernel's own code addresses. scripts/lib/symbols.py generates the table from the
// linked ELF; a second link that moves no code puts it into .rodata. The encoding is described
// there and in symbols.c only.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Position in each part of the table of the first of a group of functions. */
struct symbol_mark {
    uint32_t start; /**< offset of its code from the table's base */
    uint32_t sizes; /**< offset into sizes */
    uint32_t names; /**< number of its first code in names */
    uint32_t lines; /**< bit offset into line_bits */
};

/** Functions by address, and the source lines of their instructions. All arrays are in .rodata. */
struct symbol_table {
    uint64_t base;  /**< address to which offsets are relative */
    uint32_t count; /**< functions; 0: the table is empty */
    uint32_t unit;  /**< unit of addresses in bytes: 1 or 4 */
    uint32_t file_count;
    uint32_t name_codes;             /**< codes in names */
    uint32_t final_code;             /**< codes from this one on, and 0, end a string */
    const struct symbol_mark *marks; /**< for each group, ascending, and one for the end of all */
    const uint8_t *sizes;     /**< for each function a varint: units from its start to the next's */
    const uint8_t *names;     /**< of the functions, then paths of the files, compressed */
    const uint8_t *pairs;     /**< the two codes of each code that is not a character */
    const uint8_t *line_bits; /**< the rows of each group, one after the other */
    const uint8_t *codes[3];  /**< the Huffman codes of the rows */
};

#define KERNEL_IDENTITY 16 /* bytes */

/** Identifies this kernel: a hash over its code, constants and symbols; generated. Files linked
 * against its addresses carry the same value (scripts/lib/extension.py). */
extern const uint8_t kernel_identity[KERNEL_IDENTITY];

/** The kernel's own table; generated. */
extern const struct symbol_table kernel_symbols;

#define SYMBOL_NAME_MAX 64 /* bytes, with the zero; a longer name is cut */

struct symbol_info {
    char name[SYMBOL_NAME_MAX];
    char file[SYMBOL_NAME_MAX]; /* path from the repository root; empty: unknown */
    uint32_t offset;            /* bytes from the symbol's start */
    uint32_t line;              /* 0 if unknown */
};

/**
 * @brief Find the symbol of a kernel text address.
 *
 * A return address is the address of the instruction AFTER the call. That may belong to the next
 * line, or, if the called function does not return, to the next function: look up pc - 1 and add 1
 * to the offset.
 * @param pc Address of any byte of an instruction.
 * @param out Untouched on failure.
 * @return false: not in the kernel's text, or no table.
 * @context{any, panic included}
 */
bool symbols_find(uintptr_t pc, struct symbol_info *out);

/** @brief Only the name, which is much faster. @param out Untouched on failure. @return false: as
 * symbols_find(). @context{any, panic included} */
bool symbols_find_name(uintptr_t pc, char *out, size_t len);

/** @brief Only the start of the function that contains pc, faster still. @return 0: pc is not in
 * the kernel's text, or there is no table. @context{any, panic included} */
uintptr_t symbols_find_function(uintptr_t pc);

/** @brief The same in any table. @context{any, panic included} Pure. */
bool symbols_find_in(const struct symbol_table *table, uintptr_t pc, struct symbol_info *out);

/** Names of code that is not the kernel's own. Const; none is optional;
 * both are safe in a panic. */
struct symbols_loaded_ops {
    /** Describe a code address, "symbol+0x12 (file:line)". @return false: it has no
     * owner that knows. */
    bool (*describe)(uintptr_t pc, char *buf, size_t len);
    /** Start of the function that contains this code address, 0 if unknown. */
    uintptr_t (*find_function)(uintptr_t pc);
};

/** @brief Install them, before loaded code exists. @context{any} */
void symbols_install_loaded(const struct symbols_loaded_ops *ops);

/** @brief Describe an address of loaded code.
 * @return false: unknown. @context{any, panic included} */
bool symbols_describe_loaded(uintptr_t pc, char *buf, size_t len);

/** @brief The function of loaded code that contains pc. @return 0: unknown.
 * @context{any, panic included} */
uintptr_t symbols_find_loaded(uintptr_t pc);
