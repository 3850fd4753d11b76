// SPDX-License-Identifier: MIT
//
// Regular expressions for grep and ed: ^ $ . * and \ before a character. After the matcher by Rob
// Pike. The recursion is as deep as the pattern has characters.
#pragma once

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>

struct text {
    const char *at, *end;
};

static bool match_ignores_case;

static inline bool match_char(const char *pattern, char c)
{
    if (*pattern == '.') {
        return true;
    }
    char wanted = *pattern == '\\' && pattern[1] != '\0' ? pattern[1] : *pattern;
    return match_ignores_case ? tolower((unsigned char)wanted) == tolower((unsigned char)c)
                              : wanted == c;
}

/* True if the text begins with a match; *end is where the longest one for each star ends. */
static inline bool match_here(const char *pattern, struct text text, const char **end)
{
    for (;;) {
        if (*pattern == '\0' || (*pattern == '$' && pattern[1] == '\0')) {
            *end = text.at;
            return *pattern == '\0' || text.at == text.end;
        }
        size_t len = *pattern == '\\' && pattern[1] != '\0' ? 2 : 1;
        if (pattern[len] == '*') {
            const char *start = text.at;
            while (text.at < text.end && match_char(pattern, *text.at)) {
                text.at++;
            }
            while (!match_here(pattern + len + 1, text, end)) {
                if (text.at-- == start) {
                    return false;
                }
            }
            return true;
        }
        if (text.at == text.end || !match_char(pattern, *text.at)) {
            return false;
        }
        pattern += len;
        text.at++;
    }
}

/* The first match at or after text.at. `is_start`: a ^ matches at text.at. */
static inline bool match(const char *pattern, struct text text, bool is_start, struct text *found)
{
    bool is_anchored = *pattern == '^';
    if (is_anchored && !is_start) {
        return false;
    }
    for (; text.at <= text.end; text.at++) {
        found->at = text.at;
        if (match_here(pattern + is_anchored, text, &found->end)) {
            return true;
        }
        if (is_anchored) {
            return false;
        }
    }
    return false;
}
