// SPDX-License-Identifier: MIT
//
// The words for a status.

#include "kernel/lib/status.h"

#include "kernel/lib/compiler.h"

/* Indexed by the negated status. A new status of status.h needs a row here; status_text() covers a
 * missing one. */
static const char *const texts[] = {
    [-OK] = "ok",
    [-E_INVAL] = "invalid value",
    [-E_NOMEM] = "out of memory",
    [-E_NOENT] = "no such file or directory",
    [-E_EXIST] = "exists already",
    [-E_BUSY] = "in use",
    [-E_IO] = "input/output error",
    [-E_RANGE] = "past the end",
    [-E_NOTSUP] = "not supported",
    [-E_PERM] = "not permitted",
    [-E_NOTDIR] = "not a directory",
    [-E_ISDIR] = "is a directory",
    [-E_NAMETOOLONG] = "name too long",
    [-E_CORRUPT] = "corrupt data",
    [-E_TIMEDOUT] = "timed out",
    [-E_CANCELLED] = "cancelled",
    [-E_FORMAT] = "unknown format",
    [-E_MACHINE] = "made for another machine",
    [-E_UNRESOLVED] = "unresolved import",
    [-E_OVERFLOW] = "does not fit",
    [-E_NOSPC] = "no space left",
    [-E_ROFS] = "read-only file system",
    [-E_NODEV] = "no such device",
    [-E_AGAIN] = "nothing available yet",
    [-E_FAULT] = "bad address",
    [-E_NOTEMPTY] = "directory not empty",
    [-E_LOOP] = "too many symbolic links",
    [-E_XDEV] = "on different file systems",
    [-E_PIPE] = "no reader is left",
};

/* A status can come from a module that was built with a newer list, so a number without a
 * text is no error. */
const char *status_text(enum status s)
{
    unsigned i = 0u - (unsigned)s;
    if (i >= ARRAY_COUNT(texts) || texts[i] == NULL) {
        return "unknown status";
    }
    return texts[i];
}
