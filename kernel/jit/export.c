// SPDX-License-Identifier: MIT
//
// Looking up what loaded code imports. A hundred names: a scan costs less than the load around it.
#include "kernel/jit/export.h"

#include "kernel/jit/backend.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

/* What compilers call by themselves. */
static const struct export runtime_exports[] = {
    {"memcpy", EXPORT_NO_VERSION, jit_runtime_memcpy},
    {"memmove", EXPORT_NO_VERSION, jit_runtime_memmove},
    {"memset", EXPORT_NO_VERSION, jit_runtime_memset},
    {"memcmp", EXPORT_NO_VERSION, jit_runtime_memcmp},
    {NULL, 0, NULL},
};

static const struct export *const program_tables[] = {
    runtime_exports,
    hostcall_file_exports,
    hostcall_memory_exports,
    hostcall_print_exports,
    hostcall_thread_exports,
    hostcall_time_exports,
    NULL,
};

static const struct export *const driver_tables[] = {driver_exports, NULL};

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

static const struct export *find_name(const struct export *const *tables, const char *name,
                                      size_t len)
{
    for (; *tables != NULL; tables++) {
        for (const struct export *x = *tables; x->name != NULL; x++) {
            if (strncmp(x->name, name, len) == 0 && x->name[len] == 0) {
                return x;
            }
        }
    }
    return NULL;
}

enum export_result export_find(enum load_kind kind, const char *symbol, const struct export **found,
                               uint32_t *version)
{
    const char *mark = strrchr(symbol, '$');
    *version = EXPORT_NO_VERSION;
    size_t len = strlen(symbol);
    if (mark != NULL && parse_version(mark + 1, version)) {
        len = (size_t)(mark - symbol);
    }
    const struct export *x =
        find_name(kind == LOAD_DRIVER ? driver_tables : program_tables, symbol, len);
    if (x == NULL) {
        return EXPORT_ABSENT;
    }
    *found = x;
    return x->version == *version ? EXPORT_FOUND : EXPORT_OTHER_VERSION;
}
