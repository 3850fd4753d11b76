// SPDX-License-Identifier: MIT
//
// Words of a line, in place.
#include "kernel/lib/words.h"

#include "kernel/lib/status.h"

#include <stdbool.h>

/* Newlines count, because the text may be a file or a line of firmware with its end. */
static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Stops at the zero at the end, which is no blank. */
char *words_skip_blanks(char *p)
{
    while (is_blank(*p)) {
        p++;
    }
    return p;
}

/* Quotes group and are removed. Except in single quotes, a backslash makes the next character an
 * ordinary one. A quote that is never closed ends with the text. The result is never longer than
 * the input, so writing cannot overtake reading. */
char *words_cut(char *p, char **word)
{
    char *to = p;
    *word = p;
    char quote = '\0';
    for (; *p != '\0' && (quote != '\0' || !is_blank(*p)); p++) {
        if (quote == '\0' && (*p == '"' || *p == '\'')) {
            quote = *p;
        } else if (*p == quote) {
            quote = '\0';
        } else {
            if (*p == '\\' && quote != '\'' && p[1] != '\0') {
                p++;
            }
            *to++ = *p;
        }
    }
    char *next = *p == '\0' ? p : p + 1;
    *to = '\0';
    return next;
}

/* Too many words are an error and not cut off: a command would otherwise run with other arguments
 * than the user typed. */
int words_split(char *text, char **argv, int max)
{
    int argc = 0;
    for (char *p = words_skip_blanks(text); *p != '\0'; p = words_skip_blanks(p)) {
        if (argc == max) {
            return E_OVERFLOW;
        }
        p = words_cut(p, &argv[argc]);
        argc++;
    }
    return argc;
}
