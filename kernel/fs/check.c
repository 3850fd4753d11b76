// SPDX-License-Identifier: MIT
//
// Checking a file system without changing it: finds the one that is meant, mounted or not, and
// collects its faults. What a fault is, each file system decides.
#include "kernel/fs/fs_internal.h"

#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

#include <stdarg.h>

#define FAULT_MAX 160u

/* The text is kept, not printed: the caller may print to a file of the same file system, whose lock
 * is held now. */
void fs_check_fault(struct fs_check *c, const char *fmt, ...)
{
    char line[FAULT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)fmt_vprint(line, sizeof(line) - 1, fmt, args);
    va_end(args);
    str_make_printable(line);
    size_t len = strlen(line);
    c->faults++;
    if (c->shown == c->faults - 1 && len + 2 <= sizeof(c->text) - c->text_len) {
        memcpy(c->text + c->text_len, line, len);
        c->text_len += len;
        c->text[c->text_len++] = '\n';
        c->text[c->text_len] = '\0';
        c->shown++;
    }
}

enum status fs_check_run(struct fs *fs, struct fs_check *c)
{
    memset(c, 0, sizeof(*c));
    c->type = fs->type;
    return fs->ops->check == NULL ? E_NOTSUP : fs->ops->check(fs, c);
}
