// SPDX-License-Identifier: MIT
//
// Services for front-ends during a load: memory from
// the code pool, addresses of exports, error messages.
#include "kernel/jit/backend.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/load/native/export.h"
#include "kernel/load/native/module_internal.h"

/* Allocate the parts. The rest of the last code page is filled with an instruction that traps, so
 * that a wrong jump there is noticed. */
enum status load_allocate(struct load *load, const uint64_t size[LOAD_PART_COUNT])
{
    struct module *m = load->owner;
    size_t pages[LOAD_PART_COUNT];
    size_t total = 0;
    for (unsigned i = 0; i < LOAD_PART_COUNT; i++) {
        pages[i] = (size_t)(ALIGN_UP(size[i], (uint64_t)PAGE_SIZE) / PAGE_SIZE);
        total += pages[i];
    }
    if (total == 0) {
        return load_fail(load, E_CORRUPT, "it holds neither code nor data");
    }
    enum status s = codemem_alloc(&m->memory, pages, "module");
    if (s != OK) {
        return load_fail(load, s, "no code memory for %llu pages", (unsigned long long)total);
    }
    m->is_allocated = true;
    m->data_bytes = (size_t)(size[LOAD_RODATA] + size[LOAD_DATA]);
    for (unsigned i = 0; i < LOAD_PART_COUNT; i++) {
        load->part[i] =
            (struct load_memory){.bytes = codemem_writable(&m->memory, (enum load_part)i),
                                 .address = codemem_address(&m->memory, (enum load_part)i),
                                 .size = size[i]};
    }
    if (pages[LOAD_CODE] != 0) {
        memset(load->part[LOAD_CODE].bytes, load->backend->code_fill, pages[LOAD_CODE] * PAGE_SIZE);
    }
    return OK;
}

/* The messages tell the three cases apart: no such name, another version, and a name without a
 * version, which means that the header was not included. */
enum status load_import(struct load *load, const char *name, uint64_t *address)
{
    const struct export *found;
    uint32_t version;
    switch (export_find(load->kind, name, &found, &version)) {
    case EXPORT_FOUND:
        *address = (uintptr_t)found->address;
        return OK;
    case EXPORT_OTHER_VERSION:
        if (version == EXPORT_NO_VERSION) {
            return load_fail(load, E_UNRESOLVED,
                             "import %s names no version: the kernel has %u (%s)", found->name,
                             found->version,
                             load->kind == LOAD_DRIVER ? "use the flags in modules/cflags.MACHINE"
                                                       : "include halyard.h");
        }
        return load_fail(load, E_UNRESOLVED, "import %s version %u: the kernel has %u", found->name,
                         version, found->version);
    case EXPORT_ABSENT:
        break;
    }
    if (version == EXPORT_NO_VERSION) {
        return load_fail(load, E_UNRESOLVED, "import %s: no such symbol", name);
    }
    return load_fail(load, E_UNRESOLVED, "import %.*s version %u: no such symbol",
                     (int)(strrchr(name, '$') - name), name, version);
}

/* Only the first failure of a load is reported, since the front-end returns after it. */
enum status load_fail(struct load *load, enum status s, const char *fmt, ...)
{
    const struct module *m = load->owner;
    char *text = load->err->text;
    size_t room = sizeof(load->err->text);
    size_t used = fmt_print(text, room, "%s: ", m->name);

    va_list args;
    va_start(args, fmt);
    if (used < room) {
        fmt_vprint(text + used, room - used, fmt, args);
    }
    va_end(args);
    str_make_printable(text); /* names come from the file */
    return s;
}
