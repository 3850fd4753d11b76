// SPDX-License-Identifier: MIT
//
// See values.h.
#include "tools/halyard-wasm/values.h"

#include "kernel/wasm/front/wasm.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Accepts signed and unsigned values: -2^(bits-1) to 2^bits - 1. */
static bool read_integer(const char *word, unsigned bits, uint64_t *cell)
{
    bool is_negative = word[0] == '-';
    const char *digits = word + (word[0] == '-' || word[0] == '+');
    if (!isdigit((unsigned char)digits[0])) {
        return false; /* strtoull() would accept blanks and a second sign */
    }
    char *end;
    bool is_hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    uint64_t all = UINT64_MAX >> (64 - bits), most = is_negative ? UINT64_C(1) << (bits - 1) : all;
    errno = 0;
    uint64_t magnitude = strtoull(digits, &end, is_hex ? 16 : 10);
    if (*end != '\0' || errno != 0 || magnitude > most) {
        return false;
    }
    *cell = (is_negative ? -magnitude : magnitude) & all;
    return true;
}

/* A value that is too large is an error. A value close to zero is not, although the C library
 * reports ERANGE for it, too: it is rounded to a denormal or to zero. */
static bool read_float(const char *word, unsigned type, uint64_t *cell)
{
    char *end;
    bool is_infinite;
    errno = 0;
    /* one rounding: a double rounded again could give another result */
    if (type == WASM_F32) {
        float f = strtof(word, &end);
        uint32_t bits;
        memcpy(&bits, &f, sizeof bits);
        *cell = bits;
        is_infinite = isinf(f);
    } else {
        double d = strtod(word, &end);
        memcpy(cell, &d, sizeof d);
        is_infinite = isinf(d);
    }
    return end != word && *end == '\0' && !isspace((unsigned char)word[0]) &&
           !(is_infinite && errno == ERANGE);
}

bool value_read(const char *word, unsigned type, uint64_t *cell)
{
    switch (type) {
    case WASM_I32:
        return read_integer(word, 32, cell);
    case WASM_I64:
        return read_integer(word, 64, cell);
    case WASM_F32:
    case WASM_F64:
        return read_float(word, type, cell);
    default:
        return false;
    }
}

unsigned value_print(const uint64_t *cells, unsigned type)
{
    uint32_t low = (uint32_t)cells[0];
    float f;
    double d;
    memcpy(&f, &low, sizeof f);
    memcpy(&d, cells, sizeof d);
    switch (type) {
    case WASM_I32:
        printf("%" PRId32 "\n", (int32_t)low);
        return 1;
    case WASM_I64:
        printf("%" PRId64 "\n", (int64_t)cells[0]);
        return 1;
    case WASM_F32:
        printf("%.9g\n", (double)f);
        return 1;
    case WASM_F64:
        printf("%.17g\n", d);
        return 1;
    case WASM_V128:
        printf("0x%016" PRIx64 "%016" PRIx64 "\n", cells[1], cells[0]);
        return 2;
    default: /* a reference */
        printf("0x%" PRIx64 "\n", cells[0]);
        return 1;
    }
}
