// SPDX-License-Identifier: MIT
#include "kernel/cil/front/lines.h"

#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

#define PATH_BYTES 320

enum { NOT_READ, BUSY, NONE, THERE };

/* @return the state afterwards. */
static uint32_t read_symbols(struct cil_assembly *a)
{
    struct cil_domain *d = a->domain;
    const uint8_t *mvid = cil_image_mvid(&a->image);
    struct cil_bytes file;
    struct cil_error err;
    char path[PATH_BYTES];
    if (d->find_symbols == NULL || a->path == NULL || mvid == NULL ||
        fmt_print(path, sizeof path, "%s.mdb", a->path) >= sizeof path ||
        !d->find_symbols(a, path, &file)) {
        return NONE;
    }
    if (cil_symbols_open(path, file, mvid, &a->symbols, &err) == OK) {
        return THERE;
    }
    d->refuse_symbols(err.text);
    return NONE;
}

/* One thread reads the file. The others do not wait for it: the program may end meanwhile, and this
 * thread with it. */
static bool has_symbols(struct cil_assembly *a)
{
    uint32_t state = NOT_READ;
    if (__atomic_compare_exchange_n(&a->symbols_state, &state, BUSY, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_ACQUIRE)) {
        state = read_symbols(a);
        __atomic_store_n(&a->symbols_state, state, __ATOMIC_RELEASE);
    }
    return state == THERE;
}

bool cil_find_line(struct cil_assembly *a, uint32_t row, uint32_t offset, struct cil_line *out)
{
    return has_symbols(a) && cil_symbols_find(&a->symbols, row, offset, out);
}

void cil_read_symbols(struct cil_domain *d)
{
    for (struct cil_assembly *a = d->assemblies; a != NULL; a = a->next) {
        (void)has_symbols(a);
    }
}

bool cil_known_line(const struct cil_assembly *a, uint32_t row, uint32_t offset,
                    struct cil_line *out)
{
    return __atomic_load_n(&a->symbols_state, __ATOMIC_ACQUIRE) == THERE &&
           cil_symbols_find(&a->symbols, row, offset, out);
}

void cil_line_text(struct cil_assembly *a, uint32_t row, uint32_t offset, char out[CIL_PLACE_BYTES])
{
    const uint32_t room = CIL_PLACE_BYTES - 24; /* for the rest: " in ", ":", ten digits */
    struct cil_line line;
    out[0] = '\0';
    if (cil_find_line(a, row, offset, &line)) {
        uint32_t first = line.path.len - MIN(line.path.len, room);
        (void)fmt_print(out, CIL_PLACE_BYTES, " in %.*s:%u", (int)(line.path.len - first),
                        (const char *)line.path.at + first, line.line);
        str_make_printable(out);
    }
}
