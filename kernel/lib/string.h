// SPDX-License-Identifier: MIT
//
// Bytes and strings, freestanding. The compiler calls the first four by itself.
#pragma once

#include <stdbool.h>
#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);

size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);

/** @brief Copy a string, truncated to fit, always zero terminated. @param len bytes at dst, at
 *     least 1.
 * @return false if it was truncated. */
bool str_copy(char *dst, size_t len, const char *src);

/** @brief Replace control characters, and bytes that are not UTF-8, by '?'. For text from outside
 *     (file names, a device's serial number) that is shown to a person: it must not control the
 *     terminal. */
void str_make_printable(char *s);

/** @brief True if `s` starts with `prefix`. */
bool str_has_prefix(const char *s, const char *prefix);

/** @brief True if `s` contains `word`; every string contains the empty word. */
bool str_contains(const char *s, const char *word);

/** @brief Match a shell pattern: `*` any run, `?` one character, `|` separates alternatives. No
 *     recursion, no memory. */
bool str_matches(const char *pattern, const char *s);

/** @brief Parse decimal or 0x hexadecimal with an optional K, M, G, T suffix.
 *  @return false if it is not a number or does not fit; out is then untouched. */
bool str_to_u64(const char *s, unsigned long long *out);
