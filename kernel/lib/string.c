// SPDX-License-Identifier: MIT
//
// Bytes and strings, in plain C without vector registers. The compiler calls the first four for
// struct copies at any time, so they depend on nothing.
//
// A machine may have its own memcpy(), memmove() and memset() (arch/<machine>/string.S); then
// HALYARD_MACHINE_COPIES is set, except in kernels with an address sanitizer, whose checks
// are in these.

#include "kernel/lib/string.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/access_check.h"
#include "kernel/lib/unicode.h"

#include <stdint.h>

typedef uint64_t MAY_ALIAS word_t;

#define WORD       sizeof(word_t)
#define WORDS_STEP 8 /* words moved in one iteration of the long loops */

static ALWAYS_INLINE bool is_word_aligned(const void *p)
{
    return ((uintptr_t)p & (WORD - 1)) == 0;
}

/** True if both addresses reach a word boundary after the same number of bytes. */
static ALWAYS_INLINE bool is_aligned_alike(const void *a, const void *b)
{
    return (((uintptr_t)a ^ (uintptr_t)b) & (WORD - 1)) == 0;
}

#ifndef HALYARD_MACHINE_COPIES

/* Strictly ascending, byte by byte or word by word, so that memmove() may use it if dst is below
 * src. Words are moved only if both addresses are equally aligned. */
static void copy_up(uint8_t *d, const uint8_t *s, size_t n)
{
    if (n >= 2 * WORD && is_aligned_alike(d, s)) {
        for (; !is_word_aligned(d); n--) {
            *d++ = *s++;
        }
        word_t *dw = (word_t *)d;
        const word_t *sw = (const word_t *)s;
        for (; n >= WORDS_STEP * WORD; n -= WORDS_STEP * WORD) {
            dw[0] = sw[0];
            dw[1] = sw[1];
            dw[2] = sw[2];
            dw[3] = sw[3];
            dw[4] = sw[4];
            dw[5] = sw[5];
            dw[6] = sw[6];
            dw[7] = sw[7];
            dw += WORDS_STEP;
            sw += WORDS_STEP;
        }
        for (; n >= WORD; n -= WORD) {
            *dw++ = *sw++;
        }
        d = (uint8_t *)dw;
        s = (const uint8_t *)sw;
    }
    for (; n > 0; n--) {
        *d++ = *s++;
    }
}

/* The same from the end: strictly descending, for memmove() with dst above src. */
static void copy_down(uint8_t *d, const uint8_t *s, size_t n)
{
    d += n;
    s += n;
    if (n >= 2 * WORD && is_aligned_alike(d, s)) {
        for (; !is_word_aligned(d); n--) {
            *--d = *--s;
        }
        word_t *dw = (word_t *)d;
        const word_t *sw = (const word_t *)s;
        for (; n >= WORD; n -= WORD) {
            *--dw = *--sw;
        }
        d = (uint8_t *)dw;
        s = (const uint8_t *)sw;
    }
    for (; n > 0; n--) {
        *--d = *--s;
    }
}

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    ACCESS_CHECK(src, n, false);
    ACCESS_CHECK(dst, n, true);
    copy_up(dst, src, n);
    return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
    ACCESS_CHECK(src, n, false);
    ACCESS_CHECK(dst, n, true);
    if ((uintptr_t)dst - (uintptr_t)src >= n) { /* also true if dst is below src */
        copy_up(dst, src, n);
    } else {
        copy_down(dst, src, n);
    }
    return dst;
}

void *memset(void *dst, int byte, size_t n)
{
    uint8_t *d = dst;
    uint8_t b = (uint8_t)byte;
    ACCESS_CHECK(dst, n, true);
    if (n >= 2 * WORD) {
        for (; !is_word_aligned(d); n--) {
            *d++ = b;
        }
        word_t *dw = (word_t *)d;
        word_t w = b * UINT64_C(0x0101010101010101);
        for (; n >= WORDS_STEP * WORD; n -= WORDS_STEP * WORD) {
            dw[0] = w;
            dw[1] = w;
            dw[2] = w;
            dw[3] = w;
            dw[4] = w;
            dw[5] = w;
            dw[6] = w;
            dw[7] = w;
            dw += WORDS_STEP;
        }
        for (; n >= WORD; n -= WORD) {
            *dw++ = w;
        }
        d = (uint8_t *)dw;
    }
    for (; n > 0; n--) {
        *d++ = b;
    }
    return dst;
}

#endif

/* Words are only compared for equality, which does not depend on the byte order. The loop over
 * bytes then finds the first difference in a word that differs. */
int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *p = a, *q = b;
    if (is_aligned_alike(p, q)) {
        for (; n > 0 && !is_word_aligned(p) && *p == *q; n--) {
            p++;
            q++;
        }
        if (is_word_aligned(p)) {
            for (; n >= WORD && *(const word_t *)p == *(const word_t *)q; n -= WORD) {
                p += WORD;
                q += WORD;
            }
        }
    }
    for (; n > 0; n--, p++, q++) {
        if (*p != *q) {
            return *p < *q ? -1 : 1;
        }
    }
    return 0;
}

