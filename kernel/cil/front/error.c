// SPDX-License-Identifier: MIT
//
// The wording of errors.
#include "kernel/cil/front/error.h"

#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

/* Names in a message come from the file: control characters could change the terminal, so they
 * become printable here, once for all messages. A text that is too long is cut off; fmt_print()
 * returns the length that it would have had. */
enum status cil_complain(struct cil_error *e, enum status s, const char *name, const char *fmt, ...)
{
    size_t n = fmt_print(e->text, sizeof e->text, "%s: ", name);
    va_list args;
    va_start(args, fmt);
    if (n < sizeof e->text) {
        (void)fmt_vprint(e->text + n, sizeof e->text - n, fmt, args);
    }
    va_end(args);
    str_make_printable(e->text);
    return s;
}
