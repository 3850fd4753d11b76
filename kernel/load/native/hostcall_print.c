// SPDX-License-Identifier: MIT
//
// Formatted output for programs: integers and strings. Programs format floating-point numbers
// themselves (programs/sdk), because the kernel does not use floating point.
#include "kernel/load/native/native_internal.h"

#include "hal/types.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

#define CHUNK 256u

/** Text that is written to a file in chunks. */
struct output {
    struct file *file;
    size_t used;
    enum status status;
    char text[CHUNK];
};

/* A file may take fewer bytes than offered; one that
 * takes none without an error would loop for ever. */
static void flush(struct output *o)
{
    for (size_t at = 0; at < o->used && o->status == OK;) {
        size_t done = 0;
        o->status = file_write(o->file, o->text + at, o->used - at, &done);
        at += done;
        if (done == 0 && o->status == OK) {
            o->status = E_IO;
        }
    }
    o->used = 0;
}

static void put(void *ctx, const char *s, size_t len)
{
    struct output *o = ctx;
    while (len > 0) {
        size_t n = MIN(len, CHUNK - o->used);
        memcpy(o->text + o->used, s, n);
        o->used += n;
        s += n;
        len -= n;
        if (o->used == CHUNK) {
            flush(o);
        }
    }
}

/* Formats into a chunk on the stack and writes it when it is full: so the text may be of any
 * length, and a short one is a single write. */
static int64_t print(int fd, const char *fmt, va_list args)
{
    struct program *p = program_current();
    struct output o = {.status = OK};
    if (fd < 0 || fd >= PROGRAM_FILES_MAX || !hostcall_range_ok(fmt, 1, PROT_R)) {
        return E_INVAL;
    }
    mutex_lock(&p->lock);
    o.file = p->files[fd] == NULL ? NULL : file_ref(p->files[fd]);
    mutex_unlock(&p->lock);
    if (o.file == NULL) {
        return E_INVAL;
    }
    size_t len = fmt_vsink(put, &o, fmt, args);
    flush(&o);
    file_close(o.file);
    return o.status == OK ? (int64_t)len : o.status;
}

static int hy_printf(const char *fmt, ...)
{
    hostcall_enter();
    va_list args;
    va_start(args, fmt);
    int64_t result = print(1, fmt, args);
    va_end(args);
    return (int)hostcall_leave(result);
}

static int hy_dprintf(int fd, const char *fmt, ...)
{
    hostcall_enter();
    va_list args;
    va_start(args, fmt);
    int64_t result = print(fd, fmt, args);
    va_end(args);
    return (int)hostcall_leave(result);
}

/* Returns the length that the whole text would have, as C's does. */
static int hy_snprintf(char *buf, size_t len, const char *fmt, ...)
{
    hostcall_enter();
    if ((len != 0 && !hostcall_range_ok(buf, len, PROT_R | PROT_W)) ||
        !hostcall_range_ok(fmt, 1, PROT_R)) {
        return E_INVAL;
    }
    va_list args;
    va_start(args, fmt);
    size_t need = fmt_vprint(buf, len, fmt, args);
    va_end(args);
    return (int)need;
}

static const char *hy_status_text(int status)
{
    return status_text((enum status)status);
}

const struct export hostcall_print_exports[] = {
    {"hy_printf", 1, hy_printf},
    {"hy_dprintf", 1, hy_dprintf},
    {"hy_snprintf", 1, hy_snprintf},
    {"hy_status_text", 1, hy_status_text},
    {NULL, 0, NULL},
};