size_t strlen(const char *s)
{
    const char *p = s;
    while (*p != '\0') {
        p++;
    }
    return (size_t)(p - s);
}

/* Never reads more than `max` bytes, so it is safe for a field that is full and has no zero. */
size_t strnlen(const char *s, size_t max)
{
    size_t n = 0;
    while (n < max && s[n] != '\0') {
        n++;
    }
    return n;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

/* Bytes are compared without sign, as the C standard demands: a name with bytes above 127
 * sorts after plain ASCII. */
int strncmp(const char *a, const char *b, size_t n)
{
    for (; n > 0; n--, a++, b++) {
        if (*a != *b) {
            return (uint8_t)*a < (uint8_t)*b ? -1 : 1;
        }
        if (*a == '\0') {
            break;
        }
    }
    return 0;
}

/* The zero at the end is part of the string, so it can be searched for. */
char *strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c) {
            return (char *)(uintptr_t)s;
        }
        if (*s == '\0') {
            return NULL;
        }
    }
}

char *strrchr(const char *s, int c)
{
    char *last = NULL;
    for (;; s++) {
        if (*s == (char)c) {
            last = (char *)(uintptr_t)s;
        }
        if (*s == '\0') {
            return last;
        }
    }
}

/* strnlen() with the room as the limit: a source without an end is not read beyond
 * what could be copied. */
bool str_copy(char *dst, size_t len, const char *src)
{
    size_t n = strnlen(src, len);
    bool fits = n < len;
    if (!fits) {
        n = len - 1;
    }
    memcpy(dst, src, n);
    dst[n] = '\0';
    return fits;
}

/* For names from disks, devices and programs, which end up on a terminal or in a log: a control
 * character there could move the cursor or change the report around it. */
void str_make_printable(char *s)
{
    for (size_t n; *s != '\0'; s += n) {
        uint32_t c = (uint8_t)*s;
        n = c < 0x80 ? 1 : unicode_decode(s, UNICODE_BYTES_MAX, &c); /* reads nothing after the 0 */
        if (c < ' ' || c == 0x7f || (c > 0x7f && (n == 1 || c < 0xa0))) {
            *s = '?';
            n = 1;
        }
    }
}

bool str_has_prefix(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* Quadratic in the worst case; lines and patterns are short. */
bool str_contains(const char *s, const char *word)
{
    while (!str_has_prefix(s, word)) {
        if (*s++ == '\0') {
            return false;
        }
    }
    return true;
}

/** True if [p, end) matches all of s. On a mismatch, the last `*` takes one more character and
 * matching continues there; earlier ones need not be tried again, because the last one can match
 * whatever they could. */
static bool glob_matches(const char *p, const char *end, const char *s)
{
    const char *star = NULL, *star_s = NULL;
    while (*s != '\0') {
        if (p < end && *p == '*') {
            star = ++p;
            star_s = s;
        } else if (p < end && (*p == '?' || *p == *s)) {
            p++;
            s++;
        } else if (star != NULL) {
            p = star;
            s = ++star_s;
        } else {
            return false;
        }
    }
    while (p < end && *p == '*') {
        p++;
    }
    return p == end;
}

/* A pattern is one or more globs with `|` between them. */
bool str_matches(const char *pattern, const char *s)
{
    for (;;) {
        const char *bar = strchr(pattern, '|');
        const char *end = bar != NULL ? bar : pattern + strlen(pattern);
        if (glob_matches(pattern, end, s)) {
            return true;
        }
        if (bar == NULL) {
            return false;
        }
        pattern = bar + 1;
    }
}

/* Letters are values of 10 and more in either base. The caller compares with its base, so "12a" is
 * not a decimal number, and "12k" is one with a suffix. */
static int digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/** Binary shift of a size suffix, or -1. */
static int suffix_shift(char c)
{
    switch (c) {
    case 'k':
    case 'K':
        return 10;
    case 'm':
    case 'M':
        return 20;
    case 'g':
    case 'G':
        return 30;
    case 't':
    case 'T':
        return 40;
    default:
        return -1;
    }
}

/* Digits of the base, at least one, and possibly one suffix. Any other character, or a value above
 * 64 bits, makes the whole text invalid. */
bool str_to_u64(const char *s, unsigned long long *out)
{
    unsigned base = 10;
    if (s[0] == '0' && (s[1] | 0x20) == 'x') {
        base = 16;
        s += 2;
    }

    unsigned long long value = 0;
    const char *first = s;
    for (int d; (d = digit_value(*s)) >= 0 && (unsigned)d < base; s++) {
        if (MUL_OVERFLOWS(value, base, &value) || ADD_OVERFLOWS(value, (unsigned)d, &value)) {
            return false;
        }
    }
    if (s == first) {
        return false;
    }

    if (*s != '\0') {
        int shift = suffix_shift(*s);
        if (shift < 0 || s[1] != '\0' || MUL_OVERFLOWS(value, 1ull << shift, &value)) {
            return false;
        }
    }
    *out = value;
    return true;
}
