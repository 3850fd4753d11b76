// SPDX-License-Identifier: MIT
//
// Looks up imports of loaded code: a program's in a few short tables, a driver's by binary search
// in one table of about a hundred names.
#include "kernel/load/native/export.h"

#include "kernel/jit/backend.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

/* Functions that compilers call on their own. */
static const struct export runtime_exports[] = {
    {"memcpy", EXPORT_NO_VERSION, jit_runtime_memcpy},
    {"memmove", EXPORT_NO_VERSION, jit_runtime_memmove},
    {"memset", EXPORT_NO_VERSION, jit_runtime_memset},
    {"memcmp", EXPORT_NO_VERSION, jit_runtime_memcmp},
    {NULL, 0, NULL},
};

/* Each file of host calls lists its own, so a call and its version stand in one place. */
static const struct export *const program_tables[] = {
    runtime_exports,         hostcall_file_exports,
    hostcall_memory_exports, hostcall_print_exports,
    hostcall_thread_exports, hostcall_terminal_exports,
    hostcall_time_exports,   NULL,
};

/* Digits only, no leading zero, below 2^32. */
static bool parse_version(const char *s, uint32_t *out)
{
    uint64_t v = 0;
    if (*s < '1' || *s > '9') {
        return false;
    }
    for (; *s >= '0' && *s <= '9' && v <= UINT32_MAX; s++) {
        v = v * 10 + (uint64_t)(*s - '0');
    }
    *out = (uint32_t)v;
    return *s == 0 && v <= UINT32_MAX;
}

/* Like strcmp() of an entry's name and the first `len` bytes of `name`. */
static int compare_name(const struct export *x, const char *name, size_t len)
{
    int c = strncmp(x->name, name, len);
    return c != 0 ? c : x->name[len] != 0;
}

/* The tables are short, and a program imports few names. */
static const struct export *find_for_program(const char *name, size_t len)
{
    for (const struct export *const *t = program_tables; *t != NULL; t++) {
        for (const struct export *x = *t; x->name != NULL; x++) {
            if (compare_name(x, name, len) == 0) {
                return x;
            }
        }
    }
    return NULL;
}

/* [I] */
static const struct export *driver_exports;
static uint32_t driver_export_count;

/* The table is installed, because the buses whose functions it lists are in
 * rooms above this one. */
void export_offer_to_drivers(const struct export *exports, uint32_t count)
{
    driver_exports = exports;
    driver_export_count = count;
}

/* driver_exports is sorted by name, which a test checks. */
static const struct export *find_for_driver(const char *name, size_t len)
{
    for (uint32_t from = 0, to = driver_export_count; from < to;) {
        uint32_t middle = from + (to - from) / 2;
        int c = compare_name(&driver_exports[middle], name, len);
        if (c == 0) {
            return &driver_exports[middle];
        }
        if (c < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return NULL;
}

/* A symbol is "name$version". The version is part of the name in the
 * object, so that a program compiled against an older header cannot
 * be linked to a function with other parameters by mistake. */
enum export_result export_find(enum load_kind kind, const char *symbol, const struct export **found,
                               uint32_t *version)
{
    const char *mark = strrchr(symbol, '$');
    *version = EXPORT_NO_VERSION;
    size_t len = strlen(symbol);
    if (mark != NULL && parse_version(mark + 1, version)) {
        len = (size_t)(mark - symbol);
    }
    const struct export *x = NULL; /* an extension imports nothing, because it is linked already */
    if (kind != LOAD_EXTENSION) {
        x = kind == LOAD_DRIVER ? find_for_driver(symbol, len) : find_for_program(symbol, len);
    }
    if (x == NULL) {
        return EXPORT_ABSENT;
    }
    *found = x;
    return x->version == *version ? EXPORT_FOUND : EXPORT_OTHER_VERSION;
}
