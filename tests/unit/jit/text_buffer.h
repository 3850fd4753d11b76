// SPDX-License-Identifier: MIT
//
// A printer's sink that stores the text.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/** Zeroed: empty. */
struct buffer {
    size_t len;
    char text[65536]; /* a string */
};

/** @param ctx  A struct buffer. */
static inline void collect(void *ctx, const char *s, size_t len)
{
    struct buffer *b = ctx;
    assert_true(b->len + len < sizeof(b->text));
    memcpy(b->text + b->len, s, len);
    b->len += len;
    b->text[b->len] = '\0';
}
